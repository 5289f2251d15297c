package main

// Held-out alerts and contracts.

func heldoutAlerts() []document {
	return []document{heldoutAlertCheck(), heldoutAlertMerchant(), heldoutAlertText()}
}

func heldoutContracts() []document {
	return []document{heldoutContractHire(), heldoutContractLicence(), heldoutContractText()}
}

// A check fraud referral: strips of labels over values, a narrative box.
func heldoutAlertCheck() document {
	return document{
		name: "held-alert-01-check", kind: "alert", title: "Check fraud referral", style: nullable,
		locale: us("Jan 2, 2006"),
		fields: `
			referral_number!     text    | Referral number
			opened_on            date    | Opened on
			check_number         text    | Check number
			check_date           date    | Date of the check
			face_amount!         amount  | Face amount
			altered_amount       amount  | Amount after the alteration
			currency             currency | Currency
			payee                text    | Payee
			drawer               text    | Account holder who drew the check
			drawer_account       text    | Account of the drawer
			presented_at         text    | Where it was presented
			fraud_type           enum(altered,counterfeit,forged_endorsement) | Type of fraud
			funds_recovered      boolean | Funds were recovered
			police_report        text    | Police report number
			investigator         text    | Investigator
			investigator_phone   phone   | Investigator's phone`,
		theme: theme{family: "Helvetica", size: 9.5, accent: [3]int{130, 30, 60}, margin: 48, letter: true},
		body: []block{
			lines(font{size: 17, bold: true}, "Check fraud referral"),
			lines(font{gray: true}, "Gannet Federal Credit Union - Loss Prevention"),
			gap(8),
			heldStrip("Referral", "{referral_number|LP-2026-0331}", "Opened", "{opened_on|Feb 6, 2026}", "Type of fraud", "{fraud_type|Altered}"),
			heldStrip("Check number", "{check_number|10482}", "Check date", "{check_date|Jan 23, 2026}", "Face amount", "{face_amount|{currency|$|USD}480.00}", "Altered to", "{altered_amount|$8,480.00}"),
			heldStrip("Payee", "{payee|Sable Creek Plumbing}", "Drawer", "{drawer|Rosamund Teague}", "Drawer account", "{drawer_account|3391-0047}"),
			sideRule(para(font{}, "The check was presented at {presented_at|the Juniper Road branch} and paid the same day. {funds_recovered|The funds have not been recovered|false}.")),
			heldLedger(120, "Investigator", "{investigator|Thaddeus Moreau}", "Direct line", "{investigator_phone|(360) 555-0128}", "Police report", "pending"),
		},
	}
}

// A merchant risk alert with monthly figures in a table and ratios in percent.
func heldoutAlertMerchant() document {
	cols := []col{
		{head: "Month", field: "month", share: 0.25},
		{head: "Sales", field: "sales", share: 0.25, align: 'R'},
		{head: "Chargebacks", field: "chargebacks", share: 0.25, align: 'R'},
		{head: "Ratio", field: "ratio", share: 0.25, align: 'R'},
	}
	return document{
		name: "held-alert-02-merchant", kind: "alert", title: "MerchantAlert", style: pydantic,
		locale: eu("02/01/2006"),
		fields: `
			notice!                 text   | | Number of the notice
			notice_date             date
			merchant                text
			merchant_id             text
			category_code           text   | | Merchant category code
			website                 url
			onboarded               date   | | Date on which the merchant was accepted
			months[]/month          text
			months[]/sales          amount
			months[]/chargebacks    integer
			months[]/ratio          number | | Chargeback ratio in percent
			reserve_percent         number | | Rolling reserve in percent
			payouts_held            boolean
			held_amount             amount
			currency                currency
			risk_level              enum(green,amber,red)
			terminated_on           date
			contact                 email`,
		theme: theme{family: "Helvetica", size: 10, accent: [3]int{190, 80, 0}, margin: 54},
		body: []block{
			columns(0.5, stack(lines(font{size: 18, bold: true, accent: true}, "Merchant risk notice"), lines(font{}, "No. {notice|MR/118/26} of {notice_date|03/02/2026}")),
				stack(below("Risk level", "{risk_level|Red}"))),
			grid(2, "Merchant", "{merchant|Fjordglow Supplements}", "MID", "{merchant_id|550017729}", "MCC", "{category_code|5499}", "Onboarded", "{onboarded|18/06/2025}"),
			lines(font{}, "Shop: {website|https://fjordglow.example}"),
			gap(6),
			table(look{bar: true}, "months", cols, [][]string{
				{"November", "41.220,00", "118", "1,9 %"}, {"December", "66.905,50", "342", "3,4 %"}, {"January", "22.410,75", "297", "6,1 %"},
			}),
			para(font{}, "{payouts_held|Payouts are on hold|true} since 30/01/2026; {currency|EUR} {held_amount|18.774,20} are held. A rolling reserve of {reserve_percent|15 %} applies."),
			lines(font{}, "Answer to {contact|merchant.risk@acquira.example}"),
		},
	}
}

