package pagesel_test

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
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/document/documenttest"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/answer/answertest"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/engine/pagesel"
	"github.com/stewardhq/steward/internal/engine/pageselect"
	"github.com/stewardhq/steward/internal/model"
)

// shared reads the PDFs of all tests: starting an engine takes seconds.
var shared *document.Reader //nolint:gochecknoglobals // see above

func TestMain(m *testing.M) { os.Exit(documenttest.Main(m, &shared)) }

// silent are models that must not be asked: builtin is known by its id alone.
func silent(t *testing.T) enginetest.Models {
	return enginetest.Models{model.BuiltinID: model.Func(func(context.Context, *model.Request) (*model.Response, error) {
		t.Error("the builtin model was asked")
		return nil, errors.New("asked")
	})}
}

// output is what the tests read of an answer.
type output struct {
	pageselect.Selection
	Warnings   []string `json:"_warnings"`
	References []string `json:"references"`
	Details    []struct {
		ID    string `json:"resource_id"`
		Bytes int64  `json:"bytes"`
	} `json:"reference_details"`
}

func decode(t *testing.T, r *engine.Result, err error) output {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var out output
	if err := json.Unmarshal([]byte(r.Outputs[0].Value), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// spans writes ranges with their sources.
func spans(ranges []pageselect.Range) string {
	var list []string
	for _, r := range ranges {
		list = append(list, fmt.Sprintf("%d-%d %s", r.Start, r.End, r.Source))
	}
	return strings.Join(list, ", ")
}

// handbook is a PDF of 8 pages with an outline.
func handbook() []byte {
	var sheets []documenttest.Sheet
	for i, text := range []string{
		"A handbook", "Scope of this handbook", "What is safe and what is not", "More about safety", "Cleaning the machine", "Spare parts and prices", "Warranty terms", "Index of words",
	} {
		sheets = append(sheets, documenttest.Sheet{Content: documenttest.At(50, 780, 11, text) + documenttest.At(50, 40, 9, fmt.Sprint(i+1))})
	}
	n := documenttest.Extra(len(sheets))
	page := func(i int) int { return 6 + 2*(i-1) }
	item := func(title string, to int, more string) string {
		return fmt.Sprintf("<< /Title (%s) /Parent %d 0 R /Dest [%d 0 R /Fit] %s >>", title, n, page(to), more)
	}
	return documenttest.File{
		Sheets: sheets, Catalog: fmt.Sprintf("/Outlines %d 0 R", n),
		Objects: []string{
			fmt.Sprintf("<< /Type /Outlines /First %d 0 R /Last %d 0 R /Count 3 >>", n+1, n+3),
			item("1 Scope", 2, fmt.Sprintf("/Next %d 0 R", n+2)),
			item("2 Safety", 3, fmt.Sprintf("/Prev %d 0 R /Next %d 0 R /First %d 0 R /Last %d 0 R /Count 1", n+1, n+3, n+4, n+4)),
			item("Annex A Spare Parts", 6, fmt.Sprintf("/Prev %d 0 R", n+2)),
			fmt.Sprintf("<< /Title (2.1 Cleaning) /Parent %d 0 R /Dest [%d 0 R /Fit] >>", n+2, page(5)),
		},
	}.Build()
}

func selectPages(t *testing.T, models engine.ModelSource, data []byte, config map[string]any) (output, *answertest.World) {
	t.Helper()
	w := answertest.NewWorld()
	r, err := w.Run(t.Context(), t, pagesel.New(shared), models, config, steward.Input{Key: "pdf_file", DataType: "application/pdf", Files: []steward.File{w.File("handbook.pdf", data)}})
	return decode(t, r, err), w
}

func TestPagesAreFoundByRangesContentsAndWords(t *testing.T) {
	t.Parallel()
	out, w := selectPages(t, silent(t), handbook(), map[string]any{
		"page_description": "@PAGERANGE: 1, 7-20, 40-; @TOC: 2 Safety, Annex Z\nspare parts; a giraffe", "model": model.BuiltinID, "save_pdf": true,
	})
	if got := spans(out.Ranges); got != "1-1 pagerange, 3-5 toc, 6-6 semantic, 7-8 pagerange" {
		t.Errorf("ranges %s", got)
	}
	if fmt.Sprint(out.Pages) != "[1 3 4 5 6 7 8]" || out.PageCount != 8 {
		t.Errorf("pages %v of %d", out.Pages, out.PageCount)
	}
	if got := strings.Join(out.Unmatched, " | "); got != "@PAGERANGE: 40- | @TOC: Annex Z | a giraffe" {
		t.Errorf("unmatched %s", got)
	}
	if len(out.Warnings) != 1 || !strings.Contains(out.Warnings[0], "7-20 goes beyond the end of handbook.pdf, which has 8 pages") {
		t.Errorf("warnings %q", out.Warnings)
	}
	if len(out.References) != 1 || !strings.HasSuffix(out.References[0], "/references/selection.pdf/") || len(out.Details) != 1 || out.Details[0].Bytes < 500 {
		t.Errorf("references %v, %+v", out.References, out.Details)
	}
	if steps := fmt.Sprint(w.Done()); steps != "[file[0].open file[0].pages[1-8].text]" {
		t.Errorf("steps %s", steps)
	}
}

func TestNumbersBeyondTheFileAreCutAndToldHoweverLarge(t *testing.T) {
	t.Parallel()
	const huge = "99999999999999999999"
	out, _ := selectPages(t, silent(t), handbook(), map[string]any{
		"page_description": "@PAGERANGE: 7-9999999, 2000000, " + huge + ", " + huge + "-; 8-" + huge, "model": model.BuiltinID,
	})
	if got := spans(out.Ranges); got != "7-8 pagerange" || fmt.Sprint(out.Pages) != "[7 8]" {
		t.Errorf("ranges %s, pages %v", got, out.Pages)
	}
	if got := strings.Join(out.Unmatched, " | "); got != "@PAGERANGE: 2000000 | @PAGERANGE: "+huge+" | @PAGERANGE: "+huge+"-" {
		t.Errorf("unmatched %s", got)
	}
	if len(out.Warnings) != 2 || !strings.Contains(out.Warnings[0], "7-9999999 goes beyond the end") || !strings.Contains(out.Warnings[1], "8-"+huge) {
		t.Errorf("warnings %q", out.Warnings)
	}
}

func TestTheModelsWarningsAreTold(t *testing.T) {
	t.Parallel()
	j := &judge{finds: "prices", confirms: "prices"}
	ask := func(ctx context.Context, req *model.Request) (*model.Response, error) {
		if strings.HasSuffix(req.Step, ".toc") {
			value := json.RawMessage(`{"printed":false,"entries":[]}`)
			return &model.Response{Value: value, Model: "judge", Usage: steward.Free(), Finish: model.FinishStop, Warnings: []string{"It guessed."}}, nil
		}
		resp, err := j.Generate(ctx, req)
		if err == nil {
			resp.Warnings = []string{"It counted no tokens."}
		}
		return resp, err
	}
	out, _ := selectPages(t, answertest.Seeing{ID: "judge", Ask: ask}, handbook(), map[string]any{"page_description": "@TOC: Annex Z\nprices", "dpi": 36})
	if got := strings.Join(out.Warnings, " "); got != "It guessed. It counted no tokens." {
		t.Errorf("warnings %q", out.Warnings)
	}
}

func TestRangesAndOutlinesReadNoPage(t *testing.T) {
	t.Parallel()
	out, w := selectPages(t, silent(t), handbook(), map[string]any{"page_description": "@TOC: 2.1 Cleaning, scope; last", "model": model.BuiltinID})
	if got := spans(out.Ranges); got != "2-2 toc, 5-5 toc, 8-8 pagerange" || len(out.Unmatched) != 0 || out.Warnings != nil {
		t.Errorf("%+v", out)
	}
	if steps := fmt.Sprint(w.Done()); steps != "[file[0].open]" {
		t.Errorf("steps %s", steps)
	}
}

func TestNothingSelectedIsASuccess(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	file := w.File("handbook.pdf", handbook())
	r, err := w.Run(t.Context(), t, pagesel.New(shared), silent(t), map[string]any{"page_description": "@TOC: Annex Z", "model": model.BuiltinID, "save_pdf": true},
		steward.Input{Key: "pdf_file", DataType: "application/pdf", Files: []steward.File{file}})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"page_ranges":[],"pages":[],"page_count":8,"unmatched":["@TOC: Annex Z"]}`; r.Outputs[0].Value != want {
		t.Errorf("got %s, want %s", r.Outputs[0].Value, want)
	}
}

// judge is a model that finds pages by a word and confirms those whose picture it is shown and that have another word.
type judge struct {
	mu       sync.Mutex
	finds    string
	confirms string
	shown    []string // steps with the numbers of the pages that had a picture
}

// Generate implements model.Model.
func (j *judge) Generate(ctx context.Context, req *model.Request) (*model.Response, error) {
	type verdict struct {
		Page       int     `json:"page_number"`
		Meant      *bool   `json:"meant,omitempty"`
		Reason     string  `json:"reason"`
		Confidence float64 `json:"confidence"`
	}
	var list []verdict
	note := req.Step
	for _, p := range req.Documents[0].Pages {
		if p.Picture != nil {
			data, err := p.Picture.Open(ctx)
			if err != nil || !bytes.HasPrefix(data, []byte("\x89PNG")) {
				return nil, fmt.Errorf("picture of page %d: %d bytes, %w", p.Number, len(data), err)
			}
			note += fmt.Sprintf(" %d", p.Number)
		}
		v := verdict{Page: p.Number, Reason: "it  says so", Confidence: 0.8}
		switch meant := strings.Contains(p.Text, j.confirms); {
		case strings.HasSuffix(req.Step, ".confirm"):
			v.Meant = &meant
			list = append(list, v)
		case strings.Contains(p.Text, j.finds):
			list = append(list, v)
		}
	}
	list = append(list, verdict{Page: 99, Reason: "invented", Confidence: 7})
	if strings.HasSuffix(req.Step, ".confirm") {
		no := false
		list[len(list)-1].Meant = &no
	}
	j.mu.Lock()
	j.shown = append(j.shown, note)
	j.mu.Unlock()
	value, err := json.Marshal(map[string]any{"pages": list})
	return &model.Response{Value: value, Model: "judge", Usage: steward.Free(), Finish: model.FinishStop}, err
}

func TestAModelFindsPagesByTextAndConfirmsThemByPicture(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../../testdata/pdf/forty-pages.pdf")
	if err != nil {
		t.Fatal(err)
	}
	j := &judge{finds: "Section 3", confirms: "Section 32"}
	out, w := selectPages(t, answertest.Seeing{ID: "judge", Ask: j.Generate}, data, map[string]any{"page_description": "@PAGERANGE: 30\nthe thirty-second section; whatever", "dpi": 36})
	if got := spans(out.Ranges); got != "30-30 pagerange, 32-32 semantic" || len(out.Unmatched) != 0 {
		t.Errorf("ranges %s, unmatched %q", got, out.Unmatched)
	}
	if r := out.Ranges[1]; r.Confidence != 0.8 || r.Reason != "it says so" {
		t.Errorf("range %+v", r)
	}
	slices.Sort(j.shown)
	want := "file[0].semantic[1-20]\nfile[0].semantic[21-40]\nfile[0].semantic[3-3].confirm 3\nfile[0].semantic[31-38].confirm 31 32 33 34 35 36 37 38\nfile[0].semantic[39-39].confirm 39"
	if got := strings.Join(j.shown, "\n"); got != want {
		t.Errorf("the model was shown\n%s\nwant\n%s", got, want)
	}
	if len(w.Done()) != 8 { // to open, two to read, five to ask
		t.Errorf("steps %v", w.Done())
	}
}

func TestSaysWhyPagesCannotBeSelected(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	file := func(name, text string) steward.File { return w.File(name, []byte(text)) }
	for _, tt := range []struct {
		name   string
		config map[string]any
		files  []steward.File
		says   string
	}{
		{"two files", map[string]any{"page_description": "1"}, []steward.File{file("a.txt", "a"), file("b.txt", "b")}, "pages are selected from one"},
		{"no description", map[string]any{}, []steward.File{file("a.txt", "a")}, "page_description is required"},
		{"an empty one", map[string]any{"page_description": " ; "}, []steward.File{file("a.txt", "a")}, "page_description is empty"},
		{"a bad one", map[string]any{"page_description": "@PAGERANGE: x"}, []steward.File{file("a.txt", "a")}, "is not a page or a range"},
		{"no PDF", map[string]any{"page_description": "1"}, []steward.File{file("a.pdf", "Sign in to go on")}, "a.pdf is not a PDF, it is a text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := w.Run(t.Context(), t, pagesel.New(shared), silent(t), tt.config, steward.Input{Key: "pdf_file", DataType: "*/*", Files: tt.files})
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}
