package document

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/stewardhq/steward"
)

// sniffWindow is how much of a file is looked at to tell what it is.
const sniffWindow = 4096

// maxFileBytes is the largest file other than a PDF or a picture that is read.
const maxFileBytes = 256 << 20

// OpenAny opens a document of any kind that can be read, by what its bytes are first, and by its declared content type and the
// ending of its name second. src has size bytes and is used until the document is closed; src is not closed. The name appears
// in failures; the password is used where the kind knows one.
//
// Errors: *steward.Failure with FailUnsupportedFile, which says what the file is and what can be read, FailFileEncrypted, and
// the others of Reader.Open; ctx's error.
func (r *Reader) OpenAny(ctx context.Context, name, contentType string, src io.ReadSeeker, size int64, password string) (Document, error) {
	return r.openAny(ctx, file{name: name, contentType: contentType, src: src, size: size, password: password})
}

// file is what is to be opened.
type file struct {
	name        string
	contentType string // as it was declared
	src         io.ReadSeeker
	size        int64
	password    string
	depth       int         // how many documents it is attached within
	budget      *mailBudget // what a mail and all that is within it may take; nil for what is in no mail
}

// openAny opens a file by its kind.
func (r *Reader) openAny(ctx context.Context, f file) (Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if f.size <= 0 {
		return nil, unsupported(nil, "%s is empty.", f.name)
	}
	head, err := readHead(f)
	if err != nil {
		return nil, err
	}
	what := sniff(head, f)
	switch what {
	case string(KindPDF):
		pdf, err := r.Open(ctx, f.name, f.src, f.size, f.password)
		if err != nil {
			return nil, err
		}
		return pdf, nil
	case formatPNG, formatJPEG, formatGIF, formatWebP, formatTIFF, formatBMP:
		return r.openPicture(f.name, what, f.src, f.size)
	case "zip":
		return openPackage(ctx, f)
	case "ole":
		return nil, oldOffice(f)
	}
	data, err := readAll(f)
	if err != nil {
		return nil, err
	}
	switch Kind(what) {
	case KindHTML:
		return openHTML(ctx, f.name, data, f.contentType)
	case KindEML:
		return r.openMail(ctx, f, data)
	case KindCSV:
		return commaText(ctx, f.name, data, f.contentType)
	case KindText:
		return plainText(ctx, f.name, data, f.contentType, isMarkdown(f))
	}
	return nil, unreadable(f.name, what)
}

// readable lists what can be read, for messages.
const readable = "PDF, pictures (PNG, JPEG, GIF, WebP, TIFF, BMP), Word (.docx), Excel (.xlsx), HTML, e-mail (.eml), CSV and plain text can be read"

// unreadable is the failure of a file of a kind that is known and not read.
func unreadable(name, what string) *steward.Failure {
	return unsupported(nil, "%s is %s, which cannot be read; %s.", name, what, readable)
}

// readHead reads the beginning of a file.
func readHead(f file) ([]byte, error) {
	if _, err := f.src.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.name, err)
	}
	head := make([]byte, min(f.size, sniffWindow))
	if _, err := io.ReadFull(f.src, head); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.name, err)
	}
	return head, nil
}

// readAll reads a file that is held in memory.
func readAll(f file) ([]byte, error) {
	if f.size > maxFileBytes {
		return nil, unsupported(nil, "%s is larger than %d MiB.", f.name, maxFileBytes>>20)
	}
	if _, err := f.src.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.name, err)
	}
	data := make([]byte, f.size)
	if _, err := io.ReadFull(f.src, data); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.name, err)
	}
	return data, nil
}

