package run

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/jobs"
	"github.com/stewardhq/steward/internal/rest/wire"
)

// Limits of a multipart body, beside those of package files.
const (
	maxParts      = 64
	maxTextTotal  = wire.MaxBodyBytes // of all text fields together
	maxInputFiles = jobs.MaxFilesPerInput
	maxJobBytes   = jobs.MaxJobBytes
	maxOverhead   = 1 << 20 // boundaries and headers of parts
	maxMultipart  = maxJobBytes + maxTextTotal + maxOverhead
)

// multipartReader reads a body part by part. Files go to the store as they arrive: nothing is held but one buffer.
type multipartReader struct {
	in        *inputReader
	r         *http.Request
	parts     *multipart.Reader
	count     int
	textBytes int
	fileBytes int64
	perInput  map[string]int
}

// readMultipart takes a multipart body in.
func (in *inputReader) readMultipart(w http.ResponseWriter, r *http.Request, boundary string) error {
	if r.ContentLength > maxMultipart {
		return errJobTooLarge()
	}
	body := http.MaxBytesReader(w, r.Body, maxMultipart)
	mr := &multipartReader{in: in, r: r, parts: multipart.NewReader(body, boundary), perInput: map[string]int{}}
	err := mr.readAll()
	if err != nil && r.Context().Err() == nil {
		wire.Drain(w, r)
	}
	return err
}

func (mr *multipartReader) readAll() error {
	for {
		part, err := mr.parts.NextPart()
		if err == io.EOF { // wrapped, it would be the end of a body without a last boundary
			return nil
		}
		if err != nil {
			return wire.BrokenMultipart(err)
		}
		if mr.count++; mr.count > maxParts {
			return &steward.Error{Code: steward.TooLarge, Message: fmt.Sprintf("The body has more than %d parts.", maxParts)}
		}
		if err := mr.readPart(part); err != nil {
			return err
		}
	}
}

// readPart takes one part: a file when it has a file name, else text, whatever its declared type.
func (mr *multipartReader) readPart(part *multipart.Part) error {
	key := part.FormName()
	if !utf8.ValidString(key) {
		return wire.Invalid(wire.NonField, "A field name is not valid UTF-8.")
	}
	name, isFile := fileName(part)
	if !isFile {
		return mr.readText(key, part)
	}
	if key == fieldMetadata {
		return wire.Invalid(fieldMetadata, "Invalid JSON string.")
	}
	return mr.readFile(key, name, part)
}

func (mr *multipartReader) readText(key string, part io.Reader) error {
	text, err := wire.ReadText(mr.r, key, part)
	if err != nil {
		return err
	}
	if mr.textBytes += len(text); mr.textBytes > maxTextTotal {
		return &steward.Error{Code: steward.TooLarge, Message: fmt.Sprintf("The text fields are larger than %d bytes together.", maxTextTotal)}
	}
	mr.in.add(wire.Member{Key: key, Text: text})
	return nil
}

func (mr *multipartReader) readFile(key, name string, part *multipart.Part) error {
	src := &partSource{part: part, left: maxJobBytes - mr.fileBytes}
	if name == "" {
		// A form sends an empty file for a field that was left empty.
		var first [1]byte
		n, err := io.ReadFull(src, first[:])
		if n == 0 && errors.Is(err, io.EOF) {
			return nil
		}
		src.head, name = first[:n], "upload"
	}
	if mr.perInput[key]++; mr.perInput[key] > maxInputFiles {
		return &steward.Error{
			Code: steward.Invalid, Field: steward.InputField,
			Message: fmt.Sprintf("Input %s accepts at most %d files", key, maxInputFiles),
		}
	}
	file, err := mr.in.files.Upload(mr.r.Context(), name, part.Header.Get("Content-Type"), src)
	if file.ID != "" {
		mr.in.uploads = append(mr.in.uploads, file.ID)
	}
	if src.err != nil {
		return src.err // the client's doing, whatever the store made of it
	}
	if err != nil {
		return err
	}
	mr.fileBytes += src.read
	mr.in.inputs = append(mr.in.inputs, jobs.RawInput{Key: key, File: &file})
	return nil
}

// partSource reads a file part, keeps the job's limit, and remembers how the client's side failed.
type partSource struct {
	part io.Reader
	head []byte // read ahead
	left int64  // bytes that the job's files may still have
	read int64
	err  error
}

// Read implements io.Reader.
func (s *partSource) Read(p []byte) (int, error) {
	if len(s.head) > 0 {
		n := copy(p, s.head)
		s.head = s.head[n:]
		return n, nil
	}
	n, err := s.part.Read(p)
	s.read += int64(n)
	if s.read > s.left {
		s.err = errJobTooLarge()
		return 0, s.err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = wire.BrokenMultipart(err)
		return n, s.err
	}
	return n, err
}

func errJobTooLarge() error {
	return &steward.Error{
		Code:    steward.TooLarge,
		Message: fmt.Sprintf("The files of a job must not exceed %d MiB together.", maxJobBytes>>20),
	}
}

// fileName returns a part's file name without folders, and whether it has one at all.
func fileName(part *multipart.Part) (name string, isFile bool) {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return "", false
	}
	name, isFile = params["filename"]
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == unicode.ReplacementChar {
			return -1
		}
		return c
	}, name)
	if name == "." || name == ".." {
		name = "upload"
	}
	return name, isFile
}
