package document_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
)

// pack makes an archive.
func pack(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	return packed(t, zip.Deflate, parts)
}

// packed makes an archive by a method of packing.
func packed(t testing.TB, method uint16, parts map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range parts {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const typesBase = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"

// relations is a file of links: pairs of a kind and a target, or a single target of the main part.
func relations(pairs ...string) string {
	if len(pairs) == 1 {
		pairs = []string{"officeDocument", pairs[0]}
	}
	var b strings.Builder
	b.WriteString(`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`)
	for i := 0; i < len(pairs); i += 2 {
		b.WriteString(`<Relationship Id="r` + string(rune('0'+i/2)) + `" Type="` + typesBase + pairs[i] + `" Target="` + pairs[i+1] + `"/>`)
	}
	return b.String() + `</Relationships>`
}

// word makes a Word document of a body and further parts.
func word(t testing.TB, body string, parts map[string]string) []byte {
	t.Helper()
	all := map[string]string{
		"_rels/.rels":                  relations("word/document.xml"),
		"word/_rels/document.xml.rels": relations("styles", "styles.xml", "numbering", "numbering.xml", "footnotes", "footnotes.xml"),
		"word/document.xml": `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" xmlns:x="x"><w:body>` +
			body + `</w:body></w:document>`,
	}
	for name, text := range parts {
		all[name] = strings.Replace(text, ">", ` xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">`, 1)
	}
	return pack(t, all)
}

// excel makes a workbook of one sheet.
func excel(t testing.TB, sheet, strs, styles string) []byte {
	t.Helper()
	return pack(t, workbook(sheet, strs, styles))
}

// workbook is the parts of a workbook of one sheet.
func workbook(sheet, strs, styles string) map[string]string {
	const ns = ` xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	return map[string]string{
		"_rels/.rels":                relations("xl/workbook.xml"),
		"xl/_rels/workbook.xml.rels": relations("worksheet", "worksheets/sheet1.xml", "sharedStrings", "sharedStrings.xml", "styles", "styles.xml"),
		"xl/workbook.xml":            `<workbook` + ns + ` xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="A" sheetId="1" r:id="r0"/></sheets></workbook>`,
		"xl/worksheets/sheet1.xml":   `<worksheet` + ns + `><sheetData>` + sheet + `</sheetData></worksheet>`,
		"xl/sharedStrings.xml":       `<sst` + ns + `>` + strs + `</sst>`,
		"xl/styles.xml":              `<styleSheet` + ns + `>` + styles + `</styleSheet>`,
	}
}

func TestWordKeepsWhatIsShownAndDropsWhatIsNot(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ body, want string }{
		"deleted and hidden text":   {`<w:p><w:r><w:t>a </w:t></w:r><w:del><w:r><w:delText>no</w:delText></w:r></w:del><w:ins><w:r><w:t>b</w:t></w:r></w:ins><w:r><w:rPr><w:vanish/></w:rPr><w:t>no</w:t></w:r></w:p>`, "a b\n"},
		"fields":                    {`<w:p><w:r><w:instrText>DATE</w:instrText></w:r><w:fldSimple w:instr="DATE"><w:r><w:t>4 May</w:t></w:r></w:fldSimple></w:p>`, "4 May\n"},
		"tabs, hyphens and symbols": {`<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:noBreakHyphen/><w:t>c</w:t><w:softHyphen/><w:t>d</w:t><w:sym w:font="Wingdings" w:char="F0FE"/></w:r></w:p>`, "a  b-cd☑\n"},
		"text boxes":                {`<w:p><w:r><w:t>body</w:t></w:r><w:r><mc:AlternateContent><mc:Choice><w:drawing><x:a><x:txbx><w:txbxContent><w:p><w:r><w:t>box</w:t></w:r></w:p></w:txbxContent></x:txbx></x:a></w:drawing></mc:Choice><mc:Fallback><w:pict><w:txbxContent><w:p><w:r><w:t>box</w:t></w:r></w:p></w:txbxContent></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>`, "body\n\nbox\n"},
		"notes":                     {`<w:p><w:r><w:t>claim</w:t><w:footnoteReference w:id="2"/></w:r></w:p><w:p><w:r><w:t>next</w:t></w:r></w:p>`, "claim[1]\n\n[1] the note\n\nnext\n"},
		"numbers of lists":          {list(1, 0, "a") + list(1, 1, "b") + list(1, 1, "c") + list(1, 0, "d") + list(2, 0, "e"), "1. a\n  1.1 b\n  1.2 c\n2. d\n5. e\n"},
		"nested tables":             {`<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr><w:p><w:r><w:t>wide heading of both</w:t></w:r></w:p></w:tc></w:tr><w:tr><w:tc><w:tbl><w:tr><w:tc><w:p><w:r><w:t>in</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>ner</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:tc><w:tc><w:p><w:r><w:t>out</w:t></w:r></w:p></w:tc></w:tr></w:tbl>`, "wide heading of both\nin  ner  out\n"},
		"formulas":                  {`<w:p><m:oMath><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath></w:p>`, "x2\n"},
	}
	r := newReader(t, document.Options{})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := word(t, tt.body, map[string]string{
				"word/footnotes.xml": `<w:footnotes><w:footnote w:id="2"><w:p><w:r><w:footnoteRef/><w:t> the note</w:t></w:r></w:p></w:footnote></w:footnotes>`,
				"word/numbering.xml": `<w:numbering><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>` +
					`<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1.%2"/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>` +
					`<w:num w:numId="2"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num></w:numbering>`,
			})
			wantPages(t, openAny(t, r, "a.docx", "", data), tt.want)
		})
	}
}

