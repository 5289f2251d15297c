package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/stewardhq/steward"
)

// object is a JSON object with its members in their written order. The last of equal names wins, as in encoding/json.
type object []member

type member struct {
	name  string
	value json.RawMessage
}

// decodeObject reads a JSON object. nil and null are empty.
func decodeObject(raw json.RawMessage) (object, error) {
	if trimmed := bytes.TrimSpace(raw); len(trimmed) == 0 || string(trimmed) == "null" {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	tok, err := dec.Token()
	if err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	if tok != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	var o object
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("read JSON: %w", err)
		}
		m := member{name: fmt.Sprint(tok)}
		if err := dec.Decode(&m.value); err != nil {
			return nil, fmt.Errorf("read JSON: %w", err)
		}
		o = o.with(m)
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	if dec.More() {
		return nil, errors.New("text after the JSON object")
	}
	return o, nil
}

func (o object) with(m member) object {
	for i := range o {
		if o[i].name == m.name {
			o[i].value = m.value
			return o
		}
	}
	return append(o, m)
}

// find returns the member that configures p: by its name, else by an alias. JSON null and "" count as absent, except "" for texts.
func (o object) find(p Param) (member, bool) {
	for _, name := range append([]string{p.Name}, p.Aliases...) {
		for _, m := range o {
			if m.name != name || string(m.value) == "null" || (string(m.value) == `""` && p.Kind != KindText) {
				continue
			}
			return m, true
		}
	}
	return member{}, false
}

// node is a parsed value of a configuration. Parts without templates keep their JSON text.
type node struct {
	raw     json.RawMessage // the text of a part without templates; nil otherwise
	tmpl    template        // a string with templates
	items   []*node         // an array
	members []nodeMember    // an object
	array   bool
}

type nodeMember struct {
	name string
	node *node
}

// parseNode parses a JSON value. known tells which input keys exist.
func parseNode(raw json.RawMessage, known func(string) bool) (*node, error) {
	raw = bytes.TrimSpace(raw)
	if bytes.IndexByte(raw, '$') < 0 && !bytes.Contains(raw, []byte(`\u0024`)) {
		return &node{raw: raw}, nil
	}
	switch raw[0] {
	case '"':
		return parseString(raw, known)
	case '[':
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil {
			return nil, fmt.Errorf("read JSON: %w", err)
		}
		n := &node{array: true}
		for _, it := range items {
			c, err := parseNode(it, known)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, c)
		}
		return n.settled()
	case '{':
		o, err := decodeObject(raw)
		if err != nil {
			return nil, err
		}
		n := &node{}
		for _, m := range o {
			c, err := parseNode(m.value, known)
			if err != nil {
				return nil, err
			}
			n.members = append(n.members, nodeMember{m.name, c})
		}
		return n.settled()
	}
	return &node{raw: raw}, nil
}

// settled makes a plain text of an array or object when it turns out that no part of it has templates. A dollar sign alone says
// little: schemas are full of them.
func (n *node) settled() (*node, error) {
	for _, it := range n.items {
		if it.raw == nil {
			return n, nil
		}
	}
	for _, m := range n.members {
		if m.node.raw == nil {
			return n, nil
		}
	}
	raw, err := n.render(nil)
	return &node{raw: raw}, err
}

func parseString(raw json.RawMessage, known func(string) bool) (*node, error) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	t, err := parseTemplate(s, known)
	if err != nil {
		return nil, err
	}
	if text, ok := t.static(); ok {
		out, err := json.Marshal(text)
		if err != nil {
			return nil, fmt.Errorf("write JSON: %w", err)
		}
		return &node{raw: out}, nil
	}
	return &node{tmpl: t}, nil
}

// static returns the JSON text of a value that no input changes.
func (n *node) static() (json.RawMessage, bool) { return n.raw, n.raw != nil }

// wholeKey returns the input that the value is nothing but a reference to.
func (n *node) wholeKey() (string, bool) { return n.tmpl.whole() }

// render puts inputs into the value and returns it as JSON. Substituted text is never looked at again.
//
// Errors: Invalid for an input that is missing.
func (n *node) render(inputs map[string]*steward.Input) (json.RawMessage, error) {
	var buf bytes.Buffer
	if err := n.renderTo(&buf, inputs); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func (n *node) renderTo(buf *bytes.Buffer, inputs map[string]*steward.Input) error {
	switch {
	case n.raw != nil:
		buf.Write(n.raw)
		return nil
	case n.tmpl != nil:
		return n.renderString(buf, inputs)
	case n.array:
		buf.WriteByte('[')
		for i, it := range n.items {
			if i > 0 {
				buf.WriteByte(',')
			}
			if err := it.renderTo(buf, inputs); err != nil {
				return err
			}
		}
		buf.WriteByte(']')
		return nil
	}
	buf.WriteByte('{')
	for i, m := range n.members {
		if i > 0 {
			buf.WriteByte(',')
		}
		if err := writeString(buf, m.name); err != nil {
			return err
		}
		buf.WriteByte(':')
		if err := m.node.renderTo(buf, inputs); err != nil {
			return err
		}
	}
	buf.WriteByte('}')
	return nil
}

func (n *node) renderString(buf *bytes.Buffer, inputs map[string]*steward.Input) error {
	var sb strings.Builder
	for _, seg := range n.tmpl {
		if seg.key == "" {
			sb.WriteString(seg.literal)
			continue
		}
		in := inputs[seg.key]
		if in == nil {
			return steward.MissingInput(seg.key)
		}
		sb.WriteString(inputText(in))
	}
	return writeString(buf, sb.String())
}

// inputText is an input inside a larger text: text as it is, JSON compact, files by name.
func inputText(in *steward.Input) string {
	if len(in.Files) > 0 {
		names := make([]string, len(in.Files))
		for i, f := range in.Files {
			names[i] = f.Name
		}
		return strings.Join(names, ", ")
	}
	if in.JSON {
		var s string
		if json.Unmarshal([]byte(in.Value), &s) == nil {
			return s
		}
		var compact bytes.Buffer
		if json.Compact(&compact, []byte(in.Value)) == nil {
			return compact.String()
		}
	}
	return in.Value
}

func writeString(buf *bytes.Buffer, s string) error {
	out, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	buf.Write(out)
	return nil
}
