package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/cli/manifest"
)

// applyOptions are the options of apply.
type applyOptions struct {
	files  []string
	dryRun bool
	prune  bool
}

func newApply(g *global) *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use: "apply -f FILE", Short: "Make agents as YAML files describe them", Args: exactly(),
		Long: `Make agents as YAML files describe them. FILE is a file, a folder (its .yaml and .yml files and those below it) or "-" for standard input.

An agent is found by its name. One that is missing is created; where its inputs or configuration differ, a new version is created; description, flags, tags and the version's name are changed in place; what a file does not say stays as it is. What is equal is left alone, so that applying twice changes nothing. The changes are shown as a diff.

A document has kind: Agent, name and engine, and may have description, version_name, config, inputs, disable_cache, cache_failed_jobs and tags. To begin with what there is: steward export AGENT

All files are read, and everything is compared, before anything is changed.

With --dry-run the exit code is 0 when nothing would change and 6 when something would. ` + exitCodesHelp,
		Example: `steward apply -f agents/ --dry-run
steward apply -f agents/
steward export invoices | sed s/builtin/gpt-5/ | steward apply -f -`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runApply(cmd.Context(), g, o) },
	}
	f := cmd.Flags()
	f.StringArrayVarP(&o.files, "file", "f", nil, "File, folder or - (needed), repeatable")
	f.BoolVar(&o.dryRun, "dry-run", false, "Only show what would change")
	f.BoolVar(&o.prune, "prune", false, "Delete all agents of the organization that the files do not describe")
	return cmd
}

// errChanges is what apply --dry-run returns when something would change; it has been shown already.
var errChanges = errors.New("something would change")

// change is what apply does about one agent.
type change struct {
	Action   string            `json:"action"` // create, update, delete or none
	Name     string            `json:"name"`
	ID       steward.AgentID   `json:"id,omitempty"`
	Version  steward.VersionID `json:"version_id,omitempty"` // current afterwards
	Diff     string            `json:"diff,omitempty"`
	Warnings []string          `json:"warnings,omitempty"` // what the server says about the configuration

	want, now  manifest.Agent
	current    *steward.Version
	newVersion bool
}

func runApply(ctx context.Context, g *global, o applyOptions) error {
	if len(o.files) == 0 {
		return usagef("-f is needed: a file, a folder or - for standard input")
	}
	wanted, err := g.readManifests(o.files)
	if err != nil {
		return err
	}
	c, err := g.client()
	if err != nil {
		return err
	}
	a := &applier{c: c}
	changes, err := a.plan(ctx, wanted, o.prune)
	if err != nil {
		return err
	}
	for _, ch := range changes {
		if !g.json {
			if err := g.printf("%s", ch.Diff); err != nil {
				return err
			}
		}
		if o.dryRun {
			continue
		}
		if err := a.do(ctx, ch); err != nil {
			return fmt.Errorf("%s: %w", ch.Name, err)
		}
		for _, w := range ch.Warnings {
			if err := g.notef("%s: %s", quoted(ch.Name), plain(w)); err != nil {
				return err
			}
		}
	}
	return g.reportChanges(changes, o.dryRun)
}

// reportChanges says how much changed. Errors: errChanges when something would, in a dry run.
func (g *global) reportChanges(changes []*change, dryRun bool) error {
	count := map[string]int{}
	for _, ch := range changes {
		count[ch.Action]++
	}
	var err error
	if g.json {
		err = g.printJSON(changes)
	} else {
		tense := ""
		if dryRun {
			tense = "to be "
		}
		err = g.notef("%d %screated, %d %schanged, %d %sdeleted, %d as they should be.", count[actionCreate], tense, count[actionUpdate], tense, count[actionDelete], tense, count[actionNone])
	}
	if err == nil && dryRun && count[actionNone] < len(changes) {
		return errChanges
	}
	return err
}

// What apply does about an agent.
const (
	actionCreate = "create"
	actionUpdate = "update"
	actionDelete = "delete"
	actionNone   = "none"
)

// readManifests reads the agents of files and folders. Errors: a fault in one of them; an agent that comes twice.
func (g *global) readManifests(files []string) ([]manifest.Agent, error) {
	var list []manifest.Agent
	for _, f := range files {
		agents, err := g.readManifest(f)
		if err != nil {
			return nil, err
		}
		list = append(list, agents...)
	}
	seen := map[string]string{}
	for _, a := range list {
		if first, ok := seen[a.Name]; ok {
			return nil, usagef("%s: the agent %q comes twice; it is in %s already", a.Source, a.Name, first)
		}
		seen[a.Name] = a.Source
	}
	if len(list) == 0 {
		return nil, usagef("no agents in %s", strings.Join(files, ", "))
	}
	return list, nil
}

