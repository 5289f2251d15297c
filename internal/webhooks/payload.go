package webhooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// maxBody is how long an event may be; a longer one goes without its job's outputs.
const maxBody = 1 << 20

// errNothing says that there is nothing to tell any more.
var errNothing = errors.New("there is nothing to tell any more")

// body returns the event of a delivery as JSON, made of what is stored now.
//
// Errors: errNothing when the job or batch is gone, or the batch has gone on.
func (s *Service) body(ctx context.Context, d *store.ClaimedDelivery) ([]byte, error) {
	s.making <- struct{}{}
	defer func() { <-s.making }()
	e := steward.Event{
		ID: d.ID, Type: d.Type, OrganizationID: d.OrganizationID, Agent: steward.EventAgent{ID: d.AgentID, Name: d.AgentName},
	}
	var err error
	switch {
	case d.JobID != nil:
		err = s.addJob(ctx, &e, *d.JobID, d.Webhook.IncludeInputs)
	case d.BatchID != nil:
		err = s.addBatch(ctx, &e, *d.BatchID)
	default:
		err = errNothing
	}
	if steward.CodeOf(err) == steward.NotFound {
		err = errNothing
	}
	if err != nil {
		return nil, err
	}
	return encodeEvent(&e)
}

// addJob fills in a job's event.
func (s *Service) addJob(ctx context.Context, e *steward.Event, id steward.JobID, withInputs bool) error {
	job, err := s.store.Job(ctx, e.OrganizationID, id)
	if err != nil {
		return fmt.Errorf("read job of an event: %w", err)
	}
	e.Timestamp = job.EndedAt
	e.AgentVersion = steward.EventVersion{ID: job.VersionID, Name: job.VersionName}
	e.Job = eventJob(job)
	e.Job.ResultURL = s.baseURL + "/v1/agents/jobs/" + string(id) + "/result/"
	if withInputs {
		e.Job.Inputs, err = s.inputs(ctx, job)
	}
	return err
}

// eventJob is an ended job as events tell it.
func eventJob(job *steward.Job) *steward.EventJob {
	j := &steward.EventJob{
		ID: job.ID, Status: "failed", StatusCode: job.Status, CreatedAt: job.CreatedAt, CompletedAt: job.EndedAt,
		Output: json.RawMessage("null"), Outputs: job.Outputs, Metadata: job.Metadata, CachedFrom: job.CachedFrom,
		InputTokens: job.Usage.InputTokens, OutputTokens: job.Usage.OutputTokens,
	}
	if job.Status.Succeeded() && job.Failure == nil {
		j.Status = "succeeded"
	}
	if job.Usage.Cost != nil {
		usd := job.Usage.Cost.USD()
		j.Cost = &usd
	}
	if job.Failure != nil {
		j.ErrorMessage, j.FailureCode = &job.Failure.Message, job.Failure.Code
	}
	if j.Outputs == nil {
		j.Outputs = []steward.Datum{}
	}
	if len(j.Metadata) == 0 {
		j.Metadata = json.RawMessage("{}")
	}
	if len(j.Outputs) > 0 {
		j.Output = parsed(j.Outputs[0])
	}
	if job.Batch != "" {
		index := job.BatchIndex
		j.BatchID, j.BatchIndex = job.Batch, &index
	}
	return j
}

// parsed is an output's value as JSON: itself when it is JSON, a string otherwise.
func parsed(d steward.Datum) json.RawMessage {
	if strings.Contains(d.DataType, "json") && json.Valid([]byte(d.Value)) {
		return json.RawMessage(d.Value)
	}
	raw, err := encode(d.Value)
	if err != nil { // cannot happen: strings always encode
		return json.RawMessage("null")
	}
	return raw
}

// inputs lists a job's inputs, one element for each file.
func (s *Service) inputs(ctx context.Context, job *steward.Job) ([]steward.EventInput, error) {
	var out []steward.EventInput
	for _, in := range job.Inputs {
		one := steward.EventInput{Key: in.Key, Description: in.Description, DataType: in.DataType, Value: in.Value}
		if in.Text != nil {
			text, err := s.text(ctx, *in.Text)
			if err != nil {
				return nil, fmt.Errorf("read input of an event: %w", err)
			}
			one.Value = text
		}
		if len(in.Files) == 0 {
			out = append(out, one)
		}
		for _, f := range in.Files {
			one.Value, one.FileName = string(f.ID), f.Name
			if f.SourceURL != "" {
				one.Value = f.SourceURL
			}
			out = append(out, one)
		}
	}
	return out, nil
}

// text reads a text that is kept as a file, as much of it as would fit into an event and a little more. One that is gone is empty.
func (s *Service) text(ctx context.Context, f steward.File) (string, error) {
	body, err := s.files.Open(ctx, f)
	if steward.CodeOf(err) == steward.NotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = body.Close() }() // read only
	raw, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	return strings.ToValidUTF8(string(raw), ""), err
}

// addBatch fills in a batch's event.
func (s *Service) addBatch(ctx context.Context, e *steward.Event, id steward.BatchID) error {
	b, err := s.store.Batch(ctx, e.OrganizationID, id)
	if err != nil {
		return fmt.Errorf("read batch of an event: %w", err)
	}
	if b.CompletedAt == nil {
		return errNothing // it was resumed; its next completion is told by itself
	}
	e.Timestamp = *b.CompletedAt
	e.AgentVersion = steward.EventVersion{ID: b.VersionID, Name: b.VersionName}
	e.Batch = b
	return nil
}

// encodeEvent returns an event as JSON, without what makes it too long.
func encodeEvent(e *steward.Event) ([]byte, error) {
	raw, err := encode(e)
	if err != nil || len(raw) <= maxBody || e.Job == nil {
		return raw, err
	}
	e.Job.Truncated, e.Job.Output, e.Job.Outputs, e.Job.Inputs = true, json.RawMessage("null"), []steward.Datum{}, nil
	if raw, err = encode(e); err != nil || len(raw) <= maxBody {
		return raw, err
	}
	e.Job.Metadata = json.RawMessage("{}")
	return encode(e)
}

// encode is JSON without the escaping of <, > and &, which is for HTML alone.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}
