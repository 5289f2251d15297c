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
	again    bool // it is, or stands in, an object inside the schema that the object refers to
	kind     kind
	words    []string // canonical words of the name
	labels   []label  // strongest first
	own      []label  // labels that count only inside the block of the parent or of the party
	party    []label  // headings of the block that the field belongs to
	attr     string   // what of the party it is: name, address, …; "" when it belongs to none
	side     roles    // which party of a relation it is about; 0 for none
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
	sides   map[phrase]roles // words for the parties of a relation
	curves  curves
	root    *field
	leaves  []*field // outside arrays, in schema order
	repeats []*field // leaves of objects inside the schema that they refer to
	arrays  []*field
	objects []*field // objects below the root, outside arrays
	resume  bool     // it asks for skills, experience or education
}

// membership says that a phrase is a label of a group.
type membership struct {
	group int
	rank  int // 0 is the group's own name
	weak  bool
	world bool // a label of another language than English
}

// lexicon is what all forms share: the words, labels and ideas of business documents. It is read only.
type lexicon struct {
	vocab   *vocabulary
	groups  []group
	members map[phrase][]membership
	sides   map[phrase]roles
	curves  curves
}

func newLexicon() *lexicon {
	x := &lexicon{vocab: newVocabulary(), groups: groups(), members: map[phrase][]membership{}, curves: readCurves(curveTable)}
	for i, g := range x.groups {
		own := &x.groups[i]
		x.member(g.id, membership{group: i})
		for r, l := range g.labels {
			own.phrases = append(own.phrases, x.member(l, membership{group: i, rank: r + 1}))
			own.words = append(own.words, words(l))
		}
		for r, l := range g.weak {
			own.phrases = append(own.phrases, x.member(l, membership{group: i, rank: r + 100, weak: true}))
		}
	}
	x.addWorld()
	x.readSides()
	return x
}

// addWorld adds the labels of other languages. The first of a list is the group's own name in its language.
func (x *lexicon) addWorld() {
	at := map[string]int{}
	for i, g := range x.groups {
		at[g.id] = i
	}
	ids, lists := worldGroups()
	for _, id := range ids {
		i, ok := at[id]
		if !ok {
			i = len(x.groups)
			x.groups = append(x.groups, group{id: id, labels: []string{id}, phrases: []phrase{x.member(id, membership{group: i})}, words: [][]string{words(id)}})
		}
		for _, lang := range lists[id] {
			for r, l := range lang.labels {
				m := membership{group: i, rank: r, world: true}
				lang.phrases = append(lang.phrases, x.member(l, m))
				lang.words = append(lang.words, words(l))
			}
			x.groups[i].world = append(x.groups[i].world, lang)
		}
	}
}

// member makes text a label of a group and returns its phrase.
func (x *lexicon) member(text string, m membership) phrase {
	ph := x.vocab.add(text)
	i := slices.IndexFunc(x.members[ph], func(o membership) bool { return o.group == m.group })
	if i < 0 {
		x.members[ph] = append(x.members[ph], m)
		return ph
	}
	x.members[ph][i].world = x.members[ph][i].world || m.world
	return ph
}

func newForm(root *node, x *lexicon) *form {
	f := &form{vocab: x.vocab.clone(), groups: x.groups, members: x.members, sides: x.sides, curves: x.curves}
	f.root = f.build("", "", property{node: root, required: true}, nil, false)
	f.freeUnique()
	return f
}

// freeUnique lets fields that only count in their party's block be looked for everywhere when no other field has their
// name; a bare "name" says too little for that.
func (f *form) freeUnique() {
	count := map[string]int{}
	for _, fd := range f.leaves {
		count[strings.Join(fd.words, " ")]++
	}
	for _, fd := range f.leaves {
		name := strings.Join(fd.words, " ")
		if fd.parent == nil || fd.parent.name == "" || count[name] != 1 || name == "name" {
			continue
		}
		for _, l := range fd.own {
			if !slices.ContainsFunc(fd.labels, func(o label) bool { return o.phrase == l.phrase }) {
				fd.labels = append(fd.labels, label{l.phrase, l.weight * 0.75})
			}
		}
	}
}

