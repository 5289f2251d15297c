package main

// A utility bill: a previous balance, payments and a new balance; the amount to pay stands among other sums.
func invoiceUtilityText() document {
	return document{
		name: "invoice-09-utility-text", kind: "invoice", title: "Utility bill", style: nullable,
		locale: us("Jan 2, 2006"),
		fields: `
			account_number!     text     | Account number
			customer_name       text     | Customer name
			service_address     text     | Service address
			bill_date!          date     | Bill date
			due_date!           date     | Due date
			previous_balance    amount   | Previous balance
			payment_received    amount   | Payment received
			current_charges     amount   | Current charges
			amount_due!         amount   | Total amount due
			kwh_used            integer  | Kilowatt hours used
			meter_number        text     | Meter number
			autopay             boolean  | Enrolled in autopay
			paperless           boolean  | Enrolled in paperless billing
			outage_phone        phone    | Number to report an outage
			website             url      | Website
			late_charge         amount   | Late charge on this bill`,
		text: `
CEDAR FALLS MUNICIPAL POWER                                  ELECTRIC BILL
{website|https://power.cedarfalls.example}

Account Number ......... {account_number|3300-41827-6}
Customer ............... {customer_name|Wendeline Achterberg}
Service Address ........ {service_address|905 Bluff Street, Unit 2}
Bill Date .............. {bill_date|Feb 3, 2026}
Due Date ............... {due_date|Feb 24, 2026}

METER READING
Meter Number   Read Date      Previous   Current   kWh Used
{meter_number|E7710325}       Jan 30, 2026   18,204     19,016    {kwh_used|812}

ACCOUNT SUMMARY
Previous Balance                                              {previous_balance|$118.40}
Payment Received - Thank You (Jan 21)                         {payment_received|$118.40}
Balance Forward                                                 $0.00
Current Charges                                               {current_charges|$131.77}
TOTAL AMOUNT DUE                                              {amount_due|$131.77}

{autopay|AutoPay: Not enrolled|false}
{paperless|Paperless billing: Enrolled|true}

To report an outage call {outage_phone|1-800-555-0173}, day or night.
`,
	}
}

// A credit note: negative amounts, the number of the invoice it corrects as a decoy.
func creditNoteText() document {
	cols := []col{
		{head: "Article", field: "article", share: 12},
		{head: "Description", field: "description", share: 34},
		{head: "Qty", field: "quantity", share: 6, align: 'R'},
		{head: "Amount GBP", field: "amount", share: 14, align: 'R'},
	}
	return document{
		name: "invoice-10-credit-note-text", kind: "invoice", title: "CreditNote", style: pydantic,
		locale: us("02 Jan 2006"),
		fields: `
			document_type       enum(invoice,credit_note,proforma)
			credit_note_number! text
			original_invoice    text  | | Number of the invoice that is corrected
			date!               date  | | Date of the credit note
			original_date       date  | | Date of the original invoice
			company             text  | | Company that issues the document
			customer            text
			reason              text
			vat_registration    tax_id
			company_number      text
			lines[]/article     text
			lines[]/description text
			lines[]/quantity    integer
			lines[]/amount      amount
			net                 amount
			vat                 amount
			total!              amount
			currency            currency
			refund_iban         iban
			due_date            date`,
		text: `
{company|Thistledown Lighting Ltd}, Unit 6 Forge Park, Leeds LS9 0XX
Company No. {company_number|07419926}   VAT Reg. {vat_registration|GB193445208}

                       {document_type|CREDIT NOTE}

Credit note no:    {credit_note_number|CN-00318}
Date:              {date|16 Feb 2026}
Relates to:        Invoice {original_invoice|INV-14402} of {original_date|29 Jan 2026}
Customer:          {customer|Bellweather Hotels plc}
Reason:            {reason|Goods damaged in transit}

` + textTable("lines", cols, [][]string{
			{"WL-220", "Wall lamp, brushed nickel", "4", "-188.00"},
			{"SH-041", "Glass shade, opal", "7", "-94.50"},
		}) + `
                                      Net       {net|-282.50}
                                      VAT 20%    {vat|-56.50}
                                      Total {currency|GBP} {total|-339.00}

The credit is paid to your account {refund_iban|GB29 NWBK 6016 1331 9268 19}.
`,
	}
}

// A subscription invoice as an e-mail: every label on a line of its own, the value on the next.
func invoiceSubscriptionText() document {
	return document{
		name: "invoice-11-subscription-text", kind: "invoice", title: "Subscription invoice", style: nullable,
		locale: us("2006-01-02"),
		fields: `
			invoice_number!   text     | Invoice number
			issued!           date     | Date of issue
			period_start      date     | Start of the billing period
			period_end        date     | End of the billing period
			seller            text     | Seller
			seller_vat_id     tax_id   | VAT ID of the seller
			billed_to         text     | Billed to
			billing_email     email    | Billing email
			plan              text     | Plan
			seats             integer  | Number of seats
			price_per_seat    amount   | Price per seat
			subtotal          amount   | Subtotal
			vat               amount   | VAT
			total!            amount   | Total
			currency          currency | Currency
			payment_status    enum(paid,unpaid,overdue) | Payment status
			vat_included      boolean  | Prices include VAT
			coupon            text     | Coupon code`,
		text: `
Hello,

thank you for staying with us. Here is your invoice.

Invoice number
{invoice_number|TBQ-2026-004471}

Date of issue
{issued|2026-02-01}

Billing period
{period_start|2026-02-01} to {period_end|2026-02-28}

Billed to
{billed_to|Orrin & Slate Architects}
{billing_email|accounts@orrinslate.example}

Plan
{plan|Studio Annual Flex}

Seats
{seats|18}

Price per seat
{price_per_seat|14.00}

Subtotal
{subtotal|252.00}

VAT (21%)
{vat|52.92}

Total
{currency|EUR} {total|304.92}

Status
{payment_status|Paid}

{vat_included|Prices do not include VAT|false}. Payment was taken from the card ending in 5520.

{seller|Tabquill Software B.V.}
Prinsenkade 77, 4811 Breda, Netherlands
VAT ID {seller_vat_id|NL863310471B01}
`,
	}
}
