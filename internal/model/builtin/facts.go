package builtin

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// stem cuts the endings of English words, so that "renewal", "renews" and "renewed" agree.
func stem(w string) string {
	if len(w) <= 4 {
		return strings.TrimSuffix(w, "s")
	}
	for _, end := range []string{"ations", "ation", "ically", "ingly", "ments", "ment", "ances", "ance", "able", "ible", "ings", "ions", "ing", "ion", "ies", "ity", "ous", "als", "ive", "ed", "es", "al", "ly", "er", "e", "s", "y"} {
		if strings.HasSuffix(w, end) && len(w)-len(end) >= 4 {
			return w[:len(w)-len(end)]
		}
	}
	return w
}

// stated looks for sentences and lines that say a boolean field's words, plainly or with a negation.
func (f *filler) stated(fd *field) []candidate {
	var phrases [][]string
	seen := map[string]bool{}
	add := func(ws []string, least int) {
		var stems []string
		for _, w := range ws {
			if !strings.Contains(headWords+"the of a an or to for in on by with be applies apply rule whether ", " "+w+" ") && w != "" {
				stems = append(stems, stem(w))
			}
		}
		key := strings.Join(stems, " ")
		if len(stems) < least || len(stems) > 4 || seen[key] {
			return
		}
		seen[key] = true
		phrases = append(phrases, stems)
	}
	add(words(fd.name), 1)
	add(words(fd.node.title), 2)
	for _, l := range fd.labels {
		if l.weight < 0.85 {
			break
		}
		for _, m := range f.form.members[l.phrase] {
			if m.rank > 1 {
				continue
			}
			for _, text := range f.form.groups[m.group].labels {
				add(words(text), 1)
			}
		}
	}
	var out []candidate
	for i, p := range phrases {
		weight := 0.8
		if i > 0 {
			weight = 0.75
		}
		if len(p) == 1 {
			if len(p[0]) < 5 {
				continue
			}
			weight = 0.62
		}
		out = append(out, f.statements(p, weight)...)
		if len(out) > 6 {
			break
		}
	}
	return out
}

// statements finds lines and sentences with all stems close together.
func (f *filler) statements(stems []string, weight float64) []candidate {
	var out []candidate
	for p, pg := range f.src.pages {
		low := f.lowered(p)
		for from := 0; len(out) < 6; {
			i := strings.Index(low[from:], stems[0])
			if i < 0 {
				break
			}
			i += from
			from = i + len(stems[0])
			if i > 0 && asciiLetter(low[i-1]) && !strings.HasSuffix(low[:i], "non") && !strings.HasSuffix(low[:i], "un") {
				continue
			}
			if c, ok := f.statement(pg, low, i, stems); ok {
				c.score *= weight
				out = append(out, c)
				from = max(from, c.qe)
			}
		}
	}
	return out
}

// lowered returns a page's text in small letters when that keeps its byte offsets; else as it is.
func (f *filler) lowered(p int) string {
	if f.lower == nil {
		f.lower = make([]string, len(f.src.pages))
	}
	if f.lower[p] == "" {
		low := strings.ToLower(f.src.pages[p].text)
		if len(low) != len(f.src.pages[p].text) {
			low = f.src.pages[p].text
		}
		f.lower[p] = low
	}
	return f.lower[p]
}

// statement judges the sentence around byte i of a page.
func (f *filler) statement(pg *page, low string, i int, stems []string) (candidate, bool) {
	s, e := clause(low, i)
	sentence := low[s:e]
	if strings.HasSuffix(strings.TrimSpace(sentence), "?") {
		return candidate{}, false
	}
	ws := words(sentence)
	if len(ws) > 60 {
		return candidate{}, false
	}
	lo, hi := len(ws), -1
	for _, st := range stems {
		at := -1
		for k, w := range ws {
			if strings.HasPrefix(w, st) || strings.HasPrefix(w, "non"+st) || strings.HasPrefix(w, "un"+st) && st != "" && len(st) > 4 {
				if at < 0 || lo < len(ws) && distance(k, lo) < distance(at, lo) {
					at = k
				}
			}
		}
		if at < 0 {
			return candidate{}, false
		}
		lo, hi = min(lo, at), max(hi, at)
	}
	if hi-lo > 8 {
		return candidate{}, false
	}
	value := "true"
	if denied(ws, lo, hi, stems) {
		value = "false"
	}
	fit := 1.0
	if conditional(ws, lo) {
		fit = 0.7
	}
	a, b := trim(pg.text, s, e)
	return candidate{json.RawMessage(value), pg, a, b, a, b, fit, f.rowAt(pg, i)}, true
}

func distance(a, b int) int {
	if a > b {
		return a - b
	}
	return b - a
}

// clause returns the line or the sentence around byte i, at most 300 bytes to each side.
func clause(text string, i int) (start, end int) {
	start, end = i, i
	for start > 0 && i-start < 300 && !breaks(text, start-1) {
		start--
	}
	for end < len(text) && end-i < 300 && !breaks(text, end) {
		end++
	}
	for start > 0 && start < len(text) && !utf8.RuneStart(text[start]) {
		start++
	}
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end++
	}
	return start, end
}

