package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// runOptions are the options of run.
type runOptions struct {
	inputs   []string
	metadata []string
	version  string
	idemKey  string
	async    bool
	wait     bool
	fresh    bool
	timeout  time.Duration
	batch    batchOptions
}

func newRun(g *global) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run AGENT",
		Short: "Run an agent and wait for its answer, or run it on a whole file of items",
		Long: `Run an agent and wait for its answer. AGENT is an id or a name.

An input whose value starts with '@' is a file, and '@-' is standard input; '@@' stands for a plain '@'. Several files for one input are several --input of the same key; file_ID names a stored file. What the agent takes is in: steward agents get AGENT

With --batch it is run on every item of a file or folder, and --out gets a line of JSON for each, in order, when all have ended: JSON lines (.jsonl: an object of inputs a line, or {"inputs": {…}}), CSV (.csv, .tsv: the header names the inputs, an empty cell leaves one out) or a folder (each file is an item; --input-key names the input that takes it). Each --input is then a text that all items have. A batch is found again by its items, agent version and options: repeat an interrupted command and it goes on where it was, without running an item twice. To run the same once more, give another --idempotency-key.

An interrupt (Ctrl-C) ends the waiting, not the work.

` + exitCodesHelp,
		Example: `steward run invoices --input pdf_files=@invoice.pdf
steward run tickets --input text="Total: 12.50 EUR" --metadata case=7 --json
steward run invoices -i pdf_files=@a.pdf -i pdf_files=@b.pdf --async
steward run tickets --batch tickets.jsonl --out results.jsonl
steward run invoices --batch invoices/ --out results.jsonl`,
		Args: exactly("AGENT"),
		RunE: func(cmd *cobra.Command, args []string) error { return runRun(cmd.Context(), g, args[0], o) },
	}
	f := cmd.Flags()
	f.StringArrayVarP(&o.inputs, "input", "i", nil, "Input as key=value or key=@file, repeatable")
	f.StringArrayVar(&o.metadata, "metadata", nil, "Kept with the job: key=value, repeatable, or a JSON object")
	f.StringVar(&o.version, "version", "", "Version of the agent, by its id or name (default: the current one)")
	f.StringVar(&o.idemKey, "idempotency-key", "", "The same key within 24 h gives the same job; with --batch, a part of what it is found by")
	f.BoolVar(&o.fresh, "skip-cache", false, "Do not answer from an earlier equal run")
	f.BoolVar(&o.async, "async", false, "Print the id of the job or batch and do not wait")
	f.BoolVar(&o.wait, "wait", true, "Wait; --wait=false is --async")
	f.DurationVar(&o.timeout, "timeout", 0, "Time limit of the job, such as 10m (default: the server's)")
	f.StringVar(&o.batch.source, "batch", "", "Run on every item of this .jsonl, .csv or .tsv file, or folder")
	f.StringVarP(&o.batch.out, "out", "o", "", "With --batch: file of the results; one that is there is replaced when all are there")
	f.StringVar(&o.batch.name, "name", "", "With --batch: name of the batch, for people")
	f.StringVar(&o.batch.inputKey, "input-key", "", "With --batch FOLDER: input that takes the file (default: the only one for files)")
	f.IntVar(&o.batch.chunk, "chunk", mostChunk, "With --batch: items sent at once, at most 1000")
	f.BoolVar(&o.batch.skipBad, "skip-bad", false, "With --batch: leave out lines that are no items instead of refusing the file")
	hideDefaults(f, "timeout", "wait")
	renamed(cmd, map[string]string{"detach": "async", "fresh": "skip-cache", "agent-version": "version"})
	g.completeArgs(cmd, (*completer).agents)
	g.completeFlag(cmd, "version", (*completer).versions)
	return cmd
}

