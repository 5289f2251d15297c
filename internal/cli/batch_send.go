package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/cli/itemfile"
)

const (
	mostChunk       = 1000    // items that the server takes at once
	mostChunkBytes  = 4 << 20 // of items as they stand in their file
	mostFolderChunk = 100     // files of a folder: they are uploaded before they are named
	mostFolderBytes = 64 << 20
	uploadsAtOnce   = 4
)

// send sends the items that the batch does not have, in order, and closes it.
func (r *batchRun) send(ctx context.Context, b *steward.Batch) error {
	if b.ClosedAt != nil {
		return nil
	}
	from, err := r.sendFrom(b)
	if err != nil {
		return err
	}
	most, mostBytes := r.o.chunk, int64(mostChunkBytes)
	if r.src.IsFolder() && !r.o.asText {
		most, mostBytes = min(most, mostFolderChunk), mostFolderBytes
	}
	var items []itemfile.Item
	var size int64
	for it, err := range r.src.Items(from) {
		if err != nil {
			return err
		}
		items, size = append(items, it), size+it.Size
		if len(items) < most && size < mostBytes {
			continue
		}
		if err := r.sendChunk(ctx, items); err != nil {
			return err
		}
		items, size = items[:0], 0
	}
	if len(items) > 0 {
		if err := r.sendChunk(ctx, items); err != nil {
			return err
		}
	}
	return r.bear(ctx, func() error {
		_, err := r.c.CloseBatch(ctx, r.id)
		return err
	})
}

// sendFrom returns the first index that the batch lacks. Items are sent in order, so that there are none behind it.
func (r *batchRun) sendFrom(b *steward.Batch) (int64, error) {
	switch {
	case b.NextIndex > r.src.Count():
		return 0, fmt.Errorf("the server has %d items, %s has %d", b.NextIndex, r.o.source, r.src.Count())
	case b.Received == b.NextIndex:
		return b.NextIndex, nil
	case r.src.IsFolder():
		return 0, fmt.Errorf("items before index %d are missing, although others behind them are there; give --idempotency-key for a new batch", b.NextIndex)
	}
	return 0, nil // what is there is known again by its content
}

// sendChunk sends items that follow each other.
func (r *batchRun) sendChunk(ctx context.Context, items []itemfile.Item) error {
	inputs, err := r.inputs(ctx, items)
	if err != nil {
		return err
	}
	start := items[0].Index
	for {
		var p *client.BatchProgress
		err := r.bear(ctx, func() (err error) {
			p, err = r.c.SendBatchItems(ctx, r.id, start, inputs, &client.BatchSendOptions{SkipCache: r.o.skipCache, ChunkDelay: -1})
			return err
		})
		if err == nil {
			r.bar.sent.Store(p.Received)
			return nil
		}
		if steward.CodeOf(err) != steward.Conflict {
			return err
		}
		known, cerr := r.known(ctx, start, err)
		if cerr != nil {
			return cerr
		}
		if known >= int64(len(inputs)) {
			return nil
		}
		start, inputs = start+known, inputs[known:]
	}
}

// known returns how many items from start on the batch has got in the meantime, after it refused them: an earlier command's last
// request, which was still on its way when that was killed, has brought them. The files in it are the same ones, under other ids.
// Errors: refused, when it has none.
func (r *batchRun) known(ctx context.Context, start int64, refused error) (int64, error) {
	var b *steward.Batch
	err := r.bear(ctx, func() (err error) {
		b, err = r.c.Batch(ctx, r.id)
		return err
	})
	if err != nil {
		return 0, err
	}
	if b.CancelledAt != nil {
		return 0, fmt.Errorf("it was cancelled while items were sent: %w", refused)
	}
	if b.Received != b.NextIndex || b.NextIndex <= start {
		return 0, refused
	}
	r.bar.sent.Store(b.Received)
	return b.NextIndex - start, nil
}

// inputs makes the inputs of items. The files of a folder are uploaded, several at once.
func (r *batchRun) inputs(ctx context.Context, items []itemfile.Item) ([]client.Inputs, error) {
	out := make([]client.Inputs, len(items))
	if !r.src.IsFolder() {
		for i, it := range items {
			out[i] = r.o.inputsOf(it.Inputs)
		}
		return out, nil
	}
	if r.o.asText {
		for i, it := range items {
			text, err := readText(it)
			if err != nil {
				return nil, err
			}
			out[i] = r.o.inputsOf(map[string]any{r.o.inputKey: text})
		}
		return out, nil
	}
	uploads, upCtx := errgroup.WithContext(ctx)
	uploads.SetLimit(uploadsAtOnce)
	for i, it := range items {
		uploads.Go(func() error {
			id, err := r.upload(upCtx, it)
			out[i] = r.o.inputsOf(map[string]any{r.o.inputKey: client.File{ID: id}})
			return err
		})
	}
	return out, uploads.Wait()
}

// mostText is how long a text in a folder may be.
const mostText = 16 << 20

// readText reads the file of an item that is sent as a text.
func readText(it itemfile.Item) (string, error) {
	if it.Size > mostText {
		return "", fmt.Errorf("%s is longer than %d MiB, too long for a text", it.Path, mostText>>20)
	}
	text, err := os.ReadFile(it.Path)
	if err != nil {
		return "", err
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != it.Hash {
		return "", fmt.Errorf("%s: %w", filepath.ToSlash(it.Path), itemfile.ErrChanged)
	}
	if !utf8.Valid(text) {
		return "", fmt.Errorf("%s is not UTF-8, and the input takes texts", it.Path)
	}
	return string(text), nil
}

// upload stores the file of an item until a job takes it.
func (r *batchRun) upload(ctx context.Context, it itemfile.Item) (steward.FileID, error) {
	var f *client.StoredFile
	err := r.bear(ctx, func() (err error) {
		f, err = r.c.UploadFile(ctx, client.FilePath(it.Path), &client.FileOptions{Temporary: true})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("upload %s: %w", it.Path, err)
	}
	if f.SHA256 != it.Hash {
		return "", fmt.Errorf("%s: %w", filepath.ToSlash(it.Path), itemfile.ErrChanged)
	}
	return f.ID, nil
}
