package storetest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// JobQueries tests the filters and orders of lists against an answer that looks at every job.
func JobQueries(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"every filter and order among many jobs":     queryMany,
		"a list follows each change of a job":        queryFollows,
		"metadata is compared as text or JSON":       queryMetadata,
		"searches look into ids, names and inputs":   querySearch,
		"searches look into the newest jobs only":    querySearchWindow,
		"orders that do not exist are invalid":       queryInvalid,
		"one agent's list knows nothing of another":  queryForeign,
		"times that many jobs share bound a range":   queryRanges,
		"a verdict is found as long as it is there":  queryVerdicts,
		"a job cancelled after a crash has its cost": queryParkedCost,
	})
}

// listed is what the plain answer knows about a job.
type listed struct {
	store.NewJob
	seq       int
	status    steward.Status
	updatedAt time.Time
	cost      int64 // -1 for none
	took      int64 // microseconds, -1 for none
	labels    map[string]string
	verdict   string
	text      string
}

// crowdSize is more than a database sorts in one go, so that it has to use its indexes.
const crowdSize = 2600

// manyJobs stores and runs many jobs and returns them in the order of storing. The newest ones stay queued.
func (f *fixture) manyJobs(rng *rand.Rand) []listed {
	f.t.Helper()
	jobs := make([]listed, crowdSize)
	for i := range jobs {
		jobs[i] = f.listedJob(rng, i)
	}
	for part := range slices.Chunk(jobs, 1000) {
		call := make([]store.NewJob, len(part))
		for i := range part {
			call[i] = part[i].NewJob
		}
		f.submit(call...)
		if len(part) == 1000 {
			f.endMany(rng, part)
		}
	}
	return jobs
}

// listedJob returns the nth job.
func (f *fixture) listedJob(rng *rand.Rand, n int) listed {
	j := f.job()
	j.CreatedAt = after(-10_000 + n/3) // three at a time are of one age
	if rng.IntN(100) == 0 {
		j.CreatedAt = after(-10_000 + rng.IntN(crowdSize))
	}
	j.Timeout = 1000 * time.Hour
	j.VersionName = []string{"first", "second", "Third"}[rng.IntN(3)]
	team, region := fmt.Sprint("team-", rng.IntN(20)), []string{"eu", "us"}[rng.IntN(2)]
	j.Metadata = fmt.Appendf(nil, `{"team":%q,"region":%q,"n":%d}`, team, region, n)
	text := fmt.Sprintf("Invoice %d of customer %d", n, rng.IntN(50))
	j.Inputs = []steward.Input{{Key: "text", DataType: "text/plain", Value: text}}
	return listed{
		NewJob: j, seq: n, status: steward.StatusPending, updatedAt: j.CreatedAt, cost: -1, took: -1,
		labels: map[string]string{"team": team, "region": region, "n": fmt.Sprint(n)}, text: strings.ToLower(text),
	}
}

// endMany claims jobs that are queued and ends nearly all of them.
func (f *fixture) endMany(rng *rand.Rand, jobs []listed) {
	f.t.Helper()
	at := jobs[len(jobs)-1].CreatedAt.Add(10_000 * time.Second)
	byID := map[steward.JobID]*listed{}
	for i := range jobs {
		byID[jobs[i].ID] = &jobs[i]
	}
	var wg sync.WaitGroup
	req := f.request(at)
	req.Lease = time.Hour
	for _, c := range f.claim(req) {
		j := byID[c.JobID]
		if j == nil {
			f.t.Fatalf("claimed %s of an earlier call", c.JobID)
		}
		j.status, j.updatedAt = steward.StatusStarted, at
		if rng.IntN(50) == 0 {
			continue
		}
		o := j.end(rng, at)
		wg.Go(func() {
			if err := f.Finish(context.WithoutCancel(f.ctx()), c.Lease, o); err != nil {
				f.t.Errorf("Finish: %v", err)
			}
		})
	}
	wg.Wait()
}

