package jobs

import (
	"context"
	"crypto/sha256"
	"fmt"
	"regexp"
	"time"

	"github.com/stewardhq/steward"
)

// replay returns the job that an idempotency key stands for. ok is false without a key or when the key is new.
//
// Errors: Invalid when the key was used with other content.
func (s *Service) replay(ctx context.Context, org steward.OrganizationID, p *RunParams, now time.Time) (id steward.JobID, ok bool, err error) {
	if p.IdempotencyKey == "" {
		return "", false, nil
	}
	find := func(key string) (id steward.JobID, hash [32]byte, ok bool, err error) {
		if id, hash, ok, err = s.store.FindIdempotent(ctx, org, p.AgentID, key, now); err != nil {
			err = fmt.Errorf("look up idempotency key: %w", err)
		}
		return id, hash, ok, err
	}
	id, hash, ok, err := find(p.storedKey())
	switch {
	case err != nil:
		return "", false, err
	case ok && hash != p.storedHash() && (p.VersionID == "" || hash != p.hash()): // the latter was written for versions too at first
		return "", false, errKeyReused(nil)
	case ok || !p.isEscaped():
		return id, ok, nil
	}
	// At first this key was written as it is, where those of a version and other escaped ones stand: these have other hashes.
	id, hash, ok, err = find(p.IdempotencyKey)
	return id, ok && hash == p.hash(), err
}

// versionFirst is what the stored keys of versions look like, with any number of escapes before it.
var versionFirst = regexp.MustCompile(`^/*[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/`)

// isEscaped reports whether the key is of no version and looks like one of a version.
func (p *RunParams) isEscaped() bool {
	return p.VersionID == "" && versionFirst.MatchString(p.IdempotencyKey)
}

// storedKey is the idempotency key with the version it is for: the same key for another version is another key. A key of no version that
// looks like one of a version is escaped, so that no two of them are stored as the same.
func (p *RunParams) storedKey() string {
	switch {
	case p.VersionID != "":
		return string(p.VersionID) + "/" + p.IdempotencyKey
	case p.isEscaped():
		return "/" + p.IdempotencyKey
	}
	return p.IdempotencyKey
}

// storedHash is hash, and another one for a version and for a key that is escaped.
func (p *RunParams) storedHash() [32]byte {
	hash := p.hash()
	switch {
	case p.VersionID != "":
		return sha256.Sum256(append(hash[:], p.VersionID...))
	case p.isEscaped():
		return sha256.Sum256(append(hash[:], '/'))
	}
	return hash
}
