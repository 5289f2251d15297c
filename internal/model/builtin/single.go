package builtin

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/stewardhq/steward/internal/model"
)

// Bounds for a text to be read as the one record of a list.
const (
	singleFields = 2   // least number of its leaves that labels speak for
	singleSure   = 0.7 // score from which a label speaks for a leaf
)

// bareList returns the array of objects that is the whole answer, at the root or as its only property "items"; else nil.
func (f *filler) bareList() *field {
	list := f.form.root
	if list.kind == kindObject {
		if len(list.children) != 1 || list.children[0].name != "items" {
			return nil
		}
		list = list.children[0]
	}
	if list.kind != kindArray || list.node.items == nil || list.node.items.typ != "object" || list.node.maxItems != nil && *list.node.maxItems < 1 {
		return nil
	}
	for _, c := range list.children {
		if slices.ContainsFunc([]string{"quantity", "unit price", "item description"}, func(id string) bool { return f.ownGroup(c, id) }) {
			return nil // lines of a bill, not a record
		}
	}
	return list
}

// single reads the documents as the only record of a list in which no rows were found. ok is false when they do not look
// like one: labels must speak for most of its leaves, for all required ones, and for one value each.
func (m *Model) single(ctx context.Context, req *model.Request, list *field) (ans answer, ok bool, err error) {
	form := newForm(list.node.items, m.base)
	src, err := readPages(ctx, req.Documents, form.vocab)
	if err != nil {
		return answer{}, false, err
	}
	f := newFiller(ctx, form, src)
	if err := f.run(); err != nil {
		return answer{}, false, err
	}
	if !f.oneRecord() {
		return answer{}, false, nil
	}
	ans = f.answer()
	for i := range ans.claims {
		ans.claims[i].Path = list.path + "/0" + ans.claims[i].Path
	}
	value := slices.Concat(json.RawMessage("["), ans.value, json.RawMessage("]"))
	if list.path != "" {
		value = slices.Concat(json.RawMessage("{"), jsonString(list.name), json.RawMessage(":"), value, json.RawMessage("}"))
	}
	ans.value = value
	return ans, true, nil
}

// oneRecord reports whether what was found is plainly one record.
func (f *filler) oneRecord() bool {
	sure, several := 0, 0
	for _, fd := range f.form.leaves {
		c, ok := f.chosen[fd]
		if !ok {
			if fd.required && !fd.node.nullable && fd.node.constant == nil {
				return false
			}
			continue
		}
		if c.score >= singleSure {
			sure++
		}
		if f.otherValue(fd, &c) {
			several++
		}
	}
	return sure >= singleFields && sure*2 >= len(f.form.leaves) && several == 0
}

// otherValue reports whether labels as good as that of a leaf's value speak for another value.
func (f *filler) otherValue(fd *field, chosen *candidate) bool {
	return slices.ContainsFunc(f.labelled(fd), func(c candidate) bool {
		return c.score >= singleSure && c.score > chosen.score-0.05 && string(c.value) != string(chosen.value)
	})
}
