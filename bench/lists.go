package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/store"
)

// storedJobs is how many jobs the lists are cut from, all of one agent.
const storedJobs = 1_000_000

// httpJobListSQLite measures pages of the job list among a million jobs. The figure is the p99 of the slowest pair of a filter and
// an order.
func httpJobListSQLite(ctx context.Context, env *env) (result, error) {
	return jobListP99(ctx, env, acceptOnly)
}

// httpJobListPostgres is httpJobListSQLite on PostgreSQL.
func httpJobListPostgres(ctx context.Context, env *env) (r result, err error) {
	err = withPostgres(ctx, func(dsn string) error {
		r, err = jobListP99(ctx, env, func(c *app.Config) {
			acceptOnly(c)
			c.Database = dsn
		})
		return err
	})
	return r, err
}

func jobListP99(ctx context.Context, env *env, change func(*app.Config)) (result, error) {
	r := result{Unit: "ms"}
	err := withServer(ctx, env, change, func(ctx context.Context, s *server) error {
		start := time.Now()
		past := newPast(s, env.count(storedJobs))
		if err := past.store(ctx); err != nil {
			return fmt.Errorf("store jobs: %w", err)
		}
		env.log.Info("jobs stored", "jobs", past.n, "took", time.Since(start).Round(time.Second))
		if err := s.redial(ctx); err != nil { // the server has closed what was idle meanwhile
			return err
		}
		worst, err := slowestList(env, s, past)
		r.Value = round(float64(worst.Microseconds()) / 1000)
		return err
	})
	return r, err
}

// past is the jobs of a year: most succeeded, some failed or were cancelled, a few wait.
type past struct {
	s       *server
	n       int
	begin   time.Time
	apart   time.Duration // between two jobs
	version steward.VersionID
	random  *rand.Rand
	someID  steward.JobID
}

func newPast(s *server, n int) *past {
	return &past{
		s: s, n: n, begin: time.Now().Add(-365 * 24 * time.Hour).Truncate(time.Microsecond), apart: 360 * 24 * time.Hour / time.Duration(n),
		version: steward.VersionID(uuid.NewString()), random: rand.New(rand.NewPCG(1, 2)), //nolint:gosec // the same jobs in every run
	}
}

// store puts the jobs into the server's database, through the calls that a worker makes.
func (p *past) store(ctx context.Context) error {
	st := p.s.house.Store()
	worker := store.Worker{Node: "bench", Incarnation: "1"}
	for from := 0; from < p.n; from += bulk {
		jobs := make([]store.NewJob, min(bulk, p.n-from))
		for i := range jobs {
			jobs[i] = p.job(from + i)
		}
		if _, err := st.Submit(ctx, jobs); err != nil {
			return err
		}
		if from+bulk >= p.n {
			return nil // the last ones wait
		}
		now := jobs[len(jobs)-1].CreatedAt.Add(time.Minute)
		claimed, err := st.Claim(ctx, store.ClaimRequest{Worker: worker, Now: now, Max: bulk, Lease: time.Hour})
		if err != nil {
			return err
		}
		if err := p.finish(ctx, st, claimed, now); err != nil {
			return err
		}
	}
	return nil
}

func (p *past) job(i int) store.NewJob {
	at := p.begin.Add(time.Duration(i) * p.apart)
	id := steward.JobID(uuid.Must(uuid.NewV7()).String())
	if i == p.n/2 {
		p.someID = id
	}
	return store.NewJob{
		ID: id, OrganizationID: steward.OrganizationID(p.s.organization), AgentID: steward.AgentID(p.s.agent), VersionID: p.version,
		VersionName: "version " + strconv.Itoa(1+i*6/p.n), EngineClassID: "StepEngine", CreatorID: 1, CreatedAt: at, Timeout: 10 * 365 * 24 * time.Hour,
		Metadata: fmt.Appendf(nil, `{"case":"case-%d","environment":%q,"team":"team-%d"}`, i, []string{"live", "test"}[i%2], p.random.IntN(50)),
		Inputs:   []steward.Input{{Key: "text", DataType: "text/plain", Value: fmt.Sprintf("Invoice %d of customer %d. Total: %d.50 EUR", i, p.random.IntN(5000), i%900)}},
	}
}

// finish ends claimed jobs, many at once.
func (p *past) finish(ctx context.Context, st store.Store, claimed []store.Claimed, now time.Time) error {
	ends := make(chan store.Claimed, len(claimed))
	outcomes := make(map[steward.JobID]store.Outcome, len(claimed))
	for _, c := range claimed {
		ends <- c
		outcomes[c.JobID] = p.outcome(now)
	}
	return each(ctx, len(claimed), 256, func(ctx context.Context, _ int) error {
		c := <-ends
		return st.Finish(ctx, c.Lease, outcomes[c.JobID])
	})
}

