package pageselect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/engine/pageselect"
	"github.com/stewardhq/steward/internal/grounding"
)

// annual is the outline of a report of 60 pages.
var annual = []document.Heading{ //nolint:gochecknoglobals // read only
	{Title: "1. Letter to Shareholders", Level: 1, Page: 3},
	{Title: "2. Management Report", Level: 1, Page: 5},
	{Title: "2.1 Introduction", Level: 2, Page: 5},
	{Title: "2.2 Risks and Opportunities", Level: 2, Page: 9},
	{Title: "2.2.1 Credit Risk", Level: 3, Page: 11},
	{Title: "2.3 Outlook", Level: 2, Page: 14},
	{Title: "3. Financial Statements", Level: 1, Page: 20},
	{Title: "3.1 Introduction", Level: 2, Page: 20},
	{Title: "Part without a page", Level: 1, Page: 0},
	{Title: "Annex A: Glossary", Level: 1, Page: 55},
	{Title: "Annex B: Rapport de l’auditeur indépendant", Level: 1, Page: 58},
}

func TestTitlesFindTheirSections(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"3. Financial Statements":        "20-54 1.00",
		"3  FINANCIAL STATEMENTS":        "20-54 1.00",
		"financial statements":           "20-54 1.00",
		"2.2 Risks and Opportunities":    "9-13 1.00",
		"Credit Risk":                    "11-13 1.00",
		"2.3 Outlook":                    "14-19 1.00",
		"Annex A":                        "55-57 1.00",
		"Annex B":                        "58-60 1.00",
		"rapport de l'auditeur":          "58-60 1.00",
		"Chapter 2":                      "5-19 0.60",
		"Section 2.2":                    "9-13 0.60",
		"2.3":                            "14-19 1.00",
		"Introduction":                   "5-8 1.00",
		"Letter of shareholders to all":  "3-4 1.00",
		"Glossary of terms":              "",
		"Annex Z":                        "",
		"Annex 3 Glossary":               "",
		"Outlook for the year 2030":      "",
		"Management Discussion Overview": "",
		"…":                              "",
	} {
		found, score := pageselect.Match(annual, title)
		got := ""
		if len(found) > 0 {
			from, to, ok := pageselect.Section(annual, found[0], 60)
			if !ok {
				t.Errorf("%s leads nowhere", title)
			}
			got = fmt.Sprintf("%d-%d %.2f", from, to, score)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", title, got, want)
		}
	}
	if _, _, ok := pageselect.Section(annual, 8, 60); ok {
		t.Error("an entry without a page has a section")
	}
}

func TestAllEntriesThatReadTheSameAreMeant(t *testing.T) {
	t.Parallel()
	entries := []document.Heading{{Title: "Summary", Level: 2, Page: 1}, {Title: "SUMMARY", Level: 2, Page: 4}, {Title: "Summary", Level: 3, Page: 6}}
	if found, _ := pageselect.Match(entries, "summary"); fmt.Sprint(found) != "[0 1]" {
		t.Errorf("found %v", found)
	}
}

func FuzzMatchedEntriesExist(f *testing.F) {
	f.Add("Chapter 2", "1 Introduction\n2 Results\n  2.1 Results of 2024")
	f.Add("ﬁnancial Ⅳ", "Finan\u00adcial\n\nÉtat 1.2.3.4.")
	f.Fuzz(func(t *testing.T, title, list string) {
		var entries []document.Heading
		for i, line := range strings.Split(list, "\n") {
			entries = append(entries, document.Heading{Title: line, Level: 1 + len(line)%3, Page: i % 7})
		}
		found, score := pageselect.Match(entries, title)
		if (len(found) > 0) != (score > 0) || score > 1 {
			t.Fatalf("found %v with %v", found, score)
		}
		for _, i := range found {
			from, to, ok := pageselect.Section(entries, i, 5)
			if ok && (from < 1 || to > 5 || from > to) {
				t.Fatalf("pages %d to %d of 5", from, to)
			}
		}
	})
}

// textPages makes pages of texts.
func textPages(texts ...string) []grounding.Page {
	pages := make([]grounding.Page, len(texts))
	for i, text := range texts {
		pages[i] = grounding.Page{Number: i + 1, Text: text}
	}
	return pages
}

// write renders entries.
func write(entries []document.Heading) string {
	var lines []string
	for _, e := range entries {
		lines = append(lines, fmt.Sprintf("%d %s %d", e.Level, e.Title, e.Page))
	}
	return strings.Join(lines, "\n")
}

