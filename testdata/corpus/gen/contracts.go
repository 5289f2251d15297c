package main

func contracts() []document {
	return []document{
		contractServices(), contractLeaseText(), contractEmployment(), contractNDA(), contractPolicy(), contractLoan(),
		contractSaleText(), contractOrderFormText(),
		contractDefinitions(), contractQuestions(), contractEngagementText(),
		contractCharterBoxes(), contractDutchText(), contractRentalDesk(),
	}
}

// A service agreement of two pages: parties in sentences, numbered clauses, a signature block.
func contractServices() document {
	b := font{bold: true}
	return document{
		name: "contract-01-services", kind: "contract", title: "Contract", style: nullable,
		locale: us("January 2, 2006"),
		fields: `
			title                 text     | Title of the agreement
			effective_date!       date     | Effective date
			end_date              date     | End of the initial term
			provider              text     | Provider | Name of the party that performs the services
			client                text     | Client | Name of the party that receives the services
			monthly_fee           amount   | Monthly fee
			currency              currency | Currency
			payment_days          integer  | Payment term in days
			notice_days           integer  | Notice period for termination in days
			governing_law         text     | Governing law | Name of the state or country, such as Texas
			auto_renewal          boolean  | Renews automatically
			liability_cap         amount   | Liability cap
			late_interest_percent number   | Interest on late payment, percent per month
			provider_signatory    text     | Who signs for the provider
			client_signatory      text     | Who signs for the client`,
		theme:  usSerif(),
		footer: []block{pageNumber(font{size: 8, align: 'C', gray: true}, "Page %d of 2")},
		body: []block{
			lines(font{size: 16, bold: true, align: 'C'}, "{title|MASTER SERVICES AGREEMENT}"),
			gap(10),
			para(font{}, `This Master Services Agreement is entered into as of {effective_date|February 1, 2026} (the "Effective Date") by and between {provider|Lanternfish Cloud Services, Inc.}, a Delaware corporation ("Provider"), and {client|Oakmere Dental Group LLC}, an Illinois limited liability company ("Client").`),
			lines(b, "1. Services"),
			para(font{}, "Provider shall operate the hosted scheduling platform described in Exhibit A and keep it available for 99.5 percent of each calendar month, planned maintenance excluded."),
			lines(b, "2. Fees and payment"),
			para(font{}, "Client shall pay a monthly fee of {monthly_fee|{currency|$|USD}4,250.00}. Invoices are payable within {payment_days|thirty (30) days|30} of receipt. Amounts not paid when due bear interest at {late_interest_percent|1.5%} per month. A one-time setup fee of $2,000.00 is due on signature."),
			lines(b, "3. Term and termination"),
			para(font{}, "The initial term begins on the Effective Date and ends on {end_date|January 31, 2028}. {auto_renewal|This Agreement renews automatically for successive terms of one year|true} unless either party gives {notice_days|sixty (60) days|60} written notice before the end of the then-current term."),
			lines(b, "4. Confidentiality"),
			para(font{}, "Each party shall protect the other party's confidential information with the care it uses for its own, and in no event with less than reasonable care, for five years after disclosure."),
			lines(b, "5. Limitation of liability"),
			para(font{}, "Except for breach of Section 4, neither party's aggregate liability shall exceed {liability_cap|$51,000.00}."),
			lines(b, "6. Governing law"),
			para(font{}, "This Agreement is governed by the laws of the State of {governing_law|Illinois}, without regard to its conflict of laws rules."),
			func(s *sheet) { s.newPage() },
			para(font{}, "IN WITNESS WHEREOF, the parties have executed this Agreement by their authorized representatives."),
			columns(0.5,
				stack(lines(b, "PROVIDER"), gap(20), rule(), colon("Name:", "{provider_signatory|Deirdre Vantongeren}", "Title:", "Chief Operating Officer", "Date:", "January 27, 2026")),
				stack(lines(b, "CLIENT"), gap(20), rule(), colon("Name:", "{client_signatory|Amos Pettibone}", "Title:", "Managing Member", "Date:", "January 29, 2026"))),
		},
	}
}

