package model

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/stewardhq/steward"
)

// maxCatalogueFile bounds the operator's catalogue file, in bytes.
const maxCatalogueFile = 4 << 20

// defaultConcurrency is how many calls a provider gets at once unless its configuration says otherwise.
const defaultConcurrency = 16

// Registry finds models by name. It is safe for concurrent use; providers are connected at the first call of a model, so a
// server that only uses builtin holds none in memory.
type Registry struct {
	catalogue *Catalogue
	config    Config
	providers []string // names, sorted
	limiters  map[string]*Limiter
	gates     map[string]*Gate
	breakers  map[string]*Breaker

	mu     sync.Mutex
	dialed map[route]*lazyModel
}

// route is one way to a model: a provider and its name for the model.
type route struct{ provider, id string }

// NewRegistry checks c, reads its catalogue file and returns the registry. c is copied.
//
// Errors say what to change: a bad provider, an alias or default that leads nowhere, a catalogue file that cannot be read.
func NewRegistry(c Config) (*Registry, error) {
	if c.Builtin == nil {
		return nil, fmt.Errorf("model registry: the builtin model is missing")
	}
	if len(c.Providers) > 0 && c.Dial == nil {
		return nil, fmt.Errorf("model registry: there are providers and nothing to dial them with")
	}
	catalogue, err := loadCatalogue(c.CatalogueFile)
	if err != nil {
		return nil, err
	}
	r := &Registry{
		catalogue: catalogue,
		config:    c,
		providers: slices.Sorted(maps.Keys(c.Providers)),
		limiters:  map[string]*Limiter{},
		gates:     map[string]*Gate{},
		breakers:  map[string]*Breaker{},
		dialed:    map[route]*lazyModel{},
	}
	r.config.Providers = maps.Clone(c.Providers)
	r.config.Aliases = maps.Clone(c.Aliases)
	r.config.Fallbacks = map[string][]string{}
	for name, chain := range c.Fallbacks {
		if e, known := catalogue.Find(name); known { // whichever of its names is asked for
			r.config.Fallbacks[e.ID] = chain
		}
		r.config.Fallbacks[name] = chain
	}
	for _, name := range r.providers {
		p := c.Providers[name]
		if err := p.check(name); err != nil {
			return nil, fmt.Errorf("model registry: %w", err)
		}
		limit := p.MaxConcurrency
		if limit == 0 {
			limit = defaultConcurrency
		}
		r.limiters[name] = NewLimiter(limit)
		r.gates[name] = NewGate()
		r.breakers[name] = NewBreaker(name, c.Breaker)
		p.Rates = r.gates[name]
		r.config.Providers[name] = p
	}
	return r, r.checkNames()
}

func loadCatalogue(path string) (*Catalogue, error) {
	base, err := DefaultCatalogue()
	if err != nil || path == "" {
		return base, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("model catalogue file: %w", err)
	}
	if info.Size() > maxCatalogueFile {
		return nil, fmt.Errorf("model catalogue file %s: larger than %d bytes", path, maxCatalogueFile)
	}
	data, err := os.ReadFile(path) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return nil, fmt.Errorf("model catalogue file: %w", err)
	}
	over, err := ParseCatalogue(data)
	if err != nil {
		return nil, fmt.Errorf("model catalogue file %s: %w", path, err)
	}
	merged, err := base.Merge(over)
	if err != nil {
		return nil, fmt.Errorf("model catalogue file %s: %w", path, err)
	}
	return merged, nil
}

func (r *Registry) checkNames() error {
	for _, alias := range slices.Sorted(maps.Keys(r.config.Aliases)) {
		target := r.config.Aliases[alias]
		if alias == "" || target == "" {
			return fmt.Errorf("model registry: alias %q: both a name and a target are needed", alias)
		}
		if _, err := r.resolve(alias); err != nil && steward.FailureOf(err).Code == steward.FailInvalidConfig {
			return fmt.Errorf("model registry: alias %q: %s", alias, steward.FailureOf(err).Message)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.config.Fallbacks)) {
		for _, id := range append([]string{name}, r.config.Fallbacks[name]...) {
			if _, err := r.resolve(id); err != nil && steward.FailureOf(err).Code == steward.FailInvalidConfig {
				return fmt.Errorf("model registry: fallbacks of %q: %s", name, steward.FailureOf(err).Message)
			}
		}
	}
	if _, err := r.resolve(r.defaultID()); err != nil {
		return fmt.Errorf("model registry: default model: %s", steward.FailureOf(err).Message)
	}
	return nil
}

func (r *Registry) defaultID() string {
	if r.config.Default != "" {
		return r.config.Default
	}
	return BuiltinID
}

