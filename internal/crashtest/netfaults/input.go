package netfaults

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/crashtest/toxic"
	"github.com/stewardhq/steward/internal/document/documenttest"
	"github.com/stewardhq/steward/internal/engine/pdf"
)

// fetching is a fault between the server and a host whose file is an input.
type fetching struct {
	title   string
	slow    bool
	tls     bool
	chunked bool // the answer does not say how long it is
	fault   fault
	limit   time.Duration
	fails   []steward.FailureCode
	again   bool // what came through was lost on the way back, and has to come again
	single  bool
	network *toxic.Proxy
	server  *httptest.Server
	count   atomic.Int64
}

func (f *fetching) name() string { return "input: " + f.title }
func (f *fetching) long() bool   { return f.slow }

// codesSchema asks for a code of each page.
const codesSchema = `{"type":"object","properties":{"first":{"type":["string","null"],"title":"First code"},
	"second":{"type":["string","null"],"title":"Second code"}},"required":["first","second"]}`

// codesOf are the codes on the two pages of the n-th job's file.
func codesOf(n int) []string { return []string{codeOf(n), fmt.Sprintf("SC-%d", 200+n)} }

// fileOf is the n-th job's PDF, so long that it can be cut before its second page.
func fileOf(n int) []byte {
	sheets := make([]documenttest.Sheet, 2)
	for i, code := range codesOf(n) {
		sheets[i].Content = documenttest.Lines(72, 720, 12, 18, fmt.Sprintf("Page %d", i+1), []string{"First", "Second"}[i]+" code: "+code, "Nothing else is known.")
		sheets[i].Content += strings.Repeat("% nothing to see here\n", 1000)
	}
	return documenttest.Build(sheets...)
}

func (f *fetching) open(ctx context.Context) (err error) {
	f.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.URL.Query().Get("n"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		f.count.Add(1)
		w.Header().Set("Content-Type", "application/pdf")
		if f.chunked {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush() // whoever is gone was cut off
		}
		_, _ = w.Write(fileOf(n)) // as above
	}))
	f.network, err = toxic.Listen(ctx, f.server.Listener.Addr().String())
	return err
}

func (f *fetching) configure(*app.Config, *[]map[string]any) {}

func (f *fetching) close() error {
	if f.server == nil {
		return nil
	}
	err := error(nil)
	if f.network != nil {
		err = f.network.Close()
	}
	f.server.Close()
	return err
}

func (f *fetching) play(ctx context.Context, s *stage) (*Result, []string, error) {
	agent, err := s.client.CreateAgent(ctx, client.AgentCreate{Name: f.name(), EngineClassID: pdf.ClassID, EngineConfig: map[string]any{
		"model": "builtin", "output_schema": json.RawMessage(codesSchema), "instructions": "Find the codes.",
	}})
	if err != nil {
		return nil, nil, fmt.Errorf("create agent: %w", err)
	}
	requests := func() int { return int(f.count.Load()) }
	stop := f.fault.play(ctx, f.network, requests)
	defer stop()
	url := "http://" + f.network.Addr() + "/report.pdf"
	if f.tls {
		url = strings.Replace(url, "http:", "https:", 1)
	}
	r, _, faults, err := s.run(ctx, &plan{
		agent: agent.ID, jobs: jobsEach, limit: f.limit, fails: f.fails, answers: codesOf,
		inputs: func(n int) client.Inputs {
			return client.Inputs{"pdf_files": client.FileURL(fmt.Sprintf("%s?n=%d", url, n))}
		},
	})
	if err != nil {
		return nil, nil, err
	}
	r.Requests = requests()
	r.Again = max(r.Requests-jobsEach, 0)
	if f.again && r.Again == 0 {
		faults = append(faults, "the fault met nothing")
	}
	if f.single && r.Again > 0 {
		faults = append(faults, fmt.Sprintf("%d files were fetched again that came through", r.Again))
	}
	return r, faults, nil
}
