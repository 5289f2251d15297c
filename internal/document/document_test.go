package document_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/document/documenttest"
	"github.com/stewardhq/steward/internal/grounding"
)

// cacheDir is shared by all tests, so that the engine is compiled once.
var cacheDir string //nolint:gochecknoglobals // see above

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "steward-pdf-cache")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	cacheDir = dir
	code := 1
	if err := warmUp(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// warmUp fills the cache.
func warmUp() error {
	r := document.Open(document.Options{CacheDir: cacheDir})
	data := documenttest.Build(documenttest.Sheet{})
	p, err := r.Open(context.Background(), "warm.pdf", bytes.NewReader(data), int64(len(data)), "")
	if err != nil {
		return err
	}
	return errors.Join(p.Close(), r.Close())
}

// newReader opens a reader that the test closes.
func newReader(t testing.TB, opts document.Options) *document.Reader {
	t.Helper()
	if opts.CacheDir == "" {
		opts.CacheDir = cacheDir
	}
	r := document.Open(opts)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close reader: %v", err)
		}
	})
	return r
}

// open opens a PDF that the test closes.
func open(t testing.TB, r *document.Reader, data []byte) *document.PDF {
	t.Helper()
	p, err := r.Open(t.Context(), "test.pdf", bytes.NewReader(data), int64(len(data)), "")
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close PDF: %v", err)
		}
	})
	return p
}

// read returns page n of a PDF.
func read(t testing.TB, p *document.PDF, n int) grounding.Page {
	t.Helper()
	page, err := p.Page(t.Context(), n)
	if err != nil {
		t.Fatalf("page %d: %v", n, err)
	}
	checkPage(t, page)
	return page
}

// checkPage checks what every page promises.
func checkPage(t testing.TB, page grounding.Page) {
	t.Helper()
	if !utf8.ValidString(page.Text) {
		t.Fatalf("text is not UTF-8: %q", page.Text)
	}
	if page.Text != "" && !strings.HasSuffix(page.Text, "\n") {
		t.Fatalf("the last line has no end: %q", page.Text)
	}
	last := 0
	for _, w := range page.Words {
		if w.Start < last || w.End <= w.Start || w.End > len(page.Text) {
			t.Fatalf("word %d:%d behind %d in a text of %d bytes", w.Start, w.End, last, len(page.Text))
		}
		if gap := strings.TrimSpace(page.Text[last:w.Start]); gap != "" {
			t.Fatalf("text %q between words has no place", gap)
		}
		if math.IsNaN(w.Box.X0+w.Box.Y0+w.Box.X1+w.Box.Y1) || w.Box.X1 < w.Box.X0 || w.Box.Y1 < w.Box.Y0 {
			t.Fatalf("box %+v", w.Box)
		}
		last = w.End
	}
}

