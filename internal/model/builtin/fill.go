package builtin

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/stewardhq/steward/internal/grounding"
)

// answer is a value with its claims.
type answer struct {
	value   json.RawMessage
	claims  []grounding.Claim
	origins []origin // of the claims
}

// filler fills one form from one source.
type filler struct {
	ctx     context.Context
	form    *form
	src     *source
	claimed map[int]bool           // rows that a table has taken
	chosen  map[*field]candidate   // leaves outside arrays
	lists   map[*field][]candidate // elements of arrays of scalars
	tables  map[*field][]record    // elements of arrays of objects
	claims  []grounding.Claim
	origins []origin

	indexes     map[*page]*grounding.Index // see quoteOf
	firm        *firm                      // see author
	body        *float64                   // see bodyHeight
	lower       []string                   // see lowered
	spotList    []spot                     // see spots
	spotsDone   bool
	lands       map[cellKey]owned // see territory
	partyList   []defined
	partiesDone bool
}

// record is an element of an array of objects: a candidate for each child field, or none.
type record map[*field]candidate

func newFiller(ctx context.Context, form *form, src *source) *filler {
	return &filler{
		ctx: ctx, form: form, src: src, claimed: map[int]bool{}, chosen: map[*field]candidate{}, lists: map[*field][]candidate{}, tables: map[*field][]record{}, indexes: map[*page]*grounding.Index{},
	}
}

// run looks for everything. Arrays of objects come first: what stands in their rows is no value of other fields.
func (f *filler) run() error {
	for _, a := range f.form.arrays {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		f.array(a)
	}
	all := make([][]candidate, len(f.form.leaves))
	for i, fd := range f.form.leaves {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		all[i] = f.candidates(fd)
	}
	f.assign(all)
	f.repeat()
	return f.ctx.Err()
}

// candidates collects what a leaf may be, from every way of looking.
func (f *filler) candidates(fd *field) []candidate {
	out := f.labelled(fd)
	out = f.ours(fd, append(out, came(f.inBlock(fd), viaBlock)...))
	if !sure(out) {
		out = append(out, came(f.kindred(fd), viaKindred)...)
	}
	switch fd.kind {
	case kindBool:
		out = append(out, came(f.stated(fd), viaFact)...)
	case kindEnum:
		out = append(out, came(f.classified(fd), viaChoice)...)
	case kindCurrency:
		out = append(out, came(f.amountCurrency(fd), viaCurrency)...)
	case kindParagraph:
		out = append(out, came(f.sectionText(fd), viaSection)...)
	}
	out = append(out, came(f.clauses(fd), viaClause)...)
	out = append(out, came(f.unlabelled(fd), viaPattern)...)
	out = append(out, came(f.authorParts(fd), viaPattern)...)
	out = append(out, came(f.addressed(fd), viaPattern)...)
	return f.credible(fd, f.notBeside(fd, f.ours(fd, out)))
}

// notBeside drops candidates that stand in a row which begins with the name of the party on the other side: "Seller: Acme    Tax no.: 17"
// says nothing of the buyer's number.
func (f *filler) notBeside(fd *field, cs []candidate) []candidate {
	if fd.side == 0 {
		return cs
	}
	return slices.DeleteFunc(cs, func(c candidate) bool {
		r := &f.src.rows[c.order]
		m, ok := r.label(0)
		return ok && m.term == termColon && r.page == c.page && c.start >= r.cells[0].end && c.start < r.end && f.form.sides[m.phrase].opposes(fd.side)
	})
}

// sure reports whether a candidate is as good as a label of the field's own.
func sure(cs []candidate) bool {
	return slices.ContainsFunc(cs, func(c candidate) bool { return c.score >= 0.8 })
}

// choice is a candidate of a field, for the assignment.
type choice struct {
	field int
	candidate
}

// assign gives each field its best candidate. A span that another field has taken with a higher score is given again only
// on strong words of the field's own.
func (f *filler) assign(all [][]candidate) {
	var cs []choice
	for i, list := range all {
		for _, c := range list {
			if c.score >= accept {
				cs = append(cs, choice{i, c})
			}
		}
	}
	slices.SortStableFunc(cs, func(a, b choice) int {
		if d := compareDown(a.score, b.score); d != 0 {
			return d
		}
		if a.field != b.field {
			return a.field - b.field
		}
		return a.order - b.order
	})
	type place struct {
		page  *page
		start int
	}
	taken := map[place]float64{}
	for _, c := range cs {
		fd := f.form.leaves[c.field]
		if _, done := f.chosen[fd]; done {
			continue
		}
		at := place{c.page, c.start}
		if s, ok := taken[at]; ok && c.score < min(0.93, s) && !shares(fd) {
			continue
		}
		if f.rivalHas(fd, &c.candidate) {
			continue
		}
		f.chosen[fd] = c.candidate
		if _, ok := taken[at]; !ok {
			taken[at] = c.score
		}
	}
}

// shares reports whether a field may stand on words that are another's value: a currency beside an amount, a fact.
func shares(fd *field) bool {
	return fd.kind == kindCurrency || fd.kind == kindBool || fd.kind == kindEnum || fd.kind == kindPercent
}

// answer writes the JSON value and its claims.
func (f *filler) answer() answer {
	f.claims, f.origins = []grounding.Claim{}, nil
	var b []byte
	b, _ = f.write(b, f.form.root, "")
	return answer{b, f.claims, f.origins}
}

