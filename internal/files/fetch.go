package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// FetchURL gets an http or https URL under the rules of package safehttp and stores it as Upload does.
//
// Errors: *steward.Failure for what the URL or its host is to blame for; Unauthenticated, Denied, Unavailable as Upload.
func (s *Service) FetchURL(ctx context.Context, url string) (steward.File, error) {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return steward.File{}, err
	}
	in, err := s.fetch(ctx, url)
	if err != nil {
		return steward.File{}, err
	}
	f, err := s.upload(ctx, p.OrganizationID, in.incoming)
	return f, in.end(err)
}

// FetchForJob gets a URL as a file that a running job holds. The file has no id of its own: it is opened by its hash. The download of a
// picture stops at maxPicture bytes, 0 meaning MaxFileBytes.
//
// Errors: *steward.Failure as FetchURL, FailUnsupportedFile for a picture that is too long; Conflict when the lease is lost; Unavailable.
func (s *Service) FetchForJob(ctx context.Context, lease store.Lease, url string, maxPicture int64) (steward.File, error) {
	in, err := s.fetch(ctx, url)
	if err != nil {
		return steward.File{}, err
	}
	if err := in.boundPicture(maxPicture); err != nil {
		return steward.File{}, in.end(err)
	}
	staged, f, err := s.stage(ctx, in.incoming)
	if err := in.end(err); err != nil {
		if staged != nil {
			staged.Discard()
		}
		return steward.File{}, err
	}
	defer staged.Discard()
	if err := s.placeForJob(ctx, lease, staged); err != nil {
		return steward.File{}, err
	}
	return f, nil
}

// fetched is an answer whose body is still to be read.
type fetched struct {
	incoming
	answer io.Closer
	length int64 // as the answer says; -1 when it does not
}

// fetch asks for a URL and refuses answers other than 200.
func (s *Service) fetch(ctx context.Context, url string) (*fetched, error) {
	res, err := s.web.Get(ctx, url)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, errors.Join(s.refusal(res), res.Body.Close())
	}
	return &fetched{
		incoming: incoming{name: nameOf(res), declaredType: res.Header.Get("Content-Type"), sourceURL: url, body: res.Body},
		answer:   res.Body, length: res.ContentLength,
	}, nil
}

// end closes the answer and says what err means for somebody who gave a URL.
func (f *fetched) end(err error) error {
	cerr := f.answer.Close()
	if err != nil && steward.CodeOf(err) == steward.TooLarge {
		return &steward.Failure{
			Code: steward.FailFetchBlocked, Message: fmt.Sprintf("The file behind the URL is larger than %d MiB.", MaxFileBytes>>20), Err: err,
		}
	}
	if err == nil && cerr != nil {
		return fmt.Errorf("close answer: %w", cerr)
	}
	return err
}

// refusal is the failure for an answer without a file.
func (s *Service) refusal(res *http.Response) error {
	code := res.StatusCode
	f := &steward.Failure{Code: steward.FailFetchBlocked, Message: fmt.Sprintf("The URL answered with status %d.", code)}
	if code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500 {
		f.Transient = true
		f.RetryAfter = s.retryAfter(res.Header.Get("Retry-After"))
	}
	return f
}

// retryAfter reads a Retry-After header, seconds or a date. 0 means that it says nothing of use.
func (s *Service) retryAfter(value string) time.Duration {
	const most = time.Hour
	if sec, err := strconv.Atoi(value); err == nil {
		return min(max(time.Duration(sec), 0), most/time.Second) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(s.opts.Clock.Now()), 0), most)
}

// nameOf returns the name that an answer gives its file, or the last part of its path.
func nameOf(res *http.Response) string {
	if _, params, err := mime.ParseMediaType(res.Header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		return params["filename"]
	}
	u := res.Request.URL
	if base := path.Base(u.Path); base != "." && base != "/" {
		return base
	}
	return u.Hostname()
}
