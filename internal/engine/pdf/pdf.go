// Package pdf fills a JSON Schema from PDFs and other documents: the engine PDFExtractionEngine.
//
// The text of each file is read page by page, scans by OCR; batches of pages are asked about, several at once, with pictures of the
// pages when the model takes them, and their answers are merged in the order of files and pages. Without a schema the pages
// themselves are the answer.
package pdf

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/engine/pageselect"
	"github.com/stewardhq/steward/internal/engine/reading"
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
		Description: "Reads PDFs, scans included, in batches of pages and answers with JSON that matches output_schema. " +
			"What the pages do not state is null. Each value can carry its file, page, quote and place on the page, checked against the text. " +
			"Without a schema every page is the answer, as Markdown with its tables.",
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
		{Name: "pdf_files", Aliases: []string{"pdf_file"}, Kind: engine.KindFiles, Required: true, Bindable: true, Description: "The PDFs to read. Pictures, Word documents, Excel workbooks, web pages, e-mails, tables (CSV) and plain texts are read too."},
		{Name: "output_schema", Kind: engine.KindSchema, Description: "JSON Schema of the answer. Without one each page is the answer, as Markdown with its tables."},
		{Name: "batch_size", Kind: engine.KindInteger, Min: engine.Bound(1), Max: engine.Bound(50), Description: "Pages in one question to the model. Empty means 10; the builtin model then reads a file whole."},
		{Name: "use_source", Kind: engine.KindBoolean, Description: "Answer with the place of each value under _sources. Empty means that the builtin model does, which costs nothing."},
		{Name: "convert_to_images", Kind: engine.KindBoolean, Default: true, Description: "Show the model pictures of the pages beside their text. Models that take no pictures are given the text alone."},
		{Name: "dpi", Kind: engine.KindInteger, Default: 144, Min: engine.Bound(36), Max: engine.Bound(600), Description: "Resolution of the pictures of pages; their longer edge has 2048 pixels at most."},
		{Name: "page_filter", Kind: engine.KindText, Bindable: true, Check: checkFilter, Description: "Pages to read, in the words of PDFPageSelectionEngine, such as @PAGERANGE: 3, 5-15; @TOC: Annex A; the balance sheet. Empty means all."},
		{Name: "max_pages", Kind: engine.KindInteger, Default: 500, Min: engine.Bound(1), Max: engine.Bound(5000), Description: "A run that has to read more pages fails."},
		{Name: "password", Kind: engine.KindText, Bindable: true, Description: "Password of encrypted files."},
	}, engine.ModelParams()...)
}

// checkFilter reports what is wrong with a page_filter.
func checkFilter(s string) error {
	if err := pageselect.Check(s); err != nil {
		return fmt.Errorf("page_filter: %w", err)
	}
	return nil
}

// Run implements engine.Engine. Its steps are "file[i].open", "file[i].pages[a-b].text", "file[i].page[n].ocr" and, for the model,
// "file[i].pages[a-b].extract" or, without a schema, "file[i].page[n].markdown", where i counts files from 0 and a-b are the first and
// the last page of a batch; for page_filter those of pageselect.Select. With use_source it saves the pages that evidence points to as
// references "page_<file>_<page>.png", both counted from 1.
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
	l, err := newLoader(e.reader, run)
	if err != nil {
		return nil, err
	}
	if err := l.load(ctx, files); err != nil {
		return nil, err
	}
	if !run.Config.Has("output_schema") {
		return l.pagesAnswer(ctx)
	}
	return l.extract(ctx)
}

// extract asks about the pages that were read.
func (l *loader) extract(ctx context.Context) (*engine.Result, error) {
	sources := l.question.Sources(l.run.Config)
	parts := l.parts(batchSize(l.run.Config, l.info), answer.Room(l.info))
	got, err := l.question.Ask(ctx, parts, func(n int) { l.run.Progress(n, len(parts), "extracting") })
	if err != nil {
		return nil, err
	}
	var extras answer.Extras
	if sources {
		if extras, err = got.Extras(l.docs); err != nil {
			return nil, err
		}
	}
	if l.run.Config.Has("use_source") && sources {
		if extras.References, err = l.savePages(ctx, extras.Sources); err != nil {
			return nil, err
		}
	}
	extras.Warnings = append(l.warnings(), got.Warnings...)
	return answer.Compose(got.Value, extras)
}

// maxSaved is how many pages are saved as references.
const maxSaved = 200

// savePages saves the pages that evidence points to as references, in their order.
func (l *loader) savePages(ctx context.Context, sources []steward.Evidence) ([]answer.Reference, error) {
	pages := map[place]bool{}
	for _, s := range sources {
		if i := slices.IndexFunc(l.opened, func(f *reading.File) bool { return f.Index == s.FileIndex }); i >= 0 && s.Page > 0 && l.opened[i].HasLook() {
			pages[place{i, s.Page}] = true
		}
	}
	list := slices.SortedFunc(maps.Keys(pages), func(a, b place) int { return cmp.Or(a.doc-b.doc, a.page-b.page) })
	if len(list) > maxSaved {
		l.files.Note("Only the first %d of %d pages that values stand on are saved as references.", maxSaved, len(list))
		list = list[:maxSaved]
	}
	var refs []answer.Reference
	for _, p := range list {
		file := l.opened[p.doc]
		name := steward.ReferenceID(fmt.Sprintf("page_%d_%d.png", file.Index+1, p.page))
		ref, err := file.SavePicture(ctx, p.page, name, l.look())
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// defaultBatch is how many pages are asked about at once when the configuration does not say.
const defaultBatch = 10

// pictureBytes is how much text a picture of a page counts as, when it is reckoned what fits into a question.
const pictureBytes = 4500

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
			label := reading.Span(batch.Pages[0].Number, batch.Pages[len(batch.Pages)-1].Number)
			parts = append(parts, answer.Part{
				Step:      fmt.Sprintf("file[%d].pages[%s].extract", doc.FileIndex, label),
				Label:     fmt.Sprintf("Pages %s of %s", label, doc.Name),
				Documents: []grounding.Document{batch},
			})
			start, bytes = end, 0
		}
		for i, p := range doc.Pages {
			cost := len(p.Text)
			if p.Picture != nil {
				cost += pictureBytes
			}
			if i-start == size || bytes > 0 && bytes+cost > room {
				flush(i)
			}
			bytes += cost
		}
		flush(len(doc.Pages))
	}
	return parts
}
