package answer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// Bounds of the call that settles conflicts.
const (
	maxConflicts = 60  // in one call
	maxOptions   = 12  // of one conflict; later ones are left out
	maxValue     = 500 // bytes of a candidate that are shown
)

const settleRules = `The documents were read in several parts, and the parts gave different answers for some values.
The text below lists these values and, numbered, the candidates with the words that they were read from.
Pick for each value the candidate that is right for the documents as a whole, and answer with its number alone.
Prefer what is stated as final, such as a grand total over a subtotal of a page. null when none can be preferred.`

// settle lets the model pick one of the candidates of each conflict. It picks by number: it cannot invent. When it does not
// answer, or not usably, the first candidate stays, and the result says so.
//
// Errors: those of the model that may pass, and those that end the run.
func (q *Question) settle(ctx context.Context, m *merger, schema *model.Schema) (warnings []string, err error) {
	step := q.MergeStep
	if step == "" {
		step = "merge"
	}
	for from := 0; from < len(m.conflicts); from += maxConflicts {
		batch := m.conflicts[from:min(from+maxConflicts, len(m.conflicts))]
		name := step
		if from > 0 {
			name = fmt.Sprintf("%s[%d]", step, from)
		}
		picks, told, err := q.pick(ctx, name, batch, schema)
		warnings = append(warnings, told...)
		var f *steward.Failure
		switch {
		case err == nil:
		case errors.As(err, &f) && !f.Transient && (f.Code == steward.FailSchemaMismatch || f.Code == steward.FailModelRefused || f.Code == steward.FailContextOverflow):
			warnings = append(warnings, fmt.Sprintf("Parts of the documents disagree about %d values, such as %s; the first one that was stated was taken.", len(batch), batch[0].path))
		default:
			return nil, err
		}
		for i, k := range picks {
			m.take(batch[i], k)
		}
	}
	return warnings, nil
}

// pick asks for the numbers of the candidates, which count from 1, and returns them counted from 0, with what the
// answer warns of.
func (q *Question) pick(ctx context.Context, step string, conflicts []*conflict, schema *model.Schema) (picks []int, warnings []string, err error) {
	properties := map[string]any{}
	names := make([]string, len(conflicts))
	var text strings.Builder
	for i, c := range conflicts {
		c.options = c.options[:min(len(c.options), maxOptions)]
		names[i] = fmt.Sprintf("value_%d", i+1)
		numbers := make([]int, len(c.options))
		fmt.Fprintf(&text, "%s: %s\n", names[i], c.path)
		if about := placeOf(schema.Root(), c.path).Description(); about != "" {
			fmt.Fprintf(&text, "  meaning: %s\n", clip(about))
		}
		for k, o := range c.options {
			numbers[k] = k + 1
			fmt.Fprintf(&text, "  %d: %s%s\n", k+1, clip(string(o.value.text)), o.origin())
		}
		properties[names[i]] = map[string]any{"type": "integer", "enum": numbers, "description": "Number of the candidate for " + c.path}
	}
	raw, err := json.Marshal(map[string]any{"type": "object", "additionalProperties": false, "required": names, "properties": properties})
	if err != nil {
		return nil, nil, fmt.Errorf("schema of the candidates: %w", err)
	}
	instruction := settleRules
	if q.Instruction != "" {
		instruction += "\n\nThe parts were read with this task:\n" + q.Instruction
	}
	resp, err := model.AskWith(ctx, q.Model, &model.Request{
		Step: step, Instruction: instruction, Schema: raw, Temperature: q.Temperature, ReasoningEffort: q.ReasoningEffort,
		MaxOutputTokens: q.MaxOutputTokens, Documents: []grounding.Document{grounding.FromText(0, "candidates", text.String())},
	}, model.AskOptions{Relaxed: true, MaxOutput: q.MaxAnswer})
	if err != nil {
		return nil, nil, err
	}
	var answer map[string]*float64 // 2.0 is an integer as well
	if err := json.Unmarshal(resp.Value, &answer); err != nil {
		return nil, resp.Warnings, &steward.Failure{Code: steward.FailSchemaMismatch, Message: "The candidates were not picked by their numbers.", Err: err}
	}
	picks = make([]int, len(conflicts))
	for i, name := range names {
		if n := answer[name]; n != nil {
			picks[i] = min(max(int(*n)-1, 0), len(conflicts[i].options)-1)
		}
	}
	return picks, resp.Warnings, nil
}

// origin tells where a candidate was read.
func (o *option) origin() string {
	var b strings.Builder
	if o.label != "" {
		b.WriteString(" (from " + o.label + ")")
	}
	for i, c := range o.claims {
		if c.Quote == "" || i > 2 {
			continue
		}
		place := fmt.Sprintf("file %d", c.FileIndex+1)
		if c.Page > 0 {
			place = fmt.Sprintf("page %d of file %d", c.Page, c.FileIndex+1)
		}
		fmt.Fprintf(&b, " %s: %q", place, clip(strings.Join(strings.Fields(c.Quote), " ")))
	}
	return b.String()
}

// clip cuts what is shown of a candidate.
func clip(s string) string {
	if len(s) <= maxValue {
		return s
	}
	return strings.ToValidUTF8(s[:maxValue], "") + "…"
}
