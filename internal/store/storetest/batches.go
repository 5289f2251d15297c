package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Batches tests batches and their items.
func Batches(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"a batch is read as it was created":                         batchStored,
		"a batch's idempotency key replays the first":               batchReplay,
		"a batch's arguments are checked":                           batchInvalid,
		"batches of others are not found":                           batchForeign,
		"batches are listed newest first":                           batchLists,
		"counts follow the jobs":                                    batchCounts,
		"an item that comes again answers its job":                  itemReplay,
		"an item with other content is a conflict":                  itemConflict,
		"a closed batch takes only what it knows":                   itemClosed,
		"items need a batch of their organization":                  itemForeign,
		"senders of the same items at once get the same jobs":       itemRace,
		"items are listed by index, status and beginning":           itemLists,
		"a cancelled batch takes no more and its jobs can be ended": batchCancel,
		"a batch is completed once, when all its jobs have ended":   batchComplete,
		"an empty batch is completed when it is closed":             batchEmpty,
		"items are queued again in their places":                    batchRetry,
		"items are queued again piece by piece":                     batchRetryPieces,
		"a resume queues each item once":                            batchRetryOnce,
		"what has no data or was refused is not queued again":       batchRetryLeft,
		"callers at once complete a batch once":                     batchCompleteRace,
		"a refused job ends as a failure at once":                   refusedJob,
	})
}

// newBatch returns a batch of the fixture's agent.
func (f *fixture) newBatch() store.NewBatch {
	return store.NewBatch{
		ID: newID[steward.BatchID](), OrganizationID: f.org, AgentID: f.agent, VersionID: newID[steward.VersionID](), VersionName: "first",
		CreatorID: 3, Name: "Invoices", Metadata: []byte(`{"month": 3}`), CreatedAt: now(),
	}
}

// batch stores a batch and returns its id.
func (f *fixture) batch() steward.BatchID {
	f.t.Helper()
	id, replayed, err := f.CreateBatch(f.ctx(), f.newBatch())
	must(f.t, "CreateBatch", err)
	want(f.t, "replayed", replayed, false)
	return id
}

// item returns the job of a batch's item.
func (f *fixture) item(batch steward.BatchID, index int64) store.NewJob {
	j := f.job()
	j.Batch = &store.BatchPlace{ID: batch, Index: index}
	copy(j.Batch.Hash[:], fmt.Sprintf("content %d", index))
	return j
}

// items submits n items of a batch and returns their jobs.
func (f *fixture) items(batch steward.BatchID, n int64) []steward.JobID {
	f.t.Helper()
	jobs, list := make([]store.NewJob, n), make([]steward.JobID, n)
	for i := range n {
		jobs[i] = f.item(batch, i)
		list[i] = jobs[i].ID
	}
	f.submit(jobs...)
	return list
}

func (f *fixture) getBatch(id steward.BatchID) *steward.Batch {
	f.t.Helper()
	b, err := f.Batch(f.ctx(), f.org, id)
	must(f.t, "Batch", err)
	return b
}

// completed returns the batches that a call completes.
func (f *fixture) completed() []steward.BatchID {
	f.t.Helper()
	ids, err := f.CompleteBatches(f.ctx(), after(100), 100)
	must(f.t, "CompleteBatches", err)
	return append([]steward.BatchID{}, ids...)
}

func batchStored(f *fixture) {
	n := f.newBatch()
	_, _, err := f.CreateBatch(f.ctx(), n)
	must(f.t, "CreateBatch", err)
	same(f.t, "batch", f.getBatch(n.ID), &steward.Batch{
		ID: n.ID, OrganizationID: f.org, AgentID: f.agent, VersionID: n.VersionID, VersionName: "first", CreatorID: 3, Name: "Invoices",
		Metadata: n.Metadata, State: steward.BatchOpen, CreatedAt: now(),
	})
	plain := f.newBatch()
	plain.Metadata, plain.Name = nil, ""
	_, _, err = f.CreateBatch(f.ctx(), plain)
	must(f.t, "CreateBatch", err)
	want(f.t, "metadata", string(f.getBatch(plain.ID).Metadata), "{}")
	_, _, err = f.CreateBatch(f.ctx(), plain)
	code(f.t, "an id that is taken", err, steward.Conflict)
}

