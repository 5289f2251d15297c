package app_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/app"
)

func TestWhatIsAskedOfOCRAndIsNotThereStopsTheStart(t *testing.T) {
	t.Parallel()
	if out, err := exec.CommandContext(t.Context(), "../../scripts/ocr.sh").CombinedOutput(); err != nil {
		t.Fatalf("scripts/ocr.sh: %v\n%s", err, out)
	}
	for says, change := range map[string]func(*app.Config){
		"ocr_path: tesseract is not installed":                         func(c *app.Config) { c.OCRPath = "/nowhere/tesseract" },
		"ocr_languages: ocr: language tlh is not installed; there are": func(c *app.Config) { c.OCRLanguages = []string{"eng", "tlh"} },
	} {
		c := app.Defaults()
		c.Data, c.Listen = t.TempDir(), "127.0.0.1:0"
		change(&c)
		s, err := app.Open(t.Context(), c, app.Options{Getenv: func(string) string { return "" }})
		if err == nil {
			stop(t, s)
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %s", err, says)
		}
	}
}

func TestNothingIsAskedOfOCRWhereItIsOffOrNotNeeded(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*app.Config){
		"off":           func(c *app.Config) { c.OCR, c.OCRPath = app.OCROff, "/nowhere/tesseract" },
		"not a worker":  func(c *app.Config) { c.Roles, c.OCRPath = []string{"api"}, "/nowhere/tesseract" },
		"all languages": func(c *app.Config) { c.OCRLanguages = []string{"deu", "eng", "fra", "spa"} },
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := start(t, t.TempDir(), change)
			stop(t, s)
		})
	}
}
