package backup_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/stewardhq/steward/internal/backup"
)

// piece is an entry of an archive that is being forged.
type piece struct {
	tar.Header
	text []byte
}

func file(name, text string) piece {
	return piece{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600}, []byte(text)}
}

func link(kind byte, name, to string) piece {
	return piece{tar.Header{Typeflag: kind, Name: name, Linkname: to, Mode: 0o777}, nil}
}

// pieces reads an archive.
func pieces(t testing.TB, path string) (list []piece) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(bytes.NewReader(text)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, file(h.Name, string(content)))
	}
}

// packed writes an archive.
func packed(t testing.TB, list []piece) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, p := range list {
		p.Size = int64(len(p.text))
		if err := w.WriteHeader(&p.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(p.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// insert puts a piece in front of the sums.
func insert(list []piece, p piece) (out []piece) {
	for _, q := range list {
		if q.Name == "SHA256SUMS" {
			out = append(out, p)
		}
		out = append(out, q)
	}
	return out
}

func replace(list []piece, name string, text []byte) (out []piece) {
	for _, p := range list {
		if p.Name == name {
			p.text = text
		}
		out = append(out, p)
	}
	return out
}

// without leaves out what has a name, or what is in a folder.
func without(list []piece, name string) (out []piece) {
	for _, p := range list {
		if p.Name != name && (!strings.HasSuffix(name, "/") || !strings.HasPrefix(p.Name, name)) {
			out = append(out, p)
		}
	}
	return out
}

// vouched makes sums and manifest of an archive anew, as a forger would.
func vouched(t testing.TB, list []piece, change func(m map[string]any)) (out []piece) {
	t.Helper()
	var sums strings.Builder
	entries, files, size := 0, 0, 0
	database := ""
	for _, p := range list {
		switch p.Name {
		case "SHA256SUMS":
			p.text = []byte(sums.String())
		case "manifest.json":
			var m map[string]any
			if err := json.Unmarshal(p.text, &m); err != nil {
				t.Fatal(err)
			}
			m["entries"], m["sums_sha256"] = entries-1, hexSum([]byte(sums.String()))
			m["files"] = map[string]int{"count": files, "bytes": size}
			if d, ok := m["database"].(map[string]any); ok {
				d["sha256"] = database
			}
			if change != nil {
				change(m)
			}
			text, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			p.text = text
		default:
			entries++
			fmt.Fprintf(&sums, "%s  %s\n", hexSum(p.text), p.Name)
			if p.Name == "steward.db" {
				database = hexSum(p.text)
			}
			if strings.HasPrefix(p.Name, "files/") {
				files, size = files+1, size+len(p.text)
			}
		}
		out = append(out, p)
	}
	return out
}

func hexSum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func zstdOf(t testing.TB, text []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(text, nil)
}

// TestHostileBackupsAreRefused forges archives: nothing of them is put in place, and nothing is written elsewhere.
func TestHostileBackupsAreRefused(t *testing.T) {
	t.Parallel()
	data, dir := full(t, 4), t.TempDir()
	mustCreate(t, data, filepath.Join(dir, "b.tar"))
	list := pieces(t, filepath.Join(dir, "b.tar"))
	whole, someFile := packed(t, list), ""
	for _, p := range list {
		if strings.HasPrefix(p.Name, "files/") {
			someFile = p.Name
		}
	}
	forged := func(list []piece, change func(m map[string]any)) []byte { return packed(t, vouched(t, list, change)) }
	sneak := func(p piece) []byte { return forged(insert(list, p), nil) }
	header := func(text string) []byte { return packed(t, replace(list, "steward-backup.json", []byte(text))) }
	for name, text := range map[string][]byte{
		"nothing":                  {},
		"no archive":               []byte("this is no archive at all, but it is long enough to be taken for one"),
		"another archive":          packed(t, []piece{file("readme.txt", "hello")}),
		"a path that leads out":    sneak(file("../evil", "x")),
		"a deep path":              sneak(file("files/../../evil", "x")),
		"an absolute path":         sneak(file("/tmp/evil", "x")),
		"a file in a wrong place":  sneak(file("files/aa/bb/"+strings.Repeat("ab", 32), "x")),
		"an unknown name":          sneak(file("evil.sh", "x")),
		"a side file":              sneak(file("steward.db-wal", "x")),
		"a symbolic link":          sneak(link(tar.TypeSymlink, "secret.key", "/etc/passwd")),
		"a hard link":              sneak(link(tar.TypeLink, "secret.key", "steward.db")),
		"a folder":                 sneak(link(tar.TypeDir, "files/", "")),
		"a device":                 sneak(link(tar.TypeChar, "secret.key", "")),
		"an entry twice":           sneak(file("node", "x")),
		"a file that is not known": sneak(file("files/2d/71/2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", "x")),
		"something at its end":     packed(t, append(append([]piece{}, list...), file("secret.key", "x"))),
		"no manifest":              packed(t, without(list, "manifest.json")),
		"no sums":                  packed(t, without(list, "SHA256SUMS")),
		"no header":                packed(t, without(list, "steward-backup.json")),
		"no database":              forged(without(list, "steward.db"), nil),
		"no files":                 forged(without(list, "files/"), nil),
		"a file less":              forged(without(list, someFile), nil),
		"other bytes":              forged(replace(list, someFile, []byte("other")), nil),
		"another database":         forged(replace(list, "steward.db", bytes.Repeat([]byte("x"), 8192)), nil),
		"another form":             forged(list, func(m map[string]any) { m["format_version"] = 2 }),
		"fewer files than it says": forged(list, func(m map[string]any) { m["files"] = map[string]int{"count": 99} }),
		"a header that lies":       header(`{"format":"steward-backup","format_version":1,"entries":9,"bytes":10}`),
		"a header of the moon":     header(`{"format":"steward-backup","format_version":1,"entries":9,"bytes":9000000000000000}`),
		"a header without end":     header(`{"format":"steward-backup","x":"` + strings.Repeat("x", 1<<20)),
		"a bomb":                   zstdOf(t, forged(replace(list, "steward.db", make([]byte, 64<<20)), nil)),
		"a bomb behind the end":    zstdOf(t, append(bytes.Clone(whole), make([]byte, 64<<20)...)),
		"a bomb of headers":        zstdOf(t, bytes.Repeat(whole[:1024], 1<<16)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "b.tar")
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := backup.Restore(t.Context(), backup.RestoreParams{Path: path, Data: filepath.Join(dir, "data")}); err == nil {
				t.Fatal("it was restored")
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Errorf("left behind: %v, %v", entries, err)
			}
		})
	}
}

// unpacked is the tar of an archive, as far as it can be read, and how that ended.
func unpacked(t *testing.T, name string, text []byte) []byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(text)
	var err error
	switch filepath.Ext(name) {
	case ".gz":
		r, err = gzip.NewReader(r)
	case ".zst":
		r, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	}
	if err != nil {
		return []byte(err.Error())
	}
	all, err := io.ReadAll(r)
	return fmt.Append(all, err)
}

