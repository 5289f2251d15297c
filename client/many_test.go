package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// numbered returns n inputs that tell their place.
func numbered(n int) []client.Inputs {
	out := make([]client.Inputs, n)
	for i := range out {
		out[i] = client.Inputs{"n": i}
	}
	return out
}

// jobOf is the id of the job that the servers below start for input n.
func jobOf(n int) steward.JobID {
	return steward.JobID(fmt.Sprintf("01890000-0000-7000-8000-%012d", n))
}

// many is a server that starts jobs in bulk and knows them from then on.
type many struct {
	mu       sync.Mutex
	sizes    []int       // items of each request
	at       []time.Time // of each request
	uploads  []string    // contents of uploaded files
	items    []json.RawMessage
	metadata string
	refuse   func(request int) http.HandlerFunc // nil, or returning nil: the request is answered
	requests int
}

// script returns the server as a script, whose bodies are recorded.
func (m *many) script() *script {
	var s *script
	s = newScript(func(w http.ResponseWriter, r *http.Request) {
		all := s.all()
		m.answer(w, r, all[len(all)-1].body)
	})
	return s
}

func (m *many) answer(w http.ResponseWriter, r *http.Request, body string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if strings.HasPrefix(r.URL.Path, "/v1/files/") {
		status(201, fmt.Sprintf(`{"file_id":"01890000-0000-7000-8000-%012d"}`, 900+len(m.uploads)))(w, r)
		m.uploads = append(m.uploads, body)
		return
	}
	m.requests++
	if m.refuse != nil {
		if no := m.refuse(m.requests); no != nil {
			no(w, r)
			return
		}
	}
	var in struct {
		Start    *int
		Inputs   []json.RawMessage
		Metadata json.RawMessage
	}
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		status(400, `{"detail":"no JSON"}`)(w, r)
		return
	}
	first := len(m.items)
	if in.Start != nil {
		first = *in.Start
		m.items = m.items[:min(first, len(m.items))]
	}
	m.sizes, m.at, m.items, m.metadata = append(m.sizes, len(in.Inputs)), append(m.at, time.Now()), append(m.items, in.Inputs...), string(in.Metadata)
	ids := make([]steward.JobID, len(in.Inputs))
	for i := range ids {
		ids[i] = jobOf(first + i)
	}
	var out any = ids
	if in.Start != nil {
		out = map[string]any{"job_ids": ids, "received": len(m.items), "next_index": len(m.items)}
	}
	text, err := json.Marshal(out)
	if err != nil {
		status(500, err.Error())(w, r)
		return
	}
	status(200, string(text))(w, r)
}

func TestRunManySendsAThousandAtATimeAndKeepsTheOrder(t *testing.T) {
	t.Parallel()
	m := &many{}
	s := m.script()
	var told []int
	ids, err := newVia(t, s, client.Options{}).RunMany(t.Context(), agentID, numbered(2500), client.RunManyParams{
		Metadata: map[string]any{"case": 7}, SkipCache: true, Timeout: 90 * time.Second, OnProgress: func(n int) { told = append(told, n) },
	})
	if err != nil || len(ids) != 2500 {
		t.Fatalf("%d ids, %v", len(ids), err)
	}
	for i, id := range ids {
		if id != jobOf(i) || string(m.items[i]) != fmt.Sprintf(`{"n":%d}`, i) {
			t.Fatalf("job %d is %s for %s", i, id, m.items[i])
		}
	}
	if !slices.Equal(m.sizes, []int{1000, 1000, 500}) || !slices.Equal(told, []int{1000, 2000, 2500}) {
		t.Errorf("sent %v, told %v", m.sizes, told)
	}
	r := s.all()[2]
	if r.method != http.MethodPost || r.path != "/v1/agents/run/"+string(agentID)+"/async/many/" || r.header.Get("X-Skip-Cache") != "true" || m.metadata != `{"case":7}` ||
		!strings.Contains(r.body, `"timeout_seconds":90`) {
		t.Errorf("request = %s %s %v, metadata %s", r.method, r.path, r.header, m.metadata)
	}
}

