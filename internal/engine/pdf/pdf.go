// Package pdf fills a JSON Schema from PDFs: the engine PDFExtractionEngine.
//
// The text layer of each file is read page by page; batches of pages are asked about, several at once, and their answers are
// merged in the order of files and pages. Without a schema the pages themselves are the answer. Page images are not
// sent to models: a file that is nothing but pictures is refused.
package pdf

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// ClassID is the engine's id on the wire.
const ClassID = "PDFExtractionEngine"

// Engine extracts from PDFs.
type Engine struct {
	reader *document.Reader
}

// New returns the engine, which reads with reader. The caller closes reader.
func New(reader *document.Reader) *Engine { return &Engine{reader: reader} }

// Type implements engine.Engine.
func (*Engine) Type() steward.EngineType {
	return steward.EngineType{
		ClassID:     ClassID,
		DisplayName: "Document Insights",
		Summary:     "Fills a schema from PDFs.",
		Description: "Reads the text layer of PDFs in batches of pages and answers with JSON that matches output_schema. " +
			"What the pages do not state is null. Each value can carry its file, page, quote and place on the page, checked against the text. " +
			"Without a schema the text of every page is the answer.",
		Categories: []string{"extraction"},
		DefaultInputDefinitions: []steward.InputDefinition{{
			Key: "pdf_files", DataType: "application/pdf", Description: "The PDFs to extract from.", AcceptsMultipleFiles: true,
		}},
		Outputs:      []steward.Datum{{Key: "output", Description: "The extracted data as JSON.", DataType: "application/json"}},
		SupportsEval: true,
	}
}

// Params implements engine.Engine.
func (*Engine) Params() []engine.Param {
	return append([]engine.Param{
		{Name: "instructions", Aliases: []string{"instruction"}, Kind: engine.KindText, Required: true, Bindable: true, Description: "What to extract and how, in words."},
		{Name: "pdf_files", Aliases: []string{"pdf_file"}, Kind: engine.KindFiles, Required: true, Bindable: true, Description: "The PDFs to read."},
		{Name: "output_schema", Kind: engine.KindSchema, Description: "JSON Schema of the answer. Without one the text of each page is the answer."},
		{Name: "batch_size", Kind: engine.KindInteger, Min: engine.Bound(1), Max: engine.Bound(50), Description: "Pages in one question to the model. Empty means 10; the builtin model then reads a file whole."},
		{Name: "use_source", Kind: engine.KindBoolean, Description: "Answer with the place of each value under _sources. Empty means that the builtin model does, which costs nothing."},
		{Name: "convert_to_images", Kind: engine.KindBoolean, Description: "Accepted and ignored: page images are not sent to models yet."},
		{Name: "dpi", Kind: engine.KindInteger, Min: engine.Bound(36), Max: engine.Bound(600), Description: "Accepted and ignored, as convert_to_images is."},
		{Name: "page_filter", Kind: engine.KindText, Bindable: true, Check: checkFilter, Description: "Pages to read, such as @PAGERANGE: 3, 5-15. Empty means all."},
		{Name: "max_pages", Kind: engine.KindInteger, Default: 500, Min: engine.Bound(1), Max: engine.Bound(5000), Description: "A run that has to read more pages fails."},
		{Name: "password", Kind: engine.KindText, Bindable: true, Description: "Password of encrypted files."},
	}, engine.ModelParams()...)
}

// checkFilter reports what is wrong with a page_filter.
func checkFilter(s string) error {
	_, err := parseFilter(s)
	return err
}

// Run implements engine.Engine. Its steps are "file[i].open", "file[i].pages[a-b].text" and, for the model,
// "file[i].pages[a-b].extract", where i counts files from 0 and a-b are the first and the last page of a batch.
//
// Errors: *steward.Failure with FailInvalidConfig for a filter that selects nothing, too many pages and a schema that cannot be
// used, FailUnsupportedFile and FailFileEncrypted for files, those of the model, which name the pages.
func (e *Engine) Run(ctx context.Context, run *engine.Run) (*engine.Result, error) {
	files, err := run.Files(ctx, "pdf_files")
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, &steward.Failure{Code: steward.FailMissingInput, Message: "pdf_files names no file."}
	}
	l := &loader{reader: e.reader, run: run}
	if err := l.load(ctx, files); err != nil {
		return nil, err
	}
	extras := answer.Extras{Warnings: l.warnings()}
	if !run.Config.Has("output_schema") {
		return pagesOutput(l.docs, extras)
	}
	return l.extract(ctx, extras)
}

