package reading

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Each calls fn for 0 to n-1, at most atOnce at a time. After a failure none is begun; those under way are finished, so that the next
// attempt finds what they recorded. It returns the first failure. A panic in fn is a failure: it must not take the process, and other
// runs, with it.
func Each(n, atOnce int, fn func(i int) error) error {
	var (
		group  errgroup.Group
		failed atomic.Bool
	)
	group.SetLimit(atOnce)
	for i := range n {
		if failed.Load() {
			break
		}
		group.Go(func() error {
			if failed.Load() {
				return nil
			}
			err := guarded(i, fn)
			if err != nil {
				failed.Store(true)
			}
			return err
		})
	}
	return group.Wait()
}

// guarded calls fn and returns its panic as an error.
func guarded(i int, fn func(i int) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return fn(i)
}
