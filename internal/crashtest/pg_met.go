package crashtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// meets notes that the fault met something n times. What is noted with 0 only has met nothing, which is a fault of the test.
func (s *scene) meets(what string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Met == nil {
		s.Met = map[string]int64{}
	}
	s.Met[what] += n
}

// metAll wants the fault to have met something, in each of its parts.
func (s *scene) metAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, what := range slices.Sorted(maps.Keys(s.Met)) {
		if s.Met[what] == 0 {
			s.fault("the fault met nothing: %s", what)
		}
	}
	if len(s.Met) == 0 {
		s.fault("nobody looked whether the fault met anything")
	}
}

// later counts when the fault is over.
func (s *scene) later(count func(ctx context.Context) error) { s.counts = append(s.counts, count) }

// watch counts what faults meet in the networks of processes from now on: for each process, or with a name for all together.
func (s *scene) watch(what, together string, procs ...*proc) {
	for _, p := range procs {
		before, name := p.proxy.Met(), p.name
		if together != "" {
			name = together
		}
		s.later(func(context.Context) error {
			s.meets(what+" ("+name+")", p.proxy.Met()-before)
			return nil
		})
	}
}

// connected counts the connections of servers as something that the fault is going to meet.
func (f *faulty) connected(ctx context.Context, s *scene) error {
	return f.admin(ctx, func(conn *pgx.Conn) error {
		var n int64
		if err := conn.QueryRow(ctx, `select count(*) from pg_stat_activity where usename = $1`, clusterRole).Scan(&n); err != nil {
			return fmt.Errorf("count connections: %w", err)
		}
		s.meets("connections ended", n)
		return nil
	})
}

// blocked counts the statements of servers that wait for a session, until ctx ends.
func (f *faulty) blocked(ctx context.Context, s *scene, pid uint32) error {
	type statement struct {
		pid   int
		begun time.Time
	}
	seen := map[statement]bool{}
	defer func() { s.meets("statements that waited for the lock", int64(len(seen))) }()
	err := f.admin(context.WithoutCancel(ctx), func(conn *pgx.Conn) error {
		for ; ctx.Err() == nil; f.nap(ctx, 20*time.Millisecond) {
			rows, err := conn.Query(ctx, `select pid, query_start from pg_stat_activity
				where usename = $1 and wait_event_type = 'Lock' and $2 = any(pg_blocking_pids(pid))`, clusterRole, pid)
			if err != nil {
				return err
			}
			var one statement
			if _, err := pgx.ForEachRow(rows, []any{&one.pid, &one.begun}, func() error { seen[one] = true; return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if ctx.Err() != nil {
		return nil // the question was broken off, as it was to be
	}
	return err
}

// deadlocks are those that locking sessions of the test's own met. PostgreSQL counts all.
type deadlocks struct {
	mu   sync.Mutex
	lost int64 // those in which one of the test's was broken off
}

// failed reports whether a session of the test's own goes on after an error: it was broken off, or waited too long.
func (d *deadlocks) failed(err error) (fatal error) {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "40P01" {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lost++
	return nil
}

// deadlocksSQL is how many deadlocks there were in the database.
const deadlocksSQL = `select deadlocks from pg_stat_database where datname = current_database()`

// counted notes how many deadlocks there were since before, and how many of them broke a transaction of a server off.
func (d *deadlocks) counted(f *faulty, s *scene, before int64) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		return f.admin(ctx, func(conn *pgx.Conn) error {
			var now int64
			// Sessions tell of their deadlocks some time later.
			err := until(ctx, "the deadlocks are counted", func() (bool, error) {
				err := conn.QueryRow(ctx, deadlocksSQL).Scan(&now)
				return now-before > d.lost || time.Since(s.healed) > statisticsLate, err
			})
			s.meets("deadlocks", now-before)
			s.meets("transactions of servers that a deadlock broke off", max(now-before-d.lost, 0))
			return err
		})
	}
}

// statisticsLate is how long after an event PostgreSQL counts it at the latest, in a session that does something or is idle.
const statisticsLate = 15 * time.Second

// atStake wants a scene to have had so much to lose that its result means something.
func (s *scene) atStake() {
	if s.Acknowledged < leastJobs {
		s.fault("only %d jobs were at stake, want at least %d", s.Acknowledged, leastJobs)
	}
	if len(s.lost) > 0 && s.Takeovers == 0 {
		s.fault("no job went on in another process")
	}
}

// leastJobs is how many jobs a scene has at least.
const leastJobs = 10
