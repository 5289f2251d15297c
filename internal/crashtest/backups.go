package crashtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/backup"
	"github.com/stewardhq/steward/internal/crashtest/local"
	"github.com/stewardhq/steward/internal/crashtest/oracle"
)

// backups are made while clients work and servers are killed, one at a time. PostgreSQL has tools of its own for that.
type backups struct {
	wg   sync.WaitGroup
	mu   sync.Mutex
	busy bool
	made []madeBackup
	errs []error
}

// madeBackup is a backup with the jobs that were acknowledged before it was begun.
type madeBackup struct {
	path   string
	before []steward.JobID
}

// A backup is begun every so many rounds. To restore and verify one takes seconds, so a long run makes no more than mostBackups.
const (
	backupEvery = 5
	mostBackups = 40
)

// backsUp reports whether a backup is begun in round n of so many.
func backsUp(n, rounds int) bool {
	return n%max(backupEvery, (rounds+mostBackups-1)/mostBackups) == 1
}

// begin begins a backup in some rounds, unless one is under way.
func (b *backups) begin(ctx context.Context, r *run, n int) {
	if r.o.Database != "" || !backsUp(n, r.o.Rounds) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy {
		return
	}
	b.busy = true
	m := madeBackup{path: filepath.Join(r.o.Folder, fmt.Sprintf("backup-%d.tar.zst", n)), before: r.load.acknowledged()}
	b.wg.Go(func() {
		_, err := backup.Create(ctx, backup.CreateParams{Source: r.source(), Target: m.path, Program: "crash"})
		b.mu.Lock()
		defer b.mu.Unlock()
		b.busy = false
		if err != nil {
			b.errs = append(b.errs, fmt.Errorf("make backup: %w", err))
			return
		}
		b.made = append(b.made, m)
	})
}

// source is where the first installation keeps what it has.
func (r *run) source() backup.Source {
	return backup.Source{Data: r.main.folder, Files: r.filesFolder(), SecretKey: filepath.Join(r.o.Folder, "secret.key")}
}

// acknowledged lists the jobs that clients were told of.
func (l *load) acknowledged() []steward.JobID {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make([]steward.JobID, len(l.told.Jobs))
	for i := range l.told.Jobs {
		ids[i] = l.told.Jobs[i].ID
	}
	return ids
}

// wait returns when no backup is under way.
func (b *backups) wait() {
	if b != nil { // a run that makes some
		b.wg.Wait()
	}
}

// look checks each backup, restores it, checks what comes of it, and notes which jobs it has.
func (b *backups) look(ctx context.Context, r *run) error {
	if b == nil { // a run that makes none
		return nil
	}
	b.wait()
	if err := errors.Join(b.errs...); err != nil {
		return err
	}
	for n, m := range b.made {
		folder := filepath.Join(r.o.Folder, fmt.Sprintf("restored-%d", n))
		told, err := m.look(ctx, folder)
		if err != nil {
			return err
		}
		if err := os.RemoveAll(folder); err != nil { // hundreds of them fill a disk
			return fmt.Errorf("remove a restored backup: %w", err)
		}
		r.load.told.Backups = append(r.load.told.Backups, *told)
	}
	return nil
}

func (m *madeBackup) look(ctx context.Context, folder string) (_ *oracle.ToldBackup, err error) {
	told := &oracle.ToldBackup{Before: m.before, Has: map[steward.JobID]bool{}}
	if _, err := backup.Restore(ctx, backup.RestoreParams{Path: m.path, Data: folder}); err != nil {
		told.Findings = append(told.Findings, err.Error())
		return told, nil // that is the finding
	}
	// A restore has checked the backup as VerifyBackup does.
	v, err := backup.Verify(ctx, backup.VerifyParams{Source: backup.Source{Data: folder}})
	if err != nil {
		return nil, err
	}
	for _, f := range v.Findings {
		told.Findings = append(told.Findings, f.Check+": "+f.Message)
	}
	db, err := local.OpenSQL("", folder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ids, err := query(ctx, db, `SELECT id FROM jobs`, func(scan func(...any) error) (id steward.JobID, err error) { return id, scan(&id) })
	for _, id := range ids {
		told.Has[id] = true
	}
	return told, err
}

// What is left of the jobs of deleted agents: open ones, and such whose data is there.
const (
	openOfGone = `j.status < 3`
	fullOfGone = `j.data_deleted_at = 0`
)

// awaitGone waits until no job of a deleted agent is in a state.
func (r *run) awaitGone(ctx context.Context, state string) (err error) {
	deleted := `a.deleted_at > 0`
	if r.o.Database != "" {
		deleted = `a.deleted_at IS NOT NULL`
		if state == fullOfGone {
			state = `j.data_deleted_at IS NULL`
		}
	}
	db, err := local.OpenSQL(r.o.Database, r.main.folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return until(ctx, "nothing is left of deleted agents", func() (bool, error) {
		var n int
		err := db.QueryRowContext(ctx, `SELECT count(*) FROM jobs j JOIN agents a ON a.id = j.agent_id WHERE `+deleted+` AND `+state).Scan(&n)
		return n == 0, err
	})
}

// picturesRead is how many pictures OCR read.
func (r *run) picturesRead() int {
	list, err := os.ReadDir(r.pictures)
	if err != nil {
		return 0
	}
	return len(list)
}
