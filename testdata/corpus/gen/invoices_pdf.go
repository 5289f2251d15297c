package main

// Labels small above their values, a letterhead at the top right, bank data in the footer of the page.
func invoiceAboveAustria() document {
	m := money{".", ",", "", ""}
	cols := []col{
		{head: "Item", field: "description", share: 0.5},
		{head: "Quantity", field: "quantity", share: 0.14, align: 'R'},
		{head: "Price", field: "unit_price", share: 0.18, align: 'R'},
		{head: "Sum", field: "amount", share: 0.18, align: 'R'},
	}
	rows, net := priced(m, []sold{
		{"Alpine larch boards 24 mm", 180, 1165},
		{"Stainless screws 5 x 60 (box)", 14, 2990},
		{"Transport to Villach", 1, 14500},
	})
	vat := part(net, 200)
	return document{
		name: "invoice-03-above-footer", kind: "invoice", title: "Invoice", style: nullable,
		locale: eu("2 January 2006"),
		fields: `
			supplier/name!            text    | Supplier
			supplier/street           text    | Street and number
			supplier/vat_id           tax_id  | VAT ID | UID number of the supplier
			supplier/iban             iban    | IBAN
			supplier/bic              text    | BIC
			supplier/email            email   | E-mail
			supplier/website          url     | Website
			customer/name!            text    | Customer
			customer/number           text    | Customer number
			customer/vat_id           tax_id  | VAT ID of the customer
			number!                   text    | Invoice number
			issue_date!               date    | Invoice date
			delivery_date             date    | Delivery date
			due_date                  date    | Due date
			currency                  enum(EUR,CHF,USD) | Currency
			net_amount                amount  | Net amount
			vat_rate                  number  | VAT rate in percent
			vat_amount                amount  | VAT amount
			gross_amount!             amount  | Gross amount
			lines[]/description       text
			lines[]/quantity          number
			lines[]/unit_price        amount
			lines[]/amount            amount`,
		theme: theme{family: "Helvetica", size: 9.5, accent: [3]int{120, 72, 24}, margin: 54},
		footer: []block{columns(0.5,
			stack(lines(font{size: 7.5, gray: true}, "Holzwerk Tauern GmbH, FN 418820 k", "UID {supplier/vat_id|ATU67104418}")),
			stack(lines(font{size: 7.5, gray: true}, "Bank: Karawanken Bank", "IBAN {supplier/iban|AT61 1904 3002 3457 3201}   BIC {supplier/bic|KARWAT2K}")))},
		body: []block{
			lines(font{size: 15, bold: true, align: 'R', accent: true}, "{supplier/name|Holzwerk Tauern GmbH}"),
			lines(font{size: 8, align: 'R', gray: true}, "{supplier/street|Sägestraße 4}", "9800 Spittal an der Drau, Austria",
				"{supplier/email|buero@holzwerk-tauern.example}", "{supplier/website|https://holzwerk-tauern.example}"),
			gap(16),
			lines(font{}, "{customer/name|Seeblick Terrassenbau KG}", "Uferweg 31", "9500 Villach"),
			gap(18),
			lines(font{size: 16, bold: true}, "Invoice"),
			gap(4),
			columns(0.34, stack(above("Invoice number", "{number|AR-26/00871}", "Customer number", "{customer/number|10452}")),
				stack(columns(0.5,
					stack(above("Invoice date", "{issue_date|6 February 2026}", "Delivery date", "{delivery_date|2 February 2026}")),
					stack(above("Payable by", "{due_date|20 February 2026}", "Currency", "{currency|EUR}"))))),
			table(look{}, "lines", cols, rows),
			totals(200, "Net", "{net_amount|"+m.of(net)+"}", "VAT {vat_rate|20 %}", "{vat_amount|"+m.of(vat)+"}",
				"Total EUR", "{gross_amount|"+m.of(net+vat)+"}"),
			para(font{}, "Goods remain our property until paid in full."),
		},
	}
}

