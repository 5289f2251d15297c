package files

import (
	"context"
	"fmt"
	"io"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Store is the part of the database that files stand on.
type Store interface {
	store.Files
	store.KeptFiles
}

// Keep makes a file of the caller's organization stay until it is deleted, whether or not jobs use it. dataset groups files, "" is
// none; keeping a file again changes it.
//
// Errors: NotFound; Unauthenticated, Denied without ScopeRun.
func (s *Service) Keep(ctx context.Context, id steward.FileID, dataset steward.DatasetID) (*store.FileInfo, error) {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return nil, err
	}
	f, err := s.store.KeepFile(ctx, p.OrganizationID, id, dataset)
	if err != nil {
		return nil, fmt.Errorf("keep file: %w", err)
	}
	return f, nil
}

// Info returns what is known about a file of the caller's organization, kept or not.
//
// Errors: NotFound; Unauthenticated, Denied without ScopeRead.
func (s *Service) Info(ctx context.Context, id steward.FileID) (*store.FileInfo, error) {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, err
	}
	return s.store.FileInfo(ctx, p.OrganizationID, id)
}

// ListParams chooses a page of kept files.
type ListParams struct {
	DatasetID      steward.DatasetID // "" means all
	Page, PageSize int               // from 1; 0 means 1 and 20; at most 100 a page
}

// List returns a page of the organization's kept files, newest first, and the number of all that match.
//
// Errors: NotFound for a page behind the last; Unauthenticated, Denied without ScopeRead.
func (s *Service) List(ctx context.Context, p ListParams) ([]store.FileInfo, int64, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRead)
	if err != nil {
		return nil, 0, err
	}
	page, size := max(p.Page, 1), p.PageSize
	if size <= 0 {
		size = 20
	}
	size = min(size, 100)
	files, count, err := s.store.ListFiles(ctx, who.OrganizationID, store.FileQuery{DatasetID: p.DatasetID, Limit: size, Offset: (page - 1) * size})
	if err != nil {
		return nil, 0, fmt.Errorf("list files: %w", err)
	}
	if len(files) == 0 && page > 1 {
		return nil, 0, &steward.Error{Code: steward.NotFound, Message: "Invalid page."}
	}
	return files, count, nil
}

// OpenStored returns a file of the caller's organization and its content, from the start. The caller closes it.
//
// Errors: NotFound, also when the content is gone; Unauthenticated, Denied without ScopeRead.
func (s *Service) OpenStored(ctx context.Context, id steward.FileID) (io.ReadSeekCloser, *store.FileInfo, error) {
	f, err := s.Info(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	body, err := s.Open(ctx, f.File)
	if err != nil {
		return nil, nil, err
	}
	return body, f, nil
}

// Delete removes a file that is kept, or that waits for a job to take it. Jobs that used it keep its bytes.
//
// Errors: NotFound; Conflict for a file that belongs to a job alone; Unauthenticated, Denied without ScopeWrite.
func (s *Service) Delete(ctx context.Context, id steward.FileID) error {
	p, err := steward.PrincipalFrom(ctx, steward.ScopeWrite)
	if err != nil {
		return err
	}
	dying, err := s.store.DeleteFile(ctx, p.OrganizationID, id, s.opts.Clock.Now())
	if err != nil {
		return fmt.Errorf("delete file: %w", err)
	}
	if err := s.bury(context.WithoutCancel(ctx), dying); err != nil {
		// The file is deleted. Its bytes stay marked and go with a later sweep.
		s.opts.Logger.WarnContext(ctx, "bytes of a deleted file left to the sweeper", "error", err, "file_id", id)
	}
	return nil
}
