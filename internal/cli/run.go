package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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
	metadata string
	version  string
	idemKey  string
	detach   bool
	fresh    bool
	timeout  time.Duration
}

func newRun(g *global) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run AGENT",
		Short: "Run an agent and wait for its answer",
		Long: `Run an agent and wait for its answer. AGENT is an id or a name.

An input whose value starts with '@' is a file, and '@-' is standard input; '@@' stands for a plain '@'. Several files for one input are several --input of the same key. What the agent takes is in: steward agents get AGENT

An interrupt (Ctrl-C) ends the waiting, not the job.

` + exitCodesHelp,
		Example: `steward run invoices --input pdf_files=@invoice.pdf
steward run tickets --input text="Total: 12.50 EUR" --json
steward run invoices -i pdf_files=@a.pdf -i pdf_files=@b.pdf --detach`,
		Args: exactly("AGENT"),
		RunE: func(cmd *cobra.Command, args []string) error { return runRun(cmd.Context(), g, args[0], o) },
	}
	f := cmd.Flags()
	f.StringArrayVarP(&o.inputs, "input", "i", nil, "Input as key=value or key=@file, repeatable")
	f.StringVar(&o.metadata, "metadata", "", "A JSON object that is kept with the job")
	f.StringVar(&o.version, "agent-version", "", "Version of the agent, by its id (default: the current one)")
	f.StringVar(&o.idemKey, "idempotency-key", "", "The same key within 24 h gives the same job")
	f.BoolVar(&o.fresh, "fresh", false, "Do not answer from an earlier equal run")
	f.BoolVar(&o.detach, "detach", false, "Print the job's id and do not wait")
	f.DurationVar(&o.timeout, "timeout", 0, "Time limit of the job, such as 10m (default: the server's)")
	f.Lookup("timeout").DefValue = "" // 0 would be shown as if it were a limit
	return cmd
}

func runRun(ctx context.Context, g *global, agent string, o runOptions) error {
	p, err := o.params(g)
	if err != nil {
		return err
	}
	c, err := g.client()
	if err != nil {
		return err
	}
	id, err := findAgent(ctx, c, agent)
	if err != nil {
		return err
	}
	job, err := c.Run(ctx, id, p)
	if err != nil {
		return err
	}
	if !o.detach {
		return g.watch(ctx, c, job)
	}
	if g.json {
		return g.printJSON(map[string]any{"job_id": job})
	}
	return g.printf("%s\n", job)
}

// params makes the call of the options.
func (o *runOptions) params(g *global) (p client.RunParams, err error) {
	if o.timeout < 0 {
		return p, usagef("--timeout must not be negative")
	}
	p = client.RunParams{IdempotencyKey: o.idemKey, VersionID: steward.VersionID(o.version), Timeout: o.timeout, SkipCache: o.fresh}
	if o.version != "" {
		if p.VersionID, err = parseID[steward.VersionID]("--agent-version", o.version); err != nil {
			return p, err
		}
	}
	if o.metadata != "" {
		if err := json.Unmarshal([]byte(o.metadata), &p.Metadata); err != nil {
			return p, usagef("--metadata is not a JSON object")
		}
	}
	p.Inputs, err = g.parseInputs(o.inputs)
	return p, err
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
