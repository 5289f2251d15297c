package document

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/html/charset"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/grounding"
)

// Limits of mails.
const (
	maxMailBytes   = 128 << 20
	maxMailHead    = 1 << 20  // bytes before the text: each line of it costs a hundred times its length
	maxMailParts   = 1000     // of one mail
	maxMailDepth   = 20       // parts within parts
	maxAttachments = 100      // of a mail and the mails within it that are read; others are named
	maxMailNest    = 3        // mails within mails that are read
	smallPicture   = 10 << 10 // bytes of a picture within the text, such as a logo, that is no page
)

// mailDocument is a mail: its text first, then the pages of what is attached, in its order.
type mailDocument struct {
	reader   *Reader
	name     string
	body     *textual
	attached []*attachment
	pages    int
	outline  []Heading

	mu     sync.Mutex
	closed bool
}

// attachment is a file in a mail.
type attachment struct {
	file  file
	left  mailBudget // what there was before it was opened, so that it opens again as it did
	first int        // page of the mail that its first page is
	pages int        // 0 when it is not read
	doc   Document   // nil while it is closed
}

// mailBudget is what a mail and all that is attached to it may still take together.
type mailBudget struct {
	files int   // attachments to read
	text  int   // bytes of text of attachments that are all text
	bytes int64 // to unpack
}

// unpackable is how many bytes may still be unpacked.
func (b *mailBudget) unpackable() int64 {
	if b == nil {
		return maxUnpacked
	}
	return b.bytes
}

// unpacked notes how many bytes are left to unpack.
func (b *mailBudget) unpacked(left int64) {
	if b != nil {
		b.bytes = max(left, 0)
	}
}

// holds reports whether the text of a document is within what is left, and takes it off.
func (b *mailBudget) holds(d Document) bool {
	t, ok := d.(*textual)
	if !ok {
		return true
	}
	for _, page := range t.pages {
		b.text -= len(page)
	}
	b.text = max(b.text, -1)
	return b.text >= 0
}

// openMail reads a mail and opens what is attached to it.
func (r *Reader) openMail(ctx context.Context, f file, data []byte) (Document, error) {
	if len(data) > maxMailBytes {
		return nil, unsupported(nil, "%s is larger than %d MiB.", f.name, maxMailBytes>>20)
	}
	m, err := parseMail(f.name, data)
	if err != nil {
		return nil, err
	}
	if f.budget == nil {
		f.budget = &mailBudget{files: maxAttachments, text: maxTextBytes, bytes: maxUnpacked}
	}
	d := &mailDocument{reader: r, name: f.name}
	names, err := d.openAttached(ctx, m.files, f)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.write(ctx, m, names); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if d.pages > r.opts.MaxPages {
		return nil, errors.Join(d.tooLong(), d.Close())
	}
	return d, nil
}

// tooLong is the failure of a mail with too many pages.
func (d *mailDocument) tooLong() error {
	return unsupported(nil, "%s has more than %d pages to read.", d.name, d.reader.opts.MaxPages)
}

// openAttached opens each attachment to learn its pages and closes it again, and returns the names with what became of each. It ends
// when there are too many pages.
func (d *mailDocument) openAttached(ctx context.Context, files []file, within file) ([]string, error) {
	var names []string
	pages := 0
	for _, f := range files {
		f.depth, f.password, f.budget = within.depth+1, within.password, within.budget
		a := &attachment{file: f}
		why, err := d.openOne(ctx, a)
		if err != nil {
			return nil, err
		}
		if why != "" {
			names = append(names, f.name+" ("+why+")")
			continue
		}
		names = append(names, f.name)
		d.attached = append(d.attached, a)
		if pages += a.pages; pages > d.reader.opts.MaxPages {
			return nil, d.tooLong()
		}
	}
	return names, nil
}

