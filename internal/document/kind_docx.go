package document

import (
	"encoding/xml"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// wordFile is a Word document while it is read.
type wordFile struct {
	*archive
	pages  *pager
	styles map[string]paraStyle
	lists  *lists
	notes  map[string][]string // lines of the footnotes and endnotes, by kind and id
	marks  map[string]int      // their numbers, by kind and id
	cells  int                 // and rows
	left   textBudget          // of the lines that are kept of cells, notes, boxes and margins
	due    []string            // lines of the notes that the text has come by
	boxes  []string            // lines of the text boxes within the paragraph being read
}

// flow takes what a text is made of, in its order.
type flow interface {
	para(p *para)
	table(t *table)
}

// para is a paragraph.
type para struct {
	text  string // lines end with "\n", pages with "\f"
	level int    // of a heading; 0 for what is none
	close bool   // it follows the last one without an empty line
}

// openWord reads a Word document.
func (a *archive) openWord(main string) (Document, error) {
	w := &wordFile{archive: a, pages: &pager{ctx: a.ctx, name: a.name}, left: maxTextBytes, notes: map[string][]string{}, marks: map[string]int{}}
	if err := a.broken(w.read(main)); err != nil {
		return nil, err
	}
	return finish(w.pages, KindDOCX)
}

// read reads the document and the parts that it needs.
func (w *wordFile) read(main string) error {
	var heads, feet []string
	for _, r := range w.relations(main) {
		var err error
		switch kind := r.kind[strings.LastIndexByte(r.kind, '/')+1:]; kind {
		case "styles":
			w.styles, err = w.readStyles(r.target)
		case "numbering":
			w.lists, err = w.readLists(r.target)
		case "footnotes", "endnotes":
			err = w.readNotes(r.target, strings.TrimSuffix(kind, "s"))
		case "header":
			heads = append(heads, r.target)
		case "footer":
			feet = append(feet, r.target)
		}
		if err != nil && !errors.Is(err, errNoPart) {
			return err
		}
	}
	if err := w.margins(heads); err != nil {
		return err
	}
	if err := w.body(main); err != nil {
		return err
	}
	return w.margins(feet)
}

// body reads the text itself.
func (w *wordFile) body(main string) error {
	x, err := w.xml(main)
	if err != nil {
		return err
	}
	defer x.close()
	return x.root(func(xml.StartElement) error {
		return x.children(func(e xml.StartElement) error {
			if e.Name.Local != "body" {
				return x.skip()
			}
			return w.blocks(x, &pageFlow{w})
		})
	})
}

// margins adds the texts of headers or footers; what stands in several of them is added once.
func (w *wordFile) margins(parts []string) error {
	seen := map[string]bool{}
	for _, part := range parts {
		lines, err := w.part(part)
		if errors.Is(err, errNoPart) {
			continue
		}
		if err != nil {
			return err
		}
		if text := strings.Join(lines, "\n"); text != "" && !seen[text] {
			seen[text] = true
			w.pages.lines(lines, true)
		}
	}
	return nil
}

// part reads a header or a footer.
func (w *wordFile) part(name string) ([]string, error) {
	x, err := w.xml(name)
	if err != nil {
		return nil, err
	}
	defer x.close()
	f := lineFlow{left: &w.left}
	err = x.root(func(xml.StartElement) error { return w.blocks(x, &f) })
	return f.lines, err
}

// readNotes reads footnotes or endnotes.
func (w *wordFile) readNotes(part, kind string) error {
	x, err := w.xml(part)
	if err != nil {
		return err
	}
	defer x.close()
	return x.root(func(xml.StartElement) error {
		return x.children(func(e xml.StartElement) error {
			if t := attr(e, "type"); t != "" && t != "normal" { // the line above the notes
				return x.skip()
			}
			f := lineFlow{left: &w.left}
			err := w.blocks(x, &f)
			w.notes[kind+attr(e, "id")] = f.lines
			return err
		})
	})
}

// pageFlow puts a text onto pages. What stands in the boxes and notes of a paragraph or table follows it.
type pageFlow struct{ w *wordFile }

// para implements flow.
func (f *pageFlow) para(p *para) {
	(&pagerFlow{f.w.pages}).para(p)
	f.after()
}

// table implements flow.
func (f *pageFlow) table(t *table) {
	t.onto(f.w.pages)
	f.after()
}

// after adds boxes and notes.
func (f *pageFlow) after() {
	for _, lines := range [][]string{f.w.boxes, f.w.due} {
		if len(lines) > 0 {
			f.w.pages.lines(lines, true)
		}
	}
	f.w.boxes, f.w.due = nil, nil
}

// lineFlow gathers a text as lines, for cells, notes and margins.
type lineFlow struct {
	lines []string
	left  *textBudget // that the lines are counted to; nil for none
}

// para implements flow.
func (f *lineFlow) para(p *para) {
	for l := range strings.SplitSeq(strings.ReplaceAll(p.text, "\f", "\n"), "\n") {
		if strings.TrimSpace(l) != "" {
			f.lines = append(f.lines, l)
			f.left.take(len(l) + 1)
		}
	}
}

// table implements flow.
func (f *lineFlow) table(t *table) {
	for _, l := range t.lines() {
		f.lines = append(f.lines, l)
		f.left.take(len(l) + 1)
	}
}

// full ends the work when the document has too much text or the context ended.
func (w *wordFile) full() error {
	if w.left < 0 {
		return errText
	}
	w.pages.done()
	return w.pages.err
}

// tableOnto reads a table and hands it on; its cells, which are then no longer kept, are given back to the budget.
func (w *wordFile) tableOnto(x *xmlReader, f flow) error {
	t, left := &table{}, w.left
	if err := w.tableRows(x, t); err != nil {
		return err
	}
	w.left = left
	f.table(t)
	return w.full()
}

// paraOnto reads a paragraph and hands it on.
func (w *wordFile) paraOnto(x *xmlReader, f flow) error {
	p, err := w.paragraph(x)
	if err != nil {
		return err
	}
	f.para(p)
	return w.full()
}

// blocks reads paragraphs and tables up to the end of the element that has just begun.
func (w *wordFile) blocks(x *xmlReader, f flow) error {
	return x.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "p":
			return w.paraOnto(x, f)
		case "tbl":
			return w.tableOnto(x, f)
		case "sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag":
			return w.blocks(x, f)
		case "AlternateContent":
			return w.choice(x, func() error { return w.blocks(x, f) })
		}
		return x.skip()
	})
}

