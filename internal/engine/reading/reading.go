// Package reading reads the files of a run: what they are, their text, the text of scans by OCR, and how their pages look.
//
//	files := reading.New(reader, run, reading.Options{Password: password})
//	file, err := files.Open(ctx, 0, f)
//	pages, err := file.Read(ctx, []int{1, 2, 3})
//	err = file.Close()
//	err = file.Recognize(ctx, pages)
//	file.Show(pages, document.PictureOptions{})
//
// Opening, reading and OCR are steps of the run. The journal keeps what was read of text layers, not the text, because reading
// it again takes milliseconds; what OCR read it keeps whole. Pictures are drawn when a model is shown them, and are not kept.
package reading

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// Options tunes Files. The zero value is ready to use.
type Options struct {
	Password string // of encrypted files
	Batch    int    // pages that are read in one step; 0 means 10
}

// Files reads the files of one run. It is safe for concurrent use.
type Files struct {
	reader *document.Reader
	run    *engine.Run
	opts   Options

	mu    sync.Mutex
	notes []string
}

// New returns the reading of a run's files with reader.
func New(reader *document.Reader, run *engine.Run, o Options) *Files {
	if o.Batch <= 0 {
		o.Batch = 10
	}
	return &Files{reader: reader, run: run, opts: o}
}

// Warnings says, in words for users, what could not be read. Nothing is said twice.
func (s *Files) Warnings() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notes)
}

// Note adds a warning.
func (s *Files) Note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if note := fmt.Sprintf(format, args...); !slices.Contains(s.notes, note) {
		s.notes = append(s.notes, note)
	}
}

// NoteAnswer adds what a model's answer warns of.
func (s *Files) NoteAnswer(resp *model.Response) {
	for _, w := range resp.Warnings {
		s.Note("%s", w)
	}
}

// CanRecognize reports whether pictures can be read by OCR.
func (s *Files) CanRecognize() bool { return s.reader.CanRecognize() }

// File is one file of a run. It is not safe for concurrent use, but for Show and Save.
type File struct {
	Index int // among the run's files, counted from 0; part of the names of steps
	steward.File
	Kind  document.Kind
	Pages int

	set  *Files
	open *handle // nil while closed
}

// opened is what the journal keeps of opening a file.
type opened struct {
	Kind  document.Kind `json:"kind"`
	Pages int           `json:"pages"`
}

// Open finds out what a file is, as the step "file[index].open". The caller closes the result.
//
// Errors: *steward.Failure with FailUnsupportedFile, which says what the file is, and FailFileEncrypted.
func (s *Files) Open(ctx context.Context, index int, f steward.File) (*File, error) {
	file := &File{Index: index, File: f, set: s}
	spec := engine.StepSpec{Name: fmt.Sprintf("file[%d].open", index), Kind: steward.StepDocument, Input: f.SHA256}
	info, err := engine.Do(ctx, s.run, spec, func(ctx context.Context) (opened, error) {
		doc, err := file.document(ctx)
		if err != nil {
			return opened{}, err
		}
		return opened{Kind: doc.Kind(), Pages: doc.PageCount()}, nil
	})
	if err == nil {
		if info.Kind == "" { // recorded by a version that read nothing but PDFs
			info.Kind = document.KindPDF
		}
		file.Kind, file.Pages = info.Kind, info.Pages
		err = s.checkKind(file)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// checkKind refuses what claims to be a PDF and is none, such as the error page that stands where a PDF should.
func (s *Files) checkKind(f *File) error {
	if f.Kind == document.KindPDF {
		return nil
	}
	claims := strings.EqualFold(path.Ext(f.Name), ".pdf")
	for _, in := range s.run.Job.Inputs {
		claims = claims || in.DataType == "application/pdf" && slices.ContainsFunc(in.Files, func(g steward.File) bool {
			return g.SourceURL != "" && g.SourceURL == f.SourceURL || g.SHA256 != "" && g.SHA256 == f.SHA256
		})
	}
	if !claims {
		return nil
	}
	return &steward.Failure{Code: steward.FailUnsupportedFile, Message: fmt.Sprintf("%s is not a PDF, it is %s.", f.Name, Describe(f.Kind))}
}

// Describe names a kind of document for people, with its article.
func Describe(k document.Kind) string {
	switch k {
	case document.KindPDF:
		return "a PDF"
	case document.KindImage:
		return "a picture"
	case document.KindDOCX:
		return "a Word document"
	case document.KindXLSX:
		return "an Excel workbook"
	case document.KindHTML:
		return "a web page (HTML)"
	case document.KindEML:
		return "an e-mail"
	case document.KindCSV:
		return "a table (CSV)"
	}
	return "a text"
}

// handle is a document with the file that it reads from.
type handle struct {
	document.Document
	body io.Closer
}

// Close implements io.Closer.
func (h *handle) Close() error {
	err := h.Document.Close()
	return errors.Join(err, h.body.Close())
}

// openDocument opens the file anew. The caller closes the result.
func (f *File) openDocument(ctx context.Context) (*handle, error) {
	body, err := f.set.run.OpenFile(ctx, f.File)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.Name, err)
	}
	doc, err := f.set.reader.OpenAny(ctx, f.Name, f.ContentType, body, f.SizeBytes, f.set.opts.Password)
	if err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return &handle{Document: doc, body: body}, nil
}

