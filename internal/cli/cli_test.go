package cli_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/app/apptest"
	"github.com/stewardhq/steward/internal/cli"
)

// program is a server and the commands that are run against it.
type program struct {
	*client.Client
	server *apptest.Server
	agent  steward.AgentID // its runs wait for their cancellation
}

func newProgram(t *testing.T) *program {
	t.Helper()
	s := apptest.Start(t)
	c, err := client.New(&client.Options{DataFolder: s.Folder})
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.CreateAgent(t.Context(), client.AgentCreate{Name: "waiting", EngineClassID: "WaitingEngine"})
	if err != nil {
		t.Fatal(err)
	}
	return &program{c, s, a.ID}
}

// run runs a command.
func (p *program) run(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errw bytes.Buffer
	code = cli.Run(ctx, "test", append(args, "--data", p.server.Folder), strings.NewReader(""), &out, &errw)
	return code, out.String(), errw.String()
}

// started returns the job of the agent as soon as a worker has it.
func (p *program) started(t *testing.T) steward.JobID {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-tick.C {
		page, err := p.ListJobs(t.Context(), p.agent, client.JobList{Status: []steward.Status{steward.StatusStarted}})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Results) > 0 {
			return page.Results[0].ID
		}
	}
	t.Fatal("no job was started")
	return ""
}

func TestAnInterruptEndsTheWaitingNotTheJob(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"run", "watch"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			args := []string{"run", "waiting"}
			if command == "watch" {
				id, err := p.Run(t.Context(), p.agent, client.RunParams{})
				if err != nil {
					t.Fatal(err)
				}
				args = []string{"jobs", "watch", string(id)}
			}
			ctx, interrupt := context.WithCancel(t.Context())
			found := make(chan steward.JobID, 1)
			go func() {
				defer interrupt()
				found <- p.started(t)
			}()
			code, stdout, stderr := p.run(ctx, args...)
			job := <-found
			want := "steward: interrupted; job " + string(job) + " goes on\n" +
				"Watch it:  steward jobs watch " + string(job) + "\nCancel it: steward jobs cancel " + string(job) + "\n"
			if code != 130 || stdout != "" || stderr != want {
				t.Errorf("code %d, stdout %q, stderr\n%s\nwant 130 and\n%s", code, stdout, stderr, want)
			}
			if st, err := p.JobStatus(t.Context(), job); err != nil || st.Status != steward.StatusStarted {
				t.Errorf("the job after the interrupt: %+v, %v", st, err)
			}
			if err := p.CancelJob(t.Context(), job); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNamesFromElsewhereCannotMoveTheCursor(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"count":1,"next":null,"results":[{"id":"1","name":"a\u001b[2Jb\tc\nd"}]}`) // the client is there
	}))
	defer srv.Close()
	var out, errw bytes.Buffer
	code := cli.Run(t.Context(), "test", []string{"agents", "list", "--server", srv.URL, "--key", "k"}, strings.NewReader(""), &out, &errw)
	if code != 0 || errw.Len() > 0 {
		t.Fatalf("code %d, stderr %q", code, errw.String())
	}
	if got := out.String(); strings.ContainsAny(got, "\x1b\t") || !strings.Contains(got, "a [2Jb c d") || strings.Count(got, "\n") != 2 {
		t.Errorf("stdout = %q", got)
	}
}

func TestAnAgentIsFoundByItsWholeNameAmongMany(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	for _, name := range []string{"waiting for godot", "not waiting", "Waiting"} {
		if _, err := p.CreateAgent(t.Context(), client.AgentCreate{Name: name, EngineClassID: "SavingEngine"}); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr := p.run(t.Context(), "agents", "get", "waiting")
	if code != 0 || !strings.Contains(stdout, string(p.agent)) {
		t.Errorf("code %d, stderr %q, stdout %s", code, stderr, stdout)
	}
}
