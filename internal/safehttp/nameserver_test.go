package safehttp_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers questions over UDP and TCP, as the name servers of strangers do: with what its zone says, one answer after the
// other, the last one for good.
type nameServer struct {
	address string

	mu    sync.Mutex
	zone  map[string][][]string // name → answers of one look-up after the other; each is addresses, or "→name"; "!" means a server's failure
	asked map[string]int        // questions by name and type
}

// newNameServer starts one for the test.
func newNameServer(t *testing.T, zone map[string][][]string) *nameServer {
	t.Helper()
	s := &nameServer{zone: zone, asked: map[string]int{}}
	stream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = stream.Addr().String()
	packets, err := net.ListenPacket("udp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() { s.servePackets(packets) })
	done.Go(func() { s.serveStreams(stream, &done) })
	t.Cleanup(func() {
		_, _ = packets.Close(), stream.Close() // which ends both
		done.Wait()
	})
	return s
}

// resolver asks this server, and no other.
func (s *nameServer) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.address)
	}}
}

func (s *nameServer) servePackets(c net.PacketConn) {
	question := make([]byte, 1<<16)
	for {
		n, from, err := c.ReadFrom(question)
		if err != nil {
			return
		}
		if answer := s.answer(question[:n]); answer != nil {
			_, _ = c.WriteTo(answer, from) // who asks in vain asks again
		}
	}
}

func (s *nameServer) serveStreams(l net.Listener, done *sync.WaitGroup) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		done.Go(func() {
			defer func() { _ = c.Close() }() // who asks in vain asks again
			var size [2]byte
			if _, err := io.ReadFull(c, size[:]); err != nil {
				return
			}
			question := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(c, question); err != nil {
				return
			}
			if answer := s.answer(question); answer != nil {
				_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
			}
		})
	}
}

// answer answers a message; nil means that it is none.
func (s *nameServer) answer(message []byte) []byte {
	var p dnsmessage.Parser
	header, err := p.Start(message)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: header.ID, Response: true, Authoritative: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true},
		Questions: []dnsmessage.Question{q},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if reply.Answers, err = s.records(q); err != nil {
		reply.RCode = dnsmessage.RCodeServerFailure
		if errors.Is(err, errNoName) {
			reply.RCode = dnsmessage.RCodeNameError
		}
	}
	packed, err := reply.Pack()
	if err != nil {
		return nil
	}
	return packed
}

var (
	errNoName = errors.New("no such name")
	errBroken = errors.New("the server fails")
)

// records follows a question through the zone, as a recursive server does. At most 16 names: a circle is answered as far as it goes.
func (s *nameServer) records(q dnsmessage.Question) (list []dnsmessage.Resource, err error) {
	name := q.Name
	for range 16 {
		key := strings.ToLower(strings.TrimSuffix(name.String(), "."))
		counted := key + " " + q.Type.String()
		answers, known := s.zone[key]
		if !known {
			return list, errNoName
		}
		now := answers[min(s.asked[counted], len(answers)-1)]
		s.asked[counted]++
		if len(now) == 1 && now[0] == "!" {
			return nil, errBroken
		}
		if len(now) == 1 && strings.HasPrefix(now[0], "→") {
			to, err := dnsmessage.NewName(strings.TrimPrefix(now[0], "→") + ".")
			if err != nil {
				return nil, err
			}
			list = append(list, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: name, Type: dnsmessage.TypeCNAME, Class: q.Class}, Body: &dnsmessage.CNAMEResource{CNAME: to},
			})
			name = to
			continue
		}
		return append(list, addressRecords(name, q, now)...), nil
	}
	return list, nil
}

// addressRecords returns those of some addresses that a question is about.
func addressRecords(name dnsmessage.Name, q dnsmessage.Question, addresses []string) (list []dnsmessage.Resource) {
	head := dnsmessage.ResourceHeader{Name: name, Class: q.Class, Type: q.Type}
	for _, text := range addresses {
		ip := netip.MustParseAddr(text)
		switch {
		case ip.Is4() && q.Type == dnsmessage.TypeA:
			list = append(list, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: ip.As4()}})
		case ip.Is6() && q.Type == dnsmessage.TypeAAAA:
			list = append(list, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
		}
	}
	return list
}

// questions returns how many questions came, for one name or, for "", for all.
func (s *nameServer) questions(name string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, count := range s.asked {
		if name == "" || strings.HasPrefix(key, name+" ") {
			n += count
		}
	}
	return n
}
