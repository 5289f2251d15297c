package document

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
)

// Limits of an outline. What lies beyond is left out.
const (
	maxBookmarks  = 10_000
	maxLevels     = 32
	maxTitleBytes = 4096 // in the engine, two bytes a character
)

// Kind implements Document.
func (p *PDF) Kind() Kind { return KindPDF }

// Outline returns the bookmarks in reading order, at most 10,000 and 32 levels deep. It is empty when there are none.
//
// Errors: *steward.Failure with FailTimeout when the document has used up its time; ctx's error; an error for a closed PDF.
func (p *PDF) Outline(ctx context.Context) ([]Heading, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inst == nil {
		return nil, fmt.Errorf("read outline of %s: the PDF is closed", p.name)
	}
	o := &outline{pdf: p, seen: map[uint64]bool{}}
	err := p.timed(ctx, 0, func(ctx context.Context) error { return o.children(ctx, 0, 1) })
	return o.headings, err
}

// outline is a walk over the tree of bookmarks. Broken files have trees that lead back to themselves.
type outline struct {
	pdf      *PDF
	headings []Heading
	seen     map[uint64]bool
}

// children walks over the bookmarks below parent, 0 for the outermost ones.
func (o *outline) children(ctx context.Context, parent uint64, level int) error {
	if level > maxLevels {
		return nil
	}
	inst, doc := o.pdf.inst, o.pdf.doc
	mark, err := inst.call(ctx, "FPDFBookmark_GetFirstChild", doc, parent)
	for err == nil && mark != 0 && !o.seen[mark] && len(o.seen) < maxBookmarks {
		o.seen[mark] = true
		if err := o.add(ctx, mark, level); err != nil {
			return err
		}
		if err := o.children(ctx, mark, level+1); err != nil {
			return err
		}
		mark, err = inst.call(ctx, "FPDFBookmark_GetNextSibling", doc, mark)
	}
	return err
}

// add appends a bookmark unless it has no title.
func (o *outline) add(ctx context.Context, mark uint64, level int) error {
	title, err := o.title(mark)
	if err != nil || title == "" {
		return err
	}
	page, err := o.page(ctx, mark)
	if err != nil {
		return err
	}
	o.headings = append(o.headings, Heading{Title: title, Level: level, Page: page})
	return nil
}

// title returns the words of a bookmark with single spaces, "" for one whose title is broken or too long.
func (o *outline) title(mark uint64) (string, error) {
	return o.pdf.inst.wideText("FPDFBookmark_GetTitle", maxTitleBytes, mark)
}

// page returns where a bookmark leads, counted from 1; 0 when it leads nowhere.
func (o *outline) page(ctx context.Context, mark uint64) (int, error) {
	inst, doc := o.pdf.inst, o.pdf.doc
	dest, err := inst.call(ctx, "FPDFBookmark_GetDest", doc, mark)
	if err != nil {
		return 0, err
	}
	if dest == 0 {
		action, err := inst.call(ctx, "FPDFBookmark_GetAction", mark)
		if err != nil || action == 0 {
			return 0, err
		}
		if dest, err = inst.call(ctx, "FPDFAction_GetDest", doc, action); err != nil || dest == 0 {
			return 0, err
		}
	}
	index, err := inst.call(ctx, "FPDFDest_GetDestPageIndex", doc, dest)
	if n := int(int32(index)); err == nil && n >= 0 && n < o.pdf.pages { //nolint:gosec // the engine's int
		return n + 1, nil
	}
	return 0, err
}

// wideText calls a function of the engine that writes UTF-16 into a buffer: its last arguments are the buffer and its size in
// bytes, its result is the size that is needed. Longer texts than limit bytes are "".
func (in *instance) wideText(name string, limit uint32, args ...uint64) (string, error) {
	ctx := context.Background()
	need, err := in.call(ctx, name, append(args, 0, 0)...)
	if err != nil || uint32(need) <= 2 || uint32(need) > limit { //nolint:gosec // the engine's unsigned long
		return "", err
	}
	addr, err := in.files.Malloc(need)
	if err != nil {
		return "", fmt.Errorf("pdf engine: %w", err)
	}
	if _, err := in.call(ctx, name, append(args, addr, need)...); err != nil {
		return "", err
	}
	raw, ok := in.mod.Memory().Read(uint32(addr), uint32(need)&^1) //nolint:gosec // as above
	if !ok {
		return "", fmt.Errorf("pdf engine: %s: out of its memory", name)
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	_, err = in.call(ctx, "free", addr)
	return plain(string(utf16.Decode(units))), err
}

// plain folds white space and control characters to single spaces.
func plain(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return glyph{r: r}.blank() || r == 0xFFFD }), " ")
}
