package engine_test

import (
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
)

// reader is an engine with a parameter of every kind.
func reader() enginetest.Func {
	return enginetest.Func{ID: "Reader", Config: append([]engine.Param{
		{Name: "files", Aliases: []string{"file"}, Kind: engine.KindFiles, Required: true, Bindable: true},
		{Name: "instructions", Aliases: []string{"instruction"}, Kind: engine.KindText, Required: true, Bindable: true},
		{Name: "output_schema", Kind: engine.KindSchema},
		{Name: "batch_size", Kind: engine.KindInteger, Default: 10, Min: engine.Bound(1), Max: engine.Bound(50)},
		{Name: "use_source", Kind: engine.KindBoolean, Default: false},
		{Name: "options", Kind: engine.KindObject},
	}, engine.ModelParams()...)}
}

func compile(t *testing.T, defs []steward.InputDefinition, config string) (*engine.Program, error) {
	t.Helper()
	reg, err := engine.NewRegistry(reader())
	if err != nil {
		t.Fatal(err)
	}
	return engine.Compile(reg, enginetest.Models{"m": nil}, engine.ProgramParams{EngineClassID: "Reader", Definitions: defs, Config: json.RawMessage(config)})
}

func defs(keys ...string) []steward.InputDefinition {
	list := []steward.InputDefinition{}
	for _, k := range keys {
		list = append(list, steward.InputDefinition{Key: k, DataType: "text/plain"})
	}
	return list
}

func TestAConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	good := `"instructions":"x","files":"${doc}"`
	for name, c := range map[string]struct {
		defs       []steward.InputDefinition
		config     string
		field, msg string // "" means accepted
	}{
		"complete":                 {defs("doc"), `{` + good + `}`, "", ""},
		"aliases":                  {defs("doc"), `{"instruction":"x","file":"${doc}"}`, "", ""},
		"bound by input name":      {defs("file"), `{"instructions":"x"}`, "", ""},
		"numbers as text":          {defs("doc"), `{` + good + `,"temperature":"0.7","batch_size":"20","use_source":"True"}`, "", ""},
		"schema as text":           {defs("doc"), `{` + good + `,"output_schema":"{\"type\":\"object\"}"}`, "", ""},
		"null means absent":        {defs("doc"), `{` + good + `,"model":null,"temperature":null}`, "", ""},
		"unknown key is a warning": {defs("doc"), `{` + good + `,"colour":"red"}`, "", ""},
		"not an object":            {defs("doc"), `[1]`, "engine_config", "must be a JSON object"},
		"missing required":         {defs("doc"), `{"instructions":"x"}`, "engine_config", "files is required"},
		"missing instructions":     {defs("doc"), `{"files":"${doc}"}`, "engine_config", "instructions is required"},
		"unknown template key":     {defs("doc"), `{"instructions":"look at ${nothing}","files":"${doc}"}`, "engine_config", "unknown template key nothing"},
		"unknown key in a schema":  {defs("doc"), `{` + good + `,"output_schema":{"type":"object","description":"${nothing}"}}`, "engine_config", "unknown template key nothing"},
		"temperature too high":     {defs("doc"), `{` + good + `,"temperature":2}`, "engine_config", "temperature must be a number from 0 to 1"},
		"temperature not a number": {defs("doc"), `{` + good + `,"temperature":"warm"}`, "engine_config", "temperature must be a number"},
		"temperature NaN":          {defs("doc"), `{` + good + `,"temperature":"NaN"}`, "engine_config", "temperature must be a number"},
		"batch size not whole":     {defs("doc"), `{` + good + `,"batch_size":1.5}`, "engine_config", "batch_size must be a whole number from 1 to 50"},
		"effort unknown":           {defs("doc"), `{` + good + `,"reasoning":"much"}`, "engine_config", "reasoning_effort must be one of low, medium, high"},
		"flag unclear":             {defs("doc"), `{` + good + `,"use_source":"perhaps"}`, "engine_config", "use_source must be true or false"},
		"schema not an object":     {defs("doc"), `{` + good + `,"output_schema":[]}`, "engine_config", "output_schema must be a JSON object"},
		"files neither text":       {defs("doc"), `{"instructions":"x","files":7}`, "engine_config", "files must be a text or a list"},
		"unknown model":            {defs("doc"), `{` + good + `,"model":"gpt-99"}`, "engine_config", "gpt-99"},
		"bad key":                  {defs("doc", "1st"), `{` + good + `}`, "input_definitions", `[1].key "1st"`},
		"reserved key":             {defs("doc", "metadata"), `{` + good + `}`, "input_definitions", "reserved"},
		"key twice":                {defs("doc", "doc"), `{` + good + `}`, "input_definitions", "twice"},
		"strange type":             {[]steward.InputDefinition{{Key: "doc", DataType: "paper"}}, `{` + good + `}`, "input_definitions", "data_type"},
	} {
		_, err := compile(t, c.defs, c.config)
		var e *steward.Error
		switch {
		case c.field == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.field != "" && (!errors.As(err, &e) || e.Code != steward.Invalid || e.Field != c.field || !strings.Contains(e.Message, c.msg)):
			t.Errorf("%s: got %v, want %s with %q", name, err, c.field, c.msg)
		}
	}
	p, err := compile(t, defs("doc"), `{`+good+`,"colour":"red"}`)
	if err != nil || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "colour") {
		t.Errorf("warnings %v, %v", p.Warnings, err)
	}
}

