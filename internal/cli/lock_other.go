//go:build !unix

package cli

import "os"

// lockFile does nothing: the system has no lock that ends with its process.
func lockFile(*os.File) error { return nil }
