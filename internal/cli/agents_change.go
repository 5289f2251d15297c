package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// agentCommand is a command about one agent.
func agentCommand(g *global, use, short string, run func(context.Context, *client.Client, steward.AgentID) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: exactly("AGENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := g.agent(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return run(cmd.Context(), c, id)
		},
	}
	g.completeArgs(cmd, (*completer).agents)
	return cmd
}

// agent returns the SDK and the agent that an argument names.
func (g *global) agent(ctx context.Context, s string) (*client.Client, steward.AgentID, error) {
	c, err := g.client()
	if err != nil {
		return nil, "", err
	}
	id, err := findAgent(ctx, c, s)
	return c, id, err
}

// agentsUpdate are the options of agents update.
type agentsUpdate struct {
	name                          string
	disableCache, cacheFailedJobs bool
	tags                          []string
}

func newAgentsUpdate(g *global) *cobra.Command {
	var o agentsUpdate
	cmd := &cobra.Command{
		Use: "update AGENT", Short: "Change an agent's name, flags or tags", Args: exactly("AGENT"),
		Long: "Change an agent's name, flags or tags. What it does is changed by a new version: steward versions create AGENT",
		Example: `steward agents update invoices --name 'invoices 2026'
steward agents update invoices --disable-cache=false --tag finance --tag prod
steward agents update invoices --tag ''   # takes all tags off`,
		RunE: func(cmd *cobra.Command, args []string) error { return runAgentsUpdate(cmd, g, args[0], o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "New name")
	f.BoolVar(&o.disableCache, "disable-cache", false, "Never answer from an earlier equal run")
	f.BoolVar(&o.cacheFailedJobs, "cache-failed-jobs", false, "Answer from earlier failures too")
	f.StringSliceVar(&o.tags, "tag", nil, "These tags and no others, by name or id, repeatable; '' for none")
	g.completeArgs(cmd, (*completer).agents)
	g.completeFlag(cmd, "tag", (*completer).tags)
	return cmd
}

func runAgentsUpdate(cmd *cobra.Command, g *global, agent string, o agentsUpdate) error {
	u := client.AgentUpdate{
		Name: optional(cmd, "name", o.name), DisableCache: optional(cmd, "disable-cache", o.disableCache),
		CacheFailedJobs: optional(cmd, "cache-failed-jobs", o.cacheFailedJobs),
	}
	retag := cmd.Flags().Changed("tag")
	if u == (client.AgentUpdate{}) && !retag {
		return usagef("nothing to change: give --name, --disable-cache, --cache-failed-jobs or --tag")
	}
	ctx := cmd.Context()
	c, id, err := g.agent(ctx, agent)
	if err != nil {
		return err
	}
	a := (*steward.Agent)(nil)
	if u != (client.AgentUpdate{}) {
		if a, err = c.UpdateAgent(ctx, id, u); err != nil {
			return err
		}
	}
	if retag {
		tags, err := findTags(ctx, c, o.tags)
		if err != nil {
			return err
		}
		if a, err = c.SetAgentTags(ctx, id, idsOf(tags)...); err != nil {
			return err
		}
	}
	if g.json {
		return g.printJSON(a)
	}
	return g.notef("Agent %s (%s) is changed.", quoted(a.Name), a.ID)
}

func newAgentsDelete(g *global) *cobra.Command {
	cmd := agentCommand(g, "delete AGENT", "Delete an agent with its versions and jobs", func(ctx context.Context, c *client.Client, id steward.AgentID) error {
		if err := c.DeleteAgent(ctx, id); err != nil {
			return err
		}
		return g.notef("Agent %s is deleted. Its open jobs are cancelled, and the data of all its jobs is being deleted.", id)
	})
	cmd.Long = "Delete an agent with its versions and jobs. Open jobs are cancelled; none of its jobs can be read any more, and their data is deleted. This cannot be undone."
	return without(cmd, "json")
}

func newAgentsDuplicate(g *global) *cobra.Command {
	var name string
	cmd := agentCommand(g, "duplicate AGENT", "Make a copy of an agent with its current version, and print its id", func(ctx context.Context, c *client.Client, id steward.AgentID) error {
		v, err := c.DuplicateAgent(ctx, id)
		if err != nil {
			return err
		}
		a := &v.BaseAgent
		if name != "" {
			copied := a.ID
			if a, err = c.UpdateAgent(ctx, copied, client.AgentUpdate{Name: &name}); err != nil {
				return errors.Join(err, c.DeleteAgent(context.WithoutCancel(ctx), copied)) // all or nothing
			}
		}
		if g.json {
			return g.printJSON(a)
		}
		if err := g.notef("The copy is called %s.", quoted(a.Name)); err != nil {
			return err
		}
		return g.printf("%s\n", a.ID)
	})
	cmd.Flags().StringVar(&name, "name", "", "Name of the copy (default: the agent's, with \"(copy)\" behind it)")
	return cmd
}
