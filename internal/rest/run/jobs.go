package run

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/rest/admit"
	"github.com/stewardhq/steward/internal/rest/wire"
	"github.com/stewardhq/steward/internal/store"
)

const (
	pathAgentJobs = "/v1/agents/{agent_id}/jobs/"
	pathJob       = "/v1/agents/jobs/{job_id}/"
)

func (f *family) registerJobs() {
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: pathAgentJobs, ID: "agents_jobs_list", Cost: admit.Heavy, Tag: tagJobs, Summary: "List an agent's jobs",
		Description: "One page, the newest first unless ordering says otherwise. Filters combine with AND, the values of one with OR; a text is looked for " +
			"in the 5,000 newest jobs that the other filters leave.",
		Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
	}, f.listJobs)
	f.api.Handle(wire.Operation{
		Method: http.MethodGet, Path: pathJob + "status/", ID: "agents_jobs_status", Tag: tagJobs, Summary: "Get a job's status",
		Description: "Cheap, meant for polling. A status of 3 or more is final, and the result can be read from then on.",
		Errors:      []int{http.StatusForbidden, http.StatusNotFound},
		Responses: map[string]*huma.Response{
			"200": wire.JSONResponse("The status", wire.SchemaOf[jobStatus](f.api, "JobStatus")),
		},
	}, f.status)
	f.api.Handle(wire.Operation{
		Method: http.MethodGet, Path: pathJob + "result/", ID: "agents_jobs_result", Tag: tagJobs, Summary: "Get a job's result",
		Description: "404 while the job is open. A job that failed has no outputs, but an error_message.",
		Errors:      []int{http.StatusForbidden, http.StatusNotFound},
		Responses: map[string]*huma.Response{
			"200": wire.JSONResponse("The result", wire.SchemaOf[jobResult](f.api, "JobResult")),
		},
	}, f.result)
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathJob + "cancel/", ID: "agents_jobs_cancel", Tag: tagJobs, Summary: "Cancel a job",
		Description: "A job that has ended stays as it is. A running one turns CANCELLED soon after.",
		Status:      http.StatusNoContent, Errors: []int{http.StatusForbidden, http.StatusNotFound},
		Responses: map[string]*huma.Response{"204": {Description: "Asked for"}},
	}, f.cancel)
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: pathJob + "artifacts/result/", ID: "agents_jobs_artifact", Tag: tagJobs,
		Summary: "Get a tool result that evidence names", Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
	}, f.artifact)
	wire.Typed(f.api, wire.Operation{
		Method: http.MethodGet, Path: pathJob + "steps/", ID: "agents_jobs_steps", Cost: admit.Heavy, Tag: tagJobs, Summary: "List a job's steps",
		Description: "What the job did so far, in order: every model call, page read and fetch with times, tokens and cost. What models answered is dropped " +
			"soon after the job's end, and what they were asked is not kept, unless store_traces says so; their hashes stay.",
		Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
	}, f.steps)
}

// jobStatus is the answer to a poll.
type jobStatus struct {
	Status        steward.Status    `json:"status" doc:"0 pending, 1 started, 2 retry, 3 success, 4 failure, 5 cancelled, 6 cached."`
	Timestamp     float64           `json:"timestamp" doc:"Time of the last change, in seconds since 1970."`
	ErrorMessage  string            `json:"error_message,omitempty" doc:"For retry and failure."`
	CreatedAt     time.Time         `json:"created_at"`
	LastUpdatedAt time.Time         `json:"last_updated_at"`
	StartedAt     *time.Time        `json:"started_at"`
	EndedAt       *time.Time        `json:"ended_at"`
	Progress      *steward.Progress `json:"progress"`
	Cost          *float64          `json:"cost" doc:"US dollars so far; null when a price is unknown."`
}

func (f *family) status(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.JobID](r, "job_id")
	if err != nil {
		return err
	}
	st, err := f.Jobs.Status(r.Context(), id)
	if err != nil {
		return err
	}
	return f.api.JSON(w, r, http.StatusOK, statusOf(st))
}

