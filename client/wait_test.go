package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// job answers a look at a job by the time since the start of the test.
func job(begun time.Time, ends time.Duration, down func(at time.Duration) bool) *script {
	return newScript(func(w http.ResponseWriter, r *http.Request) {
		at := time.Since(begun)
		switch {
		case down(at):
			broken(errors.New("connection refused"))(w, r)
		case strings.HasSuffix(r.URL.Path, "/result/"):
			status(200, `{"status":3,"outputs":[{"key":"output","data_type":"application/json","value":"{\"total\":12.5}"}]}`)(w, r)
		case at >= ends:
			status(200, `{"status":3}`)(w, r)
		default:
			status(200, fmt.Sprintf(`{"status":1,"progress":{"done":%d,"total":9}}`, int(at.Seconds())))(w, r)
		}
	})
}

func up(time.Duration) bool { return false }

func TestWaitReturnsTheResultAndTellsTheProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		s := job(begun, 5*time.Second, up)
		var statuses []steward.Status
		var last *steward.Progress
		r, err := newVia(t, s, client.Options{}).Wait(t.Context(), someID, &client.WaitOptions{OnStatus: func(st *client.JobStatus) {
			if statuses = append(statuses, st.Status); st.Progress != nil {
				last = st.Progress
			}
		}})
		if err != nil || !r.Succeeded() || r.JobID != someID {
			t.Fatalf("Wait = %+v, %v", r, err)
		}
		var out struct{ Total float64 }
		if err := r.Decode("output", &out); err != nil || out.Total != 12.5 {
			t.Errorf("Decode = %+v, %v", out, err)
		}
		if n := len(statuses); n != len(s.all())-1 || statuses[n-1] != steward.StatusSuccess || statuses[0] != steward.StatusStarted {
			t.Errorf("told %v for %d requests", statuses, len(s.all()))
		}
		if last == nil || last.Total != 9 {
			t.Errorf("progress = %+v", last)
		}
		if took := time.Since(begun); took < 5*time.Second || took > 7*time.Second {
			t.Errorf("took %v for a job of 5s", took)
		}
	})
}

func TestWaitLooksLessOftenWithTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var looks []time.Time
		s := job(time.Now(), time.Minute, up)
		_, err := newVia(t, s, client.Options{}).Wait(t.Context(), someID, &client.WaitOptions{
			First: 100 * time.Millisecond, Max: time.Second, OnStatus: func(*client.JobStatus) { looks = append(looks, time.Now()) },
		})
		if err != nil {
			t.Fatal(err)
		}
		var gaps []time.Duration
		for i := range looks[1:] {
			gaps = append(gaps, looks[i+1].Sub(looks[i]))
		}
		if !slices.IsSorted(gaps) || gaps[0] != 100*time.Millisecond || gaps[len(gaps)-1] != time.Second {
			t.Errorf("gaps = %v, want rising from 100ms to 1s", gaps)
		}
	})
}

func TestWaitEndsWithItsTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		_, err := newVia(t, job(begun, time.Hour, up), client.Options{}).Wait(t.Context(), someID, &client.WaitOptions{Timeout: 10 * time.Second})
		if !errors.Is(err, client.ErrWaitTimeout) || time.Since(begun) != 10*time.Second {
			t.Errorf("err = %v after %v, want ErrWaitTimeout after 10s", err, time.Since(begun))
		}
	})
}

func TestWaitEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop := errors.New("the user left")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(3*time.Second, func() { cancel(stop) })
		_, err := newVia(t, job(time.Now(), time.Hour, up), client.Options{}).Wait(ctx, someID, nil)
		if !errors.Is(err, stop) {
			t.Errorf("err = %v, want the cause of the context's end", err)
		}
	})
}

func TestWaitOutlivesARestartOfTheServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := func(at time.Duration) bool { return at > 3*time.Second && at < 30*time.Second }
		r, err := newVia(t, job(time.Now(), 20*time.Second, down), client.Options{}).Wait(t.Context(), someID, nil)
		if err != nil || !r.Succeeded() {
			t.Errorf("Wait = %+v, %v", r, err)
		}
	})
}

func TestWaitGivesUpOnAServerThatIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		down := func(at time.Duration) bool { return at > 3*time.Second }
		_, err := newVia(t, job(begun, time.Hour, down), client.Options{}).Wait(t.Context(), someID, nil)
		if steward.CodeOf(err) != steward.Unavailable {
			t.Errorf("err = %v, want unavailable", err)
		}
		if took := time.Since(begun); took < time.Minute || took > 75*time.Second {
			t.Errorf("gave up after %v, want about a minute after the last answer", took)
		}
	})
}

func TestWaitFailsAtOnceWhenTheFirstLookFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   steward.Code
	}{
		"no server":   {broken(errors.New("connection refused")), steward.Unavailable},
		"unknown job": {status(404, `{"detail":"Not found."}`), steward.NotFound},
		"wrong key":   {status(401, `{"detail":"Invalid token."}`), steward.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				_, err := newVia(t, newScript(tt.answer), client.Options{}).Wait(t.Context(), someID, nil)
				if steward.CodeOf(err) != tt.want || time.Since(begun) > 2*time.Second {
					t.Errorf("err = %v after %v, want %s within the retries of one call", err, time.Since(begun), tt.want)
				}
			})
		})
	}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := &client.JobResult{JobID: someID, Outputs: []steward.Datum{{Key: "output", Value: "no json"}}}
	var v any
	if err := r.Decode("output", &v); err == nil || !strings.Contains(err.Error(), "output") {
		t.Errorf("Decode of a text = %v", err)
	}
	if err := r.Decode("other", &v); err == nil || !strings.Contains(err.Error(), someID) {
		t.Errorf("Decode of a missing output = %v", err)
	}
}
