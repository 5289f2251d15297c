package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Look is a database that is only read: one state of it, whoever writes meanwhile. It is used by one goroutine, and closed.
type Look struct {
	conn *pgx.Conn
	tx   pgx.Tx
}

// OpenLook connects to the database that url names to look at the state that it has now. It does not bring the schema up to date.
//
// Errors: Invalid for the URL; Unavailable when it cannot be reached.
func OpenLook(ctx context.Context, url string) (*Look, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, badURL(err)
	}
	setGround(cfg.RuntimeParams)
	cfg.RuntimeParams["default_transaction_read_only"] = "on"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, translate("open database", err)
	}
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		_ = conn.Close(ctx) // what is wrong has been said
		return nil, translate("open database", err)
	}
	return &Look{conn, tx}, nil
}

// Close ends the look.
func (l *Look) Close(ctx context.Context) {
	_ = l.conn.Close(ctx) // nothing was changed: there is nothing to lose
}

// Schema returns the number of the database's last migration, 0 for a database without any.
//
// Errors: Conflict when the database is of a newer program.
func (l *Look) Schema(ctx context.Context) (version int64, err error) {
	var known bool
	if err := l.tx.QueryRow(ctx, "select to_regclass('goose_db_version') is not null").Scan(&known); err != nil || !known {
		return 0, translate("read schema version", err)
	}
	err = l.tx.QueryRow(ctx, "select coalesce(max(version_id), 0) from goose_db_version where is_applied").Scan(&version)
	if err != nil {
		return 0, translate("read schema version", err)
	}
	newest, err := newestMigration()
	if err != nil {
		return 0, err
	}
	if version > newest {
		return version, &steward.Error{
			Code: steward.Conflict,
			Message: fmt.Sprintf("The database belongs to a newer version of Steward: upgrade the program, or restore a backup made before the upgrade "+
				"(its schema has version %d, this program knows %d).", version, newest),
		}
	}
	return version, nil
}

// newestMigration returns the highest number among the migrations of this program.
func newestMigration() (newest int64, err error) {
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		return 0, fmt.Errorf("list migrations: %w", err)
	}
	for _, e := range entries {
		var n int64
		if _, err := fmt.Sscanf(e.Name(), "%d_", &n); err != nil {
			return 0, fmt.Errorf("list migrations: %s has no number: %w", e.Name(), err)
		}
		newest = max(newest, n)
	}
	return newest, nil
}

// Newest returns the number of the newest migration that this program knows.
func Newest() (int64, error) { return newestMigration() }

// ServerFacts are what a server says of itself.
type ServerFacts struct {
	Version    string // such as 17.2
	Number     int    // such as 170002
	Now        time.Time
	Durable    bool // fsync and synchronous_commit are on
	Encrypted  bool // the connection is
	OtherNodes int  // connections of other Steward processes
}

// Server asks the server about itself. Now is the time of the answer, not of the look.
func (l *Look) Server(ctx context.Context) (f ServerFacts, err error) {
	err = l.tx.QueryRow(ctx, `select current_setting('server_version'), current_setting('server_version_num')::int, clock_timestamp(),
		current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on',
		coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false),
		(select count(*) from pg_stat_activity where application_name = 'steward' and pid <> pg_backend_pid() and datname = current_database())`).
		Scan(&f.Version, &f.Number, &f.Now, &f.Durable, &f.Encrypted, &f.OtherNodes)
	return f, translate("ask the server", err)
}

// Blobs calls fn with every blob that the database knows, in the order of their hashes.
func (l *Look) Blobs(ctx context.Context, fn func(store.BlobRow) error) error {
	rows, err := l.tx.Query(ctx, "select sha256, size_bytes, settled and dying_at is null, dying_at is not null from blobs order by sha256")
	if err != nil {
		return translate("list blobs", err)
	}
	defer rows.Close()
	for rows.Next() {
		var b store.BlobRow
		if err := rows.Scan(&b.SHA256, &b.SizeBytes, &b.InPlace, &b.Dying); err != nil {
			return translate("list blobs", err)
		}
		if err := fn(b); err != nil {
			return err
		}
	}
	return translate("list blobs", rows.Err())
}

// Blob returns what the database knows of a blob.
func (l *Look) Blob(ctx context.Context, sha256 string) (b store.BlobRow, found bool, err error) {
	rows, err := l.tx.Query(ctx, "select sha256, size_bytes, settled and dying_at is null, dying_at is not null from blobs where sha256 = $1", sha256)
	if err != nil {
		return b, false, translate("look up blob", err)
	}
	defer rows.Close()
	if found = rows.Next(); found {
		err = rows.Scan(&b.SHA256, &b.SizeBytes, &b.InPlace, &b.Dying)
	}
	if err == nil {
		rows.Close()
		err = rows.Err()
	}
	return b, found, translate("look up blob", err)
}

