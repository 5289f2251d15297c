package extract

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/engine/reading"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// maxPages is how many pages of all files a run reads.
const maxPages = 500

// gatherer reads what a run is given.
type gatherer struct {
	run     *engine.Run
	info    steward.LanguageModel
	sources bool // the places of values are wanted
	files   *reading.Files

	docs  []grounding.Document // text first, then files in their order
	saved []answer.Reference
	pages int
}

// gather reads everything.
func (g *gatherer) gather(ctx context.Context) error {
	if text := g.run.Config.String("text"); text != "" {
		g.docs = append(g.docs, grounding.FromText(0, inputName(g.run), text))
	}
	files, err := g.run.Files(ctx, "text")
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := g.file(ctx, f); err != nil {
			return err
		}
	}
	pictures, err := g.run.Pictures(ctx, "images", maxRemoteBytes)
	if err != nil {
		return err
	}
	for i, f := range pictures {
		if err := g.picture(ctx, i, f); err != nil {
			return inPicture(err, i, len(pictures))
		}
	}
	return g.check()
}

// inPicture puts a picture's place before the message of a failure.
func inPicture(err error, i, n int) error {
	var f *steward.Failure
	if !errors.As(err, &f) {
		return err
	}
	about := *f
	about.Message = fmt.Sprintf("images[%d] (picture %d of %d): %s", i, i+1, n, f.Message)
	about.Err = err
	return &about
}

// picture reads what was given as a picture.
func (g *gatherer) picture(ctx context.Context, i int, f steward.File) error {
	if f.SourceURL != "" && f.SizeBytes > maxRemoteBytes && reading.IsPicture(f) {
		return &steward.Failure{Code: steward.FailUnsupportedFile, Message: fmt.Sprintf("The picture behind the URL is larger than %d MiB.", maxRemoteBytes>>20)}
	}
	if err := g.file(ctx, f); err != nil {
		return err
	}
	if f.SourceURL == "" || !g.run.Config.Bool("save_inputs") || !reading.IsPicture(f) {
		return nil
	}
	ref, err := g.files.Save(ctx, f, steward.ReferenceID(fmt.Sprintf("image_%d", i+1)), "image")
	if err != nil {
		return err
	}
	ref.SourceURL = f.SourceURL
	g.saved = append(g.saved, ref)
	return nil
}

// file reads a file. What is nothing but pictures is read by OCR when the model is not shown it, or when values are to be found in it.
func (g *gatherer) file(ctx context.Context, f steward.File) (err error) {
	file, err := g.files.Open(ctx, len(g.docs), f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if g.pages += file.Pages; g.pages > maxPages {
		return &steward.Failure{Code: steward.FailInvalidConfig, Message: fmt.Sprintf("The files have more than %d pages together. Give long documents to PDFExtractionEngine.", maxPages)}
	}
	numbers := make([]int, file.Pages)
	for i := range numbers {
		numbers[i] = i + 1
	}
	pages, err := file.Read(ctx, numbers)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if !g.sees() || g.sources || file.Kind != document.KindImage {
		if err := file.Recognize(ctx, pages); err != nil {
			return err
		}
	}
	if g.sees() {
		file.Show(pages, document.PictureOptions{})
	}
	if !g.sees() && !g.files.CanRecognize() && file.HasLook() && !slices.ContainsFunc(pages, func(p grounding.Page) bool { return p.Text != "" }) {
		return g.unseen()
	}
	g.files.NoteUnread(file.Name, pages)
	g.docs = append(g.docs, file.Document(pages))
	return nil
}

// sees reports whether the model takes pictures.
func (g *gatherer) sees() bool { return slices.Contains(g.info.Capabilities, "image") }

// unseen is the failure of a picture that nobody can read.
func (g *gatherer) unseen() error {
	name := "The model " + g.info.ID
	if g.info.ID == model.BuiltinID {
		name = "The builtin model"
	}
	return &steward.Failure{
		Code:    steward.FailInvalidConfig,
		Message: name + " takes no pictures, and OCR is not available on this server to read them. Choose a model with image capability, or install Tesseract.",
	}
}

// check fails when nothing was found to be read.
func (g *gatherer) check() error {
	for i := range g.docs {
		for _, p := range g.docs[i].Pages {
			if p.Text != "" || p.Picture != nil {
				return nil
			}
		}
	}
	return &steward.Failure{Code: steward.FailUnsupportedFile, Message: "Nothing was found to be read: the files have no text, and OCR found none on the pictures."}
}

// inputName is the key of the job's first text input, which is what the text is called in evidence.
func inputName(run *engine.Run) string {
	for _, in := range run.Job.Inputs {
		if len(in.Files) == 0 && in.Value == run.Config.String("text") {
			return in.Key
		}
	}
	return "text"
}
