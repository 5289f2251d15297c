package answer

import (
	"fmt"
	"strconv"

	"github.com/stewardhq/steward/internal/model"
)

// trim cuts lists that became longer than the schema allows when answers about several parts were joined, each of which was short
// enough. The first elements stay. It returns what was left out, in words for users.
func (t *tree) trim(place model.Place, path string) []string {
	var warnings []string
	switch t.kind {
	case '{':
		for i, name := range t.names {
			if t.values[i].kind != 'v' {
				warnings = append(warnings, t.values[i].trim(place.Property(name), path+"/"+escape(name))...)
			}
		}
	case '[':
		if most, ok := place.MaxItems(); ok && len(t.values) > most {
			warnings = append(warnings, fmt.Sprintf("The parts of the documents gave %d elements for %s, and output_schema allows %d: the first of them were kept.", len(t.values), shown(path), most))
			t.values = t.values[:most]
		}
		for i, v := range t.values {
			if v.kind != 'v' {
				warnings = append(warnings, v.trim(place.Element(i), path+"/"+strconv.Itoa(i))...)
			}
		}
	}
	return warnings
}

// shortfalls says in words for users where the answer has less than the schema asks for.
func shortfalls(schema *model.Schema, value []byte) []string {
	var warnings []string
	for _, fault := range schema.Shortfalls(value) {
		warnings = append(warnings, "The documents gave less than output_schema asks for: "+fault+".")
	}
	return warnings
}

// shown is a JSON Pointer in words for users.
func shown(path string) string {
	if path == "" {
		return "the list"
	}
	return path
}
