// Security reruns the security sweep: the tests of each subject, counted by what they tried, and the scanners. It prints a table on
// standard error and one JSON line on standard output.
//
//	go run ./tools/security              everything
//	go run ./tools/security -only tls    one subject
//	go run ./tools/security -scan=false  tests alone
//
// The exit code is 1 when a test fails or is skipped, when a scanner finds something, when gosec could not be run although it was to be,
// and with -vuln=required also when the vulnerabilities could not be looked up.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// subject is a part of the sweep: the files whose tests belong to it.
type subject struct {
	name  string
	files []string
}

// subjects lists all of them. Files called security… must be in here.
func subjects() []subject {
	return []subject{
		{"keys", []string{"internal/rest/security_keys_test.go", "internal/rest/foreign_test.go", "internal/identity/security_test.go"}},
		{"requests", []string{"internal/e2e/security_limits_test.go", "internal/e2e/bad_wire_test.go", "internal/rest/answer_test.go", "internal/rest/body_test.go"}},
		{"names", []string{"internal/rest/security_names_test.go", "internal/cli/security_paths_test.go", "internal/cli/download_test.go", "internal/backup/hostile_test.go"}},
		{"bombs", []string{"internal/e2e/security_bombs_test.go", "internal/document/amplify_test.go"}},
		{"addresses", []string{"internal/safehttp/security_test.go", "internal/safehttp/safehttp_test.go"}},
		{"secrets", []string{"internal/e2e/security_secrets_test.go"}},
		{"tls", []string{"internal/app/security_tls_test.go", "internal/app/tls_internal_test.go", "internal/e2e/security_tls_test.go"}},
	}
}

func main() {
	only := flag.String("only", "", "one subject alone")
	scan := flag.Bool("scan", true, "run gosec and govulncheck too")
	vuln := flag.String("vuln", "", `"required" fails when the vulnerabilities cannot be looked up`)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	all := *scan && *only == ""
	r, err := run(ctx, *only, all)
	stop()
	var line []byte
	if err == nil {
		line, err = json.Marshal(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(line))
	if !r.fine(all, *vuln == "required") {
		os.Exit(1)
	}
}

// report is the JSON line.
type report struct {
	Name            string         `json:"name"`
	Tests           int            `json:"tests"`
	Cases           int            `json:"cases"` // that the tests tried; one for each test that does not count
	Failed          int            `json:"failed"`
	Skipped         int            `json:"skipped"`
	Subjects        map[string]int `json:"subjects"` // cases of each
	BombsPeakMiB    int            `json:"bombs_peak_mib"`
	Gosec           *int           `json:"gosec_findings"`  // null: not run
	Vulnerabilities *int           `json:"vulnerabilities"` // null: not run
	Govulncheck     string         `json:"govulncheck"`     // how it went
	Seconds         float64        `json:"seconds"`
}

// fine reports whether nothing was found. A scanner that must be run and was not is not fine.
func (r *report) fine(gosec, vulnerabilities bool) bool {
	clean := func(n *int, must bool) bool { return n == nil && !must || n != nil && *n == 0 }
	return r.Failed+r.Skipped == 0 && clean(r.Gosec, gosec) && clean(r.Vulnerabilities, vulnerabilities)
}

func run(ctx context.Context, only string, scan bool) (*report, error) {
	began := time.Now()
	if err := complete(); err != nil {
		return nil, err
	}
	r := &report{Name: "security", Subjects: map[string]int{}, Govulncheck: "not run"}
	table := tabwriter.NewWriter(os.Stderr, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "subject\ttests\tcases\tfailed\tseconds") // standard error cannot be told of its own errors
	for _, s := range subjects() {
		if only != "" && s.name != only {
			continue
		}
		t, err := s.test(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		r.add(s.name, t)
		_, _ = fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%.1f\n", s.name, t.tests, t.cases, t.failed+t.skipped, t.took.Seconds()) // as above
	}
	if r.Tests == 0 {
		return nil, fmt.Errorf("no subject is called %q", only)
	}
	_ = table.Flush() // as above
	if scan {
		r.scan(ctx)
	}
	r.Seconds = float64(time.Since(began).Round(100*time.Millisecond)) / float64(time.Second)
	return r, nil
}

// complete looks whether a file of the sweep is in no subject.
func complete() error {
	var known []string
	for _, s := range subjects() {
		known = append(known, s.files...)
	}
	return filepath.WalkDir("internal", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if strings.HasPrefix(name, "security") && strings.HasSuffix(name, "_test.go") && !slices.Contains(known, filepath.ToSlash(p)) {
			return fmt.Errorf("%s is in no subject of tools/security", p)
		}
		return nil
	})
}

// tally is what came of a subject's tests.
type tally struct {
	tests, cases, failed, skipped, peak int
	took                                time.Duration
}

func (r *report) add(name string, t tally) {
	r.Tests, r.Cases, r.Failed, r.Skipped = r.Tests+t.tests, r.Cases+t.cases, r.Failed+t.failed, r.Skipped+t.skipped
	r.Subjects[name] = t.cases
	r.BombsPeakMiB = max(r.BombsPeakMiB, t.peak)
}

// test runs the tests of a subject.
func (s *subject) test(ctx context.Context) (tally, error) {
	names, packages := []string{}, []string{}
	for _, file := range s.files {
		found, err := testsOf(file)
		if err != nil {
			return tally{}, err
		}
		names = append(names, found...)
		if p := "./" + path.Dir(file); !slices.Contains(packages, p) {
			packages = append(packages, p)
		}
	}
	args := append([]string{"test", "-count=1", "-json", "-timeout=20m", "-run", "^(" + strings.Join(names, "|") + ")$"}, packages...)
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // G204: names of tests out of the tree's own files
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "STEWARD_SECURITY=long")
	began := time.Now()
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return tally{}, err
	}
	t, perr := count(out)
	t.took = time.Since(began)
	if perr != nil {
		return t, perr
	}
	if t.tests < len(names) || exit != nil && t.failed == 0 {
		complain(out)
		return t, fmt.Errorf("%d of %d tests were run: %w", t.tests, len(names), err)
	}
	return t, nil
}

