package rest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stewardhq/steward/internal/app/apptest"
)

// hostileNames are file names that lead elsewhere, end headers, or call themselves what they are not.
func hostileNames() []string {
	names := []string{
		"../../../etc/passwd", `..\..\..\windows\win.ini`, "/etc/passwd", `C:\boot.ini`, `\\server\share\x`, "..", ".", "...", "a/../../b", "a/./b", "%2e%2e%2fetc%2fpasswd", "..%2f..%2fx", "..%5c..%5cx", "..;/x", "....//....//x",
		"~root/.ssh/authorized_keys", "$HOME/x", "`id`", "$(id)", "a;rm -rf x", "a|b", "-rf", "--help", "a\x00.pdf", "a.pdf\x00.html", "credentials.json", "steward.db", "secret.key", ".steward", "tmp/x", "files/../../credentials.json",
		"a\r\nX-Injected: yes", "a\nX-Injected: yes", "a\rX-Injected: yes", "a\u2028X-Injected: yes", "a\u0085b", "a\"; filename=\"b.html", `a\"; x="`, "a;b", "a'b", "a\"b", "a,b", "a=b", "a\tb", "\x7f", "\x1b[2J",
		"\u202egpj.exe", "\u200bhidden", "\ufeffbom", "e\u0301", "ｆｕｌｌ", "😀.txt", "\xff\xfe", "CON", "NUL.txt", "COM1", "a.", "a ", " a", "", " ", strings.Repeat("a", 300), strings.Repeat("ü", 300), strings.Repeat("../", 100) + "x",
		"utf-8''x", "UTF-8''%0d%0aX-Injected:%20yes", "=?utf-8?q?a=0d=0aX-Injected=3A_yes?=", "<script>alert(1)</script>", "a.html", "a.svg", "a.pdf.exe",
	}
	return names
}

// outside is a folder around a server's, in which nothing may appear.
func outside(t *testing.T) (s *apptest.Server, look func() string) {
	t.Helper()
	root := t.TempDir()
	s, err := apptest.Open(t.Context(), filepath.Join(root, "a", "b", "data"))
	ok(t, err)
	t.Cleanup(func() { ok(t, s.Stop()) })
	return s, func() string {
		var seen []string
		ok(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && path == s.Folder {
				return fs.SkipDir
			}
			seen = append(seen, path)
			return err
		}))
		return strings.Join(seen, "\n")
	}
}

// uploadNamed sends a file whose name stands in the header as it is, but for quotes and backslashes where quoted says so.
func (c *caller) uploadNamed(path, field, name, content string, quoted bool) (status int, answer []byte) {
	c.t.Helper()
	if quoted {
		name = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
	}
	body := "--B\r\nContent-Disposition: form-data; name=\"" + field + "\"; filename=\"" + name + "\"\r\nContent-Type: text/html\r\n\r\n" + content + "\r\n--B--\r\n"
	return c.send(http.MethodPost, path, "multipart/form-data; boundary=B", strings.NewReader(body))
}

// get fetches with all headers.
func (c *caller) get(path string) (resp *http.Response, body []byte) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url+path, nil)
	ok(c.t, err)
	req.Header.Set("Authorization", "Bearer "+c.key)
	resp, err = http.DefaultClient.Do(req)
	ok(c.t, err)
	body, err = io.ReadAll(resp.Body)
	ok(c.t, err)
	ok(c.t, resp.Body.Close())
	return resp, body
}

func TestFileNamesLeadNowhereAndEndNoHeader(t *testing.T) {
	t.Parallel()
	s, look := outside(t)
	c := &caller{t: t, url: s.BaseURL(), key: s.APIKey}
	before, cases := look(), 0
	for _, name := range hostileNames() {
		for _, quoted := range []bool{true, false} {
			cases++
			status, answer := c.uploadNamed("/v1/files/", "file", name, "harmless", quoted)
			if status == http.StatusBadRequest { // it is no header any more
				continue
			}
			if status != http.StatusCreated {
				t.Errorf("%q: %d %s", name, status, answer)
				continue
			}
			var made struct {
				ID   string `json:"file_id"`
				Name string
			}
			ok(t, json.Unmarshal(answer, &made))
			checkCleanName(t, name, made.Name)
			c.checkDownload("/v1/files/"+made.ID+"/content/", name)
		}
	}
	if now := look(); now != before {
		t.Errorf("around the data folder there was\n%s\nand is\n%s", before, now)
	}
	inside, err := os.ReadDir(s.Folder)
	ok(t, err)
	for _, e := range inside {
		switch name := e.Name(); {
		case strings.HasPrefix(name, "steward.db"), name == "files", name == "tmp", name == "lock", name == "node", name == "secret.key", name == "credentials.json":
		default:
			t.Errorf("the data folder has %s", name)
		}
	}
	t.Attr("cases", strconv.Itoa(cases))
}

