package crashtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/crashtest/poll"
	"github.com/stewardhq/steward/internal/engine/enginetest"
)

// settings is a client that makes, changes and deletes what others only use: agents, versions, tags, webhooks, keys, kept files. It
// does one thing after the other, again after a kill, and keeps what it was told. Its agents, and with them their jobs, are deleted in the end.
type settings struct {
	client *client.Client
	hooks  *httptest.Server // of its own: what comes there is not judged
	chores []chore
	next   int
	unsure bool // the next chore may have been done: nobody was told
	n      int  // of chores: the same for the tries of one
	facts  map[string]func(ctx context.Context) error
	faults []string

	// What the chores are about.
	tag           steward.TagID
	agent, failer steward.AgentID
	version       steward.VersionID
	hook          steward.WebhookID
	job           steward.JobID
	batch         steward.BatchID
	file          steward.FileID
	key           steward.KeyID
}

// chore is one thing that the client does.
type chore struct {
	name string
	do   func(ctx context.Context) error
	// fact is what is true afterwards, nil for nothing; about names what it is about, whose earlier facts it replaces.
	about string
	fact  func(ctx context.Context) error
}

func newSettings(c *client.Client) *settings {
	s := &settings{client: c, facts: map[string]func(ctx context.Context) error{}}
	s.hooks = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	s.chores = slices.Concat(s.made(), s.shared(), s.used(), s.batches(), s.dropped())
	return s
}

func (s *settings) close() { s.hooks.Close() }

// run does one chore after the other until ctx ends.
func (s *settings) run(ctx context.Context) {
	for ctx.Err() == nil {
		s.step(ctx)
	}
}

// step does the next chore. When nobody answers it is the next one again.
func (s *settings) step(ctx context.Context) {
	c := &s.chores[s.next]
	if !s.unsure {
		s.n++
	}
	delete(s.facts, c.about) // from here on it may be otherwise
	err := c.do(ctx)
	switch code := steward.CodeOf(err); {
	case err == nil, code == steward.NotFound && s.unsure:
	case ctx.Err() != nil, errors.Is(err, errNotYet), code == steward.Unavailable, code == steward.Timeout:
		s.unsure = s.unsure || !errors.Is(err, errNotYet)
		poll.Sleep(ctx, 2*time.Millisecond)
		return
	default:
		s.faults = append(s.faults, fmt.Sprintf("settings: %s: %v", c.name, err))
	}
	if c.fact != nil {
		s.facts[c.about] = c.fact
	}
	s.next, s.unsure = (s.next+1)%len(s.chores), false
}

// finish goes on to the end of a cycle, and looks whether everything is as it was told to be before that.
func (s *settings) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for about, fact := range s.facts {
		if err := fact(ctx); err != nil {
			s.faults = append(s.faults, fmt.Sprintf("settings: %s: %v", about, err))
		}
	}
	for s.next != 0 {
		if ctx.Err() != nil {
			return fmt.Errorf("settings: %s was not done within %v", s.chores[s.next].name, patience)
		}
		s.step(ctx)
	}
	return nil
}

// name returns a name that nothing else has, but what an earlier try of the same chore has made.
func (s *settings) name(kind string) string { return fmt.Sprintf("%s %d", kind, s.n) }

// keyed is the client with a key for a create, so that all tries of it make one thing. Names have to be unique: a second one would be refused.
func (s *settings) keyed() *client.Client {
	return s.client.With(client.CallOptions{IdempotencyKey: fmt.Sprint("chore ", s.n)})
}

// is compares what was read with what was told.
func is[T comparable](got T, err error, want T) error {
	if err == nil && got != want {
		err = fmt.Errorf("it is %v and was told to be %v", got, want)
	}
	return err
}

// gone wants NotFound.
func gone(err error) error {
	if steward.CodeOf(err) == steward.NotFound {
		return nil
	}
	return fmt.Errorf("it was deleted and answers: %w", errors.Join(err, errors.New("there it is")))
}

