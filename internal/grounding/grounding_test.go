package grounding_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
)

// pages makes a document whose words have boxes: the n-th word of a line stands at x = 10n, line k at y = 20k.
func pages(index int, name string, texts ...string) grounding.Document {
	d := grounding.Document{FileIndex: index, Name: name, ContentType: "application/pdf"}
	for i, text := range texts {
		d.Pages = append(d.Pages, grounding.Page{Number: i + 1, Text: text, Width: 600, Height: 800, Words: wordsOf(text)})
	}
	return d
}

func wordsOf(text string) []grounding.Word {
	var words []grounding.Word
	at := 0
	for line, l := range strings.SplitAfter(text, "\n") {
		x := 0.0
		for _, w := range strings.Fields(l) {
			start := at + strings.Index(text[at:], w)
			at = start + len(w)
			x += 10
			words = append(words, grounding.Word{Start: start, End: at, Box: steward.Box{X0: x, Y0: float64(20 * line), X1: x + 8, Y1: float64(20*line) + 12}})
		}
	}
	return words
}

func TestFindsQuotesAsModelsWriteThem(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, source, quote, want string }{
		{"verbatim", "Total: 12.50 EUR\n", "12.50 EUR", "12.50 EUR"},
		{"white space folded", "Total   due:\n   12.50 EUR\n", "Total due: 12.50 EUR", "Total   due:\n   12.50 EUR"},
		{"no-break space", "12\u00a0500 EUR", "12 500 EUR", "12\u00a0500 EUR"},
		{"soft hyphen", "Rech\u00adnung 7", "Rechnung 7", "Rech\u00adnung 7"},
		{"word broken over lines", "the manip-\nulation of", "manipulation", "manip-\nulation"},
		{"broken word quoted as it stands", "the manip-\nulation of", "manip- ulation", "manip-\nulation"},
		{"hyphen at a line's end that belongs there", "a long-\nterm loan", "long-term loan", "long-\nterm loan"},
		{"number broken over lines", "INV-2024-\n0017", "INV-2024-0017", "INV-2024-\n0017"},
		{"ligature in the source", "of\ufb01ce", "office", "of\ufb01ce"},
		{"ligature in the quote", "office", "of\ufb01ce", "office"},
		{"curly quotes", "the “Seller” doesn’t", `the "Seller" doesn't`, "the “Seller” doesn’t"},
		{"dashes", "2020 – 2024", "2020 - 2024", "2020 – 2024"},
		{"accents composed differently", "Cafe\u0301 au lait", "Caf\u00e9 au", "Cafe\u0301 au"},
		{"ellipsis around the quote", "Payment is due within 30 days.", "...due within 30 days...", "due within 30 days"},
		{"quote marks around the quote", "Payment is due within 30 days.", `"due within 30 days"`, "due within 30 days"},
		{"second occurrence is the whole word", "3412 and 12", "12", "12"},
		{"number with its separators", "51,234.50 and 1,234.50", "1,234.50", "1,234.50"},
		{"one of several numbers set tight", "pages 3,4 only", "4", "4"},
		{"unit next to the figure", "weight 12kg", "12", "12"},
		{"script without blanks", "合計金額は一万円です", "金額", "金額"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			docs := []grounding.Document{pages(0, "a.pdf", tt.source)}
			m, ok := grounding.Find(docs, tt.quote, 0, 1)
			if !ok {
				t.Fatalf("Find(%q) in %q: not found", tt.quote, tt.source)
			}
			if got := tt.source[m.Start:m.End]; got != tt.want {
				t.Errorf("Find(%q) in %q = %q, want %q", tt.quote, tt.source, got, tt.want)
			}
		})
	}
}

func TestDoesNotFindWhatDoesNotStandThere(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, source, quote string }{
		{"empty quote", "text", ""},
		{"white space only", "a  b", "  \n"},
		{"marks only", "a ... b", `""`},
		{"other words", "Total: 12.50 EUR", "Total: 12.60 EUR"},
		{"inside a number", "ref 3412 x", "41"},
		{"inside a word", "underwriting", "writing"},
		{"half a ligature", "o\ufb01", "of"},
		{"other case", "TOTAL", "total"},
		{"words out of order", "net total", "total net"},
		{"over two pages", "one\x00two", "one two"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			docs := []grounding.Document{pages(0, "a.pdf", strings.Split(tt.source, "\x00")...)}
			if m, ok := grounding.Find(docs, tt.quote, 0, 1); ok {
				t.Errorf("Find(%q) in %q = %+v, want nothing", tt.quote, tt.source, m)
			}
		})
	}
}