// checkCleanName wants a bare name that a terminal and a header can show.
func checkCleanName(t *testing.T, sent, kept string) {
	t.Helper()
	if kept == "" || kept == "." || kept == ".." || strings.ContainsAny(kept, "/\\\r\n\x00") || len(kept) > 1024 {
		t.Errorf("%q is kept as %q", sent, kept)
	}
	for _, r := range kept {
		if unicode.IsControl(r) {
			t.Errorf("%q is kept as %q", sent, kept)
		}
	}
}

// checkDownload looks at the headers of a file that says of itself that it is a page.
func (c *caller) checkDownload(path, name string) {
	c.t.Helper()
	for _, query := range []string{"", "?download=true"} {
		resp, body := c.get(path + query)
		h := resp.Header
		if resp.StatusCode != http.StatusOK || string(body) != "harmless" {
			c.t.Errorf("%q: %d %q", name, resp.StatusCode, body)
		}
		for header := range h {
			if strings.Contains(header, "Injected") {
				c.t.Errorf("%q: the header %s was injected", name, header)
			}
		}
		how, params, err := mime.ParseMediaType(h.Get("Content-Disposition"))
		if err != nil || len(params) > 1 || strings.ContainsAny(params["filename"], "/\\\r\n\x00") {
			c.t.Errorf("%q: Content-Disposition %q: %v", name, h.Get("Content-Disposition"), err)
		}
		if query != "" && how != "attachment" {
			c.t.Errorf("%q: %s", name, how)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox") || !strings.HasPrefix(h.Get("Cache-Control"), "private") {
			c.t.Errorf("%q: headers %v", name, h)
		}
	}
}

