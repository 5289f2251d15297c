package sqlite

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
)

// TestNoStatementScans asks SQLite how it runs every statement that the store uses. Only tables and indexes that stay small
// may be walked through from end to end.
func TestNoStatementScans(t *testing.T) {
	t.Parallel()
	s := openAt(t, Options{Readers: 1}) // one connection sees all reads
	useEverything(t, s)
	small := []string{
		"SCAN organizations",                          // asked for one row
		"SCAN jobs USING COVERING INDEX jobs_running", // what runs now
		"SCAN jobs USING INDEX jobs_running",
		"SCAN CONSTANT ROW",
		"SCAN job_lists_missing",                                                       // a row while a database of an older version is being brought up to date
		"SCAN json_each VIRTUAL TABLE", "SCAN j VIRTUAL TABLE", "SCAN n VIRTUAL TABLE", // values of a filter
		"SCAN agents USING INDEX agents_deleted", "SCAN a USING INDEX agents_deleted",
		"SCAN pending", // webhooks that have something to send
		"SCAN found",   // a page
		"SCAN (subquery",
		"SCAN w USING COVERING INDEX webhooks_inactive",
		"SCAN w USING INDEX webhooks_inactive",
		"SCAN deleted_webhooks",                             // until their deliveries are swept
		"SCAN m USING COVERING INDEX model_calls_to_forget", // answers of jobs that have not ended, or not long ago
	}
	check := func(c *conn) error {
		for _, query := range slices.Sorted(maps.Keys(c.stmts)) {
			if strings.Contains(query, "sqlite_schema") || strings.Contains(query, "goose_db_version") {
				continue // read once, when the store is opened
			}
			args := make([]any, c.stmts[query].s.NumInput())
			for i := range args {
				args[i] = 1
			}
			err := c.query("EXPLAIN QUERY PLAN "+query, args, func(r row) error {
				plan := r.text(3)
				fine := !strings.HasPrefix(plan, "SCAN") || strings.HasSuffix(plan, "-ROW VALUES CLAUSE") // the rows of an INSERT
				for _, p := range small {
					fine = fine || strings.HasPrefix(plan, p)
				}
				if !fine {
					t.Errorf("%s\n\tfor %s", plan, query)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := s.read(t.Context(), "plans", check); err != nil {
		t.Errorf("plans of reads: %v", err)
	}
	if err := s.write(t.Context(), "plans", func(t *tx) error { return check(t.conn) }); err != nil {
		t.Errorf("plans of writes: %v", err)
	}
}

// useEverything calls every method once or more, so that all statements are prepared on the first connections.
// Most calls find nothing; that does not matter here.
func useEverything(t *testing.T, s *Store) {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	fine := func(err error) {
		t.Helper()
		if c := steward.CodeOf(err); c == steward.Internal || c == steward.Unavailable {
			t.Errorf("unexpected error: %v", err)
		}
	}
	done := func(_ any, err error) { t.Helper(); fine(err) }
	key := store.KeyRecord{Key: steward.Key{ID: "k", Prefix: "p"}}
	done(s.Bootstrap(ctx, steward.Organization{ID: "o"}, steward.User{}, key))
	done(s.Organization(ctx, "o"))
	done(s.User(ctx, "o", 1))
	done(s.KeyByPrefix(ctx, "p"))
	done(s.ListKeys(ctx, "o"))
	fine(s.RevokeKey(ctx, "o", "k", now))
	fine(s.TouchKeys(ctx, map[steward.KeyID]time.Time{"k": now}))
	defer useWebhooks(t, s)
	defer useLists(t, s)

	fine(s.CreateAgent(ctx, steward.Agent{ID: "a", OrganizationID: "o"}, steward.Version{ID: "v"}))
	fine(s.CreateVersion(ctx, steward.Version{ID: "w", OrganizationID: "o", BaseAgent: steward.Agent{ID: "a"}}))
	done(s.Agent(ctx, "o", "a"))
	done(s.Version(ctx, "o", "a", "v"))
	done(s.Version(ctx, "o", "a", ""))
	done(s.CurrentVersionID(ctx, "o", "a"))
	for _, order := range []string{"name", "-created_at", "updated_at", "-engine_class_id"} {
		_, _, err := s.ListAgents(ctx, "o", store.AgentQuery{Order: order, Stats: true})
		fine(err)
	}
	for _, order := range store.AgentOrders() {
		_, _, err := s.ListAgents(ctx, "o", store.AgentQuery{Order: order, Name: "n", Search: "s", EngineClassIDs: []string{"e"}, Offset: 1})
		fine(err)
	}
	useAgents(t, s)

	upload := store.FileRecord{File: steward.File{ID: "f", SHA256: "h"}, OrganizationID: "o", CreatedAt: now}
	done(s.Reserve(ctx, upload, now.Add(time.Hour)))
	fine(s.Settle(ctx, "h"))
	fine(s.Settle(ctx, "unknown"))
	done(s.StoredFile(ctx, "o", "f"))

	job := store.NewJob{ID: "j", OrganizationID: "o", AgentID: "a", CreatedAt: now, Timeout: time.Hour, IdempotencyKey: "i",
		IdempotencyTo: now.Add(time.Hour), Inputs: []steward.Input{{Key: "d", Files: []steward.File{{ID: "f"}}}}}
	done(s.Submit(ctx, []store.NewJob{job}))
	req := store.ClaimRequest{Worker: store.Worker{Node: "n", Incarnation: "1"}, Now: now, Max: 5, Lease: time.Second,
		Limits: store.Limits{PerOrganization: 5}}
	claimed, err := s.Claim(ctx, req)
	fine(err)
	if len(claimed) != 1 {
		t.Fatalf("claimed %d jobs, want 1", len(claimed))
	}
	l := claimed[0].Lease
	fine(s.RecordStep(ctx, l, steward.Step{Name: "s", Usage: steward.Usage{Cost: new(steward.MicroUSD)}, Output: []byte("1")}))
	answer := steward.Step{Name: "m", Kind: steward.StepModel, OutputHash: "h2", ForgetOutput: true}
	fine(s.RecordStep(ctx, l, answer))
	fine(s.SaveArtifact(ctx, l, steward.Artifact{Key: "k"}))
	done(s.RefJob(ctx, l, "h2", 1))
	done(s.LoadSteps(ctx, l))
	done(s.RenewLeases(ctx, []store.LeaseRenewal{{Lease: l}}, now, time.Minute))
	done(s.Cancel(ctx, "o", "j", now))
	fine(s.HandOver(ctx, []store.Lease{{JobID: "x"}}))
	done(s.TakeBack(ctx, store.Worker{Node: "n", Incarnation: "2"}))
	fine(s.Finish(ctx, l, store.Outcome{Status: steward.StatusRetry, At: now}))
	req.LastChance = true
	_, _, _, err = s.FindIdempotent(ctx, "o", "a", "i", now)
	fine(err)
	done(s.ListVersions(ctx, "o", "a"))
	req.MaxCrashes = 1
	for _, id := range []steward.JobID{"r", "c", "p"} { // one is tried again, one is cancelled in the queue, one is poison
		job.ID, job.IdempotencyKey, job.Inputs = id, "", nil
		done(s.Submit(ctx, []store.NewJob{job}))
		if id == "c" {
			done(s.Cancel(ctx, "o", id, now))
			continue
		}
		claimed, err = s.Claim(ctx, req)
		fine(err)
		if id == "r" {
			fine(s.Finish(ctx, claimed[0].Lease, store.Outcome{Status: steward.StatusRetry, At: now, RunAfter: now.Add(time.Hour)}))
		}
		req.Now = req.Now.Add(time.Minute)
	}
	done(s.Claim(ctx, req))
	_, _, err = s.NextReady(ctx)
	fine(err)

	done(s.Job(ctx, "o", "j"))
	done(s.JobStatus(ctx, "o", "j"))
	done(s.Steps(ctx, "o", "j"))
	done(s.Artifact(ctx, "o", "j", "k"))
	for _, agent := range []steward.AgentID{"", "a"} {
		done(s.Spent(ctx, "o", agent, now))
		_, _, err := s.ListJobs(ctx, "o", store.JobQuery{AgentID: agent})
		fine(err)
		for st := steward.StatusPending; st <= steward.StatusCached; st++ {
			_, _, err := s.ListJobs(ctx, "o", store.JobQuery{AgentID: agent, Status: []steward.Status{st}})
			fine(err)
		}
	}
	done(s.Release(ctx, []steward.FileID{"f", "x"}, now))
	_, _, err = s.ReleaseExpired(ctx, now, 10)
	fine(err)
	fine(s.Forget(ctx, []string{"h"}))
}

// useAgents calls the methods about agents, tags and kept files that useEverything leaves out.
func useAgents(t *testing.T, s *Store) {
	t.Helper()
	ctx, now, text := t.Context(), time.Now(), "x"
	fine := func(err error) {
		t.Helper()
		if c := steward.CodeOf(err); c == steward.Internal || c == steward.Unavailable {
			t.Errorf("unexpected error: %v", err)
		}
	}
	done := func(_ any, err error) { t.Helper(); fine(err) }
	agent, version := steward.Agent{ID: "b", Name: "b", OrganizationID: "o"}, steward.Version{ID: "x"}
	fine(s.CreateAgent(ctx, agent, version))
	fine(s.CreateVersion(ctx, steward.Version{ID: "y", OrganizationID: "o", BaseAgent: agent}))
	fine(s.UpdateAgent(ctx, "o", "b", store.AgentChange{Name: &text}))
	fine(s.UpdateVersion(ctx, "o", "b", "x", store.VersionChange{VersionName: &text}))
	done(s.PinnedVersion(ctx, "o", "b", "x"))
	done(s.RunAgent(ctx, "o", "b", ""))
	done(s.RunAgent(ctx, "o", "b", "x"))
	fine(s.DeleteVersion(ctx, "o", "b", "x", now))
	fine(s.CreateTag(ctx, "o", steward.Tag{ID: "t", Name: "t"}))
	done(s.ListTags(ctx, "o"))
	done(s.UpdateTag(ctx, "o", "t", store.TagChange{Name: &text}))
	fine(s.SetAgentTags(ctx, "o", "b", []steward.TagID{"t"}))
	fine(s.SetAgentTags(ctx, "o", "b", nil))
	fine(s.DeleteTag(ctx, "o", "t"))
	fine(s.DeleteAgent(ctx, "o", "b", now))
	done(s.DeletedAgents(ctx, 10))
	upload := store.FileRecord{File: steward.File{ID: "k", SHA256: "hk"}, OrganizationID: "o", CreatedAt: now}
	done(s.Reserve(ctx, upload, now.Add(time.Hour)))
	done(s.KeepFile(ctx, "o", "k", "d"))
	done(s.FileInfo(ctx, "o", "k"))
	for _, q := range []store.FileQuery{{}, {DatasetID: "d"}} {
		_, _, err := s.ListFiles(ctx, "o", q)
		fine(err)
	}
	done(s.DeleteFile(ctx, "o", "k", now))
}

// useLists calls the methods about many jobs and about batches, on jobs that useEverything leaves behind.
func useLists(t *testing.T, s *Store) {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	fine := func(err error) {
		t.Helper()
		if c := steward.CodeOf(err); c == steward.Internal || c == steward.Unavailable {
			t.Errorf("unexpected error: %v", err)
		}
	}
	done := func(_ any, err error) { t.Helper(); fine(err) }
	query := store.JobQuery{
		AgentID: "a", Search: "s", Inputs: "i", VersionNames: []string{"v"}, CreatedFrom: now.Add(-time.Hour), CreatedTo: now, JobID: "j",
	}
	_, _, err := s.ListJobs(ctx, "o", query)
	fine(err)
	err = s.read(ctx, "use the lists", func(c *conn) error { // as lists of many jobs do
		l := laneLists{c, lane{"o", "a"}, 1}
		for key := range joblist.WalkID + 1 {
			for _, descending := range []bool{false, true} {
				fine(l.Walk(key, descending, joblist.Bound{}, func(joblist.Bound, int64) bool { return false }))
			}
		}
		among := new(joblist.Set)
		for seq := range int64(500) {
			among.Add(seq)
		}
		among.Add(100_000)
		for _, ids := range []bool{false, true} {
			done(l.Matching(among, "x", ids))
		}
		done(l.Versions())
		done(l.Column(store.ByCost))
		done(l.Posting("v"))
		done(l.CreatedIn(0, 0, 1))
		done(l.Keys([]int64{1}))
		return nil
	})
	fine(err)
	done(s.JobStatuses(ctx, "o", []steward.JobID{"j"}))
	done(s.JobResults(ctx, "o", []steward.JobID{"j"}))
	batch := store.NewBatch{ID: "b", OrganizationID: "o", AgentID: "a", CreatedAt: now, IdempotencyKey: "k"}
	for range 2 {
		_, _, err := s.CreateBatch(ctx, batch)
		fine(err)
	}
	cache := &store.CacheUse{Read: true, TTL: time.Hour}
	jobs := []store.NewJob{
		{ID: "c1", OrganizationID: "o", AgentID: "a", CreatedAt: now, Timeout: time.Hour, Cache: cache, Batch: &store.BatchPlace{ID: "b"}},
		{ID: "c2", OrganizationID: "o", AgentID: "a", CreatedAt: now, Timeout: time.Hour, Batch: &store.BatchPlace{ID: "b", Index: 1}},
		{ID: "c3", OrganizationID: "o", AgentID: "a", CreatedAt: now, Timeout: time.Hour, Batch: &store.BatchPlace{ID: "b", Index: 2}},
	}
	done(s.Submit(ctx, jobs))
	claimed, err := s.Claim(ctx, store.ClaimRequest{Now: now.Add(time.Second), Max: 100, Lease: time.Hour})
	fine(err)
	for _, c := range claimed {
		o := store.Outcome{Status: steward.StatusSuccess, At: now}
		if c.JobID == "c2" {
			o.Status = steward.StatusFailure
		}
		if c.JobID != "c3" {
			fine(s.Finish(ctx, c.Lease, o))
		}
	}
	jobs[0].ID, jobs[0].Batch = "c4", nil
	done(s.Submit(ctx, jobs[:1]))
	done(s.RetryItems(ctx, "o", "b", []steward.Status{steward.StatusFailure}, now, 10))
	done(s.CancelOpen(ctx, "o", store.OpenFilter{Agent: "a"}, now, 10))
	done(s.CancelOpen(ctx, "o", store.OpenFilter{Batch: "b"}, now, 10))
	done(s.Batch(ctx, "o", "b"))
	for _, agent := range []steward.AgentID{"", "a"} {
		_, _, err := s.ListBatches(ctx, "o", store.BatchQuery{AgentID: agent})
		fine(err)
	}
	for _, st := range [][]steward.Status{nil, {0, 1, 2, 3, 4, 5, 6}} {
		_, _, err := s.BatchItems(ctx, "o", "b", store.ItemQuery{Status: st})
		fine(err)
	}
	fine(s.CloseBatch(ctx, "o", "b", now))
	fine(s.CancelBatch(ctx, "o", "b", now))
	for range 2 {
		done(s.CompleteBatches(ctx, now, 10))
		for _, c := range claimed {
			if c.JobID == "c3" {
				fine(s.Finish(ctx, c.Lease, store.Outcome{Status: steward.StatusCancelled, At: now}))
			}
		}
	}
	_, _, err = s.ForgetAnswers(ctx, now, 10)
	fine(err)
	for _, group := range steward.UsageGroups() {
		for _, q := range []store.UsageQuery{{}, {AgentID: "a"}, {BatchID: "b"}} {
			q.Group = group
			done(s.Usage(ctx, "o", q))
		}
	}
	done(s.Purge(ctx, "o", "c1", now))
	fine(s.DeleteAgent(ctx, "o", "a", now))
	for range 2 {
		_, _, err := s.PurgeDeleted(ctx, now, 100)
		fine(err)
	}
}

func TestWriterIsDurable(t *testing.T) {
	t.Parallel()
	s := openAt(t)
	err := s.write(t.Context(), "settings", func(tx *tx) error {
		for pragma, want := range map[string]string{
			"SELECT synchronous FROM pragma_synchronous":   "2", // FULL
			"SELECT journal_mode FROM pragma_journal_mode": "wal",
			"SELECT foreign_keys FROM pragma_foreign_keys": "1",
			"SELECT timeout FROM pragma_busy_timeout":      "5000",
		} {
			_, err := tx.first("SELECT CAST(("+pragma+") AS TEXT)", nil, func(r row) error {
				if got := r.text(0); got != want {
					t.Errorf("%s: got %s, want %s", pragma, got, want)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("read settings: %v", err)
	}
}
