package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/stewardhq/steward"
)

// File is a file input. Exactly one of Path, Reader, Bytes, URL and ID is set.
type File struct {
	Path        string
	Reader      io.Reader // read from where it stands; a call with one is repeated only when it is a working io.Seeker
	Bytes       []byte
	URL         string         // fetched by the server
	ID          steward.FileID // stored at the server already
	Name        string         // "" means the base name of the path or of the reader's own Name(), else "upload"
	ContentType string         // "" means as the name says
}

// FilePath is a file on this machine.
//
// Stability: may change until 1.0.
func FilePath(path string) File { return File{Path: path} }

// FileURL is a file that the server fetches.
//
// Stability: may change until 1.0.
func FileURL(url string) File { return File{URL: url} }

// FileBytes is a file that stands in memory, uploaded under a name.
//
// Stability: may change until 1.0.
func FileBytes(name string, content []byte) File {
	if content == nil {
		content = []byte{} // an empty file is one too
	}
	return File{Bytes: content, Name: name}
}

// FileID is a file that is stored at the server.
//
// Stability: may change until 1.0.
func FileID(id steward.FileID) File { return File{ID: id} }

// FileReader is a file read from r, uploaded under a name; "" means as File says.
//
// Stability: may change until 1.0.
func FileReader(name string, r io.Reader) File { return File{Reader: r, Name: name} }

// reference returns what stands for the file in a plain field; "" when its content has to be sent.
func (f *File) reference() (string, error) {
	set := 0
	for _, is := range []bool{f.Path != "", f.Reader != nil, f.Bytes != nil, f.URL != "", f.ID != ""} {
		if is {
			set++
		}
	}
	if set != 1 {
		return "", errors.New("a file has exactly one of path, reader, bytes, URL and id")
	}
	if f.ID != "" {
		return string(f.ID), nil
	}
	return f.URL, nil
}

func (f *File) name() string {
	switch {
	case f.Name != "":
		return f.Name
	case f.Path != "":
		return filepath.Base(f.Path)
	}
	if named, ok := f.Reader.(interface{ Name() string }); ok && named.Name() != "" {
		return filepath.Base(named.Name())
	}
	return "upload"
}

func (f *File) contentType() string {
	if f.ContentType != "" {
		return f.ContentType
	}
	if t := mime.TypeByExtension(filepath.Ext(f.name())); t != "" {
		return t
	}
	return "application/octet-stream"
}

// form is a multipart body. Only the heads of its parts are held in memory; files are read while they are sent.
type form struct {
	boundary string
	pieces   []piece
	length   int64 // -1 when a reader does not tell its length
	once     bool  // a reader cannot be read twice
}

// piece is a run of bytes of a form, or a file.
type piece struct {
	text []byte
	key  string // of the file's input
	open func() (io.ReadCloser, error)
}

// newForm lays a form out: the fields in the order of their names, then the files in the order of their inputs.
func newForm(fields map[string]any, uploads []upload) (*form, error) {
	f := &form{boundary: "steward-" + rand.Text()}
	var heads bytes.Buffer
	mw := multipart.NewWriter(&heads)
	if err := mw.SetBoundary(f.boundary); err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		text, err := fieldText(fields[key])
		if err != nil {
			return nil, &inputError{key, err}
		}
		if _, err := mw.CreatePart(partHeader(key, "", "")); err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		heads.WriteString(text)
	}
	for i := range uploads {
		u := &uploads[i]
		if _, err := mw.CreatePart(partHeader(u.key, u.file.name(), u.file.contentType())); err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		f.addText(&heads)
		if err := f.addFile(u); err != nil {
			return nil, &inputError{u.key, err}
		}
	}
	if err := mw.Close(); err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	f.addText(&heads)
	return f, nil
}

// partHeader describes a part: a plain field, or a file when it has a name. Names that are not plain ASCII are written as
// RFC 2231 says.
func partHeader(key, filename, contentType string) textproto.MIMEHeader {
	params := map[string]string{"name": key}
	h := textproto.MIMEHeader{}
	if filename != "" {
		params["filename"] = filename
		h.Set("Content-Type", contentType)
	}
	h.Set("Content-Disposition", mime.FormatMediaType("form-data", params))
	return h
}

// fieldText is a value in a form: texts as they are, everything else as JSON.
func fieldText(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	text, err := json.Marshal(v)
	return string(text), err
}

// addText moves what was written so far into a piece.
func (f *form) addText(heads *bytes.Buffer) {
	text := bytes.Clone(heads.Bytes())
	heads.Reset()
	f.add(piece{text: text}, int64(len(text)))
}

func (f *form) add(p piece, size int64) {
	f.pieces = append(f.pieces, p)
	if f.length >= 0 {
		f.length += size
	}
	if size < 0 {
		f.length = -1
	}
}

// addFile appends a file's content.
func (f *form) addFile(u *upload) error {
	file := u.file
	switch {
	case file.Bytes != nil:
		f.add(piece{text: file.Bytes}, int64(len(file.Bytes)))
		return nil
	case file.Path != "":
		info, err := os.Stat(file.Path)
		if err != nil {
			return err
		}
		size := int64(-1)
		if info.IsDir() {
			return fmt.Errorf("%s is a folder", file.Path)
		} else if info.Mode().IsRegular() {
			size = info.Size()
		}
		f.add(piece{key: u.key, open: func() (io.ReadCloser, error) { return os.Open(file.Path) }}, size)
		return nil
	}
	in, size := newStream(file.Reader)
	f.once = f.once || !in.seeks
	f.add(piece{key: u.key, open: in.open}, size)
	return nil
}

func (f *form) contentType() string { return "multipart/form-data; boundary=" + f.boundary }
func (f *form) size() int64         { return f.length }
func (f *form) again() bool         { return !f.once }

func (f *form) open(ctx context.Context) (io.ReadCloser, error) {
	r := &formReader{form: f}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stop = context.AfterFunc(ctx, func() { _ = r.Close() }) // never fails
	return r, nil
}

// formReader reads a form once, from its start. The transport may call Close while it reads.
type formReader struct {
	form *form

	mu      sync.Mutex // guards what follows; not held while a file is read
	stop    func() bool
	at      int // index of the piece that is read
	current io.ReadCloser
	closed  bool
}

// Read implements io.Reader.
func (r *formReader) Read(p []byte) (int, error) {
	for {
		in, key, err := r.source()
		if err != nil {
			return 0, err
		}
		n, err := in.Read(p)
		if errors.Is(err, io.EOF) {
			err = r.next()
		}
		if err != nil && !r.isClosed() {
			return n, &inputError{key, err}
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// source returns the piece that is to be read, opened. Errors: io.EOF behind the last one, io.ErrClosedPipe after Close.
func (r *formReader) source() (in io.Reader, key string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, "", io.ErrClosedPipe
	case r.at == len(r.form.pieces):
		return nil, "", io.EOF
	}
	p := &r.form.pieces[r.at]
	if r.current == nil && p.open == nil {
		r.current = io.NopCloser(bytes.NewReader(p.text))
	} else if r.current == nil {
		if r.current, err = p.open(); err != nil {
			r.current = nil
			return nil, "", &inputError{p.key, err}
		}
	}
	return r.current, p.key, nil
}

// next goes to the next piece.
func (r *formReader) next() (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != nil {
		err = r.current.Close()
	}
	r.current = nil
	r.at++
	return err
}

func (r *formReader) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// Close implements io.Closer. A Read that is going on returns.
func (r *formReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stop()
	r.closed = true
	if r.current != nil {
		_ = r.current.Close() // it was only read
		r.current = nil
	}
	return nil
}
