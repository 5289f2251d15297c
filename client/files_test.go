package client_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

const stored = `{"file_id":"` + string(fileID) + `","file_ref":"file_` + string(fileID) + `","dataset_id":"` + someID + `","name":"a.txt","content_type":"text/plain","size":3,"sha256":"ab","created_at":"2026-01-02T03:04:05Z"}`

func TestAnUploadIsAForm(t *testing.T) {
	t.Parallel()
	s := newScript(status(201, stored))
	c := newTo(t, s, client.Options{})
	got, err := c.UploadFile(t.Context(), client.FileBytes("a.txt", []byte("abc")), &client.FileOptions{DatasetID: someID, Temporary: true})
	if err != nil || got.ID != fileID || got.DatasetID != someID || got.SizeBytes != 3 || got.ContentType != "text/plain" {
		t.Fatalf("UploadFile = %+v, %v", got, err)
	}
	if _, err := c.UploadFile(t.Context(), client.FileReader("b.bin", strings.NewReader("b")), nil); err != nil {
		t.Fatal(err)
	}
	want := [][]part{
		{{"dataset_id", "", "", someID}, {"temporary", "", "", "true"}, {"file", "a.txt", "text/plain; charset=utf-8", "abc"}},
		{{"file", "b.bin", "application/octet-stream", "b"}},
	}
	for i, r := range s.all() {
		parts := partsOf(t, r)
		if len(parts) != len(want[i]) || r.method+" "+r.path != "POST /v1/files/" {
			t.Fatalf("request %d = %+v", i, parts)
		}
		for j := range parts {
			if parts[j] != want[i][j] {
				t.Errorf("part = %+v, want %+v", parts[j], want[i][j])
			}
		}
	}
}

func TestAnUploadIsRepeatedUnderOneKey(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		temporary bool
		status    int
		tries     int
	}{{true, 500, 4}, {false, 500, 4}, {false, 503, 4}, {false, 429, 4}, {false, 413, 1}} {
		s := newScript(status(tt.status, ""))
		c := newTo(t, s, client.Options{RetryWait: 1, MaxRetryWait: 1})
		if _, err := c.UploadFile(t.Context(), client.FileBytes("a", []byte("x")), &client.FileOptions{Temporary: tt.temporary}); err == nil || len(s.all()) != tt.tries {
			t.Errorf("%+v: %d tries, %v", tt, len(s.all()), err)
		}
		for _, r := range s.all() {
			if key := r.header.Get("Idempotency-Key"); key == "" || key != s.all()[0].header.Get("Idempotency-Key") {
				t.Errorf("%+v: a try has the key %q", tt, key)
			}
		}
	}
}

func TestOnlyContentCanBeUploaded(t *testing.T) {
	t.Parallel()
	s := newScript(status(201, stored))
	c := newTo(t, s, client.Options{})
	for name, f := range map[string]client.File{
		"url": client.FileURL("https://a.test"), "id": client.FileID(fileID), "nothing": {}, "both": {Path: "a", Bytes: []byte{}}, "missing": client.FilePath("/nowhere/at/all"),
	} {
		if _, err := c.UploadFile(t.Context(), f, nil); steward.CodeOf(err) != steward.Invalid || len(s.all()) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilesOfEveryFormAreInputs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "open.txt")
	if err := os.WriteFile(path, []byte("skip,open"), 0o600); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	if _, err := open.Seek(5, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	r := sent(t, client.RunParams{Inputs: client.Inputs{
		"a": client.FilePath(path), "b": []byte("bytes"), "c": bytes.NewBufferString("buffer"), "d": open, "e": client.FileBytes("e.txt", nil),
		"f": []client.File{client.FileBytes("1", []byte("1")), client.FileReader("", strings.NewReader("2"))},
		"g": client.StoredFile{ID: fileID}, "h": &client.StoredFile{ID: fileID}, "i": client.FileURL("https://a.test/x"),
		"j": []io.Reader{strings.NewReader("3"), bytes.NewBufferString("4")}, "k": []any{[]byte("5"), client.FileURL("https://a.test/y"), &client.File{Bytes: []byte("6")}},
		"path-like text": "./not/a/file", "mixed data": []any{"a", 1, []any{2}}, "raw": json.RawMessage(`[1]`), "z1": []byte(nil), "z2": (*os.File)(nil), "z3": (*client.StoredFile)(nil), "z4": (*int)(nil),
	}})
	want := []part{
		{"g", "", "", string(fileID)}, {"h", "", "", string(fileID)}, {"i", "", "", "https://a.test/x"}, {"k", "", "", "https://a.test/y"},
		{"mixed data", "", "", `["a",1,[2]]`}, {"path-like text", "", "", "./not/a/file"}, {"raw", "", "", "[1]"},
		{"a", "open.txt", "text/plain; charset=utf-8", "skip,open"}, {"b", "upload", "application/octet-stream", "bytes"},
		{"c", "upload", "application/octet-stream", "buffer"}, {"d", "open.txt", "text/plain; charset=utf-8", "open"},
		{"e", "e.txt", "text/plain; charset=utf-8", ""}, {"f", "1", "application/octet-stream", "1"}, {"f", "upload", "application/octet-stream", "2"},
		{"j", "upload", "application/octet-stream", "3"}, {"j", "upload", "application/octet-stream", "4"},
		{"k", "upload", "application/octet-stream", "5"}, {"k", "upload", "application/octet-stream", "6"},
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
}
