package rest_test

import (
	"context"
	"database/sql"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/stewardhq/steward/internal/app"
	"github.com/stewardhq/steward/internal/app/apptest"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/identity"
	"github.com/stewardhq/steward/internal/rest"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// required says which scope each operation needs; "" means that it answers without a key. A new operation must be added here, with the
// scope that its author means.
func required() map[string]string {
	scopes := map[string]string{}
	for scope, operations := range map[string]string{
		"": `docs healthz openapi readyz`,
		"read": `agents_jobs_artifact agents_jobs_list agents_jobs_reference agents_jobs_result agents_jobs_results agents_jobs_status agents_jobs_statuses agents_jobs_steps
			agents_list agents_models agents_retrieve agents_tags_list agents_types agents_versions_current agents_versions_list agents_versions_retrieve
			batches_items_list batches_list batches_retrieve files_content files_list files_retrieve usage_list users_current_user
			webhooks_agents_list webhooks_agents_list_unversioned webhooks_deliveries_list webhooks_deliveries_list_unversioned webhooks_deliveries_retrieve webhooks_deliveries_retrieve_unversioned
			webhooks_list webhooks_list_unversioned webhooks_retrieve webhooks_retrieve_unversioned`,
		"run": `agents_jobs_cancel agents_jobs_cancel_all agents_jobs_delete_data agents_jobs_webhook_resend agents_run agents_run_async agents_run_many agents_run_version agents_run_version_async
			batches_cancel batches_close batches_create batches_items_add batches_resume datasets_files_upload files_upload`,
		"write": `agents_create agents_delete agents_duplicate agents_replace agents_tags_create agents_tags_delete agents_tags_set agents_tags_update agents_update
			agents_versions_create agents_versions_delete agents_versions_replace agents_versions_update files_delete
			webhooks_agents_create webhooks_agents_create_unversioned webhooks_agents_delete webhooks_agents_delete_unversioned webhooks_create webhooks_create_unversioned webhooks_delete webhooks_delete_unversioned
			webhooks_deliveries_replay webhooks_deliveries_replay_unversioned webhooks_replace webhooks_replace_unversioned webhooks_rotate_secret webhooks_rotate_secret_unversioned webhooks_test webhooks_update webhooks_update_unversioned`,
		"admin": `agents_models_test keys_create keys_list keys_revoke`,
	} {
		for _, id := range strings.Fields(operations) {
			scopes[id] = scope
		}
	}
	return scopes
}

// allowing lists the scopes that cover one.
func allowing(scope string) []string {
	if scope == "read" {
		return []string{"read", "run", "write", "admin"}
	}
	return []string{scope, "admin"}
}

// besieged is a server with two organizations that have one thing of each kind, and keys in every state.
type besieged struct {
	*testing.T
	server     *apptest.Server
	owner      *caller
	of1, of2   map[string]string
	org1, org2 string
	doc        document
	tokens     map[string]string // by state
}

func besiege(t *testing.T) *besieged {
	t.Helper()
	s, err := apptest.OpenWith(t.Context(), t.TempDir(), func(c *app.Config) { c.Requests.PerAddress, c.Requests.PerKey = 0, 0 }) // all of it comes from one address
	ok(t, err)
	t.Cleanup(func() { ok(t, s.Stop()) })
	x := &besieged{T: t, server: s, tokens: map[string]string{}}
	other, err := x.server.SecondOrganization(t.Context())
	ok(t, err)
	x.owner = &caller{t: t, url: x.server.BaseURL(), key: x.server.APIKey}
	second := &caller{t: t, url: x.server.BaseURL(), key: other}
	x.of1, x.of2 = x.owner.things("of the first"), second.things("of the second")
	x.org1, x.org2 = x.owner.organization(), second.organization()
	x.doc, _ = x.owner.servedDocument()
	x.makeKeys()
	return x
}

// organization returns the organization of a caller's key.
func (c *caller) organization() string {
	c.t.Helper()
	var page struct {
		Results []struct {
			OrganizationID string `json:"organization_id"`
		}
	}
	c.must(http.MethodGet, "/v1/agents/", "", &page)
	if len(page.Results) == 0 || page.Results[0].OrganizationID == "" {
		c.t.Fatalf("no organization in %+v", page)
	}
	return page.Results[0].OrganizationID
}

// makeKeys makes a key for every state.
func (x *besieged) makeKeys() {
	x.Helper()
	create := func(scope, expires string) (id, token string) {
		var made struct{ ID, Token string }
		x.owner.must(http.MethodPost, "/v1/keys/", fmt.Sprintf(`{"name":%q,"scopes":[%q]%s}`, scope+expires, scope, expires), &made)
		return made.ID, made.Token
	}
	for _, scope := range []string{"read", "run", "write", "admin"} {
		_, x.tokens[scope] = create(scope, "")
	}
	id, revoked := create("admin", "")
	x.owner.must(http.MethodDelete, "/v1/keys/"+id+"/", "", nil)
	x.tokens["revoked"] = revoked
	_, x.tokens["expired"] = create("admin", fmt.Sprintf(`,"expires_at":%q`, time.Now().Add(time.Second).UTC().Format(time.RFC3339Nano)))
	x.tokens["unknown"] = tokenOfAnotherServer(x.T)
	x.tokens["guessed"] = guessed(x.tokens["admin"])
	x.tokens["deleted organization"] = x.deletedOrganization()
	expired := &caller{t: x.T, url: x.owner.url, key: x.tokens["expired"]}
	until(x.T, "the key has expired", func() bool {
		status, _ := expired.call(http.MethodGet, "/v1/agents/", "")
		return status == http.StatusUnauthorized
	})
}

// tokenOfAnotherServer is well-formed, and nobody here knows it.
func tokenOfAnotherServer(t *testing.T) string {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "steward.db"), nil)
	ok(t, err)
	defer func() { ok(t, st.Close()) }()
	first, err := identity.New(st, clock.System{}, slog.New(slog.DiscardHandler)).Bootstrap(t.Context(), nil)
	ok(t, err)
	return first.Token
}

