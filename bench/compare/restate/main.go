// Command restate is Restate for the comparison: a service whose handler has three runs.
//
// Roles: serve (the server; it is a program of its own), work (the service that it calls), drive (a client of its ingress).
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/ingress"
	"github.com/restatedev/sdk-go/server"

	"github.com/stewardhq/steward/bench/compare/wire"
)

func main() { wire.Main(start) }

// Names of the service and of its handler.
const (
	service = "Compare"
	handler = "Steps"
)

// Ports, counted from the first that the comparison gives.
const (
	ingressPort = iota
	adminPort
	nodePort
	servicePort
)

func address(port int) string {
	first, err := strconv.Atoi(os.Getenv(wire.EnvPort))
	if err != nil {
		return ""
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(first+port))
}

func start(ctx context.Context, role string) (*wire.Program, func(), error) {
	switch role {
	case "serve":
		return nil, nil, serve()
	case "work":
		return work(ctx)
	case "drive":
		d := newDriver()
		if err := wire.Until(ctx, time.Minute, d.register); err != nil {
			return nil, nil, err
		}
		return &wire.Program{Run: d.run, Submit: d.submit, Ended: wire.Watch(d.ended)}, func() {}, nil
	}
	return nil, nil, fmt.Errorf("no role %q", role)
}

// serve becomes the server: one node with its log and its state on disk. By default it waits for fsync (rocksdb-disable-wal-fsync of
// its log server is false), and takes an invocation whose service broke off up again after half a second, then after twice as long each time.
func serve() error {
	path := os.Getenv(wire.EnvServer)
	env := append(os.Environ(),
		"RESTATE_BASE_DIR="+filepath.Join(os.Getenv(wire.EnvFolder), "restate"),
		"RESTATE_NODE_NAME=compare",
		"RESTATE_AUTO_PROVISION=true",
		"RESTATE_BIND_ADDRESS="+address(nodePort),
		"RESTATE_ADVERTISED_ADDRESS=http://"+address(nodePort),
		"RESTATE_INGRESS__BIND_ADDRESS="+address(ingressPort),
		"RESTATE_ADMIN__BIND_ADDRESS="+address(adminPort),
		"RESTATE_LOG_FILTER=error",
		"RESTATE_DISABLE_TELEMETRY=true",
	)
	return syscall.Exec(path, []string{path}, env) //nolint:gosec // installed by the comparison
}

// work serves the handler.
func work(ctx context.Context) (*wire.Program, func(), error) {
	stepper := wire.NewStepper()
	steps := func(ctx restate.Context, job string) (string, error) {
		value := ""
		for n := 1; n <= wire.Steps; n++ {
			var err error
			value, err = restate.Run(ctx, func(ctx restate.RunContext) (string, error) { return stepper.Do(ctx, job, n) })
			if err != nil {
				return "", err
			}
		}
		return value, nil
	}
	quiet := slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError + 1})
	failed := make(chan error, 1)
	go func() {
		failed <- server.NewRestate().WithLogger(quiet, true).Bind(restate.NewService(service).Handler(handler, restate.NewServiceHandler(steps))).
			Start(ctx, address(servicePort))
	}()
	if err := wire.Until(ctx, time.Minute, func(ctx context.Context) error {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address(servicePort))
		if err != nil {
			return err
		}
		return c.Close()
	}); err != nil {
		select {
		case err = <-failed:
		default:
		}
		return nil, nil, err
	}
	return &wire.Program{}, func() {}, nil
}

// driver is a client of the ingress.
type driver struct {
	http   *http.Client
	client *ingress.Client
}

func newDriver() *driver {
	h := &http.Client{Transport: &http.Transport{MaxIdleConns: 256, MaxIdleConnsPerHost: 256}}
	return &driver{http: h, client: ingress.NewClient("http://"+address(ingressPort), ingress.WithHttpClient(h))}
}

// register tells the server where the service is.
func (d *driver) register(ctx context.Context) error {
	body, err := json.Marshal(map[string]any{"uri": "http://" + address(servicePort), "force": true})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address(adminPort)+"/deployments", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := d.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // only read
	if resp.StatusCode >= http.StatusMultipleChoices {
		text, _ := io.ReadAll(resp.Body) // for the message
		return fmt.Errorf("register the service: %s: %s", resp.Status, text)
	}
	return nil
}

func (d *driver) run(ctx context.Context) error {
	_, err := ingress.Service[string, string](d.client, service, handler).Request(ctx, "")
	return err
}

// submit starts a job that can be asked for by its key afterwards.
func (d *driver) submit(ctx context.Context, job string) error {
	_, err := ingress.ServiceSend[string](d.client, service, handler).Send(ctx, job, restate.WithIdempotencyKey(job))
	return err
}

func (d *driver) ended(ctx context.Context, job string) (bool, error) {
	_, err := ingress.ServiceInvocationByIdempotencyKey[string](d.client, service, handler, job).Output(ctx)
	var notReady *ingress.InvocationNotReadyError
	if errors.As(err, &notReady) {
		return false, nil
	}
	return err == nil, err
}
