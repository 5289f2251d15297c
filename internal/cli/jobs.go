package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func newJobs(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "jobs", Short: "Look at jobs, wait for them, cancel them"}
	cmd.AddCommand(newJobsList(g), newJobsDownload(g),
		jobCommand(g, "get JOB", "Show a job: its status, and its answer when it has ended", (*global).jobsGet),
		jobCommand(g, "watch JOB", "Wait for a job and print its answer", (*global).watch),
		jobCommand(g, "steps JOB", "Show what a job did, step by step", (*global).jobsSteps),
		jobCommand(g, "cancel JOB", "Ask for a job's end", (*global).jobsCancel))
	return asGroup(cmd)
}

// jobCommand is a command about one job.
func jobCommand(g *global, use, short string, run func(*global, context.Context, *client.Client, steward.JobID) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: exactly("JOB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseID[steward.JobID]("JOB", args[0])
			if err != nil {
				return err
			}
			c, err := g.client()
			if err != nil {
				return err
			}
			return run(g, cmd.Context(), c, id)
		},
	}
}

func (g *global) jobsGet(ctx context.Context, c *client.Client, id steward.JobID) error {
	st, err := c.JobStatus(ctx, id)
	if err != nil {
		return err
	}
	if !st.Status.Terminal() {
		if g.json {
			return g.printJSON(statusJSON{JobID: id, JobStatus: st})
		}
		return g.printf("%s since %s\n", plain(describe(st)), second(st.LastUpdatedAt))
	}
	r, err := c.JobResult(ctx, id)
	if err != nil {
		return err
	}
	if !g.json {
		if err := g.notef("%s", ending(st, r)); err != nil {
			return err
		}
	}
	return g.printResult(r)
}

// statusJSON is a status with the job's id.
type statusJSON struct {
	JobID steward.JobID `json:"job_id"`
	*client.JobStatus
}

// ending says in a line how a job ended.
func ending(st *client.JobStatus, r *client.JobResult) string {
	s := strings.ToLower(st.Status.String())
	if st.EndedAt != nil {
		s += fmt.Sprintf(" at %s after %v", second(*st.EndedAt), st.EndedAt.Sub(st.CreatedAt).Round(time.Millisecond))
	}
	if r.Cost != nil {
		s += fmt.Sprintf(", %.6f USD", *r.Cost)
	}
	if r.ErrorMessage != "" {
		s += fmt.Sprintf(": %s (%s)", plain(r.ErrorMessage), r.FailureCode)
	}
	return s
}

func (g *global) jobsCancel(ctx context.Context, c *client.Client, id steward.JobID) error {
	if err := c.CancelJob(ctx, id); err != nil {
		return err
	}
	st, err := c.JobStatus(ctx, id)
	if err != nil {
		return err
	}
	if g.json {
		return g.printJSON(statusJSON{JobID: id, JobStatus: st})
	}
	if st.Status.Terminal() {
		return g.notef("Job %s is over: %s.", id, strings.ToLower(st.Status.String()))
	}
	return g.notef("Asked for the end of job %s. See: steward jobs get %s", id, id)
}

func (g *global) jobsSteps(ctx context.Context, c *client.Client, id steward.JobID) error {
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
	cmd.Flags().StringVar(&status, "status", "", "Only these, with commas between: pending, started, retry, success, failure, cancelled, cached")
	cmd.Flags().IntVar(&limit, "limit", 50, "At most so many")
	return cmd
}

func runJobsList(ctx context.Context, g *global, agent, status string, limit int) error {
	if limit < 1 {
		return usagef("--limit must be at least 1")
	}
	p := client.JobList{PageSize: min(limit, 100)}
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
			row(j.ID, j.StatusCode, second(j.CreatedAt), duration)
		}
	})
}

func parseStatus(name string) (steward.Status, error) {
	for s := steward.StatusPending; s <= steward.StatusCached; s++ {
		if strings.EqualFold(s.String(), strings.TrimSpace(name)) {
			return s, nil
		}
	}
	return 0, usagef("--status: %q is not a status", name)
}

func newJobsDownload(g *global) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "download JOB REFERENCE", Short: "Download a file that a job saved", Args: exactly("JOB", "REFERENCE"),
		Long: "Download a file that a job saved, such as the image of a page. What there is:\n\n  steward jobs get JOB --json   (references, resource_id)",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseID[steward.JobID]("JOB", args[0])
			if err != nil {
				return err
			}
			return runJobsDownload(cmd.Context(), g, id, steward.ReferenceID(args[1]), to)
		},
	}
	cmd.Flags().StringVarP(&to, "output", "o", "", "File to write (default: standard output)")
	return without(cmd, "json")
}

func runJobsDownload(ctx context.Context, g *global, job steward.JobID, ref steward.ReferenceID, to string) error {
	c, err := g.client()
	if err != nil {
		return err
	}
	if to == "" {
		_, err = c.DownloadReference(ctx, job, ref, g.out)
		return err
	}
	return replaceFile(to, func(w io.Writer) error {
		_, err := c.DownloadReference(ctx, job, ref, w)
		return err
	})
}

// replaceFile writes a file whole or not at all: one that is there already stays as it is when write fails.
func replaceFile(path string, write func(io.Writer) error) error {
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644) //nolint:gosec // a file of the caller's, read like others
	if err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	if err = errors.Join(write(f), f.Close()); err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return nil
}
