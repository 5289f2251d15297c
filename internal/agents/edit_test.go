package agents_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/agents"
	"github.com/stewardhq/steward/internal/clock"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/identity"
	"github.com/stewardhq/steward/internal/store"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// house is the service over a database of its own, with a clock that stands still.
type house struct {
	*agents.Service
	t     *testing.T
	ctx   context.Context //nolint:containedctx // of the first key, for one test
	store *sqlite.Store
	clock *clock.Fake
	org   steward.OrganizationID
}

// newHouse opens it. The engine NeedyEngine has a required parameter "schema" and two bindable ones, text and more; Steps1Engine none.
func newHouse(t *testing.T) *house {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "steward.db"), nil)
	must(t, err)
	t.Cleanup(func() { must(t, st.Close()) })
	needy := enginetest.Func{ID: "NeedyEngine", Config: []engine.Param{
		{Name: "schema", Kind: engine.KindObject, Required: true},
		{Name: "text", Kind: engine.KindText, Bindable: true},
		{Name: "more", Kind: engine.KindText, Bindable: true},
	}}
	reg, err := engine.NewRegistry(enginetest.Steps{N: 1}, needy, fixed{})
	must(t, err)
	c := clock.NewFake(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	ids := identity.New(st, c, nil)
	first, err := ids.Bootstrap(t.Context(), nil)
	must(t, err)
	p, err := ids.Authenticate(t.Context(), first.Token)
	must(t, err)
	return &house{
		Service: agents.New(st, reg, enginetest.Models{}, c), t: t, ctx: steward.WithPrincipal(t.Context(), p), store: st, clock: c,
		org: p.OrganizationID,
	}
}

// fixed is an engine that decides by policies: its inputs are its own.
type fixed struct{ enginetest.Func }