// tight folds the gaps between parts to two spaces, so that tests do not depend on their width.
func tight(text string) string {
	for strings.Contains(text, "   ") {
		text = strings.ReplaceAll(text, "   ", "  ")
	}
	return text
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if got = tight(got); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// invoice returns the content of a page with a table.
func invoice() string {
	return documenttest.At(50, 780, 16, "INVOICE") +
		documenttest.At(50, 750, 10, "Invoice number:") + documenttest.At(150, 750, 10, "INV-17") + documenttest.At(350, 750, 10, "Date: 2026-03-04") +
		documenttest.At(50, 700, 10, "Item") + documenttest.At(250, 700, 10, "Qty") + documenttest.At(330, 700, 10, "Price") + documenttest.At(420, 700, 10, "Amount") +
		documenttest.At(50, 686, 10, "Brass pull, 128 mm") + documenttest.At(256, 686, 10, "4") + documenttest.At(330, 686, 10, "6.75") + documenttest.At(420, 686, 10, "27.00") +
		documenttest.At(50, 672, 10, "Delivery") + documenttest.At(420, 672, 10, "8.50") +
		documenttest.At(330, 640, 12, "Total due") + documenttest.At(420, 640, 12, "35.50 EUR")
}

func TestATableRowIsOneLine(t *testing.T) {
	t.Parallel()
	page := read(t, open(t, newReader(t, document.Options{}), documenttest.Build(documenttest.Sheet{Content: invoice()})), 1)
	wantText(t, page.Text, "INVOICE\n\nInvoice number:  INV-17  Date: 2026-03-04\n\nItem  Qty  Price  Amount\n"+
		"Brass pull, 128 mm  4  6.75  27.00\nDelivery  8.50\n\nTotal due  35.50 EUR\n")
	if page.Number != 1 || page.Width != 595 || page.Height != 842 {
		t.Errorf("page %d of %v x %v", page.Number, page.Width, page.Height)
	}
	if whole, one := gap(page.Text, "Delivery", "8.50"), gap(page.Text, "Item", "Qty"); whole < one+5 {
		t.Errorf("the gap over two empty cells is %d spaces, the one over none %d", whole, one)
	}
}

// gap is the distance between the end of a and the start of b in a text.
func gap(text, a, b string) int {
	_, rest, _ := strings.Cut(text, a)
	return strings.Index(rest, b)
}

func TestLargeLettersBesideSmallLinesDoNotTangleThem(t *testing.T) {
	t.Parallel()
	content := documenttest.At(50, 770, 22, "Morrow Finch") + documenttest.At(320, 782, 8, "Morrow Finch Coffee Equipment GmbH") +
		documenttest.At(320, 771, 8, "Speicherstrasse 18, 20457 Hamburg") + documenttest.At(320, 760, 8, "+49 40 555 0193")
	page := read(t, open(t, newReader(t, document.Options{}), documenttest.Build(documenttest.Sheet{Content: content})), 1)
	wantText(t, page.Text, "Morrow Finch Coffee Equipment GmbH\nMorrow Finch  Speicherstrasse 18, 20457 Hamburg\n+49 40 555 0193\n")
}

// wordBox returns the box of a word.
func wordBox(t *testing.T, page grounding.Page, word string) steward.Box {
	t.Helper()
	for _, w := range page.Words {
		if page.Text[w.Start:w.End] == word {
			return w.Box
		}
	}
	t.Fatalf("no word %q in %q", word, page.Text)
	return steward.Box{}
}

func TestBoxesCountFromTheTopLeftOfTheShownPage(t *testing.T) {
	t.Parallel()
	content := documenttest.At(100, 700, 10, "Anchor") + documenttest.At(300, 500, 10, "other text here")
	tests := []struct {
		name   string
		sheet  documenttest.Sheet
		w, h   float64
		x0, y1 float64 // of "Anchor": left edge, and baseline from the top
		level  bool
	}{
		{"upright", documenttest.Sheet{Content: content}, 595, 842, 100, 142, true},
		{"cropped", documenttest.Sheet{Content: content, Crop: "50 100 545 800"}, 495, 700, 50, 100, true},
		{"shifted origin", documenttest.Sheet{Content: content, Box: "-10 -20 585 822"}, 595, 842, 110, 122, true},
		{"turned over", documenttest.Sheet{Content: content, Rotate: 180}, 595, 842, 595 - 100, 700, false},
		{"turned right", documenttest.Sheet{Content: content, Rotate: 90}, 842, 595, 700, 100, false},
		{"turned left", documenttest.Sheet{Content: content, Rotate: 270}, 842, 595, 142, 595 - 100, false},
	}
	r := newReader(t, document.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			data := documenttest.Build(tt.sheet)
			p, err := r.Open(t.Context(), "a.pdf", bytes.NewReader(data), int64(len(data)), "")
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}()
			page := read(t, p, 1)
			if page.Width != tt.w || page.Height != tt.h {
				t.Fatalf("page is %v x %v, want %v x %v", page.Width, page.Height, tt.w, tt.h)
			}
			b := wordBox(t, page, "Anchor")
			near := func(v, lo, hi, want float64) bool { return lo-8 <= want && want <= hi+8 && v < 60 }
			if !near(b.X1-b.X0, b.X0, b.X1, tt.x0) || !near(b.Y1-b.Y0, b.Y0, b.Y1, tt.y1) {
				t.Errorf("box %+v does not reach %v, %v", b, tt.x0, tt.y1)
			}
			if level := b.X1-b.X0 > b.Y1-b.Y0; tt.level && !level {
				t.Errorf("box %+v is not level", b)
			}
		})
	}
}

func TestARotatedScanOfALevelPageReadsTheSame(t *testing.T) {
	t.Parallel()
	// The text is drawn at a quarter turn and the page is turned back, as scanners and landscape tables do.
	turned := "q 0 1 -1 0 595 0 cm\n" + documenttest.At(100, 500, 10, "Turned text reads on") + documenttest.At(400, 500, 10, "12.50") + "Q\n"
	page := read(t, open(t, newReader(t, document.Options{}), documenttest.Build(documenttest.Sheet{Content: turned, Rotate: 90})), 1)
	wantText(t, page.Text, "Turned text reads on  12.50\n")
}