// end makes up how a job ends.
func (j *listed) end(rng *rand.Rand, at time.Time) store.Outcome {
	o := store.Outcome{Status: []steward.Status{3, 3, 3, 3, 4, 5, 2}[rng.IntN(7)], At: at.Add(time.Duration(rng.IntN(5000)) * time.Millisecond)}
	cost := steward.MicroUSD([]int{0, 0, rng.IntN(10), rng.IntN(50_000_000)}[rng.IntN(4)])
	if rng.IntN(10) > 0 {
		o.Usage.Cost = &cost
	}
	j.status, j.updatedAt = o.Status, o.At
	switch o.Status {
	case steward.StatusSuccess:
		j.verdict = []string{"approve", "reject", "reject"}[rng.IntN(3)]
		o.Outputs = []steward.Datum{{Key: "output", Value: fmt.Sprintf(`{"verdict":%q}`, j.verdict)}}
	case steward.StatusFailure:
		o.Failure = fault()
	case steward.StatusRetry:
		o.Failure, o.RunAfter = fault(), after(1_000_000)
		return o
	}
	if o.Usage.Cost != nil {
		j.cost = int64(cost)
	}
	j.took = o.At.Sub(at).Microseconds()
	return o
}

func queryMany(f *fixture) {
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // G404: the same rows in every run
	jobs := f.manyJobs(rng)
	at := func(n int) time.Time { return jobs[n].CreatedAt }
	label := func(k, v string) []store.Label { return []store.Label{{Key: k, Value: v}} }
	filters := []store.JobQuery{
		{}, {Status: []steward.Status{3}}, {Status: []steward.Status{0}}, {Status: []steward.Status{1, 2}}, {Status: []steward.Status{4, 5, 9}},
		{VersionNames: []string{"second"}}, {VersionNames: []string{"Third", "nth", "first"}}, {Verdicts: []string{"reject"}},
		{Verdicts: []string{"approve", "maybe"}, Status: []steward.Status{3}}, {Metadata: label("region", "eu")},
		{Metadata: append(label("region", "eu"), label("team", "team-7")...)}, {Metadata: label("n", "77")}, {NotMetadata: label("region", "us")},
		{NotMetadata: append(label("team", "team-1"), label("team", "team-2")...)}, {JobID: jobs[99].ID},
		{JobID: jobs[99].ID, Metadata: label("n", "1")}, {CreatedFrom: at(900)}, {CreatedTo: at(1500)}, {CreatedFrom: at(100), CreatedTo: at(2100)},
		{CreatedFrom: at(50), CreatedTo: at(50)}, {Search: "INVOICE 12"}, {Search: "third"}, {Inputs: "customer 7"}, {Inputs: "nothing"},
		{Search: "first", Inputs: "customer 1", Metadata: label("region", "us")}, {Newest: 30}, {Newest: 1200, Status: []steward.Status{3, 4}},
	}
	keys := []store.JobOrderKey{
		store.ByCreated, store.ByUpdated, store.ByCost, store.ByDuration, store.ByID, store.ByStatus, store.ByVersionName,
	}
	for i, q := range filters {
		q.AgentID = f.agent
		for d := range 2 {
			q.Order = []store.JobOrder{{By: keys[(i+d)%len(keys)], Descending: d == 0}}
			f.checkQuery(jobs, q, rng)
		}
	}
	for _, q := range []store.JobQuery{{AgentID: f.agent}, {AgentID: f.agent, Metadata: label("region", "eu")}} {
		for _, k := range keys {
			for _, descending := range []bool{false, true} {
				q.Order = []store.JobOrder{{By: k, Descending: descending}}
				f.checkQuery(jobs, q, rng)
			}
		}
		q.Order = []store.JobOrder{{By: store.ByStatus}, {By: store.ByVersionName, Descending: true}, {By: store.ByCost}, {By: store.ByUpdated, Descending: true}}
		f.checkQuery(jobs, q, rng)
	}
}

