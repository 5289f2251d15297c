package webhooks

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stewardhq/steward"
)

// secretPrefix opens secrets in the form of the Standard Webhooks specification; base64 of the key follows.
const secretPrefix = "whsec_"

const (
	maxSecret  = 255 // characters of a secret that a caller brings
	newKeySize = 32  // bytes
)

// keyOf returns the signing key that a caller's secret stands for: the decoded base64 behind "whsec_", or the bytes of any other text.
// "" is a new random key.
//
// Errors: Invalid naming secret.
func keyOf(text string) ([]byte, error) {
	if text == "" {
		key := make([]byte, newKeySize)
		if _, err := rand.Read(key); err != nil {
			return nil, fmt.Errorf("make secret: %w", err)
		}
		return key, nil
	}
	if utf8.RuneCountInString(text) > maxSecret {
		return nil, invalid("secret", fmt.Sprintf("Ensure this field has no more than %d characters.", maxSecret))
	}
	coded, is := strings.CutPrefix(text, secretPrefix)
	if !is {
		return []byte(text), nil
	}
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(coded, "="))
	if err != nil || len(key) == 0 {
		return nil, invalid("secret", "Behind whsec_ there must be a key in base64.")
	}
	return key, nil
}

// secretText is a key in the form that receivers' libraries take.
func secretText(key []byte) string { return secretPrefix + base64.StdEncoding.EncodeToString(key) }

// Names of the headers of an event.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
	headerBody      = "X-Roe-Signature" // over the body alone
)

// sign sets the headers that prove where an event comes from: those of Standard Webhooks, with one signature for each key, and one
// over the body alone by the first key.
func sign(h http.Header, keys [][]byte, id steward.DeliveryID, at time.Time, body []byte) {
	seconds := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(string(id) + "." + seconds + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	h.Set(headerID, string(id))
	h.Set(headerTimestamp, seconds)
	h.Set(headerSignature, strings.Join(signatures, " "))
	mac := hmac.New(sha256.New, keys[0])
	mac.Write(body)
	h.Set(headerBody, "sha256="+hex.EncodeToString(mac.Sum(nil)))
}
