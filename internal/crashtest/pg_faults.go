package crashtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/crashtest/effects"
	"github.com/stewardhq/steward/internal/crashtest/oracle"
	"github.com/stewardhq/steward/internal/crashtest/toxic"
	"github.com/stewardhq/steward/internal/engine/enginetest"
)

// DatabaseOptions says how to test with a PostgreSQL server that fails.
type DatabaseOptions struct {
	Seed     uint64        // of what clients do; the machine's own timing is not in it
	Only     []string      // names of scenarios; none means all
	Server   string        // URL of a PostgreSQL server on this machine, whose programs are used
	Folder   string        // for everything that is written
	Builds   []string      // see Builds
	Cache    string        // where the compiled PDF engine is kept; "" means a folder in Folder
	Fault    string        // as in Options
	Slack    time.Duration // what a busy machine adds to all that has to come soon; 0 means 1 s
	Progress func(s *Scene)
}

// Scene is what a scenario came to. It is printed as one line.
type Scene struct {
	Name          string  `json:"name"`
	Seed          uint64  `json:"seed"`
	Seconds       float64 `json:"seconds"`         // with what was waited for afterwards
	FaultMS       float64 `json:"fault_ms"`        // from the beginning of the fault to its end
	Acknowledged  int     `json:"acknowledged"`    // jobs
	Requests      int     `json:"requests"`        // of clients
	Unavailable   int     `json:"unavailable"`     // answered with 503
	NoAnswer      int     `json:"no_answer"`       // cut off, or to a server that was not there
	SlowestMS     float64 `json:"slowest_ms"`      // of all answers
	SubmitsBackMS float64 `json:"submits_back_ms"` // from the end of the fault to the first job that was acknowledged again
	WorkBackMS    float64 `json:"work_back_ms"`    // from the end of the fault to the first step that was begun again
	Takeovers     int     `json:"takeovers"`       // jobs that went on in another process
	TakeoverP50MS float64 `json:"takeover_p50_ms"` // from the loss of a process to the next step of its jobs elsewhere
	TakeoverMaxMS float64 `json:"takeover_max_ms"`
	PickupMaxMS   float64 `json:"pickup_max_ms,omitempty"` // from the acknowledgement of a job to its first step
	LeaseMS       int64   `json:"lease_ms"`
	// Met is how often the fault met something, by what that is. Bytes are those that were slowed down, swallowed or held.
	Met    map[string]int64 `json:"met"`
	Faults []string         `json:"faults,omitempty"`
}

// DatabaseReport is what all scenarios came to. It is printed as one line.
type DatabaseReport struct {
	Name           string   `json:"name"`
	Seed           uint64   `json:"seed"`
	Scenarios      int      `json:"scenarios"`
	Acknowledged   int      `json:"acknowledged"`
	Lost           int      `json:"lost"`
	RepeatedSteps  int      `json:"repeated_steps"`
	DoubledEffects int      `json:"doubled_effects"`
	Takeovers      int      `json:"takeovers"`
	TakeoverP50MS  float64  `json:"takeover_p50_ms"`
	TakeoverMaxMS  float64  `json:"takeover_max_ms"`
	LeaseMS        int64    `json:"lease_ms"`
	SlowestMS      float64  `json:"slowest_ms"`
	Resumed        int      `json:"resumed_jobs"`
	Steps          int      `json:"steps"`
	Redone         int      `json:"redone_unrecorded"`
	LateSteps      int      `json:"late_steps"`
	Seconds        float64  `json:"seconds"`
	Faults         int      `json:"faults"`
	FirstFaults    []string `json:"first_faults,omitempty"`
}

// Promises that every scenario is held to, but for the slack. That of takeovers is the lease.
const (
	slowestAnswer = 12 * time.Second // whatever happens to the database
	backSoon      = 8 * time.Second  // from the end of a fault to the first acknowledgement, and to the first step
	pickupSoon    = time.Second      // from an acknowledgement to the first step, without notifications
)

// faulty is a test of this kind under way.
type faulty struct {
	*run
	o       DatabaseOptions
	cluster *cluster
	procs   []*proc // two that answer requests, two that work
	balance *balancer
	long    steward.AgentID // its jobs run for some seconds
	random  *rand.Rand
	took    []time.Duration // takeovers of all scenes
	scenes  []*Scene
}