// choice reads the first of the forms in which a thing is stored.
func (w *wordFile) choice(x *xmlReader, read func() error) error {
	taken := false
	return x.children(func(e xml.StartElement) error {
		if taken || e.Name.Local != "Choice" && e.Name.Local != "Fallback" {
			return x.skip()
		}
		taken = true
		return read()
	})
}

// tableRows reads the rows of a table.
func (w *wordFile) tableRows(x *xmlReader, t *table) error {
	return x.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "tr":
			row, err := w.row(x)
			if w.cells++; err == nil && w.cells > maxCells {
				return errTooLong
			}
			t.rows = append(t.rows, row)
			return err
		case "sdt", "sdtContent", "customXml", "ins", "moveTo":
			return w.tableRows(x, t)
		}
		return x.skip()
	})
}

// row reads the cells of a row.
func (w *wordFile) row(x *xmlReader) (row []cell, err error) {
	column := 0
	var read func() error
	read = func() error {
		return x.children(func(e xml.StartElement) error {
			switch e.Name.Local {
			case "trPr":
				return x.children(func(e xml.StartElement) error {
					if e.Name.Local == "gridBefore" {
						column += spanOf(attr(e, "val"), 0)
					}
					return x.skip()
				})
			case "tc":
				lines, span, err := w.cell(x)
				if err != nil {
					return err
				}
				if column >= maxColumns {
					return errTooLong
				}
				if len(lines) > 0 {
					row = append(row, cell{column: int32(column), span: int32(span), text: strings.Join(lines, "\n")}) //nolint:gosec // both below maxColumns
					if w.cells++; w.cells > maxCells {
						return errTooLong
					}
				}
				column += span
				return nil
			case "sdt", "sdtContent", "customXml", "ins", "moveTo":
				return read()
			}
			return x.skip()
		})
	}
	err = read()
	return row, err
}

