package manifest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/cli/manifest"
)

const invoices = `# What we run.
kind: Agent
name: invoices
engine: PDFExtractionEngine
description: Reads invoices
config:
  instructions: |
    Extract the invoice.

      Keep the lines.
  model: builtin
  limit: 1.50
  huge: 123456789012345678901234567890
  output_schema: {type: object, properties: {total: {type: number}, "no": {type: boolean, default: no}}}
  empty: {}
  nothing: ~
inputs:
  - key: pdf_files
    data_type: application/pdf
    description: The invoices
    accepts_multiple_files: true
  - {key: note, data_type: text/plain, example: "12"}
disable_cache: true
tags: [finance, "2026", finance]
---
kind: Agent
name: bare
engine: SavingEngine
---
# Nothing here.
`

func TestAFileHoldsAgents(t *testing.T) {
	t.Parallel()
	agents, err := manifest.Read("agents.yaml", []byte(invoices))
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	want := []manifest.Agent{{
		Name: "invoices", Engine: "PDFExtractionEngine", Description: "Reads invoices", DisableCache: &yes, Tags: []string{"2026", "finance"}, Source: "agents.yaml:2",
		Inputs: []steward.InputDefinition{
			{Key: "pdf_files", DataType: "application/pdf", Description: "The invoices", AcceptsMultipleFiles: true},
			{Key: "note", DataType: "text/plain", Description: "note", Example: "12"},
		},
		Config: json.RawMessage(`{"instructions":"Extract the invoice.\n\n  Keep the lines.\n","model":"builtin","limit":1.50,"huge":123456789012345678901234567890,` +
			`"output_schema":{"type":"object","properties":{"total":{"type":"number"},"no":{"type":"boolean","default":"no"}}},"empty":{},"nothing":null}`),
	}, {Name: "bare", Engine: "SavingEngine", Source: "agents.yaml:26"}}
	if !reflect.DeepEqual(agents, want) {
		t.Errorf("Read =\n%s\nwant\n%s", show(agents), show(want))
	}
}

func show(v any) string {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func TestFaultsNameTheLineAndTheKey(t *testing.T) {
	t.Parallel()
	const head = "kind: Agent\nname: a\nengine: E\n"
	for text, want := range map[string]string{
		head + "colour: red\n":                                    `f:4: the key "colour" is not known; there are kind, name`,
		head + "descr: x\n":                                       `f:4: the key "descr" is not known; did you mean "description"?`,
		head + "name: b\n":                                        `f:4: `, // twice: the parser's words
		head + "config:\n  a: 1\n  b: {c: 1, c: 2}\n":             `f:6: `,
		head + "config: [1]\n":                                    `f:4: config must be a mapping`,
		head + "config: {a: .inf}\n":                              `f:4: JSON has no such number`,
		head + "config: {a: *none}\n":                             `f:4: `,
		head + "config:\n  <<: {a: 1}\n":                          `f:5: merge keys`,
		head + "config: {a: !!set {b}}\n":                         `f:4: tag is not taken here`,
		head + "inputs: text\n":                                   `f:4: inputs must be a list`,
		head + "inputs:\n  - text\n":                              `f:5: an input must be a mapping`,
		head + "inputs:\n  - key: text\n":                         `f:5: an input needs key and data_type`,
		head + "inputs:\n  - key: text\n    type: text/plain\n":   `f:6: the key "type" is not known in an input; there are key`,
		head + "inputs:\n  - key: 7\n    data_type: text\n":       `f:5: key must be a text that is not empty; put quotes around it`,
		head + "disable_cache: maybe\n":                           `f:4: disable_cache must be true or false`,
		head + "tags: finance\n":                                  `f:4: tags must be a list of names`,
		head + "tags: [1]\n":                                      `f:4: tags must be a list of names; put quotes around it`,
		head + "description: ''\n":                                `f:4: description must be a text that is not empty`,
		"name: a\nengine: E\n":                                    `f:1: kind is missing`,
		"kind: Policy\nname: a\nengine: E\n":                      `f:1: kind Policy is not known`,
		"kind: Agent\nengine: E\n":                                `f:1: name is missing`,
		"kind: Agent\nname: a\n":                                  `f:1: engine is missing`,
		"kind: Agent\nname: 7\nengine: E\n":                       `f:2: name must be a text that is not empty; put quotes around it`,
		"- kind: Agent\n":                                         `f:1: the document must be a mapping`,
		head + "config: {a: [1\n":                                 `f:`,
		head + "---\nkind: Agent\nname: b\nengine: E\ncolor: 1\n": `f:8: the key "color"`,
	} {
		_, err := manifest.Read("f", []byte(text))
		var e *manifest.Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s\n%v, want %s", text, err, want)
		}
	}
}

