package pdf

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/engine/pageselect"
	"github.com/stewardhq/steward/internal/engine/reading"
	"github.com/stewardhq/steward/internal/grounding"
)

// loader reads the pages of a run's files.
type loader struct {
	run      *engine.Run
	files    *reading.Files
	question *answer.Question
	info     steward.LanguageModel
	criteria *pageselect.Criteria

	opened    []*reading.File
	docs      []grounding.Document // of opened, in the same order
	unmatched map[string]int       // pieces of page_filter that a file has not, by how many have not
	left      int                  // pages that may still be read
}

// newLoader prepares the reading of a run's files.
func newLoader(reader *document.Reader, run *engine.Run) (*loader, error) {
	criteria, err := pageselect.Parse(run.Config.String("page_filter"))
	if err != nil {
		return nil, &steward.Failure{Code: steward.FailInvalidConfig, Message: "page_filter: " + err.Error() + "."}
	}
	l := &loader{run: run, criteria: criteria, left: run.Config.Int("max_pages"), unmatched: map[string]int{}}
	if l.question, l.info, err = answer.NewQuestion(run, run.Config.String("instructions"), run.Config.Raw("output_schema")); err != nil {
		return nil, err
	}
	batch := defaultBatch
	if run.Config.Has("batch_size") {
		batch = run.Config.Int("batch_size")
	}
	l.files = reading.New(reader, run, reading.Options{Password: run.Config.String("password"), Batch: batch})
	return l, nil
}

// pictures reports whether the model is shown how the pages look.
func (l *loader) pictures() bool {
	return l.run.Config.Bool("convert_to_images") && slices.Contains(l.info.Capabilities, "image")
}

// load reads all files.
func (l *loader) load(ctx context.Context, files []steward.File) error {
	for i, f := range files {
		if err := l.file(ctx, i, f); err != nil {
			return err
		}
	}
	for _, text := range slices.Sorted(maps.Keys(l.unmatched)) {
		if l.unmatched[text] == len(files) {
			l.files.Note("page_filter: no page was found for %s.", text)
		}
	}
	pages, seen := 0, 0
	for i := range l.docs {
		for _, p := range l.docs[i].Pages {
			pages++
			if p.Text != "" || p.Picture != nil {
				seen++
			}
		}
	}
	switch {
	case pages == 0:
		return &steward.Failure{Code: steward.FailInvalidConfig, Message: "page_filter selects no page of the files."}
	case seen == 0 && l.files.CanRecognize():
		return &steward.Failure{Code: steward.FailUnsupportedFile, Message: "The pages have no text layer, and OCR found no text on them."}
	case seen == 0:
		return &steward.Failure{Code: steward.FailUnsupportedFile, Message: fmt.Sprintf(
			"The pages have no text layer. OCR is not available on this server, and the model %s is not shown pictures of the pages.", l.info.ID)}
	}
	return nil
}

// file reads the selected pages of one file. It is closed before anything is asked about it.
func (l *loader) file(ctx context.Context, index int, f steward.File) (err error) {
	file, err := l.files.Open(ctx, index, f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	numbers, err := l.selected(ctx, file)
	if err != nil {
		return err
	}
	if l.left -= len(numbers); l.left < 0 {
		return &steward.Failure{
			Code:    steward.FailInvalidConfig,
			Message: fmt.Sprintf("There are more than %d pages to read. Raise max_pages or set page_filter.", l.run.Config.Int("max_pages")),
		}
	}
	pages, err := file.Read(ctx, numbers)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := file.Recognize(ctx, pages); err != nil {
		return err
	}
	if l.pictures() {
		file.Show(pages, l.look())
	}
	l.opened, l.docs = append(l.opened, file), append(l.docs, file.Document(pages))
	return nil
}

// look is how pages are drawn.
func (l *loader) look() document.PictureOptions {
	return document.PictureOptions{DPI: l.run.Config.Int("dpi")}
}

// selected returns the numbers of the pages that page_filter names; all when there is none.
func (l *loader) selected(ctx context.Context, file *reading.File) ([]int, error) {
	if l.criteria.Empty() {
		numbers := make([]int, file.Pages)
		for i := range numbers {
			numbers[i] = i + 1
		}
		return numbers, nil
	}
	got, err := pageselect.Select(ctx, l.criteria, pageselect.Params{
		Files: l.files, File: file, DPI: l.run.Config.Int("dpi"),
		Ask: func() (*answer.Question, steward.LanguageModel, error) { return l.question, l.info, nil },
	})
	if err != nil {
		return nil, err
	}
	for _, text := range got.Unmatched {
		l.unmatched[text]++
	}
	return got.Pages, nil
}

// warnings says what was asked for and not done.
func (l *loader) warnings() []string {
	for i := range l.docs {
		l.files.NoteUnread(l.docs[i].Name, l.docs[i].Pages)
	}
	return l.files.Warnings()
}
