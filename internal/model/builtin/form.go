package builtin

import (
	"slices"
	"strings"
)

// label is a phrase under which a field's value may stand.
type label struct {
	phrase phrase
	weight float64 // 0 to 1
}

// field is a place of the answer: a property, or the elements of an array.
type field struct {
	name     string
	path     string // JSON Pointer; of the array for what is inside one
	node     *node
	parent   *field // the object around it; nil for the root
	required bool
	inTable  bool // a property of an array's elements
	kind     kind
	words    []string // canonical words of the name
	labels   []label  // strongest first
	own      []label  // labels that count only inside the block of the parent or of the party
	party    []label  // headings of the block that the field belongs to
	attr     string   // what of the party it is: name, address, …; "" when it belongs to none
	lower    bool     // the lower end of a range: "salary_min"
	upper    bool     // the upper end
	money    string   // the currency that the name asks for: "total_eur"
	unit     string   // days, months, years, km …; "" when it has none
	children []*field // properties of an object, or of the objects in an array
}

// form is a schema made ready to be filled.
type form struct {
	vocab   *vocabulary
	groups  []group
	members map[phrase][]membership
	root    *field
	leaves  []*field // outside arrays, in schema order
	arrays  []*field
	objects []*field // objects below the root, outside arrays
	resume  bool     // it asks for skills, experience or education
}

// membership says that a phrase is a label of a group.
type membership struct {
	group int
	rank  int // 0 is the group's own name
	weak  bool
}

// lexicon is what all forms share: the words, labels and ideas of business documents. It is read only.
type lexicon struct {
	vocab   *vocabulary
	groups  []group
	members map[phrase][]membership
}

func newLexicon() *lexicon {
	x := &lexicon{vocab: newVocabulary(), groups: groups(), members: map[phrase][]membership{}}
	for i, g := range x.groups {
		x.member(g.id, membership{i, 0, false})
		for r, l := range g.labels {
			x.member(l, membership{i, r + 1, false})
		}
		for r, l := range g.weak {
			x.member(l, membership{i, r + 100, true})
		}
	}
	return x
}

func (x *lexicon) member(text string, m membership) {
	ph := x.vocab.add(text)
	for _, o := range x.members[ph] {
		if o.group == m.group {
			return
		}
	}
	x.members[ph] = append(x.members[ph], m)
}

func newForm(root *node, x *lexicon) *form {
	f := &form{vocab: x.vocab.clone(), groups: x.groups, members: x.members}
	f.root = f.build("", "", property{node: root, required: true}, nil, false)
	return f
}

func (f *form) build(name, path string, p property, parent *field, inTable bool) *field {
	fd := &field{name: name, path: path, node: p.node, parent: parent, required: p.required, inTable: inTable, words: f.vocab.canonical(name)}
	f.label(fd)
	f.partyOf(fd)
	switch p.node.typ {
	case "object":
		fd.kind = kindObject
		for _, c := range p.node.props {
			fd.children = append(fd.children, f.build(c.name, path+"/"+escape(c.name), c, fd, inTable))
		}
		if !inTable && parent != nil {
			f.objects = append(f.objects, fd)
		}
	case "array":
		fd.kind = kindArray
		if it := p.node.items; it != nil && it.typ == "object" {
			for _, c := range it.props {
				fd.children = append(fd.children, f.build(c.name, path, c, fd, true))
			}
		}
		if !inTable {
			f.arrays = append(f.arrays, fd)
		}
		f.resume = f.resume || slices.ContainsFunc(fd.words, func(w string) bool {
			return slices.Contains([]string{"skill", "experience", "education", "employment"}, w)
		})
	default:
		f.describe(fd)
		if !inTable {
			f.leaves = append(f.leaves, fd)
		}
	}
	return fd
}

// escape makes a name a token of a JSON Pointer.
func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// genericNames say little outside the object that holds them.
const genericNames = " name address number date type email phone city country code value amount title street zip state postal status total line1 line2 website url description rate from to start end "

// tailWords may be cut off a name: "total_amount" is looked for as "total", too.
const tailWords = " minimum maximum amount value name text string percent percentage pct date number on at usd eur chf gbp iso flag period total time list entries "

// headWords may be cut off a boolean's name.
const headWords = " is has are was have can does whether "

