package main

// A seafarer's application: a framed form, papers with days of issue and expiry, service at sea in a table with a head of two lines.
func resumeSeaService() document {
	papers := []col{
		{head: "Document", field: "paper", share: 0.34},
		{head: "Number", field: "no", share: 0.22},
		{head: "Place of issue", field: "place", share: 0.18},
		{head: "Issued", field: "issued", share: 0.13, align: 'R'},
		{head: "Expires", field: "expires", share: 0.13, align: 'R'},
	}
	service := []col{
		{head: "Vessel's name", field: "vessel", share: 0.2},
		{head: "Type", field: "type", share: 0.16},
		{head: "Gross tonnage", field: "gt", share: 0.11, align: 'R'},
		{head: "Rank on board", field: "rank", share: 0.15},
		{head: "Manager", field: "manager", share: 0.18},
		{head: "Signed on", field: "on", share: 0.1, align: 'R'},
		{head: "Signed off", field: "off", share: 0.1, align: 'R'},
	}
	quarter := []float64{0.25, 0.25, 0.25, 0.25}
	return document{
		name: "resume-12-sea-service", kind: "resume", title: "crew_application", style: plain,
		locale: us("02.01.2006", "02.01.06"),
		fields: `
			rank_applied!        text
			surname!             text
			given_names          text
			dob                  date
			birth_place          text
			citizenship          text
			home_airport         text
			mobile               phone
			email                email
			height_cm            integer
			ready_from           date
			min_wage             amount | | Lowest monthly wage
			wage_ccy             currency
			us_visa              boolean
			papers[]/paper       text
			papers[]/no          text
			papers[]/place       text
			papers[]/issued      date
			papers[]/expires     date
			service[]/vessel     text
			service[]/type       text
			service[]/gt         integer
			service[]/rank       text
			service[]/manager    text
			service[]/on         date
			service[]/off        date
			next_of_kin          text
			kin_phone            phone
			shoe_size            number`,
		theme: theme{family: "Helvetica", size: 8.5, accent: [3]int{10, 50, 110}, margin: 38},
		body: []block{
			columns(0.6, stack(lines(font{size: 14, bold: true}, "APPLICATION FOR SEA DUTY")), stack(lines(font{align: 'R'}, "Form CR-02, rev. 9"))),
			gap(6),
			boxes([]float64{0.4, 0.3, 0.3}, "Position applied for", "{rank_applied|Second Engineer}", "Ready to join", "{ready_from|20.04.2026}", "Lowest wage a month", "{wage_ccy|USD} {min_wage|6,800}"),
			boxes(quarter, "Surname", "{surname|BALTRUŠIS}", "First names", "{given_names|Rokas}", "Born on", "{dob|14.08.1987}", "Born at", "{birth_place|Klaipeda}"),
			boxes(quarter, "Citizen of", "{citizenship|Lithuania}", "Nearest airport", "{home_airport|Palanga (PLQ)}", "Mobile", "{mobile|+370 655 50143}", "E-mail", "{email|r.baltrusis@sea.example}"),
			boxes(quarter, "Height cm", "{height_cm|184}", "Shoe size", "", "US visa C1/D", "{us_visa|YES|true}", "Smoker", "NO"),
			gap(8),
			ledger(look{frame: true}, "papers", papers, [][]string{
				{"Passport", "24411907", "Klaipeda", "02.05.2022", "02.05.2032"},
				{"Seaman's book", "LT 0094417", "Klaipeda", "18.01.2021", "18.01.2031"},
				{"Certificate of competency III/2", "COC-55120", "Vilnius", "09.11.2023", "08.11.2028"},
				{"Medical certificate", "M-2026/071", "Klaipeda", "12.01.2026", "11.01.2028"},
			}),
			ledger(look{frame: true}, "service", service, [][]string{
				{"Baltic Curlew", "Chemical tanker", "11,935", "Third Engineer", "Amberline Ship Mgmt", "03.06.25", "01.12.25"},
				{"Baltic Curlew", "Chemical tanker", "11,935", "Third Engineer", "Amberline Ship Mgmt", "10.10.24", "28.03.25"},
				{"Nida Star", "Ro-ro", "25,518", "Fourth Engineer", "Curonian Ferries", "14.02.23", "30.06.24"},
			}),
			spread(font{}, []float64{0.6, 0.4}, "Next of kin: {next_of_kin|Ieva Baltrušiene}, wife", "Phone: {kin_phone|+370 655 50199}"),
		},
	}
}

