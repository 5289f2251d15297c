package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// resultRow is a line of a results file.
type resultRow struct {
	Index        int64                      `json:"index"`
	Line         int64                      `json:"line,omitempty"` // of the item in its file, from 1
	File         string                     `json:"file,omitempty"` // of the item in its folder
	JobID        steward.JobID              `json:"job_id"`
	Status       string                     `json:"status"`
	Outputs      map[string]json.RawMessage `json:"outputs"` // by key; JSON as it is, everything else as a text
	ErrorMessage string                     `json:"error_message"`
	FailureCode  steward.FailureCode        `json:"failure_code,omitempty"`
	Cost         *float64                   `json:"cost"` // US dollars; null when unknown
}

// rowOf makes the line of an item from its job's result.
func (r *batchRun) rowOf(it *steward.BatchItem, res *client.JobResult) *resultRow {
	row := &resultRow{
		Index: it.Index, JobID: it.JobID, Status: it.Status.String(), Outputs: make(map[string]json.RawMessage, len(res.Outputs)),
		ErrorMessage: res.ErrorMessage, FailureCode: it.FailureCode, Cost: res.Cost,
	}
	if row.ErrorMessage == "" {
		row.ErrorMessage = it.ErrorMessage
	}
	if r.src != nil {
		row.Line, row.File = r.src.Place(it.Index)
	}
	for _, out := range res.Outputs {
		row.Outputs[out.Key] = decoded(out)
	}
	return row
}

// decoded is an output's value: JSON as such, everything else as a JSON text.
func decoded(out steward.Datum) json.RawMessage {
	if value := []byte(out.Value); out.DataType == "application/json" && json.Valid(value) {
		return value
	}
	return quoteJSON(out.Value)
}

func quoteJSON(s string) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes, and a buffer takes everything
	return bytes.TrimRight(b.Bytes(), "\n")
}

const (
	itemsAtOnce     = 1000
	fewestResults   = 50      // fetched at once, until their size is known
	mostResultBytes = 4 << 20 // of results fetched at once
	firstLook       = 50 * time.Millisecond
	lastLook        = 2 * time.Second
)