// A tenancy agreement as text: a key facts table at the top, clauses below it.
func contractLeaseText() document {
	return document{
		name: "contract-02-lease-text", kind: "contract", title: "Lease", style: plain,
		locale: us("1 March 2006", "2 January 2006"),
		fields: `
			landlord!          text
			tenant!            text
			property_address   text
			start_date!        date
			end_date           date
			monthly_rent!      amount
			deposit            amount
			currency           currency
			pets_allowed       boolean
			furnished          boolean
			smoking_allowed    boolean
			notice_months      integer | | Notice period in months
			rent_due_day       integer | | Day of the month on which rent is due
			guarantor          text
			lease_type         enum(residential,commercial)`,
		text: `
ASSURED SHORTHOLD TENANCY AGREEMENT

KEY TERMS

Type of lease:      {lease_type|Residential}
Landlord:           {landlord|Marchbank Property Holdings Ltd}
Tenant:             {tenant|Yusra Okonjo-Hale}
Property:           {property_address|Flat 3, 58 Cooper's Row, Bristol BS1 4XX}
Term:               from {start_date|1 April 2026} to {end_date|31 March 2027}
Rent:               {currency|GBP} {monthly_rent|1,350.00} per calendar month
Rent due:           on day {rent_due_day|5} of each month
Deposit:            GBP {deposit|1,557.00}
{furnished|Furnished: Yes|true}
Guarantor:          none

CLAUSES

1. The Tenant shall pay the Rent in advance by standing order.
2. {pets_allowed|Pets are not allowed at the Property|false} without the written consent of the Landlord.
3. {smoking_allowed|Smoking is not permitted|false} in any part of the building.
4. Either party may end the tenancy after the Term by giving {notice_months|two months|2}' notice in writing.
5. The Deposit is held by a deposit protection scheme and is returned within 10 days of the end of the tenancy.
`,
	}
}

// An employment contract: a table of particulars, then clauses.
func contractEmployment() document {
	cols := []col{{head: "Particular", share: 0.36}, {head: "Agreed", share: 0.64}}
	return document{
		name: "contract-03-employment", kind: "contract", title: "Employment contract", style: nullable,
		locale: us("2 January 2006"),
		fields: `
			employer!             text    | Employer
			employee!             text    | Employee
			job_title             text    | Job title
			place_of_work         text    | Place of work
			start_date!           date    | Start date
			contract_date         date    | Date of the contract
			annual_salary         amount  | Annual salary
			currency              currency | Currency
			weekly_hours          number  | Hours per week
			holiday_days          integer | Days of holiday per year
			probation_months      integer | Probation period in months
			notice_weeks          integer | Notice period in weeks
			line_manager          text    | Line manager
			bonus_eligible        boolean | Eligible for a bonus
			remote_allowed        boolean | Remote work is allowed
			non_compete_months    integer | Duration of the non-compete in months
			pension_percent       number  | Employer's pension contribution in percent`,
		theme: darkSerif(),
		body: []block{
			lines(font{size: 18, bold: true, align: 'C'}, "Contract of Employment"),
			lines(font{align: 'C'}, "dated {contract_date|19 January 2026}"),
			gap(10),
			para(font{}, "This contract is made between {employer|Rookswood Bindery Ltd} of 8 Vellum Court, Bath (the Employer) and {employee|Jocasta Merriweather} (the Employee)."),
			table(look{frame: true}, "", cols, [][]string{
				{"Job title", "{job_title|Conservation Binder}"},
				{"Place of work", "{place_of_work|Vellum Court workshop}"},
				{"Start date", "{start_date|2 March 2026}"},
				{"Annual salary", "{currency|GBP} {annual_salary|31,800.00}"},
				{"Hours per week", "{weekly_hours|37.5}"},
				{"Holiday", "{holiday_days|28 days} a year, bank holidays included"},
				{"Line manager", "{line_manager|Silas Oakhurst}"},
				{"Remote work", "{remote_allowed|Not allowed|false}"},
			}),
			para(font{}, "1. The first {probation_months|six months|6} are a probation period. After it, either side may end the contract with {notice_weeks|8 weeks} of notice."),
			para(font{}, "2. The Employer contributes {pension_percent|5 %} of the salary to the pension scheme."),
			para(font{}, "3. {bonus_eligible|The Employee is eligible for the annual bonus scheme|true}, whose rules are published by the Employer."),
		},
	}
}

