//go:build !unix

package blob

import (
	"os"
	"time"
)

// lock does nothing: this system has no advisory locks that end with the process.
func lock(*os.File) (kept bool, err error) { return true, nil }

// removeAbandoned removes a temporary file that nobody has written to for a day.
func removeAbandoned(path string) (gone bool, err error) {
	st, err := os.Stat(path)
	if err != nil || time.Since(st.ModTime()) < 24*time.Hour {
		return false, err
	}
	return true, os.Remove(path)
}

// syncFolder does nothing: folders cannot be synced here.
func syncFolder(string) error { return nil }
