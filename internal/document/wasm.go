package document

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/klippa-app/go-pdfium"
	"github.com/tetratelabs/wazero/api"

	"github.com/stewardhq/steward/internal/document/meter"
)

// The library's own calls cost a round of allocations inside the sandbox for every character. This file therefore speaks
// to the sandboxed module directly: the library starts it, serves its file reads and ends it.

// Numbers of the engine's last error that have a meaning for users.
const (
	errPassword = 4
	errSecurity = 5
)

// fileServer is the part of the library's implementation that lets the engine read from Go.
type fileServer interface {
	CreateFileAccessReader(size int64, r io.ReadSeeker) (*uint64, *uint32, error)
	Malloc(size uint64) (uint64, error)
}

// instance is one sandbox with the engine in it. It serves one PDF at a time and is not safe for concurrent use.
type instance struct {
	lib     pdfium.Pdfium
	files   fileServer
	mod     api.Module
	stop    stopper
	scratch uint32 // 64 bytes in the sandbox for results
	stack   [10]uint64
	fns     map[string]api.Function
	docs    int  // documents read so far
	broken  bool // a call failed or was interrupted: not to be used again
}

// newInstance looks into the library's handle. It fails when the library has changed its shape.
func newInstance(lib pdfium.Pdfium) (*instance, error) {
	impl := lib.GetImplementation()
	files, ok := impl.(fileServer)
	if !ok {
		return nil, errors.New("pdf engine: unknown implementation")
	}
	v := reflect.ValueOf(impl)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return nil, errors.New("pdf engine: unknown implementation")
	}
	field := v.Elem().FieldByName("Module")
	if !field.IsValid() || !field.CanInterface() {
		return nil, errors.New("pdf engine: the implementation has no module")
	}
	mod, ok := field.Interface().(api.Module)
	if !ok {
		return nil, errors.New("pdf engine: the implementation has no module")
	}
	stop, ok := mod.ExportedGlobal(meter.Stop).(api.MutableGlobal)
	if !ok {
		return nil, errors.New("pdf engine: the module is not metered")
	}
	scratch, err := files.Malloc(64)
	if err != nil {
		return nil, fmt.Errorf("pdf engine: %w", err)
	}
	return &instance{lib: lib, files: files, mod: mod, stop: stopper{stop}, scratch: uint32(scratch), fns: map[string]api.Function{}}, nil //nolint:gosec // G115: the engine's addresses and numbers have 32 bits
}

// close ends the sandbox and frees its memory.
func (in *instance) close() {
	_ = in.lib.Close() // a broken sandbox answers with the reason why it broke, which its last caller was told
}

// call runs a function of the engine and returns its result, 0 when it has none. It is interrupted when ctx ends; cheap calls
// are given context.Background(), which saves a little time.
func (in *instance) call(ctx context.Context, name string, args ...uint64) (uint64, error) {
	if in.broken {
		return 0, errors.New("pdf engine: the instance is broken")
	}
	fn := in.fns[name]
	if fn == nil {
		if fn = in.mod.ExportedFunction(name); fn == nil {
			return 0, fmt.Errorf("pdf engine: no function %s", name)
		}
		in.fns[name] = fn
	}
	stack := in.stack[:max(len(args), 1)]
	copy(stack, args)
	cut, err := in.stop.during(ctx, func() error { return fn.CallWithStack(context.Background(), stack) })
	in.broken = cut || err != nil
	if err != nil {
		return 0, fmt.Errorf("pdf engine: %s: %w", name, err)
	}
	if cut {
		return 0, fmt.Errorf("pdf engine: %s: %w", name, ctx.Err())
	}
	return stack[0], nil
}

// release ends the use of a handle. A broken instance is thrown away with all its handles.
func (in *instance) release(name string, handle uint64) error {
	if in.broken {
		return nil
	}
	_, err := in.call(context.Background(), name, handle)
	return err
}

// withText calls fn with the address of s as a NUL-terminated string in the sandbox.
func (in *instance) withText(s string, fn func(addr uint64) error) error {
	addr, err := in.files.Malloc(uint64(len(s)) + 1) // zeroed
	if err != nil {
		return fmt.Errorf("pdf engine: %w", err)
	}
	if !in.mod.Memory().WriteString(uint32(addr), s) { //nolint:gosec // G115: the engine's addresses and numbers have 32 bits
		return errors.New("pdf engine: out of its memory")
	}
	if err := fn(addr); err != nil {
		return err
	}
	_, err = in.call(context.Background(), "free", addr)
	return err
}

// f32 reads the i-th 32-bit float of the scratch space.
func (in *instance) f32(i uint32) float64 {
	v, _ := in.mod.Memory().ReadFloat32Le(in.scratch + 4*i) // always within the memory: the engine gave us the address
	return float64(v)
}

// f64 reads the i-th 64-bit float of the scratch space.
func (in *instance) f64(i uint32) float64 {
	v, _ := in.mod.Memory().ReadFloat64Le(in.scratch + 8*i) // as above
	return v
}

// i32 reads the i-th 32-bit integer of the scratch space.
func (in *instance) i32(i uint32) int32 {
	v, _ := in.mod.Memory().ReadUint32Le(in.scratch + 4*i) // as above
	return int32(v)                                        //nolint:gosec // G115: the engine's addresses and numbers have 32 bits
}

// memoryBytes is how much memory the sandbox has grown to. It never shrinks.
func (in *instance) memoryBytes() int64 { return int64(in.mod.Memory().Size()) }
