// Package safehttp fetches what other people name: URLs in inputs, pages, links, webhooks. It goes to public addresses of
// the internet and nowhere else.
//
// Before each connection the host name is resolved once; if any of its addresses is not public, nothing is dialled, else
// the connection goes to an address that was checked, so that an answer which changes between look and leap changes nothing.
// The same holds for each redirect. Schemes are http and https; ports are 80, 443, 8080 and 8443; a URL holds no user and
// password; numbers that merely look like an IPv4 address (0x7f.1, 2130706433) are refused. Operators allow more with
// Options: hosts and networks on their own premises, ports, a proxy.
//
// What goes wrong is a *steward.Failure: FailFetchBlocked for what the rules or the other side forbid, FailFetchTimeout for
// hosts that cannot be reached or do not answer in time. Transient is true when the same fetch may work later. When the
// caller's own context ends, its cause is returned instead. URLs are never repeated in messages beyond the host, as paths and
// queries carry secrets.
package safehttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stewardhq/steward"
)

// Resolver finds the addresses of a host. *net.Resolver is one.
type Resolver interface {
	// LookupNetIP returns the addresses of host; network is "ip".
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Options tunes a Client. The zero value is ready to use.
type Options struct {
	AllowHosts    []string       // names (or addresses) that may be reached wherever they are and on any port; no wildcards
	AllowNetworks []netip.Prefix // networks that may be reached although they are not public, on any port
	AllowPorts    []uint16       // ports besides 80, 443, 8080 and 8443 on public hosts
	Proxy         *url.URL       // http or https proxy for all requests; nil means none. The environment is never asked. See New

	Timeout       time.Duration // for a whole fetch with its redirects and body; 0 means 60s
	HeaderTimeout time.Duration // from the request to the end of the answer's header; 0 means 20s
	DialTimeout   time.Duration // for one connection, name look-up apart; 0 means 10s
	MaxBytes      int64         // of an answer's body after decompression; 0 means 100 MiB
	MaxRedirects  int           // 0 means 5; negative means none
	IdlePerHost   int           // connections to one host that wait for another request; 0 means 2
	UserAgent     string        // "" means "Steward/1"
	Resolver      Resolver      // nil means the system's

	// Dial connects to an address and port that were checked, or to the proxy. nil means net.Dialer; tests set it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client fetches. Safe for concurrent use.
type Client struct {
	opts      Options
	hosts     map[string]bool // AllowHosts, normalised
	transport *http.Transport
}

// New returns a client. nil opts is fine. With a proxy, names that resolve here and literal addresses are checked as ever, but it is
// the proxy that looks the name up again and connects: it must have its own rules about where to.
//
// Errors: Invalid for options that cannot be meant.
func New(opts *Options) (*Client, error) {
	c := &Client{hosts: make(map[string]bool)}
	if opts != nil {
		c.opts = *opts
	}
	if err := c.opts.validate(); err != nil {
		return nil, err
	}
	c.opts.fill()
	for _, h := range c.opts.AllowHosts {
		c.hosts[normalHost(h)] = true
	}
	c.transport = &http.Transport{
		Proxy:                  nil,
		DialContext:            c.dial,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    c.opts.DialTimeout,
		ResponseHeaderTimeout:  c.opts.HeaderTimeout,
		MaxResponseHeaderBytes: 256 << 10,
		MaxIdleConns:           max(32, 8*c.opts.IdlePerHost),
		MaxIdleConnsPerHost:    c.opts.IdlePerHost,
		IdleConnTimeout:        30 * time.Second,
	}
	if c.opts.Proxy != nil {
		c.transport.Proxy = http.ProxyURL(c.opts.Proxy)
		c.transport.DialContext = c.opts.Dial
	}
	return c, nil
}

func (o *Options) validate() error {
	invalid := func(format string, args ...any) error {
		return &steward.Error{Code: steward.Invalid, Message: "Fetch rules: " + fmt.Sprintf(format, args...)}
	}
	for _, h := range o.AllowHosts {
		if h == "" || strings.ContainsAny(h, "*/ ") {
			return invalid("%q is not a host name.", h)
		}
	}
	for _, p := range o.AllowNetworks {
		if !p.IsValid() {
			return invalid("an allowed network is not valid.")
		}
	}
	if o.Proxy != nil && (o.Proxy.Host == "" || o.Proxy.Scheme != "http" && o.Proxy.Scheme != "https") {
		return invalid("the proxy must be an http or https URL.")
	}
	if o.Timeout < 0 || o.HeaderTimeout < 0 || o.DialTimeout < 0 || o.MaxBytes < 0 || o.IdlePerHost < 0 {
		return invalid("times and sizes must not be negative.")
	}
	return nil
}

func (o *Options) fill() {
	o.AllowHosts = slices.Clone(o.AllowHosts)
	o.AllowNetworks = slices.Clone(o.AllowNetworks)
	o.AllowPorts = append(slices.Clone(o.AllowPorts), 80, 443, 8080, 8443)
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.HeaderTimeout == 0 {
		o.HeaderTimeout = 20 * time.Second
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = 10 * time.Second
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 100 << 20
	}
	if o.MaxRedirects == 0 {
		o.MaxRedirects = 5
	}
	if o.UserAgent == "" {
		o.UserAgent = "Steward/1"
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: o.DialTimeout}).DialContext
	}
}

