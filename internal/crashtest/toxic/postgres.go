package toxic

import (
	"bytes"
	"encoding/binary"
	"sync/atomic"

	"github.com/Shopify/toxiproxy/v2/toxics"
)

// Types of messages of PostgreSQL's protocol, version 3. The first one of a client has none.
const (
	msgFirst        = 0
	msgQuery        = 'Q'
	msgSync         = 'S'
	msgNotification = 'A'
)

// message is a message of PostgreSQL's protocol within a chunk.
type message struct {
	kind byte
	body []byte
	from int // where it begins in the chunk
	to   int // behind its end
}

// next returns the message at the start of data. ok is false when it is not all there.
func next(data []byte, from int) (m message, ok bool) {
	head := 5
	if from < len(data) && data[from] == msgFirst {
		head = 4 // the first byte is that of a length
	}
	if from+head > len(data) {
		return m, false
	}
	size := int(binary.BigEndian.Uint32(data[from+head-4:]))
	to := from + head - 4 + size
	if size < 4 || to > len(data) {
		return m, false
	}
	m = message{body: data[from+head : to], from: from, to: to}
	if head == 5 {
		m.kind = data[from]
	}
	return m, true
}

// wholeMessages returns how many bytes of data are whole messages.
func wholeMessages(data []byte) int {
	n := 0
	for {
		m, ok := next(data, n)
		if !ok {
			return n
		}
		n = m.to
	}
}

// Mute keeps notifications (NOTIFY) from arriving. All else passes.
func (p *Proxy) Mute() {
	p.set(fault{answer: func(*pair) toxics.Toxic { return mute{} }})
}

type mute struct{}

// Pipe implements toxics.Toxic.
func (mute) Pipe(stub *toxics.ToxicStub) {
	pass(stub, func(data []byte) (out []byte, end bool) {
		for n := 0; ; {
			m, ok := next(data, n)
			if !ok {
				return append(out, data[n:]...), false
			}
			if m.kind != msgNotification {
				out = append(out, data[m.from:m.to]...)
			}
			n = m.to
		}
	})
}

// CutAtCommit cuts connections at every n-th message that makes the server commit: with arrives true the server gets it and its answer is
// lost, otherwise the server never gets it. The client cannot tell the one from the other.
func (p *Proxy) CutAtCommit(n int64, arrives bool) {
	count := new(atomic.Int64)
	p.set(fault{
		ask:    func(c *pair) toxics.Toxic { return &commitCut{pair: c, every: n, count: count, arrives: arrives} },
		answer: func(c *pair) toxics.Toxic { return &answerCut{pair: c} },
	})
}

type commitCut struct {
	pair    *pair
	every   int64
	count   *atomic.Int64
	arrives bool
	open    bool // a transaction was begun
}

// commits reports whether a message makes the server commit: a COMMIT, or the end of statements that are a transaction together.
func (t *commitCut) commits(m *message) bool {
	switch {
	case m.kind == msgSync:
		return !t.open
	case m.kind != msgQuery:
		return false
	case bytes.HasPrefix(m.body, []byte("begin")):
		t.open = true
	case bytes.HasPrefix(m.body, []byte("rollback")):
		t.open = false
	case bytes.HasPrefix(m.body, []byte("commit")):
		t.open = false
		return true
	}
	return false
}

// Pipe implements toxics.Toxic.
func (t *commitCut) Pipe(stub *toxics.ToxicStub) {
	pass(stub, func(data []byte) (out []byte, end bool) {
		for n := 0; ; {
			m, ok := next(data, n)
			if !ok {
				return data, false
			}
			if t.commits(&m) && t.count.Add(1)%t.every == 0 {
				if !t.arrives {
					return data[:m.from], true
				}
				t.pair.doomed.Store(true)
				return data, false
			}
			n = m.to
		}
	})
}

type answerCut struct{ pair *pair }

// Pipe implements toxics.Toxic.
func (t *answerCut) Pipe(stub *toxics.ToxicStub) {
	pass(stub, func(data []byte) (out []byte, end bool) {
		if t.pair.doomed.Load() {
			return nil, true
		}
		return data, false
	})
}
