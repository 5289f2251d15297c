package crashtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/blob"
	"github.com/stewardhq/steward/internal/disk"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// diskScenario does something to the disk. The server does not run before and after it.
type diskScenario struct {
	name string
	play func(d *diskRun, ctx context.Context) error
}

// diskScenarios returns those of some names, all for none.
func diskScenarios(only []string) ([]diskScenario, error) {
	all := []diskScenario{
		{"full", (*diskRun).full},
		{"sync_log", (*diskRun).syncLog},
		{"sync_database", (*diskRun).syncDatabase},
		{"sync_file", (*diskRun).syncFile},
		{"write_log", (*diskRun).writeLog},
		{"readonly_start", (*diskRun).readOnlyStart},
		{"readonly_files", (*diskRun).readOnlyFiles},
		{"readonly_data", (*diskRun).readOnlyData},
		{"two_servers", (*diskRun).twoServers},
		{"replaced", (*diskRun).replaced},
		{"vanished", (*diskRun).vanished},
		{"older_copy", (*diskRun).olderCopy},
		{"other_database", (*diskRun).otherDatabase},
		{"gone", (*diskRun).gone},
		{"newer", (*diskRun).newer},
		{"log_damaged", (*diskRun).logDamaged},
		{"database_damaged", (*diskRun).databaseDamaged},
		{"file_damaged", (*diskRun).fileDamaged},
	}
	var chosen []diskScenario
	for _, name := range only {
		i := slices.IndexFunc(all, func(s diskScenario) bool { return s.name == name })
		if i < 0 {
			var names []string
			for _, s := range all {
				names = append(names, s.name)
			}
			return nil, fmt.Errorf("there is no scenario %q, only %s", name, strings.Join(names, ", "))
		}
		chosen = append(chosen, all[i])
	}
	if chosen == nil {
		chosen = all
	}
	return chosen, nil
}

// underLoad starts a server with clients at work and so many slow jobs. stop ends the clients; it may be called again, and after an error.
func (d *diskRun) underLoad(ctx context.Context, slow int) (ids []steward.JobID, stop func(), err error) {
	if err := d.up(ctx); err != nil {
		return nil, func() {}, err
	}
	stop = d.work(ctx)
	ids, err = d.slowJobs(ctx, slow)
	return ids, stop, err
}

// full fills the disk, first into the reserve, then to the last byte and for longer than leases last, and makes room again.
func (d *diskRun) full(ctx context.Context) error {
	ids, stop, err := d.underLoad(ctx, 4)
	defer stop()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := d.fill(diskReserve << 20 * 3 / 4); err != nil {
		return err
	}
	if err := d.refuses(ctx, began, "disk is full"); err != nil {
		return err
	}
	before := d.stepsOf(ids...)
	if err := until(ctx, "running jobs go on in the reserve", func() (bool, error) {
		n := d.stepsOf(ids...)
		return n > before || n == len(ids)*slowSteps, nil
	}); err != nil {
		return err
	}
	if err := d.fill(0); err != nil {
		return err
	}
	// Longer than leases last, so that they run out: nobody can renew them.
	for deadline := time.Now().Add(lease + lease/2); time.Now().Before(deadline); d.nap(ctx, 50*time.Millisecond) {
		if err := d.fill(0); err != nil { // what the server frees, too
			return err
		}
	}
	if got, err := d.ask(ctx, http.MethodGet, "/readyz", "", nil); err != nil || got.status != http.StatusServiceUnavailable {
		d.fault("with a full disk readiness is %+v (%v), want 503", got, err)
	}
	if err := os.Remove(d.ballast()); err != nil {
		return fmt.Errorf("make room: %w", err)
	}
	d.over = time.Now()
	if err := d.back(ctx); err != nil {
		return err
	}
	d.run.cut(began)
	for _, id := range ids {
		got, err := d.load.client.Wait(ctx, id, &client.WaitOptions{First: 20 * time.Millisecond, Max: 100 * time.Millisecond, Timeout: time.Minute})
		if err != nil || !got.Status.Succeeded() {
			d.fault("a job that ran while the disk was full: %+v (%v)", got, err)
		}
	}
	if n := d.stepsOf(ids...); n != len(ids)*slowSteps {
		d.fault("jobs that ran while the disk was full did %d steps, want %d: none twice", n, len(ids)*slowSteps)
	}
	if err := d.acknowledges(ctx); err != nil {
		return err
	}
	stop()
	return d.main.stop()
}

func (d *diskRun) ballast() string { return filepath.Join(d.disk, "ballast") }

