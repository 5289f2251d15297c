package client_test

import (
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/app/apptest"
)

// house is a whole server of a test, and its owner's client.
type house struct {
	*client.Client
	server *apptest.Server
}

func newHouse(t *testing.T) *house {
	t.Helper()
	s := apptest.Start(t)
	return &house{newClient(t, client.Options{DataFolder: s.Folder}), s}
}

// agent makes an agent and returns its id.
func (h *house) agent(t *testing.T, p client.AgentCreate) steward.AgentID {
	t.Helper()
	if p.Name == "" {
		p.Name = p.EngineClassID
	}
	a, err := h.CreateAgent(t.Context(), p)
	if err != nil {
		t.Fatalf("CreateAgent: %v", err)
	}
	return a.ID
}

// with returns a client of the same server with another key.
func (h *house) with(t *testing.T, key string) *client.Client {
	t.Helper()
	return newClient(t, client.Options{APIKey: key, BaseURL: h.BaseURL()})
}

// stranger returns a client with a key of another organization.
func (h *house) stranger(t *testing.T) *client.Client {
	t.Helper()
	token, err := h.server.SecondOrganization(t.Context())
	if err != nil {
		t.Fatalf("second organization: %v", err)
	}
	return h.with(t, token)
}
