package main

// A charter party: a page of numbered boxes, the labels small in their corners, and nothing else.
func contractCharterBoxes() document {
	half := []float64{0.5, 0.5}
	third := []float64{0.34, 0.33, 0.33}
	return document{
		name: "contract-12-charter-boxes", kind: "contract", title: "charter_party", style: plain,
		locale: us("2 January 2006", "2 Jan 2006"),
		fields: `
			cp_date!              date
			cp_place              text
			form                  text
			broker                text
			owners/name           text
			owners/place          text
			charterers/name       text
			charterers/place      text
			vessel                text
			imo                   text
			flag                  text
			dwt                   integer
			laycan_from           date    | | First day on which the vessel may arrive
			laycan_to             date    | | Cancelling date
			load_port             text
			disch_port            text
			cargo                 text
			cargo_mt              number
			margin_pct            number  | | More or less, in percent
			freight_per_mt        amount
			ccy                   currency
			load_rate             integer | | Tonnes a day
			disch_rate            integer | | Tonnes a day
			demurrage_day         amount
			despatch              enum(none,half_demurrage)
			commission_pct        number
			deadfreight           amount
			law                   text
			seat                  text    | | Place of arbitration
			ice_clause            boolean
			rider_clauses         text`,
		theme: theme{family: "Helvetica", size: 8.5, accent: [3]int{0, 0, 0}, margin: 40},
		body: []block{
			spread(font{bold: true}, half, "{form|UNIVOY 94} - VOYAGE CHARTER PARTY", "PART I"),
			boxes(half, "1. Shipbroker", "{broker|Haldane Chartering, Glasgow}", "2. Place and date", "{cp_place|Piraeus}, {cp_date|24 February 2026}"),
			boxes(half, "3. Owners / place of business", "{owners/name|Ithaki Bulk Shipping S.A.}\n{owners/place|Majuro}", "4. Charterers / place of business", "{charterers/name|Grain Union of Constanta SRL}\n{charterers/place|Constanta}"),
			boxes(third, "5. Vessel / flag", "MV {vessel|ITHAKI GRACE} / {flag|Malta}", "6. IMO number", "{imo|9447120}", "7. Deadweight all told, mt", "{dwt|37,412}"),
			boxes(third, "8. Present position", "Aliaga, discharging", "9. Expected ready to load", "{laycan_from|4 Mar 2026}", "10. Cancelling date", "{laycan_to|11 Mar 2026}"),
			boxes(half, "11. Loading port", "{load_port|Constanta}, one safe berth", "12. Discharging port", "{disch_port|Port Said West}, one safe berth"),
			boxes([]float64{0.6, 0.4}, "13. Cargo, quantity and margin in owners' option", "{cargo|Milling wheat in bulk}\n{cargo_mt|30,000} mt, {margin_pct|5 %} more or less", "14. Freight rate", "{ccy|USD} {freight_per_mt|21.75} per mt\npayable on 95 % within 3 banking days"),
			boxes(third, "15. Laytime, loading", "{load_rate|8,000} mt a weather working day", "16. Laytime, discharging", "{disch_rate|5,000} mt a weather working day", "17. Demurrage / despatch", "USD {demurrage_day|14,500} a day pro rata\n{despatch|half despatch|half_demurrage}"),
			boxes(third, "18. Commission and to whom", "{commission_pct|3.75 %} to box 1", "19. Law / arbitration", "{law|English law}\n{seat|London}", "20. Ice clause", "{ice_clause|not applicable|false}"),
			boxes([]float64{1}, "21. Further terms", "Rider clauses {rider_clauses|22 to 41} are part of this contract."),
			gap(24),
			underneath(half, "For the owners", "", "For the charterers", ""),
		},
	}
}

// A Dutch contract of employment in articles: nothing but sentences, sums with points and a dash for no cents.
func contractDutchText() document {
	return document{
		name: "contract-13-dutch-text", kind: "contract", lang: "nl", title: "Arbeidsovereenkomst", style: nullable,
		locale: eu("2 January 2006", "02-01-2006"),
		fields: `
			werkgever!             text    | Werkgever
			kvk                    text    | KvK-nummer van de werkgever
			werknemer!             text    | Werknemer
			geboren_op             date    | Geboortedatum van de werknemer
			functie                text
			standplaats            text
			ingangsdatum!          date
			einddatum              date
			onbepaalde_tijd        boolean | Voor onbepaalde tijd
			proeftijd_maanden      integer
			uren_per_week          number
			bruto_maandloon        amount
			vakantietoeslag        number  | Vakantietoeslag in procent
			vakantiedagen          integer
			opzegtermijn_maanden   integer | Opzegtermijn voor de werknemer
			concurrentiebeding     boolean
			boete                  amount  | Boete bij schending van de geheimhouding
			cao                    text
			valuta                 currency
			leaseauto              text
			getekend_te            text
			getekend_op            date`,
		text: `
                         ARBEIDSOVEREENKOMST

De ondergetekenden:

1. {werkgever|Waterlandse Sluisbouw B.V.}, gevestigd te Monnickendam,
   ingeschreven onder nummer {kvk|37104482}, hierna: werkgever;
2. {werknemer|Jorrit Kuipersma}, geboren op {geboren_op|19-08-1995}, hierna: werknemer;

komen overeen:

Artikel 1. Functie
Werknemer treedt op {ingangsdatum|1 april 2026} in dienst als {functie|werkvoorbereider}. De
standplaats is {standplaats|Purmerend}.

Artikel 2. Duur
De overeenkomst is aangegaan {onbepaalde_tijd|voor bepaalde tijd|false} en eindigt van rechtswege
op {einddatum|31-03-2027}. De eerste {proeftijd_maanden|maand|1} geldt als proeftijd.

Artikel 3. Loon en tijd
Het loon bedraagt bij {uren_per_week|36 uur} per week {valuta|€|EUR} {bruto_maandloon|3.415,-} bruto per maand. De
vakantietoeslag is {vakantietoeslag|8 %} en wordt in mei betaald. Werknemer heeft
recht op {vakantiedagen|25} dagen vakantie per jaar.

Artikel 4. Opzegging
Werknemer kan opzeggen met een termijn van {opzegtermijn_maanden|één maand|1}.

Artikel 5. Geheimhouding
Bij schending is werknemer een boete van € {boete|5.000,-} verschuldigd.
{concurrentiebeding|Een concurrentiebeding wordt niet overeengekomen|false}.

Artikel 6. Cao
Van toepassing is de {cao|cao Waterbouw}.

Getekend te {getekend_te|Monnickendam} op {getekend_op|27-02-2026}
`,
	}
}

