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
// Stability: may change until 1.0.
package client

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stewardhq/steward"
)

// Options configures a Client. What is left out is read from the credentials in DataFolder when that is set, then from the
// environment (STEWARD_API_KEY, STEWARD_BASE_URL), then from the credentials that a local server left in its data folder
// (STEWARD_DATA, or ./steward-data). A key of that last place is sent to no server but one on this machine or on its own host.
type Options struct {
	APIKey     string
	BaseURL    string        // such as http://127.0.0.1:8080
	Timeout    time.Duration // of one try of a call that moves no file; 0 means 60 s
	MaxRetries int           // extra tries of calls that may be repeated; 0 means 3, below 0 none
	HTTPClient *http.Client  // copied; nil means one of the client's own. Redirects are followed only as its CheckRedirect says
	UserAgent  string        // put before the SDK's own
	Logger     *slog.Logger  // told about retries; nil means silence
	DataFolder string        // of a local server, with its credentials; "" means as above
}

// ErrNoAPIKey is returned by New when no key is configured anywhere.
var ErrNoAPIKey = errors.New("no API key: set STEWARD_API_KEY, or STEWARD_DATA to the data folder of a local server")

// Version is the version of the SDK, as its User-Agent tells.
const Version = "0.1.0"

// Client speaks to one server with one key.
type Client struct {
	key       string
	base      string
	http      *http.Client
	timeout   time.Duration
	retries   int
	userAgent string
	log       *slog.Logger
}

// New returns a Client. nil opts is fine.
//
// Errors: ErrNoAPIKey; a base URL that is none; a credentials file that cannot be read.
func New(opts *Options) (*Client, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.fill()
	if err := o.discover(); err != nil {
		return nil, err
	}
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("base URL %q is not an http or https URL", o.BaseURL)
	}
	return &Client{
		key: o.APIKey, base: strings.TrimRight(o.BaseURL, "/"), http: o.HTTPClient, timeout: o.Timeout,
		retries: max(o.MaxRetries, 0), userAgent: strings.TrimSpace(o.UserAgent + " steward-go/" + Version), log: o.Logger,
	}, nil
}

// fill sets the defaults of what is not discovered.
func (o *Options) fill() {
	if o.Timeout <= 0 {
		o.Timeout = time.Minute
	}
	if o.MaxRetries == 0 {
		o.MaxRetries = 3
	}
	o.HTTPClient = httpClient(o.HTTPClient)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// idlePerHost is how many connections are kept for the next calls. The standard library's 2 would have a program with many
// runs in flight connect anew for nearly each of them.
const idlePerHost = 64

// httpClient returns a copy of given, or a new client. Redirects are answers as they are unless the caller decided otherwise:
// following one would turn a POST into a GET.
func httpClient(given *http.Client) *http.Client {
	c := http.Client{Transport: &http.Transport{
		Proxy:             http.ProxyFromEnvironment,
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

// BaseURL returns the server's address.
func (c *Client) BaseURL() string { return c.base }

// IsNotFound reports whether err says that something does not exist.
func IsNotFound(err error) bool { return steward.CodeOf(err) == steward.NotFound }
