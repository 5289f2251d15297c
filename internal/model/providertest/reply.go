package providertest

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Reply is what a server does with one request. The zero value answers an empty text.
type Reply struct {
	Text    string // what the model says
	Think   string // what it says to itself, apart from the answer
	Tool    *Tool  // a tool that it calls
	Refusal string // it declines with these words
	Finish  Finish

	Usage    Usage           // the zero value means Counted
	RawUsage json.RawMessage // stands in place of the usage, whatever it is; "null" leaves it out

	Header map[string]string
	Limits *Limits // rate limits, in the provider's own headers

	Fault Fault         // answers an error in place of all that
	Chaos Chaos         // misbehaves
	Until chan struct{} // the answer waits until it is closed

	Func func(Request) Reply // decides at the request; everything else is ignored
}

// Tool is a call of a tool.
type Tool struct {
	Name      string
	Arguments string // JSON
}

// Finish is why the model stopped.
type Finish string

// The reasons.
const (
	Stop     Finish = ""
	Length   Finish = "length"   // the output limit cut the answer
	Filtered Finish = "filtered" // a filter did
)

// Usage is what the provider counts. Each wire has it in its own form.
type Usage struct {
	Input      int64 // cached and written tokens included
	Cached     int64
	CacheWrite int64 // only of Claude models
	Output     int64 // reasoned tokens included
	Reasoning  int64
}

// Counted is the usual usage.
func Counted() Usage { return Usage{Input: 120, Cached: 20, Output: 30, Reasoning: 7} }

// Limits are the rate limits that an answer tells of.
type Limits struct {
	Requests, RequestsLeft int64
	Tokens, TokensLeft     int64
	Reset                  time.Duration // from now, of both
}

// headers are the limits in the form of a wire. Gemini and Bedrock tell of none.
func (l *Limits) headers(w Wire) map[string]string {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	switch w {
	case Google, Bedrock:
		return nil
	case Anthropic:
		at := time.Now().Add(l.Reset).UTC().Format(time.RFC3339)
		return map[string]string{
			"Anthropic-Ratelimit-Requests-Limit": number(l.Requests), "Anthropic-Ratelimit-Requests-Remaining": number(l.RequestsLeft),
			"Anthropic-Ratelimit-Requests-Reset":     at,
			"Anthropic-Ratelimit-Input-Tokens-Limit": number(l.Tokens), "Anthropic-Ratelimit-Input-Tokens-Remaining": number(l.TokensLeft),
			"Anthropic-Ratelimit-Input-Tokens-Reset":  at,
			"Anthropic-Ratelimit-Output-Tokens-Limit": number(l.Tokens), "Anthropic-Ratelimit-Output-Tokens-Remaining": number(l.Tokens),
			"Anthropic-Ratelimit-Output-Tokens-Reset": at,
		}
	case OpenRouter:
		return map[string]string{
			"X-Ratelimit-Limit": number(l.Requests), "X-Ratelimit-Remaining": number(l.RequestsLeft),
			"X-Ratelimit-Reset": number(time.Now().Add(l.Reset).UnixMilli()),
		}
	}
	return map[string]string{
		"X-Ratelimit-Limit-Requests": number(l.Requests), "X-Ratelimit-Remaining-Requests": number(l.RequestsLeft),
		"X-Ratelimit-Reset-Requests": l.Reset.String(),
		"X-Ratelimit-Limit-Tokens":   number(l.Tokens), "X-Ratelimit-Remaining-Tokens": number(l.TokensLeft),
		"X-Ratelimit-Reset-Tokens": l.Reset.String(),
	}
}

// answer does what the reply says.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, req Request, reply Reply) {
	if reply.Limits != nil {
		for name, value := range reply.Limits.headers(s.wire) {
			w.Header().Set(name, value)
		}
	}
	f := s.wire.frames(reply, req.Streamed)
	w.Header().Set("Content-Type", f.contentType)
	w.Header().Set("X-Request-Id", "req_0123456789")
	for name, value := range reply.Header {
		w.Header().Set(name, value)
	}
	if reply.Chaos != "" {
		s.misbehave(w, r, reply.Chaos, f)
		return
	}
	w.WriteHeader(f.status)
	for _, piece := range f.pieces {
		if _, err := io.WriteString(w, piece); err != nil {
			return // the client went away
		}
		flush(w)
	}
}

// frames is an answer as it goes over the wire: one piece, or one for each event.
type frames struct {
	status      int
	contentType string
	pieces      []string
}

// Render is what a server of the wire answers, without a server: the bytes, their content type and the status.
func (w Wire) Render(reply Reply, streamed bool) (status int, contentType string, body []byte) {
	f := w.frames(reply, streamed)
	return f.status, f.contentType, []byte(strings.Join(f.pieces, ""))
}

func (w Wire) frames(reply Reply, streamed bool) frames {
	if reply.Fault != "" {
		status, body := reply.Fault.body(w)
		f := frames{status: status, contentType: "application/json", pieces: []string{body}}
		if reply.Fault == BadGateway {
			f.contentType = "text/html"
		}
		return f
	}
	if reply.Usage == (Usage{}) {
		reply.Usage = Counted()
	}
	f := frames{status: http.StatusOK, contentType: "application/json"}
	switch w {
	case Anthropic, Bedrock:
		f.pieces = messages(w, reply, streamed)
	case Google:
		f.pieces = gemini(reply, streamed)
	case Responses:
		f.pieces = responses(reply, streamed)
	default:
		f.pieces = chat(w, reply, streamed)
	}
	if streamed {
		f.contentType = "text/event-stream"
		if w == Bedrock {
			f.contentType = "application/vnd.amazon.eventstream"
		}
	}
	return f
}

func flush(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

// text is the JSON form of v.
func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return "null" // strings, numbers and maps of these always have one
	}
	return string(data)
}

// halves cuts a text in two, as streams do, between characters.
func halves(s string) []string {
	runes := []rune(s)
	if len(runes) < 2 {
		return []string{s}
	}
	return []string{string(runes[:len(runes)/2]), string(runes[len(runes)/2:])}
}

// event is one server-sent event.
func event(name string, data any) string {
	out := ""
	if name != "" {
		out = "event: " + name + "\n"
	}
	return out + "data: " + text(data) + "\n\n"
}

type object = map[string]any
