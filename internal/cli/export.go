package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/cli/manifest"
)

func newExport(g *global) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "export [AGENT...]", Short: "Write agents as YAML that apply takes",
		Long: `Write agents as YAML that apply takes, without a change. Without AGENT, all agents of the organization, in the order of their names.

With -o FILE they are the documents of one file, with -o FOLDER/ (a folder that is there, or a name with a slash behind it) each has a file of its own.`,
		Example: `steward export invoices > invoices.yaml
steward export -o agents/`,
		RunE: func(cmd *cobra.Command, args []string) error { return runExport(cmd.Context(), g, args, to) },
	}
	cmd.Flags().StringVarP(&to, "output", "o", "", "File or folder to write (default: standard output)")
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, part string) ([]string, cobra.ShellCompDirective) {
		return g.propose(cmd.Context(), (*completer).agents, args, part)
	}
	return without(cmd, "json")
}

func runExport(ctx context.Context, g *global, names []string, to string) error {
	c, err := g.client()
	if err != nil {
		return err
	}
	ids, err := findAgents(ctx, c, names)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		for a, err := range c.Agents(ctx, client.AgentList{PageSize: largestPage, Ordering: "name", WithoutJobStats: true}) {
			if err != nil {
				return err
			}
			ids = append(ids, a.ID)
		}
	}
	documents, err := describeAgents(ctx, c, ids)
	if err != nil {
		return err
	}
	info, err := os.Stat(to)
	isFolder := strings.HasSuffix(to, "/") || (to != "" && err == nil && info.IsDir())
	if isFolder {
		return exportFolder(g, documents, to)
	}
	return g.save(to, func(w io.Writer) error {
		var err error
		for i, d := range documents {
			if i > 0 {
				_, err = io.WriteString(w, "---\n")
			}
			if err == nil {
				_, err = w.Write(d.text)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// document is an agent in YAML.
type document struct {
	name string
	text []byte
}

func describeAgents(ctx context.Context, c *client.Client, ids []steward.AgentID) ([]document, error) {
	var list []document
	for _, id := range ids {
		v, err := c.AgentVersion(ctx, id, "")
		if err != nil {
			return nil, err
		}
		text, err := manifest.Write(manifest.Of(v))
		if err != nil {
			return nil, fmt.Errorf("agent %s: %w", id, err)
		}
		list = append(list, document{v.BaseAgent.Name, text})
	}
	return list, nil
}

// exportFolder writes each document to a file that is called like its agent, as far as file systems take that.
func exportFolder(g *global, documents []document, folder string) error {
	used := map[string]bool{}
	var errs error
	for _, d := range documents {
		name := fileName(d.name)
		for n := 2; used[strings.ToLower(name)]; n++ {
			name = fmt.Sprintf("%s-%d", fileName(d.name), n)
		}
		used[strings.ToLower(name)] = true
		path := filepath.Join(folder, name+".yaml")
		err := writeBelow(path, func(w io.Writer) error {
			_, err := w.Write(d.text)
			return err
		})
		if err == nil {
			err = g.printf("%s\n", path)
		}
		errs = errors.Join(errs, err)
	}
	return errs
}

// fileName makes a name of a file from any text: letters, digits, '.', '_' and '-', not a dot in front, 100 bytes at most.
func fileName(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '.' && b.Len() > 0:
			b.WriteRune(r)
		default:
			if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
				b.WriteByte('-')
			}
		}
		if b.Len() >= 100 {
			break
		}
	}
	if name := strings.Trim(b.String(), "-"); name != "" {
		return name
	}
	return "agent"
}
