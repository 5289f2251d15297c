// Package files takes uploads and fetched URLs in, keeps them as long as somebody refers to them, and removes them afterwards.
//
// What is known about a file is in the store, its bytes are in the blob store under their hash. The two are kept in step by one
// protocol, in whatever process the parts of it run:
//
//	in:   stage the bytes → reserve (record with a reference) → commit the bytes → settle
//	out:  release the reference (marks blobs that nobody refers to as dying) → delete the bytes → forget
//
// A crash at any point leaves either a file that is whole or something that the sweeper of Run removes: an upload reference
// lasts an hour unless a job takes it over. Memory is constant whatever a file's size.
package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/blob"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/disk"
	"github.com/stewardhq/steward/internal/safehttp"
	"github.com/stewardhq/steward/internal/store"
)

// MaxFileBytes is the largest file that is taken in, by upload or by URL.
const MaxFileBytes = 100 << 20

// Options tunes a Service. The zero value is ready to use.
type Options struct {
	UploadTTL  time.Duration // how long an upload waits for a job to take it; 0 means 1 h
	SweepEvery time.Duration // wait between two sweeps of Run; 0 means 10 min
	Clock      clock.Clock   // nil means clock.System
	Logger     *slog.Logger  // nil means slog.Default()
	Disk       *disk.Guard   // asked before uploads are taken; nil takes all
}

// Service is the files of all organizations. Safe for concurrent use.
type Service struct {
	store  Store
	bucket *blob.Bucket
	web    *safehttp.Client
	opts   Options
}

// New returns a service over a store, a bucket and a guarded client for URLs. nil opts is fine.
func New(st Store, bucket *blob.Bucket, web *safehttp.Client, opts *Options) *Service {
	s := &Service{store: st, bucket: bucket, web: web}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.UploadTTL == 0 {
		s.opts.UploadTTL = time.Hour
	}
	if s.opts.SweepEvery == 0 {
		s.opts.SweepEvery = 10 * time.Minute
	}
	if s.opts.Clock == nil {
		s.opts.Clock = clock.System{}
	}
	if s.opts.Logger == nil {
		s.opts.Logger = slog.Default()
	}
	return s
}

// Upload takes r to its end and stores it as a file of the caller's organization. name is cleaned (see CleanName); declaredType only
// decides between kinds of text that look alike. The file is dropped after an hour unless a job takes it. Nothing stays behind
// when Upload fails.
//
// Errors: Unauthenticated, Denied without ScopeRun; TooLarge over MaxFileBytes; Unavailable (safe to retry); r's error, wrapped.
func (s *Service) Upload(ctx context.Context, name, declaredType string, r io.Reader) (steward.File, error) {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return steward.File{}, err
	}
	return s.upload(ctx, p.OrganizationID, incoming{name: name, declaredType: declaredType, body: r})
}

// incoming is a file on its way in.
type incoming struct {
	name, declaredType, sourceURL string
	body                          io.Reader
}

// stage receives the bytes and finds out what they are.
func (s *Service) stage(ctx context.Context, in incoming) (*blob.Staged, steward.File, error) {
	staged, err := s.bucket.Stage(ctx, in.body, MaxFileBytes)
	if err != nil {
		return nil, steward.File{}, err
	}
	name := CleanName(in.name)
	return staged, steward.File{
		Name: name, ContentType: sniff(name, in.declaredType, staged), SizeBytes: staged.Size(), SHA256: staged.SHA256(), SourceURL: in.sourceURL,
	}, nil
}

// upload stores a file under an upload reference of org.
func (s *Service) upload(ctx context.Context, org steward.OrganizationID, in incoming) (steward.File, error) {
	if s.opts.Disk != nil {
		if err := s.opts.Disk.TakesWork(); err != nil {
			return steward.File{}, err
		}
	}
	staged, f, err := s.stage(ctx, in)
	if err != nil {
		return steward.File{}, err
	}
	defer staged.Discard()
	id, err := uuid.NewV7()
	if err != nil {
		return steward.File{}, fmt.Errorf("new file id: %w", err)
	}
	f.ID = steward.FileID(id.String())
	tries := 0
	err = s.place(ctx, staged, func() (bool, error) {
		tries++
		now := s.opts.Clock.Now()
		known, err := s.store.Reserve(ctx, store.FileRecord{File: f, OrganizationID: org, CreatedAt: now}, now.Add(s.opts.UploadTTL))
		if tries > 1 && steward.CodeOf(err) == steward.Conflict {
			return false, nil // the try before was carried out, and its answer was lost: nobody else has this id
		}
		return known, err
	})
	if err != nil {
		s.dropFailed(ctx, f.ID)
		return steward.File{}, fmt.Errorf("store file: %w", err)
	}
	return f, nil
}

// dropFailed takes back the reservation of an upload that failed, which may or may not have been recorded.
func (s *Service) dropFailed(ctx context.Context, id steward.FileID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := s.release(ctx, []steward.FileID{id}); err != nil {
		s.opts.Logger.WarnContext(ctx, "failed upload left to the sweeper", slog.Any("error", err), slog.String("file_id", string(id)))
	}
}

// place records staged content by reserve and puts its bytes in place.
func (s *Service) place(ctx context.Context, staged *blob.Staged, reserve func() (known bool, err error)) error {
	var known bool
	err := retry(ctx, func() (err error) {
		known, err = reserve()
		return err
	})
	if err != nil {
		return err
	}
	if known {
		// Bytes that went missing or bad behind our back are put in place again.
		if ok, err := s.bucket.Sound(ctx, staged.SHA256()); err == nil && ok {
			return nil
		}
	}
	if err := retry(ctx, func() error { return staged.Commit(ctx) }); err != nil {
		return err
	}
	return retry(ctx, func() error { return s.store.Settle(ctx, staged.SHA256()) })
}

