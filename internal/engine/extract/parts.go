package extract

import (
	"fmt"
	"strings"

	"github.com/stewardhq/steward/internal/engine/answer"
	"github.com/stewardhq/steward/internal/engine/reading"
	"github.com/stewardhq/steward/internal/grounding"
)

// pictureBytes is how much text a picture counts as, when it is reckoned what fits into a question.
const pictureBytes = 4500

// cost is how much of the model's window a page takes, in bytes of text.
func cost(p *grounding.Page) int {
	if p.Picture != nil {
		return len(p.Text) + pictureBytes
	}
	return len(p.Text)
}

// partsOf cuts documents to what the model can read at once: everything in one part when it fits; else long texts in pieces, and
// the pages of files in runs, pictures among them.
func partsOf(docs []grounding.Document, room int) []answer.Part {
	total := 0
	for i := range docs {
		for k := range docs[i].Pages {
			total += cost(&docs[i].Pages[k])
		}
	}
	if total <= room {
		return []answer.Part{{Step: "extract", Documents: docs}}
	}
	p := &packer{room: room}
	for i := range docs {
		if doc := docs[i]; len(doc.Pages) == 1 && doc.Pages[0].Number == 0 {
			p.flush()
			p.text(doc)
			continue
		}
		for k := range docs[i].Pages {
			p.page(docs[i], k)
		}
	}
	p.flush()
	for i := range p.parts {
		if len(docs) == 1 && docs[0].Pages[0].Number == 0 {
			p.parts[i].Label = fmt.Sprintf("Piece %d of %d", i+1, len(p.parts))
		}
	}
	return p.parts
}

// packer fills parts.
type packer struct {
	room  int
	parts []answer.Part

	docs []grounding.Document // of the part that is being filled
	size int
}

// text cuts a text into pieces, each a part. Parts are named by what is read: another window on resumption must not take up answers to
// other pieces.
func (p *packer) text(doc grounding.Document) {
	whole := doc.Pages[0].Text
	from := 0
	for i, text := range answer.SplitText(whole, p.room) {
		piece := doc
		piece.Pages = []grounding.Page{{Text: text}}
		if i > 0 { // pieces overlap, each begins behind the beginning of the one before
			from += 1 + strings.Index(whole[from+1:], text)
		}
		p.parts = append(p.parts, answer.Part{
			Step: fmt.Sprintf("extract[%d-%d]", from, from+len(text)), Label: "A piece of " + doc.Name, Documents: []grounding.Document{piece},
		})
	}
}

// page adds a page of a file.
func (p *packer) page(doc grounding.Document, k int) {
	c := cost(&doc.Pages[k])
	if p.size > 0 && p.size+c > p.room {
		p.flush()
	}
	p.size += c
	if n := len(p.docs); n > 0 && p.docs[n-1].FileIndex == doc.FileIndex {
		last := &p.docs[n-1]
		last.Pages = doc.Pages[k-len(last.Pages) : k+1]
		return
	}
	doc.Pages = doc.Pages[k : k+1]
	p.docs = append(p.docs, doc)
}

// flush ends the part that is being filled.
func (p *packer) flush() {
	if len(p.docs) == 0 {
		return
	}
	name := func(d *grounding.Document) string {
		return fmt.Sprintf("file[%d].%s", d.FileIndex, reading.Span(d.Pages[0].Number, d.Pages[len(d.Pages)-1].Number))
	}
	first, last := &p.docs[0], &p.docs[len(p.docs)-1]
	step, label := name(first), fmt.Sprintf("Pages %s of %s", reading.Span(first.Pages[0].Number, first.Pages[len(first.Pages)-1].Number), first.Name)
	if len(p.docs) > 1 {
		step += "-" + name(last)
		label = first.Name + " to " + last.Name
	}
	p.parts = append(p.parts, answer.Part{Step: "extract[" + step + "]", Label: label, Documents: p.docs})
	p.docs, p.size = nil, 0
}
