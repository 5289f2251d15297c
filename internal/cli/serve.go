package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward/internal/app"
)

// serveOptions are the options of serve.
type serveOptions struct {
	config, listen, publicURL, database, files string
	tlsCert, tlsKey                            string
	roles                                      []string
	ocr, ocrPath                               string
	ocrLanguages                               []string
	workers                                    int
	printConfig, acceptLoss                    bool
}

func newServe(g *global) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a server: HTTP API and workers in one process",
		Long: `Run a server: HTTP API and workers in one process, on the embedded database unless another is named.

The first start makes an organization, an owner and an API key, prints the key once and leaves it in credentials.json of the data folder, where the other commands and the Go SDK find it.

SIGINT (Ctrl-C) or SIGTERM stops softly: running jobs get a grace period, and what is left goes on at the next start, at the step where it was. With --tls-cert, SIGHUP reads certificate and key again; changed files are also found by themselves.`,
		Example: `steward serve
steward serve --data /srv/steward --listen 0.0.0.0:8080 \
  --public-url https://steward.example.com
OPENAI_API_KEY=… steward serve --print-config`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return runServe(cmd.Context(), g, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.config, "config", "", "Configuration file (default: steward.yaml in the data folder, if there is one)")
	f.StringVar(&o.listen, "listen", "", "Address to listen on, as host:port (or STEWARD_LISTEN; default 127.0.0.1:8080)")
	f.StringVar(&o.tlsCert, "tls-cert", "", "Certificate to speak TLS with, a PEM file with its chain (or STEWARD_TLS_CERT; default: plain HTTP)")
	f.StringVar(&o.tlsKey, "tls-key", "", "Key of the certificate, a PEM file (or STEWARD_TLS_KEY)")
	f.StringVar(&o.publicURL, "public-url", "", "How clients reach the server, for links (or STEWARD_PUBLIC_URL)")
	f.StringVar(&o.database, "database", "", "Database, as a postgres:// URL (or STEWARD_DATABASE; default: SQLite in the data folder)")
	f.StringVar(&o.files, "files", "", "Where files are kept: s3://, gs://, azblob:// or file:// (or STEWARD_FILES; default: the data folder)")
	f.StringSliceVar(&o.roles, "role", nil, "What the process does: api, worker (or STEWARD_ROLES; default: both)")
	f.IntVar(&o.workers, "workers", 0, "How many jobs are run at once (or STEWARD_WORKERS; default 64)")
	f.StringVar(&o.ocr, "ocr", "", "Whether pictures and scans are read by Tesseract: auto (when it is installed) or off (or STEWARD_OCR; default auto)")
	f.StringSliceVar(&o.ocrLanguages, "ocr-language", nil, "Languages of pictures and scans, the most likely first, such as eng,deu (or STEWARD_OCR_LANGUAGES; default eng)")
	f.StringVar(&o.ocrPath, "ocr-path", "", "Tesseract's program (or STEWARD_OCR_PATH; default: tesseract on the PATH)")
	f.BoolVar(&o.acceptLoss, "accept-loss", false, "Start once although the database is an older copy, another one or none, or its log is damaged: what was acknowledged since is gone")
	f.BoolVar(&o.printConfig, "print-config", false, "Print the effective configuration, secrets hidden, and exit")
	return without(cmd, "server", "key", "json")
}

// override puts flags over what file and environment say.
func (o *serveOptions) override(g *global) func(*app.Config) {
	return func(c *app.Config) {
		for _, f := range []struct {
			flag  string
			field *string
		}{{g.data, &c.Data}, {o.listen, &c.Listen}, {o.tlsCert, &c.TLSCert}, {o.tlsKey, &c.TLSKey}, {o.publicURL, &c.PublicURL}, {o.database, &c.Database}, {o.files, &c.Files}, {o.ocr, &c.OCR}, {o.ocrPath, &c.OCRPath}} {
			if f.flag != "" {
				*f.field = f.flag
			}
		}
		if len(o.roles) > 0 {
			c.Roles = o.roles
		}
		if len(o.ocrLanguages) > 0 {
			c.OCRLanguages = o.ocrLanguages
		}
		if o.workers != 0 {
			c.Workers.Concurrency = o.workers
		}
	}
}

func runServe(ctx context.Context, g *global, o serveOptions) (err error) {
	config, err := app.Load(app.LoadParams{File: o.config, Getenv: g.getenv, Override: o.override(g)})
	if err != nil {
		return &usageError{err}
	}
	if o.printConfig {
		return g.printf("%s", config)
	}
	log := app.NewLogger(config.Log)
	s, err := app.Open(ctx, config, app.Options{Version: g.version, Logger: log, AcceptLoss: o.acceptLoss, OnFirst: func(c app.Credentials) {
		// Standard error, beside the log: the key is for the person who starts the server, once.
		_, _ = fmt.Fprintf(g.err, "\nFirst start: made an organization with an owner and an API key.\n\n  API key:      %s\n  Organization: %s\n\nThe key is kept in %s/%s (mode 0600) and is not shown again.\n\n",
			c.APIKey, c.OrganizationID, config.Data, app.CredentialsFile)
	}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	defer context.AfterFunc(ctx, func() {
		log.InfoContext(ctx, "stopping softly; a second signal stops at once", "grace", config.Workers.Grace)
	})()
	defer reloadOnHangup(ctx, s)()
	log.InfoContext(ctx, "steward is ready", "url", s.BaseURL(), "docs", s.BaseURL()+"/docs", "data", config.Data, "version", g.version)
	return s.Serve(ctx)
}

// reloadOnHangup reads the certificate again at each SIGHUP, until the returned function is called.
func reloadOnHangup(ctx context.Context, s *app.Server) (stop func()) {
	if !s.SpeaksTLS() {
		return func() {} // a hang-up ends the process, as ever
	}
	hangups, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		defer close(ended)
		for range hangups {
			s.ReloadTLS(ctx)
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
		<-ended
	}
}
