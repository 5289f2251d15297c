package cli_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/cli"
)

const savedJob = "01890000-0000-7000-8000-0000000000dd"

// saver serves one job that saved files and names artifacts.
func saver(t *testing.T, references, artifacts []string) *httptest.Server {
	t.Helper()
	saved := []map[string]any{}
	for _, ref := range references {
		saved = append(saved, map[string]any{"resource_id": ref, "kind": "page", "content_type": "text/plain"})
	}
	answer, err := json.Marshal(map[string]any{"findings": []any{map[string]any{"evidence": artifacts}}, "other": "agent-job-other/x.json"})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/agents/jobs/{job}/result/", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{ // the client is there
			"status": 3, "references": saved, "outputs": []any{map[string]any{"key": "output", "data_type": "application/json", "value": string(answer)}, map[string]any{"key": "note", "value": "no JSON"}},
		})
	})
	mux.HandleFunc("GET /v1/agents/jobs/{job}/references/{ref}/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("file " + r.PathValue("ref"))) // as above
	})
	mux.HandleFunc("GET /v1/agents/jobs/{job}/artifacts/result/", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"result": map[string]string{"key": r.URL.Query().Get("artifact_key")}}) // as above
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// download downloads everything into a folder and returns the files below its parent.
func download(t *testing.T, s *httptest.Server) (code int, stderr string, files []string) {
	t.Helper()
	dir := t.TempDir()
	var out, errw bytes.Buffer
	code = cli.Run(t.Context(), "test", []string{"jobs", "download", savedJob, "--to", filepath.Join(dir, "to"), "--server", s.URL, "--key", "k"}, strings.NewReader(""), &out, &errw)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, rerr := filepath.Rel(dir, path)
			files, err = append(files, filepath.ToSlash(name)), rerr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if code == 0 {
		text, err := os.ReadFile(filepath.Join(dir, "to", "a.txt"))
		if err != nil || string(text) != "file a.txt" {
			t.Errorf("a.txt holds %q, %v", text, err)
		}
	}
	return code, errw.String(), files
}

func TestFilesAndArtifactsOfAJobAreDownloaded(t *testing.T) {
	t.Parallel()
	key := "agent-job-" + savedJob + "/extraction_1.json"
	code, stderr, files := download(t, saver(t, []string{"a.txt", "b.png"}, []string{key, key, "agent-job-01890000-0000-7000-8000-0000000000ee/foreign.json"}))
	if want := []string{"to/a.txt", "to/artifacts/extraction_1.json", "to/b.png"}; code != 0 || !slices.Equal(files, want) {
		t.Errorf("code %d, files %q, want %q\n%s", code, files, want, stderr)
	}
}

func TestNamesFromAServerStayInTheirFolder(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../up.txt", "/etc/passwd", "a/b.txt", `a\b.txt`, "..", ".", ".bashrc", "", "c:evil", "a\nb", "a\x1b[2J"} {
		code, stderr, files := download(t, saver(t, []string{name}, nil))
		if code != 1 || len(files) > 0 || !strings.Contains(stderr, "is no plain name: it is not written") {
			t.Errorf("reference %q: code %d, files %q, %s", name, code, files, stderr)
		}
		code, stderr, files = download(t, saver(t, nil, []string{"agent-job-" + savedJob + "/" + name}))
		if code != 1 || len(files) > 0 || !strings.Contains(stderr, "is no plain name: it is not written") {
			t.Errorf("artifact %q: code %d, files %q, %s", name, code, files, stderr)
		}
	}
}
