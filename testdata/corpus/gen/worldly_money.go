package main

// worldly lists documents in other languages, with cells that span or stay blank, tables over several pages, columns of text, and
// enumerations told by their descriptions.
func worldly() []document {
	return []document{
		invoiceGermanPages(), invoiceFrenchCarriedText(), invoiceSpanishGrid(), invoicePortugueseText(),
		receiptGermanTillText(), receiptFrenchAccount(), receiptSpanishTicketText(), receiptGermanAccountText(),
		contractGermanColumns(), contractFrenchOrder(), listingSpanningHeads(), listingMergedProtocol(),
		alertTriageText(), alertFrenchClaimText(), contractChoicesText(),
	}
}

// A German bill of a wholesaler over three pages: the head repeated, sums carried over, a discount, two rates of tax.
func invoiceGermanPages() document {
	cols := []col{
		{head: "Pos", field: "pos", share: 0.07, align: 'R'},
		{head: "Art.-Nr.", field: "artikelnummer", share: 0.14},
		{head: "Bezeichnung", field: "bezeichnung", share: 0.37},
		{head: "Menge", field: "menge", share: 0.1, align: 'R'},
		{head: "Einzelpreis €", field: "einzelpreis", share: 0.15, align: 'R'},
		{head: "Betrag €", field: "betrag", share: 0.17, align: 'R'},
	}
	return document{
		name: "invoice-18-german-pages", kind: "invoice", lang: "de", title: "Lieferantenrechnung", style: nullable,
		locale: eu("02.01.2006"),
		fields: `
			belegnummer!            text    | Belegnummer
			belegdatum!             date    | Belegdatum
			lieferdatum             date
			bestellnummer           text    | Ihre Bestellung
			kundennummer            text
			lieferant/name          text    | Name des Lieferanten
			lieferant/ust_id        tax_id  | USt-IdNr.
			lieferant/email         email
			lieferant/iban          iban
			kunde/name              text
			kunde/ansprechpartner   text
			positionen[]/pos        integer
			positionen[]/artikelnummer text
			positionen[]/bezeichnung text
			positionen[]/menge      number
			positionen[]/einzelpreis amount
			positionen[]/betrag     amount
			warenwert               amount  | Summe der Waren
			rabatt                  amount
			versandkosten           amount
			netto                   amount  | Nettobetrag
			mwst                    amount  | Mehrwertsteuer
			rechnungsbetrag!        amount
			faellig_am              date    | Fälligkeitsdatum
			sachbearbeiter          text
			waehrung                currency`,
		theme:  theme{family: "Helvetica", size: 9.5, accent: [3]int{10, 90, 60}, margin: 50},
		header: []block{spread(font{size: 8.5}, []float64{0.6, 0.4}, "Rechnung 8830155 vom 24.02.2026", "Kunde 61077"), gap(8)},
		footer: []block{lines(font{size: 7.5, align: 'C', gray: true}, "{lieferant/name|Werkstattbedarf Hollerich GmbH & Co. KG} · USt-IdNr. {lieferant/ust_id|DE203344871} · IBAN {lieferant/iban|DE47 2005 0550 1047 2233 11} · {lieferant/email|rechnung@hollerich.example}"), pageNumber(font{size: 7.5, align: 'C', gray: true}, "Seite %d von 3")},
		body: []block{
			lines(font{size: 16, bold: true, accent: true}, "Rechnung"),
			columns(0.55,
				stack(gap(10), lines(font{}, "{kunde/name|Fahrradmanufaktur Ostkreuz GbR}", "z. Hd. {kunde/ansprechpartner|Frau Thiele}", "Sonntagstraße 14", "10245 Berlin")),
				stack(tabbed(110, "Beleg-Nr.:", "{belegnummer|8830155}", "Datum:", "{belegdatum|24.02.2026}", "Kunden-Nr.:", "{kundennummer|61077}", "Ihre Bestellung:", "{bestellnummer|B-2026-118}", "Lieferdatum:", "{lieferdatum|20.02.2026}", "Bearbeitet von:", "{sachbearbeiter|Herr Quandt}"))),
			gap(10),
			ledger(look{bar: false, zebra: false}, "positionen", cols, [][]string{
				{"1", "KE-10118", "Kette 11-fach, 118 Glieder, vernickelt, mit Kettenschloss", "25", "18,40", "460,00"},
				{"2", "BR-2044", "Bremsbelag organisch, Paar", "80", "6,95", "556,00"},
				{"3", "RE-7001", "Reifen 28 x 1,40 mit Pannenschutz und Reflexstreifen", "30", "21,90", "657,00"},
				{"4", "SC-0038", "Schlauch 28 Zoll", "100", "3,10", "310,00"},
				{"=", "", "Zwischensumme", "", "", "1.983,00"},
			}),
			nextPage(),
			ledger(look{}, "zz", cols, [][]string{
				{"=", "", "Übertrag", "", "", "1.983,00"},
				{"{positionen/4/pos|5}", "{positionen/4/artikelnummer|LE-5512}", "{positionen/4/bezeichnung|Lenkerband Kork, schwarz}", "{positionen/4/menge|40}", "{positionen/4/einzelpreis|7,25}", "{positionen/4/betrag|290,00}"},
				{"{positionen/5/pos|6}", "{positionen/5/artikelnummer|SA-1190}", "{positionen/5/bezeichnung|Sattelstütze Alu 27,2 mm}", "{positionen/5/menge|12}", "{positionen/5/einzelpreis|24,80}", "{positionen/5/betrag|297,60}"},
				{"{positionen/6/pos|7}", "{positionen/6/artikelnummer|OE-0007}", "{positionen/6/bezeichnung|Kettenöl 100 ml, biologisch abbaubar, Karton zu 12 Flaschen}", "{positionen/6/menge|6}", "{positionen/6/einzelpreis|58,80}", "{positionen/6/betrag|352,80}"},
				{"=", "", "Zwischensumme", "", "", "2.923,40"},
			}),
			nextPage(),
			ledger(look{}, "zz", cols, [][]string{
				{"=", "", "Übertrag", "", "", "2.923,40"},
				{"{positionen/7/pos|8}", "{positionen/7/artikelnummer|WZ-3310}", "{positionen/7/bezeichnung|Kettennietdrücker}", "{positionen/7/menge|5}", "{positionen/7/einzelpreis|32,00}", "{positionen/7/betrag|160,00}"},
			}),
			totals(230, "Warenwert", "{warenwert|3.083,40 €}", "abzgl. Rabatt 3 %", "{rabatt|-92,50 €}", "Versandkosten", "{versandkosten|14,90 €}", "Nettobetrag", "{netto|3.005,80 {waehrung|€|EUR}}", "MwSt. 19 %", "{mwst|571,10 €}", "Rechnungsbetrag", "{rechnungsbetrag|3.576,90 €}"),
			lines(font{}, "Zahlbar bis zum {faellig_am|26.03.2026} ohne Abzug."),
		},
	}
}

