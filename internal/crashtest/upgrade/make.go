package upgrade

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/crashtest/scripted"
	"github.com/stewardhq/steward/internal/engine/extract"
	"github.com/stewardhq/steward/internal/engine/pdf"
)

// MakeParams says what to make a fixture of.
type MakeParams struct {
	Name     string // of the version
	Program  string
	Database string // URL of an empty PostgreSQL database; "" means SQLite
	PGDump   string // the program pg_dump, for PostgreSQL
	Folder   string // for what is written meanwhile
	Cache    string // where the compiled PDF engine is kept
	Into     string // folder of the fixture
}

// nowhere is where nobody takes events.
const nowhere = "http://127.0.0.1:9"

// maker is a fixture being made.
type maker struct {
	p        MakeParams
	m        Manifest
	provider *provider
	receiver *receiver
	hooks    string // URL of the receiver
	server   *installation
	c        *client.Client
	n        int // of texts
}

// Make runs a program under load, kills it, and keeps what it leaves. What the program does not offer is left out and listed in the manifest.
func Make(ctx context.Context, p MakeParams) (_ *Manifest, err error) {
	k := &maker{p: p, provider: newProvider(), receiver: newReceiver()}
	k.m = Manifest{Name: p.Name, Database: "sqlite", MadeAt: time.Now().UTC().Truncate(time.Second), Agents: map[string]steward.AgentID{}, Lacks: []string{}}
	if p.Database != "" {
		k.m.Database = "postgres"
	}
	models, hooks := httptest.NewServer(k.provider), httptest.NewServer(k.receiver)
	defer models.Close()
	defer hooks.Close()
	defer hooks.CloseClientConnections()
	defer models.CloseClientConnections()
	k.hooks = hooks.URL
	if k.server, err = install(ctx, p.Program, p.Folder, p.Database, p.Cache, models.URL); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, k.server.close()) }()
	if err := k.server.start(); err != nil {
		return nil, err
	}
	if err := k.server.ready(ctx); err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context) error{k.login, k.agents, k.webhook, k.finished, k.batches, k.files, k.deleted, k.owed, k.open} {
		if err := part(ctx); err != nil {
			return nil, errors.Join(err, k.server.lastWords())
		}
	}
	if err := os.MkdirAll(p.Into, 0o750); err != nil {
		return nil, fmt.Errorf("make fixture: %w", err)
	}
	if err := k.killAndKeep(ctx); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(k.m, "", " ") //nolint:gosec // G117: a fixture's key is in the tree
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return &k.m, writeFile(filepath.Join(p.Into, manifestName), append(text, '\n'))
}

// offered reports whether a call was answered; what the program does not have is listed and is no error.
func (k *maker) offered(what string, err error) (bool, error) {
	switch steward.CodeOf(err) {
	case steward.Unsupported, steward.NotFound:
		k.m.Lacks = append(k.m.Lacks, what)
		return false, nil
	}
	return err == nil, err
}

func (k *maker) lacks(what string) bool { return slices.Contains(k.m.Lacks, what) }

// login reads the first key and makes others.
func (k *maker) login(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(k.server.folder, "credentials.json"))
	if err != nil {
		return fmt.Errorf("read credentials: %w", err)
	}
	if err := json.Unmarshal(text, &k.m); err != nil { // api_key and organization_id
		return fmt.Errorf("read credentials: %w", err)
	}
	if k.c, err = newClient(k.server.address, k.m.APIKey); err != nil {
		return err
	}
	read, err := k.c.CreateKey(ctx, client.KeyCreate{Name: "reads", Scopes: []steward.Scope{steward.ScopeRead}})
	if err != nil {
		return err
	}
	gone, err := k.c.CreateKey(ctx, client.KeyCreate{Name: "gone", Scopes: []steward.Scope{steward.ScopeRead}})
	if err != nil {
		return err
	}
	k.m.ReadKey, k.m.RevokedKey = read.Token, gone.Token
	return k.c.RevokeKey(ctx, gone.ID)
}

