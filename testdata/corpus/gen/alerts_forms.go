package main

// A screen of a card host, printed: capitals, codes, several pairs on a line at fixed places, an authorisation log below.
func alertTerminalText() document {
	cols := []col{
		{head: "AUTH DT", field: "dt", share: 10},
		{head: "TIME", field: "tm", share: 10},
		{head: "MERCHANT", field: "merch", share: 24},
		{head: "MCC", field: "mcc", share: 6},
		{head: "CTY", field: "cty", share: 5},
		{head: "AMT GBP", field: "amt", share: 11, align: 'R'},
		{head: " RSP", field: "rsp", share: 5, align: 'R'},
	}
	return document{
		name: "alert-09-terminal-text", kind: "alert", title: "card_case", style: plain,
		locale: us("02Jan06", "02/01/06", "02.01.06"),
		fields: `
			case_no!      text
			opened        date
			queue         text
			pan_masked    text    | | Card number as shown
			card_exp      text
			card_sts      enum(A,B,L) | | A active, B blocked, L lost or stolen
			chn           enum(CP,CNP) | | CP card present, CNP not present
			cust_nm!      text
			cust_no       text
			dob           date
			mob           phone
			rule_id       text
			rule_txt      text
			score         integer
			amt_risk      amount  | | Sum at risk
			amt_loss      amount
			ccy           currency
			contacted     boolean
			cb_due        date    | | Last day for a chargeback
			analyst       text
			auths[]/dt    date
			auths[]/tm    text
			auths[]/merch text
			auths[]/mcc   text
			auths[]/cty   text
			auths[]/amt   amount
			auths[]/rsp   text    | | Response code`,
		text: `
CFM210   CARD FRAUD MANAGER            CASE DETAIL              PAGE 01 OF 01
-----------------------------------------------------------------------------
CASE NO  {case_no|0088417203}      OPENED  {opened|18FEB26}      QUEUE   {queue|CNP-HIGH}
PAN      {pan_masked|5413 33XX XXXX 9040}   EXP {card_exp|11/28}   STS {card_sts|B} BLOCKED   CHN {chn|CNP}
CUST NM  {cust_nm|HALLORAN ODHRAN P}       CUST NO {cust_no|44-710-228}   DOB {dob|23SEP79}
MOB      {mob|+44 7700 900417}            HOME   NOT HELD
-----------------------------------------------------------------------------
RULE     {rule_id|R4471}  {rule_txt|VELOCITY 3 IN 10 MIN NEW MERCHANT}      SCORE  {score|0931|931}
AT RISK  {amt_risk|1,346.97} {ccy|GBP}      LOSS   {amt_loss|418.99} GBP      CTCT {contacted|N|false}
CB LAST DAY {cb_due|18JUN26}          ANALYST {analyst|MBRENNAN}
-----------------------------------------------------------------------------
` + textTable("auths", cols, [][]string{
			{"18.02.26", "04:11:09", "VOLTPLAY DIGITAL", "5816", "EE", "418.99", "00"},
			{"18.02.26", "04:13:52", "VOLTPLAY DIGITAL", "5816", "EE", "418.99", "59"},
			{"18.02.26", "04:17:30", "SNEAKERVAULT.EXAMPLE", "5661", "NL", "508.99", "59"},
		}) + `
PF3=EXIT  PF5=NOTES  PF7=BACK  PF8=FWD
`,
	}
}

// A report of suspicion as an authority's form: numbered fields with leaders of dots, boxes to tick, a narrative.
func alertNumberedForm() document {
	return document{
		name: "alert-10-numbered-form", kind: "alert", title: "SuspicionReport", style: nullable,
		locale: eu("2 January 2006", "02-01-2006"),
		fields: `
			report_no!                    text    | Number of the report
			filed_on                      date    | Day of filing
			institution!                  text    | Reporting institution
			reporting_officer             text    | Reporting officer
			officer_phone                 phone
			subject/holder!               text    | Account holder
			subject/legal_form            enum(natural_person,company,trust) | Legal form
			subject/registered_no         text    | Number in the register of companies
			subject/seat                  text    | Seat | Whole address
			subject/director              text    | Director
			subject/director_born         date    | Date of birth of the director
			account                       iban    | Account
			opened_on                     date    | Day on which the account was opened
			period_from                   date    | First day of the activity
			period_to                     date    | Last day of the activity
			turnover                      amount  | Turnover in the period
			currency                      currency
			transactions                  integer | Number of transactions
			grounds[]                     list    | Grounds of suspicion
			frozen                        boolean | Funds are frozen
			frozen_amount                 amount
			earlier_report                text    | Number of an earlier report
			passport_no                   text`,
		theme:  theme{family: "Times", size: 10.5, accent: [3]int{0, 0, 0}, margin: 60},
		header: []block{lines(font{size: 8, align: 'R'}, "Number {report_no|ST-2026-03318}"), gap(6)},
		footer: []block{pageNumber(font{size: 8, align: 'C'}, "Sheet %d of 2")},
		body: []block{
			lines(font{bold: true, size: 13, align: 'C'}, "REPORT OF A SUSPICIOUS TRANSACTION"),
			lines(font{align: 'C'}, "Form ST-4, to be filled in capitals or by machine"),
			gap(8),
			columns(0.5, stack(lines(font{}, "Number {report_no|ST-2026-03318}")), stack(lines(font{align: 'R'}, "Filed {filed_on|19-02-2026}"))),
			capitals("PART A - WHO REPORTS"),
			leaders(210, "1. Institution", "{institution|Banque du Kirchberg S.A.}", "2. Officer in charge", "{reporting_officer|Anouk Reding}", "3. Telephone", "{officer_phone|+352 55 50 17}"),
			capitals("PART B - ABOUT WHOM"),
			leaders(210, "4. Account holder", "{subject/holder|Meridian Yacht Charter S.à r.l.}", "5. Natural person, company or trust", "{subject/legal_form|company}",
				"6. Number in the register", "{subject/registered_no|B 281.447}", "7. Seat", "{subject/seat|14, rue des Tanneurs, L-2610 Luxembourg}",
				"8. Director", "{subject/director|Casimir Dworak}", "9. Born on", "{subject/director_born|02-11-1968}", "10. Identity paper", "none on file"),
			nextPage(),
			capitals("PART C - WHAT HAPPENED"),
			leaders(210, "11. Account", "{account|LU28 0019 4006 4475 0000}", "12. Opened", "{opened_on|08-09-2025}", "13. Period", "{period_from|02-01-2026} to {period_to|13-02-2026}",
				"14. Turnover", "{currency|EUR} {turnover|1.874.300,00}", "15. Transactions", "{transactions|27}", "16. Funds frozen", "{frozen|[X] yes  [ ] no|true}", "17. Sum frozen", "EUR {frozen_amount|212.640,55}", "18. Earlier report", "-"),
			lines(font{}, "19. Grounds"),
			bullets("-", "{grounds/+|Turnover far above the business plan}", "{grounds/+|Payers without a link to the business}", "{grounds/+|Money leaves within a day}"),
			lines(font{}, "20. Narrative"),
			para(font{}, "Since January the account has received payments from eleven persons in four countries. The holder stated on 27-01-2026 that they are deposits for charters; no charter contract was shown. EUR 96.000,00 went to a dealer in watches."),
		},
	}
}

