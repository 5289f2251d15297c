// Package client is the Go SDK of Steward.
//
//	c, err := client.New(nil) // STEWARD_API_KEY and STEWARD_BASE_URL, or the credentials of a local server
//	job, err := c.Run(ctx, agentID, client.RunParams{Inputs: client.Inputs{"pdf_files": client.FilePath("invoice.pdf")}})
//	result, err := c.Wait(ctx, job, nil)
//	for _, out := range result.Outputs { fmt.Println(out.Value) }
//
// A Client is safe for concurrent use. Calls that may be repeated without harm are retried on passing faults; every error
// that the server answered is an *Error, and steward.CodeOf tells its kind. The package imports only the standard library and
// the nouns of the root package. Stability: may change until 1.0.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stewardhq/steward"
)

// Options configures a Client. What is left out is read from the environment (STEWARD_API_KEY, STEWARD_BASE_URL) and then
// from the credentials that a local server left in its data folder (STEWARD_DATA, or ./steward-data).
type Options struct {
	APIKey     string
	BaseURL    string        // such as http://127.0.0.1:8080
	Timeout    time.Duration // of one request without a file; 0 means 60 s
	MaxRetries int           // extra tries of calls that may be repeated; 0 means 3, below 0 none
	HTTPClient *http.Client  // nil means one of the client's own
	UserAgent  string        // put before the SDK's own
	Logger     *slog.Logger  // nil means silence
	DataFolder string        // where a local server keeps its credentials; "" means as above
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
	if err := o.complete(); err != nil {
		return nil, err
	}
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("base URL %q is not an http or https URL", o.BaseURL)
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Client{
		key: strings.TrimSpace(strings.TrimPrefix(o.APIKey, "Bearer ")), base: strings.TrimRight(o.BaseURL, "/"),
		http: o.HTTPClient, timeout: o.Timeout, retries: max(o.MaxRetries, 0),
		userAgent: strings.TrimSpace(o.UserAgent + " steward-go/" + Version), log: o.Logger,
	}, nil
}

// complete fills what the caller left out.
func (o *Options) complete() error {
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.MaxRetries == 0 {
		o.MaxRetries = 3
	}
	if o.APIKey == "" {
		o.APIKey = os.Getenv("STEWARD_API_KEY")
	}
	if o.BaseURL == "" {
		o.BaseURL = os.Getenv("STEWARD_BASE_URL")
	}
	if o.APIKey != "" && o.BaseURL != "" {
		return nil
	}
	key, base, err := o.credentials()
	if err != nil {
		return err
	}
	if o.APIKey == "" {
		o.APIKey = key
	}
	if o.BaseURL == "" {
		o.BaseURL = base
	}
	if o.BaseURL == "" {
		o.BaseURL = "http://127.0.0.1:8080"
	}
	if o.APIKey == "" {
		return ErrNoAPIKey
	}
	return nil
}

// credentials reads what the first start of a local server wrote. A missing file is no error.
func (o *Options) credentials() (key, base string, err error) {
	folder := o.DataFolder
	if folder == "" {
		folder = os.Getenv("STEWARD_DATA")
	}
	if folder == "" {
		folder = "steward-data"
	}
	text, err := os.ReadFile(filepath.Join(folder, "credentials.json")) //nolint:gosec // the caller names the folder
	if errors.Is(err, os.ErrNotExist) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("read credentials: %w", err)
	}
	var c struct {
		APIKey  string `json:"api_key"`
		BaseURL string `json:"base_url"`
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return "", "", fmt.Errorf("read credentials.json: %w", err)
	}
	return c.APIKey, c.BaseURL, nil
}

// BaseURL returns the server's address.
func (c *Client) BaseURL() string { return c.base }

// request is one call before it is sent.
type request struct {
	method string
	path   string // with a leading slash
	query  url.Values
	header http.Header
	body   func() (io.ReadCloser, error) // made anew for each try; nil means none
	ctype  string
	safe   bool // may be repeated after any fault, not only when the server refused it
	once   bool // the body cannot be made twice
	slow   bool // no time limit but the context's
}

// jsonBody makes the body of a request with a JSON value.
func jsonBody(v any) (func() (io.ReadCloser, error), error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }, nil
}

// get fetches a JSON document.
func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.call(ctx, &request{method: http.MethodGet, path: path, query: query, safe: true}, out)
}

// call sends a request and decodes the answer into out, which may be nil.
func (c *Client) call(ctx context.Context, r *request, out any) error {
	resp, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer resp.close()
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("%s %s: decode answer: %w", r.method, r.path, err)
	}
	return nil
}

// response is an answer with the end of its time limit.
type response struct {
	*http.Response
	cancel context.CancelFunc
}

// close reads a little more, so that the connection can be used again, and closes the body.
func (r *response) close() {
	_, _ = io.CopyN(io.Discard, r.Body, 64<<10) // only to keep the connection; the answer is already here
	_ = r.Body.Close()                          // nothing was written; nothing to lose
	r.cancel()
}

// send sends a request, again after passing faults. A response is returned only with a status below 300.
func (c *Client) send(ctx context.Context, r *request) (*response, error) {
	for try := 0; ; try++ {
		resp, err := c.once(ctx, r)
		if err == nil {
			return resp, nil
		}
		wait, again := c.backoff(r, try, err)
		if !again || ctx.Err() != nil {
			return nil, err
		}
		c.log.DebugContext(ctx, "retrying", "method", r.method, "path", r.path, "try", try+1, "wait", wait, "error", err)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		}
	}
}

// once makes one try.
func (c *Client) once(ctx context.Context, r *request) (*response, error) {
	ctx, cancel := c.limit(ctx, r)
	resp, err := c.do(ctx, r)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	if resp.StatusCode >= 300 {
		defer cancel()
		return nil, readError(r, resp)
	}
	return &response{resp, cancel}, nil
}

func (c *Client) limit(ctx context.Context, r *request) (context.Context, context.CancelFunc) {
	if r.slow {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.timeout)
}

func (c *Client) do(ctx context.Context, r *request) (*http.Response, error) {
	var body io.ReadCloser
	if r.body != nil {
		var err error
		if body, err = r.body(); err != nil {
			return nil, err
		}
	}
	u := c.base + r.path
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u, body)
	if err != nil {
		return nil, err
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if r.ctype != "" {
		req.Header.Set("Content-Type", r.ctype)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("User-Agent", c.userAgent)
	return c.http.Do(req)
}

// IsNotFound reports whether err says that something does not exist.
func IsNotFound(err error) bool { return steward.CodeOf(err) == steward.NotFound }
