package crashtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/backup"
	"github.com/stewardhq/steward/internal/crashtest/effects"
	"github.com/stewardhq/steward/internal/crashtest/oracle"
	"github.com/stewardhq/steward/internal/engine/enginetest"
)

// DiskOptions says how to test with disks that are full, fail or are tampered with.
type DiskOptions struct {
	Seed     uint64   // of what clients do
	Only     []string // names of scenarios; none means all
	Folder   string   // for everything that is written
	Builds   []string // see Builds
	Cache    string   // where the compiled PDF engine is kept; "" means a folder in Folder
	Progress func(s *DiskScene)
}

// DiskScene is what a scenario came to. It is printed as one line.
type DiskScene struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	// NoticedMS is from the fault to the first answer that says it, ExitMS to the end of the process, BackMS from the end of the fault (or of
	// the process, when that ended it) to the first submission that is acknowledged again, with what the test did in between.
	NoticedMS float64 `json:"noticed_ms,omitempty"`
	ExitMS    float64 `json:"exit_ms,omitempty"`
	BackMS    float64 `json:"back_ms,omitempty"`
	// Acknowledged is how many jobs were taken in, Cut how many of those that take seconds were under way when the process ended.
	Acknowledged int `json:"acknowledged"`
	Cut          int `json:"cut,omitempty"`

	Said   string   `json:"said,omitempty"` // what the server said, to a client or at its end
	Faults []string `json:"faults,omitempty"`
}

// DiskReport is what all scenarios came to. It is printed as one line.
type DiskReport struct {
	Name             string   `json:"name"`
	Seed             uint64   `json:"seed"`
	Scenarios        int      `json:"scenarios"`
	Acknowledged     int      `json:"acknowledged"`
	Lost             int      `json:"lost"`
	RepeatedSteps    int      `json:"repeated_steps"`
	DoubledEffects   int      `json:"doubled_effects"`
	Resumed          int      `json:"resumed_jobs"`
	Steps            int      `json:"steps"`
	RedoneUnrecorded int      `json:"redone_unrecorded"`
	Seconds          float64  `json:"seconds"`
	Faults           int      `json:"faults"`
	FirstFaults      []string `json:"first_faults,omitempty"`
}

// Of the disk that the server lives on.
const (
	diskSize    = 512 << 20
	diskReserve = 48 // MiB
	exitAfter   = time.Second
)

// diskRun is a test of this kind under way.
type diskRun struct {
	*run
	o     DiskOptions
	disk  string          // what is mounted
	slow  steward.AgentID // its jobs take seconds
	scene *DiskScene
	over  time.Time       // when the fault of the scene was over; zero before that
	said  int64           // bytes of the server's log before the scene
	busy  []steward.JobID // of the agent "slow", in the scene
	cut   int             // jobs of it that were under way when a process ended, in all scenes
	round uint64
	key   string
}

// What jobs of the agent "slow" do.
const (
	slowSteps = 15
	slowPause = 100 * time.Millisecond
)

// DiskFaults runs scenarios one after the other on one installation, under load where the server runs, and judges all that happened at the
// end. The process must be one that may mount file systems: see Mountable. An error means that the test could not be carried out.
func DiskFaults(ctx context.Context, o DiskOptions) (_ *DiskReport, _ *oracle.World, err error) {
	if o.Cache == "" {
		o.Cache = filepath.Join(o.Folder, "cache")
	}
	scenarios, err := diskScenarios(o.Only)
	if err != nil {
		return nil, nil, err
	}
	d := &diskRun{o: o, run: &run{o: Options{Seed: o.Seed, Folder: o.Folder, Builds: o.Builds, Cache: o.Cache}}, disk: filepath.Join(o.Folder, "disk")}
	began := time.Now()
	defer func() { err = errors.Join(err, d.close(), d.unmount()) }()
	if err := d.prepareDisk(ctx); err != nil {
		return nil, nil, err
	}
	var faults []string
	for _, s := range scenarios {
		start := time.Now()
		if err := d.begin(s.name); err != nil {
			return nil, nil, err
		}
		before := d.acknowledged()
		if err := s.play(d, ctx); err != nil {
			return nil, nil, fmt.Errorf("scenario %s: %w", s.name, err)
		}
		d.scene.Seconds, d.scene.Acknowledged = seconds(start), d.acknowledged()-before
		for _, f := range d.scene.Faults {
			faults = append(faults, s.name+": "+f)
		}
		if o.Progress != nil {
			o.Progress(d.scene)
		}
	}
	if err := d.finish(ctx); err != nil {
		return nil, nil, fmt.Errorf("after the last scenario: %w", err)
	}
	w, err := d.world(ctx)
	if err != nil {
		return nil, nil, err
	}
	r := d.report(w)
	more := d.atStake(len(scenarios), r)
	faults = append(append(faults, more...), r.FirstFaults...)
	return &DiskReport{
		Name: "disk", Seed: o.Seed, Scenarios: len(scenarios), Acknowledged: r.Acknowledged, Lost: r.Lost, RepeatedSteps: r.RepeatedSteps,
		DoubledEffects: r.DoubledEffects, Resumed: r.Resumed, Steps: r.Steps, RedoneUnrecorded: r.RedoneUnrecorded,
		Seconds: seconds(began), Faults: r.Faults + len(faults) - len(r.FirstFaults), FirstFaults: faults[:min(len(faults), 20)],
	}, w, nil
}

