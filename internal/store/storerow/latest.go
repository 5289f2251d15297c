package storerow

import (
	"sync/atomic"
	"time"
)

// Latest is the latest of many times, such as those of the claims, from which NextReady looks ahead. The zero value is ready
// to use. Safe for concurrent use.
type Latest struct{ us atomic.Int64 }

// Note takes a time into account.
func (l *Latest) Note(t time.Time) {
	for us := Micros(t); ; {
		old := l.us.Load()
		if us <= old || l.us.CompareAndSwap(old, us) {
			return
		}
	}
}

// Micros returns the latest time noted, in microseconds, 0 before the first.
func (l *Latest) Micros() int64 { return l.us.Load() }