func TestASmallFileCannotUnfoldToALotOfMemory(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("kind: Agent\nname: a\nengine: E\nconfig:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&b, "  a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	if _, err := manifest.Read("f", []byte(b.String())); err == nil || !strings.Contains(err.Error(), "more than a million values") {
		t.Errorf("Read = %v", err)
	}
	deep := "kind: Agent\nname: a\nengine: E\nconfig: {a: " + strings.Repeat("[", 600) + strings.Repeat("]", 600) + "}\n"
	if _, err := manifest.Read("f", []byte(deep)); err == nil || !strings.Contains(err.Error(), "nested deeper") {
		t.Errorf("Read of a deep value = %v", err)
	}
	if _, err := manifest.Read("f", make([]byte, 17<<20)); err == nil || !strings.Contains(err.Error(), "longer than 16 MiB") {
		t.Errorf("Read of a long file = %v", err)
	}
}

func TestAliasesStandForWhatTheyName(t *testing.T) {
	t.Parallel()
	agents, err := manifest.Read("f", []byte("kind: Agent\nname: a\nengine: E\nconfig:\n  one: &x {b: 1}\n  two: *x\n"))
	if err != nil || len(agents) != 1 || string(agents[0].Config) != `{"one":{"b":1},"two":{"b":1}}` {
		t.Errorf("Read = %s, %v", show(agents), err)
	}
}

func TestWhatIsWrittenIsReadAsTheSame(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	config := `{"text":"${text}","yes":"yes","null":"null","n":"12","f":"1.5e3","empty":"","blank":" ","tab":"a\tb","lines":"a\nb","end":"a\nb\n","ends":"a\n\n",` +
		`"lead":" a\nb","trail":"a \nb","crlf":"a\r\nb","colon":"a: b","hash":"a #b","dash":"- a","quote":"\"","single":"'a'","emoji":"😀","nel":"a\u0085b","sep":"a\u2028b","ctl":"\u0001",` +
		`"dollar":"$","star":"*a","amp":"&a","pct":"%a","at":"@a","tick":"` + "`a`" + `","pipe":"|","gt":">","tilde":"~","date":"2026-01-02","hex":"0x10","dots":"...","doc":"---","merge":"<<","inf":".inf",` +
		`"list":[1,-2.50,1e3,true,false,null,"a",[],{},[1,[2,[{"a":[3]}]]],{"b":{"c":[{"d":"x\ny","e":1}]}}],"1":"one","true":"t","":"none","a b":1,"a:b":2,"? x":3}`
	for name, a := range map[string]manifest.Agent{
		"bare": {Name: "n", Engine: "E"},
		"full": {
			Name: "yes: no", Engine: "E", Description: "a\nb", Config: json.RawMessage(config), Inputs: []steward.InputDefinition{
				{Key: "k", DataType: "image/*", Description: "d: #e", Example: "7", AcceptsMultipleFiles: true}, {Key: "l", DataType: "text/plain", Description: "l"},
			}, DisableCache: &yes, CacheFailedJobs: &no, Tags: []string{"- x", "a", "null"},
		},
		"empty lists": {Name: "n", Engine: "E", Config: json.RawMessage(`{}`), Inputs: []steward.InputDefinition{}, Tags: []string{}},
	} {
		text, err := manifest.Write(a)
		if err != nil {
			t.Fatal(err)
		}
		got, err := manifest.Read("f", text)
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %v\n%s", name, err, text)
			continue
		}
		same := got[0].SameContent(a)
		got[0].Source, got[0].Config = "", a.Config // numbers and letters may be written in other ways
		if !same || !reflect.DeepEqual(got[0], a) {
			t.Errorf("%s:\n%s\nread as\n%s\nwant\n%s", name, text, show(got[0]), show(a))
		}
	}
	if _, err := manifest.Write(manifest.Agent{Config: json.RawMessage(`{`)}); err == nil {
		t.Error("a configuration that is no JSON is written")
	}
}