// Line items over two pages with a repeated table head and a running header; the sums stand on the last page.
func invoiceTwoPages() document {
	m := money{",", ".", "", ""}
	cols := []col{
		{head: "SKU", field: "sku", share: 0.14},
		{head: "Product", field: "product", share: 0.42},
		{head: "Qty", field: "qty", share: 0.1, align: 'R'},
		{head: "Price", field: "price", share: 0.16, align: 'R'},
		{head: "Ext. price", field: "extended", share: 0.18, align: 'R'},
	}
	skus := []string{
		"LB-1102", "LB-1108", "LB-1130", "GL-2001", "GL-2004", "GL-2017", "GL-2100", "RG-3300", "RG-3312", "RG-3340", "RG-3351", "EQ-4002",
		"EQ-4010", "EQ-4055", "EQ-4101", "SF-5001", "SF-5003", "SF-5010", "SF-5022", "SF-5031", "CS-6100", "CS-6104", "CS-6107", "CS-6120",
		"CS-6133", "CS-6140",
	}
	rows, sum := priced(m, []sold{
		{"Beaker, borosilicate, 250 ml", 24, 415},
		{"Beaker, borosilicate, 600 ml", 12, 640},
		{"Erlenmeyer flask, 500 ml", 18, 785},
		{"Pipette, graduated, 10 ml", 50, 390},
		{"Burette, class A, 50 ml", 6, 6275},
		{"Volumetric flask, 1000 ml", 8, 2840},
		{"Desiccator, 200 mm", 2, 14950},
		{"Sodium chloride, 1 kg", 10, 1825},
		{"Ethanol 96 %, 5 l", 4, 5400},
		{"Buffer solution pH 7.00", 12, 1160},
		{"Indicator paper, roll", 30, 545},
		{"Magnetic stirrer, heated", 2, 28900},
		{"pH meter, bench top", 1, 64500},
		{"Hot plate, ceramic", 3, 21250},
		{"Balance, 0.01 g", 1, 78000},
		{"Nitrile gloves, M, box", 40, 1195},
		{"Safety goggles", 25, 870},
		{"Lab coat, size L", 10, 2950},
		{"Eye wash bottle", 6, 1480},
		{"Spill kit, chemical", 2, 9900},
		{"Filter paper, 110 mm, pack", 20, 935},
		{"Weighing boats, pack of 100", 15, 780},
		{"Sample vials, 20 ml, tray", 8, 3360},
		{"Parafilm, roll", 10, 2775},
		{"Wash bottle, 500 ml", 16, 425},
		{"Test tube rack", 12, 690},
	})
	for i := range rows {
		rows[i] = append([]string{skus[i]}, rows[i]...)
	}
	tax := part(sum, 65)
	return document{
		name: "invoice-04-two-pages", kind: "invoice", title: "Invoice", style: pydantic,
		locale: us("01/02/2006"),
		fields: `
			invoice_id!        text
			invoice_date!      date
			ship_date          date
			due_date           date
			terms              text
			sold_to            text
			ship_to            text
			sales_rep          text
			items[]/sku        text
			items[]/product    text
			items[]/qty        integer
			items[]/price      amount
			items[]/extended   amount
			merchandise_total  amount
			freight            amount
			sales_tax          amount
			amount_due!        amount
			currency           currency
			tax_id             tax_id  | | The seller's federal tax id (EIN)
			late_fee           amount`,
		theme: theme{family: "Helvetica", size: 10.5, accent: [3]int{60, 60, 60}, margin: 45, letter: true},
		header: []block{
			lines(font{size: 8, gray: true}, "Invoice {invoice_id|558-20931} - continued"), gap(6),
		},
		footer: []block{pageNumber(font{size: 8, align: 'C', gray: true}, "Page %d of 2")},
		body: []block{
			banner("Larkin Laboratory Supply", "INVOICE"),
			grid(4, "Invoice #", "{invoice_id|558-20931}", "Date", "{invoice_date|01/19/2026}", "Terms", "{terms|Net 30}",
				"Due date", "{due_date|02/18/2026}", "Order #", "W-88125", "Order date", "01/12/2026", "Shipped", "{ship_date|01/16/2026}",
				"Sales rep", "{sales_rep|B. Whitlock}"),
			columns(0.5,
				stack(lines(font{bold: true}, "Sold to"), lines(font{}, "{sold_to|Pinecrest Community College}", "Accounts Payable", "1200 College Loop, Boise, ID 83702")),
				stack(lines(font{bold: true}, "Ship to"), lines(font{}, "{ship_to|Pinecrest Science Annex}", "14 Research Way", "Boise, ID 83706"))),
			gap(12),
			table(look{bar: true, again: true}, "items", cols, rows),
			totals(210, "Merchandise total", "{merchandise_total|"+m.of(sum)+"}", "Freight", "{freight|84.60}",
				"Sales tax 6.5%", "{sales_tax|"+m.of(tax)+"}", "Amount due ({currency|USD})", "{amount_due|"+m.of(sum+tax+8460)+"}"),
			lines(font{gray: true}, "EIN {tax_id|82-4410937}"),
		},
	}
}

