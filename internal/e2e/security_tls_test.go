package e2e

import (
	"crypto/tls"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/app/tlstest"
)

// TestAHangUpReadsTheCertificateAgain sends the program the signal that tools for certificates send.
func TestAHangUpReadsTheCertificateAgain(t *testing.T) {
	t.Parallel()
	dir, year := t.TempDir(), time.Now().Add(365*24*time.Hour)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	authority := tlstest.NewAuthority(t)
	first, second := authority.Pair(year), authority.Pair(year)
	first.Write(t, cert, key)
	s := startTLS(t, options{args: []string{"--tls-cert", cert, "--tls-key", key}})
	serial := func() int64 {
		config := authority.Client()
		config.ServerName = "localhost"
		conn, err := tls.Dial("tcp", s.addr, config)
		if err != nil {
			return 0
		}
		defer func() { _ = conn.Close() }() // it has served its purpose
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	until(t, "the first certificate is served", func() bool { return serial() == first.Serial })
	second.Write(t, cert, key)
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	within(t, 3*time.Second, "the second certificate is served", func() bool { return serial() == second.Serial })
	t.Attr("cases", "1")
}

// startTLS starts the program without waiting for an answer in plain HTTP.
func startTLS(t *testing.T, o options) *server {
	t.Helper()
	s := &server{t: t, dir: filepath.Join(t.TempDir(), "data"), addr: freeAddr(t), opts: o, log: &logBook{}}
	s.cmd = exec.Command(shared.binary, append([]string{"serve", "--data", s.dir, "--listen", s.addr}, o.args...)...)
	s.cmd.Env = append(cleanEnv(), "STEWARD_MODEL_DETECT=off", "XDG_CACHE_HOME="+shared.cache)
	s.cmd.Stderr = s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.finish)
	return s
}
