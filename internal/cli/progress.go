package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stewardhq/steward"
)

// progressLine is one line on a terminal that is written over again; elsewhere it is silent.
type progressLine struct {
	w     io.Writer
	start time.Time
	on    bool
}

func newProgressLine(w io.Writer) *progressLine {
	if !isTerminal(w) {
		return &progressLine{}
	}
	return &progressLine{w: w, start: time.Now(), on: true}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
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

// bar shows how far a batch is: a line that is written over on a terminal, a line now and then elsewhere. Its methods may be called
// concurrently; a nil one is silent.
type bar struct {
	sent, written atomic.Int64

	w        io.Writer
	terminal bool
	quiet    bool // elsewhere than on a terminal
	total    int64
	start    time.Time

	mu    sync.Mutex
	shown time.Time
	began int64 // items that had ended when it was first shown
	first bool
	over  bool
	said  time.Time // when something was told on a line of its own
}

// lineEvery is how often a line is written where none can be written over.
const lineEvery = 10 * time.Second

func newBar(w io.Writer, total int64, quiet bool) *bar {
	now := time.Now()
	return &bar{w: w, terminal: isTerminal(w), quiet: quiet, total: total, start: now, shown: now, first: true}
}

// show shows how the items of a batch stand.
func (b *bar) show(batch *steward.Batch) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := batch.Counts
	if b.first {
		b.first, b.began = false, n.Ended()
	}
	if b.over || (!b.terminal && (b.quiet || time.Since(b.shown) < lineEvery)) {
		return
	}
	b.shown = time.Now()
	text := fmt.Sprintf("%d of %d ended", n.Ended(), b.total)
	if sent := b.sent.Load(); sent > 0 && sent < b.total {
		text += fmt.Sprintf(", %d sent", sent)
	}
	if bad := n.Failure + n.Cancelled; bad > 0 {
		text += fmt.Sprintf(", %d without success", bad)
	}
	text += b.speed(n.Ended())
	if !b.terminal {
		_, _ = fmt.Fprintln(b.w, text) // a lost progress line is no loss
		return
	}
	const width, columns = 16, 79
	full := 0
	if b.total > 0 {
		full = int(min(n.Ended()*width/b.total, width))
	}
	line := fmt.Sprintf("[%s%s] %s", strings.Repeat("#", full), strings.Repeat(".", width-full), text)
	_, _ = fmt.Fprintf(b.w, "\r\x1b[K%s", cut(line, columns)) // as above
}

// speed says how fast items end and when the last one may.
func (b *bar) speed(ended int64) string {
	passed := time.Since(b.start)
	if passed < time.Second || ended <= b.began {
		return ""
	}
	each := passed / time.Duration(ended-b.began)
	left := (time.Duration(b.total-ended) * each).Round(time.Second)
	return fmt.Sprintf(", %.0f/s, %v left", float64(ended-b.began)/passed.Seconds(), left)
}

// say tells something that is worth a line of its own, but not every moment.
func (b *bar) say(text string) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over || time.Since(b.said) < lineEvery {
		return
	}
	b.said = time.Now()
	b.clear()
	_, _ = fmt.Fprintln(b.w, text) // as above
}

// end takes the line away; nothing is shown after it.
func (b *bar) end() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over {
		b.clear()
	}
	b.over = true
}

func (b *bar) clear() {
	if b.terminal {
		_, _ = fmt.Fprint(b.w, "\r\x1b[K") // as above
	}
}
