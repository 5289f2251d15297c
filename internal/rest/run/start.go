package run

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/rest/wire"
)

const (
	pathRun             = "/v1/agents/run/{agent_id}/"
	pathRunAsync        = "/v1/agents/run/{agent_id}/async/"
	pathRunVersion      = "/v1/agents/run/{agent_id}/versions/{agent_version_id}/"
	pathRunVersionAsync = "/v1/agents/run/{agent_id}/versions/{agent_version_id}/async/"
)

// maxIdempotencyKey is the longest Idempotency-Key, in characters.
const maxIdempotencyKey = jobs.MaxIdempotency

func (f *family) registerRuns() {
	for _, op := range []struct {
		path, id, summary string
		async             bool
	}{
		{pathRun, "agents_run", "Run an agent and wait", false},
		{pathRunAsync, "agents_run_async", "Start a run of an agent", true},
		{pathRunVersion, "agents_run_version", "Run a version and wait", false},
		{pathRunVersionAsync, "agents_run_version_async", "Start a run of a version", true},
	} {
		f.api.Handle(f.runOperation(op.path, op.id, op.summary, op.async), f.run(op.async))
	}
}

// runOperation documents a run call.
func (f *family) runOperation(path, id, summary string, async bool) wire.Operation {
	op := wire.Operation{
		Method: http.MethodPost, Path: path, ID: id, Tag: tagRuns, Summary: summary,
		Description: "The body holds one field for each input, named by the input's key, beside an optional metadata object; " +
			"JSON, form and multipart (for files) are read alike, and a run without inputs needs no body. " +
			"The answer waits for the job's end, 120 seconds at most.",
		Errors: []int{
			http.StatusBadRequest, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound,
			http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
		},
		Params: []*huma.Param{wire.HeaderParam("X-Skip-Cache", "true: do not answer from an earlier equal run.")},
		Body: formBody(&huma.Schema{
			Type: huma.TypeObject, AdditionalProperties: true,
			Properties: map[string]*huma.Schema{"metadata": {Description: "A JSON object, or its text.", AdditionalProperties: true}},
		}),
		Responses: map[string]*huma.Response{
			"200": wire.JSONResponse("The outputs", wire.SchemaOf[[]steward.Datum](f.api, "Outputs")),
		},
	}
	op.Body.Required = false
	if !async {
		op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnprocessableEntity)
		return op
	}
	op.Description = "As the call that waits, but the answer is the job's id, given when the job is on disk. " +
		"timeout_seconds and idempotency_key in the body bound the job and stand for the header."
	op.Params = append(op.Params, wire.HeaderParam(wire.IdempotencyHeader,
		"At most 255 characters. The same key within 24 hours answers the first job's id and starts nothing; with other inputs or metadata it is refused."))
	op.Responses["200"] = wire.JSONResponse("The job's id", &huma.Schema{Type: huma.TypeString, Format: "uuid"})
	return op
}

// run is the handler of the four run calls.
func (f *family) run(async bool) wire.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := f.target(r)
		if err != nil {
			return err
		}
		if err := f.Jobs.CheckRun(r.Context(), p.AgentID, p.VersionID); err != nil {
			return err
		}
		who, err := steward.PrincipalFrom(r.Context(), steward.ScopeRun)
		if err != nil {
			return err
		}
		if !async {
			if err := wire.Waits(r); err != nil {
				return err
			}
		}
		in := &inputReader{files: f.Files, async: async, own: who.OrganizationID}
		err = in.read(w, r)
		if err == nil {
			err = in.fill(&p, r.Header)
		}
		if err != nil {
			f.release(r.Context(), in.uploads)
			return err
		}
		if async {
			return f.submit(w, r, p, in.uploads)
		}
		return f.runSync(w, r, p, in.uploads)
	}
}

// target reads the ids of the path.
func (f *family) target(r *http.Request) (p jobs.RunParams, err error) {
	if p.AgentID, err = wire.PathID[steward.AgentID](r, "agent_id"); err != nil {
		return p, err
	}
	if raw := r.PathValue("agent_version_id"); raw != "" {
		p.VersionID, err = wire.ID[steward.VersionID](raw)
	}
	return p, err
}

// submit starts a job and answers its id, a bare JSON string.
func (f *family) submit(w http.ResponseWriter, r *http.Request, p jobs.RunParams, uploads []steward.FileID) error {
	// An upload is used up whether or not the client waits for the answer, so the end of the connection does not end this.
	id, err := f.Jobs.Submit(context.WithoutCancel(r.Context()), p)
	f.release(r.Context(), uploads) // all of them after an error; else those that no input of the agent took
	if err != nil {
		return err
	}
	f.api.RawJSON(w, r, http.StatusOK, []byte(strconv.Quote(string(id))))
	return nil
}

// runSync runs a job and answers its outputs, a bare array.
func (f *family) runSync(w http.ResponseWriter, r *http.Request, p jobs.RunParams, uploads []steward.FileID) error {
	p.Queued = func() { wire.Rest(r) }
	job, err := f.Jobs.RunSync(r.Context(), p)
	f.release(r.Context(), uploads)
	if err != nil {
		return syncError(err)
	}
	if !job.Status.Succeeded() || job.Failure != nil { // a failure may come out of the cache too
		return runFailure(job)
	}
	return f.api.JSON(w, r, http.StatusOK, orEmpty(job.Outputs))
}

// syncError turns the end of the wait into an answer that clients do not take for a passing fault: they would post the run
// once more while the first goes on.
func syncError(err error) error {
	if steward.CodeOf(err) != steward.Timeout {
		return err
	}
	detail := "The run goes on; ask for its job's status."
	if e := (*steward.Error)(nil); errors.As(err, &e) && e.Message != "" {
		detail = e.Message
	}
	return &wire.Detailed{Status: http.StatusConflict, Body: map[string]string{"detail": detail}, Err: err}
}

// runFailed is the body of a run that did not succeed.
type runFailed struct {
	Detail      string              `json:"detail"`
	FailureCode steward.FailureCode `json:"failure_code"`
	JobID       steward.JobID       `json:"job_id"`
}

// runFailure answers a job that ended without outputs. The status is never 5xx: the work was done, and a replay would do it again.
func runFailure(job *steward.Job) error {
	fail := job.Failure
	if fail == nil {
		fail = &steward.Failure{Code: steward.FailInternal, Message: "The run failed."}
	}
	status := http.StatusUnprocessableEntity
	switch {
	case job.Status == steward.StatusCancelled:
		fail = &steward.Failure{Code: steward.FailCancelled, Message: "The run was cancelled."}
		status = http.StatusConflict
	case fail.Code == steward.FailCostLimit:
		status = http.StatusPaymentRequired
	case fail.Code == steward.FailMissingInput, fail.Code == steward.FailInvalidConfig,
		fail.Code == steward.FailUnsupportedFile, fail.Code == steward.FailFileEncrypted:
		status = http.StatusBadRequest
	}
	return &wire.Detailed{
		Status: status, Err: fail,
		Body: runFailed{Detail: fail.Message, FailureCode: fail.Code, JobID: job.ID},
	}
}

// releaseTimeout bounds the clean-up after a request, which goes on when the client is gone.
const releaseTimeout = 30 * time.Second

// release drops those uploads of a request that no job took.
func (f *family) release(ctx context.Context, uploads []steward.FileID) {
	if len(uploads) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if err := f.Files.Release(ctx, uploads...); err != nil {
		// They also end with their time; until then they only take space.
		f.Logger.WarnContext(ctx, "uploads not released", slog.Any("error", err), slog.Int("files", len(uploads)))
	}
}
