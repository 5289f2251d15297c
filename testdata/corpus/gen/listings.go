package main

func listings() []document {
	return []document{
		listingSpecGrid(), listingText(), listingSpecTable(), listingRental(), listingJob(), listingVariants(),
		listingElectronicsText(), listingChemicalText(),
		listingOrderConfirmation(), listingAbbreviations(), listingAuctionText(),
		listingDeliveryNote(), listingTourText(), listingItalianCar(),
	}
}

// A product sheet: a grid of cells with small labels above the values, features as bullets.
func listingSpecGrid() document {
	return document{
		name: "listing-01-spec-grid", kind: "listing", title: "ProductListing", style: nullable,
		locale: us("2006-01-02"),
		fields: `
			product_name!    text     | Product name
			brand            text     | Brand
			sku              text     | SKU
			gtin             text     | GTIN or EAN
			price!           amount   | Price
			list_price       amount   | List price | Price before the reduction
			currency         currency | Currency
			availability     enum(in_stock,out_of_stock,preorder) | Availability
			condition        enum(new,used,refurbished) | Condition
			weight_kg        number   | Weight in kilograms
			color            text     | Colour
			material         text     | Material
			warranty_months  integer  | Warranty in months
			features[]       list     | Features
			product_url      url      | Product page
			hazardous        boolean  | Contains hazardous material`,
		theme: redSans(),
		body: []block{
			banner("{product_name|Veltro Trail 45 Backpack}", "Outdoor / Packs"),
			para(font{}, "A framed pack for three to five days on the trail, with a roll top and a hip belt that fits without tools."),
			gap(4),
			grid(3,
				"Brand", "{brand|Veltro}", "SKU", "{sku|VT-45-SLT}", "EAN", "{gtin|4006381333931}",
				"Price", "{currency|€|EUR}{price|129.90}", "List price", "{list_price|€159.00}", "Availability", "{availability|In stock}",
				"Condition", "{condition|New}", "Weight", "{weight_kg|1.38 kg}", "Colour", "{color|Slate grey}",
				"Material", "{material|Recycled nylon 210D}", "Warranty", "{warranty_months|36 months}", "Country of origin", "Portugal"),
			heading("Features"),
			bullets("•", "{features/+|Roll-top closure}", "{features/+|Removable hip belt}", "{features/+|Rain cover included}",
				"{features/+|Hydration sleeve for 3 l}"),
			lines(font{gray: true}, "More at {product_url|https://shop.veltro.example/packs/trail-45}"),
		},
	}
}

// A classified advertisement as text, labels in one line each, some of them with "n/a".
func listingText() document {
	return document{
		name: "listing-02-text", kind: "listing", title: "Marketplace listing", style: pydantic,
		locale: us("2006-01-02", "2 January 2006"),
		fields: `
			title!         text
			seller_name    text
			seller_email   email
			asking_price!  amount
			currency       currency
			negotiable     boolean | | Whether the price is negotiable
			condition      enum(new,like_new,good,fair,poor)
			model_year     integer
			mileage_km     integer
			fuel           enum(petrol,diesel,electric,hybrid)
			listed_on      date
			registration   text    | | Registration plate
			accident_free  boolean
			extras[]       list`,
		text: `
FOR SALE: {title|Marlow Estate 1.6 Touring}

Listed on {listed_on|11 January 2026} (updated 2 February 2026)

Asking price: {currency|GBP} {asking_price|8,450}
{negotiable|Price is not negotiable|false}.

Model year: {model_year|2018}
Mileage: {mileage_km|84,300 km}
Fuel: {fuel|Petrol}
Condition: {condition|Good}
Registration: n/a
{accident_free|Accident-free: yes|true}

Extras: {extras/+|tow bar}, {extras/+|heated seats}, {extras/+|winter tyres}, {extras/+|roof rails}

Contact the seller, {seller_name|Rosalind Pike}, at {seller_email|r.pike@mailbox.example}
`,
	}
}

