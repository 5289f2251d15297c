// Package extracteval measures how well something fills JSON Schemas from documents. It is for tests and benchmarks.
//
// A corpus is a folder with one folder per document: document.pdf or document.txt, schema.json (what is asked for),
// expected.json (the answer that is right, null or missing where nothing stands in the document) and fields.json (for each leaf of
// that answer: what type it is of, and the page and words where it stands). Measure asks an Extract for every document, compares
// the answers leaf by leaf and gives a Report:
//
//	cases, err := extracteval.Load("testdata/corpus")
//	report := extracteval.Measure(ctx, cases, extract)
//	fmt.Print(report.Markdown())
//	if report.Verbatim.F1() < 0.80 { … }
//
// How leaves are compared is said at Score, what the figures mean at Figures. Everything here is deterministic: the same
// answers give the same report.
package extracteval

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/stewardhq/steward"
)

// Case is one document of a corpus with its question and its right answer.
type Case struct {
	Name        string          // name of its folder, unique in the corpus, such as invoice-01-colon-us
	Kind        string          // invoice, receipt, resume, listing, alert or contract
	Lang        string          // language of the labels, such as de; "" means English
	Source      string          // path of the document
	ContentType string          // application/pdf or text/plain
	Schema      json.RawMessage // JSON Schema of an object
	Expected    json.RawMessage // valid under Schema
	Fields      []Field         // the leaves of Expected, absent ones included, in the order of the schema
}

// Field labels one leaf of the expected answer.
type Field struct {
	Path      string  `json:"path"`       // JSON Pointer into the expected answer
	Class     Class   `json:"class"`      // what the report groups it by
	ItemClass Class   `json:"item_class"` // how it is compared when Class is line_item; "" otherwise
	Verbatim  bool    `json:"verbatim"`   // the value stands in the document, as such or as another written form of it
	Page      *int    `json:"page"`       // 1-based, 0 in a text without pages; nil when the value stands nowhere
	Quote     string  `json:"quote"`      // the words of the document, white space folded; "" when Page is nil
	Also      []Place `json:"also"`       // further spots where the same value stands
}

// Place is a spot of a document.
type Place struct {
	Page  int    `json:"page"`
	Quote string `json:"quote"`
}

// compareAs is the class that says how the field's values are compared.
func (f *Field) compareAs() Class {
	if f.ItemClass != "" {
		return f.ItemClass
	}
	return f.Class
}

// places lists every spot where the value stands.
func (f *Field) places() []Place {
	if f.Page == nil {
		return nil
	}
	return append([]Place{{*f.Page, f.Quote}}, f.Also...)
}

// Class is a type of field.
type Class string

// The classes, in the order in which reports list them.
const (
	Text     Class = "text"
	Date     Class = "date" // dates, and times with a date
	Amount   Class = "amount"
	Number   Class = "number"
	Currency Class = "currency"
	Email    Class = "email"
	Phone    Class = "phone"
	URL      Class = "url"
	IBAN     Class = "iban"
	TaxID    Class = "tax_id"
	Enum     Class = "enum"
	Boolean  Class = "boolean"
	List     Class = "list"      // items of an array of scalars
	LineItem Class = "line_item" // leaves of an array of objects
)

// Classes returns all classes in the order of reports.
func Classes() []Class {
	return []Class{Text, Date, Amount, Number, Currency, Email, Phone, URL, IBAN, TaxID, Enum, Boolean, List, LineItem}
}

// Extract answers a case: the filled schema, and where its values come from. An error counts as an answer that has nothing.
type Extract func(ctx context.Context, c Case) (value json.RawMessage, evidence []steward.Evidence, err error)

// Load reads a corpus folder. Folders without a fields.json are not documents and are passed over. The cases come in the order of
// their names; none at all is an error, since a measurement of nothing proves nothing.
func Load(dir string) ([]Case, error) {
	marks, err := filepath.Glob(filepath.Join(dir, "*", "fields.json"))
	if err != nil {
		return nil, fmt.Errorf("load corpus: %w", err)
	}
	if len(marks) == 0 {
		return nil, fmt.Errorf("load corpus: no documents in %s", dir)
	}
	slices.Sort(marks)
	cases := make([]Case, 0, len(marks))
	for _, mark := range marks {
		c, err := loadCase(filepath.Dir(mark))
		if err != nil {
			return nil, fmt.Errorf("load corpus: %s: %w", filepath.Base(filepath.Dir(mark)), err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

func loadCase(dir string) (Case, error) {
	c := Case{Name: filepath.Base(dir)}
	var labels struct {
		Kind   string  `json:"kind"`
		Lang   string  `json:"lang"`
		Source string  `json:"source"`
		Fields []Field `json:"fields"`
	}
	raw, err := os.ReadFile(filepath.Join(dir, "fields.json")) //nolint:gosec // G304: the caller names the folder
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(raw, &labels); err != nil {
		return c, fmt.Errorf("fields.json: %w", err)
	}
	c.Kind, c.Lang, c.Fields = labels.Kind, labels.Lang, labels.Fields
	c.Source = filepath.Join(dir, labels.Source)
	switch filepath.Ext(labels.Source) {
	case ".pdf":
		c.ContentType = "application/pdf"
	case ".txt":
		c.ContentType = "text/plain"
	default:
		return c, fmt.Errorf("fields.json: source %q is neither .pdf nor .txt", labels.Source)
	}
	if _, err := os.Stat(c.Source); err != nil {
		return c, err
	}
	if c.Schema, err = os.ReadFile(filepath.Join(dir, "schema.json")); err != nil { //nolint:gosec // G304: the caller names the folder
		return c, err
	}
	c.Expected, err = os.ReadFile(filepath.Join(dir, "expected.json")) //nolint:gosec // G304: the caller names the folder
	return c, err
}

// Measure asks extract for every case, one after the other, and scores the answers. A case whose extract fails, or answers with
// something that is not JSON, counts with everything missed, and its error stands in its Result. Measure stops early only when ctx
// ends; the report then covers the cases done so far and the rest as failed.
func Measure(ctx context.Context, cases []Case, extract Extract) *Report {
	report := &Report{}
	for _, c := range cases {
		report.Add(measureCase(ctx, c, extract))
	}
	return report
}

func measureCase(ctx context.Context, c Case, extract Extract) Result {
	if err := ctx.Err(); err != nil {
		return failed(c, err)
	}
	value, evidence, err := extract(ctx, c)
	if err != nil {
		return failed(c, err)
	}
	result, err := Score(c, value, evidence)
	if err != nil {
		return failed(c, err)
	}
	return result
}

// failed is the result of a case that has no answer.
func failed(c Case, cause error) Result {
	result, err := Score(c, json.RawMessage("{}"), nil)
	if err != nil {
		result = Result{Name: c.Name, Kind: c.Kind}
	}
	result.Err = cause
	return result
}
