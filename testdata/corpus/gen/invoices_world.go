package main

// A French invoice: everything about the document in a bar at the left, the table and the sums beside it; two rates of tax, a sum paid before.
func invoiceFrenchSidebar() document {
	cols := []col{
		{head: "Désignation", field: "designation", share: 0.46},
		{head: "Qté", field: "quantite", share: 0.1, align: 'R'},
		{head: "P.U. HT", field: "prixUnitaireHt", share: 0.16, align: 'R'},
		{head: "TVA", field: "tauxTva", share: 0.12, align: 'R'},
		{head: "Montant HT", field: "montantHt", share: 0.16, align: 'R'},
	}
	return document{
		name: "invoice-15-french-sidebar", kind: "invoice", lang: "fr", title: "Facture", style: pydantic,
		locale: eu("02/01/2006"),
		fields: `
			numero!                 text
			dateEmission!           date
			echeance                date
			devis                   text   | | Numéro du devis accepté
			chantier                text   | | Adresse du chantier
			emetteur/nom!           text
			emetteur/siret          text
			emetteur/tvaIntra       tax_id | | Numéro de TVA intracommunautaire
			emetteur/telephone      phone
			emetteur/iban           iban
			client/nom!             text
			client/siret            text
			lignes[]/designation    text
			lignes[]/quantite       number
			lignes[]/prixUnitaireHt amount
			lignes[]/tauxTva        number
			lignes[]/montantHt      amount
			totalHt                 amount
			totalTva                amount
			totalTtc                amount
			acompte                 amount | | Acompte déjà versé
			netAPayer!              amount
			penalites               number | | Taux annuel des pénalités de retard
			escompte                boolean | | Escompte pour paiement anticipé`,
		theme: theme{family: "Helvetica", size: 9, accent: [3]int{40, 80, 150}, margin: 42},
		body: []block{
			columns(0.28,
				stack(
					lines(font{size: 13, bold: true, accent: true}, "{emetteur/nom|Plomberie Garrigue}"),
					lines(font{size: 7.5}, "SARL au capital de 8 000 €", "5, rue des Micocouliers", "34070 Montpellier", "Tél. {emetteur/telephone|04 55 50 18 33}"),
					gap(12),
					above("FACTURE N°", "{numero|F2026-0088}", "ÉMISE LE", "{dateEmission|03/03/2026}", "À RÉGLER AVANT LE", "{echeance|02/04/2026}", "DEVIS ACCEPTÉ", "{devis|D2026-0031} du 19/01/2026",
						"CHANTIER", "{chantier|27 bis, rue Foch}", "SIRET", "{emetteur/siret|812 447 190 00027}", "TVA INTRACOM.", "{emetteur/tvaIntra|FR 38 812447190}", "IBAN", "{emetteur/iban|FR87 3000 4008 2800 0123 4567 643}")),
				stack(
					lines(font{align: 'R'}, "{client/nom|Mme Solène Arribat}", "12, avenue du Lez", "34000 Montpellier"),
					gap(24),
					ledger(look{}, "lignes", cols, [][]string{
						{"Chauffe-eau 200 l, pose incluse", "1", "640,00", "10 %", "640,00"},
						{"Robinet thermostatique", "6", "42,50", "10 %", "255,00"},
						{"Main-d'œuvre (heures)", "7,5", "52,00", "10 %", "390,00"},
						{"Climatiseur mural 3,5 kW", "1", "1 180,00", "20 %", "1 180,00"},
					}),
					totals(190, "Total HT", "{totalHt|2 465,00 €}", "TVA 10 % sur 1 285,00", "128,50 €", "TVA 20 % sur 1 180,00", "236,00 €", "Total TVA", "{totalTva|364,50 €}", "Total TTC", "{totalTtc|2 829,50 €}"),
					totals(190, "À déduire, acompte du 26/01/2026", "{acompte|800,00 €}", "NET À PAYER", "{netAPayer|2 029,50 €}"),
					para(font{size: 7.5}, "{escompte|Pas d'escompte|false} pour paiement anticipé. En cas de retard : pénalités au taux de {penalites|12,15 %} l'an et indemnité forfaitaire de 40 €."))),
		},
	}
}

