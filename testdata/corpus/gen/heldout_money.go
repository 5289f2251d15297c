package main

// Held-out invoices and receipts.

func heldoutInvoices() []document {
	return []document{heldoutInvoiceStrip(), heldoutInvoiceLedger(), heldoutInvoiceText()}
}

func heldoutReceipts() []document {
	return []document{heldoutReceiptCinema(), heldoutReceiptClinic(), heldoutReceiptToll()}
}

// Labels on a tinted strip with the values below; the amount is the first column of the table.
func heldoutInvoiceStrip() document {
	m := money{" ", ",", "", ""}
	cols := []col{
		{head: "Net amount", field: "net", share: 0.2, align: 'R'},
		{head: "Ref.", field: "ref", share: 0.14},
		{head: "Work carried out", field: "work", share: 0.5},
		{head: "Days", field: "days", share: 0.16, align: 'C'},
	}
	return document{
		name: "held-invoice-01-strip", kind: "invoice", title: "Bill", style: nullable,
		locale: eu("02-01-2006"),
		fields: `
			bill_number!     text    | Bill number
			bill_date!       date    | Bill date
			pay_before       date    | Pay before
			contractor       text    | Contractor
			contractor_vat   tax_id  | VAT number of the contractor
			client           text    | Client
			client_reference text    | Client reference
			jobs[]/ref       text    | Reference
			jobs[]/work      text    | Work
			jobs[]/days      number  | Days
			jobs[]/net       amount  | Net amount
			subtotal         amount  | Subtotal
			vat_total        amount  | VAT
			grand_total!     amount  | Grand total
			retention        amount  | Retention
			currency         currency | Currency
			account_iban     iban    | IBAN
			telephone        phone   | Telephone`,
		theme: theme{family: "Helvetica", size: 10, accent: [3]int{90, 20, 90}, margin: 50},
		body: []block{
			sideRule(lines(font{size: 19, bold: true}, "{contractor|Peeters & Zoon Dakwerken BV}"),
				lines(font{gray: true}, "Kanaaldijk 77, 2900 Schoten, Belgium  -  {telephone|+32 3 555 01 29}  -  BTW {contractor_vat|BE0488114307}")),
			gap(10),
			lines(font{}, "For the attention of {client|Gemeenteschool De Linde}"),
			gap(10),
			heldStrip("Bill number", "{bill_number|2026/58}", "Drawn up on", "{bill_date|09-02-2026}", "Pay before", "{pay_before|11-03-2026}", "Your reference", "{client_reference|DAK-WEST}"),
			table(look{zebra: true}, "jobs", cols, [][]string{
				{m.of(312000), "W1", "Removal of old roofing felt", "4"},
				{m.of(845050), "W2", "Insulation boards and new membrane", "7"},
				{m.of(118000), "W3", "Lead flashing at chimney", "1,5"},
			}),
			heldLedger(360, "Subtotal", "{subtotal|12 750,50}", "VAT 6 %", "{vat_total|765,03}", "Grand total in {currency|EUR}", "{grand_total|13 515,53}"),
			para(font{}, "Kindly transfer the grand total to {account_iban|BE68 5390 0754 7034}."),
		},
	}
}

// Labels flush right against bold values; two addresses below each other; tax in two rates.
func heldoutInvoiceLedger() document {
	m := money{",", ".", "$", ""}
	cols := []col{
		{head: "Qty", field: "count", share: 0.1, align: 'C'},
		{head: "Catalog no.", field: "catalog_no", share: 0.2},
		{head: "Article", field: "article", share: 0.4},
		{head: "Each", field: "each", share: 0.15, align: 'R'},
		{head: "Extended", field: "extended", share: 0.15, align: 'R'},
	}
	rows, sum := priced(m, []sold{{"Saddle soap, tin", 36, 825}, {"Stirrup leathers, pair", 10, 5490}, {"Fly mask, full size", 15, 1975}, {"Hoof pick with brush", 60, 410}})
	codes := []string{"TK-118", "TK-402", "TK-377", "TK-051"}
	for i, r := range rows {
		rows[i] = []string{r[1], codes[i], r[0], r[2], r[3]}
	}
	tax := part(sum, 60)
	return document{
		name: "held-invoice-02-ledger", kind: "invoice", title: "WholesaleInvoice", style: pydantic,
		locale: us("Mon, Jan 2, 2006"),
		fields: `
			invoice_ref!          text
			issued!               date
			net_due               date   | | Date by which payment is due
			sold_by               text
			sold_by_email         email
			buyer                 text
			buyer_account         text
			carrier               text
			tracking              text
			articles[]/catalog_no text
			articles[]/article    text
			articles[]/count      integer
			articles[]/each       amount
			articles[]/extended   amount
			goods_total           amount
			state_tax             amount
			shipping              amount
			balance_due!          amount
			currency              currency
			backordered           boolean | | Whether items are on back order
			federal_id            tax_id`,
		theme: theme{family: "Times", size: 11, accent: [3]int{80, 50, 20}, margin: 58, letter: true},
		body: []block{
			columns(0.48,
				stack(lines(font{size: 20, bold: true, accent: true}, "{sold_by|Cimarron Tack Wholesale}"), lines(font{italic: true}, "Route 9, Las Vegas, NM 87701", "{sold_by_email|orders@cimarrontack.example}")),
				stack(heldLedger(120, "Invoice ref.", "{invoice_ref|CT 7719-B}", "Issued", "{issued|Fri, Feb 13, 2026}", "Net due", "{net_due|Sun, Mar 15, 2026}", "Account", "{buyer_account|0442}", "Carrier", "{carrier|Piñon Freight}"))),
			gap(8),
			lines(font{bold: true}, "Buyer"),
			lines(font{}, "{buyer|Windmill Ranch Supply}", "300 Main Street, Clayton, NM 88415"),
			gap(10),
			table(look{frame: true}, "articles", cols, rows),
			heldLedger(400, "Goods", "{goods_total|"+m.of(sum)+"}", "State tax 6%", "{state_tax|"+m.of(tax)+"}", "Shipping", "{shipping|$64.00}",
				"Balance due", "{balance_due|{currency|$|USD}"+m.of(sum + tax + 6400)[1:]+"}"),
			para(font{italic: true}, "{backordered|No items are on back order|false}. Claims within ten days of receipt."),
		},
	}
}

