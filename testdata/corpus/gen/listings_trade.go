package main

// An order confirmation: addresses of several lines, discounts in percent, confirmed days with the day of the week, the item's code under its name.
func listingOrderConfirmation() document {
	cols := []col{
		{head: "Line", field: "line", share: 0.07},
		{head: "Article", field: "article", share: 0.33},
		{head: "Pcs", field: "pcs", share: 0.08, align: 'R'},
		{head: "Gross price", field: "gross", share: 0.12, align: 'R'},
		{head: "Disc. %", field: "disc", share: 0.1, align: 'R'},
		{head: "Net price", field: "net", share: 0.12, align: 'R'},
		{head: "Confirmed for", field: "confirmed", share: 0.18, align: 'R'},
	}
	return document{
		name: "listing-09-order-confirmation", kind: "listing", title: "OrderConfirmation", style: nullable,
		locale: eu("Mon 2 Jan 2006", "Monday, 2 January 2006"),
		fields: `
			confNo!              text    | Number of the confirmation
			confDate             date    | Day of the confirmation
			buyerOrder           text    | The buyer's order
			buyerOrderDate       date    | Day of the buyer's order
			soldTo               text    | Sold to | Name
			deliverTo            text    | Deliver to | Whole address
			seller               text
			sellerContact        text    | Who handles the order
			lines[]/line         integer
			lines[]/article      text
			lines[]/code         text    | Code of the article
			lines[]/pcs          integer
			lines[]/gross        amount
			lines[]/disc         number
			lines[]/net          amount
			lines[]/confirmed    date
			orderValue!          amount  | Value of the order before tax
			currency             currency
			freightPaidBy        enum(seller,buyer)
			partialDelivery      boolean | Whether the order is delivered in parts
			paymentTerms         text
			trackingNumber       text`,
		theme: theme{family: "Times", size: 10.5, accent: [3]int{80, 50, 20}, margin: 50},
		body: []block{
			columns(0.6, stack(lines(font{size: 19, bold: true}, "{seller|Egeskov Møbler ApS}"), lines(font{size: 8.5}, "Savværksvej 2, 5750 Ringe, Denmark")),
				stack(lines(font{size: 12, bold: true, align: 'R'}, "ORDER CONFIRMATION"), lines(font{align: 'R'}, "{confNo|OC 118-447}"))),
			gap(12),
			columns(0.5, stack(lines(font{bold: true}, "Sold to"), stanza(font{}, "{soldTo|Hotel Strandgaarden}\nKystvej 15\n3700 Rønne")),
				stack(lines(font{bold: true}, "Your order"), stanza(font{}, "{buyerOrder|STR-2026-07}\nof {buyerOrderDate|Friday, 6 February 2026}"))),
			gap(8),
			lines(font{bold: true}, "Deliver to"),
			stanza(font{}, "{deliverTo|Bornholms Spedition\nGate 3, Havnen 40\n3700 Rønne}"),
			gap(8),
			lines(font{}, "Confirmed on {confDate|Tuesday, 10 February 2026} by {sellerContact|Asger Toft}"),
			gap(6),
			ledger(look{}, "lines", cols, [][]string{
				{"10", "Lounge chair, oiled oak", "14", "2.480,00", "15,0", "2.108,00", "Thu 19 Mar 2026"},
				{"+", "{lines/#/code|EM-LC-031}", "", "", "", "", ""},
				{"20", "Side table, 45 cm", "14", "760,00", "15,0", "646,00", "Thu 19 Mar 2026"},
				{"+", "{lines/#/code|EM-ST-045}", "", "", "", "", ""},
				{"30", "Bed frame 180 x 200", "6", "5.900,00", "20,0", "4.720,00", "Mon 13 Apr 2026"},
				{"+", "{lines/#/code|EM-BF-180}", "", "", "", "", ""},
			}),
			flush(230, "Value of goods before tax, {currency|DKK}", "{orderValue|66.876,00}", "Freight", "{freightPaidBy|free to quay, paid by seller|seller}", "Terms", "{paymentTerms|30 % with the order, rest 14 days after delivery}"),
			para(font{}, "{partialDelivery|The order is delivered in two parts|true}; each is announced a day ahead."),
		},
	}
}

