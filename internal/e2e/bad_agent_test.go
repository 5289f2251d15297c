package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// refusal is a request that must be refused, and how.
type refusal struct {
	name   string
	body   string
	status int    // 0 means 400
	says   string // stands in the answer: the field, mostly
}

// refused checks the form of an answer to a request that cannot be served.
func (a *answer) refused(status int, says string) {
	a.t.Helper()
	if a.status != status {
		a.t.Errorf("%s: %d %s, want %d", a.what, a.status, clip(a.body), status)
	}
	if got := a.header.Get("Content-Type"); got != jsonType {
		a.t.Errorf("%s: content type %q", a.what, got)
	}
	if !json.Valid(a.body) || len(a.body) > 4<<10 {
		a.t.Errorf("%s: the answer is %d bytes of %s", a.what, len(a.body), clip(a.body))
	}
	if !strings.Contains(string(a.body), says) {
		a.t.Errorf("%s: %s does not say %s", a.what, clip(a.body), says)
	}
	if a.header.Get("X-Request-Id") == "" {
		a.t.Errorf("%s: no request id", a.what)
	}
}

// with is the body of a good agent with some members replaced.
func with(t *testing.T, change object) string {
	t.Helper()
	body := object{
		"name": "agent " + rand.Text(), "engine_class_id": "MultimodalExtractionEngine",
		"input_definitions": []object{{"key": "text", "data_type": "text/plain", "description": "d"}},
		"engine_config":     object{"model": "builtin", "output_schema": json.RawMessage(textSchema)},
	}
	for k, v := range change {
		if body[k] = v; v == nil {
			delete(body, k)
		}
	}
	return string(encode(t, body))
}

// withConfig is the body of a good agent with some of its configuration replaced.
func withConfig(t *testing.T, change object) string {
	t.Helper()
	config := object{"model": "builtin", "output_schema": json.RawMessage(textSchema)}
	for k, v := range change {
		if config[k] = v; v == nil {
			delete(config, k)
		}
	}
	return with(t, object{"engine_config": config})
}

// withSchema is the body of an agent with an output schema.
func withSchema(t *testing.T, schema string) string {
	t.Helper()
	return withConfig(t, object{"output_schema": json.RawMessage(schema)})
}

