package builtin

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
)

// Bounds of the search for what the words of an enumeration mean.
const (
	maxMeanings     = 40   // phrases of one enumeration
	maxMeaningWords = 8    // content words of a phrase
	meaningReach    = 3    // words that may stand between those of a phrase, beside the words without content
	maxChoicePages  = 2000 // pages looked at
)

// meaning is a phrase that tells when a value of an enumeration holds: "the claim is declined".
type meaning struct {
	option int
	stems  []string // of its words with content, in their order
	exact  string   // a single word in capitals: it must be printed so
}

// emptyWords say nothing about a choice, as words writes them. Words that deny are not among them.
const emptyWords = ` the a an is are be been being by of to in on at and for from it its this that these those has have had was were will shall we our your you
any each all must can could should than then when where which who with as or if only one other another more per
der die das den dem des ein eine einen einer eines ist sind wird werden wurde zu zum zur im und oder fur am auf mit von vom bei durch als es sich
le la les un une du de est sont et ou au aux en par pour sur dans avec se son sa ses qui que il elle
el los las una uno del y o por para con su sus al lo gli i di da e per nel della dello het een van voor door wordt os um uma sao do `

// denials turn a statement around, as words writes them.
const denials = ` not no never nothing none without nicht kein keine keinen keiner nichts ohne pas ne aucun aucune sans non sin ningun ninguna nunca senza nessun niet geen zonder nao nem sem `

// meaningsOf returns what the schema says of a value: the description beside its constant, and the words that the description of
// the property gives for it.
func meaningsOf(fd *field, i int) []string {
	var out []string
	if i < len(fd.node.told) && fd.node.told[i] != "" {
		out = append(out, phrasesOf(fd.node.told[i])...)
	}
	s, ok := fd.node.enum[i].(string)
	if !ok || s == "" {
		return out
	}
	return append(out, phrasesOf(explained(fd.node.description, s))...)
}

// explained returns what a description says behind a value: "A: applied, granted" of "A" is "applied, granted".
func explained(d, value string) string {
	for from := 0; from < len(d); {
		i := strings.Index(d[from:], value)
		if i < 0 {
			return ""
		}
		i += from
		from = i + len(value)
		if i > 0 && wordByte(d[i-1]) || from < len(d) && wordByte(d[from]) {
			continue
		}
		rest := strings.TrimLeft(d[from:], "\"'`” ")
		for _, sep := range []string{"=", ":", "(", "-", "–", "—", "means", "bedeutet", "signifie", "significa"} {
			after, ok := strings.CutPrefix(rest, sep)
			if !ok {
				continue
			}
			if j := strings.IndexAny(after, ";)\n"); j >= 0 {
				after = after[:j]
			}
			if j := strings.Index(after, ". "); j >= 0 {
				after = after[:j]
			}
			return strings.TrimSuffix(after, ".")
		}
	}
	return ""
}

// phrasesOf cuts an explanation at commas and at "or".
func phrasesOf(text string) []string {
	var out []string
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ';' || r == '/' || r == '(' || r == ')' || r == '\n' }) {
		for _, or := range []string{" or ", " oder ", " ou ", " o "} {
			part = strings.ReplaceAll(part, or, "\x00")
		}
		for p := range strings.SplitSeq(part, "\x00") {
			if p = strings.TrimSpace(p); p != "" && len(p) < 200 {
				out = append(out, p)
			}
		}
	}
	return out
}

