// Package pgtest gives each test a PostgreSQL database of its own.
//
//	s, err := postgres.Open(t.Context(), pgtest.Database(t), nil)
//
// The server is the one that STEWARD_TEST_POSTGRES_URL names: a URL of a role that may create databases. Without the
// variable, scripts/postgres.sh starts a private server, which keeps running and serves the next test run as well.
// A machine without PostgreSQL fails the test, it does not skip it.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward/internal/store/postgres"
)

// Variable names the environment variable that holds the server's URL.
const Variable = "STEWARD_TEST_POSTGRES_URL"

// Advisory locks on the server's own database.
const (
	// createLock is held while a database is made: PostgreSQL copies a template only while nobody else does.
	createLock int64 = 0x5754_4344_0002
	// useClass is the first half of the lock on a database that a test uses; the second is its number.
	useClass int32 = 0x5754_4345
)

// Database returns the URL of a database with the current schema and nothing in it. No other test has it until t ends.
//
// Making and dropping a database costs a checkpoint, so they are kept and emptied for the next test, also of later runs.
func Database(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	server := serverURL(t)
	lease, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("connect to PostgreSQL: %v", err)
	}
	t.Cleanup(func() { closeConn(t, lease) }) // ends the lock
	name, err := acquire(ctx, lease, server)
	if err != nil {
		t.Fatalf("find test database: %v", err)
	}
	u, err := withDatabase(server, name)
	if err == nil {
		err = wipe(ctx, lease, name, u)
	}
	if err != nil {
		t.Fatalf("empty test database: %v", err)
	}
	return u
}

// Empty returns the URL of a new database without even a schema. It is dropped when the test ends.
func Empty(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	server := serverURL(t)
	name := "steward_empty_" + random()
	err := locked(ctx, server, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "create database "+name+" template template0")
		return err
	})
	if err != nil {
		t.Fatalf("create test database: %v", err)
	}
	t.Cleanup(func() { drop(t, server, name) })
	u, err := withDatabase(server, name)
	if err != nil {
		t.Fatalf("create test database: %v", err)
	}
	return u
}

func serverURL(t testing.TB) string {
	t.Helper()
	server, err := Server()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v\nRun the tests with \"make test\", or set %s to the URL that \"scripts/postgres.sh start\" prints.", err, Variable)
	}
	return server
}

// acquire locks the first database that nobody uses, and makes it when there is none yet. The lock lives as long as lease.
func acquire(ctx context.Context, lease *pgx.Conn, server string) (name string, err error) {
	for n := int32(0); ; n++ {
		var got bool
		if err := lease.QueryRow(ctx, "select pg_try_advisory_lock($1::int, $2::int)", useClass, n).Scan(&got); err != nil {
			return "", err
		}
		if !got {
			continue
		}
		name = fmt.Sprintf("steward_test_%s_%d", postgres.SchemaHash()[:16], n)
		exists, err := hasDatabase(ctx, lease, name)
		if err != nil || exists {
			return name, err
		}
		return name, locked(ctx, server, func(c *pgx.Conn) error {
			from, err := template(ctx, c, server)
			if err != nil {
				return err
			}
			_, err = c.Exec(ctx, "create database "+name+" template "+from)
			return err
		})
	}
}

func hasDatabase(ctx context.Context, c *pgx.Conn, name string) (exists bool, err error) {
	err = c.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", name).Scan(&exists)
	return exists, err
}

// wipe ends what an earlier test left connected to a database and empties its tables.
func wipe(ctx context.Context, lease *pgx.Conn, name, url string) (err error) {
	if _, err := lease.Exec(ctx, "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = $1", name); err != nil {
		return err
	}
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close(context.WithoutCancel(ctx))) }()
	_, err = c.Exec(ctx, `
do $$
declare
    one text;
    used boolean;
    list text[];
begin
    for one in select format('%I', tablename) from pg_tables where schemaname = 'public' and tablename <> 'goose_db_version' loop
        execute 'select exists (select from ' || one || ')' into used;
        if used then
            list := list || one;
        end if;
    end loop;
    if list is not null then
        execute 'truncate ' || array_to_string(list, ', ') || ' restart identity cascade';
    end if;
end $$`)
	return err
}

func closeConn(t testing.TB, c *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.Close(ctx); err != nil {
		t.Errorf("close connection to PostgreSQL: %v", err)
	}
}

// drop removes a database, whoever is still connected to it.
func drop(t testing.TB, server, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Errorf("drop test database: %v", err)
		return
	}
	defer closeConn(t, c)
	if _, err := c.Exec(ctx, "drop database if exists "+name+" with (force)"); err != nil {
		t.Errorf("drop test database: %v", err)
	}
}

// template returns the name of a database with the current schema, which the first test that needs it makes.
func template(ctx context.Context, c *pgx.Conn, server string) (string, error) {
	name := "steward_template_" + postgres.SchemaHash()[:16]
	if exists, err := hasDatabase(ctx, c, name); err != nil || exists {
		return name, err
	}
	draft := name + "_" + random()[:8] // a half-made one is never used
	if _, err := c.Exec(ctx, "create database "+draft+" template template0"); err != nil {
		return "", err
	}
	u, err := withDatabase(server, draft)
	if err != nil {
		return "", err
	}
	if err := postgres.Migrate(ctx, u); err != nil {
		return "", err
	}
	_, err = c.Exec(ctx, "alter database "+draft+" rename to "+name)
	return name, err
}

// locked runs fn with a connection to the server while no other test of any process makes a database.
func locked(ctx context.Context, server string, fn func(c *pgx.Conn) error) (err error) {
	c, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close(context.WithoutCancel(ctx))) }() // closing gives the lock back
	if _, err := c.Exec(ctx, "select pg_advisory_lock($1)", createLock); err != nil {
		return err
	}
	return fn(c)
}

func random() string {
	var b [12]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// withDatabase returns the server's URL with another database.
func withDatabase(server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("read the server's URL: %w", errors.Unwrap(err))
	}
	u.Path = "/" + name
	return u.String(), nil
}

// started remembers the server within one test process.
var started = sync.OnceValues(start) //nolint:gochecknoglobals // all tests of a process share the server

// Server returns the URL of the server, which it starts when need be.
func Server() (string, error) {
	if u := os.Getenv(Variable); u != "" {
		return u, nil
	}
	return started()
}

// start runs the project's script, which starts the server or finds it running.
func start() (string, error) {
	script, err := findScript()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // it may install packages
	defer cancel()
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, script, "start") //nolint:gosec // G204: the tree's own script
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("scripts/postgres.sh start: %w\n%s", err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// findScript looks for the script from the test's folder upwards.
func findScript() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		script := filepath.Join(dir, "scripts", "postgres.sh")
		if _, err := os.Stat(script); err == nil {
			return script, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("scripts/postgres.sh is not found above the test's folder")
		}
		dir = up
	}
}
