package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/once"
	"github.com/stewardhq/steward/internal/rest"
	"github.com/stewardhq/steward/internal/secret"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

func (x *house) onceService(dir string, st *sqlite.Store, log *slog.Logger) *once.Service {
	box, err := secret.Open(filepath.Join(dir, "secret.key"))
	ok(x.t, err)
	return once.New(st, box, clock.System{}, log)
}

// keyed posts under an idempotency key.
func (x *house) keyed(key, path, contentType, body string) (status int, answer string) {
	x.t.Helper()
	req, err := http.NewRequestWithContext(x.t.Context(), http.MethodPost, x.url+path, strings.NewReader(body))
	ok(x.t, err)
	req.Header.Set("Authorization", "Bearer "+x.token)
	req.Header.Set("Idempotency-Key", key)
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	ok(x.t, err)
	defer func() { ok(x.t, resp.Body.Close()) }()
	text, err := io.ReadAll(resp.Body)
	ok(x.t, err)
	return resp.StatusCode, string(text)
}

// uploadOf is the form of an upload.
func uploadOf(t *testing.T, name, content string, fields ...string) (contentType, body string) {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		ok(t, form.WriteField(fields[i], fields[i+1]))
	}
	part, err := form.CreateFormFile("file", name)
	ok(t, err)
	_, err = io.WriteString(part, content)
	ok(t, err)
	ok(t, form.Close())
	return form.FormDataContentType(), b.String()
}

func TestARepeatedCreateUnderOneKeyAnswersTheFirst(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	const config = `{"output_schema":{"type":"object","properties":{"a":{"type":"string"}}}}`
	agent := x.agent("MultimodalExtractionEngine", config)
	fileType, file := uploadOf(t, "a.txt", "hello")
	otherType, otherFile := uploadOf(t, "a.txt", "hello", "temporary", "true")
	for name, c := range map[string]struct{ path, contentType, body, otherType, other, list string }{
		"agent": {
			"/v1/agents/", jsonType, `{"name":"A","engine_class_id":"MultimodalExtractionEngine","engine_config":` + config + `}`,
			jsonType, `{"name":"B","engine_class_id":"MultimodalExtractionEngine","engine_config":` + config + `}`, "/v1/agents/",
		},
		"version": {"/v1/agents/" + string(agent.ID) + "/versions/", jsonType, `{"version_name":"two"}`, jsonType, `{"version_name":"three"}`,
			"/v1/agents/" + string(agent.ID) + "/versions/?page=1"},
		"tag": {"/v1/agents/tags/", jsonType, `{"name":"urgent"}`, jsonType, `{"name":"urgent","color":"red"}`, ""},
		"webhook": {"/v1/webhooks/", jsonType, `{"name":"w","url":"https://example.com/h","events":["job_completed"]}`,
			jsonType, `{"name":"w2","url":"https://example.com/h","events":["job_completed"]}`, "/v1/webhooks/"},
		"file": {"/v1/files/", fileType, file, otherType, otherFile, "/v1/files/"},
	} {
		count := func() (n int64) {
			if c.list == "" {
				return 0
			}
			var page steward.Page[json.RawMessage]
			x.get(c.list, &page)
			return page.Count
		}
		before := count()
		status, first := x.keyed("k", c.path, c.contentType, c.body)
		if status != http.StatusCreated {
			t.Fatalf("%s: %d %s", name, status, first)
		}
		if status, again := x.keyed("k", c.path, c.contentType, c.body); status != http.StatusCreated || again != first {
			t.Errorf("%s again: %d %s, want %s", name, status, again, first)
		}
		status, body := x.keyed("k", c.path, c.otherType, c.other)
		var list []string
		if err := json.Unmarshal([]byte(body), &list); status != http.StatusBadRequest || err != nil || !strings.Contains(body, "Idempotency-Key was used before with other content") {
			t.Errorf("%s with other content: %d %s", name, status, body)
		}
		if n := count(); c.list != "" && n != before+1 {
			t.Errorf("%s: %d in the list, %d before", name, n, before)
		}
		if status, body := x.keyed(strings.Repeat("k", 256), c.path, c.contentType, c.body); status != http.StatusBadRequest || !strings.Contains(body, "Idempotency-Key") {
			t.Errorf("%s with a long key: %d %s", name, status, body)
		}
		if name == "webhook" && !strings.Contains(first, `"secret":"whsec_`) {
			t.Errorf("%s: no secret in %s", name, first)
		}
	}
}

