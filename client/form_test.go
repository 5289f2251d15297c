package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// part is a part of a form as the server reads it.
type part struct{ key, name, ctype, content string }

// partsOf reads the form of a request.
func partsOf(t *testing.T, r seen) []part {
	t.Helper()
	media, params, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		t.Fatalf("Content-Type = %q", r.header.Get("Content-Type"))
	}
	var parts []part
	for mr := multipart.NewReader(strings.NewReader(r.body), params["boundary"]); ; {
		p, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part{p.FormName(), p.FileName(), p.Header.Get("Content-Type"), string(content)})
	}
}

// sent runs an agent with inputs and returns the request.
func sent(t *testing.T, p client.RunParams) seen {
	t.Helper()
	s := newScript(status(200, `"`+someID+`"`))
	id, err := newTo(t, s, client.Options{}).Run(t.Context(), someID, p)
	if err != nil || id != someID {
		t.Fatalf("Run = %q, %v", id, err)
	}
	return s.all()[0]
}

func TestInputsWithoutFilesAreSentAsJSONWithTheirTypes(t *testing.T) {
	t.Parallel()
	r := sent(t, client.RunParams{
		Inputs: client.Inputs{
			"text": "a \"b\" <c> é", "number": 1.5, "whole": 7, "yes": true, "list": []string{"a", "b"}, "object": map[string]any{"k": nil},
			"raw": json.RawMessage(`{"z":1}`), "absent": nil, "url": client.FileURL("https://files.test/a.pdf"),
			"stored": client.File{ID: someID}, "both": []client.File{client.FileURL("https://files.test/b"), {ID: someID}},
			"no files": []client.File{}, "no file": (*client.File)(nil),
		},
		Metadata: map[string]any{"case": 12}, Timeout: 90e9,
	})
	var got map[string]any
	if err := json.Unmarshal([]byte(r.body), &got); err != nil {
		t.Fatal(err)
	}
	want := `{"both":["https://files.test/b","` + someID + `"],"list":["a","b"],"metadata":{"case":12},"number":1.5,"object":{"k":null},` +
		`"raw":{"z":1},"stored":"` + someID + `","text":"a \"b\" <c> é","timeout_seconds":90,"url":"https://files.test/a.pdf","whole":7,"yes":true}`
	var wanted map[string]any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if a, b := encode(t, got), encode(t, wanted); a != b {
		t.Errorf("body\n got %s\nwant %s", a, b)
	}
	if r.header.Get("Content-Type") != "application/json" || r.header.Get("Content-Length") == "" {
		t.Errorf("header = %v", r.header)
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFilesAreSentAsAForm(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "invoice.pdf")
	if err := os.WriteFile(path, []byte("%PDF-1"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := sent(t, client.RunParams{
		Inputs: client.Inputs{
			"docs": []client.File{
				client.FilePath(path), {Bytes: []byte("bytes"), Name: "b.txt"}, {Bytes: []byte{}}, {ID: someID},
				{Reader: io.LimitReader(strings.NewReader("piped and more"), 5), Name: "c", ContentType: "x/y"},
			},
			"logo": &client.File{Path: path, Name: "logo.png"}, "text": "hello", "n": 3, "list": []int{1, 2}, "none": nil,
		},
		Metadata: map[string]any{"case": "é"}, SkipCache: true, Timeout: 1500e6,
	})
	want := []part{
		{"docs", "", "", someID},
		{"list", "", "", "[1,2]"},
		{"metadata", "", "", `{"case":"é"}`},
		{"n", "", "", "3"},
		{"text", "", "", "hello"},
		{"timeout_seconds", "", "", "1.5"},
		{"docs", "invoice.pdf", "application/pdf", "%PDF-1"},
		{"docs", "b.txt", "text/plain; charset=utf-8", "bytes"},
		{"docs", "upload", "application/octet-stream", ""},
		{"docs", "c", "x/y", "piped"},
		{"logo", "logo.png", "image/png", "%PDF-1"},
	}
	got := partsOf(t, r)
	if len(got) != len(want) {
		t.Fatalf("%d parts, want %d: %+v", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("part %d = %+v, want %+v", i, got[i], want[i])
		}
	}
	if r.header.Get("X-Skip-Cache") != "true" {
		t.Error("X-Skip-Cache is not sent")
	}
}

func TestNamesOfAnyKindArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		`plain.pdf`, `with space.pdf`, `Rechnung Müller & Söhne.pdf`, `請求書.pdf`, `emoji 🧾.pdf`, `quote".pdf`, `it's.pdf`, `semi;colon=1.pdf`,
		`per%cent%20.pdf`, "new\nline.pdf", "tab\t.pdf", `a,b.pdf`, `*.pdf`,
	} {
		r := sent(t, client.RunParams{Inputs: client.Inputs{"f": client.File{Bytes: []byte("x"), Name: name}}})
		if got := partsOf(t, r); len(got) != 1 || got[0].name != name || got[0].key != "f" {
			t.Errorf("%q arrived as %+v", name, got)
		}
	}
	for _, key := range []string{`größe`, `a "b"`, `x;y`, "l\nm"} {
		r := sent(t, client.RunParams{Inputs: client.Inputs{key: "v", "f": client.File{Bytes: []byte("x")}}})
		found := false
		for _, p := range partsOf(t, r) {
			found = found || p.key == key && p.content == "v"
		}
		if !found {
			t.Errorf("the input %q did not arrive", key)
		}
	}
}

func TestAFormTellsItsLengthWhenItIsKnown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.bin")
	if err := os.WriteFile(path, make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		file  client.File
		known bool
	}{
		"path":   {client.FilePath(path), true},
		"bytes":  {client.File{Bytes: make([]byte, 10)}, true},
		"seeker": {client.FileReader("a", bytes.NewReader(make([]byte, 10))), true},
		"stream": {client.FileReader("a", io.LimitReader(strings.NewReader("abc"), 2)), false},
	} {
		r := sent(t, client.RunParams{Inputs: client.Inputs{"f": tt.file}})
		if known := r.header.Get("Content-Length") != ""; known != tt.known {
			t.Errorf("%s: length known is %t, want %t", name, known, tt.known)
		}
	}
}

