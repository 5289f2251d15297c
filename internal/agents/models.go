package agents

import (
	"context"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/model"
)

// TestModel asks a model one small question whose answer is known; id "" means the server's default. What it costs is not booked
// on any job. One test runs at a time.
//
// Errors: Denied without ScopeAdmin, since it spends the operator's money; Invalid naming model for an unknown one; Conflict while another
// test runs. That the model fails is no error but part of the answer.
func (s *Service) TestModel(ctx context.Context, id string) (*steward.ModelTest, error) {
	if _, err := steward.PrincipalFrom(ctx, steward.ScopeAdmin); err != nil {
		return nil, err
	}
	m, info, err := s.models.Model(id)
	if f := steward.FailureOf(err); err != nil && f.Code == steward.FailInvalidConfig {
		return nil, &steward.Error{Code: steward.Invalid, Field: "model", Message: f.Message}
	} else if err != nil {
		return &steward.ModelTest{Model: id, Failure: f}, nil
	}
	if !s.testing.TryLock() {
		return nil, &steward.Error{Code: steward.Conflict, Message: "Another model is being tested; try again when it is done."}
	}
	defer s.testing.Unlock()
	return model.Probe(ctx, m, info)
}
