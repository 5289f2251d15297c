package netfaults

import (
	"bytes"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func TestAnAnswerIsComparedWithTheJobsOwnCodes(t *testing.T) {
	t.Parallel()
	provider := func(n int) []string { return []string{`"` + codeOf(n) + `"`} }
	tests := []struct {
		name    string
		answers func(n int) []string
		job     int
		answer  string
		faults  int
	}{
		{"its own code", provider, 1, `{"code":"SC-101"}`, 0},
		{"another job's code", provider, 1, `{"code":"SC-100"}`, 1},
		{"both pages", codesOf, 2, `{"first":"SC-102","second":"SC-202"}`, 0},
		{"the first page only", codesOf, 2, `{"first":"SC-102","second":null}`, 1},
		{"another job's file", codesOf, 2, `{"first":"SC-101","second":"SC-201"}`, 2},
	}
	for _, tt := range tests {
		got := client.JobResult{}
		got.Status = steward.StatusSuccess
		got.Outputs = append(got.Outputs, steward.Datum{Value: tt.answer})
		if faults := new(Result).add(&plan{answers: tt.answers}, tt.job, &got); len(faults) != tt.faults {
			t.Errorf("%s: got %q, want %d faults", tt.name, faults, tt.faults)
		}
	}
}

func TestHalfAFileHasNotBothCodes(t *testing.T) {
	t.Parallel()
	whole, codes := fileOf(0), codesOf(0)
	half := whole[:cutInFile]
	if !bytes.Contains(half, []byte(codes[0])) || bytes.Contains(half, []byte(codes[1])) || !bytes.Contains(whole, []byte(codes[1])) {
		t.Errorf("half a file of %d bytes does not hold the first code only", len(whole))
	}
}
