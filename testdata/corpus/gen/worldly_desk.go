package main

// A German contract of service in two columns of running text, headed by numbered titles.
func contractGermanColumns() document {
	return document{
		name: "contract-15-german-columns", kind: "contract", lang: "de", title: "Dienstleistungsvertrag", style: nullable,
		locale: eu("02.01.2006"),
		fields: `
			vertragsnummer      text
			auftraggeber!       text
			auftragnehmer!      text
			gegenstand          text    | Gegenstand des Vertrags
			beginn              date    | Vertragsbeginn
			ende                date    | Vertragsende
			verguetung!         amount  | Monatliche Vergütung
			zahlungsziel        text
			kuendigungsfrist    text
			stundensatz         amount  | Stundensatz für Mehrarbeit
			gerichtsstand       text
			haftungssumme       amount  | Haftungshöchstsumme
			vertragsstrafe      amount
			ansprechpartner     text
			ort                 text    | Ort der Unterschrift
			datum               date    | Datum der Unterschrift
			waehrung            currency`,
		theme: theme{family: "Times", size: 10, accent: [3]int{40, 40, 40}, margin: 52},
		body: []block{
			lines(font{size: 15, bold: true, align: 'C'}, "Dienstleistungsvertrag"),
			lines(font{align: 'C'}, "Vertragsnummer: {vertragsnummer|DL-2026-014}"),
			gap(10),
			columns(0.5,
				stack(
					heading("1. Vertragsparteien"),
					para(font{}, "Auftraggeber: {auftraggeber|Klinikum Lahntal gGmbH}, Bergstraße 60, 35578 Wetzlar"),
					para(font{}, "Auftragnehmer: {auftragnehmer|Reinwerk Gebäudedienste KG}, Industriering 9, 35394 Gießen"),
					heading("2. Gegenstand"),
					para(font{}, "Gegenstand: {gegenstand|Unterhaltsreinigung der Stationen}"),
					para(font{}, "Der Auftragnehmer stellt das Personal und die Mittel; Wasser und Strom stellt der Auftraggeber ohne Berechnung."),
					heading("3. Laufzeit"),
					para(font{}, "Vertragsbeginn: {beginn|01.04.2026}"),
					para(font{}, "Vertragsende: {ende|31.03.2028}"),
					para(font{}, "Kündigungsfrist: {kuendigungsfrist|drei Monate zum Quartalsende}")),
				stack(
					heading("4. Vergütung"),
					para(font{}, "Monatliche Vergütung: {verguetung|18.450,00} {waehrung|EUR}"),
					para(font{}, "Stundensatz für Mehrarbeit: {stundensatz|31,80} EUR"),
					para(font{}, "Zahlungsziel: {zahlungsziel|30 Tage netto}"),
					heading("5. Haftung"),
					para(font{}, "Die Haftungshöchstsumme je Schadensfall beträgt {haftungssumme|500.000,00} EUR, soweit kein Vorsatz vorliegt."),
					heading("6. Schluss"),
					para(font{}, "Gerichtsstand: {gerichtsstand|Wetzlar}"),
					para(font{}, "Ansprechpartner: {ansprechpartner|Frau Dr. Ilka Sommerfeld}"))),
			gap(16),
			lines(font{}, "{ort|Wetzlar}, den {datum|16.03.2026}"),
		},
	}
}

// A French order form with a schedule of works: phases stand once, cells wrap.
func contractFrenchOrder() document {
	cols := []col{
		{head: "Phase", field: "phase", share: 0.2},
		{head: "Prestation", field: "prestation", share: 0.42},
		{head: "Délai", field: "delai", share: 0.18},
		{head: "Montant HT", field: "montant", share: 0.2, align: 'R'},
	}
	return document{
		name: "contract-16-french-order", kind: "contract", lang: "fr", title: "BonDeCommande", style: pydantic,
		locale: eu("02/01/2006"),
		fields: `
			reference!              text
			client                  text
			prestataire             text
			dateSignature           date    | | Date de signature
			phases[]/phase          text
			phases[]/prestation     text
			phases[]/delai          text
			phases[]/montant        amount
			totalHt                 amount
			acomptePourcent         number  | | Acompte à la commande, en pour cent
			reglement               choice(comptant: paiement immédiat à réception; trente_jours: paiement à 30 jours; echelonne: paiement en plusieurs fois)
			penalite                amount  | | Pénalité par jour de retard
			tribunal                text    | | Tribunal compétent`,
		theme: theme{family: "Helvetica", size: 9.5, accent: [3]int{90, 30, 90}, margin: 50},
		body: []block{
			spread(font{size: 14, bold: true, accent: true}, []float64{0.6, 0.4}, "Bon de commande", "Réf. {reference|BC-2026-09}"),
			gap(6),
			colon("Client :", "{client|Musée de la Batellerie}", "Prestataire :", "{prestataire|Atelier Scéno Conflans}", "Date de signature :", "{dateSignature|10/03/2026}"),
			ledger(look{frame: true}, "phases", cols, asAbove("phases", cols, [][]string{
				{"Étude", "Relevé des salles et plans au 1/50", "4 semaines", "6 200,00"},
				{"", "Maquette numérique, deux variantes avec ambiance lumineuse", "3 semaines", "4 800,00"},
				{"Réalisation", "Fabrication des vitrines en atelier", "10 semaines", "31 500,00"},
				{"", "Pose et réglages", "2 semaines", "7 400,00"},
				{"=Total HT", "", "", "{totalHt|49 900,00}"},
			}, "phase")),
			para(font{}, "Un acompte de {acomptePourcent|30 %} est versé à la commande. Le solde est réglé {reglement|à 30 jours|trente_jours}. Chaque jour de retard donne lieu à une pénalité de {penalite|150,00} €."),
			para(font{}, "Tribunal compétent : {tribunal|Pontoise}"),
		},
	}
}

