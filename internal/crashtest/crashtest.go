// Package crashtest kills servers under a mixed load, again and again, and has package oracle judge what is left.
//
//	builds, err := crashtest.Builds(ctx, folder)
//	report, world, err := crashtest.Run(ctx, crashtest.Options{Rounds: 50, Seed: 1, Folder: folder, Builds: builds})
//
// Each round starts a server, lets clients work with it and kills it at a random moment; one in ten kills it while it starts. Every second
// start is of another build. From time to time a server is stopped for longer than its leases last instead, and woken: on PostgreSQL another worker has taken its jobs over by then.
// The log of effects, the model provider and the receiver of webhooks live in the process of the test, which is never killed.
package crashtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/crashtest/effects"
	"github.com/stewardhq/steward/internal/crashtest/local"
	"github.com/stewardhq/steward/internal/crashtest/oracle"
	"github.com/stewardhq/steward/internal/crashtest/poll"
	"github.com/stewardhq/steward/internal/crashtest/rank"
	"github.com/stewardhq/steward/internal/crashtest/scripted"
	"github.com/stewardhq/steward/internal/document/documenttest"
)

// Options says how to test.
type Options struct {
	Rounds   int      // each ends with a kill
	Seed     uint64   // of what clients do and of the moments of the kills; the machine's own timing is not in it
	Database string   // URL of an empty PostgreSQL database; "" means SQLite
	Folder   string   // for everything that is written
	Builds   []string // see Builds
	Cache    string   // where the compiled PDF engine is kept; "" means a folder in Folder
	Budget   float64  // US dollars a day; 0 means none
	Fault    string   // have the servers be wrong on purpose: one of enginetest.CrashFaults, or LoseJob
	Progress func(round int)
}

// LoseJob is the fault of a database that forgets a job which was acknowledged.
const LoseJob = "lose_job"

// Report is what a run found. It is printed as one line.
type Report struct {
	Name             string   `json:"name"`
	Database         string   `json:"database"`
	Seed             uint64   `json:"seed"`
	Kills            int      `json:"kills"`
	Pauses           int      `json:"pauses"` // rounds in which a process was stopped for longer than its leases
	Acknowledged     int      `json:"acknowledged"`
	Lost             int      `json:"lost"`
	RepeatedSteps    int      `json:"repeated_steps"`
	DoubledEffects   int      `json:"doubled_effects"`
	ResumeP50MS      float64  `json:"resume_p50_ms"` // from the start of a process to its first step
	ResumeP99MS      float64  `json:"resume_p99_ms"`
	ResumeMaxMS      float64  `json:"resume_max_ms"`
	Resumed          int      `json:"resumed_jobs"`
	Steps            int      `json:"steps"`
	RedoneUnrecorded int      `json:"redone_unrecorded"` // steps that were done, and killed before they could be recorded
	LateSteps        int      `json:"late_steps"`
	ModelCalls       int      `json:"model_calls"`
	KeyedEffects     int      `json:"keyed_effects"`
	KeyedAgain       int      `json:"keyed_again"`
	Events           int      `json:"events"`
	Redelivered      int      `json:"redelivered"`
	Batches          int      `json:"batches"`
	Files            int      `json:"files"`
	AgentsDeleted    int      `json:"agents_deleted"`
	ItemsResumed     int      `json:"items_resumed"` // of batches that were cancelled and resumed
	StoredFiles      int      `json:"stored_files"`
	References       int      `json:"references"`    // saved files of jobs that were compared
	CostLimited      int      `json:"cost_limited"`  // jobs that their budget ended
	PicturesRead     int      `json:"pictures_read"` // by OCR
	Backups          int      `json:"backups"`       // made during kills, restored and verified
	Seconds          float64  `json:"seconds"`
	RoundsPerMinute  float64  `json:"rounds_per_minute"`
	Faults           int      `json:"faults"`
	FirstFaults      []string `json:"first_faults,omitempty"`
}

// Times of a run.
const (
	lease      = 2 * time.Second
	pauseEvery = 20                     // rounds
	earlyEvery = 10                     // rounds: the kill comes while the server starts
	longest    = 300 * time.Millisecond // from the first step of a process to its kill, at most
	earliest   = 150 * time.Millisecond // from the start of a process to an early kill, at most
	afterwards = 300 * time.Millisecond // that a woken process gets
)