// A confidentiality agreement in prose alone, set in two columns.
func contractNDA() document {
	return document{
		name: "contract-04-nda", kind: "contract", title: "NDA", style: pydantic,
		locale: us("January 2, 2006"),
		fields: `
			title               text
			date!               date    | | Date of the agreement
			disclosing_party    text
			receiving_party     text
			mutual              boolean | | Whether both parties are bound
			purpose             text
			term_years          integer | | Term of the agreement in years
			survival_years      integer | | Years for which the duties survive
			governing_law       text
			penalty             amount
			return_days         integer | | Days to return documents after a request
			jurisdiction_city   text    | | City whose courts decide`,
		theme: theme{family: "Times", size: 10, accent: [3]int{30, 30, 30}, margin: 54, letter: true},
		body: []block{
			lines(font{size: 16, bold: true, align: 'C'}, "{title|Non-Disclosure Agreement}"),
			gap(10),
			columns(0.5,
				stack(
					para(font{}, "This agreement is dated {date|January 6, 2026} and made between {disclosing_party|Silverbirch Robotics, Inc.} (the Disclosing Party) and {receiving_party|Pondside Ventures LP} (the Receiving Party)."),
					para(font{}, "1. Purpose. The parties wish to explore {purpose|a minority investment in the Disclosing Party}. {mutual|This agreement binds the Receiving Party only|false}."),
					para(font{}, "2. Confidential information means everything that the Disclosing Party marks as confidential or that a reasonable person would take to be so."),
					para(font{}, "3. The Receiving Party uses the information for the purpose only and shows it to nobody but its advisers.")),
				stack(
					para(font{}, "4. Term. This agreement lasts for {term_years|2 years}. The duties of secrecy survive for {survival_years|5 years} after its end."),
					para(font{}, "5. Return. Within {return_days|15 days} of a request, the Receiving Party returns or destroys all documents."),
					para(font{}, "6. Law. This agreement is governed by the laws of {governing_law|Massachusetts}. The courts of {jurisdiction_city|Boston} decide all disputes."))),
			gap(20),
			columns(0.5, stack(rule(), lines(font{}, "Silverbirch Robotics, Inc.")), stack(rule(), lines(font{}, "Pondside Ventures LP"))),
		},
	}
}

// An insurance schedule: a grid, a table of covers, premiums at the right.
func contractPolicy() document {
	cols := []col{
		{head: "Cover", field: "cover", share: 0.46},
		{head: "Sum insured", field: "sum_insured", share: 0.28, align: 'R'},
		{head: "Excess", field: "excess", share: 0.26, align: 'R'},
	}
	return document{
		name: "contract-05-policy", kind: "contract", title: "Insurance policy", style: nullable,
		locale: us("02/01/2006"),
		fields: `
			policy_number!        text    | Policy number
			insurer               text    | Insurer
			policyholder!         text    | Policyholder
			business              text    | Business of the policyholder
			inception_date!       date    | Inception date
			expiry_date           date    | Expiry date
			issue_date            date    | Date of issue
			covers[]/cover        text    | Cover
			covers[]/sum_insured  amount  | Sum insured
			covers[]/excess       amount  | Excess
			net_premium           amount  | Net premium
			insurance_tax         amount  | Insurance premium tax
			total_premium!        amount  | Total premium
			currency              currency | Currency
			payment_frequency     enum(monthly,quarterly,annually) | Payment frequency
			claims_phone          phone   | Claims line
			flood_covered         boolean | Flood is covered
			broker                text    | Broker`,
		theme: theme{family: "Helvetica", size: 9.5, accent: [3]int{0, 70, 90}, margin: 50},
		body: []block{
			banner("Policy schedule", "{insurer|Albatross Mutual Insurance}"),
			grid(3, "Policy number", "{policy_number|CB/7714/2026}", "Policyholder", "{policyholder|Tamsin's Tea Rooms}", "Business", "{business|Cafe and bakery}",
				"From", "{inception_date|01/03/2026}", "To", "{expiry_date|28/02/2027}", "Issued", "{issue_date|16/02/2026}"),
			table(look{bar: true, zebra: true}, "covers", cols, [][]string{
				{"Contents", "£45,000", "£250"},
				{"Business interruption", "£120,000", "£500"},
				{"Public liability", "£2,000,000", "£100"},
			}),
			totals(200, "Net premium", "{net_premium|£612.50}", "Insurance premium tax 12%", "{insurance_tax|£73.50}", "Total premium", "{total_premium|{currency|£|GBP}686.00}"),
			colon("Payment:", "{payment_frequency|annually}, in advance", "Claims line:", "{claims_phone|0800 555 0124}"),
			para(font{}, "{flood_covered|Damage by flood is excluded|false}. Damage by burst pipes is covered."),
		},
	}
}