// made makes tags, agents and versions, and changes them.
func (s *settings) made() []chore {
	c := s.client
	var tagName, agentName, versionName string
	return []chore{
		{"create tag", func(ctx context.Context) error {
			t, err := s.keyed().CreateTag(ctx, client.TagCreate{Name: s.name("tag")})
			if err == nil {
				s.tag = t.ID
			}
			return err
		}, "tag", func(ctx context.Context) error { return s.tagIs(ctx, "") }},
		{name: "create tag of no color", do: func(ctx context.Context) error {
			_, err := s.keyed().CreateTag(ctx, client.TagCreate{Name: s.name("tag"), Color: "no color"})
			if steward.CodeOf(err) == steward.Invalid {
				return nil
			}
			return errors.Join(err, errors.New("it was taken"))
		}},
		{"update tag", func(ctx context.Context) error {
			tagName = s.name("tag")
			_, err := c.UpdateTag(ctx, s.tag, client.TagUpdate{Name: &tagName})
			return err
		}, "tag", func(ctx context.Context) error { return s.tagIs(ctx, tagName) }},
		{"create agent", func(ctx context.Context) error {
			a, err := s.keyed().CreateAgent(ctx, client.AgentCreate{Name: s.name("agent"), EngineClassID: enginetest.CrashClassID, EngineConfig: object{"steps": 1, "save": true}})
			if err == nil {
				s.agent = a.ID
			}
			return err
		}, "agent", func(ctx context.Context) error { _, err := c.Agent(ctx, s.agent); return err }},
		{"set tags", func(ctx context.Context) error { _, err := c.SetAgentTags(ctx, s.agent, s.tag); return err }, "agent", func(ctx context.Context) error {
			a, err := c.Agent(ctx, s.agent)
			if err != nil {
				return err
			}
			return is(len(a.Tags), nil, 1)
		}},
		{"update agent", func(ctx context.Context) error {
			agentName = s.name("agent")
			_, err := c.UpdateAgent(ctx, s.agent, client.AgentUpdate{Name: &agentName})
			return err
		}, "agent", func(ctx context.Context) error {
			a, err := c.Agent(ctx, s.agent)
			if err != nil {
				return err
			}
			return is(a.Name, nil, agentName)
		}},
		{"create version", func(ctx context.Context) error {
			v, err := s.keyed().CreateVersion(ctx, s.agent, client.VersionCreate{VersionName: "second", EngineConfig: object{"steps": 1, "save": true}})
			if err == nil {
				s.version = v.ID
			}
			return err
		}, "version", func(ctx context.Context) error { _, err := c.AgentVersion(ctx, s.agent, s.version); return err }},
		{name: "create current version", do: func(ctx context.Context) error {
			_, err := s.keyed().CreateVersion(ctx, s.agent, client.VersionCreate{VersionName: "third", EngineConfig: object{"steps": 1, "save": true}})
			return err
		}},
		{"update version", func(ctx context.Context) error {
			versionName = s.name("version")
			return c.UpdateVersion(ctx, s.agent, s.version, client.VersionUpdate{VersionName: &versionName})
		}, "version", func(ctx context.Context) error {
			v, err := c.AgentVersion(ctx, s.agent, s.version)
			if err != nil {
				return err
			}
			return is(v.VersionName, nil, versionName)
		}},
	}
}

