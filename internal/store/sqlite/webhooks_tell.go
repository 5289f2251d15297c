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

// listeners returns the webhooks that want to know of an agent's jobs. Most agents have none, which a statement about one table finds
// out several times as fast as a join does.
func (c *conn) listeners(agent string) (list []listener, err error) {
	var linked []int64
	err = c.query("SELECT webhook_seq FROM webhook_agents WHERE agent_id = ?", []any{agent}, func(r row) error {
		linked = append(linked, r.int(0))
		return nil
	})
	for _, seq := range linked {
		if err != nil {
			return nil, err
		}
		_, err = c.first("SELECT notify_cached FROM webhooks WHERE seq = ? AND is_active AND on_job", []any{seq}, func(r row) error {
			list = append(list, listener{seq, r.bool(0)})
			return nil
		})
	}
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
