package main

func resumes() []document {
	return []document{
		resumeSections(), resumeText(), resumeSidebar(), resumeTable(), resumeAcademic(), resumeForm(), resumeMarkdownText(),
		resumeProfileText(),
		resumeTimeline(), resumeBarsText(), resumeAgencyCards(),
		resumeSeaService(), resumeSpanishText(), resumeOfficeText(),
	}
}

// One column, sections with headings, contact line under the name.
func resumeSections() document {
	return document{
		name: "resume-01-sections", kind: "resume", title: "Candidate", style: nullable,
		locale: us("January 2006"),
		fields: `
			full_name!               text    | Full name
			headline                 text    | Headline | Job title under the name
			email                    email   | Email
			phone                    phone   | Phone
			website                  url     | Website
			location                 text    | Location | City and state
			skills[]                 list    | Skills
			languages[]              list    | Languages
			experience[]/title       text    | Job title
			experience[]/company     text    | Employer
			experience[]/start       text    | Start month as written
			experience[]/end         text    | End month as written, or Present
			education[]/degree       text    | Degree
			education[]/school       text    | School
			education[]/year         integer | Year of graduation
			willing_to_relocate      boolean | Willing to relocate`,
		theme: blueSans(),
		body: []block{
			lines(font{size: 22, bold: true, accent: true}, "{full_name|Imogen Castellane}"),
			lines(font{size: 12}, "{headline|Senior Data Engineer}"),
			lines(font{gray: true}, "{location|Tacoma, WA}  |  {phone|+1 253 555 0117}  |  {email|imogen@castellane.example}  |  {website|https://castellane.example}"),
			heading("Summary"),
			para(font{}, "Data engineer with nine years of experience in building pipelines for logistics and health insurance. Likes boring technology and short incident reports."),
			heading("Experience"),
			lines(font{bold: true}, "{experience/0/title|Senior Data Engineer}, {experience/0/company|Palisade Freight Analytics}"),
			lines(font{gray: true}, "{experience/0/start|March 2021} - {experience/0/end|Present}"),
			bullets("-", "Moved 240 nightly jobs to an event-driven platform and cut the delay from nine hours to twelve minutes.",
				"Led a team of four and the on-call rota."),
			lines(font{bold: true}, "{experience/1/title|Data Engineer}, {experience/1/company|Corvid Health Cooperative}"),
			lines(font{gray: true}, "{experience/1/start|June 2017} - {experience/1/end|February 2021}"),
			bullets("-", "Built the claims warehouse and its quality checks."),
			heading("Education"),
			lines(font{bold: true}, "{education/0/degree|MSc Statistics}, {education/0/school|University of Lower Cascadia}, {education/0/year|2016}"),
			lines(font{bold: true}, "{education/1/degree|BSc Mathematics}, {education/1/school|Halden State College}, {education/1/year|2014}"),
			heading("Skills"),
			para(font{}, "{skills/+|Python}, {skills/+|SQL}, {skills/+|Apache Airflow}, {skills/+|dbt}, {skills/+|Kafka}, {skills/+|Terraform}"),
			heading("Languages"),
			para(font{}, "{languages/+|English}, {languages/+|Italian}"),
			heading("Other"),
			lines(font{}, "{willing_to_relocate|Willing to relocate: no|false}"),
		},
	}
}

// A plain text resume with capital headings and labelled lines.
func resumeText() document {
	return document{
		name: "resume-02-text", kind: "resume", title: "Resume", style: plain,
		locale: us("2006-01-02"),
		fields: `
			name!                text    | | Name of the candidate
			email                email
			mobile               phone
			date_of_birth        date
			nationality          text
			years_of_experience  integer
			driving_licence      boolean
			notice_period        text
			expected_salary      amount
			salary_currency      currency
			skills[]             list
			jobs[]/employer      text
			jobs[]/position      text
			jobs[]/from          integer | | Year
			jobs[]/to            integer | | Year; null when current`,
		text: `
CURRICULUM VITAE

Name:               {name|Tobias Renngard}
Nationality:        {nationality|Swedish}
Email:              {email|t.renngard@postlada.example}
Mobile:             {mobile|+46 70 555 01 83}
Driving licence:    {driving_licence|yes|true}
Years of experience: {years_of_experience|12}
Notice period:      {notice_period|3 months}
Expected salary:    {salary_currency|EUR} {expected_salary|68,000} per year

WORK HISTORY

{jobs/0/from|2019} - present   {jobs/0/position|Maintenance Planner}, {jobs/0/employer|Hallsund Paper AB}
                 Plans shutdowns for two paper machines, 40 technicians.
{jobs/1/from|2014} - {jobs/1/to|2019}      {jobs/1/position|Mechanical Technician}, {jobs/1/employer|Norrvik Hydro}
                 Turbine inspection and hydraulic repair.

SKILLS

* {skills/+|Vibration analysis}
* {skills/+|SAP PM}
* {skills/+|Root cause analysis}
* {skills/+|Welding (TIG)}
`,
	}
}