// An insurer's referral of a claim: a header of pairs, a card for each indicator and each person, a sum in the margin.
func alertClaimCards() document {
	person := func(i, role, name, born, note string) block {
		p := "people/" + i + "/"
		return boxed(lines(font{bold: true}, "{"+p+"role|"+role+"}"), lines(font{}, "{"+p+"name|"+name+"}", "born {"+p+"born|"+born+"}"), lines(font{gray: true}, note))
	}
	return document{
		name: "alert-11-claim-cards", kind: "alert", title: "ClaimReferral", style: pydantic,
		locale: us("2 Jan 2006", "Mon, 2 Jan 2006"),
		fields: `
			referralId!          text
			claimNo!             text
			policyNo             text
			line                 enum(motor,home,travel,liability)
			lossDate             date
			reportedDate         date
			referredDate         date
			place                text    | | Where the loss happened
			claimed              amount
			reserve              amount
			paidSoFar            amount
			currency             currency
			points               integer | | Sum of the indicators' points
			urgency              enum(routine,urgent)
			indicators[]/code    text
			indicators[]/text    text
			indicators[]/points  integer
			people[]/role        text
			people[]/name        text
			people[]/born        date
			vehicle/plate        text
			vehicle/mileageKm    integer
			handler              text
			handlerMail          email
			policeReport         text    | | Number of the police report
			witnesses            boolean | | Whether there are witnesses`,
		theme: theme{family: "Helvetica", size: 9.5, accent: [3]int{170, 70, 0}, margin: 48},
		body: []block{
			columns(0.68,
				stack(lines(font{size: 8, gray: true}, "Hafenstadt Versicherung - special investigations"), lines(font{size: 17, bold: true}, "Referral {referralId|SI-26-0419}"),
					lines(font{}, "Claim {claimNo|M 4471 882/1}  on policy {policyNo|KH-220.119.04}")),
				stack(boxed(lines(font{size: 8, align: 'C'}, "POINTS"), lines(font{size: 20, bold: true, align: 'C'}, "{points|65}"), lines(font{size: 8, align: 'C'}, "{urgency|URGENT}")))),
			gap(6),
			strip([]float64{0.25, 0.25, 0.25, 0.25}, "Class", "{line|Motor}", "Happened", "{lossDate|Sat, 24 Jan 2026}", "Notified", "{reportedDate|Mon, 2 Feb 2026}", "Referred", "{referredDate|Wed, 11 Feb 2026}",
				"Asked for", "{currency|€|EUR} {claimed|18,740}", "Reserved", "€ {reserve|12,000}", "Paid out", "€ {paidSoFar|0}", "Plate", "{vehicle/plate|HST-KR 441}",
				"Odometer", "{vehicle/mileageKm|148,220 km}", "Where", "{place|B 105 near Sundholm}", "Police file", "not taken", "Witnesses", "{witnesses|none|false}"),
			capitals("INDICATORS"),
			boxed(spread(font{}, []float64{0.16, 0.68, 0.16}, "{indicators/0/code|T-02}", "{indicators/0/text|Reported more than a week after the loss}", "{indicators/0/points|20} pts")),
			boxed(spread(font{}, []float64{0.16, 0.68, 0.16}, "{indicators/1/code|P-11}", "{indicators/1/text|Policy taken out 19 days before}", "{indicators/1/points|30} pts")),
			boxed(spread(font{}, []float64{0.16, 0.68, 0.16}, "{indicators/2/code|D-07}", "{indicators/2/text|Damage does not match the story}", "{indicators/2/points|15} pts")),
			capitals("PEOPLE"),
			columns(0.5, stack(person("0", "Policyholder", "Kilian Rosenow", "4 Mar 1997", "no earlier claims")), stack(person("1", "Other driver", "Swantje Ohlrogge", "30 Aug 1995", "two claims in 2025"))),
			gap(8),
			para(font{}, "Handled by {handler|Gesine Wulff}, {handlerMail|g.wulff@hafenstadt.example}. Please answer within ten working days."),
		},
	}
}
