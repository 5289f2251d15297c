package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/blob"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/extract"
	"github.com/stewardhq/steward/internal/engine/pdf"
	"github.com/stewardhq/steward/internal/files"
	"github.com/stewardhq/steward/internal/identity"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/model/builtin"
	"github.com/stewardhq/steward/internal/rest"
	"github.com/stewardhq/steward/internal/safehttp"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// house is the door over the real services and a database of its own, behind a real listener.
type house struct {
	t     *testing.T
	url   string
	token string
	blobs string // folder of the stored files
}

// newHouse builds it; with work, a worker runs its jobs.
func newHouse(t *testing.T, work bool) *house {
	t.Helper()
	dir := t.TempDir()
	ctx, log := t.Context(), slog.New(slog.DiscardHandler)
	st, err := sqlite.Open(ctx, filepath.Join(dir, "steward.db"), nil)
	ok(t, err)
	t.Cleanup(func() { ok(t, st.Close()) })
	x := &house{t: t, blobs: filepath.Join(dir, "files")}
	bucket, err := blob.Open(ctx, x.blobs, &blob.Options{Logger: log})
	ok(t, err)
	t.Cleanup(func() { ok(t, bucket.Close()) })
	web, err := safehttp.New(nil)
	ok(t, err)
	models, err := model.NewRegistry(model.Config{Builtin: builtin.New()})
	ok(t, err)
	engines, err := engine.NewRegistry(extract.New(nil), pdf.New(nil)) // no PDF is opened here
	ok(t, err)
	fileService := files.New(st, bucket, web, &files.Options{Logger: log})
	agentService := agents.New(st, engines, models, clock.System{})
	jobService := jobs.New(st, agentService, fileService, clock.System{}, jobs.Options{Logger: log})
	ids := identity.New(st, clock.System{}, log)
	first, err := ids.Bootstrap(ctx, nil)
	ok(t, err)
	x.token = first.Token
	if work {
		x.work(jobService, models)
	}
	h, err := rest.New(rest.Options{
		Agents: agentService, Jobs: jobService, Identity: ids, Files: fileService, Webhooks: x.hooks(dir, st, fileService, log), Once: x.onceService(dir, st, log), Ready: st.Ping, Logger: log, Version: "test",
	})
	ok(t, err)
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	x.url = srv.URL
	return x
}

