package builtin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/model/builtin"
)

// object makes the schema of an object from "name: schema" pairs, schemas as JSON.
func object(props ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(props); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + props[i] + `":` + props[i+1])
	}
	return `{"type":"object","properties":{` + b.String() + `}}`
}

const (
	text    = `{"type":["string","null"]}`
	date    = `{"type":["string","null"],"format":"date"}`
	number  = `{"type":["number","null"]}`
	integer = `{"type":["integer","null"]}`
	boolean = `{"type":["boolean","null"]}`
	list    = `{"type":"array","items":{"type":"string"}}`
)

// fill asks the model about one text and returns the value as compact JSON.
func fill(t testing.TB, schema, doc string) string {
	t.Helper()
	resp := generate(t, builtin.New(), schema, grounding.FromText(0, "text", doc))
	var b bytes.Buffer
	if err := json.Compact(&b, resp.Value); err != nil {
		t.Fatalf("the answer is no JSON: %v\n%s", err, resp.Value)
	}
	return b.String()
}

func TestReadsValuesWhereTheyStand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ schema, doc, want string }{
		"behind a colon":           {object("invoice_number", text), "Invoice No.: A-17/b\n", `{"invoice_number":"A-17/b"}`},
		"behind a wide gap":        {object("invoice_number", text), "Invoice number      2024 0017\n", `{"invoice_number":"2024 0017"}`},
		"without a colon":          {object("invoice_number", text), "Invoice #7731\n", `{"invoice_number":"7731"}`},
		"below a label":            {object("due_date", date), "Due date\n14 March 2026\n", `{"due_date":"2026-03-14"}`},
		"in a grid":                {object("invoice_number", text, "invoice_date", date), "Invoice no.     Date           Customer no.\nRE-5            2026-01-02     881\n", `{"invoice_number":"RE-5","invoice_date":"2026-01-02"}`},
		"two pairs in a row":       {object("order_number", text, "phone", text), "Order number   77-1        Phone    +49 30 901820\n", `{"order_number":"77-1","phone":"+49 30 901820"}`},
		"two pairs in one cell":    {object("date", date, "time", text), "Date: 2026-02-21 Time: 17:42\n", `{"date":"2026-02-21","time":"17:42"}`},
		"behind dot leaders":       {object("total", number), "Total .......... 45.90\n", `{"total":45.9}`},
		"under another name":       {object("total", number), "Balance due: USD 1,204.50\n", `{"total":1204.5}`},
		"by the title":             {object("f1", `{"type":["string","null"],"title":"Matter reference"}`), "Matter reference: X-9\n", `{"f1":"X-9"}`},
		"by x-labels":              {object("f1", `{"type":["string","null"],"x-labels":["Our sign"]}`), "Our sign: X-9\n", `{"f1":"X-9"}`},
		"by a short description":   {object("f1", `{"type":["string","null"],"description":"Matter reference"}`), "Matter reference: X-9\n", `{"f1":"X-9"}`},
		"with more words":          {object("refresh_hz", integer), "Refresh rate:    165 Hz\n", `{"refresh_hz":165}`},
		"total, not subtotal":      {object("total", number), "Subtotal  90.00\nTax       10.00\nTotal    100.00\n", `{"total":100}`},
		"not the label beside it":  {object("customer", text), "Customer\nCustomer number   17\n", `{"customer":null}`},
		"an address over lines":    {object("address", text), "Address:    Mill Road 5\n            8001 Zürich\n\nPhone: 1\n", `{"address":"Mill Road 5 8001 Zürich"}`},
		"a paragraph of a section": {object("summary", text), "SUMMARY\nBuilds boats. Likes\nthe sea.\n\nSKILLS\nSailing\n", `{"summary":"Builds boats. Likes the sea."}`},
		"nothing":                  {object("iban", text, "total", number), "A letter about the weather.\n", `{"iban":null,"total":null}`},
		"above its caption":        {object("account_number", text, "birth_date", date), "Jane Roe       CFM-20871      19 Jul 1984\nPatient        Account        Date of birth\n\nSeen today.\n", `{"account_number":"CFM-20871","birth_date":"1984-07-19"}`},
		"on a numbered line":       {object("turnover", number, "director", text), "8. Director ......... Casimir Dworak\n14. Turnover ........ EUR 1.874.300,00\n", `{"turnover":1874300,"director":"Casimir Dworak"}`},
		"by kindred words":         {object("registered_number", text), "Number in the register:   B 281.447\n", `{"registered_number":"B 281.447"}`},
		"of a period":              {object("period_start", date, "period_end", date), "Billing period: 2026-02-01 to 2026-02-28\n", `{"period_start":"2026-02-01","period_end":"2026-02-28"}`},
		"in the right currency":    {object("total", number, "total_eur", number), "Total CHF 120.00\nFor information: EUR 125.50\n", `{"total":120,"total_eur":125.5}`},
		"ends of a range":          {object("salary_min", number, "salary_max", number), "Salary: USD 72,000 - 88,000 per year\n", `{"salary_min":72000,"salary_max":88000}`},
		"before its label":         {object("review_count", integer), "4.7 out of 5      12,482 ratings\n", `{"review_count":12482}`},
		"in the document's title":  {object("order_number", text), "ORDER FORM OF-22-9907\n\nThank you.\n", `{"order_number":"OF-22-9907"}`},
		"in a letterhead":          {object("vendor_name", text, "vendor_address", text), "Acme Tools Ltd\n1 Mill Road\nLeeds LS1 4AP\n\nINVOICE\n", `{"vendor_name":"Acme Tools Ltd","vendor_address":"1 Mill Road\nLeeds LS1 4AP"}`},
		"in the address window":    {object("vendor_name", text, "customer_name", text), "Acme Tools Ltd, 1 Mill Road, Leeds\n\nGlobex plc\n22 Canal Street\nYork, NY 10115\n\nINVOICE\n", `{"vendor_name":"Acme Tools Ltd","customer_name":"Globex plc"}`},
		"not of another party":     {object("buyer_vat_id", text), "VAT ID (seller)   DE298114506\n", `{"buyer_vat_id":null}`},
		"as a ticked box":          {object("billing", `{"enum":["monthly","annual",null]}`), "Billing: [ ] Monthly  [x] Annual\n", `{"billing":"annual"}`},
		"words for nothing":        {object("registration", text), "Registration: n/a\n", `{"registration":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fill(t, c.schema, c.doc); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestReadsPatterns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ schema, doc, want string }{
		"US amount":              {object("total", number), "Total: $1,234.56\n", `{"total":1234.56}`},
		"European amount":        {object("total", number), "Total: 1.234,56 €\n", `{"total":1234.56}`},
		"Swiss amount":           {object("total", number), "Total: CHF 1'234.50\n", `{"total":1234.5}`},
		"amount with blanks":     {object("total", number), "Total: 1 234,56 EUR\n", `{"total":1234.56}`},
		"negative in brackets":   {object("total", number), "Total: ($12.00)\n", `{"total":-12}`},
		"amount as text":         {object("total", text), "Total: $1,234.56\n", `{"total":"$1,234.56"}`},
		"thousands by a dot":     {object("total", number), "Net: 10,50\nTotal: 1.200\n", `{"total":1200}`},
		"percent":                {object("vat_rate", number), "VAT rate: 7.7 %\n", `{"vat_rate":7.7}`},
		"percent beside amount":  {object("vat_rate", number, "vat_amount", number), "VAT 19 %      38.00\n", `{"vat_rate":19,"vat_amount":38}`},
		"US date":                {object("due_date", date), "Shipped: 12/31/2025\nDue date: 01/05/2026\n", `{"due_date":"2026-01-05"}`},
		"European date":          {object("due_date", date), "Shipped: 31/12/2025\nDue date: 01/05/2026\n", `{"due_date":"2026-05-01"}`},
		"date that nothing says": {object("due_date", date), "Due date: 01/05/2026\n", `{"due_date":null}`},
		"German date":            {object("rechnungsdatum", date), "Rechnungsdatum: 3. März 2026\n", `{"rechnungsdatum":"2026-03-03"}`},
		"Spanish date":           {object("fecha_de_entrega", date), "Fecha de entrega: 5 de marzo de 2026\n", `{"fecha_de_entrega":"2026-03-05"}`},
		"French date":            {object("date_de_livraison", date), "Livré le : 1er août 2026\n", `{"date_de_livraison":"2026-08-01"}`},
		"date in words":          {object("effective_date", date), "This Agreement is made effective as of the 5th day of May, 2024 by the parties.\n", `{"effective_date":"2024-05-05"}`},
		"time with a zone":       {object("created_at", `{"type":["string","null"],"format":"date-time"}`), "Created: 2026-02-09 06:15 UTC\n", `{"created_at":"2026-02-09T06:15:00Z"}`},
		"IBAN":                   {object("iban", text), "Pay to DE44 7502 0073 0012 3456 78 please\n", `{"iban":null}`},
		"IBAN that is right":     {object("iban", text), "Pay to DE89 3704 0044 0532 0130 00 please\n", `{"iban":"DE89 3704 0044 0532 0130 00"}`},
		"e-mail":                 {object("contact_email", text), "write to <jo.doe@mail.example>.\n", `{"contact_email":"jo.doe@mail.example"}`},
		"one of two e-mails":     {object("contact_email", text), "a@x.example, b@y.example\n", `{"contact_email":null}`},
		"masked card":            {object("card_last_four", text), "VISA ************8830\n", `{"card_last_four":"8830"}`},
		"currency of amounts":    {object("currency", text), "Rent: £ 950.00\n", `{"currency":"GBP"}`},
		"number with its unit":   {object("notice_days", integer), "Either party may end it with thirty (30) days' written notice to the other.\n", `{"notice_days":30}`},
		"years as months":        {object("warranty_months", integer), "Warranty: 2 years\n", `{"warranty_months":24}`},
		"enumeration":            {object("condition", `{"enum":["new","like_new","used",null]}`), "Condition: Like New\n", `{"condition":"like_new"}`},
		"enumeration synonym":    {object("status", `{"type":["string","null"],"enum":["A","B"],"description":"A: active, B: blocked"}`), "Status: Blocked\n", `{"status":"B"}`},
		"enumeration mentioned":  {object("kind", `{"type":["string","null"],"enum":["mortgage","overdraft"]}`), "We grant you a mortgage.\n", `{"kind":"mortgage"}`},
		"pattern of the schema":  {object("reference", `{"type":["string","null"],"pattern":"^[A-Z]{3}$"}`), "Reference: 12345\n", `{"reference":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fill(t, c.schema, c.doc); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestReadsStatedFacts(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		"Pets allowed: yes\n":                 `{"pets_allowed":true}`,
		"Pets: no\n":                          `{"pets_allowed":false}`,
		"[x] Pets allowed\n":                  `{"pets_allowed":true}`,
		"[ ] Pets allowed\n":                  `{"pets_allowed":false}`,
		"Pets are not allowed in the flat.\n": `{"pets_allowed":false}`,
		"Pets are allowed in the flat.\n":     `{"pets_allowed":true}`,
		"The flat has two rooms.\n":           `{"pets_allowed":null}`,
		"Are pets allowed?\n":                 `{"pets_allowed":null}`,
		"Smoking is not permitted. Pets are allowed in the flat\n": `{"pets_allowed":true}`,
	} {
		if got := fill(t, object("pets_allowed", boolean), doc); got != want {
			t.Errorf("%q: got %s, want %s", doc, got, want)
		}
	}
}

func TestReadsPartiesByTheirBlocks(t *testing.T) {
	t.Parallel()
	party := `{"type":"object","properties":{"name":{"type":["string","null"]},"address":{"type":["string","null"]},"email":{"type":["string","null"]}}}`
	doc := "From:                     Bill to:\nAcme Tools Ltd            Globex GmbH\n1 Mill Road               Hauptstr. 5\nLeeds LS1 4AP             10115 Berlin\nsales@acme.example        pay@globex.example\n\nTotal: 5.00\n"
	want := `{"seller":{"name":"Acme Tools Ltd","address":"1 Mill Road\nLeeds LS1 4AP","email":"sales@acme.example"},` +
		`"buyer":{"name":"Globex GmbH","address":"Hauptstr. 5\n10115 Berlin","email":"pay@globex.example"}}`
	if got := fill(t, object("seller", party, "buyer", party), doc); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestReadsPartiesOfAContract(t *testing.T) {
	t.Parallel()
	doc := "SERVICES AGREEMENT\n\nThis Agreement is entered into as of June 1, 2025 (the \"Effective Date\") by and between Acme, Inc., a Delaware\ncorporation (\"Provider\"), and Bolt & Sons LLC (\"Client\").\n\nThis Agreement is governed by the laws of the State of New York, without regard to conflicts.\n"
	schema := object("effective_date", date, "provider", text, "client", text, "parties", list, "governing_law", text)
	want := `{"effective_date":"2025-06-01","provider":"Acme, Inc.","client":"Bolt & Sons LLC","parties":["Acme, Inc.","Bolt & Sons LLC"],"governing_law":"New York"}`
	if got := fill(t, schema, doc); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

const itemsSchema = `{"type":"array","items":{"type":"object","properties":{"description":{"type":"string"},"quantity":{"type":"number"},
	"unit_price":{"type":"number"},"amount":{"type":"number"}}}}`

func TestReadsLineItems(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ doc, want string }{
		"with wrapped words": {
			"Description             Qty     Unit price      Amount\nSteel bracket             2          10.00       20.00\n  galvanized, 5 mm\nScrews                    1           3.50        3.50\nSubtotal                                         23.50\nTotal                                            23.50\n",
			`{"items":[{"description":"Steel bracket galvanized, 5 mm","quantity":2,"unit_price":10,"amount":20},{"description":"Screws","quantity":1,"unit_price":3.5,"amount":3.5}]}`,
		},
		"with a header of two lines": {
			"Description             Qty           Unit      Line\n                                     price     total\nBolt                      4           0.50      2.00\n\nTotal    2.00\n",
			`{"items":[{"description":"Bolt","quantity":4,"unit_price":0.5,"amount":2}]}`,
		},
		"drawn with pipes": {
			"| Item | Quantity | Price | Amount |\n|------|----------|-------|--------|\n| Nut  | 3        | 1.00  | 3.00   |\n\nTotal: 3.00\n",
			`{"items":[{"description":"Nut","quantity":3,"unit_price":1,"amount":3}]}`,
		},
		"with an empty cell": {
			"Description             Qty     Unit price      Amount\nSetup                                            20.00\n",
			`{"items":[{"description":"Setup","amount":20}]}`,
		},
		"without a header": {
			"CAFE ROSA\n\n2 x Espresso        5.00\nCroissant           2.40\nTOTAL               7.40\n",
			`{"items":[{"description":"Espresso","quantity":2,"amount":5},{"description":"Croissant","amount":2.4}]}`,
		},
		"none": {"Dear Sir, nothing was bought.\n", `{"items":[]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fill(t, object("items", itemsSchema), c.doc); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestReadsATableOverPages(t *testing.T) {
	t.Parallel()
	head := "Description             Qty     Unit price      Amount\n"
	doc := grounding.Document{Pages: []grounding.Page{
		{Number: 1, Text: "INVOICE\n\n" + head + "Bolt                      4           0.50        2.00\nPage 1 of 2\n"},
		{Number: 2, Text: head + "Nut                       1           0.25        0.25\n\nTotal    2.25\n"},
	}}
	resp := generate(t, builtin.New(), object("items", itemsSchema, "total", number), doc)
	want := `{"items":[{"description":"Bolt","quantity":4,"unit_price":0.5,"amount":2},{"description":"Nut","quantity":1,"unit_price":0.25,"amount":0.25}],"total":2.25}`
	if string(resp.Value) != want {
		t.Errorf("got  %s\nwant %s", resp.Value, want)
	}
	for _, c := range resp.Claims {
		if strings.HasPrefix(c.Path, "/items/1/") && c.Page != 2 {
			t.Errorf("%s is claimed on page %d", c.Path, c.Page)
		}
	}
}

func TestReadsLists(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		"Skills: Go, SQL, Kubernetes (EKS, GKE)\n":                    `["Go","SQL","Kubernetes (EKS, GKE)"]`,
		"SKILLS\n\n- Go\n- Team lead, 5 people\n\nEDUCATION\n- MSc\n": `["Go","Team lead, 5 people"]`,
		"SKILLS\nGo, SQL\nRust\n\nEDUCATION\nMSc\n":                   `["Go","SQL","Rust"]`,
		"Skills        Go; SQL; C\n":                                  `["Go","SQL","C"]`,
		"No word of it.\n":                                            `[]`,
	} {
		if got := fill(t, object("skills", list), doc); got != `{"skills":`+want+`}` {
			t.Errorf("%q: got %s, want %s", doc, got, want)
		}
	}
}

func TestReadsEntriesOfAResume(t *testing.T) {
	t.Parallel()
	doc := "Jane Roe\nSoftware Engineer\n\nEXPERIENCE\n\nSenior Engineer, Acme Corp      Mar 2020 - Present\n- Built things.\n- Led a team.\n\nEngineer | Beta GmbH | 2016 - 2020\n- Wrote code.\n\nEDUCATION\n\nBSc Physics, University of Leeds, 2015\n\nSKILLS\nGo, C\n"
	schema := object(
		"name", text,
		"experience", `{"type":"array","items":{"type":"object","properties":{"title":{"type":"string"},"company":{"type":"string"},"start_date":{"type":"string"},"end_date":{"type":["string","null"]}}}}`,
		"education", `{"type":"array","items":{"type":"object","properties":{"degree":{"type":"string"},"school":{"type":"string"},"year":{"type":"integer"}}}}`,
		"skills", list)
	want := `{"name":"Jane Roe","experience":[{"title":"Senior Engineer","company":"Acme Corp","start_date":"Mar 2020","end_date":"Present"},` +
		`{"title":"Engineer","company":"Beta GmbH","start_date":"2016","end_date":"2020"}],` +
		`"education":[{"degree":"BSc Physics","school":"University of Leeds","year":2015}],"skills":["Go","C"]}`
	if got := fill(t, schema, doc); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNullStandsOnlyWhereTheSchemaAdmitsOrRequiresTheKey(t *testing.T) {
	t.Parallel()
	schema := `{"type":"object","required":["must"],"properties":{
		"must":{"type":"string"},"may":{"type":"string"},"nullable":{"type":["string","null"]},"fixed":{"const":"v1"},
		"list":{"type":"array","items":{"type":"string"}},
		"inner":{"anyOf":[{"$ref":"#/$defs/inner"},{"type":"null"}]}},
		"$defs":{"inner":{"type":"object","properties":{"deep":{"type":"string"}},"required":["deep"]}}}`
	want := `{"must":null,"nullable":null,"fixed":"v1","list":[],"inner":null}`
	if got := fill(t, schema, "Nothing here.\n"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestClaimsQuoteThePage(t *testing.T) {
	t.Parallel()
	docs := []grounding.Document{
		grounding.FromText(0, "a", "A cover letter.\n"),
		{FileIndex: 1, Pages: []grounding.Page{{Number: 1, Text: "Terms\n"}, {Number: 2, Text: "Invoice no:   77-A     Total:   12.00\n"}}},
	}
	resp := generate(t, builtin.New(), object("invoice_number", text, "a/b~c", `{"type":["number","null"],"title":"Total"}`), docs...)
	want := []grounding.Claim{
		{Path: "/invoice_number", FileIndex: 1, Page: 2, Quote: "Invoice no: 77-A"},
		{Path: "/a~1b~0c", FileIndex: 1, Page: 2, Quote: "Total: 12.00"},
	}
	if len(resp.Claims) != len(want) {
		t.Fatalf("got %+v", resp.Claims)
	}
	for i, c := range resp.Claims {
		if c.Confidence <= 0 || c.Confidence > 1 {
			t.Errorf("%s: confidence %v", c.Path, c.Confidence)
		}
		c.Confidence = 0
		if c != want[i] {
			t.Errorf("got  %+v\nwant %+v", c, want[i])
		}
	}
	for _, e := range grounding.Verify(docs, resp.Claims) {
		if e.Unverified {
			t.Errorf("%s is not verified", e.Path)
		}
	}
}

func TestCostsNothingAndSaysWhoAnswered(t *testing.T) {
	t.Parallel()
	resp := generate(t, builtin.New(), object("total", number), grounding.FromText(0, "a", "Total: 1.00"))
	if resp.Usage.Cost == nil || *resp.Usage.Cost != 0 || resp.Usage.InputTokens != 0 || resp.Model != "builtin" || resp.Finish != model.FinishStop {
		t.Errorf("got %+v", resp)
	}
}

func TestWithoutASchemaItQuotesTheLinesThatMatter(t *testing.T) {
	t.Parallel()
	doc := grounding.FromText(0, "a", "Weather was fine.\nThe invoice was paid in March.\nGoodbye.\n")
	resp, err := builtin.New().Generate(t.Context(), &model.Request{Instruction: "When was the invoice paid?", Documents: []grounding.Document{doc}})
	if err != nil {
		t.Fatal(err)
	}
	if string(resp.Value) != `"The invoice was paid in March."` || len(resp.Claims) != 1 {
		t.Errorf("got %s, %+v", resp.Value, resp.Claims)
	}
}

func TestRefusesWhatIsNoSchema(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{`[]`, `"x"`, `{`, `true`} {
		_, err := builtin.New().Generate(t.Context(), &model.Request{Schema: json.RawMessage(schema)})
		var f *steward.Failure
		if !errors.As(err, &f) || f.Code != steward.FailInvalidConfig {
			t.Errorf("%s: got %v", schema, err)
		}
	}
}

func TestStopsWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := builtin.New().Generate(ctx, &model.Request{Schema: json.RawMessage(invoiceSchema), Documents: []grounding.Document{longInvoice(2)}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTheSameRequestHasTheSameAnswer(t *testing.T) {
	t.Parallel()
	m := builtin.New()
	first := generate(t, m, invoiceSchema, longInvoice(3))
	for range 5 {
		again := generate(t, m, invoiceSchema, longInvoice(3))
		a, errA := json.Marshal(first)
		b, errB := json.Marshal(again)
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Fatal("two answers differ")
		}
	}
}
