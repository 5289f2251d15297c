package engine

import (
	"bytes"
	"encoding/json"
	"sync"
	"weak"

	"github.com/stewardhq/steward/internal/model"
)

// sharedSchema is a version's schema, compiled once for all runs that use it at the same time. A compiled schema takes a hundred
// times the room of its text, so it is let go with the last of them.
type sharedSchema struct {
	raw json.RawMessage

	mu       sync.Mutex
	compiled weak.Pointer[model.Schema]
}

// compile returns the compiled schema. Errors: those of model.CompileSchema.
func (s *sharedSchema) compile() (*model.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.compiled.Value(); c != nil {
		return c, nil
	}
	c, err := model.CompileSchema(s.raw)
	if err != nil {
		return nil, err
	}
	s.compiled = weak.Make(c)
	return c, nil
}

// Schema returns a schema parameter compiled; nil when it is absent. Runs of one version share it. Errors: those of model.CompileSchema.
func (c Config) Schema(param string) (*model.Schema, error) {
	switch v := c.values[param]; {
	case !v.set || v.raw == nil:
		return nil, nil //nolint:nilnil // absence is no error
	case v.shared != nil && bytes.Equal(v.shared.raw, v.raw):
		return v.shared.compile()
	default:
		return model.CompileSchema(v.raw)
	}
}
