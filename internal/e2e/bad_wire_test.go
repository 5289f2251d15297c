package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
)

// undashed writes an id as some clients do.
func undashed(id string) string { return strings.ReplaceAll(id, "-", "") }

func TestIdsAreReadInEverySpelling(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	agent := s.textAgent("spelling", nil)
	job := s.post(asyncPath(agent), formType, "text=total:+7").submitted()
	s.wait(job)
	for _, spell := range []func(string) string{strings.ToUpper, undashed, func(id string) string { return strings.ToUpper(undashed(id)) }} {
		for _, slash := range []string{"", "/"} {
			for _, path := range []string{
				agentsPath + spell(agent), agentsPath + spell(agent) + "/versions/current", agentsPath + spell(agent) + "/jobs",
				agentsPath + "jobs/" + spell(job) + "/status", agentsPath + "jobs/" + spell(job) + "/result", agentsPath + "jobs/" + spell(job) + "/steps",
			} {
				s.get(path + slash).want(http.StatusOK)
			}
			id := s.post(strings.TrimSuffix(asyncPath(spell(agent)), "/")+slash, formType, "text=total:+7").submitted()
			if id != strings.ToLower(id) || len(id) != 36 {
				t.Errorf("the new id is %q", id)
			}
		}
	}
	var a struct{ ID string }
	s.get(agentsPath + strings.ToUpper(undashed(agent)) + "/").into(&a)
	if a.ID != agent {
		t.Errorf("the answer's id is %q, want %q", a.ID, agent)
	}
}

func TestWrongPathsAndMethodsAreAnsweredInJSON(t *testing.T) {
	t.Parallel()
	databases(t, wrongPaths)
}

