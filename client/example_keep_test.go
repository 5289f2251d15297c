package client_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// A new version takes over what it does not say, and is the current one from then on.
func ExampleClient_CreateVersion() {
	c, agent, stop := begin()
	defer stop()
	ctx := context.Background()

	version, err := c.CreateVersion(ctx, agent.ID, client.VersionCreate{
		VersionName: "with the currency",
		EngineConfig: map[string]any{"text": "${text}", "output_schema": map[string]any{"type": "object", "properties": map[string]any{
			"total": map[string]any{"type": "number"}, "currency": map[string]any{"type": "string"},
		}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(version.VersionName, len(version.InputDefinitions))
	versions, err := c.ListVersions(ctx, agent.ID)
	fmt.Println(len(versions), versions[0].ID == version.ID, err)
	// Output:
	// with the currency 1
	// 2 true <nil>
}

// What is not named stays as it is.
func ExampleClient_UpdateAgent() {
	c, agent, stop := begin()
	defer stop()

	name, fresh := "totals of invoices", true
	changed, err := c.UpdateAgent(context.Background(), agent.ID, client.AgentUpdate{Name: &name, DisableCache: &fresh})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(changed.Name, changed.DisableCache, changed.CacheFailedJobs)
	// Output: totals of invoices true false
}

// Tags sort agents.
func ExampleClient_SetAgentTags() {
	c, agent, stop := begin()
	defer stop()
	ctx := context.Background()

	tag, err := c.CreateTag(ctx, client.TagCreate{Name: "finance", Color: "green"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.SetAgentTags(ctx, agent.ID, tag.ID); err != nil {
		fmt.Println(err)
		return
	}
	for agent, err := range c.Agents(ctx, client.AgentList{Tags: []steward.TagID{tag.ID}}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(agent.Name, agent.Tags[0].Name)
	}
	// Output: totals finance
}

// A file that many runs read is uploaded once.
func ExampleClient_UploadFile() {
	c, stop := local()
	defer stop()
	ctx := context.Background()

	file, err := c.UploadFile(ctx, client.FileReader("terms.txt", strings.NewReader("Payment within 30 days.")), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(file.Name, file.SizeBytes)
	if _, err := c.DownloadFile(ctx, file.ID, os.Stdout, &client.DownloadOptions{Offset: 15, Length: 7}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// terms.txt 23
	// 30 days
}

// Discovery tells what agents can be made of.
func ExampleClient_EngineTypes() {
	c, stop := local()
	defer stop()
	ctx := context.Background()

	engines, err := c.EngineTypes(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range engines {
		if e.ClassID == "PDFExtractionEngine" {
			fmt.Println(e.ClassID, len(e.InputSchema) > 0)
		}
	}
	models, err := c.Models(ctx, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range models {
		if m.Default {
			fmt.Println(m.ID)
		}
	}
	// Output:
	// PDFExtractionEngine true
	// builtin
}

// Me tells whose key the client has.
func ExampleClient_Me() {
	c, stop := local()
	defer stop()

	me, err := c.Me(context.Background())
	fmt.Println(me.ID, err)
	// Output: 1 <nil>
}

// A webhook hears of the agents that it is linked to.
func ExampleClient_CreateWebhook() {
	c, agent, stop := begin()
	defer stop()
	ctx := context.Background()

	hook, err := c.CreateWebhook(ctx, client.WebhookCreate{Name: "verdicts", URL: "https://hooks.example.com/steward", Events: steward.EventTypes()})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.LinkWebhook(ctx, hook.ID, agent.ID); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hook.IsActive, strings.HasPrefix(hook.Secret, "whsec_")) // the secret is shown now and never again
	// Output: true true
}

// The receiver's side: the handler calls the function with events that are verified.
func ExampleWebhookHandler() {
	secrets := []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} // os.Getenv("STEWARD_WEBHOOK_SECRET")
	handler, err := client.WebhookHandler(secrets, func(_ context.Context, e *steward.Event) error {
		if e.Type == steward.EventJobCompleted {
			fmt.Println(e.Job.ID, e.Job.Status)
		}
		return nil // an error has the event sent again
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("POST /steward", handler)
	// Output:
}

// Options of single calls.
func ExampleClient_With() {
	c, agent, stop := begin()
	defer stop()

	quick := c.With(client.CallOptions{RequestID: "case-4711", MaxRetries: -1})
	same, err := quick.Agent(context.Background(), agent.ID)
	fmt.Println(same.Name, err)
	// Output: totals <nil>
}
