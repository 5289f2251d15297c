package upgrade

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/stewardhq/steward/internal/crashtest/local"
	"github.com/stewardhq/steward/internal/crashtest/scripted"
)

// installation is a data folder, and a process of a program that serves from it.
type installation struct {
	program  string
	folder   string // data
	database string // URL; "" means SQLite in the folder
	address  string
	log      *os.File
	cmd      *exec.Cmd
	exited   chan error // of cmd
}

type object = map[string]any

// install writes a configuration into a data folder.
func install(ctx context.Context, program, folder, database, cache, provider string) (*installation, error) {
	n := &installation{program: program, folder: filepath.Join(folder, "data"), database: database}
	if err := os.MkdirAll(n.folder, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	var err error
	if n.address, err = local.FreeAddress(ctx); err != nil {
		return nil, err
	}
	catalogue := filepath.Join(folder, "catalogue.json")
	if err := writeFile(catalogue, []byte(scripted.Catalogue)); err != nil {
		return nil, err
	}
	// Only what all versions know.
	text, err := json.Marshal(object{
		"cache": cache, "fetch": object{"allow": []string{"127.0.0.1"}},
		// Three kills would make the jobs poison that are killed with their server.
		"workers": object{"lease": "2s", "max_crashes": 1000, "concurrency": workers, "grace": "1s"},
		"models": object{"catalogue": catalogue, "providers": object{"scripted": object{
			"kind": "openaicompat", "base_url": provider + "/v1", "api_key": "sk-upgrade", "models": []string{scripted.Model},
		}}},
	})
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	if err := writeFile(filepath.Join(n.folder, configName), text); err != nil {
		return nil, err
	}
	n.log, err = os.Create(filepath.Join(folder, "server.log")) //nolint:gosec // in the test's folder
	return n, err
}

const (
	configName = "steward.yaml"
	// workers is how many jobs run at once: as many as are left running, so that those behind them wait in the queue.
	workers = 3
)

// start starts the program.
func (n *installation) start() error {
	args := []string{"serve", "--data", n.folder, "--listen", n.address}
	if n.database != "" {
		args = append(args, "--database", n.database)
	}
	n.cmd = exec.Command(n.program, args...) //nolint:gosec,noctx // own arguments; killed by the test
	n.cmd.Env, n.cmd.Stderr = environment(), n.log
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	cmd, exited := n.cmd, make(chan error, 1)
	n.exited = exited
	go func() { exited <- cmd.Wait() }()
	return nil
}

// environment is that of the process without what would configure a server.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "STEWARD_") || strings.HasSuffix(name, "_API_KEY") || strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "AZURE_")
	})
}

// answers reports whether the server is ready.
func (n *installation) answers(ctx context.Context) bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", n.address)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }() // it has served its purpose
	if conn.SetDeadline(time.Now().Add(5*time.Second)) != nil {
		return false
	}
	if _, err := fmt.Fprintf(conn, "GET /readyz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", n.address); err != nil {
		return false
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// ready waits until the server answers.
func (n *installation) ready(ctx context.Context) error {
	err := until(ctx, "the server answers", func() (bool, error) { return n.answers(ctx), n.alive() })
	if err != nil {
		return errors.Join(err, n.lastWords())
	}
	return nil
}

// alive is an error when the process has ended by itself.
func (n *installation) alive() error {
	select {
	case err := <-n.exited:
		n.exited <- err
		return fmt.Errorf("the server has ended by itself: %w", errors.Join(err, n.lastWords()))
	default:
		return nil
	}
}

// lastWords is what the server wrote last, as an error.
func (n *installation) lastWords() error {
	text, err := os.ReadFile(n.log.Name())
	if err != nil {
		return err
	}
	return errors.New(string(text[max(0, len(text)-2000):]))
}

// kill ends the process without a warning.
func (n *installation) kill() error {
	if err := n.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill server: the process had ended before: %w", err)
	}
	<-n.exited //nolint:errcheck // it was killed; there is no good end
	n.cmd = nil
	return nil
}

// stop asks the process to end, and wants it to end well.
func (n *installation) stop() error {
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop server: %w", err)
	}
	late := time.AfterFunc(Patience, func() { _ = n.cmd.Process.Kill() }) // the error shows in Wait
	defer late.Stop()
	err := <-n.exited
	n.cmd = nil
	if err != nil {
		return errors.Join(fmt.Errorf("the server did not stop well: %w", err), n.lastWords())
	}
	return nil
}

// close makes sure that there is no process.
func (n *installation) close() error {
	if n.cmd != nil {
		_ = n.cmd.Process.Kill() // it may have ended
		<-n.exited               //nolint:errcheck // neither is there a good end here
	}
	return n.log.Close()
}

// compile compiles the program of a source folder.
func compile(ctx context.Context, source, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", out, "github.com/stewardhq/steward/cmd/steward") //nolint:gosec // own arguments
	cmd.Dir = source
	if text, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("build the program: %w", err), errors.New(string(text)))
	}
	return nil
}
