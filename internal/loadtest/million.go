package loadtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/postgres"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// million compares a server among a million stored jobs with the same one when it was empty.
func million(ctx context.Context, o *Options, l *Line) (err error) {
	n := o.count(1_000_000, 3000)
	l.set("jobs", float64(n))
	p, err := newProcess(ctx, o, "million", nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.end()) }()
	if err := p.start(ctx); err != nil {
		return err
	}
	a := &among{p: p, calls: o.count(2000, 60)}
	if err := a.prepare(ctx); err != nil {
		return err
	}
	if err := p.stop(); err != nil {
		return err
	}
	empty, err := a.look(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := a.fill(ctx, n); err != nil {
		return fmt.Errorf("store jobs: %w", err)
	}
	l.set("stored_per_second", float64(n)/time.Since(began).Seconds())
	o.say("%d jobs stored in %v", n, time.Since(began).Round(time.Second))
	full, err := a.look(ctx)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		name          string
		empty, filled *times
		most          float64
	}{{"status", empty.status, full.status, 3}, {"list", empty.list, full.list, 20}, {"submit", empty.submit, full.submit, 3}} {
		l.ms(c.name+"_p99_ms", c.filled.at(0.99))
		l.ms(c.name+"_p99_empty_ms", c.empty.at(0.99))
		l.ms(c.name+"_p50_ms", c.filled.at(0.5))
		l.ms(c.name+"_p50_empty_ms", c.empty.at(0.5))
		l.set(c.name+"_p50_ratio", c.filled.at(0.5).Seconds()/c.empty.at(0.5).Seconds())
		l.most(c.name+"_p50_ratio", c.most)
	}
	l.ms("start_ms", full.start)
	l.ms("start_empty_ms", empty.start)
	l.mb("rss_mb", full.rss)
	l.mb("rss_empty_mb", empty.rss)
	l.most("start_ms", 2000+empty.start.Seconds()*1000)
	l.most("rss_mb", 300+float64(empty.rss)/1e6)
	return nil
}

// among is a server and its jobs.
type among struct {
	p       *process
	calls   int // of each kind
	agent   string
	version string
	job     string
}

func (a *among) prepare(ctx context.Context) (err error) {
	if a.agent, err = a.p.agent(ctx, "past", object{"steps": 0}); err != nil {
		return err
	}
	var agent struct {
		Version string `json:"current_version_id"`
	}
	if err := a.p.call(ctx, http.MethodGet, "/v1/agents/"+a.agent+"/", "", http.StatusOK, &agent); err != nil {
		return err
	}
	a.version = agent.Version
	// As many as a page has, so that lists have as much to say before as they have afterwards.
	var jobs []string
	items := strings.TrimSuffix(strings.Repeat(`{"text":"first"},`, onPage), ",")
	if err := a.p.call(ctx, http.MethodPost, "/v1/agents/run/"+a.agent+"/async/many/", `{"inputs":[`+items+`]}`, http.StatusOK, &jobs); err != nil {
		return err
	}
	a.job = jobs[0]
	return until(ctx, "the first jobs have ended", 20*time.Millisecond, func() (bool, error) {
		var page struct{ Count int }
		err := a.p.call(ctx, http.MethodGet, "/v1/agents/"+a.agent+"/jobs/?status_code=3&page_size=1", "", http.StatusOK, &page)
		return page.Count == onPage, err
	})
}

// onPage is how many jobs a page of a list has.
const onPage = 20

// looked is how a server is.
type looked struct {
	status, list, submit *times
	start                time.Duration
	rss                  int64
}

// look starts the server, measures, and stops it.
func (a *among) look(ctx context.Context) (*looked, error) {
	if err := a.p.start(ctx); err != nil {
		return nil, err
	}
	c, err := dial(ctx, a.p.addr)
	if err != nil {
		return nil, err
	}
	defer c.close()
	out := &looked{status: &times{}, list: &times{}, submit: &times{}, start: a.p.took}
	for _, kind := range []struct {
		into    *times
		request []byte
	}{
		{out.status, a.p.request(http.MethodGet, "/v1/agents/jobs/"+a.job+"/status/", "")},
		{out.list, a.p.request(http.MethodGet, "/v1/agents/"+a.agent+"/jobs/?status_code=3", "")},
		{out.submit, a.p.request(http.MethodPost, "/v1/agents/run/"+a.agent+"/async/", `{"text":"one more"}`)},
	} {
		for range a.calls {
			began := time.Now()
			answer, err := c.do(kind.request, patience)
			if err != nil {
				return nil, err
			}
			if answer.status != http.StatusOK {
				return nil, fmt.Errorf("%.60s: %d: %.200s", kind.request, answer.status, answer.body)
			}
			kind.into.add(time.Since(began))
		}
	}
	v, err := a.p.vitals(ctx, false)
	if err != nil {
		return nil, err
	}
	out.rss = v.RSS
	return out, a.p.stop()
}

// bulk is how many jobs are stored in one call.
const bulk = 1000

// fill stores n jobs that have ended, through the calls that a worker makes. The server must not be running.
func (a *among) fill(ctx context.Context, n int) (err error) {
	var st store.Store
	if a.p.o.Database == "" {
		st, err = sqlite.Open(ctx, filepath.Join(a.p.folder, "steward.db"), nil)
	} else {
		st, err = postgres.Open(ctx, a.p.o.Database, nil)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	begin := time.Now().Add(-30 * 24 * time.Hour).Truncate(time.Microsecond)
	apart := 29 * 24 * time.Hour / time.Duration(n)
	worker := store.Worker{Node: "loadtest", Incarnation: "1"}
	for from := 0; from < n; from += bulk {
		jobs := make([]store.NewJob, min(bulk, n-from))
		for i := range jobs {
			jobs[i] = a.past(from+i, begin.Add(time.Duration(from+i)*apart))
		}
		if _, err := st.Submit(ctx, jobs); err != nil {
			return err
		}
		// A database that several machines share has a clock of its own; the times of the past are for the lists.
		claimed, err := st.Claim(ctx, store.ClaimRequest{Worker: worker, Now: time.Now(), Max: bulk, Lease: time.Hour})
		if err != nil {
			return err
		}
		err = each(ctx, len(claimed), func(ctx context.Context, i int) error {
			return st.Finish(ctx, claimed[i].Lease, store.Outcome{
				Status: steward.StatusSuccess, At: claimed[i].Job.CreatedAt.Add(time.Second), Usage: steward.Free(),
				Outputs: []steward.Datum{{Key: "output", DataType: "application/json", Value: `{"total":"12.50"}`}},
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// past is the i-th job.
func (a *among) past(i int, at time.Time) store.NewJob {
	return store.NewJob{
		ID: steward.JobID(uuid.Must(uuid.NewV7()).String()), OrganizationID: steward.OrganizationID(a.p.org), AgentID: steward.AgentID(a.agent),
		VersionID: steward.VersionID(a.version), VersionName: "version 1", EngineClassID: engineID, CreatorID: 1, CreatedAt: at,
		Timeout:  10 * 365 * 24 * time.Hour,
		Metadata: json.RawMessage(`{"case":"` + strconv.Itoa(i) + `"}`),
		Inputs:   []steward.Input{{Key: "text", DataType: "text/plain", Value: fmt.Sprintf("Invoice %d. Total: %d.50 EUR", i, i%900)}},
	}
}
