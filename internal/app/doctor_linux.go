package app

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// mayUse returns why this user may not work in a folder, nil when he may.
func mayUse(folder string) error { return unix.Access(folder, unix.R_OK|unix.W_OK|unix.X_OK) }

// Room on the disk of the data folder below which it is a problem, and below which it is a warning.
const (
	tooLittleRoom = 200 << 20
	littleRoom    = 2 << 30
)

func (d *doctor) disk() {
	const name = "disk"
	at := d.config.Data
	for at != "/" && at != "." {
		if _, err := os.Stat(at); err == nil {
			break
		}
		at = filepath.Dir(at)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(at, &st); err != nil {
		d.add(name, Warning, "The free room on the disk cannot be told: "+err.Error()+".", "")
		return
	}
	free := st.Bavail * uint64(st.Bsize) //nolint:gosec // not negative
	text := fmt.Sprintf("%.1f GiB are free on the disk of the data folder", float64(free)/(1<<30))
	const advice = "Make room, or move the data folder to a larger disk: a server whose disk is full takes no more jobs."
	switch {
	case free < tooLittleRoom:
		d.add(name, Problem, text+".", advice)
	case free < littleRoom:
		d.add(name, Warning, text+".", advice)
	case st.Files > 0 && st.Ffree < st.Files/100:
		d.add(name, Warning, "Less than a hundredth of the disk's inodes is free.", "Remove small files from the disk, or move the data folder.")
	case st.Flags&unix.ST_RDONLY != 0:
		d.add(name, Problem, "The disk of the data folder is mounted for reading only.", "Mount it for writing; if the system did that by itself, the disk is failing.")
	default:
		d.add(name, Fine, text+".", "")
	}
}
