// Package meter makes WebAssembly code interruptible at little cost.
//
// A runtime can only end code that asks, and asking the host at every turn of every loop makes tight loops several times
// slower. Instrument puts a countdown into each loop instead: only when it ends is the host called, which lets the host's
// scheduler in, and is the flag looked at that tells the code to stop.
//
//	wasm, err = meter.Instrument(wasm, meter.Options{Module: "env", Function: "emscripten_notify_memory_growth"})
//	// compile and instantiate it, then, while a function runs:
//	mod.ExportedGlobal(meter.Stop).(api.MutableGlobal).Set(1)
//
// Results of the code stay the same. Code that runs without loops (recursion alone) is bounded by the stack only.
package meter

import (
	"errors"
	"fmt"
)

// Stop is the name of the exported mutable 32-bit global: when it is not 0, running code traps (unreachable) at the end of its
// countdown.
const Stop = "meter_stop"

// defaultEvery turns of loops take about a tenth of a millisecond.
const defaultEvery = 50_000

// Options says what is put in.
type Options struct {
	Module, Function string // an imported function that does nothing when it is called with zeros; it is called at the end of a countdown
	Every            int32  // turns of loops until a countdown ends; 0 means 50,000
}

// Instrument returns the module with countdowns in its loops. wasm is not changed.
//
// Errors: wasm is not a module, uses instructions that are not known (threads, exceptions, tail calls, garbage collection) or
// does not import the function.
func Instrument(wasm []byte, opts Options) ([]byte, error) {
	if opts.Every <= 0 {
		opts.Every = defaultEvery
	}
	out, err := instrument(wasm, opts)
	if err != nil {
		return nil, fmt.Errorf("instrument module: %w", err)
	}
	return out, nil
}

// header is how a module of version 1 begins.
const header = "\x00asm\x01\x00\x00\x00"

// Sections of a module.
const (
	sectionType   = 1
	sectionImport = 2
	sectionGlobal = 6
	sectionExport = 7
	sectionCode   = 10
)

// module is what is known of a module while its sections pass.
type module struct {
	opts    Options
	types   []funcType
	imports int    // functions
	globals uint32 // before ours
	counter uint32 // index of our countdown; the flag comes next
	seen    [sectionCode + 1]bool
	check   []byte // what is put into each loop
	yield   []byte // the call of the imported function; nil until it was found
}

// funcType is the parameters and results of functions, as the bytes of their types.
type funcType struct{ params, results []byte }

func instrument(wasm []byte, opts Options) ([]byte, error) {
	if len(wasm) < len(header) || string(wasm[:len(header)]) != header {
		return nil, errors.New("not a module")
	}
	m := &module{opts: opts}
	in := &reader{data: wasm, pos: len(header)}
	out := append(make([]byte, 0, len(wasm)+len(wasm)/8), header...)
	for in.more() {
		id := in.byte()
		body := in.bytes(in.u32())
		if in.err != nil {
			return nil, in.err
		}
		changed, err := m.section(id, body)
		if err != nil {
			return nil, fmt.Errorf("section %d: %w", id, err)
		}
		out = append(out, id)
		out = appendU32(out, uint32(len(changed))) //nolint:gosec // a module is smaller than 4 GiB
		out = append(out, changed...)
	}
	if !m.seen[sectionCode] {
		return nil, errors.New("no code")
	}
	return out, nil
}

// section returns what takes the place of a section.
func (m *module) section(id byte, body []byte) ([]byte, error) {
	if int(id) < len(m.seen) {
		m.seen[id] = true
	}
	in := &reader{data: body}
	switch id {
	case sectionType:
		m.readTypes(in)
	case sectionImport:
		m.readImports(in)
	case sectionGlobal:
		return m.addGlobals(in)
	case sectionExport:
		return m.addExport(in)
	case sectionCode:
		return m.meter(in)
	}
	return body, in.err
}

// readTypes keeps the types of functions.
func (m *module) readTypes(in *reader) {
	for n := in.u32(); n > 0 && in.err == nil; n-- {
		if in.byte() != 0x60 {
			in.fail("a type that is not a function's")
		}
		m.types = append(m.types, funcType{in.bytes(in.u32()), in.bytes(in.u32())})
	}
}

