package engine

import "github.com/stewardhq/steward"

// Reusable is an Engine whose results may answer later runs of the same version on the same inputs. Results of other engines are
// never used twice.
type Reusable interface {
	// Revision counts the changes of the engine's code that can change a result. What another revision found is not used.
	Revision() int
	// Live reports whether a run reads sources that change behind its inputs, such as web pages: its result is used for a day only.
	Live(c Config) bool
}

// Reuse says under which circumstances a result is that of another run too.
type Reuse struct {
	Revision int
	Model    string // id of the model that answers; "" when the engine uses none
	Live     bool   // the result depends on what stands at a URL, or on other sources that change
}

// Reuse returns on what the result of a run with a configuration depends besides the version and the inputs. ok is false when results
// of the engine are not to be reused.
func (g *Program) Reuse(c Config) (r Reuse, ok bool) {
	e, ok := g.Engine.(Reusable)
	if !ok {
		return Reuse{}, false
	}
	r = Reuse{Revision: e.Revision(), Live: e.Live(c) || g.readsURLs(c)}
	if info, known := g.model(c); known {
		r.Model = info.ID
	}
	return r, true
}

// readsURLs reports whether a files parameter names a URL.
func (g *Program) readsURLs(c Config) bool {
	for i := range g.params {
		if g.params[i].Kind != KindFiles && !g.params[i].TakesFiles {
			continue
		}
		for _, ref := range c.FileRefs(g.params[i].Name) {
			if ref.File == nil && IsURL(ref.Text) || ref.File != nil && ref.File.SourceURL != "" {
				return true
			}
		}
	}
	return false
}

// model returns the model that a run with a configuration asks. ok is false when it asks none, or none that is known.
func (g *Program) model(c Config) (info steward.LanguageModel, ok bool) {
	for i := range g.params {
		p := &g.params[i]
		if p.Kind != KindModel {
			continue
		}
		if _, info, err := g.models.Model(c.String(p.Name)); err == nil {
			return info, true
		}
	}
	return steward.LanguageModel{}, false
}
