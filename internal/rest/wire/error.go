package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
)

// FieldError is one complaint about a request.
type FieldError struct {
	Field   string // "non_field_errors" when it is about the whole body
	Message string // says what is expected; never repeats what was sent
}

// FieldErrors is a validation failure that names several fields. It is answered as a map of lists, in order.
type FieldErrors []FieldError

// Error joins the complaints, for logs.
func (e FieldErrors) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Field + ": " + f.Message
	}
	return strings.Join(parts, "; ")
}

// NonField is the name of errors about a whole body.
const NonField = "non_field_errors"

// Invalid is a validation failure of one field.
func Invalid(field, message string) error { return FieldErrors{{Field: field, Message: message}} }

// Detailed is an error with a status and a body of its own, for the few answers that the table does not cover.
type Detailed struct {
	Status int
	Body   any // encoded as JSON
	Err    error
}

// Error returns the cause's text, for logs.
func (d *Detailed) Error() string {
	if d.Err != nil {
		return d.Err.Error()
	}
	return http.StatusText(d.Status)
}

// Unwrap returns the cause.
func (d *Detailed) Unwrap() error { return d.Err }

// noCreditDetail is the text that clients of the run family know.
const noCreditDetail = "Insufficient credits to start a new job"

// statusClientGone is written when nobody reads any more; it shows in the access log only.
const statusClientGone = 499

// The two waits that are told when an error names none, and the longest that is ever told: clients obey any length.
const (
	defaultRetryAfter = time.Second
	maxRetryAfter     = time.Minute
)

// reply is an error as it goes out.
type reply struct {
	status     int
	body       []byte
	retryAfter time.Duration // 0 means no header
}

// Error answers a request with err by the one table of the door. Internal errors are logged whole and answered without detail.
func (a *API) Error(w http.ResponseWriter, r *http.Request, err error) {
	if clientGone(r, err) {
		w.WriteHeader(statusClientGone)
		return
	}
	Yield(r)
	rep := a.reply(r.Context(), err)
	setErrorHeaders(w.Header(), rep)
	a.drainSome(w, r)
	a.send(w, r, rep.status, rep.body)
}

// setErrorHeaders sets the headers that belong to an error's status.
func setErrorHeaders(h http.Header, rep reply) {
	if rep.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(rep.retryAfter.Seconds()))))
	}
	if rep.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
}

// reply translates an error.
func (a *API) reply(ctx context.Context, err error) reply {
	var fields FieldErrors
	if errors.As(err, &fields) {
		return reply{status: http.StatusBadRequest, body: fieldBody(fields)}
	}
	var d *Detailed
	if errors.As(err, &d) {
		return a.detailedReply(ctx, d)
	}
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return reply{status: http.StatusRequestEntityTooLarge, body: detailBody("The request body is too large.")}
	}
	var e *steward.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, context.DeadlineExceeded):
		e = &steward.Error{Code: steward.Timeout}
	default:
		e = &steward.Error{Code: steward.Internal}
	}
	if e.Code == steward.Internal || e.Err != nil && e.Code == steward.Unavailable {
		a.opts.Logger.ErrorContext(ctx, "request failed", slog.Any("error", err))
	}
	return tableReply(e)
}

// detailedReply encodes an error that brings its own body.
func (a *API) detailedReply(ctx context.Context, d *Detailed) reply {
	if d.Status >= http.StatusInternalServerError {
		a.opts.Logger.ErrorContext(ctx, "request failed", slog.Any("error", d.Err))
	}
	body, err := encode(d.Body)
	if err != nil {
		a.opts.Logger.ErrorContext(ctx, "encode an error body", slog.Any("error", err))
		return reply{status: http.StatusInternalServerError, body: detailBody("Internal server error.")}
	}
	return reply{status: d.Status, body: body}
}

