package pageselect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/engine/reading"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// Params says where pages are looked for and how.
type Params struct {
	Files      *reading.Files // that File is one of; it is told what could not be done
	File       *reading.File  // open; it may be closed and opened again meanwhile
	MaxScanned int            // pages whose text is looked at; 0 means 1000
	MergeGap   int            // see Merge
	DPI        int            // of pictures that the model is shown; 0 means 144

	// Ask returns the model that is asked about pages, with what the run's configuration says. It is called only when a
	// model is needed.
	Ask func() (*answer.Question, steward.LanguageModel, error)

	Progress func(done, total int) // may be nil
}

// Selection is what was found. It is JSON in the output of PDFPageSelectionEngine.
type Selection struct {
	Ranges    []Range  `json:"page_ranges"` // rising; never nil
	Pages     []int    `json:"pages"`       // of the ranges; never nil
	PageCount int      `json:"page_count"`
	Unmatched []string `json:"unmatched"` // parts, titles and ranges that name no page of the document, as "@TOC: Annex Z"; never nil
}

// Select finds the pages that criteria describe: ranges first, then entries of the table of contents, then, among the pages that are
// left, what pages are about. Steps of the model are "file[i].toc", "file[i].semantic[a-b]" and "file[i].semantic[a-b].confirm".
//
// The table of contents is the document's own outline; for titles that it has not, the printed one, then the headings in the text,
// then what the model makes of the first 15 pages.
//
// Errors: *steward.Failure of files and models; those of ctx.
func Select(ctx context.Context, c *Criteria, p Params) (*Selection, error) {
	if p.MaxScanned <= 0 {
		p.MaxScanned = 1000
	}
	f := &finder{Params: p, out: &Selection{PageCount: p.File.Pages, Unmatched: []string{}}}
	f.pageRanges(c)
	if err := f.titles(ctx, c); err != nil {
		return nil, err
	}
	if err := f.semantic(ctx, c); err != nil {
		return nil, err
	}
	f.out.Ranges = append([]Range{}, Merge(f.ranges, p.MergeGap)...)
	f.out.Pages = Pages(f.out.Ranges)
	return f.out, nil
}

// finder is one Select.
type finder struct {
	Params
	out    *Selection
	ranges []Range

	pages    []grounding.Page // read so far: all that are scanned, or none
	question *answer.Question // nil until it is needed
	info     steward.LanguageModel
}

// unmatched notes a piece of the description that names no page.
func (f *finder) unmatched(s string) { f.out.Unmatched = append(f.out.Unmatched, s) }

// pageRanges takes what ranges name.
func (f *finder) pageRanges(c *Criteria) {
	for i := range c.parts {
		for _, r := range c.parts[i].ranges {
			from, to, outside := r.pages(f.File.Pages)
			if from > to {
				f.unmatched("@PAGERANGE: " + r.text)
				continue
			}
			if outside {
				f.Files.Note("@PAGERANGE: %s goes beyond the end of %s, which has %d pages.", r.text, f.File.Name, f.File.Pages)
			}
			f.ranges = append(f.ranges, Range{Start: from, End: to, Source: PageRange, Reason: "@PAGERANGE: " + r.text, Confidence: 1})
		}
	}
}

// titles takes the sections that titles name.
func (f *finder) titles(ctx context.Context, c *Criteria) error {
	var left []string
	for i := range c.parts {
		left = append(left, c.parts[i].titles...)
	}
	for _, look := range []func(context.Context) (table, error){f.outline, f.contents, f.headings, f.askForContents} {
		if len(left) == 0 {
			return nil
		}
		t, err := look(ctx)
		if err != nil {
			return err
		}
		left = slices.DeleteFunc(left, func(title string) bool { return f.take(t, title) })
	}
	for _, title := range left {
		f.unmatched("@TOC: " + title)
	}
	return nil
}

// table is a table of contents.
type table struct {
	entries []document.Heading
	what    string  // for reasons
	trust   float64 // confidence in an entry that reads the same as the title
}

