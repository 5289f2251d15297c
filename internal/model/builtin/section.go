package builtin

import (
	"slices"
	"strings"
)

const maxListItems = 500

// section returns the rows under a heading: up to the next heading, the page's end with nothing behind it, or a limit.
func (f *filler) section(h *hit) span {
	r := &f.src.rows[h.row]
	i := h.row + 1
	for ; i < len(f.src.rows) && i-h.row <= 200; i++ {
		n := &f.src.rows[i]
		if n.page.file != r.page.file || f.claimed[i] {
			break
		}
		if i > h.row+1 && f.startsSection(h, i) {
			break
		}
		if m, ok := n.label(0); ok && i > h.row+1 && m.term == termColon && !n.bullet && n.cells[0].x0 <= r.cells[0].x0+r.page.apart() && f.listLabel(m.phrase) {
			break
		}
	}
	return span{h.row + 1, i}
}

// startsSection reports whether row i is a heading like the one of h: a known heading, or one of the same look.
func (f *filler) startsSection(h *hit, i int) bool {
	n := &f.src.rows[i]
	if !f.src.heading(i) {
		return false
	}
	t, own := n.text(0), f.src.rows[h.row].text(0)
	if capitals(own) {
		return capitals(t) && len(t) > 3
	}
	if f.src.rows[h.row].height > 0 && n.height >= f.src.rows[h.row].height-0.3 && f.src.rows[h.row].height > f.bodyHeight()+0.4 {
		return true
	}
	m, ok := n.label(0)
	return ok && n.pureLabel(0) && (n.gap || m.term == termColon) && f.sectionLabel(m.phrase)
}

// bodyHeight is the height of most rows' letters; 0 when unknown.
func (f *filler) bodyHeight() float64 {
	if f.body != nil {
		return *f.body
	}
	var hs []float64
	for i := range f.src.rows {
		if i == 400 {
			break
		}
		hs = append(hs, f.src.rows[i].height)
	}
	slices.Sort(hs)
	v := 0.0
	if len(hs) > 0 {
		v = hs[len(hs)/2]
	}
	f.body = &v
	return v
}

func capitals(s string) bool { return strings.ToUpper(s) == s && strings.ToLower(s) != s }

// listLabel reports whether a phrase labels a list that stands for itself in a resume.
func (f *filler) listLabel(ph phrase) bool {
	for _, id := range []string{"skills", "languages", "certifications", "interests"} {
		if f.inGroup(ph, id) {
			return true
		}
	}
	return false
}

// sectionLabel reports whether a phrase heads sections of a resume, a listing or a report.
func (f *filler) sectionLabel(ph phrase) bool {
	for _, g := range f.form.members[ph] {
		switch f.form.groups[g.group].id {
		case "summary", "skills", "experience", "education", "languages", "certifications", "projects", "publications", "awards",
			"interests", "references", "features", "description", "narrative", "notes":
			if !g.weak {
				return true
			}
		}
	}
	return false
}

// headingHits returns the places where a label of the field stands alone as a heading, best label first.
func (f *filler) headingHits(fd *field, least float64) []hit {
	var out []hit
	for _, l := range fd.labels {
		if l.weight < least || len(out) > 8 {
			break
		}
		for i := range f.src.hits[l.phrase] {
			h := f.src.hits[l.phrase][i]
			r := &f.src.rows[h.row]
			if h.lead == 0 && len(r.cells) == 1 && !f.claimed[h.row] && (h.term == termEnd || h.term == termColon && h.value >= r.cells[0].end || h.term == termValue && f.src.heading(h.row) && r.end-h.end < 20) {
				out = append(out, h)
			}
		}
	}
	return out
}

// sectionText reads the text under a heading as one value.
func (f *filler) sectionText(fd *field) []candidate {
	for _, h := range f.headingHits(fd, 0.55) {
		sec := f.section(&h)
		end := sec.start
		for end < sec.end {
			n := &f.src.rows[end]
			if n.page != f.src.rows[sec.start].page || end > sec.start && n.gap || n.keyed(0) && end > sec.start {
				break
			}
			end++
		}
		if end == sec.start {
			continue
		}
		a, z := &f.src.rows[sec.start], &f.src.rows[end-1]
		if len(a.cells) > 1 {
			continue
		}
		rd, ok := f.read(fd, a.page, a.start, z.end, howCell)
		if ok {
			return []candidate{rd.at(a.page, rd.start, rd.end, 0.9, h.row)}
		}
	}
	return nil
}