func TestTextAlongTheEdgeComesLast(t *testing.T) {
	t.Parallel()
	edge := "BT /F 8 Tf 0 1 -1 0 20 300 Tm (Form 7 revision B) Tj ET\n"
	page := read(t, open(t, newReader(t, document.Options{}), documenttest.Build(documenttest.Sheet{Content: edge + documenttest.At(50, 400, 10, "Body of the page")})), 1)
	wantText(t, page.Text, "Body of the page\n\nForm 7 revision B\n")
}

const prose = "The parties agree that the goods be sent to|the buyer before the end of the month and|" +
	"that the seller bears all costs of carriage up|to the named place of delivery. Any delay of|" +
	"more than seven days gives the buyer a right|to withdraw from the order without a fee. The|" +
	"seller keeps the goods insured until then."

const otherProse = "Payment falls due on the day of delivery and|is made by transfer to the account that is|" +
	"named on the invoice. Interest runs from the|day after the due date without any reminder|" +
	"being needed. Set-off is allowed only against|claims that are not in dispute between both|" +
	"sides or were found by a court to be owed."

func TestColumnsOfProseAreReadOneAfterTheOther(t *testing.T) {
	t.Parallel()
	left, right := strings.Split(prose, "|"), strings.Split(otherProse, "|")
	want := "Terms of sale\n\n" + strings.Join(left, "\n") + "\n\n" + strings.Join(right, "\n") + "\n\nPage 1\n"
	r := newReader(t, document.Options{})
	for name, shift := range map[string]float64{"on the same lines": 0, "lines out of step": 6} {
		content := documenttest.At(200, 790, 14, "Terms of sale") + documenttest.Lines(50, 750, 10, 12, left...) + documenttest.Lines(320, 750-shift, 10, 12, right...) + documenttest.At(280, 60, 9, "Page 1")
		p := open(t, r, documenttest.Build(documenttest.Sheet{Content: content}))
		wantText(t, read(t, p, 1).Text, want)
		if err := p.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestThreeColumnsAreReadOneAfterTheOther(t *testing.T) {
	t.Parallel()
	column := func(word string) []string {
		var out []string
		for i := range 8 {
			out = append(out, strings.TrimSpace(strings.Repeat(word+" ", 5))+strings.Repeat("x", i%2))
		}
		return out
	}
	a, b, c := column("alpha"), column("bravo"), column("candy")
	content := documenttest.Lines(40, 780, 10, 12, a...) + documenttest.Lines(220, 780, 10, 12, b...) + documenttest.Lines(400, 780, 10, 12, c...)
	page := read(t, open(t, newReader(t, document.Options{}), documenttest.Build(documenttest.Sheet{Content: content})), 1)
	got := strings.ReplaceAll(page.Text, "\n\n", "\n")
	wantText(t, got, strings.Join(append(append(a, b...), c...), "\n")+"\n")
}

func TestATableOfWordsStaysATable(t *testing.T) {
	t.Parallel()
	content := documenttest.At(50, 780, 10, "Risk") + documenttest.At(320, 780, 10, "Owner and state")
	want := "Risk  Owner and state\n"
	for i, cells := range [][2]string{
		{"Supplier fails to deliver", "Dana Ruiz, open since May"}, {"Key person leaves", "HR"}, {"Data loss in the archive", "IT, mitigated"},
		{"Fine for late filing", "Legal"}, {"Price of copper rises", "Purchasing"}, {"Flood in hall two", "Facility, insured"},
		{"Strike at the port", "Logistics"}, {"Fraud by a reseller", "Audit, watched"},
	} {
		content += documenttest.At(50, 766-float64(14*i), 10, cells[0]) + documenttest.At(320, 766-float64(14*i), 10, cells[1])
		want += cells[0] + "  " + cells[1] + "\n"
	}
	wantText(t, read(t, open(t, newReader(t, document.Options{}), documenttest.Build(documenttest.Sheet{Content: content})), 1).Text, want)
}

func TestCrowdedPagesAreLaidOutQuickly(t *testing.T) {
	t.Parallel()
	var words, cells strings.Builder
	for i := range 100 {
		for j := range 12 {
			words.WriteString(documenttest.At(float64(20+45*j+3*(i%7)), 820-float64(8*i), 6, "seven words of text in one cell"[:10+i%20]))
			cells.WriteString(documenttest.At(float64(20+45*j), 820-float64(8*i), 6, fmt.Sprint("cell ", i)))
		}
	}
	p := open(t, newReader(t, document.Options{MaxTime: time.Minute}), documenttest.Build(documenttest.Sheet{Content: words.String()}, documenttest.Sheet{Content: cells.String()}))
	read(t, p, 1) // MaxTime is the test
	if got := read(t, p, 2); strings.Count(got.Text, "\n") != 100 {
		t.Errorf("the table has %d lines", strings.Count(got.Text, "\n"))
	}
}

func TestLigaturesAndSoftHyphensBecomePlainText(t *testing.T) {
	t.Parallel()
	content := documenttest.At(50, 700, 10, "of\x01ce hours") + documenttest.At(50, 680, 10, "Rech\xadnung 7") + documenttest.At(50, 660, 10, "caf\xe9 \x8012")
	wantText(t, read(t, open(t, newReader(t, document.Options{}), documenttest.Build(documenttest.Sheet{Content: content})), 1).Text,
		"office hours\nRechnung 7\ncafé €12\n")
}

func TestProseIsNotCutAtWideBlanks(t *testing.T) {
	t.Parallel()
	stretched := "BT /F 10 Tf 5 Tw 1 0 0 1 50 700 Tm (A line of prose that was stretched to fill its column.) Tj ET\n"
	wantText(t, read(t, open(t, newReader(t, document.Options{}), documenttest.Build(documenttest.Sheet{Content: stretched})), 1).Text,
		"A line of prose that was stretched to fill its column.\n")
}

func TestAPageWithoutTextIsEmpty(t *testing.T) {
	t.Parallel()
	p := open(t, newReader(t, document.Options{}), documenttest.Build(documenttest.Sheet{Content: "0 0 100 100 re f"}, documenttest.Sheet{Content: documenttest.At(50, 50, 10, "two")}))
	if got := read(t, p, 1); got.Text != "" || len(got.Words) != 0 {
		t.Errorf("got %+v", got)
	}
	if got := read(t, p, 2); got.Text != "two\n" || got.Number != 2 || p.PageCount() != 2 {
		t.Errorf("got %+v of %d", got, p.PageCount())
	}
}

func TestSaysWhyAFileCannotBeRead(t *testing.T) {
	t.Parallel()
	good := documenttest.Build(documenttest.Sheet{Content: invoice()})
	tests := []struct {
		name string
		data []byte
		code steward.FailureCode
		says string
	}{
		{"empty", nil, steward.FailUnsupportedFile, "doc.pdf is empty"},
		{"text", []byte("Dear all, this is no PDF"), steward.FailUnsupportedFile, "doc.pdf is not a PDF"},
		{"png", []byte("\x89PNG\r\n\x1a\n"), steward.FailUnsupportedFile, "doc.pdf is not a PDF"},
		{"header only", []byte("%PDF-1.7\n"), steward.FailUnsupportedFile, "doc.pdf is broken"},
		{"cut off", good[:200], steward.FailUnsupportedFile, "doc.pdf is broken"},
		{"no pages", documenttest.Build(), steward.FailUnsupportedFile, "doc.pdf has no pages"},
	}
	r := newReader(t, document.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := r.Open(t.Context(), "doc.pdf", bytes.NewReader(tt.data), int64(len(tt.data)), "")
			wantFailure(t, err, tt.code, tt.says)
		})
	}
}

