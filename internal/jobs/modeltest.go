package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/store"
)

// TestModel asks a model one small question whose answer is known; id "" means the server's default. What it costs is held against the
// budgets of the organization as a call of a job is, and booked under no agent. One test runs at a time.
//
// Errors: Denied without ScopeAdmin, since it spends the operator's money; NoCredit when a budget of the organization is used up; Invalid
// naming model for an unknown one; Conflict while another test runs. That the model fails is no error but part of the answer.
func (s *Service) TestModel(ctx context.Context, id string) (*steward.ModelTest, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeAdmin)
	if err != nil {
		return nil, err
	}
	m, info, err := s.opts.Models.Model(id)
	if f := steward.FailureOf(err); err != nil && f.Code == steward.FailInvalidConfig {
		return nil, &steward.Error{Code: steward.Invalid, Field: "model", Message: f.Message}
	} else if err != nil {
		return &steward.ModelTest{Model: id, Failure: f}, nil
	}
	switch err := s.spend.check(ctx, who.OrganizationID, ""); {
	case steward.CodeOf(err) == steward.NoCredit:
		return nil, &steward.Error{Code: steward.NoCredit, Message: "The budget of the organization is used up.", Err: err}
	case err != nil:
		return nil, err
	}
	if !s.testing.TryLock() {
		return nil, &steward.Error{Code: steward.Conflict, Message: "Another model is being tested; try again when it is done."}
	}
	defer s.testing.Unlock()
	o := &outside{s: s, org: who.OrganizationID, info: info, used: steward.Free()}
	o.estimate, o.priced = engine.Reckon(s.opts.Models, id)
	t, err := model.Probe(ctx, model.WithJournal(m, o.do), info)
	if err = errors.Join(err, o.unbooked); err != nil {
		return nil, err
	}
	t.Usage = o.used
	return t, nil
}

// outside holds and books model calls of an organization that are of no job. It belongs to one goroutine.
type outside struct {
	s        *Service
	org      steward.OrganizationID
	info     steward.LanguageModel
	estimate model.Estimate
	priced   bool

	used     steward.Usage
	unbooked error // why something that was used is in no book
}

// do implements model.Do.
func (o *outside) do(ctx context.Context, c model.Call, call func(ctx context.Context) (*model.Response, error)) (*model.Response, error) {
	end, err := o.reserve(ctx, o.estimate(c.Request))
	if err != nil {
		return nil, costLimit(err)
	}
	defer end()
	resp, err := call(ctx)
	if err != nil {
		o.book(ctx, model.SpentBy(err)...)
		return nil, err
	}
	o.book(ctx, resp.Others...)
	o.book(ctx, model.Spent{Model: resp.Model, Provider: resp.Provider, Usage: resp.Usage})
	return resp, nil
}

// reserve waits until a call may spend what it may cost, beside the calls of this process. Other processes hear of it when it is booked.
func (o *outside) reserve(ctx context.Context, amount *steward.MicroUSD) (end func(), err error) {
	spend := o.s.spend
	purses, err := spend.purses(ctx, o.org, "")
	if err != nil {
		return nil, err
	}
	if !o.priced && len(purses) > 0 {
		return nil, unpricedBudget(o.info.ID, purses[0])
	}
	return spend.reserve(ctx, purses, amount, func(all bool) error { return spend.refresh(ctx, purses, all) })
}

// book adds what was used to the books, also when the caller has gone.
func (o *outside) book(ctx context.Context, spent ...model.Spent) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	now := o.s.clock.Now()
	for i := range spent {
		step := steward.Step{Kind: steward.StepModel, Model: spent[i].Model, Provider: spent[i].Provider, Usage: spent[i].Usage}
		if step.Model == "" {
			step.Model, step.Provider = o.info.ID, o.info.Provider
		}
		o.used = o.used.Add(step.Usage)
		tally, _ := steward.TallyOf(&step) // a model call is always in the books
		err := o.s.store.Book(ctx, o.org, store.Booking{At: now, Model: step.Model, Provider: step.Provider, Tally: tally})
		if err != nil {
			o.unbooked = errors.Join(o.unbooked, fmt.Errorf("book a test of a model: %w", err))
		}
		if step.Usage.Cost != nil {
			o.s.spend.add(o.org, "", *step.Usage.Cost, now, nil)
		}
	}
}