// tableReply is the table: code to status and shape of the body.
func tableReply(e *steward.Error) reply {
	switch e.Code {
	case steward.Invalid:
		return invalidReply(e, "Invalid input.")
	case steward.Unauthenticated:
		return detail(http.StatusUnauthorized, e, "Authentication credentials were not provided.")
	case steward.Denied:
		return detail(http.StatusForbidden, e, "You do not have permission to perform this action.")
	case steward.NotFound:
		return detail(http.StatusNotFound, e, "Not found.")
	case steward.Conflict:
		return conflictReply(e)
	case steward.TooLarge:
		return detail(http.StatusRequestEntityTooLarge, e, "The request is too large.")
	case steward.Unsupported:
		return unsupportedReply(e)
	case steward.OutOfRange:
		return reply{status: http.StatusRequestedRangeNotSatisfiable, body: errorBody(text(e, "The range lies outside the file."))}
	case steward.NoCredit:
		return reply{status: http.StatusPaymentRequired, body: detailBody(noCreditDetail)}
	case steward.RateLimited:
		rep := detail(http.StatusTooManyRequests, e, "Request was throttled.")
		rep.retryAfter = wait(e.RetryAfter)
		return rep
	case steward.Unavailable:
		rep := detail(http.StatusServiceUnavailable, e, "The service is unavailable for the moment.")
		rep.retryAfter = wait(e.RetryAfter)
		return rep
	case steward.Timeout:
		return detail(http.StatusGatewayTimeout, e, "It took too long.")
	}
	return reply{status: http.StatusInternalServerError, body: detailBody("Internal server error.")}
}

// invalidReply chooses the shape of a 400: a bare array for a run's inputs, a map for a field, a detail otherwise.
func invalidReply(e *steward.Error, fallback string) reply {
	msg := text(e, fallback)
	switch e.Field {
	case "":
		return reply{status: http.StatusBadRequest, body: detailBody(msg)}
	case steward.InputField:
		return reply{status: http.StatusBadRequest, body: listBody(msg)}
	}
	return reply{status: http.StatusBadRequest, body: fieldBody(FieldErrors{{Field: e.Field, Message: msg}})}
}

// conflictReply answers a taken field (a name) as a validation failure and any other conflict as 409.
func conflictReply(e *steward.Error) reply {
	if e.Field != "" && e.Field != IdempotencyHeader {
		return invalidReply(e, "This value is already in use.")
	}
	return reply{status: http.StatusConflict, body: errorBody(text(e, "The request conflicts with the current state."))}
}

// unsupportedReply tells a content type (415) from an option of the request (400) and from an operation (405).
func unsupportedReply(e *steward.Error) reply {
	switch e.Field {
	case "":
		return detail(http.StatusMethodNotAllowed, e, "This is not offered by this version.")
	case ContentTypeField:
		return detail(http.StatusUnsupportedMediaType, e, "Unsupported media type.")
	}
	return invalidReply(e, "This is not offered by this version.")
}

// Names of headers that errors speak about.
const (
	ContentTypeField  = "Content-Type"
	IdempotencyHeader = "Idempotency-Key"
)

// detail is a reply of the form {"detail": …}.
func detail(status int, e *steward.Error, fallback string) reply {
	return reply{status: status, body: detailBody(text(e, fallback))}
}

func text(e *steward.Error, fallback string) string {
	if e.Message == "" {
		return fallback
	}
	return e.Message
}

// wait bounds what Retry-After says.
func wait(d time.Duration) time.Duration {
	if d <= 0 {
		return defaultRetryAfter
	}
	return min(d, maxRetryAfter)
}

func detailBody(msg string) []byte { return object("detail", msg) }
func errorBody(msg string) []byte  { return object("error", msg) }

func object(key, msg string) []byte {
	b := append([]byte{'{'}, quote(key)...)
	b = append(append(b, ':'), quote(msg)...)
	return append(b, '}')
}

