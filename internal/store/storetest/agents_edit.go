package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// AgentEdits tests the changing and the ending of agents and versions.
func AgentEdits(t *testing.T, open Open) {
	each(t, open, map[string]func(t *testing.T, s store.Store){
		"a change touches what it names":                    agentChanged,
		"a new name must be free and is searched from then": agentRenamed,
		"a deleted agent is gone and its name is free":      agentDeleted,
		"a version's name and description can change":       versionChanged,
		"a version that is not current can be deleted":      versionDeleted,
		"a run reads its agent and version as they are now": runAgent,
	})
	with(t, open, map[string]func(f *fixture){
		"deleted agents are named as long as they have jobs to end": deletedAgents,
		"jobs of a deleted agent are not found":                     deletedJobs,
		"batches of a deleted agent are not found":                  deletedBatches,
	})
}

func agentChanged(t *testing.T, s store.Store) {
	org := newID[steward.OrganizationID]()
	a, _ := created(t, s, org, "agent", now())
	must(t, "an empty change", s.UpdateAgent(t.Context(), org, a.ID, store.AgentChange{At: after(1)}))
	read := func() steward.Agent {
		got, err := s.Agent(t.Context(), org, a.ID)
		must(t, "Agent", err)
		got.JobCount = nil
		return *got
	}
	same(t, "after an empty change", read(), a)
	on, off, name := true, false, "Ägent"
	must(t, "flags", s.UpdateAgent(t.Context(), org, a.ID, store.AgentChange{DisableCache: &on, CacheFailedJobs: &on, At: after(2)}))
	a.DisableCache, a.CacheFailedJobs, a.UpdatedAt = true, true, after(2)
	same(t, "after the flags", read(), a)
	must(t, "name", s.UpdateAgent(t.Context(), org, a.ID, store.AgentChange{Name: &name, DisableCache: &off, At: after(3)}))
	a.Name, a.DisableCache, a.UpdatedAt = name, false, after(3)
	same(t, "after the name", read(), a)
	v, err := s.Version(t.Context(), org, a.ID, "")
	must(t, "Version", err)
	want(t, "the version's agent name", v.Name, name)
	code(t, "a foreign agent", s.UpdateAgent(t.Context(), newID[steward.OrganizationID](), a.ID, store.AgentChange{Name: &name}), steward.NotFound)
	code(t, "an unknown agent", s.UpdateAgent(t.Context(), org, newID[steward.AgentID](), store.AgentChange{}), steward.NotFound)
}

func agentRenamed(t *testing.T, s store.Store) {
	org := newID[steward.OrganizationID]()
	a, _ := created(t, s, org, "first", now())
	created(t, s, org, "second", now())
	taken, own, fresh := "second", "first", "THIRD"
	err := s.UpdateAgent(t.Context(), org, a.ID, store.AgentChange{Name: &taken, At: after(1)})
	code(t, "a name that is taken", err, steward.Conflict)
	want(t, "field", fieldOf(err), "name")
	must(t, "its own name", s.UpdateAgent(t.Context(), org, a.ID, store.AgentChange{Name: &own, At: after(1)}))
	must(t, "a free name", s.UpdateAgent(t.Context(), org, a.ID, store.AgentChange{Name: &fresh, At: after(1)}))
	created(t, s, org, "first", now())
	for _, q := range []store.AgentQuery{{Name: "third"}, {Search: "third"}} {
		got, _ := names(t, s, org, q)
		same(t, "found by the new name", got, []string{"THIRD"})
	}
}

