package extracteval

import (
	"encoding/json"
	"math"
	"strings"
	"time"
	"unicode"
)

// equal reports whether a given value is the expected one, by the rules of Score.
func equal(class Class, expected, got any) bool {
	switch e := expected.(type) {
	case json.Number:
		g, ok := got.(json.Number)
		return ok && equalNumbers(class, e, g)
	case bool:
		return e == got
	case string:
		g, ok := got.(string)
		return ok && equalStrings(class, e, g)
	}
	return false
}

func equalNumbers(class Class, expected, got json.Number) bool {
	e, err := expected.Float64()
	if err != nil {
		return false
	}
	g, err := got.Float64()
	if err != nil {
		return false
	}
	if class == Amount {
		return math.Round(e*100) == math.Round(g*100)
	}
	return math.Abs(e-g) <= 1e-9*math.Max(1, math.Abs(e))
}

func equalStrings(class Class, expected, got string) bool {
	expected, got = fold(expected), fold(got)
	switch class {
	case Date:
		return equalDates(expected, got)
	case Phone:
		return keep(expected, isDial) == keep(got, isDial)
	case IBAN, TaxID:
		return keep(expected, notSpace) == keep(got, notSpace)
	case Email:
		return strings.EqualFold(expected, got)
	case URL:
		return strings.TrimSuffix(expected, "/") == strings.TrimSuffix(got, "/")
	}
	return expected == got
}

// equalDates compares days, and instants when the expected value has a time of day.
func equalDates(expected, got string) bool {
	if e, err := time.Parse(time.RFC3339, expected); err == nil {
		g, err := time.Parse(time.RFC3339, got)
		return err == nil && e.Equal(g)
	}
	if len(got) > len(time.DateOnly) {
		if _, err := time.Parse(time.RFC3339, got); err != nil {
			return false
		}
		got = got[:len(time.DateOnly)]
	}
	return expected == got
}

// fold makes runs of white space one space and trims the ends.
func fold(s string) string { return strings.Join(strings.Fields(s), " ") }

func keep(s string, ok func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if ok(r) {
			return r
		}
		return -1
	}, s)
}

func isDial(r rune) bool { return r >= '0' && r <= '9' || r == '+' }

func notSpace(r rune) bool { return !unicode.IsSpace(r) }