// Model returns the model for a catalogue id, an alias, the name of a model that a provider lists, or "provider/model";
// "" means the default. It does no I/O: providers are connected at the first Generate. The model answers with
// the price filled in, retries passing faults for a moment, keeps to its provider's limits (calls at once, requests and tokens as
// the provider's answers tell them) and leaves a provider alone that does not answer; where the configuration names fallbacks they are asked then. It is not
// journaled (see WithJournal) and its answers are not validated (see Ask). Configured and Default are filled in.
//
// Errors: *steward.Failure with FailInvalidConfig for an unknown name, FailProviderNotConfigured for a known one
// without a provider.
func (r *Registry) Model(id string) (Model, steward.LanguageModel, error) {
	if id == "" {
		id = r.defaultID()
	}
	found, err := r.resolve(id)
	rest := r.fallbacks(id, found)
	if err != nil {
		if len(rest) == 0 || steward.FailureOf(err).Code != steward.FailProviderNotConfigured {
			return nil, steward.LanguageModel{}, err
		}
		found, rest = rest[0], rest[1:]
	}
	chain := []Model{r.model(found)}
	for _, next := range rest {
		chain = append(chain, r.model(next))
	}
	return WithFallback(chain...), r.describe(found), nil
}

// describe is what callers are told of a target that can be used.
func (r *Registry) describe(t target) steward.LanguageModel {
	info := t.entry.language()
	info.Configured, info.Default = true, r.isDefault(t)
	info.Provider = cmp.Or(t.provider, BuiltinID)
	return info
}

// fallbacks returns what is asked when the model of that name cannot answer, in order, without what has no provider here.
func (r *Registry) fallbacks(name string, found target) []target {
	ids, ok := r.config.Fallbacks[name]
	if !ok {
		ids = r.config.Fallbacks[found.entry.ID]
	}
	var list []target
	for _, id := range ids {
		t, err := r.resolve(id)
		if err == nil && (t.entry.ID != found.entry.ID || t.provider != found.provider) {
			list = append(list, t)
		}
	}
	return list
}

// Models lists what configurations can name: the catalogue without deprecated entries, in its order, then the models that
// providers list themselves. Configured says that this server has a provider for it.
func (r *Registry) Models() []steward.LanguageModel {
	var out []steward.LanguageModel
	seen := map[string]bool{}
	add := func(e Entry) {
		if seen[e.ID] || e.Deprecated {
			return
		}
		seen[e.ID] = true
		info := e.language()
		if found, err := r.resolve(e.ID); err == nil {
			served := r.describe(found)
			info.Configured, info.Default, info.Provider, info.Price = true, served.Default, served.Provider, served.Price
		}
		out = append(out, info)
	}
	for _, e := range r.catalogue.Entries() {
		add(e)
	}
	for _, name := range r.providers {
		for _, id := range r.config.Providers[name].Models {
			if _, known := r.catalogue.Find(id); !known {
				add(r.plainEntry(name, id))
			}
		}
	}
	return out
}

// target is what a name leads to.
type target struct {
	entry    Entry
	provider string // "" for builtin
	remoteID string // the provider's name for the model
}

func (r *Registry) isDefault(t target) bool {
	d, err := r.resolve(r.defaultID())
	return err == nil && d.entry.ID == t.entry.ID && d.provider == t.provider
}

// maxDialed is how many connected models are kept; past it all are let go and connect again when they are used.
const maxDialed = 256

// maxAliases is how many aliases may follow one another; more is taken for a circle.
const maxAliases = 8

func (r *Registry) resolve(id string) (target, error) {
	name := id
	for range maxAliases {
		next, ok := r.aliased(name)
		if !ok {
			return r.lookup(id, name)
		}
		name = next
	}
	return target{}, &steward.Failure{
		Code: steward.FailInvalidConfig, Message: fmt.Sprintf("The model alias %q goes in a circle.", id),
	}
}

// aliased follows the operator's alias of a name, or of the catalogue id that the name stands for.
func (r *Registry) aliased(name string) (next string, ok bool) {
	next, ok = r.config.Aliases[name]
	if e, known := r.catalogue.Find(name); !ok && known {
		next, ok = r.config.Aliases[e.ID]
	}
	return next, ok && next != name
}

// lookup finds a name that is no alias. asked is what the configuration said.
func (r *Registry) lookup(asked, name string) (target, error) {
	if e, ok := r.catalogue.Find(name); ok {
		return r.serve(e)
	}
	for _, provider := range r.providers {
		if slices.Contains(r.config.Providers[provider].Models, name) {
			return target{entry: r.plainEntry(provider, name), provider: provider, remoteID: name}, nil
		}
	}
	provider, remote, ok := strings.Cut(name, "/")
	if _, configured := r.config.Providers[provider]; ok && configured && remote != "" {
		if e, known := r.catalogue.Find(remote); known && r.serves(provider, e) {
			return r.through(provider, e), nil
		}
		e := r.plainEntry(provider, remote)
		e.ID = name
		return target{entry: e, provider: provider, remoteID: remote}, nil
	}
	return target{}, r.unknown(asked, name)
}