// spanOf reads a count of columns.
func spanOf(s string, least int) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return least
	}
	return min(max(n, least), maxColumns)
}

// cell reads a cell and tells how many columns it takes.
func (w *wordFile) cell(x *xmlReader) (lines []string, span int, err error) {
	span = 1
	f := lineFlow{left: &w.left}
	outer := w.boxes
	w.boxes = nil
	err = x.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "tcPr":
			return x.children(func(e xml.StartElement) error {
				if e.Name.Local == "gridSpan" {
					span = spanOf(attr(e, "val"), 1)
				}
				return x.skip()
			})
		case "p":
			return w.paraOnto(x, &f)
		case "tbl":
			return w.tableOnto(x, &f)
		case "sdt", "sdtContent", "customXml", "ins", "moveTo":
			return w.blocks(x, &f)
		}
		return x.skip()
	})
	f.lines = append(f.lines, w.boxes...)
	w.boxes = outer
	return f.lines, span, err
}

// paragraph reads a paragraph.
func (w *wordFile) paragraph(x *xmlReader) (*para, error) {
	var (
		p     para
		b     strings.Builder
		props paraProps
	)
	err := x.children(func(e xml.StartElement) error {
		if e.Name.Local == "pPr" {
			var err error
			props, err = readProps(x)
			return err
		}
		return w.inline(x, e, &b)
	})
	if err != nil {
		return nil, err
	}
	p.text, p.level, p.close = w.shown(b.String(), props)
	return &p, nil
}

// shown puts the number of a list before a paragraph, and tells the level of a heading and whether it is an entry of a list.
func (w *wordFile) shown(text string, props paraProps) (shown string, level int, listed bool) {
	style := w.styles[props.style]
	level = style.level
	if props.outline != noOutline {
		level = props.outline
	}
	if props.numbered == "" {
		props.numbered, props.listLevel = style.numbered, style.listLevel
	}
	var lines []string
	for l := range strings.SplitSeq(text, "\n") {
		lines = append(lines, strings.TrimRight(l, " "))
	}
	text = strings.Join(lines, "\n")
	if strings.TrimSpace(text) == "" {
		return strings.Repeat("\f", strings.Count(text, "\f")), 0, false
	}
	mark := w.lists.next(props.numbered, props.listLevel)
	if mark != "" {
		body := strings.TrimLeft(text, " \f\n")
		text = text[:len(text)-len(body)] + mark + " " + body
	}
	if props.breakBefore || style.breakBefore {
		text = "\f" + text
	}
	return text, level, mark != "" && level == 0
}

// inline reads a piece of a paragraph.
func (w *wordFile) inline(x *xmlReader, e xml.StartElement, b *strings.Builder) error {
	if b.Len() > maxTextBytes {
		return errToken
	}
	again := func(e xml.StartElement) error { return w.inline(x, e, b) }
	switch e.Name.Local {
	case "r":
		return w.run(x, b)
	case "hyperlink", "ins", "moveTo", "smartTag", "sdt", "sdtContent", "fldSimple", "customXml", "dir", "bdo", "oMath", "oMathPara":
		return x.children(again)
	case "AlternateContent":
		return w.choice(x, func() error { return x.children(again) })
	case "t": // of a formula, whose runs are read as the others
		s, err := x.text()
		b.WriteString(s)
		return err
	}
	if strings.HasSuffix(e.Name.Space, "/math") {
		return x.children(again)
	}
	return x.skip()
}

