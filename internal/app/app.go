// Package app makes a serving process of the parts: it reads the configuration, opens the stores, builds the services, hands
// them to the doors, and runs until its context ends.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/blob"
	_ "github.com/stewardhq/steward/internal/blob/clouds" // registers s3, gs and azblob
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/disk"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/extract"
	"github.com/stewardhq/steward/internal/engine/pagesel"
	"github.com/stewardhq/steward/internal/engine/pdf"
	"github.com/stewardhq/steward/internal/failpoint"
	"github.com/stewardhq/steward/internal/files"
	"github.com/stewardhq/steward/internal/identity"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/model/builtin"
	"github.com/stewardhq/steward/internal/model/provider"
	"github.com/stewardhq/steward/internal/once"
	"github.com/stewardhq/steward/internal/rest"
	"github.com/stewardhq/steward/internal/safehttp"
	"github.com/stewardhq/steward/internal/secret"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/postgres"
	"github.com/stewardhq/steward/internal/store/sqlite"
	"github.com/stewardhq/steward/internal/webhooks"
)

// Options are the parts of a server that a configuration does not name. The zero value is ready to use.
type Options struct {
	Version string
	Logger  *slog.Logger
	Getenv  func(string) string // nil means os.Getenv
	Engines []engine.Engine     // besides the program's own; for tests
	OnFirst func(Credentials)   // told what the first start made; may be nil

	// AcceptLoss starts although the database is an older copy of the one that was there, another one or none, or its log is damaged.
	AcceptLoss bool
}

// Server is an opened server. Serve runs it, Close ends it.
type Server struct {
	config   Config
	log      *slog.Logger
	folder   *folder
	guard    *disk.Guard
	listener net.Listener
	store    store.Store
	bucket   *blob.Bucket
	pdfs     *document.Reader
	files    *files.Service
	identity *identity.Service
	sweeper  *agents.Sweeper
	jobs     *jobs.Service
	worker   *jobs.Worker
	webhooks *webhooks.Service
	once     *once.Service
	handler  http.Handler

	certificates *certificates // nil without TLS
}

