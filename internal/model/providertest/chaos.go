package providertest

import (
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strings"
)

// Chaos is a way to misbehave.
type Chaos string

// The ways. Those that never end do so when the client goes away or the server is closed.
const (
	TruncatedJSON     Chaos = "truncated JSON" // the body ends in the middle, in good order
	WrongTypes        Chaos = "wrong types"    // JSON with other things than belong there
	NotJSON           Chaos = "not JSON"       // a page, with status 200
	EmptyBody         Chaos = "empty body"
	EndlessBytes      Chaos = "endless bytes"      // one text without an end
	EndlessTokens     Chaos = "endless tokens"     // events without an end; a long list where the answer is no stream
	EndlessWhitespace Chaos = "endless whitespace" // as gateways keep connections open, and no answer after it
	StopsMidway       Chaos = "stops midway"       // the connection closes before the announced length
	Reset             Chaos = "reset"              // the connection is reset instead of an answer
	HangsBefore       Chaos = "hangs before"       // nothing comes, not even headers
	HangsInBody       Chaos = "hangs in body"      // half of the answer comes
	GzipBomb          Chaos = "gzip bomb"          // small on the wire, without an end when unpacked
	HugeHeaders       Chaos = "huge headers"       // 2 MiB of them
	Redirects         Chaos = "redirects"          // to another host
	WrongContentType  Chaos = "wrong content type" // the right answer, called a picture
)

// Chaoses lists every way to misbehave.
func Chaoses() []Chaos {
	return []Chaos{
		TruncatedJSON, WrongTypes, NotJSON, EmptyBody, EndlessBytes, EndlessTokens, EndlessWhitespace, StopsMidway, Reset, HangsBefore,
		HangsInBody, GzipBomb, HugeHeaders, Redirects, WrongContentType,
	}
}

// misbehave answers f in the way of c.
func (s *Server) misbehave(w http.ResponseWriter, r *http.Request, c Chaos, f frames) {
	whole := strings.Join(f.pieces, "")
	write := func(text string) bool {
		_, err := io.WriteString(w, text)
		flush(w)
		return err == nil && !s.over(r)
	}
	switch c {
	case TruncatedJSON:
		write(whole[:len(whole)/2])
	case WrongTypes:
		write(s.wrongTypes(f))
	case NotJSON:
		w.Header().Set("Content-Type", "text/html")
		write("<!doctype html><title>Welcome</title><p>Please sign in.")
	case EmptyBody:
	case EndlessBytes:
		opening := whole[:len(whole)/3]
		for filler := strings.Repeat("word ", 8<<10); write(opening + filler); {
			opening = ""
		}
	case EndlessTokens:
		s.endlessTokens(f, write)
	case EndlessWhitespace:
		for filler := strings.Repeat(" ", 4<<10); write(filler); {
			continue
		}
	case StopsMidway:
		w.Header().Set("Content-Length", "1000000")
		write(whole[:len(whole)/2])
		s.hangUp(w, false)
	case Reset:
		s.hangUp(w, true)
	case HangsBefore:
		s.wait(r)
	case HangsInBody:
		write(whole[:len(whole)/2])
		s.wait(r)
	case GzipBomb:
		s.gzipBomb(w, r)
	case HugeHeaders:
		for i := range 64 {
			w.Header().Set("X-Filler-"+strings.Repeat("x", i+1), strings.Repeat("y", 32<<10))
		}
		write(whole)
	case Redirects:
		w.Header().Set("Location", "http://198.51.100.7/elsewhere")
		w.WriteHeader(http.StatusFound)
	case WrongContentType:
		w.Header().Set("Content-Type", "image/png")
		write(whole)
	}
}

func (s *Server) wrongTypes(f frames) string {
	const wrong = `{"id":7,"type":[],"object":{},"model":null,"choices":{"message":"none"},"content":42,"output":"text","candidates":[[]],` +
		`"usage":"plenty","usageMetadata":[1],"stop_reason":{},"status":3,"error":[]}`
	switch {
	case f.contentType == "text/event-stream":
		return "data: " + wrong + "\n\n"
	case strings.HasPrefix(f.contentType, "application/vnd"):
		return amazonEvent(wrong)
	}
	return wrong
}

// endlessTokens repeats the middle event of a stream. What is no stream becomes a list without an end.
func (s *Server) endlessTokens(f frames, write func(string) bool) {
	if len(f.pieces) < 3 {
		text := strings.Join(f.pieces, "")
		for piece := "[" + text; write(piece); {
			piece = strings.Repeat(","+text, 64)
		}
		return
	}
	middle := len(f.pieces) / 2
	for _, piece := range f.pieces[:middle] {
		if !write(piece) {
			return
		}
	}
	for again := strings.Repeat(f.pieces[middle], 64); write(again); {
		continue
	}
}

func (s *Server) gzipBomb(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	filler := []byte(strings.Repeat(`{"choices":`, 100_000))
	for !s.over(r) {
		if _, err := z.Write(filler); err != nil {
			return
		}
	}
}

// wait returns when the client is gone or the server is closed.
func (s *Server) wait(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.closing:
	}
}

// over reports whether the client is gone or the server is closed.
func (s *Server) over(r *http.Request) bool {
	select {
	case <-s.closing:
		return true
	default:
		return r.Context().Err() != nil
	}
}

// hangUp closes the connection, with a reset or in good order.
func (s *Server) hangUp(w http.ResponseWriter, reset bool) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0) // without it the close is a usual one, which is a fault as well
	}
	_ = conn.Close() // that is the point
}