// document returns the open document, which stays open until Close.
func (f *File) document(ctx context.Context) (document.Document, error) {
	if f.open == nil {
		h, err := f.openDocument(ctx)
		if err != nil {
			return nil, err
		}
		f.open = h
	}
	return f.open, nil
}

// Close lets go of the file. It is opened again when it is read again. Closing twice is fine.
func (f *File) Close() error {
	if f.open == nil {
		return nil
	}
	h := f.open
	f.open = nil
	return h.Close()
}

// HasLook reports whether the pages can be drawn.
func (f *File) HasLook() bool { return f.Kind == document.KindPDF || f.Kind == document.KindImage }

// MediaType is the content type by which models and evidence know the file.
func (f *File) MediaType() string {
	switch {
	case f.Kind == document.KindPDF:
		return "application/pdf"
	case f.Kind == document.KindImage && !strings.HasPrefix(f.ContentType, "image/"):
		return "image/png"
	}
	return f.ContentType
}

// Document is the file's pages as a document.
func (f *File) Document(pages []grounding.Page) grounding.Document {
	return grounding.Document{FileIndex: f.Index, Name: f.Name, ContentType: f.MediaType(), Pages: pages}
}

// Outline returns the headings that the document itself lists.
func (f *File) Outline(ctx context.Context) ([]document.Heading, error) {
	doc, err := f.document(ctx)
	if err != nil {
		return nil, err
	}
	return doc.Outline(ctx)
}

// pagesRead is what the journal keeps of reading a batch of pages.
type pagesRead struct {
	Pages  int    `json:"pages"`
	Empty  int    `json:"empty,omitempty"` // pages without text
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"` // of the texts, hex
}

// Read reads the text of pages by their numbers, which rise, in steps "file[i].pages[a-b].text". A page without text has the empty
// text.
func (f *File) Read(ctx context.Context, numbers []int) ([]grounding.Page, error) {
	pages := make([]grounding.Page, 0, len(numbers))
	for batch := range slices.Chunk(numbers, f.set.opts.Batch) {
		read, err := f.readBatch(ctx, batch)
		if err != nil {
			return nil, err
		}
		pages = append(pages, read...)
	}
	return pages, nil
}

// readBatch reads some pages as one step.
func (f *File) readBatch(ctx context.Context, numbers []int) ([]grounding.Page, error) {
	var pages []grounding.Page
	spec := engine.StepSpec{
		Name:  fmt.Sprintf("file[%d].pages[%s].text", f.Index, Span(numbers[0], numbers[len(numbers)-1])),
		Kind:  steward.StepDocument,
		Input: numbers,
	}
	_, err := engine.Do(ctx, f.set.run, spec, func(ctx context.Context) (_ pagesRead, err error) {
		pages, err = f.texts(ctx, numbers)
		return summary(pages), err
	})
	if err != nil {
		return nil, err
	}
	if pages == nil { // an earlier attempt read them
		pages, err = f.texts(ctx, numbers)
	}
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return pages, err
}

// texts reads pages by their numbers.
func (f *File) texts(ctx context.Context, numbers []int) ([]grounding.Page, error) {
	doc, err := f.document(ctx)
	if err != nil {
		return nil, err
	}
	pages := make([]grounding.Page, 0, len(numbers))
	for _, n := range numbers {
		page, err := doc.Page(ctx, n)
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
	return pages, nil
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

// Span writes a range of pages.
func Span(from, to int) string { return fmt.Sprintf("%d-%d", from, to) }
