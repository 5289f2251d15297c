package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Purge tests the deletion of what ended jobs know.
func Purge(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"data goes, the record stays":                          purgeJob,
		"a second call finds nothing":                          purgeTwice,
		"an open job keeps its data":                           purgeOpen,
		"jobs of others are not found":                         purgeForeign,
		"uploads go with the last job that has them":           purgeUploads,
		"a kept upload stays":                                  purgeKept,
		"saved files go with the last job that has them":       purgeReferences,
		"a purged job answers nobody from the cache":           purgeCache,
		"a purged job is listed, its texts are not found":      purgeLists,
		"jobs of deleted agents are purged piece by piece":     purgeDeleted,
		"jobs of deleted agents that are open are left":        purgeDeletedOpen,
		"a purge and a cache hit at once leave a whole result": purgeRace,
	})
}

// rich submits a job with an upload, runs it with a step, an artifact and a saved file, and ends it with outputs.
func (f *fixture) rich(upload store.FileRecord, saved string) store.NewJob {
	f.t.Helper()
	j := f.job()
	j.Metadata = []byte(`{"team":"blue"}`)
	j.Inputs = []steward.Input{
		{Key: "text", Description: "what it says", DataType: "text/plain", Value: "The secret is 42."},
		{Key: "doc", DataType: "application/pdf", Files: []steward.File{upload.File}},
	}
	f.submit(j)
	lease := f.claimOne(j.ID, j.CreatedAt)
	must(f.t, "RecordStep", f.RecordStep(f.ctx(), lease, steward.Step{Name: "s", StartedAt: now(), EndedAt: after(1), Output: []byte(`"42"`)}))
	must(f.t, "SaveArtifact", f.SaveArtifact(f.ctx(), lease, steward.Artifact{Key: "a", Result: []byte("42")}))
	_, err := f.RefJob(f.ctx(), lease, saved, 5)
	must(f.t, "RefJob", err)
	f.finish(lease, success(j.ID, after(2)))
	return j
}

func (f *fixture) purge(id steward.JobID) store.Purged {
	f.t.Helper()
	p, err := f.Purge(f.ctx(), f.org, id, after(10))
	must(f.t, "Purge", err)
	return p
}

func purgeJob(f *fixture) {
	upload, saved := f.reserved(content()), content()
	j := f.rich(upload, saved)
	before := f.get(j.ID)
	p := f.purge(j.ID)
	slices.Sort(p.Dying)
	dying := []string{upload.SHA256, saved}
	slices.Sort(dying)
	same(f.t, "purged", p, store.Purged{Outputs: 2, Artifacts: 1, Steps: 1, Files: 1, Had: true, Dying: dying})
	wanted := *before
	wanted.Inputs = []steward.Input{{Key: "text", Description: "what it says", DataType: "text/plain"}, {Key: "doc", DataType: "application/pdf"}}
	wanted.Outputs, wanted.References, wanted.DataDeletedAt = []steward.Datum{}, []steward.Reference{}, after(10)
	same(f.t, "what stays", f.get(j.ID), &wanted)
	steps, err := f.Steps(f.ctx(), f.org, j.ID)
	must(f.t, "Steps", err)
	want(f.t, "steps", len(steps), 0)
	_, err = f.Artifact(f.ctx(), f.org, j.ID, "a")
	code(f.t, "the artifact", err, steward.NotFound)
	_, err = f.StoredFile(f.ctx(), f.org, upload.ID)
	code(f.t, "the upload", err, steward.NotFound)
	must(f.t, "Forget", f.Forget(f.ctx(), dying))
}

func purgeTwice(f *fixture) {
	j := f.rich(f.reserved(content()), content())
	f.purge(j.ID)
	p, err := f.Purge(f.ctx(), f.org, j.ID, after(20))
	must(f.t, "Purge", err)
	same(f.t, "purged", store.Purged{Had: p.Had, Outputs: p.Outputs + p.Artifacts + p.Steps + p.Files + len(p.Dying)}, store.Purged{})
	want(f.t, "data deleted at", f.get(j.ID).DataDeletedAt, after(10))
	plain := f.started()
	f.finish(plain, store.Outcome{Status: steward.StatusCancelled, At: after(1)})
	want(f.t, "a job that knows little was purged", f.purge(plain.JobID).Had, true)
}

