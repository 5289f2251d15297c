package main

import (
	"fmt"
	"strings"
	"unicode"
)

// style is the way a user writes a schema.
type style int

const (
	nullable style = iota // "type": ["string", "null"], everything required, no further properties
	pydantic              // "anyOf" with null, generated titles, "$defs" for nested objects
	plain                 // bare types; a field that may be missing is just not required
)

// node is a field of a schema, or an object or array of them. The root is an object without a name.
type node struct {
	name        string
	class       string // text, date, amount, ...; "object" and "array" for inner nodes
	title       string
	description string
	enum        []string
	told        []string // what each word of enum means; nil when the schema does not say
	required    bool     // always stands in the document; never null
	items       *node
	children    []*node
}

// parseFields reads the field table of a document. A line is a path, a class, and optionally a title and a description:
//
//	number!       text            | Invoice number | As the seller numbers it
//	buyer/name    text
//	status        enum(paid,open) | Status
//	skills[]      list            | Skills
//	items[]/price amount          | Unit price
//	verdict       choice(pay: it is paid; deny: nothing is paid) | Verdict
//
// "choice" is an enumeration whose words are told: "oneOf" of constants with descriptions.
// "!" marks a field that is never null. Inner objects and arrays are made by the paths that go through them; a line of class
// "object" or "array" gives them a title and a description.
func parseFields(table string) (*node, error) {
	root := &node{class: "object"}
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if err := root.add(line); err != nil {
			return nil, fmt.Errorf("field table: %q: %w", line, err)
		}
	}
	return root, nil
}

func (n *node) add(line string) error {
	line, told, err := cutChoice(line)
	if err != nil {
		return err
	}
	head, title, _ := strings.Cut(line, "|")
	title, description, _ := strings.Cut(title, "|")
	words := strings.Fields(head)
	if len(words) != 2 {
		return fmt.Errorf("want a path and a class")
	}
	path, required := strings.CutSuffix(words[0], "!")
	leaf := n.reach(path)
	leaf.title, leaf.description, leaf.required = strings.TrimSpace(title), strings.TrimSpace(description), required
	class := words[1]
	if options, ok := strings.CutPrefix(class, "enum("); ok {
		leaf.enum = strings.Split(strings.TrimSuffix(options, ")"), ",")
		class = "enum"
	}
	for _, option := range told {
		word, meaning, _ := strings.Cut(option, ":")
		leaf.enum, leaf.told = append(leaf.enum, strings.TrimSpace(word)), append(leaf.told, strings.TrimSpace(meaning))
	}
	switch class {
	case "object", "array":
		leaf.class = class
	case "list":
		leaf.class, leaf.items = "array", &node{class: "list", required: true}
	case "text", "date", "datetime", "amount", "number", "integer", "currency", "email", "phone", "url", "iban",
		"tax_id", "enum", "boolean":
		leaf.class = class
	default:
		return fmt.Errorf("unknown class %q", class)
	}
	return nil
}

// cutChoice takes the options out of a line of class "choice(word: meaning; …)", which is then one of class enum.
func cutChoice(line string) (rest string, options []string, err error) {
	head, tail, ok := strings.Cut(line, " choice(")
	if !ok {
		return line, nil, nil
	}
	inner, tail, ok := strings.Cut(tail, ")")
	if !ok {
		return "", nil, fmt.Errorf("choice without its end")
	}
	return head + " enum" + tail, strings.Split(inner, ";"), nil
}

// reach returns the node at a path of the field table, making what is missing on the way.
func (n *node) reach(path string) *node {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		name, array := strings.CutSuffix(part, "[]")
		child := n.child(name)
		if child == nil {
			child = &node{name: name, class: "object"}
			n.children = append(n.children, child)
		}
		if array && i < len(parts)-1 {
			child.class = "array"
			if child.items == nil {
				child.items = &node{name: name, class: "object", required: true}
			}
			child = child.items
		}
		n = child
	}
	return n
}

func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// find returns the leaf at a concrete path such as items/0/price, or nil. inItems tells that it stands in an array of objects.
func (n *node) find(path string) (leaf *node, inItems bool) {
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case n == nil:
			return nil, false
		case n.class == "array":
			n = n.items
			inItems = inItems || n.class == "object"
		default:
			n = n.child(part)
		}
	}
	return n, inItems
}

