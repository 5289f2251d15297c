package itemfile

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// records is a CSV file: the header names the inputs, every other record is an item. An empty cell leaves its input out.
type records struct {
	header []string
	comma  rune
}

func (c *records) check(ctx context.Context, s *Source, o Options) error {
	hash := sha256.New()
	in := io.TeeReader(&counted{ctx, io.NewSectionReader(s.file, 0, s.stat.Size()), o.OnRead}, hash)
	r, err := c.begin(in)
	if err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	err = c.each(r, func(line int64, _ []string, fault error) bool {
		if fault != nil {
			s.fault(line, "%v", fault)
			return true
		}
		s.places.lines = append(s.places.lines, uint32(line)) //nolint:gosec // bounded by maxItems
		s.count++
		return s.count < maxItems && line < maxItems
	})
	if _, rest := io.Copy(io.Discard, in); err == nil {
		err = rest
	}
	s.sum = hex.EncodeToString(hash.Sum(nil))
	return err
}

func (c *records) items(s *Source, from int64, yield func(Item) bool) error {
	r, err := c.begin(io.NewSectionReader(s.file, 0, s.stat.Size()))
	if err != nil {
		return err
	}
	index := int64(-1)
	return c.each(r, func(_ int64, cells []string, fault error) bool {
		if fault != nil {
			return true
		}
		if index++; index < from {
			return true
		}
		if index >= s.count {
			return false
		}
		it := Item{Index: index, Inputs: make(map[string]any, len(cells))}
		for i, cell := range cells {
			it.Size += int64(len(cell)) + 1
			if cell != "" {
				it.Inputs[c.header[i]] = cell
			}
		}
		return yield(it)
	})
}

// begin reads the header. The separator is the one of ',', ';' and tab that the first line has most of.
func (c *records) begin(r io.Reader) (*csv.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if mark, err := in.Peek(3); err == nil && string(mark) == "\ufeff" {
		if _, err := in.Discard(3); err != nil {
			return nil, err
		}
	}
	head, err := in.Peek(32 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	head, _, _ = bytes.Cut(head, []byte("\n"))
	c.comma = ','
	for _, sep := range ";\t" {
		if bytes.Count(head, []byte(string(sep))) > bytes.Count(head, []byte(string(c.comma))) {
			c.comma = sep
		}
	}
	out := csv.NewReader(in)
	out.Comma, out.ReuseRecord = c.comma, true
	header, err := out.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("there is no header")
	}
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	c.header = slices.Clone(header)
	for i, name := range c.header {
		c.header[i] = strings.TrimSpace(name)
		if c.header[i] == "" || !utf8.ValidString(name) {
			return nil, fmt.Errorf("header: column %d has no name", i+1)
		}
		if slices.Contains(c.header[:i], c.header[i]) {
			return nil, fmt.Errorf("header: the column %q comes twice", c.header[i])
		}
	}
	return out, nil
}

// each calls fn for every record with the line where it begins, or with its fault, until fn returns false. The cells are good
// until fn returns.
func (c *records) each(r *csv.Reader, fn func(line int64, cells []string, fault error) bool) error {
	for {
		cells, err := r.Read()
		var wrong *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &wrong):
			fault := wrong.Err
			if errors.Is(fault, csv.ErrFieldCount) {
				fault = fmt.Errorf("the record has %d columns, the header %d", len(cells), len(c.header))
			}
			if !fn(int64(wrong.StartLine), nil, fault) {
				return nil
			}
			continue
		case err != nil:
			return err
		}
		line, _ := r.FieldPos(0)
		var fault error
		if slices.ContainsFunc(cells, func(s string) bool { return !utf8.ValidString(s) }) {
			fault = errors.New("the record is not UTF-8")
		}
		if !fn(int64(line), cells, fault) {
			return nil
		}
	}
}
