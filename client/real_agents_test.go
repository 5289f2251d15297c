package client_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func TestTheLifeOfAnAgent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	id := h.agent(t, textAgent("first"))
	a, err := h.UpdateAgent(ctx, id, client.AgentUpdate{DisableCache: ptr(true)})
	if err != nil || a.Name != "first" || !a.DisableCache || a.CacheFailedJobs {
		t.Errorf("UpdateAgent = %+v, %v", a, err)
	}
	a, err = h.ReplaceAgent(ctx, id, client.AgentUpdate{Name: ptr("second"), CacheFailedJobs: ptr(true)})
	if err != nil || a.Name != "second" || !a.CacheFailedJobs {
		t.Errorf("ReplaceAgent = %+v, %v", a, err)
	}
	if _, err := h.UpdateAgent(ctx, id, client.AgentUpdate{Name: ptr("")}); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("a blank name: %v", err)
	}
	v, err := h.DuplicateAgent(ctx, id)
	if err != nil || v.BaseAgent.ID == id || v.BaseAgent.Name != "second (copy)" || v.BaseAgent.CurrentVersionID != v.ID {
		t.Fatalf("DuplicateAgent = %+v, %v", v, err)
	}
	job, err := h.Run(ctx, id, client.RunParams{Inputs: client.Inputs{"text": "Total: 1.50"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Wait(ctx, job, nil); err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteAgent(ctx, id); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"agent": func() error { _, err := h.Agent(ctx, id); return err }, "job": func() error { _, err := h.JobResult(ctx, job); return err },
		"again": func() error { return h.DeleteAgent(ctx, id) }, "run": func() error { _, err := h.Run(ctx, id, client.RunParams{}); return err },
	} {
		if err := call(); !client.IsNotFound(err) {
			t.Errorf("%s of a deleted agent: %v", name, err)
		}
	}
	if n, err := length(h.Agents(ctx, client.AgentList{})); err != nil || n != 1 {
		t.Errorf("%d agents are left, %v", n, err)
	}
}

func TestTheLifeOfVersions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	id := h.agent(t, textAgent("texts"))
	first, err := h.AgentVersion(ctx, id, "")
	if err != nil || first.SupportsEval == nil {
		t.Fatalf("AgentVersion = %+v, %v", first, err)
	}
	second, err := h.CreateVersion(ctx, id, client.VersionCreate{VersionName: "two", Description: "the second"})
	if err != nil || second.ID == first.ID || second.VersionName != "two" || len(second.InputDefinitions) != 1 || !sameJSON(t, string(second.EngineConfig), string(first.EngineConfig)) {
		t.Fatalf("CreateVersion = %+v, %v, want one that takes over what it does not say", second, err)
	}
	if err := h.UpdateVersion(ctx, id, first.ID, client.VersionUpdate{VersionName: ptr("one")}); err != nil {
		t.Error(err)
	}
	if err := h.ReplaceVersion(ctx, id, second.ID, client.VersionUpdate{Description: ptr("changed")}); err != nil {
		t.Error(err)
	}
	list, err := h.ListVersions(ctx, id)
	if err != nil || len(list) != 2 || list[0].Description != "changed" || list[0].VersionName != "two" || list[1].VersionName != "one" {
		t.Errorf("ListVersions = %+v, %v", list, err)
	}
	page, err := h.ListVersionPage(ctx, id, client.VersionList{PageSize: 1})
	if err != nil || page.Count != 2 || len(page.Results) != 1 || page.Next == nil {
		t.Errorf("ListVersionPage = %+v, %v", page, err)
	}
	if n, err := length(h.Versions(ctx, id, client.VersionList{PageSize: 1})); err != nil || n != 2 {
		t.Errorf("Versions yields %d, %v", n, err)
	}
	if err := h.DeleteVersion(ctx, id, second.ID); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("deleting the current version: %v", err)
	}
	if err := h.DeleteVersion(ctx, id, first.ID); err != nil {
		t.Error(err)
	}
	if _, err := h.AgentVersion(ctx, id, first.ID); !client.IsNotFound(err) {
		t.Errorf("a deleted version: %v", err)
	}
}

