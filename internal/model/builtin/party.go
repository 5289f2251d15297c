package builtin

import (
	"bytes"
	"slices"
	"strings"
)

// roles is a set of sides in relations between two parties: bit 2n is the one side of the n-th relation, bit 2n+1 the
// other. A word may name several ("from": the seller of an invoice, the sender of a transfer).
type roles uint32

// relationTable has one relation a line: the words of its two sides. Words are canonical (see aliases).
const relationTable = `
vendor, seller, supplier, merchant, sold by, bill from, billed by, issued by, issuer, from, provider, service provider, rechnungssteller, verkäufer, lieferant, fournisseur, vendeur, proveedor, venditore, leverancier, verkoper, säljare, leverantör, fornitore, émetteur, prestador, prestataire, auftragnehmer, aussteller, emisor, vendedor, cedente, fornecedor, prestatore | auftraggeber, besteller, adquirente, comprador, cessionario, afnemer, customer, buyer, bill to, billed to, client, sold to, invoice to, invoiced to, purchaser, recipient, to, ship to, deliver to, shipped to, charged to, prepared for, kunde, käufer, rechnungsempfänger, rechnung an, client facturé, facturé à, facturer à, acheteur, cliente, klant, koper, köpare, kund, destinatario, lieferadresse
lender, creditor, mortgagee, darlehensgeber, prêteur | borrower, debtor, mortgagor, darlehensnehmer, emprunteur
landlord, lessor, vermieter, vermieterin, bailleur, verhuurder, arrendador, hyresvärd, locatore | tenant, lessee, renter, mieter, mieterin, locataire, huurder, arrendatario, hyresgäst, conduttore, inquilino
sender, originator, remitter, ordering customer, ordering party, from, absender, expéditeur, shipper, consignor | recipient, receiver, beneficiary, payee, consignee, to, empfänger, destinataire
employer, arbeitgeber | employee, arbeitnehmer, arbeitnehmerin, salarié
insurer, insurance company, versicherer, assureur | insured, policyholder, policy holder, versicherungsnehmer, assuré
licensor, franchisor | licensee, franchisee`

// readSides reads the relation table into the lexicon.
func (x *lexicon) readSides() {
	x.sides = map[phrase]roles{}
	for i, line := range strings.Split(strings.TrimSpace(relationTable), "\n") {
		one, other, _ := strings.Cut(line, "|")
		for k, list := range []string{one, other} {
			for _, w := range commaList(list) {
				x.sides[x.vocab.add(w)] |= 1 << (2*i + k)
			}
		}
	}
}

// opposes reports whether two sets name different sides of a relation and share none.
func (r roles) opposes(o roles) bool {
	return r&o == 0 && ((r&authors)<<1|(r>>1)&authors)&o != 0
}

// rolesOf returns the roles that a field's words begin with, or those of the objects around it; 0 for none.
func (f *form) rolesOf(fd *field) roles {
	for p := fd.parent; p != nil && p.name != ""; p = p.parent {
		if r := f.sidesOf(p.words, true); r != 0 {
			return r
		}
	}
	return f.sidesOf(fd.words, false)
}

// sidesOf returns the roles that the first words name. A lone "from" or "to" counts only when it is all and admitted.
func (f *form) sidesOf(ws []string, prepositions bool) roles {
	for n := min(len(ws), 3); n > 0; n-- {
		if n == 1 && (ws[0] == "from" || ws[0] == "to") && (len(ws) > 1 || !prepositions) {
			return 0
		}
		if r := f.sides[f.vocab.find(strings.Join(ws[:n], " "))]; r != 0 {
			return r
		}
	}
	return 0
}

// partyKind reports whether values of a kind belong to one party alone.
func partyKind(k kind) bool {
	switch k {
	case kindName, kindText, kindAddress, kindCode:
		return true
	}
	return patterned(k)
}

// patterned reports whether values of a kind are known by their pattern, so that they are found without a name beside them.
func patterned(k kind) bool {
	switch k {
	case kindEmail, kindPhone, kindURL, kindIBAN, kindBIC, kindTaxID:
		return true
	}
	return false
}

// attribute says what of a party a leaf asks for, so that leaves of two parties can be told to ask for the same.
func attribute(fd *field) string {
	if patterned(fd.kind) {
		return string('0' + rune(fd.kind))
	}
	if fd.attr != "" {
		return fd.attr
	}
	if a := attrOf(fd.words); a != "" {
		return a
	}
	return "name"
}

// tells reports whether equal values of an attribute in two places are one party's: towns and countries are shared.
func tells(attr string) bool {
	return !among(attr, " city zip postal state country address street line1 line2 contact number ")
}

// owned is whose place a cell is.
type owned struct {
	roles
	surely bool // a heading says so
}

// cellKey is a cell of a row.
type cellKey struct{ row, cell int }

// territory finds the cells that stand under the heading of a party. It is computed once.
func (f *filler) territory() map[cellKey]owned {
	if f.lands != nil {
		return f.lands
	}
	f.lands = map[cellKey]owned{}
	for i := range f.src.rows {
		r := &f.src.rows[i]
		for c := range r.cells {
			m, ok := r.label(c)
			if side := f.form.sides[m.phrase]; ok && side != 0 && !f.claimed[i] {
				f.settle(&hit{m, i, c}, side)
			}
		}
	}
	f.settleWindow()
	return f.lands
}

