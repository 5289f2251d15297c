package webhooks

import (
	"net/http"
	"testing"
	"time"
)

// TestSignaturesAreThoseOfTheSpecification uses the example of the Standard Webhooks specification.
func TestSignaturesAreThoseOfTheSpecification(t *testing.T) {
	t.Parallel()
	key, err := keyOf("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	sign(h, [][]byte{key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got, want := h.Get("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	if got := h.Get("webhook-timestamp"); got != "1614265330" {
		t.Errorf("timestamp %s", got)
	}
	if got := secretText(key); got != "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" {
		t.Errorf("secret %s after there and back", got)
	}
}

func TestWaitsThatReceiversAskFor(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":                              0,
		"soon":                          0,
		"-5":                            0,
		"0":                             0,
		" 90 ":                          90 * time.Second,
		"1.5":                           0,
		"3600":                          time.Hour,
		"86400":                         time.Hour,
		"9223372036854775807":           time.Hour,
		"99999999999999999999":          0,
		"Sun, 01 Mar 2026 12:01:00 GMT": time.Minute,
		"Sun, 01 Mar 2026 11:00:00 GMT": 0,
		"Mon, 02 Mar 2026 12:00:00 GMT": time.Hour,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("Retry-After %q: got %v, want %v", header, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "12", "-1", "Sun, 01 Mar 2026 12:01:00 GMT", "1e9", "０"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d := retryAfter(s, time.Unix(1_772_366_400, 0)); d < 0 || d > maxRetryAfter {
			t.Errorf("%q: %v", s, d)
		}
	})
}

func FuzzSecret(f *testing.F) {
	for _, s := range []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "plain", "whsec_=", "ü"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := keyOf(s)
		if err != nil {
			return
		}
		again, err := keyOf(secretText(key))
		if err != nil && len(secretText(key)) <= maxSecret {
			t.Fatalf("%q: %v", secretText(key), err)
		}
		if err == nil && string(again) != string(key) {
			t.Fatalf("%q: another key after there and back", s)
		}
	})
}
