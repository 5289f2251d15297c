package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/cli"
)

// run runs a command against the server.
func (s *batchServer) run(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errw bytes.Buffer
	code = cli.Run(ctx, "test", append(args, "--server", s.URL, "--key", "k"), strings.NewReader(""), &out, &errw)
	return code, out.String(), errw.String()
}

// batch runs a batch of a file and wants it to end with an exit code.
func (s *batchServer) wantBatch(code int, args ...string) (stderr string) {
	s.t.Helper()
	got, stdout, stderr := s.run(s.t.Context(), append([]string{"run", fakeAgent}, args...)...)
	if got != code {
		s.t.Fatalf("exit code %d, want %d\n%s%s", got, code, stdout, stderr)
	}
	return stderr
}

// jsonLines writes n items and returns the file, and where its results go.
func jsonLines(t *testing.T, n int) (file, out string) {
	t.Helper()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"text\": \"item %d\"}\n", i)
	}
	dir := t.TempDir()
	file = filepath.Join(dir, "items.jsonl")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, filepath.Join(dir, "results.jsonl")
}

// resultLine is what a program reads of a results file.
type resultLine struct {
	Index   int64
	Line    int64
	File    string
	JobID   string `json:"job_id"`
	Status  string
	Outputs struct {
		Output struct{ Text, PDF string }
		Note   string
	}
	ErrorMessage string `json:"error_message"`
	Cost         *float64
}

func readResults(t *testing.T, path string) []resultLine {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []resultLine
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		var r resultLine
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		list = append(list, r)
	}
	return list
}

// wantOnce checks that n items were run, each once, and that their results stand in order.
func (s *batchServer) wantOnce(out string, n int) {
	s.t.Helper()
	results := readResults(s.t, out)
	if len(results) != n || len(s.items) != n {
		s.t.Fatalf("%d results, %d items, want %d", len(results), len(s.items), n)
	}
	for i, r := range results {
		want := fmt.Sprintf("item %d", i)
		if r.Index != int64(i) || r.Line != int64(i)+1 || r.Outputs.Output.Text != want || r.Outputs.Note != "<a & b>" || r.Status != "SUCCESS" || *r.Cost != 0.5 {
			s.t.Fatalf("result %d = %+v", i, r)
		}
	}
	for content, times := range s.runs {
		if times != 1 {
			s.t.Errorf("%s was run %d times", content, times)
		}
	}
	if _, err := os.Stat(out + ".part"); !os.IsNotExist(err) {
		s.t.Errorf("the unfinished file is left: %v", err)
	}
}

func TestABatchIsSentInChunksAndItsResultsComeInOrder(t *testing.T) {
	t.Parallel()
	s := newBatchServer(t)
	file, out := jsonLines(t, 2500)
	// Items end from behind, some more whenever somebody looks.
	looks := int64(0)
	s.status = func(index int64) steward.Status {
		if index < 2500-looks*500 {
			return steward.StatusStarted
		}
		return steward.StatusSuccess
	}
	s.after = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && len(s.items) == 2500 {
			looks++
		}
		return false
	}
	stderr := s.wantBatch(0, "--batch", file, "--out", out)
	s.wantOnce(out, 2500)
	want := "Batch " + fakeBatch + ": 2500 items of items.jsonl.\n2500 items: 2500 succeeded. Results: " + out + "\n"
	if stderr != want {
		t.Errorf("stderr\n%swant\n%s", stderr, want)
	}
	if got := s.requests["POST items"]; got != 3 {
		t.Errorf("items came in %d requests, want 3", got)
	}
	// Once more: everything is there, nothing is sent, the file is written again.
	if err := os.WriteFile(out, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	stderr = s.wantBatch(0, "--batch", file, "--out", out)
	s.wantOnce(out, 2500)
	if s.requests["POST items"] != 3 || s.created != 1 || !strings.Contains(stderr, "has 2500 items of items.jsonl from before") {
		t.Errorf("%d requests, %d batches, stderr %s", s.requests["POST items"], s.created, stderr)
	}
}

func TestAnInterruptedBatchGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	s := newBatchServer(t)
	file, out := jsonLines(t, 1000)
	ctx, interrupt := context.WithCancel(t.Context())
	s.after = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && len(s.items) == 400 {
			interrupt()
			return true // the answer is lost as well
		}
		return false
	}
	args := []string{"run", fakeAgent, "--batch", file, "--out", out, "--chunk", "100"}
	code, _, stderr := s.run(ctx, args...)
	if code != 130 || !strings.Contains(stderr, "steward: interrupted; batch "+fakeBatch+" has not all its items yet\nRepeat the command, and it goes on where it was.") {
		t.Fatalf("code %d\n%s", code, stderr)
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("an incomplete file has the name of the results: %v", err)
	}
	s.change(func() { s.after = nil })
	if stderr := s.wantBatch(0, args[2:]...); !strings.Contains(stderr, "goes on: 400 of 1000 items of items.jsonl were sent before.") {
		t.Error(stderr)
	}
	s.wantOnce(out, 1000)
}

