package engine

import (
	"encoding/json"
	"fmt"

	"github.com/stewardhq/steward"
)

// Kind says what a parameter holds.
type Kind string

// The kinds of parameters.
const (
	KindText    Kind = "text"
	KindFiles   Kind = "files"
	KindEnum    Kind = "enum"
	KindModel   Kind = "model"
	KindSchema  Kind = "schema" // a JSON Schema
	KindNumber  Kind = "number"
	KindInteger Kind = "integer"
	KindBoolean Kind = "boolean"
	KindObject  Kind = "object"
)

// Param declares one key of an engine's configuration.
type Param struct {
	Name        string
	Aliases     []string // other spellings; the first present one is used when Name is absent
	Kind        Kind
	Description string
	Required    bool
	Default     any                // nil means none; a JSON-encodable value of the kind
	Enum        []string           // for KindEnum
	Min, Max    *float64           // inclusive, for numbers and integers
	Check       func(string) error // further rules of a KindText, in words for users; nil means none
	Bindable    bool               // an input with the parameter's name (or an alias) fills it when the configuration does not
	TakesFiles  bool               // a KindText that an input of files may fill as well; they are then its FileRefs and its text is ""
}

// Bound makes the limits of a Param.
func Bound(f float64) *float64 { return &f }

// ModelParams are the parameters that every engine with a language model shares.
func ModelParams() []Param {
	return []Param{
		{Name: "model", Kind: KindModel, Description: "Id of the language model. Empty means the server's default."},
		{Name: "temperature", Kind: KindNumber, Default: 0.0, Min: Bound(0), Max: Bound(1), Description: "Randomness of the model; dropped for models without it."},
		{Name: "reasoning_effort", Aliases: []string{"reasoning"}, Kind: KindEnum, Enum: []string{"low", "medium", "high"}, Description: "How long the model may think; dropped for models without it."},
		{Name: "max_output_tokens", Kind: KindInteger, Min: Bound(1), Max: Bound(1 << 20), Description: "Limit of the model's answer. Empty means the model's own limit."},
		{Name: "max_cost_usd", Kind: KindNumber, Min: Bound(0), Max: Bound(1e6), Description: "The run fails with cost_limit before it spends more. Empty means no limit of its own."},
		{Name: "store_traces", Kind: KindBoolean, Description: "Keep what models are asked and what they answer with the job's steps. Empty means the server's setting."},
	}
}

// schema returns the JSON Schema of a configuration made of params, and its default values.
func schemaOf(params []Param) (schema, defaults json.RawMessage, err error) {
	props := make(map[string]any, len(params))
	values := map[string]any{}
	required := []string{}
	order := make([]string, 0, len(params))
	for _, p := range params {
		props[p.Name] = p.property()
		order = append(order, p.Name)
		if p.Required {
			required = append(required, p.Name)
		}
		if p.Default != nil {
			values[p.Name] = p.Default
		}
	}
	if schema, err = json.Marshal(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": props, "required": required,
		"additionalProperties": true, "x-order": order,
	}); err != nil {
		return nil, nil, fmt.Errorf("encode input schema: %w", err)
	}
	if defaults, err = json.Marshal(values); err != nil {
		return nil, nil, fmt.Errorf("encode default values: %w", err)
	}
	return schema, defaults, nil
}

// property is the parameter's part of the JSON Schema. Inputs may stand in for any value as "${key}", so a string is always admitted.
func (p *Param) property() map[string]any {
	types := map[Kind]any{
		KindText: "string", KindModel: "string", KindEnum: "string", KindFiles: []string{"string", "array"},
		KindSchema: []string{"object", "string"}, KindObject: []string{"object", "string"},
		KindNumber: []string{"number", "string"}, KindInteger: []string{"integer", "string"}, KindBoolean: []string{"boolean", "string"},
	}
	m := map[string]any{"type": types[p.Kind], "description": p.Description, "x-kind": string(p.Kind), "x-bindable": p.Bindable}
	if len(p.Aliases) > 0 {
		m["x-aliases"] = p.Aliases
	}
	if p.Default != nil {
		m["default"] = p.Default
	}
	if len(p.Enum) > 0 {
		m["x-enum"] = p.Enum
	}
	if p.Min != nil {
		m["minimum"] = *p.Min
	}
	if p.Max != nil {
		m["maximum"] = *p.Max
	}
	return m
}

// Registry holds the engines of a server. It is built once and safe for concurrent use afterwards.
type Registry struct {
	engines map[string]Engine
	types   map[string]steward.EngineType
	order   []string
}

// NewRegistry returns a registry of engines, listed in the given order.
//
// Errors: two engines with one class id; a declaration that cannot be encoded.
func NewRegistry(engines ...Engine) (*Registry, error) {
	r := &Registry{engines: make(map[string]Engine), types: make(map[string]steward.EngineType)}
	for _, e := range engines {
		t := e.Type()
		if _, dup := r.engines[t.ClassID]; dup {
			return nil, fmt.Errorf("engine %s is registered twice", t.ClassID)
		}
		schema, defaults, err := schemaOf(e.Params())
		if err != nil {
			return nil, fmt.Errorf("engine %s: %w", t.ClassID, err)
		}
		t.ID, t.EngineClassID, t.Name = t.ClassID, t.ClassID, t.DisplayName
		t.InputSchema, t.DefaultValues, t.DefaultEngineConfig = schema, defaults, defaults
		r.engines[t.ClassID], r.types[t.ClassID] = e, t
		r.order = append(r.order, t.ClassID)
	}
	return r, nil
}

// Engine returns an engine with its description. ok is false for an unknown class id.
func (r *Registry) Engine(classID string) (e Engine, t steward.EngineType, ok bool) {
	e, ok = r.engines[classID]
	return e, r.types[classID], ok
}

// Types lists the engines in the order of registration.
func (r *Registry) Types() []steward.EngineType {
	types := make([]steward.EngineType, 0, len(r.order))
	for _, id := range r.order {
		types = append(types, r.types[id])
	}
	return types
}
