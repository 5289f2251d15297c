package joblist_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// job is a job of the memory source, and what the plain truth about its lists is made of.
type job struct {
	joblist.Keys
	text    string
	labels  map[string]string
	verdict string
	purged  bool // the data was deleted; the terms are not
}

// memory is a source that keeps all in memory.
type memory struct {
	jobs    []job // by number, from 1
	walks   int   // steps that were walked
	fetched int   // keys that were fetched
	err     error // what every method returns when set
	// made once from jobs
	postings map[string]*joblist.Set
	orders   map[joblist.WalkKey][]job // ascending
}

// prepare makes what is looked up again and again.
func (m *memory) prepare() *memory {
	m.postings, m.orders = map[string]*joblist.Set{}, map[joblist.WalkKey][]job{}
	for i := range m.jobs {
		j := &m.jobs[i]
		terms := []string{joblist.VersionTerm(j.VersionName)}
		for k, v := range j.labels {
			terms = append(terms, joblist.LabelTerm(store.Label{Key: k, Value: v}))
		}
		if j.Status.Terminal() {
			terms = append(terms, joblist.StatusTerm(j.Status), joblist.VerdictTerm(j.verdict))
		}
		if j.purged {
			terms = append(terms, joblist.PurgedTerm)
		}
		for _, t := range terms {
			if m.postings[t] == nil {
				m.postings[t] = new(joblist.Set)
			}
			m.postings[t].Add(j.Seq)
		}
	}
	for _, key := range []joblist.WalkKey{joblist.WalkCreated, joblist.WalkEnded, joblist.WalkID} {
		list := slices.Clone(m.jobs)
		if key == joblist.WalkEnded {
			list = slices.DeleteFunc(list, func(j job) bool { return !j.Status.Terminal() })
		}
		slices.SortFunc(list, func(a, b job) int { return compareBounds(a.at(key), b.at(key)) })
		m.orders[key] = list
	}
	return m
}

// at returns where a job stands in the order of a walk.
func (j *job) at(key joblist.WalkKey) joblist.Bound {
	switch key {
	case joblist.WalkID:
		return joblist.Bound{ID: j.ID}
	case joblist.WalkEnded:
		return joblist.Bound{Time: j.Updated}
	default:
		return joblist.Bound{Time: j.Created}
	}
}

func compareBounds(a, b joblist.Bound) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.ID, b.ID))
}

func (m *memory) All() (*joblist.Set, []joblist.Span, error) {
	set, spans := new(joblist.Set), map[int64]*joblist.Span{}
	for i := range m.jobs {
		j := &m.jobs[i]
		set.Add(j.Seq)
		n, _ := joblist.ChunkOf(j.Seq)
		sp := spans[n]
		if sp == nil {
			sp = &joblist.Span{Chunk: n, CreatedFrom: j.Created, CreatedTo: j.Created, IDFrom: j.ID, IDTo: j.ID}
			spans[n] = sp
		}
		sp.CreatedFrom, sp.CreatedTo = min(sp.CreatedFrom, j.Created), max(sp.CreatedTo, j.Created)
		sp.IDFrom, sp.IDTo = min(sp.IDFrom, j.ID), max(sp.IDTo, j.ID)
		if j.Status.Terminal() {
			if sp.EndedFrom == 0 {
				sp.EndedFrom = j.Updated
			}
			sp.EndedFrom, sp.EndedTo = min(sp.EndedFrom, j.Updated), max(sp.EndedTo, j.Updated)
		}
	}
	list := []joblist.Span{}
	for _, n := range slices.Sorted(maps.Keys(spans)) {
		list = append(list, *spans[n])
	}
	return set, list, m.err
}

// where returns the jobs that a condition holds for.
func (m *memory) where(holds func(j *job) bool) *joblist.Set {
	set := new(joblist.Set)
	for i := range m.jobs {
		if holds(&m.jobs[i]) {
			set.Add(m.jobs[i].Seq)
		}
	}
	return set
}