func (g *global) readManifest(path string) ([]manifest.Agent, error) {
	if path == "-" {
		text, err := io.ReadAll(g.in)
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		return parseManifest("-", text)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, usagef("-f: %w", err)
	}
	if !info.IsDir() {
		return readManifestFile(path)
	}
	var list []manifest.Agent
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		ext := strings.ToLower(filepath.Ext(p))
		if err != nil || d.IsDir() || (ext != ".yaml" && ext != ".yml") {
			return err
		}
		agents, err := readManifestFile(p)
		list = append(list, agents...)
		return err
	})
	return list, err
}

func readManifestFile(path string) ([]manifest.Agent, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the caller names the file
	if err != nil {
		return nil, usagef("-f: %w", err)
	}
	return parseManifest(path, text)
}

func parseManifest(name string, text []byte) ([]manifest.Agent, error) {
	agents, err := manifest.Read(name, text)
	if err != nil {
		return nil, &usageError{err}
	}
	return agents, nil
}

// applier makes agents as they are described.
type applier struct {
	c    *client.Client
	tags []steward.Tag // of the organization; nil until they are needed
}

// plan compares the wanted agents with those that there are.
func (a *applier) plan(ctx context.Context, wanted []manifest.Agent, prune bool) ([]*change, error) {
	existing := map[string]steward.AgentID{}
	for ag, err := range a.c.Agents(ctx, client.AgentList{PageSize: largestPage, WithoutJobStats: true}) {
		if err != nil {
			return nil, err
		}
		existing[ag.Name] = ag.ID
	}
	changes := []*change{}
	for _, w := range wanted {
		ch, err := a.compare(ctx, w, existing[w.Name])
		if err != nil {
			return nil, err
		}
		delete(existing, w.Name)
		changes = append(changes, ch)
	}
	if !prune {
		return changes, nil
	}
	names := make([]string, 0, len(existing))
	for name := range existing {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		ch, err := a.compareGone(ctx, existing[name])
		if err != nil {
			return nil, err
		}
		changes = append(changes, ch)
	}
	return changes, nil
}

// compare finds what has to be done for one agent; id is "" when there is none of its name.
func (a *applier) compare(ctx context.Context, w manifest.Agent, id steward.AgentID) (*change, error) {
	ch := &change{Name: w.Name, ID: id, want: w}
	if id == "" {
		text, err := manifest.Write(w)
		if err != nil {
			return nil, err
		}
		ch.Action, ch.Diff = actionCreate, manifest.Diff("/dev/null", w.Source, "", string(text))
		return ch, nil
	}
	v, err := a.c.AgentVersion(ctx, id, "")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.Name, err)
	}
	if v.EngineClassID != w.Engine {
		return nil, usagef("%s: the engine of %q is %s for life, not %s; give the agent another name", w.Source, w.Name, v.EngineClassID, w.Engine)
	}
	ch.current, ch.now, ch.Version = v, manifest.Of(v), v.ID
	ch.want = w.Over(ch.now)
	ch.newVersion = !ch.want.SameContent(ch.now)
	before, err := manifest.Write(ch.now)
	if err != nil {
		return nil, err
	}
	if !ch.newVersion {
		ch.want.Config = ch.now.Config // equal content may be written in another way
	}
	after, err := manifest.Write(ch.want)
	if err != nil {
		return nil, err
	}
	ch.Diff = manifest.Diff("server", w.Source, string(before), string(after))
	if w.VersionName != "" && w.VersionName != v.VersionName && !ch.newVersion {
		ch.Diff += fmt.Sprintf("# %s: the version %s is renamed to %s\n", w.Name, quoted(v.VersionName), quoted(w.VersionName))
	}
	ch.Action = actionUpdate
	if ch.Diff == "" {
		ch.Action = actionNone
	}
	return ch, nil
}

// compareGone is the change of an agent that nobody wants.
func (a *applier) compareGone(ctx context.Context, id steward.AgentID) (*change, error) {
	v, err := a.c.AgentVersion(ctx, id, "")
	if err != nil {
		return nil, err
	}
	text, err := manifest.Write(manifest.Of(v))
	if err != nil {
		return nil, err
	}
	return &change{Action: actionDelete, Name: v.BaseAgent.Name, ID: id, Diff: manifest.Diff("server", "/dev/null", string(text), "")}, nil
}