func TestNoOtherAPIKeyIsShownAWebhooksSecret(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	const hook = `{"name":"w","url":"https://example.com/h","events":["job_completed"]}`
	_, first := x.keyed("k", "/v1/webhooks/", jsonType, hook)
	_, body := x.do(http.MethodPost, "/v1/keys/", jsonType, strings.NewReader(`{"name":"other","scopes":["write"]}`))
	var key struct{ Token string }
	ok(t, json.Unmarshal(body, &key))
	x.token = key.Token
	status, second := x.keyed("k", "/v1/webhooks/", jsonType, hook)
	secretOf := func(s string) string {
		var w steward.Webhook
		ok(t, json.Unmarshal([]byte(s), &w))
		return w.Secret
	}
	if status != http.StatusCreated || secretOf(first) == "" || secretOf(second) == secretOf(first) {
		t.Errorf("%d %s, first %s", status, second, first)
	}
}

func TestACreateThatIsRefusedLeavesItsKeyFree(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	if status, body := x.keyed("k", "/v1/agents/tags/", jsonType, `{"name":"a","color":"mauve"}`); status != http.StatusBadRequest || !strings.Contains(body, "color") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := x.keyed("k", "/v1/agents/tags/", jsonType, `{"name":"a","color":"red"}`); status != http.StatusCreated {
		t.Errorf("%d %s", status, body)
	}
	for i := range 2 { // without a key a name is taken once
		status, body := x.do(http.MethodPost, "/v1/agents/tags/", jsonType, strings.NewReader(`{"name":"b"}`))
		if want := []int{http.StatusCreated, http.StatusBadRequest}[i]; status != want {
			t.Errorf("%d %s, want %d", status, body, want)
		}
	}
}

// shaky is a file service whose first look at a file fails.
type shaky struct {
	fileFakes
	looks *int
}

// Info implements run.FileService.
func (s shaky) Info(ctx context.Context, id steward.FileID) (*store.FileInfo, error) {
	if *s.looks++; *s.looks == 1 {
		return nil, &steward.Error{Code: steward.Unavailable, Message: "away"}
	}
	return s.fileFakes.Info(ctx, id)
}

func TestAnUploadThatIsAnsweredAtASecondLookIsKept(t *testing.T) {
	t.Parallel()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "steward.db"), nil)
	ok(t, err)
	t.Cleanup(func() { _ = st.Close() }) // nothing is written any more
	f, log := newFakes(), slog.New(slog.DiscardHandler)
	looks := 0
	h, err := rest.New(rest.Options{
		Agents: agentFakes{f}, Jobs: jobFakes{f}, Identity: f, Files: shaky{fileFakes{f}, &looks}, Webhooks: hookFakes{f},
		Once: (&house{t: t}).onceService(t.TempDir(), st, log), Logger: log,
	})
	ok(t, err)
	contentType, body := uploadOf(t, "a.txt", "hello", "temporary", "true")
	w := call(h, http.MethodPost, "/v1/files/", body, "Content-Type", contentType, "Idempotency-Key", "k")
	if untaken, _ := f.left(); w.Code != http.StatusCreated || looks != 2 || untaken != 1 {
		t.Errorf("%d %s: %d looks, %d files left", w.Code, w.Body, looks, untaken)
	}
}

func TestTheKeyOfATemporaryFileEndsBeforeTheFile(t *testing.T) {
	t.Parallel()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "steward.db"), nil)
	ok(t, err)
	t.Cleanup(func() { _ = st.Close() }) // nothing is written any more
	f, log := newFakes(), slog.New(slog.DiscardHandler)
	h, err := rest.New(rest.Options{
		Agents: agentFakes{f}, Jobs: jobFakes{f}, Identity: f, Files: fileFakes{f}, Webhooks: hookFakes{f},
		Once: (&house{t: t}).onceService(t.TempDir(), st, log), Logger: log,
	})
	ok(t, err)
	for _, temporary := range []string{"true", "false"} {
		contentType, body := uploadOf(t, "a.txt", "hello", "temporary", temporary)
		want(t, call(h, http.MethodPost, "/v1/files/", body, "Content-Type", contentType, "Idempotency-Key", temporary), http.StatusCreated, "")
	}
	if n, err := st.ExpireCreations(t.Context(), time.Now().Add(45*time.Minute), 10); n != 1 || err != nil {
		t.Errorf("%d keys have ended after 45 minutes (%v), want that of the temporary file alone", n, err)
	}
}