func (m *memory) Posting(term string) (*joblist.Set, error) {
	if set := m.postings[term]; set != nil {
		return set.Clone(), m.err
	}
	return new(joblist.Set), m.err
}

func (m *memory) Versions() ([]string, error) {
	names := map[string]bool{}
	for i := range m.jobs {
		names[m.jobs[i].VersionName] = true
	}
	return slices.Collect(maps.Keys(names)), m.err
}

func (m *memory) Open() (started, retry *joblist.Set, err error) {
	return m.where(func(j *job) bool { return j.Status == steward.StatusStarted }),
		m.where(func(j *job) bool { return j.Status == steward.StatusRetry }), m.err
}

func (m *memory) Find(id steward.JobID) (int64, bool, error) {
	i := slices.IndexFunc(m.jobs, func(j job) bool { return j.ID == string(id) })
	return int64(i + 1), i >= 0, m.err
}

func (m *memory) CreatedIn(_, from, to int64) (*joblist.Set, error) {
	// All jobs of the agent, as a source may answer.
	return m.where(func(j *job) bool { return from <= j.Created && j.Created <= to }), m.err
}

func (m *memory) Matching(among *joblist.Set, text string, ids bool) (*joblist.Set, error) {
	if among.Len() > store.SearchWindow {
		return nil, fmt.Errorf("%d jobs to look into", among.Len())
	}
	return m.where(func(j *job) bool {
		return strings.Contains(j.text, text) || ids && strings.Contains(j.ID, text)
	}), m.err
}

func (m *memory) Column(by store.JobOrderKey) (*joblist.Column, error) {
	col := new(joblist.Column)
	for i := range m.jobs {
		v := m.jobs[i].Cost
		if by == store.ByDuration {
			v = m.jobs[i].Duration
		}
		if v != joblist.None {
			col.Set(m.jobs[i].Seq, v)
		}
	}
	return col, m.err
}

func (m *memory) Walk(key joblist.WalkKey, descending bool, bound joblist.Bound, each func(at joblist.Bound, seq int64) bool) error {
	list := m.orders[key]
	for i := range list {
		j := &list[i]
		if descending {
			j = &list[len(list)-1-i]
		}
		c := compareBounds(j.at(key), bound)
		if !descending && c < 0 || descending && c > 0 {
			continue
		}
		m.walks++
		if !each(j.at(key), j.Seq) {
			break
		}
	}
	return m.err
}

func (m *memory) Keys(seqs []int64) ([]joblist.Keys, error) {
	m.fetched += len(seqs)
	keys := make([]joblist.Keys, 0, len(seqs))
	for _, seq := range seqs {
		keys = append(keys, m.jobs[seq-1].Keys)
	}
	return keys, m.err
}

// ranged is a memory that reads no more than it is asked for, and nothing of other chunks.
type ranged struct{ *memory }

func (r ranged) PostingIn(term string, first, last int64) (*joblist.Set, error) {
	set, err := r.Posting(term)
	set.And(r.where(func(j *job) bool { n, _ := joblist.ChunkOf(j.Seq); return first <= n && n <= last }))
	return set, err
}

// gathered is a ranged source that hands out the jobs of many terms at once, and counts how often it was asked for any.
type gathered struct {
	ranged
	asked *int
}

func (g gathered) PostingIn(term string, first, last int64) (*joblist.Set, error) {
	*g.asked++
	return g.ranged.PostingIn(term, first, last)
}