func purgeOpen(f *fixture) {
	queued := f.job()
	queued.RunAfter = after(600)
	f.submit(queued)
	running := f.started()
	for _, id := range []steward.JobID{queued.ID, running.JobID} {
		_, err := f.Purge(f.ctx(), f.org, id, after(1))
		code(f.t, "an open job", err, steward.Conflict)
		want(f.t, "data deleted", f.get(id).DataDeletedAt.IsZero(), true)
	}
}

func purgeForeign(f *fixture) {
	j := f.rich(f.reserved(content()), content())
	_, err := f.Purge(f.ctx(), newID[steward.OrganizationID](), j.ID, after(1))
	code(f.t, "another organization", err, steward.NotFound)
	_, err = f.Purge(f.ctx(), f.org, newID[steward.JobID](), after(1))
	code(f.t, "an unknown job", err, steward.NotFound)
	want(f.t, "data deleted", f.get(j.ID).DataDeletedAt.IsZero(), true)
}

func purgeUploads(f *fixture) {
	upload := f.reserved(content())
	a, b := f.rich(upload, content()), f.rich(upload, content())
	p := f.purge(a.ID)
	want(f.t, "uploads that went with the first", p.Files, 0)
	want(f.t, "the upload is dying", slices.Contains(p.Dying, upload.SHA256), false)
	_, err := f.StoredFile(f.ctx(), f.org, upload.ID)
	must(f.t, "the upload stays", err)
	p = f.purge(b.ID)
	want(f.t, "uploads that went with the second", p.Files, 1)
	want(f.t, "the upload is dying", slices.Contains(p.Dying, upload.SHA256), true)
}

func purgeKept(f *fixture) {
	upload := f.reserved(content())
	_, err := f.KeepFile(f.ctx(), f.org, upload.ID, "")
	must(f.t, "KeepFile", err)
	j := f.rich(upload, content())
	p := f.purge(j.ID)
	want(f.t, "uploads that went", p.Files, 0)
	want(f.t, "the upload is dying", slices.Contains(p.Dying, upload.SHA256), false)
	_, err = f.StoredFile(f.ctx(), f.org, upload.ID)
	must(f.t, "the upload stays", err)
}

func purgeReferences(f *fixture) {
	saved := content()
	a, b := f.rich(f.reserved(content()), saved), f.rich(f.reserved(content()), saved)
	want(f.t, "the file is dying with the first", slices.Contains(f.purge(a.ID).Dying, saved), false)
	want(f.t, "the file is dying with the second", slices.Contains(f.purge(b.ID).Dying, saved), true)
}

func purgeCache(f *fixture) {
	key := cacheKey()
	first := f.cachedJob(key, now())
	f.run(first, success(first.ID, after(1)))
	hit := f.hit(f.cachedJob(key, after(2)))
	f.purge(first.ID)
	want(f.t, "outputs of the earlier hit", len(f.get(hit.ID).Outputs), 1)
	f.miss(f.cachedJob(key, after(20)))
	// An entry that another job made since is not the purged job's.
	second, third := f.cachedJob(key, after(21)), f.cachedJob(key, after(21))
	f.run(second, success(second.ID, after(22)))
	third.Cache.Read = false
	f.run(third, success(third.ID, after(23)))
	f.purge(second.ID)
	want(f.t, "cached from", f.hit(f.cachedJob(key, after(24))).CachedFrom, third.ID)
}

