package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stewardhq/steward/internal/rest"
)

// Limits of connections. There is none on how long a file or an answer takes as a whole, since files are large and lines slow: package
// rest gives up those of clients that stand still, and bodies that are held in memory and take too long.
const (
	headerTimeout = 10 * time.Second // for a request's line and headers, and for a TLS handshake
	idleTimeout   = 2 * time.Minute  // of a connection between requests
	maxHeader     = 64 << 10         // bytes of a request's line and headers
	maxStreams    = 250              // requests at once on one connection of HTTP/2
)

// newHTTPServer returns the server of a handler.
func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: maxStreams, SendPingTimeout: idleTimeout, PingTimeout: headerTimeout},
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		DisableGeneralOptionsHandler: true, // OPTIONS * is answered as any other path
	}
}

// serveHTTP answers requests until the server is shut down, over TLS when there are certificates.
func (s *Server) serveHTTP(ctx context.Context, server *http.Server, group *errgroup.Group) {
	group.Go(func() error {
		l := rest.Crowd(rest.Listener(s.listener), rest.CrowdOptions{Most: s.config.Requests.connections(), Plain: s.certificates == nil})
		if s.certificates == nil {
			return unlessClosed(server.Serve(l))
		}
		server.TLSConfig = s.certificates.config()
		return unlessClosed(server.ServeTLS(l, "", ""))
	})
	if s.certificates != nil {
		group.Go(func() error { return s.certificates.watch(ctx, tlsLook) })
	}
}

func unlessClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}

// SpeaksTLS reports whether the server was given a certificate.
func (s *Server) SpeaksTLS() bool { return s.certificates != nil }

// ReloadTLS reads the certificate again, at once. One that cannot be used is logged, and the old one goes on. Without TLS it does
// nothing. Safe to call at any time.
func (s *Server) ReloadTLS(ctx context.Context) {
	if s.certificates != nil {
		s.certificates.reload(ctx)
	}
}