// agents makes the agents, a second version of one, and a tag.
func (k *maker) agents(ctx context.Context) error {
	reads := object{"model": scripted.Model, "output_schema": json.RawMessage(scripted.CodeSchema), "use_source": false, "instruction": "Find the section code."}
	asks := object{
		"model": scripted.Model, "output_schema": json.RawMessage(scripted.CodesSchema), "use_source": false, "instructions": "Find the section codes.",
		"batch_size": 1, "convert_to_images": false,
	}
	dear := object{"max_cost_usd": 0.001}
	for name, v := range asks {
		dear[name] = v
	}
	for role, a := range map[string]struct {
		class  string
		config object
	}{
		roleReader: {extract.ClassID, reads}, roleItems: {extract.ClassID, reads}, roleGone: {extract.ClassID, reads},
		rolePages: {pdf.ClassID, asks}, roleDear: {pdf.ClassID, dear},
		roleLocal: {pdf.ClassID, object{"model": "builtin", "output_schema": json.RawMessage(scripted.CodeSchema), "instructions": "Find the section code."}},
	} {
		params := client.AgentCreate{Name: role, EngineClassID: a.class, EngineConfig: a.config}
		if a.class == extract.ClassID {
			params.InputDefinitions = []steward.InputDefinition{{Key: "text", DataType: "text/plain", Description: "The text."}}
		}
		made, err := k.c.CreateAgent(ctx, params)
		if err != nil {
			return fmt.Errorf("create agent %s: %w", role, err)
		}
		k.m.Agents[role] = made.ID
	}
	_, err := k.c.CreateVersion(ctx, k.m.Agents[roleReader], client.VersionCreate{VersionName: "second", EngineConfig: reads})
	if _, err := k.offered("versions", err); err != nil {
		return err
	}
	for _, role := range []string{roleReader, rolePages} {
		versions, err := k.c.ListVersions(ctx, k.m.Agents[role])
		if err != nil {
			return err
		}
		for i := range versions {
			v := &versions[i]
			k.m.Versions = append(k.m.Versions, ToldVersion{Agent: role, ID: v.ID, Name: v.VersionName, Config: string(v.EngineConfig)})
		}
	}
	tag, err := k.c.CreateTag(ctx, client.TagCreate{Name: "kept", Color: "blue"})
	if ok, err := k.offered("tags", err); !ok {
		return err
	}
	k.m.Tag = tag.Name
	_, err = k.c.SetAgentTags(ctx, k.m.Agents[roleReader], tag.ID)
	return err
}

// webhook makes a webhook whose receiver takes what comes.
func (k *maker) webhook(ctx context.Context) error {
	return k.hook(ctx, "taken", k.hooks)
}

// hook makes a webhook of the agents reader and items.
func (k *maker) hook(ctx context.Context, name, url string) error {
	if k.lacks("webhooks") {
		return nil
	}
	h, err := k.c.CreateWebhook(ctx, client.WebhookCreate{Name: name, URL: nowhere, Events: steward.EventTypes()})
	if ok, err := k.offered("webhooks", err); !ok {
		return err
	}
	url += hookPath(h.ID)
	if _, err := k.c.UpdateWebhook(ctx, h.ID, client.WebhookUpdate{URL: &url}); err != nil {
		return err
	}
	k.receiver.open(hookPath(h.ID), h.Secret)
	k.m.Webhooks = append(k.m.Webhooks, ToldWebhook{ID: h.ID, Secret: h.Secret, Owed: []steward.JobID{}})
	_, err = k.c.LinkWebhook(ctx, h.ID, k.m.Agents[roleReader], k.m.Agents[roleItems])
	return err
}

// text returns a text that no other job has.
func (k *maker) text() string {
	k.n++
	return fmt.Sprintf("SC-%d", 100+k.n)
}

