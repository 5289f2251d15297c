package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/grounding"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/model/provider"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// Sizes of the model benchmarks: what a document of ten pages and its schema of thirty fields look like.
const (
	modelPages  = 10
	modelFields = 30
	pageBytes   = 3000
)

// modelDocument is a document of ten pages of prose with thirty labelled values in it.
func modelDocument() []grounding.Document {
	doc := grounding.Document{Name: "report.pdf", ContentType: "application/pdf"}
	for p := range modelPages {
		var b strings.Builder
		for f := p * modelFields / modelPages; f < (p+1)*modelFields/modelPages; f++ {
			fmt.Fprintf(&b, "Field number %d: value %d of the report\n", f, f*7919)
			for b.Len() < pageBytes*(f%3+1)/3 {
				b.WriteString("The quarterly figures are given without warranty and were not audited by \"anybody\" yet. ")
			}
			b.WriteByte('\n')
		}
		doc.Pages = append(doc.Pages, grounding.Page{Number: p + 1, Text: b.String(), Width: 595, Height: 842})
	}
	return []grounding.Document{doc}
}

// modelRequest asks for thirty fields with evidence.
func modelRequest(docs []grounding.Document) *model.Request {
	properties, required := map[string]any{}, []string{}
	for f := range modelFields {
		name := "field_" + strconv.Itoa(f)
		properties[name] = map[string]any{"type": "string", "description": "The value of field number " + strconv.Itoa(f)}
		required = append(required, name)
	}
	schema, err := json.Marshal(map[string]any{"type": "object", "properties": properties, "required": required})
	if err != nil {
		schema = nil // maps of texts always have a JSON form
	}
	return &model.Request{Step: "extract", Instruction: "Read the report.", Documents: docs, Schema: schema, Nullable: true, Evidence: true}
}

// modelAnswer is a chat completion that fills the request, with a quote for each value.
func modelAnswer() ([]byte, error) {
	values, evidence := map[string]any{}, []any{}
	for f := range modelFields {
		name, value := "field_"+strconv.Itoa(f), fmt.Sprintf("value %d", f*7919)
		values[name] = value
		evidence = append(evidence, map[string]any{
			"path": "/" + name, "file": 1, "page": f*modelPages/modelFields + 1, "confidence": 0.9,
			"quote": fmt.Sprintf("Field number %d: %s of the report", f, value),
		})
	}
	content, err := json.Marshal(map[string]any{"result": values, "evidence": evidence})
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1760000000, "model": "bench",
		"choices": []any{map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": string(content)}}},
		"usage":   map[string]any{"prompt_tokens": 9000, "completion_tokens": 1500, "total_tokens": 10500},
	})
}

// modelServer answers every request with the same body, or never. It keeps the last request.
type modelServer struct {
	answer []byte // nil: it is silent
	last   atomic.Pointer[[]byte]
}

// ServeHTTP implements http.Handler.
func (s *modelServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away
	}
	s.last.Store(&body)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(s.answer) // so it may here
}

// withModelServer runs fn with a server.
func withModelServer(ctx context.Context, handler http.Handler, fn func(url string) error) (err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(l) }()
	defer func() {
		err = errors.Join(err, server.Close())
		if serr := <-stopped; !errors.Is(serr, http.ErrServerClosed) {
			err = errors.Join(err, serr)
		}
	}()
	return fn("http://" + l.Addr().String() + "/v1")
}

// modelSource has one model, at the server.
func modelSource(url string) (*model.Registry, error) {
	return model.NewRegistry(model.Config{
		Providers: map[string]model.ProviderConfig{"local": {
			Kind: model.KindOpenAICompat, APIKey: "sk-bench", BaseURL: url, Models: []string{"bench"}, MaxConcurrency: -1, Free: true,
		}},
		Default: "bench", Builtin: model.Func(nil), Dial: provider.Dialer(nil),
	})
}

