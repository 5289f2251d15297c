package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// TLSPair names the files that a server speaks TLS with: PEM files, the certificate with its chain behind it.
type TLSPair struct {
	Cert, Key string // both or none
	ClientCA  string // certificates of those who sign clients; "" asks clients for none
}

// given reports whether TLS is to be spoken.
func (p TLSPair) given() bool { return p.Cert != "" }

func (p TLSPair) check() error {
	switch {
	case (p.Cert == "") != (p.Key == ""):
		return errors.New("tls_cert, tls_key: must both be given, or none")
	case p.ClientCA != "" && p.Cert == "":
		return errors.New("tls_client_ca: needs tls_cert and tls_key")
	}
	return nil
}

const (
	// tlsLook is how often the files are looked at. What is found twice alike is read, so that a pair which is just being
	// written is not.
	tlsLook = 5 * time.Second
	// tlsExpiring is how long before a certificate's end somebody is told.
	tlsExpiring = 14 * 24 * time.Hour
)

// load reads the files. The error names the one that is wrong, and nothing of what stands in it.
func (p TLSPair) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	if err != nil {
		return nil, fmt.Errorf("tls_cert, tls_key: %w", err)
	}
	c := &tls.Config{
		MinVersion: tls.VersionTLS12,
		// Of TLS 1.2; those of 1.3 are all sound. No CBC, no RSA key exchange.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		Certificates: []tls.Certificate{pair},
		NextProtos:   []string{"h2", "http/1.1"},
	}
	if p.ClientCA == "" {
		return c, nil
	}
	text, err := os.ReadFile(p.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("tls_client_ca: %w", err)
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !c.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("tls_client_ca: %s holds no certificate", p.ClientCA)
	}
	return c, nil
}

// stamp tells whether a file may have changed. A link that leads elsewhere changes it too.
type stamp struct {
	at   time.Time
	size int64
	file os.FileInfo
}

func (s stamp) same(o stamp) bool {
	return s.at.Equal(o.at) && s.size == o.size && (s.file == nil) == (o.file == nil) && (s.file == nil || os.SameFile(s.file, o.file))
}

// stamps are those of the three files; a file that cannot be looked at has the zero stamp.
type stamps [3]stamp

func (p TLSPair) stamps() (s stamps) {
	for i, name := range [...]string{p.Cert, p.Key, p.ClientCA} {
		if name == "" {
			continue
		}
		if f, err := os.Stat(name); err == nil {
			s[i] = stamp{f.ModTime(), f.Size(), f}
		}
	}
	return s
}

func (s stamps) same(o stamps) bool { return s[0].same(o[0]) && s[1].same(o[1]) && s[2].same(o[2]) }

// certificates serves a pair of files, and goes on with the last good one when they change into something that is none.
// Safe for concurrent use. Connections keep what they began with.
type certificates struct {
	pair    TLSPair
	log     *slog.Logger
	current atomic.Pointer[tls.Config]

	mu   sync.Mutex // of reloads
	read stamps     // of what was read last, good or bad
}

// openCertificates reads a pair. The error says what is wrong with it.
func openCertificates(p TLSPair, log *slog.Logger) (*certificates, error) {
	c := &certificates{pair: p, log: log, read: p.stamps()}
	config, err := p.load()
	if err != nil {
		return nil, err
	}
	c.take(context.Background(), config)
	return c, nil
}

// config returns what a listener needs: each handshake gets the pair that is current.
func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current.Load(), nil },
	}
}

// take makes a pair the current one.
func (c *certificates) take(ctx context.Context, config *tls.Config) {
	c.current.Store(config)
	leaf := config.Certificates[0].Leaf
	if left := time.Until(leaf.NotAfter); left < tlsExpiring {
		c.log.WarnContext(ctx, "the TLS certificate ends soon", "not_after", leaf.NotAfter, "cert", c.pair.Cert)
	}
}

// reload reads the files now.
func (c *certificates) reload(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reloadAs(ctx, c.pair.stamps())
}

// reloadAs is reload under the lock, for files that were looked at.
func (c *certificates) reloadAs(ctx context.Context, now stamps) {
	c.read = now
	config, err := c.pair.load()
	if err != nil {
		c.log.ErrorContext(ctx, "new TLS certificate cannot be used; the old one goes on", "error", err)
		return
	}
	c.take(ctx, config)
	leaf := config.Certificates[0].Leaf
	c.log.InfoContext(ctx, "TLS certificate read", "cert", c.pair.Cert, "serial", leaf.SerialNumber.Text(16), "not_after", leaf.NotAfter)
}

// watch reads the files again whenever they have changed, until ctx ends.
func (c *certificates) watch(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var before stamps
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		before = c.look(ctx, before)
	}
}

// look is one look at the files; before is what the one before it saw.
func (c *certificates) look(ctx context.Context, before stamps) stamps {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.pair.stamps()
	if !now.same(c.read) && now.same(before) {
		c.reloadAs(ctx, now)
	}
	return now
}
