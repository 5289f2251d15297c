package disk

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// RoomAt returns the room on the disk of a folder.
func RoomAt(folder string) (Room, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(folder, &st); err != nil {
		return Room{}, fmt.Errorf("look at the room on the disk: %w", err)
	}
	size := int64(st.Bsize) //nolint:unconvert // some machines have 32 bits for it
	return Room{
		Total: int64(st.Blocks) * size, Free: int64(st.Bavail) * size, //nolint:gosec // disks are smaller than 2^63 bytes
		Files: int64(st.Files), FreeFiles: int64(st.Ffree), //nolint:gosec // as above
		ReadOnly: st.Flags&unix.ST_RDONLY != 0,
	}, nil
}

// mayWrite returns why files cannot be made in a folder, nil when they can be.
func mayWrite(folder string) error {
	if err := unix.Access(folder, unix.W_OK|unix.X_OK); err != nil {
		return os.NewSyscallError("access", err)
	}
	return nil
}
