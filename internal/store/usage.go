package store

import (
	"context"
	"time"

	"github.com/stewardhq/steward"
)

// Books keeps the books: what the steps of all jobs used, added up by UTC day, agent, model, provider and batch in the transactions that
// record the steps, and what was used outside of jobs. Deleting the data of jobs, agents included, leaves the books as they are.
type Books interface {
	// Usage returns a page of an organization's books. Rows without a call do not exist. Errors: Invalid for a limit or a group out of
	// range; NotFound for an agent or a batch that the organization never had (a deleted agent is still in the books).
	Usage(ctx context.Context, org steward.OrganizationID, q UsageQuery) (*UsagePage, error)
	// Spent returns what an organization (and, unless agent is "", one of its agents) spent since a time, to the day (UTC).
	Spent(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, since time.Time) (steward.MicroUSD, error)
	// Book adds what an organization used outside of jobs to its books, under no agent and no batch.
	Book(ctx context.Context, org steward.OrganizationID, b Booking) error
	// ForgetAnswers drops the outputs of steps that are to be forgotten (Step.ForgetOutput) of at most limit jobs that have ended, and
	// returns how many jobs they were and what blobs are dying of it. 0 means that none is left for now.
	ForgetAnswers(ctx context.Context, at time.Time, limit int) (n int, dying []string, err error)
	// Hold notes what a call of a leased job may cost, when its limits let it begin beside what was spent and what the calls of all processes
	// hold. A hold counts until it is dropped, or its job's lease is at an end. A database that one process serves notes nothing and lets
	// every call begin: that process knows what its calls hold.
	Hold(ctx context.Context, h Hold) (HoldAnswer, error)
	// DropHold forgets a hold. Unknown ids are ignored.
	DropHold(ctx context.Context, id string) error
}

// Booking is what was used outside of jobs.
type Booking struct {
	At              time.Time
	Model, Provider string // "" when unknown
	Tally           steward.Tally
}

// Hold is what a call may cost.
type Hold struct {
	Lease
	ID             string // a UUID
	OrganizationID steward.OrganizationID
	AgentID        steward.AgentID
	Amount         *steward.MicroUSD // nil: nobody knows, so that the call goes alone
	Limits         []HoldLimit
	Now            time.Time
}

// HoldLimit is what an organization, or its agent, may spend since a time.
type HoldLimit struct {
	Agent  bool // of Hold.AgentID
	Since  time.Time
	Amount steward.MicroUSD
}

// HoldAnswer says what became of a Hold.
type HoldAnswer struct {
	Held   bool
	UsedUp *HoldLimit // this limit has nothing left; nil when the call may be held later
}

// Fits reports whether a call may begin: when what it may cost is left, or when no other is under way and anything is left, so that a limit
// is exceeded by one call at most. held is what the calls under way hold, underWay how many they are, alone that one of them does not know
// what it may cost.
func (l *HoldLimit) Fits(amount *steward.MicroUSD, spent, held steward.MicroUSD, underWay int64, alone bool) bool {
	switch {
	case underWay == 0:
		return spent < l.Amount
	case alone, amount == nil:
		return false
	}
	return spent+held+*amount <= l.Amount
}

// UsageQuery chooses and cuts what Usage returns.
type UsageQuery struct {
	From, To time.Time          // the first and the last day (UTC), both included; zero is open
	Group    steward.UsageGroup // "" means UsageByDay
	AgentID  steward.AgentID    // "" means every agent
	BatchID  steward.BatchID    // "" means inside and outside of batches
	Limit    int                // 1 to 1000; 0 means 20
	Offset   int
}

// UsagePage is a page of the books.
type UsagePage struct {
	Rows   []steward.UsageRow // newest day or month first, others by falling cost, then by id; never nil
	Count  int64              // rows of all pages
	Totals steward.Tally      // of all pages
}
