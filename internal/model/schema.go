package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/stewardhq/steward"
)

// Schema is a compiled JSON Schema of an answer. It is immutable and safe for concurrent use.
type Schema struct {
	asked    json.RawMessage    // what a model is asked for: always an object
	wrapped  bool               // the caller's schema is an array, asked for under wrapKey
	strict   *jsonschema.Schema // the caller's schema
	document any                // the caller's schema, decoded
}

// wrapKey is the property under which a model is asked for an answer that is an array: models answer with objects.
const wrapKey = "items"

// maxSchema bounds a schema, in bytes.
const maxSchema = 1 << 20

// maxMessages is how many of the validator's messages are kept.
const maxMessages = 12

// CompileSchema reads a JSON Schema of draft 2020-12 (the default), 2019-09, 7, 6 or 4, as "$schema" says. Its top level is
// an object, or an array, which models are asked for as {"items": …}. References to other documents are refused.
//
// Errors: *steward.Failure with FailInvalidConfig that says what is wrong.
func CompileSchema(raw json.RawMessage) (*Schema, error) {
	if len(raw) > maxSchema {
		return nil, invalidSchema(fmt.Errorf("it is larger than %d bytes", maxSchema))
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, invalidSchema(fmt.Errorf("it is not JSON: %w", err))
	}
	root, ok := document.(map[string]any)
	if !ok {
		return nil, invalidSchema(errors.New("it is not a JSON object"))
	}
	compiled, err := compile(document)
	if err != nil {
		return nil, invalidSchema(err)
	}
	s := &Schema{asked: raw, strict: compiled, document: document}
	switch {
	case root["type"] == nil, mayBe(root["type"], "object"):
		return s, nil
	case mayBe(root["type"], "array"):
		s.wrapped = true
		if s.asked, err = wrapArray(root); err != nil {
			return nil, invalidSchema(err)
		}
		return s, nil
	}
	return nil, invalidSchema(fmt.Errorf("its top level has type %v; it must be an object or an array", root["type"]))
}

// mayBe reports whether a schema's "type" is or lists the given one.
func mayBe(types any, wanted string) bool {
	return types == wanted || slices.Contains(asList(types), any(wanted))
}

// refused is the loader of references to other documents: none is followed.
type refused struct{}

// Load implements jsonschema.URLLoader.
func (refused) Load(string) (any, error) {
	return nil, errors.New("references to other documents are not followed")
}

// schemaURL names the compiled document. It is never fetched.
const schemaURL = "output-schema:///schema.json"

func compile(document any) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(refused{})
	if err := c.AddResource(schemaURL, document); err != nil {
		return nil, err
	}
	return c.Compile(schemaURL)
}

func invalidSchema(err error) error {
	return &steward.Failure{
		Code:    steward.FailInvalidConfig,
		Message: "output_schema is not a usable JSON Schema: " + clipText(oneLine(err), 300) + ".",
		Err:     err,
	}
}

// oneLine is the validator's text for a schema's fault without its made-up address.
func oneLine(err error) string {
	var fault *jsonschema.SchemaValidationError
	if errors.As(err, &fault) {
		var v *jsonschema.ValidationError
		if errors.As(fault.Err, &v) {
			return strings.Join(flatten(v), "; ")
		}
	}
	text := strings.ReplaceAll(err.Error(), schemaURL, "")
	return strings.Join(strings.Fields(text), " ")
}

// Asked is the schema to put into Request.Schema: always an object's.
func (s *Schema) Asked() json.RawMessage { return s.asked }

// Unwrap turns an answer to Asked into the caller's shape: the list inside {"items": …} when the schema is an array's.
// ok is false when the answer has not that shape.
func (s *Schema) Unwrap(value json.RawMessage) (_ json.RawMessage, ok bool) {
	if !s.wrapped {
		return value, true
	}
	var box map[string]json.RawMessage
	if err := json.Unmarshal(value, &box); err == nil {
		items, found := box[wrapKey]
		return items, found
	}
	// A model that answered with the bare list has answered the question.
	return value, bytes.HasPrefix(bytes.TrimSpace(value), []byte("["))
}

// Check validates a JSON value in the caller's shape. The result is empty when it is valid, else at most 12 messages such as
// "at /total: got string, want number".
//
// With relaxed, null is allowed everywhere and nothing is required: a reader that says null for what the document does not
// state is not wrong. Types, enumerations, formats and ranges of what is there still count.
func (s *Schema) Check(value json.RawMessage, relaxed bool) []string {
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return []string{"the answer is not valid JSON: " + err.Error()}
	}
	validator := s.strict
	if relaxed {
		if validator, err = compile(relax(s.document)); err != nil {
			return []string{"the relaxed schema cannot be compiled: " + err.Error()}
		}
		instance = withoutNulls(instance)
	}
	err = validator.Validate(instance)
	var v *jsonschema.ValidationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &v):
		return flatten(v)
	default:
		return []string{err.Error()}
	}
}