// active are contents that a browser would run, whatever they are called and declared as.
func active() map[string]string {
	return map[string]string{
		"page.html": "<!DOCTYPE html><html><script>alert(1)</script>", "page.txt": "<html><script>alert(1)</script>", "drawing.svg": `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`,
		"drawing.png": `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "page.xhtml": `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>`,
		"sheet.xml": `<?xml version="1.0"?><?xml-stylesheet href="javascript:alert(1)"?><x/>`, "late.html": strings.Repeat(" ", 400) + "<script>alert(1)</script>", "script.js": "alert(1)", "bytes.bin": "\x00\x01<script>", "page.htm": "hello",
		"archive.zip": "PK\x03\x04<html>", "manifest.appcache": "CACHE MANIFEST\n*", "page.mht": "MIME-Version: 1.0\nContent-Type: multipart/related\n\n<html>", "flash.swf": "CWS\x06", "page.eml": "Content-Type: text/html\n\n<script>",
	}
}

func TestActiveFilesAreSavedNotShown(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := &caller{t: t, url: s.BaseURL(), key: s.APIKey}
	cases := 0
	for name, content := range active() {
		cases++
		status, answer := c.uploadNamed("/v1/files/", "file", name, content, true)
		var made struct {
			ID          string `json:"file_id"`
			ContentType string `json:"content_type"`
		}
		if status != http.StatusCreated {
			t.Fatalf("%s: %d %s", name, status, answer)
		}
		ok(t, json.Unmarshal(answer, &made))
		resp, body := c.get("/v1/files/" + made.ID + "/content/")
		how, _, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
		kind := resp.Header.Get("Content-Type")
		shown := strings.HasPrefix(kind, "text/plain") || strings.HasPrefix(kind, "application/json") || strings.HasPrefix(kind, "text/csv")
		if err != nil || string(body) != content || how != map[bool]string{true: "inline", false: "attachment"}[shown] {
			t.Errorf("%s: %s as %s: %v", name, kind, how, err)
		}
		if !strings.HasPrefix(resp.Header.Get("Content-Security-Policy"), "sandbox;") || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", name, resp.Header)
		}
	}
	t.Attr("cases", strconv.Itoa(cases))
}

// TestIDsOfFilesLeadNowhere asks for references, artifacts and files by ids that are paths.
func TestIDsOfFilesLeadNowhere(t *testing.T) {
	t.Parallel()
	s, look := outside(t)
	c := &caller{t: t, url: s.BaseURL(), key: s.APIKey}
	of := c.things("traversed")
	key, err := os.ReadFile(filepath.Join(s.Folder, "secret.key"))
	ok(t, err)
	before, cases := look(), 0
	var ids []string
	for _, name := range append(hostileNames(), "page-1.txt/../page-1.txt", "page-1.txt//", "./page-1.txt", "page-1.txt%00", "%70age-1.txt%2f..%2fx") {
		ids = append(ids, url.PathEscape(name), strings.ReplaceAll(url.PathEscape(name), "%2F", "/"), url.PathEscape(url.PathEscape(name)))
	}
	for _, id := range ids {
		for _, path := range []string{
			"/v1/agents/jobs/" + of["job_id"] + "/references/" + id, "/v1/agents/jobs/" + of["job_id"] + "/references/" + id + "/", "/v1/files/" + id + "/content/", "/v1/files/" + id, "/v1/agents/jobs/" + id + "/result/",
			"/v1/agents/jobs/" + of["job_id"] + "/artifacts/result/?artifact_key=" + id, "/v1/agents/" + id + "/", "/" + id, "/docs/" + id, "/openapi.json/" + id,
		} {
			cases++
			status, answer := c.rawGet(path)
			if status/100 != 4 || bytes.Contains(answer, key) || bytes.Contains(answer, []byte("root:")) || bytes.Contains(answer, []byte(s.APIKey)) {
				if strings.Trim(id, "./%2eE") != "" || status/100 == 5 || status/100 == 3 {
					t.Errorf("GET %q: %d %.200s", path, status, answer)
				}
			}
		}
	}
	if now := look(); now != before {
		t.Errorf("around the data folder there was\n%s\nand is\n%s", before, now)
	}
	t.Attr("cases", strconv.Itoa(cases))
}

// rawGet asks for a path as it is spelled: nothing is cleaned on the way, and no redirect is followed.
func (c *caller) rawGet(path string) (status int, answer []byte) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url, nil)
	ok(c.t, err)
	bare, query, _ := strings.Cut(path, "?")
	req.URL.Opaque, req.URL.RawQuery = "//"+req.URL.Host+bare, query
	req.Header.Set("Authorization", "Bearer "+c.key)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	ok(c.t, err)
	answer, err = io.ReadAll(resp.Body)
	ok(c.t, err)
	ok(c.t, resp.Body.Close())
	return resp.StatusCode, answer
}

// TestURLsInsideAreFetchedForNobody names them in every place that takes a URL.
func TestURLsInsideAreFetchedForNobody(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := &caller{t: t, url: s.BaseURL(), key: s.APIKey}
	var agent struct{ ID string }
	c.must(http.MethodPost, "/v1/agents/", `{"name":"fetcher","engine_class_id":"PDFExtractionEngine","engine_config":{"instructions":"Read it.","output_schema":{"type":"object","properties":{"a":{"type":"string"}}}}}`, &agent)
	cases := 0
	for _, host := range []string{"127.0.0.1", "localhost", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "10.0.0.1", "１２７.０.０.１", "user:pw@example.com", "example.com:22", "metadata.google.internal"} {
		u := "http://" + host + "/x.pdf"
		cases += 2
		status, answer := c.call(http.MethodPost, "/v1/webhooks/", fmt.Sprintf(`{"name":"inside","url":%q,"events":["job_completed"]}`, u))
		if named := host == "metadata.google.internal" || host == "１２７.０.０.１"; status != http.StatusBadRequest && (status != http.StatusCreated || !named) { // a name is looked up when an event is sent
			t.Errorf("webhook to %s: %d %s", u, status, answer)
		}
		status, answer = c.call(http.MethodPost, "/v1/agents/run/"+agent.ID+"/", fmt.Sprintf(`{"pdf_files":%q}`, u))
		if status/100 != 4 || bytes.Contains(answer, []byte("refused")) || bytes.Contains(answer, []byte("dial")) {
			t.Errorf("run with %s: %d %s", u, status, answer)
		}
	}
	t.Attr("cases", strconv.Itoa(cases))
}
