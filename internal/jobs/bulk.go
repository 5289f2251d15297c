package jobs

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Statuses returns where many jobs stand, in the order of ids; an id may stand twice.
//
// Errors: Invalid naming job_ids for none or more than MaxItems; NotFound when one of them is not the organization's.
func (s *Service) Statuses(ctx context.Context, ids []steward.JobID) ([]store.JobStatus, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	if err := checkItems("job_ids", len(ids)); err != nil {
		return nil, err
	}
	return s.store.JobStatuses(ctx, who.OrganizationID, ids)
}

// resultsAtOnce is how many jobs a sequence of results holds.
const resultsAtOnce = 50

// Results returns many jobs, in the order of ids, with everything about them but their events; an id may stand twice. A few are read
// at a time, as the sequence is ranged over; it ends after its first error.
//
// Errors: Invalid naming job_ids for none or more than MaxItems; NotFound when one of them is not the organization's.
func (s *Service) Results(ctx context.Context, ids []steward.JobID) (iter.Seq2[*steward.Job, error], error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	if err := checkItems("job_ids", len(ids)); err != nil {
		return nil, err
	}
	if _, err := s.store.JobStatuses(ctx, who.OrganizationID, ids); err != nil {
		return nil, err
	}
	return func(yield func(*steward.Job, error) bool) {
		for from := 0; from < len(ids); from += resultsAtOnce {
			jobs, err := s.store.JobResults(ctx, who.OrganizationID, ids[from:min(from+resultsAtOnce, len(ids))])
			if err != nil {
				yield(nil, fmt.Errorf("read results: %w", err))
				return
			}
			for i := range jobs {
				if !yield(&jobs[i], nil) {
					return
				}
			}
		}
	}, nil
}

// CancelAll asks for the end of an agent's open jobs and returns how many they were. Those that wait are cancelled at once, those that
// run soon after; jobs that are started meanwhile stay. Errors: NotFound.
func (s *Service) CancelAll(ctx context.Context, agent steward.AgentID) (int, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return 0, err
	}
	if err := s.agents.Exists(ctx, who.OrganizationID, agent); err != nil {
		return 0, err
	}
	ctx = context.WithoutCancel(ctx) // half a cancel helps nobody
	now := s.clock.Now()
	return s.cancelOpen(ctx, who.OrganizationID, store.OpenFilter{Agent: agent, CreatedTo: now}, now)
}

// cancelOpen cancels open jobs of an organization piece by piece.
func (s *Service) cancelOpen(ctx context.Context, org steward.OrganizationID, f store.OpenFilter, now time.Time) (total int, err error) {
	for {
		n, err := s.store.CancelOpen(ctx, org, f, now, MaxItems)
		total += n
		if err != nil {
			return total, fmt.Errorf("cancel open jobs: %w", err)
		}
		if n < MaxItems {
			s.hub.cancelAll(org, f, errCancelled)
			return total, nil
		}
	}
}

// Deletion is what DeleteData removed.
type Deletion struct {
	Files     int   // uploads
	Outputs   int   // outputs and references
	Steps     int   // steps
	Artifacts int   // artifacts
	Left      int   // files whose bytes could not be deleted yet; a later sweep deletes them
	Err       error // why, for operators; nil when Left is 0
}

// DeleteData deletes what an ended job knows: inputs, outputs, references, artifacts, steps, its place in the cache, and its uploads. Status,
// times, cost and metadata stay. A second call finds nothing.
//
// Errors: NotFound; Conflict while the job is open; Denied without ScopeRun.
func (s *Service) DeleteData(ctx context.Context, id steward.JobID) (*Deletion, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return nil, err
	}
	purged, err := s.store.Purge(ctx, who.OrganizationID, id, s.clock.Now())
	if err != nil {
		return nil, fmt.Errorf("delete data of job: %w", err)
	}
	d := &Deletion{Files: purged.Files, Outputs: purged.Outputs, Steps: purged.Steps, Artifacts: purged.Artifacts}
	gone, err := s.files.Bury(context.WithoutCancel(ctx), purged.Dying)
	if err != nil {
		d.Left, d.Err = len(purged.Dying)-gone, err
		s.log.WarnContext(ctx, "files of a job not deleted yet", "job_id", id, "files", d.Left, "error", err)
	}
	return d, nil
}
