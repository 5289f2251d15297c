package main

// heldoutWorld lists the second set of documents that are kept from the makers of a reader: other languages, cells that span or stay
// blank, tables over several pages, columns of text, enumerations told by their descriptions.
func heldoutWorld() []document {
	return []document{
		worldRoofer(), worldAccount(), worldTicket(), worldFactura(), worldMaintenance(),
		worldBail(), worldCrops(), worldClaimLetter(), worldOfficina(), worldPayslip(), worldSupport(), worldRoster(),
	}
}

// A roofer's bill over two pages: headings of groups, sums carried over at the foot and the head, no head on the second page.
func worldRoofer() document {
	cols := []col{
		{head: "Pos.", field: "pos", share: 0.08},
		{head: "Leistung", field: "leistung", share: 0.44},
		{head: "Menge", field: "menge", share: 0.1, align: 'R'},
		{head: "Einh.", field: "einheit", share: 0.08},
		{head: "EP", field: "ep", share: 0.14, align: 'R'},
		{head: "GP", field: "gp", share: 0.16, align: 'R'},
	}
	return document{
		name: "world-01-roofer", kind: "invoice", lang: "de", title: "Handwerkerrechnung", style: nullable,
		locale: eu("02.01.2006"),
		fields: `
			rechnung_nr!          text    | Rechnungsnummer
			datum!                date    | Rechnungsdatum
			auftrag               text    | Auftragsnummer
			baustelle             text
			leistung_von          date    | Beginn der Ausführung
			leistung_bis          date    | Ende der Ausführung
			betrieb/name          text    | Name des Betriebs
			betrieb/steuernummer  tax_id
			betrieb/telefon       phone
			betrieb/iban          iban
			kunde/name            text
			kunde/kundennummer    text
			leistungen[]/pos      text
			leistungen[]/leistung text
			leistungen[]/menge    number
			leistungen[]/einheit  text
			leistungen[]/ep       amount  | Einheitspreis
			leistungen[]/gp       amount  | Gesamtpreis
			netto                 amount
			ust_satz              number  | Steuersatz in Prozent
			ust                   amount  | Umsatzsteuer
			brutto!               amount
			abschlag              amount  | Bereits gezahlter Abschlag
			restbetrag            amount  | Noch zu zahlender Betrag
			zahlbar_bis           date
			waehrung              currency`,
		theme: theme{family: "Helvetica", size: 9.5, accent: [3]int{120, 60, 20}, margin: 52},
		header: []block{
			lines(font{size: 8, gray: true}, "Rechnung 26-0417, Blatt 2"), gap(10),
		},
		footer: []block{
			spread(font{size: 7.5, gray: true}, []float64{0.36, 0.3, 0.34}, "Inh. Meister B. Tannhoff, Steuernr. {betrieb/steuernummer|91/447/20318}", "Tel. {betrieb/telefon|07151 / 44 82 0}", "IBAN {betrieb/iban|DE79 6005 0101 0008 8123 45}"),
		},
		body: []block{
			lines(font{size: 15, bold: true, accent: true}, "{betrieb/name|Tannhoff Bedachungen}"),
			lines(font{size: 7.5, gray: true}, "Tannhoff Bedachungen · Am Ziegelwasen 3 · 71332 Waiblingen"),
			gap(16),
			columns(0.55,
				stack(lines(font{}, "{kunde/name|Eheleute Wiebke und Arne Söllner}", "Remsblick 11", "71336 Waiblingen")),
				stack(flush(110, "Rechnung", "{rechnung_nr|26-0417}", "vom", "{datum|19.03.2026}", "Kunden-Nr.", "{kunde/kundennummer|20981}", "Auftrag", "{auftrag|A-1177}"))),
			gap(14),
			para(font{}, "Für die Arbeiten am Bauvorhaben {baustelle|Remsblick 11, Nordseite}, ausgeführt vom {leistung_von|02.03.2026} bis {leistung_bis|13.03.2026}, berechnen wir:"),
			ledger(look{}, "leistungen", cols, [][]string{
				{"Titel 1: Abbruch"},
				{"1.1", "Alte Eindeckung aufnehmen und entsorgen", "86,00", "m²", "14,20", "1.221,20"},
				{"1.2", "Lattung abbrechen", "86,00", "m²", "4,10", "352,60"},
				{"1.3", "Containerstellung, 10 m³", "1,00", "Stk", "480,00", "480,00"},
				{"=", "Summe Titel 1", "", "", "", "2.053,80"},
				{"=", "Übertrag", "", "", "", "2.053,80"},
			}),
			nextPage(),
			ledger(look{}, "zz", []col{{share: 0.08}, {share: 0.44}, {share: 0.1, align: 'R'}, {share: 0.08}, {share: 0.14, align: 'R'}, {share: 0.16, align: 'R'}}, [][]string{
				{"=", "Übertrag von Blatt 1", "", "", "", "2.053,80"},
				{"Titel 2: Neueindeckung"},
				{"{leistungen/3/pos|2.1}", "{leistungen/3/leistung|Unterspannbahn verlegen, diffusionsoffen, einschließlich Anschlüssen an Kamin und Gauben}", "{leistungen/3/menge|86,00}", "{leistungen/3/einheit|m²}", "{leistungen/3/ep|6,80}", "{leistungen/3/gp|584,80}"},
				{"{leistungen/4/pos|2.2}", "{leistungen/4/leistung|Lattung 40/60}", "{leistungen/4/menge|240,00}", "{leistungen/4/einheit|lfm}", "{leistungen/4/ep|3,15}", "{leistungen/4/gp|756,00}"},
				{"{leistungen/5/pos|2.3}", "{leistungen/5/leistung|Tondachziegel, naturrot}", "{leistungen/5/menge|86,00}", "{leistungen/5/einheit|m²}", "{leistungen/5/ep|41,50}", "{leistungen/5/gp|3.569,00}"},
				{"{leistungen/6/pos|2.4}", "{leistungen/6/leistung|Firstabschluss}", "{leistungen/6/menge|9,50}", "{leistungen/6/einheit|lfm}", "{leistungen/6/ep|38,00}", "{leistungen/6/gp|361,00}"},
				{"=", "Summe Titel 2", "", "", "", "5.270,80"},
			}),
			totals(220, "Nettosumme", "{netto|7.324,60} {waehrung|EUR}", "zzgl. {ust_satz|19 %} USt.", "{ust|1.391,67} EUR", "Bruttosumme", "{brutto|8.716,27} EUR"),
			totals(220, "abzgl. Abschlag vom 05.03.", "{abschlag|3.000,00} EUR", "Restbetrag", "{restbetrag|5.716,27} EUR"),
			para(font{}, "Zahlbar ohne Abzug bis {zahlbar_bis|02.04.2026}."),
		},
	}
}

