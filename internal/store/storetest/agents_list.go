package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// AgentLists tests the filters and orders of lists of agents.
func AgentLists(t *testing.T, open Open) {
	each(t, open, map[string]func(t *testing.T, s store.Store){
		"each filter leaves what it names":                  agentFilters,
		"every filter and order agrees with a plain sort":   agentsNaive,
		"a search finds creators, tags and version ids too": agentSearchWide,
	})
}

// world is an organization with agents of all kinds.
type world struct {
	org    steward.OrganizationID
	tags   []steward.Tag
	agents []steward.Agent // as ListAgents shows them, with statistics
}

// newWorld stores n agents. Their jobs are spread unevenly, times and engines repeat.
func newWorld(t *testing.T, s store.Store, n int, random *rand.Rand) *world {
	t.Helper()
	org, user, _ := bootstrapped(t, s)
	info := user.Info()
	w := &world{org: org.ID}
	for _, name := range []string{"red team", "Blue", "grün"} {
		w.tags = append(w.tags, newTag(t, s, org.ID, name))
	}
	f := &fixture{Store: s, t: t, org: org.ID}
	for i := range n {
		a, v := newAgent(org.ID, fmt.Sprintf("%c agent %03d", "aBcÖ"[i%3], i), after(random.IntN(20)))
		a.UpdatedAt = after(random.IntN(20) + 20)
		a.EngineClassID = []string{"PDFExtractionEngine", "MultimodalExtractionEngine", "Other"}[random.IntN(3)]
		if random.IntN(3) > 0 {
			a.Creator, v.Creator = &info, &info
		}
		for j, tag := range w.tags {
			if random.IntN(3) == 0 {
				a.Tags = append(a.Tags, tag)
				w.tags[j].UsageCount++
			}
		}
		must(t, "CreateAgent", s.CreateAgent(t.Context(), a, v))
		a.JobCount = new(int64)
		var jobs []store.NewJob
		for range random.IntN(4) {
			job := f.jobOf(org.ID, a.ID)
			job.CreatedAt = after(random.IntN(10))
			jobs = append(jobs, job)
			*a.JobCount++
			if at := job.CreatedAt; a.MostRecentJob == nil || at.After(*a.MostRecentJob) {
				a.MostRecentJob = &at
			}
		}
		if len(jobs) > 0 {
			f.submit(jobs...)
		}
		w.agents = append(w.agents, a)
	}
	return w
}

// matches says what a query's filters mean.
func (w *world) matches(a *steward.Agent, q *store.AgentQuery) bool {
	in := func(at time.Time, r store.TimeRange) bool {
		return (r.From.IsZero() || !at.Before(r.From)) && (r.To.IsZero() || !at.After(r.To))
	}
	has := func(id steward.TagID) bool {
		return slices.ContainsFunc(a.Tags, func(t steward.Tag) bool { return t.ID == id })
	}
	creator, tagged := steward.UserID(0), slices.ContainsFunc(q.Tags, has)
	if a.Creator != nil {
		creator = a.Creator.ID
	}
	switch {
	case q.Name != "" && !strings.Contains(strings.ToLower(a.Name), strings.ToLower(q.Name)),
		len(q.EngineClassIDs) > 0 && !slices.Contains(q.EngineClassIDs, a.EngineClassID),
		slices.Contains(q.NotEngines, a.EngineClassID),
		len(q.CreatorIDs) > 0 && !slices.Contains(q.CreatorIDs, creator),
		(len(q.Tags) > 0 || q.Untagged) && !tagged && (!q.Untagged || len(a.Tags) > 0),
		!in(a.CreatedAt, q.Created), !in(a.UpdatedAt, q.Updated),
		q.MostRecentJob != store.TimeRange{} && (a.MostRecentJob == nil || !in(*a.MostRecentJob, q.MostRecentJob)),
		q.JobsMin != nil && *a.JobCount < *q.JobsMin, q.JobsMax != nil && *a.JobCount > *q.JobsMax:
		return false
	}
	return true
}

