package engine_test

import (
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/engine/extract"
	"github.com/stewardhq/steward/internal/engine/pdf"
)

// steady is an engine whose results may be reused.
type steady struct {
	enginetest.Func
	live bool
}

func (steady) Revision() int             { return 7 }
func (e steady) Live(engine.Config) bool { return e.live }

func TestWhatAResultDependsOn(t *testing.T) {
	t.Parallel()
	stored := steward.Input{Key: "doc", Files: []steward.File{{SHA256: "ab"}}}
	behindURL := steward.Input{Key: "doc", Files: []steward.File{{SourceURL: "https://example.org/a.pdf"}}}
	for name, c := range map[string]struct {
		engine engine.Engine
		config string
		input  steward.Input
		want   engine.Reuse
		ok     bool
	}{
		"an engine that does not say so": {reader(), `{"files":"${doc}","instructions":"x","model":"m"}`, stored, engine.Reuse{}, false},
		"a stored file":                  {steady{Func: reader()}, `{"files":"${doc}","instructions":"x","model":"m"}`, stored, engine.Reuse{Revision: 7, Model: "m"}, true},
		"the server's model":             {steady{Func: reader()}, `{"files":"${doc}","instructions":"x"}`, stored, engine.Reuse{Revision: 7, Model: "default"}, true},
		"a file behind a URL":            {steady{Func: reader()}, `{"files":"${doc}","instructions":"x","model":"m"}`, behindURL, engine.Reuse{Revision: 7, Model: "m", Live: true}, true},
		"a URL in the configuration":     {steady{Func: reader()}, `{"files":"https://example.org/a.pdf","instructions":"x","model":"m"}`, stored, engine.Reuse{Revision: 7, Model: "m", Live: true}, true},
		"an engine that reads the world": {steady{reader(), true}, `{"files":"${doc}","instructions":"x","model":"m"}`, stored, engine.Reuse{Revision: 7, Model: "m", Live: true}, true},
	} {
		reg, err := engine.NewRegistry(c.engine)
		if err != nil {
			t.Fatal(err)
		}
		prog, err := engine.Compile(reg, enginetest.Models{"m": nil}, engine.ProgramParams{EngineClassID: "Reader", Definitions: defs("doc"), Config: []byte(c.config)})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		config, err := prog.Bind([]steward.Input{c.input})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, ok := prog.Reuse(config); got != c.want || ok != c.ok {
			t.Errorf("%s: %+v, %v; want %+v, %v", name, got, ok, c.want, c.ok)
		}
	}
}

func TestEnginesThatReadOnlyTheirInputsAreReusable(t *testing.T) {
	t.Parallel()
	for _, e := range []engine.Engine{extract.New(nil), pdf.New(nil)} {
		r, ok := e.(engine.Reusable)
		if !ok || r.Revision() < 1 || r.Live(engine.Config{}) {
			t.Errorf("%s: %v", e.Type().ClassID, ok)
		}
	}
}
