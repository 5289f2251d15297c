package main

import "fmt"

// demo is the invoice that the program shows off with: two pages, everything that extraction is asked for.
func demo() ([]file, error) {
	b, err := build(demoInvoice())
	if err != nil {
		return nil, err
	}
	if err := check(b); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return []file{
		{"invoice.pdf", b.source},
		{"schema.json", b.schema},
		{"expected.json", b.expected},
	}, nil
}

func demoInvoice() document {
	m := money{",", ".", "", ""}
	cols := []col{
		{head: "Pos.", share: 0.07},
		{head: "Description", field: "description", share: 0.45},
		{head: "Qty", field: "quantity", share: 0.1, align: 'R'},
		{head: "Unit price", field: "unit_price", share: 0.18, align: 'R'},
		{head: "Amount", field: "amount", share: 0.2, align: 'R'},
	}
	rows, net := priced(m, []sold{
		{"Cupping table, oak, 120 cm", 2, 48900},
		{"Sample roaster, 300 g, electric", 1, 219000},
		{"Burr grinder, 64 mm flat", 3, 34950},
		{"Moisture meter, bench", 1, 61200},
		{"Cupping bowl, porcelain, 220 ml", 48, 620},
		{"Cupping spoon, stainless steel", 24, 890},
		{"Green coffee sample tray", 30, 415},
		{"Pour-over kettle, 1.0 l, gooseneck", 6, 7450},
		{"Digital scale, 0.1 g, timer", 6, 4890},
		{"Water filter cartridge", 12, 1875},
		{"Aroma reference set, 36 vials", 1, 32900},
		{"Vacuum storage canister, 5 l", 8, 3980},
		{"Roast colour meter, hand-held", 1, 124000},
		{"Barista apron, waxed canvas", 5, 5650},
		{"Knock box, beech", 2, 6300},
		{"Bag sealer, 30 cm", 1, 11900},
		{"Colour disc set for roast degree", 2, 14500},
		{"Installation and calibration, on site", 1, 68000},
		{"Training, half a day", 2, 39000},
		{"Freight, insured", 1, 23450},
	})
	for i := range rows {
		rows[i] = append([]string{fmt.Sprint(i + 1)}, rows[i]...)
	}
	vat := part(net, 190)
	return document{
		name: "demo", kind: "invoice", title: "Invoice", style: nullable,
		locale: us("2 January 2006"),
		fields: `
			invoice_number!           text     | Invoice number
			invoice_date!             date     | Invoice date | Date on which the invoice was issued
			delivery_date             date     | Delivery date
			due_date                  date     | Due date | Date by which the invoice must be paid
			order_number              text     | Order number | The buyer's order number
			vendor                    object   | Vendor | The company that sends the invoice
			vendor/name!              text     | Vendor name
			vendor/vat_id             tax_id   | Vendor VAT ID
			vendor/email              email    | Vendor e-mail
			vendor/phone              phone    | Vendor phone
			buyer                     object   | Buyer | The company that is billed
			buyer/name!               text     | Buyer name
			buyer/vat_id              tax_id   | Buyer VAT ID
			line_items                array    | Line items
			line_items[]/description  text     | Description
			line_items[]/quantity     number   | Quantity
			line_items[]/unit_price   amount   | Unit price
			line_items[]/amount       amount   | Amount
			currency                  currency | Currency | ISO 4217 code
			net_total                 amount   | Net total | Sum before VAT
			vat_amount                amount   | VAT amount
			total!                    amount   | Total | Amount to pay, VAT included
			iban                      iban     | IBAN
			bic                       text     | BIC
			purchase_approved_by      text     | Approved by | Name of the person who approved the purchase, if it is stated`,
		theme: theme{family: "Helvetica", size: 10.5, accent: [3]int{111, 66, 38}, margin: 52},
		header: []block{
			columns(0.5, stack(lines(font{bold: true, accent: true}, "Morrow & Finch Coffee Equipment GmbH")), stack(lines(font{gray: true, align: 'R'}, "Invoice {invoice_number|MF-2026-0417}, page 2 of 2"))),
			rule(),
		},
		footer: []block{columns(0.5,
			stack(lines(font{size: 7.5, gray: true}, "Morrow & Finch Coffee Equipment GmbH, Hamburg", "VAT ID {vendor/vat_id|DE311842097}")),
			stack(lines(font{size: 7.5, gray: true}, "Bank: Alster Handelsbank", "IBAN {iban|DE26 2005 0550 1238 1546 09}   BIC {bic|ALHBDEHH}")))},
		body: []block{
			columns(0.55,
				stack(lines(font{size: 20, bold: true, accent: true}, "Morrow & Finch"), lines(font{size: 9, gray: true}, "COFFEE EQUIPMENT")),
				stack(lines(font{bold: true, align: 'R'}, "{vendor/name|Morrow & Finch Coffee Equipment GmbH}"),
					lines(font{size: 8.5, gray: true, align: 'R'}, "Speicherstrasse 18, 20457 Hamburg, Germany", "{vendor/phone|+49 40 555 0193}", "{vendor/email|billing@morrowfinch.example}"))),
			gap(26),
			columns(0.55,
				stack(lines(font{size: 8, gray: true}, "Bill to"),
					lines(font{bold: true}, "{buyer/name|Blue Heron Roasters ApS}"), lines(font{}, "Havnegade 52", "8000 Aarhus C, Denmark", "VAT ID {buyer/vat_id|DK37554219}")),
				stack(tabbed(105, "Invoice number", "{invoice_number|MF-2026-0417}", "Invoice date", "{invoice_date|3 March 2026}", "Delivery date", "{delivery_date|26 February 2026}",
					"Due date", "{due_date|2 April 2026}", "Your order", "{order_number|BH-PO-2291}"))),
			gap(16),
			lines(font{size: 22, bold: true, accent: true}, "Invoice"),
			gap(8),
			para(font{}, "Thank you for your order. We delivered and installed the equipment of your new cupping room as agreed:"),
			gap(4),
			table(look{bar: true, zebra: true, again: true, airy: true}, "line_items", cols, rows),
			totals(220, "Net total", "{net_total|"+m.of(net)+"}", "VAT 19 %", "{vat_amount|"+m.of(vat)+"}", "Total {currency|EUR}", "{total|"+m.of(net+vat)+"}"),
			para(font{}, "Please pay the total by 2 April 2026 to the account below and quote the invoice number."),
			para(font{gray: true}, "The goods remain our property until they are paid in full. Warranty: 24 months from the date of delivery."),
		},
	}
}
