package crashtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/crashtest/oracle"
)

// To open the files removes what nobody holds of them.
func TestTemporaryFilesAreFoundBeforeTheyAreRemoved(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	files, temp := filepath.Join(folder, "files"), filepath.Join(folder, "tmp")
	var want []string
	for _, path := range []string{filepath.Join(temp, "upload"), filepath.Join(files, "tmp", "other"), filepath.Join(files, "tmp", "staged-1")} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		want = append(want, path)
	}
	g, err := openGround(t.Context(), "", folder, files, "", temp, filepath.Join(folder, "none"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := os.Stat(want[2]); err == nil {
		t.Error("a staged file was not removed: the test tests nothing")
	}
	w := &oracle.World{}
	if err := g.bytes(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.Strays, want) {
		t.Errorf("found %q, want %q", w.Strays, want)
	}
}

func TestALongRunMakesNoMoreBackupsThanItMay(t *testing.T) {
	t.Parallel()
	for rounds, want := range map[int]int{1: 0, 2: 1, 50: 10, 199: 40, 200: 40, 201: 34, 239: 40, 240: 40, 241: 35, 2000: 40} {
		n := 0
		for round := range rounds {
			if backsUp(round, rounds) {
				n++
			}
		}
		if n != want || n > mostBackups {
			t.Errorf("%d rounds make %d backups, want %d", rounds, n, want)
		}
	}
}

func TestALongRunIsHeldToWhatWasAtStake(t *testing.T) {
	t.Parallel()
	full := Report{
		Database: "sqlite", Kills: 20, Acknowledged: 100, Resumed: 20, Events: 20, ModelCalls: 1, KeyedEffects: 1, Batches: 1, AgentsDeleted: 1,
		ItemsResumed: 1, StoredFiles: 2, References: 1, CostLimited: 1, PicturesRead: 1, Backups: 1,
	}
	for what, c := range map[string]struct {
		change func(r *Report)
		say    string
	}{
		"nothing lacks": {func(*Report) {}, ""},
		"jobs":          {func(r *Report) { r.Acknowledged = 99 }, "99 acknowledged jobs, want at least 100"},
		"resumed jobs":  {func(r *Report) { r.Resumed = 19 }, "19 resumed jobs"},
		"stored files":  {func(r *Report) { r.StoredFiles = 1 }, "1 stored files"},
		"backups":       {func(r *Report) { r.Backups = 0 }, "0 backups"},
		"backups on PostgreSQL": {func(r *Report) {
			r.Backups, r.Database = 0, "postgres"
		}, ""},
	} {
		r := full
		c.change(&r)
		got := fmt.Sprint(r.untried())
		if c.say == "" && got != "[]" || !strings.Contains(got, c.say) {
			t.Errorf("%s: %s, want %q", what, got, c.say)
		}
	}
}