// guessed is a key whose secret is wrong by one character, with the check digits that belong to it.
func guessed(token string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	body := []byte(token[:len(token)-6])
	last := len(body) - 1
	body[last] = digits[(strings.IndexByte(digits, body[last])+1)%len(digits)]
	check, n := make([]byte, 6), crc32.ChecksumIEEE(body)
	for i := 5; i >= 0; i-- {
		check[i], n = digits[n%62], n/62
	}
	return string(body) + string(check)
}

// deletedOrganization returns a key of an organization that is gone. The database lets no organization go before its keys.
func (x *besieged) deletedOrganization() string {
	x.Helper()
	const id = "01890000-0000-7000-8000-0000000000dd"
	db := x.database("&_foreign_keys=on")
	exec := func(query string, args ...any) error {
		_, err := db.ExecContext(x.Context(), query, args...)
		return err
	}
	ok(x.T, exec(`INSERT INTO organizations (id, name, created_at) VALUES (?, 'Gone', 0)`, id))
	ok(x.T, exec(`INSERT INTO users (organization_id, email, first_name, last_name, display_name, date_joined, is_staff, is_superuser, is_active, is_first_login, is_email_verified, is_mfa_enabled)
		VALUES (?, 'gone@steward.example.com', '', '', '', 0, 0, 0, 1, 0, 0, 0)`, id))
	token := tokenOfAnotherServer(x.T)
	ok(x.T, exec(`INSERT INTO keys (id, organization_id, user_id, name, prefix, hash, scopes, created_at, expires_at, last_used_at, revoked_at)
		SELECT '01890000-0000-7000-8000-0000000000de', organization_id, id, 'gone', ?, sha.hash, '["admin"]', 0, 0, 0, 0 FROM users, (SELECT hash FROM keys LIMIT 1) AS sha WHERE organization_id = ?`, token[:14], id))
	if err := exec(`DELETE FROM organizations WHERE id = ?`, id); err == nil {
		x.Error("an organization can be deleted while it has keys")
	}
	ok(x.T, exec(`DELETE FROM keys WHERE organization_id = ?`, id))
	ok(x.T, exec(`DELETE FROM users WHERE organization_id = ?`, id))
	ok(x.T, exec(`DELETE FROM organizations WHERE id = ?`, id))
	return token
}

// database opens the server's database beside it.
func (x *besieged) database(options string) *sql.DB {
	x.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(x.server.Folder, "steward.db")+"?_busy_timeout=10000"+options)
	ok(x.T, err)
	x.Cleanup(func() { ok(x.T, db.Close()) })
	return db
}

