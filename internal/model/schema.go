package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stewardhq/steward"
)

// Schema is a compiled JSON Schema of an answer. It is immutable and safe for concurrent use.
type Schema struct {
	source   json.RawMessage    // as it was given
	asked    json.RawMessage    // what a model is asked for: always an object
	wrapped  bool               // the caller's schema is an array, asked for under wrapKey
	strict   *jsonschema.Schema // the caller's schema
	document any                // the caller's schema, decoded

	orderOnce sync.Once
	order     map[string][]string // names under "properties" as they are written, by JSON Pointer; read when first needed

	relaxOnce sync.Once
	relaxed   *jsonschema.Schema // the caller's schema with nothing required; made when it is first needed
	relaxErr  error
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
	document, _, err := decodeJSON(raw)
	if err != nil {
		return nil, invalidSchema(err)
	}
	root, ok := document.(map[string]any)
	if !ok {
		return nil, invalidSchema(errors.New("it is not a JSON object"))
	}
	if n := parts(document); n > maxParts {
		return nil, invalidSchema(fmt.Errorf("it has %d parts, more than %d", n, maxParts))
	}
	compiled, err := compile(document, nil)
	if err == nil {
		err = bounded(compiled)
	}
	if err != nil {
		return nil, invalidSchema(err)
	}
	s := &Schema{source: raw, asked: raw, strict: compiled, document: document}
	switch {
	case root["type"] == nil, mayBe(root["type"], "object"):
		return s, nil
	case mayBe(root["type"], "array"):
		s.wrapped = true
		if s.asked, err = wrapArray(root, OrderOf(raw)); err != nil {
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

// compile compiles a document. It may refer to strict, unless that is nil, at strictURL.
func compile(document, strict any) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(refused{})
	if strict != nil {
		if err := c.AddResource(strictURL, strict); err != nil {
			return nil, err
		}
	}
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

// Source is the schema as it was given to CompileSchema.
func (s *Schema) Source() json.RawMessage { return s.source }

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

// Check validates a JSON value in the caller's shape, formats included. The result is empty when it is valid, else at most 12
// messages such as "at /total: got string, want number", worded so that a model can act on them.
//
// With relaxed, null is allowed everywhere and nothing is required: a reader that says null for what the document does not
// state is not wrong. Types, enumerations, formats and ranges of what is there still count; elements that are null keep their
// places. How many elements or members there must be is told by Shortfalls.
//
// Numbers with exponents beyond 400 are refused, and so are answers that would take too many steps to judge.
func (s *Schema) Check(value json.RawMessage, relaxed bool) []string {
	fault, err := s.judge(value, relaxed)
	switch {
	case err != nil:
		return []string{"the answer cannot be judged: " + err.Error()}
	case fault != nil:
		return flatten(fault)
	}
	return nil
}

// judge validates a value; the result is nil when it is valid.
func (s *Schema) judge(value json.RawMessage, relaxed bool) (*jsonschema.ValidationError, error) {
	instance, values, err := decodeJSON(value)
	if err != nil {
		return nil, err
	}
	validator := s.strict
	if relaxed {
		s.relaxOnce.Do(func() { s.relaxed, s.relaxErr = compileRelaxed(s.document) })
		if validator, err = s.relaxed, s.relaxErr; err != nil {
			return nil, fmt.Errorf("the relaxed schema cannot be compiled: %w", err)
		}
		instance = withoutNulls(instance)
	}
	if !affordable(validator, instance, values) {
		return nil, errors.New("it is nested too deeply for the alternatives of the schema")
	}
	err = validator.Validate(instance)
	var fault *jsonschema.ValidationError
	if err != nil && !errors.As(err, &fault) {
		return nil, err
	}
	if relaxed && fault != nil {
		fault, _ = exceptNulls(fault, instance)
	}
	return fault, nil
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
func wrapArray(root map[string]any, order *Order) (json.RawMessage, error) {
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
	order.Move(wrapKey)
	return order.Marshal(outer)
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
