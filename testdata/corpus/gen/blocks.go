package main

import "fmt"

// lines sets each text on a line of its own.
func lines(f font, texts ...string) block {
	return func(s *sheet) {
		for _, t := range texts {
			s.need(s.leading(f))
			s.line(s.x, s.y, s.w, f, t)
			s.y += s.leading(f)
		}
	}
}

// para sets running text over as many lines as it needs.
func para(f font, text string) block {
	return func(s *sheet) {
		s.need(float64(len(s.wrap(text, f, s.w))) * s.leading(f))
		s.y += s.wrapped(s.x, s.y, s.w, f, text) + 4
	}
}

// bullets sets a list of points.
func bullets(sign string, texts ...string) block {
	return func(s *sheet) {
		f := font{}
		for _, t := range texts {
			s.need(float64(len(s.wrap(t, f, s.w-14))) * s.leading(f))
			s.line(s.x+3, s.y, 10, f, sign)
			s.y += s.wrapped(s.x+14, s.y, s.w-14, f, t)
		}
		s.y += 4
	}
}

// gap leaves h points empty.
func gap(h float64) block { return func(s *sheet) { s.y += h } }

// rule draws a line across the column.
func rule() block {
	return func(s *sheet) {
		s.stroke(s.x, s.y+3, s.x+s.w, s.y+3, 0.6)
		s.y += 8
	}
}

// heading sets a section's title, underlined.
func heading(text string) block {
	return func(s *sheet) {
		f := font{size: s.theme.size + 2, bold: true, accent: true}
		s.need(s.leading(f) + 30)
		s.y += 6
		s.line(s.x, s.y, s.w, f, text)
		s.y += s.leading(f) + 1
		s.stroke(s.x, s.y, s.x+s.w, s.y, 0.6)
		s.y += 5
	}
}

// banner sets a white title on a coloured bar, with an optional text at its right end.
func banner(left, right string) block {
	return func(s *sheet) {
		f := font{size: s.theme.size + 8, bold: true, white: true}
		c := s.theme.accent
		h := s.leading(f) + 12
		s.need(h)
		s.fill(s.x, s.y, s.w, h, c[0], c[1], c[2])
		s.line(s.x+10, s.y+5, s.w-20, f, left)
		if right != "" {
			s.line(s.x+10, s.y+9, s.w-20, font{size: s.theme.size, white: true, align: 'R'}, right)
		}
		s.y += h + 10
	}
}

// columns sets blocks side by side. share is the width of the left part, 0 to 1.
func columns(share float64, left, right []block) block {
	return func(s *sheet) {
		const between = 18
		x, w, top, page := s.x, s.w, s.y, s.page
		s.w = w*share - between/2
		for _, b := range left {
			b(s)
		}
		end := s.y
		if s.page == page {
			s.y = top
		}
		s.x, s.w = x+w*share+between/2, w*(1-share)-between/2
		for _, b := range right {
			b(s)
		}
		s.x, s.w, s.y = x, w, max(s.y, end)
	}
}

// stack groups blocks for one side of columns.
func stack(blocks ...block) []block { return blocks }

// boxed draws a thin frame around blocks.
func boxed(blocks ...block) block {
	return func(s *sheet) {
		const pad = 8
		top := s.y
		s.x, s.w, s.y = s.x+pad, s.w-2*pad, s.y+pad-2
		for _, b := range blocks {
			b(s)
		}
		s.x, s.w, s.y = s.x-pad, s.w+2*pad, s.y+pad-2
		s.pdf.SetDrawColor(170, 170, 170)
		s.pdf.SetLineWidth(0.6)
		s.pdf.Rect(s.x, top, s.w, s.y-top, "D")
		s.y += 8
	}
}

// pair is a label and its value.
type pair struct{ label, value string }

// pairs reads labels and values in turn.
func pairsOf(labelsAndValues []string) []pair {
	var ps []pair
	for i := 0; i+1 < len(labelsAndValues); i += 2 {
		ps = append(ps, pair{labelsAndValues[i], labelsAndValues[i+1]})
	}
	return ps
}

