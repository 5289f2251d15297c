package app

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"time"
)

// tls looks at the certificate: whether it can be served, for how long, for which names, and who may read its key.
func (d *doctor) tls() {
	const name = "tls"
	pair := d.config.TLS()
	if !pair.given() {
		return // what comes of that stands at the address
	}
	config, err := pair.load()
	if err != nil {
		d.add(name, Problem, "The certificate cannot be served: "+err.Error()+".", "Correct tls_cert and tls_key: PEM files that belong together, the chain behind the certificate.")
		return
	}
	leaf := config.Certificates[0].Leaf
	left := leaf.NotAfter.Sub(d.Now())
	until := leaf.NotAfter.UTC().Format(time.DateOnly)
	switch {
	case left <= 0:
		d.add(name, Problem, "The certificate ended on "+until+": clients refuse it.", "Put a new one in place of "+pair.Cert+"; a running server takes it by itself.")
	case d.Now().Before(leaf.NotBefore):
		d.add(name, Problem, "The certificate does not count before "+leaf.NotBefore.UTC().Format(time.DateOnly)+".", "Correct the clock, or take the certificate that is in force.")
	case left < tlsExpiring:
		d.add(name, Warning, fmt.Sprintf("The certificate ends on %s, in %d days.", until, int(left.Hours()/24)), "Put a new one in place of "+pair.Cert+"; a running server takes it by itself.")
	default:
		d.tlsUse(name, pair, leaf, until)
	}
}

// tlsUse looks at how a certificate that is in force is used.
func (d *doctor) tlsUse(name string, pair TLSPair, leaf *x509.Certificate, until string) {
	st, err := os.Stat(pair.Key)
	if err == nil && st.Mode().Perm()&0o007 != 0 {
		d.add(name, Warning, "Everybody on this machine may read the key in "+pair.Key+".", "chmod 600 "+pair.Key)
		return
	}
	if errors.Is(err, fs.ErrNotExist) {
		return // it was there a moment ago: it is being replaced
	}
	if host := d.clientHost(); host != "" && leaf.VerifyHostname(host) != nil {
		d.add(name, Warning, "The certificate is not for "+host+", where clients are sent to.", "Set public_url to an https address of a name that stands in the certificate.")
		return
	}
	d.add(name, Fine, "The certificate counts until "+until+".", "")
}

// clientHost is the host under which clients are told to reach the server.
func (d *doctor) clientHost() string {
	if d.config.PublicURL != "" {
		u, err := url.Parse(d.config.PublicURL)
		if err != nil || u.Scheme != "https" {
			return ""
		}
		return u.Hostname()
	}
	host, _, err := net.SplitHostPort(d.config.Listen)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}