func batchReplay(f *fixture) {
	first := f.newBatch()
	first.IdempotencyKey, first.RequestHash = "key", [32]byte{1}
	_, _, err := f.CreateBatch(f.ctx(), first)
	must(f.t, "CreateBatch", err)
	again := f.newBatch()
	again.IdempotencyKey, again.RequestHash, again.CreatedAt = "key", [32]byte{1}, after(1_000_000)
	id, replayed, err := f.CreateBatch(f.ctx(), again)
	must(f.t, "CreateBatch", err)
	want(f.t, "id", id, first.ID)
	want(f.t, "replayed", replayed, true)
	_, err = f.Batch(f.ctx(), f.org, again.ID)
	code(f.t, "the second batch", err, steward.NotFound)
	again.RequestHash = [32]byte{2}
	_, _, err = f.CreateBatch(f.ctx(), again)
	code(f.t, "other content", err, steward.Conflict)
	again.AgentID = newID[steward.AgentID]()
	_, replayed, err = f.CreateBatch(f.ctx(), again)
	must(f.t, "CreateBatch for another agent", err)
	want(f.t, "replayed for another agent", replayed, false)
}

func batchInvalid(f *fixture) {
	for what, spoil := range map[string]func(b *store.NewBatch){
		"no id":           func(b *store.NewBatch) { b.ID = "" },
		"no organization": func(b *store.NewBatch) { b.OrganizationID = "" },
		"no agent":        func(b *store.NewBatch) { b.AgentID = "" },
		"no time":         func(b *store.NewBatch) { b.CreatedAt = time.Time{} },
	} {
		b := f.newBatch()
		spoil(&b)
		_, _, err := f.CreateBatch(f.ctx(), b)
		code(f.t, what, err, steward.Invalid)
	}
	id := f.batch()
	_, err := f.RetryItems(f.ctx(), f.org, id, []steward.Status{steward.StatusFailure}, now(), 1001)
	code(f.t, "RetryItems of 1001", err, steward.Invalid)
	_, _, err = f.ListBatches(f.ctx(), f.org, store.BatchQuery{Limit: 1001})
	code(f.t, "ListBatches of 1001", err, steward.Invalid)
	_, _, err = f.BatchItems(f.ctx(), f.org, id, store.ItemQuery{Offset: -1})
	code(f.t, "BatchItems from -1", err, steward.Invalid)
}

func batchForeign(f *fixture) {
	mine, other := f.batch(), newID[steward.OrganizationID]()
	for what, at := range map[string]struct {
		org steward.OrganizationID
		id  steward.BatchID
	}{"another organization": {other, mine}, "an unknown batch": {f.org, newID[steward.BatchID]()}} {
		_, err := f.Batch(f.ctx(), at.org, at.id)
		code(f.t, "Batch of "+what, err, steward.NotFound)
		_, _, err = f.BatchItems(f.ctx(), at.org, at.id, store.ItemQuery{})
		code(f.t, "BatchItems of "+what, err, steward.NotFound)
		code(f.t, "CloseBatch of "+what, f.CloseBatch(f.ctx(), at.org, at.id, now()), steward.NotFound)
		code(f.t, "CancelBatch of "+what, f.CancelBatch(f.ctx(), at.org, at.id, now()), steward.NotFound)
		_, err = f.RetryItems(f.ctx(), at.org, at.id, []steward.Status{steward.StatusFailure}, now(), 1)
		code(f.t, "RetryItems of "+what, err, steward.NotFound)
	}
	list, count, err := f.ListBatches(f.ctx(), other, store.BatchQuery{})
	must(f.t, "ListBatches", err)
	want(f.t, "batches of another organization", len(list)+int(count), 0)
	want(f.t, "state", f.getBatch(mine).State, steward.BatchOpen)
}

