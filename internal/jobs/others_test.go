package jobs_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/model"
)

func TestWhatOtherModelsUsedIsAStepOfTheirsInTheBooks(t *testing.T) {
	t.Parallel()
	lost, paid := steward.MicroUSD(300), steward.MicroUSD(1000)
	m := model.Func(func(context.Context, *model.Request) (*model.Response, error) {
		return &model.Response{
			Value: json.RawMessage(`"x"`), Model: "second", Provider: "p-2", Usage: steward.Usage{InputTokens: 10, Cost: &paid},
			Others: []model.Spent{{Model: "first", Provider: "p-1", Usage: steward.Usage{InputTokens: 7, Cost: &lost}}},
		}, nil
	})
	h := openHouse(t, houseOptions{engines: []engine.Engine{costly("Costly", 1, false)}, models: enginetest.Models{"default": m}})
	h.work(jobs.WorkerOptions{})
	job := h.end(h.submit(jobs.RunParams{AgentID: h.agent("a", "Costly", `{}`)}))
	if job.Status != steward.StatusSuccess || job.Usage.Cost == nil || *job.Usage.Cost != 1300 || job.Usage.InputTokens != 17 {
		t.Errorf("ended %s with %+v, usage %+v", job.Status, job.Failure, job.Usage)
	}
	steps, err := h.jobs.Steps(h.ctx, job.ID)
	if err != nil || len(steps) != 2 || !steps[0].Failed() || steps[0].Model != "first" || steps[0].Provider != "p-1" || steps[1].Model != "second" || steps[1].Failed() {
		t.Errorf("steps %+v, %v", steps, err)
	}
	rows := h.usage(steward.UsageByModel).Results
	if len(rows) != 2 || rows[0].Model != "second" || rows[0].Cost != 1000 || rows[1].Model != "first" || rows[1].Cost != 300 {
		t.Errorf("by model: %+v", rows)
	}
}
