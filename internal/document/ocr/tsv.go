package ocr

import (
	"errors"
	"image"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// columns of the program's table.
const (
	colLevel = iota
	colPage
	colBlock
	colParagraph
	colLine
	colWord
	colLeft
	colTop
	colWidth
	colHeight
	colConfidence
	colText
	columns
)

// levelWord is the level of rows that are words.
const levelWord = "5"

// maxWords bounds the words of one picture.
const maxWords = 100_000

// parseTSV reads the program's table. Words are brought within bounds; what has no text or no place is left out.
func parseTSV(table []byte, bounds image.Rectangle) ([]Word, error) {
	var (
		words []Word
		line  string
		count int
	)
	for row := range strings.Lines(string(table)) {
		cells := strings.SplitN(strings.TrimRight(row, "\r\n"), "\t", columns)
		if len(cells) < columns || cells[colLevel] != levelWord {
			continue
		}
		key := strings.Join(cells[colPage:colWord], " ")
		if key != line {
			line, count = key, count+1
		}
		w, ok := parseWord(cells, bounds)
		if !ok {
			continue
		}
		if w.Line = count - 1; len(words) == maxWords {
			return nil, errors.New("ocr: too many words")
		}
		words = append(words, w)
	}
	return words, nil
}

// parseWord reads one row; false when there is nothing to be read in it.
func parseWord(cells []string, bounds image.Rectangle) (Word, bool) {
	var at [4]int
	for i := range at {
		n, err := strconv.Atoi(cells[colLeft+i])
		if err != nil || n < 0 || n > math.MaxInt32 {
			return Word{}, false
		}
		at[i] = n
	}
	conf, err := strconv.ParseFloat(cells[colConfidence], 64)
	if err != nil || math.IsNaN(conf) {
		return Word{}, false
	}
	w := Word{
		Text:       clean(cells[colText]),
		Box:        image.Rect(at[0], at[1], at[0]+at[2], at[1]+at[3]).Intersect(bounds),
		Confidence: min(max(conf/100, 0), 1),
	}
	return w, w.Text != "" && !w.Box.Empty()
}

// clean drops what is not printed.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}, s)
}
