package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// usageOptions are the options of usage.
type usageOptions struct {
	by       string
	from, to dayFlag
	agent    string
}

func newUsage(g *global) *cobra.Command {
	var o usageOptions
	cmd := &cobra.Command{
		Use: "usage", Short: "What was used, what it cost, and what is left of the budgets", Args: exactly(),
		Long: `Show what the organization's jobs used: model calls, tokens and cost, by day, month, agent, model or batch, with totals and what is left of the budgets.

Days are those of UTC. Jobs and agents that were deleted are still in the books. Calls whose price is unknown are counted apart: their cost is in no sum.`,
		Example: `steward usage
steward usage --by model --from 2026-01-01
steward usage --by month --agent tickets --json`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runUsage(cmd.Context(), g, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.by, "by", string(steward.UsageByDay), "Add up by "+strings.Join(usageGroupNames(), ", "))
	f.Var(&o.from, "from", "First day, "+dayHelp+" (default: the first of the month)")
	f.Var(&o.to, "to", "Last day, which counts (default: today)")
	f.StringVar(&o.agent, "agent", "", "Only this agent, by name or id")
	completeFixed(cmd, "by", usageGroupNames()...)
	g.completeFlag(cmd, "agent", (*completer).agents)
	return cmd
}

func usageGroupNames() []string {
	var names []string
	for _, group := range steward.UsageGroups() {
		names = append(names, string(group))
	}
	return names
}

func runUsage(ctx context.Context, g *global, o usageOptions) error {
	q := client.UsageQuery{From: o.from.Time, To: o.to.Time, GroupBy: steward.UsageGroup(o.by), PageSize: 1000}
	if !slices.Contains(steward.UsageGroups(), q.GroupBy) {
		return usagef("--by: %q is none of %s", o.by, strings.Join(usageGroupNames(), ", "))
	}
	if !q.From.IsZero() && !q.To.IsZero() && q.To.Before(q.From) {
		return usagef("--to must not be before --from")
	}
	c, err := g.client()
	if err != nil {
		return err
	}
	if o.agent != "" {
		if q.AgentID, err = findAgent(ctx, c, o.agent); err != nil {
			return err
		}
	}
	report, err := c.Usage(ctx, q)
	if err != nil {
		return err
	}
	for page := 2; report.Next != nil; page++ {
		q.Page = page
		next, err := c.Usage(ctx, q)
		if err != nil {
			return err
		}
		report.Results, report.Next = append(report.Results, next.Results...), next.Next
	}
	if g.json {
		return g.printJSON(report)
	}
	return g.printUsage(report)
}

func (g *global) printUsage(r *steward.UsageReport) error {
	head := map[steward.UsageGroup]string{
		steward.UsageByDay: "DAY", steward.UsageByMonth: "MONTH", steward.UsageByAgent: "AGENT\tID",
		steward.UsageByModel: "MODEL\tPROVIDER", steward.UsageByBatch: "BATCH\tNAME",
	}[r.GroupBy]
	err := table(g.out, head+"\tCALLS\tINPUT\tCACHED\tOUTPUT\tREASONING\tUNPRICED\tCOST (USD)", func(row func(...any)) {
		for i := range r.Results {
			row(append(usageKey(r.GroupBy, &r.Results[i]), tallyCells(&r.Results[i].Tally)...)...)
		}
		total := []any{"TOTAL"}
		if strings.Contains(head, "\t") {
			total = append(total, "")
		}
		row(append(total, tallyCells(&r.Totals)...)...)
	})
	if err != nil || len(r.Budgets) == 0 {
		return err
	}
	if err := g.printf("\n"); err != nil {
		return err
	}
	return table(g.out, "BUDGET\tLIMIT (USD)\tSPENT\tLEFT\tUNTIL", func(row func(...any)) {
		for _, b := range r.Budgets {
			row(fmt.Sprintf("%s, this %s", b.Scope, b.Period), usd(b.Limit), usd(b.Spent), usd(b.Left), b.ResetsAt.Format("2006-01-02 15:04Z"))
		}
	})
}

// usageKey are the cells that say what a row is about.
func usageKey(group steward.UsageGroup, r *steward.UsageRow) []any {
	orDash := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	switch group {
	case steward.UsageByMonth:
		return []any{r.Month}
	case steward.UsageByAgent:
		return []any{orDash(cut(r.AgentName, 40)), r.AgentID}
	case steward.UsageByModel:
		return []any{orDash(r.Model), orDash(r.Provider)}
	case steward.UsageByBatch:
		return []any{orDash(string(r.BatchID)), orDash(cut(r.BatchName, 40))}
	}
	return []any{r.Day}
}

func tallyCells(t *steward.Tally) []any {
	return []any{t.Calls, t.InputTokens, t.CachedTokens, t.OutputTokens, t.ReasoningTokens, t.UnpricedCalls, usd(t.Cost.USD())}
}

// usd shows an amount of dollars with all that is known of it.
func usd(amount float64) string { return fmt.Sprintf("%.6f", amount) }

// dayFlag is a day in UTC on the command line.
type dayFlag struct{ time.Time }

// dayHelp says in a flag's description what is taken.
const dayHelp = "as 2026-01-31 or 7d (ago)"

// String implements pflag.Value.
func (f *dayFlag) String() string {
	if f.IsZero() {
		return ""
	}
	return f.Format(time.DateOnly)
}

// Type implements pflag.Value.
func (f *dayFlag) Type() string { return "day" }

// Set implements pflag.Value.
func (f *dayFlag) Set(s string) error {
	day, err := time.Parse(time.DateOnly, s)
	if err != nil {
		ago, ok := duration(s)
		if !ok {
			return usagef("%q is no day; write it %s", s, dayHelp)
		}
		day = time.Now().UTC().Add(-ago).Truncate(24 * time.Hour)
	}
	f.Time = day
	return nil
}
