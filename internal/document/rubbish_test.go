package document_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/document/documenttest"
)

// inFont is a page whose text is drawn in a font of two-byte codes. toUnicode may be "" or the body of its map; code turns
// letters into codes.
func inFont(text, toUnicode string, code func(rune) int) []byte {
	n := documenttest.Extra(1)
	var hex strings.Builder
	for _, r := range text {
		fmt.Fprintf(&hex, "%04X", code(r))
	}
	font := fmt.Sprintf("<< /Type /Font /Subtype /Type0 /BaseFont /ABCDEF+Cut /Encoding /Identity-H /DescendantFonts [%d 0 R]", n+1)
	if toUnicode != "" {
		font += fmt.Sprintf(" /ToUnicode %d 0 R", n+2)
	}
	data := documenttest.File{
		Sheets: []documenttest.Sheet{{Content: "BT /X 6 Tf 20 700 Td <" + hex.String() + "> Tj ET\n" + documenttest.At(20, 500, 6, "Page 1")}},
		Objects: []string{
			font + " >>",
			"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /ABCDEF+Cut /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /DW 500 >>",
			documenttest.Stream("", "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange\n"+toUnicode+"\nendcmap end"),
		},
	}.Build()
	return []byte(strings.Replace(string(data), "/C 4 0 R", fmt.Sprintf("/X %d 0 R", n), 1)) // the same length
}

const sentence = "The seller keeps the goods insured until they are delivered to the buyer"

func TestATextLayerThatSaysNothingCountsAsNone(t *testing.T) {
	t.Parallel()
	letters := func(r rune) int { return int(r) }
	shifted := func(r rune) int { return int(r) + 29 }
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"letters of a font's own", inFont(sentence, "1 beginbfrange <0020> <00FF> <E020> endbfrange", letters), ""},
		{"letters that are not named and make no words", inFont(strings.Map(consonants, sentence), "", shifted), ""},
		{"control characters", inFont(sentence, "2 beginbfrange <0021> <00FF> <0021> <0020> <0020> <0003> endbfrange", letters), ""},
		{"letters that are not named and make words", inFont(sentence, "", letters), sentence + "\n\nPage 1\n"},
		{"letters that are named", inFont(sentence, "1 beginbfrange <003D> <00FF> <0020> endbfrange", shifted), sentence + "\n\nPage 1\n"},
		{"figures", inFont("4711 0815 1.234,56 99,50 2026-03-04 17 38 1004 77 12,5 % 600-12 44", "1 beginbfrange <0020> <00FF> <0020> endbfrange", letters),
			"4711 0815 1.234,56 99,50 2026-03-04 17 38 1004 77 12,5 % 600-12 44\n\nPage 1\n"},
	}
	r := newReader(t, document.Options{})
	for _, tt := range tests {
		p := open(t, r, tt.data)
		if got := tight(read(t, p, 1).Text); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// consonants makes text that no language has.
func consonants(r rune) rune {
	if strings.ContainsRune("aeiou", r) {
		return 'q'
	}
	return r
}
