package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/stewardhq/steward"
)

// Limits of bodies.
const (
	MaxBodyBytes = 16 << 20 // of a JSON or form body
	MaxTextBytes = 8 << 20  // of one text field
	maxDepth     = 128      // of nested JSON
	maxFields    = 1000     // of a form, and members of an object that is read member by member
	maxElements  = 10_000   // of a list that is read element by element
	maxErrors    = 50       // that an answer tells about one body
)

// Media is the kind of a body, by its Content-Type.
type Media int

// The kinds of bodies.
const (
	MediaNone Media = iota // nothing was sent
	MediaJSON
	MediaForm
	MediaMultipart
)

// MediaOf tells how to read a request's body, and the boundary of a multipart one. A body without a type counts as JSON, a
// length of zero as none whatever the type says.
//
// Errors: Unsupported for other types; Invalid for a multipart type without a boundary.
func MediaOf(r *http.Request) (m Media, boundary string, err error) {
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return MediaNone, "", nil
	}
	header := r.Header.Get("Content-Type")
	if strings.TrimSpace(header) == "" {
		return MediaJSON, "", nil
	}
	kind, params, err := mime.ParseMediaType(header)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return MediaNone, "", errMedia()
	}
	switch {
	case kind == contentJSON:
		return MediaJSON, "", nil
	case kind == "application/x-www-form-urlencoded":
		return MediaForm, "", nil
	case kind == "multipart/form-data" && params["boundary"] != "":
		return MediaMultipart, params["boundary"], nil
	case kind == "multipart/form-data":
		return MediaNone, "", &steward.Error{Code: steward.Invalid, Message: "Multipart form parse error: no boundary."}
	}
	return MediaNone, "", errMedia()
}

func errMedia() error {
	return &steward.Error{
		Code: steward.Unsupported, Field: ContentTypeField,
		Message: "Unsupported media type: send application/json, application/x-www-form-urlencoded or multipart/form-data.",
	}
}

// Member is one member of a body's object, or one field of a form.
type Member struct {
	Key  string
	Raw  json.RawMessage // for JSON; nil for a form field
	Text string          // for a form field
}

// String returns the member as text when it is a form field or a JSON string.
func (m Member) String() (string, bool) {
	if m.Raw == nil {
		return m.Text, true
	}
	return unquote(m.Raw)
}

// unquote reads a JSON string. ok is false for another value.
func unquote(raw []byte) (s string, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner), true // as it stands; most strings are
	}
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// IsNull reports whether the member is JSON null.
func (m Member) IsNull() bool { return string(m.Raw) == "null" }

// ReadBody reads a JSON or form body whole. An empty body gives an empty slice.
//
// Errors: TooLarge over MaxBodyBytes; Invalid for a body that ends early; RateLimited and Unavailable when the request, whose body took its
// time, has to go.
func ReadBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return readBody(w, r, MaxBodyBytes)
}