func (f *form) build(name, path string, p property, parent *field, inTable bool) *field {
	fd := &field{name: name, path: path, node: p.node, parent: parent, required: p.required, inTable: inTable, words: f.vocab.canonical(name)}
	fd.again = parent != nil && (p.node.again || parent.kind == kindObject && parent.again)
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
		if !inTable && (parent == nil || !parent.again) {
			f.arrays = append(f.arrays, fd)
		}
		f.resume = f.resume || slices.ContainsFunc(fd.words, func(w string) bool {
			return slices.Contains([]string{"skill", "experience", "education", "employment"}, w)
		})
	default:
		f.describe(fd)
		switch {
		case fd.again && !inTable:
			f.repeats = append(f.repeats, fd)
		case !inTable:
			fd.side = f.rolesOf(fd)
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
const tailWords = " low high minimum maximum amount value name text string percent percentage pct date number on at usd eur chf gbp iso flag period total time list entries "

// headWords may be cut off a boolean's name.
const headWords = " is has are was have can does whether "

// paperWords name the document itself: its date may be labelled "Date" alone.
const paperWords = " issue issued letter memo document doc agreement contract invoice receipt report statement bill policy quote note form certificate notice confirmation order ticket written signed "

// stateWords end the names of booleans; the label may lack them.
const stateWords = " allowed covered included accepted required permitted available provided possible offered enabled applied applicable needed granted supported "

// label derives the labels of a field.
func (f *form) label(fd *field) {
	add := f.adder(fd)
	generic := among(strings.Join(fd.words, " "), genericNames)
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
	if fd.inTable && len(fd.words) == 2 {
		for i, w := range fd.words {
			if len(w) > 2 && !among(w, " number name date value text code total ") {
				add(w, 0.6-0.05*float64(i), false)
			}
		}
	}
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
		addLabel(list, ph, weight)
	}
}

// addLabel adds a phrase to a list once, at its highest weight.
func addLabel(list *[]label, ph phrase, weight float64) {
	if ph == 0 {
		return
	}
	for i := range *list {
		if (*list)[i].phrase == ph {
			(*list)[i].weight = max((*list)[i].weight, weight)
			return
		}
	}
	*list = append(*list, label{ph, weight})
}

// trimmed adds the name without its general last words and, for booleans, without "is" and "has".
func (f *form) trimmed(fd *field, add func(string, float64, bool)) {
	ws := fd.words
	for len(ws) > 1 && among(ws[0], headWords) {
		ws = ws[1:]
		add(strings.Join(ws, " "), 0.95, false)
	}
	if n := len(ws); n > 1 && fd.node.typ == "boolean" && among(ws[n-1], stateWords) {
		add(strings.Join(ws[:n-1], " "), 0.85, false)
	}
	if len(ws) > 1 && ws[0] == "total" && fd.numeric() {
		add(strings.Join(ws[1:], " "), 0.72, false)
	}
	if len(ws) > 1 && (ws[0] == "minimum" || ws[0] == "maximum") {
		ws = ws[1:]
		add(strings.Join(ws, " "), 0.85, false)
	}
	if n := len(ws); n > 1 && (ws[n-1] == "date" || ws[n-1] == "on") && among(ws[0], paperWords) {
		add("date", 0.62, false)
	}
	for len(ws) > 1 && (among(ws[len(ws)-1], tailWords) || unitOf(ws[len(ws)-1]) != "") {
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
	for _, q := range acronyms(d) {
		add(q, 0.85, false)
	}
	head := d
	if i := strings.IndexAny(d, ".;,(:"); i > 0 {
		head = d[:i]
	}
	if ws := f.vocab.canonical(head); len(ws) >= 2 && len(ws) <= 5 {
		add(head, 0.85, false)
	}
}

// acronyms returns the capitals in parentheses: "HBL" of "House bill of lading (HBL)".
func acronyms(s string) []string {
	var out []string
	for len(out) < 4 {
		i := strings.IndexByte(s, '(')
		if i < 0 {
			break
		}
		j := strings.IndexByte(s[i:], ')')
		if j < 0 {
			break
		}
		if w := s[i+1 : i+j]; len(w) >= 2 && len(w) <= 8 && strings.ToUpper(w) == w && strings.ToLower(w) != w {
			out = append(out, w)
		}
		s = s[i+j:]
	}
	return out
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
	f.expandList(fd, fd.labels, false)
	f.expandList(fd, fd.own, true)
}

// expandList adds the labels of the groups that a list's labels belong to, to the labels or to those of the block.
func (f *form) expandList(fd *field, list []label, own bool) {
	target := &fd.labels
	if own {
		target = &fd.own
	}
	add := func(ph phrase, weight float64) { addLabel(target, ph, weight) }
	seen := map[int]float64{}
	bears := map[int]bool{}
	var order []int
	for _, l := range slices.Clone(list) {
		if l.weight < 0.85 {
			continue
		}
		for _, m := range f.members[l.phrase] {
			w := f.trust(fd, l, m, own)
			if w == 0 {
				continue
			}
			if m.rank == 0 {
				bears[m.group] = true
			}
			if _, ok := seen[m.group]; !ok {
				order = append(order, m.group)
			}
			seen[m.group] = max(seen[m.group], w)
		}
	}
	for _, g := range order {
		w := seen[g]
		if len(bears) > 0 && !bears[g] && w < 0.9 && fd.node.typ != "object" {
			w *= 0.85 // another group bears the field's very name
		}
		strong := len(f.groups[g].labels)
		for i, ph := range f.groups[g].phrases {
			share := 0.92 - 0.002*float64(i)
			switch {
			case i >= strong:
				share = 0.68
			case i == 0 || holdsAll(f.groups[g].words[i], fd.words):
				share = 0.95
			}
			add(ph, w*share)
		}
		for _, lang := range f.groups[g].world {
			for i, ph := range lang.phrases {
				share := 0.9 - 0.004*float64(i)
				if i == 0 || holdsAll(lang.words[i], fd.words) {
					share = 0.95
				}
				add(ph, w*share)
			}
		}
	}
}

// holdsAll reports whether ws has all of the words.
func holdsAll(ws, want []string) bool {
	if len(want) == 0 {
		return false
	}
	for _, w := range want {
		if !slices.ContainsFunc(ws, func(o string) bool { return singular(o) == singular(w) }) {
			return false
		}
	}
	return true
}

// trust says how far a label speaks for a group it belongs to.
func (f *form) trust(fd *field, l label, m membership, own bool) float64 {
	id := f.groups[m.group].id
	table := strings.Contains(tableGroups, "|"+id+"|")
	switch {
	case m.weak:
		return 0
	case own && !table:
		return l.weight * 0.95
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
		f.expandList(fd, fd.own, true)
		return
	}
	for k := len(fd.words) - 1; k > 0; k-- { // "screened_name" under a heading "Screened"
		if ph := f.vocab.add(strings.Join(fd.words[:k], " ")); ph != 0 {
			fd.party = append(fd.party, label{ph, 0.8})
		}
		f.adder(fd)(strings.Join(fd.words[k:], " "), 0.9, true)
	}
	f.expandList(fd, fd.own, true)
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
	case among(last, partyAttrs):
		return last
	}
	return ""
}
