package main

// A Swedish parking receipt on narrow paper: label and value on lines of their own, times of arrival and departure, tax inside the sum.
func receiptSwedishParking() document {
	return document{
		name: "receipt-12-swedish-parking", kind: "receipt", lang: "sv", title: "Kvitto", style: nullable,
		locale: eu("2006-01-02"),
		fields: `
			foretag!        text    | Företag
			orgnr           tax_id  | Organisationsnummer
			anlaggning      text    | Anläggning
			kvittonr        text    | Kvittonummer
			datum!          date    | Datum för betalningen
			ankomst         text    | Ankomst | Klockslag
			avresa          text    | Avresa | Klockslag
			regnr           text    | Registreringsnummer
			avgift          amount  | Avgift före rabatt
			rabatt          amount  | Rabatt | Negativt
			moms            amount
			momssats        number  | Momssats i procent
			att_betala!     amount  | Att betala
			valuta          currency
			betalsatt       enum(kort,swish,kontant) | Betalsätt
			kort_sista_fyra text    | Kortets sista fyra siffror
			elladdning_kwh  number  | Laddad energi
			kundtjanst      phone   | Kundtjänst`,
		theme: theme{family: "Courier", size: 9, accent: [3]int{0, 0, 0}, margin: 190},
		body: []block{
			lines(font{size: 14, bold: true, align: 'C'}, "KVITTO"),
			lines(font{align: 'C'}, "{foretag|Lejonet Parkering AB}", "Org.nr {orgnr|556644-1908}", "{anlaggning|P-hus Kungsgatan}"),
			gap(8),
			above("Kvitto", "{kvittonr|0045512}", "Fordon", "{regnr|KLM 41D}"),
			spread(font{bold: true}, []float64{0.5, 0.5}, "IN", "UT"),
			spread(font{}, []float64{0.5, 0.5}, "2026-03-03", "{datum|2026-03-03}"),
			spread(font{}, []float64{0.5, 0.5}, "kl. {ankomst|08:12}", "kl. {avresa|16:47}"),
			gap(8),
			totals(215, "Avgift 8 tim 35 min", "{avgift|215,00}", "Boenderabatt 20 %", "{rabatt|-43,00}", "ATT BETALA {valuta|SEK}", "{att_betala|172,00}"),
			lines(font{}, "varav moms {momssats|25 %}: {moms|34,40}"),
			lines(font{}, "{betalsatt|Kort} Mastercard ****{kort_sista_fyra|2210}"),
			gap(8),
			lines(font{size: 8, align: 'C'}, "Frågor? Ring {kundtjanst|0771-55 01 90}", "Spara kvittot."),
		},
	}
}