func TestAgentsAreFoundByTheirTagsAndTheRest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	red, err := h.CreateTag(ctx, client.TagCreate{Name: "red one", Color: "red"})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := h.CreateTag(ctx, client.TagCreate{Name: "plain"})
	if err != nil || plain.Color == "" {
		t.Fatalf("CreateTag = %+v, %v", plain, err)
	}
	a, b := h.agent(t, textAgent("a")), h.agent(t, client.AgentCreate{Name: "b", EngineClassID: "SavingEngine"})
	tagged, err := h.SetAgentTags(ctx, a, red.ID, plain.ID)
	if err != nil || len(tagged.Tags) != 2 {
		t.Fatalf("SetAgentTags = %+v, %v", tagged, err)
	}
	if tagged, err = h.SetAgentTags(ctx, a, red.ID); err != nil || len(tagged.Tags) != 1 {
		t.Errorf("SetAgentTags = %+v, %v", tagged, err)
	}
	if _, err := h.Run(ctx, b, client.RunParams{}); err != nil {
		t.Fatal(err)
	}
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for name, tt := range map[string]struct {
		p    client.AgentList
		want []steward.AgentID
	}{
		"tag": {client.AgentList{Tags: []steward.TagID{red.ID}}, []steward.AgentID{a}}, "unused tag": {client.AgentList{Tags: []steward.TagID{plain.ID}}, nil},
		"untagged": {client.AgentList{Tags: []steward.TagID{plain.ID}, IncludeUntagged: true}, []steward.AgentID{b}},
		"search":   {client.AgentList{Search: "RED ONE"}, []steward.AgentID{a}}, "engine": {client.AgentList{EngineClassIDs: []string{"SavingEngine", "x"}}, []steward.AgentID{b}},
		"not engine": {client.AgentList{ExcludeEngineClassIDs: []string{"SavingEngine"}}, []steward.AgentID{a}},
		"jobs":       {client.AgentList{JobCountMin: ptr(int64(1))}, []steward.AgentID{b}}, "no jobs": {client.AgentList{JobCountMax: ptr(int64(0))}, []steward.AgentID{a}},
		"made":       {client.AgentList{CreatedFrom: past, CreatedTo: soon, UpdatedFrom: past, UpdatedTo: soon, CreatorIDs: []steward.UserID{1}, Ordering: "name"}, []steward.AgentID{a, b}},
		"made later": {client.AgentList{CreatedFrom: soon}, nil}, "run lately": {client.AgentList{MostRecentJobFrom: past, MostRecentJobTo: soon}, []steward.AgentID{b}},
	} {
		var got []steward.AgentID
		for agent, err := range h.Agents(ctx, tt.p) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got = append(got, agent.ID)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	page, err := h.ListAgents(ctx, client.AgentList{WithoutJobStats: true})
	if err != nil || page.Results[0].JobCount != nil {
		t.Errorf("ListAgents without statistics = %+v, %v", page, err)
	}
	changed, err := h.UpdateTag(ctx, red.ID, client.TagUpdate{Name: ptr("crimson")})
	if err != nil || changed.Name != "crimson" || changed.Color != "red" || changed.UsageCount != 1 {
		t.Errorf("UpdateTag = %+v, %v", changed, err)
	}
	if err := h.DeleteTag(ctx, plain.ID); err != nil {
		t.Error(err)
	}
	if tags, err := h.ListTags(ctx); err != nil || len(tags) != 1 || tags[0].Name != "crimson" {
		t.Errorf("ListTags = %+v, %v", tags, err)
	}
}

func TestTheLifeOfAStoredFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	const text = "Total: EUR 1,250.00"
	f, err := h.UploadFile(ctx, client.FileBytes("Müller.txt", []byte(text)), &client.FileOptions{DatasetID: someID})
	if err != nil || f.Name != "Müller.txt" || f.SizeBytes != int64(len(text)) || f.DatasetID != someID || f.Temporary || f.Ref != "file_"+string(f.ID) || len(f.SHA256) != 64 {
		t.Fatalf("UploadFile = %+v, %v", f, err)
	}
	piped, err := h.UploadFile(ctx, client.FileReader("piped.txt", &onlyReader{strings.NewReader(text)}), &client.FileOptions{Temporary: true})
	if err != nil || !piped.Temporary || piped.ExpiresAt == nil || piped.SHA256 != f.SHA256 {
		t.Fatalf("UploadFile = %+v, %v", piped, err)
	}
	if same, err := h.File(ctx, f.ID); err != nil || same.ID != f.ID || same.CreatedAt.IsZero() {
		t.Errorf("File = %+v, %v", same, err)
	}
	for p, want := range map[client.FileList]int{{}: 1, {DatasetID: someID}: 1, {DatasetID: steward.DatasetID(f.ID)}: 0} {
		if n, err := length(h.Files(ctx, p)); err != nil || n != want {
			t.Errorf("%+v: %d files, %v, want %d", p, n, err, want)
		}
	}
	var got bytes.Buffer
	if n, err := h.DownloadFile(ctx, f.ID, &got, nil); err != nil || got.String() != text || n != int64(len(text)) {
		t.Errorf("DownloadFile = %q, %v", got.String(), err)
	}
	got.Reset()
	if _, err := h.DownloadFile(ctx, f.ID, &got, &client.DownloadOptions{Offset: 7, Length: 3}); err != nil || got.String() != "EUR" {
		t.Errorf("DownloadFile of a part = %q, %v", got.String(), err)
	}
	if _, err := h.DownloadFile(ctx, f.ID, &got, &client.DownloadOptions{Offset: 1000}); steward.CodeOf(err) != steward.OutOfRange {
		t.Errorf("DownloadFile beyond the end: %v", err)
	}
	docs := h.agent(t, client.AgentCreate{
		EngineClassID: "SavingEngine", InputDefinitions: []steward.InputDefinition{{Key: "docs", DataType: "*/*", Description: "d", AcceptsMultipleFiles: true}},
	})
	job, err := h.Run(ctx, docs, client.RunParams{Inputs: client.Inputs{"docs": []client.File{client.FileID(f.ID), client.FileBytes("new.txt", []byte("x"))}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteFile(ctx, f.ID); err != nil {
		t.Error(err)
	}
	r, err := h.Wait(ctx, job, nil)
	if err != nil || len(r.Inputs) != 2 || r.Inputs[0].FileName != "Müller.txt" {
		t.Errorf("Wait = %+v, %v", r, err)
	}
	if n, err := length(h.Files(ctx, client.FileList{})); err != nil || n != 0 {
		t.Errorf("%d files are left, %v", n, err)
	}
}

// onlyReader hides everything of a reader but Read.
type onlyReader struct{ r *strings.Reader }

func (o *onlyReader) Read(p []byte) (int, error) { return o.r.Read(p) }

func TestArtifactsOfNoKindAreNotFound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	job, err := h.Run(t.Context(), h.agent(t, client.AgentCreate{EngineClassID: "SavingEngine"}), client.RunParams{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Wait(t.Context(), job, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Artifact(t.Context(), job, "agent-job-"+string(job)+"/none.json"); !client.IsNotFound(err) {
		t.Errorf("Artifact = %s, %v", got, err)
	}
	var part bytes.Buffer
	if n, err := h.DownloadReference(t.Context(), job, "page-1.txt", &part, &client.DownloadOptions{Offset: 4, Length: 5}); err != nil || n != 5 || part.String() != "first" {
		t.Errorf("a part of a reference = %q, %v", part.String(), err)
	}
}

// numbersOf decodes the total of each result.
func numbersOf(t *testing.T, results []*client.JobResult) []float64 {
	t.Helper()
	var out []float64
	for _, r := range results {
		var v struct{ Total float64 }
		if d, ok := r.Output("output"); !ok || json.Unmarshal([]byte(d.Value), &v) != nil {
			t.Fatalf("result = %+v", r)
		}
		out = append(out, v.Total)
	}
	return out
}
