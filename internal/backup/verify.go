package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/blob"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/postgres"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// Report is what a check found.
type Report struct {
	OK       bool            `json:"ok"`   // nothing is wrong
	Kind     string          `json:"kind"` // installation, backup
	Path     string          `json:"path"`
	Database Database        `json:"database"`
	Counts   store.Counts    `json:"counts"`
	Files    Files           `json:"files"` // that were compared
	Findings []store.Finding `json:"findings"`
	Notes    []string        `json:"notes"`    // what could not be checked, or is worth knowing
	Manifest *Manifest       `json:"manifest"` // of a backup; null for an installation
	// ManifestSHA256 is that of a backup's manifest.
	ManifestSHA256 string `json:"manifest_sha256,omitempty"`

	unreadable bool // the database does not say which files there should be
}

// VerifyParams says what to check.
type VerifyParams struct {
	Source            // an installation
	Quick    bool     // leaves out the bytes of files, the pages of indexes and the lists
	TempDir  string   // for what has to be unpacked; "" means os.TempDir
	Progress Progress // may be nil
}

// Checks of files, as findings name them.
const (
	checkFiles   = "files"
	checkOrphans = "files without references"
	checkBackup  = "backup"
)

// Verify checks an installation, which may be in use: the database, all files by their hash, references without bytes and bytes
// without references. What changes while it looks is no finding. It changes nothing.
//
// Errors: what keeps it from looking; findings are no errors.
func Verify(ctx context.Context, p VerifyParams) (_ *Report, err error) {
	if p.Progress == nil {
		p.Progress = func(string, int64, int64) {}
	}
	r := &Report{Kind: "installation", Path: p.Data, Findings: []store.Finding{}, Notes: []string{}}
	stock, err := blob.OpenStock(ctx, p.files())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stock.Close()) }()
	var blobs []store.BlobRow
	keep := func(b store.BlobRow) error { blobs = append(blobs, b); return nil }
	if p.Database == "" {
		err = r.lookAtSQLite(ctx, p.join("steward.db"), &p, keep)
	} else {
		err = r.lookAtPostgres(ctx, &p, keep)
	}
	if err != nil {
		return nil, err
	}
	v := &installation{VerifyParams: p, report: r, stock: stock}
	if !r.unreadable {
		if err := v.references(ctx, blobs); err != nil {
			return nil, err
		}
		if err := v.orphans(ctx, blobs); err != nil {
			return nil, err
		}
	}
	r.OK = len(r.Findings) == 0
	return r, nil
}

// lookAtSQLite checks a database file. One that cannot be opened as one is a finding.
func (r *Report) lookAtSQLite(ctx context.Context, path string, p *VerifyParams, blobs func(store.BlobRow) error) (err error) {
	r.Database.Kind, r.Database.Included = "sqlite", true
	p.Progress("opening the database", 0, 0)
	look, err := sqlite.OpenLook(path)
	if errors.Is(err, sqlite.ErrForeign) || sqlite.IsDamage(err) {
		r.unreadable = true
		r.found("database pages", "The database cannot be opened: "+err.Error()+".", "Restore the last good backup into another folder; keep this one until you know what is lost.")
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, look.Close()) }()
	if r.Database.Schema, err = look.Schema(); err != nil {
		return err
	}
	found, err := look.Check(ctx, sqlite.CheckOptions{
		Quick: p.Quick, TempDir: p.TempDir, Progress: func(what string) { p.Progress("checking "+what, 0, 0) },
	})
	if err != nil {
		return err
	}
	r.Findings = append(r.Findings, found...)
	counts, err := look.Counts()
	if err == nil {
		r.Counts = counts
		err = look.Blobs(blobs)
	}
	if err != nil && len(found) > 0 { // the damage has been told
		r.unreadable = true
		r.note("What the database knows of files cannot be read: they were not checked.")
		return nil
	}
	return err
}

func (r *Report) lookAtPostgres(ctx context.Context, p *VerifyParams, blobs func(store.BlobRow) error) error {
	p.Progress("opening the database", 0, 0)
	look, err := postgres.OpenLook(ctx, p.Database)
	if err != nil {
		return err
	}
	defer look.Close(ctx)
	r.Database.Kind = "postgres"
	if r.Database.Schema, err = look.Schema(ctx); err != nil {
		return err
	}
	found, err := look.Check(ctx, func(what string) { p.Progress("checking "+what, 0, 0) })
	if err != nil {
		return err
	}
	r.Findings = append(r.Findings, found...)
	r.note("The pages and indexes of PostgreSQL were not checked: that is for its own tools (pg_amcheck, data checksums). Nor were the lists of jobs.")
	if r.Counts, err = look.Counts(ctx); err != nil {
		return err
	}
	return look.Blobs(ctx, blobs)
}

