package answer

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
)

// Extras are what stands beside an answer in the output.
type Extras struct {
	Sources  []steward.Evidence // under "_sources" unless nil
	Warnings []string           // under "_warnings" unless empty: what was asked for and not done
}

// Compose makes the result of an engine: the datum "output" with value and the extras as members beside its own. An answer
// that is not an object, or has a member of that name itself, keeps its shape, and the extras follow as data of their own,
// "_sources" and "_warnings".
func Compose(value json.RawMessage, x Extras) (*engine.Result, error) {
	t, err := parseTree(value)
	if err != nil {
		return nil, fmt.Errorf("compose output: %w", err)
	}
	result := &engine.Result{Outputs: []steward.Datum{datum("output", "The extracted data as JSON.", string(value))}}
	add := func(name, description string, v any) error {
		text, err := encode(v)
		if err != nil {
			return fmt.Errorf("compose output: %w", err)
		}
		if t.kind != '{' || t.member(name) != nil { // a schema may have a property of that name
			result.Outputs = append(result.Outputs, datum(name, description, string(text)))
			return nil
		}
		extra, err := parseTree(text)
		if err != nil {
			return fmt.Errorf("compose output: %w", err)
		}
		t.set(name, extra)
		return nil
	}
	if x.Sources != nil {
		if err := add("_sources", "Where the values of the output stand in the documents.", x.Sources); err != nil {
			return nil, err
		}
	}
	if len(x.Warnings) > 0 {
		if err := add("_warnings", "What was asked for and not done.", x.Warnings); err != nil {
			return nil, err
		}
	}
	if t.kind == '{' {
		var b bytes.Buffer
		if err := t.write(&b); err != nil {
			return nil, fmt.Errorf("compose output: %w", err)
		}
		result.Outputs[0].Value = b.String()
	}
	return result, nil
}

// datum makes an output of JSON text.
func datum(key, description, value string) steward.Datum {
	return steward.Datum{Key: key, Description: description, DataType: "application/json", Value: value}
}
