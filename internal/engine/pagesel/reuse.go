package pagesel

import "github.com/stewardhq/steward/internal/engine"

// revision goes up with every change of this package, or of what it stands on, that can change a result.
const revision = 1

// Revision implements engine.Reusable.
func (*Engine) Revision() int { return revision }

// Live implements engine.Reusable: only the input is read; files behind URLs are known to count as live.
func (*Engine) Live(engine.Config) bool { return false }
