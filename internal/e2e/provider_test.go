package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
)

// modelName is what the model server calls its model.
const modelName = "scripted-1"

// modelServer speaks OpenAI's chat completions and answers as a function says.
type modelServer struct {
	*httptest.Server
	answer func(c *modelCall) reply

	mu    sync.Mutex
	calls []*modelCall
}

// modelCall is one request as the model server saw it.
type modelCall struct {
	n      int // from 1
	at     time.Time
	key    string
	body   map[string]any
	prompt string // all messages
	gone   <-chan struct{}
}

// reply is what the model server says. hang keeps the caller waiting until it goes away.
type reply struct {
	status int // 0 means 200
	header map[string]string
	text   string // the assistant's message, or the body of an error
	hang   bool
}

func serveModel(t *testing.T, answer func(c *modelCall) reply) *modelServer {
	t.Helper()
	m := &modelServer{answer: answer}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

// ServeHTTP implements http.Handler.
func (m *modelServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	c := &modelCall{at: time.Now(), key: r.Header.Get("Authorization"), gone: r.Context().Done()}
	if err == nil {
		err = json.Unmarshal(data, &c.body)
	}
	if err != nil || r.URL.Path != "/v1/chat/completions" || c.body["model"] != modelName {
		http.Error(w, `{"error":{"message":"wrong request","type":"invalid_request_error"}}`, http.StatusBadRequest)
		return
	}
	messages, _ := c.body["messages"].([]any)
	for _, message := range messages {
		c.prompt += fmt.Sprintf("%v\n", message)
	}
	m.mu.Lock()
	m.calls = append(m.calls, c)
	c.n = len(m.calls)
	m.mu.Unlock()
	a := m.answer(c)
	if a.hang {
		<-c.gone
		return
	}
	w.Header().Set("Content-Type", "application/json")
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.text) // a caller that is gone has been killed by the test
		return
	}
	content, err := json.Marshal(a.text)
	if err != nil {
		panic(err) // strings always encode
	}
	_, _ = fmt.Fprintf(w, `{"id":"chatcmpl-%d","object":"chat.completion","created":1760000000,"model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":%s,`+
		`"refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120}}`, c.n, modelName, content) // as above
}

// seen returns the calls so far, those whose prompt holds a text.
func (m *modelServer) seen(text string) []*modelCall {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*modelCall
	for _, c := range m.calls {
		if strings.Contains(c.prompt, text) {
			found = append(found, c)
		}
	}
	return found
}

// modelKey is the model server's key. It must be seen by the model server and nowhere else.
const modelKey = "sk-e2e-7d1f0b52c9"

// withModel starts a server that uses the model server.
func withModel(t *testing.T, m *modelServer, o options) *server {
	t.Helper()
	o.env = append(o.env, "STEWARD_MODEL_BASE_URL="+m.URL+"/v1", "STEWARD_MODEL="+modelName, "STEWARD_MODEL_API_KEY="+modelKey)
	s := start(t, o)
	t.Cleanup(func() {
		if strings.Contains(s.log.String(), modelKey) {
			t.Error("the model's key stands in the log")
		}
	})
	return s
}

// quoted is an answer with evidence, as a model is asked for it.
func quoted(result object, quotes ...object) string {
	text, err := json.Marshal(object{"result": result, "evidence": quotes})
	if err != nil {
		panic(err) // of the test's own making
	}
	return string(text)
}

func quote(path string, page int, text string) object {
	return object{"path": path, "file": 1, "page": page, "quote": text, "confidence": 0.9}
}

// pageSchema asks for two values of forty-pages.pdf.
const pageSchema = `{"type":"object","properties":{"code":{"type":["string","null"]},"inspector":{"type":["string","null"]}},"required":["code","inspector"]}`

var pageMark = regexp.MustCompile(`(?m)^\[\[page (\d+) of file 1\]\]$`)

// pages returns the numbers of the pages that a call shows.
func (c *modelCall) pages() []string {
	var numbers []string
	for _, mark := range pageMark.FindAllStringSubmatch(c.prompt, -1) {
		numbers = append(numbers, mark[1])
	}
	return numbers
}

