package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/app"
)

// Exit codes.
const (
	exitOK        = 0
	exitError     = 1
	exitUsage     = 2
	exitJobFailed = 3 // the job ended, but not with success
	exitDenied    = 4 // the key is missing, wrong or lacks a scope
	exitNotFound  = 5
	exitChanges   = 6 // apply --dry-run: something would change
	exitDisk      = app.ExitDiskFailed
	exitSignal    = 130
)

const exitCodesHelp = `Exit codes: 0 done, 1 error, 2 wrong use, or refused by the server as such, 3 the job or an item of the batch ended without success, 4 key missing or refused, 5 not found, 6 apply --dry-run would change something, 74 serve: the disk failed, start again, 130 interrupted.`

// errJobFailed is what commands return when a job, or an item of a batch, ended without success; it has been reported already.
var errJobFailed = errors.New("the job did not succeed")

// usageError is a wrong use of a command.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// hinted is an error with what to try next.
type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }

// unknown is the error of a name that nothing has.
func unknown(what, name, list string) error {
	err := &steward.Error{Code: steward.NotFound, Message: fmt.Sprintf("no %s has the id or name %q", what, name)}
	return &hinted{err, "What there is: " + list}
}

// interrupted is the end of a command by a signal while a job was waited for.
type interrupted struct{ job steward.JobID }

func (e *interrupted) Error() string { return fmt.Sprintf("interrupted; job %s goes on", e.job) }

// showError prints an error, once, with what to try next.
func (g *global) showError(w io.Writer, command string, err error) {
	if errors.Is(err, errJobFailed) || errors.Is(err, errChanges) || errors.Is(err, errFindings) {
		return
	}
	_, _ = fmt.Fprintf(w, "steward: %v\n", err) // nowhere else to complain
	if hint := g.hintFor(command, err); hint != "" {
		_, _ = fmt.Fprintf(w, "%s\n", hint)
	}
}

func (g *global) hintFor(command string, err error) string {
	if e := (*hinted)(nil); errors.As(err, &e) {
		return e.hint
	}
	if e := (*usageError)(nil); errors.As(err, &e) {
		return "Try: " + command + " --help"
	}
	if e := (*interrupted)(nil); errors.As(err, &e) {
		return fmt.Sprintf("Watch it:  steward jobs watch %s\nCancel it: steward jobs cancel %s", e.job, e.job)
	}
	if e := (*batchInterrupted)(nil); errors.As(err, &e) {
		return fmt.Sprintf("Repeat the command, and it goes on where it was.\nLook at it: steward batches get %s\nCancel it:  steward batches cancel %s", e.id, e.id)
	}
	switch {
	case errors.Is(err, client.ErrNoAPIKey) && g.server != "":
		return "Give a key of that server with --key or STEWARD_API_KEY."
	case errors.Is(err, client.ErrNoAPIKey):
		return "Is a server running on this machine? Start one with: steward serve"
	case errors.Is(err, syscall.EADDRINUSE):
		return "Another program listens there. Name another address: steward serve --listen HOST:PORT"
	case errors.Is(err, client.ErrWaitTimeout), errors.Is(err, context.Canceled):
		return ""
	}
	if g.base == "" {
		return "" // no server was asked
	}
	return g.hintForAnswer(command, err)
}

// hintForAnswer is advice about what a server said, or that none did.
func (g *global) hintForAnswer(command string, err error) string {
	switch steward.CodeOf(err) {
	case steward.Invalid:
		if command == "steward run" {
			return "What the agent takes: steward agents get AGENT"
		}
		if said := (*client.Error)(nil); errors.As(err, &said) && said.Field == "engine_config" {
			return "What the engine takes: steward agents engines --json"
		}
		return "Try: " + command + " --help"
	case steward.Unauthenticated:
		return "Check --key, STEWARD_API_KEY or the credentials.json in the data folder."
	case steward.Denied:
		return "Ask someone with an admin key for one that may do this: steward keys create --scope …"
	case steward.NotFound:
		return "What there is: " + listFor(command)
	case steward.Unavailable, steward.Timeout:
		return "Is a server running at " + g.base + "? Start one with: steward serve; or name another with --server."
	case steward.NoCredit:
		return "The budget is in the server's configuration: steward serve --print-config"
	}
	if said := (*client.Error)(nil); errors.As(err, &said) && said.StatusCode >= 500 && said.RequestID != "" {
		return "The server's log has more: look for the request id " + said.RequestID + "."
	}
	return ""
}

// listFor is the command that lists what a command is about.
func listFor(command string) string {
	words := strings.Fields(command)
	if len(words) < 2 {
		return "steward agents list"
	}
	switch group := words[1]; group {
	case "jobs", "versions":
		return "steward " + group + " list AGENT"
	case "batches", "files", "webhooks", "keys":
		return "steward " + group + " list"
	}
	return "steward agents list"
}

func exitCode(ctx context.Context, err error) int {
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errJobFailed):
		return exitJobFailed
	case errors.Is(err, errChanges):
		return exitChanges
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, app.ErrDiskFailed):
		return exitDisk
	case ctx.Err() != nil:
		return exitSignal
	case errors.Is(err, client.ErrNoAPIKey):
		return exitDenied
	}
	switch steward.CodeOf(err) {
	case steward.Unauthenticated, steward.Denied:
		return exitDenied
	case steward.NotFound:
		return exitNotFound
	case steward.Invalid: // the server said what a check here would have said
		return exitUsage
	}
	return exitError
}
