package main

// A European curriculum vitae with dates at the left and what happened beside them; a line of contacts with bars.
func resumeTimeline() document {
	job := func(i, title, employer, city, text string) []block {
		p := "posts/" + i
		return []block{lines(font{bold: true}, "{"+p+"/role|"+title+"}"), lines(font{italic: true}, "{"+p+"/organisation|"+employer+"}, {"+p+"/place|"+city+"}"), para(font{}, text)}
	}
	study := func(i, degree, school string) []block {
		p := "studies/" + i
		return []block{lines(font{}, "{"+p+"/degree|"+degree+"}"), lines(font{gray: true}, "{"+p+"/school|"+school+"}")}
	}
	return document{
		name: "resume-09-timeline", kind: "resume", title: "Candidate", style: pydantic,
		locale: us("2 January 2006", "2st of January, 2006", "2.1.2006"),
		fields: `
			name!                  text
			born                   date
			nationality            text
			contact/mail           email
			contact/mobile         phone
			contact/town           text
			contact/homepage       url
			drivingLicence         text
			canStartOn             date
			posts[]/from           text | | As written
			posts[]/until          text | | As written
			posts[]/role           text
			posts[]/organisation   text
			posts[]/place          text
			studies[]/finished     text
			studies[]/degree       text
			studies[]/school       text
			tongues[]/language     text
			tongues[]/level        text | | CEFR level or "native"
			referees[]             list`,
		theme: theme{family: "Helvetica", size: 10, accent: [3]int{0, 90, 110}, margin: 58},
		body: []block{
			lines(font{size: 22, accent: true}, "{name|Marit Vestergaard}"),
			lines(font{size: 9}, "{contact/town|Odense}  |  {contact/mobile|+45 55 50 18 42}  |  {contact/mail|marit.vestergaard@brevpost.example}"),
			lines(font{size: 9}, "Born {born|9 November 1990}  |  {nationality|Danish}  |  Driving licence {drivingLicence|B, BE}"),
			gap(6),
			capitals("CAREER"),
			timeline(95,
				entry{"{posts/0/from|03/2021} - {posts/0/until|today}", job("0", "Site Manager", "Fjordbeton A/S", "Odense", "Runs three building sites with 46 people; introduced a weekly plan of deliveries.")},
				entry{"{posts/1/from|08/2016} - {posts/1/until|02/2021}", job("1", "Structural Engineer", "Kallmeyer Ingenieure", "Flensburg", "Bridges of 12 to 60 m, checks of load, contact with the authorities.")},
				entry{"{posts/2/from|09/2014} - {posts/2/until|07/2016}", job("2", "Trainee", "Port of Aarhus", "Aarhus", "Quay walls and dredging.")}),
			capitals("EDUCATION"),
			timeline(95,
				entry{"{studies/0/finished|2014}", study("0", "MSc Civil Engineering", "University of Lillebælt")},
				entry{"{studies/1/finished|2012}", study("1", "BSc Civil Engineering", "University of Lillebælt")}),
			capitals("LANGUAGES"),
			leaders(120, "{tongues/0/language|Danish}", "{tongues/0/level|native}", "{tongues/1/language|German}", "{tongues/1/level|C1}", "{tongues/2/language|English}", "{tongues/2/level|C2}", "{tongues/3/language|French}", "{tongues/3/level|A2}"),
			para(font{}, "I can start on the {canStartOn|1st of June, 2026}. Referees are named on request."),
		},
	}
}

// A resume for a tracking system: last name first, bars between facts, capitals, employer and dates on one line, asterisks between skills.
func resumeBarsText() document {
	return document{
		name: "resume-10-bars-text", kind: "resume", title: "parsed_resume", style: plain,
		locale: us("01/2006"),
		fields: `
			last_name!         text
			first_name!        text
			headline           text
			city               text
			state              text
			zip                text
			phone              phone
			email              email
			yrs_exp            integer
			jobs[]/co          text   | | Employer
			jobs[]/loc         text
			jobs[]/title       text
			jobs[]/start       text
			jobs[]/end         text
			jobs[]/is_current  boolean
			edu[]/degree       text
			edu[]/major        text
			edu[]/school       text
			edu[]/grad         text
			gpa                number
			skills[]           list
			certs[]/name       text
			certs[]/year       integer
			clearance          text
			relocate           boolean | | Willing to relocate
			veteran            boolean`,
		text: `
{last_name|OKONKWO}, {first_name|ADAEZE} N.
{headline|Supply Chain Analyst II} | {city|Houston}, {state|TX} {zip|77005} | {phone|713.555.0119} | {email|adaeze.o@mailhub.example}
================================================================================

PROFESSIONAL SUMMARY
Analyst with {yrs_exp|8+} years in planning and logistics of chemicals. {relocate|Open to relocation|true}.

CORE COMPETENCIES
{skills/+|Demand planning} * {skills/+|S&OP} * {skills/+|SAP IBP} * {skills/+|Python} * {skills/+|Power BI} * {skills/+|Bulk shipping}

PROFESSIONAL EXPERIENCE

{jobs/0/co|GULF TERRACE CHEMICALS}, {jobs/0/loc|Houston, TX}                      {jobs/0/start|08/2021} - {jobs/0/end|{jobs/0/is_current|Present|true}}
{jobs/0/title|Supply Chain Analyst II}
- Cut demurrage by 31% with a daily list of late vessels
- Built the forecast for 214 products with 3 planners

{jobs/1/co|REDFISH FREIGHT LLC}, {jobs/1/loc|Galveston, TX}                       {jobs/1/start|06/2017} - {jobs/1/end|{jobs/1/is_current|07/2021|false}}
{jobs/1/title|Logistics Coordinator}
- Booked 60 containers a month to West Africa
- Trained five new coordinators

EDUCATION
{edu/0/degree|B.S.}, {edu/0/major|Industrial Engineering} | {edu/0/school|Bayou State University} | {edu/0/grad|05/2017} | GPA {gpa|3.7}/4.0

CERTIFICATIONS
{certs/0/name|Certified Planner, Level 2} ({certs/0/year|2022}) | {certs/1/name|Six Sigma Green Belt} ({certs/1/year|2019})
`,
	}
}

