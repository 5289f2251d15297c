package main

// Held-out resumes and listings.

func heldoutResumes() []document {
	return []document{heldoutResumeTimeline(), heldoutResumeBlocks(), heldoutResumeText()}
}

func heldoutListings() []document {
	return []document{heldoutListingBoat(), heldoutListingSheet(), heldoutListingText()}
}

// A timeline: years at the left, rule at the side, contact line at the foot of the page.
func heldoutResumeTimeline() document {
	return document{
		name: "held-resume-01-timeline", kind: "resume", title: "Candidate", style: nullable,
		locale: us("2006"),
		fields: `
			candidate!              text    | Name of the candidate
			profession              text    | Profession
			email                   email   | E-mail
			mobile                  phone   | Mobile
			home_town               text    | Home town
			strengths[]             list    | Strengths
			career[]/years          text    | Years as written
			career[]/post           text    | Post
			career[]/organisation   text    | Organisation
			training[]/year         integer | Year
			training[]/title        text    | Title
			car_available           boolean | Has a car
			earliest_start          text    | Earliest start
			salary                  amount  | Desired salary`,
		theme:  theme{family: "Helvetica", size: 10, accent: [3]int{200, 110, 20}, margin: 52},
		footer: []block{lines(font{size: 8.5, align: 'C'}, "{home_town|Leuven}   -   {mobile|+32 470 55 01 92}   -   {email|oriane@delvaux.example}")},
		body: []block{
			lines(font{size: 26, bold: true}, "{candidate|Oriane Delvaux}"),
			lines(font{size: 13, italic: true}, "{profession|Occupational Therapist}"),
			gap(10),
			lines(font{bold: true, accent: true}, "CAREER"),
			sideRule(tabbed(80, "{career/0/years|2020 - today}", "{career/0/post|Senior Therapist} at {career/0/organisation|Rehab Centre Maasoever}",
				"{career/1/years|2015 - 2020}", "{career/1/post|Therapist} at {career/1/organisation|Sint-Klara Hospital}")),
			lines(font{bold: true, accent: true}, "TRAINING"),
			sideRule(tabbed(80, "{training/0/year|2022}", "{training/0/title|Hand therapy certificate}", "{training/1/year|2015}", "{training/1/title|Bachelor of Occupational Therapy}")),
			lines(font{bold: true, accent: true}, "STRENGTHS"),
			bullets("+", "{strengths/+|Splint making}", "{strengths/+|Stroke rehabilitation}", "{strengths/+|Teaching juniors}"),
			gap(6),
			colon("Own car:", "{car_available|yes|true}", "Earliest start:", "{earliest_start|1 May}"),
		},
	}
}

// Two columns with blocks of jobs at the left, facts in boxes at the right, employer above title.
func heldoutResumeBlocks() document {
	return document{
		name: "held-resume-02-blocks", kind: "resume", title: "Resume", style: pydantic,
		locale: us("01/2006"),
		fields: `
			name!                    text
			email                    email
			phone                    phone
			web                      url
			jobs[]/company           text
			jobs[]/title             text
			jobs[]/since             text | | Start as written
			jobs[]/until             text | | End as written
			tools[]                  list
			spoken_languages[]       list
			school                   text
			graduation_year          integer
			security_clearance       boolean
			years_of_experience      integer
			licence_number           text`,
		theme: theme{family: "Times", size: 11, accent: [3]int{20, 80, 60}, margin: 50, letter: true},
		body: []block{
			lines(font{size: 22, bold: true, align: 'C'}, "{name|Caspian Rutherglen}"),
			lines(font{align: 'C'}, "{email|caspian@rutherglen.example} | {phone|(907) 555-0144} | {web|https://rutherglen.example}"),
			rule(),
			columns(0.62,
				stack(heading("Employment history"),
					lines(font{bold: true}, "{jobs/0/company|Denali Air Charter}"), lines(font{italic: true}, "{jobs/0/title|Chief Mechanic} ({jobs/0/since|05/2018} to {jobs/0/until|today})"), para(font{}, "Responsible for eleven aircraft and the audit file."),
					lines(font{bold: true}, "{jobs/1/company|Kodiak Floatplanes}"), lines(font{italic: true}, "{jobs/1/title|Airframe Mechanic} ({jobs/1/since|08/2011} to {jobs/1/until|04/2018})"), para(font{}, "Floats, struts and salt water.")),
				stack(boxed(lines(font{bold: true}, "Tools"), lines(font{}, "{tools/+|Borescope}", "{tools/+|Torque analysis}", "{tools/+|CAMP}")),
					boxed(lines(font{bold: true}, "Spoken languages"), lines(font{}, "{spoken_languages/+|English}", "{spoken_languages/+|Russian}")),
					boxed(lines(font{bold: true}, "Facts"), colon("Years of experience:", "{years_of_experience|14}", "Security clearance:", "{security_clearance|none|false}", "Licence number:", "{licence_number|AP-3310842}")))),
			heading("School"),
			lines(font{}, "{school|Northern Lights Technical College}, class of {graduation_year|2011}"),
		},
	}
}

