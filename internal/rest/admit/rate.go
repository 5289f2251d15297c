package admit

import (
	"math"
	"sync"
	"time"
)

// Rate is how often something may happen: PerSecond times a second for good, and Burst times at once after a rest.
type Rate struct {
	PerSecond float64 // 0 means no limit
	Burst     int     // 0 means twice PerSecond, at least 1
}

// Left is what a limit says about a request.
type Left struct {
	Limited   bool // there is a limit
	OK        bool
	Burst     int
	Window    time.Duration // in which an empty allowance is full again
	Remaining int           // requests that may follow at once
	Reset     time.Duration // until the allowance is full again
	Retry     time.Duration // until one more may come; 0 when OK
}

// maxBuckets bounds how many allowances are kept that are not full. Beyond it, newcomers share one.
const maxBuckets = 50_000

// Limiter keeps a rate for each of many names. A name that has rested takes no memory. The zero Limiter has no limit. Safe for
// concurrent use.
type Limiter struct {
	rate Rate

	mu      sync.Mutex
	buckets map[string]*bucket
	shared  bucket // of newcomers while there are too many names
	swept   time.Time
}

// bucket is an allowance at a time.
type bucket struct {
	tokens float64
	at     time.Time
}

// NewLimiter returns a limiter for which everybody has rested.
func NewLimiter(r Rate) *Limiter {
	if r.Burst <= 0 {
		r.Burst = max(int(math.Ceil(2*r.PerSecond)), 1)
	}
	return &Limiter{rate: r, buckets: map[string]*bucket{}, shared: bucket{tokens: float64(r.Burst)}}
}

// Take counts a request of name, if it may come.
func (l *Limiter) Take(name string) Left { return l.count(name, 1) }

// Look tells about a name without counting anything: OK means that a request may come.
func (l *Limiter) Look(name string) Left { return l.count(name, 0) }

func (l *Limiter) count(name string, n float64) Left {
	if l == nil || l.rate.PerSecond <= 0 {
		return Left{OK: true}
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(name, now)
	if b == nil {
		b = &bucket{tokens: float64(l.rate.Burst), at: now}
		switch {
		case n > 0:
			b = l.keep(name, b, now)
		case l.full(now): // else nothing is kept of those who only looked
			b = l.newcomers(now)
		}
	}
	left := Left{Limited: true, Burst: l.rate.Burst, Window: l.seconds(float64(l.rate.Burst))}
	if b.tokens >= 1 {
		left.OK = true
		b.tokens -= n
	} else {
		left.Retry = l.seconds(1 - b.tokens)
	}
	left.Remaining = int(b.tokens)
	left.Reset = l.seconds(float64(l.rate.Burst) - b.tokens)
	return left
}

// seconds returns how long it takes to get tokens.
func (l *Limiter) seconds(tokens float64) time.Duration {
	return time.Duration(tokens / l.rate.PerSecond * float64(time.Second))
}

// bucket returns the allowance of a name as of now; nil when nothing is known. The caller holds mu.
func (l *Limiter) bucket(name string, now time.Time) *bucket {
	b := l.buckets[name]
	if b != nil {
		l.fill(b, now)
	}
	return b
}

// fill adds what has come since the allowance was looked at last.
func (l *Limiter) fill(b *bucket, now time.Time) {
	if passed := now.Sub(b.at); passed > 0 {
		b.tokens = min(b.tokens+passed.Seconds()*l.rate.PerSecond, float64(l.rate.Burst))
		b.at = now
	}
}

// keep remembers an allowance, or returns the shared one when there are too many. The caller holds mu.
func (l *Limiter) keep(name string, b *bucket, now time.Time) *bucket {
	if l.full(now) {
		return l.newcomers(now)
	}
	l.buckets[name] = b
	return b
}

// full reports whether no more names are kept. The caller holds mu.
func (l *Limiter) full(now time.Time) bool {
	if len(l.buckets) >= maxBuckets {
		l.sweep(now)
	}
	return len(l.buckets) >= maxBuckets
}

// newcomers returns the allowance that those share whose names are not kept, as of now. The caller holds mu.
func (l *Limiter) newcomers(now time.Time) *bucket {
	l.fill(&l.shared, now)
	return &l.shared
}

// sweep forgets those that are full again, which is as if they had never come; at most once a second, as it looks at all of them.
// The caller holds mu.
func (l *Limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Second {
		return
	}
	l.swept = now
	for name, b := range l.buckets {
		if l.fill(b, now); b.tokens >= float64(l.rate.Burst) {
			delete(l.buckets, name)
		}
	}
}

// Names returns how many names are remembered.
func (l *Limiter) Names() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.buckets)
}
