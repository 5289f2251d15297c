package jobs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/store"
)

// Limits of batches.
const (
	MaxBatchName  = 200         // characters
	MaxBatchItems = 100_000_000 // highest index of an item, and one more
)

// BatchParams describes a new batch.
type BatchParams struct {
	AgentID        steward.AgentID
	Name           string          // at most MaxBatchName characters
	Metadata       json.RawMessage // a JSON object for every job; nil means {}
	IdempotencyKey string          // the same key for the same agent gives the first batch; "" means none
}

// CreateBatch opens a batch whose jobs will run on the agent's current version.
//
// Errors: Invalid naming the field; NotFound; Denied without ScopeRun.
func (s *Service) CreateBatch(ctx context.Context, p BatchParams) (*steward.Batch, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return nil, err
	}
	if err := s.checkBatch(&p); err != nil {
		return nil, err
	}
	if err := s.opts.Disk.TakesWork(); err != nil {
		return nil, err
	}
	v, _, err := s.agents.ForRun(ctx, who.OrganizationID, p.AgentID, "")
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make batch id: %w", err)
	}
	stored, _, err := s.store.CreateBatch(ctx, store.NewBatch{
		ID: steward.BatchID(id.String()), OrganizationID: who.OrganizationID, AgentID: p.AgentID, VersionID: v.ID, VersionName: v.VersionName,
		CreatorID: who.UserID, Name: p.Name, Metadata: p.Metadata, CreatedAt: s.clock.Now(), IdempotencyKey: p.IdempotencyKey, RequestHash: p.hash(),
	})
	if isKeyReused(err) {
		return nil, &steward.Error{Code: steward.Invalid, Field: steward.InputField, Message: "Idempotency-Key was used before with another name or metadata.", Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("create batch: %w", err)
	}
	return s.store.Batch(ctx, who.OrganizationID, stored)
}

func (s *Service) checkBatch(p *BatchParams) error {
	switch {
	case utf8.RuneCountInString(p.Name) > MaxBatchName:
		return &steward.Error{Code: steward.Invalid, Field: "name", Message: fmt.Sprintf("Ensure this field has no more than %d characters.", MaxBatchName)}
	case strings.ContainsRune(p.Name, 0):
		return &steward.Error{Code: steward.Invalid, Field: "name", Message: "Null characters are not allowed."}
	}
	if _, err := s.checkLimits(0, p.Metadata); err != nil {
		return err
	}
	return checkKey(p.IdempotencyKey)
}

// hash identifies what a request for a batch asks for.
func (p *BatchParams) hash() [32]byte {
	metadata := p.Metadata
	if len(metadata) == 0 {
		metadata = json.RawMessage("{}")
	}
	return sha256.Sum256(fmt.Appendf(nil, "%q %s", p.Name, metadata))
}

// isKeyReused reports whether an idempotency key came again with other content.
func isKeyReused(err error) bool {
	var e *steward.Error
	return errors.As(err, &e) && e.Code == steward.Conflict && e.Field == "Idempotency-Key"
}

// Batch returns a batch. Errors: NotFound.
func (s *Service) Batch(ctx context.Context, id steward.BatchID) (*steward.Batch, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	b, err := s.store.Batch(ctx, who.OrganizationID, id)
	if err != nil {
		return nil, err
	}
	b.Usage, err = s.usageOfBatch(ctx, who.OrganizationID, id)
	return b, err
}

// ListBatches returns a page of batches, newest first, and how many there are. agent "" means every agent; page is from 1, size 1 to 100.
//
// Errors: NotFound for a foreign agent or a page behind the last.
func (s *Service) ListBatches(ctx context.Context, agent steward.AgentID, page, size int) ([]steward.Batch, int64, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, 0, err
	}
	if agent != "" {
		if err := s.agents.Exists(ctx, who.OrganizationID, agent); err != nil {
			return nil, 0, err
		}
	}
	list, count, err := s.store.ListBatches(ctx, who.OrganizationID, store.BatchQuery{AgentID: agent, Limit: size, Offset: (page - 1) * size})
	if err != nil {
		return nil, 0, fmt.Errorf("list batches: %w", err)
	}
	return list, count, noPage(len(list), page)
}

