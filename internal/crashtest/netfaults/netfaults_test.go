package netfaults_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stewardhq/steward/internal/crashtest/netfaults"
)

func TestABadNetworkDoublesNothingAndHoldsNothingUp(t *testing.T) { //nolint:paralleltest // it counts goroutines
	r, err := netfaults.Run(t.Context(), netfaults.Options{Folder: t.TempDir(), Each: func(r netfaults.Result) { t.Logf("%+v", r) }})
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(string(line))
	for _, what := range r.What {
		t.Error(what)
	}
	if r.Scenarios < 30 || r.Jobs < 90 {
		t.Errorf("there was not much to see: %+v", r)
	}
}
