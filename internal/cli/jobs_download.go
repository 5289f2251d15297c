package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// jobsDownload are the options of jobs download.
type jobsDownload struct{ to, folder string }

func newJobsDownload(g *global) *cobra.Command {
	var o jobsDownload
	cmd := &cobra.Command{
		Use: "download JOB [REFERENCE]", Short: "Download the files that a job saved", Args: atMost(1, "JOB", "REFERENCE"),
		Long: `Download the files that a job saved, such as images of pages, and the artifacts that its answer names, into a folder; or one file to standard output or to a file.

An artifact is written as JSON below the folder artifacts. What is there already is replaced. What there is: steward jobs get JOB --json (references, resource_id)`,
		Example: `steward jobs download 0193… --to pages
steward jobs download 0193… page-1.png -o page-1.png`,
		RunE: func(cmd *cobra.Command, args []string) error { return runJobsDownload(cmd.Context(), g, args, o) },
	}
	cmd.Flags().StringVarP(&o.to, "output", "o", "", "With REFERENCE: file to write (default: standard output)")
	cmd.Flags().StringVar(&o.folder, "to", "", "Without REFERENCE: folder to write into, made when missing (default: the job's id)")
	g.completeArgs(cmd, (*completer).jobs, (*completer).references)
	return cmd
}

func runJobsDownload(ctx context.Context, g *global, args []string, o jobsDownload) error {
	id, err := parseID[steward.JobID]("JOB", args[0])
	switch {
	case err != nil:
		return err
	case len(args) == 1 && o.to != "":
		return usagef("--output is for one REFERENCE; name a folder with --to")
	case len(args) == 2 && (o.folder != "" || g.json):
		return usagef("--to and --json are for all files of a job, not for one REFERENCE")
	}
	c, err := g.client()
	if err != nil {
		return err
	}
	if len(args) == 2 {
		return g.save(o.to, func(w io.Writer) error {
			_, err := c.DownloadReference(ctx, id, steward.ReferenceID(args[1]), w, nil)
			return err
		})
	}
	if o.folder == "" {
		o.folder = string(id)
	}
	saved, err := downloadAll(ctx, c, id, o.folder)
	if g.json {
		return errors.Join(g.printJSON(notNil(saved)), err)
	}
	for _, path := range saved {
		if err := g.printf("%s\n", path); err != nil {
			return err
		}
	}
	if err == nil && len(saved) == 0 {
		return g.notef("Job %s saved no files.", id)
	}
	return err
}

// save writes to a file, whole or not at all, or to standard output when path is "".
func (g *global) save(path string, write func(io.Writer) error) error {
	if path == "" {
		return write(g.out)
	}
	return replaceFile(path, write)
}

// downloadAll writes everything that a job saved below a folder and returns the files.
func downloadAll(ctx context.Context, c *client.Client, id steward.JobID, folder string) (saved []string, err error) {
	r, err := c.JobResult(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, ref := range r.References() {
		path, err := pathBelow(folder, string(ref))
		if err != nil {
			return saved, err
		}
		err = writeBelow(path, func(w io.Writer) error {
			_, err := c.DownloadReference(ctx, id, ref, w, nil)
			return err
		})
		if err != nil {
			return saved, err
		}
		saved = append(saved, path)
	}
	for _, key := range artifactKeys(r) {
		name := strings.TrimPrefix(key, artifactPrefix(id))
		path, err := pathBelow(filepath.Join(folder, "artifacts"), name)
		if err != nil {
			return saved, err
		}
		text, err := c.Artifact(ctx, id, key)
		if err != nil {
			return saved, err
		}
		err = writeBelow(path, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
		if err != nil {
			return saved, err
		}
		saved = append(saved, path)
	}
	return saved, nil
}

// artifactPrefix is what the keys of a job's artifacts begin with.
func artifactPrefix(id steward.JobID) string { return "agent-job-" + string(id) + "/" }

// artifactKeys returns the artifacts of the job that its outputs name, wherever in them.
func artifactKeys(r *client.JobResult) []string {
	var keys []string
	for _, out := range r.Outputs {
		var v any
		if json.Unmarshal([]byte(out.Value), &v) != nil {
			continue // an output that is no JSON names none
		}
		eachText(v, func(s string) {
			if strings.HasPrefix(s, artifactPrefix(r.JobID)) && !slices.Contains(keys, s) {
				keys = append(keys, s)
			}
		})
	}
	return keys
}

// eachText calls fn for every text in a JSON value.
func eachText(v any, fn func(string)) {
	switch v := v.(type) {
	case string:
		fn(v)
	case []any:
		for _, e := range v {
			eachText(e, fn)
		}
	case map[string]any:
		for _, e := range v {
			eachText(e, fn)
		}
	}
}

// pathBelow is a file of a name that a server gave. Errors: a name that is not one plain name, so that nothing is written elsewhere.
func pathBelow(folder, name string) (string, error) {
	if name == "" || name == "." || !filepath.IsLocal(name) || strings.ContainsAny(name, `/\:`) || strings.HasPrefix(name, ".") || plain(name) != name {
		return "", fmt.Errorf("the server named a file %q, which is no plain name: it is not written", name)
	}
	return filepath.Join(folder, name), nil
}

// writeBelow is replaceFile in a folder that is made when it is missing.
func writeBelow(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a folder of the caller's, read like others
		return fmt.Errorf("make folder: %w", err)
	}
	return replaceFile(path, write)
}

// replaceFile writes a file whole or not at all: one that is there already stays as it is when write fails.
func replaceFile(path string, write func(io.Writer) error) error {
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644) //nolint:gosec // a file of the caller's, read like others
	if err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	if err = errors.Join(write(f), f.Close()); err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return nil
}
