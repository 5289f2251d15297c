package sqlite_test

import (
	"os"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// TestJobsFromBeforeWebhooksAreToldToThem ends a job that the first released version stored.
func TestJobsFromBeforeWebhooksAreToldToThem(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("testdata/schema_0001.sql")
	if err != nil {
		t.Fatal(err)
	}
	const job = "0190a000-0000-7000-8000-000000000004"
	path := newPath(t)
	db := raw(t, path)
	execute(t, db, string(content))
	execute(t, db, `INSERT INTO agents (id, organization_id, creator_id, created_at, updated_at, name, name_folded, search_folded, disable_cache,
		cache_failed_jobs, engine_class_id, engine_name, current_version_id, tags) VALUES (?, ?, 1, 1, 1, 'A', 'a', 'a', 0, 0, 'E', 'E', 'v', '[]')`,
		string(benchAgent), string(benchOrg))
	execute(t, db, `INSERT INTO jobs (id, organization_id, agent_id, provider, status, run_after, deadline, created_at, updated_at, version_id, version_name,
		engine_class_id, creator_id, events, metadata, inputs) VALUES (?, ?, ?, '', 0, 1, 99999999999999999, 1, 1, 'v', 'v', 'E', 1,
		'[{"timestamp":"2026-01-01T00:00:00Z","status_code":0}]', '{}', '[]')`, job, string(benchOrg), string(benchAgent))
	s := open(t, path)
	w := store.WebhookRecord{OrganizationID: benchOrg, SealedSecret: []byte{1}}
	w.ID, w.IsActive, w.Events = "0190a000-0000-7000-8000-000000000006", true, steward.EventTypes()
	if err := s.CreateWebhook(t.Context(), w, 10); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	if err := s.LinkWebhook(t.Context(), benchOrg, w.ID, []steward.AgentID{benchAgent}, now, 10); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Cancel(t.Context(), benchOrg, job, now); err != nil {
		t.Fatal(err)
	}
	list, _, err := s.ListDeliveries(t.Context(), benchOrg, w.ID, store.DeliveryQuery{})
	if err != nil || len(list) != 1 || *list[0].JobID != job {
		t.Errorf("deliveries: %+v (%v)", list, err)
	}
}
