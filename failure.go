package steward

import (
	"errors"
	"time"
)

// FailureCode says in one word why a job failed. It is stable: callers may branch on it.
type FailureCode string

// The failure codes.
const (
	FailMissingInput          FailureCode = "missing_input"
	FailInvalidConfig         FailureCode = "invalid_config"
	FailModelUnavailable      FailureCode = "model_unavailable"
	FailModelRefused          FailureCode = "model_refused"
	FailContextOverflow       FailureCode = "context_overflow"
	FailSchemaMismatch        FailureCode = "schema_mismatch"
	FailFetchBlocked          FailureCode = "fetch_blocked"
	FailFetchTimeout          FailureCode = "fetch_timeout"
	FailUnsupportedFile       FailureCode = "unsupported_file"
	FailFileEncrypted         FailureCode = "file_encrypted"
	FailProviderNotConfigured FailureCode = "provider_not_configured"
	FailProviderError         FailureCode = "provider_error"
	FailTimeout               FailureCode = "timeout"
	FailCostLimit             FailureCode = "cost_limit"
	FailCancelled             FailureCode = "cancelled"
	FailPoison                FailureCode = "poison" // it crashed its process too often
	FailInternal              FailureCode = "internal"
)

// Failure is why a job failed or will be tried again. Engines and tools return it as an error.
type Failure struct {
	Code    FailureCode `json:"code"`
	Message string      `json:"message"` // one sentence for users: no secrets, no paths

	// Transient is true when the same step may work later: provider 408, 429, 5xx, network faults.
	Transient bool `json:"transient,omitempty"`
	// RetryAfter is the earliest time of the next try as the provider asked for it; 0 means the usual backoff.
	RetryAfter time.Duration `json:"-"`
	// Held is true when the step was stopped on this side, before anything was sent: a rate limit that is known, a provider that is
	// known to be away. When it is Transient too, the next try is not counted as a retry.
	Held bool `json:"-"`
	// Usage is what the failed step used all the same, such as a paid answer that could not be read; nil means nothing.
	Usage *Usage `json:"-"`
	// Err is the cause, for operators only.
	Err error `json:"-"`
}

// Error returns the code, the message and the cause.
func (f *Failure) Error() string {
	s := string(f.Code) + ": " + f.Message
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// FailureOf returns the first *Failure in err's chain, or a FailInternal that hides err's text.
func FailureOf(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	return &Failure{Code: FailInternal, Message: "The run failed because of an internal error.", Err: err}
}
