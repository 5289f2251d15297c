package files

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stewardhq/steward"
)

// CheckType refuses a file whose bytes are not what an input of dataType takes. key names the input. Types that bytes cannot tell
// (application/octet-stream, unknown ones) take any file, text/* takes every kind of text.
//
// Errors: Invalid with Field InputField, such as "Input pdf_file is not a PDF".
func (s *Service) CheckType(key, dataType string, f steward.File) error {
	return CheckType(key, dataType, f)
}

// CheckType is the check behind Service.CheckType.
func CheckType(key, dataType string, f steward.File) error {
	if what, ok := fits(mediaType(dataType), f.ContentType); !ok {
		return &steward.Error{Code: steward.Invalid, Field: steward.InputField, Message: fmt.Sprintf("Input %s is not %s", key, what)}
	}
	return nil
}

// fits reports whether content of type got can be taken for want, and names want for people.
func fits(want, got string) (what string, ok bool) {
	family, kind, _ := strings.Cut(want, "/")
	switch {
	case want == typePDF:
		return "a PDF", got == typePDF
	case want == typeJSON:
		return "JSON", got == typeJSON
	case family == "text", want == "application/xml":
		return "a text", isText(got)
	case family == "image":
		return fitsImage(kind, got)
	case family == "audio":
		return "an audio file", strings.HasPrefix(got, "audio/") || slices.Contains([]string{"application/ogg", "video/mp4", "video/webm"}, got)
	case family == "video":
		return "a video", strings.HasPrefix(got, "video/") || got == "application/ogg"
	case want == typeZip:
		return "a ZIP archive", isZip(got)
	default:
		return fitsOffice(want, got)
	}
}

func fitsImage(kind, got string) (what string, ok bool) {
	if !strings.HasPrefix(got, "image/") {
		return "an image", false
	}
	names := map[string]string{
		"png": "a PNG image", "jpeg": "a JPEG image", "jpg": "a JPEG image", "gif": "a GIF image", "webp": "a WebP image", "tiff": "a TIFF image", "bmp": "a BMP image",
	}
	what, known := names[kind]
	if kind == "jpg" {
		kind = "jpeg"
	}
	return what, !known || got == "image/"+kind
}

func fitsOffice(want, got string) (what string, ok bool) {
	switch want {
	case typeDocx:
		return "a Word document", got == want
	case typeXlsx:
		return "an Excel workbook", got == want
	case typePptx:
		return "a PowerPoint presentation", got == want
	case typeDoc:
		return "a Word document", got == want || got == typeOLE
	case typeXls:
		return "an Excel workbook", got == want || got == typeOLE
	case typePpt:
		return "a PowerPoint presentation", got == want || got == typeOLE
	default:
		return "", true
	}
}

func isText(t string) bool {
	return strings.HasPrefix(t, "text/") || t == typeJSON || t == typeSVG
}

func isZip(t string) bool {
	return slices.Contains([]string{typeZip, typeDocx, typeXlsx, typePptx, "application/epub+zip"}, t) || strings.HasPrefix(t, "application/vnd.oasis.")
}

// maxName is the longest name in bytes: what file systems take.
const maxName = 255

// CleanName returns the base name of what a caller calls a file: no folders, no control or invisible formatting characters, valid
// UTF-8, no blanks or dots at the ends that would hide it, at most 255 bytes with the extension kept. A name of which nothing is left
// becomes "upload".
func CleanName(name string) string {
	name = strings.ToValidUTF8(name, "_")
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, name)
	name = strings.TrimRight(strings.TrimSpace(name), ". ")
	if strings.Trim(name, ". ") == "" {
		return "upload"
	}
	return clipName(name)
}

// clipName shortens a name before its extension, between characters.
func clipName(name string) string {
	if len(name) <= maxName {
		return name
	}
	ext := ""
	if i := strings.LastIndexByte(name, '.'); i > 0 && len(name)-i <= 16 {
		ext = name[i:]
	}
	n := maxName - len(ext)
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n] + ext
}
