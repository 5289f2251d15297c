package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stewardhq/steward"
)

// openAt opens a store in a fresh folder, for tests of what lies behind its methods.
func openAt(t *testing.T, opts ...Options) *Store {
	t.Helper()
	o := append(opts, Options{})[0]
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "steward.db"), &o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// hold keeps the writer busy with an operation until the returned function is called, so that what is queued meanwhile
// shares one transaction with it.
func hold(t *testing.T, s *Store) (release func() error) {
	t.Helper()
	running, wait, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	first := true
	go func() {
		done <- s.write(context.Background(), "hold", func(*tx) error {
			if first {
				first = false
				close(running)
				<-wait
			}
			return nil
		})
	}()
	<-running
	return func() error {
		close(wait)
		return <-done
	}
}

// queued waits until n operations are in the queue.
func queued(t *testing.T, s *Store, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); len(s.writer.ops) < n; {
		if time.Now().After(deadline) {
			t.Fatalf("%d operations are queued, want %d", len(s.writer.ops), n)
		}
		runtime.Gosched()
	}
}

// spend is an operation that adds to a day's spending through two statements and then returns err.
func spend(day int, err error) func(*tx) error {
	return func(t *tx) error {
		for range 2 {
			if _, werr := t.change(`INSERT INTO usage VALUES ('o', ?, 'a', '', '', '', 0, 0, 0, 0, 0, 0, 1, 0)
				ON CONFLICT DO UPDATE SET micro_usd = micro_usd + 1`, day); werr != nil {
				return werr
			}
		}
		t.used = append(t.used, usageNote{usageKey{lane: lane{"o", "a"}, day: int64(day)}, steward.Tally{Cost: 10}})
		t.lists = append(t.lists, storedNote(lane{"o", "a"}, int64(day), steward.JobID(fmt.Sprint("j", day)), time.Unix(1, 0), nil, ""))
		return err
	}
}

func TestWriterIsolatesOperationsOfOneCommit(t *testing.T) {
	t.Parallel()
	s := openAt(t)
	release := hold(t, s)
	refused := errors.New("refused")
	errs := make([]chan error, 6)
	for i := range errs {
		errs[i] = make(chan error, 1)
		var own error
		if i%2 == 1 {
			own = refused
		}
		go func() { errs[i] <- s.write(context.Background(), "spend", spend(100+i, own)) }()
		queued(t, s, i+1)
	}
	if err := release(); err != nil {
		t.Errorf("the operation that held the writer: %v", err)
	}
	for i, c := range errs {
		err := <-c
		if i%2 == 0 && err != nil {
			t.Errorf("operation %d: %v", i, err)
		}
		if i%2 == 1 && !errors.Is(err, refused) {
			t.Errorf("operation %d: got error %v, want its own", i, err)
		}
	}
	for i := range errs {
		day := time.Unix(int64(100+i)*86400, 0)
		got, err := s.Spent(t.Context(), "o", "a", day)
		if err != nil {
			t.Fatalf("Spent: %v", err)
		}
		later, err := s.Spent(t.Context(), "o", "a", day.Add(24*time.Hour))
		if err != nil {
			t.Fatalf("Spent: %v", err)
		}
		want := steward.MicroUSD(12 * ((i + 1) % 2))
		if got-later != want {
			t.Errorf("day of operation %d: got %d, want %d", i, got-later, want)
		}
	}
	var count int64
	err := s.read(t.Context(), "count", func(c *conn) error {
		_, err := c.first("SELECT sum(jobs) FROM agent_jobs", nil, func(r row) error { count = r.int(0); return nil })
		return err
	})
	if err != nil || count != 3 {
		t.Errorf("counters of the good operations: got %d (%v), want 3", count, err)
	}
}

