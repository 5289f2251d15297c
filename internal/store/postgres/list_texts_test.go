package postgres_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/pgtest"
	"github.com/stewardhq/steward/internal/store/postgres"
)

// submitTexts stores a job for each text, the oldest first.
func submitTexts(t *testing.T, s store.Store, org steward.OrganizationID, agent steward.AgentID, texts ...string) (ids []steward.JobID) {
	t.Helper()
	var jobs []store.NewJob
	for _, text := range texts {
		j := newJob(org, agent)
		j.Inputs = []steward.Input{{Key: "text", DataType: "text/plain", Value: text}}
		jobs, ids = append(jobs, j), append(ids, j.ID)
	}
	if _, err := s.Submit(t.Context(), jobs); err != nil {
		t.Fatalf("Submit: %v", err)
	}
	return ids
}

// checkSearch searches in each process and wants just these jobs.
func checkSearch(t *testing.T, when string, org steward.OrganizationID, q store.JobQuery, want []steward.JobID, stores ...*postgres.Store) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	for i, s := range stores {
		q.Limit = 100
		got, count := listed(t, s, org, q)
		slices.Sort(got)
		if count != int64(len(want)) || !slices.Equal(got, want) {
			t.Errorf("%s, process %d: got %d jobs %v, want %v", when, i, count, got, want)
		}
	}
}

// What a search found is kept for the next one, in each process on its own.
func TestASearchKnowsWhatChangedSinceTheLastOne(t *testing.T) {
	t.Parallel()
	a, b, _ := two(t)
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	bills := submitTexts(t, a, org, agent, "Bill 1", "bill 2", "letter 1")[:2]
	q := store.JobQuery{AgentID: agent, Inputs: "BILL"}
	checkSearch(t, "at first", org, q, bills, a, b)
	checkSearch(t, "again", org, q, bills, a, b)

	fold := func() {
		t.Helper()
		if err := a.FoldNow(t.Context()); err != nil {
			t.Fatalf("FoldNow: %v", err)
		}
	}
	fold()
	checkSearch(t, "after a fold", org, q, bills, a, b)
	bills = append(bills, submitTexts(t, b, org, agent, "letter 2", "the last bill")[1])
	checkSearch(t, "with a new job", org, q, bills, a, b)
	fold()
	checkSearch(t, "with a new job that is folded", org, q, bills, a, b)

	for _, c := range claim(t, a, 5, store.Limits{}) {
		if err := a.Finish(t.Context(), c.Lease, store.Outcome{Status: steward.StatusSuccess, At: start()}); err != nil {
			t.Fatalf("Finish: %v", err)
		}
	}
	fold()
	checkSearch(t, "after the ends", org, q, bills, a, b)
	if _, err := b.Purge(t.Context(), org, bills[0], start()); err != nil {
		t.Fatalf("Purge: %v", err)
	}
	checkSearch(t, "after a job's data were deleted", org, q, bills[1:], a, b)
	q.Order = []store.JobOrder{{By: store.ByUpdated}}
	checkSearch(t, "in another order", org, q, bills[1:], a, b)
	q.VersionNames = []string{"no such version"}
	checkSearch(t, "with another filter", org, q, nil, a, b)
}

func TestSearchesTellTextsFromIDs(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.Database(t))
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	ids := submitTexts(t, s, org, agent, "nothing", "Größe: 100 % of 5_000", `a\b`, "ends with the end")
	quoting := submitTexts(t, s, org, agent, "see "+string(ids[0]))
	for text, want := range map[string][]steward.JobID{
		"größe": ids[1:2], "100 %": ids[1:2], "%": ids[1:2], "5_0": ids[1:2], "_": ids[1:2], `\`: ids[2:3], "the end": ids[3:], "ends": ids[3:],
		"zzz": nil, "no such text": nil,
	} {
		checkSearch(t, "search for "+text, org, store.JobQuery{AgentID: agent, Search: text}, want, s)
		checkSearch(t, "inputs with "+text, org, store.JobQuery{AgentID: agent, Inputs: text}, want, s)
	}
	// Ids count for a search only, whichever was asked for first.
	id := string(ids[0])
	for range 2 {
		checkSearch(t, "inputs with an id", org, store.JobQuery{AgentID: agent, Inputs: id}, quoting, s)
		checkSearch(t, "search for an id", org, store.JobQuery{AgentID: agent, Search: id}, append(quoting, ids[0]), s)
	}
}

// Texts that lie far apart are looked up one by one, and so are those of a range in which a row is missing.
func TestSearchesAmongJobsFarApart(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s := open(t, url)
	org, agent, other := newID[steward.OrganizationID](), newID[steward.AgentID](), newID[steward.AgentID]()
	var want []steward.JobID
	for i := range 4 {
		want = append(want, submitTexts(t, s, org, agent, fmt.Sprintf("needle %d", i), "hay")[0])
		submit(t, s, org, other, 100)
	}
	checkSearch(t, "far apart", org, store.JobQuery{AgentID: agent, Inputs: "needle"}, want, s)
	near := submitTexts(t, s, org, other, "needle", "hay", "needle", "needle")
	exec(t, url, "delete from job_list where id = $1", string(near[2]))
	if _, count := listed(t, s, org, store.JobQuery{AgentID: other, Inputs: "needle"}); count != 2 {
		t.Errorf("with a missing row: got %d jobs, want 2", count)
	}
}
