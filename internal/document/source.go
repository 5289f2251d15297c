package document

import (
	"errors"
	"io"
)

// window is how much of a file is read at once: the engine asks for a few hundred bytes at a time.
const window = 64 << 10

// source gives the engine random access to a file through one small window, so that no file is held in memory whole.
// The engine understands neither short reads nor errors: the first error is kept for the caller of the engine.
type source struct {
	r     io.ReadSeeker // nil once detached
	size  int64
	pos   int64
	start int64 // of buf in the file
	buf   []byte
	err   error
}

// newSource reads r, which has size bytes.
func newSource(r io.ReadSeeker, size int64) *source { return &source{r: r, size: size} }

// detach lets go of the file; later reads fail. The engine may keep the source itself for as long as it lives.
func (s *source) detach() { s.r, s.buf = nil, nil }

// Seek implements io.Seeker for io.SeekStart, the only way the engine seeks.
func (s *source) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekStart || offset < 0 {
		return 0, errors.New("seek: only from the start of the file")
	}
	s.pos = offset
	return offset, nil
}

// Read implements io.Reader. It fills p whole or fails.
func (s *source) Read(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		if s.pos < s.start || s.pos >= s.start+int64(len(s.buf)) {
			if err := s.fill(); err != nil {
				return done, err
			}
		}
		n := copy(p[done:], s.buf[s.pos-s.start:])
		s.pos += int64(n)
		done += n
	}
	return done, nil
}

// fill moves the window to pos.
func (s *source) fill() error {
	if s.r == nil {
		return errors.New("read: the file is closed")
	}
	if s.pos >= s.size {
		return io.EOF
	}
	if _, err := s.r.Seek(s.pos, io.SeekStart); err != nil {
		return s.keep(err)
	}
	if s.buf == nil {
		s.buf = make([]byte, 0, min(window, s.size))
	}
	buf := s.buf[:min(int64(cap(s.buf)), s.size-s.pos)]
	n, err := io.ReadFull(s.r, buf)
	s.start, s.buf = s.pos, buf[:n]
	if n == 0 {
		return s.keep(err)
	}
	return nil
}

// keep remembers the first error of the file.
func (s *source) keep(err error) error {
	if s.err == nil && err != nil {
		s.err = err
	}
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}