// inputs are those of a job about a text.
func inputs(role, text string) client.Inputs {
	switch role {
	case rolePages, roleLocal, roleDear:
		return client.Inputs{"pdf_files": client.FileBytes(text+".pdf", pdfOf(text))}
	}
	return client.Inputs{"text": "Section code: " + pageCode(text, 1)}
}

// start starts a job under a key.
func (k *maker) start(ctx context.Context, role, text string, p client.RunParams) (*ToldJob, error) {
	if p.Inputs == nil {
		p.Inputs = inputs(role, text)
	}
	p.IdempotencyKey = "key of " + text
	if p.VersionID != "" {
		p.IdempotencyKey += " " + string(p.VersionID)
	}
	id, err := k.c.Run(ctx, k.m.Agents[role], p)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", role, err)
	}
	k.m.Jobs = append(k.m.Jobs, ToldJob{ID: id, Agent: role, Text: text, Key: p.IdempotencyKey, Version: p.VersionID})
	return &k.m.Jobs[len(k.m.Jobs)-1], nil
}

// finish waits for the end of the jobs from one on, and writes down what they say.
func (k *maker) finish(ctx context.Context, from int, wants ...steward.Status) error {
	for i := from; i < len(k.m.Jobs); i++ {
		j := &k.m.Jobs[i]
		r, err := ended(ctx, k.c, j.ID)
		if err != nil {
			return err
		}
		if !slices.Contains(wants, r.Status) {
			return fmt.Errorf("job %s of %s ended as %v: %s", j.ID, j.Agent, r.Status, r.ErrorMessage)
		}
		j.Status, j.Failure, j.Cost = r.Status, r.FailureCode, r.Cost
		if len(r.Outputs) > 0 {
			j.Output = r.Outputs[0].Value
		}
		if j.Steps, err = stepsOf(ctx, k.c, j.ID); err != nil {
			return err
		}
		if j.Saved, err = savedOf(ctx, k.c, r); err != nil {
			return err
		}
	}
	return nil
}

// stepsOf lists the recorded steps of a job.
func stepsOf(ctx context.Context, c *client.Client, id steward.JobID) ([]ToldStep, error) {
	steps, err := c.JobSteps(ctx, id)
	told := []ToldStep{}
	for i := range steps {
		told = append(told, ToldStep{Name: steps[i].Name, Attempt: steps[i].Attempt, EndedAt: steps[i].EndedAt})
	}
	return told, err
}

// savedOf reads the files that a job saved.
func savedOf(ctx context.Context, c *client.Client, r *client.JobResult) ([]ToldFile, error) {
	var told []ToldFile
	for _, s := range r.Saved {
		h := sha256.New()
		if _, err := c.DownloadReference(ctx, r.JobID, s.ResourceID, h, nil); err != nil {
			return nil, fmt.Errorf("read reference of job %s: %w", r.JobID, err)
		}
		told = append(told, ToldFile{ID: string(s.ResourceID), SHA256: hex.EncodeToString(h.Sum(nil))})
	}
	return told, nil
}

// finished runs jobs of all kinds to their ends.
func (k *maker) finished(ctx context.Context) error {
	for _, g := range []struct {
		role string
		jobs int
	}{{roleReader, 5}, {rolePages, 1}, {roleLocal, 2}, {roleDear, 1}, {roleGone, 1}} {
		wants := []steward.Status{steward.StatusSuccess}
		if g.role == roleDear { // the pages are asked about at once: which call is one too many was not always seen in time
			wants = append(wants, steward.StatusFailure)
		}
		from := len(k.m.Jobs)
		for range g.jobs {
			if _, err := k.start(ctx, g.role, k.text(), client.RunParams{SkipCache: true}); err != nil {
				return err
			}
		}
		if err := k.finish(ctx, from, wants...); err != nil {
			return err
		}
	}
	if err := k.refusedAndCancelled(ctx); err != nil {
		return err
	}
	if err := k.ofAVersion(ctx); err != nil {
		return err
	}
	if err := k.cached(ctx); err != nil {
		return err
	}
	return k.many(ctx)
}

