package postgres_test

import (
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/pgtest"
)

// An organization with more lanes than one claim reads.
func TestEveryOneOfVeryManyAgentsGetsItsTurn(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.Database(t))
	org := newID[steward.OrganizationID]()
	const agents = 150
	var jobs []store.NewJob
	for range agents {
		agent := newID[steward.AgentID]()
		for range 3 {
			jobs = append(jobs, newJob(org, agent))
		}
	}
	if _, err := s.Submit(t.Context(), jobs); err != nil {
		t.Fatalf("Submit: %v", err)
	}
	served := map[steward.AgentID]int{}
	for range agents / 5 {
		for _, c := range claim(t, s, 5, store.Limits{}) {
			served[c.Job.AgentID]++
		}
	}
	if len(served) < agents*9/10 {
		t.Errorf("agents served in one round: got %d, want nearly all of %d", len(served), agents)
	}
	for id, n := range served {
		if n > 2 {
			t.Errorf("agent %s was served %d times while others waited", id, n)
		}
	}
}

// More organizations than one claim reads.
func TestEveryOneOfVeryManyOrganizationsGetsItsTurn(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.Database(t))
	const organizations = 200
	var jobs []store.NewJob
	for range organizations {
		org, agent := newID[steward.OrganizationID](), newID[steward.AgentID]()
		for range 3 {
			jobs = append(jobs, newJob(org, agent))
		}
	}
	if _, err := s.Submit(t.Context(), jobs); err != nil {
		t.Fatalf("Submit: %v", err)
	}
	served := map[steward.OrganizationID]int{}
	for range organizations / 4 {
		for _, c := range claim(t, s, 4, store.Limits{}) {
			served[c.Job.OrganizationID]++
		}
	}
	if len(served) < organizations*9/10 {
		t.Errorf("organizations served in one round: got %d, want nearly all of %d", len(served), organizations)
	}
}

func TestAFullAgentDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.Database(t))
	org := newID[steward.OrganizationID]()
	const agents = 100
	var jobs []store.NewJob
	for range agents {
		agent := newID[steward.AgentID]()
		jobs = append(jobs, newJob(org, agent), newJob(org, agent))
	}
	if _, err := s.Submit(t.Context(), jobs); err != nil {
		t.Fatalf("Submit: %v", err)
	}
	limits := store.Limits{PerAgent: 1}
	served := map[steward.AgentID]int{}
	for range agents {
		for _, c := range claim(t, s, 1, limits) {
			served[c.Job.AgentID]++
		}
	}
	if len(served) != agents {
		t.Errorf("agents with a running job: got %d, want %d", len(served), agents)
	}
	if more := claim(t, s, 10, limits); len(more) != 0 {
		t.Errorf("claim with every agent at its limit: got %d jobs, want none", len(more))
	}
}
