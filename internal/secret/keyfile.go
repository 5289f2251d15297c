package secret

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/failpoint"
)

// keyFile is the file's JSON form. The last key is the current one.
type keyFile struct {
	Version int   `json:"version"` // 1
	Keys    []key `json:"keys"`
}

type key struct {
	ID  []byte `json:"id"`  // 4 random bytes, in base64
	Key []byte `json:"key"` // 32 random bytes, in base64
}

func newKey() (key, error) {
	k := key{ID: make([]byte, keyIDSize), Key: make([]byte, keySize)}
	_, err := rand.Read(k.ID)
	_, err2 := rand.Read(k.Key)
	return k, errors.Join(err, err2)
}

func readOrCreate(path string) (*keyFile, error) {
	f, err := readKeyFile(path)
	if err == nil {
		return f, clearLeft(path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	k, err := newKey()
	if err != nil {
		return nil, err
	}
	// Linked, not renamed: a link never replaces the file that another process made first.
	err = writeKeyFile(path, &keyFile{Version: 1, Keys: []key{k}}, os.Link)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if f, err = readKeyFile(path); err != nil {
		return nil, err
	}
	return f, clearLeft(path)
}

// leftFor is for how long a temporary key file may be another process's.
const leftFor = time.Minute

// clearLeft removes the temporary files of processes that were killed while they wrote the key file at path.
func clearLeft(path string) error {
	key, err := os.Stat(path)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil //nolint:nilerr // a folder that cannot be listed, such as a mounted secret's, is not one that a server writes to
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), tempPrefix) {
			continue
		}
		left, err := e.Info()
		// A second name of the key file is of a process that had put it in place.
		if err == nil && (os.SameFile(key, left) || time.Since(left.ModTime()) > leftFor) {
			err = os.Remove(filepath.Join(filepath.Dir(path), e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove temporary key file: %w", err)
		}
	}
	return nil
}

// tempPrefix begins the names of temporary key files.
const tempPrefix = ".key-"

// addKey appends a new key to the file.
func addKey(path string) (*keyFile, error) {
	f, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	k, err := newKey()
	if err != nil {
		return nil, err
	}
	f.Keys = append(f.Keys, k)
	if err := writeKeyFile(path, f, os.Rename); err != nil {
		return nil, err
	}
	return f, nil
}

func readKeyFile(path string) (*keyFile, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0 {
		return nil, &steward.Error{Code: steward.Invalid, Message: "The key file can be read by others than its owner: run chmod 600 on it.", Err: errors.New(path)}
	}
	data, err := os.ReadFile(path) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return nil, err
	}
	var f keyFile
	if err := json.Unmarshal(data, &f); err != nil || f.Version != 1 || len(f.Keys) == 0 {
		return nil, damaged() // the cause could quote the file
	}
	for _, k := range f.Keys {
		if len(k.ID) != keyIDSize || len(k.Key) != keySize {
			return nil, damaged()
		}
	}
	return &f, nil
}

// writeKeyFile writes f beside path and puts it in place, all or nothing.
func writeKeyFile(path string, f *keyFile, place func(from, to string) error) (err error) {
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), tempPrefix+"*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if rerr := os.Remove(tmp.Name()); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("remove temporary key file: %w", rerr))
		}
	}()
	_, werr := tmp.Write(append(data, '\n'))
	ferr := failpoint.Hit("secret.sync.before")
	if err := errors.Join(werr, ferr, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := failpoint.Hit("secret.place.before"); err != nil {
		return err
	}
	if err := place(tmp.Name(), path); err != nil {
		return err
	}
	failpoint.Pass("secret.place.after")
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes the names in a folder durable, where the system can.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	if err := failpoint.Hit("secret.foldersync.before"); err != nil {
		return err
	}
	d, err := os.Open(path) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return err
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return err
	}
	failpoint.Pass("secret.foldersync.after")
	return nil
}

func damaged() error {
	return &steward.Error{Code: steward.Invalid, Message: "The key file is damaged. Restore it from a backup: without it stored secrets are lost."}
}
