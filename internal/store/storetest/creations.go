package storetest

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Creations tests what is known of things that were created under idempotency keys.
func Creations(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"the first one is remembered":                  creationFirst,
		"organizations, kinds and keys are apart":      creationsApart,
		"an answer is kept in place of what was noted": creationEnd,
		"only what is about the object is dropped":     creationDrop,
		"it is forgotten when it has expired":          creationExpired,
		"of many at once one is the first":             creationRace,
	})
}

// creation returns one that lasts an hour.
func (f *fixture) creation(key, sealed string) store.Creation {
	return store.Creation{
		OrganizationID: f.org, Kind: "agent", Key: key, ObjectID: "01890000-0000-7000-8000-0000000000a1", Sealed: []byte(sealed), ExpiresAt: after(3600),
	}
}

func (f *fixture) begin(c store.Creation, at int) (store.Creation, bool) {
	f.t.Helper()
	first, known, err := f.BeginCreation(f.ctx(), c, after(at))
	must(f.t, "BeginCreation", err)
	return first, known
}

func creationFirst(f *fixture) {
	c := f.creation("k", "one\x00\xff")
	first, known := f.begin(c, 0)
	want(f.t, "known", known, false)
	same(f.t, "a new one", first, c)
	other := f.creation("k", "two")
	other.ObjectID = "01890000-0000-7000-8000-0000000000a2"
	first, known = f.begin(other, 3599)
	want(f.t, "known", known, true)
	same(f.t, "the first one", first, c)
}

func creationsApart(f *fixture) {
	c := f.creation("k", "one")
	f.begin(c, 0)
	for what, change := range map[string]func(c *store.Creation){
		"organization": func(c *store.Creation) { c.OrganizationID = "01890000-0000-7000-8000-00000000000f" },
		"kind":         func(c *store.Creation) { c.Kind = "tag" },
		"key":          func(c *store.Creation) { c.Key = "K" },
	} {
		other := c
		change(&other)
		_, known := f.begin(other, 1)
		want(f.t, "another "+what+" is known", known, false)
	}
}

func creationEnd(f *fixture) {
	c := f.creation("k", "begun")
	f.begin(c, 0)
	c.Sealed, c.ObjectID = []byte("ended"), "01890000-0000-7000-8000-0000000000a3"
	must(f.t, "EndCreation", f.EndCreation(f.ctx(), c))
	first, known := f.begin(f.creation("k", "again"), 1)
	want(f.t, "known", known, true)
	same(f.t, "what is noted", first, c)
	lost := f.creation("never begun", "ended")
	must(f.t, "EndCreation of one that is not noted any more", f.EndCreation(f.ctx(), lost))
	first, known = f.begin(f.creation("never begun", "again"), 1)
	want(f.t, "known", known, true)
	same(f.t, "what is noted", first, lost)
}

func creationDrop(f *fixture) {
	c := f.creation("k", "one")
	f.begin(c, 0)
	other := c
	other.ObjectID = "01890000-0000-7000-8000-0000000000a2"
	must(f.t, "DropCreation", f.DropCreation(f.ctx(), other))
	_, known := f.begin(c, 1)
	want(f.t, "known after another was dropped", known, true)
	must(f.t, "DropCreation", f.DropCreation(f.ctx(), c))
	_, known = f.begin(c, 2)
	want(f.t, "known after it was dropped", known, false)
}

func creationExpired(f *fixture) {
	for _, key := range []string{"a", "b", "c", "d"} {
		f.begin(f.creation(key, "one"), 0)
	}
	again := f.creation("a", "two")
	again.ExpiresAt = after(9000)
	first, known := f.begin(again, 3600)
	want(f.t, "known when it has expired", known, false)
	same(f.t, "the new one", first, again)
	gone := 0
	for range 5 {
		n, err := f.ExpireCreations(f.ctx(), after(3600), 1)
		must(f.t, "ExpireCreations", err)
		gone += n
	}
	want(f.t, "expired besides the two that were cleared away", gone, 1)
	_, known = f.begin(f.creation("a", "three"), 3601)
	want(f.t, "the one that lasts is known", known, true)
	_, err := f.ExpireCreations(f.ctx(), now(), 0)
	code(f.t, "without a limit", err, steward.Invalid)
}

func creationRace(f *fixture) {
	var wg sync.WaitGroup
	var firsts atomic.Int32
	for range 16 {
		wg.Go(func() {
			_, known, err := f.BeginCreation(f.ctx(), f.creation("k", "one"), now())
			if err != nil {
				f.t.Errorf("BeginCreation: %v", err)
			}
			if !known {
				firsts.Add(1)
			}
		})
	}
	wg.Wait()
	want(f.t, "first ones", firsts.Load(), 1)
}
