package cli_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/app/apptest"
	"github.com/stewardhq/steward/internal/cli"
)

// hostileAgents are names of agents that lead elsewhere when a file is called like them.
func hostileAgents() []string {
	return []string{
		"../../up", "/etc/cron.d/x", `..\..\up`, "..", ".", ".bashrc", ".ssh/authorized_keys", "~/x", "$HOME", "a/b", `a\b`, "C:\\x", "CON", "nul", "a:b", "-rf", "--to=/tmp", "*", "?", "a b", "a;b", "a|b", "`x`", "é", "日本語", "😀", "a\u202eb", strings.Repeat("x", 200), strings.Repeat("../", 60),
		"same", "SAME", "same.yaml", "same-2", "credentials.json", "steward.yaml",
	}
}

func TestExportedAgentsStayInTheirFolder(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	cases := 0
	for _, name := range hostileAgents() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.BaseURL()+"/v1/agents/", strings.NewReader(fmt.Sprintf(`{"name":%q,"engine_class_id":"SavingEngine"}`, name)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.APIKey)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusBadRequest {
			t.Fatalf("%q: %+v, %v", name, resp, err)
		}
		if resp.StatusCode == http.StatusCreated {
			cases++
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	root := t.TempDir()
	folder := filepath.Join(root, "a", "b", "to")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	var out, errw bytes.Buffer
	if code := cli.Run(t.Context(), "test", []string{"export", "--output", folder, "--server", s.BaseURL(), "--key", s.APIKey}, strings.NewReader(""), &out, &errw); code != 0 {
		t.Fatalf("code %d: %s", code, errw.String())
	}
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		if filepath.Dir(path) != folder || !strings.HasSuffix(path, ".yaml") || strings.HasPrefix(d.Name(), ".") {
			t.Errorf("%s was written", path)
		}
		return nil
	})
	if err != nil || files != cases {
		t.Errorf("%d files for %d agents: %v", files, cases, err)
	}
	t.Attr("cases", strconv.Itoa(cases))
}
