package webhooks_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/secret"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/webhooks"
)

func errorsAs(err error, target **steward.Error) bool { return errors.As(err, target) }

func TestAWebhookShowsItsSecretOnlyWhenItIsMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hook, err := w.Create(w.admin(), webhooks.CreateParams{
		Name: "  Häuser ", URL: "https://example.com/hook", Headers: map[string]string{"X-Token": "t0ken-9"}, NotifyCached: true,
		Events: []steward.EventType{steward.EventBatchCompleted, steward.EventJobCompleted, steward.EventJobCompleted},
		Alerts: []string{"0190A000000070008000000000000001"},
	})
	w.ok(err)
	if len(keyBytes(t, hook.Secret)) != 32 {
		t.Errorf("secret %q holds no 32 bytes", hook.Secret)
	}
	for what, ok := range map[string]bool{
		"name": hook.Name == "Häuser", "events": fmt.Sprint(hook.Events) == "[job_completed batch_completed]", "active": hook.IsActive,
		"alerts": fmt.Sprint(hook.Alerts) == "[0190a000-0000-7000-8000-000000000001]", "headers": hook.Headers["X-Token"] == "t0ken-9",
		"has_secret": hook.HasSecret, "links": hook.AgentIDs != nil && len(hook.AgentIDs) == 0, "flags": hook.NotifyCached && !hook.IncludeInputs,
		"times": hook.CreatedAt.Equal(start()) && hook.UpdatedAt.Equal(start()), "reason": hook.DisabledReason == nil,
	} {
		if !ok {
			t.Errorf("%s of the new webhook: %+v", what, hook)
		}
	}
	read := w.read(hook)
	if read.Secret != "" || read.Headers["X-Token"] != "t0ken-9" {
		t.Errorf("read: %+v", read)
	}
	list, count, err := w.List(w.admin(), 1, 20)
	w.ok(err)
	if count != 1 || list[0].Secret != "" || list[0].ID != hook.ID {
		t.Errorf("list: %+v", list)
	}
}

func TestHeaderValuesAreHiddenFromThoseWhoMayOnlyRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hook := w.hook("https://example.com/", func(p *webhooks.CreateParams) { p.Headers = map[string]string{"X-Token": "t0ken-9"} })
	for _, scope := range []steward.Scope{steward.ScopeRead, steward.ScopeRun} {
		got, err := w.Get(w.as(w.org, scope), hook.ID)
		w.ok(err)
		if got.Headers["X-Token"] != steward.HiddenValue {
			t.Errorf("scope %s sees %q", scope, got.Headers["X-Token"])
		}
	}
	got, err := w.Get(w.as(w.org, steward.ScopeWrite), hook.ID)
	w.ok(err)
	if got.Headers["X-Token"] != "t0ken-9" {
		t.Errorf("scope write sees %q", got.Headers["X-Token"])
	}
}

func TestNothingSecretStandsInTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hook := w.hook("https://example.com/", func(p *webhooks.CreateParams) {
		p.Secret, p.Headers = "a very plain passphrase", map[string]string{"X-Token": "t0ken-9-plain"}
	})
	if hook.Secret != "whsec_YSB2ZXJ5IHBsYWluIHBhc3NwaHJhc2U=" {
		t.Errorf("secret %q is not the passphrase in base64", hook.Secret)
	}
	if _, err := w.RotateSecret(w.admin(), hook.ID); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(w.path + "*")
	w.ok(err)
	for _, f := range files {
		content, err := os.ReadFile(f)
		w.ok(err)
		for _, plain := range []string{"very plain", "YSB2ZXJ5", "t0ken-9"} {
			if bytes.Contains(content, []byte(plain)) {
				t.Errorf("%s holds %q", filepath.Base(f), plain)
			}
		}
	}
}

