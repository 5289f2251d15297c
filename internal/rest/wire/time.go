package wire

import (
	"strings"
	"time"
)

// Time reads a point in time as clients write it: RFC 3339 with T or a blank between date and time, with or without fractions and
// zone, or a date alone. Without a zone it is UTC; a date alone is the day's first instant, or its last when until is set. A blank
// in the place of the zone's plus sign, which an unescaped query makes of it, counts as the plus. "" is the zero time.
//
// Errors: Invalid, naming the field.
func Time(field, s string, until bool) (time.Time, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if s == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		if until {
			day = day.AddDate(0, 0, 1).Add(-time.Microsecond)
		}
		return day, nil
	}
	if len(s) > len(time.DateOnly) && s[len(time.DateOnly)] == ' ' {
		s = s[:len(time.DateOnly)] + "T" + s[len(time.DateOnly)+1:]
	}
	s = strings.Replace(s, " ", "+", 1)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, Invalid(field, "Enter a valid date and time, such as 2026-01-31T12:00:00Z.")
}
