package steward

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Status is where a job stands. The numbers are those of the run family's wire.
type Status int

// The statuses. A job goes 0→1→(2→1)*→3|4|5, or 0|1|2→5; a terminal status never changes.
const (
	StatusPending   Status = 0 // queued
	StatusStarted   Status = 1 // a worker runs it
	StatusRetry     Status = 2 // a passing fault; it will run again
	StatusSuccess   Status = 3 // its outputs are stored
	StatusFailure   Status = 4 // it failed for good; see Job.Failure
	StatusCancelled Status = 5
	StatusCached    Status = 6 // answered from an earlier equal run
)

// String returns the name in capitals, such as SUCCESS.
func (s Status) String() string {
	switch s {
	case StatusPending:
		return "PENDING"
	case StatusStarted:
		return "STARTED"
	case StatusRetry:
		return "RETRY"
	case StatusSuccess:
		return "SUCCESS"
	case StatusFailure:
		return "FAILURE"
	case StatusCancelled:
		return "CANCELLED"
	case StatusCached:
		return "CACHED"
	}
	return fmt.Sprintf("STATUS(%d)", int(s))
}

// Terminal reports whether a job of this status has ended.
func (s Status) Terminal() bool { return s >= StatusSuccess && s <= StatusCached }

// Succeeded reports whether the job's outputs can be read.
func (s Status) Succeeded() bool { return s == StatusSuccess || s == StatusCached }

// Job is one run of a version on inputs.
type Job struct {
	ID             JobID
	OrganizationID OrganizationID
	AgentID        AgentID
	VersionID      VersionID
	VersionName    string
	EngineClassID  string
	CreatorID      UserID
	Status         Status
	CreatedAt      time.Time
	UpdatedAt      time.Time       // last change of status
	StartedAt      time.Time       // first start; zero until then
	EndedAt        time.Time       // zero until terminal
	RunAfter       time.Time       // not claimed earlier
	Deadline       time.Time       // fails with FailTimeout after it; never zero
	Attempt        int             // how many times it was started
	Crashes        int             // how many of those ended with the death of the process
	Progress       *Progress       // nil until the engine says something
	Metadata       json.RawMessage // a JSON object as the caller sent it; never nil
	Inputs         []Input
	Outputs        []Datum // empty unless Status.Succeeded
	References     []Reference
	Verdict        string // text of the member "verdict" of the first output's JSON object, at most 200 bytes; filled in lists only
	Events         []StatusEvent
	Failure        *Failure // for StatusFailure and StatusRetry
	Usage          Usage
	Batch          BatchID   // "" when the job is of no batch
	BatchIndex     int64     // place in the batch, from 0
	CachedFrom     JobID     // for StatusCached: the job whose outputs these are
	DataDeletedAt  time.Time // when inputs, outputs, steps and files were deleted; zero while they are there
}

// Progress is how far a running job says it is.
type Progress struct {
	Done    int    `json:"done"`
	Total   int    `json:"total"` // 0 means unknown
	Message string `json:"message,omitempty"`
}

// StatusEvent is one change of a job's status.
type StatusEvent struct {
	Timestamp    time.Time      `json:"timestamp"`
	StatusCode   Status         `json:"status_code"`
	ErrorMessage string         `json:"error_message,omitempty"`
	ErrorDetails map[string]any `json:"error_details,omitempty"`
	Count        int            `json:"count,omitempty"` // how often the same event repeated; 0 means once
}

// Input is one input of a job after it was read: text, JSON or files.
type Input struct {
	Key         string `json:"key"`
	Description string `json:"description"`
	DataType    string `json:"data_type"`
	Value       string `json:"value,omitempty"` // text, or JSON text when JSON is set
	JSON        bool   `json:"json,omitempty"`  // Value is JSON that the caller sent with its type
	Files       []File `json:"files,omitempty"` // for file inputs, in the caller's order
	Text        *File  `json:"text,omitempty"`  // Value when it is too long to stand in the row
}

// File is a stored file. Its content is addressed by hash, so equal files are stored once.
type File struct {
	ID          FileID `json:"id"`
	Name        string `json:"name"`         // base name as the caller gave it
	ContentType string `json:"content_type"` // found from the bytes, not from the caller's word
	SizeBytes   int64  `json:"size_bytes"`
	SHA256      string `json:"sha256"`               // lower-case hex
	SourceURL   string `json:"source_url,omitempty"` // where it was fetched from
}

// Datum is one output of a job, in the run family's AgentDatum form. Value is always a string: JSON is serialised into it.
type Datum struct {
	Key         string   `json:"key"`
	Description string   `json:"description,omitempty"`
	DataType    string   `json:"data_type"`
	Value       string   `json:"value"`
	Cost        *float64 `json:"cost,omitempty"` // US dollars of the whole run, on the first datum only
}