func TestInputsArePutIntoTheConfiguration(t *testing.T) {
	t.Parallel()
	p, err := compile(t, defs("doc", "who", "more", "n"), `{"instructions":"Read for ${who}; price in US$.","files":"${doc}","batch_size":"${n}",
		"output_schema":{"z":1,"a":{"description":"of $who","$schema":"x"}},"options":"${more}"}`)
	if err != nil {
		t.Fatal(err)
	}
	file := steward.File{Name: "a.pdf", SHA256: "00"}
	c, err := p.Bind([]steward.Input{
		{Key: "doc", Files: []steward.File{file, {Name: "b.pdf", SHA256: "01"}}},
		{Key: "who", Value: `Ann "${doc}" $who`}, {Key: "more", Value: `{"k":[1]}`, JSON: true}, {Key: "n", Value: "7"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.String("instructions"), `Read for Ann "${doc}" $who; price in US$.`; got != want {
		t.Errorf("instructions %q, want %q: substituted text is not looked at again", got, want)
	}
	if got, want := string(c.Raw("output_schema")), `{"z":1,"a":{"description":"of Ann \"${doc}\" $who","$schema":"x"}}`; got != want {
		t.Errorf("output_schema %s, want %s: order and property names stay", got, want)
	}
	if refs := c.FileRefs("files"); len(refs) != 2 || refs[0].File.Name != "a.pdf" {
		t.Errorf("files %+v", refs)
	}
	if string(c.Raw("options")) != `{"k":[1]}` || c.Int("batch_size") != 7 || c.Has("model") || c.Float("temperature") != 0 {
		t.Errorf("options %s, batch_size %d", c.Raw("options"), c.Int("batch_size"))
	}
}

func TestMissingInputsAreErrorsOnlyWhenTheyAreNeeded(t *testing.T) {
	t.Parallel()
	p, err := compile(t, defs("doc", "who", "n"), `{"instructions":"Read for ${who}.","files":"${doc}","batch_size":"${n}"}`)
	if err != nil {
		t.Fatal(err)
	}
	doc := steward.Input{Key: "doc", Files: []steward.File{{Name: "a.pdf"}}}
	who := steward.Input{Key: "who", Value: "Ann"}
	for name, c := range map[string]struct {
		inputs []steward.Input
		msg    string
	}{
		"whole value with a default": {[]steward.Input{doc, who}, ""},
		"inside a larger text":       {[]steward.Input{doc}, "Missing input key who"},
		"required whole value":       {[]steward.Input{who}, "Missing input key doc"},
		"required but empty":         {[]steward.Input{who, {Key: "doc", Value: " "}}, "Missing input key doc"},
		"wrong kind":                 {[]steward.Input{doc, who, {Key: "n", Value: "many"}}, "batch_size must be a whole number"},
	} {
		cfg, err := p.Bind(c.inputs)
		var e *steward.Error
		switch {
		case c.msg == "" && (err != nil || cfg.Int("batch_size") != 10):
			t.Errorf("%s: batch_size %d, %v", name, cfg.Int("batch_size"), err)
		case c.msg != "" && (!errors.As(err, &e) || e.Field != steward.InputField || !strings.Contains(e.Message, c.msg)):
			t.Errorf("%s: got %v, want %q", name, err, c.msg)
		}
	}
}

func TestFileReferencesAreSplit(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://a/1.pdf, https://a/2.pdf":   "https://a/1.pdf|https://a/2.pdf",
		"https://a/1.pdf\n\nhttps://a/2.pdf": "https://a/1.pdf|https://a/2.pdf",
		`["https://a/1, 2.pdf","b"]`:         "https://a/1, 2.pdf|b",
		" ":                                  "",
		"['https://a/1.pdf', 'b']":           "https://a/1.pdf|b",
		"[https://a/1.pdf b]":                "https://a/1.pdf|b",
		"[]":                                 "",
	} {
		if got := strings.Join(engine.SplitFileRefs(in), "|"); got != want {
			t.Errorf("SplitFileRefs(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestDiscoveryDescribesEveryParameter(t *testing.T) {
	t.Parallel()
	reg, err := engine.NewRegistry(reader())
	if err != nil {
		t.Fatal(err)
	}
	typ := reg.Types()[0]
	var schema struct {
		Properties map[string]struct {
			Kind string `json:"x-kind"`
		} `json:"properties"`
		Required []string `json:"required"`
	}
	if err := json.Unmarshal(typ.InputSchema, &schema); err != nil {
		t.Fatal(err)
	}
	if schema.Properties["files"].Kind != "files" || len(schema.Required) != 2 || len(schema.Properties) != len(reader().Config) {
		t.Errorf("input schema %s", typ.InputSchema)
	}
	if typ.EngineClassID != "Reader" || !strings.Contains(string(typ.DefaultValues), `"batch_size":10`) {
		t.Errorf("type %+v", typ)
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(`{"instructions":"${doc}","files":["${doc}"]}`, "value")
	f.Add(`{"instructions":{"a":["$doc",1,null]},"files":"x"}`, "\x00")
	f.Add(`{"a":1}{"b":2}`, "")
	f.Fuzz(func(t *testing.T, config, value string) {
		p, err := compile(t, defs("doc"), config)
		if err != nil {
			return
		}
		if _, err := p.Bind([]steward.Input{{Key: "doc", Value: value}}); err != nil && steward.CodeOf(err) != steward.Invalid {
			t.Fatalf("Bind(%q) of %q = %v", value, config, err)
		}
	})
}

func TestDefaultInputsStandInWhenNothingElseIsSaid(t *testing.T) {
	t.Parallel()
	reg, err := engine.NewRegistry(enginetest.Steps{N: 1}) // its default input is "text"
	if err != nil {
		t.Fatal(err)
	}
	for config, want := range map[string]int{`{}`: 1, `{"max_cost_usd":1}`: 1, `{"text":"fixed"}`: 0} {
		p, err := engine.Compile(reg, enginetest.Models{}, engine.ProgramParams{EngineClassID: "Steps1Engine", Config: json.RawMessage(config)})
		if err != nil || len(p.Definitions) != want {
			t.Errorf("%s: %d definitions, %v, want %d", config, len(p.Definitions), err, want)
		}
	}
}

func TestRunsOfAVersionShareItsCompiledSchema(t *testing.T) {
	t.Parallel()
	prog, err := compile(t, defs("doc"), `{"instructions":"x","files":"${doc}","output_schema":{"type":"object","properties":{"a":{"type":"string"}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	inputs := []steward.Input{{Key: "doc", Value: "https://example.com/a.pdf"}}
	one, err := prog.Bind(inputs)
	if err != nil {
		t.Fatal(err)
	}
	two, err := prog.Bind(inputs)
	if err != nil {
		t.Fatal(err)
	}
	a, err := one.Schema("output_schema")
	if err != nil || a == nil {
		t.Fatalf("got %v, %v", a, err)
	}
	if b, err := two.Schema("output_schema"); err != nil || a != b {
		t.Errorf("another run has a schema of its own: %v", err)
	}
	if c, err := one.Schema("options"); err != nil || c != nil {
		t.Errorf("an absent schema is %v, %v", c, err)
	}
	runtime.KeepAlive(a)
}
