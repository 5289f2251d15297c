package safehttp

import (
	"crypto/tls"
	"crypto/x509"
)

// Trust makes a client believe a test's own authority.
func (c *Client) Trust(pool *x509.CertPool) {
	c.transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}