// shared makes what agents need beside themselves.
func (s *settings) shared() []chore {
	c := s.client
	var hookName string
	return []chore{
		{"create webhook", func(ctx context.Context) error {
			h, err := s.keyed().CreateWebhook(ctx, client.WebhookCreate{Name: s.name("hook"), URL: s.hooks.URL})
			if err == nil {
				s.hook = h.ID
			}
			return err
		}, "webhook", func(ctx context.Context) error { _, err := c.Webhook(ctx, s.hook); return err }},
		{"update webhook", func(ctx context.Context) error {
			hookName = s.name("hook")
			_, err := c.UpdateWebhook(ctx, s.hook, client.WebhookUpdate{Name: &hookName})
			return err
		}, "webhook", func(ctx context.Context) error {
			h, err := c.Webhook(ctx, s.hook)
			if err != nil {
				return err
			}
			return is(h.Name, nil, hookName)
		}},
		{"link webhook", func(ctx context.Context) error { _, err := c.LinkWebhook(ctx, s.hook, s.agent); return err }, "link", func(ctx context.Context) error {
			h, err := c.Webhook(ctx, s.hook)
			if err != nil {
				return err
			}
			return is(len(h.AgentIDs), nil, 1)
		}},
		{"create key", func(ctx context.Context) error {
			k, err := c.CreateKey(ctx, client.KeyCreate{Name: s.name("key"), Scopes: []steward.Scope{steward.ScopeRead}})
			if err == nil {
				s.key = k.ID
			}
			return err
		}, "key", func(ctx context.Context) error { return s.keyIs(ctx, false) }},
		{"upload file", func(ctx context.Context) error {
			f, err := c.UploadFile(ctx, client.FileBytes("kept.txt", []byte(s.name("kept"))), nil)
			if err == nil {
				s.file = f.ID
			}
			return err
		}, "file", func(ctx context.Context) error { _, err := c.File(ctx, s.file); return err }},
	}
}

func (s *settings) tagIs(ctx context.Context, name string) error {
	tags, err := s.client.ListTags(ctx)
	if err != nil {
		return err
	}
	for i := range tags {
		if tags[i].ID == s.tag && (name == "" || tags[i].Name == name) {
			return nil
		}
	}
	return fmt.Errorf("there is none of the name %q", name)
}

func (s *settings) keyIs(ctx context.Context, revoked bool) error {
	keys, err := s.client.ListKeys(ctx)
	if err != nil {
		return err
	}
	for i := range keys {
		if keys[i].ID == s.key {
			return is(keys[i].RevokedAt != nil, nil, revoked)
		}
	}
	return errors.New("it is not there")
}

// used has a job run, and its end told again and again.
func (s *settings) used() []chore {
	c := s.client
	var jobKey string
	run := func(ctx context.Context) error {
		if jobKey == "" {
			jobKey = s.name("job")
		}
		// So long that it is kept as a file, which is dropped when the run is there already.
		id, err := c.Run(ctx, s.agent, client.RunParams{Inputs: client.Inputs{"text": strings.Repeat(jobKey+" ", 12_000)}, IdempotencyKey: jobKey})
		if err == nil {
			if s.job != "" && s.job != id {
				s.faults = append(s.faults, fmt.Sprintf("settings: the key of job %s answers job %s", s.job, id))
			}
			s.job = id
		}
		return err
	}
	return []chore{
		{name: "run", do: run},
		{name: "run again", do: run},
		{name: "wait", do: func(ctx context.Context) error {
			st, err := c.JobStatus(ctx, s.job)
			if err == nil && !st.Status.Terminal() {
				err = errNotYet
			}
			return err
		}},
		{name: "test webhook", do: func(ctx context.Context) error { _, err := c.TestWebhook(ctx, s.agent, s.hook); return err }},
		{name: "resend webhook", do: func(ctx context.Context) error { _, err := c.ResendWebhook(ctx, s.job, s.hook); return err }},
		{name: "replay delivery", do: func(ctx context.Context) error {
			page, err := c.ListDeliveries(ctx, s.hook, client.DeliveryList{PageSize: 1})
			if err != nil {
				return err
			}
			if len(page.Results) == 0 {
				return errNotYet
			}
			_, err = c.ReplayDelivery(ctx, s.hook, page.Results[0].ID)
			return err
		}},
		{name: "test model", do: func(ctx context.Context) error { _, err := c.TestModel(ctx, "builtin"); return err }},
		{name: "forget job", do: func(context.Context) error { jobKey, s.job = "", ""; return nil }},
	}
}