// checkQuery compares the first page of a list, and one somewhere, with the plain answer.
func (f *fixture) checkQuery(jobs []listed, q store.JobQuery, rng *rand.Rand) {
	f.t.Helper()
	want := plainAnswer(jobs, &q)
	for _, q.Offset = range []int{0, rng.IntN(len(want) + 1)} {
		q.Limit = []int{3, 20, 100}[rng.IntN(3)]
		got, count := f.list(q)
		page := want[min(q.Offset, len(want)):min(q.Offset+q.Limit, len(want))]
		if int(count) != len(want) || !slices.Equal(got, page) {
			f.t.Errorf("%+v:\n got %d %v\nwant %d %v", q, count, got, len(want), page)
		}
	}
}

// plainAnswer returns the ids of all jobs that a query matches, in order.
func plainAnswer(jobs []listed, q *store.JobQuery) []steward.JobID {
	var list []*listed
	for i := range jobs {
		if jobs[i].matches(q) {
			list = append(list, &jobs[i])
		}
	}
	if q.Newest > 0 {
		list = list[max(0, len(list)-q.Newest):]
	}
	slices.SortFunc(list, func(a, b *listed) int { return plainOrder(a, b, q.Order) })
	ids := []steward.JobID{}
	for _, j := range list {
		ids = append(ids, j.ID)
	}
	return ids
}

func (j *listed) matches(q *store.JobQuery) bool {
	ok := (len(q.Status) == 0 || slices.Contains(q.Status, j.status)) &&
		(len(q.VersionNames) == 0 || slices.Contains(q.VersionNames, j.VersionName)) &&
		(len(q.Verdicts) == 0 || slices.Contains(q.Verdicts, j.verdict)) &&
		(q.JobID == "" || q.JobID == j.ID) &&
		(q.CreatedFrom.IsZero() || !j.CreatedAt.Before(q.CreatedFrom)) && (q.CreatedTo.IsZero() || !j.CreatedAt.After(q.CreatedTo)) &&
		strings.Contains(j.text, strings.ToLower(q.Inputs)) &&
		strings.Contains(string(j.ID)+"\n"+strings.ToLower(j.VersionName)+"\n"+j.text, strings.ToLower(q.Search))
	for _, l := range q.Metadata {
		ok = ok && j.labels[l.Key] == l.Value
	}
	for _, l := range q.NotMetadata {
		ok = ok && j.labels[l.Key] != l.Value
	}
	return ok
}

func plainOrder(a, b *listed, order []store.JobOrder) int {
	for _, o := range append(slices.Clone(order), store.JobOrder{By: store.ByCreated, Descending: true}, store.JobOrder{By: store.ByID, Descending: true}) {
		if c := plainCompare(a, b, o); c != 0 {
			return c
		}
	}
	return 0
}

func plainCompare(a, b *listed, o store.JobOrder) (c int) {
	values := func(x, y int64) int {
		if (x < 0) != (y < 0) { // none comes last in both directions
			if c = 1; y < 0 {
				c = -1
			}
			if o.Descending {
				return -c
			}
			return c
		}
		return cmp.Compare(x, y)
	}
	switch o.By {
	case store.ByID:
		c = cmp.Compare(a.ID, b.ID)
	case store.ByVersionName:
		c = cmp.Compare(a.VersionName, b.VersionName)
	case store.ByStatus:
		c = cmp.Compare(a.status, b.status)
	case store.ByCreated:
		c = a.CreatedAt.Compare(b.CreatedAt)
	case store.ByUpdated:
		c = a.updatedAt.Compare(b.updatedAt)
	case store.ByCost:
		c = values(a.cost, b.cost)
	case store.ByDuration:
		c = values(a.took, b.took)
	}
	if o.Descending {
		return -c
	}
	return c
}