// Two columns: contact, skills and languages at the left, the story at the right.
func resumeSidebar() document {
	b := font{bold: true}
	g := font{gray: true}
	return document{
		name: "resume-03-sidebar", kind: "resume", title: "Resume", style: nullable,
		locale: us("January 2006"),
		fields: `
			name!                     text    | Name
			role                      text    | Role
			contact/email             email   | Email
			contact/phone             phone   | Phone
			contact/portfolio         url     | Portfolio
			contact/city              text    | City
			skills[]                  list    | Skills
			languages[]               list    | Languages
			certifications[]          list    | Certifications
			positions[]/title         text    | Title
			positions[]/employer      text    | Employer
			positions[]/period        text    | Period as written
			degree                    text    | Highest degree
			university                text    | University
			has_work_permit           boolean | Has a work permit
			references                text    | References`,
		theme: theme{family: "Helvetica", size: 9.5, accent: [3]int{96, 50, 120}, margin: 44, letter: true},
		body: []block{
			lines(font{size: 24, bold: true, accent: true}, "{name|Ottoline Marchetti}"),
			lines(font{size: 13, gray: true}, "{role|Product Designer}"),
			gap(10),
			columns(0.32,
				stack(heading("Contact"), lines(font{}, "{contact/city|Asheville, NC}", "{contact/phone|828-555-0139}", "{contact/email|otto@marchetti.example}", "{contact/portfolio|https://marchetti.example/work}"),
					heading("Skills"), lines(font{}, "{skills/+|Interaction design}", "{skills/+|Prototyping}", "{skills/+|Design systems}", "{skills/+|User research}"),
					heading("Languages"), lines(font{}, "{languages/+|English}", "{languages/+|Portuguese}"),
					heading("Certifications"), lines(font{}, "{certifications/+|Accessibility Specialist (2024)}")),
				stack(heading("Experience"),
					lines(b, "{positions/0/title|Lead Product Designer}"), lines(g, "{positions/0/employer|Fernway Telehealth}, {positions/0/period|2022 - now}"),
					para(font{}, "Owns the design of the patient app and its component library, with two designers and a researcher."),
					lines(b, "{positions/1/title|Product Designer}"), lines(g, "{positions/1/employer|Tin Roof Learning}, {positions/1/period|2018 - 2022}"),
					para(font{}, "Course builder, grading and the teacher's dashboard."),
					lines(b, "{positions/2/title|Junior Designer}"), lines(g, "{positions/2/employer|Studio Halfmoon}, {positions/2/period|2016 - 2018}"),
					heading("Education"),
					lines(font{}, "{degree|BFA Graphic Design}", "{university|Blue Ridge Institute of Art}"),
					heading("Work authorization"),
					lines(font{}, "{has_work_permit|Work permit: yes|true}"))),
		},
	}
}

// Employment and education as tables with header rows.
func resumeTable() document {
	jobs := []col{
		{head: "From", field: "from", share: 0.14},
		{head: "To", field: "to", share: 0.14},
		{head: "Employer", field: "employer", share: 0.36},
		{head: "Position", field: "position", share: 0.36},
	}
	schools := []col{
		{head: "Year", field: "year", share: 0.14},
		{head: "Institution", field: "institution", share: 0.5},
		{head: "Qualification", field: "qualification", share: 0.36},
	}
	return document{
		name: "resume-04-tables", kind: "resume", title: "Applicant", style: pydantic,
		locale: us("02/01/2006", "01/2006"),
		fields: `
			surname!                   text
			given_names                text
			birth_date                 date
			nationality                text
			email                      email
			telephone                  phone
			employment[]/from          text | | Month and year as written
			employment[]/to            text
			employment[]/employer      text
			employment[]/position      text
			education[]/year           integer
			education[]/institution    text
			education[]/qualification  text
			driving_licence_class      text
			computer_skills[]          list
			military_service           boolean`,
		theme: theme{family: "Times", size: 11, accent: [3]int{10, 60, 110}, margin: 56},
		body: []block{
			lines(font{size: 18, bold: true, align: 'C'}, "Curriculum Vitae"),
			heading("Personal details"),
			tabbed(130, "Surname", "{surname|Vasquez-Thorne}", "Given names", "{given_names|Delphine Aurora}", "Date of birth", "{birth_date|23/08/1991}",
				"Nationality", "{nationality|Irish}", "E-mail", "{email|delphine.vt@inbox.example}", "Telephone", "{telephone|+353 1 555 0186}",
				"Driving licence", "Class {driving_licence_class|B}"),
			heading("Employment"),
			table(look{frame: true}, "employment", jobs, [][]string{
				{"04/2020", "present", "Liffey Marine Insurance", "Claims Supervisor"},
				{"09/2016", "03/2020", "Harrow & Blythe Brokers", "Claims Handler"},
				{"01/2014", "08/2016", "Galway Credit Union", "Member Services Officer"},
			}),
			heading("Education"),
			table(look{frame: true}, "education", schools, [][]string{
				{"2013", "Shannon Technical University", "BBS Insurance and Risk"},
				{"2009", "St Brendan's College", "Leaving Certificate"},
			}),
			heading("Computer skills"),
			para(font{}, "{computer_skills/+|Guidewire}; {computer_skills/+|Excel}; {computer_skills/+|Power BI}"),
		},
	}
}