// sniff tells what a file is: a kind, a format of pictures, "zip", "ole", or words for what cannot be read.
func sniff(head []byte, f file) string {
	if what := magic(head); what != "" {
		return what
	}
	pdf := bytes.Index(head[:min(len(head), headerWindow)], []byte("%PDF-"))
	declared := declaredKind(f)
	if pdf == 0 || pdf > 0 && (declared == KindPDF || !isText(head)) {
		return string(KindPDF)
	}
	if !isText(head) {
		return "not a text and of an unknown kind (" + plainType(http.DetectContentType(head)) + ")"
	}
	begin := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n"))
	switch {
	case bytes.HasPrefix(begin, []byte(`{\rtf`)):
		return "a rich text (RTF)"
	case bytes.HasPrefix(begin, []byte("%!ps")):
		return "PostScript"
	case htmlStart.Match(begin):
		return string(KindHTML)
	case bytes.HasPrefix(begin, []byte("<svg")) || bytes.HasPrefix(begin, []byte("<?xml")) && bytes.Contains(begin, []byte("<svg")):
		return "a drawing (SVG)"
	case declared == KindHTML, declared == KindCSV:
		return string(declared)
	case declared == KindEML || isMail(head):
		return string(KindEML)
	}
	return string(KindText)
}

// htmlStart is how HTML begins, in small letters.
var htmlStart = regexp.MustCompile(`^(<\?xml[^>]*>\s*)?(<!--.{0,900}?-->\s*)*<(!doctype\s+html|html|head|body)[\s>]`)

// magic tells the kind of a binary file by its first bytes; "" when they say nothing.
func magic(head []byte) string {
	for _, m := range []struct{ start, what string }{
		{"\x89PNG\r\n\x1a\n", formatPNG},
		{"\xFF\xD8\xFF", formatJPEG},
		{"GIF87a", formatGIF},
		{"GIF89a", formatGIF},
		{"II*\x00", formatTIFF},
		{"MM\x00*", formatTIFF},
		{"PK\x03\x04", "zip"},
		{"PK\x05\x06", "an empty archive (ZIP)"},
		{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "ole"},
		{"\x1F\x8B", "an archive (gzip)"},
		{"7z\xBC\xAF\x27\x1C", "an archive (7z)"},
		{"Rar!\x1A\x07", "an archive (RAR)"},
		{"8BPS", "a Photoshop picture"},
		{"AT&TFORM", "a DjVu document"},
		{"II+\x00", "a picture in the BigTIFF format"},
		{"MM\x00+", "a picture in the BigTIFF format"},
		{"\x00\x00\x00\x0CjP", "a JPEG 2000 picture"},
		{"\xFF\x0A", "a JPEG XL picture"},
		{"ID3", "sound"},
		{"OggS", "sound"},
		{"\x7FELF", "a program"},
	} {
		if bytes.HasPrefix(head, []byte(m.start)) {
			return m.what
		}
	}
	if len(head) < 16 {
		return ""
	}
	switch {
	case string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return formatWebP
	case string(head[:2]) == "BM" && head[6] == 0 && head[7] == 0 && head[8] == 0 && head[9] == 0:
		return formatBMP
	case string(head[4:8]) == "ftyp":
		switch brand := string(head[8:12]); {
		case strings.HasPrefix(brand, "hei"), strings.HasPrefix(brand, "hev"), strings.HasPrefix(brand, "mif"), strings.HasPrefix(brand, "msf"):
			return "a HEIC picture"
		case strings.HasPrefix(brand, "avi"):
			return "an AVIF picture"
		}
		return "a film or sound"
	}
	return ""
}

// isText reports whether a beginning is that of a text: UTF-16, or bytes without control characters.
func isText(head []byte) bool {
	if bytes.HasPrefix(head, []byte("\xFF\xFE")) || bytes.HasPrefix(head, []byte("\xFE\xFF")) {
		return true
	}
	if _, ok := looksUTF16(head); ok {
		return true
	}
	odd := 0
	for _, b := range head {
		switch {
		case b == 0:
			return false
		case b < ' ' && b != '\n' && b != '\r' && b != '\t' && b != '\f' && b != 0x1B && b != '\b' || b == 0x7F:
			odd++
		}
	}
	return odd*50 <= len(head) || utf8.Valid(head) && odd*10 <= len(head)
}

// declaredKind is what a file says that it is, by its content type or else by its name.
func declaredKind(f file) Kind {
	switch t := plainType(f.contentType); t {
	case "application/pdf":
		return KindPDF
	case "text/html", "application/xhtml+xml":
		return KindHTML
	case "message/rfc822":
		return KindEML
	case "text/csv", "text/tab-separated-values":
		return KindCSV
	}
	switch strings.ToLower(path.Ext(f.name)) {
	case ".pdf":
		return KindPDF
	case ".html", ".htm", ".xhtml":
		return KindHTML
	case ".eml", ".mht", ".mhtml":
		return KindEML
	case ".csv", ".tsv":
		return KindCSV
	}
	return ""
}