// An Indian tax invoice: a frame of boxes, number and date in one cell, tax split in two columns, lakhs, the sum in words.
func invoiceGSTBoxes() document {
	cols := []col{
		{head: "HSN / SAC", field: "hsn", share: 0.09},
		{head: "Particulars", field: "particulars", share: 0.25},
		{head: "Qty", field: "qty", share: 0.08, align: 'R'},
		{head: "Rate per unit", field: "rate", share: 0.11, align: 'R'},
		{head: "Taxable value", field: "taxable", share: 0.14, align: 'R'},
		{head: "CGST 9 %", field: "cgst", share: 0.11, align: 'R'},
		{head: "SGST 9 %", field: "sgst", share: 0.11, align: 'R'},
		{head: "Total (Rs.)", share: 0.11, align: 'R'},
	}
	half := []float64{0.5, 0.5}
	return document{
		name: "invoice-16-gst-boxes", kind: "invoice", title: "GSTInvoice", style: nullable,
		locale: us("2-Jan-06"),
		fields: `
			inv_no!              text
			inv_date!            date
			due                  date    | Due
			po_no                text    | Purchase order
			po_date              date
			supplier/name!       text
			supplier/gstin       tax_id  | GSTIN of the supplier
			supplier/pan         text
			recipient/name!      text
			recipient/gstin      tax_id  | GSTIN of the recipient
			place_of_supply      text
			vehicle_no           text    | Vehicle of the transport
			eway_bill            text
			reverse_charge       boolean
			goods[]/hsn          text
			goods[]/particulars  text
			goods[]/qty          number
			goods[]/rate         amount
			goods[]/taxable      amount
			goods[]/cgst         amount
			goods[]/sgst         amount
			taxable_total        amount
			cgst_total           amount
			sgst_total           amount
			igst_total           amount
			grand_total!         amount
			words                text    | Grand total in words
			currency             currency
			signatory            text    | Who signs
			irn                  text    | Invoice reference number of the portal`,
		theme: theme{family: "Times", size: 9, accent: [3]int{0, 0, 0}, margin: 36},
		body: []block{
			lines(font{size: 12, bold: true, align: 'C'}, "TAX INVOICE"),
			lines(font{size: 8, align: 'R'}, "(ORIGINAL FOR RECIPIENT)"),
			boxes(half, "Supplier", "{supplier/name|Vaigai Precision Castings Pvt. Ltd.}\nPlot 88, SIDCO Estate, Madurai 625007\nGSTIN {supplier/gstin|33AAKCV4471M1Z8}   PAN {supplier/pan|AAKCV4471M}",
				"Invoice no. and date", "{inv_no|VPC/25-26/1187} dt. {inv_date|3-Mar-26}\nDue {due|17-Apr-26} (45 days)"),
			boxes(half, "Recipient (billed to)", "{recipient/name|Narmada Pumps & Valves LLP}\n14 Avinashi Road, Coimbatore 641018\nGSTIN {recipient/gstin|33AATFN2208Q1ZB}",
				"Buyer's order", "{po_no|NPV/PO/0552} dt. {po_date|11-Feb-26}\nPlace of supply: {place_of_supply|Tamil Nadu}\nReverse charge: {reverse_charge|N|false}"),
			boxes([]float64{0.34, 0.33, 0.33}, "Despatched by", "Road", "Vehicle", "{vehicle_no|TN 58 BX 4410}", "E-way bill", "{eway_bill|5714 0882 3316}"),
			gap(6),
			ledger(look{frame: true}, "goods", cols, [][]string{
				{"7325", "Pump casing, cast iron, 18 kg", "240", "1,180.00", "2,83,200.00", "25,488.00", "25,488.00", "3,34,176.00"},
				{"9988", "Machining charges", "240", "145.00", "34,800.00", "3,132.00", "3,132.00", "41,064.00"},
				{"=", "Total", "", "", "{taxable_total|3,18,000.00}", "{cgst_total|28,620.00}", "{sgst_total|28,620.00}", "{grand_total|3,75,240.00}"},
			}),
			lines(font{}, "Amount chargeable ({currency|Rs.|INR}, in words): {words|Three lakh seventy-five thousand two hundred and forty only}"),
			gap(6),
			columns(0.6, stack(para(font{size: 8}, "Goods once sold are not taken back. Interest at 18 % a year runs on sums that are late. E. & O. E.")),
				stack(lines(font{align: 'R'}, "for the supplier"), gap(16), lines(font{align: 'R'}, "{signatory|M. Thirunavukkarasu}"), lines(font{size: 8, align: 'R'}, "Authorised signatory"))),
		},
	}
}

