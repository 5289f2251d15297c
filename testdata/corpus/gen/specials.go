package main

import (
	"fmt"
	"strings"
)

// specials are the PDFs for tests of reading and of failures.
func specials() ([]file, error) {
	made := []file{
		{"not-a.pdf", []byte("This file is called a PDF, but it is a text.\nIt has two lines.\n")},
		{"zero-byte.pdf", nil},
		{"rotated.pdf", rotatedPDF([]string{
			"Delivery note DN-5512", "Date: 2026-02-03", "Carrier: Sandpiper Haulage", "Pallets: 14", "Gross weight: 8,420 kg",
		})},
	}
	drawn := []struct {
		name string
		draw func() ([]byte, error)
	}{
		{"encrypted.pdf", encryptedPDF},
		{"truncated.pdf", truncatedPDF},
		{"empty-text.pdf", pictureOnlyPDF},
		{"two-columns.pdf", twoColumnsPDF},
		{"hyphenated.pdf", hyphenatedPDF},
		{"forty-pages.pdf", fortyPagesPDF},
	}
	for _, d := range drawn {
		data, err := d.draw()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.name, err)
		}
		made = append(made, file{d.name, data})
	}
	return made, nil
}

// unmarked is a sheet for a document that has no gold.
func unmarked(th theme, title string) *sheet {
	return newSheet(newRecorder(&node{class: "object"}, us()), th, title)
}

func encryptedPDF() ([]byte, error) {
	s := unmarked(blueSans(), "encrypted")
	s.pdf.SetProtection(0, "secret", "owner of the secret")
	return s.render(
		lines(font{size: 18, bold: true}, "Board minutes"),
		colon("Date:", "2026-01-22", "Chair:", "Winifred Amory", "Decision:", "The dividend stays unchanged."),
	)
}

// truncatedPDF ends inside the first page's content: no page tree, no cross-reference table, no trailer.
func truncatedPDF() ([]byte, error) {
	s := unmarked(blueSans(), "truncated")
	whole, err := s.render(
		lines(font{size: 18, bold: true}, "Invoice TR-77"),
		para(font{}, strings.Repeat("A sentence that is here to make the content of the page longer than the cut. ", 20)),
	)
	if err != nil {
		return nil, err
	}
	at := strings.Index(string(whole), "stream")
	return whole[:at+60], nil
}

// pictureOnlyPDF has shapes and no text, as a scan has.
func pictureOnlyPDF() ([]byte, error) {
	s := unmarked(blueSans(), "picture")
	return s.render(func(s *sheet) {
		s.fill(80, 90, 430, 40, 60, 90, 140)
		s.pdf.SetDrawColor(90, 90, 90)
		for i := range 12 {
			s.fill(80, 170+float64(i)*28, 430-float64(i*37%160), 9, 120, 120, 120)
		}
		s.pdf.Circle(430, 640, 54, "D")
		s.pdf.Line(380, 640, 480, 640)
	})
}

func twoColumnsPDF() ([]byte, error) {
	s := unmarked(usSerif(), "two columns")
	left := []string{
		"Left one: the harbour was closed in the winter of the flood.",
		"Left two: ships waited outside for eleven days.",
		"Left three: the pilots were paid in salt.",
	}
	right := []string{
		"Right one: a new pier was built in the following spring.",
		"Right two: it cost 41,300 crowns and stands to this day.",
		"Right three: the ledger of the works is kept in the town hall.",
	}
	return s.render(
		lines(font{size: 18, bold: true, align: 'C'}, "The harbour ledger"),
		gap(12),
		columns(0.5, paras(left), paras(right)),
		gap(10),
		para(font{}, "Below both columns: the ledger was copied in 1911."),
	)
}

func paras(texts []string) []block {
	var bs []block
	for _, t := range texts {
		bs = append(bs, para(font{}, t), gap(6))
	}
	return bs
}

// hyphenatedPDF breaks words at the ends of lines, beside compounds whose hyphen belongs to them.
func hyphenatedPDF() ([]byte, error) {
	s := unmarked(darkSerif(), "hyphenated")
	return s.render(
		lines(font{size: 16, bold: true}, "Notice of assignment"),
		gap(8),
		lines(font{}, "The assignor transfers all receiv-", "ables under the frame agree-", "ment of 4 May 2025 to Marrow-", "bone Factoring Ltd. The long-",
			"term contracts remain with the well-known", "seller. Notices go to the regis-", "tered office of the assignee."),
	)
}

func fortyPagesPDF() ([]byte, error) {
	s := unmarked(theme{family: "Helvetica", size: 11, accent: [3]int{40, 40, 40}, margin: 72}, "forty pages")
	var body []block
	for n := 1; n <= 40; n++ {
		if n > 1 {
			body = append(body, func(s *sheet) { s.newPage() })
		}
		body = append(body,
			lines(font{size: 16, bold: true}, fmt.Sprintf("Section %d", n)),
			colon("Section code:", fmt.Sprintf("SC-%03d", n*7), "Inspected on:", fmt.Sprintf("2026-%02d-%02d", 1+n%12, 1+n%28), "Inspector:", inspector(n)),
			para(font{}, fmt.Sprintf("This is page %d of 40. The reading of the gauge was %d.%d bar.", n, n%6, n%10)))
	}
	return s.render(body...)
}

func inspector(n int) string {
	names := []string{"Ada Lindholm", "Benno Castell", "Chidi Marsh", "Dagny Orme", "Efrem Solano"}
	return names[n%len(names)]
}