// A profile that an agency sends to its client: an id for a name, a matrix of skills, a card for each project.
func resumeAgencyCards() document {
	cols := []col{
		{head: "Skill", field: "skill", share: 0.4},
		{head: "Level 1-5", field: "level", share: 0.15, align: 'C'},
		{head: "Years of use", field: "years", share: 0.2, align: 'C'},
		{head: "Last used", field: "lastUsed", share: 0.25, align: 'R'},
	}
	card := func(i, project, sector, part, period, team, tools string) block {
		p := "projects/" + i + "/"
		return boxed(lines(font{bold: true, accent: true}, "{"+p+"name|"+project+"}"),
			strip([]float64{0.36, 0.36, 0.28}, "Sector", "{"+p+"sector|"+sector+"}", "Part", "{"+p+"part|"+part+"}", "Period", "{"+p+"period|"+period+"}"),
			strip([]float64{0.36, 0.64}, "Team", "{"+p+"teamSize|"+team+"} people", "Tools", tools))
	}
	return document{
		name: "resume-11-agency-cards", kind: "resume", title: "ConsultantProfile", style: nullable,
		locale: us("2 Jan 2006"),
		fields: `
			profileId!             text    | Profile ID
			candidateName          text    | Name, if it is given
			jobTitle               text    | Job title
			dayRate                amount  | Rate for a day
			rateCurrency           currency
			availableFrom          date    | Available from
			daysOnSite             integer | Days a week on site
			travelArea             text    | Where the person travels to
			securityCleared        boolean
			skills[]/skill         text
			skills[]/level         integer
			skills[]/years         number
			skills[]/lastUsed      text
			projects[]/name        text
			projects[]/sector      text
			projects[]/part        text    | Role in the project
			projects[]/period      text
			projects[]/teamSize    integer
			projects[]/tools[]     list
			accountManager         text    | Who to talk to at the agency
			accountManagerMail     email`,
		theme: theme{family: "Helvetica", size: 9.5, accent: [3]int{110, 40, 110}, margin: 46},
		body: []block{
			banner("Kernwerk Experts", "{profileId|KW-P-7734}"),
			lines(font{size: 15, bold: true}, "{jobTitle|Senior Test Architect}"),
			gap(4),
			strip([]float64{0.25, 0.25, 0.22, 0.28}, "Day rate", "{rateCurrency|EUR} {dayRate|840}", "Ready from", "{availableFrom|30 Mar 2026}", "On site", "{daysOnSite|2} days a week", "Travels to", "{travelArea|Austria, Bavaria}"),
			ledger(look{frame: true}, "skills", cols, [][]string{
				{"Load testing with k6", "5", "6", "2026"},
				{"Test management", "4", "11", "2026"},
				{"Selenium", "5", "9", "2024"},
				{"COBOL", "2", "1.5", "2015"},
			}),
			capitals("PROJECTS"),
			card("0", "Portal for farm subsidies", "Public", "Test lead", "05/2023 - 12/2025", "9", "{projects/0/tools/+|k6}, {projects/0/tools/+|Jira}, {projects/0/tools/+|Java}"),
			gap(6),
			card("1", "Move of a core bank", "Banking", "Test automation", "01/2020 - 04/2023", "24", "{projects/1/tools/+|Selenium}, {projects/1/tools/+|Jenkins}"),
			gap(6),
			card("2", "Billing of a waterworks", "Utilities", "Tester", "02/2017 - 12/2019", "5", "{projects/2/tools/+|SoapUI}"),
			gap(8),
			lines(font{size: 8.5}, "Your contact: {accountManager|Leopold Sarnthein}, {accountManagerMail|sarnthein@kernwerk.example}. Names of persons are given after a first talk."),
		},
	}
}
