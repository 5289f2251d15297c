package cli_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stewardhq/steward/examples/invoice"
	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/app/apptest"
	"github.com/stewardhq/steward/internal/cli"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts") //nolint:gochecknoglobals // a flag

// TestMain lets the scripts call the program: this binary plays it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"steward": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop)
		code := cli.Run(ctx, "1.2.3", os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}})
}

// TestCommands runs the scripts that speak to a server, each to one of its own. go test -update writes their transcripts anew.
func TestCommands(t *testing.T) {
	t.Parallel()
	runScripts(t, "script", func(env *testscript.Env) error {
		s, err := apptest.OpenWith(context.Background(), filepath.Join(env.WorkDir, ".server"), func(c *app.Config) {
			c.Fetch.Allow = []string{"127.0.0.1"} // where the receivers of webhooks are
		})
		if err != nil {
			return err
		}
		env.Defer(func() {
			if err := s.Stop(); err != nil {
				t.Errorf("stop server: %v", err)
			}
		})
		env.Setenv("STEWARD_BASE_URL", s.BaseURL())
		env.Setenv("STEWARD_API_KEY", s.APIKey)
		return nil
	})
}

// TestServers runs the scripts that start servers themselves.
func TestServers(t *testing.T) {
	t.Parallel()
	runScripts(t, "serve", func(*testscript.Env) error { return nil })
}

func runScripts(t *testing.T, folder string, setup func(*testscript.Env) error) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", folder), UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TZ", "UTC")
			env.Setenv("__FANG_TEST_WIDTH", "100") // width of the help
			env.Setenv("XDG_CACHE_HOME", filepath.Dir(apptest.CacheFolder()))
			for name, content := range map[string][]byte{"invoice.pdf": invoice.PDF, "invoice.schema.json": invoice.Schema} {
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), content, 0o600); err != nil {
					return err
				}
			}
			return setup(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": exitsWith, "norm": norm, "set": set, "ready": ready, "mode": mode, "until": until, "newest": newest, "terminate": terminate,
			"receiver": receiver,
		},
	})
}

// exitsWith is "code N command…": the command ends with that exit code.
func exitsWith(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d\n%s", got, want, ts.ReadFile("stderr"))
	}
}

// set is "set NAME": the variable takes what the last command printed.
func set(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: set NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// newest is "newest NAME": the variable takes the id of the first element of the JSON list that the last command printed.
func newest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: newest NAME")
	}
	var list []struct {
		ID     string
		FileID string `json:"file_id"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &list))
	if len(list) == 0 {
		ts.Fatalf("the list is empty")
	}
	ts.Setenv(args[0], cmp.Or(list[0].ID, list[0].FileID))
}

// receiver is "receiver NAME": the variable takes the URL of a program that takes every event.
func receiver(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: receiver NAME")
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	ts.Defer(srv.Close)
	ts.Setenv(args[0], srv.URL+"/hook")
}

// norm is "norm FILE": it writes FILE, which may be stdout or stderr, to "got", without what differs from run to run.
func norm(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: norm FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs("got"), []byte(normalised(ts.ReadFile(args[0]), ts.Getenv("WORK"))), 0o600))
}

// normalised replaces ids by their order of appearance, and times, durations, tokens and ports by what they are.
func normalised(text, work string) string {
	text = strings.ReplaceAll(text, work, "$WORK")
	ids := map[string]string{}
	text = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).ReplaceAllStringFunc(text, func(id string) string {
		if ids[id] == "" {
			ids[id] = fmt.Sprintf("<id-%d>", len(ids)+1)
		}
		return ids[id]
	})
	for _, r := range []struct{ pattern, with string }{
		{`stw_[0-9A-Za-z]{10}_[0-9A-Za-z]+`, "<token>"},
		{`stw_[0-9A-Za-z]{10}\b`, "<prefix>"},
		{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`, "<time>"},
		{`\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?`, "<time>"},
		{time.Now().UTC().Format(time.DateOnly), "<today>"},
		{`\b\d+(\.\d+)? ?(µs|ms|s)\b`, "<duration>"},
		{`("duration_ms": )\d+`, "${1}<ms>"},
		{`("timestamp": )[0-9.e+]+`, "${1}<epoch>"},
		{`("sha256": )"[0-9a-f]+"`, `${1}"<hash>"`},
		{`("input_hash": )"[0-9a-f]+"`, `${1}"<hash>"`},
		{`127\.0\.0\.1:[3-6]\d{4}`, "127.0.0.1:<port>"},
		{` +\n`, "\n"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "-") { // of a diff
			lines[i] = regexp.MustCompile(`(\S) {2,}`).ReplaceAllString(line, "$1  ") // columns are as wide as their longest cell
		}
	}
	return strings.Join(lines, "")
}

// ready is "ready FOLDER": a server with that data folder answers.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready FOLDER")
	}
	wait(ts, "the server is ready", func() bool {
		text, err := os.ReadFile(filepath.Join(ts.MkAbs(args[0]), app.CredentialsFile))
		var c app.Credentials
		if err != nil || json.Unmarshal(text, &c) != nil {
			return false
		}
		resp, err := http.Get(c.BaseURL + "/readyz")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
}

// until is "until PATTERN command…": the command prints what matches at last.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN command...")
	}
	pattern := regexp.MustCompile(args[0])
	wait(ts, args[0], func() bool { return ts.Exec(args[1], args[2:]...) == nil && pattern.MatchString(ts.ReadFile("stdout")) })
}

// terminate is "terminate": every command in the background gets SIGTERM.
func terminate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: terminate")
	}
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	}
}

// wait polls a condition for at most half a minute.
func wait(ts *testscript.TestScript, what string, ok func() bool) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			ts.Fatalf("waited in vain: %s", what)
		}
	}
}

// mode is "mode 0600 FILE": the file has that mode.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode MODE FILE")
	}
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}