// A Spanish statement of account: charges and credits in two columns, the day given once for the entries of a day.
func worldAccount() document {
	cols := []col{
		{head: "F. oper.", field: "fecha", share: 0.13},
		{head: "Concepto", field: "concepto", share: 0.42},
		{head: "Cargo", field: "cargo", share: 0.15, align: 'R'},
		{head: "Abono", field: "abono", share: 0.15, align: 'R'},
		{head: "Saldo", field: "saldo", share: 0.15, align: 'R'},
	}
	return document{
		name: "world-02-account", kind: "receipt", lang: "es", title: "ExtractoBancario", style: pydantic,
		locale: eu("02/01/2006"),
		fields: `
			titular!               text
			iban                   iban
			oficina                text
			desde                  date    | | Inicio del periodo
			hasta                  date    | | Fin del periodo
			saldoAnterior          amount
			saldoFinal!            amount
			totalCargos            amount
			totalAbonos            amount
			divisa                 currency
			movimientos[]/fecha    date
			movimientos[]/concepto text
			movimientos[]/cargo    amount
			movimientos[]/abono    amount
			movimientos[]/saldo    amount
			tipoDescubierto        number  | | Tipo de interés por descubierto
			telefonoAtencion       phone`,
		theme: blueSans(),
		body: []block{
			banner("Caja Sierra Norte", "EXTRACTO DE CUENTA"),
			grid(3, "TITULAR", "{titular|Begoña Larrañaga Ruiz}", "IBAN", "{iban|ES39 2100 0418 4012 3456 7892}", "OFICINA", "{oficina|0418 Segovia}",
				"DESDE", "{desde|01/02/2026}", "HASTA", "{hasta|28/02/2026}", "DIVISA", "{divisa|EUR}"),
			ledger(look{frame: true}, "movimientos", cols, asAbove("movimientos", cols, [][]string{
				{"=", "Saldo anterior", "", "", "{saldoAnterior|2.418,07}"},
				{"02/02/2026", "Nómina Textiles Eresma SA", "", "1.764,50", "4.182,57"},
				{"", "Recibo alquiler febrero", "690,00", "", "3.492,57"},
				{"05/02/2026", "Compra tarjeta Supermercado La Vega", "84,13", "", "3.408,44"},
				{"11/02/2026", "Bizum de J. Otero", "", "30,00", "3.438,44"},
				{"", "Recibo luz", "61,90", "", "3.376,54"},
				{"19/02/2026", "Cajero automático", "120,00", "", "3.256,54"},
				{"=", "Totales", "{totalCargos|956,03}", "{totalAbonos|1.794,50}", "{saldoFinal|3.256,54}"},
			}, "fecha")),
			para(font{size: 8}, "Atención al cliente: {telefonoAtencion|921 55 70 14}. Este extracto se considera conforme si no se recibe reclamación en un mes."),
		},
	}
}