// A French bill as text: the sum is carried over between its pages, which are parted by a form feed.
func invoiceFrenchCarriedText() document {
	cols := []col{
		{head: "Réf.", field: "reference", share: 10},
		{head: "Désignation", field: "designation", share: 36},
		{head: "Qté", field: "quantite", share: 6, align: 'R'},
		{head: "P.U. HT", field: "prix_unitaire", share: 11, align: 'R'},
		{head: "Total HT", field: "total_ht", share: 12, align: 'R'},
	}
	first := textTable("lignes", cols, [][]string{
		{"A-102", "Papier A4 80 g, carton", "12", "21,50", "258,00"},
		{"A-118", "Classeur à levier", "40", "2,35", "94,00"},
		{"C-004", "Stylo bille bleu, boîte de 50", "3", "14,20", "42,60"},
	})
	return document{
		name: "invoice-19-french-carried-text", kind: "invoice", lang: "fr", title: "facture", style: plain,
		locale: eu("02/01/2006"),
		fields: `
			numero_facture!        text
			date_facture!          date
			date_echeance          date
			numero_client          text
			bon_commande           text   | | Numéro du bon de commande
			fournisseur            text
			siret                  text
			tva_intracommunautaire tax_id
			client                 text
			lignes[]/reference     text
			lignes[]/designation   text
			lignes[]/quantite      number
			lignes[]/prix_unitaire amount
			lignes[]/total_ht      amount
			total_ht               amount
			taux_tva               number | | Taux de TVA en pour cent
			montant_tva            amount
			frais_port             amount | Frais de port
			total_ttc!             amount
			mode_reglement         enum(virement,cheque,prelevement) | Mode de règlement
			iban                   iban`,
		text: `
{fournisseur|Papeterie du Vieux-Port SARL}
17 quai des Belges, 13001 Marseille
SIRET : {siret|502 118 940 00022}    N° TVA : {tva_intracommunautaire|FR 61 502118940}

FACTURE N° {numero_facture|FA-26-00731}
Date de facture : {date_facture|18/02/2026}        Échéance : {date_echeance|20/03/2026}
N° client : {numero_client|C4471}              Bon de commande : {bon_commande|BC-118}

Client : {client|Cabinet Roumestan & Associés}

` + first + `
                               À reporter                  394,60
                                                            1 / 2

                               Report                      394,60
` + textTable("zz", []col{{share: 10}, {share: 36}, {share: 6, align: 'R'}, {share: 11, align: 'R'}, {share: 12, align: 'R'}}, [][]string{
			{"{lignes/3/reference|C-031}", "{lignes/3/designation|Surligneur jaune}", "{lignes/3/quantite|24}", "{lignes/3/prix_unitaire|0,95}", "{lignes/3/total_ht|22,80}"},
			{"{lignes/4/reference|E-210}", "{lignes/4/designation|Enveloppes C5, paquet de 500}", "{lignes/4/quantite|4}", "{lignes/4/prix_unitaire|31,90}", "{lignes/4/total_ht|127,60}"},
		})[1:] + `
` + ends(75, "Total HT", "{total_ht|545,00 €}", "Frais de port", "{frais_port|12,00 €}", "TVA {taux_tva|20 %}", "{montant_tva|111,40 €}", "Total TTC", "{total_ttc|668,40 €}") + `
Mode de règlement : {mode_reglement|virement}
IBAN : {iban|FR33 3000 2005 5000 0015 7841 Z25}
`,
	}
}

