package extracteval

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stewardhq/steward"
)

// grounded reports whether the answer's evidence for the leaf at a path shows where the value stands.
func (s *scorer) grounded(label *Field, at string, value any) bool {
	for path := at; path != ""; path = path[:strings.LastIndexByte(path, '/')] {
		found := false
		for i := range s.evidence {
			e := &s.evidence[i]
			if e.Path != path {
				continue
			}
			found = true
			if shows(e, label, value) {
				return true
			}
		}
		if found {
			return false
		}
	}
	return false
}

// shows reports whether one entry of evidence is right for a labelled value.
func shows(e *steward.Evidence, label *Field, value any) bool {
	quote := fold(e.Quote)
	if e.Unverified || quote == "" {
		return false
	}
	holds := holds(quote, value)
	if text, ok := value.(string); ok && holds && utf8.RuneCountInString(text) > 3 {
		return true
	}
	for _, p := range label.places() {
		if p.Page != 0 && p.Page != e.Page {
			continue
		}
		if holds || containsWords(quote, p.Quote) || containsWords(p.Quote, quote) {
			return true
		}
	}
	return false
}

// holds reports whether a quote contains the value itself: its words, or a number that reads as it.
func holds(quote string, value any) bool {
	switch v := value.(type) {
	case string:
		return containsWords(quote, fold(v))
	case json.Number:
		want, err := v.Float64()
		return err == nil && holdsNumber(quote, want)
	}
	return false
}

// containsWords reports whether part stands in s and neither begins nor ends inside a word of it.
func containsWords(s, part string) bool {
	for from := 0; part != ""; {
		i := strings.Index(s[from:], part)
		if i < 0 {
			return false
		}
		i += from
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		after, _ := utf8.DecodeRuneInString(s[i+len(part):])
		first, size := utf8.DecodeRuneInString(part)
		last, _ := utf8.DecodeLastRuneInString(part)
		cut := inWord(before) && inWord(first) || inWord(after) && inWord(last)
		if !cut {
			return true
		}
		from = i + size
	}
	return false
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// holdsNumber looks for a run of digits and separators that reads as want, whichever of "." and "," is the decimal sign.
func holdsNumber(quote string, want float64) bool {
	runs := strings.FieldsFunc(quote, func(r rune) bool {
		return !unicode.IsDigit(r) && !strings.ContainsRune(".,'’ ", r)
	})
	for _, run := range runs {
		for _, candidate := range append(strings.Fields(run), run) {
			if reads(candidate, ",'’ ", ".", want) || reads(candidate, ".'’ ", ",", want) {
				return true
			}
		}
	}
	return false
}

// reads reports whether digits with these thousands separators and this decimal sign are want, its sign left out.
func reads(digits, thousands, decimal string, want float64) bool {
	digits = strings.Trim(digits, ".,'’ ")
	for _, r := range thousands {
		digits = strings.ReplaceAll(digits, string(r), "")
	}
	f, err := strconv.ParseFloat(strings.Replace(digits, decimal, ".", 1), 64)
	return err == nil && (f == want || f == -want)
}
