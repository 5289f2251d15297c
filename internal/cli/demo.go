package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/examples/invoice"
	"github.com/stewardhq/steward/internal/app"
)

func newDemo(g *global) *cobra.Command {
	var file, schema string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Start everything in a temporary folder, read a PDF invoice, show the answer with its evidence",
		Long: `Start a server in a temporary folder, make an agent that reads invoices, run it on a PDF and print the answer: each value with the page and the words it stands on.

It needs no key, no network and no other server. It leaves nothing behind but the compiled PDF engine in the user's cache folder, which makes the next start fast.`,
		Example: `steward demo
steward demo --file invoice.pdf
steward demo --file report.pdf --schema @report.schema.json --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), g, file, schema) },
	}
	cmd.Flags().StringVar(&file, "file", "", "Another PDF to read")
	cmd.Flags().StringVar(&schema, "schema", "", "The JSON Schema of another answer, or @file")
	return without(cmd, "server", "key", "data")
}

func runDemo(ctx context.Context, g *global, file, schema string) (err error) {
	in := client.File{Bytes: invoice.PDF, Name: "invoice.pdf"}
	if file != "" {
		if _, err := os.Stat(file); err != nil {
			return usagef("--file: %w", err)
		}
		in = client.FilePath(file)
	}
	want := json.RawMessage(invoice.Schema)
	if schema != "" {
		if want, err = textOrFile("schema", schema); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "steward-demo-")
	if err != nil {
		return fmt.Errorf("make temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d := &demo{g: g, started: time.Now()}
	return d.serve(ctx, dir, func(ctx context.Context, c *client.Client) error { return d.read(ctx, c, in, want) })
}

// demo is one run of the demo.
type demo struct {
	g       *global
	started time.Time
}

// serve runs a server in dir while fn speaks to it.
func (d *demo) serve(ctx context.Context, dir string, fn func(context.Context, *client.Client) error) (err error) {
	config := app.Defaults()
	config.Data, config.Listen, config.Workers.Grace = filepath.Join(dir, "data"), "127.0.0.1:0", time.Second
	config.Log.Level = "warn"
	if cache, err := os.UserCacheDir(); err == nil {
		config.Cache = filepath.Join(cache, "steward")
	}
	var first app.Credentials
	s, err := app.Open(ctx, config, app.Options{
		Version: d.g.version, Logger: app.NewLogger(config.Log), Getenv: func(string) string { return "" },
		OnFirst: func(c app.Credentials) { first = c },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	serving, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Serve(serving) }()
	defer func() {
		stop()
		err = errors.Join(err, <-done)
	}()
	c, err := client.New(&client.Options{APIKey: first.APIKey, BaseURL: first.BaseURL})
	if err != nil {
		return err
	}
	return fn(ctx, c)
}

// read makes an agent, runs it and prints what came of it.
func (d *demo) read(ctx context.Context, c *client.Client, in client.File, schema json.RawMessage) error {
	ready := time.Since(d.started)
	agent, err := c.CreateAgent(ctx, client.AgentCreate{
		Name: "Invoice reader", EngineClassID: "PDFExtractionEngine",
		EngineConfig: map[string]any{"model": "builtin", "instructions": "Extract the invoice.", "output_schema": schema, "use_source": true},
	})
	if err != nil {
		return err
	}
	job, err := c.Run(ctx, agent.ID, client.RunParams{Inputs: client.Inputs{"pdf_files": in}})
	if err != nil {
		return err
	}
	result, err := c.Wait(ctx, job, nil)
	if err != nil {
		return err
	}
	if !result.Succeeded() {
		// The demo's server ends with it, so there is nothing more to ask it.
		return fmt.Errorf("the job ended as %s: %s", result.Status, result.ErrorMessage)
	}
	if d.g.json {
		return d.g.printResult(result)
	}
	steps, err := c.JobSteps(ctx, job)
	if err != nil {
		return err
	}
	return d.show(result, steps, in, ready)
}

func (d *demo) show(r *client.JobResult, steps []steward.Step, in client.File, ready time.Duration) error {
	var answer struct {
		Sources []steward.Evidence `json:"_sources"`
	}
	if err := r.Decode("output", &answer); err != nil {
		return err
	}
	leaves, err := leavesOf([]byte(r.Outputs[0].Value))
	if err != nil {
		return err
	}
	name := in.Name
	if name == "" {
		name = filepath.Base(in.Path)
	}
	w := d.g
	if err := w.printf("\nsteward read %s with the model \"builtin\": no key, no network, no other server.\n\n", name); err != nil {
		return err
	}
	if err := table(w.out, "VALUE\tANSWER\tPAGE\tWORDS IT STANDS ON", func(row func(...any)) {
		for _, group := range groupRows(leaves) {
			texts := make([]string, len(group))
			page, quote := "-", "-"
			for i, l := range group {
				texts[i] = l.text
				if p, q := evidenceFor(answer.Sources, l.path); len(q) > len(quote) {
					page, quote = p, q
				}
			}
			name := group[0].path[1:]
			if len(group) > 1 {
				name = name[:strings.LastIndexByte(name, '/')]
			}
			row(name, cut(strings.Join(texts, " | "), 56), page, quote)
		}
	}); err != nil {
		return err
	}
	if err := w.printf("\nSteps of job %s (each recorded before the next; a restart would go on behind the last one):\n\n", r.JobID); err != nil {
		return err
	}
	if err := printSteps(w.out, steps); err != nil {
		return err
	}
	return w.printf(`
Server ready after %d ms, answer after %d ms.

Next:
  steward serve                         start a server that stays; its docs are at http://127.0.0.1:8080/docs
  steward demo --file your.pdf          read a document of your own
  steward agents create --help          make an agent with your own schema
  OPENAI_API_KEY=… steward serve        use a language model (or ANTHROPIC_API_KEY, GEMINI_API_KEY, STEWARD_MODEL_BASE_URL, …)
`, ready.Milliseconds(), time.Since(d.started).Milliseconds())
}

// leaf is a single value of an answer.
type leaf struct{ path, text string }

// leavesOf lists the values of a JSON object in their written order, without the keys that are about the answer.
func leavesOf(text []byte) ([]leaf, error) {
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	var leaves []leaf
	err := walk(dec, "", &leaves)
	return leaves, err
}

// groupRows puts the values of one object in a list, such as a line item, together.
func groupRows(leaves []leaf) [][]leaf {
	var groups [][]leaf
	last := ""
	for _, l := range leaves {
		parent := l.path[:strings.LastIndexByte(l.path, '/')]
		_, err := strconv.Atoi(parent[strings.LastIndexByte(parent, '/')+1:])
		if err == nil && parent == last {
			groups[len(groups)-1] = append(groups[len(groups)-1], l)
			continue
		}
		groups = append(groups, []leaf{l})
		last = parent
	}
	return groups
}

func walk(dec *json.Decoder, path string, leaves *[]leaf) error {
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	open, isDelim := tok.(json.Delim)
	if !isDelim {
		text := fmt.Sprint(tok)
		if tok == nil {
			text = "(not in the document)"
		}
		*leaves = append(*leaves, leaf{path, text})
		return nil
	}
	for i := 0; dec.More(); i++ {
		child := fmt.Sprintf("%s/%d", path, i)
		skip := false
		if open == '{' {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			child = path + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(fmt.Sprint(key))
			skip = path == "" && (strings.HasPrefix(fmt.Sprint(key), "_") || key == "references" || key == "reference_details")
		}
		into := leaves
		if skip {
			into = new([]leaf)
		}
		if err := walk(dec, child, into); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

// evidenceFor returns the page and the quote for a value, or says that there is none.
func evidenceFor(sources []steward.Evidence, path string) (page, quote string) {
	for _, e := range sources {
		if e.Path != path {
			continue
		}
		if e.Unverified {
			return "-", "(not verified)"
		}
		return fmt.Sprint(e.Page), "“" + cut(e.Quote, 60) + "”"
	}
	return "-", "-"
}
