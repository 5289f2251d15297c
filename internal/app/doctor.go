package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/stewardhq/steward/internal/backup"
	"github.com/stewardhq/steward/internal/blob"
	"github.com/stewardhq/steward/internal/disk"
	"github.com/stewardhq/steward/internal/document/ocr"
	"github.com/stewardhq/steward/internal/model"
	"github.com/stewardhq/steward/internal/model/builtin"
	"github.com/stewardhq/steward/internal/model/provider"
	"github.com/stewardhq/steward/internal/secret"
	"github.com/stewardhq/steward/internal/store/postgres"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// Verdict is how something is.
type Verdict string

// Verdicts.
const (
	Fine    Verdict = "ok"
	Warning Verdict = "warning" // a server runs, and something should be seen to
	Problem Verdict = "problem" // a server cannot start, or loses something
)

// Examined is something that was looked at.
type Examined struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Message string  `json:"message"`          // what is
	Advice  string  `json:"advice,omitempty"` // what to do; "" when all is well
}

// ExamineParams is what Examine needs besides a configuration.
type ExamineParams struct {
	Getenv func(string) string
	Now    func() time.Time
	Room   func(folder string) (disk.Room, error) // nil means disk.RoomAt
}

// Examine looks at everything that keeps a server of a configuration from starting or from working well. It changes nothing, and may be
// called while the server runs.
func Examine(ctx context.Context, c Config, p ExamineParams) []Examined {
	d := &doctor{config: c, ExamineParams: p}
	d.dataFolder()
	d.server(ctx)
	d.disk()
	if c.Database == "" {
		d.sqlite()
	} else {
		d.postgres(ctx)
	}
	d.files(ctx)
	d.address(ctx)
	d.tls()
	d.credentials()
	d.secretKey()
	d.models()
	d.pictures(ctx)
	return d.found
}

type doctor struct {
	ExamineParams
	config  Config
	found   []Examined
	serving bool // a server has the folder
	sealed  bool // the database has secrets
}

func (d *doctor) add(name string, v Verdict, message, advice string) {
	d.found = append(d.found, Examined{name, v, message, advice})
}

func (d *doctor) join(name string) string { return filepath.Join(d.config.Data, name) }

// dataFolder looks whether the process may use the folder, and whether others may.
func (d *doctor) dataFolder() {
	const name = "data folder"
	st, err := os.Stat(d.config.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.add(name, Fine, d.config.Data+" is not there yet; the first start makes it.", "")
	case err != nil:
		d.add(name, Problem, "The data folder cannot be looked at: "+err.Error()+".", "Give the user who runs the server the right to use it and the folders above.")
	case !st.IsDir():
		d.add(name, Problem, d.config.Data+" is not a folder.", "Name another one with --data.")
	case mayUse(d.config.Data) != nil:
		d.add(name, Problem, "This user may not write to "+d.config.Data+".", "Run as the user who owns it, or give it to this one: chown -R "+fmt.Sprint(os.Getuid())+" "+d.config.Data)
	case backup.Unfinished(d.config.Data):
		d.add(name, Problem, "A backup is being restored into "+d.config.Data+", or that was interrupted: no server starts on it.", "Run steward restore again.")
	case st.Mode().Perm()&0o077 != 0:
		d.add(name, Warning, fmt.Sprintf("Others may look into %s (mode %04o).", d.config.Data, st.Mode().Perm()), "chmod 700 "+d.config.Data)
	default:
		d.add(name, Fine, d.config.Data+" is there, and only its owner may use it.", "")
	}
}

