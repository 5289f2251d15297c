package crashtest

import (
	"os"
	"path/filepath"
)

// CacheFolder is where the program keeps the compiled PDF engine for its user.
func CacheFolder() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "steward")
}
