package run

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/rest/admit"
	"github.com/stewardhq/steward/internal/rest/wire"
	"github.com/stewardhq/steward/internal/store"
)

func (f *family) registerBulk() {
	ids := jsonBody(&huma.Schema{
		Type: huma.TypeObject, Required: []string{fieldJobIDs}, AdditionalProperties: true,
		Properties: map[string]*huma.Schema{fieldJobIDs: {
			Type: huma.TypeArray, MinItems: ptr(1), MaxItems: ptr(jobs.MaxItems), Items: &huma.Schema{Type: huma.TypeString, Format: "uuid"},
		}},
	})
	errs := []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType}
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: "/v1/agents/jobs/statuses/", ID: "agents_jobs_statuses", Cost: admit.Heavy, Tag: tagJobs, Summary: "Get the status of many jobs",
		Description: "One element for each id, in the order of the ids, also for one that stands twice. An id that is not known makes the whole call a 404.",
		Errors:      errs, Body: ids,
		Responses: map[string]*huma.Response{"200": wire.JSONResponse("The statuses", wire.SchemaOf[[]manyStatus](f.api, "JobStatuses"))},
	}, f.statuses)
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: "/v1/agents/jobs/results/", ID: "agents_jobs_results", Cost: admit.Heavy, Tag: tagJobs, Summary: "Get the result of many jobs",
		Description: "One element for each id, in the order of the ids. The result of a job that is open is null, that of one that failed is empty. " +
			"An id that is not known makes the whole call a 404.",
		Errors: errs, Body: ids,
		Responses: map[string]*huma.Response{"200": wire.JSONResponse("The results", wire.SchemaOf[[]manyResult](f.api, "JobResults"))},
	}, f.results)
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathAgentJobs + "cancel-all/", ID: "agents_jobs_cancel_all", Cost: admit.Heavy, Tag: tagJobs, Summary: "Cancel an agent's open jobs",
		Description: "Jobs that wait are cancelled when the answer comes, those that run soon after. Jobs that are started meanwhile stay.",
		Errors:      []int{http.StatusForbidden, http.StatusNotFound},
		Responses:   map[string]*huma.Response{"200": wire.JSONResponse("How many they were", wire.SchemaOf[cancelledAll](f.api, "CancelAll"))},
	}, f.cancelAll)
	f.api.Handle(wire.Operation{
		Method: http.MethodPost, Path: pathJob + "delete-data/", ID: "agents_jobs_delete_data", Tag: tagJobs, Summary: "Delete a job's data",
		Description: "Deletes the inputs, outputs, references, artifacts, steps and uploads of a job that has ended, and its place in the cache. " +
			"Status, times, cost and metadata stay. A second call finds nothing and counts 0. A job that is open is a 400.",
		Errors:    []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
		Responses: map[string]*huma.Response{"200": wire.JSONResponse("What was deleted", wire.SchemaOf[deletedData](f.api, "DeletedData"))},
	}, f.deleteData)
}

// manyStatus documents an element of the answer about many statuses; appendStatus writes it.
type manyStatus struct {
	ID            steward.JobID     `json:"id"`
	Status        steward.Status    `json:"status"`
	CreatedAt     time.Time         `json:"created_at"`
	LastUpdatedAt time.Time         `json:"last_updated_at"`
	Timestamp     float64           `json:"timestamp" doc:"Time of the last change, in seconds since 1970."`
	ErrorMessage  *string           `json:"error_message" doc:"For retry and failure."`
	StartedAt     *time.Time        `json:"started_at"`
	EndedAt       *time.Time        `json:"ended_at"`
	Progress      *steward.Progress `json:"progress"`
}

// statuses answers for up to 1000 jobs at once. It is asked often, so its answer is written by hand.
func (f *family) statuses(w http.ResponseWriter, r *http.Request) error {
	ids, err := readJobIDs(w, r)
	if err != nil {
		return err
	}
	list, err := f.Jobs.Statuses(r.Context(), ids)
	if err != nil {
		return err
	}
	const usual = 300 // bytes of one status
	b := append(make([]byte, 0, len(list)*usual), '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendStatus(b, &list[i])
	}
	f.api.RawJSON(w, r, http.StatusOK, append(b, ']'))
	return nil
}

