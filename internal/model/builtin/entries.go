package builtin

import (
	"slices"
	"strings"
)

// dateRange is "Mar 2019 – present" and the like, or a single date or year.
type dateRange struct {
	start, end int // byte range in the text
	from, to   date
	open       bool // it ends with "present"
	single     bool
}

// yearDate reads a date or a bare year at i.
func (c *calendar) yearDate(text string, i int) (date, bool) {
	if d, ok := c.at(text, i); ok {
		return d, true
	}
	if y, e := integer(text, i, 4); e == i+4 && y >= 1950 && y <= 2099 && closed(text, e) {
		return date{start: i, end: e, year: y}, true
	}
	return date{}, false
}

// ranges finds the first range of dates in text; without one the first single date, month or year when single is admitted.
func (f *filler) ranges(text string, single bool) (dateRange, bool) {
	c := f.src.style.calendar
	var lone dateRange
	for i := 0; i < len(text); {
		s, e := nextWord(text, i)
		if s < 0 {
			break
		}
		d, ok := c.yearDate(text, s)
		if !ok {
			i = e
			continue
		}
		i = d.end
		r := dateRange{start: s, end: d.end, from: d}
		j := rangeSign(text, d.end)
		if j < 0 {
			if lone.end == 0 {
				lone = r
				lone.single = true
			}
			continue
		}
		if w := presentWord(text[j:]); w > 0 {
			r.open, r.end = true, j+w
			return r, true
		}
		if to, ok := c.yearDate(text, j); ok {
			r.to, r.end = to, to.end
			return r, true
		}
	}
	return lone, single && lone.end > 0
}

// rangeSign returns where the second date begins behind a dash or "to" at i, or -1.
func rangeSign(text string, i int) int {
	j := skipSpace(text, i, len(text))
	for _, w := range []string{"-", "–", "—", "to ", "until ", "bis ", "till ", "through ", "and ", "bis zum ", "au ", "al ", "hasta ", "a ", "t/m ", "tot ", "até ", "/"} {
		if strings.HasPrefix(text[j:], w) && (j > i || !asciiLetter(w[0])) {
			return skipSpace(text, j+len(w), len(text))
		}
	}
	return -1
}

func presentWord(s string) int {
	low := strings.ToLower(s[:min(len(s), 12)])
	for _, w := range []string{"present", "current", "now", "today", "heute", "ongoing", "to date", "date", "aujourd"} {
		if strings.HasPrefix(low, w) {
			return len(w)
		}
	}
	return 0
}

// roles of the properties of an entry.
const (
	rolePosition = "position"
	roleCompany  = "company"
	roleDegree   = "degree"
	roleSchool   = "institution"
	roleField    = "field of study"
	roleStart    = "start date"
	roleEnd      = "end date"
	rolePlace    = "location"
	roleText     = "description"
	roleYear     = "graduation year"
	rolePeriod   = "service period"
	roleCurrent  = "current"
)

// entryRoles says which property of an array's elements has which role.
func (f *filler) entryRoles(fd *field) map[string]*field {
	roles := map[string]*field{}
	order := []string{rolePosition, roleCompany, roleDegree, roleSchool, roleField, roleStart, roleEnd, rolePlace, roleYear, rolePeriod}
	for _, c := range fd.children {
		if c.kind == kindArray || slices.ContainsFunc(c.words, func(w string) bool {
			return among(w, " description responsibility summary highlight achievement detail bullet ")
		}) {
			if _, ok := roles[roleText]; !ok {
				roles[roleText] = c
			}
			continue
		}
		if c.kind == kindBool {
			if slices.ContainsFunc(c.words, func(w string) bool { return w == "current" || w == "present" || w == "ongoing" }) {
				roles[roleCurrent] = c
			}
			continue
		}
		for _, id := range order {
			if _, taken := roles[id]; taken || !f.ownGroup(c, id) {
				continue
			}
			roles[id] = c
			break
		}
	}
	return roles
}

// ownGroup reports whether the field's own name, or its title, is a label of the group.
func (f *filler) ownGroup(fd *field, id string) bool {
	for _, text := range []string{strings.Join(fd.words, " "), fd.node.title} {
		if ph := f.walk(text); ph != 0 && f.inGroup(ph, id) {
			return true
		}
	}
	last := ""
	if n := len(fd.words); n > 0 {
		last = fd.words[n-1]
	}
	switch id {
	case rolePeriod:
		return among(strings.Join(fd.words, " "), " period date dates duration when year years time tenure ") && fd.node.typ == "string"
	case roleStart:
		return last == "from" || slices.Contains(fd.words, "start") || slices.Contains(fd.words, "from")
	case roleEnd:
		return last == "to" || slices.Contains(fd.words, "end") || last == "until"
	}
	return false
}

