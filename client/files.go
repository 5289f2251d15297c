package client

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/stewardhq/steward"
)

// StoredFile is a file at the server. Its id is an input of any run: File{ID: f.ID}.
type StoredFile struct {
	ID          steward.FileID    `json:"file_id"`
	Ref         string            `json:"file_ref"`   // "file_" and the id: names the file where a text could stand as well
	DatasetID   steward.DatasetID `json:"dataset_id"` // the group that it was uploaded to; "" when there was none
	Name        string            `json:"name"`
	ContentType string            `json:"content_type"` // found from the bytes
	SizeBytes   int64             `json:"size"`
	SHA256      string            `json:"sha256"` // lower-case hex
	CreatedAt   time.Time         `json:"created_at"`
	Temporary   bool              `json:"temporary"`  // not kept: it waits for a job, or belongs to one
	ExpiresAt   *time.Time        `json:"expires_at"` // when it is dropped unless a job takes it; nil when it is not
}

// FileOptions says what becomes of an uploaded file. The zero value keeps it until it is deleted.
type FileOptions struct {
	DatasetID steward.DatasetID // a UUID of the caller's choice that groups files; "" means none; not with Temporary
	Temporary bool              // dropped after an hour unless a job takes it; then it goes with the job's data
}

const filesPath = "/v1/files/"

func filePath(id steward.FileID, rest string) string {
	return filesPath + url.PathEscape(string(id)) + "/" + rest
}

// UploadFile stores a file that has a Path, Bytes or a Reader. nil opts is fine. It is repeated after passing faults under one idempotency
// key, so it stores one file; not when its content comes from a Reader that cannot be read twice.
//
// Errors: steward.Invalid for a file that cannot be read; TooLarge.
//
// Stability: may change until 1.0.
func (c *Client) UploadFile(ctx context.Context, f File, opts *FileOptions) (*StoredFile, error) {
	var o FileOptions
	if opts != nil {
		o = *opts
	}
	return c.uploadFile(ctx, "file", f, o)
}

// uploadFile is UploadFile for a file of the input key.
func (c *Client) uploadFile(ctx context.Context, key string, f File, o FileOptions) (*StoredFile, error) {
	ref, err := f.reference()
	if err == nil && ref != "" {
		err = errors.New("a URL or a stored file has no content to upload")
	}
	if err != nil {
		return nil, &inputError{key, err}
	}
	fields := map[string]any{}
	if o.DatasetID != "" {
		fields["dataset_id"] = string(o.DatasetID)
	}
	r := &request{method: http.MethodPost, path: filesPath, header: http.Header{}, slow: true, repeat: always}
	r.header.Set("Idempotency-Key", rand.Text()) // not the caller's, who may upload several
	if o.Temporary {
		fields["temporary"] = true
	}
	body, err := newForm(fields, []upload{{"file", f}})
	if err != nil {
		return nil, err
	}
	r.body, r.ctype = body, body.contentType()
	stored := new(StoredFile)
	if err := c.call(ctx, r, stored); err != nil {
		return nil, err
	}
	return stored, nil
}

// File returns what is known of a stored file. Errors: steward.NotFound.
//
// Stability: may change until 1.0.
func (c *Client) File(ctx context.Context, id steward.FileID) (*StoredFile, error) {
	return getOne[StoredFile](ctx, c, filePath(id, ""), nil)
}

// FileList chooses stored files. The zero value is all of them, newest first.
type FileList struct {
	Page      int // from 1; 0 means 1
	PageSize  int // at most 100; 0 means 20
	DatasetID steward.DatasetID
}

// ListFiles returns one page of the stored files that are kept. Errors: steward.NotFound for a page beyond the end.
//
// Stability: may change until 1.0.
func (c *Client) ListFiles(ctx context.Context, p FileList) (*steward.Page[StoredFile], error) {
	q := url.Values{}
	setInt(q, "page", p.Page)
	setInt(q, "page_size", p.PageSize)
	setText(q, "dataset_id", string(p.DatasetID))
	return getOne[steward.Page[StoredFile]](ctx, c, filesPath, q)
}

// Files ranges over all stored files that p chooses, page by page from p.Page.
//
// Stability: may change until 1.0.
func (c *Client) Files(ctx context.Context, p FileList) iter.Seq2[*StoredFile, error] {
	return pages(p.Page, func(page int) (*steward.Page[StoredFile], error) {
		p := p
		p.Page = page
		return c.ListFiles(ctx, p)
	})
}

// DownloadFile writes the content of a stored file to w and returns how much it wrote. A connection that breaks is taken up again
// where it broke. nil opts is fine.
//
// Errors: steward.NotFound; OutOfRange for an offset beyond the end; those of w.
//
// Stability: may change until 1.0.
func (c *Client) DownloadFile(ctx context.Context, id steward.FileID, w io.Writer, opts *DownloadOptions) (int64, error) {
	return c.download(ctx, filePath(id, "content/"), w, opts)
}

// DeleteFile deletes a stored file. Jobs that used it keep their copy.
// Errors: steward.NotFound; Conflict for a file that belongs to a job alone, which goes with the job's data.
//
// Stability: may change until 1.0.
func (c *Client) DeleteFile(ctx context.Context, id steward.FileID) error {
	return c.remove(ctx, filePath(id, ""))
}
