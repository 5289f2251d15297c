package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/storerow"
)

// fileColumns are read by scanFile.
const fileColumns = `id, organization_id, name, content_type, size_bytes, sha256, source_url, created_at, expires_at, kept, dataset_id`

func scanFile(row pgx.Row) (store.FileInfo, error) {
	var f store.FileInfo
	var id, org, dataset uid
	var created, expires pgtype.Timestamptz
	err := row.Scan(&id, &org, &f.Name, &f.ContentType, &f.SizeBytes, &f.SHA256, &f.SourceURL, &created, &expires, &f.Kept, &dataset)
	f.ID, f.OrganizationID, f.DatasetID = fromUID[steward.FileID](id), fromUID[steward.OrganizationID](org), fromUID[steward.DatasetID](dataset)
	f.CreatedAt, f.ExpiresAt = fromStamp(created), fromStamp(expires)
	return f, err
}

// KeepFile implements store.KeptFiles.
func (s *Store) KeepFile(ctx context.Context, org steward.OrganizationID, id steward.FileID, dataset steward.DatasetID) (*store.FileInfo, error) {
	orgID, okOrg := toUID(org)
	fileID, okFile := toUID(id)
	if !okOrg || !okFile {
		return nil, storerow.NotFound("File")
	}
	datasetID, ok := toUID(dataset)
	if !ok && dataset != "" {
		return nil, storerow.OutOfRange("dataset_id", "Not a valid UUID.")
	}
	f, err := scanFile(s.pool.QueryRow(ctx, `
update files set kept = true, expires_at = null, dataset_id = $3 where id = $1 and (organization_id = $2) is true returning `+fileColumns,
		fileID, orgID, datasetID))
	if err != nil {
		return nil, translate("keep file", notFound("File", err))
	}
	return &f, nil
}

// FileInfo implements store.KeptFiles.
func (s *Store) FileInfo(ctx context.Context, org steward.OrganizationID, id steward.FileID) (*store.FileInfo, error) {
	orgID, okOrg := toUID(org)
	fileID, okFile := toUID(id)
	if !okOrg || !okFile {
		return nil, storerow.NotFound("File")
	}
	f, err := scanFile(s.pool.QueryRow(ctx, `select `+fileColumns+` from files where id = $1 and (organization_id = $2) is true`, fileID, orgID))
	if err != nil {
		return nil, translate("read file", notFound("File", err))
	}
	return &f, nil
}

const (
	keptFiles     = ` from files where kept and organization_id = $1`
	keptFilesPage = ` order by created_at desc, id desc limit $2 offset $3`
	inDataset     = ` and dataset_id = $4`
)

// ListFiles implements store.KeptFiles.
func (s *Store) ListFiles(ctx context.Context, org steward.OrganizationID, q store.FileQuery) ([]store.FileInfo, int64, error) {
	limit, err := storerow.Limit(q.Limit, q.Offset)
	if err != nil {
		return nil, 0, err
	}
	files, count := []store.FileInfo{}, int64(0)
	orgID, okOrg := toUID(org)
	datasetID, okDataset := toUID(q.DatasetID)
	if !okOrg || (!okDataset && q.DatasetID != "") {
		return files, 0, nil
	}
	where, args := keptFiles, []any{orgID, limit, q.Offset}
	counted, countArgs := `select count(*)`+keptFiles, args[:1]
	if okDataset {
		where, args = where+inDataset, append(args, datasetID)
		counted, countArgs = `select count(*)`+keptFiles+` and dataset_id = $2`, []any{orgID, datasetID}
	}
	batch := &pgx.Batch{}
	batch.Queue(counted, countArgs...).QueryRow(func(row pgx.Row) error { return row.Scan(&count) })
	batch.Queue(`select `+fileColumns+where+keptFilesPage, args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			f, err := scanFile(rows)
			if err != nil {
				return err
			}
			files = append(files, f)
		}
		return rows.Err()
	})
	if err := s.snapshot(ctx, "list files", batch); err != nil {
		return nil, 0, err
	}
	return files, count, nil
}

// DeleteFile implements store.KeptFiles. Jobs hold files; those that hold this one get to hold its blob instead.
func (s *Store) DeleteFile(ctx context.Context, org steward.OrganizationID, id steward.FileID, now time.Time) (dying []string, err error) {
	orgID, okOrg := toUID(org)
	fileID, okFile := toUID(id)
	if !okOrg || !okFile {
		return nil, storerow.NotFound("File")
	}
	err = s.inTx(ctx, "delete file", func(tx pgx.Tx) error {
		dying = nil
		f, err := scanFile(tx.QueryRow(ctx, `select `+fileColumns+` from files where id = $1 and (organization_id = $2) is true for update`, fileID, orgID))
		if err != nil {
			return notFound("File", err)
		}
		if !f.Kept && f.ExpiresAt.IsZero() {
			return storerow.HeldByJobs()
		}
		dying, err = deleteFile(ctx, tx, fileID, f.SHA256, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return dying, nil
}

// deleteFile removes a locked file and says whether its blob is dying of it.
func deleteFile(ctx context.Context, tx pgx.Tx, file uid, sha256 string, now time.Time) ([]string, error) {
	// Locked first, counted second: whoever reserves the same blob either waits for this transaction or is seen by it.
	if _, err := tx.Exec(ctx, `select from blobs where sha256 = $1 for update`, sha256); err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `
with moved as (delete from job_files where file_id = $1 returning job_id)
insert into job_blobs (job_id, sha256) select job_id, $2 from moved on conflict do nothing`, file, sha256); err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `delete from files where id = $1`, file); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, mournSQL, []string{sha256}, stamp(now))
	if err != nil {
		return nil, err
	}
	dying, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if dying == nil {
		dying = []string{}
	}
	return dying, err
}