// A loan agreement in Swiss francs with a repayment plan.
func contractLoan() document {
	cols := []col{
		{head: "Instalment", share: 0.2},
		{head: "Due on", field: "due_on", share: 0.25},
		{head: "Principal", field: "principal", share: 0.25, align: 'R'},
		{head: "Interest", field: "interest", share: 0.3, align: 'R'},
	}
	return document{
		name: "contract-06-loan", kind: "contract", title: "LoanAgreement", style: pydantic,
		locale: ch("2 January 2006", "02.01.2006"),
		fields: `
			lender!                text
			borrower!              text
			agreement_date         date
			principal!             amount | | Amount of the loan
			currency               currency
			interest_rate          number | | Interest rate in percent per year
			first_payment_on       date
			maturity_date          date
			plan[]/due_on          date
			plan[]/principal       amount
			plan[]/interest        amount
			secured                boolean | | Whether security is given
			early_repayment_allowed boolean
			iban                   iban   | | Account for repayments
			guarantor              text
			origination_fee        amount`,
		theme: theme{family: "Times", size: 11, accent: [3]int{20, 20, 20}, margin: 60},
		body: []block{
			lines(font{size: 17, bold: true}, "Loan Agreement"),
			tabbed(90, "Lender", "{lender|Genossenschaft Bergkredit}", "Borrower", "{borrower|Käserei Val Sumvitg GmbH}", "Date", "{agreement_date|12 January 2026}"),
			para(font{}, "1. The Lender grants a loan of {currency|CHF} {principal|60'000.00}. It bears interest at {interest_rate|2.75 %} per year."),
			para(font{}, "2. The Borrower repays the loan in four instalments, the first on {first_payment_on|30 June 2026} and the last on {maturity_date|31 December 2027}, to the account {iban|CH56 0483 5012 3456 7800 9}:"),
			table(look{frame: true}, "plan", cols, [][]string{
				{"1", "30.06.2026", "15'000.00", "756.25"},
				{"2", "31.12.2026", "15'000.00", "618.75"},
				{"3", "30.06.2027", "15'000.00", "412.50"},
				{"4", "31.12.2027", "15'000.00", "206.25"},
			}),
			para(font{}, "3. {secured|The loan is unsecured|false}. {early_repayment_allowed|Early repayment is permitted|true} at the end of each month without a fee."),
		},
	}
}