// tables lists the tables whose content is no webhook's.
func (x *besieged) tables(db *sql.DB) (tables []string) {
	x.Helper()
	rows, err := db.QueryContext(x.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'`)
	ok(x.T, err)
	defer func() { ok(x.T, rows.Close()) }()
	for rows.Next() {
		var name string
		ok(x.T, rows.Scan(&name))
		if !strings.Contains(name, "webhook") && !strings.Contains(name, "deliver") && !strings.HasPrefix(name, "sqlite_") {
			tables = append(tables, name)
		}
	}
	ok(x.T, rows.Err())
	return tables
}

// contents is a digest of every table and a list of all stored files. What webhooks do by themselves is left out.
func (x *besieged) contents() map[string]string {
	x.Helper()
	db, seen := x.database("&mode=ro"), map[string]string{}
	tables := x.tables(db)
	for _, name := range tables {
		seen[name] = digest(x.Context(), x.T, db, name)
	}
	var files []string
	ok(x.T, filepath.WalkDir(filepath.Join(x.server.Folder, "files"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	}))
	seen["files"] = strings.Join(files, " ")
	return seen
}

// digest is all rows of a table in writing.
func digest(ctx context.Context, t *testing.T, db *sql.DB, table string) string {
	t.Helper()
	rows, err := db.QueryContext(ctx, `SELECT * FROM `+table)
	ok(t, err)
	defer func() { ok(t, rows.Close()) }()
	columns, err := rows.Columns()
	ok(t, err)
	var out strings.Builder
	for rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		ok(t, rows.Scan(into...))
		for i, name := range columns {
			if name != "last_used_at" {
				fmt.Fprintf(&out, "%s=%v ", name, row[i])
			}
		}
		out.WriteByte('\n')
	}
	ok(t, rows.Err())
	return out.String()
}

// assault is one way to ask without the right to.
type assault struct {
	name   string
	header http.Header
	query  string // added to the URL's
	status int
	body   string // exact
}

const (
	notProvided = `{"detail":"Authentication credentials were not provided."}`
	invalidKey  = `{"detail":"Invalid API key."}`
	twoHeaders  = `{"detail":"There must be one Authorization header."}`
)

// assaults are the states of keys, each of which is refused by every operation that needs a key.
func (x *besieged) assaults() []assault {
	auth := func(values ...string) http.Header { return http.Header{"Authorization": values} }
	admin := x.tokens["admin"]
	const unauthorized = http.StatusUnauthorized
	list := []assault{
		{"no key", nil, "", unauthorized, notProvided},
		{"empty header", auth(""), "", unauthorized, notProvided},
		{"no token", auth("Bearer "), "", unauthorized, notProvided},
		{"blanks", auth("Bearer \t  "), "", unauthorized, notProvided},
		{"bare", auth(admin), "", unauthorized, notProvided},
		{"basic", auth("Basic " + admin), "", unauthorized, notProvided},
		{"token scheme", auth("Token " + admin), "", unauthorized, notProvided},
		{"digest", auth("Digest " + admin), "", unauthorized, notProvided},
		{"glued", auth("Bearer" + admin), "", unauthorized, notProvided},
		{"two headers, both good", auth("Bearer "+admin, "Bearer "+admin), "", unauthorized, twoHeaders},
		{"two headers, the last good", auth("Bearer x", "Bearer "+admin), "", unauthorized, twoHeaders},
		{"two headers, the first good", auth("Bearer "+admin, "Basic x"), "", unauthorized, twoHeaders},
		{"two in one", auth("Bearer " + admin + ", Bearer " + admin), "", unauthorized, invalidKey},
		{"malformed", auth("Bearer x"), "", unauthorized, invalidKey},
		{"truncated", auth("Bearer " + admin[:len(admin)-1]), "", unauthorized, invalidKey},
		{"long", auth("Bearer " + strings.Repeat("a", 30_000)), "", unauthorized, invalidKey},
		{"other case", auth("Bearer " + strings.ToUpper(admin)), "", unauthorized, invalidKey},
		{"SQL", auth("Bearer ' OR 1=1 --"), "", unauthorized, invalidKey},
		{"wrong bytes", auth("Bearer \xff\xfe" + admin[2:]), "", unauthorized, invalidKey},
		{"X-Api-Key", http.Header{"X-Api-Key": {admin}}, "", unauthorized, notProvided},
		{"cookie", http.Header{"Cookie": {"authorization=Bearer " + admin + "; api_key=" + admin}}, "", unauthorized, notProvided},
		{"proxy's header", http.Header{"Proxy-Authorization": {"Bearer " + admin}, "X-Forwarded-Authorization": {"Bearer " + admin}}, "", unauthorized, notProvided},
		{"in the query", nil, "api_key=" + admin + "&key=" + admin + "&token=" + admin + "&access_token=" + admin + "&authorization=Bearer+" + admin, unauthorized, notProvided},
		{"foreign organization by header", http.Header{"Authorization": {"Bearer " + admin}, "X-Organization-Id": {x.org2}}, "", http.StatusForbidden, `{"detail":"This key does not belong to the given organization."}`},
		{"foreign organization by query", auth("Bearer " + admin), "organization_id=" + x.org2, http.StatusForbidden, `{"detail":"This key does not belong to the given organization."}`},
		{"own and foreign organization", auth("Bearer " + admin), "organization_id=" + x.org1 + "&organization_id=" + x.org2, http.StatusForbidden, `{"detail":"This key does not belong to the given organization."}`},
		{"escaped organization", auth("Bearer " + admin), "organization%5Fid=" + x.org2, http.StatusForbidden, `{"detail":"This key does not belong to the given organization."}`},
	}
	for _, state := range []string{"unknown", "guessed", "revoked", "expired", "deleted organization"} {
		list = append(list, assault{state, auth("Bearer " + x.tokens[state]), "", unauthorized, invalidKey})
	}
	return list
}

