package toxic_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/crashtest/toxic"
)

// echo serves what it is sent until the test ends, and keeps it.
type echo struct {
	addr string
	more chan struct{} // gets a value when something came

	mu  sync.Mutex
	got bytes.Buffer
}

func serveEcho(t *testing.T) *echo {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{addr: l.Addr().String(), more: make(chan struct{}, 1)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { e.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close() // its Accept ends
		wg.Wait()
	})
	return e
}

func (e *echo) serve(c net.Conn) {
	defer func() { _ = c.Close() }() // the other side is gone
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		e.mu.Lock()
		e.got.Write(buf[:n])
		e.mu.Unlock()
		select {
		case e.more <- struct{}{}:
		default:
		}
		if _, werr := c.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

func (e *echo) seen() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.got.String()
}

// mustSee waits until the server has seen a text, and nothing else.
func (e *echo) mustSee(t *testing.T, want string) {
	t.Helper()
	patience := time.After(soon)
	for e.seen() != want {
		select {
		case <-e.more:
		case <-patience:
			t.Fatalf("the server saw %q, want %q", e.seen(), want)
		}
	}
}

func open(t *testing.T, listen func(ctx context.Context, upstream string) (*toxic.Proxy, error), upstream string) *toxic.Proxy {
	t.Helper()
	p, err := listen(t.Context(), upstream)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return p
}

func dial(t *testing.T, p *toxic.Proxy) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the test may have closed it
	return c
}

// say sends a text and returns what comes back of so many bytes within a time.
func say(t *testing.T, c net.Conn, text string, want int, within time.Duration) (string, error) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		return "", err
	}
	return hear(t, c, want, within)
}

func hear(t *testing.T, c net.Conn, want int, within time.Duration) (string, error) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, want)
	n, err := io.ReadFull(c, buf)
	return string(buf[:n]), err
}

const (
	soon    = 20 * time.Second       // for what has to come
	silence = 100 * time.Millisecond // for what must not
)

func mustEcho(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if got, err := say(t, c, text, len(text), soon); got != text || err != nil {
		t.Fatalf("got %q, %v, want the echo of %q", got, err, text)
	}
}

// mustMeet wants faults to have met something so often.
func mustMeet(t *testing.T, p *toxic.Proxy, want int64) {
	t.Helper()
	if got := p.Met(); got != want {
		t.Errorf("faults met something %d times, want %d", got, want)
	}
}

func TestBytesPassWithoutAFault(t *testing.T) {
	t.Parallel()
	p := open(t, toxic.Listen, serveEcho(t).addr)
	c := dial(t, p)
	mustEcho(t, c, "hello")
	if tcp, ok := c.(*net.TCPConn); !ok || tcp.CloseWrite() != nil {
		t.Fatal("the connection cannot be closed on one side")
	}
	if got, err := hear(t, c, 1, soon); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: got %q, %v, want the end of the answer", got, err)
	}
	mustMeet(t, p, 0)
}

func TestAnswersAreSlow(t *testing.T) {
	t.Parallel()
	p := open(t, toxic.Listen, serveEcho(t).addr)
	c := dial(t, p)
	mustEcho(t, c, "one")
	p.Slow(150*time.Millisecond, 0)
	began := time.Now()
	mustEcho(t, c, "two")
	if took := time.Since(began); took < 140*time.Millisecond {
		t.Errorf("a slow answer took %v, want 150ms", took)
	}
	p.Heal()
	mustEcho(t, c, "three")
	mustMeet(t, p, int64(len("two")))
}