// order sorts agents as a query says.
func order(agents []steward.Agent, by string) {
	key, descending := strings.CutPrefix(cmp.Or(by, "-created_at"), "-")
	less := func(a, b *steward.Agent) (missing, c int) {
		switch key {
		case "name":
			return 0, strings.Compare(a.Name, b.Name)
		case "created_at":
			return 0, a.CreatedAt.Compare(b.CreatedAt)
		case "updated_at":
			return 0, a.UpdatedAt.Compare(b.UpdatedAt)
		case "engine_class_id":
			return 0, strings.Compare(a.EngineClassID, b.EngineClassID)
		case "job_count":
			return 0, cmp.Compare(*a.JobCount, *b.JobCount)
		case "creator":
			return bothThere(a.Creator != nil, b.Creator != nil), 0
		default:
			if a.MostRecentJob == nil || b.MostRecentJob == nil {
				return bothThere(a.MostRecentJob != nil, b.MostRecentJob != nil), 0
			}
			return 0, a.MostRecentJob.Compare(*b.MostRecentJob)
		}
	}
	slices.SortFunc(agents, func(a, b steward.Agent) int {
		missing, c := less(&a, &b)
		c = cmp.Or(c, strings.Compare(string(a.ID), string(b.ID)))
		if descending {
			c = -c
		}
		return cmp.Or(missing, c)
	})
}