func (fixed) Type() steward.EngineType {
	return steward.EngineType{
		ClassID: "FixedEngine", DisplayName: "Fixed", PolicyAware: true, Categories: []string{"investigation"},
		DefaultInputDefinitions: []steward.InputDefinition{{Key: "alert", DataType: "text/plain"}},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantCode expects an error of a code that names a field; "" is any.
func wantCode(t *testing.T, what string, err error, code steward.Code, field string) {
	t.Helper()
	var e *steward.Error
	if !errors.As(err, &e) || e.Code != code || (field != "" && e.Field != field) {
		t.Errorf("%s: %v, want %s %s", what, err, code, field)
	}
}

// agent makes an agent of the needy engine that reads its text from an input.
func (h *house) agent(name string) *steward.Agent {
	h.t.Helper()
	a, err := h.Create(h.ctx, agents.CreateParams{
		Name: name, EngineClassID: "NeedyEngine", EngineConfig: json.RawMessage(`{"schema":{},"text":"${text}"}`), Description: "first",
		InputDefinitions: []steward.InputDefinition{{Key: "text", DataType: "text/plain", Description: "d"}},
	})
	must(h.t, err)
	return a
}

// with returns a context whose key has only some scopes.
func (h *house) with(scopes ...steward.Scope) context.Context {
	return steward.WithPrincipal(h.t.Context(), &steward.Principal{OrganizationID: h.org, UserID: 1, Scopes: scopes})
}

func TestUpdateChangesWhatItNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent("one")
	h.agent("two")
	h.clock.Advance(time.Minute)
	got, err := h.Update(h.ctx, a.ID, agents.UpdateParams{})
	must(t, err)
	if !got.UpdatedAt.Equal(a.UpdatedAt) {
		t.Errorf("an empty change moved updated_at to %s", got.UpdatedAt)
	}
	on, name := true, "  new  "
	got, err = h.Update(h.ctx, a.ID, agents.UpdateParams{Name: &name, DisableCache: &on})
	must(t, err)
	if got.Name != "new" || !got.DisableCache || got.CacheFailedJobs || !got.UpdatedAt.Equal(h.clock.Now()) {
		t.Errorf("changed agent %+v", got)
	}
	for what, name := range map[string]string{"blank": " ", "long": strings.Repeat("x", 201), "taken": "two", "control": "a\nb"} {
		_, err := h.Update(h.ctx, a.ID, agents.UpdateParams{Name: &name})
		wantCode(t, what+" name", err, steward.Invalid, "name")
	}
	_, err = h.Update(h.ctx, steward.AgentID(uuid.NewString()), agents.UpdateParams{})
	wantCode(t, "an unknown agent", err, steward.NotFound, "")
}

func TestChangesNeedTheWriteScope(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent("one")
	ctx := h.with(steward.ScopeRun)
	for what, call := range map[string]func() error{
		"update":         func() error { _, err := h.Update(ctx, a.ID, agents.UpdateParams{}); return err },
		"delete":         func() error { return h.Delete(ctx, a.ID) },
		"duplicate":      func() error { _, err := h.Duplicate(ctx, a.ID); return err },
		"create version": func() error { _, err := h.CreateVersion(ctx, a.ID, agents.CreateVersionParams{}); return err },
		"update version": func() error {
			return h.UpdateVersion(ctx, a.ID, a.CurrentVersionID, agents.UpdateVersionParams{})
		},
		"delete version": func() error { return h.DeleteVersion(ctx, a.ID, a.CurrentVersionID) },
		"create tag":     func() error { _, err := h.CreateTag(ctx, agents.TagParams{}); return err },
		"update tag":     func() error { _, err := h.UpdateTag(ctx, "", agents.TagParams{}); return err },
		"delete tag":     func() error { return h.DeleteTag(ctx, "") },
		"set tags":       func() error { _, err := h.SetTags(ctx, a.ID, nil); return err },
	} {
		wantCode(t, what, call(), steward.Denied, "")
	}
	if _, err := h.Get(h.with(steward.ScopeRead), a.ID); err != nil {
		t.Errorf("the agent after refused calls: %v", err)
	}
}

func TestDuplicateCopiesTheCurrentVersionUnderAFreeName(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent("Reader")
	on := true
	_, err := h.Update(h.ctx, a.ID, agents.UpdateParams{CacheFailedJobs: &on})
	must(t, err)
	tag, err := h.CreateTag(h.ctx, agents.TagParams{Name: ptr("finance")})
	must(t, err)
	_, err = h.SetTags(h.ctx, a.ID, []steward.TagID{tag.ID})
	must(t, err)
	second, err := h.CreateVersion(h.ctx, a.ID, agents.CreateVersionParams{VersionName: "v2", Description: "second"})
	must(t, err)
	h.clock.Advance(time.Hour)
	var last *steward.Version
	for _, want := range []string{"Reader (copy)", "Reader (copy 2)", "Reader (copy 3)"} {
		last, err = h.Duplicate(h.ctx, a.ID)
		must(t, err)
		if last.Name != want || last.BaseAgent.Name != want {
			t.Errorf("name %q, agent %q, want %q", last.Name, last.BaseAgent.Name, want)
		}
	}
	b := last.BaseAgent
	if last.ID == second.ID || b.ID == a.ID || b.CurrentVersionID != last.ID || last.VersionName != "v2" || last.Description != "second" ||
		string(last.EngineConfig) != string(second.EngineConfig) || !slices.Equal(last.InputDefinitions, second.InputDefinitions) {
		t.Errorf("copy %+v", last)
	}
	if !b.CacheFailedJobs || b.DisableCache || !b.CreatedAt.Equal(h.clock.Now()) || b.Creator == nil || len(b.Tags) != 1 || b.Tags[0].UsageCount != 4 {
		t.Errorf("agent of the copy %+v", b)
	}
	if list, err := h.Versions(h.ctx, b.ID); err != nil || len(list) != 1 {
		t.Errorf("versions of the copy: %d, %v", len(list), err)
	}
	long := h.agent(strings.Repeat("ä", 200))
	v, err := h.Duplicate(h.ctx, long.ID)
	must(t, err)
	if n := len([]rune(v.Name)); n > 200 || !strings.HasSuffix(v.Name, " (copy)") {
		t.Errorf("copy of a long name: %d characters, %q", n, v.Name)
	}
	_, err = h.Duplicate(h.ctx, steward.AgentID(uuid.NewString()))
	wantCode(t, "an unknown agent", err, steward.NotFound, "")
}

func ptr[T any](v T) *T { return &v }

func TestDuplicatesMadeAtOnceHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent("Reader")
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]bool{}
	for range 8 {
		wg.Go(func() {
			v, err := h.Duplicate(h.ctx, a.ID)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || seen[v.Name] {
				t.Errorf("duplicate: %v", err)
				return
			}
			seen[v.Name] = true
		})
	}
	wg.Wait()
}