// run is a test under way.
type run struct {
	o        Options
	random   *rand.Rand
	log      *effects.Log
	listener *effects.Listener
	provider *httptest.Server
	hooks    *httptest.Server
	receiver *receiver
	main     *installation
	second   *installation // takes over on PostgreSQL
	others   []*installation
	ocr      string // program
	pictures string // folder with a file for each picture that it read
	backups  *backups
	org      steward.OrganizationID
	webhook  steward.WebhookID
	load     *load
	resume   []time.Duration
	pauses   int
}

// Run tests, and returns what it found with all that it is based on. An error means that the test could not be carried out, or that
// a server did something that no test goes on after.
func Run(ctx context.Context, o Options) (_ *Report, _ *oracle.World, err error) {
	if o.Cache == "" {
		o.Cache = filepath.Join(o.Folder, "cache")
	}
	r := &run{o: o, backups: &backups{}, random: rand.New(rand.NewPCG(o.Seed, 1))} //nolint:gosec // a repeatable test
	defer func() { err = errors.Join(err, r.close()) }()
	began := time.Now()
	if err := r.open(ctx); err != nil {
		return nil, nil, err
	}
	if err := r.prepare(ctx); err != nil {
		return nil, nil, err
	}
	rounds := time.Now()
	for n := range o.Rounds {
		if err := r.round(ctx, n); err != nil {
			return nil, nil, fmt.Errorf("round %d: %w", n, err)
		}
		if o.Progress != nil {
			o.Progress(n + 1)
		}
	}
	took := time.Since(rounds)
	if err := r.finish(ctx); err != nil {
		return nil, nil, fmt.Errorf("after the last round: %w", err)
	}
	world, err := r.world(ctx)
	if err != nil {
		return nil, nil, err
	}
	report := r.report(world)
	report.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	report.RoundsPerMinute = float64(o.Rounds) / took.Minutes()
	return report, world, nil
}

// open makes everything that lives outside of the servers, and where they live.
func (r *run) open(ctx context.Context) error {
	socket, err := r.outside(ctx)
	if err != nil {
		return err
	}
	if r.main, err = r.install(ctx, "main", socket, nil); err != nil || r.o.Database == "" {
		return err
	}
	r.second, err = r.install(ctx, "second", socket, []string{"worker"})
	return err
}

// outside makes everything that lives outside of the servers, and returns the socket that takes effects.
func (r *run) outside(ctx context.Context) (socket string, err error) {
	if r.log, err = effects.Open(filepath.Join(r.o.Folder, "effects.jsonl")); err != nil {
		return "", err
	}
	// Not in the folder, whose path may be too long for a socket.
	sockets, err := os.MkdirTemp("", "crash")
	if err != nil {
		return "", fmt.Errorf("make folder of the socket: %w", err)
	}
	socket = filepath.Join(sockets, "effects")
	if r.listener, err = effects.Listen(ctx, r.log, socket); err != nil {
		return "", err
	}
	if r.ocr, r.pictures, err = documenttest.FakeOCR(sockets, "Section code: SC-700"); err != nil {
		return "", fmt.Errorf("make OCR: %w", err)
	}
	r.provider = httptest.NewServer(&provider{log: r.log})
	r.receiver = &receiver{log: r.log}
	r.hooks = httptest.NewServer(r.receiver)
	return socket, nil
}

