package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/app/tlstest"
)

// TestChangedFilesAreFoundWhenTheyHaveComeToRest takes each look by hand.
func TestChangedFilesAreFoundWhenTheyHaveComeToRest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pair := TLSPair{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	a := tlstest.NewAuthority(t)
	year := time.Now().Add(365 * 24 * time.Hour)
	first, second := a.Pair(year), a.Pair(year)
	first.Write(t, pair.Cert, pair.Key)
	c, err := openCertificates(pair, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 { return c.current.Load().Certificates[0].Leaf.SerialNumber.Int64() }
	before := c.look(t.Context(), stamps{})
	before = c.look(t.Context(), before)
	if c.current.Load() == nil || serial() != first.Serial {
		t.Fatalf("certificate %d", serial())
	}
	if err := os.WriteFile(pair.Cert, second.Cert, 0o600); err != nil { // the key comes later
		t.Fatal(err)
	}
	before = c.look(t.Context(), before)
	if serial() != first.Serial {
		t.Error("a pair was read while it was being written")
	}
	second.Write(t, pair.Cert, pair.Key)
	before = c.look(t.Context(), before)
	if serial() != first.Serial {
		t.Error("a pair was read at the first look")
	}
	before = c.look(t.Context(), before)
	if serial() != second.Serial {
		t.Error("the new pair was not found")
	}
	read := c.current.Load()
	c.look(t.Context(), before)
	if c.current.Load() != read {
		t.Error("files that have not changed were read again")
	}
}

// TestFilesAreWatched follows a link that leads elsewhere, as those of mounted secrets do.
func TestFilesAreWatched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, year := tlstest.NewAuthority(t), time.Now().Add(365*24*time.Hour)
	var serials []int64
	for _, name := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		p := a.Pair(year)
		p.Write(t, filepath.Join(dir, name, "tls.crt"), filepath.Join(dir, name, "tls.key"))
		serials = append(serials, p.Serial)
	}
	current := filepath.Join(dir, "current")
	if err := os.Symlink("one", current); err != nil {
		t.Fatal(err)
	}
	c, err := openCertificates(TLSPair{Cert: filepath.Join(current, "tls.crt"), Key: filepath.Join(current, "tls.key")}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.watch(ctx, 5*time.Millisecond) }()
	defer func() {
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	if err := os.Symlink("two", current+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(current+".new", current); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); c.current.Load().Certificates[0].Leaf.SerialNumber.Int64() != serials[1]; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("the new pair was not found")
		}
	}
}
