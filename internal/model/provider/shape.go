package provider

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/stewardhq/steward/internal/model"
)

// shape is the form of an answer: a request's schema as it is asked for. It is immutable: requests with equal schemas share one.
type shape struct {
	root    map[string]any  // the request's schema
	schema  map[string]any  // what is asked for, evidence wrapper included
	strict  map[string]any  // the same in the provider's strict dialect; nil when it cannot be
	wire    json.RawMessage // JSON of strict
	text    string          // JSON of schema
	hash    [sha256.Size]byte
	first   mode // the strictest way to ask for it
	wrapped bool // the answer is {"result": …, "evidence": […]}
}

// maxShapes bounds how many shapes a client keeps.
const maxShapes = 64

// shapes keeps what was made of schemas. It is safe for concurrent use.
type shapes struct {
	mu   sync.Mutex
	kept map[[sha256.Size]byte]*shape
}

// of returns the shape of a request's answer for a provider of that kind.
func (s *shapes) of(req *model.Request, kind model.Kind, e *model.Entry, regions bool) (*shape, error) {
	h := sha256.New()
	h.Write(fmt.Appendf(nil, "%t %t %t ", req.Nullable, req.Evidence, regions)) // a hash never fails to write
	h.Write(req.Schema)
	key := [sha256.Size]byte(h.Sum(nil))
	s.mu.Lock()
	found := s.kept[key]
	s.mu.Unlock()
	if found != nil {
		return found, nil
	}
	made, err := shapeOf(req, kind, e, regions)
	if err != nil {
		return nil, err
	}
	made.hash = key
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil || len(s.kept) >= maxShapes {
		s.kept = map[[sha256.Size]byte]*shape{}
	}
	s.kept[key] = made
	return made, nil
}

// shapeOf decides how the request's schema can be put to a provider of that kind.
func shapeOf(req *model.Request, kind model.Kind, e *model.Entry, regions bool) (*shape, error) {
	root, err := decodeSchema(req.Schema)
	if err != nil {
		return nil, err
	}
	s := &shape{root: root, schema: root, wrapped: req.Evidence}
	if req.Nullable {
		s.schema = allNullable(root, dialectOf(kind).unions)
	}
	if s.wrapped {
		s.schema = withEvidence(s.schema, regions)
	}
	strict, ok := strictSchema(s.schema, dialectOf(kind))
	if ok {
		s.strict = strict
	}
	s.first = firstMode(kind, e, ok)
	text, err := json.Marshal(s.schema)
	if err != nil {
		return nil, fmt.Errorf("render the schema: %w", err)
	}
	s.text = string(text)
	if s.wire, err = json.Marshal(s.strict); err != nil {
		return nil, fmt.Errorf("render the schema: %w", err)
	}
	return s, nil
}
