package builtin_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/model/builtin"
)

// FuzzGenerate checks that no text and no schema makes the model fail in another way than by an error, that answers are
// JSON, and that every claim stands in the text.
func FuzzGenerate(f *testing.F) {
	f.Add("Invoice no: 17\nTotal  12.00\n", invoiceSchema)
	f.Add("a\t|b|\n[x] Pets\n$ -1,,2.3.4 (5) %\nDate: 31/31/2024 24:61\n", object("pets", boolean, "date", date, "total", number))
	f.Add("by and between , and (\"\") and the laws of", object("parties", list, "governing_law", text, "term", text, "party_a", text))
	f.Add("EXPERIENCE\n- 2019 - \n| | 2020 –\n**\n", object("experience", `{"type":"array","items":{"type":"object","properties":{"title":{"type":"string"},"start":{"type":"string"}}}}`))
	f.Add("x", `{"$ref":"#/$defs/a","$defs":{"a":{"properties":{"b":{"$ref":"#/$defs/a"}}}}}`)
	f.Add("İİİ ſ K\u00a0\u2009 12 \u200b3\u202f456,7", `{"type":"array","items":{"type":["integer","null"],"title":"ſ"}}`)
	files, err := filepath.Glob("../../../testdata/corpus/*/document.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		doc, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		schema, err := os.ReadFile(filepath.Join(filepath.Dir(name), "schema.json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(doc), string(schema))
	}
	m := builtin.New()
	f.Fuzz(func(t *testing.T, text, schema string) {
		docs := []grounding.Document{grounding.FromText(0, "fuzz", text)}
		resp, err := m.Generate(t.Context(), &model.Request{Documents: docs, Schema: json.RawMessage(schema)})
		if err != nil {
			if f := steward.FailureOf(err); f.Code != steward.FailInvalidConfig {
				t.Fatal(err)
			}
			return
		}
		if !json.Valid(resp.Value) {
			t.Fatalf("not JSON: %q", resp.Value)
		}
		folded := grounding.Fold(docs[0].Pages[0].Text)
		for _, c := range resp.Claims {
			if c.Quote == "" || !strings.Contains(folded, grounding.Fold(c.Quote)) {
				t.Fatalf("%s: %q does not stand in the text", c.Path, c.Quote)
			}
		}
	})
}
