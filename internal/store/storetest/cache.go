package storetest

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Cache tests that results answer equal runs.
func Cache(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"a success answers later runs of its key":           cacheHit,
		"a hit holds the files and artifacts of its result": cacheShared,
		"an entry expires": cacheExpires,
		"a run that may not read fills the cache all the same": cacheRefresh,
		"a lasting failure answers those who ask for it":       cacheFailure,
		"a failure does not displace a success that lasts":     cacheKeepsSuccess,
		"other ends answer nobody":                             cacheOtherEnds,
		"a key is one of its organization":                     cacheScope,
		"runs that are under way do not wait for each other":   cacheInFlight,
		"hits and other jobs go together":                      cacheMixed,
		"an idempotency key goes before the cache":             cacheReplay,
		"equal runs that end at once leave one entry":          cacheConcurrent,
		"what a run did is compared with what it was to do":    cacheCompared,
	})
}

// cacheKey returns a key of a result that no other has.
func cacheKey() (key [32]byte) {
	copy(key[:], newID[steward.FileID]())
	return key
}

// cachedJob returns a job that reads and fills the cache under a key for an hour.
func (f *fixture) cachedJob(key [32]byte, at time.Time) store.NewJob {
	j := f.job()
	j.CreatedAt = at
	j.Cache = &store.CacheUse{Key: key, Read: true, TTL: time.Hour}
	return j
}

// run submits a job, which must be queued, and ends it with an outcome.
func (f *fixture) run(j store.NewJob, o store.Outcome) {
	f.t.Helper()
	f.submit(j)
	f.finish(f.claimOne(j.ID, j.CreatedAt), o)
}

// hit submits a job that must be answered from the cache and returns it.
func (f *fixture) hit(j store.NewJob) *steward.Job {
	f.t.Helper()
	got, err := f.Submit(f.ctx(), []store.NewJob{j})
	must(f.t, "Submit", err)
	same(f.t, "answer", got, []store.Submitted{{ID: j.ID, Ended: true}})
	return f.get(j.ID)
}

// miss submits a job that must be queued, and ends it without a result.
func (f *fixture) miss(j store.NewJob) {
	f.t.Helper()
	got, err := f.Submit(f.ctx(), []store.NewJob{j})
	must(f.t, "Submit", err)
	same(f.t, "answer", got, []store.Submitted{{ID: j.ID}})
	status, err := f.Cancel(f.ctx(), j.OrganizationID, j.ID, j.CreatedAt)
	must(f.t, "Cancel", err)
	want(f.t, "status", status, steward.StatusCancelled)
}

func cacheCompared(f *fixture) {
	key, other := cacheKey(), cacheKey()
	j := f.cachedJob(key, now())
	o := success(j.ID, after(1))
	o.CacheKey = &other
	f.run(j, o)
	f.miss(f.cachedJob(key, after(2)))
	f.miss(f.cachedJob(other, after(2)))
	j = f.cachedJob(key, after(3))
	o = success(j.ID, after(4))
	o.CacheKey = &key
	f.run(j, o)
	f.hit(f.cachedJob(key, after(5)))
	plain := f.job()
	o = success(plain.ID, after(6))
	o.CacheKey = &other // of a job that has nothing to do with the cache
	f.run(plain, o)
	f.miss(f.cachedJob(other, after(7)))
}

// success is an outcome whose outputs name a job.
func success(id steward.JobID, at time.Time) store.Outcome {
	cost := steward.MicroUSD(700)
	return store.Outcome{
		Status: steward.StatusSuccess, At: at, Usage: steward.Usage{InputTokens: 10, Cost: &cost},
		Outputs:    []steward.Datum{{Key: "output", DataType: "application/json", Value: `{"verdict":"approve","artifact":"agent-job-` + string(id) + `/a"}`}},
		References: []steward.Reference{{ResourceID: "page_1.png", Kind: "page", SHA256: content(), CapturedAt: now()}},
	}
}

func failure(code steward.FailureCode, at time.Time) store.Outcome {
	return store.Outcome{Status: steward.StatusFailure, At: at, Failure: &steward.Failure{Code: code, Message: "It failed."}}
}

