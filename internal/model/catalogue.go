package model

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stewardhq/steward"
)

// BuiltinID is the catalogue id, and the provider, of the reader that needs no key and no network.
const BuiltinID = "builtin"

//go:embed catalogue.json
var embeddedCatalogue []byte

// Entry is what the catalogue knows about a model.
type Entry struct {
	ID          string            `json:"id"`
	Aliases     []string          `json:"aliases"`
	Providers   []string          `json:"providers"`              // names or kinds of providers that serve it, preferred first
	ProviderIDs map[string]string `json:"provider_ids,omitempty"` // provider → its own name for the model; absent means ID

	Capabilities            []string `json:"capabilities"`      // text, image, audio, video
	ContextWindow           int64    `json:"context_window"`    // tokens
	MaxOutputTokens         int64    `json:"max_output_tokens"` // tokens, what the model reasons included
	SupportsSystemMessage   bool     `json:"supports_system_message"`
	SupportsTemperature     bool     `json:"supports_temperature"`
	SupportsReasoningEffort bool     `json:"supports_reasoning_effort"`
	SupportsJSONOutput      bool     `json:"supports_json_output"`
	SupportsJSONSchema      bool     `json:"supports_json_schema"` // strict structured output
	SupportsThinking        bool     `json:"supports_thinking"`
	ResponsesAPI            bool     `json:"responses_api,omitempty"` // spoken to through OpenAI's Responses API, not chat completions

	Price      *Price `json:"price"` // nil means unknown
	Deprecated bool   `json:"deprecated"`
}

// Price is what a model costs in US dollars per million tokens. A nil part is unknown.
type Price struct {
	Input      *float64 `json:"input"`
	Cached     *float64 `json:"cached"`                // input tokens that the provider read from its cache
	CacheWrite *float64 `json:"cache_write,omitempty"` // input tokens that it wrote into its cache; nil means as Input
	Output     *float64 `json:"output"`

	Long   *LongPrice `json:"long,omitempty"`   // of calls with long inputs; nil means that they cost the same
	Source string     `json:"source,omitempty"` // URLs of the pages it was read at, separated by ", "; "" when nobody wrote that down
	AsOf   string     `json:"as_of,omitempty"`  // the day, such as 2026-11-22, on which that was looked up
}

// LongPrice is what calls cost whose input has more than so many tokens. All parts are known, but for Cached: nil means as Input.
type LongPrice struct {
	Over   int64    `json:"over"`
	Input  *float64 `json:"input"`
	Cached *float64 `json:"cached"`
	Output *float64 `json:"output"`
}

// at returns the price of a call whose input has so many tokens.
func (p *Price) at(input int64) *Price {
	if p == nil || p.Long == nil || input <= p.Long.Over {
		return p
	}
	return &Price{Input: p.Long.Input, Cached: p.Long.Cached, Output: p.Long.Output}
}

// Catalogue is a set of entries in a fixed order. It is immutable and safe for concurrent use.
type Catalogue struct {
	entries []Entry
	byName  map[string]int // ids and aliases
}

// DefaultCatalogue returns the catalogue that the program carries.
func DefaultCatalogue() (*Catalogue, error) {
	c, err := ParseCatalogue(embeddedCatalogue)
	if err != nil {
		return nil, fmt.Errorf("embedded catalogue: %w", err)
	}
	return c, nil
}

