package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/store/joblist"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// fillStep is how many job numbers one transaction of the fill covers.
const fillStep = 1000

// fillLists enters jobs in the lists that were stored before there were any. It goes step by step, each a transaction, so that it
// needs little memory, may be interrupted, and several processes may do it at once. A damaged part of a list stays as it is, as it does
// when jobs are written.
func fillLists(ctx context.Context, c *conn, log *slog.Logger) error {
	told := false
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		missing, err := c.first("SELECT 1 FROM job_lists_missing", nil, noRow)
		if err != nil || !missing {
			return err
		}
		if _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
			return err
		}
		damaged, err := fillSome(c)
		if damaged > 0 && !told {
			log.ErrorContext(ctx, "parts of job lists are damaged", "advice", "run steward verify")
			told = true
		}
		if err != nil {
			_, rerr := c.exec("ROLLBACK")
			return errors.Join(fmt.Errorf("fill job lists: %w", err), rerr)
		}
		if err := failpoint.Hit("sqlite.fill.before"); err != nil {
			return err
		}
		if _, err := c.exec("COMMIT"); err != nil {
			return err
		}
		failpoint.Pass("sqlite.fill.after")
		// Nobody else keeps the log short meanwhile.
		if err := c.simple("PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
			return fmt.Errorf("fold the log into the database: %w", err)
		}
	}
}

// fillSome enters the next jobs and notes how far it is. damaged counts the parts of lists that stay as they are.
func fillSome(c *conn) (damaged int, err error) {
	var next, last int64
	missing, err := c.first("SELECT next, last FROM job_lists_missing", nil, func(r row) error {
		next, last = r.int(0), r.int(1)
		return nil
	})
	if err != nil || !missing {
		return 0, err
	}
	t := tx{conn: c}
	if err := t.fill(next, min(next+fillStep-1, last)); err != nil {
		return 0, err
	}
	if err := t.writeLists(&laneNames{}); err != nil {
		return 0, err
	}
	if next += fillStep; next <= last {
		_, err = c.exec("UPDATE job_lists_missing SET next = ?", next)
	} else {
		_, err = c.exec("DELETE FROM job_lists_missing")
	}
	return t.damaged, err
}

// fill enters the jobs from one number to another.
func (t *tx) fill(from, to int64) error {
	return t.query(`SELECT seq, organization_id, agent_id, id, created_at, version_name, metadata, status, ended_at, started_at, usage, outputs, inputs
		FROM jobs WHERE seq BETWEEN ? AND ?`, []any{from, to}, func(r row) error {
		inputs, err := storerow.ParseList[steward.Input](r.text(12))
		if err != nil {
			inputs = nil // a damaged record is found by its id alone
		}
		n := storedNote(lane{r.text(1), r.text(2)}, r.int(0), steward.JobID(r.text(3)), storerow.Time(r.int(4)),
			joblist.NewTerms(r.text(5), []byte(r.text(6))), joblist.Text(inputs))
		verdict := ""
		if s := steward.Status(r.int(7)); s.Terminal() {
			outputs, err := storerow.ParseList[steward.Datum](r.text(11))
			if err != nil {
				outputs = nil // a damaged record has no verdict
			}
			verdict, _ = joblist.Verdict(outputs)
			n.end(s, r.int(8), r.int(9), costOf(r.text(10)), joblist.EndTerms(s, outputs))
		}
		t.lists = append(t.lists, n)
		if verdict == "" {
			return nil
		}
		_, err = t.exec("UPDATE jobs SET verdict = ? WHERE seq = ?", joblist.ShortVerdict(verdict), n.seq)
		return err
	})
}
