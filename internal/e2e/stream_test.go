package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const mebibyte = 1 << 20

// bigPDF streams a PDF of one page with a text and size bytes of a stream that no page uses, as a scanner's leavings are.
func bigPDF(size int64) (r io.Reader, length int64) {
	var head, tail bytes.Buffer
	var offsets []int
	object := func(b *bytes.Buffer, base int, text string) {
		offsets = append(offsets, base+b.Len())
		fmt.Fprintf(b, "%d 0 obj\n%s\nendobj\n", len(offsets), text)
	}
	content := "BT /F1 14 Tf 72 700 Td (Invoice number: BIG-90) Tj ET"
	head.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	object(&head, 0, "<< /Type /Catalog /Pages 2 0 R >>")
	object(&head, 0, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	object(&head, 0, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>")
	object(&head, 0, fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content))
	object(&head, 0, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	offsets = append(offsets, head.Len())
	fmt.Fprintf(&head, "6 0 obj\n<< /Length %d >>\nstream\n", size)
	tail.WriteString("\nendstream\nendobj\n")
	xref := int64(head.Len()) + size + int64(tail.Len())
	fmt.Fprintf(&tail, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		fmt.Fprintf(&tail, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&tail, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, xref)
	length = int64(head.Len()) + size + int64(tail.Len())
	return io.MultiReader(&head, io.LimitReader(&noise{}, size), &tail), length
}

// noise is an endless stream that does not compress and is never twice the same in a file.
type noise struct{ state uint64 }

// Read implements io.Reader.
func (n *noise) Read(p []byte) (int, error) {
	for i := range p {
		n.state = n.state*6364136223846793005 + 1442695040888963407
		p[i] = byte(n.state >> 56)
	}
	return len(p), nil
}

// upload is a multipart body with one big file, streamed.
type upload struct {
	kind   string
	length int64
	body   io.Reader
}

const boundary = "e2e-boundary"

// newUpload puts a file into a multipart body, behind the parts before it.
func newUpload(before string, file io.Reader, size int64) upload {
	head := before + "--" + boundary + "\r\nContent-Disposition: form-data; name=\"pdf_files\"; filename=\"big.pdf\"\r\nContent-Type: application/pdf\r\n\r\n"
	tail := "\r\n--" + boundary + "--\r\n"
	return upload{
		kind: "multipart/form-data; boundary=" + boundary, length: int64(len(head)+len(tail)) + size,
		body: io.MultiReader(strings.NewReader(head), file, strings.NewReader(tail)),
	}
}

// send posts the body with its length, or in chunks.
func (u upload) send(s *server, path string, chunked bool) *answer {
	s.t.Helper()
	r := request{method: http.MethodPost, path: path, kind: u.kind, body: u.body}
	if chunked {
		return s.do(r)
	}
	r.body = &sized{u.body, u.length}
	return s.do(r)
}

// sized is a body whose length is known.
type sized struct {
	io.Reader
	length int64
}

func TestAFileOverTheLimitIsRefusedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, database string) {
		s := start(t, options{database: database})
		agent := s.pdfAgent("limit", "", nil)
		whole := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"pdf_files\"; filename=\"small.pdf\"\r\n\r\n" + string(testdata(t, "pdf/rotated.pdf")) + "\r\n"
		for name, c := range map[string]struct {
			before  string
			chunked bool
		}{
			"with its length":            {"", false},
			"in chunks":                  {"", true},
			"behind a file that is fine": {whole, true},
		} {
			file, size := bigPDF(100 * mebibyte)
			a := newUpload(c.before, file, size).send(s, asyncPath(agent), c.chunked)
			if a.status != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: %d %s", name, a.status, clip(a.body))
			}
			var body struct{ Detail string }
			a.into(&body)
			if !strings.Contains(body.Detail, "100 MiB") || a.header.Get("Content-Type") != jsonType {
				t.Errorf("%s: %s %s", name, a.header.Get("Content-Type"), a.body)
			}
			s.untilNothing()
		}
	})
}

func TestAFileOfTheLimitIsTaken(t *testing.T) {
	t.Parallel()
	s := start(t, options{args: []string{"--role", "api"}})
	agent := s.pdfAgent("limit", "", nil)
	_, frame := bigPDF(0)
	digits := int64(len(fmt.Sprint(100*mebibyte))-1) + int64(len(fmt.Sprint(100*mebibyte))-3) // the two lengths are longer numbers now
	file, size := bigPDF(100*mebibyte - frame - digits)
	if size > 100*mebibyte || size < 100*mebibyte-16 {
		t.Fatalf("the file has %d bytes, want nearly %d", size, 100*mebibyte)
	}
	newUpload("", file, size).send(s, asyncPath(agent), true).submitted()
	if blobs, _ := s.stored(); len(blobs) != 1 || s.rows("files") != 1 {
		t.Errorf("stored %v", blobs)
	}
}

