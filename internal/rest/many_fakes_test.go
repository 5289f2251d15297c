package rest_test

import (
	"context"
	"fmt"
	"iter"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/store"
)

const batchID = "0190a000-0000-7000-8000-000000000006"

// manyFakes are the calls about many jobs and about batches, each a field that a test may replace.
type manyFakes struct {
	runMany    func(ctx context.Context, p jobs.ManyParams) ([]steward.JobID, error)
	statuses   func(ctx context.Context, ids []steward.JobID) ([]store.JobStatus, error)
	results    func(ctx context.Context, ids []steward.JobID) (iter.Seq2[*steward.Job, error], error)
	cancelAll  func(ctx context.Context, agent steward.AgentID) (int, error)
	deleteData func(ctx context.Context, id steward.JobID) (*jobs.Deletion, error)

	createBatch func(ctx context.Context, p jobs.BatchParams) (*steward.Batch, error)
	addItems    func(ctx context.Context, id steward.BatchID, p jobs.ItemsParams) ([]steward.JobID, error)
	listItems   func(ctx context.Context, id steward.BatchID, q store.ItemQuery, page, size int) ([]steward.BatchItem, int64, error)
	resume      func(ctx context.Context, id steward.BatchID, statuses []steward.Status) (*steward.Batch, error)
	usage       func(ctx context.Context, p jobs.UsageParams) (*steward.UsageReport, error)
}

func (f jobFakes) Usage(ctx context.Context, p jobs.UsageParams) (*steward.UsageReport, error) {
	if f.many.usage != nil {
		return f.many.usage(ctx, p)
	}
	return &steward.UsageReport{GroupBy: p.GroupBy, Budgets: []steward.BudgetLine{}}, nil
}

// numbered returns n ids.
func numbered(n int) []steward.JobID {
	ids := make([]steward.JobID, n)
	for i := range ids {
		ids[i] = steward.JobID(fmt.Sprintf("0190a000-0000-7000-8000-2%011d", i))
	}
	return ids
}

func (f jobFakes) RunMany(ctx context.Context, p jobs.ManyParams) ([]steward.JobID, error) {
	if f.many.runMany != nil {
		return f.many.runMany(ctx, p)
	}
	return numbered(len(p.Items)), nil
}

func (f jobFakes) Statuses(ctx context.Context, ids []steward.JobID) ([]store.JobStatus, error) {
	if f.many.statuses != nil {
		return f.many.statuses(ctx, ids)
	}
	list := make([]store.JobStatus, len(ids))
	for i, id := range ids {
		if id != jobID {
			return nil, notFound()
		}
		st, err := f.Status(ctx, id)
		if err != nil {
			return nil, err
		}
		list[i] = *st
	}
	return list, nil
}

func (f jobFakes) Results(ctx context.Context, ids []steward.JobID) (iter.Seq2[*steward.Job, error], error) {
	if f.many.results != nil {
		return f.many.results(ctx, ids)
	}
	for _, id := range ids {
		if id != jobID {
			return nil, notFound()
		}
	}
	return func(yield func(*steward.Job, error) bool) {
		for range ids {
			if !yield(testJob(), nil) {
				return
			}
		}
	}, nil
}

func (f jobFakes) CancelAll(ctx context.Context, agent steward.AgentID) (int, error) {
	if f.many.cancelAll != nil {
		return f.many.cancelAll(ctx, agent)
	}
	if agent != agentID {
		return 0, notFound()
	}
	return 3, nil
}

func (f jobFakes) DeleteData(ctx context.Context, id steward.JobID) (*jobs.Deletion, error) {
	if f.many.deleteData != nil {
		return f.many.deleteData(ctx, id)
	}
	if id != jobID {
		return nil, notFound()
	}
	return &jobs.Deletion{Files: 1, Outputs: 2, Steps: 4, Artifacts: 8}, nil
}

func testBatch() *steward.Batch {
	return &steward.Batch{
		ID: batchID, OrganizationID: orgID, AgentID: agentID, VersionID: versionID, VersionName: "version 1", CreatorID: 7,
		Name: "Nightly", CreatedAt: when(), Received: 3, NextIndex: 5, Counts: steward.BatchCounts{Pending: 1, Success: 2},
	}
}

func (f jobFakes) CreateBatch(ctx context.Context, p jobs.BatchParams) (*steward.Batch, error) {
	if f.many.createBatch != nil {
		return f.many.createBatch(ctx, p)
	}
	return testBatch(), nil
}

func (f jobFakes) Batch(_ context.Context, id steward.BatchID) (*steward.Batch, error) {
	if id != batchID {
		return nil, notFound()
	}
	return testBatch(), nil
}

func (f jobFakes) ListBatches(_ context.Context, agent steward.AgentID, _, _ int) ([]steward.Batch, int64, error) {
	if agent != "" && agent != agentID {
		return nil, 0, notFound()
	}
	return []steward.Batch{*testBatch()}, 1, nil
}

func (f jobFakes) AddItems(ctx context.Context, id steward.BatchID, p jobs.ItemsParams) ([]steward.JobID, error) {
	if f.many.addItems != nil {
		return f.many.addItems(ctx, id, p)
	}
	if id != batchID {
		return nil, notFound()
	}
	return numbered(len(p.Items)), nil
}

func (f jobFakes) BatchItems(ctx context.Context, id steward.BatchID, q store.ItemQuery, page, size int) ([]steward.BatchItem, int64, error) {
	if f.many.listItems != nil {
		return f.many.listItems(ctx, id, q, page, size)
	}
	if id != batchID {
		return nil, 0, notFound()
	}
	return []steward.BatchItem{{Index: 4, JobID: jobID, Status: steward.StatusFailure, CreatedAt: when(), ErrorMessage: "No.", FailureCode: "internal"}}, 1, nil
}

func (f jobFakes) CloseBatch(ctx context.Context, id steward.BatchID) (*steward.Batch, error) {
	b, err := f.Batch(ctx, id)
	if err == nil {
		at := when()
		b.ClosedAt = &at
	}
	return b, err
}

func (f jobFakes) CancelBatch(ctx context.Context, id steward.BatchID) (*steward.Batch, error) {
	b, err := f.CloseBatch(ctx, id)
	if err == nil {
		b.CancelledAt = b.ClosedAt
	}
	return b, err
}

func (f jobFakes) ResumeBatch(ctx context.Context, id steward.BatchID, statuses []steward.Status) (*steward.Batch, error) {
	if f.many.resume != nil {
		return f.many.resume(ctx, id, statuses)
	}
	return f.Batch(ctx, id)
}
