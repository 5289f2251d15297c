package answer

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/model"
)

// Extras are what stands beside an answer in the output.
type Extras struct {
	Sources   []steward.Evidence // under "_sources" unless nil
	Grounding *steward.Grounding // under "_grounding"; nil means counted from the answer and Sources, nothing when these are nil
	Warnings  []string           // under "_warnings" unless empty: what was asked for and not done

	References []Reference // their URLs under "references", the rest under "reference_details", unless empty
}

// Reference is a file that the run saved for its readers.
type Reference struct {
	steward.Reference
	URL string `json:"url"`
}

// Compose makes the result of an engine: the datum "output" with value and the extras as members beside its own. An answer
// that is not an object, or has a member of that name itself, keeps its shape, and the extras follow as data of their own,
// "_sources", "_grounding" and "_warnings". Engines take Extras from Answer.Extras.
func Compose(value json.RawMessage, x Extras) (*engine.Result, error) {
	t, err := parseTree(value)
	if err != nil {
		return nil, fmt.Errorf("compose output: %w", err)
	}
	if x.Grounding == nil && x.Sources != nil {
		counts := countGrounded(t, model.Place{}, x.Sources)
		x.Grounding = &counts
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
	if x.Grounding != nil {
		if err := add("_grounding", "How many values of the output stand in the documents.", x.Grounding); err != nil {
			return nil, err
		}
	}
	if len(x.Warnings) > 0 {
		if err := add("_warnings", "What was asked for and not done.", x.Warnings); err != nil {
			return nil, err
		}
	}
	if len(x.References) > 0 {
		urls := make([]string, len(x.References))
		for i, r := range x.References {
			urls[i] = r.URL
		}
		if err := add("references", "Where the files that the run saved can be read.", urls); err != nil {
			return nil, err
		}
		if err := add("reference_details", "What the files that the run saved are.", x.References); err != nil {
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