// A receipt of a money transfer: sender and receiver side by side, two currencies with a rate, codes, a day until which the money waits.
func receiptTransfer() document {
	return document{
		name: "receipt-13-transfer", kind: "receipt", title: "RemittanceReceipt", style: plain,
		locale: us("Mon 2 Jan 2006", "2 Jan 2006"),
		fields: `
			trackingCode!       text
			operator            text
			branch              text
			sentOn!             date
			sender/name         text
			sender/town         text
			sender/idType       enum(PP,DL,ID) | | PP passport, DL driving licence, ID identity card
			sender/idNo         text
			receiver/name       text
			receiver/town       text
			receiver/mobile     phone
			payoutMode          enum(CASH,BANK,WALLET)
			payoutPlace         text
			waitsUntil          date   | | Day until which the money can be fetched
			sendAmount          amount
			charge              amount | | Fee of the operator before discount
			discount            amount | | Negative
			paidByCustomer!     amount
			rate                number
			payoutAmount        amount
			sendCurrency        currency
			payoutCurrency      currency
			purpose             text
			sourceOfFunds       text`,
		theme: theme{family: "Helvetica", size: 10, accent: [3]int{120, 90, 0}, margin: 70},
		body: []block{
			banner("{operator|Baobab Transfer}", "customer copy"),
			columns(0.5, stack(lines(font{size: 8, gray: true}, "Tracking code"), lines(font{size: 16, bold: true}, "{trackingCode|BT 771 408 223 6}")),
				stack(lines(font{align: 'R'}, "{sentOn|Mon 2 Mar 2026}, 14:05"), lines(font{align: 'R'}, "{branch|Rye Lane, Peckham}"))),
			gap(10),
			columns(0.5,
				stack(boxed(lines(font{bold: true}, "FROM"), lines(font{}, "{sender/name|Aissatou Kane}", "{sender/town|London}", "{sender/idType|Passport|PP} {sender/idNo|GB 5519 2201}"))),
				stack(boxed(lines(font{bold: true}, "TO"), lines(font{}, "{receiver/name|Modou Kane}", "{receiver/town|Kaolack, Senegal}", "{receiver/mobile|+221 77 555 01 62}")))),
			ledger(look{frame: true}, "", []col{{share: 0.46}, {share: 0.14, align: 'C'}, {share: 0.2, align: 'R'}, {share: 0.2}}, [][]string{
				{"You send", "{sendCurrency|GBP}", "{sendAmount|250.00}", ""},
				{"What we take", "GBP", "{charge|3.90}", "first class"},
				{"Gift for your fifth transfer", "GBP", "{discount|-2.00}", "once"},
				{"=You paid", "GBP", "{paidByCustomer|251.90}", "in cash"},
				{"Rate for one pound", "XOF", "{rate|768.40}", "fixed"},
				{"=Modou gets", "{payoutCurrency|XOF}", "{payoutAmount|192,100}", ""},
			}),
			lines(font{}, "To be fetched in {payoutMode|cash} at {payoutPlace|Sahel Guichet, Marché Central}, not later than {waitsUntil|2 May 2026}."),
			lines(font{}, "You told us that the money is for {purpose|school fees}."),
			gap(8),
			para(font{size: 8, gray: true}, "You may cancel within 30 minutes of payment. Regulated as a payment institution under number 661904."),
		},
	}
}

// The slip of a bar in Tokyo: yen without decimals, counts behind the names, tax inside the prices with two rates, a stored-value card.
func receiptYenText() document {
	return document{
		name: "receipt-14-yen-text", kind: "receipt", title: "Bar slip", style: pydantic,
		locale: us("2006/1/2"),
		fields: `
			shop!            text
			registrationNo   tax_id  | | Number under which the shop is registered for tax
			tel              phone
			day!             date
			time             text
			slipNo           text
			table            text
			guests           integer
			staff            text
			orders[]/dish    text
			orders[]/count   integer | | Missing where one was ordered
			orders[]/yen     amount
			sumBefore        amount  | | Sum before the discount
			discount         amount  | | Negative
			total!           amount
			tax10            amount  | | Tax at 10 percent that is inside the total
			tax8             amount  | | Tax at 8 percent that is inside the total
			paidWith         enum(cash,credit,ic_card)
			cardBalance      amount
			currency         currency
			tip              amount`,
		text: `
      {shop|IZAKAYA TSUBAME}
    Nakano 5-61-2, Tokyo
      TEL {tel|03-5555-0148}
  Reg. no. {registrationNo|T8010401050387}

{day|2026/3/3} (Tue) {time|20:47}     No.{slipNo|0318}
T-{table|6}   {guests|2} guests   {staff|Mio}
` + ends(34, "", "----------------------------------",
			"{orders/0/dish|Edamame}", "{orders/0/yen|¥420}",
			"{orders/1/dish|Yakitori, mixed}  x{orders/1/count|2}", "{orders/1/yen|¥1,960}",
			"{orders/2/dish|Draft beer}       x{orders/2/count|3}", "{orders/2/yen|¥1,890}",
			"{orders/3/dish|Mineral water} *", "{orders/3/yen|¥180}",
			"{orders/4/dish|Seat charge}      x{orders/4/count|2}", "{orders/4/yen|¥800}",
			"", "----------------------------------",
			"Sum", "{sumBefore|¥5,250}",
			"Happy hour", "{discount|-¥300}",
			"TOTAL (tax incl.)", "{total|{currency|¥|JPY}4,950}",
			"  10% of ¥4,770", "tax {tax10|¥433}",
			"   8% of ¥180 *", "tax {tax8|¥13}",
			"", "----------------------------------",
			"{paidWith|IC card}", "¥4,950",
			"Left on card", "{cardBalance|¥2,210}") + `
      See you again!
`,
	}
}
