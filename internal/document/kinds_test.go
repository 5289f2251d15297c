package document_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
)

// office returns a file that a real program made.
func office(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/office", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// openAny opens a document that the test closes.
func openAny(t testing.TB, r *document.Reader, name, contentType string, data []byte) document.Document {
	t.Helper()
	d, err := r.OpenAny(t.Context(), name, contentType, bytes.NewReader(data), int64(len(data)), "")
	if err != nil {
		t.Fatalf("open %s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close %s: %v", name, err)
		}
	})
	return d
}

// texts reads all pages of a document.
func texts(t testing.TB, d document.Document) []string {
	t.Helper()
	var all []string
	for n := 1; n <= d.PageCount(); n++ {
		page, err := d.Page(t.Context(), n)
		if err != nil {
			t.Fatalf("page %d: %v", n, err)
		}
		if page.Number != n {
			t.Errorf("page %d has the number %d", n, page.Number)
		}
		if len(page.Words) > 0 {
			checkPage(t, page)
		}
		all = append(all, page.Text)
	}
	return all
}

// headings writes an outline down: level, title, page.
func headings(t testing.TB, d document.Document) string {
	t.Helper()
	all, err := d.Outline(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, h := range all {
		fmt.Fprintf(&b, "%d %s @%d; ", h.Level, h.Title, h.Page)
	}
	return strings.TrimSuffix(b.String(), "; ")
}

// wantPages compares the pages of a document.
func wantPages(t *testing.T, d document.Document, want ...string) {
	t.Helper()
	got := texts(t, d)
	if strings.Join(got, "\f") != strings.Join(want, "\f") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n====\n"), strings.Join(want, "\n====\n"))
	}
}

func TestWordDocumentsReadAsTheyAreShown(t *testing.T) {
	t.Parallel()
	d := openAny(t, newReader(t, document.Options{}), "agreement.docx", "", office(t, "agreement.docx"))
	wantPages(t, d, `Harrow & Pike Ltd.  Confidential

Supply agreement

Parties

This agreement is made on 4 May 2026 between Harrow & Pike Ltd. and Müller Söhne GmbH.

Prices

Item         Qty  Unit price  Amount
Oak board    12   18.50       222.00
Birch board       9.10
Delivery     1    40.00       40.00
Total                         262.00

Bill to             Invoice no.: HP-77
Harrow & Pike Ltd.  Due: 3 June 2026

Duties
1. Deliver on time
2. Insure the goods
• oak
• birch

Last line of the first page.
`, `Annex

Signed  Jane Pike

Company number 0998812
`)
	if got := headings(t, d); got != "1 Supply agreement @1; 1 Parties @1; 1 Prices @1; 2 Duties @1; 1 Annex @2" || d.Kind() != document.KindDOCX {
		t.Errorf("%s: %s", d.Kind(), got)
	}
	_, err := d.Picture(t.Context(), 1, document.PictureOptions{})
	wantFailure(t, err, steward.FailUnsupportedFile, "agreement.docx has no pictures of its pages")
}

func TestWorkbooksReadAsTheyAreShown(t *testing.T) {
	t.Parallel()
	d := openAny(t, newReader(t, document.Options{}), "invoice.xlsx", "", office(t, "invoice.xlsx"))
	wantPages(t, d, `Invoice

Invoice no.  2026-0031
Date         03/02/2026
Paid at      4 Feb 2026 3:07 PM

Item         Qty                 Price     Share  Amount
Oak board    12                  18.50     84.7%  € 222.00
Refund       -1                  1,234.50  15.3%  (€ 1,234.50)
Total
Thank you for your
business
TRUE         0.333333333
`, `Notes & more

far from the corner  #N/A
`)
	if got := headings(t, d); got != "1 Invoice @1; 1 Notes & more @2" || d.Kind() != document.KindXLSX {
		t.Errorf("%s: %s", d.Kind(), got)
	}
}

