package upgrade

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// leftOut are the names in a data folder that are not the installation's, or are made again.
func leftOut() []string { return []string{configName, "lock", "tmp", "cache"} }

// pack writes a data folder into an archive, its files as they are.
func pack(folder, to string) (err error) {
	f, err := os.Create(to) //nolint:gosec // in the fixture's folder
	if err != nil {
		return fmt.Errorf("make archive: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	// A write-ahead log has the same pages again and again, further apart than other compressions look.
	z, err := zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
	if err != nil {
		return fmt.Errorf("make archive: %w", err)
	}
	w := tar.NewWriter(z)
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		if slices.Contains(leftOut(), name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		return packFile(w, path, filepath.ToSlash(name))
	})
	return errors.Join(err, w.Close(), z.Close())
}

func packFile(w *tar.Writer, path, name string) error {
	text, err := os.ReadFile(path) //nolint:gosec // in the data folder
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(text)), Mode: 0o600}); err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// unpack puts an archive's files into a folder.
func unpack(from, folder string) error {
	f, err := os.Open(from) //nolint:gosec // a fixture
	if err != nil {
		return fmt.Errorf("open archive: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	z, err := zstd.NewReader(f)
	if err != nil {
		return fmt.Errorf("read archive: %w", err)
	}
	defer z.Close()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		if !filepath.IsLocal(h.Name) || strings.Contains(h.Name, `\`) {
			return fmt.Errorf("read archive: the name %q", h.Name)
		}
		text, err := io.ReadAll(io.LimitReader(r, 64<<20))
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		if err := writeFile(filepath.Join(folder, filepath.FromSlash(h.Name)), text); err != nil {
			return err
		}
	}
}