// A French till receipt of a bakery: goods without heads, two rates of tax, a card.
func worldTicket() document {
	return document{
		name: "world-03-ticket-text", kind: "receipt", lang: "fr", title: "ticket_de_caisse", style: plain,
		locale: eu("02/01/2006"),
		fields: `
			magasin!            text
			telephone           phone
			siret               text
			ticket              text    | | Numéro du ticket
			date!               date
			heure               text
			caisse              text
			vendeuse            text
			articles[]/libelle  text
			articles[]/montant  amount
			nombre_articles     integer | | Nombre d'articles
			total!              amount  | | Total TTC
			tva_55              amount  | TVA 5,5 %
			tva_10              amount  | TVA 10 %
			mode_paiement       enum(carte,especes,cheque) | Mode de paiement | carte: carte bancaire, CB; especes: payé en espèces; cheque: chèque
			rendu               amount  | Monnaie rendue
			points_fidelite     integer`,
		text: `
        {magasin|LE FOURNIL DE MARGAUX}
      14 place du Marché, 24200 Sarlat
           Tél : {telephone|05 53 55 20 91}
         SIRET {siret|440 218 776 00031}

Ticket n° {ticket|008817}      Caisse {caisse|2}
le {date|07/03/2026} à {heure|11:42}   Vendeuse : {vendeuse|Ninon}
----------------------------------------
{articles/0/libelle|Tradition}               2 x 1,35
                                   {articles/0/montant|2,70} €
{articles/1/libelle|Pain aux noix}                    {articles/1/montant|3,20} €
{articles/2/libelle|Tarte citron 6 parts}            {articles/2/montant|18,50} €
{articles/3/libelle|Café allongé}                     {articles/3/montant|1,60} €
----------------------------------------
{nombre_articles|5} articles
TOTAL TTC                        {total|26,00} €
Réglé par {mode_paiement|CB|carte}                    26,00 €

TVA   5,5 %   HT 23,13   TVA {tva_55|1,27}
TVA  10,0 %   HT  1,45   TVA {tva_10|0,15}

      Merci de votre visite !
`,
	}
}

