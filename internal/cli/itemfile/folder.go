package itemfile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// folder is a folder whose regular files are the items, in the order of their names, those of folders below it included. Names
// that begin with a dot, links and special files are left out.
type folder struct{}

func (*folder) check(ctx context.Context, s *Source, o Options) error {
	err := filepath.WalkDir(s.path, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case path != s.path && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		name, err := filepath.Rel(s.path, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		s.places.names = append(s.places.names, entry{name: filepath.ToSlash(name), size: info.Size(), changed: info.ModTime()})
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(s.places.names, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	s.count = int64(len(s.places.names))
	return sumUp(ctx, s, o)
}

// sumUp hashes the files, and their names and sizes together.
func sumUp(ctx context.Context, s *Source, o Options) error {
	all := sha256.New()
	for i := range s.places.names {
		e := &s.places.names[i]
		hash, size, err := hashFile(ctx, filepath.Join(s.path, filepath.FromSlash(e.name)), o)
		if err != nil {
			return err
		}
		e.hash, e.size = hash, size
		if _, err := fmt.Fprintf(all, "%q %d %s\n", e.name, size, hash); err != nil {
			return err
		}
	}
	s.sum = hex.EncodeToString(all.Sum(nil))
	return nil
}

func hashFile(ctx context.Context, path string, o Options) (sum string, size int64, err error) {
	f, err := os.Open(path) //nolint:gosec // below the folder that the caller names
	if err != nil {
		return "", 0, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	hash := sha256.New()
	size, err = io.Copy(hash, &counted{ctx, f, o.OnRead})
	if err != nil {
		return "", 0, fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), size, nil
}

func (*folder) items(s *Source, from int64, yield func(Item) bool) error {
	for i := max(from, 0); i < s.count; i++ {
		e := s.places.names[i]
		path := filepath.Join(s.path, filepath.FromSlash(e.name))
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if info.Size() != e.size || !info.ModTime().Equal(e.changed) || !info.Mode().IsRegular() {
			return fmt.Errorf("%s: %w", path, ErrChanged)
		}
		if !yield(Item{Index: i, Path: path, Hash: e.hash, Size: e.size}) {
			return nil
		}
	}
	return nil
}
