package answer

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/stewardhq/steward/internal/grounding"
)

// merger makes one value of the answers to the parts of a question.
type merger struct {
	root   *tree
	claims []grounding.Claim
}

// move says what became of a value of the answer that is being added.
type move struct {
	from string // JSON Pointer into that answer
	to   string // JSON Pointer into the merged value
	gone bool   // an earlier answer had it
}

// add merges the next answer.
func (m *merger) add(value json.RawMessage, claims []grounding.Claim) error {
	t, err := parseTree(value)
	if err != nil {
		return err
	}
	said := make([]grounding.Claim, 0, len(claims))
	for _, c := range claims {
		if !t.at(c.Path).empty() {
			said = append(said, c)
		}
	}
	var moves []move
	switch {
	case m.root == nil, m.root.empty() && !t.empty():
		m.root = t
	default:
		m.root.merge(t, "", &moves)
	}
	for _, c := range said {
		if path, ok := relocate(c.Path, moves); ok {
			c.Path = path
			m.claims = append(m.claims, c)
		}
	}
	return nil
}

// merge adds src, which stands at path in both values, to t.
func (t *tree) merge(src *tree, path string, moves *[]move) {
	switch {
	case t.kind == '{' && src.kind == '{':
		for i, name := range src.names {
			at := path + "/" + escape(name)
			mine := t.member(name)
			if mine.empty() {
				t.set(name, src.values[i])
				continue
			}
			mine.merge(src.values[i], at, moves)
		}
	case t.kind == '[' && src.kind == '[':
		t.join(src, path, moves)
	default:
		*moves = append(*moves, move{from: path, gone: true})
	}
}

// join appends the elements of src that t does not have yet.
func (t *tree) join(src *tree, path string, moves *[]move) {
	had := t.values // an answer may say the same twice, if it is its own
	for i, v := range src.values {
		m := move{from: path + "/" + strconv.Itoa(i)}
		for _, h := range had {
			if h.equal(v) {
				m.gone = true
				break
			}
		}
		if !m.gone {
			m.to = path + "/" + strconv.Itoa(len(t.values))
			t.values = append(t.values, v)
		}
		*moves = append(*moves, m)
	}
}

// relocate returns where a path of the added answer is in the merged value; false when it is not there.
func relocate(path string, moves []move) (string, bool) {
	for _, m := range moves {
		rest, ok := strings.CutPrefix(path, m.from)
		if !ok || rest != "" && rest[0] != '/' {
			continue
		}
		return m.to + rest, !m.gone
	}
	return path, true
}

// result returns the merged value and the claims about it, each path and quote once.
func (m *merger) result() (json.RawMessage, []grounding.Claim, error) {
	var b bytes.Buffer
	if err := m.root.write(&b); err != nil {
		return nil, nil, err
	}
	type key struct{ path, quote string }
	seen := make(map[key]bool, len(m.claims))
	var claims []grounding.Claim
	for _, c := range m.claims {
		k := key{c.Path, c.Quote}
		if seen[k] {
			continue
		}
		seen[k] = true
		claims = append(claims, c)
	}
	return b.Bytes(), claims, nil
}
