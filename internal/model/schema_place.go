package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Place is a part of a schema: what it says about one value of an answer. Of the zero Place nothing is known.
type Place struct {
	schema *Schema
	at     []branch
}

// branch is one subschema that speaks about a value, with where it stands.
type branch struct {
	schema map[string]any
	path   string // JSON Pointer
	choice bool   // one of several alternatives: what it says need not hold
}

// Property is a property that a schema names.
type Property struct {
	Name     string
	Required bool
	Place    Place
}

// Root is what the schema says about the answer in the caller's shape.
func (s *Schema) Root() Place {
	root, _ := s.document.(map[string]any) // a compiled schema is an object
	return s.place(branch{schema: root})
}

// maxBranches bounds how many references and alternatives of one value are followed: schemas may go in circles.
const maxBranches = 64

// place collects everything that speaks about a value: the schema, what it refers to, its alternatives.
func (s *Schema) place(first ...branch) Place {
	p := Place{schema: s, at: first}
	for i := 0; i < len(p.at) && len(p.at) < maxBranches; i++ {
		b := p.at[i]
		if ref, ok := b.schema["$ref"].(string); ok {
			if to, path := s.resolve(ref); to != nil && !slices.ContainsFunc(p.at, func(o branch) bool { return o.path == path }) {
				p.at = append(p.at, branch{to, path, b.choice})
			}
		}
		for _, key := range []string{"allOf", "anyOf", "oneOf"} {
			list := asList(b.schema[key])
			for n, v := range list {
				if sub, ok := v.(map[string]any); ok {
					choice := b.choice || key != "allOf" && alternatives(list) > 1
					p.at = append(p.at, branch{sub, fmt.Sprintf("%s/%s/%d", b.path, key, n), choice})
				}
			}
		}
	}
	return p
}

// alternatives counts those that are more than null.
func alternatives(list []any) int {
	n := 0
	for _, v := range list {
		if sub, ok := v.(map[string]any); !ok || sub["type"] != "null" {
			n++
		}
	}
	return n
}

// resolve follows a reference within the document; nil when it leads nowhere.
func (s *Schema) resolve(ref string) (map[string]any, string) {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok || path != "" && path[0] != '/' {
		return nil, ""
	}
	at := s.document
	for _, token := range strings.Split(path, "/")[1:] {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		node, ok := at.(map[string]any)
		if !ok {
			return nil, ""
		}
		at = node[token]
	}
	if path == "" {
		at = s.document
	}
	schema, _ := at.(map[string]any) // anything else is no schema
	return schema, path
}

// Known reports whether the schema says anything about the value.
func (p Place) Known() bool { return len(p.at) > 0 }

// Property is what is said about a property, in whichever alternative names it.
func (p Place) Property(name string) Place {
	var found []branch
	token := strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	for _, b := range p.at {
		properties, _ := b.schema["properties"].(map[string]any) // absent is empty
		if sub, ok := properties[name].(map[string]any); ok {
			found = append(found, branch{sub, b.path + "/properties/" + token, b.choice})
		}
	}
	if len(found) == 0 {
		for _, b := range p.at {
			if sub, ok := b.schema["additionalProperties"].(map[string]any); ok {
				found = append(found, branch{sub, b.path + "/additionalProperties", b.choice})
			}
		}
	}
	if len(found) == 0 {
		return Place{}
	}
	return p.schema.place(found...)
}

// Element is what is said about the i-th element of a list.
func (p Place) Element(i int) Place {
	var found []branch
	for _, b := range p.at {
		tuple, key := asList(b.schema["prefixItems"]), "prefixItems"
		if list, old := b.schema["items"].([]any); old {
			tuple, key = list, "items"
		}
		rest := "items"
		if key == "items" {
			rest = "additionalItems"
		}
		if i < len(tuple) {
			if sub, ok := tuple[i].(map[string]any); ok {
				found = append(found, branch{sub, fmt.Sprintf("%s/%s/%d", b.path, key, i), b.choice})
			}
			continue
		}
		if sub, ok := b.schema[rest].(map[string]any); ok {
			found = append(found, branch{sub, b.path + "/" + rest, b.choice})
		}
	}
	if len(found) == 0 {
		return Place{}
	}
	return p.schema.place(found...)
}

