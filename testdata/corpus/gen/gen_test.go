package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestTheStoredFilesAreTheGeneratedOnes(t *testing.T) {
	t.Parallel()
	const corpusDir = ".."
	for _, set := range sets() {
		var files []file
		for _, d := range set.documents {
			b, err := build(d)
			if err != nil {
				t.Fatalf("%s: %v", d.name, err)
			}
			files = append(files, b.files()...)
		}
		if set.files != nil {
			more, err := set.files()
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, more...)
		}
		for _, f := range files {
			stored, err := os.ReadFile(filepath.Join(corpusDir, set.dir, filepath.FromSlash(f.path)))
			if err != nil {
				t.Error(err)
				continue
			}
			if !bytes.Equal(stored, f.data) {
				t.Errorf("%s/%s is not what the generator writes: run go run . -out ..", set.dir, f.path)
			}
		}
	}
}

func TestEveryDocumentKeepsThePromisesOfTheCorpus(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, set := range sets() {
		for _, d := range set.documents {
			b, err := build(d)
			if err != nil {
				t.Fatalf("%s: %v", d.name, err)
			}
			if err := check(b); err != nil {
				t.Errorf("%s: %v", d.name, err)
			}
			if names[d.name] {
				t.Errorf("%s: the name is taken twice", d.name)
			}
			names[d.name] = true
		}
	}
}

func TestMarksAreReadAndNeverDrawn(t *testing.T) {
	t.Parallel()
	words, marks, err := parseMarkup("Due: {total|{currency|$|USD}1,204.50} by {due|in 3 days|2026-01-04}.")
	if err != nil {
		t.Fatal(err)
	}
	if want := "Due: $1,204.50 by in 3 days."; words != want {
		t.Errorf("got %q, want %q", words, want)
	}
	want := []mark{
		{path: "currency", quote: "$", value: "USD", hasValue: true},
		{path: "total", quote: "$1,204.50"},
		{path: "due", quote: "in 3 days", value: "2026-01-04", hasValue: true},
	}
	if len(marks) != len(want) {
		t.Fatalf("got %v, want %v", marks, want)
	}
	for i := range want {
		if marks[i] != want[i] {
			t.Errorf("mark %d: got %+v, want %+v", i, marks[i], want[i])
		}
	}
	for _, bad := range []string{"{open", "{path}", "{a|b|c|d}", "{a|{b}}"} {
		if _, _, err := parseMarkup(bad); err == nil {
			t.Errorf("%q: got no error", bad)
		}
	}
}

func TestNumbersAndDatesAreReadByTheDocumentsLocale(t *testing.T) {
	t.Parallel()
	tests := []struct {
		locale locale
		class  string
		quote  string
		want   any
	}{
		{us(), "amount", "$1,204.50", json.Number("1204.5")},
		{us(), "amount", "-188.00", json.Number("-188")},
		{us(), "amount", "(1,188.50)", json.Number("-1188.5")},
		{us(), "amount", "-¥300", json.Number("-300")},
		{us(), "number", "(3 nights)", json.Number("3")},
		{eu(), "amount", "300,00-", json.Number("-300")},
		{eu(), "amount", "3.415,-", json.Number("3415")},
		{us(), "number", "84,300 km", json.Number("84300")},
		{eu(), "amount", "1.233,00 €", json.Number("1233")},
		{eu(), "amount", "12 750,50", json.Number("12750.5")},
		{ch(), "amount", "CHF 14'393.52", json.Number("14393.52")},
		{us("January 2, 2006"), "date", "March 4, 2026", "2026-03-04"},
		{us("2006-01-02 15:04 MST"), "datetime", "2026-02-09 06:15 UTC", "2026-02-09T06:15:00Z"},
		{us(), "currency", "£", "GBP"},
		{us(), "text", " two  words ", "two words"},
	}
	for _, test := range tests {
		got, err := test.locale.read(&node{class: test.class}, test.quote)
		if err != nil || got != test.want {
			t.Errorf("%s %q: got %v, %v, want %v", test.class, test.quote, got, err, test.want)
		}
	}
	for class, quote := range map[string]string{"date": "soon", "amount": "none", "currency": "gold", "boolean": "yes", "enum": "other"} {
		if got, err := us("2006-01-02").read(&node{class: class}, quote); err == nil {
			t.Errorf("%s %q: got %v and no error", class, quote, got)
		}
	}
}

func TestADocumentThatContradictsItselfIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"two values of one field":  "{total|1.00} and {total|2.00}",
		"a field nobody asks for":  "{total|1.00} {mood|fine}",
		"a required field missing": "nothing here",
	} {
		_, err := build(document{name: name, kind: "invoice", locale: us(), fields: "total! amount", text: text})
		if err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestTheChecksFindDamage(t *testing.T) {
	t.Parallel()
	good := document{name: "good", kind: "invoice", title: "T", locale: us(), fields: "iban iban\nname! text", text: "{name|Acme} {iban|DE89 3704 0044 0532 0130 00}"}
	for name, damage := range map[string]func(*built){
		"a quote that does not stand": func(b *built) { b.words[0] = "something else" },
		"an answer of another type":   func(b *built) { b.expected = []byte(`{"name": 1, "iban": null}`) },
		"wrong check digits":          func(b *built) { b.gold[0].Quote = "DE88 3704 0044 0532 0130 00" },
		"a document that is too big":  func(b *built) { b.source = make([]byte, maxBytes+1) },
	} {
		b, err := build(good)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(b); err != nil {
			t.Fatalf("undamaged: %v", err)
		}
		damage(b)
		if err := check(b); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestSchemasAreWrittenInThreeStyles(t *testing.T) {
	t.Parallel()
	root, err := parseFields("name! text | Name\nrows[]/price amount\nstate enum(a,b)")
	if err != nil {
		t.Fatal(err)
	}
	for st, wants := range map[style][]string{
		nullable: {`"type":["number","null"]`, `"enum":["a","b",null]`, `"required":["name","rows","state"]`, `"additionalProperties":false`},
		pydantic: {`{"anyOf":[{"type":"number"},{"type":"null"}],"default":null`, `"$ref":"#/$defs/Rows"`, `"required":["name"]`},
		plain:    {`"state":{"type":"string","enum":["a","b"]}`, `"price":{"type":"number"}`, `"required":["name"]`},
	} {
		raw, err := marshal(schemaJSON(root, "T", st))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(raw), want) {
				t.Errorf("style %d: no %s in %s", st, want, raw)
			}
		}
	}
	for _, bad := range []string{"name", "name colour", "a b c"} {
		if _, err := parseFields(bad); err == nil {
			t.Errorf("field table %q: got no error", bad)
		}
	}
}

func TestALedgersSumsHoldNoItemAndItsSecondLinesBelongToTheItemAbove(t *testing.T) {
	t.Parallel()
	cols := []col{{head: "Item", field: "name", share: 0.6}, {head: "Sum", field: "sum", share: 0.4}}
	made := markLedger("items", cols, [][]string{
		{"Chair", "12.00"},
		{"+", "{items/#/code|C-1}"},
		{"=Sum of chairs", "{chairs|12.00}"},
		{"Tables"},
		{"Table", "30.00"},
	})
	want := []ledgerLine{
		{cells: []string{"{items/0/name|Chair}", "{items/0/sum|12.00}"}},
		{cells: []string{"", "{items/0/code|C-1}"}, goesOn: true},
		{cells: []string{"Sum of chairs", "{chairs|12.00}"}, sum: true},
		{cells: []string{"Tables"}},
		{cells: []string{"{items/1/name|Table}", "{items/1/sum|30.00}"}},
	}
	if !reflect.DeepEqual(made, want) {
		t.Errorf("got %+v, want %+v", made, want)
	}
}

func TestABlankCellBelongsToTheCellAbove(t *testing.T) {
	t.Parallel()
	cols := []col{{field: "ward"}, {field: "beds"}}
	rows := asAbove("rows", cols, [][]string{{"=Total", "9"}, {"Surgery", "4"}, {"", "5"}, {"Heading"}, {"Oncology", "6"}}, "ward")
	for i, want := range map[int]string{1: "{rows/1/ward|{rows/0/ward|Surgery}}", 2: "", 4: "{rows/2/ward|Oncology}"} {
		if rows[i][0] != want {
			t.Errorf("row %d: got %q, want %q", i, rows[i][0], want)
		}
	}
}

func TestChoicesAreConstantsWithDescriptions(t *testing.T) {
	t.Parallel()
	root, err := parseFields("verdict choice(pay: it is paid; deny: nothing is paid) | Verdict")
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(schemaJSON(root, "t", nullable))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"oneOf":[{"const":"pay","description":"it is paid"},{"const":"deny","description":"nothing is paid"},{"type":"null"}],"title":"Verdict"}`
	if !strings.Contains(string(b), want) {
		t.Errorf("got %s", b)
	}
	if _, err := parseFields("verdict choice(pay: it is paid"); err == nil {
		t.Error("a choice without its end is accepted")
	}
}
