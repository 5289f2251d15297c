package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// texts returns items of one text input each.
func texts(list ...string) [][]jobs.RawInput {
	items := make([][]jobs.RawInput, len(list))
	for i, s := range list {
		items[i] = []jobs.RawInput{{Key: "text", Text: s}}
	}
	return items
}

// numbers returns n items with texts of their own.
func numbers(n int) [][]jobs.RawInput {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint("item ", i)
	}
	return texts(list...)
}

// counting counts calls of a store.
type counting struct {
	jobs.Store
	submits atomic.Int32
}

func (c *counting) Submit(ctx context.Context, list []store.NewJob) ([]store.Submitted, error) {
	c.submits.Add(1)
	return c.Store.Submit(ctx, list)
}

func TestManyRunsAreOneTransactionInTheirOrder(t *testing.T) {
	t.Parallel()
	c := &counting{}
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}, wrap: func(st *sqlite.Store) jobs.Store { c.Store = st; return c }})
	agent := h.agent("a", "Steps0Engine", `{}`)
	ids, err := h.jobs.RunMany(h.ctx, jobs.ManyParams{AgentID: agent, Items: numbers(1000), Metadata: json.RawMessage(`{"case":7}`), Timeout: time.Minute})
	if err != nil || len(ids) != 1000 {
		t.Fatalf("RunMany = %d ids, %v", len(ids), err)
	}
	if n := c.submits.Load(); n != 1 {
		t.Errorf("%d transactions", n)
	}
	sorted := slices.Sorted(slices.Values(ids))
	if len(slices.Compact(sorted)) != 1000 {
		t.Error("ids repeat")
	}
	for _, i := range []int{0, 1, 500, 999} {
		job, err := h.jobs.Get(h.ctx, ids[i])
		if err != nil {
			t.Fatal(err)
		}
		if job.Inputs[0].Value != fmt.Sprint("item ", i) || string(job.Metadata) != `{"case":7}` || job.Deadline.Sub(job.CreatedAt) != time.Minute {
			t.Errorf("job %d: %+v, metadata %s, limit %v", i, job.Inputs, job.Metadata, job.Deadline.Sub(job.CreatedAt))
		}
	}
}

func TestManyRunsAreAllOrNothing(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}})
	agent := h.agentWith("a", "Steps0Engine", steward.InputDefinition{Key: "text", DataType: "text/plain"}, steward.InputDefinition{Key: "n", DataType: "number"},
		steward.InputDefinition{Key: "doc", DataType: "application/pdf"})
	bad := func(in ...jobs.RawInput) [][]jobs.RawInput { return append(numbers(2), in) }
	unknown := "0190a000-0000-7000-8000-0000000000aa"
	for name, c := range map[string]struct {
		p              jobs.ManyParams
		field, message string
	}{
		"a bad value":       {jobs.ManyParams{Items: bad(jobs.RawInput{Key: "n", Text: "x"})}, steward.InputField, "inputs[2]: Input n must be a number"},
		"an unknown file":   {jobs.ManyParams{Items: bad(jobs.RawInput{Key: "doc", Text: unknown})}, steward.InputField, "inputs[2]: Input doc: stored file " + unknown + " does not exist"},
		"no items":          {jobs.ManyParams{}, "inputs", "This list may not be empty."},
		"too many items":    {jobs.ManyParams{Items: numbers(1001)}, "inputs", "Ensure this field has no more than 1000 elements."},
		"a long wait":       {jobs.ManyParams{Items: numbers(1), Timeout: jobs.MaxTimeout + 1}, "timeout_seconds", ""},
		"too much metadata": {jobs.ManyParams{Items: numbers(1), Metadata: json.RawMessage(`"` + strings.Repeat("x", jobs.MaxMetadata) + `"`)}, "metadata", ""},
		"long texts":        {jobs.ManyParams{Items: append(texts(strings.Repeat("long ", 10_000)), bad(jobs.RawInput{Key: "n", Text: "x"})...)}, steward.InputField, "inputs[3]: Input n must be a number"},
	} {
		c.p.AgentID = agent
		_, err := h.jobs.RunMany(h.ctx, c.p)
		var e *steward.Error
		if !errors.As(err, &e) || e.Code != steward.Invalid || e.Field != c.field || !strings.HasPrefix(e.Message, c.message) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, count, err := h.jobs.List(h.ctx, jobs.ListParams{}); err != nil || count != 0 {
		t.Errorf("%d jobs are stored, %v", count, err)
	}
	if _, err := h.jobs.RunMany(h.ctx, jobs.ManyParams{AgentID: steward.AgentID(unknown), Items: numbers(1)}); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("an unknown agent: %v", err)
	}
	read := steward.WithPrincipal(h.ctx, &steward.Principal{OrganizationID: orgOf(h.ctx, t), Scopes: []steward.Scope{steward.ScopeRead}})
	if _, err := h.jobs.RunMany(read, jobs.ManyParams{AgentID: agent, Items: numbers(1)}); steward.CodeOf(err) != steward.Denied {
		t.Errorf("a key that only reads: %v", err)
	}
}

