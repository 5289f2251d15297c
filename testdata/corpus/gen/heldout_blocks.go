package main

// Layouts that only the held-out documents use.

// ledger sets labels flush right against their values, with a gutter between them.
func heldLedger(labelWidth float64, labelsAndValues ...string) block {
	return func(s *sheet) {
		for _, p := range pairsOf(labelsAndValues) {
			s.need(s.leading(font{}))
			s.line(s.x, s.y, labelWidth-8, font{italic: true, align: 'R'}, p.label)
			s.y += s.wrapped(s.x+labelWidth, s.y, s.w-labelWidth, font{bold: true}, p.value) + 1.5
		}
		s.y += 3
	}
}

// heldStrip sets a row of labels on a tinted bar and their values in the row below, like a table of one row.
func heldStrip(labelsAndValues ...string) block {
	return func(s *sheet) {
		ps := pairsOf(labelsAndValues)
		w := s.w / float64(len(ps))
		h := s.leading(font{})
		s.need(2*h + 10)
		s.fill(s.x, s.y, s.w, h+4, 228, 230, 235)
		for i, p := range ps {
			s.line(s.x+float64(i)*w+4, s.y+2, w-8, font{bold: true}, p.label)
			s.line(s.x+float64(i)*w+4, s.y+h+6, w-8, font{}, p.value)
		}
		s.y += 2*h + 14
	}
}

// sideRule draws blocks beside a thick coloured rule at their left.
func sideRule(blocks ...block) block {
	return func(s *sheet) {
		top := s.y
		s.x, s.w = s.x+14, s.w-14
		for _, b := range blocks {
			b(s)
		}
		s.x, s.w = s.x-14, s.w+14
		c := s.theme.accent
		s.fill(s.x, top, 4, s.y-top, c[0], c[1], c[2])
		s.y += 6
	}
}

// below sets each value large over its small label.
func below(labelsAndValues ...string) block {
	return func(s *sheet) {
		for _, p := range pairsOf(labelsAndValues) {
			big := font{size: s.theme.size + 3, bold: true}
			small := font{size: s.theme.size - 2, gray: true}
			s.need(s.leading(big) + s.leading(small) + 6)
			s.line(s.x, s.y, s.w, big, p.value)
			s.y += s.leading(big)
			s.line(s.x, s.y, s.w, small, p.label)
			s.y += s.leading(small) + 6
		}
	}
}