// A Spanish invoice with a head in two rows: "Importe" spans base and total; the family of goods stands once for its lines.
func worldFactura() document {
	shares := []float64{0.17, 0.33, 0.1, 0.13, 0.13, 0.14}
	cols := []col{
		{head: "Familia", field: "familia", share: shares[0]},
		{head: "Artículo", field: "articulo", share: shares[1]},
		{head: "Uds.", field: "unidades", share: shares[2], align: 'R'},
		{head: "Precio", field: "precio", share: shares[3], align: 'R'},
		{head: "Base", field: "base", share: shares[4], align: 'R'},
		{head: "Con IVA", field: "conIva", share: shares[5], align: 'R'},
	}
	return document{
		name: "world-04-factura", kind: "invoice", lang: "es", title: "Factura", style: nullable,
		locale: eu("02-01-2006"),
		fields: `
			numero!              text    | Número de factura
			fecha!               date    | Fecha de expedición
			vencimiento          date    | Fecha de vencimiento
			pedido               text    | Su pedido
			emisor/nombre        text
			emisor/nif           tax_id
			emisor/correo        email
			cliente/nombre       text
			cliente/nif          tax_id
			lineas[]/familia     text
			lineas[]/articulo    text
			lineas[]/unidades    number
			lineas[]/precio      amount
			lineas[]/base        amount
			lineas[]/conIva      amount
			base_imponible       amount
			tipo_iva             number  | Tipo de IVA en %
			cuota_iva            amount
			recargo              amount  | Recargo de equivalencia
			total!               amount  | Total a pagar
			forma_pago           enum(transferencia,domiciliacion,efectivo) | Forma de pago
			cuenta               iban    | Cuenta para el pago`,
		theme: theme{family: "Times", size: 10, accent: [3]int{130, 20, 40}, margin: 46},
		body: []block{
			columns(0.6,
				stack(lines(font{size: 14, bold: true, accent: true}, "{emisor/nombre|Viveros El Acebuche, S.L.}"), lines(font{size: 8.5}, "NIF {emisor/nif|B41778204}", "Ctra. de Utrera km 9, 41013 Sevilla", "{emisor/correo|pedidos@elacebuche.example}")),
				stack(lines(font{bold: true}, "FACTURA {numero|VA-2026/0331}"), tabbed(80, "Expedida el", "{fecha|16-03-2026}", "Vence el", "{vencimiento|15-04-2026}", "Su pedido", "{pedido|P-5519}"))),
			gap(8),
			boxed(lines(font{size: 8}, "Facturar a"), lines(font{}, "{cliente/nombre|Jardinería Torcal, S. Coop. And.}", "NIF {cliente/nif|F29440318}", "Avda. de la Estación 40, 29200 Antequera")),
			spread(font{bold: true}, []float64{0.17, 0.33, 0.1, 0.13, 0.27}, "", "", "", "", "          Importe (€)"),
			ledger(look{}, "lineas", cols, asAbove("lineas", cols, [][]string{
				{"Arbustos", "Adelfa blanca, maceta 5 l", "40", "4,20", "168,00", "184,80"},
				{"", "Lentisco, alveolo", "120", "0,85", "102,00", "112,20"},
				{"Árboles", "Naranjo amargo, contenedor 25 l", "6", "38,00", "228,00", "250,80"},
			}, "familia")),
			totals(200, "Base imponible", "{base_imponible|498,00}", "IVA {tipo_iva|10 %}", "{cuota_iva|49,80}", "TOTAL A PAGAR", "{total|547,80} €"),
			lines(font{}, "Forma de pago: {forma_pago|transferencia} a {cuenta|ES41 0182 4000 1202 0188 9045}"),
		},
	}
}

// An Italian repair shop's bill as text: labels with colons, labour and parts, tax included.
func worldOfficina() document {
	return document{
		name: "world-09-officina-text", kind: "invoice", lang: "it", title: "Fattura", style: plain,
		locale: eu("02/01/2006"),
		fields: `
			numero!                text
			data!                  date
			officina               text
			partita_iva            tax_id | | Partita IVA dell'officina
			cliente                text
			codice_fiscale         tax_id | | Codice fiscale del cliente
			targa                  text
			veicolo                text
			chilometri             integer
			voci[]/descrizione     text
			voci[]/quantita        number
			voci[]/prezzo          amount
			voci[]/importo         amount
			imponibile             amount
			aliquota               number | | Aliquota IVA
			iva                    amount
			totale!                amount
			scadenza               date
			garanzia_mesi          integer`,
		text: `
{officina|Autofficina Ghirlanda s.n.c.}
Via dei Mille 77, 41121 Modena
P.IVA {partita_iva|02718840365}

Fattura n. {numero|114/2026}              Data: {data|12/03/2026}
Cliente: {cliente|Ottavia Brembati}        C.F.: {codice_fiscale|BRMTTV84C52F257K}
Targa: {targa|GB 417 ZK}   Veicolo: {veicolo|Panda 1.2}   Km: {chilometri|86.420}

` + textTable("voci", []col{
			{head: "Descrizione", field: "descrizione", share: 34},
			{head: "Q.tà", field: "quantita", share: 6, align: 'R'},
			{head: "Prezzo", field: "prezzo", share: 12, align: 'R'},
			{head: "Importo", field: "importo", share: 12, align: 'R'},
		}, [][]string{
			{"Tagliando completo", "1", "120,00", "120,00"},
			{"Pastiglie freni anteriori", "2", "34,50", "69,00"},
			{"Manodopera (ore)", "2,5", "42,00", "105,00"},
		}) + `
` + ends(64, "Imponibile", "{imponibile|294,00}", "IVA {aliquota|22%}", "{iva|64,68}", "Totale fattura EUR", "{totale|358,68}") + `
Pagamento: bonifico entro il {scadenza|11/04/2026}
Garanzia sui ricambi: {garanzia_mesi|24} mesi
`,
	}
}

