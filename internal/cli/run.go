package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
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
	timeout  time.Duration
}

func newRun(g *global) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run AGENT",
		Short: "Run an agent and wait for its answer",
		Example: `  steward run invoices --input pdf_files=@invoice.pdf
  steward run 0193… --input text="Total: 12.50 EUR" --json
  steward run invoices --input pdf_files=@a.pdf --input pdf_files=@b.pdf --detach`,
		Long: "AGENT is an id or a name. An input whose value starts with '@' is a file; '@@' stands for a plain '@'.\n\n" + exitCodesHelp,
		Args: exactly("AGENT"),
		RunE: func(cmd *cobra.Command, args []string) error { return runRun(cmd.Context(), g, args[0], o) },
	}
	f := cmd.Flags()
	f.StringArrayVarP(&o.inputs, "input", "i", nil, "key=value or key=@file (repeatable)")
	f.StringVar(&o.metadata, "metadata", "", "JSON object kept with the job")
	f.StringVar(&o.version, "agent-version", "", "version id (default: the current one)")
	f.StringVar(&o.idemKey, "idempotency-key", "", "the same key within 24 h gives the same job")
	f.BoolVar(&o.detach, "detach", false, "print the job's id and do not wait")
	f.DurationVar(&o.timeout, "timeout", 0, "time limit of the job (default: the server's)")
	return cmd
}

func runRun(ctx context.Context, g *global, agent string, o runOptions) error {
	p := client.RunParams{IdempotencyKey: o.idemKey, VersionID: steward.VersionID(o.version), Timeout: o.timeout}
	var err error
	if p.Inputs, err = parseInputs(o.inputs); err != nil {
		return err
	}
	if o.metadata != "" {
		if err := json.Unmarshal([]byte(o.metadata), &p.Metadata); err != nil {
			return fmt.Errorf("%w: --metadata is not a JSON object: %w", errUsage, err)
		}
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
	if o.detach {
		if g.json {
			return g.printJSON(map[string]any{"job_id": job})
		}
		return g.printf("%s\n", job)
	}
	return g.watch(ctx, c, job)
}

// parseInputs reads key=value pairs; a key with several files becomes a list.
func parseInputs(pairs []string) (client.Inputs, error) {
	inputs := client.Inputs{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("%w: --input %q is not key=value", errUsage, pair)
		}
		path, isFile := strings.CutPrefix(value, "@")
		if !isFile || strings.HasPrefix(path, "@") {
			inputs[key] = strings.TrimPrefix(value, "@")
			if !isFile {
				inputs[key] = value
			}
			continue
		}
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%w: input %s: %w", errUsage, key, err)
		}
		list, _ := inputs[key].([]client.File)
		inputs[key] = append(list, client.FilePath(path))
	}
	return inputs, nil
}

// watch waits for a job with a progress line and prints its result.
func (g *global) watch(ctx context.Context, c *client.Client, id steward.JobID) error {
	line := newProgressLine(g.err)
	result, err := c.Wait(ctx, id, &client.WaitOptions{OnStatus: func(st *client.JobStatus) { line.show(describe(st)) }})
	line.clear()
	if err != nil {
		return fmt.Errorf("job %s: %w", id, err)
	}
	return g.printResult(result)
}

func describe(st *client.JobStatus) string {
	s := strings.ToLower(st.Status.String())
	if p := st.Progress; p != nil {
		s += fmt.Sprintf(" %d/%d %s", p.Done, p.Total, p.Message)
	}
	return s
}

// printResult prints the outputs, or the whole result as JSON; it fails when the job did.
func (g *global) printResult(r *client.JobResult) error {
	if g.json {
		if err := g.printJSON(resultJSON{JobID: r.JobID, JobResult: r}); err != nil {
			return err
		}
	} else if r.Succeeded() {
		for _, out := range r.Outputs {
			if err := g.printf("%s\n", pretty(out)); err != nil {
				return err
			}
		}
	}
	if r.Succeeded() {
		return nil
	}
	if _, err := fmt.Fprintf(g.err, "steward: job %s ended as %s: %s\n", r.JobID, r.Status, r.ErrorMessage); err != nil {
		return err
	}
	return errJobFailed
}

// resultJSON is a result with the job's id.
type resultJSON struct {
	JobID steward.JobID `json:"job_id"`
	*client.JobResult
}

// pretty indents JSON outputs.
func pretty(out steward.Datum) string {
	var v json.RawMessage
	if out.DataType != "application/json" || json.Unmarshal([]byte(out.Value), &v) != nil {
		return out.Value
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return out.Value
	}
	return string(text)
}

// progressLine is one line on a terminal that is written over again; elsewhere it is silent.
type progressLine struct {
	w     io.Writer
	start time.Time
	on    bool
}

func newProgressLine(w io.Writer) *progressLine {
	f, ok := w.(*os.File)
	if !ok {
		return &progressLine{}
	}
	info, err := f.Stat()
	return &progressLine{w: w, start: time.Now(), on: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (p *progressLine) show(s string) {
	if p.on {
		_, _ = fmt.Fprintf(p.w, "\r\x1b[K%s  %.1fs", s, time.Since(p.start).Seconds()) // a lost progress line is no loss
	}
}

func (p *progressLine) clear() {
	if p.on {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K") // as above
	}
}