// Reference is a file that a job saved for its readers, such as a page image.
type Reference struct {
	ResourceID  ReferenceID `json:"resource_id"`
	Kind        string      `json:"kind"` // page, screenshot, html, markdown, selection
	ContentType string      `json:"content_type"`
	SizeBytes   int64       `json:"bytes"`
	SHA256      string      `json:"sha256"`
	SourceURL   string      `json:"source_url,omitempty"`
	CapturedAt  time.Time   `json:"captured_at"`
}

// Artifact is a tool's result that evidence can name. Only Result is ever shown to callers.
type Artifact struct {
	Key      string          `json:"key"` // below "agent-job-<job id>/"
	Result   json.RawMessage `json:"result"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Input    json.RawMessage `json:"input,omitempty"`
	Usage    json.RawMessage `json:"usage,omitempty"`
}

// MicroUSD is an amount of money in millionths of a US dollar.
type MicroUSD int64

// USD returns the amount in dollars.
func (m MicroUSD) USD() float64 { return float64(m) / 1e6 }

// Usage is what a job or a step consumed.
type Usage struct {
	InputTokens      int64     `json:"input_tokens"`
	CachedTokens     int64     `json:"cached_tokens,omitempty"`      // part of InputTokens read from the provider's cache
	CacheWriteTokens int64     `json:"cache_write_tokens,omitempty"` // part of InputTokens written into the provider's cache
	OutputTokens     int64     `json:"output_tokens"`
	ReasoningTokens  int64     `json:"reasoning_tokens,omitempty"` // part of OutputTokens
	Cost             *MicroUSD `json:"cost_micro_usd"`             // nil when a price is unknown
}

// Add returns the sum of u and v. The sum's cost is unknown as soon as one of them is.
func (u Usage) Add(v Usage) Usage {
	u.InputTokens += v.InputTokens
	u.CachedTokens += v.CachedTokens
	u.CacheWriteTokens += v.CacheWriteTokens
	u.OutputTokens += v.OutputTokens
	u.ReasoningTokens += v.ReasoningTokens
	if u.Cost == nil || v.Cost == nil {
		u.Cost = nil
		return u
	}
	sum := *u.Cost + *v.Cost
	u.Cost = &sum
	return u
}

// Free is the usage of something that costs nothing.
func Free() Usage { return Usage{Cost: new(MicroUSD)} }

// Step is a recorded piece of a job: one model call, one page read, one fetch. A finished step is never done again.
type Step struct {
	JobID     JobID           `json:"job_id"`
	Name      string          `json:"name"` // stable within the run, such as "file[0].batch[2].extract"; at most 200 bytes
	Kind      StepKind        `json:"kind"`
	InputHash string          `json:"input_hash"` // SHA-256 of what the step was given, hex; "" when nothing
	Output    json.RawMessage `json:"output"`     // what the step returned
	Attempt   int             `json:"attempt"`    // the job's attempt that did it
	StartedAt time.Time       `json:"started_at"`
	EndedAt   time.Time       `json:"ended_at"`
	Usage     Usage           `json:"usage"`
	Model     string          `json:"model,omitempty"` // model id for StepModel

	// What follows is kept for StepModel alone.
	Provider   string          `json:"provider,omitempty"`    // whose model it was; "" when unknown
	OutputHash string          `json:"output_hash,omitempty"` // SHA-256 of Output, hex; stays when Output goes
	Prompt     json.RawMessage `json:"prompt,omitempty"`      // what was asked, an object; only with store_traces

	// ForgetOutput says that Output goes once the job has ended: it is kept only so that a run which is taken up again need not ask again.
	ForgetOutput bool `json:"-"`
}

// Failed reports whether the step only books what a call used that failed, as its name says: "<step>.failed[n]". The step that made the
// call is still to be done.
func (s *Step) Failed() bool {
	_, number, ok := strings.Cut(s.Name[max(strings.LastIndex(s.Name, failedStep), 0):], failedStep)
	number, closed := strings.CutSuffix(number, "]")
	return ok && closed && number != "" && strings.Trim(number, "0123456789") == ""
}

const failedStep = ".failed["

// FailedStep returns the name of the step that books the nth failed call, from 0, of a step. It is at most limit bytes long.
func FailedStep(name string, n, limit int) string {
	end := failedStep + strconv.Itoa(n) + "]"
	return strings.ToValidUTF8(name[:min(len(name), limit-len(end))], "") + end
}

// StepKind says what a step did.
type StepKind string

// The kinds of steps.
const (
	StepModel    StepKind = "model"
	StepDocument StepKind = "document"
	StepFetch    StepKind = "fetch"
	StepCompute  StepKind = "compute"
)
