package storetest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Files tests what is known about stored files, and that bytes die only when nobody refers to them.
func Files(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"a file is read as it was reserved":                         fileStored,
		"known says whether the bytes are in place":                 fileKnown,
		"a file's id is unique":                                     fileUnique,
		"a released upload dies and is forgotten":                   fileReleased,
		"a blob lives while any reference lasts":                    fileShared,
		"a file that a job took is not released":                    fileTaken,
		"a job cannot take a file that is not there or not its own": fileMissing,
		"a dying blob is refused until it is forgotten":             fileDying,
		"expired uploads are released, the oldest first":            fileExpired,
		"a blob left dying by a crash is handed out again":          fileLeft,
		"a running job holds a blob that it saved":                  fileOfJob,
		"upload and deletion of the same bytes never meet":          fileRace,
	})
}

func fileStored(f *fixture) {
	r := f.file(content())
	r.Name = "Rechnung – 発票.pdf"
	known, err := f.Reserve(f.ctx(), r, after(60))
	must(f.t, "Reserve", err)
	want(f.t, "known", known, false)
	got, err := f.StoredFile(f.ctx(), f.org, r.ID)
	must(f.t, "StoredFile", err)
	same(f.t, "file", *got, r.File)
	_, err = f.StoredFile(f.ctx(), newID[steward.OrganizationID](), r.ID)
	code(f.t, "another organization", err, steward.NotFound)
	_, err = f.StoredFile(f.ctx(), f.org, newID[steward.FileID]())
	code(f.t, "an unknown file", err, steward.NotFound)
}

// reserve reserves another file with the given bytes and expects known.
func (f *fixture) reserve(sha string, wanted bool) store.FileRecord {
	f.t.Helper()
	r := f.file(sha)
	known, err := f.Reserve(f.ctx(), r, after(60))
	must(f.t, "Reserve", err)
	want(f.t, "known", known, wanted)
	return r
}

// release releases files and expects blobs to be dying.
func (f *fixture) release(wanted []string, files ...store.FileRecord) {
	f.t.Helper()
	var list []steward.FileID
	for _, r := range files {
		list = append(list, r.ID)
	}
	dying, err := f.Release(f.ctx(), list, now())
	must(f.t, "Release", err)
	same(f.t, "dying", slices.Sorted(slices.Values(dying)), slices.Sorted(slices.Values(wanted)))
}

func fileKnown(f *fixture) {
	sha := content()
	f.reserve(sha, false)
	f.reserve(sha, false) // the first upload is still under way
	must(f.t, "Settle", f.Settle(f.ctx(), sha))
	must(f.t, "Settle again", f.Settle(f.ctx(), sha))
	f.reserve(sha, true)
	f.reserve(content(), false)
	code(f.t, "a blob that nobody reserved", f.Settle(f.ctx(), content()), steward.NotFound)
}

func fileUnique(f *fixture) {
	r := f.reserved(content())
	twin := f.file(content())
	twin.ID = r.ID
	_, err := f.Reserve(f.ctx(), twin, after(60))
	code(f.t, "an id that is taken", err, steward.Conflict)
	code(f.t, "the bytes of the refused file", f.Settle(f.ctx(), twin.SHA256), steward.NotFound)
}

func fileReleased(f *fixture) {
	r := f.reserved(content())
	must(f.t, "Settle", f.Settle(f.ctx(), r.SHA256))
	f.release([]string{r.SHA256}, r)
	_, err := f.StoredFile(f.ctx(), f.org, r.ID)
	code(f.t, "a released file", err, steward.NotFound)
	f.release(nil, r, f.file(content())) // unknown by now, and never known
	must(f.t, "Forget", f.Forget(f.ctx(), []string{r.SHA256}))
	must(f.t, "Forget again", f.Forget(f.ctx(), []string{r.SHA256}))
	f.reserve(r.SHA256, false) // as if it had never been there
}

