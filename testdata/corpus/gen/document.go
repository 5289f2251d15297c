package main

import (
	"fmt"
	"strings"
)

// document is one document of the corpus: what stands in it, and what is asked of it.
type document struct {
	name   string
	kind   string // invoice, receipt, resume, listing, alert, contract
	lang   string // "" means English
	title  string // of the schema
	style  style
	locale locale
	fields string // field table; see parseFields

	text string // a plain text with marks; or:

	theme  theme
	header []block // on every page after the first
	footer []block // on every page
	body   []block
}

// file is one file of the output folder.
type file struct {
	path string
	data []byte
}

// built is a document as files, with what the checks need.
type built struct {
	doc      document
	source   []byte
	schema   []byte
	expected []byte
	fields   []byte
	gold     []field
	words    map[int]string // the drawn words of each page, in drawing order
}

func (b *built) sourceName() string {
	if b.doc.text != "" {
		return "document.txt"
	}
	return "document.pdf"
}

// files returns the folder of the document.
func (b *built) files() []file {
	dir := b.doc.name + "/"
	return []file{
		{dir + b.sourceName(), b.source},
		{dir + "schema.json", b.schema},
		{dir + "expected.json", b.expected},
		{dir + "fields.json", b.fields},
	}
}

// build draws a document and derives its schema and its gold from what was drawn.
func build(d document) (*built, error) {
	root, err := parseFields(d.fields)
	if err != nil {
		return nil, err
	}
	b := &built{doc: d, words: map[int]string{}}
	rec := newRecorder(root, d.locale)
	if d.text != "" {
		b.source = []byte(rec.draw(0, strings.TrimLeft(d.text, "\n")))
	} else {
		s := newSheet(rec, d.theme, d.name)
		s.header, s.footer = d.header, d.footer
		if b.source, err = s.render(d.body...); err != nil {
			return nil, err
		}
	}
	expected, gold := rec.gold(d.style)
	if len(rec.errs) > 0 {
		return nil, rec.errs[0]
	}
	for page, text := range rec.text {
		b.words[page] = text.String()
	}
	b.gold = gold
	if b.schema, err = indented(schemaJSON(root, d.title, d.style)); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if b.expected, err = indented(expected); err != nil {
		return nil, fmt.Errorf("expected: %w", err)
	}
	head := object{{"kind", d.kind}}
	if d.lang != "" {
		head = append(head, member{"lang", d.lang})
	}
	head = append(head, member{"source", b.sourceName()}, member{"fields", gold})
	b.fields, err = indented(head)
	return b, err
}