// A house in the listing service's abbreviations: several pairs on a line, history of prices as a table, remarks in capitals.
func listingAbbreviations() document {
	cols := []col{
		{head: "Date", field: "on", share: 0.3},
		{head: "Event", field: "event", share: 0.4},
		{head: "Price", field: "price", share: 0.3, align: 'R'},
	}
	four := []float64{0.25, 0.25, 0.25, 0.25}
	return document{
		name: "listing-10-abbreviations", kind: "listing", title: "mls_record", style: plain,
		locale: us("1/2/06"),
		fields: `
			mls_no!            text
			status             enum(ACT,PND,SLD,WDN) | | ACT active, PND pending, SLD sold, WDN withdrawn
			list_price!        amount
			orig_price         amount
			addr               text
			county             text
			beds               integer
			baths              number
			sqft               integer
			lot_acres          number
			yr_built           integer
			garage_spaces      integer
			hoa_fee            amount
			hoa_period         enum(month,quarter,year)
			taxes              amount
			tax_year           integer
			dom                integer | | Days on the market
			price_sqft         amount
			waterfront         boolean
			pool               boolean
			school_district    text
			history[]/on       date
			history[]/event    text
			history[]/price    amount
			agent              text
			agent_lic          text
			agent_cell         phone
			sold_date          date`,
		theme: theme{family: "Helvetica", size: 8.5, accent: [3]int{30, 90, 50}, margin: 40, letter: true},
		body: []block{
			spread(font{size: 11, bold: true}, []float64{0.4, 0.3, 0.3}, "MLS# {mls_no|7719402}", "Stat: {status|ACT}", "LP: {list_price|$489,500}"),
			lines(font{size: 11}, "{addr|1408 Sandhill Crane Ct, Traverse City, MI 49686}"),
			rule(),
			spread(font{}, four, "BR: {beds|4}", "BA: {baths|2.5}", "SqFt: {sqft|2,316}", "$/SqFt: {price_sqft|211.36}"),
			spread(font{}, four, "YrBlt: {yr_built|1998}", "Lot: {lot_acres|0.62 ac}", "Gar: {garage_spaces|2}", "Cnty: {county|Grand Traverse}"),
			spread(font{}, four, "OLP: {orig_price|$514,900}", "DOM: {dom|73}", "Pool: {pool|N|false}", "Wtrfr: {waterfront|Y|true}"),
			spread(font{}, four, "Taxes: {taxes|$6,208}", "Tax yr: {tax_year|2025}", "HOA: {hoa_fee|$135}/{hoa_period|qtr|quarter}", "SchDist: {school_district|East Bay}"),
			capitals("REMARKS"),
			para(font{}, "MOVE-IN READY COLONIAL ON A QUIET CUL-DE-SAC. NEW ROOF 2021, FURNACE 2023. 110 FT OF SHARED FRONTAGE. SELLER OFFERS $5,000 TOWARD CLOSING COSTS. SHOWINGS AFTER 3 PM."),
			capitals("HISTORY"),
			ledger(look{bare: true}, "history", cols, [][]string{
				{"12/12/25", "Listed", "$514,900"},
				{"1/20/26", "Price cut", "$499,000"},
				{"2/16/26", "Price cut", "$489,500"},
			}),
			spread(font{}, []float64{0.4, 0.3, 0.3}, "LA: {agent|Rosalind Peltier}", "Lic: {agent_lic|6501-441873}", "Cell: {agent_cell|231-555-0190}"),
		},
	}
}

// Lots of an auction in Markdown: facts as bold labels in a list, lots as a table with bars, estimates as ranges.
func listingAuctionText() document {
	return document{
		name: "listing-11-auction-text", kind: "listing", title: "AuctionSale", style: pydantic,
		locale: us("Monday 2 January 2006"),
		fields: `
			saleNumber!          text
			saleTitle            text
			house!               text
			saleDate             date
			startsAt             text    | | Local time of the first lot
			venue                text
			viewingUntil         date    | | Last day on which lots can be viewed
			currency             enum(GBP,EUR,USD)
			buyersPremium        number  | | Percent on the hammer price
			onlineBidding        boolean
			lots[]/lot           integer
			lots[]/title         text
			lots[]/maker         text
			lots[]/estimateLow   amount
			lots[]/estimateHigh  amount
			lots[]/reserve       boolean | | Whether the lot has a reserve price
			enquiries            email
			shippingQuote        amount`,
		text: `
# {house|Thornbury & Vane Auctioneers}

## Sale {saleNumber|TV1182}: {saleTitle|Clocks, Barometers and Instruments}

- **When:** {saleDate|Thursday 16 April 2026}, first lot at {startsAt|10:30}
- **Where:** {venue|The Corn Hall, Diss}
- **Viewing:** Monday 13 April 2026 to {viewingUntil|Wednesday 15 April 2026}
- **Premium:** {buyersPremium|24 %} of the hammer price, plus VAT
- **Bidding:** {onlineBidding|in the room and online|true}

Estimates in {currency|pounds|GBP}. R: with a reserve; NR: without one.

| Lot | Description | Maker | Estimate | |
|----:|-------------|-------|---------:|---|
| {lots/0/lot|41} | {lots/0/title|Longcase clock, eight days, walnut} | {lots/0/maker|Josiah Pell, Bury} | {lots/0/estimateLow|1,200} - {lots/0/estimateHigh|1,800} | {lots/0/reserve|R|true} |
| {lots/1/lot|42} | {lots/1/title|Bracket clock with pull repeat} | unsigned | {lots/1/estimateLow|600} - {lots/1/estimateHigh|900} | {lots/1/reserve|NR|false} |
| {lots/2/lot|43} | {lots/2/title|Stick barometer, mahogany} | {lots/2/maker|T. Dollery, London} | {lots/2/estimateLow|350} - {lots/2/estimateHigh|500} | {lots/2/reserve|R|true} |
| {lots/3/lot|44} | {lots/3/title|Brass sextant in its case} | {lots/3/maker|Whybrow} | {lots/3/estimateLow|280} - {lots/3/estimateHigh|340} | {lots/3/reserve|NR|false} |

> Condition reports: {enquiries|clocks@thornburyvane.example}
`,
	}
}
