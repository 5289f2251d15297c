package sqlite

// agentJobs is what a commit adds to an agent's statistics.
type agentJobs struct{ jobs, newest int64 }

// writeAgentJobs adds the new jobs of the commit to the statistics of their agents. How many they are stands in the notes about
// statuses, of which a new job leaves one more than any other change; when they were made, in those about lists.
func (t *tx) writeAgentJobs() error {
	if len(t.counts) == 0 {
		return nil
	}
	added := map[string]agentJobs{}
	for _, c := range t.counts {
		a := added[c.lane.agent]
		a.jobs += c.by
		added[c.lane.agent] = a
	}
	for i := range t.lists {
		n := &t.lists[i]
		if a := added[n.lane.agent]; n.stored && n.created > a.newest {
			a.newest = n.created
			added[n.lane.agent] = a
		}
	}
	for agent, a := range added {
		if a.jobs == 0 {
			continue
		}
		_, err := t.exec(`INSERT INTO agent_jobs (agent_id, jobs, newest) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs, newest = max(newest, excluded.newest)`, agent, a.jobs, a.newest)
		if err != nil {
			return err
		}
	}
	return nil
}
