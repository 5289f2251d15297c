package loadtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// uploads has two hundred clients store a file of 20 MB each at once, while some break off in the middle. What is answered 201 must be there whole, what
// is refused must name a time, and nothing else may be left.
func uploads(ctx context.Context, o *Options, l *Line) error {
	n := o.count(200, 12)
	size := int64(20e6)
	if o.Scale < 1 {
		size = max(int64(20e6*o.Scale), 1e6)
	}
	l.set("clients", float64(n))
	l.mb("file_mb", size)
	return withServer(ctx, o, "uploads", nil, func(p *process) error {
		before, err := p.vitals(ctx, true)
		if err != nil {
			return err
		}
		if err := p.resetPeak(); err != nil {
			return fmt.Errorf("reset peak: %w", err)
		}
		u := &uploading{p: p, size: size, seed: o.Seed, stored: map[string]int{}}
		began := time.Now()
		if err := each(ctx, n+n/10, func(ctx context.Context, i int) error { return u.client(ctx, i, i >= n) }); err != nil {
			return err
		}
		took := time.Since(began)
		peak, err := p.vitals(ctx, false)
		if err != nil {
			return err
		}
		l.set("accepted", float64(len(u.stored)))
		l.set("refused", float64(u.refused.Load()))
		l.set("broken_off", float64(n/10))
		l.set("mb_per_second", float64(len(u.stored))*float64(size)/1e6/took.Seconds())
		l.set("peak_kb_per_upload", float64(peak.Peak-before.RSS)/1e3/float64(n))
		l.mb("peak_rss_mb", peak.Peak)
		l.want(len(u.stored) > 0, "no upload was accepted")
		l.want(u.odd.Load() == 0, "%d answers were neither 201 nor a refusal with Retry-After, such as %v", u.odd.Load(), u.oddest.Load())
		l.most("peak_kb_per_upload", 2000)
		return u.left(ctx, l, &before)
	})
}

// uploading is many uploads under way.
type uploading struct {
	p       *process
	size    int64
	seed    uint64
	refused atomic.Int64
	odd     atomic.Int64
	oddest  atomic.Value // of string

	mu     sync.Mutex
	stored map[string]int // which client's file an id that was acknowledged is of
}

const uploadBoundary = "load-test-boundary"

// noise is what the i-th client sends.
func (u *uploading) noise(i int) io.Reader {
	noise := rand.NewChaCha8([32]byte{byte(u.seed), byte(i), byte(i >> 8)}) //nolint:gosec // G115: a seed may be cut
	return io.LimitReader(noise, u.size)
}

// client uploads one file, or breaks off half-way.
func (u *uploading) client(ctx context.Context, i int, breakOff bool) error {
	c, err := dial(ctx, u.p.addr)
	if err != nil {
		return err
	}
	defer c.close()
	head := fmt.Sprintf("--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"load-%d.bin\"\r\n\r\n", uploadBoundary, i)
	tail := "\r\n--" + uploadBoundary + "--\r\n"
	request := fmt.Sprintf("POST /v1/files/ HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n%s",
		u.p.addr, u.p.key, uploadBoundary, int64(len(head)+len(tail))+u.size, head)
	length := u.size
	if breakOff {
		length, tail = length/2, ""
	}
	body := io.MultiReader(strings.NewReader(request), io.LimitReader(u.noise(i), length), strings.NewReader(tail))
	if err := c.net.SetDeadline(time.Now().Add(10 * time.Minute)); err != nil {
		return err
	}
	_, serr := io.CopyBuffer(struct{ io.Writer }{c.net}, body, make([]byte, 64<<10))
	if breakOff {
		return nil
	}
	a, err := c.read() // a server that refuses answers before it has everything
	switch {
	case err != nil:
		u.note(fmt.Sprintf("no answer: %v (sending: %v)", err, serr))
	case a.status == http.StatusCreated:
		id, err := idOf(a.body)
		if err != nil {
			return err
		}
		u.mu.Lock()
		u.stored[id] = i
		u.mu.Unlock()
	case a.refused():
		u.refused.Add(1)
	default:
		u.note(fmt.Sprintf("%d %.100s", a.status, a.body))
	}
	return nil
}

func (u *uploading) note(odd string) {
	u.odd.Add(1)
	u.oddest.Store(odd)
}

// left looks at what is on the disk, has all of it deleted, and looks again.
func (u *uploading) left(ctx context.Context, l *Line, before *vitals) error {
	folder := filepath.Join(u.p.folder, "files")
	// What broke off is noticed when its connection has ended.
	err := until(ctx, "the server is rid of what broke off", 20*time.Millisecond, func() (bool, error) {
		staged := false
		err := eachFile(folder, func(path string) error {
			staged = staged || strings.HasPrefix(filepath.Base(path), "staged-")
			return nil
		})
		return !staged, err
	})
	l.want(err == nil, "temporary files are left: %v", err)
	whole, err := u.compare(l, folder)
	if err != nil {
		return err
	}
	l.set("stored_whole", float64(whole))
	for id := range u.stored {
		if err := u.p.call(ctx, http.MethodDelete, "/v1/files/"+id+"/", "", http.StatusNoContent, nil); err != nil {
			return err
		}
	}
	u.stored = nil
	if _, err := u.compare(l, folder); err != nil {
		return fmt.Errorf("after all were deleted: %w", err)
	}
	return u.p.calm(ctx, l, before)
}

// compare wants a folder to have each acknowledged file, byte for byte and under its hash, and no other. It returns how many are so.
func (u *uploading) compare(l *Line, folder string) (whole int, err error) {
	missing := map[string]bool{}
	for _, i := range u.stored {
		sum, err := sumOf(u.noise(i))
		if err != nil {
			return 0, err
		}
		missing[sum] = true
	}
	err = eachFile(folder, func(path string) error {
		f, err := os.Open(path) //nolint:gosec // in the test's folder
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // only read
		sum, err := sumOf(f)
		name := filepath.Base(path)
		switch {
		case err != nil:
			return err
		case !missing[name]:
			l.want(false, "the file %s is stored, which was not acknowledged", name)
		case sum != name:
			l.want(false, "the file %s has the hash %s", name, sum)
		default:
			whole++
		}
		delete(missing, name)
		return nil
	})
	l.want(len(missing) == 0, "%d acknowledged files are not there", len(missing))
	return whole, err
}

// sumOf returns the SHA-256 of what there is to read, in hexadecimal.
func sumOf(r io.Reader) (string, error) {
	h := sha256.New()
	_, err := io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), err
}

// calm waits until the server has no more files open and goroutines than before.
func (p *process) calm(ctx context.Context, l *Line, before *vitals) error {
	const some = 20 // readers of the database and the like
	var now vitals
	err := until(ctx, "the server is as calm as before", 100*time.Millisecond, func() (ok bool, err error) {
		now, err = p.vitals(ctx, true)
		return now.Files <= before.Files+some && now.Goroutines <= before.Goroutines+some, err
	})
	l.want(err == nil, "%d files are open and %d goroutines there afterwards, %d and %d before", now.Files, now.Goroutines, before.Files, before.Goroutines)
	l.set("files_left_open", float64(max(now.Files-before.Files, 0)))
	return nil
}

// eachFile calls fn for each file in a folder, except for those that go meanwhile.
func eachFile(folder string, fn func(path string) error) error {
	return filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, os.ErrNotExist): // it went meanwhile
			return nil
		case err != nil || d.IsDir():
			return err
		}
		return fn(path)
	})
}
