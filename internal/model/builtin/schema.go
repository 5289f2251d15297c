package builtin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Limits of a schema. What lies deeper or comes later is read as null.
const (
	maxSchemaDepth = 12
	maxSchemaNodes = 2000
)

// node is a schema after references, combinations and type lists are resolved.
type node struct {
	typ         string // object, array, string, number, integer, boolean, null; "" means anything
	nullable    bool
	format      string
	title       string
	description string
	labels      []string // x-labels
	enum        []any    // without null
	told        []string // what each value of enum means; nil when the schema does not say
	constant    json.RawMessage
	props       []property // in the schema's order
	items       *node      // nil means anything
	pattern     *regexp.Regexp
	minimum     *float64
	maximum     *float64
	maxLength   *int
	maxItems    *int
	again       bool // it stands inside the very schema that it refers to
}

// property is a named member of an object node.
type property struct {
	name     string
	required bool
	node     *node
}

// rawSchema holds the keywords that are read. Properties keep their order.
type rawSchema struct {
	Ref         string            `json:"$ref"`
	Type        json.RawMessage   `json:"type"`
	Format      string            `json:"format"`
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Labels      json.RawMessage   `json:"x-labels"`
	Enum        []any             `json:"enum"`
	Const       json.RawMessage   `json:"const"`
	Properties  orderedObject     `json:"properties"`
	Required    json.RawMessage   `json:"required"`
	Items       json.RawMessage   `json:"items"`
	AnyOf       []json.RawMessage `json:"anyOf"`
	OneOf       []json.RawMessage `json:"oneOf"`
	AllOf       []json.RawMessage `json:"allOf"`
	Nullable    bool              `json:"nullable"`
	Pattern     string            `json:"pattern"`
	Minimum     *float64          `json:"minimum"`
	Maximum     *float64          `json:"maximum"`
	MaxLength   *int              `json:"maxLength"`
	MaxItems    *int              `json:"maxItems"`
}

// member is a key of a JSON object with its text.
type member struct {
	key   string
	value json.RawMessage
}

// orderedObject is a JSON object that keeps the order of its keys; anything else decodes as empty.
type orderedObject []member

// UnmarshalJSON implements json.Unmarshaler.
func (o *orderedObject) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	tok, err := dec.Token()
	if err != nil {
		return fmt.Errorf("read object: %w", err)
	}
	if tok != json.Delim('{') {
		return nil
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return fmt.Errorf("read key: %w", err)
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return fmt.Errorf("read value: %w", err)
		}
		name, _ := key.(string) // object keys are strings
		if i := slices.IndexFunc(*o, func(m member) bool { return m.key == name }); i >= 0 {
			(*o)[i].value = v
			continue
		}
		*o = append(*o, member{name, v})
	}
	return nil
}

type schemaParser struct {
	root  json.RawMessage
	nodes int
	open  map[string]int // references that are being read, "#" from the start
}

// parseSchema reads a schema. Keywords that it does not know, or whose value has the wrong form, are ignored.
func parseSchema(raw json.RawMessage) (*node, error) {
	var probe map[string]json.RawMessage
	if err := json.Unmarshal(raw, &probe); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if probe == nil {
		return nil, errors.New("not a JSON object")
	}
	p := &schemaParser{root: raw, open: map[string]int{"#": 1}}
	return p.parse(raw, 0), nil
}

func (p *schemaParser) parse(raw json.RawMessage, depth int) *node {
	p.nodes++
	n := &node{}
	if depth > maxSchemaDepth || p.nodes > maxSchemaNodes {
		n.typ, n.nullable = "null", true
		return n
	}
	s, ok := decodeKeywords(raw)
	if !ok {
		return n // true, false or nonsense: anything
	}
	if s.Ref != "" {
		n = p.referred(s.Ref, depth)
	}
	for _, part := range s.AllOf {
		merge(n, p.parse(part, depth+1))
	}
	own := p.own(&s, depth)
	p.alternatives(own, s, depth)
	merge(n, own)
	inferType(n)
	return n
}

// referred reads what a reference means. A schema that refers to itself is read once more, so that a parent, a child or a
// next one can be found; what lies deeper is read as null.
func (p *schemaParser) referred(ref string, depth int) *node {
	if rest, ok := strings.CutPrefix(ref, "#"); ok {
		ref = strings.TrimSuffix("#/"+strings.Trim(rest, "/"), "/")
	}
	target := p.resolve(ref)
	if target == nil {
		return &node{}
	}
	if p.open[ref] > 1 {
		return &node{typ: "null", nullable: true}
	}
	p.open[ref]++
	n := p.parse(target, depth+1)
	p.open[ref]--
	n.again = p.open[ref] > 0
	return n
}

