package crashtest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/blob"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/crashtest/local"
	"github.com/stewardhq/steward/internal/crashtest/oracle"
	"github.com/stewardhq/steward/internal/files"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/postgres"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// ground is the database and the files of servers that do not run.
type ground struct {
	store  store.Store
	db     *sql.DB
	bucket *blob.Bucket
	org    steward.OrganizationID
	files  string   // folder
	strays []string // temporary files, as they were before anything was opened
	isPG   bool
}

// openGround opens what servers have left behind, once it has looked for temporary files: to open the files removes some.
func openGround(ctx context.Context, database, data, filesFolder string, org steward.OrganizationID, temps ...string) (_ *ground, err error) {
	g := &ground{files: filesFolder, org: org, isPG: database != ""}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
		}
	}()
	if g.strays, err = temporaries(append(temps, filepath.Join(filesFolder, "tmp"))...); err != nil {
		return nil, err
	}
	if g.db, err = local.OpenSQL(database, data); err != nil {
		return nil, err
	}
	if g.isPG {
		s, err := postgres.Open(ctx, database, nil)
		if err != nil {
			return nil, err
		}
		g.store = s
	} else {
		s, err := sqlite.Open(ctx, filepath.Join(data, "steward.db"), nil)
		if err != nil {
			return nil, err
		}
		g.store = s
	}
	g.bucket, err = blob.Open(ctx, filesFolder, &blob.Options{Logger: slog.New(slog.DiscardHandler), TempDir: filepath.Join(data, "tmp")})
	return g, err
}

func (g *ground) close() error {
	var errs []error
	if g.bucket != nil {
		errs = append(errs, g.bucket.Close())
	}
	if g.store != nil {
		errs = append(errs, g.store.Close())
	}
	if g.db != nil {
		errs = append(errs, g.db.Close())
	}
	return errors.Join(errs...)
}

// later is a clock that is ahead: by then, uploads that nobody took have expired.
type later struct{ clock.System }

// Now implements clock.Clock.
func (l later) Now() time.Time { return l.System.Now().Add(48 * time.Hour) }

// sweep does what a server does in time: it deletes the files that nobody took.
func (g *ground) sweep(ctx context.Context) error {
	_, err := files.New(g.store, g.bucket, nil, &files.Options{Clock: later{}, Logger: slog.New(slog.DiscardHandler)}).Sweep(ctx)
	return err
}

// gather fills in what the database and the files say.
func (g *ground) gather(ctx context.Context, w *oracle.World) error {
	for _, part := range []func(context.Context, *oracle.World) error{g.jobs, g.gone, g.stored, g.batches, g.deliveries, g.books, g.lists, g.blobs, g.bytes} {
		if err := part(ctx, w); err != nil {
			return fmt.Errorf("gather what is known: %w", err)
		}
	}
	return nil
}

