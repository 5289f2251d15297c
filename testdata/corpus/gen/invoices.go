package main

func invoices() []document {
	return []document{
		invoiceColonUS(), invoiceTextEU(), invoiceAboveAustria(), invoiceTwoPages(), invoiceSwissGrid(), invoiceBritishBoxes(),
		invoiceGerman(), invoiceFreelance(), invoiceUtilityText(), creditNoteText(), invoiceSubscriptionText(),
		invoiceThreeColumns(), invoiceForwarder(), invoiceDunningText(),
		invoiceFrenchSidebar(), invoiceGSTBoxes(), invoiceUsageText(),
	}
}

// Labels and values with colons at the right of a letterhead, a table with a coloured head, totals at the right.
func invoiceColonUS() document {
	cols := []col{
		{head: "Description", field: "description", share: 0.52},
		{head: "Qty", field: "quantity", share: 0.12, align: 'R'},
		{head: "Unit price", field: "unit_price", share: 0.18, align: 'R'},
		{head: "Amount", field: "amount", share: 0.18, align: 'R'},
	}
	return document{
		name: "invoice-01-colon-us", kind: "invoice", title: "Invoice", style: nullable,
		locale: us("January 2, 2006"),
		fields: `
			invoice_number!          text     | Invoice number
			invoice_date!            date     | Invoice date | Date on which the invoice was issued
			due_date                 date     | Due date | Date by which it must be paid
			purchase_order           text     | Purchase order | The buyer's order number
			vendor_name!             text     | Vendor | Name of the company that sends the invoice
			vendor_email             email    | Vendor email
			vendor_phone             phone    | Vendor phone
			customer_name!           text     | Customer | Name of the company that is billed
			currency                 currency | Currency | ISO 4217 code
			subtotal                 amount   | Subtotal | Sum before tax
			tax                      amount   | Tax | Tax amount
			total!                   amount   | Total | Amount to pay, tax included
			discount                 amount   | Discount | Discount amount
			line_items[]/description text     | Description
			line_items[]/quantity    number   | Quantity
			line_items[]/unit_price  amount   | Unit price
			line_items[]/amount      amount   | Amount`,
		theme: greenSans(),
		body: []block{
			columns(0.55,
				stack(
					lines(font{size: 17, bold: true, accent: true}, "{vendor_name|Northgate Fixtures LLC}"),
					lines(font{gray: true}, "418 Tannery Row, Suite 9", "Dayton, OH 45402",
						"{vendor_phone|(937) 555-0148}", "{vendor_email|billing@northgatefixtures.example}"),
				),
				stack(
					lines(font{size: 20, bold: true, align: 'R'}, "INVOICE"),
					gap(4),
					colon("Invoice number:", "{invoice_number|NF-20418}",
						"Invoice date:", "{invoice_date|March 4, 2026}",
						"Due date:", "{due_date|April 3, 2026}",
						"PO number:", "{purchase_order|PO-7731}"),
				)),
			gap(14),
			lines(font{bold: true}, "Bill to"),
			lines(font{}, "{customer_name|Harlan & Voss Interiors Inc.}", "77 Orchard Street", "Columbus, OH 43215"),
			gap(14),
			table(look{bar: true, zebra: true}, "line_items", cols, [][]string{
				{"Brass cabinet pull, 128 mm", "40", "$6.75", "$270.00"},
				{"Soft-close hinge, pair", "24", "$9.20", "$220.80"},
				{"Oak drawer front 600 x 140", "12", "$31.50", "$378.00"},
				{"Delivery to site", "1", "$85.00", "$85.00"},
			}),
			totals(190, "Subtotal", "{subtotal|$953.80}", "Sales tax (7.25%)", "{tax|$69.15}",
				"Total due", "{total|{currency|$|USD}1,022.95}"),
			gap(10),
			para(font{gray: true}, "Please make checks payable to Northgate Fixtures LLC. Thank you for your business."),
		},
	}
}

// A plain text mail with European numbers and two dates beside the one that is asked for.
func invoiceTextEU() document {
	cols := []col{
		{head: "Pos", share: 5},
		{head: "Item", field: "name", share: 34},
		{head: "Qty", field: "qty", share: 6, align: 'R'},
		{head: "Price EUR", field: "price", share: 13, align: 'R'},
		{head: "Total EUR", field: "total", share: 13, align: 'R'},
	}
	return document{
		name: "invoice-02-text-eu", kind: "invoice", title: "SupplierInvoice", style: pydantic,
		locale: eu("02.01.2006"),
		fields: `
			invoiceNo!      text
			issuedOn!       date     | | Issue date of the invoice
			deliveredOn     date     | | Date of delivery
			payBy           date     | | Last day of payment
			seller/name!    text     | | Legal name of the seller
			seller/vatId    tax_id   | | VAT identification number of the seller
			seller/iban     iban     | | IBAN to pay to
			seller/bic      text
			buyer/name!     text
			buyer/vatId     tax_id
			currency!       enum(EUR,USD,GBP,CHF)
			netTotal        amount
			vatAmount       amount
			grossTotal!     amount   | | Total including VAT
			reverseCharge   boolean  | | Whether the reverse charge rule applies
			rows[]/name     text
			rows[]/qty      integer
			rows[]/price    amount
			rows[]/total    amount`,
		text: `
{seller/name|Brandl Messtechnik GmbH}
Lindenallee 14
93047 Regensburg
Germany

To:
{buyer/name|Ardent Process Control B.V.}
Havenweg 220
3089 JK Rotterdam

INVOICE

Invoice No.        {invoiceNo|2026-0193}
Invoice date       {issuedOn|17.02.2026}
Date of delivery   {deliveredOn|12.02.2026}
Order date         28.01.2026
VAT ID (seller)    {seller/vatId|DE298114506}
VAT ID (buyer)     {buyer/vatId|NL850112233B01}

` + textTable("rows", cols, [][]string{
			{"1", "Pressure sensor PX-40", "6", "148,00", "888,00"},
			{"2", "Mounting flange DN25", "6", "22,50", "135,00"},
			{"3", "Calibration certificate", "6", "35,00", "210,00"},
		}) + `
Net amount                                    {netTotal|1.233,00}
VAT 0 %                                           {vatAmount|0,00}
Total amount                              {currency|EUR}  {grossTotal|1.233,00}

Tax liability of the recipient ({reverseCharge|reverse charge|true}).
Payable without deduction until {payBy|19.03.2026}.

Bank: Donaubank Regensburg
IBAN: {seller/iban|DE04 7502 0073 0012 3456 78}
BIC:  {seller/bic|DOBKDEMM}
`,
	}
}
