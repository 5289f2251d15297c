package model

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// flatten lists the causes of a validation error in words that a model can act on. Of alternatives, of which none
// matched, only the one that came nearest speaks: the others would send the model in all directions at once.
func flatten(v *jsonschema.ValidationError) []string {
	w := newWords()
	w.walk(v)
	return w.list
}

func newWords() *words {
	return &words{seen: map[string]bool{}, printer: message.NewPrinter(language.English)}
}

// words collects messages.
type words struct {
	list    []string
	seen    map[string]bool
	printer *message.Printer
}

func (w *words) walk(v *jsonschema.ValidationError) {
	if len(w.list) == maxMessages {
		return
	}
	switch k := v.ErrorKind.(type) {
	case *kind.AnyOf:
		w.alternatives(v)
		return
	case *kind.OneOf:
		if len(k.Subschemas) == 0 {
			w.alternatives(v)
			return
		}
	}
	if len(v.Causes) == 0 {
		w.add(v.InstanceLocation, w.of(v))
		return
	}
	for _, cause := range v.Causes {
		w.walk(cause)
	}
}

// add appends a message about a place in the answer, once.
func (w *words) add(at []string, text string) {
	if len(at) > 0 {
		text = "at " + pointer(at) + ": " + text
	}
	if text = clipText(text, 300); !w.seen[text] && len(w.list) < maxMessages {
		w.seen[text] = true
		w.list = append(w.list, text)
	}
}

// alternatives speaks for the alternative that came nearest; when none takes a value of this type, it names the types that they take.
func (w *words) alternatives(v *jsonschema.ValidationError) {
	var best *jsonschema.ValidationError
	least := 0
	var types []string
	got := ""
	for _, cause := range v.Causes {
		if t := typeFault(cause, len(v.InstanceLocation)); t != nil {
			got = t.Got
			for _, name := range t.Want {
				if !slices.Contains(types, name) {
					types = append(types, name)
				}
			}
			continue
		}
		if n := faults(cause); best == nil || n < least {
			best, least = cause, n
		}
	}
	switch {
	case best != nil:
		w.walk(best)
	case len(types) > 0:
		w.add(v.InstanceLocation, fmt.Sprintf("got %s, want %s", got, strings.Join(types, " or ")))
	default:
		w.add(v.InstanceLocation, w.of(v))
	}
}

// typeFault returns the fault of an alternative that takes values of another type, nil for other faults. depth is where the
// alternatives are judged.
func typeFault(v *jsonschema.ValidationError, depth int) *kind.Type {
	for {
		if t, ok := v.ErrorKind.(*kind.Type); ok && len(v.InstanceLocation) == depth {
			return t
		}
		if len(v.Causes) != 1 {
			return nil
		}
		v = v.Causes[0]
	}
}

// faults counts the innermost causes.
func faults(v *jsonschema.ValidationError) int {
	if len(v.Causes) == 0 {
		return 1
	}
	n := 0
	for _, cause := range v.Causes {
		n += faults(cause)
	}
	return n
}

// of words one fault.
func (w *words) of(v *jsonschema.ValidationError) string {
	switch k := v.ErrorKind.(type) {
	case *kind.Required:
		return "these properties are required and missing: " + strings.Join(quoted(k.Missing), ", ")
	case *kind.DependentRequired:
		return fmt.Sprintf("with %q there must also be: %s", k.Prop, strings.Join(quoted(k.Missing), ", "))
	case *kind.Dependency:
		return fmt.Sprintf("with %q there must also be: %s", k.Prop, strings.Join(quoted(k.Missing), ", "))
	case *kind.AdditionalProperties:
		return "these properties are not in the schema, leave them out: " + strings.Join(quoted(k.Properties), ", ")
	case *kind.FalseSchema:
		return "the schema allows no value here, leave it out"
	case *kind.Enum:
		return fmt.Sprintf("got %s, want one of %s", show(k.Got), showAll(k.Want))
	case *kind.Const:
		return fmt.Sprintf("got %s, want %s", show(k.Got), show(k.Want))
	case *kind.Format:
		return fmt.Sprintf("got %s, want the format %s%s", show(k.Got), k.Want, formatHint(k.Want))
	case *kind.Pattern:
		return fmt.Sprintf("got %s, want a text that matches the pattern %s", show(k.Got), k.Want)
	case *kind.Not:
		return "this value is one that the schema excludes"
	case *kind.AnyOf:
		return "none of the schema's alternatives matches"
	case *kind.OneOf:
		if len(k.Subschemas) > 1 {
			return "more than one of the schema's alternatives matches, exactly one must"
		}
		return "none of the schema's alternatives matches"
	case *kind.UniqueItems:
		return fmt.Sprintf("the elements %d and %d are equal, all must differ", k.Duplicates[0], k.Duplicates[1])
	}
	return v.ErrorKind.LocalizedString(w.printer)
}

// formatHint shows what a format looks like.
func formatHint(format string) string {
	switch format {
	case "date":
		return ": YYYY-MM-DD, such as 2026-02-03"
	case "date-time":
		return ": such as 2026-02-03T14:30:00Z"
	case "time":
		return ": such as 14:30:00Z"
	case "duration":
		return ": such as P30D or PT2H"
	case "email":
		return ": such as name@example.com"
	case "uri":
		return ": such as https://example.com/page"
	case "uuid":
		return ": such as 123e4567-e89b-12d3-a456-426614174000"
	}
	return ""
}

func quoted(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = fmt.Sprintf("%q", name)
	}
	return out
}

// show writes a value of an answer, cut.
func show(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return clipText(string(data), 60)
}

// maxShown is how many words of an enumeration a message names.
const maxShown = 12

func showAll(list []any) string {
	var parts []string
	for i, v := range list {
		if i == maxShown {
			parts = append(parts, fmt.Sprintf("… (%d in all)", len(list)))
			break
		}
		parts = append(parts, show(v))
	}
	return strings.Join(parts, ", ")
}