// entries reads the jobs or studies under a heading: each begins where a line has a range of dates.
func (f *filler) entries(fd *field) []record {
	roles := f.entryRoles(fd)
	dated := roles[roleStart] != nil || roles[roleEnd] != nil || roles[roleYear] != nil
	job := roles[rolePosition] != nil || roles[roleCompany] != nil
	study := roles[roleDegree] != nil || roles[roleSchool] != nil
	tongues := slices.ContainsFunc(fd.children, func(c *field) bool { return slices.Contains(c.words, "language") })
	papers := slices.ContainsFunc(fd.words, func(w string) bool {
		return among(w, " certification certificate award course license ")
	})
	for _, h := range f.headingHits(f.withHeadings(fd, job, study), 0.6) {
		sec := f.section(&h)
		var out []record
		if (job || study) && !tongues {
			out = f.entriesIn(sec, roles, study && roles[roleDegree] != nil || !job)
		}
		if len(out) == 0 && (!dated || papers) && !job {
			out = f.pairs(fd, sec)
		}
		if len(out) > 0 {
			for i := sec.start; i < sec.end; i++ {
				f.claimed[i] = true
			}
			return out
		}
	}
	return nil
}

// withHeadings adds to the array's labels the usual headings of what its elements are.
func (f *filler) withHeadings(fd *field, job, study bool) *field {
	ids := map[string]bool{"experience": job, "education": study}
	ids["languages"] = slices.ContainsFunc(fd.children, func(c *field) bool { return slices.Contains(c.words, "language") })
	out := &field{labels: slices.Clone(fd.labels)}
	for _, g := range f.form.groups {
		if !ids[g.id] || job && study {
			continue
		}
		for _, text := range g.labels {
			if ph := f.walk(text); ph != 0 && !slices.ContainsFunc(out.labels, func(l label) bool { return l.phrase == ph }) {
				out.labels = append(out.labels, label{ph, 0.7})
			}
		}
	}
	return out
}

// entriesIn cuts a section into entries and reads them.
func (f *filler) entriesIn(sec span, roles map[string]*field, study bool) []record {
	var anchors []int
	for i := sec.start; i < sec.end; i++ {
		r := &f.src.rows[i]
		if rg, ok := f.ranges(r.line(), study); ok && (!r.bullet || rg.single || len(r.line()) <= 100) && (!rg.single || len(r.line()) <= 110) {
			if r.bullet && len(anchors) > 0 && !f.src.rows[anchors[0]].bullet {
				continue
			}
			anchors = append(anchors, i)
		}
	}
	if len(anchors) == 0 {
		return nil
	}
	before := anchors[0] - sec.start
	if before > 2 {
		before = 0
	}
	var out []record
	for k, a := range anchors {
		start := max(a-before, sec.start)
		end := sec.end
		if k+1 < len(anchors) {
			end = max(anchors[k+1]-before, a+1)
		}
		if k > 0 && a > anchors[k-1] && start <= anchors[k-1] {
			start = a
		}
		if rec := f.entry(start, a, end, roles, study); len(rec) > 0 {
			out = append(out, rec)
		}
	}
	return out
}

// pairs reads elements of two texts from a list: "German (B2)", "English: native", "AWS Architect - 2021".
func (f *filler) pairs(fd *field, sec span) []record {
	children := leafChildren(fd)
	if len(children) == 0 || len(children) > 3 {
		return nil
	}
	whole := &field{kind: kindText, node: &node{typ: "string"}}
	h := hit{row: sec.start - 1}
	var out []record
	cut := 0
	items := f.listUnder(whole, &h)
	parted := 0
	for _, item := range items {
		if s, e := pairCut(item.page.text[item.start:item.end]); s < e {
			parted++
		}
	}
	for _, item := range items {
		text := item.page.text[item.start:item.end]
		s, e := pairCut(text)
		if s == e && parted*2 > len(items) && len(children) > 1 {
			break // what follows the list
		}
		rec := record{}
		put := func(c *field, a, b int) {
			if rd, ok := f.read(c, item.page, item.start+a, item.start+b, howCell); ok {
				rec[c] = rd.at(item.page, item.start, item.end, 0.8, item.order)
			}
		}
		put(children[0], 0, s)
		if e < len(text) {
			cut++
		}
		if len(children) > 1 && e < len(text) {
			put(children[1], e, len(strings.TrimRight(text, ")")))
		}
		if len(rec) > 0 {
			out = append(out, rec)
		}
	}
	if len(children) > 1 && cut*2 < len(out) {
		return nil // a list of other things
	}
	return out
}

// pairCut returns where the first text of a pair ends and the second begins.
func pairCut(s string) (end, next int) {
	if i := strings.Index(s, "..."); i > 0 { // "German ........ C1"
		j := i
		for j < len(s) && (s[j] == '.' || s[j] == ' ') {
			j++
		}
		return i, j
	}
	for _, sep := range []string{" (", ": ", " - ", " – ", " — ", ", "} {
		if i := strings.Index(s, sep); i > 0 {
			return i, i + len(sep)
		}
	}
	return len(s), len(s)
}