// work runs a worker until the test ends.
func (x *house) work(service *jobs.Service, models engine.ModelSource) {
	w, err := jobs.NewWorker(service, models, jobs.WorkerOptions{Concurrency: 4})
	ok(x.t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	x.t.Cleanup(func() {
		stop()
		ok(x.t, <-ended)
	})
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// do makes a request and returns the answer.
func (x *house) do(method, path, contentType string, body io.Reader) (status int, answer []byte) {
	x.t.Helper()
	req, err := http.NewRequestWithContext(x.t.Context(), method, x.url+path, body)
	ok(x.t, err)
	req.Header.Set("Authorization", "Bearer "+x.token)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	ok(x.t, err)
	defer func() { ok(x.t, resp.Body.Close()) }()
	answer, err = io.ReadAll(resp.Body)
	ok(x.t, err)
	return resp.StatusCode, answer
}

// get decodes the answer to a GET.
func (x *house) get(path string, v any) {
	x.t.Helper()
	status, body := x.do(http.MethodGet, path, "", nil)
	if status != http.StatusOK {
		x.t.Fatalf("%s: %d %s", path, status, body)
	}
	ok(x.t, json.Unmarshal(body, v))
}

// agent creates an agent.
func (x *house) agent(engineID, config string) steward.Agent {
	x.t.Helper()
	status, body := x.do(http.MethodPost, "/v1/agents/", jsonType, strings.NewReader(fmt.Sprintf(
		`{"name":"Agent of %s","engine_class_id":%q,"input_definitions":null,"engine_config":%s}`, engineID, engineID, config)))
	if status != http.StatusCreated {
		x.t.Fatalf("create: %d %s", status, body)
	}
	var a steward.Agent
	ok(x.t, json.Unmarshal(body, &a))
	return a
}

const extraction = `{"instruction":"Read it","output_schema":{"type":"object","properties":{"invoice_number":{"type":"string"}}}}`

func TestWholeRunOnTheRealServices(t *testing.T) {
	t.Parallel()
	x := newHouse(t, true)
	a := x.agent("MultimodalExtractionEngine", extraction)
	run := "/v1/agents/run/" + string(a.ID) + "/"

	var versions []steward.Version
	x.get("/v1/agents/"+string(a.ID)+"/versions/", &versions)
	if len(versions) != 1 || versions[0].ID != a.CurrentVersionID || versions[0].BaseAgent.ID != a.ID {
		t.Errorf("versions %+v", versions)
	}
	status, body := x.do(http.MethodPost, run+"async", formType, strings.NewReader("text=Invoice+Number%3A+INV-77&metadata=%7B%22n%22%3A1%7D"))
	if status != http.StatusOK {
		t.Fatalf("run: %d %s", status, body)
	}
	var id string
	ok(t, json.Unmarshal(body, &id))
	x.await(id)
	var result struct {
		Status  steward.Status
		Inputs  []struct{ Key, Value string }
		Outputs []steward.Datum
	}
	x.get("/v1/agents/jobs/"+id+"/result/", &result)
	if result.Status != steward.StatusSuccess || len(result.Outputs) == 0 || !strings.Contains(result.Outputs[0].Value, "INV-77") {
		t.Errorf("result %+v", result)
	}
	if len(result.Inputs) != 1 || result.Inputs[0].Value != "Invoice Number: INV-77" {
		t.Errorf("inputs %+v", result.Inputs)
	}
	var page struct {
		Count   int
		Results []struct {
			ID       string
			Metadata map[string]string
			Creator  *steward.UserInfo
		}
	}
	x.get("/v1/agents/"+string(a.ID)+"/jobs/?status_code=3", &page)
	if page.Count != 1 || page.Results[0].ID != id || page.Results[0].Metadata["n"] != "1" || page.Results[0].Creator == nil {
		t.Errorf("jobs %+v", page)
	}
	var steps steward.Page[steward.Step]
	x.get("/v1/agents/jobs/"+id+"/steps/", &steps)
	if steps.Count == 0 {
		t.Error("no steps are recorded")
	}

	status, body = x.do(http.MethodPost, run, jsonType, strings.NewReader(`{"text":"Invoice Number: INV-78"}`))
	if status != http.StatusOK || !bytes.Contains(body, []byte("INV-78")) || body[0] != '[' {
		t.Errorf("sync run: %d %s", status, body)
	}
	status, body = x.do(http.MethodPost, run, "", nil)
	if status != http.StatusBadRequest || string(body) != `["Missing input key text"]` {
		t.Errorf("run without inputs: %d %s", status, body)
	}
	pdfs := x.agent("PDFExtractionEngine", pdfConfig)
	status, body = x.do(http.MethodPost, "/v1/agents/run/"+string(pdfs.ID), "", nil)
	if status != http.StatusBadRequest || string(body) != `["Missing input key pdf_files"]` {
		t.Errorf("run without a needed file: %d %s", status, body)
	}
}

// await waits for the end of a job by polling it as clients do; the server's answer to each poll is what paces it.
func (x *house) await(id string) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), 30*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		var st struct{ Status steward.Status }
		x.get("/v1/agents/jobs/"+id+"/status/", &st)
		if st.Status.Terminal() {
			return
		}
		runtime.Gosched()
	}
	x.t.Fatalf("job %s did not end", id)
}

