package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/document/documenttest"
)

const unknownID = "00000000-0000-4000-8000-000000000000"

// wrongRuns are bodies of runs of an agent whose inputs are text (required), flag, amount and data.
func wrongRuns() map[string][]refusal {
	return map[string][]refusal{
		jsonType: {
			{"the input is missing", `{}`, 0, `["Missing input key text"]`},
			{"the input is null", `{"text":null}`, 0, `["Missing input key text"]`},
			{"a flag is none", `{"text":"x","flag":"perhaps"}`, 0, `["Input flag`},
			{"a flag is a list", `{"text":"x","flag":[true]}`, 0, `flag`},
			{"an amount is none", `{"text":"x","amount":"much"}`, 0, `["Input amount`},
			{"an amount is an object", `{"text":"x","amount":{}}`, 0, `amount`},
			{"metadata is a number", `{"text":"x","metadata":5}`, 0, `{"metadata":["Invalid JSON string."]}`},
			{"metadata is a list", `{"text":"x","metadata":[1]}`, 0, `{"metadata":["Invalid JSON string."]}`},
			{"metadata is text that is no object", `{"text":"x","metadata":"a:b"}`, 0, `{"metadata":["Invalid JSON string."]}`},
			{"a timeout is a word", `{"text":"x","timeout_seconds":"soon"}`, 0, `"timeout_seconds":`},
			{"a timeout is below zero", `{"text":"x","timeout_seconds":-1}`, 0, `"timeout_seconds":`},
			{"a timeout is endless", `{"text":"x","timeout_seconds":1e99}`, 0, `"timeout_seconds":`},
			{"an idempotency key is a number", `{"text":"x","idempotency_key":7}`, 0, `"idempotency_key":`},
			{"an idempotency key is long", `{"text":"x","idempotency_key":"` + strings.Repeat("k", 300) + `"}`, 0, `"idempotency_key":`},
		},
		formType: {
			{"the input is missing", `other=1`, 0, `["Missing input key text"]`},
			{"the input is empty", `text=`, 0, `["Missing input key text"]`},
			{"the input is Go's nil", `text=%3Cnil%3E`, 0, `["Missing input key text"]`},
			{"a percent sign that means nothing", `text=100%`, 0, `"text":`},
			{"bad hexadecimal", `text=%zz`, 0, `"text":`},
			{"no UTF-8", `text=%ff%fe`, 0, `"text":`},
			{"no UTF-8, raw", "text=caf\xe9", 0, `"text":`},
			{"no UTF-8 in a name", `caf%e9=1&text=x`, 0, `non_field_errors`},
			{"bad hexadecimal in a name", `%zz=1&text=x`, 0, `non_field_errors`},
			{"an amount is none", `text=x&amount=1,5,0`, 0, `["Input amount`},
			{"metadata is no JSON", `text=x&metadata=%7B`, 0, `{"metadata":["Invalid JSON string."]}`},
			{"metadata is deep", `text=x&metadata=%7B%22a%22:` + nested(100_000) + `%7D`, 0, `"metadata":`},
			{"1001 fields", `text=x` + strings.Repeat("&a=b", 1001), 413, `1000 fields`},
			{"17 MiB", `text=` + strings.Repeat("x", 17<<20), 413, `"detail":`},
		},
		"text/plain":                        {{"plain text", `hello`, 415, `multipart/form-data`}},
		"text/html":                         {{"a page", `<p>hello</p>`, 415, `multipart/form-data`}},
		"application/xml":                   {{"XML", `<text>x</text>`, 415, `multipart/form-data`}},
		"application/pdf":                   {{"a bare PDF", `%PDF-1.4`, 415, `multipart/form-data`}},
		"multipart/mixed; boundary=x":       {{"another multipart", "--x--\r\n", 415, `multipart/form-data`}},
		"application/json; charset=utf-16;": {{"JSON in UTF-16", "\xff\xfe{\x00}\x00", 0, ``}},
		"///":                               {{"no type at all", `{"text":"x"}`, 415, `multipart/form-data`}},
		"multipart/form-data":               {{"no boundary", "--x--\r\n", 0, `boundary`}},
		"multipart/form-data; boundary=":    {{"an empty boundary", "--\r\n", 0, `boundary`}},
		"multipart/form-data; boundary=x":   wrongMultiparts("x"),
	}
}

