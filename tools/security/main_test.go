package main

import (
	"os/exec"
	"strconv"
	"testing"
)

func TestGosecMustHaveLookedAtEverything(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		code int
		out  string
		want int // -1: an error
	}{
		{"nothing found", 0, `{"Issues":[]}`, 0},
		{"nothing found, in no list", 0, `{"Issues":null}`, 0},
		{"two found", 1, `{"Issues":[{},{}]}` + "\nmore text", 2},
		{"found, which are not listed", 1, `{"Issues":[]}`, -1},
		{"it failed", 3, `{"Issues":[]}`, -1},
		{"it ran out of time", 4, `{"Issues":[{}]}`, -1},
		{"it logged an error", 7, `{"Issues":[]}`, -1},
		{"it says nothing", 0, "", -1},
		{"its linter was not built", 1, "", -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := exec.CommandContext(t.Context(), "sh", "-c", "exit "+strconv.Itoa(c.code)).Run()
			n, err := issues([]byte(c.out), err)
			if err != nil {
				n = -1
			}
			if n != c.want {
				t.Errorf("got %d (%v), want %d", n, err, c.want)
			}
		})
	}
}

func TestAReportIsFine(t *testing.T) {
	t.Parallel()
	none, one := 0, 1
	for _, c := range []struct {
		name                   string
		report                 report
		gosec, vulnerabilities bool // must be run
		want                   bool
	}{
		{"nothing found", report{Gosec: &none, Vulnerabilities: &none}, true, true, true},
		{"a test failed", report{Failed: 1}, false, false, false},
		{"a test was skipped", report{Skipped: 1}, false, false, false},
		{"gosec found something", report{Gosec: &one}, true, false, false},
		{"gosec was not run", report{Vulnerabilities: &none}, true, false, false},
		{"gosec was not to be run", report{}, false, false, true},
		{"a vulnerability", report{Gosec: &none, Vulnerabilities: &one}, true, false, false},
		{"no vulnerabilities to be had", report{Gosec: &none}, true, false, true},
		{"no vulnerabilities to be had, but required", report{Gosec: &none}, true, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := c.report.fine(c.gosec, c.vulnerabilities); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
