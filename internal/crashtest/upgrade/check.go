package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/backup"
)

// CheckParams says what to go on with.
type CheckParams struct {
	Fixture  string // folder
	Program  string
	Database string // URL of an empty PostgreSQL database, for fixtures of PostgreSQL
	Folder   string // for what is written; empty or not there
	Cache    string // where the compiled PDF engine is kept
	Seed     uint64 // of the moments of the kills; the machine's own timing is not in it
	Early    int    // kills while the program starts and migrates, the first one between two migrations; 0 means 3
	Working  int    // kills while it works; 0 means 2
}

// Report is what a check found. It is printed as one line.
type Report struct {
	Name           string   `json:"name"`
	Fixture        string   `json:"fixture"`
	Database       string   `json:"database"`
	Seed           uint64   `json:"seed"`
	FromSchema     int64    `json:"from_schema"`
	ToSchema       int64    `json:"to_schema"`
	Kills          int      `json:"kills"`
	KillsMigrating int      `json:"kills_migrating"` // that left the database between two versions
	Acknowledged   int      `json:"acknowledged"`    // jobs of the fixture, and those started meanwhile
	Open           int      `json:"open"`            // of the fixture: queued, running, to be tried again
	Lost           int      `json:"lost"`
	RepeatedSteps  int      `json:"repeated_steps"`
	KeptSteps      int      `json:"kept_steps"` // recorded before, and compared
	Events         int      `json:"events"`
	Seconds        float64  `json:"seconds"`
	Faults         int      `json:"faults"`
	FirstFaults    []string `json:"first_faults,omitempty"`
}

// ReadManifest reads the manifest of a fixture.
func ReadManifest(fixture string) (*Manifest, error) {
	text, err := os.ReadFile(filepath.Join(fixture, manifestName)) //nolint:gosec // the caller names it
	if err != nil {
		return nil, fmt.Errorf("read fixture: %w", err)
	}
	m := &Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("read fixture %s: %w", fixture, err)
	}
	return m, nil
}

// check is a check under way.
type check struct {
	p        CheckParams
	m        *Manifest
	random   *rand.Rand
	provider *provider
	receiver *receiver
	hooks    string
	server   *installation
	c        *client.Client
	report   Report
	faults   []string
	started  []ToldJob // by the check itself
	n        int       // of texts
}

// Check has a program go on with a fixture, and says what is wrong with what comes of it. An error means that it could not be carried out.
func Check(ctx context.Context, p CheckParams) (_ *Report, err error) {
	if p.Early == 0 {
		p.Early = 3
	}
	if p.Working == 0 {
		p.Working = 2
	}
	m, err := ReadManifest(p.Fixture)
	if err != nil {
		return nil, err
	}
	c := &check{p: p, m: m, random: rand.New(rand.NewPCG(p.Seed, 1)), provider: newProvider(), receiver: newReceiver()} //nolint:gosec // a repeatable test
	c.report = Report{Name: "upgrade", Fixture: m.Name, Database: m.Database, Seed: p.Seed, FromSchema: m.Schema}
	began := time.Now()
	models, hooks := httptest.NewServer(c.provider), httptest.NewServer(c.receiver)
	defer models.Close()
	defer hooks.Close()
	c.hooks = hooks.URL
	if c.server, err = install(ctx, p.Program, p.Folder, p.Database, p.Cache, models.URL); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.server.close()) }()
	if err := Restore(ctx, p.Fixture, c.server.folder, p.Database); err != nil {
		return nil, err
	}
	if err := c.run(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("fixture %s on %s: %w", m.Name, m.Database, err), c.server.lastWords())
	}
	c.report.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	c.report.Faults, c.report.FirstFaults = len(c.faults), c.faults[:min(len(c.faults), 20)]
	return &c.report, nil
}

// Restore puts a fixture into a data folder, and into an empty database if it is of PostgreSQL.
func Restore(ctx context.Context, fixture, folder, database string) error {
	if err := unpack(filepath.Join(fixture, folderName), folder); err != nil || database == "" {
		return err
	}
	return load(ctx, database, filepath.Join(fixture, dumpName))
}

func (c *check) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *check) lost(format string, args ...any) {
	c.report.Lost++
	c.fault("lost: "+format, args...)
}