func TestRunManyOfNothingStartsNothing(t *testing.T) {
	t.Parallel()
	s := newScript(status(400, ""))
	if ids, err := newTo(t, s, client.Options{}).RunMany(t.Context(), agentID, nil, client.RunManyParams{}); err != nil || len(ids) != 0 || len(s.all()) != 0 {
		t.Errorf("RunMany = %v, %v", ids, err)
	}
}

func TestLongItemsTravelInShorterRequests(t *testing.T) {
	t.Parallel()
	m := &many{}
	inputs := numbered(4)
	for i := range inputs {
		inputs[i]["text"] = strings.Repeat("x", 3<<20)
	}
	inputs[3]["text"] = strings.Repeat("x", 9<<20)
	ids, err := newVia(t, m.script(), client.Options{}).RunMany(t.Context(), agentID, inputs, client.RunManyParams{})
	if err != nil || len(ids) != 4 || !slices.Equal(m.sizes, []int{2, 1, 1}) {
		t.Errorf("%d ids in requests of %v, %v", len(ids), m.sizes, err)
	}
}

func TestAFailingChunkTellsWhatWasStarted(t *testing.T) {
	t.Parallel()
	m := &many{refuse: func(n int) http.HandlerFunc {
		if n == 3 {
			return status(402, `{"detail":"Insufficient credits to start a new job"}`)
		}
		return nil
	}}
	ids, err := newVia(t, m.script(), client.Options{}).RunMany(t.Context(), agentID, numbered(3000), client.RunManyParams{})
	var e *client.SubmitError
	if !errors.As(err, &e) || len(e.Submitted) != 2000 || e.Submitted[1999] != jobOf(1999) || steward.CodeOf(err) != steward.NoCredit || len(ids) != 2000 {
		t.Fatalf("%d ids, %v", len(ids), err)
	}
	if !strings.Contains(err.Error(), "2000 jobs") || !strings.Contains(err.Error(), "Insufficient credits") {
		t.Errorf("message = %q", err.Error())
	}
	m = &many{refuse: func(int) http.HandlerFunc { return status(404, `{"detail":"Not found."}`) }}
	if _, err := newVia(t, m.script(), client.Options{}).RunMany(t.Context(), agentID, numbered(3), client.RunManyParams{}); errors.As(err, &e) || !client.IsNotFound(err) {
		t.Errorf("err = %v, want a plain one when nothing was started", err)
	}
}

func TestAChunkIsNotSentTwiceUnlessItWasRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault http.HandlerFunc
		tries int
	}{
		"429": {status(429, ""), 2}, "503": {status(503, ""), 2}, "500": {status(500, ""), 1}, "a broken connection": {broken(io.ErrUnexpectedEOF), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &many{refuse: func(n int) http.HandlerFunc {
					if n == 1 {
						return tt.fault
					}
					return nil
				}}
				_, err := newVia(t, m.script(), client.Options{}).RunMany(t.Context(), agentID, numbered(1), client.RunManyParams{})
				if m.requests != tt.tries || (err == nil) != (tt.tries == 2) {
					t.Errorf("%d tries, %v, want %d", m.requests, err, tt.tries)
				}
			})
		})
	}
}

func TestTheDelayBetweenChunks(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		client, call, want time.Duration
	}{
		"none": {0, 0, 0}, "of the client": {10 * time.Second, 0, 10 * time.Second}, "of the call": {10 * time.Second, 3 * time.Second, 3 * time.Second}, "none for the call": {10 * time.Second, -1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &many{}
				c := newVia(t, m.script(), client.Options{ChunkDelay: tt.client})
				begun := time.Now()
				if _, err := c.RunMany(t.Context(), agentID, numbered(2001), client.RunManyParams{ChunkDelay: tt.call}); err != nil {
					t.Fatal(err)
				}
				if m.at[0] != begun || m.at[1].Sub(m.at[0]) != tt.want || m.at[2].Sub(m.at[1]) != tt.want || time.Since(begun) != 2*tt.want {
					t.Errorf("requests at %v since %v, want %v between them", m.at, begun, tt.want)
				}
			})
		})
	}
}