func TestWhatCannotBeMeantIsRefusedByField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := webhooks.CreateParams{Name: "n", URL: "https://example.com/", Events: []steward.EventType{steward.EventJobCompleted}}
	many := map[string]string{}
	for i := range 21 {
		many[fmt.Sprintf("X-H-%d", i)] = "v"
	}
	for what, c := range map[string]struct {
		field string
		edit  func(p *webhooks.CreateParams)
	}{
		"a blank name":               {"name", func(p *webhooks.CreateParams) { p.Name = "  " }},
		"a long name":                {"name", func(p *webhooks.CreateParams) { p.Name = strings.Repeat("ä", 256) }},
		"a control character":        {"name", func(p *webhooks.CreateParams) { p.Name = "a\x00b" }},
		"no URL":                     {"url", func(p *webhooks.CreateParams) { p.URL = "" }},
		"a long URL":                 {"url", func(p *webhooks.CreateParams) { p.URL = "https://example.com/" + strings.Repeat("a", 500) }},
		"a relative URL":             {"url", func(p *webhooks.CreateParams) { p.URL = "/hook" }},
		"another scheme":             {"url", func(p *webhooks.CreateParams) { p.URL = "file:///etc/passwd" }},
		"a private address":          {"url", func(p *webhooks.CreateParams) { p.URL = "http://10.1.2.3/" }},
		"metadata of a cloud":        {"url", func(p *webhooks.CreateParams) { p.URL = "http://169.254.169.254/latest" }},
		"a number for an address":    {"url", func(p *webhooks.CreateParams) { p.URL = "http://2130706433/" }},
		"localhost":                  {"url", func(p *webhooks.CreateParams) { p.URL = "http://localhost/" }},
		"a user in the URL":          {"url", func(p *webhooks.CreateParams) { p.URL = "https://u:p@example.com/" }},
		"no events":                  {"events", func(p *webhooks.CreateParams) { p.Events = nil }},
		"an unknown event":           {"events", func(p *webhooks.CreateParams) { p.Events = []steward.EventType{"job_started"} }},
		"a long secret":              {"secret", func(p *webhooks.CreateParams) { p.Secret = strings.Repeat("s", 256) }},
		"a secret that is not coded": {"secret", func(p *webhooks.CreateParams) { p.Secret = "whsec_***" }},
		"a secret of nothing":        {"secret", func(p *webhooks.CreateParams) { p.Secret = "whsec_" }},
		"many headers":               {"headers", func(p *webhooks.CreateParams) { p.Headers = many }},
		"an empty header":            {"headers", func(p *webhooks.CreateParams) { p.Headers = map[string]string{"": "v"} }},
		"a header with a blank":      {"headers", func(p *webhooks.CreateParams) { p.Headers = map[string]string{"X Y": "v"} }},
		"a header with a line end":   {"headers", func(p *webhooks.CreateParams) { p.Headers = map[string]string{"X-Y": "v\r\nHost: evil"} }},
		"a long header":              {"headers", func(p *webhooks.CreateParams) { p.Headers = map[string]string{"X-Y": strings.Repeat("v", 2001)} }},
		"a header twice":             {"headers", func(p *webhooks.CreateParams) { p.Headers = map[string]string{"X-Y": "1", "x-y": "2"} }},
		"an alert that is no id":     {"alerts", func(p *webhooks.CreateParams) { p.Alerts = []string{"me"} }},
		"too many alerts":            {"alerts", func(p *webhooks.CreateParams) { p.Alerts = make([]string, 101) }},
	} {
		p := good
		c.edit(&p)
		_, err := w.Create(w.admin(), p)
		code(t, what, err, steward.Invalid, c.field)
	}
	for _, name := range []string{
		"Host", "host", "Content-Type", "content-length", "Webhook-Id", "webhook-signature", "WEBHOOK-TIMESTAMP", "X-Roe-Signature", "x-roe-signature",
		"Transfer-Encoding", "Connection", "Te", "Upgrade", "Proxy-Authorization", "Expect",
	} {
		p := good
		p.Headers = map[string]string{name: "v"}
		_, err := w.Create(w.admin(), p)
		code(t, "header "+name, err, steward.Invalid, "headers")
	}
	if _, count, err := w.List(w.admin(), 1, 20); err != nil || count != 0 {
		t.Errorf("%d webhooks were stored all the same (%v)", count, err)
	}
}

func TestAnOrganizationHasAtMostAHundredWebhooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := webhooks.CreateParams{Name: "n", URL: "https://example.com/", Events: steward.EventTypes()}
	for range webhooks.MaxWebhooks {
		_, err := w.Create(w.admin(), p)
		w.ok(err)
	}
	_, err := w.Create(w.admin(), p)
	code(t, "one more", err, steward.Conflict, "")
	_, err = w.Create(w.as(newID[steward.OrganizationID](), steward.ScopeWrite), p)
	w.ok(err)
}

func TestAnUpdateChangesWhatItNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hook := w.hook("https://example.com/", func(p *webhooks.CreateParams) { p.Headers, p.Inactive = map[string]string{"A": "1"}, true })
	w.clock.Advance(1e9)
	name, active := "Other", true
	got, err := w.Update(w.admin(), hook.ID, webhooks.UpdateParams{Name: &name, Active: &active})
	w.ok(err)
	if got.Name != "Other" || !got.IsActive || got.URL != hook.URL || got.Headers["A"] != "1" || got.Secret != "" || len(got.AgentIDs) != 1 {
		t.Errorf("after the update: %+v", got)
	}
	if !got.UpdatedAt.Equal(w.clock.Now()) || !got.CreatedAt.Equal(start()) {
		t.Errorf("times: %v, %v", got.CreatedAt, got.UpdatedAt)
	}
	bad, none := "http://127.0.0.1:0/x", ""
	_, err = w.Update(w.admin(), hook.ID, webhooks.UpdateParams{URL: &bad})
	code(t, "a bad URL", err, steward.Invalid, "url")
	_, err = w.Update(w.admin(), hook.ID, webhooks.UpdateParams{Secret: &none})
	code(t, "no secret", err, steward.Invalid, "secret")
	empty := map[string]string{}
	got, err = w.Update(w.admin(), hook.ID, webhooks.UpdateParams{Headers: &empty})
	w.ok(err)
	if len(got.Headers) != 0 {
		t.Errorf("headers that were taken away: %v", got.Headers)
	}
}

func TestEveryCallAsksForItsScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hook := w.hook("https://example.com/", nil)
	job := w.job(nil)
	delivery := w.only(hook).ID
	read, run, write := w.as(w.org, steward.ScopeRead), w.as(w.org, steward.ScopeRun), w.as(w.org, steward.ScopeWrite)
	name := "n"
	_, err := w.Create(run, webhooks.CreateParams{Name: "n", URL: "https://example.com/", Events: steward.EventTypes()})
	code(t, "Create", err, steward.Denied, "")
	_, err = w.Update(run, hook.ID, webhooks.UpdateParams{Name: &name})
	code(t, "Update", err, steward.Denied, "")
	_, err = w.RotateSecret(run, hook.ID)
	code(t, "RotateSecret", err, steward.Denied, "")
	code(t, "Delete", w.Delete(run, hook.ID), steward.Denied, "")
	_, err = w.Link(run, hook.ID, []steward.AgentID{w.agent.ID})
	code(t, "Link", err, steward.Denied, "")
	code(t, "Unlink", w.Unlink(run, hook.ID, w.agent.ID), steward.Denied, "")
	_, err = w.Replay(run, hook.ID, delivery)
	code(t, "Replay", err, steward.Denied, "")
	_, err = w.Test(run, w.agent.ID, hook.ID)
	code(t, "Test", err, steward.Denied, "")
	_, err = w.Resend(write, job, "")
	code(t, "Resend", err, steward.Denied, "")
	_, err = w.Resend(run, job, "")
	w.ok(err)
	_, err = w.Get(read, hook.ID)
	w.ok(err)
	_, _, err = w.Agents(read, hook.ID, 1, 10)
	w.ok(err)
	_, _, err = w.Deliveries(read, hook.ID, nil, 1, 10)
	w.ok(err)
	_, err = w.Delivery(read, hook.ID, delivery)
	w.ok(err)
	_, err = w.Get(t.Context(), hook.ID)
	code(t, "nobody", err, steward.Unauthenticated, "")
}

func TestForeignIDsAreNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hook := w.hook("https://example.com/", nil)
	job := w.job(nil)
	delivery := w.only(hook).ID
	other := w.as(newID[steward.OrganizationID](), steward.ScopeAdmin)
	name := "n"
	calls := map[string]func() error{
		"Get":          func() error { _, err := w.Get(other, hook.ID); return err },
		"Update":       func() error { _, err := w.Update(other, hook.ID, webhooks.UpdateParams{Name: &name}); return err },
		"RotateSecret": func() error { _, err := w.RotateSecret(other, hook.ID); return err },
		"Delete":       func() error { return w.Delete(other, hook.ID) },
		"Link":         func() error { _, err := w.Link(other, hook.ID, []steward.AgentID{w.agent.ID}); return err },
		"Unlink":       func() error { return w.Unlink(other, hook.ID, w.agent.ID) },
		"Agents":       func() error { _, _, err := w.Agents(other, hook.ID, 1, 1); return err },
		"Deliveries":   func() error { _, _, err := w.Deliveries(other, hook.ID, nil, 1, 1); return err },
		"Delivery":     func() error { _, err := w.Delivery(other, hook.ID, delivery); return err },
		"Replay":       func() error { _, err := w.Replay(other, hook.ID, delivery); return err },
		"Test":         func() error { _, err := w.Test(other, w.agent.ID, hook.ID); return err },
		"Test of a foreign agent": func() error {
			_, err := w.Test(w.admin(), w.newAgent(newID[steward.OrganizationID](), "Foreign").ID, hook.ID)
			return err
		},
		"Resend": func() error { _, err := w.Resend(other, job, ""); return err },
		"Resend to an unknown webhook": func() error {
			_, err := w.Resend(w.admin(), job, newID[steward.WebhookID]())
			return err
		},
	}
	for what, call := range calls {
		code(t, what, call(), steward.NotFound, "")
	}
	_, err := w.Link(w.admin(), hook.ID, []steward.AgentID{w.newAgent(newID[steward.OrganizationID](), "Foreign").ID})
	code(t, "a link to a foreign agent", err, steward.NotFound, "agent_ids")
	for _, n := range []int{0, webhooks.MaxLinks + 1} {
		_, err = w.Link(w.admin(), hook.ID, make([]steward.AgentID, n))
		code(t, fmt.Sprintf("%d links", n), err, steward.Invalid, "agent_ids")
	}
	_, _, err = w.Deliveries(w.admin(), hook.ID, []steward.DeliveryStatus{"lost"}, 1, 1)
	code(t, "an unknown status", err, steward.Invalid, "status")
}

func TestAProcessWithAnotherKeySealsAndSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	hook := w.hook(r.URL, func(p *webhooks.CreateParams) { p.Headers = map[string]string{"X-Token": "t"} })
	w.job(nil)
	right := w.box
	var err error
	w.box, err = secret.Open(filepath.Join(t.TempDir(), "secret.key"))
	w.ok(err)
	w.build()
	_, err = w.Create(w.admin(), webhooks.CreateParams{Name: "n", URL: "https://example.com/", Events: steward.EventTypes()})
	code(t, "Create", err, steward.Unavailable, "")
	_, err = w.RotateSecret(w.admin(), hook.ID)
	code(t, "RotateSecret", err, steward.Unavailable, "")
	_, err = w.Get(w.admin(), hook.ID)
	code(t, "Get", err, steward.Unavailable, "")
	_, err = w.Test(w.admin(), w.agent.ID, hook.ID)
	code(t, "Test", err, steward.Unavailable, "")
	_, err = w.sender.Pass(t.Context())
	code(t, "the first pass", err, steward.Unavailable, "")
	w.pass(0) // and it is said once, not at every look
	if d := w.only(hook); d.Attempts != 0 || d.Status != steward.DeliveryPending {
		t.Errorf("delivery: %+v", d)
	}
	w.box = right
	w.build()
	w.pass(1)
}

func TestDeletedWebhooksHearNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	hook := w.hook(r.URL, nil)
	w.job(nil)
	w.ok(w.Delete(w.admin(), hook.ID))
	w.job(nil)
	w.pass(0)
	n, err := w.sender.Sweep(t.Context())
	w.ok(err)
	if n != 1 {
		t.Errorf("swept %d deliveries, want 1", n)
	}
}

func TestPurgedJobsAreToldWithoutOutputs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.hook(r.URL, nil)
	id := w.job(nil)
	_, err := w.store.Purge(t.Context(), w.org, id, start())
	w.ok(err)
	w.pass(1)
	c := r.one(t)
	if e := c.event(t); len(e.Job.Outputs) != 0 || string(e.Job.Output) != "null" || e.Job.Status != "succeeded" {
		t.Errorf("event of a purged job: %s", c.body)
	}
}

func TestJobsOfDeletedAgentsAreNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	hook := w.hook(r.URL, nil)
	job := w.job(nil)
	w.ok(w.store.DeleteAgent(t.Context(), w.org, w.agent.ID, start()))
	w.pass(0)
	if got := w.read(hook); len(got.AgentIDs) != 0 {
		t.Errorf("links: %v", got.AgentIDs)
	}
	_, err := w.Resend(w.admin(), job, "")
	code(t, "Resend", err, steward.NotFound, "")
	_, err = w.Test(w.admin(), w.agent.ID, hook.ID)
	code(t, "Test", err, steward.NotFound, "")
}

func TestResendQueuesForActiveWebhooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	first := w.hook(r.URL+"/first", nil)
	w.hook(r.URL+"/second", nil)
	job := w.job(nil)
	w.pass(2)
	n, err := w.Resend(w.admin(), job, "")
	w.ok(err)
	one, err := w.Resend(w.admin(), job, first.ID)
	w.ok(err)
	if n != 2 || one != 1 {
		t.Errorf("queued %d and %d, want 2 and 1", n, one)
	}
	w.pass(3)
	ids := map[string]bool{}
	for _, c := range r.all() {
		ids[c.header.Get("webhook-id")] = true
	}
	if len(ids) != 5 {
		t.Errorf("%d different ids, want 5", len(ids))
	}
	open := store.NewJob{
		ID: newID[steward.JobID](), OrganizationID: w.org, AgentID: w.agent.ID, VersionID: w.agent.CurrentVersionID, CreatedAt: start(), Timeout: 1e9,
	}
	_, err = w.store.Submit(t.Context(), []store.NewJob{open})
	w.ok(err)
	_, err = w.Resend(w.admin(), open.ID, "")
	code(t, "an open job", err, steward.Conflict, "")
}