func readJobIDs(w http.ResponseWriter, r *http.Request) ([]steward.JobID, error) {
	members, err := wire.ReadOwnObject(w, r, wire.MaxBodyBytes)
	if err != nil {
		return nil, err
	}
	return manyBody(members).jobIDs()
}

// appendStatus writes a manyStatus.
func appendStatus(b []byte, st *store.JobStatus) []byte {
	b = append(append(append(b, `{"id":"`...), st.ID...), `","status":`...)
	b = strconv.AppendInt(b, int64(st.Status), 10)
	b = appendTime(append(b, `,"created_at":`...), st.CreatedAt)
	b = appendTime(append(b, `,"last_updated_at":`...), st.UpdatedAt)
	b = strconv.AppendFloat(append(b, `,"timestamp":`...), epoch(st.UpdatedAt), 'f', -1, 64)
	b = append(b, `,"error_message":`...)
	if st.Failure != nil {
		b = wire.AppendString(b, st.Failure.Message)
	} else {
		b = append(b, "null"...)
	}
	b = appendTime(append(b, `,"started_at":`...), st.StartedAt)
	b = appendTime(append(b, `,"ended_at":`...), st.EndedAt)
	b = append(b, `,"progress":`...)
	if p := st.Progress; p != nil {
		b = strconv.AppendInt(append(b, `{"done":`...), int64(p.Done), 10)
		b = strconv.AppendInt(append(b, `,"total":`...), int64(p.Total), 10)
		b = append(wire.AppendString(append(b, `,"message":`...), p.Message), '}')
	} else {
		b = append(b, "null"...)
	}
	return append(b, '}')
}

// appendTime writes a time, null when it is zero.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	return append(t.UTC().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

// manyResult is an element of the answer about many results.
type manyResult struct {
	ID               steward.JobID       `json:"id"`
	Status           steward.Status      `json:"status"`
	Result           []steward.Datum     `json:"result" nullable:"true" doc:"null while the job is open."`
	CorrectedOutputs *struct{}           `json:"corrected_outputs" doc:"Always null in this version."`
	AgentID          steward.AgentID     `json:"agent_id"`
	AgentVersionID   steward.VersionID   `json:"agent_version_id"`
	Cost             *float64            `json:"cost" doc:"US dollars; null when a price is unknown."`
	Inputs           []jobInput          `json:"inputs"`
	InputTokens      int64               `json:"input_tokens"`
	OutputTokens     int64               `json:"output_tokens"`
	ErrorMessage     *string             `json:"error_message"`
	FailureCode      steward.FailureCode `json:"failure_code,omitempty"`
	CreatedAt        time.Time           `json:"created_at"`
	StartedAt        *time.Time          `json:"started_at"`
	EndedAt          *time.Time          `json:"ended_at"`
	Metadata         json.RawMessage     `json:"metadata"`
	CachedFrom       *steward.JobID      `json:"cached_from" doc:"The job whose outputs these are; null when the job ran itself."`
}

// results answers for up to 1000 jobs, one after the other as they are read: no more than a few are held at a time.
func (f *family) results(w http.ResponseWriter, r *http.Request) error {
	ids, err := readJobIDs(w, r)
	if err != nil {
		return err
	}
	list, err := f.Jobs.Results(r.Context(), ids)
	if err != nil {
		return err
	}
	return f.api.Stream(w, r, func(out io.Writer) error {
		before := "[" // what stands before the next element
		for job, err := range list {
			if err != nil {
				return err
			}
			item, err := f.manyResult(r, job)
			if err != nil {
				return err
			}
			encoded, err := wire.Encode(item)
			if err != nil {
				return fmt.Errorf("encode result: %w", err)
			}
			if _, err := out.Write(append([]byte(before), encoded...)); err != nil {
				return err
			}
			before = ","
		}
		_, err := io.WriteString(out, strings.TrimSuffix(before, ",")+"]")
		return err
	})
}