// A text resume in sentences and short labelled lines with dashes.
func heldoutResumeText() document {
	return document{
		name: "held-resume-03-text", kind: "resume", title: "Applicant", style: plain,
		locale: us("2.1.2006"),
		fields: `
			applicant!          text
			born                date    | | Date of birth
			email               email
			tel                 phone
			profession          text
			diplomas[]          list
			hobbies[]           list
			stations[]/employer text
			stations[]/duty     text
			stations[]/years    text
			smoker              boolean
			workload_percent    integer | | Desired workload in percent
			permit              text    | | Residence permit
			wage                amount  | | Wage expectation
			fax                 phone`,
		text: `
A P P L I C A T I O N

{applicant|Valentin Ammeter} -- {profession|Pastry chef}
born {born|17.4.1994} -- tel {tel|+41 78 555 01 61} -- mail {email|v.ammeter@briefkasten.example}

Stations
~~~~~~~~
{stations/0/years|2021-2025} -- {stations/0/duty|Head of pastry} -- {stations/0/employer|Grand Hotel Seerose}
{stations/1/years|2017-2021} -- {stations/1/duty|Pastry chef} -- {stations/1/employer|Confiserie Blumenthal}
{stations/2/years|2013-2017} -- {stations/2/duty|Apprentice} -- {stations/2/employer|Bäckerei Hugentobler}

Diplomas
~~~~~~~~
-> {diplomas/+|Federal certificate of competence}
-> {diplomas/+|Chocolatier course, Lyon}

Hobbies: {hobbies/+|rowing} / {hobbies/+|choir} / {hobbies/+|beekeeping}
{smoker|Non-smoker|false}
Residence permit -- {permit|C}
Desired workload -- {workload_percent|80 %}
`,
	}
}

// A boat for sale: values large above small labels, a table of equipment, an old price struck out beside the new.
func heldoutListingBoat() document {
	cols := []col{{head: "Equipment", field: "item", share: 0.5}, {head: "Maker", field: "maker", share: 0.3}, {head: "Year", field: "year", share: 0.2, align: 'C'}}
	return document{
		name: "held-listing-01-boat", kind: "listing", title: "Boat", style: nullable,
		locale: eu("2 January 2006"),
		fields: `
			vessel!               text    | Name of the model
			builder               text    | Builder
			year_built            integer | Year built
			length_m              number  | Length in metres
			beam_m                number  | Beam in metres
			draft_m               number  | Draft in metres
			asking_price!         amount  | Asking price
			previous_price        amount  | Previous price
			currency              currency | Currency
			vat_paid              boolean | VAT is paid
			berth                 text    | Where it lies
			equipment[]/item      text    | Equipment
			equipment[]/maker     text    | Maker
			equipment[]/year      integer | Year
			broker                text    | Broker
			broker_email          email   | Broker's email
			engine_hours          integer | Engine hours
			hull_number           text    | Hull number`,
		theme: theme{family: "Times", size: 11, accent: [3]int{10, 60, 120}, margin: 56},
		body: []block{
			lines(font{size: 24, bold: true, accent: true}, "{vessel|Skerry 34 Classic}"),
			columns(0.34, stack(below("Builder", "{builder|Vestfjord Batbyggeri}", "Year built", "{year_built|2009}")),
				stack(columns(0.5, stack(below("Length over all", "{length_m|10,38 m}", "Beam", "{beam_m|3,25 m}")), stack(below("Draft", "{draft_m|1,70 m}", "Engine hours", "{engine_hours|1.140}"))))),
			sideRule(lines(font{size: 16, bold: true}, "Now {currency|EUR} {asking_price|84.500}"), lines(font{}, "was EUR {previous_price|92.000} until 1 January 2026")),
			para(font{}, "{vat_paid|VAT paid|true}. Lying {berth|Marina Kappeln, pontoon 6}."),
			table(look{}, "equipment", cols, [][]string{{"Chart plotter", "Nordvega", "2021"}, {"Autopilot", "Helmsman", "2018"}, {"Mainsail", "Loft Hansen", "2023"}}),
			lines(font{}, "Broker: {broker|Schlei Yachting}, {broker_email|yachts@schleiyachting.example}"),
		},
	}
}

