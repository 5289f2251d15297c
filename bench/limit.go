package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// claimBatch is how many rows the bare loop takes at once.
const claimBatch = 64

// claimLoop measures the bound of any queue on this disk and database: one connection, one narrow table that is filled
// before, and a loop that claims a batch of rows and ends the batch before it, each commit durable. Nothing is submitted,
// leased, decoded or run.
func claimLoop(ctx context.Context, env *env, n int) (rate float64, err error) {
	dir, remove, err := env.folder("limit")
	if err != nil {
		return 0, err
	}
	defer remove()
	db, err := openSQLite(ctx, filepath.Join(dir, "limit.db"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, stmt := range []string{
		`CREATE TABLE jobs (id INTEGER PRIMARY KEY, status INTEGER NOT NULL)`,
		`CREATE INDEX jobs_ready ON jobs (id) WHERE status = 0`,
		fmt.Sprintf(`WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < %d) INSERT INTO jobs SELECT id, 0 FROM n`, n),
	} {
		if _, err := db.ExecContext(ctx, stmt); err != nil {
			return 0, fmt.Errorf("fill table: %w", err)
		}
	}
	start := time.Now()
	done := 0
	var held []int64
	for {
		next, err := claimOnce(ctx, db, held)
		if err != nil {
			return 0, err
		}
		done += len(held)
		if held = next; len(held) == 0 {
			return float64(done) / time.Since(start).Seconds(), nil
		}
	}
}

// claimOnce ends the rows that are held and claims the next ones, in one transaction.
func claimOnce(ctx context.Context, db *sql.DB, held []int64) (next []int64, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() {
		if rerr := tx.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
			err = errors.Join(err, rerr)
		}
	}()
	if len(held) > 0 { // ids are handed out in order without gaps
		if _, err := tx.ExecContext(ctx, `UPDATE jobs SET status = 3 WHERE id BETWEEN ? AND ?`, held[0], held[len(held)-1]); err != nil {
			return nil, err
		}
	}
	if next, err = claimRows(ctx, tx); err != nil {
		return nil, err
	}
	return next, tx.Commit()
}

func claimRows(ctx context.Context, tx *sql.Tx) (ids []int64, err error) {
	rows, err := tx.QueryContext(ctx, `UPDATE jobs SET status = 1
		WHERE id IN (SELECT id FROM jobs WHERE status = 0 ORDER BY id LIMIT ?) RETURNING id`, claimBatch)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