func TestWritingIsForReaders(t *testing.T) {
	t.Parallel()
	text, err := manifest.Write(manifest.Agent{
		Name: "mail totals", Engine: "MultimodalExtractionEngine", Tags: []string{"finance"},
		Config: json.RawMessage(`{"text":"${text}","instruction":"Find the total.\nIn euros.\n","output_schema":{"type":"object","required":["total"],"properties":{"total":{"type":["number","null"]}}}}`),
		Inputs: []steward.InputDefinition{{Key: "text", DataType: "text/plain", Description: "The mail"}},
	})
	const want = `kind: Agent
name: mail totals
engine: MultimodalExtractionEngine
config:
  text: ${text}
  instruction: |
    Find the total.
    In euros.
  output_schema:
    type: object
    required:
      - total
    properties:
      total:
        type:
          - number
          - "null"
inputs:
  - key: text
    data_type: text/plain
    description: The mail
tags:
  - finance
`
	if err != nil || string(text) != want {
		t.Errorf("Write = %v\n%s\nwant\n%s", err, text, want)
	}
}

func TestContentIsTheSameHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`{"a":1,"b":[2.50]}`, `{ "b": [25e-1], "a": 1.0 }`, true},
		{`{"a":1}`, `{"a":1,"b":null}`, false},
		{`{"a":[1,2]}`, `{"a":[2,1]}`, false},
		{`{"a":1}`, `{"a":"1"}`, false},
		{`{"a":1e999999999}`, `{"a":1e999999998}`, false},
		{`{"a":12345678901234567890}`, `{"a":12345678901234567891}`, false},
		{`{`, `{`, true},
		{`{`, `{}`, false},
	} {
		a, b := manifest.Agent{Config: json.RawMessage(c.a)}, manifest.Agent{Config: json.RawMessage(c.b)}
		if a.SameContent(b) != c.same || b.SameContent(a) != c.same {
			t.Errorf("%s and %s: same is not %v", c.a, c.b, c.same)
		}
	}
	in := []steward.InputDefinition{{Key: "a"}}
	if (manifest.Agent{Inputs: in}).SameContent(manifest.Agent{}) {
		t.Error("inputs do not count")
	}
}

func TestWhatAFileDoesNotSayStaysAsItIs(t *testing.T) {
	t.Parallel()
	now := manifest.Of(&steward.Version{
		EngineClassID: "E", Description: "d", EngineConfig: json.RawMessage(`{"a":1}`), InputDefinitions: []steward.InputDefinition{{Key: "k"}},
		BaseAgent: steward.Agent{Name: "n", DisableCache: true, Tags: []steward.Tag{{Name: "z"}, {Name: "b"}}},
	})
	if got := (manifest.Agent{Name: "n", Engine: "E"}).Over(now); !reflect.DeepEqual(got, now) {
		t.Errorf("Over = %s, want %s", show(got), show(now))
	}
	no := false
	said := manifest.Agent{
		Name: "n", Engine: "E", Description: "e", Config: json.RawMessage(`{}`), Inputs: []steward.InputDefinition{}, Tags: []string{}, DisableCache: &no, CacheFailedJobs: &no,
	}
	if got := said.Over(now); !reflect.DeepEqual(got, said) {
		t.Errorf("Over = %s, want %s", show(got), show(said))
	}
	if now.Tags[0] != "b" || manifest.Of(&steward.Version{}).Inputs == nil {
		t.Errorf("Of = %s", show(now))
	}
}

func FuzzRead(f *testing.F) {
	f.Add(invoices)
	f.Add("kind: Agent\nname: a\nengine: E\nconfig: {a: &x [1, *x], ? b : c}\n")
	f.Add("kind: Agent\nname: a\nengine: E\nconfig:\n  a: >-\n    b\n   c\n  0x1F: 0o17\n  1_000: +1\n")
	f.Add("%YAML 1.2\n---\n!!map {kind: Agent}\n...\n")
	f.Fuzz(func(t *testing.T, text string) {
		agents, err := manifest.Read("f", []byte(text))
		if err != nil {
			var e *manifest.Error
			if !errors.As(err, &e) || e.Line < 1 {
				t.Fatalf("an error without its place: %v", err)
			}
			return
		}
		for _, a := range agents {
			again, err := manifest.Write(a)
			if err != nil {
				t.Fatal(err)
			}
			got, err := manifest.Read("f", again)
			if err != nil || len(got) != 1 || !got[0].SameContent(a) || got[0].Name != a.Name {
				t.Fatalf("%q is written as\n%s\nand read as %s, %v", text, again, show(got), err)
			}
		}
	})
}
