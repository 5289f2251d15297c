package extract_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document/documenttest"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/answer/answertest"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/engine/extract"
	"github.com/stewardhq/steward/internal/model"
)

// drawing is a picture of so many pixels.
func drawing(t *testing.T, w, h int) image.Image {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = 250
	}
	m.SetGray(w/2, h/2, color.Gray{})
	return m
}

func asPNG(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pictures(files ...steward.File) steward.Input {
	return steward.Input{Key: "images", DataType: "image/*", Files: files}
}

// viewer is a model that takes pictures and says what it was shown.
type viewer struct {
	mu    sync.Mutex
	shown []string
}

// Generate implements model.Model.
func (v *viewer) Generate(ctx context.Context, req *model.Request) (*model.Response, error) {
	note := req.Step + " detail " + req.ImageDetail
	for _, doc := range req.Documents {
		note += fmt.Sprintf("\n%d %s %s", doc.FileIndex, doc.Name, doc.ContentType)
		for _, p := range doc.Pages {
			note += fmt.Sprintf(" page %d %q", p.Number, strings.TrimSpace(p.Text))
			if p.Picture == nil {
				continue
			}
			data, err := p.Picture.Open(ctx)
			if err != nil {
				return nil, err
			}
			c, format, err := image.DecodeConfig(bytes.NewReader(data))
			if err != nil || c.Width != p.Picture.Width || c.Height != p.Picture.Height || "image/"+format != p.Picture.ContentType {
				return nil, fmt.Errorf("the picture is %s %dx%d, not %+v: %w", format, c.Width, c.Height, p.Picture, err)
			}
			note += fmt.Sprintf(" %s %dx%d", format, c.Width, c.Height)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shown = append(v.shown, note)
	return &model.Response{Value: json.RawMessage(`{"total":null,"ids":[]}`), Model: "viewer", Usage: steward.Free(), Finish: model.FinishStop}, nil
}

func TestPicturesAreShownInTheirOrderBehindTheText(t *testing.T) {
	t.Parallel()
	w, v := answertest.NewWorld(), &viewer{}
	big := asJPEG(t, drawing(t, 3000, 1500))
	w.Web = map[string]steward.File{"https://pictures.test/b.png": w.FileOf("b.png", "image/png", asPNG(t, drawing(t, 40, 30)))}
	fetched := steward.File{Name: "b.png", SourceURL: "https://pictures.test/b.png"}
	r, err := w.Run(t.Context(), t, extract.New(shared), answertest.Seeing{ID: "viewer", Ask: v.Generate},
		map[string]any{"output_schema": schema, "image_detail": "high", "save_inputs": true},
		text("Two pictures"), pictures(w.FileOf("a.jpg", "image/jpeg", big), fetched))
	if err != nil {
		t.Fatal(err)
	}
	want := "extract detail high\n0 text text/plain page 0 \"Two pictures\"\n1 a.jpg image/jpeg page 1 \"\" jpeg 2048x1024\n2 b.png image/png page 1 \"\" png 40x30"
	if len(v.shown) != 1 || v.shown[0] != want {
		t.Errorf("shown\n%s\nwant\n%s", strings.Join(v.shown, "\n--\n"), want)
	}
	if got := r.Outputs[0].Value; !strings.Contains(got, `"references":["https://steward.test/references/image_2/"]`) ||
		!strings.Contains(got, `"source_url":"https://pictures.test/b.png"`) {
		t.Errorf("references in %s", got)
	}
}

func TestModelsThatSeeNothingAreGivenWhatOCRReads(t *testing.T) {
	t.Parallel()
	reader, calls := documenttest.WithOCR(t, "Total: 12.50 EUR for ID-7")
	w := answertest.NewWorld()
	file := w.FileOf("receipt.png", "image/png", asPNG(t, drawing(t, 900, 600)))
	run := func() *engine.Result {
		got, err := w.Run(t.Context(), t, extract.New(reader), enginetest.Models{model.BuiltinID: finder(model.BuiltinID)},
			map[string]any{"output_schema": schema, "model": model.BuiltinID}, pictures(file))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := run()
	var out struct {
		Total   string             `json:"total"`
		Sources []steward.Evidence `json:"_sources"`
	}
	if err := json.Unmarshal([]byte(first.Outputs[0].Value), &out); err != nil {
		t.Fatal(err)
	}
	if out.Total != "12.50 EUR" || len(out.Sources) != 2 || out.Sources[0].Unverified || len(out.Sources[0].Boxes) == 0 || out.Sources[0].FileName != "receipt.png" {
		t.Errorf("got %+v", out)
	}
	before, err := os.ReadDir(calls)
	if err != nil || len(before) == 0 {
		t.Fatalf("OCR was not asked: %v", err)
	}
	w.Forget("extract")
	if again := run(); again.Outputs[0].Value != first.Outputs[0].Value {
		t.Errorf("taken up again: %s", again.Outputs[0].Value)
	}
	if after, err := os.ReadDir(calls); err != nil || len(after) != len(before) {
		t.Errorf("OCR was asked again: %d times, %v", len(after), err)
	}
}

func TestWithoutOCRTheFailureNamesTheModel(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	file := w.FileOf("receipt.png", "image/png", asPNG(t, drawing(t, 90, 60)))
	for id, says := range map[string]string{"blind": "images[0] (picture 1 of 1): The model blind takes no pictures", model.BuiltinID: "The builtin model takes no pictures, and OCR is not available"} {
		_, err := w.Run(t.Context(), t, extract.New(shared), enginetest.Models{id: finder(id)}, map[string]any{"output_schema": schema, "model": id}, pictures(file))
		var f *steward.Failure
		if !errors.As(err, &f) || f.Code != steward.FailInvalidConfig || !strings.Contains(f.Message, says) {
			t.Errorf("%s: got %v", id, err)
		}
	}
}

func TestPicturesThatCannotBeReadAreNamed(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	good := w.FileOf("a.png", "image/png", asPNG(t, drawing(t, 90, 60)))
	broken := w.FileOf("b.png", "image/png", []byte("\x89PNG\r\n\x1a\nbroken"))
	huge := good
	huge.SourceURL, huge.SizeBytes = "https://pictures.test/huge.png", 9<<20
	for says, list := range map[string][]steward.File{"images[1] (picture 2 of 2): b.png": {good, broken}, "images[0] (picture 1 of 1): The picture behind the URL is larger than 8 MiB": {huge}} {
		_, err := w.Run(t.Context(), t, extract.New(shared), answertest.Seeing{ID: "viewer", Ask: (&viewer{}).Generate}, map[string]any{"output_schema": schema}, pictures(list...))
		if f := steward.FailureOf(err); err == nil || f.Code != steward.FailUnsupportedFile || !strings.Contains(f.Message, says) {
			t.Errorf("got %v, want %s", err, says)
		}
	}
}

func TestDocumentsMayStandForTheText(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	sheet := documenttest.Build(documenttest.Sheet{Content: documenttest.At(50, 700, 12, "Total: 9.75 EUR")})
	in := steward.Input{Key: "text", DataType: "*/*", Files: []steward.File{w.FileOf("bill.pdf", "application/pdf", sheet)}}
	got, err := w.Run(t.Context(), t, extract.New(shared), enginetest.Models{model.BuiltinID: finder(model.BuiltinID)}, map[string]any{"output_schema": schema, "model": model.BuiltinID}, in)
	if err != nil || !strings.Contains(got.Outputs[0].Value, `"total":"9.75 EUR"`) || !strings.Contains(got.Outputs[0].Value, `"file_name":"bill.pdf","page":1`) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestLongDocumentsAreReadInRunsOfPages(t *testing.T) {
	t.Parallel()
	w, v := answertest.NewWorld(), &viewer{}
	long := strings.Repeat("Line of a long letter that says nothing at all\n", 9000)
	in := steward.Input{Key: "text", DataType: "*/*", Files: []steward.File{w.FileOf("long.txt", "text/plain", []byte(long))}}
	_, err := w.Run(t.Context(), t, extract.New(shared), answertest.Seeing{ID: "viewer", Ask: v.Generate}, map[string]any{"output_schema": schema},
		in, pictures(w.FileOf("a.png", "image/png", asPNG(t, drawing(t, 90, 60)))))
	if err != nil {
		t.Fatal(err)
	}
	steps := strings.Join(w.Done(), " ")
	if len(v.shown) != 3 || !strings.Contains(steps, "extract[file[0].1-") || !strings.Contains(steps, "-file[1].1-1]") {
		t.Errorf("%d questions in steps %s", len(v.shown), steps)
	}
}
