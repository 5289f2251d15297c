package postgres_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/pgtest"
	"github.com/stewardhq/steward/internal/store/postgres"
)

// What the benchmark's jobs belong to.
const (
	million              = 1_000_000
	waiting              = 50_000 // of the million; the others have ended
	benchOrganization    = steward.OrganizationID("0191aaaa-0000-7000-8000-000000000001")
	benchAgent           = steward.AgentID("0191aaaa-0000-7000-8000-000000000002")
	benchMillionVariable = "STEWARD_BENCH_MILLION_POSTGRES"
)

// BenchmarkListMillion measures first pages of the list of an agent with a million jobs: every filter with every order. It names the
// slowest. STEWARD_BENCH_MILLION_POSTGRES may name a database that is kept from run to run; to fill it takes minutes.
//
//	go test ./internal/store/postgres -run XXX -bench ListMillion -benchtime 1x
func BenchmarkListMillion(b *testing.B) {
	url := os.Getenv(benchMillionVariable)
	if url == "" {
		url = pgtest.Database(b)
	}
	s, err := postgres.Open(b.Context(), url, &postgres.Options{Clock: asTold})
	if err != nil {
		b.Fatalf("Open: %v", err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			b.Errorf("Close: %v", err)
		}
	}()
	fillMillion(b, s)
	b.ResetTimer()
	var all []measured
	for b.Loop() {
		all = all[:0]
		for name, q := range millionFilters() {
			for _, o := range millionOrders() {
				q.AgentID, q.Order = benchAgent, o
				all = append(all, measure(b, s, fmt.Sprint(name, " by ", o), q))
			}
		}
	}
	slices.SortFunc(all, func(x, y measured) int { return cmp.Compare(y.median, x.median) })
	var lines strings.Builder
	for _, m := range all[:min(40, len(all))] {
		fmt.Fprintf(&lines, "\n%8.2f ms median, %8.2f ms slowest  %s", ms(m.median), ms(m.slowest), m.name)
	}
	b.Log(lines.String())
	b.ReportMetric(ms(all[0].median), "ms-slowest-query")
	b.ReportMetric(ms(all[len(all)/2].median), "ms-median-query")
}

