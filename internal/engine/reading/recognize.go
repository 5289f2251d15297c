package reading

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/grounding"
)

// recognizeAtOnce is how many pages of a run are read by OCR at once, at most. OCR itself bounds those of all runs.
const recognizeAtOnce = 2

// recognized is what the journal keeps of a page that OCR read.
type recognized struct {
	Text    string       `json:"text"`
	Width   float64      `json:"width"`
	Height  float64      `json:"height"`
	Words   [][6]float64 `json:"words,omitempty"`   // start and end in text, left, top, right, bottom
	Problem string       `json:"problem,omitempty"` // why it could not be read
}

// Recognize reads the pages that have no text by OCR, in place, each as a step "file[i].page[n].ocr". Kinds of files that have no look
// of their own, and everything when OCR is not there, stay as they are. A page that OCR cannot read stays empty, and Warnings says so.
// The file need not be open.
//
// Errors: those of ctx and of the journal, and of a file that cannot be opened.
func (f *File) Recognize(ctx context.Context, pages []grounding.Page) error {
	if !f.HasLook() || !f.set.CanRecognize() {
		return nil
	}
	var empty []*grounding.Page
	for i := range pages {
		if pages[i].Text == "" {
			empty = append(empty, &pages[i])
		}
	}
	return Each(len(empty), min(recognizeAtOnce, runtime.GOMAXPROCS(0)), func(i int) error { return f.recognize(ctx, empty[i]) })
}

// recognize reads one page by OCR.
func (f *File) recognize(ctx context.Context, page *grounding.Page) error {
	n := page.Number
	spec := engine.StepSpec{Name: fmt.Sprintf("file[%d].page[%d].ocr", f.Index, n), Kind: steward.StepDocument, Input: f.SHA256}
	got, err := engine.Do(ctx, f.set.run, spec, func(ctx context.Context) (_ recognized, err error) {
		doc, err := f.openDocument(ctx)
		if err != nil {
			return recognized{}, err
		}
		let := sync.OnceValue(doc.Close)
		defer func() { err = errors.Join(err, let()) }()
		read, err := f.set.reader.RecognizeOnly(ctx, doc.Document, n, let)
		var fail *steward.Failure
		switch {
		case err == nil:
			return recognizedOf(&read), nil
		case errors.As(err, &fail) && (fail.Code == steward.FailUnsupportedFile || fail.Code == steward.FailTimeout) && ctx.Err() == nil:
			return recognized{Problem: fail.Message}, nil
		}
		return recognized{}, err
	})
	if err != nil {
		return err
	}
	if got.Problem != "" {
		f.set.Note("Page %d of %s was not read by OCR: %s", n, f.Name, got.Problem)
		return nil
	}
	got.put(page)
	return nil
}

// recognizedOf is the record of a page.
func recognizedOf(p *grounding.Page) recognized {
	r := recognized{Text: p.Text, Width: p.Width, Height: p.Height, Words: make([][6]float64, 0, len(p.Words))}
	for _, w := range p.Words {
		r.Words = append(r.Words, [6]float64{float64(w.Start), float64(w.End), w.Box.X0, w.Box.Y0, w.Box.X1, w.Box.Y1})
	}
	return r
}

// put makes the record the text of a page.
func (r *recognized) put(page *grounding.Page) {
	page.Text, page.Origin, page.Words = r.Text, grounding.OriginOCR, nil
	if r.Width > 0 && r.Height > 0 {
		page.Width, page.Height = r.Width, r.Height
	}
	for _, w := range r.Words {
		page.Words = append(page.Words, grounding.Word{
			Start: int(w[0]), End: int(w[1]), Box: steward.Box{X0: w[2], Y0: w[3], X1: w[4], Y1: w[5]},
		})
	}
}