// meanings reads the phrases of an enumeration. One that two values share says nothing.
func meanings(fd *field) []meaning {
	var out []meaning
	for i := range fd.node.enum {
		for _, p := range meaningsOf(fd, i) {
			m := meaning{option: i}
			ws := words(p)
			for _, w := range ws {
				if !among(w, emptyWords) {
					m.stems = append(m.stems, stem(w))
				}
			}
			if len(ws) == 1 && strings.ToUpper(p) == p {
				m.exact = p
			}
			if n := len(m.stems); n == 0 || n > maxMeaningWords || n == 1 && m.exact == "" && len(m.stems[0]) < 4 {
				continue
			}
			if len(out) < maxMeanings {
				out = append(out, m)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(out), func(m meaning) bool {
		return slices.ContainsFunc(out, func(o meaning) bool { return o.option != m.option && slices.Equal(o.stems, m.stems) })
	})
}

// told looks for the one value of an enumeration whose explanation the documents state. Phrases of several words go before single
// words; when two values are stated as well as each other, none is given.
func (f *filler) told(fd *field) []candidate {
	ms := meanings(fd)
	if len(ms) == 0 {
		return nil
	}
	best := map[int]candidate{}
	strength := map[int]int{}
	for p, pg := range f.src.pages {
		if p >= maxChoicePages || f.ctx.Err() != nil {
			break
		}
		f.sayings(pg, func(ws []spoken) {
			for _, m := range ms {
				n := min(len(m.stems), 3)
				if n <= strength[m.option] {
					continue
				}
				a, b, ok := m.in(ws)
				if !ok {
					continue
				}
				score := 0.6
				if n > 1 {
					score = 0.68
				}
				strength[m.option] = n
				best[m.option] = reading{enumValue(fd.node.enum[m.option]), a, b, 1}.at(pg, a, b, score, f.rowAt(pg, a))
			}
		})
	}
	top, second := -1, 0
	for i, n := range strength {
		switch {
		case top < 0 || n > strength[top]:
			if top >= 0 {
				second = max(second, strength[top])
			}
			top = i
		default:
			second = max(second, n)
		}
	}
	if top < 0 || second == strength[top] {
		return nil
	}
	return []candidate{best[top]}
}

// spoken is a word of a sentence.
type spoken struct {
	start, end int
	word       string
	stem       string
	upper      string // as it is printed, when that is in capitals
}

// sayings calls do with the words of each sentence of a page. Short lines before a colon, which are labels, are left out.
func (f *filler) sayings(pg *page, do func([]spoken)) {
	var ws []spoken
	flush := func() {
		if len(ws) > 0 {
			do(ws)
		}
		ws = ws[:0]
	}
	last := 0
	for i := 0; i < len(pg.text); {
		s, e := nextWord(pg.text, i)
		if s < 0 {
			break
		}
		if gap := pg.text[last:s]; strings.ContainsAny(gap, ".!?;:|•") || strings.Count(gap, "\n") > 1 || strings.Contains(gap, "  ") && !strings.Contains(gap, "\n") || len(ws) > 80 {
			if !strings.Contains(gap, ":") || len(ws) > 6 {
				flush()
			}
			ws = ws[:0]
		}
		w := plain(pg.text[s:e])
		sp := spoken{start: s, end: e, word: w, stem: stem(w)}
		if t := pg.text[s:e]; strings.ToUpper(t) == t && strings.ContainsFunc(t, unicode.IsLetter) {
			sp.upper = t
		}
		ws = append(ws, sp)
		last, i = e, e
	}
	flush()
}

// in finds a phrase in a sentence: all of its words close together, none denied unless the phrase denies it.
func (m *meaning) in(ws []spoken) (start, end int, ok bool) {
	for k := range ws {
		if ws[k].stem != m.stems[0] && !slices.Contains(m.stems, ws[k].stem) {
			continue
		}
		if m.exact != "" && ws[k].upper != m.exact {
			continue
		}
		if a, b, ok := m.around(ws, k); ok {
			return ws[a].start, ws[b].end, true
		}
	}
	return 0, 0, false
}

// around matches a phrase from word k on, in any order.
func (m *meaning) around(ws []spoken, k int) (a, b int, ok bool) {
	need := len(m.stems)
	seen := make([]bool, need)
	denies := slices.ContainsFunc(m.stems, func(s string) bool { return among(s, denials) })
	spare := meaningReach
	for j := k; j < len(ws); j++ {
		at := -1
		for i, s := range m.stems {
			if !seen[i] && s == ws[j].stem {
				at = i
				break
			}
		}
		switch {
		case at >= 0:
			seen[at] = true
			need--
		case among(ws[j].word, denials) && !denies:
			return 0, 0, false
		case among(ws[j].word, emptyWords):
		default:
			if spare--; spare < 0 {
				return 0, 0, false
			}
		}
		if need > 0 {
			continue
		}
		for i := max(k-3, 0); i < k && !denies; i++ {
			if among(ws[i].word, denials) {
				return 0, 0, false
			}
		}
		if !denies && j+1 < len(ws) && among(ws[j+1].word, denials) {
			return 0, 0, false
		}
		return k, j, true
	}
	return 0, 0, false
}

// constants reads alternatives that are all constants, as enumerations with explanations are written.
func constants(alts []*node) (enum []any, told []string, ok bool) {
	for _, a := range alts {
		if a.constant == nil {
			return nil, nil, false
		}
		var v any
		if json.Unmarshal(a.constant, &v) != nil {
			return nil, nil, false
		}
		text := a.description
		if a.title != "" && text != "" {
			text = a.title + ", " + text
		}
		enum, told = append(enum, v), append(told, first(text, a.title))
	}
	return enum, told, len(enum) > 0
}