func TestFilesOfManyRunsAreUploadedOnceEach(t *testing.T) {
	t.Parallel()
	m := &many{}
	path := filepath.Join(t.TempDir(), "shared.txt")
	if err := os.WriteFile(path, []byte("shared"), 0o600); err != nil {
		t.Fatal(err)
	}
	inputs := make([]client.Inputs, 10)
	for i := range inputs {
		inputs[i] = client.Inputs{
			"doc": client.FilePath(path), "own": fmt.Appendf(nil, "own %d", i), "kept": client.FileID(fileID), "text": "t",
			"list": []client.File{client.FileURL("https://f.test/a"), client.FilePath(path)}, "nothing": nil, "no files": []client.File{},
		}
	}
	s := m.script()
	if _, err := newTo(t, s, client.Options{}).RunMany(t.Context(), agentID, inputs, client.RunManyParams{}); err != nil {
		t.Fatal(err)
	}
	if len(m.uploads) != 11 {
		t.Errorf("%d uploads, want 11", len(m.uploads))
	}
	refs := map[string]bool{}
	for i, raw := range m.items {
		var item struct {
			Doc, Own, Kept, Text string
			List                 []string
		}
		if err := json.Unmarshal(raw, &item); err != nil {
			t.Fatal(err)
		}
		refs[item.Own] = true
		if item.Text != "t" || item.Kept != string(fileID) || item.List[0] != "https://f.test/a" || item.List[1] != item.Doc || !strings.HasPrefix(item.Doc, "file_0189") {
			t.Errorf("item %d = %s", i, raw)
		}
		if strings.Contains(string(raw), "nothing") || strings.Contains(string(raw), "no files") {
			t.Errorf("item %d has what is nil: %s", i, raw)
		}
	}
	if len(refs) != 10 {
		t.Errorf("%d different files of their own, want 10", len(refs))
	}
	for _, r := range s.all() {
		if r.path == "/v1/files/" && !strings.Contains(r.body, "name=temporary") && !strings.Contains(r.body, `name="temporary"`) {
			t.Errorf("an upload is not temporary: %s", r.body)
		}
	}
}

func TestAnItemThatCannotBeSentIsNamed(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]client.Inputs{
		"reserved": {"metadata": 1}, "no file": {"f": client.File{}}, "missing": {"f": client.FilePath("/nowhere/at/all")}, "unencodable": {"f": func() {}},
	} {
		m := &many{}
		inputs := numbered(5)
		inputs[3] = bad
		_, err := newVia(t, m.script(), client.Options{}).RunMany(t.Context(), agentID, inputs, client.RunManyParams{})
		if steward.CodeOf(err) != steward.Invalid || m.requests != 0 {
			t.Errorf("%s: %v after %d requests", name, err, m.requests)
		}
		if name != "missing" && !strings.Contains(err.Error(), "item 3") { // a file is named by its path
			t.Errorf("%s: %v does not name the item", name, err)
		}
	}
}

func TestARefusedUploadEndsTheCall(t *testing.T) {
	t.Parallel()
	s := newScript(status(413, `{"detail":"The file is too large."}`))
	inputs := make([]client.Inputs, 50)
	for i := range inputs {
		inputs[i] = client.Inputs{"f": []byte{byte(i)}}
	}
	_, err := newTo(t, s, client.Options{}).RunMany(t.Context(), agentID, inputs, client.RunManyParams{})
	if steward.CodeOf(err) != steward.TooLarge {
		t.Errorf("err = %v, want too large", err)
	}
	if n := len(s.all()); n > 8 {
		t.Errorf("%d uploads were begun after the first refusal", n)
	}
}

func TestAnAnswerOfAnotherLengthIsAnError(t *testing.T) {
	t.Parallel()
	s := newScript(status(200, `["`+someID+`"]`))
	ids, err := newTo(t, s, client.Options{}).RunMany(t.Context(), agentID, numbered(2), client.RunManyParams{})
	var e *client.SubmitError
	if !errors.As(err, &e) || len(ids) != 1 {
		t.Errorf("%v, %v, want an error with the job that there is", ids, err)
	}
}

