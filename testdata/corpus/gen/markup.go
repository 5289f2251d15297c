package main

import (
	"fmt"
	"strings"
)

// A mark ties a piece of a document's text to a field. Documents are written with marks in place:
//
//	Invoice no.: {number|INV-2041}        the drawn words are the value
//	Due {due_date|in 30 days|2026-04-03}  the value is given where the words alone do not tell it
//	{total|{currency|$|USD}1,204.50}      marks may stand inside marks
//	{skills/+|Go}, {skills/+|Rust}        "+" is the next free index of a list
//
// Marks never reach the page: only the drawn words do.
type mark struct {
	path     string // JSON Pointer without its first slash
	quote    string // the drawn words
	value    string // "" means: read it from the quote
	hasValue bool
}

// parseMarkup splits a marked-up text into the words to draw and the marks in them.
func parseMarkup(s string) (plain string, marks []mark, err error) {
	var out strings.Builder
	for len(s) > 0 {
		open := strings.IndexByte(s, '{')
		if open < 0 {
			out.WriteString(s)
			break
		}
		out.WriteString(s[:open])
		end := closing(s[open:])
		if end < 0 {
			return "", nil, fmt.Errorf("markup: no closing brace in %.40q", s[open:])
		}
		drawn, inner, err := parseMark(s[open+1 : open+end])
		if err != nil {
			return "", nil, err
		}
		out.WriteString(drawn)
		marks = append(marks, inner...)
		s = s[open+end+1:]
	}
	return out.String(), marks, nil
}

// parseMark reads the inside of one pair of braces.
func parseMark(body string) (drawn string, marks []mark, err error) {
	parts := splitTop(body)
	if len(parts) < 2 || len(parts) > 3 {
		return "", nil, fmt.Errorf("markup: want {path|words} or {path|words|value}, got {%s}", body)
	}
	drawn, marks, err = parseMarkup(parts[1])
	if err != nil {
		return "", nil, err
	}
	m := mark{path: parts[0], quote: drawn}
	if len(parts) == 3 {
		m.value, m.hasValue = parts[2], true
	}
	return drawn, append(marks, m), nil
}

// closing returns the index of the brace that closes the one at s[0], or -1.
func closing(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// splitTop splits at the bars that stand outside inner braces.
func splitTop(s string) []string {
	var parts []string
	depth, start := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '|':
			if depth == 0 {
				parts = append(parts, s[start:i])
				start = i + 1
			}
		}
	}
	return append(parts, s[start:])
}

// fold makes runs of white space one space and trims the ends.
func fold(s string) string { return strings.Join(strings.Fields(s), " ") }
