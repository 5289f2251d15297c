package jobs

import (
	"sync"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

// hub tells the parts of one process about each other's jobs at once; other processes learn the same from the database.
type hub struct {
	mu       sync.Mutex
	watchers map[steward.JobID][]chan struct{}
	running  map[steward.JobID]*attempt // the latest one
	early    map[steward.JobID]error    // why jobs that are claimed, but not running yet, are not to begin
}

// maxEarly bounds early. A job that another process runs stays in it until then; forgetting one costs its cancel a heartbeat.
const maxEarly = 1024

func newHub() *hub {
	return &hub{watchers: map[steward.JobID][]chan struct{}{}, running: map[steward.JobID]*attempt{}, early: map[steward.JobID]error{}}
}

// watch returns a channel that is closed when the job's attempt has ended in this process. stop forgets it.
func (h *hub) watch(id steward.JobID) (ended <-chan struct{}, stop func()) {
	ch := make(chan struct{})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watchers[id] = append(h.watchers[id], ch)
	return ch, func() { h.unwatch(id, ch) }
}

func (h *hub) unwatch(id steward.JobID, ch chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.watchers[id]
	for i, c := range list {
		if c == ch {
			list = append(list[:i], list[i+1:]...)
			break
		}
	}
	if len(list) == 0 {
		delete(h.watchers, id)
		return
	}
	h.watchers[id] = list
}

// started notes an attempt, so that cancel can reach it.
func (h *hub) started(a *attempt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running[a.lease.JobID] = a
	if cause, ok := h.early[a.lease.JobID]; ok {
		delete(h.early, a.lease.JobID)
		a.cancel(cause)
	}
}

// ended forgets an attempt and wakes whoever waits for the job.
func (h *hub) ended(a *attempt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running[a.lease.JobID] == a {
		delete(h.running, a.lease.JobID)
	}
	h.wake(a.lease.JobID)
}

// cancel interrupts an attempt of this process and wakes whoever waits for the job. claimed says that some process has the job:
// when it is this one and the attempt has not begun yet, it is interrupted as it begins.
func (h *hub) cancel(id steward.JobID, claimed bool, cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a, ok := h.running[id]; ok {
		a.cancel(cause)
		return
	}
	if claimed {
		if len(h.early) >= maxEarly {
			clear(h.early)
		}
		h.early[id] = cause
	}
	h.wake(id)
}

// cancelAll interrupts those attempts of this process that a filter chooses, and has all who wait for a job look again.
func (h *hub) cancelAll(org steward.OrganizationID, f store.OpenFilter, cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.running {
		j := &a.job
		chosen := j.OrganizationID == org && (f.Agent == "" || j.AgentID == f.Agent) && (f.Batch == "" || j.Batch == f.Batch)
		if chosen && (f.CreatedTo.IsZero() || !j.CreatedAt.After(f.CreatedTo)) {
			a.cancel(cause)
		}
	}
	for id := range h.watchers {
		h.wake(id)
	}
}

// look has whoever waits for a job look at it.
func (h *hub) look(id steward.JobID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wake(id)
}

// wake closes the job's watch channels. The caller holds mu.
func (h *hub) wake(id steward.JobID) {
	for _, ch := range h.watchers[id] {
		close(ch)
	}
	delete(h.watchers, id)
}
