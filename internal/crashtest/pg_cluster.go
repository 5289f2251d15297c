package crashtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stewardhq/steward/internal/crashtest/local"
)

// cluster is a PostgreSQL server of the test's own, with fsync on, which the test may stop and kill.
type cluster struct {
	bin, folder string
	address     string              // host:port
	password    string              // of both roles
	credential  *syscall.Credential // whom it runs as; nil means the user of the test
	log         *os.File
	cmd         *exec.Cmd
	exited      chan struct{} // of cmd
}

// The roles and the database of a cluster. Servers are not superusers: what is kept for those is not for them.
const (
	clusterAdmin    = "admin"
	clusterRole     = "app"
	clusterDatabase = "steward"
)

// clusterSettings are small: the machine has other things to do.
const clusterSettings = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
shared_buffers = 64MB
fsync = on
synchronous_commit = on
timezone = 'UTC'
log_min_messages = warning
`

// newCluster makes a cluster and starts it. The programs are those of a server that runs on this machine.
func newCluster(ctx context.Context, server string) (_ *cluster, err error) {
	c := &cluster{password: rand.Text()}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if c.bin, err = clusterPrograms(ctx, server); err != nil {
		return nil, err
	}
	if c.address, err = local.FreeAddress(ctx); err != nil {
		return nil, err
	}
	if err := c.makeFolder(); err != nil {
		return nil, err
	}
	if err := c.init(); err != nil {
		return nil, err
	}
	if err := c.start(ctx); err != nil {
		return nil, err
	}
	return c, c.makeDatabase(ctx)
}

// clusterPrograms asks a server where its programs are.
func clusterPrograms(ctx context.Context, server string) (bin string, err error) {
	if server == "" {
		return "", errors.New("STEWARD_TEST_POSTGRES_URL is not set: scripts/postgres.sh start prints one")
	}
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	err = conn.QueryRow(ctx, `select setting from pg_config where name = 'BINDIR'`).Scan(&bin)
	if err := errors.Join(err, conn.Close(ctx)); err != nil {
		return "", fmt.Errorf("find the programs of PostgreSQL: %w", err)
	}
	if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
		return "", fmt.Errorf("the programs of PostgreSQL are not on this machine: %w", err)
	}
	return bin, nil
}

// makeFolder makes the folder, for the user that owns the server: PostgreSQL refuses root.
func (c *cluster) makeFolder() (err error) {
	if c.folder, err = os.MkdirTemp("", "steward-cluster"); err != nil {
		return fmt.Errorf("make folder of the cluster: %w", err)
	}
	if err := os.WriteFile(c.path("password"), []byte(c.password), 0o600); err != nil {
		return fmt.Errorf("write password: %w", err)
	}
	if c.log, err = os.Create(c.path("server.log")); err != nil {
		return fmt.Errorf("make log: %w", err)
	}
	if os.Getuid() != 0 {
		return nil
	}
	owner, err := user.Lookup("postgres")
	if err != nil {
		return fmt.Errorf("find the user of PostgreSQL: %w", err)
	}
	uid, err1 := strconv.ParseUint(owner.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(owner.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("find the user of PostgreSQL: %w", err)
	}
	c.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return errors.Join(os.Chown(c.folder, int(uid), int(gid)), os.Chown(c.path("password"), int(uid), int(gid)))
}

func (c *cluster) path(name string) string { return filepath.Join(c.folder, name) }

// command is a program of PostgreSQL, run by the right user.
func (c *cluster) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, program), args...) //nolint:gosec,noctx // own arguments; ended by the test
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.folder, c.log, c.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.credential, Setpgid: true} // a Ctrl-C is the test's, not the server's
	return cmd
}

func (c *cluster) init() error {
	err := c.command("initdb", "-D", c.path("data"), "-U", clusterAdmin, "--encoding=UTF8", "--locale=C", "--auth-local=reject",
		"--auth-host=scram-sha-256", "--pwfile="+c.path("password"), "--no-sync").Run()
	if err != nil {
		return c.failed("initdb", err)
	}
	conf, err := os.OpenFile(filepath.Join(c.path("data"), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("configure cluster: %w", err)
	}
	_, err = conf.WriteString(clusterSettings)
	return errors.Join(err, conf.Close())
}

// failed is an error with the end of the log.
func (c *cluster) failed(what string, err error) error {
	text, _ := os.ReadFile(c.path("server.log")) // all that can be added
	return fmt.Errorf("%s: %w\n%s", what, err, text[max(0, len(text)-2000):])
}

// start starts the server and returns when it answers. One that was killed may have left processes behind, which keep it from starting for a moment.
func (c *cluster) start(ctx context.Context) error {
	_, port, err := net.SplitHostPort(c.address)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); ; {
		c.cmd = c.command("postgres", "-D", c.path("data"), "-p", port)
		if err := c.cmd.Start(); err != nil {
			return fmt.Errorf("start PostgreSQL: %w", err)
		}
		c.exited = make(chan struct{})
		go func(cmd *exec.Cmd, exited chan struct{}) {
			_ = cmd.Wait() // how it ended is the test's doing
			close(exited)
		}(c.cmd, c.exited)
		if err := c.answers(ctx); err == nil {
			return nil
		}
		select {
		case <-c.exited:
		case <-ctx.Done():
			return ctx.Err()
		}
		if time.Now().After(deadline) {
			return c.failed("start PostgreSQL", errors.New("it does not start"))
		}
	}
}

// answers waits until the server answers. It fails when the server has ended.
func (c *cluster) answers(ctx context.Context) error {
	return until(ctx, "PostgreSQL answers", func() (bool, error) {
		select {
		case <-c.exited:
			return false, errors.New("it has ended")
		default:
		}
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		conn, err := pgx.Connect(try, c.adminURL("postgres"))
		if err != nil {
			return false, nil // not yet
		}
		return true, conn.Close(ctx)
	})
}

// stop sends a signal to the server, SIGINT to stop it fast, SIGQUIT at once, SIGKILL as a crash does, and returns when it has ended.
func (c *cluster) stop(signal os.Signal) error {
	if err := c.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	<-c.exited
	return nil
}

func (c *cluster) makeDatabase(ctx context.Context) error {
	return c.do(ctx, "postgres",
		"create role "+clusterRole+" login password '"+c.password+"'",
		"create database "+clusterDatabase+" owner "+clusterRole+" template template0")
}

// do runs statements one by one, as the superuser.
func (c *cluster) do(ctx context.Context, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, c.adminURL(database))
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", s, err), conn.Close(ctx))
		}
	}
	return conn.Close(ctx)
}

func (c *cluster) adminURL(database string) string {
	return databaseURL(clusterAdmin, c.password, c.address, database)
}

// url is what servers connect with, over an address that leads to the cluster. Where leases last 2 s and not 15, transactions of a process
// that is cut off have to end sooner too.
func (c *cluster) url(address string) string {
	return databaseURL(clusterRole, c.password, address, clusterDatabase) + "&idle_in_transaction_session_timeout=700ms"
}

func databaseURL(role, password, address, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, password), Host: address, Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// close ends the server and deletes all of it.
func (c *cluster) close() error {
	var err error
	if c.cmd != nil && c.cmd.Process != nil {
		_ = c.cmd.Process.Signal(syscall.SIGQUIT) // it may have ended
		<-c.exited
	}
	if c.log != nil {
		err = c.log.Close()
	}
	if c.folder == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(c.folder))
}