// bothThere puts what has a value before what has none.
func bothThere(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// check compares a list with what it should be.
func (w *world) check(t *testing.T, s store.Store, what string, q store.AgentQuery) {
	t.Helper()
	var all []steward.Agent
	for _, a := range w.agents {
		if w.matches(&a, &q) {
			all = append(all, a)
		}
	}
	order(all, q.Order)
	wanted := []string{}
	for _, a := range all[min(q.Offset, len(all)):min(q.Offset+cmp.Or(q.Limit, 20), len(all))] {
		wanted = append(wanted, a.Name)
	}
	got, count := names(t, s, w.org, q)
	same(t, what, got, wanted)
	want(t, what+": count", count, int64(len(all)))
}

func agentFilters(t *testing.T, s store.Store) {
	w := newWorld(t, s, 30, rand.New(rand.NewPCG(1, 2))) //nolint:gosec // G404: the same rows in every run
	one, two := int64(1), int64(2)
	for what, q := range map[string]store.AgentQuery{
		"engines":                    {EngineClassIDs: []string{"PDFExtractionEngine", "Other", "unknown"}},
		"engines left out":           {NotEngines: []string{"PDFExtractionEngine", "unknown"}},
		"engine asked for and not":   {EngineClassIDs: []string{"Other"}, NotEngines: []string{"Other"}},
		"creator":                    {CreatorIDs: []steward.UserID{w.creator(), 999}},
		"unknown creator":            {CreatorIDs: []steward.UserID{999}},
		"a tag":                      {Tags: []steward.TagID{w.tags[0].ID}},
		"one of two tags":            {Tags: []steward.TagID{w.tags[0].ID, w.tags[1].ID}},
		"an unknown tag":             {Tags: []steward.TagID{newID[steward.TagID]()}},
		"without tags":               {Untagged: true},
		"a tag or none":              {Tags: []steward.TagID{w.tags[2].ID}, Untagged: true},
		"created from":               {Created: store.TimeRange{From: after(10)}},
		"created to":                 {Created: store.TimeRange{To: after(10)}},
		"created exactly":            {Created: store.TimeRange{From: after(10), To: after(10)}},
		"created between two stamps": {Created: store.TimeRange{From: after(10).Add(1), To: after(11).Add(-1)}},
		"updated":                    {Updated: store.TimeRange{From: after(25), To: after(30)}},
		"newest job from":            {MostRecentJob: store.TimeRange{From: after(5)}},
		"newest job to":              {MostRecentJob: store.TimeRange{To: after(5)}},
		"at least one job":           {JobsMin: &one},
		"at most one job":            {JobsMax: &one},
		"one or two jobs":            {JobsMin: &one, JobsMax: &two},
		"two to one jobs":            {JobsMin: &two, JobsMax: &one},
	} {
		w.check(t, s, what, q)
	}
	_, count := names(t, s, newID[steward.OrganizationID](), store.AgentQuery{Untagged: true})
	want(t, "agents of another organization", count, 0)
}

// creator returns the only user of the world.
func (w *world) creator() steward.UserID {
	for _, a := range w.agents {
		if a.Creator != nil {
			return a.Creator.ID
		}
	}
	return 0
}

func agentsNaive(t *testing.T, s store.Store) {
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // G404: the same rows in every run
	w := newWorld(t, s, 40, random)
	maybe := func() bool { return random.IntN(3) == 0 }
	span := func(from, n int) store.TimeRange {
		r := store.TimeRange{}
		if maybe() {
			r.From = after(from + random.IntN(n))
		}
		if maybe() {
			r.To = after(from + random.IntN(n))
		}
		return r
	}
	orders := []string{""}
	for _, by := range store.AgentOrders() {
		orders = append(orders, by, "-"+by)
	}
	for i, by := range slices.Repeat(orders, 8) {
		q := store.AgentQuery{Order: by, Limit: 1 + random.IntN(50), Offset: random.IntN(2) * random.IntN(20), Stats: maybe()}
		if i >= len(orders) { // the first round is without filters
			q.Created, q.Updated = span(0, 20), span(20, 20)
			if maybe() {
				q.MostRecentJob = span(0, 10)
			}
			if maybe() {
				q.Name = []string{"A AGENT", "1", "agent", "zz"}[random.IntN(4)]
			}
			if maybe() {
				q.EngineClassIDs = []string{"Other", "PDFExtractionEngine"}[:1+random.IntN(2)]
			}
			if maybe() {
				q.NotEngines = []string{"Other"}
			}
			if maybe() {
				q.CreatorIDs = []steward.UserID{w.creator()}
			}
			if maybe() {
				q.Tags = []steward.TagID{w.tags[random.IntN(3)].ID}
			}
			q.Untagged = maybe()
			if least := int64(random.IntN(3)); maybe() {
				q.JobsMin = &least
			}
			if most := int64(random.IntN(3)); maybe() {
				q.JobsMax = &most
			}
		}
		w.check(t, s, fmt.Sprintf("query %+v", q), q)
	}
	list, _, err := s.ListAgents(t.Context(), w.org, store.AgentQuery{Order: "created_at", Limit: 100, Stats: true})
	must(t, "ListAgents", err)
	order(w.agents, "created_at")
	for i := range w.agents {
		for j, tag := range w.agents[i].Tags {
			w.agents[i].Tags[j] = w.tags[slices.IndexFunc(w.tags, func(x steward.Tag) bool { return x.ID == tag.ID })]
		}
		slices.SortFunc(w.agents[i].Tags, func(a, b steward.Tag) int {
			return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
		})
	}
	same(t, "whole agents", list, w.agents)
}

func agentSearchWide(t *testing.T, s store.Store) {
	org, user, _ := bootstrapped(t, s)
	info := user.Info()
	byUser, v1 := newAgent(org.ID, "by user", now())
	byUser.Creator = &info
	must(t, "CreateAgent", s.CreateAgent(t.Context(), byUser, v1))
	tagged, v2 := newAgent(org.ID, "tagged", after(1))
	tagged.Tags = []steward.Tag{newTag(t, s, org.ID, "Überprüfung")}
	must(t, "CreateAgent", s.CreateAgent(t.Context(), tagged, v2))
	v3 := v2
	v3.ID, v3.CreatedAt = newID[steward.VersionID](), after(2)
	must(t, "CreateVersion", s.CreateVersion(t.Context(), v3))
	full := string(v2.ID)
	for _, c := range []struct {
		what, search string
		want         []string
	}{
		{"display name", strings.ToUpper(info.DisplayName), []string{"by user"}},
		{"e-mail address", info.Email, []string{"by user"}},
		{"tag", "ÜBERPRÜF", []string{"tagged"}},
		{"an old version's id", full, []string{"tagged"}},
		{"the current version's id in capitals", strings.ToUpper(string(v3.ID)), []string{"tagged"}},
		{"an id without dashes", strings.ReplaceAll(full, "-", ""), []string{"tagged"}},
		{"the end of a version's id", full[len(full)-store.SearchVersionID-2:], []string{"tagged"}},
		{"nothing", "no such text", []string{}},
		{"a quote", `"`, []string{}},
	} {
		got, count := names(t, s, org.ID, store.AgentQuery{Search: c.search})
		same(t, "search for "+c.what, got, c.want)
		want(t, "search for "+c.what+": count", count, int64(len(c.want)))
	}
	got, _ := names(t, s, newID[steward.OrganizationID](), store.AgentQuery{Search: full})
	same(t, "search of another organization", got, []string{})
}
