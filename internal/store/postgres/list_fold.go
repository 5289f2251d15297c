package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/joblist"
)

// foldLock is the advisory lock of whoever writes what lists are made of.
const foldLock int64 = 0x5754_4344_0003

const (
	lockFoldSQL    = `select pg_advisory_xact_lock($1)`
	tryLockFoldSQL = `select pg_try_advisory_xact_lock($1)`
)

// Times of the folder.
const (
	foldDelay = 200 * time.Millisecond // while transactions are open, or another process folds
	foldIdle  = time.Second            // between looks: many changes go together, and readers look at no more than those of a second
	foldPause = time.Second            // after a failure
)

// foldRows is how many rows of a kind are folded in one transaction. More than one transaction can store jobs at once, so that
// the rows of a transaction are never cut.
const foldRows = 4000

// fold keeps folding until ctx ends. One process at a time folds; which one does not matter.
func (s *Store) fold(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(s.foldAll(ctx))
		}
	}
}

// foldAll folds what can be folded and returns when to look again.
func (s *Store) foldAll(ctx context.Context) time.Duration {
	for {
		more, left, err := s.foldOnce(ctx)
		switch {
		case ctx.Err() != nil:
			return foldIdle
		case err != nil:
			s.log.WarnContext(ctx, "folding job lists failed", "error", err, "retry_in", foldPause)
			return foldPause
		case more:
		case left:
			return foldDelay // its transactions were not over yet
		default:
			return foldIdle
		}
	}
}

const (
	// foldStateSQL answers how far the folder is, before which transaction all others are over, and whether the numbers of
	// transactions are lower than they were: then the database was moved to another server.
	foldStateSQL = `
select folded, pg_snapshot_xmin(pg_current_snapshot()), pg_snapshot_xmax(pg_current_snapshot()) < folded from job_lists where one`
	// foldAgainSQL begins from the start. What is folded twice changes nothing.
	foldAgainSQL = `update job_lists set folded = '0'`
	foldedSQL    = `update job_lists set folded = $1`
	unfoldedSQL  = `select exists (select from job_list where xid >= $1) or exists (select from job_ends where xid >= $1)`
	newRowsSQL   = `
select seq, organization_id, agent_id, id, created_at, version_name, labels, xid from job_list where xid >= $1 and xid < $2 order by xid limit $3`
	newEndsSQL = `
select seq, organization_id, agent_id, ended_at, status, verdict_term, cost, duration, xid from job_ends where xid >= $1 and xid < $2 order by xid limit $3`
)

// foldOnce folds some rows. more reports that there are others right away, left that there are others whose transactions are not
// over, or that another process is folding.
func (s *Store) foldOnce(ctx context.Context) (more, left bool, err error) {
	err = s.inTx(ctx, "fold job lists", func(tx pgx.Tx) error {
		more, left = false, false
		var mine bool
		if err := tx.QueryRow(ctx, tryLockFoldSQL, foldLock).Scan(&mine); err != nil {
			return err
		}
		if !mine {
			left = true
			return nil
		}
		var from, to uint64
		var moved bool
		if err := tx.QueryRow(ctx, foldStateSQL).Scan(&from, &to, &moved); err != nil {
			return err
		}
		if moved {
			more = true
			_, err := tx.Exec(ctx, foldAgainSQL)
			return err
		}
		f := folding{tx: tx, from: from, to: to, gathering: newGathering()}
		if err := f.run(ctx); err != nil {
			return err
		}
		more = f.to < to
		if more {
			return nil
		}
		return tx.QueryRow(ctx, unfoldedSQL, to).Scan(&left)
	})
	return more, left, err
}

// folding is one transaction of the folder. It covers the transactions from..to-1.
type folding struct {
	*gathering
	tx       pgx.Tx
	from, to uint64
	jobs     []foldedJob
	ends     []foldedEnd
}

// foldedJob is a row of job_list.
type foldedJob struct {
	seq            int64
	org, agent, id uid
	created        pgtype.Timestamptz
	version        string
	labels         string
	xid            uint64
}

// foldedEnd is a row of job_ends.
type foldedEnd struct {
	seq            int64
	org, agent     uid
	ended          pgtype.Timestamptz
	status         steward.Status
	verdictTerm    string
	cost, duration pgtype.Int8
	xid            uint64
}

func (f *folding) run(ctx context.Context) error {
	if f.to <= f.from {
		return nil
	}
	if err := f.read(ctx); err != nil || len(f.jobs)+len(f.ends) == 0 {
		return err
	}
	for i := range f.jobs {
		if j := &f.jobs[i]; j.xid < f.to {
			f.addJob(j)
		}
	}
	for i := range f.ends {
		if e := &f.ends[i]; e.xid < f.to {
			f.addEnd(e)
		}
	}
	if err := f.store(ctx, f.tx); err != nil {
		return err
	}
	_, err := f.tx.Exec(ctx, foldedSQL, f.to)
	return err
}

// read reads rows. When there are too many it takes to back, so that all rows of the transactions before it were read.
func (f *folding) read(ctx context.Context) error {
	for limit := int64(foldRows); ; limit *= 4 {
		if err := f.readSome(ctx, limit); err != nil {
			return err
		}
		to := f.to
		if n := len(f.jobs); int64(n) == limit {
			to = min(to, f.jobs[n-1].xid)
		}
		if n := len(f.ends); int64(n) == limit {
			to = min(to, f.ends[n-1].xid)
		}
		if to == f.to || f.any(to) {
			f.to = to
			return nil
		}
	}
}

// any reports whether rows of a transaction before to were read.
func (f *folding) any(to uint64) bool {
	return len(f.jobs) > 0 && f.jobs[0].xid < to || len(f.ends) > 0 && f.ends[0].xid < to
}

func (f *folding) readSome(ctx context.Context, limit int64) error {
	f.jobs, f.ends = f.jobs[:0], f.ends[:0]
	batch := &pgx.Batch{}
	batch.Queue(newRowsSQL, f.from, f.to, limit).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var j foldedJob
			if err := rows.Scan(&j.seq, &j.org, &j.agent, &j.id, &j.created, &j.version, &j.labels, &j.xid); err != nil {
				return err
			}
			f.jobs = append(f.jobs, j)
		}
		return rows.Err()
	})
	batch.Queue(newEndsSQL, f.from, f.to, limit).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var e foldedEnd
			if err := rows.Scan(&e.seq, &e.org, &e.agent, &e.ended, &e.status, &e.verdictTerm, &e.cost, &e.duration, &e.xid); err != nil {
				return err
			}
			f.ends = append(f.ends, e)
		}
		return rows.Err()
	})
	return f.tx.SendBatch(ctx, batch).Close()
}

// terms returns the terms that the job has from the beginning.
func (j *foldedJob) terms() []string {
	terms := []string{allTerm, joblist.VersionTerm(j.version)}
	return append(terms, strings.Fields(j.labels)...)
}

// terms returns the terms that the job got when it ended.
func (e *foldedEnd) terms() []string {
	terms := []string{joblist.StatusTerm(e.status)}
	if e.verdictTerm != "" {
		terms = append(terms, e.verdictTerm)
	}
	return terms
}

// value returns what lists order the job by; joblist.None when it has none.
func (e *foldedEnd) value(by store.JobOrderKey) int64 {
	v := e.cost
	if by == store.ByDuration {
		v = e.duration
	}
	if !v.Valid {
		return joblist.None
	}
	return v.Int64
}
