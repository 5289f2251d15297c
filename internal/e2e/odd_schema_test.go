package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
)

// oddSchemas are valid and strange. Those that no document can fill still must not bring the server down.
func oddSchemas() map[string]string {
	deep := strings.Repeat(`{"type":"object","properties":{"a":`, 55) + `{"type":"string"}` + strings.Repeat(`}}`, 55)
	wide := make([]string, 3000)
	for i := range wide {
		wide[i] = `"field_` + strings.Repeat("x", i%50) + string(rune('a'+i%26)) + `":{"type":"string"}`
	}
	return map[string]string{
		"a tree":             `{"$defs":{"n":{"type":"object","properties":{"name":{"type":"string"},"children":{"type":"array","items":{"$ref":"#/$defs/n"}}}}},"type":"object","properties":{"root":{"$ref":"#/$defs/n"}}}`,
		"itself":             `{"$ref":"#"}`,
		"a circle":           `{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`,
		"all of itself":      `{"type":"object","allOf":[{"$ref":"#"}],"properties":{"a":{"type":"string"}}}`,
		"any of itself":      `{"type":"object","properties":{"a":{"anyOf":[{"$ref":"#"},{"type":"null"}]}}}`,
		"a list of itself":   `{"type":"array","items":{"$ref":"#"}}`,
		"not itself":         `{"type":"object","not":{"$ref":"#"}}`,
		"a dynamic circle":   `{"$dynamicAnchor":"x","type":"object","properties":{"a":{"$dynamicRef":"#x"}}}`,
		"nothing":            `{}`,
		"deep":               deep,
		"wide":               `{"type":"object","properties":{` + strings.Join(wide, ",") + `}}`,
		"nothing is allowed": `{"type":"object","properties":{"a":false},"additionalProperties":false,"minProperties":1}`,
		"a costly pattern":   `{"type":"object","properties":{"a":{"type":"string","pattern":"^(a+)+$"}}}`,
		"odd names":          `{"type":"object","properties":{"":{"type":"string"},"a/b~c":{"type":"string"},"é\u0000":{"type":"string"},"$ref":{"type":"string"}}}`,
		"impossible numbers": `{"type":"object","properties":{"total":{"type":"number","minimum":10,"maximum":5}},"required":["total"]}`,
	}
}

func TestOddSchemasDoNotBringTheServerDown(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	pdfs := testdata(t, "pdf/two-columns.pdf")
	for name, schema := range oddSchemas() {
		a := s.postJSON(agentsPath, with(t, object{"engine_config": object{"model": "builtin", "output_schema": rawJSON(schema)}}))
		if a.status == http.StatusBadRequest {
			a.refused(http.StatusBadRequest, "output_schema")
			continue
		}
		var agent struct{ ID string }
		a.want(http.StatusCreated).into(&agent)
		jobs := []string{
			s.post(asyncPath(agent.ID), formType, "text=name:+Root%0Atotal:+7%0Aa:+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab").submitted(),
			s.postForm(asyncPath(s.pdfAgent(name, schema, nil)), pdf("a.pdf", pdfs)).submitted(),
		}
		for _, job := range jobs {
			r := s.wait(job)
			if r.Status != steward.StatusSuccess && r.FailureCode != steward.FailSchemaMismatch && r.FailureCode != steward.FailInvalidConfig {
				t.Errorf("%s: %v %s %v", name, r.Status, r.FailureCode, r.ErrorMessage)
			}
		}
	}
}
