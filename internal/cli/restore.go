package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/backup"
)

// restoreOptions are the options of restore.
type restoreOptions struct {
	expect        string
	despiteDamage bool
}

func newRestore(g *global) *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use:   "restore BACKUP",
		Short: "Put a backup into a new data folder",
		Long: `Put a backup into a data folder that is not there yet, or empty; what is there is never written over. Everything in the backup is compared with its SHA-256, and the database is checked as verify does, before anything is put in place. No server starts in the folder until the restore is done; an interrupted one is begun again by the same command.

A server that is started on the folder goes on where the backup was taken: jobs that were open then are run, also those that have ended since on the server that the backup is of.`,
		Example: `steward restore /backups/steward.tar.zst --data /srv/steward`,
		Args:    exactly("BACKUP"),
		RunE:    func(cmd *cobra.Command, args []string) error { return runRestore(cmd.Context(), g, o, args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&o.expect, "manifest-sha256", "", "Refuse a backup whose manifest has another SHA-256 than backup printed")
	f.BoolVar(&o.despiteDamage, "despite-damage", false, "Put back a whole backup of an installation that was damaged already")
	return without(cmd, "server", "key")
}

func runRestore(ctx context.Context, g *global, o restoreOptions, path string) error {
	data := g.data
	if data == "" {
		data = g.getenv("STEWARD_DATA")
	}
	if data == "" {
		data = app.Defaults().Data
	}
	show, done := g.showWork()
	r, err := backup.Restore(ctx, backup.RestoreParams{Path: path, Data: data, Expect: o.expect, DespiteDamage: o.despiteDamage, Progress: show})
	done()
	if err != nil {
		return explainBackup(err, noBackup)
	}
	if g.json {
		return g.printJSON(r)
	}
	m := r.Manifest
	if err := g.printf("%s: restored the backup of %s, checked: %s, %s, %s\n", data, second(m.CreatedAt), many(r.Counts.Jobs, "job"),
		many(r.Files.Count, "file"), bytesText(r.Files.Bytes)); err != nil {
		return err
	}
	for _, f := range r.Findings {
		if err := g.notef("DAMAGED: %s", f.Message); err != nil {
			return err
		}
	}
	if !m.Database.Included {
		if err := g.notef("The database is NOT restored: it is a PostgreSQL. Restore its dump with pg_restore before a server starts."); err != nil {
			return err
		}
	}
	if !m.HasSecret() {
		return g.notef("The backup has no secret.key: put the old one into %s before the first start, or the secrets of webhooks have to be set anew. Clients need the keys that they had; there is no credentials.json.", data)
	}
	return nil
}