// decodeKeywords decodes keyword by keyword, so that one of a wrong form does not hide the others.
func decodeKeywords(raw json.RawMessage) (rawSchema, bool) {
	var s rawSchema
	if err := json.Unmarshal(raw, &s); err == nil {
		return s, len(bytes.TrimSpace(raw)) > 0 && bytes.TrimSpace(raw)[0] == '{'
	}
	var o orderedObject
	if err := json.Unmarshal(raw, &o); err != nil || len(o) == 0 {
		return s, false
	}
	for _, m := range o {
		one, err := json.Marshal(map[string]json.RawMessage{m.key: m.value})
		if err != nil {
			continue
		}
		next := s
		if json.Unmarshal(one, &next) == nil {
			s = next
		}
	}
	return s, true
}

// own reads the keywords of one schema object without its combinations.
func (p *schemaParser) own(s *rawSchema, depth int) *node {
	n := &node{
		format: s.Format, title: s.Title, description: s.Description, labels: stringList(s.Labels), constant: s.Const,
		nullable: s.Nullable, minimum: s.Minimum, maximum: s.Maximum, maxLength: s.MaxLength, maxItems: s.MaxItems,
	}
	for _, t := range stringList(s.Type) {
		switch {
		case t == "null":
			n.nullable = true
		case n.typ == "" || n.typ == "string" && t != "string":
			n.typ = t // ["string","number"] is read as the narrower type
		}
	}
	if n.typ == "" && n.nullable && len(stringList(s.Type)) > 0 {
		n.typ = "null"
	}
	for _, v := range s.Enum {
		if v == nil {
			n.nullable = true
			continue
		}
		n.enum = append(n.enum, v)
	}
	if s.Pattern != "" && len(s.Pattern) < 500 {
		if re, err := regexp.Compile(s.Pattern); err == nil {
			n.pattern = re
		}
	}
	required := stringList(s.Required)
	for _, m := range s.Properties {
		n.props = append(n.props, property{m.key, slices.Contains(required, m.key), p.parse(m.value, depth+1)})
	}
	if len(s.Items) > 0 {
		n.items = p.parse(s.Items, depth+1)
	}
	return n
}

// alternatives takes the first alternative that is not null; the others only say whether null is admitted. Constants beside each other
// are an enumeration.
func (p *schemaParser) alternatives(n *node, s rawSchema, depth int) {
	for _, list := range [][]json.RawMessage{s.AnyOf, s.OneOf} {
		var alts []*node
		for _, raw := range list {
			alt := p.parse(raw, depth+1)
			if alt.typ == "null" || string(alt.constant) == "null" {
				n.nullable = true
				continue
			}
			alts = append(alts, alt)
		}
		if len(alts) == 0 {
			continue
		}
		if enum, told, ok := constants(alts); ok && (len(alts) > 1 || n.nullable) {
			merge(n, &node{typ: alts[0].typ, enum: enum, told: told})
			continue
		}
		merge(n, alts[0])
	}
}

// resolve follows a local reference, "#" or a JSON Pointer behind it.
func (p *schemaParser) resolve(ref string) json.RawMessage {
	rest, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	cur := p.root
	for part := range strings.SplitSeq(strings.TrimPrefix(rest, "/"), "/") {
		if part == "" {
			continue
		}
		var o map[string]json.RawMessage
		if json.Unmarshal(cur, &o) != nil {
			return nil
		}
		part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		if cur, ok = o[part]; !ok {
			return nil
		}
	}
	return cur
}

// merge adds to n what it lacks and b says.
func merge(n, b *node) {
	n.nullable = n.nullable || b.nullable
	n.again = n.again || b.again
	n.typ = first(n.typ, b.typ)
	n.format = first(n.format, b.format)
	n.title = first(b.title, n.title) // the outer schema, merged last, speaks of this place
	n.description = first(b.description, n.description)
	n.labels = append(n.labels, b.labels...)
	if n.enum == nil {
		n.enum, n.told = b.enum, b.told
	}
	if n.constant == nil {
		n.constant = b.constant
	}
	n.props = append(n.props, b.props...)
	if n.items == nil {
		n.items = b.items
	}
	if n.pattern == nil {
		n.pattern = b.pattern
	}
	if n.minimum == nil {
		n.minimum = b.minimum
	}
	if n.maximum == nil {
		n.maximum = b.maximum
	}
	if n.maxLength == nil {
		n.maxLength = b.maxLength
	}
	if n.maxItems == nil {
		n.maxItems = b.maxItems
	}
}

func inferType(n *node) {
	if n.typ != "" {
		return
	}
	switch {
	case len(n.props) > 0:
		n.typ = "object"
	case n.items != nil:
		n.typ = "array"
	case len(n.enum) > 0:
		switch n.enum[0].(type) {
		case bool:
			n.typ = "boolean"
		case float64:
			n.typ = "number"
		default:
			n.typ = "string"
		}
	case n.format != "" || n.pattern != nil:
		n.typ = "string"
	}
}

// stringList reads a string or a list of strings.
func stringList(raw json.RawMessage) []string {
	if len(raw) == 0 {
		return nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		if one == "" {
			return nil
		}
		return []string{one}
	}
	var many []any
	if json.Unmarshal(raw, &many) != nil {
		return nil
	}
	var out []string
	for _, v := range many {
		if s, ok := v.(string); ok && s != "" {
			out = append(out, s)
		}
	}
	return out
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
