package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func newWebhooks(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use: "webhooks", Short: "Tell other programs when jobs and batches have ended",
		Long: "Tell other programs when jobs and batches have ended. A webhook is told of the agents that it is linked to. WEBHOOK is an id or a name.",
	}
	cmd.AddCommand(newWebhooksList(g), newWebhooksCreate(g), newWebhooksUpdate(g), newWebhooksDeliveries(g), newWebhooksReplay(g),
		newWebhooksLink(g), newWebhooksUnlink(g), newWebhooksTest(g), newWebhooksResend(g),
		webhookCommand(g, "get", "Show a webhook, as JSON", (*global).webhooksGet),
		webhookCommand(g, "rotate-secret", "Give a webhook a new secret, and print it, once", (*global).webhooksRotate),
		without(webhookCommand(g, "delete", "Delete a webhook with what it still had to be told", (*global).webhooksDelete), "json"))
	return asGroup(cmd)
}

// webhookCommand is a command about one webhook.
func webhookCommand(g *global, verb, short string, run func(*global, context.Context, *client.Client, steward.WebhookID) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: verb + " WEBHOOK", Short: short, Args: exactly("WEBHOOK"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := g.webhook(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return run(g, cmd.Context(), c, id)
		},
	}
	g.completeArgs(cmd, (*completer).webhooks)
	return cmd
}

// webhook returns the SDK and the webhook that an argument names.
func (g *global) webhook(ctx context.Context, s string) (*client.Client, steward.WebhookID, error) {
	c, err := g.client()
	if err != nil {
		return nil, "", err
	}
	id, err := findWebhook(ctx, c, s)
	return c, id, err
}

// findWebhook returns the webhook that an id, or a name that only one has, stands for.
func findWebhook(ctx context.Context, c *client.Client, s string) (steward.WebhookID, error) {
	if id, err := steward.ParseID[steward.WebhookID]("webhook", s); err == nil {
		return id, nil
	}
	var found []steward.WebhookID
	for w, err := range c.Webhooks(ctx, client.WebhookList{PageSize: largestPage}) {
		if err != nil {
			return "", err
		}
		if w.Name == s {
			found = append(found, w.ID)
		}
	}
	switch len(found) {
	case 0:
		return "", unknown("webhook", s, "steward webhooks list")
	case 1:
		return found[0], nil
	}
	return "", usagef("%d webhooks are called %q; name one by its id: steward webhooks list", len(found), s)
}

func newWebhooksList(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List webhooks", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := g.client()
			if err != nil {
				return err
			}
			list, err := collect(c.Webhooks(cmd.Context(), client.WebhookList{PageSize: largestPage}), 0)
			if err != nil {
				return err
			}
			if g.json {
				return g.printJSON(list)
			}
			return table(g.out, "ID\tNAME\tURL\tEVENTS\tAGENTS\tACTIVE\tFAILURES", func(row func(...any)) {
				for _, w := range list {
					row(w.ID, w.Name, cut(w.URL, 60), joined(w.Events), len(w.AgentIDs), mark(w.IsActive), w.FailureCount)
				}
			})
		},
	}
}

func joined[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = string(s)
	}
	return strings.Join(texts, ",")
}

func (g *global) webhooksGet(ctx context.Context, c *client.Client, id steward.WebhookID) error {
	w, err := c.Webhook(ctx, id)
	if err != nil {
		return err
	}
	return g.printJSON(w)
}

// webhookFlags are the flags of what can be set about a webhook.
type webhookFlags struct {
	name, url                           string
	headers, events                     []string
	active, includeInputs, notifyCached bool
}

func (o *webhookFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "Name, for people")
	f.StringVar(&o.url, "url", "", "Where events are sent")
	f.StringArrayVar(&o.headers, "header", nil, "Header to send along, as name=value, repeatable")
	f.StringSliceVar(&o.events, "event", nil, "What it is told of, repeatable: job_completed, batch_completed")
	f.BoolVar(&o.active, "active", true, "Whether anything is sent")
	f.BoolVar(&o.includeInputs, "include-inputs", false, "Tell the inputs of jobs as well")
	f.BoolVar(&o.notifyCached, "notify-cached", false, "Tell of jobs that were answered from the cache as well")
	completeFixed(cmd, "event", joinedEvents()...)
}