func TestRealErrorsHaveTheirShapes(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	x.agent("MultimodalExtractionEngine", extraction)
	for name, c := range map[string]struct {
		body, answer string
	}{
		"taken name":     {`{"name":"Agent of MultimodalExtractionEngine","engine_class_id":"MultimodalExtractionEngine","engine_config":` + extraction + `}`, `{"name":["`},
		"unknown engine": {`{"name":"x","engine_class_id":"NoEngine"}`, `{"engine_class_id":["`},
		"unknown key":    {`{"name":"y","engine_class_id":"MultimodalExtractionEngine","engine_config":{"text":"${nowhere}","instruction":"x","output_schema":{"type":"object","properties":{"a":{"type":"string"}}}}}`, `{"engine_config":["`},
	} {
		status, body := x.do(http.MethodPost, "/v1/agents/", jsonType, strings.NewReader(c.body))
		if status != http.StatusBadRequest || !strings.HasPrefix(string(body), c.answer) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	for path, status := range map[string]int{
		"/v1/agents/" + otherOrg + "/":             http.StatusNotFound,
		"/v1/agents/jobs/" + otherOrg + "/status/": http.StatusNotFound,
		"/v1/agents/models/?capability=smell":      http.StatusBadRequest,
		"/v1/users/current_user/":                  http.StatusOK,
		"/v1/agents/types/":                        http.StatusOK,
		"/readyz":                                  http.StatusOK,
	} {
		if got, body := x.do(http.MethodGet, path, "", nil); got != status {
			t.Errorf("%s: %d %s", path, got, body)
		}
	}
}

// stream is a multipart body with one large file, made while it is read.
func stream(size int64) io.Reader {
	head := fmt.Sprintf("--%s\r\nContent-Disposition: form-data; name=\"pdf_files\"; filename=\"big.pdf\"\r\n\r\n%%PDF-1.7\n", boundary)
	tail := fmt.Sprintf("\r\n--%s--\r\n", boundary)
	return io.MultiReader(strings.NewReader(head), io.LimitReader(&noise{}, size), strings.NewReader(tail))
}

// noise is bytes that repeat late.
type noise struct{ n uint64 }

func (z *noise) Read(p []byte) (int, error) {
	for i := range p {
		z.n = z.n*6364136223846793005 + 1442695040888963407
		p[i] = byte(z.n >> 56)
	}
	return len(p), nil
}

// stored returns how many bytes the blob folder holds.
func (x *house) stored() (total int64) {
	x.t.Helper()
	err := filepath.WalkDir(x.blobs, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	ok(x.t, err)
	return total
}

const pdfConfig = `{"instruction":"Read it","output_schema":{"type":"object","properties":{"total":{"type":"string"}}}}`

// TestLargeUploadsAreStreamed runs alone, because it measures the heap of the whole process.
func TestLargeUploadsAreStreamed(t *testing.T) { //nolint:paralleltest // see above
	x := newHouse(t, false)
	run := "/v1/agents/run/" + string(x.agent("PDFExtractionEngine", pdfConfig).ID) + "/async/"
	const size = 90 << 20
	before := heap()
	peak := watchHeap(t)
	status, body := x.do(http.MethodPost, run, "multipart/form-data; boundary="+boundary, stream(size))
	grown := peak() - before
	if status != http.StatusOK {
		t.Fatalf("upload: %d %s", status, body)
	}
	if grown > 32<<20 {
		t.Errorf("the heap grew by %d MiB while a file of 90 MiB came in", grown>>20)
	}
	kept := x.stored()
	if kept < size {
		t.Errorf("%d bytes are stored", kept)
	}

	status, body = x.do(http.MethodPost, run, "multipart/form-data; boundary="+boundary, stream(101<<20))
	if status != http.StatusRequestEntityTooLarge || !bytes.HasPrefix(body, []byte(`{"detail":"`)) {
		t.Errorf("a file over the limit: %d %s", status, body)
	}
	if now := x.stored(); now != kept {
		t.Errorf("a refused file leaves %d bytes behind", now-kept)
	}
}

// heap returns the bytes in use after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

// watchHeap samples the heap until the returned function gives its peak.
func watchHeap(t *testing.T) (peak func() int64) {
	t.Helper()
	stop, result := make(chan struct{}), make(chan int64)
	go func() {
		var highest int64
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			highest = max(highest, int64(m.HeapInuse))
			select {
			case <-stop:
				result <- highest
				return
			case <-tick.C:
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-result
	}
}
