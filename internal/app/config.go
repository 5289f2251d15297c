package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/store"
)

// Config is everything that can be set about a server. It is made by Load and not changed afterwards.
type Config struct {
	Data          string         `yaml:"data"`            // folder for the database, files and caches; made when missing
	Cache         string         `yaml:"cache"`           // folder for what can be made again; "" means a folder in Data
	Listen        string         `yaml:"listen"`          // host:port
	TLSCert       string         `yaml:"tls_cert"`        // PEM file of the certificate and its chain; "" means plain HTTP
	TLSKey        string         `yaml:"tls_key"`         // PEM file of its key
	TLSClientCA   string         `yaml:"tls_client_ca"`   // PEM file of those who sign clients; "" asks clients for no certificate
	PublicURL     string         `yaml:"public_url"`      // how clients reach the server, for links; "" means the address it listens on
	Database      string         `yaml:"database"`        // "" means SQLite in Data; postgres://… otherwise
	Files         string         `yaml:"files"`           // "" means a folder in Data; file:///…, s3://…, gs://…, azblob://…
	SecretKeyFile string         `yaml:"secret_key_file"` // key that stored secrets are sealed with; "" means secret.key in Data
	Roles         []string       `yaml:"roles"`           // api, worker; empty means both
	Log           LogConfig      `yaml:"log"`
	Workers       WorkersConfig  `yaml:"workers"`
	Limits        LimitsConfig   `yaml:"limits"`
	Requests      RequestsConfig `yaml:"requests"`
	Budget        BudgetConfig   `yaml:"budget"`
	Disk          DiskConfig     `yaml:"disk"`
	StoreTraces   bool           `yaml:"store_traces"` // keep what models were asked and what they answered
	Models        ModelsConfig   `yaml:"models"`
	Fetch         FetchConfig    `yaml:"fetch"`
	PDF           PDFConfig      `yaml:"pdf"`
	OCR           string         `yaml:"ocr"`           // auto: pictures are read when Tesseract is installed; off
	OCRLanguages  []string       `yaml:"ocr_languages"` // the most likely first
	OCRPath       string         `yaml:"ocr_path"`      // Tesseract's program; "" looks for it on the PATH
}

// LogConfig says what is logged.
type LogConfig struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // text or json
}

// WorkersConfig tunes the running of jobs.
type WorkersConfig struct {
	Concurrency int           `yaml:"concurrency"`  // jobs at once in this process
	Lease       time.Duration `yaml:"lease"`        // how long a dead process keeps its jobs from others
	Grace       time.Duration `yaml:"grace"`        // for running jobs at shutdown
	JobTimeout  time.Duration `yaml:"job_timeout"`  // of jobs that name none
	SyncTimeout time.Duration `yaml:"sync_timeout"` // of synchronous runs
	MaxCrashes  int           `yaml:"max_crashes"`  // after as many a job fails as poison
}

// LimitsConfig bounds jobs at once over all processes, and jobs that wait; 0 means no limit.
type LimitsConfig struct {
	PerOrganization       int            `yaml:"per_organization"`
	PerAgent              int            `yaml:"per_agent"`
	PerProvider           map[string]int `yaml:"per_provider"`
	Queued                int64          `yaml:"queued"`                  // jobs that wait to be run
	QueuedPerOrganization int64          `yaml:"queued_per_organization"` // of one organization
}

// BudgetConfig bounds what is spent in days and months (UTC).
type BudgetConfig struct {
	BudgetAmounts `yaml:",inline"`

	// Organizations have amounts of their own, by id, which count instead of all those above.
	Organizations map[string]BudgetAmounts `yaml:"organizations"`
}

// BudgetAmounts are US dollars; 0 means no limit.
type BudgetAmounts struct {
	OrganizationUSDPerDay   float64 `yaml:"organization_usd_per_day"`
	OrganizationUSDPerMonth float64 `yaml:"organization_usd_per_month"`
	AgentUSDPerDay          float64 `yaml:"agent_usd_per_day"`
	AgentUSDPerMonth        float64 `yaml:"agent_usd_per_month"`
}

// ModelsConfig adds to what the environment says about models.
type ModelsConfig struct {
	Default   string                    `yaml:"default"`
	Aliases   map[string]string         `yaml:"aliases"`
	Fallbacks map[string][]string       `yaml:"fallbacks"` // model → those that are asked when it cannot answer
	Catalogue string                    `yaml:"catalogue"` // file
	Detect    string                    `yaml:"detect"`    // auto: servers on this machine are looked for when no provider is configured; off
	Providers map[string]ProviderConfig `yaml:"providers"`
}