// list is a paragraph of a list.
func list(id, level int, text string) string {
	return `<w:p><w:pPr><w:numPr><w:ilvl w:val="` + string(rune('0'+level)) + `"/><w:numId w:val="` + string(rune('0'+id)) + `"/></w:numPr></w:pPr><w:r><w:t>` + text + `</w:t></w:r></w:p>`
}

func TestNumbersAreShownInTheFormatOfTheirCell(t *testing.T) {
	t.Parallel()
	tests := []struct{ code, value, want string }{
		{"General", "1234567.5", "1234567.5"}, {"General", "0.1", "0.1"}, {"General", "0.30000000000000004", "0.3"}, {"General", "1E+20", "1E+20"},
		{"0", "2.5", "3"}, {"0.00", "1.005", "1.01"}, {"0.00", "-3", "-3.00"}, {"#,##0.00", "1234567.891", "1,234,567.89"}, {"#.##", "0.5", ".5"},
		{"00000", "42", "00042"}, {"0.0%", "0.1234", "12.3%"}, {"0%", "1", "100%"}, {"#,##0,", "1234567", "1,235"}, {"0.00E+00", "12345", "1.23E+04"},
		{`"$"#,##0.00_);[Red]("$"#,##0.00)`, "-12.5", "($12.50)"}, {`#,##0.00\ [$€-407]`, "5", "5.00 €"}, {`[$CHF-807]\ 0.00`, "5", "CHF 5.00"},
		{`0;-0;"none"`, "0", "none"}, {`[>=100]"big";"small"`, "5", "small"}, {`[>=100]"big";"small"`, "500", "big"}, {`0" kg"`, "7", "7 kg"},
		{"yyyy-mm-dd", "46056", "2026-02-03"}, {"DD.MM.YYYY", "46056", "03.02.2026"}, {"d mmm yy", "46056", "3 Feb 26"}, {"dddd, mmmm d", "46056", "Tuesday, February 3"},
		{"h:mm AM/PM", "0.5", "12:00 PM"}, {"hh:mm:ss", "0.25", "06:00:00"}, {"mm:ss.0", "0.0007", "01:00.4"}, {"[h]:mm", "1.5", "36:00"},
		{"yyyy-mm-dd", "1", "1900-01-01"}, {"yyyy-mm-dd", "61", "1900-03-01"}, {"yyyy-mm-dd", "-1", "-1"}, {"@", "12", "12"}, {"# ?/?", "0.5", "0.5"},
		{"0.00", "abc", "abc"},
	}
	r := newReader(t, document.Options{})
	for _, tt := range tests {
		t.Run(tt.code+" "+tt.value, func(t *testing.T) {
			t.Parallel()
			code := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(tt.code)
			data := excel(t, `<row r="1"><c r="A1" s="1"><v>`+tt.value+`</v></c></row>`, "",
				`<numFmts><numFmt numFmtId="200" formatCode="`+code+`"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="200"/></cellXfs>`)
			wantPages(t, openAny(t, r, "a.xlsx", "", data), tt.want+"\n")
		})
	}
}

