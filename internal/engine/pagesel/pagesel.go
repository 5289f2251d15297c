// Package pagesel finds the pages of a document that a description means: the engine PDFPageSelectionEngine.
//
// A description may name page ranges, entries of the table of contents, and what pages are about; see package pageselect. Ranges and
// tables of contents need no model; what pages are about is judged by the model from their text and, when it takes pictures, confirmed
// by how they look. The builtin model goes by words and headings.
package pagesel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/engine/pageselect"
	"github.com/stewardhq/steward/internal/engine/reading"
)

// ClassID is the engine's id on the wire.
const ClassID = "PDFPageSelectionEngine"

// Engine selects pages.
type Engine struct {
	reader *document.Reader
}

// New returns the engine, which reads with reader. The caller closes reader.
func New(reader *document.Reader) *Engine { return &Engine{reader: reader} }

// Type implements engine.Engine.
func (*Engine) Type() steward.EngineType {
	return steward.EngineType{
		ClassID:     ClassID,
		DisplayName: "Document Segmentation",
		Summary:     "Finds the pages that a description means.",
		Description: "Reads a PDF and answers with the ranges of pages that page_description means: page ranges (@PAGERANGE: 3, 5-15), entries of " +
			"the table of contents (@TOC: Annex A), and what pages are about in plain words, in any mixture. Each range says why it was chosen.",
		Categories: []string{"extraction"},
		DefaultInputDefinitions: []steward.InputDefinition{
			{Key: "pdf_file", DataType: "application/pdf", Description: "The PDF to look through."},
			{Key: "page_description", DataType: "text/plain", Description: "The pages to find.", Example: "@PAGERANGE: 1-3; @TOC: Annex A\nthe balance sheet"},
		},
		Outputs:      []steward.Datum{{Key: "output", Description: "The ranges of pages as JSON.", DataType: "application/json"}},
		SupportsEval: true,
	}
}

// Params implements engine.Engine.
func (*Engine) Params() []engine.Param {
	return append([]engine.Param{
		{Name: "page_description", Kind: engine.KindText, Required: true, Bindable: true, Check: checkDescription,
			Description: "The pages to find; parts are separated by ; and line ends. @PAGERANGE: 3, 5-15 names pages, @TOC: Annex A entries of the table of contents, anything else what pages are about."},
		{Name: "pdf_file", Aliases: []string{"pdf_files"}, Kind: engine.KindFiles, Required: true, Bindable: true, Description: "The PDF to look through. Other documents with pages are read too."},
		{Name: "max_pages_scanned", Kind: engine.KindInteger, Default: 1000, Min: engine.Bound(1), Max: engine.Bound(5000), Description: "Pages whose text is looked at, from the beginning."},
		{Name: "merge_gap", Kind: engine.KindInteger, Default: 0, Min: engine.Bound(0), Max: engine.Bound(5000), Description: "Ranges found alike that are at most so many pages apart become one, with the pages between them."},
		{Name: "save_pdf", Kind: engine.KindBoolean, Default: false, Description: "Save the selected pages as the reference selection.pdf."},
		{Name: "dpi", Kind: engine.KindInteger, Default: 144, Min: engine.Bound(36), Max: engine.Bound(600), Description: "Resolution of the pictures of pages that the model is shown."},
		{Name: "password", Kind: engine.KindText, Bindable: true, Description: "Password of an encrypted file."},
	}, engine.ModelParams()...)
}

// checkDescription reports what is wrong with a page_description.
func checkDescription(s string) error {
	c, err := pageselect.Parse(s)
	switch {
	case err != nil:
		return fmt.Errorf("page_description: %w", err)
	case c.Empty():
		return errors.New("page_description is empty")
	}
	return nil
}

// Run implements engine.Engine. Its steps are those of package reading and of pageselect.Select. Nothing selected is a success with
// empty lists.
//
// Errors: *steward.Failure with FailMissingInput without a file, FailInvalidConfig for several files and a description that cannot
// be read, FailUnsupportedFile and FailFileEncrypted for the file, those of the model.
func (e *Engine) Run(ctx context.Context, run *engine.Run) (_ *engine.Result, err error) {
	criteria, err := pageselect.Parse(run.Config.String("page_description"))
	if err != nil {
		return nil, &steward.Failure{Code: steward.FailInvalidConfig, Message: "page_description: " + err.Error() + "."}
	}
	files, err := run.Files(ctx, "pdf_file")
	if err != nil {
		return nil, err
	}
	switch {
	case len(files) == 0:
		return nil, &steward.Failure{Code: steward.FailMissingInput, Message: "pdf_file names no file."}
	case len(files) > 1:
		return nil, &steward.Failure{Code: steward.FailInvalidConfig, Message: fmt.Sprintf("pdf_file names %d files; pages are selected from one.", len(files))}
	}
	set := reading.New(e.reader, run, reading.Options{Password: run.Config.String("password"), Batch: 20})
	file, err := set.Open(ctx, 0, files[0])
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	selection, err := pageselect.Select(ctx, criteria, pageselect.Params{
		Files: set, File: file, MaxScanned: run.Config.Int("max_pages_scanned"), MergeGap: run.Config.Int("merge_gap"), DPI: run.Config.Int("dpi"),
		Ask:      func() (*answer.Question, steward.LanguageModel, error) { return answer.NewQuestion(run, "", nil) },
		Progress: func(done, total int) { run.Progress(done, total, "selecting pages") },
	})
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return compose(ctx, run, set, file, selection)
}

// compose saves the selected pages if that is wanted, and makes the output.
func compose(ctx context.Context, run *engine.Run, set *reading.Files, file *reading.File, selection *pageselect.Selection) (*engine.Result, error) {
	var extras answer.Extras
	switch {
	case !run.Config.Bool("save_pdf") || len(selection.Pages) == 0:
	case !file.CanSelect():
		set.Note("save_pdf: %s is %s; only pages of PDFs can be saved.", file.Name, reading.Describe(file.Kind))
	default:
		ref, err := file.SaveSelection(ctx, selection.Pages, "selection.pdf")
		if err != nil {
			return nil, err
		}
		extras.References = append(extras.References, ref)
	}
	extras.Warnings = set.Warnings()
	value, err := json.Marshal(selection)
	if err != nil {
		return nil, fmt.Errorf("encode the selection: %w", err)
	}
	return answer.Compose(value, extras)
}
