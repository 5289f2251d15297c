package backup

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/stewardhq/steward/internal/blob"
	"github.com/stewardhq/steward/internal/store"
)

// What a backup is called, and the version of its form.
const (
	format        = "steward-backup"
	formatVersion = 1
)

// Names in a backup, in their order: the header first, then files, database and settings, then the sums, and the manifest last.
const (
	headerName      = "steward-backup.json"
	filesName       = "files/"
	databaseName    = "steward.db"
	nodeName        = "node"
	configName      = "steward.yaml"
	secretName      = "secret.key"
	credentialsName = "credentials.json"
	sumsName        = "SHA256SUMS"
	manifestName    = "manifest.json"
)

// Limits of what is read from a backup.
const (
	maxSetting  = 1 << 20
	maxSettings = 4
	maxHeader   = 64 << 10
	maxManifest = 4 << 20
	maxEntries  = 100 << 20
	// sumLine is how long a line of the sums is at most: a sum, two spaces, and the longest name.
	sumLine = 64 + 2 + len(filesName) + 6 + 64 + 1
)

func sumsBytes(entries int) int64 { return int64(entries)*int64(sumLine) + maxManifest }

// header stands first, so that whoever reads knows what to expect.
type header struct {
	Format        string `json:"format"`
	FormatVersion int    `json:"format_version"`
	Entries       int64  `json:"entries"` // at most
	Bytes         int64  `json:"bytes"`   // of all together, at most
}

// Manifest stands last, and says what a whole backup has.
type Manifest struct {
	Format           string       `json:"format"`
	FormatVersion    int          `json:"format_version"`
	Program          string       `json:"program"` // version of Steward that made it
	CreatedAt        time.Time    `json:"created_at"`
	Database         Database     `json:"database"`
	Files            Files        `json:"files"`
	Counts           store.Counts `json:"counts"`
	Settings         []string     `json:"settings"`                    // small files of the data folder
	Secrets          bool         `json:"secrets"`                     // it has, or should have, the secret key
	DeletedMeanwhile []string     `json:"deleted_meanwhile,omitempty"` // files that were deleted while it was made: without bytes
	Damage           []string     `json:"damage,omitempty"`            // what was damaged already
	Entries          int64        `json:"entries"`                     // that the sums list, the header left out
	Bytes            int64        `json:"bytes"`                       // of these
	SumsSHA256       string       `json:"sums_sha256"`
}

// Database says what a backup has of it.
type Database struct {
	Kind     string `json:"kind"`     // sqlite, postgres
	Schema   int64  `json:"schema"`   // number of its last migration
	Included bool   `json:"included"` // false for PostgreSQL, which has tools of its own
	Bytes    int64  `json:"bytes,omitempty"`
	SHA256   string `json:"sha256,omitempty"`
}

// Files says how many files a backup has.
type Files struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"`
}

// blobName is where a backup has a blob.
func blobName(sha string) string { return filesName + blob.Path(sha) }

// blobOf returns the SHA-256 that a name in a backup stands for, "" when it stands for none.
func blobOf(name string) string {
	if sha := path.Base(name); strings.HasPrefix(name, filesName) && blob.Path(sha) != "" && blobName(sha) == name {
		return sha
	}
	return ""
}

// sizeLimit returns how large what has a name in a backup may be; ok is false for names that no backup has.
func sizeLimit(name string, whole int64) (limit int64, ok bool) {
	switch name {
	case headerName:
		return maxHeader, true
	case manifestName:
		return maxManifest, true
	case nodeName, configName, secretName, credentialsName:
		return maxSetting, true
	case databaseName, sumsName:
		return whole, true
	}
	return whole, blobOf(name) != ""
}

// sum is a SHA-256.
type sum [32]byte

func parseSum(text string) (s sum, ok bool) {
	if blob.Path(text) == "" {
		return s, false
	}
	_, err := hex.Decode(s[:], []byte(text))
	return s, err == nil
}

// sums is the list of sums that is being written.
type sums struct{ b bytes.Buffer }

func newSums() *sums { return &sums{} }

func (s *sums) add(sha, name string) error {
	_, err := fmt.Fprintf(&s.b, "%s  %s\n", sha, name)
	return err
}

func (s *sums) text() []byte { return s.b.Bytes() }

func newBytes(b []byte) io.Reader { return bytes.NewReader(b) }

// damageOf returns the sentences of findings.
func damageOf(found []store.Finding) []string {
	var texts []string
	for _, f := range found {
		texts = append(texts, f.Message)
	}
	return texts
}
