package builtin

// prose reads a value in the sentence around a label: dates, amounts, spans of time.
func (f *filler) prose(out []candidate, fd *field, h *hit, weight float64) []candidate {
	switch fd.kind {
	case kindDate, kindDateTime, kindAmount, kindMeasure, kindDuration, kindIBAN, kindEmail, kindPercent, kindLastFour:
	default:
		return out
	}
	if h.lead > 0 {
		weight /= leadFactor(h)
	}
	pg := f.src.rows[h.row].page
	s := f.sentence(h)
	behind := min(s.end, h.end+120)
	if ce := &f.src.rows[h.row].cells[h.cell]; ce.end-ce.start < 30 {
		behind = min(behind, ce.end)
	}
	try := func(a, b int, w float64) bool {
		rd, ok := f.read(fd, pg, a, b, howNear)
		if ok {
			out = append(out, rd.at(pg, min(rd.start, h.start), max(rd.end, h.end), weight*w*rd.fit, h.row))
		}
		return ok
	}
	if named(pg.text, h) { // `January 5, 2024 (the "Effective Date")`
		if f.backward(fd, pg, max(s.start, h.start-120), h.start, h, weight*0.9, &out) {
			return out
		}
	}
	factor := 0.72
	if fd.kind == kindMeasure || fd.kind == kindDuration {
		factor = 0.78
	}
	if try(h.end, behind, factor) {
		return out
	}
	if fd.kind == kindMeasure || fd.kind == kindDuration || fd.kind == kindPercent {
		f.backward(fd, pg, max(s.start, h.start-80), h.start, h, weight*0.7, &out)
	}
	return out
}

// backward reads the last value before a label.
func (f *filler) backward(fd *field, pg *page, a, b int, h *hit, score float64, out *[]candidate) bool {
	a += cutForward(pg.text[a:b])
	var last reading
	found := false
	for a < b {
		rd, ok := f.read(fd, pg, a, b, howNear)
		if !ok || rd.end <= a {
			break
		}
		last, found = rd, true
		a = rd.end
	}
	if found {
		*out = append(*out, reading{last.value, last.start, last.end, 1}.at(pg, last.start, h.end, score, h.row))
	}
	return found
}

// cutForward returns the offset of the first word that begins in s, so that no word is read from its middle.
func cutForward(s string) int {
	for i := range s {
		if s[i] == ' ' || s[i] == '\n' {
			return i
		}
	}
	return 0
}

// named reports whether a label stands in quotation marks inside parentheses, as defined terms of contracts do.
func named(text string, h *hit) bool {
	front := text[max(0, h.start-12):h.start]
	for i := len(front) - 1; i >= 0; i-- {
		switch front[i] {
		case '(':
			return true
		case ')', '.', ';', ':':
			return false
		}
	}
	return false
}

// sentence returns the sentence around a label: up to a full stop before a capital, an empty line, or 400 bytes.
func (f *filler) sentence(h *hit) span {
	r := &f.src.rows[h.row]
	text := r.page.text
	start, end := h.start, h.end
	for start > 0 && h.start-start < 400 && !sentenceEnd(text, start-1) {
		start--
	}
	for end < len(text) && end-h.end < 400 && !sentenceEnd(text, end) {
		end++
	}
	for start > 0 && start < len(text) && text[start]&0xC0 == 0x80 {
		start++
	}
	for end < len(text) && text[end]&0xC0 == 0x80 {
		end++
	}
	return span{start, end}
}

// sentenceEnd reports whether a sentence ends at byte i.
func sentenceEnd(text string, i int) bool {
	switch text[i] {
	case '.', '!', '?', ';':
		j := i + 1
		for j < len(text) && (text[j] == ' ' || text[j] == '\n') {
			j++
		}
		if j == i+1 {
			return j == len(text)
		}
		w := i
		for w > 0 && wordByte(text[w-1]) {
			w--
		}
		return j == len(text) || i-w > 3 && (text[j] < 'a' || text[j] > 'z') || text[i] == ';' || digit(text[max(0, i-1)]) && text[j] >= 'A' && text[j] <= 'Z'
	case '\n':
		j := i + 1
		for j < len(text) && text[j] == ' ' {
			j++
		}
		return j >= len(text) || text[j] == '\n' || text[j] == '\r'
	}
	return false
}
