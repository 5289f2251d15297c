// Command eval measures how well models read documents: builtin, and every model that this machine's environment configures.
//
//	eval                              two documents of each kind
//	eval -per-kind 0                  all documents of the corpus
//	eval -models builtin,local/qwen3  these models only
//	eval -corpus testdata/corpus-heldout
//
// Each document is run as a job of a whole server, with evidence asked for, exactly as a user would run it. It prints one Markdown table on
// standard output; progress goes to standard error. It exits with 1 when an answer does not match its schema, or when a value is
// marked as verified whose quote does not stand in the document: neither must ever happen, whatever the model says.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/extracteval"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "eval:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	corpus  string
	models  string
	perKind int
	timeout time.Duration
	output  int64
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	var o options
	flags := flag.NewFlagSet("eval", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.StringVar(&o.corpus, "corpus", "testdata/corpus", "folder of labelled documents")
	flags.StringVar(&o.models, "models", "", "models, separated by commas; empty means builtin and all that are configured")
	flags.IntVar(&o.perKind, "per-kind", 2, "documents of each kind; 0 means all")
	flags.DurationVar(&o.timeout, "timeout", 10*time.Minute, "for one document")
	flags.Int64Var(&o.output, "max-output-tokens", 4000, "of one answer")
	if err := flags.Parse(args); err != nil {
		return err
	}
	cases, err := extracteval.Load(o.corpus)
	if err != nil {
		return err
	}
	cases = sample(cases, o.perKind)
	return withServer(ctx, progress, func(ctx context.Context, c *client.Client) error {
		models, err := modelsOf(ctx, c, o.models)
		if err != nil {
			return err
		}
		var lines []line
		for _, m := range models {
			e := evaluation{client: c, model: m, timeout: o.timeout, output: o.output, progress: progress}
			some, err := e.all(ctx, cases)
			if err != nil {
				return err
			}
			lines = append(lines, some...)
		}
		if err := printTable(out, lines); err != nil {
			return err
		}
		return verdict(lines)
	})
}

// sample keeps the first n cases of each kind; n 0 keeps all.
func sample(cases []extracteval.Case, n int) []extracteval.Case {
	if n <= 0 {
		return cases
	}
	taken := map[string]int{}
	return slices.DeleteFunc(slices.Clone(cases), func(c extracteval.Case) bool {
		taken[c.Kind]++
		return taken[c.Kind] > n
	})
}

// modelsOf lists what is measured.
func modelsOf(ctx context.Context, c *client.Client, wanted string) ([]string, error) {
	if wanted != "" {
		return strings.Split(wanted, ","), nil
	}
	all, err := c.Models(ctx, "")
	if err != nil {
		return nil, err
	}
	var models []string
	for _, m := range all {
		if m.Configured {
			models = append(models, m.ID)
		}
	}
	return models, nil
}

// withServer runs a server in a temporary folder, with the providers that the environment configures.
func withServer(ctx context.Context, progress io.Writer, fn func(context.Context, *client.Client) error) (err error) {
	dir, err := os.MkdirTemp("", "steward-eval-")
	if err != nil {
		return fmt.Errorf("make temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	config := app.Defaults()
	config.Data, config.Listen, config.Workers.Grace = dir, "127.0.0.1:0", time.Second
	if cache, err := os.UserCacheDir(); err == nil {
		config.Cache = filepath.Join(cache, "steward")
	}
	var first app.Credentials
	s, err := app.Open(ctx, config, app.Options{
		Version: "eval", Logger: slog.New(slog.NewTextHandler(progress, &slog.HandlerOptions{Level: slog.LevelWarn})), Getenv: os.Getenv,
		OnFirst: func(c app.Credentials) { first = c },
	})
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Serve(serving) }()
	defer func() {
		stop()
		err = errors.Join(err, <-done, s.Close())
	}()
	c, err := client.New(&client.Options{APIKey: first.APIKey, BaseURL: first.BaseURL})
	if err != nil {
		return err
	}
	return fn(ctx, c)
}
