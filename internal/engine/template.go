package engine

import (
	"fmt"
	"regexp"
	"strings"
)

// keyPattern is what an input key looks like.
var keyPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// ValidKey reports whether s can be the key of an input: a letter or '_', then letters, digits and '_', at most 128 in all.
func ValidKey(s string) bool { return keyPattern.MatchString(s) }

// IsURL reports whether s looks like a URL that can be fetched.
func IsURL(s string) bool {
	return len(s) > len("http://") && (hasPrefixFold(s, "http://") || hasPrefixFold(s, "https://"))
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// template is a parsed string of a configuration: literal text and references to inputs, in order.
type template []segment

// segment is a literal, or a reference when key is set.
type segment struct {
	literal string
	key     string
}

// parseTemplate reads "${key}" and "$key". "$$" is a dollar sign; "$name" with an unknown name stays as it is, as does a
// '$' before anything else. known tells which keys exist.
//
// Errors: "${" without "}", and "${name}" whose name is no known key.
func parseTemplate(s string, known func(key string) bool) (template, error) {
	var t template
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			t = append(t, segment{literal: lit.String()})
			lit.Reset()
		}
	}
	for {
		i := strings.IndexByte(s, '$')
		if i < 0 {
			lit.WriteString(s)
			flush()
			return t, nil
		}
		lit.WriteString(s[:i])
		s = s[i+1:]
		switch {
		case strings.HasPrefix(s, "$"):
			lit.WriteByte('$')
			s = s[1:]
		case strings.HasPrefix(s, "{"):
			end := strings.IndexByte(s, '}')
			if end < 0 {
				return nil, fmt.Errorf("unclosed template %q; write $$ for a dollar sign", clip("$"+s, 40))
			}
			key := s[1:end]
			if !known(key) {
				return nil, fmt.Errorf("unknown template key %s", clip(key, 128))
			}
			flush()
			t = append(t, segment{key: key})
			s = s[end+1:]
		default:
			name := identifier(s)
			if name == "" || !known(name) {
				lit.WriteByte('$')
				continue
			}
			flush()
			t = append(t, segment{key: name})
			s = s[len(name):]
		}
	}
}

// identifier returns the longest key at the start of s.
func identifier(s string) string {
	n := 0
	for n < len(s) && n < 128 {
		c := s[n]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (n == 0 || c < '0' || c > '9') {
			break
		}
		n++
	}
	return s[:n]
}

// whole returns the key when the template is nothing but one reference.
func (t template) whole() (key string, ok bool) {
	if len(t) == 1 && t[0].key != "" {
		return t[0].key, true
	}
	return "", false
}

// static returns the text of a template without references.
func (t template) static() (string, bool) {
	switch {
	case len(t) == 0:
		return "", true
	case len(t) == 1 && t[0].key == "":
		return t[0].literal, true
	}
	return "", false
}

// clip shortens s for a message.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
