package blob

import (
	"os"
	"syscall"
	"time"
)

// changedAt is when a file was changed at last, its times and name included: nobody can set it back.
func changedAt(info os.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return info.ModTime()
}
