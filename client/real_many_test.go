package client_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/examples/invoice"
)

func totals(n int) []client.Inputs {
	inputs := make([]client.Inputs, n)
	for i := range inputs {
		inputs[i] = client.Inputs{"text": fmt.Sprintf("Total: %d.50", i)}
	}
	return inputs
}

func TestThousandsOfRunsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	const n = 2500
	agent := h.agent(t, textAgent("totals"))
	ids, err := h.RunMany(ctx, agent, totals(n), client.RunManyParams{Metadata: map[string]any{"month": 3}})
	if err != nil || len(ids) != n {
		t.Fatalf("%d ids, %v", len(ids), err)
	}
	told, results := 0, 0
	got, err := h.WaitMany(ctx, ids, &client.WaitOptions{OnResult: func(*client.JobResult) { told++ }, OnProgress: func(c steward.BatchCounts) { results = int(c.Ended()) }})
	if err != nil || told != n || results != n {
		t.Fatalf("told %d results, counted %d, %v", told, results, err)
	}
	for i, total := range numbersOf(t, got) {
		if got[i].JobID != ids[i] || total != float64(i)+0.5 {
			t.Fatalf("result %d is that of %s: %v", i, got[i].JobID, total)
		}
	}
	statuses, err := h.JobStatuses(ctx, ids)
	if err != nil || len(statuses) != n || statuses[n-1].JobID != ids[n-1] || statuses[n-1].EndedAt == nil || statuses[n-1].CreatedAt.IsZero() {
		t.Errorf("%d statuses, %v", len(statuses), err)
	}
	if string(got[7].Metadata) != `{"month":3}` || got[7].AgentID != agent || got[7].EndedAt == nil {
		t.Errorf("result = %+v", got[7])
	}
	if page, err := h.ListJobs(ctx, agent, client.JobList{Status: []steward.Status{3, 6}, PageSize: 100}); err != nil || page.Count != n || len(page.Results) != 100 {
		t.Errorf("ListJobs = %d, %v", page.Count, err)
	}
	if _, err := h.JobStatuses(ctx, []steward.JobID{ids[0], someID}); !client.IsNotFound(err) {
		t.Errorf("statuses with an unknown job: %v", err)
	}
}

func TestARefusedInputOfALaterChunkLeavesTheEarlierOnes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	inputs := totals(1500)
	delete(inputs[1400], "text")
	ids, err := h.RunMany(t.Context(), h.agent(t, textAgent("totals")), inputs, client.RunManyParams{})
	var e *client.SubmitError
	if !errors.As(err, &e) || len(e.Submitted) != 1000 || len(ids) != 1000 || steward.CodeOf(err) != steward.Invalid {
		t.Errorf("%d ids, %v", len(ids), err)
	}
}

