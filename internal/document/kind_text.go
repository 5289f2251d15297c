package document

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	textunicode "golang.org/x/text/encoding/unicode"
)

// Limits of texts.
const (
	longLine   = 2000    // JSON with a longer line is set in lines of its own
	maxRecords = 500_000 // rows of a CSV
)

// decodeText turns a text into UTF-8: by its byte order mark, else by being UTF-8, else by the charset that is declared, else as
// browsers guess. What cannot be decoded is replaced. Line ends become "\n", and what is not printed is dropped.
func decodeText(data []byte, contentType string) string {
	return tidy(toUTF8(data, contentType))
}

// toUTF8 decodes a text.
func toUTF8(data []byte, contentType string) string {
	switch {
	case bytes.HasPrefix(data, []byte("\xEF\xBB\xBF")):
		return string(data[3:])
	case bytes.HasPrefix(data, []byte("\xFF\xFE")), bytes.HasPrefix(data, []byte("\xFE\xFF")):
		return decodeWith(textunicode.UTF16(textunicode.LittleEndian, textunicode.UseBOM), data)
	}
	if order, ok := looksUTF16(data); ok {
		return decodeWith(textunicode.UTF16(order, textunicode.IgnoreBOM), data)
	}
	if utf8.Valid(data) {
		return string(data)
	}
	if _, params, err := mime.ParseMediaType(contentType); err == nil && params["charset"] != "" {
		if e, err := htmlindex.Get(params["charset"]); err == nil {
			return decodeWith(e, data)
		}
	}
	e, name, _ := charset.DetermineEncoding(data[:min(len(data), 1024)], contentType)
	if name == "utf-8" {
		e, _ = htmlindex.Get("windows-1252") // it is not UTF-8, whatever its beginning looks like
	}
	return decodeWith(e, data)
}

// decodeWith decodes data; encodings replace what they cannot decode.
func decodeWith(e encoding.Encoding, data []byte) string {
	out, err := e.NewDecoder().Bytes(data)
	if err != nil {
		return strings.ToValidUTF8(string(data), "\uFFFD")
	}
	return string(out)
}

// looksUTF16 reports whether a text without a byte order mark has a zero in nearly every second byte.
func looksUTF16(data []byte) (textunicode.Endianness, bool) {
	data = data[:min(len(data), 1024)&^1]
	even, odd := 0, 0
	for i := 0; i < len(data); i += 2 {
		if data[i] == 0 {
			even++
		}
		if data[i+1] == 0 {
			odd++
		}
	}
	half := len(data) / 2
	switch {
	case half >= 4 && odd*10 >= half*8 && even*10 < half:
		return textunicode.LittleEndian, true
	case half >= 4 && even*10 >= half*8 && odd*10 < half:
		return textunicode.BigEndian, true
	}
	return textunicode.LittleEndian, false
}

// tidy gives lines one kind of end and drops what is not printed. Form feeds stay.
func tidy(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u0085", "\n").Replace(s)
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\f' || !unicode.IsControl(r) && r != 0xFEFF {
			return r
		}
		return -1
	}, s)
}

// plainText reads a text: paragraphs stay together, form feeds end pages, headings of Markdown make the outline.
func plainText(ctx context.Context, name string, data []byte, contentType string, markdown bool) (Document, error) {
	text := decodeText(data, contentType)
	if looksJSON(text) {
		text = indentJSON(text)
	}
	p := &pager{ctx: ctx, name: name}
	for i, page := range strings.Split(text, "\f") {
		if p.done() {
			break
		}
		if i > 0 {
			p.breakPage()
		}
		paragraphs(p, page, markdown)
	}
	return finish(p, KindText)
}

