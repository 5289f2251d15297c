package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/stewardhq/steward"
)

// kind is what a document describes.
const kind = "Agent"

// maxSize is how long a file may be.
const maxSize = 16 << 20

// Read returns the agents of a YAML file, in order; name is the file's, for messages. Documents that hold nothing are skipped.
//
// Errors: *Error, naming file, line and key, for anything that is not an agent: unknown and repeated keys, values of a wrong kind,
// aliases that unfold to more than a million values.
func Read(name string, text []byte) (agents []Agent, err error) {
	r := &reader{file: name, anchors: map[string]any{}}
	if len(text) > maxSize {
		return nil, r.faultAt(1, "the file is longer than %d MiB", maxSize>>20)
	}
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, r.syntax(err)
	}
	for _, doc := range f.Docs {
		if doc == nil || doc.Body == nil || doc.Body.Type() == ast.NullType {
			continue
		}
		clear(r.anchors)
		a, err := r.agent(doc.Body)
		if err != nil {
			return nil, err
		}
		agents = append(agents, a)
	}
	return agents, nil
}

// reader turns the nodes of one file into agents.
type reader struct {
	file    string
	anchors map[string]any
	count   int // values made so far
}

func (r *reader) faultAt(line int, format string, args ...any) error {
	return &Error{File: r.file, Line: max(line, 1), Message: fmt.Sprintf(format, args...)}
}

func (r *reader) fault(n ast.Node, format string, args ...any) error {
	return r.faultAt(lineOf(n), format, args...)
}