func TestBatchItemsKeepTheirNumbers(t *testing.T) {
	t.Parallel()
	m := &many{}
	s := m.script()
	c := newVia(t, s, client.Options{})
	var told []int64
	got, err := c.SendBatchItems(t.Context(), batchID, 0, numbered(1500), &client.BatchSendOptions{SkipCache: true, OnProgress: func(p client.BatchProgress) { told = append(told, p.NextIndex) }})
	if err != nil || got.NextIndex != 1500 || got.Received != 1500 || len(got.JobIDs) != 1500 || got.JobIDs[1499] != jobOf(1499) {
		t.Fatalf("SendBatchItems = %+v, %v", got, err)
	}
	if !slices.Equal(told, []int64{1000, 1500}) || !slices.Equal(m.sizes, []int{1000, 500}) {
		t.Errorf("told %v of %v", told, m.sizes)
	}
	more, err := c.SendBatchItems(t.Context(), batchID, got.NextIndex, numbered(1), nil)
	if err != nil || more.NextIndex != 1501 || more.JobIDs[0] != jobOf(1500) {
		t.Errorf("SendBatchItems = %+v, %v", more, err)
	}
	if r := s.all()[0]; r.path != "/v1/batches/"+string(batchID)+"/items/" || r.header.Get("X-Skip-Cache") != "true" || s.all()[2].header.Get("X-Skip-Cache") != "" {
		t.Errorf("request = %s %v", r.path, r.header)
	}
}

func TestBatchItemsAreSentAgainAfterAnyPassingFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &many{refuse: func(n int) http.HandlerFunc {
			return map[int]http.HandlerFunc{1: status(500, ""), 2: broken(io.ErrUnexpectedEOF), 4: status(503, "")}[n]
		}}
		got, err := newVia(t, m.script(), client.Options{}).SendBatchItems(t.Context(), batchID, 0, numbered(2000), nil)
		if err != nil || len(got.JobIDs) != 2000 || m.requests != 5 || len(m.items) != 2000 {
			t.Errorf("%d jobs with %d requests, %v", len(got.JobIDs), m.requests, err)
		}
	})
}

func TestAnInterruptedSenderLearnsHowFarItCame(t *testing.T) {
	t.Parallel()
	m := &many{refuse: func(n int) http.HandlerFunc {
		if n == 2 {
			return status(409, `{"error":"The batch takes no more items."}`)
		}
		return nil
	}}
	got, err := newVia(t, m.script(), client.Options{}).SendBatchItems(t.Context(), batchID, 0, numbered(3000), nil)
	if steward.CodeOf(err) != steward.Conflict || got == nil || got.NextIndex != 1000 || len(got.JobIDs) != 1000 {
		t.Errorf("SendBatchItems = %+v, %v", got, err)
	}
	got, err = newVia(t, newScript(status(404, "")), client.Options{}).SendBatchItems(t.Context(), batchID, 0, numbered(1), nil)
	if !client.IsNotFound(err) || got == nil || len(got.JobIDs) != 0 {
		t.Errorf("SendBatchItems = %+v, %v", got, err)
	}
}

func TestBatchItemsAreRangedOverByTheirIndex(t *testing.T) {
	t.Parallel()
	s := newScript(
		status(200, `{"count":4,"next":"/x","results":[{"index":5},{"index":9}]}`), status(200, `{"count":2,"next":null,"results":[{"index":12}]}`),
	)
	c := newTo(t, s, client.Options{})
	var got []int64
	for item, err := range c.BatchItems(t.Context(), batchID, client.BatchItemList{From: 3, Page: 7, Status: []steward.Status{4}}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, item.Index)
	}
	if !slices.Equal(got, []int64{5, 9, 12}) {
		t.Errorf("indexes = %v", got)
	}
	const path = "/v1/batches/" + string(batchID) + "/items/"
	if a, b := s.all()[0].path, s.all()[1].path; a != path+"?from=3&page_size=1000&status_code=4" || b != path+"?from=10&page_size=1000&status_code=4" {
		t.Errorf("asked %s and %s", a, b)
	}
}