// readBody is ReadBody with a limit of its own.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	tooLarge := &steward.Error{Code: steward.TooLarge, Message: fmt.Sprintf("The request body is larger than %d bytes.", limit)}
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(min(r.ContentLength, 1<<20)) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		var over *http.MaxBytesError
		if errors.As(err, &over) {
			return nil, tooLarge
		}
		return nil, BrokenBody(err)
	}
	if v := visitOf(r); v != nil && !v.turn.Held() {
		if err := v.takeTurn(r.Context()); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// BrokenBody is the failure of a body that could not be read to its end, which is the client's doing.
func BrokenBody(err error) error {
	return &steward.Error{Code: steward.Invalid, Message: "The request body ended early or could not be read.", Err: err}
}

// ReadObject reads a body of any of the three kinds as members in the order they were sent; for multipart only text fields
// are allowed. For a key that comes twice in JSON the last one stands. null and an empty body are an empty object.
//
// Errors: those of MediaOf and ReadBody; Invalid that names the field, for wrong UTF-8, or the body, for wrong JSON.
func ReadObject(w http.ResponseWriter, r *http.Request) ([]Member, error) {
	return ReadLargeObject(w, r, MaxBodyBytes)
}

// ReadOwnObject is ReadLargeObject for everything but runs, whose inputs may have any name: a body that names another organization
// than the key's is refused. null and "" name none.
//
// Errors: those of ReadObject and of CheckOrganization; Unauthenticated without a principal.
func ReadOwnObject(w http.ResponseWriter, r *http.Request, limit int64) ([]Member, error) {
	who, err := steward.PrincipalFrom(r.Context(), steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	members, err := ReadLargeObject(w, r, limit)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		if m.Key != OrganizationField || m.IsNull() {
			continue
		}
		named, text := m.String()
		if !text {
			named = string(m.Raw) // what is no text is no id either
		}
		if named == "" {
			continue
		}
		if err := CheckOrganization(who, named); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// ReadLargeObject is ReadObject with a limit of its own for JSON and urlencoded bodies, in bytes.
func ReadLargeObject(w http.ResponseWriter, r *http.Request, limit int64) ([]Member, error) {
	media, boundary, err := MediaOf(r)
	if err != nil {
		return nil, err
	}
	switch media {
	case MediaNone:
		return nil, nil
	case MediaMultipart:
		return readTextParts(w, r, boundary)
	}
	body, err := readBody(w, r, limit)
	if err != nil {
		return nil, err
	}
	if media == MediaForm {
		return ParseForm(body)
	}
	return ParseObject(body)
}

// ParseObject reads a JSON object into members.
//
// Errors: Invalid, naming the field of wrong UTF-8.
func ParseObject(body []byte) ([]Member, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if len(body) == 0 || string(body) == "null" {
		return nil, nil
	}
	if err := CheckJSON(body); err != nil {
		return nil, err
	}
	if body[0] != '{' {
		return nil, Invalid(NonField, "Invalid data. Expected a JSON object.")
	}
	members, err := Members(body)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(body) {
		return nil, wrongText(members)
	}
	return members, nil
}

// wrongText names the first member that is not UTF-8.
func wrongText(members []Member) error {
	for _, m := range members {
		if !utf8.Valid(m.Raw) {
			return Invalid(m.Key, "The value is not valid UTF-8.")
		}
	}
	return Invalid(NonField, "The body is not valid UTF-8.")
}

// errJSON is the failure of a body that is not JSON. The position would help little and the text may be secret.
func errJSON() error {
	return &steward.Error{Code: steward.Invalid, Message: "JSON parse error: the body is not valid JSON."}
}

// CheckJSON refuses what is not JSON or is nested too deeply, before anything is built of it. Errors: Invalid.
func CheckJSON(body []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return &steward.Error{Code: steward.Invalid, Message: fmt.Sprintf("JSON parse error: nested more than %d levels deep.", maxDepth)}
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	if !json.Valid(body) {
		return errJSON()
	}
	return nil
}

// ParseForm reads an urlencoded body into members, in order; keys may repeat.
//
// Errors: Invalid for bad escapes and wrong UTF-8, naming the field; TooLarge for a field over MaxTextBytes.
func ParseForm(body []byte) ([]Member, error) {
	var members []Member
	for pair := range strings.SplitSeq(string(body), "&") {
		if pair == "" {
			continue
		}
		if len(members) == maxFields {
			return nil, &steward.Error{Code: steward.TooLarge, Message: fmt.Sprintf("The form has more than %d fields.", maxFields)}
		}
		rawKey, rawValue, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(rawKey)
		if err != nil || !utf8.ValidString(key) {
			return nil, Invalid(NonField, "A field name is not valid URL-encoded UTF-8.")
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return nil, Invalid(key, "The value is not valid URL encoding.")
		}
		if len(value) > MaxTextBytes {
			return nil, FieldTooLarge(key)
		}
		if !utf8.ValidString(value) {
			return nil, Invalid(key, "The value is not valid UTF-8.")
		}
		members = append(members, Member{Key: key, Text: value})
	}
	return members, nil
}

// FieldTooLarge is the failure of a text field over MaxTextBytes.
func FieldTooLarge(key string) error {
	return &steward.Error{
		Code: steward.TooLarge, Field: key,
		Message: fmt.Sprintf("The field %q is larger than %d bytes.", clip(key), MaxTextBytes),
	}
}

// clip shortens a name that a client chose.
func clip(s string) string {
	if len(s) <= 64 {
		return s
	}
	return strings.ToValidUTF8(s[:64], "") + "…"
}

// ReadText reads one text field of a request's multipart body. What is not tiny needs room among the bodies that are held in memory.
//
// Errors: TooLarge over MaxTextBytes, Invalid naming the field for wrong UTF-8 and for a part that ends early; RateLimited and Unavailable
// when there is no room.
func ReadText(r *http.Request, key string, part io.Reader) (string, error) {
	held := &heldText{text: part, visit: visitOf(r), ctx: r.Context()}
	b, err := io.ReadAll(io.LimitReader(held, MaxTextBytes+1))
	switch {
	case held.refused != nil:
		return "", held.refused
	case err != nil:
		return "", BrokenMultipart(err)
	}
	if len(b) > MaxTextBytes {
		return "", FieldTooLarge(key)
	}
	if !utf8.Valid(b) {
		return "", Invalid(key, "The value is not valid UTF-8.")
	}
	return string(b), nil
}

// heldText reads text that is held in memory, as far as there is room for it.
type heldText struct {
	text    io.Reader
	visit   *visit // nil: everything is let in
	ctx     context.Context
	refused error
}

// Read implements io.Reader.
func (h *heldText) Read(p []byte) (int, error) {
	n, err := h.text.Read(p)
	if h.visit != nil {
		if h.refused = h.visit.holdText(h.ctx, n); h.refused != nil {
			return 0, h.refused
		}
	}
	return n, err
}

// readTextParts reads a multipart body that has text fields only.
func readTextParts(w http.ResponseWriter, r *http.Request, boundary string) ([]Member, error) {
	var members []Member
	parts := multipart.NewReader(http.MaxBytesReader(w, r.Body, MaxBodyBytes), boundary)
	for {
		part, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // wrapped, it is the end of a body without a last boundary
			return members, nil
		}
		if err != nil {
			return nil, BrokenMultipart(err)
		}
		if len(members) == maxFields {
			return nil, &steward.Error{Code: steward.TooLarge, Message: fmt.Sprintf("The form has more than %d fields.", maxFields)}
		}
		key := part.FormName()
		if part.FileName() != "" {
			return nil, Invalid(key, "A file is not expected here.")
		}
		value, err := ReadText(r, key, part)
		if err != nil {
			return nil, err
		}
		members = append(members, Member{Key: key, Text: value})
	}
}

// BrokenMultipart is the failure of a multipart body that cannot be cut into parts.
func BrokenMultipart(err error) error {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return &steward.Error{Code: steward.TooLarge, Message: "The request body is too large.", Err: err}
	}
	return &steward.Error{Code: steward.Invalid, Message: "Multipart form parse error.", Err: err}
}