// fill writes to the disk until so many bytes are free.
func (d *diskRun) fill(free int64) error {
	f, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("fill disk: %w", err)
	}
	piece := make([]byte, 1<<20)
	for err == nil {
		var room disk.Room
		if room, err = disk.RoomAt(d.disk); err != nil || room.Free <= free {
			break
		}
		_, err = f.Write(piece[:min(room.Free-free, int64(len(piece)))]) // the server writes, too
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// fails has system calls of a working server fail with EIO until it has ended, and starts it again.
func (d *diskRun) fails(ctx context.Context, calls, path string) error {
	return d.failsWith(ctx, calls, "error=EIO", path, "disk failed")
}

// failsWith is fails with another error, of which the server says something else.
func (d *diskRun) failsWith(ctx context.Context, calls, fault, path, says string) error {
	_, stop, err := d.underLoad(ctx, 4)
	defer stop()
	if err != nil {
		return err
	}
	began := time.Now()
	end, err := d.inject(ctx, calls, fault, path)
	if err != nil {
		return err
	}
	defer end()
	if err := d.refuses(ctx, began, says); err != nil {
		return err
	}
	if err := d.exits(ctx, began); err != nil {
		return err
	}
	stop()
	return d.goesOn(ctx)
}

// goesOn starts the server after a fault, has it take work until clients are told of a job, and stops it.
func (d *diskRun) goesOn(ctx context.Context) error {
	if err := d.up(ctx); err != nil {
		return err
	}
	if err := d.back(ctx); err != nil {
		return err
	}
	stop := d.work(ctx)
	err := d.acknowledges(ctx)
	stop()
	return errors.Join(err, d.main.stop())
}

func (d *diskRun) syncLog(ctx context.Context) error {
	return d.fails(ctx, "fsync,fdatasync", d.database()+"-wal")
}

// syncDatabase is the sync that ends a checkpoint, of which SQLite tells nobody when it makes one by itself.
func (d *diskRun) syncDatabase(ctx context.Context) error {
	return d.fails(ctx, "fsync,fdatasync", d.database())
}

func (d *diskRun) writeLog(ctx context.Context) error {
	return d.fails(ctx, "pwrite64", d.database()+"-wal")
}

// syncFile is the sync of the folder of files, after a new folder was made in it.
func (d *diskRun) syncFile(ctx context.Context) error {
	return d.fails(ctx, "fsync,fdatasync", d.filesFolder())
}

func (d *diskRun) readOnlyStart(ctx context.Context) error {
	thaw, err := freeze(d.main.folder)
	if err != nil {
		return err
	}
	if err := d.refusesToStart(ctx, "cannot be written to"); err != nil {
		return errors.Join(err, thaw())
	}
	if err := thaw(); err != nil {
		return err
	}
	d.over = time.Now()
	return d.goesOn(ctx)
}

// readOnlyFiles takes the right to write to the files away while the server works, and gives it back.
func (d *diskRun) readOnlyFiles(ctx context.Context) error {
	_, stop, err := d.underLoad(ctx, 2)
	defer stop()
	if err != nil {
		return err
	}
	began := time.Now()
	thaw, err := freeze(d.filesFolder())
	if err != nil {
		return err
	}
	err = d.refuses(ctx, began, "may not write")
	if err := errors.Join(err, thaw()); err != nil {
		return err
	}
	d.over = time.Now()
	if err := d.back(ctx); err != nil {
		return err
	}
	d.run.cut(began)
	stop()
	return d.main.stop()
}

// readOnlyData is what systems do to a disk that fails: no file can be made or changed from one moment to the next. What is open already
// goes on there, so the write to the log fails by injection.
func (d *diskRun) readOnlyData(ctx context.Context) error {
	return d.failsWith(ctx, "pwrite64", "error=EROFS", d.database()+"-wal", "read-only")
}

func (d *diskRun) twoServers(ctx context.Context) error {
	if err := d.up(ctx); err != nil {
		return err
	}
	if err := d.refusesToStart(ctx, "in use by another steward process"); err != nil {
		return err
	}
	if err := d.main.ready(ctx); err != nil {
		return err
	}
	return d.main.stop()
}

// replaced puts another database in the place of the one that a server works with.
func (d *diskRun) replaced(ctx context.Context) error {
	other, err := d.otherFile(ctx)
	if err != nil {
		return err
	}
	_, stop, err := d.underLoad(ctx, 4)
	defer stop()
	if err != nil {
		return err
	}
	aside := filepath.Join(d.main.folder, "aside.db")
	began := time.Now()
	if err := errors.Join(os.Rename(d.database(), aside), os.WriteFile(d.database(), other, 0o600)); err != nil {
		return fmt.Errorf("replace the database: %w", err)
	}
	if err := d.refuses(ctx, began, "replaced or removed"); err != nil {
		return err
	}
	if err := d.exits(ctx, began); err != nil {
		return err
	}
	stop()
	if err := d.refusesToStart(ctx, "not the one that was in this place"); err != nil {
		return err
	}
	if err := os.Rename(aside, d.database()); err != nil {
		return fmt.Errorf("put the database back: %w", err)
	}
	d.over = time.Now()
	return d.goesOn(ctx)
}

// vanished takes the data folder away under a server, as when a disk is unmounted.
func (d *diskRun) vanished(ctx context.Context) error {
	_, stop, err := d.underLoad(ctx, 4)
	defer stop()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := d.unplug("data"); err != nil {
		return err
	}
	err = d.refuses(ctx, began, "replaced or removed")
	if err == nil {
		err = d.exits(ctx, began)
	}
	if err := errors.Join(err, d.plug("data")); err != nil {
		return err
	}
	d.over = time.Now()
	stop()
	return d.goesOn(ctx)
}

// swapped has a file of the data folder be another one while a start is refused.
func (d *diskRun) swapped(ctx context.Context, path string, content []byte, want string) error {
	was, err := os.ReadFile(path) //nolint:gosec // of the test
	if err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	if content == nil {
		err = os.Remove(path)
	} else {
		err = os.WriteFile(path, content, 0o600) //nolint:gosec // G703: a test's own folder
	}
	if err != nil {
		return fmt.Errorf("replace %s: %w", filepath.Base(path), err)
	}
	if err := d.refusesToStart(ctx, want); err != nil {
		return err
	}
	if content != nil {
		now, err := os.ReadFile(path) //nolint:gosec // of the test
		if err != nil || !bytes.Equal(now, content) {
			d.fault("a start that was refused changed %s (%v)", filepath.Base(path), err)
		}
	}
	err = os.WriteFile(path, was, 0o600) //nolint:gosec // G703: a test's own folder
	d.over = time.Now()
	return err
}

func (d *diskRun) olderCopy(ctx context.Context) error {
	older, err := os.ReadFile(d.database())
	if err != nil {
		return fmt.Errorf("copy database: %w", err)
	}
	if err := d.goesOn(ctx); err != nil {
		return err
	}
	if err := d.swapped(ctx, d.database(), older, "older copy"); err != nil {
		return err
	}
	return d.goesOn(ctx)
}

// otherFile makes the database of another installation.
func (d *diskRun) otherFile(ctx context.Context) ([]byte, error) {
	folder, err := os.MkdirTemp(d.o.Folder, "other")
	if err != nil {
		return nil, fmt.Errorf("make another database: %w", err)
	}
	path := filepath.Join(folder, "steward.db")
	s, err := sqlite.Open(ctx, path, &sqlite.Options{Mark: true})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path) //nolint:gosec // of the test
}

