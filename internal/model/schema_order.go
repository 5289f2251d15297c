package model

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Order is the order in which a schema names its properties. Models answer in the order in which they are asked, and those that are held
// to a schema can in no other: an author who asks for the reasons before the verdict wants them written first. Maps forget it; Marshal brings it back.
// It is not safe for concurrent use while it is being changed.
type Order struct {
	ranks  map[orderedName]int
	anyone map[string]int // by the name alone, for schemas that were moved or cut
	next   int
}

// orderedName is a name below the nearest property or definition around it.
type orderedName struct{ parent, name string }

// OrderOf reads the order of a schema's properties. What is no JSON, or no object, has none.
func OrderOf(schema json.RawMessage) *Order {
	o := &Order{ranks: map[orderedName]int{}, anyone: map[string]int{}}
	dec := json.NewDecoder(bytes.NewReader(schema))
	dec.UseNumber()
	o.read(dec, "", inSchema, 0)
	return o
}

// Put places names in front of all others below parent, in this order.
func (o *Order) Put(parent string, names ...string) {
	for i, name := range names {
		o.ranks[orderedName{parent, name}] = i - len(names)
	}
}

// Move says that what stood at the top stands below the property parent now.
func (o *Order) Move(parent string) {
	for at, rank := range maps.Clone(o.ranks) {
		if at.parent != "" {
			continue
		}
		delete(o.ranks, at)
		if to := (orderedName{parent, at.name}); o.ranks[to] == 0 {
			o.ranks[to] = rank
		}
	}
}

// What an object's keys are.
type region int

const (
	inSchema region = iota // keywords
	inNames                // names of properties or definitions
	inData                 // no schema at all
)

// maxOrderDepth bounds how deep an order is read.
const maxOrderDepth = 1000

// below says what stands under a keyword.
func below(keyword string) region {
	switch keyword {
	case "properties", "patternProperties", "$defs", "definitions", "dependentSchemas":
		return inNames
	case "enum", "const", "default", "examples", "example":
		return inData
	}
	return inSchema
}

// read takes one value off dec; false when there is no more.
func (o *Order) read(dec *json.Decoder, parent string, where region, depth int) bool {
	token, err := dec.Token()
	if err != nil || depth > maxOrderDepth {
		return false
	}
	delim, _ := token.(json.Delim) // anything else is a plain value
	if delim != '{' && delim != '[' {
		return true
	}
	for dec.More() {
		under, inside := parent, where
		if delim == '{' {
			key, err := dec.Token()
			name, ok := key.(string)
			if err != nil || !ok {
				return false
			}
			switch where {
			case inNames:
				o.note(parent, name)
				under, inside = name, inSchema
			case inSchema:
				inside = below(name)
			case inData:
			}
		}
		if !o.read(dec, under, inside, depth+1) {
			return false
		}
	}
	_, err = dec.Token() // the closing one
	return err == nil
}

func (o *Order) note(parent, name string) {
	o.next++
	if _, known := o.ranks[orderedName{parent, name}]; !known {
		o.ranks[orderedName{parent, name}] = o.next
	}
	if _, known := o.anyone[name]; !known {
		o.anyone[name] = o.next
	}
}

// sort orders names below parent; those that are not known come last, by the alphabet.
func (o *Order) sort(parent string, names []string) {
	rank := func(name string) int {
		if r, ok := o.ranks[orderedName{parent, name}]; ok {
			return r
		}
		if r, ok := o.anyone[name]; ok {
			return r
		}
		return o.next + 1
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
}

// Marshal encodes a schema with its properties in the order, those that are required listed in the same one. Keywords come by the
// alphabet, so equal schemas are equal bytes.
func (o *Order) Marshal(schema any) (json.RawMessage, error) {
	var b bytes.Buffer
	if err := o.write(&b, schema, "", inSchema); err != nil {
		return nil, fmt.Errorf("encode a schema: %w", err)
	}
	return b.Bytes(), nil
}

func (o *Order) write(b *bytes.Buffer, v any, parent string, where region) error {
	switch v := v.(type) {
	case map[string]any:
		return o.writeObject(b, v, parent, where)
	case []any:
		b.WriteByte('[')
		for i, element := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := o.write(b, element, parent, where); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	}
	data, err := json.Marshal(v)
	b.Write(data)
	return err //nolint:wrapcheck // Marshal says what was done
}

func (o *Order) writeObject(b *bytes.Buffer, v map[string]any, parent string, where region) error {
	keys := slices.Sorted(maps.Keys(v))
	if where == inNames {
		o.sort(parent, keys)
	}
	b.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(key)
		if err != nil {
			return err //nolint:wrapcheck // Marshal says what was done
		}
		b.Write(name)
		b.WriteByte(':')
		under, inside, member := parent, where, v[key]
		switch where {
		case inNames:
			under, inside = key, inSchema
		case inSchema:
			inside = below(key)
			if key == "required" {
				member = o.required(parent, member)
			}
		case inData:
		}
		if err := o.write(b, member, under, inside); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// required returns a list of names in the order; anything else as it is.
func (o *Order) required(parent string, v any) any {
	names, ok := v.([]string)
	if list, isList := v.([]any); isList {
		ok = true
		for _, element := range list {
			name, isName := element.(string)
			names, ok = append(names, name), ok && isName
		}
	}
	if !ok {
		return v
	}
	names = slices.Clone(names)
	if names == nil {
		names = []string{}
	}
	o.sort(parent, names)
	return names
}
