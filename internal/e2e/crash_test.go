package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stewardhq/steward"
)

// sectionSchema asks for what stands on every page of forty-pages.pdf.
const sectionSchema = `{"type":"object","properties":{"section_code":{"type":["string","null"],"title":"Section code"}}}`

// done is what must not change about a step once it is recorded.
type done struct {
	attempt    int
	start, end time.Time
	output     string
}

// recorded lists a job's steps by name.
func (s *server) recorded(job string) map[string]done {
	s.t.Helper()
	steps := map[string]done{}
	for _, st := range s.steps(job) {
		steps[st.Name] = done{st.Attempt, st.StartedAt, st.EndedAt, string(st.Output)}
	}
	return steps
}

func TestAJobSurvivesKillsAndRepeatsNoStep(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, database string) {
		s := start(t, options{database: database, config: "store_traces: true\nworkers:\n  max_crashes: 9\n"})
		agent := s.pdfAgent("forty", sectionSchema, object{"batch_size": 1})
		job := s.postForm(asyncPath(agent), pdf("forty-pages.pdf", testdata(t, "pdf/forty-pages.pdf"))).submitted()
		known := map[string]done{}
		kills := 0
		for _, enough := range []int{3, 20, 38, 45, 70} {
			var now map[string]done
			until(t, fmt.Sprintf("%d steps are recorded", enough), func() bool {
				now = s.recorded(job)
				return len(now) >= enough
			})
			if ended := s.status(job).Status.Terminal(); ended {
				break // a fast machine; what was killed before counts
			}
			s.kill()
			kills++
			unchanged(t, known, now)
			known = now
			s.boot()
			booted := s.started
			until(t, "the job goes on", func() bool { return len(s.recorded(job)) > len(known) || s.status(job).Status.Terminal() })
			t.Logf("killed with %d steps, next step %v after the start of the process", len(known), time.Since(booted).Round(time.Millisecond))
		}
		r := s.wait(job)
		var out struct {
			Code    string             `json:"section_code"`
			Sources []steward.Evidence `json:"_sources"`
		}
		r.succeeded(t, &out)
		if out.Code != "SC-007" || len(out.Sources) != 1 || out.Sources[0].Page != 1 || out.Sources[0].Unverified {
			t.Errorf("answer %+v", out)
		}
		all := s.recorded(job)
		unchanged(t, known, all)
		if len(all) != 82 {
			t.Errorf("%d steps, want 82: one to open the file, two for each page, one to save the page of the answer", len(all))
		}
		attempts := map[int]int{}
		for _, d := range all {
			attempts[d.attempt]++
		}
		t.Logf("%d kills, steps by attempt: %v", kills, attempts)
		if kills < 2 || len(attempts) < 3 {
			t.Errorf("%d kills, steps by attempt %v: the test tests too little", kills, attempts)
		}
	})
}

// unchanged wants every step of before to stand in after as it was.
func unchanged(t *testing.T, before, after map[string]done) {
	t.Helper()
	for name, was := range before {
		if is, there := after[name]; !there || is != was {
			t.Errorf("step %s was %+v, is %+v", name, was, is)
		}
	}
}

func TestAcknowledgedJobsAreDoneAfterAKill(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, database string) {
		s := start(t, options{database: database})
		agent := s.textAgent("acknowledged", nil)
		acknowledged := make(chan string, 10_000)
		ended := make(chan struct{})
		for i := range 4 {
			go func() {
				defer func() { ended <- struct{}{} }()
				for n := 0; ; n++ {
					a, err := s.try(request{method: "POST", path: asyncPath(agent), kind: jsonType, body: jsonBody(object{"text": fmt.Sprintf("Invoice number: K-%d-%d", i, n)})})
					if err != nil || a.status != 200 {
						return // the server is gone
					}
					acknowledged <- string(a.body[1 : len(a.body)-1])
				}
			}()
		}
		until(t, "forty jobs are acknowledged", func() bool { return len(acknowledged) >= 40 })
		s.kill()
		for range 4 {
			<-ended
		}
		close(acknowledged)
		s.boot()
		for job := range acknowledged {
			if r := s.wait(job); r.Status != steward.StatusSuccess {
				t.Errorf("job %s: %v %s", job, r.Status, text(r.ErrorMessage))
			}
		}
	})
}