// Get fetches rawURL. The answer's body streams, and must be closed; any status is an answer. See Do.
func (c *Client) Get(ctx context.Context, rawURL string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return nil, blocked("The URL is not valid.")
	}
	return c.Do(req)
}

// Do sends req and follows its redirects. The answer's body streams, is cut off with an error behind MaxBytes and when the time
// is up, and must be closed. The answer's Request.URL is where it came from in the end. Headers other than Accept,
// Accept-Language and User-Agent stay behind when a redirect leaves the host (or its scheme or port), and so does a body:
// such a redirect is refused. req is not changed.
//
// Errors: *steward.Failure, or the cause of req's context when that ended; see the package comment.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	if err := c.check(req.URL); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(req.Context(), c.opts.Timeout, errOutOfTime)
	sent := req.Clone(ctx)
	if sent.Header == nil {
		sent.Header = make(http.Header)
	}
	if sent.Header.Get("User-Agent") == "" {
		sent.Header.Set("User-Agent", c.opts.UserAgent)
	}
	client := http.Client{Transport: c.transport, CheckRedirect: c.checkRedirect}
	if c.opts.Proxy != nil {
		client.Transport = checked{c}
	}
	res, err := client.Do(sent)
	if err != nil {
		err = failure(ctx, err)
		cancel()
		return nil, err
	}
	if res.ContentLength > c.opts.MaxBytes && req.Method != http.MethodHead {
		cancel()
		return nil, errors.Join(tooLarge(c.opts.MaxBytes), res.Body.Close())
	}
	res.Body = &body{ReadCloser: res.Body, ctx: ctx, cancel: cancel, left: c.opts.MaxBytes, limit: c.opts.MaxBytes}
	return res, nil
}

// CloseIdle closes the connections that wait for another request.
func (c *Client) CloseIdle() { c.transport.CloseIdleConnections() }

// Check reports whether the rules let rawURL be fetched, as far as can be told without asking the network. A nil error does not
// mean that a fetch will be let through: the host's addresses are only known then.
//
// Errors: *steward.Failure with FailFetchBlocked.
func (c *Client) Check(rawURL string) error {
	u, err := url.Parse(rawURL)
	if err != nil {
		return blocked("The URL is not valid.")
	}
	return c.check(u)
}

// checkRedirect applies the rules to a redirect, and leaves behind what is not for another host's eyes.
func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	if c.opts.MaxRedirects < 0 {
		return blocked("The URL redirects, which is not followed.")
	}
	if len(via) > c.opts.MaxRedirects {
		return blocked("The URL redirects more than %d times.", c.opts.MaxRedirects)
	}
	if err := c.check(req.URL); err != nil {
		return err
	}
	if sameOrigin(req.URL, via[len(via)-1].URL) && sameOrigin(req.URL, via[0].URL) {
		return nil
	}
	if req.Body != nil && req.Body != http.NoBody {
		return blocked("The URL redirects a request with a body to another host.")
	}
	for name := range req.Header {
		if name != "Accept" && name != "Accept-Language" && name != "User-Agent" {
			req.Header.Del(name)
		}
	}
	return nil
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

// checked looks at the addresses of each request's host before a proxy is asked for it.
type checked struct{ c *Client }

// RoundTrip implements http.RoundTripper.
func (t checked) RoundTrip(req *http.Request) (*http.Response, error) {
	_, err := t.c.addresses(req.Context(), req.URL.Hostname(), portOf(req.URL))
	var dns *net.DNSError
	if err != nil && !errors.As(err, &dns) { // a name that only the proxy knows is the proxy's to judge
		return nil, err
	}
	return t.c.transport.RoundTrip(req)
}

var errOutOfTime = errors.New("the time for a fetch is up")
