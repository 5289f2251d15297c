package joblist

import (
	"cmp"
	"encoding/binary"
	"errors"
	"iter"
	"math/bits"
	"slices"
)

// ChunkSize is how many job numbers a chunk covers: chunk n holds n*ChunkSize to (n+1)*ChunkSize-1.
const ChunkSize = 4096

// ChunkOf returns the chunk of a job number and its place there. Numbers are not negative.
func ChunkOf(seq int64) (chunk int64, place int) { return seq / ChunkSize, int(seq % ChunkSize) }

// Bits is the part of a set that lies in one chunk.
type Bits [ChunkSize / 64]uint64

// Add puts a place in.
func (b *Bits) Add(place int) { b[place/64] |= 1 << (place % 64) }

// Has reports whether a place is in.
func (b *Bits) Has(place int) bool { return b[place/64]&(1<<(place%64)) != 0 }

// Len returns the number of places.
func (b *Bits) Len() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// each calls yield with the places in rising order.
func (b *Bits) each(yield func(place int) bool) bool {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			if !yield(i*64 + bits.TrailingZeros64(w)) {
				return false
			}
		}
	}
	return true
}

// denseLen is the length of a chunk that is written as a bitmap. Shorter ones are lists of places, two bytes each, rising.
const denseLen = ChunkSize / 8

// AppendBits writes a chunk behind dst, in its shortest form.
func AppendBits(dst []byte, b *Bits) []byte {
	if n := b.Len(); n*2 < denseLen {
		b.each(func(place int) bool {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(place)) //nolint:gosec // below ChunkSize
			return true
		})
		return dst
	}
	for _, w := range b {
		dst = binary.LittleEndian.AppendUint64(dst, w)
	}
	return dst
}

// ErrDamaged is the error of Merge for what neither AppendBits nor AppendBlock wrote.
var ErrDamaged = errors.New("a stored part of a job list is damaged")

// Merge adds the places of a chunk that AppendBits wrote. Errors: ErrDamaged; b may be changed then.
func (b *Bits) Merge(encoded []byte) error {
	switch n := len(encoded); {
	case n == denseLen:
		for i := range b {
			b[i] |= binary.LittleEndian.Uint64(encoded[i*8:])
		}
		return nil
	case n > denseLen || n%2 != 0:
		return ErrDamaged
	}
	last := -1
	for i := 0; i < len(encoded); i += 2 {
		place := int(binary.LittleEndian.Uint16(encoded[i:]))
		if place <= last || place >= ChunkSize {
			return ErrDamaged
		}
		b.Add(place)
		last = place
	}
	return nil
}

// Set is a set of job numbers. The zero value is empty and ready to use.
type Set struct{ chunks []chunk } // by rising number; none is empty for long

type chunk struct {
	number int64
	bits   *Bits
}

// block returns the words of one of the blocks of a chunk.
func (c chunk) block(part int) []uint64 { return c.bits[part*blockWords : (part+1)*blockWords] }

// at returns where a chunk is or would be.
func (s *Set) at(number int64) (int, bool) {
	if n := len(s.chunks); n == 0 || s.chunks[n-1].number <= number {
		if n > 0 && s.chunks[n-1].number == number {
			return n - 1, true
		}
		return n, false
	}
	return slices.BinarySearchFunc(s.chunks, number, func(c chunk, n int64) int { return cmp.Compare(c.number, n) })
}

// bits returns the bits of a chunk, which it makes if there are none.
func (s *Set) bits(number int64) *Bits {
	i, found := s.at(number)
	if !found {
		s.chunks = slices.Insert(s.chunks, i, chunk{number, new(Bits)})
	}
	return s.chunks[i].bits
}

// Add puts a job number in.
func (s *Set) Add(seq int64) {
	n, place := ChunkOf(seq)
	s.bits(n).Add(place)
}

// Merge adds a chunk that AppendBits wrote. It copies what it needs of encoded.
func (s *Set) Merge(number int64, encoded []byte) error { return s.bits(number).Merge(encoded) }

// Has reports whether a job number is in.
func (s *Set) Has(seq int64) bool {
	n, place := ChunkOf(seq)
	i, found := s.at(n)
	return found && s.chunks[i].bits.Has(place)
}

// Len returns the number of jobs.
func (s *Set) Len() (n int) {
	for _, c := range s.chunks {
		n += c.bits.Len()
	}
	return n
}

