package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/rest/admit"
)

// traits are what the door has to know about an operation before it looks at a request.
type traits struct {
	public  bool
	cost    admit.Class
	maxBody int64 // of a body that is read into memory
}

// traitsKey is where an operation of huma has them.
const traitsKey = "traits"

func (op *Operation) traits() traits {
	t := traits{public: op.Public, cost: op.Cost, maxBody: op.MaxBody}
	if t.maxBody == 0 {
		t.maxBody = MaxBodyBytes
	}
	return t
}

// visit is a request that was let in: what it has of the server. It belongs to the request's goroutine.
type visit struct {
	door *admit.Door
	who  string
	cost admit.Class
	body admit.Pass // to hold its body in memory
	turn admit.Pass // to be worked on
	wait admit.Pass // to wait for a job

	text    admit.Pass // to hold the text fields of a multipart body in memory
	textLen int64      // of them so far, and textCap is what they have room for
	textCap int64
}

// visitKey is the key of a visit in a context.
type visitKey struct{}

// visitOf returns the visit of a request; nil when everything is let in.
func visitOf(r *http.Request) *visit {
	v, _ := r.Context().Value(visitKey{}).(*visit)
	return v
}

// leave gives back everything.
func (v *visit) leave() {
	if v != nil {
		v.turn.Leave()
		v.wait.Leave()
		v.leaveBody()
	}
}

// leaveBody gives back the room for what was held of the body.
func (v *visit) leaveBody() {
	v.body.Leave()
	v.text.Leave()
}

// firstText is the first room that is asked for text fields: nobody knows before how much text a multipart body has.
const firstText = 64 << 10

// holdText has room for n more bytes of text fields, unless they are tiny together. What they have is given back before more is asked for, so
// that nobody waits with room that another one waits for.
//
// Errors: those of admit.Door.Hold.
func (v *visit) holdText(ctx context.Context, n int) (err error) {
	v.textLen += int64(n)
	if v.textLen <= max(v.textCap, admit.TinyBody) {
		return nil
	}
	v.textCap = max(v.textCap, firstText)
	for v.textCap < v.textLen {
		v.textCap *= 2
	}
	v.text.Leave()
	v.text, err = v.door.Hold(ctx, v.who, v.textCap)
	return err
}

// takeTurn waits until the request may be worked on.
//
// Errors: those of admit.Door.Enter.
func (v *visit) takeTurn(ctx context.Context) (err error) {
	v.turn, err = v.door.Enter(ctx, v.cost, v.who)
	return err
}

// Yield gives a request's turn back: from now on it waits for something, or for its client to take the answer. Other requests go on
// meanwhile, however slow the client is.
func Yield(r *http.Request) {
	if v := visitOf(r); v != nil {
		v.turn.Leave()
	}
}

// Rest is Yield for a request whose body is not needed any more, either: its room is given back, too.
func Rest(r *http.Request) {
	if v := visitOf(r); v != nil {
		v.turn.Leave()
		v.leaveBody()
	}
}

// Waits notes that a request will wait for a job after its turn.
//
// Errors: RateLimited, Unavailable when too many wait already.
func Waits(r *http.Request) (err error) {
	if v := visitOf(r); v != nil {
		v.wait, err = v.door.Enter(r.Context(), admit.Waiter, v.who)
	}
	return err
}

// enter lets a request in: its caller is known afterwards, and it has its turn unless its body is to be read before. What comes back
// must be left, also after an error.
func (a *API) enter(w http.ResponseWriter, r *http.Request, t traits) (*http.Request, *visit, error) {
	if t.public {
		return r, nil, a.enterPublic(r, t)
	}
	r, err := a.identify(w, r)
	if err != nil || a.opts.Door == nil {
		return r, nil, err
	}
	who, err := steward.PrincipalFrom(r.Context(), steward.ScopeRead) // which every key has
	if err != nil {
		return r, nil, err
	}
	v := &visit{door: a.opts.Door, cost: t.cost, who: string(who.OrganizationID)}
	r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
	return r, v, v.begin(r, t.maxBody)
}

// enterPublic counts a request that needs no key by its address.
func (a *API) enterPublic(r *http.Request, t traits) error {
	if t.cost == admit.Free {
		return nil
	}
	if left := a.opts.Door.Stranger(r.RemoteAddr); !left.OK {
		return throttled(left)
	}
	a.opts.Door.Refused(r.RemoteAddr, "")
	return nil
}

// identify finds the principal of a request within the rates of addresses and keys.
//
// Errors: RateLimited; those of authenticate.
func (a *API) identify(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	door := a.opts.Door
	if door == nil {
		return a.authenticate(r)
	}
	token := r.Header.Get("Authorization")
	if !door.Known(token) {
		if left := door.Stranger(r.RemoteAddr); !left.OK {
			return r, throttled(left)
		}
	}
	r, err := a.authenticate(r)
	switch {
	case steward.CodeOf(err) == steward.Unauthenticated:
		door.Refused(r.RemoteAddr, token)
		return r, err
	case err != nil:
		return r, err
	}
	door.Accepted(token)
	p, err := steward.PrincipalFrom(r.Context(), steward.ScopeRead)
	if err != nil {
		return r, err
	}
	left := door.Key(p.KeyID)
	setRate(w.Header(), left)
	if !left.OK {
		return r, throttled(left)
	}
	return r, nil
}

