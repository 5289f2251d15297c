package storerow

import (
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// Job is a job's row with its JSON still encoded. Times are microseconds, 0 for none.
type Job struct {
	ID             string
	OrganizationID string
	AgentID        string
	VersionID      string
	VersionName    string
	EngineClassID  string
	CreatorID      int64
	Status         int64
	CreatedAt      int64
	UpdatedAt      int64
	StartedAt      int64
	EndedAt        int64
	RunAfter       int64
	Deadline       int64
	Attempt        int64
	Crashes        int64
	Progress       string // "" means none
	Metadata       string
	Inputs         string // "" when the query left it out, as the next two
	Outputs        string
	References     string
	Events         string
	Failure        string // "" means none
	Usage          string // "" means nothing consumed
	BatchID        string
	BatchIndex     int64
	CachedFrom     string
	DataDeletedAt  int64
}

// Decode returns the job. Lists are never nil.
func (r *Job) Decode() (*steward.Job, error) {
	j := &steward.Job{
		ID:             steward.JobID(r.ID),
		OrganizationID: steward.OrganizationID(r.OrganizationID),
		AgentID:        steward.AgentID(r.AgentID),
		VersionID:      steward.VersionID(r.VersionID),
		VersionName:    r.VersionName,
		EngineClassID:  r.EngineClassID,
		CreatorID:      steward.UserID(r.CreatorID),
		Status:         steward.Status(r.Status),
		CreatedAt:      Time(r.CreatedAt),
		UpdatedAt:      Time(r.UpdatedAt),
		StartedAt:      Time(r.StartedAt),
		EndedAt:        Time(r.EndedAt),
		RunAfter:       Time(r.RunAfter),
		Deadline:       Time(r.Deadline),
		Attempt:        int(r.Attempt),
		Crashes:        int(r.Crashes),
		Metadata:       []byte(Metadata([]byte(r.Metadata))),
		Batch:          steward.BatchID(r.BatchID),
		BatchIndex:     r.BatchIndex,
		CachedFrom:     steward.JobID(r.CachedFrom),
		DataDeletedAt:  Time(r.DataDeletedAt),
	}
	if err := r.decodeLists(j); err != nil {
		return j, err
	}
	if j.CachedFrom != "" { // the first job's cost was paid there
		for i := range j.Outputs {
			if j.Outputs[i].Cost != nil {
				j.Outputs[i].Cost = new(float64)
			}
		}
	}
	return j, nil
}

// decodeLists fills what rows keep as JSON.
func (r *Job) decodeLists(j *steward.Job) (err error) {
	if j.Progress, err = ParseObject[steward.Progress](r.Progress); err != nil {
		return err
	}
	if j.Inputs, err = ParseList[steward.Input](r.Inputs); err != nil {
		return err
	}
	if j.Outputs, err = ParseList[steward.Datum](r.Outputs); err != nil {
		return err
	}
	if j.References, err = ParseList[steward.Reference](r.References); err != nil {
		return err
	}
	if j.Events, err = ParseList[steward.StatusEvent](r.Events); err != nil {
		return err
	}
	if j.Failure, err = ParseObject[steward.Failure](r.Failure); err != nil {
		return err
	}
	j.Usage, err = ParseUsage(r.Usage)
	return err
}

// Files returns the stored files that a job's inputs name, in order. URLs that the run will fetch are none.
func Files(inputs []steward.Input) []steward.File {
	var files []steward.File
	for _, in := range inputs {
		for _, f := range in.Files {
			if f.ID != "" {
				files = append(files, f)
			}
		}
		if in.Text != nil {
			files = append(files, *in.Text)
		}
	}
	return files
}

// CheckNew reports what is wrong with a job that is to be queued. Errors: Invalid.
func CheckNew(j *store.NewJob) error {
	switch {
	case j.ID == "":
		return OutOfRange("ID", "A job needs an id.")
	case j.OrganizationID == "" || j.AgentID == "":
		return OutOfRange("AgentID", "A job needs an organization and an agent.")
	case j.CreatedAt.IsZero():
		return OutOfRange("CreatedAt", "A job needs its time of creation.")
	case j.Timeout <= 0:
		return OutOfRange("Timeout", "A job's timeout must be positive.")
	}
	return nil
}

// CheckOutcome reports what is wrong with the end of an attempt. Errors: Invalid.
func CheckOutcome(o *store.Outcome) error {
	switch o.Status {
	case steward.StatusSuccess, steward.StatusFailure, steward.StatusCancelled, steward.StatusRetry:
	default:
		return OutOfRange("Status", "An attempt ends with SUCCESS, FAILURE, CANCELLED or RETRY.")
	}
	if o.At.IsZero() {
		return OutOfRange("At", "An outcome needs its time.")
	}
	return nil
}

// CheckClaim reports what is wrong with a claim. Errors: Invalid.
func CheckClaim(r *store.ClaimRequest) error {
	switch {
	case r.Max < 1 || r.Max > 1000:
		return OutOfRange("Max", "Max must be 1 to 1000.")
	case r.Lease < time.Second || r.Lease > time.Hour:
		return OutOfRange("Lease", "Lease must be 1s to 1h.")
	case r.Now.IsZero():
		return OutOfRange("Now", "A claim needs the time.")
	}
	return nil
}
