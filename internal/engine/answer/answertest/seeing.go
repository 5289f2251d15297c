package answertest

import (
	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
)

// Seeing is a catalogue with one model, which takes pictures. It answers for every id.
type Seeing struct {
	ID  string
	Ask model.Func
}

// Model implements engine.ModelSource.
func (s Seeing) Model(string) (model.Model, steward.LanguageModel, error) {
	return s.Ask, steward.LanguageModel{ID: s.ID, Providers: []string{"test"}, Capabilities: []string{"text", "image"}, ContextWindow: 100_000}, nil
}
