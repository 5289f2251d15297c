package postgres

import (
	"bytes"
	"encoding/hex"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// uid is a UUID in the database's own form.
type uid = pgtype.UUID

// toUID reads a canonical UUID. ok is false for anything else, "" included.
func toUID[T ~string](s T) (id uid, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return uid{}, false
	}
	var digits [32]byte
	n := 0
	for _, part := range [...][2]int{{0, 8}, {9, 13}, {14, 18}, {19, 23}, {24, 36}} {
		n += copy(digits[n:], s[part[0]:part[1]])
	}
	if _, err := hex.Decode(id.Bytes[:], digits[:]); err != nil {
		return uid{}, false
	}
	id.Valid = true
	return id, true
}

// storeUID is toUID for a value that is to be stored.
//
// Errors: Invalid, naming field.
func storeUID[T ~string](field string, s T) (uid, error) {
	id, ok := toUID(s)
	if !ok {
		return uid{}, &steward.Error{Code: steward.Invalid, Field: field, Message: "Not a valid UUID."}
	}
	return id, nil
}

// fromUID returns the canonical spelling, "" for null.
func fromUID[T ~string](id uid) T {
	if !id.Valid {
		return ""
	}
	var out [36]byte
	b := id.Bytes
	hex.Encode(out[0:8], b[0:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:36], b[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return T(out[:])
}

// compareUID orders ids as the database does.
func compareUID(a, b uid) int { return bytes.Compare(a.Bytes[:], b.Bytes[:]) }

// stamp is a time for a timestamptz; the zero time is null.
func stamp(t time.Time) pgtype.Timestamptz {
	return pgtype.Timestamptz{Time: t.UTC().Truncate(time.Microsecond), Valid: !t.IsZero()}
}

// stampPtr is stamp for an optional time.
func stampPtr(t *time.Time) pgtype.Timestamptz {
	if t == nil {
		return pgtype.Timestamptz{}
	}
	return stamp(*t)
}

// fromStamp is the inverse of stamp.
func fromStamp(t pgtype.Timestamptz) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}

// fromStampPtr is the inverse of stampPtr.
func fromStampPtr(t pgtype.Timestamptz) *time.Time {
	if !t.Valid {
		return nil
	}
	at := t.Time.UTC()
	return &at
}

// timeOf is a time given in microseconds, 0 being the Unix epoch.
func timeOf(us int64) time.Time { return time.UnixMicro(us).UTC() }

// micros is a column's time as rows of package storerow keep it.
func micros(t pgtype.Timestamptz) int64 { return storerow.Micros(fromStamp(t)) }

// storable reports as Invalid what a text column cannot keep: U+0000 and bytes that are not UTF-8.
// pairs are field names and values in turn.
func storable(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		field, value := pairs[i], pairs[i+1]
		if strings.IndexByte(value, 0) >= 0 {
			return &steward.Error{Code: steward.Invalid, Field: field, Message: "It must not contain the character U+0000."}
		}
		if !utf8.ValidString(value) {
			return &steward.Error{Code: steward.Invalid, Field: field, Message: "It is not valid UTF-8."}
		}
	}
	return nil
}