func TestAModelsAnswerIsCheckedAgainstTheDocument(t *testing.T) {
	t.Parallel()
	m := serveModel(t, func(*modelCall) reply {
		return reply{text: quoted(object{"code": "SC-014", "inspector": "Nobody At All"},
			quote("/code", 9, "Section  code:\nSC-014"), quote("/inspector", 2, "Inspector: Nobody At All"))}
	})
	databases(t, func(t *testing.T, database string) {
		s := withModel(t, m, options{database: database})
		agent := s.pdfAgent("model", pageSchema, object{"model": nil, "page_filter": "1-3"})
		job := s.postForm(asyncPath(agent), pdf("forty-pages.pdf", testdata(t, "pdf/forty-pages.pdf"))).submitted()
		r := s.wait(job)
		var out struct {
			Code, Inspector string
			Sources         []steward.Evidence `json:"_sources"`
		}
		r.succeeded(t, &out)
		if out.Code != "SC-014" || out.Inspector != "Nobody At All" {
			t.Errorf("answer %+v", out)
		}
		bySource := map[string]steward.Evidence{}
		for _, e := range out.Sources {
			bySource[e.Path] = e
		}
		code, inspector := bySource["/code"], bySource["/inspector"]
		if code.Unverified || code.Page != 2 || code.Confidence != 0.9 || !strings.HasSuffix(code.Quote, "SC-014") {
			t.Errorf("the quote that stands on page 2, not 9 as the model says: %+v", code)
		}
		if !inspector.Unverified || inspector.Quote != "" || len(inspector.Boxes) != 0 || inspector.Confidence != 0 {
			t.Errorf("the invented quote: %+v", inspector)
		}
		if verified, unverified := checkEvidence(t, readSheets(t, testdata(t, "pdf/forty-pages.pdf")), "forty-pages.pdf", out.Sources); verified != 1 || unverified != 1 {
			t.Errorf("%d verified, %d not: %+v", verified, unverified, out.Sources)
		}
		if r.InputTokens != 100 || r.OutputTokens != 20 || r.Cost == nil || *r.Cost != 0 {
			t.Errorf("usage: %d in, %d out, cost %v", r.InputTokens, r.OutputTokens, r.Cost)
		}
		steps := s.steps(job)
		checkSteps(t, steps, "file[0].open file[0].pages[1-3].text file[0].pages[1-3].extract reference.page_1_2.png")
		if last := steps[2]; last.Kind != steward.StepModel || !strings.HasSuffix(last.Model, modelName) || last.Usage.InputTokens != 100 || last.Usage.OutputTokens != 20 {
			t.Errorf("step %+v", last)
		}
		for _, c := range m.seen("") {
			if c.key != "Bearer "+modelKey || strings.Join(c.pages(), " ") != "1 2 3" {
				t.Errorf("the model was shown pages %v with %q", c.pages(), c.key)
			}
		}
	})
}

func TestAWrongAnswerIsAskedForAgainAndThenFails(t *testing.T) {
	t.Parallel()
	m := serveModel(t, func(c *modelCall) reply {
		if strings.Contains(c.prompt, "K-2") && c.n > 1 && strings.Contains(c.prompt, "at /total: got string") {
			return reply{text: `{"invoice_number":"K-2","total":12.5}`}
		}
		return reply{text: "Here you are:\n```json\n{\"invoice_number\":\"K\",\"total\":\"twelve\"}\n```"}
	})
	s := withModel(t, m, options{})
	agent := s.textAgent("again", object{"model": modelName})
	mended := s.wait(s.post(asyncPath(agent), formType, "text=Invoice+K-2+total+12.50").submitted())
	var out struct{ Total float64 }
	mended.succeeded(t, &out)
	if out.Total != 12.5 || mended.InputTokens != 200 {
		t.Errorf("total %v for %d tokens", out.Total, mended.InputTokens)
	}
	failed := s.wait(s.post(asyncPath(agent), formType, "text=Invoice+K-3").submitted())
	if failed.Status != steward.StatusFailure || failed.FailureCode != steward.FailSchemaMismatch || failed.InputTokens != 300 {
		t.Errorf("%v %s %s for %d tokens", failed.Status, failed.FailureCode, text(failed.ErrorMessage), failed.InputTokens)
	}
	s.post(runPath(agent), formType, "text=Invoice+K-3").refused(http.StatusUnprocessableEntity, string(steward.FailSchemaMismatch))
}