// The agreement of a car rental desk: boxes to tick, initials, rates as count times price, times of day beside the dates.
func contractRentalDesk() document {
	cols := []col{
		{head: "Charge", field: "what", share: 0.4},
		{head: "Count", field: "count", share: 0.2, align: 'R'},
		{head: "At", field: "at", share: 0.2, align: 'R'},
		{head: "Comes to", field: "sum", share: 0.2, align: 'R'},
	}
	return document{
		name: "contract-14-rental-desk", kind: "contract", title: "RentalAgreement", style: pydantic,
		locale: us("Mon 02-Jan-2006", "02-Jan-2006"),
		fields: `
			raNo!                 text    | RA no.
			renter!               text
			renterLicence         text
			licenceExpires        date
			extraDriver           text
			company               text
			station               text
			car/model             text
			car/plate             text
			car/carClass          text
			car/kmOut             integer
			car/fuelOut           text
			out/day               date
			out/time              text
			back/day              date
			back/time             text
			charges[]/what        text
			charges[]/count       integer
			charges[]/at          amount
			charges[]/sum         amount
			estimate              amount  | | Expected total, tax included
			deposit               amount  | | Held on the card
			excess                amount  | | What the renter pays of a damage
			currency              currency
			waiverTaken           boolean | | Whether the collision waiver is taken
			unlimitedKm           boolean
			crossBorder           boolean | | Whether the car may leave the country
			fuelPolicy            enum(full_to_full,prepaid,same_to_same)
			breakdownPhone        phone
			actualReturn          date`,
		theme: theme{family: "Courier", size: 8.5, accent: [3]int{0, 100, 0}, margin: 40},
		body: []block{
			spread(font{size: 13, bold: true}, []float64{0.6, 0.4}, "{company|FERNBIRD RENTALS}", "RA no. {raNo|QTN-0088417}"),
			lines(font{}, "Station: {station|Queenstown Airport}"),
			rule(),
			spread(font{}, []float64{0.5, 0.5}, "Renter   {renter|Oluwaseun Brightman}", "Extra driver   -"),
			spread(font{}, []float64{0.5, 0.5}, "Licence  {renterLicence|BRIGH 802170}", "valid to {licenceExpires|17-Feb-2032}"),
			rule(),
			spread(font{}, []float64{0.5, 0.5}, "OUT  {out/day|Thu 26-Feb-2026}  {out/time|10:30}", "IN (due)  {back/day|Mon 02-Mar-2026}  {back/time|09:00}"),
			spread(font{}, []float64{0.5, 0.25, 0.25}, "Car  {car/model|Kaimai Ridge 2.0 AWD}", "Class {car/carClass|IFAR}", "Plate {car/plate|PQX418}"),
			spread(font{}, []float64{0.5, 0.5}, "Odometer out  {car/kmOut|41,207}", "Tank out  {car/fuelOut|8/8}"),
			ledger(look{}, "charges", cols, [][]string{
				{"Days", "4", "89.00", "356.00"},
				{"Airport fee", "1", "45.00", "45.00"},
				{"Child seat", "4", "8.50", "34.00"},
				{"=Estimate incl. GST, {currency|NZD}", "", "", "{estimate|435.00}"},
			}),
			lines(font{}, "{unlimitedKm|[x] kilometres free                [ ] 200 km a day, then 0.35|true}",
				"{fuelPolicy|[ ] tank prepaid   [x] full to full   [ ] same to same|full_to_full}",
				"{waiverTaken|Collision waiver                    [ ] accepted   [x] declined   initials OB|false}",
				"{crossBorder|Ferry to the North Island           [ ] yes        [x] no|false}"),
			gap(6),
			leaders(260, "Held on card", "NZD {deposit|500.00}", "Excess for each damage", "NZD {excess|3,850.00}", "Breakdown, day and night", "{breakdownPhone|0800 555 0116}"),
			gap(14),
			underneath([]float64{0.5, 0.5}, "Renter signs", "O. Brightman", "Signed on", "26-Feb-2026"),
		},
	}
}