// run kills, goes on, and compares.
func (c *check) run(ctx context.Context) (err error) {
	if c.c, err = newClient(c.server.address, c.m.APIKey); err != nil {
		return err
	}
	if err := c.killEarly(ctx); err != nil {
		return err
	}
	for range c.p.Working {
		if err := c.killWorking(ctx); err != nil {
			return err
		}
	}
	if err := c.again(ctx, c.goOn); err != nil {
		return err
	}
	// What a killed process had under way is sent again after a minute, what a receiver did not take later still: now is later.
	if err := allDue(ctx, c.p.Database, c.server.folder); err != nil && len(c.m.Webhooks) > 0 {
		return err
	}
	if err := c.again(ctx, c.compare); err != nil {
		return err
	}
	return c.verify(ctx)
}

// again starts a server, uses it, and stops it softly.
func (c *check) again(ctx context.Context, use func(context.Context) error) error {
	if err := c.server.start(); err != nil {
		return err
	}
	if err := c.server.ready(ctx); err != nil {
		return err
	}
	if err := use(ctx); err != nil {
		return err
	}
	return c.server.stop()
}

// killed counts a kill by what it left.
func (c *check) killed(ctx context.Context) error {
	if err := c.server.kill(); err != nil {
		return errors.Join(err, c.server.lastWords())
	}
	version, err := schemaOf(ctx, c.p.Database, c.server.folder, c.p.Folder)
	if err != nil {
		return err
	}
	c.report.Kills++
	if last := c.report.ToSchema; version > c.m.Schema || last > 0 {
		if version < last {
			c.fault("the schema went from version %d to %d", last, version)
		}
		c.report.ToSchema = version
	}
	return nil
}

// longestEarly is by when a starting server is killed at the latest.
const longestEarly = 2 * time.Second

// killEarly kills servers that start: the first one between two migrations, the others at any moment.
func (c *check) killEarly(ctx context.Context) error {
	newest, err := newestSchema(c.m.Database)
	if err != nil {
		return err
	}
	rest := c.p.Early
	between := newest-c.m.Schema > 1
	if between {
		if err := c.killBetween(ctx); err != nil {
			return err
		}
		rest--
	}
	for range rest {
		if err := c.killStarting(ctx, newest); err != nil {
			return err
		}
	}
	if between && c.report.KillsMigrating == 0 {
		c.fault("of %d kills none left the database between versions %d and %d", c.report.Kills, c.m.Schema, newest)
	}
	return nil
}

// killBetween kills a server that has made the first of its migrations and not the second, which is held up.
func (c *check) killBetween(ctx context.Context) (err error) {
	letGo, err := holdMigration(ctx, c.p.Database, c.server.folder, c.p.Folder, c.m.Schema+2)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, letGo()) }()
	if err := c.server.start(); err != nil {
		return err
	}
	err = until(ctx, "the first migration is made", func() (bool, error) {
		version, err := schemaOf(ctx, c.p.Database, c.server.folder, c.p.Folder)
		return version > c.m.Schema, errors.Join(err, c.server.alive())
	})
	if err != nil {
		return err
	}
	if err := c.killed(ctx); err != nil {
		return err
	}
	if c.report.ToSchema == c.m.Schema+1 {
		c.report.KillsMigrating++
	}
	return nil
}

