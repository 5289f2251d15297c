package engine

// UsesInputs reports whether a run of the version would look at any of its inputs: a template of the configuration names one, also in
// a key that the engine ignores, or one fills a parameter of its name.
func (g *Program) UsesInputs() bool {
	for i := range g.params {
		c := &g.params[i]
		if c.bindKey != "" {
			return true
		}
		if c.node == nil {
			continue
		}
		if _, fixed := c.node.static(); !fixed {
			return true
		}
	}
	return g.ignoredTemplates
}

// RequiresConfig reports whether the engine has parameters that every configuration has to bring.
func (g *Program) RequiresConfig() bool {
	for i := range g.params {
		if g.params[i].Required {
			return true
		}
	}
	return false
}
