// Package cli holds the commands of the steward program.
//
// A command is one file: an options struct, its flags, and a function that does the work with plain readers and writers.
// Results go to standard output, everything else to standard error. All but serve, demo and the maintenance of a data folder
// (backup, restore, verify, doctor) speak to a server through the SDK.
package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/charmbracelet/fang"
	"github.com/spf13/cobra"

	"github.com/stewardhq/steward/client"
)

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

	base string // address of the server that was spoken to, for advice
}

// Run runs the program with arguments (without its name) and returns the exit code.
func Run(ctx context.Context, version string, args []string, in io.Reader, out, errw io.Writer) int {
	g := &global{streams: streams{in: in, out: out, err: errw, getenv: os.Getenv}, version: version}
	root := newRoot(g)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	show := func(w io.Writer, _ fang.Styles, err error) { g.showError(w, commandOf(root, args), err) }
	err := fang.Execute(ctx, root, fang.WithVersion(version), fang.WithoutManpage(), fang.WithErrorHandler(show))
	return exitCode(ctx, err)
}

// commandOf returns the command that arguments name, as a user types it.
func commandOf(root *cobra.Command, args []string) string {
	cmd, _, err := root.Find(args)
	if err != nil || cmd == nil {
		cmd = root
	}
	return cmd.CommandPath()
}

// Help wraps paragraphs itself, so each is one line here.
const rootHelp = `Steward runs AI agents as durable, audited jobs on hardware that you own.

Try it:      steward demo
Start it:    steward serve
Speak to it: steward agents create …, then steward run AGENT --input text=…

Commands find a server by --server and --key, by STEWARD_BASE_URL and STEWARD_API_KEY, or by the credentials that a local server left in its data folder.

` + exitCodesHelp

func newRoot(g *global) *cobra.Command {
	root := &cobra.Command{
		Use:   "steward",
		Short: "Run AI agents as durable, audited jobs on your own hardware",
		Long:  rootHelp,
	}
	f := root.PersistentFlags()
	f.StringVar(&g.server, "server", "", "Address of the server (or STEWARD_BASE_URL)")
	f.StringVar(&g.key, "key", "", "The API key (or STEWARD_API_KEY)")
	f.StringVar(&g.data, "data", "", "Data folder of a local server (or STEWARD_DATA; default steward-data)")
	f.BoolVar(&g.json, "json", false, "Print results as JSON")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddCommand(newServe(g), newDemo(g), newRun(g), newAgents(g), newVersions(g), newApply(g), newExport(g),
		newJobs(g), newBatches(g), newFiles(g), newWebhooks(g), newModels(g), newUsage(g), newKeys(g), newBackup(g),
		newRestore(g), newVerify(g), newDoctor(g), newVersion(g))
	asGroup(root)
	return root
}

// named is a command as a user types it behind the program's name.
func named(cmd *cobra.Command) string {
	_, path, _ := strings.Cut(cmd.CommandPath(), " ")
	return path
}

// asGroup makes a command of others show its help, and refuse a command that it does not have.
func asGroup(cmd *cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		text := "there is no command " + strings.TrimSpace(named(cmd)+" "+args[0])
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			text += "; did you mean " + strings.TrimSpace(named(cmd)+" "+strings.Join(near, " or ")) + "?"
		}
		return usagef("%s", text)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.SuggestionsMinimumDistance = 2
	return cmd
}

// without takes flags away that every command has but that say nothing to this one: they are not shown, and refused.
func without(cmd *cobra.Command, names ...string) *cobra.Command {
	for _, name := range names {
		if name == "json" {
			cmd.Flags().Bool(name, false, "")
		} else {
			cmd.Flags().String(name, "", "")
		}
		cmd.Flags().Lookup(name).Hidden = true
	}
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		for _, name := range names {
			if cmd.Flags().Changed(name) {
				return usagef("%s does not take --%s", named(cmd), name)
			}
		}
		return nil
	}
	return cmd
}

// exactly asks for one argument for each name and says which when there are others.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) > len(names):
			return usagef("%s does not take the argument %q", named(cmd), args[len(names)])
		case len(args) < len(names):
			return usagef("%s needs %s", named(cmd), strings.Join(names[len(args):], " and "))
		}
		return nil
	}
}

// atMost asks for the first needed of the named arguments, and takes no others.
func atMost(needed int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < needed {
			return exactly(names[:needed]...)(cmd, args)
		}
		if len(args) > len(names) {
			return exactly(names...)(cmd, args)
		}
		return nil
	}
}

// atLeastOne asks for one argument or more.
func atLeastOne(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("%s needs %s", named(cmd), name)
		}
		return nil
	}
}

// client returns the SDK for the server that flags, environment or data folder name.
func (g *global) client() (*client.Client, error) {
	c, err := client.New(&client.Options{APIKey: g.key, BaseURL: g.server, DataFolder: g.data, UserAgent: "steward-cli/" + g.version})
	if err != nil {
		return nil, err
	}
	g.base = c.BaseURL()
	return c, nil
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

// notef writes a line for people to standard error. With --json there is nobody to read it.
func (g *global) notef(format string, args ...any) error {
	if g.json {
		return nil
	}
	_, err := fmt.Fprintf(g.err, format+"\n", args...)
	return err
}
