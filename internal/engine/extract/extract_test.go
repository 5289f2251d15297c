package extract_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/document/documenttest"
	"github.com/stewardhq/steward/internal/engine/answer/answertest"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/engine/extract"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// shared reads the files of all tests: starting an engine takes seconds.
var shared *document.Reader //nolint:gochecknoglobals // see above

func TestMain(m *testing.M) { os.Exit(documenttest.Main(m, &shared)) }

const schema = `{"type":"object","required":["total","ids"],"properties":{"total":{"type":"string"},"ids":{"type":"array","items":{"type":"string"}}}}`

// finder is a model that finds the total and the ids of a text, and quotes them.
func finder(id string) model.Model {
	total, ids := regexp.MustCompile(`Total: (\S+ EUR)`), regexp.MustCompile(`ID-\d+`)
	return model.Func(func(_ context.Context, req *model.Request) (*model.Response, error) {
		out := map[string]any{"total": nil}
		var claims []grounding.Claim
		text := req.Documents[0].Pages[0].Text
		if m := total.FindStringSubmatch(text); m != nil {
			out["total"] = m[1]
			claims = append(claims, grounding.Claim{Path: "/total", Quote: m[0], Confidence: 0.8})
		}
		list := ids.FindAllString(text, -1)
		out["ids"] = append([]string{}, list...)
		for i, id := range list {
			claims = append(claims, grounding.Claim{Path: fmt.Sprintf("/ids/%d", i), Quote: id, Confidence: 1})
		}
		value, err := json.Marshal(out)
		return &model.Response{Value: value, Claims: claims, Model: id, Usage: steward.Free(), Finish: model.FinishStop}, err
	})
}

func text(s string) steward.Input {
	return steward.Input{Key: "text", DataType: "text/plain", Value: s}
}

func TestFillsTheSchemaFromTheText(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	got, err := w.Run(t.Context(), t, extract.New(shared), enginetest.Models{"default": finder("default")},
		map[string]any{"output_schema": schema}, text("Invoice ID-7\nTotal:  12.50 EUR\nTotal: 12.50 EUR"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Outputs) != 1 || got.Outputs[0].Key != "output" || got.Outputs[0].Value != `{"ids":["ID-7"],"total":"12.50 EUR"}` {
		t.Errorf("got %+v", got.Outputs)
	}
	if steps := fmt.Sprint(w.Done()); steps != "[extract]" {
		t.Errorf("steps %s", steps)
	}
}

func TestSourcesAreCheckedAgainstTheText(t *testing.T) {
	t.Parallel()
	liar := model.Func(func(_ context.Context, req *model.Request) (*model.Response, error) {
		if !req.Evidence {
			t.Error("the model was not asked for evidence")
		}
		return &model.Response{Value: json.RawMessage(`{"total":"9 EUR","ids":["ID-7"]}`), Model: "liar", Claims: []grounding.Claim{
			{Path: "/total", Quote: "Total: 9 EUR", Confidence: 1}, {Path: "/ids/0", Quote: "Invoice ID-7", Confidence: 0.5},
		}}, nil
	})
	w := answertest.NewWorld()
	got, err := w.Run(t.Context(), t, extract.New(shared), enginetest.Models{"liar": liar},
		map[string]any{"output_schema": schema, "model": "liar", "use_source": "true"}, text("Invoice   ID-7\nTotal: 12.50 EUR"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"total":"9 EUR","ids":["ID-7"],"_sources":[` +
		`{"path":"/total","file_index":0,"file_name":"","confidence":0,"unverified":true},` +
		`{"path":"/ids/0","file_index":0,"file_name":"text","quote":"Invoice ID-7","confidence":0.5}],` +
		`"_grounding":{"fields":2,"verified":1,"unverified":1,"not_found":0}}`
	if got.Outputs[0].Value != want {
		t.Errorf("got  %s\nwant %s", got.Outputs[0].Value, want)
	}
}

func TestBuiltinAlwaysShowsItsSources(t *testing.T) {
	t.Parallel()
	w := answertest.NewWorld()
	got, err := w.Run(t.Context(), t, extract.New(shared), enginetest.Models{model.BuiltinID: finder(model.BuiltinID)},
		map[string]any{"output_schema": schema, "model": model.BuiltinID}, text("ID-7"))
	if err != nil || !strings.Contains(got.Outputs[0].Value, `"_sources":[{"path":"/ids/0"`) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestALongTextIsReadInPiecesAndMergedOnce(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	var want []string
	for i := range 3000 {
		fmt.Fprintf(&b, "Order ID-%d was taken and sent out on the same day to the customer.\n\n", i)
		want = append(want, fmt.Sprintf("ID-%d", i))
	}
	b.WriteString("Total: 99 EUR\n")
	w := answertest.NewWorld()
	config := map[string]any{"output_schema": schema, "use_source": true}
	models := enginetest.Models{"default": finder("default")}
	got, err := w.Run(t.Context(), t, extract.New(shared), models, config, text(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Total   string             `json:"total"`
		IDs     []string           `json:"ids"`
		Sources []steward.Evidence `json:"_sources"`
	}
	if err := json.Unmarshal([]byte(got.Outputs[0].Value), &out); err != nil {
		t.Fatal(err)
	}
	if out.Total != "99 EUR" || strings.Join(out.IDs, " ") != strings.Join(want, " ") {
		t.Errorf("total %q, %d ids of %d", out.Total, len(out.IDs), len(want))
	}
	for _, s := range out.Sources {
		if s.Unverified {
			t.Fatalf("unverified: %+v", s)
		}
	}
	if p := w.LastProgress(); len(w.Done()) < 2 || p.Done != p.Total || p.Total != len(w.Done()) {
		t.Errorf("%d steps, progress %+v", len(w.Done()), p)
	}

	// A second attempt finds every answer in the journal.
	done := len(w.Done())
	again, err := w.Run(t.Context(), t, extract.New(shared), models, config, text(b.String()))
	if err != nil || again.Outputs[0].Value != got.Outputs[0].Value || len(w.Done()) != done {
		t.Errorf("second attempt: %v, %d new steps", err, len(w.Done())-done)
	}
}

func TestRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	models := enginetest.Models{"default": finder("default")}
	tests := []struct {
		name   string
		config map[string]any
		inputs []steward.Input
		says   string
	}{
		{"a picture that cannot be had", map[string]any{"output_schema": schema, "images": "https://pictures.test/a.png"}, []steward.Input{text("x")}, "images[0]: Cannot fetch"},
		{"too many pictures", map[string]any{"output_schema": schema, "images": "https://a.test https://b.test", "max_images": 1}, []steward.Input{text("x")}, "at most 1 are read"},
		{"nothing to read", map[string]any{"output_schema": schema}, []steward.Input{text("  \n")}, "Missing input key text"},
		{"no schema", map[string]any{}, []steward.Input{text("x")}, "output_schema is required"},
		{"unusable schema", map[string]any{"output_schema": map[string]any{"type": "strange"}}, []steward.Input{text("x")}, "output_schema is not a usable JSON Schema"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := answertest.NewWorld().Run(t.Context(), t, extract.New(shared), models, tt.config, tt.inputs...)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}
