package pdf_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/document/documenttest"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/answer/answertest"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/engine/pdf"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// shared reads the PDFs of all tests: starting an engine takes seconds.
var shared *document.Reader //nolint:gochecknoglobals // see above

func TestMain(m *testing.M) { os.Exit(documenttest.Main(m, &shared)) }

// schema is what the sections of forty-pages.pdf are asked for with.
const schema = `{"type":"object","required":["inspector","codes"],
	"properties":{"inspector":{"type":"string"},"codes":{"type":"array","items":{"type":"string"}}}}`

// sectionReader is a model that lists the section codes and the first inspector of what it is shown.
func sectionReader(id string) model.Model {
	code, inspector := regexp.MustCompile(`SC-\d+`), regexp.MustCompile(`Inspector: (.+)`)
	return model.Func(func(_ context.Context, req *model.Request) (*model.Response, error) {
		if req.Step == "merge" { // no candidate is preferred
			return &model.Response{Value: json.RawMessage(`{}`), Model: id, Usage: steward.Free(), Finish: model.FinishStop}, nil
		}
		out := struct {
			Inspector *string  `json:"inspector"`
			Codes     []string `json:"codes"`
		}{Codes: []string{}}
		var claims []grounding.Claim
		for _, p := range req.Documents[0].Pages {
			if m := inspector.FindStringSubmatch(p.Text); m != nil && out.Inspector == nil {
				out.Inspector = &m[1]
				claims = append(claims, grounding.Claim{Path: "/inspector", Page: p.Number, Quote: m[0], Confidence: 1})
			}
			for _, c := range code.FindAllString(p.Text, -1) {
				claims = append(claims, grounding.Claim{Path: fmt.Sprintf("/codes/%d", len(out.Codes)), Page: p.Number, Quote: c, Confidence: 1})
				out.Codes = append(out.Codes, c)
			}
		}
		value, err := json.Marshal(out)
		return &model.Response{Value: value, Claims: claims, Model: id, Usage: steward.Free(), Finish: model.FinishStop}, err
	})
}

func models() enginetest.Models {
	return enginetest.Models{"default": sectionReader("default"), model.BuiltinID: sectionReader(model.BuiltinID)}
}

// testdata stores a file of the repository in a world.
func testdata(t *testing.T, w *answertest.World, name string) steward.File {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../../testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return w.File(filepath.Base(name), data)
}

func pdfs(files ...steward.File) steward.Input {
	return steward.Input{Key: "pdf_files", DataType: "application/pdf", Files: files}
}

// output is what the tests read of an answer.
type output struct {
	Inspector string             `json:"inspector"`
	Codes     []string           `json:"codes"`
	Sources   []steward.Evidence `json:"_sources"`
	Warnings  []string           `json:"_warnings"`
	Pages     []struct {
		PageNumber int    `json:"page_number"`
		FileIndex  *int   `json:"file_index"`
		Markdown   string `json:"markdown"`
		Tables     []any  `json:"tables"`
		Charts     []any  `json:"charts"`
	} `json:"pages"`
}

