package client

import (
	"fmt"
	"io"
	"sync"
)

// stream is a reader of the caller's that is sent as a file.
type stream struct {
	in    io.Reader
	start int64 // where it stood
	seeks bool  // it can be read again from start

	// reading is held while in is read. A try that was given up may still be reading when the next one begins.
	reading sync.Mutex
}

// newStream looks at what a reader can do, and returns how much it has left, or -1. Seeking is tried, because pipes only look
// like files.
func newStream(r io.Reader) (s *stream, size int64) {
	s = &stream{in: r}
	seeker, ok := r.(io.Seeker)
	if !ok {
		return s, -1
	}
	var err error
	if s.start, err = seeker.Seek(0, io.SeekCurrent); err != nil {
		return s, -1
	}
	end, err := seeker.Seek(0, io.SeekEnd)
	if err != nil || end < s.start {
		end = s.start - 1
	}
	if _, err := seeker.Seek(s.start, io.SeekStart); err != nil {
		return s, -1
	}
	s.seeks = true
	return s, end - s.start
}

// open returns the bytes of the stream. Closing what it returns ends a Read of it at once, also while the caller's reader gives
// nothing: that one is then left alone as soon as it returns.
func (s *stream) open() (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(s.copy(w)) }() // never fails
	return r, nil
}

func (s *stream) copy(w io.Writer) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	if seeker, ok := s.in.(io.Seeker); ok && s.seeks {
		if _, err := seeker.Seek(s.start, io.SeekStart); err != nil {
			return fmt.Errorf("rewind: %w", err)
		}
	}
	_, err := io.Copy(w, s.in)
	return err
}