// begin begins a scene.
func (d *diskRun) begin(name string) error {
	log, err := os.Stat(d.logPath())
	if err != nil {
		return fmt.Errorf("look at the server's log: %w", err)
	}
	d.scene, d.over, d.said, d.busy = &DiskScene{Name: "disk." + name}, time.Time{}, log.Size(), nil
	return nil
}

// logPath is what the server logs to, in all scenes.
func (d *diskRun) logPath() string { return filepath.Join(d.o.Folder, "main.log") }

// ended counts the jobs that were under way when the process ended.
func (d *diskRun) ended() {
	for _, id := range d.busy {
		if d.stepsOf(id) < slowSteps {
			d.scene.Cut++
		}
	}
	d.cut += d.scene.Cut
}

// acknowledged counts the jobs that were taken in.
func (d *diskRun) acknowledged() int {
	d.load.mu.Lock()
	defer d.load.mu.Unlock()
	return len(d.load.told.Jobs)
}

// atStake wants there to have been so much to lose that the result means something: a job in each scenario, and jobs that went on in
// another process where a process ended with jobs.
func (d *diskRun) atStake(scenarios int, r *Report) (faults []string) {
	if r.Acknowledged < scenarios || r.Steps < r.Acknowledged/2 {
		faults = append(faults, fmt.Sprintf("%d jobs and %d steps were at stake in %d scenarios", r.Acknowledged, r.Steps, scenarios))
	}
	if d.cut > 0 && r.Resumed == 0 {
		faults = append(faults, fmt.Sprintf("%d jobs ran when their process ended, and none went on in another", d.cut))
	}
	return faults
}

func seconds(since time.Time) float64 { return float64(time.Since(since).Milliseconds()) / 1000 }

// prepareDisk mounts the disk and makes the installation on it.
func (d *diskRun) prepareDisk(ctx context.Context) error {
	if err := d.mount(); err != nil {
		return err
	}
	if err := d.open(ctx); err != nil {
		return err
	}
	if err := d.configure(); err != nil {
		return err
	}
	if err := d.prepare(ctx); err != nil {
		return err
	}
	var err error
	if d.key, _, err = d.credentials(); err != nil {
		return err
	}
	if err := d.up(ctx); err != nil {
		return err
	}
	made, err := d.load.client.CreateAgent(ctx, client.AgentCreate{
		Name: "slow", EngineClassID: enginetest.CrashClassID, EngineConfig: object{"steps": slowSteps, "pause_ms": slowPause.Milliseconds()},
	})
	if err != nil {
		return fmt.Errorf("create agent: %w", err)
	}
	d.slow = made.ID
	d.load.told.Agents[made.ID] = crashing("slow", slowSteps, []steward.Status{steward.StatusSuccess})
	return d.main.stop()
}

// configure adds to the server's configuration what is said about disks.
func (d *diskRun) configure() error {
	path := filepath.Join(d.main.folder, "steward.yaml")
	text, err := os.ReadFile(path) //nolint:gosec // of the test
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	var c object
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	c["disk"] = object{"reserve_mb": diskReserve, "exit_after": exitAfter.String()}
	if text, err = json.Marshal(c); err != nil {
		return fmt.Errorf("encode configuration: %w", err)
	}
	return os.WriteFile(path, text, 0o600)
}

// fault notes what should not have been.
func (d *diskRun) fault(format string, args ...any) {
	d.scene.Faults = append(d.scene.Faults, fmt.Sprintf(format, args...))
}

// database is the path of the database.
func (d *diskRun) database() string { return filepath.Join(d.main.folder, "steward.db") }

// up starts the server and waits until it takes work.
func (d *diskRun) up(ctx context.Context) error {
	if err := d.main.start(d.o.Builds[int(d.round)%len(d.o.Builds)]); err != nil { //nolint:gosec // a small number
		return err
	}
	return d.main.ready(ctx)
}

