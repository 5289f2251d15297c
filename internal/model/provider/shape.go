package provider

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"sync"

	"github.com/stewardhq/steward/internal/model"
)

// shape is the form of an answer: a request's schema as it is asked for. It is immutable: requests with equal schemas share one.
type shape struct {
	root    map[string]any  // the request's schema
	schema  map[string]any  // what is asked for, evidence wrapper included
	strict  map[string]any  // the same in the provider's strict dialect; nil when it cannot be
	wire    json.RawMessage // JSON of strict, properties in the author's order
	bounded json.RawMessage // the same with bounds on lengths, for servers that know them
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
	order := orderOf(req)
	text, err := order.Marshal(s.schema)
	if err != nil {
		return nil, err
	}
	s.text = string(text)
	if s.wire, err = order.Marshal(s.strict); err != nil || s.first != modeBounded {
		return s, err
	}
	if s.bounded, err = boundedWire(s, order); err != nil {
		return nil, err
	}
	if bytes.Equal(s.bounded, s.wire) {
		s.first = modeSchema
	}
	return s, nil
}

// orderOf is the order in which an answer is asked for: the result as its author wrote it, its evidence behind it.
func orderOf(req *model.Request) *model.Order {
	order := model.OrderOf(req.Schema)
	if req.Evidence {
		order.Move("result")
		order.Put("", "result", "evidence")
		order.Put("evidence", evidenceKeys...)
	}
	return order
}

// boundedWire is the strict schema with the lengths that its author set, and with bounds on the evidence: a model that is held to a schema
// alone may write the same entry until it is cut.
func boundedWire(s *shape, order *model.Order) (json.RawMessage, error) {
	schema := s.schema
	if s.wrapped {
		schema = maps.Clone(schema)
		properties, _ := schema["properties"].(map[string]any) // withEvidence made it
		properties = maps.Clone(properties)
		evidence, _ := properties["evidence"].(map[string]any)
		properties["evidence"] = boundedEvidence(evidence, s.root)
		schema["properties"] = properties
	}
	d := dialectOf(model.KindOpenAICompat)
	d.lengths = true
	bounded, ok := strictSchema(schema, d)
	if !ok {
		return s.wire, nil
	}
	return order.Marshal(bounded)
}