func batchLists(f *fixture) {
	var all []steward.BatchID
	for i := range 5 {
		b := f.newBatch()
		b.CreatedAt = after(i / 2)
		if i == 3 {
			b.AgentID = newID[steward.AgentID]()
		}
		_, _, err := f.CreateBatch(f.ctx(), b)
		must(f.t, "CreateBatch", err)
		all = append(all, b.ID)
	}
	f.items(all[1], 2)
	slices.Reverse(all)
	list := func(q store.BatchQuery) (ids []steward.BatchID, count int64) {
		batches, count, err := f.ListBatches(f.ctx(), f.org, q)
		must(f.t, "ListBatches", err)
		for _, b := range batches {
			ids = append(ids, b.ID)
			same(f.t, "listed", &b, f.getBatch(b.ID))
		}
		return ids, count
	}
	got, count := list(store.BatchQuery{})
	same(f.t, "all", got, all)
	want(f.t, "count", count, 5)
	got, count = list(store.BatchQuery{Limit: 2, Offset: 2})
	same(f.t, "a page", got, all[2:4])
	want(f.t, "count", count, 5)
	got, count = list(store.BatchQuery{AgentID: f.agent})
	same(f.t, "one agent's", got, slices.Concat(all[:1], all[2:]))
	want(f.t, "count", count, 4)
}

func batchCounts(f *fixture) {
	id := f.batch()
	list := f.items(id, 6)
	sparse := f.item(id, 41)
	sparse.RunAfter = after(5000)
	f.submit(sparse, f.job())
	ends := []steward.Status{steward.StatusSuccess, steward.StatusFailure, steward.StatusCancelled, steward.StatusRetry}
	for _, c := range f.claimAt(now()) {
		if i := slices.Index(list, c.JobID); i >= 0 && i < len(ends) {
			f.finish(c.Lease, store.Outcome{Status: ends[i], At: after(1), RunAfter: after(5000)})
		}
	}
	b := f.getBatch(id)
	same(f.t, "counts", b.Counts, steward.BatchCounts{Pending: 1, Started: 2, Retry: 1, Success: 1, Failure: 1, Cancelled: 1})
	want(f.t, "received", b.Received, 7)
	want(f.t, "next index", b.NextIndex, 42)
	got := f.get(list[2])
	want(f.t, "batch of a job", got.Batch, id)
	want(f.t, "place of a job", got.BatchIndex, 2)
}

func itemReplay(f *fixture) {
	id := f.batch()
	first := f.items(id, 3)
	again := []store.NewJob{f.item(id, 2), f.item(id, 3), f.item(id, 0), f.item(id, 3)}
	got, err := f.Submit(f.ctx(), again)
	must(f.t, "Submit", err)
	same(f.t, "answers", got, []store.Submitted{
		{ID: first[2], Replayed: true}, {ID: again[1].ID}, {ID: first[0], Replayed: true}, {ID: again[1].ID, Replayed: true},
	})
	want(f.t, "received", f.getBatch(id).Received, 4)
}

func itemConflict(f *fixture) {
	id := f.batch()
	f.items(id, 2)
	other := f.item(id, 1)
	other.Batch.Hash = [32]byte{9}
	fresh := f.item(id, 2)
	_, err := f.Submit(f.ctx(), []store.NewJob{fresh, other})
	code(f.t, "other content", err, steward.Conflict)
	want(f.t, "received", f.getBatch(id).Received, 2)
	other.Batch.Index = 2
	_, err = f.Submit(f.ctx(), []store.NewJob{fresh, other})
	code(f.t, "two contents in one call", err, steward.Conflict)
}

