package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/store"
)

// picky is an engine whose runs fail for the texts "bad…", and wait for "wait".
func picky(waiting chan<- struct{}) engine.Engine {
	return enginetest.Func{ID: "Picky", Config: textParams(), Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		switch text := run.Config.String("text"); {
		case strings.HasPrefix(text, "bad"):
			return nil, &steward.Failure{Code: steward.FailModelRefused, Message: "No."}
		case text == "wait":
			waiting <- struct{}{}
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}
		return enginetest.Output(run.Config.String("text"))
	}}
}

// batchHouse is a house with an agent that takes texts and files, and the loop that completes batches.
type batchHouse struct {
	*house
	agent   steward.AgentID
	waiting chan struct{}
}

func newBatchHouse(t *testing.T) *batchHouse {
	t.Helper()
	b := &batchHouse{waiting: make(chan struct{}, 10)}
	b.house = openHouse(t, houseOptions{engines: []engine.Engine{picky(b.waiting)}})
	b.agent = b.agentWith("a", "Picky", steward.InputDefinition{Key: "text", DataType: "text/plain"}, steward.InputDefinition{Key: "doc", DataType: "application/pdf"})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.jobs.RunBatches(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("RunBatches: %v", err)
		}
	})
	return b
}

func (b *batchHouse) open(p jobs.BatchParams) *steward.Batch {
	b.t.Helper()
	p.AgentID = b.agent
	batch, err := b.jobs.CreateBatch(b.ctx, p)
	if err != nil {
		b.t.Fatal(err)
	}
	return batch
}

func (b *batchHouse) add(id steward.BatchID, start int64, items [][]jobs.RawInput) []steward.JobID {
	b.t.Helper()
	ids, err := b.jobs.AddItems(b.ctx, id, jobs.ItemsParams{Start: start, Items: items})
	if err != nil {
		b.t.Fatalf("add items from %d: %v", start, err)
	}
	return ids
}

// completed waits for the end of a batch.
func (b *batchHouse) completed(id steward.BatchID) *steward.Batch {
	b.t.Helper()
	end := time.Now().Add(20 * time.Second)
	for {
		batch, err := b.jobs.Batch(b.ctx, id)
		if err != nil {
			b.t.Fatal(err)
		}
		if batch.CompletedAt != nil {
			return batch
		}
		if time.Now().After(end) {
			b.t.Fatalf("the batch is not completed: %+v", batch)
		}
	}
}

func TestABatchIsSentInPiecesAndCompletes(t *testing.T) {
	t.Parallel()
	b := newBatchHouse(t)
	batch := b.open(jobs.BatchParams{Name: "Nightly", Metadata: json.RawMessage(`{"case":7}`)})
	if batch.Name != "Nightly" || batch.StateOf() != steward.BatchOpen || batch.AgentID != b.agent || batch.VersionName != "version 1" || batch.Received != 0 {
		t.Errorf("a new batch %+v", batch)
	}
	second := b.add(batch.ID, 10, texts("d", "bad"))
	first := b.add(batch.ID, 0, texts("a", "b", "c"))
	if got, err := b.jobs.Batch(b.ctx, batch.ID); err != nil || got.Received != 5 || got.NextIndex != 12 || got.Counts.Pending != 5 {
		t.Errorf("with five items %+v, %v", got, err)
	}
	b.work(jobs.WorkerOptions{})
	for _, id := range append(slices.Clone(first), second...) {
		if job := b.end(id); string(job.Metadata) != `{"case":7}` || job.Batch != batch.ID {
			t.Errorf("job %s: metadata %s, batch %s", id, job.Metadata, job.Batch)
		}
	}
	if got, err := b.jobs.Batch(b.ctx, batch.ID); err != nil || got.CompletedAt != nil {
		t.Errorf("an open batch is completed: %+v, %v", got, err)
	}
	if got, err := b.jobs.CloseBatch(b.ctx, batch.ID); err != nil || got.ClosedAt == nil {
		t.Errorf("CloseBatch = %+v, %v", got, err)
	}
	got := b.completed(batch.ID)
	if got.StateOf() != steward.BatchCompleted || got.Counts != (steward.BatchCounts{Success: 4, Failure: 1}) || got.Received != 5 {
		t.Errorf("completed as %+v", got)
	}
	if again, err := b.jobs.CloseBatch(b.ctx, batch.ID); err != nil || !again.ClosedAt.Equal(*got.ClosedAt) {
		t.Errorf("closed again: %+v, %v", again, err)
	}
	items, count, err := b.jobs.BatchItems(b.ctx, batch.ID, store.ItemQuery{From: 2, Status: []steward.Status{3, 4}}, 1, 2)
	if err != nil || count != 3 || len(items) != 2 || items[0].Index != 2 || items[0].JobID != first[2] || items[1].Index != 10 {
		t.Errorf("items %+v of %d, %v", items, count, err)
	}
	failed, _, err := b.jobs.BatchItems(b.ctx, batch.ID, store.ItemQuery{Status: []steward.Status{4}}, 1, 20)
	if err != nil || len(failed) != 1 || failed[0].JobID != second[1] || failed[0].ErrorMessage != "No." || failed[0].FailureCode != steward.FailModelRefused {
		t.Errorf("failed items %+v, %v", failed, err)
	}
	if _, _, err := b.jobs.BatchItems(b.ctx, batch.ID, store.ItemQuery{}, 2, 20); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("a page behind the last: %v", err)
	}
}

