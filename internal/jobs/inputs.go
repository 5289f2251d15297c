package jobs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
)

// readInputs turns the fields of a request into the inputs that the version defines, in the order of its definitions. Fields
// without a definition are left out. Inputs without a field are left out too; Program.Bind says which of them are needed.
//
// Errors: Invalid with Field steward.InputField.
func (in *intake) readInputs(ctx context.Context, raw []RawInput) ([]steward.Input, error) {
	inputs := make([]steward.Input, 0, len(in.prog.Definitions))
	var total int64
	for _, def := range in.prog.Definitions {
		var fields []RawInput
		for _, r := range raw {
			if r.Key == def.Key && string(r.JSON) != "null" {
				fields = append(fields, r)
			}
		}
		if len(fields) == 0 {
			continue
		}
		one, err := in.readInput(ctx, def, fields)
		if err != nil {
			return nil, err
		}
		for _, f := range one.Files {
			total += f.SizeBytes
		}
		if total > MaxJobBytes {
			return nil, &steward.Error{Code: steward.TooLarge, Message: fmt.Sprintf("The files of a job must not exceed %d MiB together.", MaxJobBytes>>20)}
		}
		inputs = append(inputs, one)
	}
	return inputs, nil
}

func (in *intake) readInput(ctx context.Context, def steward.InputDefinition, fields []RawInput) (steward.Input, error) {
	one := steward.Input{Key: def.Key, Description: def.Description, DataType: def.DataType}
	last := fields[len(fields)-1]
	switch {
	case isFileType(def.DataType), def.DataType == "*/*" && last.File != nil:
		return in.readFiles(ctx, def, one, fields)
	case last.File != nil && isTextDocument(last.File) && strings.HasPrefix(def.DataType, "text/") && in.prog.TakesFile(def.Key, last.File.ContentType):
		one.Files = []steward.File{*last.File}
		return one, nil
	case last.File != nil:
		return in.s.readTextFile(ctx, one, last.File)
	case len(last.JSON) > maxTextBytes || len(last.Text) > maxTextBytes: // a run could not read it
		return one, errTextTooLong(def.Key)
	case last.JSON != nil:
		return readJSON(one, last.JSON)
	}
	return readText(one, last.Text)
}

func errTextTooLong(key string) error {
	return &steward.Error{Code: steward.TooLarge, Message: fmt.Sprintf("Input %s is longer than %d MiB.", key, maxTextBytes>>20)}
}

// isFileType reports whether a definition's data type means a file.
func isFileType(dataType string) bool {
	kind, sub, _ := strings.Cut(dataType, "/")
	switch kind {
	case "image", "audio", "video":
		return true
	case "application":
		return sub != "json"
	}
	return false
}

// inputErr is a failure of one input.
func inputErr(format string, args ...any) error {
	return &steward.Error{Code: steward.Invalid, Field: steward.InputField, Message: fmt.Sprintf(format, args...)}
}

// readText takes a form field. Text for application/json is JSON when it parses.
func readText(in steward.Input, text string) (steward.Input, error) {
	if !utf8.ValidString(text) {
		return in, inputErr("Input %s is not valid UTF-8", in.Key)
	}
	in.Value = text
	switch in.DataType {
	case "application/json":
		in.JSON = json.Valid([]byte(text))
	case "boolean":
		switch strings.ToLower(strings.TrimSpace(text)) {
		case "true", "false", "1", "0", "yes", "no":
		default:
			return in, inputErr("Input %s must be true or false", in.Key)
		}
	case "number":
		if _, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err != nil {
			return in, inputErr("Input %s must be a number", in.Key)
		}
	}
	return in, nil
}

// readJSON takes a value that was sent with its JSON type. A string is text.
func readJSON(in steward.Input, raw json.RawMessage) (steward.Input, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '"' {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return in, inputErr("Input %s is not valid JSON", in.Key)
		}
		return readText(in, text)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return in, inputErr("Input %s is not valid JSON", in.Key)
	}
	in.Value, in.JSON = compact.String(), true
	switch in.DataType {
	case "boolean", "number":
		in.JSON = false
		return readText(in, in.Value)
	}
	return in, nil
}

// isTextFile reports whether a file's content is a text as it is.
func isTextFile(f *steward.File) bool {
	return strings.HasPrefix(f.ContentType, "text/") || f.ContentType == "application/json"
}

// isTextDocument reports whether a file may hold the text that an input asks for: a picture in its place is a mistake.
func isTextDocument(f *steward.File) bool {
	return !isTextFile(f) && !strings.HasPrefix(f.ContentType, "image/")
}

// readTextFile takes an upload for a text input: its content is the text.
func (s *Service) readTextFile(ctx context.Context, in steward.Input, f *steward.File) (steward.Input, error) {
	if !isTextFile(f) {
		return in, inputErr("Input %s must be a text, not a file of type %s", in.Key, f.ContentType)
	}
	if f.SizeBytes > maxTextBytes {
		return in, errTextTooLong(in.Key)
	}
	text, err := s.readAll(ctx, *f, maxTextBytes)
	if err != nil {
		return in, fmt.Errorf("read input %s: %w", in.Key, err)
	}
	if in, err = readText(in, string(text)); err != nil {
		return in, err
	}
	in.Text = f
	return in, nil
}

// maxTextBytes is the longest text input.
const maxTextBytes = 16 << 20

