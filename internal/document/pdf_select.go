package document

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
)

// maxSelected is the largest PDF that SelectPages writes.
const maxSelected = 512 << 20

// SelectPages writes a PDF of some pages of a PDF of size bytes to w, in the given order, which need not rise. Pages look as they do
// in the source; its outline, forms and attachments are left out, and the result is not encrypted. What is written
// is streamed: no file is held in memory whole. src is not closed. On an error w has received a part.
//
// Errors: those of Open; *steward.Failure with FailUnsupportedFile for pages that cannot be copied or are too large together; an error
// for a page that is not there; w's error.
func (r *Reader) SelectPages(ctx context.Context, f SelectFrom, pages []int, w io.Writer) (err error) {
	if err := checkHeader(f.Name, f.Source, f.SizeBytes); err != nil {
		return err
	}
	list, err := pageList(f.Name, pages)
	if err != nil {
		return err
	}
	inst, err := r.pool.take(ctx)
	if err != nil {
		return fmt.Errorf("open %s: %w", f.Name, err)
	}
	p := &PDF{name: f.Name, reader: r, inst: inst, left: r.opts.MaxTime, source: newSource(f.Source, f.SizeBytes)}
	defer func() { err = errors.Join(err, p.Close()) }()
	out := &limited{w: w, left: maxSelected}
	err = p.timed(ctx, timeToRead*time.Duration(len(pages)), func(ctx context.Context) error {
		return p.inst.library(ctx, func() error { return p.copyPages(f, list, out) })
	})
	switch {
	case out.err != nil:
		return fmt.Errorf("write pages of %s: %w", f.Name, out.err)
	case err != nil && p.source.err != nil:
		return fmt.Errorf("read %s: %w", f.Name, p.source.err)
	case errors.Is(err, errNotCopied):
		return unsupported(err, "The pages of %s cannot be copied.", f.Name)
	}
	return err
}

// SelectFrom is the PDF whose pages SelectPages copies.
type SelectFrom struct {
	Name      string
	Source    io.ReadSeeker
	SizeBytes int64
	Password  string
}

// errNotCopied says that the engine refused to copy pages.
var errNotCopied = errors.New("the engine does not copy the pages")

// pageList writes page numbers as the engine reads them.
func pageList(name string, pages []int) (string, error) {
	if len(pages) == 0 {
		return "", fmt.Errorf("select pages of %s: none is named", name)
	}
	list := make([]string, len(pages))
	for i, n := range pages {
		if n < 1 {
			return "", fmt.Errorf("select page %d of %s: there is none", n, name)
		}
		list[i] = strconv.Itoa(n)
	}
	return strings.Join(list, ","), nil
}

// copyPages makes a document of the pages and writes it. The library does the work: it alone can give the engine a writer.
func (p *PDF) copyPages(f SelectFrom, list string, w io.Writer) (err error) {
	lib := p.inst.lib
	from, err := lib.OpenDocument(&requests.OpenDocument{FileReader: p.source, FileReaderSize: f.SizeBytes, Password: &f.Password})
	if err != nil {
		return errors.Join(errNotCopied, err)
	}
	defer func() { err = errors.Join(err, p.inst.closeDocument(from.Document)) }()
	to, err := lib.FPDF_CreateNewDocument(&requests.FPDF_CreateNewDocument{})
	if err != nil {
		return errors.Join(errNotCopied, err)
	}
	defer func() { err = errors.Join(err, p.inst.closeDocument(to.Document)) }()
	if _, err := lib.FPDF_ImportPages(&requests.FPDF_ImportPages{Source: from.Document, Destination: to.Document, PageRange: &list}); err != nil {
		return errors.Join(errNotCopied, err)
	}
	if _, err := lib.FPDF_SaveAsCopy(&requests.FPDF_SaveAsCopy{Document: to.Document, FileWriter: w, Flags: requests.SaveFlagNoIncremental}); err != nil {
		return errors.Join(errNotCopied, err)
	}
	return nil
}

// library runs work of the library, which makes its calls by itself. An instance in which that failed is not used again.
func (in *instance) library(ctx context.Context, work func() error) error {
	cut, err := in.stop.during(ctx, work)
	in.broken = in.broken || cut || err != nil
	if cut {
		return fmt.Errorf("pdf engine: %w", ctx.Err())
	}
	return err
}

// closeDocument closes a document of the library's.
func (in *instance) closeDocument(doc references.FPDF_DOCUMENT) error {
	_, err := in.lib.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: doc})
	return err
}

// limited writes at most left bytes, and keeps its first error: the engine does not hand errors on.
type limited struct {
	w    io.Writer
	left int64
	err  error
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	if l.left -= int64(len(p)); l.left < 0 {
		l.err = unsupported(nil, "The selected pages make a file of more than %d MiB.", maxSelected>>20)
		return 0, l.err
	}
	n, err := l.w.Write(p)
	l.err = err
	return n, err
}