// do makes a change.
func (a *applier) do(ctx context.Context, ch *change) error {
	switch ch.Action {
	case actionCreate:
		return a.create(ctx, ch)
	case actionUpdate:
		return a.update(ctx, ch)
	case actionDelete:
		return a.c.DeleteAgent(ctx, ch.ID)
	}
	return nil
}

func (a *applier) create(ctx context.Context, ch *change) error {
	w := &ch.want
	p := client.AgentCreate{Name: w.Name, EngineClassID: w.Engine, InputDefinitions: w.Inputs, VersionName: w.VersionName, Description: w.Description}
	if w.Config != nil {
		p.EngineConfig = w.Config
	}
	made, err := a.c.CreateAgent(ctx, p)
	if err != nil {
		return err
	}
	ch.ID, ch.Version = made.ID, made.CurrentVersionID
	if err := a.setFlags(ctx, ch.ID, w, manifest.Agent{DisableCache: &made.DisableCache, CacheFailedJobs: &made.CacheFailedJobs}); err != nil {
		return err
	}
	return a.settle(ctx, ch)
}

func (a *applier) update(ctx context.Context, ch *change) error {
	w := &ch.want
	switch {
	case ch.newVersion:
		v, err := a.c.CreateVersion(ctx, ch.ID, client.VersionCreate{
			VersionName: w.VersionName, Description: w.Description, InputDefinitions: notNil(w.Inputs), EngineConfig: w.Config,
		})
		if err != nil {
			return err
		}
		ch.Version = v.ID
	case w.Description != ch.now.Description || (w.VersionName != "" && w.VersionName != ch.current.VersionName):
		u := client.VersionUpdate{}
		if w.Description != ch.now.Description {
			u.Description = &w.Description
		}
		if w.VersionName != "" {
			u.VersionName = &w.VersionName
		}
		if err := a.c.UpdateVersion(ctx, ch.ID, ch.Version, u); err != nil {
			return err
		}
	}
	if err := a.setFlags(ctx, ch.ID, w, ch.now); err != nil {
		return err
	}
	return a.settle(ctx, ch)
}

// setFlags sets the flags that differ.
func (a *applier) setFlags(ctx context.Context, id steward.AgentID, want *manifest.Agent, now manifest.Agent) error {
	var u client.AgentUpdate
	if want.DisableCache != nil && *want.DisableCache != *now.DisableCache {
		u.DisableCache = want.DisableCache
	}
	if want.CacheFailedJobs != nil && *want.CacheFailedJobs != *now.CacheFailedJobs {
		u.CacheFailedJobs = want.CacheFailedJobs
	}
	if u == (client.AgentUpdate{}) {
		return nil
	}
	_, err := a.c.UpdateAgent(ctx, id, u)
	return err
}

// settle sets the tags, and compares what the server made with what was wanted.
func (a *applier) settle(ctx context.Context, ch *change) error {
	if ch.want.Tags != nil && !slices.Equal(ch.want.Tags, ch.now.Tags) && (len(ch.want.Tags) > 0 || len(ch.now.Tags) > 0) {
		if err := a.setTags(ctx, ch.ID, ch.want.Tags); err != nil {
			return err
		}
	}
	v, err := a.c.AgentVersion(ctx, ch.ID, "")
	if err != nil {
		return err
	}
	ch.Version, ch.Warnings = v.ID, v.Warnings
	if got := manifest.Of(v); !ch.want.Over(got).SameContent(got) {
		ch.Warnings = append(ch.Warnings, "the server took other inputs or another configuration than the file describes; compare with: steward export "+quoted(ch.Name))
	}
	return nil
}

// setTags gives an agent tags by name; what is missing is made.
func (a *applier) setTags(ctx context.Context, id steward.AgentID, names []string) error {
	if a.tags == nil {
		tags, err := a.c.ListTags(ctx)
		if err != nil {
			return err
		}
		a.tags = notNil(tags)
	}
	var ids []steward.TagID
	for _, name := range names {
		i := slices.IndexFunc(a.tags, func(t steward.Tag) bool { return t.Name == name })
		if i < 0 {
			t, err := a.c.CreateTag(ctx, client.TagCreate{Name: name})
			if err != nil {
				return err
			}
			a.tags = append(a.tags, *t)
			i = len(a.tags) - 1
		}
		ids = append(ids, a.tags[i].ID)
	}
	_, err := a.c.SetAgentTags(ctx, id, ids...)
	return err
}