func wrongPaths(t *testing.T, database string) {
	t.Helper()
	s := start(t, options{database: database})
	agent := s.textAgent("paths", nil)
	job := s.post(asyncPath(agent), formType, "text=total:+7").submitted()
	s.wait(job)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 404}, {"GET", "/nope", 404}, {"GET", "/v1", 404}, {"GET", "/v2/agents/", 404}, {"GET", "/v1/agents//", 404}, {"GET", "//", 404},
		{"GET", "/v1/agents/../../etc/passwd", 404}, {"GET", "/v1/agents/%2e%2e/%2e%2e/etc/passwd", 404}, {"GET", "/v1/agents/%00/", 404}, {"GET", "/v1/agents/%ff/", 404},
		{"GET", agentsPath + "not-a-uuid/", 404}, {"GET", agentsPath + unknownID + "/", 404}, {"GET", agentsPath + "{" + agent + "}/", 404},
		{"GET", agentsPath + agent + "x/", 404}, {"GET", agentsPath + strings.Repeat("a", 5000) + "/", 404}, {"GET", agentsPath + agent + "/versions/" + unknownID + "/", 404},
		{"GET", jobPath(unknownID, "status"), 404}, {"GET", jobPath("x", "status"), 404}, {"GET", jobPath(unknownID, "result"), 404}, {"GET", jobPath(unknownID, "steps"), 404},
		{"GET", agentsPath + unknownID + "/jobs/", 404}, {"POST", jobPath(unknownID, "cancel"), 404}, {"POST", runPath(unknownID), 404}, {"POST", asyncPath("x"), 404},
		{"POST", versionPath(agent, unknownID), 404}, {"POST", versionPath(agent, "x") + "async/", 404}, {"POST", runPath(unknownID) + "async/", 404},

		{"GET", jobPath(job, "references/none.png"), 404}, {"GET", jobPath(job, "references/..%2f..%2fcredentials.json"), 400}, {"GET", jobPath(job, "references/%2e%2e"), 400},
		{"GET", jobPath(job, "references/a%00b"), 400}, {"GET", jobPath(job, "references/a%5cb"), 400}, {"GET", jobPath(job, "references/"+strings.Repeat("a", 300)), 400},
		{"GET", jobPath(job, "references/../result"), 404}, {"GET", jobPath(job, "artifacts/result"), 400}, {"GET", jobPath(job, "artifacts/result") + "?artifact_key=../x", 404},
		{"GET", jobPath(job, "artifacts/result") + "?artifact_key=agent-job-" + unknownID + "/x", 404}, {"GET", jobPath(job, "artifacts/result") + "?artifact_key=a%00b", 404},
		{"GET", jobPath(job, "references/x") + "?download=maybe", 400},

		{"DELETE", agentsPath, 405}, {"PUT", agentsPath, 405}, {"PATCH", agentsPath, 405}, {"OPTIONS", agentsPath, 405}, {"TRACE", agentsPath, 405}, {"GET", runPath(agent), 405},
		{"GET", asyncPath(agent), 405}, {"POST", jobPath(job, "status"), 405}, {"HEAD", jobPath(job, "cancel"), 405}, {"POST", "/healthz", 405}, {"BREW", agentsPath, 405},

		{"GET", agentsPath + "?page=0", 404}, {"GET", agentsPath + "?page=2", 404}, {"GET", agentsPath + "?page=x", 400}, {"GET", agentsPath + "?page_size=0", 400},
		{"GET", agentsPath + "?page=99999999999999999999", 400}, {"GET", agentsPath + "?ordering=shoe_size", 400}, {"GET", agentsPath + "?include_job_stats=perhaps", 400},
		{"GET", agentsPath + "?organization_id=me", 400}, {"GET", agentsPath + "?organization_id=" + unknownID, 403}, {"GET", agentsPath + "models/?capability=smell", 400},
		{"GET", agentsPath + agent + "/jobs/?status_code=9", 400}, {"GET", agentsPath + agent + "/jobs/?status_code=x", 400}, {"GET", agentsPath + agent + "/jobs/?created_from=yesterday", 400},
	} {
		a := s.do(request{method: c.method, path: c.path})
		if c.method == http.MethodHead {
			if a.status != c.status {
				t.Errorf("%s: %d", a.what, a.status)
			}
			continue
		}
		a.refused(c.status, "")
		if c.status == http.StatusMethodNotAllowed && c.method != "BREW" && a.header.Get("Allow") == "" {
			t.Errorf("%s: no Allow header", a.what)
		}
		if c.status == http.StatusBadRequest && !strings.ContainsAny(string(a.body), "[{") {
			t.Errorf("%s: %s", a.what, a.body)
		}
	}
	for field, query := range map[string]string{"search": "search=%00", "name": "name=%00"} { // no text has such a character
		s.get(agentsPath+"?"+query).refused(http.StatusBadRequest, field)
	}
	for _, query := range []string{"name=%25_", "search=%25_%5c", "engine_class_id=%00"} { // nothing is called like that
		var page steward.Page[object]
		if s.get(agentsPath + "?" + query).want(http.StatusOK).into(&page); page.Count != 0 {
			t.Errorf("%s finds %v", query, page.Results)
		}
	}
	for _, path := range []string{agentsPath, agentsPath + agent + "/", jobPath(job, "status"), jobPath(job, "result"), "/healthz", "/docs", "/openapi.json"} {
		full, head := s.get(path).want(http.StatusOK), s.do(request{method: http.MethodHead, path: path}).want(http.StatusOK)
		if len(head.body) != 0 || head.header.Get("Content-Length") != fmt.Sprint(len(full.body)) {
			t.Errorf("HEAD %s: %d bytes, length %s, want %d", path, len(head.body), head.header.Get("Content-Length"), len(full.body))
		}
	}
}

func TestWrongKeysAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	for _, value := range []string{
		"", "Bearer", "Bearer ", "Basic " + s.key, "Bearer x", "Bearer " + s.key[:len(s.key)-1], "Bearer " + s.key + "x", "Bearer " + strings.ToUpper(s.key),
		"Bearer " + strings.Repeat("x", 10_000), "Bearer stw__", "Bearer stw_\xff_\xff", "Token " + s.key, s.key, "Bearer ' or 1=1 --",
	} {
		for _, path := range []string{agentsPath, "/v1/users/current_user/", jobPath(unknownID, "status")} {
			a := s.do(request{method: http.MethodGet, path: path, anonymous: true, header: map[string]string{"Authorization": value}})
			a.what = "key " + clip([]byte(value))
			a.refused(http.StatusUnauthorized, `"detail":`)
		}
	}
	for _, header := range []string{"X-Organization-Id", "X-Roe-Organization-Id"} {
		s.do(request{method: http.MethodGet, path: agentsPath, header: map[string]string{header: "me"}}).refused(http.StatusBadRequest, "organization_id")
		s.do(request{method: http.MethodGet, path: agentsPath, header: map[string]string{header: unknownID}}).refused(http.StatusForbidden, "detail")
		s.do(request{method: http.MethodGet, path: agentsPath, header: map[string]string{header: strings.ToUpper(s.org)}}).want(http.StatusOK)
	}
	if got := s.log.level("WARN"); len(got) != 0 {
		t.Errorf("wrong keys are no event: %v", got)
	}
}

func TestLimitedKeysMayDoNoMore(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	agent := s.textAgent("scopes", nil)
	var reader struct {
		ID    string `json:"id"`
		Token string `json:"token"`
	}
	s.postJSON("/v1/keys/", object{"name": "reader", "scopes": []string{"read"}}).want(http.StatusCreated).into(&reader)
	header := map[string]string{"Authorization": "Bearer " + reader.Token}
	do := func(method, path, body string) *answer {
		return s.do(request{method: method, path: path, kind: jsonType, body: strings.NewReader(body), header: header})
	}
	do(http.MethodGet, agentsPath, "").want(http.StatusOK)
	do(http.MethodPost, asyncPath(agent), `{"text":"x"}`).refused(http.StatusForbidden, "detail")
	do(http.MethodPost, agentsPath, with(t, nil)).refused(http.StatusForbidden, "detail")
	do(http.MethodPost, "/v1/keys/", `{"name":"more","scopes":["admin"]}`).refused(http.StatusForbidden, "detail")
	s.do(request{method: http.MethodDelete, path: "/v1/keys/" + reader.ID + "/"}).want(http.StatusNoContent)
	do(http.MethodGet, agentsPath, "").refused(http.StatusUnauthorized, "detail")
}

// rawRequests are requests that no HTTP library writes.
func rawRequests(s *server, agent string) map[string]struct {
	text   string
	status int
} {
	type raw = struct {
		text   string
		status int
	}
	head := "Host: " + s.addr + "\r\nAuthorization: Bearer " + s.key + "\r\n"
	post := "POST " + asyncPath(agent) + " HTTP/1.1\r\n" + head
	return map[string]raw{
		"a path that is no URL":        {"GET /v1/agents/%zz/ HTTP/1.1\r\n" + head + "\r\n", 400},
		"a path with blanks":           {"GET /v1/agents /x HTTP/1.1\r\n" + head + "\r\n", 400},
		"no HTTP":                      {"hello\r\n\r\n", 400},
		"another protocol":             {"GET / SPDY/3\r\n" + head + "\r\n", 400},
		"HTTP/3 in writing":            {"GET / HTTP/3.0\r\n" + head + "\r\n", 505},
		"no host":                      {"GET /v1/agents/ HTTP/1.1\r\nAuthorization: Bearer " + s.key + "\r\n\r\n", 400},
		"two hosts":                    {"GET /v1/agents/ HTTP/1.1\r\nHost: a\r\n" + head + "\r\n", 400},
		"a header without colon":       {"GET /v1/agents/ HTTP/1.1\r\n" + head + "Nonsense\r\n\r\n", 400},
		"NUL in a header":              {"GET /v1/agents/ HTTP/1.1\r\n" + head + "X-A: a\x00b\r\n\r\n", 400},
		"a header of 100 KiB":          {"GET /v1/agents/ HTTP/1.1\r\n" + head + "X-Long: " + strings.Repeat("a", 100<<10) + "\r\n\r\n", 431},
		"a path of 100 KiB":            {"GET /v1/agents/" + strings.Repeat("a", 100<<10) + "/ HTTP/1.1\r\n" + head + "\r\n", 431},
		"ten thousand headers":         {"GET /v1/agents/ HTTP/1.1\r\n" + head + strings.Repeat("X-A: b\r\n", 10_000) + "\r\n", 431},
		"a length that is none":        {post + "Content-Length: many\r\n\r\n", 400},
		"a length below zero":          {post + "Content-Length: -1\r\n\r\n", 400},
		"two lengths":                  {post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400},
		"an unknown transfer encoding": {post + "Transfer-Encoding: rot13\r\n\r\nuryyb", 501},
		"chunks that are none":         {post + "Content-Type: " + formType + "\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n", 400},
		"an expectation":               {post + "Content-Length: 1\r\nExpect: a-miracle\r\n\r\nx", 417},
		"an absolute address":          {"GET http://" + s.addr + "/nope HTTP/1.1\r\n" + head + "\r\n", 404},
		"a proxy request":              {"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", 404},
	}
}

