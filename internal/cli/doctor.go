package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward/internal/app"
)

func newDoctor(g *global) *cobra.Command {
	var place placeFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Explain what keeps a server from starting or working well, and what to do",
		Long: `Look at everything that a server needs: the rights of the data folder, room on the disk, another server on the folder, the database and its version, the clock, the address to listen on, credentials and keys, model providers, and Tesseract. Every finding says what to do. Nothing is changed.

The exit code is 1 when there is a problem; warnings are not problems. What the database holds is checked by verify.`,
		Example: `steward doctor
steward doctor --data /srv/steward --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return runDoctor(cmd.Context(), g, place) },
	}
	place.add(cmd)
	return without(cmd, "server", "key")
}

func runDoctor(ctx context.Context, g *global, place placeFlags) error {
	config, err := place.load(g)
	if err != nil {
		return err
	}
	found := app.Examine(ctx, config, app.ExamineParams{Getenv: g.getenv, Now: time.Now})
	problem := false
	for _, e := range found {
		problem = problem || e.Verdict == app.Problem
	}
	if g.json {
		err = g.printJSON(found)
	} else {
		err = g.printExamined(found)
	}
	if err == nil && problem {
		err = errFindings
	}
	return err
}

func (g *global) printExamined(found []app.Examined) error {
	for _, e := range found {
		if err := g.printf("%-8s %s: %s\n", e.Verdict, e.Name, plain(e.Message)); err != nil {
			return err
		}
		if e.Advice == "" {
			continue
		}
		if err := g.printf("         → %s\n", plain(e.Advice)); err != nil {
			return err
		}
	}
	return nil
}
