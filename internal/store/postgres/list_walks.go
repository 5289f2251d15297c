package postgres

import (
	"errors"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward/internal/store/joblist"
)

// Walks go over an index, beginning at a place (inclusive).
const (
	walkEndedUpSQL = `
select ended_at, seq from job_ends where agent_id = $1 and (ended_at, seq) >= ($2, $3) and (organization_id = $5) is true order by ended_at, seq limit $4`
	walkEndedDownSQL = `
select ended_at, seq from job_ends where agent_id = $1 and (ended_at, seq) <= ($2, $3) and (organization_id = $5) is true order by ended_at desc, seq desc limit $4`
	walkIDUpSQL   = `select id, seq from jobs where id > $1 order by id limit $2`
	walkIDDownSQL = `select id, seq from jobs where id < $1 order by id desc limit $2`
	walkFromIDSQL = `select id, seq from jobs where id = $1`
)

// How many steps a walk reads at once: few at first, as most are short.
const (
	firstSteps = 256
	mostSteps  = 4096
)

// Walk implements joblist.Source.
func (l *listSource) Walk(key joblist.WalkKey, descending bool, bound joblist.Bound, each func(at joblist.Bound, seq int64) bool) error {
	switch {
	case key == joblist.WalkID:
		return l.walkIDs(descending, bound.ID, each)
	case key == joblist.WalkCreated:
		w := chunkWalk{source: l, descending: descending, from: bound.Time, each: each}
		return w.run()
	case descending:
		return l.walkEnded(walkEndedDownSQL, math.MaxInt64, -1, bound.Time, each)
	}
	return l.walkEnded(walkEndedUpSQL, 0, 1, bound.Time, each)
}

// walkEnded walks in the order of ends. next is the number to begin with at the time from, step leads to the one behind.
func (l *listSource) walkEnded(sql string, next, step, from int64, each func(at joblist.Bound, seq int64) bool) error {
	at := stampOf(from)
	for n := firstSteps; ; n = min(2*n, mostSteps) {
		rows, err := l.tx.Query(l.ctx, sql, l.agent, at, next, n, l.org)
		if err != nil {
			return err
		}
		got, goOn := 0, true
		var seq int64
		if _, err := pgx.ForEachRow(rows, []any{&at, &seq}, func() error {
			got++
			goOn = goOn && each(joblist.Bound{Time: micros(at)}, seq)
			return nil
		}); err != nil {
			return err
		}
		if !goOn || got < n {
			return nil
		}
		next = seq + step
	}
}

// walkIDs walks in the order of ids.
func (l *listSource) walkIDs(descending bool, from string, each func(at joblist.Bound, seq int64) bool) error {
	sql := walkIDUpSQL
	if descending {
		sql = walkIDDownSQL
	}
	id, ok := toUID(from)
	if !ok {
		return errors.New("walk begins at what is no id")
	}
	for n := 1; ; n = min(max(2*n, firstSteps), mostSteps) {
		var rows pgx.Rows
		var err error
		if n == 1 {
			rows, err = l.tx.Query(l.ctx, walkFromIDSQL, id)
		} else {
			rows, err = l.tx.Query(l.ctx, sql, id, n)
		}
		if err != nil {
			return err
		}
		got, goOn := 0, true
		var seq int64
		if _, err := pgx.ForEachRow(rows, []any{&id, &seq}, func() error {
			got++
			goOn = goOn && each(joblist.Bound{ID: fromUID[string](id)}, seq)
			return nil
		}); err != nil {
			return err
		}
		if !goOn || (n > 1 && got < n) {
			return nil
		}
	}
}
