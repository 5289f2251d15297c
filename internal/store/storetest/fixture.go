package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// now is the time at which the tests take place, with all the digits that databases keep.
func now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC) }

// after returns now plus a number of seconds.
func after(seconds int) time.Time { return now().Add(time.Duration(seconds) * time.Second) }

// newID returns a fresh id of any noun, later ones greater than earlier ones.
func newID[T steward.UUID]() T {
	return T(uuid.Must(uuid.NewV7()).String())
}

// fixture is a store with an organization and an agent of it, and what tests do with them again and again.
type fixture struct {
	store.Store
	t     *testing.T
	org   steward.OrganizationID
	agent steward.AgentID
	node  store.Worker
}

func newFixture(t *testing.T, open Open) *fixture {
	t.Helper()
	return &fixture{
		Store: open(t), t: t,
		org: newID[steward.OrganizationID](), agent: newID[steward.AgentID](),
		node: store.Worker{Node: "node-1", Incarnation: "start-1"},
	}
}

func (f *fixture) ctx() context.Context { return f.t.Context() }

// job returns a job of the fixture's agent, ready at once, with an hour to run.
func (f *fixture) job() store.NewJob {
	return store.NewJob{
		ID: newID[steward.JobID](), OrganizationID: f.org, AgentID: f.agent, VersionID: newID[steward.VersionID](),
		VersionName: "first", EngineClassID: "MultimodalExtractionEngine", CreatedAt: now(), Timeout: time.Hour,
	}
}

// jobOf is job for another agent or organization.
func (f *fixture) jobOf(org steward.OrganizationID, agent steward.AgentID) store.NewJob {
	j := f.job()
	j.OrganizationID, j.AgentID = org, agent
	return j
}

// submit queues jobs, which must all be new.
func (f *fixture) submit(jobs ...store.NewJob) {
	f.t.Helper()
	got, err := f.Submit(f.ctx(), jobs)
	if err != nil {
		f.t.Fatalf("Submit: %v", err)
	}
	if len(got) != len(jobs) {
		f.t.Fatalf("Submit answered %d jobs, want %d", len(got), len(jobs))
	}
	for i := range got {
		if got[i].ID != jobs[i].ID || got[i].Replayed { //nolint:gosec // G602: as many as were submitted
			f.t.Fatalf("Submit answered %+v for job %s", got[i], jobs[i].ID) //nolint:gosec // G602: as many as were submitted
		}
	}
}

// submitted queues one job and returns its id.
func (f *fixture) submitted() steward.JobID {
	f.t.Helper()
	j := f.job()
	f.submit(j)
	return j.ID
}

// request returns a claim at a time that takes what there is, for 15 seconds.
func (f *fixture) request(at time.Time) store.ClaimRequest {
	return store.ClaimRequest{Worker: f.node, Now: at, Max: 1000, Lease: 15 * time.Second}
}

// claim claims with req.
func (f *fixture) claim(req store.ClaimRequest) []store.Claimed {
	f.t.Helper()
	got, err := f.Claim(f.ctx(), req)
	if err != nil {
		f.t.Fatalf("Claim: %v", err)
	}
	return got
}

// claimAt claims everything at a time.
func (f *fixture) claimAt(at time.Time) []store.Claimed {
	f.t.Helper()
	return f.claim(f.request(at))
}

// started submits a job, claims it, and returns its lease.
func (f *fixture) started() store.Lease {
	f.t.Helper()
	id := f.submitted()
	return f.claimOne(id, now())
}

// claimOne claims at a time and expects exactly the job id.
func (f *fixture) claimOne(id steward.JobID, at time.Time) store.Lease {
	f.t.Helper()
	got := f.claimAt(at)
	if len(got) != 1 || got[0].JobID != id {
		f.t.Fatalf("claimed %v, want only %s", ids(got), id)
	}
	return got[0].Lease
}

// finish ends an attempt.
func (f *fixture) finish(l store.Lease, o store.Outcome) {
	f.t.Helper()
	if err := f.Finish(f.ctx(), l, o); err != nil {
		f.t.Fatalf("Finish: %v", err)
	}
}

// get returns a job of the fixture's organization.
func (f *fixture) get(id steward.JobID) *steward.Job {
	f.t.Helper()
	j, err := f.Job(f.ctx(), f.org, id)
	if err != nil {
		f.t.Fatalf("Job: %v", err)
	}
	return j
}

// ids returns the ids of claimed jobs.
func ids(claimed []store.Claimed) []steward.JobID {
	list := make([]steward.JobID, 0, len(claimed))
	for _, c := range claimed {
		list = append(list, c.JobID)
	}
	return list
}

// history returns the statuses of a job's events as a string such as "PENDING STARTED".
func history(j *steward.Job) string {
	s := ""
	for _, e := range j.Events {
		if s != "" {
			s += " "
		}
		s += e.StatusCode.String()
	}
	return s
}

// content returns a SHA-256 that no other test uses.
func content() string {
	sum := sha256.Sum256([]byte(newID[steward.FileID]()))
	return hex.EncodeToString(sum[:])
}

// file returns a file of the organization with the given content.
func (f *fixture) file(sha string) store.FileRecord {
	return store.FileRecord{
		File: steward.File{ID: newID[steward.FileID](), Name: "invoice.pdf", ContentType: "application/pdf", SizeBytes: 1234, SHA256: sha,
			SourceURL: "https://example.com/invoice.pdf"},
		OrganizationID: f.org, CreatedAt: now(),
	}
}

// reserved reserves a file until a minute after now and returns it.
func (f *fixture) reserved(sha string) store.FileRecord {
	f.t.Helper()
	r := f.file(sha)
	if _, err := f.Reserve(f.ctx(), r, after(60)); err != nil {
		f.t.Fatalf("Reserve: %v", err)
	}
	return r
}

// want compares two values of a simple type.
func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// same compares two values of any type; times and JSON must be equal to the last digit.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if reflect.DeepEqual(got, want) {
		return
	}
	g, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	w, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	t.Errorf("%s:\n got %s\nwant %s\n(Go: got %#v, want %#v)", what, g, w, got, want)
}

// code expects an error of a code.
func code(t *testing.T, what string, err error, want steward.Code) {
	t.Helper()
	if got := steward.CodeOf(err); got != want {
		t.Errorf("%s: got error %v (code %q), want code %q", what, err, got, want)
	}
}

// must expects no error.
func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}
