package model

import (
	"encoding/json"
	"math"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Shortfalls lists in words where an answer, which is else as a relaxed Check wants it, has fewer elements or members than
// minItems, contains, minContains and minProperties ask for: at most 12. Empty lists and objects, and those within alternatives,
// are not told of.
func (s *Schema) Shortfalls(value json.RawMessage) []string {
	instance, values, err := decodeJSON(value)
	if err != nil || !affordable(s.strict, instance, values) {
		return nil // Check says so
	}
	instance = withoutNulls(instance)
	fault, ok := s.strict.Validate(instance).(*jsonschema.ValidationError) //nolint:errorlint // Validate returns it bare
	if !ok {
		return nil
	}
	w := newWords()
	var walk func(v *jsonschema.ValidationError)
	walk = func(v *jsonschema.ValidationError) {
		switch v.ErrorKind.(type) {
		case *kind.AnyOf, *kind.OneOf:
			return
		case *kind.MinItems, *kind.MinProperties, *kind.MinContains, *kind.Contains:
			if at, _ := valueAt(instance, v.InstanceLocation); size(at) > 0 {
				w.add(v.InstanceLocation, w.of(v))
			}
			return
		}
		for _, cause := range v.Causes {
			walk(cause)
		}
	}
	walk(fault)
	return w.list
}

// size is how many elements or members a value has.
func size(v any) int {
	switch v := v.(type) {
	case map[string]any:
		return len(v)
	case []any:
		return len(v)
	}
	return 0
}

// MaxItems is how many elements a list may have whichever alternative it follows; false when there is no such bound.
func (p Place) MaxItems() (n int, ok bool) {
	n = math.MaxInt
	for _, b := range p.at {
		number, _ := b.schema["maxItems"].(json.Number) // anything else is none
		most, err := number.Float64()
		if b.choice || err != nil || most < 0 || most > math.MaxInt32 {
			continue
		}
		n, ok = min(n, int(most)), true
	}
	return n, ok
}