func statusOf(st *store.JobStatus) jobStatus {
	return jobStatus{
		Status: st.Status, Timestamp: epoch(st.UpdatedAt), ErrorMessage: failureMessage(st.Failure),
		CreatedAt: st.CreatedAt.UTC(), LastUpdatedAt: st.UpdatedAt.UTC(),
		StartedAt: timeOrNull(st.StartedAt), EndedAt: timeOrNull(st.EndedAt), Progress: st.Progress, Cost: dollars(st.Cost),
	}
}

// epoch is a time as the two status answers of the family write it.
func epoch(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func failureMessage(f *steward.Failure) string {
	if f == nil {
		return ""
	}
	return f.Message
}

// jobResult is what became of a job.
type jobResult struct {
	AgentID        steward.AgentID     `json:"agent_id"`
	AgentVersionID steward.VersionID   `json:"agent_version_id"`
	Inputs         []jobInput          `json:"inputs"`
	Outputs        []steward.Datum     `json:"outputs"`
	InputTokens    int64               `json:"input_tokens"`
	OutputTokens   int64               `json:"output_tokens"`
	Status         steward.Status      `json:"status"`
	ErrorMessage   *string             `json:"error_message"`
	FailureCode    steward.FailureCode `json:"failure_code,omitempty"`
	Cost           *float64            `json:"cost" doc:"US dollars; null when a price is unknown."`
	CreatedAt      time.Time           `json:"created_at"`
	StartedAt      *time.Time          `json:"started_at"`
	EndedAt        *time.Time          `json:"ended_at"`
	DataDeletedAt  *time.Time          `json:"data_deleted_at" doc:"null while inputs and outputs are there."`
	CachedFrom     *steward.JobID      `json:"cached_from" doc:"The job whose outputs these are; null when the job ran itself."`
	BatchID        *steward.BatchID    `json:"batch_id" doc:"null when the job is of no batch."`
	TraceURL       string              `json:"trace_url" doc:"What the job did, step by step."`
	Metadata       json.RawMessage     `json:"metadata"`
	References     []jobReference      `json:"references"`
}

// jobInput is one input as it was given; a file shows its id or its URL.
type jobInput struct {
	Key         string `json:"key"`
	Description string `json:"description"`
	DataType    string `json:"data_type"`
	Value       string `json:"value"`
	FileName    string `json:"file_name,omitempty"`
}

// jobReference is a file that the job saved, with where it can be downloaded.
type jobReference struct {
	steward.Reference
	URL string `json:"url"`
}

func (f *family) result(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.JobID](r, "job_id")
	if err != nil {
		return err
	}
	job, err := f.Jobs.Result(r.Context(), id)
	if err != nil {
		return err
	}
	inputs, err := f.inputsOf(r.Context(), job)
	if err != nil {
		return err
	}
	out := jobResult{
		AgentID: job.AgentID, AgentVersionID: job.VersionID, Inputs: inputs, Outputs: orEmpty(job.Outputs),
		InputTokens: job.Usage.InputTokens, OutputTokens: job.Usage.OutputTokens, Status: job.Status, Cost: dollars(job.Usage.Cost),
		CreatedAt: job.CreatedAt.UTC(), StartedAt: timeOrNull(job.StartedAt), EndedAt: timeOrNull(job.EndedAt),
		DataDeletedAt: timeOrNull(job.DataDeletedAt), CachedFrom: idOrNull(job.CachedFrom), BatchID: idOrNull(job.Batch),
		TraceURL: fmt.Sprintf("%s/v1/agents/jobs/%s/steps/", f.api.Base(r), job.ID),
		Metadata: objectOrEmpty(job.Metadata), References: referencesOf(f.api.Base(r), job),
	}
	if job.Failure != nil {
		out.ErrorMessage, out.FailureCode = &job.Failure.Message, job.Failure.Code
	}
	return f.api.JSON(w, r, http.StatusOK, out)
}

func dollars(m *steward.MicroUSD) *float64 {
	if m == nil {
		return nil
	}
	usd := m.USD()
	return &usd
}

func objectOrEmpty(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	return raw
}

// maxInputText is how much of a long text a result shows.
const maxInputText = wire.MaxBodyBytes

