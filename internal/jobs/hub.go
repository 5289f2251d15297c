package jobs

import (
	"sync"

	"github.com/stewardhq/steward"
)

// hub tells the parts of one process about each other's jobs at once; other processes learn the same from the database.
type hub struct {
	mu       sync.Mutex
	watchers map[steward.JobID][]chan struct{}
	running  map[steward.JobID]*attempt // the latest one
}

func newHub() *hub {
	return &hub{watchers: map[steward.JobID][]chan struct{}{}, running: map[steward.JobID]*attempt{}}
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

// cancel interrupts an attempt of this process, if there is one, and wakes whoever waits for the job.
func (h *hub) cancel(id steward.JobID, cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a, ok := h.running[id]; ok {
		a.cancel(cause)
		return
	}
	h.wake(id)
}

// wake closes the job's watch channels. The caller holds mu.
func (h *hub) wake(id steward.JobID) {
	for _, ch := range h.watchers[id] {
		close(ch)
	}
	delete(h.watchers, id)
}
