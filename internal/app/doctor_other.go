//go:build !linux

package app

import "os"

// mayUse returns why a folder cannot be looked at, nil when it can: the rest is seen when it is used.
func mayUse(folder string) error {
	_, err := os.Stat(folder)
	return err
}
