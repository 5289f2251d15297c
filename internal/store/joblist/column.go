package joblist

import (
	"encoding/binary"
	"math/bits"
)

// BlockSize is how many job numbers a block of codes covers. A chunk has ChunkSize/BlockSize blocks.
const BlockSize = 1024

const (
	blocksPerChunk = ChunkSize / BlockSize
	blockWords     = BlockSize / 64 // of a set
)

// BlockOf returns the block of a job number and its place there.
func BlockOf(seq int64) (block int64, place int) { return seq / BlockSize, int(seq % BlockSize) }

// A code stands for a value of 0 and above: a greater value never has a smaller code. It has 24 bits; 0 means "no value".
// Values below 2^23 (8 dollars, or seconds) have a code of their own, as many jobs may have the same one; greater ones share it with those
// that differ by less than one part in 2^17.
const (
	codeBits  = 24
	fractBits = 17
	exactBits = 23
	noCode    = 0
)

// codeOf returns the code of a value.
func codeOf(v int64) uint32 {
	if v < 0 {
		return noCode
	}
	u := uint64(v)
	n := bits.Len64(u)
	if n <= exactBits {
		return uint32(u) + 1 //nolint:gosec // below 2^exactBits
	}
	fract := u >> (n - 1 - fractBits) & (1<<fractBits - 1)
	return uint32(1<<exactBits + uint64(n-exactBits-1)<<fractBits + fract + 1) //nolint:gosec // n is at most 63: below 2^24
}

// exactCode reports whether a code stands for one value only.
func exactCode(code uint32) bool { return code <= 1<<exactBits }

const (
	codeLen       = codeBits / 8
	denseBlockLen = BlockSize * codeLen
	entryLen      = 2 + codeLen // of a sparse block: place and code
)

// Block holds the codes of BlockSize jobs. The zero value has none.
type Block [denseBlockLen]byte

// Set stores the code of a value; None clears it.
func (b *Block) Set(place int, value int64) { b.put(place, codeOf(value)) }

func (b *Block) put(place int, code uint32) {
	i := place * codeLen
	b[i], b[i+1], b[i+2] = byte(code), byte(code>>8), byte(code>>16) //nolint:gosec // G115: the lowest 24 bits, one by one
}

// code returns the code at a place.
func (b *Block) code(place int) uint32 {
	i := place * codeLen
	return uint32(b[i]) | uint32(b[i+1])<<8 | uint32(b[i+2])<<16
}

// AppendBlock writes a block behind dst, in its shortest form.
func AppendBlock(dst []byte, b *Block) []byte {
	n := 0
	for place := range BlockSize {
		if b.code(place) != noCode {
			n++
		}
	}
	if n*entryLen >= denseBlockLen {
		return append(dst, b[:]...)
	}
	for place := range BlockSize {
		if code := b.code(place); code != noCode {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(place))
			dst = append(dst, byte(code), byte(code>>8), byte(code>>16)) //nolint:gosec // G115: the lowest 24 bits, one by one
		}
	}
	return dst
}

// Merge takes over the codes of a block that AppendBlock wrote. Errors: ErrDamaged; b may be changed then.
func (b *Block) Merge(encoded []byte) error {
	if len(encoded) == denseBlockLen {
		for place := range BlockSize {
			i := place * codeLen
			if c := encoded[i : i+codeLen]; c[0]|c[1]|c[2] != 0 {
				copy(b[i:], c)
			}
		}
		return nil
	}
	if len(encoded) > denseBlockLen || len(encoded)%entryLen != 0 {
		return ErrDamaged
	}
	last := -1
	for i := 0; i < len(encoded); i += entryLen {
		place := int(binary.LittleEndian.Uint16(encoded[i:]))
		if place <= last || place >= BlockSize {
			return ErrDamaged
		}
		copy(b[place*codeLen:], encoded[i+2:i+entryLen])
		last = place
	}
	return nil
}

// Column is the codes of an agent's jobs. The zero value has none.
type Column struct{ blocks map[int64]*Block }

// Merge adds a block that AppendBlock wrote. It copies what it needs of encoded.
func (c *Column) Merge(number int64, encoded []byte) error {
	if len(encoded) == denseBlockLen && c.blocks[number] == nil {
		*c.block(number) = Block(encoded)
		return nil
	}
	return c.block(number).Merge(encoded)
}

// Clone returns a copy that shares nothing with c.
func (c *Column) Clone() *Column {
	copies := make([]Block, len(c.blocks))
	n := &Column{blocks: make(map[int64]*Block, len(c.blocks))}
	for number, b := range c.blocks {
		copies[0] = *b
		n.blocks[number] = &copies[0]
		copies = copies[1:]
	}
	return n
}

// Set stores the code of a job's value.
func (c *Column) Set(seq, value int64) {
	n, place := BlockOf(seq)
	c.block(n).Set(place, value)
}

func (c *Column) block(number int64) *Block {
	if c.blocks == nil {
		c.blocks = map[int64]*Block{}
	}
	b := c.blocks[number]
	if b == nil {
		b = new(Block)
		c.blocks[number] = b
	}
	return b
}

// of returns the codes of the n jobs of a set, by rising number.
func (c *Column) of(s *Set, n int) []uint32 {
	codes := make([]uint32, 0, n)
	var empty Block
	for _, ch := range s.chunks {
		for part := range blocksPerChunk {
			b := c.blocks[ch.number*blocksPerChunk+int64(part)]
			if b == nil {
				b = &empty
			}
			codes = b.appendCodes(codes, ch.block(part))
		}
	}
	return codes
}

// each calls visit with the blocks that have codes in the chunks of a set: part says which one of the chunk at a place in the set.
func (c *Column) each(s *Set, visit func(chunk, part int, codes *Block)) {
	for i, ch := range s.chunks {
		for part := range blocksPerChunk {
			if b := c.blocks[ch.number*blocksPerChunk+int64(part)]; b != nil {
				visit(i, part, b)
			}
		}
	}
}

// appendCodes appends the codes of the places whose bits are set.
func (b *Block) appendCodes(codes []uint32, words []uint64) []uint32 {
	for w, word := range words {
		if word == ^uint64(0) {
			for place := w * 64; place < (w+1)*64; place++ {
				codes = append(codes, b.code(place))
			}
			continue
		}
		for ; word != 0; word &= word - 1 {
			codes = append(codes, b.code(w*64+bits.TrailingZeros64(word)))
		}
	}
	return codes
}
