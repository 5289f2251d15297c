package answer_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/engine/answer"
)

func TestAListThatBecameTooLongIsCutAndSaid(t *testing.T) {
	t.Parallel()
	got, err := merge(t, `{"properties":{"l":{"type":"array","maxItems":2},"m":{"items":{"properties":{"k":{"maxItems":1}}}}}}`, `{"l":[1,2],"m":[{"k":[1]}]}`, `{"l":[3]}`)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Value) != `{"l":[1,2],"m":[{"k":[1]}]}` || len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "3 elements for /l, and output_schema allows 2") {
		t.Errorf("%s, warnings %q", got.Value, got.Warnings)
	}
}

func TestTooFewElementsAreAcceptedAndSaid(t *testing.T) {
	t.Parallel()
	schema := `{"properties":{"l":{"type":"array","minItems":3}}}`
	got, err := merge(t, schema, `{"l":[1]}`, `{"l":[2]}`)
	if err != nil || len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "at /l: ") {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = merge(t, schema, `{"l":[1,2]}`, `{"l":[3]}`); err != nil || len(got.Warnings) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAnAnswerWithManyMembersIsComposedInNoTime(t *testing.T) {
	t.Parallel()
	members := map[string]int{}
	for i := range 200_000 {
		members[fmt.Sprintf("member%d", i)] = i
	}
	value, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	result, err := answer.Compose(value, answer.Extras{Warnings: []string{"w"}})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("took %s", took)
	}
	var back map[string]any
	if err := json.Unmarshal([]byte(result.Outputs[0].Value), &back); err != nil || len(back) != 200_001 || back["member199999"] != 199_999.0 {
		t.Errorf("%d members, %v", len(back), err)
	}
}

func TestTheLastOfManyEqualNamesWins(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf(`"n%d":%d`, i, i))
	}
	result, err := answer.Compose(json.RawMessage(`{`+strings.Join(slices.Concat(names, names[:3]), ",")+`,"n39":"last"}`), answer.Extras{Warnings: []string{"w"}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{` + strings.Join(names[:39], ",") + `,"n39":"last","_warnings":["w"]}`
	if result.Outputs[0].Value != want {
		t.Errorf("%s", result.Outputs[0].Value)
	}
}