func TestItemsThatComeAgainKeepTheirJobs(t *testing.T) {
	t.Parallel()
	b := newBatchHouse(t)
	batch := b.open(jobs.BatchParams{})
	two := func(a, z jobs.RawInput) [][]jobs.RawInput { return [][]jobs.RawInput{{a, z}} }
	text, other := jobs.RawInput{Key: "text", Text: "a"}, jobs.RawInput{Key: "other", JSON: json.RawMessage(`{"x": 1}`)}
	first := b.add(batch.ID, 0, two(text, other))
	other.JSON = json.RawMessage(`{"x":1}`)
	if again := b.add(batch.ID, 0, two(other, text)); !slices.Equal(again, first) {
		t.Errorf("the same content has another job: %v, %v", again, first)
	}
	more := b.add(batch.ID, 0, append(two(text, other), texts("b")...))
	if more[0] != first[0] || more[1] == first[0] {
		t.Errorf("an overlapping piece has jobs %v", more)
	}
	long := texts(strings.Repeat("long ", 10_000))
	if one, two := b.add(batch.ID, 7, long), b.add(batch.ID, 7, long); !slices.Equal(one, two) {
		t.Errorf("a long text has another job: %v, %v", one, two)
	}
	for name, item := range map[string][]jobs.RawInput{
		"another text": {{Key: "text", Text: "b"}, other}, "a JSON value for a text": {{Key: "text", JSON: json.RawMessage(`"a"`)}, other}, "less": {text}, "nothing": nil,
	} {
		_, err := b.jobs.AddItems(b.ctx, batch.ID, jobs.ItemsParams{Items: [][]jobs.RawInput{item}})
		var e *steward.Error
		if !errors.As(err, &e) || e.Code != steward.Conflict || e.Field != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.jobs.CloseBatch(b.ctx, batch.ID); err != nil {
		t.Fatal(err)
	}
	if again := b.add(batch.ID, 0, two(text, other)); !slices.Equal(again, first) {
		t.Errorf("a closed batch does not know its item: %v", again)
	}
	if _, err := b.jobs.AddItems(b.ctx, batch.ID, jobs.ItemsParams{Start: 1, Items: texts("b", "new")}); steward.CodeOf(err) != steward.Conflict {
		t.Errorf("a new item of a closed batch: %v", err)
	}
	if got, err := b.jobs.Batch(b.ctx, batch.ID); err != nil || got.Received != 3 || got.NextIndex != 8 {
		t.Errorf("in the end %+v, %v", got, err)
	}
}

func TestRefusedItemsFailAndHoldUpNobody(t *testing.T) {
	t.Parallel()
	b := newBatchHouse(t)
	batch := b.open(jobs.BatchParams{})
	unknown := "0190a000-0000-7000-8000-0000000000aa"
	refused := []jobs.RawInput{{Key: "text", Text: strings.Repeat("ä", 600)}, {Key: "doc", Text: unknown}}
	ids := b.add(batch.ID, 0, [][]jobs.RawInput{{{Key: "text", Text: "a"}}, refused})
	job := b.end(ids[1])
	if job.Status != steward.StatusFailure || job.Failure == nil || job.Failure.Message != "Input doc: stored file "+unknown+" does not exist" || job.Attempt != 0 {
		t.Errorf("the refused item is %s with %+v at attempt %d", job.Status, job.Failure, job.Attempt)
	}
	if len(job.Inputs) != 2 || job.Inputs[0].Value != strings.Repeat("ä", 500) || job.Inputs[1].Value != unknown {
		t.Errorf("it shows %+v", job.Inputs)
	}
	b.work(jobs.WorkerOptions{})
	if job := b.end(ids[0]); job.Status != steward.StatusSuccess {
		t.Errorf("the other item ended %s", job.Status)
	}
	if again := b.add(batch.ID, 1, [][]jobs.RawInput{refused}); again[0] != ids[1] {
		t.Errorf("the refused item has another job when it comes again")
	}
	if got, err := b.jobs.ResumeBatch(b.ctx, batch.ID, nil); err != nil || got.Counts != (steward.BatchCounts{Success: 1, Failure: 1}) {
		t.Errorf("a refused item was queued again: %+v, %v", got, err)
	}
}

func TestACancelledBatchIsResumed(t *testing.T) {
	t.Parallel()
	b := newBatchHouse(t)
	batch := b.open(jobs.BatchParams{})
	ids := b.add(batch.ID, 0, texts("a", "bad"))
	stop := b.work(jobs.WorkerOptions{Concurrency: 1})
	b.end(ids[1])
	waits := b.add(batch.ID, 2, append(texts("wait"), numbers(999)...))
	<-b.waiting
	b.add(batch.ID, 1002, numbers(500))
	got, err := b.jobs.CancelBatch(b.ctx, batch.ID)
	if err != nil || got.StateOf() != steward.BatchCancelled || got.ClosedAt == nil {
		t.Fatalf("CancelBatch = %+v, %v", got, err)
	}
	if job := b.end(waits[0]); job.Status != steward.StatusCancelled {
		t.Errorf("the running item ended %s", job.Status)
	}
	if got = b.completed(batch.ID); got.Counts != (steward.BatchCounts{Success: 1, Failure: 1, Cancelled: 1500}) || got.StateOf() != steward.BatchCancelled {
		t.Errorf("cancelled as %+v", got)
	}
	if _, err := b.jobs.AddItems(b.ctx, batch.ID, jobs.ItemsParams{Start: 5000, Items: texts("x")}); steward.CodeOf(err) != steward.Conflict {
		t.Errorf("a cancelled batch takes items: %v", err)
	}
	if _, err := b.jobs.CancelBatch(b.ctx, batch.ID); err != nil {
		t.Errorf("cancelled again: %v", err)
	}
	stop()
	if _, err := b.jobs.ResumeBatch(b.ctx, batch.ID, []steward.Status{steward.StatusSuccess}); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("resumed what succeeded: %v", err)
	}
	got, err = b.jobs.ResumeBatch(b.ctx, batch.ID, []steward.Status{steward.StatusCancelled})
	if err != nil || got.CancelledAt != nil || got.CompletedAt != nil || got.Counts != (steward.BatchCounts{Success: 1, Failure: 1, Pending: 1500}) {
		t.Errorf("ResumeBatch = %+v, %v", got, err)
	}
	items, _, err := b.jobs.BatchItems(b.ctx, batch.ID, store.ItemQuery{From: 2}, 1, 1)
	if err != nil || len(items) != 1 || items[0].JobID == waits[0] || items[0].Index != 2 {
		t.Errorf("the resumed item %+v, %v", items, err)
	}
	if old, err := b.jobs.Get(b.ctx, waits[0]); err != nil || old.Status != steward.StatusCancelled || old.Batch != "" {
		t.Errorf("the old job %+v, %v", old, err)
	}
}