func (p *past) outcome(now time.Time) store.Outcome {
	cost := steward.MicroUSD(0)
	if p.random.IntN(3) > 0 {
		cost = steward.MicroUSD(p.random.IntN(100_000))
	}
	o := store.Outcome{
		Status: steward.StatusSuccess, At: now.Add(time.Duration(p.random.IntN(60_000)) * time.Millisecond),
		Usage: steward.Usage{InputTokens: 900, OutputTokens: 100, Cost: &cost},
	}
	switch verdict, n := []string{"approve", "reject", "review"}[p.random.IntN(3)], p.random.IntN(100); {
	case n < 5:
		o.Status, o.Failure = steward.StatusFailure, &steward.Failure{Code: steward.FailProviderError, Message: "The model's provider does not answer."}
	case n < 8:
		o.Status = steward.StatusCancelled
	default:
		o.Outputs = []steward.Datum{{Key: "output", DataType: "application/json", Value: `{"verdict":"` + verdict + `"}`}}
	}
	return o
}

// filters are the queries of the lists, by name. "{n}" stands for another number in every request, so that no search is asked twice:
// a server may remember what it has looked into.
func (p *past) filters() map[string]url.Values {
	day := func(n int) string { return p.begin.Add(time.Duration(n) * 24 * time.Hour).Format(time.RFC3339) }
	return map[string]url.Values{
		"none":                {},
		"no limit":            {"limit": {"0"}},
		"success":             {"status_code": {"3"}},
		"failed or cancelled": {"status_code": {"4,5"}},
		"open":                {"status_code": {"0,1,2"}},
		"version":             {"version_name": {"version 2"}},
		"case":                {"metadata": {"case:case-4711"}},
		"environment":         {"metadata": {"environment:live"}},
		"not environment":     {"exclude_metadata": {"environment:live"}},
		"team and status":     {"metadata": {"team:team-7,environment:test"}, "status_code": {"3"}},
		"verdict":             {"verdict": {"reject"}},
		"one week":            {"created_from": {day(200)}, "created_to": {day(207)}},
		"half a year":         {"created_from": {day(100)}, "created_to": {day(280)}, "limit": {"0"}},
		"job":                 {"job_id": {string(p.someID)}},
		"search":              {"search": {"customer {n}"}},
		"search nothing":      {"search": {"no such text {n}"}},
		"inputs":              {"job_inputs": {"total: {n}"}},
		"everything":          {"status_code": {"3"}, "version_name": {"version 1,version 4"}, "metadata": {"environment:live"}, "created_from": {day(10)}, "search": {"invoice {n}"}},
	}
}

// orders are the orders of the lists; "" is the default.
func orders() []string {
	list := []string{""}
	for _, key := range []string{"id", "agent_version_name", "status_code", "created_at", "last_updated_at", "cost", "duration", "grader_score"} {
		list = append(list, key, "-"+key)
	}
	return append(list, "status_code,-cost")
}

// Every pair of a filter and an order is asked for a few times; those that are slowest by their median are asked for often, so that
// their p99 is one of the pair and not of what else the machine did meanwhile.
const (
	firstPages  = 9
	slowPairs   = 10
	pagesOfSlow = 300
)

// pair is a list: a filter and an order.
type pair struct {
	filter, order string
	query         url.Values
	median        time.Duration
}

// request is the n-th one for the list.
func (p *pair) request(s *server, n int) []byte {
	query := strings.ReplaceAll(p.query.Encode(), url.QueryEscape("{n}"), strconv.Itoa(n))
	return s.request(http.MethodGet, "/v1/agents/"+s.agent+"/jobs/?"+query, "")
}

// slowestList returns the p99 of the slowest pair.
func slowestList(env *env, s *server, p *past) (worst time.Duration, err error) {
	var pairs []pair
	filters := p.filters()
	for _, name := range slices.Sorted(maps.Keys(filters)) {
		for _, order := range orders() {
			query := maps.Clone(filters[name])
			if order != "" {
				query["ordering"] = []string{order}
			}
			at := pair{filter: name, order: order, query: query}
			if at.median, err = s.timePages(&at, 0, firstPages, 0.5); err != nil {
				return 0, err
			}
			pairs = append(pairs, at)
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(b.median, a.median) })
	env.log.Info("lists", "pairs", len(pairs), "median_of_medians", pairs[len(pairs)/2].median)
	for i := range pairs[:slowPairs] {
		at := &pairs[i]
		p99, err := s.timePages(at, firstPages, max(env.count(pagesOfSlow*1000)/1000, 1), 0.99)
		if err != nil {
			return 0, err
		}
		worst = max(worst, p99)
		env.log.Info("slow list", "filter", at.filter, "order", at.order, "median", at.median, "p99", p99)
	}
	return worst, nil
}

// timePages asks for the first page of a list n times, its requests from the one with number first on, and returns the percentile of a share.
func (s *server) timePages(at *pair, first, n int, share float64) (time.Duration, error) {
	took := make([]time.Duration, n)
	for i := range took {
		request := at.request(s, first+i)
		start := time.Now()
		if err := s.call(0, request, http.StatusOK, nil); err != nil {
			return 0, fmt.Errorf("filter %q, order %q: %w", at.filter, at.order, err)
		}
		took[i] = time.Since(start)
	}
	var page struct {
		Count   *int64            `json:"count"`
		Results []json.RawMessage `json:"results"`
	}
	if err := json.Unmarshal(s.conns[0].body, &page); err != nil || page.Count == nil || *page.Count > 0 && len(page.Results) == 0 {
		return 0, fmt.Errorf("filter %q, order %q: not a page: %.200s", at.filter, at.order, s.conns[0].body)
	}
	return percentile(took, share), nil
}
