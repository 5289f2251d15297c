package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	gocloud "gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/stewardhq/steward"
)

// Uploads go up in parts, a few at a time: a driver holds partSize × partsAtOnce bytes of each.
const (
	partSize    = 5 << 20 // the smallest part that S3 takes
	partsAtOnce = 2
)

// remote is a place in a bucket of gocloud.dev/blob. Names are those of a local folder.
type remote struct {
	bucket *gocloud.Bucket
}

func (p *remote) put(ctx context.Context, sha string, size int64, tmp *os.File) (moved bool, err error) {
	attrs, err := p.bucket.Attributes(ctx, pathOf(sha))
	if err == nil && attrs.Size == size {
		return false, nil
	}
	if err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return false, remoteError(ctx, "look for blob", err)
	}
	// The section hides the file's own methods, so that the copy goes through a small buffer on every driver.
	if err := p.upload(ctx, pathOf(sha), io.NewSectionReader(tmp, 0, size)); err != nil {
		return false, remoteError(ctx, "upload blob", err)
	}
	return false, nil
}

func (p *remote) upload(ctx context.Context, name string, r io.Reader) error {
	// Ending the context before closing the writer is how an upload is given up; a part of it is never seen.
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	w, err := p.bucket.NewWriter(ctx, name, &gocloud.WriterOptions{
		ContentType: "application/octet-stream", BufferSize: partSize, MaxConcurrency: partsAtOnce,
	})
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		giveUp()
		return errors.Join(err, w.Close())
	}
	return w.Close()
}

func (p *remote) open(ctx context.Context, sha string) (io.ReadSeekCloser, error) {
	r, err := p.bucket.NewReader(ctx, pathOf(sha), nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, notFound(err)
	}
	if err != nil {
		return nil, remoteError(ctx, "open blob", err)
	}
	return newChecking(r, sha, r.Size()), nil
}

// read returns the stored bytes as they are, for those who look whether they are right.
func (p *remote) read(ctx context.Context, sha string) (io.ReadCloser, error) {
	r, err := p.bucket.NewReader(ctx, pathOf(sha), nil)
	switch {
	case gcerrors.Code(err) == gcerrors.NotFound:
		return nil, notFound(err)
	case err != nil:
		return nil, remoteError(ctx, "open blob", err)
	}
	return r, nil
}

func (p *remote) remove(ctx context.Context, sha string) error {
	err := p.bucket.Delete(ctx, pathOf(sha))
	if err == nil || gcerrors.Code(err) == gcerrors.NotFound {
		return nil
	}
	return remoteError(ctx, "delete blob", err)
}

func (p *remote) exists(ctx context.Context, sha string) (bool, error) {
	ok, err := p.bucket.Exists(ctx, pathOf(sha))
	if err != nil {
		return false, remoteError(ctx, "look for blob", err)
	}
	return ok, nil
}

func (p *remote) close() error { return p.bucket.Close() }

// remoteError names the operation. What a bucket refuses for now may pass; what it refuses for good is the operator's to see.
func remoteError(ctx context.Context, op string, err error) error {
	err = fmt.Errorf("%s: %w", op, err)
	if ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	switch gcerrors.Code(err) {
	case gcerrors.PermissionDenied, gcerrors.InvalidArgument, gcerrors.Unimplemented, gcerrors.FailedPrecondition, gcerrors.NotFound:
		return err
	default:
		return &steward.Error{Code: steward.Unavailable, Message: "The blob store does not answer.", Err: err}
	}
}

// tidy implements place. Nobody can hold a remote bucket.
func (p *remote) tidy() error { return nil }
