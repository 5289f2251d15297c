package document

import (
	"context"
	"fmt"
	"io"
	_ "unsafe" // for go:linkname

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/stewardhq/steward/internal/document/meter"
)

// engineCode is the engine in WebAssembly. The library keeps it to itself, but takes other code in its place; a build fails
// when it goes under another name.
//
//go:linkname engineCode github.com/klippa-app/go-pdfium/webassembly.pdfiumWasm
var engineCode []byte //nolint:gochecknoglobals // see above

// startEngine compiles the engine for n instances of at most memory bytes. Its code is metered: the runtime's own way of
// ending calls makes reading four times slower. cache may be nil.
func startEngine(n int, memory int64, cache wazero.CompilationCache) (pdfium.Pool, error) {
	code, err := meter.Instrument(engineCode, meter.Options{Module: "env", Function: "emscripten_notify_memory_growth"})
	if err != nil {
		return nil, fmt.Errorf("pdf engine: %w", err)
	}
	config := wazero.NewRuntimeConfig().WithMemoryLimitPages(uint32(memory / wasmPage)) //nolint:gosec // at most 4 GiB
	if cache != nil {
		config = config.WithCompilationCache(cache)
	}
	return webassembly.Init(webassembly.Config{
		WASM:          code,
		MaxTotal:      n,
		FSConfig:      wazero.NewFSConfig(), // no files: a PDF comes through its reader alone
		RuntimeConfig: config,
		Stdout:        io.Discard,
		Stderr:        io.Discard,
	})
}

// stopper ends what runs in an instance.
type stopper struct{ flag api.MutableGlobal }

// during runs work, which is stopped when ctx ends. cut says that it may have been: the instance must not be used again.
func (s stopper) during(ctx context.Context, work func() error) (cut bool, err error) {
	if ctx.Done() == nil {
		return false, work()
	}
	release := context.AfterFunc(ctx, func() { s.flag.Set(1) })
	err = work()
	return !release(), err
}
