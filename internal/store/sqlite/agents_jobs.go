package sqlite

// agentJobs is what a commit adds to an agent's statistics.
type agentJobs struct{ jobs, newest int64 }

// writeAgentJobs adds the new jobs of the commit to the statistics of their agents.
func (t *tx) writeAgentJobs() error {
	added := map[string]agentJobs{}
	for i := range t.lists {
		n := &t.lists[i]
		if !n.stored {
			continue
		}
		a := added[n.lane.agent]
		added[n.lane.agent] = agentJobs{a.jobs + 1, max(a.newest, n.created)}
	}
	for agent, a := range added {
		_, err := t.exec(`INSERT INTO agent_jobs (agent_id, jobs, newest) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs, newest = max(newest, excluded.newest)`, agent, a.jobs, a.newest)
		if err != nil {
			return err
		}
	}
	return nil
}