// stateWords end the names of booleans; the label may lack them.
const stateWords = " allowed covered included accepted required permitted available provided possible offered enabled applied applicable needed granted supported "

// label derives the labels of a field.
func (f *form) label(fd *field) {
	add := f.adder(fd)
	generic := strings.Contains(genericNames, " "+strings.Join(fd.words, " ")+" ")
	nested := fd.parent != nil && fd.parent.name != "" && !fd.inTable
	for _, l := range fd.node.labels {
		add(l, 1, false)
	}
	if nested {
		combined := strings.Join(fd.parent.words, " ") + " " + strings.Join(fd.words, " ")
		add(combined, 1, false)
		if slices.Equal(fd.words, []string{"name"}) {
			add(strings.Join(fd.parent.words, " "), 0.95, false)
		}
	}
	own := 1.0
	add(fd.name, own, nested && generic)
	if t := fd.node.title; t != "" && len(t) < 60 {
		add(t, own, nested && generic && slices.Equal(f.vocab.canonical(t), fd.words))
	}
	f.trimmed(fd, add)
	f.described(fd, add)
	f.expand(fd)
	slices.SortStableFunc(fd.labels, func(a, b label) int { return compareDown(a.weight, b.weight) })
}

func compareDown(a, b float64) int {
	switch {
	case a > b:
		return -1
	case a < b:
		return 1
	}
	return 0
}

// adder returns a function that adds a label to the field once, at its highest weight.
func (f *form) adder(fd *field) func(text string, weight float64, own bool) {
	return func(text string, weight float64, own bool) {
		ph := f.vocab.add(text)
		if ph == 0 {
			return
		}
		list := &fd.labels
		if own {
			list = &fd.own
		}
		for i := range *list {
			if (*list)[i].phrase == ph {
				(*list)[i].weight = max((*list)[i].weight, weight)
				return
			}
		}
		*list = append(*list, label{ph, weight})
	}
}

// trimmed adds the name without its general last words and, for booleans, without "is" and "has".
func (f *form) trimmed(fd *field, add func(string, float64, bool)) {
	ws := fd.words
	for len(ws) > 1 && strings.Contains(headWords, " "+ws[0]+" ") {
		ws = ws[1:]
		add(strings.Join(ws, " "), 0.95, false)
	}
	if n := len(ws); n > 1 && fd.node.typ == "boolean" && strings.Contains(stateWords, " "+ws[n-1]+" ") {
		add(strings.Join(ws[:n-1], " "), 0.85, false)
	}
	if len(ws) > 1 && (ws[0] == "minimum" || ws[0] == "maximum") {
		ws = ws[1:]
		add(strings.Join(ws, " "), 0.85, false)
	}
	for len(ws) > 1 && (strings.Contains(tailWords, " "+ws[len(ws)-1]+" ") || unitOf(ws[len(ws)-1]) != "") {
		ws = ws[:len(ws)-1]
		add(strings.Join(ws, " "), 0.85, false)
	}
}

// described adds what a short description says, and the words that it quotes.
func (f *form) described(fd *field, add func(string, float64, bool)) {
	d := fd.node.description
	if d == "" {
		return
	}
	for _, q := range quoted(d) {
		add(q, 0.95, false)
	}
	head := d
	if i := strings.IndexAny(d, ".;,(:"); i > 0 {
		head = d[:i]
	}
	if ws := f.vocab.canonical(head); len(ws) >= 2 && len(ws) <= 5 {
		add(head, 0.85, false)
	}
}

// quoted returns the short texts between quotation marks.
func quoted(s string) []string {
	var out []string
	for {
		i := strings.IndexAny(s, "\"“„«'")
		if i < 0 || len(out) > 8 {
			return out
		}
		rest := strings.TrimLeft(s[i:], "\"“„«'")
		j := strings.IndexAny(rest, "\"”“»'")
		if j < 0 {
			return out
		}
		if j > 1 && j < 40 {
			out = append(out, rest[:j])
		}
		s = rest[j:]
		s = strings.TrimLeft(s, "\"”“»'")
	}
}

// tableGroups are ideas of table columns; they speak for fields outside tables only by their own name.
const tableGroups = "|quantity|unit price|line amount|item description|line number|unit of measure|"

