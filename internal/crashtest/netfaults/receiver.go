package netfaults

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/crashtest/poll"
	"github.com/stewardhq/steward/internal/crashtest/toxic"
)

// telling is a fault between the server and the receiver of a webhook.
type telling struct {
	title   string
	slow    bool
	tls     bool
	words   int // bytes of the receiver's answer
	fault   fault
	again   bool // what came through was lost on the way back, and has to come again
	single  bool // each event comes once
	never   bool // no event comes
	network *toxic.Proxy
	server  *httptest.Server

	mu     sync.Mutex
	secret string
	ids    map[steward.JobID]map[steward.DeliveryID]int
	count  int
	wrong  []string
}

func (h *telling) name() string { return "receiver: " + h.title }
func (h *telling) long() bool   { return h.slow }

func (h *telling) open(ctx context.Context) (err error) {
	h.ids = map[steward.JobID]map[steward.DeliveryID]int{}
	h.server = httptest.NewServer(h)
	h.network, err = toxic.Listen(ctx, h.server.Listener.Addr().String())
	return err
}

func (h *telling) configure(*app.Config, *[]map[string]any) {}

func (h *telling) close() error {
	if h.server == nil {
		return nil
	}
	err := error(nil)
	if h.network != nil {
		err = h.network.Close()
	}
	h.server.Close()
	return err
}

// ServeHTTP implements http.Handler.
func (h *telling) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // half a request
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	event, err := client.ParseWebhook([]string{h.secret}, r.Header, body, time.Now(), 0)
	if err != nil || event.Job == nil {
		h.wrong = append(h.wrong, fmt.Sprintf("an event that cannot be read: %v", err))
		return
	}
	h.count++
	if h.ids[event.Job.ID] == nil {
		h.ids[event.Job.ID] = map[steward.DeliveryID]int{}
	}
	h.ids[event.Job.ID][event.ID]++
	_, _ = io.WriteString(w, strings.Repeat("x", h.words)) // whoever is gone was cut off
}

func (h *telling) requests() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count
}

func (h *telling) play(ctx context.Context, s *stage) (*Result, []string, error) {
	agent, err := s.client.CreateAgent(ctx, client.AgentCreate{Name: h.name(), EngineClassID: "SavingEngine"})
	if err != nil {
		return nil, nil, fmt.Errorf("create agent: %w", err)
	}
	url := "http://" + h.network.Addr() + "/"
	if h.tls {
		url = strings.Replace(url, "http:", "https:", 1)
	}
	hook, err := s.client.CreateWebhook(ctx, client.WebhookCreate{Name: h.name(), URL: url})
	if err != nil {
		return nil, nil, fmt.Errorf("create webhook: %w", err)
	}
	h.mu.Lock()
	h.secret = hook.Secret
	h.mu.Unlock()
	if _, err := s.client.LinkWebhook(ctx, hook.ID, agent.ID); err != nil {
		return nil, nil, fmt.Errorf("link webhook: %w", err)
	}
	stop := h.fault.play(ctx, h.network, h.requests)
	defer stop()
	r, ids, faults, err := s.run(ctx, &plan{
		agent: agent.ID, jobs: jobsEach, answers: func(int) []string { return []string{"page-1.txt"} },
		inputs: func(int) client.Inputs { return client.Inputs{} },
	})
	if err != nil {
		return nil, nil, err
	}
	more, err := h.delivered(ctx, s, hook.ID, ids, r)
	return r, append(faults, more...), err
}

// longestAttempt is what one attempt at a delivery may take, and a little more.
const longestAttempt = 11 * time.Second

// delivered waits until all events have come to their goal, and compares what came. An attempt that failed is made again half a
// minute later: that time is skipped once the fault is over.
func (h *telling) delivered(ctx context.Context, s *stage, hook steward.WebhookID, jobs []steward.JobID, r *Result) (faults []string, err error) {
	began := time.Now()
	if h.fault.ends != nil {
		if err := poll.Until(ctx, patience, "the fault ends", func() (bool, error) { return h.fault.ends(h.requests(), time.Since(began)), nil }); err != nil {
			return nil, err
		}
	}
	if h.never {
		return h.tried(ctx, s, hook, jobs)
	}
	pending := 0
	err = poll.Until(ctx, patience, "all events are delivered", func() (bool, error) {
		page, err := s.client.ListDeliveries(ctx, hook, client.DeliveryList{PageSize: 100})
		if err != nil {
			return false, err
		}
		pending = 0
		for _, d := range page.Results {
			if d.Status == steward.DeliveryPending {
				pending++
			}
			if ms := d.DurationMS; ms != nil && *ms > longestAttempt.Milliseconds() {
				return false, fmt.Errorf("an attempt took %d ms", *ms)
			}
		}
		if pending == 0 && int(page.Count) == len(jobs) {
			return true, nil
		}
		// Those that were tried, but not those that are under way.
		_, err = s.db.ExecContext(ctx, `UPDATE webhook_deliveries SET due_at = 1 WHERE status = 0 AND attempts > 0 AND error <> '' AND attempted_at > 0
			AND due_at > attempted_at + 20000000 AND webhook_seq = (SELECT seq FROM webhooks WHERE id = ?)`, string(hook))
		return false, err
	})
	if err != nil {
		faults = append(faults, fmt.Sprintf("%d events are not delivered: %v", pending, err))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	r.Requests, r.Again = h.count, h.count-len(h.ids)
	for _, job := range jobs {
		switch under := h.ids[job]; {
		case len(under) == 0:
			faults = append(faults, fmt.Sprintf("the end of job %s did not come", job))
		case len(under) > 1:
			s.mu.Lock()
			s.doubled++
			s.mu.Unlock()
			faults = append(faults, fmt.Sprintf("the end of job %s came under %d ids", job, len(under)))
		}
	}
	if h.again && r.Again == 0 {
		faults = append(faults, "the fault met nothing")
	}
	if h.single && r.Again > 0 {
		faults = append(faults, fmt.Sprintf("%d events came again whose answers came through", r.Again))
	}
	return append(faults, h.wrong...), nil
}

// tried waits until each event was tried once, in vain, and looks at how long that took.
func (h *telling) tried(ctx context.Context, s *stage, hook steward.WebhookID, jobs []steward.JobID) (faults []string, err error) {
	err = poll.Until(ctx, patience, "each event was tried", func() (bool, error) {
		page, err := s.client.ListDeliveries(ctx, hook, client.DeliveryList{PageSize: 100})
		if err != nil {
			return false, err
		}
		tried := 0
		for _, d := range page.Results {
			if d.Status != steward.DeliveryPending {
				return false, fmt.Errorf("delivery %s is %s", d.ID, d.Status)
			}
			if ms := d.DurationMS; d.Attempts > 0 && ms != nil && *ms <= longestAttempt.Milliseconds() {
				tried++
			}
		}
		return tried == len(jobs), nil
	})
	if err != nil {
		faults = append(faults, fmt.Sprintf("events were not tried in time: %v", err))
	}
	return faults, nil
}
