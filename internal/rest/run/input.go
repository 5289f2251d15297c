package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/rest/wire"
)

// Names that are not inputs.
const (
	fieldMetadata    = "metadata"
	fieldIdempotency = "idempotency_key" // asynchronous runs only
	fieldTimeout     = "timeout_seconds" // asynchronous runs only
)

// goNil is what one client writes into a form for a value that is not there.
const goNil = "<nil>"

// inputReader reads a run's body of any encoding.
type inputReader struct {
	files FileService
	async bool
	own   steward.OrganizationID

	inputs  []jobs.RawInput
	uploads []steward.FileID // stored so far, to be released when the request fails

	metadata    *wire.Member
	idempotency *wire.Member
	timeout     *wire.Member
}

// read takes the body in. On an error the uploads so far are in in.uploads.
func (in *inputReader) read(w http.ResponseWriter, r *http.Request) error {
	media, boundary, err := wire.MediaOf(r)
	if err != nil {
		return err
	}
	if media == wire.MediaMultipart {
		return in.readMultipart(w, r, boundary)
	}
	members, err := wire.ReadObject(w, r)
	if err != nil {
		return err
	}
	for _, m := range members {
		in.add(m)
	}
	return nil
}

// add sorts a field into the reserved ones and the inputs.
func (in *inputReader) add(m wire.Member) {
	switch {
	case m.Key == fieldMetadata:
		in.metadata = &m
	case m.Key == fieldIdempotency && in.async:
		in.idempotency = &m
	case m.Key == fieldTimeout && in.async:
		in.timeout = &m
	case m.IsNull(), m.Raw == nil && m.Text == goNil:
		// a value that is not there
	default:
		if raw := rawInput(m); !in.ownOrganization(raw) {
			in.inputs = append(in.inputs, raw)
		}
	}
}

// rawInput keeps text as text and everything else with its JSON type.
func rawInput(m wire.Member) jobs.RawInput {
	if text, ok := m.String(); ok {
		return jobs.RawInput{Key: m.Key, Text: text}
	}
	return jobs.RawInput{Key: m.Key, JSON: m.Raw}
}

// fill writes what was read into the parameters of the run.
func (in *inputReader) fill(p *jobs.RunParams, h http.Header) (err error) {
	if p.Metadata, err = metadataOf(in.metadata); err != nil {
		return err
	}
	p.Inputs = in.inputs
	p.SkipCache = skipsCache(h)
	if !in.async {
		return nil
	}
	if p.IdempotencyKey, err = in.idempotencyKey(h); err != nil {
		return err
	}
	p.Timeout, err = timeoutOf(in.timeout)
	return err
}

// ownOrganization reports whether a field only names the caller's own organization, as clients do beside the inputs. Any other
// organization_id is an input like the rest: the key alone decides whose job it is.
func (in *inputReader) ownOrganization(r jobs.RawInput) bool {
	if r.Key != wire.OrganizationField {
		return false
	}
	id, err := steward.ParseID[steward.OrganizationID]("", r.Text)
	return err == nil && id == in.own
}

// metadataOf reads the metadata: an object, or the text of one. Absent, null and the text null are none.
func metadataOf(m *wire.Member) (json.RawMessage, error) {
	if m == nil || m.IsNull() {
		return nil, nil
	}
	raw := m.Raw
	if text, isText := m.String(); isText {
		raw = json.RawMessage(strings.TrimSpace(text))
	}
	if string(raw) == "null" {
		return nil, nil
	}
	invalid := wire.Invalid(fieldMetadata, "Invalid JSON string.")
	if len(raw) == 0 || raw[0] != '{' {
		return nil, invalid
	}
	if m.Raw == nil || m.Raw[0] == '"' { // a text; what stands in a JSON body is checked already
		if err := wire.CheckJSON(raw); err != nil {
			return nil, invalid
		}
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return nil, invalid
	}
	return compact.Bytes(), nil
}

// idempotencyKey takes the header, or the body's field in its place.
func (in *inputReader) idempotencyKey(h http.Header) (string, error) {
	field, key := wire.IdempotencyHeader, h.Get(wire.IdempotencyHeader)
	if key == "" && in.idempotency != nil && !in.idempotency.IsNull() {
		field = fieldIdempotency
		text, isText := in.idempotency.String()
		if !isText {
			return "", wire.Invalid(field, "Not a valid string.")
		}
		key = text
	}
	if utf8.RuneCountInString(key) > maxIdempotencyKey || len(key) > maxIdempotencyKey {
		return "", wire.Invalid(field, fmt.Sprintf("Ensure this value has no more than %d characters.", maxIdempotencyKey))
	}
	return key, nil
}

// timeoutOf reads a job's own time limit: a positive number of seconds, or its text.
func timeoutOf(m *wire.Member) (time.Duration, error) {
	if m == nil || m.IsNull() {
		return 0, nil
	}
	text, isText := m.String()
	if !isText {
		text = string(m.Raw)
	}
	if text == "" || text == goNil {
		return 0, nil
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsNaN(seconds) || seconds <= 0 || seconds > jobs.MaxTimeout.Seconds() {
		return 0, wire.Invalid(fieldTimeout, fmt.Sprintf("Must be a number of seconds above 0, at most %d.", int(jobs.MaxTimeout.Seconds())))
	}
	return max(time.Duration(seconds*float64(time.Second)), time.Millisecond), nil
}
