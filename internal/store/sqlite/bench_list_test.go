package sqlite_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// million is how many jobs BenchmarkListMillion has in its agent's list.
const million = 1_000_000

// BenchmarkListMillion measures first pages of the list of an agent with a million jobs: every filter with every order. It names the
// slowest and reports their medians, as other load on the machine must not count. STEWARD_BENCH_MILLION may name a file where the database is kept from run to run; to
// make it takes minutes.
//
//	go test ./internal/store/sqlite -run XXX -bench ListMillion -benchtime 1x
func BenchmarkListMillion(b *testing.B) {
	path := cmp.Or(os.Getenv("STEWARD_BENCH_MILLION"), filepath.Join(b.TempDir(), "steward.db"))
	s := open(b, path)
	fillMillion(b, s)
	b.ResetTimer()
	var all []measured
	for b.Loop() {
		all = all[:0]
		for _, f := range millionFilters() {
			for _, o := range millionOrders() {
				q := f.query
				q.AgentID, q.Order = benchAgent, o
				name := fmt.Sprint(f.name, " by ", o)
				if only := os.Getenv("STEWARD_BENCH_ONLY"); strings.HasPrefix(name, only) {
					all = append(all, measure(b, s, name, q))
				}
			}
		}
	}
	slices.SortFunc(all, func(x, y measured) int { return cmp.Compare(y.median, x.median) })
	var lines strings.Builder
	for _, m := range all[:min(40, len(all))] {
		fmt.Fprintf(&lines, "\n%8.2f ms median, %8.2f ms slowest  %s", ms(m.median), ms(m.slowest), m.name)
	}
	fmt.Println(lines.String())
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
func measure(b *testing.B, s *sqlite.Store, name string, q store.JobQuery) measured {
	b.Helper()
	took := make([]time.Duration, 9)
	for i := range took {
		began := cpuTime(b)
		if _, _, err := s.ListJobs(b.Context(), benchOrg, q); err != nil {
			b.Fatalf("ListJobs: %v", err)
		}
		took[i] = cpuTime(b) - began
	}
	slices.Sort(took)
	return measured{name, took[len(took)/2], took[len(took)-1]}
}

// cpuTime returns how long this process has computed so far: on a machine with other load it says more than the clock.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatalf("Getrusage: %v", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

type namedQuery struct {
	name  string
	query store.JobQuery
}

// millionFilters returns each filter, with many matches and with few.
func millionFilters() []namedQuery {
	day := func(n int) time.Time { return millionStart().Add(time.Duration(n) * 24 * time.Hour) }
	status := func(s ...steward.Status) store.JobQuery { return store.JobQuery{Status: s} }
	label := func(k, v string) []store.Label { return []store.Label{{Key: k, Value: v}} }
	return []namedQuery{
		{"all", store.JobQuery{}},
		{"success", status(steward.StatusSuccess)}, {"failure", status(steward.StatusFailure)}, {"pending", status(steward.StatusPending)},
		{"cancelled", status(steward.StatusCancelled)}, {"ended", status(3, 4, 5, 6)}, {"open", status(0, 1, 2)},
		{"version", store.JobQuery{VersionNames: []string{"v1"}}}, {"rare version", store.JobQuery{VersionNames: []string{"v3"}}},
		{"verdict", store.JobQuery{Verdicts: []string{"approve"}}}, {"rare verdict", store.JobQuery{Verdicts: []string{"escalate"}}},
		{"label", store.JobQuery{Metadata: label("env", "prod")}}, {"rare label", store.JobQuery{Metadata: label("customer", "c17")}},
		{"not label", store.JobQuery{NotMetadata: label("env", "prod")}}, {"unique label", store.JobQuery{Metadata: label("order", "777777")}},
		{"old half", store.JobQuery{CreatedTo: day(5)}}, {"week", store.JobQuery{CreatedFrom: day(2), CreatedTo: day(3)}},
		{"newest 100000", store.JobQuery{Newest: 100_000}},
		{"search", store.JobQuery{Search: "invoice 99"}}, {"search none", store.JobQuery{Search: "nowhere"}},
		{"search among few", store.JobQuery{Search: "invoice 9", Metadata: label("customer", "c17")}},
		{"inputs", store.JobQuery{Inputs: "eur"}},
		{"failures of a version in a range", store.JobQuery{
			Status: []steward.Status{steward.StatusFailure}, VersionNames: []string{"v2"}, CreatedFrom: day(1), CreatedTo: day(8),
		}},
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

// millionStart is when the first of the million jobs was stored. They come over ten days.
func millionStart() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// fillMillion stores and ends the jobs, unless they are there.
func fillMillion(b *testing.B, s *sqlite.Store) {
	b.Helper()
	_, count, err := s.ListJobs(b.Context(), benchOrg, store.JobQuery{AgentID: benchAgent, Limit: 1})
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
		if n < million-50_000 { // the newest stay queued
			endMillion(b, s, rng, jobs[len(jobs)-1].CreatedAt)
		}
	}
}

// millionJob returns the nth job.
func millionJob(rng *rand.Rand, n int) store.NewJob {
	j := benchJob(benchOrg, benchAgent)
	j.CreatedAt = millionStart().Add(time.Duration(n) * 864 * time.Millisecond)
	j.Timeout = 1000 * time.Hour
	j.VersionName = []string{"v1", "v1", "v2", "v1", "v2"}[rng.IntN(5)]
	if n%997 == 0 {
		j.VersionName = "v3"
	}
	env := []string{"prod", "prod", "test"}[rng.IntN(3)]
	j.Metadata = fmt.Appendf(nil, `{"env":%q,"customer":"c%d","order":%d}`, env, rng.IntN(200), n)
	j.Inputs[0].Value = fmt.Sprintf("Invoice %d of customer %d. Total: %d.50 EUR, due in 30 days without any deduction.", n, rng.IntN(5000), rng.IntN(9000))
	return j
}

// endMillion runs what is queued, all at once.
func endMillion(b *testing.B, s *sqlite.Store, rng *rand.Rand, at time.Time) {
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