// TestDamagedBackupsAreTold cuts and flips backups of every kind.
func TestDamagedBackupsAreTold(t *testing.T) {
	t.Parallel()
	data := full(t, 3)
	for _, name := range []string{"b.tar", "b.tar.gz", "b.tar.zst"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			mustCreate(t, data, filepath.Join(dir, name))
			whole, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			check := func(what string, text []byte) {
				t.Helper()
				harmed := filepath.Join(dir, "harmed")
				if err := os.WriteFile(harmed, text, 0o600); err != nil {
					t.Fatal(err)
				}
				if r := verifyBackup(t, harmed); r.OK {
					t.Errorf("%s: nothing was found", what)
				}
			}
			end := len(bytes.TrimRight(whole, "\x00")) // zeros at the end of an archive say nothing
			for i := range 30 {
				check(fmt.Sprintf("cut at %d", end*i/30), whole[:end*i/30])
			}
			harmless := 0
			for i := range 30 { // not in the first bytes, where a packer keeps what says nothing
				at := len(whole)/4 + i*(len(whole)/64)
				if name == "b.tar" { // what pads an archive says nothing
					at = bytes.Index(whole, []byte("SQLite format 3")) + i*997
				}
				text := bytes.Clone(whole)
				text[at] ^= 4
				if bytes.Equal(unpacked(t, name, text), unpacked(t, name, whole)) { // a packer has bits that say nothing
					harmless++
					continue
				}
				check(fmt.Sprintf("flipped at %d", at), text)
			}
			if harmless > 5 {
				t.Errorf("%d of 30 flipped bits change nothing", harmless)
			}
		})
	}
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "b")
		mustCreate(t, data, path)
		err := filepath.WalkDir(path, func(at string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			rel, err := filepath.Rel(path, at)
			if err != nil {
				return err
			}
			for _, harm := range []func(string) error{
				os.Remove, func(p string) error { return os.Truncate(p, 10) }, func(p string) error { flip(t, p, -2); return nil },
				func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/etc/hostname", p)) },
			} {
				harmed := copyFolder(t, path)
				if err := harm(filepath.Join(harmed, rel)); err != nil {
					return err
				}
				if r := verifyBackup(t, harmed); r.OK {
					t.Errorf("%s was harmed, and nothing was found", rel)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzRestore: whatever a file holds, nothing is written outside of the folder, and nothing is left of what is refused.
func FuzzRestore(f *testing.F) {
	small := vouched(f, []piece{
		file("steward-backup.json", `{"format":"steward-backup","format_version":1,"entries":9,"bytes":10000000}`), file("node", "n"),
		file("SHA256SUMS", ""), file("manifest.json", `{"format":"steward-backup","format_version":1,"database":{"kind":"postgres"}}`),
	}, nil)
	f.Add(packed(f, small))
	f.Add(zstdOf(f, packed(f, small)))
	f.Add(packed(f, vouched(f, insert(small, file("../evil", "x")), nil)))
	f.Add(packed(f, without(small, "manifest.json")))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "b")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		// No manifest has this sum: everything is unpacked and compared, and nothing is put in place.
		_, err := backup.Restore(t.Context(), backup.RestoreParams{Path: path, Data: filepath.Join(dir, "data"), Expect: strings.Repeat("0", 64)})
		if err == nil {
			t.Error("a backup that was not expected was restored")
		}
		if entries, rerr := os.ReadDir(dir); rerr != nil || len(entries) != 1 {
			t.Errorf("%v: left %v, %v", err, entries, rerr)
		}
	})
}