// Swiss franc amounts with apostrophes, a key-value grid, a framed table, two totals in two currencies.
func invoiceSwissGrid() document {
	m := money{"'", ".", "", ""}
	cols := []col{
		{head: "No.", share: 0.07},
		{head: "Service", field: "service", share: 0.48},
		{head: "Hours", field: "hours", share: 0.12, align: 'R'},
		{head: "Rate CHF", field: "rate", share: 0.15, align: 'R'},
		{head: "CHF", field: "amount", share: 0.18, align: 'R'},
	}
	rows, sum := priced(m, []sold{
		{"Structural survey, old town wing", 38, 18500},
		{"Load calculations", 22, 21000},
		{"Site meetings", 9, 18500},
	})
	for i := range rows {
		rows[i] = append([]string{string(rune('1' + i))}, rows[i]...)
	}
	vat := part(sum, 81)
	return document{
		name: "invoice-05-swiss-grid", kind: "invoice", title: "Fee invoice", style: nullable,
		locale: ch("02.01.2006"),
		fields: `
			invoice_number!     text     | Invoice number
			project             text     | Project
			invoice_date!       date     | Invoice date
			service_period_start date    | Start of the service period
			service_period_end  date     | End of the service period
			payment_due         date     | Payment due
			creditor            text     | Name of the creditor
			creditor_uid        tax_id   | UID | Swiss company and VAT number
			debtor              text     | Name of the debtor
			iban                iban     | IBAN
			reference           text     | Payment reference
			contact_phone       phone    | Telephone for questions
			currency            currency | Currency of the invoice
			fees_total          amount   | Fees before VAT
			vat                 amount   | VAT
			total!              amount   | Total in the invoice's currency
			total_eur           amount   | Total in euro
			services[]/service  text     | Service
			services[]/hours    number   | Hours
			services[]/rate     amount   | Hourly rate
			services[]/amount   amount   | Amount
			early_payment_discount number | Discount for early payment in percent`,
		theme: theme{family: "Helvetica", size: 9.5, accent: [3]int{180, 30, 30}, margin: 50},
		body: []block{
			lines(font{size: 14, bold: true}, "{creditor|Rhyner Bauingenieure AG}"),
			lines(font{gray: true}, "Bahnhofplatz 8, 7000 Chur", "{creditor_uid|CHE-114.820.337} MWST"),
			gap(14),
			lines(font{}, "{debtor|Stiftung Altstadt Ilanz}", "Städtlistrasse 2", "7130 Ilanz"),
			gap(14),
			lines(font{size: 14, bold: true, accent: true}, "FEE INVOICE"),
			gap(6),
			grid(3, "Invoice no.", "{invoice_number|H-2601-17}", "Date", "{invoice_date|30.01.2026}", "Payable until", "{payment_due|01.03.2026}",
				"Project", "{project|Kornhaus renovation}", "Services from", "{service_period_start|01.12.2025}", "Services until", "{service_period_end|31.12.2025}"),
			table(look{frame: true}, "services", cols, rows),
			totals(220, "Fees", "{fees_total|"+m.of(sum)+"}", "VAT 8.1 %", "{vat|"+m.of(vat)+"}",
				"Total {currency|CHF}", "{total|"+m.of(sum+vat)+"}"),
			lines(font{gray: true, align: 'R'}, "For information: EUR {total_eur|15'172.61}"),
			boxed(lines(font{bold: true}, "Payment part"),
				colon("Account / payable to:", "{iban|CH93 0076 2011 6238 5295 7}", "Reference:", "{reference|21 00000 00003 13947 14300 09017}")),
			lines(font{}, "Questions? Call {contact_phone|+41 81 555 01 44}."),
		},
	}
}

