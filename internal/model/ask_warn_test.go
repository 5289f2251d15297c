package model_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
)

func TestWarningsAreThoseOfTheAnswerAndOfTheUsageThatItHas(t *testing.T) {
	t.Parallel()
	const counted, estimated = "The counts were corrected.", "The tokens were estimated."
	good := `{"name":"Ada","age":36}`
	say := func(value, usage string, warnings ...string) *model.Response {
		r := &model.Response{
			Value: json.RawMessage(value), Model: "m", Finish: model.FinishStop, Usage: steward.Usage{InputTokens: 1, OutputTokens: 100},
			Warnings: warnings, UsageWarning: usage,
		}
		if usage != "" {
			r.Warnings = append(r.Warnings, usage)
		}
		return r
	}
	cut := say(good, counted, "It saw no picture.")
	cut.Finish = model.FinishLength
	for name, tt := range map[string]struct {
		says []*model.Response
		want []string
	}{
		"right at once":                {[]*model.Response{say(good, counted, "It saw no picture.")}, []string{"It saw no picture.", counted}},
		"mended":                       {[]*model.Response{say(`{}`, "", "It answered oddly."), say(good, "")}, nil},
		"mended, and wrongly counted":  {[]*model.Response{say(`{}`, counted, "It answered oddly."), say(good, "", "It saw no picture.")}, []string{"It saw no picture.", counted}},
		"counted wrongly in two ways":  {[]*model.Response{say(`{}`, counted), say(`{}`, estimated), say(good, counted)}, []string{counted, estimated}},
		"cut, and asked for once more": {[]*model.Response{cut, say(good, "")}, []string{counted}},
		"cut, then mended":             {[]*model.Response{cut, say(`{}`, ""), say(good, estimated)}, []string{estimated, counted}},
	} {
		n := 0
		m := model.Func(func(context.Context, *model.Request) (*model.Response, error) {
			n++
			return tt.says[n-1], nil
		})
		resp, err := model.AskWith(t.Context(), m, &model.Request{Step: "s", Schema: json.RawMessage(personSchema)}, model.AskOptions{MaxOutput: 1000})
		if err != nil || n != len(tt.says) || !slices.Equal(resp.Warnings, tt.want) {
			t.Errorf("%s: warnings %q after %d calls, %v; want %q", name, resp.Warnings, n, err, tt.want)
		}
	}
}
