package e2e

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stewardhq/steward"
)

// Limits of what one hostile file may take of a server, above what it has taken before.
const (
	bombMemory = 700 * mebibyte
	bombTime   = 60 * time.Second // on a busy machine
	pdfTime    = 3 * time.Minute  // the engine that reads PDFs gives up after two minutes

	// It has 512 MiB of its own, which are copied when they grow, and copies of before wait for the collector: four times that at most.
	pdfMemory = 2048 * mebibyte
)

// bomb is an input of a run that grows, or never ends.
type bomb struct {
	name, file string
	data       []byte
	codes      []steward.FailureCode // how the job may fail; none means that it may also succeed
}

// blanks is a deflated stream of n MiB of one character, made of copies of one piece.
func blanks(t *testing.T, c byte, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(bytes.Repeat([]byte{c}, mebibyte)); err != nil {
		t.Fatal(err)
	}
	if err := z.Flush(); err != nil { // what is before the mark can stand behind itself
		t.Fatal(err)
	}
	return append(bytes.Repeat(b.Bytes(), n), 0x01, 0x00, 0x00, 0xff, 0xff) // and an empty last block
}

// sum is the CRC-32 of n MiB of a character.
func sum(c byte, n int) (crc uint32) {
	piece := bytes.Repeat([]byte{c}, mebibyte)
	for range n {
		crc = crc32.Update(crc, crc32.IEEETable, piece)
	}
	return crc
}

// officeBomb is an archive whose one part unpacks to n MiB; says is the size that it claims.
func officeBomb(t *testing.T, part string, n int, says uint64, others map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range others {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, text); err != nil {
			t.Fatal(err)
		}
	}
	packed := blanks(t, ' ', n)
	f, err := w.CreateRaw(&zip.FileHeader{Name: part, Method: zip.Deflate, CRC32: sum(' ', n), CompressedSize64: uint64(len(packed)), UncompressedSize64: says})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(packed); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// archive is a zip of these parts.