// A price list whose head has two rows: a heading that spans two columns each, and the group given once.
func listingSpanningHeads() document {
	shares := []float64{0.2, 0.28, 0.13, 0.13, 0.13, 0.13}
	cols := []col{
		{head: "Group", field: "group", share: shares[0]},
		{head: "Model", field: "model", share: shares[1]},
		{head: "Units", field: "domestic_units", share: shares[2], align: 'R'},
		{head: "Revenue", field: "domestic_revenue", share: shares[3], align: 'R'},
		{head: "Units", field: "export_units", share: shares[4], align: 'R'},
		{head: "Revenue", field: "export_revenue", share: shares[5], align: 'R'},
	}
	return document{
		name: "listing-15-spanning-heads", kind: "listing", title: "sales_by_model", style: nullable, locale: us("2 Jan 2006"),
		fields: `
			company                  text
			period                   text
			printed                  date    | Printed on
			rows[]/group             text
			rows[]/model             text
			rows[]/domestic_units    integer
			rows[]/domestic_revenue  amount
			rows[]/export_units      integer
			rows[]/export_revenue    amount
			returns                  integer | Units sent back`,
		theme: blueSans(),
		body: []block{
			lines(font{size: 14, bold: true}, "Sales by model"),
			colon("Company:", "{company|Ravensbourne Cycles Ltd}", "Period:", "{period|Q4 2025}", "Printed on:", "{printed|12 Jan 2026}"),
			gap(6),
			spanned(shares, span{2, ""}, span{2, "Domestic"}, span{2, "Export"}),
			ledger(look{}, "rows", cols, asAbove("rows", cols, [][]string{
				{"City", "Lark 3", "412", "226,600", "88", "52,360"},
				{"", "Lark 7", "230", "158,700", "41", "30,340"},
				{"Touring", "Heron", "118", "141,600", "164", "205,000"},
				{"", "Heron Lady", "96", "115,200", "72", "90,000"},
				{"", "Grebe", "57", "91,200", "133", "219,450"},
				{"=Total", "", "913", "733,300", "498", "597,150"},
			}, "group")),
		},
	}
}

// The protocol of a test over two pages: framed cells that wrap, the device given once, the head repeated.
func listingMergedProtocol() document {
	cols := []col{
		{head: "Device", field: "device", share: 0.2},
		{head: "Check", field: "check", share: 0.36},
		{head: "Measured", field: "measured", share: 0.14},
		{head: "Result", field: "result", share: 0.12},
		{head: "Inspector", field: "inspector", share: 0.18},
	}
	return document{
		name: "listing-16-merged-protocol", kind: "listing", title: "InspectionProtocol", style: pydantic, locale: us("2 January 2006"),
		fields: `
			protocol!            text    | Protocol no.
			site                 text
			inspected            date    | Inspected on
			checks[]/device      text
			checks[]/check       text
			checks[]/measured    text
			checks[]/result      enum(pass,fail,not_tested)
			checks[]/inspector   text
			next_inspection      date`,
		theme:  usSerif(),
		footer: []block{pageNumber(font{size: 8, align: 'R'}, "Page %d of 2")},
		body: []block{
			lines(font{size: 15, bold: true}, "Inspection protocol"),
			colon("Protocol no.:", "{protocol|IP-2026-31}", "Site:", "{site|Greywater pumping station}", "Inspected on:", "{inspected|3 March 2026}"),
			table(look{again: true, frame: true, airy: true}, "checks", cols, asAbove("checks", cols, [][]string{
				{"Pump P1", "Insulation of the windings against earth", "412 MOhm", "pass", "Ida Norling"},
				{"", "Vibration at the drive end under full load, highest of three readings", "2.1 mm/s", "pass", "Ida Norling"},
				{"", "Seal water flow", "6 l/min", "pass", "Ida Norling"},
				{"", "Bearing temperature after one hour", "61 C", "pass", "Ida Norling"},
				{"Pump P2", "Insulation of the windings against earth", "38 MOhm", "fail", "Ida Norling"},
				{"", "Vibration at the drive end under full load, highest of three readings", "7.9 mm/s", "fail", "Ida Norling"},
				{"", "Seal water flow", "5 l/min", "pass", "Tom Ashgrove"},
				{"", "Bearing temperature after one hour", "-", "not tested", "Tom Ashgrove"},
				{"Panel S1", "Tightness of terminals", "3 retorqued", "pass", "Tom Ashgrove"},
				{"", "Earth resistance at the main bar, measured with the supply cable disconnected", "0.4 Ohm", "pass", "Tom Ashgrove"},
				{"", "Residual current devices trip in time", "18 ms", "pass", "Tom Ashgrove"},
				{"Hoist H1", "Brake holds the test load for ten minutes without slip", "1.25 t", "pass", "Ida Norling"},
				{"", "Limit switch, upper", "trips", "pass", "Ida Norling"},
				{"", "Rope, broken wires on the worst metre", "4", "pass", "Ida Norling"},
				{"Gate G1", "Opens by hand within the time that the operating manual gives", "74 s", "fail", "Tom Ashgrove"},
				{"", "Position indicator agrees with the gate", "yes", "pass", "Tom Ashgrove"},
			}, "device")),
			colon("Next inspection:", "{next_inspection|3 March 2027}"),
		},
	}
}

