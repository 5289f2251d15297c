package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
)

// A value is nil, a bool, a json.Number, a string, a []any or an *object.

// object is a JSON object that remembers the order of its members.
type object struct {
	names  []string
	values map[string]any
}

// set adds a member or replaces its value.
func (o *object) set(name string, v any) {
	if o.values == nil {
		o.values = map[string]any{}
	}
	if _, ok := o.values[name]; !ok {
		o.names = append(o.names, name)
	}
	o.values[name] = v
}

// deepest is how deep values may be nested.
const deepest = 500

// errDeep is the fault of a value that is nested deeper.
var errDeep = fmt.Errorf("values are nested deeper than %d levels", deepest)

// decodeJSON reads one JSON value and nothing behind it.
func decodeJSON(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	v, err := readValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands behind the JSON value")
	}
	return v, nil
}

func readValue(dec *json.Decoder, depth int) (any, error) {
	if depth > deepest {
		return nil, errDeep
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := readValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.Token()
		return list, err
	case json.Delim('{'):
		return readObject(dec, depth)
	}
	return tok, nil
}

func readObject(dec *json.Decoder, depth int) (any, error) {
	o := &object{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, ok := tok.(string)
		if !ok {
			return nil, fmt.Errorf("%v is no name of a member", tok)
		}
		v, err := readValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		o.set(name, v)
	}
	_, err := dec.Token()
	return o, err
}

// encodeJSON writes a value as JSON.
func encodeJSON(b *bytes.Buffer, v any) error {
	switch v := v.(type) {
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := encodeJSON(b, e); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	case *object:
		b.WriteByte('{')
		for i, name := range v.names {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(jsonText(name))
			b.WriteByte(':')
			if err := encodeJSON(b, v.values[name]); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return nil
	case string:
		b.Write(jsonText(v))
		return nil
	}
	text, err := json.Marshal(v)
	b.Write(text)
	return err
}

// jsonText is a string in JSON, without the escapes that only HTML needs. What is not UTF-8 becomes U+FFFD.
func jsonText(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes, and a buffer takes everything
	return bytes.TrimRight(b.Bytes(), "\n")
}

// equal compares two values by what they mean.
func equal(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case *object:
		b, ok := b.(*object)
		if !ok || len(a.names) != len(b.names) {
			return false
		}
		for name, v := range a.values {
			if w, ok := b.values[name]; !ok || !equal(v, w) {
				return false
			}
		}
		return true
	case json.Number:
		b, ok := b.(json.Number)
		return ok && sameNumber(a, b)
	}
	return a == b
}

// longestNumber bounds what is calculated with: 1e999999999 is a short text of a number that fills a memory.
const longestNumber = 400

// sameNumber compares two numbers exactly; those of monstrous size by their text.
func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	ra, oka := rational(a)
	rb, okb := rational(b)
	return oka && okb && ra.Cmp(rb) == 0
}

func rational(n json.Number) (*big.Rat, bool) {
	s := string(n)
	if i := strings.IndexAny(s, "eE"); i >= 0 && len(strings.TrimLeft(s[i+1:], "+-0")) > 3 || len(s) > longestNumber {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}
