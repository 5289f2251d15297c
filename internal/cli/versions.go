package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func newVersions(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "versions", Short: "List, show, create and change the versions of agents"}
	cmd.AddCommand(newVersionsList(g), newVersionsGet(g), newVersionsCreate(g), newVersionsUpdate(g), newVersionsDelete(g))
	return asGroup(cmd)
}

func newVersionsList(g *global) *cobra.Command {
	return agentCommand(g, "list AGENT", "List an agent's versions, newest first", func(ctx context.Context, c *client.Client, id steward.AgentID) error {
		list, err := c.ListVersions(ctx, id)
		if err != nil {
			return err
		}
		if g.json {
			return g.printJSON(notNil(list))
		}
		return table(g.out, "ID\tVERSION\tCREATED\tCURRENT\tDESCRIPTION", func(row func(...any)) {
			for _, v := range list {
				row(v.ID, v.VersionName, minute(v.CreatedAt), mark(v.ID == v.BaseAgent.CurrentVersionID), cut(v.Description, 60))
			}
		})
	})
}

// versionCommand is a command about one version.
func versionCommand(g *global, use, short string, run func(*cobra.Command, *client.Client, steward.AgentID, steward.VersionID) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use + " AGENT VERSION", Short: short, Args: exactly("AGENT", "VERSION"),
		Long: short + `. VERSION is an id, a name that only one version has, or "current".`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, agent, err := g.agent(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			version, err := findVersion(cmd.Context(), c, agent, args[1])
			if err != nil {
				return err
			}
			return run(cmd, c, agent, version)
		},
	}
	g.completeArgs(cmd, (*completer).agents, (*completer).versions)
	return cmd
}

// findVersion returns the version of an agent that an id or a name stands for; "" for "current".
func findVersion(ctx context.Context, c *client.Client, agent steward.AgentID, s string) (steward.VersionID, error) {
	if s == "current" {
		return "", nil
	}
	if id, err := steward.ParseID[steward.VersionID]("version", s); err == nil {
		return id, nil
	}
	list, err := c.ListVersions(ctx, agent)
	if err != nil {
		return "", err
	}
	var found []steward.VersionID
	for _, v := range list {
		if v.VersionName == s {
			found = append(found, v.ID)
		}
	}
	switch len(found) {
	case 0:
		return "", unknown("version of the agent", s, "steward versions list "+string(agent))
	case 1:
		return found[0], nil
	}
	return "", usagef("%d versions of the agent are called %q; name one by its id: steward versions list %s", len(found), s, agent)
}

func newVersionsGet(g *global) *cobra.Command {
	return versionCommand(g, "get", "Show a version, as JSON", func(cmd *cobra.Command, c *client.Client, agent steward.AgentID, version steward.VersionID) error {
		v, err := c.AgentVersion(cmd.Context(), agent, version)
		if err != nil {
			return err
		}
		return g.printJSON(v)
	})
}

// versionsCreate are the options of versions create.
type versionsCreate struct {
	agentsCreate // what a version is made of, by the same flags
	versionName  string
	noInputs     bool
}

func newVersionsCreate(g *global) *cobra.Command {
	var o versionsCreate
	cmd := &cobra.Command{
		Use: "create AGENT", Short: "Create a version of an agent, which becomes the current one, and print its id", Args: exactly("AGENT"),
		Long: `Create a version of an agent, which becomes the current one, and print its id. Jobs that were started before stay with theirs.

What is not given is taken over from the current version. --schema, --instructions and --model change these keys of its configuration; --config replaces the configuration as a whole.`,
		Example: `steward versions create invoices --instructions "Extract the invoice. Amounts are in euros."
steward versions create invoices --config @config.json --version-name "2026-01"`,
		RunE: func(cmd *cobra.Command, args []string) error { return runVersionsCreate(cmd.Context(), g, args[0], o) },
	}
	o.contentFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.versionName, "version-name", "", "Name of the version (default: the server's choice)")
	f.BoolVar(&o.noInputs, "no-inputs", false, "The version takes no inputs, unless its configuration needs them")
	g.completeArgs(cmd, (*completer).agents)
	return cmd
}

func runVersionsCreate(ctx context.Context, g *global, agent string, o versionsCreate) error {
	if o.noInputs && len(o.inputs) > 0 {
		return usagef("--input and --no-inputs exclude each other")
	}
	if _, err := o.engineConfig("", nil); err != nil {
		return err // before a server is asked
	}
	inputs, err := o.definitions()
	if err != nil {
		return err
	}
	c, id, err := g.agent(ctx, agent)
	if err != nil {
		return err
	}
	p := client.VersionCreate{VersionName: o.versionName, Description: o.description, InputDefinitions: inputs}
	if o.noInputs {
		p.InputDefinitions = []steward.InputDefinition{}
	}
	if p.EngineConfig, err = o.changedConfig(ctx, c, id); err != nil {
		return err
	}
	v, err := c.CreateVersion(ctx, id, p)
	if err != nil {
		return err
	}
	if g.json {
		return g.printJSON(v)
	}
	if o.noInputs && len(v.InputDefinitions) > 0 {
		if err := g.notef("The configuration needs inputs, so the version keeps those of the one before."); err != nil {
			return err
		}
	}
	return g.printf("%s\n", v.ID)
}

// changedConfig returns the configuration of the new version; nil when it is the current one's.
func (o *versionsCreate) changedConfig(ctx context.Context, c *client.Client, agent steward.AgentID) (any, error) {
	if o.config == "" && o.schema == "" && o.instructions == "" && o.model == "" {
		return nil, nil
	}
	now, err := c.AgentVersion(ctx, agent, "")
	if err != nil {
		return nil, err
	}
	config := map[string]json.RawMessage{}
	if o.config == "" && len(now.EngineConfig) > 0 {
		if err := json.Unmarshal(now.EngineConfig, &config); err != nil {
			return nil, fmt.Errorf("read the current configuration: %w", err)
		}
	}
	return o.engineConfig(now.EngineClassID, config)
}

func newVersionsUpdate(g *global) *cobra.Command {
	var name, description string
	cmd := versionCommand(g, "update", "Change the name or the description of a version",
		func(cmd *cobra.Command, c *client.Client, agent steward.AgentID, version steward.VersionID) error {
			u := client.VersionUpdate{VersionName: optional(cmd, "version-name", name), Description: optional(cmd, "description", description)}
			if u == (client.VersionUpdate{}) {
				return usagef("nothing to change: give --version-name or --description")
			}
			if version == "" {
				now, err := c.AgentVersion(cmd.Context(), agent, "")
				if err != nil {
					return err
				}
				version = now.ID
			}
			if err := c.UpdateVersion(cmd.Context(), agent, version, u); err != nil {
				return err
			}
			return g.notef("Version %s is changed.", version)
		})
	cmd.Flags().StringVar(&name, "version-name", "", "New name")
	cmd.Flags().StringVar(&description, "description", "", "New description")
	return without(cmd, "json")
}

func newVersionsDelete(g *global) *cobra.Command {
	return without(versionCommand(g, "delete", "Delete a version that is not the current one; its jobs can still be read",
		func(cmd *cobra.Command, c *client.Client, agent steward.AgentID, version steward.VersionID) error {
			if version == "" {
				return usagef("the current version cannot be deleted: make another one first, with steward versions create")
			}
			if err := c.DeleteVersion(cmd.Context(), agent, version); err != nil {
				return err
			}
			return g.notef("Version %s is deleted.", version)
		}), "json")
}
