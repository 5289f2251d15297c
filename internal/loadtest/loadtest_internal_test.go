package loadtest

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAPercentileIsTheNearestRank(t *testing.T) {
	t.Parallel()
	hundred, two := &times{}, &times{}
	for _, i := range rand.Perm(100) {
		hundred.add(time.Duration(i + 1))
	}
	two.add(2)
	two.add(1)
	for _, c := range []struct {
		times *times
		share float64
		want  time.Duration
	}{
		{hundred, 0, 1}, {hundred, 0.001, 1}, {hundred, 0.5, 50}, {hundred, 0.99, 99}, {hundred, 0.991, 100}, {hundred, 1, 100},
		{two, 0.5, 1}, {two, 0.51, 2}, {&times{}, 0.5, 0},
	} {
		if got := c.times.at(c.share); got != c.want {
			t.Errorf("at(%v) of %d is %d, want %d", c.share, c.times.count(), got, c.want)
		}
	}
}

// stored is a folder with the files of two acknowledged uploads.
func stored(t *testing.T) (u *uploading, folder string, names []string) {
	t.Helper()
	u, folder = &uploading{size: 100, seed: 1, stored: map[string]int{"a": 0, "b": 7}}, t.TempDir()
	for _, i := range u.stored {
		text, err := io.ReadAll(u.noise(i))
		if err != nil {
			t.Fatal(err)
		}
		sum, err := sumOf(u.noise(i))
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(folder, sum[:2], sum[2:4], sum), text)
		names = append(names, filepath.Join(sum[:2], sum[2:4], sum))
	}
	return u, folder, names
}

func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsStoredOtherwiseThanAcknowledgedIsNoticed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		say  string // "" when all is well
		do   func(t *testing.T, u *uploading, folder string, names []string)
	}{
		{"all is well", "", func(*testing.T, *uploading, string, []string) {}},
		{"a file is cut", "has the hash", func(t *testing.T, _ *uploading, folder string, names []string) {
			t.Helper()
			if err := os.Truncate(filepath.Join(folder, names[0]), 99); err != nil {
				t.Fatal(err)
			}
		}},
		{"a file has another's bytes", "has the hash", func(t *testing.T, u *uploading, folder string, names []string) {
			t.Helper()
			put(t, filepath.Join(folder, names[1]), []byte("other"))
		}},
		{"a file is gone", "1 acknowledged files are not there", func(t *testing.T, _ *uploading, folder string, names []string) {
			t.Helper()
			if err := os.Remove(filepath.Join(folder, names[0])); err != nil {
				t.Fatal(err)
			}
		}},
		{"a file was not acknowledged", "was not acknowledged", func(_ *testing.T, u *uploading, _ string, _ []string) { delete(u.stored, "a") }},
		{"a file has an odd name", "was not acknowledged", func(t *testing.T, _ *uploading, folder string, _ []string) {
			t.Helper()
			put(t, filepath.Join(folder, "odd"), nil)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u, folder, names := stored(t)
			c.do(t, u, folder, names)
			l := &Line{}
			whole, err := u.compare(l, folder)
			if err != nil {
				t.Fatal(err)
			}
			said := strings.Join(l.Broken, "; ")
			if c.say == "" && (said != "" || whole != 2) || !strings.Contains(said, c.say) {
				t.Errorf("got %q and %d whole, want %q", said, whole, c.say)
			}
		})
	}
}

// server is the other end of a connection: it reads all, says something after a while, and hangs up if it is to.
func server(c net.Conn, says string, after time.Duration, hangUp bool) {
	go func() { _, _ = io.Copy(io.Discard, c) }() // until it is closed
	time.Sleep(after)                             // virtual
	_, _ = io.WriteString(c, says)                // the client may be gone
	if hangUp {
		_ = c.Close()
	}
}

func TestSlowClientsThatAreNotServedAreNotCounted(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	in := func(ctx context.Context, c net.Conn) bool { return trickleIn(ctx, c, []byte("GET / HTTP/1.1\r\n\r\n")) }
	out := func(ctx context.Context, c net.Conn) bool { return trickleOut(ctx, c, "POST / HTTP/1.1\r\n\r\n{") }
	for _, c := range []struct {
		name   string
		client func(ctx context.Context, c net.Conn) bool
		says   string
		after  time.Duration
		hangUp bool
		want   bool
	}{
		{"a download is served", in, "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 10_000), 0, false, true},
		{"a download is refused", in, "HTTP/1.1 503 Service Unavailable\r\n\r\n" + strings.Repeat("x", 10_000), 0, false, false},
		{"a download is closed", in, "", 0, true, false},
		{"a download is cut", in, "HTTP/1.1 200 OK\r\n\r\nx", 0, true, false},
		{"a download never comes", in, "", 2 * minute, false, false},
		{"an upload is let be", out, "", 2 * minute, false, true},
		{"an upload is refused", out, "HTTP/1.1 503 Service Unavailable\r\n\r\n", 0, false, false},
		{"an upload is closed", out, "", minute / 2, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				go server(theirs, c.says, c.after, c.hangUp)
				ctx, cancel := context.WithTimeout(t.Context(), minute)
				defer cancel()
				if got := c.client(ctx, ours); got != c.want {
					t.Errorf("counted %v, want %v", got, c.want)
				}
				_, _ = ours.Close(), theirs.Close()
				time.Sleep(2 * minute) // virtual: the server has ended
			})
		})
	}
}