func TestPrintedContentsLeadToThePagesOfTheDocument(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		pages []grounding.Page
		count int
		want  string
		sure  bool
	}{
		{
			"numbers that stand three pages before the document's", textPages("A report\n", "Table of Contents\n\nForeword ........ iii\n1 Scope ........ 1\n1.1 Terms . . . . . . . 2\n2 Results and\nfindings of the year …… 3\n",
				"Foreword\nDear reader\n", "1 Scope\nThis is the scope.\n", "1.1 Terms\n", "2 Results and findings of the year\nGood.\n"), 6,
			"1 Foreword 3\n1 1 Scope 4\n2 1.1 Terms 5\n1 2 Results and findings of the year 6", true,
		},
		{
			"a German one without dots", textPages("Inhaltsverzeichnis\n\nEinleitung            2\nErgebnisse der Prüfung          3\nSchluss    9\n", "Einleitung\n", "Ergebnisse der Prüfung\n"), 3,
			"1 Einleitung 2\n1 Ergebnisse der Prüfung 3\n1 Schluss 0", true,
		},
		{
			"no heading, but dots, over two pages", textPages("cover", "Alpha ..... 1\nBeta ..... 2\nGamma ..... 4\nDelta ..... 5\nEpsilon ..... 6", "Zeta ..... 7\nEta ..... 8\nTheta ..... 9\n", "text"), 9,
			"1 Alpha 1\n1 Beta 2\n1 Gamma 4\n1 Delta 5\n1 Epsilon 6\n1 Zeta 7\n1 Eta 8\n1 Theta 9", false,
		},
		{"figures of a balance", textPages("Revenue        120\nCosts        80\nProfit        40\nTax        10\nRest        30\n"), 9, "", false},
		{"prose", textPages("Contents of this box are fragile, see page 12\nand 13 more.\n"), 9, "", false},
		{"nothing", nil, 1, "", false},
	}
	for _, tt := range tests {
		got, sure := pageselect.Contents(tt.pages, tt.count)
		if write(got) != tt.want || sure != tt.sure {
			t.Errorf("%s: got %v\n%s\nwant\n%s", tt.name, sure, write(got), tt.want)
		}
	}
}

func TestIndentedContentsHaveLevels(t *testing.T) {
	t.Parallel()
	text := "Contents\nFirst ..... 2\nWithin ..... 3\nDeeper ..... 4\nSecond ..... 5\n"
	page := grounding.Page{Number: 1, Text: text}
	at := 0
	for i, x := range []float64{50, 50, 64, 78, 50} {
		line := strings.Split(text, "\n")[i]
		w := grounding.Word{Start: at, End: at + strings.IndexAny(line+" ", " ")}
		w.Box.X0 = x
		page.Words = append(page.Words, w)
		at += len(line) + 1
	}
	got, _ := pageselect.Contents([]grounding.Page{page}, 9)
	if write(got) != "1 First 2\n2 Within 3\n3 Deeper 4\n1 Second 5" {
		t.Errorf("got\n%s", write(got))
	}
}

func FuzzContentsLeadIntoTheDocument(f *testing.F) {
	f.Add("Contents\n1 Scope .... 1\n2 Results   12\nAnnex … xiv\n", 20)
	f.Add("Inhalt\n\n\nA..............................................................................9999\nB....0\nC....1", 1)
	f.Add("1 a\n1 b\n1 c\n. . . 4\n\u00ad\u00ad.... 5\nⅣ …… iv", 3)
	f.Fuzz(func(t *testing.T, text string, count int) {
		count = min(max(count, 1), 10_000)
		entries, _ := pageselect.Contents(textPages(text, text), count)
		entries = append(entries, pageselect.Headings(textPages(text, text))...)
		for _, e := range entries {
			if e.Page < 0 || e.Page > max(count, 2) || e.Level < 1 || strings.TrimSpace(e.Title) == "" {
				t.Fatalf("entry %+v of %d pages", e, count)
			}
		}
	})
}

func TestHeadingsAreLargeOrNumberedLines(t *testing.T) {
	t.Parallel()
	pages := textPages(
		"Annual Report\n1 Scope of the audit\nWe looked at everything, and found\nmany things of interest to us.\n",
		"Annual Report\n1.1 Methods\n12 of them were new\nText goes on here\n", "Annex B\nA table follows, 3 pages long\n",
	)
	for i := range pages { // the first line of the first page is large
		at := 0
		for line := range strings.Lines(pages[i].Text) {
			w := grounding.Word{Start: at, End: at + len(line) - 1}
			w.Box.Y1 = 10
			if i == 0 && at == 0 {
				w.Box.Y1 = 20
			}
			pages[i].Words = append(pages[i].Words, w)
			at += len(line)
		}
	}
	if got := write(pageselect.Headings(pages)); got != "1 Annual Report 1\n1 1 Scope of the audit 1\n2 1.1 Methods 2\n1 Annex B 3" {
		t.Errorf("got\n%s", got)
	}
}

func TestWordsFindPagesWithoutAModel(t *testing.T) {
	t.Parallel()
	pages := textPages(
		"General terms of the contract between the parties.\n",
		"Consolidated balance sheet\nAssets   100\nLiabilities   60\nEquity   40\n",
		"The contract may be terminated by notice.\n",
		"Notes to the accounts. The parties agree on nothing else, and the equity was paid in.\n",
	)
	entries := []document.Heading{{Title: "Terms", Level: 1, Page: 1}, {Title: "Notes to the accounts", Level: 1, Page: 3}}
	for description, want := range map[string]string{
		"pages with the balance sheets":   "2-2",
		"termination of the contract":     "", // no stem of "terminated" equals that of "termination", and the contract alone is too little
		"contract terminated by notice":   "3-3",
		"find the notes":                  "3-4", // by the table of contents, with what follows
		"a picture of a giraffe":          "",
		"assets, liabilities and equity?": "2-2",
	} {
		var got []string
		for _, r := range pageselect.ByWords(pages, entries, description, 4) {
			got = append(got, fmt.Sprintf("%d-%d", r.Start, r.End))
			if r.Confidence <= 0 || r.Confidence > 0.9 || r.Source != pageselect.Semantic || r.Reason == "" {
				t.Errorf("%s: %+v", description, r)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", description, got, want)
		}
	}
}
