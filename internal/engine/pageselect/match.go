package pageselect

import (
	"slices"
	"strings"

	"github.com/stewardhq/steward/internal/document"
)

// minOverlap is the share of a title's words that an entry has to have in common with it.
const minOverlap = 0.6

// Match finds the entries of a table of contents that a title names: those that read the same, else the one that has most words in
// common with it, at least 0.6 of the title's; the numbers of the title must be among them. "Chapter 2" also finds an entry that
// begins with the number 2. Of equally good entries the outermost ones are taken: all that read the same, else the first.
// score is 1 for entries that read the same, else the share of common words. The result is nil when none fits.
func Match(entries []document.Heading, title string) (found []int, score float64) {
	want := plain(title)
	if want == "" {
		return nil, 0
	}
	for i := range entries {
		if plain(entries[i].Title) == want {
			found = append(found, i)
		}
	}
	if len(found) > 0 {
		return outermost(entries, found), 1
	}
	best, bestScore, bestLikeness := -1, 0.0, 0.0
	asked := subject(strings.Fields(want))
	for i := range entries {
		s, likeness := overlap(asked, subject(tokens(entries[i].Title)))
		if s < minOverlap {
			continue
		}
		better := s > bestScore || s == bestScore && likeness > bestLikeness ||
			s == bestScore && likeness == bestLikeness && entries[i].Level < entries[best].Level
		if best < 0 || better {
			best, bestScore, bestLikeness = i, s, likeness
		}
	}
	if best >= 0 {
		return []int{best}, bestScore
	}
	if i := byNumber(entries, strings.Fields(want)); i >= 0 {
		return []int{i}, minOverlap
	}
	return nil, 0
}

// overlap returns the share of asked that is in have, and how alike the two are as a whole. It is 0 when a number of asked is missing.
func overlap(asked, have []string) (share, likeness float64) {
	left := slices.Clone(have)
	common := 0
	for _, t := range asked {
		i := slices.Index(left, t)
		if i < 0 && isNumber(t) {
			return 0, 0
		}
		if i < 0 {
			i = slices.IndexFunc(left, func(h string) bool { return stem(h) == stem(t) })
		}
		if i >= 0 {
			common++
			left = slices.Delete(left, i, i+1)
		}
	}
	if len(asked) == 0 {
		return 0, 0
	}
	return float64(common) / float64(len(asked)), float64(common) / float64(len(asked)+len(have)-common)
}

// byNumber finds the entry whose title begins with the number of a title such as "Chapter 2" or "2.3"; -1 when there is none.
func byNumber(entries []document.Heading, want []string) int {
	number := ""
	switch {
	case len(want) == 1 && isNumber(want[0]):
		number = want[0]
	case len(want) == 2 && isDivision(want[0]) && isNumber(want[1]):
		number = want[1]
	default:
		return -1
	}
	return slices.IndexFunc(entries, func(h document.Heading) bool {
		t := tokens(h.Title)
		return len(t) > 0 && t[0] == number || len(t) > 1 && isDivision(t[0]) && t[1] == number
	})
}

// isDivision reports whether a word names a part of a document.
func isDivision(t string) bool {
	switch t {
	case "chapter", "section", "part", "article", "annex", "appendix", "exhibit", "schedule", "note", "clause", "attachment", "volume",
		"kapitel", "abschnitt", "teil", "anhang", "anlage", "artikel", "chapitre", "partie", "annexe", "capitulo", "seccion", "parte", "anexo", "articulo": //nolint:misspell // several languages
		return true
	}
	return false
}

// outermost keeps the entries of the lowest level.
func outermost(entries []document.Heading, list []int) []int {
	level := entries[list[0]].Level
	for _, i := range list {
		level = min(level, entries[i].Level)
	}
	return slices.DeleteFunc(list, func(i int) bool { return entries[i].Level > level })
}

// Section returns the pages of entry i in a document of count pages: from its own to the one before the next entry of the same or a
// higher level. ok is false when the entry leads nowhere.
func Section(entries []document.Heading, i, count int) (from, to int, ok bool) {
	from = entries[i].Page
	if from < 1 || from > count {
		return 0, 0, false
	}
	for _, next := range entries[i+1:] {
		if next.Level <= entries[i].Level && next.Page >= from {
			return from, max(from, min(next.Page-1, count)), true
		}
	}
	return from, count, true
}
