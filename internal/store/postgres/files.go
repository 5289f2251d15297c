package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// Reserve implements store.Files.
func (s *Store) Reserve(ctx context.Context, f store.FileRecord, expires time.Time) (known bool, err error) {
	id, err := storeUID("id", f.ID)
	if err != nil {
		return false, err
	}
	org, err := storeUID("organization_id", f.OrganizationID)
	if err != nil {
		return false, err
	}
	if err := storable("name", f.Name, "content_type", f.ContentType, "sha256", f.SHA256, "source_url", f.SourceURL); err != nil {
		return false, err
	}
	err = s.inTx(ctx, "reserve file", func(tx pgx.Tx) error {
		if known, err = reserveBlob(ctx, tx, f.SHA256, f.SizeBytes); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
insert into files (id, organization_id, name, content_type, size_bytes, sha256, source_url, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			id, org, f.Name, f.ContentType, f.SizeBytes, f.SHA256, f.SourceURL, stamp(f.CreatedAt), stamp(expires))
		if isUnique(err) {
			return storerow.Conflict("id", "A file with this id exists already.")
		}
		return err
	})
	return known, err
}

// reserveBlob makes sure that a blob is recorded, locks it, and reports whether its bytes are in place.
//
// Errors: Unavailable when it is dying.
func reserveBlob(ctx context.Context, tx pgx.Tx, sha256 string, size int64) (settled bool, err error) {
	if _, err := tx.Exec(ctx, `insert into blobs (sha256, size_bytes) values ($1, $2) on conflict do nothing`, sha256, size); err != nil {
		return false, err
	}
	var dying bool
	err = tx.QueryRow(ctx, `select settled, dying_at is not null from blobs where sha256 = $1 for update`, sha256).Scan(&settled, &dying)
	if err == pgx.ErrNoRows { //nolint:errorlint // what Scan returns itself
		return false, storerow.BlobDying() // forgotten between the two statements
	}
	if err == nil && dying {
		err = storerow.BlobDying()
	}
	return settled, err
}

// Settle implements store.Files. Errors: NotFound for a blob that is not recorded; Unavailable for one that is being deleted,
// as happens when the upload reference expired meanwhile.
func (s *Store) Settle(ctx context.Context, sha256 string) error {
	if storable("sha256", sha256) != nil {
		return storerow.NotFound("File")
	}
	var dying bool
	err := s.pool.QueryRow(ctx, `
update blobs set settled = settled or dying_at is null where sha256 = $1 returning dying_at is not null`, sha256).Scan(&dying)
	switch {
	case err != nil:
		return translate("settle blob", notFound("File", err))
	case dying:
		return storerow.BlobDying()
	}
	return nil
}

// StoredFile implements store.Files.
func (s *Store) StoredFile(ctx context.Context, org steward.OrganizationID, id steward.FileID) (*steward.File, error) {
	orgID, okOrg := toUID(org)
	fileID, okFile := toUID(id)
	if !okOrg || !okFile {
		return nil, storerow.NotFound("File")
	}
	f := &steward.File{ID: id}
	err := s.pool.QueryRow(ctx, `
select name, content_type, size_bytes, sha256, source_url from files where id = $1 and (organization_id = $2) is true`, fileID, orgID).Scan(
		&f.Name, &f.ContentType, &f.SizeBytes, &f.SHA256, &f.SourceURL)
	if err != nil {
		return nil, translate("read file", notFound("File", err))
	}
	return f, nil
}

// Release implements store.Files.
func (s *Store) Release(ctx context.Context, ids []steward.FileID, now time.Time) ([]string, error) {
	var files []uid
	for _, id := range ids {
		if file, ok := toUID(id); ok {
			files = append(files, file)
		}
	}
	dying := []string{}
	if len(files) == 0 {
		return dying, nil
	}
	slices.SortFunc(files, compareUID)
	err := s.inTx(ctx, "release files", func(tx pgx.Tx) (err error) {
		dying, err = dropUploads(ctx, tx, files, now)
		return err
	})
	return dying, err
}

