package main

import (
	"bytes"
	"fmt"
	"strings"
)

// rawPDF writes PDF objects, the first of which is the catalog, with their cross-reference table. It makes what the
// drawing library has no call for.
func rawPDF(objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	offsets := make([]int, 0, len(objects))
	for i, o := range objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return b.Bytes()
}

// rotatedPDF is one page of 612 x 792 points with /Rotate 90. Its lines are drawn upwards along the page, so that they stand
// upright, on a page of 792 x 612 points, when a reader honours the rotation.
func rotatedPDF(texts []string) []byte {
	var content strings.Builder
	content.WriteString("BT /F1 14 Tf\n")
	for i, t := range texts {
		fmt.Fprintf(&content, "0 1 -1 0 %d 72 Tm (%s) Tj\n", 90+24*i, t)
	}
	content.WriteString("ET")
	return rawPDF(
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Rotate 90 /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", content.Len(), content.String()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
	)
}
