package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// conn is a kept-alive HTTP/1.1 connection that costs as little as can be, because the client shares the machine with the
// server that it measures. One call at a time.
type conn struct {
	net  net.Conn
	in   *bufio.Reader
	body []byte
}

// answerTimeout bounds the wait for one answer.
const answerTimeout = 30 * time.Second

func dial(ctx context.Context, addr string) (*conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return newConn(c), nil
}

func newConn(c net.Conn) *conn { return &conn{net: c, in: bufio.NewReaderSize(c, 16<<10)} }

func (c *conn) close() error { return c.net.Close() }

// do sends an encoded request and reads the answer. body is valid until the next call.
func (c *conn) do(request []byte) (status int, body []byte, err error) {
	if err := c.net.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return 0, nil, err
	}
	if _, err := c.net.Write(request); err != nil {
		return 0, nil, fmt.Errorf("send request: %w", err)
	}
	status, length, chunked, err := c.head()
	if err != nil {
		return 0, nil, fmt.Errorf("read answer: %w", err)
	}
	c.body = c.body[:0]
	if chunked {
		err = c.chunks()
	} else {
		err = c.read(length)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("read answer: %w", err)
	}
	return status, c.body, nil
}

const (
	lengthHeader   = "content-length:"
	encodingHeader = "transfer-encoding:"
)

// head reads the status line and the headers.
func (c *conn) head() (status, length int, chunked bool, err error) {
	line, err := c.line()
	if err != nil {
		return 0, 0, false, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, 0, false, errors.New("not an HTTP/1.1 answer")
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, false, err
	}
	for {
		line, err := c.line()
		switch {
		case err != nil:
			return 0, 0, false, err
		case len(line) == 0:
			return status, length, chunked, nil
		case hasPrefixFold(line, lengthHeader):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(lengthHeader):]))); err != nil {
				return 0, 0, false, err
			}
		case hasPrefixFold(line, encodingHeader):
			chunked = true
		}
	}
}

func hasPrefixFold(line []byte, prefix string) bool {
	return len(line) >= len(prefix) && strings.EqualFold(string(line[:len(prefix)]), prefix)
}

// line reads one line without its end.
func (c *conn) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}

// read adds n bytes to the body.
func (c *conn) read(n int) error {
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
		n, err := strconv.ParseUint(string(line), 16, 31)
		if err != nil {
			return err
		}
		if err := c.read(int(n)); err != nil { //nolint:gosec // 31 bits
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