func TestAReaderIsReadFromWhereItStands(t *testing.T) {
	t.Parallel()
	in := strings.NewReader("skipped,kept")
	if _, err := in.Seek(8, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	s := newScript(status(503, ""), status(200, `"`+someID+`"`))
	c := newTo(t, s, client.Options{})
	if _, err := c.Run(t.Context(), someID, client.RunParams{Inputs: client.Inputs{"f": client.FileReader("a", in)}}); err != nil {
		t.Fatal(err)
	}
	for i, r := range s.all() {
		if got := partsOf(t, r)[0].content; got != "kept" {
			t.Errorf("try %d sent %q, want %q", i, got, "kept")
		}
	}
}

func TestAReaderThatCannotBeReadTwiceIsSentOnce(t *testing.T) {
	t.Parallel()
	pipe, w, err := os.Pipe() // an *os.File that is a Seeker by type alone
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pipe.Close() }()
	if _, err := w.WriteString("piped"); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	for _, in := range []io.Reader{pipe, io.LimitReader(strings.NewReader("piped"), 9)} {
		s := newScript(status(503, `{"detail":"busy"}`))
		_, err := newTo(t, s, client.Options{}).Run(t.Context(), someID, client.RunParams{Inputs: client.Inputs{"f": client.FileReader("a", in)}})
		if steward.CodeOf(err) != steward.Unavailable {
			t.Errorf("err = %v, want unavailable", err)
		}
		if got := s.all(); len(got) != 1 || partsOf(t, got[0])[0].content != "piped" {
			t.Errorf("%d tries, want 1: %+v", len(got), got)
		}
	}
}

func TestRefusesFilesThatCannotBeSent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		inputs client.Inputs
		is     error
	}{
		"missing":         {client.Inputs{"f": client.FilePath(filepath.Join(dir, "none.pdf"))}, fs.ErrNotExist},
		"folder":          {client.Inputs{"f": client.FilePath(dir)}, nil},
		"nothing set":     {client.Inputs{"f": client.File{Name: "a"}}, nil},
		"two sources":     {client.Inputs{"f": client.File{Path: "a", URL: "https://b.test"}}, nil},
		"broken reader":   {client.Inputs{"f": client.FileReader("a", io.MultiReader(strings.NewReader("ab"), failing{}))}, errBroken},
		"unencodable":     {client.Inputs{"f": make(chan int), "g": client.File{Bytes: []byte("x")}}, nil},
		"files and texts": {client.Inputs{"f": []any{client.File{Bytes: []byte("x")}, "path/to/another"}}, nil},
		"metadata":        {client.Inputs{"metadata": "x"}, nil},
		"time-out field":  {client.Inputs{"timeout_seconds": 3}, nil},
		"key field":       {client.Inputs{"idempotency_key": "x"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScript(status(200, `"`+someID+`"`))
			_, err := newTo(t, s, client.Options{}).Run(t.Context(), someID, client.RunParams{Inputs: tt.inputs})
			if steward.CodeOf(err) != steward.Invalid || (tt.is != nil && !errors.Is(err, tt.is)) {
				t.Errorf("err = %v (%s), want invalid and %v", err, steward.CodeOf(err), tt.is)
			}
			if n := len(s.all()); n > 1 {
				t.Errorf("%d tries, want at most 1", n)
			}
		})
	}
}

var errBroken = errors.New("disk on fire")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