// asking counts how often stored files are looked up.
type asking struct {
	jobs.Files
	asked atomic.Int32
}

func (a *asking) Stored(ctx context.Context, org steward.OrganizationID, id steward.FileID) (steward.File, error) {
	a.asked.Add(1)
	return a.Files.Stored(ctx, org, id)
}

func TestAFileOfManyRunsIsLookedUpOnce(t *testing.T) {
	t.Parallel()
	counted := &asking{}
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}, files: func(f jobs.Files) jobs.Files { counted.Files = f; return counted }})
	agent := h.agentWith("a", "Steps0Engine", steward.InputDefinition{Key: "doc", DataType: "application/octet-stream"})
	file := h.upload("a.bin", "content")
	items := make([][]jobs.RawInput, 100)
	for i := range items {
		items[i] = []jobs.RawInput{{Key: "doc", Text: "file_" + string(file.ID)}}
	}
	ids, err := h.jobs.RunMany(h.ctx, jobs.ManyParams{AgentID: agent, Items: items})
	if err != nil {
		t.Fatal(err)
	}
	if n := counted.asked.Load(); n != 1 {
		t.Errorf("the file was looked up %d times", n)
	}
	job, err := h.jobs.Get(h.ctx, ids[99])
	if err != nil || len(job.Inputs) != 1 || job.Inputs[0].Files[0].SHA256 != file.SHA256 {
		t.Errorf("the last job %+v, %v", job, err)
	}
}

func TestStatusesAndResultsAnswerEveryIDInOrder(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 1}}})
	stop := h.work(jobs.WorkerOptions{})
	agent := h.agent("a", "Steps1Engine", `{}`)
	ids, err := h.jobs.RunMany(h.ctx, jobs.ManyParams{AgentID: agent, Items: numbers(120)})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		h.end(id)
	}
	stop()
	open := h.submit(jobs.RunParams{AgentID: agent})
	slices.Reverse(ids)
	ids = append(ids, open, ids[0], ids[0])
	statuses, err := h.jobs.Statuses(h.ctx, ids)
	if err != nil || len(statuses) != len(ids) {
		t.Fatalf("Statuses = %d, %v", len(statuses), err)
	}
	results, err := h.jobs.Results(h.ctx, ids)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for job, err := range results {
		if err != nil {
			t.Fatal(err)
		}
		status := steward.StatusSuccess
		if ids[i] == open {
			status = steward.StatusPending
		}
		if job.ID != ids[i] || statuses[i].ID != ids[i] || job.Status != status || statuses[i].Status != status || (len(job.Outputs) == 1) != (status == steward.StatusSuccess) {
			t.Errorf("place %d: result of %s %s, status of %s %s, want %s %s", i, job.ID, job.Status, statuses[i].ID, statuses[i].Status, ids[i], status)
		}
		i++
	}
	if i != len(ids) {
		t.Errorf("%d results, want %d", i, len(ids))
	}
	for name, list := range map[string][]steward.JobID{"an unknown id": append(slices.Clone(ids[:3]), "0190a000-0000-7000-8000-0000000000aa"), "none": nil, "too many": make([]steward.JobID, 1001)} {
		want := steward.Invalid
		if len(list) == 4 {
			want = steward.NotFound
		}
		_, serr := h.jobs.Statuses(h.ctx, list)
		_, rerr := h.jobs.Results(h.ctx, list)
		if steward.CodeOf(serr) != want || steward.CodeOf(rerr) != want {
			t.Errorf("%s: %v, %v", name, serr, rerr)
		}
	}
}