func runRun(ctx context.Context, g *global, agent string, o runOptions) error {
	if o.batch.source != "" {
		b, err := o.forBatch(g)
		if err != nil {
			return err
		}
		return runBatch(ctx, g, agent, b)
	}
	if b := (batchOptions{chunk: mostChunk}); o.batch.out != b.out || o.batch.name != b.name || o.batch.inputKey != b.inputKey || o.batch.chunk != b.chunk || o.batch.skipBad {
		return usagef("--out, --name, --input-key, --chunk and --skip-bad are for --batch")
	}
	p, err := o.params(g)
	if err != nil {
		return err
	}
	c, id, err := g.agent(ctx, agent)
	if err != nil {
		return err
	}
	if o.version != "" {
		if p.VersionID, err = findVersion(ctx, c, id, o.version); err != nil {
			return err
		}
	}
	job, err := c.Run(ctx, id, p)
	if err != nil {
		return err
	}
	if !o.async && o.wait {
		return g.watch(ctx, c, job)
	}
	if g.json {
		return g.printJSON(map[string]any{"job_id": job})
	}
	return g.printf("%s\n", job)
}

// params makes the call of the options, but for the version.
func (o *runOptions) params(g *global) (p client.RunParams, err error) {
	if o.timeout < 0 {
		return p, usagef("--timeout must not be negative")
	}
	p = client.RunParams{IdempotencyKey: o.idemKey, Timeout: o.timeout, SkipCache: o.fresh}
	if p.Metadata, err = parseMetadata(o.metadata); err != nil {
		return p, err
	}
	p.Inputs, err = g.parseInputs(o.inputs)
	return p, err
}

// forBatch makes the options of a batch.
func (o *runOptions) forBatch(g *global) (*batchOptions, error) {
	b := o.batch
	b.idemKey, b.skipCache, b.async = o.idemKey, o.fresh, o.async || !o.wait
	switch {
	case o.version != "" || o.timeout != 0:
		return nil, usagef("--version and --timeout are not for --batch: its items run on the current version, with the server's time limit")
	case b.chunk < 1 || b.chunk > mostChunk:
		return nil, usagef("--chunk must be from 1 to %d", mostChunk)
	case b.out == "" && !b.async:
		return nil, usagef("--out is needed: the file of the results; or --async")
	case b.out != "" && b.async:
		return nil, usagef("--out and --async exclude each other; fetch the results later with: steward batches watch BATCH --out FILE")
	}
	var err error
	if b.metadata, err = parseMetadata(o.metadata); err != nil {
		return nil, err
	}
	if b.common, err = g.parseInputs(o.inputs); err != nil {
		return nil, err
	}
	for key, value := range b.common {
		if _, ok := value.(string); !ok {
			return nil, usagef("input %s: with --batch only texts are for all items; store a file first: steward files upload", key)
		}
	}
	return &b, nil
}

// parseMetadata reads pairs, and objects in JSON; nil when there are none.
func parseMetadata(texts []string) (map[string]any, error) {
	var m map[string]any
	for _, text := range texts {
		more := map[string]any{}
		if strings.HasPrefix(strings.TrimSpace(text), "{") {
			if err := json.Unmarshal([]byte(text), &more); err != nil {
				return nil, usagef("--metadata is not a JSON object: %w", err)
			}
		} else {
			pairs, err := pairsFlag("metadata", []string{text})
			if err != nil {
				return nil, usagef("--metadata %q is neither key=value nor a JSON object", text)
			}
			for key, value := range pairs {
				more[key] = value
			}
		}
		if m == nil {
			m = map[string]any{}
		}
		maps.Copy(m, more)
	}
	return m, nil
}

// parseInputs reads key=value pairs; a key with several files becomes a list.
func (g *global) parseInputs(pairs []string) (client.Inputs, error) {
	inputs := client.Inputs{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usagef("--input %q is not key=value", pair)
		}
		earlier, again := inputs[key]
		files, areFiles := earlier.([]client.File)
		file, isFile, err := g.parseFile(value)
		switch {
		case err != nil:
			return nil, usagef("input %s: %w", key, err)
		case again && (!isFile || !areFiles):
			return nil, usagef("input %s is given twice; only files can be several", key)
		case isFile:
			inputs[key] = append(files, file)
		case strings.HasPrefix(value, "@@"):
			inputs[key] = value[1:]
		default:
			inputs[key] = value
		}
	}
	return inputs, nil
}