// isMarkdown reports whether a text is to be read as Markdown.
func isMarkdown(f file) bool {
	switch strings.ToLower(path.Ext(f.name)) {
	case ".md", ".markdown":
		return true
	}
	return plainType(f.contentType) == "text/markdown"
}

// plainType is a content type without its parameters, in small letters.
func plainType(contentType string) string {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		t, _, _ = strings.Cut(contentType, ";")
	}
	return strings.ToLower(strings.TrimSpace(t))
}

// mailHeader is a line of a mail's header that tells it from other texts.
var mailHeader = regexp.MustCompile(`(?im)^(received|return-path|delivered-to|mime-version|message-id|from|to|subject|date|content-type|dkim-signature|x-[a-z-]+):`)

// isMail reports whether a text begins with the header of a mail: lines that are all fields or go on from one, at least three of
// them those of a mail and one a sender or a way.
func isMail(head []byte) bool {
	header, _, _ := bytes.Cut(bytes.ReplaceAll(head, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
	for i, l := range bytes.Split(header, []byte("\n")) {
		if i == 0 && bytes.HasPrefix(l, []byte("From ")) {
			continue
		}
		if len(l) > 0 && (l[0] == ' ' || l[0] == '\t') && i > 0 {
			continue
		}
		if !fieldLine.Match(l) && len(header) < len(head) {
			return false
		}
	}
	names := map[string]bool{}
	for _, m := range mailHeader.FindAllSubmatch(header, 50) {
		names[strings.ToLower(string(m[1]))] = true
	}
	return len(names) >= 3 && (names["message-id"] || names["mime-version"] || names["received"] || names["return-path"] || names["delivered-to"])
}

// fieldLine is a line that begins a field of a header.
var fieldLine = regexp.MustCompile(`^[!-9;-~]+:`)

// oldOffice says what a file in Microsoft's old container is: an encrypted document or one of the old kinds.
func oldOffice(f file) error {
	data, err := oleNames(f)
	if err != nil {
		return err
	}
	has := func(stream string) bool { return bytes.Contains(data, utf16Name(stream)) }
	switch {
	case has("EncryptedPackage"):
		return &steward.Failure{Code: steward.FailFileEncrypted, Message: f.name + " is encrypted; save it without a password to have it read."}
	case has("WordDocument"):
		return unreadable(f.name, "an old Word document (.doc; save it as .docx)")
	case has("Workbook"), has("Book"):
		return unreadable(f.name, "an old Excel workbook (.xls; save it as .xlsx)")
	case has("PowerPoint Document"):
		return unreadable(f.name, "an old PowerPoint presentation (.ppt)")
	case has("__nameid_version1.0"), has("__properties_version1.0"):
		return unreadable(f.name, "an Outlook message (.msg; save it as .eml)")
	}
	return unreadable(f.name, "a file in Microsoft's old container format")
}

// oleWindow is how much of both ends of such a file is looked through for the names of its streams.
const oleWindow = 4 << 20

// oleNames reads both ends of a file.
func oleNames(f file) ([]byte, error) {
	r := &fileAt{src: f.src}
	data := make([]byte, min(f.size, 2*oleWindow))
	n := len(data)
	if f.size > 2*oleWindow {
		n = oleWindow
	}
	if _, err := r.ReadAt(data[:n], 0); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.name, err)
	}
	if n < len(data) {
		if _, err := r.ReadAt(data[n:], f.size-oleWindow); err != nil {
			return nil, fmt.Errorf("read %s: %w", f.name, err)
		}
	}
	return data, nil
}

// utf16Name is a stream's name as the container holds it.
func utf16Name(s string) []byte {
	out := make([]byte, 0, 2*len(s)+2)
	for _, c := range []byte(s) {
		out = append(out, c, 0)
	}
	return append(out, 0, 0)
}
