package joblist

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// best finds the first jobs of a set in the order of their codes. It takes the codes block by block, in any order, and keeps little
// of them. Codes are turned so that smaller ones come first in either direction and those of no value come last.
//
// All jobs before the limit are in low, and all at the limit are ties. As soon as low has enough for a limit that is further in, the
// limit moves there: then few of the jobs that follow are worth a second look.
type best struct {
	set  *Set
	need int // how many jobs are asked for

	flip, less uint32 // how codes are turned

	limit uint32   // a turned code; noValue while there are not enough jobs with a value
	bound uint32   // the turned codes below it matter: it is behind limit once there is one
	low   []uint64 // turned code and place, see entry; its capacity is never exceeded
	ties  []*Bits  // by place of the chunk in the set; nil for none
}

const (
	codeMask = 1<<codeBits - 1
	// noValue is the turned noCode, greater than that of any value.
	noValue = codeMask
	// placeBits of an entry say which job it is: the place of its chunk in the set, then its place in the chunk.
	placeBits = 64 - codeBits
	// maxBest is how many jobs are sorted out in one go; pages that lie further behind are found by counting.
	maxBest = 4096
	// wordLen is how long the codes for a word of a set are.
	wordLen = 64 * codeLen
	// sparseWord is how many jobs of a word are looked at one by one; for more it is faster to look at all 64 codes.
	sparseWord = 20
)

// newBest prepares to find the first need jobs of a set; need is 1 to maxBest.
func newBest(set *Set, descending bool, need int) *best {
	b := &best{set: set, need: need, less: 1, limit: noValue, bound: noValue}
	if descending {
		b.flip, b.less = codeMask, 0
	}
	b.low, b.ties = make([]uint64, 0, 4*need+1024), make([]*Bits, len(set.chunks))
	return b
}

// turn turns a code.
func (b *best) turn(code uint32) uint32 { return ((code ^ b.flip) - b.less) & codeMask }

// code returns the code that was turned.
func (b *best) code(turned uint32) uint32 { return (turned+b.less)&codeMask ^ b.flip }

// entry is a job in low.
func entry(turned uint32, place int) uint64 { return uint64(turned)<<placeBits | uint64(place) } //nolint:gosec // not negative

// turnedOf returns the turned code of an entry.
func turnedOf(e uint64) uint32 { return uint32(e >> placeBits) }

// seq returns the job number of an entry.
func (b *best) seq(e uint64) int64 {
	place := e & (1<<placeBits - 1)
	return b.set.chunks[place/ChunkSize].number*ChunkSize + int64(place%ChunkSize)
}

// add takes the codes of a block of the set: part says which one of the chunk at a place in the set.
func (b *best) add(chunk, part int, codes *Block) {
	for w, word := range b.set.chunks[chunk].block(part) {
		if word == 0 {
			continue
		}
		some := b.below(codes, w, word, b.bound)
		if some == 0 {
			continue
		}
		low := some
		switch b.limit {
		case 0:
			low = 0
		case noValue:
		default:
			low = b.below(codes, w, some, b.limit)
		}
		at := part*BlockSize + w*64
		if tied := some &^ low; tied != 0 {
			b.tied(chunk)[at/64] |= tied
		}
		for ; low != 0; low &= low - 1 {
			place := bits.TrailingZeros64(low)
			b.put(b.turn(codes.code(w*64+place)), chunk*ChunkSize+at+place)
		}
	}
}

// below returns those jobs of a word whose turned codes are below a bound. Whether one is, is often hard to foretell, so there is no
// branch on it.
func (b *best) below(codes *Block, w int, word uint64, bound uint32) (found uint64) {
	if bits.OnesCount64(word) <= sparseWord {
		for rest := word; rest != 0; rest &= rest - 1 {
			place := bits.TrailingZeros64(rest)
			found |= (uint64(b.turn(codes.code(w*64+place))) - uint64(bound)) >> 63 << place
		}
		return found
	}
	const top = 1 << 63 // of a difference: set when the first is less than the second
	flip, less, limit := b.flip, b.less, uint64(bound)
	below := func(code uint32) uint64 { return (uint64(((code^flip)-less)&codeMask) - limit) & top }
	for p := codes[w*wordLen : (w+1)*wordLen]; len(p) >= 4*codeLen; p = p[4*codeLen:] {
		low, high := binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint32(p[8:])
		four := below(uint32(low&codeMask))>>3 | below(uint32(low>>codeBits&codeMask))>>2 |
			below(uint32(low>>(2*codeBits))|high&0xff<<16)>>1 | below(high>>8)
		found = found>>4 | four
	}
	return found & word
}

// put takes one job whose code is not behind the limit, or was not when its word was looked at.
func (b *best) put(turned uint32, place int) {
	switch {
	case turned < b.limit:
		if b.low = append(b.low, entry(turned, place)); len(b.low) == cap(b.low) {
			b.tighten()
		}
	case turned == b.limit && turned != noValue:
		b.tied(place / ChunkSize).Add(place % ChunkSize)
	}
}

// tied returns the ties of a chunk.
func (b *best) tied(chunk int) *Bits {
	if b.ties[chunk] == nil {
		b.ties[chunk] = new(Bits)
	}
	return b.ties[chunk]
}

// tighten moves the limit to the last job that is needed, of those in low.
func (b *best) tighten() {
	slices.Sort(b.low)
	limit := turnedOf(b.low[b.need-1])
	from, _ := slices.BinarySearch(b.low, entry(limit, 0))
	clear(b.ties)
	for _, e := range b.low[from:] {
		if turnedOf(e) != limit {
			break
		}
		place := int(e & (1<<placeBits - 1))
		b.tied(place / ChunkSize).Add(place % ChunkSize)
	}
	b.low, b.limit, b.bound = b.low[:from], limit, limit+1
}

// finish is called behind the last block. Then low is in order and has fewer jobs than are needed: the last one that is needed is one
// of the ties or, when there is no limit, has no value.
func (b *best) finish() {
	if len(b.low) >= b.need {
		b.tighten()
	} else {
		slices.Sort(b.low)
	}
}

// limited reports whether there is a limit: whether there are as many jobs with a value as are needed.
func (b *best) limited() bool { return b.limit != noValue }

// last returns the jobs at the limit and their code.
func (b *best) last() (*Set, uint32) {
	set := new(Set)
	for i, c := range b.set.chunks {
		if b.ties[i] != nil {
			set.chunks = append(set.chunks, chunk{c.number, b.ties[i]})
		}
	}
	return set, b.code(b.limit)
}

// others returns the jobs that are not in low. Without limit these are the ones without value.
func (b *best) others() *Set {
	low := new(Set)
	for _, e := range b.low {
		low.Add(b.seq(e))
	}
	rest := b.set.Clone()
	rest.AndNot(low)
	return rest
}

// class returns where in low those begin and end whose code is that of the job at a place.
func (b *best) class(place int) (from, to int) {
	turned := turnedOf(b.low[place])
	for from = place; from > 0 && turnedOf(b.low[from-1]) == turned; from-- {
	}
	for to = place + 1; to < len(b.low) && turnedOf(b.low[to]) == turned; to++ {
	}
	return from, to
}
