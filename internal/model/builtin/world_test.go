package builtin_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model/builtin"
)

func TestReadsLabelsOfOtherLanguages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ schema, doc, want string }{
		"German names and labels":   {object("rechnungsnummer", text, "faellig_am", date), "Rechnungsnummer: R-17\nFällig am: 03.04.2026\n", `{"rechnungsnummer":"R-17","faellig_am":"2026-04-03"}`},
		"English names for German":  {object("invoice_number", text, "due_date", date, "total", number), "Belegnummer: R-17\nZahlbar bis: 03.04.2026\nRechnungsbetrag   1.204,50 EUR\n", `{"invoice_number":"R-17","due_date":"2026-04-03","total":1204.5}`},
		"English names for French":  {object("invoice_number", text, "due_date", date, "total", number), "Facture n° F-88\nÉchéance : 03/04/2026\nTotal TTC    1 204,50 €\n", `{"invoice_number":"F-88","due_date":"2026-04-03","total":1204.5}`},
		"English names for Spanish": {object("invoice_number", text, "due_date", date, "total", number), "Número de factura: 26/118\nFecha de vencimiento: 03/04/2026\nImporte total    1.204,50 €\n", `{"invoice_number":"26/118","due_date":"2026-04-03","total":1204.5}`},
		"without diacritics":        {object("echeance", date, "designation_du_bien", text), "Echeance : 03/04/2026\nDésignation du bien : Four\nMontant 12,50 €\n", `{"echeance":"2026-04-03","designation_du_bien":"Four"}`},
		"umlauts spelled out":       {object("gebuehr", number), "Gebühr: 12,50 EUR\n", `{"gebuehr":12.5}`},
		"umlauts spelled out there": {object("währung", text, "kündigungsfrist", text), "Kuendigungsfrist: 3 Monate\n", `{"währung":null,"kündigungsfrist":"3 Monate"}`},
		"combining marks":           {object("echeance", date), "E\u0301che\u0301ance : 13/04/2026\n", `{"echeance":"2026-04-13"}`},
		"a lost vowel":              {object("date_emission", date), "Date d’émission : 13/04/2026\n", `{"date_emission":"2026-04-13"}`},
		"the end of a period":       {object("von", date, "bis", date), "Zeitraum: 01.03.2026 - 15.03.2026\n", `{"von":"2026-03-01","bis":"2026-03-15"}`},
		"a sum behind its currency": {object("summe", number), "SUMME     EUR    16,27\n", `{"summe":16.27}`},
		"a sum without cents":       {object("boete", number), "Boete: € 5.000,-\n", `{"boete":5000}`},
		"not a rate for a tax":      {object("iva", number), "Base imponible    % IVA    Cuota IVA\n598,80            21       125,75\n", `{"iva":125.75}`},
		"not under another party":   {object("cliente", `{"type":"object","properties":{"nif":{"type":["string","null"]}}}`), "Prestador: Vale     NIF: 509771248\nCliente: Quinta     NIF: 514220873\n", `{"cliente":{"nif":"514220873"}}`},
		"a name before its street":  {object("auftraggeber", text), "Auftraggeber: Klinikum Lahntal, Bergstraße 60\n", `{"auftraggeber":"Klinikum Lahntal"}`},
		"a label misread by OCR":    {object("invoice_number", text, "total", number), "lnvoice number: A-170\nT0tal: 45.90\n", `{"invoice_number":"A-170","total":45.9}`},
		"no value mended for OCR":   {object("total", number, "invoice_number", text), "Total: 1O0,S0\nInvoice number: lO5\n", `{"total":null,"invoice_number":"lO5"}`},
		"English words stay so":     {object("ports", list), "Ports: HDMI 2.1, USB-C\n", `{"ports":["HDMI 2.1","USB-C"]}`},
	} {
		if got := fill(t, c.schema, c.doc); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

const dutySchema = `{"type":"array","items":{"type":"object","properties":{"ward":{"type":["string","null"]},"shift":{"type":["string","null"]},"beds":{"type":["integer","null"]}}}}`

func TestReadsCellsThatStandForSeveralRows(t *testing.T) {
	t.Parallel()
	doc := "Ward          Shift      Beds\nSurgery       early        30\n              late         28\nOncology      early        18\n              late         17\n"
	want := `{"duties":[{"ward":"Surgery","shift":"early","beds":30},{"ward":"Surgery","shift":"late","beds":28},{"ward":"Oncology","shift":"early","beds":18},{"ward":"Oncology","shift":"late","beds":17}]}`
	resp := generate(t, builtin.New(), object("duties", dutySchema), grounding.FromText(0, "t", doc))
	if string(resp.Value) != want {
		t.Errorf("got  %s\nwant %s", resp.Value, want)
	}
	for _, c := range resp.Claims {
		if c.Path == "/duties/3/ward" && c.Quote != "Oncology" {
			t.Errorf("the fourth row's ward is quoted as %q", c.Quote)
		}
	}
	if got := fill(t, object("duties", dutySchema), "Ward          Shift      Beds\n              late         28\nOncology      early        18\n"); strings.Contains(got, `"ward":"Oncology","shift":"late"`) {
		t.Errorf("a blank above all values was filled: %s", got)
	}
}

func TestBlankCodesAndNumbersStayBlank(t *testing.T) {
	t.Parallel()
	schema := object("items", `{"type":"array","items":{"type":"object","properties":{"sku":{"type":["string","null"]},"description":{"type":["string","null"]},"amount":{"type":["number","null"]}}}}`)
	got := fill(t, schema, "SKU        Description       Amount\nA-1        Bolt               2.00\n           Freight            9.00\n")
	if want := `{"items":[{"sku":"A-1","description":"Bolt","amount":2},{"sku":null,"description":"Freight","amount":9}]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestReadsHeadsThatSpanColumns(t *testing.T) {
	t.Parallel()
	schema := object("rows", `{"type":"array","items":{"type":"object","properties":{"model":{"type":"string"},"export_units":{"type":"integer"},"domestic_units":{"type":"integer"}}}}`)
	got := fill(t, schema, "              Domestic   Export\nModel         Units      Units\nLark          412        88\nHeron         118        164\n")
	if want := `{"rows":[{"model":"Lark","export_units":88,"domestic_units":412},{"model":"Heron","export_units":164,"domestic_units":118}]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSkipsSumsThatAreCarriedOver(t *testing.T) {
	t.Parallel()
	head := "Pos   Bezeichnung            Menge   Einzelpreis      Betrag\n"
	schema := object("positionen", `{"type":"array","items":{"type":"object","properties":{"bezeichnung":{"type":"string"},"menge":{"type":"number"},"einzelpreis":{"type":"number"},"betrag":{"type":"number"}}}}`, "gesamtbetrag", number)
	want := `{"positionen":[{"bezeichnung":"Kette","menge":2,"einzelpreis":18.4,"betrag":36.8},{"bezeichnung":"Reifen","menge":1,"einzelpreis":21.9,"betrag":21.9},{"bezeichnung":"Sattel","menge":1,"einzelpreis":30,"betrag":30}],"gesamtbetrag":88.7}`
	first := head + "1     Kette                      2         18,40       36,80\n2     Reifen                     1         21,90       21,90\n"
	last := "3     Sattel                     1         30,00       30,00\n\nGesamtbetrag                                         88,70\n"
	carried := "      Übertrag                                       58,70\n"
	for name, pages := range map[string][]string{
		"with heads":               {first + carried, head + carried + last},
		"without a head":           {first + carried + "\nSeite 1 von 2\n", "Rechnung 17\n\n" + carried + last},
		"a subtotal at the end":    {first + "      Zwischensumme                                  58,70\n", last},
		"in a text without pages":  {first + "\n" + carried + "\n" + carried + last},
		"nothing but a page break": {first, last},
	} {
		doc := grounding.Document{}
		for i, p := range pages {
			doc.Pages = append(doc.Pages, grounding.Page{Number: i + 1, Text: p})
		}
		resp := generate(t, builtin.New(), schema, doc)
		if string(resp.Value) != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, resp.Value, want)
		}
	}
}

func TestAnItemNamedLikeACarriedSumIsAnItem(t *testing.T) {
	t.Parallel()
	got := fill(t, object("items", itemsSchema), "Description             Qty     Unit price      Amount\nBolt                      4           0.50        2.00\nTransport to Villach      1         145.00      145.00\nReport, bound             2          10.00       20.00\n")
	if n := strings.Count(got, `"description"`); n != 3 {
		t.Errorf("got %d items: %s", n, got)
	}
}

func TestClassifiesByWhatTheSchemaSaysOfAValue(t *testing.T) {
	t.Parallel()
	decision := object("decision", `{"oneOf":[{"const":"approve","description":"the claim is accepted and paid in full"},{"const":"deny","description":"the claim is declined, nothing is paid"},{"const":"pending","description":"more documents are needed"},{"type":"null"}]}`)
	topic := object("topic", `{"type":["string","null"],"enum":["access","network",null],"description":"access: login, password, locked account; network: VPN, wifi"}`)
	for name, c := range map[string]struct{ schema, doc, want string }{
		"by a sentence":           {decision, "We have declined your claim, as the damage is excluded.\n", `{"decision":"deny"}`},
		"not when it is denied":   {decision, "We have not declined your claim.\n", `{"decision":null}`},
		"not by half of a phrase": {decision, "The claim is under review.\n", `{"decision":null}`},
		"not when two are stated": {decision, "The claim is declined. More documents are needed.\n", `{"decision":null}`},
		"beside a label":          {decision, "Decision: more documents are needed\n", `{"decision":"pending"}`},
		"by a value's own word":   {decision, "Decision: approve\n", `{"decision":"approve"}`},
		"by capitals":             {topic, "The VPN drops every ten minutes.\n", `{"topic":"network"}`},
		"by words of a list":      {topic, "She has a locked account.\n", `{"topic":"access"}`},
		"not by other words":      {topic, "The printer is jammed.\n", `{"topic":null}`},
		"a constant is not taken": {object("kind", `{"anyOf":[{"const":"a"},{"const":"b"}]}`), "Nothing of it.\n", `{}`},
		"in German":               {object("thema", `{"oneOf":[{"const":"technik","description":"Störung, Ausfall"},{"const":"vertrag","description":"Kündigung, Umzug"},{"type":"null"}]}`), "Seit gestern besteht ein Ausfall des Anschlusses.\n", `{"thema":"technik"}`},
	} {
		if got := fill(t, c.schema, c.doc); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestAChoiceQuotesTheWordsThatMadeIt(t *testing.T) {
	t.Parallel()
	schema := object("repairs", `{"oneOf":[{"const":"landlord","description":"the landlord bears all repairs"},{"const":"tenant","description":"the tenant bears all repairs"}]}`)
	resp := generate(t, builtin.New(), schema, grounding.FromText(0, "t", "Repairs. The tenant bears all\nrepairs inside the premises. The landlord insures them.\n"))
	if string(resp.Value) != `{"repairs":"tenant"}` || len(resp.Claims) != 1 || resp.Claims[0].Quote != "tenant bears all repairs" {
		t.Errorf("got %s with %+v", resp.Value, resp.Claims)
	}
}

// TestEveryValueStandsInItsDocument checks over all labelled documents that each value has a claim, that its quote verifies, and that the
// value's own words or digits stand in the quote or on its page.
func TestEveryValueStandsInItsDocument(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{tunedSet, heldSet, foreignSet} {
		extract := extractor(t)
		for _, c := range cases(t, dir) {
			value, evidence, err := extract(t.Context(), c) // it fails when a claim does not verify
			if err != nil {
				t.Errorf("%s: %v", c.Name, err)
				continue
			}
			quotes := map[string]string{}
			for _, e := range evidence {
				quotes[e.Path] = e.Quote
			}
			var root any
			if err := json.Unmarshal(value, &root); err != nil {
				t.Fatal(err)
			}
			leaves(root, "", func(path string, v any) {
				quote, ok := quotes[path]
				if !ok {
					t.Errorf("%s: %s has no claim", c.Name, path)
				}
				if n, isNumber := v.(float64); isNumber && !shown(n, quote) {
					t.Errorf("%s: the number at %s does not stand in its quote", c.Name, path)
				}
			})
		}
	}
}

// leaves calls do for each value that is not null.
func leaves(v any, path string, do func(string, any)) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			leaves(x, path+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(k), do)
		}
	case []any:
		for i, x := range v {
			leaves(x, path+"/"+jsonText(i), do)
		}
	case nil:
	default:
		do(path, v)
	}
}

func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

// shown reports whether the digits of a number stand in a quote; a quote without digits has it in words.
func shown(n float64, quote string) bool {
	digits := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, s)
	}
	q := digits(quote)
	return q == "" || strings.Contains(q, strings.Trim(digits(jsonText(n)), "0"))
}
