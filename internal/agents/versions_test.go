package agents_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
)

// keysOf lists the inputs of a version.
func keysOf(v *steward.Version) string {
	keys := []string{}
	for _, d := range v.InputDefinitions {
		keys = append(keys, d.Key)
	}
	return fmt.Sprint(keys)
}

// Trap 28: what is unset arrives as nothing, null, [] or {}, by the client.
func TestAVersionInheritsWhatIsNotSaid(t *testing.T) {
	t.Parallel()
	const config = `{"schema":{},"text":"${text}"}`
	def := func(keys ...string) []steward.InputDefinition {
		list := []steward.InputDefinition{}
		for _, k := range keys {
			list = append(list, steward.InputDefinition{Key: k, DataType: "text/plain"})
		}
		return list
	}
	for what, c := range map[string]struct {
		defs                 []steward.InputDefinition
		config               string
		wantConfig, wantKeys string
	}{
		"nothing":                            {nil, "", config, "[text]"},
		"a null configuration":               {nil, "null", config, "[text]"},
		"both empty":                         {def(), "{}", config, "[text]"},
		"an empty configuration with blanks": {def(), " {\n} ", config, "[text]"},
		"no inputs for a configuration that has one": {def(), `{"schema":{"a":1},"text":"say $text"}`, `{"schema":{"a":1},"text":"say $text"}`, "[text]"},
		"no inputs for a constant configuration":     {def(), `{"schema":{},"text":"hi"}`, `{"schema":{},"text":"hi"}`, "[]"},
		"inputs kept for a constant configuration":   {nil, `{"schema":{},"text":"hi"}`, `{"schema":{},"text":"hi"}`, "[text]"},
		"no inputs, one is bound by its name":        {def(), `{"schema":{}}`, `{"schema":{}}`, "[text]"},
		"no inputs, an ignored key names one":        {def(), `{"schema":{},"text":"hi","odd":["${text}"]}`, `{"schema":{},"text":"hi","odd":["${text}"]}`, "[text]"},
		"a dollar sign alone is no input":            {def(), `{"schema":{},"text":"$5 and $$text"}`, `{"schema":{},"text":"$5 and $$text"}`, "[]"},
		"other inputs":                               {def("more", "text"), "", config, "[more text]"},
		"other inputs and configuration":             {def("x"), `{"schema":{},"text":"${x}"}`, `{"schema":{},"text":"${x}"}`, "[x]"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			a := h.agent("one")
			v, err := h.CreateVersion(h.ctx, a.ID, agents.CreateVersionParams{InputDefinitions: c.defs, EngineConfig: json.RawMessage(c.config)})
			must(t, err)
			if string(v.EngineConfig) != c.wantConfig || keysOf(v) != c.wantKeys {
				t.Errorf("got %s %s, want %s %s", v.EngineConfig, keysOf(v), c.wantConfig, c.wantKeys)
			}
		})
	}
}

func TestAnEmptyConfigurationIsOneWhenTheEngineNeedsNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, err := h.Create(h.ctx, agents.CreateParams{Name: "steps", EngineClassID: "Steps1Engine", EngineConfig: json.RawMessage(`{"text":"hi"}`)})
	must(t, err)
	v, err := h.CreateVersion(h.ctx, a.ID, agents.CreateVersionParams{EngineConfig: json.RawMessage("{}")})
	if err != nil || string(v.EngineConfig) != "{}" {
		t.Errorf("version %+v, %v", v, err)
	}
	v, err = h.CreateVersion(h.ctx, a.ID, agents.CreateVersionParams{EngineConfig: json.RawMessage(`{"odd":1}`)})
	if err != nil || len(v.Warnings) != 1 {
		t.Errorf("warnings %v, %v", v.Warnings, err)
	}
}

func TestANewVersionIsTheCurrentOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent("one")
	h.clock.Advance(time.Hour)
	v, err := h.CreateVersion(h.ctx, a.ID, agents.CreateVersionParams{})
	must(t, err)
	if v.VersionName != "unnamed version" || v.Description != "" || v.Creator == nil || !v.CreatedAt.Equal(h.clock.Now()) ||
		v.Name != "one" || v.PostActions == nil || v.BaseAgent.CurrentVersionID != v.ID {
		t.Errorf("version %+v", v)
	}
	got, err := h.Get(h.ctx, a.ID)
	if err != nil || got.CurrentVersionID != v.ID || !got.UpdatedAt.Equal(h.clock.Now()) {
		t.Errorf("agent %+v, %v", got, err)
	}
	list, err := h.Versions(h.ctx, a.ID)
	if err != nil || len(list) != 2 || list[0].ID != v.ID {
		t.Errorf("versions: %d, %v", len(list), err)
	}
	named, err := h.CreateVersion(h.ctx, a.ID, agents.CreateVersionParams{VersionName: " v3 ", Description: "third"})
	if err != nil || named.VersionName != "v3" || named.Description != "third" {
		t.Errorf("named version %+v, %v", named, err)
	}
}