func (g gathered) PostingsIn(terms []string, first, last int64) (sets []*joblist.Set, err error) {
	*g.asked++
	for _, t := range terms {
		set, err := g.ranged.PostingIn(t, first, last)
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	return sets, nil
}

func (r ranged) ColumnIn(by store.JobOrderKey, first, last int64) (*joblist.Column, error) {
	some := &memory{err: r.err}
	for _, j := range r.jobs {
		if n, _ := joblist.ChunkOf(j.Seq); first <= n && n <= last {
			some.jobs = append(some.jobs, j)
		}
	}
	return some.Column(by)
}

// streamed is a ranged source that hands out its codes block by block, and notes which chunks it was asked for.
type streamed struct {
	ranged
	asked *[][2]int64
}

func (s streamed) EachBlock(by store.JobOrderKey, first, last int64, each func(number int64, encoded []byte) error) error {
	if s.asked != nil {
		*s.asked = append(*s.asked, [2]int64{first, last})
	}
	blocks := map[int64]*joblist.Block{}
	for i := range s.jobs {
		j := &s.jobs[i]
		v, n := j.Cost, int64(0)
		if by == store.ByDuration {
			v = j.Duration
		}
		if n, _ = joblist.ChunkOf(j.Seq); v == joblist.None || n < first || n > last {
			continue
		}
		number, place := joblist.BlockOf(j.Seq)
		if blocks[number] == nil {
			blocks[number] = new(joblist.Block)
		}
		blocks[number].Set(place, v)
	}
	encoded := []byte(nil)
	for number, b := range blocks { // in any order
		clear(encoded) // valid only during the call
		encoded = joblist.AppendBlock(encoded[:0], b)
		if err := each(number, encoded); err != nil {
			return err
		}
	}
	return s.err
}

// naive answers a query by looking at every job.
func (m *memory) naive(q *store.JobQuery, limit int) (page []int64, count int64) {
	var list []job
	for i := range m.jobs {
		if j := &m.jobs[i]; j.matches(q) {
			list = append(list, *j)
		}
	}
	slices.SortFunc(list, func(a, b job) int { return cmp.Compare(b.Seq, a.Seq) })
	if q.Search != "" || q.Inputs != "" {
		list = list[:min(len(list), store.SearchWindow)]
		list = slices.DeleteFunc(list, func(j job) bool {
			search, inputs := strings.ToLower(q.Search), strings.ToLower(q.Inputs)
			return !strings.Contains(j.text, inputs) || !strings.Contains(j.text+"\n"+j.ID+"\n"+strings.ToLower(j.VersionName), search)
		})
	}
	if q.Newest > 0 {
		list = list[:min(len(list), q.Newest)]
	}
	slices.SortFunc(list, func(a, b job) int { return naiveOrder(&a, &b, q.Order) })
	for _, j := range list[min(q.Offset, len(list)):min(q.Offset+limit, len(list))] {
		page = append(page, j.Seq)
	}
	return page, int64(len(list))
}

// matches tells the filters that do not depend on other jobs.
func (j *job) matches(q *store.JobQuery) bool {
	has := func(l store.Label) bool { v, ok := j.labels[l.Key]; return ok && v == l.Value }
	ok := (len(q.Status) == 0 || slices.Contains(q.Status, j.Status)) &&
		(len(q.VersionNames) == 0 || slices.Contains(q.VersionNames, j.VersionName)) &&
		(len(q.Verdicts) == 0 || j.Status.Terminal() && !j.purged && slices.Contains(q.Verdicts, j.verdict)) &&
		(q.JobID == "" || string(q.JobID) == j.ID) &&
		(q.CreatedFrom.IsZero() || j.Created >= storerow.Micros(q.CreatedFrom)) &&
		(q.CreatedTo.IsZero() || j.Created <= storerow.Micros(q.CreatedTo))
	for _, l := range q.Metadata {
		ok = ok && has(l)
	}
	for _, l := range q.NotMetadata {
		ok = ok && !has(l)
	}
	return ok
}

// naiveOrder compares two jobs as the contract says, one key after the other.
func naiveOrder(a, b *job, order []store.JobOrder) int {
	order = append(slices.Clone(order), store.JobOrder{By: store.ByCreated, Descending: true}, store.JobOrder{By: store.ByID, Descending: true})
	value := func(j *job, by store.JobOrderKey) (n int64, s string, none bool) {
		switch by {
		case store.ByID:
			return 0, j.ID, false
		case store.ByVersionName:
			return 0, j.VersionName, false
		case store.ByStatus:
			return int64(j.Status), "", false
		case store.ByCreated:
			return j.Created, "", false
		case store.ByUpdated:
			return j.Updated, "", false
		case store.ByCost:
			return j.Cost, "", j.Cost == joblist.None
		default:
			return j.Duration, "", j.Duration == joblist.None
		}
	}
	for _, o := range order {
		an, as, anone := value(a, o.By)
		bn, bs, bnone := value(b, o.By)
		if anone != bnone {
			if anone {
				return 1
			}
			return -1
		}
		c := cmp.Or(cmp.Compare(an, bn), cmp.Compare(as, bs))
		if o.Descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// world returns n random jobs. spread is how far apart in time neighbours are, in microseconds; 0 makes many ties. calm is a world
// where no job is stored long after it was made, and few run.
func world(rng *rand.Rand, n int, spread int64, calm bool) *memory {
	m := &memory{}
	for i := range n {
		created := 1_700_000_000_000_000 + int64(i)*spread + rng.Int64N(50*spread+3)
		if !calm && rng.IntN(500) == 0 {
			created -= rng.Int64N(int64(n)*spread + 100) // stored long after it was made
		}
		j := job{
			Keys: joblist.Keys{
				Seq: int64(i + 1), ID: fmt.Sprintf("%08x-%04x", created/997, rng.IntN(1<<16)*n+i), Created: created, Updated: created,
				VersionName: []string{"", "v1", "v2", "Ärger", "v10"}[min(4, rng.IntN(9))],
				Cost:        joblist.None, Duration: joblist.None,
			},
			text: fmt.Sprint("invoice ", i%100, " of customer ", rng.IntN(30)), labels: map[string]string{"n": fmt.Sprint(i % 7)},
			verdict: []string{"approve", "reject", ""}[rng.IntN(3)],
		}
		if j.Status = steward.Status(rng.IntN(7)); calm && !j.Status.Terminal() && i < n-50 {
			j.Status = steward.StatusPending
		}
		if rng.IntN(3) == 0 {
			j.labels["rare"] = fmt.Sprint(rng.IntN(400))
		}
		if j.Status != steward.StatusPending {
			j.Updated += rng.Int64N(1000*spread + 2)
		}
		if j.Status.Terminal() {
			j.end(rng)
			j.purged = rng.IntN(20) == 0
		}
		m.jobs = append(m.jobs, j)
	}
	return m.prepare()
}

// end gives an ended job its cost and duration: often none, often equal, sometimes such that share a code with others.
func (j *job) end(rng *rand.Rand) {
	values := func() int64 {
		switch rng.IntN(5) {
		case 0:
			return joblist.None
		case 1:
			return 0
		case 2:
			return rng.Int64N(5)
		case 3:
			return 3_000_000_000 + rng.Int64N(40_000)
		default:
			return rng.Int64N(1_000_000)
		}
	}
	j.Cost, j.Duration = values(), values()
}

// queries returns filters with many, some and no matches.
func queries(m *memory) []store.JobQuery {
	at := func(i int) time.Time { return storerow.Time(m.jobs[i].Created) }
	n := len(m.jobs)
	label := func(k, v string) []store.Label { return []store.Label{{Key: k, Value: v}} }
	return []store.JobQuery{
		{}, {Status: []steward.Status{3}}, {Status: []steward.Status{0, 1, 2}}, {Status: []steward.Status{0}}, {Status: []steward.Status{4, 4, 9}},
		{VersionNames: []string{"v1", "Ärger"}}, {VersionNames: []string{"v"}}, {Verdicts: []string{"reject"}}, {Verdicts: []string{"no", "approve"}},
		{Metadata: label("n", "3")}, {Metadata: append(label("n", "3"), label("rare", "7")...)}, {NotMetadata: label("n", "3")},
		{NotMetadata: append(label("n", "1"), label("n", "2")...), Status: []steward.Status{3, 6}},
		{JobID: steward.JobID(m.jobs[n/3].ID)}, {JobID: "nobody"}, {JobID: steward.JobID(m.jobs[5].ID), Metadata: label("n", "1")},
		{CreatedFrom: at(n / 4)}, {CreatedTo: at(n / 2)}, {CreatedFrom: at(n / 4), CreatedTo: at(n / 2)}, {CreatedFrom: at(7), CreatedTo: at(7)},
		{Search: "Invoice 9"}, {Search: "ÄRGER"}, {Search: m.jobs[n-9].ID[:7]}, {Search: "v1", Inputs: "customer 2"}, {Inputs: "INVOICE 1"},
		{Inputs: "nothing"}, {Search: "7", Metadata: label("rare", "8")},
		{Newest: 10}, {Newest: n / 2, Status: []steward.Status{3}}, {Newest: 3 * n}, {Newest: 50, Search: "1"},
	}
}

// somOrders returns each key in both directions, and a few of several.
func someOrders(rng *rand.Rand) (orders [][]store.JobOrder) {
	keys := []store.JobOrderKey{
		store.ByID, store.ByVersionName, store.ByStatus, store.ByCreated, store.ByUpdated, store.ByCost, store.ByDuration,
	}
	orders = append(orders, nil)
	for _, k := range keys {
		orders = append(orders, []store.JobOrder{{By: k}}, []store.JobOrder{{By: k, Descending: true}})
	}
	for range 10 {
		var o []store.JobOrder
		for range 2 + rng.IntN(3) {
			o = append(o, store.JobOrder{By: keys[rng.IntN(len(keys))], Descending: rng.IntN(2) == 0})
		}
		orders = append(orders, o)
	}
	return orders
}

func TestListAgreesWithTheNaiveAnswer(t *testing.T) {
	t.Parallel()
	for _, w := range []struct {
		name   string
		n      int
		spread int64
	}{{"few", 300, 1000}, {"a chunk and more", 5_000, 1000}, {"ties", 4_500, 0}, {"many", 9_000, 100}} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(uint64(w.n), 7))
			m := world(rng, w.n, w.spread, false)
			orders := someOrders(rng)
			for i, q := range queries(m) {
				for range 1 + 300*4/w.n {
					q.Order = orders[rng.IntN(len(orders))]
					checkList(t, m, q, rng)
				}
				q.Order = orders[i%len(orders)]
				checkList(t, m, q, rng)
			}
			for _, q := range []store.JobQuery{{}, {Metadata: []store.Label{{Key: "n", Value: "1"}}}} {
				for _, q.Order = range orders {
					checkList(t, m, q, rng)
				}
			}
		})
	}
}