// testsOf returns the names of the tests of a file.
func testsOf(file string) (names []string, err error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range parsed.Decls {
		if f, is := d.(*ast.FuncDecl); is && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") && f.Name.Name != "TestMain" {
			names = append(names, f.Name.Name)
		}
	}
	return names, nil
}

// event is a line of go test -json.
type event struct{ Action, Package, Test, Output, Key, Value string }

// count reads what tests said. What failed is shown.
func count(out []byte) (t tally, err error) {
	said, cases := map[string]*strings.Builder{}, map[string]int{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue // a compiler's word
		}
		top, _, sub := strings.Cut(e.Test, "/")
		id := e.Package + " " + top
		switch e.Action {
		case "output":
			text := said[id]
			if text == nil {
				text = &strings.Builder{}
				said[id] = text
			}
			text.WriteString(e.Output)
		case "attr":
			n, err := strconv.Atoi(e.Value)
			if err == nil && e.Key == "cases" {
				cases[id] += n
			}
			if err == nil && e.Key == "peak_mib" {
				t.peak = max(t.peak, n)
			}
		case "pass", "fail", "skip":
			if e.Test != "" && !sub {
				t.ended(e, id, cases[id], said[id])
			}
		}
	}
	return t, lines.Err()
}

// complain shows what belongs to no test: why a package was not built, or did not end.
func complain(out []byte) {
	for line := range bytes.Lines(out) {
		var e event
		if json.Unmarshal(line, &e) == nil && e.Test == "" && e.Output != "" {
			fmt.Fprint(os.Stderr, e.Output)
		}
	}
}

// ended counts a test.
func (t *tally) ended(e event, id string, cases int, said *strings.Builder) {
	t.tests++
	t.cases += max(cases, 1)
	switch e.Action {
	case "skip":
		t.skipped++
	case "fail":
		t.failed++
	default:
		return
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", e.Action, id)
	if said != nil {
		fmt.Fprintln(os.Stderr, said)
	}
}

// scan runs the scanners. What they say goes to standard error.
func (r *report) scan(ctx context.Context) {
	if n, err := gosec(ctx); err == nil {
		r.Gosec = &n
	} else {
		fmt.Fprintln(os.Stderr, "gosec:", err)
	}
	n, err := govulncheck(ctx)
	switch {
	case err != nil:
		r.Govulncheck = "not run: " + err.Error()
		fmt.Fprintln(os.Stderr, "govulncheck", r.Govulncheck)
	default:
		r.Vulnerabilities, r.Govulncheck = &n, "run"
	}
}

// gosec runs all rules of gosec, by golangci-lint, and returns how many findings there are.
func gosec(ctx context.Context) (findings int, err error) {
	cmd := exec.CommandContext(ctx, "scripts/lint.sh", "run", "--enable-only", "gosec", "--output.json.path", "stdout", "--output.text.path", "stderr", "--show-stats=false", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return issues(out, err)
}

// exitIssues is how golangci-lint ends when it has found something. Other codes than this and 0 say that it did not look at everything.
const exitIssues = 1

// issues counts what golangci-lint has found. err is how it ended.
func issues(out []byte, err error) (findings int, _ error) {
	var exit *exec.ExitError
	if found := errors.As(err, &exit) && exit.ExitCode() == exitIssues; err != nil && !found {
		return 0, err
	}
	var list struct{ Issues []json.RawMessage }
	if derr := json.NewDecoder(bytes.NewReader(out)).Decode(&list); derr != nil {
		return 0, errors.Join(err, derr)
	}
	if err != nil && len(list.Issues) == 0 {
		return 0, fmt.Errorf("it lists no issue, but ended like this: %w", err)
	}
	return len(list.Issues), nil
}

// exitVulnerable is how scripts/vuln.sh ends when it has found something.
const exitVulnerable = 3

// govulncheck looks whether the program calls what is known to be vulnerable.
func govulncheck(ctx context.Context) (findings int, err error) {
	cmd := exec.CommandContext(ctx, "scripts/vuln.sh")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = os.Stderr, &said
	err = cmd.Run()
	_, _ = os.Stderr.Write(said.Bytes()) // as above
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitVulnerable {
		return 1, nil
	}
	if err != nil {
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		return 0, errors.New(lines[len(lines)-1])
	}
	return 0, nil
}