// install makes a data folder with a configuration.
func (r *run) install(ctx context.Context, name, socket string, roles []string) (*installation, error) {
	n := &installation{name: name, folder: filepath.Join(r.o.Folder, name), socket: socket, fault: r.o.Fault}
	if err := os.MkdirAll(n.folder, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	var err error
	if n.address, err = local.FreeAddress(ctx); err != nil {
		return nil, err
	}
	if n.log, err = os.Create(filepath.Join(r.o.Folder, name+".log")); err != nil { //nolint:gosec // in the test's folder
		return nil, fmt.Errorf("make log: %w", err)
	}
	catalogue := filepath.Join(r.o.Folder, "catalogue.json")
	if err := os.WriteFile(catalogue, []byte(scripted.Catalogue), 0o600); err != nil {
		return nil, fmt.Errorf("write catalogue: %w", err)
	}
	config := object{
		"listen": n.address, "database": r.o.Database, "cache": r.o.Cache, "files": r.filesFolder(), "ocr_path": r.ocr,
		"secret_key_file": filepath.Join(r.o.Folder, "secret.key"),
		// Kills come faster here than a job on a busy machine gets through its first step, and three of them would make it poison. What
		// poison means has tests of its own.
		"workers": object{"lease": lease.String(), "max_crashes": 1000000, "concurrency": 32, "grace": "1s"},
		"fetch":   object{"allow": []string{"127.0.0.1"}},
		"models": object{"detect": "off", "catalogue": catalogue, "providers": object{
			"scripted": object{"kind": "openaicompat", "base_url": r.provider.URL + "/v1", "api_key": providerKey + name, "models": []string{scripted.Model}},
		}},
	}
	if roles != nil {
		config["roles"] = roles
	}
	if r.o.Budget > 0 {
		config["budget"] = object{"organization_usd_per_day": r.o.Budget}
	}
	text, err := json.Marshal(config) // which is YAML too
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	if err := os.WriteFile(filepath.Join(n.folder, "steward.yaml"), text, 0o600); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return n, nil
}

func (r *run) filesFolder() string { return filepath.Join(r.o.Folder, "files") }

// prepare starts the first server and makes what the load needs. Runs without a disturbance tell what answers have to be.
func (r *run) prepare(ctx context.Context) error {
	if err := r.main.start(r.o.Builds[0]); err != nil {
		return err
	}
	if err := r.main.ready(ctx); err != nil {
		return err
	}
	// A connection of its own for each request: a killed server must not be asked through one that it left behind.
	raw := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	if err := r.meet(ctx, "http://"+r.main.address, nil, raw); err != nil {
		return err
	}
	for _, o := range r.load.rare(r.o.Seed) {
		r.load.later(o)
	}
	return r.main.stop()
}

// meet makes what the load needs, with the credentials of the first server. The SDK's requests go through a client of HTTP of its own when
// there is none for them.
func (r *run) meet(ctx context.Context, base string, sdk, raw *http.Client) error {
	key, org, err := r.credentials()
	if err != nil {
		return err
	}
	r.org = org
	c, err := client.New(&client.Options{APIKey: key, BaseURL: base, MaxRetries: -1, Timeout: 20 * time.Second, HTTPClient: sdk})
	if err != nil {
		return err
	}
	r.load = &load{client: c, raw: &rawClient{base: base, key: key, http: raw}, place: map[steward.JobID]int{}}
	r.load.told.Hooks = map[steward.WebhookID][]steward.AgentID{}
	if r.load.agents, r.load.told.Agents, err = makeAgents(ctx, c); err != nil {
		return err
	}
	if err := r.listen(ctx); err != nil {
		return err
	}
	return r.undisturbed(ctx)
}

// credentials reads what the first start has left.
func (r *run) credentials() (key string, org steward.OrganizationID, err error) {
	text, err := os.ReadFile(filepath.Join(r.main.folder, "credentials.json"))
	if err != nil {
		return "", "", fmt.Errorf("read credentials: %w", err)
	}
	var cred struct {
		APIKey         string                 `json:"api_key"`
		OrganizationID steward.OrganizationID `json:"organization_id"`
	}
	if err := json.Unmarshal(text, &cred); err != nil {
		return "", "", fmt.Errorf("read credentials: %w", err)
	}
	return cred.APIKey, cred.OrganizationID, nil
}

// listen makes the webhook.
func (r *run) listen(ctx context.Context) error {
	hook, err := r.load.client.CreateWebhook(ctx, client.WebhookCreate{Name: "crash", URL: r.hooks.URL, Events: steward.EventTypes()})
	if err != nil {
		return fmt.Errorf("create webhook: %w", err)
	}
	r.receiver.mu.Lock()
	r.receiver.secrets = []string{hook.Secret}
	r.receiver.mu.Unlock()
	a := &r.load.agents
	linked := []steward.AgentID{a.plain, a.keyed, a.batch, a.fail, a.hold}
	if _, err := r.load.client.LinkWebhook(ctx, hook.ID, linked...); err != nil {
		return fmt.Errorf("link webhook: %w", err)
	}
	r.webhook, r.load.told.Hooks[hook.ID] = hook.ID, linked
	return nil
}

// undisturbed runs what cannot be foretold once.
func (r *run) undisturbed(ctx context.Context) error {
	for _, o := range []*op{r.load.builtinPDF(nil), r.load.scan(nil)} {
		if err := r.foretell(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// foretell has the answer of an op's job be that of all jobs of its agent.
func (r *run) foretell(ctx context.Context, o *op) error {
	l := r.load
	if err := o.do(ctx); err != nil {
		return fmt.Errorf("undisturbed run: %w", err)
	}
	job := l.told.Jobs[len(l.told.Jobs)-1]
	result, err := l.client.Wait(ctx, job.ID, &client.WaitOptions{Timeout: patience})
	if err != nil || !result.Status.Succeeded() || len(result.Outputs) != 1 {
		return fmt.Errorf("undisturbed run: %+v: %w", result, err)
	}
	want := unmarked(result.Outputs[0].Value)
	about := l.told.Agents[job.Agent]
	about.Value = func(string) string { return want }
	l.told.Agents[job.Agent] = about
	return nil
}

// round starts a server, has clients work with it, and kills it.
func (r *run) round(ctx context.Context, n int) error {
	if err := r.main.start(r.o.Builds[n%len(r.o.Builds)]); err != nil {
		return err
	}
	if n%earlyEvery == earlyEvery/2 {
		r.nap(ctx, time.Duration(r.random.Int64N(int64(earliest))))
		return r.main.kill()
	}
	before := r.latest()
	if err := r.main.ready(ctx); err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.load.run(working, r.o.Seed, uint64(n)) //nolint:gosec // a small number
	}()
	if err := r.firstStep(ctx, before); err != nil {
		return err
	}
	moment := time.Duration(r.random.Int64N(int64(longest)))
	r.backups.begin(ctx, r, n)
	r.nap(ctx, moment)
	if n%pauseEvery == pauseEvery-1 {
		if err := r.pause(ctx, n); err != nil {
			return err
		}
	}
	err := r.main.kill()
	stop()
	<-done
	return err
}

// latest is the number of the latest effect.
func (r *run) latest() int64 {
	all, _ := r.log.After(0)
	return int64(len(all))
}

// firstStep waits until the process does its first step, and notes how long that took.
func (r *run) firstStep(ctx context.Context, seq int64) error {
	pid := r.main.cmd.Process.Pid
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		more, grown := r.log.After(seq)
		for _, e := range more {
			if e.PID == pid {
				r.resume = append(r.resume, e.At.Sub(r.main.began))
				return nil
			}
		}
		seq += int64(len(more))
		select {
		case <-grown:
		case <-ctx.Done():
			return fmt.Errorf("the server did not do a step within %v", patience)
		}
	}
}

// nap waits. The moment of a kill is the subject of the test.
func (r *run) nap(ctx context.Context, d time.Duration) { poll.Sleep(ctx, d) }

// pause stops the process until its leases have run out, and wakes it. On PostgreSQL another worker has its jobs by then.
func (r *run) pause(ctx context.Context, n int) error {
	r.pauses++
	if r.second != nil {
		if err := r.second.start(r.o.Builds[(n+1)%len(r.o.Builds)]); err != nil {
			return err
		}
		defer r.second.end()
		if err := r.second.ready(ctx); err != nil {
			return err
		}
	}
	if err := r.main.sleep(); err != nil {
		return fmt.Errorf("stop process: %w", err)
	}
	r.nap(ctx, lease+lease/4)
	p := oracle.Pause{From: time.Now(), PID: r.main.cmd.Process.Pid, Installation: r.main.name}
	if err := r.main.wake(); err != nil {
		return fmt.Errorf("wake process: %w", err)
	}
	r.nap(ctx, afterwards)
	if r.second == nil {
		return nil // nobody else can have had its jobs
	}
	p.To = time.Now()
	r.load.mu.Lock()
	r.load.told.Pauses = append(r.load.told.Pauses, p)
	r.load.mu.Unlock()
	return r.second.kill()
}

// cut notes that the database or the disk failed from a moment until now.
func (r *run) cut(from time.Time) {
	r.load.mu.Lock()
	defer r.load.mu.Unlock()
	r.load.told.Cuts = append(r.load.told.Cuts, oracle.Cut{From: from, To: time.Now()})
}

// finish lets a server do all that is left.
func (r *run) finish(ctx context.Context) error {
	if r.o.Fault == LoseJob {
		if err := r.change(ctx, `DELETE FROM jobs WHERE id = '`+string(r.load.told.Jobs[1].ID)+`'`); err != nil {
			return err
		}
	}
	if err := r.main.start(r.o.Builds[0]); err != nil {
		return err
	}
	if err := r.main.ready(ctx); err != nil {
		return err
	}
	if err := until(ctx, "all that was cut off is done", func() (bool, error) {
		r.load.again(ctx)
		return r.load.settled(), ctx.Err()
	}); err != nil {
		return err
	}
	if err := r.awaitJobs(ctx); err != nil {
		return err
	}
	if err := r.awaitGone(ctx, openOfGone); err != nil {
		return err
	}
	if err := r.main.stop(); err != nil {
		return err
	}
	// What a killed process had under way is sent again after a minute, what a receiver did not take later still: now is later.
	if err := r.timePasses(ctx); err != nil {
		return err
	}
	if err := r.main.start(r.o.Builds[1%len(r.o.Builds)]); err != nil {
		return err
	}
	if err := r.main.ready(ctx); err != nil {
		return err
	}
	if err := r.awaitEvents(ctx); err != nil {
		return err
	}
	if err := r.awaitGone(ctx, fullOfGone); err != nil {
		return err
	}
	return r.main.stop()
}

// awaitJobs waits until all jobs have ended. Those that do not are left to the judge.
func (r *run) awaitJobs(ctx context.Context) error {
	open := make([]steward.JobID, 0, len(r.load.told.Jobs))
	for _, j := range r.load.told.Jobs {
		open = append(open, j.ID)
	}
	deadline := time.Now().Add(patience)
	for len(open) > 0 && time.Now().Before(deadline) {
		n := min(len(open), 1000)
		var left []steward.JobID
		for _, id := range open[:n] {
			st, err := r.load.client.JobStatus(ctx, id)
			switch {
			case steward.CodeOf(err) == steward.NotFound: // the judge will say so
			case err != nil:
				return fmt.Errorf("status of job %s: %w", id, err)
			case !st.Status.Terminal():
				left = append(left, id)
			}
		}
		open = append(open[n:], left...)
		if len(left) == n {
			r.nap(ctx, 50*time.Millisecond)
		}
	}
	return ctx.Err()
}

// timePasses makes all events due.
func (r *run) timePasses(ctx context.Context) error {
	if r.o.Database != "" {
		return r.change(ctx, `UPDATE webhook_deliveries SET due_at = now() - interval '1 hour' WHERE status = 0`)
	}
	return r.change(ctx, `UPDATE webhook_deliveries SET due_at = 1 WHERE status = 0`)
}

// change changes the database while no server runs.
func (r *run) change(ctx context.Context, statement string) (err error) {
	db, err := local.OpenSQL(r.o.Database, r.main.folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("change database: %w", err)
	}
	return nil
}

// awaitEvents waits until all events have come to their goal and all batches are completed.
func (r *run) awaitEvents(ctx context.Context) error {
	return until(ctx, "all events are delivered and all batches completed", func() (bool, error) {
		page, err := r.load.client.ListDeliveries(ctx, r.webhook, client.DeliveryList{Status: steward.DeliveryPending, PageSize: 1})
		if err != nil || page.Count > 0 {
			return false, err
		}
		for b, err := range r.load.client.Batches(ctx, client.BatchList{PageSize: 100}) {
			if err != nil || b.CompletedAt == nil {
				return false, err
			}
		}
		return true, nil
	})
}

// world gathers all that is known.
func (r *run) world(ctx context.Context) (_ *oracle.World, err error) {
	temps := []string{filepath.Join(r.main.folder, "tmp")}
	if r.second != nil {
		temps = append(temps, filepath.Join(r.second.folder, "tmp"))
	}
	for _, n := range r.others {
		temps = append(temps, filepath.Join(n.folder, "tmp"))
	}
	r.backups.wait() // which have files of their own
	g, err := openGround(ctx, r.o.Database, r.main.folder, r.filesFolder(), r.org, temps...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := g.sweep(ctx); err != nil {
		return nil, fmt.Errorf("sweep files: %w", err)
	}
	if err := r.backups.look(ctx, r); err != nil {
		return nil, fmt.Errorf("look at backups: %w", err)
	}
	w := &oracle.World{Told: r.load.told}
	if w.Effects, err = effects.Read(filepath.Join(r.o.Folder, "effects.jsonl")); err != nil {
		return nil, err
	}
	return w, g.gather(ctx, w)
}

// report is the judge's word with the times.
func (r *run) report(w *oracle.World) *Report {
	v := oracle.Judge(w)
	v.Faults = append(v.Faults, r.load.refusals...)
	r.receiver.mu.Lock()
	v.Faults = append(v.Faults, r.receiver.refused...)
	r.receiver.mu.Unlock()
	slices.Sort(r.resume)
	p := &Report{
		Name: "crash", Database: "sqlite", Seed: r.o.Seed, Kills: r.o.Rounds, Pauses: r.pauses,
		Acknowledged: v.Acknowledged, Lost: v.Lost, RepeatedSteps: v.RepeatedSteps, DoubledEffects: v.DoubledEffects,
		ResumeP50MS: percentile(r.resume, 50), ResumeP99MS: percentile(r.resume, 99), ResumeMaxMS: percentile(r.resume, 100),
		Resumed: v.Resumed, Steps: v.Steps,
		RedoneUnrecorded: v.RedoneUnrecorded, LateSteps: v.LateSteps, ModelCalls: v.ModelCalls, KeyedEffects: v.KeyedEffects,
		KeyedAgain: v.KeyedAgain, Events: v.Events, Redelivered: v.Redelivered, Batches: len(w.Batches), Files: len(w.Bytes),
		AgentsDeleted: v.AgentsDeleted, ItemsResumed: v.ItemsResumed, StoredFiles: v.StoredFiles, References: v.References, CostLimited: v.CostLimited,
		PicturesRead: r.picturesRead(), Backups: v.Backups,
	}
	if r.second != nil {
		p.Database, p.Kills = "postgres", p.Kills+r.pauses // the second worker is killed too
	}
	if r.o.Rounds >= manyRounds {
		v.Faults = append(v.Faults, p.untried()...)
	}
	p.Faults, p.FirstFaults = len(v.Faults), v.Faults[:min(len(v.Faults), 20)]
	return p
}

// manyRounds is how many rounds a run has to have before it must have tried everything, and put much at stake. What a shorter one gets to is a
// matter of luck.
const manyRounds = 20

// untried says what a run had too little of for its other figures to mean much.
func (r *Report) untried() (all []string) {
	backups := 1
	if r.Database != "sqlite" {
		backups = 0 // it has tools of its own for that
	}
	for _, c := range []struct {
		what       string
		got, least int
	}{
		{"acknowledged jobs", r.Acknowledged, 5 * r.Kills}, {"resumed jobs", r.Resumed, r.Kills}, {"events", r.Events, r.Kills},
		{"model calls", r.ModelCalls, 1}, {"changes under keys", r.KeyedEffects, 1}, {"batches", r.Batches, 1},
		{"deleted agents", r.AgentsDeleted, 1}, {"resumed items", r.ItemsResumed, 1}, {"stored files", r.StoredFiles, 2},
		{"saved files", r.References, 1}, {"jobs that their budget ended", r.CostLimited, 1}, {"pictures read by OCR", r.PicturesRead, 1},
		{"backups", r.Backups, backups},
	} {
		if c.got < c.least {
			all = append(all, fmt.Sprintf("not much was at stake: %d %s, want at least %d", c.got, c.what, c.least))
		}
	}
	return all
}

// percentile returns the p-th percentile of sorted durations in milliseconds.
func percentile(sorted []time.Duration, p int) float64 {
	return float64(rank.Of(sorted, p).Microseconds()) / 1000
}

// close ends what is left.
func (r *run) close() error {
	var errs []error
	for _, n := range append([]*installation{r.main, r.second}, r.others...) {
		if n != nil {
			n.end()
			errs = append(errs, n.log.Close())
		}
	}
	if r.load != nil {
		r.load.client.Close()
	}
	if r.provider != nil {
		r.provider.Close()
	}
	if r.hooks != nil {
		r.hooks.Close()
	}
	if r.listener != nil {
		errs = append(errs, r.listener.Close())
	}
	if r.log != nil {
		errs = append(errs, r.log.Close())
	}
	if r.main != nil {
		errs = append(errs, os.RemoveAll(filepath.Dir(r.main.socket)))
	}
	return errors.Join(errs...)
}
