package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/stewardhq/steward"
)

// secrets are marked texts, by what they are. Each is unlike anything else in the world.
type secrets map[string]string

// mark makes a secret.
func (m secrets) mark(what string) string {
	m[what] = "Zq" + rand.Text()[:22] + "9x"
	return m[what]
}

// forms are the ways in which a secret can stand in a text: as it is, in hexadecimal, escaped, and in base64 at each of three offsets.
func forms(secret string) []string {
	list := []string{secret, strings.ToUpper(secret), hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))), reversed(secret)}
	if escaped := url.QueryEscape(secret); escaped != secret {
		list = append(list, escaped)
	}
	var percent strings.Builder
	for _, c := range []byte(secret) {
		fmt.Fprintf(&percent, "%%%02x", c)
	}
	list = append(list, percent.String(), strings.ToUpper(percent.String()))
	for offset := range 3 {
		// What stands before and behind changes a character or two at the ends.
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", offset) + secret))
		list = append(list, text[4:len(text)-4], strings.NewReplacer("+", "-", "/", "_").Replace(text[4:len(text)-4]))
	}
	return list
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// find returns what of the secrets stands in a text.
func (m secrets) find(text []byte) (found []string) {
	for what, secret := range m {
		for _, form := range forms(secret) {
			if bytes.Contains(text, []byte(form)) {
				found = append(found, what)
				break
			}
		}
	}
	slices.Sort(found)
	return found
}

// only fails the test when a text holds more of the secrets than it may.
func (m secrets) only(t *testing.T, where string, text []byte, may ...string) {
	t.Helper()
	for _, what := range m.find(text) {
		if !slices.Contains(may, what) {
			t.Errorf("%s holds the %s", where, what)
		}
	}
}

// leaky is a server with secrets everywhere, and what it has answered.
type leaky struct {
	*server
	secrets
	model, receiver *httptest.Server
	answers         bytes.Buffer
	agents, jobs    []string
}

// tattle is what a provider says about a call: everything that it was told.
func tattle(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // a test's own request
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = fmt.Fprintf(w, `{"error":{"message":"Incorrect API key provided: %s %s. You asked %q.","type":"invalid_request_error","code":"invalid_api_key"}}`,
		r.Header.Get("Authorization"), r.Header.Get("X-Team"), body[:min(len(body), 200)])
}

func newLeaky(t *testing.T) *leaky {
	t.Helper()
	x := &leaky{secrets: secrets{}}
	x.model = httptest.NewServer(http.HandlerFunc(tattle))
	t.Cleanup(x.model.Close)
	x.receiver = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	t.Cleanup(x.receiver.Close)
	config := fmt.Sprintf(`models:
  default: tattling
  providers:
    tattler: {kind: openaicompat, base_url: %q, api_key_env: TATTLER_KEY, headers: {X-Team: %q}, models: [tattling], free: true}
    silent: {kind: openaicompat, base_url: %q, api_key: %q, models: [silent], free: true}
fetch: {allow: [127.0.0.1]}
`, x.model.URL+"/v1", x.mark("provider header"), "http://127.0.0.1:1/v1?sig="+x.mark("signature in a provider's URL"), x.mark("provider key of the file"))
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	x.secrets["secret key"] = base64.StdEncoding.EncodeToString(key)
	x.server = start(t, options{config: config, errorsOK: true, env: []string{
		"STEWARD_LOG_LEVEL=debug", "TATTLER_KEY=" + x.mark("provider key of the environment"), "STEWARD_SECRET_KEY=" + x.secrets["secret key"], "AWS_SECRET_ACCESS_KEY=" + x.mark("cloud key"),
	}})
	x.secrets["owner's key"] = x.key
	return x
}

// call makes a request and keeps its answer, headers included.
func (x *leaky) call(method, path, kind, body string, header map[string]string) *answer {
	x.t.Helper()
	a := x.do(request{method: method, path: path, kind: kind, body: strings.NewReader(body), header: header})
	fmt.Fprintf(&x.answers, "%s %s\n%d %v\n%s\n", method, strings.SplitN(path, "?", 2)[0], a.status, a.header, a.body)
	return a
}