func TestWebPagesReadAsTheyAreShown(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ html, want string }{
		"tables in rows and columns": {
			`<!doctype html><html><head><title>no</title><style>td{}</style></head><body><h1>Order  4711</h1><p>Dear <b>Ms</b>
			Amory,<br>thanks.</p><table><thead><tr><th>Item<th>Qty<th>Price</thead><tr><td>Oak board<td>12<td>18.50
			<tr><td>Birch<td><td>9.10</table><script>var x="no"</script></body></html>`,
			"Order 4711\n\nDear Ms Amory,\nthanks.\n\nItem       Qty  Price\nOak board  12   18.50\nBirch           9.10\n",
		},
		"layout tables below each other": {
			`<html><table><tr><td><table><tr><td><h2>Receipt</h2></td></tr><tr><td>Total: <b>9 €</b></td></tr></table></td></tr></table>`,
			"Receipt\n\nTotal: 9 €\n",
		},
		"cells that span": {
			`<html><table><tr><th colspan=2>Name<th>Due<tr><td rowspan=2>A<td>x<td>1<tr><td>y<td>2</table>`,
			"Name  Due\nA  x  1\n   y  2\n",
		},
		"nothing that is hidden": {
			`<html><body><p style="color:red; DISPLAY : none">no<div hidden>no</div><p>yes<span style="visibility:hidden">no</span> and yes<template>no</template><noscript>no</noscript>`,
			"yes and yes\n",
		},
		"lists": {
			`<html><body>To do<ol start=3><li>wash<li>dry<ul><li>towel</ul></ol>Done`,
			"To do\n3. wash\n4. dry\n  • towel\n\nDone\n",
		},
		"fields of forms": {
			`<html><form>Name <input value="Jo Doe"> <input type=hidden value=no><p><input type=checkbox checked> yes <input type=checkbox> no</form>`,
			"Name Jo Doe\n\n☑ yes ☐ no\n",
		},
		"text set as it is": {"<html><pre>a   b\n  c</pre>", "a   b\n  c\n"},
		"what is broken":    {"<html></td></table><td>a</b></i><tr>b</html>c<", "a\n\nbc<\n"},
	}
	r := newReader(t, document.Options{})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantPages(t, openAny(t, r, "page.html", "text/html", []byte(tt.html)), tt.want)
		})
	}
	d := openAny(t, r, "page", "text/html; charset=iso-8859-2", []byte("<html><h2>Fakt\xfara za \xb3\xf3d\xbc</h2>"))
	if got := headings(t, d); got != "2 Faktúra za łódź @1" || d.Kind() != document.KindHTML {
		t.Errorf("%s: %s", d.Kind(), got)
	}
}