func TestAModelThatAsksForPatienceGetsIt(t *testing.T) {
	t.Parallel()
	busy := reply{status: http.StatusTooManyRequests, text: `{"error":{"message":"Rate limit reached","type":"rate_limit_error"}}`}
	wait := map[string]string{"short": "1", "long": "11"}
	var m *modelServer
	m = serveModel(t, func(c *modelCall) reply {
		for name, seconds := range wait {
			if strings.Contains(c.prompt, name+" wait") && len(m.seen(name+" wait")) == 1 {
				r := busy
				r.header = map[string]string{"Retry-After": seconds}
				return r
			}
		}
		return reply{text: `{"invoice_number":"K-9","total":null}`}
	})
	s := withModel(t, m, options{})
	agent := s.textAgent("patience", object{"model": "local/" + modelName})
	jobs := map[string]string{}
	for name := range wait {
		jobs[name] = s.post(asyncPath(agent), formType, "text="+name+"+wait").submitted()
	}
	var retry jobStatus
	until(t, "the job waits for its next attempt", func() bool {
		retry = s.status(jobs["long"])
		return retry.Status == steward.StatusRetry
	})
	if retry.ErrorMessage == "" || strings.Contains(retry.ErrorMessage, modelKey) {
		t.Errorf("status %+v", retry)
	}
	for name, least := range map[string]time.Duration{"short": time.Second, "long": 11 * time.Second} {
		r := s.wait(jobs[name])
		if r.Status != steward.StatusSuccess || !strings.Contains(r.Outputs[0].Value, "K-9") {
			t.Errorf("%s: %v %s", name, r.Status, text(r.ErrorMessage))
		}
		calls := m.seen(name + " wait")
		if len(calls) != 2 || calls[1].at.Sub(calls[0].at) < least {
			t.Errorf("%s: %d calls, %v apart, want 2 at least %v apart", name, len(calls), calls[len(calls)-1].at.Sub(calls[0].at), least)
		}
	}
}

func TestAPaidCallIsNotRepeatedAfterAKill(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, database string) {
		killed := make(chan struct{}) // closed by the kill
		m := serveModel(t, func(c *modelCall) reply {
			first := c.pages()[0]
			select {
			case <-killed:
			default:
				if first != "1" {
					return reply{hang: true}
				}
			}
			return reply{text: quoted(object{"code": nil, "inspector": nil})}
		})
		s := withModel(t, m, options{database: database})
		agent := s.pdfAgent("paid", pageSchema, object{"model": modelName, "batch_size": 20})
		job := s.postForm(asyncPath(agent), pdf("forty-pages.pdf", testdata(t, "pdf/forty-pages.pdf"))).submitted()
		const paid = "file[0].pages[1-20].extract"
		var before map[string]done
		until(t, "the first call is recorded and the second is under way", func() bool {
			before = s.recorded(job)
			_, recorded := before[paid]
			return recorded && len(m.seen("[[page 21 of file 1]]")) == 1
		})
		s.kill()
		close(killed)
		s.boot()
		r := s.wait(job)
		if r.Status != steward.StatusSuccess || r.InputTokens != 200 {
			t.Errorf("%v %s for %d tokens", r.Status, text(r.ErrorMessage), r.InputTokens)
		}
		unchanged(t, before, s.recorded(job))
		if n := len(m.seen("[[page 1 of file 1]]")); n != 1 {
			t.Errorf("the first call was made %d times", n)
		}
		if n := len(m.seen("[[page 21 of file 1]]")); n != 2 {
			t.Errorf("the interrupted call was made %d times, want 2", n)
		}
	})
}

func TestAStoppedServerGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	stopped := make(chan struct{})
	m := serveModel(t, func(*modelCall) reply {
		select {
		case <-stopped:
			return reply{text: `{"invoice_number":"K-5","total":null}`}
		default:
			return reply{hang: true}
		}
	})
	s := withModel(t, m, options{config: "workers:\n  grace: 100ms\n  max_crashes: 1\n"})
	agent := s.textAgent("stopped", object{"model": modelName})
	job := s.post(asyncPath(agent), formType, "text=x").submitted()
	for n := range 3 { // a stop is no crash, however often it happens
		until(t, "the model is asked", func() bool { return len(m.seen("")) == n+1 })
		s.stop()
		if n == 2 {
			close(stopped)
		}
		s.boot()
	}
	if r := s.wait(job); r.Status != steward.StatusSuccess {
		t.Errorf("%v %s %s", r.Status, r.FailureCode, text(r.ErrorMessage))
	}
}

func TestAJobThatBringsItsServerDownIsGivenUp(t *testing.T) {
	t.Parallel()
	m := serveModel(t, func(*modelCall) reply { return reply{hang: true} })
	s := withModel(t, m, options{})
	agent := s.textAgent("poison", object{"model": modelName})
	job := s.post(asyncPath(agent), formType, "text=x").submitted()
	for n := range 3 {
		until(t, "the model is asked", func() bool { return len(m.seen("")) == n+1 })
		s.kill()
		s.boot()
	}
	if r := s.wait(job); r.Status != steward.StatusFailure || r.FailureCode != steward.FailPoison {
		t.Errorf("%v %s %s", r.Status, r.FailureCode, text(r.ErrorMessage))
	}
	if n := len(m.seen("")); n != 3 {
		t.Errorf("the model was asked %d times", n)
	}
}

func TestWaitingForAModelCanBeEnded(t *testing.T) {
	t.Parallel()
	m := serveModel(t, func(*modelCall) reply { return reply{hang: true} })
	s := withModel(t, m, options{})
	agent := s.textAgent("endless", object{"model": modelName})
	job := s.post(asyncPath(agent), formType, "text=cancelled").submitted()
	late := s.postJSON(asyncPath(agent), object{"text": "too late", "timeout_seconds": 1}).submitted()
	until(t, "the model is asked", func() bool { return len(m.seen("")) == 2 })
	s.post(jobPath(job, "cancel"), jsonType, "").want(http.StatusNoContent)
	if r := s.wait(job); r.Status != steward.StatusCancelled || len(r.Outputs) != 0 {
		t.Errorf("cancelled: %v %s", r.Status, text(r.ErrorMessage))
	}
	if r := s.wait(late); r.Status != steward.StatusFailure || r.FailureCode != steward.FailTimeout {
		t.Errorf("too late: %v %s %s", r.Status, r.FailureCode, text(r.ErrorMessage))
	}
	until(t, "the model server is left alone", func() bool {
		for _, c := range m.seen("") {
			select {
			case <-c.gone:
			default:
				return false
			}
		}
		return true
	})
}

func TestAModelServersFaultsHaveCodes(t *testing.T) {
	t.Parallel()
	faults := map[string]struct {
		reply reply
		code  steward.FailureCode
	}{
		"wrong key":     {reply{status: 401, text: `{"error":{"message":"Incorrect API key provided: ` + modelKey + `","type":"invalid_request_error"}}`}, steward.FailProviderNotConfigured},
		"no such model": {reply{status: 404, text: `{"error":{"message":"The model does not exist","code":"model_not_found"}}`}, steward.FailModelUnavailable},
		"too long":      {reply{status: 400, text: `{"error":{"message":"This model's maximum context length is 10 tokens","code":"context_length_exceeded"}}`}, steward.FailContextOverflow},
		"a web page":    {reply{status: 403, text: `<html>Forbidden</html>`}, steward.FailProviderError},
	}
	m := serveModel(t, func(c *modelCall) reply {
		for name, f := range faults {
			if strings.Contains(c.prompt, name) {
				return f.reply
			}
		}
		return reply{hang: true}
	})
	s := withModel(t, m, options{})
	agent := s.textAgent("faults", object{"model": modelName})
	for name, f := range faults {
		r := s.wait(s.postJSON(asyncPath(agent), object{"text": name}).submitted())
		if r.Status != steward.StatusFailure || r.FailureCode != f.code || strings.Contains(text(r.ErrorMessage), modelKey) {
			t.Errorf("%s: %v %s %s, want %s", name, r.Status, r.FailureCode, text(r.ErrorMessage), f.code)
		}
	}
}
