// Package once keeps creates that are repeated from being made twice.
//
// A caller sends a key of its own with a create; the same key within a day answers what the first one answered:
//
//	answer, err := svc.Do(ctx, once.Params{Kind: "agent", Key: key, Hash: hash}, once.Create{Make: make, Find: find})
//
// What is about to be created is noted before, with its id; there can be only one of an id. So a create that was cut off, by a crash
// or a client that went away, is finished or found by the next one, and never made twice. Answers may hold secrets: they are sealed.
package once

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/secret"
	"github.com/stewardhq/steward/internal/store"
)

// Limits of keys.
const (
	MaxKey = 255            // bytes of a key
	Lasts  = 24 * time.Hour // how long a key is remembered
)

// Service remembers creates. Safe for concurrent use.
type Service struct {
	store store.Creations
	box   *secret.Box
	clock clock.Clock
	log   *slog.Logger
}

// New returns a Service that seals answers with box. A nil logger means slog.Default().
func New(s store.Creations, box *secret.Box, c clock.Clock, log *slog.Logger) *Service {
	if log == nil {
		log = slog.Default()
	}
	return &Service{store: s, box: box, clock: c, log: log}
}

// Params names a create.
type Params struct {
	Scope steward.Scope // that the create needs
	Kind  string        // what is created, and within what; keys of one kind do not meet those of others
	Key   string        // the caller's
	Hash  [32]byte      // of everything that the caller asks for
	ID    string        // the id of what is created, when there is one already; "" means a fresh one
	Lasts time.Duration // how long the key is remembered; 0 means Lasts
}

// Create is a create.
type Create struct {
	// Make creates it, with the id of steward.NewIDFrom, and returns the id that it has and the answer.
	Make func(ctx context.Context) (id string, answer []byte, err error)
	// Find returns the answer for what a Make before has created under an id. Errors: NotFound when there is no such.
	Find func(ctx context.Context, id string) (answer []byte, err error)
}

// noted is what is sealed.
type noted struct {
	Hash   []byte `json:"hash"`
	Answer []byte `json:"answer,omitempty"` // empty while it is under way
}

// Do makes a create, or returns the answer of an earlier one under the same key. first is false in that case.
//
// Errors: those of Make and Find; Invalid for a key that is too long, or was used with other content; Unavailable when this process
// cannot open what another has sealed.
func (s *Service) Do(ctx context.Context, p Params, c Create) (answer []byte, first bool, err error) {
	who, err := steward.PrincipalFrom(ctx, p.Scope)
	if err != nil {
		return nil, false, err
	}
	if len(p.Key) > MaxKey {
		return nil, false, &steward.Error{Code: steward.Invalid, Field: "Idempotency-Key", Message: fmt.Sprintf("must not be longer than %d characters.", MaxKey)}
	}
	if p.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, false, fmt.Errorf("make id: %w", err)
		}
		p.ID = id.String()
	}
	now := s.clock.Now()
	note := store.Creation{
		OrganizationID: who.OrganizationID, Kind: p.Kind, Key: p.Key, ObjectID: p.ID, ExpiresAt: now.Add(cmp.Or(p.Lasts, Lasts)),
	}
	if note.Sealed, err = s.seal(&note, noted{Hash: p.Hash[:]}); err != nil {
		return nil, false, err
	}
	before, known, err := s.store.BeginCreation(ctx, note, now)
	if err != nil {
		return nil, false, fmt.Errorf("note a create: %w", err)
	}
	if known {
		answer, err := s.before(ctx, &before, &p, c)
		if answer != nil || err != nil {
			return answer, false, err
		}
		note = before
	}
	return s.make(ctx, note, known, &p, c)
}

// before answers what was noted before; nil when nothing came of it, or has not yet.
func (s *Service) before(ctx context.Context, note *store.Creation, p *Params, c Create) ([]byte, error) {
	n, err := s.open(note)
	switch {
	case err != nil:
		return nil, err
	case subtle.ConstantTimeCompare(n.Hash, p.Hash[:]) == 0:
		return nil, &steward.Error{Code: steward.Invalid, Field: steward.InputField, Message: "Idempotency-Key was used before with other content."}
	case len(n.Answer) > 0:
		return n.Answer, nil
	}
	answer, err := c.Find(ctx, note.ObjectID)
	if steward.CodeOf(err) == steward.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.end(ctx, *note, p, answer)
	return answer, nil
}

// make creates what is noted. known says that somebody else may be at it, or was and did not come to its end.
func (s *Service) make(ctx context.Context, note store.Creation, known bool, p *Params, c Create) (answer []byte, first bool, err error) {
	id, answer, err := c.Make(steward.WithNewID(ctx, note.ObjectID))
	if err == nil {
		note.ObjectID = id
		s.end(ctx, note, p, answer)
		return answer, true, nil
	}
	if answer, ferr := c.Find(ctx, note.ObjectID); ferr == nil { // another one with the same key was faster
		s.end(ctx, note, p, answer)
		return answer, false, nil
	}
	if !known && refused(err) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		defer cancel()
		if derr := s.store.DropCreation(ctx, note); derr != nil {
			s.log.WarnContext(ctx, "key of a refused create not forgotten", "kind", p.Kind, "error", derr)
		}
	}
	return nil, false, err
}

// refused reports whether an error says that nothing was created, so that the key may come with other content.
func refused(err error) bool {
	switch steward.CodeOf(err) {
	case steward.Invalid, steward.NotFound, steward.Denied, steward.Conflict, steward.TooLarge, steward.Unsupported:
		return true
	}
	return false
}

// writeTimeout bounds what is written after a create.
const writeTimeout = 10 * time.Second

// end notes the answer. When that fails, the next one under the key finds what was created by its id.
func (s *Service) end(ctx context.Context, note store.Creation, p *Params, answer []byte) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	var err error
	if note.Sealed, err = s.seal(&note, noted{Hash: p.Hash[:], Answer: answer}); err == nil {
		err = s.store.EndCreation(ctx, note)
	}
	if err != nil {
		s.log.WarnContext(ctx, "answer of a create not noted", "kind", note.Kind, "error", err)
	}
}

func row(note *store.Creation) string { return "creation/" + note.Kind + "/" + note.Key }

func (s *Service) seal(note *store.Creation, n noted) ([]byte, error) {
	raw, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("encode a create: %w", err)
	}
	return s.box.Seal(note.OrganizationID, row(note), raw)
}

func (s *Service) open(note *store.Creation) (n noted, err error) {
	raw, err := s.box.Open(note.OrganizationID, row(note), note.Sealed)
	if err != nil {
		return n, &steward.Error{
			Code: steward.Unavailable, RetryAfter: time.Minute, Err: err,
			Message: "This server has another secret key than the one that the first answer under this Idempotency-Key was sealed with.",
		}
	}
	if err := json.Unmarshal(raw, &n); err != nil {
		return n, fmt.Errorf("decode a create: %w", err)
	}
	return n, nil
}

const (
	sweepEvery = 10 * time.Minute
	sweepLimit = 500
)

// Run forgets keys that have expired until ctx ends. It returns nil. Any number of processes may run it on one store.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		for n := sweepLimit; n == sweepLimit; {
			var err error
			n, err = s.store.ExpireCreations(ctx, s.clock.Now(), sweepLimit)
			if err != nil && ctx.Err() == nil {
				s.log.WarnContext(ctx, "keys of creates not forgotten", "error", err)
			}
			if err != nil {
				break // until the next tick
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
