package document

import (
	"encoding/xml"
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Limits of workbooks.
const (
	maxSheets  = 1000
	maxStrings = 2_000_000 // shared texts
	maxFormats = 100_000   // cell formats
	maxRowGap  = 1 << 21   // number of the last row
)

// excelFile is an Excel workbook while it is read.
type excelFile struct {
	*archive
	strings []string // shared texts, folded as cells show them
	size    int      // bytes of them
	formats []format // of cells
	from04  bool     // days count from 1904
	cells   int
	left    textBudget // of the texts of cells
}

// worksheet is a sheet of a workbook.
type worksheet struct{ name, part string }

// openExcel reads an Excel workbook: a page for each sheet, which is cut when it is long.
func (a *archive) openExcel(main string) (Document, error) {
	e := &excelFile{archive: a, left: maxTextBytes}
	p := &pager{ctx: a.ctx, name: a.name}
	if err := a.broken(e.read(main, p)); err != nil {
		return nil, err
	}
	return finish(p, KindXLSX)
}

// read reads the workbook and its sheets.
func (e *excelFile) read(main string, p *pager) error {
	relations := e.relations(main)
	parts := map[string]relation{}
	for _, r := range relations {
		parts[r.id] = r
		var err error
		switch {
		case strings.HasSuffix(r.kind, "/sharedStrings"):
			err = e.readStrings(r.target)
		case strings.HasSuffix(r.kind, "/styles"):
			err = e.readFormats(r.target)
		}
		if err != nil && !errors.Is(err, errNoPart) {
			return err
		}
	}
	sheets, err := e.sheets(main, parts)
	if err != nil {
		return err
	}
	for i, s := range sheets {
		if i > 0 {
			p.breakPage()
		}
		p.heading(s.name, 1)
		if len(sheets) > 1 {
			p.lines([]string{oneLine(s.name)}, false)
		}
		t, err := e.sheet(s.part)
		if errors.Is(err, errNoPart) {
			continue
		}
		if err != nil {
			return err
		}
		if t.onto(p); p.err != nil {
			return p.err
		}
	}
	return nil
}

// sheets reads which sheets there are, in their order. Charts have no cells.
func (e *excelFile) sheets(main string, parts map[string]relation) ([]worksheet, error) {
	x, err := e.xml(main)
	if err != nil {
		return nil, err
	}
	defer x.close()
	var all []worksheet
	err = x.root(func(xml.StartElement) error {
		return x.children(func(el xml.StartElement) error {
			switch el.Name.Local {
			case "workbookPr":
				v := attr(el, "date1904")
				e.from04 = v != "" && isOn(v)
			case "sheets":
				return x.children(func(el xml.StartElement) error {
					if len(all) == maxSheets {
						return errTooLong
					}
					if r, ok := parts[relationID(el)]; ok && strings.HasSuffix(r.kind, "/worksheet") {
						all = append(all, worksheet{name: attr(el, "name"), part: r.target})
					}
					return x.skip()
				})
			}
			return x.skip()
		})
	})
	return all, err
}

// relationID is the id of the link that an element stands for.
func relationID(el xml.StartElement) string {
	for _, a := range el.Attr {
		if a.Name.Local == "id" && strings.Contains(a.Name.Space, "relationships") {
			return a.Value
		}
	}
	return ""
}

// readStrings reads the texts that cells share.
func (e *excelFile) readStrings(part string) error {
	x, err := e.xml(part)
	if err != nil {
		return err
	}
	defer x.close()
	return x.root(func(xml.StartElement) error {
		return x.children(func(el xml.StartElement) error {
			if el.Name.Local != "si" {
				return x.skip()
			}
			s, err := richText(x)
			if err != nil {
				return err
			}
			s = fold(s)
			if e.size += len(s); e.size > maxTextBytes || len(e.strings) == maxStrings {
				return errTooLong
			}
			e.strings = append(e.strings, s)
			return nil
		})
	})
}

// richText reads a text that may be made of runs; readings of characters are left out.
func richText(x *xmlReader) (string, error) {
	var b strings.Builder
	var read func(el xml.StartElement) error
	read = func(el xml.StartElement) error {
		switch el.Name.Local {
		case "t":
			s, err := x.text()
			if b.Len()+len(s) > maxToken {
				return errToken
			}
			b.WriteString(s)
			return err
		case "r", "is":
			return x.children(read)
		}
		return x.skip()
	}
	err := x.children(read)
	return tidy(unescapeX(b.String())), err
}

// unescapeX undoes Excel's own way to write characters that XML has no place for: _x000D_.
func unescapeX(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	var b strings.Builder
	for {
		i := strings.Index(s, "_x")
		if i < 0 || len(s) < i+7 {
			break
		}
		v, err := strconv.ParseUint(s[i+2:i+6], 16, 16)
		if s[i+6] != '_' || err != nil || utf16.IsSurrogate(rune(v)) {
			b.WriteString(s[:i+2])
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		b.WriteRune(rune(v))
		s = s[i+7:]
	}
	b.WriteString(s)
	return b.String()
}

// readFormats reads how cells are shown.
func (e *excelFile) readFormats(part string) error {
	x, err := e.xml(part)
	if err != nil {
		return err
	}
	defer x.close()
	codes := map[int]string{}
	return x.root(func(xml.StartElement) error {
		return x.children(func(el xml.StartElement) error {
			switch el.Name.Local {
			case "numFmts":
				return x.children(func(el xml.StartElement) error {
					if id, err := strconv.Atoi(attr(el, "numFmtId")); err == nil && len(codes) < maxFormats {
						codes[id] = firstRunes(attr(el, "formatCode"), 1000)
					}
					return x.skip()
				})
			case "cellXfs":
				made := map[int]format{}
				return x.children(func(el xml.StartElement) error {
					if len(e.formats) == maxFormats {
						return errTooLong
					}
					id, _ := strconv.Atoi(attr(el, "numFmtId")) // what is no number is the general format
					f, ok := made[id]
					if !ok {
						code, own := codes[id]
						if !own {
							code = builtinFormat(id)
						}
						f = parseFormat(code)
						made[id] = f
					}
					e.formats = append(e.formats, f)
					return x.skip()
				})
			}
			return x.skip()
		})
	})
}

// sheet reads the cells of a sheet.
func (e *excelFile) sheet(part string) (*table, error) {
	x, err := e.xml(part)
	if err != nil {
		return nil, err
	}
	defer x.close()
	s := sheetRows{excel: e, at: map[int]int{}}
	err = x.root(func(xml.StartElement) error {
		return x.children(func(el xml.StartElement) error {
			switch el.Name.Local {
			case "sheetData":
				return x.children(func(el xml.StartElement) error { return s.row(x, el) })
			case "mergeCells":
				return x.children(func(el xml.StartElement) error {
					s.merge(attr(el, "ref"))
					return x.skip()
				})
			}
			return x.skip()
		})
	})
	return &s.table, err
}

// sheetRows gathers the rows of a sheet.
type sheetRows struct {
	excel *excelFile
	table table
	last  int         // number of the last row
	at    map[int]int // index of each row in the table, by its number
}

// row reads a row. Rows that are not there leave one empty line.
func (s *sheetRows) row(x *xmlReader, el xml.StartElement) error {
	if el.Name.Local != "row" {
		return x.skip()
	}
	number := s.last + 1
	if n, err := strconv.Atoi(attr(el, "r")); err == nil && n > s.last && n < maxRowGap {
		number = n
	}
	row, err := s.excel.row(x)
	if err != nil {
		return err
	}
	if len(row) > 0 {
		if len(s.table.rows) > 0 && number > s.last+1 {
			s.table.rows = append(s.table.rows, nil)
		}
		s.at[number] = len(s.table.rows)
		s.table.rows = append(s.table.rows, row)
		s.last = number
	}
	return nil
}

// merge notes that a range such as B2:D2 is one cell, whose text does not make its first column wide.
func (s *sheetRows) merge(ref string) {
	from, to, _ := strings.Cut(ref, ":")
	first, last := columnOf(from, 0), columnOf(to, 0)
	number, err := strconv.Atoi(strings.TrimLeft(from, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	i, ok := s.at[number]
	if err != nil || !ok || last <= first || last >= maxColumns {
		return
	}
	for c := range s.table.rows[i] {
		if s.table.rows[i][c].column == int32(first) { //nolint:gosec // below maxColumns
			s.table.rows[i][c].span = int32(last - first + 1) //nolint:gosec // as above
			return
		}
	}
}

// row reads the cells of a row that have text.
func (e *excelFile) row(x *xmlReader) (row []cell, err error) {
	next := 0
	err = x.children(func(el xml.StartElement) error {
		if el.Name.Local != "c" {
			return x.skip()
		}
		column := columnOf(attr(el, "r"), next)
		next = column + 1
		text, err := e.value(x, el)
		if err != nil {
			return err
		}
		if text == "" {
			return nil
		}
		if e.cells++; e.cells > maxCells || column >= maxColumns {
			return errTooLong
		}
		if e.left.take(len(text)); e.left < 0 {
			return errText
		}
		row = append(row, cell{column: int32(column), text: text}) //nolint:gosec // below maxColumns
		return nil
	})
	return row, err
}

// columnOf is the column of a place such as BC17; next when it is not stated or goes back.
func columnOf(ref string, next int) int {
	n := 0
	for _, c := range []byte(ref) {
		if c < 'A' || c > 'Z' || n > maxColumns {
			break
		}
		n = n*26 + int(c-'A') + 1
	}
	return max(n-1, next)
}

// value reads what a cell shows, folded. Cells that share a text share its memory.
func (e *excelFile) value(x *xmlReader, el xml.StartElement) (string, error) {
	var v, inline string
	err := x.children(func(c xml.StartElement) (err error) {
		switch c.Name.Local {
		case "v":
			v, err = x.text()
			return err
		case "is":
			inline, err = richText(x)
			return err
		}
		return x.skip()
	})
	if err != nil {
		return "", err
	}
	switch attr(el, "t") {
	case "s":
		if i, err := strconv.Atoi(strings.TrimSpace(v)); err == nil && i >= 0 && i < len(e.strings) {
			return e.strings[i], nil
		}
		return "", nil
	case "inlineStr":
		return fold(inline), nil
	case "b":
		return map[string]string{"1": "TRUE", "0": "FALSE"}[strings.TrimSpace(v)], nil
	case "str", "e":
		return fold(tidy(unescapeX(v))), nil
	case "d":
		return fold(v), nil
	}
	return fold(e.number(el, v)), nil
}

// number is what a cell with a number shows.
func (e *excelFile) number(el xml.StartElement, v string) string {
	number, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
	if err != nil {
		return tidy(v) // not a number: shown as it is written
	}
	var f format
	if i, err := strconv.Atoi(attr(el, "s")); err == nil && i >= 0 && i < len(e.formats) {
		f = e.formats[i]
	}
	return f.show(number, strings.TrimSpace(v), e.from04)
}
