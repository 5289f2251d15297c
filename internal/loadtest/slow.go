package loadtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stewardhq/steward/internal/crashtest/poll"
)

// slow has clients that take their time: some send a body byte by byte, some read an answer byte by byte, and many do nothing on an open connection. Others
// must be served as ever.
func slow(ctx context.Context, o *Options, l *Line) error {
	return withServer(ctx, o, "slow", nil, func(p *process) error {
		s, err := newSlow(ctx, p, o)
		if err != nil {
			return err
		}
		defer s.crew.close()
		before, err := p.vitals(ctx, true)
		if err != nil {
			return err
		}
		d := o.span(10*time.Second, time.Second) // a body that comes slowly is waited for 20 seconds: the writers are to be there to the end
		read, write, err := s.others(ctx, d)
		if err != nil {
			return err
		}
		readers, writers, idlers := o.count(500, 40), o.count(500, 40), o.count(5000, 200)
		l.set("slow_readers", float64(readers))
		l.set("slow_writers", float64(writers))
		l.set("idle_connections", float64(idlers))
		crowd, err := s.crowd(ctx, readers, writers, idlers)
		if err != nil {
			return err
		}
		rushRead, rushWrite, err := s.others(ctx, o.span(3*time.Second, 300*time.Millisecond)) // while all of them get what the system holds for them
		if err == nil {
			l.ms("status_rush_p99_ms", rushRead.at(0.99))
			l.ms("run_rush_p99_ms", rushWrite.at(0.99))
			err = p.settles(ctx)
		}
		var slowRead, slowWrite *times
		if err == nil {
			slowRead, slowWrite, err = s.others(ctx, d)
		}
		if err == nil {
			l.ms("status_p99_ms", slowRead.at(0.99))
			l.ms("status_p99_before_ms", read.at(0.99))
			l.ms("run_p99_ms", slowWrite.at(0.99))
			l.ms("run_p99_before_ms", write.at(0.99))
			const some, rush = 30, 500 // ms that count as nothing, and while gigabytes are sent
			l.most("status_rush_p99_ms", rush)
			l.most("run_rush_p99_ms", rush)
			l.most("status_p99_ms", 2*l.Figures["status_p99_before_ms"]+some)
			l.most("run_p99_ms", 2*l.Figures["run_p99_before_ms"]+some)
			now, verr := p.vitals(ctx, false)
			l.mb("rss_mb", now.RSS)
			l.set("kb_per_slow_client", float64(now.RSS-before.RSS)/1e3/float64(readers+writers+idlers))
			err = verr
		}
		crowd.stop()
		if err != nil {
			return err
		}
		crowd.judge(l, readers, writers)
		return p.calm(ctx, l, &before)
	})
}

// settles waits until the server has little to do: a quarter of a processor for bytes that come one by one.
func (p *process) settles(ctx context.Context) error {
	const look, little = 200 * time.Millisecond, 50 * time.Millisecond
	var last *vitals
	return until(ctx, "the server has little to do", look, func() (bool, error) {
		now, err := p.vitals(ctx, false)
		settled := last != nil && now.CPU-last.CPU <= little
		last = &now
		return settled, err
	})
}

// slowly is a server with slow clients, and others.
type slowly struct {
	p     *process
	agent string
	job   string
	file  string
	crew  crew
}

// Of the others.
const (
	otherClients = 32
	othersRate   = 200 // calls a second
)

func newSlow(ctx context.Context, p *process, o *Options) (s *slowly, err error) {
	s = &slowly{p: p}
	if s.agent, err = p.agent(ctx, "others", object{"steps": 0}); err != nil {
		return nil, err
	}
	if err := p.call(ctx, http.MethodPost, "/v1/agents/run/"+s.agent+"/async/", `{"text":"x"}`, http.StatusOK, &s.job); err != nil {
		return nil, err
	}
	if s.file, err = p.store(ctx, int64(o.count(32<<20, 8<<20)), o.Seed); err != nil {
		return nil, err
	}
	s.crew, err = hire(ctx, p.addr, otherClients)
	return s, err
}

// store stores a file of noise.
func (p *process) store(ctx context.Context, size int64, seed uint64) (id string, err error) {
	c, err := dial(ctx, p.addr)
	if err != nil {
		return "", err
	}
	defer c.close()
	head := "--" + uploadBoundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"noise.bin\"\r\n\r\n"
	tail := "\r\n--" + uploadBoundary + "--\r\n"
	request := fmt.Sprintf("POST /v1/files/ HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n%s",
		p.addr, p.key, uploadBoundary, int64(len(head)+len(tail))+size, head)
	noise := rand.NewChaCha8([32]byte{byte(seed), 1}) //nolint:gosec // G115: a seed may be cut
	if _, err := io.Copy(c.net, io.MultiReader(strings.NewReader(request), io.LimitReader(noise, size), strings.NewReader(tail))); err != nil {
		return "", fmt.Errorf("send file: %w", err)
	}
	a, err := c.read()
	if err != nil {
		return "", err
	}
	if a.status != http.StatusCreated {
		return "", fmt.Errorf("store file: %d: %.200s", a.status, a.body)
	}
	return idOf(a.body)
}