// schemaJSON writes the JSON Schema of a root node.
func schemaJSON(root *node, title string, st style) object {
	w := &schemaWriter{style: st}
	o := object{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", title}}
	o = append(o, w.objectBody(root)...)
	if len(w.defs) > 0 {
		o = append(o, member{"$defs", w.defs})
	}
	return o
}

type schemaWriter struct {
	style style
	defs  object
}

func (w *schemaWriter) objectBody(n *node) object {
	props, required := object{}, []string{}
	for _, c := range n.children {
		props = append(props, member{c.name, w.property(c)})
		if w.style == nullable || c.required {
			required = append(required, c.name)
		}
	}
	o := object{{"type", "object"}, {"properties", props}}
	if len(required) > 0 {
		o = append(o, member{"required", required})
	}
	if w.style == nullable {
		o = append(o, member{"additionalProperties", false})
	}
	return o
}

func (w *schemaWriter) property(n *node) object {
	var o object
	switch {
	case n.class == "object":
		o = w.nested(n)
	case n.class == "array":
		o = object{{"type", "array"}, {"items", w.property(n.items)}}
	default:
		o = w.leaf(n)
	}
	if w.style == pydantic && n.title == "" && n.name != "" && n.class != "object" {
		o = append(o, member{"title", words(n.name)})
	}
	if n.title != "" {
		o = append(o, member{"title", n.title})
	}
	if n.description != "" {
		o = append(o, member{"description", n.description})
	}
	return o
}

// nested writes an object in place, or as a definition with a reference to it.
func (w *schemaWriter) nested(n *node) object {
	if w.style != pydantic {
		return w.objectBody(n)
	}
	name := strings.ReplaceAll(words(n.name), " ", "")
	body := append(object{{"title", name}}, w.objectBody(n)...)
	w.defs = append(w.defs, member{name, body})
	return object{{"$ref", "#/$defs/" + name}}
}

func (w *schemaWriter) leaf(n *node) object {
	if len(n.told) > 0 {
		return w.choice(n)
	}
	typ, format := jsonType(n.class)
	o := object{{"type", typ}}
	if format != "" {
		o = append(o, member{"format", format})
	}
	enum := make([]any, 0, len(n.enum)+1)
	for _, e := range n.enum {
		enum = append(enum, e)
	}
	if n.required || w.style == plain {
		if len(enum) > 0 {
			o = append(o, member{"enum", enum})
		}
		return o
	}
	if w.style == pydantic {
		if len(enum) > 0 {
			o = append(o, member{"enum", enum})
		}
		return object{{"anyOf", []object{o, {{"type", "null"}}}}, {"default", nil}}
	}
	o[0].value = []string{typ, "null"}
	if len(enum) > 0 {
		o = append(o, member{"enum", append(enum, nil)})
	}
	return o
}

// choice writes an enumeration whose words are told.
func (w *schemaWriter) choice(n *node) object {
	var options []object
	for i, word := range n.enum {
		options = append(options, object{{"const", word}, {"description", n.told[i]}})
	}
	if !n.required && w.style != plain {
		options = append(options, object{{"type", "null"}})
	}
	return object{{"oneOf", options}}
}

// jsonType returns the JSON Schema type and format of a class.
func jsonType(class string) (typ, format string) {
	switch class {
	case "date":
		return "string", "date"
	case "datetime":
		return "string", "date-time"
	case "email":
		return "string", "email"
	case "url":
		return "string", "uri"
	case "amount", "number":
		return "number", ""
	case "integer":
		return "integer", ""
	case "boolean":
		return "boolean", ""
	}
	return "string", ""
}

// words makes a title of a name: invoice_number and invoiceNumber both give "Invoice Number".
func words(name string) string {
	var b strings.Builder
	up := true
	for i, r := range name {
		switch {
		case r == '_':
			b.WriteByte(' ')
			up = true
			continue
		case unicode.IsUpper(r) && i > 0:
			b.WriteByte(' ')
		}
		if up {
			r = unicode.ToUpper(r)
		}
		up = false
		b.WriteRune(r)
	}
	return b.String()
}
