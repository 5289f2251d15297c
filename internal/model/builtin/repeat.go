package builtin

import (
	"bytes"
	"slices"
	"strings"
)

// repeat fills the leaves of objects inside the schema that they refer to: a parent, a next one. They ask the same as the
// objects around them, so they take only what stands under their object's own name, at places that nothing else has taken.
func (f *filler) repeat() {
	for _, fd := range f.form.repeats {
		cs := f.namedByObject(fd)
		slices.SortStableFunc(cs, func(a, b candidate) int { return compareDown(a.score, b.score) })
		for _, c := range cs {
			if c.score >= accept && !f.used(fd, &c) {
				f.chosen[fd] = c
				break
			}
		}
	}
}

// namedByObject collects what stands in the block of a leaf's object and behind labels that name object and leaf.
func (f *filler) namedByObject(fd *field) []candidate {
	if fd.parent == nil || len(fd.parent.words) == 0 {
		return nil
	}
	alone := *fd
	alone.labels = nil
	owner := strings.Join(fd.parent.words, " ")
	addLabel(&alone.labels, f.walk(owner+" "+strings.Join(fd.words, " ")), 1)
	if slices.Equal(fd.words, []string{"name"}) {
		addLabel(&alone.labels, f.walk(owner), 0.95)
	}
	return append(f.labelled(&alone), f.inBlock(fd)...)
}

// used reports whether a candidate only repeats what another leaf says: its place is taken, or its value is that of the
// leaf of the same name.
func (f *filler) used(fd *field, c *candidate) bool {
	for o, t := range f.chosen {
		if t.page == c.page && t.start == c.start {
			return true
		}
		if !shares(fd) && o.name == fd.name && bytes.Equal(t.value, c.value) {
			return true
		}
	}
	return false
}
