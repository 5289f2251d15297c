package pdf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document/documenttest"
	"github.com/stewardhq/steward/internal/engine/answer/answertest"
	"github.com/stewardhq/steward/internal/engine/pdf"
	"github.com/stewardhq/steward/internal/model"
)

// eye is a model that takes pictures: it notes what it is shown, and answers as next says, else as the reader of sections.
type eye struct {
	mu    sync.Mutex
	shown []string
	next  model.Func
}

func (e *eye) Generate(ctx context.Context, req *model.Request) (*model.Response, error) {
	note := req.Step
	for _, p := range req.Documents[0].Pages {
		if p.Picture == nil {
			continue
		}
		data, err := p.Picture.Open(ctx)
		again, err2 := p.Picture.Open(ctx)
		if err := errors.Join(err, err2); err != nil || !bytes.Equal(data, again) {
			return nil, fmt.Errorf("the picture of page %d: %w", p.Number, err)
		}
		note += fmt.Sprintf(" %d:%s:%dx%d", p.Number, p.Picture.ContentType, p.Picture.Width, p.Picture.Height)
	}
	e.mu.Lock()
	e.shown = append(e.shown, note)
	e.mu.Unlock()
	return e.next(ctx, req)
}

func TestModelsThatSeeAreShownThePages(t *testing.T) {
	t.Parallel()
	for convert, want := range map[any]string{
		"":    "file[0].pages[2-3].extract 2:image/png:595x842 3:image/png:595x842", // by default
		false: "file[0].pages[2-3].extract",
	} {
		w := answertest.NewWorld()
		e := &eye{next: sectionReader("eye").Generate}
		config := map[string]any{"instructions": "x", "output_schema": schema, "page_filter": "2-3", "dpi": 72, "convert_to_images": convert}
		r, err := w.Run(t.Context(), t, pdf.New(shared), answertest.Seeing{ID: "eye", Ask: e.Generate}, config, pdfs(testdata(t, w, "pdf/forty-pages.pdf")))
		if out := decode(t, r, err); len(out.Codes) != 2 || out.Warnings != nil {
			t.Errorf("got %+v", out)
		}
		if got := e.shown[0]; got != want {
			t.Errorf("convert_to_images %v: the model was shown %s, want %s", convert, got, want)
		}
	}
}

func TestPagesThatEvidencePointsToAreSavedWhenSourcesAreAskedFor(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	config := map[string]any{"instructions": "x", "output_schema": schema, "page_filter": "2-3, 7", "dpi": 36, "use_source": true, "model": model.BuiltinID}
	r, err := w.Run(t.Context(), t, pdf.New(shared), models(), config, pdfs(testdata(t, w, "pdf/forty-pages.pdf")))
	var out struct {
		References []string            `json:"references"`
		Details    []steward.Reference `json:"reference_details"`
	}
	decode(t, r, err)
	if err := json.Unmarshal([]byte(r.Outputs[0].Value), &out); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(out.References, " "); got != "https://steward.test/references/page_1_2.png/ https://steward.test/references/page_1_3.png/ https://steward.test/references/page_1_7.png/" {
		t.Errorf("references %s", got)
	}
	if len(out.Details) != 3 || out.Details[0].ResourceID != "page_1_2.png" || out.Details[0].ContentType != "image/png" || out.Details[0].SizeBytes < 100 {
		t.Errorf("details %+v", out.Details)
	}
}

func TestWithoutASchemaAModelWritesThePagesDown(t *testing.T) {
	t.Parallel()
	e := &eye{next: func(_ context.Context, req *model.Request) (*model.Response, error) {
		page := req.Documents[0].Pages[0].Number
		if page == 3 {
			return &model.Response{Value: json.RawMessage(`"cut"`), Model: "eye", Usage: steward.Free(), Finish: model.FinishLength}, nil
		}
		value := fmt.Sprintf(`{"markdown":"# Page %d","tables":[{"name":"T","description":"d","data":[["a"],["1"]]}],"charts":null}`, page)
		return &model.Response{Value: json.RawMessage(value), Model: "eye", Usage: steward.Free(), Finish: model.FinishStop}, nil
	}}
	w := answertest.NewWorld()
	config := map[string]any{"instructions": "Mind the footnotes.", "page_filter": "2-4", "dpi": 36}
	r, err := w.Run(t.Context(), t, pdf.New(shared), answertest.Seeing{ID: "eye", Ask: e.Generate}, config, pdfs(testdata(t, w, "pdf/forty-pages.pdf")))
	out := decode(t, r, err)
	if len(out.Pages) != 3 || out.Pages[0].Markdown != "# Page 2" || len(out.Pages[0].Tables) != 1 || out.Pages[0].Charts == nil || out.Pages[2].Markdown != "# Page 4" {
		t.Errorf("pages %+v", out.Pages)
	}
	if !strings.HasPrefix(out.Pages[1].Markdown, "Section 3\n") || len(out.Warnings) != 1 || !strings.Contains(out.Warnings[0], "could not write down page 3") {
		t.Errorf("page 3 %.40q, warnings %q", out.Pages[1].Markdown, out.Warnings)
	}
	slices.Sort(e.shown)
	if !strings.HasPrefix(e.shown[0], "file[0].page[2].markdown 2:image/png") {
		t.Errorf("shown %q", e.shown)
	}
}

