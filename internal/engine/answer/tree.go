package answer

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/stewardhq/steward/internal/grounding"
)

// tree is a JSON value that keeps the order of members and the digits of numbers.
type tree struct {
	kind   byte // '{', '[', or 'v' for a text, number, boolean or null
	names  []string
	values []*tree         // members of an object, in the order of names, or elements of an array
	text   json.RawMessage // of a 'v', compact
	places map[string]int  // of names in names, once there are many

	had   map[[32]byte]bool // fingerprints of values, once something was joined to them
	upTo  int               // the run of pages that the last of values is from
	label string            // the part that it is from
}

// maxDepth bounds how deep values nest.
const maxDepth = 200

// parseTree reads one JSON value. The last of equal names wins.
func parseTree(raw json.RawMessage) (*tree, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	t, err := readTree(dec, 0)
	if err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read JSON: text after the value")
	}
	return t, nil
}

func readTree(dec *json.Decoder, depth int) (*tree, error) {
	if depth > maxDepth {
		return nil, errors.New("nested too deeply")
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		text, err := encode(tok)
		return &tree{kind: 'v', text: text}, err
	}
	t := &tree{kind: byte(delim)} //nolint:gosec // G115: a bracket
	for dec.More() {
		name := ""
		if t.kind == '{' {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			if name, ok = key.(string); !ok {
				return nil, errors.New("a member without a name")
			}
		}
		v, err := readTree(dec, depth+1)
		if err != nil {
			return nil, err
		}
		t.set(name, v)
	}
	_, err = dec.Token()
	return t, err
}

// set adds an element, or sets a member.
func (t *tree) set(name string, v *tree) {
	if t.kind == '{' {
		if i := t.place(name); i >= 0 {
			t.values[i] = v
			return
		}
		t.names = append(t.names, name)
		if t.places != nil {
			t.places[name] = len(t.names) - 1
		}
	}
	t.values = append(t.values, v)
}

// member returns a member of an object, nil when it is absent.
func (t *tree) member(name string) *tree {
	if i := t.place(name); i >= 0 {
		return t.values[i]
	}
	return nil
}

// manyNames is how many members an object has at least whose places are kept in a map.
const manyNames = 16

// place is where a name stands in names; -1 when it does not.
func (t *tree) place(name string) int {
	if len(t.names) < manyNames {
		return slices.Index(t.names, name)
	}
	if t.places == nil {
		t.places = make(map[string]int, 2*len(t.names))
		for i, n := range t.names {
			t.places[n] = i
		}
	}
	if i, ok := t.places[name]; ok {
		return i
	}
	return -1
}

// empty reports whether t says nothing: absent or null.
func (t *tree) empty() bool { return t == nil || t.kind == 'v' && string(t.text) == "null" }

// fingerprint is equal for equal values, whatever the order of members, the white space in texts and the form of numbers. A member
// that is null is as good as absent.
func (t *tree) fingerprint() [32]byte {
	h := sha256.New()
	t.hashInto(h)
	return [32]byte(h.Sum(nil))
}

func (t *tree) hashInto(h hash.Hash) {
	h.Write([]byte{t.kind})
	switch t.kind {
	case 'v':
		h.Write([]byte(t.plain()))
	case '[':
		for _, v := range t.values {
			v.hashInto(h)
		}
	default:
		order := make([]int, len(t.names))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return strings.Compare(t.names[a], t.names[b]) })
		for _, i := range order {
			if t.values[i].empty() {
				continue
			}
			h.Write(strconv.AppendQuote(nil, t.names[i]))
			t.values[i].hashInto(h)
		}
	}
	h.Write([]byte{0})
}

// plain is the text of a 'v' in which equal values are equal.
func (t *tree) plain() string {
	if len(t.text) > 0 && t.text[0] == '"' {
		var s string
		if err := json.Unmarshal(t.text, &s); err == nil {
			return `"` + strings.Join(strings.Fields(s), " ")
		}
	}
	if n, ok := grounding.CanonicalNumber(string(t.text)); ok {
		return n
	}
	return string(t.text)
}

// write appends the JSON text.
func (t *tree) write(b *bytes.Buffer) error {
	if t.kind == 'v' {
		b.Write(t.text)
		return nil
	}
	b.WriteByte(t.kind)
	for i, v := range t.values {
		if i > 0 {
			b.WriteByte(',')
		}
		if t.kind == '{' {
			name, err := encode(t.names[i])
			if err != nil {
				return err
			}
			b.Write(name)
			b.WriteByte(':')
		}
		if err := v.write(b); err != nil {
			return err
		}
	}
	b.WriteByte(t.kind + 2) // the closing bracket of either kind
	return nil
}

// encode is json.Marshal without escapes for the sake of HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// at returns the value that a JSON Pointer names, nil when there is none.
func (t *tree) at(pointer string) *tree {
	if pointer == "" {
		return t
	}
	if pointer[0] != '/' {
		return nil
	}
	for _, token := range strings.Split(pointer[1:], "/") {
		token = unescape(token)
		switch t.kind {
		case '{':
			t = t.member(token)
		case '[':
			t = t.element(token)
		default:
			return nil
		}
		if t == nil {
			return nil
		}
	}
	return t
}

// escape writes a name as a token of a JSON Pointer.
func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// unescape reads a token of a JSON Pointer.
func unescape(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
}

// element returns the element of an array whose index is written as token.
func (t *tree) element(token string) *tree {
	i := 0
	if token == "" || len(token) > 9 || len(token) > 1 && token[0] == '0' {
		return nil
	}
	for _, c := range []byte(token) {
		if c < '0' || c > '9' {
			return nil
		}
		i = 10*i + int(c-'0')
	}
	if i >= len(t.values) {
		return nil
	}
	return t.values[i]
}
