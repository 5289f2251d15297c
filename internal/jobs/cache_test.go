package jobs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/store"
)

// reusable is an engine whose results may be reused. It answers how often it ran, and saves a file whose URL its output names.
type reusable struct {
	enginetest.Func
	revision int
	live     bool
	runs     *atomic.Int32
}

func (e *reusable) Revision() int           { return e.revision }
func (e *reusable) Live(engine.Config) bool { return e.live }

func newReusable(id string) *reusable {
	e := &reusable{Func: enginetest.Func{ID: id, Config: textParams()}, revision: 1, runs: new(atomic.Int32)}
	e.Do = func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		n := e.runs.Add(1)
		switch run.Config.String("text") {
		case "locked":
			return nil, &steward.Failure{Code: steward.FailFileEncrypted, Message: fmt.Sprintf("Locked, run %d.", n)}
		case "overloaded":
			return nil, &steward.Failure{Code: steward.FailProviderError, Message: "Away."}
		}
		_, url, err := run.SaveReference(ctx, "page.txt", "page", "text/plain", strings.NewReader(fmt.Sprintf("run %d", n)))
		if err != nil {
			return nil, err
		}
		return enginetest.Output(map[string]any{"run": n, "references": []string{url}})
	}
	return e
}

// moving is a clock that a test moves.
type moving struct {
	mu sync.Mutex
	by time.Duration
}

func (c *moving) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.by)
}

func (c *moving) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by += d
}

// cached is a house with one agent of a reusable engine and a worker.
type cached struct {
	*house
	clock  *moving
	engine *reusable
	agent  steward.AgentID
}

func newCached(t *testing.T) *cached {
	t.Helper()
	c := &cached{clock: &moving{}, engine: newReusable("Reusable")}
	c.house = openHouse(t, houseOptions{engines: []engine.Engine{c.engine}, clock: c.clock})
	c.work(jobs.WorkerOptions{PublicURL: "http://steward.example"})
	c.agent = c.agentWith("a", "Reusable",
		steward.InputDefinition{Key: "text", DataType: "text/plain"}, steward.InputDefinition{Key: "data", DataType: "application/json"},
		steward.InputDefinition{Key: "doc", DataType: "application/octet-stream"})
	return c
}

// run does a run to its end and returns its job.
func (c *cached) run(p jobs.RunParams) *steward.Job {
	c.t.Helper()
	p.AgentID = c.agent
	return c.end(c.submit(p))
}

func text(s string) jobs.RunParams {
	return jobs.RunParams{Inputs: []jobs.RawInput{{Key: "text", Text: s}}}
}

// flags changes an agent's cache flags.
func (c *cached) flags(disable, failures bool) {
	c.t.Helper()
	if err := c.store.UpdateAgent(c.ctx, orgOf(c.ctx, c.t), c.agent, store.AgentChange{DisableCache: &disable, CacheFailedJobs: &failures, At: c.clock.Now()}); err != nil {
		c.t.Fatal(err)
	}
}

func orgOf(ctx context.Context, t *testing.T) steward.OrganizationID {
	t.Helper()
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		t.Fatal(err)
	}
	return p.OrganizationID
}