func wantFailure(t *testing.T, err error, code steward.FailureCode, says string) {
	t.Helper()
	var f *steward.Failure
	if !errors.As(err, &f) || f.Code != code || !strings.Contains(f.Message, says) {
		t.Errorf("got %v, want %s: %s", err, code, says)
	}
}

// failingFile is a file that cannot be read behind its head.
type failingFile struct {
	*bytes.Reader
	err error
}

func (f *failingFile) Read(p []byte) (int, error) {
	if f.Size()-int64(f.Len()) >= 1024 {
		return 0, f.err
	}
	return f.Reader.Read(p[:min(len(p), 1024)])
}

func TestAFileThatCannotBeReadIsNotCalledBroken(t *testing.T) {
	t.Parallel()
	data := documenttest.Build(documenttest.Sheet{Content: strings.Repeat(invoice(), 20)})
	cause := errors.New("disk on fire")
	_, err := newReader(t, document.Options{}).Open(t.Context(), "doc.pdf", &failingFile{bytes.NewReader(data), cause}, int64(len(data)), "")
	if !errors.Is(err, cause) || errors.As(err, new(*steward.Failure)) {
		t.Errorf("got %v, want the file's own error", err)
	}
}

// shortReads answers every read with at most seven bytes.
type shortReads struct{ *bytes.Reader }