func (r *Report) found(check, message, advice string) {
	r.Findings = append(r.Findings, store.Finding{Check: check, Message: message, Advice: advice})
}

func (r *Report) note(text string) { r.Notes = append(r.Notes, text) }

// installation is one that is being checked.
type installation struct {
	VerifyParams
	report *Report
	stock  *blob.Stock
}

// references looks for the bytes of every blob that should have some.
func (v *installation) references(ctx context.Context, blobs []store.BlobRow) error {
	var done, total int64
	for _, b := range blobs {
		total += b.SizeBytes
	}
	buf := make([]byte, bufferSize)
	for i := range blobs {
		b := &blobs[i]
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if done += b.SizeBytes; !b.InPlace {
			continue
		}
		wrong, err := v.wrong(ctx, b, buf)
		if err != nil {
			return err
		}
		v.Progress("checking files", done, total)
		v.report.Files.Count++
		v.report.Files.Bytes += b.SizeBytes
		if wrong == "" {
			continue
		}
		now, found, err := lookUp(ctx, &v.Source, b.SHA256)
		if err != nil {
			return err
		}
		if found && now.InPlace { // otherwise it was deleted while we looked
			v.report.found(checkFiles, "The file "+b.SHA256+" "+wrong+".", "Put it back from a backup: its place there is "+blobName(b.SHA256)+".")
		}
	}
	return nil
}

// wrong says what is wrong with the bytes of a blob, "" for nothing.
func (v *installation) wrong(ctx context.Context, b *store.BlobRow, buf []byte) (string, error) {
	if v.Quick {
		size, found, err := v.stock.Size(ctx, b.SHA256)
		switch {
		case err != nil:
			return "", err
		case !found:
			return "has no bytes", nil
		case size != b.SizeBytes:
			return fmt.Sprintf("has %d bytes instead of %d", size, b.SizeBytes), nil
		}
		return "", nil
	}
	r, err := v.stock.Open(ctx, b.SHA256)
	if steward.CodeOf(err) == steward.NotFound {
		return "has no bytes", nil
	}
	if err != nil {
		return "", err
	}
	defer r.Close() //nolint:errcheck // it was only read
	hash := sha256.New()
	n, err := io.CopyBuffer(hash, plainReader{&meter{ctx: ctx, r: r, tell: func(int) {}}}, buf)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "cannot be read: " + err.Error(), nil
	case n != b.SizeBytes:
		return fmt.Sprintf("has %d bytes instead of %d", n, b.SizeBytes), nil
	case hex.EncodeToString(hash.Sum(nil)) != b.SHA256:
		return "has other bytes", nil
	}
	return "", nil
}