// list reads the elements of an array of scalars: behind a label, right of it, or under a heading.
func (f *filler) list(fd *field) []candidate {
	element := &field{name: fd.name, node: fd.node.items, parent: fd.parent, words: fd.words, inTable: true, labels: fd.labels}
	f.form.describe(element)
	if element.kind == kindBool || element.kind == kindParagraph {
		element.kind = kindText
	}
	if slices.Contains(fd.words, "party") {
		if out := f.parties(element); len(out) > 0 {
			return out
		}
	}
	for _, l := range fd.labels {
		if l.weight < 0.6 {
			break
		}
		for i := range f.src.hits[l.phrase] {
			h := &f.src.hits[l.phrase][i]
			if h.lead > 0 || h.term == termValue || f.claimed[h.row] {
				continue
			}
			if out := f.listAt(element, h); len(out) > 0 {
				return out
			}
		}
	}
	if element.kind == kindEmail || element.kind == kindPhone || element.kind == kindURL || element.kind == kindIBAN {
		return f.everywhere(element)
	}
	return nil
}

// listAt reads the elements at one label.
func (f *filler) listAt(fd *field, h *hit) []candidate {
	r := &f.src.rows[h.row]
	ce := &r.cells[h.cell]
	if h.term == termColon && h.value < ce.end {
		end := ce.end
		if h.cell == len(r.cells)-1 {
			end = f.runOn(h)
		}
		return f.split(fd, r.page, h.value, end, h.row, false)
	}
	if h.cell+1 < len(r.cells) && !r.pureLabel(h.cell+1) {
		c := f.column(&field{kind: kindText, node: fd.node}, h, candidate{page: r.page, start: r.cells[h.cell+1].start, end: r.cells[h.cell+1].end}, h.cell+1)
		end := c.end
		if h.cell+1 < len(r.cells)-1 {
			end = r.end
		}
		return f.split(fd, r.page, c.start, end, h.row, false)
	}
	return f.listUnder(fd, h)
}

// runOn returns the end of a list that begins behind a label and goes on in the next lines.
func (f *filler) runOn(h *hit) int {
	r := &f.src.rows[h.row]
	end := r.end
	for i := h.row + 1; i < len(f.src.rows) && i < h.row+8; i++ {
		n := &f.src.rows[i]
		if n.page != r.page || n.gap || n.bullet || len(n.cells) > 1 || n.keyed(0) || f.src.heading(i) && !strings.HasSuffix(strings.TrimSpace(r.page.text[:end]), ",") {
			break
		}
		if !strings.Contains(n.line(), ",") && !strings.HasSuffix(strings.TrimSpace(r.page.text[:end]), ",") && n.cells[0].x0 <= r.cells[0].x0 {
			break
		}
		end = n.end
	}
	return end
}

// listUnder reads the lines under a heading: each bullet, each line, or what commas part.
func (f *filler) listUnder(fd *field, h *hit) []candidate {
	sec := f.section(h)
	var out []candidate
	bullets := sec.start < sec.end && f.src.rows[sec.start].bullet
	for i := sec.start; i < sec.end && len(out) < maxListItems; i++ {
		n := &f.src.rows[i]
		if i > sec.start && n.gap && (bullets && !n.bullet || !bullets) {
			break
		}
		if bullets && !n.bullet { // a bullet's second line
			if k := len(out) - 1; k >= 0 && len(n.cells) == 1 && n.page == out[k].page && n.cells[0].x0 > f.src.rows[h.row].cells[0].x0 {
				out[k].end = n.end
				out[k].qe = n.end
				out[k].value = jsonString(fold(n.page.text[out[k].start:n.end]))
				continue
			}
			break
		}
		if bullets && !strings.Contains(n.line(), ", ") {
			for c := range n.cells {
				out = append(out, f.split(fd, n.page, n.cells[c].start, n.cells[c].end, i, true)...)
			}
			continue
		}
		start := n.start
		if n.keyed(0) { // "Databases: PostgreSQL, SQLite"
			if c := strings.IndexByte(n.line(), ':'); c > 0 {
				start += c + 1
			}
		}
		out = append(out, f.split(fd, n.page, start, n.end, i, bullets && !sublist(n.line()))...)
	}
	return out
}