// try makes a request as an assault says, and checks the answer.
func (x *besieged) try(method, path, query, body string, a assault) {
	x.Helper()
	if a.query != "" {
		query += map[bool]string{true: "?", false: "&"}[query == ""] + a.query
	}
	req, err := http.NewRequestWithContext(x.Context(), method, x.owner.url+path+query, strings.NewReader(body))
	ok(x.T, err)
	maps.Copy(req.Header, a.header)
	if body != "" {
		req.Header.Set("Content-Type", jsonType)
	}
	resp, err := http.DefaultClient.Do(req)
	ok(x.T, err)
	answer, err := io.ReadAll(resp.Body)
	ok(x.T, err)
	ok(x.T, resp.Body.Close())
	want := a.body
	if method == http.MethodHead {
		want = ""
	}
	h := resp.Header
	switch {
	case resp.StatusCode != a.status || string(answer) != want:
		x.Errorf("%s %s, %s: %d %s, want %d %s", method, path, a.name, resp.StatusCode, answer, a.status, want)
	case h.Get("Content-Type") != jsonType || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" || h.Get("X-Request-Id") == "":
		x.Errorf("%s %s, %s: headers %v", method, path, a.name, h)
	case (a.status == http.StatusUnauthorized) != (h.Get("WWW-Authenticate") == "Bearer"):
		x.Errorf("%s %s, %s: WWW-Authenticate %q", method, path, a.name, h.Get("WWW-Authenticate"))
	}
	for state, token := range x.tokens {
		if strings.Contains(string(answer), token) {
			x.Errorf("%s %s, %s: the answer holds the %s key", method, path, a.name, state)
		}
	}
}

// route is a method and a path as documented.
type route struct{ method, path, id string }

// documented returns the operations of the served document, those that are not built included, HEAD beside every GET.
func (x *besieged) documented() (list []route) {
	for _, path := range slices.Sorted(maps.Keys(x.doc.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(x.doc.Paths[path])) {
			op := x.doc.Paths[path][method]
			list = append(list, route{strings.ToUpper(method), path, op.OperationID})
			if method == "get" {
				list = append(list, route{http.MethodHead, path, op.OperationID})
			}
		}
	}
	return list
}

// scopeOf returns the scope that a route needs.
func (x *besieged) scopeOf(r route) string {
	x.Helper()
	if slices.Contains(x.doc.Paths[r.path][strings.ToLower(strings.Replace(r.method, http.MethodHead, http.MethodGet, 1))].Tags, notOffered) {
		return "any"
	}
	scope, known := required()[r.id]
	if !known {
		x.Errorf("%s %s (%s) is new: say in required which scope it needs", r.method, r.path, r.id)
	}
	return scope
}