func TestAnEmptyAnswerLeavesThePageAsItWasRead(t *testing.T) {
	t.Parallel()
	answers := map[int]string{
		2: `{}`, 3: `{"markdown":null,"tables":[{"name":"T","description":"","data":[["a"]]}],"charts":null}`, 4: `{"markdown":" ","tables":[],"charts":[]}`,
		5: `{"markdown":"# Five","tables":[null,{"name":"T","description":"d","data":[null,["a",null]]}],"charts":[]}`,
	}
	e := &eye{next: func(_ context.Context, req *model.Request) (*model.Response, error) {
		value := json.RawMessage(answers[req.Documents[0].Pages[0].Number])
		return &model.Response{Value: value, Model: "eye", Usage: steward.Free(), Finish: model.FinishStop, Warnings: []string{"It counted no tokens."}}, nil
	}}
	w := answertest.NewWorld()
	config := map[string]any{"instructions": "x", "page_filter": "2-5", "dpi": 36}
	r, err := w.Run(t.Context(), t, pdf.New(shared), answertest.Seeing{ID: "eye", Ask: e.Generate}, config, pdfs(testdata(t, w, "pdf/forty-pages.pdf")))
	out := decode(t, r, err)
	warnings := strings.Join(out.Warnings, " ")
	for i := range 3 {
		if !strings.HasPrefix(out.Pages[i].Markdown, fmt.Sprintf("Section %d\n", i+2)) || !strings.Contains(warnings, fmt.Sprintf("could not write down page %d ", i+2)) {
			t.Errorf("page %d: %.40q, warnings %q", i+2, out.Pages[i].Markdown, out.Warnings)
		}
	}
	if len(out.Warnings) != 4 || !strings.Contains(warnings, "It counted no tokens.") {
		t.Errorf("warnings %q", out.Warnings)
	}
	if got := r.Outputs[0].Value; !strings.Contains(got, `"markdown":"# Five","tables":[{"name":"T","description":"d","data":[[],["a",""]]}],"charts":[]`) {
		t.Errorf("page 5 in %s", got)
	}
}

func TestPagesOnWhichOCRFindsNothingFail(t *testing.T) {
	t.Parallel()
	reader, calls := documenttest.WithOCR(t, "")
	w := answertest.NewWorld()
	config := map[string]any{"instructions": "x", "output_schema": schema, "model": model.BuiltinID}
	_, err := w.Run(t.Context(), t, pdf.New(reader), models(), config, pdfs(testdata(t, w, "pdf/empty-text.pdf")))
	if f := steward.FailureOf(err); err == nil || f.Code != steward.FailUnsupportedFile || !strings.Contains(f.Message, "OCR found no text") || readings(t, calls) == 0 {
		t.Errorf("got %v after %d readings", err, readings(t, calls))
	}
}