// Two specification tables side by side in the form "property | value", price in a box.
func listingSpecTable() document {
	cols := []col{{head: "Property", share: 0.45}, {head: "Value", share: 0.55}}
	return document{
		name: "listing-03-spec-table", kind: "listing", title: "Appliance", style: pydantic,
		locale: eu("02.01.2006"),
		fields: `
			model_name!           text
			manufacturer          text
			article_number        text
			price!                amount
			shipping_cost         amount
			currency              currency
			energy_class          enum(A,B,C,D,E,F,G)
			capacity_kg           number
			spin_speed_rpm        integer
			noise_db              integer
			width_cm              number
			height_cm             number
			depth_cm              number
			child_lock            boolean
			delivery_time         text
			available_from        date
			customer_rating       number | | Average rating, 1 to 5`,
		theme: theme{family: "Helvetica", size: 9.5, accent: [3]int{0, 96, 128}, margin: 46},
		body: []block{
			lines(font{size: 18, bold: true}, "{model_name|Lavira Silent 900}"),
			lines(font{gray: true}, "Washing machine, front loader"),
			gap(6),
			boxed(lines(font{size: 14, bold: true, accent: true}, "{price|749,00} {currency|€|EUR}"), lines(font{}, "plus shipping {shipping_cost|39,90} €", "Delivery time: {delivery_time|3-5 working days}")),
			columns(0.5,
				stack(table(look{frame: true}, "", cols, [][]string{
					{"Manufacturer", "{manufacturer|Lavira}"}, {"Article number", "{article_number|LV-900-S}"}, {"Energy class", "{energy_class|B}"},
					{"Capacity", "{capacity_kg|9 kg}"}, {"Spin speed", "{spin_speed_rpm|1.400 rpm}"}})),
				stack(table(look{frame: true}, "", cols, [][]string{
					{"Width", "{width_cm|59,7 cm}"}, {"Height", "{height_cm|84,5 cm}"}, {"Depth", "{depth_cm|63,0 cm}"},
					{"Noise (spinning)", "{noise_db|72 dB}"}, {"Child lock", "{child_lock|Yes|true}"}}))),
			para(font{}, "The drum is made of brushed steel. A full load takes 58 minutes in the quick programme at 40 degrees."),
		},
	}
}

// A flat to let: labels above values in two columns, running text that repeats some of them in other words.
func listingRental() document {
	return document{
		name: "listing-04-rental", kind: "listing", title: "Rental listing", style: nullable,
		locale: us("2 January 2006"),
		fields: `
			headline!          text    | Headline
			address            text    | Address
			monthly_rent!      amount  | Monthly rent
			deposit            amount  | Deposit
			currency           currency | Currency
			bedrooms           integer | Bedrooms
			bathrooms          integer | Bathrooms
			floor_area_sqm     number  | Floor area in square metres
			available_from     date    | Available from
			minimum_term       text    | Minimum term
			energy_rating      enum(A,B,C,D,E,F,G) | Energy rating
			furnished          boolean | Furnished
			pets_allowed       boolean | Pets allowed
			parking            boolean | Parking
			agent              text    | Letting agent
			agent_phone        phone   | Agent's phone
			council_tax_band   text    | Council tax band
			virtual_tour       url     | Virtual tour`,
		theme: blueSans(),
		body: []block{
			lines(font{size: 17, bold: true, accent: true}, "{headline|Bright two-bedroom flat by the canal}"),
			lines(font{gray: true}, "{address|41 Lockkeeper's Walk, Edinburgh EH11 0XX}"),
			gap(8),
			columns(0.5,
				stack(above("Monthly rent", "{monthly_rent|{currency|£|GBP}1,425}", "Deposit", "{deposit|£1,640}", "Available from", "{available_from|1 April 2026}", "Minimum term", "{minimum_term|12 months}", "Pets allowed", "{pets_allowed|No|false}")),
				stack(above("Bedrooms", "{bedrooms|2}", "Bathrooms", "{bathrooms|1}", "Floor area", "{floor_area_sqm|68.5 sq m}", "Energy rating", "{energy_rating|C}", "Furnished", "{furnished|Yes|true}"))),
			heading("About this home"),
			para(font{}, "A second-floor flat with an open kitchen and a balcony over the water. The building was completed in 2014. {parking|There is no parking|false} at the property; permits are sold by the council."),
			heading("Let by"),
			lines(font{}, "{agent|Haverstock Lettings}", "{agent_phone|0131 496 0172}", "{virtual_tour|https://haverstock.example/tours/41-lockkeepers}"),
		},
	}
}