// proc is a server with a network of its own to the database.
type proc struct {
	*installation
	name  string
	proxy *toxic.Proxy
}

// The processes.
const (
	api1 = iota
	api2
	worker1
	worker2
)

// What jobs of the agent "long" do.
const (
	longSteps = 24
	longPause = 100 * time.Millisecond
)

// Faults runs scenarios one after the other on two servers that answer requests and two that work, all on one PostgreSQL server, and judges
// all that happened at the end. An error means that the test could not be carried out.
func Faults(ctx context.Context, o DatabaseOptions) (_ *DatabaseReport, _ *oracle.World, err error) {
	if o.Cache == "" {
		o.Cache = filepath.Join(o.Folder, "cache")
	}
	if o.Slack == 0 {
		o.Slack = time.Second
	}
	scenarios, err := chosen(o.Only)
	if err != nil {
		return nil, nil, err
	}
	f := &faulty{
		o: o, random: rand.New(rand.NewPCG(o.Seed, 2)), //nolint:gosec // a repeatable test
		run: &run{backups: &backups{}, o: Options{Seed: o.Seed, Folder: o.Folder, Builds: o.Builds, Cache: o.Cache, Fault: o.Fault}},
	}
	defer func() { err = errors.Join(err, f.close()) }()
	began := time.Now()
	if err := f.open(ctx); err != nil {
		return nil, nil, err
	}
	for _, s := range scenarios {
		scene, err := f.play(ctx, s)
		if err != nil {
			return nil, nil, fmt.Errorf("scenario %s: %w", s.name, err)
		}
		f.scenes = append(f.scenes, scene)
		if o.Progress != nil {
			o.Progress(scene)
		}
	}
	if err := f.finish(ctx); err != nil {
		return nil, nil, fmt.Errorf("after the last scenario: %w", err)
	}
	world, err := f.world(ctx)
	if err != nil {
		return nil, nil, err
	}
	report := f.report(world)
	report.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	return report, world, nil
}

// open makes the cluster and starts the servers.
func (f *faulty) open(ctx context.Context) error {
	socket, err := f.outside(ctx)
	if err != nil {
		return err
	}
	if f.cluster, err = newCluster(ctx, f.o.Server); err != nil {
		return err
	}
	for i, name := range []string{"api-1", "api-2", "worker-1", "worker-2"} {
		p, err := f.process(ctx, name, socket)
		if err != nil {
			return err
		}
		if i > 0 {
			f.others = append(f.others, p.installation)
		} else {
			f.main = p.installation
		}
		if err := f.start(ctx, i); err != nil {
			return err
		}
	}
	f.run.o.Database = f.cluster.url(f.cluster.address)
	f.balance = newBalancer(f.procs[api1].address, f.procs[api2].address)
	to := &http.Client{Transport: f.balance, Timeout: 30 * time.Second}
	if err := f.meet(ctx, balancerHost, to, to); err != nil {
		return err
	}
	return f.makeLong(ctx)
}

// process makes a server with its proxy. It is in procs then, also with an error.
func (f *faulty) process(ctx context.Context, name, socket string) (*proc, error) {
	p := &proc{name: name}
	var err error
	if p.proxy, err = toxic.ListenPostgres(ctx, f.cluster.address); err != nil {
		return nil, err
	}
	f.procs = append(f.procs, p)
	role, _, _ := strings.Cut(name, "-")
	f.run.o.Database = f.cluster.url(p.proxy.Addr())
	p.installation, err = f.install(ctx, name, socket, []string{role})
	return p, err
}

// start starts a process.
func (f *faulty) start(ctx context.Context, i int) error {
	p := f.procs[i]
	if err := p.start(f.o.Builds[i%len(f.o.Builds)]); err != nil {
		return err
	}
	return p.ready(ctx)
}

