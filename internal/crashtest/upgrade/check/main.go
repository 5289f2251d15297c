// Command check has the present program go on with what earlier versions left behind, killing it on the way. Its standard output is one
// JSON line for each fixture.
//
//	STEWARD_TEST_POSTGRES_URL=postgres://… go run ./internal/crashtest/upgrade/check -seed 1 -early 20 -working 10
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stewardhq/steward/internal/crashtest"
	"github.com/stewardhq/steward/internal/crashtest/program"
	"github.com/stewardhq/steward/internal/crashtest/upgrade"
)

func main() { program.Main("check", run) }

func run(ctx context.Context) (err error) {
	from := flag.String("from", "internal/crashtest/upgrade/testdata", "folder of all fixtures")
	only := flag.String("only", "", "part of the names of the fixtures")
	binary := flag.String("program", "", "the program, when it is built already")
	seed := flag.Uint64("seed", 1, "of the moments of the kills")
	early := flag.Int("early", 10, "kills while the program starts and migrates")
	working := flag.Int("working", 5, "kills while it works")
	flag.Parse()
	temp, drop, err := program.Folder("", "upgrade")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop()) }()
	fixtures, err := upgrade.Fixtures(*from, *only)
	if err != nil {
		return err
	}
	if *binary == "" {
		if *binary, err = upgrade.Build(ctx, ".", temp); err != nil {
			return err
		}
	}
	faults := 0
	for _, fixture := range fixtures {
		report, err := one(ctx, upgrade.CheckParams{
			Fixture: fixture, Program: *binary, Folder: filepath.Join(temp, filepath.Base(fixture)), Cache: crashtest.CacheFolder(), Seed: *seed, Early: *early, Working: *working,
		})
		if err != nil {
			return err
		}
		faults += report.Faults
	}
	if faults > 0 {
		return fmt.Errorf("%d faults", faults)
	}
	return nil
}

// one checks a fixture and prints the report.
func one(ctx context.Context, p upgrade.CheckParams) (*upgrade.Report, error) {
	m, err := upgrade.ReadManifest(p.Fixture)
	if err != nil {
		return nil, err
	}
	if m.Database == "postgres" {
		url, drop, err := crashtest.Database(ctx, os.Getenv("STEWARD_TEST_POSTGRES_URL"))
		if err != nil {
			return nil, err
		}
		defer drop()
		p.Database = url
	}
	report, err := upgrade.Check(ctx, p)
	if err != nil {
		return nil, err
	}
	program.Print(report)
	return report, nil
}