// ProviderConfig is a model provider.
type ProviderConfig struct {
	Kind           string            `yaml:"kind"`
	APIKey         string            `yaml:"api_key"`
	APIKeyEnv      string            `yaml:"api_key_env"` // variable that holds the key, so that files need none
	BaseURL        string            `yaml:"base_url"`
	Headers        map[string]string `yaml:"headers"`
	Models         []string          `yaml:"models"`
	ModelIDs       map[string]string `yaml:"model_ids"`
	Region         string            `yaml:"region"`
	MaxConcurrency int               `yaml:"max_concurrency"`
	Free           bool              `yaml:"free"`
}

// FetchConfig opens the guard on outbound requests.
type FetchConfig struct {
	Allow []string `yaml:"allow"` // hosts and networks (CIDR) that may be fetched although they are private
}

// PDFConfig tunes the PDF reader.
type PDFConfig struct {
	Instances int `yaml:"instances"` // documents read at once
	MaxPages  int `yaml:"max_pages"` // of one document
}

// Values of ModelsConfig.Detect.
const (
	DetectAuto = "auto"
	DetectOff  = "off"
)

// Values of Config.OCR.
const (
	OCRAuto = "auto"
	OCROff  = "off"
)

// Defaults returns the configuration of a server that nobody configured.
func Defaults() Config {
	return Config{
		Data: "steward-data", Listen: "127.0.0.1:8080",
		Log: LogConfig{Level: "info", Format: "text"},
		Workers: WorkersConfig{
			Concurrency: 64, Lease: 15 * time.Second, Grace: 10 * time.Second,
			JobTimeout: 2 * time.Hour, SyncTimeout: 2 * time.Minute, MaxCrashes: 3,
		},
		Limits:   LimitsConfig{Queued: 2_000_000, QueuedPerOrganization: 1_000_000},
		Requests: defaultRequests(),
		Disk:     DiskConfig{ReserveMB: 256, ExitAfter: 10 * time.Second},
		PDF:      PDFConfig{Instances: 2, MaxPages: 5000},
		Models:   ModelsConfig{Detect: DetectAuto},
		OCR:      OCRAuto, OCRLanguages: []string{"eng"},
	}
}

// LoadParams says where a configuration comes from.
type LoadParams struct {
	File     string              // YAML; "" means steward.yaml in the data folder, if there is one
	Getenv   func(string) string // the environment
	Override func(*Config)       // flags; may be nil
}

// Load reads the configuration: defaults, then the file, then the environment (STEWARD_DATA, STEWARD_LISTEN,
// STEWARD_TLS_CERT, STEWARD_TLS_KEY, STEWARD_TLS_CLIENT_CA, STEWARD_PUBLIC_URL, STEWARD_DATABASE, STEWARD_FILES, STEWARD_SECRET_KEY_FILE, STEWARD_ROLES, STEWARD_LOG_LEVEL,
// STEWARD_WORKERS, STEWARD_OCR, STEWARD_OCR_LANGUAGES, STEWARD_OCR_PATH), then flags.
//
// Errors: a file that cannot be read, an unknown key, a value out of range; each names the key.
func Load(p LoadParams) (Config, error) {
	c := Defaults()
	early := c
	if err := early.fromEnv(p.Getenv); err != nil {
		return c, err
	}
	if p.Override != nil {
		p.Override(&early)
	}
	file, explicit := p.File, p.File != ""
	if !explicit {
		file = filepath.Join(early.Data, "steward.yaml")
	}
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	switch {
	case errors.Is(err, fs.ErrNotExist) && !explicit:
	case err != nil:
		return c, fmt.Errorf("read configuration: %w", err)
	default:
		read := c
		err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&read)
		if err == nil {
			c = read
		} else if !errors.Is(err, io.EOF) { // a file of nothing or of comments says nothing; the decoder would clear all with it
			return c, fmt.Errorf("configuration %s: %w", file, yamlError(text, err))
		}
	}
	if err := c.fromEnv(p.Getenv); err != nil {
		return c, err
	}
	if p.Override != nil {
		p.Override(&c)
	}
	return c, c.check()
}