// A plain text invoice ruled with pipes, facts of the parties in one line each.
func heldoutInvoiceText() document {
	return document{
		name: "held-invoice-03-pipes-text", kind: "invoice", title: "Invoice", style: nullable,
		locale: us("2006/01/02"),
		fields: `
			number!              text     | Document number
			date!                date     | Document date
			due                  date     | Payment deadline
			issuer               text     | Issuer
			issuer_tax_id        tax_id   | Tax ID of the issuer
			recipient            text     | Recipient
			recipient_tax_id     tax_id   | Tax ID of the recipient
			lines[]/description  text     | Description
			lines[]/quantity     number   | Quantity
			lines[]/net_price    amount   | Net price
			lines[]/net_value    amount   | Net value
			sum_net              amount   | Net sum
			sum_vat              amount   | VAT sum
			to_pay!              amount   | To pay
			currency             currency | Currency
			payment_form         enum(transfer,cash,card) | Form of payment
			bank_account         iban     | Bank account
			split_payment        boolean  | Split payment applies
			remarks              text     | Remarks`,
		text: `
VAT INVOICE {number|FV/11/02/2026}
Document date: {date|2026/02/11} | Payment deadline: {due|2026/02/25} | Form of payment: {payment_form|transfer}

Issuer    | {issuer|Drukarnia Srebrny Lis sp. z o.o.}, ul. Parkowa 3, 31-000 Kraków | Tax ID: {issuer_tax_id|PL6762418803}
Recipient | {recipient|Fundacja Zielony Most}, ul. Rzeczna 40, 50-100 Wrocław       | Tax ID: {recipient_tax_id|PL8971833012}

+----------------------------------+------+-----------+-----------+
| Description                      | Qty  | Net price | Net value |
+----------------------------------+------+-----------+-----------+
| {lines/0/description|Brochure A5, 24 pages}            | {lines/0/quantity|500}  | {lines/0/net_price|1.84}      | {lines/0/net_value|920.00}    |
| {lines/1/description|Roll-up banner 85 x 200 cm}       | {lines/1/quantity|2}    | {lines/1/net_price|168.00}    | {lines/1/net_value|336.00}    |
| {lines/2/description|Name badges}                      | {lines/2/quantity|120}  | {lines/2/net_price|0.95}      | {lines/2/net_value|114.00}    |
+----------------------------------+------+-----------+-----------+

Net sum: {sum_net|1370.00} | VAT sum (23%): {sum_vat|315.10} | To pay: {to_pay|1685.10} {currency|PLN}
Bank account: {bank_account|PL61 1090 1014 0000 0712 1981 2874}
{split_payment|Split payment: no|false}
`,
	}
}

