package main

// A supermarket's till: goods by weight on two lines, discounts below the goods, codes of tax, cash and change.
func receiptWeightsText() document {
	return document{
		name: "receipt-09-weights-text", kind: "receipt", title: "TillReceipt", style: plain,
		locale: us("02/01/06"),
		fields: `
			store!            text
			vat_no            tax_id
			till              text
			operator          text
			bought_on!        date
			bought_at         text    | | Time of day, as printed
			lines[]/name      text
			lines[]/kg        number  | | Weight in kilograms, for goods sold by weight
			lines[]/per_kg    amount  | | Price of a kilogram
			lines[]/pieces    integer
			lines[]/price     amount
			lines[]/vat_code  enum(A,B)
			savings[]/name    text
			savings[]/amount  amount  | | Negative
			deposit           amount  | | Deposit on bottles and cans
			to_pay!           amount
			cash              amount  | | Cash handed over
			change            amount
			vat_b             amount  | | Tax of code B
			currency          currency
			points            integer | | Points of this purchase
			card_last4        text
			voucher           text`,
		text: `
        {store|DONNELLY'S FOODHALL}
     Mill Street, Galway H91 X2Y3
         VAT {vat_no|IE 6388047V}

TILL {till|4}  OP {operator|0117}      TUE {bought_on|03/03/26} {bought_at|18:06}

` + ends(38, "{lines/0/name|BANANAS LOOSE}", "",
			"  {lines/0/kg|0.845 kg} @ {lines/0/per_kg|1.79}/kg", "{lines/0/price|1.51} {lines/0/vat_code|A}",
			"{lines/1/name|CHEDDAR MATURE}", "",
			"  {lines/1/kg|0.312 kg} @ {lines/1/per_kg|14.50}/kg", "{lines/1/price|4.52} {lines/1/vat_code|A}",
			"{lines/2/name|BROWN SODA BREAD}", "{lines/2/price|2.35} {lines/2/vat_code|A}",
			"{lines/3/name|SPARKLING WATER 6PK}", "",
			"  {lines/3/pieces|2} x 3.20", "{lines/3/price|6.40} {lines/3/vat_code|B}",
			"  {savings/0/name|MULTIBUY WATER}", "{savings/0/amount|-1.40} B",
			"  RETURN DEPOSIT 12 x 0.15", "{deposit|1.80}  ",
			"{lines/4/name|WASHING LIQUID}", "{lines/4/price|8.99} {lines/4/vat_code|B}",
			"  {savings/1/name|CLUB PRICE}", "{savings/1/amount|-2.00} B",
			"", "------  ",
			"TO PAY  {currency|EUR}", "{to_pay|22.17}  ", "CASH", "{cash|30.00}  ", "CHANGE DUE", "{change|7.83}  ") + `
     RATE    NET    VAT   GROSS
A   0.0 %   8.38   0.00    8.38
B  23.0 %   9.75   {vat_b|2.24}   11.99

YOU EARNED {points|22} CLUB POINTS
BALANCE OF POINTS 1,408
`,
	}
}

// An airline's ticket receipt: capitals, labels in a row over values, taxes run together with their codes, no word "invoice" or "total paid".
func receiptTicket() document {
	cols := []col{
		{head: "FROM", field: "from", share: 0.16},
		{head: "TO", field: "to", share: 0.16},
		{head: "FLIGHT", field: "flight", share: 0.12},
		{head: "CL", field: "bookingClass", share: 0.07, align: 'C'},
		{head: "DATE", field: "date", share: 0.14},
		{head: "DEP", field: "dep", share: 0.1, align: 'C'},
		{head: "ARR", field: "arr", share: 0.1, align: 'C'},
		{head: "BAG ALLOW", field: "bag", share: 0.15, align: 'C'},
	}
	return document{
		name: "receipt-10-ticket", kind: "receipt", title: "ETicket", style: pydantic,
		locale: us("02Jan06"),
		fields: `
			passenger!               text
			ticket/no!               text
			ticket/recordLocator     text   | | Booking code (PNR)
			ticket/issued            date
			ticket/carrier           text
			ticket/tourCode          text
			segments[]/from          text
			segments[]/to            text
			segments[]/flight        text
			segments[]/bookingClass  text
			segments[]/date          date
			segments[]/dep           text
			segments[]/arr           text
			segments[]/bag           text
			fare/currency            currency
			fare/base                amount
			fare/taxes[]/code        text
			fare/taxes[]/amount      amount
			fare/total!              amount
			payment                  enum(credit_card,cash,invoice)
			cardTail                 text   | | Last four digits
			changeFee                amount
			refundable               boolean
			frequentFlyerNo          text`,
		theme: theme{family: "Courier", size: 8.5, accent: [3]int{0, 0, 0}, margin: 42},
		body: []block{
			lines(font{size: 12, bold: true}, "{ticket/carrier|POLARWIND AIRWAYS}"),
			lines(font{bold: true}, "ELECTRONIC TICKET  -  PASSENGER ITINERARY / RECEIPT"),
			rule(),
			strip([]float64{0.4, 0.35, 0.25}, "NAME OF PASSENGER", "{passenger|FERREIRA/MARTA MRS}", "TKT NO", "{ticket/no|219 2408817305}", "BKG REF", "{ticket/recordLocator|K7QX2M}",
				"ISSUING OFFICE", "WEB SALES LIS", "DATE OF ISSUE", "{ticket/issued|14FEB26}", "FQTV", "NONE"),
			ledger(look{}, "segments", cols, [][]string{
				{"LISBON", "ZURICH", "PW 441", "L", "06MAR26", "0720", "1110", "1PC"},
				{"ZURICH", "TALLINN", "PW 812", "L", "06MAR26", "1255", "1640", "1PC"},
				{"TALLINN", "LISBON", "PW 447", "V", "15MAR26", "1005", "1335", "1PC"},
			}),
			strip([]float64{0.25, 0.5, 0.25}, "FARE", "{fare/currency|EUR} {fare/base|184.00}",
				"TAXES/FEES/CHARGES", "{fare/taxes/0/amount|12.10}{fare/taxes/0/code|PT} {fare/taxes/1/amount|9.45}{fare/taxes/1/code|YP} {fare/taxes/2/amount|21.30}{fare/taxes/2/code|CH}",
				"TOTAL", "EUR {fare/total|226.85}"),
			flush(130, "FORM OF PAYMENT", "{payment|CC VI|credit_card} XXXXXXXXXXXX{cardTail|4417}", "ENDORSEMENTS", "{refundable|NON REFUNDABLE|false} / CHANGES EUR {changeFee|70.00}"),
			para(font{size: 7}, "NOTICE: CARRIAGE IS SUBJECT TO THE CARRIER'S CONDITIONS OF CONTRACT. CHECK-IN CLOSES 45 MINUTES BEFORE DEPARTURE."),
		},
	}
}

