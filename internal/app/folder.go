package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/google/uuid"

	"github.com/stewardhq/steward/internal/backup"
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

// openFolder makes the folder when it is missing (mode 0700) and locks it.
func openFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec // a file descriptor fits
		return nil, errors.Join(ErrInUse, lock.Close())
	}
	if backup.Unfinished(path) {
		return nil, errors.Join(ErrRestoring, lock.Close())
	}
	return &folder{path: path, lock: lock}, nil
}

func (f *folder) join(elem ...string) string {
	return filepath.Join(append([]string{f.path}, elem...)...)
}

// close lets the next process in. The lock goes with the file, also when the process is killed.
func (f *folder) close() error { return f.lock.Close() }

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
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode credentials: %w", err)
	}
	return writeFile(f.join(name), append(text, '\n'))
}

// remove deletes a file of the folder that need not be there.
func (f *folder) remove(name string) error {
	if err := os.Remove(f.join(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// loadCredentials reads a file of credentials. ok is false when there is none.
func (f *folder) loadCredentials(name string) (c Credentials, ok bool, err error) {
	text, err := os.ReadFile(f.join(name)) //nolint:gosec // below the data folder
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

// writeFile replaces a file whole or not at all, mode 0600.
func writeFile(path string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), errors.Join(err, os.Remove(tmp.Name())))
	}
	return nil
}