// readings is how many pictures OCR was given.
func readings(t *testing.T, calls string) int {
	t.Helper()
	list, err := os.ReadDir(calls)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestScansAreReadByOCROnce(t *testing.T) {
	t.Parallel()
	reader, calls := documenttest.WithOCR(t, "Section code: SC-700 Inspector: Ada")
	w := answertest.NewWorld()
	scan := w.File("scan.pdf", documenttest.Build(documenttest.Sheet{}, documenttest.Sheet{Content: documenttest.At(50, 700, 12, "SC-701")}, documenttest.Sheet{}))
	config := map[string]any{"instructions": "x", "output_schema": schema, "model": model.BuiltinID}
	r, err := w.Run(t.Context(), t, pdf.New(reader), models(), config, pdfs(scan))
	out := decode(t, r, err)
	if strings.Join(out.Codes, " ") != "SC-700 SC-701" && strings.Join(out.Codes, " ") != "SC-700 SC-701 SC-700" {
		t.Errorf("codes %v", out.Codes)
	}
	for _, s := range out.Sources {
		if s.Unverified || len(s.Boxes) == 0 {
			t.Errorf("source %+v", s)
		}
	}
	if n := readings(t, calls); n != 2 {
		t.Errorf("OCR read %d pictures, want 2", n)
	}
	for _, step := range []string{"file[0].page[1].ocr", "file[0].page[3].ocr"} {
		if _, done := w.Recorded(step); !done {
			t.Errorf("no step %s in %v", step, w.Done())
		}
	}
	w.Forget("file[0].pages[1-3].extract")
	again, err := w.Run(t.Context(), t, pdf.New(reader), models(), config, pdfs(scan))
	if err != nil || again.Outputs[0].Value != r.Outputs[0].Value {
		t.Errorf("taken up again: %v\n%+v\n%+v", err, again, r)
	}
	if n := readings(t, calls); n != 2 {
		t.Errorf("OCR read %d pictures after the run was taken up again", n)
	}
}

func TestTheLayoutOfAPageShowsItsTables(t *testing.T) {
	t.Parallel()
	row := func(y float64, cells ...string) string {
		var b strings.Builder
		for i, c := range cells {
			b.WriteString(documenttest.At(50+float64(i)*150, y, 10, c))
		}
		return b.String()
	}
	w := answertest.NewWorld()
	file := w.File("tables.pdf", documenttest.Build(documenttest.Sheet{Content: documenttest.At(50, 800, 12, "Price list:") +
		row(780, "Article", "Quantity", "Price") + row(766, "Blue pencil", "3", "1.20") + row(752, "Rubber for", "1", "0.50") + row(740, "fine work") + row(726, "Ruler", "", "2.00") +
		documenttest.At(50, 690, 10, "A sentence that has nothing to do with the table above it, and ends here.") + row(660, "Signed", "in Ghent")}))
	r, err := w.Run(t.Context(), t, pdf.New(shared), models(), map[string]any{"instructions": "x", "model": model.BuiltinID}, pdfs(file))
	if err != nil {
		t.Fatal(err)
	}
	want := `"tables":[{"name":"Price list","description":"","data":[["Article","Quantity","Price"],["Blue pencil","3","1.20"],["Rubber for fine work","1","0.50"],["Ruler","","2.00"]]}],"charts":[]`
	if got := r.Outputs[0].Value; !strings.Contains(got, want) {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestOtherKindsOfFilesAreReadToo(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	text := w.FileOf("notes.txt", "text/plain", []byte("Section code: SC-811\nInspector: Ada\n"))
	table := w.FileOf("codes.csv", "text/csv", []byte("name,code\nx,SC-812\n"))
	in := steward.Input{Key: "pdf_files", DataType: "*/*", Files: []steward.File{text, table}}
	r, err := w.Run(t.Context(), t, pdf.New(shared), models(), map[string]any{"instructions": "x", "output_schema": schema, "model": model.BuiltinID}, in)
	if out := decode(t, r, err); strings.Join(out.Codes, " ") != "SC-811 SC-812" || out.Sources[0].FileName != "notes.txt" {
		t.Errorf("got %+v", out)
	}
	w = answertest.NewWorld()
	page := w.FileOf("login", "text/html", []byte("<!doctype html><html><body>Sign in</body></html>"))
	page.SourceURL = "https://files.test/report"
	in = steward.Input{Key: "pdf_files", DataType: "application/pdf", Files: []steward.File{page}}
	_, err = w.Run(t.Context(), t, pdf.New(shared), models(), map[string]any{"instructions": "x"}, in)
	if f := steward.FailureOf(err); err == nil || f.Code != steward.FailUnsupportedFile || !strings.Contains(f.Message, "login is not a PDF, it is a web page") {
		t.Errorf("a web page where a PDF should be: %v", err)
	}
}

func TestThePageFilterKnowsContentsAndSubjects(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	config := map[string]any{"instructions": "x", "output_schema": schema, "model": model.BuiltinID, "page_filter": "@TOC: Section 12, Section 77; @PAGERANGE: last"}
	r, err := w.Run(t.Context(), t, pdf.New(shared), models(), config, pdfs(testdata(t, w, "pdf/forty-pages.pdf")))
	out := decode(t, r, err)
	if strings.Join(out.Codes, " ") != "SC-084 SC-280" {
		t.Errorf("codes %v", out.Codes)
	}
	if len(out.Warnings) != 1 || !strings.Contains(out.Warnings[0], "no page was found for @TOC: Section 77") {
		t.Errorf("warnings %q", out.Warnings)
	}
}
