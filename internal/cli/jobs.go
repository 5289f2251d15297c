package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func newJobs(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "jobs", Short: "Look at jobs, wait for them, cancel them, download what they saved"}
	cmd.AddCommand(newJobsList(g), newJobsDownload(g), newJobsCancelAll(g),
		jobCommand(g, "get JOB", "Show a job: its status, and its answer when it has ended", (*global).jobsGet),
		jobCommand(g, "result JOB", "Print the answer of a job that has ended", (*global).jobsResult),
		jobCommand(g, "watch JOB", "Wait for a job and print its answer", (*global).watch),
		jobCommand(g, "steps JOB", "Show what a job did, step by step", (*global).jobsSteps),
		jobCommand(g, "cancel JOB", "Ask for a job's end", (*global).jobsCancel),
		jobCommand(g, "delete-data JOB", "Delete what an ended job knows: uploads, outputs, saved files, steps", (*global).jobsDeleteData))
	return asGroup(cmd)
}

// jobCommand is a command about one job.
func jobCommand(g *global, use, short string, run func(*global, context.Context, *client.Client, steward.JobID) error) *cobra.Command {
	cmd := idCommand(g, use, "JOB", short, run)
	g.completeArgs(cmd, (*completer).jobs)
	return cmd
}

// idCommand is a command about one thing, whose id is its only argument.
func idCommand[T steward.UUID](g *global, use, name, short string, run func(*global, context.Context, *client.Client, T) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: exactly(name),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseID[T](name, args[0])
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

// jobsResult prints the answer of an ended job, and ends as run does.
func (g *global) jobsResult(ctx context.Context, c *client.Client, id steward.JobID) error {
	r, err := c.JobResult(ctx, id)
	if client.IsNotFound(err) {
		if st, serr := c.JobStatus(ctx, id); serr == nil && !st.Status.Terminal() {
			return &hinted{fmt.Errorf("job %s has not ended yet: %s", id, plain(describe(st))), "Wait for it: steward jobs watch " + string(id)}
		}
	}
	if err != nil {
		return err
	}
	return g.report(r)
}

func (g *global) jobsDeleteData(ctx context.Context, c *client.Client, id steward.JobID) error {
	d, err := c.DeleteJobData(ctx, id)
	if err != nil {
		return err
	}
	if g.json {
		err = g.printJSON(d)
	} else {
		err = g.notef("Deleted the data of job %s: %s, %s. Its status, times, cost and metadata stay.", id, many(d.DeletedCount, "file"), many(d.ArtifactsDeletedCount, "artifact"))
	}
	if failed := d.FailedCount + d.ArtifactsFailedCount; err == nil && failed > 0 {
		return fmt.Errorf("%d things could not be deleted: %s; repeat the command", failed, strings.Join(d.Errors, "; "))
	}
	return err
}

func newJobsCancelAll(g *global) *cobra.Command {
	return agentCommand(g, "cancel-all AGENT", "Ask for the end of all open jobs of an agent", func(ctx context.Context, c *client.Client, id steward.AgentID) error {
		all, err := c.CancelAllJobs(ctx, id)
		if err != nil {
			return err
		}
		if g.json {
			return g.printJSON(all)
		}
		return g.notef("Asked for the end of %s.", many(all.TargetedCount, "job"))
	})
}
