package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// noBatch stands in the books for what was used outside of batches.
func noBatch() uid { return uid{Valid: true} }

// usageKey is a row of the books.
type usageKey struct {
	agentKey
	day             time.Time
	model, provider string
	batch           uid
}

const (
	// The columns of both tables of the books, but for seq.
	usageColumns = `organization_id, day, agent_id, model, provider, batch_id, calls, input_tokens, cached_tokens, cache_write_tokens,
    output_tokens, reasoning_tokens, micro_usd, unpriced_calls`
	usageNewsSQL = `
insert into usage_news (` + usageColumns + `)
select * from unnest($1::uuid[], $2::date[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
    $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[])`
	modelCallsSQL = `
insert into model_calls (job_id, name, provider, output_hash, prompt, forget)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[])`
)

// keepBooks stores what steps, just stored, tell beyond their rows: what they add to the books, and about model calls.
func keepBooks(ctx context.Context, tx pgx.Tx, batch []*stepRecord, held map[stepKey]*heldStep) error {
	sums := map[usageKey]*steward.Tally{}
	var calls modelCalls
	for _, r := range batch {
		h := held[r.key()]
		if h == nil || !h.stored || !r.books {
			continue
		}
		k := usageKey{h.agent, r.step.EndedAt.UTC().Truncate(24 * time.Hour), r.step.Model, r.step.Provider, h.batch}
		if !k.batch.Valid {
			k.batch = noBatch()
		}
		if sums[k] == nil {
			sums[k] = new(steward.Tally)
		}
		sums[k].Add(r.tally)
		if r.step.Kind == steward.StepModel {
			calls.add(r)
		}
	}
	if len(sums) == 0 {
		return nil
	}
	b := &pgx.Batch{}
	queueUsage(b, sums)
	if len(calls.jobs) > 0 {
		b.Queue(modelCallsSQL, calls.jobs, calls.names, calls.providers, calls.hashes, calls.prompts, calls.forget)
	}
	return tx.SendBatch(ctx, b).Close()
}

// modelCalls gathers the columns of modelCallsSQL.
type modelCalls struct {
	jobs                              []uid
	names, providers, hashes, prompts []string
	forget                            []bool
}

func (c *modelCalls) add(r *stepRecord) {
	c.jobs, c.names = append(c.jobs, r.job), append(c.names, r.step.Name)
	c.providers, c.hashes = append(c.providers, r.step.Provider), append(c.hashes, r.step.OutputHash)
	c.prompts, c.forget = append(c.prompts, string(r.step.Prompt)), append(c.forget, r.step.ForgetOutput)
}

func queueUsage(b *pgx.Batch, sums map[usageKey]*steward.Tally) {
	n := len(sums)
	orgs, agents, batches, days := make([]uid, 0, n), make([]uid, 0, n), make([]uid, 0, n), make([]pgtype.Date, 0, n)
	models, providers := make([]string, 0, n), make([]string, 0, n)
	var counts [8][]int64
	for k, t := range sums {
		orgs, agents, batches = append(orgs, k.org), append(agents, k.agent), append(batches, k.batch)
		days = append(days, pgtype.Date{Time: k.day, Valid: true})
		models, providers = append(models, k.model), append(providers, k.provider)
		for i, v := range []int64{
			t.Calls, t.InputTokens, t.CachedTokens, t.CacheWriteTokens, t.OutputTokens, t.ReasoningTokens, int64(t.Cost), t.UnpricedCalls,
		} {
			counts[i] = append(counts[i], v)
		}
	}
	b.Queue(usageNewsSQL, orgs, days, agents, models, providers, batches,
		counts[0], counts[1], counts[2], counts[3], counts[4], counts[5], counts[6], counts[7])
}

// bookLock is the advisory lock of whoever folds the books.
const bookLock int64 = 0x5754_4344_0006

// bookRows is how many rows are folded in one transaction.
const bookRows = 10_000

const (
	tryLockBooksSQL = `select pg_try_advisory_xact_lock($1)`
	foldUsageSQL    = `
with taken as (
    delete from usage_news where (organization_id, seq) in (select organization_id, seq from usage_news order by organization_id, seq limit $1)
    returning *),
kept as (
    insert into usage as u (` + usageColumns + `)
    select organization_id, day, agent_id, model, provider, batch_id, sum(calls), sum(input_tokens), sum(cached_tokens), sum(cache_write_tokens),
        sum(output_tokens), sum(reasoning_tokens), sum(micro_usd), sum(unpriced_calls)
    from taken group by organization_id, day, agent_id, model, provider, batch_id
    on conflict (organization_id, day, agent_id, model, provider, batch_id) do update
    set calls = u.calls + excluded.calls, input_tokens = u.input_tokens + excluded.input_tokens,
        cached_tokens = u.cached_tokens + excluded.cached_tokens, cache_write_tokens = u.cache_write_tokens + excluded.cache_write_tokens,
        output_tokens = u.output_tokens + excluded.output_tokens, reasoning_tokens = u.reasoning_tokens + excluded.reasoning_tokens,
        micro_usd = u.micro_usd + excluded.micro_usd, unpriced_calls = u.unpriced_calls + excluded.unpriced_calls)
select count(*) from taken`
)

