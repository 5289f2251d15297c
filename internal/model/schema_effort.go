package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Bounds of judging. The validator follows a reference wherever it stands, so a small schema whose definitions refer to each other
// twice can ask for more steps than there is time. A step is one part of a schema applied to one value.
const (
	maxSteps      = 100_000 // for one value, before its members and elements
	maxCheckSteps = 200_000 // for an answer, besides stepsPerValue for each of its values
	stepsPerValue = 32
)

// maxParts bounds the objects and booleans of a schema, each of which may be a part of it: the compiler compares every two of them.
const maxParts = 20_000

// Bounds of the numbers in schemas and answers: the validator writes their digits out.
const (
	maxExponent    = 400
	maxNumberBytes = 1000
)

// decodeJSON reads a JSON value for the validator and counts the values in it.
//
// Errors: text that is not JSON, and numbers that are out of bounds, with where they stand.
func decodeJSON(raw []byte) (v any, values int, err error) {
	if v, err = jsonschema.UnmarshalJSON(bytes.NewReader(raw)); err != nil {
		return nil, 0, fmt.Errorf("it is not JSON: %w", err)
	}
	var path []string
	var walk func(v any) bool
	walk = func(v any) bool {
		values++
		switch v := v.(type) {
		case json.Number:
			return isBounded(string(v))
		case map[string]any:
			for name, member := range v {
				if !walk(member) {
					path = append(path, name)
					return false
				}
			}
		case []any:
			for i, element := range v {
				if !walk(element) {
					path = append(path, strconv.Itoa(i))
					return false
				}
			}
		}
		return true
	}
	if !walk(v) {
		at := ""
		for _, token := range path {
			at = pointer([]string{token}) + at
		}
		return nil, 0, fmt.Errorf("the number at %q has an exponent beyond %d or more than %d digits", at, maxExponent, maxNumberBytes)
	}
	return v, values, nil
}

// isBounded reports whether a JSON number can be reckoned with in no time.
func isBounded(number string) bool {
	if len(number) > maxNumberBytes {
		return false
	}
	i := strings.IndexAny(number, "eE")
	if i < 0 {
		return true
	}
	e, err := strconv.Atoi(number[i+1:])
	return err == nil && e >= -maxExponent && e <= maxExponent
}

// weighted is a part of a schema that is applied n times to a value.
type weighted struct {
	schema *jsonschema.Schema
	n      int64
}

// effort counts the steps that judging a value takes, until none are left.
type effort struct {
	left   int64
	closed map[*jsonschema.Schema][]weighted
}

// affordable reports whether a value, in which there are that many values, can be judged within the bounds.
func affordable(schema *jsonschema.Schema, v any, values int) bool {
	e := effort{left: maxCheckSteps + stepsPerValue*int64(values), closed: map[*jsonschema.Schema][]weighted{}}
	return e.visit(v, []weighted{{schema, 1}})
}

// visit counts the steps for v, to which at is applied.
func (e *effort) visit(v any, at []weighted) bool {
	var all []weighted
	for _, w := range at {
		for _, c := range e.close(w.schema) {
			c.n = product(c.n, w.n)
			if e.left -= c.n; e.left < 0 {
				return false
			}
			all = append(all, c)
		}
	}
	switch v := v.(type) {
	case map[string]any:
		all = joined(all)
		for name, member := range v {
			if !e.visit(member, e.member(all, name)) {
				return false
			}
		}
	case []any:
		all = joined(all)
		for i, element := range v {
			if !e.visit(element, e.element(all, i)) {
				return false
			}
		}
	}
	return true
}

// member lists what is applied to a member of an object to which all is applied.
func (e *effort) member(all []weighted, name string) []weighted {
	var out []weighted
	for _, w := range all {
		add := func(s *jsonschema.Schema) {
			if s != nil {
				out = append(out, weighted{s, w.n})
			}
		}
		e.left--
		add(w.schema.PropertyNames)
		add(w.schema.Properties[name])
		for pattern, s := range w.schema.PatternProperties {
			if e.left--; pattern.MatchString(name) {
				add(s)
			}
		}
		if s, ok := w.schema.AdditionalProperties.(*jsonschema.Schema); ok && w.schema.Properties[name] == nil {
			add(s)
		}
		add(w.schema.UnevaluatedProperties)
	}
	return joined(out)
}

// element lists what is applied to the i-th element of a list to which all is applied.
func (e *effort) element(all []weighted, i int) []weighted {
	var out []weighted
	for _, w := range all {
		add := func(s *jsonschema.Schema) {
			if s != nil {
				out = append(out, weighted{s, w.n})
			}
		}
		e.left--
		tuple, rest := w.schema.PrefixItems, w.schema.Items2020
		switch items := w.schema.Items.(type) {
		case *jsonschema.Schema:
			rest = items
		case []*jsonschema.Schema:
			tuple = items
			rest, _ = w.schema.AdditionalItems.(*jsonschema.Schema) // true and false take no steps
		}
		if i < len(tuple) {
			rest = tuple[i]
		}
		add(rest)
		add(w.schema.Contains)
		add(w.schema.UnevaluatedItems)
	}
	return joined(out)
}