func TestResultsThatAreThereAreNotFetchedAgain(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]struct {
		do   func(t *testing.T, path string)
		more int // results that have to be fetched besides the missing ones
	}{
		"whole lines": {func(*testing.T, string) {}, 0},
		"half a line": {func(t *testing.T, path string) {
			edit(t, path, func(b []byte) []byte { return append(b, `{"index": 60`...) })
		}, 0},
		"lines of another": {func(t *testing.T, path string) {
			edit(t, path, func(b []byte) []byte { return bytes.Replace(b, []byte("-000000000020"), []byte("-999999999999"), 1) })
		}, 40},
		"nothing": {func(t *testing.T, path string) { edit(t, path, func([]byte) []byte { return nil }) }, 60},
		"no text": {func(t *testing.T, path string) { edit(t, path, func([]byte) []byte { return []byte("\x00\xff\n\n") }) }, 60},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newBatchServer(t)
			file, out := jsonLines(t, 100)
			ctx, interrupt := context.WithCancel(t.Context())
			s.status = func(index int64) steward.Status { // 60 have ended
				if index >= 60 {
					return steward.StatusPending
				}
				return steward.StatusSuccess
			}
			s.after = func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodGet && s.results == 60 {
					interrupt()
				}
				return false
			}
			args := []string{"run", fakeAgent, "--batch", file, "--out", out}
			if code, _, stderr := s.run(ctx, args...); code != 130 || !strings.Contains(stderr, "batch "+fakeBatch+" goes on") {
				t.Fatalf("code %d\n%s", code, stderr)
			}
			damage.do(t, out+".part")
			s.change(func() { s.after, s.status = nil, nil })
			s.wantBatch(0, args[2:]...)
			s.wantOnce(out, 100)
			if want := 100 + damage.more; s.results != want {
				t.Errorf("%d results were fetched, want %d", s.results, want)
			}
		})
	}
}

