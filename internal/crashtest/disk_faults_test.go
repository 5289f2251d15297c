package crashtest

import (
	"bytes"
	"os"
	"testing"
)

func TestAScenarioLooksAtItsOwnPartOfTheLog(t *testing.T) {
	t.Parallel()
	d := &diskRun{o: DiskOptions{Folder: t.TempDir()}}
	for _, said := range []string{"the first scenario's", "the second one's"} {
		f, err := os.OpenFile(d.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.begin("x"); err != nil {
			t.Fatal(err)
		}
		if got := d.logged(); got != "" {
			t.Errorf("before anything was said: got %q", got)
		}
		if _, err := f.WriteString(said); err != nil {
			t.Fatal(err)
		}
		if got := d.logged(); got != said {
			t.Errorf("got %q, want %q", got, said)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheDiskTestHasToHaveSomethingAtStake(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		cut    int
		report Report
		faults int
	}{
		{"enough", 1, Report{Acknowledged: 5, Steps: 10, Resumed: 1}, 0},
		{"no job was cut", 0, Report{Acknowledged: 5, Steps: 10}, 0},
		{"fewer jobs than scenarios", 0, Report{Acknowledged: 4, Steps: 10}, 1},
		{"no steps", 0, Report{Acknowledged: 5}, 1},
		{"no job went on", 1, Report{Acknowledged: 5, Steps: 10}, 1},
	}
	for _, tt := range tests {
		if got := (&diskRun{cut: tt.cut}).atStake(5, &tt.report); len(got) != tt.faults {
			t.Errorf("%s: got %q, want %d faults", tt.name, got, tt.faults)
		}
	}
}

func TestPagesOfAnEarlierLogAreNotCounted(t *testing.T) {
	t.Parallel()
	header := append(make([]byte, 16), "now, now, check it"[:16]...)
	frame := func(salt string) []byte {
		b := make([]byte, walFrame)
		copy(b[8:], salt)
		return b
	}
	ours, old := frame("now, now"), frame("earlier ")
	for name, tt := range map[string]struct {
		log  []byte
		want int
	}{
		"no log":          {nil, 0},
		"a header only":   {header, 0},
		"two pages":       {bytes.Join([][]byte{header, ours, ours}, nil), 2},
		"an earlier page": {bytes.Join([][]byte{header, ours, old, ours}, nil), 1},
		"half a page":     {bytes.Join([][]byte{header, ours, ours[:100]}, nil), 1},
	} {
		if got := framesOf(tt.log); got != tt.want {
			t.Errorf("%s: got %d, want %d", name, got, tt.want)
		}
	}
}
