package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// workshop is what all systems share: programs, a folder, a PostgreSQL of its own, the log of effects.
type workshop struct {
	o        options
	log      *slog.Logger
	source   string            // folder of this program's source
	folder   string            // for all that is written, removed at the end
	programs map[string]string // path by name of the program
	postgres *postgres         // nil when no system needs one
	recorder *recorder
	socket   string // of the recorder
}

// openWorkshop builds the programs and starts what all share.
func openWorkshop(ctx context.Context, o options, log *slog.Logger) (_ *workshop, err error) {
	w := &workshop{o: o, log: log, programs: map[string]string{}}
	if w.source, err = sourceFolder(); err != nil {
		return nil, err
	}
	if err := w.build(ctx); err != nil {
		return nil, err
	}
	if w.folder, err = os.MkdirTemp(o.folder, "steward-compare-"); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if err := os.Chmod(w.folder, 0o755); err != nil { //nolint:gosec // PostgreSQL runs as another user when this is root
		return nil, err
	}
	for _, s := range o.systems {
		if s.postgres && w.postgres == nil {
			if w.postgres, err = startPostgres(ctx, filepath.Join(w.source, "..", "..", "scripts", "postgres.sh"), filepath.Join(w.folder, "pg")); err != nil {
				return nil, err
			}
		}
	}
	w.socket = filepath.Join(w.folder, "effects.sock")
	w.recorder, err = openRecorder(ctx, filepath.Join(w.folder, "effects.jsonl"), w.socket)
	return w, err
}

// close stops what was started and removes what was written.
func (w *workshop) close() error {
	var err error
	if w.recorder != nil {
		err = w.recorder.close()
	}
	if w.postgres != nil {
		err = errors.Join(err, w.postgres.stop())
	}
	return errors.Join(err, os.RemoveAll(w.folder))
}

// sourceFolder finds the folder of this program's source from the working folder, which is the project's, bench or bench/compare.
func sourceFolder() (string, error) {
	for _, folder := range []string{".", "compare", "bench/compare"} {
		if _, err := os.Stat(filepath.Join(folder, "wire", "go.mod")); err == nil {
			return filepath.Abs(folder)
		}
	}
	return "", errors.New("run it in the project's folder or in bench")
}

// build builds the programs of the chosen systems into the project's folder for tests.
func (w *workshop) build(ctx context.Context) error {
	bin := filepath.Join(w.source, "..", "..", ".test", "compare")
	if err := os.MkdirAll(bin, 0o755); err != nil { //nolint:gosec // built programs are no secret
		return err
	}
	for _, s := range w.o.systems {
		if w.programs[s.program] != "" {
			continue
		}
		w.log.Info("building", "program", s.program)
		path := filepath.Join(bin, s.program)
		if err := w.goBuild(ctx, filepath.Join(w.source, s.program), path); err != nil {
			return fmt.Errorf("build %s: %w", s.program, err)
		}
		w.programs[s.program] = path
		if err := w.buildServer(ctx, s, bin); err != nil {
			return fmt.Errorf("get the server of %s: %w", s.program, err)
		}
	}
	return nil
}

// goBuild builds the program in a folder, and looks it over.
func (w *workshop) goBuild(ctx context.Context, folder, path string) error {
	if err := w.command(ctx, folder, "go", "build", "-o", path, "."); err != nil {
		return err
	}
	return w.command(ctx, folder, "go", "vet", ".")
}

// Servers of others: where each is to be found afterwards.
const (
	temporalServer = "temporal-server"
	restateServer  = "node_modules/@restatedev/restate-server-linux-x64/bin/restate-server"
)

// buildServer gets the server of a system that is not ours and not PostgreSQL.
func (w *workshop) buildServer(ctx context.Context, s system, bin string) error {
	folder := filepath.Join(w.source, s.program, "server")
	switch s.program {
	case "temporal":
		path := filepath.Join(bin, temporalServer)
		w.programs[s.program+"/server"] = path
		return w.goBuild(ctx, folder, path)
	case "restate":
		path := filepath.Join(folder, restateServer)
		w.programs[s.program+"/server"] = path
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		if _, err := exec.LookPath("npm"); err != nil {
			return errors.New("npm is not installed (Debian: apt-get install npm); -only leaves Restate out")
		}
		return w.command(ctx, folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	}
	return nil
}

// command runs a command in a folder. Its output is shown when it fails.
func (w *workshop) command(ctx context.Context, folder, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // own arguments
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
