package jobs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Status returns where a job stands; it is cheap and meant for polling. Errors: NotFound.
func (s *Service) Status(ctx context.Context, id steward.JobID) (*store.JobStatus, error) {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	return s.store.JobStatus(ctx, p.OrganizationID, id)
}

// Get returns a job with everything about it. Errors: NotFound.
func (s *Service) Get(ctx context.Context, id steward.JobID) (*steward.Job, error) {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	return s.store.Job(ctx, p.OrganizationID, id)
}

// Result returns a job that has ended. Errors: NotFound, also while the job is open.
func (s *Service) Result(ctx context.Context, id steward.JobID) (*steward.Job, error) {
	job, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if !job.Status.Terminal() {
		return nil, &steward.Error{Code: steward.NotFound, Message: "The job has not ended yet."}
	}
	return job, nil
}

// ListParams chooses a page of jobs. Limit and Offset of the query are those of the page.
type ListParams struct {
	Page, PageSize int // from 1; 0 means 1 and 20; at most 1000 a page
	store.JobQuery
}

// List returns a page of jobs, in the order that is asked for, without outputs, and the number of all that match.
//
// Errors: Invalid for an order out of range; NotFound for a foreign agent or a page behind the last.
func (s *Service) List(ctx context.Context, p ListParams) ([]steward.Job, int64, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, 0, err
	}
	if p.AgentID != "" {
		if err := s.agents.Exists(ctx, who.OrganizationID, p.AgentID); err != nil {
			return nil, 0, err
		}
	}
	page, size := max(p.Page, 1), p.PageSize
	if size <= 0 {
		size = 20
	}
	q := p.JobQuery
	q.Limit = min(size, 1000)
	q.Offset = (page - 1) * q.Limit
	jobs, count, err := s.store.ListJobs(ctx, who.OrganizationID, q)
	if err != nil {
		return nil, 0, fmt.Errorf("list jobs: %w", err)
	}
	return jobs, count, noPage(len(jobs), page)
}

// Cancel asks for the end of a job. A job that has ended stays as it is, and that is no error. Errors: NotFound.
func (s *Service) Cancel(ctx context.Context, id steward.JobID) error {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return err
	}
	status, err := s.store.Cancel(ctx, p.OrganizationID, id, s.clock.Now())
	if err != nil {
		return fmt.Errorf("cancel job: %w", err)
	}
	s.hub.cancel(id, status == steward.StatusStarted, errCancelled)
	return nil
}

// Steps returns what a job did, step by step, as far as it is recorded. Long outputs are not read from their files.
// Errors: NotFound.
func (s *Service) Steps(ctx context.Context, id steward.JobID) ([]steward.Step, error) {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	return s.store.Steps(ctx, p.OrganizationID, id)
}

// maxFull bounds what StepsInFull reads from files.
const maxFull = 64 << 20

// StepsInFull is Steps with long outputs and prompts read from their files, the first of them up to 64 MiB together. One whose file is
// gone stays as it is. Errors: NotFound.
func (s *Service) StepsInFull(ctx context.Context, id steward.JobID) ([]steward.Step, error) {
	steps, err := s.Steps(ctx, id)
	if err != nil {
		return nil, err
	}
	left := int64(maxFull)
	for i := range steps {
		for _, text := range []*json.RawMessage{&steps[i].Output, &steps[i].Prompt} {
			n, ok := filedBytes(*text)
			if !ok || n > left {
				continue
			}
			left -= n
			full, err := s.unfile(ctx, *text)
			switch {
			case steward.CodeOf(err) == steward.NotFound:
			case err != nil:
				return nil, fmt.Errorf("read step %s: %w", steps[i].Name, err)
			default:
				*text = full
			}
		}
	}
	return steps, nil
}

// filedBytes returns how long an output or a prompt is that is kept as a file; ok is false for one that is not.
func filedBytes(text json.RawMessage) (n int64, ok bool) {
	var f filed
	if !bytes.HasPrefix(text, []byte(filedMark)) || json.Unmarshal(text, &f) != nil {
		return 0, false
	}
	return f.Bytes, true
}

// OpenReference reads a file that a job saved. The caller closes it. Errors: NotFound.
func (s *Service) OpenReference(ctx context.Context, id steward.JobID, ref steward.ReferenceID) (io.ReadSeekCloser, *steward.Reference, error) {
	job, err := s.Get(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	for i := range job.References {
		r := &job.References[i]
		if r.ResourceID != ref {
			continue
		}
		body, err := s.files.Open(ctx, steward.File{Name: string(ref), SHA256: r.SHA256, SizeBytes: r.SizeBytes})
		if err != nil {
			return nil, nil, fmt.Errorf("open reference %s: %w", ref, err)
		}
		return body, r, nil
	}
	return nil, nil, &steward.Error{Code: steward.NotFound, Message: "Not found."}
}

// Artifact returns a tool result of a job; only its Result is for callers. Errors: NotFound, also for another job's key.
func (s *Service) Artifact(ctx context.Context, id steward.JobID, key string) (*steward.Artifact, error) {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	return s.store.Artifact(ctx, p.OrganizationID, id, key)
}