// work has clients work with the server until the returned function is called.
func (d *diskRun) work(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			if d.refused() > mostRefused {
				d.load.again(ctx)
				d.nap(ctx, 20*time.Millisecond)
				continue
			}
			d.round++
			d.load.run(ctx, d.o.Seed, d.round)
			d.nap(ctx, 100*time.Millisecond) // the disk is small, and what is refused is done again later
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// mostRefused is how much may wait to be done again before clients want nothing new.
const mostRefused = 40

// refused counts what waits to be done again.
func (d *diskRun) refused() int {
	d.load.mu.Lock()
	defer d.load.mu.Unlock()
	return len(d.load.cut)
}

// acknowledges waits until clients are told of one more job.
func (d *diskRun) acknowledges(ctx context.Context) error {
	before := d.acknowledged()
	return until(ctx, "a client's job is acknowledged", func() (bool, error) { return d.acknowledged() > before, nil })
}

// slowJobs starts jobs that take seconds and waits until each has begun.
func (d *diskRun) slowJobs(ctx context.Context, n int) ([]steward.JobID, error) {
	ids := make([]steward.JobID, n)
	for i := range ids {
		text := d.load.text("slow")
		d.load.once(text)
		if err := d.load.start(ctx, d.slow, text, client.Inputs{"text": text}, &ids[i]); err != nil {
			return nil, fmt.Errorf("start a slow job: %w", err)
		}
	}
	d.busy = append(d.busy, ids...)
	return ids, until(ctx, "slow jobs run", func() (bool, error) {
		begun := map[steward.JobID]bool{}
		all, _ := d.log.After(0)
		for _, e := range all {
			begun[e.Job] = true
		}
		return !slices.ContainsFunc(ids, func(id steward.JobID) bool { return !begun[id] }), nil
	})
}

// stepsOf counts what was done for jobs.
func (d *diskRun) stepsOf(ids ...steward.JobID) (n int) {
	all, _ := d.log.After(0)
	for _, e := range all {
		if e.Kind == effects.Step && slices.Contains(ids, e.Job) {
			n++
		}
	}
	return n
}

// answer is what a server said.
type answer struct {
	status     int
	detail     string
	retryAfter string
}

// ask sends a request of our own.
func (d *diskRun) ask(ctx context.Context, method, path, contentType string, body []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+d.main.address+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+d.key)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := d.load.raw.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	var said struct{ Detail string }
	if json.Unmarshal(text, &said) != nil {
		said.Detail = "" // other answers say nothing here
	}
	return answer{resp.StatusCode, said.Detail, resp.Header.Get("Retry-After")}, err
}

// refuses waits until the server says that it is not ready, and holds what it says against what it should: not ready, no submissions, no
// uploads, each with a reason and a time to come back; and answers to questions all the same.
func (d *diskRun) refuses(ctx context.Context, since time.Time, want string) error {
	var ready answer
	err := until(ctx, "the server says that it is not ready", func() (bool, error) {
		var err error
		ready, err = d.ask(ctx, http.MethodGet, "/readyz", "", nil)
		if err != nil {
			return false, fmt.Errorf("the server is gone before it said anything: %w", err)
		}
		return ready.status == http.StatusServiceUnavailable, nil
	})
	if err != nil {
		return err
	}
	d.scene.NoticedMS, d.scene.Said = millis(time.Since(since)), ready.detail
	run, err := d.ask(ctx, http.MethodPost, "/v1/agents/run/"+string(d.load.agents.plain)+"/async/", "application/json", []byte(`{"text":"refused"}`))
	if err != nil {
		return err
	}
	upload, err := d.upload(ctx, []byte("refused"))
	if err != nil {
		return err
	}
	for what, got := range map[string]answer{"readiness": ready, "a submission": run, "an upload": upload} {
		if got.status != http.StatusServiceUnavailable || !strings.Contains(got.detail, want) || got.retryAfter == "" {
			d.fault("%s was answered with %+v, want 503 with %q and Retry-After", what, got, want)
		}
		if strings.Contains(got.detail, "/") {
			d.fault("%s names a path: %s", what, got.detail)
		}
	}
	live, err := d.ask(ctx, http.MethodGet, "/healthz", "", nil)
	if err != nil || live.status != http.StatusOK {
		d.fault("/healthz answers %+v (%v), want 200", live, err)
	}
	read, err := d.ask(ctx, http.MethodGet, "/v1/agents/jobs/"+string(d.load.told.Jobs[0].ID)+"/status/", "", nil)
	if err != nil || read.status != http.StatusOK {
		d.fault("the status of a job answers %+v (%v), want 200", read, err)
	}
	return nil
}

// upload sends a file that is to be kept.
func (d *diskRun) upload(ctx context.Context, content []byte) (answer, error) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("file", "f.txt")
	if err != nil {
		return answer{}, err
	}
	if _, err := part.Write(content); err != nil {
		return answer{}, err
	}
	if err := form.Close(); err != nil {
		return answer{}, err
	}
	return d.ask(ctx, http.MethodPost, "/v1/files/", form.FormDataContentType(), b.Bytes())
}

