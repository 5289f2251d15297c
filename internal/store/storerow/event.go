package storerow

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/stewardhq/steward"
)

// Messages of the events and failures that a database writes by itself.
const (
	// LostMessage is the error message of the RETRY event that stands between two attempts when the first did not end.
	LostMessage = "The worker stopped; the run resumes."
	// PoisonMessage is the failure of a job that crashed its process too often.
	PoisonMessage = "The run stopped its worker too often and is not tried again."
	// TimeoutMessage is the failure of a job that did not end in time.
	TimeoutMessage = "The run did not end within its time limit."
	// UnreadableMessage is the failure of a job whose record is damaged.
	UnreadableMessage = "The job's record cannot be read."
)

// Event encodes a status event as a JSON object. Its details name the failure's code, and "held": true says that it was made on this
// side before anything was asked.
func Event(at time.Time, s steward.Status, f *steward.Failure) (string, error) {
	e := steward.StatusEvent{Timestamp: at.UTC().Truncate(time.Microsecond), StatusCode: s}
	if f != nil {
		e.ErrorMessage = f.Message
		e.ErrorDetails = map[string]any{"code": string(f.Code)}
		if f.Held {
			e.ErrorDetails["held"] = true
		}
	}
	b, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("encode status event: %w", err)
	}
	return string(b), nil
}

// LostEvent encodes the RETRY event of an attempt that was lost with its worker or handed over.
func LostEvent(at time.Time) (string, error) {
	b, err := json.Marshal(steward.StatusEvent{
		Timestamp: at.UTC().Truncate(time.Microsecond), StatusCode: steward.StatusRetry, ErrorMessage: LostMessage,
	})
	if err != nil {
		return "", fmt.Errorf("encode status event: %w", err)
	}
	return string(b), nil
}

// Events puts encoded events behind those of a JSON array. list may be "" or "[]".
func Events(list string, events ...string) string {
	out := list
	for _, e := range events {
		if len(out) <= 2 {
			out = "[" + e + "]"
			continue
		}
		out = out[:len(out)-1] + "," + e + "]"
	}
	return out
}

// Mend returns the encoded events and progress of a job, without those that cannot be decoded, so that the job can be listed.
func Mend(events, progress string) (string, string) {
	if _, err := ParseList[steward.StatusEvent](events); err != nil {
		events = ""
	}
	if _, err := ParseObject[steward.Progress](progress); err != nil {
		progress = ""
	}
	return events, progress
}
