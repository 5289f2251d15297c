package rest_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
)

// uploaded is a stored file as the wire shows it.
type uploaded struct {
	FileID       string  `json:"file_id"`
	FileRef      string  `json:"file_ref"`
	DatasetID    *string `json:"dataset_id"`
	Name         string
	ContentType  string `json:"content_type"`
	Size         int64
	SHA256       string
	CreatedAt    string  `json:"created_at"`
	UploadedFile string  `json:"uploaded_file"`
	Temporary    bool    `json:"temporary"`
	ExpiresAt    *string `json:"expires_at"`
}

// store uploads parts, expects a status and returns the answer.
func (x *house) store(status int, parts ...part) []byte {
	x.t.Helper()
	got, answer := x.do(http.MethodPost, "/v1/files/", "multipart/form-data; boundary="+boundary, strings.NewReader(multipartBody(parts...)))
	if got != status {
		x.t.Fatalf("upload: %d %s, want %d", got, answer, status)
	}
	return answer
}

func TestFilesAreStoredListedReadAndDeleted(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	const dataset = "0190a000-0000-7000-8000-0000000000da"
	// Fields may stand on either side of the file, in any spelling of a UUID.
	first := as[uploaded](t, x.store(http.StatusCreated, file("file", "Bericht ü.txt", "text/plain", "0123456789"), field("dataset_id", strings.ToUpper(dataset)), field("odd", "1")))
	second := as[uploaded](t, x.store(http.StatusCreated, field("temporary", "False"), file("file", `C:\a.pdf`, "", "%PDF-1.7")))
	if first.FileRef != "file_"+first.FileID || first.DatasetID == nil || *first.DatasetID != dataset || first.Name != "Bericht ü.txt" || first.UploadedFile != first.Name ||
		first.Size != 10 || len(first.SHA256) != 64 || first.ContentType != "text/plain" || first.Temporary || first.ExpiresAt != nil {
		t.Errorf("first %+v", first)
	}
	if second.DatasetID != nil || second.Name != "a.pdf" || second.ContentType != "application/pdf" {
		t.Errorf("second %+v", second)
	}
	page := as[steward.Page[uploaded]](t, x.ask(http.MethodGet, "/v1/files/", "", http.StatusOK))
	if page.Count != 2 || page.Results[0].FileID != second.FileID {
		t.Errorf("page %+v", page)
	}
	page = as[steward.Page[uploaded]](t, x.ask(http.MethodGet, "/v1/files/?dataset_id="+dataset+"&page_size=1", "", http.StatusOK))
	if page.Count != 1 || page.Results[0].FileID != first.FileID || page.Next != nil {
		t.Errorf("page of the data set %+v", page)
	}
	x.ask(http.MethodGet, "/v1/files/?dataset_id=x", "", http.StatusBadRequest)
	x.ask(http.MethodGet, "/v1/files/?page=2", "", http.StatusNotFound)
	for _, id := range []string{first.FileID, first.FileRef, strings.ToUpper(first.FileID)} {
		if got := as[uploaded](t, x.ask(http.MethodGet, "/v1/files/"+id+"/", "", http.StatusOK)); got.FileID != first.FileID || got.SHA256 != first.SHA256 {
			t.Errorf("file by %s: %+v", id, got)
		}
	}
	for _, id := range []string{otherOrg, "x", "file_"} {
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			x.ask(method, "/v1/files/"+id+"/", "", http.StatusNotFound)
		}
		x.ask(http.MethodGet, "/v1/files/"+id+"/content/", "", http.StatusNotFound)
	}
	x.ask(http.MethodDelete, "/v1/files/"+first.FileID+"/", "", http.StatusNoContent)
	x.ask(http.MethodDelete, "/v1/files/"+first.FileID+"/", "", http.StatusNotFound)
	x.ask(http.MethodGet, "/v1/files/"+first.FileID+"/content/", "", http.StatusNotFound)
	if left := x.stored(); left != int64(len("%PDF-1.7")) {
		t.Errorf("%d bytes are stored, want those of the second file", left)
	}
}