func joinedEvents() []string {
	return strings.Split(joined(steward.EventTypes()), ",")
}

func (o *webhookFlags) eventTypes() []steward.EventType {
	var list []steward.EventType
	for _, e := range o.events {
		list = append(list, steward.EventType(e))
	}
	return list
}

func newWebhooksCreate(g *global) *cobra.Command {
	var o webhookFlags
	var secret string
	var agents []string
	cmd := &cobra.Command{
		Use: "create --name NAME --url URL", Short: "Create a webhook, and print its secret, once", Args: exactly(),
		Long: `Create a webhook, and print its secret, once: it cannot be shown again. Receivers check with it that events come from this server.

The webhook is told of the agents that --agent names, or that it is linked to later: steward webhooks link WEBHOOK AGENT...`,
		Example: `steward webhooks create --name erp --url https://erp.example.com/steward --agent invoices
steward webhooks create --name nightly --url https://example.com/hook \
  --event batch_completed --header 'Authorization=Bearer …' --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := o.create(cmd, secret)
			if err != nil {
				return err
			}
			return runWebhooksCreate(cmd.Context(), g, p, agents)
		},
	}
	o.add(cmd)
	cmd.Flags().StringVar(&secret, "secret", "", "Secret of your own, or @file (default: the server makes one)")
	cmd.Flags().StringSliceVar(&agents, "agent", nil, "Agent to be told of, by name or id, repeatable")
	g.completeFlag(cmd, "agent", (*completer).agents)
	return cmd
}

// create makes the call of the flags.
func (o *webhookFlags) create(cmd *cobra.Command, secret string) (p client.WebhookCreate, err error) {
	if o.name == "" || o.url == "" {
		return p, usagef("--name and --url are needed")
	}
	p = client.WebhookCreate{
		Name: o.name, URL: o.url, Events: o.eventTypes(), IsActive: optional(cmd, "active", o.active), IncludeInputs: o.includeInputs, NotifyCached: o.notifyCached,
	}
	if p.Headers, err = pairsFlag("header", o.headers); err != nil || secret == "" {
		return p, err
	}
	text, err := textOrFile("secret", secret)
	p.Secret = strings.TrimSpace(string(text))
	return p, err
}

func runWebhooksCreate(ctx context.Context, g *global, p client.WebhookCreate, agents []string) error {
	c, err := g.client()
	if err != nil {
		return err
	}
	ids, err := findAgents(ctx, c, agents) // before anything is made
	if err != nil {
		return err
	}
	w, err := c.CreateWebhook(ctx, p)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		if _, err := c.LinkWebhook(ctx, w.ID, ids...); err != nil {
			return fmt.Errorf("webhook %s is there, but not linked: %w", w.ID, err)
		}
		w.AgentIDs = ids
	}
	if g.json {
		return g.printJSON(w)
	}
	if err := g.notef("Webhook %s. Keep its secret now: it is not shown again.", w.ID); err != nil {
		return err
	}
	if err := g.printf("%s\n", w.Secret); err != nil || len(ids) > 0 {
		return err
	}
	return g.notef("It is told of nothing yet: steward webhooks link %s AGENT...", w.ID)
}

func findAgents(ctx context.Context, c *client.Client, names []string) ([]steward.AgentID, error) {
	var ids []steward.AgentID
	for _, name := range names {
		id, err := findAgent(ctx, c, name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func newWebhooksUpdate(g *global) *cobra.Command {
	var o webhookFlags
	cmd := &cobra.Command{
		Use: "update WEBHOOK", Short: "Change a webhook", Args: exactly("WEBHOOK"),
		Long: "Change a webhook; what is not given stays as it is. --header and --event replace all of theirs (--header '' takes all off). --active takes back a deactivation by the server as well.",
		RunE: func(cmd *cobra.Command, args []string) error { return runWebhooksUpdate(cmd, g, args[0], &o) },
	}
	o.add(cmd)
	g.completeArgs(cmd, (*completer).webhooks)
	return cmd
}

func runWebhooksUpdate(cmd *cobra.Command, g *global, webhook string, o *webhookFlags) error {
	headers := map[string]string{}
	if given := slices.DeleteFunc(slices.Clone(o.headers), func(s string) bool { return s == "" }); len(given) > 0 {
		var err error
		if headers, err = pairsFlag("header", given); err != nil {
			return err
		}
	}
	u := client.WebhookUpdate{
		Name: optional(cmd, "name", o.name), URL: optional(cmd, "url", o.url), Headers: optional(cmd, "header", headers),
		Events: optional(cmd, "event", o.eventTypes()), IsActive: optional(cmd, "active", o.active),
		IncludeInputs: optional(cmd, "include-inputs", o.includeInputs), NotifyCached: optional(cmd, "notify-cached", o.notifyCached),
	}
	if u == (client.WebhookUpdate{}) {
		return usagef("nothing to change: give --name, --url, --header, --event, --active, --include-inputs or --notify-cached")
	}
	c, id, err := g.webhook(cmd.Context(), webhook)
	if err != nil {
		return err
	}
	w, err := c.UpdateWebhook(cmd.Context(), id, u)
	if err != nil {
		return err
	}
	if g.json {
		return g.printJSON(w)
	}
	return g.notef("Webhook %s (%s) is changed.", quoted(w.Name), w.ID)
}

func (g *global) webhooksDelete(ctx context.Context, c *client.Client, id steward.WebhookID) error {
	if err := c.DeleteWebhook(ctx, id); err != nil {
		return err
	}
	return g.notef("Webhook %s is deleted.", id)
}

func (g *global) webhooksRotate(ctx context.Context, c *client.Client, id steward.WebhookID) error {
	w, err := c.RotateWebhookSecret(ctx, id)
	if err != nil {
		return err
	}
	if g.json {
		return g.printJSON(w)
	}
	if err := g.notef("Keep the new secret now: it is not shown again. Events are signed with the old one as well for 24 hours."); err != nil {
		return err
	}
	return g.printf("%s\n", w.Secret)
}

func newWebhooksLink(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use: "link WEBHOOK AGENT...", Short: "Tell a webhook of agents",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return exactly("WEBHOOK", "AGENT")(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := g.webhook(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			ids, err := findAgents(cmd.Context(), c, args[1:])
			if err != nil {
				return err
			}
			if _, err := c.LinkWebhook(cmd.Context(), id, ids...); err != nil {
				return err
			}
			return g.notef("Webhook %s is told of %s more.", id, many(int64(len(ids)), "agent"))
		},
	}
	g.completeArgs(cmd, (*completer).webhooks, (*completer).agents, (*completer).agents, (*completer).agents)
	return without(cmd, "json")
}

func newWebhooksUnlink(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use: "unlink WEBHOOK AGENT", Short: "Tell a webhook no more of an agent", Args: exactly("WEBHOOK", "AGENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, agent, err := g.webhookAndAgent(cmd.Context(), args)
			if err != nil {
				return err
			}
			if err := c.UnlinkWebhook(cmd.Context(), id, agent); err != nil {
				return err
			}
			return g.notef("Webhook %s is told no more of agent %s.", id, agent)
		},
	}
	g.completeArgs(cmd, (*completer).webhooks, (*completer).agents)
	return without(cmd, "json")
}

func (g *global) webhookAndAgent(ctx context.Context, args []string) (*client.Client, steward.WebhookID, steward.AgentID, error) {
	c, id, err := g.webhook(ctx, args[0])
	if err != nil {
		return nil, "", "", err
	}
	agent, err := findAgent(ctx, c, args[1])
	return c, id, agent, err
}

func newWebhooksTest(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use: "test WEBHOOK AGENT", Short: "Send a webhook a sample of an agent's events", Args: exactly("WEBHOOK", "AGENT"),
		Long: "Send a webhook a sample of an agent's events, and say how that went. The exit code is 3 when the receiver did not take it.",
		RunE: func(cmd *cobra.Command, args []string) error { return runWebhooksTest(cmd.Context(), g, args) },
	}
	g.completeArgs(cmd, (*completer).webhooks, (*completer).agents)
	return cmd
}

func runWebhooksTest(ctx context.Context, g *global, args []string) error {
	c, id, agent, err := g.webhookAndAgent(ctx, args)
	if err != nil {
		return err
	}
	report, err := c.TestWebhook(ctx, agent, id)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("The receiver took it, in %d ms.", report.DurationMS)
	if !report.Success {
		text = "The receiver did not take it: " + shown(report.Error, "%s")
		if report.ResponseBody != "" {
			text += ": " + cut(plain(report.ResponseBody), 200)
		}
	}
	if g.json {
		err = g.printJSON(report)
	} else {
		err = g.notef("%s", text)
	}
	if err == nil && !report.Success {
		return errJobFailed
	}
	return err
}

func newWebhooksResend(g *global) *cobra.Command {
	var webhook string
	cmd := jobCommand(g, "resend JOB", "Tell the webhooks of its agent again that a job has ended", func(g *global, ctx context.Context, c *client.Client, id steward.JobID) error {
		var only steward.WebhookID
		if webhook != "" {
			var err error
			if only, err = findWebhook(ctx, c, webhook); err != nil {
				return err
			}
		}
		r, err := c.ResendWebhook(ctx, id, only)
		if err != nil {
			return err
		}
		if g.json {
			return g.printJSON(r)
		}
		return g.notef("Told again: %s.", many(r.Queued, "webhook"))
	})
	cmd.Flags().StringVar(&webhook, "webhook", "", "Only this one, by name or id (default: all active ones of the agent)")
	g.completeFlag(cmd, "webhook", (*completer).webhooks)
	return cmd
}

func newWebhooksDeliveries(g *global) *cobra.Command {
	var status string
	var limit int
	cmd := webhookCommand(g, "deliveries", "List what a webhook was told, newest first", func(g *global, ctx context.Context, c *client.Client, id steward.WebhookID) error {
		if status != "" && !slices.Contains(steward.DeliveryStatuses(), steward.DeliveryStatus(status)) {
			return usagef("--status: %q is none of %s", status, joined(steward.DeliveryStatuses()))
		}
		p := client.DeliveryList{PageSize: pageSize(limit), Status: steward.DeliveryStatus(status)}
		list, err := collect(c.Deliveries(ctx, id, p), limit)
		if err != nil {
			return err
		}
		if g.json {
			return g.printJSON(list)
		}
		return table(g.out, "DELIVERY\tEVENT\tJOB OR BATCH\tSTATUS\tATTEMPTS\tANSWER\tCREATED\tERROR", func(row func(...any)) {
			for _, d := range list {
				about := shown(d.JobID, "%s") + shown(d.BatchID, "%s")
				row(d.ID, d.Type, about, d.Status, d.Attempts, shown(d.ResponseStatus, "%d"), second(d.CreatedAt), cut(shown(d.Error, "%s"), 60))
			}
		})
	})
	cmd.Flags().StringVar(&status, "status", "", "Only these: "+joined(steward.DeliveryStatuses()))
	limitFlag(cmd.Flags(), &limit, 50)
	completeFixed(cmd, "status", strings.Split(joined(steward.DeliveryStatuses()), ",")...)
	return cmd
}

func newWebhooksReplay(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use: "replay WEBHOOK DELIVERY", Short: "Tell a webhook again what it was told", Args: exactly("WEBHOOK", "DELIVERY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			delivery, err := parseID[steward.DeliveryID]("DELIVERY", args[1])
			if err != nil {
				return err
			}
			c, id, err := g.webhook(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			d, err := c.ReplayDelivery(cmd.Context(), id, delivery)
			if err != nil {
				return err
			}
			if g.json {
				return g.printJSON(d)
			}
			return g.notef("Delivery %s is %s again. See: steward webhooks deliveries %s", d.ID, d.Status, id)
		},
	}
	g.completeArgs(cmd, (*completer).webhooks, (*completer).deliveries)
	return cmd
}
