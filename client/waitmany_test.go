package client_test

import (
	"context"
	"encoding/json"
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

// park is a server of jobs that end by the clock. It answers in bulk, in the order that is asked for.
type park struct {
	begun   time.Time
	ends    func(id steward.JobID) (time.Duration, steward.Status)
	down    func(at time.Duration, path string) bool
	asked   []int // ids of every look
	results map[steward.JobID]int
	script  *script
}

func newPark(ends func(steward.JobID) (time.Duration, steward.Status)) *park {
	p := &park{begun: time.Now(), ends: ends, results: map[steward.JobID]int{}, down: func(time.Duration, string) bool { return false }}
	p.script = newScript(p.answer)
	return p
}

func (p *park) answer(w http.ResponseWriter, r *http.Request) {
	if p.down(time.Since(p.begun), r.URL.Path) {
		broken(errors.New("connection refused"))(w, r)
		return
	}
	all := p.script.all()
	var in struct {
		IDs []steward.JobID `json:"job_ids"`
	}
	if err := json.Unmarshal([]byte(all[len(all)-1].body), &in); err != nil {
		status(400, `{"detail":"no JSON"}`)(w, r)
		return
	}
	results := strings.HasSuffix(r.URL.Path, "/results/")
	if !results {
		p.asked = append(p.asked, len(in.IDs))
	}
	var out []string
	for _, id := range in.IDs {
		at, ended := p.ends(id)
		code := steward.StatusStarted
		if time.Since(p.begun) >= at {
			code = ended
		}
		if results {
			p.results[id]++
			out = append(out, fmt.Sprintf(`{"id":%q,"status":%d,"result":[{"key":"output","value":%q}],"agent_id":%q,"cost":0.5}`, id, code, id, agentID))
		} else {
			out = append(out, fmt.Sprintf(`{"id":%q,"status":%d,"timestamp":1.5}`, id, code))
		}
	}
	status(200, "["+strings.Join(out, ",")+"]")(w, r)
}

// after has every job succeed a while after the start.
func after(d time.Duration) func(steward.JobID) (time.Duration, steward.Status) {
	return func(steward.JobID) (time.Duration, steward.Status) { return d, steward.StatusSuccess }
}

func jobIDs(n int) []steward.JobID {
	ids := make([]steward.JobID, n)
	for i := range ids {
		ids[i] = jobOf(i)
	}
	return ids
}

func TestStatusesAndResultsOfAnyNumberKeepTheirOrder(t *testing.T) {
	t.Parallel()
	p := newPark(after(0))
	c := newVia(t, p.script, client.Options{})
	ids := jobIDs(2300)
	slices.Reverse(ids)
	ids = append(ids, ids[0]) // twice
	statuses, err := c.JobStatuses(t.Context(), ids)
	if err != nil || len(statuses) != len(ids) {
		t.Fatalf("%d statuses, %v", len(statuses), err)
	}
	results, err := c.JobResults(t.Context(), ids)
	if err != nil || len(results) != len(ids) {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for i, id := range ids {
		if statuses[i].JobID != id || statuses[i].Status != steward.StatusSuccess || statuses[i].Timestamp != 1.5 {
			t.Fatalf("status %d = %+v, want that of %s", i, statuses[i], id)
		}
		if r := results[i]; r.JobID != id || r.Outputs[0].Value != string(id) || !r.Succeeded() || r.AgentID != agentID || *r.Cost != 0.5 {
			t.Fatalf("result %d = %+v, want that of %s", i, r, id)
		}
	}
	if !slices.Equal(p.asked, []int{1000, 1000, 301}) {
		t.Errorf("asked about %v", p.asked)
	}
	if none, err := c.JobStatuses(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("statuses of nothing = %v, %v", none, err)
	}
}

func TestIDsInAnySpellingFindTheirAnswer(t *testing.T) {
	t.Parallel()
	s := newScript(status(200, `[{"id":"`+someID+`","status":3},{"id":"`+string(jobID)+`","status":4}]`))
	got, err := newTo(t, s, client.Options{}).JobStatuses(t.Context(), []steward.JobID{steward.JobID(strings.ToUpper(string(jobID))), someID})
	if err != nil || got[0].Status != steward.StatusFailure || got[1].Status != steward.StatusSuccess {
		t.Errorf("JobStatuses = %+v, %v", got, err)
	}
}

func TestAnAnswerThatLacksAJobIsNotFound(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"short": `[]`, "null": `[{"id":"` + string(jobID) + `","status":null}]`} {
		c := newTo(t, newScript(status(200, body)), client.Options{})
		if _, err := c.JobStatuses(t.Context(), []steward.JobID{jobID}); !client.IsNotFound(err) || !strings.Contains(err.Error(), string(jobID)) {
			t.Errorf("statuses, %s: %v", name, err)
		}
		if _, err := c.JobResults(t.Context(), []steward.JobID{jobID}); !client.IsNotFound(err) {
			t.Errorf("results, %s: %v", name, err)
		}
	}
}

func TestWaitManyTakesResultsAsJobsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ids := jobIDs(2100)
		p := newPark(func(id steward.JobID) (time.Duration, steward.Status) {
			switch n := slices.Index(ids, id); {
			case n == 7:
				return time.Second, steward.StatusFailure
			case n%2 == 0:
				return time.Second, steward.StatusSuccess
			default:
				return time.Minute, steward.StatusCached
			}
		})
		var first time.Duration
		var counts []steward.BatchCounts
		got, err := newVia(t, p.script, client.Options{}).WaitMany(t.Context(), append(ids, ids[3]), &client.WaitOptions{
			OnResult: func(r *client.JobResult) {
				if r.JobID == jobOf(7) {
					first = time.Since(p.begun)
				}
			},
			OnProgress: func(c steward.BatchCounts) { counts = append(counts, c) },
		})
		if err != nil || len(got) != 2101 {
			t.Fatalf("%d results, %v", len(got), err)
		}
		for i, r := range got[:2100] {
			if r == nil || r.JobID != ids[i] || p.results[ids[i]] != 1 {
				t.Fatalf("result %d = %+v, fetched %d times", i, r, p.results[ids[i]])
			}
		}
		if !got[7].Failed() || !got[3].Succeeded() || got[2100] != got[3] {
			t.Errorf("results = %+v, %+v", got[7], got[3])
		}
		if first < time.Second || first > 4*time.Second {
			t.Errorf("the first result came after %v", first)
		}
		if last := counts[len(counts)-1]; last.Total() != 2100 || last.Ended() != 2100 || last.Failure != 1 || last.Cached != 1049 {
			t.Errorf("counts = %+v", last)
		}
		if half := counts[len(counts)/2]; half.Total() != 2100 || half.Ended() != 1051 {
			t.Errorf("counts between = %+v", half)
		}
		if p.asked[len(p.asked)-1] > 1000 || len(p.asked) > 150 {
			t.Errorf("looked %d times, at the end at %d jobs", len(p.asked), p.asked[len(p.asked)-1])
		}
	})
}