func lineOf(n ast.Node) int {
	if n == nil {
		return 1
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

// syntax makes a fault of a parser's error, whose first line tells what is wrong and whose others draw it.
func (r *reader) syntax(err error) error {
	line := 1
	text := err.Error()
	if in := (interface{ GetToken() *token.Token })(nil); errors.As(err, &in) {
		if t := in.GetToken(); t != nil && t.Position != nil {
			line = t.Position.Line
		}
	}
	text, _, _ = strings.Cut(text, "\n")
	return r.faultAt(line, "%s", regexp.MustCompile(`^\[\d+:\d+\] `).ReplaceAllString(text, ""))
}

// agent reads a document.
func (r *reader) agent(body ast.Node) (a Agent, err error) {
	a.Source = fmt.Sprintf("%s:%d", r.file, lineOf(body))
	members, err := r.members(body, "the document")
	if err != nil {
		return a, err
	}
	for _, m := range members {
		if err := r.member(&a, m); err != nil {
			return a, err
		}
	}
	switch {
	case !slices.ContainsFunc(members, func(m entry) bool { return m.name == "kind" }):
		return a, r.fault(body, "kind is missing: agents have kind: %s", kind)
	case a.Name == "":
		return a, r.fault(body, "name is missing")
	case a.Engine == "":
		return a, r.fault(body, "engine is missing")
	}
	return a, nil
}

// member reads one key of a document.
func (r *reader) member(a *Agent, m entry) error {
	switch m.name {
	case "kind":
		if s, ok := m.value.(string); !ok || s != kind {
			return r.faultAt(m.line, "kind %v is not known; there is only %s", m.value, kind)
		}
		return nil
	case "name":
		return r.text(&a.Name, m)
	case "engine":
		return r.text(&a.Engine, m)
	case "description":
		return r.text(&a.Description, m)
	case "version_name":
		return r.text(&a.VersionName, m)
	case "disable_cache":
		return r.flag(&a.DisableCache, m)
	case "cache_failed_jobs":
		return r.flag(&a.CacheFailedJobs, m)
	case "config":
		return r.config(a, m)
	case "inputs":
		return r.inputs(a, m)
	case "tags":
		return r.tags(a, m)
	}
	return r.faultAt(m.line, "the key %q is not known%s", m.name, nearest(m.name, keys()))
}

func keys() []string {
	return []string{"kind", "name", "engine", "description", "version_name", "config", "inputs", "disable_cache", "cache_failed_jobs", "tags"}
}

func inputKeys() []string {
	return []string{"key", "data_type", "description", "example", "accepts_multiple_files"}
}

// nearest proposes the known key that begins like an unknown one, or lists all.
func nearest(name string, known []string) string {
	for _, k := range known {
		if len(name) >= 3 && len(k) >= 3 && strings.EqualFold(k[:3], name[:3]) {
			return fmt.Sprintf("; did you mean %q?", k)
		}
	}
	return "; there are " + strings.Join(known, ", ")
}

func (r *reader) text(to *string, m entry) error {
	s, ok := m.value.(string)
	if !ok || strings.TrimSpace(s) == "" {
		return r.faultAt(m.line, "%s must be a text that is not empty%s", m.name, quoteHint(m.value))
	}
	*to = s
	return nil
}

// quoteHint tells who wrote 42 or true where a text belongs how to write it.
func quoteHint(v any) string {
	switch v.(type) {
	case json.Number, bool:
		return "; put quotes around it"
	}
	return ""
}

func (r *reader) flag(to **bool, m entry) error {
	b, ok := m.value.(bool)
	if !ok {
		return r.faultAt(m.line, "%s must be true or false", m.name)
	}
	*to = &b
	return nil
}

func (r *reader) config(a *Agent, m entry) error {
	if _, ok := m.value.(*object); !ok {
		return r.faultAt(m.line, "config must be a mapping of the engine's settings")
	}
	var b bytes.Buffer
	if err := encodeJSON(&b, m.value); err != nil {
		return r.faultAt(m.line, "config: %v", err)
	}
	a.Config = b.Bytes()
	return nil
}

func (r *reader) tags(a *Agent, m entry) error {
	list, ok := m.value.([]any)
	if !ok {
		return r.faultAt(m.line, "tags must be a list of names")
	}
	a.Tags = []string{}
	for _, v := range list {
		s, ok := v.(string)
		if !ok || strings.TrimSpace(s) == "" {
			return r.faultAt(m.line, "tags must be a list of names%s", quoteHint(v))
		}
		if !slices.Contains(a.Tags, s) {
			a.Tags = append(a.Tags, s)
		}
	}
	slices.Sort(a.Tags)
	return nil
}

func (r *reader) inputs(a *Agent, m entry) error {
	seq, ok := m.node.(*ast.SequenceNode)
	if !ok {
		return r.faultAt(m.line, "inputs must be a list, each with key, data_type and description")
	}
	a.Inputs = []steward.InputDefinition{}
	for _, n := range seq.Values {
		members, err := r.members(n, "an input")
		if err != nil {
			return err
		}
		var d steward.InputDefinition
		for _, im := range members {
			if err := r.inputMember(&d, im); err != nil {
				return err
			}
		}
		if d.Key == "" || d.DataType == "" {
			return r.fault(n, "an input needs key and data_type")
		}
		if d.Description == "" {
			d.Description = d.Key
		}
		a.Inputs = append(a.Inputs, d)
	}
	return nil
}

func (r *reader) inputMember(d *steward.InputDefinition, m entry) error {
	switch m.name {
	case "key":
		return r.text(&d.Key, m)
	case "data_type":
		return r.text(&d.DataType, m)
	case "description":
		return r.text(&d.Description, m)
	case "example":
		return r.text(&d.Example, m)
	case "accepts_multiple_files":
		var b *bool
		if err := r.flag(&b, m); err != nil {
			return err
		}
		d.AcceptsMultipleFiles = *b
		return nil
	}
	return r.faultAt(m.line, "the key %q is not known in an input%s", m.name, nearest(m.name, inputKeys()))
}

// entry is a member of a mapping with its place.
type entry struct {
	name  string
	value any
	node  ast.Node
	line  int
}

// members reads a mapping, in order. Errors: a key that comes twice; a merge key, which would hide where a value comes from.
func (r *reader) members(n ast.Node, what string) ([]entry, error) {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		return nil, r.fault(n, "%s must be a mapping of keys to values", what)
	}
	var list []entry
	for _, p := range pairs {
		name, err := r.name(p)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(list, func(e entry) bool { return e.name == name }) {
			return nil, r.fault(p.Key, "the key %q comes twice", name)
		}
		v, err := r.value(p.Value, 1)
		if err != nil {
			return nil, err
		}
		list = append(list, entry{name, v, p.Value, lineOf(p.Key)})
	}
	return list, nil
}

// name is the key of a pair, as a text.
func (r *reader) name(p *ast.MappingValueNode) (string, error) {
	v, err := r.value(p.Key, 1)
	if err != nil {
		return "", err
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return string(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", r.fault(p.Key, "a key must be a text")
}

// mostValues bounds what a small file of aliases can unfold to.
const mostValues = 1_000_000

// value turns a node into a value.
func (r *reader) value(n ast.Node, depth int) (any, error) {
	if r.count++; r.count > mostValues {
		return nil, r.fault(n, "the file has more than a million values")
	}
	if depth > deepest {
		return nil, r.fault(n, "%v", errDeep)
	}
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return nil, nil
	case *ast.BoolNode:
		return n.Value, nil
	case *ast.IntegerNode:
		return r.number(n, n.Token, fmt.Sprint(n.Value))
	case *ast.FloatNode:
		return r.number(n, n.Token, strconv.FormatFloat(n.Value, 'g', -1, 64))
	case *ast.InfinityNode, *ast.NanNode:
		return nil, r.fault(n, "JSON has no such number")
	case *ast.StringNode:
		if n.Token != nil && n.Token.Type == token.StringType && isNumber(n.Value) {
			return json.Number(n.Value), nil // a number too long for the parser
		}
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.SequenceNode:
		return r.list(n, depth)
	case *ast.MappingNode:
		return r.object(n.Values, depth)
	case *ast.MappingValueNode:
		return r.object([]*ast.MappingValueNode{n}, depth)
	case *ast.MappingKeyNode:
		return r.value(n.Value, depth+1)
	case *ast.AnchorNode:
		v, err := r.value(n.Value, depth+1)
		if err == nil && n.Name != nil {
			r.anchors[n.Name.String()] = v
		}
		return v, err
	case *ast.AliasNode:
		return r.alias(n)
	}
	return nil, r.fault(n, "%s is not taken here", strings.ToLower(n.Type().String()))
}

// isNumber reports whether a text is a number as JSON writes it.
func isNumber(s string) bool {
	return jsonNumber.MatchString(s)
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// number keeps the digits as they are written when JSON can write them so.
func (r *reader) number(n ast.Node, t *token.Token, parsed string) (any, error) {
	if t != nil && isNumber(t.Value) {
		return json.Number(t.Value), nil
	}
	if f, err := strconv.ParseFloat(parsed, 64); err != nil || math.IsInf(f, 0) || math.IsNaN(f) || !isNumber(parsed) {
		return nil, r.fault(n, "%s is not a number that JSON can write", parsed)
	}
	return json.Number(parsed), nil
}

func (r *reader) list(n *ast.SequenceNode, depth int) (any, error) {
	list := []any{}
	for _, e := range n.Values {
		v, err := r.value(e, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (r *reader) object(pairs []*ast.MappingValueNode, depth int) (any, error) {
	o := &object{}
	for _, p := range pairs {
		if _, merge := p.Key.(*ast.MergeKeyNode); merge {
			return nil, r.fault(p.Key, "merge keys (<<) are not taken; use an alias or write it out")
		}
		name, err := r.name(p)
		if err != nil {
			return nil, err
		}
		if _, twice := o.values[name]; twice {
			return nil, r.fault(p.Key, "the key %q comes twice", name)
		}
		v, err := r.value(p.Value, depth+1)
		if err != nil {
			return nil, err
		}
		o.set(name, v)
	}
	return o, nil
}

// alias returns the anchored value. What it unfolds to counts as if it were written out.
func (r *reader) alias(n *ast.AliasNode) (any, error) {
	name := ""
	if n.Value != nil {
		name = n.Value.String()
	}
	v, ok := r.anchors[name]
	if !ok {
		return nil, r.fault(n, "no anchor is called %q", name)
	}
	if r.count += size(v); r.count > mostValues {
		return nil, r.fault(n, "the file has more than a million values")
	}
	return v, nil
}

// size counts the values in a value, at most one over what is allowed.
func size(v any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if n += size(e); n > mostValues {
				break
			}
		}
	case *object:
		for _, e := range v.values {
			if n += size(e); n > mostValues {
				break
			}
		}
	}
	return n
}
