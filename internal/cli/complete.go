package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// completer proposes what an argument can be, as a server knows it. Nobody waits long for a proposal and nobody reads an error
// between two keys, so a server that is slow, away or unwilling proposes nothing.
type completer struct {
	c    *client.Client
	args []string // the arguments before
	part string   // what is typed already
}

// proposals are a completer's words, each with a description behind a tab where there is one.
type proposals func(k *completer, ctx context.Context) ([]string, error)

const (
	completionTime = 2 * time.Second
	mostProposals  = 50
)

// completeArgs proposes arguments, one function for each.
func (g *global) completeArgs(cmd *cobra.Command, each ...proposals) {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, part string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(each) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return g.propose(cmd.Context(), each[len(args)], args, part)
	}
}

// completeFlag proposes values of a flag.
func (g *global) completeFlag(cmd *cobra.Command, flag string, fn proposals) {
	flagWords(cmd, flag, func(cmd *cobra.Command, args []string, part string) ([]string, cobra.ShellCompDirective) {
		return g.propose(cmd.Context(), fn, args, part)
	})
}

// completeFixed proposes values of a flag that are known without a server.
func completeFixed(cmd *cobra.Command, flag string, values ...string) {
	flagWords(cmd, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// flagWords registers a completion. It fails only for a flag that the command does not have; TestFlagsProposeTheirValues and complete.txtar look.
func flagWords(cmd *cobra.Command, flag string, fn cobra.CompletionFunc) {
	_ = cmd.RegisterFlagCompletionFunc(flag, fn)
}

func (g *global) propose(ctx context.Context, fn proposals, args []string, part string) ([]string, cobra.ShellCompDirective) {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	c, err := g.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer c.Close()
	words, err := fn(&completer{c.With(client.CallOptions{MaxRetries: -1}), args, part}, ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	fitting := []string{}
	for _, w := range words {
		if strings.HasPrefix(w, part) && len(fitting) < mostProposals {
			fitting = append(fitting, w)
		}
	}
	return fitting, cobra.ShellCompDirectiveNoFileComp
}

// proposal is a word with its description.
func proposal(word, about string) string { return plain(word) + "\t" + plain(about) }

// agents proposes names, or ids when one is being typed.
func (k *completer) agents(ctx context.Context) ([]string, error) {
	page, err := k.c.ListAgents(ctx, client.AgentList{Search: k.part, PageSize: mostProposals, WithoutJobStats: true})
	if err != nil {
		return nil, err
	}
	var words []string
	for _, a := range page.Results {
		words = append(words, proposal(a.Name, a.EngineClassID))
		if k.part != "" {
			words = append(words, proposal(string(a.ID), a.Name))
		}
	}
	return words, nil
}

// versions proposes the versions of the agent in the first argument.
func (k *completer) versions(ctx context.Context) ([]string, error) {
	id, err := findAgent(ctx, k.c, k.args[0])
	if err != nil {
		return nil, err
	}
	list, err := k.c.ListVersions(ctx, id)
	if err != nil {
		return nil, err
	}
	words := []string{"current"}
	for _, v := range list {
		words = append(words, proposal(string(v.ID), v.VersionName+", "+minute(v.CreatedAt)))
	}
	return words, nil
}

func (k *completer) engines(ctx context.Context) ([]string, error) {
	types, err := k.c.EngineTypes(ctx)
	var words []string
	for _, t := range types {
		words = append(words, proposal(t.ClassID, t.DisplayName))
	}
	return words, err
}

func (k *completer) tags(ctx context.Context) ([]string, error) {
	tags, err := k.c.ListTags(ctx)
	var words []string
	for _, t := range tags {
		words = append(words, proposal(t.Name, t.Color))
	}
	return words, err
}

// jobs proposes the newest jobs of the agents that ran last.
func (k *completer) jobs(ctx context.Context) ([]string, error) {
	const agents, each = 5, 10
	page, err := k.c.ListAgents(ctx, client.AgentList{Ordering: "-most_recent_job", PageSize: agents})
	if err != nil {
		return nil, err
	}
	var words []string
	for _, a := range page.Results {
		jobs, err := k.c.ListJobs(ctx, a.ID, client.JobList{PageSize: each})
		if err != nil {
			return nil, err
		}
		for _, j := range jobs.Results {
			words = append(words, proposal(string(j.ID), fmt.Sprintf("%s, %s, %s", a.Name, strings.ToLower(j.StatusCode.String()), second(j.CreatedAt))))
		}
	}
	return words, nil
}

// references proposes the files that the job in the first argument saved.
func (k *completer) references(ctx context.Context) ([]string, error) {
	id, err := steward.ParseID[steward.JobID]("JOB", k.args[0])
	if err != nil {
		return nil, err
	}
	r, err := k.c.JobResult(ctx, id)
	if err != nil {
		return nil, err
	}
	var words []string
	for _, f := range r.Saved {
		words = append(words, proposal(string(f.ResourceID), f.Kind+", "+f.ContentType))
	}
	return words, nil
}

func (k *completer) batches(ctx context.Context) ([]string, error) {
	page, err := k.c.ListBatches(ctx, client.BatchList{PageSize: mostProposals})
	if err != nil {
		return nil, err
	}
	var words []string
	for _, b := range page.Results {
		words = append(words, proposal(string(b.ID), fmt.Sprintf("%s %s, %d items, %s", b.Name, b.State, b.Received, second(b.CreatedAt))))
	}
	return words, nil
}

func (k *completer) files(ctx context.Context) ([]string, error) {
	page, err := k.c.ListFiles(ctx, client.FileList{PageSize: mostProposals})
	if err != nil {
		return nil, err
	}
	var words []string
	for _, f := range page.Results {
		words = append(words, proposal(string(f.ID), f.Name))
	}
	return words, nil
}

func (k *completer) keys(ctx context.Context) ([]string, error) {
	keys, err := k.c.ListKeys(ctx)
	var words []string
	for _, key := range keys {
		words = append(words, proposal(string(key.ID), key.Name+", "+keyState(key)))
	}
	return words, err
}

// statuses proposes the next of several names with commas between.
func statuses(_ *cobra.Command, _ []string, part string) ([]string, cobra.ShellCompDirective) {
	before := part[:strings.LastIndex(part, ",")+1]
	var words []string
	for _, name := range statusNames() {
		if !strings.Contains(","+before, ","+name+",") {
			words = append(words, before+name)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

func (k *completer) webhooks(ctx context.Context) ([]string, error) {
	page, err := k.c.ListWebhooks(ctx, client.WebhookList{PageSize: mostProposals})
	if err != nil {
		return nil, err
	}
	var words []string
	for _, w := range page.Results {
		words = append(words, proposal(string(w.ID), w.Name))
		if !strings.ContainsAny(w.Name, " ") {
			words = append(words, proposal(w.Name, w.URL))
		}
	}
	return words, nil
}

// deliveries proposes the newest deliveries of the webhook in the first argument.
func (k *completer) deliveries(ctx context.Context) ([]string, error) {
	id, err := findWebhook(ctx, k.c, k.args[0])
	if err != nil {
		return nil, err
	}
	page, err := k.c.ListDeliveries(ctx, id, client.DeliveryList{PageSize: mostProposals})
	if err != nil {
		return nil, err
	}
	var words []string
	for _, d := range page.Results {
		words = append(words, proposal(string(d.ID), fmt.Sprintf("%s, %s, %s", d.Type, d.Status, second(d.CreatedAt))))
	}
	return words, nil
}