// refusedAndCancelled has a job fail and another one cancelled while it runs.
func (k *maker) refusedAndCancelled(ctx context.Context) error {
	from := len(k.m.Jobs)
	text := k.text()
	k.provider.refuse(pageCode(text, 1))
	if _, err := k.start(ctx, roleReader, text, client.RunParams{}); err != nil {
		return err
	}
	if err := k.finish(ctx, from, steward.StatusFailure); err != nil {
		return err
	}
	from, text = len(k.m.Jobs), k.text()
	k.provider.hold(pageCode(text, 1))
	j, err := k.start(ctx, roleReader, text, client.RunParams{})
	if err != nil {
		return err
	}
	id := j.ID
	if err := until(ctx, "the model is asked", func() (bool, error) { return k.provider.count(pageCode(text, 1)) > 0, nil }); err != nil {
		return err
	}
	if err := k.c.CancelJob(ctx, id); err != nil {
		return err
	}
	return k.finish(ctx, from, steward.StatusCancelled)
}

// ofAVersion runs a job on a version that is not the current one.
func (k *maker) ofAVersion(ctx context.Context) error {
	from := len(k.m.Jobs)
	oldest := k.oldest()
	if _, err := k.start(ctx, roleReader, k.text(), client.RunParams{VersionID: oldest}); err != nil {
		return err
	}
	return k.finish(ctx, from, steward.StatusSuccess)
}

// oldest is the first version of the reader.
func (k *maker) oldest() steward.VersionID {
	var id steward.VersionID
	for _, v := range k.m.Versions {
		if v.Agent == roleReader { // newest first
			id = v.ID
		}
	}
	return id
}

// cached asks again what was answered.
func (k *maker) cached(ctx context.Context) error {
	from, text := len(k.m.Jobs), k.text()
	for range 2 {
		id, err := k.c.Run(ctx, k.m.Agents[roleReader], client.RunParams{Inputs: inputs(roleReader, text)})
		if err != nil {
			return err
		}
		k.m.Jobs = append(k.m.Jobs, ToldJob{ID: id, Agent: roleReader, Text: text})
		if err := k.finish(ctx, from, steward.StatusSuccess, steward.StatusCached); err != nil {
			return err
		}
	}
	if k.m.Jobs[from+1].Status != steward.StatusCached {
		k.m.Lacks = append(k.m.Lacks, "cache")
	}
	return nil
}

// many starts jobs with one call.
func (k *maker) many(ctx context.Context) error {
	var texts []string
	var items []client.Inputs
	for range 3 {
		texts = append(texts, k.text())
		items = append(items, inputs(roleReader, texts[len(texts)-1]))
	}
	ids, err := k.c.RunMany(ctx, k.m.Agents[roleReader], items, client.RunManyParams{})
	if ok, err := k.offered("many", err); !ok {
		return err
	}
	from := len(k.m.Jobs)
	for i, id := range ids {
		k.m.Jobs = append(k.m.Jobs, ToldJob{ID: id, Agent: roleReader, Text: texts[i]})
	}
	return k.finish(ctx, from, steward.StatusSuccess)
}

// batches runs a batch to its end.
func (k *maker) batches(ctx context.Context) error {
	from := len(k.m.Jobs)
	ok, err := k.batch(ctx, true, 4, nil)
	if !ok || err != nil {
		return err
	}
	if err := k.finish(ctx, from, steward.StatusSuccess); err != nil {
		return err
	}
	id := k.m.Batches[0].ID
	return until(ctx, "the batch is completed", func() (bool, error) {
		b, err := k.c.Batch(ctx, id)
		return err == nil && b.CompletedAt != nil, err
	})
}