func TestEqualRunsAreAnsweredFromTheCache(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	agent := h.agent(t, textAgent("totals"))
	run := func(p client.RunParams) *client.JobResult {
		t.Helper()
		p.Inputs = client.Inputs{"text": "Total: 7.50"}
		job, err := h.Run(ctx, agent, p)
		if err != nil {
			t.Fatal(err)
		}
		r, err := h.Wait(ctx, job, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first, second, third := run(client.RunParams{}), run(client.RunParams{}), run(client.RunParams{SkipCache: true})
	if second.Status != steward.StatusCached || second.CachedFrom != first.JobID || second.JobID == first.JobID || second.Outputs[0].Value != first.Outputs[0].Value {
		t.Errorf("the second run = %+v", second)
	}
	if first.Status != steward.StatusSuccess || third.Status != steward.StatusSuccess || third.CachedFrom != "" || !strings.HasPrefix(first.TraceURL, h.BaseURL()) {
		t.Errorf("the others = %+v, %+v", first, third)
	}
}

func TestWhatJobsKnowCanBeDeletedAndTheirEndAskedFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	waiting := h.agent(t, client.AgentCreate{EngineClassID: "WaitingEngine"})
	ids, err := h.RunMany(ctx, waiting, make([]client.Inputs, 30), client.RunManyParams{SkipCache: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.DeleteJobData(ctx, ids[0]); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("deleting the data of an open job: %v", err)
	}
	ended, err := h.CancelAllJobs(ctx, waiting)
	if err != nil || ended.TargetedCount != 30 {
		t.Errorf("CancelAllJobs = %+v, %v", ended, err)
	}
	results, err := h.WaitMany(ctx, ids, nil)
	if err != nil || slices.ContainsFunc(results, func(r *client.JobResult) bool { return !r.Cancelled() }) {
		t.Errorf("WaitMany = %v", err)
	}
	job, err := h.Run(ctx, h.agent(t, client.AgentCreate{EngineClassID: "SavingEngine"}), client.RunParams{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Wait(ctx, job, nil); err != nil {
		t.Fatal(err)
	}
	gone, err := h.DeleteJobData(ctx, job)
	if err != nil || gone.Status != "success" || gone.DeletedCount == 0 || !gone.OutputsSanitized {
		t.Errorf("DeleteJobData = %+v, %v", gone, err)
	}
	if again, err := h.DeleteJobData(ctx, job); err != nil || again.DeletedCount != 0 {
		t.Errorf("DeleteJobData = %+v, %v", again, err)
	}
	if r, err := h.JobResult(ctx, job); err != nil || len(r.Outputs) != 0 || len(r.Saved) != 0 || !r.Succeeded() {
		t.Errorf("JobResult = %+v, %v", r, err)
	}
}

func TestJobsAreFoundByEveryFilter(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	agent := h.agent(t, textAgent("totals"))
	var ids []steward.JobID
	for i, customer := range []string{"7", "8", "9"} {
		id, err := h.Run(ctx, agent, client.RunParams{Inputs: client.Inputs{"text": fmt.Sprintf("Total: %d.50 for Ärzte", i)}, Metadata: map[string]any{"customer": customer, "team": "blue"}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if _, err := h.WaitMany(ctx, ids, nil); err != nil {
		t.Fatal(err)
	}
	version, err := h.AgentVersion(ctx, agent, "")
	if err != nil {
		t.Fatal(err)
	}
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for name, tt := range map[string]struct {
		p    client.JobList
		want []steward.JobID
	}{
		"metadata": {client.JobList{Metadata: map[string]string{"customer": "8", "team": "blue"}}, ids[1:2]}, "job": {client.JobList{JobID: ids[2]}, ids[2:]},
		"not metadata": {client.JobList{ExcludeMetadata: map[string]string{"customer": "8"}, Ordering: "created_at"}, []steward.JobID{ids[0], ids[2]}},
		"search":       {client.JobList{Search: "total: 1.50 FOR"}, ids[1:2]}, "inputs": {client.JobList{Inputs: "2.50"}, ids[2:]},
		"version": {client.JobList{VersionNames: []string{"x", version.VersionName}, Ordering: "created_at"}, ids}, "no version": {client.JobList{VersionNames: []string{"x"}}, nil},
		"time": {client.JobList{CreatedFrom: past, CreatedTo: soon, Ordering: "created_at"}, ids}, "later": {client.JobList{CreatedFrom: soon}, nil},
		"newest": {client.JobList{Newest: 1}, ids[2:]}, "all": {client.JobList{Newest: -1, Ordering: "-cost,duration,created_at", PageSize: 100}, nil}, "verdict": {client.JobList{Verdicts: []string{"fraud"}}, nil},
	} {
		var got []steward.JobID
		for job, err := range h.Jobs(ctx, agent, tt.p) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got = append(got, job.ID)
			if len(job.JobInputs) != 1 || !strings.Contains(job.JobInputs[0].Value, "Ärzte") || job.Metadata["team"] != "blue" {
				t.Errorf("job = %+v", job)
			}
		}
		if name == "all" && len(got) == 3 {
			continue // in an order that depends on the clock
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestABatchFromItsFirstItemToItsEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	agent := h.agent(t, textAgent("totals"))
	p := client.BatchCreate{Name: "March", Metadata: map[string]any{"month": 3}, IdempotencyKey: "march"}
	batch, err := h.CreateBatch(ctx, agent, p)
	if err != nil || batch.State != steward.BatchOpen || batch.Name != "March" || batch.AgentID != agent {
		t.Fatalf("CreateBatch = %+v, %v", batch, err)
	}
	if again, err := h.CreateBatch(ctx, agent, p); err != nil || again.ID != batch.ID {
		t.Errorf("CreateBatch = %+v, %v, want the same batch", again, err)
	}
	items := totals(1200)
	delete(items[1100], "text")
	first, err := h.SendBatchItems(ctx, batch.ID, 0, items[:700], nil)
	if err != nil || first.NextIndex != 700 || first.Received != 700 {
		t.Fatalf("SendBatchItems = %d, %v", first.NextIndex, err)
	}
	all, err := h.SendBatchItems(ctx, batch.ID, 0, items, nil) // once more from the start, as after a crash
	if err != nil || all.NextIndex != 1200 || all.Received != 1200 || !slices.Equal(all.JobIDs[:700], first.JobIDs) {
		t.Fatalf("SendBatchItems again = %d, %v", all.NextIndex, err)
	}
	if _, err := h.SendBatchItems(ctx, batch.ID, 3, totals(1), nil); steward.CodeOf(err) != steward.Conflict {
		t.Errorf("other content under a number: %v", err)
	}
	if closed, err := h.CloseBatch(ctx, batch.ID); err != nil || closed.ClosedAt == nil {
		t.Errorf("CloseBatch = %+v, %v", closed, err)
	}
	if _, err := h.SendBatchItems(ctx, batch.ID, 1200, totals(1), nil); steward.CodeOf(err) != steward.Conflict {
		t.Errorf("an item for a closed batch: %v", err)
	}
	done, err := h.WaitBatch(ctx, batch.ID, &client.BatchWaitOptions{Timeout: 2 * time.Minute})
	if err != nil || done.State != steward.BatchCompleted || done.Counts.Total() != 1200 || done.Counts.Failure != 1 {
		t.Fatalf("WaitBatch = %+v, %v", done, err)
	}
	n := int64(0)
	for item, err := range h.BatchItems(ctx, batch.ID, client.BatchItemList{PageSize: 500}) {
		if err != nil || item.Index != n || item.JobID != all.JobIDs[n] || (item.Status == steward.StatusFailure) != (n == 1100) {
			t.Fatalf("item %d = %+v, %v", n, item, err)
		}
		n++
	}
	if n != 1200 {
		t.Errorf("%d items", n)
	}
	page, err := h.ListBatchItems(ctx, batch.ID, client.BatchItemList{Status: []steward.Status{steward.StatusFailure}, From: 1000})
	if err != nil || page.Count != 1 || page.Results[0].ErrorMessage != "Missing input key text" || page.Results[0].FailureCode != steward.FailMissingInput {
		t.Errorf("ListBatchItems = %+v, %v", page, err)
	}
	if n, err := length(h.Batches(ctx, client.BatchList{AgentID: agent})); err != nil || n != 1 {
		t.Errorf("%d batches, %v", n, err)
	}
}

func TestABatchIsCancelledAndTakenUpAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	agent := h.agent(t, client.AgentCreate{EngineClassID: "WaitingEngine"})
	batch, err := h.CreateBatch(ctx, agent, client.BatchCreate{})
	if err != nil {
		t.Fatal(err)
	}
	sent, err := h.SendBatchItems(ctx, batch.ID, 0, make([]client.Inputs, 5), &client.BatchSendOptions{SkipCache: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if b, err := h.CancelBatch(ctx, batch.ID); err != nil || b.CancelledAt == nil {
			t.Fatalf("CancelBatch = %+v, %v", b, err)
		}
	}
	b, err := h.WaitBatch(ctx, batch.ID, nil)
	if err != nil || b.State != steward.BatchCancelled || b.Counts.Cancelled != 5 {
		t.Fatalf("WaitBatch = %+v, %v", b, err)
	}
	if b, err = h.ResumeBatch(ctx, batch.ID, steward.StatusCancelled); err != nil || b.Counts.Cancelled != 0 || b.Counts.Total() != 5 {
		t.Errorf("ResumeBatch = %+v, %v", b, err)
	}
	for item, err := range h.BatchItems(ctx, batch.ID, client.BatchItemList{}) {
		if err != nil || slices.Contains(sent.JobIDs, item.JobID) {
			t.Errorf("item = %+v, %v, want a new job", item, err)
		}
	}
	if _, err := h.CancelBatch(ctx, batch.ID); err != nil {
		t.Error(err)
	}
	if _, err := h.WaitBatch(ctx, batch.ID, nil); err != nil {
		t.Error(err)
	}
}

func TestFilesTravelWithManyRunsAndBatches(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	agent := h.agent(t, client.AgentCreate{
		EngineClassID: "SavingEngine", InputDefinitions: []steward.InputDefinition{{Key: "doc", DataType: "application/pdf", Description: "d"}},
	})
	inputs := make([]client.Inputs, 20)
	for i := range inputs {
		inputs[i] = client.Inputs{"doc": client.FileBytes(fmt.Sprintf("%d.pdf", i), invoice.PDF)}
	}
	ids, err := h.RunMany(ctx, agent, inputs, client.RunManyParams{})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := h.CreateBatch(ctx, agent, client.BatchCreate{})
	if err != nil {
		t.Fatal(err)
	}
	sent, err := h.SendBatchItems(ctx, batch.ID, 0, inputs, nil)
	if err != nil {
		t.Fatal(err)
	}
	results, err := h.WaitMany(ctx, append(ids, sent.JobIDs...), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if want := fmt.Sprintf("%d.pdf", i%20); !r.Succeeded() || len(r.Inputs) != 1 || r.Inputs[0].FileName != want {
			t.Fatalf("inputs of job %d = %+v, want the file %s", i, r.Inputs, want)
		}
	}
}