// An academic's vita: labels in a left column, publications as a numbered list.
func resumeAcademic() document {
	return document{
		name: "resume-05-academic", kind: "resume", title: "Academic CV", style: nullable,
		locale: us("2006"),
		fields: `
			name!              text    | Name
			position           text    | Current position
			institution        text    | Institution
			department         text    | Department
			email              email   | Email
			orcid              text    | ORCID
			homepage           url     | Homepage
			phd_year           integer | Year of the doctorate
			phd_university     text    | University of the doctorate
			research_areas[]   list    | Research areas
			publications[]     list    | Titles of publications
			h_index            integer | h-index
			citations          integer | Number of citations
			peer_reviewer      boolean | Serves as a peer reviewer
			grants_total       amount  | Sum of research grants in euro
			phone              phone   | Phone`,
		theme: darkSerif(),
		body: []block{
			lines(font{size: 19, bold: true}, "Dr. {name|Evander Sokolowski}"),
			gap(6),
			tabbed(110, "Position", "{position|Associate Professor}", "Department", "{department|Department of Soil Physics}", "Institution", "{institution|Technical University of Wieliczka}",
				"Email", "{email|e.sokolowski@tuw.example}", "Homepage", "{homepage|https://soil.tuw.example/~sokolowski}", "ORCID", "{orcid|0000-0002-1825-0097}"),
			heading("Degrees"),
			tabbed(60, "{phd_year|2012}", "PhD, Soil Science, {phd_university|University of Nordhavn}", "2007", "MSc, Environmental Physics, Technical University of Wieliczka"),
			heading("Research areas"),
			bullets("-", "{research_areas/+|Unsaturated flow}", "{research_areas/+|Isotope tracers}", "{research_areas/+|Frozen soils}"),
			heading("Selected publications"),
			bullets("1.", "E. Sokolowski, M. Aubrey: {publications/+|Water beneath a frozen field}. Vadose Letters 14 (2023)."),
			bullets("2.", "E. Sokolowski: {publications/+|Tracing meltwater with deuterium}. Journal of Cold Soils 8 (2020)."),
			bullets("3.", "K. Ferrant, E. Sokolowski: {publications/+|Two seasons of infiltration}. Vadose Letters 9 (2018)."),
			heading("Figures"),
			tabbed(110, "h-index", "{h_index|21}", "Citations", "{citations|1,846}", "Grants", "EUR {grants_total|740,000}", "Peer reviewer", "{peer_reviewer|yes|true}"),
		},
	}
}

