package main

// A lease of business premises in running text: every party and term is defined in brackets, numbers are also spelled out.
func contractDefinitions() document {
	return document{
		name: "contract-09-definitions", kind: "contract", title: "CommercialLease", style: pydantic,
		locale: us("2 January 2006", "2rd day of January 2006", "2th day of January, 2006"),
		fields: `
			title!               text
			dated                date    | | Day of the contract
			landlord             text
			landlordRegNo        text    | | Company number of the landlord
			tenant               text
			guarantor            text
			premises             text    | | Address of the premises
			areaSqFt             integer
			permittedUse         text
			termYears            integer
			commencement         date
			expiry               date
			rentPerYear          amount
			currency             currency
			rentFreeMonths       integer
			rentReview           date    | | Day of the next review of the rent
			depositAmount        amount
			serviceChargeCap     amount
			interestAboveBase    number  | | Percent above the base rate on late payments
			breakOption          boolean | | Whether the tenant may end the lease early
			breakNoticeMonths    integer
			sublettingAllowed    boolean
			governingLaw         text
			stampDuty            amount`,
		theme: theme{family: "Times", size: 11, accent: [3]int{0, 0, 0}, margin: 70},
		body: []block{
			lines(font{size: 14, bold: true, align: 'C'}, "{title|LEASE OF BUSINESS PREMISES}"),
			gap(10),
			para(font{}, "THIS LEASE is made on the {dated|23rd day of February 2026} BETWEEN"),
			para(font{}, "(1) {landlord|Saltergate Estates Limited}, registered in England under number {landlordRegNo|09441728}, of 2 Chantry Court, York (the \"Landlord\"); and"),
			para(font{}, "(2) {tenant|Plover & Finch Bakers LLP} of 19 Low Petergate, York (the \"Tenant\")."),
			capitals("1. DEFINITIONS"),
			para(font{}, "\"Premises\" means {premises|the ground floor and basement of 44 Coppergate, York YO1 9XX}, {areaSqFt|1,860 square feet} in all."),
			para(font{}, "\"Term\" means {termYears|ten (10) years|10} beginning on {commencement|25 March 2026} (the \"Commencement Date\") and ending on {expiry|24 March 2036}."),
			para(font{}, "\"Rent\" means thirty-eight thousand five hundred pounds ({currency|£|GBP}{rentPerYear|38,500}) a year, and after the {rentReview|25th day of March, 2031} (the \"Review Date\") the sum found under the Schedule."),
			para(font{}, "\"Permitted Use\" means {permittedUse|a bakery with a café}, and nothing else without consent."),
			para(font{}, "\"Deposit\" means {depositAmount|£9,625}, held by the Landlord in a separate account."),
			capitals("2. PAYMENT"),
			para(font{}, "The Tenant pays the Rent in four equal parts on the usual quarter days. No Rent is payable for the first {rentFreeMonths|three (3) months|3} of the Term. Sums that are more than seven days late carry interest at {interestAboveBase|4 per cent} above the base rate. The Tenant's share of the services does not exceed {serviceChargeCap|£6,200} in any year."),
			capitals("3. ENDING THE TERM EARLY"),
			para(font{}, "{breakOption|The Tenant may end this Lease at the end of the fifth year|true} by a notice of not less than {breakNoticeMonths|six (6) months|6}."),
			capitals("4. REPAIR AND INSURANCE"),
			para(font{}, "The Tenant keeps the Premises in good repair and paints the inside in every fifth year. The Landlord insures the Building for £1,150,000 and shows the policy on request. The Tenant leaves the Premises clean and empty, with the signs taken down and all keys returned, when the Term ends. Nothing in this clause obliges the Tenant to mend what the Landlord's insurance pays for."),
			nextPage(),
			capitals("5. DEALINGS"),
			para(font{}, "{sublettingAllowed|The Tenant shall not sublet the whole or any part|false} of the Premises, nor share them with others."),
			capitals("6. LAW"),
			para(font{}, "This Lease is governed by the law of {governingLaw|England and Wales}."),
			capitals("SCHEDULE - REVIEW OF THE RENT"),
			para(font{}, "On the Review Date the Rent becomes the rent at which the Premises might be let in the open market, but not less than the Rent before it. If the parties do not agree within eight weeks, a surveyor named by both decides, at a fee of not more than £2,400 that they share."),
		},
	}
}