// Open opens everything that a server needs, makes the first organization and key when there is none, and starts to listen;
// requests are answered once Serve runs. On an error nothing stays open.
func Open(ctx context.Context, c Config, o Options) (_ *Server, err error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	s := &Server{config: c, log: o.Logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.folder, err = openFolder(ctx, c.Data); err != nil {
		return nil, err
	}
	if err := s.openGround(ctx, o.AcceptLoss); err != nil {
		return nil, err
	}
	if c.TLS().given() {
		if s.certificates, err = openCertificates(c.TLS(), s.log); err != nil {
			return nil, err
		}
	}
	if s.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if err := s.buildServices(ctx, o); err != nil {
		return nil, err
	}
	return s, s.bootstrap(ctx, o)
}

// openGround opens the database and the blob store.
func (s *Server) openGround(ctx context.Context, acceptLoss bool) (err error) {
	where := s.config.Files
	if where == "" {
		where = s.folder.join("files")
	}
	s.guard = s.newGuard(where)
	if s.store, err = openStore(ctx, s.config.Database, s.folder.join("steward.db"), &sqlite.Options{
		Logger: s.log, Guard: s.guard, Mark: true, Watch: []string{s.folder.lock.Name()}, AcceptLoss: acceptLoss,
	}); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if s.bucket, err = blob.Open(ctx, where, &blob.Options{Logger: s.log, TempDir: s.folder.join("tmp"), Guard: s.guard}); err != nil {
		return fmt.Errorf("open files: %w", hideIn(err, where))
	}
	return nil
}

// openStore opens the database of a URL, or the file when there is none.
func openStore(ctx context.Context, database, file string, o *sqlite.Options) (store.Store, error) {
	if database == "" {
		s, err := sqlite.Open(ctx, file, o)
		if err != nil {
			return nil, err // not s: a store that is not there must be nil to everybody
		}
		return s, nil
	}
	s, err := postgres.Open(ctx, database, &postgres.Options{Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// buildServices wires tools, engines, services and the door.
func (s *Server) buildServices(ctx context.Context, o Options) error {
	registry, models, err := s.engines(ctx, o)
	if err != nil {
		return err
	}
	hosts, nets := s.config.networks()
	web, err := safehttp.New(&safehttp.Options{AllowHosts: hosts, AllowNetworks: nets, MaxBytes: files.MaxFileBytes, UserAgent: "Steward/" + o.Version})
	if err != nil {
		return fmt.Errorf("guarded HTTP: %w", err)
	}
	now := clock.System{}
	s.files = files.New(s.store, s.bucket, web, &files.Options{Logger: s.log, Disk: s.guard})
	s.identity = identity.New(s.store, now, s.log)
	agentService := agents.New(s.store, registry, models, now)
	s.sweeper = agents.NewSweeper(agentService, s.store, s.files, agents.SweeperOptions{Logger: s.log})
	s.jobs = jobs.New(s.store, agentService, s.files, now, jobs.Options{
		Timeout: s.config.Workers.JobTimeout, SyncTimeout: s.config.Workers.SyncTimeout, Budget: s.config.budget(), Models: models,
		Backlog:     s.config.Limits.backlog(),
		StoreTraces: s.config.StoreTraces, Logger: s.log, Disk: s.guard,
	})
	box, err := s.openSecrets(o.Getenv)
	if err != nil {
		return err
	}
	s.once = once.New(s.store, box, now, s.log)
	if s.webhooks, err = s.buildWebhooks(o, box); err != nil {
		return err
	}
	if err := s.buildWorker(models); err != nil {
		return err
	}
	trusted, err := s.config.Requests.trusted()
	if err != nil {
		return err
	}
	handler, err := rest.New(rest.Options{
		HealthOnly: !s.config.has("api"),
		Agents:     agentService, Jobs: s.jobs, Identity: s.identity, Files: s.files, Webhooks: s.webhooks, Once: s.once, Ready: s.ready,
		Limits: s.config.Requests.limits(),
		Logger: s.log, BaseURL: s.config.PublicURL, Version: o.Version,
	})
	if err != nil {
		return err
	}
	s.handler = rest.Forwarded(handler, trusted)
	return nil
}

// buildWebhooks builds what tells others that jobs have ended.
func (s *Server) buildWebhooks(o Options, box *secret.Box) (*webhooks.Service, error) {
	hosts, nets := s.config.networks()
	web, err := webhooks.NewClient(hosts, nets, "Steward-Webhooks/"+o.Version)
	if err != nil {
		return nil, fmt.Errorf("guarded HTTP of webhooks: %w", err)
	}
	return webhooks.New(s.store, box, web, s.files, clock.System{}, &webhooks.Options{BaseURL: s.BaseURL(), Logger: s.log}), nil
}

// secretKeyVariable holds the keys that stored secrets are sealed with, for machines without a file of their own.
const secretKeyVariable = "STEWARD_SECRET_KEY"

// openSecrets opens the key that stored secrets are sealed with: the environment's, the file that the configuration names, or one
// in the data folder that is made when it is missing.
func (s *Server) openSecrets(getenv func(string) string) (*secret.Box, error) {
	if text := getenv(secretKeyVariable); text != "" {
		box, err := secret.FromText(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", secretKeyVariable, err)
		}
		return box, nil
	}
	path := s.config.SecretKeyFile
	if path == "" {
		path = s.folder.join("secret.key")
	}
	return secret.Open(path)
}

// engines builds what runs can do.
func (s *Server) engines(ctx context.Context, o Options) (*engine.Registry, *model.Registry, error) {
	config, err := s.config.models(o.Getenv)
	if err != nil {
		return nil, nil, err
	}
	s.lookForModels(ctx, &config)
	config.Builtin = builtin.New()
	config.Dial = provider.Dialer(nil)
	models, err := model.NewRegistry(config)
	if err != nil {
		return nil, nil, fmt.Errorf("models: %w", err)
	}
	cache := s.config.Cache
	if cache == "" {
		cache = s.folder.join("cache")
	}
	recognizer, err := s.recognizer(o.Getenv)
	if err != nil {
		return nil, nil, err
	}
	s.pdfs = document.Open(document.Options{
		CacheDir: filepath.Join(cache, "pdf"), Instances: s.config.PDF.Instances, MaxPages: s.config.PDF.MaxPages,
		OCR: recognizer, Logger: s.log,
	})
	registry, err := engine.NewRegistry(append([]engine.Engine{extract.New(s.pdfs), pdf.New(s.pdfs), pagesel.New(s.pdfs)}, o.Engines...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("engines: %w", err)
	}
	return registry, models, nil
}

func (s *Server) buildWorker(models engine.ModelSource) error {
	if !s.config.has("worker") {
		return nil
	}
	node, err := s.folder.node()
	if err != nil {
		return err
	}
	w := s.config.Workers
	if w.Grace == 0 {
		w.Grace = -1 // none at all
	}
	s.worker, err = jobs.NewWorker(s.jobs, models, jobs.WorkerOptions{
		Node: node, Concurrency: w.Concurrency, Lease: w.Lease, Grace: w.Grace, MaxCrashes: w.MaxCrashes,
		Limits: s.config.limits(), PublicURL: s.BaseURL(),
	})
	return err
}

// bootstrap makes the first organization and key, and leaves the credentials in the data folder. They are on disk before the
// database has them, so that no crash in between can lock the installation.
func (s *Server) bootstrap(ctx context.Context, o Options) error {
	if err := s.finishBootstrap(ctx, o); err != nil {
		return err
	}
	if known, err := s.refreshCredentials(ctx); known || err != nil {
		return err
	}
	first, err := s.identity.Bootstrap(ctx, func(f *identity.First) error {
		return s.folder.saveCredentials(pendingFile, Credentials{BaseURL: s.BaseURL(), APIKey: f.Token, OrganizationID: string(f.Organization.ID)})
	})
	if err != nil {
		return err
	}
	if first == nil { // the database has an organization, this folder just has no credentials of it
		return s.folder.remove(pendingFile)
	}
	return s.keepCredentials(Credentials{BaseURL: s.BaseURL(), APIKey: first.Token, OrganizationID: string(first.Organization.ID)}, o)
}

// refreshCredentials reports whether the folder's credentials work, and keeps their address current as long as it is one of this
// machine: another was put there by somebody who knows better. A file that cannot be read is left alone.
func (s *Server) refreshCredentials(ctx context.Context) (known bool, err error) {
	c, ok, err := s.folder.loadCredentials(CredentialsFile)
	if err != nil {
		s.log.WarnContext(ctx, "credentials not read", "error", err)
		return false, nil // the server itself does not need them
	}
	if !ok {
		return false, nil
	}
	if known, err = s.knows(ctx, c); !known || err != nil || c.BaseURL == s.BaseURL() || !onThisMachine(c.BaseURL) {
		return known, err
	}
	c.BaseURL = s.BaseURL()
	if err := s.folder.saveCredentials(CredentialsFile, c); err != nil {
		s.log.WarnContext(ctx, "address in the credentials not updated", "error", err)
	}
	return true, nil
}

// onThisMachine reports whether a URL names a loopback address.
func onThisMachine(rawURL string) bool {
	u, err := url.Parse(rawURL)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}

// finishBootstrap puts pending credentials in place when the database has them, and drops them otherwise.
func (s *Server) finishBootstrap(ctx context.Context, o Options) error {
	c, ok, err := s.folder.loadCredentials(pendingFile)
	if err != nil || !ok {
		return err
	}
	known, err := s.knows(ctx, c)
	if err != nil {
		return err // the pending file stays: it may be the only copy of the key
	}
	if !known {
		return s.folder.remove(pendingFile)
	}
	return s.keepCredentials(c, o)
}

// keepCredentials puts the pending file in place and tells the caller.
func (s *Server) keepCredentials(c Credentials, o Options) error {
	if err := failpoint.Hit("app.credentials.before"); err != nil {
		return fmt.Errorf("keep credentials: %w", err)
	}
	if err := os.Rename(s.folder.join(pendingFile), s.folder.join(CredentialsFile)); err != nil {
		return fmt.Errorf("keep credentials: %w", err)
	}
	failpoint.Pass("app.credentials.after")
	if o.OnFirst != nil {
		o.OnFirst(c)
	}
	return nil
}

// knows reports whether the database accepts a key.
func (s *Server) knows(ctx context.Context, c Credentials) (bool, error) {
	_, err := s.identity.Authenticate(ctx, c.APIKey)
	if steward.CodeOf(err) == steward.Unauthenticated {
		return false, nil
	}
	return err == nil, err
}

// BaseURL returns the server's address as clients see it: the configured public URL, else the one it listens on.
func (s *Server) BaseURL() string {
	if s.config.PublicURL != "" {
		return s.config.PublicURL
	}
	addr, ok := s.listener.Addr().(*net.TCPAddr)
	if !ok {
		return ""
	}
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, fmt.Sprint(addr.Port))}
	if s.certificates != nil {
		u.Scheme = "https"
	}
	return u.String()
}

// Store gives tests a look at the database.
func (s *Server) Store() store.Store { return s.store }

// shutdownTimeout is how long open requests may take beyond the grace period of running jobs.
const shutdownTimeout = 5 * time.Second

// Serve answers requests and runs jobs until ctx ends, then stops softly: no new jobs are claimed, running ones get their grace
// period, open requests are finished. The first part that fails ends the others.
func (s *Server) Serve(ctx context.Context) error {
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.watchDisk(gctx) })
	group.Go(func() error { return s.exitAfterFault(gctx) })
	group.Go(func() error { return s.files.Run(gctx) })
	group.Go(func() error { return s.identity.Run(gctx) })
	group.Go(func() error { return s.once.Run(gctx) })
	group.Go(func() error { return s.sweeper.Run(gctx) })
	group.Go(func() error { return s.jobs.RunBatches(gctx) })
	group.Go(func() error { return s.jobs.ForgetAnswers(gctx) })
	if s.worker != nil {
		group.Go(func() error { return s.worker.Run(gctx) })
		group.Go(func() error { return webhooks.NewDeliverer(s.webhooks, nil).Run(gctx) })
	}
	server := newHTTPServer(s.handler, s.log)
	s.serveHTTP(gctx, server, group)
	group.Go(func() error {
		<-gctx.Done()
		limit := s.config.Workers.Grace + shutdownTimeout // synchronous callers wait for running jobs
		stop, cancel := context.WithTimeout(context.WithoutCancel(gctx), limit)
		defer cancel()
		if err := server.Shutdown(stop); err != nil {
			s.log.WarnContext(stop, "open requests cut off", "after", limit)
			return server.Close()
		}
		return nil
	})
	releaseStartPages(s.log)
	return s.endOf(group.Wait())
}

// Close frees what Open opened. Serve must have returned.
func (s *Server) Close() error {
	var errs []error
	if s.listener != nil {
		if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.pdfs != nil {
		errs = append(errs, s.pdfs.Close())
	}
	if s.bucket != nil {
		errs = append(errs, s.bucket.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.folder != nil {
		errs = append(errs, s.folder.close())
	}
	return errors.Join(errs...)
}

// NewLogger returns the logger that a configuration asks for, writing to standard error.
func NewLogger(c LogConfig) *slog.Logger {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	opts := &slog.HandlerOptions{Level: levels[strings.ToLower(c.Level)]}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, opts))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, opts))
}
