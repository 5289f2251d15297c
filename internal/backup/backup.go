// Package backup copies a whole installation while it is in use, puts copies back, and checks both.
//
//	m, err := backup.Create(ctx, backup.CreateParams{Source: backup.Source{Data: "steward-data"}, Target: "/backups/monday.tar.zst"})
//
// A backup is a folder or a tar archive with the database, every file that it refers to, a list of SHA-256 sums that "sha256sum -c"
// reads, and a manifest that is written last and holds the sum of that list. It gets its name when all of it is on disk: what an
// interrupted backup leaves has a name that ends in ".partial", and no manifest. What is read from a backup is foreign until it has been
// compared with its sums: names, kinds, sizes and numbers of what is in it are limited.
package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/blob"
	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/postgres"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// Source says where an installation keeps what it has.
type Source struct {
	Data      string // folder
	Database  string // postgres:// URL; "" means SQLite in the folder
	Files     string // URL of the blob store; "" means a folder in the folder
	SecretKey string // file; "" means secret.key in the folder
}

func (s *Source) join(name string) string { return filepath.Join(s.Data, name) }

func (s *Source) files() string {
	if s.Files == "" {
		return s.join("files")
	}
	return s.Files
}

// Progress is told what is being done, and how much of it is done in bytes; total 0 means that nobody knows.
type Progress func(what string, done, total int64)

// CreateParams says what to copy where.
type CreateParams struct {
	Source
	Target        string // a folder that is not there or empty, or a file that is not there: .tar, .tar.gz, .tgz or .tar.zst
	WithSecrets   bool   // copies the secret key, the credentials and the configuration too
	DespiteDamage bool   // goes on over damaged pages, files without bytes and files with other bytes
	Program       string // its version
	Now           func() time.Time
	Progress      Progress // may be nil
}

// Created is a whole backup.
type Created struct {
	Manifest
	Path           string `json:"path"`
	ManifestSHA256 string `json:"manifest_sha256"` // of its manifest, which vouches for all else
}

// ErrDamaged says that what is to be copied is damaged.
var ErrDamaged = errors.New("the installation is damaged")

// Create copies an installation, which may be in use. Everything that was acknowledged before the call is in the copy: the database is
// copied first, as one state of it, and then the files that this state refers to, none of which can be lost meanwhile in a local folder.
// Bytes that are in the copy have been compared with their SHA-256.
//
// Errors: ErrDamaged, wrapped, naming what; sqlite.ErrNewer; fs.ErrExist for a target that is there. An interrupted Create leaves
// nothing under the target's name.
func Create(ctx context.Context, p CreateParams) (_ *Created, err error) {
	if p.Progress == nil {
		p.Progress = func(string, int64, int64) {}
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	stock, err := blob.OpenStock(ctx, p.files())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stock.Close()) }()
	release, _, err := stock.Hold()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	t, err := newTarget(p.Target)
	if err != nil {
		return nil, err
	}
	defer t.discard(&err)
	j := &job{CreateParams: p, stock: stock, target: t, sums: newSums()}
	if err := j.run(ctx); err != nil {
		return nil, err
	}
	return j.finish()
}

// job is a backup that is being made.
type job struct {
	CreateParams
	stock    *blob.Stock
	target   target
	sums     *sums
	manifest Manifest
	blobs    []store.BlobRow
	done     int64 // bytes
	total    int64
}

// run writes everything but sums and manifest.
func (j *job) run(ctx context.Context) error {
	j.manifest = Manifest{
		Format: format, FormatVersion: formatVersion, Program: j.Program, CreatedAt: j.Now().UTC().Truncate(time.Second), Secrets: j.WithSecrets,
	}
	if err := j.database(ctx); err != nil {
		return err
	}
	settings, err := j.settings()
	if err != nil {
		return err
	}
	if err := j.plan(ctx, settings); err != nil {
		return err
	}
	if err := j.header(); err != nil {
		return err
	}
	for i := range j.blobs {
		if err := j.blob(ctx, &j.blobs[i]); err != nil {
			return err
		}
	}
	if j.Database == "" {
		if err := j.putDatabase(ctx); err != nil {
			return err
		}
	}
	for _, s := range settings {
		if _, err := j.put(ctx, s.name, int64(len(s.text)), newBytes(s.text)); err != nil {
			return err
		}
	}
	return nil
}