// checkList asks for the first page, one in the middle, and one at the end.
func checkList(t *testing.T, m *memory, q store.JobQuery, rng *rand.Rand) {
	t.Helper()
	_, count := m.naive(&q, 1)
	for _, q.Offset = range []int{0, rng.IntN(int(count) + 1), max(0, int(count)-7)} {
		limit := []int{1, 20, 100}[rng.IntN(3)]
		wantPage, wantCount := m.naive(&q, limit)
		for _, src := range []joblist.Source{m, ranged{m}, streamed{ranged: ranged{m}}, gathered{ranged{m}, new(int)}} {
			got, err := joblist.List(src, &q, limit)
			if err != nil {
				t.Fatalf("List(%+v): %v", q, err)
			}
			if got.Count != wantCount || !slices.Equal(got.Seqs, wantPage) {
				t.Fatalf("List(%+v) of %T, limit %d:\n got %d %v\nwant %d %v", q, src, limit, got.Count, got.Seqs, wantCount, wantPage)
			}
		}
	}
}

func TestListLooksAtLittle(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 7))
	m := world(rng, 18_000, 1000, true)
	orders := someOrders(rng)
	for _, q := range queries(m) {
		for range 4 {
			q.Order = orders[rng.IntN(len(orders))]
			m.walks, m.fetched = 0, 0
			if _, err := joblist.List(m, &q, 20); err != nil {
				t.Fatalf("List: %v", err)
			}
			if m.walks > 9_000 || m.fetched > 3_000 {
				t.Errorf("%+v: %d steps walked, %d keys fetched", q, m.walks, m.fetched)
			}
		}
	}
}