// batch makes a batch of items; before is told of their texts.
func (k *maker) batch(ctx context.Context, closed bool, n int, before func(text string)) (ok bool, err error) {
	name := fmt.Sprintf("batch %d", len(k.m.Batches))
	b, err := k.c.CreateBatch(ctx, k.m.Agents[roleItems], client.BatchCreate{Name: name, IdempotencyKey: name})
	if ok, err := k.offered("batches", err); !ok {
		return false, err
	}
	var texts []string
	var items []client.Inputs
	for range n {
		text := k.text()
		if before != nil {
			before(text)
		}
		texts = append(texts, text)
		items = append(items, inputs(roleItems, text))
	}
	sent, err := k.c.SendBatchItems(ctx, b.ID, 0, items, nil)
	if err != nil {
		return false, err
	}
	for i, id := range sent.JobIDs {
		k.m.Jobs = append(k.m.Jobs, ToldJob{ID: id, Agent: roleItems, Text: texts[i], Want: answerTo(roleItems, texts[i])})
	}
	k.m.Batches = append(k.m.Batches, ToldBatch{ID: b.ID, Jobs: sent.JobIDs, Closed: closed})
	if closed {
		_, err = k.c.CloseBatch(ctx, b.ID)
	}
	return err == nil, err
}

// files stores a file, which two jobs read.
func (k *maker) files(ctx context.Context) error {
	text := k.text()
	f, err := k.c.UploadFile(ctx, client.FileBytes("kept.pdf", pdfOf(text)), nil)
	if ok, err := k.offered("files", err); !ok {
		return err
	}
	k.m.Files = append(k.m.Files, ToldFile{ID: string(f.ID), Name: f.Name, SHA256: f.SHA256})
	from := len(k.m.Jobs)
	for i := range 2 {
		id, err := k.c.Run(ctx, k.m.Agents[roleLocal], client.RunParams{Inputs: client.Inputs{"pdf_files": client.File{ID: f.ID}}, SkipCache: i > 0})
		if err != nil {
			return err
		}
		k.m.Jobs = append(k.m.Jobs, ToldJob{ID: id, Agent: roleLocal, Text: text})
	}
	return k.finish(ctx, from, steward.StatusSuccess)
}

// deleted deletes the data of a job, and an agent.
func (k *maker) deleted(ctx context.Context) error {
	from := len(k.m.Jobs)
	j, err := k.start(ctx, roleLocal, k.text(), client.RunParams{})
	if err != nil {
		return err
	}
	id := j.ID
	if err := k.finish(ctx, from, steward.StatusSuccess); err != nil {
		return err
	}
	_, err = k.c.DeleteJobData(ctx, id)
	if ok, err := k.offered("data deletion", err); err != nil {
		return err
	} else if ok {
		k.m.Jobs[from].Deleted = true
	}
	_, err = k.offered("agent deletion", k.c.DeleteAgent(ctx, k.m.Agents[roleGone]))
	return err
}

