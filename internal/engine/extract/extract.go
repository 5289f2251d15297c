// Package extract fills a JSON Schema from texts, pictures and other documents: the engine MultimodalExtractionEngine.
//
// Everything goes into one question when it fits: the text, then the pictures in their order. What is longer than the model's
// window is read in pieces, several at once, whose answers are merged. Models that take no pictures are given what OCR
// reads off them. Values of the builtin model always come with their places; other models are asked for them when use_source is set.
package extract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/engine/reading"
)

// ClassID is the engine's id on the wire.
const ClassID = "MultimodalExtractionEngine"

// Engine extracts from texts, pictures and documents.
type Engine struct {
	reader *document.Reader
}

// New returns the engine, which reads files with reader. The caller closes reader.
func New(reader *document.Reader) *Engine { return &Engine{reader: reader} }

// Type implements engine.Engine.
func (*Engine) Type() steward.EngineType {
	return steward.EngineType{
		ClassID:     ClassID,
		DisplayName: "Multimodal Extraction",
		Summary:     "Fills a schema from text and pictures.",
		Description: "Reads a text, pictures or both and answers with JSON that matches output_schema. What they do not state is null. " +
			"Each value can carry the quote that states it, checked against the text or against what OCR reads off the picture.",
		Categories: []string{"extraction"},
		DefaultInputDefinitions: []steward.InputDefinition{
			{Key: "text", DataType: "text/plain", Description: "The text to extract from."},
			{Key: "images", DataType: "image/*", Description: "The pictures to extract from.", AcceptsMultipleFiles: true},
		},
		Outputs:      []steward.Datum{{Key: "output", Description: "The extracted data as JSON.", DataType: "application/json"}},
		SupportsEval: true,
	}
}

// Reads implements engine.FileReader.
func (*Engine) Reads(contentType string) bool { return document.Readable(contentType) }

// Params implements engine.Engine.
func (*Engine) Params() []engine.Param {
	return append([]engine.Param{
		{Name: "text", Kind: engine.KindText, Bindable: true, TakesFiles: true, Description: "The text to read. An input of files may stand in for it: PDFs, Word documents, Excel workbooks, web pages, e-mails, tables (CSV), plain texts."},
		{Name: "images", Kind: engine.KindFiles, Bindable: true, Description: "Pictures to read, in this order: uploads, ids of stored files, URLs. Other documents are read too."},
		{Name: "instruction", Aliases: []string{"instructions"}, Kind: engine.KindText, Default: "", Bindable: true, Description: "What to extract and how, in words."},
		{Name: "output_schema", Kind: engine.KindSchema, Required: true, Description: "JSON Schema of the answer."},
		{Name: "use_source", Kind: engine.KindBoolean, Description: "Answer with the place of each value under _sources. Empty means that the builtin model does, which costs nothing."},
		{Name: "image_detail", Kind: engine.KindEnum, Enum: []string{"auto", "low", "high"}, Default: "auto", Description: "How closely the model looks at pictures, for providers that know a choice."},
		{Name: "max_images", Kind: engine.KindInteger, Default: maxImages, Min: engine.Bound(1), Max: engine.Bound(1000), Description: "A run with more pictures fails. An input has 20 at most."},
		{Name: "save_inputs", Kind: engine.KindBoolean, Default: false, Description: "Keep pictures that were fetched from URLs as references image_<n>."},
		{Name: "password", Kind: engine.KindText, Bindable: true, Description: "Password of encrypted files."},
	}, engine.ModelParams()...)
}

// Limits of pictures.
const (
	maxImages      = 20      // when the configuration does not say
	maxRemoteBytes = 8 << 20 // of a picture behind a URL
)

// CheckConfig implements engine.ConfigChecker.
func (*Engine) CheckConfig(c engine.Config) error {
	pictures := c.FileRefs("images")
	switch most := c.Int("max_images"); {
	case len(pictures) > most:
		return fmt.Errorf("images names %d pictures, at most %d are read (max_images)", len(pictures), most)
	case len(pictures)+len(c.FileRefs("text")) == 0 && strings.TrimSpace(c.String("text")) == "":
		return &engine.NeedsError{Param: "text"}
	}
	return nil
}

// Run implements engine.Engine. Its steps are those of package reading for files, which are counted from 0 through the documents given as
// text and then the pictures, behind the text if there is one; and, for the model, "extract", or "extract[a-b]" for the bytes a to b of
// a long text, "extract[file[i].a-b]" for the pages a to b of a file.
//
// Errors: *steward.Failure with FailMissingInput without anything to read, FailInvalidConfig for a schema that cannot be used and for
// pictures that the model does not take when OCR is not there, which names the model; those of files, which name the picture's place
// among the pictures; those of the model.
func (e *Engine) Run(ctx context.Context, run *engine.Run) (*engine.Result, error) {
	if err := e.CheckConfig(run.Config); err != nil {
		code := steward.FailMissingInput
		if needs := new(engine.NeedsError); !errors.As(err, &needs) {
			code = steward.FailInvalidConfig
		}
		return nil, &steward.Failure{Code: code, Message: err.Error() + "."}
	}
	question, info, err := answer.NewQuestion(run, run.Config.String("instruction"), run.Config.Raw("output_schema"))
	if err != nil {
		return nil, err
	}
	sources := question.Sources(run.Config)
	g := &gatherer{
		run: run, info: info, sources: sources,
		files: reading.New(e.reader, run, reading.Options{Password: run.Config.String("password")}),
	}
	if err := g.gather(ctx); err != nil {
		return nil, err
	}
	parts := partsOf(g.docs, answer.Room(info))
	got, err := question.Ask(ctx, parts, func(n int) { run.Progress(n, len(parts), "extracting") })
	if err != nil {
		return nil, err
	}
	var extras answer.Extras
	if sources {
		if extras, err = got.Extras(g.docs); err != nil {
			return nil, err
		}
	}
	extras.References = g.saved
	extras.Warnings = slices.Concat(g.files.Warnings(), got.Warnings)
	return answer.Compose(got.Value, extras)
}