func (s shortReads) Read(p []byte) (int, error) { return s.Reader.Read(p[:min(len(p), 7)]) }

func TestShortReadsDoNotHarm(t *testing.T) {
	t.Parallel()
	data := documenttest.Build(documenttest.Sheet{Content: invoice()})
	p, err := newReader(t, document.Options{}).Open(t.Context(), "doc.pdf", shortReads{bytes.NewReader(data)}, int64(len(data)), "")
	if err != nil {
		t.Fatal(err)
	}
	if page := read(t, p, 1); !strings.Contains(page.Text, "35.50 EUR") {
		t.Errorf("got %q", page.Text)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestPagesOutOfRangeAndClosedPDFsAreErrors(t *testing.T) {
	t.Parallel()
	p := open(t, newReader(t, document.Options{}), documenttest.Build(documenttest.Sheet{Content: invoice()}))
	for _, n := range []int{0, 2, -1} {
		if _, err := p.Page(t.Context(), n); err == nil {
			t.Errorf("page %d: no error", n)
		}
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Errorf("close twice: %v", err)
	}
	if _, err := p.Page(t.Context(), 1); err == nil {
		t.Error("page of a closed PDF: no error")
	}
}

func TestLimitsOfPagesAndTimeHold(t *testing.T) {
	t.Parallel()
	data := documenttest.Build(documenttest.Sheet{Content: invoice()}, documenttest.Sheet{Content: invoice()}, documenttest.Sheet{Content: invoice()})
	p := open(t, newReader(t, document.Options{MaxPages: 2}), data)
	read(t, p, 3)
	read(t, p, 1)
	_, err := p.Page(t.Context(), 2)
	wantFailure(t, err, steward.FailUnsupportedFile, "more than 2 pages")

	_, err = newReader(t, document.Options{MaxTime: 1}).Open(t.Context(), "slow.pdf", bytes.NewReader(data), int64(len(data)), "")
	wantFailure(t, err, steward.FailTimeout, "slow.pdf")
}

func TestASlowPageIsInterruptedAndTheReaderGoesOn(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{Instances: 1, MaxTime: 400 * time.Millisecond})
	small := documenttest.Build(documenttest.Sheet{Content: invoice()})
	warm := open(t, r, small) // the engine's start does not count
	if err := warm.Close(); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := range 200_000 {
		b.WriteString(documenttest.At(float64(i%500), float64(i%800), 9, "slow words in heaps and heaps"))
	}
	p := open(t, r, documenttest.Build(documenttest.Sheet{Content: b.String()}))
	_, err := p.Page(t.Context(), 1)
	wantFailure(t, err, steward.FailTimeout, "test.pdf")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if page := read(t, open(t, r, small), 1); !strings.Contains(page.Text, "INVOICE") {
		t.Errorf("after the interruption: %q", page.Text)
	}
}

func TestAnEndedContextStopsReading(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{Instances: 1})
	p := open(t, r, documenttest.Build(documenttest.Sheet{Content: invoice()}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Page(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("page: %v", err)
	}
	// The only instance is in use, so opening waits until its context ends.
	data := documenttest.Build(documenttest.Sheet{Content: invoice()})
	if _, err := r.Open(ctx, "b.pdf", bytes.NewReader(data), int64(len(data)), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v", err)
	}
}

func TestManyReadersShareFewInstances(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{Instances: 2, RecycleAfter: 3})
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			want := fmt.Sprintf("Document %d", i)
			data := documenttest.Build(documenttest.Sheet{Content: documenttest.At(50, 500, 12, want)})
			p, err := r.Open(t.Context(), "a.pdf", bytes.NewReader(data), int64(len(data)), "")
			if err != nil {
				t.Errorf("open %d: %v", i, err)
				return
			}
			page, err := p.Page(t.Context(), 1)
			if err != nil || page.Text != want+"\n" {
				t.Errorf("document %d: %q, %v", i, page.Text, err)
			}
			if err := p.Close(); err != nil {
				t.Errorf("close %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

// records keeps what a logger said.
type records struct {
	mu    sync.Mutex
	lines []string
	said  chan string
}

func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, string(p))
	r.said <- string(p)
	return len(p), nil
}

func TestTheEngineIsLoadedLateAndDroppedWhenIdle(t *testing.T) {
	t.Parallel()
	log := &records{said: make(chan string, 16)}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r := newReader(t, document.Options{Logger: logger, IdleAfter: time.Millisecond})
	if _, err := r.Open(t.Context(), "a.txt", strings.NewReader("no PDF"), 6, ""); err == nil {
		t.Fatal("a text was opened as a PDF")
	}
	if len(log.lines) > 0 {
		t.Fatalf("the engine was started for what is no PDF: %q", log.lines)
	}
	for range 2 {
		p := open(t, r, documenttest.Build(documenttest.Sheet{Content: invoice()}))
		wantSaid(t, log, "pdf engine started")
		read(t, p, 1)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		wantSaid(t, log, "pdf engine dropped")
	}
}

func wantSaid(t *testing.T, log *records, words string) {
	t.Helper()
	select {
	case line := <-log.said:
		if !strings.Contains(line, words) {
			t.Fatalf("logged %q, want %q", line, words)
		}
	case <-time.After(time.Minute):
		t.Fatalf("never logged %q", words)
	}
}

func TestACacheThatCannotBeMadeOnlyWarns(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	log := &records{said: make(chan string, 16)}
	r := newReader(t, document.Options{CacheDir: filepath.Join(file, "cache"), Logger: slog.New(slog.NewTextHandler(log, nil)), IdleAfter: -1})
	if page := read(t, open(t, r, documenttest.Build(documenttest.Sheet{Content: invoice()})), 1); page.Text == "" {
		t.Error("nothing was read")
	}
	wantSaid(t, log, "without its cache")
}

func TestAClosedReaderRefuses(t *testing.T) {
	t.Parallel()
	r := document.Open(document.Options{CacheDir: cacheDir})
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	data := documenttest.Build(documenttest.Sheet{Content: invoice()})
	if _, err := r.Open(t.Context(), "a.pdf", bytes.NewReader(data), int64(len(data)), ""); err == nil {
		t.Error("opened")
	}
}

func FuzzReadsAnythingWithoutHarm(f *testing.F) {
	good := documenttest.Build(documenttest.Sheet{Content: invoice()}, documenttest.Sheet{Content: documenttest.At(50, 50, 10, "of\x01ce"), Rotate: 90})
	f.Add(good, 100, byte('x'))
	f.Add(good, 700, byte('9'))
	f.Add([]byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 1 0 R/Kids[1 0 R]/Count 9>>endobj\ntrailer<</Root 1 0 R>>"), 0, byte(0))
	f.Add(form(true), 1200, byte('R'))
	f.Add(form(false), 900, byte('0'))
	f.Add(withOutline("<< /Type /Outlines /First %[2]d 0 R >>", "<< /Title (A) /Next %[2]d 0 R /First %[1]d 0 R /Dest [6 0 R /Fit] >>"), 0, byte('%'))
	r := newReader(f, document.Options{MaxTime: 5 * time.Second, MaxMemoryBytes: 64 << 20})
	f.Fuzz(func(t *testing.T, data []byte, at int, b byte) {
		if len(data) > 0 {
			data = bytes.Clone(data)
			data[((at%len(data))+len(data))%len(data)] = b
		}
		p, err := r.Open(t.Context(), "fuzz.pdf", bytes.NewReader(data), int64(len(data)), "")
		if err != nil {
			return
		}
		for n := 1; n <= min(p.PageCount(), 5); n++ {
			if page, err := p.Page(t.Context(), n); err == nil {
				checkPage(t, page)
			}
			if pic, err := p.Picture(t.Context(), n, document.PictureOptions{LongEdge: 64}); err == nil && max(pic.Width, pic.Height) > 64 {
				t.Fatalf("a picture of %d x %d", pic.Width, pic.Height)
			}
		}
		if headings, err := p.Outline(t.Context()); err == nil {
			for _, h := range headings {
				if h.Title == "" || h.Level < 1 || h.Page < 0 || h.Page > p.PageCount() {
					t.Fatalf("heading %+v", h)
				}
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkPageOf3000Characters(b *testing.B) {
	var content strings.Builder
	for i := range 60 {
		content.WriteString(documenttest.At(50, 800-float64(12*i), 9, fmt.Sprintf("%02d The quick brown fox jumps over the lazy dog.", i)))
	}
	p := open(b, newReader(b, document.Options{}), documenttest.Build(documenttest.Sheet{Content: content.String()}))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Page(b.Context(), 1); err != nil {
			b.Fatal(err)
		}
	}
}
