package app

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"
)

// releaseStartPages gives the pages of the program's own code and constants back that only the start needed. They are
// clean and stay in the page cache: whatever is used again comes back without reading. A program that links every database,
// cloud and model driver would otherwise sit with all of their code resident. Best effort.
func releaseStartPages(log *slog.Logger) {
	released, err := dropCleanPages()
	if err != nil {
		log.Debug("start pages not released", "error", err)
		return
	}
	log.Debug("start pages released", "bytes", released)
}

// segment is one mapping of this process.
type segment struct {
	start, end uintptr
	clean      bool // every page of it is the file's own
}

// dropCleanPages unmaps the resident pages of the executable's read-only segments. Segments that the dynamic linker has
// written to are left alone: their pages exist nowhere else.
func dropCleanPages() (released int, err error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("find executable: %w", err)
	}
	segments, err := readOnlySegments(exe)
	if err != nil {
		return 0, err
	}
	for _, s := range segments {
		if !s.clean {
			continue
		}
		if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, s.start, s.end-s.start, syscall.MADV_DONTNEED); errno != 0 {
			return released, fmt.Errorf("madvise: %w", errno)
		}
		released += int(s.end - s.start)
	}
	return released, nil
}

// readOnlySegments lists the read-only private mappings of a file in this process.
func readOnlySegments(file string) (segments []segment, err error) {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil, fmt.Errorf("read mappings: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	inside := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) >= 5 && strings.Contains(fields[0], "-") {
			var s segment
			inside = len(fields) == 6 && fields[5] == file && (fields[1] == "r-xp" || fields[1] == "r--p")
			if _, err := fmt.Sscanf(fields[0], "%x-%x", &s.start, &s.end); err != nil {
				return nil, fmt.Errorf("read mapping %q: %w", fields[0], err)
			}
			if s.clean = true; inside {
				segments = append(segments, s)
			}
			continue
		}
		if inside && len(fields) >= 2 && (fields[0] == "Anonymous:" || fields[0] == "Swap:") && fields[1] != "0" {
			segments[len(segments)-1].clean = false
		}
	}
	return segments, nil
}