func TestWriterAnswersAllWhenTheCommitFails(t *testing.T) {
	t.Parallel()
	s := openAt(t)
	release := hold(t, s)
	const callers = 4
	errs := make(chan error, callers)
	for i := range callers {
		go func() { errs <- s.write(context.Background(), "spend", spend(i, nil)) }()
		queued(t, s, i+1)
	}
	broken := make(chan error, 1)
	go func() {
		broken <- s.write(context.Background(), "break", func(t *tx) error { // makes the end of the transaction fail
			_, err := t.change(`CREATE TEMP TRIGGER broken BEFORE INSERT ON agent_jobs BEGIN SELECT RAISE(ABORT, 'broken'); END`)
			return err
		})
	}()
	queued(t, s, callers+1)
	for _, err := range []error{release(), <-broken, <-errs, <-errs, <-errs, <-errs} {
		if steward.CodeOf(err) != steward.Unavailable {
			t.Errorf("got error %v, want Unavailable", err)
		}
	}
	if got, err := s.Spent(t.Context(), "o", "a", time.Unix(0, 0)); err != nil || got != 0 {
		t.Errorf("spent after the failed commit: got %d (%v), want 0", got, err)
	}
	if err := s.write(t.Context(), "spend", spend(1, nil)); err != nil {
		t.Errorf("the next write: %v", err)
	}
}

func TestWriterNoticesThatSQLiteEndedTheTransaction(t *testing.T) {
	t.Parallel()
	s := openAt(t)
	release := hold(t, s)
	good, bad := make(chan error, 1), make(chan error, 1)
	go func() { good <- s.write(context.Background(), "spend", spend(1, nil)) }()
	queued(t, s, 1)
	full := errors.New("full")
	go func() {
		bad <- s.write(context.Background(), "fill the disk", func(t *tx) error {
			if t.c.AutoCommit() {
				return errors.New("no transaction")
			}
			_, err := t.exec("ROLLBACK") // as SQLite does by itself when the disk is full
			return errors.Join(full, err)
		})
	}()
	queued(t, s, 2)
	// The batch is run again behind savepoints; the bad operation ends that transaction too, so nobody may be told of success.
	for _, err := range []error{release(), <-good, <-bad} {
		if steward.CodeOf(err) != steward.Unavailable {
			t.Errorf("got error %v, want Unavailable", err)
		}
	}
	if got, err := s.Spent(t.Context(), "o", "a", time.Unix(0, 0)); err != nil || got != 0 {
		t.Errorf("spent: got %d (%v), want 0", got, err)
	}
}

func TestWriterPassesOverCallersThatLeft(t *testing.T) {
	t.Parallel()
	s := openAt(t)
	release := hold(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	ran := false
	left := make(chan error, 1)
	go func() { left <- s.write(ctx, "leave", func(*tx) error { ran = true; return nil }) }()
	queued(t, s, 1)
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller that left: got error %v, want context.Canceled", err)
	}
	if err := release(); err != nil {
		t.Errorf("the operation that held the writer: %v", err)
	}
	if err := s.write(t.Context(), "after", spend(1, nil)); err != nil {
		t.Errorf("the next write: %v", err)
	}
	if ran {
		t.Error("the operation of a caller that left was run")
	}
}

func TestWriterFinishesWhatIsQueuedWhenItCloses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "steward.db")
	s, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	release := hold(t, s)
	written := make(chan error, 1)
	go func() { written <- s.write(context.Background(), "spend", spend(1, nil)) }()
	queued(t, s, 1)
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	<-s.closed
	for _, err := range []error{release(), <-written, <-closed, s.Close()} {
		if err != nil {
			t.Errorf("got error %v, want none", err)
		}
	}
	if err := s.write(context.Background(), "late", spend(1, nil)); steward.CodeOf(err) != steward.Unavailable {
		t.Errorf("a write after Close: got error %v, want Unavailable", err)
	}
	if err := s.Ping(context.Background()); steward.CodeOf(err) != steward.Unavailable {
		t.Errorf("a read after Close: got error %v, want Unavailable", err)
	}
	s, err = Open(t.Context(), path, nil)
	if err != nil {
		t.Fatalf("Open again: %v", err)
	}
	got, err := s.Spent(t.Context(), "o", "a", time.Unix(0, 0))
	if err := errors.Join(err, s.Close()); err != nil || got != 12 {
		t.Errorf("spent: got %d (%v), want 12", got, err)
	}
}
