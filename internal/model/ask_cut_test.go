package model_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// bounded answers whole when it may use at least need tokens, else it is cut. It stops at most at its own limit.
type bounded struct {
	need, own int64
	limits    []int64
}

func (b *bounded) Generate(_ context.Context, req *model.Request) (*model.Response, error) {
	b.limits = append(b.limits, req.MaxOutputTokens)
	limit := req.MaxOutputTokens
	if limit == 0 {
		limit = b.own
	}
	resp := &model.Response{Value: json.RawMessage(`{"name":"Ada","age":36}`), Model: "m", Finish: model.FinishStop, Usage: steward.Usage{OutputTokens: min(limit, b.need)}}
	if limit < b.need {
		resp.Finish = model.FinishLength
		resp.Value = json.RawMessage(`{"name":"Ada","age":3}`) // looks whole, and is not
	}
	return resp, nil
}

func TestAnAnswerThatWasCutAtALimitThatNobodySetIsAskedForWithALargerOne(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name             string
		model            bounded
		asked, maxOutput int64
		limits           []int64
		cut              bool
	}{
		{"enough at once", bounded{need: 100}, 200, 1000, []int64{200}, false},
		{"a limit that was asked for is kept", bounded{need: 700}, 200, 1000, []int64{200}, true},
		{"the model's limit is unknown", bounded{need: 700, own: 300}, 0, 0, []int64{0}, true},
		{"not even the model's limit is enough", bounded{need: 5000, own: 300}, 0, 1000, []int64{0, 1000}, true},
		{"the provider's own limit is lower than the model's", bounded{need: 700, own: 300}, 0, 1000, []int64{0, 1000}, false},
		{"the provider's own limit is the model's", bounded{need: 7000, own: 1000}, 0, 1000, []int64{0}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := tt.model
			j := &journal{}
			req := &model.Request{Step: "s", Schema: json.RawMessage(personSchema), MaxOutputTokens: tt.asked}
			resp, err := model.AskWith(t.Context(), model.WithJournal(&m, j.do), req, model.AskOptions{MaxOutput: tt.maxOutput})
			if !slices.Equal(m.limits, tt.limits) {
				t.Errorf("limits %v, want %v", m.limits, tt.limits)
			}
			if want := []string{"s", "s.longer"}[:len(tt.limits)]; !slices.Equal(j.names, want) {
				t.Errorf("steps %v, want %v", j.names, want)
			}
			if tt.cut {
				if !errors.Is(err, model.ErrCut) || steward.FailureOf(err).Code != steward.FailContextOverflow {
					t.Errorf("got %v, %v; want that it was cut", resp, err)
				}
				if own := "max_output_tokens, 200."; strings.Contains(err.Error(), own) != (tt.asked == 200) {
					t.Errorf("the limit is named wrongly: %v", err)
				}
				return
			}
			if err != nil || string(resp.Value) != `{"name":"Ada","age":36}` {
				t.Fatalf("got %v, %v", resp, err)
			}
		})
	}
}

func TestARefusalIsNotAskedAgainAndKeepsTheModelsWords(t *testing.T) {
	t.Parallel()
	calls := 0
	m := model.Func(func(context.Context, *model.Request) (*model.Response, error) {
		calls++
		return &model.Response{Value: json.RawMessage(`"I can't\nhelp with that."`), Model: "m", Finish: model.FinishRefusal}, nil
	})
	for _, schema := range []string{personSchema, ""} {
		calls = 0
		_, err := model.AskWith(t.Context(), m, &model.Request{Step: "s", Schema: json.RawMessage(schema)}, model.AskOptions{MaxOutput: 1000})
		f := steward.FailureOf(err)
		if calls != 1 || f.Code != steward.FailModelRefused || f.Transient || !strings.Contains(f.Message, "I can't help with that.") {
			t.Errorf("after %d calls: %+v", calls, f)
		}
	}
}