// An insider trading alert as a text with numbered facts.
func heldoutAlertText() document {
	return document{
		name: "held-alert-03-numbered-text", kind: "alert", title: "SurveillanceAlert", style: plain,
		locale: us("02-Jan-2006"),
		fields: `
			alert!             text    | | Alert reference
			raised             date    | | Date on which the alert was raised
			trader             text
			desk               text
			instrument         text
			isin               text
			side               enum(buy,sell)
			shares             integer | | Number of shares
			trade_date         date
			average_price      amount
			profit             amount  | | Estimated profit
			currency           currency
			announcement_date  date
			employee           boolean | | The trader is an employee of the issuer
			cleared            boolean
			supervisor_email   email
			second_trader      text`,
		text: `
TRADE SURVEILLANCE / alert {alert|TS-90441} / raised {raised|12-Feb-2026}

(1) Trader ......... {trader|Ignatius Vole}, desk {desk|Nordic Small Caps}
(2) Instrument ..... {instrument|Tarnbeck Turbines plc}, ISIN {isin|GB00BTRN0041}
(3) Side ........... {side|Buy}
(4) Shares ......... {shares|65,000} at an average price of {currency|GBP} {average_price|3.18}
(5) Trade date ..... {trade_date|06-Feb-2026}
(6) Announcement ... {announcement_date|10-Feb-2026} (takeover offer at GBP 4.05)
(7) Profit ......... GBP {profit|56,550.00}, estimated
(8) {employee|Employee of the issuer: no|false}
(9) {cleared|Cleared before the trade: no|false}

Escalate to {supervisor_email|surveillance@estuarybrokers.example} by 16-Feb-2026.
`,
	}
}

// A vehicle hire agreement on two pages: boxes first, terms after, charges in a ledger.
func heldoutContractHire() document {
	return document{
		name: "held-contract-01-hire", kind: "contract", title: "Hire agreement", style: nullable,
		locale: us("2 Jan 2006"),
		fields: `
			agreement_number!     text    | Agreement number
			hirer!                text    | Hirer
			owner                 text    | Owner of the vehicle
			licence_number        text    | Driving licence number
			vehicle               text    | Vehicle
			registration          text    | Registration
			hire_start            date    | Start of hire
			hire_end              date    | End of hire
			daily_rate            amount  | Daily rate
			days                  integer | Days
			hire_charge           amount  | Hire charge
			damage_waiver         amount  | Damage waiver
			total!                amount  | Total
			currency              currency | Currency
			excess                amount  | Insurance excess
			mileage_limit         integer | Mileage limit a day
			additional_driver     text    | Additional driver
			smoking_permitted     boolean | Smoking in the vehicle is permitted
			abroad_permitted      boolean | Use abroad is permitted`,
		theme:  theme{family: "Helvetica", size: 10, accent: [3]int{40, 90, 40}, margin: 54},
		header: []block{lines(font{size: 8, gray: true, align: 'R'}, "{agreement_number|VH-30977} / terms"), gap(8)},
		body: []block{
			banner("VEHICLE HIRE AGREEMENT", "{agreement_number|VH-30977}"),
			columns(0.5,
				stack(boxed(below("Hirer", "{hirer|Lorcan Whitethorn}", "Driving licence", "{licence_number|WHITE 804156 L99}"))),
				stack(boxed(below("Vehicle", "{vehicle|Hadley Crew Van 2.0}", "Registration", "{registration|KX24 ZZZ}")))),
			heldStrip("Out", "{hire_start|20 Feb 2026}", "Back", "{hire_end|24 Feb 2026}", "Days", "{days|4}", "Daily rate", "{daily_rate|£62.00}"),
			heldLedger(300, "Hire charge", "{hire_charge|£248.00}", "Damage waiver", "{damage_waiver|£36.00}", "Total", "{total|{currency|£|GBP}284.00}"),
			para(font{}, "The vehicle is owned by {owner|Tidepool Van Rental Ltd} and stays its property."),
			func(s *sheet) { s.newPage() },
			heading("Terms"),
			para(font{}, "a) The hirer bears the first {excess|£750.00} of any damage."),
			para(font{}, "b) The charge covers {mileage_limit|150 miles} a day; each further mile costs £0.22."),
			para(font{}, "c) {smoking_permitted|Smoking in the vehicle is prohibited|false}. {abroad_permitted|Taking the vehicle abroad is permitted|true} with a letter from the owner."),
		},
	}
}

