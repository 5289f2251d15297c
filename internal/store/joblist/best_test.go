package joblist_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
)

// valuesOf returns ways to give n jobs values.
func valuesOf(rng *rand.Rand, n int) map[string]func(i int) int64 {
	return map[string]func(i int) int64{
		"a third is zero": func(int) int64 { return max(0, rng.Int64N(90_000)-30_000) },
		"most have none": func(int) int64 {
			if rng.IntN(10) > 0 {
				return joblist.None
			}
			return rng.Int64N(500)
		},
		"none has any":                 func(int) int64 { return joblist.None },
		"all are equal":                func(int) int64 { return 5 },
		"few different ones":           func(int) int64 { return rng.Int64N(9) },
		"rising":                       func(i int) int64 { return int64(i) * 1_000 },
		"falling":                      func(i int) int64 { return int64(n-i) * 1_000 },
		"different ones share a code":  func(int) int64 { return 40_000_000_000 + rng.Int64N(2_000_000) },
		"from the least to the most":   func(int) int64 { return rng.Int64() >> rng.IntN(63) },
		"the least and the most, none": func(i int) int64 { return []int64{joblist.None, 0, 1<<63 - 1, 0}[i%4] },
	}
}

func TestCodeOrdersAgreeWithASort(t *testing.T) {
	t.Parallel()
	const n = 6_500
	rng := rand.New(rand.NewPCG(11, 7))
	values := valuesOf(rng, n)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		m := world(rng, n, 500, true)
		for i := range m.jobs {
			if m.jobs[i].Status.Terminal() {
				m.jobs[i].Cost, m.jobs[i].Duration = value(i), rng.Int64N(2_000)
			}
		}
		seed := rng.Uint64()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 7))
			for _, descending := range []bool{false, true} {
				cost := store.JobOrder{By: store.ByCost, Descending: descending}
				duration := store.JobOrder{By: store.ByDuration, Descending: rng.IntN(2) == 0}
				for _, q := range []store.JobQuery{
					{Order: []store.JobOrder{cost}},
					{Order: []store.JobOrder{cost, duration}},
					{Order: []store.JobOrder{{By: store.ByStatus}, cost}, Metadata: []store.Label{{Key: "n", Value: "3"}}},
					{Order: []store.JobOrder{cost}, NotMetadata: []store.Label{{Key: "n", Value: "3"}}},
				} {
					checkPages(t, m, q, rng)
				}
			}
		})
	}
}

// checkPages compares pages of all sizes, from the first to the last.
func checkPages(t *testing.T, m *memory, q store.JobQuery, rng *rand.Rand) {
	t.Helper()
	all, count := m.naive(&q, len(m.jobs))
	for _, q.Offset = range []int{0, rng.IntN(30), 900, 4_090, rng.IntN(len(all)), len(all) - 3} {
		for _, limit := range []int{1, 10, 100, 1_000} {
			want := all[min(q.Offset, len(all)):min(q.Offset+limit, len(all))]
			for _, src := range []joblist.Source{m, streamed{ranged: ranged{m}}} {
				got, err := joblist.List(src, &q, limit)
				if err != nil {
					t.Fatalf("List(%+v): %v", q, err)
				}
				if got.Count != count || !slices.Equal(got.Seqs, want) {
					t.Fatalf("List(%+v) of %T, limit %d:\n got %d %v\nwant %d %v", q, src, limit, got.Count, got.Seqs, count, want)
				}
			}
		}
	}
}

// apart returns jobs of which those in chunks 0 and 5 have a label, more than are few.
func apart() *memory {
	rng := rand.New(rand.NewPCG(12, 7))
	m := world(rng, 6*joblist.ChunkSize, 500, true)
	for i := range m.jobs {
		if c, _ := joblist.ChunkOf(m.jobs[i].Seq); c == 0 || c == 5 {
			m.jobs[i].labels["far"] = "apart"
		}
	}
	return m.prepare()
}

func TestOnlyChunksThatHaveJobsAreReadForCodes(t *testing.T) {
	t.Parallel()
	m := apart()
	q := store.JobQuery{Metadata: []store.Label{{Key: "far", Value: "apart"}}, Order: []store.JobOrder{{By: store.ByDuration}}}
	want, _ := m.naive(&q, 50)
	var asked [][2]int64
	got, err := joblist.List(streamed{ranged{m}, &asked}, &q, 50)
	if err != nil || !slices.Equal(got.Seqs, want) {
		t.Fatalf("List:\n got %v (%v)\nwant %v", got.Seqs, err, want)
	}
	if !slices.Equal(asked, [][2]int64{{0, 0}, {5, 5}}) {
		t.Errorf("chunks that were read: got %v, want 0 and 5", asked)
	}
}

func TestJobsWithACodeOfTheirOwnAreOrderedWithoutTheirKeys(t *testing.T) {
	t.Parallel()
	m := world(rand.New(rand.NewPCG(13, 7)), 5_000, 500, true)
	for i := range m.jobs {
		m.jobs[i].Cost = int64(i*7%5_000) * 1_000_000
	}
	q := store.JobQuery{Order: []store.JobOrder{{By: store.ByCost, Descending: true}}}
	m.fetched = 0
	if _, err := joblist.List(m, &q, 1_000); err != nil {
		t.Fatalf("List: %v", err)
	}
	if m.fetched > 100 {
		t.Errorf("%d keys were fetched", m.fetched)
	}
}

func TestJobsOfOneCostAreOrderedWithoutTheirKeys(t *testing.T) {
	t.Parallel()
	m := world(rand.New(rand.NewPCG(17, 7)), 5_000, 500, true)
	for _, cost := range []int64{0, 200_000, 400_000, 8_000_000} {
		for i := range m.jobs {
			m.jobs[i].Cost = cost
		}
		m.fetched = 0
		if _, err := joblist.List(m, &store.JobQuery{Order: []store.JobOrder{{By: store.ByCost}}}, 20); err != nil {
			t.Fatalf("List: %v", err)
		}
		if m.fetched > 1_000 {
			t.Errorf("cost %d: %d keys were fetched", cost, m.fetched)
		}
	}
}

// damaged is a source whose codes are no codes.
type damaged struct{ streamed }

func (d damaged) EachBlock(_ store.JobOrderKey, first, _ int64, each func(number int64, encoded []byte) error) error {
	return each(first*joblist.ChunkSize/joblist.BlockSize, []byte{1, 2, 3})
}

func TestDamagedCodesAreAnError(t *testing.T) {
	t.Parallel()
	m := world(rand.New(rand.NewPCG(14, 7)), 3_000, 500, true)
	q := store.JobQuery{Order: []store.JobOrder{{By: store.ByCost}}}
	if got, err := joblist.List(damaged{streamed{ranged: ranged{m}}}, &q, 10); err == nil {
		t.Errorf("got %v, want an error", got.Seqs)
	}
	m.err = errors.New("the disk is gone")
	if _, err := joblist.List(broken{streamed{ranged: ranged{m}}}, &q, 10); !errors.Is(err, m.err) {
		t.Errorf("got error %v, want the source's", err)
	}
}

// broken is a source that fails when its codes are read, and not before.
type broken struct{ streamed }

func (b broken) All() (*joblist.Set, []joblist.Span, error) {
	set, spans, _ := b.streamed.All()
	return set, spans, nil
}
