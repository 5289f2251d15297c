package crashtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/failpoint"
)

// firsts kills first starts, each of an installation of its own, and looks whether the next start makes a whole one of it.
func (w *crashWorld) firsts(ctx context.Context, chain []crash) error {
	for i := range chain {
		if err := w.first(ctx, &chain[i]); err != nil {
			return fmt.Errorf("%s: %w", &chain[i], err)
		}
	}
	return nil
}

func (w *crashWorld) first(ctx context.Context, c *crash) error {
	if err := w.anew(ctx); err != nil {
		return err
	}
	w.main.env = []string{failpoint.Variable + "=" + c.spec()}
	if err := w.main.start(w.armed); err != nil {
		return err
	}
	w.main.env = nil
	if err := w.dead(ctx, c, w.main.watch(), starts); err != nil {
		return err
	}
	if err := w.later(); err != nil {
		return err
	}
	if err := w.main.start(w.o.Builds[0]); err != nil {
		return err
	}
	if err := w.main.ready(ctx); err != nil {
		return err
	}
	if err := w.prove(ctx); err != nil {
		return err
	}
	if err := w.main.stop(); err != nil {
		return err
	}
	w.tidy(c)
	return nil
}

// later has time pass for what is left beside the secret key: it may be another process's at first.
func (w *crashWorld) later() error {
	left, err := filepath.Glob(filepath.Join(w.o.Folder, ".key-*"))
	for _, path := range left {
		before := time.Now().Add(-time.Hour)
		err = errors.Join(err, os.Chtimes(path, before, before))
	}
	return err
}

// anew takes the installation away, and its database.
func (w *crashWorld) anew(ctx context.Context) error {
	entries, err := os.ReadDir(w.main.folder)
	if err != nil {
		return fmt.Errorf("read data folder: %w", err)
	}
	errs := []error{os.RemoveAll(filepath.Join(w.o.Folder, "secret.key")), os.RemoveAll(w.filesFolder())}
	for _, e := range entries {
		if e.Name() != "steward.yaml" {
			errs = append(errs, os.RemoveAll(filepath.Join(w.main.folder, e.Name())))
		}
	}
	if w.o.Database != "" {
		errs = append(errs, w.change(ctx, "drop schema public cascade"), w.change(ctx, "create schema public"))
	}
	return errors.Join(errs...)
}

// prove has a server do one thing of each kind: the credentials are right, secrets can be sealed, a job runs.
func (w *crashWorld) prove(ctx context.Context) error {
	key, _, err := w.credentials()
	if err != nil {
		return err
	}
	c, err := client.New(&client.Options{APIKey: key, BaseURL: "http://" + w.main.address, MaxRetries: -1})
	if err != nil {
		return err
	}
	defer c.Close()
	a, _, err := makeAgents(ctx, c)
	if err != nil {
		return err
	}
	hook, err := c.CreateWebhook(ctx, client.WebhookCreate{Name: "first", URL: w.hooks.URL})
	if err != nil {
		return fmt.Errorf("create webhook: %w", err)
	}
	if err := c.DeleteWebhook(ctx, hook.ID); err != nil {
		return fmt.Errorf("delete webhook: %w", err)
	}
	id, err := c.Run(ctx, a.save, client.RunParams{Inputs: client.Inputs{"text": "first"}})
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	w.report.Acknowledged++
	result, err := c.Wait(ctx, id, &client.WaitOptions{Timeout: patience})
	if err != nil || result.Status != steward.StatusSuccess {
		w.fault("the first job after the first start ended as %+v: %v", result, err)
	}
	return nil
}

// tidy looks for what a killed first start has left for ever.
func (w *crashWorld) tidy(c *crash) {
	for _, stray := range w.strays() {
		w.fault("%s left %s", c, stray)
	}
}
