package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Fields is a part of a wide schema: some of the properties, to be asked for in a question of their own.
type Fields struct {
	From, To int             // the first of its leaves and the last one, counted from 0 over the whole schema
	Schema   json.RawMessage // of an object with these properties alone
}

// Leaves counts the values that an answer may have, elements of lists counted once and what goes in circles, too.
func (s *Schema) Leaves() int {
	root, _ := s.document.(map[string]any) // a compiled schema is an object
	return s.leaves(root)
}

func (s *Schema) leaves(schema map[string]any) int {
	c := leafCounter{schema: s, known: map[string]int{}}
	return c.count(schema, 0)
}

// Bounds of counting: schemas may go in circles, and references to references multiply.
const (
	maxNesting = 200
	maxLeaves  = 1 << 20
)

// leafCounter counts leaves; each definition is counted once.
type leafCounter struct {
	schema *Schema
	known  map[string]int // by reference; 1 while it is being counted
}

func (c *leafCounter) count(schema map[string]any, depth int) int {
	if depth > maxNesting || schema == nil {
		return 1
	}
	n := 0
	if ref, ok := schema["$ref"].(string); ok {
		n += c.ref(ref, depth)
	}
	properties, _ := schema["properties"].(map[string]any) // absent is empty
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		sub, _ := properties[name].(map[string]any) // true is a leaf
		n += c.count(sub, depth+1)
	}
	for _, v := range asList(schema["allOf"]) {
		if sub, ok := v.(map[string]any); ok && sub["properties"] != nil {
			n += c.count(sub, depth+1)
		}
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		most := 0
		for _, v := range asList(schema[key]) {
			sub, _ := v.(map[string]any) // true is a leaf
			most = max(most, c.count(sub, depth+1))
		}
		n += most
	}
	if items, ok := schema["items"].(map[string]any); ok {
		n += c.count(items, depth+1)
	}
	return min(max(n, 1), maxLeaves)
}

func (c *leafCounter) ref(ref string, depth int) int {
	if n, ok := c.known[ref]; ok {
		return n
	}
	c.known[ref] = 1
	to, _ := c.schema.resolve(ref)
	c.known[ref] = c.count(to, depth+1)
	return c.known[ref]
}

// group is a set of properties that are asked for together.
type group struct {
	paths  [][]string // names from the top
	leaves int
}

// Split cuts the schema of an object into parts of about most leaves, at its properties, and at those of objects that are wider
// themselves; lists stay whole. Each part keeps what is required of its properties, and the rules between properties: those
// that a rule names stay together. An answer to the whole is the union of the answers to the parts. The result is one part, the schema as it
// is, when it is narrow enough or cannot be cut: a list, one with references into its own properties. The parts of a schema are
// always the same for the same most.
func (s *Schema) Split(most int) ([]Fields, error) {
	total := s.Leaves()
	entire := []Fields{{From: 0, To: total - 1, Schema: s.asked}}
	root, path, ok := s.inline()
	if most < 1 || total <= most || s.wrapped || !ok {
		return entire, nil
	}
	units := s.units(root, path, nil, most)
	parts := (total + most - 1) / most
	var groups []group
	for _, u := range units {
		n := len(groups)
		if n > 0 && groups[n-1].leaves+u.leaves <= max((total+parts-1)/parts, 1) {
			groups[n-1].paths = append(groups[n-1].paths, u.paths...)
			groups[n-1].leaves += u.leaves
			continue
		}
		groups = append(groups, u)
	}
	if len(groups) < 2 {
		return entire, nil
	}
	var out []Fields
	from, order := 0, OrderOf(s.source)
	for i, g := range groups {
		part := prune(root, g.paths, i == 0)
		s.addDefinitions(part)
		data, err := order.Marshal(part)
		if err != nil {
			return nil, fmt.Errorf("split a schema: %w", err)
		}
		out = append(out, Fields{From: from, To: from + g.leaves - 1, Schema: data})
		from += g.leaves
	}
	return out, nil
}

// inline returns the top of the schema with a reference put in its place, and where its properties stand; false when it cannot be cut.
func (s *Schema) inline() (root map[string]any, path string, ok bool) {
	root, _ = s.document.(map[string]any) // a compiled schema is an object
	if refersInside(root) {
		return nil, "", false
	}
	for range maxBranches {
		ref, ok := root["$ref"].(string)
		if !ok {
			break
		}
		to, at := s.resolve(ref)
		if to == nil {
			return nil, "", false
		}
		path = at
		merged := map[string]any{}
		for key, v := range to {
			merged[key] = v
		}
		for key, v := range root {
			if key == "$ref" {
				continue
			}
			if _, both := to[key]; both {
				return nil, "", false
			}
			merged[key] = v
		}
		root = merged
	}
	_, ok = root["properties"].(map[string]any)
	return root, path, ok
}

// refersInside reports whether a schema has references that would lead nowhere once it is cut.
func refersInside(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			ref, ok := member.(string)
			if ok && (key == "$ref" && (isPartRef(ref) || !strings.HasPrefix(ref, "#/")) || key == "$dynamicRef" || key == "$recursiveRef" || key == "$anchor" || key == "$dynamicAnchor") {
				return true
			}
			if refersInside(member) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, refersInside)
	}
	return false
}

// isRule reports whether a keyword may tie properties together.
func isRule(keyword string) bool {
	switch keyword {
	case "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies",
		"minProperties", "maxProperties", "propertyNames", "patternProperties", "unevaluatedProperties":
		return true
	}
	return false
}

