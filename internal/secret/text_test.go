package secret_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/secret"
)

// textKey is a key of 32 different bytes in base64.
func textKey(first byte) string {
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = first + byte(i)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func TestKeysGivenAsText(t *testing.T) {
	t.Parallel()
	box := func(text string) *secret.Box {
		b, err := secret.FromText(text)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	old, fresh := textKey(1), textKey(100)
	sealed := seal(t, box(old), "row", []byte("hidden"))
	for what, b := range map[string]*secret.Box{"the same key": box(old), "a newer key behind it": box(" " + old + " , " + fresh)} {
		got, err := b.Open(org, "row", sealed)
		if err != nil || string(got) != "hidden" {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	both := box(old + "," + fresh)
	if !both.Stale(sealed) || both.Stale(seal(t, both, "row", nil)) {
		t.Error("the newest key is not the one that seals")
	}
	if _, err := box(fresh).Open(org, "row", sealed); err == nil {
		t.Error("another key opens it")
	}
	if err := both.Rotate(); steward.CodeOf(err) != steward.Unsupported {
		t.Errorf("Rotate: %v", err)
	}
}

func TestTextThatIsNoKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", ",", "sesame", textKey(1)[:40], textKey(1) + ",", strings.Repeat("A", 43) + "=", base64.StdEncoding.EncodeToString(make([]byte, 16)),
	} {
		_, err := secret.FromText(text)
		if steward.CodeOf(err) != steward.Invalid {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil && text != "" && text != "," && strings.Contains(err.Error(), text) {
			t.Errorf("the error repeats the text: %v", err)
		}
	}
}
