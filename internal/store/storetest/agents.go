package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Agents tests agents and versions.
func Agents(t *testing.T, open Open) {
	each(t, open, map[string]func(t *testing.T, s store.Store){
		"an agent is read as it was stored":                            agentStored,
		"a version is read as it was stored":                           versionStored,
		"names are unique in an organization, compared exactly":        agentNames,
		"a new version becomes the current one":                        versionCurrent,
		"versions are listed newest first":                             versionList,
		"lists have every order, ties by id in the same direction":     agentOrders,
		"lists are searched without regard to case, in all of Unicode": agentSearch,
		"pages meet without gap or repeat":                             agentPages,
		"statistics count jobs and know the newest":                    agentStats,
		"agents of another organization are not found":                 agentForeign,
		"arguments out of range are invalid":                           agentInvalid,
	})
}

// newAgent returns an agent with its first version, made by nobody.
func newAgent(org steward.OrganizationID, name string, created time.Time) (steward.Agent, steward.Version) {
	a := steward.Agent{
		ID: newID[steward.AgentID](), CreatedAt: created, UpdatedAt: created, Name: name, OrganizationID: org,
		EngineClassID: "MultimodalExtractionEngine", EngineName: "Multimodal Extraction", Tags: []steward.Tag{},
	}
	v := steward.Version{
		ID: newID[steward.VersionID](), Name: name, VersionName: "v1", CreatedAt: created, EngineClassID: a.EngineClassID, EngineName: a.EngineName,
		InputDefinitions: []steward.InputDefinition{}, EngineConfig: json.RawMessage("{}"), OrganizationID: org,
		PostActions: []steward.PostAction{}, Warnings: []string{},
	}
	a.CurrentVersionID = v.ID
	v.BaseAgent = a
	return a, v
}

// created stores an agent.
func created(t *testing.T, s store.Store, org steward.OrganizationID, name string, at time.Time) (steward.Agent, steward.Version) {
	t.Helper()
	a, v := newAgent(org, name, at)
	must(t, "CreateAgent", s.CreateAgent(t.Context(), a, v))
	return a, v
}

func agentStored(t *testing.T, s store.Store) {
	org, user, _ := bootstrapped(t, s)
	info := user.Info()
	a, v := newAgent(org.ID, "Rechnungen – 発票 🧾", now())
	a.Creator, a.DisableCache, a.CacheFailedJobs = &info, true, true
	a.Tags = []steward.Tag{newTag(t, s, org.ID, "Finance")}
	must(t, "CreateAgent", s.CreateAgent(t.Context(), a, v))

	got, err := s.Agent(t.Context(), org.ID, a.ID)
	must(t, "Agent", err)
	a.JobCount, a.Tags[0].UsageCount = new(int64), 1
	same(t, "agent", *got, a)

	plain, _ := created(t, s, org.ID, "plain", now())
	got, err = s.Agent(t.Context(), org.ID, plain.ID)
	must(t, "Agent", err)
	plain.JobCount = new(int64)
	same(t, "agent without creator and tags", *got, plain)
}

func versionStored(t *testing.T, s store.Store) {
	org, user, _ := bootstrapped(t, s)
	info := user.Info()
	a, v := newAgent(org.ID, "agent", now())
	a.Creator, v.Creator = &info, &info
	v.Description, v.ReadOnly, v.SupportsMemory = "reads\nthings", true, true
	v.InputDefinitions = []steward.InputDefinition{{Key: "doc", DataType: "application/pdf", Description: "é", AcceptsMultipleFiles: true}}
	v.EngineConfig = json.RawMessage(`{"z": 1, "a": {"é": "\u0000 <b>"}, "big": 12345678901234567890}`)
	v.PostActions = []steward.PostAction{{Name: "n", ConnectionID: "c", Operation: "o", TriggerOn: []steward.Status{3}, ParamMappings: map[string]string{"a": "b"}}}
	v.Warnings = []string{"unknown key x"}
	must(t, "CreateAgent", s.CreateAgent(t.Context(), a, v))

	v.BaseAgent = a
	for _, id := range []steward.VersionID{v.ID, ""} {
		got, err := s.Version(t.Context(), org.ID, a.ID, id)
		must(t, "Version", err)
		got.BaseAgent.JobCount, got.BaseAgent.MostRecentJob = nil, nil
		same(t, "version", *got, v)
	}
	id, err := s.CurrentVersionID(t.Context(), org.ID, a.ID)
	must(t, "CurrentVersionID", err)
	want(t, "current version", id, v.ID)
}

