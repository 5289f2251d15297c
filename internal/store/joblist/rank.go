package joblist

import "math/bits"

// ranks finds the code at a place among codes without sorting all of them.
type ranks struct {
	codes      []uint32
	descending bool
	valued     int   // how many are codes of a value
	high       []int // their number by the upper half of the code
}

const (
	lowBits  = codeBits / 2
	lowMask  = 1<<lowBits - 1
	halfSize = 1 << lowBits
)

// newRanks counts codes.
func newRanks(codes []uint32, descending bool) *ranks {
	r := &ranks{codes: codes, descending: descending, valued: len(codes), high: make([]int, halfSize)}
	for _, code := range codes {
		r.valued -= int(equal(code, noCode) & 1)
		r.high[code>>lowBits&lowMask]++
	}
	r.high[0] -= len(codes) - r.valued
	return r
}

// find returns the code at a place among those of values, and how many jobs have a code before it.
func (r *ranks) find(place int) (code uint32, before int) {
	high, before := r.locate(r.high, place)
	low := make([]int, halfSize)
	for _, code := range r.codes {
		if int(code>>lowBits) == high && code != noCode {
			low[code&lowMask]++
		}
	}
	at, more := r.locate(low, place-before)
	return uint32(high<<lowBits | at), before + more //nolint:gosec // 24 bits
}

// locate returns the index under which a place falls, and how many come before it.
func (r *ranks) locate(counts []int, place int) (index, before int) {
	for i := range counts {
		index = i
		if r.descending {
			index = len(counts) - 1 - i
		}
		if before+counts[index] > place {
			return index, before
		}
		before += counts[index]
	}
	return index, before // not reached: place is one of those counted
}

// parts returns the jobs of a set whose codes are first, last, and between the two in the order. The set is that of the codes.
// Which code comes next is often hard to foretell, so there is no branch on whether it is one of the two.
func (r *ranks) parts(set *Set, first, last uint32) (heads, tails *Set, between []int64) {
	low, high := max(min(first, last), noCode+1), max(first, last)
	heads, tails = new(Set), new(Set)
	codes := r.codes
	for _, c := range set.chunks {
		head, tail := new(Bits), new(Bits)
		for w, word := range c.bits {
			for ; word != 0; word &= word - 1 {
				code := codes[0]
				codes = codes[1:]
				bit := word & -word
				head[w] |= bit & equal(code, first)
				tail[w] |= bit & equal(code, last)
				if code > low && code < high {
					between = append(between, c.number*ChunkSize+int64(w*64+bits.TrailingZeros64(word)))
				}
			}
		}
		heads.put(c.number, head)
		tails.put(c.number, tail)
	}
	return heads, tails, between
}

// equal returns all bits when two codes are equal, and none otherwise.
func equal(a, b uint32) uint64 {
	return uint64(int64(uint64(a^b)-1) >> 63) //nolint:gosec // the difference is below 2^32, so only that of equal ones becomes negative
}

// put adds a chunk behind all others, unless it is empty.
func (s *Set) put(number int64, b *Bits) {
	if *b != (Bits{}) {
		s.chunks = append(s.chunks, chunk{number, b})
	}
}

// only returns the jobs of a set that have one code. The set is that of the codes.
func (r *ranks) only(set *Set, wanted uint32) *Set {
	found, codes := new(Set), r.codes
	for _, c := range set.chunks {
		some := new(Bits)
		for w, word := range c.bits {
			for ; word != 0; word &= word - 1 {
				some[w] |= word & -word & equal(codes[0], wanted)
				codes = codes[1:]
			}
		}
		found.put(c.number, some)
	}
	return found
}
