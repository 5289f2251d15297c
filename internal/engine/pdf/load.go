package pdf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/grounding"
)

// loader reads the pages of a run's files. The journal keeps only what was read, not the text: reading it again after
// a crash costs a few milliseconds a page.
type loader struct {
	reader *document.Reader
	run    *engine.Run
	docs   []grounding.Document
	ranges []pageRange
	notes  []string
	left   int // pages that may still be read
}

// opened is what the journal keeps of opening a file.
type opened struct {
	Pages int `json:"pages"`
}

// pagesRead is what the journal keeps of reading a batch of pages.
type pagesRead struct {
	Pages  int    `json:"pages"`
	Empty  int    `json:"empty,omitempty"` // pages without a text layer
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"` // of the texts, hex
}

// load reads all files.
func (l *loader) load(ctx context.Context, files []steward.File) error {
	ranges, err := parseFilter(l.run.Config.String("page_filter"))
	if err != nil {
		return &steward.Failure{Code: steward.FailInvalidConfig, Message: err.Error() + "."}
	}
	l.ranges, l.left = ranges, l.run.Config.Int("max_pages")
	pages, texts := 0, 0
	for i, f := range files {
		doc, err := l.file(ctx, i, f)
		if err != nil {
			return err
		}
		l.docs = append(l.docs, doc)
		for _, p := range doc.Pages {
			pages++
			if p.Text != "" {
				texts++
			}
		}
	}
	switch {
	case pages == 0:
		return &steward.Failure{Code: steward.FailInvalidConfig, Message: "page_filter selects no page of the files."}
	case texts == 0:
		return &steward.Failure{Code: steward.FailUnsupportedFile, Message: "The pages have no text layer; pictures of pages cannot be read yet."}
	}
	return nil
}

// file reads the selected pages of one file. The PDF is closed before anything is asked about it.
func (l *loader) file(ctx context.Context, index int, f steward.File) (_ grounding.Document, err error) {
	doc := grounding.Document{FileIndex: index, Name: f.Name, ContentType: "application/pdf"}
	src := &source{loader: l, file: f}
	defer func() { err = errors.Join(err, src.close()) }()
	spec := engine.StepSpec{Name: fmt.Sprintf("file[%d].open", index), Kind: steward.StepDocument, Input: f.SHA256}
	info, err := engine.Do(ctx, l.run, spec, func(ctx context.Context) (opened, error) {
		pdf, err := src.open(ctx)
		if err != nil {
			return opened{}, err
		}
		return opened{Pages: pdf.PageCount()}, nil
	})
	if err != nil {
		return doc, err
	}
	pages, outside := selectPages(l.ranges, info.Pages)
	if outside {
		l.notes = append(l.notes, fmt.Sprintf("page_filter names pages beyond the end of %s, which has %d.", f.Name, info.Pages))
	}
	if l.left -= len(pages); l.left < 0 {
		return doc, &steward.Failure{
			Code:    steward.FailInvalidConfig,
			Message: fmt.Sprintf("There are more than %d pages to read. Raise max_pages or set page_filter.", l.run.Config.Int("max_pages")),
		}
	}
	size := defaultBatch
	if l.run.Config.Has("batch_size") {
		size = l.run.Config.Int("batch_size")
	}
	for start := 0; start < len(pages); start += size {
		batch := pages[start:min(start+size, len(pages))]
		read, err := l.batch(ctx, src, index, batch)
		if err != nil {
			return doc, err
		}
		doc.Pages = append(doc.Pages, read...)
	}
	return doc, nil
}

// batch reads some pages as one step.
func (l *loader) batch(ctx context.Context, src *source, index int, numbers []int) ([]grounding.Page, error) {
	var pages []grounding.Page
	spec := engine.StepSpec{
		Name:  fmt.Sprintf("file[%d].pages[%s].text", index, span(numbers[0], numbers[len(numbers)-1])),
		Kind:  steward.StepDocument,
		Input: numbers,
	}
	_, err := engine.Do(ctx, l.run, spec, func(ctx context.Context) (_ pagesRead, err error) {
		pages, err = src.pages(ctx, numbers)
		return summary(pages), err
	})
	if err != nil {
		return nil, err
	}
	if pages == nil { // an earlier attempt read them
		pages, err = src.pages(ctx, numbers)
	}
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return pages, err
}

// summary is what is recorded of pages.
func summary(pages []grounding.Page) pagesRead {
	s := pagesRead{Pages: len(pages)}
	h := sha256.New()
	for _, p := range pages {
		if p.Text == "" {
			s.Empty++
		}
		s.Bytes += len(p.Text)
		h.Write(fmt.Appendf(nil, "%d\n%d\n%s", p.Number, len(p.Text), p.Text))
	}
	s.SHA256 = hex.EncodeToString(h.Sum(nil))
	return s
}

// maxNamed is how many page numbers a warning names.
const maxNamed = 20

// warnings says what was asked for and not done.
func (l *loader) warnings() []string {
	notes := l.notes
	if l.run.Config.Has("convert_to_images") && l.run.Config.Bool("convert_to_images") {
		notes = append(notes, "convert_to_images is not built yet: the text layer was read, page images were not sent.")
	}
	for i := range l.docs {
		var empty []string
		for _, p := range l.docs[i].Pages {
			if p.Text == "" {
				empty = append(empty, fmt.Sprint(p.Number))
			}
		}
		if n := len(empty); n > 0 {
			named := strings.Join(empty[:min(n, maxNamed)], ", ")
			if n > maxNamed {
				named += ", …"
			}
			notes = append(notes, fmt.Sprintf("%d of %d pages of %s have no text layer and were not read: %s.", n, len(l.docs[i].Pages), l.docs[i].Name, named))
		}
	}
	return notes
}

// source opens a file when it is needed and not before.
type source struct {
	loader *loader
	file   steward.File
	body   io.Closer
	pdf    *document.PDF
}

// open returns the open PDF.
func (s *source) open(ctx context.Context) (*document.PDF, error) {
	if s.pdf != nil {
		return s.pdf, nil
	}
	body, err := s.loader.run.OpenFile(ctx, s.file)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.file.Name, err)
	}
	s.body = body
	s.pdf, err = s.loader.reader.Open(ctx, s.file.Name, body, s.file.SizeBytes, s.loader.run.Config.String("password"))
	return s.pdf, err
}

// pages reads pages by their numbers.
func (s *source) pages(ctx context.Context, numbers []int) ([]grounding.Page, error) {
	pdf, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	pages := make([]grounding.Page, 0, len(numbers))
	for _, n := range numbers {
		page, err := pdf.Page(ctx, n)
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}

// close ends the reading.
func (s *source) close() error {
	var err error
	if s.pdf != nil {
		err = s.pdf.Close()
	}
	if s.body != nil {
		err = errors.Join(err, s.body.Close())
	}
	return err
}
