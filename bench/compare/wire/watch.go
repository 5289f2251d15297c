package wire

import (
	"context"
	"errors"
	"sync"
)

// Watch makes a Program's Ended of a question about one job, for systems that cannot be asked about many at once. It asks no more than
// it has to, so as not to disturb what is measured: never again about a job that has ended, and about one alone until that has.
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
	for group := 1; ; group = atOnceWatched { // the first one alone, which mostly has not ended
		list := w.unknown(jobs, group)
		ended, err := w.ask(ctx, list)
		n += ended
		if err != nil || ended < group {
			return n, err
		}
	}
}

// atOnceWatched is how many jobs are asked about at once when one has ended.
const atOnceWatched = 16

// unknown returns the next jobs that are not known to have ended, at most so many, in turn. The caller holds mu.
func (w *watch) unknown(jobs []string, most int) []string {
	var list []string
	for range jobs {
		if len(list) == most {
			break
		}
		job := jobs[w.next%len(jobs)]
		w.next++
		if !w.known[job] {
			list = append(list, job)
		}
	}
	return list
}

// ask asks about jobs at once and notes which have ended. The caller holds mu.
func (w *watch) ask(ctx context.Context, list []string) (n int, err error) {
	type answer struct {
		ended bool
		err   error
	}
	answers := make([]answer, len(list))
	var asked sync.WaitGroup
	for i, job := range list {
		asked.Go(func() { answers[i].ended, answers[i].err = w.ended(ctx, job) })
	}
	asked.Wait()
	for i, a := range answers {
		err = errors.Join(err, a.err)
		if a.err == nil && a.ended {
			w.known[list[i]] = true
			n++
		}
	}
	return n, err
}