// parseFile reads the value of an input that is a file.
func (g *global) parseFile(value string) (f client.File, ok bool, err error) {
	path, ok := strings.CutPrefix(value, "@")
	if !ok || strings.HasPrefix(path, "@") {
		return f, false, nil
	}
	if path == "-" {
		return client.FileReader("stdin", g.in), true, nil
	}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder", path)
	}
	return client.FilePath(path), true, err
}

// parseID reads an id of the command line.
func parseID[T steward.UUID](name, s string) (T, error) {
	id, err := steward.ParseID[T](name, s)
	if err != nil {
		return "", &usageError{err}
	}
	return id, nil
}

// longestWait is longer than any job may take: the job's own limit is what ends it.
const longestWait = 365 * 24 * time.Hour

// watch waits for a job with a progress line and prints its result.
func (g *global) watch(ctx context.Context, c *client.Client, id steward.JobID) error {
	line := newProgressLine(g.err)
	r, err := c.Wait(ctx, id, &client.WaitOptions{Timeout: longestWait, OnStatus: func(st *client.JobStatus) { line.show(describe(st)) }})
	line.clear()
	switch {
	case err != nil && ctx.Err() != nil:
		return &interrupted{id}
	case err != nil:
		return fmt.Errorf("job %s: %w", id, err)
	}
	return g.report(r)
}

// report prints a result, or why there is none. Errors: errJobFailed for a job without success.
func (g *global) report(r *client.JobResult) error {
	if err := g.printResult(r); err != nil || r.Succeeded() {
		return err
	}
	if err := g.printFailure(r); err != nil {
		return err
	}
	return errJobFailed
}

// describe says in a few words where a job stands.
func describe(st *client.JobStatus) string {
	s := strings.ToLower(st.Status.String())
	if p := st.Progress; p != nil && p.Total > 0 {
		s += fmt.Sprintf(" %d/%d", p.Done, p.Total)
	}
	if p := st.Progress; p != nil && p.Message != "" {
		s += " " + p.Message
	}
	if st.Status == steward.StatusRetry && st.ErrorMessage != "" {
		s += ": " + st.ErrorMessage
	}
	return s
}

// printResult prints the outputs, or the whole result as JSON.
func (g *global) printResult(r *client.JobResult) error {
	if g.json {
		return g.printJSON(resultJSON{JobID: r.JobID, JobResult: r})
	}
	for _, out := range r.Outputs {
		if err := g.printf("%s\n", pretty(out)); err != nil {
			return err
		}
	}
	return nil
}

// printFailure says on standard error why there are no outputs.
func (g *global) printFailure(r *client.JobResult) error {
	text := fmt.Sprintf("steward: job %s ended as %s", r.JobID, r.Status)
	if r.FailureCode != "" && r.Status == steward.StatusFailure {
		text += fmt.Sprintf(" (%s)", r.FailureCode)
	}
	if r.ErrorMessage != "" {
		text += ": " + plain(r.ErrorMessage)
	}
	_, err := fmt.Fprintf(g.err, "%s\nWhat it did: steward jobs steps %s\n", text, r.JobID)
	return err
}

// resultJSON is a result with the job's id.
type resultJSON struct {
	JobID steward.JobID `json:"job_id"`
	*client.JobResult
}

// pretty indents JSON outputs.
func pretty(out steward.Datum) string {
	var text bytes.Buffer
	if out.DataType != "application/json" || json.Indent(&text, []byte(out.Value), "", "  ") != nil {
		return out.Value
	}
	return text.String()
}
