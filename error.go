package steward

import (
	"errors"
	"time"
)

// Code classifies an Error by what the caller can do about it. Doors map a code to a status in one table.
type Code string

// The codes. Anything that is not an *Error counts as Internal.
const (
	Invalid         Code = "invalid"         // the request is wrong; change it
	Unauthenticated Code = "unauthenticated" // no key, or a key nobody knows
	Denied          Code = "denied"          // the key may not do this
	NotFound        Code = "not_found"       // no such thing, or not yours
	Conflict        Code = "conflict"        // the state of the thing forbids it
	TooLarge        Code = "too_large"       // a body, file or value over its limit
	Unsupported     Code = "unsupported"     // a content type or an option that is not built
	OutOfRange      Code = "range"           // a byte range outside the file
	NoCredit        Code = "no_credit"       // a budget is used up
	RateLimited     Code = "rate_limited"    // too many requests; see RetryAfter
	Unavailable     Code = "unavailable"     // the server cannot do it now; safe to retry
	Timeout         Code = "timeout"         // it took too long; the work may still go on
	Internal        Code = "internal"        // a fault of this program or of its ground
)

// Error is a failure the caller can act on.
type Error struct {
	Code       Code
	Field      string        // request field the failure is about; "" when it is about the whole request
	Message    string        // one sentence for users: no secrets, no SQL, no paths
	RetryAfter time.Duration // for RateLimited and Unavailable: when to try again; 0 means unknown
	Err        error         // cause, for operators only; may be nil
}

// Error returns the message, behind the field when there is one, and the cause. It is for logs; doors send Message alone.
func (e *Error) Error() string {
	s := e.Message
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first *Error in err's chain, Internal for any other error and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// MissingInput is the failure of a run that lacks an input which its agent needs. It is Invalid; the run family answers it
// as a bare JSON array.
func MissingInput(key string) *Error {
	return &Error{Code: Invalid, Field: InputField, Message: "Missing input key " + key}
}

// InputField is the Field of errors about a run's inputs. Doors of the run family answer them as a bare array of messages.
const InputField = "$inputs"
