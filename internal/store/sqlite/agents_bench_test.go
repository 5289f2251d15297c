package sqlite_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// manyAgents stores 10,000 agents of one organization, each with two versions and a tag, and a job for most.
func manyAgents(b *testing.B, s *sqlite.Store) steward.TagID {
	b.Helper()
	ctx, now := b.Context(), time.Now().UTC().Truncate(time.Microsecond)
	id := func() string { return uuid.Must(uuid.NewV7()).String() }
	tags := make([]steward.Tag, 20)
	for i := range tags {
		tags[i] = steward.Tag{ID: steward.TagID(id()), Name: fmt.Sprint("tag ", i), Color: "red", CreatedAt: now}
		if err := s.CreateTag(ctx, benchOrg, tags[i]); err != nil {
			b.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for worker := range 100 {
		wg.Go(func() {
			for i := range 100 {
				n := worker*100 + i
				a := steward.Agent{
					ID: steward.AgentID(id()), OrganizationID: benchOrg, Name: fmt.Sprintf("Agent number %d of many", n), EngineClassID: "MultimodalExtractionEngine",
					EngineName: "Multimodal Extraction", CreatedAt: now, UpdatedAt: now.Add(time.Duration(n%977) * time.Second), Tags: tags[n%20 : n%20+1],
				}
				v := steward.Version{
					ID: steward.VersionID(id()), VersionName: "v1", OrganizationID: benchOrg, CreatedAt: now, EngineClassID: a.EngineClassID,
					EngineConfig: json.RawMessage(`{"instruction":"` + fmt.Sprintf("%0500d", n) + `"}`), BaseAgent: a,
				}
				err := s.CreateAgent(ctx, a, v)
				if v.ID = steward.VersionID(id()); err == nil {
					err = s.CreateVersion(ctx, v)
				}
				if err == nil && n%5 > 0 {
					_, err = s.Submit(ctx, []store.NewJob{benchJob(benchOrg, a.ID)})
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return tags[3].ID
}

// BenchmarkListAgents reads the first 20 of 10,000 agents with their statistics, by the dearest filters and orders.
func BenchmarkListAgents(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "steward.db"))
	tag := manyAgents(b, s)
	one := int64(1)
	for name, q := range map[string]store.AgentQuery{
		"newest":          {},
		"name":            {Order: "name"},
		"job_count":       {Order: "-job_count"},
		"most_recent_job": {Order: "most_recent_job"},
		"creator":         {Order: "creator"},
		"last page":       {Order: "name", Offset: 9_980},
		"search":          {Search: "number 77"},
		"search nothing":  {Search: "nowhere to be found"},
		"search version":  {Search: "7c3d-8f2a", Order: "job_count"},
		"tag":             {Tags: []steward.TagID{tag}, Order: "-most_recent_job"},
		"everything":      {Search: "agent", Name: "number", NotEngines: []string{"x"}, Untagged: true, Tags: []steward.TagID{tag}, JobsMin: &one, Order: "-job_count"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			q.Stats = true
			for b.Loop() {
				if _, _, err := s.ListAgents(b.Context(), benchOrg, q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
