package jobs

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// spendings watches the day's budgets of organizations and agents. What is spent is read from the database at most once a
// second; what this process spends in between is added at once.
type spendings struct {
	store  store.Jobs
	budget Budget

	mu    sync.Mutex
	known map[spender]spent
}

// spender is an organization, or one of its agents when agent is set.
type spender struct {
	org   steward.OrganizationID
	agent steward.AgentID
}

type spent struct {
	amount steward.MicroUSD
	read   time.Time
}

// spendFresh is how long an amount counts as known.
const spendFresh = time.Second

func newSpendings(s store.Jobs, b Budget) *spendings {
	return &spendings{store: s, budget: b, known: map[spender]spent{}}
}

// check fails when the day's budget of the organization or of the agent is used up. Errors: NoCredit.
func (s *spendings) check(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, now time.Time) error {
	if err := s.checkOne(ctx, spender{org: org}, s.budget.PerOrganization, now); err != nil {
		return err
	}
	return s.checkOne(ctx, spender{org, agent}, s.budget.PerAgent, now)
}

func (s *spendings) checkOne(ctx context.Context, who spender, limit steward.MicroUSD, now time.Time) error {
	if limit == 0 {
		return nil
	}
	s.mu.Lock()
	k, ok := s.known[who]
	s.mu.Unlock()
	if !ok || now.Sub(k.read) >= spendFresh {
		amount, err := s.store.Spent(ctx, who.org, who.agent, now.UTC().Truncate(24*time.Hour))
		if err != nil {
			return fmt.Errorf("read spending: %w", err)
		}
		k = spent{amount, now}
		s.remember(who, k)
	}
	if k.amount < limit {
		return nil
	}
	return &steward.Error{Code: steward.NoCredit, Message: "Insufficient credits to start a new job"}
}

// maxKnown bounds how many amounts are kept; those that have gone stale make room.
const maxKnown = 10_000

func (s *spendings) remember(who spender, k spent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxKnown {
		maps.DeleteFunc(s.known, func(_ spender, old spent) bool { return k.read.Sub(old.read) >= spendFresh })
		if len(s.known) >= maxKnown {
			clear(s.known) // they are only read again
		}
	}
	s.known[who] = k
}

// add counts what was just spent.
func (s *spendings) add(org steward.OrganizationID, agent steward.AgentID, amount steward.MicroUSD) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, who := range []spender{{org: org}, {org, agent}} {
		if k, ok := s.known[who]; ok {
			k.amount += amount
			s.known[who] = k
		}
	}
}
