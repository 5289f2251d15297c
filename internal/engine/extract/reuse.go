package extract

import "github.com/stewardhq/steward/internal/engine"

// revision goes up with every change of this package, or of what it stands on, that can change a result.
const revision = 2

// Revision implements engine.Reusable.
func (*Engine) Revision() int { return revision }

// Live implements engine.Reusable: only the inputs are read.
func (*Engine) Live(engine.Config) bool { return false }