func TestRawNonsenseIsAnsweredInJSON(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	agent := s.textAgent("raw", nil)
	for name, c := range rawRequests(s, agent) {
		conn := s.dial(t)
		go func() { _, _ = io.WriteString(conn, c.text) }() // the server may close before it has read everything
		a, err := nextAnswer(t, bufio.NewReader(conn))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a.what = name; a.status == http.StatusExpectationFailed && len(a.body) == 0 {
			continue // the library's answer, which has no body
		}
		a.header.Set("X-Request-Id", "-") // what is no request has none
		a.refused(c.status, "")
	}
}

func TestPipelinedRequestsAreAnsweredInTheirOrder(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	agent := s.textAgent("pipeline", nil)
	conn := s.dial(t)
	head := "Host: " + s.addr + "\r\nAuthorization: Bearer " + s.key + "\r\n"
	body := "text=total:+7"
	requests := []struct {
		text   string
		status int
	}{
		{"GET /healthz HTTP/1.1\r\n" + head + "\r\n", 200},
		{"POST " + asyncPath(agent) + " HTTP/1.1\r\n" + head + "Content-Type: " + formType + "\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n\r\n" + body, 200},
		{"POST " + asyncPath(unknownID) + " HTTP/1.1\r\n" + head + "Content-Length: 5\r\n\r\nhello", 404}, // its body is no request
		{"GET /nope HTTP/1.1\r\n" + head + "\r\n", 404},
		{"POST " + asyncPath(agent) + " HTTP/1.1\r\n" + head + "Content-Type: " + jsonType + "\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"t\r\n12\r\next\":\"total: 7\"}  \r\n0\r\n\r\n", 200},
		{"GET " + agentsPath + " HTTP/1.1\r\n" + head + "Connection: close\r\n\r\n", 200},
	}
	go func() {
		for _, r := range requests {
			_, _ = io.WriteString(conn, r.text) // read errors tell
		}
	}()
	r := bufio.NewReader(conn)
	for i, want := range requests {
		a, err := nextAnswer(t, r)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		if a.status != want.status {
			t.Errorf("answer %d: %d %s, want %d", i, a.status, clip(a.body), want.status)
		}
	}
	if _, err := r.ReadByte(); err == nil {
		t.Error("there are more answers than requests")
	}
}

func TestAHundredHalfRequestsHinderNobody(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	agent := s.textAgent("half", nil)
	for i := range 100 {
		conn := s.dial(t)
		text := "POST " + asyncPath(agent) + " HTTP/1.1\r\nHost: " + s.addr + "\r\nAuthorization: Bearer " + s.key + "\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n--x\r\n"
		if _, err := io.WriteString(conn, text[:len(text)-i%len(text)]); err != nil {
			t.Fatal(err)
		}
	}
	r := s.wait(s.post(asyncPath(agent), formType, "text=total:+7").submitted())
	if r.Status != steward.StatusSuccess {
		t.Errorf("status %v", r.Status)
	}
}
