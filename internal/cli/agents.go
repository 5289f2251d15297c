package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func newAgents(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "agents", Short: "Create, list, show, change and delete agents"}
	cmd.AddCommand(newAgentsCreate(g), newAgentsList(g), newAgentsGet(g), newAgentsUpdate(g), newAgentsDelete(g), newAgentsDuplicate(g),
		newTags(g), newAgentsEngines(g), newAgentsModels(g))
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
	o.contentFlags(cmd)
	g.completeFlag(cmd, "engine", (*completer).engines)
	return cmd
}

// contentFlags adds the flags of what a version is made of.
func (o *agentsCreate) contentFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.config, "config", "", "Engine configuration: a JSON object, or @file")
	f.StringVar(&o.schema, "schema", "", "The JSON Schema of the answer, or @file")
	f.StringVar(&o.instructions, "instructions", "", "What to do, in words")
	f.StringVar(&o.model, "model", "", "Language model, as steward models list shows them (default: the server's)")
	f.StringVar(&o.description, "description", "", "What the agent is for, for people")
	f.StringArrayVar(&o.inputs, "input", nil, "Input that runs take, as key:data_type, repeatable (default: the engine's own)")
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
	if p.EngineConfig, err = o.engineConfig(o.engine, nil); err != nil {
		return p, err
	}
	p.InputDefinitions, err = o.definitions()
	return p, err
}

// definitions reads --input; nil when there is none.
func (o *agentsCreate) definitions() (list []steward.InputDefinition, err error) {
	for _, in := range o.inputs {
		key, dataType, ok := strings.Cut(in, ":")
		if !ok || key == "" || dataType == "" {
			return nil, usagef("--input %q is not key:data_type, such as text:text/plain", in)
		}
		list = append(list, steward.InputDefinition{Key: key, DataType: dataType, Description: key})
	}
	return list, nil
}

// engineConfig joins --config with the flags that are short for one of an engine's keys, over what base says.
func (o *agentsCreate) engineConfig(engine string, base map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	config := map[string]json.RawMessage{}
	maps.Copy(config, base)
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
	if engine == "MultimodalExtractionEngine" {
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

func newAgentsGet(g *global) *cobra.Command {
	cmd := agentCommand(g, "get AGENT", "Show an agent with its current version, as JSON", func(ctx context.Context, c *client.Client, id steward.AgentID) error {
		v, err := c.AgentVersion(ctx, id, "")
		if err != nil {
			return err
		}
		return g.printJSON(v)
	})
	cmd.Long = "Show an agent with its current version, as JSON: its inputs, its engine's configuration, and what the server warns about. AGENT is an id or a name."
	return cmd
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
