package main

import (
	"fmt"
	"strconv"
	"strings"
)

// place is one spot of a document where a value stands.
type place struct {
	Page  int    `json:"page"` // 1-based; 0 in a text without pages
	Quote string `json:"quote"`
}

// found is a field whose value stands in the document.
type found struct {
	value    any
	verbatim bool
	places   []place // the first is the one that a reader would name
}

// recorder collects the marks of a document while it is drawn: the gold comes from what stands on the page.
type recorder struct {
	root   *node
	locale locale
	fields map[string]*found // by concrete path
	length map[string]int    // of lists and tables, by their path
	text   map[int]*strings.Builder
	errs   []error
}

func newRecorder(root *node, l locale) *recorder {
	return &recorder{
		root: root, locale: l,
		fields: map[string]*found{}, length: map[string]int{}, text: map[int]*strings.Builder{},
	}
}

// plain returns the words to draw, without recording anything. It is for measuring.
func (r *recorder) plain(markup string) string {
	words, _, err := parseMarkup(markup)
	if err != nil {
		r.errs = append(r.errs, err)
	}
	return words
}

// draw records the marks of a text that is being drawn on a page and returns its words.
func (r *recorder) draw(page int, markup string) string {
	words, marks, err := parseMarkup(markup)
	if err != nil {
		r.errs = append(r.errs, err)
	}
	if r.text[page] == nil {
		r.text[page] = &strings.Builder{}
	}
	r.text[page].WriteString(words + "\n")
	for _, m := range marks {
		if err := r.add(page, m); err != nil {
			r.errs = append(r.errs, fmt.Errorf("mark %s: %w", m.path, err))
		}
	}
	return words
}

func (r *recorder) add(page int, m mark) error {
	path := r.index(m.path)
	leaf, _ := r.root.find(path)
	if leaf == nil || leaf.class == "object" || leaf.class == "array" {
		return fmt.Errorf("no such leaf in the field table")
	}
	var value any
	var err error
	if m.hasValue {
		value, err = given(leaf, m.value)
	} else {
		value, err = r.locale.read(leaf, m.quote)
	}
	if err != nil {
		return err
	}
	here := place{Page: page, Quote: fold(m.quote)}
	old := r.fields[path]
	if old == nil {
		r.fields[path] = &found{value, r.locale.standsVerbatim(leaf, m.quote, value), []place{here}}
		return nil
	}
	if old.value != value {
		return fmt.Errorf("stands twice with different values: %v and %v", old.value, value)
	}
	for _, p := range old.places {
		if p == here {
			return nil
		}
	}
	old.places = append(old.places, here)
	return nil
}

// index resolves "+" in a path and keeps the lengths of arrays.
func (r *recorder) index(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		list := strings.Join(parts[:i], "/")
		if part == "+" {
			parts[i] = strconv.Itoa(r.length[list])
			r.length[list]++
		} else if n, err := strconv.Atoi(part); err == nil {
			r.length[list] = max(r.length[list], n+1)
		}
	}
	return strings.Join(parts, "/")
}

// field is an entry of fields.json.
type field struct {
	Path      string  `json:"path"`                 // JSON Pointer
	Class     string  `json:"class"`                // what reports are grouped by
	ItemClass string  `json:"item_class,omitempty"` // how a leaf of a line item is compared
	Verbatim  bool    `json:"verbatim"`
	Page      *int    `json:"page,omitempty"`
	Quote     string  `json:"quote,omitempty"`
	Also      []place `json:"also,omitempty"` // further spots where the same value stands
}

// gold returns the expected answer and the list of its leaves, in the order of the schema.
func (r *recorder) gold(st style) (expected object, fields []field) {
	g := &goldWriter{rec: r, style: st}
	return g.object(r.root, "", false), g.fields
}

type goldWriter struct {
	rec    *recorder
	style  style
	fields []field
}

func (g *goldWriter) object(n *node, prefix string, inItems bool) object {
	o := object{}
	for _, c := range n.children {
		value := g.value(c, prefix+c.name, inItems)
		if value == nil && g.style == plain {
			continue
		}
		o = append(o, member{c.name, value})
	}
	return o
}

func (g *goldWriter) value(n *node, path string, inItems bool) any {
	switch n.class {
	case "object":
		return g.object(n, path+"/", inItems)
	case "array":
		list := []any{}
		for i := range g.rec.length[path] {
			inner := inItems || n.items.class == "object"
			list = append(list, g.value(n.items, path+"/"+strconv.Itoa(i), inner))
		}
		return list
	}
	return g.leaf(n, path, inItems)
}

func (g *goldWriter) leaf(n *node, path string, inItems bool) any {
	f := field{Path: "/" + path, Class: reportClass(n.class)}
	if inItems {
		f.Class, f.ItemClass = "line_item", f.Class
	}
	hit := g.rec.fields[path]
	if hit == nil {
		if n.required {
			g.rec.errs = append(g.rec.errs, fmt.Errorf("%s: required but marked nowhere", path))
		}
		g.fields = append(g.fields, f)
		return nil
	}
	f.Verbatim, f.Page, f.Quote, f.Also = hit.verbatim, &hit.places[0].Page, hit.places[0].Quote, hit.places[1:]
	g.fields = append(g.fields, f)
	return hit.value
}

func reportClass(class string) string {
	switch class {
	case "datetime":
		return "date"
	case "integer":
		return "number"
	}
	return class
}