// yamlError says where a file is wrong: line and key, but not the lines around, which may hold secrets.
func yamlError(text []byte, err error) error {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil || e.GetToken().Position == nil {
		return errors.New("not YAML of the expected form")
	}
	at := e.GetToken().Position
	lines := strings.Split(string(text), "\n")
	if at.Line < 1 || at.Line > len(lines) {
		return errors.New(e.GetMessage())
	}
	before := []rune(lines[at.Line-1])
	before = before[:min(max(at.Column-1, 0), len(before))]
	key := regexp.MustCompile(`([A-Za-z_][\w.-]*)\s*:\s*$`) // whose value begins where the text ends
	if m := key.FindStringSubmatch(string(before)); m != nil {
		return fmt.Errorf("line %d: %s: %s", at.Line, m[1], e.GetMessage())
	}
	return fmt.Errorf("line %d: %s", at.Line, e.GetMessage())
}

// fromEnv takes what the environment says.
func (c *Config) fromEnv(getenv func(string) string) error {
	for name, field := range map[string]*string{
		"STEWARD_TLS_CERT": &c.TLSCert, "STEWARD_TLS_KEY": &c.TLSKey, "STEWARD_TLS_CLIENT_CA": &c.TLSClientCA,
		"STEWARD_DATA": &c.Data, "STEWARD_LISTEN": &c.Listen, "STEWARD_PUBLIC_URL": &c.PublicURL,
		"STEWARD_DATABASE": &c.Database, "STEWARD_FILES": &c.Files, "STEWARD_SECRET_KEY_FILE": &c.SecretKeyFile, "STEWARD_LOG_LEVEL": &c.Log.Level,
		"STEWARD_MODEL_DETECT": &c.Models.Detect, "STEWARD_OCR": &c.OCR, "STEWARD_OCR_PATH": &c.OCRPath,
	} {
		if v := getenv(name); v != "" {
			*field = v
		}
	}
	for name, field := range map[string]*[]string{"STEWARD_ROLES": &c.Roles, "STEWARD_OCR_LANGUAGES": &c.OCRLanguages} {
		if v := getenv(name); v != "" {
			*field = nil
			for part := range strings.SplitSeq(v, ",") {
				*field = append(*field, strings.TrimSpace(part))
			}
		}
	}
	if v := getenv("STEWARD_WORKERS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			return errors.New("STEWARD_WORKERS: must be a whole number")
		}
		c.Workers.Concurrency = n
	}
	return nil
}

func (c *Config) check() error {
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	if c.Data == "" {
		return errors.New("data: must name a folder")
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen: must be host:port: %w", err)
	}
	if err := c.TLS().check(); err != nil {
		return err
	}
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")) {
		return errors.New("public_url: must be an http or https URL")
	}
	if c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		return errors.New("database: must be a postgres:// URL, or empty for SQLite in the data folder")
	}
	for _, r := range c.Roles {
		if r != "api" && r != "worker" {
			return fmt.Errorf("roles: %q is not a role; roles are api and worker", r)
		}
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		return errors.New("log.level: must be debug, info, warn or error")
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		return errors.New("log.format: must be text or json")
	}
	if c.Models.Detect != DetectAuto && c.Models.Detect != DetectOff {
		return errors.New("models.detect: must be auto or off")
	}
	if c.OCR != OCRAuto && c.OCR != OCROff {
		return errors.New("ocr: must be auto or off")
	}
	if len(c.OCRLanguages) == 0 {
		return errors.New("ocr_languages: must name a language, such as eng")
	}
	return c.checkNumbers()
}

// checkNumbers looks at what has a range. The rules are written so that NaN, which compares as false, breaks them.
func (c *Config) checkNumbers() error {
	w, l := c.Workers, c.Limits
	for _, rule := range []struct {
		ok        bool
		key, must string
	}{
		{w.Concurrency >= 1 && w.Concurrency <= 1000, "workers.concurrency", "must be from 1 to 1000"},
		{w.Lease >= time.Second && w.Lease <= time.Hour, "workers.lease", "must be from 1s to 1h"},
		{w.Grace >= 0, "workers.grace", "must not be negative"},
		{w.JobTimeout >= time.Second && w.JobTimeout <= jobs.MaxTimeout, "workers.job_timeout", fmt.Sprintf("must be from 1s to %v", jobs.MaxTimeout)},
		{w.SyncTimeout >= time.Second, "workers.sync_timeout", "must be at least 1s"},
		{w.MaxCrashes >= 1, "workers.max_crashes", "must be at least 1"},
		{l.PerOrganization >= 0, "limits.per_organization", "must not be negative"},
		{l.PerAgent >= 0, "limits.per_agent", "must not be negative"},
		{c.PDF.Instances >= 1 && c.PDF.Instances <= 64, "pdf.instances", "must be from 1 to 64"},
		{c.PDF.MaxPages >= 1, "pdf.max_pages", "must be at least 1"},
		{c.Disk.ReserveMB >= 0 && c.Disk.ReserveMB <= 1<<20, "disk.reserve_mb", "must be from 0 to 1048576"},
		{c.Disk.ExitAfter <= time.Hour, "disk.exit_after", "must be at most 1h; below 0 the server stays"},
	} {
		if !rule.ok {
			return fmt.Errorf("%s: %s", rule.key, rule.must)
		}
	}
	if err := c.Budget.check(); err != nil {
		return err
	}
	if err := c.Limits.checkQueued(); err != nil {
		return err
	}
	if err := c.Requests.check(); err != nil {
		return err
	}
	for name, n := range l.PerProvider {
		if n < 0 {
			return fmt.Errorf("limits.per_provider.%s: must not be negative", name)
		}
	}
	return nil
}