// A clinic's payment receipt: labels under the values, adjustments in brackets, a table whose head takes two lines.
func receiptClinic() document {
	cols := []col{
		{head: "CPT", field: "cpt", share: 0.1},
		{head: "Service", field: "svc", share: 0.4},
		{head: "Billed charge", field: "charge", share: 0.12, align: 'R'},
		{head: "Plan adjustment", field: "adj", share: 0.14, align: 'R'},
		{head: "Insurance paid", field: "ins", share: 0.12, align: 'R'},
		{head: "Patient share", field: "pt", share: 0.12, align: 'R'},
	}
	return document{
		name: "receipt-11-clinic", kind: "receipt", title: "Patient receipt", style: nullable,
		locale: us("01-02-2006"),
		fields: `
			practice!          text    | Practice
			pt_name!           text    | Patient
			acct               text    | Account
			dob                date    | Date of birth
			dos                date    | Date of service
			receipt_dt         date    | Date of the receipt
			provider           text    | Treating provider
			npi                text
			payer              text    | Insurance plan
			policy_id          text    | Member ID
			charges[]/cpt      text
			charges[]/svc      text
			charges[]/charge   amount
			charges[]/adj      amount  | | Negative
			charges[]/ins      amount
			charges[]/pt       amount
			charges_total      amount  | Sum of the billed charges
			prior_balance      amount  | Balance before this visit
			paid_today!        amount  | Payment received today
			method             enum(CASH,CHECK,CARD,HSA) | How it was paid
			check_no           text
			balance_left       amount  | What is left to pay
			phone              phone
			next_appointment   date`,
		theme: theme{family: "Helvetica", size: 9.5, accent: [3]int{40, 100, 120}, margin: 50, letter: true},
		body: []block{
			lines(font{size: 14, bold: true, align: 'C'}, "{practice|Cottonwood Family Medicine, P.A.}"),
			lines(font{size: 8, align: 'C'}, "2210 Mesa Verde Drive, Las Cruces, NM 88011  *  {phone|575.555.0136}"),
			gap(10),
			lines(font{bold: true}, "RECEIPT FOR SERVICES"),
			gap(6),
			underneath([]float64{0.4, 0.2, 0.2, 0.2}, "Patient", "{pt_name|Delphine R. Castaneda}", "Account", "{acct|CFM-20871}",
				"Date of birth", "{dob|07-19-1984}", "Receipt date", "{receipt_dt|02-18-2026}", "Plan", "{payer|Blue Mesa PPO}", "Member ID", "{policy_id|BMP 771 204 118}",
				"Seen on", "{dos|01-28-2026}", "NPI", "{npi|1487002213}"),
			lines(font{}, "Seen by {provider|Noor Whitcombe, MD}"),
			gap(6),
			ledger(look{zebra: true}, "charges", cols, [][]string{
				{"99214", "Office visit, established", "212.00", "(64.20)", "117.80", "30.00"},
				{"93000", "Electrocardiogram", "78.00", "(41.15)", "36.85", "0.00"},
				{"36415", "Venipuncture", "18.00", "(9.00)", "0.00", "9.00"},
				{"=", "All services", "{charges_total|308.00}", "(114.35)", "154.65", "39.00"},
			}),
			flush(330, "Balance before this visit", "{prior_balance|$25.50}", "Your share of this visit", "$39.00",
				"Received today, {method|check} no. {check_no|3317}", "{paid_today|$40.00}", "Left to pay", "{balance_left|$24.50}"),
			para(font{size: 8}, "Keep this receipt for your records. It can be handed in with a claim to a flexible spending account."),
		},
	}
}