func itemClosed(f *fixture) {
	id := f.batch()
	first := f.items(id, 2)
	must(f.t, "CloseBatch", f.CloseBatch(f.ctx(), f.org, id, after(1)))
	must(f.t, "CloseBatch again", f.CloseBatch(f.ctx(), f.org, id, after(2)))
	want(f.t, "closed at", *f.getBatch(id).ClosedAt, after(1))
	want(f.t, "state", f.getBatch(id).State, steward.BatchRunning)
	got, err := f.Submit(f.ctx(), []store.NewJob{f.item(id, 0), f.item(id, 1)})
	must(f.t, "Submit of what is known", err)
	same(f.t, "answers", got, []store.Submitted{{ID: first[0], Replayed: true}, {ID: first[1], Replayed: true}})
	_, err = f.Submit(f.ctx(), []store.NewJob{f.item(id, 0), f.item(id, 2)})
	code(f.t, "an item more", err, steward.Conflict)
}

func itemForeign(f *fixture) {
	id := f.batch()
	foreign := f.item(id, 0)
	foreign.OrganizationID, foreign.AgentID = newID[steward.OrganizationID](), newID[steward.AgentID]()
	_, err := f.Submit(f.ctx(), []store.NewJob{foreign})
	code(f.t, "another organization", err, steward.NotFound)
	_, err = f.Submit(f.ctx(), []store.NewJob{f.item(newID[steward.BatchID](), 0)})
	code(f.t, "an unknown batch", err, steward.NotFound)
}

func itemRace(f *fixture) {
	id := f.batch()
	const senders, items = 8, 50
	var mu sync.Mutex
	got := map[int64]map[steward.JobID]bool{}
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			jobs := make([]store.NewJob, items)
			for i := range jobs {
				jobs[i] = f.item(id, int64(i))
			}
			answers, err := f.Submit(f.ctx(), jobs)
			if err != nil {
				f.t.Errorf("Submit: %v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for i, a := range answers {
				if got[int64(i)] == nil {
					got[int64(i)] = map[steward.JobID]bool{}
				}
				got[int64(i)][a.ID] = true
			}
		})
	}
	wg.Wait()
	for i, jobs := range got {
		if len(jobs) != 1 {
			f.t.Errorf("item %d has %d jobs", i, len(jobs))
		}
	}
	want(f.t, "received", f.getBatch(id).Received, items)
}

func itemLists(f *fixture) {
	id := f.batch()
	list := f.items(id, 30)
	for _, c := range f.claimAt(now()) {
		o := store.Outcome{Status: steward.StatusSuccess, At: after(1)}
		if slices.Index(list, c.JobID)%3 == 0 {
			o = failure(steward.FailProviderError, after(2))
		}
		f.finish(c.Lease, o)
	}
	items := func(q store.ItemQuery) ([]steward.BatchItem, int64) {
		got, count, err := f.BatchItems(f.ctx(), f.org, id, q)
		must(f.t, "BatchItems", err)
		return got, count
	}
	got, count := items(store.ItemQuery{})
	want(f.t, "count", count, 30)
	want(f.t, "page", len(got), 20)
	ended := after(2)
	same(f.t, "a failed item", got[0], steward.BatchItem{
		Index: 0, JobID: list[0], Status: steward.StatusFailure, CreatedAt: now(), EndedAt: &ended, ErrorMessage: "It failed.",
		FailureCode: steward.FailProviderError,
	})
	ended = after(1)
	same(f.t, "another", got[1], steward.BatchItem{Index: 1, JobID: list[1], Status: steward.StatusSuccess, CreatedAt: now(), EndedAt: &ended})
	got, count = items(store.ItemQuery{Status: []steward.Status{steward.StatusFailure}, From: 10, Limit: 3, Offset: 2})
	want(f.t, "failures from 10 on", count, 6)
	var indexes []int64
	for _, it := range got {
		indexes = append(indexes, it.Index)
	}
	same(f.t, "page of failures", indexes, []int64{18, 21, 24})
	got, count = items(store.ItemQuery{Offset: 30})
	want(f.t, "beyond the end", len(got), 0)
	want(f.t, "count", count, 30)
}

