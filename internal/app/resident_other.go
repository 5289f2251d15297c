//go:build !linux

package app

import "log/slog"

// releaseStartPages does nothing here.
func releaseStartPages(*slog.Logger) {}
