// Package crashtest kills servers under load and checks from outside that nothing was lost and nothing done twice.
package crashtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/pgtest"
	"github.com/stewardhq/steward/internal/store/postgres"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// envInt reads a parameter of the test: STEWARD_CRASH_ROUNDS, STEWARD_CRASH_SEED.
func envInt(t *testing.T, name string, otherwise int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s=%q is not a number", name, v)
	}
	return n
}

// TestKillUnderLoad kills the server with SIGKILL at random moments under a load of three-step jobs, and starts it again,
// every second time as another build.
func TestKillUnderLoad(t *testing.T) { //nolint:paralleltest // it measures times
	rounds := envInt(t, "STEWARD_CRASH_ROUNDS", 50)
	runKills(t, rounds, "", func(dir string) (store.Store, error) {
		return sqlite.Open(context.Background(), filepath.Join(dir, "data", "steward.db"), nil)
	})
}

// TestKillUnderLoadOnPostgreSQL is the same over PostgreSQL, with fewer kills.
func TestKillUnderLoadOnPostgreSQL(t *testing.T) { //nolint:paralleltest // it measures times
	url := pgtest.Database(t)
	rounds := max(envInt(t, "STEWARD_CRASH_ROUNDS", 50)/5, 1)
	runKills(t, rounds, url, func(string) (store.Store, error) { return postgres.Open(context.Background(), url, nil) })
}

func runKills(t *testing.T, rounds int, database string, open func(dir string) (store.Store, error)) {
	t.Helper()
	seed := envInt(t, "STEWARD_CRASH_SEED", 1)
	dir := t.TempDir()
	c := &crash{
		t: t, dir: dir, database: database, effects: filepath.Join(dir, "effects"), port: freePort(t),
		rand: rand.New(rand.NewPCG(uint64(seed), 1)), //nolint:gosec // a repeatable test
	}
	for _, build := range []string{"a", "b"} {
		c.builds = append(c.builds, c.build(build))
	}
	for round := range rounds {
		c.start(c.builds[round%2])
		stopLoad := c.load()
		c.awaitWork(round)
		time.Sleep(time.Duration(c.rand.IntN(200)) * time.Millisecond) // the random moment of the kill is the subject of the test
		c.kill()
		stopLoad()
	}
	c.start(c.builds[0])
	c.awaitAll()
	c.kill()

	st, err := open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }() // only read
	c.judge(st, rounds)
}

// crash is one test: a data folder, the server on it, and what its observer knows.
type crash struct {
	t        *testing.T
	dir      string
	database string
	effects  string
	port     int
	rand     *rand.Rand
	builds   []string
	cmd      *exec.Cmd
	started  time.Time
	client   *client.Client
	agent    steward.AgentID
	resume   []time.Duration // from the start of a process to its first step

	offset int64 // how far the effects are read
	seen   []enginetest.Effect

	mu    sync.Mutex
	acked []steward.JobID
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // only its number is wanted
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("listening on %v", l.Addr())
	}
	return addr.Port
}

func (c *crash) build(name string) string {
	c.t.Helper()
	out := filepath.Join(c.dir, "server-"+name)
	cmd := exec.CommandContext(c.t.Context(), "go", "build", "-ldflags", "-X main.build="+name, "-o", out, "./server") //nolint:gosec // own arguments
	if text, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("build server: %v\n%s", err, text)
	}
	return out
}

// start starts a build and waits until it answers.
func (c *crash) start(binary string) {
	c.t.Helper()
	base := fmt.Sprintf("http://127.0.0.1:%d", c.port)
	c.cmd = exec.Command(binary, "-data", filepath.Join(c.dir, "data"), "-listen", base[len("http://"):], "-effects", c.effects, "-database", c.database) //nolint:gosec // killed by the test
	c.cmd.Stderr = os.Stderr
	c.started = time.Now()
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.until("the server answers", func() bool {
		resp, err := http.Get(base + "/readyz")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	if c.client != nil {
		return
	}
	var err error
	c.client, err = client.New(&client.Options{DataFolder: filepath.Join(c.dir, "data"), BaseURL: base, MaxRetries: -1})
	if err != nil {
		c.t.Fatal(err)
	}
	a, err := c.client.CreateAgent(c.t.Context(), client.AgentCreate{Name: "three steps", EngineClassID: "Steps3Engine"})
	if err != nil {
		c.t.Fatal(err)
	}
	c.agent = a.ID
}

// until polls a condition for at most a minute.
func (c *crash) until(what string, ok func() bool) {
	c.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			c.t.Fatalf("waited a minute until %s", what)
		}
		<-tick.C
	}
}

// load submits jobs from several goroutines and notes those that the server acknowledged. The returned function stops it.
func (c *crash) load() (stop func()) {
	ctx, cancel := context.WithCancel(c.t.Context())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				id, err := c.client.Run(ctx, c.agent, client.RunParams{Inputs: client.Inputs{"text": "x"}})
				if err != nil {
					return // the server was killed
				}
				c.mu.Lock()
				c.acked = append(c.acked, id)
				c.mu.Unlock()
			}
		})
	}
	return func() {
		cancel()
		wg.Wait()
	}
}

