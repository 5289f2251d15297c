// Package client is the Go SDK of Steward.
//
//	c, err := client.New(nil) // STEWARD_API_KEY and STEWARD_BASE_URL, or the credentials of a local server
//	job, err := c.Run(ctx, agentID, client.RunParams{Inputs: client.Inputs{"pdf_files": client.FilePath("invoice.pdf")}})
//	result, err := c.Wait(ctx, job, nil)
//	for _, out := range result.Outputs { fmt.Println(out.Value) }
//
// A Client is safe for concurrent use. Calls that may be repeated without harm are retried on passing faults. An answer of the
// server that says no is an *Error, and steward.CodeOf tells the kind of any error: Unavailable when no server answered,
// Timeout when one took too long. The package imports only the standard library and the nouns of the root package.
//
// Lists come in two forms: ListX fetches one page, X ranges over all rows, lazily, ends after its first error and starts over with
// every range. Options of single calls, such as a time limit or a request id, are given with Client.With.
//
// Stability: may change until 1.0.
package client

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stewardhq/steward"
)

// Options configures a Client. The zero value is ready to use.
//
// What is left out is read from the credentials in DataFolder when that is set, then from the environment, then from the
// credentials that a local server left in its data folder (STEWARD_DATA, or ./steward-data). A key of that last place is sent to
// no server but one on this machine or on its own host.
//
// The environment's names begin with STEWARD_. When it has ROE_API_KEY and ROE_BASE_URL, and neither STEWARD_API_KEY nor
// STEWARD_BASE_URL, its names may begin with ROE_ as well, so that programs which bring them need no change.
type Options struct {
	APIKey         string                 // API_KEY
	BaseURL        string                 // such as http://127.0.0.1:8080; BASE_URL
	OrganizationID steward.OrganizationID // sent along, so that a key of another organization is refused; "" means none; ORGANIZATION_ID
	Timeout        time.Duration          // of one try of a call that moves no file; 0 means 60 s; TIMEOUT, in seconds
	MaxRetries     int                    // extra tries of calls that may be repeated; 0 means 3, below 0 none; MAX_RETRIES, where 0 means none
	RetryWait      time.Duration          // before the first extra try, doubling; 0 means 200 ms; RETRY_INITIAL_MS
	MaxRetryWait   time.Duration          // longest wait between tries that the server did not ask for; 0 means 2 s; RETRY_MAX_MS
	ChunkDelay     time.Duration          // between the requests of one RunMany or SendBatchItems; 0 means none; BATCH_CHUNK_DELAY, in seconds
	Header         http.Header            // sent with every request besides the client's own; EXTRA_HEADERS, a JSON object
	Proxy          string                 // URL of a proxy for this client; "" means HTTPS_PROXY and the like say; not with HTTPClient; PROXY
	HTTPClient     *http.Client           // copied; nil means one of the client's own. Redirects are followed only as its CheckRedirect says
	UserAgent      string                 // put before the SDK's own
	Logger         *slog.Logger           // told about retries; nil means silence
	DataFolder     string                 // of a local server, with its credentials; "" means as above

	// BeforeRequest is called before every try, with the request as it will be sent, key included. It may add headers; an error
	// ends the call. AfterResponse is called after every try. Both must be safe for concurrent use; nil means none.
	BeforeRequest func(*http.Request) error
	AfterResponse func(Exchange)
}

// Exchange is one try of a call, as hooks see it.
type Exchange struct {
	Request  *http.Request
	Response *http.Response // nil when there was none; its body is not the hook's to read
	Err      error          // why there was none
	Try      int            // from 1
	Took     time.Duration  // until the head of the answer
}

// CallOptions tunes single calls; see Client.With. What is left out stays as the client has it.
type CallOptions struct {
	RequestID      string        // names the call in the server's log; "" means a fresh one for each call
	Header         http.Header   // sent besides the client's own
	Timeout        time.Duration // of one try, also of one that moves a file
	MaxRetries     int           // below 0 means none
	IdempotencyKey string        // for Run and CreateBatch, when their parameters have none, and for the creates of agents, versions, tags and webhooks
}

// ErrNoAPIKey is returned by New when no key is configured anywhere.
var ErrNoAPIKey = errors.New("no API key: set STEWARD_API_KEY, or STEWARD_DATA to the data folder of a local server")

// Version is the version of the SDK, as its User-Agent tells.
const Version = "0.1.0"

