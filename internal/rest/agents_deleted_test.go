package rest_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/app/apptest"
)

// A whole server: what a deleted agent leaves is ended and removed without anybody asking again.
func TestADeletedAgentTakesItsJobsAndTheirFilesAlong(t *testing.T) {
	t.Parallel()
	server := apptest.Start(t)
	c := &caller{t: t, url: server.BaseURL(), key: server.APIKey}
	agents := map[string]steward.Agent{}
	for _, engine := range []string{"SavingEngine", "WaitingEngine"} {
		var a steward.Agent
		c.must(http.MethodPost, agentsPath, fmt.Sprintf(`{"name":%q,"engine_class_id":%q}`, engine, engine), &a)
		agents[engine] = a
	}
	var saved, waits string
	c.must(http.MethodPost, agentsPath+"run/"+string(agents["SavingEngine"].ID)+"/async/", "", &saved)
	c.ended(saved)
	c.must(http.MethodPost, agentsPath+"run/"+string(agents["WaitingEngine"].ID)+"/async/", "", &waits)
	if n := blobs(t, server.Folder); n == 0 {
		t.Fatal("the first job saved nothing")
	}
	var org steward.OrganizationID
	for _, a := range agents {
		org = a.OrganizationID
		c.must(http.MethodDelete, agentsPath+string(a.ID)+"/", "", nil)
	}
	// The agents are gone for every caller, so that the database itself is asked what became of the jobs.
	until(t, "no open job and no file of theirs is left", func() bool {
		refs, err := server.Store().DeletedAgents(t.Context(), 10)
		ok(t, err)
		return len(refs) == 0 && blobs(t, server.Folder) == 0
	})
	for _, job := range []string{saved, waits} {
		if _, err := server.Store().Job(t.Context(), org, steward.JobID(job)); steward.CodeOf(err) != steward.NotFound {
			t.Errorf("job %s: %v", job, err)
		}
	}
}

// blobs counts the files that a server keeps.
func blobs(t *testing.T, folder string) (n int) {
	t.Helper()
	root := filepath.Join(folder, "files")
	ok(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.HasPrefix(path, filepath.Join(root, "tmp")) {
			n++
		}
		return err
	}))
	return n
}