func TestABlackHoleIsSilent(t *testing.T) {
	t.Parallel()
	e := serveEcho(t)
	p := open(t, toxic.Listen, e.addr)
	c := dial(t, p)
	mustEcho(t, c, "before")
	p.Blackhole()
	if got, err := say(t, c, "into it", 1, silence); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("in a black hole: got %q, %v, want silence", got, err)
	}
	fresh := dial(t, p)
	if got, err := say(t, fresh, "into it", 1, silence); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("on a new connection in a black hole: got %q, %v, want silence", got, err)
	}
	p.Heal()
	if got, err := hear(t, c, 1, soon); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after a black hole: got %q, %v, want the end of the connection", got, err)
	}
	mustEcho(t, dial(t, p), "after")
	if got := e.seen(); got != "beforeafter" {
		t.Errorf("the server saw %q, want nothing of what was swallowed", got)
	}
	mustMeet(t, p, 2*int64(len("into it")))
}

func TestHeldBytesArriveLater(t *testing.T) {
	t.Parallel()
	e := serveEcho(t)
	p := open(t, toxic.Listen, e.addr)
	c := dial(t, p)
	mustEcho(t, c, "before ")
	p.Hold()
	if got, err := say(t, c, "held", 1, silence); !errors.Is(err, os.ErrDeadlineExceeded) || e.seen() != "before " {
		t.Errorf("while bytes are held: got %q, %v, and the server saw %q", got, err, e.seen())
	}
	p.Heal()
	if got, err := hear(t, c, 4, soon); got != "held" || err != nil {
		t.Errorf("after bytes were held: got %q, %v", got, err)
	}
	mustMeet(t, p, int64(len("held")))
}

func TestConnectionsAreReset(t *testing.T) {
	t.Parallel()
	p := open(t, toxic.Listen, serveEcho(t).addr)
	c := dial(t, p)
	mustEcho(t, c, "before")
	p.Reset()
	if _, err := hear(t, c, 1, soon); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection that stood: got %v, want a reset", err)
	}
	if _, err := say(t, dial(t, p), "hello", 1, soon); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("a new connection: got %v, want its end", err)
	}
	mustMeet(t, p, 2)
	p.Heal()
	mustEcho(t, dial(t, p), "after")
}

func TestConnectionsAreRefused(t *testing.T) {
	t.Parallel()
	p := open(t, toxic.Listen, serveEcho(t).addr)
	c := dial(t, p)
	mustEcho(t, c, "before")
	p.Refuse()
	if _, err := hear(t, c, 1, soon); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection that stood: got %v, want its end", err)
	}
	if _, err := hear(t, dial(t, p), 1, soon); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a new connection: got %v, want its end", err)
	}
	mustMeet(t, p, 2)
	p.Heal()
	mustEcho(t, dial(t, p), "after")
}

func TestAnAnswerIsCutInTheMiddle(t *testing.T) {
	t.Parallel()
	e := serveEcho(t)
	p := open(t, toxic.Listen, e.addr)
	p.CutAfter(7)
	got, err := say(t, dial(t, p), "a long answer", 13, soon)
	if got != "a long " || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %q, %v, want 7 bytes and the end", got, err)
	}
	p.CutQuestionAfter(3)
	if got, err := say(t, dial(t, p), "question", 8, soon); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a question that was cut: got %q, %v, want the end", got, err)
	}
	e.mustSee(t, "a long answerque")
	mustMeet(t, p, 2)
}

// msg is a message of PostgreSQL's protocol; kind 0 is the first one.
func msg(kind byte, body string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))
	if kind != 0 {
		b = append([]byte{kind}, b...)
	}
	return string(b) + body
}

func TestNotificationsAreMuted(t *testing.T) {
	t.Parallel()
	p := open(t, toxic.ListenPostgres, serveEcho(t).addr)
	c := dial(t, p)
	mustEcho(t, c, msg(0, "hello")+msg('A', "told")+msg('Z', "I"))
	p.Mute()
	rest := msg('D', "row") + msg('Z', "I")
	if got, err := say(t, c, msg('A', "not told")+rest, len(rest), soon); got != rest || err != nil {
		t.Errorf("muted: got %q, %v, want %q", got, err, rest)
	}
	// A message that comes in pieces is one all the same.
	whole := msg('A', "not told") + rest
	if _, err := io.WriteString(c, whole[:7]); err != nil {
		t.Fatal(err)
	}
	if got, err := say(t, c, whole[7:], len(rest), soon); got != rest || err != nil {
		t.Errorf("muted, in pieces: got %q, %v, want %q", got, err, rest)
	}
	mustMeet(t, p, 2)
	p.Heal()
	mustEcho(t, c, msg('A', "told again"))
}

