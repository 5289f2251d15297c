package main

// An acquirer's letter about a disputed payment: facts in right-aligned labels, a term to answer, two sums that differ.
func alertChargeback() document {
	return document{
		name: "alert-12-chargeback", kind: "alert", title: "DisputeNotice", style: plain,
		locale: us("January 2, 2006", "01/02/06"),
		fields: `
			caseId!             text
			noticeDate          date
			respondBy!          date    | | Last day to send evidence
			mid                 text    | | Merchant ID
			merchant            text
			arn                 text    | | Acquirer reference number
			network             enum(visa,mastercard,amex,discover)
			reasonCode          text
			reasonText          text
			stage               enum(retrieval,first_chargeback,pre_arbitration,arbitration)
			cardTail            text
			saleDate            date
			saleAmount          amount
			disputedAmount!     amount
			fee                 amount  | | Fee of this dispute
			currency            currency
			authCode            text
			avsMatch            boolean | | Whether the address check matched
			threeDSecure        boolean
			evidence[]          list    | | Papers that are asked for
			priorDisputes       integer | | Disputes in the last twelve months
			ratio               number  | | Share of disputes in percent
			fax                 phone
			mail                email
			refundDate          date`,
		theme: usSerif(),
		body: []block{
			lines(font{size: 9}, "Ironbridge Merchant Services", "PO Box 7712, Sioux Falls, SD 57101"),
			gap(12),
			lines(font{}, "{noticeDate|February 25, 2026}"),
			gap(10),
			stanza(font{}, "{merchant|Wickerwood Outdoor Furniture}\n520 Planer Avenue\nHickory, NC 28601"),
			gap(12),
			lines(font{bold: true}, "NOTICE OF DISPUTE - ANSWER NO LATER THAN {respondBy|March 17, 2026}"),
			gap(6),
			para(font{}, "A cardholder has disputed a payment that you took. This is a {stage|first chargeback}. We have taken the disputed sum and our fee of {fee|$25.00} from your account today."),
			flush(150, "Case", "{caseId|CB-5590-2217}", "Merchant ID", "{mid|4400 8817 203}", "Acquirer reference", "{arn|24692166041100882177403}", "Network", "{network|Visa}",
				"Reason", "{reasonCode|13.3} / {reasonText|Not as described}", "Card", "ending {cardTail|7719}", "Sale", "{saleDate|01/19/26}, {currency|$|USD}{saleAmount|1,284.00}", "Authorization", "{authCode|07741C}",
				"In dispute", "{disputedAmount|$642.00}", "Address check", "{avsMatch|match|true}", "3-D Secure", "{threeDSecure|not used|false}"),
			para(font{}, "If you wish to contest it, send us:"),
			bullets("o", "{evidence/+|the signed order}", "{evidence/+|proof of delivery}", "{evidence/+|photographs of the goods}"),
			para(font{}, "by fax to {fax|605-555-0144} or by mail to {mail|disputes@ironbridge.example}. If we hear nothing the case is closed against you. You have had {priorDisputes|4} disputes in twelve months, {ratio|0.31 %} of your sales."),
		},
	}
}