// noPage fails for a page behind the last: one without rows that is not the first.
func noPage(rows, page int) error {
	if rows == 0 && page > 1 {
		return &steward.Error{Code: steward.NotFound, Message: "Invalid page."}
	}
	return nil
}

// BatchItems returns a page of a batch's items by rising index, and how many match. page is from 1, size 1 to 1000.
//
// Errors: NotFound, also for a page behind the last.
func (s *Service) BatchItems(ctx context.Context, id steward.BatchID, q store.ItemQuery, page, size int) ([]steward.BatchItem, int64, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, 0, err
	}
	q.Limit, q.Offset = size, (page-1)*size
	items, count, err := s.store.BatchItems(ctx, who.OrganizationID, id, q)
	if err != nil {
		return nil, 0, fmt.Errorf("list items of batch: %w", err)
	}
	return items, count, noPage(len(items), page)
}

// ItemsParams is a piece of a batch: items with the numbers Start, Start+1 and so on.
type ItemsParams struct {
	Start     int64        // from 0
	Items     [][]RawInput // 1 to MaxItems
	SkipCache bool
}

// AddItems queues a job for each item of a batch, all or none, and returns the jobs' ids in the order of the items. An item that was sent
// before, with the same content, keeps its job. An item whose inputs are refused becomes a job that failed.
//
// Errors: Invalid naming start or inputs; NotFound; NoCredit; Conflict when an item came before with other content, or when the batch is
// closed and one of the items is new; RateLimited and Unavailable (nothing was stored).
func (s *Service) AddItems(ctx context.Context, id steward.BatchID, p ItemsParams) ([]steward.JobID, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return nil, err
	}
	if err := checkItems("inputs", len(p.Items)); err != nil {
		return nil, err
	}
	if p.Start < 0 || p.Start > MaxBatchItems-int64(len(p.Items)) {
		return nil, &steward.Error{Code: steward.Invalid, Field: "start", Message: fmt.Sprintf("Must be from 0 to %d.", MaxBatchItems-len(p.Items))}
	}
	b, err := s.factsOf(ctx, who.OrganizationID, id)
	if err != nil {
		return nil, err
	}
	in, err := s.takeIn(ctx, who, b.agent, b.version, s.clock.Now())
	if err != nil {
		return nil, err
	}
	if err := s.queue.admit(ctx, who.OrganizationID, len(p.Items)); err != nil {
		return nil, err
	}
	in.timeout, in.metadata, in.skipCache = s.opts.Timeout, b.metadata, p.SkipCache
	return in.addItems(ctx, id, p)
}

func (in *intake) addItems(ctx context.Context, id steward.BatchID, p ItemsParams) ([]steward.JobID, error) {
	jobs := make([]store.NewJob, len(p.Items))
	stored := make([]int, len(p.Items)+1) // in.stored before each item
	for i, raw := range p.Items {
		var err error
		if jobs[i], err = in.jobOrRefusal(ctx, raw); err != nil {
			in.s.release(ctx, in.stored)
			return nil, err
		}
		jobs[i].Batch = &store.BatchPlace{ID: id, Index: p.Start + int64(i), Hash: hashItem(raw)}
		stored[i+1] = len(in.stored)
	}
	done, err := in.s.store.Submit(ctx, jobs)
	if err != nil {
		in.s.release(ctx, in.stored)
		return nil, fmt.Errorf("add items to batch: %w", err)
	}
	failpoint.Pass("jobs.submit.items")
	var unused []steward.FileID
	for i, d := range done {
		if d.Replayed {
			unused = append(unused, in.stored[stored[i]:stored[i+1]]...)
		}
	}
	in.s.release(ctx, unused)
	return idsOf(done), nil
}

// jobOrRefusal makes a job of an item's fields: one that ends as a failure at once when its inputs are refused.
func (in *intake) jobOrRefusal(ctx context.Context, raw []RawInput) (store.NewJob, error) {
	job, err := in.job(ctx, raw)
	if err == nil {
		return job, nil
	}
	f := refusalOf(err)
	if f == nil {
		return job, err
	}
	if job, err = in.row(); err != nil {
		return job, err
	}
	job.Refused, job.Inputs = f, in.shownInputs(raw)
	return job, nil
}

