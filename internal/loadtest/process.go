package loadtest

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
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stewardhq/steward/internal/crashtest/local"
	"github.com/stewardhq/steward/internal/crashtest/poll"
)

// object is JSON.
type object = map[string]any

// process is a server in a process of its own.
type process struct {
	o       *Options
	env     []string // of its processes, besides the test's own
	folder  string
	addr    string
	socket  string
	key     string
	org     string
	cmd     *exec.Cmd
	log     *os.File
	control *http.Client
	took    time.Duration // from its start to its first answer
}

// patience is how long anything may take to come about.
const patience = 2 * time.Minute

// newProcess makes a data folder with a configuration, on top of the program's defaults.
func newProcess(ctx context.Context, o *Options, name string, config object) (*process, error) {
	folder, err := os.MkdirTemp(o.Folder, name)
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	sockets, err := os.MkdirTemp("", "load") // paths of sockets must be short
	if err != nil {
		return nil, fmt.Errorf("make folder of the socket: %w", err)
	}
	p := &process{o: o, folder: folder, socket: filepath.Join(sockets, "control")}
	if p.addr, err = local.FreeAddress(ctx); err != nil {
		return nil, err
	}
	all := object{"listen": p.addr, "database": o.Database, "ocr": "off", "cache": o.Cache, "models": object{"detect": "off"}}
	for key, value := range config {
		all[key] = value
	}
	text, err := json.Marshal(all) // which is YAML too
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "steward.yaml"), text, 0o600); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	if p.log, err = os.Create(filepath.Join(folder, "server.log")); err != nil { //nolint:gosec // in the test's folder
		return nil, fmt.Errorf("make log: %w", err)
	}
	p.control = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", p.socket)
	}}}
	return p, nil
}

// start starts the server and waits until it answers.
func (p *process) start(ctx context.Context) error {
	p.cmd = exec.Command(p.o.Program, ServeArg, "-data", p.folder, "-control", p.socket) //nolint:gosec,noctx // this program; stopped by the test
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stderr = p.log
	if _, err := p.cmd.StdinPipe(); err != nil { // it ends with this process
		return fmt.Errorf("start server: %w", err)
	}
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	if err := until(ctx, "the server answers", 2*time.Millisecond, func() (bool, error) { return p.ready(ctx), nil }); err != nil {
		return errors.Join(err, p.words())
	}
	p.took = time.Since(began)
	text, err := os.ReadFile(filepath.Join(p.folder, "credentials.json"))
	if err != nil {
		return fmt.Errorf("read credentials: %w", err)
	}
	var cred struct {
		APIKey         string `json:"api_key"`
		OrganizationID string `json:"organization_id"`
	}
	if err := json.Unmarshal(text, &cred); err != nil {
		return fmt.Errorf("read credentials: %w", err)
	}
	p.key, p.org = cred.APIKey, cred.OrganizationID
	return nil
}

func (p *process) ready(ctx context.Context) bool {
	c, err := dial(ctx, p.addr)
	if err != nil {
		return false
	}
	defer c.close()
	a, err := c.do([]byte("GET /readyz HTTP/1.1\r\nHost: load\r\n\r\n"), 5*time.Second)
	return err == nil && a.status == http.StatusOK
}

// words returns what the server has said, as an error.
func (p *process) words() error {
	text, err := os.ReadFile(p.log.Name())
	if err != nil || len(text) == 0 {
		return err
	}
	return fmt.Errorf("the server said: %.2000s", text)
}

// stop asks the server to end, and wants it to end well.
func (p *process) stop() error {
	if p.cmd == nil {
		return nil
	}
	cmd := p.cmd
	p.cmd = nil
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return errors.Join(fmt.Errorf("stop server: it has ended before: %w", err), p.words())
	}
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // the error shows in Wait
	defer late.Stop()
	if err := cmd.Wait(); err != nil {
		return errors.Join(fmt.Errorf("the server did not stop well: %w", err), p.words())
	}
	return nil
}

// end makes sure that there is no process, and removes its folders.
func (p *process) end() error {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill() // it may have ended
		_ = p.cmd.Wait()         // as above
	}
	return errors.Join(p.log.Close(), os.RemoveAll(filepath.Dir(p.socket)), os.RemoveAll(p.folder))
}

// vitals are what a process takes of its machine.
type vitals struct {
	inside
	RSS   int64 // bytes in memory
	Peak  int64 // the most that RSS was
	Files int   // open ones, connections included
	CPU   time.Duration
}

// vitals returns how the server is. collect has it collect its garbage before, and tell of its inside.
func (p *process) vitals(ctx context.Context, collect bool) (v vitals, err error) {
	if collect {
		if err := p.ask(ctx, http.MethodGet, "/stats", &v.inside); err != nil {
			return v, err
		}
	}
	proc := filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid))
	if err := readStatus(filepath.Join(proc, "status"), &v); err != nil {
		return v, err
	}
	fds, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		return v, fmt.Errorf("count open files: %w", err)
	}
	v.Files = len(fds)
	v.CPU, err = readCPU(filepath.Join(proc, "stat"))
	return v, err
}

// readStatus reads the sizes of a process.
func readStatus(path string, v *vitals) error {
	text, err := os.ReadFile(path) //nolint:gosec // of the system
	if err != nil {
		return fmt.Errorf("read memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		var into *int64
		switch name {
		case "VmRSS":
			into = &v.RSS
		case "VmHWM":
			into = &v.Peak
		default:
			continue
		}
		kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return fmt.Errorf("read memory: %w", err)
		}
		*into = kb << 10
	}
	return nil
}

// ticksASecond is the unit of CPU times in /proc, which is the same on all systems.
const ticksASecond = 100

// readCPU reads the CPU time that a process has used.
func readCPU(path string) (time.Duration, error) {
	text, err := os.ReadFile(path) //nolint:gosec // of the system
	if err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks int64
	for _, i := range []int{11, 12} { // utime and stime, behind the name
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read CPU time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksASecond, nil
}

// resetPeak has the peak of the memory begin anew.
func (p *process) resetPeak() error {
	path := filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "clear_refs")
	return os.WriteFile(path, []byte("5"), 0o200)
}

// ask speaks to the server's control.
func (p *process) ask(ctx context.Context, method, path string, v any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://control"+path, nil)
	if err != nil {
		return err
	}
	resp, err := p.control.Do(req)
	if err != nil {
		return fmt.Errorf("ask the server's control: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	if v == nil {
		return nil
	}
	return json.NewDecoder(bufio.NewReader(resp.Body)).Decode(v)
}

// until polls a condition.
func until(ctx context.Context, what string, every time.Duration, ok func() (bool, error)) error {
	return poll.Every(ctx, every, patience, what, ok)
}
