//go:build llm

package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
)

// realModel is a language model that runs on this machine; "make test-llm" starts one.
func realModel(t *testing.T) (url, name string) {
	t.Helper()
	url, name = os.Getenv("STEWARD_TEST_LLM_URL"), os.Getenv("STEWARD_TEST_LLM_MODEL")
	if url == "" || name == "" {
		t.Fatal("STEWARD_TEST_LLM_URL and STEWARD_TEST_LLM_MODEL must name a model's server: make test-llm sets them")
	}
	return url, name
}

// startWithModel starts a server whose default is the real model.
func startWithModel(t *testing.T) *server {
	t.Helper()
	url, name := realModel(t)
	return start(t, options{env: []string{"STEWARD_MODEL_BASE_URL=" + url, "STEWARD_MODEL=" + name}})
}

// TestARealModelAnswersInTheShapeThatIsAskedFor reads small texts with a small model. What it answers may be wrong; its shape may not,
// and nothing may be marked as verified that does not stand in the text.
func TestARealModelAnswersInTheShapeThatIsAskedFor(t *testing.T) {
	s := startWithModel(t)
	agent := s.agent(object{"name": "real", "engine_class_id": "MultimodalExtractionEngine", "engine_config": object{
		"instruction": "Read the invoice.", "use_source": true, "max_output_tokens": 600,
		"output_schema": json.RawMessage(`{"type":"object","additionalProperties":false,"required":["invoice_number","total","currency","paid"],"properties":{
			"invoice_number":{"type":"string"},"total":{"type":"number"},"currency":{"type":"string","enum":["EUR","USD","GBP"]},"paid":{"type":"boolean"}}}`),
	}})
	texts := []string{
		"INVOICE 2026-0417\nAlder & Finch Ltd\nTotal due: 1,240.50 EUR\nPayment: open\n",
		"Receipt no. 88213. You paid 17.20 GBP in cash. Thank you!\n",
		"Rye Harbour Supplies - invoice RH-77\nAmount: USD 310.00\nThis invoice has been paid in full.\n",
	}
	answers := 0
	for _, text := range texts {
		r := s.waitLong(s.postJSON(asyncPath(agent), object{"text": text}).submitted())
		if r.Status != steward.StatusSuccess {
			switch r.FailureCode {
			case steward.FailSchemaMismatch, steward.FailContextOverflow: // a small model may not get it right in three tries
				t.Logf("%q: %s: %s", text, r.FailureCode, why(r))
			default:
				t.Errorf("%q: failed as %s: %s", text, r.FailureCode, why(r))
			}
			continue
		}
		answers++
		s.checkRealAnswer(text, r)
	}
	if answers == 0 {
		t.Errorf("none of %d texts was answered", len(texts))
	}
}

// waitLong waits for a job for as long as a model on a busy machine may take.
func (s *server) waitLong(job string) jobResult {
	s.t.Helper()
	within(s.t, 15*time.Minute, "job "+job+" ends", func() bool { return s.status(job).Status.Terminal() })
	return s.wait(job)
}

func why(r jobResult) string {
	if r.ErrorMessage == nil {
		return ""
	}
	return *r.ErrorMessage
}

// checkRealAnswer judges the shape of an answer and its marks.
func (s *server) checkRealAnswer(text string, r jobResult) {
	s.t.Helper()
	var got struct {
		Number   *string            `json:"invoice_number"`
		Total    *float64           `json:"total"`
		Currency *string            `json:"currency"`
		Paid     *bool              `json:"paid"`
		Sources  []steward.Evidence `json:"_sources"`
		Summary  map[string]int     `json:"_grounding"`
	}
	dec := json.NewDecoder(strings.NewReader(r.Outputs[0].Value))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&got); err != nil {
		s.t.Errorf("%q: %s: %v", text, r.Outputs[0].Value, err)
	}
	if c := got.Currency; c != nil && *c != "EUR" && *c != "USD" && *c != "GBP" {
		s.t.Errorf("%q: currency %q is none of the schema's", text, *c)
	}
	for _, e := range got.Sources {
		if !e.Unverified && !strings.Contains(strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(e.Quote), " ")) {
			s.t.Errorf("%q: %s is marked as verified by %q", text, e.Path, e.Quote)
		}
	}
	s.t.Logf("%q: %s", text, r.Outputs[0].Value)
}

// TestARealModelIsTested asks for the test of models.
func TestARealModelIsTested(t *testing.T) {
	s := startWithModel(t)
	_, name := realModel(t)
	var got steward.ModelTest
	s.postJSON(agentsPath+"models/test/", object{}).want(200).into(&got)
	if got.Provider != "local" || got.Model != name && got.Failure == nil {
		t.Errorf("got %+v", got)
	}
	if f := got.Failure; f != nil && f.Code != steward.FailSchemaMismatch && f.Code != steward.FailContextOverflow {
		t.Errorf("failed as %s: %s", f.Code, f.Message)
	}
	if got.Failure == nil && (got.Usage.InputTokens == 0 || got.Usage.OutputTokens == 0) {
		t.Errorf("an answer without usage: %+v", got)
	}
	t.Logf("%s: right %t, grounded %t, %d ms, %s", name, got.OK, got.Grounded, got.LatencyMS, got.Answer)
}