func agentDeleted(t *testing.T, s store.Store) {
	ctx, org := t.Context(), newID[steward.OrganizationID]()
	a, v := created(t, s, org, "agent", now())
	tag := newTag(t, s, org, "tag")
	must(t, "SetAgentTags", s.SetAgentTags(ctx, org, a.ID, []steward.TagID{tag.ID}))
	code(t, "delete a foreign agent", s.DeleteAgent(ctx, newID[steward.OrganizationID](), a.ID, after(1)), steward.NotFound)
	must(t, "DeleteAgent", s.DeleteAgent(ctx, org, a.ID, after(1)))
	code(t, "delete it again", s.DeleteAgent(ctx, org, a.ID, after(2)), steward.NotFound)

	gone := func(what string, err error) { t.Helper(); code(t, what, err, steward.NotFound) }
	_, err := s.Agent(ctx, org, a.ID)
	gone("Agent", err)
	_, err = s.Version(ctx, org, a.ID, v.ID)
	gone("Version", err)
	_, err = s.Version(ctx, org, a.ID, "")
	gone("current Version", err)
	_, err = s.ListVersions(ctx, org, a.ID)
	gone("ListVersions", err)
	_, err = s.CurrentVersionID(ctx, org, a.ID)
	gone("CurrentVersionID", err)
	_, err = s.RunAgent(ctx, org, a.ID, v.ID)
	gone("RunAgent", err)
	gone("UpdateAgent", s.UpdateAgent(ctx, org, a.ID, store.AgentChange{}))
	gone("SetAgentTags", s.SetAgentTags(ctx, org, a.ID, nil))
	gone("UpdateVersion", s.UpdateVersion(ctx, org, a.ID, v.ID, store.VersionChange{}))
	gone("DeleteVersion", s.DeleteVersion(ctx, org, a.ID, v.ID, after(2)))
	v2 := v
	v2.ID = newID[steward.VersionID]()
	gone("CreateVersion", s.CreateVersion(ctx, v2))
	got, count := names(t, s, org, store.AgentQuery{})
	same(t, "list", got, []string{})
	want(t, "count", count, 0)
	got, _ = names(t, s, org, store.AgentQuery{Search: "agent"})
	same(t, "search", got, []string{})
	tags, err := s.ListTags(ctx, org)
	must(t, "ListTags", err)
	want(t, "usage of its tag", tags[0].UsageCount, 0)

	pinned, err := s.PinnedVersion(ctx, org, a.ID, v.ID)
	must(t, "PinnedVersion", err)
	want(t, "pinned version", pinned.ID, v.ID)
	_, err = s.PinnedVersion(ctx, newID[steward.OrganizationID](), a.ID, v.ID)
	gone("PinnedVersion of another organization", err)

	again, _ := created(t, s, org, "agent", after(3))
	must(t, "delete the second of the name", s.DeleteAgent(ctx, org, again.ID, after(4)))
	created(t, s, org, "agent", after(5))
}

func versionChanged(t *testing.T, s store.Store) {
	ctx, org := t.Context(), newID[steward.OrganizationID]()
	a, v := created(t, s, org, "agent", now())
	other, _ := created(t, s, org, "other", now())
	name, text := "näme", "what\nit does"
	must(t, "name", s.UpdateVersion(ctx, org, a.ID, v.ID, store.VersionChange{VersionName: &name}))
	must(t, "nothing", s.UpdateVersion(ctx, org, a.ID, v.ID, store.VersionChange{}))
	must(t, "description", s.UpdateVersion(ctx, org, a.ID, v.ID, store.VersionChange{Description: &text}))
	got, err := s.Version(ctx, org, a.ID, v.ID)
	must(t, "Version", err)
	v.VersionName, v.Description = name, text
	got.BaseAgent = v.BaseAgent
	same(t, "version", *got, v)
	for what, err := range map[string]error{
		"of another organization": s.UpdateVersion(ctx, newID[steward.OrganizationID](), a.ID, v.ID, store.VersionChange{VersionName: &text}),
		"of another agent":        s.UpdateVersion(ctx, org, other.ID, v.ID, store.VersionChange{VersionName: &text}),
		"unknown":                 s.UpdateVersion(ctx, org, a.ID, newID[steward.VersionID](), store.VersionChange{VersionName: &text}),
	} {
		code(t, "a version "+what, err, steward.NotFound)
	}
}

func versionDeleted(t *testing.T, s store.Store) {
	ctx, org := t.Context(), newID[steward.OrganizationID]()
	a, first := created(t, s, org, "agent", now())
	code(t, "the only version", s.DeleteVersion(ctx, org, a.ID, first.ID, after(1)), steward.Conflict)
	second := first
	second.ID, second.CreatedAt = newID[steward.VersionID](), after(1)
	must(t, "CreateVersion", s.CreateVersion(ctx, second))
	code(t, "the current version", s.DeleteVersion(ctx, org, a.ID, second.ID, after(2)), steward.Conflict)
	code(t, "a foreign organization's", s.DeleteVersion(ctx, newID[steward.OrganizationID](), a.ID, first.ID, after(2)), steward.NotFound)
	must(t, "DeleteVersion", s.DeleteVersion(ctx, org, a.ID, first.ID, after(2)))
	code(t, "delete it again", s.DeleteVersion(ctx, org, a.ID, first.ID, after(3)), steward.NotFound)
	_, err := s.Version(ctx, org, a.ID, first.ID)
	code(t, "Version", err, steward.NotFound)
	_, err = s.RunAgent(ctx, org, a.ID, first.ID)
	code(t, "RunAgent", err, steward.NotFound)
	code(t, "UpdateVersion", s.UpdateVersion(ctx, org, a.ID, first.ID, store.VersionChange{}), steward.NotFound)
	list, err := s.ListVersions(ctx, org, a.ID)
	must(t, "ListVersions", err)
	want(t, "versions left", len(list), 1)
	got, _ := names(t, s, org, store.AgentQuery{Search: string(first.ID)})
	same(t, "agents found by the deleted version", got, []string{})
	_, err = s.PinnedVersion(ctx, org, a.ID, first.ID)
	must(t, "PinnedVersion", err)
}