// A Spanish invoice: seller and buyer side by side, a grid of data, the table of taxes apart from that of goods.
func invoiceSpanishGrid() document {
	cols := []col{
		{head: "Código", field: "codigo", share: 0.12},
		{head: "Descripción", field: "descripcion", share: 0.38},
		{head: "Cantidad", field: "cantidad", share: 0.12, align: 'R'},
		{head: "Precio unit.", field: "precio_unitario", share: 0.14, align: 'R'},
		{head: "Dto. %", field: "descuento", share: 0.1, align: 'R'},
		{head: "Importe", field: "importe", share: 0.14, align: 'R'},
	}
	return document{
		name: "invoice-20-spanish-grid", kind: "invoice", lang: "es", title: "Factura", style: pydantic,
		locale: eu("02/01/2006"),
		fields: `
			numero_factura!          text
			fecha_factura!           date
			fecha_vencimiento        date
			numero_pedido            text
			albaran                  text    | | Número del albarán
			proveedor/nombre         text
			proveedor/cif            tax_id
			proveedor/telefono       phone
			cliente/nombre           text
			cliente/nif              tax_id
			cliente/direccion        text
			lineas[]/codigo          text
			lineas[]/descripcion     text
			lineas[]/cantidad        number
			lineas[]/precio_unitario amount
			lineas[]/descuento       number
			lineas[]/importe         amount
			base_imponible           amount
			iva                      amount  | | Importe del IVA
			irpf                     amount  | | Retención
			total_factura!           amount
			moneda                   currency
			forma_de_pago            text
			cuenta_bancaria          iban`,
		theme: theme{family: "Helvetica", size: 9, accent: [3]int{170, 90, 0}, margin: 44},
		body: []block{
			banner("FACTURA", "Original"),
			columns(0.5,
				stack(lines(font{bold: true}, "Datos del proveedor"), lines(font{}, "{proveedor/nombre|Suministros Hidráulicos Ebro, S.A.}", "CIF: {proveedor/cif|A50118274}", "Pol. Malpica, nave 40, 50016 Zaragoza", "Tel.: {proveedor/telefono|976 44 81 20}")),
				stack(lines(font{bold: true}, "Datos del cliente"), lines(font{}, "{cliente/nombre|Regantes de Tauste}", "NIF: {cliente/nif|G50277116}", "{cliente/direccion|Plaza de España 2, 50660 Tauste}"))),
			gap(10),
			grid(5, "Nº de factura", "{numero_factura|26/01184}", "Fecha", "{fecha_factura|09/03/2026}", "Vencimiento", "{fecha_vencimiento|08/04/2026}", "Pedido nº", "{numero_pedido|P-0087}", "Albarán", "{albaran|AL-5521}"),
			ledger(look{frame: true}, "lineas", cols, [][]string{
				{"VA-50", "Válvula de compuerta DN 50, fundición dúctil, asiento elástico", "6", "84,00", "10", "453,60"},
				{"BR-50", "Brida loca DN 50", "12", "9,80", "", "117,60"},
				{"JU-11", "Junta de goma EPDM", "24", "1,15", "", "27,60"},
			}),
			spread(font{bold: true}, []float64{0.2, 0.2, 0.2, 0.2, 0.2}, "Base imponible", "% IVA", "Cuota IVA", "Retención", "Total factura"),
			spread(font{}, []float64{0.2, 0.2, 0.2, 0.2, 0.2}, "{base_imponible|598,80}", "21", "{iva|125,75}", "", "{total_factura|724,55} {moneda|€|EUR}"),
			gap(8),
			colon("Forma de pago:", "{forma_de_pago|Giro a 30 días}", "Cuenta bancaria:", "{cuenta_bancaria|ES65 0049 1500 0512 3456 7899}"),
		},
	}
}

