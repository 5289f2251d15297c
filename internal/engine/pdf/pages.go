package pdf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/engine/reading"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// pageOutput is one page of the answer without a schema.
type pageOutput struct {
	PageNumber int      `json:"page_number"`
	FileIndex  *int     `json:"file_index,omitempty"` // only when there are several files
	Markdown   string   `json:"markdown"`
	Tables     []figure `json:"tables"`
	Charts     []figure `json:"charts"`
}

// figure is a table or a chart: rows of cells, the first row being the headings.
type figure struct {
	Name        string     `json:"name"`
	Description string     `json:"description"`
	Data        [][]string `json:"data"`
}

const pageTask = `Write this page down as Markdown: all of its text in reading order, headings as headings, lists as lists, tables as Markdown tables.
Leave out running heads and page numbers. Change no word and add none.
"tables" lists every table of the page once more: its name as it stands on the page ("" when it has none), what it shows in one
sentence, and "data", the rows from top to bottom as lists of cells, the first row being the headings. Cells are written as they stand there.
"charts" lists charts and diagrams in the same way, with the values that can be read off; [] when there is none.`

const pageSchema = `{"type":"object","additionalProperties":false,"required":["markdown","tables","charts"],"properties":{"markdown":{"type":"string"},
"tables":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["name","description","data"],"properties":{"name":{"type":"string"},
"description":{"type":"string"},"data":{"type":"array","items":{"type":"array","items":{"type":"string"}}}}}},
"charts":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["name","description","data"],"properties":{"name":{"type":"string"},
"description":{"type":"string"},"data":{"type":"array","items":{"type":"array","items":{"type":"string"}}}}}}}}`

// pagesAnswer answers with the pages themselves.
func (l *loader) pagesAnswer(ctx context.Context) (*engine.Result, error) {
	var pages []pageOutput
	var from []place
	for i := range l.docs {
		for k := range l.docs[i].Pages {
			out := l.plainPage(&l.docs[i].Pages[k])
			if len(l.docs) > 1 {
				out.FileIndex = &l.docs[i].FileIndex
			}
			pages, from = append(pages, out), append(from, place{i, k})
		}
	}
	if l.info.ID != model.BuiltinID {
		var done atomic.Int64
		err := reading.Each(len(pages), answer.Parallel, func(i int) error {
			if err := l.askPage(ctx, from[i], &pages[i]); err != nil {
				return err
			}
			l.run.Progress(int(done.Add(1)), len(pages), "reading pages")
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	value, err := json.Marshal(map[string]any{"pages": pages})
	if err != nil {
		return nil, fmt.Errorf("encode pages: %w", err)
	}
	return answer.Compose(value, answer.Extras{Warnings: l.warnings()})
}

// place is a page among the documents.
type place struct{ doc, page int }

// plainPage is a page as it is read without a model: its text, and the tables that its layout shows.
func (l *loader) plainPage(p *grounding.Page) pageOutput {
	return pageOutput{PageNumber: p.Number, Markdown: strings.TrimRight(p.Text, "\n"), Tables: tablesOf(p), Charts: []figure{}}
}

// askPage lets the model write a page down, as the step "file[i].page[n].markdown". A page that it cannot write down stays as it was
// read, with a warning.
func (l *loader) askPage(ctx context.Context, at place, out *pageOutput) error {
	doc := l.docs[at.doc]
	page := doc.Pages[at.page]
	if page.Text == "" && page.Picture == nil {
		return nil // there is nothing to be shown
	}
	doc.Pages = []grounding.Page{page}
	task, q := pageTask, l.question
	if s := strings.TrimSpace(q.Instruction); s != "" {
		task += "\nWhat the reader asks for besides:\n" + s
	}
	resp, err := model.AskWith(ctx, q.Model, &model.Request{
		Step: fmt.Sprintf("file[%d].page[%d].markdown", doc.FileIndex, page.Number), Instruction: task, Documents: []grounding.Document{doc},
		Schema: json.RawMessage(pageSchema), Temperature: q.Temperature, ReasoningEffort: q.ReasoningEffort, MaxOutputTokens: q.MaxOutputTokens,
	}, model.AskOptions{Relaxed: true, MaxOutput: q.MaxAnswer})
	var f *steward.Failure
	switch {
	case errors.As(err, &f) && !f.Transient && (f.Code == steward.FailContextOverflow || f.Code == steward.FailSchemaMismatch):
		l.unwritten(page.Number, doc.Name)
		return nil
	case f != nil && f.Code == steward.FailModelRefused:
		return &steward.Failure{Code: f.Code, Message: fmt.Sprintf("Page %d of %s: %s", page.Number, doc.Name, f.Message), Err: err}
	case err != nil:
		return err
	}
	l.files.NoteAnswer(resp)
	var got struct {
		Markdown *string
		Tables   []figure
		Charts   []figure
	}
	if err := json.Unmarshal(resp.Value, &got); err != nil {
		return fmt.Errorf("read page %d as the model wrote it: %w", page.Number, err)
	}
	tables, charts := tidied(got.Tables), tidied(got.Charts)
	if got.Markdown == nil || page.Text != "" && strings.TrimSpace(*got.Markdown) == "" && len(tables)+len(charts) == 0 {
		l.unwritten(page.Number, doc.Name)
		return nil
	}
	out.Markdown, out.Tables, out.Charts = *got.Markdown, tables, charts
	return nil
}

// unwritten notes a page that stays as it was read.
func (l *loader) unwritten(page int, name string) {
	l.files.Note("The model could not write down page %d of %s; its text stands there as it was read.", page, name)
}

// tidied replaces what is absent by what is empty, and leaves out figures that say nothing.
func tidied(list []figure) []figure {
	out := []figure{}
	for _, f := range list {
		if f.Name == "" && f.Description == "" && len(f.Data) == 0 {
			continue
		}
		rows := make([][]string, len(f.Data))
		for i, row := range f.Data {
			rows[i] = append([]string{}, row...)
		}
		f.Data = rows
		out = append(out, f)
	}
	return out
}
