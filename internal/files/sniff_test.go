package files_test

import (
	"archive/zip"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/files"
)

func TestTypesAreFoundFromTheBytes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	noise := strings.Repeat("\x93\x01\xfe", 3000) // more than a head
	cases := []struct{ name, declared, content, want string }{
		{"a.pdf", "", "%PDF-1.4\n…", "application/pdf"},
		{"a.txt", "text/plain", "\r\n\r\n%PDF-1.7\n", "application/pdf"},
		{"a.bin", "", "\x00\x01\x02%PDF-1.7\n", "application/pdf"},
		{"a.pdf", "application/pdf", strings.Repeat("x", 2000) + "\n%PDF-1.7\n", "text/plain"},
		{"a.pdf", "application/pdf", "A PDF begins with %PDF-1.7, they say.", "text/plain"},
		{"a.pdf", "application/pdf", "", "text/plain"},
		{"a.exe", "", "MZ\x90\x00\x03\x00\x00\x00", "application/octet-stream"},
		{"a.json", "", ` {"a": [1, 2]} `, "application/json"},
		{"a.txt", "", "\xEF\xBB\xBF[1]", "application/json"},
		{"a.json", "application/json", `{"a": `, "text/plain"},
		{"a.json", "", `{"a": "` + strings.Repeat("x", 5<<20), "application/json"}, // too long to be read whole
		{"a.txt", "", "[see below] a text", "text/plain"},
		{"a.csv", "", "a,b\n1,2\n", "text/csv"},
		{"a", "text/csv; charset=utf-8", "a,b\n1,2\n", "text/csv"},
		{"a", "Text/Markdown", "# Title", "text/markdown"},
		{"README.md", "", "# Title", "text/markdown"},
		{"a.tsv", "", "a\tb", "text/tab-separated-values"},
		{"a", "application/pdf", "plain", "text/plain"},
		{"a.htm", "", "no tags", "text/html"},
		{"a", "", "<!DOCTYPE html><p>x", "text/html"},
		{"a", "", `<?xml version="1.0"?><x/>`, "text/xml"},
		{"a", "", `<?xml version="1.0"?><svg xmlns="x"/>`, "image/svg+xml"},
		{"a", "", `<svg xmlns="x"/>`, "image/svg+xml"},
		{"a.csv", "text/csv", "\x89PNG\r\n\x1a\n", "image/png"},
		{"a", "", "\xff\xd8\xff\xe0", "image/jpeg"},
		{"a", "", "GIF89a", "image/gif"},
		{"a", "", "RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"},
		{"a", "", "II*\x00\x08\x00\x00\x00", "image/tiff"},
		{"a", "", "MM\x00*\x00\x00\x00\x08", "image/tiff"},
		{"a", "", "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "image/heic"},
		{"a", "", "\x00\x00\x00\x18ftypavif\x00\x00\x00\x00", "image/avif"},
		{"a", "", "\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00", "audio/mp4"},
		{"a", "", "\x00\x00\x00\x18ftypqt  \x00\x00\x00\x00", "video/quicktime"},
		{"a", "", "\x00\x00\x00\x18ftypisom\x00\x00\x00\x00mp41", "video/mp4"},
		{"a", "", "ID3\x03", "audio/mpeg"},
		{"a", "", "\xff\xfb\x90\x44\x00\x00", "audio/mpeg"},
		{"a", "", "fLaC\x00\x00", "audio/flac"},
		{"a", "", "\x1f\x8b\x08\x00", "application/x-gzip"},
		{"a.docx", "", officeZip(t, zip.Deflate, "[Content_Types].xml", "word/document.xml"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"a.zip", "", officeZip(t, zip.Store, "[Content_Types].xml="+noise, "xl/workbook.xml="+noise), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
		{"a", "", officeZip(t, zip.Deflate, "ppt/presentation.xml"), "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
		{"a", "", officeZip(t, zip.Store, "mimetype=application/vnd.oasis.opendocument.text", "content.xml"), "application/vnd.oasis.opendocument.text"},
		{"a", "", officeZip(t, zip.Store, "mimetype=application/epub+zip"), "application/epub+zip"},
		{"a.docx", "", officeZip(t, zip.Deflate, "evil.exe"), "application/zip"},
		{"a.pdf", "", officeZip(t, zip.Store, "inner.pdf=%PDF-1.7"), "application/zip"},
		{"a.doc", "", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "application/msword"},
		{"a.xls", "", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "application/vnd.ms-excel"},
		{"a.ppt", "", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "application/vnd.ms-powerpoint"},
		{"a.msg", "", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "application/x-ole-storage"},
	}
	for _, c := range cases {
		f, err := h.Upload(h.ctx(t), c.name, c.declared, strings.NewReader(c.content))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if f.ContentType != c.want {
			t.Errorf("%s, declared %q, %.40q: got %s, want %s", c.name, c.declared, c.content, f.ContentType, c.want)
		}
	}
}

func TestCheckType(t *testing.T) {
	t.Parallel()
	const docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	cases := []struct{ dataType, contentType, complaint string }{
		{"application/pdf", "application/pdf", ""},
		{"Application/PDF; version=1.7", "application/pdf", ""},
		{"application/pdf", "image/png", "a PDF"},
		{"application/json", "application/json", ""},
		{"application/json", "text/plain", "JSON"},
		{"text/plain", "text/csv", ""},
		{"text/csv", "text/plain", ""},
		{"text/plain", "application/json", ""},
		{"application/xml", "text/xml", ""},
		{"text/html", "application/pdf", "a text"},
		{"text/uri-list", "application/octet-stream", "a text"},
		{"image/*", "image/webp", ""},
		{"image/*", "text/plain", "an image"},
		{"image/png", "image/png", ""},
		{"image/png", "image/jpeg", "a PNG image"},
		{"image/jpg", "image/jpeg", ""},
		{"image/jpeg", "image/gif", "a JPEG image"},
		{"image/x-unheard-of", "image/png", ""},
		{"image/png", "application/pdf", "an image"},
		{"audio/*", "audio/mpeg", ""},
		{"audio/*", "application/ogg", ""},
		{"audio/*", "image/png", "an audio file"},
		{"video/*", "video/mp4", ""},
		{"video/mp4", "audio/mpeg", "a video"},
		{"application/zip", docx, ""},
		{"application/zip", "text/plain", "a ZIP archive"},
		{docx, docx, ""},
		{docx, "application/zip", "a Word document"},
		{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", docx, "an Excel workbook"},
		{"application/vnd.openxmlformats-officedocument.presentationml.presentation", docx, "a PowerPoint presentation"},
		{"application/msword", "application/x-ole-storage", ""},
		{"application/msword", docx, "a Word document"},
		{"application/vnd.ms-excel", "application/msword", "an Excel workbook"},
		{"application/vnd.ms-powerpoint", "text/plain", "a PowerPoint presentation"},
		{"application/octet-stream", "text/plain", ""},
		{"application/x-unheard-of", "text/plain", ""},
		{"*/*", "text/plain", ""},
		{"boolean", "text/plain", ""},
		{"", "text/plain", ""},
	}
	for _, c := range cases {
		err := files.CheckType("in", c.dataType, steward.File{ContentType: c.contentType})
		if c.complaint == "" {
			if err != nil {
				t.Errorf("%s for %s: got %v", c.contentType, c.dataType, err)
			}
			continue
		}
		want := steward.InputField + ": Input in is not " + c.complaint
		if steward.CodeOf(err) != steward.Invalid || err.Error() != want {
			t.Errorf("%s for %s: got %v, want %s", c.contentType, c.dataType, err, want)
		}
	}
}

func TestCleanName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 200)
	for name, want := range map[string]string{
		"invoice.pdf": "invoice.pdf", "Ünï cödé 文書.pdf": "Ünï cödé 文書.pdf", "/etc/passwd": "passwd", `..\..\boot.ini`: "boot.ini",
		"": "upload", ".": "upload", "..": "upload", "/": "upload", "dir/": "upload", " . ": "upload", ".env": ".env",
		"a\x00b\r\nc\x7f.txt": "abc.txt", "bad\xff\xfe.txt": "bad_.txt", "x\u202egpj.exe": "xgpj.exe", "zero\u200bwidth": "zerowidth", "\ufeff": "upload",
		"  padded.txt  ": "padded.txt", "dots...": "dots", "line\u2028break": "linebreak",
		long + ".pdf": strings.Repeat("ä", 125) + ".pdf", long: strings.Repeat("ä", 127), "x." + long: "x." + strings.Repeat("ä", 126),
	} {
		if got := files.CleanName(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"a.pdf", "../x", `C:\a`, "\xff", "\u202e", strings.Repeat("文", 100) + ".x", "..", "a\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := files.CleanName(name)
		switch {
		case got == "" || len(got) > 255 || !utf8.ValidString(got):
			t.Fatalf("%q became %q", name, got)
		case strings.ContainsAny(got, `/\`) || strings.ContainsFunc(got, unicode.IsControl) || got == "." || got == "..":
			t.Fatalf("%q became %q", name, got)
		case filepath.Base(got) != got:
			t.Fatalf("%q became %q, which is no base name", name, got)
		case files.CleanName(got) != got:
			t.Fatalf("%q became %q, which would become %q", name, got, files.CleanName(got))
		}
	})
}

func FuzzUpload(f *testing.F) {
	for _, s := range []string{"", "%PDF-", "PK\x03\x04", "PK\x03\x04" + strings.Repeat("\x00", 26) + "mimetype", "{", "\x00\x00\x00\x18ftyp", "<svg", "\xEF\xBB\xBF["} {
		f.Add("name.doc", "text/csv", s)
	}
	h := newHouse(f)
	f.Fuzz(func(t *testing.T, name, declared, content string) {
		file, err := h.Upload(h.ctx(t), name, declared, strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if kind, sub, ok := strings.Cut(file.ContentType, "/"); !ok || kind == "" || sub == "" || strings.ContainsAny(file.ContentType, "; \r\n") {
			t.Fatalf("%q has the type %q", content, file.ContentType)
		}
		if got, ok := h.content(t, file); !ok || got != content {
			t.Fatalf("got %q back, want %q", got, content)
		}
	})
}
