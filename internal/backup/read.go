package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Errors of reading a backup.
var (
	// ErrUnfinished says that a backup has no manifest: it was interrupted, or its end was cut off.
	ErrUnfinished = errors.New("the backup is not whole: it has no manifest at its end")
	// ErrNoBackup says that something is no backup, or holds what no backup holds.
	ErrNoBackup = errors.New("this is not a backup of Steward")
	// ErrNotEqual says that something in a backup is not what its sums or its manifest say.
	ErrNotEqual = errors.New("the backup is damaged")
)

// entry is something in a backup.
type entry struct {
	name string
	size int64
	r    io.Reader
}

// source is a backup that is being read.
type source interface {
	// each calls fn with everything in the order in which it is to be read: header, all else, sums, manifest.
	each(ctx context.Context, fn func(entry) error) error
	// grow says how many bytes there may be from now on.
	grow(limit int64)
	close() error
}

// openSource opens a folder or a file by what it is, whatever it is called.
func openSource(path string) (source, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open backup: %w", err)
	}
	if st.IsDir() {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, fmt.Errorf("open backup: %w", err)
		}
		return &folderSource{root: root}, nil
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: it is neither a folder nor a file", ErrNoBackup)
	}
	f, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, fmt.Errorf("open backup: %w", err)
	}
	s := &tarSource{file: f}
	if err := s.unpack(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// folderSource reads a folder. Links that lead out of it are not followed, others are refused.
type folderSource struct{ root *os.Root }

func (s *folderSource) grow(int64) {}

func (s *folderSource) close() error { return s.root.Close() }

func (s *folderSource) each(ctx context.Context, fn func(entry) error) error {
	var middle []string
	here := map[string]bool{}
	err := fs.WalkDir(s.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case e.IsDir():
			return nil
		case !e.Type().IsRegular():
			return fmt.Errorf("%w: %q in it is not a file", ErrNoBackup, name)
		case len(middle) > maxEntries:
			return fmt.Errorf("%w: there is too much in it", ErrNoBackup)
		case name == headerName || name == sumsName || name == manifestName:
			here[name] = true
		default:
			middle = append(middle, name)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read backup: %w", err)
	}
	names := slices.Concat([]string{headerName}, middle, []string{sumsName, manifestName})
	for _, name := range names {
		if (name == headerName || name == sumsName || name == manifestName) && !here[name] {
			continue // whoever reads notices
		}
		if err := s.one(name, fn); err != nil {
			return err
		}
	}
	return nil
}

func (s *folderSource) one(name string, fn func(entry) error) error {
	f, err := s.root.Open(filepath.FromSlash(name))
	if err != nil {
		return fmt.Errorf("read backup: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read backup: %w", err)
	}
	return fn(entry{name, st.Size(), f})
}

// tarSource reads an archive, packed or not.
type tarSource struct {
	file  *os.File
	zstd  *zstd.Decoder
	limit *limitedReader
}

// firstBytes is how much of an archive is unpacked before its header has been read.
const firstBytes = 4 << 20

// maxWindow is the most memory that a packed archive may ask for.
const maxWindow = 64 << 20

func (s *tarSource) unpack() error {
	head := make([]byte, 4)
	n, err := io.ReadFull(s.file, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read backup: %w", err)
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read backup: %w", err)
	}
	var r io.Reader = bufio.NewReaderSize(s.file, 1<<20)
	switch head = head[:n]; {
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		s.zstd, err = zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		r = s.zstd
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		r, err = gzip.NewReader(r)
	default:
		err = nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoBackup, err)
	}
	s.limit = &limitedReader{r: r, left: firstBytes}
	return nil
}

func (s *tarSource) grow(limit int64) { s.limit.left = limit }

func (s *tarSource) close() error {
	if s.zstd != nil {
		s.zstd.Close()
	}
	return s.file.Close()
}

func (s *tarSource) each(ctx context.Context, fn func(entry) error) error {
	s.limit.ctx = ctx
	t := tar.NewReader(s.limit)
	for first := true; ; first = false {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			// What stands behind the end of the archive is unpacked as well: its sum, and nothing else.
			n, err := io.Copy(io.Discard, s.limit)
			if err != nil {
				return readError(err)
			}
			if n > firstBytes {
				return fmt.Errorf("%w: there is something behind its end", ErrNoBackup)
			}
			return nil
		case err != nil && first && !errors.Is(err, errTooLarge) && ctx.Err() == nil:
			return fmt.Errorf("%w: %w", ErrNoBackup, err)
		case err != nil:
			return readError(err)
		case h.Typeflag != tar.TypeReg:
			return fmt.Errorf("%w: %q in it is not a file", ErrNoBackup, h.Name)
		}
		if err := fn(entry{h.Name, h.Size, t}); err != nil {
			return err
		}
	}
}

// readError tells an archive that ends too early from one that cannot be read.
func readError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", ErrUnfinished, err)
	}
	for _, e := range []error{errTooLarge, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, e) {
			return fmt.Errorf("read backup: %w", err)
		}
	}
	return fmt.Errorf("%w: %w", ErrNotEqual, err)
}