// units are the smallest sets of properties that the object at prefix can be cut into, in order.
func (s *Schema) units(object map[string]any, path string, prefix []string, most int) []group {
	properties, _ := object["properties"].(map[string]any) // absent is empty
	names := s.namesAt(path, properties)
	owner := tied(object, names)
	var out []group
	place := map[string]int{}
	for _, name := range names {
		sub, _ := properties[name].(map[string]any) // true is a leaf
		at := append(slices.Clone(prefix), name)
		n := s.leaves(sub)
		token := strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		if inner, ok := sub["properties"].(map[string]any); ok && n > most && len(inner) > 1 && owner[name] == name && sub["$ref"] == nil && len(at) < maxBranches {
			out = append(out, s.units(sub, path+"/properties/"+token, at, most)...)
			continue
		}
		if i, ok := place[owner[name]]; ok {
			out[i].paths = append(out[i].paths, at)
			out[i].leaves += n
			continue
		}
		place[owner[name]] = len(out)
		out = append(out, group{paths: [][]string{at}, leaves: n})
	}
	return out
}

// tied maps every property to the first of those that rules tie it to; to itself when there is none.
func tied(object map[string]any, names []string) map[string]string {
	owner := map[string]string{}
	for _, name := range names {
		owner[name] = name
	}
	for _, set := range rules(object, names) {
		if len(set) == 0 {
			continue
		}
		first := owner[set[0]]
		for _, name := range set[1:] {
			from := owner[name]
			for n, o := range owner {
				if o == from {
					owner[n] = first
				}
			}
		}
	}
	return owner
}

// rules lists which properties each rule of an object names. if, then and else are one rule.
func rules(object map[string]any, names []string) [][]string {
	var out [][]string
	var condition []any
	for key, v := range object {
		switch {
		case !isRule(key):
		case key == "if", key == "then", key == "else":
			condition = append(condition, v)
		case key == "allOf":
			for _, sub := range asList(v) {
				out = append(out, named(sub, names))
			}
		default:
			out = append(out, named(v, names))
		}
	}
	return append(out, named(condition, names))
}

// named lists the properties that a rule speaks of, in the order of names.
func named(rule any, names []string) []string {
	said := map[string]bool{}
	spoken(rule, said)
	var out []string
	if len(said) == 0 {
		return out
	}
	for _, name := range names {
		if said[name] {
			out = append(out, name)
		}
	}
	return out
}

// spoken collects every name and text of a rule.
func spoken(v any, said map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			said[key] = true
			spoken(member, said)
		}
	case []any:
		for _, e := range v {
			spoken(e, said)
		}
	case string:
		said[v] = true
	}
}

// prune returns the object's schema with the properties at paths alone. Rules that name none of the object's properties
// stand in the first part only.
func prune(object map[string]any, paths [][]string, first bool) map[string]any {
	properties, _ := object["properties"].(map[string]any) // absent is empty
	names := slices.Sorted(maps.Keys(properties))
	kept := map[string]any{}
	deeper := map[string][][]string{}
	for _, path := range paths {
		if len(path) == 1 {
			kept[path[0]] = properties[path[0]]
			continue
		}
		deeper[path[0]] = append(deeper[path[0]], path[1:])
	}
	for name, rest := range deeper {
		sub, _ := properties[name].(map[string]any) // only objects were cut
		kept[name] = prune(sub, rest, first)
	}
	holds := func(rule any) bool {
		speaks := named(rule, names)
		for _, name := range speaks {
			if _, ok := kept[name]; !ok {
				return false
			}
		}
		return first || len(speaks) > 0
	}
	out := map[string]any{"properties": kept}
	for key, v := range object {
		switch {
		case key == "properties", key == "$defs", key == "definitions":
		case key == "required":
			if list := among(asList(v), kept); len(list) > 0 {
				out[key] = list
			}
		case key == "allOf":
			list := slices.DeleteFunc(slices.Clone(asList(v)), func(rule any) bool { return !holds(rule) })
			if len(list) > 0 {
				out[key] = list
			}
		case key == "additionalProperties" && v != false:
			out[key] = false
			if first {
				out[key] = v
			}
		case key == "if", key == "then", key == "else":
			if holds([]any{object["if"], object["then"], object["else"]}) {
				out[key] = v
			}
		case isRule(key):
			if holds(v) {
				out[key] = v
			}
		default:
			out[key] = v
		}
	}
	return out
}

// among keeps the names that are there.
func among(names []any, kept map[string]any) []any {
	var out []any
	for _, v := range names {
		name, _ := v.(string) // a compiled schema has names here
		if _, ok := kept[name]; ok {
			out = append(out, v)
		}
	}
	return out
}

// addDefinitions gives a part the definitions that it refers to, and those that they refer to.
func (s *Schema) addDefinitions(part map[string]any) {
	root, _ := s.document.(map[string]any) // a compiled schema is an object
	have := map[string]bool{}
	pending := refsOf(part, nil)
	for len(pending) > 0 {
		ref := pending[0]
		pending = pending[1:]
		tokens := strings.Split(strings.TrimPrefix(ref, "#/"), "/")
		if have[ref] || len(tokens) < 2 {
			continue
		}
		have[ref] = true
		key, name := tokens[0], strings.NewReplacer("~1", "/", "~0", "~").Replace(tokens[1])
		all, _ := root[key].(map[string]any) // absent is empty
		definition, ok := all[name]
		if !ok {
			continue
		}
		mine, _ := part[key].(map[string]any) // absent until the first
		if mine == nil {
			mine = map[string]any{}
			part[key] = mine
		}
		mine[name] = definition
		pending = refsOf(definition, pending)
	}
}

func refsOf(v any, out []string) []string {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			if ref, ok := member.(string); ok && key == "$ref" {
				out = append(out, ref)
				continue
			}
			out = refsOf(member, out)
		}
	case []any:
		for _, element := range v {
			out = refsOf(element, out)
		}
	}
	return out
}
