package crashtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/stewardhq/steward/internal/backup"
	"github.com/stewardhq/steward/internal/failpoint"
)

// tool runs a build of the server for something else than to serve. died says that a failpoint killed it.
func (w *crashWorld) tool(ctx context.Context, build, spec string, args ...string) (died bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, build, args...) //nolint:gosec // own arguments
	cmd.Env = append(os.Environ(), failpoint.Variable+"="+spec)
	text, err := cmd.CombinedOutput()
	if err == nil {
		return false, nil
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == -1 && ctx.Err() == nil {
		return true, nil
	}
	return false, fmt.Errorf("%w: %s", err, text)
}

// backup kills a backup that is taken while a server works, and takes it again.
func (w *crashWorld) backup(ctx context.Context, c *crash) (err error) {
	if err := w.main.start(w.o.Builds[0]); err != nil {
		return err
	}
	if err := w.main.ready(ctx); err != nil {
		return err
	}
	work, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.work(work)
	}()
	err = w.bothKinds(ctx, c)
	err = errors.Join(err, w.main.kill()) // it serves others as if nothing had been
	stop()
	<-done
	return err
}

// bothKinds kills a backup to a folder or to an archive, whichever comes to the point.
func (w *crashWorld) bothKinds(ctx context.Context, c *crash) error {
	for _, ending := range []string{"", ".tar.zst"} {
		target := filepath.Join(w.o.Folder, "backups", fmt.Sprintf("%d%s", time.Now().UnixNano(), ending))
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return fmt.Errorf("make folder of backups: %w", err)
		}
		died, err := w.tool(ctx, w.armed, c.spec(), "-data", w.main.folder, "-backup", target)
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		if !died {
			continue
		}
		w.report.Crashes++
		if _, err := os.Lstat(target); errors.Is(err, os.ErrNotExist) {
			if _, err := w.tool(ctx, w.o.Builds[0], "", "-data", w.main.folder, "-backup", target); err != nil {
				return fmt.Errorf("backup after a killed one: %w", err)
			}
		}
		return w.whole(ctx, target)
	}
	return w.missed(c)
}

// whole looks whether a backup that has its name is one.
func (w *crashWorld) whole(ctx context.Context, target string) error {
	r, err := backup.VerifyBackup(ctx, backup.VerifyBackupParams{Path: target})
	if err != nil {
		return fmt.Errorf("verify backup: %w", err)
	}
	if !r.OK {
		w.fault("a backup has its name and is not whole: %+v", r.Findings)
	}
	return nil
}

// restores kills restores, does each again, and looks at what came of it.
func (w *crashWorld) restores(ctx context.Context, chain []crash) error {
	if err := w.prepare(ctx); err != nil {
		return err
	}
	target := filepath.Join(w.o.Folder, "backup.tar.zst")
	if _, err := w.tool(ctx, w.o.Builds[0], "", "-data", w.main.folder, "-backup", target); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	for i := range chain {
		if err := w.restore(ctx, &chain[i], target, filepath.Join(w.o.Folder, fmt.Sprintf("restored-%d", i))); err != nil {
			return fmt.Errorf("%s: %w", &chain[i], err)
		}
	}
	return nil
}

func (w *crashWorld) restore(ctx context.Context, c *crash, from, to string) error {
	died, err := w.tool(ctx, w.armed, c.spec(), "-data", to, "-restore", from)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if !died {
		return w.missed(c)
	}
	w.report.Crashes++
	begun := backup.Unfinished(to)
	if begun {
		if _, err := w.tool(ctx, w.o.Builds[0], "", "-data", to); err == nil {
			w.fault("%s: a server ran in a folder that was not restored to its end", c)
		}
	}
	_, err = w.tool(ctx, w.o.Builds[0], "", "-data", to, "-restore", from)
	if err != nil && (begun || !exists(filepath.Join(to, "steward.db"))) {
		return fmt.Errorf("restore after a killed one: %w", err)
	}
	r, err := backup.Verify(ctx, backup.VerifyParams{Source: backup.Source{Data: to}, TempDir: w.o.Folder})
	if err != nil {
		return fmt.Errorf("verify what was restored: %w", err)
	}
	if !r.OK {
		w.fault("%s: what was restored is not whole: %+v", c, r.Findings)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