// errTooLarge says that an archive has more in it than it may.
var errTooLarge = errors.New("there is more in the backup than its header says")

// limitedReader fails when there is more than there may be.
type limitedReader struct {
	ctx  context.Context //nolint:containedctx // it lives for one reading
	r    io.Reader
	left int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.ctx != nil && l.ctx.Err() != nil {
		return 0, context.Cause(l.ctx)
	}
	if l.left <= 0 {
		return 0, errTooLarge
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// got is what is known of something that was read.
type got struct {
	size   int64
	odd    bool // its bytes are not those that its name says
	listed bool // the sums have it
}

// contents is what has been read of a backup.
type contents struct {
	header   header
	manifest *Manifest
	blobs    map[sum]*got
	others   map[string]sum // by name: all but blobs
	sizes    map[string]int64
	sumsSHA  string
	listed   int64
	bytes    int64
	sha      string // of the manifest
	problems []string
}

// sink takes what is read. It need not read all.
type sink func(name string, size int64, r io.Reader) error

// reader reads a backup once, from its first byte to its last.
type reader struct {
	contents
	src      source
	sink     sink
	most     int64 // bytes that there may be; 0 means no limit
	progress Progress
	done     int64
	buf      []byte
}

// read reads all of a backup, hands everything but header, sums and manifest to sink, and compares it with its sums and its
// manifest. What is wrong with single files is told in problems; an error means that it is no whole backup.
func read(ctx context.Context, src source, most int64, progress Progress, sink sink) (*contents, error) {
	r := &reader{
		contents: contents{blobs: map[sum]*got{}, others: map[string]sum{}, sizes: map[string]int64{}},
		src:      src, sink: sink, most: most, progress: progress, buf: make([]byte, bufferSize),
	}
	if err := src.each(ctx, func(e entry) error { return r.entry(ctx, e) }); err != nil {
		return nil, err
	}
	switch {
	case r.header.Format == "":
		return nil, fmt.Errorf("%w: there is nothing in it", ErrNoBackup)
	case r.manifest == nil:
		return nil, ErrUnfinished
	}
	return &r.contents, r.compare()
}

func (r *reader) entry(ctx context.Context, e entry) error {
	limit, known := sizeLimit(e.name, r.header.Bytes)
	_, again := r.sizes[e.name]
	switch {
	case r.header.Format == "" && e.name != headerName:
		return fmt.Errorf("%w: it does not begin with its header", ErrNoBackup)
	case !known:
		return fmt.Errorf("%w: no backup has %q in it", ErrNoBackup, e.name)
	case r.manifest != nil:
		return fmt.Errorf("%w: there is something behind its manifest", ErrNoBackup)
	case r.sumsSHA != "" && e.name != manifestName:
		return fmt.Errorf("%w: there is something behind its sums", ErrNoBackup)
	case again:
		return fmt.Errorf("%w: it has %q twice", ErrNoBackup, e.name)
	case e.size < 0 || e.size > limit:
		return fmt.Errorf("%w: %q in it is too large", ErrNoBackup, e.name)
	case int64(len(r.blobs)+len(r.sizes)) > r.header.Entries && e.name != headerName:
		return fmt.Errorf("%w: there is more in it than its header says", ErrNoBackup)
	}
	if r.bytes += e.size; e.name != headerName && r.bytes > r.header.Bytes {
		return fmt.Errorf("%w: it is larger than its header says", ErrNoBackup)
	}
	switch e.name {
	case headerName:
		return r.readHeader(e)
	case sumsName:
		return r.readSums(e)
	case manifestName:
		return r.readManifest(e)
	}
	return r.readFile(ctx, e)
}

// readFile hands a file to the sink, and notes its sum.
func (r *reader) readFile(ctx context.Context, e entry) error {
	hash := sha256.New()
	m := &meter{ctx: ctx, r: io.TeeReader(e.r, hash), tell: func(n int) {
		r.done += int64(n)
		r.progress("reading the backup", r.done, r.header.Bytes)
	}}
	if err := r.sink(e.name, e.size, m); err != nil {
		return err
	}
	if _, err := io.CopyBuffer(io.Discard, plainReader{m}, r.buf); err != nil {
		return readError(err)
	}
	var s sum
	hash.Sum(s[:0])
	sha := blobOf(e.name)
	if sha == "" {
		r.others[e.name], r.sizes[e.name] = s, e.size
		return nil
	}
	name, _ := parseSum(sha) // it is one: blobOf says so
	if r.blobs[name] != nil {
		return fmt.Errorf("%w: it has %q twice", ErrNoBackup, e.name)
	}
	r.blobs[name] = &got{size: e.size, odd: s != name}
	if s != name {
		r.others[e.name] = s
	}
	return nil
}

// plainReader hides methods that would take the copy out of the hands of the buffer.
type plainReader struct{ io.Reader }

func (r *reader) readHeader(e entry) error {
	text, err := io.ReadAll(e.r)
	if err != nil {
		return readError(err)
	}
	if err := json.Unmarshal(text, &r.header); err != nil || r.header.Format != format {
		return fmt.Errorf("%w: its header cannot be read", ErrNoBackup)
	}
	h := &r.header
	switch {
	case h.FormatVersion != formatVersion:
		return fmt.Errorf("the backup has form %d, this program knows %d: use a newer program", h.FormatVersion, formatVersion)
	case h.Entries < 0 || h.Entries > maxEntries || h.Bytes < 0 || h.Bytes > 1<<56:
		return fmt.Errorf("%w: its header says impossible numbers", ErrNoBackup)
	case r.most > 0 && h.Bytes > r.most:
		return fmt.Errorf("the backup says that it has %d bytes, and there is room for %d", h.Bytes, r.most)
	}
	r.others[e.name], r.sizes[e.name] = sha256.Sum256(text), e.size
	r.src.grow(h.Bytes + (h.Entries+1)*4096 + firstBytes)
	return nil
}

// readSums compares the list of sums with what was read.
func (r *reader) readSums(e entry) error {
	hash := sha256.New()
	lines := bufio.NewScanner(io.TeeReader(e.r, hash))
	lines.Buffer(make([]byte, 4096), 4096)
	seen := map[string]bool{}
	for lines.Scan() {
		text, name, ok := strings.Cut(lines.Text(), "  ")
		want, valid := parseSum(text)
		if !ok || !valid {
			return fmt.Errorf("%w: its list of sums cannot be read", ErrNotEqual)
		}
		r.listed++
		if err := r.compareSum(name, want, seen); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return readError(err)
	}
	r.sumsSHA, r.sizes[e.name] = hex.EncodeToString(hash.Sum(nil)), e.size
	for name := range r.others {
		if !seen[name] && blobOf(name) == "" {
			return fmt.Errorf("%w: %q is not in its list of sums", ErrNotEqual, name)
		}
	}
	for s, g := range r.blobs {
		if !g.listed {
			return fmt.Errorf("%w: the file %x is not in its list of sums", ErrNotEqual, s)
		}
	}
	return nil
}

func (r *reader) compareSum(name string, want sum, seen map[string]bool) error {
	actual, other := r.others[name]
	sha := blobOf(name)
	switch {
	case sha != "":
		s, _ := parseSum(sha) // it is one: blobOf says so
		g := r.blobs[s]
		if g == nil {
			r.problem("The file %s is missing.", sha)
			return nil
		}
		if g.listed {
			return fmt.Errorf("%w: its list of sums has %q twice", ErrNotEqual, name)
		}
		g.listed = true
		if !other {
			actual = s
		}
	case !other:
		r.problem("%s is missing.", name)
		return nil
	case seen[name]:
		return fmt.Errorf("%w: its list of sums has %q twice", ErrNotEqual, name)
	default:
		seen[name] = true
	}
	if actual != want {
		r.problem("%s has other bytes than when the backup was made.", name)
	}
	return nil
}

// mostProblems is how many problems of a backup are told.
const mostProblems = 1000

func (r *reader) problem(format string, args ...any) {
	if len(r.problems) < mostProblems {
		r.problems = append(r.problems, fmt.Sprintf(format, args...))
	}
}

func (r *reader) readManifest(e entry) error {
	if r.sumsSHA == "" {
		return fmt.Errorf("%w: it has no list of sums", ErrNoBackup)
	}
	text, err := io.ReadAll(e.r)
	if err != nil {
		return readError(err)
	}
	m := new(Manifest)
	if err := json.Unmarshal(text, m); err != nil || m.Format != format || m.FormatVersion != formatVersion {
		return fmt.Errorf("%w: its manifest cannot be read", ErrNotEqual)
	}
	s := sha256.Sum256(text)
	r.manifest, r.sha = m, hex.EncodeToString(s[:])
	return nil
}

// compare compares what was read with the manifest.
func (r *reader) compare() error {
	m := r.manifest
	var files Files
	for _, g := range r.blobs {
		files.Count++
		files.Bytes += g.size
	}
	switch {
	case m.SumsSHA256 != r.sumsSHA:
		return fmt.Errorf("%w: its list of sums is not the one that its manifest vouches for", ErrNotEqual)
	case m.Entries+1 != r.listed:
		return fmt.Errorf("%w: its list of sums has %d lines instead of %d", ErrNotEqual, r.listed, m.Entries+1)
	case m.Database.Included && m.Database.SHA256 != hexOf(r.others[databaseName]):
		r.problem("The database is not the one that the manifest vouches for.")
	case len(r.problems) == 0 && m.Files != files:
		return fmt.Errorf("%w: it has %d files of %d bytes, its manifest says %d of %d", ErrNotEqual, files.Count, files.Bytes, m.Files.Count, m.Files.Bytes)
	}
	return nil
}

func hexOf(s sum) string { return hex.EncodeToString(s[:]) }