// TLS returns the files that TLS is spoken with.
func (c *Config) TLS() TLSPair {
	return TLSPair{Cert: c.TLSCert, Key: c.TLSKey, ClientCA: c.TLSClientCA}
}

// has reports whether the process plays a role.
func (c *Config) has(role string) bool { return len(c.Roles) == 0 || slices.Contains(c.Roles, role) }

func (c *Config) limits() store.Limits {
	return store.Limits{PerOrganization: c.Limits.PerOrganization, PerAgent: c.Limits.PerAgent, PerProvider: c.Limits.PerProvider}
}

// models joins the environment's providers with the file's; the file wins.
func (c *Config) models(getenv func(string) string) (model.Config, error) {
	m := model.FromEnv(getenv)
	if m.Providers == nil {
		m.Providers = map[string]model.ProviderConfig{}
	}
	if m.Aliases == nil {
		m.Aliases = map[string]string{}
	}
	for name, p := range c.Models.Providers {
		key := p.APIKey
		if p.APIKeyEnv != "" {
			if key = getenv(p.APIKeyEnv); key == "" {
				return m, fmt.Errorf("models.providers.%s.api_key_env: %s is not set", name, p.APIKeyEnv)
			}
		}
		m.Providers[name] = model.ProviderConfig{
			Kind: model.Kind(p.Kind), APIKey: key, BaseURL: p.BaseURL, Headers: p.Headers, Models: p.Models,
			ModelIDs: p.ModelIDs, Region: p.Region, MaxConcurrency: p.MaxConcurrency, Free: p.Free,
		}
	}
	for from, to := range c.Models.Aliases {
		m.Aliases[from] = to
	}
	for name, chain := range c.Models.Fallbacks {
		if m.Fallbacks == nil {
			m.Fallbacks = map[string][]string{}
		}
		m.Fallbacks[name] = chain
	}
	if c.Models.Default != "" {
		m.Default = c.Models.Default
	}
	if c.Models.Catalogue != "" {
		m.CatalogueFile = c.Models.Catalogue
	}
	return m, nil
}

// networks splits the fetch allowlist into hosts and networks.
func (c *Config) networks() (hosts []string, nets []netip.Prefix) {
	for _, a := range c.Fetch.Allow {
		if p, err := netip.ParsePrefix(a); err == nil {
			nets = append(nets, p)
		} else if ip, err := netip.ParseAddr(a); err == nil {
			nets = append(nets, netip.PrefixFrom(ip, ip.BitLen()))
		} else {
			hosts = append(hosts, a)
		}
	}
	return hosts, nets
}

// hidden stands for a secret in what is shown.
const hidden = "(hidden)"

// hideSecrets returns a URL or path with its password and the values of its query replaced, but for those that name places.
func hideSecrets(s string) string {
	if !strings.Contains(s, "://") {
		return s
	}
	u, err := url.Parse(s)
	if err != nil {
		return hidden
	}
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), "hidden")
	}
	q := u.Query()
	for name := range q {
		switch name {
		case "region", "endpoint", "prefix", "sslmode", "dbname", "host", "port":
		default:
			q.Set(name, "hidden")
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// String returns the configuration as YAML, secrets replaced.
func (c Config) String() string {
	c.Database, c.Files = hideSecrets(c.Database), hideSecrets(c.Files)
	providers := make(map[string]ProviderConfig, len(c.Models.Providers))
	for name, p := range c.Models.Providers {
		if p.APIKey != "" {
			p.APIKey = hidden
		}
		headers := make(map[string]string, len(p.Headers))
		for h := range p.Headers {
			headers[h] = hidden
		}
		p.Headers = headers
		p.BaseURL = hideSecrets(p.BaseURL)
		providers[name] = p
	}
	c.Models.Providers = providers
	out, err := yaml.Marshal(c)
	if err != nil {
		return "configuration cannot be shown: " + err.Error()
	}
	return string(out)
}
