package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/examples/invoice"
)

// invoiceAnswer is what the tests read of the demo's answer.
type invoiceAnswer struct {
	Number    string  `json:"invoice_number"`
	Date      string  `json:"invoice_date"`
	Currency  string  `json:"currency"`
	Net       float64 `json:"net_total"`
	VAT       float64 `json:"vat_amount"`
	Total     float64 `json:"total"`
	IBAN      string  `json:"iban"`
	LineItems []struct {
		Description string  `json:"description"`
		Quantity    float64 `json:"quantity"`
		Amount      float64 `json:"amount"`
	} `json:"line_items"`
	Approved *string            `json:"purchase_approved_by"`
	Sources  []steward.Evidence `json:"_sources"`
}

// check holds the answer against what a person reads in the invoice.
func (a *invoiceAnswer) check(t *testing.T) {
	t.Helper()
	if a.Number != "MF-2026-0417" || a.Date != "2026-03-03" || a.Currency != "EUR" || a.Total != 12886.51 || a.Approved != nil ||
		strings.ReplaceAll(a.IBAN, " ", "") != "DE26200505501238154609" || len(a.LineItems) != 20 {
		t.Errorf("answer %+v", a)
	}
	sum := 0.0
	for _, item := range a.LineItems {
		sum += item.Amount
	}
	if math.Abs(sum-a.Net) > 0.005 || math.Abs(a.Net+a.VAT-a.Total) > 0.005 {
		t.Errorf("items add up to %.2f, net total %.2f, VAT %.2f, total %.2f", sum, a.Net, a.VAT, a.Total)
	}
}

func TestAnInvoiceBecomesAnAnswerWithEvidence(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, database string) {
		s := start(t, options{database: database})
		agent := s.pdfAgent("invoices", string(invoice.Schema), nil)
		a := s.postForm(asyncPath(agent), pdf("März/../invoice 2026.pdf", invoice.PDF), field{name: "metadata", data: []byte(`{"case":"A-1","n":3}`)})
		job := a.submitted()
		r := s.wait(job)
		var out invoiceAnswer
		r.succeeded(t, &out)
		out.check(t)
		verified, unverified := checkEvidence(t, readSheets(t, invoice.PDF), "invoice 2026.pdf", out.Sources)
		t.Logf("%d pieces of evidence hold, %d are marked as unverified", verified, unverified)
		if verified < 90 || unverified > 0 {
			t.Errorf("%d pieces of evidence hold, %d are unverified", verified, unverified)
		}
		checkPaths(t, r.Outputs[0].Value, out.Sources)
		checkJob(t, s, job, agent, &r)
		checkSteps(t, s.steps(job), "file[0].open file[0].pages[1-2].text file[0].pages[1-2].extract reference.page_1_1.png reference.page_1_2.png")
	})
}

// checkPaths wants a source for every value of the answer, and no source for anything else.
func checkPaths(t *testing.T, value string, sources []steward.Evidence) {
	t.Helper()
	var answer map[string]any
	if err := json.Unmarshal([]byte(value), &answer); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"_sources", "_grounding", "references", "reference_details"} {
		delete(answer, name)
	}
	leaves := map[string]bool{}
	collect(leaves, "", answer)
	for _, e := range sources {
		if _, known := leaves[e.Path]; !known {
			t.Errorf("a source for %s, where nothing stands", e.Path)
		}
		leaves[e.Path] = true
	}
	for path, sourced := range leaves {
		if !sourced {
			t.Errorf("no source for %s", path)
		}
	}
}

// collect lists the JSON Pointers of all values that are not null.
func collect(into map[string]bool, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			collect(into, path+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(key), member)
		}
	case []any:
		for i, item := range v {
			collect(into, fmt.Sprintf("%s/%d", path, i), item)
		}
	case nil:
	default:
		into[path] = false
	}
}