// openOne opens an attachment; why says why it is not read.
func (d *mailDocument) openOne(ctx context.Context, a *attachment) (why string, err error) {
	if a.file.budget.files <= 0 {
		return "not read: too many attachments", nil
	}
	if a.file.depth > maxMailNest {
		return "not read: too many mails within mails", nil
	}
	a.file.budget.files--
	a.left = *a.file.budget
	doc, err := d.reader.openAny(ctx, a.file)
	var failure *steward.Failure
	switch {
	case err == nil:
	case errors.As(err, &failure) && failure.Code == steward.FailFileEncrypted:
		return "not read: encrypted", nil
	case errors.As(err, &failure) && failure.Code == steward.FailUnsupportedFile && a.left.bytes > 0 && a.file.budget.bytes == 0:
		return "not read: the attachments unpack to too much", nil
	case errors.As(err, &failure) && failure.Code == steward.FailUnsupportedFile:
		return "not read", nil
	default:
		return "", err
	}
	a.pages, a.doc = doc.PageCount(), doc
	a.release()
	if !a.file.budget.holds(doc) {
		return "not read: the attachments have too much text", nil
	}
	return "", nil
}

// release closes an open attachment: a mail holds one of them at a time, since each may take much memory or an engine.
func (a *attachment) release() {
	if a.doc != nil {
		_ = a.doc.Close() // a PDF that does not close cleanly costs only its engine, which is thrown away; the others cannot fail
		a.doc = nil
	}
}

// releaseBut releases all attachments but one. The caller holds mu.
func (d *mailDocument) releaseBut(keep *attachment) {
	for _, a := range d.attached {
		if a != keep {
			a.release()
		}
	}
}

// write lays out the head and the text of the mail.
func (d *mailDocument) write(ctx context.Context, m *parsedMail, names []string) error {
	p := &pager{ctx: ctx, name: d.name}
	p.heading(m.subject, 1)
	head := slices.Clone(m.head)
	if len(names) > 0 {
		head = append(head, "Attachments: "+strings.Join(names, ", "))
	}
	if len(head) > 0 {
		p.lines(head, false)
	}
	for _, part := range m.texts {
		if p.chars > 0 {
			p.put("\n")
		}
		if part.html {
			if err := htmlOnto(p, decodeText(part.data, part.contentType)); err != nil {
				return err
			}
			continue
		}
		paragraphs(p, decodeText(part.data, part.contentType), false)
	}
	body, err := p.document(KindEML)
	if err != nil {
		return err
	}
	d.body, d.pages, d.outline = body, len(body.pages), body.outline
	for _, a := range d.attached {
		a.first = d.pages + 1
		d.pages += a.pages
		d.outline = append(d.outline, Heading{Title: firstRunes(oneLine(a.file.name), maxTitle), Level: 1, Page: a.first})
	}
	return nil
}

// Kind implements Document.
func (d *mailDocument) Kind() Kind { return KindEML }

// PageCount implements Document.
func (d *mailDocument) PageCount() int { return d.pages }

// Outline implements Document: the subject, then each attachment that is read with its own outline below it.
func (d *mailDocument) Outline(ctx context.Context) ([]Heading, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := slices.Clone(d.outline[:len(d.outline)-len(d.attached)])
	for i, a := range d.attached {
		all = append(all, d.outline[len(d.outline)-len(d.attached)+i])
		doc, err := d.open(ctx, a)
		if err != nil {
			return nil, err
		}
		inner, err := doc.Outline(ctx)
		if err != nil {
			return nil, err
		}
		for _, h := range inner {
			if h.Level++; h.Page > 0 {
				h.Page += a.first - 1
			}
			all = append(all, h)
		}
	}
	return all, nil
}

// open opens an attachment again and lets go of the others. The caller holds mu.
func (d *mailDocument) open(ctx context.Context, a *attachment) (Document, error) {
	if d.closed {
		return nil, fmt.Errorf("read %s: the mail is closed", d.name)
	}
	d.releaseBut(a)
	if a.doc == nil {
		again, left := a.file, a.left
		again.budget = &left
		doc, err := d.reader.openAny(ctx, again)
		if err != nil {
			return nil, err
		}
		a.doc = doc
	}
	return a.doc, nil
}