// back submits a job until it is acknowledged, and notes how long after the end of the fault that was.
func (d *diskRun) back(ctx context.Context) error {
	agent, text := d.load.agents.plain, d.load.text("back")
	d.load.once(text)
	return until(ctx, "a submission is acknowledged", func() (bool, error) {
		id, err := d.load.raw.run(ctx, agent, text, "key of "+text)
		if err != nil {
			if steward.CodeOf(err) == steward.Unavailable {
				err = nil // not yet
			}
			return false, err
		}
		if !d.over.IsZero() {
			d.scene.BackMS = millis(time.Since(d.over))
		}
		d.load.acked(agent, id, text)
		return true, nil
	})
}

// exits waits until the process has ended by itself after a fault of its disk, and holds its end against what it should be.
func (d *diskRun) exits(ctx context.Context, since time.Time) error {
	const want = "nothing is written any more"
	pid := d.main.cmd.Process.Pid
	said := time.Now()
	ended := d.main.watch()
	var end error
	select {
	case end = <-ended:
	case <-time.After(30 * time.Second):
		d.main.end()
		d.main.cmd = nil
		d.fault("the server did not end after a fault of its disk")
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	code := d.main.cmd.ProcessState.ExitCode()
	d.main.cmd = nil
	d.over = time.Now()
	d.ended()
	d.scene.ExitMS = millis(d.over.Sub(since))
	if code != app.ExitDiskFailed {
		d.fault("the server ended with code %d (%v), want %d", code, end, app.ExitDiskFailed)
	}
	if text := d.logged(); !strings.Contains(text, want) || !strings.Contains(text, "advice=") {
		d.fault("the log does not say %q with advice: %s", want, text)
	}
	// What was begun when the fault came may still end; the engine of the test needs some milliseconds for a step.
	all, _ := d.log.After(0)
	for _, e := range all {
		if e.Kind == effects.Step && e.PID == pid && e.At.After(said.Add(slowPause+50*time.Millisecond)) {
			d.fault("%s of job %s was begun %v after the server said that its disk failed", e.Step, e.Job, e.At.Sub(said))
			break
		}
	}
	return nil
}

// logged returns what the server logged in this scenario.
func (d *diskRun) logged() string {
	text, err := os.ReadFile(d.logPath())
	if err != nil {
		return err.Error()
	}
	return string(text[min(d.said, int64(len(text))):])
}

// refusesToStart starts the server and wants it to refuse, with a text.
func (d *diskRun) refusesToStart(ctx context.Context, want string) error {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, d.o.Builds[0], "-data", d.main.folder, "-effects", d.main.socket) //nolint:gosec // own arguments
	cmd.Stderr = &out
	late := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() }) // the error shows in Run
	defer late.Stop()
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(out.String(), want) {
		d.fault("a start ended with %v and said %q, want code 1 and %q", err, out.String(), want)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	d.scene.Said = strings.TrimPrefix(lines[len(lines)-1], "crash server: ")
	return nil
}

// inject makes system calls of the server fail from now on, those on a path if one is given. The returned function ends it; a server
// that has ended needs none.
func (d *diskRun) inject(ctx context.Context, calls, what, path string) (stop func(), err error) {
	args := []string{"-f", "-p", fmt.Sprint(d.main.cmd.Process.Pid), "-o", filepath.Join(d.o.Folder, "strace.log"), "-e", "trace=" + calls, "-e", "inject=" + calls + ":" + what}
	if path != "" {
		args = append(args, "-P", path)
	}
	cmd := exec.CommandContext(ctx, "strace", args...) //nolint:gosec // own arguments
	said := &notice{want: "attached", seen: make(chan struct{})}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("strace is needed (scripts/strace.sh installs it): %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it ends with the server, or is told to
	}()
	select {
	case <-said.seen:
	case <-ended:
		return nil, fmt.Errorf("strace ended: %s", said)
	case <-time.After(10 * time.Second):
		return nil, fmt.Errorf("strace did not attach: %s", said)
	}
	return func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		<-ended
	}, nil
}

// notice waits for a word in what is written to it.
type notice struct {
	want string
	seen chan struct{}

	mu   sync.Mutex
	text []byte
	told bool
}

// Write implements io.Writer.
func (n *notice) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.text = append(n.text, p...)
	if !n.told && bytes.Contains(n.text, []byte(n.want)) {
		n.told = true
		close(n.seen)
	}
	return len(p), nil
}

// String returns what was written.
func (n *notice) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return string(n.text)
}

// verify returns what steward verify finds in the installation.
func (d *diskRun) verify(ctx context.Context) (*backup.Report, error) {
	return backup.Verify(ctx, backup.VerifyParams{Source: backup.Source{
		Data: d.main.folder, Files: d.filesFolder(), SecretKey: filepath.Join(d.o.Folder, "secret.key"),
	}})
}
