// Package extract fills a JSON Schema from a text: the engine MultimodalExtractionEngine.
//
// A text that is longer than the model's window is read in pieces, several at once, whose answers are merged. Values of the
// builtin model always come with their places in the text; other models are asked for them when use_source is set.
// Pictures are not read: a run that names some is refused.
package extract

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/grounding"
)

// ClassID is the engine's id on the wire.
const ClassID = "MultimodalExtractionEngine"

// Engine extracts from texts. The zero value is ready to use.
type Engine struct{}

// New returns the engine.
func New() *Engine { return &Engine{} }

// Type implements engine.Engine.
func (*Engine) Type() steward.EngineType {
	return steward.EngineType{
		ClassID:     ClassID,
		DisplayName: "Multimodal Extraction",
		Summary:     "Fills a schema from a text.",
		Description: "Reads a text and answers with JSON that matches output_schema. What the text does not state is null. " +
			"Each value can carry the quote that states it, checked against the text.",
		Categories: []string{"extraction"},
		DefaultInputDefinitions: []steward.InputDefinition{{
			Key: "text", DataType: "text/plain", Description: "The text to extract from.",
		}},
		Outputs:      []steward.Datum{{Key: "output", Description: "The extracted data as JSON.", DataType: "application/json"}},
		SupportsEval: true,
	}
}

// Params implements engine.Engine.
func (*Engine) Params() []engine.Param {
	return append([]engine.Param{
		{Name: "text", Kind: engine.KindText, Bindable: true, Description: "The text to read."},
		{Name: "images", Kind: engine.KindFiles, Bindable: true, Description: "Pictures to read. Not built yet: a run with pictures is refused."},
		{Name: "instruction", Aliases: []string{"instructions"}, Kind: engine.KindText, Default: "", Bindable: true, Description: "What to extract and how, in words."},
		{Name: "output_schema", Kind: engine.KindSchema, Required: true, Description: "JSON Schema of the answer."},
		{Name: "use_source", Kind: engine.KindBoolean, Description: "Answer with the place of each value under _sources. Empty means that the builtin model does, which costs nothing."},
	}, engine.ModelParams()...)
}

// CheckConfig implements engine.ConfigChecker.
func (*Engine) CheckConfig(c engine.Config) error {
	switch {
	case len(c.FileRefs("images")) > 0:
		return errors.New("images cannot be read yet: this engine reads text only. Leave images out and give the text")
	case strings.TrimSpace(c.String("text")) == "":
		return &engine.NeedsError{Param: "text"}
	}
	return nil
}

// Run implements engine.Engine. Its model steps are "extract", or "extract[a-b]" for the bytes a to b of a long text.
//
// Errors: *steward.Failure with FailInvalidConfig for images and a schema that cannot be used, FailMissingInput without a text,
// those of the model.
func (e *Engine) Run(ctx context.Context, run *engine.Run) (*engine.Result, error) {
	if err := e.CheckConfig(run.Config); err != nil {
		code := steward.FailMissingInput
		if len(run.Config.FileRefs("images")) > 0 {
			code = steward.FailInvalidConfig
		}
		return nil, &steward.Failure{Code: code, Message: err.Error() + "."}
	}
	question, info, err := answer.NewQuestion(run, run.Config.String("instruction"), run.Config.Raw("output_schema"))
	if err != nil {
		return nil, err
	}
	sources := question.Sources(run.Config)
	doc := grounding.FromText(0, inputName(run), run.Config.String("text"))
	parts := partsOf(doc, answer.Room(info))
	got, err := question.Ask(ctx, parts, func(n int) { run.Progress(n, len(parts), "extracting") })
	if err != nil {
		return nil, err
	}
	var extras answer.Extras
	if sources {
		if extras.Sources, err = answer.Sources([]grounding.Document{doc}, got.Value, got.Claims); err != nil {
			return nil, err
		}
	}
	return answer.Compose(got.Value, extras)
}

// inputName is the key of the job's first text input, which is what the text is called in evidence.
func inputName(run *engine.Run) string {
	for _, in := range run.Job.Inputs {
		if len(in.Files) == 0 && in.Value == run.Config.String("text") {
			return in.Key
		}
	}
	return "text"
}

// partsOf cuts a text to what the model can read at once.
func partsOf(doc grounding.Document, room int) []answer.Part {
	pieces := answer.SplitText(doc.Pages[0].Text, room)
	if len(pieces) == 1 {
		return []answer.Part{{Step: "extract", Documents: []grounding.Document{doc}}}
	}
	parts := make([]answer.Part, len(pieces))
	from := 0
	for i, text := range pieces {
		piece := doc
		piece.Pages = []grounding.Page{{Text: text}}
		if i > 0 { // pieces overlap, each begins behind the beginning of the one before
			from += 1 + strings.Index(doc.Pages[0].Text[from+1:], text)
		}
		parts[i] = answer.Part{
			// Named by what is read: another window on resumption must not take up answers to other pieces.
			Step:      fmt.Sprintf("extract[%d-%d]", from, from+len(text)),
			Label:     fmt.Sprintf("Piece %d of %d", i+1, len(pieces)),
			Documents: []grounding.Document{piece},
		}
	}
	return parts
}
