package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Decoder takes typed values out of a body's members and collects what is wrong with them, by field. null counts as absent,
// unknown members are left alone. Form fields hold JSON as text.
type Decoder struct {
	members map[string]Member
	prefix  string // of field names in errors, such as "input_definitions[2]."
	errs    *FieldErrors
}

// NewDecoder returns a Decoder of a body. Of members with equal keys the last one counts.
func NewDecoder(members []Member) *Decoder {
	return newDecoder(members, "", &FieldErrors{})
}

func newDecoder(members []Member, prefix string, errs *FieldErrors) *Decoder {
	d := &Decoder{members: make(map[string]Member, len(members)), prefix: prefix, errs: errs}
	for _, m := range members {
		d.members[m.Key] = m
	}
	return d
}

// Err returns what was wrong, nil when nothing.
func (d *Decoder) Err() error {
	if len(*d.errs) == 0 {
		return nil
	}
	return *d.errs
}

// fail notes an error, unless there are so many that one more helps nobody.
func (d *Decoder) fail(field, message string) {
	if !d.full() {
		*d.errs = append(*d.errs, FieldError{d.prefix + field, message})
	}
}

func (d *Decoder) full() bool { return len(*d.errs) >= maxErrors }

// get returns a member that is there and not null.
func (d *Decoder) get(field string) (Member, bool) {
	m, ok := d.members[field]
	return m, ok && !m.IsNull()
}

// Has reports whether a field is there and not null.
func (d *Decoder) Has(field string) bool {
	_, ok := d.get(field)
	return ok
}

// Text returns a string; "" when absent.
func (d *Decoder) Text(field string) string {
	m, ok := d.get(field)
	if !ok {
		return ""
	}
	s, ok := m.String()
	if !ok {
		d.fail(field, "Not a valid string.")
	}
	return s
}

// NotBlank returns a string that may be absent but not blank.
func (d *Decoder) NotBlank(field string) string {
	s := d.Text(field)
	if _, there := d.get(field); there && strings.TrimSpace(s) == "" {
		d.failBlank(field)
	}
	return s
}

// Required returns a string that must be there and not blank.
func (d *Decoder) Required(field string) string {
	if _, there := d.get(field); !there {
		d.fail(field, "This field is required.")
		return ""
	}
	return d.NotBlank(field)
}

// failBlank complains unless the field is in error already.
func (d *Decoder) failBlank(field string) {
	for _, e := range *d.errs {
		if e.Field == d.prefix+field {
			return
		}
	}
	d.fail(field, "This field may not be blank.")
}

// Bool returns a boolean, sent as such or as text; false when absent.
func (d *Decoder) Bool(field string) bool {
	m, ok := d.get(field)
	if !ok {
		return false
	}
	s, isText := m.String()
	if !isText {
		s = string(m.Raw)
	}
	v, err := Bool(field, s, false)
	if err != nil {
		d.fail(field, "Must be a valid boolean.")
	}
	return v
}

// value returns a member's JSON, out of its text for form fields.
func (d *Decoder) value(field string) (json.RawMessage, bool) {
	m, ok := d.get(field)
	if !ok {
		return nil, false
	}
	if m.Raw != nil {
		return bytes.TrimSpace(m.Raw), true
	}
	text := []byte(strings.TrimSpace(m.Text))
	if len(text) == 0 || string(text) == "null" {
		return nil, false
	}
	if err := CheckJSON(text); err != nil {
		d.fail(field, "Value must be valid JSON.")
		return nil, false
	}
	return text, true
}

// Object returns a JSON object as it was sent; nil when absent.
func (d *Decoder) Object(field string) json.RawMessage {
	raw, ok := d.value(field)
	if !ok {
		return nil
	}
	if raw[0] != '{' {
		d.fail(field, "Expected a JSON object.")
		return nil
	}
	return raw
}

// elements returns the elements of a list; nil when absent or in error.
func (d *Decoder) elements(field, expected string) []json.RawMessage {
	raw, ok := d.value(field)
	if !ok {
		return nil
	}
	list, err := Elements(raw, maxElements)
	switch {
	case err != nil:
		d.fail(field, expected)
		return nil
	case len(list) > maxElements:
		d.fail(field, fmt.Sprintf("Ensure this field has no more than %d elements.", maxElements))
		return nil
	case list == nil:
		return []json.RawMessage{}
	}
	return list
}

// List calls read for each object of a list, in order. Errors of an item name it as field[index].key.
func (d *Decoder) List(field string, read func(i int, item *Decoder)) {
	for i, item := range d.elements(field, "Expected a list of items.") {
		if d.full() {
			return
		}
		name := fmt.Sprintf("%s[%d]", field, i)
		if item[0] != '{' {
			d.fail(name, "Expected a JSON object.")
			continue
		}
		members, err := Members(item)
		if err != nil {
			d.fail(name, "Expected a JSON object.")
			continue
		}
		read(i, newDecoder(members, d.prefix+name+".", d.errs))
	}
}