func listBody(msg string) []byte {
	return append(append([]byte{'['}, quote(msg)...), ']')
}

// fieldBody writes a map of lists in the order of the errors; clients show the first one.
func fieldBody(errs FieldErrors) []byte {
	var names []string
	byName := map[string][]string{}
	for _, e := range errs {
		if _, known := byName[e.Field]; !known {
			names = append(names, e.Field)
		}
		byName[e.Field] = append(byName[e.Field], e.Message)
	}
	var b bytes.Buffer
	for i, name := range names {
		b.WriteByte(",{"[b2i(i == 0)])
		b.Write(quote(name))
		b.WriteByte(':')
		if name == OrganizationField {
			b.Write(quote(byName[name][0])) // the one field whose message clients expect bare
			continue
		}
		for j, msg := range byName[name] {
			b.WriteByte(",["[b2i(j == 0)])
			b.Write(quote(msg))
		}
		b.WriteByte(']')
	}
	b.WriteByte('}')
	return b.Bytes()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// quote encodes a string as JSON.
func quote(s string) []byte {
	b, err := encode(s)
	if err != nil { // cannot happen: strings always encode
		return []byte(`""`)
	}
	return b
}

// encode is JSON without the escaping of <, > and &, which is for HTML alone.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

// fault carries an error of a typed handler through huma.
type fault struct{ reply }

// fault translates a handler's error for huma.
func (a *API) fault(ctx context.Context, err error) error { return &fault{a.reply(ctx, err)} }

// Error implements error.
func (f *fault) Error() string { return http.StatusText(f.status) }

// GetStatus implements huma.StatusError.
func (f *fault) GetStatus() int { return f.status }

// GetHeaders implements huma.HeadersError.
func (f *fault) GetHeaders() http.Header {
	h := http.Header{}
	setErrorHeaders(h, f.reply)
	return h
}

// MarshalJSON implements json.Marshaler.
func (f *fault) MarshalJSON() ([]byte, error) { return f.body, nil }

// humaError translates what huma itself found wrong with a request. The submitted values stay out of the answer.
func (a *API) humaError(ctx context.Context, m *huma.ErrorModel) *fault {
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		return &fault{reply{status: m.Status, body: detailBody("The request body is too large.")}}
	case http.StatusUnsupportedMediaType:
		return &fault{reply{status: m.Status, body: detailBody("Unsupported media type.")}}
	case http.StatusUnprocessableEntity, http.StatusBadRequest:
		return &fault{reply{status: http.StatusBadRequest, body: humaFields(m)}}
	}
	a.opts.Logger.ErrorContext(ctx, "request failed", slog.String("error", m.Detail))
	return &fault{reply{status: http.StatusInternalServerError, body: detailBody("Internal server error.")}}
}

// humaFields makes a field map of huma's list of locations.
func humaFields(m *huma.ErrorModel) []byte {
	var errs FieldErrors
	for _, d := range m.Errors {
		if d != nil && len(errs) < maxErrors {
			errs = append(errs, humaField(d))
		}
	}
	if len(errs) == 0 {
		return detailBody("The request body could not be read.")
	}
	return fieldBody(errs)
}

// humaField is one complaint of huma's, without the value it is about.
func humaField(d *huma.ErrorDetail) FieldError {
	_, field, _ := strings.Cut(d.Location, ".") // behind body, query, path or header
	if name, is := strings.CutPrefix(d.Message, "expected required property "); is {
		name = strings.TrimSuffix(name, " to be present")
		if field != "" {
			name = field + "." + name
		}
		return FieldError{name, "This field is required."}
	}
	switch {
	case d.Location == "body":
		return FieldError{NonField, "The body is not valid JSON of the expected form."}
	case field == "" || d.Message == "":
		return FieldError{NonField, "Invalid value."} // the text may hold what was sent
	}
	return FieldError{field, strings.ToUpper(d.Message[:1]) + d.Message[1:] + "."}
}
