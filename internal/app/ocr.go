package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stewardhq/steward/internal/document/ocr"
)

// recognizer finds the program that reads pictures; nil when there is none, which is no failure unless the operator asked for
// something in particular.
func (s *Server) recognizer(getenv func(string) string) (*ocr.Engine, error) {
	if s.config.OCR == OCROff || !s.config.has("worker") {
		return nil, nil
	}
	e, err := ocr.Find(context.Background(), ocr.Options{
		Path: s.config.OCRPath, DataDir: getenv("TESSDATA_PREFIX"), Languages: s.config.OCRLanguages, Logger: s.log,
	})
	switch {
	case err == nil:
		s.log.Debug("pictures are read by tesseract", "version", e.Version(), "languages", e.Languages())
		return e, nil
	case s.config.OCRPath != "":
		return nil, fmt.Errorf("ocr_path: %w", err)
	case errors.Is(err, ocr.ErrNotInstalled):
		s.log.Info("pictures and scans are not read: tesseract is not installed")
	case !slices.Equal(s.config.OCRLanguages, Defaults().OCRLanguages):
		return nil, fmt.Errorf("ocr_languages: %w", err)
	default:
		s.log.Warn("pictures and scans are not read", "error", err)
	}
	return nil, nil
}