// A note of a triage nurse, to be sorted by descriptions of the words of a schema.
func alertTriageText() document {
	return document{
		name: "alert-15-triage-text", kind: "alert", title: "Incident", style: nullable, locale: us("2 January 2006"),
		fields: `
			case_id!     text    | Case ID
			opened       date    | Opened
			reporter     text
			system       text
			category     choice(access: login, password, locked account; hardware: laptop, printer, screen, keyboard; network: VPN, wifi, connection lost; data: deleted file, backup, restore)
			outcome      choice(resolved: the problem is solved; escalated: handed to another team; duplicate: already reported in another case)
			severity     enum(low,medium,high,critical) | Severity
			channel      enum(phone,email,portal) | Channel | How it reached us
			vip          boolean
			closed       date`,
		text: `
Case ID: {case_id|INC-20417}
Opened: {opened|5 March 2026}
Reporter: {reporter|Wilhelmina Oduya}
System: {system|Field sales notebook}
Severity: {severity|medium}
Channel: {channel|phone}

Notes
The {category|VPN|network} drops every ten minutes when the user works from home. A new profile
did not help. The case was {outcome|handed to another team|escalated} on the same day.
`,
	}
}

// A French declaration of a claim with enumerations whose words are told.
func alertFrenchClaimText() document {
	return document{
		name: "alert-16-french-claim-text", kind: "alert", lang: "fr", title: "Sinistre", style: plain, locale: eu("02/01/2006"),
		fields: `
			numero_sinistre!   text
			numero_contrat     text
			assure             text   | Nom de l'assuré
			date_sinistre      date
			type_sinistre      choice(degat_des_eaux: fuite, rupture de canalisation, inondation; incendie: feu, fumée; vol: cambriolage, effraction; bris_de_glace: vitre brisée)
			decision           choice(accepte: prise en charge acceptée; refuse: prise en charge refusée; expertise: un expert est désigné)
			montant_estime     amount | Montant estimé
			franchise          amount
			telephone          phone
			temoin             text`,
		text: `
Numéro de sinistre : {numero_sinistre|S-26-40918}
Numéro de contrat : {numero_contrat|HAB 771 204}
Assuré : {assure|M. Théodore Vasseur}
Date du sinistre : {date_sinistre|22/02/2026}
Téléphone : {telephone|03 20 55 81 47}
Montant estimé : {montant_estime|3 450,00} €
Franchise : {franchise|150,00} €

Une {type_sinistre|fuite|degat_des_eaux} sous l'évier a traversé le plancher de la cuisine. Après
examen du dossier, {decision|un expert est désigné|expertise} pour constater les dommages.
`,
	}
}

// A short lease of an office, whose clauses must be sorted.
func contractChoicesText() document {
	return document{
		name: "contract-17-choices-text", kind: "contract", title: "OfficeLease", style: pydantic, locale: us("January 2, 2006"),
		fields: `
			landlord!        text
			tenant!          text
			premises         text
			start            date
			rent             amount | | Monthly rent
			rent_review      choice(fixed: the rent does not change; indexed: the rent follows the consumer price index; market: the rent is set anew at market level)
			repairs          choice(landlord: the landlord bears all repairs; tenant: the tenant bears all repairs; shared: each bears a part)
			use              enum(office,retail,storage) | Permitted use
			assignment       choice(free: may be assigned without consent; consent: may be assigned with prior written consent; none: may not be assigned)
			deposit          amount
			guarantor        text`,
		text: `
OFFICE LEASE

Landlord: {landlord|Larchmont Holdings LLC}
Tenant: {tenant|Quayside Actuaries Inc.}
Premises: {premises|Suite 410, 22 Harbor Row}
Start: {start|May 1, 2026}
Monthly rent: ${rent|6,250.00}
Deposit: ${deposit|12,500.00}
Permitted use: {use|office}

On each anniversary the rent {rent_review|follows the consumer price index|indexed} as published
by the Bureau. {repairs|The tenant bears all repairs|tenant} inside the premises. This lease
{assignment|may be assigned with prior written consent|consent} of the Landlord, not to be
withheld without reason.
`,
	}
}