// ends returns the first and the last chunk of a set that is not empty.
func (s *Set) ends() (first, last int64) { return s.chunks[0].number, s.chunks[len(s.chunks)-1].number }

// gap is how many chunks without jobs may lie within a run: to read on over them is as cheap as to begin anew behind them.
const gap = 2

// runs returns the ranges of chunks that have jobs, by first and last chunk, inclusive.
func (s *Set) runs() iter.Seq2[int64, int64] {
	return func(yield func(int64, int64) bool) {
		from := 0
		for i, c := range s.chunks {
			if i+1 < len(s.chunks) && s.chunks[i+1].number <= c.number+1+gap {
				continue
			}
			if !yield(s.chunks[from].number, c.number) {
				return
			}
			from = i + 1
		}
	}
}

// Clone returns a copy that shares nothing with s.
func (s *Set) Clone() *Set {
	c, all := &Set{chunks: slices.Clone(s.chunks)}, make([]Bits, len(s.chunks))
	for i := range all {
		all[i] = *c.chunks[i].bits
		c.chunks[i].bits = &all[i]
	}
	return c
}

// Or adds the jobs of t. It may keep parts of t, which must not be used any more.
func (s *Set) Or(t *Set) {
	for _, c := range t.chunks {
		i, found := s.at(c.number)
		if !found {
			s.chunks = slices.Insert(s.chunks, i, c)
			continue
		}
		b := s.chunks[i].bits
		for i, w := range c.bits {
			b[i] |= w
		}
	}
}

// And removes the jobs that are not in t.
func (s *Set) And(t *Set) {
	s.filter(t, func(b, c *Bits) (some uint64) {
		if c == nil {
			return 0
		}
		for i, w := range c {
			b[i] &= w
			some |= b[i]
		}
		return some
	})
}

// AndNot removes the jobs that are in t.
func (s *Set) AndNot(t *Set) {
	s.filter(t, func(b, c *Bits) (some uint64) {
		if c == nil {
			return 1
		}
		for i, w := range c {
			b[i] &^= w
			some |= b[i]
		}
		return some
	})
}

// filter changes each chunk by that of t, nil when t has none, and drops those of which nothing is left.
func (s *Set) filter(t *Set, change func(b, c *Bits) (some uint64)) {
	kept, j := s.chunks[:0], 0
	for _, c := range s.chunks {
		for j < len(t.chunks) && t.chunks[j].number < c.number {
			j++
		}
		var other *Bits
		if j < len(t.chunks) && t.chunks[j].number == c.number {
			other = t.chunks[j].bits
		}
		if change(c.bits, other) != 0 {
			kept = append(kept, c)
		}
	}
	clear(s.chunks[len(kept):])
	s.chunks = kept
}

// KeepNewest removes all but the n highest numbers.
func (s *Set) KeepNewest(n int) {
	i := len(s.chunks)
	for i > 0 && n > 0 {
		i--
		size := s.chunks[i].bits.Len()
		for extra := size - n; extra > 0; extra-- {
			s.chunks[i].bits.dropLowest()
		}
		n -= size
	}
	s.chunks = s.chunks[i:]
}

// dropLowest removes the lowest place.
func (b *Bits) dropLowest() {
	for i, w := range b {
		if w != 0 {
			b[i] = w & (w - 1)
			return
		}
	}
}

// Each returns the job numbers in rising order. The set must not change meanwhile.
func (s *Set) Each() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for _, c := range s.chunks {
			base := c.number * ChunkSize
			if !c.bits.each(func(place int) bool { return yield(base + int64(place)) }) {
				return
			}
		}
	}
}

// Numbers returns the job numbers in rising order.
func (s *Set) Numbers() []int64 { return slices.AppendSeq(make([]int64, 0, s.Len()), s.Each()) }

// Chunks returns the chunks that have any jobs with their bits, by rising number. Neither must be changed.
func (s *Set) Chunks() iter.Seq2[int64, *Bits] {
	return func(yield func(int64, *Bits) bool) {
		for _, c := range s.chunks {
			if !yield(c.number, c.bits) {
				return
			}
		}
	}
}

// Numbers returns the job numbers of a chunk's places, in rising order.
func (b *Bits) Numbers(chunk int64) []int64 {
	list := make([]int64, 0, b.Len())
	b.each(func(place int) bool {
		list = append(list, chunk*ChunkSize+int64(place))
		return true
	})
	return list
}
