package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stewardhq/steward/internal/model"
)

// dialect is what a provider's structured output understands of JSON Schema.
type dialect struct {
	allRequired bool     // every property must be required; optional ones become nullable
	closed      bool     // objects must say additionalProperties: false
	drop        []string // keywords to leave out: our own validator judges them afterwards
	unions      int      // how many parts of a schema may have several types; 0 means any number
	optional    int      // how many properties may be optional; 0 means any number
	lengths     bool     // lengths of strings are understood
}

// isLoose reports whether a keyword carries no shape; every provider does without these.
func isLoose(keyword string) bool {
	switch keyword {
	case "$schema", "$id", "$comment", "default", "examples", "example", "deprecated", "readOnly", "writeOnly",
		"contentEncoding", "contentMediaType", "uniqueItems", "minLength", "maxLength", "minProperties", "maxProperties":
		return true
	}
	return strings.HasPrefix(keyword, "x-")
}

// isShort reports whether a length is one that a grammar can count: servers refuse long repetitions.
func isShort(length any) bool {
	n, ok := length.(json.Number)
	if !ok {
		return false
	}
	short, err := n.Int64()
	return err == nil && short <= maxCounted
}

// maxCounted is the longest repetition that is put to a server, in characters or entries.
const maxCounted = 1000

// isKnownFormat reports whether every provider knows a format; others are left out.
func isKnownFormat(format any) bool {
	return format == "date-time" || format == "date" || format == "time"
}

// dialectOf is the dialect of a provider's strict mode.
func dialectOf(kind model.Kind) dialect {
	switch kind {
	case model.KindAnthropic, model.KindBedrock:
		return dialect{closed: true, drop: []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
			"minItems", "maxItems", "pattern"}, unions: 16, optional: 24}
	case model.KindGoogle:
		return dialect{drop: []string{"pattern", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}}
	default:
		return dialect{allRequired: true, closed: true}
	}
}

// decodeSchema reads a schema, numbers kept as they are written.
func decodeSchema(raw json.RawMessage) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var schema map[string]any
	if err := dec.Decode(&schema); err != nil {
		return nil, fmt.Errorf("decode the request's schema: %w", err)
	}
	return schema, nil
}

// strictSchema returns the schema in the provider's dialect. ok is false when it says something that the strict mode cannot
// hold, such as free-form objects; then the schema is to be sent as a wish.
func strictSchema(schema map[string]any, d dialect) (_ map[string]any, ok bool) {
	c := converter{dialect: d, ok: true}
	out := c.convert(schema)
	fits := (d.unions == 0 || c.unionCount <= d.unions) && (d.optional == 0 || c.optionalCount <= d.optional)
	return out, c.ok && fits && out["type"] == "object"
}

type converter struct {
	dialect
	ok            bool
	unionCount    int
	optionalCount int
}

// isUnsupported reports whether no strict mode can hold a keyword, and leaving it out would change what is asked for.
func isUnsupported(keyword string) bool {
	switch keyword {
	case "patternProperties", "allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies",
		"propertyNames", "unevaluatedProperties", "unevaluatedItems", "prefixItems", "contains", "$dynamicRef", "$anchor":
		return true
	}
	return false
}

func (c *converter) convert(schema map[string]any) map[string]any {
	out := make(map[string]any, len(schema))
	for key, v := range schema {
		switch {
		case c.lengths && key == "maxLength" && isShort(v):
			out[key] = v
		case isLoose(key), slices.Contains(c.drop, key), key == "format" && !isKnownFormat(v):
		case isUnsupported(key):
			c.ok = false
		case key == "definitions", key == "$defs":
			out["$defs"] = c.members(v)
		case key == "properties":
			out[key] = c.members(v)
		case key == "oneOf", key == "anyOf":
			out["anyOf"] = c.list(v)
		case key == "items":
			out[key] = c.sub(v)
		case key == "$ref":
			out[key] = definitionRef(v)
		default:
			out[key] = v
		}
	}
	if out["type"] == nil && out["properties"] != nil {
		out["type"] = "object"
	}
	if out["type"] == nil && out["enum"] == nil && out["const"] == nil && out["anyOf"] == nil && out["$ref"] == nil {
		c.ok = false // it allows anything
	}
	if _, several := out["type"].([]any); several || out["anyOf"] != nil {
		c.unionCount++
	}
	if holds(out["type"], "object") {
		c.object(schema, out)
	}
	return out
}

// object gives an object the form that strict modes ask for.
func (c *converter) object(schema, out map[string]any) {
	properties, _ := out["properties"].(map[string]any) // none is an empty map
	if len(properties) == 0 {
		if extra, said := schema["additionalProperties"]; !said || extra != false {
			c.ok = c.ok && !c.closed
		}
	}
	if _, isSchema := schema["additionalProperties"].(map[string]any); isSchema {
		c.ok = c.ok && !c.closed
	}
	c.optionalCount += max(len(properties)-len(stringsOf(schema["required"])), 0)
	if !c.closed {
		return
	}
	out["additionalProperties"] = false
	if !c.allRequired {
		return
	}
	required := stringsOf(schema["required"])
	for name, p := range properties {
		if property, isSchema := p.(map[string]any); isSchema && !slices.Contains(required, name) {
			properties[name] = nullable(property)
		}
	}
	out["required"] = slices.Sorted(maps.Keys(properties))
}

func (c *converter) sub(v any) any {
	schema, ok := v.(map[string]any)
	if !ok {
		c.ok = false // true, false, or the old list form of items
		return v
	}
	return c.convert(schema)
}

func (c *converter) members(v any) any {
	members, ok := v.(map[string]any)
	if !ok {
		c.ok = false
		return v
	}
	out := make(map[string]any, len(members))
	for name, member := range members {
		out[name] = c.sub(member)
	}
	return out
}

