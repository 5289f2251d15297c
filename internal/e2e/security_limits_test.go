package e2e

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
)

// framing is a request whose end is read in two ways, or could be. Behind it, or in it, hides another one, for /smuggled.
type framing struct {
	name, text string
	statuses   []int // of all answers, in order; a second one is the hidden request's
}

// smuggled is the hidden request.
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

// framings are requests that proxies and servers are known to disagree about. Each is answered once, or refused, and what hides in it
// is not answered. The four forms at the end are legal: there the second request is one by the standard's own reading.
func framings(s *server, path string) []framing {
	head := "POST " + path + " HTTP/1.1\r\nHost: " + s.addr + "\r\nAuthorization: Bearer " + s.key + "\r\n"
	refused, unknown := []int{http.StatusBadRequest}, []int{http.StatusNotImplemented}
	chunked := "0\r\n\r\n" + smuggled
	length := func(value string) string { return head + "Content-Length: " + value + "\r\n\r\n" + smuggled }
	coding := func(line string) string {
		return head + line + "\r\nContent-Length: " + fmt.Sprint(len(chunked)) + "\r\n\r\n" + chunked
	}
	chunk := func(text string) string { return head + "Transfer-Encoding: chunked\r\n\r\n" + text + smuggled }
	return []framing{
		{"two lengths", head + "Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + smuggled, refused},
		{"two lengths, the long one first", head + "Content-Length: 40\r\nContent-Length: 0\r\n\r\n" + smuggled, refused},
		{"two lengths in one", length("0, 40"), refused}, {"two equal lengths in one", length("0, 0"), refused}, {"a length with a sign", length("+0"), refused},
		{"a length below zero", length("-0"), refused}, {"a length in hexadecimal", length("0x0"), refused}, {"a length with a fraction", length("0.0"), refused}, {"a length with an exponent", length("0e1"), refused},
		{"a length with a blank", length("0 40"), refused}, {"a length with an underscore", length("0_0"), refused}, {"a length with a vertical tab", length("\x0b0"), refused}, {"a huge length", length("99999999999999999999"), refused},
		{"a length that overflows", length("18446744073709551616"), refused}, {"an empty length", length(""), refused}, {"a length with NUL", length("0\x00"), refused}, {"a length in other digits", length("٠"), refused}, {"a length with a semicolon", length("0;"), refused},
		{"chunked, then identity", coding("Transfer-Encoding: chunked, identity"), unknown}, {"identity, then chunked", coding("Transfer-Encoding: identity, chunked"), unknown}, {"gzip, then chunked", coding("Transfer-Encoding: gzip, chunked"), unknown},
		{"chunked twice", coding("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), unknown}, {"chunked and identity", coding("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), unknown}, {"chunked twice in one", coding("Transfer-Encoding: chunked, chunked"), unknown},
		{"x-chunked", coding("Transfer-Encoding: xchunked"), unknown}, {"identity", coding("Transfer-Encoding: identity"), unknown}, {"a quoted coding", coding(`Transfer-Encoding: "chunked"`), unknown}, {"a coding with a parameter", coding("Transfer-Encoding: chunked;q=0"), unknown},
		{"a coding with a vertical tab", coding("Transfer-Encoding: \x0bchunked"), []int{400}}, {"a coding with NUL", coding("Transfer-Encoding: chunked\x00"), refused}, {"an empty coding", coding("Transfer-Encoding:"), unknown},
		{"a blank before the colon", coding("Transfer-Encoding : chunked"), refused}, {"a blank before the length's colon", head + "Content-Length : 40\r\n\r\n" + smuggled, refused}, {"a tab before the colon", coding("Transfer-Encoding\t: chunked"), refused},
		{"a blank in front", coding(" Transfer-Encoding: chunked"), nil}, {"a folded line", coding("X-A: b\r\n Transfer-Encoding: chunked"), nil}, {"a name with a bracket", coding("Transfer-Encoding(x): chunked"), refused},
		{"a bare CR in a header", coding("X-A: b\rTransfer-Encoding: chunked"), refused}, {"a bare LF in a header's name", coding("X\nA: b"), refused}, {"a name with a NUL", coding("X\x00A: b"), refused}, {"a name of other letters", coding("Ⓣransfer-Encoding: chunked"), refused},
		{"a chunk's size with a sign", chunk("+0\r\n\r\n"), nil}, {"a chunk's size below zero", chunk("-1\r\n\r\n"), nil}, {"a chunk's size with 0x", chunk("0x0\r\n\r\n"), nil}, {"a chunk's size that overflows", chunk("fffffffffffffffff\r\n\r\n"), nil},
		{"a chunk's size that overflows to zero", chunk("10000000000000000\r\n\r\n"), nil}, {"a chunk without size", chunk("\r\n\r\n"), nil}, {"a chunk longer than it says", chunk("1\r\nxx\r\n0\r\n\r\n"), nil}, {"a chunk that ends in LF", chunk("1\r\nx\n0\r\n\r\n"), nil},
		{"a chunk's extension with LF", chunk("0;\n\r\n\r\n"), nil}, {"a chunk's extension with CR", chunk("0;a\rb\r\n\r\n"), nil}, {"long extensions", chunk("1;" + strings.Repeat("a", 20<<10) + "\r\nx\r\n0\r\n\r\n"), nil},
		{"a trailer that is none", chunk("0\r\nno colon\r\n\r\n"), nil}, {"HTTP/1.0 with chunks", strings.Replace(coding("Transfer-Encoding: chunked"), "HTTP/1.1", "HTTP/1.0", 1), nil},
		{"an upgrade", head + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: 40\r\n\r\n" + smuggled, nil}, {"an upgrade to anything", head + "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 40\r\n\r\n" + smuggled, nil},
		{"HTTP/2's greeting", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + smuggled, nil}, {"a GET with a body", strings.Replace(length("40"), "POST "+path, "GET /healthz", 1), []int{200}}, {"a HEAD with a body", strings.Replace(length("40"), "POST "+path, "HEAD /healthz", 1), []int{200}},
		{"no end", head + "Content-Length: 41\r\n\r\n" + smuggled, nil},

		{"chunks beside a length", coding("Transfer-Encoding: chunked"), []int{400, 404}}, {"chunks, and another request", chunk("0\r\n\r\n"), []int{400, 404}},
		{"a folded coding", coding("Transfer-Encoding:\r\n chunked"), []int{400, 404}}, {"a trailer with a length", chunk("0\r\nContent-Length: 40\r\n\r\n"), []int{400, 404}},
	}
}

func TestNoRequestHidesInAnother(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	list := framings(s, asyncPath(s.textAgent("smuggler", nil)))
	for _, f := range list {
		got := statuses(t, s, f.text, true)
		if f.statuses != nil && !slices.Equal(got, f.statuses) || len(got) > max(1, len(f.statuses)) {
			t.Errorf("%s: answers %v, want %v", f.name, got, f.statuses)
		}
		for _, status := range got {
			if f.statuses == nil && status/100 != 4 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported {
				t.Errorf("%s: answer %d", f.name, status)
			}
		}
	}
	if n := s.rows("jobs"); n != 0 {
		t.Errorf("%d jobs were started", n)
	}
	t.Attr("cases", strconv.Itoa(len(list)))
}

// statuses sends a text and returns the statuses of all answers. With end it closes the sending side, which the server may take for
// a client that goes away.
func statuses(t *testing.T, s *server, text string, end bool) (list []int) {
	t.Helper()
	for range 10 {
		// The half that is closed behind a request may be seen before its answer is written.
		if list = statusesOnce(t, s, text, end); !slices.Contains(list, 499) {
			break
		}
	}
	return list
}

func statusesOnce(t *testing.T, s *server, text string, end bool) (list []int) {
	t.Helper()
	conn := s.dial(t)
	go func() {
		_, _ = io.WriteString(conn, text) // the server may close before it has read everything
		if tcp, is := conn.(*net.TCPConn); is && end {
			_ = tcp.CloseWrite() // likewise
		}
	}()
	r := bufio.NewReader(conn)
	for {
		req := &http.Request{Method: http.MethodGet}
		if strings.HasPrefix(text, "HEAD") && len(list) == 0 {
			req.Method = http.MethodHead
		}
		resp, err := http.ReadResponse(r, req)
		if err != nil {
			return list
		}
		_, err = io.Copy(io.Discard, resp.Body)
		if list = append(list, resp.StatusCode); err != nil || resp.Body.Close() != nil {
			return list
		}
	}
}

// compressed are bodies of 64 MiB of blanks and an object, in few bytes.
func compressed(t *testing.T) map[string][]byte {
	t.Helper()
	plain := append(bytes.Repeat([]byte(" "), 64<<20), `{"text":"x"}`...)
	squeeze := func(open func(w io.Writer) io.WriteCloser) []byte {
		var b bytes.Buffer
		z := open(&b)
		if _, err := z.Write(plain); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	zipped := squeeze(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	return map[string][]byte{
		"gzip": zipped, "GZIP": zipped, "x-gzip": zipped, "identity, gzip": zipped, "zlib": squeeze(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }), "br": []byte("\x0b\x02\x80x\x03"), "zstd": []byte("(\xb5/\xfd\x04\x00"),
		"deflate": squeeze(func(w io.Writer) io.WriteCloser {
			z, err := flate.NewWriter(w, 9)
			if err != nil {
				t.Fatal(err)
			}
			return z
		}),
	}
}

func TestCompressedBodiesAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	agent := s.textAgent("compressed", nil)
	cases := 0
	for coding, body := range compressed(t) {
		for _, path := range []string{asyncPath(agent), agentsPath, "/v1/keys/", "/v1/files/", "/v1/webhooks/"} {
			cases++
			s.do(request{method: http.MethodPost, path: path, kind: jsonType, body: bytes.NewReader(body), header: map[string]string{"Content-Encoding": coding}}).refused(http.StatusUnsupportedMediaType, "Content-Encoding")
		}
	}
	s.do(request{method: http.MethodPost, path: asyncPath(agent), kind: jsonType, body: strings.NewReader(`{"text":"x"}`), header: map[string]string{"Content-Encoding": "identity"}}).want(http.StatusOK)
	t.Attr("cases", strconv.Itoa(cases+1))
}

// TestLimitsOfRequestsHold sends what is just within a limit, and what is over it.
func TestLimitsOfRequestsHold(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	agent := s.textAgent("limits", nil)
	head := "Host: " + s.addr + "\r\nAuthorization: Bearer " + s.key + "\r\n"
	get := func(path, more string) string {
		return "GET " + path + " HTTP/1.1\r\n" + head + more + "Connection: close\r\n\r\n"
	}
	post := func(more, body string) string {
		return "POST " + asyncPath(agent) + " HTTP/1.1\r\n" + head + "Content-Type: application/json\r\nConnection: close\r\n" + more + "\r\n" + body
	}
	sized := func(body string) string { return post("Content-Length: "+fmt.Sprint(len(body))+"\r\n", body) }
	chunks := func(body string) string {
		return post("Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body))
	}
	object := func(n int) string { return `{"text":"` + strings.Repeat("x", n-11) + `"}` }
	list := []struct {
		name, text string
		status     int
	}{
		{"60 KiB of headers", get("/healthz", "X-A: "+strings.Repeat("a", 60<<10)+"\r\n"), 200}, {"80 KiB of headers", get("/healthz", "X-A: "+strings.Repeat("a", 80<<10)+"\r\n"), 431},
		{"5000 headers", get("/healthz", strings.Repeat("a: b\r\n", 5000)), 200}, {"20000 headers", get("/healthz", strings.Repeat("a: b\r\n", 20_000)), 431}, {"a name of 80 KiB", get("/healthz", strings.Repeat("a", 80<<10)+": b\r\n"), 431},
		{"a URL of 60 KiB", get("/healthz?"+strings.Repeat("a", 60<<10), ""), 200}, {"a URL of 80 KiB", get("/healthz?"+strings.Repeat("a", 80<<10), ""), 431}, {"10000 parameters", get(agentsPath+"?"+strings.Repeat("a=b&", 10_000), ""), 200},
		{"a method of 80 KiB", strings.Repeat("A", 80<<10) + " / HTTP/1.1\r\n" + head + "\r\n", 431}, {"a text of 8 MiB", sized(object(8 << 20)), 200}, {"17 MiB, declared", post("Content-Length: "+fmt.Sprint(17<<20)+"\r\n", ""), 413},
		{"17 MiB, undeclared", chunks(object(17 << 20)), 413}, {"10 TiB, declared", post("Content-Length: 10995116277760\r\n", "{}"), 413}, {"a body shorter than it says", post("Content-Length: 100\r\n", `{"text":"x"}`), 0},
		{"depth 128", sized(`{"text":"x","data":` + nested(127) + `}`), 200}, {"depth 129", sized(`{"text":"x","data":` + nested(128) + `}`), 400}, {"depth of a million", sized(`{"text":"x","data":` + nested(1_000_000) + `}`), 400}, {"a million open brackets", sized(strings.Repeat("[", 1_000_000)), 400},
		{"a key twice: the last counts", sized(`{"text":5,"text":"x"}`), 200}, {"a key a hundred thousand times", sized(`{` + strings.Repeat(`"text":"x",`, 100_000) + `"text":"x"}`), 200}, {"a number beyond all", sized(`{"text":"x","metadata":{"n":1e999999999}}`), 200},
		{"a number of a million digits", sized(`{"text":"x","metadata":{"n":` + strings.Repeat("9", 1_000_000) + `}}`), 0}, {"a timeout beyond all", sized(`{"text":"x","timeout_seconds":1e999999999}`), 400}, {"NaN", sized(`{"text":NaN}`), 400}, {"a number with zeros", sized(`{"text":007}`), 400},
		{"wrong UTF-8 in a value", sized("{\"text\":\"\xff\"}"), 400}, {"wrong UTF-8 in a name", sized("{\"text\":\"x\",\"\xff\":1}"), 400}, {"half a surrogate", sized(`{"text":"\ud800"}`), 0}, {"overlong UTF-8", sized("{\"text\":\"\xc0\xaf\"}"), 400},
		{"NUL in a text", sized(`{"text":"a\u0000b"}`), 0}, {"raw NUL", sized("{\"text\":\"a\x00b\"}"), 400}, {"NUL in metadata", sized(`{"text":"x","metadata":{"a\u0000":"\u0000"}}`), 0}, {"two values", sized(`{"text":"x"}{"text":"y"}`), 400}, {"a byte order mark", sized("\xef\xbb\xbf{\"text\":\"x\"}"), 200},
		{"an idempotency key of 256", post("Idempotency-Key: "+strings.Repeat("k", 256)+"\r\nContent-Length: 12\r\n", `{"text":"x"}`), 400}, {"a prototype", sized(`{"text":"x","__proto__":{"admin":true},"constructor":{}}`), 200},
	}
	for _, c := range list {
		got := statuses(t, s, c.text, strings.Contains(c.name, "declared") || strings.Contains(c.name, "shorter"))
		// 0: either is fine, as long as it is an answer of ours.
		if len(got) != 1 || c.status != 0 && got[0] != c.status || got[0] >= 500 {
			t.Errorf("%s: answers %v, want %d", c.name, got, c.status)
		}
	}
	if got := s.log.level("ERROR"); len(got) != 0 {
		t.Errorf("errors: %v", got)
	}
	t.Attr("cases", strconv.Itoa(len(list)))
}

// pathForms are spellings that would be another path if somebody cleaned them.
func pathForms(agent string) []string {
	own := agentsPath + agent + "/"
	return []string{
		"//v1/agents/", "/v1//agents/", "/v1/agents//", "/./v1/agents/", "/v1/./agents/", "/v1/x/../agents/", "/v1/agents/..", "/v1/agents/../keys/", "/%76%31/agents/", "/v1%2fagents%2f", "/v1/agents%2f" + agent, "/v1/agents/%2e/", "/v1/agents/%2e%2e/keys/",
		"/v1/agents/%252e%252e/", "/V1/agents/", "/v1/AGENTS/", "/v1/agents;x=y/", "/v1/agents/;/", `/v1\agents\`, `/v1/agents\..\keys`, "/v1/agents/%00", "/v1/agents/%0d%0aX-Injected:%20y", "/v1/agents.json", "/v1/agents/.", "/v1/agents/" + agent + ".json", "/v1/agents/" + agent + "%20/",
		"/v1/agents/" + agent + "%00/", "/v1/agents/" + agent + "//versions/", own + "versions//current/", own + "../" + agent + "/", "/healthz/../v1/agents/", "/docs/../v1/keys/", "/docs//v1/keys/", "/docs/%2e%2e/v1/keys/", "/healthz/x", "/readyz;/v1/keys", "/v1/agents/%e0%80%af", "/v1/agents/\u2025/", "/v1/agents/%u002e/",
		"*", "http://evil.example.com/v1/agents/", "///evil.example.com/", "//evil.example.com/%2e%2e", "/\\evil.example.com/", "/https://evil.example.com/", "/?//evil.example.com", "/v1/agents?/../../", "/v1/agents#/",
	}
}

func TestPathsAreReadInOneWayAndNeverRedirected(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	agent := s.textAgent("paths", nil)
	cases := 0
	for _, path := range pathForms(agent) {
		for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "PUT", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "DEBUG"} {
			cases++
			conn := s.dial(t)
			if _, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nX-HTTP-Method-Override: GET\r\nX-Original-URL: /healthz\r\nX-Rewrite-URL: /healthz\r\n\r\n", method, path, s.addr); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
			if err != nil {
				t.Errorf("%s %q: %v", method, path, err)
				continue
			}
			if status := resp.StatusCode; status/100 != 4 || resp.Header.Get("Location") != "" || resp.Header.Get("X-Injected") != "" {
				t.Errorf("%s %q without a key: %d %v", method, path, status, resp.Header)
			}
			_ = conn.Close() // the answer's head is what counts
		}
	}
	if s.get(agentsPath + agent + "/").want(http.StatusOK); s.rows("agents") != 1 {
		t.Error("the agent is gone")
	}
	t.Attr("cases", strconv.Itoa(cases))
}

func TestNoOtherSiteMayAskInABrowser(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	cases := 0
	for _, origin := range []string{"https://evil.example.com", "null", "http://" + s.addr, "file://", "https://steward.example.com.evil.example.com"} {
		for _, path := range []string{agentsPath, "/v1/keys/", "/healthz", "/docs", "/openapi.json", "/nowhere"} {
			for _, method := range []string{http.MethodGet, http.MethodOptions, http.MethodPost} {
				cases++
				a := s.do(request{method: method, path: path, header: map[string]string{
					"Origin": origin, "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "authorization", "Access-Control-Request-Private-Network": "true", "Cookie": "a=b",
				}})
				for name, values := range a.header {
					if strings.HasPrefix(name, "Access-Control-") || name == "Set-Cookie" || slices.Contains(values, origin) {
						t.Errorf("%s %s from %s: %s: %v", method, path, origin, name, values)
					}
				}
				if method == http.MethodOptions && a.status/100 == 2 {
					t.Errorf("OPTIONS %s: %d", path, a.status)
				}
				if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Server") != "" || a.header.Get("X-Powered-By") != "" {
					t.Errorf("%s %s: headers %v", method, path, a.header)
				}
			}
		}
	}
	if csp := s.get("/docs").header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "script-src") {
		t.Errorf("the page's policy is %q", csp)
	}
	t.Attr("cases", strconv.Itoa(cases+1))
}

// headerTime is how long the program gives a client for the head of its request.
const headerTime = 10 * time.Second

// TestSlowHeadsAreGivenUpAndHinderNobody holds connections open that say nothing, half a head, or a byte now and then.
func TestSlowHeadsAreGivenUpAndHinderNobody(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	const each = 60
	began := time.Now()
	conns := make([]net.Conn, 0, 3*each)
	for i := range 3 * each {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }() // the server has closed it
		if i%3 > 0 {
			if _, err := io.WriteString(conn, "POST "+agentsPath+" HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
				t.Fatal(err)
			}
		}
		conns = append(conns, conn)
	}
	drip := time.NewTicker(200 * time.Millisecond)
	defer drip.Stop()
	open := func() (n int) {
		for _, conn := range conns {
			_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond)) // a closed one tells in the read
			if _, err := conn.Read(make([]byte, 512)); err == nil {
				n++ // an answer: 408 or the like, then the end
			} else if netErr, is := err.(net.Error); is && netErr.Timeout() { //nolint:errorlint // as package net documents
				n++
			}
		}
		return n
	}
	slowest := time.Duration(0)
	for open() > 0 {
		if time.Since(began) > headerTime+patience {
			t.Fatalf("%d of %d connections are still open", open(), len(conns))
		}
		for i, conn := range conns {
			if i%3 == 2 {
				_, _ = io.WriteString(conn, "x") // until it is closed
			}
		}
		asked := time.Now()
		s.get("/readyz").want(http.StatusOK)
		slowest = max(slowest, time.Since(asked))
		<-drip.C
	}
	if took := time.Since(began); took < headerTime/2 {
		t.Errorf("given up after %v already", took)
	}
	if slowest > 5*time.Second {
		t.Errorf("others waited %v", slowest)
	}
	t.Attr("cases", strconv.Itoa(len(conns)))
}

// TestIdleConnectionsTakeLittle keeps connections that have asked once.
func TestIdleConnectionsTakeLittle(t *testing.T) { //nolint:paralleltest // it measures memory
	s := start(t, options{})
	const many = 400
	before := s.memory("VmRSS")
	for range many {
		conn := s.dial(t)
		if _, err := fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n", s.addr); err != nil {
			t.Fatal(err)
		}
		if a := readAnswer(t, conn); a.status != http.StatusOK {
			t.Fatalf("status %d", a.status)
		}
	}
	grown := s.memory("VmRSS") - before
	if grown > many*64<<10 {
		t.Errorf("%d idle connections take %s, more than 64 KiB each", many, mib(grown))
	}
	var page steward.Page[object]
	s.get(agentsPath).want(http.StatusOK).into(&page)
	t.Attr("cases", strconv.Itoa(many))
}
