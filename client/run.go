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
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/stewardhq/steward"
)

// Inputs are the values of a run, by input key: texts, numbers, booleans, anything that encodes as JSON, a File or a []File.
// nil values are left out.
type Inputs map[string]any

// File is a file input. Exactly one of Path, Reader, Bytes, URL and ID is set.
type File struct {
	Path        string
	Reader      io.Reader // read once; a run with one is repeated only when it is also an io.Seeker
	Bytes       []byte
	URL         string         // fetched by the server
	ID          steward.FileID // stored at the server already
	Name        string         // "" means the path's base name, else "upload"
	ContentType string         // "" means as the name says
}

// FilePath is a file on this machine.
func FilePath(path string) File { return File{Path: path} }

// FileURL is a file that the server fetches.
func FileURL(url string) File { return File{URL: url} }

// FileReader is a file read from r, uploaded under a name.
func FileReader(name string, r io.Reader) File { return File{Reader: r, Name: name} }

// RunParams is what an agent is run with.
type RunParams struct {
	Inputs         Inputs
	VersionID      steward.VersionID // "" means the current version
	Metadata       map[string]any
	IdempotencyKey string        // "" means a fresh one for Run, so that its retries start one job only
	SkipCache      bool          // do not answer from an earlier equal run
	Timeout        time.Duration // of the job; 0 means the server's default
}

// Run starts a job and returns its id as soon as the server has it on disk.
//
// Errors: steward.Invalid for inputs that the agent does not take, NotFound, NoCredit, TooLarge.
func (c *Client) Run(ctx context.Context, agent steward.AgentID, p RunParams) (steward.JobID, error) {
	if p.IdempotencyKey == "" {
		p.IdempotencyKey = rand.Text()
	}
	r, err := p.request(agent, true)
	if err != nil {
		return "", err
	}
	var id steward.JobID
	if err := c.call(ctx, r, &id); err != nil {
		return "", err
	}
	return id, nil
}

// RunSync runs an agent and waits for its outputs. The server waits two minutes; use Run and Wait for longer work. It is not
// repeated after a fault that may have started the job.
func (c *Client) RunSync(ctx context.Context, agent steward.AgentID, p RunParams) ([]steward.Datum, error) {
	r, err := p.request(agent, false)
	if err != nil {
		return nil, err
	}
	r.slow = true
	var out []steward.Datum
	if err := c.call(ctx, r, &out); err != nil {
		return nil, err
	}
	return out, nil
}

// request makes the call: JSON, or multipart when a file has to be sent.
func (p *RunParams) request(agent steward.AgentID, async bool) (*request, error) {
	path := "/v1/agents/run/" + url.PathEscape(string(agent)) + "/"
	if p.VersionID != "" {
		path += "versions/" + url.PathEscape(string(p.VersionID)) + "/"
	}
	r := &request{method: http.MethodPost, path: path, header: http.Header{}}
	if async {
		r.path += "async/"
		r.safe = true
		r.header.Set("Idempotency-Key", p.IdempotencyKey)
	}
	if p.SkipCache {
		r.header.Set("X-Skip-Cache", "true")
	}
	fields, files, err := p.split()
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		r.ctype = "application/json"
		r.body, err = jsonBody(fields)
		return r, err
	}
	r.slow = true
	return r, multipartBody(r, fields, files)
}

// upload is a file part.
type upload struct {
	key  string
	file File
}

// split sorts inputs into plain fields and uploads.
func (p *RunParams) split() (fields map[string]any, uploads []upload, err error) {
	fields = map[string]any{}
	if p.Metadata != nil {
		fields["metadata"] = p.Metadata
	}
	if p.Timeout > 0 {
		fields["timeout_seconds"] = p.Timeout.Seconds()
	}
	for _, key := range slices.Sorted(maps.Keys(p.Inputs)) {
		if _, taken := fields[key]; taken || key == "metadata" {
			return nil, nil, fmt.Errorf("input %q has a reserved name", key)
		}
		var list []File
		switch v := p.Inputs[key].(type) {
		case nil:
			continue
		case File:
			list = []File{v}
		case []File:
			list = v
		default:
			fields[key] = v
			continue
		}
		var refs []string
		for _, f := range list {
			switch {
			case f.URL != "":
				refs = append(refs, f.URL)
			case f.ID != "":
				refs = append(refs, string(f.ID))
			default:
				uploads = append(uploads, upload{key, f})
			}
		}
		switch len(refs) {
		case 0:
		case 1:
			fields[key] = refs[0]
		default:
			fields[key] = refs
		}
	}
	return fields, uploads, nil
}

// multipartBody streams fields and files; nothing is held in memory whole.
func multipartBody(r *request, fields map[string]any, uploads []upload) error {
	for _, u := range uploads {
		if u.file.Reader != nil {
			if _, ok := u.file.Reader.(io.Seeker); !ok {
				r.once = true
			}
		}
	}
	boundary := "steward-" + rand.Text()
	r.ctype = "multipart/form-data; boundary=" + boundary
	r.body = func() (io.ReadCloser, error) {
		pr, pw := io.Pipe()
		go func() { pw.CloseWithError(writeMultipart(pw, boundary, fields, uploads)) }()
		return pr, nil
	}
	return nil
}

func writeMultipart(w io.Writer, boundary string, fields map[string]any, uploads []upload) error {
	mw := multipart.NewWriter(w)
	if err := mw.SetBoundary(boundary); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		text, err := fieldText(fields[key])
		if err != nil {
			return fmt.Errorf("input %s: %w", key, err)
		}
		if err := mw.WriteField(key, text); err != nil {
			return err
		}
	}
	for _, u := range uploads {
		if err := u.write(mw); err != nil {
			return fmt.Errorf("input %s: %w", u.key, err)
		}
	}
	return mw.Close()
}

// fieldText is a value in a form: texts as they are, everything else as JSON.
func fieldText(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	text, err := json.Marshal(v)
	return string(text), err
}

func (u *upload) write(mw *multipart.Writer) (err error) {
	body, err := u.file.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	header := textproto.MIMEHeader{}
	header.Set("Content-Disposition", mime.FormatMediaType("form-data", map[string]string{"name": u.key, "filename": u.file.name()}))
	header.Set("Content-Type", u.file.contentType())
	part, err := mw.CreatePart(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(part, body)
	return err
}

func (f *File) open() (io.ReadCloser, error) {
	switch {
	case f.Path != "":
		return os.Open(f.Path)
	case f.Reader != nil:
		if s, ok := f.Reader.(io.Seeker); ok {
			if _, err := s.Seek(0, io.SeekStart); err != nil {
				return nil, fmt.Errorf("rewind: %w", err)
			}
		}
		return io.NopCloser(f.Reader), nil
	case f.Bytes != nil:
		return io.NopCloser(bytes.NewReader(f.Bytes)), nil
	}
	return nil, errors.New("the file names neither path, reader, bytes, URL nor id")
}

func (f *File) name() string {
	switch {
	case f.Name != "":
		return f.Name
	case f.Path != "":
		return filepath.Base(f.Path)
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