// makeLong makes the agent whose jobs take their time.
func (f *faulty) makeLong(ctx context.Context) error {
	made, err := f.load.client.CreateAgent(ctx, client.AgentCreate{
		Name: "long", EngineClassID: enginetest.CrashClassID, EngineConfig: object{"steps": longSteps, "pause_ms": longPause.Milliseconds()},
	})
	if err != nil {
		return fmt.Errorf("create agent: %w", err)
	}
	f.long = made.ID
	f.load.told.Agents[made.ID] = crashing("long", longSteps, []steward.Status{steward.StatusSuccess})
	return nil
}

// scene is a scenario under way.
type scene struct {
	*Scene
	began  time.Time
	broken time.Time // when the fault began
	healed time.Time // when it was over
	told   int       // jobs that were told of before
	first  int64     // number of the last effect before
	lost   []lostProcess
	counts []func(ctx context.Context) error // called when all has come to its end
	mu     sync.Mutex                        // for Met
	load   context.CancelFunc
	loaded chan struct{}
}

// lostProcess is a process that others have to follow up.
type lostProcess struct {
	pid int
	at  time.Time
}

func (s *scene) fault(format string, args ...any) {
	s.Faults = append(s.Faults, s.Name+": "+fmt.Sprintf(format, args...))
}

// loses notes that a process cannot go on from now on.
func (s *scene) loses(p *proc) {
	s.lost = append(s.lost, lostProcess{p.cmd.Process.Pid, time.Now()})
}

// play runs a scenario.
func (f *faulty) play(ctx context.Context, which scenario) (*Scene, error) {
	s := &scene{Scene: &Scene{Name: which.name, Seed: f.o.Seed, LeaseMS: lease.Milliseconds()}, began: time.Now(), first: f.latest(), told: f.count()}
	f.begin(ctx, s)
	defer s.load()
	if err := f.bothWork(ctx, s); err != nil {
		return nil, err
	}
	s.broken = time.Now()
	err := which.do(ctx, f, s)
	s.healed = time.Now()
	for _, p := range f.procs {
		p.proxy.Heal()
	}
	if err != nil {
		return nil, err
	}
	if err := f.isBack(ctx, s); err != nil {
		return nil, err
	}
	f.cut(s.broken)
	s.load()
	<-s.loaded
	if err := f.settle(ctx, s); err != nil {
		return nil, err
	}
	f.measure(s)
	for _, count := range s.counts {
		if err := count(ctx); err != nil {
			return nil, err
		}
	}
	s.metAll()
	s.atStake()
	if which.check != nil {
		which.check(f, s)
	}
	return s.Scene, nil
}

func (f *faulty) count() int {
	f.load.mu.Lock()
	defer f.load.mu.Unlock()
	return len(f.load.told.Jobs)
}

// The load of a scene: so many clients, each of which waits so long between two things, at most.
const (
	faultyClients = 4
	faultyPause   = 160 * time.Millisecond
)

// begin has clients work until the scene's load is called off.
func (f *faulty) begin(ctx context.Context, s *scene) {
	working, stop := context.WithCancel(ctx)
	s.load, s.loaded = stop, make(chan struct{})
	var wg sync.WaitGroup
	for range faultyClients {
		seed := f.random.Uint64()
		wg.Go(func() { f.work(working, rand.New(rand.NewPCG(f.o.Seed, seed))) }) //nolint:gosec // a repeatable test
	}
	go func() {
		wg.Wait()
		close(s.loaded)
	}()
}

// work is one client.
func (f *faulty) work(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		f.load.again(ctx)
		if random.IntN(8) == 0 {
			f.load.try(ctx, f.longOne())
		} else {
			f.load.try(ctx, f.load.choose(random))
		}
		f.nap(ctx, time.Duration(random.Int64N(int64(faultyPause))))
	}
}

func (f *faulty) longOne() *op { return f.load.single(f.long, f.load.text("long")) }

// busyWith is how many jobs of the agent "long" each worker has before a fault, in their first half.
const busyWith = 3