// A bill for use of a cloud in Markdown: groups with sums of their own, a credit with a true minus sign, spaces between thousands.
func invoiceUsageText() document {
	return document{
		name: "invoice-17-usage-text", kind: "invoice", title: "usage_bill", style: plain,
		locale: eu("02.01.2006"),
		fields: `
			ref!                          text
			from                          date    | | First day of the period
			to                            date    | | Last day of the period
			issued                        date
			charged_on                    date    | | Day on which the card is charged
			provider                      text
			provider_vat                  tax_id
			account/id                    text
			account/owner                 text
			account/mail                  email
			projects[]/name               text
			projects[]/subtotal           amount
			projects[]/usage[]/service    text
			projects[]/usage[]/unit       text
			projects[]/usage[]/used       number
			projects[]/usage[]/cost       amount
			support_fee                   amount
			credit                        amount | | Negative
			net                           amount
			vat_pct                       number
			vat                           amount
			to_pay!                       amount
			ccy                           currency
			dunning_fee                   amount`,
		text: `
# {provider|Nordfjell Sky AS}

**Statement of use {ref|NS-2026-02-5517}**
{from|01.02.2026}–{to|28.02.2026}, made on {issued|02.03.2026}

> Account {account/id|acc-77f0-19} · {account/owner|Bryggen Data DA} · {account/mail|drift@bryggendata.example}

### {projects/0/name|atlas-prod}

| Service | Unit | Used | {ccy|NOK} |
|---|---|--:|--:|
| {projects/0/usage/0/service|Compute} | {projects/0/usage/0/unit|vCPU hour} | {projects/0/usage/0/used|2 976} | {projects/0/usage/0/cost|1 190,40} |
| {projects/0/usage/1/service|Object storage} | {projects/0/usage/1/unit|GB month} | {projects/0/usage/1/used|840} | {projects/0/usage/1/cost|151,20} |
| *Sum of the project* | | | *{projects/0/subtotal|1 341,60}* |

### {projects/1/name|atlas-test}

| Service | Unit | Used | NOK |
|---|---|--:|--:|
| {projects/1/usage/0/service|Compute} | {projects/1/usage/0/unit|vCPU hour} | {projects/1/usage/0/used|412,5} | {projects/1/usage/0/cost|165,00} |
| *Sum of the project* | | | *{projects/1/subtotal|165,00}* |

### All projects

| | NOK |
|---|--:|
| Use | 1 506,60 |
| Support, 5 % of use | {support_fee|75,33} |
| Credit for the outage of 14.02.2026 | {credit|−150,00} |
| Before tax | {net|1 431,93} |
| MVA {vat_pct|25 %} | {vat|357,98} |
| **To be charged** | **{to_pay|1 789,91}** |

Your card is charged on {charged_on|05.03.2026}. You need do nothing.

--
Nordfjell Sky AS, Fjellveien 20, 5019 Bergen · {provider_vat|NO 918 447 102 MVA}
`,
	}
}
