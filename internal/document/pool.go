package document

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/tetratelabs/wazero"
)

// errClosed answers calls on a closed Reader.
var errClosed = errors.New("pdf reader is closed")

// Limits of the sandbox.
const (
	wasmPage     = 64 << 10
	recycleBytes = 96 << 20 // an instance that has grown beyond it is not kept
)

// pool lends instances. The engine behind them is started by the first take and dropped after some idle time.
type pool struct {
	opts  Options
	slots chan struct{} // one token for each instance that may be lent
	done  chan struct{} // closed when the reader is

	mu     sync.Mutex
	engine pdfium.Pool // nil while nothing is loaded
	cache  wazero.CompilationCache
	free   []*instance
	lent   int
	idle   *time.Timer
	closed bool
}

// newPool makes a pool that has started nothing.
func newPool(opts Options) *pool {
	return &pool{opts: opts, slots: make(chan struct{}, opts.Instances), done: make(chan struct{})}
}

// take lends an instance, waiting until one is free or ctx ends.
func (p *pool) take(ctx context.Context) (*instance, error) {
	select {
	case p.slots <- struct{}{}:
	case <-p.done:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	in, err := p.get(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return in, nil
}

// get returns a free instance or a new one. The caller holds a slot.
func (p *pool) get(ctx context.Context) (*instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	if p.idle != nil {
		p.idle.Stop()
		p.idle = nil
	}
	if n := len(p.free); n > 0 {
		in := p.free[n-1]
		p.free = p.free[:n-1]
		p.lent++
		return in, nil
	}
	if err := p.start(); err != nil {
		return nil, err
	}
	lib, err := p.engine.GetInstanceWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("start pdf engine: %w", err)
	}
	in, err := newInstance(lib)
	if err != nil {
		return nil, errors.Join(err, lib.Close())
	}
	p.lent++
	return in, nil
}

// start loads the engine unless it is there. The caller holds mu.
func (p *pool) start() error {
	if p.engine != nil {
		return nil
	}
	began := time.Now()
	engine, err := startEngine(p.opts.Instances, p.opts.MaxMemoryBytes, p.openCache())
	if err != nil {
		return fmt.Errorf("start pdf engine: %w", errors.Join(err, p.closeCache()))
	}
	p.engine = engine
	debug.FreeOSMemory() // compiling leaves a quarter of a gigabyte behind
	p.opts.Logger.Debug("pdf engine started", "duration_ms", time.Since(began).Milliseconds())
	return nil
}

// openCache opens the folder of compiled code. Without one the engine only starts slower, so a folder that cannot be
// used is a warning.
func (p *pool) openCache() wazero.CompilationCache {
	if p.opts.CacheDir == "" {
		return nil
	}
	err := os.MkdirAll(p.opts.CacheDir, 0o700)
	if err == nil {
		p.cache, err = wazero.NewCompilationCacheWithDir(p.opts.CacheDir)
	}
	if err != nil {
		p.opts.Logger.Warn("pdf engine starts without its cache", "error", err)
		return nil
	}
	return p.cache
}

// give takes an instance back. Broken, worn and swollen ones are ended.
func (p *pool) give(in *instance) {
	in.docs++
	keep := !in.broken && in.docs < p.opts.RecycleAfter && in.memoryBytes() <= recycleBytes
	p.mu.Lock()
	if keep && !p.closed {
		p.free = append(p.free, in)
		in = nil
	}
	p.mu.Unlock()
	if in != nil {
		in.close()
	}
	p.mu.Lock()
	p.lent--
	if p.lent == 0 && !p.closed && p.opts.IdleAfter > 0 {
		p.idle = time.AfterFunc(p.opts.IdleAfter, p.drop)
	}
	p.mu.Unlock()
	<-p.slots
}

// drop unloads the engine if nobody uses it.
func (p *pool) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lent > 0 || p.engine == nil {
		return
	}
	if err := p.unload(); err != nil {
		p.opts.Logger.Warn("pdf engine did not stop cleanly", "error", err)
		return
	}
	debug.FreeOSMemory()
	p.opts.Logger.Debug("pdf engine dropped while idle")
}

// unload ends the engine with all its instances. The caller holds mu.
func (p *pool) unload() error {
	for _, in := range p.free {
		in.close()
	}
	p.free = nil
	if p.engine == nil {
		return nil
	}
	err := p.engine.Close()
	p.engine = nil
	return errors.Join(err, p.closeCache())
}

// closeCache lets go of the folder of compiled code.
func (p *pool) closeCache() error {
	if p.cache == nil {
		return nil
	}
	err := p.cache.Close(context.Background())
	p.cache = nil
	return err
}

// close ends everything and waits until lent instances are back.
func (p *pool) close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.done)
	if p.idle != nil {
		p.idle.Stop()
	}
	p.mu.Unlock()
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unload()
}
