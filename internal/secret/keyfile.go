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

	"github.com/stewardhq/steward"
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
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
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
	return readKeyFile(path)
}

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
	data, err := os.ReadFile(path)
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
	tmp, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if rerr := os.Remove(tmp.Name()); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("remove temporary key file: %w", rerr))
		}
	}()
	_, werr := tmp.Write(append(data, '\n'))
	if err := errors.Join(werr, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := place(tmp.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes the names in a folder durable, where the system can.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func damaged() error {
	return &steward.Error{Code: steward.Invalid, Message: "The key file is damaged. Restore it from a backup: without it stored secrets are lost."}
}
