package storerow

import (
	"fmt"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// BatchClosed is the error for a new item of a batch that takes no more.
func BatchClosed() error {
	return Conflict("", "The batch is closed; it takes no more items.")
}

// ItemChanged is the error for an item of a batch that comes again with other content.
func ItemChanged(index int64) error {
	return Conflict("", fmt.Sprintf("Item %d was sent before with other content.", index))
}

// CheckNewBatch reports what is wrong with a batch that is to be stored. Errors: Invalid.
func CheckNewBatch(b *store.NewBatch) error {
	switch {
	case b.ID == "":
		return OutOfRange("ID", "A batch needs an id.")
	case b.OrganizationID == "" || b.AgentID == "":
		return OutOfRange("AgentID", "A batch needs an organization and an agent.")
	case b.CreatedAt.IsZero():
		return OutOfRange("CreatedAt", "A batch needs its time of creation.")
	}
	return nil
}

// Retryable returns those of statuses from which items of a batch can be queued again, each once.
func Retryable(statuses []steward.Status) []steward.Status {
	var list []steward.Status
	for _, want := range []steward.Status{steward.StatusFailure, steward.StatusCancelled} {
		for _, s := range statuses {
			if s == want {
				list = append(list, s)
				break
			}
		}
	}
	return list
}

// AtMost checks the limit of a call that works piece by piece. Errors: Invalid outside of 1 to 1000.
func AtMost(limit int) error {
	if limit < 1 || limit > 1000 {
		return OutOfRange("limit", "limit must be 1 to 1000.")
	}
	return nil
}
