package files

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
)

// Types that net/http does not tell, or that this package treats apart.
const (
	typePDF    = "application/pdf"
	typeJSON   = "application/json"
	typeZip    = "application/zip"
	typeOLE    = "application/x-ole-storage"
	typeBytes  = "application/octet-stream"
	typeText   = "text/plain"
	typeSVG    = "image/svg+xml"
	typeTIFF   = "image/tiff"
	typeDoc    = "application/msword"
	typeXls    = "application/vnd.ms-excel"
	typePpt    = "application/vnd.ms-powerpoint"
	typeDocx   = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	typeXlsx   = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	typePptx   = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	maxJSON    = 4 << 20    // longer ones are judged by their beginning
	zipTail    = 64 << 10   // of the directory at the end of a zip, enough to meet a part that tells its kind
	pdfHead    = 1 << 10    // readers look for the header of a PDF that far
	svgHead    = 512        // comments and declarations come before the element
	mimetypeAt = 30         // offset of the first entry's name in a zip
	mimetype   = "mimetype" // first entry of OpenDocument and EPUB files, stored plain
)

// content is what sniff looks at.
type content interface {
	io.ReaderAt
	Head() []byte
	Size() int64
}

// sniff returns the media type of content, without parameters. The bytes decide; name and declared type only tell apart what has
// no mark of its own: kinds of text and of old office files.
func sniff(name, declared string, c content) string {
	head := c.Head()
	t := mediaType(http.DetectContentType(head))
	switch t {
	case typeZip:
		return zipType(c)
	case typeBytes:
		return binaryType(name, head)
	case typeText, "text/html", "text/xml":
		return textType(name, declared, t, c)
	default:
		return t
	}
}

// binaryType knows the marks that net/http does not.
func binaryType(name string, head []byte) string {
	switch {
	case hasPDFHeader(head):
		return typePDF
	case bytes.HasPrefix(head, []byte("II*\x00")), bytes.HasPrefix(head, []byte("MM\x00*")):
		return typeTIFF
	case bytes.HasPrefix(head, []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")):
		return oleType(name)
	case len(head) >= 12 && string(head[4:8]) == "ftyp":
		return isoMediaType(string(head[8:12]))
	case len(head) >= 2 && head[0] == 0xFF && (head[1] == 0xFB || head[1] == 0xF3 || head[1] == 0xF2):
		return "audio/mpeg"
	case bytes.HasPrefix(head, []byte("fLaC")):
		return "audio/flac"
	default:
		return typeBytes
	}
}

// isoMediaType tells the brands of the container that photographs and films share.
func isoMediaType(brand string) string {
	switch brand {
	case "heic", "heix", "hevc", "heim", "heis", "mif1", "msf1":
		return "image/heic"
	case "avif", "avis":
		return "image/avif"
	case "M4A ", "M4B ":
		return "audio/mp4"
	case "qt  ":
		return "video/quicktime"
	default:
		return "video/mp4"
	}
}

func oleType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".doc":
		return typeDoc
	case ".xls":
		return typeXls
	case ".ppt":
		return typePpt
	default:
		return typeOLE
	}
}

// zipType tells office files from other archives by the names of their parts, at the beginning or in the directory at the end.
// Nothing is unpacked.
func zipType(c content) string {
	head := c.Head()
	if rest, ok := bytes.CutPrefix(head[min(mimetypeAt, len(head)):], []byte(mimetype)); ok {
		for _, t := range []string{"application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.spreadsheet",
			"application/vnd.oasis.opendocument.presentation", "application/epub+zip"} {
			if bytes.HasPrefix(rest, []byte(t)) {
				return t
			}
		}
	}
	size := min(c.Size(), zipTail)
	tail := make([]byte, size)
	if _, err := c.ReadAt(tail, c.Size()-size); err != nil {
		tail = nil // what cannot be read tells nothing; the head may
	}
	for _, names := range [][]byte{head, tail} {
		switch {
		case bytes.Contains(names, []byte("word/document")):
			return typeDocx
		case bytes.Contains(names, []byte("xl/workbook")):
			return typeXlsx
		case bytes.Contains(names, []byte("ppt/presentation")):
			return typePptx
		}
	}
	return typeZip
}

// textType tells kinds of text apart.
func textType(name, declared, t string, c content) string {
	head := c.Head()
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n")
	switch {
	case hasPDFHeader(head):
		return typePDF
	case t != "text/html" && bytes.HasPrefix(trimmed, []byte("<")) && bytes.Contains(head[:min(len(head), svgHead)], []byte("<svg")):
		return typeSVG
	case t != typeText:
		return t
	case len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') && isJSON(c):
		return typeJSON
	}
	if kind := textKindOf(name); kind != "" {
		return kind
	}
	if kind := mediaType(declared); slices.Contains(textKinds(), kind) {
		return kind
	}
	return typeText
}

// textKinds are the types that a text may be declared as.
func textKinds() []string {
	return []string{"text/csv", "text/tab-separated-values", "text/markdown", "text/html", "text/uri-list", "text/calendar", "text/vcard"}
}

func textKindOf(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".csv":
		return "text/csv"
	case ".tsv":
		return "text/tab-separated-values"
	case ".md", ".markdown":
		return "text/markdown"
	case ".html", ".htm":
		return "text/html"
	default:
		return ""
	}
}

// isJSON reports whether the whole content is one JSON value; of long content, whether it may be.
func isJSON(c content) bool {
	if c.Size() > maxJSON {
		return true
	}
	data := make([]byte, c.Size())
	if _, err := c.ReadAt(data, 0); err != nil {
		return false
	}
	return json.Valid(bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF")))
}

// hasPDFHeader reports whether a PDF begins in the first KB. Some programs put bytes before it; a text that merely speaks of "%PDF-"
// in the middle of a line is none.
func hasPDFHeader(head []byte) bool {
	i := bytes.Index(head[:min(len(head), pdfHead)], []byte("%PDF-"))
	return i == 0 || i > 0 && (head[i-1] < ' ' || head[i-1] > '~')
}

// mediaType returns the type without parameters, in lower case.
func mediaType(s string) string {
	t, _, _ := strings.Cut(s, ";")
	return strings.ToLower(strings.TrimSpace(t))
}