// part is the head of a multipart part.
func part(boundary, disposition string) string {
	return "--" + boundary + "\r\nContent-Disposition: " + disposition + "\r\n\r\n"
}

func wrongMultiparts(b string) []refusal {
	text := part(b, `form-data; name="text"`)
	end := "\r\n--" + b + "--\r\n"
	return []refusal{
		{"nothing", " ", 0, `Multipart`},
		{"no part", "--" + b + "--\r\n", 0, `["Missing input key text"]`},
		{"another boundary", strings.ReplaceAll(text, "--"+b, "--y") + "x\r\n--y--\r\n", 0, `Multipart`},
		{"cut in a text", text + "hel", 0, `Multipart`},
		{"cut in a head", "--" + b + "\r\nContent-Dispo", 0, `Multipart`},
		{"cut in a file", part(b, `form-data; name="text"; filename="a.txt"`) + "hel", 0, `Multipart`},
		{"cut behind a good part", text + "hello\r\n--" + b, 0, `Multipart`},
		{"a head without end", "--" + b + "\r\nX-Long: " + strings.Repeat("a", 20<<20), 0, `Multipart`},
		{"a head of many lines", "--" + b + "\r\n" + strings.Repeat("X-A: b\r\n", 100_000) + "\r\nx" + end, 0, `Multipart`},
		{"no colon in a head", "--" + b + "\r\nContent-Disposition form-data\r\n\r\nx" + end, 0, `Multipart`},
		{"1000 parts", strings.Repeat(part(b, `form-data; name="other"`)+"x\r\n", 1000) + "--" + b + "--\r\n", 413, `64 parts`},
		{"no UTF-8", text + "caf\xe9" + end, 0, `"text":`},
		{"no UTF-8 in a name", part(b, "form-data; name=\"caf\xe9\"") + "x" + end, 0, `non_field_errors`},
		{"no name", part(b, `form-data`) + "x" + end, 0, `["Missing input key text"]`},
		{"no disposition", "--" + b + "\r\n\r\nx" + end, 0, `["Missing input key text"]`},
		{"metadata as a file", part(b, `form-data; name="metadata"; filename="m.json"`) + "{}" + end, 0, `"metadata":`},
		{"a text of 9 MiB", text + strings.Repeat("x", 9<<20) + end, 413, `text`},
		{"21 files for an input", strings.Repeat(part(b, `form-data; name="text"; filename="a.txt"`)+"x\r\n", 21) + "--" + b + "--\r\n", 0, `["Input text`},
		{"a picture for a text", part(b, `form-data; name="text"; filename="a.txt"`) + "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + end, 0, `text`},
	}
}

// typedAgent has an input of every plain type; only text is needed.
func (s *server) typedAgent() string {
	s.t.Helper()
	return s.agent(object{
		"name": "typed", "engine_class_id": "MultimodalExtractionEngine",
		"engine_config": object{"model": "builtin", "text": "${text}", "output_schema": rawJSON(textSchema)},
		"input_definitions": []object{
			{"key": "text", "data_type": "text/plain"}, {"key": "flag", "data_type": "boolean"},
			{"key": "amount", "data_type": "number"}, {"key": "data", "data_type": "application/json"},
		},
	})
}

func TestWrongRunsAreRefusedByName(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, database string) {
		s := start(t, options{database: database})
		agent := s.typedAgent()
		for kind, cases := range wrongRuns() {
			for _, c := range cases {
				a := s.post(asyncPath(agent), kind, c.body)
				a.what = kind + ": " + c.name
				a.refused(or(c.status, http.StatusBadRequest), c.says)
			}
		}
		for _, c := range wrongBodies() {
			a := s.postJSON(asyncPath(agent), c.body)
			a.what = "body: " + c.name
			a.refused(or(c.status, http.StatusBadRequest), c.says)
		}
		s.untilNothing()
	})
}