// Seller and buyer side by side in boxes, British dates, groups of lines with headings inside the table.
func invoiceBritishBoxes() document {
	m := money{",", ".", "£", ""}
	cols := []col{
		{head: "Details", field: "details", share: 0.58},
		{head: "Units", field: "units", share: 0.12, align: 'C'},
		{head: "Unit £", field: "unit_cost", share: 0.14, align: 'R'},
		{head: "Line total", field: "line_total", share: 0.16, align: 'R'},
	}
	first, sum1 := priced(m, []sold{{"Marquee 6 x 12 m, two days", 1, 84000}, {"Wooden flooring per sq m", 72, 650}})
	second, sum2 := priced(m, []sold{{"Chiavari chair, limewash", 90, 340}, {"Round table 5 ft 6", 9, 975}})
	rows := append([][]string{{"Structures"}}, first...)
	rows = append(append(rows, []string{"Furniture"}), second...)
	net := sum1 + sum2
	vat := part(net, 200)
	return document{
		name: "invoice-06-uk-boxes", kind: "invoice", title: "HireInvoice", style: pydantic,
		locale: us("02/01/2006"),
		fields: `
			invoiceRef!         text    | Invoice reference
			taxPoint            date    | Tax point
			eventDate           date    | Date of the event
			balanceDue          date    | Date by which the balance is due
			supplier            text    | Supplier name
			supplierVat         tax_id  | Supplier's VAT registration number
			supplierPhone       phone
			client              text    | Client name
			clientEmail         email
			lines[]/details     text
			lines[]/units       integer
			lines[]/unitCost    amount
			lines[]/lineTotal   amount
			net                 amount
			vat                 amount
			total!              amount  | Total including VAT
			depositPaid         amount
			amountOutstanding   amount
			currency            currency
			depositRefundable   boolean | Whether the deposit is refundable
			poNumber            text`,
		theme: theme{family: "Times", size: 11, accent: [3]int{40, 60, 50}, margin: 52},
		body: []block{
			lines(font{size: 22, italic: true, align: 'C', accent: true}, "{supplier|Greenhollow Marquees}"),
			lines(font{size: 9, align: 'C', gray: true}, "The Old Dairy, Nettle Lane, Shaftesbury SP7 8XX   Tel {supplierPhone|01632 960 118}   VAT Reg No {supplierVat|GB 284 1190 57}"),
			gap(14),
			columns(0.5,
				stack(boxed(lines(font{bold: true}, "Client"), lines(font{}, "{client|Fenwick & Dora Aldous}", "2 Quarry Cottages, Tisbury", "{clientEmail|dora.aldous@postbox.example}"))),
				stack(boxed(tabbed(95, "Invoice ref", "{invoiceRef|GM/1482}", "Tax point", "{taxPoint|23/02/2026}", "Event date", "{eventDate|13/06/2026}", "Balance due", "{balanceDue|30/05/2026}")))),
			table(look{frame: true, zebra: true}, "lines", renamed(cols, "unit_cost", "unitCost", "line_total", "lineTotal"), rows),
			totals(230, "Net", "{net|"+m.of(net)+"}", "VAT at 20%", "{vat|"+m.of(vat)+"}",
				"Total", "{total|{currency|£|GBP}"+m.of(net + vat)[len("£"):]+"}"),
			totals(230, "Deposit received 20/02/2026", "{depositPaid|£500.00}", "Outstanding", "{amountOutstanding|"+m.of(net+vat-50000)+"}"),
			para(font{italic: true}, "{depositRefundable|The deposit is not refundable|false} after 1 May 2026."),
		},
	}
}

// renamed returns columns with fields renamed, old and new in turn.
func renamed(cols []col, oldNew ...string) []col {
	for i := range cols {
		for _, p := range pairsOf(oldNew) {
			if cols[i].field == p.label {
				cols[i].field = p.value
			}
		}
	}
	return cols
}

