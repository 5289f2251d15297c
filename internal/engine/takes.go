package engine

// FileReader is an Engine with parameters that a file may fill in the place of a text (Param.TakesFiles).
type FileReader interface {
	// Reads reports whether the engine reads files of a content type.
	Reads(contentType string) bool
}

// TakesFile reports whether a file of a content type may stand for an input that is defined as text: the engine reads it, and the input as
// a whole fills parameters that take files and stands in no other text.
func (g *Program) TakesFile(key, contentType string) bool {
	reader, ok := g.Engine.(FileReader)
	if !ok || !reader.Reads(contentType) {
		return false
	}
	filled := false
	for i := range g.params {
		c := &g.params[i]
		whole := c.node == nil && c.bindKey == key
		if c.node != nil {
			name, all := c.node.wholeKey()
			whole = all && name == key
		}
		switch {
		case whole && (c.Kind == KindFiles || c.TakesFiles):
			filled = true
		case whole, c.node != nil && c.node.uses(key):
			return false
		}
	}
	return filled
}

// uses reports whether a template in the value names an input.
func (n *node) uses(key string) bool {
	for _, seg := range n.tmpl {
		if seg.key == key {
			return true
		}
	}
	for _, it := range n.items {
		if it.uses(key) {
			return true
		}
	}
	for _, m := range n.members {
		if m.node.uses(key) {
			return true
		}
	}
	return false
}
