package agents

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
)

// newID returns the id of something that is created: the request's, or a fresh one.
func newID(ctx context.Context, noun string) (string, error) {
	if id := steward.NewIDFrom(ctx); id != "" {
		return id, nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make %s id: %w", noun, err)
	}
	return id.String(), nil
}