// A Spanish curriculum in plain text: headings in capitals between lines, periods first, employer in a second line with the town in brackets.
func resumeSpanishText() document {
	return document{
		name: "resume-13-spanish-text", kind: "resume", lang: "es", title: "Curriculum", style: nullable,
		locale: eu("02/01/2006"),
		fields: `
			nombre!                  text    | Nombre y apellidos
			fecha_nacimiento         date    | Fecha de nacimiento
			nacionalidad             text
			domicilio                text
			telefono                 phone
			correo                   email
			permiso_conducir         text    | Permiso de conducir
			vehiculo_propio          boolean | Dispone de vehículo propio
			experiencia[]/desde      text
			experiencia[]/hasta      text
			experiencia[]/puesto     text
			experiencia[]/empresa    text
			experiencia[]/localidad  text
			formacion[]/anio         text
			formacion[]/titulo       text
			formacion[]/centro       text
			idiomas[]/idioma         text
			idiomas[]/nivel          text
			programas[]              list    | Programas informáticos
			disponibilidad           text
			salario_pretendido       amount  | Salario que se pide
			estado_civil             text`,
		text: `
                        CURRÍCULUM VÍTAE

________________________________________________________________
DATOS PERSONALES
________________________________________________________________
Nombre y apellidos ....... {nombre|Uxía Loureiro Montes}
Nacida el ................ {fecha_nacimiento|17/05/1988}, {nacionalidad|española}
Domicilio ................ {domicilio|C/ Areal 40, 3.º B, 36201 Vigo}
Tfno. .................... {telefono|655 501 728}
Correo-e ................. {correo|uxia.loureiro@correo.example}
Carné .................... {permiso_conducir|B}, {vehiculo_propio|con coche propio|true}

________________________________________________________________
EXPERIENCIA LABORAL
________________________________________________________________
{experiencia/0/desde|03/2019} - {experiencia/0/hasta|actualidad}   {experiencia/0/puesto|Jefa de almacén}
                       {experiencia/0/empresa|Conservas Ría Alta, S.L.} ({experiencia/0/localidad|Vigo})
                       Equipo de 18 personas, inventario con radiofrecuencia.

{experiencia/1/desde|09/2014} - {experiencia/1/hasta|02/2019}      {experiencia/1/puesto|Administrativa de tráfico}
                       {experiencia/1/empresa|Transportes Oitavén} ({experiencia/1/localidad|O Porriño})
                       Rutas frigoríficas a Francia y Portugal.

{experiencia/2/desde|06/2011} - {experiencia/2/hasta|08/2014}      {experiencia/2/puesto|Auxiliar de aduanas}
                       {experiencia/2/empresa|Despachos Berbés} ({experiencia/2/localidad|Vigo})

________________________________________________________________
FORMACIÓN
________________________________________________________________
{formacion/0/anio|2011}   {formacion/0/titulo|Grado en Comercio}, {formacion/0/centro|Universidad de las Rías}
{formacion/1/anio|2016}   {formacion/1/titulo|Consejera de seguridad ADR}, {formacion/1/centro|Cámara de Comercio}

________________________________________________________________
IDIOMAS E INFORMÁTICA
________________________________________________________________
{idiomas/0/idioma|Gallego}: {idiomas/0/nivel|lengua materna}
{idiomas/1/idioma|Inglés}: {idiomas/1/nivel|B2}
{idiomas/2/idioma|Portugués}: {idiomas/2/nivel|C1}
Manejo de {programas/+|SAP WM}, {programas/+|Excel avanzado} y {programas/+|Navision}.

Disponibilidad: {disponibilidad|15 días}
`,
	}
}

// A resume for a public office: each job as a block of labelled facts with bars, hours, grade, supervisor and whether to call.
func resumeOfficeText() document {
	return document{
		name: "resume-14-office-text", kind: "resume", title: "FederalResume", style: pydantic,
		locale: us("01/02/2006", "01/2006"),
		fields: `
			fullName!                 text
			address                   text    | | All lines
			dayPhone                  phone
			email                     email
			citizenship               text
			veteransPreference        boolean
			announcementNo            text
			highestGrade              text
			positions[]/title         text
			positions[]/grade         text
			positions[]/employer      text
			positions[]/start         text
			positions[]/end           text
			positions[]/hoursPerWeek  integer
			positions[]/salary        amount  | | A year
			positions[]/supervisor    text
			positions[]/mayContact    boolean | | Whether the supervisor may be called
			positions[]/duties[]      list
			degree                    text
			college                   text
			semesterHours             integer
			training[]                list
			awards[]                  list
			lastPhysicalExam          date`,
		text: `
{fullName|THADDEUS W. LARKSPUR}
{address|88 Cinder Hill Road
Ellensburg, WA 98926}
(day) {dayPhone|509-555-0157}  {email|t.larkspur@valleymail.example}

Announcement {announcementNo|FS-26-0417-WO}
Citizenship: {citizenship|United States} | Veterans' preference: {veteransPreference|10 points|true}
Highest grade held: {highestGrade|GS-0462-09}

WORK EXPERIENCE

{positions/0/title|FORESTRY TECHNICIAN (FIRE)}, {positions/0/grade|GS-0462-09}
{positions/0/employer|Taneum Ranger District} | {positions/0/start|04/2019} to {positions/0/end|present} | {positions/0/hoursPerWeek|40} hours per week | {positions/0/salary|$61,340} per year
Supervisor: {positions/0/supervisor|Ruth Okabe} (509-555-0122), {positions/0/mayContact|may be contacted|true}
  * {positions/0/duties/+|Leads an engine crew of six}
  * {positions/0/duties/+|Plans burns on 900 acres a year}

{positions/1/title|FORESTRY AID}, {positions/1/grade|GS-0462-04}
{positions/1/employer|Naches Work Center} | {positions/1/start|06/2015} to {positions/1/end|10/2018} | {positions/1/hoursPerWeek|36} hours per week | {positions/1/salary|$33,900} per year
Supervisor: {positions/1/supervisor|Dale Finnerty} (retired), {positions/1/mayContact|do not contact|false}
  * {positions/1/duties/+|Cleared 44 miles of trail}

EDUCATION
{college|Palouse College}, {degree|A.A.S. in Natural Resources}, {semesterHours|64} semester hours

TRAINING: {training/+|Incident Commander Type 5} / {training/+|Chain saw, class B} / {training/+|First aid}
AWARDS: {awards/+|Crew of the Year 2022}
`,
	}
}