// A German pay slip: wages by kinds, deductions with negative sums, a strip of data over the table.
func worldPayslip() document {
	cols := []col{
		{head: "Lohnart", field: "lohnart", share: 0.12},
		{head: "Bezeichnung", field: "bezeichnung", share: 0.46},
		{head: "Anzahl", field: "anzahl", share: 0.12, align: 'R'},
		{head: "Satz", field: "satz", share: 0.14, align: 'R'},
		{head: "Betrag", field: "betrag", share: 0.16, align: 'R'},
	}
	return document{
		name: "world-10-payslip", kind: "receipt", lang: "de", title: "Entgeltabrechnung", style: pydantic,
		locale: eu("02.01.2006"),
		fields: `
			arbeitgeber             text
			mitarbeiter!            text
			personalnummer          text
			geburtsdatum            date
			eintritt                date    | | Eintrittsdatum
			steuerklasse            text
			krankenkasse            text
			monat                   text    | | Abrechnungsmonat
			bezuege[]/lohnart       text
			bezuege[]/bezeichnung   text
			bezuege[]/anzahl        number
			bezuege[]/satz          amount
			bezuege[]/betrag        amount
			brutto                  amount  | Gesamtbrutto
			lohnsteuer              amount
			rentenversicherung      amount
			netto                   amount  | Nettoverdienst
			auszahlung!             amount  | Auszahlungsbetrag
			iban                    iban
			resturlaub              number  | Resturlaub in Tagen
			kirchensteuer           amount`,
		theme: theme{family: "Courier", size: 8.5, accent: [3]int{0, 0, 0}, margin: 44},
		body: []block{
			spread(font{bold: true}, []float64{0.65, 0.35}, "{arbeitgeber|Glashütte Unterweser GmbH}", "Abrechnung {monat|Februar 2026}"),
			rule(),
			strip([]float64{0.34, 0.2, 0.22, 0.24}, "Mitarbeiter", "{mitarbeiter|Femke Oltmanns}", "Pers.-Nr.", "{personalnummer|00417}", "Geb.-Datum", "{geburtsdatum|14.07.1991}", "Eintritt", "{eintritt|01.10.2019}",
				"Krankenkasse", "{krankenkasse|Hanseatische BKK}", "St.-Kl.", "{steuerklasse|IV}", "Resturlaub", "{resturlaub|21,5} Tage", "SV-Nr.", "29 140791 O 553"),
			ledger(look{}, "bezuege", cols, [][]string{
				{"100", "Stundenlohn", "151,50", "22,40", "3.393,60"},
				{"210", "Nachtzuschlag", "18,00", "5,60", "100,80"},
				{"305", "VWL Arbeitgeber", "", "", "26,59"},
			}),
			leaders(340, "Gesamtbrutto", "{brutto|3.520,99}", "Lohnsteuer", "{lohnsteuer|412,33}", "Rentenversicherung", "{rentenversicherung|327,45}", "Kranken- und Pflegeversicherung", "369,70", "Arbeitslosenversicherung", "45,77", "Nettoverdienst", "{netto|2.365,74}", "Überweisung VWL", "40,00", "Auszahlungsbetrag", "{auszahlung|2.325,74}"),
			lines(font{}, "Überweisung auf {iban|DE94 3704 0044 0532 0139 77}"),
		},
	}
}
