package storerow

import (
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// FieldIdempotencyKey is the Field of a Conflict about an idempotency key.
const FieldIdempotencyKey = "Idempotency-Key"

// NotFound is the error for a row that is not there or belongs to somebody else. noun begins with a capital: "Job".
func NotFound(noun string) error {
	return &steward.Error{Code: steward.NotFound, Message: noun + " not found."}
}

// Conflict is the error for a state that forbids the call. field may be "".
func Conflict(field, message string) error {
	return &steward.Error{Code: steward.Conflict, Field: field, Message: message}
}

// LeaseLost is the error for a write of a worker whose lease went to another one or whose job ended.
func LeaseLost() error {
	return &steward.Error{Code: steward.Conflict, Message: "The lease of this job is lost.", Err: store.ErrLeaseLost}
}

// KeyReused is the error for an idempotency key that comes again with other content.
func KeyReused() error {
	return Conflict(FieldIdempotencyKey, "This idempotency key was used before with a different request.")
}

// BlobDying is the error for a blob whose bytes are being deleted right now.
func BlobDying() error {
	return &steward.Error{Code: steward.Unavailable, Message: "The file is being deleted right now; try again.", RetryAfter: time.Second}
}

// FileGone is the error for a job that names a file which is not stored, or not by its organization.
func FileGone(id steward.FileID) error {
	return &steward.Error{Code: steward.NotFound, Field: steward.InputField, Message: "The file " + string(id) + " is not stored."}
}

// OutOfRange is the error for an argument outside its limits.
func OutOfRange(field, message string) error {
	return &steward.Error{Code: steward.Invalid, Field: field, Message: message}
}

// Unavailable is the error for a database that cannot do it now; the call may be repeated.
func Unavailable(cause error) error {
	return &steward.Error{Code: steward.Unavailable, Message: "The database is not available right now; try again.", RetryAfter: time.Second, Err: cause}
}
