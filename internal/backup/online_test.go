package backup_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/app/apptest"
	"github.com/stewardhq/steward/internal/backup"
)

// load is what callers of a server have been told.
type load struct {
	*client.Client
	totals, saves steward.AgentID

	mu    sync.Mutex
	files map[steward.FileID][]byte // that were stored, and whose deletion nobody asked for
	jobs  map[steward.JobID]int     // that were accepted: the total that they find; 0 for one that saves a file
	ops   atomic.Int64
}

func newLoad(ctx context.Context, folder string) (*load, error) {
	c, err := client.New(&client.Options{DataFolder: folder})
	if err != nil {
		return nil, err
	}
	l := &load{Client: c, files: map[steward.FileID][]byte{}, jobs: map[steward.JobID]int{}}
	a, err := c.CreateAgent(ctx, client.AgentCreate{
		Name: "totals", EngineClassID: "MultimodalExtractionEngine",
		EngineConfig:     json.RawMessage(`{"text": "${text}", "output_schema": {"type": "object", "properties": {"total": {"type": "number"}}}}`),
		InputDefinitions: []steward.InputDefinition{{Key: "text", DataType: "text/plain", Description: "The text"}},
	})
	if err != nil {
		return nil, err
	}
	l.totals = a.ID
	if a, err = c.CreateAgent(ctx, client.AgentCreate{Name: "saves", EngineClassID: "SavingEngine"}); err != nil {
		return nil, err
	}
	l.saves = a.ID
	return l, nil
}

// work stores files, starts jobs, and deletes files and the data of jobs until ctx ends.
func (l *load) work(ctx context.Context, worker int) error {
	for i := 1; ctx.Err() == nil; i++ {
		if err := l.once(ctx, worker*1_000_000+i); err != nil && ctx.Err() == nil {
			return err
		}
		l.ops.Add(1)
	}
	return nil
}

func (l *load) once(ctx context.Context, n int) error {
	content := make([]byte, 1000+n%50_000)
	_, _ = rand.Read(content) // never fails
	f, err := l.UploadFile(ctx, client.File{Bytes: content, Name: fmt.Sprint(n)}, nil)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.files[f.ID] = content
	l.mu.Unlock()
	agent, inputs, total := l.totals, client.Inputs{"text": fmt.Sprintf("Total: %d", n)}, n
	if n%3 == 0 {
		agent, inputs, total = l.saves, client.Inputs{}, 0
	}
	id, err := l.Run(ctx, agent, client.RunParams{Inputs: inputs, SkipCache: true})
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.jobs[id] = total
	l.mu.Unlock()
	if n%4 == 1 { // a file that was just stored goes again
		l.mu.Lock()
		delete(l.files, f.ID)
		l.mu.Unlock()
		if err := l.DeleteFile(ctx, f.ID); err != nil {
			return err
		}
	}
	if n%5 == 2 {
		if _, err := l.Wait(ctx, id, nil); err != nil {
			return err
		}
		l.mu.Lock()
		delete(l.jobs, id)
		l.mu.Unlock()
		if _, err := l.DeleteJobData(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// told returns what has been acknowledged so far.
func (l *load) told() (map[steward.FileID][]byte, map[steward.JobID]int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.files), maps.Clone(l.jobs)
}

// TestABackupUnderLoadHasEverythingThatWasAcknowledged takes backups of a working server, puts them back, and asks servers on them.
func TestABackupUnderLoadHasEverythingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	l, err := newLoad(t.Context(), s.Folder)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			if err := l.work(ctx, w+1); err != nil {
				t.Errorf("load: %v", err)
			}
		})
	}
	until(t, "the server is at work", func() bool { return l.ops.Load() > 60 })
	dir := t.TempDir()
	type taken struct {
		path  string
		files map[steward.FileID][]byte
		jobs  map[steward.JobID]int
	}
	var all []taken
	for _, name := range []string{"folder", "packed.tar.zst"} {
		files, jobs := l.told()
		before := l.ops.Load()
		m, err := backup.Create(t.Context(), backup.CreateParams{
			Source: backup.Source{Data: s.Folder}, Target: filepath.Join(dir, name), WithSecrets: true, Program: "test",
		})
		if err != nil {
			t.Fatalf("Create: %v", err)
		}
		if len(m.DeletedMeanwhile) > 0 || len(m.Damage) > 0 {
			t.Errorf("%s: not whole: %+v", name, m.Manifest)
		}
		still, left := l.told() // whatever was deleted meanwhile may be gone
		maps.DeleteFunc(files, func(id steward.FileID, _ []byte) bool { return still[id] == nil })
		maps.DeleteFunc(jobs, func(id steward.JobID, _ int) bool { _, ok := left[id]; return !ok })
		all = append(all, taken{m.Path, files, jobs})
		wantFine(t, name, verifyBackup(t, m.Path))
		until(t, "the server goes on", func() bool { return l.ops.Load() > before+40 })
		wantFine(t, "the working server", verify(t, s.Folder))
	}
	stop()
	wg.Wait()
	for _, b := range all {
		t.Logf("%s: %d files, %d jobs", b.path, len(b.files), len(b.jobs))
		folder := filepath.Join(t.TempDir(), "data")
		if _, err := backup.Restore(t.Context(), backup.RestoreParams{Path: b.path, Data: folder}); err != nil {
			t.Fatalf("Restore: %v", err)
		}
		wantFine(t, "the restored folder", verify(t, folder))
		ask(t, folder, b.files, b.jobs)
		wantFine(t, "the restored folder after its jobs", verify(t, folder))
	}
	entries, err := filepath.Glob(filepath.Join(s.Folder, "files", "tmp", "held-*"))
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// ask starts a server on a restored folder, and asks it for everything that was acknowledged.
func ask(t *testing.T, folder string, files map[steward.FileID][]byte, jobs map[steward.JobID]int) {
	t.Helper()
	s, err := apptest.Open(t.Context(), folder)
	if err != nil {
		t.Fatalf("start on the restored folder: %v", err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	}()
	c, err := client.New(&client.Options{DataFolder: folder})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range files {
		var got bytes.Buffer
		if _, err := c.DownloadFile(t.Context(), id, &got, nil); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("file %s: %d bytes instead of %d, %v", id, got.Len(), len(want), err)
		}
	}
	for id, total := range jobs {
		r, err := c.Wait(t.Context(), id, nil)
		if err != nil || r.Status != steward.StatusSuccess {
			t.Errorf("job %s: %+v, %v", id, r, err)
			continue
		}
		if total > 0 {
			if want := fmt.Sprintf(`"total":%d`, total); !strings.Contains(strings.ReplaceAll(r.Outputs[0].Value, " ", ""), want) {
				t.Errorf("job %s: %s, want %s", id, r.Outputs[0].Value, want)
			}
			continue
		}
		var page bytes.Buffer
		if _, err := c.DownloadReference(t.Context(), id, "page-1.txt", &page, nil); err != nil || page.String() != "the first page" {
			t.Errorf("what job %s saved: %q, %v", id, page.String(), err)
		}
	}
}

