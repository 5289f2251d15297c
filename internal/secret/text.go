package secret

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/stewardhq/steward"
)

// FromText returns a box whose keys are given as text instead of a file: one or more keys of 32 bytes, each in base64, separated by
// commas, the newest last. It is for machines that share a database and get their key from the environment. Rotate is Unsupported.
//
// Errors: Invalid when a key is not 32 bytes in base64. The text is never repeated.
func FromText(text string) (*Box, error) {
	var f keyFile
	for part := range strings.SplitSeq(text, ",") {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(part))
		if err != nil || len(raw) != keySize || bytes.Count(raw, raw[:1]) == keySize {
			return nil, &steward.Error{Code: steward.Invalid, Message: "A secret key must be 32 random bytes in base64, such as \"openssl rand -base64 32\" prints."}
		}
		id := sha256.Sum256(append([]byte("steward key id"), raw...))
		f.Keys = append(f.Keys, key{ID: id[:keyIDSize], Key: raw})
	}
	b := &Box{}
	if err := b.use(&f); err != nil {
		return nil, fmt.Errorf("use secret keys: %w", err)
	}
	return b, nil
}

// errNoFile is inside the error of Rotate for a box without a file.
var errNoFile = errors.New("the keys were given as text")
