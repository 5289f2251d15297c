package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// jobsList are the options of jobs list.
type jobsList struct {
	client.JobList
	status, job            string
	metadata, notMetadata  []string
	createdFrom, createdTo timeFlag
	limit                  int
}

func newJobsList(g *global) *cobra.Command {
	var o jobsList
	cmd := &cobra.Command{
		Use: "list AGENT", Short: "List an agent's jobs, newest first", Args: exactly("AGENT"),
		Long: "List an agent's jobs, newest first. Filters combine with AND, the values of one filter with OR.",
		Example: `steward jobs list invoices --status failure,cancelled --created-from 24h
steward jobs list invoices --metadata case=7 --order -cost --limit 10 --json`,
		RunE: func(cmd *cobra.Command, args []string) error { return runJobsList(cmd.Context(), g, args[0], o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.status, "status", "", "Only these, with commas between: pending, started, retry, success, failure, cancelled, cached")
	f.StringSliceVar(&o.VersionNames, "version", nil, "Only those of the version with this name, repeatable")
	f.StringArrayVar(&o.metadata, "metadata", nil, "Only those with this in their metadata, as key=value, repeatable: all of them")
	f.StringArrayVar(&o.notMetadata, "not-metadata", nil, "Only those without this in their metadata, as key=value, repeatable")
	f.StringVar(&o.job, "job", "", "Only the one with this id")
	f.StringVar(&o.Inputs, "inputs", "", "Only those with this text in their inputs")
	f.StringVar(&o.Search, "search", "", "Only those with this text in their id, version's name or inputs")
	f.StringSliceVar(&o.Verdicts, "verdict", nil, "Only those with this verdict, repeatable")
	timeRange(f, "created", "started", &o.createdFrom, &o.createdTo)
	f.IntVar(&o.Newest, "newest", 0, "Look only at so many of the newest (default: 100000; -1 for all)")
	f.StringVar(&o.Ordering, "order", "", "Order by id, agent_version_name, status_code, created_at, last_updated_at, cost or duration, several with commas; '-' in front turns one round")
	limitFlag(f, &o.limit, 50)
	hideDefaults(f, "newest")
	g.completeArgs(cmd, (*completer).agents)
	flagWords(cmd, "status", statuses)
	completeFixed(cmd, "order", jobOrders()...)
	return cmd
}

func jobOrders() []string {
	return []string{"id", "agent_version_name", "status_code", "created_at", "last_updated_at", "cost", "duration"}
}

// query makes the call of the options.
func (o *jobsList) query() (q client.JobList, err error) {
	q = o.JobList
	q.PageSize = pageSize(o.limit)
	q.CreatedFrom, q.CreatedTo = o.createdFrom.Time, o.createdTo.Time
	if q.Status, err = statusesFlag(o.status); err != nil {
		return q, err
	}
	if q.Metadata, err = pairsFlag("metadata", o.metadata); err != nil {
		return q, err
	}
	if q.ExcludeMetadata, err = pairsFlag("not-metadata", o.notMetadata); err != nil {
		return q, err
	}
	if o.job != "" {
		q.JobID, err = parseID[steward.JobID]("--job", o.job)
	}
	return q, err
}

func runJobsList(ctx context.Context, g *global, agent string, o jobsList) error {
	if o.limit < 0 {
		return usagef("--limit must not be negative")
	}
	q, err := o.query()
	if err != nil {
		return err
	}
	c, id, err := g.agent(ctx, agent)
	if err != nil {
		return err
	}
	list, err := collect(c.Jobs(ctx, id, q), o.limit)
	if err != nil {
		return err
	}
	if g.json {
		return g.printJSON(list)
	}
	return table(g.out, "JOB\tSTATUS\tVERSION\tCREATED\tDURATION\tUSD\tVERDICT", func(row func(...any)) {
		for _, j := range list {
			row(j.ID, j.StatusCode, shown(j.AgentVersionName, "%s"), second(j.CreatedAt), shown(j.DurationMS, "%d ms"), shown(j.Cost, "%.6f"), verdictOf(j))
		}
	})
}

// shown is a value that may be unknown.
func shown[T any](v *T, format string) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf(format, *v)
}

// verdictOf returns the verdict that a list shows of a job; "" when there is none.
func verdictOf(j *client.Job) string {
	var ui struct{ Verdict any }
	if json.Unmarshal(j.UIFields, &ui) != nil || ui.Verdict == nil {
		return "" // not every job has such fields
	}
	return fmt.Sprint(ui.Verdict)
}
