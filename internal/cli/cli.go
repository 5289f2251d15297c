// Package cli holds the commands of the steward program.
//
// A command is one file: an options struct, its flags, and a function that does the work with plain readers and writers.
// Results go to standard output, everything else to standard error. All but serve and demo speak to a server through the
// SDK.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/charmbracelet/fang"
	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// Exit codes.
const (
	exitOK        = 0
	exitError     = 1
	exitUsage     = 2
	exitJobFailed = 3 // the job ended, but not with success
	exitDenied    = 4 // the key is missing, wrong or lacks a scope
	exitNotFound  = 5
	exitSignal    = 130
)

const exitCodesHelp = `Exit codes: 0 done, 1 error, 2 wrong use, 3 the job ended without success, 4 key refused, 5 not found, 130 interrupted.`

// errJobFailed is what run and jobs watch return for a job that ended without success; it has been reported already.
var errJobFailed = errors.New("the job did not succeed")

// errUsage marks a wrong use of a command.
var errUsage = errors.New("wrong use")

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
}

// global holds the flags that every command has.
type global struct {
	streams
	server  string
	key     string
	data    string
	json    bool
	version string
}

// Run runs the program with arguments (without its name) and returns the exit code.
func Run(ctx context.Context, version string, args []string, in io.Reader, out, errw io.Writer) int {
	g := &global{streams: streams{in: in, out: out, err: errw, getenv: os.Getenv}, version: version}
	root := newRoot(g)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	err := fang.Execute(ctx, root, fang.WithVersion(version), fang.WithoutManpage(), fang.WithErrorHandler(showError))
	return exitCode(ctx, err)
}

func newRoot(g *global) *cobra.Command {
	root := &cobra.Command{
		Use:   "steward",
		Short: "Run AI agents as durable, audited jobs on your own hardware",
		Long: `Steward runs AI agents as durable, audited jobs on hardware that you own.

Try it:      steward demo
Start it:    steward serve
Speak to it: steward agents create … ; steward run AGENT --input text=…

Commands find a server by --server and --key, STEWARD_BASE_URL and STEWARD_API_KEY, or the credentials that a local server
left in its data folder.

` + exitCodesHelp,
		SilenceUsage: true,
	}
	f := root.PersistentFlags()
	f.StringVar(&g.server, "server", "", "address of the server (STEWARD_BASE_URL)")
	f.StringVar(&g.key, "key", "", "API key (STEWARD_API_KEY)")
	f.StringVar(&g.data, "data", "", "data folder of a local server (STEWARD_DATA; default steward-data)")
	f.BoolVar(&g.json, "json", false, "print results as JSON")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return errors.Join(errUsage, err) })
	root.AddCommand(newServe(g), newDemo(g), newRun(g), newAgents(g), newJobs(g), newKeys(g), newVersion(g))
	return root
}

// showError prints an error with what to try next.
func showError(w io.Writer, _ fang.Styles, err error) {
	if errors.Is(err, errJobFailed) {
		return
	}
	_, _ = fmt.Fprintf(w, "steward: %v\n", err) // nowhere else to complain
	if hint := hintFor(err); hint != "" {
		_, _ = fmt.Fprintf(w, "%s\n", hint)
	}
}

func hintFor(err error) string {
	var answered *client.Error
	switch {
	case errors.Is(err, client.ErrNoAPIKey):
		return "Is a server running on this machine? Start one with: steward serve"
	case errors.Is(err, errUsage):
		return "Try: steward --help"
	case steward.CodeOf(err) == steward.Unauthenticated:
		return "Check --key, STEWARD_API_KEY or the credentials.json in the data folder."
	case steward.CodeOf(err) == steward.Denied:
		return "Ask for a key with that scope: steward keys create --scope …"
	case errors.As(err, &answered) && answered.RequestID != "":
		return "Request id for the server's log: " + answered.RequestID
	}
	return ""
}

func exitCode(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errJobFailed):
		return exitJobFailed
	case errors.Is(err, errUsage):
		return exitUsage
	case ctx.Err() != nil:
		return exitSignal
	}
	switch steward.CodeOf(err) {
	case steward.Unauthenticated, steward.Denied:
		return exitDenied
	case steward.NotFound:
		return exitNotFound
	}
	if errors.Is(err, client.ErrNoAPIKey) {
		return exitDenied
	}
	return exitError
}

// client returns the SDK for the server that flags, environment or data folder name.
func (g *global) client() (*client.Client, error) {
	return client.New(&client.Options{APIKey: g.key, BaseURL: g.server, DataFolder: g.data, UserAgent: "steward-cli/" + g.version})
}

// printJSON writes v, indented.
func (g *global) printJSON(v any) error {
	enc := json.NewEncoder(g.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printf writes to standard output.
func (g *global) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(g.out, format, args...)
	return err
}

// exactly asks for n arguments and says which when there are others.
func exactly(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return fmt.Errorf("%w: expected %d arguments %v, got %d", errUsage, len(names), names, len(args))
		}
		return nil
	}
}
