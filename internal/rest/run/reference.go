package run

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/rest/wire"
)

func (f *family) registerReferences() {
	f.api.Handle(wire.Operation{
		Method: http.MethodGet, Path: pathJob + "references/{resource_id}/", ID: "agents_jobs_reference", Tag: tagJobs,
		Summary:     "Download a file that a job saved",
		Description: "The bytes with their own media type. A single byte range is answered with 206.",
		Errors: []int{
			http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusRequestedRangeNotSatisfiable,
		},
		Params: []*huma.Param{
			wire.QueryParam("download", huma.TypeBoolean, "true: answer as an attachment to be saved."),
			wire.HeaderParam("Range", "One range, such as bytes=0-1023."),
		},
		Responses: fileResponses(),
	}, f.reference)
}

// fileResponses documents a download: bytes of whatever type the file has.
func fileResponses() map[string]*huma.Response {
	bytesOf := func(doc string) *huma.Response {
		return &huma.Response{Description: doc, Content: map[string]*huma.MediaType{"*/*": {Schema: &huma.Schema{}}}}
	}
	return map[string]*huma.Response{
		"200": bytesOf("The file"), "206": bytesOf("The range"), "304": {Description: "Not modified, when If-None-Match names its ETag"},
	}
}

func (f *family) reference(w http.ResponseWriter, r *http.Request) error {
	job, err := wire.PathID[steward.JobID](r, "job_id")
	if err != nil {
		return err
	}
	id := r.PathValue("resource_id")
	if !validReference(id) {
		return &steward.Error{Code: steward.Invalid, Field: steward.InputField, Message: "Invalid resource id."}
	}
	download, err := wire.Bool("download", r.URL.Query().Get("download"), false)
	if err != nil {
		return err
	}
	file, ref, err := f.Jobs.OpenReference(r.Context(), job, steward.ReferenceID(id))
	if err != nil {
		return referenceError(err)
	}
	defer func() { _ = file.Close() }() // read only
	return sendFile(w, r, file, ref, download)
}

// referenceError answers a file that cannot be read in the shape that download clients know.
func referenceError(err error) error {
	if steward.CodeOf(err) != steward.Internal {
		return err
	}
	return &wire.Detailed{Status: http.StatusInternalServerError, Body: map[string]string{"error": "The file could not be read."}, Err: err}
}

// maxReferenceID is the longest id in a path.
const maxReferenceID = 255

// validReference reports whether an id has the form that clients need not escape.
func validReference(id string) bool {
	if id == "" || len(id) > maxReferenceID || strings.Trim(id, ".") == "" {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// sendFile answers with a file or a range of it.
func sendFile(w http.ResponseWriter, r *http.Request, file io.ReadSeeker, ref *steward.Reference, download bool) error {
	return sendNamed(w, r, file, ref, fmt.Sprintf(`%s; filename="%s"`, disposition(download, ref.ContentType), ref.ResourceID))
}

// disposition is the first word of a Content-Disposition. What a browser would run or build a page of is saved, not shown: the sandbox
// that it is sent with is a second lock, not the only one.
func disposition(download bool, contentType string) string {
	if download || !passive(contentType) {
		return "attachment"
	}
	return "inline"
}

// passive reports whether a browser only shows files of a type: pictures of pixels, sound, film, PDF (which browsers read in a sandbox
// of their own), plain text and data.
func passive(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	switch kind = strings.ToLower(strings.TrimSpace(kind)); kind {
	case "text/plain", "text/csv", "text/tab-separated-values", "text/markdown", "application/json", "application/pdf":
		return true
	case "image/svg+xml":
		return false
	}
	return strings.HasPrefix(kind, "image/") || strings.HasPrefix(kind, "audio/") || strings.HasPrefix(kind, "video/")
}

// sendNamed is sendFile with a Content-Disposition of the caller's.
func sendNamed(w http.ResponseWriter, r *http.Request, file io.ReadSeeker, ref *steward.Reference, disposition string) error {
	etag := `"` + ref.SHA256 + `"`
	setFileHeaders(w.Header(), ref, etag, disposition)
	if match := r.Header.Get("If-None-Match"); match == etag || match == "*" {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	span, partial, err := rangeOf(r, etag, ref.SizeBytes)
	if err != nil {
		clearFileHeaders(w.Header())
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", ref.SizeBytes))
		return err
	}
	if _, err := file.Seek(span.from, io.SeekStart); err != nil {
		clearFileHeaders(w.Header())
		return referenceError(fmt.Errorf("seek in reference: %w", err))
	}
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", span.from, span.from+span.length-1, ref.SizeBytes))
	}
	w.Header().Set("Content-Length", strconv.FormatInt(span.length, 10))
	wire.Yield(r) // clients take their time
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := io.CopyN(w, file, span.length); err != nil && r.Context().Err() == nil {
		panic(http.ErrAbortHandler) // the answer has begun; only a broken connection tells the client that it is not whole
	}
	return nil
}

// setFileHeaders describes a download. A saved page is someone else's: it must not act as a page of this server.
func setFileHeaders(h http.Header, ref *steward.Reference, etag, disposition string) {
	contentType := ref.ContentType
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	h.Set("Content-Type", contentType)
	h.Set("ETag", etag)
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'")
	h.Set("Cache-Control", "private, max-age=3600")
	h.Set("Content-Disposition", disposition)
}

// clearFileHeaders takes back what does not hold for an error.
func clearFileHeaders(h http.Header) {
	for _, name := range []string{"ETag", "Content-Disposition", "Content-Security-Policy"} {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store") // as every other answer
}

// span is a part of a file.
type span struct{ from, length int64 }

var errNoRange = errors.New("not a single byte range")

// rangeOf reads the Range header. What is not a single well-formed byte range is ignored, as the protocol allows.
//
// Errors: OutOfRange.
func rangeOf(r *http.Request, etag string, size int64) (s span, partial bool, err error) {
	whole := span{0, size}
	header := r.Header.Get("Range")
	if header == "" {
		return whole, false, nil
	}
	if cond := r.Header.Get("If-Range"); cond != "" && cond != etag {
		return whole, false, nil
	}
	from, to, err := parseRange(header, size)
	if errors.Is(err, errNoRange) {
		return whole, false, nil
	}
	if err != nil {
		return whole, false, err
	}
	return span{from, to - from + 1}, true, nil
}

// parseRange reads "bytes=a-b", "bytes=a-" and "bytes=-n" for a file of size bytes; to is inclusive.
//
// Errors: errNoRange for any other form; OutOfRange when nothing of the range lies in the file.
func parseRange(header string, size int64) (from, to int64, err error) {
	set, is := strings.CutPrefix(strings.ToLower(strings.TrimSpace(header)), "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(set), "-")
	if !is || !dash || strings.Contains(set, ",") {
		return 0, 0, errNoRange
	}
	if first == "" {
		n, err := digits(last)
		if err != nil {
			return 0, 0, errNoRange
		}
		if n == 0 || size == 0 {
			return 0, 0, &steward.Error{Code: steward.OutOfRange}
		}
		return max(size-n, 0), size - 1, nil
	}
	if from, err = digits(first); err != nil {
		return 0, 0, errNoRange
	}
	to = size - 1
	if last != "" {
		if to, err = digits(last); err != nil || to < from {
			return 0, 0, errNoRange
		}
	}
	if from >= size {
		return 0, 0, &steward.Error{Code: steward.OutOfRange}
	}
	return from, min(to, size-1), nil
}

// digits reads a number without a sign.
func digits(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err
}