// has expects a list to have so many jobs.
func (f *fixture) has(what string, q store.JobQuery, n int64) {
	f.t.Helper()
	q.AgentID = f.agent
	got, count := f.list(q)
	want(f.t, what+": count", count, n)
	want(f.t, what+": jobs", int64(len(got)), n)
}

func queryFollows(f *fixture) {
	j := f.job()
	j.Metadata = []byte(`{"k":"v"}`)
	f.submit(j)
	in := func(s steward.Status) store.JobQuery {
		return store.JobQuery{Status: []steward.Status{s}, Metadata: []store.Label{{Key: "k", Value: "v"}}}
	}
	f.has("queued", in(steward.StatusPending), 1)
	l := f.claimOne(j.ID, after(1))
	f.has("running", in(steward.StatusStarted), 1)
	f.has("no longer queued", in(steward.StatusPending), 0)
	f.finish(l, store.Outcome{Status: steward.StatusRetry, At: after(2), RunAfter: after(3), Failure: fault()})
	f.has("waiting", in(steward.StatusRetry), 1)
	l = f.claimOne(j.ID, after(4))
	f.has("running again", in(steward.StatusStarted), 1)
	f.has("no longer waiting", in(steward.StatusRetry), 0)
	f.has("no verdict yet", store.JobQuery{Verdicts: []string{"fine"}}, 0)
	f.finish(l, store.Outcome{Status: steward.StatusSuccess, At: after(5), Outputs: []steward.Datum{{Value: `{"verdict":"fine"}`}}, Usage: steward.Free()})
	f.has("ended", in(steward.StatusSuccess), 1)
	f.has("verdict", store.JobQuery{Verdicts: []string{"fine"}}, 1)
	f.has("no longer running", in(steward.StatusStarted), 0)
	for _, s := range []steward.Status{steward.StatusCancelled, steward.StatusFailure} {
		j.ID = newID[steward.JobID]()
		f.submit(j)
		if s == steward.StatusCancelled {
			_, err := f.Cancel(f.ctx(), f.org, j.ID, after(6))
			must(f.t, "Cancel", err)
		} else {
			f.claimAt(after(3601)) // too late: its hour is over
		}
		f.has(s.String(), in(s), 1)
	}
	f.has("all", store.JobQuery{}, 3)
}

func queryMetadata(f *fixture) {
	for _, m := range []string{
		`{"a": "x", "n": 1}`, `{"a":"1","n":"1"}`, `{"a":{"b" : [1, 2]}}`, `{"a":null,"n":true}`, `{"a":"é\u0041 "}`, ``, `{}`, `{"A":"x"}`,
		`{"a":"` + strings.Repeat("long", 500) + `"}`,
	} {
		j := f.job()
		j.Metadata = []byte(m)
		f.submit(j)
	}
	with := func(k, v string) store.JobQuery { return store.JobQuery{Metadata: []store.Label{{Key: k, Value: v}}} }
	f.has("a text", with("a", "x"), 1)
	f.has("a number and a text of it", with("n", "1"), 2)
	f.has("an object", with("a", `{"b":[1,2]}`), 1)
	f.has("null", with("a", "null"), 1)
	f.has("true", with("n", "true"), 1)
	f.has("letters", with("a", "éA "), 1)
	f.has("part of a text", with("a", "long"), 0)
	f.has("a long text", with("a", strings.Repeat("long", 500)), 1)
	f.has("no such key", with("b", "x"), 0)
	f.has("not", store.JobQuery{NotMetadata: []store.Label{{Key: "a", Value: "x"}}}, 8)
	f.has("both", store.JobQuery{Metadata: []store.Label{{Key: "a", Value: "x"}, {Key: "n", Value: "1"}}}, 1)
	f.has("one and not the other", store.JobQuery{
		Metadata: []store.Label{{Key: "n", Value: "1"}}, NotMetadata: []store.Label{{Key: "a", Value: "x"}},
	}, 1)
}

