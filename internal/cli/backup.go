package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/backup"
)

// The commands of this file and of restore.go, verify.go and doctor.go are maintenance: they work on the data folder itself, so that
// they can be used when no server runs, or can run.

// placeFlags say where an installation keeps what it has.
type placeFlags struct{ config, database, files string }

func (p *placeFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.config, "config", "", "Configuration file of the server (default: steward.yaml in the data folder, if there is one)")
	f.StringVar(&p.database, "database", "", "Database, as a postgres:// URL (or STEWARD_DATABASE; default: SQLite in the data folder)")
	f.StringVar(&p.files, "files", "", "Where files are kept: s3://, gs://, azblob:// or file:// (or STEWARD_FILES; default: the data folder)")
}

// load reads the configuration as serve does.
func (p *placeFlags) load(g *global) (app.Config, error) {
	o := serveOptions{config: p.config, database: p.database, files: p.files}
	config, err := app.Load(app.LoadParams{File: p.config, Getenv: g.getenv, Override: o.override(g)})
	if err != nil {
		return config, &usageError{err}
	}
	return config, nil
}

func sourceOf(c *app.Config) backup.Source {
	return backup.Source{Data: c.Data, Database: c.Database, Files: c.Files, SecretKey: c.SecretKeyFile}
}

// backupOptions are the options of backup.
type backupOptions struct {
	place         placeFlags
	withSecrets   bool
	despiteDamage bool
}

func newBackup(g *global) *cobra.Command {
	var o backupOptions
	cmd := &cobra.Command{
		Use:   "backup TARGET",
		Short: "Copy the data folder to a folder or an archive, while a server runs or not",
		Long: `Copy an installation: the database and every file that it refers to, with a SHA-256 of each. TARGET is a folder that is not there yet, or a file that ends in .tar, .tar.gz, .tgz or .tar.zst.

A server may run meanwhile: the copy is one state of it, with everything that was acknowledged before the command. TARGET gets its name when all of it is on disk; an interrupted backup leaves only TARGET.partial, which the next one takes away.

Without --with-secrets the key that stored secrets are sealed with, the credentials and the configuration are left out: keep secret.key elsewhere, or the secrets of webhooks are lost. With it, the backup is as secret as the server.

Of an installation on PostgreSQL only the files are copied: dump the database first, with pg_dump.`,
		Example: `steward backup /backups/2026-01-31
steward backup --data /srv/steward --with-secrets /backups/steward.tar.zst`,
		Args: exactly("TARGET"),
		RunE: func(cmd *cobra.Command, args []string) error { return runBackup(cmd.Context(), g, o, args[0]) },
	}
	o.place.add(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.withSecrets, "with-secrets", false, "Copy secret.key, credentials.json and steward.yaml too")
	f.BoolVar(&o.despiteDamage, "despite-damage", false, "Copy what is left of a damaged installation; what is wrong is written into the manifest")
	return without(cmd, "server", "key")
}

func runBackup(ctx context.Context, g *global, o backupOptions, target string) error {
	config, err := o.place.load(g)
	if err != nil {
		return err
	}
	show, done := g.showWork()
	made, err := backup.Create(ctx, backup.CreateParams{
		Source: sourceOf(&config), Target: target, WithSecrets: o.withSecrets, DespiteDamage: o.despiteDamage, Program: g.version, Progress: show,
	})
	done()
	if errors.Is(err, backup.ErrURL) {
		return usagef("%w; copy it to a bucket afterwards, with the tools of the bucket", err)
	}
	if err != nil {
		return explainBackup(err, noDataFolder)
	}
	if g.json {
		return g.printJSON(made)
	}
	return g.printBackup(made)
}

func (g *global) printBackup(m *backup.Created) error {
	what := "database and " + many(m.Files.Count, "file")
	if !m.Database.Included {
		what = many(m.Files.Count, "file")
	}
	if err := g.printf("%s: %s, %s, %s\nmanifest sha256 %s\n", m.Path, what, bytesText(m.Bytes), many(m.Counts.Jobs, "job"), m.ManifestSHA256); err != nil {
		return err
	}
	notes := []string{}
	if !m.Database.Included {
		notes = append(notes, "The database is NOT in the backup: it is a PostgreSQL, which is not ours to dump. Dump it BEFORE the files are backed up, so that no file of it is missing:\n  pg_dump --format=custom --file steward.dump \"$STEWARD_DATABASE\"")
	}
	switch {
	case !m.Secrets:
		notes = append(notes, "The secret key, the credentials and the configuration are NOT in the backup (--with-secrets). Keep a copy of secret.key elsewhere: without it stored secrets are lost.")
	case !m.HasSecret():
		notes = append(notes, "There is no secret.key to back up. If the key stands in STEWARD_SECRET_KEY, keep a copy of it elsewhere.")
	default:
		notes = append(notes, "The backup holds secrets: keep it where nobody else can read it.")
	}
	if n := int64(len(m.DeletedMeanwhile)); n > 0 {
		notes = append(notes, many(n, "file")+" deleted meanwhile and not in the backup.")
	}
	for _, text := range m.Damage {
		notes = append(notes, "DAMAGED: "+text)
	}
	for _, note := range notes {
		if err := g.notef("%s", note); err != nil {
			return err
		}
	}
	return nil
}

// Hints about places where nothing is.
const (
	noDataFolder = "Name the data folder of the server with --data or STEWARD_DATA."
	noBackup     = "Name a folder or an archive that steward backup made."
)

// explainBackup adds what to try next; missing is the hint when there is nothing at the place that was named.
func explainBackup(err error, missing string) error {
	for _, h := range []struct {
		is   error
		hint string
	}{
		{backup.ErrExists, "Name another target, or remove this one."},
		{backup.ErrBusy, "Wait for it, or name another target."},
		{backup.ErrNotEmpty, "Name another folder with --data."},
		{backup.ErrServing, "Stop the server, or name another folder with --data."},
		{backup.ErrUnfinished, "Take another backup, or use an older one."},
		{backup.ErrNotEqual, "See everything that is wrong with: steward verify BACKUP"},
		{backup.ErrNoBackup, noBackup},
		{backup.ErrDamaged, "See everything that is wrong with: steward verify. To go on all the same: --despite-damage"},
	} {
		if errors.Is(err, h.is) {
			return &hinted{err, h.hint}
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &hinted{err, missing}
	}
	return err
}

// showWork returns what shows the progress of long work, and what ends it: a line that is written over on a terminal, a line now and then
// elsewhere, nothing with --json.
func (g *global) showWork() (show backup.Progress, done func()) {
	w := g.err
	if g.json {
		w = io.Discard
	}
	line, terminal := newProgressLine(w), isTerminal(w)
	var mu sync.Mutex
	next := time.Now()
	if !terminal {
		next = next.Add(lineEvery)
	}
	show = func(what string, n, total int64) {
		mu.Lock()
		defer mu.Unlock()
		if time.Now().Before(next) {
			return
		}
		if total > 0 {
			what += fmt.Sprintf(": %s of %s", bytesText(n), bytesText(total))
		}
		if terminal {
			next = time.Now().Add(100 * time.Millisecond)
			line.show(what)
			return
		}
		next = time.Now().Add(lineEvery)
		_, _ = fmt.Fprintln(w, what) // a lost progress line is no loss
	}
	return show, line.clear
}

// bytesText writes a number of bytes the way people read it.
func bytesText(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", value, units[unit])
}