// refusalOf returns why an item's job failed; nil when the error is not about the item.
func refusalOf(err error) *steward.Failure {
	var e *steward.Error
	if !errors.As(err, &e) {
		return nil
	}
	code := steward.FailMissingInput
	switch {
	case e.Code == steward.TooLarge:
		code = steward.FailUnsupportedFile
	case e.Code != steward.Invalid:
		return nil
	case e.Field != steward.InputField:
		code = steward.FailInvalidConfig
	}
	return &steward.Failure{Code: code, Message: e.Message}
}

// shownInputs is what people see of the inputs of a job that was refused: the beginning of each text.
func (in *intake) shownInputs(raw []RawInput) []steward.Input {
	var inputs []steward.Input
	for _, def := range in.prog.Definitions {
		for _, r := range raw {
			if r.Key != def.Key || r.File != nil {
				continue
			}
			text := r.Text
			if r.JSON != nil {
				text = string(r.JSON)
			}
			inputs = append(inputs, steward.Input{
				Key: def.Key, Description: def.Description, DataType: def.DataType, Value: preview(strings.ToValidUTF8(text, "")),
			})
		}
	}
	return inputs
}

// hashItem identifies an item's content as the caller sent it, whatever the order of its keys.
func hashItem(raw []RawInput) [32]byte {
	fields := slices.Clone(raw)
	slices.SortStableFunc(fields, func(a, b RawInput) int { return strings.Compare(a.Key, b.Key) })
	var b []byte
	part := func(kind byte, s string) {
		b = append(binary.AppendUvarint(append(b, kind), uint64(len(s))), s...)
	}
	for _, f := range fields {
		part('k', f.Key)
		if f.JSON == nil {
			part('t', f.Text)
			continue
		}
		var compact bytes.Buffer
		if json.Compact(&compact, f.JSON) != nil {
			part('j', string(f.JSON))
			continue
		}
		part('j', compact.String())
	}
	return sha256.Sum256(b)
}

// CloseBatch makes a batch take no more items; it completes when its jobs have ended. A closed batch stays as it is. Errors: NotFound.
func (s *Service) CloseBatch(ctx context.Context, id steward.BatchID) (*steward.Batch, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return nil, err
	}
	if err := s.store.CloseBatch(ctx, who.OrganizationID, id, s.clock.Now()); err != nil {
		return nil, fmt.Errorf("close batch: %w", err)
	}
	s.wakeBatches()
	return s.store.Batch(ctx, who.OrganizationID, id)
}

// CancelBatch closes a batch and asks for the end of its open jobs: those that wait are cancelled at once, those that run soon after.
// Cancelling again is harmless, and finishes what an interrupted call left. A completed batch stays as it is. Errors: NotFound.
func (s *Service) CancelBatch(ctx context.Context, id steward.BatchID) (*steward.Batch, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx) // half a cancel helps nobody
	if b, err := s.store.Batch(ctx, who.OrganizationID, id); err != nil || b.CompletedAt != nil {
		return b, err
	}
	if err := s.store.CancelBatch(ctx, who.OrganizationID, id, s.clock.Now()); err != nil {
		return nil, fmt.Errorf("cancel batch: %w", err)
	}
	// It is closed: whatever it has came in before, also when the clock that its jobs were stamped by is ahead of this one.
	if _, err := s.cancelOpen(ctx, who.OrganizationID, store.OpenFilter{Batch: id}, s.clock.Now()); err != nil {
		return nil, err
	}
	s.wakeBatches()
	return s.store.Batch(ctx, who.OrganizationID, id)
}

// ResumeBatch runs those items of a batch again that ended as one of statuses: FAILURE, CANCELLED, or both when none is given. Each gets
// a new job. A cancelled batch is cancelled no more.
//
// Errors: Invalid naming status_code for another status; NotFound; NoCredit.
func (s *Service) ResumeBatch(ctx context.Context, id steward.BatchID, statuses []steward.Status) (*steward.Batch, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return nil, err
	}
	if len(statuses) == 0 {
		statuses = []steward.Status{steward.StatusFailure, steward.StatusCancelled}
	}
	for _, st := range statuses {
		if st != steward.StatusFailure && st != steward.StatusCancelled {
			return nil, &steward.Error{Code: steward.Invalid, Field: "status_code", Message: "Must be a list of 4 (failed) and 5 (cancelled)."}
		}
	}
	b, err := s.factsOf(ctx, who.OrganizationID, id)
	if err != nil {
		return nil, err
	}
	if _, err := s.takeIn(ctx, who, b.agent, b.version, s.clock.Now()); err != nil {
		return nil, err
	}
	if err := s.queue.admit(ctx, who.OrganizationID, 1); err != nil { // all of its items, or none
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	if err := s.retryItems(ctx, who.OrganizationID, id, statuses); err != nil {
		return nil, fmt.Errorf("resume batch: %w", err)
	}
	s.wakeBatches()
	return s.store.Batch(ctx, who.OrganizationID, id)
}