// The summary of a telecom contract: headings are questions, answers stand below; prices in a table with two columns of prices.
func contractQuestions() document {
	cols := []col{
		{head: "What you pay", field: "item", share: 0.5},
		{head: "First 12 months", field: "first", share: 0.25, align: 'R'},
		{head: "After that", field: "later", share: 0.25, align: 'R'},
	}
	return document{
		name: "contract-10-questions", kind: "contract", title: "Contract summary", style: plain,
		locale: eu("2 Jan 2006"),
		fields: `
			provider!            text
			product              text
			contract_id          text
			subscriber           text
			service_address      text
			signed               date
			active_from          date
			min_term_months      integer
			notice_period        text
			speed/down_max       number  | | Mbit/s
			speed/up_max         number  | | Mbit/s
			speed/down_normal    number  | | Mbit/s, normally available
			prices[]/item        text
			prices[]/first       amount  | | In the first twelve months
			prices[]/later       amount
			setup_fee            amount
			ccy                  currency
			exit_fee             amount  | | Compensation for leaving early
			auto_renew           boolean
			router_owned         boolean | | Whether the router belongs to the subscriber
			helpline             phone
			complaints_url       url
			static_ip            boolean
			tv_package           text`,
		theme: theme{family: "Helvetica", size: 10, accent: [3]int{200, 20, 90}, margin: 54},
		body: []block{
			lines(font{size: 20, bold: true, accent: true}, "Contract summary"),
			lines(font{gray: true}, "{provider|Fennica Kuitu Oy}  /  {product|Koti Fibre 500}  /  {contract_id|FK-26-118 302}"),
			gap(8),
			heading("Who is it for?"),
			para(font{}, "{subscriber|Aino Kettunen}. The connection is at {service_address|Satamakatu 8 B 12, 33200 Tampere}."),
			heading("What do you get?"),
			para(font{}, "Internet over fibre: up to {speed/down_max|500 Mbit/s} down and {speed/up_max|100 Mbit/s} up; normally {speed/down_normal|430 Mbit/s} down. A router is lent to you for the time of the contract and {router_owned|stays our property|false}."),
			heading("How much does it cost?"),
			ledger(look{frame: true}, "prices", cols, [][]string{
				{"Internet, each month", "29,90", "44,90"},
				{"Fixed number, each month", "0,00", "4,50"},
			}),
			para(font{}, "Opening the line costs {ccy|EUR} {setup_fee|49,00} once. All prices with tax."),
			heading("How long does it last?"),
			para(font{}, "You signed on {signed|11 Feb 2026}. The service starts on {active_from|2 Mar 2026} and runs for at least {min_term_months|24 months}. After that {auto_renew|it goes on|true} until you end it, with a notice of {notice_period|14 days}."),
			heading("What if you leave earlier?"),
			para(font{}, "You pay EUR {exit_fee|120,00} and send the router back within 30 days."),
			heading("Whom do you call?"),
			para(font{}, "Help is at {helpline|+358 800 555 014}. Complaints: {complaints_url|https://fennica.example/complaints}"),
		},
	}
}

// A law firm's letter of engagement: capitals underlined with signs, rates in a list with dashes, terms in sentences.
func contractEngagementText() document {
	return document{
		name: "contract-11-engagement-text", kind: "contract", title: "Engagement letter", style: nullable,
		locale: us("January 2, 2006"),
		fields: `
			firm!                 text    | Law firm
			client!               text    | Client
			letter_date           date    | Date of the letter
			matter                text    | What the firm is hired for
			matter_no             text    | File number
			responsible_lawyer    text    | Lawyer in charge
			rates[]/who           text
			rates[]/per_hour      amount
			retainer              amount  | Advance on fees
			retainer_due          date
			fee_cap               amount  | Highest fee without further consent
			currency              currency
			billing_cycle         enum(weekly,monthly,quarterly) | Billing cycle
			payment_days          integer | Days to pay a bill
			late_interest         number  | Interest on late bills in percent a month
			contingency_fee       boolean | The firm takes a share of the outcome
			file_retention_years  integer | Years for which the file is kept
			conflicts_cleared     boolean
			jurisdiction          text    | Courts for disputes
			countersigned_on      date`,
		text: `
                     {firm|AMBERLEY, STROUD & PELL, P.C.}
                        Counselors at Law
                 401 Granary Street, Burlington, VT 05401

{letter_date|February 9, 2026}

Our file: {matter_no|26-0174-RE}

{client|Maple Notch Cooperative, Inc.}
Attention: the Board

                         ENGAGEMENT LETTER
                         -----------------

Dear Board members,

you have asked us to represent you in {matter|the purchase of the creamery
building at 12 Depot Road}. This letter says on what terms we do so.

WHO DOES THE WORK
-----------------
{responsible_lawyer|Honora Stroud} is in charge. Our rates for one hour are

   - {rates/0/who|Shareholders} -- {currency|$|USD}{rates/0/per_hour|395}
   - {rates/1/who|Associates} -- ${rates/1/per_hour|260}
   - {rates/2/who|Paralegals} -- ${rates/2/per_hour|135}

FEES AND BILLS
--------------
We ask for an advance of {retainer|$7,500} by {retainer_due|February 27, 2026}. Our fees will
not exceed {fee_cap|$24,000} unless you agree in writing. We send bills {billing_cycle|monthly};
they are payable within {payment_days|20 days}, after which interest of {late_interest|1 percent} a month
runs. {contingency_fee|We take no share of the outcome|false}.

OTHER MATTERS
-------------
{conflicts_cleared|We have searched our records and found no conflict of interest|true}. We keep
your file for {file_retention_years|seven years|7} after the matter ends. Disputes go to
{jurisdiction|the courts of Chittenden County}.

Please sign the copy and return it.

For the firm: Honora Stroud            For the client: ______________
                                       Date:           ______________
`,
	}
}
