package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/store"
)

// RestoreParams says what to put where.
type RestoreParams struct {
	Path          string // the backup: folder or archive
	Data          string // folder: not there, or empty
	Expect        string // the SHA-256 that the backup's manifest must have, in hex; "" for any
	DespiteDamage bool   // puts a backup back that is whole, but of an installation that was damaged
	Progress      Progress
}

// UnfinishedName is the folder in a data folder in which a restore works until it is done. A server must not start beside it.
const UnfinishedName = ".restoring"

// doneName is what that folder is called while it is removed.
const doneName = ".restored"

// completeName is the file in it that says that everything has been checked.
const completeName = "complete"

// ErrNotEmpty says that a folder has something in it.
var ErrNotEmpty = errors.New("the folder is not empty: a backup is restored into a new one, never over what is there")

// ErrServing says that a server is at work in the folder.
var ErrServing = errors.New("the data folder is in use by another steward process")

// Restore puts a backup into a data folder that is not there or empty, and checks everything as VerifyBackup does before any of it is
// put in place. Until then it works in a folder of its own there, beside which no server starts. An interrupted Restore is begun again
// by the next one.
//
// Errors: ErrNotEmpty, ErrServing, ErrNoBackup, ErrUnfinished, ErrNotEqual, ErrOther and ErrDamaged, wrapped.
func Restore(ctx context.Context, p RestoreParams) (_ *Report, err error) {
	if p.Progress == nil {
		p.Progress = func(string, int64, int64) {}
	}
	src, err := openSource(p.Path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	made, err := makeFolder(p.Data)
	if err != nil {
		return nil, err
	}
	f := &restoring{RestoreParams: p, made: made, temp: filepath.Join(p.Data, UnfinishedName)}
	if err := f.open(); err != nil {
		return nil, err
	}
	defer f.close(&err)
	r, err := f.fill(ctx, src)
	if err != nil {
		return nil, err
	}
	return r, f.finish()
}

// makeFolder makes a folder that is missing, mode 0700.
func makeFolder(path string) (made bool, err error) {
	if _, err := os.Stat(path); err == nil {
		return false, nil
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return false, fmt.Errorf("make data folder: %w", err)
	}
	return true, nil
}

// restoring is a data folder that is being filled.
type restoring struct {
	RestoreParams
	made    bool
	temp    string
	lock    *os.File
	checked bool // from here on there is no way but forward
}

// open locks the folder as a server does, and sees that nothing is lost in it.
func (f *restoring) open() error {
	entries, err := os.ReadDir(f.Data)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	for _, e := range entries {
		switch e.Name() {
		case "lock", "lost+found", UnfinishedName:
		default:
			if !f.interrupted() {
				return fmt.Errorf("restore into %s: %w", f.Data, ErrNotEmpty)
			}
		}
	}
	if f.lock, err = os.OpenFile(filepath.Join(f.Data, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := lockFile(f.lock); err != nil {
		if errors.Is(err, ErrBusy) {
			err = ErrServing
		}
		return errors.Join(fmt.Errorf("restore into %s: %w", f.Data, err), f.lock.Close())
	}
	return nil
}

// interrupted reports whether the last restore was killed while it put things in their places, all of which it had checked.
func (f *restoring) interrupted() bool {
	_, err := os.Stat(filepath.Join(f.temp, completeName))
	return err == nil
}

// fill reads the backup into the folder of its own and checks it there.
func (f *restoring) fill(ctx context.Context, src source) (*Report, error) {
	if err := f.clear(); err != nil {
		return nil, err
	}
	if err := os.Mkdir(f.temp, 0o700); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	room, known := freeBytes(f.Data)
	if !known {
		room = 0
	}
	folders := map[string]bool{}
	c, err := read(ctx, src, room, f.Progress, func(name string, _ int64, from io.Reader) error {
		path := filepath.Join(f.temp, filepath.FromSlash(name)) // one of few names, none of which leads elsewhere
		if dir := filepath.Dir(path); !folders[dir] {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return fmt.Errorf("restore: %w", err)
			}
			folders[dir] = true
		}
		if err := failpoint.Hit("restore.write.before"); err != nil {
			return restoreError(name, err)
		}
		if err := writeFile(path, from); err != nil {
			return restoreError(name, err)
		}
		failpoint.Pass("restore.write.after")
		return nil
	})
	if err != nil {
		return nil, err
	}
	if f.Expect != "" && f.Expect != c.sha {
		return nil, ErrOther
	}
	r := &Report{Kind: "backup", Path: f.Path, Findings: []store.Finding{}, Notes: []string{}}
	if err := r.look(ctx, c, filepath.Join(f.temp, databaseName), &VerifyParams{TempDir: f.temp, Progress: f.Progress}); err != nil {
		return nil, err
	}
	if len(c.problems) > 0 {
		return r, fmt.Errorf("%w: %s", ErrNotEqual, c.problems[0])
	}
	if r.OK = len(r.Findings) == 0; !r.OK && !f.DespiteDamage {
		return r, fmt.Errorf("the backup is whole, but %w: %s", ErrDamaged, r.Findings[0].Message)
	}
	return r, nil
}

// restoreError names what could not be written, and keeps what is wrong with a backup apart from what is wrong with the disk.
func restoreError(name string, err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return fmt.Errorf("restore %s: %w", name, err)
	}
	return readError(err)
}

// clear takes away what an interrupted restore has left.
func (f *restoring) clear() error {
	if f.interrupted() {
		for _, name := range places() {
			if err := os.RemoveAll(filepath.Join(f.Data, name)); err != nil {
				return fmt.Errorf("restore: %w", err)
			}
		}
		if err := syncFolder(f.Data); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	if err := os.RemoveAll(f.temp); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// places are what a backup has at its top, the database last: with it a folder is one of a server.
func places() []string {
	return []string{"files", nodeName, configName, secretName, credentialsName, databaseName}
}

// finish puts everything in its place.
func (f *restoring) finish() error {
	f.Progress("finishing", 0, 0)
	err := failpoint.Hit("restore.sync.before")
	if err == nil {
		err = syncAll(f.temp)
	}
	if err == nil {
		failpoint.Pass("restore.complete.before")
		err = writeFile(filepath.Join(f.temp, completeName), newBytes(nil))
	}
	if err == nil {
		err = syncFolder(f.temp)
	}
	if err == nil {
		err = syncFolder(f.Data)
	}
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	f.checked = true
	for _, name := range places() {
		failpoint.Pass("restore.place.before")
		err := os.Rename(filepath.Join(f.temp, name), filepath.Join(f.Data, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("restore: %w", err)
		}
	}
	failpoint.Pass("restore.place.after")
	if err := syncFolder(f.Data); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	// At once, so that no crash can leave a folder that is neither finished nor to be begun again.
	done := filepath.Join(f.Data, doneName)
	failpoint.Pass("restore.done.before")
	if err := os.Rename(f.temp, done); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	failpoint.Pass("restore.done.after")
	if err := syncFolder(f.Data); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := os.RemoveAll(done); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	failpoint.Pass("restore.removed")
	return nil
}

// close lets go of the folder. What failed before it was checked leaves nothing.
func (f *restoring) close(err *error) {
	if *err != nil && !f.checked {
		*err = errors.Join(*err, os.RemoveAll(f.temp))
		if f.made {
			*err = errors.Join(*err, os.Remove(filepath.Join(f.Data, "lock")), os.Remove(f.Data))
		}
	}
	*err = errors.Join(*err, f.lock.Close())
}

// Clear removes what a restore has left in a data folder that was killed when all was done but the removal of its own folder. The
// caller holds the folder's lock.
func Clear(data string) error {
	if err := os.RemoveAll(filepath.Join(data, doneName)); err != nil {
		return fmt.Errorf("clear restored folder: %w", err)
	}
	return nil
}

// Unfinished reports whether a restore into a data folder was begun and not finished.
func Unfinished(data string) bool {
	_, err := os.Stat(filepath.Join(data, UnfinishedName))
	return err == nil
}

// HasSecret reports whether a backup has the key that stored secrets are sealed with.
func (m *Manifest) HasSecret() bool { return slices.Contains(m.Settings, secretName) }