// SaveForJob stores what a running job saved: a reference's file, a long value. The job holds it from then on. Saving the same
// bytes again is harmless.
//
// Errors: Conflict when the lease is lost; TooLarge over MaxFileBytes; Unavailable (safe to retry); r's error, wrapped.
func (s *Service) SaveForJob(ctx context.Context, lease store.Lease, r io.Reader) (sha256 string, sizeBytes int64, err error) {
	staged, err := s.bucket.Stage(ctx, r, MaxFileBytes)
	if err != nil {
		return "", 0, err
	}
	defer staged.Discard()
	if err := s.placeForJob(ctx, lease, staged); err != nil {
		return "", 0, err
	}
	return staged.SHA256(), staged.Size(), nil
}

func (s *Service) placeForJob(ctx context.Context, lease store.Lease, staged *blob.Staged) error {
	err := s.place(ctx, staged, func() (bool, error) {
		return s.store.RefJob(ctx, lease, staged.SHA256(), staged.Size())
	})
	if err != nil {
		return fmt.Errorf("store file of a job: %w", err)
	}
	return nil
}

// HoldForJob makes a running job hold a stored file, so that it stays as long as the job.
//
// Errors: Conflict when the lease is lost; NotFound when the file's bytes are gone; Unavailable (safe to retry).
func (s *Service) HoldForJob(ctx context.Context, lease store.Lease, f steward.File) error {
	var known bool
	err := retry(ctx, func() (err error) {
		known, err = s.store.RefJob(ctx, lease, f.SHA256, f.SizeBytes)
		return err
	})
	if err != nil {
		return fmt.Errorf("hold file of a job: %w", err)
	}
	if known {
		return nil
	}
	// Not settled: put in place by a process that died before it could say so, or gone.
	if there, err := s.bucket.Exists(ctx, f.SHA256); err != nil || !there {
		return errors.Join(&steward.Error{Code: steward.NotFound, Message: "The file is not stored any more."}, err)
	}
	return retry(ctx, func() error { return s.store.Settle(ctx, f.SHA256) })
}

// Stored returns a file of an organization. Errors: NotFound.
func (s *Service) Stored(ctx context.Context, org steward.OrganizationID, id steward.FileID) (steward.File, error) {
	f, err := s.store.StoredFile(ctx, org, id)
	if err != nil {
		return steward.File{}, err
	}
	return *f, nil
}

// Open returns the content of f, found by its SHA256 alone, from the start. The caller closes it, and has checked before that the
// file, or the job that f comes from, is its organization's.
//
// Errors: NotFound when the content is gone.
func (s *Service) Open(ctx context.Context, f steward.File) (io.ReadSeekCloser, error) {
	return s.bucket.Open(ctx, f.SHA256)
}

// Release drops uploads of the caller's organization that no job took. Other ids are ignored. It does its work also when ctx has ended.
//
// Errors: Unauthenticated, Denied without ScopeRun. What cannot be dropped now is dropped when it expires.
func (s *Service) Release(ctx context.Context, ids ...steward.FileID) error {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	own := make([]steward.FileID, 0, len(ids))
	for _, id := range ids {
		switch _, err := s.store.StoredFile(ctx, p.OrganizationID, id); {
		case err == nil:
			own = append(own, id)
		case steward.CodeOf(err) != steward.NotFound:
			return fmt.Errorf("release files: %w", err)
		}
	}
	if len(own) == 0 {
		return nil
	}
	return s.release(ctx, own)
}

func (s *Service) release(ctx context.Context, ids []steward.FileID) error {
	dying, err := s.store.Release(ctx, ids, s.opts.Clock.Now())
	if err != nil {
		return fmt.Errorf("release files: %w", err)
	}
	return s.bury(ctx, dying)
}

const (
	// burialTime bounds the deletion of dying blobs: much shorter than the time after which the store hands them to another deleter.
	// One that was held up must not go on, as the same bytes may have been stored anew.
	burialTime = time.Minute
	// buriers is how many blobs are deleted at once; a remote bucket takes its time for each.
	buriers = 8
)

// bury deletes the bytes of dying blobs and forgets them. What it cannot delete stays dying for a later sweep.
func (s *Service) bury(ctx context.Context, dying []string) error {
	_, err := s.Bury(ctx, dying)
	return err
}

// deleteBytes deletes blobs until one fails or the time is up, and returns those that are gone.
func (s *Service) deleteBytes(ctx context.Context, shas []string) (gone []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, burialTime)
	defer cancel()
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex // guards next, gone and err
		next int
	)
	take := func() (sha string, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil || next == len(shas) {
			return "", false
		}
		next++
		return shas[next-1], true
	}
	for range min(buriers, len(shas)) {
		wg.Go(func() {
			for sha, ok := take(); ok; sha, ok = take() {
				derr := s.bucket.Delete(ctx, sha)
				mu.Lock()
				if derr == nil {
					gone = append(gone, sha)
				} else {
					err = errors.Join(err, derr)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return gone, err
}

// retryFor bounds how long calls are tried again: each of them may take seconds while the database is away.
const retryFor = 5 * time.Second

// retry calls fn until it does not answer Unavailable, for about three seconds.
func retry(ctx context.Context, fn func() error) error {
	began := time.Now()
	for wait := 20 * time.Millisecond; ; wait *= 2 {
		err := fn()
		if steward.CodeOf(err) != steward.Unavailable || wait > 2*time.Second || time.Since(began) > retryFor {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(min(wait, time.Second)):
		}
	}
}
