package loadtest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stewardhq/steward/internal/app/apptest"
	"github.com/stewardhq/steward/internal/loadtest"
	"github.com/stewardhq/steward/internal/store/pgtest"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == loadtest.ServeArg {
		os.Exit(loadtest.Serve(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// stands runs the short form of a scenario. What depends on how busy the machine is, is not looked at: make load does.
func stands(t *testing.T, name, database string) *loadtest.Line {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	line, err := loadtest.Run(t.Context(), name, loadtest.Options{
		Scale: 0.005, Duration: 2 * time.Second, Seed: 1, Folder: t.TempDir(), Cache: apptest.CacheFolder(), Program: program, Lenient: true, Database: database,
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(string(text))
	for _, broken := range line.Broken {
		t.Error(broken)
	}
	var figures map[string]any
	if err := json.Unmarshal(text, &figures); err != nil || figures["name"] != "load."+name || figures["ok"] != !t.Failed() {
		t.Errorf("line %s: %v", text, err)
	}
	return line
}

func TestTheServerStandsEachScenario(t *testing.T) { //nolint:paralleltest // one after the other, for they are a load
	for _, name := range loadtest.Names() {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // as above
			line := stands(t, name, "")
			for figure, least := range atStake()[name] {
				if line.Figures[figure] < least {
					t.Errorf("%s is %v, want at least %v: there was not much at stake", figure, line.Figures[figure], least)
				}
			}
		})
	}
}

// atStake is what a scenario must have done to show anything.
func atStake() map[string]map[string]float64 {
	return map[string]map[string]float64{
		"pollers":  {"clients": 100, "open_files": 100, "told_p99_ms": 0.001},
		"uploads":  {"clients": 12, "accepted": 1},
		"million":  {"jobs": 3000, "start_ms": 1},
		"soak":     {"calls": 100, "jobs": 10, "rss_mb": 1},
		"slow":     {"slow_readers": 40, "slow_writers": 40, "idle_connections": 200},
		"overload": {"refused": 1, "accepted_per_second": 1},
	}
}

func TestTheServerStandsAnOverloadOnPostgreSQL(t *testing.T) { //nolint:paralleltest // see above
	stands(t, "overload", pgtest.Database(t))
}
