package client

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stewardhq/steward"
)

// Job is a job in a list.
type Job struct {
	ID               steward.JobID         `json:"id"`
	AgentVersionName *string               `json:"agent_version_name"`
	StatusEvents     []steward.StatusEvent `json:"status_events"`
	StatusCode       steward.Status        `json:"status_code"`
	CreatedAt        time.Time             `json:"created_at"`
	LastUpdatedAt    time.Time             `json:"last_updated_at"`
	DurationMS       *int64                `json:"duration_ms"`          // from creation to the end; nil while the job is open
	JobInputs        []JobInput            `json:"job_inputs,omitempty"` // values are shortened
	Metadata         map[string]string     `json:"metadata"`             // values that are no strings stand as their JSON text
	UIFields         json.RawMessage       `json:"ui_fields,omitempty"`  // parts of the output that tables show, such as the verdict
	Creator          *steward.UserInfo     `json:"creator,omitempty"`
	Progress         *steward.Progress     `json:"progress"`
	Cost             *float64              `json:"cost"` // US dollars; nil when a price is unknown
}

// JobList chooses jobs of an agent: filters combine with AND, the values of one filter with OR. The zero value is all of them, newest
// first. Times are inclusive; zero ones do not filter.
type JobList struct {
	Page            int // from 1; 0 means 1
	PageSize        int // at most 100; 0 means 20
	Status          []steward.Status
	VersionNames    []string          // a name with commas stands for its parts as well
	Metadata        map[string]string // jobs whose metadata has all of these; keys without ':' and ',', values without ','
	ExcludeMetadata map[string]string // jobs whose metadata has none of these
	JobID           steward.JobID
	Inputs          string   // part of the inputs' text
	Search          string   // part of the id, the version's name or the inputs' text, in any case
	Verdicts        []string // a verdict with commas stands for its parts as well
	CreatedFrom     time.Time
	CreatedTo       time.Time
	Newest          int    // only so many of the newest jobs are considered; 0 means 100,000, below 0 all
	Ordering        string // fields with commas between them: id, agent_version_name, status_code, created_at, last_updated_at, cost, duration; '-' in front for descending
}

func (p JobList) query() (url.Values, error) {
	q := url.Values{}
	setInt(q, "page", p.Page)
	setInt(q, "page_size", p.PageSize)
	codes := make([]string, len(p.Status))
	for i, s := range p.Status {
		codes[i] = strconv.Itoa(int(s))
	}
	setText(q, "status_code", strings.Join(codes, ","))
	for _, name := range p.VersionNames {
		q.Add("version_name", name)
	}
	for _, verdict := range p.Verdicts {
		q.Add("verdict", verdict)
	}
	for name, labels := range map[string]map[string]string{"metadata": p.Metadata, "exclude_metadata": p.ExcludeMetadata} {
		text, err := labelText(name, labels)
		if err != nil {
			return nil, err
		}
		setText(q, name, text)
	}
	setText(q, "job_id", string(p.JobID))
	setText(q, "job_inputs", p.Inputs)
	setText(q, "search", p.Search)
	setTime(q, "created_from", p.CreatedFrom)
	setTime(q, "created_to", p.CreatedTo)
	if p.Newest != 0 {
		q.Set("limit", strconv.Itoa(max(p.Newest, 0)))
	}
	setText(q, "ordering", p.Ordering)
	return q, nil
}

// labelText writes labels as k1:v1,k2:v2, which has no way to quote.
func labelText(field string, labels map[string]string) (string, error) {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if strings.ContainsAny(key, ":,") || strings.Contains(labels[key], ",") {
			return "", &steward.Error{Code: steward.Invalid, Field: field, Message: "a key with a colon or a comma, or a value with a comma, cannot be filtered by"}
		}
		parts = append(parts, key+":"+labels[key])
	}
	return strings.Join(parts, ","), nil
}

// ListJobs returns one page of an agent's jobs.
//
// Errors: steward.Invalid naming the filter; NotFound, also for a page beyond the end.
//
// Stability: may change until 1.0.
func (c *Client) ListJobs(ctx context.Context, agent steward.AgentID, p JobList) (*steward.Page[Job], error) {
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	return getOne[steward.Page[Job]](ctx, c, agentPath(agent, "jobs/"), q)
}

// Jobs ranges over all jobs of an agent that p chooses, page by page from p.Page.
//
// Stability: may change until 1.0.
func (c *Client) Jobs(ctx context.Context, agent steward.AgentID, p JobList) iter.Seq2[*Job, error] {
	return pages(p.Page, func(page int) (*steward.Page[Job], error) {
		p := p
		p.Page = page
		return c.ListJobs(ctx, agent, p)
	})
}