func (c *converter) list(v any) any {
	list, ok := v.([]any)
	if !ok {
		c.ok = false
		return v
	}
	out := make([]any, len(list))
	for i := range list {
		out[i] = c.sub(list[i])
	}
	return out
}

func definitionRef(v any) any {
	ref, ok := v.(string)
	if !ok {
		return v
	}
	if name, old := strings.CutPrefix(ref, "#/definitions/"); old {
		return "#/$defs/" + name
	}
	return ref
}

// nullable returns the schema with null allowed.
func nullable(schema map[string]any) map[string]any {
	if allowsNull(schema) {
		return schema
	}
	kind, plain := schema["type"].(string)
	if !plain || schema["const"] != nil || schema["anyOf"] != nil || schema["$ref"] != nil {
		return map[string]any{"anyOf": []any{schema, map[string]any{"type": "null"}}}
	}
	out := maps.Clone(schema)
	out["type"] = []any{kind, "null"}
	if enum, ok := schema["enum"].([]any); ok {
		out["enum"] = append(slices.Clone(enum), nil)
	}
	return out
}

// allNullable returns the schema with null allowed for every property, so that a model need not make up what a document does
// not state. A schema with more than limit properties stays as it is; 0 means no limit.
func allNullable(schema map[string]any, limit int) map[string]any {
	n := 0
	out, ok := nullableProperties(schema, &n).(map[string]any)
	if !ok || (limit > 0 && n > limit) {
		return schema
	}
	return out
}

func nullableProperties(v any, n *int) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, member := range v {
			switch key {
			case "properties":
				out[key] = nullableMembers(member, n)
			case "enum", "const", "default", "examples", "required", "not", "if":
				out[key] = member
			default:
				out[key] = nullableProperties(member, n)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = nullableProperties(v[i], n)
		}
		return out
	}
	return v
}

func nullableMembers(v any, n *int) any {
	members, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(members))
	for name, member := range members {
		*n++
		out[name] = member
		if schema, isMap := nullableProperties(member, n).(map[string]any); isMap {
			out[name] = nullable(schema)
		}
	}
	return out
}

// allowsNull reports whether the schema itself, references aside, says that null is a value.
func allowsNull(schema map[string]any) bool {
	if enum, ok := schema["enum"].([]any); ok {
		return slices.Contains(enum, nil)
	}
	if holds(schema["type"], "null") {
		return true
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		list, _ := schema[key].([]any) // absent is empty
		for _, alternative := range list {
			if sub, ok := alternative.(map[string]any); ok && allowsNull(sub) {
				return true
			}
		}
	}
	return false
}

// holds reports whether a schema's "type" is or lists the given one.
func holds(types any, wanted string) bool {
	list, _ := types.([]any) // a single type is no list
	return types == wanted || slices.Contains(list, any(wanted))
}

func stringsOf(v any) []string {
	list, _ := v.([]any) // absent is empty
	var out []string
	for _, element := range list {
		if s, ok := element.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// fillers takes out of an answer the members that are null only because the strict form made their optional property
// nullable: those that the schema neither requires nor allows to be null.
type fillers struct {
	root    map[string]any
	dropped int
}

// drop returns value without fillers; value is changed in place.
func (f *fillers) drop(value any, schema map[string]any) any {
	branches := branchesOf(schema, f.root)
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			property, required := propertyOf(branches, name)
			if property == nil {
				continue
			}
			if member == nil && !required && !nullAllowed(property, f.root) {
				delete(value, name)
				f.dropped++
				continue
			}
			value[name] = f.drop(member, property)
		}
	case []any:
		for _, b := range branches {
			if items, ok := b["items"].(map[string]any); ok {
				for i := range value {
					value[i] = f.drop(value[i], items)
				}
				break
			}
		}
	}
	return value
}

// maxBranches bounds how many references and alternatives are followed: schemas may go in circles.
const maxBranches = 64

// branchesOf lists the schemas that a value may be described by: the schema itself, what it refers to, its alternatives.
func branchesOf(schema, root map[string]any) []map[string]any {
	out := []map[string]any{schema}
	for i := 0; i < len(out) && len(out) < maxBranches; i++ {
		if ref, ok := out[i]["$ref"].(string); ok {
			if to := resolve(ref, root); to != nil {
				out = append(out, to)
			}
		}
		for _, key := range []string{"anyOf", "oneOf", "allOf"} {
			list, _ := out[i][key].([]any) // absent is empty
			for _, alternative := range list {
				if sub, ok := alternative.(map[string]any); ok {
					out = append(out, sub)
				}
			}
		}
	}
	return out
}

func nullAllowed(schema, root map[string]any) bool {
	return slices.ContainsFunc(branchesOf(schema, root), allowsNull)
}

// propertyOf finds a property in the first branch that has it.
func propertyOf(branches []map[string]any, name string) (_ map[string]any, required bool) {
	for _, b := range branches {
		properties, _ := b["properties"].(map[string]any) // absent is empty
		if property, ok := properties[name].(map[string]any); ok {
			return property, slices.Contains(stringsOf(b["required"]), name)
		}
	}
	return nil, false
}

// resolve follows a reference within the document; nil when it leads nowhere.
func resolve(ref string, root map[string]any) map[string]any {
	rest, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	var at any = root
	for token := range strings.SplitSeq(strings.TrimPrefix(rest, "/"), "/") {
		if token == "" {
			continue
		}
		node, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = node[strings.NewReplacer("~1", "/", "~0", "~").Replace(token)]
	}
	schema, _ := at.(map[string]any) // anything else is no schema
	return schema
}