func cacheHit(f *fixture) {
	key := cacheKey()
	first := f.cachedJob(key, now())
	o := success(first.ID, after(5))
	paid := 0.0007
	o.Outputs[0].Cost = &paid
	f.run(first, o)
	second := f.cachedJob(key, after(10))
	second.Metadata = []byte(`{"case":"2"}`)
	got := f.hit(second)
	if cost := got.Outputs[0].Cost; cost == nil || *cost != 0 {
		f.t.Errorf("cost of the output: got %v, want 0: the first job paid", cost)
	}
	want(f.t, "status", got.Status, steward.StatusCached)
	want(f.t, "cached from", got.CachedFrom, first.ID)
	want(f.t, "history", history(got), "PENDING CACHED")
	want(f.t, "ended at", got.EndedAt, after(10))
	want(f.t, "updated at", got.UpdatedAt, after(10))
	want(f.t, "started at", got.StartedAt.IsZero(), true)
	want(f.t, "metadata", string(got.Metadata), `{"case":"2"}`)
	same(f.t, "usage", got.Usage, steward.Free())
	same(f.t, "references", got.References, o.References)
	want(f.t, "output", got.Outputs[0].Value, strings.ReplaceAll(o.Outputs[0].Value, string(first.ID), string(second.ID)))
	want(f.t, "claimable jobs", len(f.claimAt(after(20))), 0)
	// The hit is in the lists like any other job.
	jobs, count, err := f.ListJobs(f.ctx(), f.org, store.JobQuery{AgentID: f.agent, Verdicts: []string{"approve"}, Status: []steward.Status{steward.StatusCached}})
	must(f.t, "ListJobs", err)
	if count != 1 || len(jobs) != 1 || jobs[0].ID != second.ID || jobs[0].Verdict != "approve" {
		f.t.Errorf("listed %d of %d jobs %+v, want the cached one with its verdict", len(jobs), count, jobs)
	}
	// A hit answers nobody itself: the third is answered by the first.
	want(f.t, "cached from", f.hit(f.cachedJob(key, after(11))).CachedFrom, first.ID)
}

func cacheShared(f *fixture) {
	key, sha := cacheKey(), content()
	first := f.cachedJob(key, now())
	f.submit(first)
	lease := f.claimOne(first.ID, now())
	_, err := f.RefJob(f.ctx(), lease, sha, 5)
	must(f.t, "RefJob", err)
	name := "agent-job-" + string(first.ID) + "/search"
	must(f.t, "SaveArtifact", f.SaveArtifact(f.ctx(), lease, steward.Artifact{Key: name, Result: []byte(`{"rows":1}`)}))
	f.finish(lease, success(first.ID, after(1)))
	second := f.cachedJob(key, after(2))
	f.hit(second)
	a, err := f.Artifact(f.ctx(), f.org, second.ID, "agent-job-"+string(second.ID)+"/search")
	must(f.t, "Artifact", err)
	want(f.t, "artifact", string(a.Result), `{"rows":1}`)
	p, err := f.Purge(f.ctx(), f.org, first.ID, after(3))
	must(f.t, "Purge of the first", err)
	same(f.t, "blobs dying with the first", append([]string{}, p.Dying...), []string{})
	want(f.t, "references of the hit", len(f.get(second.ID).References), 1)
	p, err = f.Purge(f.ctx(), f.org, second.ID, after(4))
	must(f.t, "Purge of the second", err)
	same(f.t, "blobs dying with the second", p.Dying, []string{sha})
}

func cacheExpires(f *fixture) {
	key := cacheKey()
	first := f.cachedJob(key, now())
	first.Cache.TTL = time.Minute
	f.run(first, success(first.ID, after(100)))
	f.hit(f.cachedJob(key, after(159)))
	f.miss(f.cachedJob(key, after(160)))
}

func cacheRefresh(f *fixture) {
	key := cacheKey()
	first := f.cachedJob(key, now())
	f.run(first, success(first.ID, after(1)))
	fresh := f.cachedJob(key, after(2))
	fresh.Cache.Read = false
	f.run(fresh, success(fresh.ID, after(3)))
	want(f.t, "cached from", f.hit(f.cachedJob(key, after(4))).CachedFrom, fresh.ID)
	none := f.job()
	f.run(none, success(none.ID, after(5)))
	want(f.t, "cached from", f.hit(f.cachedJob(key, after(6))).CachedFrom, fresh.ID)
}

func cacheFailure(f *fixture) {
	key := cacheKey()
	first := f.cachedJob(key, now())
	f.run(first, failure(steward.FailModelRefused, after(1)))
	f.miss(f.cachedJob(key, after(2)))
	asking := f.cachedJob(key, after(3))
	asking.Cache.ReadFailure = true
	got := f.hit(asking)
	want(f.t, "status", got.Status, steward.StatusCached)
	same(f.t, "failure", got.Failure, &steward.Failure{Code: steward.FailModelRefused, Message: "It failed."})
	// A success takes its place, for everybody.
	better := f.cachedJob(key, after(4))
	f.run(better, success(better.ID, after(5)))
	want(f.t, "cached from", f.hit(f.cachedJob(key, after(6))).CachedFrom, better.ID)
}