func purgeLists(f *fixture) {
	j := f.rich(f.reserved(content()), content())
	f.purge(j.ID)
	for what, q := range map[string]struct {
		store.JobQuery
		count int64
	}{
		"all":      {store.JobQuery{}, 1},
		"status":   {store.JobQuery{Status: []steward.Status{steward.StatusSuccess}}, 1},
		"metadata": {store.JobQuery{Metadata: []store.Label{{Key: "team", Value: "blue"}}}, 1},
		"inputs":   {store.JobQuery{Inputs: "secret"}, 0},
		"search":   {store.JobQuery{Search: "secret"}, 0},
	} {
		q.AgentID = f.agent
		jobs, count, err := f.ListJobs(f.ctx(), f.org, q.JobQuery)
		must(f.t, "ListJobs", err)
		want(f.t, what, count, q.count)
		for _, listed := range jobs {
			want(f.t, "verdict shown", listed.Verdict, "")
			want(f.t, "value shown", listed.Inputs[0].Value, "")
		}
	}
}

// liveAgent stores the fixture's agent.
func (f *fixture) liveAgent() {
	f.t.Helper()
	version := newID[steward.VersionID]()
	must(f.t, "CreateAgent", f.CreateAgent(f.ctx(), steward.Agent{
		ID: f.agent, OrganizationID: f.org, Name: string(f.agent), EngineClassID: "TestEngine", CreatedAt: now(), UpdatedAt: now(),
	}, steward.Version{ID: version, OrganizationID: f.org, VersionName: "first", CreatedAt: now()}))
}

func purgeDeleted(f *fixture) {
	f.liveAgent()
	var wanted []string
	for range 5 {
		upload, saved := f.reserved(content()), content()
		f.rich(upload, saved)
		wanted = append(wanted, upload.SHA256, saved)
	}
	n, dying, err := f.PurgeDeleted(f.ctx(), after(10), 2)
	must(f.t, "PurgeDeleted", err)
	want(f.t, "jobs of an agent that lives", n+len(dying), 0)
	must(f.t, "DeleteAgent", f.DeleteAgent(f.ctx(), f.org, f.agent, after(10)))
	var all []string
	for _, count := range []int{2, 2, 1, 0, 0} {
		n, dying, err := f.PurgeDeleted(f.ctx(), after(10), 2)
		must(f.t, "PurgeDeleted", err)
		want(f.t, "jobs purged", n, count)
		all = append(all, dying...)
	}
	slices.Sort(all)
	slices.Sort(wanted)
	same(f.t, "blobs dying", all, wanted)
	_, _, err = f.PurgeDeleted(f.ctx(), after(10), 0)
	code(f.t, "no limit", err, steward.Invalid)
}

func purgeDeletedOpen(f *fixture) {
	f.liveAgent()
	lease := f.started()
	must(f.t, "DeleteAgent", f.DeleteAgent(f.ctx(), f.org, f.agent, after(1)))
	n, _, err := f.PurgeDeleted(f.ctx(), after(2), 10)
	must(f.t, "PurgeDeleted", err)
	want(f.t, "open jobs purged", n, 0)
	f.finish(lease, store.Outcome{Status: steward.StatusSuccess, At: after(3)})
	n, _, err = f.PurgeDeleted(f.ctx(), after(4), 10)
	must(f.t, "PurgeDeleted", err)
	want(f.t, "ended jobs purged", n, 1)
}

func purgeRace(f *fixture) {
	for range 10 {
		key, saved := cacheKey(), content()
		first := f.cachedJob(key, now())
		f.submit(first)
		lease := f.claimOne(first.ID, now())
		_, err := f.RefJob(f.ctx(), lease, saved, 5)
		must(f.t, "RefJob", err)
		f.finish(lease, success(first.ID, after(1)))
		done := make(chan store.Purged)
		go func() {
			p, err := f.Purge(f.ctx(), f.org, first.ID, after(2))
			if err != nil {
				f.t.Errorf("Purge: %v", err)
			}
			done <- p
		}()
		second := f.cachedJob(key, after(2))
		second.RunAfter = after(2).Add(time.Hour)
		got, err := f.Submit(f.ctx(), []store.NewJob{second})
		must(f.t, "Submit", err)
		p := <-done
		// Either the result was there, and its file stays, or the run is queued and the file goes.
		want(f.t, "the file is dying", slices.Contains(p.Dying, saved), !got[0].Ended)
		want(f.t, "the result is whole", len(f.get(second.ID).Outputs) == 1, got[0].Ended)
	}
}