func (d *diskRun) otherDatabase(ctx context.Context) error {
	other, err := d.otherFile(ctx)
	if err != nil {
		return err
	}
	if err := d.swapped(ctx, d.database(), other, "not the one that was in this place"); err != nil {
		return err
	}
	return d.goesOn(ctx)
}

func (d *diskRun) gone(ctx context.Context) error {
	if err := d.swapped(ctx, d.database(), nil, "gone or empty"); err != nil {
		return err
	}
	return d.goesOn(ctx)
}

func (d *diskRun) newer(ctx context.Context) error {
	if err := d.change(ctx, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"); err != nil {
		return err
	}
	if err := d.refusesToStart(ctx, "newer version of Steward"); err != nil {
		return err
	}
	if err := d.change(ctx, "DELETE FROM goose_db_version WHERE version_id = 9999"); err != nil {
		return err
	}
	d.over = time.Now()
	return d.goesOn(ctx)
}

// logDamaged kills the server and changes a byte in the first half of what its log holds.
func (d *diskRun) logDamaged(ctx context.Context) error {
	_, stop, err := d.underLoad(ctx, 4)
	defer stop()
	if err != nil {
		return err
	}
	log := d.database() + "-wal"
	if err := until(ctx, "the log is long enough to damage", func() (bool, error) {
		content, err := os.ReadFile(log) //nolint:gosec // of the test
		return framesOf(content) >= damagedFrames, err
	}); err != nil {
		return err
	}
	if err := d.main.kill(); err != nil {
		return err
	}
	d.ended()
	stop()
	content, err := os.ReadFile(log) //nolint:gosec // of the test
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	if n := framesOf(content); n < damagedFrames {
		return fmt.Errorf("the log has %d pages, which is too little to damage: it was folded in right before the kill", n)
	}
	damaged := bytes.Clone(content)
	damaged[walHeader+5*walFrame+100] ^= 1
	if err := d.swapped(ctx, log, damaged, "write-ahead log (-wal) is damaged"); err != nil {
		return err
	}
	return d.goesOn(ctx)
}