// collect writes the results of items as they end, by rising index, until total are there; then the file is complete and gets its
// name. Without a file it only waits.
func (r *batchRun) collect(ctx context.Context, total int64) (err error) {
	f, err := openResults(r.o.out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	pause, perItem := firstLook, int64(mostResultBytes/fewestResults)
	var lookedAt time.Time // at the counts
	for next, done := int64(0), int64(0); done < total; {
		if time.Since(lookedAt) > lastLook/2 || pause > firstLook {
			if err := r.look(ctx); err != nil {
				return err
			}
			lookedAt = time.Now()
		}
		items, err := r.ended(ctx, next)
		if err != nil {
			return err
		}
		for len(items) > 0 {
			n := int(min(max(mostResultBytes/max(perItem, 1), 1), int64(len(items))))
			written, err := r.write(ctx, f, items[:n])
			if err != nil {
				return err
			}
			if written > 0 {
				perItem = max(written/int64(n), 1)
			}
			next, done, pause = items[n-1].Index+1, done+int64(n), firstLook
			items = items[n:]
			r.bar.written.Store(done)
		}
		if done < total {
			if !wait(ctx, pause) {
				return context.Cause(ctx)
			}
			pause = min(pause*2, lastLook)
		}
	}
	return f.finish()
}

// look shows how many items stand where.
func (r *batchRun) look(ctx context.Context) error {
	return r.bear(ctx, func() error {
		b, err := r.c.Batch(ctx, r.id)
		if err == nil {
			r.bar.show(b)
		}
		return err
	})
}

// ended returns the items from an index on that have ended, up to the first that has not.
func (r *batchRun) ended(ctx context.Context, from int64) ([]steward.BatchItem, error) {
	var page *steward.Page[steward.BatchItem]
	err := r.bear(ctx, func() (err error) {
		page, err = r.c.ListBatchItems(ctx, r.id, client.BatchItemList{From: from, PageSize: itemsAtOnce})
		return err
	})
	if err != nil {
		return nil, err
	}
	n := 0
	for n < len(page.Results) && (r.gaps || page.Results[n].Index == from+int64(n)) && page.Results[n].Status.Terminal() {
		n++
	}
	return page.Results[:n], nil
}

// write writes the lines of items, and returns how many bytes that were; 0 when they stood there already.
func (r *batchRun) write(ctx context.Context, f *resultsFile, items []steward.BatchItem) (int64, error) {
	if f == nil {
		return 0, nil
	}
	had, err := f.has(items)
	if err != nil {
		return 0, err
	}
	if items = items[had:]; len(items) == 0 {
		return 0, nil
	}
	ids := make([]steward.JobID, len(items))
	for i := range items {
		ids[i] = items[i].JobID
	}
	var results []client.JobResult
	err = r.bear(ctx, func() (err error) {
		results, err = r.c.JobResults(ctx, ids)
		return err
	})
	if err != nil {
		return 0, err
	}
	before := f.size
	for i := range items {
		if err := f.add(r.rowOf(&items[i], &results[i])); err != nil {
			return 0, err
		}
	}
	return f.size - before, nil
}

// resultsFile is a results file on its way: FILE.part, which becomes FILE when it is complete. One that an interrupted command left
// is taken up again as far as its lines are those of the batch.
type resultsFile struct {
	path string
	file *os.File
	out  *bufio.Writer
	size int64         // bytes that stand
	old  *bufio.Reader // lines of an earlier command that were not compared yet; nil when there are none
	done bool
}

// openResults opens the file behind a path; nil when path is "". Errors: a file that another command is writing.
func openResults(path string) (*resultsFile, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.OpenFile(path+".part", os.O_CREATE|os.O_RDWR, 0o644) //nolint:gosec // a file of the caller's, read like others
	if err != nil {
		return nil, fmt.Errorf("write results: %w", err)
	}
	err = lockFile(file)
	if err == nil {
		err = inPlace(file)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write results: another command is writing %s.part: %w", path, err), file.Close())
	}
	return &resultsFile{path: path, file: file, out: bufio.NewWriterSize(nil, 64<<10), old: bufio.NewReaderSize(file, 64<<10)}, nil
}

// inPlace returns an error when a file is not at its place any more, as when a command that ended just now has given it another name.
func inPlace(file *os.File) error {
	own, err := file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(file.Name())
	if err == nil && !os.SameFile(own, there) {
		err = errors.New("there is another file in its place")
	}
	return err
}

// has returns for how many of the items the file has their lines already, from the first on. Behind the first line that is another one
// the file is cut.
func (f *resultsFile) has(items []steward.BatchItem) (n int, err error) {
	for f.old != nil && n < len(items) {
		line, err := f.old.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("read %s.part: %w", f.path, err)
		}
		var row resultRow
		it := &items[n]
		if err != nil || json.Unmarshal(line, &row) != nil || row.Index != it.Index || row.JobID != it.JobID || row.Status != it.Status.String() {
			return n, f.cut()
		}
		f.size += int64(len(line))
		n++
	}
	return n, nil
}

// cut drops what stands behind the lines that were found good, and makes the file ready for new ones.
func (f *resultsFile) cut() error {
	f.old = nil
	if err := f.file.Truncate(f.size); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if _, err := f.file.Seek(f.size, io.SeekStart); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	f.out.Reset(f.file)
	return nil
}

// add appends a line.
func (f *resultsFile) add(row *resultRow) error {
	if f.old != nil {
		if err := f.cut(); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(row); err != nil {
		return fmt.Errorf("encode results: %w", err)
	}
	n, err := f.out.Write(b.Bytes())
	f.size += int64(n)
	return err
}

// finish gives the complete file its name, in one step.
func (f *resultsFile) finish() error {
	if f == nil {
		return nil
	}
	if f.old != nil {
		if err := f.cut(); err != nil {
			return err
		}
	}
	if err := errors.Join(f.out.Flush(), f.file.Sync()); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	f.done = true
	if err := os.Rename(f.path+".part", f.path); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

// close ends the writing; what is there of an incomplete file is kept.
func (f *resultsFile) close() error {
	if f == nil {
		return nil
	}
	var err error
	if !f.done && f.old == nil {
		err = f.out.Flush()
	}
	return errors.Join(err, f.file.Close())
}
