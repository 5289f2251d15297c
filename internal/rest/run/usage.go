package run

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/rest/admit"
	"github.com/stewardhq/steward/internal/rest/wire"
)

// UsageService is what a JobService tells of the books.
type UsageService interface {
	Usage(ctx context.Context, p jobs.UsageParams) (*steward.UsageReport, error)
}

// Usage is an extension of the family: its clients do not know it.
func (f *family) registerUsage() {
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: "/v1/usage/", ID: "usage_list", Cost: admit.Heavy, Tag: tagUsage, Summary: "What was used and what it cost",
		Description: "Model calls, tokens and cost of the organization's jobs, added up by day, month, agent, model or batch: one page, days and months with the " +
			"newest first, the others by falling cost. totals are those of all pages, budgets what the server's configuration allows and what is left of it: the " +
			"organization's, and with agent_id the agent's. Deleting the data of jobs, and agents, leaves the books as they are.",
		Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
	}, f.usage)
}

type usageInput struct {
	wire.LongPage
	From    string `query:"from" doc:"First day (UTC), such as 2026-01-01; the first of the month when absent. A time stands for its day."`
	To      string `query:"to" doc:"Last day (UTC), which counts; today when absent."`
	GroupBy string `query:"group_by" doc:"day, month, agent, model or batch; day when absent." example:"model"`
	AgentID string `query:"agent_id" format:"uuid" doc:"What this agent used only; one that was deleted has its books too."`
}

func (f *family) usage(ctx context.Context, in *usageInput) (*output[*steward.UsageReport], error) {
	p := jobs.UsageParams{GroupBy: steward.UsageGroup(in.GroupBy)}
	var err error
	if p.Page, p.PageSize, err = in.Window(); err != nil {
		return nil, err
	}
	if p.From, err = givenTime("from", in.From); err != nil {
		return nil, err
	}
	if p.To, err = givenTime("to", in.To); err != nil {
		return nil, err
	}
	if in.AgentID != "" {
		if p.AgentID, err = steward.ParseID[steward.AgentID]("agent_id", in.AgentID); err != nil {
			return nil, err
		}
	}
	report, err := f.Jobs.Usage(ctx, p)
	if err != nil {
		return nil, err
	}
	page, err := wire.Envelope(f.api, in.LongPage, report.Results, report.Count)
	if err != nil {
		return nil, err
	}
	report.Page = *page
	return body(report), nil
}

// givenTime is wire.Time for callers to whom the zero time is a time like others: nil means that none is given.
func givenTime(field, s string) (*time.Time, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil //nolint:nilnil // said above
	}
	t, err := wire.Time(field, s, false)
	return &t, err
}
