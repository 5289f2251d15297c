package itemfile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/cli/itemfile"
)

// write writes a file of the test and returns its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, path string) *itemfile.Source {
	t.Helper()
	s, err := itemfile.Open(t.Context(), path, itemfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// items returns what a source yields, as index, line or name, and JSON of the inputs.
func items(t testing.TB, s *itemfile.Source, from int64) []string {
	t.Helper()
	var list []string
	for it, err := range s.Items(from) {
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(it.Inputs)
		if err != nil {
			t.Fatal(err)
		}
		line, name := s.Place(it.Index)
		list = append(list, fmt.Sprintf("%d %d%s %s", it.Index, line, name, text))
	}
	return list
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}

func TestJSONLinesAreItems(t *testing.T) {
	t.Parallel()
	s := open(t, write(t, "a.jsonl", "\ufeff{\"text\": \"a\", \"n\": 1.50}\n\n  {\"inputs\": {\"text\": \"b\"}}\r\n{\"inputs\": \"text\", \"x\": null}\n{}"))
	if all, more := s.Faults(); len(all) != 0 || more != 0 || s.Count() != 4 || s.IsFolder() {
		t.Fatalf("%d items, faults %v", s.Count(), all)
	}
	want := []string{`0 1 {"n":1.50,"text":"a"}`, `1 3 {"text":"b"}`, `2 4 {"inputs":"text","x":null}`, `3 5 {}`}
	same(t, "items", items(t, s, 0), want)
	same(t, "items again, from 2", items(t, s, 2), want[2:])
	same(t, "items behind the end", items(t, s, 4), []string(nil))
	if line, name := s.Place(9); line != 0 || name != "" {
		t.Errorf("Place(9) = %d, %q", line, name)
	}
}

func TestLinesThatAreNoItemsAreNamed(t *testing.T) {
	t.Parallel()
	lines := []string{`{"a": 1}`, `[1]`, `{"a": `, `null`, `7`, "{\"a\": \"\xff\"}", `{"inputs": {}, "metadata": {}}`, `{"": 1}`, `{"a": 2}`, `{"a":1} {"a":2}`, `{"a": "` + strings.Repeat("x", 17<<20) + `"}`, `{"a": 3}`}
	s := open(t, write(t, "a.ndjson", strings.Join(lines, "\n")))
	faults, all := s.Faults()
	var at []int64
	for _, f := range faults {
		at = append(at, f.Line)
	}
	same(t, "lines", at, []int64{2, 3, 4, 5, 6, 7, 8, 10, 11})
	if all != 9 || faults[0].Message != "the line is not a JSON object" || !strings.HasPrefix(faults[1].Message, "the line is not JSON: ") ||
		faults[4].Message != "the line is not UTF-8" || faults[8].Message != "the line is longer than 16 MiB" {
		t.Errorf("faults = %+v", faults)
	}
	same(t, "items", items(t, s, 0), []string{`0 1 {"a":1}`, `1 9 {"a":2}`, `2 12 {"a":3}`})
	same(t, "the last items", items(t, s, 1), []string{`1 9 {"a":2}`, `2 12 {"a":3}`})

	many := open(t, write(t, "b.jsonl", strings.Repeat("x\n", 25)))
	if list, all := many.Faults(); len(list) != 20 || all != 25 || many.Count() != 0 {
		t.Errorf("%d faults listed of %d, %d items", len(list), all, many.Count())
	}
}

func TestRecordsOfCSVAreItems(t *testing.T) {
	t.Parallel()
	want := []string{`0 2 {"note":"n","text":"a, \"b\"\nc"}`, `1 4 {"text":"d"}`}
	for name, text := range map[string]string{
		"comma.csv":     "\ufefftext, note\n\"a, \"\"b\"\"\nc\",n\nd,\n",
		"semicolon.csv": "text;note\n\"a, \"\"b\"\"\nc\";n\nd;\n",
		"tab.tsv":       "text\tnote\r\n\"a, \"\"b\"\"\r\nc\"\tn\r\nd\t\r\n",
	} {
		s := open(t, write(t, name, text))
		same(t, name, items(t, s, 0), want)
		same(t, name+" from 1", items(t, s, 1), want[1:])
	}
	s := open(t, write(t, "bad.csv", "text,note\na,b\nc\nd,e,f\ng,\"h\"i\nj,\xff\nk,l\n"))
	faults, all := s.Faults()
	if all != 4 || faults[0].Line != 3 || faults[0].Message != "the record has 1 columns, the header 2" || faults[1].Line != 4 || faults[3].Message != "the record is not UTF-8" {
		t.Errorf("faults = %+v", faults)
	}
	same(t, "items between faults", items(t, s, 0), []string{`0 2 {"note":"b","text":"a"}`, `1 7 {"note":"l","text":"k"}`})
}

func TestFilesOfAFolderAreItems(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"b.pdf": "B", "a/z.pdf": "Z", "a.pdf": "A", ".hidden": "H", ".git/x": "X"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("b.pdf", filepath.Join(dir, "link.pdf")); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	same(t, "items", items(t, s, 0), []string{"0 0a.pdf null", "1 0a/z.pdf null", "2 0b.pdf null"})
	for it, err := range s.Items(2) {
		if err != nil || it.Path != filepath.Join(dir, "b.pdf") || it.Size != 1 || it.Hash != "df7e70e5021544f4834bbee64a9e3789febc4be81470df629cad6ddb03320a5c" {
			t.Errorf("item = %+v, %v", it, err)
		}
	}
	if !s.IsFolder() {
		t.Error("a folder is none")
	}
	for _, err := range s.Items(0) {
		if err != nil {
			t.Error(err)
		}
		break // a range may end early
	}
}

func TestTheSumTellsItemsApart(t *testing.T) {
	t.Parallel()
	lines := "{\"a\":1}\n{\"a\":2}\n"
	sum := func(name, text string) string { return open(t, write(t, name, text)).Sum() }
	if a, b := sum("a.jsonl", lines), sum("b.jsonl", lines); a != b || len(a) != 64 {
		t.Errorf("equal files have the sums %s and %s", a, b)
	}
	if sum("a.jsonl", lines) == sum("a.jsonl", lines+"\n") {
		t.Error("different files have one sum")
	}
	folder := func(files map[string]string) string {
		dir := t.TempDir()
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return open(t, dir).Sum()
	}
	first := folder(map[string]string{"a": "1", "b": "2"})
	if first != folder(map[string]string{"a": "1", "b": "2"}) {
		t.Error("equal folders have different sums")
	}
	for _, other := range []map[string]string{{"a": "1", "c": "2"}, {"a": "1", "b": "3"}, {"a": "1"}, {"a": "2", "b": "1"}} {
		if folder(other) == first {
			t.Errorf("%v has the same sum", other)
		}
	}
}

func TestWhatIsNoSourceIsRefused(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		write(t, "a.txt", "x"):                   "is neither a folder nor named",
		write(t, "a.jsonl", ""):                  "holds no items",
		write(t, "b.jsonl", "\n \n"):             "holds no items",
		write(t, "a.csv", ""):                    "there is no header",
		write(t, "b.csv", "a,b\n"):               "holds no items",
		write(t, "c.csv", "a,,b\n1,2,3\n"):       "header: column 2 has no name",
		write(t, "d.csv", "a,b, a\n1,2,3\n"):     `header: the column "a" comes twice`,
		write(t, "e.csv", "a,\"b\n"):             "header: ",
		filepath.Join(t.TempDir(), "none.jsonl"): "no such file",
		t.TempDir():                              "holds no items",
		os.DevNull:                               "is no regular file",
	} {
		s, err := itemfile.Open(t.Context(), name, itemfile.Options{})
		if s != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

func TestASourceThatChangesIsNoticed(t *testing.T) {
	t.Parallel()
	path := write(t, "a.jsonl", "{\"a\":1}\n{\"a\":2}\n")
	s := open(t, path)
	if err := os.WriteFile(path, []byte("{\"a\":3}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Items(0) {
		if !errors.Is(err, itemfile.ErrChanged) {
			t.Errorf("a rewritten file: %v", err)
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "a.pdf")
	if err := os.WriteFile(file, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, dir)
	if err := os.Chtimes(file, time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, err := range f.Items(0) {
		if !errors.Is(err, itemfile.ErrChanged) {
			t.Errorf("a touched file: %v", err)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	for _, err := range f.Items(0) {
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a file that is gone: %v", err)
		}
	}
	// Equal in size and time, but other bytes: what was no item stays none.
	same := write(t, "b.jsonl", "{\"a\":1}\n{\"a\":2}\n")
	info, err := os.Stat(same)
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, same)
	if err := os.WriteFile(same, []byte("{\"a\":1}\n{\"a\" 2}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(same, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range c.Items(0) {
		last = err
	}
	if !errors.Is(last, itemfile.ErrChanged) {
		t.Errorf("a file with other bytes: %v", last)
	}
}

func TestACheckEndsWithItsContext(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	for _, path := range []string{write(t, "a.jsonl", "{}\n"), filepath.Dir(write(t, "a.pdf", "x"))} {
		if _, err := itemfile.Open(ctx, path, itemfile.Options{}); !errors.Is(err, gone) {
			t.Errorf("Open of %s = %v", path, err)
		}
	}
}

func TestALongFileIsNotHeldInMemory(t *testing.T) { // not parallel: it measures the memory of the process
	line := `{"text": "` + strings.Repeat("x", 1000) + `"}` + "\n"
	path := write(t, "a.jsonl", strings.Repeat(line, 20_000))
	var read int64
	before := heap()
	s, err := itemfile.Open(t.Context(), path, itemfile.Options{OnRead: func(n int64) { read += n }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // it was only read
	most, n := int64(0), 0
	for _, err := range s.Items(0) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%5_000 == 0 {
			most = max(most, heap()-before)
		}
	}
	if n != 20_000 || read != int64(20_000*len(line)) {
		t.Errorf("%d items, %d bytes read", n, read)
	}
	if most > 8<<20 {
		t.Errorf("the heap grew by %d bytes for a file of %d", most, read)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func FuzzSource(f *testing.F) {
	f.Add("jsonl", []byte("{\"a\":1}\n\n{\"inputs\":{}}\nx\n"))
	f.Add("csv", []byte("a,b\n1,\"2\n3\"\n4\n"))
	f.Add("tsv", []byte("a\tb\n\"\n\""))
	f.Fuzz(func(t *testing.T, ext string, text []byte) {
		if ext != "jsonl" && ext != "csv" && ext != "tsv" {
			return
		}
		s, err := itemfile.Open(t.Context(), write(t, "a."+ext, string(text)), itemfile.Options{})
		if err != nil {
			return
		}
		defer s.Close() //nolint:errcheck // it was only read
		all := items(t, s, 0)
		if int64(len(all)) != s.Count() {
			t.Fatalf("%d items are yielded of %d", len(all), s.Count())
		}
		for from := range all {
			if rest := items(t, s, int64(from)); !reflect.DeepEqual(rest, all[from:]) {
				t.Fatalf("from %d: %q, want %q", from, rest, all[from:])
			}
		}
		last := int64(0)
		for i := range s.Count() {
			line, _ := s.Place(i)
			if line <= last || line > int64(bytes.Count(text, []byte("\n")))+1 {
				t.Fatalf("item %d is on line %d behind %d", i, line, last)
			}
			last = line
		}
	})
}
