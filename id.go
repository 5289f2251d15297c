package steward

import (
	"fmt"
	"strings"
)

// Identifiers are canonical UUID strings (lower case, dashed), one type for each noun so that a swapped argument does not compile.
// Ids that Steward issues are version 7, so they sort by creation time. The zero value "" means "none".
type (
	// OrganizationID names an organization, the owner of everything else.
	OrganizationID string
	// AgentID names an agent.
	AgentID string
	// VersionID names one immutable version of an agent.
	VersionID string
	// JobID names a job.
	JobID string
	// KeyID names an API key; it is not secret.
	KeyID string
	// FileID names a stored file. Callers may write it bare or as "file_<uuid>".
	FileID string
	// BatchID names a batch of jobs.
	BatchID string
	// WebhookID names a webhook.
	WebhookID string
	// DeliveryID names one delivery of an event to a webhook.
	DeliveryID string
	// TagID names a tag of agents.
	TagID string
	// DatasetID names a group of stored files; callers choose it.
	DatasetID string
)

// UserID numbers a user. It is an integer because the run family's clients decode it as one. 0 means "none".
type UserID int64

// ReferenceID names a file that a job saved, unique within the job. It is one URL path segment of letters, digits,
// '.', '_' and '-', so that clients which do not escape it still build a correct URL.
type ReferenceID string

// UUID is the set of identifier types that hold a UUID.
type UUID interface {
	OrganizationID | AgentID | VersionID | JobID | KeyID | FileID | BatchID | WebhookID | DeliveryID | TagID | DatasetID
}

// ParseID reads a UUID in any of the spellings that clients send: upper or lower case, dashed or undashed. The result is canonical.
//
// Errors: Invalid, naming field, when s is not a UUID.
func ParseID[T UUID](field, s string) (T, error) {
	id, ok := canonicalUUID(s)
	if !ok {
		return "", &Error{Code: Invalid, Field: field, Message: fmt.Sprintf("%q is not a valid UUID.", clip(s, 64))}
	}
	return T(id), nil
}

// ParseFileID reads a stored file's id with or without the "file_" prefix.
//
// Errors: Invalid, naming field.
func ParseFileID(field, s string) (FileID, error) {
	return ParseID[FileID](field, strings.TrimPrefix(s, "file_"))
}

// IsFileID reports whether s has the form of a stored file's id: a UUID, optionally behind "file_".
func IsFileID(s string) bool {
	_, ok := canonicalUUID(strings.TrimPrefix(s, "file_"))
	return ok
}

// canonicalUUID folds the accepted spellings of a UUID into the canonical one.
func canonicalUUID(s string) (string, bool) {
	var out [36]byte
	switch len(s) {
	case 36:
		if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
			return "", false
		}
	case 32:
	default:
		return "", false
	}
	n := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '-':
			if len(s) != 36 || (i != 8 && i != 13 && i != 18 && i != 23) {
				return "", false
			}
			continue
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f':
		case c >= 'A' && c <= 'F':
			c += 'a' - 'A'
		default:
			return "", false
		}
		if n == 8 || n == 13 || n == 18 || n == 23 {
			out[n] = '-'
			n++
		}
		out[n] = c
		n++
	}
	if n != len(out) {
		return "", false
	}
	return string(out[:]), true
}

// clip shortens s for use in a message.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