// Each job stands in a chunk of its own: to count them all for each one that is passed over would take many seconds.
func TestJobsAreNotCountedForEachThatIsPassedOver(t *testing.T) {
	t.Parallel()
	m := &memory{}
	for i := range int64(10_000) {
		j := job{Keys: joblist.Keys{Seq: i * joblist.ChunkSize, ID: fmt.Sprintf("%08d", i), Created: 1 + i, Updated: 1 + i}}
		m.jobs = append(m.jobs, j)
	}
	m.prepare()
	begin := time.Now()
	got, err := joblist.List(m, &store.JobQuery{Offset: 9_990}, 20)
	if err != nil || len(got.Seqs) != 10 || got.Seqs[9] != 0 {
		t.Fatalf("List: got %v (%v), want the ten oldest", got.Seqs, err)
	}
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("the last page took %v", d)
	}
}

func TestManyVersionsAreAskedForTogether(t *testing.T) {
	t.Parallel()
	m := world(rand.New(rand.NewPCG(16, 7)), 3_000, 1000, true)
	for i := range m.jobs {
		m.jobs[i].VersionName = fmt.Sprint("version ", i)
	}
	m.prepare()
	for _, q := range []store.JobQuery{
		{Search: "version"}, {VersionNames: []string{"version 1", "version 2", "version 3", "version 2999"}},
		{Order: []store.JobOrder{{By: store.ByVersionName}}, Offset: 2_900},
	} {
		asked := 0
		want, count := m.naive(&q, 20)
		got, err := joblist.List(gathered{ranged{m}, &asked}, &q, 20)
		if err != nil || got.Count != count || !slices.Equal(got.Seqs, want) {
			t.Errorf("%+v: got %d %v (%v), want %d %v", q, got.Count, got.Seqs, err, count, want)
		}
		if asked > 10 {
			t.Errorf("%+v: asked %d times", q, asked)
		}
	}
}

