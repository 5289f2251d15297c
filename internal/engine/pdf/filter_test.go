package pdf

import (
	"fmt"
	"strings"
	"testing"
)

func TestFiltersSelectPages(t *testing.T) {
	t.Parallel()
	tests := []struct {
		filter  string
		want    string
		outside bool
	}{
		{"", "[1 2 3 4 5 6 7 8 9 10]", false},
		{"  \n", "[1 2 3 4 5 6 7 8 9 10]", false},
		{"@PAGERANGE: 3, 5-7", "[3 5 6 7]", false},
		{"@PAGERANGE(1-3)", "[1 2 3]", false},
		{"@pagerange:2;@PAGERANGE: 2-4\n@PAGERANGE(9)", "[2 3 4 9]", false},
		{"@PAGERANGE: 8-", "[8 9 10]", false},
		{"@PAGERANGE: -2, last", "[1 2 10]", false},
		{"@PAGERANGE: 9-last", "[9 10]", false},
		{"4, 2", "[2 4]", false},
		{"last", "[10]", false},
		{"@PAGERANGE: 9-14", "[9 10]", true},
		{"@PAGERANGE: 11", "[]", true},
	}
	for _, tt := range tests {
		ranges, err := parseFilter(tt.filter)
		if err != nil {
			t.Errorf("%q: %v", tt.filter, err)
			continue
		}
		pages, outside := selectPages(ranges, 10)
		if got := fmt.Sprint(pages); got != tt.want || outside != tt.outside {
			t.Errorf("%q: got %s %v, want %s %v", tt.filter, got, outside, tt.want, tt.outside)
		}
	}
}

func TestFiltersThatCannotBeMeantAreRefused(t *testing.T) {
	t.Parallel()
	for _, filter := range []string{
		"the balance sheet", "@TOC: Chapter 1", "@PAGERANGE 3", "@PAGERANGE: 0", "@PAGERANGE: 5-3", "@PAGERANGE: a", "@PAGERANGE: -",
		"@PAGERANGE: 1--2", "@PAGERANGE: +1", "@PAGERANGE:", ",", "@PAGERANGE: 3.5", "@PAGERANGE: 99999999999999999999",
	} {
		if ranges, err := parseFilter(filter); err == nil || !strings.HasPrefix(err.Error(), "page_filter") {
			t.Errorf("%q: got %v, %v", filter, ranges, err)
		}
	}
}

func FuzzSelectedPagesAreOfTheDocument(f *testing.F) {
	f.Add("@PAGERANGE: 3, 5-15; @PAGERANGE(1-)\nlast", 9)
	f.Fuzz(func(t *testing.T, filter string, count int) {
		count = min(max(count, 1), 1000)
		ranges, err := parseFilter(filter)
		if err != nil {
			return
		}
		pages, _ := selectPages(ranges, count)
		last := 0
		for _, n := range pages {
			if n <= last || n > count {
				t.Fatalf("%q of %d pages selects %v", filter, count, pages)
			}
			last = n
		}
	})
}
