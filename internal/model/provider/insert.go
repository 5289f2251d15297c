package provider

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// insert is a long piece of a request: the text of a page, or a picture. The client libraries are given its mark, which the
// transport replaces while it sends: so the piece is neither copied nor held while the call waits.
type insert struct {
	mark string           // nothing else in the request can hold it
	size int64            // bytes on the wire
	open func() io.Reader // reads them from the beginning, as often as asked
}

var errLostMark = errors.New("the request lost a piece of its prompt on the way to the wire")

// spliced is a request's JSON with the inserts, which come in its order, in the places of their marks.
type spliced struct {
	between [][]byte // one more than inserts
	inserts []insert
	size    int64
}

func splice(data []byte, inserts []insert) (*spliced, error) {
	s := &spliced{inserts: inserts}
	for _, in := range inserts {
		before, after, found := bytes.Cut(data, []byte(in.mark))
		if !found {
			return nil, errLostMark
		}
		s.between = append(s.between, before)
		s.size += int64(len(before)) + in.size
		data = after
	}
	s.between = append(s.between, data)
	s.size += int64(len(data))
	return s, nil
}

// open reads the whole from the beginning.
func (s *spliced) open() io.ReadCloser {
	readers := make([]io.Reader, 0, 2*len(s.inserts)+1)
	for i, part := range s.between {
		readers = append(readers, bytes.NewReader(part))
		if i < len(s.inserts) {
			readers = append(readers, s.inserts[i].open())
		}
	}
	return io.NopCloser(io.MultiReader(readers...))
}

// textInsert is an insert of a text within a JSON string.
func textInsert(mark, text string) insert {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	return insert{mark: mark, size: escapedSize(text), open: func() io.Reader { return &escaper{rest: text} }}
}

// escapeOf is how a byte stands in a JSON string; "" means as it is.
func escapeOf(c byte) string {
	switch {
	case c == '"':
		return `\"`
	case c == '\\':
		return `\\`
	case c < 0x20:
		return escapeControl(c)
	}
	return ""
}

func escapedSize(text string) int64 {
	size := int64(len(text))
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c == '"' || c == '\\' {
			size += int64(len(escapeOf(c)) - 1)
		}
	}
	return size
}

// escaper reads a text as it stands in a JSON string.
type escaper struct {
	rest string
	left string // of an escape that was begun
}

// Read implements io.Reader.
func (e *escaper) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if e.left != "" {
			k := copy(p[n:], e.left)
			e.left = e.left[k:]
			n += k
			continue
		}
		if e.rest == "" {
			break
		}
		plain, most := 0, min(len(e.rest), len(p)-n)
		for plain < most && e.rest[plain] >= 0x20 && e.rest[plain] != '"' && e.rest[plain] != '\\' {
			plain++
		}
		n += copy(p[n:], e.rest[:plain])
		e.rest = e.rest[plain:]
		if plain < most {
			e.left, e.rest = escapeOf(e.rest[0]), e.rest[1:]
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}
