package run

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/rest/admit"
	"github.com/stewardhq/steward/internal/rest/wire"
	"github.com/stewardhq/steward/internal/store"
)

// maxFilterValues is how many values one filter may have.
const maxFilterValues = 100

func (f *family) registerAgentList() {
	times := func(name, what string) *huma.Param {
		return withFormat(wire.QueryParam(name, huma.TypeString, what+" Inclusive; without a zone it is UTC."), "date-time")
	}
	f.api.Handle(wire.Operation{
		Method: http.MethodGet, Path: pathAgents, ID: "agents_list", Cost: admit.Heavy, Tag: tagAgents, Summary: "List agents",
		Description: "One page of the organization's agents, the newest first unless ordering says otherwise. " +
			"Different filters combine with AND, the values of one filter with OR.",
		Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
		Params: []*huma.Param{
			wire.QueryParam("page", huma.TypeInteger, "Number of the page, from 1."),
			wire.QueryParam("page_size", huma.TypeInteger, "Rows on a page: 1 to 100, 20 when absent; more counts as 100."),
			wire.QueryParam("search", huma.TypeString, "Part of the name, the engine, the id, the creator's name or address, a tag's name or a version's id, in any case."),
			wire.QueryParam("name", huma.TypeString, "Part of the name, in any case."),
			repeated("engine_class_id", huma.TypeString, "", "Only agents of this engine; may repeat."),
			repeated("exclude_engine_class_id", huma.TypeString, "", "No agents of this engine; may repeat."),
			repeated("creator_id", huma.TypeInteger, "", "Only agents made by this user; may repeat."),
			repeated("tags", huma.TypeString, "uuid", "Only agents with this tag; may repeat."),
			wire.QueryParam("include_untagged", huma.TypeBoolean, "true: agents without tags as well as those with one of tags; only they when no tags are named."),
			times("created_from", "Created at or after this time."), times("created_to", "Created at or before this time."),
			times("updated_from", "Changed at or after this time."), times("updated_to", "Changed at or before this time."),
			times("most_recent_job_from", "With a newest job made at or after this time."),
			times("most_recent_job_to", "With a newest job made at or before this time."),
			wire.QueryParam("job_count_min", huma.TypeInteger, "With at least so many jobs."),
			wire.QueryParam("job_count_max", huma.TypeInteger, "With at most so many jobs."),
			wire.QueryParam("include_job_stats", huma.TypeBoolean, "false leaves job_count and most_recent_job null. true when absent."),
			wire.QueryParam("ordering", huma.TypeString, strings.Join(store.AgentOrders(), ", ")+"; '-' in front for descending."),
		},
		Responses: map[string]*huma.Response{
			"200": wire.JSONResponse("The page", wire.SchemaOf[steward.Page[steward.Agent]](f.api, "PageAgent")),
		},
	}, f.listAgents)
}

// repeated documents a query parameter that may come several times.
func repeated(name, kind, format, doc string) *huma.Param {
	return &huma.Param{
		Name: name, In: "query", Description: doc, Explode: ptr(true),
		Schema: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: kind, Format: format}},
	}
}

func withFormat(p *huma.Param, format string) *huma.Param {
	p.Schema.Format = format
	return p
}

func (f *family) listAgents(w http.ResponseWriter, r *http.Request) error {
	page := wire.NewPage(r)
	number, size, err := page.Window()
	if err != nil {
		return err
	}
	p, err := agentFilters(r.URL.Query())
	if err != nil {
		return err
	}
	p.Page, p.PageSize = number, size
	rows, count, err := f.Agents.List(r.Context(), p)
	if err != nil {
		return err
	}
	envelope, err := wire.Envelope(f.api, page, each(rows, presentAgent), count)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusOK, envelope)
}

// query reads parameters and collects what is wrong with them, by name.
type query struct {
	values url.Values
	errs   wire.FieldErrors
}

// note collects what a reader of a parameter answered; nil is nothing.
func (q *query) note(name string, err error) {
	var several wire.FieldErrors
	var one *steward.Error
	switch {
	case errors.As(err, &several):
		q.errs = append(q.errs, several...)
	case errors.As(err, &one):
		q.fail(name, one.Message)
	}
}

func (q *query) fail(name, message string) {
	q.errs = append(q.errs, wire.FieldError{Field: name, Message: message})
}

// text returns a parameter without blanks around it; "" when absent.
func (q *query) text(name string) string {
	s := strings.TrimSpace(q.values.Get(name))
	if strings.ContainsRune(s, 0) {
		q.fail(name, "Null characters are not allowed.")
	}
	return s
}

// list returns the values of a parameter that may repeat. Empty ones do not count.
func (q *query) list(name string) []string {
	var list []string
	for _, v := range q.values[name] {
		if v = strings.TrimSpace(v); v != "" {
			list = append(list, v)
		}
	}
	if len(list) > maxFilterValues {
		q.fail(name, "Ensure this list has no more than "+strconv.Itoa(maxFilterValues)+" values.")
		return nil
	}
	return list
}

func (q *query) flag(name string, fallback bool) bool {
	v, err := wire.Bool(name, q.values.Get(name), fallback)
	q.note(name, err)
	return v
}

// number returns an integer; nil when absent.
func (q *query) number(name string) *int64 {
	s := q.text(name)
	if s == "" {
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		q.fail(name, "A valid integer is required.")
	}
	return &n
}

// span returns the times between <name>_from and <name>_to.
func (q *query) span(name string) (r store.TimeRange) {
	var err error
	r.From, err = wire.Time(name+"_from", q.values.Get(name+"_from"), false)
	q.note(name+"_from", err)
	r.To, err = wire.Time(name+"_to", q.values.Get(name+"_to"), true)
	q.note(name+"_to", err)
	return r
}

// agentFilters reads the filters and the order of a list of agents.
//
// Errors: Invalid, naming the parameters.
func agentFilters(values url.Values) (agents.ListParams, error) {
	q := &query{values: values}
	p := agents.ListParams{
		Order: q.text("ordering"), Search: q.text("search"), Name: q.text("name"),
		EngineClassIDs: q.list("engine_class_id"), NotEngines: q.list("exclude_engine_class_id"), Untagged: q.flag("include_untagged", false),
		Created: q.span("created"), Updated: q.span("updated"), MostRecentJob: q.span("most_recent_job"),
		JobsMin: q.number("job_count_min"), JobsMax: q.number("job_count_max"), Stats: q.flag("include_job_stats", true),
	}
	for _, s := range q.list("creator_id") {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			q.fail("creator_id", "A valid integer is required.")
			break
		}
		p.CreatorIDs = append(p.CreatorIDs, steward.UserID(n))
	}
	for _, s := range q.list("tags") {
		id, err := steward.ParseID[steward.TagID]("tags", s)
		if err != nil {
			q.note("tags", err)
			break
		}
		p.Tags = append(p.Tags, id)
	}
	if len(q.errs) > 0 {
		return p, q.errs
	}
	return p, nil
}