// server looks whether one has the folder, and whether it answers.
func (d *doctor) server(ctx context.Context) {
	const name = "server"
	f, err := os.Open(d.join("lock"))
	if err != nil {
		d.add(name, Fine, "No server runs on the data folder.", "")
		return
	}
	defer f.Close() //nolint:errcheck // it was only looked at
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if err == nil {
		d.add(name, Fine, "No server runs on the data folder.", "")
		return
	}
	d.serving = true
	c, ok, err := (&folder{path: d.config.Data}).loadCredentials(CredentialsFile)
	if err != nil || !ok {
		d.add(name, Fine, "A server runs on the data folder; a second one would not start.", "")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	err = answers(ctx, c.BaseURL+"/readyz")
	if no := (*saidNo)(nil); errors.As(err, &no) {
		d.add(name, Problem, "A server runs on the data folder and is not ready. It says: "+no.why, "Read its log: it says what happened and what to do. See also what stands about the disk here.")
		return
	}
	if err != nil {
		d.add(name, Warning, "A server runs on the data folder, and does not answer at "+c.BaseURL+": "+err.Error()+".",
			"If it has just started, wait. Otherwise read its log: it says why it is not ready.")
		return
	}
	d.add(name, Fine, "A server runs on the data folder and answers at "+c.BaseURL+"; a second one would not start.", "")
}

func answers(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	var said struct{ Detail string }
	_ = json.NewDecoder(io.LimitReader(res.Body, 4<<10)).Decode(&said) // what is no JSON says nothing
	if err := res.Body.Close(); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK && said.Detail != "" {
		return &saidNo{said.Detail}
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("it says %s", res.Status)
	}
	return nil
}

// saidNo is why a server says that it is not ready.
type saidNo struct{ why string }

func (e *saidNo) Error() string { return e.why }

// largeLog is from what size on the write-ahead log says that something keeps it from being folded in.
const largeLog = 512 << 20

func (d *doctor) sqlite() {
	const name = "database"
	path := d.join("steward.db")
	if !d.place(path) {
		return
	}
	look, err := sqlite.OpenLook(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.add(name, Fine, "There is no database yet; the first start makes it.", "")
		return
	case errors.Is(err, sqlite.ErrNewer):
		d.add(name, Problem, err.Error()+".", "Install the newer program again, or restore a backup that was made before the upgrade.")
		return
	case errors.Is(err, sqlite.ErrForeign):
		d.add(name, Problem, err.Error()+".", "If a start was interrupted right after it made the file, and it is empty, it can be removed. Otherwise find out what put it there.")
		return
	case err != nil:
		d.add(name, Problem, "The database cannot be opened: "+err.Error()+".", "See what is left with steward verify; restore the last good backup into another folder.")
		return
	}
	defer look.Close() //nolint:errcheck // it was only read
	d.schema(look)
	if st, err := os.Stat(path + "-wal"); err == nil && st.Size() > largeLog {
		d.add("write-ahead log", Warning, fmt.Sprintf("The log beside the database has %d MiB: something has been reading the database for long.", st.Size()>>20),
			"Look for programs that hold the file open (lsof "+path+"), such as an old backup; the log shrinks by itself afterwards.")
	}
	if newest, err := look.Newest(); err == nil {
		d.clock(newest)
	}
	if sealed, err := look.Sealed(); err == nil {
		d.sealed = sealed
	}
}

func (d *doctor) schema(look *sqlite.Look) {
	current, err := look.Schema()
	newest, nerr := sqlite.Newest()
	switch {
	case err != nil || nerr != nil:
		d.add("database", Problem, fmt.Sprintf("The database's version cannot be read: %v.", errors.Join(err, nerr)), "See what is left with steward verify.")
	case current < newest:
		d.add("database", Warning, fmt.Sprintf("The database has schema version %d; the next start brings it to %d, and then no older program can use it.", current, newest),
			"Take a backup first: steward backup TARGET")
	default:
		d.add("database", Fine, fmt.Sprintf("SQLite, schema version %d. Its content is checked by steward verify.", current), "")
	}
}

// clock looks whether time has gone backwards.
func (d *doctor) clock(newest time.Time) {
	const name = "clock"
	now := d.Now().UTC()
	switch {
	case now.Year() < 2025:
		d.add(name, Problem, "This machine believes that it is "+now.Format(time.DateTime)+" UTC.", "Set the clock; run a time service.")
	case newest.After(now.Add(time.Minute)):
		d.add(name, Problem, fmt.Sprintf("The newest job was made at %s UTC, and this machine's clock says %s.", newest.Format(time.DateTime), now.Format(time.DateTime)),
			"Set the clock, and run a time service: waits, deadlines, keys and budgets go by it.")
	default:
		d.add(name, Fine, "The clock is not behind what is stored.", "")
	}
}

// oldestPostgres is the oldest version that is still maintained by its makers.
const oldestPostgres = 140000

// mostSkew is by how much two clocks may differ before leases and time limits suffer.
const mostSkew = 2 * time.Second

func (d *doctor) postgres(ctx context.Context) {
	const name = "database"
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	look, err := postgres.OpenLook(ctx, d.config.Database)
	if err != nil {
		d.add(name, Problem, "PostgreSQL cannot be reached: "+hideURL(err, d.config.Database)+".", "Check the URL (database, STEWARD_DATABASE), that the server runs, and that it lets this machine and user in (pg_hba.conf).")
		return
	}
	defer look.Close(ctx)
	current, err := look.Schema(ctx)
	if err != nil {
		d.add(name, Problem, err.Error()+".", "Install the newer program, or restore a dump that was made before the upgrade.")
		return
	}
	start := d.Now()
	facts, err := look.Server(ctx)
	if err != nil {
		d.add(name, Problem, "PostgreSQL does not say what it is: "+err.Error()+".", "Check that the user may connect and read.")
		return
	}
	newest, err := postgres.Newest()
	text := fmt.Sprintf("PostgreSQL %s answers; schema version %d; %d connections of other Steward processes.", facts.Version, current, facts.OtherNodes)
	switch {
	case facts.Number < oldestPostgres:
		d.add(name, Warning, text, "This version gets no more corrections: upgrade PostgreSQL.")
	case err == nil && current < newest && current > 0:
		d.add(name, Warning, fmt.Sprintf("%s The next start brings it to %d, and then no older program can use it.", text, newest), "Dump it first, with pg_dump.")
	case !facts.Durable:
		d.add(name, Problem, text+" fsync or full_page_writes is off: a crash of the machine can lose or damage what was acknowledged.", "Turn both on in postgresql.conf.")
	default:
		d.add(name, Fine, text, "")
	}
	skew := facts.Now.Sub(start.Add(d.Now().Sub(start) / 2)).Abs()
	if skew > mostSkew {
		d.add("clock", Warning, fmt.Sprintf("The clocks of this machine and of the database differ by %v.", skew.Round(100*time.Millisecond)),
			"Run a time service on both. Leases go by the database's clock, deadlines and budgets by this one.")
	} else {
		d.add("clock", Fine, "The clocks of this machine and of the database agree.", "")
	}
}

// hideURL returns an error's text without the password of a URL.
func hideURL(err error, url string) string {
	return strings.ReplaceAll(err.Error(), url, hideSecrets(url))
}

// files looks whether the blob store can be reached and written to.
func (d *doctor) files(ctx context.Context) {
	const name = "files"
	where := d.config.Files
	if where == "" {
		where = d.join("files")
	}
	stock, err := blob.OpenStock(ctx, where)
	if err != nil {
		d.add(name, Problem, "The blob store cannot be opened: "+hideURL(err, where)+".", "Check files in the configuration, or STEWARD_FILES.")
		return
	}
	defer stock.Close() //nolint:errcheck // it was only looked at
	if stock.Local() {
		err := mayUse(stock.Folder())
		switch {
		case errors.Is(err, fs.ErrNotExist):
			d.add(name, Fine, "There are no files yet.", "")
		case err != nil:
			d.add(name, Problem, "This user may not write to "+stock.Folder()+".", "Give the folder to the user who runs the server.")
		default:
			d.add(name, Fine, "Files are kept in "+stock.Folder()+".", "")
		}
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, _, err := stock.Size(ctx, strings.Repeat("0", 64)); err != nil {
		d.add(name, Problem, "The blob store does not answer: "+hideURL(err, where)+".", "Check files in the configuration, the credentials in the environment, and the network.")
		return
	}
	d.add(name, Fine, "The blob store answers.", "")
}

// address looks whether the server can listen where it should, and who can reach it there.
func (d *doctor) address(ctx context.Context) {
	const name = "address"
	host, _, err := net.SplitHostPort(d.config.Listen)
	if err != nil {
		d.add(name, Problem, "The address to listen on is not host:port.", "Correct listen, or STEWARD_LISTEN.")
		return
	}
	if !d.serving {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.config.Listen)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			d.add(name, Problem, "Another program listens on "+d.config.Listen+".", "Stop it, or name another address with --listen.")
			return
		case errors.Is(err, syscall.EACCES):
			d.add(name, Problem, "This user may not listen on "+d.config.Listen+".", "Ports below 1024 are for root: name another one, and put a proxy in front.")
			return
		case err != nil:
			d.add(name, Problem, "It is not possible to listen on "+d.config.Listen+": "+err.Error()+".", "Name an address of this machine with --listen.")
			return
		}
		if err := l.Close(); err != nil {
			d.add(name, Warning, "The address "+d.config.Listen+" was not let go of: "+err.Error()+".", "")
			return
		}
	}
	ip := net.ParseIP(host)
	plain := !d.config.TLS().given()
	switch {
	case (ip != nil && ip.IsLoopback()) || host == "localhost":
		d.add(name, Fine, d.config.Listen+" can be reached from this machine only.", "")
	case d.config.PublicURL == "" && plain:
		d.add(name, Warning, d.config.Listen+" can be reached from other machines without encryption, and links will not lead there: there is no public_url.",
			"Set tls_cert and tls_key, or put a proxy with TLS in front; set public_url to the https address that clients use.")
	case d.config.PublicURL == "":
		d.add(name, Warning, d.config.Listen+" can be reached from other machines, and links will not lead there: there is no public_url.", "Set public_url to the address that clients use.")
	case strings.HasPrefix(d.config.PublicURL, "http://") && plain:
		d.add(name, Warning, d.config.Listen+" can be reached from other machines, and clients speak to it without encryption.",
			"Set tls_cert and tls_key, or put a proxy with TLS in front, and set public_url to the https address.")
	case strings.HasPrefix(d.config.PublicURL, "http://"):
		d.add(name, Warning, "The server speaks TLS, and links lead to "+d.config.PublicURL+".", "Set public_url to the https address.")
	default:
		d.add(name, Fine, d.config.Listen+" can be reached from other machines; clients use "+d.config.PublicURL+".", "")
	}
}