// A data sheet: labels flush right against values, units in the label.
func heldoutListingSheet() document {
	return document{
		name: "held-listing-02-sheet", kind: "listing", title: "DataSheet", style: pydantic,
		locale: us("2006-01-02"),
		fields: `
			product_name!        text
			product_code         text
			unit_price!          amount
			price_currency       currency
			pack_quantity        integer  | | Pieces in a pack
			voltage              number   | | Rated voltage in volts
			current_ma           number   | | Current in milliamperes
			temperature_min      number   | | Lowest operating temperature in degrees Celsius
			temperature_max      number   | | Highest operating temperature in degrees Celsius
			rohs_compliant       boolean
			lifecycle            enum(active,not_recommended,obsolete)
			lead_time_weeks      integer
			datasheet            url
			packaging            text
			replacement_for      text
			export_controlled    boolean`,
		theme: theme{family: "Courier", size: 9.5, accent: [3]int{0, 0, 0}, margin: 60},
		body: []block{
			lines(font{size: 15, bold: true}, "{product_name|Low-dropout regulator LR-33}"),
			rule(),
			heldLedger(220, "Ordering code", "{product_code|LR33-SOT23-T}", "Unit price ({price_currency|USD})", "{unit_price|0.47}", "Pieces per pack", "{pack_quantity|3000}",
				"Rated voltage (V)", "{voltage|3.3}", "Current (mA)", "{current_ma|250}", "Temperature min (C)", "{temperature_min|-40}", "Temperature max (C)", "{temperature_max|125}",
				"Lifecycle", "{lifecycle|Active}", "RoHS compliant", "{rohs_compliant|yes|true}", "Lead time (weeks)", "{lead_time_weeks|11}", "Packaging", "{packaging|Tape and reel}", "Replacement for", "-"),
			lines(font{}, "{datasheet|https://lumenparts.example/ds/lr33.pdf}"),
			para(font{}, "{export_controlled|This product is not subject to export control|false}."),
		},
	}
}

// A second-hand notice as somebody types it: facts in running text.
func heldoutListingText() document {
	return document{
		name: "held-listing-03-prose-text", kind: "listing", title: "Offer", style: nullable,
		locale: us("2 January"),
		fields: `
			item!            text     | Item for sale
			brand            text     | Brand
			price!           amount   | Price
			currency         currency | Currency
			condition        enum(new,used,refurbished,defective) | Condition
			purchase_year    integer  | Year of purchase
			wattage          integer  | Power in watts
			warranty_left    boolean  | Warranty is left
			shipping_offered boolean  | Shipping is offered
			pickup_city      text     | City for pickup
			contact_phone    phone    | Contact phone
			receipt_available boolean | Receipt is available
			accessories[]    list     | Accessories
			reserved_until   date     | Reserved until`,
		text: `
Selling my {item|stand mixer "Pastica 5"} by {brand|Kornblum}, bought in {purchase_year|2022}, {wattage|1000 W}.
It is {condition|used} but works like on the first day.

I ask {currency|CHF} {price|240}. (New it was CHF 529.)

With it come: {accessories/+|dough hook}, {accessories/+|whisk}, {accessories/+|spare bowl}.

{receipt_available|Receipt available: yes|true}
{warranty_left|Warranty left: no|false}
{shipping_offered|No shipping|false}, pickup in {pickup_city|Winterthur} only.

Call {contact_phone|052 555 01 37} after six.
`,
	}
}