// submit queues n jobs of an agent.
func (h *house) submit(a *steward.Agent, n int) []steward.JobID {
	h.t.Helper()
	jobs := make([]store.NewJob, n)
	ids := make([]steward.JobID, n)
	for i := range jobs {
		ids[i] = steward.JobID(uuid.Must(uuid.NewV7()).String())
		jobs[i] = store.NewJob{
			ID: ids[i], OrganizationID: h.org, AgentID: a.ID, VersionID: a.CurrentVersionID, VersionName: "v", EngineClassID: a.EngineClassID,
			CreatedAt: h.clock.Now(), Timeout: time.Hour, Inputs: []steward.Input{{Key: "text", Value: "secret"}},
		}
	}
	_, err := h.store.Submit(h.t.Context(), jobs)
	must(h.t, err)
	return ids
}

// graves takes dying blobs.
type graves struct {
	mu     sync.Mutex
	buried []string
	err    error
}

func (g *graves) Bury(_ context.Context, dying []string) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return 0, g.err
	}
	g.buried = append(g.buried, dying...)
	return len(dying), nil
}

func TestADeletedAgentIsGoneAndItsNameIsFree(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent("one")
	version := a.CurrentVersionID
	if _, _, err := h.ForRun(h.ctx, h.org, a.ID, version); err != nil {
		t.Fatalf("ForRun: %v", err)
	}
	must(t, h.Delete(h.ctx, a.ID))
	wantCode(t, "delete it again", h.Delete(h.ctx, a.ID), steward.NotFound, "")
	_, err := h.Get(h.ctx, a.ID)
	wantCode(t, "Get", err, steward.NotFound, "")
	_, err = h.Version(h.ctx, a.ID, version)
	wantCode(t, "Version", err, steward.NotFound, "")
	wantCode(t, "Exists", h.Exists(h.ctx, h.org, a.ID), steward.NotFound, "")
	for _, v := range []steward.VersionID{"", version} {
		_, _, err = h.ForRun(h.ctx, h.org, a.ID, v)
		wantCode(t, "a run of a version that was resolved before", err, steward.NotFound, "")
	}
	if v, _, err := h.Resolve(h.ctx, h.org, a.ID, version); err != nil || v.ID != version {
		t.Errorf("a job that runs: Resolve = %v", err)
	}
	if again := h.agent("one"); again.ID == a.ID {
		t.Error("the second agent of the name has the first one's id")
	}
}

func TestAJobOfADeletedAgentCanBeResolvedAfterARestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent("one")
	must(t, h.Delete(h.ctx, a.ID))
	v, prog, err := h.Resolve(h.ctx, h.org, a.ID, a.CurrentVersionID) // nothing is in the cache
	if err != nil || v.ID != a.CurrentVersionID || prog == nil {
		t.Errorf("Resolve = %v, %v", v, err)
	}
}

func TestTheSweeperEndsAndEmptiesTheJobsOfDeletedAgents(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, other := h.agent("one"), h.agent("other")
	queued := h.submit(a, 3)
	claimed, err := h.store.Claim(t.Context(), store.ClaimRequest{
		Worker: store.Worker{Node: "n", Incarnation: "i"}, Now: h.clock.Now(), Max: 1, Lease: time.Minute,
	})
	must(t, err)
	kept := h.submit(other, 1)
	// Deleted behind the service's back, as by a process that died at once.
	must(t, h.store.DeleteAgent(t.Context(), h.org, a.ID, h.clock.Now()))
	w := agents.NewSweeper(h.Service, h.store, &graves{}, agents.SweeperOptions{})
	done, err := w.Sweep(t.Context())
	if err != nil || done != (agents.Swept{Cancelled: 3, Purged: 2}) {
		t.Errorf("first sweep: %+v, %v", done, err)
	}
	lease := claimed[0].Lease
	renewals, err := h.store.RenewLeases(t.Context(), []store.LeaseRenewal{{Lease: lease}}, h.clock.Now(), time.Minute)
	if err != nil || !renewals[0].CancelRequested {
		t.Errorf("the running job was not asked to end: %+v, %v", renewals, err)
	}
	must(t, h.store.Finish(t.Context(), lease, store.Outcome{Status: steward.StatusCancelled, At: h.clock.Now()}))
	if again, err := w.Sweep(t.Context()); err != nil || again.Purged != 1 {
		t.Errorf("jobs purged after the last of %d has ended: %+v, %v", len(queued), again, err)
	}
	if last, err := w.Sweep(t.Context()); err != nil || last != (agents.Swept{}) {
		t.Errorf("a sweep with nothing to do: %+v, %v", last, err)
	}
	job, err := h.store.Job(t.Context(), h.org, kept[0])
	if err != nil || job.Status.Terminal() || job.Inputs[0].Value != "secret" {
		t.Errorf("the other agent's job: %+v, %v", job, err)
	}
}