// readFiles takes uploads, ids of stored files and URLs.
func (in *intake) readFiles(ctx context.Context, def steward.InputDefinition, one steward.Input, fields []RawInput) (steward.Input, error) {
	for _, r := range fields {
		if r.File != nil {
			one.Files = append(one.Files, *r.File)
			continue
		}
		refs, err := fileRefs(def.Key, r)
		if err != nil {
			return one, err
		}
		for _, ref := range refs {
			if len(one.Files) > MaxFilesPerInput {
				break // they are refused below; the others need not be looked up
			}
			f, err := in.readFileRef(ctx, def.Key, ref)
			if err != nil {
				return one, err
			}
			one.Files = append(one.Files, f)
		}
	}
	if len(one.Files) > 1 && !def.AcceptsMultipleFiles {
		return one, inputErr("Input %s accepts one file, not %d", def.Key, len(one.Files))
	}
	if len(one.Files) > MaxFilesPerInput {
		return one, inputErr("Input %s accepts at most %d files", def.Key, MaxFilesPerInput)
	}
	for _, f := range one.Files {
		if f.SHA256 == "" {
			continue // a URL; its bytes are looked at when they are here
		}
		if err := in.s.files.CheckType(def.Key, def.DataType, f); err != nil {
			return one, err
		}
	}
	return one, nil
}

// fileRefs returns the references in a field that is not an upload.
func fileRefs(key string, r RawInput) ([]string, error) {
	if r.JSON == nil {
		return engine.SplitFileRefs(r.Text), nil
	}
	var list []string
	if json.Unmarshal(r.JSON, &list) == nil {
		return list, nil
	}
	var text string
	if err := json.Unmarshal(r.JSON, &text); err != nil {
		return nil, inputErr("Input %s must be a file, a stored file's id, a URL or a list of these", key)
	}
	return engine.SplitFileRefs(text), nil
}

func (in *intake) readFileRef(ctx context.Context, key, ref string) (steward.File, error) {
	if steward.IsFileID(ref) {
		id, err := steward.ParseFileID(key, ref)
		if err != nil {
			return steward.File{}, err
		}
		return in.storedFile(ctx, key, id)
	}
	u, err := url.Parse(ref)
	if !engine.IsURL(ref) || err != nil || u.Host == "" {
		return steward.File{}, inputErr("Input %s must be a file, a stored file's id or an http(s) URL", key)
	}
	name := path.Base(u.Path)
	if name == "." || name == "/" {
		name = u.Hostname()
	}
	return steward.File{Name: name, SourceURL: ref}, nil
}

// storedFile looks a file up, once for all jobs of the request.
func (in *intake) storedFile(ctx context.Context, key string, id steward.FileID) (steward.File, error) {
	if f, ok := in.known[id]; ok {
		return f, nil
	}
	f, err := in.s.files.Stored(ctx, in.who.OrganizationID, id)
	if steward.CodeOf(err) == steward.NotFound {
		return f, inputErr("Input %s: stored file %s does not exist", key, id)
	}
	if err == nil {
		in.known[id] = f
	}
	return f, err
}

// previewChars is how much of a long text stands in the job's row, for lists and searches.
const previewChars = 500

// preview returns the beginning of a text.
func preview(text string) string {
	if len(text) <= previewChars {
		return text
	}
	n := 0
	for i := range text {
		if n == previewChars {
			return strings.Clone(text[:i])
		}
		n++
	}
	return text
}

// storeLongTexts moves texts that would bloat the job's row into files, in place, leaves their beginning, and returns the ids of those
// files, also with an error.
func (s *Service) storeLongTexts(ctx context.Context, inputs []steward.Input) (stored []steward.FileID, err error) {
	for i := range inputs {
		in := &inputs[i]
		if in.Text != nil { // it came as a file
			in.Value = preview(in.Value)
			continue
		}
		if len(in.Value) <= inlineBytes {
			continue
		}
		f, err := s.files.Upload(ctx, in.Key+".txt", "text/plain", strings.NewReader(in.Value))
		if err != nil {
			return stored, fmt.Errorf("store input %s: %w", in.Key, err)
		}
		stored = append(stored, f.ID)
		in.Text, in.Value = &f, preview(in.Value)
	}
	return stored, nil
}

// loadLongTexts puts the texts back that storeLongTexts moved away, and the content of uploads for text inputs.
func (s *Service) loadLongTexts(ctx context.Context, inputs []steward.Input) ([]steward.Input, error) {
	loaded := make([]steward.Input, len(inputs))
	copy(loaded, inputs)
	for i := range loaded {
		in := &loaded[i]
		if in.Text == nil {
			continue
		}
		text, err := s.readAll(ctx, *in.Text, maxTextBytes)
		if err != nil {
			return nil, fmt.Errorf("read input %s: %w", in.Key, err)
		}
		if !utf8.Valid(text) {
			return nil, &steward.Failure{Code: steward.FailUnsupportedFile, Message: fmt.Sprintf("Input %s is not valid UTF-8 text.", in.Key)}
		}
		in.Value = string(text)
	}
	return loaded, nil
}

func (s *Service) readAll(ctx context.Context, f steward.File, limit int64) (text []byte, err error) {
	r, err := s.files.Open(ctx, f)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var buf bytes.Buffer
	n, err := buf.ReadFrom(io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = &steward.Error{Code: steward.TooLarge, Message: "A stored value is too long."}
	}
	return buf.Bytes(), err
}
