// Package ocr reads words off pictures by running the system's Tesseract as a child process.
//
// The child gets the picture through its standard input and answers through its standard output: nothing is written to
// disk. It sees a cleaned environment, uses one thread, and is killed with everything it started when its context or
// its time ends.
//
//	engine, err := ocr.Find(ctx, ocr.Options{Languages: []string{"eng", "deu"}})
//	if errors.Is(err, ocr.ErrNotInstalled) {
//		// go on without
//	}
//	reading, err := engine.Read(ctx, gray)
//
// An Engine is safe for concurrent use; at most Options.Concurrency pictures are read at once, others wait.
package ocr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// ErrNotInstalled says that the program is not there.
var ErrNotInstalled = errors.New("tesseract is not installed")

// Options tunes an Engine. The zero value is ready to use.
type Options struct {
	Path           string        // the program; "" looks for tesseract on the PATH of this process
	DataDir        string        // folder of the language files; "" means the program's own
	Languages      []string      // such as eng or deu, the most likely first; empty means eng
	Concurrency    int           // pictures read at once; 0 means as many as there are processors, at most 64
	Timeout        time.Duration // for one picture; 0 means 1 minute
	MaxPixels      int           // of one picture; 0 means 40 million
	MaxOutputBytes int           // of the program's answer to one picture; 0 means 16 MiB
	MaxMemoryBytes int64         // of the child process, where the system can bound it; 0 means 1 GiB, at least 256 MiB
	Logger         *slog.Logger  // nil means slog.Default()
}

// withDefaults returns the options with every zero filled and every value in range.
func (o Options) withDefaults() Options {
	if len(o.Languages) == 0 {
		o.Languages = []string{"eng"}
	}
	o.Languages = slices.Clone(o.Languages)
	if o.Concurrency <= 0 {
		o.Concurrency = runtime.GOMAXPROCS(0)
	}
	o.Concurrency = min(o.Concurrency, 64)
	if o.Timeout <= 0 {
		o.Timeout = time.Minute
	}
	if o.MaxPixels <= 0 {
		o.MaxPixels = 40_000_000
	}
	if o.MaxOutputBytes <= 0 {
		o.MaxOutputBytes = 16 << 20
	}
	if o.MaxMemoryBytes <= 0 {
		o.MaxMemoryBytes = 1 << 30
	}
	o.MaxMemoryBytes = max(o.MaxMemoryBytes, 256<<20)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Engine runs Tesseract.
type Engine struct {
	opts    Options
	path    string
	version string
	turns   bool          // the data for finding a page's orientation is there
	slots   chan struct{} // one token for each picture that may be read at once
}

// language is the form of a language's name: letters and figures, with a folder (script/Latin) or a variant (chi_sim_vert).
var language = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*([_/-][A-Za-z0-9]+)*$`)

// Find looks for the program and asks for its version and its languages. It runs the program twice, which takes some
// hundredths of a second.
//
// Errors: ErrNotInstalled when there is no such program; another one for a program that does not work, a name that is no
// language, and a language that is not installed, which says those that are.
func Find(ctx context.Context, opts Options) (*Engine, error) {
	opts = opts.withDefaults()
	name := opts.Path
	if name == "" {
		name = "tesseract"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotInstalled, err)
	}
	for _, l := range opts.Languages {
		if !language.MatchString(l) || l == "osd" {
			return nil, fmt.Errorf("ocr: %q is not a language", l)
		}
	}
	e := &Engine{opts: opts, path: path, slots: make(chan struct{}, opts.Concurrency)}
	if err := e.ask(ctx); err != nil {
		return nil, err
	}
	return e, nil
}

// ask learns the program's version and checks its languages.
func (e *Engine) ask(ctx context.Context) error {
	out, err := e.run(ctx, nil, "--version")
	if err != nil {
		return fmt.Errorf("ocr: ask for the version: %w", err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	e.version = strings.TrimSpace(strings.TrimPrefix(first, "tesseract"))
	if out, err = e.run(ctx, nil, "--list-langs"); err != nil {
		return fmt.Errorf("ocr: ask for the languages: %w", err)
	}
	_, list, _ := strings.Cut(string(out), "\n") // the first line is a heading
	have := strings.Fields(list)
	e.turns = slices.Contains(have, "osd")
	for _, l := range e.opts.Languages {
		if !slices.Contains(have, l) {
			have = slices.DeleteFunc(have, func(l string) bool { return l == "osd" })
			return fmt.Errorf("ocr: language %s is not installed; there are %s", l, strings.Join(have, ", "))
		}
	}
	return nil
}

// Version is the program's version, such as 5.3.0.
func (e *Engine) Version() string { return e.version }

// Languages are the languages that are read, the most likely first.
func (e *Engine) Languages() []string { return slices.Clone(e.opts.Languages) }

// MaxPixels is how large a picture may be.
func (e *Engine) MaxPixels() int { return e.opts.MaxPixels }
