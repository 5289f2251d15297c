package documenttest

import (
	"fmt"
	"os"
	"testing"

	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/document/ocr"
)

// Main runs a package's tests with one reader for all of them, which it puts into shared: starting a PDF engine takes seconds. It
// returns the code to exit with.
func Main(m *testing.M, shared **document.Reader) int {
	*shared = document.Open(document.Options{})
	code := m.Run()
	if err := (*shared).Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// WithOCR is a reader whose OCR reads text on every picture, and the folder in which it notes each.
func WithOCR(t *testing.T, text string) (*document.Reader, string) {
	t.Helper()
	path, calls, err := FakeOCR(t.TempDir(), text)
	if err != nil {
		t.Fatal(err)
	}
	recognizer, err := ocr.Find(t.Context(), ocr.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	reader := document.Open(document.Options{OCR: recognizer})
	t.Cleanup(func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	})
	return reader, calls
}