func definitions(defs ...object) object { return object{"input_definitions": defs} }

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func wrongAgents(t *testing.T) []refusal {
	t.Helper()
	many := make([]object, 65)
	for i := range many {
		many[i] = object{"key": "k" + strings.Repeat("x", i), "data_type": "text/plain"}
	}
	return []refusal{
		{"name is a number", with(t, object{"name": 5}), 0, `"name":`},
		{"name is a list", with(t, object{"name": []string{"a"}}), 0, `"name":`},
		{"name is missing", with(t, object{"name": nil}), 0, `"name":`},
		{"name is blank", with(t, object{"name": "  "}), 0, `"name":`},
		{"name is too long", with(t, object{"name": strings.Repeat("n", 5000)}), 0, `"name":`},
		{"name holds NUL", with(t, object{"name": "a\x00b"}), 0, `"name":`},
		{"engine is missing", with(t, object{"engine_class_id": nil}), 0, `"engine_class_id":`},
		{"engine is unknown", with(t, object{"engine_class_id": "TeleportEngine"}), 0, `"engine_class_id":`},
		{"engine is an object", with(t, object{"engine_class_id": object{}}), 0, `"engine_class_id":`},
		{"description is a number", with(t, object{"description": 5}), 0, `"description":`},
		{"version name is blank", with(t, object{"version_name": ""}), 0, `"version_name":`},
		{"organization is no UUID", with(t, object{"organization_id": "me"}), 0, `"organization_id":`},
		{"organization is another", with(t, object{"organization_id": "00000000-0000-4000-8000-000000000000"}), 403, `"detail":`},

		{"definitions are an object", with(t, object{"input_definitions": object{"key": "a"}}), 0, `input_definitions`},
		{"definitions are a text", with(t, object{"input_definitions": "text"}), 0, `input_definitions`},
		{"a definition is a number", with(t, object{"input_definitions": []int{1}}), 0, `input_definitions`},
		{"a definition has no key", with(t, definitions(object{"data_type": "text/plain"})), 0, `input_definitions`},
		{"a definition has no type", with(t, definitions(object{"key": "text"})), 0, `input_definitions`},
		{"a key is a number", with(t, definitions(object{"key": 1, "data_type": "text/plain"})), 0, `input_definitions`},
		{"a key is no name", with(t, definitions(object{"key": "a b", "data_type": "text/plain"})), 0, `input_definitions`},
		{"a key is reserved", with(t, definitions(object{"key": "metadata", "data_type": "text/plain"})), 0, `input_definitions`},
		{"a key comes twice", with(t, definitions(object{"key": "a", "data_type": "text/plain"}, object{"key": "a", "data_type": "text/plain"})), 0, `input_definitions`},
		{"a type is no type", with(t, definitions(object{"key": "a", "data_type": "words"})), 0, `input_definitions`},
		{"a flag is no flag", with(t, definitions(object{"key": "a", "data_type": "text/plain", "accepts_multiple_files": "maybe"})), 0, `accepts_multiple_files`},
		{"there are too many", with(t, object{"input_definitions": many}), 0, `input_definitions`},

		{"config is a text", with(t, object{"engine_config": "model: builtin"}), 0, `engine_config`},
		{"config is a list", with(t, object{"engine_config": []int{}}), 0, `engine_config`},
		{"a required key is missing", withConfig(t, object{"output_schema": nil}), 0, `output_schema`},
		{"a template key is unknown", withConfig(t, object{"instruction": "Read ${txt}."}), 0, `unknown template key txt`},
		{"a template key is unknown deep down", withSchema(t, `{"type":"object","properties":{"a":{"type":"string","description":"${nothing}"}}}`), 0, `unknown template key nothing`},
		{"model is unknown", withConfig(t, object{"model": "hal-9000"}), 0, `hal-9000`},
		{"model is a number", withConfig(t, object{"model": 4}), 0, `model`},
		{"temperature is hot", withConfig(t, object{"temperature": 30}), 0, `temperature`},
		{"temperature is a word", withConfig(t, object{"temperature": "warm"}), 0, `temperature`},
		{"an enumeration is left", withConfig(t, object{"reasoning": "profound"}), 0, `reasoning`},
		{"a number is beyond numbers", withConfig(t, object{"temperature": json.Number("1e999")}), 0, `temperature`},
		{"an images parameter is an object", withConfig(t, object{"images": object{}}), 0, `images`},

		{"schema is a number", withSchema(t, `7`), 0, `output_schema`},
		{"schema is a list", withSchema(t, `[]`), 0, `output_schema`},
		{"schema is a text", withConfig(t, object{"output_schema": "an object, please"}), 0, `output_schema`},
		{"schema has an unknown type", withSchema(t, `{"type":"strin"}`), 0, `output_schema`},
		{"schema has properties that are none", withSchema(t, `{"type":"object","properties":[1]}`), 0, `output_schema`},
		{"schema is of a scalar", withSchema(t, `{"type":"string"}`), 0, `output_schema`},
		{"schema is as text and no schema", withConfig(t, object{"output_schema": `{"type":7}`}), 0, `output_schema`},
		{"schema has a bad pattern", withSchema(t, `{"type":"object","properties":{"a":{"type":"string","pattern":"("}}}`), 0, `output_schema`},
		{"schema points to the web", withSchema(t, `{"type":"object","properties":{"a":{"$ref":"http://127.0.0.1:9/schema.json"}}}`), 0, `output_schema`},
		{"schema points to a file", withSchema(t, `{"type":"object","properties":{"a":{"$ref":"file:///etc/passwd"}}}`), 0, `output_schema`},
		{"schema points nowhere", withSchema(t, `{"type":"object","properties":{"a":{"$ref":"#/$defs/none"}}}`), 0, `output_schema`},
	}
}