// joined makes one entry of those for the same part.
func joined(list []weighted) []weighted {
	if len(list) < 2 {
		return list
	}
	at := make(map[*jsonschema.Schema]int, len(list))
	out := list[:0]
	for _, w := range list {
		if i, ok := at[w.schema]; ok {
			out[i].n = min(out[i].n+w.n, maxProduct)
			continue
		}
		at[w.schema] = len(out)
		out = append(out, w)
	}
	return out
}

// maxProduct bounds counts, so that they never overflow.
const maxProduct = 1 << 31

func product(a, b int64) int64 { return min(a*b, maxProduct) }

// close lists the parts that are applied to a value when s is, s first, with how many ways lead to them.
func (e *effort) close(s *jsonschema.Schema) []weighted {
	if list, ok := e.closed[s]; ok {
		return list
	}
	var order []*jsonschema.Schema // what a part leads to stands before it
	ways := map[*jsonschema.Schema]int64{}
	var walk func(s *jsonschema.Schema)
	walk = func(s *jsonschema.Schema) {
		ways[s] = 0
		for _, next := range together(s) {
			if _, known := ways[next]; !known {
				walk(next)
			}
		}
		order = append(order, s)
	}
	walk(s)
	ways[s] = 1
	list := make([]weighted, 0, len(order))
	for i := len(order) - 1; i >= 0; i-- {
		n := ways[order[i]]
		list = append(list, weighted{order[i], n})
		for _, next := range together(order[i]) { // of a circle, which the validator refuses, the way back is not counted
			ways[next] = min(ways[next]+n, maxProduct)
		}
	}
	e.left -= int64(len(list))
	e.closed[s] = list
	return list
}

// together lists the parts of s that are applied to the same value as s.
func together(s *jsonschema.Schema) []*jsonschema.Schema {
	var out []*jsonschema.Schema
	for _, sub := range []*jsonschema.Schema{s.Ref, s.RecursiveRef, s.Not, s.If, s.Then, s.Else} {
		if sub != nil {
			out = append(out, sub)
		}
	}
	if s.DynamicRef != nil && s.DynamicRef.Ref != nil {
		out = append(out, s.DynamicRef.Ref)
	}
	out = append(append(append(out, s.AllOf...), s.AnyOf...), s.OneOf...)
	for _, sub := range s.DependentSchemas {
		out = append(out, sub)
	}
	for _, v := range s.Dependencies {
		if sub, ok := v.(*jsonschema.Schema); ok {
			out = append(out, sub)
		}
	}
	return out
}

// inside lists the parts of s that are applied to members and elements of the value.
func inside(s *jsonschema.Schema) []*jsonschema.Schema {
	var out []*jsonschema.Schema
	for _, sub := range []*jsonschema.Schema{s.PropertyNames, s.UnevaluatedProperties, s.Contains, s.Items2020, s.UnevaluatedItems} {
		if sub != nil {
			out = append(out, sub)
		}
	}
	for _, sub := range s.Properties {
		out = append(out, sub)
	}
	for _, sub := range s.PatternProperties {
		out = append(out, sub)
	}
	for _, v := range []any{s.AdditionalProperties, s.AdditionalItems, s.Items} {
		switch v := v.(type) {
		case *jsonschema.Schema:
			out = append(out, v)
		case []*jsonschema.Schema:
			out = append(out, v...)
		}
	}
	return append(out, s.PrefixItems...)
}

// parts counts the objects and booleans in a schema.
func parts(v any) int {
	n := 0
	switch v := v.(type) {
	case bool:
		n++
	case map[string]any:
		n++
		for _, member := range v {
			n += parts(member)
		}
	case []any:
		for _, element := range v {
			n += parts(element)
		}
	}
	return n
}

// bounded refuses a schema that takes more than maxSteps for a single value.
func bounded(root *jsonschema.Schema) error {
	steps := map[*jsonschema.Schema]int64{} // 0 while they are counted
	var count func(s *jsonschema.Schema) int64
	count = func(s *jsonschema.Schema) int64 {
		if n, ok := steps[s]; ok {
			return n
		}
		steps[s] = 0
		n := int64(1)
		for _, next := range together(s) {
			n = min(n+count(next), maxProduct)
		}
		steps[s] = n
		return n
	}
	seen := map[*jsonschema.Schema]bool{root: true}
	for pending := []*jsonschema.Schema{root}; len(pending) > 0; {
		s := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if count(s) > maxSteps {
			return errors.New("its references and alternatives multiply: a single value would be judged by more than " + strconv.Itoa(maxSteps) + " parts of it")
		}
		for _, next := range append(together(s), inside(s)...) {
			if !seen[next] {
				seen[next] = true
				pending = append(pending, next)
			}
		}
	}
	return nil
}
