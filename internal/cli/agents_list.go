package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// agentsList are the options of agents list.
type agentsList struct {
	client.AgentList
	tags                                     []string
	creators                                 []int64
	minJobs, maxJobs                         int64
	createdFrom, createdTo                   timeFlag
	updatedFrom, updatedTo, lastFrom, lastTo timeFlag
	limit                                    int
	quick                                    bool
}

func newAgentsList(g *global) *cobra.Command {
	var o agentsList
	cmd := &cobra.Command{
		Use: "list", Short: "List agents, newest first", Args: exactly(),
		Long: "List agents, newest first. Filters combine with AND, the values of one filter with OR.",
		Example: `steward agents list --engine PDFExtractionEngine --order -job_count
steward agents list --tag finance --untagged --updated-from 7d --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.JobCountMin, o.JobCountMax = optional(cmd, "min-jobs", o.minJobs), optional(cmd, "max-jobs", o.maxJobs)
			return runAgentsList(cmd.Context(), g, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Search, "search", "", "Only those with this text in their name, engine, creator, a tag or an id")
	f.StringVar(&o.Name, "name", "", "Only those with this text in their name")
	f.StringSliceVar(&o.EngineClassIDs, "engine", nil, "Only those of this engine, repeatable")
	f.StringSliceVar(&o.ExcludeEngineClassIDs, "not-engine", nil, "Only those of other engines, repeatable")
	f.Int64SliceVar(&o.creators, "creator", nil, "Only those that this user made, by number, repeatable")
	f.StringSliceVar(&o.tags, "tag", nil, "Only those with this tag, by name or id, repeatable")
	f.BoolVar(&o.IncludeUntagged, "untagged", false, "With --tag: those without any tag as well")
	timeRange(f, "created", "made", &o.createdFrom, &o.createdTo)
	timeRange(f, "updated", "changed", &o.updatedFrom, &o.updatedTo)
	timeRange(f, "last-job", "whose newest job started", &o.lastFrom, &o.lastTo)
	f.Int64Var(&o.minJobs, "min-jobs", 0, "Only those with so many jobs or more")
	f.Int64Var(&o.maxJobs, "max-jobs", 0, "Only those with so many jobs or fewer")
	f.BoolVar(&o.quick, "no-stats", false, "Do not count jobs")
	f.StringVar(&o.Ordering, "order", "", "Order by name, created_at, updated_at, most_recent_job, job_count, engine_class_id or creator; '-' in front turns it round")
	limitFlag(f, &o.limit, 0)
	hideDefaults(f, "min-jobs", "max-jobs")
	g.completeFlag(cmd, "engine", (*completer).engines)
	g.completeFlag(cmd, "not-engine", (*completer).engines)
	g.completeFlag(cmd, "tag", (*completer).tags)
	completeFixed(cmd, "order", agentOrders()...)
	return cmd
}

func agentOrders() []string {
	return []string{"name", "created_at", "updated_at", "most_recent_job", "job_count", "engine_class_id", "creator"}
}

// query makes the call of the options. Tags are looked up.
func (o *agentsList) query(ctx context.Context, c *client.Client) (client.AgentList, error) {
	q := o.AgentList
	q.PageSize, q.WithoutJobStats = pageSize(o.limit), o.quick
	q.CreatedFrom, q.CreatedTo = o.createdFrom.Time, o.createdTo.Time
	q.UpdatedFrom, q.UpdatedTo = o.updatedFrom.Time, o.updatedTo.Time
	q.MostRecentJobFrom, q.MostRecentJobTo = o.lastFrom.Time, o.lastTo.Time
	for _, id := range o.creators {
		q.CreatorIDs = append(q.CreatorIDs, steward.UserID(id))
	}
	tags, err := findTags(ctx, c, o.tags)
	for _, t := range tags {
		q.Tags = append(q.Tags, t.ID)
	}
	return q, err
}

func runAgentsList(ctx context.Context, g *global, o agentsList) error {
	c, err := g.client()
	if err != nil {
		return err
	}
	q, err := o.query(ctx, c)
	if err != nil {
		return err
	}
	list, err := collect(c.Agents(ctx, q), o.limit)
	if err != nil {
		return err
	}
	if g.json {
		return g.printJSON(list)
	}
	return table(g.out, "ID\tNAME\tENGINE\tTAGS\tJOBS\tUPDATED", func(row func(...any)) {
		for _, a := range list {
			jobs := "-"
			if a.JobCount != nil {
				jobs = fmt.Sprint(*a.JobCount)
			}
			row(a.ID, a.Name, a.EngineClassID, tagNames(a.Tags), jobs, minute(a.UpdatedAt))
		}
	})
}

func tagNames(tags []steward.Tag) string {
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = t.Name
	}
	return strings.Join(names, ",")
}

// findAgent returns the agent that an id or an exact name stands for.
func findAgent(ctx context.Context, c *client.Client, s string) (steward.AgentID, error) {
	if id, err := steward.ParseID[steward.AgentID]("agent", s); err == nil {
		return id, nil
	}
	for a, err := range c.Agents(ctx, client.AgentList{Name: s, PageSize: largestPage, WithoutJobStats: true}) {
		if err != nil {
			return "", err
		}
		if a.Name == s {
			return a.ID, nil
		}
	}
	return "", unknown("agent", s, "steward agents list")
}
