package jobs

import (
	"context"
	"sync"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

const (
	// lookEvery is how soon waiters learn of the end of a job that another process ran.
	lookEvery = 500 * time.Millisecond
	// lookGap is the time between two questions of a thousand jobs each: ten thousand waiters learn within a second, and cost a
	// hundredth of what the database can do.
	lookGap = 100 * time.Millisecond
)

// lookout looks for the ends of jobs that other processes may be running, for all waiters of this one together. It is at work as long
// as there are waiters.
type lookout struct {
	store store.Jobs
	hub   *hub

	mu      sync.Mutex
	waiting map[steward.JobID]awaited
	stop    context.CancelFunc
	done    chan struct{}
}

// awaited is a job that somebody waits for.
type awaited struct {
	org     steward.OrganizationID
	waiters int
}

func newLookout(s store.Jobs, h *hub) *lookout {
	return &lookout{store: s, hub: h, waiting: map[steward.JobID]awaited{}}
}

// enter looks for the end of a job until the returned function is called: hub.watch tells of it.
func (l *lookout) enter(ctx context.Context, org steward.OrganizationID, id steward.JobID) (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.waiting[id]
	l.waiting[id] = awaited{org, a.waiters + 1}
	if len(l.waiting) == 1 && a.waiters == 0 {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it outlives the first waiter
		done := make(chan struct{})
		l.stop, l.done = cancel, done
		go func() {
			defer close(done)
			l.run(ctx)
		}()
	}
	return func() { l.leave(id) }
}

func (l *lookout) leave(id steward.JobID) {
	l.mu.Lock()
	a := l.waiting[id]
	if a.waiters--; a.waiters > 0 {
		l.waiting[id] = a
	} else {
		delete(l.waiting, id)
	}
	if len(l.waiting) > 0 {
		l.mu.Unlock()
		return
	}
	stop, done := l.stop, l.done
	l.mu.Unlock()
	stop()
	<-done
}

// run looks again and again until ctx ends.
func (l *lookout) run(ctx context.Context) {
	for {
		questions := l.questions()
		gap := max(lookEvery/time.Duration(max(len(questions), 1)), lookGap)
		if len(questions) == 0 && !pause(ctx, gap) {
			return
		}
		for _, q := range questions {
			if !pause(ctx, gap) {
				return
			}
			l.ask(ctx, q)
		}
	}
}

// question is what the database is asked at once.
type question struct {
	org steward.OrganizationID
	ids []steward.JobID
}

// questions returns what is to be asked about all who wait.
func (l *lookout) questions() (list []question) {
	l.mu.Lock()
	defer l.mu.Unlock()
	open := map[steward.OrganizationID]int{} // index in list of the one that has room
	for id, a := range l.waiting {
		i, ok := open[a.org]
		if !ok || len(list[i].ids) == MaxItems {
			i = len(list)
			list, open[a.org] = append(list, question{org: a.org}), i
		}
		list[i].ids = append(list[i].ids, id)
	}
	return list
}

// ask wakes those whose jobs have ended.
func (l *lookout) ask(ctx context.Context, q question) {
	list, err := l.store.JobStatuses(ctx, q.org, q.ids)
	switch {
	case steward.CodeOf(err) == steward.NotFound: // one of them was deleted: each has to look for itself
		for _, id := range q.ids {
			l.hub.look(id)
		}
	case err != nil: // waiters ask again soon, and have a time limit
	default:
		for i := range list {
			if list[i].Status.Terminal() {
				l.hub.look(list[i].ID)
			}
		}
	}
}