func querySearch(f *fixture) {
	j := f.job()
	j.VersionName = "Größe 100% _x"
	file := f.reserved(content())
	j.Inputs = []steward.Input{
		{Key: "keyname", DataType: "text/plain", Description: "described", Value: "Total: 12.50 €\nÜBER"},
		{Key: "data", DataType: "application/json", Value: `{"member":["Value \u00e9",17]}`, JSON: true},
		{Key: "doc", DataType: "application/pdf", Files: []steward.File{file.File}},
	}
	f.submit(j, f.job())
	for text, n := range map[string]int64{
		"total": 1, "über": 1, "12.50 €": 1, "value É": 1, "17": 1, "INVOICE.pdf": 1, "keyname": 0, "described": 0, "member": 0, "%": 0, "_": 0,
		"12.50 €\nü": 1, "text/plain": 0,
	} {
		f.has("inputs with "+text, store.JobQuery{Inputs: text}, n)
	}
	for text, n := range map[string]int64{
		"TOTAL": 1, "größe 1": 1, "100%": 1, "_x": 1, "0%": 1, "first": 1, string(j.ID): 1, strings.ToUpper(string(j.ID[9:30])): 1, "nothing": 0,
	} {
		f.has("search for "+text, store.JobQuery{Search: text}, n)
	}
	f.has("ids are not inputs", store.JobQuery{Inputs: string(j.ID)}, 0)
	f.has("both", store.JobQuery{Search: "größe", Inputs: "total"}, 1)
	f.has("both, elsewhere", store.JobQuery{Search: "first", Inputs: "total"}, 0)
}

func querySearchWindow(f *fixture) {
	old := f.job()
	old.Inputs = []steward.Input{{Key: "text", DataType: "text/plain", Value: "needle"}}
	old.Metadata = []byte(`{"old":"yes"}`)
	f.submit(old)
	for range store.SearchWindow / 1000 {
		call := make([]store.NewJob, 1000)
		for i := range call {
			call[i] = f.job()
		}
		f.submit(call...)
	}
	f.has("behind the newest", store.JobQuery{Inputs: "needle"}, 0)
	f.has("its id", store.JobQuery{Search: string(old.ID)}, 0)
	f.has("among what another filter leaves", store.JobQuery{Inputs: "needle", Metadata: []store.Label{{Key: "old", Value: "yes"}}}, 1)
	_, count := f.list(store.JobQuery{AgentID: f.agent, Search: "first", Limit: 1})
	want(f.t, "the newest match by the version's name", count, store.SearchWindow)
}

func queryInvalid(f *fixture) {
	f.submitted()
	by := store.JobOrder{By: store.ByCost}
	for _, order := range [][]store.JobOrder{{{By: "price"}}, {by, by, by, by, by}} {
		for _, agent := range []steward.AgentID{f.agent, newID[steward.AgentID]()} {
			_, _, err := f.ListJobs(f.ctx(), f.org, store.JobQuery{AgentID: agent, Order: order})
			code(f.t, fmt.Sprint(order), err, steward.Invalid)
		}
	}
}

func queryForeign(f *fixture) {
	mine, theirs := f.job(), f.jobOf(newID[steward.OrganizationID](), f.agent)
	elsewhere := f.jobOf(f.org, newID[steward.AgentID]())
	f.submit(mine, theirs, elsewhere)
	for _, id := range []steward.JobID{theirs.ID, elsewhere.ID} {
		f.has("another's id", store.JobQuery{JobID: id}, 0)
		f.has("search for another's id", store.JobQuery{Search: string(id)}, 0)
	}
	f.has("all", store.JobQuery{}, 1)
	for _, k := range []store.JobOrderKey{store.ByID, store.ByCreated, store.ByUpdated, store.ByCost, store.ByStatus} {
		got, _ := f.list(store.JobQuery{AgentID: f.agent, Order: []store.JobOrder{{By: k}}})
		same(f.t, "by "+string(k), got, []steward.JobID{mine.ID})
	}
}