// measured is how long a query takes.
type measured struct {
	name            string
	median, slowest time.Duration
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

// measure runs a query several times.
func measure(b *testing.B, s *postgres.Store, name string, q store.JobQuery) measured {
	b.Helper()
	took := make([]time.Duration, 9)
	for i := range took {
		began := time.Now()
		if _, _, err := s.ListJobs(b.Context(), benchOrganization, q); err != nil {
			b.Fatalf("ListJobs: %v", err)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return measured{name, took[len(took)/2], took[len(took)-1]}
}

// millionFilters returns each filter, with many matches and with few.
func millionFilters() map[string]store.JobQuery {
	day := func(n int) time.Time { return start().Add(time.Duration(n) * 24 * time.Hour) }
	status := func(s ...steward.Status) store.JobQuery { return store.JobQuery{Status: s} }
	label := func(k, v string) []store.Label { return []store.Label{{Key: k, Value: v}} }
	return map[string]store.JobQuery{
		"all": {}, "success": status(steward.StatusSuccess), "failure": status(steward.StatusFailure), "pending": status(steward.StatusPending),
		"ended": status(3, 4, 5, 6), "open": status(0, 1, 2),
		"version": {VersionNames: []string{"v1"}}, "rare version": {VersionNames: []string{"v3"}},
		"verdict": {Verdicts: []string{"approve"}}, "rare verdict": {Verdicts: []string{"escalate"}},
		"label": {Metadata: label("env", "prod")}, "rare label": {Metadata: label("customer", "c17")},
		"not label": {NotMetadata: label("env", "prod")}, "unique label": {Metadata: label("order", "777777")},
		"old half": {CreatedTo: day(5)}, "one day": {CreatedFrom: day(2), CreatedTo: day(3)}, "newest 100000": {Newest: 100_000},
		"search": {Search: "invoice 99"}, "search none": {Search: "nowhere"}, "inputs": {Inputs: "eur"},
		"search among few": {Search: "invoice 9", Metadata: label("customer", "c17")},
		"failures of a version in a range": {
			Status: []steward.Status{steward.StatusFailure}, VersionNames: []string{"v2"}, CreatedFrom: day(1), CreatedTo: day(8),
		},
	}
}

// millionOrders returns each order in both directions, and a long one.
func millionOrders() (orders [][]store.JobOrder) {
	for _, by := range []store.JobOrderKey{
		store.ByCreated, store.ByUpdated, store.ByCost, store.ByDuration, store.ByStatus, store.ByVersionName, store.ByID,
	} {
		for _, descending := range []bool{false, true} {
			orders = append(orders, []store.JobOrder{{By: by, Descending: descending}})
		}
	}
	return append(orders, []store.JobOrder{{By: store.ByStatus}, {By: store.ByVersionName, Descending: true}, {By: store.ByCost}, {By: store.ByUpdated}})
}

// fillMillion stores and ends the jobs, unless they are there.
func fillMillion(b *testing.B, s *postgres.Store) {
	b.Helper()
	_, count, err := s.ListJobs(b.Context(), benchOrganization, store.JobQuery{AgentID: benchAgent, Limit: 1})
	if err != nil {
		b.Fatalf("ListJobs: %v", err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for n := int(count); n < million; n += 1000 {
		jobs := make([]store.NewJob, 1000)
		for i := range jobs {
			jobs[i] = millionJob(rng, n+i)
		}
		if _, err := s.Submit(b.Context(), jobs); err != nil {
			b.Fatalf("Submit: %v", err)
		}
		if n < million-waiting {
			endMillion(b, s, rng, jobs[len(jobs)-1].CreatedAt)
		}
	}
}

// millionJob returns the nth job. The jobs come over ten days.
func millionJob(rng *rand.Rand, n int) store.NewJob {
	j := newJob(benchOrganization, benchAgent)
	j.CreatedAt = start().Add(time.Duration(n) * 864 * time.Millisecond)
	j.Timeout = 1000 * time.Hour
	j.VersionName = []string{"v1", "v1", "v2", "v1", "v2"}[rng.IntN(5)]
	if n%997 == 0 {
		j.VersionName = "v3"
	}
	env := []string{"prod", "prod", "test"}[rng.IntN(3)]
	j.Metadata = fmt.Appendf(nil, `{"env":%q,"customer":"c%d","order":%d}`, env, rng.IntN(200), n)
	j.Inputs = []steward.Input{{Key: "text", DataType: "text/plain", Value: fmt.Sprintf(
		"Invoice %d of customer %d. Total: %d.50 EUR, due in 30 days without any deduction.", n, rng.IntN(5000), rng.IntN(9000))}}
	return j
}

// endMillion runs what is queued, all at once.
func endMillion(b *testing.B, s *postgres.Store, rng *rand.Rand, at time.Time) {
	b.Helper()
	claimed, err := s.Claim(b.Context(), store.ClaimRequest{Worker: store.Worker{Node: "n"}, Now: at, Max: 1000, Lease: time.Hour})
	if err != nil {
		b.Fatalf("Claim: %v", err)
	}
	var wg sync.WaitGroup
	for _, c := range claimed {
		o := millionEnd(rng, at)
		wg.Go(func() {
			if err := s.Finish(context.Background(), c.Lease, o); err != nil {
				b.Errorf("Finish: %v", err)
			}
		})
	}
	wg.Wait()
}

// millionEnd returns how a job ends. What fails, fails fast and early; what is escalated costs much.
func millionEnd(rng *rand.Rand, at time.Time) store.Outcome {
	took := math.Exp(rng.NormFloat64()*1.2 + 9) // ms, around 8 s
	cost := steward.MicroUSD(0)
	if rng.IntN(2) == 0 {
		cost = steward.MicroUSD(math.Exp(rng.NormFloat64()*1.5 + 8))
	}
	o := store.Outcome{Status: steward.StatusSuccess, Usage: steward.Usage{InputTokens: 1000, OutputTokens: 200, Cost: &cost}}
	verdict := []string{"approve", "approve", "approve", "reject"}[rng.IntN(4)]
	switch n := rng.IntN(100); {
	case n < 6:
		o.Status, o.Failure = steward.StatusFailure, &steward.Failure{Code: steward.FailProviderError, Message: "The provider answered 503."}
		took /= 50
	case n < 8:
		o.Status = steward.StatusCancelled
	case n < 9:
		verdict, cost = "escalate", cost*20+100_000
	}
	if o.Status == steward.StatusSuccess {
		o.Outputs = []steward.Datum{{Key: "output", DataType: "application/json", Value: fmt.Sprintf(`{"verdict":%q,"total":"12.50"}`, verdict)}}
	}
	o.At = at.Add(time.Duration(took * float64(time.Millisecond)))
	return o
}
