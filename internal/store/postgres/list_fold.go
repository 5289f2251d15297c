package postgres

import (
	"context"
	"slices"
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

// foldTerms is about how many terms of jobs are folded in one transaction: they are what takes time and memory.
const foldTerms = 100_000

// foldRows is how many rows of a kind are folded in one transaction. More than one transaction can store jobs at once, so that
// the rows of a transaction are never cut.
const foldRows = 4000

// fold keeps folding until ctx ends. One process at a time folds; which one does not matter.
func (s *Store) fold(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var lag foldLag
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(s.foldAll(ctx, &lag))
		}
	}
}

// foldAll folds what can be folded and returns when to look again.
func (s *Store) foldAll(ctx context.Context, lag *foldLag) time.Duration {
	for {
		done, err := s.foldOnce(ctx)
		switch {
		case ctx.Err() != nil:
			return foldIdle
		case err != nil:
			s.log.WarnContext(ctx, "folding job lists failed", "error", err, "retry_in", foldPause)
			return foldPause
		case done.more:
			continue
		}
		if waits := lag.look(time.Now(), done); waits > 0 {
			s.log.WarnContext(ctx, "job lists are slow: an open transaction on the database server keeps them from being folded", "open_for", waits)
		}
		if done.left {
			return foldDelay // its transactions were not over yet
		}
		return foldIdle
	}
}

// When it is told that the folder waits.
const (
	foldPatience = 2 * time.Minute
	foldReminder = 10 * time.Minute
)

// foldLag notices that a transaction does not end. The zero value is ready to use.
type foldLag struct {
	to    uint64    // the oldest transaction
	since time.Time // of when that is so, while there are rows left
	told  time.Time
}

// look returns for how long the folder has been waiting, when that is to be told now; otherwise 0.
func (l *foldLag) look(now time.Time, done folded) time.Duration {
	if !done.left || done.to == 0 || done.to != l.to {
		*l = foldLag{to: done.to, since: now}
		return 0
	}
	waits := now.Sub(l.since)
	if waits < foldPatience || now.Sub(l.told) < foldReminder {
		return 0
	}
	l.told = now
	return waits
}

const (
	// foldStateSQL answers how far the folder is, before which transaction all others are over, and whether the numbers of
	// transactions are lower than they were: then the database was moved to another server, where the folder begins from the start, as what
	// is folded twice changes nothing. Rows of numbers that are not given out yet are called strays.
	foldStateSQL = `
select folded, pg_snapshot_xmin(pg_current_snapshot()), pg_snapshot_xmax(pg_current_snapshot()) < folded,
    exists (select from job_list where xid >= pg_snapshot_xmax(pg_current_snapshot()))
    or exists (select from job_ends where xid >= pg_snapshot_xmax(pg_current_snapshot()))
from job_lists where one`
	// foldAgainSQL begins from the start. Strays that were folded have the number 0.
	foldAgainSQL = `update job_lists set folded = '1'`
	strayJobsSQL = `
select seq, organization_id, agent_id, id, created_at, version_name, labels, xid from job_list
where xid >= pg_snapshot_xmax(pg_current_snapshot()) order by xid limit $1`
	strayEndsSQL = `
select seq, organization_id, agent_id, ended_at, status, verdict_term, cost, duration, xid from job_ends
where xid >= pg_snapshot_xmax(pg_current_snapshot()) order by xid limit $1`
	homeJobsSQL = `update job_list set xid = '0' where seq = any ($1)`
	homeEndsSQL = `update job_ends set xid = '0' where seq = any ($1)`
	foldedSQL   = `update job_lists set folded = $1`
	unfoldedSQL = `select exists (select from job_list where xid >= $1) or exists (select from job_ends where xid >= $1)`
	newRowsSQL  = `
select seq, organization_id, agent_id, id, created_at, version_name, labels, xid from job_list where xid >= $1 and xid < $2 order by xid limit $3`
	newEndsSQL = `
select seq, organization_id, agent_id, ended_at, status, verdict_term, cost, duration, xid from job_ends where xid >= $1 and xid < $2 order by xid limit $3`
)

// folded is what a transaction of the folder came to.
type folded struct {
	more bool   // there are other rows right away
	left bool   // there are other rows whose transactions are not over, or another process is folding
	to   uint64 // before which transaction all others are over; 0 when another process is folding
}

