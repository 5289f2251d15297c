package identity

import (
	"strings"
	"testing"
)

func TestTokensAreDistinctAndParse(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		tok, err := newToken()
		if err != nil {
			t.Fatal(err)
		}
		prefix, ok := parseToken(tok)
		if !ok || !strings.HasPrefix(tok, prefix) || len(prefix) != len(tokenMark)+prefixLen || seen[tok] {
			t.Fatalf("token %q: prefix %q, %v, seen %v", tok, prefix, ok, seen[tok])
		}
		seen[tok] = true
	}
}

func FuzzParseToken(f *testing.F) {
	tok, err := newToken()
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", tok, tok[1:], tok + " ", tokenMark, strings.Repeat("_", tokenLen), "stw_\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		prefix, ok := parseToken(s)
		if !ok {
			return
		}
		if cut := len(s) - checkLen; len(s) != tokenLen || !strings.HasPrefix(s, prefix+"_") || checksum(s[:cut]) != s[cut:] {
			t.Fatalf("parseToken(%q) accepted it with prefix %q", s, prefix)
		}
	})
}
