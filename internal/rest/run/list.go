package run

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/rest/wire"
	"github.com/stewardhq/steward/internal/store"
)

// Bounds of the parameter limit of a list of jobs.
const (
	defaultNewest = 100_000
	maxNewest     = 1_000_000
)

// maxOrders is how many keys an order may have.
const maxOrders = 4

type listJobsInput struct {
	wire.Page
	AgentID         string       `path:"agent_id" format:"uuid"`
	StatusCode      string       `query:"status_code" doc:"Statuses, separated by commas." example:"3,4"`
	VersionName     string       `query:"version_name" doc:"Names of versions, separated by commas."`
	Verdict         string       `query:"verdict" doc:"Verdicts, separated by commas: the member verdict of the first output."`
	Metadata        string       `query:"metadata" doc:"key:value pairs, separated by commas; a job must have all of them." example:"case:A-1,team:blue"`
	ExcludeMetadata string       `query:"exclude_metadata" doc:"key:value pairs, separated by commas; a job may have none of them."`
	JobID           string       `query:"job_id" format:"uuid"`
	JobInputs       string       `query:"job_inputs" doc:"Part of the inputs' text, in any case."`
	Search          string       `query:"search" doc:"Part of the id, of the version's name or of the inputs' text, in any case."`
	SemanticString  string       `query:"semantic_string" doc:"Not offered by this version: any value is refused."`
	CreatedFrom     string       `query:"created_from" format:"date-time" doc:"Inclusive. Without a zone it is UTC."`
	CreatedTo       string       `query:"created_to" format:"date-time" doc:"Inclusive. A date alone is the whole day."`
	Limit           wire.IntText `query:"limit" doc:"How many of the newest jobs that match are considered, 0 to 1000000; 100000 when absent, 0 means all."`
	Ordering        string       `query:"ordering" doc:"Keys, separated by commas, with - in front for descending: id, agent_version_name, status_code, created_at, last_updated_at, cost, duration, grader_score. -created_at when absent."`

	query url.Values
}

// Resolve implements huma.Resolver: it keeps the query, in which parameters may repeat.
func (in *listJobsInput) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	in.query = u.Query()
	return in.Page.Resolve(ctx)
}

func (f *family) listJobs(ctx context.Context, in *listJobsInput) (*output[*steward.Page[listedJob]], error) {
	p, err := in.params()
	if err != nil {
		return nil, err
	}
	rows, count, err := f.Jobs.List(ctx, p)
	if err != nil {
		return nil, err
	}
	user, err := f.Users.CurrentUser(ctx)
	if err != nil {
		return nil, err
	}
	items := make([]listedJob, len(rows))
	for i := range rows {
		if items[i], err = listed(&rows[i], user); err != nil {
			return nil, err
		}
	}
	page, err := wire.Envelope(f.api, in.Page, items, count)
	if err != nil {
		return nil, err
	}
	return body(page), nil
}

// params reads the page, the filters and the order.
//
// Errors: Invalid, naming the parameter.
func (in *listJobsInput) params() (p jobs.ListParams, err error) {
	if p.AgentID, err = wire.ID[steward.AgentID](in.AgentID); err != nil {
		return p, err
	}
	if p.Page, p.PageSize, err = in.Window(); err != nil {
		return p, err
	}
	if err := checkQuery(in.query); err != nil {
		return p, err
	}
	if in.SemanticString != "" {
		return p, wire.Invalid("semantic_string", "Search by meaning is not offered by this version.")
	}
	if p.Status, err = statusesOf(strings.Join(in.query["status_code"], ",")); err != nil {
		return p, err
	}
	p.VersionNames, p.Verdicts = names(in.query["version_name"]), names(in.query["verdict"])
	if p.Metadata, err = labels("metadata", in.query["metadata"]); err != nil {
		return p, err
	}
	if p.NotMetadata, err = labels("exclude_metadata", in.query["exclude_metadata"]); err != nil {
		return p, err
	}
	if in.JobID != "" {
		if p.JobID, err = steward.ParseID[steward.JobID]("job_id", in.JobID); err != nil {
			return p, wire.Invalid("job_id", "Must be a valid UUID.")
		}
	}
	p.Search, p.Inputs = strings.TrimSpace(in.Search), strings.TrimSpace(in.JobInputs)
	if p.CreatedFrom, err = wire.Time("created_from", in.CreatedFrom, false); err != nil {
		return p, err
	}
	if p.CreatedTo, err = wire.Time("created_to", in.CreatedTo, true); err != nil {
		return p, err
	}
	if p.Newest, err = newestOf(string(in.Limit)); err != nil {
		return p, err
	}
	p.Order, err = ordersOf(in.Ordering)
	return p, err
}