// foldBooks keeps adding what is new to the books until ctx ends. One process at a time does; which one does not matter, nor when: readers
// look at what is new as well.
func (s *Store) foldBooks(ctx context.Context) {
	tick := time.NewTicker(foldIdle)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for {
			n, err := s.foldUsage(ctx)
			if err != nil && ctx.Err() == nil {
				s.log.WarnContext(ctx, "folding usage failed", "error", err, "retry_in", foldIdle)
			}
			if err != nil || n < bookRows {
				break
			}
		}
	}
}

// foldUsage adds some rows to the books and returns how many.
func (s *Store) foldUsage(ctx context.Context) (n int, err error) {
	err = s.inTx(ctx, "fold usage", func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, tryLockBooksSQL, bookLock).Scan(&mine); err != nil || !mine {
			return err
		}
		return tx.QueryRow(ctx, foldUsageSQL, bookRows).Scan(&n)
	})
	return n, err
}

// booksSQL reads both tables of the books as one. Its arguments are the organization, the first and the last day, the agent and the batch;
// null leaves one out.
const booksSQL = `
from (
    select ` + usageColumns + ` from usage
    where organization_id = $1 and day >= coalesce($2::date, '-infinity') and day <= coalesce($3::date, 'infinity')
        and ($4::uuid is null or agent_id = $4) and ($5::uuid is null or batch_id = $5)
    union all
    select ` + usageColumns + ` from usage_news
    where organization_id = $1 and day >= coalesce($2::date, '-infinity') and day <= coalesce($3::date, 'infinity')
        and ($4::uuid is null or agent_id = $4) and ($5::uuid is null or batch_id = $5)) books`

// spentSQL adds up money alone.
const spentSQL = `select coalesce(sum(micro_usd), 0)::bigint ` + booksSQL

// tallySQL are the columns that scanTally reads.
const tallySQL = `coalesce(sum(calls), 0)::bigint as calls, coalesce(sum(input_tokens), 0)::bigint, coalesce(sum(cached_tokens), 0)::bigint,
    coalesce(sum(cache_write_tokens), 0)::bigint, coalesce(sum(output_tokens), 0)::bigint, coalesce(sum(reasoning_tokens), 0)::bigint,
    coalesce(sum(micro_usd), 0)::bigint as cost, coalesce(sum(unpriced_calls), 0)::bigint`

// intoTally returns where the columns of tallySQL go.
func intoTally(t *steward.Tally) []any {
	return []any{
		&t.Calls, &t.InputTokens, &t.CachedTokens, &t.CacheWriteTokens, &t.OutputTokens, &t.ReasoningTokens, &t.Cost, &t.UnpricedCalls,
	}
}

// usageGroup says how rows of a group are made: two columns that tell them apart, the query of a name by the first, and their order.
type usageGroup struct{ key, second, name, order string }

func usageGroups() map[steward.UsageGroup]usageGroup {
	const byCost = "cost desc, calls desc, k1, k2"
	const none = "''::text"
	return map[steward.UsageGroup]usageGroup{
		steward.UsageByDay:   {"to_char(day, 'YYYY-MM-DD')", none, none, "k1 desc"},
		steward.UsageByMonth: {"to_char(day, 'YYYY-MM')", none, none, "k1 desc"},
		steward.UsageByAgent: {
			"case when agent_id = '00000000-0000-0000-0000-000000000000' then '' else agent_id::text end", none,
			"case when k1 = '' then '' else coalesce((select name from agents where id = k1::uuid), '') end", byCost,
		},
		steward.UsageByModel: {"model", "provider", none, byCost},
		steward.UsageByBatch: {
			"case when batch_id = '00000000-0000-0000-0000-000000000000' then '' else batch_id::text end", none,
			"case when k1 = '' then '' else coalesce((select name from batches where id = k1::uuid), '') end", byCost,
		},
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
	args, err := booksArgs(org, &q)
	if err != nil {
		return nil, err
	}
	page := &store.UsagePage{Rows: []steward.UsageRow{}}
	batch := &pgx.Batch{}
	queueSubject(batch, args, &q)
	batch.Queue("select "+tallySQL+booksSQL, args...).QueryRow(func(row pgx.Row) error { return row.Scan(intoTally(&page.Totals)...) })
	keys := g.key + ` collate "C" as k1, ` + g.second + ` collate "C" as k2`
	batch.Queue("select count(*) from (select distinct "+keys+booksSQL+") d", args...).QueryRow(func(row pgx.Row) error { return row.Scan(&page.Count) })
	batch.Queue("select *, "+g.name+" from (select "+keys+", "+tallySQL+booksSQL+" group by 1, 2 order by "+g.order+" limit $6 offset $7) r order by "+g.order,
		append(args, limit, q.Offset)...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var first, second, name string
			var t steward.Tally
			if err := rows.Scan(append(append([]any{&first, &second}, intoTally(&t)...), &name)...); err != nil {
				return err
			}
			page.Rows = append(page.Rows, storerow.UsageRow(q.Group, first, second, name, t))
		}
		return rows.Err()
	})
	if err := s.snapshot(ctx, "read usage", batch); err != nil {
		return nil, err
	}
	return page, nil
}

