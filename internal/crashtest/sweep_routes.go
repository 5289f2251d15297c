package crashtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/stewardhq/steward/internal/blob"
	"github.com/stewardhq/steward/internal/store/postgres"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// way is how a process is brought to a failpoint.
type way int

const (
	never     way = iota // it is not: see route
	atFirst              // a server starts for the first time
	atStart              // a server starts that was killed before
	atWork               // clients work
	atStop               // a server is stopped while clients work
	atBackup             // a backup is taken while clients work
	atRestore            // a backup is put back
)

// route is how a process is brought to one failpoint.
type route struct {
	way way
	// hits is how often a process comes there on its way, when that is known and each is to be swept.
	hits int
	// once says that no process comes there a second time soon.
	once bool
	// also is another failpoint that is armed, so that there is something to do at this one.
	also string
	// before makes that there is something to do there, while no server runs. after undoes it when the process is dead; it may be nil.
	before func(ctx context.Context, w *crashWorld) (after func() error, err error)
}

// routeOf returns the route to a point on a kind of database.
func routeOf(name, database string) route {
	point, of, _ := strings.Cut(strings.TrimSuffix(name, ")"), "(")
	switch {
	case of == "save artifact": // no engine of a server saves any
	case of == "fail unreadable jobs": // the database has to be damaged for that
	case strings.HasPrefix(point, "restore.") && database == "postgres": // the database is not in the backup then
	case strings.HasPrefix(point, "restore."):
		return route{way: atRestore}
	case strings.HasPrefix(point, "backup."), strings.HasPrefix(point, "sqlite.copy."):
		return route{way: atBackup}
	case strings.HasSuffix(point, ".migrate.before"), strings.HasSuffix(point, ".migrate.after"):
		return route{way: atFirst, hits: migrations(database)}
	case strings.HasPrefix(point, "secret."), strings.HasPrefix(point, "sqlite.create."), strings.HasPrefix(point, "app.credentials."),
		of == "node", of == "credentials.json.new", of == "bootstrap":
		return route{way: atFirst}
	default:
		return routeLater(point, of)
	}
	return route{}
}

// routeLater is routeOf for points that an installation comes to which is in use.
func routeLater(point, of string) route {
	switch {
	case of == "credentials.json", point == "app.foldersync.before":
		return route{way: atStart, before: moved}
	case strings.HasPrefix(point, "app.remove."):
		return route{way: atStart, before: pending}
	case strings.HasPrefix(point, "blob.unfinished."):
		return route{way: atStart, before: unfinished}
	case strings.HasPrefix(point, "blob.letgo."):
		return route{way: atStart, before: letGo}
	case strings.HasPrefix(point, "sqlite.fill."), of == "fill job lists":
		return route{way: atStart, before: unlisted}
	case strings.HasPrefix(point, "sqlite.settings."), strings.HasPrefix(point, "jobs.takeback."):
		return route{way: atStart}
	case of == "take back jobs", of == "release expired files", of == "sweep deliveries", of == "forget deleted webhooks", of == "prepare job lists",
		of == "expire creations":
		return route{way: atStart}
	case strings.HasPrefix(point, "jobs.handover."), strings.HasPrefix(point, "jobs.interrupt."), strings.HasPrefix(point, "sqlite.close."):
		return route{way: atStop}
	case of == "hand over jobs", of == "touch keys":
		return route{way: atStop}
	case of == "disown jobs": // after a claim whose answer did not come
		return route{way: atWork, also: strings.Split(point, ".")[0] + ".commit.before(claim jobs)=error(no answer)@1"}
	case strings.HasPrefix(point, "blob.setaside."):
		return route{way: atWork, before: held}
	case of == "keep proof of the secret key":
		return route{way: atWork, once: true, before: unproven}
	case of == "forget answers":
		return route{way: atWork, once: true}
	}
	return route{way: atWork}
}

// migrations is how many migrations a new database gets.
func migrations(database string) int {
	newest := sqlite.Newest
	if database == "postgres" {
		newest = postgres.Newest
	}
	n, err := newest()
	if err != nil {
		return 1 // the files are part of the program: reading them does not fail
	}
	return int(n)
}

// moved has the credentials name another address, which the server mends.
func moved(_ context.Context, w *crashWorld) (func() error, error) {
	path := filepath.Join(w.main.folder, "credentials.json")
	text, err := os.ReadFile(path) //nolint:gosec // G304: a test's own folder
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	var cred map[string]string
	if err := json.Unmarshal(text, &cred); err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	cred["base_url"] = "http://127.0.0.1:1"
	return nil, writeJSON(path, cred)
}

// pending leaves credentials that the database does not know, as of a first start that was killed before it did.
func pending(_ context.Context, w *crashWorld) (func() error, error) {
	return nil, writeJSON(filepath.Join(w.main.folder, "credentials.json.new"), map[string]string{"base_url": "http://127.0.0.1:1", "api_key": "sk_00000000_0"})
}

func writeJSON(path string, v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// temps is where the blob store has its temporary files.
func (w *crashWorld) temps() string { return filepath.Join(w.filesFolder(), "tmp") }

// unfinished leaves an upload that was not finished.
func unfinished(_ context.Context, w *crashWorld) (func() error, error) {
	return nil, os.WriteFile(filepath.Join(w.temps(), "staged-unfinished"), []byte("half"), 0o600)
}

// letGo leaves a file that was deleted while a backup held it, which was killed.
func letGo(_ context.Context, w *crashWorld) (func() error, error) {
	return nil, errors.Join(
		os.WriteFile(filepath.Join(w.temps(), "hold"), nil, 0o600),
		os.WriteFile(filepath.Join(w.temps(), "held-"+strings.Repeat("0", 64)), []byte("deleted"), 0o600),
	)
}

// held holds the files as a backup does.
func held(ctx context.Context, w *crashWorld) (func() error, error) {
	stock, err := blob.OpenStock(ctx, w.filesFolder())
	if err != nil {
		return nil, err
	}
	release, ok, err := stock.Hold()
	if err != nil || !ok {
		return nil, errors.Join(err, fmt.Errorf("files held: %v", ok), stock.Close())
	}
	return func() error { return errors.Join(release(), stock.Close()) }, nil
}

// unproven forgets what tells whether the secret key fits: whatever is sealed next proves it anew.
func unproven(ctx context.Context, w *crashWorld) (func() error, error) {
	return nil, w.change(ctx, "DELETE FROM secret_proof")
}

// unlisted says that no job is in the lists, as after an upgrade from the first version.
func unlisted(ctx context.Context, w *crashWorld) (func() error, error) {
	if w.o.Database != "" {
		return nil, w.change(ctx, "update job_lists set filled = false, filled_to = null")
	}
	return nil, w.change(ctx, "INSERT INTO job_lists_missing (next, last) SELECT 1, max(seq) FROM jobs WHERE NOT EXISTS (SELECT 1 FROM job_lists_missing)")
}