// at calls fn with the document that page n belongs to and its number there.
func (d *mailDocument) at(ctx context.Context, n int, fn func(Document, int) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return fmt.Errorf("read page %d of %s: the mail is closed", n, d.name)
	}
	if n < 1 || n > d.pages {
		return fmt.Errorf("read page %d of %s: it has %d pages", n, d.name, d.pages)
	}
	if n <= len(d.body.pages) {
		return fn(d.body, n)
	}
	for _, a := range d.attached {
		if n < a.first+a.pages {
			doc, err := d.open(ctx, a)
			if err != nil {
				return err
			}
			return fn(doc, n-a.first+1)
		}
	}
	return fmt.Errorf("read page %d of %s: it is not there", n, d.name)
}

// Page implements Document.
func (d *mailDocument) Page(ctx context.Context, n int) (page grounding.Page, err error) {
	err = d.at(ctx, n, func(doc Document, k int) error {
		page, err = doc.Page(ctx, k)
		page.Number = n
		return err
	})
	return page, err
}

// Picture implements Document: pages of attachments have the look that these have.
func (d *mailDocument) Picture(ctx context.Context, n int, opts PictureOptions) (img *Image, err error) {
	err = d.at(ctx, n, func(doc Document, k int) error {
		img, err = doc.Picture(ctx, k, opts)
		return err
	})
	return img, err
}

// raster implements rasterer.
func (d *mailDocument) raster(ctx context.Context, n int) (drawn *raster, err error) {
	err = d.at(ctx, n, func(doc Document, k int) error {
		drawn, err = rasterOf(ctx, doc, k)
		return err
	})
	return drawn, err
}

// Close implements Document.
func (d *mailDocument) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	var errs []error
	for _, a := range d.attached {
		if a.doc != nil {
			errs = append(errs, a.doc.Close())
			a.doc = nil
		}
	}
	return errors.Join(errs...)
}

// parsedMail is a mail taken apart.
type parsedMail struct {
	name    string
	subject string
	head    []string // lines such as "Subject: …"
	texts   []mailText
	files   []file
	parts   int
}

// mailText is a piece of a mail's text.
type mailText struct {
	contentType string
	html        bool
	data        []byte
}

// parseMail takes a mail apart.
func parseMail(name string, data []byte) (*parsedMail, error) {
	data = bytes.TrimLeft(data, "\r\n")
	if bytes.HasPrefix(data, []byte("From ")) { // the line that parts the mails of a mailbox
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	if headLength(data) > maxMailHead {
		return nil, unsupported(nil, "%s is too large to be read: its header has more than %d MiB.", name, maxMailHead>>20)
	}
	msg, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return nil, unsupported(err, "%s is broken and cannot be read as an e-mail.", name)
	}
	m := &parsedMail{name: name}
	for _, key := range []string{"Subject", "From", "To", "Cc", "Date"} {
		if v := headerText(msg.Header.Get(key)); v != "" {
			m.head = append(m.head, key+": "+v)
			if key == "Subject" {
				m.subject = v
			}
		}
	}
	if err := m.part(textproto.MIMEHeader(msg.Header), msg.Body, maxMailDepth); err != nil {
		return nil, err
	}
	return m, nil
}

// headLength returns how many bytes stand before the empty line behind a mail's header.
func headLength(data []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			return len(data)
		}
		if i == 0 || i == 1 && data[at] == '\r' {
			return at
		}
		at += i + 1
	}
}

// headerText decodes a field of a header.
func headerText(v string) string {
	d := mime.WordDecoder{CharsetReader: charset.NewReaderLabel}
	if out, err := d.DecodeHeader(v); err == nil {
		v = out
	}
	return oneLine(tidy(v))
}