// readImports counts what is imported and finds the function to call.
func (m *module) readImports(in *reader) {
	for n := in.u32(); n > 0 && in.err == nil; n-- {
		mod, name := string(in.bytes(in.u32())), string(in.bytes(in.u32()))
		switch in.byte() {
		case 0:
			index := in.u32()
			if mod == m.opts.Module && name == m.opts.Function && int(index) < len(m.types) {
				m.yield = m.types[index].call(uint32(m.imports)) //nolint:gosec // as many as bytes at most
			}
			m.imports++
		case 1:
			in.byte()
			in.limits()
		case 2:
			in.limits()
		case 3:
			in.bytes(2)
			m.globals++
		default:
			in.fail("an import of an unknown kind")
		}
	}
}

// call is code that calls function index with zeros and forgets its results.
func (t funcType) call(index uint32) []byte {
	var code []byte
	for _, p := range t.params {
		code = append(code, zero(p)...)
	}
	code = appendU32(append(code, opCall), index)
	for range t.results {
		code = append(code, opDrop)
	}
	return code
}

// zero is code that puts a zero of a type on the stack.
func zero(valueType byte) []byte {
	switch valueType {
	case 0x7E:
		return []byte{opI64Const, 0}
	case 0x7D:
		return []byte{opF32Const, 0, 0, 0, 0}
	case 0x7C:
		return []byte{opF64Const, 0, 0, 0, 0, 0, 0, 0, 0}
	}
	return []byte{opI32Const, 0}
}

// addGlobals appends the countdown and the flag.
func (m *module) addGlobals(in *reader) ([]byte, error) {
	n := in.u32()
	if in.err != nil {
		return nil, in.err
	}
	m.counter = m.globals + n
	out := append(appendU32(nil, n+2), in.rest()...)
	out = appendI32(append(out, typeI32, 1, opI32Const), m.opts.Every)
	return append(out, opEnd, typeI32, 1, opI32Const, 0, opEnd), nil
}

// addExport exports the flag.
func (m *module) addExport(in *reader) ([]byte, error) {
	n := in.u32()
	if in.err != nil {
		return nil, in.err
	}
	out := append(appendU32(nil, n+1), in.rest()...)
	out = append(appendU32(out, uint32(len(Stop))), Stop...)
	return appendU32(append(out, 3), m.counter+1), nil
}

// meter puts the check into the loops of all functions.
func (m *module) meter(in *reader) ([]byte, error) {
	switch {
	case m.yield == nil:
		return nil, fmt.Errorf("%s.%s is not imported", m.opts.Module, m.opts.Function)
	case !m.seen[sectionGlobal] || !m.seen[sectionExport]:
		return nil, errors.New("no globals or no exports before it")
	}
	m.check = m.countdown()
	n := in.u32()
	out := appendU32(make([]byte, 0, len(in.data)+len(in.data)/8), n)
	for ; n > 0 && in.err == nil; n-- {
		body := &reader{data: in.bytes(in.u32())}
		metered := m.function(body)
		if body.err != nil {
			return nil, body.err
		}
		out = append(appendU32(out, uint32(len(metered))), metered...) //nolint:gosec // a module is smaller than 4 GiB
	}
	return out, in.err
}

// countdown is the code of the check: take one off; at the end begin anew, call the host, and trap when it says stop.
func (m *module) countdown() []byte {
	get := func(code []byte, i uint32) []byte { return appendU32(append(code, opGlobalGet), i) }
	set := func(code []byte, i uint32) []byte { return appendU32(append(code, opGlobalSet), i) }
	code := append(get(nil, m.counter), opI32Const, 1, opI32Sub)
	code = get(set(code, m.counter), m.counter)
	code = append(code, opI32Eqz, opIf, typeNone)
	code = set(appendI32(append(code, opI32Const), m.opts.Every), m.counter)
	code = append(code, m.yield...)
	code = append(get(code, m.counter+1), opIf, typeNone, opUnreachable, opEnd)
	return append(code, opEnd)
}

// function copies the body of a function.
func (m *module) function(in *reader) []byte {
	out := make([]byte, 0, len(in.data)+64)
	for n := in.u32(); n > 0 && in.err == nil; n-- { // locals
		in.u32()
		in.byte()
	}
	from := 0
	for in.more() {
		if in.instruction() == opLoop {
			out = append(append(out, in.data[from:in.pos]...), m.check...)
			from = in.pos
		}
	}
	return append(out, in.data[from:]...)
}
