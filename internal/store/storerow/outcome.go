package storerow

import (
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Ending is an Outcome as rows keep it: what does not belong to its status is left out, the rest is encoded.
type Ending struct {
	Status     steward.Status
	At         time.Time
	RunAfter   time.Time // for RETRY, never zero then
	Outputs    string
	References string
	Failure    string // "" means none
	Usage      string
	Event      string
	Cancelled  string // for RETRY: the event that stands in its place when a cancel was asked for
}

// EncodeOutcome checks and encodes the end of an attempt. Errors: Invalid.
func EncodeOutcome(o store.Outcome) (e Ending, err error) {
	if err := CheckOutcome(&o); err != nil {
		return Ending{}, err
	}
	if !o.Status.Succeeded() {
		o.Outputs = nil
	}
	if o.Status != steward.StatusFailure && o.Status != steward.StatusRetry {
		o.Failure = nil
	}
	e.Status, e.At = o.Status, o.At
	if e.Outputs, err = List(o.Outputs); err != nil {
		return Ending{}, err
	}
	if e.References, err = List(o.References); err != nil {
		return Ending{}, err
	}
	if e.Failure, err = Object(o.Failure); err != nil {
		return Ending{}, err
	}
	if e.Usage, err = Usage(o.Usage); err != nil {
		return Ending{}, err
	}
	if e.Event, err = Event(o.At, o.Status, o.Failure); err != nil || o.Status != steward.StatusRetry {
		return e, err
	}
	if e.RunAfter = o.RunAfter; e.RunAfter.IsZero() {
		e.RunAfter = o.At
	}
	e.Cancelled, err = Event(o.At, steward.StatusCancelled, nil)
	return e, err
}

// SumUsage adds up the encoded usage of a job's steps, for a job that ends without a worker to say it. The cost is unknown
// when that of a step is, or when a step cannot be read.
func SumUsage(steps []string) (string, error) {
	sum := steward.Free()
	for _, s := range steps {
		u, err := ParseUsage(s)
		if err != nil {
			u = steward.Usage{}
		}
		sum = sum.Add(u)
	}
	return Usage(sum)
}