// A cinema ticket: values large above their labels.
func heldoutReceiptCinema() document {
	return document{
		name: "held-receipt-01-ticket", kind: "receipt", title: "Ticket", style: plain,
		locale: us("02 Jan 2006"),
		fields: `
			venue!          text
			film            text
			show_date!      date    | | Day of the show
			screen          integer
			seats[]         list
			ticket_count    integer | | Number of tickets
			booking_fee     amount
			total!          amount
			currency        currency
			booking_code    text
			purchased_on    date
			refundable      boolean
			age_rating      text
			member_number   text`,
		theme: theme{family: "Helvetica", size: 10, accent: [3]int{20, 20, 60}, margin: 90},
		body: []block{
			banner("{venue|Palladium Picture House}", "Admit all"),
			below("Film", "{film|The Cartographer's Daughter}"),
			columns(0.5,
				stack(below("Show date", "{show_date|07 Feb 2026}", "Screen", "{screen|4}", "Booking code", "{booking_code|PPH-XK7T}")),
				stack(below("Seats", "{seats/+|F11}, {seats/+|F12}, {seats/+|F13}", "Tickets", "{ticket_count|3}", "Age rating", "{age_rating|12A}"))),
			rule(),
			dotted("3 x Adult", "£33.00", "Booking fee", "{booking_fee|£1.80}", "Charged to your card", "{total|{currency|£|GBP}34.80}"),
			lines(font{gray: true}, "Bought on {purchased_on|30 Jan 2026}. {refundable|Tickets are non-refundable|false}."),
		},
	}
}

// A clinic's receipt: services with codes, an insurance share, the patient's share as the sum asked for.
func heldoutReceiptClinic() document {
	cols := []col{
		{head: "Code", field: "code", share: 0.15},
		{head: "Service", field: "service", share: 0.45},
		{head: "Fee", field: "fee", share: 0.2, align: 'R'},
		{head: "Covered", field: "covered", share: 0.2, align: 'R'},
	}
	return document{
		name: "held-receipt-02-clinic", kind: "receipt", title: "Clinic receipt", style: nullable,
		locale: us("01-02-2006"),
		fields: `
			clinic!              text     | Clinic
			clinic_phone         phone    | Clinic phone
			patient              text     | Patient
			patient_number       text     | Patient number
			provider             text     | Treating provider
			visit_date!          date     | Date of visit
			services[]/code      text     | Code
			services[]/service   text     | Service
			services[]/fee       amount   | Fee
			services[]/covered   amount   | Covered by insurance
			total_fees           amount   | Total fees
			insurance_paid       amount   | Paid by insurance
			patient_paid!        amount   | Paid by patient
			payment_date         date     | Date of payment
			currency             currency | Currency
			referral_number      text     | Referral number
			balance_remaining    amount   | Balance remaining`,
		theme: theme{family: "Helvetica", size: 9.5, accent: [3]int{0, 110, 110}, margin: 60, letter: true},
		body: []block{
			columns(0.5, stack(lines(font{size: 16, bold: true, accent: true}, "{clinic|Larkspur Eye Clinic}"), lines(font{gray: true}, "15 Prospect Ave, Bozeman, MT", "{clinic_phone|406.555.0155}")),
				stack(lines(font{size: 14, align: 'R'}, "Receipt of payment"))),
			gap(10),
			heldStrip("Patient", "{patient|Hesper Lindgren}", "Patient no.", "{patient_number|80114}", "Visit", "{visit_date|01-28-2026}", "Seen by", "{provider|Dr. A. Fontaine}"),
			table(look{bar: true}, "services", cols, [][]string{
				{"92014", "Comprehensive eye exam", "$165.00", "$132.00"},
				{"92083", "Visual field test", "$88.00", "$70.40"},
				{"92250", "Retinal photography", "$74.00", "$0.00"},
			}),
			heldLedger(300, "Total fees", "{total_fees|$327.00}", "Paid by insurance", "{insurance_paid|$202.40}", "Paid by patient", "{patient_paid|{currency|$|USD}124.60}", "Balance remaining", "{balance_remaining|$0.00}"),
			para(font{}, "Payment received with thanks on {payment_date|02-04-2026}."),
		},
	}
}

// A motorway toll slip in a mix of cases, values after equals signs and in brackets.
func heldoutReceiptToll() document {
	return document{
		name: "held-receipt-03-toll-text", kind: "receipt", title: "TollReceipt", style: pydantic,
		locale: eu("02.01.06"),
		fields: `
			operator!        text
			receipt_no       text
			date!            date
			entry            text    | | Entry station
			exit             text    | | Exit station
			vehicle_class    integer
			distance_km      number
			paid!            amount
			currency         currency
			vat_rate         number  | | VAT rate in percent
			paid_with        enum(cash,card,badge)
			operator_vat     tax_id
			operator_site    url
			plate            text`,
		text: `
**** {operator|Autovia del Bosco S.p.A.} ****
P.IVA {operator_vat|IT04418820375}
{operator_site|https://autoviadelbosco.example}

Receipt no. {receipt_no|771-00918-22}
({date|05.02.26}) 13:08

Entry station   > {entry|Valdombra}
Exit station    > {exit|Porto San Rocco}
Distance        > {distance_km|87,3 km}
Vehicle class   > {vehicle_class|2}

*** PAID *** {paid|11,60} {currency|EUR}
of which VAT {vat_rate|22 %} 2,09
Paid with {paid_with|badge}

Keep this slip. Buon viaggio!
`,
	}
}
