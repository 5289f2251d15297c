// Package storerow holds what both databases agree on: the form of values in rows, the events of a status change, the
// judgement of a job that is being claimed, and the errors that the store contracts name.
//
// Everything here but Latest is pure: no database, no clock, no state. All functions may be called concurrently.
package storerow

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stewardhq/steward"
)

// Micros returns t as microseconds since the Unix epoch, and 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the inverse of Micros: 0 is the zero time, everything else is in UTC.
func Time(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// TimePtr is Time with nil for 0.
func TimePtr(us int64) *time.Time {
	if us == 0 {
		return nil
	}
	t := Time(us)
	return &t
}

// MicrosPtr is Micros with 0 for nil.
func MicrosPtr(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return Micros(*t)
}

// Day returns the number of the UTC day of t since the epoch, the unit in which spending is added up.
func Day(t time.Time) int64 {
	const day = 24 * 60 * 60
	s := t.Unix()
	if s < 0 {
		s -= day - 1
	}
	return s / day
}

// List encodes a list as a JSON array; nil becomes [].
func List[T any](list []T) (string, error) {
	if len(list) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("encode %T: %w", list, err)
	}
	return string(b), nil
}

// ParseList is the inverse of List. "" and [] are an empty list, never nil.
func ParseList[T any](s string) ([]T, error) {
	list := []T{}
	if s == "" || s == "[]" {
		return list, nil
	}
	if err := json.Unmarshal([]byte(s), &list); err != nil {
		return nil, fmt.Errorf("decode %T: %w", list, err)
	}
	return list, nil
}

// Object encodes a value as JSON; a nil pointer becomes "", which is how rows say "none".
func Object[T any](v *T) (string, error) {
	if v == nil {
		return "", nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode %T: %w", v, err)
	}
	return string(b), nil
}

// ParseObject is the inverse of Object.
func ParseObject[T any](s string) (*T, error) {
	if s == "" {
		return nil, nil
	}
	v := new(T)
	if err := json.Unmarshal([]byte(s), v); err != nil {
		return nil, fmt.Errorf("decode %T: %w", v, err)
	}
	return v, nil
}

// Metadata returns a job's metadata as rows keep it: {} for nil or empty.
func Metadata(raw []byte) string {
	if len(raw) == 0 {
		return "{}"
	}
	return string(raw)
}

// Raw returns a JSON text as rows gave it; "" is nil.
func Raw(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}

// Usage encodes usage; Parse it with ParseUsage.
func Usage(u steward.Usage) (string, error) { return Object(&u) }

// ParseUsage is the inverse of Usage. "" is the usage of a job that has not consumed anything yet: nothing, for free.
func ParseUsage(s string) (steward.Usage, error) {
	if s == "" {
		return steward.Free(), nil
	}
	u, err := ParseObject[steward.Usage](s)
	if err != nil {
		return steward.Usage{}, err
	}
	return *u, nil
}

// Limit checks the cut of a list and fills in the default of 20.
//
// Errors: Invalid for a limit outside 0 to 1000 or a negative offset.
func Limit(limit, offset int) (int, error) {
	switch {
	case limit < 0 || limit > 1000:
		return 0, OutOfRange("Limit", "Limit must be 1 to 1000.")
	case offset < 0:
		return 0, OutOfRange("Offset", "Offset must not be negative.")
	case limit == 0:
		return 20, nil
	}
	return limit, nil
}

// Fold returns the form of a text in which case-insensitive searches compare: lower case, all of Unicode.
func Fold(s string) string { return strings.ToLower(s) }