func TestTheRefusalReachesAClientThatIsStillSending(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	agent := s.pdfAgent("limit", "", nil)
	for name, c := range map[string]struct {
		length int64 // as announced
		wait   bool  // the client looks for an answer when it has sent everything, not before
	}{
		"a file over the limit":              {length: 200 * mebibyte},
		"a body that no job may have":        {length: 4096 * mebibyte},
		"a client that looks up at the end":  {length: 150 * mebibyte, wait: true},
		"one that is a little over the edge": {length: 100*mebibyte + 1, wait: true},
	} {
		conn := s.dial(t)
		file := io.LimitReader(&noise{}, c.length)
		u := newUpload("", file, c.length)
		s.writeHead(t, conn, asyncPath(agent), u.kind, fmt.Sprintf("Content-Length: %d", u.length))
		sent := make(chan error, 1)
		go func() {
			_, err := io.Copy(conn, u.body)
			sent <- err // of no interest when the server has closed
		}()
		if c.wait {
			if err := <-sent; err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if a := readAnswer(t, conn); a.status != http.StatusRequestEntityTooLarge || !json.Valid(a.body) {
			t.Errorf("%s: %d %s", name, a.status, clip(a.body))
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	s.untilNothing()
}

func TestAClientThatAsksFirstNeedNotSend(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	agent := s.pdfAgent("limit", "", nil)
	for path, status := range map[string]int{
		asyncPath(agent): http.StatusRequestEntityTooLarge,
		asyncPath("00000000-0000-4000-8000-000000000000"): http.StatusNotFound,
	} {
		conn := s.dial(t)
		s.writeHead(t, conn, path, "multipart/form-data; boundary=x", "Content-Length: 1000000000", "Expect: 100-continue")
		if a := readAnswer(t, conn); a.status != status || !json.Valid(a.body) {
			t.Errorf("%s: %d %s, want %d", path, a.status, a.body, status)
		}
	}
}

func TestAClientThatGoesAwayLeavesNothing(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, database string) {
		s := start(t, options{database: database})
		agent := s.pdfAgent("gone", "", nil)
		whole := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"pdf_files\"; filename=\"small.pdf\"\r\n\r\n" + string(testdata(t, "pdf/rotated.pdf")) + "\r\n"
		for name, before := range map[string]string{"in its first file": "", "in its second file": whole} {
			for _, path := range []string{runPath(agent), asyncPath(agent)} {
				file, size := bigPDF(90 * mebibyte)
				u := newUpload(before, file, size)
				conn := s.dial(t)
				s.writeHead(t, conn, path, u.kind, fmt.Sprintf("Content-Length: %d", u.length))
				if _, err := io.CopyN(conn, u.body, u.length/2); err != nil {
					t.Fatal(err)
				}
				until(t, "the upload is being received "+name, s.receiving)
				if err := conn.Close(); err != nil {
					t.Fatal(err)
				}
				s.untilNothing()
			}
		}
	})
}

func TestAServerThatIsKilledDuringAnUploadCleansUpAtItsNextStart(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	agent := s.pdfAgent("killed", "", nil)
	file, size := bigPDF(20 * mebibyte)
	u := newUpload("", file, size)
	conn := s.dial(t)
	s.writeHead(t, conn, asyncPath(agent), u.kind, fmt.Sprintf("Content-Length: %d", u.length))
	if _, err := io.CopyN(conn, u.body, u.length/2); err != nil {
		t.Fatal(err)
	}
	until(t, "the upload is being received", s.receiving)
	s.kill()
	if !s.receiving() {
		t.Fatal("the kill left nothing: the test tests nothing")
	}
	s.boot()
	s.untilNothing()
}

// dial opens a connection that ends with the test.
func (s *server) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // often closed already
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// writeHead writes the head of a POST.
func (s *server) writeHead(t *testing.T, conn net.Conn, path, kind string, headers ...string) {
	t.Helper()
	lines := slices.Concat([]string{"POST " + path + " HTTP/1.1", "Host: " + s.addr, "Authorization: Bearer " + s.key, "Content-Type: " + kind}, headers, []string{"", ""})
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")); err != nil {
		t.Fatal(err)
	}
}

// readAnswer reads one answer from a connection.
func readAnswer(t *testing.T, conn net.Conn) *answer {
	t.Helper()
	a, err := nextAnswer(t, bufio.NewReader(conn))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// nextAnswer reads the next of several answers.
func nextAnswer(t *testing.T, r *bufio.Reader) (*answer, error) {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return &answer{t: t, what: "raw request", status: resp.StatusCode, header: resp.Header, body: body}, err
}
