package main

// A ruled form of three columns: what it is, the entry, a remark. Items without a unit price, the head of the table on two lines.
func invoiceThreeColumns() document {
	form := []col{{share: 0.24}, {share: 0.30}, {share: 0.46}}
	cols := []col{
		{head: "Material no.", field: "mat", share: 0.2},
		{head: "Short text", field: "txt", share: 0.38},
		{head: "Qty billed", field: "qty", share: 0.12, align: 'R'},
		{head: "UoM", field: "uom", share: 0.1, align: 'C'},
		{head: "Net value ({curr|JPY})", field: "net", share: 0.2, align: 'R'},
	}
	return document{
		name: "invoice-12-three-columns", kind: "invoice", title: "inv", style: plain,
		locale: us("2006/1/2"),
		fields: `
			inv_no!      text
			inv_dt!      date
			pay_by       date
			our_ref      text
			your_ref     text
			cust_no      text
			seller       text
			bill_to      text
			incoterm     enum(EXW,FCA,FOB,CIF,DAP,DDP)
			curr         currency
			net          amount
			tax_pct      number
			tax          amount
			amt_due!     amount
			bank_acct    text
			swift        text
			disc         amount
			pos[]/mat    text
			pos[]/txt    text
			pos[]/qty    number
			pos[]/uom    text
			pos[]/net    amount`,
		theme: theme{family: "Helvetica", size: 9, accent: [3]int{0, 60, 90}, margin: 46},
		body: []block{
			columns(0.5, stack(lines(font{size: 18, bold: true}, "TAX INVOICE")),
				stack(lines(font{align: 'R', bold: true}, "{seller|Hoshikawa Seiki K.K.}"), lines(font{align: 'R', size: 8}, "3-14-2 Kanda, Chiyoda-ku, Tokyo"))),
			gap(8),
			ledger(look{frame: true}, "", form, [][]string{
				{"Doc no.", "{inv_no|9400118273}", "please quote when paying"},
				{"Bill date", "{inv_dt|2026/3/3}", "goods left our works on 2026/2/27"},
				{"Pay by", "{pay_by|2026/4/30}", "end of the month after next"},
				{"Our ref", "{our_ref|SO-77120}", "Ms. Tachibana, export desk"},
				{"Your ref", "{your_ref|P-2026-0081}", "your mail of 2026/2/12"},
				{"Customer", "{cust_no|300418}", "since 2011"},
				{"Bill to", "{bill_to|Lindgren Maskin AB}", "Verkstadsgatan 9, 722 10 Västerås, Sweden"},
				{"Delivery term", "{incoterm|FCA} Yokohama", "Incoterms 2020"},
			}),
			ledger(look{frame: true}, "pos", cols, [][]string{
				{"HS-0440-A", "Spindle bearing, ceramic", "8", "PC", "296,000"},
				{"HS-0912", "Linear guide 450 mm", "4", "PC", "118,400"},
				{"HS-7001", "Grease LB-2", "2.5", "KG", "13,750"},
				{"SV-100", "Alignment on site", "1", "LE", "64,000"},
				{"=", "Sum of items", "", "", "{net|492,150}"},
				{"=", "Consumption tax {tax_pct|10 %}", "", "", "{tax|49,215}"},
				{"=", "Amount payable", "", "", "{amt_due|541,365}"},
			}),
			lines(font{}, "Remit to: Minato Trust Bank, Kanda branch, account {bank_acct|0418-2207731}, SWIFT {swift|MNTBJPJT}"),
		},
	}
}