func TestListRefusesOrdersThatDoNotExist(t *testing.T) {
	t.Parallel()
	m := world(rand.New(rand.NewPCG(1, 1)), 3, 1, false)
	by := store.JobOrder{By: store.ByCost}
	for _, order := range [][]store.JobOrder{{{By: "price"}}, {{}}, {by, by, by, by, by}} {
		if _, err := joblist.List(m, &store.JobQuery{Order: order}, 20); steward.CodeOf(err) != steward.Invalid {
			t.Errorf("%v: got error %v, want Invalid", order, err)
		}
	}
	if _, err := joblist.List(m, &store.JobQuery{Order: []store.JobOrder{by, by, by, by}}, 20); err != nil {
		t.Errorf("the same key four times: %v", err)
	}
}

func TestListPassesOnWhatTheSourceSays(t *testing.T) {
	t.Parallel()
	m := world(rand.New(rand.NewPCG(1, 1)), 3000, 10, false)
	broken := errors.New("the disk is gone")
	m.err = broken
	for _, q := range queries(m) {
		if _, err := joblist.List(m, &q, 20); !errors.Is(err, broken) {
			t.Errorf("%+v: got error %v, want the source's", q, err)
		}
	}
}

func TestListOfNothing(t *testing.T) {
	t.Parallel()
	m := world(rand.New(rand.NewPCG(1, 1)), 10, 10, false)
	queriesOfTen := queries(m)
	m = (&memory{}).prepare()
	for _, q := range queriesOfTen {
		if got, err := joblist.List(m, &q, 20); err != nil || got.Count != 0 || len(got.Seqs) != 0 {
			t.Errorf("%+v: got %+v (%v), want nothing", q, got, err)
		}
	}
}