func edit(t *testing.T, path string, fn func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, fn(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestABatchOutlivesFaultsOfTheServer(t *testing.T) {
	t.Parallel()
	s := newBatchServer(t)
	file, out := jsonLines(t, 500)
	n := 0
	s.before = func(*http.Request) int { // every third request is refused
		if n++; n%3 == 0 {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	s.after = func(http.ResponseWriter, *http.Request) bool { return n%5 == 0 } // some answers are lost
	s.wantBatch(0, "--batch", file, "--out", out, "--chunk", "50")
	s.wantOnce(out, 500)
}

func TestItemsWithoutSuccessAreToldWithTheExitCode(t *testing.T) {
	t.Parallel()
	s := newBatchServer(t)
	file, out := jsonLines(t, 4)
	s.status = func(index int64) steward.Status {
		return []steward.Status{steward.StatusSuccess, steward.StatusFailure, steward.StatusCancelled, steward.StatusCached}[index]
	}
	stderr := s.wantBatch(3, "--batch", file, "--out", out)
	if !strings.HasSuffix(stderr, "4 items: 2 succeeded, 1 of them from the cache, 1 failed, 1 cancelled. Results: "+out+"\nRun those without success again: steward batches resume "+fakeBatch+"\n") {
		t.Error(stderr)
	}
	results := readResults(t, out)
	if results[1].Status != "FAILURE" || results[1].ErrorMessage != "it failed" || results[3].Status != "CACHED" || results[3].Outputs.Output.Text != "item 3" {
		t.Errorf("results %+v", results)
	}
	code, stdout, _ := s.run(t.Context(), "run", fakeAgent, "--batch", file, "--out", out, "--json")
	var b struct {
		steward.Batch
		File string `json:"results_file"`
	}
	if err := json.Unmarshal([]byte(stdout), &b); err != nil || code != 3 || b.Counts.Failure != 1 || b.ID != fakeBatch || b.File != out {
		t.Errorf("code %d, %v\n%s", code, err, stdout)
	}
}

func TestFilesOfAFolderAreUploadedAndSentOnce(t *testing.T) {
	t.Parallel()
	s := newBatchServer(t)
	dir := filepath.Join(t.TempDir(), "docs")
	for i := range 250 {
		path := filepath.Join(dir, fmt.Sprint(i%3), fmt.Sprintf("%03d.pdf", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, fmt.Appendf(nil, "content %d", i), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "results.jsonl")
	ctx, interrupt := context.WithCancel(t.Context())
	s.before = func(r *http.Request) int { // killed between the uploads of the second chunk
		if len(s.files) == 150 {
			interrupt()
		}
		return 0
	}
	args := []string{"run", fakeAgent, "--batch", dir, "--out", out, "--input", "text=read it"}
	if code, _, stderr := s.run(ctx, args...); code != 130 {
		t.Fatalf("code %d\n%s", code, stderr)
	}
	// The second time, the last request of the killed command arrives late: between the uploads of the next and its items.
	late := false
	s.change(func() {
		s.before = func(r *http.Request) int {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/items/") && !late {
				late = true
				for i := range 70 {
					content := fmt.Sprintf(`{"pdf":"late-%d"}`, i)
					s.runs[content]++
					s.items = append(s.items, fakeItem{content, steward.JobID(fmt.Sprintf("01890000-0000-7000-9000-%012d", len(s.items)))})
				}
			}
			return 0
		}
	})
	s.wantBatch(0, args[2:]...)
	results := readResults(t, out)
	if len(results) != 250 || len(s.items) != 250 {
		t.Fatalf("%d results, %d items", len(results), len(s.items))
	}
	for i, r := range results {
		if i >= 100 && i < 170 {
			continue // came late
		}
		var in struct{ Text, PDF string }
		if err := json.Unmarshal([]byte(s.items[i].content), &in); err != nil || in.Text != "read it" {
			t.Fatalf("item %d = %s, %v", i, s.items[i].content, err)
		}
		want := "content " + strings.TrimLeft(strings.TrimSuffix(filepath.Base(r.File), ".pdf"), "0")
		if r.File == "0/000.pdf" {
			want = "content 0"
		}
		if got := s.files[strings.TrimPrefix(in.PDF, "file_")]; got != want || r.Line != 0 {
			t.Fatalf("item %d of %s has the file %q, want %q", i, r.File, got, want)
		}
	}
}

func TestABatchThatTakesNoMoreItemsIsTold(t *testing.T) {
	t.Parallel()
	s := newBatchServer(t)
	file, out := jsonLines(t, 200)
	s.after = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && len(s.items) == 100 && s.batch.ClosedAt == nil {
			now := s.batch.CreatedAt
			s.batch.ClosedAt, s.batch.CancelledAt = &now, &now // by somebody else
		}
		return false
	}
	if stderr := s.wantBatch(1, "--batch", file, "--out", out, "--chunk", "100"); !strings.Contains(stderr, "steward: batch "+fakeBatch+": it was cancelled while items were sent") {
		t.Error(stderr)
	}
	if stderr := s.wantBatch(2, "--batch", file, "--out", out, "--chunk", "100"); !strings.Contains(stderr, "was cancelled before all were sent; for a new one give --idempotency-key") {
		t.Error(stderr)
	}
	s.change(func() { s.after, s.runs = nil, map[string]int{} })
	s.wantBatch(0, "--batch", file, "--out", out, "--idempotency-key", "again")
	s.wantOnce(out, 200)
}

func TestTheKeyOfABatchIsItsItemsAndOptions(t *testing.T) {
	t.Parallel()
	s := newBatchServer(t)
	file, out := jsonLines(t, 3)
	other, _ := jsonLines(t, 4)
	keys := map[string]string{}
	for name, args := range map[string][]string{
		"plain": {"--batch", file}, "chunks make no difference": {"--batch", file, "--chunk", "2"}, "other items": {"--batch", other},
		"metadata": {"--batch", file, "--metadata", "a=1"}, "name": {"--batch", file, "--name", "n"}, "a text for all": {"--batch", file, "-i", "note=n"},
		"no cache": {"--batch", file, "--skip-cache"}, "a key": {"--batch", file, "--idempotency-key", "k"}, "skip bad": {"--batch", file, "--skip-bad"},
	} {
		s.wantBatch(0, append(args, "--out", out)...)
		keys[name] = s.key
	}
	seen := map[string]string{}
	for name, key := range keys {
		if name == "chunks make no difference" {
			if key != keys["plain"] {
				t.Errorf("%s: they do", name)
			}
			continue
		}
		if seen[key] != "" {
			t.Errorf("%s has the key of %s", name, seen[key])
		}
		seen[key] = name
	}
}

func TestBadLinesAreToldBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	s := newBatchServer(t)
	dir := t.TempDir()
	file, out := filepath.Join(dir, "items.jsonl"), filepath.Join(dir, "out.jsonl")
	if err := os.WriteFile(file, []byte("{\"text\": \"item 0\"}\n[1]\n\n{\"text\": \n{\"text\": \"item 1\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	stderr := s.wantBatch(2, "--batch", file, "--out", out)
	for _, want := range []string{file + ":2: the line is not a JSON object\n", file + ":4: the line is not JSON", "2 of 4 lines of " + file + " are no items; nothing was sent."} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr lacks %q\n%s", want, stderr)
		}
	}
	if len(s.requests) != 0 {
		t.Errorf("the server was asked: %v", s.requests)
	}
	stderr = s.wantBatch(0, "--batch", file, "--out", out, "--skip-bad")
	if got := readResults(t, out); len(got) != 2 || got[1].Line != 5 || got[1].Outputs.Output.Text != "item 1" || !strings.Contains(stderr, "Going on without these 2: 2 items left.") {
		t.Errorf("results %+v\n%s", got, stderr)
	}
}

func TestABatchWithGapsInItsIndicesIsWatchedToItsEnd(t *testing.T) {
	t.Parallel()
	s := newBatchServer(t)
	file, out := jsonLines(t, 4)
	s.wantBatch(0, "--batch", file, "--out", out)
	s.change(func() { s.listed = func(index int64) int64 { return index + index/3*7 } }) // 0, 1, 2, 10: its sender left some out
	code, _, stderr := s.run(t.Context(), "batches", "watch", fakeBatch, "--out", out)
	got := readResults(t, out)
	if code != 0 || len(got) != 4 || got[2].Index != 2 || got[3].Index != 10 || got[3].Outputs.Output.Text != "item 3" {
		t.Errorf("exit code %d, results %+v\n%s", code, got, stderr)
	}
}

func TestResultsDoNotTakeThePlaceOfItems(t *testing.T) {
	t.Parallel()
	s := newBatchServer(t)
	file, _ := jsonLines(t, 2)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(file)
	for _, c := range []struct{ source, out, want string }{
		{file, filepath.Join(dir, ".", "items.jsonl"), "would replace the items"},
		{dir, filepath.Join(dir, "out.jsonl"), "is in the folder of the items"},
		{dir, filepath.Join(dir, "new", "out.jsonl"), "is in the folder of the items"},
	} {
		if stderr := s.wantBatch(2, "--batch", c.source, "--out", c.out); !strings.Contains(stderr, c.want) {
			t.Errorf("%s to %s: %s", c.source, c.out, stderr)
		}
	}
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) || len(s.requests) != 0 {
		t.Errorf("%v; the items are %q; the server was asked: %v", err, after, s.requests)
	}
}

func TestAFileOfAFolderThatIsNoTextIsToldBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	s := newBatchServer(t)
	dir := t.TempDir()
	for name, content := range map[string]string{"a.txt": "a", "b.txt": "\xff\xfe"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stderr := s.wantBatch(2, "--batch", dir, "--input-key", "text", "--out", filepath.Join(t.TempDir(), "out.jsonl"))
	if !strings.Contains(stderr, "b.txt is not UTF-8, and the input takes texts; nothing was sent") || s.created != 0 {
		t.Errorf("%d batches were made: %s", s.created, stderr)
	}
}

func TestTwoCommandsDoNotWriteOneFile(t *testing.T) {
	t.Parallel()
	s := newBatchServer(t)
	file, out := jsonLines(t, 2)
	open := true
	s.status = func(int64) steward.Status {
		if open {
			return steward.StatusStarted
		}
		return steward.StatusSuccess
	}
	first := make(chan int, 1)
	started := make(chan struct{})
	s.after = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && len(s.items) == 2 && started != nil {
			close(started)
			started = nil
		}
		return false
	}
	ready := started
	go func() {
		code, _, _ := s.run(t.Context(), "run", fakeAgent, "--batch", file, "--out", out)
		first <- code
	}()
	<-ready
	if stderr := s.wantBatch(1, "--batch", file, "--out", out); !strings.Contains(stderr, "another command is writing "+out+".part") {
		t.Error(stderr)
	}
	s.change(func() { open = false })
	if code := <-first; code != 0 {
		t.Errorf("the first command ends with %d", code)
	}
	s.wantOnce(out, 2)
}

func TestFlagsProposeTheirValues(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"agents list --order":            "job_count",
		"agents tags create x --color":   "pink",
		"agents tags update x --color":   "pink",
		"batches items x --status":       "failure",
		"batches resume x --status":      "cancelled",
		"jobs list x --order":            "duration",
		"jobs list x --status":           "retry",
		"keys create --scope":            "admin",
		"webhooks create --event":        "batch_completed",
		"webhooks update x --event":      "job_completed",
		"webhooks deliveries x --status": "pending",
	} {
		var out, errw bytes.Buffer
		code := cli.Run(t.Context(), "test", append(append([]string{"__complete"}, strings.Fields(args)...), ""), strings.NewReader(""), &out, &errw)
		if code != 0 || !strings.Contains("\n"+out.String(), "\n"+want) {
			t.Errorf("%s: code %d, %q lacks %q", args, code, out.String(), want)
		}
	}
}