// A job advertisement: facts as label and value, tasks and requirements as lists.
func listingJob() document {
	return document{
		name: "listing-05-job", kind: "listing", title: "JobPosting", style: pydantic,
		locale: us("January 2, 2006"),
		fields: `
			job_title!          text
			company!            text
			location            text
			remote              boolean
			employment_type     enum(full_time,part_time,contract,internship)
			salary_min          amount
			salary_max          amount
			salary_currency     currency
			salary_period       enum(hour,month,year)
			posted_on           date
			apply_by            date
			requirements[]      list
			benefits[]          list
			apply_email         email
			visa_sponsorship    boolean
			department          text
			reports_to          text`,
		theme: greenSans(),
		body: []block{
			lines(font{size: 20, bold: true}, "{job_title|Hydrology Data Analyst}"),
			lines(font{size: 12, accent: true}, "{company|Meander River Trust}"),
			rule(),
			columns(0.5,
				stack(colon("Location:", "{location|Boulder, Colorado}", "Remote:", "{remote|yes|true}", "Employment type:", "{employment_type|Full-time}", "Department:", "{department|Monitoring}")),
				stack(colon("Salary:", "{salary_currency|USD} {salary_min|72,000} - {salary_max|88,000} per {salary_period|year}", "Posted:", "{posted_on|January 8, 2026}", "Apply by:", "{apply_by|February 15, 2026}", "Visa sponsorship:", "{visa_sponsorship|no|false}"))),
			heading("What you will do"),
			bullets("•", "Clean gauge data from 140 stations", "Publish the monthly water report"),
			heading("Requirements"),
			bullets("•", "{requirements/+|Degree in hydrology or statistics}", "{requirements/+|Two years of R or Python}", "{requirements/+|Clear writing}"),
			heading("Benefits"),
			bullets("•", "{benefits/+|Health insurance}", "{benefits/+|Four-day week in July}"),
			para(font{}, "Send your application to {apply_email|jobs@meanderrivertrust.example}."),
		},
	}
}

// A catalogue page with a table of variants, each with its own code and price.
func listingVariants() document {
	cols := []col{
		{head: "Order code", field: "code", share: 0.22},
		{head: "Size", field: "size", share: 0.16, align: 'C'},
		{head: "Colour", field: "colour", share: 0.22},
		{head: "Stock", field: "stock", share: 0.16, align: 'R'},
		{head: "Price", field: "price", share: 0.24, align: 'R'},
	}
	return document{
		name: "listing-06-variants", kind: "listing", title: "Catalogue entry", style: nullable,
		locale: us("2006-01-02"),
		fields: `
			product!             text     | Product
			brand                text     | Brand
			category             text     | Category
			material             text     | Material
			certifications[]     list     | Certifications
			variants[]/code      text     | Order code
			variants[]/size      text     | Size
			variants[]/colour    text     | Colour
			variants[]/stock     integer  | Pieces in stock
			variants[]/price     amount   | Price
			currency             currency | Currency of the prices
			machine_washable     boolean  | Machine washable
			made_in              text     | Country of manufacture
			minimum_order        integer  | Minimum order quantity
			vat_included         boolean  | Prices include VAT`,
		theme: theme{family: "Helvetica", size: 10, accent: [3]int{170, 90, 10}, margin: 50},
		body: []block{
			columns(0.62,
				stack(lines(font{size: 18, bold: true}, "{product|Harbour Work Jacket}"), lines(font{gray: true}, "{brand|Stenholm}  /  {category|Protective clothing}")),
				stack(colon("Material:", "{material|Waxed cotton}", "Made in:", "{made_in|Estonia}", "Minimum order:", "{minimum_order|5 pieces}"))),
			gap(8),
			table(look{bar: true, frame: true}, "variants", cols, [][]string{
				{"SH-440-S", "S", "Navy", "112", "€ 89.00"},
				{"SH-440-M", "M", "Navy", "64", "€ 89.00"},
				{"SH-440-L", "L", "Olive", "0", "€ 92.50"},
				{"SH-440-XL", "XL", "Olive", "37", "€ 95.00"},
			}),
			lines(font{}, "All prices in {currency|EUR}. {vat_included|Prices exclude VAT|false}. {machine_washable|Not machine washable|false}."),
			lines(font{}, "Certified to {certifications/+|EN 343} and {certifications/+|OEKO-TEX 100}."),
		},
	}
}