// cpuTime is what this process has used of its processors.
func cpuTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("read the processor time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// modelEngine asks a model again and again, as the steps of one job, and checks the quotes of each answer.
type modelEngine struct {
	stepEngine
	req   *model.Request
	calls int
	ended chan error
}

// Run implements engine.Engine.
func (e *modelEngine) Run(ctx context.Context, run *engine.Run) (*engine.Result, error) {
	err := e.ask(ctx, run)
	e.ended <- err
	if err != nil {
		return nil, err
	}
	return &engine.Result{Outputs: []steward.Datum{{Key: "output", DataType: "text/plain", Value: "ok"}}}, nil
}

func (e *modelEngine) ask(ctx context.Context, run *engine.Run) error {
	m, _, err := run.Model("")
	if err != nil {
		return err
	}
	schema, err := model.CompileSchema(e.req.Schema) // once in a run, as engines do
	if err != nil {
		return err
	}
	for i := range e.calls {
		req := *e.req
		req.Step = "extract[" + strconv.Itoa(i) + "]"
		resp, err := model.AskWith(ctx, m, &req, model.AskOptions{Relaxed: true, Compiled: schema})
		if err != nil {
			return err
		}
		found := grounding.Verify(req.Documents, resp.Claims)
		if len(found) != modelFields || found[0].Unverified {
			return fmt.Errorf("%d of %d values have evidence", len(found), modelFields)
		}
	}
	return nil
}

// modelOverhead measures the processor time of everything around one model call beyond a bare HTTP request of the same bytes:
// the prompt, the wire, the answer's repair and validation, the check of its quotes, limits, price and the journal on SQLite.
// The server runs in this process, on both sides of the comparison.
func modelOverhead(ctx context.Context, env *env) (result, error) {
	r := result{Unit: "ms"}
	answer, err := modelAnswer()
	if err != nil {
		return r, err
	}
	server := &modelServer{answer: answer}
	err = withModelServer(ctx, server, func(url string) error {
		n := env.count(1000)
		whole, err := overheadOfCalls(ctx, env, url, n)
		if err != nil {
			return err
		}
		bare, err := overheadOfRequests(ctx, url+"/chat/completions", *server.last.Load(), n)
		if err != nil {
			return err
		}
		r.Value = round(math.Max((whole-bare).Seconds()*1000, 1e-6))
		r.compare("net/http", bare.Seconds()*1000)
		r.bound("target", 3)
		return nil
	})
	return r, err
}

// overheadOfCalls is the processor time of one call of a job.
func overheadOfCalls(ctx context.Context, env *env, url string, n int) (each time.Duration, err error) {
	models, err := modelSource(url)
	if err != nil {
		return 0, err
	}
	dir, remove, err := env.folder("model")
	if err != nil {
		return 0, err
	}
	defer remove()
	s, err := sqlite.Open(ctx, filepath.Join(dir, "steward.db"), nil)
	if err != nil {
		return 0, fmt.Errorf("open store: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	e := &modelEngine{stepEngine: stepEngine{id: "ModelEngine"}, req: modelRequest(modelDocument()), ended: make(chan error, 1)}
	h, err := openHouseWith(ctx, s, e, models)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	for _, calls := range []int{max(n/10, 1), n} {
		e.calls = calls
		start, err := cpuTime()
		if err != nil {
			return 0, err
		}
		if err := h.submit(nil); err != nil {
			return 0, err
		}
		select {
		case err = <-e.ended:
		case <-time.After(patience):
			err = errors.New("the job did not end in time")
		}
		if err != nil {
			return 0, err
		}
		end, err := cpuTime()
		if err != nil {
			return 0, err
		}
		each = (end - start) / time.Duration(calls)
	}
	return each, nil
}

// overheadOfRequests is the processor time of one bare request.
func overheadOfRequests(ctx context.Context, url string, body []byte, n int) (time.Duration, error) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var each time.Duration
	for _, calls := range []int{max(n/10, 1), n} {
		start, err := cpuTime()
		if err != nil {
			return 0, err
		}
		for range calls {
			if err := post(ctx, client, url, body); err != nil {
				return 0, err
			}
		}
		end, err := cpuTime()
		if err != nil {
			return 0, err
		}
		each = (end - start) / time.Duration(calls)
	}
	return each, nil
}

func post(ctx context.Context, client *http.Client, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

// residentBytes is how much memory this process holds.
func residentBytes() (int64, error) {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("read the resident memory: %w", err)
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, errors.New("the resident memory has an unknown form")
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// silentListener takes requests in and never answers. It counts those that have come whole.
type silentListener struct {
	arrived chan struct{}
	wg      sync.WaitGroup
}

// serve reads every connection until it is closed. A request is whole when its announced length has come.
func (s *silentListener) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return // closed
		}
		s.wg.Go(func() {
			defer func() { _ = conn.Close() }() // nothing was written
			s.swallow(conn)
		})
	}
}

func (s *silentListener) swallow(conn net.Conn) {
	buf := make([]byte, 4096)
	var head []byte
	left := -1
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if left < 0 {
			head = append(head, buf[:n]...)
			at := bytes.Index(head, []byte("\r\n\r\n"))
			if at < 0 {
				continue
			}
			_, after, _ := bytes.Cut(head[:at], []byte("Content-Length: "))
			digits, _, _ := bytes.Cut(after, []byte("\r"))
			if left, err = strconv.Atoi(string(digits)); err != nil {
				return
			}
			left -= len(head) - at - 4
			head = nil
		} else {
			left -= n
		}
		if left == 0 {
			s.arrived <- struct{}{}
		}
	}
}

// modelWaiting measures the resident memory that a thousand calls add while they wait for a server that says nothing: one call of each of a
// thousand runs of one version, every run with a document of its own.
func modelWaiting(ctx context.Context, env *env) (result, error) {
	r := result{Unit: "MB"}
	n := env.count(1000)
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return r, fmt.Errorf("listen: %w", err)
	}
	silent := &silentListener{arrived: make(chan struct{}, n)}
	silent.wg.Go(func() { silent.serve(l) })
	added, err := waitAtOnce(ctx, n, "http://"+l.Addr().String()+"/v1", silent.arrived)
	err = errors.Join(err, l.Close())
	silent.wg.Wait()
	if err != nil {
		return r, err
	}
	r.Value = round(math.Max(float64(added)/1e6, 0.1))
	r.bound("target", 200)
	return r, nil
}

// waitAtOnce makes n calls and returns the memory that they hold when all of them wait.
func waitAtOnce(ctx context.Context, n int, url string, arrived <-chan struct{}) (int64, error) {
	models, err := modelSource(url)
	if err != nil {
		return 0, err
	}
	m, _, err := models.Model("")
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	debug.FreeOSMemory()
	before, err := residentBytes()
	if err != nil {
		return 0, err
	}
	ended := make(chan error, n)
	schema, err := model.CompileSchema(modelRequest(nil).Schema) // runs of a version share it
	if err != nil {
		return 0, err
	}
	for range n {
		req := modelRequest(modelDocument())
		wg.Go(func() {
			_, err := model.AskWith(ctx, m, req, model.AskOptions{Relaxed: true, Compiled: schema})
			ended <- err
		})
	}
	limit := time.After(patience)
	for range n {
		select {
		case <-arrived:
		case err := <-ended:
			return 0, fmt.Errorf("a call did not wait: %w", err)
		case <-limit:
			return 0, errors.New("the calls did not arrive in time")
		}
	}
	after, err := residentBytes()
	return after - before, err
}
