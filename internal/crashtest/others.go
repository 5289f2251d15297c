package crashtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/crashtest/effects"
	"github.com/stewardhq/steward/internal/crashtest/scripted"
)

// providerKey and its name after it are what an installation asks the provider with.
const providerKey = "sk-crash-"

// provider is the scripted one, and tells the log who asked.
type provider struct{ log *effects.Log }

// ServeHTTP implements http.Handler.
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // the one who asked was killed
	}
	code, ok := scripted.Code(w, body)
	if !ok {
		return
	}
	installation := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "+providerKey)
	if _, err := p.log.Append(effects.Effect{Kind: effects.Model, Key: code, Note: installation}); err != nil {
		scripted.Refuse(w, http.StatusInternalServerError, "log")
		return
	}
	scripted.Answer(w, body, code)
}

// receiver takes the events of webhooks, and tells the log.
type receiver struct {
	log *effects.Log

	mu      sync.Mutex
	secrets []string // none: what comes is not taken
	refused []string
}

// ServeHTTP implements http.Handler.
func (c *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		return // the sender was killed
	}
	c.mu.Lock()
	secrets := c.secrets
	c.mu.Unlock()
	event, err := client.ParseWebhook(secrets, r.Header, body, time.Now(), 0)
	if err == nil {
		e := effects.Effect{Kind: effects.Hook, Key: string(event.ID)}
		switch {
		case event.Job != nil:
			e.Job, e.Note = event.Job.ID, event.Job.StatusCode.String()
		case event.Batch != nil:
			e.Batch = event.Batch.ID
		}
		_, err = c.log.Append(e)
	}
	if err != nil {
		c.mu.Lock()
		c.refused = append(c.refused, err.Error())
		c.mu.Unlock()
		http.Error(w, "refused", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// rawClient speaks to the server without the SDK.
type rawClient struct {
	base, key string
	http      *http.Client
}

// run starts a job.
func (c *rawClient) run(ctx context.Context, agent steward.AgentID, text, key string) (id steward.JobID, err error) {
	body, err := json.Marshal(object{"text": text})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/v1/agents/run/"+url.PathEscape(string(agent))+"/async/", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	resp, err := c.http.Do(req)
	if err != nil {
		return "", &steward.Error{Code: steward.Unavailable, Message: "no answer", Err: err}
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", &steward.Error{Code: steward.Unavailable, Message: "half an answer", Err: err}
	}
	if resp.StatusCode == http.StatusServiceUnavailable {
		return "", &steward.Error{Code: steward.Unavailable, Message: string(answer)}
	}
	if resp.StatusCode/100 != 2 {
		return "", fmt.Errorf("raw run: %s: %s", resp.Status, answer)
	}
	return id, json.Unmarshal(answer, &id)
}