func (g *ground) jobs(ctx context.Context, w *oracle.World) error {
	// Those of deleted agents cannot be read by anybody.
	text := `SELECT id FROM jobs WHERE agent_id NOT IN (SELECT id FROM agents WHERE deleted_at > 0) ORDER BY created_at`
	if g.isPG {
		text = `SELECT id FROM jobs WHERE agent_id NOT IN (SELECT id FROM agents WHERE deleted_at IS NOT NULL) ORDER BY created_at`
	}
	ids, err := query(ctx, g.db, text, func(scan func(...any) error) (id steward.JobID, err error) {
		return id, scan(&id)
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		job, err := g.store.Job(ctx, g.org, id)
		if err != nil {
			return fmt.Errorf("job %s: %w", id, err)
		}
		j := oracle.Job{Job: *job, Text: textOf(job)}
		if j.Steps, err = g.store.Steps(ctx, g.org, id); err != nil {
			return fmt.Errorf("steps of job %s: %w", id, err)
		}
		j.Filed = filed(&j)
		w.Jobs = append(w.Jobs, j)
	}
	return nil
}

// textOf is what a job was asked: its text, or the name of its file.
func textOf(job *steward.Job) string {
	for _, in := range job.Inputs {
		if in.Key == "text" {
			return in.Value
		}
		for _, f := range in.Files {
			if in.Key == "document" {
				continue // beside a text
			}
			return strings.TrimSuffix(f.Name, ".pdf")
		}
	}
	return ""
}

// filed lists the files that a job's record names.
func filed(j *oracle.Job) []string {
	var hashes []string
	for _, s := range j.Steps {
		var f struct {
			SHA256 string `json:"steward_output_sha256"`
		}
		if json.Unmarshal(s.Output, &f) == nil && f.SHA256 != "" {
			hashes = append(hashes, f.SHA256)
		}
	}
	for _, r := range j.References {
		hashes = append(hashes, r.SHA256)
	}
	for _, in := range j.Inputs {
		for _, f := range in.Files {
			hashes = append(hashes, f.SHA256)
		}
	}
	return hashes
}

func (g *ground) batches(ctx context.Context, w *oracle.World) error {
	for {
		page, count, err := g.store.ListBatches(ctx, g.org, store.BatchQuery{Limit: 1000, Offset: len(w.Batches)})
		if err != nil {
			return err
		}
		if w.Batches = append(w.Batches, page...); len(page) == 0 || int64(len(w.Batches)) >= count {
			return nil
		}
	}
}

func (g *ground) deliveries(ctx context.Context, w *oracle.World) (err error) {
	text := `SELECT d.id, w.id, d.job_id, d.batch_id, d.status, d.ended_at FROM webhook_deliveries d JOIN webhooks w ON w.seq = d.webhook_seq`
	if g.isPG {
		text = `SELECT d.id, d.webhook_id, coalesce(d.job_id::text, ''), coalesce(d.batch_id::text, ''), d.status,
			coalesce((extract(epoch FROM d.ended_at) * 1000000)::bigint, 0) FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id`
	}
	w.Deliveries, err = query(ctx, g.db, text, func(scan func(...any) error) (d oracle.Delivery, err error) {
		var status int
		var ended int64
		err = scan(&d.ID, &d.Webhook, &d.Job, &d.Batch, &status, &ended)
		d.Delivered, d.EndedAt = status == 1, time.UnixMicro(ended)
		return d, err
	})
	return err
}

func (g *ground) books(ctx context.Context, w *oracle.World) error {
	page, err := g.store.Usage(ctx, g.org, store.UsageQuery{Group: steward.UsageByAgent, Limit: 1000})
	if err != nil {
		return err
	}
	w.Usage = map[steward.AgentID]steward.Tally{}
	for _, row := range page.Rows {
		w.Usage[row.AgentID] = row.Tally
	}
	return nil
}

func (g *ground) lists(ctx context.Context, w *oracle.World) error {
	w.Lists = map[steward.AgentID][]oracle.Listed{}
	for agent := range w.Told.Agents {
		total := 0
		for status := steward.StatusPending; status <= steward.StatusCached; status++ {
			for seen := 0; ; {
				page, count, err := g.store.ListJobs(ctx, g.org, store.JobQuery{AgentID: agent, Status: []steward.Status{status}, Limit: 1000, Offset: seen})
				if err != nil {
					return fmt.Errorf("list jobs: %w", err)
				}
				for i := range page {
					w.Lists[agent] = append(w.Lists[agent], oracle.Listed{ID: page[i].ID, Status: status})
				}
				if seen += len(page); len(page) == 0 || int64(seen) >= count {
					total += int(count)
					break
				}
			}
		}
		_, all, err := g.store.ListJobs(ctx, g.org, store.JobQuery{AgentID: agent, Limit: 1})
		if err != nil {
			return fmt.Errorf("list jobs: %w", err)
		}
		if int(all) != total || total != len(w.Lists[agent]) {
			w.Miscounts = append(w.Miscounts, fmt.Sprintf("the lists of agent %s count %d jobs in all, %d by their status, and have %d",
				w.Told.Agents[agent].Name, all, total, len(w.Lists[agent])))
		}
	}
	return nil
}

func (g *ground) blobs(ctx context.Context, w *oracle.World) (err error) {
	text := `SELECT b.sha256, b.size_bytes, b.state = 1, b.state = 2, (SELECT count(*) FROM blob_jobs r WHERE r.sha256 = b.sha256)
		+ (SELECT count(*) FROM files f WHERE f.sha256 = b.sha256) FROM blobs b`
	if g.isPG {
		text = `SELECT b.sha256, b.size_bytes, b.settled, b.dying_at IS NOT NULL, (SELECT count(*) FROM job_blobs r WHERE r.sha256 = b.sha256)
			+ (SELECT count(*) FROM files f WHERE f.sha256 = b.sha256) FROM blobs b`
	}
	w.Blobs, err = query(ctx, g.db, text, func(scan func(...any) error) (b oracle.Blob, err error) {
		return b, scan(&b.SHA256, &b.Bytes, &b.Settled, &b.Dying, &b.Holders)
	})
	return err
}

// temporaries lists the files in folders of temporary ones, but for the one that backups lock. A folder that is not there has none.
func temporaries(folders ...string) (all []string, err error) {
	for _, folder := range folders {
		left, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, f := range left {
			if f.Name() != "hold" {
				all = append(all, filepath.Join(folder, f.Name()))
			}
		}
	}
	return all, nil
}

// bytes reads every file there is.
func (g *ground) bytes(_ context.Context, w *oracle.World) error {
	w.Bytes, w.Strays = map[string]int64{}, g.strays
	return filepath.WalkDir(g.files, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path == filepath.Join(g.files, "tmp") {
			return fs.SkipDir // it was looked at before
		}
		if err != nil || d.IsDir() {
			return err
		}
		sum, n, err := hashOf(path)
		if sum != d.Name() {
			w.Strays = append(w.Strays, path)
			return err
		}
		w.Bytes[sum] = n
		return err
	})
}