// drive makes calls of all kinds, failing ones among them.
func (x *leaky) drive() {
	x.t.Helper()
	var key struct{ ID, Token string }
	x.do(request{method: http.MethodPost, path: "/v1/keys/", kind: jsonType, body: strings.NewReader(`{"name":"second","scopes":["run"]}`)}).want(http.StatusCreated).into(&key)
	x.secrets["second key"] = key.Token
	x.hooks()
	for i, model := range []string{"tattling", "silent", "builtin"} {
		for _, engine := range []string{"MultimodalExtractionEngine", "PDFExtractionEngine"} {
			config := object{"model": model, "instructions": "Read it.", "instruction": "Read it.", "output_schema": rawJSON(textSchema)}
			inputs := []object{{"key": "text", "data_type": "text/plain"}}
			if engine == "PDFExtractionEngine" {
				config["password"] = "${password}"
				inputs = []object{{"key": "pdf_files", "data_type": "application/pdf"}, {"key": "password", "data_type": "text/plain"}}
			}
			var agent struct{ ID string }
			x.call(http.MethodPost, agentsPath, jsonType, string(encode(x.t, object{"name": fmt.Sprint(engine, i), "engine_class_id": engine, "engine_config": config, "input_definitions": inputs})), nil).want(http.StatusCreated).into(&agent)
			x.agents = append(x.agents, agent.ID)
			x.do(request{method: http.MethodPost, path: "/v1/webhooks/" + x.secrets["webhook id"] + "/agents/", kind: jsonType, body: strings.NewReader(fmt.Sprintf(`{"agent_ids":[%q]}`, agent.ID))})
		}
	}
	delete(x.secrets, "webhook id") // it is none
	x.runs()
	x.nonsense(key.Token)
}

// hooks makes webhooks with secrets of their own.
func (x *leaky) hooks() {
	x.t.Helper()
	secret := x.mark("webhook secret")
	var made struct{ ID, Secret string }
	x.do(request{method: http.MethodPost, path: "/v1/webhooks/", kind: jsonType, body: strings.NewReader(string(encode(x.t, object{
		"name": "leaky", "url": x.receiver.URL + "/hook?token=" + x.mark("token in a webhook's URL"), "secret": secret, "headers": object{"X-Token": x.mark("webhook header")}, "events": []string{"job_completed"},
	})))}).want(http.StatusCreated).into(&made)
	x.secrets["webhook id"] = made.ID
	var rotated struct{ Secret string }
	x.do(request{method: http.MethodPost, path: "/v1/webhooks/" + made.ID + "/rotate-secret/", kind: jsonType, body: strings.NewReader(`{}`)}).want(http.StatusOK).into(&rotated)
	x.secrets["rotated webhook secret"] = rotated.Secret
	x.call(http.MethodPost, "/v1/webhooks/", jsonType, `{"name":"bad","url":"http://user:`+x.mark("password in a webhook's URL")+`@example.com/","events":["job_completed"]}`, nil).want(http.StatusBadRequest)
}

// runs starts jobs that succeed and jobs that fail, in every way of naming a file.
func (x *leaky) runs() {
	x.t.Helper()
	signed := x.receiver.URL + "/file.pdf?X-Amz-Signature=" + x.mark("signature in a file's URL")
	password, prompt := x.mark("PDF password"), x.mark("prompt")
	for i, agent := range x.agents {
		if i%2 == 0 {
			x.job(x.call(http.MethodPost, asyncPath(agent), jsonType, string(encode(x.t, object{"text": prompt + " total: 7", "timeout_seconds": 5})), nil))
			continue
		}
		x.job(x.call(http.MethodPost, asyncPath(agent), jsonType, string(encode(x.t, object{"pdf_files": signed, "password": password, "timeout_seconds": 5})), nil))
		x.call(http.MethodPost, asyncPath(agent), jsonType, string(encode(x.t, object{"pdf_files": "http://user:" + x.mark("password in a file's URL") + "@127.0.0.1/x.pdf", "password": password, "timeout_seconds": 5})), nil)
		x.job(x.postForm(asyncPath(agent), pdf("a.pdf", testdata(x.t, "pdf/encrypted.pdf")), field{name: "password", data: []byte(password)}, field{name: "timeout_seconds", data: []byte("5")}))
		x.job(x.postForm(asyncPath(agent), pdf("a.pdf", []byte("%PDF-1.4 broken")), field{name: "password", data: []byte(password)}, field{name: "timeout_seconds", data: []byte("5")}))
	}
	for _, job := range x.jobs {
		until(x.t, "job "+job+" ends", func() bool { return x.status(job).Status.Terminal() })
		for _, what := range []string{"status", "steps"} {
			x.call(http.MethodGet, jobPath(job, what), "", "", nil)
		}
		var r jobResult
		x.get(jobPath(job, "result")).want(http.StatusOK).into(&r)
		if r.ErrorMessage != nil {
			fmt.Fprintln(&x.answers, *r.ErrorMessage)
		}
	}
}

// job keeps the id of a job that was started.
func (x *leaky) job(a *answer) {
	x.t.Helper()
	var id string
	if a.status == http.StatusOK {
		a.into(&id)
		x.jobs = append(x.jobs, id)
		return
	}
	fmt.Fprintf(&x.answers, "%d %s\n", a.status, a.body)
}