// awaitWork waits for the first step of the process and notes how long that took since its start.
func (c *crash) awaitWork(round int) {
	c.t.Helper()
	pid := c.cmd.Process.Pid
	before := len(c.seen)
	c.until("the server does its first step", func() bool {
		c.tail()
		for _, e := range c.seen[before:] {
			if e.PID != pid {
				continue
			}
			if round > 0 { // the first start makes the database
				c.resume = append(c.resume, e.At.Sub(c.started))
			}
			return true
		}
		return false
	})
}

func (c *crash) kill() {
	c.t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		c.t.Fatal(err)
	}
	_ = c.cmd.Wait() // it was killed; there is no good end
}

// awaitAll waits until every acknowledged job has ended.
func (c *crash) awaitAll() {
	c.t.Helper()
	for _, id := range c.acked {
		c.until(fmt.Sprintf("job %s ends", id), func() bool {
			st, err := c.client.JobStatus(c.t.Context(), id)
			if err != nil {
				c.t.Fatalf("acknowledged job %s: %v", id, err)
			}
			return st.Status.Terminal()
		})
	}
}

// tail reads what the effects' file has gained since the last call.
func (c *crash) tail() {
	c.t.Helper()
	f, err := os.Open(c.effects)
	if os.IsNotExist(err) {
		return
	}
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read
	if _, err := f.Seek(c.offset, io.SeekStart); err != nil {
		c.t.Fatal(err)
	}
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return // the rest of the line comes later, or never when its writer was killed
		}
		c.offset += int64(len(line))
		var e enginetest.Effect
		if err := json.Unmarshal(line, &e); err != nil {
			c.t.Fatalf("effect %q: %v", line, err)
		}
		c.seen = append(c.seen, e)
	}
}

// verdict is what the oracle prints.
type verdict struct {
	Name          string  `json:"name"`
	Kills         int     `json:"kills"`
	Acknowledged  int     `json:"acknowledged"`
	Lost          int     `json:"lost"`
	RepeatedSteps int     `json:"repeated_steps"`
	Interrupted   int     `json:"interrupted_steps"` // done, but killed before they could be recorded: these may be done again
	Resumed       int     `json:"resumed_jobs"`
	ResumeP50MS   float64 `json:"resume_p50_ms"`
	ResumeP99MS   float64 `json:"resume_p99_ms"`
}

// judge compares what the database says with what the observer saw.
func (c *crash) judge(st store.Store, kills int) {
	c.t.Helper()
	v := verdict{Name: c.t.Name(), Kills: kills, Acknowledged: len(c.acked)}
	done := map[steward.JobID]map[string][]int{} // attempts that did a step
	c.tail()
	for _, e := range c.seen {
		if done[e.Job] == nil {
			done[e.Job] = map[string][]int{}
		}
		done[e.Job][e.Step] = append(done[e.Job][e.Step], e.Attempt)
	}
	org := c.organization()
	for _, id := range c.acked {
		job, err := st.Job(c.t.Context(), org, id)
		if err != nil || job.Status != steward.StatusSuccess {
			v.Lost++
			c.t.Errorf("acknowledged job %s: %+v, %v", id, job, err)
			continue
		}
		if job.Attempt > 1 {
			v.Resumed++
		}
		steps, err := st.Steps(c.t.Context(), org, id)
		if err != nil || len(steps) != 3 {
			v.Lost++
			c.t.Errorf("job %s has %d steps, %v", id, len(steps), err)
			continue
		}
		for _, s := range steps {
			v.countRepeats(s, done[id][s.Name])
		}
	}
	slices.Sort(c.resume)
	v.ResumeP50MS, v.ResumeP99MS = percentile(c.resume, 50), percentile(c.resume, 99)
	line, err := json.Marshal(v)
	if err != nil {
		c.t.Fatal(err)
	}
	fmt.Println(string(line))
	if v.Lost > 0 || v.RepeatedSteps > 0 {
		c.t.Errorf("lost %d jobs, repeated %d recorded steps", v.Lost, v.RepeatedSteps)
	}
	if v.Acknowledged < kills {
		c.t.Errorf("only %d jobs were acknowledged in %d rounds: there was no load", v.Acknowledged, kills)
	}
	if kills >= 10 && v.Resumed == 0 {
		c.t.Error("no job was interrupted by a kill: the test tests nothing")
	}
	if v.ResumeP99MS > 1000 {
		c.t.Errorf("first step after a restart took %.0f ms at the 99th percentile, want at most 1000", v.ResumeP99MS)
	}
}

// countRepeats looks at who did a step: nobody may do it after the attempt that recorded it.
func (v *verdict) countRepeats(s steward.Step, attempts []int) {
	for _, a := range attempts {
		if a > s.Attempt {
			v.RepeatedSteps++
		}
		if a < s.Attempt {
			v.Interrupted++
		}
	}
}

func (c *crash) organization() steward.OrganizationID {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, "data", "credentials.json"))
	if err != nil {
		c.t.Fatal(err)
	}
	var cred struct {
		OrganizationID steward.OrganizationID `json:"organization_id"`
	}
	if err := json.Unmarshal(text, &cred); err != nil {
		c.t.Fatal(err)
	}
	return cred.OrganizationID
}

// percentile returns the p-th percentile of sorted durations in milliseconds.
func percentile(sorted []time.Duration, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[(len(sorted)-1)*p/100].Microseconds()) / 1000
}
