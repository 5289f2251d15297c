package answer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// defaultLeaves is how many values one question asks for unless Question says otherwise.
const defaultLeaves = 100

// What a value takes of an answer, in tokens, and the fewest values that a part of a schema has for that reason.
const (
	tokensPerLeaf    = 30
	tokensPerQuote   = 60
	fewestPerAnswer  = 10
	fewestPerHalving = 2
)

// field is a part of the schema that is asked for in its own step.
type field struct {
	schema *model.Schema
	suffix string // of the step; "" when it is the whole schema
}

// maxLeaves is how many values are asked for at once: MaxLeaves, or fewer when the model's answers are short.
func (q *Question) maxLeaves() int {
	most := q.MaxLeaves
	if most == 0 {
		most = defaultLeaves
	}
	if most > 0 && q.MaxAnswer > 0 {
		each := int64(tokensPerLeaf)
		if q.Evidence {
			each += tokensPerQuote
		}
		most = min(most, int(max(min(q.MaxAnswer/each, defaultLeaves), fewestPerAnswer)))
	}
	return most
}

// fields cuts the schema into parts of at most most values.
func (q *Question) fields(schema *model.Schema, most int) ([]field, error) {
	list, err := schema.Split(most)
	if err != nil {
		return nil, err
	}
	if len(list) == 1 {
		return []field{{schema: schema}}, nil
	}
	out := make([]field, len(list))
	for i, f := range list {
		part, err := model.CompileSchema(f.Schema)
		if err != nil {
			return nil, fmt.Errorf("split the schema: %w", err)
		}
		out[i] = field{part, fmt.Sprintf(".fields[%d-%d]", f.From, f.To)}
	}
	return out, nil
}

// ask asks about one part for one field. A panic is an error: it must not take the process, and other runs, with it.
func (q *Question) ask(ctx context.Context, p Part, f field) (spans []span, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in step %s: %v\n%s", p.Step, v, debug.Stack())
		}
	}()
	p.Step += f.suffix
	return q.askSpan(ctx, p, f.schema)
}

// askSpan asks about a run of pages, and about its halves when it is too long or its answer is.
func (q *Question) askSpan(ctx context.Context, p Part, schema *model.Schema) ([]span, error) {
	resp, err := model.AskWith(ctx, q.Model, &model.Request{
		Step: p.Step, Instruction: q.Instruction, Documents: p.Documents, Schema: schema.Source(), Evidence: q.Evidence,
		Temperature: q.Temperature, ReasoningEffort: q.ReasoningEffort, MaxOutputTokens: q.MaxOutputTokens, ImageDetail: q.ImageDetail,
	}, model.AskOptions{Relaxed: true, MaxOutput: q.MaxAnswer, Compiled: schema})
	if err == nil {
		return []span{{resp}}, nil
	}
	var f *steward.Failure
	if !errors.As(err, &f) || f.Code != steward.FailContextOverflow || len(p.Step) > maxStep {
		return nil, err
	}
	if pieces := cut(p.Documents); len(pieces) > 1 {
		var spans []span
		for i, docs := range pieces {
			half := Part{Step: fmt.Sprintf("%s.half[%d]", p.Step, i), Documents: docs}
			got, err := q.askSpan(ctx, half, schema)
			if err != nil {
				return nil, err
			}
			spans = append(spans, got...)
		}
		return spans, nil
	}
	if !errors.Is(err, model.ErrCut) || q.MaxLeaves < 0 {
		return nil, err
	}
	return q.askFields(ctx, p, schema, err)
}

// maxStep is the longest name, in bytes, of a step that is cut further; the suffixes of its parts and their tries must fit behind it.
const maxStep = 160

// askFields asks about pages that cannot be cut for the halves of the schema. cause is returned when that cannot be cut either.
func (q *Question) askFields(ctx context.Context, p Part, schema *model.Schema, cause error) ([]span, error) {
	n := schema.Leaves()
	if n < fewestPerHalving {
		return nil, cause
	}
	halves, err := q.fields(schema, (n+1)/2)
	if err != nil {
		return nil, err
	}
	if len(halves) < 2 {
		return nil, cause
	}
	var all span
	for _, h := range halves {
		part := p
		part.Step += h.suffix
		got, err := q.askSpan(ctx, part, h.schema)
		if err != nil {
			return nil, err
		}
		for _, s := range got {
			all = append(all, s...)
		}
	}
	return []span{all}, nil
}

// minText is the shortest text that is cut, in bytes.
const minText = 2000

// cut divides documents in the middle of their pages; a single page in the middle of its text. The result is one part when that
// is not possible.
func cut(docs []grounding.Document) [][]grounding.Document {
	pages := 0
	for i := range docs {
		pages += len(docs[i].Pages)
	}
	if pages == 1 {
		return cutPage(docs)
	}
	var first, second []grounding.Document
	left := pages / 2
	for _, d := range docs {
		n := min(left, len(d.Pages))
		left -= n
		if head := d; n > 0 {
			head.Pages = d.Pages[:n]
			first = append(first, head)
		}
		if tail := d; n < len(d.Pages) {
			tail.Pages = d.Pages[n:]
			second = append(second, tail)
		}
	}
	if len(first) == 0 || len(second) == 0 {
		return [][]grounding.Document{docs}
	}
	return [][]grounding.Document{first, second}
}

// cutPage divides the text of the only page. Its picture, which cannot be cut, goes with each part.
func cutPage(docs []grounding.Document) [][]grounding.Document {
	for _, d := range docs {
		if len(d.Pages) == 0 {
			continue
		}
		page := d.Pages[0]
		if len(page.Text) < minText {
			break
		}
		var out [][]grounding.Document
		for _, text := range SplitText(page.Text, len(page.Text)*11/20) {
			piece := d
			part := page
			part.Text, part.Words = text, nil // places are looked up in the document itself
			piece.Pages = []grounding.Page{part}
			out = append(out, []grounding.Document{piece})
		}
		return out
	}
	return [][]grounding.Document{docs}
}
