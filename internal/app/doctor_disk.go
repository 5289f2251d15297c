package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/stewardhq/steward/internal/blob"
	"github.com/stewardhq/steward/internal/disk"
	"github.com/stewardhq/steward/internal/store/sqlite"
)

// littleRoom is the room on a disk below which it is time to look after it.
const littleRoom = 2 << 30

// disk looks whether there is room on the disks of the data folder and of the files.
func (d *doctor) disk() {
	d.diskOf("disk", d.config.Data, "the data folder")
	if local := blob.LocalFolder(d.config.Files); local != "" {
		d.diskOf("disk of the files", local, "the files")
	}
}

func (d *doctor) diskOf(name, folder, what string) {
	at := folder
	for at != "/" && at != "." {
		if _, err := os.Stat(at); err == nil {
			break
		}
		at = filepath.Dir(at)
	}
	look := d.Room
	if look == nil {
		look = disk.RoomAt
	}
	r, err := look(at)
	if errors.Is(err, errors.ErrUnsupported) {
		return // this system does not tell
	}
	if err != nil {
		d.add(name, Warning, "The free room on the disk of "+what+" cannot be told: "+err.Error()+".", "Look at it with df "+folder)
		return
	}
	reserve := disk.Reserve(int64(d.config.Disk.ReserveMB)<<20, r.Total)
	text := fmt.Sprintf("%.1f GiB are free on the disk of %s", float64(r.Free)/(1<<30), what)
	const advice = "Make room, or move to a larger disk."
	switch {
	case r.ReadOnly:
		d.add(name, Problem, "The disk of "+what+" is mounted for reading only.", "Mount it for writing; if the system did that by itself, the disk is failing: look at dmesg and smartctl.")
	case r.Free == 0:
		d.add(name, Problem, "The disk of "+what+" is full: nothing can be written.", advice+" A running server goes on by itself; what it had acknowledged is on disk.")
	case r.Free < reserve:
		d.add(name, Problem, fmt.Sprintf("%s, and %d MiB are kept for jobs under way (disk.reserve_mb): no new work is taken.", text, reserve>>20), advice+" A running server goes on by itself.")
	case r.Files > 0 && r.FreeFiles < r.Files/100:
		d.add(name, Warning, "Less than a hundredth of the inodes on the disk of "+what+" is free.", "Remove small files from the disk, or move to another one.")
	case r.Free < littleRoom:
		d.add(name, Warning, text+".", advice+" A server whose disk is full takes no more jobs.")
	default:
		d.add(name, Fine, text+".", "")
	}
}

// place looks whether the database is the one that was there, and whether its log is whole. It reports whether it is worth while to open it.
func (d *doctor) place(path string) bool {
	if was := sqlite.LastFault(path); was != "" && !d.serving {
		d.add("last stop", Warning, "The last server stopped because of its disk: "+strings.TrimSpace(was)+".",
			"Look at the disk (dmesg, smartctl), then start again: the server goes on from what is on the disk. Run steward verify afterwards.")
	}
	if d.serving {
		return true
	}
	err := sqlite.CheckPlace(path)
	if err == nil || errors.Is(err, fs.ErrPermission) {
		return true
	}
	message, advice, _ := strings.Cut(err.Error(), ": ")
	for _, known := range []error{sqlite.ErrOlder, sqlite.ErrOther, sqlite.ErrGone, sqlite.ErrBadMark, sqlite.ErrDamagedLog} {
		if errors.Is(err, known) {
			message, advice = splitAdvice(known)
		}
	}
	d.add("database", Problem, message, advice)
	return false
}

// splitAdvice splits the text of an error of package sqlite into what is and what to do.
func splitAdvice(err error) (message, advice string) {
	text := err.Error()
	i := strings.Index(text, ". ")
	if i < 0 {
		return text + ".", "See what is left with steward verify."
	}
	message, advice = text[:i+1], text[i+2:]
	return strings.ToUpper(message[:1]) + message[1:], advice
}
