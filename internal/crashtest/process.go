package crashtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/stewardhq/steward/internal/crashtest/poll"
)

// installation is a data folder and the address that is served from it.
type installation struct {
	name    string
	folder  string
	address string
	log     *os.File // what its processes write to standard error
	socket  string
	fault   string
	env     []string // of the processes that are started from now on, besides the test's own
	cmd     *exec.Cmd
	gone    chan struct{} // closed when the process has ended; how is in failed
	failed  error
	began   time.Time // of the process
}

// start starts a build of the server.
func (n *installation) start(build string) error {
	n.cmd = exec.Command(build, "-data", n.folder, "-effects", n.socket, "-fault", n.fault) //nolint:gosec,noctx // own arguments; killed by the test
	n.cmd.Stderr = n.log
	n.cmd.Env = append(os.Environ(), n.env...)
	n.began = time.Now()
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	n.gone = make(chan struct{})
	go func(cmd *exec.Cmd, gone chan struct{}) {
		n.failed = cmd.Wait()
		close(gone)
	}(n.cmd, n.gone)
	return nil
}

// wait returns how the process ended, when it has.
func (n *installation) wait() error {
	<-n.gone
	return n.failed
}

// ready waits until the server answers.
func (n *installation) ready(ctx context.Context) error {
	return until(ctx, "the server answers", func() (bool, error) {
		select {
		case <-n.gone:
			return false, fmt.Errorf("the server ended before it answered (%w): see %s", n.failed, n.log.Name())
		default:
		}
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", n.address)
		if err != nil {
			return false, nil // not yet
		}
		defer func() { _ = conn.Close() }() // it has served its purpose
		if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
			return false, err
		}
		if _, err := fmt.Fprintf(conn, "GET /readyz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", n.address); err != nil {
			return false, nil // not yet
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return false, nil // not yet
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK, nil
	})
}

// kill ends the process without a warning.
func (n *installation) kill() error {
	if err := n.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill server: the process had ended before: %w", err)
	}
	_ = n.wait() // it was killed; there is no good end
	n.cmd = nil
	return nil
}

// watch tells when and how the process has ended.
func (n *installation) watch() <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- n.wait() }()
	return ended
}

// terminate asks the process to end.
func (n *installation) terminate() error {
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop server: %w", err)
	}
	return nil
}

// stop asks the process to end, and wants it to end well.
func (n *installation) stop() error {
	if err := n.terminate(); err != nil {
		return err
	}
	late := time.AfterFunc(time.Minute, func() { _ = n.cmd.Process.Kill() }) // the error shows in Wait
	defer late.Stop()
	err := n.wait()
	n.cmd = nil
	if err != nil {
		return fmt.Errorf("the server did not stop well: %w", err)
	}
	return nil
}

// end makes sure that there is no process.
func (n *installation) end() {
	if n.cmd != nil {
		_ = n.cmd.Process.Kill() // it may have ended
		_ = n.wait()             // as above
	}
}

// sleep stops the process where it stands; wake lets it go on.
func (n *installation) sleep() error { return n.cmd.Process.Signal(syscall.SIGSTOP) }

func (n *installation) wake() error { return n.cmd.Process.Signal(syscall.SIGCONT) }

// patience is how long anything may take.
const patience = 2 * time.Minute

// until polls a condition.
func until(ctx context.Context, what string, ok func() (bool, error)) error {
	return poll.Until(ctx, patience, what, ok)
}

// Builds compiles two builds of the server, which tell different versions of themselves, into a folder. The module's folder must be
// the working directory or above it.
func Builds(ctx context.Context, folder string) ([]string, error) {
	var builds []string
	for _, name := range []string{"a", "b"} {
		out, err := build(ctx, folder, name)
		if err != nil {
			return nil, err
		}
		builds = append(builds, out)
	}
	return builds, nil
}

// ArmedBuild is Builds for one with failpoints.
func ArmedBuild(ctx context.Context, folder string) (string, error) {
	return build(ctx, folder, "armed", "-tags", "failpoints")
}

func build(ctx context.Context, folder, name string, flags ...string) (path string, err error) {
	path = filepath.Join(folder, "server-"+name)
	args := append([]string{"build", "-ldflags", "-s -w -X main.build=" + name, "-o", path}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "github.com/stewardhq/steward/internal/crashtest/server")...) //nolint:gosec // own arguments
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("build server: %w", err), errors.New(string(text)))
	}
	return path, nil
}
