package safehttp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/safehttp"
)

// network is an internet of names in which every address leads to servers of the test.
type network struct {
	mu      sync.Mutex
	names   map[string][][]string // answers of one look-up after the other; the last one stays
	servers map[string]string     // "address:port" as dialled → where it really is
	dialled []string
}

// LookupNetIP implements safehttp.Resolver.
func (n *network) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	answers := n.names[host]
	if len(answers) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(answers) > 1 {
		n.names[host] = answers[1:]
	}
	var out []netip.Addr
	for _, s := range answers[0] {
		out = append(out, netip.MustParseAddr(s))
	}
	return out, nil
}

func (n *network) dial(ctx context.Context, netw, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dialled = append(n.dialled, address)
	to, ok := n.servers[address]
	n.mu.Unlock()
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: netw, Err: errors.New("connection refused")}
	}
	return new(net.Dialer).DialContext(ctx, netw, to)
}

func (n *network) dials() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string{}, n.dialled...)
}

// serve starts a server for h and gives it public addresses.
func (n *network) serve(t *testing.T, h http.HandlerFunc, addresses ...string) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	if n.servers == nil {
		n.servers = make(map[string]string)
	}
	for _, a := range addresses {
		n.servers[a] = srv.Listener.Addr().String()
	}
}

func (n *network) client(t *testing.T, opts safehttp.Options) *safehttp.Client {
	t.Helper()
	opts.Resolver, opts.Dial = n, n.dial
	c, err := safehttp.New(&opts)
	if err != nil {
		t.Fatalf("new: %v", err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

func wantFailure(t *testing.T, err error, code steward.FailureCode, transient bool) {
	t.Helper()
	var f *steward.Failure
	if !errors.As(err, &f) || f.Code != code || f.Transient != transient {
		t.Errorf("got %v, want %s, transient %v", err, code, transient)
	}
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s) } //nolint:errcheck // the client's side is checked
}

func readAll(res *http.Response) (string, error) {
	b, err := io.ReadAll(res.Body)
	return string(b), errors.Join(err, res.Body.Close())
}

func TestPublic(t *testing.T) {
	t.Parallel()
	public := []string{"1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1",
		"198.17.0.1", "198.20.0.1", "223.255.255.255", "168.63.129.15", "2001:200::1", "2606:4700::1111", "2a00:1450:4001::1"}
	private := []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.255.255.254", "168.63.129.16",
		"169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1",
		"198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::808:808", "64:ff9b:1::1", "100::1",
		"fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "2606:4700::1111%eth0", "fec0::1", "ff02::1", "2001::1", "2001:10::1",
		"2001:20::1", "2001:2::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "4000::1", "5f00::1",
	}
	for _, s := range public {
		if !safehttp.Public(netip.MustParseAddr(s)) {
			t.Errorf("%s is public", s)
		}
	}
	for _, s := range private {
		if safehttp.Public(netip.MustParseAddr(s)) {
			t.Errorf("%s is not public", s)
		}
	}
	if safehttp.Public(netip.Addr{}) {
		t.Error("no address is not public")
	}
}

// hostileURLs must be refused without a look-up of a name or a connection.
func hostileURLs() []string {
	return []string{
		"", "/path", "//host/path", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)", "http:example.com",
		"http://", "http://:80/", "http://user@example.com/", "http://user:password@example.com/", "http://example.com:0/", "http://example.com:22/",
		"http://example.com:6379/", "http://example.com:70000/", "http://example.com:port/", "https://example.com:25/",
		"http://localhost/", "http://LOCALHOST./", "http://a.localhost/", "http://127.0.0.1/", "http://127.0.0.1.:8080/", "http://127.1/",
		"http://0x7f.1/", "http://0x7f000001/", "http://2130706433/", "http://0177.0.0.1/", "http://0/", "http://127.0.0.0x1/", "http://1.1.1.1.1/",
		"http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::ffff:8.8.8.8]/", "http://[fe80::1%25eth0]/",
		"http://[64:ff9b::7f00:1]/", "http://[fd00:ec2::254]/latest/", "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/",
		"http://192.168.0.1:8080/", "http://100.100.100.200/", "http://0.0.0.0/", "http://224.0.0.1/", "http://%31%32%37.0.0.1/", "http://exa mple.com/",
	}
}

