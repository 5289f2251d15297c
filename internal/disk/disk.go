// Package disk knows what a server may trust its disks with.
//
//	guard := disk.NewGuard(disk.Options{Reserve: 256 << 20, Folders: []string{data}, Logger: log})
//	go guard.Watch(ctx)
//	if err := guard.TakesWork(); err != nil {
//		return err // 503, with the reason
//	}
//
// There are two kinds of trouble. A full disk, or one that may not be written to for now, passes: the guard refuses new work, and takes it
// again by itself. A disk that failed does not pass: after a write or a sync that failed with an I/O error, nobody knows which of the
// bytes are on the disk and which are in memory only, and another sync may report success all the same. The first such failure is kept
// for the life of the process, which writes nothing any more and has to be started again.
package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stewardhq/steward"
)

// Causes of refusals, to be found with errors.Is.
var (
	// ErrNoRoom says that a full disk refused a write. It passes.
	ErrNoRoom = errors.New("no room is left on the disk")
	// ErrFailed says that the process writes nothing any more, because of a Fault.
	ErrFailed = errors.New("the disk failed")
	// ErrNotWritable says that a folder may not be written to for now. It passes.
	ErrNotWritable = errors.New("a folder cannot be written to")
)

// Options tunes a Guard. The zero value is ready to use: it watches nothing, and keeps faults all the same.
type Options struct {
	// Reserve is how many bytes are kept free for jobs under way: new work is refused below it. A tenth of a disk is the most that is kept.
	Reserve int64
	// Folders are looked at: whether there is room, and whether they can be written to.
	Folders []string
	Logger  *slog.Logger // nil means slog.Default()
}

// Guard watches the disks of a server. Safe for concurrent use.
type Guard struct {
	opts Options
	log  *slog.Logger

	fault  atomic.Pointer[Fault]
	failed chan struct{} // closed at the first fault
	full   atomic.Bool   // the last write of the database found no room
	again  chan struct{} // asks Watch to look now

	mu      sync.Mutex
	trouble error // what keeps new work out and passes; nil when nothing does
}

// NewGuard returns a Guard.
func NewGuard(o Options) *Guard {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Folders = slices.Clone(o.Folders)
	return &Guard{opts: o, log: o.Logger, failed: make(chan struct{}), again: make(chan struct{}, 1)}
}

// Kind says what a fault is.
type Kind string

// The kinds of faults.
const (
	Broken   Kind = "broken"   // a write or a sync failed
	ReadOnly Kind = "readonly" // the disk stopped taking writes
	Replaced Kind = "replaced" // a file that the server works in is not the one at its place any more
	Damaged  Kind = "damaged"  // what was read makes no sense
)

// Fault is why a process writes nothing any more.
type Fault struct {
	Kind Kind
	What string // was being done, such as "commit"
	Err  error
	At   time.Time
}

// Error is for logs: it may name paths.
func (f *Fault) Error() string { return fmt.Sprintf("%s: %v", f.What, f.Err) }

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Message says what happened, for users: one sentence without paths.
func (f *Fault) Message() string {
	switch f.Kind {
	case ReadOnly:
		return "The server's disk has become read-only: the server takes no more work and stops."
	case Replaced:
		return "The server's database was replaced or removed under it: the server takes no more work and stops."
	case Damaged:
		return "The server's database is damaged: the server takes no more work and stops."
	default:
		return "The server's disk failed: the server takes no more work and stops."
	}
}

// Advice says what to do, for operators.
func (f *Fault) Advice() string {
	switch f.Kind {
	case ReadOnly:
		return "look at the system's log (dmesg): systems do that when a disk fails; mend it, mount it for writing, and start again"
	case Replaced:
		return "put the database's files back as they were, or restore a backup into a new folder, and start again"
	case Damaged:
		return "see what is left with steward verify, restore the last good backup into a new folder, and look for the cause (dmesg, smartctl)"
	default:
		return "look at the disk (dmesg, smartctl); nothing that was acknowledged is lost, and a new start goes on from what is on the disk; run steward verify after it"
	}
}

