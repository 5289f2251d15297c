package ocr

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/draw"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Word is a word that was read.
type Word struct {
	Text       string          // valid UTF-8 without blanks, never empty
	Box        image.Rectangle // its ink, in pixels of the picture that was given, within its bounds
	Confidence float64         // 0 to 1, the program's own measure
	Line       int             // words of one line of the program have the same number; lines count in reading order
}

// Reading is what was read off a picture.
type Reading struct {
	Words []Word

	// Turn is by how many degrees the picture had to be turned clockwise to be read: 0, 90, 180 or 270. The boxes of the
	// words are in the picture as it was given.
	Turn int

	// Took is how much of Options.Timeout it took.
	Took time.Duration
}

// Params says how a picture is read. The zero value is ready to use.
type Params struct {
	DPI   int           // pixels to an inch; 0 means 300
	Spent time.Duration // how much of Options.Timeout earlier readings of the same page took
}

// Read reads a picture. It is read as it lies first; where that gives little sense its orientation is looked for. Options.Timeout holds for
// all of it together, from when the picture's turn has come.
//
// Errors: ErrTooLarge for more than Options.MaxPixels and an endless answer, ErrTimeout; ctx's error; another one when the
// program fails, with its message.
func (e *Engine) Read(ctx context.Context, picture *image.Gray, p Params) (*Reading, error) {
	size := picture.Bounds().Size()
	if size.X <= 0 || size.Y <= 0 {
		return &Reading{}, nil
	}
	if size.X > e.opts.MaxPixels/size.Y {
		return nil, ErrTooLarge
	}
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	start := time.Now()
	limited, cancel := context.WithTimeoutCause(ctx, e.opts.Timeout-p.Spent, ErrTimeout)
	defer cancel()
	reading, err := e.read(limited, Flat(picture), p)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	reading.Took = time.Since(start)
	return reading, nil
}

// read reads a flat picture; ctx holds the time for all the runs of the program that it takes.
func (e *Engine) read(ctx context.Context, picture *image.Gray, p Params) (*Reading, error) {
	words, err := e.words(ctx, picture, p)
	if err != nil || !e.turns || sensible(words) {
		return &Reading{Words: words}, err
	}
	return e.readTurned(ctx, picture, p, words)
}

// readTurned reads a picture that made little sense as it lies, turned as the program finds right. The better reading wins.
func (e *Engine) readTurned(ctx context.Context, picture *image.Gray, p Params, words []Word) (*Reading, error) {
	turn, err := e.orientation(ctx, picture, p)
	if err != nil || turn == 0 {
		return &Reading{Words: words}, err
	}
	turned, err := e.words(ctx, Turn(picture, turn), p)
	if err != nil || sense(turned) <= sense(words) {
		return &Reading{Words: words}, err
	}
	for i := range turned {
		turned[i].Box = turnBack(turned[i].Box, turn, picture.Rect.Size())
	}
	return &Reading{Words: turned, Turn: turn}, nil
}

// Thresholds of a reading that makes sense.
const (
	sureWord     = 0.70 // confidence from which a word counts
	sensiblePart = 0.5  // of the characters stand in words that count
	fewChars     = 12   // a page with less on it is not looked at twice unless nothing is sure
)

// sensible reports whether a reading needs no second try.
func sensible(words []Word) bool {
	all, sure := counts(words)
	return sure >= fewChars && float64(sure) >= sensiblePart*float64(all)
}

// sense measures a reading: how many characters are sure.
func sense(words []Word) int {
	_, sure := counts(words)
	return sure
}

// counts counts the characters of all words and of the sure ones of at least three characters that lie level. Rubbish is short or
// unsure; words that go up or down are read too, but a page of them lies on its side.
func counts(words []Word) (all, sure int) {
	for _, w := range words {
		n := utf8.RuneCountInString(w.Text)
		all += n
		if w.Confidence >= sureWord && n >= 3 && w.Box.Dx() >= w.Box.Dy() {
			sure += n
		}
	}
	return all, sure
}