func archive(t *testing.T, parts map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range parts {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const (
	relationsHead = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	officeNS      = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	wordNS        = `http://schemas.openxmlformats.org/wordprocessingml/2006/main`
	laughs        = `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaaaaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;">]>`
	outsider      = `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY % p SYSTEM "http://127.0.0.1:1/x.dtd">%p;]>`
)

func wordParts() map[string]string {
	return map[string]string{"_rels/.rels": relationsHead + `<Relationship Id="r" Type="` + officeNS + `/officeDocument" Target="word/document.xml"/></Relationships>`}
}

// wordOf is a document whose XML has something in front and something in its body.
func wordOf(t *testing.T, front, body string) []byte {
	t.Helper()
	parts := wordParts()
	parts["word/document.xml"] = front + `<w:document xmlns:w="` + wordNS + `"><w:body>` + body + `</w:body></w:document>`
	return archive(t, parts)
}

// png is the head of a picture of any size, with few bytes of pixels.
func png(width, height uint32) []byte {
	chunk := func(kind string, data []byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		b = append(append(b, kind...), data...)
		return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	var pixels bytes.Buffer
	z := zlib.NewWriter(&pixels)
	_, _ = z.Write(make([]byte, 1<<20)) // a buffer takes everything
	_ = z.Close()                       // likewise
	return append([]byte("\x89PNG\r\n\x1a\n"), append(append(chunk("IHDR", append(head, 8, 6, 0, 0, 0)), chunk("IDAT", pixels.Bytes())...), chunk("IEND", nil)...)...)
}

// pdfOf is a PDF of these objects, the first of which is the catalogue.
func pdfOf(objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	at := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, at)
	return b.Bytes()
}

func pdfStream(dict, data string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(data), data)
}

// pageOf is a PDF of one page with a box and contents.
func pageOf(box, contents, resources string, more ...string) []byte {
	return pdfOf(append([]string{
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox " + box + " /Contents 4 0 R /Resources << " + resources + " >> >>", contents,
	}, more...)...)
}

// deflated puts a stream of n MiB of a character into zlib's form. The sum at its end is wrong, which nobody gets to.
func deflated(t *testing.T, c byte, n int) string {
	t.Helper()
	return "\x78\xda" + string(blanks(t, c, n)) + "\x00\x00\x00\x00"
}

// large is a size that a bomb has in the long form, which make security runs, and a sixteenth of it in the short one.
func large(n int) int {
	if os.Getenv("STEWARD_SECURITY") == "long" {
		return n
	}
	return n / 16
}

// pdfBombs are PDFs that grow.
func pdfBombs(t *testing.T) []bomb {
	t.Helper()
	side := 30_000 // of a picture, in pixels
	if large(side) < side {
		side = 8000
	}
	letter := "[0 0 612 792]"
	flateOf := "/Filter /FlateDecode"
	kids := make([]string, 20_000)
	for i := range kids {
		kids[i] = "3 0 R"
	}
	tree := []string{"<< /Type /Catalog /Pages 2 0 R >>"}
	for i := range 5000 { // a chain of page trees, each in the other
		tree = append(tree, fmt.Sprintf("<< /Type /Pages /Kids [%d 0 R] /Count 1 >>", i+3))
	}
	nothing := make([]string, 100_000)
	for i := range nothing {
		nothing[i] = "null"
	}
	return []bomb{
		{"long contents", "a.pdf", pageOf(letter, pdfStream(flateOf, deflated(t, ' ', large(2048))), ""), nil},
		{"contents packed twice", "a.pdf", pageOf(letter, pdfStream("/Filter [/FlateDecode /FlateDecode]", deflatedAgain(deflated(t, ' ', large(1024)))), ""), nil},
		{"a huge page", "a.pdf", pageOf("[0 0 1000000000 1000000000]", pdfStream("", "0 0 m 1000000000 1000000000 l S"), ""), nil},
		{"a page of no size", "a.pdf", pageOf("[0 0 0 0]", pdfStream("", ""), ""), nil},
		{"a huge picture", "a.pdf", pageOf(letter, pdfStream("", "q 612 0 0 792 0 0 cm /I Do Q"), "/XObject << /I 5 0 R >>",
			pdfStream(fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8 ", side, side)+flateOf, deflated(t, 0, side*side*3/mebibyte+1))), nil},
		{"forms in each other", "a.pdf", pageOf(letter, pdfStream("", "/F Do"), "/XObject << /F 5 0 R >>",
			pdfStream("/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F 5 0 R >> >>", strings.Repeat("/F Do ", large(32)))), nil},
		{"a page that is its own parent", "a.pdf", pdfOf("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>"), nil},
		{"20000 times one page", "a.pdf", pdfOf("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids ["+strings.Join(kids, " ")+"] /Count 20000 >>", "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"), nil},
		{"two billion pages", "a.pdf", pdfOf("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 2000000000 >>", "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"), nil},
		{"a tree of 5000 levels", "a.pdf", pdfOf(tree...), nil},
		{"100000 objects", "a.pdf", pdfOf(append([]string{"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"}, nothing...)...), nil},
		{"arrays in arrays", "a.pdf", pdfOf("<< /Type /Catalog /Pages 2 0 R /X " + strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000) + " >>"), nil},
		{"an object stream of a billion", "a.pdf", pdfOf("<< /Type /Catalog /Pages 2 0 R >>", pdfStream("/Type /ObjStm /N 1000000000 /First 10 "+flateOf, deflated(t, '1', large(512)))), nil},
	}
}

// deflatedAgain packs a packed stream once more.
func deflatedAgain(s string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = io.WriteString(z, s) // a buffer takes everything
	_ = z.Close()               // likewise
	return b.String()
}

// textBombs are documents of other kinds that grow.
func textBombs(t *testing.T) []bomb {
	t.Helper()
	unsupported := []steward.FailureCode{steward.FailUnsupportedFile}
	many := wordParts()
	for i := range 60_000 {
		many[fmt.Sprintf("x/%d", i)] = ""
	}
	many["word/document.xml"] = "<x/>"
	sheet := map[string]string{
		"_rels/.rels": relationsHead + `<Relationship Id="r" Type="` + officeNS + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`, "xl/workbook.xml": `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="` + officeNS + `"><sheets><sheet name="A" sheetId="1" r:id="r0"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": relationsHead + `<Relationship Id="r0" Type="` + officeNS + `/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
	}
	parts := strings.Repeat("--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", 20_000)
	nestedMail := "text"
	for range 200 {
		nestedMail = "Content-Type: message/rfc822\r\n\r\n" + nestedMail
	}
	return []bomb{
		{"a Word document of 2 GiB", "a.docx", officeBomb(t, "word/document.xml", 2048, 2<<30, wordParts()), unsupported},
		{"a Word document that says it is small", "a.docx", officeBomb(t, "word/document.xml", 1024, 100, wordParts()), unsupported},
		{"a workbook of 2 GiB", "a.xlsx", officeBomb(t, "xl/worksheets/sheet1.xml", 2048, 2<<30, sheet), unsupported},
		{"60000 parts", "a.docx", archive(t, many), nil},
		{"entities of entities in Word", "a.docx", wordOf(t, laughs, `<w:p><w:r><w:t>&f;</w:t></w:r></w:p>`), nil},
		{"entities from outside in Word", "a.docx", wordOf(t, outsider, `<w:p><w:r><w:t>&f;</w:t></w:r></w:p>`), nil},
		{"a million open elements", "a.docx", wordOf(t, "", strings.Repeat("<w:p>", 1_000_000)), unsupported},
		{"an element of many attributes", "a.docx", wordOf(t, "", "<w:p "+strings.Repeat(`a="b" `, large(1_000_000))+"/>"), nil},
		{"open tags in HTML", "a.html", []byte("<!DOCTYPE html><html>" + strings.Repeat("<div>", large(1_000_000))), nil},
		{"a table in a table in HTML", "a.html", []byte("<!DOCTYPE html><html>" + strings.Repeat("<table><tr><td>", large(100_000))), nil},
		{"entities of entities in HTML", "a.html", []byte("<!DOCTYPE html><html>" + laughs + "&f;"), nil},
		{"a mail of 20000 levels", "a.eml", []byte("From: a@a.example\r\nTo: b@b.example\r\nSubject: c\r\nMessage-ID: <1>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + parts), nil},
		{"200 mails in each other", "a.eml", []byte("From: a@a.example\r\nTo: b@b.example\r\nSubject: c\r\nMessage-ID: <1>\r\nMIME-Version: 1.0\r\n" + nestedMail), nil},
		{"a mail of headers", "a.eml", []byte("From: a@a.example\r\nTo: b@b.example\r\nSubject: c\r\nMessage-ID: <1>\r\n" + strings.Repeat("X: y\r\n", large(4_000_000)) + "\r\ntext"), nil},
		{"brackets in JSON", "a.json", []byte(nested(large(5_000_000))), nil},
		{"a million lines", "a.txt", bytes.Repeat([]byte("X: y\r\n"), large(1_000_000)), nil},
		{"a line of 30 MiB", "a.csv", bytes.Repeat([]byte("a,"), 15<<20), nil},
		{"nothing but quotes", "a.csv", bytes.Repeat([]byte(`"`), large(10<<20)), nil},
	}
}

// pictureBombs are pictures of many pixels in few bytes.
func pictureBombs() []bomb {
	unsupported := []steward.FailureCode{steward.FailUnsupportedFile}
	gif := "GIF89a\xff\xff\xff\xff\xf0\x00\x00\x00\x00\x00\xff\xff\xff" + strings.Repeat("\x2c\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02\x4c\x01\x00", 1000) + "\x3b"
	tiff := func(next uint32) []byte { // a page of 60000 by 60000 whose next page is at next
		b := []byte("II*\x00\x08\x00\x00\x00\x04\x00")
		for _, e := range [][2]uint32{{256, 60_000}, {257, 60_000}, {273, 0}, {279, 10}} {
			b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
			b = append(b, 4, 0, 1, 0, 0, 0)
			b = binary.LittleEndian.AppendUint32(b, e[1])
		}
		return binary.LittleEndian.AppendUint32(b, next)
	}
	return []bomb{
		{"a PNG of 60000 by 60000", "a.png", png(60_000, 60_000), unsupported}, {"a PNG of two billion by one", "a.png", png(1<<31-1, 1), unsupported}, {"a PNG of one by two billion", "a.png", png(1, 1<<31-1), unsupported},
		{"a GIF of 65535 by 65535", "a.gif", []byte(gif), unsupported}, {"a TIFF that leads back to itself", "a.tiff", tiff(8), unsupported}, {"a TIFF of 60000 by 60000", "a.tiff", tiff(0), unsupported},
		{"a BMP of two billion", "a.bmp", []byte("BM\x36\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\xff\xff\xff\x7f\xff\xff\xff\x7f\x01\x00\x18\x00" + strings.Repeat("\x00", 24)), unsupported},
		{"a WebP of 16384 by 16384", "a.webp", []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\xff\xff\xff\x0f\x00\x00\x00\x00\x00\x00\x00\x00"), unsupported},
	}
}

// explosion is what a bomb took.
type explosion struct {
	took   time.Duration
	memory int64
}

// detonate runs an agent on a bomb, and looks at what that takes of the server.
func (s *server) detonate(agent, part string, b bomb) (e explosion) {
	s.t.Helper()
	kind := ""
	if strings.HasSuffix(b.file, ".eml") {
		kind = "message/rfc822"
	}
	s.resetPeak()
	before, began := s.memory("VmRSS"), time.Now()
	a := s.postForm(asyncPath(agent), field{name: part, file: b.file, kind: kind, data: b.data})
	switch {
	case a.status/100 == 4: // refused at the door
	case a.status != http.StatusOK:
		s.t.Errorf("%s: %d %s", b.name, a.status, clip(a.body))
	default:
		r := s.outlast(a.submitted())
		e.took, e.memory = time.Since(began), s.memory("VmHWM")-before
		if !r.Status.Terminal() || r.FailureCode == steward.FailInternal || r.FailureCode == steward.FailPoison || len(b.codes) > 0 && r.FailureCode != b.codes[0] {
			s.t.Errorf("%s: %v %s %v", b.name, r.Status, r.FailureCode, message(r))
		}
	}
	limit := int64(bombMemory)
	if strings.HasSuffix(b.file, ".pdf") {
		limit = pdfMemory
	}
	if e.memory > limit || e.took > bombTime && !strings.HasSuffix(b.file, ".pdf") {
		s.t.Errorf("%s, %d bytes: %v, %s", b.name, len(b.data), e.took, mib(e.memory))
	}
	s.t.Logf("%-45s %9d bytes %8.2fs %10s", b.name, len(b.data), e.took.Seconds(), mib(e.memory))
	return e
}

// outlast waits for a job that may take long.
func (s *server) outlast(job string) (r jobResult) {
	s.t.Helper()
	within(s.t, pdfTime, "job "+job+" ends", func() bool { return s.status(job).Status.Terminal() })
	s.get(jobPath(job, "result")).want(http.StatusOK).into(&r)
	return r
}

func message(r jobResult) string {
	if r.ErrorMessage == nil {
		return ""
	}
	return *r.ErrorMessage
}

func TestBombsTakeBoundedMemoryAndTime(t *testing.T) { //nolint:paralleltest // it measures memory
	s := start(t, options{})
	text := s.textAgent("texts", nil)
	pdfs := s.pdfAgent("pdfs", textSchema, nil)
	images := s.agent(object{"name": "pictures", "engine_class_id": "MultimodalExtractionEngine", "engine_config": object{"model": "builtin", "images": "${images}", "output_schema": rawJSON(textSchema)},
		"input_definitions": []object{{"key": "images", "data_type": "image/*"}}})
	var worst explosion
	cases := 0
	for _, set := range []struct {
		agent, field string
		bombs        []bomb
	}{{text, "text", textBombs(t)}, {pdfs, "pdf_files", pdfBombs(t)}, {images, "images", pictureBombs()}} {
		for _, b := range set.bombs {
			e := s.detonate(set.agent, set.field, b)
			worst.took, worst.memory = max(worst.took, e.took), max(worst.memory, e.memory)
			cases++
		}
	}
	s.wait(s.post(asyncPath(text), formType, "text=total:+7").submitted()).succeeded(t, new(object))
	t.Attr("cases", strconv.Itoa(cases))
	t.Attr("peak_mib", strconv.FormatInt(worst.memory>>20, 10))
	t.Attr("slowest_ms", strconv.FormatInt(worst.took.Milliseconds(), 10))
}

// TestAnswersThatGrowAreCutOff names URLs whose answers unpack to gigabytes, or never end.
func TestAnswersThatGrowAreCutOff(t *testing.T) { //nolint:paralleltest // it measures memory
	var piece bytes.Buffer
	z := gzip.NewWriter(&piece)
	if _, err := z.Write(make([]byte, 16*mebibyte)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/pdf")
		send := func(b []byte, times int) {
			for range times {
				if _, err := w.Write(b); err != nil {
					return
				}
			}
		}
		switch r.URL.Path {
		case "/gzip": // 16 GiB
			w.Header().Set("Content-Encoding", "gzip")
			send(piece.Bytes(), 1024)
		case "/long": // as fast as it is taken
			send(make([]byte, mebibyte), 1<<20)
		case "/announced":
			w.Header().Set("Content-Length", "1099511627776")
			send([]byte("%PDF-1.7\n"), 1)
		case "/headers":
			for i := range 10_000 {
				w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("a", 100))
			}
			send([]byte("%PDF-1.7\n"), 1)
		case "/circle":
			http.Redirect(w, r, "/circle", http.StatusFound)
		case "/nested": // unpacked once, as it is declared once
			w.Header().Set("Content-Encoding", "gzip, gzip")
			send(piece.Bytes(), 1)
		}
	}))
	t.Cleanup(far.Close)
	s := start(t, options{config: "fetch: {allow: [127.0.0.1]}\n"})
	agent := s.pdfAgent("fetcher", textSchema, nil)
	paths := []string{"/gzip", "/long", "/announced", "/headers", "/circle", "/nested"}
	var worst explosion
	for _, path := range paths {
		s.resetPeak()
		before, began := s.memory("VmRSS"), time.Now()
		a := s.post(asyncPath(agent), jsonType, fmt.Sprintf(`{"pdf_files":%q,"timeout_seconds":5}`, far.URL+path))
		if a.status == http.StatusOK {
			r := s.wait(a.submitted())
			if r.Status == steward.StatusSuccess || r.FailureCode == steward.FailInternal || r.FailureCode == "" {
				t.Errorf("%s: %v %s", path, r.Status, r.FailureCode)
			}
		} else {
			a.refused(http.StatusBadRequest, "")
		}
		e := explosion{time.Since(began), s.memory("VmHWM") - before}
		worst.took, worst.memory = max(worst.took, e.took), max(worst.memory, e.memory)
		t.Logf("%-12s %8.2fs %10s", path, e.took.Seconds(), mib(e.memory))
		if e.memory > 128*mebibyte || e.took > bombTime {
			t.Errorf("%s: %v, %s", path, e.took, mib(e.memory))
		}
	}
	if blobs, staged := s.stored(); len(blobs) > 1 || len(staged) > 0 { // what was unpacked once was a file
		t.Errorf("%d files and %d halves are left", len(blobs), len(staged))
	}
	t.Attr("cases", strconv.Itoa(len(paths)))
	t.Attr("peak_mib", strconv.FormatInt(worst.memory>>20, 10))
}

// schemaBombs are schemas that cost much to read, or lead elsewhere.
func schemaBombs() map[string]string {
	pattern := func(p string) string {
		return `{"type":"object","properties":{"a":{"type":"string","pattern":` + strconv.Quote(p) + `}}}`
	}
	doubling := `{"type":"object","properties":{"a":{"$ref":"#/$defs/d0"}},"$defs":{`
	for i := range 60 {
		doubling += fmt.Sprintf(`"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	wideAny := strings.Repeat(`{"type":"object","properties":{"x":{"type":"string"}}},`, 5000)
	enum := strings.TrimSuffix(strings.Repeat(`"a value of many",`, 200_000), ",")
	return map[string]string{
		"a repeated repeat": pattern("((a{1000}){1000}){1000}"), "a long alternation": pattern("^(" + strings.Repeat("a|", 100_000) + "b)$"), "nested groups": pattern(strings.Repeat("(", 5000) + strings.Repeat(")", 5000)), "a costly pattern": pattern("^(([a-z])+.)+[A-Z]([a-z])+$"),
		"a pattern that goes back": pattern(`(a*)*\1$`), "a look ahead": pattern("(?=a+)+b"), "classes": pattern(strings.Repeat(`[\x{0}-\x{10ffff}]{500}`, 50)),
		"a file": `{"$ref":"file:///etc/passwd"}`, "a file in a property": `{"type":"object","properties":{"a":{"$ref":"file:///etc/passwd#/x"}}}`, "a URL": `{"$ref":"http://127.0.0.1:1/x.json"}`, "another name of its own": `{"$id":"http://127.0.0.1:1/","type":"object","properties":{"a":{"$ref":"x.json"}}}`,
		"another meta schema": `{"$schema":"http://127.0.0.1:1/meta.json","type":"object"}`, "doubling": doubling + `"d60":{"type":"string"}}}`, "any of many": `{"type":"object","properties":{"a":{"anyOf":[` + strings.TrimSuffix(wideAny, ",") + `]}}}`,
		"a long enumeration": `{"type":"object","properties":{"a":{"enum":[` + enum + `]}}}`, "deep": strings.Repeat(`{"type":"array","items":`, 120) + `{"type":"string"}` + strings.Repeat(`}`, 120), "too deep": strings.Repeat(`{"type":"array","items":`, 100_000) + `{}` + strings.Repeat(`}`, 100_000),
		"a huge count": `{"type":"object","properties":{"a":{"type":"array","minItems":1000000000,"items":{"type":"string"}}}}`, "a huge number": `{"type":"object","properties":{"a":{"type":"number","multipleOf":1e-400,"maximum":1e999999999}}}`, "a long number": `{"type":"object","properties":{"a":{"type":"number","maximum":1` + strings.Repeat("0", 1_000_000) + `}}}`,
		"patterns of names": `{"type":"object","patternProperties":{"((a{1000}){1000}){1000}":{"type":"string"}}}`, "not of not": strings.Repeat(`{"not":`, 100) + `{}` + strings.Repeat(`}`, 100), "if in if": strings.Repeat(`{"if":{"type":"object"},"then":`, 60) + `{}` + strings.Repeat(`}`, 60),
	}
}

func TestSchemasThatCostMuchAreBounded(t *testing.T) { //nolint:paralleltest // it measures memory
	s := start(t, options{})
	var worst explosion
	list := schemaBombs()
	for name, schema := range list {
		s.resetPeak()
		before, began := s.memory("VmRSS"), time.Now()
		// Written by hand: the encoder refuses what is too deep.
		a := s.post(agentsPath, jsonType, `{"name":`+strconv.Quote(name)+`,"engine_class_id":"MultimodalExtractionEngine","input_definitions":[{"key":"text","data_type":"text/plain"}],"engine_config":{"model":"builtin","output_schema":`+schema+`}}`)
		end := ""
		if a.status == http.StatusCreated {
			var agent struct{ ID string }
			a.into(&agent)
			r := s.wait(s.post(asyncPath(agent.ID), formType, "text=a:+"+strings.Repeat("a", 20_000)+"!").submitted())
			if end = string(r.FailureCode); r.FailureCode == steward.FailInternal || r.FailureCode == steward.FailTimeout {
				t.Errorf("%s: %v %s %s", name, r.Status, r.FailureCode, message(r))
			}
		} else if a.status/100 != 4 || len(a.body) > 4<<10 || bytes.Contains(a.body, []byte("root:")) {
			t.Errorf("%s: %d %s", name, a.status, clip(a.body))
		}
		e := explosion{time.Since(began), s.memory("VmHWM") - before}
		worst.took, worst.memory = max(worst.took, e.took), max(worst.memory, e.memory)
		t.Logf("%-25s %d %-20s %8.2fs %10s", name, a.status, end, e.took.Seconds(), mib(e.memory))
		if e.memory > 300*mebibyte || e.took > bombTime {
			t.Errorf("%s: %v, %s", name, e.took, mib(e.memory))
		}
	}
	t.Attr("cases", strconv.Itoa(len(list)))
	t.Attr("peak_mib", strconv.FormatInt(worst.memory>>20, 10))
	t.Attr("slowest_ms", strconv.FormatInt(worst.took.Milliseconds(), 10))
}
