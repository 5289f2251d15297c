package sqlite_test

import (
	"os"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// firstRows are rows as the first release wrote them: two agents, three jobs of one of them, a file that waits and one that a job has.
const firstRows = `
INSERT INTO agents (id, organization_id, creator_id, created_at, updated_at, name, name_folded, search_folded, disable_cache, cache_failed_jobs,
	engine_class_id, engine_name, current_version_id, tags) VALUES
	('a1', 'o', 0, 1000, 2000, 'Reader', 'reader', 'reader', 1, 0, 'E', 'Engine', 'v1', '[]'),
	('a2', 'o', 0, 3000, 3000, 'Idle', 'idle', 'idle', 0, 0, 'E', 'Engine', 'v2', '[]');
INSERT INTO versions (id, agent_id, organization_id, version_name, creator_id, created_at, description, engine_class_id, engine_name,
	input_definitions, engine_config, readonly, supports_memory, post_actions, warnings) VALUES
	('v1', 'a1', 'o', 'version 1', 0, 1000, '', 'E', 'Engine', '[]', '{"a":1}', 0, 0, '[]', '[]'),
	('v2', 'a2', 'o', 'version 1', 0, 3000, '', 'E', 'Engine', '[]', '{}', 0, 0, '[]', '[]');
INSERT INTO jobs (id, organization_id, agent_id, provider, status, run_after, deadline, created_at, updated_at, version_id, version_name,
	engine_class_id, creator_id, events, metadata, inputs)
	SELECT 'j' || value, 'o', 'a1', '', 0, 0, 9000000000000000, 5000 + value, 5000, 'v1', 'version 1', 'E', 0, '[]', '{}', '[]'
	FROM json_each('[1,2,3]');
INSERT INTO job_counts VALUES ('o', 'a1', 0, 3);
INSERT INTO blobs (sha256, size_bytes, state) VALUES ('s1', 1, 1), ('s2', 1, 1);
INSERT INTO files VALUES ('f1', 'o', 's1', 'waits.txt', 'text/plain', 1, '', 1000, 7000), ('f2', 'o', 's2', 'taken.txt', 'text/plain', 1, '', 1000, 0);
INSERT INTO blob_jobs VALUES ('s2', 1);`

func TestAgentsAndFilesOfTheFirstReleaseAreKept(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("testdata/schema_0001.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := newPath(t)
	db := raw(t, path)
	execute(t, db, string(content))
	execute(t, db, firstRows)
	s, ctx := open(t, path), t.Context()

	list, count, err := s.ListAgents(ctx, "o", store.AgentQuery{Order: "-job_count", Stats: true})
	if err != nil || count != 2 || list[0].Name != "Reader" || *list[0].JobCount != 3 || list[0].MostRecentJob.UnixMicro() != 5003 ||
		*list[1].JobCount != 0 || !list[0].DisableCache || list[0].Tags == nil {
		t.Errorf("agents %+v, %v", list, err)
	}
	if v, err := s.Version(ctx, "o", "a1", ""); err != nil || string(v.EngineConfig) != `{"a":1}` {
		t.Errorf("version %+v, %v", v, err)
	}
	job := benchJob("o", "a1")
	if _, err := s.Submit(ctx, []store.NewJob{job}); err != nil {
		t.Fatal(err)
	}
	a, err := s.Agent(ctx, "o", "a1")
	if err != nil || *a.JobCount != 4 || !a.MostRecentJob.Equal(job.CreatedAt.Truncate(time.Microsecond)) {
		t.Errorf("agent after another job %+v, %v", a, err)
	}
	err = s.CreateAgent(ctx, steward.Agent{ID: "a3", OrganizationID: "o", Name: "Reader"}, steward.Version{ID: "v3"})
	if steward.CodeOf(err) != steward.Conflict {
		t.Errorf("a name that is taken: %v", err)
	}
	if err := s.DeleteAgent(ctx, "o", "a1", time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateAgent(ctx, steward.Agent{ID: "a3", OrganizationID: "o", Name: "Reader"}, steward.Version{ID: "v3"}); err != nil {
		t.Errorf("the name of a deleted agent: %v", err)
	}
	if refs, err := s.DeletedAgents(ctx, 10); err != nil || len(refs) != 1 || refs[0].AgentID != "a1" {
		t.Errorf("deleted agents with open jobs %v, %v", refs, err)
	}
	if f, err := s.KeepFile(ctx, "o", "f1", ""); err != nil || !f.Kept {
		t.Errorf("KeepFile = %+v, %v", f, err)
	}
	dropped, dying, err := s.ReleaseExpired(ctx, time.Now(), 10)
	if err != nil || dropped != 0 || len(dying) != 0 {
		t.Errorf("released %d, %v, %v: want nothing", dropped, dying, err)
	}
	if f, err := s.FileInfo(ctx, "o", "f2"); err != nil || f.Kept || !f.ExpiresAt.IsZero() {
		t.Errorf("FileInfo = %+v, %v", f, err)
	}
}