// words reads a picture as it lies. The program finds the blocks of a page first and reads those: figures that stand alone, such
// as the total under a table, are passed over. So what it left is looked through once more for words that stand anywhere.
func (e *Engine) words(ctx context.Context, picture *image.Gray, p Params) ([]Word, error) {
	words, err := e.pass(ctx, picture, p, modePage)
	if err != nil {
		return nil, err
	}
	rest := without(picture, words)
	if !inky(rest) {
		return words, nil
	}
	more, err := e.pass(ctx, rest, p, modeSparse)
	if err != nil {
		return nil, err
	}
	line := 0
	if len(words) > 0 {
		line = words[len(words)-1].Line + 1
	}
	for _, w := range more {
		if w.Line += line; w.Confidence >= surePlace && strings.ContainsFunc(w.Text, isWordy) {
			words = append(words, w)
		}
	}
	return words, nil
}

// How the program looks for text.
const (
	modePage   = "3"  // blocks of text on a page
	modeSparse = "11" // words anywhere, in no order
)

// Thresholds of the second look.
const (
	maskedWord = 0.3 // confidence from which a word of the first look is left as it is
	surePlace  = 0.8 // confidence from which a word of the second look is taken
)

// isWordy reports whether a character is one that words are made of.
func isWordy(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// pass runs the program once.
func (e *Engine) pass(ctx context.Context, picture *image.Gray, p Params, mode string) ([]Word, error) {
	args := append(e.arguments(p), "--psm", mode, "-l", strings.Join(e.opts.Languages, "+"), "tsv")
	out, err := e.run(ctx, pgm(picture), args...)
	if err != nil {
		return nil, fmt.Errorf("ocr: %w", err)
	}
	return parseTSV(out, picture.Rect)
}

// orientation asks by how many degrees a picture is to be turned clockwise. A picture that says nothing about it is upright.
func (e *Engine) orientation(ctx context.Context, picture *image.Gray, p Params) (int, error) {
	out, err := e.run(ctx, pgm(picture), append(e.arguments(p), "--psm", "0", "-l", "osd")...)
	if ctx.Err() != nil {
		return 0, fmt.Errorf("ocr: %w", context.Cause(ctx))
	}
	if err != nil {
		return 0, nil // it fails on pictures with too few characters
	}
	for line := range strings.Lines(string(out)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "Rotate:"); ok {
			switch strings.TrimSpace(v) {
			case "90":
				return 90, nil
			case "180":
				return 180, nil
			case "270":
				return 270, nil
			}
		}
	}
	return 0, nil
}

// arguments are those of every run on a picture.
func (e *Engine) arguments(p Params) []string {
	dpi := p.DPI
	if dpi <= 0 {
		dpi = 300
	}
	return []string{"stdin", "stdout", "--dpi", strconv.Itoa(min(max(dpi, 70), 2400))}
}

// pgm is a picture in a form that costs nothing to make.
func pgm(picture *image.Gray) io.Reader {
	size := picture.Rect.Size()
	head := fmt.Sprintf("P5\n%d %d\n255\n", size.X, size.Y)
	return io.MultiReader(strings.NewReader(head), bytes.NewReader(picture.Pix))
}

// Flat returns a gray picture whose origin is 0,0 and whose rows follow each other without a gap; picture itself when it is
// one.
func Flat(picture *image.Gray) *image.Gray {
	size := picture.Bounds().Size()
	if picture.Rect.Min == (image.Point{}) && picture.Stride == size.X && len(picture.Pix) == size.X*size.Y {
		return picture
	}
	flat := image.NewGray(image.Rectangle{Max: size})
	draw.Draw(flat, flat.Rect, picture, picture.Rect.Min, draw.Src)
	return flat
}

// without is a copy of a flat picture with words painted over.
func without(picture *image.Gray, words []Word) *image.Gray {
	rest := &image.Gray{Pix: bytes.Clone(picture.Pix), Stride: picture.Stride, Rect: picture.Rect}
	for _, w := range words {
		if w.Confidence >= maskedWord {
			draw.Draw(rest, w.Box.Inset(-2), image.White, image.Point{}, draw.Src)
		}
	}
	return rest
}

// inky reports whether a picture has dark spots enough for a word.
func inky(picture *image.Gray) bool {
	const dark, enough = 128, 100
	n := 0
	for _, v := range picture.Pix {
		if v < dark {
			if n++; n >= enough {
				return true
			}
		}
	}
	return false
}
