package builtin

import "strings"

// spot is a place that reads like a label, known or not, with the stems of its words.
type spot struct {
	hit
	stems []string
	tight string // the words without blanks and signs
}

// Limits of the look for kindred labels.
const (
	maxSpots     = 4000
	maxSpotWords = 6
)

// spots lists the cells that read like labels: with a colon, or short words beside or above another cell. It is computed
// once.
func (f *filler) spots() []spot {
	if f.spotsDone {
		return f.spotList
	}
	f.spotsDone = true
	for i := range f.src.rows {
		r := &f.src.rows[i]
		for c := range r.cells {
			if len(f.spotList) >= maxSpots {
				return f.spotList
			}
			if s, ok := spotAt(r, i, c); ok {
				f.spotList = append(f.spotList, s)
			}
		}
	}
	return f.spotList
}

func spotAt(r *row, i, c int) (spot, bool) {
	ce := &r.cells[c]
	end, t := ce.end, r.text(c)
	m := mark{start: ce.start, term: termEnd, value: ce.end}
	if k := strings.IndexByte(t, ':'); k > 1 && k < 50 && (k+1 == len(t) || t[k+1] == ' ') {
		end = ce.start + k
		m.term, m.value = termColon, skipSpace(r.page.text, end+1, ce.end)
	} else if k := strings.Index(t, "...."); k > 1 && k < 70 {
		end = ce.start + k
		m.term, m.value = terminator(r.page.text, len(strings.TrimRight(r.page.text[:end], " ")), ce.end)
	} else if len(t) > 40 || hasDigit(t) {
		return spot{}, false
	}
	label := r.page.text[ce.start:end]
	if formLine(label) {
		label = label[strings.IndexByte(label, ' ')+1:]
	}
	ws := words(label)
	if len(ws) == 0 || len(ws) > maxSpotWords || hasDigit(label) {
		return spot{}, false
	}
	m.end = end
	return spot{hit{m, i, c}, stemsOf(ws), squeeze(label)}, true
}

// stemsOf returns the stems of the words that carry meaning.
func stemsOf(ws []string) []string {
	var out []string
	for _, w := range ws {
		if len(w) > 2 && !among(w, " the and for from with your our you per not its this that was has are der die das und von des les del een het van ") {
			out = append(out, stem(stem(w)))
		}
	}
	return out
}

// plainStems say too little to tell a label by themselves.
const plainStems = " name date numb number total amount type code time value numbe titl title address stat status text list item price note detail inform data info country city id key own "

// kindred looks for labels that share their words with the field's name or title though they are not the same phrase.
func (f *filler) kindred(fd *field) []candidate {
	var out []candidate
	for _, name := range []string{fd.name, fd.node.title} {
		ws := words(name)
		if len(ws) == 0 || len(ws) > 5 {
			continue
		}
		for fd.unit != "" && len(ws) > 1 && unitOf(ws[len(ws)-1]) != "" {
			ws = ws[:len(ws)-1]
		}
		stems, tight := stemsOf(ws), squeeze(name)
		for i := range f.spots() {
			s := &f.spotList[i]
			if len(out) > 8 {
				return out
			}
			if w := kinship(stems, s.stems, tight, s.tight); w > 0 && !f.claimed[s.row] {
				h := s.hit
				out = f.atHit(out, fd, &h, w)
			}
		}
	}
	return out
}

// kinship weighs how much two labels have in common; 0 when it is too little.
func kinship(a, b []string, tightA, tightB string) float64 {
	if len(tightA) > 3 && tightA == tightB {
		return 0.9
	}
	common, telling := 0, false
	for _, x := range a {
		for _, y := range b {
			if x == y {
				common++
				telling = telling || len(x) > 3 && !among(x, plainStems)
				break
			}
		}
	}
	union := len(a) + len(b) - common
	switch {
	case common == 0 || !telling:
		return 0
	case common == union:
		return 0.82
	case common*2 >= union:
		return 0.64
	}
	return 0
}
