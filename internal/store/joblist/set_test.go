package joblist_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
)

// truth is a set as a map.
type truth map[int64]bool

// both returns random numbers as a set and as the truth about it: some chunks are full, some sparse, some missing.
func both(rng *rand.Rand) (*joblist.Set, truth) {
	set, want := new(joblist.Set), truth{}
	for range rng.IntN(6) {
		base := rng.Int64N(8) * joblist.ChunkSize
		for range []int{1, 40, 300, 6000}[rng.IntN(4)] {
			seq := base + rng.Int64N(joblist.ChunkSize)
			set.Add(seq)
			want[seq] = true
		}
	}
	return set, want
}

func (w truth) sorted() []int64 { return slices.Sorted(maps.Keys(w)) }

func checkSet(t *testing.T, what string, got *joblist.Set, want truth) {
	t.Helper()
	if n := got.Len(); n != len(want) {
		t.Errorf("%s: %d jobs, want %d", what, n, len(want))
	}
	if !slices.Equal(got.Numbers(), want.sorted()) {
		t.Errorf("%s: got %v, want %v", what, got.Numbers(), want.sorted())
	}
	for _, seq := range []int64{0, 1, joblist.ChunkSize, 3*joblist.ChunkSize - 1, 99 * joblist.ChunkSize} {
		if got.Has(seq) != want[seq] {
			t.Errorf("%s: Has(%d) is %v", what, seq, !want[seq])
		}
	}
}

func TestSetsDoWhatMapsDo(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 5))
	for range 200 {
		a, inA := both(rng)
		b, inB := both(rng)
		checkSet(t, "as made", a, inA)

		and, wantAnd := a.Clone(), maps.Clone(inA)
		and.And(b)
		maps.DeleteFunc(wantAnd, func(seq int64, _ bool) bool { return !inB[seq] })
		checkSet(t, "and", and, wantAnd)

		not, wantNot := a.Clone(), maps.Clone(inA)
		not.AndNot(b)
		maps.DeleteFunc(wantNot, func(seq int64, _ bool) bool { return inB[seq] })
		checkSet(t, "and not", not, wantNot)

		or, wantOr := a.Clone(), maps.Clone(inA)
		or.Or(b.Clone())
		maps.Copy(wantOr, inB)
		checkSet(t, "or", or, wantOr)

		n := rng.IntN(len(inA) + 2)
		newest, wantNewest := a.Clone(), truth{}
		newest.KeepNewest(n)
		sorted := inA.sorted()
		for _, seq := range sorted[max(0, len(sorted)-n):] {
			wantNewest[seq] = true
		}
		checkSet(t, "newest", newest, wantNewest)
		checkSet(t, "the first after all of that", a, inA)
	}
}

func TestSetsComeBackFromTheirWrittenForm(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(6, 6))
	for range 100 {
		a, inA := both(rng)
		back := new(joblist.Set)
		for number, b := range a.Chunks() {
			written := joblist.AppendBits(nil, b)
			if most := min(2*b.Len(), joblist.ChunkSize/8); len(written) != most {
				t.Errorf("%d places take %d bytes, want %d", b.Len(), len(written), most)
			}
			if err := back.Merge(number, written); err != nil {
				t.Fatalf("Merge: %v", err)
			}
			clear(written) // the set keeps nothing of it
			if got := b.Numbers(number); len(got) != b.Len() || !a.Has(got[0]) {
				t.Errorf("numbers of a chunk: %v", got)
			}
		}
		checkSet(t, "read back", back, inA)
	}
}

func TestDamagedFormsAreRefused(t *testing.T) {
	t.Parallel()
	for what, form := range map[string][]byte{
		"half a place": {1}, "too long": make([]byte, joblist.ChunkSize/8+2), "falling": {5, 0, 4, 0}, "twice": {5, 0, 5, 0},
		"out of the chunk": {0, 0x10},
	} {
		if err := new(joblist.Bits).Merge(form); err == nil {
			t.Errorf("bits, %s: taken", what)
		}
	}
	for what, form := range map[string][]byte{
		"half an entry": {1, 0, 9}, "too long": make([]byte, 3*joblist.BlockSize+5), "falling": {5, 0, 1, 1, 1, 4, 0, 1, 1, 1},
		"out of the block": {0, 4, 1, 1, 1},
	} {
		if err := new(joblist.Block).Merge(form); err == nil {
			t.Errorf("codes, %s: taken", what)
		}
	}
}

func FuzzBits(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 0, 2, 0})
	f.Add(bytes.Repeat([]byte{0xff}, joblist.ChunkSize/8))
	f.Fuzz(func(t *testing.T, form []byte) {
		var b, again joblist.Bits
		if b.Merge(form) != nil {
			return
		}
		written := joblist.AppendBits(nil, &b)
		if err := again.Merge(written); err != nil || again != b {
			t.Errorf("%x was read, but written as %x (%v)", form, written, err)
		}
	})
}

func FuzzBlock(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 0, 9, 9, 9, 2, 0, 1, 0, 0})
	f.Add(bytes.Repeat([]byte{0xff}, joblist.BlockSize*3))
	f.Fuzz(func(t *testing.T, form []byte) {
		var b, again joblist.Block
		if b.Merge(form) != nil {
			return
		}
		written := joblist.AppendBlock(nil, &b)
		if err := again.Merge(written); err != nil || again != b {
			t.Errorf("%x was read, but written as %x (%v)", form, written, err)
		}
	})
}

func TestCodesKeepTheOrderOfValues(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(8, 8))
	m := &memory{}
	for i := range 3000 {
		v := rng.Int64() >> rng.IntN(63)
		j := job{Keys: joblist.Keys{Seq: int64(i + 1), ID: string(rune('a' + i%26)), Created: int64(i), Status: 3, Cost: v, Duration: v/3 + 1}}
		m.jobs = append(m.jobs, j)
	}
	m.prepare()
	for _, descending := range []bool{false, true} {
		for _, by := range []store.JobOrderKey{store.ByCost, store.ByDuration} {
			q := store.JobQuery{Order: []store.JobOrder{{By: by, Descending: descending}}}
			for q.Offset = 0; q.Offset < 3000; q.Offset += 500 {
				want, _ := m.naive(&q, 500)
				got, err := joblist.List(m, &q, 500)
				if err != nil || !slices.Equal(got.Seqs, want) {
					t.Fatalf("by %s from %d on: got %v (%v), want %v", by, q.Offset, got.Seqs, err, want)
				}
			}
		}
	}
}

func TestBlocksAreMerged(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(9, 9))
	for _, n := range []int{0, 1, 500, 5000} {
		var a, b, both joblist.Block
		for range n {
			block, place, v := []*joblist.Block{&a, &b}[rng.IntN(2)], rng.IntN(joblist.BlockSize), rng.Int64N(1e9)
			a.Set(place, joblist.None)
			b.Set(place, joblist.None)
			block.Set(place, v)
			both.Set(place, v)
		}
		if err := a.Merge(joblist.AppendBlock(nil, &b)); err != nil || a != both {
			t.Errorf("%d values merged from two blocks differ from those in one (%v)", n, err)
		}
	}
}
