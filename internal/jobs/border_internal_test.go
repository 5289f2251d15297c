package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/store"
)

// ledger is a database that knows what was spent at which time, by whomever.
type ledger struct {
	store.Books
	mu    sync.Mutex
	spent map[time.Time]steward.MicroUSD
	holds []store.Hold
	hold  func(h store.Hold) store.HoldAnswer
}

func (l *ledger) Spent(_ context.Context, _ steward.OrganizationID, _ steward.AgentID, since time.Time) (sum steward.MicroUSD, _ error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at, amount := range l.spent {
		if !at.Before(since) {
			sum += amount
		}
	}
	return sum, nil
}

func (l *ledger) Hold(_ context.Context, h store.Hold) (store.HoldAnswer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holds = append(l.holds, h)
	return l.hold(h), nil
}

func (l *ledger) DropHold(context.Context, string) error { return nil }

func (l *ledger) book(at time.Time, amount steward.MicroUSD) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spent[at] += amount
}

// lateInJanuary is two seconds before a day and a month begin.
func lateInJanuary() time.Time { return time.Date(2026, 1, 31, 23, 59, 58, 0, time.UTC) }

// Calls under way over midnight are booked in the new period, so what they reserved is reserved of that.
func TestCallsOverMidnightHoldMoneyOfTheNewPeriod(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]Budget{
		"month": {PerOrganizationMonth: 1_000_000}, "day": {PerOrganization: 1_000_000}, "agent's": {PerAgent: 1_000_000, PerAgentMonth: 1_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, db := clock.NewFake(lateInJanuary()), &ledger{spent: map[time.Time]steward.MicroUSD{}}
				s := newSpendings(db, b, c)
				begin := func() (func(), error) {
					list, err := s.purses(t.Context(), "o", "a")
					if err != nil {
						return nil, err
					}
					return s.reserve(t.Context(), list, usd(250_000), func(all bool) error { return s.refresh(t.Context(), list, all) })
				}
				var ends []func()
				for range 4 {
					end, err := begin()
					if err != nil {
						t.Fatal(err)
					}
					ends = append(ends, end)
				}
				c.Advance(4 * time.Second)
				late := make(chan error, 4)
				for range 4 {
					go func() {
						_, err := begin()
						late <- err
					}()
				}
				time.Sleep(3 * spendFresh) // virtual
				synctest.Wait()
				if len(late) != 0 {
					t.Errorf("%d calls began or failed beside those that have reserved all", len(late))
				}
				for _, end := range ends {
					db.book(c.Now(), 250_000)
					s.add("o", "a", 250_000, c.Now(), nil)
					end()
				}
				for range 4 {
					if err := <-late; !errors.As(err, new(*errUsedUp)) {
						t.Errorf("a call when all is spent: %v", err)
					}
				}
			})
		})
	}
}

// What was spent up to midnight does not count behind it, also for a call that waits, and what is booked late in the old period neither.
func TestACallThatWaitsOverMidnightSpendsOfTheNewPeriod(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, db := clock.NewFake(lateInJanuary()), &ledger{spent: map[time.Time]steward.MicroUSD{lateInJanuary(): 800_000}}
		s := newSpendings(db, Budget{PerOrganizationMonth: 1_000_000}, c)
		list, err := s.purses(t.Context(), "o", "a")
		if err != nil {
			t.Fatal(err)
		}
		look := func(all bool) error { return s.refresh(t.Context(), list, all) }
		endFirst, err := s.reserve(t.Context(), list, usd(200_000), look)
		if err != nil {
			t.Fatal(err)
		}
		begun := make(chan error, 1)
		go func() {
			_, err := s.reserve(t.Context(), list, usd(700_000), look)
			begun <- err
		}()
		synctest.Wait()
		if len(begun) != 0 {
			t.Fatal("a call began that January has no money for")
		}
		c.Advance(4 * time.Second)
		if err := <-begun; err != nil {
			t.Errorf("in February: %v", err)
		}
		s.add("o", "a", 200_000, lateInJanuary(), nil)
		endFirst()
		if spent := list[0].spent(); spent != 0 {
			t.Errorf("February has spent %d, want 0", spent)
		}
	})
}

func TestACallThatOtherProcessesKeepWaitingOverMidnightAsksForTheNewPeriod(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, db := clock.NewFake(lateInJanuary()), &ledger{}
		db.hold = func(h store.Hold) store.HoldAnswer {
			c.Advance(4 * time.Second)
			if len(db.holds) == 1 {
				return store.HoldAnswer{}
			}
			return store.HoldAnswer{UsedUp: &h.Limits[0]}
		}
		s := newSpendings(db, Budget{PerOrganizationMonth: 1_000_000}, c)
		list, err := s.purses(t.Context(), "o", "a")
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.hold(t.Context(), store.Lease{}, "o", "a", list, usd(1))
		if used := (*errUsedUp)(nil); !errors.As(err, &used) || used.of != list[0].of {
			t.Errorf("used up in February: %v", err)
		}
		for i, month := range []time.Month{time.January, time.February} {
			if since := db.holds[i].Limits[0].Since; since.Month() != month || since.Day() != 1 {
				t.Errorf("look %d asked for what was spent since %s", i, since)
			}
		}
	})
}

// Those who spend from the same purse have the same one, however many are known.
func TestPursesAreKnownWhenManyAre(t *testing.T) {
	t.Parallel()
	c, db := clock.NewFake(lateInJanuary()), &ledger{}
	s := newSpendings(db, Budget{PerOrganization: 1, PerOrganizationMonth: 1, PerAgent: 1, PerAgentMonth: 1}, c)
	for i := range maxKnown {
		who := spender{org: steward.OrganizationID(fmt.Sprint(i)), period: steward.BudgetDay}
		s.known[who] = &purse{of: who, asked: c.Now()}
	}
	for range 2 {
		list, err := s.purses(t.Context(), "o", steward.AgentID(uuid.NewString()))
		if err != nil || len(list) != 4 {
			t.Fatalf("%d purses, %v", len(list), err)
		}
		for _, p := range list {
			if s.known[p.of] != p {
				t.Errorf("the purse of the %s is not known", p.of)
			}
		}
	}
	c.Advance(knownIdle)
	if _, err := s.purses(t.Context(), "p", ""); err != nil || len(s.known) != 2 {
		t.Errorf("%d purses known after a while, %v, want 2", len(s.known), err)
	}
}
