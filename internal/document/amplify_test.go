package document_test

import (
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

// TestSmallFilesThatGrowWhenReadAreRefusedInBoundedMemory does not run beside other tests: it counts what all of them allocate.
func TestSmallFilesThatGrowWhenReadAreRefusedInBoundedMemory(t *testing.T) {
	const list = `<w:p><w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="7"/></w:numPr></w:pPr><w:r><w:t>a</w:t></w:r></w:p>`
	lists := map[string]string{"word/numbering.xml": `<w:numbering><w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:start w:val="1299"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="` +
		strings.Repeat("%1", 50) + `"/></w:lvl></w:abstractNum><w:num w:numId="7"><w:abstractNumId w:val="1"/></w:num></w:numbering>`}
	// Word's letters go round: one such mark has some 2,500 characters.
	wordTable := `<w:tbl><w:tr><w:tc>` + strings.Repeat(list, 60_000) + `</w:tc></w:tr></w:tbl>`
	tests := map[string]struct {
		name string
		data []byte
	}{
		"a shared text with blanks": {"x.xlsx", excel(t, cells(`<c t="s"><v>0</v></c>`, 4_000), `<si><t>`+strings.Repeat("a b ", 50_000)+`</t></si>`, "")},
		"a format":                  {"x.xlsx", excel(t, cells(`<c s="0"><v>1</v></c>`, 400_000), "", `<numFmts><numFmt numFmtId="200" formatCode="&quot;`+strings.Repeat("x", 900)+`&quot;"/></numFmts><cellXfs><xf numFmtId="200"/></cellXfs>`)},
		"marks of lists in a cell":  {"x.docx", word(t, wordTable, lists)},
		"marks of lists in a box":   {"x.docx", word(t, `<w:p><w:r><w:drawing><w:txbxContent>`+strings.Repeat(list, 60_000)+`</w:txbxContent></w:drawing></w:r></w:p>`, lists)},
	}
	r := newReader(t, document.Options{})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			_, err := r.OpenAny(t.Context(), tt.name, "", bytes.NewReader(tt.data), int64(len(tt.data)), "")
			runtime.ReadMemStats(&after)
			wantFailure(t, err, steward.FailUnsupportedFile, "it has more than 32 MiB of text")
			if got := (after.TotalAlloc - before.TotalAlloc) >> 20; got > 700 {
				t.Errorf("a file of %d bytes took %d MiB", len(tt.data), got)
			}
		})
	}
}

// cells is rows of 100 cells.
func cells(c string, n int) string {
	return strings.Repeat("<row>"+strings.Repeat(c, 100)+"</row>", n/100)
}

func TestDeepJSONStaysAsItIsWritten(t *testing.T) {
	text := strings.Repeat("[", 9000) + "1" + strings.Repeat(",1", 100_000) + strings.Repeat("]", 9000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d := openAny(t, newReader(t, document.Options{}), "a.json", "application/json", []byte(text))
	runtime.ReadMemStats(&after)
	got := strings.ReplaceAll(strings.Join(texts(t, d), ""), "\n", "")
	if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; got != text || mib > 100 {
		t.Errorf("%d characters of %d, %d MiB", len(got), len(text), mib)
	}
}

// TestLongTextsAreLaidOutInTime reads what is slow when the rest of a line is looked at for each page, or each cell of a row for
// each line of its tallest one: these take well below a second, and took many minutes.
func TestLongTextsAreLaidOutInTime(t *testing.T) {
	t.Parallel()
	long := "<si><t>" + strings.Repeat("a b ", 2_000_000) + "</t></si>"
	tall := "<si><t>" + strings.Repeat("a\n", 500_000) + "</t></si><si><t>b</t></si>"
	tests := map[string]struct {
		data  []byte
		pages bool // it can be read
	}{
		"one long text":       {excel(t, `<row><c t="s"><v>0</v></c></row>`, long, ""), true},
		"a long text often":   {excel(t, cells(`<c t="s"><v>0</v></c>`, 100), long, ""), false},
		"a tall cell of many": {excel(t, `<row><c t="s"><v>0</v></c>`+strings.Repeat(`<c t="s"><v>1</v></c>`, 16_000)+`</row>`, tall, ""), true},
	}
	r := newReader(t, document.Options{})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			d, err := r.OpenAny(ctx, "x.xlsx", "", bytes.NewReader(tt.data), int64(len(tt.data)), "")
			if ctx.Err() != nil {
				t.Fatal("not read in 30 seconds")
			}
			if !tt.pages {
				wantFailure(t, err, steward.FailUnsupportedFile, "it has more than 32 MiB of text")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Close(); err != nil || d.PageCount() < 100 {
				t.Errorf("%d pages, %v", d.PageCount(), err)
			}
		})
	}
}

// endsAfter is a context that ends when it was asked n times.
type endsAfter struct {
	context.Context
	n int
}

// Err implements context.Context.
func (c *endsAfter) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

func TestLayingOutEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	for name, data := range map[string]string{
		"a.txt":  strings.Repeat("word ", 100_000),
		"a.md":   strings.Repeat("# head\n\ntext\n\n", 10_000),
		"a.csv":  strings.Repeat("a,b\n", 10_000),
		"a.html": "<html>" + strings.Repeat("<p>a", 10_000),
		"a.eml":  "From: a@a.example\nTo: b\nSubject: c\nMessage-ID: <1>\n\n" + strings.Repeat("text\n\n", 10_000),
	} {
		ctx := &endsAfter{t.Context(), 50}
		_, err := r.OpenAny(ctx, name, "", strings.NewReader(data), int64(len(data)), "")
		if !errors.Is(err, context.Canceled) || ctx.n < -10 {
			t.Errorf("%s: %v, asked %d times after the end", name, err, -ctx.n)
		}
	}
}