// nonsense calls wrongly, secrets in every place that may be repeated.
func (x *leaky) nonsense(token string) {
	x.t.Helper()
	wrong := x.mark("wrong key")
	for _, path := range []string{agentsPath, "/v1/keys/", "/v1/files/", "/v1/agents/run/" + unknownID + "/", "/nowhere", "/v1/agents/models/"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodTrace} {
			query := "?api_key=" + token + "&organization_id=" + wrong + "&page=" + wrong
			x.call(method, path+query, jsonType, `{"name":5,"scopes":["`+wrong+`"],"api_key":"`+wrong+`","password":"`+wrong, nil)
			x.call(method, path, jsonType, `{"name":"`+wrong+`","scopes":["`+wrong+`"],"expires_at":"`+wrong+`","organization_id":"`+wrong+`"}`, map[string]string{"X-Organization-Id": wrong})
			x.call(method, path, wrong, wrong, map[string]string{"Authorization": "Bearer " + wrong, "Cookie": "a=" + wrong, "Content-Encoding": wrong})
			x.call(method, path, "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n"+wrong+"\r\n", nil)
		}
	}
	// In the path it is what was asked for, and stands in the log as such: no path has a secret.
}

// steward runs a command of the program on the server's folder.
func (x *leaky) steward(args ...string) []byte {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, shared.binary, args...)
	cmd.Env = append(cleanEnv(), x.opts.env...)
	out, _ := cmd.CombinedOutput() // doctor may find something
	return out
}

func TestSecretsStandNowhere(t *testing.T) {
	t.Parallel()
	x := newLeaky(t)
	x.drive()

	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", x.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	x.only(t, "the process' arguments", args)
	x.only(t, "an answer", x.answers.Bytes())
	for _, args := range [][]string{{"doctor", "--data", x.dir}, {"doctor", "--json", "--data", x.dir}, {"serve", "--data", x.dir, "--print-config"}, {"verify", "--data", x.dir}, {"version"}, {"keys", "list", "--data", x.dir}, {"webhooks", "list", "--json", "--data", x.dir}} {
		may := []string{}
		if args[0] == "webhooks" {
			may = append(may, "token in a webhook's URL", "webhook header") // the owner's key shows both
		}
		x.only(t, "steward "+strings.Join(args[:1], " "), x.steward(args...), may...)
	}
	archive := filepath.Join(t.TempDir(), "backup.tar.zst")
	x.only(t, "steward backup", x.steward("backup", archive, "--data", x.dir))
	x.inDatabase("the live database")
	x.stop()
	x.only(t, "the log", []byte(strings.Replace(x.log.String(), x.key, "", 1))) // the owner's key is shown once, at the first start
	if !strings.Contains(x.log.String(), `"level":"DEBUG"`) {
		t.Error("the log is not at debug level: the test tests little")
	}
	x.inFolder()
	x.inBackup(archive)
	x.failingStarts()
	t.Attr("cases", strconv.Itoa(len(x.secrets)))
}

// inputs are what callers sent as the inputs of jobs: the database has them, as inputs, until the jobs' data is deleted. The address of a
// webhook and that of a file are what they are.
func inputs() []string {
	names := []string{}
	for what := range columnsOf() {
		names = append(names, what)
	}
	return names
}

// inDatabase looks into every column of every table, so that what may be there stands where it should.
func (x *leaky) inDatabase(where string) {
	x.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(x.dir, "steward.db")+"?mode=ro&_busy_timeout=5000")
	if err != nil {
		x.t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // only read
	rows, err := db.QueryContext(x.t.Context(), `SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'`)
	if err != nil {
		x.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }() // they were read
	allowed := map[string][]string{}
	var columns [][2]string
	for rows.Next() {
		var c [2]string
		if err := rows.Scan(&c[0], &c[1]); err != nil {
			x.t.Fatal(err)
		}
		columns = append(columns, c)
	}
	if err := rows.Err(); err != nil {
		x.t.Fatal(err)
	}
	for _, c := range columns {
		found := x.find(x.column(db, c[0], c[1]))
		name := c[0] + "." + c[1]
		for _, what := range found {
			if !slices.Contains(columnsOf()[what], name) {
				x.t.Errorf("%s: %s holds the %s", where, name, what)
			}
			allowed[what] = append(allowed[what], name)
		}
	}
	for what := range columnsOf() {
		if len(allowed[what]) == 0 {
			x.t.Errorf("%s: the %s is nowhere: the search finds nothing", where, what)
		}
	}
}

// columnsOf says where those secrets stand that are inputs.
func columnsOf() map[string][]string {
	sent := []string{"jobs.inputs"}
	return map[string][]string{
		"prompt": sent, "PDF password": sent, "signature in a file's URL": sent, "password in a file's URL": sent, "token in a webhook's URL": {"webhooks.url"},
	}
}