// take takes the sections of a table that a title names, and reports whether there are some.
func (f *finder) take(t table, title string) bool {
	found, score := Match(t.entries, title)
	taken := false
	for _, i := range found {
		from, to, ok := Section(t.entries, i, f.File.Pages)
		if !ok {
			continue
		}
		taken = true
		f.ranges = append(f.ranges, Range{
			Start: from, End: to, Source: TOC, Confidence: round(t.trust * score),
			Reason: fmt.Sprintf("%s in the %s", quoted(t.entries[i].Title), t.what),
		})
	}
	return taken
}

// outline is the document's own table.
func (f *finder) outline(ctx context.Context) (table, error) {
	entries, err := f.File.Outline(ctx)
	return table{entries, "outline", 1}, err
}

// contents is the printed table.
func (f *finder) contents(ctx context.Context) (table, error) {
	if err := f.scan(ctx); err != nil {
		return table{}, err
	}
	entries, sure := Contents(f.pages, f.File.Pages)
	t := table{entries, "printed table of contents", 0.95}
	if !sure {
		t.trust = 0.7
	}
	return t, nil
}

// headings is the table that the text's headings make.
func (f *finder) headings(ctx context.Context) (table, error) {
	err := f.scan(ctx)
	return table{Headings(f.pages), "headings of the text", 0.85}, err
}

// scan reads the pages that are looked at, scans by OCR.
func (f *finder) scan(ctx context.Context) (err error) {
	if f.pages != nil {
		return nil
	}
	n := f.File.Pages
	if n > f.MaxScanned {
		n = f.MaxScanned
		f.Files.Note("Only the first %d of %d pages of %s were looked at. Raise max_pages_scanned to look at more.", n, f.File.Pages, f.File.Name)
	}
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i + 1
	}
	if f.pages, err = f.File.Read(ctx, numbers); err != nil {
		return err
	}
	if err := f.File.Close(); err != nil { // OCR and models take their time
		return err
	}
	if err := f.File.Recognize(ctx, f.pages); err != nil {
		return err
	}
	if !f.seesPictures() {
		f.Files.NoteUnread(f.File.Name, f.pages)
	}
	return nil
}

// model returns what is asked; nil when that is the builtin model, which judges no subjects.
func (f *finder) model() (*answer.Question, error) {
	if f.question == nil {
		q, info, err := f.Ask()
		if err != nil {
			return nil, err
		}
		f.question, f.info = q, info
	}
	if f.info.ID == model.BuiltinID {
		return nil, nil
	}
	return f.question, nil
}

// seesPictures reports whether the model can be shown pictures.
func (f *finder) seesPictures() bool { return slices.Contains(f.info.Capabilities, "image") }

// semantic takes the pages that are about what the other parts say.
func (f *finder) semantic(ctx context.Context, c *Criteria) error {
	var parts []string
	for i := range c.parts {
		if c.parts[i].source == Semantic {
			parts = append(parts, c.parts[i].text)
		}
	}
	if len(parts) == 0 {
		return nil
	}
	q, err := f.model()
	if err != nil {
		return err
	}
	if err := f.scan(ctx); err != nil {
		return err
	}
	taken := Pages(f.ranges)
	left := slices.DeleteFunc(slices.Clone(f.pages), func(p grounding.Page) bool {
		_, found := slices.BinarySearch(taken, p.Number)
		return found
	})
	if len(left) == 0 {
		return nil
	}
	if q == nil {
		return f.byWords(ctx, parts, left)
	}
	found, err := f.askAbout(ctx, q, strings.Join(parts, "\n"), left)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		for _, text := range parts {
			f.unmatched(text)
		}
	}
	f.ranges = append(f.ranges, found...)
	return nil
}

// byWords finds pages without a model.
func (f *finder) byWords(ctx context.Context, parts []string, left []grounding.Page) error {
	t, err := f.outline(ctx)
	if err != nil {
		return err
	}
	if len(t.entries) == 0 {
		t.entries = Headings(f.pages)
	}
	for _, text := range parts {
		found := ByWords(left, t.entries, text, f.File.Pages)
		if len(found) == 0 {
			f.unmatched(text)
		}
		f.ranges = append(f.ranges, found...)
	}
	return nil
}
