package ocr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Reasons for which a picture is not read.
var (
	// ErrTimeout says that Options.Timeout was over.
	ErrTimeout = errors.New("ocr: reading the picture took too long")

	// ErrTooLarge says that the picture or the answer is larger than the options allow.
	ErrTooLarge = errors.New("ocr: the picture is too large")
)

// maxComplaint is how much of the program's messages is kept.
const maxComplaint = 4 << 10

// killWait is how long a killed child may hold its pipes open.
const killWait = 2 * time.Second

// run runs the program and returns what it wrote. The error tells its last message when it failed.
func (e *Engine) run(ctx context.Context, in io.Reader, args ...string) ([]byte, error) {
	limited, cancel := context.WithTimeoutCause(ctx, e.opts.Timeout, ErrTimeout)
	defer cancel()
	out := &bounded{limit: e.opts.MaxOutputBytes, full: cancel}
	complaint := &bounded{limit: maxComplaint}
	cmd := exec.CommandContext(limited, e.path, args...) //nolint:gosec // the operator names the program, the arguments are ours
	cmd.Env, cmd.Dir, cmd.WaitDelay = e.environment(), os.TempDir(), killWait
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, complaint
	isolate(cmd)
	err := cmd.Start()
	if err == nil {
		bound(cmd.Process.Pid, e.opts.MaxMemoryBytes)
		err = cmd.Wait()
	}
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case out.over:
		return nil, ErrTooLarge
	case limited.Err() != nil:
		return nil, context.Cause(limited)
	case err != nil:
		return nil, fmt.Errorf("%w: %s", err, lastLine(complaint.buf.String()))
	}
	return out.buf.Bytes(), nil
}

// environment is all that the child learns of ours.
func (e *Engine) environment() []string {
	env := []string{"LC_ALL=C.UTF-8", "OMP_THREAD_LIMIT=1", "OMP_NUM_THREADS=1"}
	if e.opts.DataDir != "" {
		env = append(env, "TESSDATA_PREFIX="+e.opts.DataDir)
	}
	return env
}

// lastLine is the last line of a text that says something.
func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(s, "?")), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// bounded keeps what is written to it up to a limit. Beyond that it calls full, if there is one, and lets the rest go.
type bounded struct {
	buf   bytes.Buffer
	limit int
	over  bool
	full  func()
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if room := b.limit - b.buf.Len(); len(p) > room {
		b.buf.Write(p[:room])
		if b.over = true; b.full != nil {
			b.full()
		}
		return len(p), nil
	}
	return b.buf.Write(p)
}
