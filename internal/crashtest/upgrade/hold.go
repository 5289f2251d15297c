package upgrade

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward/internal/crashtest/local"
)

// holdMigration has the migration to a version, which is not the next one, never come to its end until letGo is called, after the server
// was killed. temp is a folder for files.
func holdMigration(ctx context.Context, database, data, temp string, version int64) (letGo func() error, err error) {
	if database == "" {
		return holdSQLite(ctx, data, temp, version)
	}
	return holdPostgres(ctx, database)
}

// holdPostgres holds up the second migration from now: it would have to write a row under a number that a transaction has written already
// and may still take back.
func holdPostgres(ctx context.Context, database string) (letGo func() error, err error) {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	// The first migration has the number after the one that is taken here, the second one the number after that.
	_, err = conn.Exec(ctx, `begin; insert into goose_db_version (id, version_id, is_applied)
		select nextval(pg_get_serial_sequence('goose_db_version', 'id')) + 2, 0, false`)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hold up a migration: %w", err), conn.Close(ctx))
	}
	return func() error { return conn.Close(ctx) }, nil // which takes the row back
}

// holdSQLite holds up a migration by a trigger that never ends.
func holdSQLite(ctx context.Context, data, temp string, version int64) (letGo func() error, err error) {
	err = keepingLog(ctx, data, temp, fmt.Sprintf(`create trigger hold after insert on goose_db_version when new.version_id = %d begin
		select count(*) from (with recursive n(i) as (select 1 union all select i + 1 from n) select i from n);
	end`, version))
	return func() error { return keepingLog(ctx, data, temp, "drop trigger hold") }, err
}

// keepingLog changes a SQLite database that nobody has open, and leaves it with its write-ahead log, as a kill does.
func keepingLog(ctx context.Context, data, temp, statement string) (err error) {
	db, err := local.OpenSQL("", data)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement)
	copies := func(from, to string) {
		for _, name := range []string{databaseName, databaseName + "-wal"} {
			if err == nil {
				err = copyFile(filepath.Join(from, name), filepath.Join(to, name))
			}
		}
	}
	copies(data, temp)
	err = errors.Join(err, db.Close()) // it would fold the log in
	copies(temp, data)
	if err != nil {
		return fmt.Errorf("hold up a migration: %w", err)
	}
	return nil
}
