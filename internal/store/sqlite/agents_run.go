package sqlite

import (
	"context"
	"sync"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// RunAgent implements store.Agents.
func (s *Store) RunAgent(ctx context.Context, org steward.OrganizationID, agent steward.AgentID, version steward.VersionID) (a store.RunAgent, err error) {
	key := runKey{org, agent, version}
	a, known, changes := s.runs.get(key)
	if known {
		return a, nil
	}
	err = s.read(ctx, "get agent of a run", func(c *conn) error {
		which, args := "v.id = ?", []any{agent, org, version}
		if version == "" {
			which, args = "v.id = a.current_version_id", args[:2]
		}
		found, err := c.first(`SELECT a.current_version_id, v.id, v.version_name, a.disable_cache, a.cache_failed_jobs
			FROM agents a JOIN versions v ON v.agent_id = a.id
			WHERE a.id = ? AND a.organization_id = ? AND `+which+alive, args, func(r row) error {
			a = store.RunAgent{
				CurrentVersionID: steward.VersionID(r.text(0)), VersionID: steward.VersionID(r.text(1)), VersionName: r.text(2),
				DisableCache: r.bool(3), CacheFailedJobs: r.bool(4),
			}
			return nil
		})
		return orNotFound("Agent", found, err)
	})
	if err == nil {
		s.runs.put(key, a, changes)
	}
	return a, err
}

// runAgents remembers what RunAgent has found, because even a small read takes longer than all else that a call for a run does: it has
// to find out what was written since the last one. The writer makes it forget whatever any change of an agent might have touched
// before the caller of that change is answered; changes by other processes are noticed at the next commit.
type runAgents struct {
	mu      sync.RWMutex
	changes int64
	known   map[runKey]store.RunAgent
}

type runKey struct {
	organization steward.OrganizationID
	agent        steward.AgentID
	version      steward.VersionID // as the caller asked: "" for the current one
}

// maxRunAgents bounds the memory of runAgents.
const maxRunAgents = 10_000

// get looks for what is known. changes is for put.
func (m *runAgents) get(k runKey) (a store.RunAgent, known bool, changes int64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	a, known = m.known[k]
	return a, known, m.changes
}

// put remembers what was read after a get, unless something may have changed since then.
func (m *runAgents) put(k runKey, a store.RunAgent, changes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if changes != m.changes {
		return
	}
	if m.known == nil || len(m.known) >= maxRunAgents {
		m.known = map[runKey]store.RunAgent{}
	}
	m.known[k] = a
}

// forget drops everything.
func (m *runAgents) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	clear(m.known)
}
