package builtin

import (
	"slices"
	"strings"
)

// kind is what sort of value a field asks for.
type kind uint8

const (
	kindText kind = iota
	kindObject
	kindArray
	kindName     // of a person, a company, a thing: a line of words
	kindAddress  // may go over several lines
	kindCode     // an identifier: no blanks, mostly with digits
	kindDate     // with format date, or named like one
	kindDateTime // with format date-time
	kindTime     // a time of day
	kindAmount   // money
	kindNumber   // any number
	kindPercent  // a number with a percent sign
	kindMeasure  // a number with the field's unit
	kindCurrency // ISO 4217
	kindEmail
	kindPhone
	kindURL
	kindIBAN
	kindBIC
	kindTaxID
	kindEnum
	kindBool
	kindParagraph // sentences under a heading
	kindLastFour  // last digits of a card
	kindDuration  // "12 months", as printed
	kindNothing   // cannot be filled
)

// among reports whether a word stands in a list of words with blanks around them.
func among(word, list string) bool { return strings.Contains(list, " "+word+" ") }

// numeric reports whether the value is a number of JSON.
func (fd *field) numeric() bool { return fd.node.typ == "number" || fd.node.typ == "integer" }

const (
	amountWords  = " amount total subtotal price cost fee tax vat rent salary balance deposit discount shipping tip net gross sum value charge payment paid due change cash fine premium income revenue spend limit principal gratuity freight postage handling surcharge refund wage turnover cap penalty retainer "
	dateWords    = " date birthdate dob deadline expiry issued dated due born "
	codeWords    = " number code sku reference gtin ean upc isbn asin vin serial barcode zip postal plate po mpn register till terminal account routing "
	nameWords    = " vendor seller supplier customer buyer client merchant store name company employer landlord tenant cashier server candidate analyst cardholder holder beneficiary sender recipient institution school university brand manufacturer signatory author guarantor contact person payee payer manager agent lawyer officer handler director supervisor clerk driver passenger patient donor subscriber issuer provider contractor counterparty owner "
	textualWords = " summary description notes note objective profile narrative clause terms remarks comment overview abstract about rationale "
)

// describe sets the kind and the unit of a leaf.
func (f *form) describe(fd *field) {
	ws := fd.words
	for _, w := range f.vocab.canonical(fd.node.title) {
		if !slices.Contains(ws, w) {
			ws = append(slices.Clip(ws), w)
		}
	}
	fd.unit = unitIn(fd, ws)
	fd.kind = leafKind(fd, ws)
	if sense := f.sense(fd); sense != nil && (fd.kind == kindText || fd.kind == kindNumber) {
		english := *fd
		english.words = sense
		switch k := leafKind(&english, append(slices.Clip(ws), sense...)); k {
		case kindParagraph, kindDuration: // what the name does not say by itself
		case kindCode:
			if sense[len(sense)-1] == "number" {
				fd.kind = k
			}
		default:
			fd.kind = k
		}
	}
	if fd.kind == kindAmount || fd.kind == kindNumber || fd.kind == kindMeasure {
		fd.lower, fd.upper = slices.Contains(fd.words, "minimum") || slices.Contains(fd.words, "low"), slices.Contains(fd.words, "maximum") || slices.Contains(fd.words, "high")
		if n := len(fd.words); n > 1 && isCurrencyCode(strings.ToUpper(fd.words[n-1])) {
			fd.money = strings.ToUpper(fd.words[n-1])
		}
	}
}

// sense returns the English words for a field that is named in another language, or nil: those of the idea that its name is a label of.
func (f *form) sense(fd *field) []string {
	var sense []string
	name := strings.Join(fd.words, " ")
	for _, m := range f.members[f.vocab.find(name)] {
		switch {
		case m.rank == 0 && f.vocab.find(f.groups[m.group].id) == f.vocab.find(name), among(name, " transport base note notes contact code position table status region "):
			return nil // it is an English word, too
		case !m.world || m.weak:
		case f.groups[m.group].id == "delivery note": // a paper, not a remark
		case sense == nil && (m.rank == 0 || m.rank < 8 && len(name) > 4):
			sense = f.vocab.canonical(f.groups[m.group].id)
		}
	}
	return sense
}