// A Portuguese receipt for services as text.
func invoicePortugueseText() document {
	return document{
		name: "invoice-21-portuguese-text", kind: "invoice", lang: "pt", title: "FaturaRecibo", style: nullable,
		locale: eu("02/01/2006", "02-01-2006"),
		fields: `
			numero!              text    | Número da fatura
			data_emissao!        date    | Data de emissão
			data_vencimento      date    | Data de vencimento
			prestador/nome       text
			prestador/nif        tax_id
			cliente/nome         text
			cliente/nif          tax_id
			itens[]/descricao    text
			itens[]/quantidade   number
			itens[]/preco        amount  | Preço unitário
			itens[]/total        amount
			subtotal             amount
			iva                  amount  | Valor do IVA
			total!               amount
			iban                 iban`,
		text: `
FATURA-RECIBO

Fatura n.º: {numero|FR 2026/48}
Data de emissão: {data_emissao|27/02/2026}
Data de vencimento: {data_vencimento|14/03/2026}

Prestador: {prestador/nome|Marcenaria Vale do Lima}      NIF: {prestador/nif|509771248}
Cliente: {cliente/nome|Quinta da Aveleira, Lda.}         NIF: {cliente/nif|514220873}

` + textTable("itens", []col{
			{head: "Descrição", field: "descricao", share: 36},
			{head: "Quantidade", field: "quantidade", share: 12, align: 'R'},
			{head: "Preço", field: "preco", share: 12, align: 'R'},
			{head: "Total", field: "total", share: 12, align: 'R'},
		}, [][]string{
			{"Porta interior em carvalho", "3", "410,00", "1.230,00"},
			{"Puxador em latão", "3", "28,50", "85,50"},
			{"Montagem", "1", "180,00", "180,00"},
		}) + `
` + ends(72, "Subtotal", "{subtotal|1.495,50}", "IVA 23%", "{iva|343,97}", "Total a pagar", "{total|1.839,47} EUR") + `
IBAN: {iban|PT23 0002 0123 1234 5678 9015 5}
`,
	}
}

