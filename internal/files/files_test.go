package files_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/blob"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/files"
	"github.com/stewardhq/steward/internal/safehttp"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// house is a service over a database and a folder of its own, with an organization and a job that runs.
type house struct {
	*files.Service
	store  *sqlite.Store
	faults *faults
	clock  *clock.Fake
	folder string
	who    *steward.Principal
	agent  steward.Agent
	ver    steward.Version
}

// faults is the store with calls that a test wants to see or to spoil.
type faults struct {
	files.Store
	beforeReserve func() error
	afterReserve  func()
	beforeSettle  func() error
	swept         chan struct{}
}

func (f *faults) Reserve(ctx context.Context, r store.FileRecord, expires time.Time) (bool, error) {
	if f.beforeReserve != nil {
		if err := f.beforeReserve(); err != nil {
			return false, err
		}
	}
	known, err := f.Store.Reserve(ctx, r, expires)
	if f.afterReserve != nil {
		f.afterReserve()
	}
	return known, err
}

func (f *faults) Settle(ctx context.Context, sha string) error {
	if f.beforeSettle != nil {
		if err := f.beforeSettle(); err != nil {
			return err
		}
	}
	return f.Store.Settle(ctx, sha)
}

func (f *faults) ReleaseExpired(ctx context.Context, now time.Time, limit int) (int, []string, error) {
	if f.swept != nil {
		f.swept <- struct{}{}
	}
	return f.Store.ReleaseExpired(ctx, now, limit)
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{folder: filepath.Join(t.TempDir(), "blobs"), clock: clock.NewFake(time.Now())}
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "steward.db"), nil)
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	bucket, err := blob.Open(t.Context(), h.folder, nil)
	if err != nil {
		t.Fatalf("open bucket: %v", err)
	}
	t.Cleanup(func() {
		if err := errors.Join(bucket.Close(), st.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	web, err := safehttp.New(&safehttp.Options{AllowHosts: []string{"127.0.0.1"}, MaxBytes: files.MaxFileBytes + 1})
	if err != nil {
		t.Fatalf("new client: %v", err)
	}
	t.Cleanup(web.CloseIdle)
	h.store, h.faults = st, &faults{Store: st}
	h.Service = files.New(h.faults, bucket, web, &files.Options{Clock: h.clock, SweepEvery: time.Millisecond})
	h.found(t)
	return h
}

// found makes the organization and an agent.
func (h *house) found(t testing.TB) {
	t.Helper()
	now := h.clock.Now()
	org := steward.OrganizationID(newID(t))
	user := steward.User{OrganizationID: org, Email: "owner@example.com", DateJoined: now, IsActive: true}
	key := store.KeyRecord{Key: steward.Key{ID: steward.KeyID(newID(t)), OrganizationID: org, Prefix: "stw_test", Scopes: steward.Scopes(), CreatedAt: now}}
	uid, err := h.store.Bootstrap(t.Context(), steward.Organization{ID: org, Name: "Test", CreatedAt: now}, user, key)
	if err != nil {
		t.Fatalf("bootstrap: %v", err)
	}
	h.who = &steward.Principal{OrganizationID: org, UserID: uid, Scopes: steward.Scopes()}
	h.agent = steward.Agent{ID: steward.AgentID(newID(t)), OrganizationID: org, Creator: &steward.UserInfo{ID: uid}, Name: "agent", EngineClassID: "E", CreatedAt: now, UpdatedAt: now}
	h.ver = steward.Version{ID: steward.VersionID(newID(t)), OrganizationID: org, Creator: &steward.UserInfo{ID: uid}, EngineClassID: "E", CreatedAt: now, EngineConfig: []byte("{}")}
	h.agent.CurrentVersionID, h.ver.BaseAgent = h.ver.ID, h.agent
	if err := h.store.CreateAgent(t.Context(), h.agent, h.ver); err != nil {
		t.Fatalf("create agent: %v", err)
	}
}

// running submits a job with the files and claims it.
func (h *house) running(t testing.TB, fs ...steward.File) store.Lease {
	t.Helper()
	job := store.NewJob{
		ID: steward.JobID(newID(t)), OrganizationID: h.who.OrganizationID, AgentID: h.agent.ID, VersionID: h.ver.ID, EngineClassID: "E",
		CreatorID: h.who.UserID, CreatedAt: h.clock.Now(), Timeout: time.Hour, Inputs: []steward.Input{{Key: "in", DataType: "text/plain", Files: fs}},
	}
	if _, err := h.store.Submit(t.Context(), []store.NewJob{job}); err != nil {
		t.Fatalf("submit: %v", err)
	}
	claimed, err := h.store.Claim(t.Context(), store.ClaimRequest{
		Worker: store.Worker{Node: "n", Incarnation: "i"}, Now: h.clock.Now(), Max: 1, Lease: time.Minute,
	})
	if err != nil || len(claimed) != 1 {
		t.Fatalf("claim: got %d jobs, %v", len(claimed), err)
	}
	return claimed[0].Lease
}

func (h *house) ctx(t testing.TB) context.Context { return steward.WithPrincipal(t.Context(), h.who) }

func (h *house) upload(t testing.TB, name, content string) steward.File {
	t.Helper()
	f, err := h.Upload(h.ctx(t), name, "", strings.NewReader(content))
	if err != nil {
		t.Fatalf("upload %s: %v", name, err)
	}
	return f
}

// content reads a file; ok is false when it is gone.
func (h *house) content(t testing.TB, f steward.File) (content string, ok bool) {
	t.Helper()
	r, err := h.Open(t.Context(), f)
	if steward.CodeOf(err) == steward.NotFound {
		return "", false
	}
	if err != nil {
		t.Fatalf("open %s: %v", f.Name, err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatalf("read %s: %v", f.Name, err)
	}
	return string(b), true
}

// onDisk lists what the blob folder holds.
func (h *house) onDisk(t testing.TB) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(h.folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatalf("walk: %v", err)
	}
	return out
}

func (h *house) wantNothingLeft(t testing.TB) {
	t.Helper()
	if left := h.onDisk(t); len(left) > 0 {
		t.Errorf("left on disk: %v", left)
	}
	h.clock.Advance(24 * time.Hour)
	if n, err := h.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("the sweeper found %d blobs, %v", n, err)
	}
}

func newID(t testing.TB) string {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

func TestUpload(t *testing.T) {
	t.Parallel()
	t.Run("stores what came, under a clean name", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		f := h.upload(t, `C:\Users\x\..\invoice.pdf`, "%PDF-1.7 …")
		stored, err := h.Stored(t.Context(), h.who.OrganizationID, f.ID)
		if err != nil || stored != f {
			t.Errorf("stored as %+v, %v, want %+v", stored, err, f)
		}
		want := steward.File{ID: f.ID, Name: "invoice.pdf", ContentType: "application/pdf", SizeBytes: 12, SHA256: f.SHA256}
		if f != want || !steward.IsFileID(string(f.ID)) {
			t.Errorf("got %+v, want %+v", f, want)
		}
		if got, ok := h.content(t, f); !ok || got != "%PDF-1.7 …" {
			t.Errorf("content is %q, %v", got, ok)
		}
		if _, err := h.Stored(t.Context(), steward.OrganizationID(newID(t)), f.ID); steward.CodeOf(err) != steward.NotFound {
			t.Errorf("another organization sees it: %v", err)
		}
	})
	t.Run("needs a principal who may run", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		reader := steward.WithPrincipal(t.Context(), &steward.Principal{OrganizationID: h.who.OrganizationID, Scopes: []steward.Scope{steward.ScopeRead}})
		for want, ctx := range map[steward.Code]context.Context{steward.Unauthenticated: t.Context(), steward.Denied: reader} {
			_, err := h.Upload(ctx, "x", "", strings.NewReader("x"))
			_, ferr := h.FetchURL(ctx, "http://127.0.0.1/")
			if steward.CodeOf(err) != want || steward.CodeOf(ferr) != want || steward.CodeOf(h.Release(ctx, "x")) != want {
				t.Errorf("got %v and %v, want %s", err, ferr, want)
			}
		}
		h.wantNothingLeft(t)
	})
	t.Run("stores equal content once, and keeps it as long as one file needs it", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		a, b := h.upload(t, "a.txt", "same"), h.upload(t, "b.txt", "same")
		if a.ID == b.ID || a.SHA256 != b.SHA256 || len(h.onDisk(t)) != 1 {
			t.Fatalf("got %+v and %+v, on disk %v", a, b, h.onDisk(t))
		}
		if err := h.Release(h.ctx(t), a.ID); err != nil {
			t.Fatal(err)
		}
		if _, ok := h.content(t, b); !ok {
			t.Fatal("the other file lost its content")
		}
		if err := h.Release(h.ctx(t), b.ID); err != nil {
			t.Fatal(err)
		}
		h.wantNothingLeft(t)
	})
	t.Run("puts bytes back that went missing", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		f := h.upload(t, "a.txt", "restored")
		if err := os.Remove(h.onDisk(t)[0]); err != nil {
			t.Fatal(err)
		}
		h.upload(t, "a.txt", "restored")
		if got, ok := h.content(t, f); !ok || got != "restored" {
			t.Errorf("got %q, %v", got, ok)
		}
	})
}

func TestUploadLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	gone := errors.New("connection reset")
	t.Run("when it is too large", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		_, err := h.Upload(h.ctx(t), "big", "", io.LimitReader(endless{}, files.MaxFileBytes+1))
		if steward.CodeOf(err) != steward.TooLarge {
			t.Errorf("got %v", err)
		}
		h.wantNothingLeft(t)
	})
	t.Run("when the client goes away half-way", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		_, err := h.Upload(h.ctx(t), "half", "", io.MultiReader(io.LimitReader(endless{}, 1<<20), iotest.ErrReader(gone)))
		if !errors.Is(err, gone) {
			t.Errorf("got %v", err)
		}
		h.wantNothingLeft(t)
	})
	t.Run("when the client goes away after the last byte", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		ctx, cancel := context.WithCancelCause(h.ctx(t))
		h.faults.afterReserve = func() { cancel(gone) }
		if _, err := h.Upload(ctx, "late", "", strings.NewReader("x")); !errors.Is(err, gone) {
			t.Errorf("got %v", err)
		}
		h.wantNothingLeft(t)
	})
	t.Run("when the database fails", func(t *testing.T) {
		t.Parallel()
		broken := errors.New("disk image is malformed")
		for name, set := range map[string]func(*faults){
			"before": func(f *faults) { f.beforeReserve = func() error { return broken } },
			"after":  func(f *faults) { f.beforeSettle = func() error { return broken } },
		} {
			h := newHouse(t)
			set(h.faults)
			if _, err := h.Upload(h.ctx(t), "x", "", strings.NewReader("x")); !errors.Is(err, broken) {
				t.Errorf("%s: got %v", name, err)
			}
			h.wantNothingLeft(t)
		}
	})
}

