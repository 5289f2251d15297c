package wire

import "encoding/json"

// Strings returns a list of strings; nil when absent.
func (d *Decoder) Strings(field string) []string {
	const expected = "Expected a list of strings."
	list := d.elements(field, expected)
	if list == nil {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, raw := range list {
		s, ok := unquote(raw)
		if !ok {
			d.fail(field, expected)
			return nil
		}
		out = append(out, s)
	}
	return out
}

// StringMap returns an object whose values are strings; nil when absent.
func (d *Decoder) StringMap(field string) map[string]string {
	raw := d.Object(field)
	if raw == nil {
		return nil
	}
	var values map[string]*string
	if json.Unmarshal(raw, &values) != nil {
		d.fail(field, "Expected an object whose values are strings.")
		return nil
	}
	out := make(map[string]string, len(values))
	for name, s := range values {
		if s == nil {
			d.fail(field, "Expected an object whose values are strings.")
			return nil
		}
		out[name] = *s
	}
	return out
}
