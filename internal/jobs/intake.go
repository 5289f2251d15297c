package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/store"
)

// intake makes jobs of one request: what they share is looked up once. It belongs to one goroutine.
type intake struct {
	s       *Service
	who     *steward.Principal
	version *steward.Version
	prog    *engine.Program
	now     time.Time

	// Set by the caller before the first job.
	timeout   time.Duration
	metadata  json.RawMessage
	skipCache bool

	known  map[steward.FileID]steward.File // stored files that inputs named so far
	stored []steward.FileID                // long texts that were stored for the jobs
	key    []byte                          // scratch of cacheKey
}

// takeIn looks up what a new run needs and checks the budgets.
//
// Errors: NotFound; NoCredit; Unavailable while the disk takes no new work.
func (s *Service) takeIn(ctx context.Context, who *steward.Principal, agent steward.AgentID, version steward.VersionID, now time.Time) (*intake, error) {
	if err := s.opts.Disk.TakesWork(); err != nil {
		return nil, err
	}
	v, prog, err := s.agents.ForRun(ctx, who.OrganizationID, agent, version)
	if err != nil {
		return nil, err
	}
	if err := s.spend.check(ctx, who.OrganizationID, agent); err != nil {
		return nil, err
	}
	return &intake{s: s, who: who, version: v, prog: prog, now: now, known: map[steward.FileID]steward.File{}}, nil
}

// job makes a job of the fields of a request. What was stored for it is in in.stored, also with an error.
//
// Errors: Invalid naming the input; TooLarge; Unavailable.
func (in *intake) job(ctx context.Context, raw []RawInput) (store.NewJob, error) {
	inputs, err := in.readInputs(ctx, raw)
	if err != nil {
		return store.NewJob{}, err
	}
	config, err := in.prog.Bind(inputs)
	if err != nil {
		return store.NewJob{}, err
	}
	job, err := in.row()
	if err != nil {
		return store.NewJob{}, err
	}
	job.Provider = in.prog.Provider(config)
	if job.Cache, err = in.cacheUse(config, inputs); err != nil {
		return store.NewJob{}, err
	}
	stored, err := in.s.storeLongTexts(ctx, inputs)
	in.stored = append(in.stored, stored...)
	job.Inputs = inputs
	return job, err
}

// row makes a job without its inputs.
func (in *intake) row() (store.NewJob, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return store.NewJob{}, fmt.Errorf("make job id: %w", err)
	}
	v := in.version
	return store.NewJob{
		ID: steward.JobID(id.String()), OrganizationID: in.who.OrganizationID, AgentID: v.BaseAgent.ID, VersionID: v.ID,
		VersionName: v.VersionName, EngineClassID: v.EngineClassID, CreatorID: in.who.UserID,
		CreatedAt: in.now, Timeout: in.timeout, Metadata: in.metadata,
	}, nil
}
