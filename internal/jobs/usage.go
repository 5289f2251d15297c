package jobs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// UsageParams chooses a page of the books.
type UsageParams struct {
	Page, PageSize int                // from 1; 0 means 1 and 20; at most 1000 a page
	From, To       *time.Time         // days in UTC, both included; nil means the first of To's month, and today
	GroupBy        steward.UsageGroup // "" means UsageByDay
	AgentID        steward.AgentID    // "" means every agent
}

// Usage returns a page of what the organization's jobs used, with the totals of all pages and what is left of the budgets: those of the
// organization and, for one agent, the agent's. Deleted jobs and agents are still in the books.
//
// Errors: Invalid naming from, to or group_by; NotFound for an agent that the organization never had, and for a page behind the last.
func (s *Service) Usage(ctx context.Context, p UsageParams) (*steward.UsageReport, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	from, to, err := s.checkUsage(&p)
	if err != nil {
		return nil, err
	}
	number, size := max(p.Page, 1), min(p.PageSize, MaxItems)
	if size <= 0 {
		size = 20
	}
	page, err := s.store.Usage(ctx, who.OrganizationID, store.UsageQuery{
		From: from, To: to.Add(lateOnDay), Group: p.GroupBy, AgentID: p.AgentID, Limit: size, Offset: (number - 1) * size,
	})
	if err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	if err := noPage(len(page.Rows), number); err != nil {
		return nil, err
	}
	r := &steward.UsageReport{From: from.Format(time.DateOnly), To: to.Format(time.DateOnly), GroupBy: p.GroupBy, Totals: page.Totals}
	r.Count, r.Results = page.Count, page.Rows
	r.Totals.CostUSD = r.Totals.Cost.USD()
	for i := range r.Results {
		r.Results[i].CostUSD = r.Results[i].Cost.USD()
	}
	r.Budgets, err = s.spend.lines(ctx, who.OrganizationID, p.AgentID)
	return r, err
}

// lateOnDay makes the last day a time of that day which is never the zero time: that means an open end to the store.
const lateOnDay = 23 * time.Hour

// checkUsage fills in what is not said, and returns the first and the last day. Errors: Invalid naming the field.
func (s *Service) checkUsage(p *UsageParams) (from, to time.Time, err error) {
	switch today := s.clock.Now(); {
	case p.To != nil:
		to = *p.To
	case p.From != nil && p.From.After(today):
		to = *p.From
	default:
		to = today
	}
	if p.From != nil {
		from = *p.From
	} else {
		from, _ = periodOf(steward.BudgetMonth, to)
	}
	from, _ = periodOf(steward.BudgetDay, from)
	to, _ = periodOf(steward.BudgetDay, to)
	if from.After(to) {
		return from, to, &steward.Error{Code: steward.Invalid, Field: "to", Message: "Must not be before from."}
	}
	if p.GroupBy == "" {
		p.GroupBy = steward.UsageByDay
	}
	if !slices.Contains(steward.UsageGroups(), p.GroupBy) {
		var names []string
		for _, g := range steward.UsageGroups() {
			names = append(names, string(g))
		}
		return from, to, &steward.Error{Code: steward.Invalid, Field: "group_by", Message: "Must be one of " + strings.Join(names, ", ") + "."}
	}
	return from, to, nil
}

// usageOfBatch returns what a batch used so far: all its jobs, those whose places were taken by a resume included.
func (s *Service) usageOfBatch(ctx context.Context, org steward.OrganizationID, id steward.BatchID) (*steward.Tally, error) {
	page, err := s.store.Usage(ctx, org, store.UsageQuery{BatchID: id, Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("read usage of batch: %w", err)
	}
	page.Totals.CostUSD = page.Totals.Cost.USD()
	return &page.Totals, nil
}

const (
	forgetEvery  = 15 * time.Second
	forgetAtOnce = 500
)

// ForgetAnswers drops what models answered to jobs that have ended and were not to keep it, until ctx ends. It returns nil. Failures are
// logged and tried again. Any number of processes may run it on one store.
func (s *Service) ForgetAnswers(ctx context.Context) error {
	tick := time.NewTicker(forgetEvery)
	defer tick.Stop()
	failing := false
	for {
		err := s.forgetAnswers(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !failing {
			s.log.ErrorContext(ctx, "answers of models not forgotten", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// forgetAnswers drops all answers that are to be dropped now.
func (s *Service) forgetAnswers(ctx context.Context) error {
	for {
		n, dying, err := s.store.ForgetAnswers(ctx, s.clock.Now(), forgetAtOnce)
		if err != nil {
			return err
		}
		if _, err := s.files.Bury(context.WithoutCancel(ctx), dying); err != nil {
			s.log.WarnContext(ctx, "files of answers not deleted yet", "files", len(dying), "error", err)
		}
		if n < forgetAtOnce {
			return nil
		}
	}
}