func runAgent(t *testing.T, s store.Store) {
	ctx, org := t.Context(), newID[steward.OrganizationID]()
	a, first := created(t, s, org, "agent", now())
	other, _ := created(t, s, org, "other", now())
	second := first
	second.ID, second.VersionName, second.CreatedAt = newID[steward.VersionID](), "v2", after(1)
	must(t, "CreateVersion", s.CreateVersion(ctx, second))
	on, name := true, "new name"
	must(t, "UpdateAgent", s.UpdateAgent(ctx, org, a.ID, store.AgentChange{CacheFailedJobs: &on, At: after(2)}))
	must(t, "UpdateVersion", s.UpdateVersion(ctx, org, a.ID, first.ID, store.VersionChange{VersionName: &name}))
	for id, wanted := range map[steward.VersionID]store.RunAgent{
		"":        {CurrentVersionID: second.ID, VersionID: second.ID, VersionName: "v2", CacheFailedJobs: true},
		first.ID:  {CurrentVersionID: second.ID, VersionID: first.ID, VersionName: name, CacheFailedJobs: true},
		second.ID: {CurrentVersionID: second.ID, VersionID: second.ID, VersionName: "v2", CacheFailedJobs: true},
	} {
		got, err := s.RunAgent(ctx, org, a.ID, id)
		must(t, "RunAgent", err)
		same(t, "RunAgent", got, wanted)
	}
	_, err := s.RunAgent(ctx, newID[steward.OrganizationID](), a.ID, "")
	code(t, "a foreign agent", err, steward.NotFound)
	_, err = s.RunAgent(ctx, org, other.ID, first.ID)
	code(t, "a version of another agent", err, steward.NotFound)
}

// agentNow stores the fixture's agent.
func (f *fixture) agentNow() {
	f.t.Helper()
	a, v := newAgent(f.org, fmt.Sprintf("agent %s", f.agent), now())
	a.ID, v.BaseAgent.ID = f.agent, f.agent
	must(f.t, "CreateAgent", f.CreateAgent(f.ctx(), a, v))
}

func deletedAgents(f *fixture) {
	list := func(wanted ...steward.AgentID) {
		f.t.Helper()
		refs, err := f.DeletedAgents(f.ctx(), 10)
		must(f.t, "DeletedAgents", err)
		got := []steward.AgentID{}
		for _, r := range refs {
			want(f.t, "organization", r.OrganizationID, f.org)
			got = append(got, r.AgentID)
		}
		slices.Sort(got)
		same(f.t, "deleted agents with open jobs", got, append([]steward.AgentID{}, wanted...))
	}
	f.agentNow()
	idle := f.agent
	f.agent = newID[steward.AgentID]()
	f.agentNow()
	running := f.started()
	queued := f.submitted()
	list()
	must(f.t, "DeleteAgent", f.DeleteAgent(f.ctx(), f.org, idle, after(1)))
	list()
	must(f.t, "DeleteAgent", f.DeleteAgent(f.ctx(), f.org, f.agent, after(1)))
	list(f.agent)
	n, err := f.CancelOpen(f.ctx(), f.org, store.OpenFilter{Agent: f.agent}, after(2), 1000)
	must(f.t, "CancelOpen", err)
	want(f.t, "jobs cancelled", n, 2)
	list() // the running one was asked to end
	_ = queued
	must(f.t, "the running job ends", f.Finish(f.ctx(), running, store.Outcome{Status: steward.StatusSuccess, At: after(3)}))
	list()
	_, err = f.DeletedAgents(f.ctx(), 0)
	code(f.t, "no limit", err, steward.Invalid)
}