// serve picks the provider for a catalogue entry: one that lists it, else the first of the entry's own order. Without one the
// target has the entry alone.
func (r *Registry) serve(e Entry) (target, error) {
	if e.ID == BuiltinID {
		return target{entry: e}, nil
	}
	for _, name := range r.providers {
		if slices.Contains(r.config.Providers[name].Models, e.ID) || r.config.Providers[name].ModelIDs[e.ID] != "" {
			return r.through(name, e), nil
		}
	}
	for _, wanted := range e.Providers {
		for _, name := range r.providers {
			if r.matches(name, wanted) {
				return r.through(name, e), nil
			}
		}
	}
	return target{entry: e}, notConfigured(e) // its fallbacks go by the entry
}

// matches reports whether the provider of that name is the one a catalogue entry means.
func (r *Registry) matches(name, wanted string) bool {
	kind := r.config.Providers[name].Kind
	return name == wanted || (kind != KindOpenAICompat && string(kind) == wanted)
}

func (r *Registry) serves(name string, e Entry) bool {
	return slices.ContainsFunc(e.Providers, func(wanted string) bool { return r.matches(name, wanted) })
}

func (r *Registry) through(name string, e Entry) target {
	p := r.config.Providers[name]
	remote := e.ID
	for _, id := range []string{p.ModelIDs[e.ID], e.ProviderIDs[name], e.ProviderIDs[string(p.Kind)]} {
		if id != "" {
			remote = id
			break
		}
	}
	if p.Free {
		e.Price = freePrice()
	}
	return target{entry: e, provider: name, remoteID: remote}
}

// plainEntry describes a model that the catalogue does not know: text, no limits known, no feature taken for granted.
func (r *Registry) plainEntry(provider, id string) Entry {
	e := Entry{
		ID:                    id,
		Providers:             []string{provider},
		Capabilities:          []string{"text"},
		SupportsSystemMessage: true,
		SupportsTemperature:   true,
	}
	if r.config.Providers[provider].Free {
		e.Price = freePrice()
	}
	return e
}

func freePrice() *Price {
	return &Price{Input: new(float64), Cached: new(float64), Output: new(float64)}
}

func (r *Registry) unknown(asked, name string) error {
	message := fmt.Sprintf("Unknown model %q.", asked)
	if asked != name {
		message = fmt.Sprintf("Unknown model %q, which the alias %q stands for.", name, asked)
	}
	names := r.catalogue.names()
	names = append(names, slices.Sorted(maps.Keys(r.config.Aliases))...)
	for _, p := range r.providers {
		names = append(names, r.config.Providers[p].Models...)
	}
	if alike := near(name, names, 3); len(alike) > 0 {
		message += " Did you mean " + strings.Join(alike, ", ") + "?"
	} else {
		message += " The list of models names those that can be used."
	}
	return &steward.Failure{Code: steward.FailInvalidConfig, Message: message}
}

func notConfigured(e Entry) error {
	var variables []string
	for _, p := range e.Providers {
		if v := variableFor(p); v != "" {
			variables = append(variables, v)
		}
	}
	message := fmt.Sprintf("No provider is configured for the model %q.", e.ID)
	if len(variables) > 0 {
		message += " Set " + strings.Join(variables, ", or ") + " for the server, or map the id"
	} else {
		message += " Configure one of " + strings.Join(e.Providers, ", ") + ", or map the id"
	}
	return &steward.Failure{
		Code:    steward.FailProviderNotConfigured,
		Message: message + " to a model that it has, with STEWARD_MODEL_ALIASES.",
	}
}

// model returns the decorated model of a target. Those of one route share one connection.
func (r *Registry) model(t target) Model {
	if t.entry.ID == BuiltinID {
		return withProvider(WithPrice(r.config.Builtin, t.entry), BuiltinID, BuiltinID)
	}
	key := route{t.provider, t.entry.ID + "\x00" + t.remoteID}
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.dialed[key]
	if !ok {
		if len(r.dialed) >= maxDialed { // names of the form "provider/model" come from callers
			clear(r.dialed)
		}
		entry := t.entry
		entry.ProviderIDs = map[string]string{t.provider: t.remoteID}
		m = &lazyModel{dial: func() (Model, error) { return r.config.Dial(t.provider, r.config.Providers[t.provider], entry) }}
		r.dialed[key] = m
	}
	asked := WithConcurrency(withProvider(WithPrice(m, t.entry), t.entry.ID, t.provider), r.limiters[t.provider])
	asked = WithRate(asked, r.gates[t.provider], t.remoteID, r.config.Retry.MaxWait)
	return WithRetry(WithBreaker(asked, r.breakers[t.provider]), r.config.Retry)
}

// lazyModel connects at its first call. A dial that fails is tried again by the next call.
type lazyModel struct {
	dial func() (Model, error)
	mu   sync.Mutex
	m    Model
}

// Generate implements Model.
func (l *lazyModel) Generate(ctx context.Context, req *Request) (*Response, error) {
	m, err := l.connect()
	if err != nil {
		return nil, err
	}
	return m.Generate(ctx, req)
}

func (l *lazyModel) connect() (Model, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.m == nil {
		m, err := l.dial()
		if err != nil {
			return nil, fmt.Errorf("connect to a model provider: %w", err)
		}
		l.m = m
	}
	return l.m, nil
}