func TestASweepThatCannotDeleteFilesIsRepeated(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent("one")
	h.submit(a, 1)
	must(t, h.Delete(h.ctx, a.ID))
	g := &graves{err: errors.New("disk away")}
	w := agents.NewSweeper(h.Service, h.store, g, agents.SweeperOptions{})
	if _, err := w.Sweep(t.Context()); !errors.Is(err, g.err) {
		t.Errorf("Sweep = %v, want the fault", err)
	}
	g.err = nil
	if _, err := w.Sweep(t.Context()); err != nil {
		t.Errorf("the next sweep: %v", err)
	}
}

// sweeps is a store that tells of each look for deleted agents.
type sweeps struct {
	agents.SweepStore
	looked chan struct{}
}

func (s *sweeps) DeletedAgents(context.Context, int) ([]store.AgentRef, error) {
	s.looked <- struct{}{}
	return nil, nil
}

func (s *sweeps) PurgeDeleted(context.Context, time.Time, int) (int, []string, error) {
	return 0, nil, nil
}

func TestTheSweeperWorksAtOnceAfterADeletionAndFromTimeToTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b := h.agent("one"), h.agent("two")
	synctest.Test(t, func(t *testing.T) {
		s := &sweeps{looked: make(chan struct{})}
		service := agents.New(&deletions{}, mustRegistry(t), enginetest.Models{}, clock.System{})
		w := agents.NewSweeper(service, s, &graves{}, agents.SweeperOptions{Every: time.Minute})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		<-s.looked // at the start
		start := time.Now()
		who := steward.WithPrincipal(ctx, &steward.Principal{Scopes: steward.Scopes()})
		must(t, service.Delete(who, a.ID))
		must(t, service.Delete(who, b.ID))
		<-s.looked
		if waited := time.Since(start); waited != 0 {
			t.Errorf("swept %v after a deletion", waited)
		}
		<-s.looked // for the second deletion, or in time
		if waited := time.Since(start); waited > time.Minute {
			t.Errorf("swept after %v, want a minute at most", waited)
		}
		stop()
		must(t, <-ended)
	})
}

func mustRegistry(t *testing.T) *engine.Registry {
	t.Helper()
	reg, err := engine.NewRegistry(enginetest.Steps{N: 1})
	must(t, err)
	return reg
}

// deletions is a store that has any agent, without jobs.
type deletions struct{ agents.Store }

func (*deletions) DeleteAgent(context.Context, steward.OrganizationID, steward.AgentID, time.Time) error {
	return nil
}

func (*deletions) CancelOpen(context.Context, steward.OrganizationID, store.OpenFilter, time.Time, int) (int, error) {
	return 0, errors.New("the database is away")
}

func TestDeleteCancelsOpenJobsAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent("one")
	h.submit(a, 5)
	must(t, h.Delete(h.ctx, a.ID))
	if refs, err := h.store.DeletedAgents(t.Context(), 10); err != nil || len(refs) != 0 {
		t.Errorf("deleted agents with open jobs: %v, %v", refs, err)
	}
}