func leafKind(fd *field, ws []string) kind {
	n := fd.node
	last := ""
	if len(fd.words) > 0 {
		last = fd.words[len(fd.words)-1]
	}
	has := func(list string) bool {
		return slices.ContainsFunc(ws, func(w string) bool { return among(w, list) })
	}
	currency := last == "currency" || slices.Equal(fd.words, []string{"currency", "code"})
	switch {
	case n.typ == "null":
		return kindNothing
	case currency && n.typ != "number":
		return kindCurrency
	case len(n.enum) > 0:
		return kindEnum
	case n.typ == "boolean":
		return kindBool
	case n.typ == "number" || n.typ == "integer":
		return numberKind(fd, has)
	}
	if k := formatKind(n.format); k != kindText {
		return k
	}
	return stringKind(fd, ws, last, has)
}

func numberKind(fd *field, has func(string) bool) kind {
	switch {
	case has(" percent pct percentage ") || inPercent(fd.node) || has(" rate ") && has(" tax vat interest discount gst ") && !has(" amount "):
		return kindPercent
	case fd.unit != "":
		return kindMeasure
	case has(" quantity qty count units nights guests pages number year age score rating ") && !has(" price amount cost fee "):
		return kindNumber
	case has(amountWords) || has(" rate "):
		return kindAmount
	}
	return kindNumber
}

// inPercent reports whether the schema says that a number is a percentage.
func inPercent(n *node) bool {
	if d := strings.ToLower(n.description); strings.Contains(d, "in percent") || strings.Contains(d, "percentage") {
		return true
	}
	d := strings.ToLower(n.title + " " + n.description)
	for _, w := range []string{"prozent", "pourcent", "pour cent", "por ciento", "porcentaje", "percentuale", "percentagem", " in %", " en %", "taux "} {
		if strings.Contains(d, w) {
			return true
		}
	}
	return false
}

func formatKind(format string) kind {
	switch format {
	case "date":
		return kindDate
	case "date-time":
		return kindDateTime
	case "time":
		return kindTime
	case "email", "idn-email":
		return kindEmail
	case "uri", "url", "iri", "uri-reference":
		return kindURL
	case "phone", "tel":
		return kindPhone
	case "iban":
		return kindIBAN
	}
	return kindText
}

func stringKind(fd *field, ws []string, last string, has func(string) bool) kind {
	pair := func(a, b string) bool { return slices.Contains(ws, a) && slices.Contains(ws, b) }
	switch {
	case has(" email mail ") && !has(" mailing "):
		return kindEmail
	case has(" iban "):
		return kindIBAN
	case has(" bic swift "):
		return kindBIC
	case has(" vat tax ein ust uid gstin abn ") && has(" number registration ein uid gstin abn "):
		return kindTaxID
	case has(" currency "):
		return kindCurrency
	case pair("last", "four"), pair("last", "4"), has(" last4 last4digits "), pair("card", "ending"):
		return kindLastFour
	case among(last, " phone mobile fax hotline helpline cell ") || has(" phone ") && last == "number":
		return kindPhone
	case has(" url website linkedin github link homepage web "):
		return kindURL
	case last == "time":
		return kindTime
	case among(last, dateWords) || slices.Contains(fd.words, "date") || last == "on" && len(ws) > 1 || last == "at" && len(ws) > 1:
		return kindDate
	case among(last, " address premises ") && !has(" ip mac "):
		return kindAddress
	case among(last, codeWords) && last != "account" || slices.Contains(fd.words, "number"):
		return kindCode
	case among(last, " term duration period ") && !has(" payment "):
		return kindDuration
	case among(last, textualWords):
		return kindParagraph
	case among(last, amountWords) && !has(" method type terms status name "):
		return kindAmount
	case among(last, nameWords):
		return kindName
	}
	return kindText
}

