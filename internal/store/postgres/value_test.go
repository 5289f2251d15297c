package postgres_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/pgtest"
)

// What PostgreSQL's text cannot hold is refused by name, or escaped where the form of the row allows it.
func TestCharactersThatTextCannotHold(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.Database(t))
	org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
	for name, change := range map[string]func(j *store.NewJob){
		"metadata with U+0000":          func(j *store.NewJob) { j.Metadata = []byte("{\"a\":\"\x00\"}") },
		"metadata that is not UTF-8":    func(j *store.NewJob) { j.Metadata = []byte("{\"a\":\"\xff\"}") },
		"version name with U+0000":      func(j *store.NewJob) { j.VersionName = "a\x00b" },
		"idempotency key with U+0000":   func(j *store.NewJob) { j.IdempotencyKey = "\x00" },
		"an id that is no UUID":         func(j *store.NewJob) { j.ID = "job-1" },
		"an agent's id that is no UUID": func(j *store.NewJob) { j.AgentID = "agent-1" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJob(org, agent)
			change(&j)
			if _, err := s.Submit(t.Context(), jobsOf(j)); steward.CodeOf(err) != steward.Invalid {
				t.Errorf("Submit: got %v, want Invalid", err)
			}
		})
	}
	t.Run("an input with U+0000 survives", func(t *testing.T) {
		t.Parallel()
		j := newJob(org, newID[steward.AgentID]())
		j.Inputs = []steward.Input{{Key: "text", Value: "a\x00b\u2028<&>"}}
		if _, err := s.Submit(t.Context(), jobsOf(j)); err != nil {
			t.Fatalf("Submit: %v", err)
		}
		got, err := s.Job(t.Context(), org, j.ID)
		if err != nil || got.Inputs[0].Value != j.Inputs[0].Value {
			t.Errorf("Job: got %+v, %v, want the input as it was", got, err)
		}
	})
}

func TestTextComesBackByteForByte(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.Database(t))
	org := newID[steward.OrganizationID]()
	j := newJob(org, newID[steward.AgentID]())
	j.Metadata = []byte("{ \"b\" : 1.0, \"a\": 1e2,\"b\":\"\\u0000\", \"ü\":12345678901234567890 }\n")
	if _, err := s.Submit(t.Context(), jobsOf(j)); err != nil {
		t.Fatalf("Submit: %v", err)
	}
	got, err := s.Job(t.Context(), org, j.ID)
	if err != nil || string(got.Metadata) != string(j.Metadata) {
		t.Errorf("metadata: got %q, %v, want %q", got.Metadata, err, j.Metadata)
	}
	lease := claim(t, s, 1, store.Limits{})[0].Lease
	output := json.RawMessage(`{"z":1,  "a":"\u0000"}`)
	step := steward.Step{JobID: j.ID, Name: "s", Kind: steward.StepCompute, Output: output, StartedAt: start(), EndedAt: start(), Usage: steward.Free()}
	if err := s.RecordStep(t.Context(), lease, step); err != nil {
		t.Fatalf("RecordStep: %v", err)
	}
	steps, err := s.Steps(t.Context(), org, j.ID)
	if err != nil || len(steps) != 1 || string(steps[0].Output) != string(output) {
		t.Errorf("Steps: got %+v, %v, want the output as it was", steps, err)
	}
	bad := step
	bad.Name, bad.Output = "t", json.RawMessage("\"\xc3\"")
	if err := s.RecordStep(t.Context(), lease, bad); steward.CodeOf(err) != steward.Invalid {
		t.Errorf("RecordStep of bytes that are not UTF-8: got %v, want Invalid", err)
	}
}

func TestIdsThatAreNoUUIDsAreNotFound(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.Database(t))
	ctx, org := t.Context(), newID[steward.OrganizationID]()
	lease := store.Lease{JobID: "job-1", Fence: 1}
	_, job := s.Job(ctx, org, "job-1")
	_, status := s.JobStatus(ctx, "org-1", newID[steward.JobID]())
	_, steps := s.Steps(ctx, org, "%")
	_, cancel := s.Cancel(ctx, org, "", start())
	_, agent := s.Agent(ctx, org, "Ünicode-is-thirty-six-bytes-long-ok")
	_, version := s.Version(ctx, org, newID[steward.AgentID](), "v1")
	_, file := s.StoredFile(ctx, org, "f")
	_, key := s.KeyByPrefix(ctx, "a\x00b")
	for what, err := range map[string]error{
		"Job": job, "JobStatus": status, "Steps": steps, "Cancel": cancel, "Agent": agent, "Version": version, "StoredFile": file,
		"KeyByPrefix": key, "RevokeKey": s.RevokeKey(ctx, org, "k", start()), "Organization": second(s.Organization(ctx, "o")),
	} {
		if steward.CodeOf(err) != steward.NotFound {
			t.Errorf("%s: got %v, want NotFound", what, err)
		}
	}
	for what, err := range map[string]error{
		"RecordStep": s.RecordStep(ctx, lease, steward.Step{Name: "s"}), "LoadSteps": second(s.LoadSteps(ctx, lease)),
		"Finish":  s.Finish(ctx, lease, store.Outcome{Status: steward.StatusSuccess, At: start()}),
		"RefJob":  second(s.RefJob(ctx, lease, "00", 1)),
		"SaveArt": s.SaveArtifact(ctx, lease, steward.Artifact{Key: "k"}),
	} {
		if steward.CodeOf(err) != steward.Conflict {
			t.Errorf("%s: got %v, want Conflict", what, err)
		}
	}
	renewed, err := s.RenewLeases(ctx, []store.LeaseRenewal{{Lease: lease}}, start(), time.Minute)
	if err != nil || !renewed[0].Lost {
		t.Errorf("RenewLeases: got %+v, %v, want a lost lease", renewed, err)
	}
	if dying, err := s.Release(ctx, []steward.FileID{"f", "%"}, start()); err != nil || len(dying) != 0 {
		t.Errorf("Release: got %v, %v, want nothing", dying, err)
	}
}

func second[T any](_ T, err error) error { return err }
