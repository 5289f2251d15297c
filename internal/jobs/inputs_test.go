package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/store"
)

func (h *house) agentWith(name, engineID string, defs ...steward.InputDefinition) steward.AgentID {
	h.t.Helper()
	a, err := h.agents.Create(h.ctx, agents.CreateParams{Name: name, EngineClassID: engineID, InputDefinitions: defs})
	if err != nil {
		h.t.Fatalf("create agent: %v", err)
	}
	return a.ID
}

func (h *house) upload(name, text string) *steward.File {
	h.t.Helper()
	f, err := h.files.Upload(h.ctx, name, "", strings.NewReader(text))
	if err != nil {
		h.t.Fatal(err)
	}
	return &f
}

func TestInputsAreReadByTheirDefinitions(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Func{ID: "E", Config: textParams()}}})
	const pdf = "%PDF-1.4\n1 0 obj\n<<>>\nendobj\n"
	agent := h.agentWith("a", "E",
		steward.InputDefinition{Key: "text", DataType: "text/plain"},
		steward.InputDefinition{Key: "doc", DataType: "application/pdf"},
		steward.InputDefinition{Key: "docs", DataType: "application/pdf", AcceptsMultipleFiles: true},
		steward.InputDefinition{Key: "data", DataType: "application/json"},
		steward.InputDefinition{Key: "flag", DataType: "boolean"},
		steward.InputDefinition{Key: "n", DataType: "number"})
	stored := h.upload("stored.pdf", pdf+"stored")

	for name, c := range map[string]struct {
		in  []jobs.RawInput
		err string // part of the message; "" means accepted
	}{
		"text":                         {[]jobs.RawInput{{Key: "text", Text: "x"}}, ""},
		"text of a JSON caller":        {[]jobs.RawInput{{Key: "text", JSON: json.RawMessage(`"x"`)}}, ""},
		"object for a text":            {[]jobs.RawInput{{Key: "text", JSON: json.RawMessage(`{"a":1}`)}}, ""},
		"invalid UTF-8":                {[]jobs.RawInput{{Key: "text", Text: "a\xff"}}, "Input text is not valid UTF-8"},
		"unknown input":                {[]jobs.RawInput{{Key: "other", Text: "x"}}, ""},
		"nothing":                      {nil, ""},
		"a PDF":                        {[]jobs.RawInput{{Key: "doc", File: h.upload("a.pdf", pdf)}}, ""},
		"a text as PDF":                {[]jobs.RawInput{{Key: "doc", File: h.upload("a.pdf", "hello")}}, "Input doc is not a PDF"},
		"two PDFs for one":             {[]jobs.RawInput{{Key: "doc", File: h.upload("a.pdf", pdf)}, {Key: "doc", File: h.upload("b.pdf", pdf)}}, "accepts one file"},
		"two PDFs for several":         {[]jobs.RawInput{{Key: "docs", File: h.upload("a.pdf", pdf)}, {Key: "docs", File: h.upload("b.pdf", pdf)}}, ""},
		"stored file by bare id":       {[]jobs.RawInput{{Key: "doc", Text: string(stored.ID)}}, ""},
		"stored file by reference":     {[]jobs.RawInput{{Key: "doc", Text: "file_" + strings.ToUpper(string(stored.ID))}}, ""},
		"unknown stored file":          {[]jobs.RawInput{{Key: "doc", Text: "00000000-0000-7000-8000-000000000000"}}, "does not exist"},
		"a URL":                        {[]jobs.RawInput{{Key: "doc", Text: "https://example.com/a.pdf"}}, ""},
		"a list of references":         {[]jobs.RawInput{{Key: "docs", JSON: json.RawMessage(`["https://example.com/a.pdf","` + string(stored.ID) + `"]`)}}, ""},
		"neither file, id nor URL":     {[]jobs.RawInput{{Key: "doc", Text: "/etc/passwd"}}, "must be a file, a stored file's id or an http(s) URL"},
		"another scheme":               {[]jobs.RawInput{{Key: "doc", Text: "ftp://example.com/a.pdf"}}, "must be a file"},
		"a number for a file":          {[]jobs.RawInput{{Key: "doc", JSON: json.RawMessage(`7`)}}, "must be a file"},
		"more files than an input may": {[]jobs.RawInput{{Key: "docs", Text: strings.Repeat("https://example.com/a.pdf ", 21)}}, "at most 20 files"},
		"far more files":               {[]jobs.RawInput{{Key: "docs", Text: strings.Repeat("https://example.com/a.pdf ", 21) + "00000000-0000-7000-8000-000000000000"}}, "at most 20 files"},
		"JSON text":                    {[]jobs.RawInput{{Key: "data", Text: `{"a": 1}`}}, ""},
		"a boolean in Python's words":  {[]jobs.RawInput{{Key: "flag", Text: "True"}}, ""},
		"no boolean":                   {[]jobs.RawInput{{Key: "flag", Text: "maybe"}}, "Input flag must be true or false"},
		"no number":                    {[]jobs.RawInput{{Key: "n", Text: "many"}}, "Input n must be a number"},
		"a picture for a text":         {[]jobs.RawInput{{Key: "text", File: h.upload("a.png", "\x89PNG\r\n\x1a\n")}}, "must be a text"},
		"a text file for a text":       {[]jobs.RawInput{{Key: "text", File: h.upload("a.txt", "hello")}}, ""},
	} {
		_, err := h.jobs.Submit(h.ctx, jobs.RunParams{AgentID: agent, Inputs: c.in})
		var e *steward.Error
		switch {
		case c.err == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.err != "" && (!errors.As(err, &e) || e.Code != steward.Invalid || e.Field != steward.InputField || !strings.Contains(e.Message, c.err)):
			t.Errorf("%s: got %v, want an invalid input with %q", name, err, c.err)
		}
	}
}

