package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"

	"github.com/stewardhq/steward/internal/store"
)

// CheckOptions tunes Check. The zero value is ready to use.
type CheckOptions struct {
	Pages    bool              // looks at the pages of tables only, and at nothing else
	Quick    bool              // looks at the pages of tables only, not at those of indexes, and leaves the lists out
	TempDir  string            // for a small database to compare with; "" means os.TempDir
	Progress func(what string) // told what is looked at now; may be nil
}

// mostFindings is how many findings of one check are told one by one.
const mostFindings = 20

// Checks of a database, as findings name them.
const (
	checkPages  = "database pages"
	checkSchema = "database schema"
	checkKeys   = "foreign keys"
	checkLists  = "job lists"
	checkCounts = "counters"
	checkBooks  = "usage books"
	checkRefs   = "file references"
)

// Check looks for everything that can be wrong within the database: damaged pages and indexes, a schema that is not that of its
// version, broken foreign keys, lists, counters and usage books that say something else than the rows that they are made from, and jobs
// that refer to files which nothing keeps for them. It changes nothing. A finding is not an error; an error says that the check itself
// could not be done.
func (l *Look) Check(ctx context.Context, o CheckOptions) ([]store.Finding, error) {
	k := &checker{conn: l.c, o: o, counts: map[string]int{}}
	for _, part := range []struct {
		name string
		slow bool
		run  func(context.Context) error
	}{
		{checkPages, false, k.pages},
		{checkSchema, false, k.schema},
		{checkKeys, false, k.keys},
		{checkLists, true, k.lists},
		{checkCounts, false, k.counters},
		{checkBooks, false, k.books},
		{checkRefs, false, k.references},
	} {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if (part.slow && o.Quick) || (part.name != checkPages && o.Pages) {
			continue
		}
		if o.Progress != nil {
			o.Progress(part.name)
		}
		err := part.run(ctx)
		switch {
		case err == nil:
		case isDamage(err):
			k.found(part.name, "The database cannot be read: "+err.Error()+".", restoreAdvice)
		default:
			return nil, fmt.Errorf("check %s: %w", part.name, err)
		}
		if len(k.findings) > 0 && (part.name == checkPages || part.name == checkSchema) {
			break // what follows would only repeat it, or not understand the tables
		}
	}
	return k.result(), nil
}

const (
	restoreAdvice = "Restore the last good backup into another folder; keep this one until you know what is lost."
	reportAdvice  = "The rows themselves are there. Take a backup, and report it: it should not happen."
)

// isDamage reports whether an error says that the file is damaged.
func isDamage(err error) bool {
	var se sqlite3.Error
	return errors.As(err, &se) && (se.Code == sqlite3.ErrCorrupt || se.Code == sqlite3.ErrNotADB)
}

// checker collects findings.
type checker struct {
	*conn
	o        CheckOptions
	findings []store.Finding
	counts   map[string]int // by check
}

func (k *checker) found(check, message, advice string) {
	if k.counts[check]++; k.counts[check] <= mostFindings {
		k.findings = append(k.findings, store.Finding{Check: check, Message: message, Advice: advice})
	}
}

func (k *checker) foundf(check, format string, args ...any) {
	k.found(check, fmt.Sprintf(format, args...), reportAdvice)
}

// result returns the findings, and of each check how many more there are.
func (k *checker) result() []store.Finding {
	for _, check := range slices.Sorted(maps.Keys(k.counts)) {
		if more := k.counts[check] - mostFindings; more > 0 {
			k.findings = append(k.findings, store.Finding{Check: check, Message: fmt.Sprintf("There are %d more findings of this kind.", more)})
		}
	}
	return k.findings
}

// pages asks SQLite itself.
func (k *checker) pages(context.Context) error {
	pragma := "PRAGMA integrity_check(100)"
	if k.o.Quick || k.o.Pages {
		pragma = "PRAGMA quick_check(100)"
	}
	return k.query(pragma, nil, func(r row) error {
		if text := r.text(0); text != "ok" {
			k.found(checkPages, "SQLite says: "+text+".", restoreAdvice)
		}
		return nil
	})
}

// keys looks for rows that refer to others which are not there.
func (k *checker) keys(context.Context) error {
	return k.query(`SELECT "table", rowid, parent FROM pragma_foreign_key_check`, nil, func(r row) error {
		k.foundf(checkKeys, "A row of %s (number %d) refers to one of %s that is not there.", r.text(0), r.int(1), r.text(2))
		return nil
	})
}

// schema compares what is in the database with what its migrations make.
func (k *checker) schema(ctx context.Context) error {
	version, err := schemaVersion(k.conn)
	if err != nil {
		return err
	}
	want, err := schemaOf(ctx, version, k.o.TempDir)
	if err != nil {
		return err
	}
	got, err := k.objects()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		text, ok := got[name]
		switch {
		case !ok:
			k.found(checkSchema, "The database has no "+name+", as one of version "+strconv.FormatInt(version, 10)+" should.", restoreAdvice)
		case text != want[name]:
			k.found(checkSchema, "The database's "+name+" is not that of version "+strconv.FormatInt(version, 10)+".", restoreAdvice)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			k.found(checkSchema, "The database has a "+name+" that Steward did not make.", "Find out who made it before you trust the file.")
		}
	}
	return nil
}