func TestOddRunsThatCanBeMeantAreTaken(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, database string) {
		s := start(t, options{database: database})
		agent := s.typedAgent()
		rest := `,"flag":true,"amount":1,"data":{}`
		for name, c := range map[string]struct{ kind, body, value string }{
			"NUL in JSON":             {jsonType, `{"text":"total: 7\u0000 end"` + rest + `,"metadata":{"a":"b\u0000c"}}`, "total: 7\x00 end"},
			"half a surrogate pair":   {jsonType, `{"text":"total: 7 \ud800"` + rest + `}`, "total: 7 \ufffd"},
			"a key twice":             {jsonType, `{"text":"no","text":"total: 7"` + rest + `}`, "total: 7"},
			"a number for a text":     {jsonType, `{"text":7` + rest + `}`, "7"},
			"a list for a text":       {jsonType, `{"text":["total: 7"]` + rest + `}`, `["total: 7"]`},
			"numbers as text":         {jsonType, `{"text":"total: 7","flag":"FALSE","amount":"1e3","data":"[1]"}`, "total: 7"},
			"unknown keys":            {jsonType, `{"text":"total: 7"` + rest + `,"colour":"red"}`, "total: 7"},
			"a type with a charset":   {jsonType + "; charset=utf-8", `{"text":"total: 7"` + rest + `}`, "total: 7"},
			"a type in capitals":      {"Application/JSON", `{"text":"total: 7"` + rest + `}`, "total: 7"},
			"NUL in a form":           {formType, "text=total:+7%00&flag=True&amount=1&data=1", "total: 7\x00"},
			"a semicolon in a form":   {formType, "text=total:+7;+x&flag=True&amount=1&data=1", "total: 7; x"},
			"a long text":             {formType, "text=" + strings.Repeat("total:+7%0A", 20_000) + "&flag=1&amount=1&data=1", strings.Repeat("total: 7\n", 20_000)},
			"an odd name of a file":   {"multipart/form-data; boundary=x", part("x", `form-data; name="text"; filename="../../etc/passwd"`) + "total: 7" + typedParts, "total: 7"},
			"a preamble and line end": {"multipart/form-data; boundary=x", "hello\r\n" + part("x", `form-data; name="text"`) + "total: 7" + typedParts + "bye", "total: 7"},
		} {
			a := s.post(asyncPath(agent), c.kind, c.body)
			if a.status != http.StatusOK {
				t.Errorf("%s: %d %s", name, a.status, clip(a.body))
				continue
			}
			r := s.wait(a.submitted())
			if r.Status != steward.StatusSuccess {
				t.Errorf("%s: %v %s %v", name, r.Status, r.FailureCode, *r.ErrorMessage)
			}
			if in := r.Inputs[0]; in.Key != "text" || in.Value != c.value && in.FileName == "" {
				t.Errorf("%s: the input is %q, want %q", name, clip([]byte(in.Value)), clip([]byte(c.value)))
			} else if strings.ContainsAny(in.FileName, `/\`) {
				t.Errorf("%s: the file is called %q", name, in.FileName)
			}
		}
	})
}

// typedParts are the other inputs of typedAgent in a multipart body with the boundary x.
const typedParts = "\r\n--x\r\nContent-Disposition: form-data; name=\"flag\"\r\n\r\ntrue\r\n" +
	"--x\r\nContent-Disposition: form-data; name=\"amount\"\r\n\r\n1\r\n" +
	"--x\r\nContent-Disposition: form-data; name=\"data\"\r\nContent-Type: text/plain\r\n\r\n{}\r\n--x--\r\n"

// wrongPDFs are the files that no run can read, with what is said of them: at once, or by the job.
func wrongPDFs(t *testing.T) map[string]struct {
	data []byte
	at   string // "once" for a refusal, else the job's failure code
	says string
} {
	t.Helper()
	type wrong = struct {
		data []byte
		at   string
		says string
	}
	fortyPages := testdata(t, "pdf/forty-pages.pdf")
	return map[string]wrong{
		"truncated.pdf":    {testdata(t, "pdf/truncated.pdf"), string(steward.FailUnsupportedFile), "truncated.pdf"},
		"cut-in-half.pdf":  {fortyPages[:200], string(steward.FailUnsupportedFile), "cut-in-half.pdf"},
		"encrypted.pdf":    {testdata(t, "pdf/encrypted.pdf"), string(steward.FailFileEncrypted), "password"},
		"empty-text.pdf":   {testdata(t, "pdf/empty-text.pdf"), string(steward.FailUnsupportedFile), "text layer"},
		"only-a-head.pdf":  {[]byte("%PDF-1.7\n"), string(steward.FailUnsupportedFile), "only-a-head.pdf"},
		"no-pages.pdf":     {[]byte("%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\ntrailer\n<</Root 1 0 R/Size 3>>\n%%EOF\n"), string(steward.FailUnsupportedFile), "no-pages.pdf"},
		"own-parent.pdf":   {[]byte("%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[2 0 R]/Count 99999999>>\nendobj\ntrailer\n<</Root 1 0 R/Size 3>>\n%%EOF\n"), string(steward.FailUnsupportedFile), "own-parent.pdf"},
		"many-pages.pdf":   {manyPages(600), string(steward.FailInvalidConfig), "max_pages"},
		"not-a.pdf":        {testdata(t, "pdf/not-a.pdf"), "once", `["Input pdf_files is not a PDF"]`},
		"zero-byte.pdf":    {nil, "once", `["Input pdf_files is not a PDF"]`},
		"a-picture.pdf":    {[]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), "once", `["Input pdf_files is not a PDF"]`},
		"a-web-page.pdf":   {[]byte("<!doctype html><title>x</title>"), "once", `["Input pdf_files is not a PDF"]`},
		"../../shadow.pdf": {testdata(t, "pdf/truncated.pdf"), string(steward.FailUnsupportedFile), "shadow.pdf"},
	}
}

// manyPages is a PDF of n empty pages.
func manyPages(n int) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[")
	b.WriteString(strings.Repeat("3 0 R ", n))
	fmt.Fprintf(&b, "]/Count %d>>\nendobj\n3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>\nendobj\ntrailer\n<</Root 1 0 R/Size 4>>\n%%%%EOF\n", n)
	return b.Bytes()
}

func TestPDFsThatCannotBeReadAreRefusedOrFailWithACode(t *testing.T) {
	t.Parallel()
	s := start(t, options{env: []string{"STEWARD_OCR=off"}}) // what OCR makes of a drawing is Tesseract's word
	agent := s.pdfAgent("strict", textSchema, nil)
	for name, c := range wrongPDFs(t) {
		if c.at == "once" {
			for _, path := range []string{runPath(agent), asyncPath(agent)} {
				a := s.postForm(path, pdf(name, c.data))
				a.what = name
				a.refused(http.StatusBadRequest, c.says)
			}
			continue
		}
		r := s.wait(s.postForm(asyncPath(agent), pdf(name, c.data)).submitted())
		if r.Status != steward.StatusFailure || string(r.FailureCode) != c.at || r.ErrorMessage == nil || !strings.Contains(*r.ErrorMessage, c.says) {
			t.Errorf("%s: %v %s %v, want %s: %s", name, r.Status, r.FailureCode, text(r.ErrorMessage), c.at, c.says)
		}
		if len(r.Outputs) != 0 || strings.Contains(text(r.ErrorMessage), s.dir) {
			t.Errorf("%s: %d outputs, %s", name, len(r.Outputs), text(r.ErrorMessage))
		}
		a := s.postForm(runPath(agent), pdf(name, c.data))
		a.what = "at once " + name
		a.refused(http.StatusBadRequest, c.at)
	}

	kept := s.pdfAgent("with password", "", object{"password": "secret"})
	var out struct{ Pages []struct{ Markdown string } }
	s.wait(s.postForm(asyncPath(kept), pdf("e.pdf", testdata(t, "pdf/encrypted.pdf"))).submitted()).succeeded(t, &out)
	if len(out.Pages) != 1 || !strings.Contains(out.Pages[0].Markdown, "Winifred Amory") {
		t.Errorf("with its password the file reads %+v", out.Pages)
	}
	wrong := s.pdfAgent("with another password", "", object{"password": "guess"})
	r := s.wait(s.postForm(asyncPath(wrong), pdf("e.pdf", testdata(t, "pdf/encrypted.pdf"))).submitted())
	if r.FailureCode != steward.FailFileEncrypted || strings.Contains(text(r.ErrorMessage), "guess") {
		t.Errorf("with another password: %s %s", r.FailureCode, text(r.ErrorMessage))
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func TestFilesThatAreNotThereAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	agent := s.pdfAgent("refs", "", nil)
	for value, says := range map[string]string{
		"/etc/passwd":            `["Input pdf_files`,
		"../../etc/passwd":       `["Input pdf_files`,
		"file:///etc/passwd":     `["Input pdf_files`,
		"ftp://example.com/a":    `["Input pdf_files`,
		"http://":                `["Input pdf_files`,
		"C:\\a.pdf":              `["Input pdf_files`,
		unknownID:                `["Input pdf_files`,
		"file_" + unknownID:      `["Input pdf_files`,
		"a.pdf, b.pdf":           `["Input pdf_files`,
		strings.Repeat("x", 5e3): `["Input pdf_files`,
	} {
		a := s.postJSON(asyncPath(agent), object{"pdf_files": value})
		a.what = "the file " + clip([]byte(value))
		a.refused(http.StatusBadRequest, says)
		s.postJSON(asyncPath(agent), object{"pdf_files": []string{value}}).refused(http.StatusBadRequest, says)
	}
	for _, value := range []any{5, true, object{"url": "x"}, []int{1}} {
		s.postJSON(asyncPath(agent), object{"pdf_files": value}).refused(http.StatusBadRequest, `["Input pdf_files`)
	}

	// Addresses inside the house are not fetched: the job fails, whatever answers there.
	for _, value := range []string{
		"http://" + s.addr + "/healthz", "http://localhost/a.pdf", "http://169.254.169.254/latest/meta-data", "http://[::1]/a.pdf", "http://0x7f000001/a.pdf", "http://10.0.0.1/a.pdf",
	} {
		r := s.wait(s.postJSON(asyncPath(agent), object{"pdf_files": value}).submitted())
		if r.Status != steward.StatusFailure || r.FailureCode != steward.FailFetchBlocked {
			t.Errorf("%s: %v %s %s", value, r.Status, r.FailureCode, text(r.ErrorMessage))
		}
	}
}

// chunked hides a body's length.
type chunked struct{ io.Reader }

func TestBodiesOfUnknownLengthAreReadAlike(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	agent := s.textAgent("chunks", nil)
	send := func(kind, body string) *answer {
		return s.do(request{method: http.MethodPost, path: asyncPath(agent), kind: kind, body: chunked{strings.NewReader(body)}})
	}
	send(jsonType, `{"text":"total: 7"}`).submitted()
	send(formType, `text=total:+7`).submitted()
	send(jsonType, ``).refused(http.StatusBadRequest, `["Missing input key text"]`)
	send(jsonType, `{"text":"`+strings.Repeat("x", 17<<20)+`"}`).refused(http.StatusRequestEntityTooLarge, `"detail":`)
	send("", `{"text":"total: 7"}`).submitted() // without a type it is taken for JSON
}

func TestAPageOnWhichOCRFindsNothingFailsWithACode(t *testing.T) {
	t.Parallel()
	path, _, err := documenttest.FakeOCR(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, options{env: []string{"STEWARD_OCR_PATH=" + path}})
	agent := s.pdfAgent("strict", textSchema, nil)
	r := s.wait(s.postForm(asyncPath(agent), pdf("empty-text.pdf", testdata(t, "pdf/empty-text.pdf"))).submitted())
	if r.Status != steward.StatusFailure || r.FailureCode != steward.FailUnsupportedFile || !strings.Contains(text(r.ErrorMessage), "OCR found no text") {
		t.Errorf("got %v %s %s", r.Status, r.FailureCode, text(r.ErrorMessage))
	}
}
