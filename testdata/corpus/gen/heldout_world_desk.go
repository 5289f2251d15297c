package main

// A French lease in two columns of running text with small headings.
func worldBail() document {
	return document{
		name: "world-06-bail", kind: "contract", lang: "fr", title: "BailHabitation", style: nullable,
		locale: eu("02/01/2006", "2 January 2006"),
		fields: `
			bailleur!           text
			locataire!          text
			adresse             text    | Adresse du logement
			surface             number  | Surface habitable en m²
			date_effet          date    | Date de prise d'effet
			duree               text    | Durée du bail
			loyer!              amount  | Loyer mensuel hors charges
			charges             amount  | Provision mensuelle sur charges
			depot_garantie      amount  | Dépôt de garantie
			jour_paiement       text    | Jour du paiement
			meuble              boolean | Logement meublé
			preavis             text    | Délai de préavis du locataire
			devise              currency
			caution             text    | Personne qui se porte caution
			fait_a              text    | Lieu de signature
			fait_le             date    | Date de signature`,
		theme: theme{family: "Times", size: 9.5, accent: [3]int{30, 30, 90}, margin: 48},
		body: []block{
			lines(font{size: 14, bold: true, align: 'C'}, "CONTRAT DE LOCATION"),
			lines(font{size: 9, align: 'C', italic: true}, "logement vide à usage de résidence principale"),
			gap(10),
			columns(0.5,
				stack(
					capitals("Les parties"),
					para(font{}, "Bailleur : {bailleur|SCI des Quatre-Vents}, 8 rue Pasteur, 49100 Angers"),
					para(font{}, "Locataire : {locataire|M. Corentin Ledrappier}, né le 17 mai 1994 à Cholet"),
					capitals("Le logement"),
					para(font{}, "Adresse : {adresse|3 impasse du Mail, 49100 Angers}"),
					para(font{}, "Le logement est {meuble|loué vide|false} ; il a une surface habitable de {surface|54,30} m² et comprend trois pièces, une cave et un emplacement de stationnement."),
					capitals("Durée"),
					para(font{}, "Le bail est conclu pour une durée de {duree|trois ans}. Il prend effet le {date_effet|01/04/2026} et se renouvelle par tacite reconduction.")),
				stack(
					capitals("Conditions financières"),
					para(font{}, "Le loyer mensuel est fixé à {loyer|640,00} {devise|€|EUR}, payable d'avance le {jour_paiement|5 de chaque mois}."),
					para(font{}, "Provision sur charges : {charges|55,00} €"),
					para(font{}, "Dépôt de garantie : {depot_garantie|640,00} €"),
					capitals("Congé"),
					para(font{}, "Le locataire peut donner congé à tout moment en respectant un préavis de {preavis|trois mois}, réduit à un mois en zone tendue."),
					capitals("Assurance"),
					para(font{}, "Le locataire s'assure contre les risques locatifs et en justifie chaque année à la demande du bailleur."))),
			gap(20),
			lines(font{}, "Fait à {fait_a|Angers}, le {fait_le|12/03/2026}, en deux exemplaires."),
		},
	}
}

// A farm report: a head of two rows where the year spans area and yield, and the region stands once for its farms.
func worldCrops() document {
	shares := []float64{0.16, 0.24, 0.15, 0.15, 0.15, 0.15}
	cols := []col{
		{head: "Region", field: "region", share: shares[0]},
		{head: "Farm", field: "farm", share: shares[1]},
		{head: "ha", field: "area_2024", share: shares[2], align: 'R'},
		{head: "t", field: "yield_2024", share: shares[3], align: 'R'},
		{head: "ha", field: "area_2025", share: shares[4], align: 'R'},
		{head: "t", field: "yield_2025", share: shares[5], align: 'R'},
	}
	return document{
		name: "world-07-crops", kind: "listing", title: "harvest", style: nullable, locale: us("2 January 2006"),
		fields: `
			title              text
			reported_by        text
			as_of              date
			rows[]/region      text
			rows[]/farm        text
			rows[]/area_2024   number | Area 2024 | ha in 2024
			rows[]/yield_2024  number | Yield 2024 | t in 2024
			rows[]/area_2025   number | Area 2025 | ha in 2025
			rows[]/yield_2025  number | Yield 2025 | t in 2025
			total_2025         number | Total yield of 2025`,
		theme: greenSans(),
		body: []block{
			lines(font{size: 13, bold: true}, "{title|Barley harvest of the cooperative}"),
			colon("Reported by:", "{reported_by|Field office Marlow Fen}", "As of:", "{as_of|30 November 2025}"),
			gap(6),
			spread(font{bold: true}, []float64{0.16, 0.24, 0.3, 0.3}, "", "", "                  2024", "                  2025"),
			ledger(look{}, "rows", cols, asAbove("rows", cols, [][]string{
				{"North", "Alder End", "41.0", "262", "40.5", "271"},
				{"", "Brick Kiln", "18.5", "109", "22.0", "140"},
				{"", "Cold Harbour", "73.2", "455", "70.0", "462"},
				{"South", "Dovecote", "29.0", "171", "29.0", "180"},
				{"", "Elm Croft", "12.4", "70", "15.1", "92"},
				{"=Total", "", "174.1", "1,067", "176.6", "{total_2025|1,145}"},
			}, "region")),
		},
	}
}

