package agents_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/identity"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

func open(t *testing.T) (*agents.Service, context.Context) {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "steward.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	reg, err := engine.NewRegistry(enginetest.Steps{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	ids := identity.New(st, clock.System{}, nil)
	first, err := ids.Bootstrap(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ids.Authenticate(t.Context(), first.Token)
	if err != nil {
		t.Fatal(err)
	}
	return agents.New(st, reg, enginetest.Models{}, clock.System{}), steward.WithPrincipal(t.Context(), p)
}

func TestAnAgentComesWithItsFirstVersion(t *testing.T) {
	t.Parallel()
	s, ctx := open(t)
	a, err := s.Create(ctx, agents.CreateParams{Name: " Reader ", EngineClassID: "Steps1Engine", EngineConfig: json.RawMessage(`{"text": "${text}", "odd": 1}`), InputDefinitions: []steward.InputDefinition{{Key: "text", DataType: "text/plain"}}})
	if err != nil {
		t.Fatal(err)
	}
	if a.Name != "Reader" || a.CurrentVersionID == "" || a.EngineName == "" || a.Creator == nil || a.Creator.Email == "" || a.Tags == nil {
		t.Errorf("agent %+v", a)
	}
	v, err := s.Version(ctx, a.ID, "")
	if err != nil || v.ID != a.CurrentVersionID || v.VersionName != "version 1" || string(v.EngineConfig) != `{"text": "${text}", "odd": 1}` || len(v.Warnings) != 1 || v.BaseAgent.ID != a.ID {
		t.Errorf("version %+v, %v", v, err)
	}
	if _, prog, err := s.Resolve(ctx, a.OrganizationID, a.ID, ""); err != nil || prog.Type.ClassID != "Steps1Engine" {
		t.Errorf("Resolve = %+v, %v", prog, err)
	}
	if _, _, err := s.Resolve(ctx, "00000000-0000-7000-8000-000000000001", a.ID, v.ID); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("Resolve of a foreign version = %v", err)
	}
}

func TestWhatANewAgentMustHave(t *testing.T) {
	t.Parallel()
	s, ctx := open(t)
	if _, err := s.Create(ctx, agents.CreateParams{Name: "taken", EngineClassID: "Steps1Engine"}); err != nil {
		t.Fatal(err)
	}
	for field, p := range map[string]agents.CreateParams{
		"name":            {Name: "  ", EngineClassID: "Steps1Engine"},
		"engine_class_id": {Name: "x"},
		"version_name":    {Name: "x", EngineClassID: "Steps1Engine", VersionName: strings.Repeat("v", 201)},
		"engine_config":   {Name: "x", EngineClassID: "Steps1Engine", EngineConfig: json.RawMessage(`{"text":"${gone}"}`)},
	} {
		_, err := s.Create(ctx, p)
		var e *steward.Error
		if !errors.As(err, &e) || e.Code != steward.Invalid || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, p := range []agents.CreateParams{{Name: "taken", EngineClassID: "Steps1Engine"}, {Name: strings.Repeat("ä", 201), EngineClassID: "Steps1Engine"}} {
		_, err := s.Create(ctx, p)
		var e *steward.Error
		if !errors.As(err, &e) || e.Code != steward.Invalid || e.Field != "name" {
			t.Errorf("name %.20q: %v", p.Name, err)
		}
	}
	if _, err := s.Create(ctx, agents.CreateParams{Name: "y", EngineClassID: "NoEngine"}); err == nil || !strings.Contains(err.Error(), "Steps1Engine") {
		t.Errorf("an unknown engine: %v, want the known ones named", err)
	}
}

func TestListsArePagedAndOrdered(t *testing.T) {
	t.Parallel()
	s, ctx := open(t)
	for i := range 25 {
		if _, err := s.Create(ctx, agents.CreateParams{Name: fmt.Sprintf("agent %02d", i), EngineClassID: "Steps1Engine"}); err != nil {
			t.Fatal(err)
		}
	}
	page, count, err := s.List(ctx, agents.ListParams{Page: 2, Order: "name"})
	if err != nil || count != 25 || len(page) != 5 || page[0].Name != "agent 20" {
		t.Errorf("second page: %d of %d, %v", len(page), count, err)
	}
	page, count, err = s.List(ctx, agents.ListParams{Search: "AGENT 1", Order: "-name"})
	if err != nil || count != 10 || page[0].Name != "agent 19" {
		t.Errorf("search: %d of %d, %v", len(page), count, err)
	}
	if _, _, err := s.List(ctx, agents.ListParams{Page: 3}); steward.CodeOf(err) != steward.NotFound {
		t.Errorf("a page behind the last: %v", err)
	}
	if _, _, err := s.List(ctx, agents.ListParams{Order: "secret"}); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("an unknown order: %v", err)
	}
}

func TestCapabilitiesAreKnownWords(t *testing.T) {
	t.Parallel()
	s, ctx := open(t)
	for _, c := range []string{"", "text", "image", "audio", "video"} {
		if m, err := s.LanguageModels(ctx, c); err != nil || m == nil {
			t.Errorf("LanguageModels(%q) = %v, %v: want a list, if an empty one", c, m, err)
		}
	}
	if _, err := s.LanguageModels(ctx, "smell"); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("an unknown capability: %v", err)
	}
}