func TestTextsOfCellsAreReadInAllTheirForms(t *testing.T) {
	t.Parallel()
	data := excel(t, `<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="inlineStr"><is><t>inline</t></is></c><c t="str"><f>A1</f><v>for_x000A_mula</v></c><c t="b"><v>0</v></c><c t="s"><v>99</v></c></row>`,
		`<si><t>shared</t></si><si><r><t>rich </t></r><r><t>text</t></r><rPh><t>no</t></rPh></si>`, "")
	wantPages(t, openAny(t, newReader(t, document.Options{}), "a.xlsx", "", data), "shared  rich text  inline  for   FALSE\n                           mula\n")
}

func TestHostileArchivesAreRefused(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	const many = 40 << 20
	fill := func(piece string) string { return strings.Repeat(piece, many/len(piece)) }
	tests := map[string]struct {
		data []byte
		says string
	}{
		"a bomb":        {excel(t, "", fill(`<si><r><t/></r></si>`), ""), "it unpacks to too much"},
		"deep elements": {word(t, fill(`<w:p>`), nil), "elements stand too deep within each other"},
		"one long text": {word(t, `<w:p><w:r><w:t>`+fill("abc")+`</w:t></w:r></w:p>`, nil), "a piece of XML is too long"},
		"wide row":      {excel(t, `<row>`+fill(`<c t="inlineStr"><is><t>a</t></is></c>`)+`</row>`, "", ""), "too many rows or columns"},
		"many formats":  {excel(t, "", "", `<cellXfs>`+fill(`<xf/>`)+`</cellXfs>`), "too many rows or columns"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := r.OpenAny(t.Context(), "x", "", bytes.NewReader(tt.data), int64(len(tt.data)), "")
			wantFailure(t, err, steward.FailUnsupportedFile, "x is too large to be read: "+tt.says)
		})
	}
}

// TestALargeWorkbookIsReadInBoundedMemory: 50 MB of cells that do not shrink, in a file that is not packed.
func TestALargeWorkbookIsReadInBoundedMemory(t *testing.T) {
	var rows bytes.Buffer
	for i := 0; rows.Len() < 50<<20; i++ {
		rows.WriteString("<row>")
		for range 100 {
			rows.WriteString(`<c t="inlineStr"><is><t>abcde</t></is></c>`)
		}
		rows.WriteString("</row>")
	}
	data := packed(t, zip.Store, workbook(rows.String(), "", ""))
	rows = bytes.Buffer{}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	base, most := m.HeapInuse, uint64(0)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	}()
	r := newReader(t, document.Options{})
	d, err := r.OpenAny(t.Context(), "x.xlsx", "", bytes.NewReader(data), int64(len(data)), "")
	close(stop)
	<-stopped
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d pages, %d MB more than before", d.PageCount(), (most-base)>>20)
	if err := d.Close(); err != nil || most-base > 300<<20 {
		t.Errorf("%d MB, %v", (most-base)>>20, err)
	}
}

func TestReadingAnArchiveEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	data := office(t, "agreement.docx")
	if _, err := r.OpenAny(ctx, "a.docx", "", bytes.NewReader(data), int64(len(data)), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
