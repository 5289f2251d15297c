package postgres

import (
	"container/list"
	"sync"

	"github.com/stewardhq/steward/internal/store/joblist"
)

// What a listCache keeps.
const (
	maxCached = 96 << 20 // bytes, about
	entrySize = 400      // bytes of an entry besides what is in it, about
	bitsSize  = 600      // bytes of a chunk of a set
	codesSize = 13_000   // bytes of a chunk of a column, at most
)

// listCache keeps sets, columns and what searches found between lists, with the number of the fold that they were read at. Whether they
// are still whole says job_spans, which every list reads anyway: a process never has to be told of what others do. Whether the folds are
// those of the database says job_folds: when it does not know the latest one that was read, an era ends and all is dropped. The zero
// value is empty. Safe for concurrent use; what it keeps must not be changed.
type listCache struct {
	mu      sync.Mutex
	latest  foldMark
	era     int64
	entries map[cacheKey]*list.Element // of *cacheEntry
	recent  list.List                  // the latest used first
	size    int64
}

// foldMark is a fold as the database knows it.
type foldMark struct {
	fold int64
	id   uid
}

// newest returns the latest fold that was read, and the era. The snapshot in which the database looks for it is to be taken later.
func (c *listCache) newest() (latest foldMark, era int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latest, c.era
}

// enter returns the era of a reader that has found the database at a fold, and whether it knows what newest has answered. A reader
// whose era has ended meanwhile stays in it: nothing is kept there.
func (c *listCache) enter(now foldMark, known bool, era int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case era != c.era:
		return era
	case !known:
		c.era++
		c.latest, c.entries, c.size = now, nil, 0
		c.recent.Init()
	case now.fold > c.latest.fold:
		c.latest = now
	}
	return c.era
}

// cacheKey names what is kept of a lane.
type cacheKey struct {
	era  int64
	lane uid
	kind keptKind
	name string
}

// keptKind says what is kept, and what its name is.
type keptKind byte

const (
	keptTerm      keptKind = iota // a set; its term
	keptColumn                    // a column; what it orders by
	keptTexts                     // a *searched of the texts; the digest of what was searched for
	keptTextsOrID                 // a *searched of the texts and the ids
)

// cacheEntry is something that is kept.
type cacheEntry struct {
	key   cacheKey
	fold  int64
	value any
	size  int64
}

// kept is a value as of a fold.
type kept[T any] struct {
	value T
	fold  int64
}

// cached returns what is kept under a key, unless it is of a later fold than a reader sees.
func cached[T any](c *listCache, key cacheKey, fold int64) (k kept[T], ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.entries[key]
	if at == nil {
		return k, false
	}
	e := at.Value.(*cacheEntry) //nolint:errcheck,forcetypeassert // nothing else is put in
	c.recent.MoveToFront(at)
	if e.fold > fold {
		return k, false
	}
	value, ok := e.value.(T)
	return kept[T]{value, e.fold}, ok
}

// sizeOf returns how many bytes a set takes, about.
func sizeOf(set *joblist.Set) (n int64) {
	for range set.Chunks() {
		n += bitsSize
	}
	return n
}

// put keeps a value in the place of an older one, and drops what was not used for long when there is too much.
func (c *listCache) put(key cacheKey, fold int64, value any, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if key.era != c.era {
		return
	}
	if at := c.entries[key]; at != nil {
		if at.Value.(*cacheEntry).fold > fold { //nolint:errcheck,forcetypeassert // nothing else is put in
			return
		}
		c.drop(at)
	}
	if c.entries == nil {
		c.entries = map[cacheKey]*list.Element{}
	}
	size += entrySize
	c.entries[key] = c.recent.PushFront(&cacheEntry{key, fold, value, size})
	for c.size += size; c.size > maxCached && c.recent.Len() > 1; {
		c.drop(c.recent.Back())
	}
}

// drop removes an entry.
func (c *listCache) drop(at *list.Element) {
	e := c.recent.Remove(at).(*cacheEntry) //nolint:errcheck,forcetypeassert // nothing else is put in
	delete(c.entries, e.key)
	c.size -= e.size
}
