package wire

import (
	"context"
	"sync"
)

// Watch makes a Program's Ended of a question about one job, for systems that cannot be asked about many at once. It asks no more than
// it has to, so as not to disturb what is measured: never again about a job that has ended, and each call about one that has not.
func Watch(ended func(ctx context.Context, job string) (bool, error)) func(ctx context.Context, jobs []string) (int, error) {
	w := watch{ended: ended, known: map[string]bool{}}
	return w.count
}

// watch remembers which jobs have ended, and who is asked about next.
type watch struct {
	ended func(ctx context.Context, job string) (bool, error)
	mu    sync.Mutex
	known map[string]bool
	next  int
}

func (w *watch) count(ctx context.Context, jobs []string) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, job := range jobs {
		if w.known[job] {
			n++
		}
	}
	for range jobs {
		job := jobs[w.next%len(jobs)]
		w.next++
		if w.known[job] {
			continue
		}
		ok, err := w.ended(ctx, job)
		if err != nil || !ok {
			return n, err
		}
		w.known[job] = true
		n++
	}
	return n, nil
}
