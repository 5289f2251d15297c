//go:build !linux

package ocr

import "os/exec"

// isolate leaves the child to os/exec, which kills it with its context.
func isolate(*exec.Cmd) {}

// bound does nothing: there is no way to limit a child that runs.
func bound(int, int64) {}
