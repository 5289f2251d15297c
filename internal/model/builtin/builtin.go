// Package builtin is the model that needs nothing: a deterministic reader that fills a JSON Schema only with what stands in
// the documents.
//
//	resp, err := builtin.New().Generate(ctx, &model.Request{Documents: docs, Schema: schema})
//
// It reads labelled values ("Invoice no: 17", a label above its value, key-value grids), typed patterns (dates, amounts,
// e-mail, phone, URL, IBAN, tax ids), enumerations, stated facts for booleans, lists, sections, blocks of a party under
// "Bill to", line items of tables, and the entries of a resume. The labels of a field come from its property name, title,
// description, the extension "x-labels" (a string or a list of strings) and a table of synonyms of business documents.
//
// It never invents. Every filled leaf has a claim whose quote stands on the page and contains what the value was read
// from; a leaf for which nothing stands is null when the schema admits null or requires the key, and is left out
// otherwise, so that an answer fails its schema only by a null for a required key. Arrays without elements are empty. A
// "const" is the schema's own word and has no claim.
//
// A place belongs to one party: what stands under "Bill to" is never the seller's, and two parties do not share one tax id,
// one e-mail address or one line. An object inside the schema that it refers to is filled only with what stands under its own
// name. A list of objects that is the whole answer holds one element when the documents plainly are one record.
//
// Dates are ISO 8601 for fields of format "date" or "date-time" and for fields named like a date; the order of day and
// month in numeric dates is judged by the other dates, currencies and spellings of the document and, when nothing speaks,
// such a date is not read. A date without its day (or year) stands as it is printed where the format admits that. The lines
// of a postal address are parted by line ends. Amounts of number fields are JSON numbers; those of string fields stand as they are printed.
//
// The same request always has the same answer. It costs nothing and counts no tokens.
package builtin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
)

// ID is the model's id in the catalogue and in responses.
const ID = "builtin"

// Model implements model.Model. The zero value is not usable; see New.
type Model struct {
	base *lexicon
}

// New returns the model. It is safe for concurrent use; keep one, as building it costs about a millisecond.
func New() *Model { return &Model{base: newLexicon()} }

// Generate implements model.Model. Without a schema the answer is a JSON string with those lines of the documents that
// share most words with the instruction, or the first lines when none does.
//
// Errors: ctx.Err(); *steward.Failure with FailInvalidConfig when the schema is not a JSON Schema object, with FailInternal
// when a document hits a bug of the reader, which then costs that answer and not the process.
func (m *Model) Generate(ctx context.Context, req *model.Request) (resp *model.Response, err error) {
	defer func() {
		if bug := recover(); bug != nil {
			resp, err = nil, &steward.Failure{
				Code: steward.FailInternal, Message: "The built-in model could not read the documents.", Err: fmt.Errorf("panic: %v\n%s", bug, debug.Stack()),
			}
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var ans answer
	if len(req.Schema) == 0 || string(req.Schema) == "null" {
		ans, err = m.freeText(ctx, req)
	} else {
		ans, err = m.structured(ctx, req)
	}
	if err != nil {
		return nil, err
	}
	return &model.Response{Value: ans.value, Claims: ans.claims, Usage: steward.Free(), Model: ID, Finish: model.FinishStop}, nil
}

func (m *Model) structured(ctx context.Context, req *model.Request) (answer, error) {
	root, err := parseSchema(req.Schema)
	if err != nil {
		return answer{}, &steward.Failure{
			Code: steward.FailInvalidConfig, Message: "The output schema cannot be read.", Err: fmt.Errorf("parse schema: %w", err),
		}
	}
	form := newForm(root, m.base)
	src, err := readPages(ctx, req.Documents, form.vocab)
	if err != nil {
		return answer{}, err
	}
	f := newFiller(ctx, form, src)
	if err := f.run(); err != nil {
		return answer{}, err
	}
	if list := f.bareList(); list != nil && len(f.tables[list]) == 0 {
		if ans, ok, err := m.single(ctx, req, list); ok || err != nil {
			return ans, err
		}
	}
	return f.answer(), nil
}

// jsonString encodes s; strings always encode.
func jsonString(s string) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return json.RawMessage("null")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