// endless gives bytes for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestUploadWaitsForADyingBlob(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.upload(t, "a.txt", "phoenix")
	dying, err := h.store.Release(t.Context(), []steward.FileID{f.ID}, h.clock.Now())
	if err != nil || len(dying) != 1 {
		t.Fatalf("release: %v, %v", dying, err)
	}
	tries := 0
	h.faults.beforeReserve = func() error {
		if tries++; tries == 3 { // the other deleter comes to its end
			return errors.Join(os.Remove(h.onDisk(t)[0]), h.store.Forget(t.Context(), dying))
		}
		return nil
	}
	again := h.upload(t, "a.txt", "phoenix")
	if got, ok := h.content(t, again); !ok || got != "phoenix" || tries != 3 {
		t.Errorf("got %q, %v after %d tries", got, ok, tries)
	}
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(h.ctx(t))
	h.faults.beforeReserve = func() error {
		cancel(stop)
		return &steward.Error{Code: steward.Unavailable, Message: "Busy."}
	}
	if _, err := h.Upload(ctx, "b", "", strings.NewReader("b")); !errors.Is(err, stop) {
		t.Errorf("an ended context: got %v", err)
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	mine, taken := h.upload(t, "mine", "mine"), h.upload(t, "taken", "taken")
	h.running(t, taken)
	stranger := steward.WithPrincipal(t.Context(), &steward.Principal{OrganizationID: steward.OrganizationID(newID(t)), Scopes: steward.Scopes()})
	if err := h.Release(stranger, mine.ID); err != nil {
		t.Fatal(err)
	}
	if _, ok := h.content(t, mine); !ok {
		t.Fatal("another organization released the file")
	}
	ended, end := context.WithCancel(h.ctx(t))
	end()
	if err := h.Release(ended, mine.ID, taken.ID, steward.FileID(newID(t))); err != nil {
		t.Fatal(err)
	}
	if _, ok := h.content(t, mine); ok {
		t.Error("the released file is still there")
	}
	if _, ok := h.content(t, taken); !ok {
		t.Error("the job lost its file")
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	t.Run("drops uploads after an hour, and what jobs took never", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		old, taken := h.upload(t, "old", "old"), h.upload(t, "taken", "taken")
		h.running(t, taken)
		h.clock.Advance(50 * time.Minute)
		fresh := h.upload(t, "fresh", "fresh")
		for step, want := range []int{0, 1, 0} {
			if n, err := h.Sweep(t.Context()); n != want || err != nil {
				t.Errorf("sweep %d: deleted %d, %v, want %d", step, n, err, want)
			}
			h.clock.Advance(11 * time.Minute)
		}
		for _, c := range []struct {
			f    steward.File
			want bool
		}{{old, false}, {taken, true}, {fresh, true}} {
			if _, ok := h.content(t, c.f); ok != c.want {
				t.Errorf("%s: there is %v, want %v", c.f.Name, ok, c.want)
			}
		}
		if _, err := h.Stored(t.Context(), h.who.OrganizationID, old.ID); steward.CodeOf(err) != steward.NotFound {
			t.Errorf("the record of the old file: %v", err)
		}
	})
	t.Run("finishes deletions that a crash interrupted", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		f := h.upload(t, "x", "half buried")
		if dying, err := h.store.Release(t.Context(), []steward.FileID{f.ID}, h.clock.Now()); err != nil || len(dying) != 1 {
			t.Fatalf("release: %v, %v", dying, err)
		}
		h.clock.Advance(time.Hour)
		if n, err := h.Sweep(t.Context()); n != 1 || err != nil {
			t.Errorf("deleted %d, %v", n, err)
		}
		h.wantNothingLeft(t)
	})
	t.Run("keeps what it cannot delete for later", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		f := h.upload(t, "x", "sticky")
		path := filepath.Join(h.folder, f.SHA256[:2], f.SHA256[2:4], f.SHA256)
		// A folder with something in it cannot be removed like a file, not even by root.
		if err := errors.Join(os.Remove(path), os.MkdirAll(filepath.Join(path, "in the way"), 0o700)); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(2 * time.Hour)
		if n, err := h.Sweep(t.Context()); n != 0 || err == nil {
			t.Errorf("deleted %d, %v", n, err)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(time.Hour)
		if n, err := h.Sweep(t.Context()); n != 1 || err != nil {
			t.Errorf("later: deleted %d, %v", n, err)
		}
	})
	t.Run("runs at once, again and again, until the context ends", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		f := h.upload(t, "x", "x")
		h.clock.Advance(2 * time.Hour)
		h.faults.swept = make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()
		for range 4 {
			<-h.faults.swept
		}
		cancel()
		for {
			select {
			case <-h.faults.swept:
				continue
			case err := <-done:
				if _, ok := h.content(t, f); err != nil || ok {
					t.Errorf("got %v, the file is there: %v", err, ok)
				}
			}
			return
		}
	})
}