func (f *family) manyResult(r *http.Request, job *steward.Job) (*manyResult, error) {
	inputs, err := f.inputsOf(r.Context(), job)
	if err != nil {
		return nil, err
	}
	out := &manyResult{
		ID: job.ID, Status: job.Status, AgentID: job.AgentID, AgentVersionID: job.VersionID, Cost: dollars(job.Usage.Cost), Inputs: inputs,
		InputTokens: job.Usage.InputTokens, OutputTokens: job.Usage.OutputTokens, CreatedAt: job.CreatedAt.UTC(),
		StartedAt: timeOrNull(job.StartedAt), EndedAt: timeOrNull(job.EndedAt), Metadata: objectOrEmpty(job.Metadata), CachedFrom: idOrNull(job.CachedFrom),
	}
	if job.Status.Terminal() {
		out.Result = orEmpty(job.Outputs)
	}
	if job.Failure != nil {
		out.ErrorMessage, out.FailureCode = &job.Failure.Message, job.Failure.Code
	}
	return out, nil
}

// idOrNull makes the empty id null.
func idOrNull[T steward.UUID](id T) *T {
	if id == "" {
		return nil
	}
	return &id
}

// cancelledAll is the answer to a call that cancels all jobs of an agent.
type cancelledAll struct {
	TaskID        *string `json:"task_id" doc:"Always null: the work is done when the answer comes."`
	TargetedCount int     `json:"targeted_count"`
	Note          string  `json:"note"`
}

func (f *family) cancelAll(w http.ResponseWriter, r *http.Request) error {
	agent, err := wire.PathID[steward.AgentID](r, "agent_id")
	if err != nil {
		return err
	}
	n, err := f.Jobs.CancelAll(r.Context(), agent)
	if err != nil {
		return err
	}
	note := "Queued jobs are cancelled; running ones end soon."
	if n == 0 {
		note = "The agent has no open jobs."
	}
	return f.api.JSON(w, r, http.StatusOK, cancelledAll{TargetedCount: n, Note: note})
}

// deletedData is the answer to the deletion of a job's data. Clients read one of the two flags each.
type deletedData struct {
	Status               string   `json:"status" enum:"success,partial_success"`
	DeletedCount         int      `json:"deleted_count" doc:"Uploads, outputs, references and steps."`
	FailedCount          int      `json:"failed_count" doc:"Files whose bytes are deleted later."`
	BlobSanitized        bool     `json:"blob_sanitized" doc:"No file is left."`
	OutputsSanitized     bool     `json:"outputs_sanitized"`
	ArtifactsDeleted     int      `json:"artifacts_deleted_count"`
	ArtifactsFailedCount int      `json:"artifacts_failed_count"`
	Errors               []string `json:"errors"`
}

func (f *family) deleteData(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.PathID[steward.JobID](r, "job_id")
	if err != nil {
		return err
	}
	d, err := f.Jobs.DeleteData(r.Context(), id)
	if steward.CodeOf(err) == steward.Conflict {
		return &wire.Detailed{Status: http.StatusBadRequest, Body: map[string]string{"error": "The job has not ended yet; cancel it first."}, Err: err}
	}
	if err != nil {
		return err
	}
	out := deletedData{
		Status: "success", DeletedCount: d.Files + d.Outputs + d.Steps, BlobSanitized: true, OutputsSanitized: true,
		ArtifactsDeleted: d.Artifacts, Errors: []string{},
	}
	if d.Err != nil {
		out.Status, out.FailedCount, out.BlobSanitized = "partial_success", d.Left, d.Left == 0
		out.Errors = append(out.Errors, "Some files could not be deleted yet; the server goes on trying.")
	}
	return f.api.JSON(w, r, http.StatusOK, out)
}