// write appends the value of fd and reports whether anything stands in it.
func (f *filler) write(b []byte, fd *field, path string) ([]byte, bool) {
	switch {
	case fd.node.constant != nil:
		return append(b, fd.node.constant...), true
	case fd.kind == kindObject:
		return f.writeObject(b, fd, path, func(b []byte, c *field, p string) ([]byte, bool) { return f.write(b, c, p) })
	case fd.kind == kindArray:
		return f.writeArray(b, fd, path)
	}
	c, ok := f.chosen[fd]
	if !ok {
		return append(b, "null"...), false
	}
	return f.writeLeaf(b, c, path), true
}

func (f *filler) writeLeaf(b []byte, c candidate, path string) []byte {
	f.claims = append(f.claims, grounding.Claim{
		Path: path, FileIndex: c.page.file, Page: c.page.number, Quote: f.quoteOf(&c), Confidence: f.form.curves.confidence(c.via, c.score),
	})
	f.origins = append(f.origins, origin{c.via, c.score})
	return append(b, c.value...)
}

// writeObject writes the properties for which something stands, and null for the others when that is admitted or the key
// is required.
func (f *filler) writeObject(b []byte, fd *field, path string, member func([]byte, *field, string) ([]byte, bool)) ([]byte, bool) {
	start, claims := len(b), len(f.claims)
	b = append(b, '{')
	some, lacking := false, false
	for _, c := range fd.children {
		mark := len(b)
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(append(b, jsonString(c.name)...), ':')
		var ok bool
		b, ok = member(b, c, path+"/"+escape(c.name))
		if ok {
			some = true
			continue
		}
		null := string(b[len(b)-4:]) == "null"
		if null && !c.node.nullable && !c.required {
			b = b[:mark]
		}
		lacking = lacking || null && !c.node.nullable && c.required
	}
	b = append(b, '}')
	if !some && fd.parent != nil && (fd.node.nullable || (lacking || fd.node.again) && !fd.required) {
		f.claims, f.origins = f.claims[:claims], f.origins[:claims]
		return append(b[:start], "null"...), false
	}
	return b, some
}

func (f *filler) writeArray(b []byte, fd *field, path string) ([]byte, bool) {
	b = append(b, '[')
	n := 0
	next := func() string {
		if n > 0 {
			b = append(b, ',')
		}
		n++
		return path + "/" + strconv.Itoa(n-1)
	}
	for _, c := range f.lists[fd] {
		p := next()
		b = f.writeLeaf(b, c, p)
	}
	for _, rec := range f.tables[fd] {
		p := next()
		b = f.writeRecord(b, fd, rec, p)
	}
	return append(b, ']'), n > 0
}

func (f *filler) writeList(b []byte, list []candidate, path string) ([]byte, bool) {
	b = append(b, '[')
	for i, c := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = f.writeLeaf(b, c, path+"/"+strconv.Itoa(i))
	}
	return append(b, ']'), len(list) > 0
}

// writeRecord writes one element of an array of objects. Objects and arrays inside elements are filled as far as the
// element's row goes.
func (f *filler) writeRecord(b []byte, fd *field, rec record, path string) []byte {
	element := &field{node: fd.node.items, children: fd.children}
	var member func(b []byte, c *field, p string) ([]byte, bool)
	member = func(b []byte, c *field, p string) ([]byte, bool) {
		switch {
		case c.node.constant != nil:
			return append(b, c.node.constant...), true
		case c.kind == kindObject:
			return f.writeObject(b, c, p, member)
		case c.kind == kindArray:
			return f.writeList(b, rec[c].list, p)
		}
		cand, ok := rec[c]
		if !ok {
			return append(b, "null"...), false
		}
		return f.writeLeaf(b, cand, p), true
	}
	b, _ = f.writeObject(b, element, path, member)
	return b
}

// quoteOf is what is quoted for a candidate: of a cell of several lines all of them, when they can be told from other cells.
func (f *filler) quoteOf(c *candidate) string {
	var whole string
	if !c.joined || json.Unmarshal(c.value, &whole) != nil || len(whole) > grounding.MaxQuote {
		return c.quote()
	}
	if f.indexes[c.page] == nil {
		f.indexes[c.page] = grounding.NewIndex([]grounding.Document{{Pages: []grounding.Page{{Text: c.page.text, Words: c.page.words}}}})
	}
	if _, ok := f.indexes[c.page].Find(whole, 0, 0); !ok {
		return c.quote()
	}
	return whole
}

// quote is the text of the candidate's quote, or of its value alone when that would be long.
func (c *candidate) quote() string {
	s, e := c.qs, c.qe
	if e-s > grounding.MaxQuote-20 {
		s, e = c.start, c.end
	}
	if e-s > grounding.MaxQuote-20 {
		e = s + cutRune(c.page.text[s:], grounding.MaxQuote-20)
	}
	return fold(c.page.text[s:e])
}

// maxCounted is the longest page in which it is counted how often a value stands; on longer ones it counts as repeated.
const maxCounted = 32 << 10

// quoteSpan widens a short value to its row, so that the quote tells which of several equal words is meant.
func (f *filler) quoteSpan(pg *page, start, end int, r *row) (int, int) {
	if end-start >= 8 || r.end-r.start > 200 || len(pg.text) < maxCounted && strings.Count(pg.text, pg.text[start:end]) == 1 {
		return start, end
	}
	return min(start, r.start), max(end, r.end)
}
