package document

import (
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Limits of HTML.
const (
	maxHTMLDepth   = 400              // open elements; what stands deeper is read as if it stood higher
	maxHTMLToken   = 32 << 20         // bytes of one tag or text: pictures stand in tags
	maxHTMLSpan    = 1000             // columns or rows of a cell
	maxTableLayout = 8 * maxTextBytes // text that tables within tables may be laid out to, all in all
)

// openHTML reads a web page or the HTML of a mail: the text that a reader sees, tables laid out in rows and columns. Styles are not
// applied, but for elements that say themselves that they are hidden.
func openHTML(ctx context.Context, name string, data []byte, contentType string) (Document, error) {
	p := &pager{ctx: ctx, name: name}
	if err := htmlOnto(p, decodeText(data, contentType)); err != nil {
		return nil, err
	}
	return finish(p, KindHTML)
}

// htmlOnto writes the text of HTML to pages.
func htmlOnto(p *pager, text string) error {
	h := &htmlReader{pages: p, z: html.NewTokenizer(strings.NewReader(text)), flows: []flow{&pagerFlow{p}}}
	h.z.SetMaxBuf(maxHTMLToken)
	err := h.read()
	if errors.Is(err, errTooLong) || errors.Is(err, html.ErrBufferExceeded) {
		return unsupported(err, "%s is too large to be read.", p.name)
	}
	if err != nil {
		return unsupported(err, "%s is broken and cannot be read as HTML.", p.name)
	}
	return p.err
}

// pagerFlow puts paragraphs and tables onto pages.
type pagerFlow struct{ p *pager }

// para implements flow.
func (f *pagerFlow) para(p *para) {
	for i, text := range strings.Split(p.text, "\f") {
		if i > 0 {
			f.p.breakPage()
		}
		if text = strings.Trim(text, "\n"); text == "" {
			continue
		}
		if p.level > 0 {
			f.p.heading(text, p.level)
			p.level = 0
		}
		f.p.lines(strings.Split(text, "\n"), !p.close)
	}
}

// table implements flow.
func (f *pagerFlow) table(t *table) { t.onto(f.p) }

// recorded is a flow that keeps what it gets.
type recorded struct{ items []item }

// item is a paragraph or a table.
type item struct {
	para  *para
	table *table
}

// para implements flow.
func (r *recorded) para(p *para) { r.items = append(r.items, item{para: p}) }

// table implements flow.
func (r *recorded) table(t *table) { r.items = append(r.items, item{table: t}) }

// onto hands everything on.
func (r *recorded) onto(f flow) {
	for _, i := range r.items {
		if i.para != nil {
			f.para(i.para)
		} else {
			f.table(i.table)
		}
	}
}

// htmlReader turns the tokens of HTML into paragraphs and tables. It makes no tree: its work and memory grow with the text alone.
type htmlReader struct {
	pages  *pager
	z      *html.Tokenizer
	open   []openElement
	hidden int // of open
	flows  []flow
	tables []*htmlTable
	lists  []int // next number of each open list; -1 for one without numbers
	work   int   // bytes of tables laid out as lines

	text   strings.Builder
	space  bool   // white space is due before the next text
	prefix string // of the next paragraph: the mark of a list
	item   bool   // the paragraph belongs to a list and stands close to the last one
	level  int    // of the heading being read
	pre    int    // open elements in which white space is kept
}

// openElement is an element that has begun.
type openElement struct {
	name   atom.Atom
	other  string // its name when it has no atom
	hidden bool
}

// htmlTable is a table while it is read.
type htmlTable struct {
	rows   [][]htmlCell
	row    []htmlCell
	inRow  bool
	inCell bool
	column int
	busy   []int // for each column the row until which a cell from above takes it
}

// htmlCell is a cell with what stands in it.
type htmlCell struct {
	column, span int
	content      *recorded
}

// read reads all tokens, unless the pages are done before.
func (h *htmlReader) read() error {
	for !h.pages.done() {
		switch h.z.Next() {
		case html.ErrorToken:
			if err := h.z.Err(); !errors.Is(err, io.EOF) {
				return err
			}
			return h.finish()
		case html.TextToken:
			if h.hidden == 0 {
				h.write(string(h.z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := h.z.Token()
			if err := h.start(&t); err != nil {
				return err
			}
		case html.EndTagToken:
			name, _ := h.z.TagName()
			if err := h.end(atom.Lookup(name), string(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish closes what is open.
func (h *htmlReader) finish() error {
	for len(h.open) > 0 {
		if err := h.pop(); err != nil {
			return err
		}
	}
	h.flush()
	return nil
}

// write adds text, white space folded unless it is to be kept.
func (h *htmlReader) write(s string) {
	if h.pre > 0 {
		h.text.WriteString(strings.ReplaceAll(s, "\t", "    "))
		return
	}
	for i, word := range strings.FieldsFunc(s, isHTMLSpace) {
		if (h.space || i > 0 || isHTMLSpace(rune(s[0]))) && h.text.Len() > 0 && !strings.HasSuffix(h.text.String(), "\n") {
			h.text.WriteByte(' ')
		}
		h.space = false
		h.text.WriteString(strings.ReplaceAll(word, "\u00AD", ""))
	}
	if s != "" && isHTMLSpace(rune(s[len(s)-1])) {
		h.space = true
	}
}

// isHTMLSpace reports whether r is white space that is folded; blanks that do not break are no such ones.
func isHTMLSpace(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '\f' || r == '\r' }

// flush ends the paragraph.
func (h *htmlReader) flush() {
	text := strings.ReplaceAll(h.text.String(), "\f", "\n")
	h.text.Reset()
	h.space = false
	if h.pre == 0 {
		lines := strings.Split(text, "\n")
		for i := range lines {
			lines[i] = strings.TrimSpace(lines[i])
		}
		text = strings.Join(lines, "\n")
	}
	if strings.TrimSpace(text) == "" {
		return
	}
	text = h.prefix + strings.TrimRight(text, " \n")
	h.flows[len(h.flows)-1].para(&para{text: text, level: h.level, close: h.item})
	h.prefix, h.level = "", 0
}

// start handles the beginning of an element.
func (h *htmlReader) start(t *html.Token) error {
	a := t.DataAtom
	if err := h.implied(a); err != nil {
		return err
	}
	if isVoid(a) {
		if h.hidden == 0 {
			h.void(a, t)
		}
		return nil
	}
	e := openElement{name: a, hidden: isHidden(a, t)}
	if a == 0 {
		e.other = t.Data
	}
	if len(h.open) >= maxHTMLDepth {
		return nil
	}
	h.open = append(h.open, e)
	if e.hidden {
		h.hidden++
	}
	if h.hidden > 0 {
		return nil
	}
	return h.begin(a, t)
}

// begin handles the beginning of an element that is seen.
func (h *htmlReader) begin(a atom.Atom, t *html.Token) error {
	if isBlock(a) {
		h.flush()
	}
	switch a {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		h.level = int(t.Data[1] - '0')
	case atom.Pre, atom.Textarea:
		h.pre++
	case atom.Ul, atom.Menu, atom.Dir:
		h.lists = append(h.lists, -1)
	case atom.Ol:
		n, err := strconv.Atoi(tagAttr(t, "start"))
		if err != nil {
			n = 1
		}
		h.lists = append(h.lists, n)
	case atom.Li:
		h.listItem()
	case atom.Q:
		h.write("“")
	case atom.Table:
		h.tables = append(h.tables, &htmlTable{})
	case atom.Tr:
		if n := len(h.tables); n > 0 {
			h.tables[n-1].beginRow()
		}
	case atom.Td, atom.Th:
		return h.beginCell(t)
	}
	return nil
}

// listItem sets the mark of an entry of a list.
func (h *htmlReader) listItem() {
	n := len(h.lists)
	if n == 0 {
		return
	}
	h.item = true
	indent := strings.Repeat("  ", min(n-1, 10))
	if h.lists[n-1] < 0 {
		h.prefix = indent + "• "
		return
	}
	h.prefix = indent + strconv.Itoa(h.lists[n-1]) + ". "
	h.lists[n-1]++
}

// void handles an element without content.
func (h *htmlReader) void(a atom.Atom, t *html.Token) {
	switch a {
	case atom.Br:
		h.text.WriteByte('\n')
		h.space = false
	case atom.Hr:
		h.flush()
	case atom.Wbr:
		h.space = false
	case atom.Input:
		h.input(t)
	}
}

// input writes what a field of a form shows.
func (h *htmlReader) input(t *html.Token) {
	switch strings.ToLower(tagAttr(t, "type")) {
	case "hidden", "password", "file", "image", "range", "color":
	case "checkbox", "radio":
		mark := " ☐ "
		for _, at := range t.Attr {
			if at.Key == "checked" {
				mark = " ☑ "
			}
		}
		h.write(mark)
	default:
		h.write(" " + tidy(tagAttr(t, "value")) + " ")
	}
}

// implied ends elements that end where the next one begins.
func (h *htmlReader) implied(a atom.Atom) error {
	switch a {
	case atom.Li:
		return h.close([]atom.Atom{atom.Li}, []atom.Atom{atom.Ul, atom.Ol, atom.Menu, atom.Dir, atom.Td, atom.Th, atom.Table})
	case atom.Dt, atom.Dd:
		return h.close([]atom.Atom{atom.Dt, atom.Dd}, []atom.Atom{atom.Dl, atom.Td, atom.Th, atom.Table})
	case atom.Option, atom.Optgroup:
		return h.close([]atom.Atom{atom.Option}, []atom.Atom{atom.Select})
	case atom.Td, atom.Th:
		return h.close([]atom.Atom{atom.Td, atom.Th}, []atom.Atom{atom.Tr, atom.Table})
	case atom.Tr:
		return h.close([]atom.Atom{atom.Tr, atom.Caption, atom.Colgroup}, []atom.Atom{atom.Table})
	case atom.Thead, atom.Tbody, atom.Tfoot:
		return h.close([]atom.Atom{atom.Thead, atom.Tbody, atom.Tfoot, atom.Tr, atom.Caption, atom.Colgroup}, []atom.Atom{atom.Table})
	}
	if isBlock(a) && a != atom.Html {
		if err := h.close([]atom.Atom{atom.Head}, nil); err != nil {
			return err
		}
		return h.close([]atom.Atom{atom.P}, []atom.Atom{atom.Td, atom.Th, atom.Table, atom.Li, atom.Div, atom.Button, atom.Caption})
	}
	return nil
}

// close ends the outermost open element that is one of names, looking inwards out no further than an element of scope.
func (h *htmlReader) close(names, scope []atom.Atom) error {
	at := -1
	for i := len(h.open) - 1; i >= 0; i-- {
		if slices.Contains(scope, h.open[i].name) {
			break
		}
		if slices.Contains(names, h.open[i].name) {
			at = i
		}
	}
	for at >= 0 && len(h.open) > at {
		if err := h.pop(); err != nil {
			return err
		}
	}
	return nil
}

// end handles the end of an element: everything within it ends too. One that was not begun is passed over; cells and tables
// are not ended by what stands within them.
func (h *htmlReader) end(a atom.Atom, name string) error {
	if a == atom.Br {
		h.text.WriteByte('\n')
		return nil
	}
	part := isTablePart(a)
	for i := len(h.open) - 1; i >= 0; i-- {
		e := h.open[i]
		if e.name == a && (a != 0 || e.other == name) {
			for len(h.open) > i {
				if err := h.pop(); err != nil {
					return err
				}
			}
			return nil
		}
		if isTablePart(e.name) && (!part || e.name == atom.Table) {
			return nil
		}
	}
	return nil
}

// isTablePart reports whether an element is a table or a part of one.
func isTablePart(a atom.Atom) bool {
	switch a {
	case atom.Table, atom.Thead, atom.Tbody, atom.Tfoot, atom.Tr, atom.Td, atom.Th, atom.Caption:
		return true
	}
	return false
}

// pop ends the innermost open element.
func (h *htmlReader) pop() error {
	e := h.open[len(h.open)-1]
	h.open = h.open[:len(h.open)-1]
	if e.hidden {
		h.hidden--
		return nil
	}
	if h.hidden > 0 {
		return nil
	}
	if isBlock(e.name) {
		h.flush()
	}
	switch e.name {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		h.level = 0
	case atom.Pre, atom.Textarea:
		h.pre = max(0, h.pre-1)
	case atom.Ul, atom.Ol, atom.Menu, atom.Dir:
		h.lists = h.lists[:max(0, len(h.lists)-1)]
		h.item = len(h.lists) > 0
	case atom.Q:
		h.write("”")
	case atom.Td, atom.Th:
		h.endCell()
	case atom.Tr:
		if n := len(h.tables); n > 0 {
			h.tables[n-1].endRow()
		}
	case atom.Table:
		return h.endTable()
	}
	return nil
}

// beginRow begins a row of the table.
func (t *htmlTable) beginRow() {
	t.endRow()
	t.inRow, t.column = true, 0
}

// endRow ends the row.
func (t *htmlTable) endRow() {
	if t.inRow {
		t.rows = append(t.rows, t.row)
	}
	t.row, t.inRow = nil, false
}

// beginCell begins a cell of the innermost table.
func (h *htmlReader) beginCell(t *html.Token) error {
	n := len(h.tables)
	if n == 0 || h.tables[n-1].inCell {
		return nil
	}
	tab := h.tables[n-1]
	if !tab.inRow {
		tab.beginRow()
	}
	for tab.column < len(tab.busy) && tab.busy[tab.column] > len(tab.rows) {
		tab.column++
	}
	span, down := tagSpan(t, "colspan"), tagSpan(t, "rowspan")
	if tab.column+span > maxColumns {
		return errTooLong
	}
	for len(tab.busy) < tab.column+span {
		tab.busy = append(tab.busy, 0)
	}
	for i := range span {
		tab.busy[tab.column+i] = len(tab.rows) + down
	}
	content := &recorded{}
	tab.row = append(tab.row, htmlCell{column: tab.column, span: span, content: content})
	tab.column += span
	tab.inCell = true
	h.flows = append(h.flows, content)
	return nil
}

// endCell ends the cell of the innermost table.
func (h *htmlReader) endCell() {
	n := len(h.tables)
	if n == 0 || !h.tables[n-1].inCell {
		return
	}
	h.tables[n-1].inCell = false
	h.flows = h.flows[:len(h.flows)-1]
}

// endTable ends the innermost table. One of a single column only puts things below each other: it is no table to a reader.
func (h *htmlReader) endTable() error {
	n := len(h.tables)
	if n == 0 {
		return nil
	}
	h.endCell()
	tab := h.tables[n-1]
	tab.endRow()
	h.tables = h.tables[:n-1]
	out := h.flows[len(h.flows)-1]
	single := true
	for _, row := range tab.rows {
		seen := 0
		for _, c := range row {
			if len(c.content.items) > 0 {
				seen++
			}
		}
		single = single && seen <= 1
	}
	if single {
		for _, row := range tab.rows {
			for _, c := range row {
				c.content.onto(out)
			}
		}
		return nil
	}
	t := &table{rows: make([][]cell, len(tab.rows))}
	for i, row := range tab.rows {
		for _, c := range row {
			var f lineFlow
			c.content.onto(&f)
			text := strings.Join(f.lines, "\n")
			if h.work += len(text) + 1; h.work > maxTableLayout {
				return errTooLong
			}
			if text != "" {
				t.rows[i] = append(t.rows[i], cell{column: int32(c.column), span: int32(c.span), text: text}) //nolint:gosec // both below maxColumns
			}
		}
	}
	out.table(t)
	return nil
}

// tagSpan is how many columns or rows a cell takes.
func tagSpan(t *html.Token, name string) int {
	n, err := strconv.Atoi(strings.TrimSpace(tagAttr(t, name)))
	if err != nil {
		return 1
	}
	return min(max(n, 1), maxHTMLSpan)
}

// tagAttr is an attribute of a tag.
func tagAttr(t *html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// hiding is a style that hides an element.
var hiding = regexp.MustCompile(`(?i)(^|;)\s*(display\s*:\s*none|visibility\s*:\s*(hidden|collapse)|mso-hide\s*:\s*all)`)

// isHidden reports whether an element is not shown.
func isHidden(a atom.Atom, t *html.Token) bool {
	switch a {
	case atom.Script, atom.Style, atom.Head, atom.Title, atom.Template, atom.Noscript, atom.Iframe, atom.Object, atom.Svg, atom.Canvas,
		atom.Audio, atom.Video, atom.Datalist, atom.Select, atom.Noembed, atom.Noframes, atom.Map:
		return true
	}
	for _, at := range t.Attr {
		if at.Key == "hidden" || at.Key == "style" && len(at.Val) < 10_000 && hiding.MatchString(at.Val) {
			return true
		}
	}
	return false
}

// isVoid reports whether an element has no content and no end.
func isVoid(a atom.Atom) bool {
	switch a {
	case atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta, atom.Param,
		atom.Source, atom.Track, atom.Wbr, atom.Frame, atom.Basefont, atom.Bgsound, atom.Keygen:
		return true
	}
	return false
}

// isBlock reports whether an element begins and ends a line.
func isBlock(a atom.Atom) bool {
	switch a {
	case atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Button, atom.Caption, atom.Center, atom.Dd,
		atom.Details, atom.Dialog, atom.Dir, atom.Div, atom.Dl, atom.Dt, atom.Fieldset, atom.Figcaption, atom.Figure, atom.Footer,
		atom.Form, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Header, atom.Hgroup, atom.Hr, atom.Html, atom.Legend,
		atom.Li, atom.Main, atom.Menu, atom.Nav, atom.Ol, atom.P, atom.Pre, atom.Section, atom.Summary, atom.Table, atom.Tbody,
		atom.Td, atom.Textarea, atom.Tfoot, atom.Th, atom.Thead, atom.Tr, atom.Ul, atom.Option, atom.Optgroup:
		return true
	}
	return false
}