// A licence in running text, two columns of terms, royalty figures inside sentences.
func heldoutContractLicence() document {
	return document{
		name: "held-contract-02-licence", kind: "contract", title: "Licence", style: pydantic,
		locale: us("January 2, 2006"),
		fields: `
			licensor!             text
			licensee!             text
			signed                date   | | Date of the agreement
			work_title            text   | | Title of the licensed work
			territory             text
			royalty_percent       number | | Royalty in percent
			advance               amount
			currency              currency
			term_years            integer
			exclusive             boolean
			sublicensing_allowed  boolean
			statement_frequency   enum(monthly,quarterly,half_yearly,yearly)
			copies_for_licensor   integer | | Free copies for the licensor
			law                   text    | | Governing law
			reversion_date        date`,
		theme: theme{family: "Times", size: 11.5, accent: [3]int{50, 20, 20}, margin: 70},
		body: []block{
			lines(font{size: 16, italic: true, align: 'C'}, "Publishing licence"),
			gap(12),
			para(font{}, "Made on {signed|January 14, 2026} between {licensor|Araminta Hollis-Byrne}, author, and {licensee|Foxglove & Rye Publishers Ltd}, publisher, for the novel \"{work_title|The Salt Orchard}\"."),
			para(font{}, "The author grants {exclusive|an exclusive licence|true} for {territory|Ireland and the United Kingdom} for {term_years|seven years|7}. {sublicensing_allowed|The publisher may not sublicense|false} any right."),
			para(font{}, "The publisher pays an advance of {currency|GBP} {advance|7,500.00} and a royalty of {royalty_percent|9.5 %} of the published price, accounted {statement_frequency|half-yearly}. The author receives {copies_for_licensor|twelve free copies|12}."),
			para(font{}, "This licence is governed by the law of {law|England and Wales}."),
			gap(24),
			columns(0.5, stack(rule(), lines(font{italic: true}, "the author")), stack(rule(), lines(font{italic: true}, "the publisher"))),
		},
	}
}

// A maintenance contract as a text form with brackets around the values.
func heldoutContractText() document {
	return document{
		name: "held-contract-03-brackets-text", kind: "contract", title: "Maintenance contract", style: nullable,
		locale: eu("02.01.2006"),
		fields: `
			contract_id!         text    | Contract ID
			customer             text    | Customer
			contractor           text    | Contractor
			site_address         text    | Site address
			equipment            text    | Equipment
			begins               date    | Begin
			ends                 date    | End
			yearly_fee!          amount  | Yearly fee
			currency             currency | Currency
			visits_per_year      integer | Visits per year
			response_hours       integer | Response time in hours
			spare_parts_included boolean | Spare parts are included
			weekend_service      boolean | Weekend service
			cancellation_months  integer | Notice of cancellation in months
			hotline              phone   | Hotline
			price_index          text    | Price index
			late_fee             amount  | Late fee`,
		text: `
MAINTENANCE CONTRACT   [{contract_id|WV-0718}]

between   [{customer|Stadtbad Lindenau eG}]           (customer)
and       [{contractor|Aufzug Service Halloren GmbH}]   (contractor)

Equipment          [{equipment|Passenger lift, 630 kg, 4 stops}]
Site address       [{site_address|Badergasse 2, 06108 Halle}]
Begin              [{begins|01.03.2026}]
End                [{ends|28.02.2029}]
Yearly fee         [{yearly_fee|2.184,00}] [{currency|EUR}] plus VAT
Visits per year    [{visits_per_year|4}]
Response time      [{response_hours|6 hours}]
Price index        [          ]
Hotline            [{hotline|+49 345 555 0177}]

{weekend_service|Weekend service: (x) yes|true}
Spare parts: {spare_parts_included|Spare parts are not included|false}.
Notice of cancellation: {cancellation_months|three months|3} before the end.
`,
	}
}