func TestAFileGoesIntoADataSetAsTheFamilyDocumentsIt(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	type answer struct {
		ID      string
		Dataset struct{ ID string }
		Name    string
		Size    int64
		Creator struct {
			ID    int64
			Email string
		}
		CreatedAt string `json:"created_at"`
	}
	upload := func(status int, parts ...part) []byte {
		got, raw := x.do(http.MethodPost, "/v1/datasets/files/upload/", "multipart/form-data; boundary="+boundary, strings.NewReader(multipartBody(parts...)))
		if got != status {
			t.Fatalf("upload: %d %s, want %d", got, raw, status)
		}
		return raw
	}
	first := as[answer](t, upload(http.StatusOK, field("metadata", `{"a":1}`), file("file", "a.txt", "", "0123456789")))
	if first.Name != "a.txt" || first.Size != 10 || first.Creator.ID == 0 || first.Creator.Email == "" || first.CreatedAt == "" || len(first.Dataset.ID) != 36 {
		t.Errorf("answer %+v", first)
	}
	page := as[steward.Page[uploaded]](t, x.ask(http.MethodGet, "/v1/files/?dataset_id="+first.Dataset.ID, "", http.StatusOK))
	if page.Count != 1 || page.Results[0].FileID != first.ID || page.Results[0].Temporary {
		t.Errorf("the default data set has %+v", page)
	}
	const named = "0190a000-0000-7000-8000-0000000000da"
	if second := as[answer](t, upload(http.StatusOK, field("organization_id", first.Dataset.ID), file("file", "b.txt", "", "x"), field("dataset_id", named))); second.Dataset.ID != named {
		t.Errorf("in a named data set: %+v", second)
	}
	upload(http.StatusForbidden, file("file", "c.txt", "", "y"), field("organization_id", otherOrg))
	upload(http.StatusBadRequest, field("dataset_id", named))
	if page := as[steward.Page[uploaded]](t, x.ask(http.MethodGet, "/v1/files/", "", http.StatusOK)); page.Count != 2 {
		t.Errorf("%d files are kept, want 2", page.Count)
	}
}

func TestFileContentIsReadWholeAndInRanges(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	f := as[uploaded](t, x.store(http.StatusCreated, file("file", "Bericht ü.txt", "", "0123456789")))
	for name, c := range map[string]struct {
		query, span, body, disposition string
		status                         int
	}{
		"whole":    {"", "", "0123456789", `inline; filename*=utf-8''Bericht%20%C3%BC.txt`, 200},
		"download": {"?download=true", "", "0123456789", `attachment; filename*=utf-8''Bericht%20%C3%BC.txt`, 200},
		"range":    {"", "bytes=2-4", "234", `inline; filename*=utf-8''Bericht%20%C3%BC.txt`, 206},
		"suffix":   {"", "bytes=-3", "789", `inline; filename*=utf-8''Bericht%20%C3%BC.txt`, 206},
		"behind":   {"", "bytes=10-", `{"error":"The range lies outside the file."}`, "", 416},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, x.url+"/v1/files/"+f.FileID+"/content/"+c.query, nil)
		ok(t, err)
		req.Header.Set("Authorization", "Bearer "+x.token)
		if c.span != "" {
			req.Header.Set("Range", c.span)
		}
		resp, err := http.DefaultClient.Do(req)
		ok(t, err)
		body, err := io.ReadAll(resp.Body)
		ok(t, err)
		ok(t, resp.Body.Close())
		if resp.StatusCode != c.status || string(body) != c.body || resp.Header.Get("Content-Disposition") != c.disposition {
			t.Errorf("%s: %d %q %q", name, resp.StatusCode, body, resp.Header.Get("Content-Disposition"))
		}
	}
}

func TestBadUploadsLeaveNothing(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	good := file("file", "a.txt", "", "some text")
	for name, c := range map[string]struct {
		parts  []part
		answer string
	}{
		"no parts":               {nil, `{"file":["No file was submitted."]}`},
		"no file":                {[]part{field("dataset_id", otherOrg)}, `{"file":["No file was submitted."]}`},
		"text for a file":        {[]part{field("file", "text")}, `{"file":["The submitted data was not a file: it has no file name."]}`},
		"two files":              {[]part{good, good}, `{"file":["Only one file can be sent."]}`},
		"a file elsewhere":       {[]part{good, file("other", "b.txt", "", "x")}, `{"file":["The file must be in a part of this name."]}`},
		"a bad data set":         {[]part{good, field("dataset_id", "x")}, `{"dataset_id":["Must be a valid UUID."]}`},
		"a bad flag":             {[]part{good, field("temporary", "perhaps")}, `{"temporary":["Must be a valid boolean."]}`},
		"a data set for an hour": {[]part{good, field("temporary", "true"), field("dataset_id", otherOrg)}, `{"dataset_id":["A temporary file cannot be in a data set."]}`},
	} {
		if got := x.store(http.StatusBadRequest, c.parts...); string(got) != c.answer {
			t.Errorf("%s: %s, want %s", name, got, c.answer)
		}
	}
	cut := multipartBody(good)
	for name, body := range map[string]string{"cut off": cut[:len(cut)-30], "no multipart": "nonsense"} {
		if status, answer := x.do(http.MethodPost, "/v1/files/", "multipart/form-data; boundary="+boundary, strings.NewReader(body)); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	if status, answer := x.do(http.MethodPost, "/v1/files/", jsonType, strings.NewReader(`{}`)); status != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: %d %s", status, answer)
	}
	if status, answer := x.do(http.MethodPost, "/v1/files/", "", nil); status != http.StatusBadRequest || string(answer) != `{"file":["No file was submitted."]}` {
		t.Errorf("nothing: %d %s", status, answer)
	}
	if page := as[steward.Page[uploaded]](t, x.ask(http.MethodGet, "/v1/files/", "", http.StatusOK)); page.Count != 0 {
		t.Errorf("files after refusals: %+v", page)
	}
	if left := x.stored(); left != 0 {
		t.Errorf("%d bytes are left of refused uploads", left)
	}
}