func TestTheJournalTellsPicturesByTheirKeys(t *testing.T) {
	t.Parallel()
	picture := func(key string) []grounding.Document {
		return []grounding.Document{{Name: "a.png", ContentType: "image/png", Pages: []grounding.Page{{
			Number: 1, Picture: &grounding.Picture{ContentType: "image/png", Key: key, Open: func(context.Context) ([]byte, error) { return nil, errors.New("not opened for a hash") }},
		}}}}
	}
	hash := func(docs []grounding.Document, detail string) string {
		var got string
		do := func(_ context.Context, c model.Call, _ func(context.Context) (*model.Response, error)) (*model.Response, error) {
			data, err := json.Marshal(c.Input)
			got = string(data)
			return &model.Response{}, err
		}
		if _, err := model.WithJournal(&speaker{}, do).Generate(t.Context(), &model.Request{Step: "s", Documents: docs, ImageDetail: detail}); err != nil {
			t.Fatal(err)
		}
		return got
	}
	text := picture("a")
	text[0].Pages[0].Picture = nil
	if first, again := hash(picture("a"), ""), hash(picture("a"), ""); first != again {
		t.Error("the same picture has two hashes")
	}
	seen := map[string]bool{hash(picture("a"), ""): true, hash(picture("b"), ""): true, hash(picture("a"), "low"): true, hash(text, ""): true}
	if len(seen) != 4 {
		t.Errorf("%d different hashes, want 4", len(seen))
	}
}

func TestFreeTextThatWasCutIsNoAnswer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		model  bounded
		asked  int64
		limits []int64
	}{{bounded{need: 5000}, 100, []int64{100}}, {bounded{need: 5000, own: 100}, 0, []int64{0, 1000}}} {
		m := tt.model
		_, err := model.AskWith(t.Context(), &m, &model.Request{Step: "s", MaxOutputTokens: tt.asked}, model.AskOptions{MaxOutput: 1000})
		if !errors.Is(err, model.ErrCut) || !slices.Equal(m.limits, tt.limits) {
			t.Errorf("%v after %v", err, m.limits)
		}
	}
	m := &bounded{need: 300, own: 100}
	if resp, err := model.AskWith(t.Context(), m, &model.Request{Step: "s"}, model.AskOptions{MaxOutput: 1000}); err != nil || resp.Usage.OutputTokens != 400 {
		t.Errorf("%v, %v: want the sum of both calls", resp, err)
	}
}

func TestABuiltinTextOfAnotherFormatIsNull(t *testing.T) {
	t.Parallel()
	schema := `{"type":"array","items":{"type":"object","properties":{"site":{"type":"string","format":"uri"},"at":{"anyOf":[{"type":"string","format":"time"},{"type":"null"}]},"a/b":{"type":"string"}}}}`
	s := &speaker{id: model.BuiltinID, values: []string{`{"items":[null, {"a/b":"x \" y","site" : "www.acme.com","at":"14:30"},{"site":"https://acme.com"}]}`}}
	resp, err := model.Ask(t.Context(), s, &model.Request{Step: "s", Schema: json.RawMessage(schema)})
	if err != nil {
		t.Fatal(err)
	}
	if want := `[null, {"a/b":"x \" y","site" : null,"at":null},{"site":"https://acme.com"}]`; string(resp.Value) != want {
		t.Errorf("got %s, want %s", resp.Value, want)
	}
	other := &speaker{values: []string{`{"items":[{"site":"www.acme.com"}]}`}}
	if _, err := model.Ask(t.Context(), other, &model.Request{Step: "s", Schema: json.RawMessage(schema)}); steward.FailureOf(err).Code != steward.FailSchemaMismatch || len(other.asked) != 3 {
		t.Errorf("another model: %v after %d calls", err, len(other.asked))
	}
}

func BenchmarkAskWithASchemaOf100Properties(b *testing.B) {
	schema := wide(100)
	fields := make(map[string]any, 100)
	for i := range 100 {
		fields[fmt.Sprintf("z%03d", 100-i)] = map[bool]any{true: "text", false: 7}[i%2 == 0]
	}
	value, err := json.Marshal(fields)
	if err != nil {
		b.Fatal(err)
	}
	m := model.Func(func(context.Context, *model.Request) (*model.Response, error) {
		return &model.Response{Value: value, Model: "m", Finish: model.FinishStop}, nil
	})
	compiled, err := model.CompileSchema(schema)
	if err != nil {
		b.Fatal(err)
	}
	for name, o := range map[string]model.AskOptions{"compiled": {Relaxed: true, Compiled: compiled}, "from its text": {Relaxed: true}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := model.AskWith(b.Context(), m, &model.Request{Step: "s", Schema: schema}, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