func fileShared(f *fixture) {
	sha := content()
	a, b := f.reserved(sha), f.reserved(sha)
	f.release(nil, a)
	must(f.t, "Forget of a blob alive", f.Forget(f.ctx(), []string{sha}))
	must(f.t, "Settle", f.Settle(f.ctx(), sha))
	f.release([]string{sha}, b)
	f.reserve(content(), false)
}

// taken submits a job with files.
func (f *fixture) taken(files ...store.FileRecord) {
	f.t.Helper()
	j := f.job()
	in := steward.Input{Key: "docs", DataType: "application/pdf"}
	for _, r := range files {
		in.Files = append(in.Files, r.File)
	}
	j.Inputs = []steward.Input{in}
	f.submit(j)
}

func fileTaken(f *fixture) {
	sha := content()
	first, second, text := f.reserved(sha), f.reserved(sha), f.reserved(content())
	f.taken(first)
	j := f.job()
	j.Inputs = []steward.Input{{Key: "text", DataType: "text/plain", Text: &text.File}}
	f.submit(j)
	f.release(nil, first, second, text)
	_, err := f.StoredFile(f.ctx(), f.org, first.ID)
	must(f.t, "StoredFile of a file that a job took", err)
	_, err = f.StoredFile(f.ctx(), f.org, second.ID)
	code(f.t, "the other upload of the same bytes", err, steward.NotFound)
	_, dying, err := f.ReleaseExpired(f.ctx(), after(1_000_000), 100)
	must(f.t, "ReleaseExpired", err)
	want(f.t, "dying", len(dying), 0)
	f.taken(first, first) // a stored file may be run again, twice in one job
}

func fileMissing(f *fixture) {
	foreign := f.reserved(content())
	f.org = newID[steward.OrganizationID]()
	own := f.reserved(content())
	for what, r := range map[string]store.FileRecord{"a file that is not stored": f.file(content()), "a file of another organization": foreign} {
		j := f.job()
		j.Inputs = []steward.Input{{Key: "docs", Files: []steward.File{own.File, r.File}}}
		_, err := f.Submit(f.ctx(), []store.NewJob{j})
		code(f.t, what, err, steward.NotFound)
		_, err = f.Job(f.ctx(), f.org, j.ID)
		code(f.t, "the refused job", err, steward.NotFound)
	}
	f.release([]string{own.SHA256}, own) // no job took it
	replay := f.keyed("k", 1)
	f.submit(replay)
	upload := f.reserved(content())
	again := f.keyed("k", 1)
	again.Inputs = []steward.Input{{Key: "docs", Files: []steward.File{upload.File}}}
	f.replays(again, replay.ID)
	f.release([]string{upload.SHA256}, upload) // a replayed job takes nothing
}

func fileDying(f *fixture) {
	r := f.reserved(content())
	must(f.t, "Settle", f.Settle(f.ctx(), r.SHA256))
	f.release([]string{r.SHA256}, r)
	again := f.file(r.SHA256)
	_, err := f.Reserve(f.ctx(), again, after(60))
	code(f.t, "Reserve of a dying blob", err, steward.Unavailable)
	_, err = f.StoredFile(f.ctx(), f.org, again.ID)
	code(f.t, "the refused file", err, steward.NotFound)
	_, err = f.RefJob(f.ctx(), f.started(), r.SHA256, 1)
	code(f.t, "RefJob of a dying blob", err, steward.Unavailable)
	code(f.t, "Settle of a dying blob", f.Settle(f.ctx(), r.SHA256), steward.Unavailable)
	must(f.t, "Forget", f.Forget(f.ctx(), []string{r.SHA256}))
	f.reserve(r.SHA256, false)
}

