// Package joblist finds pages of job lists: any filters, any order, an exact count, at a cost that hardly depends on how many
// jobs there are. Both databases keep the same few things about an agent's jobs and hand them over as a Source; List does the rest.
//
// What a database keeps, for each agent of an organization ("lane"):
//
//   - Every job has a number (seq) that goes up in the order of storing. Numbers are cut into chunks of ChunkSize.
//   - For each term (see terms.go) and chunk, the set of jobs that have the term, as AppendBits writes it. Terms are set once and
//     never taken back: version and labels when a job is stored, status and verdict when it has ended.
//   - For each chunk, the set of all jobs and a Span of their times and ids.
//   - For cost and duration, one code a job in blocks of BlockSize, as Block keeps them.
//
// A filter is then a few set operations on bitmaps and a count is a population count. A page is found by groups (status,
// version), by codes (cost, duration), or by a walk over an index that tests membership (times, id), whichever looks at little.
//
// Everything here is pure: no database, no clock, no state. Values are not safe for concurrent use.
package joblist

import (
	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Source is what a database knows about the jobs of one agent, all of it seen at one moment. Sets that it returns belong to the
// caller, who may change them.
type Source interface {
	// All returns all jobs of the agent, and a span for each chunk that has any, by rising chunk.
	All() (*Set, []Span, error)
	// Posting returns the jobs that have a term; none is an empty set.
	Posting(term string) (*Set, error)
	// Versions returns the version names that jobs have, each once, in any order.
	Versions() ([]string, error)
	// Open returns the jobs that are STARTED and those that are RETRY. What is neither in them nor ended is PENDING.
	Open() (started, retry *Set, err error)
	// Find returns a job's number; ok is false when the agent has no such job.
	Find(id steward.JobID) (seq int64, ok bool, err error)
	// CreatedIn returns the jobs of a chunk that were created from..to, both inclusive; the range lies within the chunk's span.
	// Other jobs of the agent that were created then may be among them.
	CreatedIn(chunk, from, to int64) (*Set, error)
	// Matching returns those jobs of a set in whose input text (see Text) the folded text occurs, and, when ids is set, those in
	// whose id it occurs. Jobs outside of the set may be among them. The set has at most store.SearchWindow jobs.
	Matching(among *Set, text string, ids bool) (*Set, error)
	// Column returns the codes of cost (store.ByCost) or duration (store.ByDuration) of all jobs that have ended with one.
	Column(by store.JobOrderKey) (*Column, error)
	// Walk calls each with the jobs in the order of a key, beginning at bound (inclusive), until each returns false.
	// Ties may come in any order; jobs of other agents may be among them, except for their times.
	Walk(key WalkKey, descending bool, bound Bound, each func(at Bound, seq int64) bool) error
	// Keys returns the keys of jobs, one for each number, in any order.
	Keys(seqs []int64) ([]Keys, error)
}

// WalkKey is a key by which a Source can walk over its jobs.
type WalkKey int

// The keys of walks.
const (
	WalkCreated WalkKey = iota // all jobs, by time of creation
	WalkEnded                  // ended jobs, by time of their end
	WalkID                     // all jobs, by id
)

// Bound is a place in the order of a walk: a time in microseconds, or an id for WalkID.
type Bound struct {
	Time int64
	ID   string
}

// Span is the range of what the jobs of a chunk have. The ends may be further out than any job, but never further in.
type Span struct {
	Chunk                  int64
	CreatedFrom, CreatedTo int64 // microseconds
	EndedFrom, EndedTo     int64 // microseconds, of the ended ones; both 0 when there are none
	IDFrom, IDTo           string
}

// Keys is what lists order a job by.
type Keys struct {
	Seq         int64
	ID          string
	VersionName string
	Status      steward.Status
	Created     int64 // microseconds
	Updated     int64 // microseconds; for an ended job the time of its end, for a PENDING one that of its creation
	Cost        int64 // micro US dollars; None while the job is open and when the cost is unknown
	Duration    int64 // microseconds from the first start to the end; None while the job is open and when it never started
}

// None is the Cost or Duration of a job that has none.
const None int64 = -1

// CostOf returns the Keys.Cost of a job that has ended.
func CostOf(u steward.Usage) int64 {
	if u.Cost == nil {
		return None
	}
	return max(0, int64(*u.Cost))
}

// DurationOf returns the Keys.Duration of a job that has ended; 0 means that it never started. Times are microseconds.
func DurationOf(startedAt, endedAt int64) int64 {
	if startedAt == 0 {
		return None
	}
	return max(0, endedAt-startedAt)
}
