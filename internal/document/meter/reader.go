package meter

import (
	"errors"
	"fmt"
)

// Instructions that are looked for or written.
const (
	opUnreachable = 0x00
	opBlock       = 0x02
	opLoop        = 0x03
	opIf          = 0x04
	opEnd         = 0x0B
	opBrTable     = 0x0E
	opCall        = 0x10
	opDrop        = 0x1A
	opSelectTyped = 0x1C
	opGlobalGet   = 0x23
	opGlobalSet   = 0x24
	opI32Const    = 0x41
	opI64Const    = 0x42
	opF32Const    = 0x43
	opF64Const    = 0x44
	opI32Eqz      = 0x45
	opI32Sub      = 0x6B
	opMore        = 0xFC // a second number follows
	opVector      = 0xFD // the same

	typeI32  = 0x7F
	typeNone = 0x40 // of a block
)

// reader walks over encoded bytes. After its first error it returns zeros.
type reader struct {
	data []byte
	pos  int
	err  error
}

var errShort = errors.New("cut off")

// fail notes the first error.
func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
	r.pos = len(r.data)
}

func (r *reader) more() bool   { return r.err == nil && r.pos < len(r.data) }
func (r *reader) rest() []byte { return r.data[r.pos:] }

// byte reads one byte.
func (r *reader) byte() byte {
	if r.pos >= len(r.data) {
		r.fail("%w", errShort)
		return 0
	}
	r.pos++
	return r.data[r.pos-1]
}

// bytes reads n bytes. They are those of data.
func (r *reader) bytes(n uint32) []byte {
	if uint64(n) > uint64(len(r.data)-r.pos) { //nolint:gosec // pos never exceeds the length
		r.fail("%w", errShort)
		return nil
	}
	r.pos += int(n)
	return r.data[r.pos-int(n) : r.pos]
}

// u32 reads a number in LEB128, of at most five bytes.
func (r *reader) u32() uint32 {
	var v uint32
	for shift := 0; shift < 35; shift += 7 {
		b := r.byte()
		v |= uint32(b&0x7F) << shift
		if b < 0x80 {
			return v
		}
	}
	r.fail("a number of more than 32 bits")
	return 0
}

// skip passes a number in LEB128 of any sign and size.
func (r *reader) skip() {
	for range 10 {
		if r.byte() < 0x80 {
			return
		}
	}
	r.fail("a number of more than 64 bits")
}

// limits passes the limits of a table or a memory.
func (r *reader) limits() {
	flags := r.byte()
	r.skip()
	if flags&1 != 0 {
		r.skip()
	}
}

// skip2 passes two numbers.
func (r *reader) skip2() {
	r.skip()
	r.skip()
}

// instruction passes an instruction with what belongs to it and returns its first byte.
func (r *reader) instruction() byte {
	op := r.byte()
	switch {
	case op == opBlock, op == opLoop, op == opIf, // type
		op == 0x0C, op == 0x0D, op == opCall, // branches, call
		op >= 0x20 && op <= 0x26,                                   // locals, globals, tables
		op == opI32Const, op == opI64Const, op == 0xD0, op == 0xD2: // references
		r.skip()
	case op == opBrTable:
		for n := r.u32(); r.err == nil; n-- {
			r.skip()
			if n == 0 {
				break
			}
		}
	case op == 0x11, op >= 0x28 && op <= 0x3E: // indirect calls, memory
		r.skip2()
	case op == opSelectTyped:
		r.bytes(r.u32())
	case op == 0x3F, op == 0x40: // size of memory
		r.byte()
	case op == opF32Const:
		r.bytes(4)
	case op == opF64Const:
		r.bytes(8)
	case op == opMore:
		r.bulk()
	case op == opVector:
		r.vector()
	case op <= 0x01, op == 0x05, op == opEnd, op == 0x0F, op == opDrop, op == 0x1B, op >= opI32Eqz && op <= 0xC4, op == 0xD1: // nothing belongs to it
	default:
		r.fail("unknown instruction %#x", op)
	}
	return op
}

// bulk passes what follows 0xFC: saturating conversions, bulk memory, tables.
func (r *reader) bulk() {
	switch sub := r.u32(); {
	case sub <= 7:
	case sub == 9, sub == 11, sub == 13, sub >= 15 && sub <= 17:
		r.skip()
	case sub == 8, sub == 10, sub == 12, sub == 14:
		r.skip2()
	default:
		r.fail("unknown instruction 0xfc %d", sub)
	}
}

// vector passes what follows 0xFD.
func (r *reader) vector() {
	switch sub := r.u32(); {
	case sub <= 11, sub == 92, sub == 93: // loads and stores
		r.skip2()
	case sub == 12, sub == 13: // constants, shuffle
		r.bytes(16)
	case sub >= 21 && sub <= 34: // lanes
		r.byte()
	case sub >= 84 && sub <= 91: // loads and stores of lanes
		r.skip2()
		r.byte()
	case sub <= 255:
	default:
		r.fail("unknown instruction 0xfd %d", sub)
	}
}

// appendU32 appends a number in LEB128.
func appendU32(out []byte, v uint32) []byte {
	for v >= 0x80 {
		out = append(out, byte(v)|0x80)
		v >>= 7
	}
	return append(out, byte(v))
}

// appendI32 appends a signed number in LEB128.
func appendI32(out []byte, v int32) []byte {
	for {
		b := byte(v & 0x7F)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}