func batchCancel(f *fixture) {
	id := f.batch()
	list := f.items(id, 4)
	req := f.request(now())
	req.Max = 1
	running := f.claim(req)[0]
	must(f.t, "CancelBatch", f.CancelBatch(f.ctx(), f.org, id, after(1)))
	must(f.t, "CancelBatch again", f.CancelBatch(f.ctx(), f.org, id, after(2)))
	b := f.getBatch(id)
	want(f.t, "state", b.State, steward.BatchCancelled)
	want(f.t, "cancelled at", *b.CancelledAt, after(1))
	want(f.t, "closed at", *b.ClosedAt, after(1))
	_, err := f.Submit(f.ctx(), []store.NewJob{f.item(id, 9)})
	code(f.t, "an item more", err, steward.Conflict)
	other := f.submitted()
	n, err := f.CancelOpen(f.ctx(), f.org, store.OpenFilter{Batch: id, CreatedTo: after(1)}, after(3), 1000)
	must(f.t, "CancelOpen", err)
	want(f.t, "jobs cancelled", n, 4)
	want(f.t, "a job of no batch", f.get(other).Status, steward.StatusPending)
	for _, job := range list {
		if job != running.JobID {
			want(f.t, "status", f.get(job).Status, steward.StatusCancelled)
		}
	}
	same(f.t, "completed", f.completed(), []steward.BatchID{})
	f.finish(running.Lease, store.Outcome{Status: steward.StatusCancelled, At: after(4)})
	same(f.t, "completed", f.completed(), []steward.BatchID{id})
	want(f.t, "state", f.getBatch(id).State, steward.BatchCancelled)
}

func batchComplete(f *fixture) {
	id, open := f.batch(), f.batch()
	f.items(id, 2)
	claimed := f.claimAt(now())
	f.finish(claimed[0].Lease, store.Outcome{Status: steward.StatusSuccess, At: after(1)})
	must(f.t, "CloseBatch", f.CloseBatch(f.ctx(), f.org, id, after(2)))
	same(f.t, "completed while a job runs", f.completed(), []steward.BatchID{})
	f.finish(claimed[1].Lease, store.Outcome{Status: steward.StatusFailure, At: after(3)})
	same(f.t, "completed", f.completed(), []steward.BatchID{id})
	same(f.t, "completed again", f.completed(), []steward.BatchID{})
	b := f.getBatch(id)
	want(f.t, "state", b.State, steward.BatchCompleted)
	want(f.t, "completed at", *b.CompletedAt, after(100))
	same(f.t, "counts", b.Counts, steward.BatchCounts{Success: 1, Failure: 1})
	want(f.t, "received", b.Received, 2)
	want(f.t, "next index", b.NextIndex, 2)
	want(f.t, "an open batch", f.getBatch(open).State, steward.BatchOpen)
}

func batchEmpty(f *fixture) {
	a, b := f.batch(), f.batch()
	must(f.t, "CloseBatch", f.CloseBatch(f.ctx(), f.org, a, after(1)))
	must(f.t, "CloseBatch", f.CloseBatch(f.ctx(), f.org, b, after(2)))
	ids, err := f.CompleteBatches(f.ctx(), after(3), 1)
	must(f.t, "CompleteBatches", err)
	same(f.t, "the first", ids, []steward.BatchID{a})
	same(f.t, "the second", f.completed(), []steward.BatchID{b})
	want(f.t, "next index", f.getBatch(a).NextIndex, 0)
}

// ended closes a batch of n items whose jobs end with statuses in turn.
func (f *fixture) ended(n int64, statuses ...steward.Status) (steward.BatchID, []steward.JobID) {
	f.t.Helper()
	id := f.batch()
	list := f.items(id, n)
	for _, c := range f.claimAt(now()) {
		f.finish(c.Lease, store.Outcome{Status: statuses[slices.Index(list, c.JobID)%len(statuses)], At: after(1)})
	}
	must(f.t, "CloseBatch", f.CloseBatch(f.ctx(), f.org, id, after(2)))
	return id, list
}

