package safehttp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/stewardhq/steward"
)

func blocked(format string, args ...any) error {
	return &steward.Failure{Code: steward.FailFetchBlocked, Message: fmt.Sprintf(format, args...)}
}

func notPublic(host string) error {
	return blocked("The host %.100s is not on the public internet.", host)
}

func tooLarge(limit int64) error { return blocked("The answer is larger than %d bytes.", limit) }

// failure turns what net/http reports into a Failure, or into the cause of the caller's context.
func failure(ctx context.Context, err error) error {
	var f *steward.Failure
	if errors.As(err, &f) {
		return f
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errOutOfTime) {
		return fmt.Errorf("fetch: %w", cause)
	}
	f = &steward.Failure{Code: steward.FailFetchTimeout, Transient: true, Err: withoutURL(err)}
	var (
		timeout   interface{ Timeout() bool }
		dns       *net.DNSError
		untrusted *tls.CertificateVerificationError
	)
	switch {
	case errors.Is(context.Cause(ctx), errOutOfTime), errors.As(err, &timeout) && timeout.Timeout():
		f.Message = "The host did not answer in time."
	case errors.As(err, &dns) && dns.IsNotFound:
		f.Transient, f.Message = false, "The host of the URL does not exist."
	case errors.As(err, &untrusted), errors.Is(err, http.ErrSchemeMismatch):
		f.Code, f.Transient, f.Message = steward.FailFetchBlocked, false, "The host has no valid certificate."
	default:
		f.Message = "The host cannot be reached."
	}
	return f
}

// withoutURL drops the layer of err that repeats the whole URL.
func withoutURL(err error) error {
	var layer interface {
		error
		Unwrap() error
		Timeout() bool
		Temporary() bool
	}
	if errors.As(err, &layer) {
		if inner := layer.Unwrap(); inner != nil {
			return inner
		}
	}
	return err
}

// body is an answer's body under the client's limits.
type body struct {
	io.ReadCloser
	ctx    context.Context // the request's, which a body never outlives
	cancel context.CancelFunc
	left   int64 // bytes that may still come
	limit  int64
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more than allowed tells the end from the excess
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		n = int(b.left)
		err = tooLarge(b.limit)
	}
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = failure(b.ctx, err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.cancel()
	return b.ReadCloser.Close()
}
