package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward/internal/backup"
	"github.com/stewardhq/steward/internal/failpoint"
)

// folder is a server's data folder, held by one process at a time.
type folder struct {
	path string
	lock *os.File
}

// ErrInUse means that another process serves from the data folder.
var ErrInUse = errors.New("the data folder is in use by another steward process; stop it, or name another folder with --data")

// ErrRestoring means that a backup is being put into the data folder, or that this was interrupted.
var ErrRestoring = errors.New("a backup is being restored into the data folder, or that was interrupted: run steward restore again")

// ErrNotWritable means that this user may not write to the data folder, or nobody may.
var ErrNotWritable = errors.New("the data folder cannot be written to: give the user who runs the server the right to write there, or mount its disk for writing; " +
	"a disk that became read-only by itself is failing (dmesg)")

// notWritable adds what to do to the errors of a folder that may not be written to.
func notWritable(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return err
}

// lockPatience is how long a start waits for the lock. A process that was killed may leave it to a child that was just being started (until
// the child's own program begins), and steward doctor has it for a moment.
const lockPatience = 3 * time.Second

// waitForLock waits for a lock on a file as long as one that is given back by itself can take. Errors: ErrInUse; ctx's.
func waitForLock(ctx context.Context, f *os.File) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(lockPatience); ; {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case time.Now().After(until):
			return ErrInUse
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// openFolder makes the folder when it is missing (mode 0700) and locks it.
func openFolder(ctx context.Context, path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", notWritable(err))
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", notWritable(err))
	}
	if err := waitForLock(ctx, lock); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if backup.Unfinished(path) {
		return nil, errors.Join(ErrRestoring, lock.Close())
	}
	if err := backup.Clear(path); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &folder{path: path, lock: lock}, nil
}

func (f *folder) join(elem ...string) string {
	return filepath.Join(append([]string{f.path}, elem...)...)
}

// close lets the next process in. The lock goes with the file, also when the process is killed; it is given back before, as a child that is
// just being started has the file for a moment, too.
func (f *folder) close() error {
	return errors.Join(syscall.Flock(int(f.lock.Fd()), syscall.LOCK_UN), f.lock.Close())
}

// node returns the installation's stable name, made at first use.
func (f *folder) node() (string, error) {
	path := f.join("node")
	text, err := os.ReadFile(path) //nolint:gosec // below the data folder
	if id := strings.TrimSpace(string(text)); err == nil && id != "" {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read node name: %w", err)
	}
	id := uuid.NewString()
	return id, writeFile(path, []byte(id+"\n"))
}

// Credentials are what the first start leaves for the CLI and the SDK, in credentials.json of the data folder.
type Credentials struct {
	BaseURL        string `json:"base_url"`
	APIKey         string `json:"api_key"`
	OrganizationID string `json:"organization_id"`
}

// CredentialsFile is the name of the file with Credentials, in the data folder.
const CredentialsFile = "credentials.json"

// pendingFile holds the credentials of a first start until the database has them.
const pendingFile = CredentialsFile + ".new"

// saveCredentials writes a file of credentials with mode 0600.
func (f *folder) saveCredentials(name string, c Credentials) error {
	text, err := json.MarshalIndent(c, "", "  ") //nolint:gosec // G117: the file is there to hold the key, and only its owner may read it
	if err != nil {
		return fmt.Errorf("encode credentials: %w", err)
	}
	return writeFile(f.join(name), append(text, '\n'))
}

// remove deletes a file of the folder that need not be there.
func (f *folder) remove(name string) error {
	failpoint.Pass("app.remove.before")
	if err := os.Remove(f.join(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	failpoint.Pass("app.remove.after")
	return nil
}

// loadCredentials reads a file of credentials. ok is false when there is none.
func (f *folder) loadCredentials(name string) (c Credentials, ok bool, err error) {
	text, err := os.ReadFile(f.join(name))
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, false, fmt.Errorf("read %s: %w", name, err)
	}
	return c, true, nil
}

// writeFile replaces a file whole or not at all, mode 0600, and returns when it is on disk under its name. The folder's lock is held, so
// that nobody else writes there, and what a crash leaves of it is written over the next time.
func writeFile(path string, text []byte) error {
	name := filepath.Base(path)
	if err := placeFile(path, name, text); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func placeFile(path, name string, text []byte) (err error) {
	tmp, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // below the data folder
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			if rerr := os.Remove(tmp.Name()); !errors.Is(rerr, fs.ErrNotExist) {
				err = errors.Join(err, rerr)
			}
		}
	}()
	_, err = tmp.Write(text)
	if err == nil {
		err = failpoint.HitOf("app.sync.before", name)
	}
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := failpoint.HitOf("app.rename.before", name); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	failpoint.PassOf("app.rename.after", name)
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	if err := failpoint.Hit("app.foldersync.before"); err != nil {
		return err
	}
	d, err := os.Open(path) //nolint:gosec // the data folder
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
