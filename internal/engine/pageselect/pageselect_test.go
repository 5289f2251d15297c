package pageselect_test

import (
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/engine/pageselect"
)

func TestPartsOfADescriptionAreTold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                   "",
		" \n;; ":                             "",
		"@PAGERANGE: 3, 5-15":                "pagerange",
		"@pagerange(1-3)":                    "pagerange",
		"3, 5-15":                            "pagerange",
		"Last":                               "pagerange",
		"@TOC: Chapter 1, \"Profit, loss\"":  "toc",
		"@toc(Annex Z)":                      "toc",
		"the balance sheet":                  "semantic",
		"@PAGERANGE: 1; @TOC: A\nthe rest":   "pagerange toc semantic",
		"page 3 of the contract":             "semantic",
		"2024":                               "pagerange",
		"@PAGERANGE: last, 9-last, 4-, -2, ": "pagerange",
	} {
		c, err := pageselect.Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var got []string
		for _, s := range []pageselect.Source{pageselect.PageRange, pageselect.TOC, pageselect.Semantic} {
			if c.Has(s) {
				got = append(got, string(s))
			}
		}
		if strings.Join(got, " ") != want || c.Empty() != (want == "") {
			t.Errorf("%q: got %v, want %s", text, got, want)
		}
	}
}

func TestDescriptionsThatCannotBeMeantAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"@PAGERANGE 3", "@PAGERANGE: 0", "@PAGERANGE: 5-3", "@PAGERANGE: a", "@PAGERANGE: -", "@PAGERANGE: 1--2", "@PAGERANGE: +1", "@PAGERANGE:",
		"@PAGERANGE: 3.5", "@PAGERANGE: 99999999-2000000", "@PAGERANGE(1", "@TOC:", "@TOC Annex", "@TOC: , ,", "-,-", "…", "1-2-3",
		strings.Repeat("a;", 201), "@PAGERANGE: " + strings.Repeat("1,", 3000), strings.Repeat("x", 200_000),
	} {
		if err := pageselect.Check(text); err == nil {
			t.Errorf("%.40q is taken", text)
		}
	}
}

func FuzzDescriptionsAreReadOrRefused(f *testing.F) {
	for _, s := range []string{"@PAGERANGE: 3, 5-15; @PAGERANGE(1-)\nlast", "@TOC: Annex A, \"B, C", "the balance sheet", "@PAGERANGE: -2–4", "@toc(„x“, «y»)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := pageselect.Parse(text)
		if err != nil {
			if err.Error() == "" || c != nil {
				t.Fatalf("%q: %v with %v", text, err, c)
			}
			return
		}
		if c.Empty() == (c.Has(pageselect.PageRange) || c.Has(pageselect.TOC) || c.Has(pageselect.Semantic)) {
			t.Fatalf("%q is empty and is not", text)
		}
	})
}

func TestRangesBecomeRisingRunsWithoutRepetition(t *testing.T) {
	t.Parallel()
	r := func(from, to int, s pageselect.Source, reason string, sure float64) pageselect.Range {
		return pageselect.Range{Start: from, End: to, Source: s, Reason: reason, Confidence: sure}
	}
	const p, c, s = pageselect.PageRange, pageselect.TOC, pageselect.Semantic
	for name, tt := range map[string]struct {
		in   []pageselect.Range
		gap  int
		want []pageselect.Range
	}{
		"touching ones of one source": {[]pageselect.Range{r(5, 6, p, "b", 1), r(1, 2, p, "a", 1), r(3, 4, p, "a", 1)}, 0, []pageselect.Range{r(1, 6, p, "a; b", 1)}},
		"one within another":          {[]pageselect.Range{r(1, 9, p, "a", 1), r(3, 4, p, "b", 1), r(10, 10, p, "c", 1)}, 0, []pageselect.Range{r(1, 10, p, "a; b; c", 1)}},
		"a gap too wide":              {[]pageselect.Range{r(1, 1, s, "a", .5), r(4, 4, s, "b", .9)}, 1, []pageselect.Range{r(1, 1, s, "a", .5), r(4, 4, s, "b", .9)}},
		"a gap that is bridged":       {[]pageselect.Range{r(1, 1, s, "a", .5), r(4, 4, s, "b", .9)}, 2, []pageselect.Range{r(1, 4, s, "a; b", .5)}},
		"the stronger source has it":  {[]pageselect.Range{r(1, 9, c, "toc", .9), r(4, 5, p, "here", 1)}, 0, []pageselect.Range{r(1, 3, c, "toc", .9), r(4, 5, p, "here", 1), r(6, 9, c, "toc", .9)}},
		"sources stay apart":          {[]pageselect.Range{r(3, 4, c, "toc", .9), r(1, 2, p, "here", 1)}, 5, []pageselect.Range{r(1, 2, p, "here", 1), r(3, 4, c, "toc", .9)}},
		"nothing":                     {nil, 3, nil},
	} {
		got := pageselect.Merge(tt.in, tt.gap)
		if len(got) != len(tt.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
			continue
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
			}
		}
	}
}