// foldOnce folds some rows.
func (s *Store) foldOnce(ctx context.Context) (done folded, err error) {
	damaged := 0
	err = s.inTx(ctx, "fold job lists", func(tx pgx.Tx) error {
		done, damaged = folded{}, 0
		var mine bool
		if err := tx.QueryRow(ctx, tryLockFoldSQL, foldLock).Scan(&mine); err != nil {
			return err
		}
		if !mine {
			done.left = true
			return nil
		}
		f := folding{tx: tx, gathering: newGathering()}
		var moved, strays bool
		if err := tx.QueryRow(ctx, foldStateSQL).Scan(&f.from, &f.to, &moved, &strays); err != nil {
			return err
		}
		done.to = f.to
		switch {
		case moved:
			done.more = true
			_, err := tx.Exec(ctx, foldAgainSQL)
			return err
		case strays:
			done.more = true
			err := f.takeHome(ctx)
			damaged = f.damaged
			return err
		}
		if err := f.run(ctx); err != nil {
			return err
		}
		damaged = f.damaged
		if done.more = f.to < done.to; done.more {
			return nil
		}
		return tx.QueryRow(ctx, unfoldedSQL, done.to).Scan(&done.left)
	})
	s.tellDamage(ctx, damaged)
	return done, err
}

// tellDamage logs that rows of lists could not be read.
func (s *Store) tellDamage(ctx context.Context, rows int) {
	if rows > 0 {
		s.log.ErrorContext(ctx, "parts of job lists are damaged and were left as they are", "rows", rows)
	}
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
	before := f.to
	f.jobs = slices.DeleteFunc(f.jobs, func(j foldedJob) bool { return j.xid >= before })
	f.ends = slices.DeleteFunc(f.ends, func(e foldedEnd) bool { return e.xid >= before })
	if err := f.add(ctx); err != nil {
		return err
	}
	_, err := f.tx.Exec(ctx, foldedSQL, f.to)
	return err
}

// add folds the rows that were read.
func (f *folding) add(ctx context.Context) error {
	for i := range f.jobs {
		f.addJob(&f.jobs[i])
	}
	for i := range f.ends {
		f.addEnd(&f.ends[i])
	}
	return f.store(ctx, f.tx)
}

// takeHome folds some strays and gives them a number that is over, whichever number they had on another server.
func (f *folding) takeHome(ctx context.Context) error {
	batch := &pgx.Batch{}
	batch.Queue(strayJobsSQL, foldRows).Query(f.readJobs)
	batch.Queue(strayEndsSQL, foldRows).Query(f.readEnds)
	if err := f.tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	f.jobs = f.jobs[:len(f.jobs)-f.tooMany()]
	if err := f.add(ctx); err != nil {
		return err
	}
	var jobs, ends []int64
	for i := range f.jobs {
		jobs = append(jobs, f.jobs[i].seq)
	}
	for i := range f.ends {
		ends = append(ends, f.ends[i].seq)
	}
	batch = &pgx.Batch{}
	batch.Queue(homeJobsSQL, jobs)
	batch.Queue(homeEndsSQL, ends)
	return f.tx.SendBatch(ctx, batch).Close()
}

// tooMany returns how many of the last jobs have terms that are too many to be folded now. The first job is none of them.
func (f *folding) tooMany() int {
	terms := 0
	for i := range f.jobs {
		if terms > foldTerms {
			return len(f.jobs) - i
		}
		terms += 3 + strings.Count(f.jobs[i].labels, " ")
	}
	return 0
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
			f.to = f.cut(to)
			return nil
		}
	}
}

// cut takes back where a fold ends when there are too many terms, but at least one transaction is folded.
func (f *folding) cut(to uint64) uint64 {
	n := f.tooMany()
	for i := len(f.jobs) - n; n > 0 && i < len(f.jobs); i++ {
		if xid := f.jobs[i].xid; xid > f.jobs[0].xid {
			return min(to, xid)
		}
	}
	return to
}

// any reports whether rows of a transaction before to were read.
func (f *folding) any(to uint64) bool {
	return len(f.jobs) > 0 && f.jobs[0].xid < to || len(f.ends) > 0 && f.ends[0].xid < to
}

func (f *folding) readSome(ctx context.Context, limit int64) error {
	f.jobs, f.ends = f.jobs[:0], f.ends[:0]
	batch := &pgx.Batch{}
	batch.Queue(newRowsSQL, f.from, f.to, limit).Query(f.readJobs)
	batch.Queue(newEndsSQL, f.from, f.to, limit).Query(f.readEnds)
	return f.tx.SendBatch(ctx, batch).Close()
}

func (f *folding) readJobs(rows pgx.Rows) error {
	for rows.Next() {
		var j foldedJob
		if err := rows.Scan(&j.seq, &j.org, &j.agent, &j.id, &j.created, &j.version, &j.labels, &j.xid); err != nil {
			return err
		}
		f.jobs = append(f.jobs, j)
	}
	return rows.Err()
}

func (f *folding) readEnds(rows pgx.Rows) error {
	for rows.Next() {
		var e foldedEnd
		if err := rows.Scan(&e.seq, &e.org, &e.agent, &e.ended, &e.status, &e.verdictTerm, &e.cost, &e.duration, &e.xid); err != nil {
			return err
		}
		f.ends = append(f.ends, e)
	}
	return rows.Err()
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