// An application form: framed cells and ticked boxes.
func resumeForm() document {
	return document{
		name: "resume-06-form", kind: "resume", title: "ApplicationForm", style: nullable,
		locale: us("01/02/2006"),
		fields: `
			position_applied_for!  text    | Position applied for
			last_name!             text    | Last name
			first_name             text    | First name
			middle_name            text    | Middle name
			email                  email   | Email
			phone                  phone   | Phone
			available_from         date    | Available from
			date_signed            date    | Date signed
			desired_pay            amount  | Desired pay per hour
			employment_type        enum(full_time,part_time,seasonal) | Employment type
			over_18                boolean | Over 18 years of age
			authorized_to_work     boolean | Authorized to work
			worked_here_before     boolean | Has worked here before
			last_employer          text    | Last employer
			last_supervisor        text    | Supervisor at the last employer
			reason_for_leaving     text    | Reason for leaving`,
		theme: theme{family: "Helvetica", size: 10, accent: [3]int{40, 40, 40}, margin: 48, letter: true},
		body: []block{
			banner("Application for employment", "Millstream Garden Centers"),
			grid(2, "Position applied for", "{position_applied_for|Nursery Assistant}", "Available from", "{available_from|03/16/2026}"),
			grid(3, "Last name", "{last_name|Brannigan}", "First name", "{first_name|Teodora}", "Middle name", "",
				"Phone", "{phone|(503) 555-0171}", "Email", "{email|teo.brannigan@webmail.example}", "Desired pay (per hour)", "{desired_pay|$21.50}"),
			lines(font{bold: true}, "Please tick"),
			lines(font{}, "{over_18|Are you over 18 years of age?  [X] Yes  [ ] No|true}",
				"{authorized_to_work|Are you authorized to work in the United States?  [X] Yes  [ ] No|true}",
				"{worked_here_before|Have you worked here before?  [ ] Yes  [X] No|false}",
				"{employment_type|Employment type:  [ ] Full-time  [ ] Part-time  [X] Seasonal|seasonal}"),
			gap(8),
			heading("Last employer"),
			grid(3, "Company", "{last_employer|Coastline Berry Farms}", "Supervisor", "{last_supervisor|Ignacio Wray}", "Reason for leaving", "{reason_for_leaving|End of season}"),
			gap(10),
			columns(0.5, stack(above("Signature", "T. Brannigan")), stack(above("Date", "{date_signed|02/19/2026}"))),
		},
	}
}

// A resume in Markdown.
func resumeMarkdownText() document {
	return document{
		name: "resume-07-markdown-text", kind: "resume", title: "Developer profile", style: plain,
		locale: us("2006-01"),
		fields: `
			name!                   text
			email                   email
			github                  url
			city                    text
			timezone                text
			remote_only             boolean | | Looks for remote work only
			years_experience        integer | | Years of professional experience
			primary_language        text    | | Main programming language
			technologies[]          list
			work[]/company          text
			work[]/role             text
			work[]/start            text
			work[]/end              text
			open_source[]           list    | | Names of open-source projects
			salary_expectation      amount
			linkedin                url`,
		text: `
# {name|Balthazar Quinnell}

{city|Halifax}, Canada ({timezone|UTC-4}) - {email|bq@quinnell.example} - {github|https://git.example/bquinnell}

Systems programmer with {years_experience|14 years} of experience. {remote_only|Remote only: yes|true}

## Technologies

- {technologies/+|Rust}
- {technologies/+|C}
- {technologies/+|Linux kernel}
- {technologies/+|eBPF}
- {technologies/+|PostgreSQL}

Primary language: {primary_language|Rust}

## Work

### {work/0/company|Tidewater Networks}
**{work/0/role|Staff Engineer}** | {work/0/start|2019-05} - {work/0/end|present}

Packet path of a software router, from prototype to 40 customers.

### {work/1/company|Osprey Storage}
**{work/1/role|Senior Engineer}** | {work/1/start|2013-09} - {work/1/end|2019-04}

Replication and crash recovery of an object store.

## Open source

* {open_source/+|ringtrace} - tracing for lock-free queues
* {open_source/+|fsck-lite} - a checker for small file systems
`,
	}
}

// A profile as a site exports it: each label alone on its line, the value below.
func resumeProfileText() document {
	return document{
		name: "resume-08-profile-text", kind: "resume", title: "Profile", style: nullable,
		locale: us("January 2, 2006"),
		fields: `
			full_name!            text    | Full name
			current_title         text    | Current title
			current_company       text    | Current company
			location              text    | Location
			email                 email   | Email
			phone                 phone   | Phone
			profile_url           url     | Profile URL
			seniority             enum(junior,mid,senior,executive) | Seniority
			open_to_work          boolean | Open to work
			languages[]           list    | Languages
			top_skills[]          list    | Top skills
			connections           integer | Connections
			member_since          date    | Member since
			birthday              date    | Birthday
			school                text    | School
			volunteering          text    | Volunteering`,
		text: `
PROFILE EXPORT

Full name
{full_name|Perpetua Adeyemi-Frost}

Current title
{current_title|Head of Procurement}

Current company
{current_company|Saltmarsh Foods plc}

Location
{location|Norwich, United Kingdom}

Email
{email|perpetua@adeyemifrost.example}

Profile URL
{profile_url|https://network.example/in/perpetua-af}

Seniority
{seniority|Executive}

Open to work
{open_to_work|No|false}

Languages
{languages/+|English}, {languages/+|Yoruba}, {languages/+|French}

Top skills
{top_skills/+|Supplier negotiation}, {top_skills/+|Category management}, {top_skills/+|Incoterms}

School
{school|Broadland School of Economics}

Connections
{connections|1,204}

Member since
{member_since|May 17, 2011}
`,
	}
}