// owed has a second webhook's receiver be away while jobs end, and then all of them.
func (k *maker) owed(ctx context.Context) error {
	if k.lacks("webhooks") {
		return nil
	}
	if err := k.hook(ctx, "owed", nowhere); err != nil {
		return err
	}
	from := len(k.m.Jobs)
	for range 3 {
		if _, err := k.start(ctx, roleReader, k.text(), client.RunParams{}); err != nil {
			return err
		}
	}
	if err := k.finish(ctx, from, steward.StatusSuccess); err != nil {
		return err
	}
	taken, owed := &k.m.Webhooks[0], &k.m.Webhooks[1]
	for _, j := range k.m.Jobs[from:] {
		owed.Owed = append(owed.Owed, j.ID)
	}
	due := 0
	for _, j := range k.m.Jobs {
		if (j.Agent == roleReader || j.Agent == roleItems) && j.Status != steward.StatusCached {
			due++
		}
	}
	if err := until(ctx, "all events came", func() (bool, error) {
		taken.Delivered = k.receiver.events(hookPath(taken.ID))
		return len(taken.Delivered) >= due+len(k.m.Batches), nil
	}); err != nil {
		return fmt.Errorf("%d events of %d: %w", len(taken.Delivered), due+len(k.m.Batches), err)
	}
	// An event that came is recorded as delivered a moment later.
	if err := until(ctx, "deliveries are recorded", func() (bool, error) {
		page, err := k.c.ListDeliveries(ctx, taken.ID, client.DeliveryList{Status: steward.DeliveryPending, PageSize: 1})
		return err == nil && page.Count == 0, err
	}); err != nil {
		return err
	}
	url := nowhere + hookPath(taken.ID)
	_, err := k.c.UpdateWebhook(ctx, taken.ID, client.WebhookUpdate{URL: &url})
	return err
}

// open leaves jobs running and queued.
func (k *maker) open(ctx context.Context) error {
	from := len(k.m.Jobs)
	for i := range workers {
		role, text := rolePages, k.text()
		last := pageCode(text, pages)
		k.provider.hold(last, pageCode(text, pages-1))
		if i == workers-1 {
			role, last = roleReader, pageCode(text, 1)
			k.provider.hold(last)
		}
		if _, err := k.start(ctx, role, text, client.RunParams{}); err != nil {
			return err
		}
		if err := until(ctx, "the model is asked what it does not answer", func() (bool, error) { return k.provider.count(last) > 0, nil }); err != nil {
			return err
		}
	}
	for range 4 {
		if _, err := k.start(ctx, roleReader, k.text(), client.RunParams{}); err != nil {
			return err
		}
	}
	if _, err := k.start(ctx, roleReader, k.text(), client.RunParams{VersionID: k.oldest()}); err != nil {
		return err
	}
	if _, err := k.start(ctx, rolePages, k.text(), client.RunParams{}); err != nil {
		return err
	}
	if !k.lacks("batches") {
		for _, closed := range []bool{true, false} {
			if _, err := k.batch(ctx, closed, 3, nil); err != nil {
				return err
			}
		}
	}
	return k.standing(ctx, from)
}

// standing writes down where the open jobs stand, once all their steps are recorded that are answered.
func (k *maker) standing(ctx context.Context, from int) error {
	for i := from; i < len(k.m.Jobs); i++ {
		j := &k.m.Jobs[i]
		j.Want = answerTo(j.Agent, j.Text)
		if err := until(ctx, "the answered steps are recorded", func() (bool, error) {
			st, err := k.c.JobStatus(ctx, j.ID)
			if err != nil {
				return false, err
			}
			if j.Status = st.Status; st.Status.Terminal() {
				return false, fmt.Errorf("job %s, which is to stay open, is %v", j.ID, st.Status)
			}
			j.Steps, err = stepsOf(ctx, k.c, j.ID)
			asked := 0
			for _, s := range j.Steps {
				if strings.HasSuffix(s.Name, ".extract") {
					asked++
				}
			}
			return i-from >= workers || j.Agent == roleReader || asked == pages-2, err
		}); err != nil {
			return err
		}
	}
	return nil
}

// killAndKeep kills the server and keeps what is left.
func (k *maker) killAndKeep(ctx context.Context) (err error) {
	db, err := lasting(ctx, k.p.Database, k.server.folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.QueryRowContext(ctx, schemaSQL).Scan(&k.m.Schema); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if err := k.server.kill(); err != nil {
		return err
	}
	if k.p.Database != "" {
		if err := dump(ctx, k.p.PGDump, k.p.Database, filepath.Join(k.p.Into, dumpName)); err != nil {
			return err
		}
	}
	return pack(k.server.folder, filepath.Join(k.p.Into, folderName))
}