// batches has items of a batch fail, and be queued again.
func (s *settings) batches() []chore {
	c := s.client
	var key string
	items := []client.Inputs{{"text": "a"}, {"text": "b"}}
	ended := func(ctx context.Context) error {
		b, err := c.Batch(ctx, s.batch)
		if err == nil && b.Counts.Failure < int64(len(items)) {
			err = errNotYet
		}
		return err
	}
	return []chore{
		{"create failing agent", func(ctx context.Context) error {
			key = s.name("failing")
			a, err := s.keyed().CreateAgent(ctx, client.AgentCreate{Name: key, EngineClassID: enginetest.CrashClassID, EngineConfig: object{"steps": 1, "fail": true}})
			if err == nil {
				s.failer = a.ID
			}
			return err
		}, "failing agent", func(ctx context.Context) error { _, err := c.Agent(ctx, s.failer); return err }},
		{name: "create batch", do: func(ctx context.Context) error {
			b, err := c.CreateBatch(ctx, s.failer, client.BatchCreate{Name: key, IdempotencyKey: key})
			if err == nil {
				s.batch = b.ID
			}
			return err
		}},
		{name: "send items", do: func(ctx context.Context) error { _, err := c.SendBatchItems(ctx, s.batch, 0, items, nil); return err }},
		{name: "await failures", do: ended},
		{name: "resume batch", do: func(ctx context.Context) error { _, err := c.ResumeBatch(ctx, s.batch); return err }},
		{name: "await failures again", do: ended},
	}
}

// dropped deletes everything.
func (s *settings) dropped() []chore {
	c := s.client
	return []chore{
		{"unlink webhook", func(ctx context.Context) error { return c.UnlinkWebhook(ctx, s.hook, s.agent) }, "link", func(ctx context.Context) error {
			h, err := c.Webhook(ctx, s.hook)
			if steward.CodeOf(err) == steward.NotFound {
				return nil // it was deleted since
			}
			if err != nil {
				return err
			}
			return is(len(h.AgentIDs), nil, 0)
		}},
		{"rotate secret", func(ctx context.Context) error { _, err := c.RotateWebhookSecret(ctx, s.hook); return err }, "", nil},
		{"delete webhook", func(ctx context.Context) error { return c.DeleteWebhook(ctx, s.hook) }, "webhook",
			func(ctx context.Context) error { _, err := c.Webhook(ctx, s.hook); return gone(err) }},
		{"delete file", func(ctx context.Context) error { return c.DeleteFile(ctx, s.file) }, "file",
			func(ctx context.Context) error { _, err := c.File(ctx, s.file); return gone(err) }},
		{"revoke key", func(ctx context.Context) error { return c.RevokeKey(ctx, s.key) }, "key",
			func(ctx context.Context) error { return s.keyIs(ctx, true) }},
		{"delete version", func(ctx context.Context) error { return c.DeleteVersion(ctx, s.agent, s.version) }, "version",
			func(ctx context.Context) error { _, err := c.AgentVersion(ctx, s.agent, s.version); return gone(err) }},
		{"delete agent", func(ctx context.Context) error { return c.DeleteAgent(ctx, s.agent) }, "agent",
			func(ctx context.Context) error { _, err := c.Agent(ctx, s.agent); return gone(err) }},
		{"delete failing agent", func(ctx context.Context) error { return c.DeleteAgent(ctx, s.failer) }, "failing agent",
			func(ctx context.Context) error { _, err := c.Agent(ctx, s.failer); return gone(err) }},
		{"delete tag", func(ctx context.Context) error { return c.DeleteTag(ctx, s.tag) }, "tag", func(ctx context.Context) error {
			if s.tagIs(ctx, "") == nil {
				return errors.New("it was deleted and is there")
			}
			return nil
		}},
	}
}
