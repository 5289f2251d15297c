package document_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
)

// selected copies pages of a file of the repository.
func selected(ctx context.Context, t *testing.T, r *document.Reader, name, password string, pages ...int) ([]byte, error) {
	t.Helper()
	data, err := os.ReadFile("../../testdata/pdf/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	from := document.SelectFrom{Name: name, Source: bytes.NewReader(data), SizeBytes: int64(len(data)), Password: password}
	err = r.SelectPages(ctx, from, pages, &out)
	return out.Bytes(), err
}

func TestSelectedPagesMakeAPDFInTheirOrder(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	data, err := selected(t.Context(), t, r, "forty-pages.pdf", "", 40, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	pdf, err := r.Open(t.Context(), "selection.pdf", bytes.NewReader(data), int64(len(data)), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pdf.Close() }() // read only
	if pdf.PageCount() != 3 {
		t.Fatalf("%d pages", pdf.PageCount())
	}
	for n, want := range map[int]string{1: "Section 40", 2: "Section 2", 3: "Section 3"} {
		page, err := pdf.Page(t.Context(), n)
		if err != nil || !strings.HasPrefix(page.Text, want+"\n") {
			t.Errorf("page %d: %.40q, %v, want %s", n, page.Text, err, want)
		}
	}
}

func TestSelectedPagesOfAnEncryptedFileAreReadable(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	data, err := selected(t.Context(), t, r, "encrypted.pdf", "secret", 1)
	if err != nil {
		t.Fatal(err)
	}
	pdf, err := r.Open(t.Context(), "selection.pdf", bytes.NewReader(data), int64(len(data)), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := pdf.Close(); err != nil {
		t.Error(err)
	}
}

// full refuses every byte.
type full struct{}

var errFull = errors.New("disk full")

// Write implements io.Writer.
func (full) Write([]byte) (int, error) { return 0, errFull }

func TestSelectingSaysWhyItCannotBe(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	var f *steward.Failure
	if _, err := selected(t.Context(), t, r, "forty-pages.pdf", "", 41); !errors.As(err, &f) || f.Code != steward.FailUnsupportedFile {
		t.Errorf("a page beyond the end: %v", err)
	}
	if _, err := selected(t.Context(), t, r, "forty-pages.pdf", ""); err == nil {
		t.Error("no page was selected")
	}
	if _, err := selected(t.Context(), t, r, "not-a.pdf", "", 1); !errors.As(err, &f) || f.Code != steward.FailUnsupportedFile {
		t.Errorf("no PDF: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := selected(ended, t, r, "forty-pages.pdf", "", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	data, err := os.ReadFile("../../testdata/pdf/forty-pages.pdf")
	if err != nil {
		t.Fatal(err)
	}
	from := document.SelectFrom{Name: "a.pdf", Source: bytes.NewReader(data), SizeBytes: int64(len(data))}
	if err := r.SelectPages(t.Context(), from, []int{1}, full{}); !errors.Is(err, errFull) {
		t.Errorf("full disk: %v", err)
	}
}
