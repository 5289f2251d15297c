package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stewardhq/steward/internal/document"
)

// reportPages is how many pages the PDF of the benchmarks has.
const reportPages = 200

// pagesOf is how many of them are read with little work.
func (e *env) pagesOf() int { return min(max(int(reportPages*e.scale), pageKinds), reportPages) }

// madeReport writes the PDF of the benchmarks into a new folder.
func madeReport(e *env) (path string, remove func(), err error) {
	data, err := makeReport(e.pagesOf())
	if err != nil {
		return "", nil, err
	}
	dir, remove, err := e.folder("pdf")
	if err != nil {
		return "", nil, err
	}
	path = filepath.Join(dir, "report.pdf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		remove()
		return "", nil, fmt.Errorf("write PDF: %w", err)
	}
	return path, remove, nil
}

// pdfText200 measures reading the text of 200 pages with the boxes of all words, one page after the other, as engines do. The PDF
// engine is loaded before.
func pdfText200(ctx context.Context, e *env) (result, error) {
	path, remove, err := madeReport(e)
	if err != nil {
		return result{}, err
	}
	defer remove()
	task := pdfTask{File: path, Cache: filepath.Join(filepath.Dir(path), "cache"), Jobs: 1}
	took, err := task.run(ctx)
	if err != nil {
		return result{}, err
	}
	r := result{Value: round(took.Seconds()), Unit: "s"}
	used, err := reference(ctx, "pdftotext", "-bbox-layout", path, os.DevNull)
	if err != nil {
		e.log.Warn("no reference", "error", err)
		return r, nil
	}
	r.compare("pdftotext -bbox-layout", used.took.Seconds())
	return r, nil
}

// pdfImages200 measures making pictures of 200 pages at 96 dpi, in a process of its own.
func pdfImages200(ctx context.Context, e *env) (result, error) {
	return pictures(ctx, e, 1, "s", func(u usage) float64 { return u.took.Seconds() })
}

// pdfImages200Memory is the most resident memory of that process.
func pdfImages200Memory(ctx context.Context, e *env) (result, error) {
	return pictures(ctx, e, 1, "MB", usage.megabytes)
}

// pdfImages10x200Memory is the most resident memory of a process that makes pictures of ten PDFs of 200 pages at the same time, each
// in an instance of the PDF engine of its own.
func pdfImages10x200Memory(ctx context.Context, e *env) (result, error) {
	return pictures(ctx, e, 10, "MB", usage.megabytes)
}

// pictures measures a process that draws the PDF in some jobs at once.
func pictures(ctx context.Context, e *env, jobs int, unit string, figure func(usage) float64) (result, error) {
	path, remove, err := madeReport(e)
	if err != nil {
		return result{}, err
	}
	defer remove()
	task := pdfTask{File: path, Cache: filepath.Join(filepath.Dir(path), "cache"), Jobs: jobs, Draw: true}
	if err := task.warm(ctx); err != nil { // compiles the engine into the cache, which takes memory of its own
		return result{}, err
	}
	used, err := task.apart(ctx)
	if err != nil {
		return result{}, err
	}
	r := result{Value: round(figure(used)), Unit: unit}
	if err := comparePictures(ctx, e, path, jobs, &r, figure); err != nil {
		e.log.Warn("no reference", "error", err)
	}
	return r, nil
}

// sampled is how many pages the reference draws: it is slow.
const sampled = 40

// comparePictures adds the reference.
func comparePictures(ctx context.Context, e *env, path string, jobs int, r *result, figure func(usage) float64) error {
	pages := e.pagesOf()
	drawn := min(pages, sampled)
	ref, err := reference(ctx, "pdftoppm", "-r", "96", "-png", "-l", strconv.Itoa(drawn), path, filepath.Join(filepath.Dir(path), "page"))
	if err != nil {
		return err
	}
	name := "pdftoppm -r 96 -png"
	if r.Unit == "s" {
		r.compare(fmt.Sprintf("%s, %d pages times %d", name, drawn, pages/drawn), figure(ref)*float64(pages)/float64(drawn))
		return nil
	}
	r.compare(fmt.Sprintf("%s, one process times %d", name, jobs), figure(ref)*float64(jobs))
	return nil
}

// usage is what a process needed.
type usage struct {
	took     time.Duration
	resident int64 // bytes, the most there were
}

