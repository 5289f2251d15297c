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
// are still whole says job_spans, which every list reads anyway: a process never has to be told of what others do. The zero value is
// empty. Safe for concurrent use; what it keeps must not be changed.
type listCache struct {
	mu      sync.Mutex
	entries map[cacheKey]*list.Element // of *cacheEntry
	recent  list.List                  // the latest used first
	size    int64
}

// cacheKey names what is kept of a lane.
type cacheKey struct {
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