func TestCancelAllEndsWaitingAndRunningJobsOfOneAgent(t *testing.T) {
	t.Parallel()
	e, waiting := waits("Waits")
	h := openHouse(t, houseOptions{engines: []engine.Engine{e}})
	h.work(jobs.WorkerOptions{Concurrency: 1})
	agent, other := h.agent("a", "Waits", `{}`), h.agent("b", "Waits", `{}`)
	running := h.submit(jobs.RunParams{AgentID: agent})
	<-waiting
	ids, err := h.jobs.RunMany(h.ctx, jobs.ManyParams{AgentID: agent, Items: numbers(1000)})
	if err != nil {
		t.Fatal(err)
	}
	more, err := h.jobs.RunMany(h.ctx, jobs.ManyParams{AgentID: agent, Items: numbers(1000)})
	if err != nil {
		t.Fatal(err)
	}
	left := h.submit(jobs.RunParams{AgentID: other})
	n, err := h.jobs.CancelAll(h.ctx, agent)
	if err != nil || n != 2001 {
		t.Errorf("CancelAll = %d, %v; want 2001", n, err)
	}
	for _, id := range []steward.JobID{running, ids[0], ids[999], more[999]} {
		if job := h.end(id); job.Status != steward.StatusCancelled {
			t.Errorf("job %s ended %s", id, job.Status)
		}
	}
	if st, err := h.jobs.Status(h.ctx, left); err != nil || st.Status.Terminal() {
		t.Errorf("the other agent's job is %+v, %v", st, err)
	}
	if n, err := h.jobs.CancelAll(h.ctx, agent); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	if _, err := h.jobs.CancelAll(h.ctx, "0190a000-0000-7000-8000-0000000000aa"); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("an unknown agent: %v", err)
	}
}

func TestDeleteDataLeavesTheRowAndNothingElse(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	file := c.upload("a.bin", "secret bytes")
	job := c.run(jobs.RunParams{
		Inputs:   []jobs.RawInput{{Key: "text", Text: strings.Repeat("secret ", 10_000)}, {Key: "doc", File: file}},
		Metadata: json.RawMessage(`{"case":1}`),
	})
	d, err := c.jobs.DeleteData(c.ctx, job.ID)
	if err != nil || d.Err != nil || d.Left != 0 || d.Files != 2 || d.Outputs == 0 {
		t.Fatalf("DeleteData = %+v, %v", d, err)
	}
	got, err := c.jobs.Get(c.ctx, job.ID)
	if err != nil || got.Status != steward.StatusSuccess || string(got.Metadata) != `{"case":1}` || got.DataDeletedAt.IsZero() || len(got.Outputs)+len(got.References) != 0 {
		t.Errorf("the row says %+v, %v", got, err)
	}
	for _, in := range got.Inputs {
		if in.Value != "" || in.Text != nil || len(in.Files) != 0 {
			t.Errorf("input %+v", in)
		}
	}
	if _, err := c.files.Open(c.ctx, *file); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("the upload's bytes: %v", err)
	}
	if _, _, err := c.jobs.OpenReference(c.ctx, job.ID, "page.txt"); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("a reference: %v", err)
	}
	if d, err := c.jobs.DeleteData(c.ctx, job.ID); err != nil || *d != (jobs.Deletion{}) {
		t.Errorf("a second call = %+v, %v", d, err)
	}
	if _, err := c.jobs.DeleteData(c.ctx, "0190a000-0000-7000-8000-0000000000aa"); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("an unknown job: %v", err)
	}
}

// stubborn is files whose bytes cannot be deleted.
type stubborn struct{ jobs.Files }

func (stubborn) Bury(_ context.Context, dying []string) (int, error) {
	return len(dying) - 1, errors.New("disk fault")
}

func TestBytesThatStayAreToldAndOpenJobsKeepTheirData(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}, files: func(f jobs.Files) jobs.Files { return stubborn{f} }})
	agent := h.agentWith("a", "Steps0Engine", steward.InputDefinition{Key: "text", DataType: "text/plain"})
	id := h.submit(jobs.RunParams{AgentID: agent, Inputs: texts(strings.Repeat("long ", 10_000))[0]})
	if _, err := h.jobs.DeleteData(h.ctx, id); steward.CodeOf(err) != steward.Conflict {
		t.Errorf("an open job: %v", err)
	}
	h.work(jobs.WorkerOptions{})
	h.end(id)
	if d, err := h.jobs.DeleteData(h.ctx, id); err != nil || d.Left != 1 || d.Err == nil {
		t.Errorf("DeleteData = %+v, %v", d, err)
	}
}
