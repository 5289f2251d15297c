package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward/bench/compare/wire"
)

// postgres is a PostgreSQL cluster that nobody else uses, so that it can be killed. fsync and synchronous_commit are on; the rest is in
// scripts/postgres.sh, which makes it. It runs as a child of this process: what is killed is gone at once then.
type postgres struct {
	folder  string
	server  string // URL of its first database
	program string // path
	cmd     *exec.Cmd
	log     *os.File
}

// startPostgres makes a cluster in a new folder and starts it.
func startPostgres(ctx context.Context, script, folder string) (*postgres, error) {
	p := &postgres{folder: folder}
	run := func(command string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, script, command) //nolint:gosec // own script
		cmd.Env, cmd.Stderr = append(os.Environ(), "STEWARD_TEST_POSTGRES_DIR="+folder), os.Stderr
		return cmd.Output()
	}
	out, err := run("start")
	if err != nil {
		return nil, fmt.Errorf("make a PostgreSQL cluster: %w", err)
	}
	p.server = strings.TrimSpace(string(out))
	err = p.find(ctx)
	if _, serr := run("stop"); err != nil || serr != nil {
		return nil, fmt.Errorf("make a PostgreSQL cluster: %w", errors.Join(err, serr))
	}
	if p.log, err = os.Create(filepath.Join(filepath.Dir(folder), "postgres.log")); err != nil { //nolint:gosec // own folder
		return nil, err
	}
	return p, p.start(ctx)
}

// find asks the server for its program.
func (p *postgres) find(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.server)
	if err != nil {
		return err
	}
	err = conn.QueryRow(ctx, `select setting || '/postgres' from pg_config where name = 'BINDIR'`).Scan(&p.program)
	return errors.Join(err, conn.Close(ctx))
}

// start starts the server, as the user who owns the cluster, and returns when it answers.
func (p *postgres) start(ctx context.Context) error {
	u, err := url.Parse(p.server)
	if err != nil {
		return errors.New("the PostgreSQL URL is not valid")
	}
	data := filepath.Join(p.folder, "data")
	var owner syscall.Stat_t
	if err := syscall.Stat(data, &owner); err != nil {
		return err
	}
	p.cmd = exec.Command(p.program, "-D", data, "-p", u.Query().Get("port"), "-k", u.Query().Get("host")) //nolint:gosec,noctx // ended by kill and stop
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.folder, p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for the comparison, which stops it in its own time
	if os.Getuid() == 0 {
		p.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}
	}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	err = wire.Until(ctx, startLimit, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, p.server)
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	return nil
}

// database makes a new, empty database and returns its URL.
func (p *postgres) database(ctx context.Context, name string) (string, error) {
	if err := p.do(ctx, "create database "+pgx.Identifier{name}.Sanitize()); err != nil {
		return "", fmt.Errorf("create database: %w", err)
	}
	u, err := url.Parse(p.server)
	if err != nil {
		return "", errors.New("the PostgreSQL URL is not valid")
	}
	u.Path = "/" + name
	return u.String(), nil
}

// drop removes a database.
func (p *postgres) drop(ctx context.Context, name string) error {
	if err := p.do(ctx, "drop database "+pgx.Identifier{name}.Sanitize()+" with (force)"); err != nil {
		return fmt.Errorf("drop database: %w", err)
	}
	return nil
}

func (p *postgres) do(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, p.server)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// kill ends all processes of the cluster without a warning and returns when they are gone.
func (p *postgres) kill() error {
	main := p.cmd.Process.Pid
	pids, err := children(main)
	if err != nil {
		return fmt.Errorf("kill PostgreSQL: %w", err)
	}
	for _, pid := range append([]int{main}, pids...) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill PostgreSQL: %w", err)
		}
	}
	_ = p.cmd.Wait() // it was killed; there is no good end
	for end := time.Now().Add(10 * time.Second); anyAlive(pids); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return errors.New("kill PostgreSQL: its processes do not go away")
		}
	}
	return nil
}

// stop stops the cluster.
func (p *postgres) stop() error {
	if p.cmd.Process == nil {
		return p.log.Close() // it never started
	}
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil { // fast: clients are cut off
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return errors.Join(p.cmd.Wait(), p.log.Close())
}

// children returns the processes that a process has started, as /proc tells.
func children(parent int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, path := range stats {
		pid, ppid, _, ok := readStat(path)
		if ok && ppid == parent {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// anyAlive reports whether any of these processes still runs; one that waits to be reaped does not.
func anyAlive(pids []int) bool {
	for _, pid := range pids {
		if _, _, state, ok := readStat(fmt.Sprintf("/proc/%d/stat", pid)); ok && state != 'Z' {
			return true
		}
	}
	return false
}

// readStat reads "pid (name) state ppid …"; the name may hold anything.
func readStat(path string) (pid, ppid int, state byte, ok bool) {
	text, err := os.ReadFile(path) //nolint:gosec // of /proc
	if err != nil {
		return 0, 0, 0, false // it has ended
	}
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return 0, 0, 0, false
	}
	_, err1 := fmt.Sscanf(string(text), "%d", &pid)
	_, err2 := fmt.Sscanf(string(text[end+1:]), " %c %d", &state, &ppid)
	return pid, ppid, state, err1 == nil && err2 == nil
}