// bothWork has jobs started until both workers have some that will go on for a while.
func (f *faulty) bothWork(ctx context.Context, s *scene) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	return until(ctx, "both workers work", func() (bool, error) {
		steps, at := map[steward.JobID]int{}, map[steward.JobID]int{}
		more, _ := f.log.After(s.first)
		for _, e := range more {
			if e.Kind == effects.Step && f.agentOf(e.Job) == f.long {
				steps[e.Job]++
				at[e.Job] = e.PID
			}
		}
		busy := map[int]int{}
		for id, n := range steps {
			if n < longSteps/2 {
				busy[at[id]]++
			}
		}
		if min(busy[f.procs[worker1].cmd.Process.Pid], busy[f.procs[worker2].cmd.Process.Pid]) >= busyWith {
			return true, nil
		}
		wg.Go(func() { f.load.try(ctx, f.longOne()) })
		f.nap(ctx, longPause)
		return false, nil
	})
}

// isBack waits until jobs are taken in and worked on again, and notes how long that took.
func (f *faulty) isBack(ctx context.Context, s *scene) error {
	return until(ctx, "jobs are taken in and worked on again", func() (bool, error) {
		if s.SubmitsBackMS == 0 {
			for _, e := range f.balance.since(s.healed) {
				if e.submits && e.status/100 == 2 {
					s.SubmitsBackMS = millis(e.began.Add(e.took).Sub(s.healed))
					break
				}
			}
		}
		if s.WorkBackMS == 0 {
			more, _ := f.log.After(s.first)
			for _, e := range more {
				if e.Kind == effects.Step && e.At.After(s.healed) {
					s.WorkBackMS = millis(e.At.Sub(s.healed))
					break
				}
			}
		}
		return s.SubmitsBackMS > 0 && s.WorkBackMS > 0, nil
	})
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// settle waits until everything of the scene has come to its end.
func (f *faulty) settle(ctx context.Context, s *scene) error {
	if err := until(ctx, "all that was cut off is done", func() (bool, error) {
		f.load.again(ctx)
		return f.onlyDying(), ctx.Err()
	}); err != nil {
		return fmt.Errorf("%w: %q", err, f.load.left())
	}
	f.load.mu.Lock()
	var open []steward.JobID
	for _, j := range f.load.told.Jobs[s.told:] {
		open = append(open, j.ID)
	}
	f.load.mu.Unlock()
	s.Acknowledged = len(open)
	return until(ctx, "all jobs have ended", func() (bool, error) {
		open = slices.DeleteFunc(open, func(id steward.JobID) bool {
			st, err := f.load.client.JobStatus(ctx, id)
			return err == nil && st.Status.Terminal() || steward.CodeOf(err) == steward.NotFound // the judge will say so
		})
		if len(open) > 0 {
			f.nap(ctx, 20*time.Millisecond)
		}
		return len(open) == 0, ctx.Err()
	})
}

// onlyDying reports whether nothing is left to be done again but uploads of a content whose deletion was cut off: it can be stored again when the
// sweeper has found it, some minutes later.
func (f *faulty) onlyDying() bool {
	return !slices.ContainsFunc(f.load.left(), func(what string) bool { return !strings.Contains(what, "being deleted right now") })
}

// measure fills in what is known at the end of a scene, and holds it against the promises.
func (f *faulty) measure(s *scene) {
	s.FaultMS = millis(s.healed.Sub(s.broken))
	s.Seconds = millis(time.Since(s.began)) / 1000
	for _, e := range f.balance.since(s.began) {
		s.Requests++
		s.SlowestMS = max(s.SlowestMS, millis(e.took))
		switch e.status {
		case 0:
			s.NoAnswer++
		case http.StatusServiceUnavailable:
			s.Unavailable++
			if !e.patient {
				s.fault("an answer 503 does not say when to come again")
			}
		}
	}
	took := f.takeovers(s)
	f.took = append(f.took, took...)
	s.Takeovers, s.TakeoverP50MS, s.TakeoverMaxMS = len(took), percentile(took, 50), percentile(took, 100)
	for what, promise := range map[string]struct {
		got  float64
		most time.Duration
	}{
		"the slowest answer":                           {s.SlowestMS, slowestAnswer},
		"the first job after the fault":                {s.SubmitsBackMS, backSoon},
		"the first step after the fault":               {s.WorkBackMS, backSoon},
		"the takeover of a job":                        {s.TakeoverMaxMS, lease},
		"the first step of a job without notification": {s.PickupMaxMS, pickupSoon},
	} {
		if most := millis(promise.most + f.o.Slack); promise.got > most {
			s.fault("%s took %.0f ms, want at most %.0f", what, promise.got, most)
		}
	}
}

// takeovers returns how long it took until jobs of lost processes went on elsewhere, sorted.
func (f *faulty) takeovers(s *scene) (took []time.Duration) {
	for _, p := range s.lost {
		had := map[steward.JobID]bool{}
		more, _ := f.log.After(s.first)
		for _, e := range more {
			switch {
			case e.Kind != effects.Step || f.agentOf(e.Job) != f.long: // others may come back for reasons of their own
			case e.PID == p.pid:
				had[e.Job] = true
			case had[e.Job] && e.At.After(p.at):
				had[e.Job] = false
				took = append(took, e.At.Sub(p.at))
			}
		}
	}
	slices.Sort(took)
	return took
}

// finish waits for events and stops the servers, which have to end well.
func (f *faulty) finish(ctx context.Context) error {
	if f.o.Fault == LoseJob {
		if err := f.change(ctx, `DELETE FROM jobs WHERE id = '`+string(f.load.told.Jobs[1].ID)+`'`); err != nil {
			return err
		}
	}
	if err := f.awaitJobs(ctx); err != nil {
		return err
	}
	if err := f.awaitGone(ctx, openOfGone); err != nil {
		return err
	}
	if err := f.main.stop(); err != nil { // a start looks at once for what deleted agents and deletions that were cut off have left
		return err
	}
	// What was under way is sent again after a minute, what a receiver did not take later still: now is later.
	if err := errors.Join(f.timePasses(ctx), f.change(ctx, `UPDATE blobs SET dying_at = now() - interval '1 hour' WHERE dying_at IS NOT NULL`)); err != nil {
		return err
	}
	if err := f.start(ctx, api1); err != nil {
		return err
	}
	if err := until(ctx, "all that was cut off is done", func() (bool, error) {
		f.load.again(ctx)
		return f.load.settled(), ctx.Err()
	}); err != nil {
		return fmt.Errorf("%w: %q", err, f.load.left())
	}
	if err := f.awaitJobs(ctx); err != nil {
		return err
	}
	if err := f.awaitEvents(ctx); err != nil {
		return err
	}
	if err := f.awaitGone(ctx, fullOfGone); err != nil {
		return err
	}
	for _, p := range f.procs {
		if err := p.stop(); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// report is the judge's word with the times.
func (f *faulty) report(w *oracle.World) *DatabaseReport {
	v := oracle.Judge(w)
	v.Faults = append(v.Faults, f.load.refusals...)
	f.receiver.mu.Lock()
	v.Faults = append(v.Faults, f.receiver.refused...)
	f.receiver.mu.Unlock()
	r := &DatabaseReport{
		Name: "pgfaults", Seed: f.o.Seed, Scenarios: len(f.scenes), Acknowledged: v.Acknowledged, Lost: v.Lost, RepeatedSteps: v.RepeatedSteps,
		DoubledEffects: v.DoubledEffects, Takeovers: len(f.took), LeaseMS: lease.Milliseconds(), Resumed: v.Resumed, Steps: v.Steps,
		Redone: v.RedoneUnrecorded, LateSteps: v.LateSteps,
	}
	if v.Steps < v.Acknowledged {
		v.Faults = append(v.Faults, fmt.Sprintf("%d jobs did only %d steps", v.Acknowledged, v.Steps))
	}
	for _, s := range f.scenes {
		v.Faults = append(v.Faults, s.Faults...)
		r.SlowestMS = max(r.SlowestMS, s.SlowestMS)
	}
	slices.Sort(f.took)
	r.TakeoverP50MS, r.TakeoverMaxMS = percentile(f.took, 50), percentile(f.took, 100)
	r.Faults, r.FirstFaults = len(v.Faults), v.Faults[:min(len(v.Faults), 20)]
	return r
}

// close ends what is left.
func (f *faulty) close() error {
	if f.balance != nil {
		f.balance.close()
	}
	err := f.run.close()
	for _, p := range f.procs {
		err = errors.Join(err, p.proxy.Close())
	}
	if f.cluster != nil {
		err = errors.Join(err, f.cluster.close())
	}
	return err
}
