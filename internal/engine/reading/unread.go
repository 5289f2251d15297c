package reading

import (
	"fmt"
	"strings"

	"github.com/stewardhq/steward/internal/grounding"
)

// maxNamed is how many page numbers a warning names.
const maxNamed = 20

// NoteUnread adds a warning about the pages of a file that have neither text nor a picture, when that is so because OCR is not
// there. With OCR they are empty.
func (s *Files) NoteUnread(name string, pages []grounding.Page) {
	if s.CanRecognize() {
		return
	}
	var unread []string
	for i := range pages {
		if pages[i].Text == "" && pages[i].Picture == nil {
			unread = append(unread, fmt.Sprint(pages[i].Number))
		}
	}
	n := len(unread)
	if n == 0 {
		return
	}
	named := strings.Join(unread[:min(n, maxNamed)], ", ")
	if n > maxNamed {
		named += ", …"
	}
	s.Note("%d of %d pages of %s have no text layer and were not read: %s. OCR is not available on this server.", n, len(pages), name, named)
}