func TestTheVersionOfABatchIsThatOfItsBeginning(t *testing.T) {
	t.Parallel()
	b := newBatchHouse(t)
	batch := b.open(jobs.BatchParams{})
	b.add(batch.ID, 0, texts("a"))
	v, err := b.agents.CreateVersion(b.ctx, b.agent, agents.CreateVersionParams{VersionName: "second"})
	if err != nil {
		t.Fatal(err)
	}
	ids := b.add(batch.ID, 1, texts("b"))
	job, err := b.jobs.Get(b.ctx, ids[0])
	if err != nil || job.VersionID != batch.VersionID || job.VersionID == v.ID {
		t.Errorf("the later item runs on %s, %v", job.VersionID, err)
	}
}

func TestABatchIsOpenedOncePerKey(t *testing.T) {
	t.Parallel()
	b := newBatchHouse(t)
	first := b.open(jobs.BatchParams{Name: "x", IdempotencyKey: "k"})
	if again := b.open(jobs.BatchParams{Name: "x", Metadata: json.RawMessage(`{}`), IdempotencyKey: "k"}); again.ID != first.ID {
		t.Errorf("the key gives another batch")
	}
	_, err := b.jobs.CreateBatch(b.ctx, jobs.BatchParams{AgentID: b.agent, Name: "y", IdempotencyKey: "k"})
	var e *steward.Error
	if !errors.As(err, &e) || e.Code != steward.Invalid || e.Field != steward.InputField {
		t.Errorf("the key with another name: %v", err)
	}
	list, count, err := b.jobs.ListBatches(b.ctx, b.agent, 1, 20)
	if err != nil || count != 1 || list[0].ID != first.ID {
		t.Errorf("ListBatches = %+v, %d, %v", list, count, err)
	}
}

