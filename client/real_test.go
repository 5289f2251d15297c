package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/examples/invoice"
)

// textAgent reads totals out of texts.
func textAgent(name string) client.AgentCreate {
	return client.AgentCreate{
		Name: name, EngineClassID: "MultimodalExtractionEngine",
		EngineConfig: map[string]any{"text": "${text}", "output_schema": map[string]any{
			"type": "object", "properties": map[string]any{"total": map[string]any{"type": "number"}},
		}},
		InputDefinitions: []steward.InputDefinition{{Key: "text", DataType: "text/plain", Description: "The text"}},
	}
}

func TestTheQuickStart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	a, err := h.CreateAgent(ctx, client.AgentCreate{
		Name: "invoices", EngineClassID: "PDFExtractionEngine", Description: "Reads invoices", VersionName: "first",
		EngineConfig: map[string]any{"model": "builtin", "instructions": "Extract the invoice.", "output_schema": json.RawMessage(invoice.Schema)},
	})
	if err != nil {
		t.Fatal(err)
	}
	job, err := h.Run(ctx, a.ID, client.RunParams{
		Inputs:   client.Inputs{"pdf_files": client.FilePath(filepath.Join("..", "examples", "invoice", "invoice.pdf"))},
		Metadata: map[string]any{"case": "A-1", "n": 7},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.Wait(ctx, job, nil)
	if err != nil || !r.Succeeded() {
		t.Fatalf("Wait = %+v, %v", r, err)
	}
	var got struct {
		Total   float64            `json:"total"`
		Sources []steward.Evidence `json:"_sources"`
	}
	if err := r.Decode("output", &got); err != nil || got.Total != 12886.51 {
		t.Errorf("Decode = %+v, %v", got, err)
	}
	if len(r.Inputs) != 1 || r.Inputs[0].FileName != "invoice.pdf" || r.AgentID != a.ID || r.AgentVersionID != a.CurrentVersionID {
		t.Errorf("result = %+v", r)
	}
	if string(r.Metadata) != `{"case":"A-1","n":7}` || r.EndedAt == nil || r.CreatedAt.IsZero() || r.FailureCode != "" {
		t.Errorf("result = %+v", r)
	}
	checkSteps(t, h, job)
	checkLists(t, h, a, job)
}

func checkSteps(t *testing.T, h *house, job steward.JobID) {
	t.Helper()
	steps, err := h.JobSteps(t.Context(), job)
	if err != nil || len(steps) < 2 {
		t.Fatalf("JobSteps = %+v, %v", steps, err)
	}
	if last := steps[len(steps)-1]; last.Kind != steward.StepModel || last.Model != "builtin" || last.JobID != job {
		t.Errorf("last step = %+v", last)
	}
}

func checkLists(t *testing.T, h *house, a *steward.Agent, job steward.JobID) {
	t.Helper()
	ctx := t.Context()
	page, err := h.ListJobs(ctx, a.ID, client.JobList{Status: []steward.Status{steward.StatusSuccess}})
	if err != nil || page.Count != 1 || page.Results[0].ID != job || page.Results[0].Metadata["n"] != "7" || page.Results[0].DurationMS == nil {
		t.Errorf("ListJobs = %+v, %v", page, err)
	}
	none, err := h.ListJobs(ctx, a.ID, client.JobList{Status: []steward.Status{steward.StatusFailure, steward.StatusPending}})
	if err != nil || none.Count != 0 {
		t.Errorf("ListJobs of failed ones = %+v, %v", none, err)
	}
	v, err := h.AgentVersion(ctx, a.ID, "")
	if err != nil || v.ID != a.CurrentVersionID || v.VersionName != "first" || v.Description != "Reads invoices" {
		t.Errorf("AgentVersion = %+v, %v", v, err)
	}
	same, err := h.Agent(ctx, a.ID)
	if err != nil || same.JobCount == nil || *same.JobCount != 1 {
		t.Errorf("Agent = %+v, %v", same, err)
	}
}

func TestWhatAgentsCanBeMadeOf(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	types, err := h.EngineTypes(t.Context())
	if err != nil || !slices.ContainsFunc(types, func(e steward.EngineType) bool { return e.ClassID == "PDFExtractionEngine" && len(e.InputSchema) > 2 }) {
		t.Errorf("EngineTypes = %d, %v", len(types), err)
	}
	models, err := h.Models(t.Context(), "")
	if err != nil || !slices.ContainsFunc(models, func(m steward.LanguageModel) bool { return m.ID == "builtin" && m.Configured && m.Default }) {
		t.Errorf("Models = %+v, %v", models, err)
	}
	seeing, err := h.Models(t.Context(), "image")
	if err != nil || len(seeing) == 0 || len(seeing) >= len(models) {
		t.Errorf("Models(image) = %d of %d, %v", len(seeing), len(models), err)
	}
	if _, err := h.Models(t.Context(), "smell"); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("Models(smell) = %v, want invalid", err)
	}
	me, err := h.Me(t.Context())
	if err != nil || me.ID == 0 || me.Email == "" {
		t.Errorf("Me = %+v, %v", me, err)
	}
}

func TestRunsAreIdempotentByKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	agent := h.agent(t, textAgent("texts"))
	p := client.RunParams{Inputs: client.Inputs{"text": "Total: 12.50"}, IdempotencyKey: "order-7"}
	first, err := h.Run(t.Context(), agent, p)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.Run(t.Context(), agent, p); err != nil || again != first {
		t.Errorf("the second run is %s, %v; want %s", again, err, first)
	}
	p.IdempotencyKey = ""
	if other, err := h.Run(t.Context(), agent, p); err != nil || other == first {
		t.Errorf("a run without a key is %s, %v", other, err)
	}
	var jobs []steward.JobID
	for j, err := range h.Jobs(t.Context(), agent, client.JobList{PageSize: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j.ID)
	}
	if len(jobs) != 2 || jobs[1] != first {
		t.Errorf("jobs = %v, want two, the newest first", jobs)
	}
}

func TestInputsOfEveryKindReachTheRun(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	agent := h.agent(t, textAgent("texts"))
	for name, in := range map[string]any{
		"text": "Total: 12.50", "bytes": client.File{Bytes: []byte("Total: 12.50"), Name: `Müller "x".txt`},
		"stream": client.FileReader("a.txt", strings.NewReader("Total: 12.50")),
	} {
		out, err := h.RunSync(t.Context(), agent, client.RunParams{Inputs: client.Inputs{"text": in}})
		if err != nil || len(out) != 1 {
			t.Errorf("%s: %+v, %v", name, out, err)
			continue
		}
		var got struct{ Total float64 }
		if err := json.Unmarshal([]byte(out[0].Value), &got); err != nil || got.Total != 12.5 {
			t.Errorf("%s: %s, %v", name, out[0].Value, err)
		}
	}
	_, err := h.RunSync(t.Context(), agent, client.RunParams{})
	if e := (*client.Error)(nil); steward.CodeOf(err) != steward.Invalid || !errors.As(err, &e) || e.Message != "Missing input key text" {
		t.Errorf("a run without its input: %v", err)
	}
}

func TestNamesOfFilesSurviveTheWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	agent := h.agent(t, client.AgentCreate{
		EngineClassID:    "SavingEngine",
		InputDefinitions: []steward.InputDefinition{{Key: "docs", DataType: "application/pdf", Description: "Documents", AcceptsMultipleFiles: true}},
	})
	names := []string{"Rechnung Müller & Söhne.pdf", "請求書.pdf", `quote".pdf`, "semi;colon=1.pdf", "per%cent%20.pdf"}
	var files []client.File
	for _, name := range names {
		files = append(files, client.File{Bytes: invoice.PDF, Name: name})
	}
	job, err := h.Run(t.Context(), agent, client.RunParams{Inputs: client.Inputs{"docs": files}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.Wait(t.Context(), job, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, in := range r.Inputs {
		got = append(got, in.FileName)
	}
	if !slices.Equal(got, names) {
		t.Errorf("names = %q, want %q", got, names)
	}
	// A stored file serves the next run by its id.
	again := []client.File{{ID: steward.FileID(r.Inputs[0].Value)}, {ID: steward.FileID(r.Inputs[2].Value)}, {Bytes: invoice.PDF, Name: "new.pdf"}}
	if job, err = h.Run(t.Context(), agent, client.RunParams{Inputs: client.Inputs{"docs": again}}); err != nil {
		t.Fatal(err)
	}
	if r, err = h.Wait(t.Context(), job, nil); err != nil || len(r.Inputs) != 3 || r.Inputs[1].FileName != names[2] {
		t.Errorf("inputs = %+v, %v", r, err)
	}
}

func TestFilesThatAJobSavedCanBeDownloaded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	job, err := h.Run(t.Context(), h.agent(t, client.AgentCreate{EngineClassID: "SavingEngine"}), client.RunParams{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.Wait(t.Context(), job, nil)
	if err != nil || len(r.References()) != 1 {
		t.Fatalf("Wait = %+v, %v", r, err)
	}
	if f := r.Saved[0]; f.ResourceID != "page-1.txt" || f.SizeBytes != 14 || f.Kind != "page" || !strings.HasPrefix(f.URL, h.BaseURL()) {
		t.Errorf("saved file = %+v", f)
	}
	var content bytes.Buffer
	n, err := h.DownloadReference(t.Context(), job, r.References()[0], &content, nil)
	if err != nil || n != 14 || content.String() != "the first page" {
		t.Errorf("DownloadReference = %d, %q, %v", n, content.String(), err)
	}
	if _, err := h.DownloadReference(t.Context(), job, "none.txt", &content, nil); !client.IsNotFound(err) {
		t.Errorf("an unknown file: %v, want not found", err)
	}
	if _, err := h.DownloadReference(t.Context(), job, r.References()[0], full{}, nil); !errors.Is(err, errBroken) {
		t.Errorf("a writer that fails: %v, want its error", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errBroken }

func TestAFailedJobSaysWhy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	agent := h.agent(t, client.AgentCreate{EngineClassID: "RefusingEngine"})
	job, err := h.Run(t.Context(), agent, client.RunParams{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.Wait(t.Context(), job, nil)
	if err != nil || r.Succeeded() || r.FailureCode != steward.FailModelRefused || r.ErrorMessage != "The model will not answer this." {
		t.Errorf("Wait = %+v, %v", r, err)
	}
	_, err = h.RunSync(t.Context(), agent, client.RunParams{})
	var e *client.Error
	if !errors.As(err, &e) || e.FailureCode != steward.FailModelRefused || e.JobID == "" || e.JobID == job {
		t.Errorf("RunSync = %v", err)
	}
}

func TestAJobIsCancelledWhileItIsWaitedFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	job, err := h.Run(ctx, h.agent(t, client.AgentCreate{EngineClassID: "WaitingEngine"}), client.RunParams{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.JobResult(ctx, job); !client.IsNotFound(err) {
		t.Errorf("the result of an open job: %v, want not found", err)
	}
	asked := false
	r, err := h.Wait(ctx, job, &client.WaitOptions{OnStatus: func(st *client.JobStatus) {
		if st.Status == steward.StatusStarted && !asked {
			asked = true
			if err := h.CancelJob(ctx, job); err != nil {
				t.Errorf("CancelJob: %v", err)
			}
		}
	}})
	if err != nil || r.Status != steward.StatusCancelled {
		t.Fatalf("Wait = %+v, %v", r, err)
	}
	if err := h.CancelJob(ctx, job); err != nil {
		t.Errorf("cancelling once more: %v", err)
	}
}

func TestKeysHaveTheirScopesAndEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	agent := h.agent(t, textAgent("texts"))
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	reader, err := h.CreateKey(ctx, client.KeyCreate{Name: "reader", Scopes: []steward.Scope{steward.ScopeRead}, ExpiresAt: &until})
	if err != nil || reader.Token == "" || reader.ExpiresAt == nil || !reader.ExpiresAt.Equal(until) {
		t.Fatalf("CreateKey = %+v, %v", reader, err)
	}
	runner, err := h.CreateKey(ctx, client.KeyCreate{Name: "runner", Scopes: []steward.Scope{steward.ScopeRun}})
	if err != nil {
		t.Fatal(err)
	}
	reads, runs := h.with(t, reader.Token), h.with(t, runner.Token)
	if _, err := reads.Agent(ctx, agent); err != nil {
		t.Errorf("a reader reads: %v", err)
	}
	if _, err := reads.Run(ctx, agent, client.RunParams{Inputs: client.Inputs{"text": "x"}}); steward.CodeOf(err) != steward.Denied {
		t.Errorf("a reader runs: %v, want denied", err)
	}
	if _, err := runs.Run(ctx, agent, client.RunParams{Inputs: client.Inputs{"text": "x"}}); err != nil {
		t.Errorf("a runner runs: %v", err)
	}
	if _, err := runs.CreateKey(ctx, client.KeyCreate{Name: "x", Scopes: []steward.Scope{steward.ScopeRead}}); steward.CodeOf(err) != steward.Denied {
		t.Errorf("a runner makes keys: %v, want denied", err)
	}
	if _, err := runs.CreateAgent(ctx, textAgent("more")); steward.CodeOf(err) != steward.Denied {
		t.Errorf("a runner makes agents: %v, want denied", err)
	}
	keys, err := h.ListKeys(ctx)
	if err != nil || len(keys) != 3 || keys[0].Name != "runner" || keys[0].Prefix == "" || strings.Contains(encode(t, keys), reader.Token) {
		t.Errorf("ListKeys = %+v, %v", keys, err)
	}
	if err := h.RevokeKey(ctx, reader.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := reads.Agent(ctx, agent); steward.CodeOf(err) != steward.Unauthenticated {
		t.Errorf("a revoked key: %v, want unauthenticated", err)
	}
	if err := h.RevokeKey(ctx, someID); !client.IsNotFound(err) {
		t.Errorf("revoking an unknown key: %v, want not found", err)
	}
	var e *client.Error
	if _, err := h.CreateKey(ctx, client.KeyCreate{Name: "x", Scopes: []steward.Scope{"fly"}}); !errors.As(err, &e) || e.Field != "scopes" {
		t.Errorf("an unknown scope: %v, want an error about scopes", err)
	}
}

func TestForeignThingsDoNotExist(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	agent := h.agent(t, client.AgentCreate{EngineClassID: "SavingEngine"})
	job, err := h.Run(ctx, agent, client.RunParams{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Wait(ctx, job, nil); err != nil {
		t.Fatal(err)
	}
	keys, err := h.ListKeys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	other := h.stranger(t)
	for name, call := range map[string]func() error{
		"agent":    func() error { _, err := other.Agent(ctx, agent); return err },
		"version":  func() error { _, err := other.AgentVersion(ctx, agent, ""); return err },
		"run":      func() error { _, err := other.Run(ctx, agent, client.RunParams{}); return err },
		"run sync": func() error { _, err := other.RunSync(ctx, agent, client.RunParams{}); return err },
		"jobs":     func() error { _, err := other.ListJobs(ctx, agent, client.JobList{}); return err },
		"status":   func() error { _, err := other.JobStatus(ctx, job); return err },
		"result":   func() error { _, err := other.JobResult(ctx, job); return err },
		"steps":    func() error { _, err := other.JobSteps(ctx, job); return err },
		"wait":     func() error { _, err := other.Wait(ctx, job, nil); return err },
		"cancel":   func() error { return other.CancelJob(ctx, job) },
		"reference": func() error {
			_, err := other.DownloadReference(ctx, job, "page-1.txt", &bytes.Buffer{}, nil)
			return err
		},
		"key": func() error { return other.RevokeKey(ctx, keys[0].ID) },
	} {
		if err := call(); !client.IsNotFound(err) {
			t.Errorf("%s of another organization: %v, want not found", name, err)
		}
	}
	if page, err := other.ListAgents(ctx, client.AgentList{}); err != nil || page.Count != 0 {
		t.Errorf("ListAgents of another organization = %+v, %v", page, err)
	}
}

func TestRefusalsNameTheField(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.agent(t, textAgent("taken"))
	for name, tt := range map[string]struct {
		p     client.AgentCreate
		field string
	}{
		"no name":        {client.AgentCreate{EngineClassID: "SavingEngine"}, "name"},
		"a taken name":   {textAgent("taken"), "name"},
		"unknown engine": {client.AgentCreate{Name: "x", EngineClassID: "MagicEngine"}, "engine_class_id"},
	} {
		_, err := h.CreateAgent(t.Context(), tt.p)
		var e *client.Error
		if !errors.As(err, &e) || e.Field != tt.field || steward.CodeOf(err) != steward.Invalid {
			t.Errorf("%s: %v, want invalid naming %s", name, err, tt.field)
		}
	}
	if _, err := h.with(t, "stw_wrong").Me(t.Context()); steward.CodeOf(err) != steward.Unauthenticated {
		t.Errorf("a wrong key: %v", err)
	}
	if _, err := h.ListAgents(t.Context(), client.AgentList{Ordering: "colour"}); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("an unknown order: %v", err)
	}
}
