package document

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document/ocr"
)

// Options tunes a Reader. The zero value is ready to use.
type Options struct {
	CacheDir       string        // folder for the engine's compiled form, made when missing; "" compiles anew at every start
	Instances      int           // PDFs open at once; 0 means 2, at most 64
	RecycleAfter   int           // documents an instance reads before it is replaced; 0 means 32
	MaxPages       int           // pages read, and pages drawn, of one open PDF; 0 means 5000
	MaxTime        time.Duration // time inside the engine for one open PDF, beyond 0.1 s a page read and 0.5 s a page drawn; 0 means 2 minutes
	MaxMemoryBytes int64         // memory of one instance; 0 means 512 MiB, at most 4 GiB
	IdleAfter      time.Duration // an engine unused for so long is dropped; 0 means 2 minutes, below 0 means never
	OCR            *ocr.Engine   // reads pictures; nil means that they are not read
	Logger         *slog.Logger  // nil means slog.Default()
}

// withDefaults returns the options with every zero filled and every value in range.
func (o Options) withDefaults() Options {
	if o.Instances <= 0 {
		o.Instances = 2
	}
	o.Instances = min(o.Instances, 64)
	if o.RecycleAfter <= 0 {
		o.RecycleAfter = 32
	}
	if o.MaxPages <= 0 {
		o.MaxPages = 5000
	}
	if o.MaxTime <= 0 {
		o.MaxTime = 2 * time.Minute
	}
	if o.MaxMemoryBytes <= 0 {
		o.MaxMemoryBytes = 512 << 20
	}
	o.MaxMemoryBytes = min(o.MaxMemoryBytes, 4<<30)
	if o.IdleAfter == 0 {
		o.IdleAfter = 2 * time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Reader opens documents.
type Reader struct {
	opts Options
	pool *pool

	decoding *semaphore.Weighted // memory of pictures that are being decoded
	scans    *semaphore.Weighted // pages drawn for OCR whose documents were let go
}

// Open makes a Reader. It does no work: the engine starts with the first PDF.
func Open(opts Options) *Reader {
	opts = opts.withDefaults()
	return &Reader{opts: opts, pool: newPool(opts), decoding: semaphore.NewWeighted(decodeBytes), scans: semaphore.NewWeighted(int64(2 * opts.Instances))}
}

// Close waits until every open PDF is closed and ends the engine. Closing twice is fine; opening after it fails.
func (r *Reader) Close() error { return r.pool.close() }

// headerWindow is how far into a file the mark of a PDF may stand.
const headerWindow = 1024

// Open reads the structure of a PDF of size bytes from src. It waits while all instances are in use. The name appears in
// failures. src is used until the PDF is closed; src is not closed.
//
// Errors: *steward.Failure with FailUnsupportedFile for what is not a PDF, is broken or has no pages, FailFileEncrypted
// when password does not open it, FailTimeout when it takes too long; ctx's error.
func (r *Reader) Open(ctx context.Context, name string, src io.ReadSeeker, size int64, password string) (*PDF, error) {
	if err := checkHeader(name, src, size); err != nil {
		return nil, err
	}
	inst, err := r.pool.take(ctx)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	p := &PDF{name: name, reader: r, inst: inst, left: r.opts.MaxTime, source: newSource(src, size)}
	if err := p.open(ctx, size, password); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// checkHeader refuses what is not a PDF before any engine is started for it.
func checkHeader(name string, src io.ReadSeeker, size int64) error {
	if size <= 0 {
		return unsupported(nil, "%s is empty.", name)
	}
	if size > math.MaxInt32 {
		return unsupported(nil, "%s is larger than 2 GiB.", name)
	}
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	head := make([]byte, min(size, headerWindow))
	if _, err := io.ReadFull(src, head); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if !bytes.Contains(head, []byte("%PDF-")) {
		return unsupported(nil, "%s is not a PDF.", name)
	}
	return nil
}

// unsupported is the failure of a file that cannot be read, whoever tries.
func unsupported(cause error, format string, args ...any) *steward.Failure {
	return &steward.Failure{Code: steward.FailUnsupportedFile, Message: fmt.Sprintf(format, args...), Err: cause}
}
