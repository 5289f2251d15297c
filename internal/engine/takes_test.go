package engine_test

import (
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
)

// pdfReader is an engine that reads PDFs where it takes files.
type pdfReader struct{ enginetest.Func }

// Reads implements engine.FileReader.
func (pdfReader) Reads(contentType string) bool { return contentType == "application/pdf" }

func TestWhereAFileMayStandForAText(t *testing.T) {
	t.Parallel()
	plain := enginetest.Func{ID: "E", Config: []engine.Param{
		{Name: "text", Kind: engine.KindText, Bindable: true, TakesFiles: true},
		{Name: "instruction", Kind: engine.KindText, Bindable: true},
		{Name: "more", Kind: engine.KindFiles},
		{Name: "options", Kind: engine.KindObject},
	}}
	for name, c := range map[string]struct {
		e      engine.Engine
		config string
		kind   string
		want   bool
	}{
		"an input of the parameter's name":    {pdfReader{plain}, `{}`, "application/pdf", true},
		"the whole of a parameter":            {pdfReader{plain}, `{"text":"${text}"}`, "application/pdf", true},
		"a parameter of files":                {pdfReader{plain}, `{"text":"x","more":"${text}"}`, "application/pdf", true},
		"two parameters":                      {pdfReader{plain}, `{"text":"${text}","more":"${text}"}`, "application/pdf", true},
		"another kind of file":                {pdfReader{plain}, `{}`, "application/zip", false},
		"an engine that reads none":           {plain, `{}`, "application/pdf", false},
		"a parameter that takes texts only":   {pdfReader{plain}, `{"text":"x","instruction":"${text}"}`, "application/pdf", false},
		"a part of a text":                    {pdfReader{plain}, `{"text":"read ${text}"}`, "application/pdf", false},
		"a part of another text as well":      {pdfReader{plain}, `{"text":"${text}","instruction":"about $text"}`, "application/pdf", false},
		"a text deep in an object as well":    {pdfReader{plain}, `{"text":"${text}","options":{"a":[{"b":"${text}"}]}}`, "application/pdf", false},
		"a parameter that is filled by words": {pdfReader{plain}, `{"text":"x"}`, "application/pdf", false},
	} {
		registry, err := engine.NewRegistry(c.e)
		if err != nil {
			t.Fatal(err)
		}
		p, err := engine.Compile(registry, enginetest.Models{}, engine.ProgramParams{
			EngineClassID: "E", Config: []byte(c.config), Definitions: []steward.InputDefinition{{Key: "text", DataType: "text/plain"}},
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := p.TakesFile("text", c.kind); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