// orphans looks for bytes that the database does not know.
func (v *installation) orphans(ctx context.Context, blobs []store.BlobRow) error {
	known := make(map[sum]bool, len(blobs))
	for _, b := range blobs {
		if s, ok := parseSum(b.SHA256); ok {
			known[s] = true
		}
	}
	v.Progress("looking for files without references", 0, 0)
	var unknown []blob.Stored
	err := v.stock.Each(ctx, func(s blob.Stored) error {
		if at, ok := parseSum(s.SHA256); !ok || !known[at] {
			unknown = append(unknown, s)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range unknown {
		if s.SHA256 == "" {
			v.report.found(checkOrphans, fmt.Sprintf("%s is among the files, and Steward did not put it there.", s.Name), "Find out who did, and move it away.")
			continue
		}
		_, found, err := lookUp(ctx, &v.Source, s.SHA256)
		if err != nil {
			return err
		}
		_, there, err := v.stock.Size(ctx, s.SHA256)
		if err != nil {
			return err
		}
		if !found && there {
			v.report.found(checkOrphans, fmt.Sprintf("The file %s (%d bytes) is not known to the database.", s.SHA256, s.Size),
				"It takes room and harms nothing: it can be deleted when no server runs. If the database was restored from an older backup, it may be what a later one refers to.")
		}
	}
	return nil
}

// VerifyBackupParams says which backup to check.
type VerifyBackupParams struct {
	Path     string // folder or archive
	Expect   string // the SHA-256 that its manifest must have, in hex; "" for any
	Quick    bool   // checks the sums, but not within the database
	TempDir  string // for the database of an archive; "" means os.TempDir
	Progress Progress
}

// ErrOther says that a backup is not the one that was expected.
var ErrOther = errors.New("the backup's manifest has another SHA-256 than the expected one")

// VerifyBackup checks a backup: that it is whole, that everything in it has the bytes that it had, and everything that Verify looks
// for. A backup that cannot be read as one is a finding too.
func VerifyBackup(ctx context.Context, p VerifyBackupParams) (_ *Report, err error) {
	if p.Progress == nil {
		p.Progress = func(string, int64, int64) {}
	}
	r := &Report{Kind: "backup", Path: p.Path, Findings: []store.Finding{}, Notes: []string{}}
	src, err := openSource(p.Path)
	if isBad(err) {
		r.bad(err)
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	temp, err := os.MkdirTemp(p.TempDir, "steward-verify-*")
	if err != nil {
		return nil, fmt.Errorf("verify backup: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	database := filepath.Join(temp, databaseName)
	if folder, ok := src.(*folderSource); ok {
		database = filepath.Join(folder.root.Name(), databaseName)
	}
	room, known := freeBytes(temp)
	c, err := read(ctx, src, 0, p.Progress, func(name string, size int64, from io.Reader) error {
		if name != databaseName || filepath.Dir(database) != temp {
			return nil
		}
		if known && size > room {
			return fmt.Errorf("unpack the database: it has %d bytes, and %s has room for %d: set TMPDIR", size, temp, room)
		}
		if err := writeFile(database, from); err != nil {
			return restoreError(name, err)
		}
		return nil
	})
	if isBad(err) {
		r.bad(err)
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	if p.Expect != "" && p.Expect != c.sha {
		r.bad(ErrOther)
	}
	if err := r.look(ctx, c, database, &VerifyParams{Quick: p.Quick, TempDir: p.TempDir, Progress: p.Progress}); err != nil {
		return nil, err
	}
	r.OK = len(r.Findings) == 0
	return r, nil
}

// isBad reports whether an error says that something is no whole backup.
func isBad(err error) bool {
	for _, e := range []error{ErrUnfinished, ErrNoBackup, ErrNotEqual, errTooLarge} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (r *Report) bad(err error) {
	advice := "Do not rely on it: take another one."
	if errors.Is(err, ErrOther) {
		advice = "Somebody may have put another backup in its place."
	}
	r.found(checkBackup, err.Error()+".", advice)
}

// look compares what was read of a backup with its database.
func (r *Report) look(ctx context.Context, c *contents, database string, p *VerifyParams) error {
	r.Manifest, r.ManifestSHA256, r.Database, r.Counts = c.manifest, c.sha, c.manifest.Database, c.manifest.Counts
	for _, text := range c.problems {
		r.found(checkBackup, text, "Do not rely on it: take another one.")
	}
	for _, text := range c.manifest.Damage {
		r.found("damage before the backup", text, "It was so when the backup was made: see whether an older one is better.")
	}
	if n := len(c.manifest.DeletedMeanwhile); n > 0 {
		r.note(fmt.Sprintf("%d files were deleted while the backup was made, and are not in it.", n))
	}
	for _, g := range c.blobs {
		r.Files.Count++
		r.Files.Bytes += g.size
	}
	if !c.manifest.Database.Included {
		r.note("The database is not in the backup: it is a PostgreSQL, which has tools of its own.")
		return nil
	}
	if len(c.problems) > 0 {
		r.note("The database was not looked into: something in the backup has other bytes than it should have.")
		return nil
	}
	known := map[sum]bool{}
	err := r.lookAtSQLite(ctx, database, p, func(b store.BlobRow) error {
		s, ok := parseSum(b.SHA256)
		known[s] = true
		if g := c.blobs[s]; ok && b.InPlace && g == nil && !slices.Contains(c.manifest.DeletedMeanwhile, b.SHA256) && len(c.manifest.Damage) == 0 {
			r.found(checkFiles, "The file "+b.SHA256+" is missing.", "Do not rely on the backup: take another one.")
		} else if g != nil && b.InPlace && (g.size != b.SizeBytes || g.odd) && len(c.manifest.Damage) == 0 {
			r.found(checkFiles, "The file "+b.SHA256+" has other bytes.", "Do not rely on the backup: take another one.")
		}
		return nil
	})
	if err != nil {
		return err
	}
	for s := range c.blobs {
		if !known[s] && r.Counts != (store.Counts{}) {
			r.found(checkOrphans, fmt.Sprintf("The file %x is not known to the database.", s), "No backup has such files: find out who changed it.")
		}
	}
	return nil
}

// writeFile writes a new file, mode 0600.
func writeFile(path string, from io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // below a folder of ours
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(plainWriter{f}, from, make([]byte, bufferSize))
	return errors.Join(err, f.Close())
}