// killStarting kills a server that starts: after some of its writes, as seen from outside.
func (c *check) killStarting(ctx context.Context, newest int64) (err error) {
	watch, done, err := c.watch(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	before := c.report.ToSchema
	if err := c.server.start(); err != nil {
		return err
	}
	target := 1 + c.random.IntN(8)
	limit := time.Now().Add(longestEarly)
	for seen, n := 0, 0; seen < target && time.Now().Before(limit); n++ {
		if watch() {
			seen++
		}
		if n%64 == 63 && c.server.answers(ctx) {
			break
		}
		select {
		case <-time.After(200 * time.Microsecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := c.killed(ctx); err != nil {
		return err
	}
	if now := c.report.ToSchema; now > before && now > c.m.Schema && now < newest {
		c.report.KillsMigrating++
	}
	return nil
}

// watch returns a function that reports whether the database has changed since it was called last.
func (c *check) watch(ctx context.Context) (changed func() bool, done func() error, err error) {
	if c.p.Database == "" {
		wal := filepath.Join(c.server.folder, databaseName+"-wal")
		stamp := func() string {
			info, err := os.Stat(wal)
			if err != nil {
				return ""
			}
			return fmt.Sprint(info.Size(), info.ModTime().UnixNano())
		}
		last := stamp()
		return func() bool {
			was := last
			last = stamp()
			return last != was
		}, func() error { return nil }, nil
	}
	conn, err := pgx.Connect(ctx, c.p.Database)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	last := ""
	return func() bool {
		var now string
		// Tables, indexes and the number of the last migration.
		err := conn.QueryRow(ctx, `select (select count(*) from pg_class)::text || ' ' || (`+schemaSQL+`)::text`).Scan(&now)
		was := last
		if err == nil {
			last = now
		}
		return err == nil && was != "" && was != last
	}, func() error { return conn.Close(ctx) }, nil
}

// killWorking kills a server at work, whose clients start jobs.
func (c *check) killWorking(ctx context.Context) error {
	if err := c.server.start(); err != nil {
		return err
	}
	if err := c.server.ready(ctx); err != nil {
		return err
	}
	if err := c.startJobs(ctx); err != nil {
		return err
	}
	select {
	case <-time.After(time.Duration(c.random.Int64N(int64(300 * time.Millisecond)))): // the moment of the kill is the subject
	case <-ctx.Done():
		return ctx.Err()
	}
	return c.killed(ctx)
}

// startJobs starts a job of each kind of agent.
func (c *check) startJobs(ctx context.Context) error {
	for _, role := range []string{roleReader, rolePages} {
		c.n++
		j := ToldJob{Agent: role, Text: fmt.Sprintf("SC-%d", 900+c.n)}
		j.Key, j.Want = "key of "+j.Text, answerTo(role, j.Text)
		var err error
		if j.ID, err = c.c.Run(ctx, c.m.Agents[role], client.RunParams{Inputs: inputs(role, j.Text), IdempotencyKey: j.Key}); err != nil {
			return fmt.Errorf("start a job: %w", err)
		}
		c.started = append(c.started, j)
	}
	return nil
}

// goOn takes events from now on, closes what is open, and waits for the end of all jobs.
func (c *check) goOn(ctx context.Context) error {
	for i := range c.m.Webhooks {
		h := &c.m.Webhooks[i]
		c.receiver.open(hookPath(h.ID), h.Secret)
		url := c.hooks + hookPath(h.ID)
		if _, err := c.c.UpdateWebhook(ctx, h.ID, client.WebhookUpdate{URL: &url}); err != nil {
			return err
		}
	}
	for _, b := range c.m.Batches {
		if _, err := c.c.CloseBatch(ctx, b.ID); err != nil {
			return err
		}
	}
	if err := c.startJobs(ctx); err != nil {
		return err
	}
	for _, j := range c.jobs() {
		if c.gone(j) {
			continue
		}
		if _, err := ended(ctx, c.c, j.ID); steward.CodeOf(err) != steward.NotFound && err != nil {
			c.lost("job %s of %s: %v", j.ID, j.Agent, err)
		}
	}
	return nil
}

// jobs lists what was acknowledged before the upgrade and since.
func (c *check) jobs() []*ToldJob {
	var all []*ToldJob
	for _, list := range [][]ToldJob{c.m.Jobs, c.started} {
		for i := range list {
			all = append(all, &list[i])
		}
	}
	return all
}

// gone reports whether a job's agent was deleted.
func (c *check) gone(j *ToldJob) bool { return j.Agent == roleGone && !c.lacks("agent deletion") }

func (c *check) lacks(what string) bool {
	for _, l := range c.m.Lacks {
		if l == what {
			return true
		}
	}
	return false
}

// verify has the program look at what is left.
func (c *check) verify(ctx context.Context) error {
	r, err := backup.Verify(ctx, backup.VerifyParams{Source: backup.Source{Data: c.server.folder, Database: c.p.Database}, TempDir: c.p.Folder})
	if err != nil {
		return err
	}
	for _, f := range r.Findings {
		c.fault("verify: %s: %s", f.Check, f.Message)
	}
	c.report.ToSchema = r.Database.Schema
	if newest, err := newestSchema(c.m.Database); err != nil || r.Database.Schema != newest {
		c.fault("the schema has version %d, the program's is %d: %v", r.Database.Schema, newest, err)
	}
	return nil
}