// database takes the state of the database that is to be kept, and learns from it which files belong to it.
func (j *job) database(ctx context.Context) error {
	keep := func(b store.BlobRow) error {
		if !b.Dying {
			j.blobs = append(j.blobs, b)
		}
		return nil
	}
	if j.Database != "" {
		look, err := postgres.OpenLook(ctx, j.Database)
		if err != nil {
			return err
		}
		defer look.Close(ctx)
		j.manifest.Database = Database{Kind: "postgres"}
		if j.manifest.Database.Schema, err = look.Schema(ctx); err != nil {
			return err
		}
		if j.manifest.Counts, err = look.Counts(ctx); err != nil {
			return err
		}
		return look.Blobs(ctx, keep)
	}
	path := j.target.scratch(databaseName)
	err := sqlite.Copy(ctx, j.join("steward.db"), path, func(done, total int64) { j.Progress("copying the database", done, total) })
	if err != nil {
		return err
	}
	j.Progress("checking the database", 0, 0)
	look, err := sqlite.OpenLook(path)
	if err != nil {
		return err
	}
	defer look.Close() //nolint:errcheck // it was only read
	j.manifest.Database = Database{Kind: "sqlite", Included: true}
	if j.manifest.Database.Schema, err = look.Schema(); err != nil {
		return err
	}
	found, err := look.Check(ctx, sqlite.CheckOptions{Pages: true})
	if err != nil {
		return err
	}
	if len(found) > 0 && !j.DespiteDamage {
		return fmt.Errorf("%w: %s", ErrDamaged, found[0].Message)
	}
	j.manifest.Damage = append(j.manifest.Damage, damageOf(found)...)
	if j.manifest.Counts, err = look.Counts(); err != nil {
		return err
	}
	return look.Blobs(keep)
}

// plan finds out how large everything is, and takes those blobs out that are only announced.
func (j *job) plan(ctx context.Context, settings []setting) error {
	here := j.blobs[:0]
	for i, b := range j.blobs {
		if i%1000 == 0 {
			j.Progress("looking for files", 0, 0)
		}
		size, found, err := j.stock.Size(ctx, b.SHA256)
		switch {
		case err != nil:
			return err
		case found && (b.InPlace || size == b.SizeBytes):
			b.SizeBytes = size
			here, j.total = append(here, b), j.total+size
		case b.InPlace:
			if err := j.damaged(ctx, b.SHA256, "has no bytes"); err != nil {
				return err
			}
		}
	}
	j.blobs = here
	for _, s := range settings {
		j.total += int64(len(s.text))
	}
	if j.Database == "" {
		st, err := os.Stat(j.target.scratch(databaseName))
		if err != nil {
			return fmt.Errorf("back up database: %w", err)
		}
		j.manifest.Database.Bytes = st.Size()
		j.total += st.Size()
	}
	return nil
}

// mostDamage is how many damaged files a manifest names.
const mostDamage = 1000

// damaged notes a file that is not as it should be, unless it was deleted after the state of the database that is kept.
func (j *job) damaged(ctx context.Context, sha, what string) error {
	deleted, err := j.deletedSince(ctx, sha)
	if err != nil {
		return err
	}
	text := "The file " + sha + " " + what + "."
	if deleted {
		j.manifest.DeletedMeanwhile = append(j.manifest.DeletedMeanwhile, sha)
		return nil
	}
	if !j.DespiteDamage {
		return fmt.Errorf("%w: %s", ErrDamaged, text)
	}
	if len(j.manifest.Damage) < mostDamage {
		j.manifest.Damage = append(j.manifest.Damage, text)
	}
	return nil
}

// deletedSince reports whether the database has let go of a blob since its state was taken.
func (j *job) deletedSince(ctx context.Context, sha string) (bool, error) {
	b, found, err := lookUp(ctx, &j.Source, sha)
	return !found || !b.InPlace, err
}

// lookUp asks the database as it is now for a blob.
func lookUp(ctx context.Context, s *Source, sha string) (b store.BlobRow, found bool, err error) {
	if s.Database != "" {
		look, err := postgres.OpenLook(ctx, s.Database)
		if err != nil {
			return b, false, err
		}
		defer look.Close(ctx)
		return look.Blob(ctx, sha)
	}
	look, err := sqlite.OpenLook(s.join("steward.db"))
	if err != nil {
		return b, false, err
	}
	b, found, err = look.Blob(sha)
	return b, found, errors.Join(err, look.Close())
}

func (j *job) header() error {
	entries := len(j.blobs) + maxSettings + 4
	text, err := encode(header{Format: format, FormatVersion: formatVersion, Entries: int64(entries), Bytes: j.total + sumsBytes(entries)})
	if err != nil {
		return err
	}
	sha, err := j.target.put(headerName, int64(len(text)), newBytes(text))
	if err != nil {
		return err
	}
	return j.sums.add(sha, headerName)
}

