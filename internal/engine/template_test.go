package engine

import (
	"strings"
	"testing"
)

func knownKeys(keys ...string) func(string) bool {
	return func(k string) bool {
		for _, key := range keys {
			if k == key {
				return true
			}
		}
		return false
	}
}

// show writes a template with its references in angle brackets.
func show(t template) string {
	var sb strings.Builder
	for _, s := range t {
		if s.key != "" {
			sb.WriteString("<" + s.key + ">")
		} else {
			sb.WriteString(s.literal)
		}
	}
	return sb.String()
}

func TestTemplatesAreParsed(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                       "",
		"plain":                  "plain",
		"${text}":                "<text>",
		"$text":                  "<text>",
		"a ${text} and $other.":  "a <text> and <other>.",
		"$$text":                 "$text",
		"$${text}":               "${text}",
		"$unknown stays":         "$unknown stays",
		"US$ 12 and $5":          "US$ 12 and $5",
		"$textual is not $text":  "$textual is not <text>",
		"$":                      "$",
		"$$":                     "$",
		"$$$text":                "$<text>",
		"${text}${other}":        "<text><other>",
		"ends with ${text} here": "ends with <text> here",
	} {
		got, err := parseTemplate(in, knownKeys("text", "other"))
		if err != nil || show(got) != want {
			t.Errorf("parseTemplate(%q) = %q, %v, want %q", in, show(got), err, want)
		}
	}
}

func TestUnknownTemplateKeysAreErrors(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"${name}":       "unknown template key name",
		"a ${x.y} b":    "unknown template key x.y",
		"${}":           "unknown template key ",
		"open ${text":   "unclosed template",
		"nested ${${t}": "unknown template key ${t",
	} {
		if _, err := parseTemplate(in, knownKeys("text")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseTemplate(%q) = %v, want %q", in, err, want)
		}
	}
}

func FuzzParseTemplate(f *testing.F) {
	for _, s := range []string{"", "${text}", "$text", "$$", "a $unknown ${other}", "${", "$${x}", "${text}$text$$$", "\xff${text}"} {
		f.Add(s)
	}
	known := knownKeys("text", "other")
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := parseTemplate(s, known)
		if err != nil {
			return
		}
		// Writing the template back, with dollar signs doubled and references in braces, and parsing that gives the same.
		var sb strings.Builder
		for _, seg := range parsed {
			if seg.key != "" {
				if !known(seg.key) {
					t.Fatalf("parseTemplate(%q) refers to %q", s, seg.key)
				}
				sb.WriteString("${" + seg.key + "}")
			} else {
				sb.WriteString(strings.ReplaceAll(seg.literal, "$", "$$"))
			}
		}
		again, err := parseTemplate(sb.String(), known)
		if err != nil || show(again) != show(parsed) {
			t.Fatalf("parseTemplate(%q) = %q, written back %q = %q, %v", s, show(parsed), sb.String(), show(again), err)
		}
	})
}
