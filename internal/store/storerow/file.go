package storerow

import "time"

// DyingPatience is how long a deleter has between Release and Forget. A blob that is dying for longer was left so by a
// crash, and ReleaseExpired hands it out again. Deleting takes milliseconds, so nobody can still be at it.
const DyingPatience = 10 * time.Minute
