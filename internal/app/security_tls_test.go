package app_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/app/tlstest"
)

// secured is a server that speaks TLS, and the files that it does so with.
type secured struct {
	*app.Server
	t         *testing.T
	authority *tlstest.Authority
	cert, key string
	address   string
	log       *book
}

// book is a log to read in.
type book struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *book) has(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.text.String(), text)
}

// serveTLS starts one with a pair of a new authority.
func serveTLS(t *testing.T, change func(x *secured, c *app.Config)) (x *secured, pair tlstest.Pair) {
	t.Helper()
	dir := t.TempDir()
	x = &secured{t: t, authority: tlstest.NewAuthority(t), cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), log: &book{}}
	pair = x.authority.Pair(time.Now().Add(365 * 24 * time.Hour))
	pair.Write(t, x.cert, x.key)
	c := app.Defaults()
	c.Data, c.Listen, c.OCR, c.Models.Detect = filepath.Join(dir, "data"), "127.0.0.1:0", app.OCROff, app.DetectOff
	c.TLSCert, c.TLSKey, c.Workers.Grace = x.cert, x.key, 0
	if change != nil {
		change(x, &c)
	}
	s, err := app.Open(t.Context(), c, app.Options{Getenv: env(nil), Logger: slog.New(slog.NewTextHandler(x.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	x.Server, x.address = s, strings.TrimPrefix(s.BaseURL(), "https://")
	if x.address == s.BaseURL() {
		t.Fatalf("the address is %s", s.BaseURL())
	}
	ctx, end := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
		stop(t, s)
	})
	return x, pair
}

// shake makes a handshake, and returns the serial number that the server shows.
func (x *secured) shake(c *tls.Config) (serial int64, state tls.ConnectionState, err error) {
	x.t.Helper()
	if c.ServerName == "" && !c.InsecureSkipVerify {
		c.ServerName = "localhost"
	}
	conn, err := (&tls.Dialer{Config: c}).DialContext(x.t.Context(), "tcp", x.address)
	if err != nil {
		return 0, state, err
	}
	defer func() { _ = conn.Close() }() // it has served its purpose
	spoken, is := conn.(*tls.Conn)
	if !is {
		x.t.Fatalf("a connection of type %T", conn)
	}
	state = spoken.ConnectionState()
	return state.PeerCertificates[0].SerialNumber.Int64(), state, nil
}

// wantSerial wants a certificate.
func (x *secured) wantSerial(want int64) {
	x.t.Helper()
	if got, _, err := x.shake(x.authority.Client()); err != nil || got != want {
		x.t.Errorf("certificate %d, %v, want %d", got, err, want)
	}
}

func TestTLSIsSpokenSoundly(t *testing.T) {
	t.Parallel()
	x, pair := serveTLS(t, nil)
	x.wantSerial(pair.Serial)
	config := func(change func(c *tls.Config)) *tls.Config {
		c := x.authority.Client()
		change(c)
		return c
	}
	refused := map[string]*tls.Config{
		"TLS 1.0": config(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 }),
		"TLS 1.1": config(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 }),
		"CBC": config(func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}),
		"RSA": config(func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		}),
		"RC4": config(func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}
		}),
		"3DES": config(func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA}
		}),
		"other name":  config(func(c *tls.Config) { c.ServerName = "evil.example.com" }),
		"other roots": tlstest.NewAuthority(t).Client(),
		"no ALPN":     config(func(c *tls.Config) { c.NextProtos = []string{"spdy/3", "http/0.9"} }),
	}
	for name, c := range refused {
		if _, state, err := x.shake(c); err == nil {
			t.Errorf("%s was taken: version %x, suite %s, protocol %q", name, state.Version, tls.CipherSuiteName(state.CipherSuite), state.NegotiatedProtocol)
		}
	}
	for proto, want := range map[string]string{"h2": "h2", "http/1.1": "http/1.1"} {
		if _, state, err := x.shake(config(func(c *tls.Config) { c.NextProtos = []string{proto} })); err != nil || state.NegotiatedProtocol != want {
			t.Errorf("%s: %q, %v", proto, state.NegotiatedProtocol, err)
		}
	}
	for name, c := range map[string]*tls.Config{"TLS 1.2": config(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), "TLS 1.3": config(func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 })} {
		if _, _, err := x.shake(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	x.plain()
	t.Attr("cases", strconv.Itoa(len(refused)+5))
}

// plain speaks without TLS to a server that speaks it: that tells nothing and brings nothing down.
func (x *secured) plain() {
	x.t.Helper()
	conn, err := net.Dial("tcp", x.address)
	if err != nil {
		x.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // it has served its purpose
	if _, err := io.WriteString(conn, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		x.t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.0 400")) {
		x.t.Errorf("plain HTTP: %q, %v", answer, err)
	}
}

// asker speaks HTTP over one kept connection.
type asker struct {
	x      *secured
	client *http.Client
	reused bool

	transport *http.Transport
}

func (x *secured) asker(http2 bool) *asker {
	transport := &http.Transport{TLSClientConfig: x.authority.Client(), ForceAttemptHTTP2: http2, MaxConnsPerHost: 1}
	x.t.Cleanup(transport.CloseIdleConnections)
	return &asker{x: x, client: &http.Client{Transport: transport, Timeout: 30 * time.Second}, transport: transport}
}

// ask makes a request.
func (a *asker) ask() (*http.Response, error) {
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { a.reused = info.Reused }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(a.x.t.Context(), trace), http.MethodGet, a.x.BaseURL()+"/readyz", nil)
	if err != nil {
		return nil, err
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp, errors.Join(err, resp.Body.Close())
}

func (a *asker) want(proto string, reused bool) {
	a.x.t.Helper()
	resp, err := a.ask()
	if err != nil || resp.StatusCode != http.StatusOK || resp.Proto != proto || a.reused != reused {
		a.x.t.Errorf("%+v, reused %v, %v; want %s, reused %v", resp, a.reused, err, proto, reused)
	}
}

func TestANewCertificateIsServedAndOldConnectionsGoOn(t *testing.T) {
	t.Parallel()
	x, first := serveTLS(t, nil)
	one, two := x.asker(false), x.asker(true)
	one.want("HTTP/1.1", false)
	two.want("HTTP/2.0", false)

	second := x.authority.Pair(time.Now().Add(365 * 24 * time.Hour))
	second.Write(t, x.cert, x.key)
	x.wantSerial(first.Serial) // nobody has looked yet
	x.ReloadTLS(t.Context())
	x.wantSerial(second.Serial)
	one.want("HTTP/1.1", true)
	two.want("HTTP/2.0", true)

	broken := map[string]func(){
		"no certificate":      func() { put(t, x.cert, "rubbish") },
		"half a certificate":  func() { put(t, x.cert, string(second.Cert[:len(second.Cert)/2])) },
		"an empty file":       func() { put(t, x.cert, "") },
		"a key of another":    func() { put(t, x.cert, string(second.Cert)); put(t, x.key, string(first.Key)) },
		"a file that is gone": func() { put(t, x.cert, string(second.Cert)); remove(t, x.key) },
	}
	for name, breakIt := range broken {
		second.Write(t, x.cert, x.key)
		breakIt()
		x.ReloadTLS(t.Context())
		x.wantSerial(second.Serial)
		one.want("HTTP/1.1", true)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	if !x.log.has("level=ERROR") || !x.log.has("the old one goes on") || x.log.has("PRIVATE KEY") {
		t.Errorf("the log says %s", x.log.text.String())
	}
	third := x.authority.Pair(time.Now().Add(time.Hour))
	third.Write(t, x.cert, x.key)
	x.ReloadTLS(t.Context())
	x.wantSerial(third.Serial)
	if !x.log.has("ends soon") {
		t.Error("nobody is told that the certificate ends")
	}
	two.want("HTTP/2.0", true)
	t.Attr("cases", strconv.Itoa(len(broken)+3))
}

func TestClientsMayHaveToShowACertificate(t *testing.T) {
	t.Parallel()
	clients := tlstest.NewAuthority(t)
	x, _ := serveTLS(t, func(x *secured, c *app.Config) {
		c.TLSClientCA = filepath.Join(filepath.Dir(x.cert), "clients.pem")
		put(t, c.TLSClientCA, string(clients.PEM()))
	})
	with := func(pair tlstest.Pair) *asker {
		a := x.asker(false)
		if pair.Cert != nil {
			a.transport.TLSClientConfig.Certificates = []tls.Certificate{pair.TLS(t)}
		}
		return a
	}
	year := time.Now().Add(365 * 24 * time.Hour)
	for name, pair := range map[string]tlstest.Pair{"none": {}, "of the server's authority": x.authority.Pair(year), "ended": clients.Pair(time.Now().Add(-time.Hour)), "of a stranger": tlstest.NewAuthority(t).Pair(year)} {
		if resp, err := with(pair).ask(); err == nil {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	with(clients.Pair(year)).want("HTTP/1.1", false)
	t.Attr("cases", "5")
}

func TestAServerDoesNotStartWithABadPair(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	a := tlstest.NewAuthority(t)
	a.Pair(time.Now().Add(time.Hour)).Write(t, cert, key)
	put(t, filepath.Join(dir, "rubbish"), "rubbish")
	for name, c := range map[string]app.TLSPair{
		"no key":        {Cert: cert},
		"no cert":       {Key: key},
		"only a CA":     {ClientCA: cert},
		"missing":       {Cert: filepath.Join(dir, "none"), Key: key},
		"rubbish":       {Cert: filepath.Join(dir, "rubbish"), Key: key},
		"swapped":       {Cert: key, Key: cert},
		"rubbish as CA": {Cert: cert, Key: key, ClientCA: filepath.Join(dir, "rubbish")},
	} {
		config, err := app.Load(app.LoadParams{Getenv: env(nil), Override: func(o *app.Config) {
			o.Data, o.Listen, o.TLSCert, o.TLSKey, o.TLSClientCA, o.Models.Detect = filepath.Join(dir, "data"), "127.0.0.1:0", c.Cert, c.Key, c.ClientCA, app.DetectOff
		}})
		if err == nil {
			var s *app.Server
			if s, err = app.Open(t.Context(), config, app.Options{Getenv: env(nil)}); err == nil {
				stop(t, s)
			}
		}
		if err == nil || !strings.Contains(err.Error(), "tls_") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheDoctorLooksAtTheCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	a := tlstest.NewAuthority(t)
	a.Pair(time.Now().Add(365*24*time.Hour)).Write(t, cert, key)
	look := func(now time.Time, change func(c *app.Config)) map[string]app.Examined {
		return examined(t, filepath.Join(dir, "data"), now, func(c *app.Config) {
			c.TLSCert, c.TLSKey = cert, key
			if change != nil {
				change(c)
			}
		})
	}
	now := time.Now()
	want(t, look(now, nil)["tls"], app.Fine, "counts until")
	want(t, look(now.Add(355*24*time.Hour), nil)["tls"], app.Warning, "in 9 days")
	want(t, look(now.Add(366*24*time.Hour), nil)["tls"], app.Problem, "ended on")
	want(t, look(now.Add(-72*time.Hour), nil)["tls"], app.Problem, "does not count before")
	want(t, look(now, func(c *app.Config) { c.TLSKey = cert })["tls"], app.Problem, "cannot be served")
	want(t, look(now, func(c *app.Config) { c.PublicURL = "https://other.example.com" })["tls"], app.Warning, "not for other.example.com")
	want(t, look(now, func(c *app.Config) { c.PublicURL = "https://steward.example.com" })["tls"], app.Fine, "counts until")
	everywhere := func(c *app.Config) { c.Listen = "0.0.0.0:0" }
	want(t, look(now, everywhere)["address"], app.Warning, "links will not lead there")
	want(t, look(now, func(c *app.Config) { everywhere(c); c.PublicURL = "http://steward.example.com" })["address"], app.Warning, "speaks TLS")
	want(t, look(now, func(c *app.Config) { everywhere(c); c.TLSCert, c.TLSKey = "", "" })["address"], app.Warning, "without encryption")
	want(t, look(now, func(c *app.Config) {
		everywhere(c)
		c.TLSCert, c.TLSKey, c.PublicURL = "", "", "http://steward.example.com"
	})["address"], app.Warning, "without encryption")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	want(t, look(now, nil)["tls"], app.Warning, "may read the key")
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
