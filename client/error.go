package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stewardhq/steward"
)

// Error is an answer of the server that says no. errors.As also finds a *steward.Error in it, so steward.CodeOf works, and a
// *steward.Failure when the answer is that of a run that failed.
type Error struct {
	StatusCode  int
	Message     string              // what the server said, in one text
	Field       string              // request field the answer is about, when it is about a single one
	FailureCode steward.FailureCode // why the run failed, for RunSync; "" for anything else
	JobID       steward.JobID       // the job of that run
	Body        []byte              // the answer as it came, at most 64 KiB
	Header      http.Header         // of the answer
	RequestID   string              // names the call in the server's log
	RetryAfter  time.Duration       // 0 when the server did not say
	Method      string
	Path        string
}

// Error returns the request, the status and the message.
func (e *Error) Error() string {
	return fmt.Sprintf("%s %s: %d: %s", e.Method, e.Path, e.StatusCode, e.Message)
}

// Unwrap returns the error in the words of the root package.
func (e *Error) Unwrap() error {
	out := &steward.Error{
		Code: codeOf(e.StatusCode), Field: e.Field, Message: strings.TrimPrefix(e.Message, e.Field+": "), RetryAfter: e.RetryAfter,
	}
	if e.FailureCode != "" {
		out.Err = &steward.Failure{Code: e.FailureCode, Message: e.Message}
	}
	return out
}

// Details returns the members of the answer's JSON object, such as the fields that were refused; nil when it is no object.
//
// Stability: may change until 1.0.
func (e *Error) Details() map[string]any {
	var out map[string]any
	if json.Unmarshal(e.Body, &out) != nil {
		return nil // an answer of another form has no members
	}
	return out
}

func codeOf(status int) steward.Code {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return steward.Invalid
	case http.StatusUnauthorized:
		return steward.Unauthenticated
	case http.StatusPaymentRequired:
		return steward.NoCredit
	case http.StatusForbidden:
		return steward.Denied
	case http.StatusNotFound:
		return steward.NotFound
	case http.StatusConflict:
		return steward.Conflict
	case http.StatusRequestEntityTooLarge:
		return steward.TooLarge
	case http.StatusUnsupportedMediaType, http.StatusNotImplemented, http.StatusMethodNotAllowed:
		return steward.Unsupported
	case http.StatusRequestedRangeNotSatisfiable:
		return steward.OutOfRange
	case http.StatusTooManyRequests:
		return steward.RateLimited
	case http.StatusServiceUnavailable, http.StatusBadGateway:
		return steward.Unavailable
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return steward.Timeout
	}
	return steward.Internal
}

// maxErrorBody is how much of an error's body is read.
const maxErrorBody = 64 << 10

// readError makes an Error of an answer. A body that breaks off is read as far as it came: the status says what matters.
func readError(r *request, resp *http.Response, id string) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	e := &Error{
		StatusCode: resp.StatusCode, Body: body, Header: resp.Header, RequestID: resp.Header.Get("X-Request-Id"),
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now()), Method: r.method, Path: r.path,
	}
	if e.RequestID == "" {
		e.RequestID = id
	}
	e.read(body)
	if to := resp.Header.Get("Location"); to != "" && resp.StatusCode < http.StatusBadRequest {
		e.Message = "the server redirects to " + to + "; use the address it names as the base URL"
	}
	if e.Message == "" {
		e.Message = http.StatusText(resp.StatusCode)
	}
	if err != nil {
		e.Message += " (the answer broke off: " + err.Error() + ")"
	}
	return e
}

// read finds the words in an error's body: a text, a list of texts, the detail, error or message of an object, or the texts of
// an object of fields.
func (e *Error) read(body []byte) {
	if text, ok := words(body); ok {
		e.Message = text
		return
	}
	fields, ok := members(body)
	if !ok {
		e.Message = strings.ToValidUTF8(strings.TrimSpace(string(body[:min(len(body), maxPlainText)])), "")
		return
	}
	if e.readKnown(fields) {
		return
	}
	var parts []string
	for _, f := range fields {
		text, ok := words(f.value)
		if !ok || text == "" {
			continue
		}
		if f.name != nonField {
			e.Field = f.name
			text = f.name + ": " + text
		}
		parts = append(parts, text)
	}
	if len(parts) != 1 {
		e.Field = ""
	}
	e.Message = strings.Join(parts, "; ")
}

const (
	maxPlainText = 200                // how much is shown of an answer that is no JSON, such as a proxy's page
	nonField     = "non_field_errors" // the field of complaints about the whole body
)

// readKnown takes the message of an object that has one by name.
func (e *Error) readKnown(fields []member) bool {
	byName := map[string]json.RawMessage{}
	for _, f := range fields {
		byName[f.name] = f.value
	}
	if code, ok := words(byName["failure_code"]); ok {
		id, _ := words(byName["job_id"]) // "" when it is not named
		e.FailureCode, e.JobID = steward.FailureCode(code), steward.JobID(id)
	}
	for _, key := range []string{"detail", "error", "message"} {
		if text, ok := words(byName[key]); ok && text != "" {
			e.Message = text
			return true
		}
	}
	return false
}

// words reads a JSON text, or a list of texts joined.
func words(raw []byte) (string, bool) {
	var text *string
	if json.Unmarshal(raw, &text) == nil {
		if text == nil {
			return "", true
		}
		return *text, true
	}
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return strings.Join(list, "; "), true
	}
	return "", false
}

// member is a name and a value of an object.
type member struct {
	name  string
	value json.RawMessage
}

// members splits a JSON object in its written order: servers put what matters first.
func members(body []byte) ([]member, bool) {
	dec := json.NewDecoder(strings.NewReader(string(body)))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, false
	}
	var list []member
	for dec.More() {
		tok, err := dec.Token()
		name, ok := tok.(string)
		if err != nil || !ok {
			return nil, false
		}
		m := member{name: name}
		if dec.Decode(&m.value) != nil {
			return nil, false
		}
		list = append(list, m)
	}
	_, err := dec.Token()
	return list, err == nil
}

// retryAfter reads the header, in seconds or as a date.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return time.Duration(min(n, int(maxNamedWait/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil && t.After(now) {
		return t.Sub(now)
	}
	return 0
}

// maxNamedWait is the longest Retry-After that is told as it stands; more would not fit a Duration on the way.
const maxNamedWait = 365 * 24 * time.Hour