// A listing of a core banking system with borders of signs: pairs in a bordered table, movements in another, signs of debit and credit behind the sums.
func alertBordersText() document {
	pairs, moves := []int{14, 21, 13, 16}, []int{9, 24, 12, -15}
	return document{
		name: "alert-13-borders-text", kind: "alert", title: "DormantAlert", style: nullable,
		locale: us("20060102", "02-Jan-2006"),
		fields: `
			alert_ref!          text
			run_date            date    | Day of the run
			scenario            text
			branch              text    | Branch | Code and name
			acct_no!            text
			acct_title          text    | Title of the account
			holder_cif          text    | CIF of the holder
			dormant_since       date
			reactivated_on      date
			reactivated_by      text    | User who woke the account
			mobile_changed      boolean | The mobile number was changed before
			bal_before          amount
			bal_after           amount
			ccy                 currency
			severity            enum(1,2,3) | 1 is the highest
			disposition         enum(open,true_positive,false_positive)
			txns[]/vdate        date
			txns[]/narr         text
			txns[]/ref          text
			txns[]/dr_cr        enum(DR,CR)
			txns[]/amt          amount
			freeze_code         text
			nominee             text`,
		text: `
+=============================================================================+
|  SAHYADRI COOPERATIVE BANK       EXCEPTION LISTING        RUN {run_date|20260219}      |
+=============================================================================+
` +
			bordered(pairs, "Alert ref", "{alert_ref|EXC/0219/00071}", "Severity", "{severity|1}") +
			bordered(pairs, "Scenario", "{scenario|Dormant account woken}", "Disposition", "{disposition|Open}") +
			bordered(pairs, "Branch", "{branch|0417 Satara Road}", "Holder CIF", "{holder_cif|1180 44 207}") +
			"+----------------+-----------------------+---------------+------------------+\n" +
			bordered(pairs, "Account", "{acct_no|041710100088213}", "Title", "{acct_title|DESHMUKH V R}") +
			bordered(pairs, "Dormant since", "{dormant_since|11-Apr-2021}", "Woken on", "{reactivated_on|16-Feb-2026}") +
			bordered(pairs, "Woken by", "{reactivated_by|TELLER07}", "Mobile change", "{mobile_changed|12-Feb-2026|true}") +
			"+----------------+-----------------------+---------------+------------------+\n" +
			bordered(pairs, "Balance before", "{ccy|INR} {bal_before|8,41,770.00}", "Balance after", "{bal_after|11,770.00}") +
			bordered(pairs, "Freeze code", "", "Nominee", "") +
			"+----------------+-----------------------+---------------+------------------+\n" +
			"\n+-----------+--------------------------+--------------+-----------------+\n" +
			bordered(moves, "Val date", "Narration", "Reference", "Amount") +
			"+-----------+--------------------------+--------------+-----------------+\n" +
			bordered(moves, "{txns/0/vdate|20260216}", "{txns/0/narr|Transfer to self}", "{txns/0/ref|UT8810042}", "{txns/0/amt|5,00,000.00} {txns/0/dr_cr|DR}") +
			bordered(moves, "{txns/1/vdate|20260217}", "{txns/1/narr|Cash, branch 0431}", "{txns/1/ref|CW0431-118}", "{txns/1/amt|1,90,000.00} {txns/1/dr_cr|DR}") +
			bordered(moves, "{txns/2/vdate|20260217}", "{txns/2/narr|Reversal of charges}", "{txns/2/ref|RV0417-002}", "{txns/2/amt|240.00} {txns/2/dr_cr|CR}") +
			bordered(moves, "{txns/3/vdate|20260218}", "{txns/3/narr|Transfer to V R Deshmukh}", "{txns/3/ref|UT8810977}", "{txns/3/amt|1,40,240.00} {txns/3/dr_cr|DR}") +
			"+-----------+--------------------------+--------------+-----------------+\n" + `                                       END OF LISTING, 1 EXCEPTION
`,
	}
}

// The log of a case on one account: values before their labels at the top, entries by time with their authors, the outcome in the last lines.
func alertCaseLogText() document {
	return document{
		name: "alert-14-case-log-text", kind: "alert", title: "MuleCase", style: pydantic,
		locale: us("2006-01-02 15:04 -0700", "2006-01-02"),
		fields: `
			caseKey!           text
			summary            text
			priority           enum(P1,P2,P3,P4)
			openedAt           datetime
			closedAt           datetime
			subjectName        text
			subjectAge         integer
			account            text
			sortCode           text
			inflow             amount  | | Sum received
			outflow            amount  | | Sum passed on
			kept               amount  | | What was left and secured
			currency           currency
			events[]/at        datetime
			events[]/author    text
			events[]/entry     text
			outcome            enum(mule_confirmed,victim,no_action)
			accountClosed      boolean
			reportedToPolice   boolean
			crimeRef           text
			linkedCases[]      list
			lossToBank         amount`,
		text: `
{caseKey|MUL-40417}  (key)
{priority|P2}         (priority)
{summary|Student account receives funds of three scams}  (summary)
{linkedCases/+|MUL-40398}, {linkedCases/+|APP-11872}  (linked)

subject   {subjectName|Jonty Erskine}, {subjectAge|19}, sort code {sortCode|20-44-81}, account {account|5517 0283}
money     in {inflow|{currency|£|GBP}9,480.00} / out £{outflow|8,900.00} / secured £{kept|580.00}

{openedAt|{events/0/at|2026-02-03 08:52 +0000}}  {events/0/author|system}
    {events/0/entry|Three first-time payers within four hours}
{events/1/at|2026-02-03 09:30 +0000}  {events/1/author|p.ahearne}
    {events/1/entry|Outgoing payments stopped}
{events/2/at|2026-02-04 14:11 +0000}  {events/2/author|p.ahearne}
    {events/2/entry|Customer says that a friend asked for his card}
{events/3/at|2026-02-06 10:05 +0000}  {events/3/author|s.varga}
    {events/3/entry|Sender banks told, 580.00 returned}
{closedAt|{events/4/at|2026-02-11 16:40 +0000}}  {events/4/author|s.varga}
    {events/4/entry|Case closed}

verdict: {outcome|mule confirmed}
{accountClosed|account closed with 60 days' notice|true}; {reportedToPolice|police told|true} under {crimeRef|CR/2026/11804}
`,
	}
}
