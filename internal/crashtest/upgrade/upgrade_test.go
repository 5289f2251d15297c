package upgrade_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/app/apptest"
	"github.com/stewardhq/steward/internal/crashtest/upgrade"
	"github.com/stewardhq/steward/internal/store/pgtest"
)

var program string //nolint:gochecknoglobals // made once for all tests

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// run builds the program and runs the tests. STEWARD_E2E_BINARY names one that is built already.
func run(m *testing.M) (code int, err error) {
	if program = os.Getenv("STEWARD_E2E_BINARY"); program != "" {
		return m.Run(), nil
	}
	folder, err := os.MkdirTemp("", "steward-upgrade")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if program, err = upgrade.Build(context.Background(), ".", folder); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// fixtures lists all fixtures.
func fixtures(t *testing.T) []string {
	t.Helper()
	all, err := upgrade.Fixtures("testdata", "")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// params are those of a check of a fixture.
func params(t *testing.T, fixture string) upgrade.CheckParams {
	t.Helper()
	p := upgrade.CheckParams{Fixture: fixture, Program: program, Folder: t.TempDir(), Cache: apptest.CacheFolder(), Seed: 1}
	if strings.HasSuffix(fixture, "-postgres") {
		p.Database = pgtest.Empty(t)
	}
	return p
}

func TestFixturesThatAreNotThereAreAnError(t *testing.T) {
	t.Parallel()
	some, err := upgrade.Fixtures("testdata", "-sqlite")
	if err != nil || len(some) == 0 || len(some) == len(fixtures(t)) {
		t.Errorf("with part of a name: %v, %v", some, err)
	}
	_, err = upgrade.Fixtures("testdata", "mysql")
	if err == nil || !strings.Contains(err.Error(), filepath.Base(some[0])) {
		t.Errorf("got %v, want an error that lists the fixtures", err)
	}
}

func TestTheProgramGoesOnWithWhatEarlierOnesLeft(t *testing.T) {
	t.Parallel()
	for _, fixture := range fixtures(t) {
		t.Run(filepath.Base(fixture), func(t *testing.T) {
			t.Parallel()
			r, err := upgrade.Check(t.Context(), params(t, fixture))
			if err != nil {
				t.Fatal(err)
			}
			line, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Println(string(line))
			for _, f := range r.FirstFaults {
				t.Error(f)
			}
			if r.Kills != 5 || r.KillsMigrating < 1 || r.Open < 8 || r.Acknowledged < 30 || r.KeptSteps < 30 {
				t.Errorf("there was not much at stake: %+v", r)
			}
		})
	}
}