// extract asks about the pages that were read.
func (l *loader) extract(ctx context.Context, extras answer.Extras) (*engine.Result, error) {
	run := l.run
	question, info, err := answer.NewQuestion(run, run.Config.String("instructions"), run.Config.Raw("output_schema"))
	if err != nil {
		return nil, err
	}
	sources := question.Sources(run.Config)
	parts := l.parts(batchSize(run.Config, info), answer.Room(info))
	got, err := question.Ask(ctx, parts, func(n int) { run.Progress(n, len(parts), "extracting") })
	if err != nil {
		return nil, err
	}
	if sources {
		if extras.Sources, err = answer.Sources(l.docs, got.Value, got.Claims); err != nil {
			return nil, err
		}
	}
	return answer.Compose(got.Value, extras)
}

// defaultBatch is how many pages are asked about at once when the configuration does not say.
const defaultBatch = 10

// batchSize is how many pages are asked about at once. The builtin model judges a document as a whole (tables over several pages,
// the order of day and month), so it is given whole files unless the configuration says otherwise.
func batchSize(c engine.Config, info steward.LanguageModel) int {
	switch {
	case c.Has("batch_size"):
		return c.Int("batch_size")
	case info.ID == model.BuiltinID:
		return math.MaxInt
	}
	return defaultBatch
}

// parts cuts the documents into batches of at most size pages and about room bytes.
func (l *loader) parts(size, room int) []answer.Part {
	var parts []answer.Part
	for _, doc := range l.docs {
		start, bytes := 0, 0
		flush := func(end int) {
			if end == start {
				return
			}
			batch := doc
			batch.Pages = doc.Pages[start:end]
			label := span(batch.Pages[0].Number, batch.Pages[len(batch.Pages)-1].Number)
			parts = append(parts, answer.Part{
				Step:      fmt.Sprintf("file[%d].pages[%s].extract", doc.FileIndex, label),
				Label:     fmt.Sprintf("Pages %s of %s", label, doc.Name),
				Documents: []grounding.Document{batch},
			})
			start, bytes = end, 0
		}
		for i, p := range doc.Pages {
			if i-start == size || bytes > 0 && bytes+len(p.Text) > room {
				flush(i)
			}
			bytes += len(p.Text)
		}
		flush(len(doc.Pages))
	}
	return parts
}

// span writes a range of pages.
func span(from, to int) string { return fmt.Sprintf("%d-%d", from, to) }

// pageOutput is one page of the answer without a schema.
type pageOutput struct {
	PageNumber int      `json:"page_number"`
	FileIndex  *int     `json:"file_index,omitempty"` // only when there are several files
	Markdown   string   `json:"markdown"`
	Tables     []string `json:"tables"` // always empty: tables stand in the text
	Charts     []string `json:"charts"` // always empty: pictures are not read
}

// pagesOutput answers with the text of the pages.
func pagesOutput(docs []grounding.Document, extras answer.Extras) (*engine.Result, error) {
	pages := []pageOutput{}
	for i := range docs {
		for _, p := range docs[i].Pages {
			out := pageOutput{PageNumber: p.Number, Markdown: strings.TrimRight(p.Text, "\n"), Tables: []string{}, Charts: []string{}}
			if len(docs) > 1 {
				out.FileIndex = &docs[i].FileIndex
			}
			pages = append(pages, out)
		}
	}
	value, err := json.Marshal(map[string]any{"pages": pages})
	if err != nil {
		return nil, fmt.Errorf("encode pages: %w", err)
	}
	return answer.Compose(value, extras)
}