// breaks reports whether a statement ends at byte i: a sentence's end, a wide gap, or a line that the next does not go on.
func breaks(text string, i int) bool {
	if text[i] == ' ' && i+2 < len(text) && text[i+1] == ' ' && text[i+2] != ' ' {
		return true
	}
	if text[i] == '|' || text[i] == ';' {
		return true
	}
	if text[i] == '.' && (i+1 == len(text) || text[i+1] == ' ' || text[i+1] == '\n') {
		return true
	}
	if text[i] == '\n' {
		j := i + 1
		for j < len(text) && text[j] == ' ' {
			j++
		}
		k := i
		for k > 0 && text[k-1] != '\n' {
			k--
		}
		return j >= len(text) || i-k < 45 || strings.IndexByte("-*\n[", text[j]) >= 0
	}
	return false
}

// denied reports whether a statement about ws[lo:hi+1] is negative.
func denied(ws []string, lo, hi int, stems []string) bool {
	own := func(w string) bool {
		for _, s := range stems {
			if strings.HasPrefix(w, s) {
				return true
			}
		}
		return false
	}
	no := 0
	for k := max(0, lo-5); k < len(ws) && k <= hi+4; k++ {
		w := ws[k]
		switch {
		case own(w):
		case strings.Contains(" not no never without cannot neither nor none excluding excluded excl exclusive excludes prohibited forbidden nicht kein keine ohne sans unless isn aren don doesn won plus zzgl declined ", " "+w+" "):
			if w == "plus" && k > lo || w == "no" && k > hi && k+1 < len(ws) {
				continue
			}
			if w == "unless" {
				continue
			}
			if w == "without" && k > hi { // "without the consent of the landlord" limits, it does not deny
				continue
			}
			no++
		case (strings.HasPrefix(w, "non") || strings.HasPrefix(w, "un")) && k >= lo && k <= hi:
			no++
		}
	}
	return no%2 == 1
}

// conditional reports whether a statement hangs on an "if".
func conditional(ws []string, lo int) bool {
	for k := max(0, lo-8); k < lo; k++ {
		switch ws[k] {
		case "if", "whether", "unless", "when", "may", "should", "falls", "si":
			return true
		}
	}
	return false
}

// rowAt returns the index of the row in which byte i of a page stands.
func (f *filler) rowAt(pg *page, i int) int {
	lo, hi := pg.first, pg.first+pg.rows
	for lo < hi {
		mid := (lo + hi) / 2
		if f.src.rows[mid].end <= i {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return min(lo, len(f.src.rows)-1)
}

// mentioned looks for the only value of an enumeration that the documents mention at all.
func (f *filler) mentioned(fd *field) []candidate {
	var only *candidate
	for _, v := range fd.node.enum {
		s, ok := v.(string)
		if !ok || len(s) < 4 {
			continue
		}
		name := enumText(v)
		if strings.Contains(" other none unknown unspecified ", " "+name+" ") {
			continue
		}
		c, n := f.firstMention(v, name)
		if n == 0 {
			continue
		}
		if only != nil {
			return nil
		}
		only = &c
	}
	if only == nil {
		return nil
	}
	return []candidate{*only}
}

// firstMention finds a value's words in the documents and counts them; single common words are no proof.
func (f *filler) firstMention(v any, name string) (candidate, int) {
	var found candidate
	n := 0
	for p, pg := range f.src.pages {
		low := f.lowered(p)
		for from := 0; n < 20; {
			i := strings.Index(low[from:], name)
			if i < 0 {
				break
			}
			i += from
			e := i + len(name)
			from = e
			if i > 0 && wordByte(low[i-1]) || e < len(low) && wordByte(low[e]) {
				continue
			}
			n++
			if n == 1 {
				found = candidate{enumValue(v), pg, i, e, i, e, 0.6, f.rowAt(pg, i)}
			}
		}
	}
	return found, n
}

// totalCurrency reads the currency of the first sum or amount that bears one.
func (f *filler) totalCurrency(fd *field) []candidate {
	for _, id := range []string{"total", "amount due", "transaction amount", "price", "salary", "subtotal"} {
		for _, g := range f.form.groups {
			if g.id != id {
				continue
			}
			for _, text := range g.labels {
				for _, h := range f.src.hits[f.walk(text)] {
					r := &f.src.rows[h.row]
					if h.lead > 0 || f.claimed[h.row] || len(r.line()) > 200 {
						continue
					}
					if rd, ok := f.read(fd, r.page, r.start, r.end, howCell); ok {
						return []candidate{{rd.value, r.page, rd.start, rd.end, rd.start, rd.end, 0.7, h.row}}
					}
				}
			}
		}
	}
	return nil
}

// amountCurrency reads the currency from the amounts when the documents have one only.
func (f *filler) amountCurrency(fd *field) []candidate {
	code := f.src.style.currency
	if code == "" {
		return f.totalCurrency(fd)
	}
	if len(fd.node.enum) > 0 && !enumHas(fd.node.enum, code) || !admits(fd.node, jsonString(code)) {
		return nil
	}
	for i := range f.src.rows {
		if i > 4000 {
			break
		}
		r := &f.src.rows[i]
		for c := range r.cells {
			text := r.text(c)
			if got, s, e := currencyIn(text); got == code || got == "USD" && code != "" && got != "" {
				a := r.cells[c].start
				return []candidate{{jsonString(code), r.page, a + s, a + e, a + s, a + e, 0.8, i}}
			}
		}
	}
	return nil
}