// A German till receipt: prices at the right, letters for the rates of tax, deposits.
func receiptGermanTillText() document {
	return document{
		name: "receipt-15-german-till-text", kind: "receipt", lang: "de", title: "kassenbon", style: plain,
		locale: eu("02.01.2006"),
		fields: `
			geschaeft!            text   | | Name des Geschäfts
			ust_id                tax_id
			bonnummer             text   | | Bon-Nr.
			datum!                date
			uhrzeit               text
			kasse                 text
			bediener              text
			artikel[]/bezeichnung text
			artikel[]/preis       amount
			summe!                amount
			zahlungsart           enum(bar,girocard,kreditkarte) | Zahlungsart | bar: in bar bezahlt; girocard: EC-Karte, girocard; kreditkarte: Visa, Mastercard
			gegeben               amount
			rueckgeld             amount | Rückgeld
			mwst_7                amount | MwSt 7 %
			mwst_19               amount | MwSt 19 %
			waehrung              currency
			payback_punkte        integer`,
		text: `
          {geschaeft|Hofladen Birkenhain}
     Dorfstr. 8, 24358 Ascheffel
       USt-IdNr.: {ust_id|DE318840227}

                                {waehrung|EUR}
{artikel/0/bezeichnung|Kartoffeln 5 kg}               {artikel/0/preis|4,90} A
{artikel/1/bezeichnung|Apfelsaft 1 l}                 {artikel/1/preis|2,80} B
{artikel/2/bezeichnung|Pfand}                         {artikel/2/preis|0,15} B
{artikel/3/bezeichnung|Bergkäse 0,312 kg}             {artikel/3/preis|8,42} A
--------------------------------------
SUMME                   EUR    {summe|16,27}
{zahlungsart|Bar}                     EUR    {gegeben|20,00}
Rückgeld                EUR     {rueckgeld|3,73}

Steuer %      Netto    Steuer   Brutto
A  7,00       12,45      {mwst_7|0,87}    13,32
B 19,00        2,48      {mwst_19|0,47}     2,95

Bon-Nr.: {bonnummer|4471}      Kasse: {kasse|1}
Datum: {datum|28.02.2026}    Uhrzeit: {uhrzeit|10:24}
Es bediente Sie: {bediener|Frau Jessen}
`,
	}
}

// A French statement of account: debit and credit, the date once for several entries, the page turned inside the table.
func receiptFrenchAccount() document {
	cols := []col{
		{head: "Date", field: "date", share: 0.12},
		{head: "Libellé", field: "libelle", share: 0.36},
		{head: "Valeur", field: "valeur", share: 0.14},
		{head: "Débit", field: "debit", share: 0.19, align: 'R'},
		{head: "Crédit", field: "credit", share: 0.19, align: 'R'},
	}
	return document{
		name: "receipt-16-french-account", kind: "receipt", lang: "fr", title: "ReleveDeCompte", style: nullable,
		locale: eu("02/01/2006"),
		fields: `
			titulaire!              text
			numero_compte           text   | Numéro de compte
			iban                    iban
			agence                  text
			periode_debut           date   | Début de la période
			periode_fin             date   | Fin de la période
			ancien_solde            amount
			nouveau_solde!          amount
			total_debits            amount | Total des débits
			total_credits           amount | Total des crédits
			operations[]/date       date
			operations[]/libelle    text
			operations[]/valeur     date
			operations[]/debit      amount
			operations[]/credit     amount
			conseiller              text   | Votre conseiller
			decouvert_autorise      amount`,
		theme:  theme{family: "Times", size: 10.5, accent: [3]int{0, 60, 110}, margin: 56},
		header: []block{lines(font{size: 8.5, gray: true}, "Relevé de compte, suite"), gap(8)},
		body: []block{
			lines(font{size: 15, bold: true, accent: true}, "Banque des Deux Rives"),
			lines(font{}, "Relevé de compte du {periode_debut|01/02/2026} au {periode_fin|28/02/2026}"),
			gap(8),
			tabbed(120, "Titulaire", "{titulaire|Mme Apolline Desrosiers}", "N° de compte", "{numero_compte|02034560172}", "IBAN", "{iban|FR69 1027 8060 0000 0203 4560 172}", "Agence", "{agence|Strasbourg Orangerie}", "Votre conseiller", "{conseiller|M. Fabrice Heitz}"),
			gap(6),
			ledger(look{}, "operations", cols, asAbove("operations", cols, [][]string{
				{"=", "Ancien solde", "", "", "{ancien_solde|1 204,16}"},
				{"02/02/2026", "Virement reçu Académie de Strasbourg", "02/02/2026", "", "2 118,40"},
				{"", "Prélèvement loyer", "02/02/2026", "745,00", ""},
				{"", "Carte Librairie Kléber", "03/02/2026", "38,90", ""},
				{"09/02/2026", "Prélèvement Électricité de Strasbourg", "09/02/2026", "71,25", ""},
				{"16/02/2026", "Chèque 4471208", "17/02/2026", "150,00", ""},
				{"", "Remise de chèque", "18/02/2026", "", "60,00"},
				{"24/02/2026", "Retrait distributeur", "24/02/2026", "100,00", ""},
				{"=", "Total des mouvements", "", "{total_debits|1 105,15}", "{total_credits|2 178,40}"},
				{"=", "Nouveau solde", "", "", "{nouveau_solde|2 277,41}"},
			}, "date")),
		},
	}
}