// German labels throughout.
func invoiceGerman() document {
	m := money{".", ",", "", " €"}
	cols := []col{
		{head: "Bezeichnung", field: "bezeichnung", share: 0.5},
		{head: "Menge", field: "menge", share: 0.12, align: 'R'},
		{head: "Einzelpreis", field: "einzelpreis", share: 0.19, align: 'R'},
		{head: "Gesamt", field: "gesamt", share: 0.19, align: 'R'},
	}
	rows, net := priced(m, []sold{
		{"Druck Flyer DIN lang, 5.000 Stück", 1, 18990},
		{"Plakat A1, 170 g", 40, 785},
		{"Gestaltung, pauschal", 1, 42000},
	})
	vat := part(net, 190)
	return document{
		name: "invoice-07-german", kind: "invoice", lang: "de", title: "Rechnung", style: nullable,
		locale: eu("02.01.2006"),
		fields: `
			rechnungsnummer!          text    | Rechnungsnummer
			rechnungsdatum!           date    | Rechnungsdatum
			leistungsdatum            date    | Leistungsdatum
			kundennummer              text    | Kundennummer
			absender                  text    | Name des Rechnungsstellers
			ust_id                    tax_id  | USt-IdNr. des Rechnungsstellers
			iban                      iban    | IBAN
			nettobetrag               amount  | Nettobetrag
			mehrwertsteuer            amount  | Betrag der Mehrwertsteuer
			gesamtbetrag!             amount  | Gesamtbetrag einschließlich Mehrwertsteuer
			waehrung                  currency | Währung | ISO-Code
			skonto_prozent            number  | Skonto in Prozent
			mahngebuehr               amount  | Mahngebühr
			positionen[]/bezeichnung  text    | Bezeichnung
			positionen[]/menge        number  | Menge
			positionen[]/einzelpreis  amount  | Einzelpreis
			positionen[]/gesamt       amount  | Gesamtpreis`,
		theme: blueSans(),
		body: []block{
			lines(font{size: 18, bold: true, accent: true}, "{absender|Offsetdruck Mühlbach GmbH}"),
			lines(font{size: 8, gray: true}, "Am Gleis 7, 01277 Dresden"),
			gap(20),
			columns(0.58,
				stack(lines(font{}, "Kulturverein Elbhang e. V.", "Pillnitzer Straße 90", "01326 Dresden")),
				stack(tabbed(100, "Rechnungsnummer", "{rechnungsnummer|R-11824}", "Rechnungsdatum", "{rechnungsdatum|11.02.2026}",
					"Leistungsdatum", "{leistungsdatum|09.02.2026}", "Kundennummer", "{kundennummer|K 3071}"))),
			lines(font{size: 15, bold: true}, "Rechnung"),
			gap(6),
			table(look{zebra: true}, "positionen", cols, rows),
			totals(220, "Nettobetrag", "{nettobetrag|"+m.of(net)+"}", "zzgl. 19 % MwSt.", "{mehrwertsteuer|"+m.of(vat)+"}",
				"Gesamtbetrag", "{gesamtbetrag|"+money{".", ",", "", " "}.of(net+vat)+"{waehrung|€|EUR}}"),
			para(font{}, "Zahlbar innerhalb von 10 Tagen mit {skonto_prozent|2 %} Skonto oder innerhalb von 30 Tagen netto."),
			rule(),
			lines(font{size: 8, gray: true}, "USt-IdNr. {ust_id|DE811907620}    IBAN {iban|DE17 8505 0300 3120 4471 18}    Elbe Sparbank"),
		},
	}
}

// A freelancer's letter: hours in a table without lines, the sum in a sentence and at the left.
func invoiceFreelance() document {
	cols := []col{
		{head: "Week of", field: "week", share: 0.2},
		{head: "Work", field: "work", share: 0.5},
		{head: "Hours", field: "hours", share: 0.12, align: 'R'},
		{head: "Fee", field: "fee", share: 0.18, align: 'R'},
	}
	return document{
		name: "invoice-08-freelance", kind: "invoice", title: "Freelance invoice", style: plain,
		locale: us("January 2, 2006", "Jan 2"),
		fields: `
			invoice_no!      text     | | Number of the invoice
			date!            date     | | Date of the letter
			from             text     | | Name of the freelancer
			to               text     | | Name of the client company
			attention        text     | | Person the letter is addressed to
			hourly_rate      amount
			total_hours      number
			total!           amount
			currency         currency
			due_in_days      integer  | | Days until payment is due
			paypal           email
			routing_number   text
			tax              amount
			work[]/week      text
			work[]/work      text
			work[]/hours     number
			work[]/fee       amount`,
		theme: usSerif(),
		body: []block{
			lines(font{align: 'R'}, "{from|Calliope Ostrander}", "Technical illustration", "66 Mill Pond Road, Ithaca, NY", "{date|February 27, 2026}"),
			gap(16),
			lines(font{}, "{to|Brightwater Press}", "Attn: {attention|Hollis Remington}", "9 Canal Street, Troy, NY"),
			gap(16),
			lines(font{bold: true}, "Invoice No. {invoice_no|27}"),
			gap(6),
			para(font{}, "For illustrations of the textbook Field Guide to Freshwater Algae, at the agreed rate of {hourly_rate|$72.00} an hour:"),
			table(look{bare: true}, "work", cols, [][]string{
				{"Feb 2", "Pencil drafts, chapters 1-3", "11.5", "$828.00"},
				{"Feb 9", "Ink and colour, chapters 1-2", "16", "$1,152.00"},
				{"Feb 16", "Corrections after review", "4.25", "$306.00"},
			}),
			lines(font{}, "Total hours: {total_hours|31.75}"),
			lines(font{bold: true}, "Amount due: {total|{currency|$|USD}2,286.00}"),
			gap(8),
			para(font{}, "Payment is due within {due_in_days|21 days} of the date of this letter, by check or by PayPal to {paypal|calliope@ostrander.example}. No sales tax applies."),
			gap(14),
			lines(font{italic: true}, "Calliope Ostrander"),
		},
	}
}
