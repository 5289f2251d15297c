package client_test

import (
	"context"
	"testing"

	"github.com/stewardhq/steward/client"
)

func TestAllTriesOfACreateCarryOneKeyAndOtherCreatesAnother(t *testing.T) {
	t.Parallel()
	creates := map[string]func(ctx context.Context, c *client.Client) error{
		"agent": create,
		"version": func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateVersion(ctx, someID, client.VersionCreate{})
			return err
		},
		"tag": func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateTag(ctx, client.TagCreate{Name: "a"})
			return err
		},
		"webhook": func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateWebhook(ctx, client.WebhookCreate{})
			return err
		},
	}
	for name, create := range creates {
		s := newScript(status(500, ""), status(503, ""), status(201, "{}"))
		c := newTo(t, s, client.Options{RetryWait: 1, MaxRetryWait: 1})
		for range 2 { // the last answer is that of all that follow
			if err := create(t.Context(), c); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		var keys []string
		for _, r := range s.all() {
			keys = append(keys, r.header.Get("Idempotency-Key"))
		}
		if len(keys) != 4 || keys[0] == "" || keys[1] != keys[0] || keys[2] != keys[0] || keys[3] == keys[0] || keys[3] == "" {
			t.Errorf("%s: keys %q", name, keys)
		}
	}
}
