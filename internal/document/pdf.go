package document

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
)

// maxGlyphs is how many characters of one page are read. A page that people read has a few thousand.
const maxGlyphs = 400_000

// PDF is an open PDF. Its methods may be called by several goroutines; they take turns.
type PDF struct {
	name   string
	reader *Reader
	source *source

	mu    sync.Mutex
	inst  *instance // nil once closed
	doc   uint64    // the engine's handle
	pages int
	read  int           // pages read so far
	drawn int           // pages drawn so far
	left  time.Duration // of Options.MaxTime

	form, formInfo uint64         // the engine's handles; 0 until they are needed
	ticks          map[int][]rect // ticked boxes of the pages that have their annotations drawn into them
}

// Time that a page may take without using up Options.MaxTime, so that long documents can be read whole.
const (
	timeToRead = 100 * time.Millisecond
	timeToDraw = 500 * time.Millisecond
)

// open loads the document. On failure the caller closes p.
func (p *PDF) open(ctx context.Context, size int64, password string) error {
	return p.timed(ctx, 0, func(ctx context.Context) error {
		access, _, err := p.inst.files.CreateFileAccessReader(size, p.source)
		if err != nil {
			return fmt.Errorf("open %s: %w", p.name, err)
		}
		err = p.inst.withText(password, func(addr uint64) (err error) {
			p.doc, err = p.inst.call(ctx, "FPDF_LoadCustomDocument", *access, addr)
			return err
		})
		if err != nil {
			return err
		}
		if p.doc == 0 {
			return p.openFailure(password)
		}
		n, err := p.inst.call(ctx, "FPDF_GetPageCount", p.doc)
		if err != nil {
			return err
		}
		if p.pages = int(int32(n)); p.pages <= 0 { //nolint:gosec // G115: the engine's numbers have 32 bits
			return unsupported(nil, "%s has no pages.", p.name)
		}
		return nil
	})
}

// openFailure says why the document could not be loaded.
func (p *PDF) openFailure(password string) error {
	if p.source.err != nil {
		return fmt.Errorf("read %s: %w", p.name, p.source.err)
	}
	code, err := p.inst.call(context.Background(), "FPDF_GetLastError")
	if err != nil {
		return err
	}
	switch {
	case code == errPassword && password == "":
		return &steward.Failure{Code: steward.FailFileEncrypted, Message: p.name + " is encrypted and needs a password."}
	case code == errPassword:
		return &steward.Failure{Code: steward.FailFileEncrypted, Message: "The password does not open " + p.name + "."}
	case code == errSecurity:
		return &steward.Failure{Code: steward.FailFileEncrypted, Message: p.name + " is encrypted in a way that cannot be read."}
	}
	return unsupported(fmt.Errorf("engine error %d", code), "%s is broken and cannot be read as a PDF.", p.name)
}

// timed runs work of the engine within ctx and the document's remaining time, and says who ended it early. free of the time is
// not taken from the document's.
func (p *PDF) timed(ctx context.Context, free time.Duration, work func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.left <= 0 {
		return p.timeout()
	}
	start := time.Now()
	limited, cancel := context.WithTimeout(ctx, p.left+free)
	defer cancel()
	err := work(limited)
	p.left -= max(0, time.Since(start)-free)
	if err == nil || errors.As(err, new(*steward.Failure)) {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if limited.Err() != nil {
		return p.timeout()
	}
	if p.inst.broken {
		return unsupported(err, "%s is broken or too large to be read.", p.name)
	}
	return err
}

// timeout is the failure of a document that takes too long.
func (p *PDF) timeout() error {
	return &steward.Failure{Code: steward.FailTimeout, Message: fmt.Sprintf("Reading %s took longer than %s.", p.name, p.reader.opts.MaxTime)}
}

// PageCount is how many pages the document has; at least 1.
func (p *PDF) PageCount() int { return p.pages }

// Page reads page n, counted from 1. A page without a text layer, such as a scan, has the empty text and no error.
//
// Errors: *steward.Failure with FailUnsupportedFile for a broken page or more pages than Options.MaxPages, FailTimeout when
// the document has used up its time; ctx's error; an error for n out of range and for a closed PDF.
func (p *PDF) Page(ctx context.Context, n int) (grounding.Page, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.turn("read", n, &p.read); err != nil {
		return grounding.Page{}, err
	}
	var page grounding.Page
	err := p.timed(ctx, timeToRead, func(ctx context.Context) error {
		sheet, err := p.sheet(ctx, n)
		if err != nil {
			return err
		}
		page = sheet.layout(n)
		return nil
	})
	return page, err
}

// turn counts a page that is about to be read or drawn, as verb says. The caller holds mu.
func (p *PDF) turn(verb string, n int, count *int) error {
	if p.inst == nil {
		return fmt.Errorf("%s page %d of %s: the PDF is closed", verb, n, p.name)
	}
	if n < 1 || n > p.pages {
		return fmt.Errorf("%s page %d of %s: it has %d pages", verb, n, p.name, p.pages)
	}
	if *count++; *count > p.reader.opts.MaxPages {
		return unsupported(nil, "%s has more than %d pages to %s.", p.name, p.reader.opts.MaxPages, verb)
	}
	return nil
}

// sheet reads the glyphs of page n.
func (p *PDF) sheet(ctx context.Context, n int) (_ *sheet, err error) {
	page, err := p.load(ctx, n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.inst.release("FPDF_ClosePage", page)) }()
	s, err := p.frame(page)
	if err != nil {
		return nil, err
	}
	text, err := p.inst.call(ctx, "FPDFText_LoadPage", page)
	if err != nil {
		return nil, err
	}
	if text == 0 {
		return nil, unsupported(nil, "The text of page %d of %s is broken.", n, p.name)
	}
	defer func() { err = errors.Join(err, p.inst.release("FPDFText_ClosePage", text)) }()
	count, err := p.inst.call(context.Background(), "FPDFText_CountChars", text)
	if err != nil {
		return nil, err
	}
	if int32(count) > maxGlyphs { //nolint:gosec // G115: the engine's numbers have 32 bits
		return nil, unsupported(nil, "Page %d of %s has more than %d characters.", n, p.name, maxGlyphs)
	}
	if err := p.glyphs(ctx, text, int(int32(count)), s); err != nil {
		return nil, err
	}
	unmapped, err := p.unmapped(text, s)
	if err != nil {
		return nil, err
	}
	if s.count().rubbish(unmapped) {
		s.glyphs = nil
	}
	s.tick(p.ticks[n])
	return s, nil
}

