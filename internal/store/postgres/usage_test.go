package postgres_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/pgtest"
	"github.com/stewardhq/steward/internal/store/postgres"
)

// spentRows are rows as they were before there were books: a job with calls of two days and one of unknown price, a job of a batch, and
// spending of which a part has no steps any more.
const spentRows = `
insert into jobs (id, seq, organization_id, agent_id, version_id, lane, creator_id, created_at, updated_at, run_after, deadline, status, delayed,
    version_name, engine_class_id, metadata, inputs, events, batch_id) values
    ('01890000-0000-7000-8000-0000000000c1', 1, '01890000-0000-7000-8000-000000000001', '01890000-0000-7000-8000-0000000000a1',
        '01890000-0000-7000-8000-0000000000b1', '', 0, now(), now(), now(), now(), 3, false, 'v', 'E', '{}', '[]', '[]', null),
    ('01890000-0000-7000-8000-0000000000c2', 2, '01890000-0000-7000-8000-000000000001', '01890000-0000-7000-8000-0000000000a1',
        '01890000-0000-7000-8000-0000000000b1', '', 0, now(), now(), now(), now(), 3, false, 'v', 'E', '{}', '[]', '[]',
        '01890000-0000-7000-8000-0000000000d1');
insert into steps (job_id, name, kind, input_hash, output, attempt, started_at, ended_at, usage, model) values
    ('01890000-0000-7000-8000-0000000000c1', 'a', 'model', '', '1', 1, now(), '2026-03-02T00:00:00Z',
        '{"input_tokens":10,"cached_tokens":4,"output_tokens":2,"cost_micro_usd":100}', 'm'),
    ('01890000-0000-7000-8000-0000000000c1', 'b', 'model', '', '1', 1, now(), '2026-03-01T23:59:59Z',
        '{"input_tokens":1,"output_tokens":1,"cost_micro_usd":20}', 'm'),
    ('01890000-0000-7000-8000-0000000000c1', 'c', 'model', '', '1', 1, now(), '2026-03-02T00:00:00Z',
        '{"input_tokens":5,"output_tokens":0,"cost_micro_usd":null}', 'm'),
    ('01890000-0000-7000-8000-0000000000c1', 'd', 'model', '', '1', 1, now(), '2026-03-02T00:00:00Z', '{broken', 'm'),
    ('01890000-0000-7000-8000-0000000000c1', 'e', 'compute', '', '1', 1, now(), '2026-03-02T00:00:00Z',
        '{"input_tokens":0,"output_tokens":0,"cost_micro_usd":0}', ''),
    ('01890000-0000-7000-8000-0000000000c1', 'f', 'fetch', '', '1', 1, now(), '2026-03-02T00:00:00Z',
        '{"input_tokens":0,"output_tokens":0,"cost_micro_usd":7}', ''),
    ('01890000-0000-7000-8000-0000000000c2', 'a', 'model', '', '1', 1, now(), '2026-03-02T00:00:00Z',
        '{"input_tokens":1,"output_tokens":1,"cost_micro_usd":1000}', 'm');
insert into spending values
    ('01890000-0000-7000-8000-000000000001', '01890000-0000-7000-8000-0000000000a1', '2026-03-02', 1107 + 500),
    ('01890000-0000-7000-8000-000000000001', '01890000-0000-7000-8000-0000000000a1', '2026-03-01', 20),
    ('01890000-0000-7000-8000-000000000001', '01890000-0000-7000-8000-0000000000a2', '2025-01-01', 3),
    ('01890000-0000-7000-8000-000000000001', '01890000-0000-7000-8000-0000000000a3', '2025-01-01', 0)`

