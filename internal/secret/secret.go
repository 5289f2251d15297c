// Package secret seals what must not be read from the database: provider keys, passwords, tokens.
//
// A Box encrypts with AES-256-GCM under a key that lives in a file beside the database, never in it. What is sealed for one row of
// one organization opens for no other:
//
//	sealed, err := box.Seal(org, "connection/"+id, []byte(password))
//	password, err := box.Open(org, "connection/"+id, sealed)
//
// Keys are rotated by adding one: new secrets are sealed with the newest key, old ones open as long as their key is in the file.
// Errors say nothing of keys or contents.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/stewardhq/steward"
)

// A sealed secret is: version (1 byte), key id (4 bytes), nonce (12 bytes), ciphertext, tag (16 bytes). The header is
// authenticated together with the organization and the row.
const (
	sealVersion = 1
	keyIDSize   = 4
	headerSize  = 1 + keyIDSize
	nonceSize   = 12
	tagSize     = 16
	keySize     = 32
)

// Overhead is by how many bytes a sealed secret is longer than the secret.
const Overhead = headerSize + nonceSize + tagSize

// Box seals and opens secrets. Safe for concurrent use. It prints as nothing but its name.
type Box struct {
	path string

	mu      sync.RWMutex
	current keyID
	keys    map[keyID]cipher.AEAD
}

type keyID [keyIDSize]byte

// Open reads the key file at path, and creates it with a new key (mode 0600) when there is none; its folder must exist. When several
// processes create it at once, all get the same key.
//
// Errors: Invalid when others than the owner may read the file or when it is damaged.
func Open(path string) (*Box, error) {
	f, err := readOrCreate(path)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	b := &Box{path: path}
	if err := b.use(f); err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	return b, nil
}

// use makes the keys of f the box's own.
func (b *Box) use(f *keyFile) error {
	keys := make(map[keyID]cipher.AEAD, len(f.Keys))
	for _, k := range f.Keys {
		block, err := aes.NewCipher(k.Key)
		if err != nil {
			return damaged() // the cause says no more than the length
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return damaged()
		}
		keys[keyID(k.ID)] = aead
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keys, b.current = keys, keyID(f.Keys[len(f.Keys)-1].ID)
	return nil
}

// Seal encrypts plaintext for one row of one organization. row names the row and, when it has several secrets, the field; it must
// stay the same for as long as the secret lives. The result is Overhead bytes longer and differs from call to call.
func (b *Box) Seal(org steward.OrganizationID, row string, plaintext []byte) ([]byte, error) {
	b.mu.RLock()
	id, aead := b.current, b.keys[b.current]
	b.mu.RUnlock()
	sealed := make([]byte, headerSize+nonceSize, Overhead+len(plaintext))
	sealed[0] = sealVersion
	copy(sealed[1:], id[:])
	nonce := sealed[headerSize:]
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("seal secret: %w", err)
	}
	return aead.Seal(sealed, nonce, plaintext, associated(sealed[:headerSize], org, row)), nil
}

// Open decrypts what Seal made for the same organization and row.
//
// Errors: Internal, the same for whatever is wrong: other organization, other row, unknown key, damage.
func (b *Box) Open(org steward.OrganizationID, row string, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != sealVersion {
		return nil, cannotOpen()
	}
	b.mu.RLock()
	aead := b.keys[keyID(sealed[1:headerSize])]
	b.mu.RUnlock()
	if aead == nil {
		return nil, cannotOpen()
	}
	body := sealed[headerSize:]
	plaintext, err := aead.Open(nil, body[:nonceSize], body[nonceSize:], associated(sealed[:headerSize], org, row))
	if err != nil {
		return nil, cannotOpen()
	}
	return plaintext, nil
}

// Stale reports whether sealed was made with another key than the current one, and is to be opened and sealed again before its key
// can be dropped.
func (b *Box) Stale(sealed []byte) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(sealed) < Overhead || sealed[0] != sealVersion || keyID(sealed[1:headerSize]) != b.current
}

// Rotate adds a new key to the file and seals with it from now on. Other processes with the same file must be restarted before
// they can open what is sealed from now on. Errors leave the box and the file as they were.
//
// Errors: Unsupported for a box that was made by FromText.
func (b *Box) Rotate() error {
	if b.path == "" {
		return &steward.Error{Code: steward.Unsupported, Message: "Keys that come from the environment are rotated there.", Err: errNoFile}
	}
	f, err := addKey(b.path)
	if err != nil {
		return fmt.Errorf("rotate key: %w", err)
	}
	return b.use(f)
}

// Format implements fmt.Formatter: keys are never printed, with whatever verb.
func (b *Box) Format(s fmt.State, _ rune) {
	fmt.Fprint(s, "secret.Box") //nolint:errcheck // a Formatter has nowhere to return an error
}

// associated binds a secret to its place. The organization's length stands in front, so that no two places read the same.
func associated(header []byte, org steward.OrganizationID, row string) []byte {
	out := append([]byte("steward secret"), header...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(org))) //nolint:gosec // G115: an id is short
	out = append(out, org...)
	return append(out, row...)
}

func cannotOpen() error {
	return &steward.Error{Code: steward.Internal, Message: "A stored secret cannot be opened.", Err: errors.New("open secret: wrong place, key or content")}
}
