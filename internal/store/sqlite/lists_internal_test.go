package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// listed returns how many jobs the list of the agent "a" of "o" has.
func (s *Store) listed(t *testing.T, status ...steward.Status) int64 {
	t.Helper()
	_, count, err := s.ListJobs(t.Context(), "o", store.JobQuery{AgentID: "a", Status: status})
	if err != nil {
		t.Fatalf("ListJobs: %v", err)
	}
	return count
}

// newJobs returns n jobs of the agent "a" of "o".
func newJobs(name string, n int) []store.NewJob {
	jobs := make([]store.NewJob, n)
	for i := range jobs {
		jobs[i] = store.NewJob{ID: steward.JobID(fmt.Sprint(name, i)), OrganizationID: "o", AgentID: "a", CreatedAt: time.Now(), Timeout: time.Hour}
	}
	return jobs
}

func TestAnOperationThatFailsLeavesNothingInTheLists(t *testing.T) {
	t.Parallel()
	s := openAt(t)
	release := hold(t, s) // what follows shares one commit
	good, bad := make(chan error, 2), make(chan error, 1)
	submit := func(done chan error, jobs []store.NewJob) {
		_, err := s.Submit(context.Background(), jobs)
		done <- err
	}
	go submit(good, newJobs("first", 3))
	queued(t, s, 1)
	twice := newJobs("twice", 3)
	twice[2].ID = twice[0].ID // fails when two of them, in a lane that is new, are stored
	for i := range twice {
		twice[i].AgentID = "b"
	}
	go submit(bad, twice)
	queued(t, s, 2)
	go submit(good, newJobs("last", 2))
	queued(t, s, 3)
	if err := errors.Join(release(), <-good, <-good); err != nil {
		t.Fatalf("the good calls: %v", err)
	}
	if err := <-bad; steward.CodeOf(err) != steward.Conflict {
		t.Errorf("the bad call: got %v, want Conflict", err)
	}
	if got := s.listed(t); got != 5 {
		t.Errorf("listed: got %d, want 5", got)
	}
	_, count, err := s.ListJobs(t.Context(), "o", store.JobQuery{AgentID: "b"})
	if err != nil || count != 0 {
		t.Errorf("listed of the bad call: got %d (%v), want none", count, err)
	}
}

func TestLanesOfACommitThatFailedAreNotRemembered(t *testing.T) {
	t.Parallel()
	s := openAt(t)
	release := hold(t, s)
	lost, broken := make(chan error, 1), make(chan error, 1)
	go func() { _, err := s.Submit(context.Background(), newJobs("lost", 1)); lost <- err }()
	queued(t, s, 1)
	go func() {
		broken <- s.write(context.Background(), "break", func(t *tx) error { // makes the end of the transaction fail, behind the making of the lane
			_, err := t.change(`CREATE TEMP TRIGGER broken BEFORE INSERT ON job_bits BEGIN SELECT RAISE(ABORT, 'broken'); END`)
			return err
		})
	}()
	queued(t, s, 2)
	for _, err := range []error{release(), <-lost, <-broken} {
		if steward.CodeOf(err) != steward.Unavailable {
			t.Errorf("got error %v, want Unavailable", err)
		}
	}
	other := newJobs("other", 1)
	other[0].AgentID = "b" // takes the number that the lane of "a" had
	for _, jobs := range [][]store.NewJob{other, newJobs("kept", 2)} {
		if _, err := s.Submit(t.Context(), jobs); err != nil {
			t.Fatalf("Submit: %v", err)
		}
	}
	if got := s.listed(t); got != 2 {
		t.Errorf("listed: got %d, want 2", got)
	}
}

func TestAnInterruptedFillGoesOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "steward.db")
	s, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	const jobs = fillStep + 300
	for _, part := range [][]store.NewJob{newJobs("x", 1000), newJobs("y", jobs-1000)} {
		if _, err := s.Submit(t.Context(), part); err != nil {
			t.Fatalf("Submit: %v", err)
		}
	}
	err = s.write(t.Context(), "forget the lists", func(t *tx) error {
		for _, query := range []string{
			"DELETE FROM job_chunks", "DELETE FROM job_bits", "DELETE FROM job_texts", "DELETE FROM job_lanes",
			"INSERT INTO job_lists_missing (next, last) SELECT 1, max(seq) FROM jobs",
		} {
			if _, err := t.change(query); err != nil {
				return err
			}
		}
		_, err := fillSome(t.conn) // and then the power goes
		return err
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatalf("forget the lists: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Open(ctx, path, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Open that is interrupted: got %v, want context.Canceled", err)
	}
	if s, err = Open(t.Context(), path, nil); err != nil {
		t.Fatalf("Open: %v", err)
	}
	if got := s.listed(t, steward.StatusPending); got != jobs {
		t.Errorf("listed: got %d, want %d", got, jobs)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestACommitTakesNoMoreThanManyTermsOfLists(t *testing.T) {
	t.Parallel()
	s := openAt(t)
	release := hold(t, s)
	heavy := newJobs("heavy", 900)
	for i := range heavy {
		m := []byte(`{"0":0`)
		for l := range 70 {
			m = fmt.Appendf(m, `,"%d":%d`, l+1, i)
		}
		m = append(m, '}')
		heavy[i].Metadata = m
	}
	stored, looked, before := make(chan error, 1), make(chan error, 1), 0
	go func() { _, err := s.Submit(context.Background(), heavy); stored <- err }()
	queued(t, s, 1)
	go func() {
		looked <- s.write(context.Background(), "look", func(t *tx) error { before = len(t.lists); return nil })
	}()
	queued(t, s, 2)
	if err := errors.Join(release(), <-stored, <-looked); err != nil {
		t.Fatalf("write: %v", err)
	}
	if before != 0 {
		t.Errorf("the next operation shares a commit with %d jobs of many labels", before)
	}
	for _, n := range []int{0, 899} {
		q := store.JobQuery{AgentID: "a", Metadata: []store.Label{{Key: "10", Value: fmt.Sprint(n)}}}
		if _, count, err := s.ListJobs(t.Context(), "o", q); err != nil || count != 1 {
			t.Errorf("label of job %d: got %d jobs (%v), want 1", n, count, err)
		}
	}
}

func TestTheCostOfUsageIsTheSameInSQL(t *testing.T) {
	t.Parallel()
	s := openAt(t)
	for _, usage := range []string{
		"", `{"input_tokens":1,"output_tokens":2,"cost_micro_usd":77}`, `{"input_tokens":1,"output_tokens":2}`, `{"cost_micro_usd":-5}`,
		`{"cost_micro_usd":null}`, `{"cost_micro`, `{}`,
	} {
		var inSQL int64
		err := s.read(t.Context(), "cost", func(c *conn) error {
			_, err := c.first("SELECT "+costOfUsage+" FROM (SELECT ? AS usage) j", []any{usage}, func(r row) error { inSQL = r.int(0); return nil })
			return err
		})
		if err != nil || inSQL != costOf(usage) {
			t.Errorf("%s: got %d (%v) in SQL, want %d", usage, inSQL, err, costOf(usage))
		}
	}
}