// retryItems queues again, piece by piece, as many items as have ended as one of statuses by now: those that fail once more meanwhile
// must not keep it going for ever.
func (s *Service) retryItems(ctx context.Context, org steward.OrganizationID, id steward.BatchID, statuses []steward.Status) error {
	b, err := s.store.Batch(ctx, org, id)
	if err != nil {
		return err
	}
	var left int64
	if slices.Contains(statuses, steward.StatusFailure) {
		left += b.Counts.Failure
	}
	if slices.Contains(statuses, steward.StatusCancelled) {
		left += b.Counts.Cancelled
	}
	now := s.clock.Now()
	for left > 0 {
		limit := int(min(left, MaxItems))
		n, err := s.store.RetryItems(ctx, org, id, statuses, now, limit)
		if err != nil {
			return err
		}
		if n < limit {
			return nil
		}
		left -= int64(n)
	}
	return nil
}

// facts remembers what never changes about batches, so that their pieces do not ask for it each time.
type facts struct {
	mu    sync.Mutex
	known map[steward.BatchID]batchFacts
}

// batchFacts is what never changes about a batch.
type batchFacts struct {
	org      steward.OrganizationID
	agent    steward.AgentID
	version  steward.VersionID
	metadata json.RawMessage
}

// maxFacts bounds how many batches are remembered.
const maxFacts = 1000

func newFacts() *facts { return &facts{known: map[steward.BatchID]batchFacts{}} }

// factsOf returns what never changes about a batch. Errors: NotFound.
func (s *Service) factsOf(ctx context.Context, org steward.OrganizationID, id steward.BatchID) (batchFacts, error) {
	s.batches.mu.Lock()
	f, ok := s.batches.known[id]
	s.batches.mu.Unlock()
	if ok && f.org == org {
		return f, nil
	}
	b, err := s.store.Batch(ctx, org, id)
	if err != nil {
		return batchFacts{}, err
	}
	f = batchFacts{org: org, agent: b.AgentID, version: b.VersionID, metadata: b.Metadata}
	s.batches.mu.Lock()
	defer s.batches.mu.Unlock()
	if len(s.batches.known) >= maxFacts {
		clear(s.batches.known) // they are only read again
	}
	s.batches.known[id] = f
	return f, nil
}

// How often the ends of batches are looked for: without a reason, and at most.
const (
	batchesEvery  = time.Second
	batchesPause  = 100 * time.Millisecond
	batchesAtOnce = 100
)

// wakeBatches has the ends of batches looked for soon.
func (s *Service) wakeBatches() {
	select {
	case s.settled <- struct{}{}:
	default:
	}
}

// RunBatches completes batches whose jobs have all ended, until ctx ends. It returns nil. Failures are logged and tried again. Any number
// of processes may run it on one store.
func (s *Service) RunBatches(ctx context.Context) error {
	tick := time.NewTicker(batchesEvery)
	defer tick.Stop()
	failing := false
	for {
		n, err := s.completeBatches(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failing:
			s.log.ErrorContext(ctx, "batches not completed", "error", err)
		case n > 0:
			s.log.InfoContext(ctx, "batches completed", "count", n)
		}
		failing = err != nil
		if !pause(ctx, batchesPause) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.settled:
		case <-tick.C:
		}
	}
}

// pause waits. It returns false when ctx ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (s *Service) completeBatches(ctx context.Context) (total int, err error) {
	for {
		done, err := s.store.CompleteBatches(ctx, s.clock.Now(), batchesAtOnce)
		total += len(done)
		if err != nil || len(done) < batchesAtOnce {
			return total, err
		}
	}
}
