package cli_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stewardhq/steward"
)

// batchServer speaks the wire of batches from memory, so that tests decide when items end and what goes wrong on the way.
type batchServer struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	batch    *steward.Batch
	key      string // of the batch
	created  int    // batches made
	items    []fakeItem
	runs     map[string]int // how often an item with this content became a job
	files    map[string]string
	results  int                                                     // rows of results that were asked for
	requests map[string]int                                          // by "METHOD last part of the path"
	before   func(r *http.Request) int                               // an HTTP status to answer instead; 0 goes on; may be nil
	after    func(w http.ResponseWriter, r *http.Request) (cut bool) // called when a request was done, before it is answered; may be nil
	status   func(index int64) steward.Status                        // where an item stands; nil: all succeed at once
	listed   func(index int64) int64                                 // the index that an item is listed with; nil: its own
}

type fakeItem struct {
	content string
	job     steward.JobID
}

const (
	fakeAgent   = "01890000-0000-7000-8000-0000000000aa"
	fakeVersion = "01890000-0000-7000-8000-0000000000bb"
	fakeBatch   = "01890000-0000-7000-8000-0000000000cc"
)

func newBatchServer(t *testing.T) *batchServer {
	t.Helper()
	s := &batchServer{t: t, runs: map[string]int{}, files: map[string]string{}, requests: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/agents/{agent}/versions/current/", s.version)
	mux.HandleFunc("POST /v1/agents/{agent}/batches/", s.create)
	mux.HandleFunc("GET /v1/batches/{batch}/", s.get)
	mux.HandleFunc("POST /v1/batches/{batch}/items/", s.add)
	mux.HandleFunc("GET /v1/batches/{batch}/items/", s.list)
	mux.HandleFunc("POST /v1/batches/{batch}/close/", s.close)
	mux.HandleFunc("POST /v1/agents/jobs/results/", s.answers)
	mux.HandleFunc("POST /v1/files/", s.upload)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		s.requests[r.Method+" "+parts[len(parts)-1]]++
		if s.before != nil {
			if status := s.before(r); status != 0 {
				http.Error(w, `{"error": "the test says no"}`, status)
				return
			}
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// change sets up the server between requests.
func (s *batchServer) change(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
}

// answer writes JSON, unless the test cuts the connection first.
func (s *batchServer) answer(w http.ResponseWriter, r *http.Request, v any) {
	if s.after != nil && s.after(w, r) {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}

func (s *batchServer) version(w http.ResponseWriter, r *http.Request) {
	s.answer(w, r, &steward.Version{
		ID: fakeVersion, EngineConfig: json.RawMessage(`{}`), BaseAgent: steward.Agent{ID: fakeAgent, Name: "fake"},
		InputDefinitions: []steward.InputDefinition{{Key: "text", DataType: "text/plain"}, {Key: "pdf", DataType: "application/pdf"}},
	})
}

func (s *batchServer) create(w http.ResponseWriter, r *http.Request) {
	if key := r.Header.Get("Idempotency-Key"); s.batch == nil || key != s.key {
		s.key, s.items, s.created = key, nil, s.created+1
		s.batch = &steward.Batch{ID: fakeBatch, AgentID: fakeAgent, VersionID: fakeVersion, Metadata: json.RawMessage(`{}`)}
	}
	s.answer(w, r, s.count())
}

// count brings the batch's counts up to date.
func (s *batchServer) count() *steward.Batch {
	b := s.batch
	b.Counts = steward.BatchCounts{}
	for i := range s.items {
		b.Counts.Add(s.statusOf(int64(i)), 1)
	}
	b.Received, b.NextIndex = int64(len(s.items)), int64(len(s.items))
	b.State = b.StateOf() // the server looks a moment later whether a batch is completed
	b.CompletedAt = nil
	if b.ClosedAt != nil && b.Counts.Ended() == b.Counts.Total() {
		b.CompletedAt = b.ClosedAt
	}
	return b
}

func (s *batchServer) statusOf(index int64) steward.Status {
	if s.status == nil {
		return steward.StatusSuccess
	}
	return s.status(index)
}

func (s *batchServer) get(w http.ResponseWriter, r *http.Request) { s.answer(w, r, s.count()) }

func (s *batchServer) add(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Start  int64
		Inputs []json.RawMessage
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Inputs) == 0 || len(in.Inputs) > 1000 {
		s.t.Errorf("items: %v, %d of them", err, len(in.Inputs))
	}
	if in.Start > int64(len(s.items)) {
		s.t.Errorf("items from %d on are sent, %d are there: a gap", in.Start, len(s.items))
	}
	if s.batch.ClosedAt != nil {
		http.Error(w, `{"error": "The batch is closed."}`, http.StatusConflict)
		return
	}
	for i, raw := range in.Inputs {
		if at := in.Start + int64(i); at < int64(len(s.items)) && s.items[at].content != string(raw) {
			http.Error(w, `{"error": "An item of this index is there with other content."}`, http.StatusConflict)
			return
		}
	}
	var ids []steward.JobID
	for i, raw := range in.Inputs {
		at := int(in.Start) + i
		if at == len(s.items) {
			s.runs[string(raw)]++
			s.items = append(s.items, fakeItem{string(raw), steward.JobID(fmt.Sprintf("01890000-0000-7000-9000-%012d", at))})
		}
		ids = append(ids, s.items[at].job)
	}
	s.answer(w, r, map[string]any{"job_ids": ids, "received": len(s.items), "next_index": len(s.items)})
}

func (s *batchServer) list(w http.ResponseWriter, r *http.Request) {
	from, _ := strconv.Atoi(r.URL.Query().Get("from"))
	size, _ := strconv.Atoi(r.URL.Query().Get("page_size"))
	page := steward.Page[steward.BatchItem]{Results: []steward.BatchItem{}}
	for i := range s.items {
		index := int64(i)
		if s.listed != nil {
			index = s.listed(index)
		}
		if index >= int64(from) && len(page.Results) < size {
			page.Results = append(page.Results, steward.BatchItem{Index: index, JobID: s.items[i].job, Status: s.statusOf(int64(i))})
		}
	}
	s.answer(w, r, page)
}

func (s *batchServer) close(w http.ResponseWriter, r *http.Request) {
	if s.batch.ClosedAt == nil {
		now := s.batch.CreatedAt
		s.batch.ClosedAt = &now
	}
	s.answer(w, r, s.count())
}

func (s *batchServer) answers(w http.ResponseWriter, r *http.Request) {
	var in struct {
		JobIDs []steward.JobID `json:"job_ids"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		s.t.Error(err)
	}
	s.results += len(in.JobIDs)
	rows := []any{}
	for _, id := range in.JobIDs {
		index, err := strconv.ParseInt(string(id[len(id)-12:]), 10, 64)
		if err != nil {
			s.t.Error(err)
		}
		row := map[string]any{"id": id, "status": s.statusOf(index), "agent_id": fakeAgent, "agent_version_id": fakeVersion, "cost": 0.5, "result": []steward.Datum{}, "error_message": "it failed"}
		if s.statusOf(index).Succeeded() {
			row["error_message"] = ""
			row["result"] = []steward.Datum{{Key: "output", DataType: "application/json", Value: s.items[index].content}, {Key: "note", DataType: "text/plain", Value: "<a & b>"}}
		}
		rows = append(rows, row)
	}
	s.answer(w, r, rows)
}

func (s *batchServer) upload(w http.ResponseWriter, r *http.Request) {
	f, head, err := r.FormFile("file")
	if err != nil {
		s.t.Error(err)
		return
	}
	content, err := io.ReadAll(f)
	if err != nil {
		s.t.Error(err)
	}
	if r.FormValue("temporary") != "true" {
		s.t.Error("the file is not temporary")
	}
	id := fmt.Sprintf("01890000-0000-7000-a000-%012d", len(s.files))
	s.files[id] = string(content)
	sum := sha256.Sum256(content)
	s.answer(w, r, map[string]any{"file_id": id, "file_ref": "file_" + id, "name": head.Filename, "size": len(content), "sha256": hex.EncodeToString(sum[:])})
}
