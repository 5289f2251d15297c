// Command lab is a Steward server for conformance tests: the real one, with a few engines beside its own whose runs do what
// a test needs to see: wait until they are cancelled, save files, fail, or succeed at the second try.
//
//	lab -config steward.yaml
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1) //nolint:gocritic // the signal handler dies with the process
	}
}

func run(ctx context.Context) (err error) {
	file := flag.String("config", "", "configuration file")
	flag.Parse()
	config, err := app.Load(app.LoadParams{File: *file, Getenv: func(string) string { return "" }})
	if err != nil {
		return err
	}
	log := app.NewLogger(config.Log)
	s, err := app.Open(ctx, config, app.Options{
		Version: "lab", Logger: log, Getenv: func(string) string { return "" },
		Engines: []engine.Engine{waiting(), saving(), failing(), recovering()},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	log.InfoContext(ctx, "steward is ready", "url", s.BaseURL())
	return s.Serve(ctx)
}

// text is the one parameter of the lab's engines; they take it and do nothing with it.
func text() []engine.Param {
	return []engine.Param{{Name: "text", Kind: engine.KindText, Bindable: true, Description: "Any text."}}
}

// waiting is an engine whose runs end with their cancellation only.
func waiting() engine.Engine {
	return enginetest.Func{ID: "WaitingEngine", Config: text(), Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		run.Progress(1, 3, "waiting")
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}}
}

// saving is an engine whose runs save two files for their readers: page-1.txt, and bytes.bin with every byte once.
func saving() engine.Engine {
	return enginetest.Func{ID: "SavingEngine", Config: text(), Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		_, page, err := run.SaveReference(ctx, "page-1.txt", "page", "text/plain", strings.NewReader("the first page"))
		if err != nil {
			return nil, err
		}
		var all [256]byte
		for i := range all {
			all[i] = byte(i)
		}
		_, bin, err := run.SaveReference(ctx, "bytes.bin", "file", "application/octet-stream", bytes.NewReader(all[:]))
		if err != nil {
			return nil, err
		}
		return enginetest.Output(map[string]any{"references": []string{page, bin}})
	}}
}

// failing is an engine whose runs fail for good.
func failing() engine.Engine {
	return enginetest.Func{ID: "FailingEngine", Config: text(), Do: func(context.Context, *engine.Run) (*engine.Result, error) {
		return nil, &steward.Failure{Code: steward.FailModelRefused, Message: "The model will not answer this."}
	}}
}

// recovering is an engine whose runs fail at the first attempt in a way that passes, and succeed at the second.
func recovering() engine.Engine {
	return enginetest.Func{ID: "RecoveringEngine", Config: text(), Do: func(_ context.Context, run *engine.Run) (*engine.Result, error) {
		if run.Job.Attempt < 2 {
			return nil, &steward.Failure{Code: steward.FailProviderError, Message: "The provider hiccuped.", Transient: true}
		}
		return enginetest.Output(map[string]any{"attempt": run.Job.Attempt})
	}}
}