func TestAStoredFileIsAnInputOfAnyRun(t *testing.T) {
	t.Parallel()
	x := newHouse(t, false)
	agent := as[steward.Agent](t, x.ask(http.MethodPost, agentsPath, `{"name":"pdf","engine_class_id":"PDFExtractionEngine","engine_config":{"instructions":"read"}}`, http.StatusCreated))
	kept := as[uploaded](t, x.store(http.StatusCreated, file("file", "a.pdf", "", "%PDF-1.7 kept")))
	temporary := as[uploaded](t, x.store(http.StatusCreated, file("file", "b.pdf", "", "%PDF-1.7 temporary"), field("temporary", "1")))
	if !temporary.Temporary || temporary.ExpiresAt == nil {
		t.Errorf("temporary file %+v", temporary)
	}
	run := func(ref string) (int, []byte) {
		return x.do(http.MethodPost, agentsPath+"run/"+string(agent.ID)+"/async/", jsonType, strings.NewReader(fmt.Sprintf(`{"pdf_files":%q}`, ref)))
	}
	for _, ref := range []string{kept.FileID, kept.FileRef, kept.FileRef + "," + temporary.FileRef} {
		if status, answer := run(ref); status != http.StatusOK {
			t.Errorf("run with %s: %d %s", ref, status, answer)
		}
	}
	if got := as[uploaded](t, x.ask(http.MethodGet, "/v1/files/"+temporary.FileID+"/", "", http.StatusOK)); got.ExpiresAt != nil || !got.Temporary {
		t.Errorf("temporary file that a run took: %+v", got)
	}
	if got := x.ask(http.MethodDelete, "/v1/files/"+temporary.FileID+"/", "", http.StatusConflict); !strings.HasPrefix(string(got), `{"error":"`) {
		t.Errorf("deleting a run's own file: %s", got)
	}
	x.ask(http.MethodDelete, "/v1/files/"+kept.FileID+"/", "", http.StatusNoContent)
	if status, answer := run(kept.FileRef); status != http.StatusBadRequest || !bytes.HasPrefix(answer, []byte("[")) {
		t.Errorf("run with a deleted file: %d %s", status, answer)
	}
	if page := as[steward.Page[uploaded]](t, x.ask(http.MethodGet, "/v1/files/", "", http.StatusOK)); page.Count != 0 {
		t.Errorf("kept files left: %+v", page)
	}
}

func TestUploadsOverTheLimitAreRefused(t *testing.T) {
	t.Parallel()
	h := door(t, newFakes())
	body := multipartBody(file("file", "a", "", strings.Repeat("x", 1<<20+1)))
	w := send(h, "/v1/files/", strings.NewReader(body), "multipart/form-data; boundary="+boundary)
	want(t, w, http.StatusRequestEntityTooLarge, `{"detail":"The file is larger than 1 MiB."}`) // the fakes' limit
	r := httptest.NewRequest(http.MethodPost, "/v1/files/", strings.NewReader(body))
	r.ContentLength = 102 << 20
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	want(t, w, http.StatusRequestEntityTooLarge, `{"detail":"The file is larger than 100 MiB."}`)
}

func FuzzFileUpload(f *testing.F) {
	f.Add(multipartBody(file("file", "a.txt", "text/plain", "x"), field("temporary", "true")))
	f.Add(multipartBody(field("dataset_id", otherOrg), file("file", "", "", "")))
	f.Add("--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n")
	f.Add("--" + boundary + "--")
	fs := newFakes()
	h := door(f, fs)
	f.Fuzz(func(t *testing.T, body string) {
		fs.reset()
		w := send(h, "/v1/files/", strings.NewReader(body), "multipart/form-data; boundary="+boundary)
		checkAnswer(t, w, http.StatusCreated, http.StatusBadRequest, http.StatusRequestEntityTooLarge)
		untaken, _ := fs.left()
		if w.Code != http.StatusCreated && untaken > 0 {
			t.Fatalf("%d uploads are left of a refused request", untaken)
		}
	})
}