func TestRefusesByTheURL(t *testing.T) {
	t.Parallel()
	n := &network{}
	c := n.client(t, safehttp.Options{})
	for _, u := range hostileURLs() {
		wantFailure(t, c.Check(u), steward.FailFetchBlocked, false)
		_, err := c.Get(t.Context(), u)
		wantFailure(t, err, steward.FailFetchBlocked, false)
		if t.Failed() {
			t.Fatalf("URL %q", u)
		}
	}
	if d := n.dials(); len(d) > 0 {
		t.Errorf("dialled %v", d)
	}
	for _, u := range []string{"http://example.com", "https://example.com:443/a?b=c#d", "HTTP://EXAMPLE.com.:8080/", "https://8.8.8.8:8443/", "http://1.1.1.a/"} {
		if err := c.Check(u); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestRefusesByTheAddress(t *testing.T) {
	t.Parallel()
	names := map[string][][]string{
		"loopback.test": {{"127.0.0.1"}},
		"metadata.test": {{"169.254.169.254"}},
		"mapped.test":   {{"::ffff:10.0.0.1"}},
		"nat64.test":    {{"64:ff9b::a00:1"}},
		"mixed.test":    {{"93.184.216.34", "192.168.1.1"}},
		"six.test":      {{"93.184.216.34", "::1"}},
	}
	n := &network{names: names}
	c := n.client(t, safehttp.Options{})
	for name := range names {
		_, err := c.Get(t.Context(), "http://"+name+"/")
		wantFailure(t, err, steward.FailFetchBlocked, false)
	}
	// Digits of other scripts are folded to ASCII on the way to the connection.
	_, err := c.Get(t.Context(), "http://①②⑦.⓪.⓪.①/")
	wantFailure(t, err, steward.FailFetchBlocked, false)
	if d := n.dials(); len(d) > 0 {
		t.Errorf("dialled %v", d)
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	t.Run("streams an answer from the address that was checked", func(t *testing.T) {
		t.Parallel()
		n := &network{names: map[string][][]string{"good.test": {{"2606:4700::1", "::ffff:93.184.216.34"}}}}
		n.serve(t, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %s %s", r.Host, r.URL.RequestURI(), r.UserAgent()) //nolint:errcheck // the client's side is checked
		}, "93.184.216.34:80")
		res, err := n.client(t, safehttp.Options{}).Get(t.Context(), "http://good.test/a?b=c")
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(res)
		if want := "good.test /a?b=c Steward/1"; err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		if d := n.dials(); len(d) != 1 || d[0] != "93.184.216.34:80" {
			t.Errorf("dialled %v", d)
		}
	})
	t.Run("tries the next address when one is down", func(t *testing.T) {
		t.Parallel()
		n := &network{names: map[string][][]string{"good.test": {{"1.1.1.1", "2606:4700::1"}}}}
		n.serve(t, text("six"), "[2606:4700::1]:8080")
		res, err := n.client(t, safehttp.Options{}).Get(t.Context(), "http://good.test:8080/")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readAll(res); err != nil || got != "six" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("is not moved by a name that changes its answer", func(t *testing.T) {
		t.Parallel()
		n := &network{names: map[string][][]string{"rebind.test": {{"93.184.216.34"}, {"127.0.0.1"}}}}
		n.serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") }, "93.184.216.34:80")
		n.serve(t, text("secret"), "127.0.0.1:80")
		c := n.client(t, safehttp.Options{})
		res, err := c.Get(t.Context(), "http://rebind.test/")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(res); err != nil {
			t.Fatal(err)
		}
		_, err = c.Get(t.Context(), "http://rebind.test/")
		wantFailure(t, err, steward.FailFetchBlocked, false)
		if d := n.dials(); len(d) != 1 || d[0] != "93.184.216.34:80" {
			t.Errorf("dialled %v", d)
		}
	})
	t.Run("hands on any status", func(t *testing.T) {
		t.Parallel()
		n := &network{names: map[string][][]string{"good.test": {{"1.1.1.1"}}}}
		n.serve(t, http.NotFound, "1.1.1.1:80")
		res, err := n.client(t, safehttp.Options{}).Get(t.Context(), "http://good.test/")
		if err != nil || res.StatusCode != http.StatusNotFound {
			t.Fatalf("got %v, %v", res, err)
		}
		if _, err := readAll(res); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	n := &network{names: map[string][][]string{
		"a.test": {{"1.1.1.1"}}, "b.test": {{"2.2.2.2"}}, "inside.test": {{"10.0.0.1"}},
	}}
	n.serve(t, func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			return
		}
		if left, err := strconv.Atoi(r.URL.Query().Get("left")); err == nil && left > 0 {
			http.Redirect(w, r, fmt.Sprintf("/?left=%d", left-1), http.StatusFound)
			return
		}
		for _, name := range []string{"Authorization", "Cookie", "X-Api-Key", "Referer", "Accept"} {
			fmt.Fprintf(w, "%s=%s;", name, r.Header.Get(name)) //nolint:errcheck // the client's side is checked
		}
	}, "1.1.1.1:80", "2.2.2.2:80")
	c := n.client(t, safehttp.Options{})
	do := func(t *testing.T, method, rawURL string) (*http.Response, error) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, rawURL, nil)
		if method == http.MethodPost {
			req, err = http.NewRequestWithContext(t.Context(), method, rawURL, strings.NewReader("body"))
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"Authorization", "Cookie", "X-Api-Key", "Accept"} {
			req.Header.Set(name, "x")
		}
		return c.Do(req)
	}
	blocked := map[string]string{
		"to a private address":     "http://127.0.0.1/",
		"to a private name":        "http://inside.test/",
		"to the metadata service":  "http://169.254.169.254/latest/meta-data/",
		"to another scheme":        "file:///etc/passwd",
		"to an odd port":           "http://b.test:6379/",
		"with a user in the URL":   "http://user:pw@b.test/",
		"by way of a public host":  "http://b.test/?to=" + url.QueryEscape("http://10.0.0.1/"),
		"to a number like address": "http://2130706433/",
	}
	for name, to := range blocked {
		t.Run("are refused "+name, func(t *testing.T) {
			t.Parallel()
			_, err := do(t, http.MethodGet, "http://a.test/?to="+url.QueryEscape(to))
			wantFailure(t, err, steward.FailFetchBlocked, false)
		})
	}
	t.Run("are followed five times, not six", func(t *testing.T) {
		t.Parallel()
		res, err := do(t, http.MethodGet, "http://a.test/?left=5")
		if err != nil {
			t.Fatalf("five: %v", err)
		}
		if _, err := readAll(res); err != nil || res.Request.URL.RawQuery != "left=0" {
			t.Errorf("ended at %s, %v", res.Request.URL, err)
		}
		_, err = do(t, http.MethodGet, "http://a.test/?left=6")
		wantFailure(t, err, steward.FailFetchBlocked, false)
	})
	headers := map[string]string{
		"http://a.test/?to=/": "Authorization=x;Cookie=x;X-Api-Key=x;Referer=http://a.test/?to=/;Accept=x;",
		"http://a.test/?to=" + url.QueryEscape("http://b.test/"):                                       "Authorization=;Cookie=;X-Api-Key=;Referer=;Accept=x;",
		"http://a.test/?to=" + url.QueryEscape("http://b.test/?to=/"):                                  "Authorization=;Cookie=;X-Api-Key=;Referer=;Accept=x;",
		"http://a.test/?to=" + url.QueryEscape("http://b.test/?to="+url.QueryEscape("http://a.test/")): "Authorization=;Cookie=;X-Api-Key=;Referer=;Accept=x;",
	}
	for from, want := range headers {
		t.Run("carry credentials to the same host only: "+from, func(t *testing.T) {
			t.Parallel()
			res, err := do(t, http.MethodGet, from)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := readAll(res); err != nil || got != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		})
	}
	t.Run("do not carry a body to another host", func(t *testing.T) {
		t.Parallel()
		_, err := do(t, http.MethodPost, "http://a.test/?to="+url.QueryEscape("http://b.test/"))
		wantFailure(t, err, steward.FailFetchBlocked, false)
	})
	t.Run("can be forbidden", func(t *testing.T) {
		t.Parallel()
		_, err := n.client(t, safehttp.Options{MaxRedirects: -1}).Get(t.Context(), "http://a.test/?to=/")
		wantFailure(t, err, steward.FailFetchBlocked, false)
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	setUp := func(t *testing.T, h http.HandlerFunc, opts safehttp.Options) *safehttp.Client {
		t.Helper()
		n := &network{names: map[string][][]string{"slow.test": {{"1.1.1.1"}}}}
		n.serve(t, h, "1.1.1.1:80")
		return n.client(t, opts)
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		http.NewResponseController(w).Flush() //nolint:errcheck // the client's side is checked
		<-r.Context().Done()
	}
	t.Run("the size, when announced", func(t *testing.T) {
		t.Parallel()
		_, err := setUp(t, text("0123456789"), safehttp.Options{MaxBytes: 9}).Get(t.Context(), "http://slow.test/")
		wantFailure(t, err, steward.FailFetchBlocked, false)
	})
	for name, size := range map[string]int64{"over": 999, "exact": 1000} {
		t.Run("the size, when it turns out: "+name, func(t *testing.T) {
			t.Parallel()
			c := setUp(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				z.Write(make([]byte, 1000)) //nolint:errcheck // the client's side is checked
				z.Close()                   //nolint:errcheck // same
			}, safehttp.Options{MaxBytes: size})
			res, err := c.Get(t.Context(), "http://slow.test/")
			if err != nil {
				t.Fatal(err)
			}
			got, err := readAll(res)
			if int64(len(got)) != size {
				t.Errorf("got %d bytes, want %d", len(got), size)
			}
			if size == 1000 && err != nil {
				t.Errorf("got %v", err)
			}
			if size < 1000 {
				wantFailure(t, err, steward.FailFetchBlocked, false)
			}
		})
	}
	t.Run("the time to the header", func(t *testing.T) {
		t.Parallel()
		c := setUp(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, safehttp.Options{HeaderTimeout: 20 * time.Millisecond})
		_, err := c.Get(t.Context(), "http://slow.test/")
		wantFailure(t, err, steward.FailFetchTimeout, true)
	})
	t.Run("the time of everything", func(t *testing.T) {
		t.Parallel()
		res, err := setUp(t, endless, safehttp.Options{Timeout: 50 * time.Millisecond}).Get(t.Context(), "http://slow.test/")
		if err != nil {
			t.Fatal(err)
		}
		_, err = readAll(res)
		wantFailure(t, err, steward.FailFetchTimeout, true)
	})
	t.Run("the caller's context, whose cause comes back", func(t *testing.T) {
		t.Parallel()
		c := setUp(t, endless, safehttp.Options{})
		ctx, cancel := context.WithCancelCause(t.Context())
		res, err := c.Get(ctx, "http://slow.test/")
		if err != nil {
			t.Fatal(err)
		}
		cause := errors.New("the job was cancelled")
		cancel(cause)
		if _, err := readAll(res); !errors.Is(err, cause) {
			t.Errorf("reading: got %v", err)
		}
		if _, err := c.Get(ctx, "http://slow.test/"); !errors.Is(err, cause) {
			t.Errorf("fetching: got %v", err)
		}
	})
	t.Run("the header's size", func(t *testing.T) {
		t.Parallel()
		c := setUp(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 300<<10)) }, safehttp.Options{})
		_, err := c.Get(t.Context(), "http://slow.test/")
		wantFailure(t, err, steward.FailFetchTimeout, true)
	})
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	n := &network{names: map[string][][]string{"down.test": {{"1.1.1.1"}}, "empty.test": {{}}, "self.test": {{"2.2.2.2"}}, "plain.test": {{"3.3.3.3"}}}}
	tls := httptest.NewUnstartedServer(text("x"))
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	t.Cleanup(tls.Close)
	n.serve(t, text("x"), "3.3.3.3:443")
	n.servers["2.2.2.2:443"] = tls.Listener.Addr().String()
	c := n.client(t, safehttp.Options{})
	cases := map[string]struct {
		code      steward.FailureCode
		transient bool
	}{
		"http://down.test/path?token=secret": {steward.FailFetchTimeout, true},
		"http://nowhere.test/?token=secret":  {steward.FailFetchTimeout, false},
		"http://empty.test/":                 {steward.FailFetchTimeout, false},
		"https://self.test/?token=secret":    {steward.FailFetchBlocked, false},
		"https://plain.test/":                {steward.FailFetchBlocked, false},
	}
	for u, want := range cases {
		_, err := c.Get(t.Context(), u)
		wantFailure(t, err, want.code, want.transient)
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error repeats the URL: %v", err)
		}
	}
}

