// Package apptest starts whole servers inside a test: the real database, files, workers and HTTP on a port of their own, with a
// few engines beside the program's own that do what tests need to see.
package apptest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/identity"
)

// Server is a server that serves.
type Server struct {
	*app.Server
	Folder string // its data folder, with credentials.json
	APIKey string // of its owner

	end  context.CancelFunc
	done chan error
}

// Open starts a server on a data folder and any free port of this machine. The caller stops it.
func Open(ctx context.Context, folder string) (*Server, error) {
	return OpenWith(ctx, folder, func(*app.Config) {})
}

// OpenWith is Open with a configuration that the caller changes.
func OpenWith(ctx context.Context, folder string, change func(*app.Config)) (*Server, error) {
	config := app.Defaults()
	config.Data, config.Listen, config.Workers.Grace = folder, "127.0.0.1:0", 100*time.Millisecond
	config.Cache = CacheFolder()
	change(&config)
	s := &Server{Folder: folder, done: make(chan error, 1)}
	var err error
	s.Server, err = app.Open(ctx, config, app.Options{
		Version: "test", Logger: slog.New(slog.DiscardHandler), Getenv: func(string) string { return "" },
		Engines: []engine.Engine{waiting(), saving(), refusing()}, OnFirst: func(c app.Credentials) { s.APIKey = c.APIKey },
	})
	if err != nil {
		return nil, err
	}
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	s.end = end
	go func() { s.done <- s.Serve(serving) }()
	return s, nil
}

// Start is Open on a folder of the test, stopped with it.
func Start(t *testing.T) *Server {
	t.Helper()
	s, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatalf("start server: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop server: %v", err)
		}
	})
	return s
}

// Stop ends the server and returns what went wrong in its life.
func (s *Server) Stop() error {
	s.end()
	return errors.Join(<-s.done, s.Close())
}

// CacheFolder is where the compiled PDF engine is kept for all tests: where the program itself keeps it for its user.
func CacheFolder() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "steward")
}

// waiting is an engine whose runs end with their cancellation only.
func waiting() engine.Engine {
	return enginetest.Func{ID: "WaitingEngine", Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		run.Progress(1, 3, "waiting")
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}}
}

// saving is an engine whose runs save a file for their readers, page-1.txt with "the first page".
func saving() engine.Engine {
	return enginetest.Func{ID: "SavingEngine", Do: func(ctx context.Context, run *engine.Run) (*engine.Result, error) {
		_, url, err := run.SaveReference(ctx, "page-1.txt", "page", "text/plain", strings.NewReader("the first page"))
		if err != nil {
			return nil, err
		}
		return enginetest.Output(map[string]any{"references": []string{url}})
	}}
}

// refusing is an engine whose runs fail with model_refused.
func refusing() engine.Engine {
	return enginetest.Func{ID: "RefusingEngine", Do: func(context.Context, *engine.Run) (*engine.Result, error) {
		return nil, &steward.Failure{Code: steward.FailModelRefused, Message: "The model will not answer this."}
	}}
}

// SecondOrganization makes another organization, which no call of the API can do, and returns an admin key of it.
func (s *Server) SecondOrganization(ctx context.Context) (token string, err error) {
	const id = "01890000-0000-7000-8000-00000000000f"
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(s.Folder, "steward.db")+"?_busy_timeout=5000")
	if err != nil {
		return "", fmt.Errorf("open database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, `INSERT INTO organizations (id, name, created_at) VALUES (?, 'Others', 0)`, id); err != nil {
		return "", fmt.Errorf("make organization: %w", err)
	}
	res, err := db.ExecContext(ctx, `INSERT INTO users (organization_id, email, first_name, last_name, display_name, date_joined,
		is_staff, is_superuser, is_active, is_first_login, is_email_verified, is_mfa_enabled)
		VALUES (?, 'other@steward.example.com', '', '', 'Other', 0, 0, 0, 1, 0, 0, 0)`, id)
	if err != nil {
		return "", fmt.Errorf("make user: %w", err)
	}
	user, err := res.LastInsertId()
	if err != nil {
		return "", fmt.Errorf("make user: %w", err)
	}
	who := &steward.Principal{OrganizationID: id, UserID: steward.UserID(user), Scopes: []steward.Scope{steward.ScopeAdmin}}
	keys := identity.New(s.Store(), clock.System{}, slog.New(slog.DiscardHandler))
	_, token, err = keys.CreateKey(steward.WithPrincipal(ctx, who), identity.CreateKeyParams{Name: "other", Scopes: who.Scopes})
	return token, err
}
