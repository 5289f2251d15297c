package store

// BlobRow is what a database knows of a blob.
type BlobRow struct {
	SHA256    string
	SizeBytes int64
	InPlace   bool // its bytes are stored; otherwise they may be, or may not
	Dying     bool // its bytes are being deleted
}

// Counts is how much there is in a database.
type Counts struct {
	Organizations int64 `json:"organizations"`
	Agents        int64 `json:"agents"`
	Jobs          int64 `json:"jobs"`
	OpenJobs      int64 `json:"open_jobs"` // that have not ended
	Steps         int64 `json:"steps"`
}

// Finding is something that is wrong with what is stored.
type Finding struct {
	Check   string `json:"check"`            // which rule is broken
	Message string `json:"message"`          // one sentence for an operator
	Advice  string `json:"advice,omitempty"` // what to do
}