// put copies something and notes its sum.
func (j *job) put(ctx context.Context, name string, size int64, r io.Reader) (sha string, err error) {
	r = &meter{ctx: ctx, r: r, tell: func(n int) {
		j.done += int64(n)
		j.Progress("copying files", j.done, j.total)
	}}
	if err := failpoint.Hit("backup.put.before"); err != nil {
		return "", fmt.Errorf("back up %s: %w", name, err)
	}
	if sha, err = j.target.put(name, size, r); err != nil {
		return "", fmt.Errorf("back up %s: %w", name, err)
	}
	failpoint.Pass("backup.put.after")
	j.manifest.Entries++
	j.manifest.Bytes += size
	return sha, j.sums.add(sha, name)
}

func (j *job) blob(ctx context.Context, b *store.BlobRow) error {
	r, err := j.stock.Open(ctx, b.SHA256)
	if steward.CodeOf(err) == steward.NotFound {
		return j.damaged(ctx, b.SHA256, "has no bytes")
	}
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // it was only read
	sha, err := j.put(ctx, blobName(b.SHA256), b.SizeBytes, r)
	if err != nil {
		return err
	}
	j.manifest.Files.Count++
	j.manifest.Files.Bytes += b.SizeBytes
	if sha == b.SHA256 {
		return nil
	}
	if !j.DespiteDamage {
		return fmt.Errorf("%w: the file %s has other bytes", ErrDamaged, b.SHA256)
	}
	if len(j.manifest.Damage) < mostDamage {
		j.manifest.Damage = append(j.manifest.Damage, "The file "+b.SHA256+" has other bytes.")
	}
	return nil
}

func (j *job) putDatabase(ctx context.Context) error {
	f, err := os.Open(j.target.scratch(databaseName))
	if err != nil {
		return fmt.Errorf("back up database: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	j.manifest.Database.SHA256, err = j.put(ctx, databaseName, j.manifest.Database.Bytes, f)
	return err
}

// setting is a small file of the data folder.
type setting struct {
	name string
	text []byte
}

// settings reads the small files that belong to the backup.
func (j *job) settings() ([]setting, error) {
	type from struct{ name, path string }
	list := []from{}
	if j.Database == "" { // processes of one PostgreSQL must not share it
		list = append(list, from{nodeName, j.join(nodeName)})
	}
	if j.WithSecrets {
		key := j.SecretKey
		if key == "" {
			key = j.join(secretName)
		}
		list = append(list, from{secretName, key}, from{credentialsName, j.join(credentialsName)}, from{configName, j.join(configName)})
	}
	var found []setting
	for _, f := range list {
		text, err := readSmall(f.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("back up %s: %w", f.name, err)
		}
		j.manifest.Settings = append(j.manifest.Settings, f.name)
		found = append(found, setting{f.name, text})
	}
	return found, nil
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxSetting+1))
	if err == nil && len(text) > maxSetting {
		err = fmt.Errorf("it is larger than %d bytes", maxSetting)
	}
	return text, err
}

// finish writes the sums and the manifest, and gives the backup its name.
func (j *job) finish() (*Created, error) {
	j.Progress("finishing", 0, 0)
	text := j.sums.text()
	sha, err := j.target.put(sumsName, int64(len(text)), newBytes(text))
	if err != nil {
		return nil, fmt.Errorf("back up sums: %w", err)
	}
	j.manifest.SumsSHA256 = sha
	encoded, err := encode(j.manifest)
	if err != nil {
		return nil, err
	}
	sha, err = j.target.put(manifestName, int64(len(encoded)), newBytes(encoded))
	if err != nil {
		return nil, fmt.Errorf("back up manifest: %w", err)
	}
	if err := j.target.commit(); err != nil {
		return nil, err
	}
	return &Created{Manifest: j.manifest, Path: j.Target, ManifestSHA256: sha}, nil
}

func encode(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return append(text, '\n'), nil
}

// meter counts what is read and ends with its context.
type meter struct {
	ctx  context.Context //nolint:containedctx // it lives for one copy
	r    io.Reader
	tell func(n int)
}

func (m *meter) Read(p []byte) (int, error) {
	if m.ctx.Err() != nil {
		return 0, context.Cause(m.ctx)
	}
	n, err := m.r.Read(p)
	m.tell(n)
	return n, err
}
