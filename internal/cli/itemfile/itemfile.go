// Package itemfile reads the items of a batch from a file of JSON lines, a CSV file or a folder of files.
//
// A source is read twice: Open checks all of it and sums it up, so that faults are known before anything is sent and the same
// items are known again; Items then reads them one by one. Memory does not grow with the size of items, only by some bytes for
// each of them.
package itemfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Item is one item of a batch: the inputs of one run.
type Item struct {
	Index  int64          // from 0, without gaps
	Inputs map[string]any // by input key: json.RawMessage from JSON lines, string from CSV; nil for a file of a folder
	Path   string         // where the file of a folder is; "" otherwise
	Hash   string         // SHA-256 of that file, lower-case hex
	Size   int64          // bytes of the item as it stands in the source
}

// Fault is a line, a record or a file that is no item.
type Fault struct {
	Line    int64 // from 1; 0 when it is about a file of a folder
	Message string
}

// Options say how a source is read. The zero value is fine.
type Options struct {
	OnRead func(n int64) // told how many more bytes were read while a source is checked; may be nil
}

// Source is a checked source of items. Its methods may be called concurrently; it must be closed.
type Source struct {
	path   string
	form   form
	sum    string
	count  int64
	faults []Fault
	more   int64 // faults that are not listed
	places places
	file   *os.File // nil for a folder
	stat   fs.FileInfo
}

// form is what differs between the kinds of sources.
type form interface {
	// check reads all of the source.
	check(ctx context.Context, s *Source, o Options) error
	// items yields the items from an index on, until yield returns false.
	items(s *Source, from int64, yield func(Item) bool) error
}

// mostFaults is how many faults are listed; what is beyond is counted.
const mostFaults = 20

// ErrChanged is the error of a source that is not any more what Open has checked.
var ErrChanged = errors.New("the source was changed while it was read")

// Open checks a source: a folder, or a file whose name ends in .jsonl, .ndjson, .csv or .tsv. Lines that are no items are no
// error, but faults that the caller asks for.
//
// Errors: a source that cannot be read, has another name or holds no items; a CSV file whose header is wrong; the end of ctx.
func Open(ctx context.Context, path string, o Options) (*Source, error) {
	if o.OnRead == nil {
		o.OnRead = func(int64) {}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	s := &Source{path: path, stat: info}
	if s.form, err = formOf(path, info); err != nil {
		return nil, err
	}
	if !info.IsDir() {
		if s.file, err = os.Open(path); err != nil { //nolint:gosec // the caller names the file
			return nil, err
		}
		if s.stat, err = s.file.Stat(); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if err := s.form.check(ctx, s, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.count == 0 && len(s.faults) == 0 {
		return nil, errors.Join(fmt.Errorf("%s holds no items", path), s.Close())
	}
	return s, s.unchanged()
}

func formOf(path string, info fs.FileInfo) (form, error) {
	if info.IsDir() {
		return &folder{}, nil
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file: a batch is read twice", path)
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".jsonl", ".ndjson":
		return jsonLines{}, nil
	case ".csv", ".tsv":
		return &records{}, nil
	}
	return nil, fmt.Errorf("%s is neither a folder nor named .jsonl, .ndjson, .csv or .tsv", path)
}

// Close ends the use of the source.
func (s *Source) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// Count returns how many items there are, without faults.
func (s *Source) Count() int64 { return s.count }

// Sum returns a hash of everything that the items are made of, as lower-case hex. A folder's is over the names, sizes and hashes
// of its files, a file's over its bytes; where they lie does not count.
func (s *Source) Sum() string { return s.sum }

// Faults returns what is no item, at most 20, and how many there are.
func (s *Source) Faults() (first []Fault, all int64) {
	return s.faults, int64(len(s.faults)) + s.more
}

// IsFolder reports whether the items are files.
func (s *Source) IsFolder() bool { return s.file == nil }

// Place says where an item stands: the line of a file where it begins, from 1, or the name of a file below the folder with '/'
// between its parts.
func (s *Source) Place(index int64) (line int64, name string) { return s.places.of(index) }

// Items yields the items from an index on. It ends after its first error, and starts over on every range. Only one range of
// a source may be going on.
//
// Errors: ErrChanged; faults of the disk.
func (s *Source) Items(from int64) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		if err := s.unchanged(); err != nil {
			yield(Item{}, err)
			return
		}
		stopped := false
		err := s.form.items(s, from, func(it Item) bool {
			stopped = !yield(it, nil)
			return !stopped
		})
		if err == nil {
			err = s.unchanged()
		}
		if err != nil && !stopped {
			yield(Item{}, err)
		}
	}
}

// unchanged compares the file with what it was when it was checked.
func (s *Source) unchanged() error {
	if s.file == nil {
		return nil
	}
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	if !sameState(info, s.stat) {
		return fmt.Errorf("%s: %w", s.path, ErrChanged)
	}
	return nil
}

func sameState(a, b fs.FileInfo) bool { return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) }

// fault notes what is no item.
func (s *Source) fault(line int64, format string, args ...any) {
	if len(s.faults) == mostFaults {
		s.more++
		return
	}
	s.faults = append(s.faults, Fault{line, fmt.Sprintf(format, args...)})
}

// places remembers where items stand.
type places struct {
	lines []uint32
	names []entry
}

// entry is a file of a folder.
type entry struct {
	name    string
	size    int64
	changed time.Time
	hash    string
}

func (p *places) of(index int64) (line int64, name string) {
	switch {
	case index < 0:
	case index < int64(len(p.lines)):
		return int64(p.lines[index]), ""
	case index < int64(len(p.names)):
		return 0, p.names[index].name
	}
	return 0, ""
}

// counted is a reader that tells how much was read, and stops when the context ends.
type counted struct {
	ctx  context.Context // of one call
	r    io.Reader
	tell func(int64)
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.r.Read(p)
	c.tell(int64(n))
	return n, err
}