func TestConnectionsAreCutAtCommit(t *testing.T) {
	t.Parallel()
	for _, arrives := range []bool{true, false} {
		e := serveEcho(t)
		p := open(t, toxic.ListenPostgres, e.addr)
		p.CutAtCommit(2, arrives)
		c := dial(t, p)
		first := msg(0, "hello") + query("begin") + msg('S', "") + query(insert) + query("commit") + query("begin") + msg('S', "")
		mustEcho(t, c, first)
		mustEcho(t, c, query(insert))
		mustMeet(t, p, 0)
		mustCut(t, c, query("commit"))
		want := first + query(insert)
		if arrives {
			want += query("commit")
		}
		e.mustSee(t, want)
		mustMeet(t, p, 1)
		p.Heal()
		mustEcho(t, dial(t, p), msg(0, "hello"))
	}
}

const insert = "insert into jobs values ($1)"

func query(statement string) string       { return msg('Q', statement+"\x00") }
func parse(name, statement string) string { return msg('P', name+"\x00"+statement+"\x00\x00\x00") }
func runs(name string) string {
	return msg('B', "\x00"+name+"\x00\x00\x00\x00\x00\x00\x00") + msg('E', "\x00\x00\x00\x00\x00")
}
func mustCut(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if got, err := say(t, c, text, 1, soon); got != "" || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %q, %v, want the end", got, err)
	}
}

func TestOnlyWhatIsWrittenIsACommit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		before string // sent before cuts begin
		passes string // sent afterwards
		cut    string // "" for nothing
	}{
		{name: "a read", passes: query("select 1") + query("-- ping")},
		{name: "a prepared read", passes: parse("s", "select update_at, for_update from jobs for update skip locked") + msg('S', "") + runs("s") + msg('S', "")},
		{name: "a transaction that reads", passes: query("begin") + query("select 1 for update") + query("commit")},
		{name: "a transaction that is taken back", passes: query("begin") + query(insert) + query("rollback") + query("select 1")},
		{name: "a statement that is prepared only", passes: parse("s", insert) + msg('S', "")},
		{name: "a write", cut: query("update jobs j set n = 1")},
		{name: "a write within a read", cut: query("with x as (delete\n from jobs returning id) select * from x")},
		{name: "a notification", cut: query("select pg_notify('c', '')")},
		{name: "a prepared write", passes: parse("", insert) + runs(""), cut: msg('S', "")},
		{name: "writes that are sent together", passes: parse("", "select 1") + parse("s", insert) + runs("s") + runs(""), cut: msg('S', "")},
		{name: "what was prepared before", before: parse("s", insert) + msg('S', ""), passes: runs("s"), cut: msg('S', "")},
		{name: "a transaction that was begun before", before: query("begin read write") + query(insert), passes: runs("s") + msg('S', ""), cut: query("commit")},
		{name: "a part that is taken back", passes: query("begin") + query(insert) + query("rollback to savepoint s"), cut: query("commit")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := open(t, toxic.ListenPostgres, serveEcho(t).addr)
			c := dial(t, p)
			mustEcho(t, c, msg(0, "hello")+tt.before)
			p.CutAtCommit(1, false)
			mustEcho(t, c, tt.passes)
			if tt.cut == "" {
				mustMeet(t, p, 0)
				return
			}
			mustCut(t, c, tt.cut)
			mustMeet(t, p, 1)
		})
	}
}
