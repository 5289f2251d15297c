package sqlite

import (
	"context"
	"math"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// usageKey is a row of the books.
type usageKey struct {
	lane            lane
	day             int64
	model, provider string
	batch           string
}

// usageNote is what a step adds to a row.
type usageNote struct {
	usageKey
	steward.Tally
}

// metered stores what a step, just recorded, tells beyond its row: what it adds to the books, and about a model call.
// Errors: Conflict when the lease is lost.
func (t *tx) metered(l store.Lease, step *steward.Step, tally steward.Tally) error {
	var seq int64
	note := usageNote{usageKey{day: storerow.Day(step.EndedAt), model: step.Model, provider: step.Provider}, tally}
	found, err := t.first("SELECT seq, organization_id, agent_id, batch_id FROM jobs WHERE "+holds, []any{l.JobID, l.Fence}, func(r row) error {
		seq, note.lane, note.batch = r.int(0), lane{r.text(1), r.text(2)}, r.text(3)
		return nil
	})
	if err != nil {
		return err
	}
	if !found {
		return storerow.LeaseLost()
	}
	t.used = append(t.used, note)
	if step.Kind != steward.StepModel {
		return nil
	}
	_, err = t.exec("INSERT INTO model_calls (job_seq, name, provider, output_hash, prompt, forget) VALUES (?, ?, ?, ?, ?, ?)",
		seq, step.Name, step.Provider, step.OutputHash, step.Prompt, step.ForgetOutput)
	return err
}

// writeUsage adds what steps used to the books, each row once.
func (t *tx) writeUsage() error {
	if len(t.used) == 0 {
		return nil
	}
	at := map[usageKey]int{}
	rows := t.used[:0]
	for _, n := range t.used {
		if i, ok := at[n.usageKey]; ok {
			rows[i].Add(n.Tally)
			continue
		}
		at[n.usageKey] = len(rows)
		rows = append(rows, n)
	}
	for i := range rows {
		r := &rows[i]
		_, err := t.exec(`INSERT INTO usage (organization_id, day, agent_id, model, provider, batch_id, calls, input_tokens, cached_tokens,
				cache_write_tokens, output_tokens, reasoning_tokens, micro_usd, unpriced_calls)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, input_tokens = input_tokens + excluded.input_tokens,
				cached_tokens = cached_tokens + excluded.cached_tokens, cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
				output_tokens = output_tokens + excluded.output_tokens, reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
				micro_usd = micro_usd + excluded.micro_usd, unpriced_calls = unpriced_calls + excluded.unpriced_calls`,
			r.lane.organization, r.day, r.lane.agent, r.model, r.provider, r.batch, r.Calls, r.InputTokens, r.CachedTokens,
			r.CacheWriteTokens, r.OutputTokens, r.ReasoningTokens, r.Cost, r.UnpricedCalls)
		if err != nil {
			return err
		}
	}
	return nil
}

// tallyColumns are read by scanTally.
const tallyColumns = `coalesce(sum(calls), 0) AS calls, coalesce(sum(input_tokens), 0), coalesce(sum(cached_tokens), 0),
	coalesce(sum(cache_write_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(reasoning_tokens), 0),
	coalesce(sum(micro_usd), 0) AS cost, coalesce(sum(unpriced_calls), 0)`

func scanTally(r row) steward.Tally {
	return steward.Tally{
		Calls: r.int(0), InputTokens: r.int(1), CachedTokens: r.int(2), CacheWriteTokens: r.int(3),
		OutputTokens: r.int(4), ReasoningTokens: r.int(5), Cost: steward.MicroUSD(r.int(6)), UnpricedCalls: r.int(7),
	}
}

// usageGroup says how rows of a group are made: two columns that tell them apart, the query of a name by the first, and their order.
type usageGroup struct{ key, second, name, order string }

// byCost orders the groups that are no time.
const byCost = "cost DESC, calls DESC, k1, k2"

func usageGroups() map[steward.UsageGroup]usageGroup {
	return map[steward.UsageGroup]usageGroup{
		steward.UsageByDay:   {"strftime('%Y-%m-%d', day * 86400, 'unixepoch')", "''", "''", "k1 DESC"},
		steward.UsageByMonth: {"strftime('%Y-%m', day * 86400, 'unixepoch')", "''", "''", "k1 DESC"},
		steward.UsageByAgent: {"agent_id", "''", "coalesce((SELECT name FROM agents WHERE id = k1), '')", byCost},
		steward.UsageByModel: {"model", "provider", "''", byCost},
		steward.UsageByBatch: {"batch_id", "''", "coalesce((SELECT name FROM batches WHERE id = k1), '')", byCost},
	}
}

// Usage implements store.Books.
func (s *Store) Usage(ctx context.Context, org steward.OrganizationID, q store.UsageQuery) (*store.UsagePage, error) {
	limit, err := storerow.Limit(q.Limit, q.Offset)
	if err != nil {
		return nil, err
	}
	if q.Group == "" {
		q.Group = steward.UsageByDay
	}
	g, ok := usageGroups()[q.Group]
	if !ok {
		return nil, storerow.OutOfRange("Group", "Usage cannot be added up by "+string(q.Group)+".")
	}
	where, args := usageOf(org, &q)
	page := &store.UsagePage{Rows: []steward.UsageRow{}}
	err = s.snapshot(ctx, "read usage", func(c *conn) error {
		if err := c.usageSubject(org, &q); err != nil {
			return err
		}
		_, err := c.first("SELECT "+tallyColumns+where, args, func(r row) error { page.Totals = scanTally(r); return nil })
		if err != nil {
			return err
		}
		_, err = c.first("SELECT count(*) FROM (SELECT DISTINCT "+g.key+", "+g.second+where+")", args,
			func(r row) error { page.Count = r.int(0); return nil })
		if err != nil {
			return err
		}
		return c.query("SELECT *, "+g.name+" FROM (SELECT "+g.key+" AS k1, "+g.second+" AS k2, "+tallyColumns+where+
			" GROUP BY 1, 2 ORDER BY "+g.order+" LIMIT ? OFFSET ?)", append(args, limit, q.Offset), func(r row) error {
			page.Rows = append(page.Rows, storerow.UsageRow(q.Group, r.text(0), r.text(1), r.text(10), scanTally(r[2:])))
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// usageOf returns the part of a query that chooses rows of the books.
func usageOf(org steward.OrganizationID, q *store.UsageQuery) (where string, args []any) {
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if !q.From.IsZero() {
		from = storerow.Day(q.From)
	}
	if !q.To.IsZero() {
		to = storerow.Day(q.To)
	}
	where, args = " FROM usage WHERE organization_id = ? AND day BETWEEN ? AND ?", []any{org, from, to}
	if q.AgentID != "" {
		where, args = where+" AND agent_id = ?", append(args, q.AgentID)
	}
	if q.BatchID != "" {
		where, args = where+" AND batch_id = ? AND batch_id <> ''", append(args, q.BatchID)
	}
	return where, args
}

// usageSubject fails for an agent or a batch that the organization never had. Errors: NotFound.
func (c *conn) usageSubject(org steward.OrganizationID, q *store.UsageQuery) error {
	if q.AgentID != "" {
		found, err := c.first("SELECT 1 FROM agents WHERE id = ? AND organization_id = ?", []any{q.AgentID, org}, noRow)
		if err := orNotFound("Agent", found, err); err != nil {
			return err
		}
	}
	if q.BatchID != "" {
		found, err := c.first("SELECT 1 FROM batches WHERE id = ? AND organization_id = ?", []any{q.BatchID, org}, noRow)
		return orNotFound("Batch", found, err)
	}
	return nil
}

// Spent implements store.Books.
func (s *Store) Spent(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, since time.Time) (steward.MicroUSD, error) {
	where, args := usageOf(org, &store.UsageQuery{From: since, AgentID: agent})
	var sum int64
	err := s.read(ctx, "add up spending", func(c *conn) error {
		_, err := c.first("SELECT coalesce(sum(micro_usd), 0)"+where, args, func(r row) error { sum = r.int(0); return nil })
		return err
	})
	return steward.MicroUSD(sum), err
}

// forgettable finds ended jobs with answers that are to be forgotten.
const forgettable = `SELECT DISTINCT m.job_seq FROM model_calls m INDEXED BY model_calls_to_forget
	CROSS JOIN jobs j ON j.seq = m.job_seq WHERE m.forget = 1 AND j.status >= 3 LIMIT ?`

// ForgetAnswers implements store.Books. It looks before it writes, as there is nothing to do most times.
func (s *Store) ForgetAnswers(ctx context.Context, at time.Time, limit int) (n int, dying []string, err error) {
	if limit <= 0 {
		return 0, nil, storerow.OutOfRange("limit", "limit must be positive.")
	}
	some := false
	err = s.read(ctx, "forget answers", func(c *conn) error {
		some, err = c.first(forgettable, []any{1}, noRow)
		return err
	})
	if err != nil || !some {
		return 0, nil, err
	}
	err = s.write(ctx, "forget answers", func(t *tx) error {
		dying = []string{}
		var jobs []int64
		err := t.query(forgettable, []any{limit}, func(r row) error { jobs = append(jobs, r.int(0)); return nil })
		for _, seq := range jobs {
			if err != nil {
				return err
			}
			dying, err = t.forgetAnswers(seq, at, dying)
		}
		n = len(jobs)
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	return n, dying, nil
}

// forgetAnswers drops the outputs of a job's steps that are to be forgotten. A long one was kept as a file, which the job lets go of
// unless something else that it knows is kept in the same one.
func (t *tx) forgetAnswers(seq int64, at time.Time, dying []string) ([]string, error) {
	_, err := t.change(`UPDATE steps SET output = '' WHERE job_seq = ?1 AND name IN (
		SELECT name FROM model_calls WHERE job_seq = ?1 AND forget = 1)`, seq)
	if err != nil {
		return dying, err
	}
	var files []string
	err = t.query(`SELECT b.sha256 FROM model_calls m CROSS JOIN blob_jobs b ON b.sha256 = m.output_hash AND b.job_seq = m.job_seq
		CROSS JOIN jobs j ON j.seq = m.job_seq
		WHERE m.job_seq = ?1 AND m.forget = 1 AND instr(j.inputs, m.output_hash) = 0 AND instr(j.refs, m.output_hash) = 0
			AND NOT EXISTS (SELECT 1 FROM steps s WHERE s.job_seq = ?1 AND instr(s.output, m.output_hash) > 0)`,
		[]any{seq}, func(r row) error { files = append(files, r.text(0)); return nil })
	if err != nil {
		return dying, err
	}
	if _, err := t.exec("UPDATE model_calls SET forget = 0 WHERE job_seq = ? AND forget = 1", seq); err != nil {
		return dying, err
	}
	for _, sha := range files {
		if _, err := t.exec("DELETE FROM blob_jobs WHERE sha256 = ? AND job_seq = ?", sha, seq); err != nil {
			return dying, err
		}
		if dying, err = t.mourn(dying, sha, at); err != nil {
			return dying, err
		}
	}
	return dying, nil
}

// Hold implements store.Books: one process serves the database.
func (s *Store) Hold(ctx context.Context, _ store.Hold) (store.HoldAnswer, error) {
	return store.HoldAnswer{Held: true}, ctx.Err()
}

// DropHold implements store.Books.
func (s *Store) DropHold(context.Context, string) error { return nil }
