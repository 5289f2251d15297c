package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// options are what a test wants of its server.
type options struct {
	database string   // postgres URL; "" means SQLite
	env      []string // NAME=value
	args     []string // further flags of serve
	config   string   // further lines of steward.yaml
	errorsOK bool     // ERROR lines in the log are part of the test
}

// server is a data folder with the program running on it.
type server struct {
	t       *testing.T
	dir     string // data folder
	addr    string // host:port
	key     string
	org     string
	opts    options
	http    *http.Client
	cmd     *exec.Cmd
	started time.Time // of the process
	log     *logBook
}

// start makes a data folder and starts the program on it. At the end of the test the program must stop by itself when asked
// to, and have found nothing wrong with itself.
func start(t *testing.T, o options) *server {
	t.Helper()
	s := &server{t: t, dir: filepath.Join(t.TempDir(), "data"), addr: freeAddr(t), opts: o, log: &logBook{}}
	// Idle connections are not kept: a killed server must not be asked through one.
	s.http = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}, Timeout: 2 * time.Minute}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("cache: %q\nlog:\n  level: info\n  format: json\n%s", shared.cache, o.config)
	if err := os.WriteFile(filepath.Join(s.dir, "steward.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s.boot()
	s.readCredentials()
	t.Cleanup(s.finish)
	return s
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // only its number is wanted
	return l.Addr().String()
}

// boot starts the process and waits until it answers. It returns how long that took from the start of the process.
func (s *server) boot() time.Duration {
	s.t.Helper()
	args := append([]string{"serve", "--data", s.dir, "--listen", s.addr, "--database", s.opts.database}, s.opts.args...)
	s.cmd = exec.Command(shared.binary, args...)
	s.cmd.Env = append(cleanEnv(), s.opts.env...)
	s.cmd.Stderr = s.log
	s.started = time.Now()
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	until(s.t, "the server is ready", s.ready)
	return time.Since(s.started)
}

// cleanEnv is the environment without what would configure a server.
func cleanEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "STEWARD_") || strings.HasSuffix(name, "_API_KEY") || strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "AZURE_")
	})
}

// ready asks /readyz over a connection of its own.
func (s *server) ready() bool {
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }() // it has served its purpose
	if _, err := fmt.Fprintf(conn, "GET /readyz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", s.addr); err != nil {
		return false
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (s *server) readCredentials() {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "credentials.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	var c struct {
		APIKey         string `json:"api_key"`
		OrganizationID string `json:"organization_id"`
	}
	if err := json.Unmarshal(text, &c); err != nil || c.APIKey == "" || c.OrganizationID == "" {
		s.t.Fatalf("credentials %s: %v", text, err)
	}
	s.key, s.org = c.APIKey, c.OrganizationID
}

// kill ends the process without any warning.
func (s *server) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	_ = s.cmd.Wait() // it was killed; there is no good end
	s.cmd = nil
}

// stop asks the process to end, and wants it to end well.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Errorf("the server is gone: %v\n%s", err, s.log.tail())
		return
	}
	deadline := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() }) // the error shows in Wait
	defer deadline.Stop()
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the server did not stop well: %v\n%s", err, s.log.tail())
	}
	s.cmd = nil
}

func (s *server) finish() {
	if s.cmd != nil {
		s.stop()
	}
	if lines := s.log.level("ERROR"); len(lines) > 0 && !s.opts.errorsOK {
		s.t.Errorf("the server logged errors:\n%s", strings.Join(lines, "\n"))
	}
	if lines := s.log.level("WARN"); len(lines) > 0 {
		s.t.Logf("the server warned:\n%s", strings.Join(lines, ""))
	}
	if text := s.log.String(); strings.Contains(text, "panic") || strings.Contains(text, "goroutine ") {
		s.t.Errorf("the server panicked:\n%s", s.log.tail())
	}
	if s.key != "" && strings.Count(s.log.String(), s.key) != 1 { // shown once, at the first start
		s.t.Errorf("the key stands %d times in the output", strings.Count(s.log.String(), s.key))
	}
}

// logBook collects what a server writes to its standard error, over all its starts.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns everything so far.
func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// level returns the lines of a level.
func (b *logBook) level(name string) []string {
	var found []string
	for line := range strings.Lines(b.String()) {
		var entry struct{ Level string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Level == name {
			found = append(found, line)
		}
	}
	return found
}

// tail returns the last lines, which say why a server died.
func (b *logBook) tail() string {
	text := b.String()
	return text[max(0, len(text)-4000):]
}

// answer is what came back.
type answer struct {
	t      *testing.T
	what   string // the request
	status int
	header http.Header
	body   []byte
}

// request is one call. The zero fields are left out.
type request struct {
	method, path string
	kind         string // Content-Type
	body         io.Reader
	header       map[string]string
	anonymous    bool // without the key
}

// do makes a call and reads its answer whole.
func (s *server) do(r request) *answer {
	s.t.Helper()
	a, err := s.try(r)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", r.method, r.path, err, s.log.tail())
	}
	return a
}

// try is do for calls that may fail, as those to a server that is being killed.
func (s *server) try(r request) (*answer, error) {
	req, err := http.NewRequestWithContext(s.t.Context(), r.method, "http://"+s.addr+r.path, r.body)
	if err != nil {
		return nil, err
	}
	if !r.anonymous {
		req.Header.Set("Authorization", "Bearer "+s.key)
	}
	if r.kind != "" {
		req.Header.Set("Content-Type", r.kind)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	if body, known := r.body.(*sized); known {
		req.ContentLength = body.length
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	return &answer{t: s.t, what: r.method + " " + r.path, status: resp.StatusCode, header: resp.Header, body: body}, nil
}

func (s *server) get(path string) *answer {
	s.t.Helper()
	return s.do(request{method: http.MethodGet, path: path})
}

// post sends a body of a content type.
func (s *server) post(path, kind, body string) *answer {
	s.t.Helper()
	return s.do(request{method: http.MethodPost, path: path, kind: kind, body: strings.NewReader(body)})
}

// postJSON sends a value, or a text that is JSON already.
func (s *server) postJSON(path string, body any) *answer {
	s.t.Helper()
	text, isText := body.(string)
	if !isText {
		text = string(encode(s.t, body))
	}
	return s.post(path, jsonType, text)
}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

func encode(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// want fails the test unless the answer has a status. It returns the answer.
func (a *answer) want(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: %d %s, want %d", a.what, a.status, clip(a.body), status)
	}
	return a
}

// into decodes the body.
func (a *answer) into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		a.t.Fatalf("%s: %v in %s", a.what, err, clip(a.body))
	}
}

// clip shortens a body for a message.
func clip(b []byte) string {
	if len(b) > 200 {
		return string(b[:200]) + "…"
	}
	return string(b)
}
