package identity

import (
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"strings"
)

// A token reads stw_<prefix>_<secret><check>: 10 characters to find the key by, 32 secret ones (190 bits), and 6 that catch
// typing errors and let scanners tell tokens from other strings. All are letters and digits.
const (
	tokenMark   = "stw_"
	prefixLen   = 10
	secretLen   = 32
	checkLen    = 6
	tokenLen    = len(tokenMark) + prefixLen + 1 + secretLen + checkLen
	base62      = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	rejectFrom  = 248 // the largest multiple of 62 below 256: bytes from here on would favour some characters
	randomBatch = 64
)

// newToken makes a random token.
func newToken() (string, error) {
	body, err := randomText(prefixLen + secretLen)
	if err != nil {
		return "", err
	}
	s := tokenMark + body[:prefixLen] + "_" + body[prefixLen:]
	return s + checksum(s), nil
}

// parseToken checks a token's form and returns its prefix, which starts with the mark.
func parseToken(s string) (prefix string, ok bool) {
	if len(s) != tokenLen || !strings.HasPrefix(s, tokenMark) || s[len(tokenMark)+prefixLen] != '_' {
		return "", false
	}
	for i := len(tokenMark); i < len(s); i++ {
		if i != len(tokenMark)+prefixLen && strings.IndexByte(base62, s[i]) < 0 {
			return "", false
		}
	}
	if cut := len(s) - checkLen; checksum(s[:cut]) != s[cut:] {
		return "", false
	}
	return s[:len(tokenMark)+prefixLen], true
}

// checksum returns the CRC-32 of s in six base-62 digits.
func checksum(s string) string {
	n := crc32.ChecksumIEEE([]byte(s))
	var out [checkLen]byte
	for i := checkLen - 1; i >= 0; i-- {
		out[i] = base62[n%62]
		n /= 62
	}
	return string(out[:])
}

// randomText returns n random base-62 characters.
func randomText(n int) (string, error) {
	out := make([]byte, 0, n)
	buf := make([]byte, randomBatch)
	for len(out) < n {
		if _, err := rand.Read(buf); err != nil {
			return "", fmt.Errorf("read random bytes: %w", err)
		}
		for _, b := range buf {
			if b < rejectFrom && len(out) < n {
				out = append(out, base62[b%62])
			}
		}
	}
	return string(out), nil
}