func TestHintsDecideBetweenSeveralPlaces(t *testing.T) {
	t.Parallel()
	docs := []grounding.Document{
		pages(0, "a.pdf", "sum 7", "sum 7", "only here"),
		pages(1, "b.pdf", "sum 7", "sum 7"),
	}
	tests := []struct {
		name       string
		quote      string
		file, page int
		wantDoc    int
		wantPage   int
	}{
		{"hinted page first", "sum 7", 1, 2, 1, 1},
		{"hinted file when the page is wrong", "sum 7", 1, 9, 1, 0},
		{"any place when both are wrong", "sum 7", 5, 1, 0, 0},
		{"another file when the hinted one has it not", "only here", 1, 1, 0, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, ok := grounding.Find(docs, tt.quote, tt.file, tt.page)
			if !ok || m.Document != tt.wantDoc || m.Page != tt.wantPage {
				t.Errorf("got %+v, %v; want document %d page %d", m, ok, tt.wantDoc, tt.wantPage)
			}
		})
	}
}

func TestAWholeNumberOnALaterPageBeatsAPieceOnTheHintedOne(t *testing.T) {
	t.Parallel()
	docs := []grounding.Document{pages(0, "a.pdf", "1,234.50", "234.50")}
	m, ok := grounding.Find(docs, "234.50", 0, 1)
	if !ok || m.Page != 1 {
		t.Errorf("got %+v, %v; want the second page", m, ok)
	}
}

