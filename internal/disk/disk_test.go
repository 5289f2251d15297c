package disk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/disk"
)

func guard(o disk.Options) (*disk.Guard, *bytes.Buffer) {
	var log bytes.Buffer
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	return disk.NewGuard(o), &log
}

// refused wants an error that a door answers with 503 and a reason without paths.
func refused(t *testing.T, err, cause error, text string) {
	t.Helper()
	var e *steward.Error
	if !errors.As(err, &e) || e.Code != steward.Unavailable || e.RetryAfter <= 0 || !strings.Contains(e.Message, text) || strings.Contains(e.Message, "/") {
		t.Errorf("got %#v, want Unavailable with %q and a time to come back", e, text)
	}
	if !errors.Is(err, cause) {
		t.Errorf("got %v, want %v inside", err, cause)
	}
	if e != nil && e.Err != nil {
		t.Error("the cause is in the error itself: it would be logged for each request")
	}
}

func TestTheFirstFaultIsKept(t *testing.T) {
	t.Parallel()
	for kind, text := range map[disk.Kind]string{
		disk.Broken: "disk failed", disk.ReadOnly: "read-only", disk.Replaced: "replaced or removed", disk.Damaged: "damaged",
	} {
		g, log := guard(disk.Options{})
		if g.MayWrite() != nil || g.TakesWork() != nil || g.Fault() != nil {
			t.Fatal("a fresh guard refuses")
		}
		g.Fail(kind, "commit", fmt.Errorf("/secret/path: %w", syscall.EIO))
		g.Fail(disk.Damaged, "later", errors.New("another"))
		select {
		case <-g.Failed():
		default:
			t.Error("Failed is not closed")
		}
		refused(t, g.MayWrite(), disk.ErrFailed, text)
		refused(t, g.TakesWork(), disk.ErrFailed, text)
		refused(t, g.AwaitRoom(t.Context()), disk.ErrFailed, text)
		if f := g.Fault(); f.Kind != kind || f.What != "commit" || !errors.Is(f, syscall.EIO) || f.Advice() == "" {
			t.Errorf("%+v", f)
		}
		if n := strings.Count(log.String(), "nothing is written any more"); n != 1 || !strings.Contains(log.String(), "advice=") {
			t.Errorf("logged %d times: %s", n, log)
		}
	}
}

func TestAFullDiskPasses(t *testing.T) {
	t.Parallel()
	g, log := guard(disk.Options{})
	g.Full()
	g.Full()
	refused(t, g.TakesWork(), disk.ErrNoRoom, "disk is full")
	if err := g.MayWrite(); err != nil {
		t.Errorf("MayWrite: %v, want nil: what frees room is written, too", err)
	}
	waited := make(chan error, 1)
	go func() { waited <- g.AwaitRoom(t.Context()) }()
	ended, end := context.WithCancelCause(t.Context())
	reason := errors.New("reason")
	end(reason)
	if err := g.AwaitRoom(ended); !errors.Is(err, reason) {
		t.Errorf("AwaitRoom of a context that ended: %v", err)
	}
	g.Wrote()
	if err := <-waited; err != nil {
		t.Errorf("AwaitRoom: %v", err)
	}
	if err := g.TakesWork(); err != nil {
		t.Errorf("TakesWork: %v", err)
	}
	if strings.Count(log.String(), "the disk is full") != 1 || strings.Count(log.String(), "there is room") != 1 {
		t.Errorf("logged %s", log)
	}
}

func TestWorkIsRefusedBelowTheReserveAndTakenAgainAboveIt(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	room, err := disk.RoomAt(folder)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Log("this system does not tell")
		return
	}
	if err != nil || room.Total <= 0 || room.Free < 0 || room.Free > room.Total {
		t.Fatalf("%+v, %v", room, err)
	}
	for _, c := range []struct{ asked, total, want int64 }{{256, 1000, 100}, {256, 10_000, 256}, {0, 1000, 0}} {
		if got := disk.Reserve(c.asked, c.total); got != c.want {
			t.Errorf("Reserve(%d, %d) = %d, want %d", c.asked, c.total, got, c.want)
		}
	}
	g, _ := guard(disk.Options{Reserve: 1, Folders: []string{folder}})
	if err := g.Look(); err != nil || g.TakesWork() != nil {
		t.Errorf("a reserve of one byte: %v", err)
	}
}

func TestAFolderThatMayNotBeUsedKeepsWorkOut(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	g, log := guard(disk.Options{Folders: []string{folder}})
	refused(t, g.Look(), disk.ErrNotWritable, "may not write")
	refused(t, g.TakesWork(), disk.ErrNotWritable, "may not write")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	looked := make(chan struct{}, 100)
	done := make(chan error, 1)
	go func() { done <- g.Watch(ctx, func() { looked <- struct{}{} }) }()
	<-looked
	if err := g.TakesWork(); err != nil {
		t.Errorf("after the folder came: %v", err)
	}
	g.Full() // has Watch look at once, which finds that there is room
	<-looked
	for deadline := time.Now().Add(10 * time.Second); g.TakesWork() != nil; <-looked {
		if time.Now().After(deadline) {
			t.Fatal("a disk with room counts as full")
		}
	}
	end()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, word := range []string{"no new work is taken", "new work is taken again"} {
		if !strings.Contains(log.String(), word) {
			t.Errorf("not logged: %s", word)
		}
	}
}

func TestWhatErrorsMean(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		kind   disk.Kind
		fault  bool
		full   bool
		denied bool
	}{
		{err: &os.PathError{Op: "sync", Err: syscall.EIO}, kind: disk.Broken, fault: true},
		{err: syscall.ENXIO, kind: disk.Broken, fault: true},
		{err: syscall.ESTALE, kind: disk.Broken, fault: true},
		{err: &os.PathError{Op: "open", Err: syscall.EROFS}, kind: disk.ReadOnly, fault: true},
		{err: &os.PathError{Op: "write", Err: syscall.ENOSPC}, full: true},
		{err: syscall.EDQUOT, full: true},
		{err: disk.NoRoom(nil), full: true},
		{err: &os.PathError{Op: "open", Err: syscall.EACCES}, denied: true},
		{err: errors.New("anything")},
		{},
	} {
		kind, fault := disk.KindOf(c.err)
		if kind != c.kind || fault != c.fault || disk.IsFull(c.err) != c.full || disk.IsDenied(c.err) != c.denied {
			t.Errorf("%v: kind %q, fault %v, full %v, denied %v", c.err, kind, fault, disk.IsFull(c.err), disk.IsDenied(c.err))
		}
	}
}

func TestSameTellsAFileFromItsReplacement(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	write := func(path string) {
		t.Helper()
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(path)
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := disk.Same(path, st, "the file"); err != nil {
		t.Error(err)
	}
	write(path + ".new")
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if err := disk.Same(path, st, "the file"); err == nil || !strings.Contains(err.Error(), "another file") {
		t.Errorf("a replaced file: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := disk.Same(path, st, "the file"); err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("a removed file: %v", err)
	}
}
