package client_test

import (
	"slices"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

func TestAResultTellsHowTheJobEnded(t *testing.T) {
	t.Parallel()
	for st, want := range map[steward.Status][3]bool{
		steward.StatusSuccess: {true, false, false}, steward.StatusCached: {true, false, false}, steward.StatusFailure: {false, true, false},
		steward.StatusCancelled: {false, false, true}, steward.StatusStarted: {false, false, false},
	} {
		r := client.JobResult{Status: st}
		if got := [3]bool{r.Succeeded(), r.Failed(), r.Cancelled()}; got != want {
			t.Errorf("%s: %v, want %v", st, got, want)
		}
	}
	r := client.JobResult{Outputs: []steward.Datum{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}}
	if out, ok := r.Output("b"); !ok || out.Value != "2" {
		t.Errorf("Output = %+v, %t", out, ok)
	}
	if out, ok := r.Output("c"); ok || out.Value != "" {
		t.Errorf("Output of none = %+v, %t", out, ok)
	}
}

func TestReferencesAreFoundInOutputsToo(t *testing.T) {
	t.Parallel()
	r := client.JobResult{Outputs: []steward.Datum{
		{Value: `{"references":["https://s.test/v1/agents/jobs/1/references/page-1.png/","/references/b.html?x=1",7,"https://s.test/other","http://s/references/a/b/","http://s/references/"]}`},
		{Value: `{"references":["https://s.test/v1/agents/jobs/1/references/page-1.png"]}`}, {Value: `[1]`}, {Value: `no JSON`}, {Value: `{"references":"x"}`},
	}}
	if got := r.References(); !slices.Equal(got, []steward.ReferenceID{"page-1.png", "b.html"}) {
		t.Errorf("References = %q", got)
	}
	r.Saved = []client.SavedFile{{Reference: steward.Reference{ResourceID: "told.png"}}}
	if got := r.References(); !slices.Equal(got, []steward.ReferenceID{"told.png"}) {
		t.Errorf("References = %q, want those that the server tells", got)
	}
}

func FuzzReferences(f *testing.F) {
	for _, seed := range []string{`{"references":["/references/a/"]}`, `{"references":[null]}`, `[]`, `{"references":["/references//"]}`, "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := client.JobResult{Outputs: []steward.Datum{{Value: value}}}
		for _, id := range r.References() {
			if id == "" || slices.Contains([]byte(id), '/') {
				t.Errorf("%q names the reference %q", value, id)
			}
		}
	})
}