// colon sets "Label: value" lines, the label bold. Labels bring their own colon.
func colon(labelsAndValues ...string) block {
	return func(s *sheet) {
		for _, p := range pairsOf(labelsAndValues) {
			f := font{bold: true}
			s.need(s.leading(f))
			s.line(s.x, s.y, s.w, f, p.label)
			used := s.width(p.label, f) + s.theme.size*0.4
			s.y += s.wrapped(s.x+used, s.y, s.w-used, font{}, p.value)
		}
		s.y += 3
	}
}

// tabbed sets labels in a column of width labelWidth and values beside them.
func tabbed(labelWidth float64, labelsAndValues ...string) block {
	return func(s *sheet) {
		for _, p := range pairsOf(labelsAndValues) {
			s.need(s.leading(font{}))
			s.line(s.x, s.y, labelWidth, font{gray: true}, p.label)
			s.y += s.wrapped(s.x+labelWidth, s.y, s.w-labelWidth, font{}, p.value) + 1
		}
		s.y += 3
	}
}

// above sets each label small over its value.
func above(labelsAndValues ...string) block {
	return func(s *sheet) {
		for _, p := range pairsOf(labelsAndValues) {
			small := font{size: s.theme.size - 2.5, gray: true}
			s.need(s.leading(small) + s.leading(font{}))
			s.line(s.x, s.y, s.w, small, p.label)
			s.y += s.leading(small)
			s.y += s.wrapped(s.x, s.y, s.w, font{}, p.value) + 5
		}
	}
}

// grid sets framed cells, n in a row, each with a small label over its value.
func grid(n int, labelsAndValues ...string) block {
	return func(s *sheet) {
		small := font{size: s.theme.size - 2.5, gray: true}
		h := s.leading(small) + s.leading(font{}) + 8
		w := s.w / float64(n)
		for i, p := range pairsOf(labelsAndValues) {
			if i%n == 0 {
				if i > 0 {
					s.y += h
				}
				s.need(h)
			}
			x := s.x + float64(i%n)*w
			s.pdf.SetDrawColor(170, 170, 170)
			s.pdf.SetLineWidth(0.6)
			s.pdf.Rect(x, s.y, w, h, "D")
			s.line(x+5, s.y+3, w-10, small, p.label)
			s.line(x+5, s.y+3+s.leading(small), w-10, font{}, p.value)
		}
		s.y += h + 8
	}
}

// dotted sets a label, dots, and a value at the right end of the line.
func dotted(labelsAndValues ...string) block {
	return func(s *sheet) {
		for _, p := range pairsOf(labelsAndValues) {
			s.need(s.leading(font{}))
			s.line(s.x, s.y, s.w, font{}, p.label)
			s.line(s.x, s.y, s.w, font{align: 'R'}, p.value)
			from := s.x + s.width(p.label, font{}) + 4
			to := s.x + s.w - s.width(p.value, font{}) - 4
			s.pdf.SetDashPattern([]float64{1, 2}, 0)
			s.stroke(from, s.y+s.theme.size, to, s.y+s.theme.size, 0.5)
			s.pdf.SetDashPattern(nil, 0)
			s.y += s.leading(font{}) + 1
		}
		s.y += 3
	}
}

// totals sets sums at the right of the column; the last line is bold under a rule.
func totals(width float64, labelsAndValues ...string) block {
	return func(s *sheet) {
		ps := pairsOf(labelsAndValues)
		x := s.x + s.w - width
		s.need(float64(len(ps)+1) * s.leading(font{}))
		for i, p := range ps {
			f := font{}
			if i == len(ps)-1 {
				f.bold = true
				s.stroke(x, s.y+1, x+width, s.y+1, 0.8)
				s.y += 3
			}
			s.line(x, s.y, width, f, p.label)
			f.align = 'R'
			s.line(x, s.y, width, f, p.value)
			s.y += s.leading(font{}) + 1
		}
		s.y += 6
	}
}

// pageNumber sets a text with the number of the page for its "%d".
func pageNumber(f font, form string) block {
	return func(s *sheet) {
		s.line(s.x, s.y, s.w, f, fmt.Sprintf(form, s.page))
		s.y += s.leading(f)
	}
}