func (d *doctor) credentials() {
	const name = "credentials"
	st, err := os.Stat(d.join(CredentialsFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, dberr := os.Stat(d.join("steward.db"))
		if dberr != nil {
			d.add(name, Fine, "The first start makes a key and leaves it in "+CredentialsFile+".", "")
			return
		}
		d.add(name, Warning, "There is no "+CredentialsFile+" in the data folder: commands need --key or STEWARD_API_KEY.", "Use a key that you have; with an admin key others are made: steward keys create")
		return
	case err != nil:
		d.add(name, Warning, CredentialsFile+" cannot be looked at: "+err.Error()+".", "Run as the user who owns the data folder.")
		return
	case st.Mode().Perm()&0o077 != 0:
		d.add(name, Warning, "Others may read the API key in "+CredentialsFile+".", "chmod 600 "+d.join(CredentialsFile)+", and make a new key if somebody may have seen it.")
		return
	}
	if _, _, err := (&folder{path: d.config.Data}).loadCredentials(CredentialsFile); err != nil {
		d.add(name, Warning, CredentialsFile+" cannot be read.", "Remove it, and use --key or STEWARD_API_KEY.")
		return
	}
	d.add(name, Fine, CredentialsFile+" is there, and only its owner may read it.", "")
}

func (d *doctor) secretKey() {
	const name = "secret key"
	if text := d.Getenv(secretKeyVariable); text != "" {
		if _, err := secret.FromText(text); err != nil {
			d.add(name, Problem, secretKeyVariable+" is not a key: "+err.Error()+".", "Give 32 random bytes in base64: openssl rand -base64 32")
			return
		}
		d.add(name, Fine, "The key comes from "+secretKeyVariable+".", "")
		return
	}
	path := d.config.SecretKeyFile
	if path == "" {
		path = d.join("secret.key")
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if d.sealed {
			d.add(name, Problem, "There is no "+path+", and the database has secrets that were sealed with it.", "Put it back from where you keep it. Without it the secrets of webhooks have to be set anew.")
			return
		}
		d.add(name, Fine, "There is no key yet; the first start makes it.", "")
		return
	}
	if _, err := secret.Open(path); err != nil { // which makes none, as there is one
		d.add(name, Problem, "The key file cannot be used: "+err.Error(), "Correct its rights (chmod 600 "+path+"), or put it back from where you keep it.")
		return
	}
	d.add(name, Fine, "The key is in "+path+". Keep a copy apart from the backups.", "")
}

// models looks whether every configured provider can be asked.
func (d *doctor) models() {
	const name = "models"
	config, err := d.config.models(d.Getenv)
	if err != nil {
		d.add(name, Problem, err.Error()+".", "Set the variable in the environment of the server, or take the provider out of the configuration.")
		return
	}
	var without []string
	for id, p := range config.Providers {
		if p.APIKey == "" && slices.Contains(needKeys(), p.Kind) {
			without = append(without, id)
		}
	}
	slices.Sort(without)
	names := len(config.Providers)
	config.Builtin, config.Dial = builtin.New(), provider.Dialer(nil)
	_, err = model.NewRegistry(config)
	switch {
	case err != nil:
		d.add(name, Problem, "The models cannot be set up: "+err.Error()+".", "Correct models in the configuration.")
	case len(without) > 0:
		d.add(name, Warning, "No key is set for "+strings.Join(without, ", ")+": their models will refuse every call.", "Set api_key_env, or the provider's own variable, in the environment of the server.")
	case names == 0:
		d.add(name, Fine, "No provider is configured: runs use builtin, which needs none, unless a server of models is found on this machine.", "")
	default:
		d.add(name, Fine, fmt.Sprintf("%d providers are configured, each with what it needs. Ask them with: steward models test MODEL", names), "")
	}
}

// needKeys are the kinds of providers that take no call without a key.
func needKeys() []model.Kind {
	return []model.Kind{model.KindOpenAI, model.KindAnthropic, model.KindGoogle, model.KindAzure, model.KindOpenRouter, model.KindXAI}
}

func (d *doctor) pictures(ctx context.Context) {
	const name = "pictures"
	if d.config.OCR == OCROff || !d.config.has("worker") {
		d.add(name, Fine, "Pictures and scans are not to be read by this process.", "")
		return
	}
	e, err := ocr.Find(ctx, ocr.Options{Path: d.config.OCRPath, DataDir: d.Getenv("TESSDATA_PREFIX"), Languages: d.config.OCRLanguages})
	switch {
	case err == nil:
		d.add(name, Fine, fmt.Sprintf("Tesseract %s reads pictures and scans: %s.", e.Version(), strings.Join(e.Languages(), ", ")), "")
	case errors.Is(err, ocr.ErrNotInstalled) && d.config.OCRPath == "":
		d.add(name, Warning, "Tesseract is not installed: pictures and scans have no text, and only models that see can read them.",
			"Install it (Debian: apt-get install tesseract-ocr), or set ocr: off.")
	default:
		verdict := Warning
		if d.config.OCRPath != "" || !slices.Equal(d.config.OCRLanguages, Defaults().OCRLanguages) {
			verdict = Problem
		}
		d.add(name, verdict, "Tesseract cannot be used: "+err.Error()+".", "Install what is missing, or correct ocr_path and ocr_languages.")
	}
}