func cacheKeepsSuccess(f *fixture) {
	key := cacheKey()
	first := f.cachedJob(key, now())
	f.run(first, success(first.ID, after(1)))
	second := f.cachedJob(key, after(2))
	second.Cache.Read = false
	f.run(second, failure(steward.FailSchemaMismatch, after(3)))
	asking := f.cachedJob(key, after(4))
	asking.Cache.ReadFailure = true
	want(f.t, "cached from", f.hit(asking).CachedFrom, first.ID)
	// When the success has expired, a failure may stand there.
	third := f.cachedJob(key, after(4000))
	f.run(third, failure(steward.FailSchemaMismatch, after(4001)))
	asking = f.cachedJob(key, after(4002))
	asking.Cache.ReadFailure = true
	want(f.t, "cached from", f.hit(asking).CachedFrom, third.ID)
}

func cacheOtherEnds(f *fixture) {
	key := cacheKey()
	asking := func(at int) store.NewJob {
		j := f.cachedJob(key, after(at))
		j.Cache.ReadFailure = true
		return j
	}
	f.run(asking(0), failure(steward.FailProviderError, after(1)))
	f.run(asking(2), store.Outcome{Status: steward.StatusCancelled, At: after(3)})
	late := asking(4)
	late.Timeout = time.Second
	f.submit(late)
	want(f.t, "jobs claimed", len(f.claimAt(after(6))), 0) // it timed out
	want(f.t, "status", f.get(late.ID).Status, steward.StatusFailure)
	refused := asking(7)
	refused.Refused = &steward.Failure{Code: steward.FailMissingInput, Message: "No."}
	want(f.t, "status", f.hit(refused).Status, steward.StatusFailure)
	f.miss(asking(8))
}

func cacheScope(f *fixture) {
	key := cacheKey()
	first := f.cachedJob(key, now())
	f.run(first, success(first.ID, after(1)))
	foreign := f.cachedJob(key, after(2))
	foreign.OrganizationID, foreign.AgentID = newID[steward.OrganizationID](), newID[steward.AgentID]()
	f.miss(foreign)
	f.miss(f.cachedJob(cacheKey(), after(3)))
}

func cacheInFlight(f *fixture) {
	key := cacheKey()
	a, b := f.cachedJob(key, now()), f.cachedJob(key, now())
	f.submit(a, b)
	claimed := f.claimAt(now())
	want(f.t, "jobs claimed", len(claimed), 2)
	for i, c := range claimed {
		f.finish(c.Lease, success(c.JobID, after(1+i)))
	}
	want(f.t, "cached from", f.hit(f.cachedJob(key, after(5))).CachedFrom, claimed[1].JobID)
}

func cacheMixed(f *fixture) {
	key := cacheKey()
	first := f.cachedJob(key, now())
	f.run(first, success(first.ID, after(1)))
	jobs := []store.NewJob{f.cachedJob(cacheKey(), after(2)), f.cachedJob(key, after(2)), f.job(), f.cachedJob(key, after(2))}
	got, err := f.Submit(f.ctx(), jobs)
	must(f.t, "Submit", err)
	for i, ended := range []bool{false, true, false, true} {
		same(f.t, "answer", got[i], store.Submitted{ID: jobs[i].ID, Ended: ended})
	}
	var queued []steward.JobID
	for _, c := range f.claimAt(after(3)) {
		queued = append(queued, c.JobID)
	}
	want(f.t, "jobs queued", len(queued), 2)
	_, count := f.list(store.JobQuery{AgentID: f.agent})
	want(f.t, "jobs listed", count, 5)
}

func cacheReplay(f *fixture) {
	key := cacheKey()
	first := f.cachedJob(key, now())
	first.IdempotencyKey, first.IdempotencyTo = "k", after(9000)
	f.run(first, success(first.ID, after(1)))
	again := f.cachedJob(key, after(2))
	again.IdempotencyKey, again.IdempotencyTo = "k", after(9000)
	got, err := f.Submit(f.ctx(), []store.NewJob{again})
	must(f.t, "Submit", err)
	want(f.t, "id", got[0].ID, first.ID)
	want(f.t, "replayed", got[0].Replayed, true)
	_, err = f.Job(f.ctx(), f.org, again.ID)
	code(f.t, "the second job", err, steward.NotFound)
}

func cacheConcurrent(f *fixture) {
	keys := [][32]byte{cacheKey(), cacheKey(), cacheKey()}
	var jobs []store.NewJob
	for i := range 60 {
		jobs = append(jobs, f.cachedJob(keys[i%len(keys)], now()))
	}
	f.submit(jobs...)
	var wg sync.WaitGroup
	for _, c := range f.claimAt(now()) {
		wg.Go(func() {
			if err := f.Finish(f.ctx(), c.Lease, success(c.JobID, after(1))); err != nil {
				f.t.Errorf("Finish: %v", err)
			}
		})
	}
	wg.Wait()
	for _, key := range keys {
		from := f.get(f.hit(f.cachedJob(key, after(2))).CachedFrom)
		for _, j := range jobs {
			if j.ID == from.ID && !bytes.Equal(j.Cache.Key[:], key[:]) {
				f.t.Errorf("a result of another key answered")
			}
		}
	}
}
