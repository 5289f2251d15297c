package blob

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stewardhq/steward/internal/disk"
)

func TestWhatFailedWritesMean(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err   error
		cause error
		fault bool
	}{
		{writeError("stage content", &os.PathError{Op: "write", Err: syscall.EIO}), disk.ErrFailed, true},
		{syncError(&os.PathError{Op: "sync", Err: syscall.EIO}), disk.ErrFailed, true},
		{syncError(&os.PathError{Op: "sync", Err: syscall.ENOSPC}), disk.ErrFailed, true},
		{syncError(&os.PathError{Op: "open", Err: syscall.EMFILE}), syscall.EMFILE, false},
		{writeError("stage content", &os.PathError{Op: "write", Err: syscall.ENOSPC}), disk.ErrNoRoom, false},
		{writeError("stage content", &os.PathError{Op: "open", Err: syscall.EROFS}), disk.ErrNotWritable, false},
		{writeError("stage content", &os.PathError{Op: "open", Err: syscall.EACCES}), disk.ErrNotWritable, false},
		{errors.Join(syscall.EIO), syscall.EIO, false}, // of a client, for one
	} {
		b := &Bucket{guard: disk.NewGuard(disk.Options{Logger: slog.New(slog.DiscardHandler)})}
		if err := b.judge(c.err); !errors.Is(err, c.cause) || (b.guard.Fault() != nil) != c.fault {
			t.Errorf("%v: %v, fault %v", c.err, err, b.guard.Fault())
		}
	}
}

// A write that the system said was done, and was not: the file is shorter than what was hashed.
func TestATornWriteIsNoticedBeforeTheFileGetsItsName(t *testing.T) {
	t.Parallel()
	guard := disk.NewGuard(disk.Options{Logger: slog.New(slog.DiscardHandler)})
	b, err := Open(t.Context(), t.TempDir(), &Options{Guard: guard})
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Stage(t.Context(), strings.NewReader(strings.Repeat("x", 10_000)), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Discard()
	if err := s.file.Truncate(9000); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context()); !errors.Is(err, disk.ErrFailed) || guard.Fault() == nil {
		t.Errorf("got %v and fault %v", err, guard.Fault())
	}
	if ok, err := b.Exists(t.Context(), s.SHA256()); ok || err != nil {
		t.Errorf("Exists: %v, %v", ok, err)
	}
}

type closer struct{ *bytes.Reader }

func (closer) Close() error { return nil }

func TestTheEndOfDamagedRemoteContentIsHeldBack(t *testing.T) {
	t.Parallel()
	good := bytes.Repeat([]byte("0123456789"), 5000)
	sum := sha256.Sum256(good)
	sha := hex.EncodeToString(sum[:])
	bad := bytes.Clone(good)
	bad[100] ^= 1
	for name, content := range map[string][]byte{"changed": bad, "cut": good[:40_000]} {
		r := newChecking(closer{bytes.NewReader(content)}, sha, int64(len(content)))
		got, err := io.ReadAll(r)
		if !errors.Is(err, ErrDamaged) || len(got) >= len(content) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if n, err := io.CopyN(io.Discard, r, int64(len(content))); err == nil || n >= int64(len(content)) {
			t.Errorf("%s, as a download: %d bytes, %v", name, n, err)
		}
	}
	r := newChecking(closer{bytes.NewReader(good)}, sha, int64(len(good)))
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, good) {
		t.Errorf("sound: %d bytes, %v", len(got), err)
	}
}
