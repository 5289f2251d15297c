package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"

	"github.com/stewardhq/steward/internal/failpoint"
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks a SQLite file as ours in its header: "Stwd".
const applicationID = 0x53747764

// behind reports whether the schema of a database has to be brought up to date. That of a current one costs a few small queries.
// Errors: ErrForeign and ErrNewer.
func behind(c *conn) (bool, error) {
	newest, err := newestMigration()
	if err != nil {
		return false, err
	}
	current, err := schemaVersion(c)
	if err == nil && current > newest {
		err = fmt.Errorf("%w (its schema has version %d, this program knows %d)", ErrNewer, current, newest)
	}
	return current < newest, err
}

// migrate brings the schema of the database at path up to date, looking at it through c.
func migrate(ctx context.Context, c *conn, path string, busy time.Duration) error {
	newest, err := newestMigration()
	if err != nil {
		return err
	}
	// Another process may be at it too. Then one of us finds its migration done already, and looks again.
	for range newest + 2 {
		if err = migrateUp(ctx, path, busy); err == nil {
			return nil
		}
		if current, verr := schemaVersion(c); verr == nil && current == newest {
			return nil
		}
	}
	return err
}

// schemaVersion returns the number of the last migration in the database, 0 for an empty one.
// Errors: ErrForeign for a database of another program.
func schemaVersion(c *conn) (version int64, err error) {
	var app, tables, ours int64
	_, err = c.first(`SELECT (SELECT application_id FROM pragma_application_id), count(*), coalesce(sum(name = 'goose_db_version'), 0)
		FROM sqlite_schema`, nil, func(r row) error {
		app, tables, ours = r.int(0), r.int(1), r.int(2)
		return nil
	})
	switch {
	case err != nil:
		return 0, fmt.Errorf("read header: %w", err)
	case app != applicationID && (tables > 0 || app != 0):
		return 0, fmt.Errorf("%w: it is a SQLite database of another program", ErrForeign)
	case ours == 0:
		return 0, nil
	}
	_, err = c.first("SELECT max(version_id) FROM goose_db_version WHERE is_applied", nil,
		func(r row) error { version = r.int(0); return nil })
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	return version, nil
}

// migrateUp runs the missing migrations, each in a transaction of its own.
func migrateUp(ctx context.Context, path string, busy time.Duration) (err error) {
	db, err := sql.Open("sqlite3", dataSource(path, false, busy))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if failpoint.Enabled {
		if err := watchCommits(ctx, db); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	if _, err := db.ExecContext(ctx, "PRAGMA application_id = "+strconv.Itoa(applicationID)); err != nil {
		return fmt.Errorf("migrate: mark the database: %w", err)
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for {
		_, err := p.UpByOne(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		failpoint.Pass("sqlite.migrate.after")
	}
}

// watchCommits passes a failpoint before each commit on the one connection of db.
func watchCommits(ctx context.Context, db *sql.DB) (err error) {
	db.SetMaxOpenConns(1)
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return c.Raw(func(driver any) error {
		sc, ok := driver.(*sqlite3.SQLiteConn)
		if !ok {
			return fmt.Errorf("unexpected driver type %T", driver)
		}
		sc.RegisterCommitHook(func() int {
			failpoint.Pass("sqlite.migrate.before")
			return 0
		})
		return nil
	})
}

// newestMigration returns the highest number among the migrations of this program.
func newestMigration() (int64, error) {
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		return 0, fmt.Errorf("list migrations: %w", err)
	}
	var newest int64
	for _, e := range entries {
		number, _, _ := strings.Cut(e.Name(), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("list migrations: %s has no number: %w", e.Name(), err)
		}
		newest = max(newest, n)
	}
	return newest, nil
}

// Newest returns the number of the newest migration that this program knows.
func Newest() (int64, error) { return newestMigration() }