// listParams are the parameters that are lists separated by commas.
func listParams() []string {
	return []string{fieldStatus, "version_name", "verdict", "metadata", "exclude_metadata", "ordering"}
}

// checkQuery refuses values that cannot stand in any job, and far too many of them.
//
// Errors: Invalid, naming the first such parameter by name.
func checkQuery(query url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(query)) {
		n := 0
		for _, value := range query[name] {
			switch n += 1 + strings.Count(value, ","); {
			case n > maxFilterValues && slices.Contains(listParams(), name):
				return wire.Invalid(name, fmt.Sprintf("Must not have more than %d values.", maxFilterValues))
			case strings.ContainsRune(value, 0):
				return wire.Invalid(name, "Null characters are not allowed.")
			case !utf8.ValidString(value):
				return wire.Invalid(name, "The value is not valid UTF-8.")
			}
		}
	}
	return nil
}

// statusesOf reads statuses that are separated by commas.
func statusesOf(s string) ([]steward.Status, error) {
	if strings.Trim(s, ", ") == "" {
		return nil, nil
	}
	var list []steward.Status
	for item := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(item))
		if err != nil || n < int(steward.StatusPending) || n > int(steward.StatusCached) {
			return nil, wire.Invalid(fieldStatus, "Must be numbers from 0 to 6, separated by commas.")
		}
		list = append(list, steward.Status(n))
	}
	return list, nil
}

// names reads names that are separated by commas. As a name may have a comma in it, the whole text counts as a name too.
func names(values []string) []string {
	var list []string
	for _, value := range values {
		value = strings.TrimSpace(value)
		if value == "" {
			continue
		}
		list = append(list, value)
		if !strings.Contains(value, ",") {
			continue
		}
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.TrimSpace(name); name != "" {
				list = append(list, name)
			}
		}
	}
	return list
}

// labels reads key:value pairs that are separated by commas. What stands behind the first colon is the value.
func labels(field string, values []string) ([]store.Label, error) {
	var list []store.Label
	for _, value := range values {
		for pair := range strings.SplitSeq(value, ",") {
			if strings.TrimSpace(pair) == "" {
				continue
			}
			key, text, colon := strings.Cut(pair, ":")
			key = strings.TrimSpace(key)
			if !colon || key == "" {
				return nil, wire.Invalid(field, "Must be key:value pairs, separated by commas.")
			}
			list = append(list, store.Label{Key: key, Value: strings.TrimSpace(text)})
		}
	}
	return list, nil
}

// newestOf reads how many of the newest jobs count; 0 means all.
func newestOf(s string) (int, error) {
	if s == "" {
		return defaultNewest, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, wire.Invalid("limit", "A valid integer is required.")
	}
	if n < 0 || n > maxNewest {
		return 0, wire.Invalid("limit", fmt.Sprintf("Must be from 0 to %d.", maxNewest))
	}
	return n, nil
}

// graderScore is a key of orders that clients know; no job has one, so that it orders nothing.
const graderScore = "grader_score"

// ordersOf reads the keys of an order. A key that comes again adds nothing, nor does one behind the id, which is unique.
func ordersOf(s string) ([]store.JobOrder, error) {
	known := []store.JobOrderKey{
		store.ByID, store.ByVersionName, store.ByStatus, store.ByCreated, store.ByUpdated, store.ByCost, store.ByDuration, graderScore,
	}
	var list []store.JobOrder
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		name, descending := strings.CutPrefix(item, "-")
		key := store.JobOrderKey(name)
		if !slices.Contains(known, key) {
			return nil, wire.Invalid("ordering", "Must be "+joined(known)+", separated by commas, with - in front for descending.")
		}
		again := slices.ContainsFunc(list, func(o store.JobOrder) bool { return o.By == key || o.By == store.ByID })
		if key == graderScore || again {
			continue
		}
		list = append(list, store.JobOrder{By: key, Descending: descending})
	}
	if len(list) > maxOrders {
		return nil, wire.Invalid("ordering", fmt.Sprintf("Must not have more than %d keys.", maxOrders))
	}
	return list, nil
}

// joined lists keys for people.
func joined(keys []store.JobOrderKey) string {
	var b strings.Builder
	for i, key := range keys {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(key))
	}
	return b.String()
}
