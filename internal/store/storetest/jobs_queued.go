package storetest

import (
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Queued tests how many jobs are said to wait.
func Queued(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"jobs that wait are counted by organization": queuedByOrganization,
		"jobs that run or have ended do not wait":    queuedNotRunning,
		"jobs with one chance left wait too":         queuedLastChance,
	})
}

// queued returns how many jobs of an organization wait.
func (f *fixture) queued(org steward.OrganizationID) int64 {
	f.t.Helper()
	counts, err := f.CountQueued(f.ctx())
	if err != nil {
		f.t.Fatalf("CountQueued: %v", err)
	}
	if n, named := counts[org]; named && n == 0 {
		f.t.Errorf("%s is named with no jobs", org)
	}
	return counts[org]
}

func queuedByOrganization(f *fixture) {
	other := newID[steward.OrganizationID]()
	want(f.t, "before any", f.queued(f.org), 0)
	later := f.job()
	later.RunAfter, later.Provider = after(3600), "slow"
	f.submit(f.job(), f.job(), later, f.jobOf(other, newID[steward.AgentID]()))
	want(f.t, "own", f.queued(f.org), 3)
	want(f.t, "other's", f.queued(other), 1)
}

func queuedNotRunning(f *fixture) {
	lease := f.started()
	want(f.t, "while it runs", f.queued(f.org), 0)
	f.finish(lease, store.Outcome{Status: steward.StatusRetry, At: after(1), RunAfter: after(60), Failure: &steward.Failure{Code: steward.FailProviderError, Message: "busy"}})
	want(f.t, "while it waits for another try", f.queued(f.org), 1)
	got := f.claimAt(after(61))
	if len(got) != 1 {
		f.t.Fatalf("claimed %d jobs, want 1", len(got))
	}
	f.finish(got[0].Lease, store.Outcome{Status: steward.StatusSuccess, At: after(62)})
	want(f.t, "when it has ended", f.queued(f.org), 0)
	id := f.submitted()
	if _, err := f.Cancel(f.ctx(), f.org, id, after(63)); err != nil {
		f.t.Fatalf("Cancel: %v", err)
	}
	want(f.t, "when it was cancelled", f.queued(f.org), 0)
}

func queuedLastChance(f *fixture) {
	f.cornered()
	want(f.t, "queued", f.queued(f.org), 1)
}
