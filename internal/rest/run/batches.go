package run

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/rest/admit"
	"github.com/stewardhq/steward/internal/rest/wire"
	"github.com/stewardhq/steward/internal/store"
)

const (
	pathBatches = "/v1/batches/"
	pathBatch   = "/v1/batches/{batch_id}/"

	fieldStart  = "start"
	fieldStatus = "status_code"
)

// Batches are an extension of the family: its clients do not know them.
func (f *family) registerBatches() {
	batch := map[string]*huma.Response{"200": wire.JSONResponse("The batch", wire.SchemaOf[steward.Batch](f.api, "Batch"))}
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathAgent + "batches/", ID: "batches_create", Tag: tagBatches, Summary: "Open a batch", Status: http.StatusCreated,
		Description: "Many jobs of the agent's current version that are sent in pieces, watched together and ended by one event. " +
			"name is for people, metadata is that of every job.",
		Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType},
		Params: []*huma.Param{wire.HeaderParam(wire.IdempotencyHeader, "At most 255 characters. The same key answers the agent's first batch of that key.")},
		Body: optional(jsonBody(&huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Properties: map[string]*huma.Schema{
			"name":        {Type: huma.TypeString, MaxLength: ptr(jobs.MaxBatchName)},
			fieldMetadata: {Description: "A JSON object.", AdditionalProperties: true},
		}})),
		Responses: map[string]*huma.Response{"201": batch["200"]},
	}, f.createBatch)
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: pathBatches, ID: "batches_list", Tag: tagBatches, Summary: "List batches", Description: "One page, the newest first.",
		Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
	}, f.listBatches)
	f.api.Handle(wire.Operation{
		Method: http.MethodGet, Path: pathBatch, ID: "batches_retrieve", Tag: tagBatches, Summary: "Get a batch",
		Errors: []int{http.StatusForbidden, http.StatusNotFound}, Responses: batch,
	}, f.batchCall(f.Jobs.Batch))
	f.registerItems()
	for _, op := range []struct {
		name, summary, description string
		call                       func(ctx context.Context, id steward.BatchID) (*steward.Batch, error)
	}{
		{"close", "Close a batch", "It takes no more items, and completes when its jobs have ended. A closed batch stays as it is.", f.Jobs.CloseBatch},
		{"cancel", "Cancel a batch", "Closes it and cancels its open jobs; those that run end soon after. May be repeated.", f.Jobs.CancelBatch},
	} {
		f.api.Handle(wire.Operation{
			Method: http.MethodPost, Path: pathBatch + op.name + "/", ID: "batches_" + op.name, Tag: tagBatches, Summary: op.summary, Description: op.description,
			Errors: []int{http.StatusForbidden, http.StatusNotFound}, Responses: batch,
		}, f.batchCall(op.call))
	}
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathBatch + "resume/", ID: "batches_resume", Tag: tagBatches, Summary: "Run failed and cancelled items again",
		Description: "Each gets a new job in its old one's place. Items that were refused, or whose data was deleted, stay as they are.",
		Errors: []int{
			http.StatusBadRequest, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound,
			http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
		},
		Body: optional(jsonBody(&huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Properties: map[string]*huma.Schema{
			fieldStatus: {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeInteger}, Description: "4 for failed items, 5 for cancelled ones; both when absent."},
		}})),
		Responses: batch,
	}, f.resumeBatch)
}

// registerItems adds what is about a batch's items.
func (f *family) registerItems() {
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathBatch + "items/", ID: "batches_items_add", Cost: admit.Heavy, MaxBody: maxManyBytes, Tag: tagBatches, Summary: "Send items of a batch",
		Description: fmt.Sprintf("Items start, start+1 and so on, 1 to %d of them, all or none. An item that was sent before with the same content keeps its "+
			"job, so that a piece may be sent again; with other content it is a 409, as is a new item of a closed batch. "+
			"An item whose inputs are refused becomes a job that failed. The body may have %d MiB.", jobs.MaxItems, maxManyBytes>>20),
		Errors: []int{
			http.StatusBadRequest, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound, http.StatusConflict,
			http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
		},
		Params: []*huma.Param{wire.HeaderParam("X-Skip-Cache", "true: do not answer from earlier equal runs.")},
		Body: jsonBody(&huma.Schema{
			Type: huma.TypeObject, Required: []string{fieldStart, fieldInputs}, AdditionalProperties: true,
			Properties: map[string]*huma.Schema{fieldStart: {Type: huma.TypeInteger, Minimum: ptr(0.0)}, fieldInputs: itemsSchema()},
		}),
		Responses: map[string]*huma.Response{"200": wire.JSONResponse("The items' jobs", wire.SchemaOf[itemsAdded](f.api, "ItemsAdded"))},
	}, f.addItems)
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: pathBatch + "items/", ID: "batches_items_list", Cost: admit.Heavy, Tag: tagBatches, Summary: "List the items of a batch",
		Description: "One page, by rising index.",
		Errors:      []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
	}, f.listItems)
}

// optional makes a body one that may be left out.
func optional(b *huma.RequestBody) *huma.RequestBody {
	b.Required = false
	return b
}

// presentBatch makes a batch fit for the wire.
func presentBatch(b steward.Batch) steward.Batch {
	b.State = b.StateOf()
	b.Metadata = objectOrEmpty(b.Metadata)
	b.CreatedAt = b.CreatedAt.UTC()
	return b
}