// objects returns the statements that made what is in a database, by kind and name. What SQLite makes for itself is left out.
func (c *conn) objects() (map[string]string, error) {
	made := map[string]string{}
	err := c.query("SELECT type, name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT GLOB 'sqlite_stat*'", nil, func(r row) error {
		made[r.text(0)+" "+r.text(1)] = r.text(2)
		return nil
	})
	return made, err
}

// schemaOf returns the objects of a new database with the migrations up to a version.
func schemaOf(ctx context.Context, version int64, temp string) (_ map[string]string, err error) {
	dir, err := os.MkdirTemp(temp, "steward-schema-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "empty.db")
	if err := create(path); err != nil {
		return nil, err
	}
	if err := migrateTo(ctx, path, version); err != nil {
		return nil, err
	}
	c, err := openConn(path, true, time.Second)
	if err != nil {
		return nil, err
	}
	made, err := c.objects()
	return made, errors.Join(err, c.close())
}

// migrateTo runs the migrations up to a version on an empty database.
func migrateTo(ctx context.Context, path string, version int64) (err error) {
	db, err := sql.Open("sqlite3", dataSource(path, false, time.Second))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "PRAGMA synchronous = OFF"); err != nil {
		return err
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	_, err = p.UpTo(ctx, version)
	return err
}

// counters compares what is counted with what there is.
func (k *checker) counters(context.Context) error {
	for _, q := range []struct{ query, format string }{
		{`SELECT a.id, coalesce(n.jobs, 0), coalesce(j.jobs, 0) FROM agents a LEFT JOIN agent_jobs n ON n.agent_id = a.id
			LEFT JOIN (SELECT agent_id, count(*) AS jobs FROM jobs GROUP BY agent_id) j ON j.agent_id = a.id
			WHERE coalesce(n.jobs, 0) <> coalesce(j.jobs, 0)`, "Agent %s is said to have had %d jobs, and has %d."},
		{`SELECT n.agent_id, n.newest, j.newest FROM agent_jobs n JOIN
			(SELECT agent_id, max(created_at) AS newest FROM jobs GROUP BY agent_id) j ON j.agent_id = n.agent_id
			WHERE n.newest <> j.newest`, "The newest job of agent %s is said to be of %d, and is of %d (microseconds)."},
		{`SELECT t.id, t.usage_count, (SELECT count(*) FROM agent_tags g WHERE g.tag_id = t.id) AS n FROM tags t
			WHERE t.usage_count <> n`, "Tag %s is said to be on %d agents, and is on %d."},
		{`SELECT b.id, sum(c.value), (SELECT count(*) FROM jobs j WHERE j.batch_id = b.id) AS n FROM batches b
			CROSS JOIN json_each(iif(json_valid(b.counts), b.counts, '{}')) c WHERE b.counts <> '' AND b.completed_at > 0
			AND c.type = 'integer' AND c.key NOT IN ('total', 'received') GROUP BY b.id HAVING sum(c.value) <> n`,
			"Batch %s is said to have had %d items, and has %d."},
	} {
		err := k.query(q.query, nil, func(r row) error {
			k.foundf(checkCounts, q.format, r.text(0), r.int(1), r.int(2))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// books compares what steps tell with what is written in the books. Steps of jobs whose data was deleted are gone: then the books may
// only say more.
func (k *checker) books(context.Context) error {
	return k.query(`WITH told AS (
			SELECT j.organization_id, j.agent_id, s.ended_at / 86400000000 - (s.ended_at % 86400000000 < 0) AS day, count(*) AS calls,
				sum(coalesce(iif(json_valid(s.usage), s.usage, '{}') ->> 'cost_micro_usd', 0)) AS cost
			FROM steps s CROSS JOIN jobs j ON j.seq = s.job_seq
			WHERE s.kind = 'model' OR coalesce(iif(json_valid(s.usage), s.usage, '{}') ->> 'cost_micro_usd', 0) <> 0
			GROUP BY 1, 2, 3),
		written AS (
			SELECT organization_id, agent_id, day, sum(calls) AS calls, sum(micro_usd) AS cost FROM usage
			WHERE agent_id <> '' GROUP BY 1, 2, 3), -- the others are of no job
		both AS (
			SELECT coalesce(w.organization_id, t.organization_id) AS organization_id, coalesce(w.agent_id, t.agent_id) AS agent_id,
				coalesce(w.day, t.day) AS day, coalesce(w.calls, 0) AS wcalls, coalesce(t.calls, 0) AS tcalls,
				coalesce(w.cost, 0) AS wcost, coalesce(t.cost, 0) AS tcost
			FROM written w FULL JOIN told t USING (organization_id, agent_id, day))
		SELECT agent_id, date(day * 86400, 'unixepoch'), wcalls, wcost, tcalls, tcost FROM both b
		WHERE wcalls < tcalls OR wcost < tcost OR ((wcalls > tcalls OR wcost > tcost) AND NOT EXISTS (
			SELECT 1 FROM jobs j WHERE j.organization_id = b.organization_id AND j.agent_id = b.agent_id AND j.data_deleted_at > 0))`, nil,
		func(r row) error {
			k.foundf(checkBooks, "The books of agent %s for %s say %d calls and %d millionths of a dollar, its steps %d and %d.",
				r.text(0), r.text(1), r.int(2), r.int(3), r.int(4), r.int(5))
			return nil
		})
}

// IsDamage reports whether an error says that the database file is damaged.
func IsDamage(err error) bool { return isDamage(err) }
