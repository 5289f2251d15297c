//go:build !linux

package blob

import (
	"os"
	"time"
)

func changedAt(info os.FileInfo) time.Time { return info.ModTime() }