func TestVerifyMarksWhatItCannotFind(t *testing.T) {
	t.Parallel()
	docs := []grounding.Document{pages(0, "a.pdf", "Total due:   12.50\nthank you\n")}
	got := grounding.Verify(docs, []grounding.Claim{
		{Path: "/total", Page: 1, Quote: "Total due: 12.50", Confidence: 0.9},
		{Path: "/thanks", Page: 4, Quote: "12.50 thank you", Confidence: 7},
		{Path: "/iban", Page: 1, Quote: "DE00", Confidence: 0.9},
		{Path: "/empty", Page: 1, Confidence: 1},
	})
	want := []steward.Evidence{
		{Path: "/total", FileName: "a.pdf", Page: 1, Quote: "Total due: 12.50", Confidence: 0.9, Boxes: []steward.Box{{X0: 10, Y0: 0, X1: 38, Y1: 12}}},
		{Path: "/thanks", FileName: "a.pdf", Page: 1, Quote: "12.50 thank you", Confidence: 1, Boxes: []steward.Box{
			{X0: 30, Y0: 0, X1: 38, Y1: 12}, {X0: 10, Y0: 20, X1: 28, Y1: 32},
		}},
		{Path: "/iban", Unverified: true},
		{Path: "/empty", Unverified: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestVerifyNamesTheFileByItsIndexNotByItsPlace(t *testing.T) {
	t.Parallel()
	docs := []grounding.Document{grounding.FromText(4, "note", "the answer is 42")}
	got := grounding.Verify(docs, []grounding.Claim{{Path: "/a", FileIndex: 4, Quote: "answer is 42", Confidence: 1}})
	want := []steward.Evidence{{Path: "/a", FileIndex: 4, FileName: "note", Quote: "answer is 42", Confidence: 1}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLongQuotesAreCutAtAWord(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"words":        strings.Repeat("zwölf ", 100),
		"one long one": strings.Repeat("ü", 1000),
	} {
		docs := []grounding.Document{grounding.FromText(0, "t", text)}
		got := grounding.Verify(docs, []grounding.Claim{{Quote: text, Confidence: 1}})[0]
		n := utf8.RuneCountInString(got.Quote)
		if got.Unverified || n > grounding.MaxQuote || n < grounding.MaxQuote-10 || !utf8.ValidString(got.Quote) {
			t.Errorf("%s: quote of %d characters: %q", name, n, got.Quote)
		}
		if name == "words" && !strings.HasSuffix(got.Quote, "zwölf") {
			t.Errorf("%s: cut inside a word: …%q", name, got.Quote[len(got.Quote)-10:])
		}
	}
}

func TestFromTextMakesOnePageOfValidText(t *testing.T) {
	t.Parallel()
	got := grounding.FromText(2, "in", "a\r\nb\rc\xff")
	want := grounding.Document{FileIndex: 2, Name: "in", ContentType: "text/plain", Pages: []grounding.Page{{Text: "a\nb\nc\uFFFD"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestManyClaimsOnALargeDocumentAreQuick(t *testing.T) {
	t.Parallel()
	docs, claims := large(500, 200)
	start := time.Now()
	got := grounding.Verify(docs, claims)
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
	for i, e := range got {
		if e.Unverified != (i%4 == 3) {
			t.Fatalf("claim %d: %+v", i, e)
		}
	}
}

// large makes a document of n pages of 5 kB and claims of which a quarter is hinted right, a half wrong, and a quarter
// stands nowhere.
func large(n, claims int) ([]grounding.Document, []grounding.Claim) {
	d := grounding.Document{Name: "large.pdf"}
	for p := range n {
		var b strings.Builder
		for l := range 60 {
			fmt.Fprintf(&b, "Line %d of page %d: the amount of item %d-%d is %d.%02d EUR in all\n", l, p+1, p+1, l, 1000+l, p%100)
		}
		d.Pages = append(d.Pages, grounding.Page{Number: p + 1, Text: b.String(), Words: wordsOf(b.String())})
	}
	var list []grounding.Claim
	for i := range claims {
		p := i * 7919 % n
		c := grounding.Claim{Path: "/x", Page: p + 1, Confidence: 1, Quote: fmt.Sprintf("the  amount of item %d-%d is", p+1, i%60)}
		switch i % 4 {
		case 1, 2:
			c.Page = 0
		case 3:
			c.Quote = fmt.Sprintf("the amount of item %d-%d was", p+1, i%60)
		}
		list = append(list, c)
	}
	return []grounding.Document{d}, list
}

func BenchmarkVerify500PagesOf200Claims(b *testing.B) {
	docs, claims := large(500, 200)
	b.ReportAllocs()
	for b.Loop() {
		grounding.Verify(docs, claims)
	}
}

func FuzzAVerifiedQuoteStandsInTheSource(f *testing.F) {
	f.Add("Total due: 12.50 EUR", "12.50 EUR")
	f.Add("manip-\nulation of\ufb01ce “x” Cafe\u0301 \u00ad a… b", "manipulation office \"x\"")
	f.Add("1-\n2-\n3 - 4\u00a0\u200b-5", "1-2-3 - 4-5")
	f.Add("\xff\xfe-\xff", "\xff")
	f.Add("각 ㄱㅏ", "각")
	f.Fuzz(func(t *testing.T, source, quote string) {
		docs := []grounding.Document{grounding.FromText(0, "t", source)}
		text := docs[0].Pages[0].Text
		m, ok := grounding.Find(docs, quote, 0, 0)
		if !ok {
			return
		}
		if m.Start < 0 || m.End > len(text) || m.Start >= m.End {
			t.Fatalf("range %d:%d of %d bytes", m.Start, m.End, len(text))
		}
		got, want := grounding.Fold(text[m.Start:m.End]), grounding.Fold(quote)
		if !strings.Contains(want, got) || !strings.Contains(grounding.Fold(text), got) {
			t.Fatalf("found %q for %q", got, want)
		}
		e := grounding.Verify(docs, []grounding.Claim{{Quote: quote, Confidence: 1}})[0]
		if e.Unverified || e.Quote == "" || !utf8.ValidString(e.Quote) || utf8.RuneCountInString(e.Quote) > grounding.MaxQuote {
			t.Fatalf("evidence %+v", e)
		}
	})
}

func FuzzFoldIsStable(f *testing.F) {
	f.Add("manip-\nulation of\ufb01ce “x” Cafe\u0301 \u00ad a… b - - --c")
	f.Fuzz(func(t *testing.T, s string) {
		once := grounding.Fold(s)
		if strings.ContainsAny(once, "\n\t") || strings.Contains(once, "  ") || strings.TrimSpace(once) != once {
			t.Fatalf("white space left in %q", once)
		}
	})
}
