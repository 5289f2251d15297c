package loadtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// conn is a kept-alive connection that costs as little as can be: the clients share the machine with the server that they measure. One
// call at a time.
type conn struct {
	net  net.Conn
	in   *bufio.Reader
	body []byte
}

// answer is what a server said.
type answer struct {
	status     int
	retryAfter int    // seconds; 0 when it did not say
	body       []byte // valid until the next call
	closing    bool   // the server closes the connection
}

// refused reports whether the server said that it has too much to do, and when to come back.
func (a *answer) refused() bool {
	return (a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable) && a.retryAfter > 0
}

func dial(ctx context.Context, addr string) (*conn, error) {
	c, err := (&net.Dialer{Timeout: 30 * time.Second}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &conn{net: c, in: bufio.NewReaderSize(c, 4<<10)}, nil
}

func (c *conn) close() { _ = c.net.Close() } // what matters was read

// do sends an encoded request and reads the answer.
func (c *conn) do(request []byte, timeout time.Duration) (answer, error) {
	if err := c.net.SetDeadline(time.Now().Add(timeout)); err != nil {
		return answer{}, err
	}
	if _, err := c.net.Write(request); err != nil {
		return answer{}, fmt.Errorf("send request: %w", err)
	}
	return c.read()
}

// read reads an answer.
func (c *conn) read() (a answer, err error) {
	length, chunked := 0, false
	line, err := c.line()
	if err != nil {
		return a, fmt.Errorf("read answer: %w", err)
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return a, errors.New("read answer: not HTTP/1.1")
	}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, fmt.Errorf("read answer: %w", err)
	}
	for {
		if line, err = c.line(); err != nil {
			return a, fmt.Errorf("read answer: %w", err)
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			length, err = strconv.Atoi(string(value))
		case bytes.EqualFold(name, []byte("Retry-After")):
			a.retryAfter, err = strconv.Atoi(string(value))
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		case bytes.EqualFold(name, []byte("Connection")):
			a.closing = bytes.EqualFold(value, []byte("close"))
		}
		if err != nil {
			return a, fmt.Errorf("read answer: %w", err)
		}
	}
	c.body = c.body[:0]
	if chunked {
		err = c.chunks()
	} else {
		err = c.take(length)
	}
	a.body = c.body
	return a, err
}

// line reads one line without its end.
func (c *conn) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}

// take adds n bytes to the body.
func (c *conn) take(n int) error {
	from := len(c.body)
	if cap(c.body) < from+n {
		c.body = append(make([]byte, 0, 2*(from+n)), c.body...)
	}
	c.body = c.body[:from+n]
	_, err := io.ReadFull(c.in, c.body[from:])
	return err
}

// chunks reads a body whose length was not known when it began.
func (c *conn) chunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(line), 16, 32)
		if err != nil {
			return err
		}
		if err := c.take(int(n)); err != nil {
			return err
		}
		if _, err := c.line(); err != nil { // the end of the chunk, or of the empty trailer
			return err
		}
		if n == 0 {
			return nil
		}
	}
}

// request encodes a request once, so that it costs a write afterwards.
func (p *process) request(method, path, body string) []byte {
	return p.requestAs(p.key, method, path, body)
}

func (p *process) requestAs(key, method, path, body string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n", method, path, p.addr, key)
	if body != "" {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return []byte(b.String())
}

// call makes one request over a connection of its own, and decodes its answer into v unless that is nil.
func (p *process) call(ctx context.Context, method, path, body string, want int, v any) error {
	c, err := dial(ctx, p.addr)
	if err != nil {
		return err
	}
	defer c.close()
	a, err := c.do(p.request(method, path, body), patience)
	if err != nil {
		return err
	}
	if a.status != want {
		return fmt.Errorf("%s %s: %d: %.300s", method, path, a.status, a.body)
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(a.body, v)
}

// agent makes an agent of the tests' engine, whose results are not answered from the cache.
func (p *process) agent(ctx context.Context, name string, config object) (id string, err error) {
	body, err := json.Marshal(object{
		"name": name, "engine_class_id": engineID, "engine_config": config, "disable_cache": true,
		"input_definitions": []object{{"key": "text", "data_type": "text/plain", "description": "Any text"}},
	})
	if err != nil {
		return "", err
	}
	var made struct{ ID string }
	if err := p.call(ctx, http.MethodPost, "/v1/agents/", string(body), http.StatusCreated, &made); err != nil {
		return "", fmt.Errorf("create agent: %w", err)
	}
	return made.ID, p.call(ctx, http.MethodPatch, "/v1/agents/"+made.ID+"/", `{"disable_cache":true}`, http.StatusOK, nil)
}

// keys makes n API keys beside the first.
func (p *process) keys(ctx context.Context, n int) ([]string, error) {
	all := []string{p.key}
	for i := range n {
		var made struct{ Token string }
		body := fmt.Sprintf(`{"name":"load %d","scopes":["run"]}`, i)
		if err := p.call(ctx, http.MethodPost, "/v1/keys/", body, http.StatusCreated, &made); err != nil {
			return nil, fmt.Errorf("create key: %w", err)
		}
		all = append(all, made.Token)
	}
	return all, nil
}
