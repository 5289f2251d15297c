package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/store"
)

// MaxItems is how many runs one request may start, and how many jobs one may ask about.
const MaxItems = 1000

// ManyParams is a request to run an agent's current version on many inputs.
type ManyParams struct {
	AgentID   steward.AgentID
	Items     [][]RawInput    // 1 to MaxItems
	Metadata  json.RawMessage // a JSON object for every job; nil means {}
	SkipCache bool
	Timeout   time.Duration // of each job; 0 means the default; at most MaxTimeout
}

// RunMany queues one job for each item, all or none, and returns their ids in the order of the items after they are on disk.
//
// Errors: those of Submit; an error about an item's inputs names its place.
func (s *Service) RunMany(ctx context.Context, p ManyParams) ([]steward.JobID, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return nil, err
	}
	if err := checkItems("inputs", len(p.Items)); err != nil {
		return nil, err
	}
	timeout, err := s.checkLimits(p.Timeout, p.Metadata)
	if err != nil {
		return nil, err
	}
	in, err := s.takeIn(ctx, who, p.AgentID, "", s.clock.Now())
	if err != nil {
		return nil, err
	}
	if err := s.queue.admit(ctx, who.OrganizationID, len(p.Items)); err != nil {
		return nil, err
	}
	in.timeout, in.metadata, in.skipCache = timeout, p.Metadata, p.SkipCache
	ids, err := in.submitAll(ctx, p.Items)
	failpoint.Pass("jobs.submit.many")
	if err != nil {
		s.release(ctx, in.stored)
		return nil, err
	}
	return ids, nil
}

// submitAll stores the jobs of all items.
func (in *intake) submitAll(ctx context.Context, items [][]RawInput) ([]steward.JobID, error) {
	jobs := make([]store.NewJob, len(items))
	for i, raw := range items {
		var err error
		if jobs[i], err = in.job(ctx, raw); err != nil {
			return nil, ofItem(i, err)
		}
	}
	done, err := in.s.store.Submit(ctx, jobs)
	if err != nil {
		return nil, fmt.Errorf("submit jobs: %w", err)
	}
	return idsOf(done), nil
}

func idsOf(done []store.Submitted) []steward.JobID {
	ids := make([]steward.JobID, len(done))
	for i, d := range done {
		ids[i] = d.ID
	}
	return ids
}

// checkItems refuses a list that is empty or too long. Errors: Invalid naming field.
func checkItems(field string, n int) error {
	switch {
	case n == 0:
		return &steward.Error{Code: steward.Invalid, Field: field, Message: "This list may not be empty."}
	case n > MaxItems:
		return &steward.Error{Code: steward.Invalid, Field: field, Message: fmt.Sprintf("Ensure this field has no more than %d elements.", MaxItems)}
	}
	return nil
}

// ofItem names the item, from 0, that an error about inputs is of.
func ofItem(i int, err error) error {
	var e *steward.Error
	if !errors.As(err, &e) || e.Field != steward.InputField {
		return err
	}
	named := *e
	named.Message = fmt.Sprintf("inputs[%d]: %s", i, e.Message)
	return &named
}