func TestWaitManyReturnsWhatThereIsWhenItsTimeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPark(func(id steward.JobID) (time.Duration, steward.Status) {
			if id == jobOf(1) {
				return time.Hour, steward.StatusSuccess
			}
			return time.Second, steward.StatusCancelled
		})
		got, err := newVia(t, p.script, client.Options{}).WaitMany(t.Context(), jobIDs(3), &client.WaitOptions{Timeout: 10 * time.Second})
		if !errors.Is(err, client.ErrWaitTimeout) || len(got) != 3 || !got[0].Cancelled() || got[1] != nil || got[2] == nil {
			t.Errorf("WaitMany = %+v, %v", got, err)
		}
		stop := errors.New("the user left")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(3*time.Second, func() { cancel(stop) })
		if _, err := newVia(t, p.script, client.Options{}).WaitMany(ctx, jobIDs(3), nil); !errors.Is(err, stop) {
			t.Errorf("err = %v, want the cause of the context's end", err)
		}
	})
}

func TestWaitManyOutlivesARestartOfTheServer(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/statuses/", "/results/"} {
		synctest.Test(t, func(t *testing.T) {
			p := newPark(after(5 * time.Second))
			p.down = func(at time.Duration, asked string) bool {
				return at > 4*time.Second && at < 40*time.Second && strings.HasSuffix(asked, path)
			}
			got, err := newVia(t, p.script, client.Options{}).WaitMany(t.Context(), jobIDs(3), nil)
			if err != nil || got[2] == nil || p.results[jobOf(2)] != 1 {
				t.Errorf("%s: WaitMany = %+v, %v", path, got, err)
			}
		})
	}
}

