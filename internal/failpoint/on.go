//go:build failpoints

package failpoint

import (
	"fmt"
	"maps"
	"os"
	"sync"
	"time"
)

// Enabled says whether this build has failpoints.
const Enabled = true

// armed is what points are to do in this process.
type armed struct {
	mu    sync.Mutex
	rules map[string]rule
	since map[string]int // hits since they were armed
	all   map[string]int // hits
	next  chan struct{}  // closed when something else is told
}

// points reads the environment when the first point is passed.
var points = sync.OnceValue(func() *armed { //nolint:gochecknoglobals // points are of the process, as its environment is
	a := &armed{all: map[string]int{}, next: make(chan struct{})}
	if err := a.arm(os.Getenv(Variable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if path := os.Getenv(FileVariable); path != "" {
		go a.watch(path)
	}
	return a
})

// lookEvery is how often the file is looked at.
const lookEvery = 3 * time.Millisecond

// watch arms points as the file says, again whenever that is something else.
func (a *armed) watch(path string) {
	for before := ""; ; time.Sleep(lookEvery) {
		text, err := os.ReadFile(path)
		if err != nil || string(text) == before { // it may not be there yet
			continue
		}
		before = string(text)
		if err := a.arm(before); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if err := os.WriteFile(path+Seen, text, 0o600); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
}

func (a *armed) arm(spec string) error {
	rules, err := parse(spec)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rules, a.since = rules, map[string]int{}
	close(a.next)
	a.next = make(chan struct{})
	return nil
}

// hit does what a point is to do. group is the name that it shares with others, "" for none.
func (a *armed) hit(name, group string) error {
	a.mu.Lock()
	a.all[name]++
	told := name
	r, ok := a.rules[told]
	if !ok && group != "" {
		told = group
		r, ok = a.rules[told]
	}
	if ok {
		a.since[told]++
	}
	n, next := a.since[told], a.next
	a.mu.Unlock()
	if !ok || n < r.from || r.to > 0 && n > r.to {
		return nil
	}
	switch r.kind {
	case kill:
		end()
	case fail:
		return fmt.Errorf("failpoint %s: %w", name, r.err)
	case hold:
		var over <-chan time.Time
		if r.time > 0 {
			over = time.After(r.time)
		}
		select {
		case <-over:
		case <-next:
		}
	}
	return nil
}

// end kills the process, and does not return.
func end() {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "failpoint: kill:", err)
		os.Exit(2)
	}
	select {}
}

// Hit returns the error that the point is to fail with, nil as a rule.
func Hit(name string) error { return points().hit(name, "") }

// HitOf is Hit for a point that many operations pass; which names one of them. The point's name is then name(which).
func HitOf(name, which string) error { return points().hit(name+"("+which+")", name) }

// Pass is Hit where nothing can fail.
func Pass(name string) {
	_ = points().hit(name, "") // none of those that are passed can be told to fail
}

// PassOf is HitOf where nothing can fail.
func PassOf(name, which string) {
	_ = points().hit(name+"("+which+")", name) // as above
}

// Arm has points do what spec says from now on, in place of what was said before, and nothing when it is empty.
//
// Errors: ErrNone; what is wrong with spec.
func Arm(spec string) error { return points().arm(spec) }

// Hits returns how often each point was passed by this process, armed or not.
func Hits() map[string]int {
	a := points()
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.all)
}