func TestATextThatNoRunCouldReadIsRefused(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Func{ID: "E", Config: textParams(), Do: func(_ context.Context, run *engine.Run) (*engine.Result, error) {
		return enginetest.Output(strconv.Itoa(len(run.Config.String("text"))))
	}}}})
	agent := h.agentWith("a", "E", steward.InputDefinition{Key: "text", DataType: "text/plain"}, steward.InputDefinition{Key: "data", DataType: "application/json"})
	long := strings.Repeat("x", 16<<20)
	for name, in := range map[string]jobs.RawInput{
		"text": {Key: "text", Text: long + "x"}, "JSON": {Key: "data", JSON: json.RawMessage(`["` + long + `"]`)},
	} {
		if _, err := h.jobs.RunMany(h.ctx, jobs.ManyParams{AgentID: agent, Items: [][]jobs.RawInput{{in}}}); steward.CodeOf(err) != steward.TooLarge {
			t.Errorf("a long %s: %v", name, err)
		}
	}
	h.work(jobs.WorkerOptions{})
	if job := h.end(h.submit(jobs.RunParams{AgentID: agent, Inputs: []jobs.RawInput{{Key: "text", Text: long}}})); job.Status != steward.StatusSuccess {
		t.Errorf("the longest text: %s, %+v", job.Status, job.Failure)
	}
}

func TestAForeignOrganizationSeesNothing(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}})
	agent := h.agent("a", "Steps0Engine", `{}`)
	id := h.submit(jobs.RunParams{AgentID: agent})
	foreign := steward.WithPrincipal(t.Context(), &steward.Principal{OrganizationID: "00000000-0000-7000-8000-000000000001", UserID: 99, Scopes: steward.Scopes()})
	_, errStatus := h.jobs.Status(foreign, id)
	_, errResult := h.jobs.Result(foreign, id)
	_, errSteps := h.jobs.Steps(foreign, id)
	_, errRun := h.jobs.Submit(foreign, jobs.RunParams{AgentID: agent})
	_, _, errList := h.jobs.List(foreign, jobs.ListParams{JobQuery: store.JobQuery{AgentID: agent}})
	for what, err := range map[string]error{"status": errStatus, "result": errResult, "steps": errSteps, "run": errRun, "list": errList, "cancel": h.jobs.Cancel(foreign, id)} {
		if steward.CodeOf(err) != steward.NotFound {
			t.Errorf("%s of a foreign id = %v, want not found", what, err)
		}
	}
}

func TestScopesAreAskedFor(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}})
	agent := h.agent("a", "Steps0Engine", `{}`)
	p, err := steward.PrincipalFrom(h.ctx, steward.ScopeAdmin)
	if err != nil {
		t.Fatal(err)
	}
	reader := steward.WithPrincipal(t.Context(), &steward.Principal{OrganizationID: p.OrganizationID, UserID: p.UserID, Scopes: []steward.Scope{steward.ScopeRead}})
	if _, err := h.jobs.Submit(reader, jobs.RunParams{AgentID: agent}); steward.CodeOf(err) != steward.Denied {
		t.Errorf("run with a reading key = %v", err)
	}
	if _, err := h.jobs.Submit(t.Context(), jobs.RunParams{AgentID: agent}); steward.CodeOf(err) != steward.Unauthenticated {
		t.Errorf("run without a principal = %v", err)
	}
}