func TestEveryRouteRefusesEveryKeyThatIsNotGoodEnough(t *testing.T) {
	t.Parallel()
	x := besiege(t)
	before := x.contents()
	cases := 0
	for _, r := range x.documented() {
		scope := x.scopeOf(r)
		if scope == "" {
			continue
		}
		query, body := validBody(r.method, r.path, x.of1)
		if r.method == http.MethodHead {
			query, body = validBody(http.MethodGet, r.path, x.of1)
		}
		target := fillPath(t, r.path, x.of1)
		for _, a := range x.assaults() {
			for _, spelled := range []string{target, strings.TrimSuffix(target, "/")} {
				x.try(r.method, spelled, query, body, a)
				cases++
			}
		}
		for _, held := range []string{"read", "run", "write", "admin"} {
			if scope == "any" || slices.Contains(allowing(scope), held) {
				continue
			}
			cases++
			x.try(r.method, target, query, body, assault{
				"scope " + held, http.Header{"Authorization": {"Bearer " + x.tokens[held]}}, "", http.StatusForbidden, fmt.Sprintf(`{"detail":"This key lacks the scope %s."}`, scope),
			})
		}
	}
	for table, now := range x.contents() {
		if now != before[table] {
			t.Errorf("refused calls have changed %s:\n%s\n%s", table, before[table], now)
		}
	}
	t.Attr("cases", strconv.Itoa(cases))
}

// TestTheScopeThatARouteNeedsIsEnough asks for things that are not there, so that nothing is changed but what takes no id.
func TestTheScopeThatARouteNeedsIsEnough(t *testing.T) {
	t.Parallel()
	x := besiege(t)
	nowhere := map[string]string{}
	for name := range x.of1 {
		nowhere[name] = otherOrg
	}
	cases := 0
	for _, r := range x.documented() {
		scope := x.scopeOf(r)
		if scope == "" || scope == "any" || r.method == http.MethodHead {
			continue
		}
		query, body := validBody(r.method, r.path, x.of1)
		for _, held := range allowing(scope) {
			cases++
			c := &caller{t: t, url: x.owner.url, key: x.tokens[held]}
			status, answer := c.call(r.method, fillPath(t, r.path, nowhere)+query, body)
			if status == http.StatusUnauthorized || status == http.StatusForbidden || strings.Contains(r.path, "{") && status != http.StatusNotFound {
				t.Errorf("%s %s with scope %s: %d %s", r.method, r.path, held, status, answer)
			}
		}
	}
	t.Attr("cases", strconv.Itoa(cases))
}

// TestTheRouterHasNoRouteThatTheDocumentHasNot walks the router's own table.
func TestTheRouterHasNoRouteThatTheDocumentHasNot(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	routes, is := rest.Routes(h)
	if !is {
		t.Fatal("the router cannot be reached: mend rest.Routes")
	}
	doc := decode[document](t, call(h, http.MethodGet, "/openapi.json", ""))
	known := map[string]bool{}
	for path, methods := range doc.Paths {
		for method := range methods {
			known[strings.ToUpper(method)+" "+strings.TrimSuffix(path, "/")] = true
		}
	}
	cases := 0
	err := chi.Walk(routes, func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		cases++
		bare := strings.TrimSuffix(path, "/")
		if known[method+" "+bare] || method == http.MethodHead && known["GET "+bare] {
			return nil
		}
		target := pathParam.ReplaceAllString(path, otherOrg)
		for _, header := range [][]string{{"Authorization", ""}, nil} {
			if w := call(h, method, target, "", header...); w.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s stands in the router, not in the document, and answers %d", method, path, w.Code)
			}
		}
		return nil
	})
	ok(t, err)
	if cases < 8*len(doc.Paths) {
		t.Errorf("only %d routes were found", cases)
	}
	t.Attr("cases", strconv.Itoa(cases))
}

// TestPublicRoutesTellNothing asks what needs no key.
func TestPublicRoutesTellNothing(t *testing.T) {
	t.Parallel()
	x := besiege(t)
	cases := 0
	for _, r := range x.documented() {
		if x.scopeOf(r) != "" {
			continue
		}
		cases++
		resp, err := http.Get(x.owner.url + r.path)
		ok(t, err)
		answer, err := io.ReadAll(resp.Body)
		ok(t, err)
		ok(t, resp.Body.Close())
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", r.path, resp.StatusCode)
		}
		secrets := slices.Concat(slices.Collect(maps.Values(x.of1)), slices.Collect(maps.Values(x.tokens)), []string{x.org1, x.server.Folder, x.server.APIKey})
		for _, s := range secrets {
			if s != x.of1["resource_id"] && strings.Contains(string(answer), s) {
				t.Errorf("%s tells %s", r.path, s)
			}
		}
	}
	if cases == 0 {
		t.Error("nothing is public")
	}
	t.Attr("cases", strconv.Itoa(cases))
}