func TestBatchesAreRefusedWhatTheyCannotBe(t *testing.T) {
	t.Parallel()
	b := newBatchHouse(t)
	batch := b.open(jobs.BatchParams{})
	unknown := steward.BatchID("0190a000-0000-7000-8000-0000000000aa")
	code := func(err error) string {
		var e *steward.Error
		if !errors.As(err, &e) {
			return fmt.Sprint(err)
		}
		return string(e.Code) + " " + e.Field
	}
	create := func(p jobs.BatchParams) error { _, err := b.jobs.CreateBatch(b.ctx, p); return err }
	add := func(id steward.BatchID, p jobs.ItemsParams) error {
		_, err := b.jobs.AddItems(b.ctx, id, p)
		return err
	}
	for _, x := range []struct {
		name, want string
		err        error
	}{
		{"a long name", "invalid name", create(jobs.BatchParams{AgentID: b.agent, Name: strings.Repeat("x", 201)})},
		{"a name with a null", "invalid name", create(jobs.BatchParams{AgentID: b.agent, Name: "a\x00"})},
		{"much metadata", "invalid metadata", create(jobs.BatchParams{AgentID: b.agent, Metadata: json.RawMessage(strings.Repeat("x", jobs.MaxMetadata+1))})},
		{"a long key", "invalid Idempotency-Key", create(jobs.BatchParams{AgentID: b.agent, IdempotencyKey: strings.Repeat("x", 256)})},
		{"an unknown agent", "not_found ", create(jobs.BatchParams{AgentID: "0190a000-0000-7000-8000-0000000000aa"})},
		{"no items", "invalid inputs", add(batch.ID, jobs.ItemsParams{})},
		{"too many items", "invalid inputs", add(batch.ID, jobs.ItemsParams{Items: numbers(1001)})},
		{"an index below 0", "invalid start", add(batch.ID, jobs.ItemsParams{Start: -1, Items: numbers(1)})},
		{"an index beyond the end", "invalid start", add(batch.ID, jobs.ItemsParams{Start: jobs.MaxBatchItems, Items: numbers(1)})},
		{"items of an unknown batch", "not_found ", add(unknown, jobs.ItemsParams{Items: numbers(1)})},
	} {
		if got := code(x.err); got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
		}
	}
	foreign := steward.WithPrincipal(b.ctx, &steward.Principal{OrganizationID: "0190a000-0000-7000-8000-0000000000bb", Scopes: []steward.Scope{steward.ScopeAdmin}})
	for name, call := range map[string]func(id steward.BatchID) error{
		"Batch": func(id steward.BatchID) error { _, err := b.jobs.Batch(foreign, id); return err },
		"AddItems": func(id steward.BatchID) error {
			_, err := b.jobs.AddItems(foreign, id, jobs.ItemsParams{Items: numbers(1)})
			return err
		},
		"CloseBatch":  func(id steward.BatchID) error { _, err := b.jobs.CloseBatch(foreign, id); return err },
		"CancelBatch": func(id steward.BatchID) error { _, err := b.jobs.CancelBatch(foreign, id); return err },
		"ResumeBatch": func(id steward.BatchID) error { _, err := b.jobs.ResumeBatch(foreign, id, nil); return err },
		"BatchItems": func(id steward.BatchID) error {
			_, _, err := b.jobs.BatchItems(foreign, id, store.ItemQuery{}, 1, 20)
			return err
		},
	} {
		if err := call(batch.ID); steward.CodeOf(err) != steward.NotFound {
			t.Errorf("%s of a foreign batch: %v", name, err)
		}
	}
	read := steward.WithPrincipal(b.ctx, &steward.Principal{OrganizationID: orgOf(b.ctx, t), Scopes: []steward.Scope{steward.ScopeRead}})
	if _, err := b.jobs.CloseBatch(read, batch.ID); steward.CodeOf(err) != steward.Denied {
		t.Errorf("closed by a key that only reads: %v", err)
	}
	if _, err := b.jobs.Batch(read, batch.ID); err != nil {
		t.Errorf("read by a key that only reads: %v", err)
	}
}