// A letter that decides a claim; what it says must be sorted into the words of the schema.
func worldClaimLetter() document {
	return document{
		name: "world-08-claim-text", kind: "alert", title: "ClaimDecision", style: nullable, locale: us("2 January 2006"),
		fields: `
			claim_no!      text   | Claim number
			policy_no      text   | Policy number
			claimant       text
			loss_date      date   | Date of loss
			decision       choice(approve: the claim is accepted and paid in full; partial: only a part of the claim is paid; deny: the claim is declined, nothing is paid; pending: more documents are needed)
			cause          choice(water: burst pipe, leak, flood; fire: fire, smoke; theft: burglary, stolen goods; storm: wind, hail)
			priority       enum(low,normal,high)
			paid_amount    amount | Amount paid
			deductible     amount
			handler        text   | Claims handler
			appeal_until   date   | Last day to appeal`,
		text: `
MEREDALE MUTUAL

Claim number:   {claim_no|MM-774-2026}
Policy number:  {policy_no|HH 20 4471}
Claimant:       {claimant|Rosalind Achterberg}
Date of loss:   {loss_date|9 January 2026}
Claims handler: {handler|Devan Pillai}

Dear Ms Achterberg,

a {cause|burst pipe|water} behind the kitchen units damaged floor and cupboards. We have
looked at the report of our surveyor. We have {decision|declined|deny} your claim, as the damage
had built up over months and such damage is excluded.

You may appeal until {appeal_until|14 March 2026}.
`,
	}
}

// A service contract's schedule: cells that go on over lines, blank cells for "as above".
func worldMaintenance() document {
	cols := []col{
		{head: "Anlage", field: "anlage", share: 0.2},
		{head: "Arbeit", field: "arbeit", share: 0.42},
		{head: "Turnus", field: "turnus", share: 0.2},
		{head: "Preis/Jahr", field: "preis", share: 0.18, align: 'R'},
	}
	return document{
		name: "world-05-maintenance", kind: "contract", lang: "de", title: "Wartungsvertrag", style: plain,
		locale: eu("02.01.2006"),
		fields: `
			vertragsnummer!   text
			auftraggeber      text
			auftragnehmer     text
			beginn            date
			laufzeit          text
			kuendigungsfrist  text
			plan[]/anlage     text
			plan[]/arbeit     text
			plan[]/turnus     text
			plan[]/preis      amount
			jahrespreis       amount  | | Summe pro Jahr
			zahlungsweise     choice(monatlich: Zahlung jeden Monat; vierteljaehrlich: Zahlung jedes Quartal; jaehrlich: Zahlung einmal im Jahr)
			gerichtsstand     text`,
		theme: theme{family: "Helvetica", size: 9.5, accent: [3]int{20, 80, 90}, margin: 54},
		body: []block{
			lines(font{size: 14, bold: true}, "Wartungsvertrag Nr. {vertragsnummer|WV-3308}"),
			gap(6),
			tabbed(110, "Auftraggeber", "{auftraggeber|Stadtwerke Ellerbruch}", "Auftragnehmer", "{auftragnehmer|Kältetechnik Dornseif KG}", "Beginn", "{beginn|01.05.2026}", "Laufzeit", "{laufzeit|36 Monate}", "Kündigungsfrist", "{kuendigungsfrist|3 Monate zum Laufzeitende}"),
			heading("Leistungsverzeichnis"),
			ledger(look{frame: true}, "plan", cols, asAbove("plan", cols, [][]string{
				{"Kaltwassersatz 1", "Dichtheitsprüfung nach Verordnung, mit Protokoll und Eintrag ins Betriebsbuch", "halbjährlich", "340,00"},
				{"", "Kondensator reinigen", "jährlich", "185,00"},
				{"Rückkühler Dach", "Ventilatoren prüfen, Lamellen reinigen, Frostschutz messen", "vierteljährlich", "520,00"},
				{"", "Wasserprobe ziehen", "monatlich", "288,00"},
				{"=Summe", "", "", "{jahrespreis|1.333,00}"},
			}, "anlage")),
			para(font{}, "Der Preis wird {zahlungsweise|jedes Quartal|vierteljaehrlich} im Voraus berechnet. Gerichtsstand ist {gerichtsstand|Ellerbruch}."),
		},
	}
}