func TestAllowList(t *testing.T) {
	t.Parallel()
	names := map[string][][]string{"intranet.test": {{"10.1.2.3"}}, "other.test": {{"10.9.9.9"}}, "public.test": {{"1.1.1.1"}}}
	cases := map[string]struct {
		opts    safehttp.Options
		allowed []string
		refused []string
	}{
		"a host, with any port": {safehttp.Options{AllowHosts: []string{"Intranet.test."}},
			[]string{"http://intranet.test/", "http://INTRANET.test.:9999/"}, []string{"http://other.test/", "http://10.1.2.3/", "http://public.test:9999/"}},
		"an address": {safehttp.Options{AllowHosts: []string{"10.1.2.3", "::1"}},
			[]string{"http://10.1.2.3:9999/", "http://[::1]/"}, []string{"http://intranet.test/", "http://127.0.0.1/"}},
		"a network, with any port": {safehttp.Options{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}},
			[]string{"http://intranet.test:9999/", "http://10.1.2.3/"}, []string{"http://other.test/", "http://[::ffff:10.1.2.3]/", "http://public.test:9999/"}},
		"a port, on public hosts": {safehttp.Options{AllowPorts: []uint16{9999}},
			[]string{"http://public.test:9999/", "http://public.test/"}, []string{"http://intranet.test:9999/", "http://public.test:9998/"}},
		"localhost": {safehttp.Options{AllowHosts: []string{"localhost"}}, []string{"http://localhost:9999/"}, []string{"http://127.0.0.1:9999/"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &network{names: map[string][][]string{"localhost": {{"127.0.0.1"}}}}
			for k, v := range names {
				n.names[k] = v
			}
			for _, a := range []string{"10.1.2.3", "1.1.1.1", "[::1]", "127.0.0.1", "10.9.9.9"} {
				n.serve(t, text("x"), a+":80", a+":9999")
			}
			client := n.client(t, c.opts)
			for _, u := range c.allowed {
				res, err := client.Get(t.Context(), u)
				if err != nil {
					t.Errorf("%s: %v", u, err)
					continue
				}
				if _, err := readAll(res); err != nil {
					t.Errorf("%s: %v", u, err)
				}
			}
			for _, u := range c.refused {
				_, err := client.Get(t.Context(), u)
				wantFailure(t, err, steward.FailFetchBlocked, false)
			}
		})
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	t.Run("of the environment is not used", func(t *testing.T) {
		t.Parallel()
		n := &network{names: map[string][][]string{"good.test": {{"1.1.1.1"}}}}
		n.serve(t, text("direct"), "1.1.1.1:80")
		res, err := n.client(t, safehttp.Options{}).Get(t.Context(), "http://good.test/")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readAll(res); err != nil || got != "direct" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("of the options is, for what the rules allow", func(t *testing.T) {
		t.Parallel()
		n := &network{names: map[string][][]string{"good.test": {{"1.1.1.1"}}, "inside.test": {{"10.0.0.1"}}}}
		n.serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/away" {
				http.Redirect(w, r, "http://inside.test/", http.StatusFound)
				return
			}
			io.WriteString(w, "by proxy: "+r.URL.String()) //nolint:errcheck // the client's side is checked
		}, "proxy.internal:3128")
		c := n.client(t, safehttp.Options{Proxy: &url.URL{Scheme: "http", Host: "proxy.internal:3128"}})
		for _, u := range []string{"http://good.test/x", "http://known-to-proxy.test/x"} {
			res, err := c.Get(t.Context(), u)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := readAll(res); err != nil || got != "by proxy: "+u {
				t.Errorf("got %q, %v", got, err)
			}
		}
		for _, u := range []string{"http://inside.test/", "http://good.test/away", "http://127.0.0.1/", "http://good.test:6379/"} {
			_, err := c.Get(t.Context(), u)
			wantFailure(t, err, steward.FailFetchBlocked, false)
		}
	})
}

func TestNewRefusesOptionsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]safehttp.Options{
		"wildcard":        {AllowHosts: []string{"*.example.com"}},
		"empty host":      {AllowHosts: []string{""}},
		"invalid network": {AllowNetworks: []netip.Prefix{{}}},
		"odd proxy":       {Proxy: &url.URL{Scheme: "socks5", Host: "x"}},
		"negative time":   {Timeout: -1},
		"negative size":   {MaxBytes: -1},
	} {
		if _, err := safehttp.New(&o); steward.CodeOf(err) != steward.Invalid {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
	if _, err := safehttp.New(nil); err != nil {
		t.Errorf("no options: %v", err)
	}
}

func FuzzCheck(f *testing.F) {
	for _, u := range hostileURLs() {
		f.Add(u)
	}
	f.Add("https://example.com/a?b#c")
	c, err := safehttp.New(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if c.Check(raw) != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Hostname() == "" {
			t.Fatalf("let through %q", raw)
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !safehttp.Public(ip) {
			t.Fatalf("let through the address %s", ip)
		}
		if bytes.ContainsRune([]byte(u.Host), '@') {
			t.Fatalf("let through %q", raw)
		}
	})
}
