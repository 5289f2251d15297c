//go:build !failpoints

package failpoint

// Enabled says whether this build has failpoints.
const Enabled = false

// Hit returns the error that the point is to fail with, nil as a rule.
func Hit(string) error { return nil }

// HitOf is Hit for a point that many operations pass; which names one of them. The point's name is then name(which).
func HitOf(_, _ string) error { return nil }

// Pass is Hit where nothing can fail.
func Pass(string) {}

// PassOf is HitOf where nothing can fail.
func PassOf(_, _ string) {}

// Arm has points do what spec says from now on, in place of what was said before, and nothing when it is empty.
//
// Errors: ErrNone; what is wrong with spec.
func Arm(string) error { return ErrNone }

// Hits returns how often each point was passed by this process, armed or not.
func Hits() map[string]int { return nil }
