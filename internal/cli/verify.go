package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward/internal/backup"
)

// errFindings is what commands return that have told what is wrong.
var errFindings = errors.New("something is wrong")

// verifyOptions are the options of verify.
type verifyOptions struct {
	place  placeFlags
	quick  bool
	expect string
}

func newVerify(g *global) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify [BACKUP]",
		Short: "Check the data folder, or a backup: database, lists, books, and every file by its hash",
		Long: `Check an installation, while a server runs or not, or a backup: the pages, indexes and foreign keys of the database, lists and counters against the rows that they are made from, usage books against the steps, every file by its SHA-256, references without bytes and bytes without references. Nothing is changed.

The exit code is 1 when something is wrong, and everything that is wrong is printed.`,
		Example: `steward verify --data /srv/steward
steward verify /backups/steward.tar.zst --json`,
		Args: atMost(0, "BACKUP"),
		RunE: func(cmd *cobra.Command, args []string) error { return runVerify(cmd.Context(), g, o, args) },
	}
	o.place.add(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.quick, "quick", false, "Leave out the bytes of an installation's files, the indexes of the database and the lists of jobs")
	f.StringVar(&o.expect, "manifest-sha256", "", "The SHA-256 that the manifest of the backup must have, as backup printed it")
	return without(cmd, "server", "key")
}

func runVerify(ctx context.Context, g *global, o verifyOptions, args []string) error {
	show, done := g.showWork()
	missing := noDataFolder
	var r *backup.Report
	var err error
	if len(args) == 1 {
		missing = noBackup
		if g.data != "" {
			return usagef("verify takes a backup or --data, not both")
		}
		r, err = backup.VerifyBackup(ctx, backup.VerifyBackupParams{Path: args[0], Expect: o.expect, Quick: o.quick, Progress: show})
	} else {
		config, lerr := o.place.load(g)
		if lerr != nil {
			return lerr
		}
		r, err = backup.Verify(ctx, backup.VerifyParams{Source: sourceOf(&config), Quick: o.quick, Progress: show})
	}
	done()
	if err != nil {
		return explainBackup(err, missing)
	}
	if g.json {
		err = g.printJSON(r)
	} else {
		err = g.printReport(r)
	}
	if err == nil && !r.OK {
		err = errFindings
	}
	return err
}

func (g *global) printReport(r *backup.Report) error {
	for _, f := range r.Findings {
		if err := g.printf("%s: %s\n", f.Check, plain(f.Message)); err != nil {
			return err
		}
		if f.Advice != "" {
			if err := g.printf("    %s\n", f.Advice); err != nil {
				return err
			}
		}
	}
	for _, note := range r.Notes {
		if err := g.notef("Note: %s", note); err != nil {
			return err
		}
	}
	verdict := "nothing is wrong"
	if n := int64(len(r.Findings)); n > 0 {
		verdict = many(n, "finding")
	}
	return g.printf("%s: %s; looked at %s and %s (%s)\n", r.Path, verdict, many(r.Counts.Jobs, "job"), many(r.Files.Count, "file"), bytesText(r.Files.Bytes))
}