func TestTextsAreDecodedAndCutAtSensiblePlaces(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	long := strings.Repeat(strings.Repeat("word ", 100)+"end.\n\n", 30)
	tests := map[string]struct {
		name, contentType, data string
		kind                    document.Kind
		pages                   []string
	}{
		"utf-8 with mark":    {"a.txt", "", "\xEF\xBB\xBFGrüße\r\nzwei\r", document.KindText, []string{"Grüße\nzwei\n"}},
		"windows-1252":       {"a.txt", "text/plain", "Gr\xfc\xdfe \x80 5", document.KindText, []string{"Grüße € 5\n"}},
		"declared charset":   {"a.txt", "text/plain; charset=koi8-r", "\xf3\xde\xc5\xd4", document.KindText, []string{"Счет\n"}},
		"utf-16":             {"a.txt", "", "\xFF\xFEa\x00b\x00\n\x00", document.KindText, []string{"ab\n"}},
		"utf-16 unmarked":    {"a.txt", "", "a\x00b\x00c\x00d\x00e\x00", document.KindText, []string{"abcde\n"}},
		"form feeds":         {"a.txt", "", "one\ftwo\f\f", document.KindText, []string{"one\n", "two\n"}},
		"comma":              {"a.csv", "", "Item,Qty\n\"Oak, sawn\",12\n,3\n", document.KindCSV, []string{"Item       Qty\nOak, sawn  12\n           3\n"}},
		"semicolon":          {"a.csv", "", "Ware;Preis\nEiche;18,50\n", document.KindCSV, []string{"Ware   Preis\nEiche  18,50\n"}},
		"hint of the mark":   {"a.csv", "", "sep=|\na|b\n", document.KindCSV, []string{"a  b\n"}},
		"declared tabs":      {"a", "text/tab-separated-values", "a\tb c\n", document.KindCSV, []string{"a  b c\n"}},
		"json of one line":   {"a.json", "application/json", `{"a":[1,2.50,"` + strings.Repeat("x", 2000) + `"]}`, document.KindText, []string{"{\n \"a\": [\n  1,\n  2.50,\n  \"" + strings.Repeat("x", 2000) + "\"\n ]\n}\n"}},
		"a PDF that is told": {"a.txt", "", "see %PDF-1.7 for more\n", document.KindText, []string{"see %PDF-1.7 for more\n"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := openAny(t, r, tt.name, tt.contentType, []byte(tt.data))
			if wantPages(t, d, tt.pages...); d.Kind() != tt.kind {
				t.Errorf("kind %s", d.Kind())
			}
		})
	}
	for i, page := range texts(t, openAny(t, r, "long.txt", "", []byte(long))) {
		if !strings.HasSuffix(page, "end.\n") || len(page) > 6001 || i == 0 && len(page) < 5000 {
			t.Errorf("page %d has %d bytes and ends with %q", i+1, len(page), page[len(page)-10:])
		}
	}
	d := openAny(t, r, "a.md", "", []byte("# One\ntext\n```\n# code\n```\n## Two ##\n"))
	if got := headings(t, d); got != "1 One @1; 2 Two @1" {
		t.Error(got)
	}
}

func TestWhatCannotBeReadIsSaidByItsName(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	ole := "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + strings.Repeat("\x00", 600)
	wide := func(s string) string { return strings.Join(strings.Split(s, ""), "\x00") + "\x00\x00\x00" }
	tests := map[string]struct{ data, says string }{
		"empty":      {"", "x is empty"},
		"doc":        {ole + wide("WordDocument"), "x is an old Word document (.doc; save it as .docx), which cannot be read; PDF, pictures (PNG"},
		"xls":        {ole + wide("Workbook"), "an old Excel workbook"},
		"msg":        {ole + wide("__properties_version1.0"), "an Outlook message"},
		"rtf":        {`{\rtf1 hello}`, "a rich text (RTF)"},
		"heic":       {"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1", "a HEIC picture"},
		"svg":        {`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`, "a drawing (SVG)"},
		"gzip":       {"\x1F\x8B\x08\x00", "an archive (gzip)"},
		"noise":      {"\x01\x02\x03\x00\x05\x06\x07\x08", "of an unknown kind (application/octet-stream)"},
		"broken zip": {"PK\x03\x04nonsense", "x is a broken archive"},
		"zip":        {string(pack(t, map[string]string{"a.txt": "a"})), "an archive (ZIP)"},
		"odt":        {string(pack(t, map[string]string{"mimetype": "application/vnd.oasis.opendocument.text"})), "an OpenDocument file"},
		"pptx":       {string(pack(t, map[string]string{"_rels/.rels": relations("ppt/presentation.xml")})), "a PowerPoint presentation"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := r.OpenAny(t.Context(), "x", "", strings.NewReader(tt.data), int64(len(tt.data)), "")
			wantFailure(t, err, steward.FailUnsupportedFile, tt.says)
		})
	}
	data := ole + wide("EncryptedPackage")
	_, err := r.OpenAny(t.Context(), "x.docx", "", strings.NewReader(data), int64(len(data)), "")
	wantFailure(t, err, steward.FailFileEncrypted, "x.docx is encrypted")
}
