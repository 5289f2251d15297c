package main

// A delivery note of a wholesaler of medicines: no prices, batches and days of expiry, ordered and delivered side by side, a signature.
func listingDeliveryNote() document {
	cols := []col{
		{head: "Pos.", field: "pos", share: 0.07},
		{head: "Description of goods", field: "goods", share: 0.33},
		{head: "Batch", field: "batch", share: 0.13},
		{head: "Use before", field: "useBefore", share: 0.13, align: 'C'},
		{head: "Ordered packs", field: "ordered", share: 0.11, align: 'R'},
		{head: "Delivered packs", field: "delivered", share: 0.12, align: 'R'},
		{head: "To follow", field: "toFollow", share: 0.11, align: 'R'},
	}
	return document{
		name: "listing-12-delivery-note", kind: "listing", title: "DeliveryNote", style: pydantic,
		locale: us("02 Jan 2006", "02/01/2006"),
		fields: `
			noteNo!             text
			despatched          date
			received            date
			receivedBy          text
			consignor           text
			consignee           text
			consigneeAddress    text
			carrier             text
			consignmentNo       text   | | The carrier's number
			orderRef            text   | | The buyer's order
			cartons             integer
			pallets             integer
			grossKg             number
			tempMin             number | | Lowest temperature in degrees Celsius
			tempMax             number
			tempLogged          boolean
			items[]/pos         integer
			items[]/goods       text
			items[]/batch       text
			items[]/useBefore   text
			items[]/ordered     integer
			items[]/delivered   integer
			items[]/toFollow    integer
			signedFor           boolean
			damageNoted         boolean
			total               amount`,
		theme: theme{family: "Helvetica", size: 9, accent: [3]int{0, 110, 130}, margin: 44},
		body: []block{
			columns(0.5, stack(lines(font{size: 15, bold: true, accent: true}, "{consignor|Medvale Wholesale}"), lines(font{size: 8}, "Depot 2, Ballycoolin, Dublin 15")),
				stack(lines(font{size: 15, align: 'R'}, "Delivery note"), lines(font{align: 'R'}, "No. {noteNo|DN-0771403}"))),
			rule(),
			lines(font{bold: true}, "Consignee"),
			stanza(font{}, "{consignee|St. Brendan's Hospital Pharmacy}\n{consigneeAddress|Goods entrance C\nHarbour Road\nTralee, Co. Kerry}"),
			gap(6),
			strip([]float64{0.25, 0.25, 0.25, 0.25}, "Your order", "{orderRef|SBP/4402}", "Left our depot", "{despatched|26 Feb 2026}", "Carrier", "{carrier|Kingdom Couriers}", "Consignment", "{consignmentNo|KC 8841 0093}"),
			gap(6),
			ledger(look{zebra: true}, "items", cols, [][]string{
				{"1", "Insulin glargine 100 U/ml, 5 pens", "GL4471B", "2027-08", "40", "40", "0"},
				{"2", "Ceftriaxone 1 g, 10 vials", "CX22019", "2028-01", "25", "15", "10"},
				{"3", "Influenza vaccine, 10 syringes", "FV0918", "2026-06", "12", "12", "0"},
				{"4", "Sodium chloride 0.9 %, 1 l", "NS77104", "2028-11", "60", "48", "12"},
			}),
			spread(font{bold: true}, []float64{0.2, 0.2, 0.25, 0.35}, "Cartons: {cartons|11}", "Pallets: {pallets|2}", "Gross: {grossKg|118.4 kg}", "Keep at {tempMin|2} to {tempMax|8} °C"),
			lines(font{}, "{tempLogged|A logger of temperature travels in carton 1|true}. Keep it for the driver."),
			gap(18),
			underneath([]float64{0.4, 0.3, 0.3}, "Received in good order (name)", "{receivedBy|{signedFor|C. Moriarty|true}}", "Date", "{received|27/02/2026}", "Damage noted", "{damageNoted|none|false}"),
			para(font{size: 8, gray: true}, "Claims within two days of 27/02/2026. This note is no invoice."),
		},
	}
}