func batchRetry(f *fixture) {
	id, list := f.ended(3, steward.StatusSuccess, steward.StatusFailure, steward.StatusCancelled)
	must(f.t, "CancelBatch", f.CancelBatch(f.ctx(), f.org, id, after(3)))
	same(f.t, "completed", f.completed(), []steward.BatchID{id})
	n, err := f.RetryItems(f.ctx(), f.org, id, []steward.Status{steward.StatusFailure}, after(200), 10)
	must(f.t, "RetryItems", err)
	want(f.t, "items queued", n, 1)
	b := f.getBatch(id)
	want(f.t, "state", b.State, steward.BatchRunning)
	want(f.t, "completed", b.CompletedAt == nil, true)
	same(f.t, "counts", b.Counts, steward.BatchCounts{Success: 1, Cancelled: 1, Pending: 1})
	old := f.get(list[1])
	want(f.t, "batch of the old job", old.Batch, "")
	want(f.t, "status of the old job", old.Status, steward.StatusFailure)
	claimed := f.claimAt(after(200))
	if len(claimed) != 1 || claimed[0].JobID == list[1] {
		f.t.Fatalf("claimed %v, want the new job alone", ids(claimed))
	}
	got := claimed[0].Job
	want(f.t, "batch of the new job", got.Batch, id)
	want(f.t, "place of the new job", got.BatchIndex, 1)
	want(f.t, "version of the new job", got.VersionID, old.VersionID)
	want(f.t, "deadline of the new job", got.Deadline, after(200).Add(old.Deadline.Sub(old.CreatedAt)))
	want(f.t, "history of the new job", history(&got), "PENDING STARTED")
	same(f.t, "inputs of the new job", got.Inputs, old.Inputs)
	replayed, err := f.Submit(f.ctx(), []store.NewJob{f.item(id, 1)})
	must(f.t, "Submit of the item", err)
	same(f.t, "the item's job", replayed, []store.Submitted{{ID: got.ID, Replayed: true}})
	_, count := f.list(store.JobQuery{AgentID: f.agent})
	want(f.t, "jobs on record", count, 4)
	f.finish(claimed[0].Lease, store.Outcome{Status: steward.StatusSuccess, At: after(201)})
	same(f.t, "completed anew", f.completed(), []steward.BatchID{id})
}

// A resume in several pieces leaves what it queued alone, also when that has failed again meanwhile.
func batchRetryOnce(f *fixture) {
	id, _ := f.ended(4, steward.StatusFailure)
	failed := []steward.Status{steward.StatusFailure}
	n, err := f.RetryItems(f.ctx(), f.org, id, failed, after(10), 2)
	must(f.t, "RetryItems", err)
	want(f.t, "items of the first piece", n, 2)
	for _, c := range f.claimAt(after(10)) {
		f.finish(c.Lease, failure(steward.FailModelRefused, after(11)))
	}
	n, err = f.RetryItems(f.ctx(), f.org, id, failed, after(10), 100)
	must(f.t, "RetryItems", err)
	want(f.t, "items of the second piece", n, 2)
	n, err = f.RetryItems(f.ctx(), f.org, id, failed, after(10), 100)
	must(f.t, "RetryItems", err)
	want(f.t, "items of the third piece", n, 0)
	same(f.t, "counts", f.getBatch(id).Counts, steward.BatchCounts{Failure: 2, Pending: 2})
}

