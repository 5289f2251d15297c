package pageselect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/engine/reading"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// How many pages a model is shown at once.
const (
	blockPages   = 20   // by their text
	confirmPages = 8    // by their pictures
	pictureBytes = 4500 // of text that a picture counts as
)

const contentsTask = `List the table of contents of this document.
If a table of contents is printed on these pages, list its entries in their order; "page" is the page number as it is printed.
If none is printed, list the headings that you see; "page" is then the number in the page marker.
"level" is 1 for the outermost entries. "printed" says whether a table of contents is printed.`

const contentsSchema = `{"type":"object","additionalProperties":false,"required":["printed","entries"],"properties":{"printed":{"type":"boolean"},
"entries":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["title","level","page"],
"properties":{"title":{"type":"string"},"level":{"type":"integer"},"page":{"type":"integer"}}}}}}`

const findTask = `Which of these pages does the description mean? A page is meant when it shows what is described, or goes on with it.
List every such page with its number from the page marker, the reason in a few words, and your confidence from 0 to 1.
List pages that may be meant with a low confidence. An empty list is a good answer when none is.
The description:
`

const confirmTask = `Each of these pages may be one that the description means. Look at it, and say for each page whether it is: "meant", the
reason in a few words, and your confidence from 0 to 1.
The description:
`

const findSchema = `{"type":"object","additionalProperties":false,"required":["pages"],"properties":{"pages":{"type":"array","items":{"type":"object",
"additionalProperties":false,"required":["page_number","reason","confidence"],"properties":{"page_number":{"type":"integer"},"reason":{"type":"string"},
"confidence":{"type":"number"}}}}}}`

const confirmSchema = `{"type":"object","additionalProperties":false,"required":["pages"],"properties":{"pages":{"type":"array","items":{"type":"object",
"additionalProperties":false,"required":["page_number","meant","reason","confidence"],"properties":{"page_number":{"type":"integer"},
"meant":{"type":"boolean"},"reason":{"type":"string"},"confidence":{"type":"number"}}}}}}`

// verdict is a model's word about a page.
type verdict struct {
	Page       *int     `json:"page_number"`
	Meant      *bool    `json:"meant"`
	Reason     string   `json:"reason"`
	Confidence *float64 `json:"confidence"`
}

// confidence is the model's, from 0 to 1; one half when it says nothing.
func (v *verdict) confidence() float64 {
	if v.Confidence == nil {
		return 0.5
	}
	return round(*v.Confidence)
}

// request is a question about pages with what the run's configuration says.
func (f *finder) request(q *answer.Question, step, task, schema string, pages []grounding.Page) *model.Request {
	return &model.Request{
		Step: step, Instruction: task, Schema: json.RawMessage(schema), Documents: []grounding.Document{f.File.Document(pages)},
		Temperature: q.Temperature, ReasoningEffort: q.ReasoningEffort, MaxOutputTokens: q.MaxOutputTokens, ImageDetail: q.ImageDetail,
	}
}

// askForContents is the table that the model makes of the first pages; none when the model is builtin.
func (f *finder) askForContents(ctx context.Context) (table, error) {
	q, err := f.model()
	if err != nil || q == nil {
		return table{}, err
	}
	if err := f.scan(ctx); err != nil {
		return table{}, err
	}
	pages := f.shown(f.pages[:min(len(f.pages), contentsPages)])
	resp, err := model.AskWith(ctx, q.Model, f.request(q, fmt.Sprintf("file[%d].toc", f.File.Index), contentsTask, contentsSchema, pages),
		model.AskOptions{MaxOutput: q.MaxAnswer})
	if isPassedOver(err) {
		f.Files.Note("The model could not list the contents of %s.", f.File.Name)
		return table{}, nil
	}
	if err != nil {
		return table{}, err
	}
	f.Files.NoteAnswer(resp)
	var got struct {
		Printed bool `json:"printed"`
		Entries []struct {
			Title string `json:"title"`
			Level int    `json:"level"`
			Page  int    `json:"page"`
		} `json:"entries"`
	}
	if err := json.Unmarshal(resp.Value, &got); err != nil {
		return table{}, fmt.Errorf("read the table of contents: %w", err)
	}
	t := table{what: "table of contents as the model reads it", trust: 0.7}
	var list []printed
	for _, e := range got.Entries[:min(len(got.Entries), maxEntries)] {
		list = append(list, printed{title: e.Title, label: e.Page})
		t.entries = append(t.entries, document.Heading{Title: e.Title, Level: max(e.Level, 1), Page: e.Page})
	}
	if got.Printed {
		moved, _ := resolve(list, f.pages, f.File.Pages)
		for i := range moved {
			t.entries[i].Page = moved[i].Page
		}
	}
	return t, nil
}

// isPassedOver reports whether a model's failure is no reason to end the run: it did not answer the question, and would not.
func isPassedOver(err error) bool {
	var f *steward.Failure
	return errors.As(err, &f) && !f.Transient &&
		(f.Code == steward.FailSchemaMismatch || f.Code == steward.FailModelRefused || f.Code == steward.FailContextOverflow)
}

// shown returns pages as the model is shown them by their text: with a picture where there is none, if it sees pictures.
func (f *finder) shown(pages []grounding.Page) []grounding.Page {
	out := slices.Clone(pages)
	for i := range out {
		if out[i].Text == "" && f.seesPictures() {
			f.File.Show(out[i:i+1], document.PictureOptions{DPI: f.DPI})
		}
	}
	return out
}

