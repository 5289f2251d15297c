package run

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/rest/admit"
	"github.com/stewardhq/steward/internal/rest/wire"
)

const (
	pathRunMany = pathRunAsync + "many/"

	// maxManyBytes is the largest body of a call that brings many items.
	maxManyBytes = 64 << 20

	fieldInputs = "inputs"
	fieldJobIDs = "job_ids"
)

func (f *family) registerMany() {
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathRunMany, ID: "agents_run_many", Cost: admit.Heavy, MaxBody: maxManyBytes, Tag: tagRuns, Summary: "Start many runs of an agent",
		Description: fmt.Sprintf("One run of the current version for each of 1 to %d objects of inputs, all or none; files stand as ids or URLs. "+
			"metadata is that of every job. The answer is the jobs' ids in the order of the inputs, given when the jobs are on disk. "+
			"The body may have %d MiB.", jobs.MaxItems, maxManyBytes>>20),
		Errors: []int{
			http.StatusBadRequest, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound,
			http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
		},
		Params: []*huma.Param{wire.HeaderParam("X-Skip-Cache", "true: do not answer from earlier equal runs.")},
		Body: jsonBody(&huma.Schema{
			Type: huma.TypeObject, Required: []string{fieldInputs}, AdditionalProperties: true,
			Properties: map[string]*huma.Schema{
				fieldInputs:   itemsSchema(),
				fieldMetadata: {Description: "A JSON object.", AdditionalProperties: true},
				fieldTimeout:  {Type: huma.TypeNumber, Description: "Time limit of each job."},
			},
		}),
		Responses: map[string]*huma.Response{
			"200": wire.JSONResponse("The jobs' ids", &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, Format: "uuid"}}),
		},
	}, f.runMany)
}

// itemsSchema is the list of a call that brings many items.
func itemsSchema() *huma.Schema {
	return &huma.Schema{Type: huma.TypeArray, MinItems: ptr(1), MaxItems: ptr(jobs.MaxItems), Items: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}
}

func ptr[T any](v T) *T { return &v }

// jsonBody documents a JSON body that a plain handler reads.
func jsonBody(schema *huma.Schema) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
}

func (f *family) runMany(w http.ResponseWriter, r *http.Request) error {
	agent, err := wire.PathID[steward.AgentID](r, "agent_id")
	if err != nil {
		return err
	}
	if err := f.Jobs.CheckRun(r.Context(), agent, ""); err != nil {
		return err
	}
	body, err := readMany(w, r)
	if err != nil {
		return err
	}
	p := jobs.ManyParams{AgentID: agent, SkipCache: skipsCache(r.Header)}
	if p.Items, err = body.items(r.Context()); err != nil {
		return err
	}
	if p.Metadata, err = metadataOf(body.member(fieldMetadata)); err != nil {
		return err
	}
	if p.Timeout, err = timeoutOf(body.member(fieldTimeout)); err != nil {
		return err
	}
	// What was accepted is answered, or the client posts it again: the end of the connection does not end this.
	ids, err := f.Jobs.RunMany(context.WithoutCancel(r.Context()), p)
	if err != nil {
		return err
	}
	f.api.RawJSON(w, r, http.StatusOK, appendIDs(nil, ids))
	return nil
}

// skipsCache reports whether a run is not to be answered from the cache. Two lines of the header, or a folded one, are not the exact
// value and count as absent.
func skipsCache(h http.Header) bool { return slices.Equal(h["X-Skip-Cache"], []string{"true"}) }

// appendIDs appends a JSON array of ids, which need no escaping.
func appendIDs[T steward.UUID](b []byte, ids []T) []byte {
	b = append(slices.Grow(b, len(ids)*39+2), '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), id...), '"')
	}
	return append(b, ']')
}

// manyBody is the body of a call that brings many items, as members.
type manyBody []wire.Member

func readMany(w http.ResponseWriter, r *http.Request) (manyBody, error) {
	return wire.ReadOwnObject(w, r, maxManyBytes)
}

// member returns a member; nil when it is absent. Of fields of a form with equal keys the last counts.
func (b manyBody) member(key string) *wire.Member {
	for i := len(b) - 1; i >= 0; i-- {
		if b[i].Key == key {
			return &b[i]
		}
	}
	return nil
}

// list returns a member that is a list, or the JSON text of one in a form; 1 to jobs.MaxItems elements.
func (b manyBody) list(key string) ([]json.RawMessage, error) {
	m := b.member(key)
	if m == nil || m.IsNull() {
		return nil, wire.Invalid(key, "This field is required.")
	}
	raw := bytes.TrimSpace(m.Raw)
	if m.Raw == nil {
		raw = bytes.TrimSpace([]byte(m.Text))
		if wire.CheckJSON(raw) != nil {
			return nil, wire.Invalid(key, "Value must be valid JSON.")
		}
	}
	if len(raw) == 0 || raw[0] != '[' {
		return nil, wire.Invalid(key, "Expected a list of items.")
	}
	elements, err := wire.Elements(raw, jobs.MaxItems)
	switch {
	case err != nil:
		return nil, err
	case len(elements) == 0:
		return nil, wire.Invalid(key, "This list may not be empty.")
	case len(elements) > jobs.MaxItems:
		return nil, wire.Invalid(key, fmt.Sprintf("Ensure this field has no more than %d elements.", jobs.MaxItems))
	}
	return elements, nil
}

// items returns the inputs of every item. Values keep their JSON types.
func (b manyBody) items(ctx context.Context) ([][]jobs.RawInput, error) {
	who, err := steward.PrincipalFrom(ctx, steward.ScopeRun)
	if err != nil {
		return nil, err
	}
	elements, err := b.list(fieldInputs)
	if err != nil {
		return nil, err
	}
	in := &inputReader{async: true, own: who.OrganizationID}
	items := make([][]jobs.RawInput, len(elements))
	for i, raw := range elements {
		if raw[0] != '{' {
			return nil, wire.Invalid(fieldInputs, fmt.Sprintf("Item %d: expected a JSON object.", i))
		}
		members, err := wire.Members(raw)
		if err != nil {
			return nil, err
		}
		in.inputs = make([]jobs.RawInput, 0, len(members))
		for _, m := range members {
			in.add(m) // the reserved names of an item are left out
		}
		items[i] = in.inputs
	}
	return items, nil
}

// jobIDs returns the ids that a call asks about, in any spelling, canonical.
func (b manyBody) jobIDs() ([]steward.JobID, error) {
	elements, err := b.list(fieldJobIDs)
	if err != nil {
		return nil, err
	}
	ids := make([]steward.JobID, len(elements))
	for i, raw := range elements {
		text, _ := wire.Member{Raw: raw}.String() // what is no text is no id either
		if ids[i], err = steward.ParseID[steward.JobID](fieldJobIDs, text); err != nil {
			return nil, wire.Invalid(fieldJobIDs, fmt.Sprintf("Item %d: must be a valid UUID.", i))
		}
	}
	return ids, nil
}