func batchRetryPieces(f *fixture) {
	id, _ := f.ended(25, steward.StatusFailure, steward.StatusCancelled)
	both := []steward.Status{steward.StatusFailure, steward.StatusCancelled, steward.StatusSuccess}
	for _, wanted := range []int{10, 10, 5, 0} {
		n, err := f.RetryItems(f.ctx(), f.org, id, both, after(10), 10)
		must(f.t, "RetryItems", err)
		want(f.t, "items queued", n, wanted)
	}
	want(f.t, "pending", f.getBatch(id).Counts.Pending, 25)
	n, err := f.RetryItems(f.ctx(), f.org, id, []steward.Status{steward.StatusSuccess}, after(10), 10)
	must(f.t, "RetryItems of successes", err)
	want(f.t, "successes queued", n, 0)
}

func batchRetryLeft(f *fixture) {
	id := f.batch()
	upload := f.reserved(content())
	refused, purged, failed := f.item(id, 0), f.item(id, 1), f.item(id, 2)
	refused.Refused = &steward.Failure{Code: steward.FailMissingInput, Message: "No text."}
	failed.Inputs = []steward.Input{{Key: "doc", DataType: "application/pdf", Files: []steward.File{upload.File}}}
	_, err := f.Submit(f.ctx(), []store.NewJob{refused, purged, failed})
	must(f.t, "Submit", err)
	for _, c := range f.claimAt(now()) {
		f.finish(c.Lease, failure(steward.FailProviderError, after(1)))
	}
	f.purge(purged.ID)
	n, err := f.RetryItems(f.ctx(), f.org, id, []steward.Status{steward.StatusFailure}, after(20), 10)
	must(f.t, "RetryItems", err)
	want(f.t, "items queued", n, 1)
	claimed := f.claimAt(after(20))
	want(f.t, "jobs queued", len(claimed), 1)
	// The new job holds the upload itself.
	want(f.t, "uploads that went with the old job", f.purge(failed.ID).Files, 0)
	_, err = f.StoredFile(f.ctx(), f.org, upload.ID)
	must(f.t, "the upload stays", err)
	f.finish(claimed[0].Lease, store.Outcome{Status: steward.StatusSuccess, At: after(21)})
	want(f.t, "uploads that went with the new job", f.purge(claimed[0].JobID).Files, 1)
}

func batchCompleteRace(f *fixture) {
	var all []steward.BatchID
	for range 10 {
		id := f.batch()
		must(f.t, "CloseBatch", f.CloseBatch(f.ctx(), f.org, id, after(1)))
		all = append(all, id)
	}
	var mu sync.Mutex
	var got []steward.BatchID
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				ids, err := f.CompleteBatches(f.ctx(), after(2), 3)
				if err != nil {
					f.t.Errorf("CompleteBatches: %v", err)
				}
				mu.Lock()
				got = append(got, ids...)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(got)
	slices.Sort(all)
	same(f.t, "completed", got, all)
}

func refusedJob(f *fixture) {
	j := f.job()
	j.Refused = &steward.Failure{Code: steward.FailMissingInput, Message: "There is no text."}
	j.Inputs = []steward.Input{{Key: "text", DataType: "text/plain", Value: "v"}}
	got, err := f.Submit(f.ctx(), []store.NewJob{j})
	must(f.t, "Submit", err)
	same(f.t, "answer", got, []store.Submitted{{ID: j.ID, Ended: true}})
	job := f.get(j.ID)
	want(f.t, "status", job.Status, steward.StatusFailure)
	want(f.t, "history", history(job), "PENDING FAILURE")
	want(f.t, "message of the event", job.Events[1].ErrorMessage, "There is no text.")
	same(f.t, "failure", job.Failure, j.Refused)
	want(f.t, "ended at", job.EndedAt, now())
	same(f.t, "usage", job.Usage, steward.Free())
	want(f.t, "jobs to claim", len(f.claimAt(after(1))), 0)
	listed, count := f.list(store.JobQuery{AgentID: f.agent, Status: []steward.Status{steward.StatusFailure}})
	same(f.t, "listed", listed, []steward.JobID{j.ID})
	want(f.t, "count", count, 1)
}
