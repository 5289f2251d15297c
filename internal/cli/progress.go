package cli

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progressLine is one line on a terminal that is written over again; elsewhere it is silent.
type progressLine struct {
	w     io.Writer
	start time.Time
	on    bool
}

func newProgressLine(w io.Writer) *progressLine {
	f, ok := w.(*os.File)
	if !ok {
		return &progressLine{}
	}
	info, err := f.Stat()
	return &progressLine{w: w, start: time.Now(), on: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

// widest is how much of a status is shown: a line that wraps could not be written over.
const widest = 60

func (p *progressLine) show(s string) {
	if p.on {
		_, _ = fmt.Fprintf(p.w, "\r\x1b[K%s  %.1fs", plain(cut(s, widest)), time.Since(p.start).Seconds()) // a lost progress line is no loss
	}
}

func (p *progressLine) clear() {
	if p.on {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K") // as above
	}
}
