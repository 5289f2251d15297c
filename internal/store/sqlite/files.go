package sqlite

import (
	"context"
	"slices"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// States of a blob.
const (
	blobReserved = 0 // an uploader may be putting its bytes in place
	blobSettled  = 1 // its bytes are in place
	blobDying    = 2 // without references; its bytes are being deleted
)

// Reserve implements store.Files.
func (s *Store) Reserve(ctx context.Context, f store.FileRecord, expires time.Time) (known bool, err error) {
	err = s.write(ctx, "reserve file", func(t *tx) error {
		if known, err = t.reserveBlob(f.SHA256, f.SizeBytes); err != nil {
			return err
		}
		_, err := t.change(`INSERT INTO files (id, organization_id, sha256, name, content_type, size_bytes, source_url, created_at, expires_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			f.ID, f.OrganizationID, f.SHA256, f.Name, f.ContentType, f.SizeBytes, f.SourceURL, f.CreatedAt, expires)
		if isUnique(err) {
			return storerow.Conflict("id", "A file with this id exists already.")
		}
		return err
	})
	return known, err
}

// reserveBlob makes sure that a blob is recorded, and reports whether its bytes are in place.
// Errors: Unavailable when it is dying.
func (t *tx) reserveBlob(sha256 string, size int64) (settled bool, err error) {
	state := int64(blobReserved)
	found, err := t.first("SELECT state FROM blobs WHERE sha256 = ?", []any{sha256}, func(r row) error { state = r.int(0); return nil })
	switch {
	case err != nil:
		return false, err
	case state == blobDying:
		return false, storerow.BlobDying()
	case !found:
		_, err = t.change("INSERT INTO blobs (sha256, size_bytes, state) VALUES (?, ?, ?)", sha256, size, blobReserved)
	}
	return state == blobSettled, err
}

// Settle implements store.Files. Errors: NotFound for a blob that is not recorded; Unavailable for one that is being deleted,
// as happens when the upload reference expired meanwhile.
func (s *Store) Settle(ctx context.Context, sha256 string) error {
	return s.write(ctx, "settle blob", func(t *tx) error {
		n, err := t.change("UPDATE blobs SET state = ? WHERE sha256 = ? AND state <> ?", blobSettled, sha256, blobDying)
		if err != nil || n > 0 {
			return err
		}
		dying, err := t.first("SELECT 1 FROM blobs WHERE sha256 = ?", []any{sha256}, noRow)
		switch {
		case err != nil:
			return err
		case dying:
			return storerow.BlobDying()
		default:
			return storerow.NotFound("File")
		}
	})
}

// StoredFile implements store.Files.
func (s *Store) StoredFile(ctx context.Context, org steward.OrganizationID, id steward.FileID) (*steward.File, error) {
	f := &steward.File{ID: id}
	err := s.read(ctx, "get file", func(c *conn) error {
		found, err := c.first("SELECT name, content_type, size_bytes, sha256, source_url FROM files WHERE id = ? AND organization_id = ?",
			[]any{id, org}, func(r row) error {
				f.Name, f.ContentType, f.SizeBytes, f.SHA256, f.SourceURL = r.text(0), r.text(1), r.int(2), r.text(3), r.text(4)
				return nil
			})
		return orNotFound("File", found, err)
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Release implements store.Files.
func (s *Store) Release(ctx context.Context, ids []steward.FileID, now time.Time) (dying []string, err error) {
	err = s.write(ctx, "release files", func(t *tx) error {
		dying = []string{}
		for _, id := range ids {
			sha, err := t.dropUpload(id)
			if err != nil {
				return err
			}
			if dying, err = t.mourn(dying, sha, now); err != nil {
				return err
			}
		}
		return nil
	})
	return dying, err
}

// dropUpload removes a file that no job took and returns its blob, "" when there is no such file.
func (t *tx) dropUpload(id steward.FileID) (sha string, err error) {
	t.wrote = true
	err = t.query("DELETE FROM files WHERE id = ? AND expires_at <> 0 RETURNING sha256", []any{id},
		func(r row) error { sha = r.text(0); return nil })
	return sha, err
}

// mourn marks a blob as dying when nothing refers to it any more, and then adds it to the list. sha may be "".
func (t *tx) mourn(list []string, sha string, now time.Time) ([]string, error) {
	if sha == "" {
		return list, nil
	}
	n, err := t.change(`UPDATE blobs SET state = ?1, dying_at = ?2 WHERE sha256 = ?3 AND state <> ?1
		AND NOT EXISTS (SELECT 1 FROM files WHERE sha256 = ?3 AND (expires_at <> 0 OR kept = 1))
		AND NOT EXISTS (SELECT 1 FROM blob_jobs WHERE sha256 = ?3)`, blobDying, now, sha)
	if n > 0 {
		list = append(list, sha)
	}
	return list, err
}

// ReleaseExpired implements store.Files. A blob counts as left dying by a crash when it has been dying for
// storerow.DyingPatience; whoever gets it here has as long again.
func (s *Store) ReleaseExpired(ctx context.Context, now time.Time, limit int) (dropped int, dying []string, err error) {
	if limit <= 0 {
		return 0, nil, storerow.OutOfRange("limit", "limit must be positive.")
	}
	err = s.write(ctx, "release expired files", func(t *tx) error {
		dying = []string{}
		var ids []steward.FileID
		err := t.query("SELECT id FROM files INDEXED BY files_by_expiry WHERE expires_at > 0 AND expires_at < ? ORDER BY expires_at LIMIT ?",
			[]any{now, limit}, func(r row) error { ids = append(ids, steward.FileID(r.text(0))); return nil })
		if err != nil {
			return err
		}
		for _, id := range ids {
			sha, err := t.dropUpload(id)
			if err != nil {
				return err
			}
			if dying, err = t.mourn(dying, sha, now); err != nil {
				return err
			}
		}
		dropped = len(ids)
		left, err := t.takeDying(now, limit)
		dying = append(dying, left...)
		return err
	})
	return dropped, dying, err
}

// takeDying returns blobs that are dying for too long and gives the caller the time that it needs to delete them.
func (t *tx) takeDying(now time.Time, limit int) (left []string, err error) {
	err = t.query("SELECT sha256 FROM blobs INDEXED BY blobs_dying WHERE state = 2 AND dying_at <= ? ORDER BY dying_at LIMIT ?",
		[]any{now.Add(-storerow.DyingPatience), limit}, func(r row) error { left = append(left, r.text(0)); return nil })
	if err != nil {
		return nil, err
	}
	for _, sha := range left {
		if _, err := t.change("UPDATE blobs SET dying_at = ? WHERE sha256 = ?", now, sha); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// Forget implements store.Files. Blobs that are not dying stay.
func (s *Store) Forget(ctx context.Context, sha256s []string) error {
	list := slices.Clone(sha256s)
	return s.write(ctx, "forget blobs", func(t *tx) error {
		for _, sha := range list {
			if _, err := t.change("DELETE FROM blobs WHERE sha256 = ? AND state = ?", sha, blobDying); err != nil {
				return err
			}
		}
		return nil
	})
}

// RefJob implements store.Files.
func (s *Store) RefJob(ctx context.Context, l store.Lease, sha256 string, sizeBytes int64) (known bool, err error) {
	err = s.write(ctx, "hold blob", func(t *tx) error {
		j, err := t.leased(l)
		if err != nil {
			return err
		}
		if known, err = t.reserveBlob(sha256, sizeBytes); err != nil {
			return err
		}
		_, err = t.change("INSERT OR IGNORE INTO blob_jobs (sha256, job_seq) VALUES (?, ?)", sha256, j.seq)
		return err
	})
	return known, err
}