func TestTheIdempotencyKeyIsStableOverTheTriesOfOneRun(t *testing.T) {
	t.Parallel()
	s := newScript(status(500, ""), status(503, ""), status(200, `"`+someID+`"`))
	c := newTo(t, s, client.Options{})
	files := client.RunParams{Inputs: client.Inputs{"f": client.File{Bytes: []byte("x")}}}
	for _, p := range []client.RunParams{{}, files, {IdempotencyKey: "mine"}} {
		if _, err := c.Run(t.Context(), someID, p); err != nil {
			t.Fatal(err)
		}
	}
	var keys []string
	for _, r := range s.all() {
		keys = append(keys, r.header.Get("Idempotency-Key"))
	}
	if len(keys) != 5 || keys[0] == "" || keys[0] != keys[1] || keys[1] != keys[2] {
		t.Fatalf("keys = %q, want one for the three tries of the first run", keys)
	}
	if keys[3] == keys[0] || keys[3] == "" || keys[4] != "mine" {
		t.Errorf("keys = %q, want another for the second run, and the caller's for the third", keys)
	}
}

func TestRunSyncSendsNoIdempotencyKeyAndRefusesOne(t *testing.T) {
	t.Parallel()
	s := newScript(status(200, `[{"key":"output","data_type":"text/plain","value":"x"}]`))
	c := newTo(t, s, client.Options{})
	out, err := c.RunSync(t.Context(), someID, client.RunParams{VersionID: someID})
	if err != nil || len(out) != 1 || out[0].Value != "x" {
		t.Fatalf("RunSync = %+v, %v", out, err)
	}
	if r := s.all()[0]; r.header.Get("Idempotency-Key") != "" || r.path != "/v1/agents/run/"+someID+"/versions/"+someID+"/" {
		t.Errorf("request = %+v", r)
	}
	for _, p := range []client.RunParams{{IdempotencyKey: "k"}, {Timeout: 1}} {
		if _, err := c.RunSync(t.Context(), someID, p); steward.CodeOf(err) != steward.Unsupported {
			t.Errorf("RunSync(%+v) = %v, want unsupported", p, err)
		}
	}
}

// TestALargeFileIsSentWithoutBeingHeld is not parallel: it looks at what the whole process allocates.
func TestALargeFileIsSentWithoutBeingHeld(t *testing.T) {
	const size, most = 256 << 20, 8 << 20
	path := filepath.Join(t.TempDir(), "large.bin")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	var received atomic.Int64
	c := newTo(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		received.Store(n)
		_, _ = io.WriteString(w, `"`+someID+`"`) // the client is there
	}), client.Options{})
	for name, file := range map[string]client.File{
		"path": client.FilePath(path), "stream": client.FileReader("large.bin", io.LimitReader(zeros{}, size)),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := c.Run(t.Context(), someID, client.RunParams{Inputs: client.Inputs{"f": file}}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > most {
			t.Errorf("%s: allocated %d bytes in all for a file of %d, want at most %d", name, got, size, most)
		}
		if got := received.Load(); got < size || got > size+4096 {
			t.Errorf("%s: %d bytes arrived, want %d and the heads of the form", name, got, size)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestAnAnswerBeforeTheEndOfTheFileEndsTheCall: a server that refuses at once is heard although the reader has no end.
func TestAnAnswerBeforeTheEndOfTheFileEndsTheCall(t *testing.T) {
	t.Parallel()
	c := newTo(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		status(413, `{"detail":"The request is too large."}`)(w, nil)
	}), client.Options{})
	_, err := c.Run(t.Context(), someID, client.RunParams{Inputs: client.Inputs{"f": client.FileReader("endless", zeros{})}})
	if code := steward.CodeOf(err); code != steward.TooLarge && code != steward.Unavailable { // the connection may break first
		t.Errorf("err = %v, want too large", err)
	}
}

// TestAReaderThatBlocksDoesNotHoldTheCall: the end of the context ends a call whose reader gives nothing.
func TestAReaderThatBlocksDoesNotHoldTheCall(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	defer func() { _ = w.Close() }()
	reading := &signalling{Reader: r, at: make(chan struct{})}
	go func() {
		<-reading.at
		cancel()
	}()
	c := newTo(t, newScript(status(200, `"`+someID+`"`)), client.Options{})
	_, err := c.Run(ctx, someID, client.RunParams{Inputs: client.Inputs{"f": client.FileReader("a", reading)}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want the cancellation", err)
	}
}

// signalling tells when it is read for the first time.
type signalling struct {
	io.Reader
	at   chan struct{}
	told atomic.Bool
}

func (s *signalling) Read(p []byte) (int, error) {
	if s.told.CompareAndSwap(false, true) {
		close(s.at)
	}
	return s.Reader.Read(p)
}