// flatten lists the innermost causes of a validation error.
func flatten(v *jsonschema.ValidationError) []string {
	printer := message.NewPrinter(language.English)
	var out []string
	seen := map[string]bool{}
	var walk func(v *jsonschema.ValidationError)
	walk = func(v *jsonschema.ValidationError) {
		for _, cause := range v.Causes {
			walk(cause)
		}
		if len(v.Causes) > 0 || len(out) == maxMessages {
			return
		}
		text := v.ErrorKind.LocalizedString(printer)
		if len(v.InstanceLocation) > 0 {
			text = "at " + pointer(v.InstanceLocation) + ": " + text
		}
		if text = clipText(text, 200); !seen[text] {
			seen[text] = true
			out = append(out, text)
		}
	}
	walk(v)
	return out
}

func pointer(path []string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var b strings.Builder
	for _, token := range path {
		b.WriteString("/" + escape.Replace(token))
	}
	return b.String()
}

// wrapArray makes the schema of {"items": <root>}. Definitions move to the top, where references look for them.
func wrapArray(root map[string]any) (json.RawMessage, error) {
	outer := map[string]any{"type": "object", "required": []any{wrapKey}, "additionalProperties": false}
	inner := map[string]any{}
	moved, _ := MoveRefs(root, "#/properties/"+wrapKey).(map[string]any) // a map stays one
	for key, v := range moved {
		switch key {
		case "$schema", "$id", "$defs", "definitions":
			outer[key] = v
		default:
			inner[key] = v
		}
	}
	outer["properties"] = map[string]any{wrapKey: inner}
	data, err := json.Marshal(outer)
	if err != nil {
		return nil, fmt.Errorf("wrap an array schema: %w", err)
	}
	return data, nil
}

// MoveRefs returns a copy of a schema with its references to its own parts as they are once the schema stands at path
// (such as "#/properties/result") of another. References to definitions stay: definitions are to be put at the new top.
func MoveRefs(v any, path string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, member := range v {
			if ref, ok := member.(string); ok && key == "$ref" && isPartRef(ref) {
				out[key] = path + ref[1:]
				continue
			}
			out[key] = MoveRefs(member, path)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = MoveRefs(v[i], path)
		}
		return out
	}
	return v
}

// isPartRef reports whether a reference leads into the schema's own tree, definitions aside.
func isPartRef(ref string) bool {
	if strings.HasPrefix(ref, "#/$defs/") || strings.HasPrefix(ref, "#/definitions/") {
		return false
	}
	return ref == "#" || strings.HasPrefix(ref, "#/")
}

// relax returns a copy of a schema in which nothing is required. Alternatives become anyOf: without what they
// require, more than one of them may match. What stands under "not" and "if" keeps its meaning.
func relax(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return relaxObject(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = relax(v[i])
		}
		return out
	}
	return v
}

func relaxObject(schema map[string]any) map[string]any {
	out := make(map[string]any, len(schema))
	for key, v := range schema {
		switch key {
		case "required", "dependentRequired", "dependencies", "minProperties", "minItems", "minContains", "contains":
			// left out: they ask for presence
		case "properties", "patternProperties", "$defs", "definitions", "dependentSchemas":
			members, ok := v.(map[string]any)
			if !ok {
				out[key] = v
				continue
			}
			relaxed := make(map[string]any, len(members))
			for name, member := range members {
				relaxed[name] = relax(member)
			}
			out[key] = relaxed
		case "not", "if", "enum", "const", "default", "examples":
			out[key] = v
		case "oneOf":
			out["anyOf"] = relax(v)
		default:
			out[key] = relax(v)
		}
	}
	one, some := schema["oneOf"], schema["anyOf"]
	if one != nil && some != nil {
		out["anyOf"] = relax(some)
		out["allOf"] = append(asList(relax(schema["allOf"])), map[string]any{"anyOf": relax(one)})
	}
	return out
}

func asList(v any) []any {
	list, _ := v.([]any) // anything else is no list
	return list
}

// withoutNulls returns v without members and elements that are null.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, member := range v {
			if member != nil {
				out[key] = withoutNulls(member)
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, element := range v {
			if element != nil {
				out = append(out, withoutNulls(element))
			}
		}
		return out
	}
	return v
}

// clipText cuts s to n bytes at a character.
func clipText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}

// stepName is the name of the n-th try of a step, 0 being the first.
func stepName(step string, n int) string {
	if n == 0 {
		return step
	}
	return step + ".retry[" + strconv.Itoa(n) + "]"
}
