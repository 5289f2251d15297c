package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"sync"
)

// Listener wraps the listener of a server of this door. What never becomes a request (a broken request line, headers over the
// limit) is answered by net/http itself, in plain text; on connections of the result that is JSON, as every other error.
func Listener(l net.Listener) net.Listener { return &listener{l} }

type listener struct{ net.Listener }

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, is := c.(*net.TCPConn); is { // other connections stay as they are
		return &conn{TCPConn: tcp}, nil
	}
	return c, nil
}

// conn is a connection whose plain errors become JSON. It keeps all that a TCP connection can do.
type conn struct {
	*net.TCPConn

	once   sync.Once
	closed func() // told when it is closed; may be nil
}

// Close implements net.Conn.
func (c *conn) Close() error {
	if c.closed != nil {
		c.once.Do(c.closed)
	}
	return c.TCPConn.Close()
}

// plainHeaders follow the status line of net/http's own errors, which it writes in one piece. Answers of handlers have more headers.
const plainHeaders = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	status, text, is := plainError(p)
	if !is {
		return c.TCPConn.Write(p)
	}
	body, err := json.Marshal(map[string]string{"detail": text})
	if err != nil {
		return 0, fmt.Errorf("encode answer: %w", err)
	}
	answer := fmt.Sprintf("%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, len(body), body)
	if _, err := c.TCPConn.Write([]byte(answer)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// plainError cuts an error of net/http's own into its status line and its text.
func plainError(p []byte) (status, text string, is bool) {
	const version = "HTTP/1.1 "
	if len(p) <= len(version) || (p[len(version)] != '4' && p[len(version)] != '5') || !bytes.HasPrefix(p, []byte(version)) {
		return "", "", false
	}
	line, body, is := bytes.Cut(p, []byte(plainHeaders))
	if !is || bytes.IndexByte(line, '\r') >= 0 {
		return "", "", false
	}
	// The text repeats the status, mostly.
	code, rest, _ := bytes.Cut(body, []byte(" "))
	if _, err := strconv.Atoi(string(code)); err == nil {
		body = rest
	}
	return string(line), string(body) + ".", true
}
