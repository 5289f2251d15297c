package storetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Tags tests the labels of agents.
func Tags(t *testing.T, open Open) {
	each(t, open, map[string]func(t *testing.T, s store.Store){
		"a tag is read as it was stored":                        tagStored,
		"names are unique without regard to case":               tagNames,
		"a changed tag changes on all agents":                   tagChanged,
		"a deleted tag leaves all agents":                       tagDeleted,
		"an agent's tags are replaced and usage is counted":     tagUsage,
		"usage is right after many callers at once":             tagCrowd,
		"an organization has a thousand tags at most":           tagLimit,
		"versions show their agent's tags, pages those of each": tagShown,
	})
}

func tagStored(t *testing.T, s store.Store) {
	org, user, _ := bootstrapped(t, s)
	tag := steward.Tag{ID: newID[steward.TagID](), Name: "Prüfung", Color: "pink", CreatedAt: now(), Creator: &user.ID, UsageCount: 9}
	must(t, "CreateTag", s.CreateTag(t.Context(), org.ID, tag))
	plain := newTag(t, s, org.ID, "another")
	list, err := s.ListTags(t.Context(), org.ID)
	must(t, "ListTags", err)
	tag.UsageCount = 0
	same(t, "tags by name", list, []steward.Tag{plain, tag})
	list, err = s.ListTags(t.Context(), newID[steward.OrganizationID]())
	must(t, "ListTags of another organization", err)
	same(t, "tags of another organization", list, []steward.Tag{})
}

func tagNames(t *testing.T, s store.Store) {
	org := newID[steward.OrganizationID]()
	first, second := newTag(t, s, org, "Finänce"), newTag(t, s, org, "legal")
	newTag(t, s, newID[steward.OrganizationID](), "Finänce")
	err := s.CreateTag(t.Context(), org, steward.Tag{ID: newID[steward.TagID](), Name: "FINÄNCE", Color: "red", CreatedAt: now()})
	code(t, "a name that is taken", err, steward.Conflict)
	want(t, "field", fieldOf(err), "name")
	code(t, "an id that is taken", s.CreateTag(t.Context(), org, steward.Tag{ID: first.ID, Name: "new", Color: "red", CreatedAt: now()}), steward.Conflict)
	taken, own := "LEGAL", "FINÄNCE"
	_, err = s.UpdateTag(t.Context(), org, first.ID, store.TagChange{Name: &taken})
	code(t, "rename to a taken name", err, steward.Conflict)
	want(t, "field", fieldOf(err), "name")
	got, err := s.UpdateTag(t.Context(), org, first.ID, store.TagChange{Name: &own})
	must(t, "rename to its own name in another case", err)
	want(t, "name", got.Name, own)
	_, err = s.UpdateTag(t.Context(), newID[steward.OrganizationID](), second.ID, store.TagChange{})
	code(t, "a foreign tag", err, steward.NotFound)
}

func tagsOf(t *testing.T, s store.Store, org steward.OrganizationID, agent steward.AgentID) []steward.Tag {
	t.Helper()
	a, err := s.Agent(t.Context(), org, agent)
	must(t, "Agent", err)
	return a.Tags
}

func tagChanged(t *testing.T, s store.Store) {
	org := newID[steward.OrganizationID]()
	a, _ := created(t, s, org, "agent", now())
	tag := newTag(t, s, org, "old")
	must(t, "SetAgentTags", s.SetAgentTags(t.Context(), org, a.ID, []steward.TagID{tag.ID, tag.ID}))
	name, color := "new", "gray"
	got, err := s.UpdateTag(t.Context(), org, tag.ID, store.TagChange{Name: &name, Color: &color})
	must(t, "UpdateTag", err)
	tag.Name, tag.Color, tag.UsageCount = name, color, 1
	same(t, "changed tag", *got, tag)
	same(t, "tag of the agent", tagsOf(t, s, org, a.ID), []steward.Tag{tag})
	found, _ := names(t, s, org, store.AgentQuery{Search: "NEW"})
	same(t, "agents found by their tag", found, []string{"agent"})
}

func tagDeleted(t *testing.T, s store.Store) {
	org := newID[steward.OrganizationID]()
	a, _ := created(t, s, org, "agent", now())
	gone, stays := newTag(t, s, org, "gone"), newTag(t, s, org, "stays")
	must(t, "SetAgentTags", s.SetAgentTags(t.Context(), org, a.ID, []steward.TagID{gone.ID, stays.ID}))
	code(t, "a foreign tag", s.DeleteTag(t.Context(), newID[steward.OrganizationID](), gone.ID), steward.NotFound)
	must(t, "DeleteTag", s.DeleteTag(t.Context(), org, gone.ID))
	code(t, "delete it again", s.DeleteTag(t.Context(), org, gone.ID), steward.NotFound)
	stays.UsageCount = 1
	same(t, "tags left", tagsOf(t, s, org, a.ID), []steward.Tag{stays})
	newTag(t, s, org, "gone")
}

