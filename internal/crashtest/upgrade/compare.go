package upgrade

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/store/postgres"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// newestSchema is the number of the present program's last migration.
func newestSchema(database string) (int64, error) {
	if database == "postgres" {
		return postgres.Newest()
	}
	return sqlite.Newest()
}

// compare holds what the server says against what was told before.
func (c *check) compare(ctx context.Context) error {
	for _, part := range []func(context.Context) error{c.allJobs, c.keys, c.agents, c.lists, c.batches, c.files, c.events, c.books} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// allJobs compares jobs, and asks for them again under their keys.
func (c *check) allJobs(ctx context.Context) error {
	for _, j := range c.jobs() {
		c.report.Acknowledged++
		if !j.Status.Terminal() {
			c.report.Open++
		}
		if c.gone(j) {
			if _, err := c.c.JobResult(ctx, j.ID); steward.CodeOf(err) != steward.NotFound {
				c.fault("job %s of a deleted agent can be read: %v", j.ID, err)
			}
			continue
		}
		r, err := c.c.JobResult(ctx, j.ID)
		if err != nil {
			c.lost("job %s of %s: %v", j.ID, j.Agent, err)
			continue
		}
		if err := c.job(ctx, j, r); err != nil {
			return err
		}
		if j.Key == "" || j.Deleted {
			continue
		}
		id, err := c.c.Run(ctx, c.m.Agents[j.Agent], client.RunParams{Inputs: inputs(j.Agent, j.Text), IdempotencyKey: j.Key, VersionID: j.Version})
		if err != nil || id != j.ID {
			c.fault("the key %q started job %s and answers %s: %v", j.Key, j.ID, id, err)
		}
	}
	c.report.Open -= len(c.started)
	return nil
}

// job compares a job.
func (c *check) job(ctx context.Context, j *ToldJob, r *client.JobResult) error {
	output := ""
	if len(r.Outputs) > 0 {
		output = r.Outputs[0].Value
	}
	switch {
	case !j.Status.Terminal() && (r.Status != steward.StatusSuccess || codesIn(output) != j.Want):
		c.lost("job %s of %s was left %v and is %v (%s) with %s, want %s", j.ID, j.Agent, j.Status, r.Status, r.ErrorMessage, output, j.Want)
	case j.Status.Terminal() && (r.Status != j.Status || r.FailureCode != j.Failure || !sameCost(r.Cost, j.Cost)):
		c.lost("job %s of %s was %v %s and is %v %s", j.ID, j.Agent, j.Status, j.Failure, r.Status, r.FailureCode)
	case j.Deleted && (output != "" || len(r.Saved) > 0):
		c.fault("the data of job %s was deleted, and it answers %s", j.ID, output)
	case j.Status.Terminal() && !j.Deleted && output != j.Output:
		c.lost("job %s of %s answered %s and answers %s", j.ID, j.Agent, j.Output, output)
	}
	if j.Deleted {
		return nil
	}
	saved, err := savedOf(ctx, c.c, r)
	if err != nil {
		c.lost("%v", err)
	} else if j.Status.Terminal() && !slices.Equal(saved, j.Saved) {
		c.lost("job %s had the references %v and has %v", j.ID, j.Saved, saved)
	}
	steps, err := stepsOf(ctx, c.c, j.ID)
	if err != nil {
		return err
	}
	c.steps(j, steps)
	return nil
}

func sameCost(a, b *float64) bool {
	return a == nil && b == nil || a != nil && b != nil && math.Abs(*a-*b) < 1e-9
}

// steps holds recorded steps against what is recorded now, and against what the provider was asked since.
func (c *check) steps(j *ToldJob, now []ToldStep) {
	for _, s := range j.Steps {
		c.report.KeptSteps++
		if !slices.ContainsFunc(now, func(o ToldStep) bool { return o.Name == s.Name && o.Attempt == s.Attempt && o.EndedAt.Equal(s.EndedAt) }) {
			c.lost("job %s of %s had the record %+v, now it has %+v", j.ID, j.Agent, s, now)
		}
	}
	if j.Agent != roleReader && j.Agent != roleItems && j.Agent != rolePages {
		return
	}
	for n := 1; n <= strings.Count(answerTo(j.Agent, j.Text), " ")+1; n++ {
		asked, step := c.provider.count(pageCode(j.Text, n)), extractStep(j.Agent, n)
		recorded := slices.ContainsFunc(j.Steps, func(s ToldStep) bool { return s.Name == step })
		switch most := 1 + c.report.Kills; {
		case recorded && asked > 0:
			c.report.RepeatedSteps++
			c.fault("repeated: %s of job %s was recorded, and its model was asked again %d times", step, j.ID, asked)
		case asked > most:
			c.report.RepeatedSteps++
			c.fault("repeated: the model was asked for %s of job %s %d times in %d starts", step, j.ID, asked, most)
		}
	}
}

// extractStep is the step that asks about a page.
func extractStep(role string, page int) string {
	if role == rolePages {
		return fmt.Sprintf("file[0].pages[%d-%d].extract", page, page)
	}
	return "extract"
}

// keys tries the API keys.
func (c *check) keys(ctx context.Context) error {
	read, err := newClient(c.server.address, c.m.ReadKey)
	if err != nil {
		return err
	}
	defer read.Close()
	if _, err := read.ListAgents(ctx, client.AgentList{}); err != nil {
		c.fault("the key that may read: %v", err)
	}
	if _, err := read.Run(ctx, c.m.Agents[roleReader], client.RunParams{Inputs: inputs(roleReader, "SC-1")}); steward.CodeOf(err) != steward.Denied {
		c.fault("the key that may only read started a job: %v", err)
	}
	revoked, err := newClient(c.server.address, c.m.RevokedKey)
	if err != nil {
		return err
	}
	defer revoked.Close()
	if _, err := revoked.ListAgents(ctx, client.AgentList{}); steward.CodeOf(err) != steward.Unauthenticated {
		c.fault("the revoked key is answered: %v", err)
	}
	return nil
}

// agents compares agents, versions and the tag.
func (c *check) agents(ctx context.Context) error {
	for role, id := range c.m.Agents {
		a, err := c.c.Agent(ctx, id)
		switch deleted := role == roleGone && !c.lacks("agent deletion"); {
		case deleted && steward.CodeOf(err) != steward.NotFound:
			c.fault("the deleted agent can be read: %v", err)
		case !deleted && err != nil:
			c.lost("agent %s: %v", role, err)
		case role == roleReader && c.m.Tag != "" && (len(a.Tags) != 1 || a.Tags[0].Name != c.m.Tag):
			c.lost("the tags of agent %s are %+v", role, a.Tags)
		}
	}
	for _, v := range c.m.Versions {
		got, err := c.c.AgentVersion(ctx, c.m.Agents[v.Agent], v.ID)
		if err != nil || got.VersionName != v.Name || string(got.EngineConfig) != v.Config {
			c.lost("version %s of %s: %+v, %v", v.Name, v.Agent, got, err)
		}
	}
	return nil
}

// lists compares what lists of jobs have and count with the jobs.
func (c *check) lists(ctx context.Context) error {
	want := map[string]map[steward.JobID]bool{}
	for role := range c.m.Agents {
		want[role] = map[steward.JobID]bool{}
	}
	for _, j := range c.jobs() {
		want[j.Agent][j.ID] = true
	}
	for role, jobs := range want {
		if role == roleGone && !c.lacks("agent deletion") {
			continue
		}
		counted := int64(0)
		for status := steward.StatusPending; status <= steward.StatusCached; status++ {
			page, err := c.c.ListJobs(ctx, c.m.Agents[role], client.JobList{Status: []steward.Status{status}, PageSize: 100})
			if err != nil {
				return fmt.Errorf("list jobs: %w", err)
			}
			counted += page.Count
			for i := range page.Results {
				if j := &page.Results[i]; !jobs[j.ID] || j.StatusCode != status {
					c.fault("the list of %v of agent %s has job %s, which is %v", status, role, j.ID, j.StatusCode)
				}
			}
		}
		for _, ordering := range []string{"-created_at", "cost", "-duration"} {
			page, err := c.c.ListJobs(ctx, c.m.Agents[role], client.JobList{PageSize: 100, Ordering: ordering})
			if err != nil {
				return fmt.Errorf("list jobs: %w", err)
			}
			if !slices.IsSortedFunc(page.Results, func(a, b client.Job) int { return byOrdering(ordering, &a, &b) }) {
				c.fault("the list of agent %s by %s is in another order", role, ordering)
			}
			if int(page.Count) != len(jobs) || counted != page.Count || len(page.Results) != len(jobs) {
				c.fault("the list of agent %s by %s counts %d, by status %d, has %d, and there are %d jobs", role, ordering, page.Count, counted, len(page.Results), len(jobs))
			}
		}
	}
	return nil
}

// byOrdering compares jobs as an ordering of lists does, as far as clients can see. Jobs without a value stand at one end.
func byOrdering(ordering string, a, b *client.Job) int {
	switch {
	case ordering == "-created_at":
		return b.CreatedAt.Compare(a.CreatedAt)
	case ordering == "cost" && a.Cost != nil && b.Cost != nil:
		return cmp.Compare(*a.Cost, *b.Cost)
	case ordering == "-duration" && a.DurationMS != nil && b.DurationMS != nil:
		return cmp.Compare(*b.DurationMS, *a.DurationMS)
	}
	return 0
}

// batches compares batches and their items.
func (c *check) batches(ctx context.Context) error {
	for _, t := range c.m.Batches {
		b, err := c.c.Batch(ctx, t.ID)
		if err != nil {
			c.lost("batch %s: %v", t.ID, err)
			continue
		}
		n := int64(len(t.Jobs))
		if b.Received != n || b.Counts.Success != n || b.Counts.Total() != n {
			c.fault("batch %s has %d of %d items, and counts %+v", t.ID, b.Received, n, b.Counts)
		}
		if err := until(ctx, "the batch is completed", func() (bool, error) {
			b, err := c.c.Batch(ctx, t.ID)
			return err == nil && b.CompletedAt != nil, err
		}); err != nil {
			c.fault("batch %s: %v", t.ID, err)
		}
		page, err := c.c.ListBatchItems(ctx, t.ID, client.BatchItemList{PageSize: 100})
		if err != nil {
			return err
		}
		var ids []steward.JobID
		for _, item := range page.Results {
			ids = append(ids, item.JobID)
		}
		if !slices.Equal(ids, t.Jobs) {
			c.lost("batch %s had the items %v and has %v", t.ID, t.Jobs, ids)
		}
	}
	return nil
}

// files reads the stored files.
func (c *check) files(ctx context.Context) error {
	for _, f := range c.m.Files {
		h := sha256.New()
		_, err := c.c.DownloadFile(ctx, steward.FileID(f.ID), h, nil)
		if sum := hex.EncodeToString(h.Sum(nil)); err != nil || sum != f.SHA256 {
			c.lost("file %s: %s instead of %s, %v", f.Name, sum, f.SHA256, err)
		}
	}
	return nil
}

// events waits until nothing is owed, and compares what came with what had to.
func (c *check) events(ctx context.Context) error {
	for i := range c.m.Webhooks {
		h := &c.m.Webhooks[i]
		if err := until(ctx, "all events are delivered", func() (bool, error) {
			page, err := c.c.ListDeliveries(ctx, h.ID, client.DeliveryList{Status: steward.DeliveryPending, PageSize: 1})
			return err == nil && page.Count == 0, err
		}); err != nil {
			c.lost("webhook %s: %v", h.ID, err)
		}
		c.came(h)
	}
	c.receiver.mu.Lock()
	defer c.receiver.mu.Unlock()
	c.faults = append(c.faults, c.receiver.refused...)
	return nil
}

// came compares the events that came for a webhook.
func (c *check) came(h *ToldWebhook) {
	ids := map[string]map[steward.DeliveryID]int{} // by job or batch
	for _, e := range c.receiver.events(hookPath(h.ID)) {
		about := string(e.Job) + string(e.Batch)
		if ids[about] == nil {
			ids[about] = map[steward.DeliveryID]int{}
			c.report.Events++
		}
		ids[about][e.ID]++
	}
	for about, under := range ids {
		if len(under) > 1 {
			c.fault("the end of %s was told to webhook %s under %d ids", about, h.ID, len(under))
		}
	}
	for _, e := range h.Delivered {
		if about := string(e.Job) + string(e.Batch); ids[about] != nil {
			c.fault("the end of %s was told to webhook %s again after the upgrade", about, h.ID)
		}
	}
	owed := slices.Clone(h.Owed)
	for _, j := range c.jobs() {
		if !j.Status.Terminal() && (j.Agent == roleReader || j.Agent == roleItems) {
			owed = append(owed, j.ID)
		}
	}
	for _, id := range owed {
		if ids[string(id)] == nil {
			c.lost("webhook %s was not told of the end of job %s", h.ID, id)
		}
	}
	for _, b := range c.m.Batches[min(1, len(c.m.Batches)):] { // the first had ended
		if ids[string(b.ID)] == nil {
			c.lost("webhook %s was not told of the end of batch %s", h.ID, b.ID)
		}
	}
}

// books compares what agents' jobs cost with what the books say.
func (c *check) books(ctx context.Context) error {
	want := map[steward.AgentID]float64{}
	for _, j := range c.jobs() {
		cost := j.Cost
		if !c.gone(j) {
			r, err := c.c.JobResult(ctx, j.ID)
			if err != nil {
				continue // said already
			}
			if cost = r.Cost; r.Status == steward.StatusCached {
				cost = nil
			}
		}
		if cost != nil {
			want[c.m.Agents[j.Agent]] += *cost
		}
	}
	got := map[steward.AgentID]float64{}
	for row, err := range c.c.UsageRows(ctx, client.UsageQuery{GroupBy: steward.UsageByAgent, From: c.m.MadeAt.AddDate(0, 0, -1)}) {
		if err != nil {
			return fmt.Errorf("read the books: %w", err)
		}
		got[row.AgentID] += float64(row.Cost) / 1e6
	}
	for role, id := range c.m.Agents {
		if math.Abs(want[id]-got[id]) > 1e-9 {
			c.fault("the books say that agent %s spent $%g, its jobs cost $%g", role, got[id], want[id])
		}
	}
	return nil
}
