package sqlite_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// spentRows are rows as they were before there were books: a job with calls of two days, one of unknown price and one that cannot be read,
// a job of a batch, and spending of which a part has no steps any more.
const spentRows = `
INSERT INTO jobs (id, organization_id, agent_id, provider, status, run_after, deadline, created_at, updated_at, version_id, version_name,
	engine_class_id, creator_id, events, metadata, inputs, batch_id)
	VALUES ('j1', 'o', 'a1', '', 3, 0, 9, 5, 5, 'v', 'v', 'E', 0, '[]', '{}', '[]', ''), ('j2', 'o', 'a1', '', 3, 0, 9, 5, 5, 'v', 'v', 'E', 0, '[]', '{}', '[]', 'b');
INSERT INTO steps (job_seq, name, kind, input_hash, attempt, started_at, ended_at, model, usage, output) VALUES
	(1, 'a', 'model', '', 1, 0, 86400000000 * 20000, 'm', '{"input_tokens":10,"cached_tokens":4,"output_tokens":2,"cost_micro_usd":100}', '"answer"'),
	(1, 'b', 'model', '', 1, 0, 86400000000 * 20000 - 1, 'm', '{"input_tokens":1,"output_tokens":1,"cost_micro_usd":20}', '1'),
	(1, 'c', 'model', '', 1, 0, 86400000000 * 20000, 'm', '{"input_tokens":5,"output_tokens":0,"cost_micro_usd":null}', '1'),
	(1, 'd', 'model', '', 1, 0, 86400000000 * 20000, 'm', '{broken', '1'),
	(1, 'e', 'compute', '', 1, 0, 86400000000 * 20000, '', '{"input_tokens":0,"output_tokens":0,"cost_micro_usd":0}', '1'),
	(1, 'f', 'fetch', '', 1, 0, 86400000000 * 20000, '', '{"input_tokens":0,"output_tokens":0,"cost_micro_usd":7}', '1'),
	(2, 'a', 'model', '', 1, 0, 86400000000 * 20000, 'm', '{"input_tokens":1,"output_tokens":1,"cost_micro_usd":1000}', '1');
INSERT INTO spending VALUES ('o', 'a1', 20000, 1107 + 500), ('o', 'a1', 19999, 20), ('o', 'gone', 19000, 3), ('o', 'off', 19000, 0);`

func TestTheBooksBeginWithWhatIsKnownOfOlderVersions(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("testdata/schema_0005.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := newPath(t)
	db := raw(t, path)
	execute(t, db, string(content))
	execute(t, db, spentRows)
	s, ctx := open(t, path), t.Context()

	usage := func(q store.UsageQuery) *store.UsagePage {
		t.Helper()
		page, err := s.Usage(ctx, "o", q)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	days := usage(store.UsageQuery{})
	want := []steward.UsageRow{
		{Day: "2024-10-04", Tally: steward.Tally{Calls: 5, InputTokens: 16, CachedTokens: 4, OutputTokens: 3, Cost: 1607, UnpricedCalls: 2}},
		{Day: "2024-10-03", Tally: steward.Tally{Calls: 1, InputTokens: 1, OutputTokens: 1, Cost: 20}},
		{Day: "2022-01-08", Tally: steward.Tally{Cost: 3}},
	}
	if !slices.Equal(days.Rows, want) {
		t.Errorf("by day: got %+v, want %+v", days.Rows, want)
	}
	if rows := usage(store.UsageQuery{Group: steward.UsageByBatch}).Rows; len(rows) != 2 || rows[0].BatchID != "b" || rows[0].Cost != 1000 {
		t.Errorf("by batch: got %+v", rows)
	}
	if got, err := s.Spent(ctx, "o", "a1", time.Unix(86400*20000, 0)); err != nil || got != 1607 {
		t.Errorf("spent: got %d, %v, want 1607", got, err)
	}
	if n, _, err := s.ForgetAnswers(ctx, time.Now(), 10); err != nil || n != 0 {
		t.Errorf("answers of before to be forgotten: %d, %v", n, err)
	}
	steps, err := s.Steps(ctx, "o", "j2")
	if err != nil || len(steps) != 1 || string(steps[0].Output) != "1" {
		t.Errorf("steps of before: %+v, %v", steps, err)
	}
}
