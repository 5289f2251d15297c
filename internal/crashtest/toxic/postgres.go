package toxic

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/Shopify/toxiproxy/v2/toxics"
)

// Types of messages of PostgreSQL's protocol, version 3. The first one of a client has none.
const (
	msgFirst        = 0
	msgQuery        = 'Q'
	msgParse        = 'P'
	msgBind         = 'B'
	msgExecute      = 'E'
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
	p.set(fault{answer: func(c *pair) toxics.Toxic { return mute{c} }})
}

type mute struct{ pair *pair }

// Pipe implements toxics.Toxic.
func (t mute) Pipe(stub *toxics.ToxicStub) {
	pass(stub, func(data []byte) (out []byte, end bool) {
		for n := 0; ; {
			m, ok := next(data, n)
			if !ok {
				return append(out, data[n:]...), false
			}
			if m.kind != msgNotification {
				out = append(out, data[m.from:m.to]...)
			} else {
				t.pair.proxy.met.Add(1)
			}
			n = m.to
		}
	})
}

// CutAtCommit cuts connections at every n-th message that makes the server commit something that was written: with arrives true the server gets it and its answer is
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
}

// session is what a client's messages have come to.
type session struct {
	statements map[string]effect // prepared ones by their names
	bound      effect            // of the statement that was bound last
	open       bool              // a transaction was begun
	wrote      bool              // something was written since the last commit
}

// effect is what a statement does to a transaction.
type effect int

const (
	reads effect = iota
	writes
	begins
	commits
	rollsBack
)

// writing finds statements that write, wherever it stands in them. Rows that are locked ("for update") are none.
var writing = regexp.MustCompile(`(?i)\b(insert\s+into|delete\s+from|merge\s+into|do\s+update|pg_notify|create|alter|drop|truncate|update\s+(only\s+)?\S+(\s+(as\s+)?\w+)?\s+set)\b`)

func effectOf(statement []byte) effect {
	switch first, rest, _ := strings.Cut(strings.ToLower(string(bytes.TrimRight(statement, "\x00; \n"))), " "); {
	case first == "begin":
		return begins
	case first == "commit":
		return commits
	case first == "rollback" && !strings.HasPrefix(rest, "to "):
		return rollsBack
	case writing.Match(statement):
		return writes
	}
	return reads
}

// commits takes the next message in and reports whether it makes the server commit something that was written: a COMMIT, or the end of
// statements that are a transaction together.
func (s *session) commits(m *message) bool {
	switch m.kind {
	case msgParse:
		name, rest, _ := bytes.Cut(m.body, []byte{0})
		statement, _, _ := bytes.Cut(rest, []byte{0})
		if s.statements == nil {
			s.statements = map[string]effect{}
		}
		s.statements[string(name)] = effectOf(statement)
	case msgBind:
		_, rest, _ := bytes.Cut(m.body, []byte{0}) // the portal's name
		name, _, _ := bytes.Cut(rest, []byte{0})
		s.bound = s.statements[string(name)]
	case msgExecute:
		return s.runs(s.bound)
	case msgQuery:
		return s.runs(effectOf(m.body)) || s.ends()
	case msgSync:
		return s.ends()
	}
	return false
}

// runs follows a statement, and reports whether it commits something that was written.
func (s *session) runs(e effect) bool {
	switch e {
	case reads:
	case writes:
		s.wrote = true
	case begins:
		s.open = true
	case rollsBack:
		s.open, s.wrote = false, false
	case commits:
		s.open = false
		return s.ends()
	}
	return false
}

// ends follows the end of statements, which commits them outside of a transaction.
func (s *session) ends() bool {
	if s.open || !s.wrote {
		return false
	}
	s.wrote = false
	return true
}

// Pipe implements toxics.Toxic.
func (t *commitCut) Pipe(stub *toxics.ToxicStub) {
	pass(stub, func(data []byte) (out []byte, end bool) {
		for n := 0; ; {
			m, ok := next(data, n)
			if !ok {
				return data, false
			}
			if t.pair.session.commits(&m) && t.count.Add(1)%t.every == 0 {
				t.pair.proxy.met.Add(1)
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