// wrongBodies are wrong as bodies, whatever they are sent to.
func wrongBodies() []refusal {
	return []refusal{
		{"a list", `[]`, 0, `non_field_errors`},
		{"a text", `"name"`, 0, `non_field_errors`},
		{"a number", `12`, 0, `non_field_errors`},
		{"no JSON", `name=a`, 0, `JSON parse error`},
		{"cut off", `{"name":"a`, 0, `JSON parse error`},
		{"two values", `{} {}`, 0, `JSON parse error`},
		{"a comma too much", `{"name":"a",}`, 0, `JSON parse error`},
		{"single quotes", `{'name':'a'}`, 0, `JSON parse error`},
		{"NaN", `{"name":NaN}`, 0, `JSON parse error`},
		{"a control character", "{\"name\":\"a\nb\"}", 0, `JSON parse error`},
		{"a hundred thousand lists", nested(100_000), 0, `JSON parse error`},
		{"a hundred thousand lists in a field", `{"text":` + nested(100_000) + `}`, 0, ``},
		{"17 MiB", `{"text":"` + strings.Repeat("x", 17<<20) + `"}`, 413, `"detail":`},
		{"17 MiB of nothing", strings.Repeat(" ", 17<<20), 413, `"detail":`},
		{"no UTF-8", "{\"text\":\"caf\xe9\"}", 0, `"text":`},
		{"no UTF-8 in a key", "{\"caf\xe9\":1}", 0, ``},
		{"UTF-16", "\xff\xfe{\x00}\x00", 0, ``},
	}
}

func TestWrongAgentsAreRefusedByName(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, database string) {
		s := start(t, options{database: database})
		for _, c := range wrongAgents(t) {
			a := s.postJSON(agentsPath, c.body)
			a.what = c.name
			a.refused(or(c.status, http.StatusBadRequest), c.says)
		}
		for _, c := range wrongBodies() {
			a := s.postJSON(agentsPath, c.body)
			a.what = c.name
			a.refused(or(c.status, http.StatusBadRequest), strings.Replace(c.says, `"text":`, "", 1))
		}
		if n := s.rows("agents") + s.rows("versions"); n != 0 {
			t.Errorf("%d rows of refused agents", n)
		}
		good := with(t, nil)
		s.postJSON(agentsPath, good).want(http.StatusCreated)
		s.postJSON(agentsPath, good).refused(http.StatusBadRequest, `"name":`) // taken
	})
}

func or(status, otherwise int) int {
	if status == 0 {
		return otherwise
	}
	return status
}

func TestOddAgentsThatCanBeMeantAreTaken(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, database string) {
		s := start(t, options{database: database})
		for name, body := range map[string]string{
			"nulls for lists and objects": `{"name":"nulls","engine_class_id":"PDFExtractionEngine","input_definitions":null,"engine_config":{"instructions":"x"}}`,
			"numbers and flags as text":   `{"name":"texts","engine_class_id":"PDFExtractionEngine","engine_config":{"instructions":"x","batch_size":"7","use_source":"True","temperature":"0.5"}}`,
			"unknown keys":                `{"name":"unknown","engine_class_id":"PDFExtractionEngine","engine_config":{"instructions":"x","colour":"red"},"shape":"round"}`,
			"a key twice, the last wins":  `{"name":"first","name":"second","engine_class_id":"PDFExtractionEngine","engine_config":{"instructions":"x"}}`,
			"a byte order mark":           "\xef\xbb\xbf" + `{"name":"bom","engine_class_id":"PDFExtractionEngine","engine_config":{"instructions":"x"}}`,
			"NUL in the configuration":    `{"name":"nul","engine_class_id":"PDFExtractionEngine","engine_config":{"instructions":"x\u0000y"}}`,
			"half a surrogate pair":       `{"name":"half \ud800","engine_class_id":"PDFExtractionEngine","engine_config":{"instructions":"\udfff"}}`,
			"a schema of a tree":          `{"name":"tree","engine_class_id":"PDFExtractionEngine","engine_config":{"instructions":"x","output_schema":{"$defs":{"n":{"type":"object","properties":{"name":{"type":"string"},"children":{"type":"array","items":{"$ref":"#/$defs/n"}}}}},"type":"object","properties":{"root":{"$ref":"#/$defs/n"}}}}}`,
		} {
			a := s.postJSON(agentsPath, body)
			if a.status != http.StatusCreated {
				t.Errorf("%s: %d %s", name, a.status, clip(a.body))
				continue
			}
			var agent struct{ ID, Name string }
			a.into(&agent)
			if name == "a key twice, the last wins" && agent.Name != "second" {
				t.Errorf("%s: %s", name, agent.Name)
			}
			again := s.get(agentsPath + agent.ID + "/").want(http.StatusOK)
			if !bytes.Equal(again.body, a.body) {
				t.Errorf("%s: created %s, then read %s", name, a.body, again.body)
			}
		}
	})
}