func agentNames(t *testing.T, s store.Store) {
	org, other := newID[steward.OrganizationID](), newID[steward.OrganizationID]()
	created(t, s, org, "Invoices", now())
	created(t, s, org, "invoices", now())
	created(t, s, other, "Invoices", now())
	a, v := newAgent(org, "Invoices", now())
	err := s.CreateAgent(t.Context(), a, v)
	code(t, "a name that is taken", err, steward.Conflict)
	want(t, "field of the error", fieldOf(err), "name")
	_, err = s.Agent(t.Context(), org, a.ID)
	code(t, "the refused agent", err, steward.NotFound)

	const callers = 8
	var wg sync.WaitGroup
	errs := make(chan error, callers)
	for range callers {
		wg.Go(func() {
			a, v := newAgent(org, "race", now())
			errs <- s.CreateAgent(t.Context(), a, v)
		})
	}
	wg.Wait()
	close(errs)
	worked := 0
	for err := range errs {
		if err == nil {
			worked++
			continue
		}
		code(t, "a name taken at the same time", err, steward.Conflict)
	}
	want(t, "agents of one name made at once", worked, 1)
}

// fieldOf returns the field that an error is about.
func fieldOf(err error) string {
	var e *steward.Error
	if errors.As(err, &e) {
		return e.Field
	}
	return ""
}

func versionCurrent(t *testing.T, s store.Store) {
	org := newID[steward.OrganizationID]()
	a, first := created(t, s, org, "agent", now())
	_, foreign := created(t, s, org, "other", now())
	second := first
	second.ID, second.VersionName, second.CreatedAt = newID[steward.VersionID](), "v2", after(60)
	must(t, "CreateVersion", s.CreateVersion(t.Context(), second))

	id, err := s.CurrentVersionID(t.Context(), org, a.ID)
	must(t, "CurrentVersionID", err)
	want(t, "current version", id, second.ID)
	got, err := s.Agent(t.Context(), org, a.ID)
	must(t, "Agent", err)
	want(t, "agent's current version", got.CurrentVersionID, second.ID)
	want(t, "agent's last change", got.UpdatedAt, after(60))
	old, err := s.Version(t.Context(), org, a.ID, first.ID)
	must(t, "Version", err)
	want(t, "name of the old version", old.VersionName, "v1")
	want(t, "current version seen from the old one", old.BaseAgent.CurrentVersionID, second.ID)
	_, err = s.Version(t.Context(), org, a.ID, foreign.ID)
	code(t, "a version of another agent", err, steward.NotFound)

	second.ID = newID[steward.VersionID]()
	second.BaseAgent.ID = newID[steward.AgentID]()
	code(t, "a version of no agent", s.CreateVersion(t.Context(), second), steward.NotFound)
}

// names lists agents and returns their names and the count.
func names(t *testing.T, s store.Store, org steward.OrganizationID, q store.AgentQuery) ([]string, int64) {
	t.Helper()
	list, count, err := s.ListAgents(t.Context(), org, q)
	must(t, "ListAgents", err)
	if list == nil {
		t.Error("ListAgents returned nil, want an empty slice")
	}
	got := make([]string, 0, len(list))
	for _, a := range list {
		got = append(got, a.Name)
		if a.Tags == nil {
			t.Errorf("tags of %s are nil", a.Name)
		}
	}
	return got, count
}

