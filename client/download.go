package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/stewardhq/steward"
)

// DownloadOptions chooses a part of a file. The zero value is the whole of it.
type DownloadOptions struct {
	Offset int64 // first byte, from 0
	Length int64 // at most so many bytes; 0 means to the end
}

// DownloadReference writes a file that a job saved to w and returns how much it wrote. A connection that breaks is taken up again
// where it broke. nil opts is fine.
//
// Errors: steward.NotFound; OutOfRange for an offset beyond the end; those of w.
//
// Stability: may change until 1.0.
func (c *Client) DownloadReference(ctx context.Context, id steward.JobID, ref steward.ReferenceID, w io.Writer, opts *DownloadOptions) (int64, error) {
	return c.download(ctx, jobPath(id, "references/"+url.PathEscape(string(ref))+"/"), w, opts)
}

// download copies what is at a path to w.
func (c *Client) download(ctx context.Context, path string, w io.Writer, opts *DownloadOptions) (int64, error) {
	d := &download{w: w}
	if opts != nil {
		d.part = *opts
	}
	if d.part.Offset < 0 || d.part.Length < 0 {
		return 0, &steward.Error{Code: steward.Invalid, Field: "range", Message: "offset and length are not negative"}
	}
	for {
		before := d.done
		r := &request{method: http.MethodGet, path: path, header: d.header(), repeat: always, slow: true}
		err := c.send(ctx, r, func(resp *http.Response) error {
			err := d.read(ctx, resp)
			r.header = d.header() // for the next try
			return err
		})
		// As long as something arrives, the tries of one call are not counted together.
		if err == nil || d.done == before || c.retries == 0 || ctx.Err() != nil || !outage(err) {
			return d.done, err
		}
	}
}

// download is a file on its way, over as many connections as it takes.
type download struct {
	w    io.Writer
	part DownloadOptions
	done int64 // bytes written
}

// header asks for what is left.
func (d *download) header() http.Header {
	h := http.Header{"Accept-Encoding": {"identity"}} // positions are those of the file's own bytes
	from := d.part.Offset + d.done
	switch {
	case d.part.Length > 0:
		h.Set("Range", fmt.Sprintf("bytes=%d-%d", from, d.part.Offset+d.part.Length-1))
	case from > 0:
		h.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	return h
}

// read copies an answer.
func (d *download) read(ctx context.Context, resp *http.Response) error {
	from := d.part.Offset + d.done
	if resp.StatusCode == http.StatusPartialContent {
		if got := resp.Header.Get("Content-Range"); !strings.HasPrefix(got, fmt.Sprintf("bytes %d-", from)) {
			return fmt.Errorf("the server sent the range %q instead of one from %d", got, from)
		}
	} else if n, err := io.CopyN(io.Discard, resp.Body, from); err != nil { // the server sends the whole file whatever is asked
		if err == io.EOF { //nolint:errorlint // CopyN returns it as it is
			return &steward.Error{Code: steward.OutOfRange, Message: fmt.Sprintf("the file has %d bytes only", n)}
		}
		return unanswered(ctx, err)
	}
	body := io.Reader(resp.Body)
	if d.part.Length > 0 {
		body = io.LimitReader(body, d.part.Length-d.done)
	}
	out := &counted{w: d.w}
	_, err := io.Copy(out, body)
	d.done += out.n
	switch {
	case out.err != nil:
		return &ownError{out.err} // the caller's own
	case err != nil:
		return unanswered(ctx, err)
	}
	return nil
}

// counted is a writer that remembers what became of it.
type counted struct {
	w   io.Writer
	n   int64
	err error
}

// Write implements io.Writer.
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	c.err = err
	return n, err
}