// checkJob looks at what else is told about a job.
func checkJob(t *testing.T, s *server, job, agent string, r *jobResult) {
	t.Helper()
	if r.AgentID != agent || len(r.VersionID) != 36 || len(r.References) != 2 || r.References[1]["resource_id"] != "page_1_2.png" || r.Cost == nil || *r.Cost != 0 {
		t.Errorf("result %+v", r)
	}
	if r.Metadata["case"] != "A-1" || r.Metadata["n"] != 3.0 {
		t.Errorf("metadata %v", r.Metadata)
	}
	if len(r.Inputs) != 1 || r.Inputs[0].Key != "pdf_files" || r.Inputs[0].FileName != "invoice 2026.pdf" || len(r.Inputs[0].Value) != 36 {
		t.Errorf("inputs %+v", r.Inputs)
	}
	if st := s.status(job); st.Timestamp < 1.7e9 || st.StartedAt == nil || st.ErrorMessage != "" {
		t.Errorf("status %+v", st)
	}
	var list steward.Page[struct {
		ID       string                `json:"id"`
		Events   []steward.StatusEvent `json:"status_events"`
		Metadata map[string]string     `json:"metadata"`
	}]
	s.get(agentsPath + agent + "/jobs/?status_code=3").want(http.StatusOK).into(&list)
	if list.Count != 1 || list.Results[0].ID != job || list.Results[0].Metadata["n"] != "3" {
		t.Fatalf("jobs %+v", list)
	}
	var went []steward.Status
	for _, e := range list.Results[0].Events {
		went = append(went, e.StatusCode)
	}
	if fmt.Sprint(went) != "[PENDING STARTED SUCCESS]" {
		t.Errorf("the job went %v", went)
	}
	if page := s.get(jobPath(job, "references/page_1_2.png")).want(http.StatusOK); !bytes.HasPrefix(page.body, []byte("\x89PNG")) {
		t.Errorf("page_1_2.png begins with %.8q", page.body)
	}
	s.get(jobPath(job, "references/page_0_1.png")).refused(http.StatusNotFound, "detail")
}

// checkSteps compares the names of steps, in their order, and looks at their times.
func checkSteps(t *testing.T, steps []steward.Step, want string) {
	t.Helper()
	var names []string
	for _, st := range steps {
		names = append(names, st.Name)
		if st.Attempt < 1 || st.EndedAt.Before(st.StartedAt) || !json.Valid(st.Output) || st.Kind == "" || len(st.InputHash) != 64 && !strings.HasPrefix(st.Name, "reference.") {
			t.Errorf("step %+v", st)
		}
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("steps %s, want %s", got, want)
	}
}