// A Spanish receipt of a restaurant.
func receiptSpanishTicketText() document {
	return document{
		name: "receipt-17-spanish-ticket-text", kind: "receipt", lang: "es", title: "Ticket", style: pydantic,
		locale: eu("02/01/2006"),
		fields: `
			establecimiento!       text
			cif                    tax_id
			ticket                 text    | | Número de factura simplificada
			fecha!                 date
			hora                   text
			mesa                   text
			camarero               text
			comensales             integer
			consumos[]/unidades    integer
			consumos[]/descripcion text
			consumos[]/precio      amount
			consumos[]/importe     amount
			base_imponible         amount
			iva                    amount  | | Importe del IVA
			total!                 amount
			propina                amount
			forma_pago             enum(efectivo,tarjeta,bizum)`,
		text: `
        {establecimiento|MESÓN LA PEDRIZA}
     C/ Real 18, 28410 Manzanares
          CIF {cif|B84220917}

Factura simplificada: {ticket|T-20118}
Fecha: {fecha|01/03/2026}     Hora: {hora|15:08}
Mesa: {mesa|7}  Comensales: {comensales|3}
Camarero: {camarero|Iker}

` + textTable("consumos", []col{
			{head: "Uds", field: "unidades", share: 5},
			{head: "Descripción", field: "descripcion", share: 24},
			{head: "Precio", field: "precio", share: 8, align: 'R'},
			{head: "Importe", field: "importe", share: 9, align: 'R'},
		}, [][]string{
			{"3", "Menú del día", "16,50", "49,50"},
			{"1", "Chuletón 1 kg", "48,00", "48,00"},
			{"2", "Café solo", "1,60", "3,20"},
		}) + `
` + ends(46, "Base imponible", "{base_imponible|91,55}", "IVA 10%", "{iva|9,15}", "TOTAL", "{total|100,70} €") + `
Forma de pago: {forma_pago|tarjeta}
¡Gracias por su visita!
`,
	}
}

// A German statement of account as text: sums with S and H in place of signs would mislead; this bank prints signs after the digits.
func receiptGermanAccountText() document {
	cols := []col{
		{head: "Buchung", field: "buchung", share: 12},
		{head: "Wert", field: "wert", share: 12},
		{head: "Verwendungszweck", field: "verwendungszweck", share: 36},
		{head: "Betrag", field: "betrag", share: 12, align: 'R'},
	}
	return document{
		name: "receipt-18-german-account-text", kind: "receipt", lang: "de", title: "Kontoauszug", style: nullable,
		locale: eu("02.01.2006"),
		fields: `
			bank                         text
			kontoinhaber!                text
			iban                         iban
			bic                          text
			auszug_nummer                text   | Nummer des Auszugs
			von                          date   | Beginn des Zeitraums
			bis                          date   | Ende des Zeitraums
			alter_saldo                  amount | Alter Kontostand
			neuer_saldo!                 amount | Neuer Kontostand
			umsaetze[]/buchung           date
			umsaetze[]/wert              date
			umsaetze[]/verwendungszweck  text
			umsaetze[]/betrag            amount
			dispolimit                   amount | Eingeräumte Kontoüberziehung`,
		text: `
{bank|Volksbank Allerheide eG}                                   BIC: {bic|GENODEF1AHD}

Kontoauszug Nr. {auszug_nummer|3/2026}
Kontoinhaber: {kontoinhaber|Gunnar Petersilie}
IBAN: {iban|DE94 3704 0044 0532 0139 77}
Zeitraum: {von|01.03.2026} - {bis|15.03.2026}
Eingeräumte Kontoüberziehung: {dispolimit|2.500,00} EUR

` + textTable("umsaetze", cols, [][]string{
			{"02.03.2026", "02.03.2026", "Miete März", "-880,00"},
			{"03.03.2026", "04.03.2026", "Gehalt Landkreis", "2.614,33"},
			{"09.03.2026", "09.03.2026", "Lastschrift Wasserwerk", "-64,10"},
			{"12.03.2026", "12.03.2026", "Kartenzahlung Baumarkt", "-118,95"},
		}) + `
Alter Kontostand vom 28.02.2026                      {alter_saldo|1.042,20} EUR
Neuer Kontostand vom 15.03.2026                      {neuer_saldo|2.593,48} EUR
`,
	}
}
