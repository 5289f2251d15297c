package pageselect

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/stewardhq/steward/internal/grounding"
)

// tokens cuts a text into words and numbers, in small letters without accents. Numbers keep their inner dots: "2.3" is one token.
func tokens(s string) []string {
	var out []string
	var b strings.Builder
	digits := false
	flush := func() {
		if t := strings.Trim(b.String(), "."); t != "" {
			out = append(out, t)
		}
		b.Reset()
	}
	for _, r := range norm.NFD.String(strings.ToLower(grounding.Fold(s))) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsDigit(r):
			if !digits {
				flush()
			}
			digits = true
			b.WriteRune(r)
		case r == '.' && digits:
			b.WriteRune(r)
		case unicode.IsLetter(r):
			if digits {
				flush()
			}
			digits = false
			b.WriteRune(r)
		default:
			flush()
			digits = false
		}
	}
	flush()
	return out
}

// plain is a text by its tokens, so that two that read the same are equal.
func plain(s string) string { return strings.Join(tokens(s), " ") }

// isNumber reports whether a token is a number.
func isNumber(t string) bool { return t != "" && t[0] >= '0' && t[0] <= '9' }

// isStop reports whether a token says nothing about a subject: articles, prepositions and the words by which people ask, in English,
// German, French and Spanish.
func isStop(t string) bool {
	switch t {
	case "a", "an", "the", "of", "in", "on", "at", "to", "for", "and", "or", "with", "by", "from", "about", "as", "is", "are", "be", "that",
		"this", "these", "those", "which", "who", "where", "what", "it", "its", "any", "all", "each", "every", "s", "such", "like", "into",
		"page", "pages", "contain", "contains", "containing", "show", "shows", "showing", "describe", "describes", "describing", "include",
		"includes", "including", "find", "list", "lists", "listing", "mention", "mentions", "mentioning", "concerning", "regarding", "related",
		"der", "die", "das", "den", "dem", "des", "ein", "eine", "einer", "eines", "einem", "einen", "und", "oder", "mit", "von", "vom", "zu",
		"zum", "zur", "im", "fur", "uber", "auf", "aus", "bei", "seite", "seiten", "alle",
		"le", "la", "les", "un", "une", "du", "de", "et", "ou", "avec", "par", "pour", "sur", "dans", "au", "aux", "l", "d",
		"el", "los", "las", "una", "unos", "unas", "y", "o", "con", "por", "para", "en", "sobre", "del", "al", "pagina", "paginas":
		return true
	}
	return false
}

// subject is the tokens that say something; all of them when none does.
func subject(list []string) []string {
	var out []string
	for _, t := range list {
		if !isStop(t) {
			out = append(out, t)
		}
	}
	if len(out) == 0 {
		return list
	}
	return out
}

// stem cuts the endings of plurals and cases off a word, so that "balances" finds "balance". It is crude: both sides are cut alike.
func stem(t string) string {
	if isNumber(t) {
		return t
	}
	for _, end := range []string{"ies", "es", "en", "er", "e", "s", "n", "y"} {
		if rest, ok := strings.CutSuffix(t, end); ok && len(rest) >= 4 {
			return rest
		}
	}
	return t
}

// stems cuts every token.
func stems(list []string) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = stem(t)
	}
	return out
}
