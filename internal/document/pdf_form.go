package document

import (
	"context"
	"errors"
)

// What a PDF's form fields hold and what its annotations say stands beside the page's own content. It is drawn into the page
// before the page is read, so that it is text like any other, at its place.

// load opens page n in the engine, with its annotations and form fields drawn into it.
func (p *PDF) load(ctx context.Context, n int) (uint64, error) {
	page, err := p.loadPage(ctx, n)
	if _, done := p.ticks[n]; err != nil || done {
		return page, err
	}
	if p.ticks == nil {
		p.ticks = map[int][]rect{}
	}
	p.ticks[n] = nil
	count, err := p.inst.call(ctx, "FPDFPage_GetAnnotCount", page)
	if err != nil || int32(count) <= 0 { //nolint:gosec // the engine's int
		return page, err
	}
	p.ticks[n], err = p.flatten(ctx, page)
	if err = errors.Join(err, p.inst.release("FPDF_ClosePage", page)); err != nil {
		return 0, err
	}
	return p.loadPage(ctx, n)
}

// loadPage opens page n in the engine.
func (p *PDF) loadPage(ctx context.Context, n int) (uint64, error) {
	page, err := p.inst.call(ctx, "FPDF_LoadPage", p.doc, uint64(n-1)) //nolint:gosec // n is at least 1
	if err == nil && page == 0 {
		err = unsupported(p.source.err, "Page %d of %s is broken.", n, p.name)
	}
	return page, err
}

// flatten draws annotations and form fields into the page, as on the screen. The page must be loaded again to see them. What the
// engine cannot draw is left out. The result is where boxes are ticked.
func (p *PDF) flatten(ctx context.Context, page uint64) (ticks []rect, err error) {
	if err := p.openForm(ctx); err != nil {
		return nil, err
	}
	if p.form != 0 { // makes the look of fields that have none
		if _, err := p.inst.call(ctx, "FORM_OnAfterLoadPage", page, p.form); err != nil {
			return nil, err
		}
		if ticks, err = p.ticked(ctx, page); err != nil {
			return nil, err
		}
		if _, err := p.inst.call(ctx, "FORM_OnBeforeClosePage", page, p.form); err != nil {
			return nil, err
		}
	}
	_, err = p.inst.call(ctx, "FPDFPage_Flatten", page, 0)
	return ticks, err
}

// Numbers of the engine's interface.
const (
	annotationWidget = 20
	annotationUnseen = 1<<1 | 1<<5 // flags: hidden, not on the screen
	fieldCheckBox    = 2
	fieldRadioButton = 3
)

// maxAnnotations is how many annotations of a page are looked at for ticks.
const maxAnnotations = 5000

// rect is a rectangle in the page's own coordinates.
type rect struct{ left, top, right, bottom float64 }

// ticked returns the places of the page's ticked boxes and chosen buttons. Their marks are often drawings, which no text shows.
func (p *PDF) ticked(ctx context.Context, page uint64) ([]rect, error) {
	count, err := p.inst.call(ctx, "FPDFPage_GetAnnotCount", page)
	if err != nil {
		return nil, err
	}
	var ticks []rect
	for i := range min(int(int32(count)), maxAnnotations) { //nolint:gosec // the engine's int
		annot, err := p.inst.call(ctx, "FPDFPage_GetAnnot", page, uint64(i))
		if err != nil {
			return nil, err
		}
		if annot == 0 {
			continue
		}
		at, ok, err := p.tick(ctx, annot)
		if err = errors.Join(err, p.inst.release("FPDFPage_CloseAnnot", annot)); err != nil {
			return nil, err
		}
		if ok {
			ticks = append(ticks, at)
		}
	}
	return ticks, nil
}

// tick returns the place of an annotation that is a ticked box or a chosen button.
func (p *PDF) tick(ctx context.Context, annot uint64) (at rect, ok bool, err error) {
	ask := func(name string, args ...uint64) uint64 {
		if err != nil {
			return 0
		}
		var v uint64
		v, err = p.inst.call(ctx, name, args...)
		return v
	}
	if ask("FPDFAnnot_GetSubtype", annot) != annotationWidget || ask("FPDFAnnot_GetFlags", annot)&annotationUnseen != 0 {
		return rect{}, false, err
	}
	if kind := ask("FPDFAnnot_GetFormFieldType", p.form, annot); kind != fieldCheckBox && kind != fieldRadioButton {
		return rect{}, false, err
	}
	if ask("FPDFAnnot_IsChecked", p.form, annot) == 0 || ask("FPDFAnnot_GetRect", annot, uint64(p.inst.scratch)) == 0 {
		return rect{}, false, err
	}
	return rect{p.inst.f32(0), p.inst.f32(1), p.inst.f32(2), p.inst.f32(3)}, true, err
}

// openForm loads the form of the document, once.
func (p *PDF) openForm(ctx context.Context) error {
	if p.formInfo != 0 {
		return nil
	}
	info, err := p.inst.call(ctx, "FPDF_FORMFILLINFO_Create")
	if err != nil {
		return err
	}
	if p.formInfo = info; info == 0 {
		return errors.New("pdf engine: no form can be opened")
	}
	p.form, err = p.inst.call(ctx, "FPDFDOC_InitFormFillEnvironment", p.doc, info)
	return err
}

// closeForm lets go of the form. It comes before the end of the document.
func (p *PDF) closeForm() error {
	if p.formInfo == 0 {
		return nil
	}
	var err error
	if p.form != 0 {
		err = p.inst.release("FPDFDOC_ExitFormFillEnvironment", p.form)
	}
	return errors.Join(err, p.inst.release("free", p.formInfo))
}