// askAbout asks which pages a description means, by their text, then by their pictures.
func (f *finder) askAbout(ctx context.Context, q *answer.Question, description string, pages []grounding.Page) ([]Range, error) {
	blocks := f.blocks(f.shown(pages))
	found := make([][]Range, len(blocks))
	done := make(chan struct{}, len(blocks))
	err := reading.Each(len(blocks), answer.Parallel, func(i int) (err error) {
		found[i], err = f.askBlock(ctx, q, description, blocks[i])
		done <- struct{}{}
		if err == nil && f.Progress != nil {
			f.Progress(len(done), len(blocks))
		}
		return err
	})
	return slices.Concat(found...), err
}

// blocks cuts pages into what the model is shown at once.
func (f *finder) blocks(pages []grounding.Page) [][]grounding.Page {
	room := answer.Room(f.info)
	var out [][]grounding.Page
	start, size := 0, 0
	for i := range pages {
		cost := len(pages[i].Text)
		if pages[i].Picture != nil {
			cost += pictureBytes
		}
		if i > start && (i-start == blockPages || size+cost > room) {
			out = append(out, pages[start:i])
			start, size = i, 0
		}
		size += cost
	}
	return append(out, pages[start:])
}

// askBlock asks about some pages, and about each half when they are too many.
func (f *finder) askBlock(ctx context.Context, q *answer.Question, description string, pages []grounding.Page) ([]Range, error) {
	step := fmt.Sprintf("file[%d].semantic[%s]", f.File.Index, reading.Span(pages[0].Number, pages[len(pages)-1].Number))
	verdicts, err := f.ask(ctx, q, f.request(q, step, findTask+description, findSchema, pages))
	var fail *steward.Failure
	if errors.As(err, &fail) && fail.Code == steward.FailContextOverflow && len(pages) > 1 {
		half := len(pages) / 2
		first, err := f.askBlock(ctx, q, description, pages[:half])
		if err != nil {
			return nil, err
		}
		second, err := f.askBlock(ctx, q, description, pages[half:])
		return append(first, second...), err
	}
	if err != nil {
		return nil, named(err, f.File.Name, pages)
	}
	candidates := f.ranged(verdicts, pages)
	if !f.seesPictures() || !f.File.HasLook() {
		return candidates, nil
	}
	return f.confirm(ctx, q, description, candidates, pages)
}

// confirm shows the model the pictures of the candidates among pages and keeps those that it confirms.
func (f *finder) confirm(ctx context.Context, q *answer.Question, description string, candidates []Range, pages []grounding.Page) ([]Range, error) {
	var out []Range
	for batch := range slices.Chunk(candidates, confirmPages) {
		var shown []grounding.Page
		for _, c := range batch {
			i := slices.IndexFunc(pages, func(p grounding.Page) bool { return p.Number == c.Start })
			shown = append(shown, pages[i])
		}
		f.File.Show(shown, document.PictureOptions{DPI: f.DPI})
		step := fmt.Sprintf("file[%d].semantic[%s].confirm", f.File.Index, reading.Span(shown[0].Number, shown[len(shown)-1].Number))
		verdicts, err := f.ask(ctx, q, f.request(q, step, confirmTask+description, confirmSchema, shown))
		switch {
		case isPassedOver(err):
			f.Files.Note("The model did not confirm the pages %d to %d of %s by their pictures; they are selected by their text.", shown[0].Number, shown[len(shown)-1].Number, f.File.Name)
			out = append(out, batch...)
			continue
		case err != nil:
			return nil, named(err, f.File.Name, shown)
		}
		meant := slices.DeleteFunc(verdicts, func(v verdict) bool { return v.Meant == nil || !*v.Meant })
		out = append(out, f.ranged(meant, shown)...)
	}
	return out, nil
}

// ask asks for verdicts.
func (f *finder) ask(ctx context.Context, q *answer.Question, req *model.Request) ([]verdict, error) {
	resp, err := model.AskWith(ctx, q.Model, req, model.AskOptions{MaxOutput: q.MaxAnswer})
	if err != nil {
		return nil, err
	}
	f.Files.NoteAnswer(resp)
	var got struct {
		Pages []verdict `json:"pages"`
	}
	if err := json.Unmarshal(resp.Value, &got); err != nil {
		return nil, fmt.Errorf("read the model's choice of pages: %w", err)
	}
	return got.Pages, nil
}

// ranged makes ranges of verdicts about pages: rising, each page once, others than the pages shown left out.
func (f *finder) ranged(verdicts []verdict, pages []grounding.Page) []Range {
	var out []Range
	for i := range pages {
		n := pages[i].Number
		k := slices.IndexFunc(verdicts, func(v verdict) bool { return v.Page != nil && *v.Page == n })
		if k < 0 {
			continue
		}
		v := &verdicts[k]
		out = append(out, Range{Start: n, End: n, Source: Semantic, Reason: clipReason(v.Reason), Confidence: v.confidence()})
	}
	return out
}

// clipReason shortens a model's words and folds their white space.
func clipReason(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxReason/2 {
		return string(r[:maxReason/2]) + "…"
	}
	return s
}

// named puts the pages before the message of a model's failure.
func named(err error, file string, pages []grounding.Page) error {
	var f *steward.Failure
	if !errors.As(err, &f) || f.Code == steward.FailCancelled || f.Code == steward.FailCostLimit || f.Code == steward.FailTimeout {
		return err
	}
	about := *f
	about.Message = fmt.Sprintf("Pages %s of %s: %s", reading.Span(pages[0].Number, pages[len(pages)-1].Number), file, f.Message)
	about.Err = err
	return &about
}