// Counts returns how much there is in the database.
func (l *Look) Counts(ctx context.Context) (n store.Counts, err error) {
	err = l.tx.QueryRow(ctx, `select (select count(*) from organizations), (select count(*) from agents where deleted_at is null),
		(select count(*) from jobs), (select count(*) from jobs where status <= 2), (select count(*) from steps)`).
		Scan(&n.Organizations, &n.Agents, &n.Jobs, &n.OpenJobs, &n.Steps)
	return n, translate("count", err)
}

// mostFindings is how many findings of one check are told.
const mostFindings = 20

// Check looks for counters, usage books and references to files that say something else than the rows that they are made from. It
// leaves the pages to the server, which has tools of its own for them, and the lists of jobs to the reader, who makes them from rows
// that are only ever added. It changes nothing. A finding is not an error.
func (l *Look) Check(ctx context.Context, progress func(what string)) ([]store.Finding, error) {
	const advice = "The rows themselves are there. Take a backup, and report it: it should not happen."
	var found []store.Finding
	for _, q := range checks() {
		if progress != nil {
			progress(q.name)
		}
		rows, err := l.tx.Query(ctx, q.query+" limit $1", mostFindings)
		if err != nil {
			return nil, translate("check "+q.name, err)
		}
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return nil, translate("check "+q.name, err)
		}
		for _, text := range texts {
			found = append(found, store.Finding{Check: q.name, Message: text, Advice: advice})
		}
	}
	return found, nil
}

// check is a query for sentences about what is wrong.
type check struct{ name, query string }

func checks() []check {
	return []check{
		{"counters", `
select format('Agent %s is said to have had %s jobs, and has %s.', a.id, coalesce(n.jobs, 0), coalesce(j.jobs, 0))
from agents a
left join (select agent_id, sum(jobs) as jobs from (select agent_id, jobs from agent_jobs union all select agent_id, jobs from agent_jobs_log) x
    group by agent_id) n on n.agent_id = a.id
left join (select agent_id, count(*) as jobs from jobs group by agent_id) j on j.agent_id = a.id
where coalesce(n.jobs, 0) <> coalesce(j.jobs, 0)`},
		{"usage books", `
with told as (
    select j.organization_id, j.agent_id, (s.ended_at at time zone 'UTC')::date as day, count(*) as calls,
        sum(coalesce((nullif(s.usage, '')::json ->> 'cost_micro_usd')::bigint, 0)) as cost
    from steps s join jobs j on j.id = s.job_id
    where s.kind = 'model' or coalesce((nullif(s.usage, '')::json ->> 'cost_micro_usd')::bigint, 0) <> 0
    group by 1, 2, 3),
written as (
    select organization_id, agent_id, day, sum(calls) as calls, sum(micro_usd) as cost
    from (select organization_id, agent_id, day, calls, micro_usd from usage
        union all select organization_id, agent_id, day, calls, micro_usd from usage_news) x
    where agent_id <> '00000000-0000-0000-0000-000000000000' group by 1, 2, 3) -- the others are of no job
select format('The books of agent %s for %s say %s calls and %s millionths of a dollar, its steps %s and %s.', agent_id, day,
    coalesce(w.calls, 0), coalesce(w.cost, 0), coalesce(t.calls, 0), coalesce(t.cost, 0))
from written w full join told t using (organization_id, agent_id, day)
where coalesce(w.calls, 0) < coalesce(t.calls, 0) or coalesce(w.cost, 0) < coalesce(t.cost, 0)
    or (coalesce(w.calls, 0) > coalesce(t.calls, 0) or coalesce(w.cost, 0) > coalesce(t.cost, 0)) and not exists (
        select 1 from jobs j where j.agent_id = coalesce(w.agent_id, t.agent_id) and j.data_deleted_at is not null)`},
		{"foreign keys", `
select format('A step (%s) belongs to job %s, which is not there.', s.name, s.job_id) from steps s
where not exists (select 1 from jobs j where j.id = s.job_id)`},
		{"file references", `
select format('Job %s holds a file that is being deleted (%s).', h.job_id, b.sha256) from blobs b join job_blobs h on h.sha256 = b.sha256
where b.dying_at is not null`},
		{"file references", `
select format('A file is kept for job %s, which is not there (%s).', h.job_id, h.sha256) from job_blobs h
where not exists (select 1 from jobs j where j.id = h.job_id)`},
		{"file references", `
select format('Content of %s bytes is kept, and nothing refers to it (%s).', b.size_bytes, b.sha256) from blobs b
where b.settled and b.dying_at is null and not exists (select 1 from files f where f.sha256 = b.sha256)
    and not exists (select 1 from job_blobs h where h.sha256 = b.sha256)`},
	}
}
