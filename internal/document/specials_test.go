package document_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/grounding"
)

// special returns a file of testdata.
func special(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEncryptedFilesNeedTheirPassword(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	data := special(t, "pdf/encrypted.pdf")
	for password, says := range map[string]string{"": "needs a password", "wrong": "The password does not open minutes.pdf"} {
		_, err := r.Open(t.Context(), "minutes.pdf", bytes.NewReader(data), int64(len(data)), password)
		wantFailure(t, err, steward.FailFileEncrypted, says)
	}
	p, err := r.Open(t.Context(), "minutes.pdf", bytes.NewReader(data), int64(len(data)), "secret")
	if err != nil {
		t.Fatal(err)
	}
	if page := read(t, p, 1); !strings.Contains(page.Text, "Winifred Amory") {
		t.Errorf("got %q", page.Text)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestBrokenFilesOfEveryKindAreRefused(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	for name, says := range map[string]string{"truncated.pdf": "is broken", "not-a.pdf": "is not a PDF", "zero-byte.pdf": "is empty"} {
		data := special(t, "pdf/"+name)
		_, err := r.Open(t.Context(), name, bytes.NewReader(data), int64(len(data)), "")
		wantFailure(t, err, steward.FailUnsupportedFile, name+" "+says)
	}
}

func TestSpecialPagesReadAsPeopleReadThem(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	tests := map[string]string{
		"pdf/empty-text.pdf":              "",
		"pdf/rotated.pdf":                 "Delivery note DN-5512\nDate: 2026-02-03\nCarrier: Sandpiper Haulage\nPallets: 14\nGross weight: 8,420 kg\n",
		"pdf/two-columns.pdf":             "Left three: the pilots were paid in salt.\n\nRight one: a new pier was built",
		"../examples/invoice/invoice.pdf": "7  Green coffee sample tray  30  4.15  124.50\n",
	}
	for name, want := range tests {
		p := open(t, r, special(t, name))
		if got := tight(read(t, p, 1).Text); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestQuotesAreFoundOverBrokenWordsAndOnLaterPages(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	tests := []struct {
		file, quote string
		page        int
	}{
		{"pdf/hyphenated.pdf", "transfers all receivables under the frame agreement of 4 May 2025 to Marrowbone Factoring Ltd.", 1},
		{"pdf/hyphenated.pdf", "The long-term contracts remain with the well-known seller", 1},
		{"pdf/forty-pages.pdf", "Section code: SC-273", 39},
	}
	for _, tt := range tests {
		p := open(t, r, special(t, tt.file))
		doc := grounding.Document{Name: tt.file}
		for n := 1; n <= p.PageCount(); n++ {
			doc.Pages = append(doc.Pages, read(t, p, n))
		}
		err := p.Close()
		e := grounding.Verify([]grounding.Document{doc}, []grounding.Claim{{Quote: tt.quote, Page: 1, Confidence: 1}})[0]
		if err != nil || e.Unverified || e.Page != tt.page || len(e.Boxes) == 0 {
			t.Errorf("%s: %+v, %v", tt.quote, e, err)
		}
	}
}
