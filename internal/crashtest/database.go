package crashtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Database makes an empty database on a PostgreSQL server, and returns its URL and what drops it.
func Database(ctx context.Context, server string) (database string, drop func(), err error) {
	if server == "" {
		return "", nil, errors.New("STEWARD_TEST_POSTGRES_URL is not set: scripts/postgres.sh start prints one")
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", nil, errors.New("STEWARD_TEST_POSTGRES_URL is not a URL")
	}
	name := "steward_crash_" + strings.ToLower(rand.Text()[:12])
	do := func(ctx context.Context, statement string) error {
		c, err := pgx.Connect(ctx, server)
		if err != nil {
			return fmt.Errorf("connect to PostgreSQL: %w", err)
		}
		_, err = c.Exec(ctx, statement)
		return errors.Join(err, c.Close(ctx))
	}
	if err := do(ctx, "create database "+name+" template template0"); err != nil {
		return "", nil, err
	}
	u.Path = "/" + name
	return u.String(), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_ = do(ctx, "drop database if exists "+name+" with (force)") // a database that is left behind harms nobody
	}, nil
}