// part reads a part and those within it.
func (m *parsedMail) part(h textproto.MIMEHeader, body io.Reader, depth int) error {
	if m.parts++; m.parts > maxMailParts || depth == 0 {
		return unsupported(nil, "%s has too many parts.", m.name)
	}
	contentType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		contentType = plainType(h.Get("Content-Type"))
	}
	if contentType == "" {
		contentType = "text/plain"
	}
	if strings.HasPrefix(contentType, "multipart/") && params["boundary"] != "" {
		return m.multipart(contentType, multipart.NewReader(body, params["boundary"]), depth)
	}
	data, err := io.ReadAll(decoded(h.Get("Content-Transfer-Encoding"), body))
	if err != nil && len(data) == 0 {
		return nil // a part that cannot be decoded at all is as if it were empty
	}
	m.leaf(h, contentType, params["name"], data)
	return nil
}

// leaf takes a part that is a text or a file.
func (m *parsedMail) leaf(h textproto.MIMEHeader, contentType, name string, data []byte) {
	disposition, params, err := mime.ParseMediaType(h.Get("Content-Disposition"))
	if err != nil {
		disposition = plainType(h.Get("Content-Disposition"))
	}
	if params["filename"] != "" {
		name = params["filename"]
	}
	name = headerText(name)
	isText := contentType == "text/plain" || contentType == "text/html"
	if isText && disposition != "attachment" && name == "" {
		if len(bytes.TrimSpace(data)) > 0 {
			m.texts = append(m.texts, mailText{contentType: h.Get("Content-Type"), html: contentType == "text/html", data: data})
		}
		return
	}
	if strings.HasPrefix(contentType, "image/") && h.Get("Content-Id") != "" && len(data) < smallPicture && disposition != "attachment" || len(data) == 0 {
		return
	}
	if name == "" {
		name = unnamed(contentType, len(m.files)+1)
	}
	m.files = append(m.files, file{
		name: name, contentType: h.Get("Content-Type"), src: bytes.NewReader(data), size: int64(len(data)),
	})
}

// unnamed is the name of a file that has none.
func unnamed(contentType string, n int) string {
	ending := ""
	if contentType == "message/rfc822" {
		ending = ".eml"
	} else if all, err := mime.ExtensionsByType(contentType); err == nil && len(all) > 0 {
		ending = all[0]
	}
	return fmt.Sprintf("attachment-%d%s", n, ending)
}

// multipart reads the parts of a part. Of several forms of the same text one is taken.
func (m *parsedMail) multipart(contentType string, r *multipart.Reader, depth int) error {
	before := len(m.texts)
	for {
		p, err := r.NextRawPart()
		if err != nil {
			break // also where the last boundary is missing
		}
		if err := m.part(p.Header, p, depth-1); err != nil {
			return err
		}
	}
	if contentType == "multipart/alternative" && len(m.texts) > before {
		m.texts = append(m.texts[:before], bestText(m.texts[before:]))
	}
	return nil
}

// bestText chooses between forms of the same text: HTML, which keeps tables, unless it is the smaller part of what there is.
func bestText(forms []mailText) mailText {
	best := forms[0]
	for _, t := range forms[1:] {
		if t.html && !best.html && len(t.data) >= len(best.data)/2 || !t.html && best.html && len(best.data) < len(t.data)/2 {
			best = t
		}
	}
	return best
}

// decoded undoes how a part was packed for its transport.
func decoded(encoding string, body io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.RawStdEncoding, &base64Only{body})
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	}
	return body
}

// base64Only passes the characters of base64 and drops others, as the standard for mail asks.
type base64Only struct{ r io.Reader }

// Read implements io.Reader.
func (b *base64Only) Read(p []byte) (int, error) {
	for {
		n, err := b.r.Read(p)
		kept := 0
		for _, c := range p[:n] {
			if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' {
				p[kept] = c
				kept++
			}
		}
		if kept > 0 || err != nil || len(p) == 0 {
			return kept, err
		}
	}
}
