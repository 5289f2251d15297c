package answer

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/stewardhq/steward/internal/grounding"
)

// merger makes one value of the answers to the parts of a question.
type merger struct {
	root      *tree
	claims    []grounding.Claim
	conflicts []*conflict
	ordinal   int // of the run of pages whose answers are added
}

// conflict is a value about which answers disagree.
type conflict struct {
	path    string // JSON Pointer into the merged value
	node    *tree  // there
	options []option
}

// option is one of the values that answers gave.
type option struct {
	value  *tree
	claims []grounding.Claim
	label  string // of the part that it is from
}

// move says what became of a value of the answer that is being added.
type move struct {
	to   string // JSON Pointer into the merged value
	gone bool   // an earlier answer had it
}

// addition is one answer on its way into the merged value.
type addition struct {
	*merger
	claims []grounding.Claim
	label  string
	moves  map[string]move // by JSON Pointer into the added answer: what did not stay where it was
}

// next begins the answers about the next run of pages.
func (m *merger) next() { m.ordinal++ }

// add merges the next answer, which is about the part that label names.
func (m *merger) add(value json.RawMessage, claims []grounding.Claim, label string) error {
	t, err := parseTree(value)
	if err != nil {
		return err
	}
	t.stamp(m.ordinal, label)
	a := &addition{merger: m, label: label, moves: map[string]move{}}
	for _, c := range claims {
		if !t.at(c.Path).empty() {
			a.claims = append(a.claims, c)
		}
	}
	switch {
	case m.root == nil, m.root.empty() && !t.empty():
		m.root = t
	default:
		a.merge(m.root, t, "")
	}
	for _, c := range a.claims {
		if path, ok := relocate(c.Path, a.moves); ok {
			c.Path = path
			m.claims = append(m.claims, c)
		}
	}
	return nil
}

// stamp notes in every list and value from which run of pages and part it is.
func (t *tree) stamp(ordinal int, label string) {
	t.upTo, t.label = ordinal, label
	for _, v := range t.values {
		v.stamp(ordinal, label)
	}
}

// merge adds src, which stands at path in both values, to t.
func (a *addition) merge(t, src *tree, path string) {
	switch {
	case t.kind == '{' && src.kind == '{':
		for i, name := range src.names {
			at := path + "/" + escape(name)
			mine := t.member(name)
			if mine.empty() {
				t.set(name, src.values[i])
				continue
			}
			a.merge(mine, src.values[i], at)
		}
	case t.kind == '[' && src.kind == '[':
		a.join(t, src, path)
	default:
		a.moves[path] = move{gone: true}
		if t.kind == 'v' && src.kind == 'v' && !src.empty() {
			a.differ(t, src, path)
		}
	}
}

// differ notes that src is another value than t, unless it means the same.
func (a *addition) differ(t, src *tree, path string) {
	i := slices.IndexFunc(a.conflicts, func(c *conflict) bool { return c.node == t })
	if i < 0 {
		if sameValue(t, src) {
			return
		}
		first := option{value: &tree{kind: 'v', text: t.text}, claims: about(a.merger.claims, path), label: t.label}
		a.conflicts = append(a.conflicts, &conflict{path: path, node: t, options: []option{first}})
		i = len(a.conflicts) - 1
	}
	c := a.conflicts[i]
	for k := range c.options {
		if sameValue(c.options[k].value, src) {
			if k > 0 { // what stands in the merged value has its claims
				c.options[k].claims = append(c.options[k].claims, about(a.claims, path)...)
			}
			return
		}
	}
	c.options = append(c.options, option{value: src, claims: about(a.claims, path), label: a.label})
}

// about lists the claims about the value at path.
func about(claims []grounding.Claim, path string) []grounding.Claim {
	var out []grounding.Claim
	for _, c := range claims {
		if c.Path == path {
			out = append(out, c)
		}
	}
	return out
}

// take puts one of a conflict's options into the merged value, with the claims about it.
func (m *merger) take(c *conflict, k int) {
	if k == 0 {
		return
	}
	c.node.text = c.options[k].value.text
	m.claims = slices.DeleteFunc(m.claims, func(claim grounding.Claim) bool { return claim.Path == c.path })
	m.claims = append(m.claims, c.options[k].claims...)
}

// join appends the elements of src that t does not have yet. The first of them is put together with the last of t when a border
// between pages cut one item in two.
func (a *addition) join(t, src *tree, path string) {
	if t.had == nil {
		t.had = make(map[[32]byte]bool, len(t.values))
		for _, v := range t.values {
			t.had[v.fingerprint()] = true
		}
	}
	var added [][32]byte // an answer may say the same twice, if it is its own
	next := t.upTo == a.ordinal-1
	for i, v := range src.values {
		var m move
		mark := v.fingerprint()
		if m.gone = t.had[mark]; !m.gone {
			last := len(t.values) - 1
			if next && last >= 0 && completes(t.values[last], v) {
				t.values[last].complete(v)
				added = append(added, t.values[last].fingerprint())
				m.to = path + "/" + strconv.Itoa(last)
			} else {
				m.to = path + "/" + strconv.Itoa(len(t.values))
				t.values = append(t.values, v)
			}
			added = append(added, mark)
			next = false
		}
		a.moves[path+"/"+strconv.Itoa(i)] = m
	}
	for _, mark := range added {
		t.had[mark] = true
	}
	if len(src.values) > 0 {
		t.upTo = a.ordinal
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
		if seen[k] || m.root.at(c.Path) == nil { // a list was cut
			continue
		}
		seen[k] = true
		claims = append(claims, c)
	}
	return b.Bytes(), claims, nil
}