// finish returns a pager's document as a Document.
func finish(p *pager, kind Kind) (Document, error) {
	d, err := p.document(kind)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// paragraphs adds the paragraphs of a text.
func paragraphs(p *pager, text string, markdown bool) {
	var block []string
	flush := func(apart bool) {
		if len(block) > 0 {
			p.lines(block, apart)
			block = nil
		}
	}
	fenced := false
	for l := range strings.Lines(text) {
		if p.done() {
			return
		}
		l = strings.TrimRight(l, " \t\n")
		l = strings.ReplaceAll(l, "\t", "    ")
		if markdown && strings.HasPrefix(strings.TrimSpace(l), "```") {
			fenced = !fenced
		}
		if l == "" {
			flush(true)
			continue
		}
		if m := markdownHeading.FindStringSubmatch(l); markdown && !fenced && m != nil {
			flush(true)
			p.heading(m[2], len(m[1]))
		}
		block = append(block, l)
	}
	flush(true)
}

// markdownHeading is a heading of Markdown.
var markdownHeading = regexp.MustCompile(`^(#{1,6})\s+(.*?)\s*#*$`)

// looksJSON reports whether a text may be JSON in lines too long to be cut well.
func looksJSON(s string) bool {
	t := strings.TrimSpace(s)
	if t == "" || (t[0] != '{' && t[0] != '[') {
		return false
	}
	for l := range strings.Lines(s) {
		if len(l) > longLine {
			return true
		}
	}
	return false
}

// indentJSON sets JSON in lines; values stay as they are written. Several values one after the other, what is no JSON, and
// what would be more text than a document may have stay as they are.
func indentJSON(s string) string {
	if indentedSize(s) > maxTextBytes {
		return s
	}
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(s), "", " "); err != nil {
		return s
	}
	return out.String()
}

// indentedSize is at least as many bytes as JSON has when it is set in lines; it counts no further than to what is too much. Each
// line begins with as many blanks as there are open brackets, so that a small text can have very much of them.
func indentedSize(s string) int {
	size, depth, quoted := len(s), 0, false
	for i := 0; i < len(s) && size <= maxTextBytes; i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[', c == '{':
			depth++
			size += 1 + depth
		case c == ']', c == '}':
			depth = max(depth-1, 0)
			size += 1 + depth
		case c == ',':
			size += 1 + depth
		case c == ':':
			size++
		}
	}
	return size
}

// commaText reads rows of comma-separated values, also separated by semicolons, tabs or bars. What is not of that form is read as a
// plain text.
func commaText(ctx context.Context, name string, data []byte, contentType string) (Document, error) {
	text := decodeText(data, contentType)
	comma := separator(text)
	if rest, ok := strings.CutPrefix(text, "sep="); ok { // a spreadsheet's hint
		if _, after, found := strings.Cut(rest, "\n"); found {
			text = after
		}
	}
	t, err := readRecords(ctx, text, comma)
	if errors.Is(err, errTooLong) {
		return nil, unsupported(nil, "%s has more than %d rows or %d columns, or too many cells.", name, maxRecords, maxColumns)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return plainText(ctx, name, data, contentType, false)
	}
	p := &pager{ctx: ctx, name: name}
	t.onto(p)
	return finish(p, KindCSV)
}

// errTooLong says that a table is larger than is read.
var errTooLong = errors.New("too many rows or columns")

// readRecords reads all rows.
func readRecords(ctx context.Context, text string, comma rune) (*table, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = comma, true, -1, true
	t, cells := &table{}, 0
	for {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, err
		}
		if len(t.rows) == maxRecords || len(record) > maxColumns || cells > maxCells {
			return nil, errTooLong
		}
		var row []cell
		for i, field := range record {
			if c, ok := textCell(i, field); ok {
				row = append(row, c)
			}
		}
		cells += len(row)
		t.rows = append(t.rows, row)
	}
}

// separator guesses what parts the values: what a hint names, else the mark that stands most evenly in the first lines.
func separator(text string) rune {
	if rest, ok := strings.CutPrefix(text, "sep="); ok && len(rest) > 0 && strings.ContainsRune(",;\t|", rune(rest[0])) {
		return rune(rest[0])
	}
	best, most := ',', 0
	for _, mark := range ",;\t|" {
		least, lines := 0, 0
		for l := range strings.Lines(text) {
			if lines == 10 {
				break
			}
			if strings.TrimSpace(l) == "" {
				continue
			}
			n := countOutsideQuotes(l, mark)
			if lines == 0 || n < least {
				least = n
			}
			lines++
		}
		if least > most {
			best, most = mark, least
		}
	}
	if most > 0 {
		return best
	}
	first, _, _ := strings.Cut(text, "\n")
	for _, mark := range ",;\t|" {
		if n := countOutsideQuotes(first, mark); n > most {
			best, most = mark, n
		}
	}
	return best
}

// countOutsideQuotes counts a mark where it is not quoted.
func countOutsideQuotes(s string, mark rune) int {
	n, quoted := 0, false
	for _, r := range s {
		switch {
		case r == '"':
			quoted = !quoted
		case r == mark && !quoted:
			n++
		}
	}
	return n
}
