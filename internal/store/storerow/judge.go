package storerow

import (
	"time"

	"github.com/stewardhq/steward"
)

// DefaultMaxCrashes is how often a job may take its process with it when a claim does not say.
const DefaultMaxCrashes = 3

// HandedOver is the lease end of a job that was handed over: claimable at once, and its claim counts no crash.
const HandedOver int64 = 0

// TakenBack is the lease end of a job that was taken back: claimable at once, and its claim counts a crash.
const TakenBack int64 = 1

// Candidate is a job that could be claimed: queued with its RunAfter come, or STARTED with its lease at an end.
type Candidate struct {
	Status          steward.Status
	LeaseEnd        int64 // microseconds, HandedOver or TakenBack; meaningless unless STARTED
	Crashes         int   // counted so far
	Deadline        int64 // microseconds
	CancelRequested bool
}

// Judgement says what a claim does with a candidate.
type Judgement struct {
	Status  steward.Status   // STARTED: run it; otherwise the job ends so
	Failure *steward.Failure // for FAILURE
	Crashes int              // the count to store
	Lost    bool             // an earlier attempt was lost or handed over: a LostEvent goes before STARTED
	// LastChance says that one more crash makes the job poison. It is handed out alone and otherwise parked: it waits as RETRY,
	// out of its lane, with its crash counted.
	LastChance bool
}

// Judge decides about a candidate at a time. A cancel request goes before too many crashes, those before the deadline.
// maxCrashes 0 means DefaultMaxCrashes.
func Judge(c Candidate, now time.Time, maxCrashes int) Judgement {
	if maxCrashes <= 0 {
		maxCrashes = DefaultMaxCrashes
	}
	j := Judgement{Status: steward.StatusStarted, Crashes: c.Crashes, Lost: c.Status == steward.StatusStarted}
	if j.Lost && c.LeaseEnd != HandedOver {
		j.Crashes++
	}
	switch {
	case c.CancelRequested:
		j.Status = steward.StatusCancelled
	case j.Crashes >= maxCrashes:
		j.Status = steward.StatusFailure
		j.Failure = &steward.Failure{Code: steward.FailPoison, Message: PoisonMessage}
	case Micros(now) >= c.Deadline:
		j.Status = steward.StatusFailure
		j.Failure = &steward.Failure{Code: steward.FailTimeout, Message: TimeoutMessage}
	default:
		j.LastChance = maxCrashes > 1 && j.Crashes >= maxCrashes-1
	}
	return j
}

// Unreadable ends a job whose record cannot be decoded.
func Unreadable(crashes int) Judgement {
	return Judgement{
		Status: steward.StatusFailure, Crashes: crashes, Failure: &steward.Failure{Code: steward.FailInternal, Message: UnreadableMessage},
	}
}