// A freight forwarder's invoice: boxes with addresses of several lines, labels in a row over their values, two currencies, dates such as 03MAR26.
func invoiceForwarder() document {
	cols := []col{
		{head: "Charge", field: "desc", share: 0.28},
		{head: "Basis", field: "basis", share: 0.14},
		{head: "Cur", field: "cur", share: 0.08, align: 'C'},
		{head: "Amount in currency", field: "amount", share: 0.18, align: 'R'},
		{head: "Rate of exchange", share: 0.14, align: 'R'},
		{head: "Amount EUR", field: "amountEur", share: 0.18, align: 'R'},
	}
	thirds := []float64{0.34, 0.33, 0.33}
	return document{
		name: "invoice-13-forwarder", kind: "invoice", title: "FreightInvoice", style: pydantic,
		locale: us("02Jan06"),
		fields: `
			docNo!              text
			docDate!            date
			settleBy            date   | | When payment has to arrive
			forwarder           text
			shipper/name        text
			shipper/address     text   | | All lines of the address
			consignee/name      text
			consignee/address   text
			houseBill           text   | | House bill of lading (HBL)
			masterBill          text   | | Master bill of lading (MBL)
			vesselVoyage        text
			loadPort            text
			dischargePort       text
			etd                 date   | | Estimated departure
			eta                 date   | | Estimated arrival
			packages            integer
			grossKg             number
			volumeCbm           number
			charges[]/desc      text
			charges[]/basis     text
			charges[]/cur       currency
			charges[]/amount    amount
			charges[]/amountEur amount
			totalEur!           amount
			vat                 amount
			opsMail             email
			bookingAgent        text`,
		theme: theme{family: "Helvetica", size: 8.5, accent: [3]int{20, 70, 70}, margin: 40},
		body: []block{
			columns(0.6, stack(lines(font{size: 15, bold: true, accent: true}, "{forwarder|Levant Gate Logistics Ltd.}"), lines(font{size: 7.5}, "12 Quay Road, Limassol 3036, Cyprus - ops desk {opsMail|ops@levantgate.example}")),
				stack(lines(font{size: 13, bold: true, align: 'R'}, "DEBIT NOTE"))),
			gap(8),
			boxes([]float64{0.5, 0.25, 0.25}, "SHIPPER", "{shipper/name|Ceramica Vieira S.A.}\n{shipper/address|Rua do Barro 71\n3800-042 Aveiro\nPortugal}", "DOC NO.", "{docNo|LG/SI/260388}", "DOC DATE", "{docDate|03MAR26}"),
			boxes([]float64{0.5, 0.25, 0.25}, "CONSIGNEE", "{consignee/name|Apollon Tiles Trading Ltd}\n{consignee/address|Unit 4, Ypsonas Industrial Area\n4180 Limassol\nCyprus}", "YOUR FILE", "AT-119", "SETTLE BY", "{settleBy|17MAR26}"),
			gap(10),
			strip(thirds, "HBL NO.", "{houseBill|LGLEI2602217}", "MBL NO.", "{masterBill|MEDUQ4471920}", "VESSEL / VOYAGE", "{vesselVoyage|NORDIC HERON / 608E}",
				"POL", "{loadPort|Leixoes, PT}", "POD", "{dischargePort|Limassol, CY}", "ETD / ETA", "{etd|11FEB26} / {eta|01MAR26}",
				"PKGS", "{packages|44}", "G.W. KGS", "{grossKg|46,180.00}", "MEASURE CBM", "{volumeCbm|51.360}"),
			ledger(look{}, "charges", cols, [][]string{
				{"Ocean freight", "2 x 40HC", "USD", "2,900.00", "0.9200", "2,668.00"},
				{"Terminal handling, import", "2 x 40HC", "EUR", "490.00", "1.0000", "490.00"},
				{"Bill of lading fee", "1 set", "EUR", "55.00", "1.0000", "55.00"},
				{"Customs clearance", "1 entry", "EUR", "120.00", "1.0000", "120.00"},
				{"Rebate on volume", "Q1/26", "EUR", "(133.40)", "1.0000", "(133.40)"},
				{"=TOTAL PAYABLE", "", "", "", "EUR", "{totalEur|3,199.60}"},
			}),
			para(font{size: 7.5}, "Export service, outside the scope of VAT. Claims about this note within 7 days of its date. All business is done under our trading conditions of 01JAN24."),
		},
	}
}

// A second reminder as a letter: open items with days overdue, a payment on account with the minus behind it.
func invoiceDunningText() document {
	cols := []col{
		{head: "Document", field: "doc", share: 13},
		{head: "dated", field: "dated", share: 13},
		{head: "was due", field: "was_due", share: 13},
		{head: "days", field: "days_late", share: 6, align: 'R'},
		{head: "open EUR", field: "open", share: 14, align: 'R'},
	}
	return document{
		name: "invoice-14-dunning-text", kind: "invoice", title: "Dunning letter", style: nullable,
		locale: eu("02.01.2006", "2 January 2006"),
		fields: `
			letter_date!             date     | Date of the letter
			reminder_level           integer  | Level | 1 for the first reminder, 2 for the second, and so on
			creditor!                text     | Creditor
			debtor!                  text     | Debtor
			our_reference            text     | The creditor's reference
			customer_account         text     | Number of the customer at the creditor
			clerk                    text     | Who handles the case
			clerk_phone              phone    | Phone of the clerk
			open_items[]/doc         text     | Document
			open_items[]/dated       date     | Date of the document
			open_items[]/was_due     date     | Due date
			open_items[]/days_late   integer  | Days overdue
			open_items[]/open        amount   | Open amount; payments on account are negative
			balance                  amount   | Balance of the open items
			interest_rate            number   | Interest per year in percent
			interest                 amount   | Interest on arrears
			fee                      amount   | Reminder fee
			amount_to_pay!           amount   | Amount to pay, with interest and fee
			currency                 currency | Currency
			pay_until                date     | Last day of payment
			collection_on            date     | Day on which the claim goes to a collection agency
			iban                     iban     | IBAN
			payment_plan             boolean  | A payment plan has been agreed`,
		text: `
{creditor|Müritz Kabel & Netz GmbH} · Am Speicher 3 · 17192 Waren

{debtor|Ostsee Marina Betriebs AG}
Accounts department
Steinbrückstraße 40
18439 Stralsund
                                             Waren, {letter_date|24 February 2026}

Our ref. {our_reference|MA/55-2201}     Your account with us {customer_account|80 3341}
In charge: {clerk|Frauke Detlefsen}, ext. {clerk_phone|03991 555-218}

{reminder_level|SECOND REMINDER|2}

Dear Sir or Madam,

our books of 20.02.2026 show the following items as open:

` + textTable("open_items", cols, [][]string{
			{"R-250981", "15.12.2025", "14.01.2026", "41", "1.880,40"},
			{"R-260022", "08.01.2026", "07.02.2026", "17", "612,00"},
			{"ZA-4410", "19.01.2026", "", "", "300,00-"},
		}) + `
` + ends(59, "Balance", "{balance|2.192,40}", "Interest on arrears, {interest_rate|9,12 %} a year", "{interest|21,35}", "Reminder fee", "{fee|5,00}",
			"", "----------", "To be paid {currency|EUR}", "{amount_to_pay|2.218,75}") + `
Please let us have this sum by {pay_until|10.03.2026} at the latest. If it does
not arrive, the claim is handed to a collection agency on {collection_on|24.03.2026}
without a further letter. If you paid after the day of our books, take this
letter as void.

Account for your payment: {iban|DE70 1305 0000 0201 8844 17}
`,
	}
}
