package model

import (
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// strictURL names the caller's schema beside its relaxed copy, whose "not" and "if" refer to it. It is never fetched.
const strictURL = "output-schema:///strict.json"

// compileRelaxed compiles a schema with nothing required.
func compileRelaxed(document any) (*jsonschema.Schema, error) {
	relaxed := relax(document)
	repoint(relaxed, relaxed)
	if hasInnerID(document) { // references are relative to it and mean what they say only where they stand
		relaxed = relax(document)
	}
	return compile(relaxed, document)
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

// repoint makes references of a relaxed schema that cannot stay lead to the caller's schema: those that lead to what the relaxed one
// has no longer in its place, and those under "not" and "if", which would exclude too much if nothing was required there.
func repoint(v, root any) {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			switch key {
			case "not", "if":
				v[key] = strictly(member)
			case "enum", "const", "default", "examples":
			case "$ref":
				if ref, ok := member.(string); ok && strings.HasPrefix(ref, "#/") && !leads(root, ref) {
					v[key] = strictURL + ref
				}
			default:
				repoint(member, root)
			}
		}
	case []any:
		for _, element := range v {
			repoint(element, root)
		}
	}
}

// strictly returns a copy of a part of a schema whose references within the document lead to the caller's schema.
func strictly(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, member := range v {
			ref, text := member.(string)
			switch {
			case key == "$ref" && text && strings.HasPrefix(ref, "#"):
				out[key] = strictURL + ref
			case key == "enum", key == "const", key == "default", key == "examples":
				out[key] = member
			default:
				out[key] = strictly(member)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = strictly(v[i])
		}
		return out
	}
	return v
}

// leads reports whether a reference names a part of the document.
func leads(document any, ref string) bool {
	at := document
	for _, token := range strings.Split(ref, "/")[1:] {
		switch node := at.(type) {
		case map[string]any:
			at = node[strings.NewReplacer("~1", "/", "~0", "~").Replace(token)]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(node) {
				return false
			}
			at = node[i]
		default:
			return false
		}
	}
	return at != nil
}

// hasInnerID reports whether a part of a schema has an address of its own.
func hasInnerID(document any) bool {
	var walk func(v any, top bool) bool
	walk = func(v any, top bool) bool {
		switch v := v.(type) {
		case map[string]any:
			for key, member := range v {
				_, text := member.(string)
				if text && !top && (key == "$id" || key == "id") || walk(member, false) {
					return true
				}
			}
		case []any:
			for _, element := range v {
				if walk(element, false) {
					return true
				}
			}
		}
		return false
	}
	return walk(document, true)
}

// withoutNulls returns v without members that are null. Elements that are null keep their places.
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
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = withoutNulls(element)
		}
		return out
	}
	return v
}

// exceptNulls returns a fault without what it says against elements that are null, nil when nothing is left; cleared tells that something was taken away.
// An element that the schema has no place for is none of these.
func exceptNulls(fault *jsonschema.ValidationError, instance any) (_ *jsonschema.ValidationError, cleared bool) {
	value, found := valueAt(instance, fault.InstanceLocation)
	if _, placeless := fault.ErrorKind.(*kind.FalseSchema); found && value == nil && len(fault.InstanceLocation) > 0 && !placeless {
		return nil, true
	}
	if len(fault.Causes) == 0 {
		return fault, false
	}
	var causes []*jsonschema.ValidationError
	for _, cause := range fault.Causes {
		left, less := exceptNulls(cause, instance)
		cleared = cleared || less
		if left != nil {
			causes = append(causes, left)
		} else if isChoice(fault) { // one alternative will do
			return nil, true
		}
	}
	if len(causes) == 0 {
		return nil, true
	}
	if !cleared {
		return fault, false
	}
	rest := *fault
	rest.Causes = causes
	return &rest, true
}

// isChoice reports whether a fault is that no alternative matches.
func isChoice(fault *jsonschema.ValidationError) bool {
	switch k := fault.ErrorKind.(type) {
	case *kind.AnyOf:
		return true
	case *kind.OneOf:
		return len(k.Subschemas) == 0
	}
	return false
}

// valueAt returns the value at a path.
func valueAt(v any, path []string) (_ any, found bool) {
	for _, token := range path {
		switch node := v.(type) {
		case map[string]any:
			if v, found = node[token]; !found {
				return nil, false
			}
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(node) {
				return nil, false
			}
			v = node[i]
		default:
			return nil, false
		}
	}
	return v, true
}
