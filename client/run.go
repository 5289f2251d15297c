package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"time"

	"github.com/stewardhq/steward"
)

// Inputs are the values of a run, by input key: texts, numbers, booleans, anything that encodes as JSON, or files. A File, a
// *StoredFile, a []byte, any io.Reader such as an open *os.File, and lists of these are files. A text is never taken for the path of a file.
// nil values are left out. The keys metadata, timeout_seconds and idempotency_key are taken by the call itself.
type Inputs map[string]any

// RunParams is what an agent is run with.
type RunParams struct {
	Inputs         Inputs
	VersionID      steward.VersionID // "" means the current version
	Metadata       map[string]any
	IdempotencyKey string        // for Run; "" means a fresh one, so that its retries start one job only
	SkipCache      bool          // do not answer from an earlier equal run
	Timeout        time.Duration // of the job, for Run; 0 means the server's default
}

// Run starts a job and returns its id as soon as the server has it on disk. It is repeated after passing faults, unless a file
// comes from a reader that cannot be read twice; all tries carry the same idempotency key, so they start one job.
//
// Errors: steward.Invalid for inputs that the agent does not take and for files that cannot be read, NotFound, NoCredit, TooLarge; Invalid as well for
// an idempotency key that was used with other content.
//
// Stability: may change until 1.0.
func (c *Client) Run(ctx context.Context, agent steward.AgentID, p RunParams) (steward.JobID, error) {
	r, err := p.request(agent)
	if err != nil {
		return "", err
	}
	r.path += "async/"
	r.repeat = always
	r.header.Set("Idempotency-Key", c.keyFor(p.IdempotencyKey))
	var id steward.JobID
	if err := c.call(ctx, r, &id); err != nil {
		return "", err
	}
	return id, nil
}

// keyFor returns the idempotency key of a call: the caller's, or a fresh one so that its own tries count once.
func (c *Client) keyFor(given string) string {
	if given == "" {
		given = c.idempotencyKey
	}
	if given == "" {
		given = rand.Text()
	}
	return given
}

// RunSync runs an agent and waits for its outputs. The server waits for two minutes, unless it is configured otherwise; use Run
// and Wait for longer work. It is repeated only when the server was too busy to begin, because a second call starts a second job.
//
// Errors: those of Run. A run that ended without success is an *Error with a FailureCode and a JobID. steward.Conflict when it
// takes too long: the job goes on, and the message names it.
//
// Stability: may change until 1.0.
func (c *Client) RunSync(ctx context.Context, agent steward.AgentID, p RunParams) ([]steward.Datum, error) {
	if p.IdempotencyKey != "" || c.idempotencyKey != "" || p.Timeout != 0 {
		return nil, &steward.Error{Code: steward.Unsupported, Message: "IdempotencyKey and Timeout are for Run, not for RunSync"}
	}
	r, err := p.request(agent)
	if err != nil {
		return nil, err
	}
	r.repeat, r.slow = ifLimited, true
	var out []steward.Datum
	if err := c.call(ctx, r, &out); err != nil {
		return nil, err
	}
	return out, nil
}

// runPath is where an agent is run.
func runPath(agent steward.AgentID, rest string) string {
	return "/v1/agents/run/" + url.PathEscape(string(agent)) + "/" + rest
}

// skipCache returns the headers of a run.
func skipCache(skip bool) http.Header {
	h := http.Header{}
	if skip {
		h.Set("X-Skip-Cache", "true")
	}
	return h
}

// request makes the call: JSON, or multipart when a file has to be sent.
func (p *RunParams) request(agent steward.AgentID) (*request, error) {
	rest := ""
	if p.VersionID != "" {
		rest = "versions/" + url.PathEscape(string(p.VersionID)) + "/"
	}
	r := &request{method: http.MethodPost, path: runPath(agent, rest), header: skipCache(p.SkipCache)}
	fields, uploads, err := p.split()
	if err != nil {
		return nil, err
	}
	if len(uploads) == 0 {
		return r, r.setJSON(fields)
	}
	f, err := newForm(fields, uploads)
	if err != nil {
		return nil, err
	}
	r.body, r.ctype, r.slow = f, f.contentType(), true
	return r, nil
}

// Names of a run's body that are not inputs.
const (
	fieldMetadata    = "metadata"
	fieldTimeout     = "timeout_seconds"
	fieldIdempotency = "idempotency_key"
)

// upload is a file that is sent as a part of a form.
type upload struct {
	key  string
	file File
}

// split sorts inputs into plain fields and uploads.
func (p *RunParams) split() (fields map[string]any, uploads []upload, err error) {
	fields = map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(p.Inputs)) {
		if err := checkKey(key); err != nil {
			return nil, nil, err
		}
		list, isFile, err := filesOf(p.Inputs[key])
		if err != nil {
			return nil, nil, &inputError{key, err}
		}
		if !isFile {
			fields[key] = p.Inputs[key]
			continue
		}
		var refs []string
		for _, f := range list {
			ref, err := f.reference()
			if err != nil {
				return nil, nil, &inputError{key, err}
			}
			if ref != "" {
				refs = append(refs, ref)
			} else {
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
	if p.Metadata != nil {
		fields[fieldMetadata] = p.Metadata
	}
	if p.Timeout > 0 {
		fields[fieldTimeout] = p.Timeout.Seconds()
	}
	return fields, uploads, nil
}

// filesOf returns the files of an input, and whether it is one of files at all.
//
// Errors: a list that has files and other values in it.
func filesOf(v any) (files []File, is bool, err error) {
	rv := reflect.ValueOf(v)
	if !rv.IsValid() || rv.Kind() == reflect.Pointer && rv.IsNil() {
		return nil, true, nil // left out, as a file that is not there
	}
	switch v := v.(type) {
	case []File:
		return v, true, nil
	case []byte:
		if v == nil {
			return nil, true, nil
		}
	}
	if f, ok := fileOf(v); ok {
		return []File{f}, true, nil
	}
	if rv.Kind() != reflect.Slice {
		return nil, false, nil
	}
	switch rv.Type().Elem().Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Struct, reflect.Slice:
	default:
		return nil, false, nil // no element can be a file
	}
	for i := range rv.Len() {
		if f, ok := fileOf(rv.Index(i).Interface()); ok {
			files = append(files, f)
		}
	}
	if n := len(files); n > 0 && n < rv.Len() {
		return nil, true, errors.New("a list has files and other values in it")
	}
	return files, len(files) > 0, nil
}

// fileOf returns a value as a file, if it is one.
func fileOf(v any) (File, bool) {
	switch v := v.(type) {
	case File:
		return v, true
	case StoredFile:
		return FileID(v.ID), true
	case []byte:
		return File{Bytes: v}, v != nil
	}
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() {
		return File{}, false
	}
	switch v := v.(type) {
	case *File:
		return *v, true
	case *StoredFile:
		return FileID(v.ID), true
	case io.Reader:
		return File{Reader: v}, true
	}
	return File{}, false
}

// inputError is an input that cannot be sent. It is the caller's own, so trying again does not help.
type inputError struct {
	key string
	err error
}

// Error names the input.
func (e *inputError) Error() string { return fmt.Sprintf("input %s: %v", e.key, e.err) }

// Unwrap returns the cause and its words in the root package.
func (e *inputError) Unwrap() []error {
	return []error{e.err, &steward.Error{Code: steward.Invalid, Field: e.key, Message: "the input cannot be sent"}}
}
