package crashtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/crashtest/effects"
	"github.com/stewardhq/steward/internal/crashtest/toxic"
)

// scenario is a fault of the database, or of the way to it, under load.
type scenario struct {
	name  string
	do    func(ctx context.Context, f *faulty, s *scene) error // brings the fault about, waits and ends it
	check func(f *faulty, s *scene)                            // looks at what came of it; may be nil
}

// longCut is how long faults last that cost leases.
const longCut = 2*lease + lease/2

// scenarios lists all there are, in their order.
func scenarios() []scenario {
	return []scenario{
		{name: "restart_fast", do: restarted(syscall.SIGINT, 0)},
		{name: "restart_immediate", do: restarted(syscall.SIGQUIT, 0)},
		{name: "postmaster_kill", do: restarted(syscall.SIGKILL, 0)},
		{name: "database_away", do: databaseAway},
		{name: "backends_terminated", do: terminated("connections ended", "true", "true", 40*time.Millisecond, longCut)},
		{name: "notifications_muted", do: muted},
		{name: "listeners_terminated", do: unheard},
		{name: "rows_locked", do: locked("select id from jobs where status <= 2 for update")},
		{name: "jobs_locked", do: locked("lock table jobs in access exclusive mode")},
		{name: "others_locked", do: locked("lock table agents, job_list, job_ends, steps in access exclusive mode")},
		{name: "deadlocks", do: deadlocked},
		{name: "serialization_failures", do: unserializable},
		{name: "connections_used_up", do: usedUp},
		{name: "worker_cut", do: workerCut((*toxic.Proxy).Blackhole)},
		{name: "worker_held", do: workerCut((*toxic.Proxy).Hold)},
		{name: "worker_cut_short", do: shortCut, check: keepsJobs},
		{name: "api_cut", do: apiCut},
		{name: "slow", do: bad("bytes", func(p *toxic.Proxy) { p.Slow(100*time.Millisecond, 50*time.Millisecond) }, api1, worker1)},
		{name: "resets", do: resets},
		{name: "cut_in_answers", do: cutInAnswers},
		{name: "commit_answer_lost", do: bad("commits cut", func(p *toxic.Proxy) { p.CutAtCommit(commitEvery, true) }, api1, api2, worker1, worker2)},
		{name: "commit_never_arrives", do: bad("commits cut", func(p *toxic.Proxy) { p.CutAtCommit(commitEvery, false) }, api1, api2, worker1, worker2)},
		{name: "processes_killed", do: processesKilled},
	}
}

// commitEvery is which of a process's commits is cut.
const commitEvery = 11

// ScenarioNames lists the scenarios of Faults.
func ScenarioNames() (names []string) {
	for _, s := range scenarios() {
		names = append(names, s.name)
	}
	return names
}

// chosen returns the scenarios of these names, or all.
func chosen(names []string) ([]scenario, error) {
	all := scenarios()
	if len(names) == 0 {
		return all, nil
	}
	var list []scenario
	for _, name := range names {
		i := slices.IndexFunc(all, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no scenario %q, only %s", name, strings.Join(ScenarioNames(), ", "))
		}
		list = append(list, all[i])
	}
	return list, nil
}

// restarted stops the database server with a signal and starts it after a while.
func restarted(signal os.Signal, away time.Duration) func(context.Context, *faulty, *scene) error {
	return func(ctx context.Context, f *faulty, s *scene) error {
		if err := f.connected(ctx, s); err != nil {
			return err
		}
		if err := f.cluster.stop(signal); err != nil {
			return err
		}
		f.nap(ctx, away)
		return f.cluster.start(ctx)
	}
}

// databaseAway keeps the database away for longer than leases last. Whoever comes has to be told so, and soon.
func databaseAway(ctx context.Context, f *faulty, s *scene) error {
	if err := f.connected(ctx, s); err != nil {
		return err
	}
	if err := f.cluster.stop(syscall.SIGINT); err != nil {
		return err
	}
	f.refuses(ctx, s, f.procs[api1], f.procs[api2])
	f.nap(ctx, longCut-time.Since(s.broken))
	return f.cluster.start(ctx)
}

// refusedSoon is how long a server may take to say that its database is away, once it has noticed; the first to come wait for that.
const refusedSoon = 3 * time.Second // but for the slack