// booksArgs returns the arguments of booksSQL. Errors: NotFound for what cannot be an id.
func booksArgs(org steward.OrganizationID, q *store.UsageQuery) ([]any, error) {
	orgID, _ := toUID(org) // one that is none has no books
	agentID, okAgent := toUID(q.AgentID)
	batchID, okBatch := toUID(q.BatchID)
	switch {
	case q.AgentID != "" && !okAgent:
		return nil, storerow.NotFound("Agent")
	case q.BatchID != "" && !okBatch:
		return nil, storerow.NotFound("Batch")
	}
	day := func(t time.Time) pgtype.Date {
		return pgtype.Date{Time: t.UTC().Truncate(24 * time.Hour), Valid: !t.IsZero()}
	}
	return []any{orgID, day(q.From), day(q.To), agentID, batchID}, nil
}

// queueSubject queues a look at the agent and the batch that a query names. Errors: NotFound.
func queueSubject(batch *pgx.Batch, args []any, q *store.UsageQuery) {
	exists := func(noun, sql string, id any) {
		batch.Queue(sql, id, args[0]).QueryRow(func(row pgx.Row) error {
			var one int
			return notFound(noun, row.Scan(&one))
		})
	}
	if q.AgentID != "" {
		exists("Agent", "select 1 from agents where id = $1 and (organization_id = $2) is true", args[3])
	}
	if q.BatchID != "" {
		exists("Batch", "select 1 from batches where id = $1 and (organization_id = $2) is true", args[4])
	}
}

// Spent implements store.Books.
func (s *Store) Spent(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, since time.Time) (steward.MicroUSD, error) {
	args, err := booksArgs(org, &store.UsageQuery{From: since, AgentID: agent})
	if steward.CodeOf(err) == steward.NotFound { // what cannot be an agent spent nothing
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var sum steward.MicroUSD
	err = s.pool.QueryRow(ctx, spentSQL, args...).Scan(&sum)
	return sum, translate("read spending", err)
}

const (
	forgettableSQL = `
select distinct m.job_id from model_calls m
cross join lateral (select 1 from jobs j where j.id = m.job_id and (j.status >= 3) is true limit 1) j
where m.forget limit $1`
	lockForgettableSQL = `select id from jobs where id = any ($1) order by id for no key update`
	forgetOutputsSQL   = `
update steps s set output = '' from model_calls m
where m.job_id = any ($1) and m.forget and s.job_id = m.job_id and s.name = m.name`
	// letGoSQL lets jobs go of the files of long answers, unless something else that a job knows is kept in the same one.
	letGoSQL = `
delete from job_blobs b using model_calls m, jobs j
where m.job_id = any ($1) and m.forget and b.job_id = m.job_id and b.sha256 = m.output_hash and j.id = m.job_id
    and position(m.output_hash in j.inputs) = 0 and position(m.output_hash in j.refs) = 0
    and not exists (select from steps s where s.job_id = m.job_id and position(m.output_hash in s.output) > 0)
returning b.sha256`
	forgottenSQL = `update model_calls set forget = false where job_id = any ($1) and forget`
)

// ForgetAnswers implements store.Books.
func (s *Store) ForgetAnswers(ctx context.Context, at time.Time, limit int) (n int, dying []string, err error) {
	if limit <= 0 {
		return 0, nil, storerow.OutOfRange("limit", "limit must be positive.")
	}
	rows, err := s.pool.Query(ctx, forgettableSQL, limit)
	if err != nil {
		return 0, nil, translate("forget answers", err)
	}
	jobs, err := pgx.CollectRows(rows, pgx.RowTo[uid])
	if err != nil || len(jobs) == 0 {
		return 0, nil, translate("forget answers", err)
	}
	err = s.inTx(ctx, "forget answers", func(tx pgx.Tx) error {
		dying = []string{}
		for _, sql := range []string{lockForgettableSQL, forgetOutputsSQL} {
			if _, err := tx.Exec(ctx, sql, jobs); err != nil {
				return err
			}
		}
		files, err := collect[string](ctx, tx, letGoSQL, jobs)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, forgottenSQL, jobs); err != nil || len(files) == 0 {
			return err
		}
		dying, err = mourn(ctx, tx, files, at)
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	return len(jobs), dying, nil
}
