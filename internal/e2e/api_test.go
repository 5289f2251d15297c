package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
)

const agentsPath = "/v1/agents/"

func runPath(agent string) string        { return agentsPath + "run/" + agent + "/" }
func asyncPath(agent string) string      { return agentsPath + "run/" + agent + "/async/" }
func jobPath(job, what string) string    { return agentsPath + "jobs/" + job + "/" + what + "/" }
func versionPath(agent, v string) string { return runPath(agent) + "versions/" + v + "/" }

// object is a JSON object.
type object map[string]any

// agent makes an agent whose runs are all done, also those that equal an earlier one, and returns its id.
func (s *server) agent(body object) string {
	s.t.Helper()
	var a struct {
		ID string `json:"id"`
	}
	s.postJSON(agentsPath, body).want(http.StatusCreated).into(&a)
	s.do(request{method: http.MethodPatch, path: agentsPath + a.ID + "/", kind: jsonType, body: strings.NewReader(`{"disable_cache":true}`)}).want(http.StatusOK)
	return a.ID
}

// pdfAgent makes an agent that reads PDFs, with further configuration.
func (s *server) pdfAgent(name, schema string, config object) string {
	s.t.Helper()
	c := object{"model": "builtin", "instructions": "Extract what is asked for.", "use_source": true}
	if schema != "" {
		c["output_schema"] = json.RawMessage(schema)
	}
	for k, v := range config {
		c[k] = v
	}
	return s.agent(object{"name": name, "engine_class_id": "PDFExtractionEngine", "engine_config": c})
}

// textSchema is a small schema for texts.
const textSchema = `{"type":"object","properties":{"invoice_number":{"type":["string","null"],"title":"Invoice number"},"total":{"type":["number","null"],"title":"Total"}}}`

// textAgent makes an agent that reads a text.
func (s *server) textAgent(name string, config object) string {
	s.t.Helper()
	c := object{"model": "builtin", "instruction": "Extract what is asked for.", "output_schema": json.RawMessage(textSchema)}
	for k, v := range config {
		c[k] = v
	}
	return s.agent(object{"name": name, "engine_class_id": "MultimodalExtractionEngine", "engine_config": c,
		"input_definitions": []object{{"key": "text", "data_type": "text/plain", "description": "The text."}}})
}

// jobStatus is the answer to a poll.
type jobStatus struct {
	Status       steward.Status    `json:"status"`
	Timestamp    float64           `json:"timestamp"`
	ErrorMessage string            `json:"error_message"`
	StartedAt    *time.Time        `json:"started_at"`
	Progress     *steward.Progress `json:"progress"`
}

// jobResult is what became of a job.
type jobResult struct {
	AgentID      string              `json:"agent_id"`
	VersionID    string              `json:"agent_version_id"`
	Inputs       []jobInput          `json:"inputs"`
	Outputs      []steward.Datum     `json:"outputs"`
	InputTokens  int64               `json:"input_tokens"`
	OutputTokens int64               `json:"output_tokens"`
	Status       steward.Status      `json:"status"`
	ErrorMessage *string             `json:"error_message"`
	FailureCode  steward.FailureCode `json:"failure_code"`
	Cost         *float64            `json:"cost"`
	Metadata     object              `json:"metadata"`
	References   []object            `json:"references"`
}

type jobInput struct {
	Key      string `json:"key"`
	DataType string `json:"data_type"`
	Value    string `json:"value"`
	FileName string `json:"file_name"`
}

// submitted returns the job id that a run call answered.
func (a *answer) submitted() string {
	a.t.Helper()
	var id string
	a.want(http.StatusOK).into(&id)
	return id
}

func (s *server) status(job string) jobStatus {
	s.t.Helper()
	var st jobStatus
	s.get(jobPath(job, "status")).want(http.StatusOK).into(&st)
	return st
}

// wait waits for the end of a job and returns its result, which must be there at once.
func (s *server) wait(job string) jobResult {
	s.t.Helper()
	until(s.t, "job "+job+" ends", func() bool { return s.status(job).Status.Terminal() })
	var r jobResult
	s.get(jobPath(job, "result")).want(http.StatusOK).into(&r)
	return r
}

// steps lists a job's recorded steps.
func (s *server) steps(job string) []steward.Step {
	s.t.Helper()
	var page steward.Page[steward.Step]
	s.get(jobPath(job, "steps")).want(http.StatusOK).into(&page)
	if int(page.Count) != len(page.Results) {
		s.t.Errorf("%d steps, count %d", len(page.Results), page.Count)
	}
	return page.Results
}

// succeeded fails the test unless the job's one output is there, and decodes it.
func (r jobResult) succeeded(t *testing.T, v any) {
	t.Helper()
	if r.Status != steward.StatusSuccess || len(r.Outputs) != 1 {
		why := ""
		if r.ErrorMessage != nil {
			why = *r.ErrorMessage
		}
		t.Fatalf("status %v %s %q with %d outputs", r.Status, r.FailureCode, why, len(r.Outputs))
	}
	decodeDatum(t, r.Outputs[0], v)
}

func decodeDatum(t *testing.T, d steward.Datum, v any) {
	t.Helper()
	if d.Key != "output" || d.DataType != jsonType {
		t.Errorf("datum %s of type %s", d.Key, d.DataType)
	}
	if err := json.Unmarshal([]byte(d.Value), v); err != nil {
		t.Fatalf("output %s: %v", d.Value, err)
	}
}

// field is a part of a multipart body: a file when it has a file name.
type field struct {
	name, file, kind string
	data             []byte
}

// form makes a multipart body.
func form(t *testing.T, fields ...field) (kind string, body io.Reader) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range fields {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="%s"`, f.name)}}
		if f.file != "" {
			h.Set("Content-Disposition", fmt.Sprintf(`form-data; name="%s"; filename="%s"`, f.name, f.file))
		}
		if f.kind != "" {
			h.Set("Content-Type", f.kind)
		}
		p, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), &b
}

// postForm sends a multipart body.
func (s *server) postForm(path string, fields ...field) *answer {
	s.t.Helper()
	kind, body := form(s.t, fields...)
	return s.do(request{method: http.MethodPost, path: path, kind: kind, body: body})
}

// pdf is a file part for agents that read PDFs.
func pdf(name string, data []byte) field {
	return field{name: "pdf_files", file: name, kind: "application/pdf", data: data}
}

// rawJSON is a text that is JSON already.
func rawJSON(text string) json.RawMessage { return json.RawMessage(text) }

// jsonBody is a value as a body.
func jsonBody(v any) io.Reader {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of the test's own making
	}
	return bytes.NewReader(text)
}
