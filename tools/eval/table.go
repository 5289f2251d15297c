package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stewardhq/steward/internal/extracteval"
)

// printTable writes the lines as one Markdown table, with a sum for each model.
func printTable(w io.Writer, lines []line) error {
	var b strings.Builder
	b.WriteString("| model | documents | failed | schema-valid | precision | recall | verified | verified, not there | cost, USD | time a page | repeated calls |\n")
	b.WriteString("|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for i := range lines {
		lines[i].write(&b, fmt.Sprintf("%d %s", lines[i].documents, lines[i].kind))
		if i == len(lines)-1 || lines[i+1].model != lines[i].model {
			sum := sumOf(lines[:i+1], lines[i].model)
			sum.write(&b, fmt.Sprintf("**all %d**", sum.documents))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// sumOf adds the lines of one model.
func sumOf(lines []line, model string) line {
	sum := line{model: model}
	for i := range lines {
		l := &lines[i]
		if l.model != model {
			continue
		}
		switch {
		case sum.documents == 0:
			sum.cost = l.cost
		case sum.cost != nil && l.cost != nil:
			both := *sum.cost + *l.cost
			sum.cost = &both
		default:
			sum.cost = nil
		}
		if sum.failed == nil {
			sum.failed = maps.Clone(l.failed)
		} else {
			for code, n := range l.failed {
				sum.failed[code] += n
			}
		}
		sum.documents += l.documents
		sum.answers += l.answers
		sum.valid += l.valid
		sum.given += l.given
		sum.verified += l.verified
		sum.false += l.false
		sum.pages += l.pages
		sum.took += l.took
		sum.repeated += l.repeated
		f, g := &sum.figures, l.figures
		*f = extracteval.Figures{
			Right: f.Right + g.Right, Wrong: f.Wrong + g.Wrong, Missed: f.Missed + g.Missed,
			Invented: f.Invented + g.Invented, Absent: f.Absent + g.Absent, Grounded: f.Grounded + g.Grounded,
		}
	}
	return sum
}

func (l *line) write(b *strings.Builder, documents string) {
	cost := "unknown"
	if l.cost != nil {
		cost = fmt.Sprintf("%.4f", l.cost.USD())
	}
	var failed []string
	for _, code := range slices.Sorted(maps.Keys(l.failed)) {
		failed = append(failed, fmt.Sprintf("%d %s", l.failed[code], code))
	}
	if len(failed) == 0 {
		failed = []string{"0"}
	}
	perPage := time.Duration(0)
	if l.pages > 0 {
		perPage = l.took / time.Duration(l.pages)
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %.3f | %.3f | %s | %d | %s | %s | %d |\n", l.model, documents, strings.Join(failed, ", "),
		percent(l.valid, l.answers), l.figures.Precision(), l.figures.Recall(), percent(l.verified, l.given), l.false, cost,
		perPage.Round(time.Millisecond), l.repeated)
}

// percent writes a share; "-" when there is nothing to have a share of.
func percent(part, whole int) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

// verdict fails for what must never happen.
func verdict(lines []line) error {
	var errs []error
	for i := range lines {
		l := &lines[i]
		if l.valid < l.answers {
			errs = append(errs, fmt.Errorf("%s: %d of %d answers about %s documents do not match their schema", l.model, l.answers-l.valid, l.answers, l.kind))
		}
		if l.false > 0 {
			errs = append(errs, fmt.Errorf("%s: %d verified values of %s documents do not stand there", l.model, l.false, l.kind))
		}
	}
	return errors.Join(errs...)
}