// A listing in lines of "key: value" with European numbers and nested facts.
func listingElectronicsText() document {
	return document{
		name: "listing-07-electronics-text", kind: "listing", title: "Monitor", style: nullable,
		locale: eu("02.01.2006"),
		fields: `
			title!                   text    | Title
			manufacturer             text    | Manufacturer
			mpn                      text    | Manufacturer part number
			ean                      text    | EAN
			price/amount!            amount  | Price
			price/currency           currency | Currency
			price/old_amount         amount  | Former price
			screen_inches            number  | Screen size in inches
			resolution               text    | Resolution
			refresh_hz               integer | Refresh rate in hertz
			weight_kg                number  | Weight in kilograms
			power_watts              number  | Power consumption in watts
			ports[]                  list    | Ports
			height_adjustable        boolean | Height adjustable
			in_stock                 boolean | In stock
			ships_in_days            integer | Days until dispatch
			seller                   text    | Seller
			warranty_years           integer | Warranty in years
			release_date             date    | Release date`,
		text: `
{title|Parallax 27Q Studio Monitor}
=====================================

Manufacturer:       {manufacturer|Parallax Displays}
Part number (MPN):  {mpn|PX27Q-S2}
EAN:                {ean|4260123456780}
Price:              {price/amount|1.299,00 {price/currency|€|EUR}}
Former price:       {price/old_amount|1.449,00 €}
Availability:       {in_stock|In stock|true}, dispatched within {ships_in_days|2 days}

Specifications
--------------
Screen size:        {screen_inches|27,0 inches}
Resolution:         {resolution|2560 x 1440}
Refresh rate:       {refresh_hz|165 Hz}
Weight:             {weight_kg|6,85 kg}
Power consumption:  {power_watts|31,5 W}
Ports:              {ports/+|HDMI 2.1}, {ports/+|DisplayPort 1.4}, {ports/+|USB-C}
Height adjustable:  {height_adjustable|yes|true}
Warranty:           {warranty_years|3 years}

Sold and shipped by {seller|Bildpunkt Handels GmbH}
`,
	}
}

// A chemical on offer: hazard facts that a compliance desk asks for.
func listingChemicalText() document {
	return document{
		name: "listing-08-chemical-text", kind: "listing", title: "ChemicalListing", style: plain,
		locale: us("2006-01-02"),
		fields: `
			product!               text
			cas_number             text
			un_number              text
			concentration_percent  number
			pack_size_litres       number
			price!                 amount  | | Price of one pack
			currency               currency
			signal_word            enum(danger,warning,none)
			hazard_statements[]    list
			flammable              boolean
			age_restricted         boolean | | Whether sale is limited by age
			shelf_life_months      integer
			sds_url                url     | | Link to the safety data sheet
			supplier               text
			supplier_email         email
			emergency_phone        phone
			reach_registration     text`,
		text: `
PRODUCT      {product|Isopropyl Alcohol Technical}
SUPPLIER     {supplier|Quarrystone Chemicals Inc.} <{supplier_email|orders@quarrystone.example}>

CAS number   {cas_number|67-63-0}
UN number    {un_number|UN1219}
Strength     {concentration_percent|99.8 %}
Pack size    {pack_size_litres|5 litres}
Price        {price|34.90} {currency|USD} per pack, 4 packs 129.00 USD

SAFETY
Signal word: {signal_word|Danger}
Hazard statements: {hazard_statements/+|H225}; {hazard_statements/+|H319}; {hazard_statements/+|H336}
{flammable|Flammable: yes|true}
{age_restricted|Sale to persons under 18 is prohibited|true}.
Shelf life: {shelf_life_months|36 months}
Safety data sheet: {sds_url|https://quarrystone.example/sds/ipa-tech.pdf}
Emergency phone: {emergency_phone|+1-800-555-0112}
`,
	}
}
