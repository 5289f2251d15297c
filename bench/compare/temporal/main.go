// Command temporal is Temporal for the comparison: workflows of three activities.
//
// Roles: serve (the server; see folder server), work (a worker, and a client in the same process so that workflows can start
// eagerly, as its documentation advises for short ones), drive (a client).
// Variant local: the activities are local ones, which are recorded together when the workflow task ends, not one by one.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/stewardhq/steward/bench/compare/wire"
)

func main() { wire.Main(start) }

// Settings.
const (
	taskQueue = "compare"
	// One of the two is what tells the server that a worker was lost. The documentation wants the first as long as the longest activity, and
	// the second for those that should be noticed sooner.
	startToClose = time.Minute
	heartbeat    = 2 * time.Second
	beatEvery    = 500 * time.Millisecond
)

func start(ctx context.Context, role string) (*wire.Program, func(), error) {
	if role == "serve" {
		return nil, nil, serve()
	}
	var c client.Client
	quiet := log.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err := wire.Until(ctx, time.Minute, func(ctx context.Context) (err error) {
		c, err = client.DialContext(ctx, client.Options{HostPort: address(), Logger: quiet})
		return err
	}); err != nil {
		return nil, nil, err
	}
	d := &driver{client: c}
	p := &wire.Program{Run: d.run, Submit: d.submit, Ended: wire.Watch(d.ended)}
	switch role {
	case "work":
		w := newWorker(c)
		if err := wire.Until(ctx, time.Minute, func(context.Context) error { return w.Start() }); err != nil {
			return nil, nil, err
		}
		return p, c.Close, nil
	case "drive":
		return p, c.Close, nil
	}
	return nil, nil, fmt.Errorf("no role %q", role)
}

func address() string { return net.JoinHostPort("127.0.0.1", os.Getenv(wire.EnvPort)) }

// serve becomes the server, which is a module of its own.
func serve() error {
	path := os.Getenv(wire.EnvServer)
	return syscall.Exec(path, []string{path}, os.Environ()) //nolint:gosec // built by the comparison
}

// newWorker makes a worker with pollers that adapt their number, as the documentation recommends; all else is left at its defaults, which
// run a thousand activities at once.
func newWorker(c client.Client) worker.Worker {
	auto := worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{})
	w := worker.New(c, taskQueue, worker.Options{WorkflowTaskPollerBehavior: auto, ActivityTaskPollerBehavior: auto})
	w.RegisterWorkflowWithOptions(steps, workflow.RegisterOptions{Name: "steps"})
	w.RegisterActivity(&activities{wire.NewStepper()})
	return w
}

// steps is the workflow. job is the key; "" means that its steps tell nobody.
func steps(ctx workflow.Context, job string, local bool) (string, error) {
	var a *activities
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: startToClose, HeartbeatTimeout: heartbeat})
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: startToClose})
	var value string
	for n := 1; n <= wire.Steps; n++ {
		f := workflow.ExecuteActivity(ctx, a.Step, job, n)
		if local {
			f = workflow.ExecuteLocalActivity(ctx, a.Step, job, n)
		}
		if err := f.Get(ctx, &value); err != nil {
			return "", err
		}
	}
	return value, nil
}

// activities do the steps.
type activities struct{ stepper *wire.Stepper }

// Step is an activity that lives as long as it tells so.
func (a *activities) Step(ctx context.Context, job string, n int) (string, error) {
	if job == "" {
		return a.stepper.Do(ctx, job, n)
	}
	beating, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		tick := time.NewTicker(beatEvery)
		defer tick.Stop()
		for {
			activity.RecordHeartbeat(beating)
			select {
			case <-tick.C:
			case <-beating.Done():
				return
			}
		}
	}()
	return a.stepper.Do(ctx, job, n)
}

// driver starts workflows and waits for them.
type driver struct{ client client.Client }

func (d *driver) run(ctx context.Context) error {
	options := client.StartWorkflowOptions{TaskQueue: taskQueue, EnableEagerStart: true}
	r, err := d.client.ExecuteWorkflow(ctx, options, "steps", "", os.Getenv(wire.EnvVariant) == "local")
	if err != nil {
		return err
	}
	return r.Get(ctx, nil)
}

func (d *driver) submit(ctx context.Context, job string) error {
	_, err := d.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: job, TaskQueue: taskQueue}, "steps", job, false)
	return err
}

// ended asks about a workflow by itself: lists and counts come from an index that follows later.
func (d *driver) ended(ctx context.Context, job string) (bool, error) {
	w, err := d.client.DescribeWorkflowExecution(ctx, job, "")
	return w.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, err
}
