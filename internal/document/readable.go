package document

import (
	"slices"
	"strings"
)

// Readable reports whether files of a content type, as found in their bytes, can be read, as far as the type tells.
func Readable(contentType string) bool {
	return strings.HasPrefix(contentType, "text/") || slices.Contains([]string{
		"application/pdf", "message/rfc822",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"image/png", "image/jpeg", "image/gif", "image/webp", "image/tiff", "image/bmp",
	}, contentType)
}