func (f *family) createBatch(w http.ResponseWriter, r *http.Request) error {
	p := jobs.BatchParams{IdempotencyKey: r.Header.Get(wire.IdempotencyHeader)}
	var err error
	if p.AgentID, err = wire.PathID[steward.AgentID](r, "agent_id"); err != nil {
		return err
	}
	if err := f.Jobs.CheckRun(r.Context(), p.AgentID, ""); err != nil {
		return err
	}
	members, err := wire.ReadOwnObject(w, r, wire.MaxBodyBytes)
	if err != nil {
		return err
	}
	d := wire.NewDecoder(members)
	p.Name = d.Text("name")
	if err := d.Err(); err != nil {
		return err
	}
	if p.Metadata, err = metadataOf(manyBody(members).member(fieldMetadata)); err != nil {
		return err
	}
	b, err := f.Jobs.CreateBatch(r.Context(), p)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusCreated, presentBatch(*b))
}

// batchCall is the handler of a call about a batch that has no body.
func (f *family) batchCall(call func(ctx context.Context, id steward.BatchID) (*steward.Batch, error)) wire.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := wire.PathID[steward.BatchID](r, "batch_id")
		if err != nil {
			return err
		}
		b, err := call(r.Context(), id)
		if err != nil {
			return err
		}
		return f.api.JSON(w, r, http.StatusOK, presentBatch(*b))
	}
}

func (f *family) resumeBatch(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.BatchID](r, "batch_id")
	if err != nil {
		return err
	}
	members, err := wire.ReadOwnObject(w, r, wire.MaxBodyBytes)
	if err != nil {
		return err
	}
	var statuses []steward.Status
	if m := manyBody(members).member(fieldStatus); m != nil && !m.IsNull() {
		raw := m.Raw
		if raw == nil {
			raw = []byte(m.Text)
		}
		if json.Unmarshal(raw, &statuses) != nil {
			return wire.Invalid(fieldStatus, "Must be a list of 4 (failed) and 5 (cancelled).")
		}
	}
	b, err := f.Jobs.ResumeBatch(r.Context(), id, statuses)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusOK, presentBatch(*b))
}

// itemsAdded is the answer to a piece of a batch.
type itemsAdded struct {
	JobIDs    []steward.JobID `json:"job_ids" doc:"In the order of the items."`
	Received  int64           `json:"received" doc:"Items that the batch has by now."`
	NextIndex int64           `json:"next_index" doc:"One more than the highest index that the batch has by now."`
}

func (f *family) addItems(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.BatchID](r, "batch_id")
	if err != nil {
		return err
	}
	ctx := context.WithoutCancel(r.Context()) // as in runMany
	if _, err := steward.PrincipalFrom(ctx, steward.ScopeRun); err != nil {
		return err
	}
	body, err := readMany(w, r)
	if err != nil {
		return err
	}
	p := jobs.ItemsParams{SkipCache: skipsCache(r.Header)}
	if p.Start, err = body.start(); err != nil {
		return err
	}
	if p.Items, err = body.items(ctx); err != nil {
		return err
	}
	ids, err := f.Jobs.AddItems(ctx, id, p)
	if err != nil {
		return err
	}
	b, err := f.Jobs.Batch(ctx, id)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusOK, itemsAdded{JobIDs: ids, Received: b.Received, NextIndex: b.NextIndex})
}

// start reads the index of the first item.
func (b manyBody) start() (int64, error) {
	m := b.member(fieldStart)
	if m == nil || m.IsNull() {
		return 0, wire.Invalid(fieldStart, "This field is required.")
	}
	text, isText := m.String()
	if !isText {
		text = string(m.Raw)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, wire.Invalid(fieldStart, "A valid integer is required.")
	}
	return n, nil
}

type listBatchesInput struct {
	wire.Page
	AgentID string `query:"agent_id" format:"uuid" doc:"Batches of this agent only."`
}

func (f *family) listBatches(ctx context.Context, in *listBatchesInput) (*output[*steward.Page[steward.Batch]], error) {
	number, size, err := in.Window()
	if err != nil {
		return nil, err
	}
	var agent steward.AgentID
	if in.AgentID != "" {
		if agent, err = steward.ParseID[steward.AgentID]("agent_id", in.AgentID); err != nil {
			return nil, err
		}
	}
	list, count, err := f.Jobs.ListBatches(ctx, agent, number, size)
	if err != nil {
		return nil, err
	}
	page, err := wire.Envelope(f.api, in.Page, each(list, presentBatch), count)
	if err != nil {
		return nil, err
	}
	return body(page), nil
}

type listItemsInput struct {
	wire.LongPage
	BatchID    string       `path:"batch_id" format:"uuid"`
	StatusCode string       `query:"status_code" doc:"Statuses, separated by commas." example:"4,5"`
	From       wire.IntText `query:"from" doc:"Only items of this index and higher."`
}

func (f *family) listItems(ctx context.Context, in *listItemsInput) (*output[*steward.Page[steward.BatchItem]], error) {
	id, err := wire.ID[steward.BatchID](in.BatchID)
	if err != nil {
		return nil, err
	}
	number, size, err := in.Window()
	if err != nil {
		return nil, err
	}
	q := store.ItemQuery{}
	if q.Status, err = statusesOf(in.StatusCode); err != nil {
		return nil, err
	}
	if in.From != "" {
		if q.From, err = strconv.ParseInt(string(in.From), 10, 64); err != nil || q.From < 0 {
			return nil, wire.Invalid("from", "A valid integer of at least 0 is required.")
		}
	}
	items, count, err := f.Jobs.BatchItems(ctx, id, q, number, size)
	if err != nil {
		return nil, err
	}
	page, err := wire.Envelope(f.api, in.LongPage, orEmpty(items), count)
	if err != nil {
		return nil, err
	}
	return body(page), nil
}