// setRate tells a client of its allowance, in the form of the draft of the IETF's HTTPAPI group: what an allowance has, and what is left.
func setRate(h http.Header, left admit.Left) {
	if !left.Limited {
		return
	}
	h.Set("RateLimit-Policy", fmt.Sprintf(`"key";q=%d;w=%d`, left.Burst, wholeSeconds(left.Window)))
	h.Set("RateLimit", fmt.Sprintf(`"key";r=%d;t=%d`, left.Remaining, wholeSeconds(left.Reset)))
}

// wholeSeconds rounds up.
func wholeSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// throttled is the refusal of one who has asked too often.
func throttled(left admit.Left) error {
	retry := max(wholeSeconds(left.Retry), 1)
	unit := "seconds"
	if retry == 1 {
		unit = "second"
	}
	return &steward.Error{
		Code: steward.RateLimited, RetryAfter: time.Duration(retry) * time.Second,
		Message: fmt.Sprintf("Request was throttled. Expected available in %d %s.", retry, unit),
	}
}

// begin takes the turn of a request without a body, or with a tiny one, which is read before. Others wait for room for their body, and
// for their turn when it has been read: a slow client has neither.
func (v *visit) begin(r *http.Request, maxBody int64) (err error) {
	n := r.ContentLength
	switch {
	case v.cost == admit.Free:
		return nil
	case n == 0 || r.Body == nil || r.Body == http.NoBody, readsNoBody(r.Method):
		return v.takeTurn(r.Context())
	case isMultipart(r.Header.Get("Content-Type")):
		v.cost = admit.Upload
		return v.takeTurn(r.Context())
	case n > maxBody: // it is refused unread, where it is looked at
		return v.takeTurn(r.Context())
	case n > 0 && n <= admit.TinyBody:
		readTiny(r)
		return v.takeTurn(r.Context())
	case n < 0:
		if r.Header.Get("Expect") == "" && readStart(r) { // one who asks first is answered before
			return v.takeTurn(r.Context())
		}
		n = maxBody
	}
	v.body, err = v.door.Hold(r.Context(), v.who, n)
	hurry(r, n)
	return err
}

// readsNoBody reports whether operations of a method look at no body, whatever a request says of one.
func readsNoBody(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodDelete
}

func isMultipart(contentType string) bool {
	const kind = "multipart/"
	contentType = strings.TrimSpace(contentType)
	return len(contentType) >= len(kind) && strings.EqualFold(contentType[:len(kind)], kind)
}

// What a client gets to send a body that is held in memory: a time for its start, and a second for each so many bytes.
const (
	bodyTime      = 20 * time.Second
	bytesASecond  = 32 << 10
	maxBodySecond = 1 << 20
)

// hurry bounds how long a body of n bytes may take.
func hurry(r *http.Request, n int64) {
	body, can := r.Body.(interface{ Until(end time.Time) })
	if can {
		body.Until(time.Now().Add(bodyTime + time.Duration(min(n/bytesASecond, maxBodySecond))*time.Second))
	}
}

// readTiny reads a body and puts what came in its place. How it ended shows to the one who reads it.
func readTiny(r *http.Request) {
	hurry(r, r.ContentLength)
	content := make([]byte, r.ContentLength)
	n, err := io.ReadFull(r.Body, content)
	if err == nil {
		_ = r.Body.Close() // takes the deadline away; there is nothing left in it
	}
	r.Body = &readBodyAgain{Reader: *bytes.NewReader(content[:n]), end: err, body: r.Body}
}

// readStart reads the start of a body of unknown length and puts it in its place; whole is true when that was all of it.
func readStart(r *http.Request) (whole bool) {
	hurry(r, admit.TinyBody)
	content := make([]byte, admit.TinyBody)
	n := 0
	var err error
	for n < len(content) && err == nil {
		var more int
		more, err = r.Body.Read(content[n:])
		n += more
	}
	again := &readBodyAgain{Reader: *bytes.NewReader(content[:n]), body: r.Body}
	switch {
	case err == nil:
		r.Body = &startedBody{start: again, rest: r.Body}
		return false
	case errors.Is(err, io.EOF):
		_ = r.Body.Close() // takes the deadline away; there is nothing left in it
	default:
		again.end = err
	}
	r.Body = again
	return true
}

// startedBody is a body whose start was read before.
type startedBody struct {
	start *readBodyAgain
	rest  io.ReadCloser
}

// Read implements io.Reader.
func (b *startedBody) Read(p []byte) (int, error) {
	if b.start.Len() > 0 {
		return b.start.Read(p)
	}
	return b.rest.Read(p)
}

// Close implements io.Closer.
func (b *startedBody) Close() error { return b.rest.Close() }

// Until bounds how long the rest may take.
func (b *startedBody) Until(end time.Time) {
	if body, can := b.rest.(interface{ Until(end time.Time) }); can {
		body.Until(end)
	}
}

// readBodyAgain is a body that was read before.
type readBodyAgain struct {
	bytes.Reader
	end  error // nil when the body was whole
	body io.Closer
}

// Read implements io.Reader.
func (b *readBodyAgain) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && b.end != nil {
		err = b.end
	}
	return n, err
}

// WriteTo implements io.WriterTo.
func (b *readBodyAgain) WriteTo(w io.Writer) (int64, error) {
	n, err := b.Reader.WriteTo(w)
	if err == nil {
		err = b.end
	}
	return n, err
}

// Close implements io.Closer.
func (b *readBodyAgain) Close() error { return b.body.Close() }
