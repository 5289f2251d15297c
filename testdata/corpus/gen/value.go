package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// locale is how a document writes numbers and dates.
type locale struct {
	thousands string // separators of groups, each of its characters
	decimal   string
	dates     []string // Go time layouts, tried in order
}

func us(dates ...string) locale { return locale{",", ".", dates} }
func eu(dates ...string) locale { return locale{". ", ",", dates} }
func ch(dates ...string) locale { return locale{"'’", ".", dates} }

// read turns the drawn words of a field into its value, by the field's class. Text keeps its words, white space folded.
func (l locale) read(leaf *node, quote string) (any, error) {
	quote = fold(quote)
	switch leaf.class {
	case "date":
		return l.date(quote, time.DateOnly)
	case "datetime":
		return l.date(quote, time.RFC3339)
	case "amount", "number", "integer":
		return l.number(quote)
	case "enum":
		return enumOf(leaf.enum, quote)
	case "currency":
		return currencyOf(quote)
	case "boolean":
		return nil, fmt.Errorf("a boolean needs a given value")
	}
	return quote, nil
}

// given turns a value written in a mark into JSON, by the field's class.
func given(leaf *node, value string) (any, error) {
	switch leaf.class {
	case "amount", "number", "integer":
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return nil, fmt.Errorf("given number: %w", err)
		}
		return json.Number(value), nil
	case "boolean":
		return strconv.ParseBool(value)
	case "enum":
		return enumOf(leaf.enum, value)
	}
	return value, nil
}

func (l locale) date(s, form string) (any, error) {
	for _, layout := range l.dates {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Format(form), nil
		}
	}
	return nil, fmt.Errorf("no date layout of the document reads %q", s)
}

// number reads digits, separators and a sign; currency signs, units and letters around them are left out. A sign after the
// digits and round brackets around them, as bookkeepers write them, make the number negative.
func (l locale) number(s string) (any, error) {
	if bare, ok := bookkeepersNegative(s); ok {
		s = "-" + bare
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case (r == '-' || r == '−') && b.Len() == 0:
			b.WriteByte('-')
		case string(r) == l.decimal && b.Len() > 0:
			b.WriteByte('.')
		case strings.ContainsRune(l.thousands, r), b.Len() == 0:
		default:
			if strings.ContainsAny(b.String(), "0123456789") {
				return canonical(b.String())
			}
		}
	}
	return canonical(b.String())
}

// bookkeepersNegative cuts the brackets or the minus after the digits off a number that has them.
func bookkeepersNegative(s string) (bare string, ok bool) {
	const last = "0123456789"
	if inner, ok := strings.CutSuffix(s, "-"); ok && strings.ContainsAny(inner[max(len(inner)-1, 0):], last) {
		return inner, true
	}
	if len(s) > 2 && s[0] == '(' && s[len(s)-1] == ')' && strings.ContainsAny(s[len(s)-2:], last) && !strings.ContainsFunc(s, unicode.IsLetter) {
		return s[1 : len(s)-1], true
	}
	return "", false
}

func canonical(digits string) (any, error) {
	f, err := strconv.ParseFloat(strings.TrimSuffix(digits, "."), 64)
	if err != nil {
		return nil, fmt.Errorf("read number: %w", err)
	}
	return json.Number(strconv.FormatFloat(f, 'f', -1, 64)), nil
}

func enumOf(options []string, s string) (any, error) {
	plain := strings.NewReplacer("_", " ", "-", " ")
	for _, o := range options {
		if strings.EqualFold(plain.Replace(o), plain.Replace(s)) {
			return o, nil
		}
	}
	return nil, fmt.Errorf("%q is none of %v", s, options)
}

func currencyOf(s string) (any, error) {
	switch s {
	case "$", "US$":
		return "USD", nil
	case "€":
		return "EUR", nil
	case "£":
		return "GBP", nil
	}
	if len(s) == 3 && strings.ToUpper(s) == s {
		return s, nil
	}
	return nil, fmt.Errorf("%q is no currency", s)
}

// standsVerbatim reports whether a value stands in the quote as such, or as another written form of the same date, number or
// enumeration word. A value that must be concluded (a boolean, a mapped enumeration, a code for a sign) does not.
func (l locale) standsVerbatim(leaf *node, quote string, value any) bool {
	switch leaf.class {
	case "boolean":
		return false
	case "date", "datetime", "amount", "number", "integer", "enum":
		read, err := l.read(leaf, quote)
		return err == nil && read == value
	}
	text, ok := value.(string)
	return ok && strings.Contains(fold(quote), text)
}