// A sale of goods as text with European numbers and defined terms in capitals.
func contractSaleText() document {
	return document{
		name: "contract-07-sale-text", kind: "contract", title: "Sales contract", style: nullable,
		locale: eu("2 January 2006"),
		fields: `
			contract_number!     text    | Contract number
			signed_on            date    | Date of signature
			seller               text    | Seller | Name of the selling company
			seller_vat           tax_id  | VAT number of the seller
			buyer                text    | Buyer | Name of the buying company
			goods                text    | Goods
			quantity_tonnes      number  | Quantity in tonnes
			price_per_tonne      amount  | Price per tonne
			contract_value       amount  | Contract value
			currency             currency | Currency
			incoterm             text    | Incoterm with its place
			delivery_from        date    | Start of the delivery period
			delivery_until       date    | End of the delivery period
			payment_method       enum(letter_of_credit,prepayment,open_account) | Payment method
			quality_certificate  boolean | A quality certificate is required
			arbitration_seat     text    | Seat of arbitration
			penalty_percent      number  | Penalty per week of delay in percent
			insurance_value      amount  | Insured value`,
		text: `
SALES CONTRACT No. {contract_number|OV-2026/114}
signed on {signed_on|23 January 2026}

SELLER: {seller|Oliveira do Vale Lda}, Évora, Portugal, VAT {seller_vat|PT509118204}
BUYER:  {buyer|Nordlys Oils AS}, Bergen, Norway

Article 1 - Goods
  {goods|Extra virgin olive oil in bulk}, quantity {quantity_tonnes|42,5 tonnes}.

Article 2 - Price
  Price per tonne: {currency|EUR} {price_per_tonne|6.180,00}
  Contract value:  EUR {contract_value|262.650,00}

Article 3 - Delivery
  {incoterm|FCA Setúbal} (Incoterms 2020), between {delivery_from|1 March 2026} and {delivery_until|15 March 2026}.
  For each full week of delay the Seller owes a penalty of {penalty_percent|0,5 %} of the contract value.

Article 4 - Payment
  By {payment_method|letter of credit}, irrevocable, opened not later than 16 February 2026.

Article 5 - Quality
  {quality_certificate|A certificate of quality by an independent laboratory is required|true}.

Article 6 - Disputes
  Arbitration in {arbitration_seat|Copenhagen}, in English.
`,
	}
}

// An order form for software: ticked boxes, a table of subscriptions.
func contractOrderFormText() document {
	cols := []col{
		{head: "Product", field: "product", share: 30},
		{head: "Users", field: "users", share: 8, align: 'R'},
		{head: "Term", field: "term", share: 14, align: 'R'},
		{head: "Annual fee", field: "annual_fee", share: 16, align: 'R'},
	}
	return document{
		name: "contract-08-order-form-text", kind: "contract", title: "OrderForm", style: pydantic,
		locale: us("Jan 2, 2006"),
		fields: `
			order_form_number!             text
			vendor                         text
			customer                       text
			customer_contact               text
			customer_email                 email
			subscription_start             date
			subscription_end               date
			subscriptions[]/product        text
			subscriptions[]/users          integer
			subscriptions[]/term           text
			subscriptions[]/annual_fee     amount
			total_annual_fee!              amount
			currency                       currency
			billing_frequency              enum(monthly,quarterly,annual)
			auto_renew                     boolean
			data_processing_agreement      boolean | | A data processing agreement is attached
			discount_percent               number
			purchase_order                 text`,
		text: `
ORDER FORM {order_form_number|OF-22-9907}

Vendor:    {vendor|Kitewind Analytics, Inc.}
Customer:  {customer|Municipal Library of Eastmoor}
Contact:   {customer_contact|Philomena Strand}, {customer_email|p.strand@eastmoorlibrary.example}
PO number: (to follow)

Subscription start: {subscription_start|Mar 1, 2026}
Subscription end:   {subscription_end|Feb 28, 2029}

` + textTable("subscriptions", cols, [][]string{
			{"Kitewind Core", "40", "36 months", "$9,600.00"},
			{"Visitor Counter add-on", "6", "36 months", "$1,440.00"},
			{"Premium support", "1", "36 months", "$2,100.00"},
		}) + `
Total annual fee: {total_annual_fee|{currency|$|USD}13,140.00}
Billing: [ ] Monthly  [ ] Quarterly  [x] {billing_frequency|Annual}

{auto_renew|[ ] Renews automatically|false}
{data_processing_agreement|[x] Data processing agreement attached|true}
`,
	}
}
