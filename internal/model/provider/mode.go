package provider

import (
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/stewardhq/steward/internal/model"
)

// mode is a way of asking for structured output.
type mode string

const (
	modeBounded mode = "bounded_schema" // like modeSchema, with bounds on lengths, which not all servers understand
	modeSchema  mode = "json_schema"    // the provider holds the model to the schema
	modeObject  mode = "object_schema"  // JSON mode with the schema beside it, as llama-cpp-python and some hosts of open models have it
	modeJSON    mode = "json"           // the provider holds the model to JSON; the schema stands in the prompt
	modePrompt  mode = "prompt"         // the prompt alone
)

// ladder lists the ways that a provider of the kind has, strictest first.
func ladder(kind model.Kind) []mode {
	switch kind {
	case model.KindAnthropic, model.KindBedrock:
		return []mode{modeSchema, modePrompt}
	case model.KindOpenAICompat:
		return []mode{modeBounded, modeSchema, modeObject, modeJSON, modePrompt}
	}
	return []mode{modeSchema, modeJSON, modePrompt}
}

// firstMode is the strictest way that the model is said to have. Compatible servers are tried: most hold a model to a schema,
// and those that refuse say so.
func firstMode(kind model.Kind, e *model.Entry, strict bool) mode {
	tried := kind == model.KindOpenAICompat
	switch {
	case strict && tried:
		return modeBounded
	case strict && e.SupportsJSONSchema:
		return modeSchema
	case (e.SupportsJSONOutput || tried) && slices.Contains(ladder(kind), modeJSON):
		return modeJSON
	}
	return modePrompt
}

// weaker returns the next way down; false when there is none.
func weaker(kind model.Kind, m mode) (mode, bool) {
	steps := ladder(kind)
	at := slices.Index(steps, m)
	if at < 0 || at+1 >= len(steps) {
		return m, false
	}
	return steps[at+1], true
}

// How long and how much is remembered of what a server refused.
const (
	refusalMemory   = time.Hour
	maxRefusedKinds = 256
)

// refusals remembers which ways of asking a server refused: for the model, or for one schema. It is safe for concurrent use and
// forgets after an hour, as servers are updated.
type refusals struct {
	now func() time.Time

	mu       sync.Mutex
	model    remembered
	schemas  map[[32]byte]remembered
	noPrefix time.Time // until when the prompt's cache key is not sent
}

type remembered struct {
	mode  mode
	until time.Time
}

// start returns where to begin for a schema: m, or what is left of it.
func (r *refusals) start(kind model.Kind, m mode, schema [32]byte) mode {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for _, known := range []remembered{r.model, r.schemas[schema]} {
		if known.until.After(now) && slices.Index(ladder(kind), known.mode) > slices.Index(ladder(kind), m) {
			m = known.mode
		}
	}
	return m
}

// learn notes that only m works: for the schema alone, or for every schema of the model.
func (r *refusals) learn(m mode, schema [32]byte, schemaOnly bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	until := r.now().Add(refusalMemory)
	if !schemaOnly {
		r.model = remembered{m, until}
		return
	}
	if len(r.schemas) >= maxRefusedKinds || r.schemas == nil {
		r.schemas = map[[32]byte]remembered{}
	}
	r.schemas[schema] = remembered{m, until}
}

// takesPrefixKey reports whether the prompt's cache key may be sent.
func (r *refusals) takesPrefixKey() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.noPrefix.After(r.now())
}

func (r *refusals) refusedPrefixKey() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noPrefix = r.now().Add(refusalMemory)
}

// namesMode matches the words by which servers speak of structured output.
var namesMode = regexp.MustCompile(`(?i)response_?format|json_?schema|json_object|json mode|output_config|output_format|` +
	`response_?(json_?)?schema|response_?mime_?type|text\.format|structured output|guided|grammar`)

// namesSchema matches complaints about one schema rather than about the way of asking.
var namesSchema = regexp.MustCompile(`(?i)invalid schema|schema is (too|not)|too (many|complex|deep)|unsupported (schema|keyword)|` +
	`additionalProperties|not permitted|in context=|grammar is too|failed to (parse|compile|convert)`)

// refusesMode reports whether an answer refuses the way of asking, rather than what is asked.
func refusesMode(status int, text string) bool {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusNotImplemented:
		return namesMode.MatchString(text)
	}
	return false
}

// refusesPrefixKey reports whether an answer refuses the prompt's cache key.
func refusesPrefixKey(status int, text string) bool {
	return (status == http.StatusBadRequest || status == http.StatusUnprocessableEntity) && prefixKeyName.MatchString(text)
}

var prefixKeyName = regexp.MustCompile(`prompt_cache_key`)