// Client speaks to one server with one key.
type Client struct {
	key        string
	base       string
	http       *http.Client
	timeout    time.Duration
	slow       time.Duration // of one try of a call that moves a file; 0 means none
	retries    int
	firstWait  time.Duration
	maxWait    time.Duration
	chunkDelay time.Duration
	header     http.Header // never changed
	userAgent  string
	log        *slog.Logger
	before     func(*http.Request) error
	after      func(Exchange)

	requestID      string // "" means a fresh one for each call
	idempotencyKey string
}

// New returns a Client. nil opts is fine.
//
// Errors: ErrNoAPIKey; a base URL that is none; a credentials file that cannot be read; a variable of the environment that cannot
// be understood.
//
// Stability: may change until 1.0.
func New(opts *Options) (*Client, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if err := o.discover(); err != nil {
		return nil, err
	}
	if err := o.fill(); err != nil {
		return nil, err
	}
	header := o.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if o.OrganizationID != "" {
		header.Set("X-Organization-Id", string(o.OrganizationID))
	}
	return &Client{
		key: o.APIKey, base: strings.TrimRight(o.BaseURL, "/"), http: o.HTTPClient, timeout: o.Timeout,
		retries: max(o.MaxRetries, 0), firstWait: o.RetryWait, maxWait: max(o.MaxRetryWait, o.RetryWait), chunkDelay: max(o.ChunkDelay, 0),
		header: header, userAgent: strings.TrimSpace(o.UserAgent + " steward-go/" + Version), log: o.Logger,
		before: o.BeforeRequest, after: o.AfterResponse,
	}, nil
}

// With returns a client for calls that need something else than the rest: c.With(client.CallOptions{MaxRetries: -1}).Agent(ctx, id).
// It shares the connections of c, which stays as it is.
//
// Stability: may change until 1.0.
func (c *Client) With(o CallOptions) *Client {
	out := *c
	if o.RequestID != "" {
		out.requestID = o.RequestID
	}
	if len(o.Header) > 0 {
		out.header = c.header.Clone()
		for name, values := range o.Header {
			out.header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
		}
	}
	if o.Timeout > 0 {
		out.timeout, out.slow = o.Timeout, o.Timeout
	}
	if o.MaxRetries != 0 {
		out.retries = max(o.MaxRetries, 0)
	}
	if o.IdempotencyKey != "" {
		out.idempotencyKey = o.IdempotencyKey
	}
	return &out
}

// fill sets the defaults of what was not discovered.
func (o *Options) fill() error {
	if o.Timeout <= 0 {
		o.Timeout = time.Minute
	}
	if o.MaxRetries == 0 {
		o.MaxRetries = 3
	}
	if o.RetryWait <= 0 {
		o.RetryWait = firstWait
	}
	if o.MaxRetryWait <= 0 {
		o.MaxRetryWait = maxWait
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	proxy := http.ProxyFromEnvironment
	if o.Proxy != "" && o.HTTPClient == nil {
		u, err := url.Parse(o.Proxy)
		if err != nil || u.Host == "" {
			return errors.New("the proxy is not a URL") // it may hold a password
		}
		proxy = http.ProxyURL(u)
	}
	o.HTTPClient = httpClient(o.HTTPClient, proxy)
	return nil
}

// idlePerHost is how many connections are kept for the next calls. The standard library's 2 would have a program with many
// runs in flight connect anew for nearly each of them.
const idlePerHost = 64

// httpClient returns a copy of given, or a new client. Redirects are answers as they are unless the caller decided otherwise:
// following one would turn a POST into a GET.
func httpClient(given *http.Client, proxy func(*http.Request) (*url.URL, error)) *http.Client {
	c := http.Client{Transport: &http.Transport{
		Proxy:             proxy,
		DialContext:       (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2: true, MaxIdleConnsPerHost: idlePerHost, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
	}}
	if given != nil {
		c = *given
	}
	if c.CheckRedirect == nil {
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return &c
}

// Close lets go of the connections that are kept for the next calls. Calls that are going on are not disturbed, and the client
// can still be used.
//
// Stability: may change until 1.0.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// BaseURL returns the server's address.
//
// Stability: may change until 1.0.
func (c *Client) BaseURL() string { return c.base }

// IsNotFound reports whether err says that something does not exist.
//
// Stability: may change until 1.0.
func IsNotFound(err error) bool { return steward.CodeOf(err) == steward.NotFound }