// sublist reports whether a bullet's line is itself a list of short things.
func sublist(s string) bool {
	parts := strings.Split(s, ",")
	for _, p := range parts {
		if strings.Count(strings.TrimSpace(p), " ") > 3 {
			return false
		}
	}
	return len(parts) > 2
}

// split cuts a text into elements at commas, semicolons, bullets and wide gaps, outside parentheses; whole keeps it in one.
func (f *filler) split(fd *field, pg *page, a, b int, row int, whole bool) []candidate {
	a, b = trim(pg.text, a, b)
	if a >= b || b-a > 4000 {
		return nil
	}
	text := pg.text[a:b]
	var out []candidate
	add := func(s, e int) {
		s, e = trim(text, s, e)
		if strings.HasPrefix(text[s:e], "+ ") {
			s += 2
		}
		if w := strings.TrimSuffix(text[s:e], "."); len(w) < e-s && strings.Count(w, ".") == 0 && !whole {
			e--
		}
		for _, w := range []string{"and ", "und ", "et ", "& "} {
			if strings.HasPrefix(text[s:e], w) && len(out) > 0 {
				s += len(w)
			}
		}
		if s >= e || len(out) >= maxListItems {
			return
		}
		rd, ok := f.read(fd, pg, a+s, a+e, howCell)
		if ok && (e-s < 120 || whole) {
			qs, qe := f.quoteSpan(pg, rd.start, rd.end, &f.src.rows[row])
			out = append(out, rd.at(pg, qs, qe, 0.92*rd.fit, row))
		}
	}
	if whole {
		add(0, len(text))
		return out
	}
	semicolon := strings.Contains(text, ";")
	depth, start := 0, 0
	for i, c := range text {
		cut := 0
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth = max(0, depth-1)
		case depth > 0:
		case c == ';', strings.ContainsRune("•·|▪‣", c), (c == '/' || c == '*') && i > 0 && text[i-1] == ' ' && i+1 < len(text) && text[i+1] == ' ':
			cut = max(1, len(string(c)))
		case c == ',' && !semicolon && (i == 0 || i+1 >= len(text) || !digit(text[i-1]) || !digit(text[i+1])):
			cut = 1
		case c == '\n' && i > 0 && strings.IndexByte(",;", lastByte(text[:i])) < 0 && f.ownLine(text, i):
			cut = 1
		case c == ' ' && strings.HasPrefix(text[i:], "   "), c == ' ' && strings.HasPrefix(text[i:], " - ") || c == ' ' && strings.HasPrefix(text[i:], " – ") && false:
			cut = 1
		}
		if cut > 0 {
			add(start, i)
			start = i + cut
		}
	}
	if n := len(out); n > 0 || strings.Contains(text[start:], " and ") {
		if i := strings.LastIndex(text[start:], " and "); i > 0 && !strings.Contains(text[start:], ",") && n > 0 && strings.Count(text[start:], " ") < 5 {
			add(start, start+i)
			start += i + len(" and ")
		}
	}
	add(start, len(text))
	return out
}

func lastByte(s string) byte {
	s = strings.TrimRight(s, " \r")
	if s == "" {
		return 0
	}
	return s[len(s)-1]
}

// ownLine reports whether lines of a list stand for themselves: the text has no commas.
func (f *filler) ownLine(text string, _ int) bool { return !strings.Contains(text, ",") }

// everywhere collects all values of a pattern, each once.
func (f *filler) everywhere(fd *field) []candidate {
	var out []candidate
	seen := map[string]bool{}
	for i := range f.src.rows {
		r := &f.src.rows[i]
		for c := range r.cells {
			rd, ok := f.strict(fd, r.page, r.cells[c].start, r.cells[c].end)
			if !ok || seen[string(rd.value)] || len(out) >= maxListItems {
				continue
			}
			seen[string(rd.value)] = true
			out = append(out, rd.at(r.page, rd.start, rd.end, 0.8, i))
		}
	}
	return out
}
