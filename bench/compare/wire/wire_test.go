package wire_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stewardhq/steward/bench/compare/wire"
)

// ask sends lines to a program and returns its answers by id.
func ask(t *testing.T, p wire.Program, lines ...string) map[int]wire.Answer {
	t.Helper()
	var out bytes.Buffer
	if err := wire.Serve(t.Context(), p, strings.NewReader(strings.Join(lines, "\n")+"\n"), &out); err != nil {
		t.Fatalf("serve: %v", err)
	}
	answers := map[int]wire.Answer{}
	for d := json.NewDecoder(&out); ; {
		var a wire.Answer
		if err := d.Decode(&a); errors.Is(err, io.EOF) {
			return answers
		} else if err != nil {
			t.Fatalf("read answer: %v", err)
		}
		answers[a.ID] = a
	}
}

func TestAProgramAnswersEachRequestOnce(t *testing.T) {
	t.Parallel()
	var submitted atomic.Int64
	p := wire.Program{
		Submit: func(context.Context, string) error { submitted.Add(1); return nil },
		Ended:  func(_ context.Context, jobs []string) (int, error) { return len(jobs) - 1, nil },
	}
	answers := ask(t, p, `{"id":1,"op":"submit","jobs":["a","b","c"]}`, `{"id":2,"op":"ended","jobs":["a","b","c"]}`, `{"id":3,"op":"load"}`)
	if len(answers) != 4 || answers[0].Op != wire.OpReady {
		t.Fatalf("answers: got %+v, want ready and one for each request", answers)
	}
	if submitted.Load() != 3 || answers[1].Count != 3 || answers[2].Count != 2 {
		t.Errorf("got %d jobs submitted and the answers %+v, want 3, 3 and 2", submitted.Load(), answers)
	}
	if answers[3].Error == "" {
		t.Error("load: got no error, want one: the program has no Run")
	}
}

func TestAJobThatIsNotAcknowledgedIsAnError(t *testing.T) {
	t.Parallel()
	p := wire.Program{Submit: func(_ context.Context, job string) error {
		if job == "b" {
			return errors.New("no room for b")
		}
		return nil
	}}
	if a := ask(t, p, `{"id":1,"op":"submit","jobs":["a","b","c"]}`)[1]; !strings.Contains(a.Error, "no room for b") {
		t.Errorf("got %+v, want the error", a)
	}
}

func TestLoadKeepsAsManyJobsInFlightAsAsked(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	full := make(chan struct{})
	a, err := wire.Load(t.Context(), wire.Length{Time: time.Nanosecond}, 8, func(context.Context) error {
		if n := now.Add(1); n == 8 {
			most.Store(n)
			close(full)
		}
		<-full
		return nil
	})
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	if most.Load() != 8 || a.Count != 8 || len(a.LatenciesUS) != 8 || a.Seconds <= 0 {
		t.Errorf("got %d at once and %+v, want 8 jobs", most.Load(), a)
	}
}

func TestLoadLastsUntilEnoughJobsHaveEnded(t *testing.T) {
	t.Parallel()
	a, err := wire.Load(t.Context(), wire.Length{Time: time.Nanosecond, Jobs: 50}, 4, func(context.Context) error { return nil })
	if err != nil || a.Count < 50 || a.Count > 50+4 {
		t.Errorf("%d jobs (%v), want 50 and those under way", a.Count, err)
	}
}

func TestLoadEndsWithTheFirstError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	if _, err := wire.Load(t.Context(), wire.Length{Time: time.Hour}, 4, func(context.Context) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v, want the job's error", err)
	}
}

func TestWatchComesToKnowAllEndsAndAsksLittle(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := 0
	ended := map[string]bool{"b": true, "c": true}
	count := wire.Watch(func(_ context.Context, job string) (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		return ended[job], nil
	})
	jobs := []string{"a", "b", "c"}
	var got []int
	for range 3 {
		n, err := count(t.Context(), jobs)
		if err != nil {
			t.Fatalf("count: %v", err)
		}
		got = append(got, n)
	}
	// One job that has not ended is asked about in each call: a; then b, c and a; then a.
	if !slices.Equal(got, []int{0, 2, 2}) || asked != 5 {
		t.Errorf("got %v with %d questions, want 0, 2 and 2 with 5", got, asked)
	}
	ended["a"] = true
	if n, err := count(t.Context(), jobs); n != 3 || err != nil || asked != 6 {
		t.Errorf("got %d (%v) with %d questions, want 3 with 6", n, err, asked)
	}
}