func TestAFileCanBeGivenInEveryWay(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/invoice.pdf":
			w.Header().Set("Content-Type", "application/pdf")
			_, _ = w.Write(invoice.PDF)
		case "/page.pdf":
			_, _ = io.WriteString(w, "<!doctype html><title>Not a PDF</title>")
		default:
			http.Redirect(w, r, "http://169.254.169.254/x.pdf", http.StatusFound)
		}
	}))
	t.Cleanup(web.Close)
	s := start(t, options{config: "fetch:\n  allow: [\"127.0.0.1/32\"]\n"})
	agent := s.pdfAgent("ways", string(invoice.Schema), object{"use_source": nil}) // no pages are saved beside the file
	job := s.postForm(asyncPath(agent), pdf("invoice.pdf", invoice.PDF)).submitted()
	first := s.wait(job)
	stored := first.Inputs[0].Value
	for name, a := range map[string]*answer{
		"a stored file by its id":    s.postJSON(asyncPath(agent), object{"pdf_files": strings.ToUpper(stored)}),
		"by its id with a prefix":    s.postJSON(asyncPath(agent), object{"pdf_files": "file_" + stored}),
		"by its id without dashes":   s.post(asyncPath(agent), formType, "pdf_files="+undashed(stored)),
		"by its id in a multipart":   s.postForm(asyncPath(agent), field{name: "pdf_files", data: []byte(stored), kind: "text/plain"}),
		"a list of one":              s.postJSON(asyncPath(agent), object{"pdf_files": []string{stored}}),
		"a URL":                      s.postJSON(asyncPath(agent), object{"pdf_files": web.URL + "/invoice.pdf"}),
		"a file of no declared type": s.postForm(asyncPath(agent), field{name: "pdf_files", file: "x.bin", data: invoice.PDF}),
		"an upload beside an empty one": s.do(request{method: http.MethodPost, path: asyncPath(agent), kind: "multipart/form-data; boundary=x", body: strings.NewReader(
			part("x", `form-data; name="pdf_files"; filename=""`) + "\r\n" + part("x", `form-data; name="pdf_files"; filename="a.pdf"`) + string(invoice.PDF) + "\r\n--x--\r\n")}),
	} {
		var out invoiceAnswer
		t.Log(name)
		s.wait(a.submitted()).succeeded(t, &out)
		out.check(t)
	}
	if blobs, staged := s.stored(); len(blobs) != 1 || len(staged) != 0 {
		t.Errorf("the same bytes are stored %d times: %v %v", len(blobs), blobs, staged)
	}
	for path, code := range map[string]steward.FailureCode{"/page.pdf": steward.FailUnsupportedFile, "/away": steward.FailFetchBlocked} {
		r := s.wait(s.postJSON(asyncPath(agent), object{"pdf_files": web.URL + path}).submitted())
		if r.Status != steward.StatusFailure || r.FailureCode != code {
			t.Errorf("%s: %v %s %s", path, r.Status, r.FailureCode, text(r.ErrorMessage))
		}
	}

	two := s.wait(s.postForm(asyncPath(agent), pdf("a.pdf", invoice.PDF), pdf("b.pdf", testdata(t, "pdf/rotated.pdf"))).submitted())
	var out invoiceAnswer
	two.succeeded(t, &out)
	if len(two.Inputs) != 2 || two.Inputs[1].FileName != "b.pdf" || out.Number != "MF-2026-0417" {
		t.Errorf("two files: %+v %+v", two.Inputs, out)
	}
}

func TestEveryFormOfARunGivesTheSameAnswer(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, database string) {
		s := start(t, options{database: database})
		agent := s.textAgent("forms", nil)
		var version struct{ ID string }
		s.get(agentsPath + agent + "/versions/current/").want(http.StatusOK).into(&version)
		const in = "Invoice number: RE-77\nTotal: 99.50\n"
		bodies := map[string]func() (kind string, body io.Reader){
			"JSON": func() (string, io.Reader) { return jsonType, strings.NewReader(string(encode(t, object{"text": in}))) },
			"form": func() (string, io.Reader) {
				return formType, strings.NewReader("text=Invoice%20number:+RE-77%0ATotal:+99.50%0A")
			},
			"multipart": func() (string, io.Reader) { return form(t, field{name: "text", data: []byte(in)}) },
			"a file":    func() (string, io.Reader) { return form(t, field{name: "text", file: "mail.txt", data: []byte(in)}) },
			"chunks": func() (string, io.Reader) {
				return jsonType, chunked{strings.NewReader(string(encode(t, object{"text": in})))}
			},
		}
		answers := map[string]int{}
		for name, body := range bodies {
			for _, path := range []string{runPath(agent), asyncPath(agent), versionPath(agent, version.ID), versionPath(agent, version.ID) + "async/"} {
				kind, b := body()
				a := s.do(request{method: http.MethodPost, path: path, kind: kind, body: b}).want(http.StatusOK)
				var outputs []steward.Datum
				if strings.HasSuffix(path, "async/") {
					outputs = s.wait(a.submitted()).Outputs
				} else {
					a.into(&outputs)
				}
				if len(outputs) != 1 {
					t.Fatalf("%s to %s: %s", name, path, a.body)
				}
				answers[outputs[0].Value]++
			}
		}
		if len(answers) != 1 {
			t.Errorf("the answers differ: %v", answers)
		}
		for value := range answers {
			var got struct {
				Number string  `json:"invoice_number"`
				Total  float64 `json:"total"`
			}
			if err := json.Unmarshal([]byte(value), &got); err != nil || got.Number != "RE-77" || got.Total != 99.5 {
				t.Errorf("answer %s", value)
			}
		}
	})
}

