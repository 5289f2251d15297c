package identity_test

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/identity"
)

// wellFormed is a token of the right form that nobody has made: the given one with another prefix or another secret.
func wellFormed(token string, change func(body []byte)) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	body := []byte(token[:len(token)-6])
	change(body)
	check, n := make([]byte, 6), crc32.ChecksumIEEE(body)
	for i := 5; i >= 0; i-- {
		check[i], n = digits[n%62], n/62
	}
	return string(body) + string(check)
}

// next is another character.
func next(c byte) byte {
	if c == 'z' {
		return 'a'
	}
	return 'z'
}

// TestRefusalsTakeTheSameTime is coarse: it tells a look into the database from none, which is what an unknown key once took more than
// a known one. Kinds of tokens take turns, so that what else the machine does is the same for all.
func TestRefusalsTakeTheSameTime(t *testing.T) { //nolint:paralleltest // it measures time
	s, _, token, ctx := open(t)
	key, revoked, err := s.CreateKey(ctx, identity.CreateKeyParams{Name: "revoked", Scopes: []steward.Scope{steward.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeKey(ctx, key.ID); err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{
		"revoked": revoked, "unknown": wellFormed(token, func(b []byte) { b[6] = next(b[6]) }), "guessed": wellFormed(token, func(b []byte) { b[20] = next(b[20]) }),
	}
	const rounds = 2000
	for attempt := 1; ; attempt++ {
		took := map[string][]time.Duration{}
		for range rounds {
			for kind, token := range tokens {
				began := time.Now()
				_, err := s.Authenticate(t.Context(), token)
				took[kind] = append(took[kind], time.Since(began))
				if steward.CodeOf(err) != steward.Unauthenticated || !strings.Contains(err.Error(), "Invalid API key") {
					t.Fatalf("%s: %v", kind, err)
				}
			}
		}
		medians := []time.Duration{}
		for _, list := range took {
			slices.Sort(list)
			medians = append(medians, list[rounds/2])
		}
		fastest, slowest := slices.Min(medians), slices.Max(medians)
		if slowest < 2*fastest+time.Microsecond {
			break
		}
		if attempt == 5 {
			t.Fatalf("medians of %v", fmt.Sprint(medians))
		}
	}
	t.Attr("cases", fmt.Sprint(3*rounds))
}

// TestGuessesDriveNoKeyOut asks for more unknown keys than are remembered.
func TestGuessesDriveNoKeyOut(t *testing.T) {
	t.Parallel()
	s, now, token, ctx := open(t)
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for i := range 12_000 {
		guess := wellFormed(token, func(b []byte) { b[4], b[5], b[6] = digits[i%36], digits[i/36%36], digits[i/36/36%36] })
		if _, err := s.Authenticate(ctx, guess); guess != token && steward.CodeOf(err) != steward.Unauthenticated {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	if _, err := s.Authenticate(ctx, token); err != nil {
		t.Error(err)
	}
	// A key that was asked for before it was made works as soon as what was remembered is old.
	now.Advance(3 * time.Second)
	_, made, err := s.CreateKey(ctx, identity.CreateKeyParams{Name: "new", Scopes: []steward.Scope{steward.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(ctx, made); err != nil {
		t.Error(err)
	}
	t.Attr("cases", "12000")
}