// settle marks the cells of a heading's block, up to a label that is none of a party's.
func (f *filler) settle(h *hit, side roles) {
	b := f.block(h)
	named := false
	grid := h.term == termEnd && h.cell+1 < len(f.src.rows[h.row].cells) && !f.src.rows[h.row].pureLabel(h.cell+1)
	for _, l := range b.lines {
		r := &f.src.rows[l.row]
		if !l.keyed && !named {
			if t := r.page.text[l.start:l.end]; f.typed(t) || hasAmount(t) {
				return
			}
			named = true
		}
		if m, ok := r.label(l.cell); ok && l.keyed && (l.row > h.row || l.cell > h.cell) {
			if s := f.form.sides[m.phrase]; s.opposes(side) || f.known(m.phrase) && !f.partyLabel(r, l.cell) && s == 0 {
				return
			}
		}
		f.lands[cellKey{l.row, l.cell}] = owned{side, true}
		if grid && r.pureLabel(l.cell) && l.cell+1 < len(r.cells) {
			f.lands[cellKey{l.row, l.cell + 1}] = owned{side, true}
		}
	}
}

// known reports whether a phrase is a label of any idea.
func (f *filler) known(ph phrase) bool { return len(f.form.members[ph]) > 0 }

// settleWindow marks the address without a heading in the window of a letter as the customer's.
func (f *filler) settleWindow() {
	b, ok := f.addressee()
	if !ok {
		return
	}
	side := f.form.sides[f.walk("customer")]
	for _, l := range b.lines {
		if at := (cellKey{l.row, l.cell}); f.lands[at].roles == 0 {
			f.lands[at] = owned{side, false}
		}
	}
}

// owner says whose place a candidate stands in.
func (f *filler) owner(c *candidate) owned {
	lands := f.territory()
	if c.order < 0 || c.order >= len(f.src.rows) {
		return owned{}
	}
	for i := c.order; i < len(f.src.rows) && i < c.order+3; i++ {
		r := &f.src.rows[i]
		if r.page != c.page || r.start > c.start {
			break
		}
		for k := range r.cells {
			if c.start >= r.cells[k].start && c.start < r.cells[k].end {
				return lands[cellKey{i, k}]
			}
		}
	}
	return owned{}
}

// saidOf returns the roles that the words of a candidate's label name: "VAT ID (seller)".
func (f *filler) saidOf(c *candidate) roles {
	var out roles
	a := max(c.qs, c.start-60)
	for _, t := range f.form.vocab.tokens(nil, c.page.text, a+cutForwardFrom(c.page.text, a, c.qs), c.start, 12) {
		w := c.page.text[t.start:t.end]
		if !among(strings.ToLower(w), " to from ") {
			out |= f.form.sides[f.walk(w)]
		}
	}
	return out
}

// cutForwardFrom returns the offset of the first whole word behind a, 0 when a begins the quote.
func cutForwardFrom(text string, a, qs int) int {
	if a == qs {
		return 0
	}
	return cutForward(text[a:])
}

// ours drops the candidates that belong to another party, and lowers those that no heading gives to a party which did not
// write the document when the form asks the same of the one that did.
func (f *filler) ours(fd *field, cs []candidate) []candidate {
	side := fd.side
	if side == 0 || !partyKind(fd.kind) {
		return cs
	}
	rival := f.rivals(fd)
	out := cs[:0]
	for _, c := range cs {
		said, at := f.saidOf(&c), f.owner(&c)
		switch {
		case said&side != 0 || said == 0 && at.roles&side != 0:
			c.own = true
		case said.opposes(side) || at.opposes(side) && (at.surely || rival):
			continue
		case rival && side&authors == 0 && patterned(fd.kind):
			c.score *= 0.9
		}
		out = append(out, c)
	}
	return out
}

// authors are the sides that write the documents of their relation: the seller the invoice, the landlord the lease.
const authors roles = 0x55555555

// another reports whether a place is that of a party which fd does not ask about.
func (f *filler) another(fd *field, pg *page, start, row int) bool {
	if fd.side == 0 {
		return false
	}
	at := f.owner(&candidate{page: pg, start: start, order: row})
	return at.surely && at.opposes(fd.side)
}

// rivals reports whether the form asks the same of the other party.
func (f *filler) rivals(fd *field) bool {
	return slices.ContainsFunc(f.form.leaves, func(o *field) bool { return rival(fd, o) })
}

// rival reports whether two leaves ask the same of two parties.
func rival(a, b *field) bool {
	return a.side.opposes(b.side) && partyKind(a.kind) && partyKind(b.kind) && attribute(a) == attribute(b)
}

// rivalHas reports whether a leaf of the other party has taken a candidate's place, or its value where that tells parties
// apart and no heading gives it to this one.
func (f *filler) rivalHas(fd *field, c *candidate) bool {
	if fd.side == 0 {
		return false
	}
	for o, t := range f.chosen {
		if !rival(fd, o) {
			continue
		}
		if t.page == c.page && t.start == c.start || !c.own && tells(attribute(fd)) && bytes.Equal(t.value, c.value) {
			return true
		}
	}
	return false
}