// column returns all values of a column.
func (x *leaky) column(db *sql.DB, table, column string) []byte {
	x.t.Helper()
	rows, err := db.QueryContext(x.t.Context(), fmt.Sprintf("SELECT CAST(%q AS BLOB) FROM %q", column, table))
	if err != nil {
		return nil // a virtual table's hidden column
	}
	defer func() { _ = rows.Close() }() // they were read
	var all bytes.Buffer
	for rows.Next() {
		var v []byte
		if err := rows.Scan(&v); err != nil {
			x.t.Fatal(err)
		}
		all.Write(v)
		all.WriteByte('\n')
	}
	if err := rows.Err(); err != nil {
		x.t.Fatal(err)
	}
	return all.Bytes()
}

// inFolder looks into every byte of every file of the data folder, the database and its log among them.
func (x *leaky) inFolder() {
	x.t.Helper()
	err := filepath.WalkDir(x.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var may []string
		switch name := d.Name(); {
		case name == "steward.yaml":
			may = []string{"provider header", "provider key of the file", "signature in a provider's URL"} // put there by the operator
		case name == "credentials.json":
			may = []string{"owner's key"}
		case strings.HasPrefix(name, "steward.db"):
			may = inputs()
		}
		if name := d.Name(); name == "credentials.json" || name == "steward.yaml" || strings.HasPrefix(name, "steward.db") {
			if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
				x.t.Errorf("%s has the mode %v", name, info.Mode())
			}
		}
		x.only(x.t, d.Name(), text, may...)
		return nil
	})
	if err != nil {
		x.t.Fatal(err)
	}
}

// inBackup looks into an unpacked backup.
func (x *leaky) inBackup(archive string) {
	x.t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		x.t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	z, err := zstd.NewReader(f)
	if err != nil {
		x.t.Fatal(err)
	}
	defer z.Close()
	text, err := io.ReadAll(z)
	if err != nil || len(text) < 100<<10 {
		x.t.Fatalf("%d bytes of backup: %v", len(text), err)
	}
	x.only(x.t, "the backup", text, inputs()...)
}

// failingStarts names databases and buckets that cannot be reached, with passwords.
func (x *leaky) failingStarts() {
	x.t.Helper()
	password := x.mark("database password")
	for _, env := range [][]string{
		{"STEWARD_DATABASE=postgres://steward:" + password + "@127.0.0.1:1/none"}, {"STEWARD_DATABASE=postgres://steward:" + password + "@no.such.host.invalid/none?sslmode=disable"},
		{"STEWARD_DATABASE=postgres://127.0.0.1:1/none?user=u&password=" + password}, {"STEWARD_DATABASE=postgres://u:" + password + "@127.0.0.1:port/none"}, {"STEWARD_DATABASE=mysql://u:" + password + "@127.0.0.1/none"},
		{"STEWARD_FILES=s3://bucket?awssdk=v2&profile=" + password + "&nonsense=" + password}, {"STEWARD_FILES=ftp://u:" + password + "@127.0.0.1/x"}, {"STEWARD_SECRET_KEY=" + password}, {"STEWARD_PUBLIC_URL=ftp://u:" + password + "@x"},
	} {
		for _, command := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"doctor"}, {"serve", "--print-config"}} {
			folder := filepath.Join(x.t.TempDir(), "data")
			ctx, cancel := context.WithTimeout(x.t.Context(), patience)
			cmd := exec.CommandContext(ctx, shared.binary, append(command, "--data", folder)...)
			cmd.Env = append(cleanEnv(), append(env, "STEWARD_LOG_LEVEL=debug", "STEWARD_MODEL_DETECT=off")...)
			out, err := cmd.CombinedOutput()
			cancel()
			var exit *exec.ExitError
			if command[0] == "serve" && len(command) > 2 && !errors.As(err, &exit) {
				x.t.Errorf("%v with %.30s: %v", command, env, err)
			}
			x.only(x.t, fmt.Sprintf("%v with %.20s", command, env[0]), out)
		}
	}
}

// TestKeysAreStoredHashed looks at what the database has of a key.
func TestKeysAreStoredHashed(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(s.dir, "steward.db")+"?mode=ro&_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // only read
	var prefix string
	var hash []byte
	if err := db.QueryRowContext(t.Context(), "SELECT prefix, hash FROM keys").Scan(&prefix, &hash); err != nil {
		t.Fatal(err)
	}
	if len(hash) != 32 || !strings.HasPrefix(s.key, prefix) || len(prefix) > len(s.key)/3 || bytes.Contains(hash, []byte(s.key[20:28])) {
		t.Errorf("of a key of %d characters the prefix %q and %d bytes are stored", len(s.key), prefix, len(hash))
	}
	var page steward.Page[object]
	s.get("/v1/keys/").want(http.StatusOK).into(&page)
	for _, k := range page.Results {
		for name := range k {
			if name == "hash" || name == "token" || name == "secret" {
				t.Errorf("a key is shown with its %s", name)
			}
		}
	}
}
