package sqlite

import "github.com/stewardhq/steward"

// listener is a webhook that wants to know of an agent's jobs.
type listener struct {
	seq    int64
	cached bool // of jobs that were answered from the cache, too
}

// writeDeliveries queues what webhooks are to be told about the jobs that ended in this commit. It goes by the notes that the lists
// are made of, so that no way to end a job can forget it; triggers would do the same, but slow down every change of a status.
func (t *tx) writeDeliveries() error {
	listeners := map[string][]listener{}
	for i := range t.lists {
		n := &t.lists[i]
		if n.ended == 0 {
			continue
		}
		list, known := listeners[n.lane.agent]
		if !known {
			var err error
			if list, err = t.listeners(n.lane.agent); err != nil {
				return err
			}
			listeners[n.lane.agent] = list
		}
		for _, l := range list {
			if n.status == steward.StatusCached && !l.cached {
				continue
			}
			if err := t.queueDelivery(l, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// listeners returns the webhooks that want to know of an agent's jobs.
func (c *conn) listeners(agent string) (list []listener, err error) {
	err = c.query(`SELECT w.seq, w.notify_cached FROM webhook_agents l CROSS JOIN webhooks w ON w.seq = l.webhook_seq
		WHERE l.agent_id = ? AND w.is_active AND w.on_job`, []any{agent}, func(r row) error {
		list = append(list, listener{r.int(0), r.bool(1)})
		return nil
	})
	return list, err
}

// queueDelivery queues one delivery. Its id is of version 7, at the time of the job's end.
func (t *tx) queueDelivery(l listener, n *listNote) error {
	_, err := t.exec(`INSERT INTO webhook_deliveries (id, webhook_seq, agent_id, job_id, due_at, created_at)
		VALUES (printf('%08x-%04x-7%03x-%04x-%s', ?1 / 1000 >> 16, ?1 / 1000 & 65535,
			random() & 4095, random() & 16383 | 32768, lower(hex(randomblob(6)))), ?2, ?3, ?4, ?1, ?1)`,
		n.ended, l.seq, n.lane.agent, n.id)
	return err
}