func TestWaitManyGivesUpOnAServerThatIsGoneAndOnUnknownJobs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPark(after(time.Hour))
		p.down = func(at time.Duration, _ string) bool { return at > 3*time.Second }
		_, err := newVia(t, p.script, client.Options{}).WaitMany(t.Context(), jobIDs(3), nil)
		if took := time.Since(p.begun); steward.CodeOf(err) != steward.Unavailable || took < time.Minute || took > 75*time.Second {
			t.Errorf("err = %v after %v, want unavailable after a minute", err, took)
		}
		c := newVia(t, newScript(status(404, `{"detail":"Not found."}`)), client.Options{})
		if _, err := c.WaitMany(t.Context(), jobIDs(1), nil); !client.IsNotFound(err) {
			t.Errorf("unknown jobs: %v", err)
		}
	})
}

func TestWaitManyOfNothingIsDone(t *testing.T) {
	t.Parallel()
	s := newScript(status(400, ""))
	if got, err := newVia(t, s, client.Options{}).WaitMany(t.Context(), nil, nil); err != nil || len(got) != 0 || len(s.all()) != 0 {
		t.Errorf("WaitMany = %v, %v", got, err)
	}
}

// TestALookThatTakesLongIsNotRepeatedAtOnce: a wait for very many jobs leaves the server half of the time.
func TestALookThatTakesLongIsNotRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPark(after(time.Minute))
		p.down = func(time.Duration, string) bool {
			time.Sleep(3 * time.Second) // synthetic: the server's own time
			return false
		}
		if _, err := newVia(t, p.script, client.Options{}).WaitMany(t.Context(), jobIDs(1), nil); err != nil {
			t.Fatal(err)
		}
		if n := len(p.asked); n > 12 {
			t.Errorf("%d looks of 3s in a minute, want about 10", n)
		}
	})
}

// batchAt answers a look at a batch by the clock.
func batchAt(begun time.Time, completes time.Duration, down func(time.Duration) bool) *script {
	return newScript(func(w http.ResponseWriter, r *http.Request) {
		at := time.Since(begun)
		switch {
		case down(at):
			broken(errors.New("connection refused"))(w, r)
		case at >= completes:
			status(200, `{"state":"completed","completed_at":"2026-01-02T03:04:05Z","counts":{"success":9,"failure":1}}`)(w, r)
		default:
			status(200, fmt.Sprintf(`{"state":"running","completed_at":null,"counts":{"success":%d,"pending":1}}`, int(at.Seconds())))(w, r)
		}
	})
}

func TestWaitBatchTellsTheProgressUntilItIsCompleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := func(at time.Duration) bool { return at > 5*time.Second && at < 30*time.Second }
		var told []int64
		begun := time.Now()
		b, err := newVia(t, batchAt(begun, 50*time.Second, down), client.Options{}).WaitBatch(t.Context(), batchID, &client.BatchWaitOptions{
			OnProgress: func(b *steward.Batch) { told = append(told, b.Counts.Success) },
		})
		if err != nil || b.State != steward.BatchCompleted || b.Counts.Failure != 1 {
			t.Fatalf("WaitBatch = %+v, %v", b, err)
		}
		if !slices.Contains(told, 2) || told[len(told)-1] != 9 || time.Since(begun) > 53*time.Second {
			t.Errorf("told %v in %v", told, time.Since(begun))
		}
		_, err = newVia(t, batchAt(time.Now(), time.Hour, up), client.Options{}).WaitBatch(t.Context(), batchID, &client.BatchWaitOptions{Timeout: time.Minute})
		if !errors.Is(err, client.ErrWaitTimeout) {
			t.Errorf("err = %v, want ErrWaitTimeout", err)
		}
	})
}

func TestWaitTellsTheResultAndTheCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var result *client.JobResult
		var last steward.BatchCounts
		r, err := newVia(t, job(time.Now(), time.Second, up), client.Options{}).Wait(t.Context(), someID, &client.WaitOptions{
			OnResult: func(r *client.JobResult) { result = r }, OnProgress: func(c steward.BatchCounts) { last = c },
		})
		if err != nil || r != result || last.Success != 1 || last.Total() != 1 {
			t.Errorf("told %+v and %+v, %v", result, last, err)
		}
	})
}