func hashOf(path string) (sum string, n int64, err error) {
	f, err := os.Open(path) //nolint:gosec // a file of the test
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = f.Close() }() // only read
	h := sha256.New()
	if n, err = io.Copy(h, f); err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), n, nil
}

// query reads rows.
func query[T any](ctx context.Context, db *sql.DB, text string, read func(scan func(...any) error) (T, error)) (all []T, err error) {
	rows, err := db.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := read(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// gone reads the jobs of deleted agents.
func (g *ground) gone(ctx context.Context, w *oracle.World) (err error) {
	text := `SELECT j.id, j.agent_id, j.status, j.data_deleted_at > 0, (SELECT count(*) FROM steps s WHERE s.job_seq = j.seq)
		+ (SELECT count(*) FROM blob_jobs b WHERE b.job_seq = j.seq) FROM jobs j JOIN agents a ON a.id = j.agent_id WHERE a.deleted_at > 0`
	if g.isPG {
		text = `SELECT j.id, j.agent_id, j.status, j.data_deleted_at IS NOT NULL, (SELECT count(*) FROM steps s WHERE s.job_id = j.id)
			+ (SELECT count(*) FROM job_blobs b WHERE b.job_id = j.id) FROM jobs j JOIN agents a ON a.id = j.agent_id WHERE a.deleted_at IS NOT NULL`
	}
	w.Gone, err = query(ctx, g.db, text, func(scan func(...any) error) (j oracle.GoneJob, err error) {
		return j, scan(&j.ID, &j.Agent, &j.Status, &j.Emptied, &j.Left)
	})
	for i := 0; err == nil && i < len(w.Gone); i++ {
		_, err = g.store.Job(ctx, g.org, w.Gone[i].ID)
		if w.Gone[i].Reachable = err == nil; steward.CodeOf(err) == steward.NotFound {
			err = nil
		}
	}
	return err
}

func (g *ground) stored(ctx context.Context, w *oracle.World) error {
	for {
		page, count, err := g.store.ListFiles(ctx, g.org, store.FileQuery{Limit: 1000, Offset: len(w.Stored)})
		if err != nil {
			return err
		}
		for _, f := range page {
			w.Stored = append(w.Stored, oracle.Stored{ID: f.ID, SHA256: f.SHA256})
		}
		if len(page) == 0 || int64(len(w.Stored)) >= count {
			return nil
		}
	}
}
