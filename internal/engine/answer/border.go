package answer

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
)

// completes reports whether b, the first item of a list behind a border between pages, is the rest of a, the last one before it:
// both are objects, they share what names an item, and nowhere do they state different things.
func completes(a, b *tree) bool {
	return a.kind == '{' && b.kind == '{' && sharesKey(a, b) && agrees(a, b)
}

// sharesKey reports whether two items have an equal member that names them: a number, a name, a description. Items without
// such a member are named by their first one.
func sharesKey(a, b *tree) bool {
	named := false
	for i, name := range a.names {
		if !isKey(name) || a.values[i].kind != 'v' || a.values[i].empty() {
			continue
		}
		named = true
		if other := b.member(name); !other.empty() && sameValue(a.values[i], other) {
			return true
		}
	}
	if named || len(a.names) == 0 || slices.ContainsFunc(a.names, isKey) || slices.ContainsFunc(b.names, isKey) {
		return false
	}
	first, other := a.values[0], b.member(a.names[0])
	return first.kind == 'v' && !first.empty() && !other.empty() && sameValue(first, other) && adds(a, b)
}

// adds reports whether b states something that a does not.
func adds(a, b *tree) bool {
	for i, name := range b.names {
		if !b.values[i].empty() && a.member(name).empty() {
			return true
		}
	}
	return false
}

// isKey reports whether a property of that name tells one item of a list from another.
func isKey(name string) bool {
	words := strings.FieldsFunc(strings.ToLower(splitCamel(name)), func(r rune) bool { return r == '_' || r == '-' || r == ' ' || r == '.' })
	if len(words) == 0 {
		return false
	}
	switch words[len(words)-1] {
	case "id", "no", "nr", "number", "num", "code", "sku", "key", "ref", "reference", "name", "title", "description", "item",
		"article", "product", "position", "pos", "line", "label", "iban", "isin", "serial", "heading", "subject":
		return true
	}
	return false
}

// splitCamel puts a blank before every capital that follows a small letter.
func splitCamel(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; i > 0 && c >= 'A' && c <= 'Z' && name[i-1] >= 'a' && name[i-1] <= 'z' {
			b.WriteByte(' ')
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// agrees reports whether two values nowhere state different things.
func agrees(a, b *tree) bool {
	switch {
	case a.empty() || b.empty():
		return true
	case a.kind != b.kind:
		return false
	case a.kind == 'v':
		return sameValue(a, b)
	case a.kind == '[':
		return true // the list goes on
	}
	for i, name := range b.names {
		if !agrees(a.member(name), b.values[i]) {
			return false
		}
	}
	return true
}

// complete adds what b states and t does not. They agree.
func (t *tree) complete(b *tree) {
	if t.kind == '[' {
		for _, v := range b.values {
			if !slices.ContainsFunc(t.values, func(mine *tree) bool { return mine.fingerprint() == v.fingerprint() }) {
				t.values = append(t.values, v)
			}
		}
		return
	}
	for i, name := range b.names {
		switch mine := t.member(name); {
		case mine.empty():
			t.set(name, b.values[i])
		case mine.kind != 'v' && mine.kind == b.values[i].kind:
			mine.complete(b.values[i])
		}
	}
}

// sameValue reports whether two values that are neither objects nor lists mean the same: case and white space of texts do not count,
// nor does the form of numbers.
func sameValue(a, b *tree) bool {
	if a.kind != 'v' || b.kind != 'v' {
		return a.fingerprint() == b.fingerprint()
	}
	return strings.EqualFold(grounding.Fold(a.plain()), grounding.Fold(b.plain()))
}

// fill puts null for what the schema requires, or allows to be null, and the answer has not.
func (t *tree) fill(p model.Place) {
	switch t.kind {
	case '{':
		for _, property := range p.Properties() {
			if t.member(property.Name) == nil && (property.Required || property.Place.Nullable()) {
				t.set(property.Name, &tree{kind: 'v', text: json.RawMessage("null")})
			}
		}
		for i, name := range t.names {
			if v := t.values[i]; v.kind != 'v' {
				v.fill(p.Property(name))
			}
		}
	case '[':
		for i, v := range t.values {
			if v.kind != 'v' {
				v.fill(p.Element(i))
			}
		}
	}
}
