package builtin_test

import (
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model/builtin"
)

const invoiceRecord = `{"type":"object","required":["invoice_number"],"properties":{"invoice_number":{"type":"string"},"due_date":{"type":["string","null"],"format":"date"},"total":{"type":["number","null"]}}}`

func TestOneRecordIsAListOfOne(t *testing.T) {
	t.Parallel()
	wrapped := `{"type":"object","required":["items"],"properties":{"items":{"type":"array","items":` + invoiceRecord + `}}}`
	root := `{"type":"array","items":` + invoiceRecord + `}`
	doc := "Invoice number: A-17\nDue date: 2026-03-14\nTotal: 5.00\n"
	one := `[{"invoice_number":"A-17","due_date":"2026-03-14","total":5}]`
	for name, c := range map[string]struct{ schema, doc, want string }{
		"under items":                {wrapped, doc, `{"items":` + one + `}`},
		"at the root":                {root, doc, one},
		"a table stays a table":      {root, "Invoice number    Due date      Total\nA-17              2026-03-14    5.00\nA-18              2026-03-15    6.00\n", `[{"invoice_number":"A-17","due_date":"2026-03-14","total":5},{"invoice_number":"A-18","due_date":"2026-03-15","total":6}]`},
		"a letter is none":           {wrapped, "Dear Sir, the weather is fine.\n", `{"items":[]}`},
		"one value is none":          {wrapped, "Total: 5.00\n", `{"items":[]}`},
		"two records are not one":    {wrapped, doc + "\n" + strings.ReplaceAll(doc, "A-17", "A-18"), `{"items":[]}`},
		"without its required key":   {wrapped, "Due date: 2026-03-14\nTotal: 5.00\n", `{"items":[]}`},
		"lines of a bill are not it": {object("items", itemsSchema), "Description: Bolt\nQuantity: 4\nAmount: 2.00\n", `{"items":[]}`},
		"no other list":              {object("entries", `{"type":"array","items":`+invoiceRecord+`}`), doc, `{"entries":[]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fill(t, c.schema, c.doc); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestClaimsOfAListOfOnePointIntoIt(t *testing.T) {
	t.Parallel()
	for schema, prefix := range map[string]string{
		object("items", `{"type":"array","items":`+invoiceRecord+`}`): "/items/0/",
		`{"type":"array","items":` + invoiceRecord + `}`:              "/0/",
	} {
		resp := generate(t, builtin.New(), schema, grounding.FromText(0, "text", "Invoice number: A-17\nTotal: 5.00\n"))
		if len(resp.Claims) != 2 || resp.Claims[0].Path != prefix+"invoice_number" || resp.Claims[1].Path != prefix+"total" {
			t.Errorf("%s: got %+v", schema, resp.Claims)
		}
	}
}