// refuses wants servers without a database to say that they are not ready, and to refuse jobs.
func (f *faulty) refuses(ctx context.Context, s *scene, procs ...*proc) {
	for _, p := range procs {
		b := newBalancer(p.address)
		raw := &rawClient{base: balancerHost, key: f.load.raw.key, http: &http.Client{Transport: b}}
		for n := range 3 {
			f.probe(ctx, raw)
			seen := b.since(s.broken)
			e := seen[len(seen)-1]
			switch {
			case e.status != http.StatusServiceUnavailable || !e.patient:
				s.fault("%s answers %d to a new job without its database (Retry-After: %v)", p.name, e.status, e.patient)
			case n > 0 && e.took > refusedSoon+f.o.Slack:
				s.fault("%s takes %v to refuse a job without its database", p.name, e.took)
			}
			s.SlowestMS = max(s.SlowestMS, millis(e.took))
		}
		if b.isReady(ctx, p.address) {
			s.fault("%s says that it is ready without its database", p.name)
		}
		b.close()
	}
}

// probe starts a job through another client. One that is refused is started again as all others are.
func (f *faulty) probe(ctx context.Context, raw *rawClient) (id steward.JobID) {
	l := f.load
	text := l.text("probe")
	l.once(text)
	start := func(with *rawClient) func(ctx context.Context) error {
		return func(ctx context.Context) (err error) {
			if id, err = with.run(ctx, l.agents.plain, text, "key of "+text); err == nil {
				l.acked(l.agents.plain, id, text)
			}
			return err
		}
	}
	if start(raw)(ctx) != nil {
		l.mu.Lock()
		l.cut = append(l.cut, &op{name: "probe", do: start(l.raw)})
		l.mu.Unlock()
	}
	return id
}

// terminated ends connections of servers, of those that match, one after the other, and counts those for which surely holds, too.
func terminated(what, which, surely string, pause, total time.Duration) func(context.Context, *faulty, *scene) error {
	return func(ctx context.Context, f *faulty, s *scene) error {
		s.meets(what, 0)
		return f.admin(ctx, func(conn *pgx.Conn) error {
			for end := time.Now().Add(total); time.Now().Before(end); f.nap(ctx, pause) {
				var n int64
				err := conn.QueryRow(ctx, `with one as materialized (
					select pid, `+surely+` as sure from pg_stat_activity where usename = '`+clusterRole+`' and `+which+` order by random() limit 1
				), ended as materialized (select sure, pg_terminate_backend(pid) as done from one)
				select count(*) from ended where sure and done`).Scan(&n)
				if err != nil {
					return err
				}
				s.meets(what, n)
			}
			return nil
		})
	}
}

// admin does something over a connection of the superuser.
func (f *faulty) admin(ctx context.Context, do func(conn *pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, f.cluster.adminURL(clusterDatabase))
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	return errors.Join(do(conn), conn.Close(ctx))
}

// muted keeps notifications from arriving: workers that have nothing to do find jobs all the same.
func muted(ctx context.Context, f *faulty, s *scene) error {
	s.watch("notifications kept", "", f.procs[worker1], f.procs[worker2])
	for _, p := range f.procs {
		p.proxy.Mute()
	}
	return f.pickUp(ctx, s)
}

// A connection that notifications come over last said that it listens, or asked whether the database is there. Pools ask that too.
const (
	listens    = `query ilike 'listen%'`
	mayListens = `(` + listens + ` or query = '-- ping')`
)

// unheard keeps ending the connections that notifications come over.
func unheard(ctx context.Context, f *faulty, s *scene) error {
	ending, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		done <- terminated("listeners ended", mayListens, listens, 20*time.Millisecond, patience)(ending, f, s)
	}()
	err := f.pickUp(ctx, s)
	stop()
	if ended := <-done; !errors.Is(ended, context.Canceled) && ended != nil {
		err = errors.Join(err, ended)
	}
	return err
}

// pickUps is how many jobs are looked at.
const pickUps = 6

// pickUp lets workers come to rest, and measures how long jobs wait for their first step that come one by one.
func (f *faulty) pickUp(ctx context.Context, s *scene) error {
	s.load()
	<-s.loaded
	if err := f.settle(ctx, s); err != nil {
		return err
	}
	for range pickUps {
		began, before := time.Now(), f.latest()
		id := f.probe(ctx, f.load.raw)
		if err := until(ctx, "a job begins", func() (bool, error) {
			more, _ := f.log.After(before)
			for _, e := range more {
				if e.Job == id && e.Kind == effects.Step {
					s.PickupMaxMS = max(s.PickupMaxMS, millis(e.At.Sub(began)))
					return true, nil
				}
			}
			return false, nil
		}); err != nil {
			return err
		}
		if err := f.settle(ctx, s); err != nil {
			return err
		}
	}
	f.begin(ctx, s)
	return nil
}

// locked holds locks for longer than leases last, in a transaction that does nothing else.
func locked(statement string) func(context.Context, *faulty, *scene) error {
	return func(ctx context.Context, f *faulty, s *scene) error {
		return f.admin(ctx, func(conn *pgx.Conn) error {
			for {
				err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
					if _, err := tx.Exec(ctx, statement); err != nil {
						return err
					}
					held, cancel := context.WithTimeout(ctx, longCut)
					defer cancel()
					return f.blocked(held, s, conn.PgConn().PID())
				})
				// Whoever takes so many locks may be the one that a deadlock is resolved with.
				var pg *pgconn.PgError
				if !errors.As(err, &pg) || pg.Code != "40P01" {
					return err
				}
			}
		})
	}
}

