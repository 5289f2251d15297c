package jobs

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
)

// Backlog bounds how many jobs may wait to be run. 0 means no limit.
type Backlog struct {
	Total           int64 // of all organizations
	PerOrganization int64
}

const (
	// countEvery is how often the backlog is counted at least while jobs come in, as other processes add to it.
	countEvery = 10 * time.Second
	// countAgain is how soon it is counted again when it is full, unless counting takes long: at most a twentieth of the time is spent on it.
	countAgain = 200 * time.Millisecond
	countShare = 20
	// backlogRetry is what clients are told to wait when it is full.
	backlogRetry = 5 * time.Second
)

// backlog keeps the number of jobs that wait within limits. Between two counts it adds up what comes in and takes nothing off, so that
// it errs to the side of too many, and counts anew before it refuses. With several processes on one database, each may let in what the
// others do at that moment.
type backlog struct {
	limits Backlog
	count  func(ctx context.Context) (map[steward.OrganizationID]int64, error)
	clock  clock.Clock

	mu       sync.Mutex
	known    map[steward.OrganizationID]int64 // as of the latest count
	fresh    map[steward.OrganizationID]int64 // let in since it began
	total    int64                            // of both
	counting chan struct{}                    // closed when the count that is under way has ended; nil: none is
	at       time.Time                        // when the latest count ended
	took     time.Duration
	counts   int // that did not fail
}

// admit lets n more jobs of an organization in.
//
// Errors: RateLimited when the organization has too many that wait; Unavailable when all have.
func (b *backlog) admit(ctx context.Context, org steward.OrganizationID, n int) error {
	if b.limits == (Backlog{}) {
		return nil
	}
	if err := b.recount(ctx, countEvery, false); err != nil {
		return err
	}
	if b.add(org, int64(n)) == nil {
		return nil
	}
	if err := b.recount(ctx, countAgain, true); err != nil {
		return err
	}
	return b.add(org, int64(n))
}

// add counts n more jobs if they have room.
func (b *backlog) add(org steward.OrganizationID, n int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	own := b.known[org] + b.fresh[org]
	switch most := b.limits.PerOrganization; {
	case most > 0 && own+n > most:
		return &steward.Error{
			Code: steward.RateLimited, RetryAfter: backlogRetry,
			Message: fmt.Sprintf("Your organization has %d jobs that wait to be run; there may be %d.", own, most),
		}
	case b.limits.Total > 0 && b.total+n > b.limits.Total:
		return &steward.Error{Code: steward.Unavailable, RetryAfter: backlogRetry, Message: "Too many jobs wait to be run."}
	}
	if b.fresh == nil {
		b.fresh = map[steward.OrganizationID]int64{}
	}
	b.fresh[org] += n
	b.total += n
	return nil
}

// recount counts what waits when the latest count is older than a time. When somebody is at it, one who joins waits for that, and so does
// everybody while nothing is known yet; a count that failed is made again by one of those who waited.
func (b *backlog) recount(ctx context.Context, older time.Duration, join bool) error {
	for {
		b.mu.Lock()
		began, counts, underWay := b.clock.Now(), b.counts, b.counting
		join = join || b.at.IsZero()
		switch {
		case underWay != nil && !join, underWay == nil && !b.at.IsZero() && began.Sub(b.at) < max(older, countShare*b.took):
			b.mu.Unlock()
			return nil
		case underWay == nil:
			return b.countNow(ctx, began)
		}
		b.mu.Unlock()
		select {
		case <-underWay:
		case <-ctx.Done():
			return ctx.Err()
		}
		b.mu.Lock()
		counted := b.counts > counts
		b.mu.Unlock()
		if counted {
			return nil
		}
	}
}

// countNow counts what waits. The caller holds mu, which it lets go.
func (b *backlog) countNow(ctx context.Context, began time.Time) error {
	ended := make(chan struct{})
	b.counting = ended
	if b.known == nil {
		b.known = map[steward.OrganizationID]int64{}
	}
	for org, n := range b.fresh {
		b.known[org] += n
	}
	b.fresh = nil
	b.mu.Unlock()

	defer func() { // also when counting panics
		b.mu.Lock()
		b.counting = nil
		b.mu.Unlock()
		close(ended)
	}()
	known, err := b.count(ctx)
	if err != nil {
		return fmt.Errorf("count queued jobs: %w", err)
	}
	b.note(known, began)
	return nil
}

// note takes a count in that was begun at a time.
func (b *backlog) note(known map[steward.OrganizationID]int64, began time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known, b.at, b.total = known, b.clock.Now(), 0
	b.counts++
	b.took = b.at.Sub(began)
	for n := range maps.Values(known) {
		b.total += n
	}
	for n := range maps.Values(b.fresh) {
		b.total += n
	}
}