func (u usage) megabytes() float64 { return float64(u.resident) / 1e6 }

// reference runs a program of the system.
func reference(ctx context.Context, name string, args ...string) (usage, error) {
	return measured(exec.CommandContext(ctx, name, args...)) //nolint:gosec // the benchmarks' own words
}

// measured runs a command and says what it needed.
func measured(cmd *exec.Cmd) (usage, error) {
	var said bytes.Buffer
	cmd.Stderr = &said
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	ended, most := make(chan struct{}), make(chan int64)
	go func() { most <- watchMemory(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	u := usage{took: time.Since(start)}
	close(ended)
	u.resident = <-most
	if err != nil {
		return usage{}, fmt.Errorf("run %s: %w: %s", cmd.Path, err, said.Bytes())
	}
	return u, nil
}

// watchMemory returns the most resident memory of a process until it ended, in bytes; 0 where the system does not tell. The figure
// that the system gives afterwards counts the memory of this process in, from before the other program was loaded.
func watchMemory(pid int, ended <-chan struct{}) (most int64) {
	const every = 5 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		most = max(most, peakMemory(pid))
		select {
		case <-ended:
			return most
		case <-tick.C:
		}
	}
}

// peakMemory is the most resident memory that a running process has had, in bytes; 0 when it cannot be told.
func peakMemory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, "kB")
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}

// taskVariable names the environment variable that makes a process of this program do a pdfTask and nothing else.
const taskVariable = "STEWARD_BENCH_PDF"

// pdfTask is work on a PDF.
type pdfTask struct {
	File  string
	Cache string // folder of the compiled engine
	Jobs  int    // at once, each through the whole PDF
	Draw  bool   // pictures at 96 dpi rather than text
}

// apart does the task in a process of its own.
func (t pdfTask) apart(ctx context.Context) (usage, error) {
	spec, err := json.Marshal(t)
	if err != nil {
		return usage{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return usage{}, fmt.Errorf("find own program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), taskVariable+"="+string(spec))
	return measured(cmd)
}

// doTask does the task that the environment names, if there is one.
func doTask(ctx context.Context) (done bool, err error) {
	spec, ok := os.LookupEnv(taskVariable)
	if !ok {
		return false, nil
	}
	var t pdfTask
	if err := json.Unmarshal([]byte(spec), &t); err != nil {
		return true, err
	}
	_, err = t.run(ctx)
	return true, err
}

// warm compiles the engine.
func (t pdfTask) warm(ctx context.Context) error {
	r := document.Open(document.Options{CacheDir: t.Cache, Logger: quietLog()})
	return errors.Join(t.open(ctx, r, func(*document.PDF) error { return nil }), r.Close())
}

// run does the task and says how long it took once the engine was there.
func (t pdfTask) run(ctx context.Context) (took time.Duration, err error) {
	r := document.Open(document.Options{CacheDir: t.Cache, Instances: t.Jobs, Logger: quietLog()})
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := t.open(ctx, r, func(*document.PDF) error { return nil }); err != nil {
		return 0, err
	}
	start := time.Now()
	failures := make([]error, t.Jobs)
	var group sync.WaitGroup
	for i := range failures {
		group.Go(func() { failures[i] = t.open(ctx, r, func(pdf *document.PDF) error { return t.pages(ctx, pdf) }) })
	}
	group.Wait()
	return time.Since(start), errors.Join(failures...)
}

// open opens the PDF for fn.
func (t pdfTask) open(ctx context.Context, r *document.Reader, fn func(*document.PDF) error) (err error) {
	f, err := os.Open(t.File)
	if err != nil {
		return fmt.Errorf("open PDF: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open PDF: %w", err)
	}
	pdf, err := r.Open(ctx, info.Name(), f, info.Size(), "")
	if err != nil {
		return err
	}
	return errors.Join(fn(pdf), pdf.Close())
}

// pages reads or draws every page.
func (t pdfTask) pages(ctx context.Context, pdf *document.PDF) error {
	for n := 1; n <= pdf.PageCount(); n++ {
		if t.Draw {
			if _, err := pdf.Picture(ctx, n, document.PictureOptions{DPI: 96}); err != nil {
				return err
			}
			continue
		}
		page, err := pdf.Page(ctx, n)
		if err != nil {
			return err
		}
		if len(page.Words) == 0 {
			return fmt.Errorf("page %d has no words", n)
		}
	}
	return nil
}