const (
	dropUploadsSQL = `delete from files where id = any ($1) and (expires_at is not null) is true returning sha256`
	mournSQL       = `
update blobs b set dying_at = $2
where b.sha256 = any ($1) and b.dying_at is null
    and not exists (select from files f where f.sha256 = b.sha256)
    and not exists (select from job_blobs j where j.sha256 = b.sha256)
returning b.sha256`
	expiredUploadsSQL = `
select id from files where expires_at is not null and expires_at < $1 order by expires_at limit $2 for update skip locked`
	leftBlobsSQL = `
update blobs set dying_at = $1
where sha256 in (
    select sha256 from blobs where dying_at is not null and dying_at <= $2 order by dying_at limit $3 for update skip locked)
returning sha256`
)

// dropUploads removes the files that no job took and marks their blobs as dying when nothing else refers to them.
func dropUploads(ctx context.Context, tx pgx.Tx, files []uid, now time.Time) ([]string, error) {
	rows, err := tx.Query(ctx, dropUploadsSQL, files)
	if err != nil {
		return nil, err
	}
	blobs, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(blobs) == 0 {
		return []string{}, err
	}
	return mourn(ctx, tx, blobs, now)
}

// mourn marks those of some blobs as dying that nothing refers to any more.
func mourn(ctx context.Context, tx pgx.Tx, blobs []string, now time.Time) ([]string, error) {
	// Locked first, counted second: whoever reserves the same blob either waits for this transaction or is seen by it.
	if _, err := tx.Exec(ctx, `select sha256 from blobs where sha256 = any ($1) order by sha256 for update`, blobs); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, mournSQL, blobs, stamp(now))
	if err != nil {
		return nil, err
	}
	dying, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if dying == nil {
		dying = []string{}
	}
	return dying, err
}

// ReleaseExpired implements store.Files. A blob counts as left dying by a crash when it has been dying for
// storerow.DyingPatience; whoever gets it here has as long again.
func (s *Store) ReleaseExpired(ctx context.Context, now time.Time, limit int) (dropped int, dying []string, err error) {
	if limit <= 0 {
		return 0, nil, storerow.OutOfRange("limit", "limit must be positive.")
	}
	dying = []string{}
	err = s.inTx(ctx, "release expired files", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, expiredUploadsSQL, stamp(now), limit)
		if err != nil {
			return err
		}
		files, err := pgx.CollectRows(rows, pgx.RowTo[uid])
		if err != nil {
			return err
		}
		dropped = len(files)
		if dying, err = dropUploads(ctx, tx, files, now); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, leftBlobsSQL, stamp(now), stamp(now.Add(-storerow.DyingPatience)), limit)
		if err != nil {
			return err
		}
		left, err := pgx.CollectRows(rows, pgx.RowTo[string])
		dying = append(dying, left...)
		return err
	})
	return dropped, dying, err
}

// Forget implements store.Files. Blobs that are not dying stay.
func (s *Store) Forget(ctx context.Context, sha256s []string) error {
	_, err := s.change(ctx, "forget blobs", `delete from blobs where sha256 = any ($1) and dying_at is not null`, sha256s)
	return translate("forget blobs", err)
}

// RefJob implements store.Files.
func (s *Store) RefJob(ctx context.Context, lease store.Lease, sha256 string, sizeBytes int64) (known bool, err error) {
	if err := storable("sha256", sha256); err != nil {
		return false, err
	}
	err = s.inTx(ctx, "hold blob", func(tx pgx.Tx) error {
		job, err := hold(ctx, tx, lease)
		if err != nil {
			return err
		}
		if known, err = reserveBlob(ctx, tx, sha256, sizeBytes); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `insert into job_blobs (job_id, sha256) values ($1, $2) on conflict do nothing`, job, sha256)
		return err
	})
	return known, err
}