// A ticket of a help desk, whose priority and topic must be sorted by their descriptions.
func worldSupport() document {
	return document{
		name: "world-11-support-text", kind: "alert", lang: "de", title: "Ticket", style: pydantic, locale: eu("02.01.2006"),
		fields: `
			ticket!        text
			eingang        date
			kunde          text
			email          email
			thema          choice(rechnung: Fragen zur Rechnung, falscher Betrag, Mahnung; technik: Störung, Ausfall, Fehlermeldung; vertrag: Kündigung, Umzug, Tarifwechsel)
			stimmung       enum(positiv,neutral,negativ)
			prioritaet     enum(niedrig,mittel,hoch) | Priorität
			rueckruf       boolean | | Rückruf gewünscht
			telefon        phone
			vertragsnummer text`,
		text: `
Ticket: {ticket|T-558102}
Eingang: {eingang|04.03.2026}, 08:17
Kunde: {kunde|Gerlinde Voss-Hartung}
E-Mail: {email|g.voss@posteo.example}
Telefon: {telefon|0431 / 22 80 94}
Vertragsnummer: {vertragsnummer|40-771-9}
Priorität: {prioritaet|hoch}
Rückruf gewünscht: {rueckruf|ja|true}

Guten Morgen,
seit gestern Abend besteht bei mir ein {thema|Ausfall|technik} des Anschlusses, das Modem blinkt
rot. Ich arbeite von zu Hause. Bitte melden Sie sich.
`,
	}
}

// A duty roster over two pages with its head repeated, the ward standing once, remarks that wrap.
func worldRoster() document {
	cols := []col{
		{head: "Ward", field: "ward", share: 0.18},
		{head: "Shift", field: "shift", share: 0.12},
		{head: "Nurse in charge", field: "nurse", share: 0.28},
		{head: "Beds", field: "beds", share: 0.1, align: 'R'},
		{head: "Remarks", field: "remarks", share: 0.32},
	}
	return document{
		name: "world-12-roster", kind: "listing", title: "roster", style: pydantic, locale: us("2 January 2006"),
		fields: `
			hospital        text
			week            integer
			from            date    | | First day
			duties[]/ward   text
			duties[]/shift  text
			duties[]/nurse  text
			duties[]/beds   integer
			duties[]/remarks text
			approved_by     text`,
		theme:  usSerif(),
		header: []block{lines(font{size: 8, gray: true}, "Duty roster, continued"), gap(6)},
		footer: []block{pageNumber(font{size: 8, align: 'C'}, "page %d")},
		body: []block{
			lines(font{size: 15, bold: true}, "Duty roster, week {week|12}"),
			colon("Hospital:", "{hospital|St Aldhelm Infirmary}", "From:", "{from|16 March 2026}"),
			gap(150),
			table(look{again: true, frame: true, airy: true}, "duties", cols, asAbove("duties", cols, [][]string{
				{"Cardiology", "early", "Imogen Falk", "22", "two beds closed for works until Friday"},
				{"", "late", "Tobias Wren", "22", ""},
				{"", "night", "Salma Idrissi", "22", "agency nurse from 01:00"},
				{"Surgery", "early", "Piet Lindqvist", "30", "theatre list runs long on Tuesday, relief at 15:00"},
				{"", "late", "Orla Kinsella", "30", ""},
				{"", "night", "Bartholomew Ng", "28", ""},
				{"Paediatrics", "early", "Hester Quill", "16", "ward round with students"},
				{"", "late", "Marisol Vega", "16", "play room closed"},
				{"", "night", "Anneke Roos", "16", ""},
				{"Maternity", "early", "Yewande Cole", "14", "birthing pool out of order, use room three"},
				{"", "late", "Rhiannon Pugh", "14", ""},
				{"", "night", "Deborah Stills", "12", "two beds kept for transfers from the county hospital"},
				{"Geriatrics", "early", "Fintan Moore", "26", "visiting hours extended"},
				{"", "late", "Lucia Brandt", "26", ""},
				{"", "night", "Edgar Holm", "26", "falls round at 23:00 and 03:00"},
				{"Oncology", "early", "Noor Haddad", "18", "pharmacy delivers at seven"},
				{"", "late", "Clement Ives", "18", ""},
				{"", "night", "Bridget Solomon", "18", "isolation in bed nine"},
			}, "ward")),
			colon("Approved by:", "{approved_by|Matron E. Castleton}"),
		},
	}
}
