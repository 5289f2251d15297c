package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/cli/itemfile"
)

// tellEvery is after how many bytes the progress of a check is shown.
const tellEvery = 8 << 20

// openSource checks the items of a batch with a progress line, and reports what is none.
func (g *global) openSource(ctx context.Context, path string, skipBad bool) (*itemfile.Source, error) {
	line := newProgressLine(g.err)
	var read, told int64
	src, err := itemfile.Open(ctx, path, itemfile.Options{OnRead: func(n int64) {
		if read += n; read-told > tellEvery {
			told = read
			line.show(fmt.Sprintf("checking %s: %d MB", filepath.Base(path), read/1e6))
		}
	}})
	line.clear()
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, err
	case err != nil:
		return nil, usagef("--batch: %w", err)
	}
	if err := g.reportFaults(src, path, skipBad); err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return src, nil
}

// checkOut refuses results in the place of the items: they would be lost, and a folder would have other items when the command is repeated.
func (o *batchOptions) checkOut() error {
	source, _ := os.Stat(o.source) // that it is missing is told when it is opened
	if source == nil || o.out == "" {
		return nil
	}
	if out, err := os.Stat(o.out); err == nil && os.SameFile(source, out) {
		return usagef("--out %s would replace the items: name another file", o.out)
	}
	if !source.IsDir() {
		return nil
	}
	for dir := filepath.Dir(o.out); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && os.SameFile(source, info) {
			return usagef("--out %s is in the folder of the items: name another place", o.out)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// reportFaults lists the lines that are no items. Errors: when there are some and they are not to be skipped, or nothing is left.
func (g *global) reportFaults(src *itemfile.Source, path string, skipBad bool) error {
	faults, all := src.Faults()
	if all == 0 {
		return nil
	}
	for _, f := range faults {
		if _, err := fmt.Fprintf(g.err, "%s:%d: %s\n", path, f.Line, plain(f.Message)); err != nil {
			return err
		}
	}
	if more := all - int64(len(faults)); more > 0 {
		if _, err := fmt.Fprintf(g.err, "and %d more\n", more); err != nil {
			return err
		}
	}
	switch {
	case src.Count() == 0:
		return usagef("--batch: nothing in %s is an item", path)
	case skipBad:
		return g.notef("Going on without these %d: %s left.", all, many(src.Count(), "item"))
	}
	return usagef("--batch: %d of %d lines of %s are no items; nothing was sent. Mend them, or leave them out with --skip-bad", all, all+src.Count(), path)
}

// folderKey returns the input that takes the files of a folder: the given one, or the only one for files that the version has.
func folderKey(v *steward.Version, given string) (string, error) {
	var files, all []string
	for _, d := range v.InputDefinitions {
		if all = append(all, d.Key); !isText(v, d.Key) {
			files = append(files, d.Key)
		}
	}
	switch {
	case given != "" && !slices.Contains(all, given):
		return "", usagef("--input-key: the agent has no input %q; it has %s", given, strings.Join(all, ", "))
	case given != "":
		return given, nil
	case len(files) == 1:
		return files[0], nil
	case len(files) == 0 && len(all) == 1:
		return all[0], nil
	}
	return "", usagef("--input-key is needed: the agent has the inputs %s", strings.Join(all, ", "))
}

// checkTexts reads the files of a folder that are sent as texts, so that one which is none is told before anything is sent.
func checkTexts(ctx context.Context, src *itemfile.Source) error {
	for it, err := range src.Items(0) {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, err := readText(it); err != nil {
			return usagef("--batch: %w; nothing was sent", err)
		}
	}
	return nil
}

// isText reports whether an input takes texts, not files.
func isText(v *steward.Version, key string) bool {
	return slices.ContainsFunc(v.InputDefinitions, func(d steward.InputDefinition) bool {
		return d.Key == key && (strings.HasPrefix(d.DataType, "text/") || d.DataType == "application/json")
	})
}

// batchKey is the idempotency key of a batch: the same items of the same agent version with the same options are the same batch, so that a
// command which is repeated finds what it began.
func batchKey(src *itemfile.Source, v *steward.Version, o *batchOptions) (string, error) {
	text, err := json.Marshal(map[string]any{
		"items": src.Sum(), "folder": src.IsFolder(), "version": v.ID, "agent": v.BaseAgent.ID, "input_key": o.inputKey,
		"inputs": o.common, "name": o.name, "metadata": o.metadata, "skip_cache": o.skipCache, "skip_bad": o.skipBad, "key": o.idemKey,
	})
	if err != nil {
		return "", fmt.Errorf("encode options: %w", err)
	}
	sum := sha256.Sum256(text)
	return "cli-" + hex.EncodeToString(sum[:]), nil
}

// inputsOf joins what all items have with what one has.
func (o *batchOptions) inputsOf(own map[string]any) client.Inputs {
	inputs := make(client.Inputs, len(o.common)+len(own))
	maps.Copy(inputs, o.common)
	maps.Copy(inputs, own)
	return inputs
}