// A journey in the catalogue of a tour operator: a day for each block, prices for kinds of rooms with leaders, what is in the price and what is not.
func listingTourText() document {
	return document{
		name: "listing-13-tour-text", kind: "listing", title: "Tour", style: plain,
		locale: us("Mon 2 January 2006", "2 January 2006"),
		fields: `
			tourCode!          text
			name!              text
			operator           text
			departs            date
			returns            date
			nights             integer
			groupMin           integer
			groupMax           integer
			days[]/date        date
			days[]/title       text
			days[]/overnight   text
			prices[]/room      text
			prices[]/perPerson amount
			singleSupplement   amount
			currency           currency
			included[]         list
			notIncluded[]      list
			bookBy             date    | | Last day for the early price
			earlyDiscount      amount
			fitness            enum(easy,moderate,hard)
			visaNeeded         boolean
			guideLanguage      text
			desk               phone
			insurance          amount`,
		text: `
TOUR {tourCode|GE-14}                                {operator|Wayfarer & Lund, Leeds}

        {name|HIGH VILLAGES OF SVANETI}
        {nights|7} nights, small group ({groupMin|6} to {groupMax|12} people)
        Walking: {fitness|moderate}     Guide speaks {guideLanguage|English}

DAY 1 . {departs|{days/0/date|Sat 6 June 2026}}
  {days/0/title|Flight to Kutaisi}
  Met at the airport, walk in the old town.
  Night in {days/0/overnight|Kutaisi}
DAY 2 . {days/1/date|Sun 7 June 2026}
  {days/1/title|Drive to Mestia}
  Six hours by minibus with a stop at the dam.
  Night in {days/1/overnight|Mestia}
DAY 3-7 . {days/2/date|Mon 8 June 2026}
  {days/2/title|Walks from village to village}
  Between 9 and 17 km a day, bags go by car.
  Night in {days/2/overnight|guest houses}
DAY 8 . {returns|{days/3/date|Sat 13 June 2026}}
  {days/3/title|Flight home}

WHAT IT COSTS, each person, {currency|GBP}
  {prices/0/room|Shared twin room} ............ {prices/0/perPerson|1,480}
  {prices/1/room|Third bed in a room} ......... {prices/1/perPerson|1,310}
  Room to yourself, more by ... {singleSupplement|210}
  Book by {bookBy|28 February 2026} and pay {earlyDiscount|75} less.

IN THE PRICE: {included/+|all breakfasts}, {included/+|seven dinners}, {included/+|minibus}, {included/+|guide}
NOT IN IT: {notIncluded/+|flights}, {notIncluded/+|lunches}, {notIncluded/+|tips}

{visaNeeded|No visa is needed|false} with a British passport. Ask our desk: {desk|0113 496 0177}.
`,
	}
}

// An Italian card of a used car: ruled cells of two pairs each, equipment as ticks, price with points between thousands.
func listingItalianCar() document {
	form := []col{{share: 0.22}, {share: 0.28}, {share: 0.24}, {share: 0.26, align: 'R'}}
	return document{
		name: "listing-14-italian-car", kind: "listing", lang: "it", title: "Scheda veicolo", style: nullable,
		locale: eu("02/01/2006"),
		fields: `
			marca!               text
			modello!             text
			allestimento         text
			targa                text
			telaio               text     | Numero di telaio
			immatricolazione     date     | Data di prima immatricolazione
			chilometri           integer
			alimentazione        enum(benzina,diesel,ibrida,elettrica,gpl)
			cambio               enum(manuale,automatico)
			potenza_kw           integer
			cilindrata           integer  | Cilindrata in centimetri cubi
			posti                integer
			colore               text
			prezzo!              amount
			prezzo_nuovo         amount   | Prezzo da nuova
			valuta               currency
			iva_esposta          boolean
			unico_proprietario   boolean
			garanzia_mesi        integer
			revisione_scadenza   date     | Scadenza della revisione
			dotazioni[]          list
			concessionaria       text
			telefono             phone
			passaggio            amount   | Spese per il passaggio di proprietà
			classe_euro          text`,
		theme: theme{family: "Times", size: 11, accent: [3]int{140, 20, 30}, margin: 54},
		body: []block{
			lines(font{size: 22, bold: true, accent: true}, "{marca|Lancetta} {modello|Brera 1.5}"),
			lines(font{italic: true}, "{allestimento|Business Plus}"),
			gap(6),
			spread(font{size: 16, bold: true}, []float64{0.5, 0.5}, "{prezzo|{valuta|€|EUR} 13.900}", "targa {targa|GB 417 KX}"),
			lines(font{gray: true}, "Da nuova costava € {prezzo_nuovo|24.350}; {iva_esposta|IVA non esposta|false}."),
			gap(6),
			ledger(look{frame: true}, "", form, [][]string{
				{"Immatricolata", "{immatricolazione|21/05/2019}", "Km percorsi", "{chilometri|84.300}"},
				{"Alimentazione", "{alimentazione|diesel}", "Cambio", "{cambio|manuale}"},
				{"Potenza", "{potenza_kw|88 kW} (120 CV)", "Cilindrata", "{cilindrata|1.499 cc}"},
				{"Posti", "{posti|5}", "Classe", "{classe_euro|Euro 6d}"},
				{"Colore", "{colore|Grigio Maratea}", "Revisione fino al", "{revisione_scadenza|31/05/2027}"},
				{"Proprietari", "{unico_proprietario|uno solo|true}", "Telaio", "{telaio|ZLB94700004410278}"},
			}),
			capitals("DOTAZIONI"),
			columns(0.5, stack(bullets("+", "{dotazioni/+|Sensori di parcheggio}", "{dotazioni/+|Navigatore}")), stack(bullets("+", "{dotazioni/+|Sedili riscaldati}", "{dotazioni/+|Gancio traino}"))),
			para(font{}, "Garanzia di {garanzia_mesi|12 mesi} compresa nel prezzo. Il passaggio di proprietà è a carico di chi compra."),
			rule(),
			lines(font{align: 'C'}, "{concessionaria|Autosalone Prealpi}, Via Roggia 7, Varese - tel. {telefono|0332 555 014}"),
		},
	}
}
