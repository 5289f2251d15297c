package model

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// withoutMisformatted returns an answer with null for every text that has not the format which the schema asks for; false when there
// is none. It is for readers that cannot be asked again: what they found is not what was asked for.
func (s *Schema) withoutMisformatted(value json.RawMessage) (_ json.RawMessage, ok bool) {
	fault, err := s.judge(value, true)
	if err != nil || fault == nil {
		return value, false
	}
	faulty := map[string]bool{}
	var walk func(v *jsonschema.ValidationError)
	walk = func(v *jsonschema.ValidationError) {
		if _, ok := v.ErrorKind.(*kind.Format); ok {
			faulty[pointer(v.InstanceLocation)] = true
		}
		for _, cause := range v.Causes {
			walk(cause)
		}
	}
	walk(fault)
	return nullAt(value, faulty), len(faulty) > 0
}

// nullAt writes null for the texts at the given JSON Pointers and leaves everything else as it is written.
func nullAt(value json.RawMessage, at map[string]bool) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(value))
	var out bytes.Buffer
	done := 0
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var read func(path string) bool
	read = func(path string) bool {
		before := int(dec.InputOffset())
		tok, err := dec.Token()
		if err != nil {
			return false
		}
		delim, nested := tok.(json.Delim)
		if !nested {
			if _, text := tok.(string); text && at[path] {
				start := before + bytes.IndexByte(value[before:], '"')
				out.Write(value[done:start])
				out.WriteString("null")
				done = int(dec.InputOffset())
			}
			return true
		}
		for i := 0; dec.More(); i++ {
			name := strconv.Itoa(i)
			if delim == '{' {
				key, err := dec.Token()
				if err != nil {
					return false
				}
				name, _ = key.(string) // a key is one
			}
			if !read(path + "/" + escape.Replace(name)) {
				return false
			}
		}
		_, err = dec.Token()
		return err == nil
	}
	if !read("") {
		return value
	}
	out.Write(value[done:])
	return out.Bytes()
}