// Properties lists the properties that an object must or may have whichever alternative it follows, in the order in
// which the schema names them.
func (p Place) Properties() []Property {
	var out []Property
	at := map[string]int{}
	for _, b := range p.at {
		if b.choice {
			continue
		}
		properties, _ := b.schema["properties"].(map[string]any) // absent is empty
		for _, name := range p.schema.namesAt(b.path, properties) {
			if _, known := at[name]; !known {
				at[name] = len(out)
				out = append(out, Property{Name: name, Place: p.Property(name)})
			}
		}
	}
	for _, b := range p.at {
		if b.choice {
			continue
		}
		for _, v := range asList(b.schema["required"]) {
			name, _ := v.(string) // a compiled schema has names here
			if i, ok := at[name]; ok {
				out[i].Required = true
			}
		}
	}
	return out
}

// Choices lists the words of an enumeration; nil when the value is free.
func (p Place) Choices() []string {
	var out []string
	for _, b := range p.at {
		list := asList(b.schema["enum"])
		if v, ok := b.schema["const"]; ok {
			list = []any{v}
		}
		for _, v := range list {
			switch v := v.(type) {
			case string:
				out = append(out, v)
			case json.Number:
				out = append(out, v.String())
			}
		}
		if list == nil && b.choice && b.schema["type"] != "null" && b.schema["$ref"] == nil && alternativesOf(b.schema) == 0 {
			return nil // an alternative that is free
		}
	}
	return out
}

func alternativesOf(schema map[string]any) int {
	return len(asList(schema["allOf"])) + len(asList(schema["anyOf"])) + len(asList(schema["oneOf"]))
}

// Description is what the schema says in words about the value: its description, else its title; "" when it says nothing.
func (p Place) Description() string {
	for _, key := range []string{"description", "title"} {
		for _, b := range p.at {
			if text, ok := b.schema[key].(string); ok && text != "" {
				return text
			}
		}
	}
	return ""
}

// Nullable reports whether the schema itself says that null is a value.
func (p Place) Nullable() bool {
	for _, b := range p.at {
		if slices.Contains(asList(b.schema["enum"]), nil) || mayBe(b.schema["type"], "null") {
			return true
		}
		if v, ok := b.schema["const"]; ok && v == nil {
			return true
		}
	}
	return false
}

// IsList reports whether the value is described as a list.
func (p Place) IsList() bool {
	return slices.ContainsFunc(p.at, func(b branch) bool { return mayBe(b.schema["type"], "array") })
}

// namesAt lists the names under "properties" of the schema at a path as they are written there.
func (s *Schema) namesAt(path string, properties map[string]any) []string {
	s.orderOnce.Do(func() { s.order = namesIn(s.source) })
	if names := s.order[path+"/properties"]; len(names) == len(properties) {
		return names
	}
	names := make([]string, 0, len(properties))
	for name := range properties {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// namesIn reads the order of the names under every "properties" of a schema, by JSON Pointer. Of equal names the last place counts.
func namesIn(raw json.RawMessage) map[string][]string {
	order := map[string][]string{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	var read func(path string, names bool) bool
	read = func(path string, names bool) bool {
		tok, err := dec.Token()
		if err != nil {
			return false
		}
		delim, ok := tok.(json.Delim)
		if !ok {
			return true
		}
		var list []string
		last := map[string]int{} // where a name stands in list the last time
		for i := 0; dec.More(); i++ {
			token := strconv.Itoa(i)
			if delim == '{' {
				key, err := dec.Token()
				if err != nil {
					return false
				}
				name, _ := key.(string) // a key is one
				if names {
					last[name] = len(list)
					list = append(list, name)
				}
				token = strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
			}
			if !read(path+"/"+token, delim == '{' && token == "properties") {
				return false
			}
		}
		if names {
			order[path] = lastOnes(list, last)
		}
		_, err = dec.Token()
		return err == nil
	}
	read("", false) // a compiled schema is valid JSON
	return order
}

// lastOnes keeps each name where it stands the last time.
func lastOnes(list []string, last map[string]int) []string {
	out := make([]string, 0, len(last))
	for i, name := range list {
		if last[name] == i {
			out = append(out, name)
		}
	}
	return out
}