// run reads a run: a piece of text in one format.
func (w *wordFile) run(x *xmlReader, b *strings.Builder) error {
	var own strings.Builder
	hidden := false
	err := x.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "rPr":
			return x.children(func(e xml.StartElement) error {
				if e.Name.Local == "vanish" && isOn(attr(e, "val")) {
					hidden = true
				}
				return x.skip()
			})
		case "t":
			s, err := x.text()
			own.WriteString(strings.NewReplacer("\n", " ", "\t", "  ", "\f", " ", "\u00AD", "").Replace(tidy(s)))
			return err
		}
		return w.piece(x, e, &own)
	})
	if !hidden {
		b.WriteString(own.String())
	}
	return err
}

// piece reads what stands in a run beside its text.
func (w *wordFile) piece(x *xmlReader, e xml.StartElement, b *strings.Builder) error {
	switch e.Name.Local {
	case "tab", "ptab":
		b.WriteString("  ")
	case "cr":
		b.WriteByte('\n')
	case "br":
		if attr(e, "type") == "page" {
			b.WriteByte('\f')
		} else {
			b.WriteByte('\n')
		}
	case "lastRenderedPageBreak":
		b.WriteByte('\f')
	case "noBreakHyphen":
		b.WriteByte('-')
	case "sym":
		b.WriteString(symbol(attr(e, "char")))
	case "footnoteReference", "endnoteReference":
		w.note(strings.TrimSuffix(e.Name.Local, "Reference")+attr(e, "id"), b)
	case "ruby":
		return x.children(func(e xml.StartElement) error {
			if e.Name.Local != "rubyBase" {
				return x.skip()
			}
			return x.children(func(e xml.StartElement) error { return w.inline(x, e, b) })
		})
	case "AlternateContent":
		return w.choice(x, func() error {
			return x.children(func(e xml.StartElement) error { return w.piece(x, e, b) })
		})
	case "drawing", "pict", "object":
		return w.boxed(x)
	}
	return x.skip()
}

// boxed reads the text boxes of a drawing.
func (w *wordFile) boxed(x *xmlReader) error {
	return x.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "txbxContent":
			f := lineFlow{left: &w.left}
			outer := w.boxes // boxes within the box come behind it
			w.boxes = nil
			err := w.blocks(x, &f)
			w.boxes = append(append(outer, f.lines...), w.boxes...)
			return err
		case "AlternateContent":
			return w.choice(x, func() error { return w.boxed(x) })
		}
		return w.boxed(x)
	})
}

// note marks the place of a note and lets its text follow.
func (w *wordFile) note(key string, b *strings.Builder) {
	lines := w.notes[key]
	if len(lines) == 0 {
		return
	}
	n, known := w.marks[key]
	if !known {
		n = len(w.marks) + 1
		w.marks[key] = n
		w.due = append(w.due, "["+strconv.Itoa(n)+"] "+strings.TrimLeft(lines[0], " "))
		w.due = append(w.due, lines[1:]...)
	}
	b.WriteString("[" + strconv.Itoa(n) + "]")
}

// symbol is a character of a symbol font, where it is one that forms use.
func symbol(hex string) string {
	v, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		return ""
	}
	switch v {
	case 0xF0FE, 0xF052:
		return "☑"
	case 0xF0FD, 0xF053, 0xF078:
		return "☒"
	case 0xF0A8, 0xF06F, 0xF0A3:
		return "☐"
	case 0xF0FC:
		return "✓"
	case 0xF0B7, 0xF0A7:
		return "•"
	}
	if v >= 0xE000 && v < 0xF900 || !utf8.ValidRune(rune(v)) || v < ' ' { //nolint:gosec // G115: four digits in hexadecimal
		return "" // what it shows depends on the font
	}
	return string(rune(v)) //nolint:gosec // G115: four digits in hexadecimal
}

// isOn reads a switch, which is on when nothing is said.
func isOn(v string) bool { return v != "0" && v != "false" && v != "off" }