func TestSaveForJob(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	lease := h.running(t)
	for range 2 {
		sha, size, err := h.SaveForJob(t.Context(), lease, strings.NewReader("page image"))
		if err != nil || size != 10 {
			t.Fatalf("got %d bytes, %v", size, err)
		}
		if got, ok := h.content(t, steward.File{SHA256: sha}); !ok || got != "page image" {
			t.Errorf("got %q, %v", got, ok)
		}
	}
	h.clock.Advance(24 * time.Hour)
	if n, err := h.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("the sweeper took what a job holds: %d, %v", n, err)
	}
	before := len(h.onDisk(t))
	lost := store.Lease{JobID: lease.JobID, Fence: lease.Fence + 1}
	if _, _, err := h.SaveForJob(t.Context(), lost, strings.NewReader("too late")); steward.CodeOf(err) != steward.Conflict {
		t.Errorf("lost lease: got %v", err)
	}
	gone := errors.New("gone")
	if _, _, err := h.SaveForJob(t.Context(), lease, iotest.ErrReader(gone)); !errors.Is(err, gone) {
		t.Errorf("broken reader: got %v", err)
	}
	if after := len(h.onDisk(t)); after != before {
		t.Errorf("%d files on disk, want %d", after, before)
	}
}

// TestUploadsAndReleasesRace shows the protocol at work: content that is deleted and stored at once by many is there for
// everyone who was told so.
func TestUploadsAndReleasesRace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 1))
			for i := range 20 {
				want := fmt.Sprintf("content %d", r.IntN(2))
				f, err := h.Upload(h.ctx(t), "x", "", strings.NewReader(want))
				if err != nil {
					t.Errorf("upload %d: %v", i, err)
					return
				}
				if got, ok := h.content(t, f); !ok || got != want {
					t.Errorf("after upload %d: got %q, %v, want %q", i, got, ok, want)
				}
				if err := h.Release(h.ctx(t), f.ID); err != nil {
					t.Errorf("release %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	h.wantNothingLeft(t)
}

// officeZip makes an archive with empty parts of the given names.
func officeZip(t testing.TB, method uint16, names ...string) string {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, name := range names {
		body, text := "", name
		if i := strings.IndexByte(name, '='); i >= 0 {
			text, body = name[:i], name[i+1:]
		}
		p, err := w.CreateHeader(&zip.FileHeader{Name: text, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(p, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// Uploads of content that lives on are dropped without a deletion; a sweep must not take that for its end.
func TestASweepGoesOnBehindUploadsOfKnownContent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const uploads = 1200
	record := func(id steward.FileID, expires time.Time) {
		f := steward.File{ID: id, Name: "a.txt", ContentType: "text/plain", SizeBytes: 1, SHA256: strings.Repeat("ab", 32)}
		_, err := h.store.Reserve(t.Context(), store.FileRecord{File: f, OrganizationID: h.who.OrganizationID, CreatedAt: h.clock.Now()}, expires)
		if err != nil {
			t.Errorf("Reserve: %v", err)
		}
	}
	lasting := steward.FileID(newID(t))
	record(lasting, h.clock.Now().Add(time.Hour))
	ids := make([]steward.FileID, uploads)
	var wg sync.WaitGroup
	for i := range ids {
		ids[i] = steward.FileID(newID(t))
		wg.Go(func() { record(ids[i], h.clock.Now().Add(time.Minute)) })
	}
	wg.Wait()
	h.clock.Advance(2 * time.Minute)
	if n, err := h.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("Sweep: got %d deleted, %v, want none", n, err)
	}
	for _, id := range ids {
		if _, err := h.store.StoredFile(t.Context(), h.who.OrganizationID, id); steward.CodeOf(err) != steward.NotFound {
			t.Fatalf("an expired upload: got %v, want NotFound", err)
		}
	}
	if _, err := h.store.StoredFile(t.Context(), h.who.OrganizationID, lasting); err != nil {
		t.Errorf("the upload that lasts: %v", err)
	}
}