// inputsOf lists a job's inputs, one element for each file, with whole texts.
func (f *family) inputsOf(ctx context.Context, job *steward.Job) ([]jobInput, error) {
	inputs := make([]jobInput, 0, len(job.Inputs))
	for i := range job.Inputs {
		in := &job.Inputs[i]
		value := in.Value
		if in.Text != nil {
			text, err := f.readText(ctx, *in.Text)
			if err != nil {
				return nil, fmt.Errorf("read input %s: %w", in.Key, err)
			}
			value = text
		}
		inputs = appendInputs(inputs, in, value)
	}
	return inputs, nil
}

// readText reads a text that is kept as a file. One that is gone is shown as empty.
func (f *family) readText(ctx context.Context, file steward.File) (string, error) {
	body, err := f.Files.Open(ctx, file)
	if steward.CodeOf(err) == steward.NotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = body.Close() }() // read only
	var b bytes.Buffer
	if _, err := b.ReadFrom(io.LimitReader(body, maxInputText)); err != nil {
		return "", err
	}
	return strings.ToValidUTF8(b.String(), ""), nil
}

func referencesOf(base string, job *steward.Job) []jobReference {
	refs := make([]jobReference, 0, len(job.References))
	for _, ref := range job.References {
		refs = append(refs, jobReference{
			Reference: ref,
			URL:       fmt.Sprintf("%s/v1/agents/jobs/%s/references/%s/", base, job.ID, ref.ResourceID),
		})
	}
	return refs
}

func (f *family) cancel(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.JobID](r, "job_id")
	if err != nil {
		return err
	}
	if err := f.Jobs.Cancel(r.Context(), id); err != nil {
		return err
	}
	f.api.NoContent(w)
	return nil
}

type artifactInput struct {
	JobID string `path:"job_id" format:"uuid"`
	Key   string `query:"artifact_key" doc:"The key as evidence names it: agent-job-<job id>/<name>." required:"false"`
}

type artifactResult struct {
	Result json.RawMessage `json:"result" doc:"Any JSON."`
}

// artifactPrefix opens keys as evidence writes them; the job's id follows.
const artifactPrefix = "agent-job-"

func (f *family) artifact(ctx context.Context, in *artifactInput) (*output[artifactResult], error) {
	id, err := wire.ID[steward.JobID](in.JobID)
	if err != nil {
		return nil, err
	}
	if in.Key == "" {
		return nil, wire.Invalid("artifact_key", "This field is required.")
	}
	key := in.Key
	if rest, full := strings.CutPrefix(key, artifactPrefix); full {
		owner, name, _ := strings.Cut(rest, "/")
		ownerID, err := wire.ID[steward.JobID](owner)
		if err != nil || ownerID != id {
			return nil, &steward.Error{Code: steward.NotFound}
		}
		key = name
	}
	artifact, err := f.Jobs.Artifact(ctx, id, key)
	if err != nil {
		return nil, err
	}
	result := artifact.Result
	if len(result) == 0 {
		result = json.RawMessage("null")
	}
	return body(artifactResult{Result: result}), nil
}

type stepsInput struct {
	JobID string        `path:"job_id" format:"uuid"`
	Full  wire.BoolText `query:"full" doc:"true: long outputs and prompts are read from the files that they are kept in."`
}

func (f *family) steps(ctx context.Context, in *stepsInput) (*output[steward.Page[steward.Step]], error) {
	id, err := wire.ID[steward.JobID](in.JobID)
	if err != nil {
		return nil, err
	}
	full, err := wire.Bool("full", string(in.Full), false)
	if err != nil {
		return nil, err
	}
	read := f.Jobs.Steps
	if full {
		read = f.Jobs.StepsInFull
	}
	steps, err := read(ctx, id)
	if err != nil {
		return nil, err
	}
	for i := range steps {
		if len(steps[i].Output) == 0 {
			steps[i].Output = json.RawMessage("null")
		}
	}
	return body(steward.Page[steward.Step]{Count: int64(len(steps)), Results: orEmpty(steps)}), nil
}