func deletedJobs(f *fixture) {
	f.agentNow()
	id := f.submitted()
	lease := f.claimOne(id, now())
	must(f.t, "SaveArtifact", f.SaveArtifact(f.ctx(), lease, steward.Artifact{Key: "k", Result: []byte("1")}))
	must(f.t, "DeleteAgent", f.DeleteAgent(f.ctx(), f.org, f.agent, after(1)))
	_, err := f.LoadSteps(f.ctx(), lease)
	must(f.t, "the job goes on: LoadSteps", err)
	must(f.t, "the job goes on: RecordStep", f.RecordStep(f.ctx(), lease, steward.Step{Name: "s", StartedAt: now(), EndedAt: now(), Output: []byte("1")}))
	must(f.t, "the job ends", f.Finish(f.ctx(), lease, store.Outcome{Status: steward.StatusSuccess, At: after(2)}))
	gone := func(what string, err error) { f.t.Helper(); code(f.t, what, err, steward.NotFound) }
	_, err = f.Job(f.ctx(), f.org, id)
	gone("Job", err)
	_, err = f.JobStatus(f.ctx(), f.org, id)
	gone("JobStatus", err)
	_, err = f.JobStatuses(f.ctx(), f.org, []steward.JobID{id})
	gone("JobStatuses", err)
	_, err = f.JobResults(f.ctx(), f.org, []steward.JobID{id})
	gone("JobResults", err)
	_, err = f.Steps(f.ctx(), f.org, id)
	gone("Steps", err)
	_, err = f.Artifact(f.ctx(), f.org, id, "k")
	gone("Artifact", err)
	_, err = f.Cancel(f.ctx(), f.org, id, after(3))
	gone("Cancel", err)
	_, err = f.Purge(f.ctx(), f.org, id, after(3))
	gone("Purge", err)
	n, _, err := f.PurgeDeleted(f.ctx(), after(3), 10)
	must(f.t, "PurgeDeleted", err)
	want(f.t, "jobs purged with their agent", n, 1)
	n, _, err = f.PurgeDeleted(f.ctx(), after(3), 10)
	must(f.t, "PurgeDeleted again", err)
	want(f.t, "jobs purged twice", n, 0)
	for _, q := range []store.JobQuery{{AgentID: f.agent}, {}, {Status: []steward.Status{steward.StatusSuccess}}} {
		jobs, count, err := f.ListJobs(f.ctx(), f.org, q)
		must(f.t, "ListJobs", err)
		want(f.t, "jobs listed", len(jobs), 0)
		want(f.t, "jobs counted", count, 0)
	}
}

func deletedBatches(f *fixture) {
	f.agentNow()
	b := store.NewBatch{
		ID: newID[steward.BatchID](), OrganizationID: f.org, AgentID: f.agent, VersionID: newID[steward.VersionID](), CreatedAt: now(),
	}
	_, _, err := f.CreateBatch(f.ctx(), b)
	must(f.t, "CreateBatch", err)
	must(f.t, "DeleteAgent", f.DeleteAgent(f.ctx(), f.org, f.agent, after(1)))
	_, err = f.Batch(f.ctx(), f.org, b.ID)
	code(f.t, "Batch", err, steward.NotFound)
	_, _, err = f.BatchItems(f.ctx(), f.org, b.ID, store.ItemQuery{})
	code(f.t, "BatchItems", err, steward.NotFound)
	code(f.t, "CloseBatch", f.CloseBatch(f.ctx(), f.org, b.ID, after(2)), steward.NotFound)
	code(f.t, "CancelBatch", f.CancelBatch(f.ctx(), f.org, b.ID, after(2)), steward.NotFound)
	_, err = f.RetryItems(f.ctx(), f.org, b.ID, []steward.Status{steward.StatusFailure}, after(2), 10)
	code(f.t, "RetryItems", err, steward.NotFound)
	for _, q := range []store.BatchQuery{{}, {AgentID: f.agent}} {
		list, count, err := f.ListBatches(f.ctx(), f.org, q)
		must(f.t, "ListBatches", err)
		want(f.t, "batches listed", len(list), 0)
		want(f.t, "batches counted", count, 0)
	}
}

// newTag stores a tag.
func newTag(t *testing.T, s store.Store, org steward.OrganizationID, name string) steward.Tag {
	t.Helper()
	tag := steward.Tag{ID: newID[steward.TagID](), Name: name, Color: "blue", CreatedAt: now().Add(time.Minute)}
	must(t, "CreateTag", s.CreateTag(t.Context(), org, tag))
	return tag
}
