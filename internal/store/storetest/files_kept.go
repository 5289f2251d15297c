package storetest

import (
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// KeptFiles tests files that callers store for later.
func KeptFiles(t *testing.T, open Open) {
	with(t, open, map[string]func(f *fixture){
		"a kept file does not expire":                               keptStays,
		"a file is known whatever holds it":                         keptInfo,
		"kept files are listed, newest first, by data set":          keptLists,
		"a deleted file takes its bytes along":                      keptDeleted,
		"jobs that used a deleted file keep its bytes":              keptUsed,
		"a kept file stays when the jobs that used it are purged":   keptPurged,
		"a file that waits can be deleted, a job's own file cannot": keptWaiting,
	})
}

// kept keeps a new file in a data set.
func (f *fixture) kept(dataset steward.DatasetID) store.FileInfo {
	f.t.Helper()
	r := f.reserved(content())
	must(f.t, "Settle", f.Settle(f.ctx(), r.SHA256))
	info, err := f.KeepFile(f.ctx(), f.org, r.ID, dataset)
	must(f.t, "KeepFile", err)
	same(f.t, "kept file", *info, store.FileInfo{FileRecord: r, DatasetID: dataset, Kept: true})
	return *info
}

// expired releases what has expired at the end of time.
func (f *fixture) expired(wanted ...string) {
	f.t.Helper()
	_, dying, err := f.ReleaseExpired(f.ctx(), now().Add(1000*time.Hour), 100)
	must(f.t, "ReleaseExpired", err)
	same(f.t, "dying", dying, append([]string{}, wanted...))
}

func keptStays(f *fixture) {
	dataset := newID[steward.DatasetID]()
	k := f.kept("")
	f.release(nil, k.FileRecord)
	f.expired()
	again, err := f.KeepFile(f.ctx(), f.org, k.ID, dataset)
	must(f.t, "KeepFile again", err)
	want(f.t, "data set", again.DatasetID, dataset)
	_, err = f.KeepFile(f.ctx(), newID[steward.OrganizationID](), k.ID, "")
	code(f.t, "a foreign file", err, steward.NotFound)
	_, err = f.KeepFile(f.ctx(), f.org, newID[steward.FileID](), "")
	code(f.t, "an unknown file", err, steward.NotFound)
	twin := f.reserve(k.SHA256, true)
	f.release(nil, twin) // the kept file holds the bytes
}

func keptInfo(f *fixture) {
	r := f.reserved(content())
	got, err := f.FileInfo(f.ctx(), f.org, r.ID)
	must(f.t, "FileInfo", err)
	same(f.t, "an upload", *got, store.FileInfo{FileRecord: r, ExpiresAt: after(60)})
	f.taken(r)
	got, err = f.FileInfo(f.ctx(), f.org, r.ID)
	must(f.t, "FileInfo", err)
	same(f.t, "a job's file", *got, store.FileInfo{FileRecord: r})
	_, err = f.FileInfo(f.ctx(), newID[steward.OrganizationID](), r.ID)
	code(f.t, "a foreign file", err, steward.NotFound)
	_, err = f.FileInfo(f.ctx(), f.org, newID[steward.FileID]())
	code(f.t, "an unknown file", err, steward.NotFound)
}

func keptLists(f *fixture) {
	dataset := newID[steward.DatasetID]()
	first, second, third := f.kept(dataset), f.kept(""), f.kept(dataset)
	f.reserved(content()) // an upload that is not kept
	for what, c := range map[string]struct {
		q     store.FileQuery
		want  []store.FileInfo
		count int64
	}{
		"all":         {store.FileQuery{}, []store.FileInfo{third, second, first}, 3},
		"a data set":  {store.FileQuery{DatasetID: dataset}, []store.FileInfo{third, first}, 2},
		"a page":      {store.FileQuery{Limit: 1, Offset: 1}, []store.FileInfo{second}, 3},
		"behind":      {store.FileQuery{Offset: 3}, []store.FileInfo{}, 3},
		"another set": {store.FileQuery{DatasetID: newID[steward.DatasetID]()}, []store.FileInfo{}, 0},
	} {
		got, count, err := f.ListFiles(f.ctx(), f.org, c.q)
		must(f.t, "ListFiles", err)
		same(f.t, what, got, c.want)
		want(f.t, what+": count", count, c.count)
	}
	got, _, err := f.ListFiles(f.ctx(), newID[steward.OrganizationID](), store.FileQuery{})
	must(f.t, "ListFiles", err)
	want(f.t, "files of another organization", len(got), 0)
	_, _, err = f.ListFiles(f.ctx(), f.org, store.FileQuery{Limit: -1})
	code(f.t, "a limit out of range", err, steward.Invalid)
}

// deleted deletes a file and expects blobs to be dying.
func (f *fixture) deleted(id steward.FileID, wanted ...string) {
	f.t.Helper()
	dying, err := f.DeleteFile(f.ctx(), f.org, id, now())
	must(f.t, "DeleteFile", err)
	same(f.t, "dying", dying, append([]string{}, wanted...))
	_, err = f.FileInfo(f.ctx(), f.org, id)
	code(f.t, "a deleted file", err, steward.NotFound)
	_, err = f.StoredFile(f.ctx(), f.org, id)
	code(f.t, "a deleted file as an input", err, steward.NotFound)
}

func keptDeleted(f *fixture) {
	k := f.kept("")
	_, err := f.DeleteFile(f.ctx(), newID[steward.OrganizationID](), k.ID, now())
	code(f.t, "a foreign file", err, steward.NotFound)
	f.deleted(k.ID, k.SHA256)
	_, err = f.DeleteFile(f.ctx(), f.org, k.ID, now())
	code(f.t, "delete it again", err, steward.NotFound)
	must(f.t, "Forget", f.Forget(f.ctx(), []string{k.SHA256}))
	shared := f.kept("")
	twin := f.reserve(shared.SHA256, true)
	f.deleted(shared.ID)
	f.release([]string{shared.SHA256}, twin)
}

func keptUsed(f *fixture) {
	k := f.kept("")
	f.taken(k.FileRecord)
	f.taken(k.FileRecord, k.FileRecord)
	f.deleted(k.ID)
	f.expired()
	again := f.reserve(k.SHA256, true)
	f.release(nil, again)
	j := f.job()
	j.Inputs = []steward.Input{{Key: "docs", Files: []steward.File{k.File}}}
	_, err := f.Submit(f.ctx(), []store.NewJob{j})
	code(f.t, "a new job with the deleted file", err, steward.NotFound)
}

func keptPurged(f *fixture) {
	k := f.kept("")
	j := f.job()
	j.Inputs = []steward.Input{{Key: "docs", DataType: "application/pdf", Files: []steward.File{k.File}}}
	f.submit(j)
	f.finish(f.claimOne(j.ID, now()), store.Outcome{Status: steward.StatusSuccess, At: now()})
	purged, err := f.Purge(f.ctx(), f.org, j.ID, after(1))
	must(f.t, "Purge", err)
	want(f.t, "dying", len(purged.Dying), 0)
	got, err := f.FileInfo(f.ctx(), f.org, k.ID)
	must(f.t, "FileInfo", err)
	same(f.t, "the kept file", *got, k)
	f.deleted(k.ID, k.SHA256)
}

func keptWaiting(f *fixture) {
	waiting, own := f.reserved(content()), f.reserved(content())
	f.deleted(waiting.ID, waiting.SHA256)
	f.taken(own)
	_, err := f.DeleteFile(f.ctx(), f.org, own.ID, now())
	code(f.t, "a job's own file", err, steward.Conflict)
	kept, err := f.KeepFile(f.ctx(), f.org, own.ID, "")
	must(f.t, "KeepFile of a job's file", err)
	want(f.t, "kept", kept.Kept, true)
	f.deleted(own.ID)
	f.expired(waiting.SHA256) // nobody has buried it yet
}
