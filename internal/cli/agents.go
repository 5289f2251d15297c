package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func newAgents(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "agents", Short: "Create, list and show agents"}
	cmd.AddCommand(newAgentsCreate(g), newAgentsList(g), newAgentsGet(g), newAgentsEngines(g), newAgentsModels(g))
	return asGroup(cmd)
}

// agentsCreate are the options of agents create.
type agentsCreate struct {
	name, engine, config, schema, instructions, model, description string
	inputs                                                         []string
}

func newAgentsCreate(g *global) *cobra.Command {
	var o agentsCreate
	cmd := &cobra.Command{
		Use:   "create --name NAME --engine ENGINE",
		Short: "Create an agent with its first version, and print its id",
		Long: `Create an agent with its first version, and print its id.

What most agents need of the engine's configuration has flags of its own: schema, instructions, model. The flag config holds any other keys. All of them are described by:

  steward agents engines --json`,
		Example: `steward agents create --name invoices \
  --engine PDFExtractionEngine \
  --instructions "Extract the invoice." --schema @schema.json
steward agents create --name tickets \
  --engine MultimodalExtractionEngine --schema @schema.json \
  --config '{"text": "${text}"}' --input text:text/plain`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return runAgentsCreate(cmd.Context(), g, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "Name, unique in the organization (needed)")
	f.StringVar(&o.engine, "engine", "", "Kind of work, as steward agents engines lists them (needed)")
	f.StringVar(&o.config, "config", "", "Engine configuration: a JSON object, or @file")
	f.StringVar(&o.schema, "schema", "", "The JSON Schema of the answer, or @file")
	f.StringVar(&o.instructions, "instructions", "", "What to do, in words")
	f.StringVar(&o.model, "model", "", "Language model, as steward agents models lists them (default: the server's)")
	f.StringVar(&o.description, "description", "", "What the agent is for, for people")
	f.StringArrayVar(&o.inputs, "input", nil, "Input that runs take, as key:data_type, repeatable (default: the engine's own)")
	return cmd
}

func runAgentsCreate(ctx context.Context, g *global, o agentsCreate) error {
	p, err := o.params()
	if err != nil {
		return err
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
	if err := g.printf("%s\n", a.ID); err != nil {
		return err
	}
	return g.notef("Run it: steward run %s --input KEY=VALUE (its inputs: steward agents get %s)", quoted(a.Name), quoted(a.Name))
}

// quoted is a name as a shell takes it.
func quoted(name string) string {
	name = plain(name)
	if strings.ContainsAny(name, " \t'\"\\$`!*?[](){}<>|&;~#") {
		return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	}
	return name
}

// params makes the call of the options.
func (o *agentsCreate) params() (p client.AgentCreate, err error) {
	if o.name == "" || o.engine == "" {
		return p, usagef("--name and --engine are needed")
	}
	p = client.AgentCreate{Name: o.name, EngineClassID: o.engine, Description: o.description}
	if p.EngineConfig, err = o.engineConfig(); err != nil {
		return p, err
	}
	for _, in := range o.inputs {
		key, dataType, ok := strings.Cut(in, ":")
		if !ok || key == "" || dataType == "" {
			return p, usagef("--input %q is not key:data_type, such as text:text/plain", in)
		}
		p.InputDefinitions = append(p.InputDefinitions, steward.InputDefinition{Key: key, DataType: dataType, Description: key})
	}
	return p, nil
}

// engineConfig joins --config with the flags that are short for one of its keys.
func (o *agentsCreate) engineConfig() (map[string]json.RawMessage, error) {
	config := map[string]json.RawMessage{}
	if o.config != "" {
		text, err := textOrFile("config", o.config)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &config); err != nil || config == nil {
			return nil, usagef("--config is not a JSON object")
		}
	}
	if o.schema != "" {
		text, err := textOrFile("schema", o.schema)
		if err != nil {
			return nil, err
		}
		if !json.Valid(text) {
			return nil, usagef("--schema is not JSON")
		}
		config["output_schema"] = text
	}
	instructions := "instructions"
	if o.engine == "MultimodalExtractionEngine" {
		instructions = "instruction"
	}
	for key, value := range map[string]string{instructions: o.instructions, "model": o.model} {
		if value == "" {
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", key, err)
		}
		config[key] = text
	}
	return config, nil
}

// textOrFile returns a flag's value, or the content of the file behind "@".
func textOrFile(flag, s string) ([]byte, error) {
	path, ok := strings.CutPrefix(s, "@")
	if !ok {
		return []byte(s), nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the caller names the file
	if err != nil {
		return nil, usagef("--%s: %w", flag, err)
	}
	return text, nil
}

func newAgentsList(g *global) *cobra.Command {
	var o client.AgentList
	cmd := &cobra.Command{
		Use: "list", Short: "List agents, newest first", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return runAgentsList(cmd.Context(), g, o) },
	}
	cmd.Flags().StringVar(&o.Search, "search", "", "Only those with this text in their name, engine or id")
	cmd.Flags().StringVar(&o.Ordering, "order", "", "Order by name, created_at, updated_at or engine_class_id; '-' in front turns it round")
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
			row(a.ID, a.Name, a.EngineClassID, jobs, minute(a.UpdatedAt))
		}
	})
}

func newAgentsGet(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "get AGENT", Short: "Show an agent with its current version, as JSON",
		Long: "Show an agent with its current version, as JSON: its inputs, its engine's configuration, and what the server warns about. AGENT is an id or a name.",
		Args: exactly("AGENT"),
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
		Use: "engines", Short: "List the engines that agents can have; with --json also their configuration", Args: exactly(),
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
	var ready bool
	cmd := &cobra.Command{
		Use: "models", Short: "List the language models that agents can name", Args: exactly(),
		Long: "List the language models that agents can name. READY says that this server has a provider for the model.",
		RunE: func(cmd *cobra.Command, _ []string) error { return runAgentsModels(cmd.Context(), g, ready) },
	}
	cmd.Flags().BoolVar(&ready, "ready", false, "Only those that this server has a provider for")
	return cmd
}

func runAgentsModels(ctx context.Context, g *global, ready bool) error {
	c, err := g.client()
	if err != nil {
		return err
	}
	all, err := c.Models(ctx, "")
	if err != nil {
		return err
	}
	models := []steward.LanguageModel{}
	for _, m := range all {
		if m.Configured || !ready {
			models = append(models, m)
		}
	}
	if g.json {
		return g.printJSON(models)
	}
	return table(g.out, "MODEL\tPROVIDERS\tREADY\tDEFAULT", func(row func(...any)) {
		for _, m := range models {
			row(m.ID, strings.Join(m.Providers, ","), mark(m.Configured), mark(m.Default))
		}
	})
}