func tagUsage(t *testing.T, s store.Store) {
	ctx, org := t.Context(), newID[steward.OrganizationID]()
	a, _ := created(t, s, org, "a", now())
	x, y, foreign := newTag(t, s, org, "x"), newTag(t, s, org, "y"), newTag(t, s, newID[steward.OrganizationID](), "z")
	b, v := newAgent(org, "b", now())
	b.Tags = []steward.Tag{{ID: y.ID}}
	must(t, "CreateAgent with a tag", s.CreateAgent(ctx, b, v))
	usage := func(what string, wantX, wantY int64) {
		t.Helper()
		list, err := s.ListTags(ctx, org)
		must(t, "ListTags", err)
		want(t, what+": usage of x", list[0].UsageCount, wantX)
		want(t, what+": usage of y", list[1].UsageCount, wantY)
	}
	usage("at first", 0, 1)
	must(t, "both", s.SetAgentTags(ctx, org, a.ID, []steward.TagID{y.ID, x.ID}))
	usage("both", 1, 2)
	must(t, "one", s.SetAgentTags(ctx, org, a.ID, []steward.TagID{x.ID}))
	usage("one", 1, 1)
	for what, id := range map[string]steward.TagID{"a foreign tag": foreign.ID, "an unknown tag": newID[steward.TagID]()} {
		err := s.SetAgentTags(ctx, org, a.ID, []steward.TagID{y.ID, id})
		code(t, what, err, steward.Invalid)
		want(t, what+": field", fieldOf(err), "tag_ids")
		c, v := newAgent(org, "c", now())
		c.Tags = []steward.Tag{{ID: id}}
		code(t, "an agent with "+what, s.CreateAgent(ctx, c, v), steward.Invalid)
		_, err = s.Agent(ctx, org, c.ID)
		code(t, "the refused agent", err, steward.NotFound)
	}
	usage("after refusals", 1, 1)
	code(t, "a foreign agent", s.SetAgentTags(ctx, newID[steward.OrganizationID](), a.ID, nil), steward.NotFound)
	must(t, "none", s.SetAgentTags(ctx, org, a.ID, nil))
	usage("none", 0, 1)
	same(t, "tags of an agent without", tagsOf(t, s, org, a.ID), []steward.Tag{})
}

func tagCrowd(t *testing.T, s store.Store) {
	ctx, org := t.Context(), newID[steward.OrganizationID]()
	x, y := newTag(t, s, org, "x"), newTag(t, s, org, "y")
	var wg sync.WaitGroup
	for i := range 6 {
		a, _ := created(t, s, org, fmt.Sprint("agent ", i), now())
		for round := range 5 {
			ids := []steward.TagID{x.ID, y.ID}
			if round%2 == 1 {
				ids = []steward.TagID{y.ID, x.ID}[:1+i%2]
			}
			wg.Go(func() {
				if err := s.SetAgentTags(ctx, org, a.ID, ids); err != nil {
					t.Errorf("SetAgentTags: %v", err)
				}
			})
		}
	}
	wg.Wait()
	agents, _, err := s.ListAgents(ctx, org, store.AgentQuery{})
	must(t, "ListAgents", err)
	counted := map[steward.TagID]int64{}
	for _, a := range agents {
		for _, tag := range a.Tags {
			counted[tag.ID]++
		}
	}
	list, err := s.ListTags(ctx, org)
	must(t, "ListTags", err)
	for _, tag := range list {
		want(t, "usage of "+tag.Name, tag.UsageCount, counted[tag.ID])
	}
}

func tagLimit(t *testing.T, s store.Store) {
	org := newID[steward.OrganizationID]()
	var wg sync.WaitGroup
	for part := range 10 {
		wg.Go(func() {
			for i := range store.MaxTags / 10 {
				tag := steward.Tag{ID: newID[steward.TagID](), Name: fmt.Sprintf("tag %d %d", part, i), Color: "red", CreatedAt: now()}
				if err := s.CreateTag(t.Context(), org, tag); err != nil {
					t.Errorf("CreateTag: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	err := s.CreateTag(t.Context(), org, steward.Tag{ID: newID[steward.TagID](), Name: "one more", Color: "red", CreatedAt: now()})
	code(t, "one tag too many", err, steward.Conflict)
	want(t, "field", fieldOf(err), "")
}

func tagShown(t *testing.T, s store.Store) {
	org := newID[steward.OrganizationID]()
	a, _ := created(t, s, org, "a", now())
	b, _ := created(t, s, org, "b", after(1))
	x, y := newTag(t, s, org, "x"), newTag(t, s, org, "y")
	must(t, "SetAgentTags", s.SetAgentTags(t.Context(), org, a.ID, []steward.TagID{y.ID, x.ID}))
	must(t, "SetAgentTags", s.SetAgentTags(t.Context(), org, b.ID, []steward.TagID{y.ID}))
	x.UsageCount, y.UsageCount = 1, 2
	list, _, err := s.ListAgents(t.Context(), org, store.AgentQuery{Order: "name"})
	must(t, "ListAgents", err)
	same(t, "tags of a", list[0].Tags, []steward.Tag{x, y})
	same(t, "tags of b", list[1].Tags, []steward.Tag{y})
	v, err := s.Version(t.Context(), org, a.ID, "")
	must(t, "Version", err)
	same(t, "tags of a version's agent", v.BaseAgent.Tags, []steward.Tag{x, y})
	versions, err := s.ListVersions(t.Context(), org, a.ID)
	must(t, "ListVersions", err)
	same(t, "tags of listed versions' agent", versions[0].BaseAgent.Tags, []steward.Tag{x, y})
}