// frame reads the size of a page as it is shown and how its coordinates are turned into shown ones.
func (p *PDF) frame(page uint64) (*sheet, error) {
	w, err := p.inst.call(context.Background(), "FPDF_GetPageWidthF", page)
	if err != nil {
		return nil, err
	}
	h, err := p.inst.call(context.Background(), "FPDF_GetPageHeightF", page)
	if err != nil {
		return nil, err
	}
	s := &sheet{width: float64(api.DecodeF32(w)), height: float64(api.DecodeF32(h))}
	if !(s.width > 0 && s.height > 0 && s.width < 1e6 && s.height < 1e6) {
		return nil, unsupported(nil, "%s has a page of impossible size.", p.name)
	}
	o, err := p.shown(page, s, 0, 0)
	if err != nil {
		return nil, err
	}
	x, err := p.shown(page, s, unit, 0)
	if err != nil {
		return nil, err
	}
	y, err := p.shown(page, s, 0, unit)
	if err != nil {
		return nil, err
	}
	s.toShown = affine{
		xx: (x.x - o.x) / unit, yx: (y.x - o.x) / unit, dx: o.x,
		xy: (x.y - o.y) / unit, yy: (y.y - o.y) / unit, dy: o.y,
	}
	return s, nil
}

// unit is the distance of the points that measure a page's transformation, in points.
const unit = 1000

// shown turns a point of the page's own space into shown points: rotation and crop applied, origin top left.
func (p *PDF) shown(page uint64, s *sheet, x, y float64) (point, error) {
	scale := math.Min(1000, 1e8/math.Max(s.width, s.height)) // the engine answers in integers
	out := uint64(p.inst.scratch)
	_, err := p.inst.call(context.Background(), "FPDF_PageToDevice", page, 0, 0,
		uint64(s.width*scale), uint64(s.height*scale), 0, api.EncodeF64(x), api.EncodeF64(y), out, out+4)
	return point{float64(p.inst.i32(0)) / scale, float64(p.inst.i32(1)) / scale}, err
}

// glyphs reads every character with its box.
func (p *PDF) glyphs(ctx context.Context, text uint64, count int, s *sheet) error {
	quick := context.Background()
	s.glyphs = make([]glyph, 0, count)
	for i := range count {
		if i%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		char, err := p.inst.call(quick, "FPDFText_GetUnicode", text, uint64(i))
		if err != nil {
			return err
		}
		g := glyph{r: rune(uint32(char))} //nolint:gosec // G115: the engine's numbers have 32 bits
		if !g.blank() {
			if g.box, err = p.glyphBox(text, i, s); err != nil {
				return err
			}
		}
		s.glyphs = append(s.glyphs, g)
	}
	return nil
}

// unmapped returns the share of the page's characters that their fonts do not name, from 0 to 1, by a sample.
func (p *PDF) unmapped(text uint64, s *sheet) (float64, error) {
	asked, bad := 0, 0
	for i := 0; i < len(s.glyphs); i += max(1, len(s.glyphs)/mapSamples) {
		if s.glyphs[i].blank() {
			continue
		}
		failed, err := p.inst.call(context.Background(), "FPDFText_HasUnicodeMapError", text, uint64(i))
		if err != nil {
			return 0, err
		}
		asked++
		if int32(failed) == 1 { //nolint:gosec // the engine's int
			bad++
		}
	}
	return float64(bad) / float64(max(1, asked)), nil
}

// glyphBox reads the place of character i: the box of its font's line where that is sensible, else its ink.
func (p *PDF) glyphBox(text uint64, i int, s *sheet) (box, error) {
	quick, out := context.Background(), uint64(p.inst.scratch)
	ok, err := p.inst.call(quick, "FPDFText_GetLooseCharBox", text, uint64(i), out) //nolint:gosec // G115: the engine's numbers have 32 bits
	if err != nil {
		return box{}, err
	}
	if ok != 0 {
		b := s.toShown.box(p.inst.f32(0), p.inst.f32(1), p.inst.f32(2), p.inst.f32(3))
		if b.width() > 0 && b.height() > 0 {
			return b, nil
		}
	}
	if _, err := p.inst.call(quick, "FPDFText_GetCharBox", text, uint64(i), out, out+8, out+16, out+24); err != nil { //nolint:gosec // G115: the engine's numbers have 32 bits
		return box{}, err
	}
	return s.toShown.box(p.inst.f64(0), p.inst.f64(3), p.inst.f64(1), p.inst.f64(2)), nil
}

// Close gives the engine's instance back. The file that was read may be closed after it. Closing twice is fine.
func (p *PDF) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inst == nil {
		return nil
	}
	err := p.closeForm()
	if p.doc != 0 {
		err = errors.Join(err, p.inst.release("FPDF_CloseDocument", p.doc))
	}
	p.source.detach()
	p.reader.pool.give(p.inst)
	p.inst = nil
	if err != nil {
		return fmt.Errorf("close %s: %w", p.name, err)
	}
	return nil
}