func agentOrders(t *testing.T, s store.Store) {
	org := newID[steward.OrganizationID]()
	for i, name := range []string{"b", "B", "a", "é"} {
		a, v := newAgent(org, name, after([]int{0, 1, 1, 2}[i]))
		a.UpdatedAt = after([]int{9, 8, 8, 7}[i])
		a.EngineClassID = []string{"x", "x", "y", "X"}[i]
		must(t, "CreateAgent", s.CreateAgent(t.Context(), a, v))
	}
	for order, want := range map[string][]string{
		"":                 {"é", "a", "B", "b"},
		"created_at":       {"b", "B", "a", "é"},
		"-created_at":      {"é", "a", "B", "b"},
		"name":             {"B", "a", "b", "é"},
		"-name":            {"é", "b", "a", "B"},
		"updated_at":       {"é", "B", "a", "b"},
		"-updated_at":      {"b", "a", "B", "é"},
		"engine_class_id":  {"é", "b", "B", "a"},
		"-engine_class_id": {"a", "B", "b", "é"},
	} {
		got, _ := names(t, s, org, store.AgentQuery{Order: order})
		same(t, fmt.Sprintf("order %q", order), got, want)
	}
}

func agentSearch(t *testing.T, s store.Store) {
	org := newID[steward.OrganizationID]()
	var last steward.Agent
	for i, name := range []string{"Rechnung ÄÖ", "100% sure", "under_score", `back\slash`} {
		a, v := newAgent(org, name, after(i))
		if i == 3 {
			a.EngineClassID, a.EngineName = "PDFExtractionEngine", "Document Insights"
		}
		must(t, "CreateAgent", s.CreateAgent(t.Context(), a, v))
		last = a
	}
	for _, c := range []struct {
		what string
		q    store.AgentQuery
		want []string
	}{
		{"part of a name", store.AgentQuery{Name: "rechn"}, []string{"Rechnung ÄÖ"}},
		{"letters beyond ASCII", store.AgentQuery{Name: "äö"}, []string{"Rechnung ÄÖ"}},
		{"percent is a letter", store.AgentQuery{Name: "%"}, []string{"100% sure"}},
		{"underscore is a letter", store.AgentQuery{Name: "_"}, []string{"under_score"}},
		{"backslash is a letter", store.AgentQuery{Name: `\`}, []string{`back\slash`}},
		{"name does not look at engines", store.AgentQuery{Name: "insights"}, []string{}},
		{"search looks at engine names", store.AgentQuery{Search: "INSIGHTS"}, []string{`back\slash`}},
		{"search looks at engine ids", store.AgentQuery{Search: "pdfextraction"}, []string{`back\slash`}},
		{"search looks at ids", store.AgentQuery{Search: string(last.ID)[20:]}, []string{`back\slash`}},
		{"search looks at names", store.AgentQuery{Search: "SURE"}, []string{"100% sure"}},
		{"engine is exact", store.AgentQuery{EngineClassIDs: []string{"PDFExtraction"}}, []string{}},
		{"engine", store.AgentQuery{EngineClassIDs: []string{"PDFExtractionEngine"}}, []string{`back\slash`}},
		{"all together", store.AgentQuery{EngineClassIDs: []string{"MultimodalExtractionEngine"}, Name: "s", Search: "multimodal"}, []string{"under_score", "100% sure"}},
	} {
		got, count := names(t, s, org, c.q)
		same(t, c.what, got, c.want)
		want(t, c.what+": count", count, int64(len(c.want)))
	}
}

func agentPages(t *testing.T, s store.Store) {
	org := newID[steward.OrganizationID]()
	var all []string
	for i := range 25 {
		name := fmt.Sprintf("agent %02d", i)
		created(t, s, org, name, now()) // all at the same time: the order is total all the same
		all = append(all, name)
	}
	slices.Reverse(all)
	first, count := names(t, s, org, store.AgentQuery{})
	same(t, "first page", first, all[:20])
	want(t, "count", count, 25)
	var paged []string
	for offset := 0; offset < 25; offset += 7 {
		page, _ := names(t, s, org, store.AgentQuery{Limit: 7, Offset: offset})
		paged = append(paged, page...)
	}
	same(t, "all pages", paged, all)
	beyond, count := names(t, s, org, store.AgentQuery{Offset: 25})
	same(t, "beyond the end", beyond, []string{})
	want(t, "count beyond the end", count, 25)
}

func agentStats(t *testing.T, s store.Store) {
	org := newID[steward.OrganizationID]()
	busy, _ := created(t, s, org, "busy", now())
	idle, _ := created(t, s, org, "idle", now())
	f := &fixture{Store: s, t: t, org: org, agent: busy.ID, node: store.Worker{Node: "n", Incarnation: "i"}}
	early, late := f.job(), f.job()
	late.CreatedAt = after(5)
	f.submit(late, early)
	for _, l := range f.claimAt(after(10)) {
		f.finish(l.Lease, store.Outcome{Status: steward.StatusSuccess, At: after(11)})
	}
	list, _, err := s.ListAgents(t.Context(), org, store.AgentQuery{Order: "name", Stats: true})
	must(t, "ListAgents", err)
	at, two := after(5), int64(2)
	same(t, "jobs of the busy agent", list[0].JobCount, &two)
	same(t, "newest job of the busy agent", list[0].MostRecentJob, &at)
	same(t, "jobs of the idle agent", list[1].JobCount, new(int64))
	same(t, "newest job of the idle agent", list[1].MostRecentJob, (*time.Time)(nil))
	got, err := s.Agent(t.Context(), org, idle.ID)
	must(t, "Agent", err)
	same(t, "jobs of one agent", got.JobCount, new(int64))
	list, _, err = s.ListAgents(t.Context(), org, store.AgentQuery{Order: "name"})
	must(t, "ListAgents", err)
	if list[0].JobCount != nil || list[0].MostRecentJob != nil {
		t.Error("statistics were filled without being asked for")
	}
}

func agentForeign(t *testing.T, s store.Store) {
	org, other := newID[steward.OrganizationID](), newID[steward.OrganizationID]()
	a, v := created(t, s, org, "agent", now())
	_, err := s.Agent(t.Context(), other, a.ID)
	code(t, "Agent", err, steward.NotFound)
	_, err = s.Version(t.Context(), other, a.ID, v.ID)
	code(t, "Version", err, steward.NotFound)
	_, err = s.Version(t.Context(), other, a.ID, "")
	code(t, "current Version", err, steward.NotFound)
	_, err = s.CurrentVersionID(t.Context(), other, a.ID)
	code(t, "CurrentVersionID", err, steward.NotFound)
	v.ID, v.OrganizationID = newID[steward.VersionID](), other
	code(t, "CreateVersion", s.CreateVersion(t.Context(), v), steward.NotFound)
	got, count := names(t, s, other, store.AgentQuery{})
	same(t, "list", got, []string{})
	want(t, "count", count, 0)
}

func agentInvalid(t *testing.T, s store.Store) {
	org := newID[steward.OrganizationID]()
	for what, q := range map[string]store.AgentQuery{
		"negative limit": {Limit: -1}, "limit over 1000": {Limit: 1001}, "negative offset": {Offset: -1},
		"unknown order": {Order: "tags"}, "order with more": {Order: "name; DROP TABLE agents"}, "double descending": {Order: "--name"},
	} {
		_, _, err := s.ListAgents(t.Context(), org, q)
		code(t, what, err, steward.Invalid)
	}
}

func versionList(t *testing.T, s store.Store) {
	org, user, _ := bootstrapped(t, s)
	info := user.Info()
	a, first := created(t, s, org.ID, "agent", now())
	created(t, s, org.ID, "another", now())
	second, third := first, first
	second.ID, second.VersionName, second.CreatedAt, second.Creator = newID[steward.VersionID](), "v2", after(1), &info
	third.ID, third.VersionName, third.CreatedAt = newID[steward.VersionID](), "v3", after(1) // a tie, the greater id first
	must(t, "CreateVersion", s.CreateVersion(t.Context(), second))
	must(t, "CreateVersion", s.CreateVersion(t.Context(), third))
	a.CurrentVersionID, a.UpdatedAt = third.ID, after(1)
	first.BaseAgent, second.BaseAgent, third.BaseAgent = a, a, a
	got, err := s.ListVersions(t.Context(), org.ID, a.ID)
	must(t, "ListVersions", err)
	same(t, "versions", got, []steward.Version{third, second, first})
	_, err = s.ListVersions(t.Context(), newID[steward.OrganizationID](), a.ID)
	code(t, "versions of a foreign agent", err, steward.NotFound)
	_, err = s.ListVersions(t.Context(), org.ID, newID[steward.AgentID]())
	code(t, "versions of an unknown agent", err, steward.NotFound)
}
