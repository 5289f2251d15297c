package sqlite

import (
	"context"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// fileColumns are read by scanFile.
const fileColumns = "id, organization_id, name, content_type, size_bytes, sha256, source_url, created_at, expires_at, kept, dataset_id"

func scanFile(r row) store.FileInfo {
	return store.FileInfo{
		FileRecord: store.FileRecord{
			File: steward.File{
				ID: steward.FileID(r.text(0)), Name: r.text(2), ContentType: r.text(3), SizeBytes: r.int(4), SHA256: r.text(5), SourceURL: r.text(6),
			},
			OrganizationID: steward.OrganizationID(r.text(1)), CreatedAt: r.time(7),
		},
		ExpiresAt: r.time(8), Kept: r.bool(9), DatasetID: steward.DatasetID(r.text(10)),
	}
}

// file reads one file. Errors: NotFound.
func (c *conn) file(org steward.OrganizationID, id steward.FileID) (*store.FileInfo, error) {
	var f store.FileInfo
	found, err := c.first("SELECT "+fileColumns+" FROM files WHERE id = ? AND organization_id = ?", []any{id, org},
		func(r row) error { f = scanFile(r); return nil })
	return &f, orNotFound("File", found, err)
}

// KeepFile implements store.KeptFiles.
func (s *Store) KeepFile(ctx context.Context, org steward.OrganizationID, id steward.FileID, dataset steward.DatasetID) (f *store.FileInfo, err error) {
	err = s.write(ctx, "keep file", func(t *tx) error {
		if _, err := t.change("UPDATE files SET kept = 1, expires_at = 0, dataset_id = ? WHERE id = ? AND organization_id = ?", dataset, id, org); err != nil {
			return err
		}
		f, err = t.file(org, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// FileInfo implements store.KeptFiles.
func (s *Store) FileInfo(ctx context.Context, org steward.OrganizationID, id steward.FileID) (f *store.FileInfo, err error) {
	err = s.read(ctx, "get file", func(c *conn) (err error) {
		f, err = c.file(org, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// ListFiles implements store.KeptFiles.
func (s *Store) ListFiles(ctx context.Context, org steward.OrganizationID, q store.FileQuery) (files []store.FileInfo, count int64, err error) {
	limit, err := storerow.Limit(q.Limit, q.Offset)
	if err != nil {
		return nil, 0, err
	}
	where, args := "kept = 1 AND organization_id = ?", []any{org}
	if q.DatasetID != "" {
		where, args = where+" AND dataset_id = ?", append(args, q.DatasetID)
	}
	err = s.snapshot(ctx, "list files", func(c *conn) error {
		files = []store.FileInfo{}
		_, err := c.first("SELECT count(*) FROM files WHERE "+where, args, func(r row) error { count = r.int(0); return nil })
		if err != nil {
			return err
		}
		return c.query("SELECT "+fileColumns+" FROM files WHERE "+where+" ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?",
			append(args, limit, q.Offset), func(r row) error { files = append(files, scanFile(r)); return nil })
	})
	if err != nil {
		return nil, 0, err
	}
	return files, count, nil
}

// DeleteFile implements store.KeptFiles. Jobs hold blobs, not files, so that the row can go.
func (s *Store) DeleteFile(ctx context.Context, org steward.OrganizationID, id steward.FileID, now time.Time) (dying []string, err error) {
	err = s.write(ctx, "delete file", func(t *tx) error {
		dying = []string{}
		f, err := t.file(org, id)
		if err != nil {
			return err
		}
		if !f.Kept && f.ExpiresAt.IsZero() {
			return storerow.HeldByJobs()
		}
		if _, err := t.change("DELETE FROM files WHERE id = ?", id); err != nil {
			return err
		}
		dying, err = t.mourn(dying, f.SHA256, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return dying, nil
}