// Sizes in a log, and how many pages it has at least when one of them is changed.
const (
	walHeader     = 32
	walFrame      = 24 + 4096
	damagedFrames = 20
)

// framesOf counts the pages that a log holds; what stands behind them is of an earlier one. Each repeats two numbers of the log's header.
func framesOf(log []byte) (n int) {
	for at := walHeader; at+walFrame <= len(log) && bytes.Equal(log[at+8:at+16], log[16:24]); at += walFrame {
		n++
	}
	return n
}

// databaseDamaged destroys the database's first page, and then others.
func (d *diskRun) databaseDamaged(ctx context.Context) error {
	content, err := os.ReadFile(d.database())
	if err != nil {
		return fmt.Errorf("read database: %w", err)
	}
	rubbish := bytes.Repeat([]byte("not a database! "), 4096/16)
	head := bytes.Clone(content)
	copy(head, rubbish[:60])
	if err := d.swapped(ctx, d.database(), head, "not a database of Steward"); err != nil {
		return err
	}
	inside := bytes.Clone(content)
	for at := 4096; at+4096 <= len(inside); at += 3 * 4096 {
		copy(inside[at:], rubbish)
	}
	if err := os.WriteFile(d.database(), inside, 0o600); err != nil { //nolint:gosec // G703: a test's own folder
		return fmt.Errorf("damage database: %w", err)
	}
	if r, err := d.verify(ctx); err == nil && r.OK {
		d.fault("verify finds nothing in a damaged database")
	}
	if err := d.swapped(ctx, d.database(), inside, "damaged"); err != nil {
		return err
	}
	if err := os.WriteFile(d.database(), content, 0o600); err != nil { //nolint:gosec // G703: a test's own folder
		return fmt.Errorf("put the database back: %w", err)
	}
	d.over = time.Now()
	return d.goesOn(ctx)
}

// fileDamaged changes and cuts stored files: they are not handed out, verify finds them, and sending the file again mends it.
func (d *diskRun) fileDamaged(ctx context.Context) error {
	content := bytes.Repeat([]byte("content that must not change\n"), 20_000)
	if err := d.up(ctx); err != nil {
		return err
	}
	file, err := d.load.client.UploadFile(ctx, client.FileBytes("damaged.txt", content), nil)
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	path := filepath.Join(d.filesFolder(), filepath.FromSlash(blob.Path(file.SHA256)))
	for what, harm := range map[string]func() error{
		"a changed byte": func() error {
			bad := bytes.Clone(content)
			bad[len(bad)/2] ^= 1
			return os.WriteFile(path, bad, 0o600)
		},
		"a cut file": func() error { return os.Truncate(path, int64(len(content))/2) },
		"a hole": func() error {
			bad := bytes.Clone(content)
			clear(bad[4096:8192])
			return os.WriteFile(path, bad, 0o600)
		},
	} {
		if err := harm(); err != nil {
			return fmt.Errorf("damage file: %w", err)
		}
		var got bytes.Buffer
		if _, err := d.load.client.DownloadFile(ctx, file.ID, &got, nil); err == nil || got.Len() > 0 {
			d.fault("%s: %d bytes were handed out (%v)", what, got.Len(), err)
		} else {
			d.scene.Said = err.Error()
		}
		if r, err := d.verify(ctx); err != nil || r.OK || !strings.Contains(fmt.Sprint(r.Findings), file.SHA256) {
			d.fault("%s: verify does not find it (%v)", what, err)
		}
		again, err := d.load.client.UploadFile(ctx, client.FileBytes("damaged.txt", content), nil)
		if err != nil {
			return fmt.Errorf("upload again: %w", err)
		}
		got.Reset()
		if _, err := d.load.client.DownloadFile(ctx, file.ID, &got, nil); err != nil || !bytes.Equal(got.Bytes(), content) {
			d.fault("%s: after the file was sent again, %d bytes were handed out (%v), want all %d", what, got.Len(), err, len(content))
		}
		if err := d.load.client.DeleteFile(ctx, again.ID); err != nil {
			return fmt.Errorf("delete file: %w", err)
		}
	}
	if err := d.load.client.DeleteFile(ctx, file.ID); err != nil {
		return fmt.Errorf("delete file: %w", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		d.fault("the deleted file is still there (%v)", err)
	}
	return d.main.stop()
}