// deadlocked locks jobs in the order in which servers do not, so that PostgreSQL has to break off one of two. Servers' sessions look for
// deadlocks sooner than the test's own, so that theirs are broken off too.
func deadlocked(ctx context.Context, f *faulty, s *scene) error {
	if err := f.cluster.do(ctx, clusterDatabase, `alter system set deadlock_timeout = '20ms'`, `select pg_reload_conf()`); err != nil {
		return err
	}
	err := f.locksCrosswise(ctx, s)
	return errors.Join(err, f.cluster.do(ctx, clusterDatabase, `alter system reset deadlock_timeout`, `select pg_reload_conf()`))
}

// lockers is how many sessions lock jobs crosswise.
const lockers = 4

func (f *faulty) locksCrosswise(ctx context.Context, s *scene) error {
	conns := make([]*pgx.Conn, lockers)
	var before int64
	d := &deadlocks{}
	for i := range conns {
		conn, err := pgx.Connect(ctx, f.cluster.adminURL(clusterDatabase)+"&deadlock_timeout=300ms")
		if err != nil {
			return fmt.Errorf("connect to PostgreSQL: %w", err)
		}
		defer func() { _ = conn.Close(ctx) }() // it has served its purpose
		conns[i] = conn
	}
	if err := conns[0].QueryRow(ctx, deadlocksSQL).Scan(&before); err != nil {
		return fmt.Errorf("count deadlocks: %w", err)
	}
	s.later(d.counted(f, s, before))
	var wg sync.WaitGroup
	errs := make([]error, lockers)
	end := time.Now().Add(longCut)
	for i, conn := range conns {
		wg.Go(func() {
			for time.Now().Before(end) && errs[i] == nil {
				errs[i] = d.failed(f.lockCrosswise(ctx, conn))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// lockCrosswise locks some jobs that are under way, and then others.
func (f *faulty) lockCrosswise(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for range 2 {
			if _, err := tx.Exec(ctx, `select id from jobs where id in (
				select id from jobs where status = 1 order by random() limit 3) order by id desc for update`); err != nil {
				return err
			}
			f.nap(ctx, 5*time.Millisecond)
		}
		return nil
	})
}

// unserializable lets statements fail now and then as transactions do that cannot be put in an order.
func unserializable(ctx context.Context, f *faulty, s *scene) error {
	const failures = "statements that failed"
	statements := []string{`create sequence unserialized`, `grant usage on sequence unserialized to ` + clusterRole, `create function unserializable() returns trigger language plpgsql as $$
		begin
			if random() < 0.1 then
				perform nextval('unserialized'); -- which is not taken back
				raise exception 'could not serialize access' using errcode = case when random() < 0.5 then '40001' else '40P01' end;
			end if;
			return null;
		end $$`}
	var undo []string
	for _, table := range []string{"jobs", "steps", "job_ends", "idempotency_keys", "webhook_deliveries", "batches"} {
		statements = append(statements, `create trigger unserializable after insert or update on `+table+` for each statement execute function unserializable()`)
		undo = append(undo, `drop trigger unserializable on `+table)
	}
	if err := f.cluster.do(ctx, clusterDatabase, statements...); err != nil {
		return err
	}
	f.nap(ctx, longCut)
	if err := f.cluster.do(ctx, clusterDatabase, append(undo, `drop function unserializable()`)...); err != nil {
		return err
	}
	return f.admin(ctx, func(conn *pgx.Conn) error {
		var n int64
		if err := conn.QueryRow(ctx, `select case when is_called then last_value else 0 end from unserialized`).Scan(&n); err != nil {
			return fmt.Errorf("count failures: %w", err)
		}
		s.meets(failures, n)
		_, err := conn.Exec(ctx, `drop sequence unserialized`)
		return err
	})
}

// usedUp takes all connections that the database server has, and ends those of servers, which get no others.
func usedUp(ctx context.Context, f *faulty, s *scene) error {
	s.meets("connections refused", 0)
	s.meets("connections ended", 0)
	return f.admin(ctx, func(admin *pgx.Conn) (err error) { // whose own connection stands before there are none left
		var taken []*pgx.Conn
		defer func() {
			for _, c := range taken {
				err = errors.Join(err, c.Close(ctx))
			}
		}()
		for end := time.Now().Add(longCut); time.Now().Before(end); {
			c, err := pgx.Connect(ctx, f.cluster.url(f.cluster.address))
			if err == nil {
				taken = append(taken, c)
				continue
			}
			var pg *pgconn.PgError
			if !errors.As(err, &pg) || pg.Code != "53300" { // too many connections
				return fmt.Errorf("take a connection: %w", err)
			}
			s.meets("connections refused", 1)
			// There are none left but those of servers.
			var n int64
			if err := admin.QueryRow(ctx, `with ended as materialized (select pg_terminate_backend(pid) as done from pg_stat_activity
				where usename = '`+clusterRole+`' and application_name = 'steward') select count(*) from ended where done`).Scan(&n); err != nil {
				return fmt.Errorf("end connections of servers: %w", err)
			}
			s.meets("connections ended", n)
			f.nap(ctx, 20*time.Millisecond)
		}
		return nil
	})
}

// workerCut makes the network of a worker bad for longer than its leases last.
func workerCut(fault func(*toxic.Proxy)) func(context.Context, *faulty, *scene) error {
	return func(ctx context.Context, f *faulty, s *scene) error {
		s.loses(f.procs[worker1])
		s.watch("bytes", "", f.procs[worker1])
		fault(f.procs[worker1].proxy)
		f.nap(ctx, longCut)
		return nil
	}
}

// shortCut cuts a worker off for less than its leases last.
func shortCut(ctx context.Context, f *faulty, s *scene) error {
	s.watch("bytes", "", f.procs[worker1])
	for range 3 {
		f.procs[worker1].proxy.Hold()
		f.nap(ctx, lease/4)
		f.procs[worker1].proxy.Heal()
		f.nap(ctx, lease/2)
	}
	return nil
}

// keepsJobs wants each job to have stayed where it was.
func keepsJobs(f *faulty, s *scene) {
	at := map[steward.JobID]int{}
	more, _ := f.log.After(s.first)
	for _, e := range more {
		if e.Kind != effects.Step || e.Attempt > 1 && at[e.Job] == 0 {
			continue
		}
		if before := at[e.Job]; before != 0 && before != e.PID && f.agentOf(e.Job) == f.long {
			s.fault("job %s went on in another process", e.Job)
		}
		at[e.Job] = e.PID
	}
}

func (f *faulty) agentOf(id steward.JobID) steward.AgentID {
	f.load.mu.Lock()
	defer f.load.mu.Unlock()
	place, ok := f.load.place[id]
	if !ok {
		return ""
	}
	return f.load.told.Jobs[place].Agent
}

// apiCut cuts a server that answers requests off from the database. It has to say so, and soon; the other one goes on.
func apiCut(ctx context.Context, f *faulty, s *scene) error {
	s.watch("bytes", "", f.procs[api1])
	f.procs[api1].proxy.Blackhole()
	f.refuses(ctx, s, f.procs[api1])
	f.nap(ctx, longCut-time.Since(s.broken))
	return nil
}

// bad makes the network of processes bad for longer than leases last. what is what its faults meet.
func bad(what string, fault func(*toxic.Proxy), which ...int) func(context.Context, *faulty, *scene) error {
	return func(ctx context.Context, f *faulty, s *scene) error {
		for _, i := range which {
			s.watch(what, "", f.procs[i])
			fault(f.procs[i].proxy)
		}
		f.nap(ctx, longCut)
		return nil
	}
}

// resets breaks all connections of two processes, again and again.
func resets(ctx context.Context, f *faulty, s *scene) error {
	s.watch("connections reset", "", f.procs[api2], f.procs[worker2])
	for range 5 {
		for _, i := range []int{api2, worker2} {
			f.procs[i].proxy.Reset()
		}
		f.nap(ctx, lease/4)
		for _, i := range []int{api2, worker2} {
			f.procs[i].proxy.Heal()
		}
		f.nap(ctx, lease/4)
	}
	return nil
}

// cutInAnswers cuts connections in the middle of answers and of questions, at random.
func cutInAnswers(ctx context.Context, f *faulty, s *scene) error {
	s.watch("connections cut", "all", f.procs...)
	for end := time.Now().Add(longCut); time.Now().Before(end); f.nap(ctx, lease/20) {
		p := f.procs[f.random.IntN(len(f.procs))].proxy
		if f.random.IntN(2) == 0 {
			p.CutAfter(1 + f.random.Int64N(20_000))
		} else {
			p.CutQuestionAfter(1 + f.random.Int64N(20_000))
		}
	}
	return nil
}

// processesKilled kills each process in turn and starts it again when others have its jobs.
func processesKilled(ctx context.Context, f *faulty, s *scene) error {
	for i := range f.procs {
		p := f.procs[i]
		s.loses(p)
		if err := p.kill(); err != nil {
			return err
		}
		s.meets("processes killed", 1)
		f.nap(ctx, lease+lease/2)
		if err := f.start(ctx, i); err != nil {
			return err
		}
		f.nap(ctx, lease/2)
	}
	return nil
}