func TestTheBooksBeginWithWhatIsKnownOfOlderVersions(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	if err := postgres.MigrateTo(t.Context(), url, 5); err != nil {
		t.Fatal(err)
	}
	exec(t, url, spentRows)
	s, err := postgres.Open(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // it never fails
	const org = steward.OrganizationID("01890000-0000-7000-8000-000000000001")
	days, err := s.Usage(t.Context(), org, store.UsageQuery{})
	if err != nil {
		t.Fatal(err)
	}
	want := []steward.UsageRow{
		{Day: "2026-03-02", Tally: steward.Tally{Calls: 5, InputTokens: 16, CachedTokens: 4, OutputTokens: 3, Cost: 1607, UnpricedCalls: 2}},
		{Day: "2026-03-01", Tally: steward.Tally{Calls: 1, InputTokens: 1, OutputTokens: 1, Cost: 20}},
		{Day: "2025-01-01", Tally: steward.Tally{Cost: 3}},
	}
	if !slices.Equal(days.Rows, want) {
		t.Errorf("by day: got %+v, want %+v", days.Rows, want)
	}
	batches, err := s.Usage(t.Context(), org, store.UsageQuery{Group: steward.UsageByBatch})
	if err != nil || len(batches.Rows) != 2 || batches.Rows[0].BatchID != "01890000-0000-7000-8000-0000000000d1" || batches.Rows[0].Cost != 1000 {
		t.Errorf("by batch: got %+v, %v", batches, err)
	}
}

func TestTheBooksBalanceWhileTwoProcessesWriteAndFold(t *testing.T) {
	t.Parallel()
	a, b, url := two(t)
	stores := []*postgres.Store{a, b}
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	const jobs, calls = 8, 20
	var list []store.NewJob
	for range jobs {
		list = append(list, newJob(org, agent))
	}
	if _, err := a.Submit(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	claimed, err := a.Claim(t.Context(), store.ClaimRequest{Now: start(), Max: jobs, Lease: time.Hour})
	if err != nil || len(claimed) != jobs {
		t.Fatalf("claimed %d, %v", len(claimed), err)
	}
	var writers sync.WaitGroup
	for n, c := range claimed {
		writers.Go(func() {
			cost := steward.MicroUSD(3)
			for i := range calls {
				err := stores[n%2].RecordStep(t.Context(), c.Lease, steward.Step{
					Name: fmt.Sprint(i), Kind: steward.StepModel, Output: json.RawMessage("1"), StartedAt: time.Now(), EndedAt: time.Now(),
					Model: "m", Usage: steward.Usage{InputTokens: 1, Cost: &cost},
				})
				if err != nil {
					t.Errorf("RecordStep: %v", err)
				}
			}
		})
	}
	done := make(chan struct{})
	var others sync.WaitGroup
	for _, s := range stores {
		others.Go(func() {
			for last := int64(0); ; {
				select {
				case <-done:
					return
				default:
				}
				if _, err := s.FoldUsage(t.Context()); err != nil {
					t.Errorf("FoldUsage: %v", err)
				}
				page, err := s.Usage(t.Context(), org, store.UsageQuery{})
				if err != nil || page.Totals.Calls < last || 3*page.Totals.Calls != int64(page.Totals.Cost) || page.Totals.InputTokens != page.Totals.Calls {
					t.Errorf("usage %+v after %d calls, %v", page, last, err)
					return
				}
				last = page.Totals.Calls
			}
		})
	}
	writers.Wait()
	close(done)
	others.Wait()
	for range 2 { // what is left to fold, and nothing
		if _, err := a.FoldUsage(t.Context()); err != nil {
			t.Error(err)
		}
	}
	page, err := b.Usage(t.Context(), org, store.UsageQuery{Group: steward.UsageByAgent})
	if err != nil || len(page.Rows) != 1 || page.Totals.Calls != jobs*calls || page.Totals.Cost != 3*jobs*calls {
		t.Errorf("usage %+v, %v, want %d calls", page, err, jobs*calls)
	}
	if n := counted(t, url, "select count(*) from usage_news"); n != 0 {
		t.Errorf("%d rows are left to fold", n)
	}
}

// started queues n jobs of an agent and claims them.
func started(t *testing.T, s *postgres.Store, org steward.OrganizationID, agent steward.AgentID, n int) []store.Claimed {
	t.Helper()
	submit(t, s, org, agent, n)
	claimed, err := s.Claim(t.Context(), store.ClaimRequest{Worker: store.Worker{Node: "n", Incarnation: "1"}, Now: start(), Max: n, Lease: time.Hour})
	if err != nil || len(claimed) != n {
		t.Fatalf("claimed %d, %v", len(claimed), err)
	}
	return claimed
}

func TestCallsOfTwoProcessesKeepALimitTogether(t *testing.T) {
	t.Parallel()
	a, b, url := two(t)
	stores := []*postgres.Store{a, b}
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	limits := []store.HoldLimit{{Since: start(), Amount: 1000}, {Agent: true, Since: start(), Amount: 1 << 40}}
	var running, most, calls atomic.Int32
	var wg, looked sync.WaitGroup
	looked.Add(12)
	for n, c := range started(t, a, org, agent, 12) {
		wg.Go(func() {
			look := sync.OnceFunc(looked.Done)
			defer look()
			s, cost := stores[n%2], steward.MicroUSD(300)
			h := store.Hold{Lease: c.Lease, ID: uuid.NewString(), OrganizationID: org, AgentID: agent, Amount: &cost, Limits: limits, Now: start()}
			for {
				answer, err := s.Hold(t.Context(), h)
				look()
				if err != nil {
					t.Errorf("Hold: %v", err)
					return
				}
				if answer.UsedUp != nil {
					if *answer.UsedUp != limits[0] {
						t.Errorf("used up: %+v", answer.UsedUp)
					}
					return
				}
				if answer.Held {
					break
				}
			}
			calls.Add(1)
			for n, old := running.Add(1), most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			looked.Wait() // so that the first calls are under way at once, and the others have been refused
			err := s.RecordStep(t.Context(), c.Lease, steward.Step{
				Name: "x", Kind: steward.StepModel, Output: json.RawMessage("1"), StartedAt: start(), EndedAt: start(), Usage: steward.Usage{Cost: &cost},
			})
			running.Add(-1)
			if err := errors.Join(err, s.DropHold(t.Context(), h.ID)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	spent, err := a.Spent(t.Context(), org, "", start())
	if err != nil || spent != 1200 || calls.Load() != 4 || most.Load() > 3 {
		t.Errorf("%d calls, %d at once, spent %d, %v: want 4, at most 3, 1200", calls.Load(), most.Load(), spent, err)
	}
	if n := counted(t, url, "select count(*) from holds"); n != 0 {
		t.Errorf("%d holds are left", n)
	}
}

func TestWhatADeadProcessHeldIsFreeWithItsLease(t *testing.T) {
	t.Parallel()
	a, b, url := two(t)
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	claimed := started(t, a, org, agent, 3)
	cost := steward.MicroUSD(900)
	hold := func(s *postgres.Store, l store.Lease, amount *steward.MicroUSD) bool {
		t.Helper()
		answer, err := s.Hold(t.Context(), store.Hold{
			Lease: l, ID: uuid.NewString(), OrganizationID: org, AgentID: agent, Amount: amount, Limits: []store.HoldLimit{{Since: start(), Amount: 1000}},
			Now: start(),
		})
		if err != nil || answer.UsedUp != nil {
			t.Fatalf("Hold: %+v, %v", answer, err)
		}
		return answer.Held
	}
	if !hold(a, claimed[0].Lease, &cost) || hold(b, claimed[1].Lease, &cost) || hold(b, claimed[1].Lease, nil) {
		t.Error("the first call alone should be held")
	}
	exec(t, url, "update jobs set lease_until = $1 where id = $2", start().Add(-time.Second), string(claimed[0].JobID))
	if !hold(b, claimed[1].Lease, nil) || hold(a, claimed[2].Lease, &cost) {
		t.Error("with the lease at an end the second call alone should be held")
	}
	if err := b.Finish(t.Context(), claimed[1].Lease, store.Outcome{Status: steward.StatusSuccess, At: start()}); err != nil {
		t.Fatal(err)
	}
	if !hold(a, claimed[2].Lease, &cost) {
		t.Error("what a job held that has ended should be free")
	}
	if n := counted(t, url, "select count(*) from holds where job_id = $1", string(claimed[1].JobID)); n != 0 {
		t.Errorf("%d holds of an ended job are left", n)
	}
	if err := a.DropHold(t.Context(), "no id"); err != nil {
		t.Error(err)
	}
	if _, err := a.Hold(t.Context(), store.Hold{ID: "no id"}); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("a hold without ids: %v", err)
	}
}
