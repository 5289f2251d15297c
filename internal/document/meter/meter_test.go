package meter_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/stewardhq/steward/internal/document/meter"
)

// section encodes a section of less than 128 bytes.
func section(id byte, body string) string {
	return string([]byte{id, byte(len(body))}) + body
}

// code encodes function bodies of less than 126 bytes.
func code(bodies ...string) string {
	var b strings.Builder
	b.WriteByte(byte(len(bodies)))
	for _, body := range bodies {
		b.WriteByte(byte(len(body)))
		b.WriteString(body)
	}
	return b.String()
}

const (
	// Adds the numbers from n to 1 in a loop: local 1 is the sum.
	sumBody = "\x01\x01\x7f" + "\x03\x40" + "\x20\x00\x20\x01\x6a\x21\x01" + "\x20\x00\x41\x01\x6b\x22\x00\x0d\x00" + "\x0b" + "\x20\x01\x0b"
	// Turns for ever.
	endlessBody = "\x00" + "\x03\x40\x0c\x00\x0b\x0b"
	// The same sum by a loop that has the sum as its parameter, with a branch table, a block and constants of all kinds beside.
	paramBody = "\x00" + "\x42\x80\x80\x80\x80\x10\x1a" + "\x43abcd\x1a" + "\x44abcdefgh\x1a" +
		"\x41\x00" + "\x03\x03" + "\x20\x00\x6a" + "\x20\x00\x41\x01\x6b\x22\x00\x0d\x00" + "\x0b" +
		"\x02\x40\x41\x00\x0e\x01\x00\x00\x0b" + "\x0b"
)

// program is a module that imports env.yield with a parameter of each kind and exports sum, endless and param.
func program() []byte {
	types := "\x04" + "\x60\x04\x7f\x7e\x7d\x7c\x01\x7f" + "\x60\x01\x7f\x01\x7f" + "\x60\x00\x00" + "\x60\x01\x7f\x01\x7f"
	return []byte("\x00asm\x01\x00\x00\x00" +
		section(1, types) +
		section(2, "\x01\x03env\x05yield\x00\x00") +
		section(3, "\x03\x01\x02\x01") +
		section(6, "\x01\x7f\x00\x41\x07\x0b") +
		section(7, "\x03\x03sum\x00\x01\x07endless\x00\x02\x05param\x00\x03") +
		section(10, code(sumBody, endlessBody, paramBody)))
}

// start runs a module whose yield calls fn.
func start(t *testing.T, wasm []byte, fn func()) api.Module {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	t.Cleanup(func() {
		if err := r.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	host := r.NewHostModuleBuilder("env").NewFunctionBuilder().WithFunc(func(a int32, b int64, c float32, d float64) int32 {
		if a != 0 || b != 0 || c != 0 || d != 0 {
			t.Errorf("yield(%v, %v, %v, %v), want zeros", a, b, c, d)
		}
		fn()
		return 1
	}).Export("yield")
	if _, err := host.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	mod, err := r.Instantiate(ctx, wasm)
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

// call returns the result of a function that must succeed.
func call(t *testing.T, mod api.Module, name string, arg uint64) uint64 {
	t.Helper()
	out, err := mod.ExportedFunction(name).Call(context.Background(), arg)
	if err != nil {
		t.Fatalf("%s(%d): %v", name, arg, err)
	}
	return out[0]
}

func instrument(t *testing.T, every int32) []byte {
	t.Helper()
	wasm, err := meter.Instrument(program(), meter.Options{Module: "env", Function: "yield", Every: every})
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

func TestResultsStayAndTheHostIsCalledNowAndThen(t *testing.T) {
	t.Parallel()
	yields := 0
	plain, metered := start(t, program(), func() {}), start(t, instrument(t, 10), func() { yields++ })
	for _, name := range []string{"sum", "param"} {
		yields = 0
		if got, want := call(t, metered, name, 1000), call(t, plain, name, 1000); got != want || got != 500500 {
			t.Errorf("%s: got %d, want %d", name, got, want)
		}
		if yields != 100 {
			t.Errorf("%s: the host was called %d times, want 100", name, yields)
		}
	}
}

func TestARunningLoopStops(t *testing.T) {
	t.Parallel()
	var mod api.Module
	yields := 0
	mod = start(t, instrument(t, 0), func() {
		if yields++; yields == 3 {
			mod.ExportedGlobal(meter.Stop).(api.MutableGlobal).Set(1) //nolint:errcheck,forcetypeassert // the promise of Instrument
		}
	})
	_, err := mod.ExportedFunction("endless").Call(context.Background())
	if err == nil || !strings.Contains(err.Error(), "unreachable") || yields != 3 {
		t.Errorf("got %v after %d calls of the host", err, yields)
	}
}

func TestWhatCannotBeMeteredIsRefused(t *testing.T) {
	t.Parallel()
	good := program()
	tests := []struct{ name, wasm, says string }{
		{"nothing", "", "not a module"},
		{"text", "(module)", "not a module"},
		{"no code", string(good[:8]), "no code"},
		{"cut off", string(good[:len(good)-4]), "cut off"},
		{"no globals", "\x00asm\x01\x00\x00\x00" + section(1, "\x01\x60\x00\x00") + section(2, "\x01\x03env\x05yield\x00\x00") + section(10, code(endlessBody)), "no globals"},
		{"not imported", strings.Replace(string(good), "yield", "other", 1), "env.yield is not imported"},
		{"an atomic instruction", strings.Replace(string(good), endlessBody, "\x00\xfe\x03\x00\x01\x0b\x0b", 1), "unknown instruction 0xfe"},
		{"a long number", strings.Replace(string(good), endlessBody, "\xff\xff\xff\xff\xff\xff\xff", 1), "more than 32 bits"},
	}
	for _, tt := range tests {
		_, err := meter.Instrument([]byte(tt.wasm), meter.Options{Module: "env", Function: "yield"})
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.says)
		}
	}
}

// What is a module before is one after.
func FuzzInstrument(f *testing.F) {
	f.Add(program())
	f.Add([]byte(strings.Replace(string(program()), endlessBody, "\x00\xfc\x0a\x00\x00\x0b\x0b", 1)))
	f.Add([]byte(strings.Replace(string(program()), endlessBody, "\x00\xfd\x0c\x00\x00\x0b\x0b", 1)))
	f.Add([]byte("\x00asm\x01\x00\x00\x00"))
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	f.Cleanup(func() { _ = r.Close(ctx) }) // nothing was instantiated
	f.Fuzz(func(t *testing.T, wasm []byte) {
		out, err := meter.Instrument(wasm, meter.Options{Module: "env", Function: "yield"})
		if err != nil || len(wasm) > 4096 {
			return
		}
		before, err := r.CompileModule(ctx, wasm)
		if err != nil {
			return
		}
		defer before.Close(ctx) //nolint:errcheck // compiled code alone
		after, err := r.CompileModule(ctx, out)
		if err != nil {
			t.Fatalf("%q became %q: %v", wasm, out, err)
		}
		_ = after.Close(ctx) // compiled code alone
	})
}
