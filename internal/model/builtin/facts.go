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
			if !among(w, headWords+"the of a an or to for in on by with be applies apply rule whether ") && w != "" {
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
	for _, p := range opposites(phrases) {
		for _, c := range f.statements(p, 0.74) {
			c.value = negated(c.value)
			out = append(out, c)
		}
	}
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

// opposites makes phrases that say the contrary: "VAT excluded" for "VAT included".
func opposites(phrases [][]string) [][]string {
	var out [][]string
	for _, p := range phrases {
		if len(p) < 2 {
			continue
		}
		for k, w := range p {
			for _, o := range contrary(w) {
				q := append([]string(nil), p...)
				q[k] = o
				out = append(out, q)
			}
		}
		if len(out) > 8 {
			break
		}
	}
	return out
}

func contrary(w string) []string {
	switch w {
	case stem("include"):
		return []string{"exclud"}
	case "cover":
		return []string{"exclud"}
	case "allow", "permitt", "permit":
		return []string{"prohibit", "forbid"}
	}
	return nil
}

func negated(v json.RawMessage) json.RawMessage {
	if string(v) == "true" {
		return json.RawMessage("false")
	}
	return json.RawMessage("true")
}

// maxMentions is how many places of a word are looked at on a page.
const maxMentions = 1000

// statements finds lines and sentences with all stems close together.
func (f *filler) statements(stems []string, weight float64) []candidate {
	var out []candidate
	for p, pg := range f.src.pages {
		low := f.lowered(p)
		for from, looked := 0, 0; len(out) < 6 && looked < maxMentions; looked++ {
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
	if k := strings.IndexByte(low[i:e], ':'); k >= 0 { // "Payment released: N"
		rd, ok := readBool(strings.TrimSpace(pg.text[i+k+1:e]), howCell)
		if !ok {
			return candidate{}, false
		}
		a, b := trim(pg.text, s, e)
		return reading{rd.value, a, b, 1}.at(pg, a, b, 1, f.rowAt(pg, i)), true
	}
	value := "true"
	if denied(ws, lo, hi, stems) {
		value = "false"
	}
	switch box(low[s:i]) {
	case boxEmpty:
		value = "false"
	case boxChecked:
		value = "true"
	}
	fit := 1.0
	if conditional(ws, lo) {
		fit = 0.7
	}
	a, b := trim(pg.text, s, e)
	return reading{json.RawMessage(value), a, b, 1}.at(pg, a, b, fit, f.rowAt(pg, i)), true
}

// Kinds of check boxes.
const (
	boxNone = iota
	boxEmpty
	boxChecked
)

// box returns the kind of the last check box of a text in small letters.
func box(s string) int {
	kind, at := boxNone, -1
	for _, b := range []struct {
		sign string
		kind int
	}{{"[ ]", boxEmpty}, {"☐", boxEmpty}, {"[x]", boxChecked}, {"☑", boxChecked}, {"☒", boxChecked}, {"✓", boxChecked}, {"✔", boxChecked}, {"✗", boxEmpty}, {"✘", boxEmpty}} {
		if i := strings.LastIndex(s, b.sign); i > at {
			kind, at = b.kind, i
		}
	}
	return kind
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
		case among(w, " not no non never without cannot neither nor none excluding excluded excl exclusive excludes exclude prohibited forbidden nicht kein keine ohne sans unless isn aren don doesn won plus zzgl declined "):
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
		if among(name, " other none unknown unspecified ") {
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

// classified says which value of an enumeration the documents speak of: by the value's own words or by those that explain it. When the
// two disagree it says nothing.
func (f *filler) classified(fd *field) []candidate {
	named, told := f.mentioned(fd), f.told(fd)
	switch {
	case len(told) == 0:
		return named
	case len(named) > 0 && string(named[0].value) != string(told[0].value):
		return nil
	}
	return told
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
				found = reading{enumValue(v), i, e, 1}.at(pg, i, e, 0.6, f.rowAt(pg, i))
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
						return []candidate{rd.at(r.page, rd.start, rd.end, 0.7, h.row)}
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
				return []candidate{reading{jsonString(code), a + s, a + e, 1}.at(r.page, a+s, a+e, 0.8, i)}
			}
		}
	}
	return nil
}
