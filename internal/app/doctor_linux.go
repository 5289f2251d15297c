package app

import "golang.org/x/sys/unix"

// mayUse returns why this user may not work in a folder, nil when he may.
func mayUse(folder string) error { return unix.Access(folder, unix.R_OK|unix.W_OK|unix.X_OK) }