// expand adds the labels of the groups that the field's labels belong to.
func (f *form) expand(fd *field) {
	add := f.adder(fd)
	seen := map[int]float64{}
	var order []int
	named := false
	for _, l := range append(slices.Clone(fd.labels), fd.own...) {
		if l.weight < 0.85 {
			continue
		}
		for _, m := range f.members[l.phrase] {
			w := f.trust(fd, l, m)
			if w == 0 {
				continue
			}
			named = named || m.rank == 0
			if _, ok := seen[m.group]; !ok {
				order = append(order, m.group)
			}
			seen[m.group] = max(seen[m.group], w)
		}
	}
	for _, g := range order {
		w := seen[g]
		if named && w < 0.9 {
			w *= 0.85 // another group bears the field's very name
		}
		for i, text := range f.groups[g].labels {
			add(text, w*(0.97-0.002*float64(i)), false)
		}
		for _, text := range f.groups[g].weak {
			add(text, w*0.68, false)
		}
	}
}

// trust says how far a label speaks for a group it belongs to.
func (f *form) trust(fd *field, l label, m membership) float64 {
	id := f.groups[m.group].id
	table := strings.Contains(tableGroups, "|"+id+"|")
	switch {
	case m.weak:
		return 0
	case strings.HasPrefix(id, "vendor ") && f.about(fd, "customer"), strings.HasPrefix(id, "customer ") && id != "customer number" && f.about(fd, "vendor"):
		return 0
	case table && !fd.inTable && m.rank > 0:
		return 0
	case m.rank <= 1 || table && fd.inTable:
		return l.weight * 0.97
	case fd.inTable && len(fd.words) == 1:
		return l.weight * 0.75
	}
	return l.weight * 0.88
}

// about reports whether the field, or the object around it, is named like a party.
func (f *form) about(fd *field, id string) bool {
	named := func(ws []string) bool {
		for n := len(ws); n > 0; n-- {
			for _, m := range f.members[f.vocab.find(strings.Join(ws[:n], " "))] {
				if f.groups[m.group].id == id && !m.weak && ws[0] != "to" && ws[0] != "from" {
					return true
				}
			}
		}
		return false
	}
	return named(fd.words) || fd.parent != nil && named(fd.parent.words)
}

// partyAttrs are the attributes that a party's block may hold.
const partyAttrs = " name address email phone tax vat iban bic website contact street city zip postal state country fax line1 line2 number "

// partyHeads are the first words of flat names that speak of a party: "bill_to_name".
func partyHeads() []string {
	return []string{
		"ship to", "bill to", "sold to", "vendor", "seller", "supplier", "merchant", "store", "customer", "buyer", "client", "company",
		"landlord", "tenant", "employer", "employee", "sender", "recipient", "beneficiary", "shop", "provider", "contractor", "issuer",
	}
}

// partyOf finds the block that a field belongs to: that of the object around it, or of the first words of its name.
func (f *form) partyOf(fd *field) {
	if fd.inTable || fd.node.typ == "object" || fd.node.typ == "array" {
		return
	}
	if p := fd.parent; p != nil && p.name != "" {
		fd.party, fd.attr = p.labels, attrOf(fd.words)
		return
	}
	name := strings.Join(fd.words, " ")
	for _, head := range partyHeads() {
		rest, ok := strings.CutPrefix(name, head)
		if !ok || rest != "" && rest[0] != ' ' {
			continue
		}
		rest = strings.TrimSpace(rest)
		if rest == "" {
			rest = "name"
		}
		attr := attrOf(strings.Fields(rest))
		if attr == "" {
			continue
		}
		heading := &field{name: head, node: &node{}, words: strings.Fields(head)}
		f.label(heading)
		fd.party, fd.attr = heading.labels, attr
		f.adder(fd)(rest, 0.9, true)
		return
	}
}

// attrOf says what of a party the words mean, or "".
func attrOf(ws []string) string {
	if len(ws) == 0 {
		return ""
	}
	last := ws[len(ws)-1]
	has := func(w string) bool { return slices.Contains(ws, w) }
	switch {
	case has("vat") || has("tax") || has("ein") || has("gstin"):
		return "tax"
	case last == "address" && has("email"), has("email"), has("mail"):
		return "email"
	case last == "name", last == "legal" || last == "company":
		return "name"
	case last == "phone", last == "mobile", last == "fax":
		return "phone"
	case last == "website", last == "url", last == "web":
		return "website"
	case strings.Contains(partyAttrs, " "+last+" "):
		return last
	}
	return ""
}
