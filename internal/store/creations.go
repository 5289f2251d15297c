package store

import (
	"context"
	"time"

	"github.com/stewardhq/steward"
)

// Creations remembers what was created under idempotency keys.
type Creations interface {
	// BeginCreation notes that something is about to be created, unless something that has not expired by now is noted under the same
	// organization, kind and key: that comes back then, and known is true. It also clears away a few that have expired.
	BeginCreation(ctx context.Context, c Creation, now time.Time) (first Creation, known bool, err error)
	// EndCreation notes what became of it, in place of what is noted under its key.
	EndCreation(ctx context.Context, c Creation) error
	// DropCreation forgets what is noted under a key, if it is about that object.
	DropCreation(ctx context.Context, c Creation) error
	// ExpireCreations forgets at most limit of those that have expired by now, and returns how many.
	ExpireCreations(ctx context.Context, now time.Time, limit int) (int, error)
}

// Creation is something that was, or is about to be, created under an idempotency key.
type Creation struct {
	OrganizationID steward.OrganizationID
	Kind           string // what is created, and within what; keys of one kind do not meet those of others
	Key            string
	ObjectID       string // a UUID: the id of what is created
	Sealed         []byte // the caller's; opaque
	ExpiresAt      time.Time
}
