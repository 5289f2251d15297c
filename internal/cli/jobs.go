package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func newJobs(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "jobs", Short: "Look at jobs, wait for them, cancel them"}
	cmd.AddCommand(newJobsList(g), newJobsDownload(g),
		jobCommand(g, "get JOB", "Show a job's status and result", runJobsGet),
		jobCommand(g, "watch JOB", "Wait for a job and print its answer", (*global).watch),
		jobCommand(g, "steps JOB", "Show what a job did, step by step", runJobsSteps),
		jobCommand(g, "cancel JOB", "Ask for a job's end", func(_ *global, ctx context.Context, c *client.Client, id steward.JobID) error {
			return c.CancelJob(ctx, id)
		}))
	return cmd
}

// jobCommand is a command about one job.
func jobCommand(g *global, use, short string, run func(*global, context.Context, *client.Client, steward.JobID) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: exactly("JOB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := steward.ParseID[steward.JobID]("JOB", args[0])
			if err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			c, err := g.client()
			if err != nil {
				return err
			}
			return run(g, cmd.Context(), c, id)
		},
	}
}

func runJobsGet(g *global, ctx context.Context, c *client.Client, id steward.JobID) error {
	st, err := c.JobStatus(ctx, id)
	if err != nil {
		return err
	}
	if !st.Status.Terminal() {
		if g.json {
			return g.printJSON(st)
		}
		return g.printf("%s\n", describe(st))
	}
	r, err := c.JobResult(ctx, id)
	if err != nil {
		return err
	}
	return g.printResult(r)
}

func runJobsSteps(g *global, ctx context.Context, c *client.Client, id steward.JobID) error {
	steps, err := c.JobSteps(ctx, id)
	if err != nil {
		return err
	}
	if g.json {
		return g.printJSON(steps)
	}
	return printSteps(g.out, steps)
}

// printSteps prints a table of steps with their times and costs.
func printSteps(w io.Writer, steps []steward.Step) error {
	return table(w, "STEP\tKIND\tMODEL\tATTEMPT\tTIME\tTOKENS\tUSD", func(row func(...any)) {
		for _, s := range steps {
			cost := "?"
			if s.Usage.Cost != nil {
				cost = fmt.Sprintf("%.6f", s.Usage.Cost.USD())
			}
			row(s.Name, s.Kind, s.Model, s.Attempt, fmt.Sprintf("%.1f ms", float64(s.EndedAt.Sub(s.StartedAt).Microseconds())/1000),
				s.Usage.InputTokens+s.Usage.OutputTokens, cost)
		}
	})
}

func newJobsList(g *global) *cobra.Command {
	var status string
	var limit int
	cmd := &cobra.Command{
		Use: "list AGENT", Short: "List an agent's jobs, newest first", Args: exactly("AGENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runJobsList(cmd.Context(), g, args[0], status, limit)
		},
	}
	cmd.Flags().StringVar(&status, "status", "", "only these, by name: pending,started,retry,success,failure,cancelled,cached")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many")
	return cmd
}

func runJobsList(ctx context.Context, g *global, agent, status string, limit int) error {
	p := client.JobList{PageSize: min(max(limit, 1), 100)}
	for _, name := range strings.FieldsFunc(status, func(r rune) bool { return r == ',' }) {
		code, err := parseStatus(name)
		if err != nil {
			return err
		}
		p.Status = append(p.Status, code)
	}
	c, err := g.client()
	if err != nil {
		return err
	}
	id, err := findAgent(ctx, c, agent)
	if err != nil {
		return err
	}
	list := []*client.Job{}
	for j, err := range c.Jobs(ctx, id, p) {
		if err != nil {
			return err
		}
		if list = append(list, j); len(list) == limit {
			break
		}
	}
	if g.json {
		return g.printJSON(list)
	}
	return table(g.out, "JOB\tSTATUS\tCREATED\tDURATION", func(row func(...any)) {
		for _, j := range list {
			duration := ""
			if j.DurationMS != nil {
				duration = fmt.Sprintf("%d ms", *j.DurationMS)
			}
			row(j.ID, j.StatusCode, j.CreatedAt.Format("2006-01-02 15:04:05"), duration)
		}
	})
}

func parseStatus(name string) (steward.Status, error) {
	for s := steward.StatusPending; s <= steward.StatusCached; s++ {
		if strings.EqualFold(s.String(), strings.TrimSpace(name)) {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%w: %q is not a status", errUsage, name)
}

func newJobsDownload(g *global) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "download JOB REFERENCE", Short: "Download a file that a job saved", Args: exactly("JOB", "REFERENCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runJobsDownload(cmd.Context(), g, steward.JobID(args[0]), steward.ReferenceID(args[1]), to)
		},
	}
	cmd.Flags().StringVarP(&to, "output", "o", "", "file to write (default: standard output)")
	return cmd
}

func runJobsDownload(ctx context.Context, g *global, job steward.JobID, ref steward.ReferenceID, to string) (err error) {
	c, err := g.client()
	if err != nil {
		return err
	}
	if to == "" {
		_, err = c.DownloadReference(ctx, job, ref, g.out)
		return err
	}
	f, err := os.Create(to) //nolint:gosec // the caller names the file
	if err != nil {
		return fmt.Errorf("write reference: %w", err)
	}
	if _, err = c.DownloadReference(ctx, job, ref, f); err != nil {
		_ = f.Close() // the download's error counts
		_ = os.Remove(to)
		return err
	}
	return f.Close()
}
