//go:build !linux

package disk

import "errors"

// RoomAt is not known on this system.
func RoomAt(string) (Room, error) { return Room{}, errors.ErrUnsupported }

func mayWrite(string) error { return nil }