func TestTagsAreCheckedAndShown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent("one")
	tag, err := h.CreateTag(h.ctx, agents.TagParams{Name: ptr(" Finance "), Color: ptr("pink")})
	must(t, err)
	if tag.Name != "Finance" || tag.Color != "pink" || tag.Creator == nil || tag.UsageCount != 0 || !tag.CreatedAt.Equal(h.clock.Now()) {
		t.Errorf("tag %+v", tag)
	}
	plain, err := h.CreateTag(h.ctx, agents.TagParams{Name: ptr("plain")})
	must(t, err)
	if plain.Color != "blue" {
		t.Errorf("colour of a tag without: %s", plain.Color)
	}
	for field, p := range map[string]agents.TagParams{
		"name":  {Name: ptr("FINANCE")},
		"color": {Name: ptr("x"), Color: ptr("mauve")},
	} {
		_, err := h.CreateTag(h.ctx, p)
		wantCode(t, "create with a bad "+field, err, steward.Invalid, field)
	}
	for what, name := range map[string]*string{"no": nil, "a blank": ptr(" "), "a long": ptr(strings.Repeat("x", 51))} {
		_, err := h.CreateTag(h.ctx, agents.TagParams{Name: name})
		wantCode(t, "create with "+what+" name", err, steward.Invalid, "name")
	}
	got, err := h.SetTags(h.ctx, a.ID, []steward.TagID{plain.ID, tag.ID})
	must(t, err)
	if len(got.Tags) != 2 || got.Tags[0].Name != "Finance" || got.Tags[0].UsageCount != 1 || !got.UpdatedAt.Equal(a.UpdatedAt) {
		t.Errorf("agent with tags %+v", got)
	}
	changed, err := h.UpdateTag(h.ctx, tag.ID, agents.TagParams{Name: ptr("finance"), Color: ptr("red")})
	if err != nil || changed.Name != "finance" || changed.Color != "red" || changed.UsageCount != 1 {
		t.Errorf("changed tag %+v, %v", changed, err)
	}
	_, err = h.UpdateTag(h.ctx, tag.ID, agents.TagParams{Name: ptr("Plain")})
	wantCode(t, "a name that is taken", err, steward.Invalid, "name")
	_, err = h.SetTags(h.ctx, a.ID, []steward.TagID{steward.TagID(uuid.NewString())})
	wantCode(t, "an unknown tag", err, steward.Invalid, "tag_ids")
	_, err = h.SetTags(h.ctx, a.ID, make([]steward.TagID, 51))
	wantCode(t, "too many tags", err, steward.Invalid, "tag_ids")
	must(t, h.DeleteTag(h.ctx, plain.ID))
	wantCode(t, "delete it again", h.DeleteTag(h.ctx, plain.ID), steward.NotFound, "")
	list, err := h.Tags(h.ctx)
	if err != nil || len(list) != 1 || list[0].ID != tag.ID {
		t.Errorf("tags %+v, %v", list, err)
	}
	got, err = h.Get(h.ctx, a.ID)
	if err != nil || len(got.Tags) != 1 {
		t.Errorf("tags of the agent %+v, %v", got.Tags, err)
	}
}

func TestListsPassTheirFilters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b := h.agent("a"), h.agent("b")
	_, err := h.Create(h.ctx, agents.CreateParams{Name: "c", EngineClassID: "Steps1Engine"})
	must(t, err)
	h.submit(b, 2)
	tag, err := h.CreateTag(h.ctx, agents.TagParams{Name: ptr("t")})
	must(t, err)
	_, err = h.SetTags(h.ctx, a.ID, []steward.TagID{tag.ID})
	must(t, err)
	one, now := int64(1), h.clock.Now()
	for what, c := range map[string]struct {
		p    agents.ListParams
		want string
	}{
		"engines":     {agents.ListParams{EngineClassIDs: []string{"Steps1Engine"}}, "[c]"},
		"not engines": {agents.ListParams{NotEngines: []string{"Steps1Engine"}}, "[a b]"},
		"creators":    {agents.ListParams{CreatorIDs: []steward.UserID{99}}, "[]"},
		"tags":        {agents.ListParams{Tags: []steward.TagID{tag.ID}}, "[a]"},
		"untagged":    {agents.ListParams{Untagged: true}, "[b c]"},
		"created":     {agents.ListParams{Created: store.TimeRange{From: now.Add(1)}}, "[]"},
		"updated":     {agents.ListParams{Updated: store.TimeRange{To: now}}, "[a b c]"},
		"recent":      {agents.ListParams{MostRecentJob: store.TimeRange{From: now}}, "[b]"},
		"jobs min":    {agents.ListParams{JobsMin: &one}, "[b]"},
		"jobs max":    {agents.ListParams{JobsMax: &one}, "[a c]"},
		"name":        {agents.ListParams{Name: "B"}, "[b]"},
		"search":      {agents.ListParams{Search: "steps1"}, "[c]"},
	} {
		c.p.Order, c.p.Stats = "name", true
		list, count, err := h.List(h.ctx, c.p)
		must(t, err)
		names := []string{}
		for _, a := range list {
			names = append(names, a.Name)
			if a.JobCount == nil {
				t.Errorf("%s: no statistics", what)
			}
		}
		if fmt.Sprint(names) != c.want || int(count) != len(names) {
			t.Errorf("%s: %v of %d, want %s", what, names, count, c.want)
		}
	}
	for _, order := range store.AgentOrders() {
		if _, _, err := h.List(h.ctx, agents.ListParams{Order: "-" + order}); err != nil {
			t.Errorf("order %s: %v", order, err)
		}
	}
}