func TestAnEqualRunIsAnsweredByANewCachedJob(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	first := c.run(text("a"))
	second := c.run(text("a"))
	if first.Status != steward.StatusSuccess || second.Status != steward.StatusCached || second.ID == first.ID || second.CachedFrom != first.ID {
		t.Fatalf("first %s %s, second %s %s of %s", first.ID, first.Status, second.ID, second.Status, second.CachedFrom)
	}
	if n := c.engine.runs.Load(); n != 1 {
		t.Errorf("the engine ran %d times", n)
	}
	want := strings.ReplaceAll(first.Outputs[0].Value, string(first.ID), string(second.ID))
	if len(second.Outputs) != 1 || second.Outputs[0].Value != want || !strings.Contains(want, string(second.ID)) {
		t.Errorf("outputs %+v, want %s", second.Outputs, want)
	}
	if second.Usage.Cost == nil || *second.Usage.Cost != 0 || second.Outputs[0].Cost != nil && *second.Outputs[0].Cost != 0 {
		t.Errorf("a cached job costs %+v", second.Usage)
	}
	body, _, err := c.jobs.OpenReference(c.ctx, second.ID, "page.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }() // only read
	if saved, err := io.ReadAll(body); err != nil || string(saved) != "run 1" {
		t.Errorf("the new job's reference holds %q, %v", saved, err)
	}
	sync, err := c.jobs.RunSync(c.ctx, jobs.RunParams{AgentID: c.agent, Inputs: text("a").Inputs})
	if err != nil || sync.Status != steward.StatusCached || sync.CachedFrom != first.ID {
		t.Errorf("a synchronous run %+v, %v", sync, err)
	}
}

func TestWhatMakesRunsEqual(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	file := func(name, content string) []jobs.RawInput {
		return []jobs.RawInput{{Key: "doc", File: c.upload(name, content)}}
	}
	object := func(s string) []jobs.RawInput { return []jobs.RawInput{{Key: "data", JSON: json.RawMessage(s)}} }
	words := func(s string) []jobs.RawInput { return []jobs.RawInput{{Key: "text", Text: s}} }
	long := strings.Repeat("long ", 10_000)
	for _, x := range []struct {
		name       string
		one, two   []jobs.RawInput
		areEqual   bool
		difference func(p *jobs.RunParams)
	}{
		{"blanks around a text", words("a b"), words("\n a b\t"), true, nil},
		{"blanks in a text", words("c  d"), words("c d"), false, nil},
		{"composed and decomposed letters", words("K\u00e4se"), words("Ka\u0308se"), true, nil},
		{"the case of letters", words("e"), words("E"), false, nil},
		{"a long text", words(long), words(long), true, nil},
		{"the end of a long text", words(long), words(long + "x"), false, nil},
		{"a text and a file of it", words("in a file"), []jobs.RawInput{{Key: "text", File: c.upload("t.txt", "in a file")}}, true, nil},
		{"members in another order", object(`{"a":1,"b":[1,2]}`), object(`{ "b": [1, 2], "a": 1 }`), true, nil},
		{"elements in another order", object(`[1,2]`), object(`[2,1]`), false, nil},
		{"a number and its text", object(`{"n":1}`), object(`{"n":"1"}`), false, nil},
		{"names of files", file("a.bin", "same"), file("b.bin", "same"), true, nil},
		{"contents of files", file("c.bin", "one"), file("c.bin", "two"), false, nil},
		{"unknown inputs", words("f"), append(words("f"), jobs.RawInput{Key: "other", Text: "x"}), true, nil},
		{"another key", words("g"), []jobs.RawInput{{Key: "data", Text: "g"}}, false, nil},
		{"metadata and time limits", words("h"), words("h"), true, func(p *jobs.RunParams) {
			p.Metadata, p.Timeout = json.RawMessage(`{"case":1}`), time.Hour
		}},
	} {
		first := c.run(jobs.RunParams{Inputs: x.one})
		p := jobs.RunParams{Inputs: x.two}
		if x.difference != nil {
			x.difference(&p)
		}
		if second := c.run(p); (second.CachedFrom == first.ID) != x.areEqual || (second.Status == steward.StatusCached) != x.areEqual {
			t.Errorf("%s: the second run is %s of %q", x.name, second.Status, second.CachedFrom)
		}
	}
}

func TestTheCacheIsOfOneAgentVersionModelAndRevision(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	c.run(text("a"))
	other := c.agentWith("b", "Reusable", steward.InputDefinition{Key: "text", DataType: "text/plain"})
	if job := c.end(c.submit(jobs.RunParams{AgentID: other, Inputs: text("a").Inputs})); job.Status != steward.StatusSuccess {
		t.Errorf("another agent is answered %s", job.Status)
	}
	c.engine.revision = 2
	if job := c.run(text("a")); job.Status != steward.StatusSuccess {
		t.Errorf("other code is answered %s", job.Status)
	}
}

func TestEnginesThatDoNotSaySoAreNotCached(t *testing.T) {
	t.Parallel()
	h := openHouse(t, houseOptions{engines: []engine.Engine{enginetest.Steps{N: 0}}})
	h.work(jobs.WorkerOptions{})
	agent := h.agent("a", "Steps0Engine", `{}`)
	for range 2 {
		if job := h.end(h.submit(jobs.RunParams{AgentID: agent})); job.Status != steward.StatusSuccess {
			t.Errorf("ended %s", job.Status)
		}
	}
}

func TestSkippingTheCacheRefreshesIt(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	c.run(text("a"))
	skipping := text("a")
	skipping.SkipCache = true
	fresh := c.run(skipping)
	if fresh.Status != steward.StatusSuccess {
		t.Fatalf("a run that skips the cache is %s", fresh.Status)
	}
	if third := c.run(text("a")); third.CachedFrom != fresh.ID {
		t.Errorf("answered from %s, want the fresh %s", third.CachedFrom, fresh.ID)
	}
}

func TestAgentFlagsSwitchTheCache(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	c.run(text("a"))
	c.flags(true, false)
	if job := c.run(text("a")); job.Status != steward.StatusSuccess {
		t.Errorf("with the cache disabled %s", job.Status)
	}
	c.flags(false, false)
	if job := c.run(text("a")); job.Status != steward.StatusCached {
		t.Errorf("with the cache enabled again %s", job.Status)
	}
	c.run(text("locked"))
	if job := c.run(text("locked")); job.Status != steward.StatusFailure {
		t.Errorf("a failure is answered %s although failures are not to be cached", job.Status)
	}
	c.flags(false, true)
	job := c.run(text("locked"))
	if job.Status != steward.StatusCached || job.Failure == nil || job.Failure.Code != steward.FailFileEncrypted || len(job.Outputs) != 0 {
		t.Errorf("a cached failure is %s with %+v", job.Status, job.Failure)
	}
	c.run(text("overloaded"))
	if job := c.run(text("overloaded")); job.Status != steward.StatusFailure {
		t.Errorf("a failure that may pass is answered %s", job.Status)
	}
}

func TestResultsAnswerForAMonthAndThoseOfURLsForADay(t *testing.T) {
	t.Parallel()
	for name, days := range map[string]int{"a": 30, "http://example.org/page": 1} {
		c := newCached(t)
		c.run(text(name))
		c.clock.move(time.Duration(days)*24*time.Hour - time.Minute)
		if job := c.run(text(name)); job.Status != steward.StatusCached {
			t.Errorf("%s within %d days: %s", name, days, job.Status)
		}
		c.clock.move(2 * time.Minute)
		if job := c.run(text(name)); job.Status != steward.StatusSuccess {
			t.Errorf("%s after %d days: %s", name, days, job.Status)
		}
	}
	c := newCached(t)
	c.engine.live = true
	c.run(text("a"))
	c.clock.move(25 * time.Hour)
	if job := c.run(text("a")); job.Status != steward.StatusSuccess {
		t.Errorf("an engine that reads live sources is answered %s after a day", job.Status)
	}
}

func TestAReplayedKeyGivesTheFirstJobAndNotTheCache(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	keyed := text("a")
	keyed.IdempotencyKey = "k"
	first := c.run(keyed)
	if again := c.run(keyed); again.ID != first.ID || again.Status != steward.StatusSuccess {
		t.Errorf("the replay is job %s, %s", again.ID, again.Status)
	}
	keyed.IdempotencyKey = "k2"
	hit := c.run(keyed)
	if hit.Status != steward.StatusCached || hit.CachedFrom != first.ID {
		t.Fatalf("a new key with equal inputs is %s of %q", hit.Status, hit.CachedFrom)
	}
	keyed.SkipCache = true
	if again := c.run(keyed); again.ID != hit.ID {
		t.Errorf("the replay of a cached job is %s, want %s", again.ID, hit.ID)
	}
}

func TestManyAndBatchesAreAnsweredFromTheCache(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	first := c.run(text("a"))
	ids, err := c.jobs.RunMany(c.ctx, jobs.ManyParams{AgentID: c.agent, Items: [][]jobs.RawInput{text("a").Inputs, text("b").Inputs}})
	if err != nil {
		t.Fatal(err)
	}
	if hit, miss := c.end(ids[0]), c.end(ids[1]); hit.CachedFrom != first.ID || miss.Status != steward.StatusSuccess {
		t.Errorf("of many: %s and %s", hit.Status, miss.Status)
	}
	b, err := c.jobs.CreateBatch(c.ctx, jobs.BatchParams{AgentID: c.agent})
	if err != nil {
		t.Fatal(err)
	}
	items := [][]jobs.RawInput{text("a").Inputs, text("c").Inputs}
	if ids, err = c.jobs.AddItems(c.ctx, b.ID, jobs.ItemsParams{Items: items}); err != nil {
		t.Fatal(err)
	}
	if hit, miss := c.end(ids[0]), c.end(ids[1]); hit.CachedFrom != first.ID || hit.Batch != b.ID || miss.Status != steward.StatusSuccess {
		t.Errorf("of a batch: %s and %s", hit.Status, miss.Status)
	}
	skipped, err := c.jobs.AddItems(c.ctx, b.ID, jobs.ItemsParams{Start: 2, Items: items[:1], SkipCache: true})
	if err != nil {
		t.Fatal(err)
	}
	if job := c.end(skipped[0]); job.Status != steward.StatusSuccess {
		t.Errorf("an item that skips the cache is %s", job.Status)
	}
}

func TestDeletedDataAnswersNobody(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	first := c.run(text("a"))
	hit := c.run(text("a"))
	if _, err := c.jobs.DeleteData(c.ctx, first.ID); err != nil {
		t.Fatal(err)
	}
	if job := c.run(text("a")); job.Status != steward.StatusSuccess {
		t.Errorf("after its data was deleted the first job still answers: %s", job.Status)
	}
	body, _, err := c.jobs.OpenReference(c.ctx, hit.ID, "page.txt")
	if err != nil {
		t.Fatalf("the copy of a reference is gone with the first job's: %v", err)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
}