// What a process that is to be killed does.
const (
	killedDoes = "STEWARD_TEST_BACKUP_DOES"
	killedFrom = "STEWARD_TEST_BACKUP_FROM"
	killedTo   = "STEWARD_TEST_BACKUP_TO"
)

func TestMain(m *testing.M) {
	from, to := os.Getenv(killedFrom), os.Getenv(killedTo)
	var err error
	switch os.Getenv(killedDoes) {
	case "":
		os.Exit(m.Run())
	case "backup":
		_, err = create(context.Background(), from, to)
	case "restore":
		_, err = backup.Restore(context.Background(), backup.RestoreParams{Path: from, Data: to})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// killed starts a process and kills it after a while. It reports whether it had ended before.
func killed(t *testing.T, does, from, to string, after time.Duration) (ended bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedDoes+"="+does, killedFrom+"="+from, killedTo+"="+to)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() }) // it may have ended
	defer timer.Stop()
	err := cmd.Wait()
	if cmd.ProcessState.ExitCode() > 0 {
		t.Fatalf("%s: %v, %s", does, err, out.String())
	}
	return err == nil
}

// full makes a data folder with many files, whose server has stopped.
func full(t *testing.T, files int) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	s, err := apptest.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLoad(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	for n := range files {
		if err := l.once(t.Context(), n*20+3); err != nil { // which deletes nothing
			t.Fatal(err)
		}
	}
	for id := range l.jobs {
		if _, err := l.Wait(t.Context(), id, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestAKilledBackupIsNeverTakenForAWholeOne kills backups at many moments: what has the target's name is whole, and the next one
// succeeds.
func TestAKilledBackupIsNeverTakenForAWholeOne(t *testing.T) {
	t.Parallel()
	data := full(t, 40)
	for _, name := range []string{"b", "b.tar", "b.tar.zst"} {
		target := filepath.Join(t.TempDir(), name)
		kills := 0
		for after := time.Millisecond; ; after += 4 * time.Millisecond {
			ended := killed(t, "backup", data, target, after)
			if _, err := os.Stat(target); err == nil {
				wantFine(t, name, verifyBackup(t, target))
				break
			} else if ended {
				t.Fatalf("%s ended, and there is none", name)
			}
			kills++
		}
		t.Logf("%s: %d kills", name, kills)
		if kills < 2 {
			t.Errorf("%s: only %d kills", name, kills)
		}
		left, err := filepath.Glob(target + ".partial*")
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
	wantFine(t, "the data folder", verify(t, data))
}

// TestAKilledRestoreIsNeverTakenForAWholeOne kills restores at many moments: no server starts on what is half done.
func TestAKilledRestoreIsNeverTakenForAWholeOne(t *testing.T) {
	t.Parallel()
	data := full(t, 40)
	from := filepath.Join(t.TempDir(), "b.tar.zst")
	if _, err := create(t.Context(), data, from); err != nil {
		t.Fatal(err)
	}
	kills := 0
	to := filepath.Join(t.TempDir(), "data")
	for after := time.Millisecond; ; after += 4 * time.Millisecond {
		ended := killed(t, "restore", from, to, after)
		if backup.Unfinished(to) {
			if _, err := apptest.Open(t.Context(), to); err == nil {
				t.Fatal("a server started on half a restore")
			}
		}
		if ended {
			break
		}
		kills++
		if _, err := os.Stat(filepath.Join(to, "steward.db")); err == nil && !backup.Unfinished(to) {
			break // killed after its end
		}
	}
	t.Logf("%d kills", kills)
	if kills < 2 {
		t.Errorf("only %d kills", kills)
	}
	wantFine(t, "the restored folder", verify(t, to))
	s, err := apptest.Open(t.Context(), to)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}