func idOf(body []byte) (string, error) {
	var made struct {
		FileID string `json:"file_id"`
	}
	err := json.Unmarshal(body, &made)
	return made.FileID, err
}

// others measures clients that are not slow: how long statuses take, and starts of runs.
func (s *slowly) others(ctx context.Context, d time.Duration) (read, write *times, err error) {
	read, write = &times{}, &times{}
	status := s.p.request(http.MethodGet, "/v1/agents/jobs/"+s.job+"/status/", "")
	start := s.p.request(http.MethodPost, "/v1/agents/run/"+s.agent+"/async/", `{"text":"x"}`)
	_, err = atRate(ctx, otherClients, othersRate, d, func(_ context.Context, i int, due time.Time) error {
		request, into := status, read
		if i%4 == 0 {
			request, into = start, write
		}
		a, err := s.crew[i].do(request, patience)
		if err != nil {
			return err
		}
		if a.status != http.StatusOK {
			return fmt.Errorf("another client: %d: %.200s", a.status, a.body)
		}
		into.add(time.Since(due))
		return nil
	})
	return read, write, err
}

// crowd is slow clients at work.
type crowd struct {
	stop    func()       // ends them, and waits for that
	served  atomic.Int64 // downloads that were answered 200 and were under way to the end
	sending atomic.Int64 // uploads that were neither answered nor broken off to the end
}

// crowd has slow clients at it until it is stopped.
func (s *slowly) crowd(ctx context.Context, readers, writers, idlers int) (*crowd, error) {
	all, err := hire(ctx, s.p.addr, readers+writers+idlers)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	download := s.p.request(http.MethodGet, "/v1/files/"+s.file+"/content/", "")
	const length = 12 << 10
	upload := fmt.Sprintf("POST /v1/agents/run/%s/async/ HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{",
		s.agent, s.p.addr, s.p.key, length)
	c, done := &crowd{}, make(chan struct{})
	go func() {
		defer close(done)
		_ = each(ctx, readers+writers, func(ctx context.Context, i int) error {
			if i < readers {
				count(&c.served, trickleIn(ctx, all[i].net, download))
			} else {
				count(&c.sending, trickleOut(ctx, all[i].net, upload))
			}
			return nil
		}) // slow clients have no errors
	}()
	c.stop = func() {
		cancel()
		<-done
		all.close()
	}
	return c, nil
}

func count(n *atomic.Int64, is bool) {
	if is {
		n.Add(1)
	}
}

// nearlyAll is which share of the slow clients must have been slow to the end, so that it is they who were measured.
const nearlyAll = 0.95

// judge notes how many of a crowd were served, once it has been stopped.
func (c *crowd) judge(l *Line, readers, writers int) {
	l.set("slow_readers_served", float64(c.served.Load()))
	l.set("slow_writers_open", float64(c.sending.Load()))
	l.want(float64(c.served.Load()) >= nearlyAll*float64(readers), "%d of %d slow readers were answered 200 and read to the end", c.served.Load(), readers)
	l.want(float64(c.sending.Load()) >= nearlyAll*float64(writers), "%d of %d slow writers were still sending at the end", c.sending.Load(), writers)
}

// byteEvery is how long slow clients take for a byte.
const byteEvery = 100 * time.Millisecond

// trickleIn asks for much and reads it byte by byte, all but the first ones. It reports whether the answer was 200, and went on until ctx ended.
func trickleIn(ctx context.Context, c net.Conn, request []byte) bool {
	if _, err := c.Write(request); err != nil {
		return false
	}
	const good = "HTTP/1.1 200"
	got := make([]byte, 0, len(good)) // how the answer begins
	var b [len(good)]byte
	for poll.Sleep(ctx, byteEvery) {
		if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return false
		}
		n, err := c.Read(b[:max(len(good)-len(got), 1)])
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
		if len(got) < len(good) {
			got = append(got, b[:n]...)
		}
	}
	return string(got) == good
}

// trickleOut sends a body byte by byte. It reports whether the server let it until ctx ended.
func trickleOut(ctx context.Context, c net.Conn, request string) bool {
	if _, err := io.WriteString(c, request); err != nil {
		return false
	}
	for poll.Sleep(ctx, byteEvery) {
		if _, err := io.WriteString(c, " "); err != nil {
			return false
		}
	}
	return silent(c)
}

// silent reports whether a server has neither answered nor closed a connection.
func silent(c net.Conn) bool {
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		return false
	}
	var b [1]byte
	_, err := c.Read(b[:])
	return errors.Is(err, os.ErrDeadlineExceeded)
}
