// Package local has what tests of whole servers take of their own machine: addresses, and the servers' databases.
package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "github.com/mattn/go-sqlite3" // the driver sqlite3
)

// FreeAddress returns an address that nobody listens on.
func FreeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// OpenSQL opens a server's database for statements of the test's own: the one of a PostgreSQL URL, or when that is "" the one of SQLite in
// a data folder.
func OpenSQL(database, data string) (*sql.DB, error) {
	if database == "" {
		return sql.Open("sqlite3", "file:"+filepath.Join(data, "steward.db")+"?_busy_timeout=10000")
	}
	config, err := pgx.ParseConfig(database)
	if err != nil {
		return nil, errors.New("read database URL: it is none")
	}
	return stdlib.OpenDB(*config), nil
}