// ParseCatalogue reads {"models": [Entry, …]}. It is strict: unknown keys, doubled ids or aliases, unknown capabilities,
// numbers below zero and an entry without a provider are errors that name the entry.
func ParseCatalogue(data []byte) (*Catalogue, error) {
	var file struct {
		Models []Entry `json:"models"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("parse model catalogue: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("parse model catalogue: text after the catalogue's object")
	}
	return newCatalogue(file.Models)
}

func newCatalogue(entries []Entry) (*Catalogue, error) {
	c := &Catalogue{entries: slices.Clone(entries), byName: map[string]int{}}
	for i := range c.entries {
		e := &c.entries[i]
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("model catalogue: models[%d] %q: %w", i, e.ID, err)
		}
		for _, name := range append([]string{e.ID}, e.Aliases...) {
			if _, taken := c.byName[name]; taken {
				return nil, fmt.Errorf("model catalogue: models[%d] %q: name %q is taken by another model", i, e.ID, name)
			}
			c.byName[name] = i
		}
	}
	return c, nil
}

// RemoteID is the provider's own name for the model.
func (e *Entry) RemoteID(provider string) string {
	if id := e.ProviderIDs[provider]; id != "" {
		return id
	}
	return e.ID
}

func (e *Entry) check() error {
	switch {
	case e.ID == "":
		return errors.New("id is missing")
	case slices.Contains(e.Aliases, ""):
		return errors.New("an alias is empty")
	case len(e.Providers) == 0:
		return errors.New("providers is empty")
	case e.ContextWindow < 0 || e.MaxOutputTokens < 0:
		return errors.New("context_window and max_output_tokens must not be below zero")
	}
	for _, capability := range e.Capabilities {
		if !slices.Contains([]string{"text", "image", "audio", "video"}, capability) {
			return fmt.Errorf("unknown capability %q (text, image, audio or video)", capability)
		}
	}
	return e.Price.check()
}

func (p *Price) check() error {
	if p == nil {
		return nil
	}
	for _, v := range []*float64{p.Input, p.Cached, p.CacheWrite, p.Output} {
		if v != nil && *v < 0 {
			return errors.New("a price is below zero")
		}
	}
	if p.AsOf != "" {
		if _, err := time.Parse(time.DateOnly, p.AsOf); err != nil {
			return errors.New("as_of of a price is no day such as 2026-11-22")
		}
	}
	switch l := p.Long; {
	case l == nil:
		return nil
	case l.Over <= 0 || l.Input == nil || l.Output == nil || *l.Input < 0 || *l.Output < 0 || l.Cached != nil && *l.Cached < 0:
		return errors.New("the price of long inputs needs over, input and output, none of them below zero")
	}
	return nil
}

// Merge returns the catalogue with over's entries in place of those with the same id, and its others behind. An alias that
// an entry of over takes is taken away from the older entry.
//
// Errors: an alias of over is the id of another model.
func (c *Catalogue) Merge(over *Catalogue) (*Catalogue, error) {
	merged := slices.Clone(c.entries)
	taken := map[string]bool{}
	for _, e := range over.entries {
		for _, alias := range e.Aliases {
			taken[alias] = true
		}
	}
	for i := range merged {
		merged[i].Aliases = slices.DeleteFunc(slices.Clone(merged[i].Aliases), func(a string) bool { return taken[a] })
	}
	for _, e := range over.entries {
		at := slices.IndexFunc(merged, func(m Entry) bool { return m.ID == e.ID })
		if at < 0 {
			merged = append(merged, e)
			continue
		}
		merged[at] = e
	}
	return newCatalogue(merged)
}

// Find returns the entry of an id or alias.
func (c *Catalogue) Find(name string) (Entry, bool) {
	i, ok := c.byName[name]
	if !ok {
		return Entry{}, false
	}
	return c.entries[i], true
}

// Entries lists the entries, deprecated ones included.
func (c *Catalogue) Entries() []Entry { return slices.Clone(c.entries) }

// names lists every id and alias in alphabetical order.
func (c *Catalogue) names() []string { return slices.Sorted(maps.Keys(c.byName)) }

// language is the public form of the entry.
func (e *Entry) language() steward.LanguageModel {
	return steward.LanguageModel{
		ID:                      e.ID,
		Aliases:                 append([]string{}, e.Aliases...),
		Providers:               append([]string{}, e.Providers...),
		Capabilities:            append([]string{}, e.Capabilities...),
		ContextWindow:           e.ContextWindow,
		MaxOutputTokens:         e.MaxOutputTokens,
		SupportsSystemMessage:   e.SupportsSystemMessage,
		SupportsTemperature:     e.SupportsTemperature,
		SupportsReasoningEffort: e.SupportsReasoningEffort,
		SupportsJSONOutput:      e.SupportsJSONOutput,
		SupportsJSONSchema:      e.SupportsJSONSchema,
		SupportsThinking:        e.SupportsThinking,
		Price:                   e.Price.shown(),
	}
}

// shown is the price as callers see it.
func (p *Price) shown() *steward.ModelPrice {
	if p == nil {
		return nil
	}
	return &steward.ModelPrice{Input: p.Input, Cached: p.Cached, Output: p.Output}
}

// near returns up to n names that look like the given one, most alike first.
func near(name string, names []string, n int) []string {
	type scored struct {
		name  string
		score int
	}
	limit := max(3, len(name)/3)
	var found []scored
	lower := strings.ToLower(name)
	for _, other := range names {
		score := distance(lower, strings.ToLower(other))
		if strings.HasPrefix(other, lower) || strings.HasPrefix(lower, other) {
			score = min(score, 1)
		}
		if score <= limit {
			found = append(found, scored{other, score})
		}
	}
	slices.SortStableFunc(found, func(a, b scored) int { return a.score - b.score })
	var out []string
	for _, f := range found[:min(n, len(found))] {
		out = append(out, f.name)
	}
	return out
}

// distance is the number of bytes to insert, delete or replace to make b of a. Long names are cut: they are no model ids.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