func TestWhatANewVersionMustNotHave(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent("one")
	for field, p := range map[string]agents.CreateVersionParams{
		"version_name":      {VersionName: strings.Repeat("v", 201)},
		"description":       {Description: strings.Repeat("d", 10_001)},
		"post_actions":      {PostActions: 1},
		"engine_config":     {EngineConfig: json.RawMessage(`{"schema":{},"text":"${gone}"}`)},
		"input_definitions": {InputDefinitions: []steward.InputDefinition{{Key: "metadata", DataType: "text/plain"}}},
	} {
		_, err := h.CreateVersion(h.ctx, a.ID, p)
		wantCode(t, field, err, steward.Invalid, field)
	}
	// The configuration that stays would name an input that goes.
	_, err := h.CreateVersion(h.ctx, a.ID, agents.CreateVersionParams{InputDefinitions: []steward.InputDefinition{{Key: "x", DataType: "text/plain"}}})
	wantCode(t, "inputs that do not fit", err, steward.Invalid, "engine_config")
	if list, err := h.Versions(h.ctx, a.ID); err != nil || len(list) != 1 {
		t.Errorf("versions after refusals: %d, %v", len(list), err)
	}
	_, err = h.CreateVersion(h.ctx, steward.AgentID(uuid.NewString()), agents.CreateVersionParams{})
	wantCode(t, "an unknown agent", err, steward.NotFound, "")
}

func TestEnginesThatFollowPoliciesHaveInputsOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, err := h.Create(h.ctx, agents.CreateParams{Name: "fixed", EngineClassID: "FixedEngine"})
	must(t, err)
	for _, key := range []string{"other", "alert2"} {
		defs := []steward.InputDefinition{{Key: "alert", DataType: "text/plain"}, {Key: key, DataType: "text/plain"}}
		_, err := h.CreateVersion(h.ctx, a.ID, agents.CreateVersionParams{InputDefinitions: defs})
		wantCode(t, "a version with another input", err, steward.Invalid, "input_definitions")
		_, err = h.Create(h.ctx, agents.CreateParams{Name: key, EngineClassID: "FixedEngine", InputDefinitions: defs})
		wantCode(t, "an agent with another input", err, steward.Invalid, "input_definitions")
	}
}

func TestOnlyNameAndDescriptionOfAVersionChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent("one")
	second, err := h.CreateVersion(h.ctx, a.ID, agents.CreateVersionParams{})
	must(t, err)
	first := a.CurrentVersionID
	must(t, h.UpdateVersion(h.ctx, a.ID, first, agents.UpdateVersionParams{VersionName: ptr(" old ")}))
	must(t, h.UpdateVersion(h.ctx, a.ID, first, agents.UpdateVersionParams{Description: ptr("before")}))
	must(t, h.UpdateVersion(h.ctx, a.ID, first, agents.UpdateVersionParams{}))
	v, err := h.Version(h.ctx, a.ID, first)
	if err != nil || v.VersionName != "old" || v.Description != "before" || v.BaseAgent.CurrentVersionID != second.ID {
		t.Errorf("version %+v, %v", v, err)
	}
	wantCode(t, "a blank name", h.UpdateVersion(h.ctx, a.ID, first, agents.UpdateVersionParams{VersionName: ptr("")}), steward.Invalid, "version_name")
	wantCode(t, "a long text", h.UpdateVersion(h.ctx, a.ID, first, agents.UpdateVersionParams{Description: ptr(strings.Repeat("x", 10_001))}), steward.Invalid, "description")
	unknown := steward.VersionID(uuid.NewString())
	wantCode(t, "an unknown version", h.UpdateVersion(h.ctx, a.ID, unknown, agents.UpdateVersionParams{}), steward.NotFound, "")
	run, _, err := h.ForRun(h.ctx, h.org, a.ID, first)
	if err != nil || run.VersionName != "old" {
		t.Errorf("a run's version %+v, %v", run, err)
	}
	must(t, h.UpdateVersion(h.ctx, a.ID, first, agents.UpdateVersionParams{VersionName: ptr("newer")}))
	if run, _, err = h.ForRun(h.ctx, h.org, a.ID, first); err != nil || run.VersionName != "newer" {
		t.Errorf("a run's version after another change %+v, %v", run, err)
	}
}

func TestTheCurrentVersionStaysOthersCanBeDeleted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent("one")
	first := a.CurrentVersionID
	wantCode(t, "the only version", h.DeleteVersion(h.ctx, a.ID, first), steward.Conflict, "")
	_, err := h.CreateVersion(h.ctx, a.ID, agents.CreateVersionParams{})
	must(t, err)
	if _, _, err := h.ForRun(h.ctx, h.org, a.ID, first); err != nil {
		t.Fatalf("ForRun: %v", err)
	}
	must(t, h.DeleteVersion(h.ctx, a.ID, first))
	_, err = h.Version(h.ctx, a.ID, first)
	wantCode(t, "Version", err, steward.NotFound, "")
	_, _, err = h.ForRun(h.ctx, h.org, a.ID, first)
	wantCode(t, "a run of a version that was resolved before", err, steward.NotFound, "")
	if v, _, err := h.Resolve(h.ctx, h.org, a.ID, first); err != nil || v.ID != first {
		t.Errorf("a job that runs it: %v", err)
	}
	wantCode(t, "delete it again", h.DeleteVersion(h.ctx, a.ID, first), steward.NotFound, "")
}
