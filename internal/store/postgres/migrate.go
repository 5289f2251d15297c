package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/failpoint"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the database to this program's schema. Several processes may call it at once: one works, the others wait.
//
// Errors: Conflict when the database is of a newer program; Unavailable when it cannot be reached.
func Migrate(ctx context.Context, url string) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return badURL(err)
	}
	setGround(cfg.RuntimeParams)
	if failpoint.Enabled {
		cfg.Tracer = commitTracer{}
	}
	db := stdlib.OpenDB(*cfg)
	defer func() {
		_ = db.Close() // what was migrated is committed; a connection that does not close well changes nothing
	}()
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	if err := refuseNewer(ctx, provider); err != nil {
		return err
	}
	pending, err := provider.HasPending(ctx)
	if err != nil || !pending {
		return translate("read schema version", err)
	}
	for {
		_, err := provider.UpByOne(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return nil
		}
		if err != nil {
			return translate("migrate", err)
		}
		failpoint.Pass("postgres.migrate.after")
	}
}

// commitTracer passes a failpoint before each commit of a connection.
type commitTracer struct{}

// TraceQueryStart implements pgx.QueryTracer.
func (commitTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if strings.EqualFold(data.SQL, "commit") {
		failpoint.Pass("postgres.migrate.before")
	}
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (commitTracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// newProvider returns what runs the migrations, one process at a time.
func newProvider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600)) // look every second, for ten minutes
	if err != nil {
		return nil, fmt.Errorf("prepare migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return provider, nil
}

// refuseNewer fails when the database has a migration that this program does not know.
func refuseNewer(ctx context.Context, p *goose.Provider) error {
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return translate("read schema version", err)
	}
	if current > target {
		return &steward.Error{
			Code: steward.Conflict,
			Message: fmt.Sprintf("The database belongs to a newer version of Steward: upgrade the program, or restore a backup made before the upgrade "+
				"(its schema has version %d, this program knows %d).", current, target),
		}
	}
	return nil
}

// badURL is the error for a database URL that cannot be read. The URL may hold a password, so it is not repeated.
func badURL(err error) error {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		err = errors.New("cannot parse the URL")
	}
	return &steward.Error{Code: steward.Invalid, Message: "The PostgreSQL URL is not valid.", Err: err}
}

// SchemaHash returns a hash of the migrations, in hex: databases of equal hash have equal schemas.
func SchemaHash() string {
	h := sha256.New()
	err := fs.WalkDir(migrations, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := migrations.ReadFile(path)
		h.Write(fmt.Appendf(nil, "%s %d\n", path, len(content)))
		h.Write(content)
		return err
	})
	if err != nil {
		return "" // the files are part of the program: reading them does not fail
	}
	return hex.EncodeToString(h.Sum(nil))
}
