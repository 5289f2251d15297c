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
	moves := map[string]move{}
	switch {
	case m.root == nil, m.root.empty() && !t.empty():
		m.root = t
	default:
		m.root.merge(t, "", moves)
	}
	for _, c := range said {
		if path, ok := relocate(c.Path, moves); ok {
			c.Path = path
			m.claims = append(m.claims, c)
		}
	}
	return nil
}

// merge adds src, which stands at path in both values, to t, and notes in moves, by JSON Pointer into the added answer, what did not
// stay where it was.
func (t *tree) merge(src *tree, path string, moves map[string]move) {
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
		moves[path] = move{gone: true}
	}
}

// join appends the elements of src that t does not have yet.
func (t *tree) join(src *tree, path string, moves map[string]move) {
	if t.had == nil {
		t.had = make(map[[32]byte]bool, len(t.values))
		for _, v := range t.values {
			t.had[v.fingerprint()] = true
		}
	}
	var added [][32]byte // an answer may say the same twice, if it is its own
	for i, v := range src.values {
		var m move
		mark := v.fingerprint()
		if m.gone = t.had[mark]; !m.gone {
			m.to = path + "/" + strconv.Itoa(len(t.values))
			t.values = append(t.values, v)
			added = append(added, mark)
		}
		moves[path+"/"+strconv.Itoa(i)] = m
	}
	for _, mark := range added {
		t.had[mark] = true
	}
}

// relocate returns where a path of the added answer is in the merged value; false when it is not there.
func relocate(path string, moves map[string]move) (string, bool) {
	for head := path; ; head = head[:strings.LastIndexByte(head, '/')] {
		if m, ok := moves[head]; ok {
			return m.to + path[len(head):], !m.gone
		}
		if head == "" {
			return path, true
		}
	}
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
