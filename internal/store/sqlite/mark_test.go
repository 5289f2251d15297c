package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// marked opens a database with a mark, submits a job and closes it.
func marked(t *testing.T, path string, o sqlite.Options) error {
	t.Helper()
	o.Mark = true
	s, err := sqlite.Open(t.Context(), path, &o)
	if err != nil {
		return err
	}
	if _, err := s.Submit(t.Context(), []store.NewJob{benchJob(benchOrg, benchAgent)}); err != nil {
		t.Errorf("Submit: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	return nil
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAStartNoticesThatTheDatabaseIsAnotherOne(t *testing.T) {
	t.Parallel()
	path, other := filepath.Join(t.TempDir(), "steward.db"), filepath.Join(t.TempDir(), "steward.db")
	unmarked := contents(t, made(t)) // of a program that knew no marks
	for range 2 {
		if err := errors.Join(marked(t, path, sqlite.Options{}), marked(t, other, sqlite.Options{})); err != nil {
			t.Fatal(err)
		}
	}
	older := contents(t, path)
	if err := marked(t, path, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	newest := contents(t, path)
	for name, c := range map[string]struct {
		content []byte
		want    error
	}{
		"an older copy": {older, sqlite.ErrOlder}, "another one": {contents(t, other), sqlite.ErrOther}, "an empty one": {nil, sqlite.ErrGone},
		"one without a number": {unmarked, sqlite.ErrOlder},
	} {
		put(t, path, c.content)
		err := marked(t, path, sqlite.Options{})
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), "--accept-loss") || !strings.Contains(err.Error(), "last seen at 20") {
			t.Errorf("%s: got %v, want %v with advice", name, err, c.want)
		}
		if got := contents(t, path); string(got) != string(c.content) {
			t.Errorf("%s: the file was changed", name)
		}
		if err := sqlite.CheckPlace(path); !errors.Is(err, c.want) {
			t.Errorf("%s: CheckPlace: %v", name, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := marked(t, path, sqlite.Options{}); !errors.Is(err, sqlite.ErrGone) {
		t.Errorf("a removed one: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a start that was refused made a file (%v)", err)
	}
	put(t, path, newest)
	if err := marked(t, path, sqlite.Options{}); err != nil {
		t.Errorf("the right one: %v", err)
	}
	put(t, path, older)
	_, log := killed(t, 5)
	put(t, path+"-wal", log) // of another state: SQLite would take it for this database's
	if err := marked(t, path, sqlite.Options{AcceptLoss: true}); err != nil {
		t.Errorf("an older copy that is accepted: %v", err)
	}
	if aside, err := filepath.Glob(path + "-wal.lost-*"); err != nil || len(aside) != 1 || string(contents(t, aside[0])) != string(log) {
		t.Errorf("the log was not put aside: %v, %v", aside, err)
	}
	if err := marked(t, path, sqlite.Options{}); err != nil {
		t.Errorf("after an older copy was accepted: %v", err)
	}
}

func TestWhatWasAcknowledgedSinceALossWasAcceptedIsNotPutAside(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "steward.db")
	var older []byte
	for range 2 {
		if err := marked(t, path, sqlite.Options{}); err != nil {
			t.Fatal(err)
		}
		if older == nil {
			older = contents(t, path)
		}
	}
	put(t, path, older)
	s, err := sqlite.Open(t.Context(), path, &sqlite.Options{Mark: true, AcceptLoss: true})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := s.Submit(t.Context(), []store.NewJob{benchJob(benchOrg, benchAgent)})
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(t.TempDir(), "steward.db") // what a kill leaves at this moment
	for _, suffix := range []string{"", "-wal", "-mark"} {
		text, err := os.ReadFile(path + suffix)
		switch {
		case err == nil:
			put(t, left+suffix, text)
		case suffix != "-mark" || !errors.Is(err, os.ErrNotExist):
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, again := range []bool{true, false} { // as in a unit file, or not
		s, err := sqlite.Open(t.Context(), left, &sqlite.Options{Mark: true, AcceptLoss: again})
		if err != nil {
			t.Fatalf("accepted once more: %t: %v", again, err)
		}
		if _, err := s.JobStatus(t.Context(), benchOrg, ids[0].ID); err != nil {
			t.Errorf("accepted once more: %t: the job that was acknowledged: %v", again, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADatabaseThatMovesTakesItsMarkAlong(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "steward.db")
	if err := marked(t, path, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	// Elsewhere it goes on without the mark, and comes back newer than it.
	away := filepath.Join(t.TempDir(), "steward.db")
	put(t, away, contents(t, path))
	for range 3 {
		if err := marked(t, away, sqlite.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	put(t, path, contents(t, away))
	if err := marked(t, path, sqlite.Options{}); err != nil {
		t.Errorf("a newer one: %v", err)
	}
	if err := os.WriteFile(path+"-mark", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := marked(t, path, sqlite.Options{}); !errors.Is(err, sqlite.ErrBadMark) || !strings.Contains(err.Error(), "--accept-loss") {
		t.Errorf("a mark that cannot be read: got %v, want %v with advice", err, sqlite.ErrBadMark)
	}
}

// jobCount returns how many jobs a closed database has, with its log.
func jobCount(t *testing.T, path string) int {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // it was only read
	n, err := s.CountQueued(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return int(n[benchOrg])
}

func TestWhatIsAcceptedBesidesALossDropsNoCommit(t *testing.T) {
	t.Parallel()
	database, log := killed(t, 5)
	for name, c := range map[string]struct {
		spoil func(mark string) error
		opens bool
	}{
		"a mark that makes no sense": {func(mark string) error { return os.WriteFile(mark, []byte("{"), 0o600) }, true},
		"a mark that is no file":     {func(mark string) error { return os.Mkdir(mark, 0o700) }, false},
	} {
		path := filepath.Join(t.TempDir(), "steward.db")
		put(t, path, database)
		put(t, path+"-wal", log)
		if err := c.spoil(path + "-mark"); err != nil {
			t.Fatal(err)
		}
		s, err := sqlite.Open(t.Context(), path, &sqlite.Options{Mark: true, AcceptLoss: true})
		if (err == nil) != c.opens {
			t.Errorf("%s: got %v, want an opened database: %v", name, err, c.opens)
		}
		if err == nil {
			err = s.Close()
			if err != nil {
				t.Errorf("%s: Close: %v", name, err)
			}
		}
		if aside, _ := filepath.Glob(path + "-wal.lost-*"); len(aside) > 0 { // the pattern is a good one
			t.Errorf("%s: the log of a database that is the right one was put aside", name)
		}
		if n := jobCount(t, path); n != 5 {
			t.Errorf("%s: %d jobs are left, want 5", name, n)
		}
	}
}

// killed returns the files of a database whose process was killed after some commits.
func killed(t *testing.T, commits int) (database, log []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "steward.db")
	s, err := sqlite.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range commits {
		if _, err := s.Submit(t.Context(), []store.NewJob{benchJob(benchOrg, benchAgent)}); err != nil {
			t.Fatal(err)
		}
	}
	database, log = contents(t, path), contents(t, path+"-wal")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return database, log
}

func TestAStartNoticesThatTheLogIsDamaged(t *testing.T) {
	t.Parallel()
	database, log := killed(t, 20)
	const head, frame = 32, 24 + 4096
	frames := (len(log) - head) / frame
	if frames < 30 {
		t.Fatalf("the log has %d frames", frames)
	}
	flip := func(at int) func([]byte) []byte {
		return func(log []byte) []byte { log[at] ^= 0x10; return log }
	}
	for name, c := range map[string]struct {
		harm func([]byte) []byte
		want error
	}{
		"whole":                        {func(log []byte) []byte { return log }, nil},
		"the first frame":              {flip(head + 24 + 7), sqlite.ErrDamagedLog},
		"a page in the middle":         {flip(head + frames/2*frame + 2000), sqlite.ErrDamagedLog},
		"a frame's number":             {flip(head + frames/2*frame + 1), sqlite.ErrDamagedLog},
		"a frame's salt":               {flip(head + frames/2*frame + 9), sqlite.ErrDamagedLog},
		"a frame's checksum":           {flip(head + frames/2*frame + 17), sqlite.ErrDamagedLog},
		"the header":                   {flip(16), sqlite.ErrDamagedLog},
		"the page size in the header":  {flip(10), sqlite.ErrDamagedLog},
		"a hole":                       {func(log []byte) []byte { clear(log[head+frame*5 : head+frame*7]); return log }, sqlite.ErrDamagedLog},
		"cut in a frame":               {func(log []byte) []byte { return log[:len(log)-frame/2] }, nil},
		"the last frame":               {flip(head + (frames-1)*frame + 500), nil}, // looks like a commit that was cut off
		"nothing but a header":         {func(log []byte) []byte { return log[:head] }, nil},
		"less than a header":           {func(log []byte) []byte { return log[:10] }, nil},
		"empty":                        {func([]byte) []byte { return nil }, nil},
		"a cut commit of older frames": {func(log []byte) []byte { return append(log, make([]byte, 3*frame)...) }, nil},
	} {
		path := filepath.Join(t.TempDir(), "steward.db")
		put(t, path, database)
		put(t, path+"-wal", c.harm(append([]byte{}, log...)))
		s, err := sqlite.Open(t.Context(), path, nil)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if c.want != nil && err == nil || s == nil {
			if s, err = sqlite.Open(t.Context(), path, &sqlite.Options{AcceptLoss: true}); err != nil {
				t.Errorf("%s, accepted: %v", name, err)
				continue
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: Close: %v", name, err)
		}
	}
}

func FuzzTheLogIsReadWhateverItHolds(f *testing.F) {
	f.Add([]byte{}, 4096)
	f.Add(make([]byte, 32+3*(24+512)), 512)
	f.Fuzz(func(t *testing.T, log []byte, size int) {
		path := filepath.Join(t.TempDir(), "steward.db")
		head := make([]byte, 100)
		head[16], head[17] = byte(size>>8), byte(size)
		put(t, path, head)
		put(t, path+"-wal", log)
		if err := sqlite.CheckPlace(path); err != nil && !errors.Is(err, sqlite.ErrDamagedLog) {
			t.Errorf("got %v", err)
		}
	})
}
