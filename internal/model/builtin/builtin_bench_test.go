package builtin_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/model/builtin"
)

const invoiceSchema = `{"type":"object","properties":{
	"invoice_number":{"type":["string","null"]},"issue_date":{"type":["string","null"],"format":"date"},
	"due_date":{"type":["string","null"],"format":"date"},"currency":{"type":["string","null"]},
	"vendor":{"type":"object","properties":{"name":{"type":["string","null"]},"vat_id":{"type":["string","null"]},"iban":{"type":["string","null"]}}},
	"customer":{"type":"object","properties":{"name":{"type":["string","null"]},"address":{"type":["string","null"]}}},
	"subtotal":{"type":["number","null"]},"tax":{"type":["number","null"]},"total":{"type":["number","null"]},
	"paid":{"type":["boolean","null"]},"contact_email":{"type":["string","null"],"format":"email"},
	"items":{"type":"array","items":{"type":"object","properties":{"description":{"type":["string","null"]},
		"quantity":{"type":["number","null"]},"unit_price":{"type":["number","null"]},"amount":{"type":["number","null"]}}}}}}`

// longInvoice is an invoice of so many pages with 40 items on each.
func longInvoice(pages int) grounding.Document {
	doc := grounding.Document{ContentType: "text/plain"}
	for p := 1; p <= pages; p++ {
		var b strings.Builder
		if p == 1 {
			b.WriteString("Northwind Tools Ltd\n12 Mill Road\nLeeds LS1 4AP\n\nINVOICE\n\nInvoice number:  NW-7781\nInvoice date:    14 March 2026\nDue date:        13 April 2026\n\n")
		}
		b.WriteString("Description                     Quantity     Unit price        Amount\n")
		for i := range 40 {
			fmt.Fprintf(&b, "Steel bracket type %03d                 %2d          12.50     %8.2f\n", p*40+i, i+1, 12.5*float64(i+1))
		}
		if p == pages {
			b.WriteString("\nSubtotal     1,000.00\nVAT 20%        200.00\nTotal       GBP 1,200.00\n")
		}
		doc.Pages = append(doc.Pages, grounding.Page{Number: p, Text: b.String()})
	}
	return doc
}

func generate(t testing.TB, m *builtin.Model, schema string, docs ...grounding.Document) *model.Response {
	t.Helper()
	resp, err := m.Generate(t.Context(), &model.Request{Documents: docs, Schema: json.RawMessage(schema)})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestWorkGrowsWithThePagesNotWithTheirSquare(t *testing.T) {
	t.Parallel()
	m := builtin.New()
	start := time.Now()
	resp := generate(t, m, invoiceSchema, longInvoice(500))
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("500 pages took %v", took)
	}
	var got struct {
		Items []json.RawMessage `json:"items"`
		Total float64           `json:"total"`
	}
	if err := json.Unmarshal(resp.Value, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Items) < 1000 || got.Total != 1200 {
		t.Errorf("got %d items and a total of %v", len(got.Items), got.Total)
	}
}

func TestHostileTextsAreReadInBoundedTime(t *testing.T) {
	t.Parallel()
	schema := object("invoice_number", text, "total", number, "date", date, "pets_allowed", boolean, "skills", list, "phone", text,
		"kind", `{"enum":["mortgage","overdraft",null]}`, "items", itemsSchema, "parties", list, "notice_days", integer)
	for name, piece := range map[string]string{
		"one long line":          "Total ",
		"groups of digits":       "1 234 ",
		"digits and signs":       "1,2.3-4/5:",
		"labels without values":  "Total:\n",
		"a table without end":    "Description   Qty   Amount\n",
		"a word of a fact":       "pets allowed? ",
		"headings":               "SKILLS\n",
		"addresses":              "a@b.example ",
		"opened parentheses":     "((((\"between\" (the \"",
		"bullets":                "- \n* \n",
		"cells":                  "a   b\t|c|",
		"letters of other sorts": "İ\u202f№\u00a0",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := grounding.FromText(0, name, strings.Repeat(piece, (1<<20)/len(piece)))
			start := time.Now()
			generate(t, builtin.New(), schema, doc)
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("a megabyte took %v", took)
			}
		})
	}
}

func BenchmarkInvoiceOf2Pages(b *testing.B)   { benchmarkPages(b, 2) }
func BenchmarkInvoiceOf500Pages(b *testing.B) { benchmarkPages(b, 500) }

func benchmarkPages(b *testing.B, pages int) {
	m, doc := builtin.New(), longInvoice(pages)
	b.ReportAllocs()
	for b.Loop() {
		generate(b, m, invoiceSchema, doc)
	}
}
