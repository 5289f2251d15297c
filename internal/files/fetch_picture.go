package files

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/stewardhq/steward"
)

// pictureHead is how much of a body is read to find out whether it is a picture.
const pictureHead = 512

// beginning is the start of a content that is still on its way.
type beginning struct{ *bytes.Reader }

// Head implements content.
func (b beginning) Head() []byte {
	head := make([]byte, b.Len())
	n, _ := b.ReadAt(head, 0) // what is in memory can be read
	return head[:n]
}

// boundPicture lets no more than limit bytes of the body through when it is a picture by its first bytes; 0 means no limit. A picture
// that says beforehand that it is longer is refused at once.
//
// Errors: *steward.Failure; those of the body.
func (f *fetched) boundPicture(limit int64) error {
	if limit <= 0 {
		return nil
	}
	head := make([]byte, pictureHead)
	n, err := io.ReadFull(f.body, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF { // as ReadFull has them: a body that broke off has them deeper in its chain
		return err
	}
	head = head[:n]
	rest := f.body
	if strings.HasPrefix(sniff(CleanName(f.name), f.declaredType, beginning{bytes.NewReader(head)}), "image/") {
		if f.length > limit {
			return pictureTooLong(limit)
		}
		rest = &bounded{r: rest, left: limit - int64(n), limit: limit}
	}
	f.body = io.MultiReader(bytes.NewReader(head), rest)
	return nil
}

// bounded is a reader that fails behind a limit.
type bounded struct {
	r           io.Reader
	left, limit int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, pictureTooLong(b.limit)
	}
	return n, err
}

func pictureTooLong(limit int64) error {
	return &steward.Failure{Code: steward.FailUnsupportedFile, Message: fmt.Sprintf("The picture behind the URL is larger than %d MiB.", limit>>20)}
}