func fileExpired(f *fixture) {
	var all []store.FileRecord
	for i := range 3 {
		r := f.file(content())
		_, err := f.Reserve(f.ctx(), r, after(10*(3-i)))
		must(f.t, "Reserve", err)
		all = append(all, r)
	}
	for _, c := range []struct {
		at     time.Time
		dying  []string
		reason string
	}{
		{after(10), []string{}, "a reference lasts until its end"},
		{after(100), []string{all[2].SHA256}, "the oldest first, as many as asked for"},
		{after(100), []string{all[1].SHA256}, "then the next"},
		{after(100), []string{all[0].SHA256}, "then the last"},
		{after(100), []string{}, "then nothing"},
	} {
		dropped, dying, err := f.ReleaseExpired(f.ctx(), c.at, 1)
		must(f.t, "ReleaseExpired", err)
		want(f.t, "uploads dropped", dropped, len(c.dying))
		same(f.t, c.reason, dying, c.dying)
	}
	_, err := f.StoredFile(f.ctx(), f.org, all[0].ID)
	code(f.t, "an expired file", err, steward.NotFound)
}

func fileLeft(f *fixture) {
	r := f.reserved(content())
	f.release([]string{r.SHA256}, r)
	_, soon, err := f.ReleaseExpired(f.ctx(), after(1), 10)
	must(f.t, "ReleaseExpired", err)
	want(f.t, "handed out while its deleter is at work", len(soon), 0)
	hour := now().Add(time.Hour)
	dropped, left, err := f.ReleaseExpired(f.ctx(), hour, 10)
	want(f.t, "uploads dropped", dropped, 0)
	must(f.t, "ReleaseExpired", err)
	same(f.t, "handed out after an hour", left, []string{r.SHA256})
	_, again, err := f.ReleaseExpired(f.ctx(), hour, 10)
	must(f.t, "ReleaseExpired", err)
	want(f.t, "handed out to two", len(again), 0)
	must(f.t, "Forget", f.Forget(f.ctx(), left))
	f.reserve(r.SHA256, false)
}

func fileOfJob(f *fixture) {
	l := f.started()
	sha := content()
	known, err := f.RefJob(f.ctx(), l, sha, 77)
	must(f.t, "RefJob", err)
	want(f.t, "known", known, false)
	must(f.t, "Settle", f.Settle(f.ctx(), sha))
	known, err = f.RefJob(f.ctx(), l, sha, 77)
	must(f.t, "RefJob again", err)
	want(f.t, "known after Settle", known, true)
	upload := f.reserve(sha, true)
	f.release(nil, upload)
	f.finish(l, store.Outcome{Status: steward.StatusSuccess, At: now()})
	f.reserve(sha, true)
}

func fileRace(f *fixture) {
	// bytes plays the blob store: it must hold the content whenever somebody was told that it is there.
	sha := content()
	var mu sync.Mutex
	present := false
	upload := func() {
		r := f.file(sha)
		known, err := f.Reserve(f.ctx(), r, after(60))
		if err != nil {
			code(f.t, "Reserve", err, steward.Unavailable)
			return
		}
		mu.Lock()
		if known && !present {
			f.t.Error("Reserve said known, but the bytes are gone")
		}
		present = true
		mu.Unlock()
		if err := f.Settle(f.ctx(), sha); err != nil {
			f.t.Errorf("Settle of a reserved blob: %v", err)
		}
		mu.Lock()
		if !present {
			f.t.Error("the bytes were deleted under a reference")
		}
		mu.Unlock()
		dying, err := f.Release(f.ctx(), []steward.FileID{r.ID}, now())
		if err != nil {
			f.t.Errorf("Release: %v", err)
		}
		if len(dying) == 0 {
			return
		}
		mu.Lock()
		present = false
		mu.Unlock()
		if err := f.Forget(f.ctx(), dying); err != nil {
			f.t.Errorf("Forget: %v", err)
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				upload()
			}
		})
	}
	wg.Wait()
	want(f.t, "bytes at the end", present, false)
	f.reserve(sha, false)
}