// unitOf returns the canonical unit of a word, or "".
func unitOf(w string) string {
	switch strings.ToLower(strings.TrimSuffix(w, ".")) {
	case "day", "days", "tag", "tage", "tagen", "jours", "jour":
		return "days"
	case "month", "months", "mo", "monat", "monate", "monaten", "mois", "monthly":
		return "months"
	case "year", "years", "yr", "yrs", "jahr", "jahre", "jahren", "ans", "années":
		return "years"
	case "week", "weeks", "woche", "wochen", "semaines":
		return "weeks"
	case "hour", "hours", "hrs", "hr", "stunden", "heures":
		return "hours"
	case "minute", "minutes", "min", "mins":
		return "minutes"
	case "km", "kilometer", "kilometers", "kilometres", "kilometre":
		return "km"
	case "mile", "miles", "mi":
		return "miles"
	case "kg", "kilogram", "kilograms", "kilo", "kgs":
		return "kg"
	case "g", "gram", "grams", "gramm":
		return "g"
	case "lb", "lbs", "pound", "pounds":
		return "lb"
	case "oz", "ounce", "ounces":
		return "oz"
	case "cm", "centimeters", "centimeter", "centimetres":
		return "cm"
	case "mm", "millimeters":
		return "mm"
	case "inch", "inches", "in", "zoll":
		return "inches"
	case "sqm", "m2", "m²":
		return "m2"
	case "sqft", "ft2", "ft²":
		return "ft2"
	case "gb", "gigabytes":
		return "gb"
	case "watt", "watts", "w":
		return "watts"
	case "nights", "night":
		return "nights"
	case "t", "tonne", "tonnes", "tons", "ton", "tonnen":
		return "tonnes"
	case "rpm", "hz", "khz", "mhz", "ghz", "db", "kw", "kwh", "mwh", "ml", "mah", "kcal", "px", "mb", "tb", "dpi", "pt", "psi", "bar", "nm", "lm", "mm²":
		return strings.ToLower(w)
	case "u/min", "u":
		return "rpm"
	case "l", "liter", "liters", "litre", "litres":
		return "l"
	case "v", "volt", "volts":
		return "v"
	case "page", "pages", "seiten":
		return "pages"
	case "seat", "seats", "person", "persons", "people", "guest", "guests":
		return "persons"
	}
	return ""
}

// unitIn finds the unit of a number field in the last word of its name or behind "in" in its description.
func unitIn(fd *field, ws []string) string {
	if !fd.numeric() || len(ws) == 0 {
		return ""
	}
	if len(fd.words) > 1 {
		raw := words(fd.name)
		if last := raw[len(raw)-1]; last != "in" && last != "min" {
			if u := unitOf(last); u != "" && !isDayOfMonth(fd) && (u != "years" || !slices.Contains(fd.words, "model")) {
				if last == "year" || last == "month" || last == "day" || last == "week" || last == "hour" {
					raw := strings.ToLower(fd.name)
					if !strings.HasSuffix(raw, "s") { // "graduation_year" is a year, not a number of them
						return ""
					}
				}
				return u
			}
		}
	}
	for _, w := range []string{" in ", "number of ", "Number of "} {
		if _, rest, ok := strings.Cut(fd.node.description, w); ok {
			if f := strings.Fields(rest); len(f) > 0 && (w == " in " || strings.HasSuffix(f[0], "s")) {
				return unitOf(strings.Trim(f[0], ".,;()"))
			}
		}
	}
	return ""
}

func isDayOfMonth(fd *field) bool {
	return fd.words[len(fd.words)-1] == "day" && !strings.HasSuffix(strings.ToLower(fd.name), "s")
}