func TestARunNeedsNoBody(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	agent := s.agent(object{
		"name": "constant", "engine_class_id": "MultimodalExtractionEngine",
		"engine_config": object{"model": "builtin", "text": "Invoice number: K-1", "output_schema": rawJSON(textSchema)},
	})
	for name, r := range map[string]request{
		"no body and no type":      {},
		"an empty body as JSON":    {kind: jsonType, body: strings.NewReader("")},
		"an empty body as form":    {kind: formType, body: strings.NewReader("")},
		"an empty object":          {kind: jsonType, body: strings.NewReader("{}")},
		"null":                     {kind: jsonType, body: strings.NewReader("null")},
		"blanks":                   {kind: jsonType, body: strings.NewReader(" \r\n")},
		"no chunk at all":          {kind: jsonType, body: chunked{strings.NewReader("")}},
		"an empty multipart":       {kind: "multipart/form-data; boundary=x", body: strings.NewReader("--x--\r\n")},
		"what is not asked for":    {kind: jsonType, body: strings.NewReader(`{"colour":"red"}`)},
		"its own organization":     {kind: formType, body: strings.NewReader("organization_id=" + s.org)},
		"a type that nobody knows": {kind: "application/x-nothing"},
	} {
		r.method, r.path = http.MethodPost, runPath(agent)
		var outputs []steward.Datum
		if a := s.do(r); a.status == http.StatusOK {
			a.into(&outputs)
		} else {
			t.Errorf("%s: %d %s", name, a.status, a.body)
			continue
		}
		if len(outputs) != 1 || !strings.Contains(outputs[0].Value, `"K-1"`) {
			t.Errorf("%s: %+v", name, outputs)
		}
		r.path = asyncPath(agent)
		if r.body == nil {
			s.wait(s.do(r).submitted())
		}
	}
}

func TestAKeyStartsOneJob(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, database string) {
		s := start(t, options{database: database})
		agent := s.textAgent("once", nil)
		send := func(key string) string {
			a, err := s.try(request{
				method: http.MethodPost, path: asyncPath(agent), kind: formType, body: strings.NewReader("text=total:+7"), header: map[string]string{"Idempotency-Key": key},
			})
			if err != nil {
				return err.Error()
			}
			return fmt.Sprint(a.status, " ", string(a.body))
		}
		ids := make(chan string)
		for range 8 {
			go func() { ids <- send("k-1") }()
		}
		seen := map[string]bool{}
		for range 8 {
			seen[<-ids] = true
		}
		if len(seen) != 1 || s.rows("jobs") != 1 {
			t.Errorf("%d jobs for one key: %v", s.rows("jobs"), seen)
		}
		s.kill()
		s.boot()
		if again := send("k-1"); !seen[again] || !strings.HasPrefix(again, "200 ") {
			t.Errorf("after a restart the key gives %s", again)
		}
		if other := send("k-2"); seen[other] {
			t.Error("another key gives the same job")
		}
	})
}

func TestAnOpenJobHasNoResultYet(t *testing.T) {
	t.Parallel()
	s := start(t, options{args: []string{"--role", "api"}}) // nobody runs it
	agent := s.textAgent("open", nil)
	job := s.post(asyncPath(agent), formType, "text=x").submitted()
	if st := s.status(job); st.Status != steward.StatusPending || st.StartedAt != nil {
		t.Errorf("status %+v", st)
	}
	s.get(jobPath(job, "result")).refused(http.StatusNotFound, `"detail":`)
	s.post(jobPath(job, "cancel"), jsonType, "").want(http.StatusNoContent)
	r := s.wait(job)
	if r.Status != steward.StatusCancelled || len(r.Outputs) != 0 {
		t.Errorf("result %+v", r)
	}
	s.post(jobPath(job, "cancel"), "", "").want(http.StatusNoContent)
}
