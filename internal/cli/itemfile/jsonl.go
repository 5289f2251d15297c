package itemfile

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// jsonLines is a file with one JSON object a line: the inputs, or {"inputs": the inputs}. Empty lines are skipped.
type jsonLines struct{}

// maxLine is how long a line may be.
const maxLine = 16 << 20

// maxItems is how many items a source may have.
const maxItems = math.MaxInt32

func (jsonLines) check(ctx context.Context, s *Source, o Options) error {
	hash := sha256.New()
	in := io.TeeReader(&counted{ctx, io.NewSectionReader(s.file, 0, s.stat.Size()), o.OnRead}, hash)
	err := eachLine(in, func(number int64, line []byte, tooLong bool) bool {
		switch inputs, err := object(line, tooLong); {
		case err != nil:
			s.fault(number, "%v", err)
		case inputs != nil:
			s.places.lines = append(s.places.lines, uint32(number)) //nolint:gosec // bounded by maxItems
			s.count++
		}
		return number < maxItems
	})
	if _, rest := io.Copy(io.Discard, in); err == nil {
		err = rest
	}
	s.sum = hex.EncodeToString(hash.Sum(nil))
	return err
}

func (jsonLines) items(s *Source, from int64, yield func(Item) bool) error {
	next, changed := from, false
	err := eachLine(io.NewSectionReader(s.file, 0, s.stat.Size()), func(number int64, line []byte, tooLong bool) bool {
		if next >= s.count {
			return false
		}
		if number != int64(s.places.lines[next]) {
			return true
		}
		inputs, err := object(line, tooLong)
		if changed = err != nil || inputs == nil; changed {
			return false
		}
		next++
		return yield(Item{Index: next - 1, Inputs: inputs, Size: int64(len(line))})
	})
	if err == nil && changed {
		err = fmt.Errorf("%s: %w", s.path, ErrChanged)
	}
	return err
}

// object reads the inputs of a line; nil when there is nothing on it.
func object(line []byte, tooLong bool) (map[string]any, error) {
	if tooLong {
		return nil, fmt.Errorf("the line is longer than %d MiB", maxLine>>20)
	}
	if line = bytes.TrimSpace(line); len(line) == 0 {
		return nil, nil
	}
	if !utf8.Valid(line) {
		return nil, errors.New("the line is not UTF-8")
	}
	members, err := membersOf(line)
	if err != nil {
		return nil, err
	}
	if raw, ok := members["inputs"]; ok && raw[0] == '{' {
		if len(members) > 1 {
			return nil, errors.New(`beside "inputs" nothing else is taken; a batch has its metadata as a whole`)
		}
		if members, err = membersOf(raw); err != nil {
			return nil, err
		}
	}
	inputs := make(map[string]any, len(members))
	for key, raw := range members {
		if key == "" {
			return nil, errors.New("an input has an empty name")
		}
		inputs[key] = raw
	}
	return inputs, nil
}

func membersOf(text []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	err := json.Unmarshal(text, &members)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) || (err == nil && members == nil) {
		return nil, errors.New("the line is not a JSON object")
	}
	if err != nil {
		return nil, fmt.Errorf("the line is not JSON: %w", err)
	}
	return members, nil
}

// eachLine calls fn for every line, numbered from 1, until fn returns false. A line that is too long is given without its text.
// The slice is good until fn returns.
func eachLine(r io.Reader, fn func(number int64, line []byte, tooLong bool) bool) error {
	in := bufio.NewReaderSize(r, 64<<10)
	if mark, err := in.Peek(3); err == nil && string(mark) == "\ufeff" {
		if _, err := in.Discard(3); err != nil {
			return err
		}
	}
	var line []byte
	for number := int64(1); ; number++ {
		var tooLong, end bool
		var err error
		if line, tooLong, end, err = readLine(in, line[:0]); err != nil {
			return err
		}
		if (len(line) > 0 || tooLong) && !fn(number, line, tooLong) {
			return nil
		}
		if end {
			return nil
		}
	}
}

// readLine appends a line with its end to line; of one that is too long it returns nothing. end says that it was the last.
func readLine(in *bufio.Reader, line []byte) (_ []byte, tooLong, end bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			tooLong, line = true, line[:0]
		} else if !tooLong {
			line = append(line, part...)
		}
		switch {
		case err == nil:
			return line, tooLong, false, nil
		case errors.Is(err, io.EOF):
			return line, tooLong, true, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, false, false, err
		}
	}
}
