package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func newAgents(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "agents", Short: "Create, list and show agents"}
	cmd.AddCommand(newAgentsCreate(g), newAgentsList(g), newAgentsGet(g), newAgentsEngines(g), newAgentsModels(g))
	return cmd
}

// agentsCreate are the options of agents create.
type agentsCreate struct {
	name, engine, config, schema, instructions, description string
	inputs                                                  []string
}

func newAgentsCreate(g *global) *cobra.Command {
	var o agentsCreate
	cmd := &cobra.Command{
		Use:   "create --name NAME --engine ENGINE",
		Short: "Create an agent with its first version",
		Example: `  steward agents create --name invoices --engine PDFExtractionEngine \
      --instructions "Extract the invoice." --schema @invoice.schema.json
  steward agents create --name tickets --engine MultimodalExtractionEngine --schema @ticket.json --input text:text/plain`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return runAgentsCreate(cmd.Context(), g, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "name, unique in the organization")
	f.StringVar(&o.engine, "engine", "", "engine class id; see: steward agents engines")
	f.StringVar(&o.config, "config", "", "engine configuration as JSON, or @file")
	f.StringVar(&o.schema, "schema", "", "output_schema as JSON, or @file")
	f.StringVar(&o.instructions, "instructions", "", "what to extract")
	f.StringVar(&o.description, "description", "", "for people")
	f.StringArrayVar(&o.inputs, "input", nil, "input definition key:data_type (repeatable); default: the engine's own")
	return cmd
}

func runAgentsCreate(ctx context.Context, g *global, o agentsCreate) error {
	if o.name == "" || o.engine == "" {
		return fmt.Errorf("%w: --name and --engine are needed", errUsage)
	}
	config := map[string]json.RawMessage{}
	if o.config != "" {
		text, err := textOrFile(o.config)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &config); err != nil {
			return fmt.Errorf("%w: --config is not a JSON object: %w", errUsage, err)
		}
	}
	if o.schema != "" {
		text, err := textOrFile(o.schema)
		if err != nil {
			return err
		}
		if !json.Valid(text) {
			return fmt.Errorf("%w: --schema is not JSON", errUsage)
		}
		config["output_schema"] = text
	}
	if o.instructions != "" {
		text, err := json.Marshal(o.instructions)
		if err != nil {
			return err
		}
		config["instructions"] = text
		if o.engine == "MultimodalExtractionEngine" {
			delete(config, "instructions")
			config["instruction"] = text
		}
	}
	p := client.AgentCreate{Name: o.name, EngineClassID: o.engine, EngineConfig: config, Description: o.description}
	for _, in := range o.inputs {
		key, dataType, ok := strings.Cut(in, ":")
		if !ok {
			return fmt.Errorf("%w: --input %q is not key:data_type", errUsage, in)
		}
		p.InputDefinitions = append(p.InputDefinitions, steward.InputDefinition{Key: key, DataType: dataType, Description: key})
	}
	c, err := g.client()
	if err != nil {
		return err
	}
	a, err := c.CreateAgent(ctx, p)
	if err != nil {
		return err
	}
	if g.json {
		return g.printJSON(a)
	}
	return g.printf("%s\n", a.ID)
}

// textOrFile returns s, or the content of the file behind "@".
func textOrFile(s string) ([]byte, error) {
	path, ok := strings.CutPrefix(s, "@")
	if !ok {
		return []byte(s), nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the caller names the file
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	return text, nil
}

func newAgentsList(g *global) *cobra.Command {
	var o client.AgentList
	cmd := &cobra.Command{
		Use: "list", Short: "List agents, newest first", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return runAgentsList(cmd.Context(), g, o) },
	}
	cmd.Flags().StringVar(&o.Search, "search", "", "part of a name, engine or id")
	cmd.Flags().StringVar(&o.Ordering, "order", "", "name, created_at, updated_at or engine_class_id; '-' in front for descending")
	return cmd
}

func runAgentsList(ctx context.Context, g *global, o client.AgentList) error {
	c, err := g.client()
	if err != nil {
		return err
	}
	o.PageSize = 100
	list := []*steward.Agent{}
	for a, err := range c.Agents(ctx, o) {
		if err != nil {
			return err
		}
		list = append(list, a)
	}
	if g.json {
		return g.printJSON(list)
	}
	return table(g.out, "ID\tNAME\tENGINE\tJOBS\tUPDATED", func(row func(...any)) {
		for _, a := range list {
			jobs := "-"
			if a.JobCount != nil {
				jobs = fmt.Sprint(*a.JobCount)
			}
			row(a.ID, a.Name, a.EngineClassID, jobs, a.UpdatedAt.Format("2006-01-02 15:04"))
		}
	})
}

// table prints aligned columns.
func table(w io.Writer, head string, fill func(row func(...any))) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	_, err := fmt.Fprintln(tw, head)
	fill(func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				_, err = fmt.Fprint(tw, "\t")
			}
			_, err = fmt.Fprint(tw, c)
		}
		_, err = fmt.Fprintln(tw)
	})
	return errors.Join(err, tw.Flush())
}

func newAgentsGet(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "get AGENT", Short: "Show an agent with its current version", Args: exactly("AGENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.client()
			if err != nil {
				return err
			}
			id, err := findAgent(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			v, err := c.AgentVersion(cmd.Context(), id, "")
			if err != nil {
				return err
			}
			return g.printJSON(v)
		},
	}
}

// findAgent returns the agent that an id or an exact name stands for.
func findAgent(ctx context.Context, c *client.Client, s string) (steward.AgentID, error) {
	if id, err := steward.ParseID[steward.AgentID]("agent", s); err == nil {
		return id, nil
	}
	for a, err := range c.Agents(ctx, client.AgentList{Name: s, PageSize: 100}) {
		if err != nil {
			return "", err
		}
		if a.Name == s {
			return a.ID, nil
		}
	}
	return "", &steward.Error{Code: steward.NotFound, Message: fmt.Sprintf("no agent has the id or name %q", s)}
}

func newAgentsEngines(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "engines", Short: "List the engines that agents can have", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := g.client()
			if err != nil {
				return err
			}
			types, err := c.EngineTypes(cmd.Context())
			if err != nil {
				return err
			}
			if g.json {
				return g.printJSON(types)
			}
			return table(g.out, "ENGINE\tNAME\tWHAT IT DOES", func(row func(...any)) {
				for _, t := range types {
					row(t.ClassID, t.DisplayName, t.Summary)
				}
			})
		},
	}
}

func newAgentsModels(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "models", Short: "List the language models that agents can name", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := g.client()
			if err != nil {
				return err
			}
			models, err := c.Models(cmd.Context(), "")
			if err != nil {
				return err
			}
			if g.json {
				return g.printJSON(models)
			}
			return table(g.out, "MODEL\tPROVIDERS\tREADY\tDEFAULT", func(row func(...any)) {
				for _, m := range models {
					row(m.ID, strings.Join(m.Providers, ","), mark(m.Configured), mark(m.Default))
				}
			})
		},
	}
}

func mark(b bool) string {
	if b {
		return "yes"
	}
	return ""
}