// Fail keeps a fault. The first one counts; it is logged, with what to do.
func (g *Guard) Fail(kind Kind, what string, err error) {
	f := &Fault{Kind: kind, What: what, Err: err, At: time.Now()}
	if !g.fault.CompareAndSwap(nil, f) {
		return
	}
	close(g.failed)
	g.log.Error("nothing is written any more", "reason", string(kind), "operation", what, "error", err, "advice", f.Advice())
}

// Failed is closed when there is a fault.
func (g *Guard) Failed() <-chan struct{} { return g.failed }

// Fault returns what Fail kept, nil when there is no fault.
func (g *Guard) Fault() *Fault { return g.fault.Load() }

// MayWrite returns why nothing may be written, nil when it may be. Errors: Unavailable with ErrFailed inside.
func (g *Guard) MayWrite() error {
	if f := g.fault.Load(); f != nil {
		return refuse(f.Message(), whenStarted, fmt.Errorf("%w: %w", ErrFailed, f))
	}
	return nil
}

// Times that callers are told to wait.
const (
	whenStarted = 15 * time.Second // until somebody has started the server again
	whenRoom    = 10 * time.Second
)

// TakesWork returns why no new work may be taken, nil when it may be: a fault, or that a disk has less than its reserve or cannot be
// written to. It costs little and may be asked for every request.
//
// Errors: Unavailable with ErrFailed, ErrNoRoom or ErrNotWritable inside.
func (g *Guard) TakesWork() error {
	if err := g.MayWrite(); err != nil {
		return err
	}
	if g.full.Load() {
		return NoRoom(nil)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.trouble
}

// NoRoom is the refusal of a full disk. cause is for logs and may be nil. Errors: Unavailable with ErrNoRoom inside.
func NoRoom(cause error) error {
	if cause == nil {
		cause = ErrNoRoom
	} else if !errors.Is(cause, ErrNoRoom) {
		cause = fmt.Errorf("%w: %w", ErrNoRoom, cause)
	}
	return refuse("The server's disk is full: no new work is taken until there is room again.", whenRoom, cause)
}

// NotWritable is the refusal of a folder that may not be written to. Errors: Unavailable with ErrNotWritable inside.
func NotWritable(cause error) error {
	return refuse("The server may not write to its folders: no new work is taken until it may.", whenRoom, fmt.Errorf("%w: %w", ErrNotWritable, cause))
}

// refusal is an error with a code whose cause can be looked for. The cause is not in the *steward.Error: what passes is told to each
// caller, and logged once by the guard.
type refusal struct {
	told  *steward.Error
	cause error
}

func refuse(message string, after time.Duration, cause error) error {
	return &refusal{told: &steward.Error{Code: steward.Unavailable, Message: message, RetryAfter: after}, cause: cause}
}

// Error names the cause.
func (r *refusal) Error() string {
	return strings.TrimSuffix(r.told.Message, ".") + ": " + r.cause.Error()
}

// Unwrap returns what callers are told and why.
func (r *refusal) Unwrap() []error { return []error{r.told, r.cause} }

// Full notes that a write of the database found no room; Wrote that one did. Both cost little.
func (g *Guard) Full() {
	if !g.full.Swap(true) {
		g.log.Error("the disk is full: nothing can be written", "advice", "make room on the disk of the data folder; the server goes on by itself")
		g.look()
	}
}

// Wrote takes back what Full noted.
func (g *Guard) Wrote() {
	if g.full.Load() && g.full.Swap(false) {
		g.log.Info("there is room on the disk again")
	}
}

// look asks Watch for a look at the disks.
func (g *Guard) look() {
	select {
	case g.again <- struct{}{}:
	default:
	}
}

// AwaitRoom waits while the disk is full, since what is begun then could not be recorded. It returns at once otherwise.
//
// Errors: ctx's cause; Unavailable with ErrFailed inside.
func (g *Guard) AwaitRoom(ctx context.Context) error {
	const pause = 100 * time.Millisecond
	for {
		if err := g.MayWrite(); err != nil || !g.full.Load() {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-g.failed:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		timer.Stop()
	}
}

// How often the disks are looked at.
const (
	lookEvery   = time.Second
	lookAgain   = 200 * time.Millisecond // while something is wrong
	leastToTry  = 1 << 20                // bytes; with so many free, a full disk may have room again
	reservePart = 10                     // one part in so many of a disk is the most that is kept free
)

// Watch looks at the disks until ctx ends. also is called at each look, and may be nil.
func (g *Guard) Watch(ctx context.Context, also func()) error {
	for {
		wait := lookEvery
		if g.Look() != nil || g.full.Load() {
			wait = lookAgain
		}
		if also != nil {
			also()
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-g.again:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// Look looks at the disks now and returns why no new work is taken because of what it saw, nil otherwise.
func (g *Guard) Look() error {
	detail, now := g.state()
	g.mu.Lock()
	before := g.trouble
	g.trouble = now
	g.mu.Unlock()
	switch {
	case now != nil && before == nil:
		g.log.Error("no new work is taken", append([]any{"error", now}, detail...)...)
	case now == nil && before != nil:
		g.log.Info("new work is taken again", detail...)
	}
	return now
}

// state looks at each folder. A disk that was short of room must have a tenth more than the reserve before it counts as having enough.
func (g *Guard) state() (detail []any, trouble error) {
	g.mu.Lock()
	short := errors.Is(g.trouble, ErrNoRoom)
	g.mu.Unlock()
	roomy := len(g.opts.Folders) > 0
	for _, folder := range g.opts.Folders {
		if err := mayWrite(folder); err != nil {
			return []any{"advice", "give the server the right to write there, or mount it for writing"}, NotWritable(fmt.Errorf("%s: %w", folder, err))
		}
		r, err := RoomAt(folder)
		if err != nil {
			continue // there are systems that do not tell
		}
		reserve := Reserve(g.opts.Reserve, r.Total)
		need := reserve
		if short {
			need += reserve / 10
		}
		roomy = roomy && r.Free >= max(need, leastToTry)
		if reserve > 0 && r.Free < need {
			return []any{"advice", "make room on the disk; the server goes on by itself"},
				NoRoom(fmt.Errorf("%w: %d MiB are free and %d MiB are kept for jobs under way: %s", ErrNoRoom, r.Free>>20, reserve>>20, folder))
		}
	}
	if roomy {
		g.Wrote() // the next write tells
	}
	return nil, nil
}

// Reserve returns how much of a disk of a size is kept free when so much is asked for, in bytes.
func Reserve(asked, total int64) int64 { return min(asked, total/reservePart) }

// Room is how large a disk is and how much of it can be used.
type Room struct {
	Total, Free      int64 // bytes
	Files, FreeFiles int64 // how many files it can have and how many more; 0 when it has no such limit
	ReadOnly         bool
}

// Of what went wrong with a write or a sync.

// IsFull reports whether an error says that there is no room.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, ErrNoRoom)
}

// IsDenied reports whether an error says that this user may not write there.
func IsDenied(err error) bool { return errors.Is(err, fs.ErrPermission) }

// KindOf says what an error of a write or a sync means: a fault of what kind, or none.
func KindOf(err error) (kind Kind, fault bool) {
	for _, e := range []struct {
		errno syscall.Errno
		kind  Kind
	}{
		{syscall.EIO, Broken}, {syscall.ENXIO, Broken}, {syscall.ENODEV, Broken}, {syscall.ESTALE, Broken}, {syscall.EROFS, ReadOnly},
	} {
		if errors.Is(err, e.errno) {
			return e.kind, true
		}
	}
	return "", false
}

// Same returns an error unless the file at a path is the one that is given. what names it for people.
func Same(path string, want os.FileInfo, what string) error {
	got, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is gone: %w", what, err)
	case err != nil:
		return fmt.Errorf("%s cannot be looked at: %w", what, err)
	case !os.SameFile(got, want):
		return fmt.Errorf("%s is another file than the one that was opened: %s", what, path)
	}
	return nil
}
