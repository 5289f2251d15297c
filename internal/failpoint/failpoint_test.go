package failpoint_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/failpoint"
)

// used is a call of a failpoint in the code.
type used struct {
	point   string
	file    string
	fails   bool // its error is looked at
	grouped bool // it names an operation
}

// calls finds the calls of functions whose names fn knows, in all Go files below a folder of the module but tests.
func calls(t *testing.T, folder string, fn func(file string, call *ast.CallExpr, pkg, name string)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch f := call.Fun.(type) {
			case *ast.Ident:
				fn(filepath.ToSlash(rel), call, "", f.Name)
			case *ast.SelectorExpr:
				switch x := f.X.(type) {
				case *ast.Ident:
					fn(filepath.ToSlash(rel), call, x.Name, f.Sel.Name)
				case *ast.SelectorExpr: // s.pool.Exec
					fn(filepath.ToSlash(rel), call, x.Sel.Name, f.Sel.Name)
				}
			}
			return true
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// literal returns the string that an argument is.
func literal(args []ast.Expr, i int) (string, bool) {
	if i >= len(args) {
		return "", false
	}
	lit, ok := args[i].(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

func TestTheListNamesEachPointThatTheCodeHasAndNoOther(t *testing.T) {
	t.Parallel()
	var found, listed []string
	line := func(u used) string {
		return fmt.Sprintf("%s in %s, fails: %v, of operations: %v", u.point, u.file, u.fails, u.grouped)
	}
	for _, folder := range []string{"internal", "cmd"} {
		calls(t, folder, func(file string, call *ast.CallExpr, pkg, name string) {
			if pkg != "failpoint" || !slices.Contains([]string{"Hit", "HitOf", "Pass", "PassOf"}, name) {
				return
			}
			point, ok := literal(call.Args, 0)
			if !ok {
				t.Errorf("%s: a failpoint is named by something else than a text", file)
			}
			found = append(found, line(used{point, file, strings.HasPrefix(name, "Hit"), strings.HasSuffix(name, "Of")}))
		})
	}
	for _, p := range failpoint.Points() {
		listed = append(listed, line(used{p.Name, p.File, p.Fails, len(p.Of) > 0}))
	}
	differ(t, "points", found, listed)
}

// differ tells what two lists do not share, repetitions included.
func differ(t *testing.T, what string, found, listed []string) {
	t.Helper()
	slices.Sort(found)
	slices.Sort(listed)
	for i, f := range found {
		if i > 0 && f == found[i-1] {
			t.Errorf("%s: %s is in two places", what, f)
		}
		if !slices.Contains(listed, f) {
			t.Errorf("%s: %s is in the code and not in the list", what, f)
		}
	}
	for i, l := range listed {
		if i > 0 && l == listed[i-1] {
			t.Errorf("%s: %s is in the list twice", what, l)
		}
		if !slices.Contains(found, l) {
			t.Errorf("%s: %s is in the list and not in the code", what, l)
		}
	}
}

func TestTheListNamesTheOperationsOfEachDatabase(t *testing.T) {
	t.Parallel()
	of := func(name string) []string {
		for _, p := range failpoint.Points() {
			if p.Name == name {
				return slices.Clone(p.Of)
			}
		}
		t.Fatalf("no point %s", name)
		return nil
	}
	// The functions that run an operation, and which of their arguments names it.
	for _, c := range []struct {
		folder, point string
		names         map[string]int
	}{
		{"internal/store/sqlite", "sqlite.commit.before", map[string]int{"write": 1}},
		{"internal/store/postgres", "postgres.commit.before", map[string]int{"inTx": 1, "changeBatch": 1}},
		{"internal/store/postgres", "postgres.statement.before", map[string]int{"single": 0, "change": 1}},
	} {
		var found []string
		calls(t, c.folder, func(_ string, call *ast.CallExpr, _, name string) {
			if i, ok := c.names[name]; ok {
				if op, ok := literal(call.Args, i); ok {
					found = append(found, op)
				}
			}
		})
		slices.Sort(found)
		differ(t, c.point, slices.Compact(found), of(c.point))
		after := strings.Replace(c.point, "before", "after", 1)
		if !slices.Equal(of(c.point), of(after)) {
			t.Errorf("%s and %s have other operations", c.point, after)
		}
	}
}

// A change of a PostgreSQL database that goes to the pool by itself would have no failpoint.
func TestEachStatementThatChangesPostgreSQLHasAPoint(t *testing.T) {
	t.Parallel()
	calls(t, "internal/store/postgres", func(file string, _ *ast.CallExpr, pkg, name string) {
		if pkg == "pool" && name == "Exec" && file != "internal/store/postgres/postgres.go" { // where change is
			t.Errorf("%s has a statement that no failpoint stands around: use change", file)
		}
	})
}

func TestNamesAreTold(t *testing.T) {
	t.Parallel()
	names := failpoint.Names()
	for _, want := range []string{"blob.sync.before", "sqlite.commit.after(claim jobs)", "app.rename.before(node)"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no %s", want)
		}
	}
	for _, name := range names {
		if strings.ContainsAny(name, "=;@\n") {
			t.Errorf("%q cannot be told to a program", name)
		}
	}
}