func decode(t *testing.T, r *engine.Result, err error) output {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Outputs) != 1 || r.Outputs[0].Key != "output" || r.Outputs[0].DataType != "application/json" {
		t.Fatalf("outputs %+v", r.Outputs)
	}
	var out output
	if err := json.Unmarshal([]byte(r.Outputs[0].Value), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFortyPagesAreReadInBatchesAndMergedInOrder(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	file := testdata(t, w, "pdf/forty-pages.pdf")
	config := map[string]any{"instructions": "List the sections.", "output_schema": schema, "use_source": true, "dpi": 36}
	r, err := w.Run(t.Context(), t, pdf.New(shared), models(), config, pdfs(file))
	out := decode(t, r, err)

	if len(out.Codes) != 40 || out.Codes[0] != "SC-007" || out.Codes[39] != "SC-280" || !slices.IsSorted(out.Codes) || out.Inspector != "Benno Castell" {
		t.Errorf("inspector %q, codes %v", out.Inspector, out.Codes)
	}
	if len(out.Sources) != 41 {
		t.Errorf("%d sources", len(out.Sources))
	}
	for _, s := range out.Sources {
		var i int
		if _, err := fmt.Sscanf(s.Path, "/codes/%d", &i); err == nil && (s.Page != i+1 || s.Quote != out.Codes[i] || s.Unverified || len(s.Boxes) != 1) {
			t.Errorf("source %+v", s)
		}
	}
	steps := w.Done()
	slices.Sort(steps)
	want := "file[0].open file[0].pages[1-10].extract file[0].pages[1-10].text file[0].pages[11-20].extract file[0].pages[11-20].text " +
		"file[0].pages[21-30].extract file[0].pages[21-30].text file[0].pages[31-40].extract file[0].pages[31-40].text"
	if got := strings.Join(steps, " "); got != want {
		t.Errorf("steps\n%s\nwant\n%s", got, want)
	}
	if p := w.LastProgress(); p.Done != 4 || p.Total != 4 {
		t.Errorf("progress %+v", p)
	}
	if got := string(w.Step("file[0].pages[1-10].text").Output); len(got) > 200 || !strings.Contains(got, `"pages":10`) {
		t.Errorf("the journal keeps %s", got)
	}
}

func TestARunThatIsTakenUpAgainAsksOnlyWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	file := testdata(t, w, "pdf/forty-pages.pdf")
	config := map[string]any{"instructions": "List the sections.", "output_schema": schema, "use_source": true, "dpi": 36}
	e := pdf.New(shared)
	first, err := w.Run(t.Context(), t, e, models(), config, pdfs(file))
	want := decode(t, first, err)

	w.Forget("file[0].pages[21-30].extract")
	done := len(w.Done())
	second, err := w.Run(t.Context(), t, e, models(), config, pdfs(file))
	got := decode(t, second, err)
	if again := w.Done()[done:]; len(again) != 1 || again[0] != "file[0].pages[21-30].extract" {
		t.Errorf("did again: %v", again)
	}
	if first.Outputs[0].Value != second.Outputs[0].Value {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAnInterruptionIsGivenBackAsItIs(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	stop := errors.New("lease lost")
	w.OnBegin = func(spec engine.StepSpec) error {
		if strings.HasSuffix(spec.Name, ".extract") {
			return stop
		}
		return nil
	}
	_, err := w.Run(t.Context(), t, pdf.New(shared), models(), map[string]any{"instructions": "x", "output_schema": schema}, pdfs(testdata(t, w, "pdf/forty-pages.pdf")))
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestPageFilterAndBatchSizeDecideWhatIsAsked(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	config := map[string]any{
		"instruction": "List.", "output_schema": schema, "batch_size": "2", "page_filter": "@PAGERANGE: 39-50; @PAGERANGE: 3, 5", "pdf_file": "${doc}",
	}
	in := pdfs(testdata(t, w, "pdf/forty-pages.pdf"))
	in.Key = "doc"
	r, err := w.Run(t.Context(), t, pdf.New(shared), models(), config, in)
	out := decode(t, r, err)
	if got := strings.Join(out.Codes, " "); got != "SC-021 SC-035 SC-273 SC-280" {
		t.Errorf("codes %s", got)
	}
	if len(out.Warnings) != 1 || !strings.Contains(out.Warnings[0], "beyond the end of forty-pages.pdf, which has 40") {
		t.Errorf("warnings %q", out.Warnings)
	}
	if !slices.Contains(w.Done(), "file[0].pages[3-5].extract") || !slices.Contains(w.Done(), "file[0].pages[39-40].extract") {
		t.Errorf("steps %v", w.Done())
	}
	if out.Sources != nil {
		t.Errorf("sources that nobody asked for: %+v", out.Sources)
	}
}

func TestSeveralFilesAreReadInTheirOrder(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	a := w.File("a.pdf", documenttest.Build(documenttest.Sheet{Content: documenttest.At(50, 700, 12, "Section code: SC-900")}))
	b := testdata(t, w, "pdf/encrypted.pdf")
	c := w.File("c.pdf", documenttest.Build(
		documenttest.Sheet{Content: documenttest.At(50, 700, 12, "Section code: SC-100   Inspector: Ada")}, documenttest.Sheet{},
	))
	config := map[string]any{"instructions": "x", "output_schema": schema, "model": model.BuiltinID, "password": "secret", "convert_to_images": true}
	r, err := w.Run(t.Context(), t, pdf.New(shared), models(), config, pdfs(a, b, c))
	out := decode(t, r, err)
	if strings.Join(out.Codes, " ") != "SC-900 SC-100" || out.Inspector != "Ada" {
		t.Errorf("got %+v", out)
	}
	if len(out.Sources) != 3 || out.Sources[0].FileName != "a.pdf" || out.Sources[2].FileIndex != 2 || out.Sources[2].FileName != "c.pdf" {
		t.Errorf("sources %+v", out.Sources)
	}
	if len(out.Warnings) != 1 || !strings.Contains(out.Warnings[0], "1 of 2 pages of c.pdf have no text layer and were not read: 2") {
		t.Errorf("warnings %q", out.Warnings)
	}
}

func TestWithoutASchemaThePagesAreTheAnswer(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	config := map[string]any{"instructions": "x", "page_filter": "2-3", "model": model.BuiltinID}
	r, err := w.Run(t.Context(), t, pdf.New(shared), models(), config, pdfs(testdata(t, w, "pdf/forty-pages.pdf")))
	out := decode(t, r, err)
	if len(out.Pages) != 2 || out.Pages[0].PageNumber != 2 || !strings.HasPrefix(out.Pages[1].Markdown, "Section 3\n") || out.Pages[0].FileIndex != nil {
		t.Errorf("pages %+v", out.Pages)
	}
	if len(out.Pages) > 0 && (out.Pages[0].Tables == nil || out.Pages[0].Charts == nil) {
		t.Errorf("tables and charts must be lists: %s", r.Outputs[0].Value)
	}

	w = answertest.NewWorld()
	file := testdata(t, w, "pdf/rotated.pdf")
	r, err = w.Run(t.Context(), t, pdf.New(shared), models(), map[string]any{"instructions": "x", "model": model.BuiltinID}, pdfs(file, file))
	if out := decode(t, r, err); len(out.Pages) != 2 || out.Pages[1].FileIndex == nil || *out.Pages[1].FileIndex != 1 {
		t.Errorf("pages %+v", out.Pages)
	}
}

func TestSaysWhyARunCannotBe(t *testing.T) {
	t.Parallel()
	refusing := model.Func(func(context.Context, *model.Request) (*model.Response, error) {
		return nil, &steward.Failure{Code: steward.FailProviderError, Message: "The provider is down.", Transient: true}
	})
	all := enginetest.Models{"default": sectionReader("default"), "down": refusing}
	tests := []struct {
		name   string
		file   string
		config map[string]any
		code   steward.FailureCode
		says   string
	}{
		{"no password", "pdf/encrypted.pdf", nil, steward.FailFileEncrypted, "encrypted.pdf is encrypted and needs a password"},
		{"wrong password", "pdf/encrypted.pdf", map[string]any{"password": "guess"}, steward.FailFileEncrypted, "does not open encrypted.pdf"},
		{"broken", "pdf/truncated.pdf", nil, steward.FailUnsupportedFile, "truncated.pdf is broken"},
		{"no PDF", "pdf/not-a.pdf", nil, steward.FailUnsupportedFile, "not-a.pdf is not a PDF"},
		{"empty", "pdf/zero-byte.pdf", nil, steward.FailUnsupportedFile, "zero-byte.pdf is empty"},
		{"pictures only", "pdf/empty-text.pdf", nil, steward.FailUnsupportedFile, "no text layer"},
		{"too many pages", "pdf/forty-pages.pdf", map[string]any{"max_pages": 39}, steward.FailInvalidConfig, "more than 39 pages"},
		{"filter beyond the end", "pdf/forty-pages.pdf", map[string]any{"page_filter": "@PAGERANGE: 41-"}, steward.FailInvalidConfig, "selects no page"},
		{"failing model", "pdf/forty-pages.pdf", map[string]any{"model": "down"}, steward.FailProviderError, "Pages 1-10 of forty-pages.pdf: The provider is down."},
	}
	e := pdf.New(shared)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := answertest.NewWorld()
			config := map[string]any{"instructions": "x", "output_schema": schema}
			for k, v := range tt.config {
				config[k] = v
			}
			_, err := w.Run(t.Context(), t, e, all, config, pdfs(testdata(t, w, tt.file)))
			var f *steward.Failure
			if !errors.As(err, &f) || f.Code != tt.code || !strings.Contains(f.Message, tt.says) {
				t.Errorf("got %v, want %s: %s", err, tt.code, tt.says)
			}
		})
	}
}

func TestWrongConfigurationsAreRefusedBeforeTheRun(t *testing.T) {
	t.Parallel()
	e := pdf.New(shared)
	for says, config := range map[string]map[string]any{
		"page_filter: write @PAGERANGE": {"instructions": "x", "page_filter": "@PAGERANGE 3"},
		"batch_size must be":            {"instructions": "x", "batch_size": 51},
		"instructions is required":      {},
	} {
		w := answertest.NewWorld()
		_, err := w.Run(t.Context(), t, e, models(), config, pdfs(testdata(t, w, "pdf/rotated.pdf")))
		if err == nil || !strings.Contains(err.Error(), says) || len(w.Done()) > 0 {
			t.Errorf("got %v after %v, want %q", err, w.Done(), says)
		}
	}
}
