package document_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/document/documenttest"
)

// attach is a part of a mail that is a file.
func attach(name, contentType string, data []byte) string {
	return fmt.Sprintf("Content-Type: %s; name=%q\r\nContent-Disposition: attachment; filename=%q\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n",
		contentType, name, name, base64.StdEncoding.EncodeToString(data))
}

// mixed makes a mail of parts.
func mixed(head string, parts ...string) []byte {
	return []byte(head + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b0\r\n\r\n--b0\r\n" + strings.Join(parts, "\r\n--b0\r\n") + "\r\n--b0--\r\n")
}

func TestMailsAreReadWithWhatIsAttached(t *testing.T) {
	t.Parallel()
	invoice := documenttest.Build(documenttest.Sheet{Content: documenttest.At(72, 700, 12, "Invoice 77")}, documenttest.Sheet{Content: documenttest.At(72, 700, 12, "Total 9.00")})
	second := documenttest.Build(documenttest.Sheet{Content: documenttest.At(72, 700, 12, "Second file")})
	inner := mixed("From: b@b.example\r\nSubject: inner\r\nMessage-ID: <2>\r\n", "Content-Type: text/plain\r\n\r\ninner text", attach("second.pdf", "application/pdf", second))
	data := mixed("From: =?utf-8?q?J=C3=BCrgen?= <j@a.example>\r\nTo: b@b.example\r\nSubject: =?iso-8859-1?q?Gr=FC=DFe?=\r\n und mehr\r\nDate: Mon, 2 Mar 2026 10:00:00 +0100\r\nMessage-ID: <1>\r\n",
		"Content-Type: multipart/alternative; boundary=b1\r\n\r\n--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nplain form\r\n--b1\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>Gr=FC=DFe, <table><tr><td>Total<td>9.00</table>\r\n--b1--\r\n",
		attach("invoice.pdf", "application/octet-stream", invoice),
		attach("old.doc", "application/msword", []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1old")),
		attach("agreement.docx", "application/zip", office(t, "agreement.docx")),
		attach("inner.eml", "message/rfc822", inner),
		"Content-Type: text/plain\r\n\r\nPS: more\r\n")
	r := newReader(t, document.Options{Instances: 1}) // more PDFs than engines
	d := openAny(t, r, "mail.eml", "", data)
	got := texts(t, d)
	if len(got) != 7 || d.Kind() != document.KindEML {
		t.Fatalf("%s with %d pages: %q", d.Kind(), len(got), got)
	}
	want := "Subject: Grüße und mehr\nFrom: Jürgen <j@a.example>\nTo: b@b.example\nDate: Mon, 2 Mar 2026 10:00:00 +0100\n" +
		"Attachments: invoice.pdf, old.doc (not read), agreement.docx, inner.eml\n\nGrüße,\n\nTotal  9.00\n\nPS: more\n"
	if got[0] != want {
		t.Errorf("got\n%s\nwant\n%s", got[0], want)
	}
	for n, part := range map[int]string{2: "Invoice 77\n", 3: "Total 9.00\n", 4: "Supply agreement", 5: "Annex", 6: "Subject: inner\nFrom: b@b.example\nAttachments: second.pdf\n\ninner text\n", 7: "Second file\n"} {
		if !strings.Contains(got[n-1], part) {
			t.Errorf("page %d: %q does not have %q", n, got[n-1], part)
		}
	}
	if got := headings(t, d); got != "1 Grüße und mehr @1; 1 invoice.pdf @2; 1 agreement.docx @4; 2 Supply agreement @4; 2 Parties @4; 2 Prices @4; 3 Duties @4; 2 Annex @5; 1 inner.eml @6; 2 inner @6; 2 second.pdf @7" {
		t.Error(got)
	}
	var wg sync.WaitGroup
	for n := range 7 {
		wg.Go(func() {
			if page, err := d.Page(t.Context(), n+1); err != nil || page.Text != got[n] {
				t.Errorf("page %d again: %q, %v", n+1, page.Text, err)
			}
		})
	}
	wg.Wait()
}

func TestMailsWithinMailsEndSomewhere(t *testing.T) {
	t.Parallel()
	data := []byte("From: a@a.example\r\nSubject: 0\r\nMessage-ID: <0>\r\n\r\nthe innermost\r\n")
	for i := range 6 {
		data = mixed(fmt.Sprintf("From: a@a.example\r\nSubject: %d\r\nMessage-ID: <%d>\r\n", i+1, i+1), attach("next.eml", "message/rfc822", data))
	}
	got := strings.Join(texts(t, openAny(t, newReader(t, document.Options{}), "a.eml", "", data)), "")
	if !strings.Contains(got, "next.eml (not read: too many mails within mails)") || strings.Contains(got, "the innermost") || strings.Count(got, "Subject:") != 4 {
		t.Errorf("got %q", got)
	}
	deep := "From: a@a.example\r\nSubject: x\r\nMessage-ID: <1>\r\n"
	for i := range 50 {
		deep += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	_, err := newReader(t, document.Options{}).OpenAny(t.Context(), "deep.eml", "message/rfc822", strings.NewReader(deep), int64(len(deep)), "")
	wantFailure(t, err, steward.FailUnsupportedFile, "deep.eml has too many parts")
}

func TestAMailHoldsOneAttachmentAtATime(t *testing.T) {
	text := bytes.Repeat([]byte("some words of a long text that takes memory\n"), 60_000) // 2.5 MiB
	var parts []string
	for i := range 9 {
		parts = append(parts, attach(fmt.Sprintf("%d.txt", i), "text/plain", text))
	}
	head := "From: a@a.example\r\nSubject: x\r\nMessage-ID: <1>\r\n"
	inUse := func(parts []string) int64 {
		data := mixed(head, parts...)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		d := openAny(t, newReader(t, document.Options{}), "a.eml", "", data)
		if _, err := d.Page(t.Context(), d.PageCount()); err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(data)
		return int64(after.HeapAlloc) - int64(before.HeapAlloc)
	}
	if all := inUse(parts); all > 9*int64(len(text))*3/2 { // the files themselves and the text of the last one, not that of all
		t.Errorf("%d MiB for %d MiB of files", all>>20, 9*len(text)>>20)
	}
}

func TestAMailAndTheMailsInItShareWhatTheyMayTake(t *testing.T) {
	t.Parallel()
	head := "From: a@a.example\r\nSubject: x\r\nMessage-ID: <1>\r\n"
	var few []string
	for i := range 60 {
		few = append(few, attach(fmt.Sprintf("%d.txt", i), "text/plain", []byte("text")))
	}
	inner := attach("inner.eml", "message/rfc822", mixed(head, few...))
	d := openAny(t, newReader(t, document.Options{}), "a.eml", "", mixed(head, inner, inner))
	if got := strings.Join(texts(t, d), ""); strings.Count(got, "not read: too many attachments") != 22 || d.PageCount() != 1+2+98 {
		t.Errorf("%d pages, %d not read", d.PageCount(), strings.Count(got, "not read: too many attachments"))
	}
	long := attach("long.txt", "text/plain", bytes.Repeat([]byte("some words of a long text\n"), 500_000)) // 12 MiB
	d = openAny(t, newReader(t, document.Options{}), "a.eml", "", mixed(head, long, long, long, attach("b.pdf", "", documenttest.Build(documenttest.Sheet{}))))
	page, err := d.Page(t.Context(), 1)
	if err != nil || !strings.Contains(page.Text, "long.txt, long.txt, long.txt (not read: the attachments have too much text), b.pdf\n") {
		t.Errorf("got %q, %v", page.Text, err)
	}
	data := mixed(head, long, attach("broken.pdf", "", []byte("%PDF-1.4")), long)
	_, err = newReader(t, document.Options{MaxPages: 100}).OpenAny(t.Context(), "a.eml", "", bytes.NewReader(data), int64(len(data)), "")
	wantFailure(t, err, steward.FailUnsupportedFile, "a.eml has more than 100 pages to read")
}

func TestClosedDocumentsAnswerWithAnError(t *testing.T) {
	t.Parallel()
	r := newReader(t, document.Options{})
	for name, data := range map[string][]byte{
		"a.eml": mixed("From: a@a.example\r\nSubject: x\r\nMessage-ID: <1>\r\n", "\r\ntext"), "a.txt": []byte("text"), "a.png": picture(t, "png", 4, 3),
	} {
		d, err := r.OpenAny(t.Context(), name, "", bytes.NewReader(data), int64(len(data)), "")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.Close(), d.Close()); err != nil {
			t.Error(err)
		}
		if _, err := d.Page(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "is closed") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAMailUnpacksOnlySoMuch(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	filling := "<!--" + strings.Repeat(" ", 7<<20) + "-->"
	if _, err := io.WriteString(w, "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>"+filling+filling+"<w:p><w:r><w:t>text</w:t></w:r></w:p></w:body></w:document>"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var parts []string
	for range 20 { // 280 MiB
		parts = append(parts, attach("a.docx", "", b.Bytes()))
	}
	d := openAny(t, newReader(t, document.Options{}), "a.eml", "", mixed("From: a@a.example\r\nSubject: x\r\nMessage-ID: <1>\r\n", parts...))
	if page, err := d.Page(t.Context(), 1); err != nil || !strings.Contains(page.Text, "not read") || d.PageCount() != 1+18 {
		t.Errorf("%d pages, %q, %v", d.PageCount(), page.Text, err)
	}
}

func TestAMailOfNothingButHeadersIsRefused(t *testing.T) {
	t.Parallel()
	head := "From: a@a.example\r\nTo: b@b.example\r\nSubject: s\r\nMessage-ID: <1>\r\n"
	r := newReader(t, document.Options{})
	for name, data := range map[string]string{"with a text": head + strings.Repeat("X: y\r\n", 200_000) + "\r\ntext", "without": head + strings.Repeat("X: y\n", 300_000)} {
		_, err := r.OpenAny(t.Context(), "a.eml", "message/rfc822", strings.NewReader(data), int64(len(data)), "")
		wantFailure(t, err, steward.FailUnsupportedFile, "its header has more than 1 MiB")
		if t.Failed() {
			t.Fatal(name)
		}
	}
	long := head + strings.Repeat("X: y\r\n", 100_000) + "\r\n" + strings.Repeat("text ", 500_000)
	wantFirst(t, openAny(t, r, "a.eml", "message/rfc822", []byte(long)), "Subject: s")
}

// wantFirst wants a first page that holds a text.
func wantFirst(t *testing.T, d document.Document, text string) {
	t.Helper()
	if pages := texts(t, d); !strings.Contains(pages[0], text) {
		t.Errorf("the first page is %.200q", pages[0])
	}
}
