package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// figure is one number about one system.
type figure struct {
	name  string
	value float64
}

type figures []figure

// report collects the figures of all repetitions.
type report struct {
	runs map[string]map[string][]float64 // by figure and system
}

func (r *report) add(system string, list figures) {
	if r.runs == nil {
		r.runs = map[string]map[string][]float64{}
	}
	for _, f := range list {
		if r.runs[f.name] == nil {
			r.runs[f.name] = map[string][]float64{}
		}
		r.runs[f.name][system] = append(r.runs[f.name][system], round(f.value))
	}
}

// columns are the figures in the order in which they are shown.
func columns() []column {
	list := []column{
		{"throughput64", "jobs/s", "jobs/s", false},
		{"latency1_p50", "ms", "1: p50", false}, {"latency1_p99", "ms", "1: p99", false},
		{"latency64_p50", "ms", "64: p50", false}, {"latency64_p99", "ms", "64: p99", false},
		{"jobs1", "jobs", "1: jobs", true}, {"jobs64", "jobs", "64: jobs", true},
	}
	for _, kill := range []string{"worker_kill", "server_kill"} {
		list = append(list,
			column{kill + ".first", "ms", "first step", false}, column{kill + ".all", "ms", "all ended", false},
			column{kill + ".unfinished", "jobs", "unfinished", true}, column{kill + ".repeated", "steps", "repeated", true}, column{kill + ".redone", "steps", "redone", true})
	}
	return list
}

// column is one figure of all systems.
type column struct {
	name, unit, title string
	sum               bool // over the repetitions; otherwise it is the median
}

// value is what is shown of a figure's repetitions.
func (c column) value(runs []float64) float64 {
	if c.sum {
		total := 0.0
		for _, v := range runs {
			total += v
		}
		return total
	}
	return median(runs)
}

// median returns the middle one, or the mean of the two in the middle.
func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	n := len(list)
	return round((list[(n-1)/2] + list[n/2]) / 2)
}

// round keeps four significant digits.
func round(v float64) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

// line is a figure as it is printed.
type line struct {
	Name   string    `json:"name"`
	System string    `json:"system"`
	Value  float64   `json:"value"`
	Unit   string    `json:"unit"`
	Runs   []float64 `json:"runs"`
}

// print prints one line of JSON for each figure.
func (r *report) print(w io.Writer, systems []string) error {
	out := json.NewEncoder(w)
	for _, c := range columns() {
		for _, s := range systems {
			runs := r.runs[c.name][s]
			if len(runs) == 0 {
				continue
			}
			if err := out.Encode(line{Name: "compare." + c.name, System: s, Value: c.value(runs), Unit: c.unit, Runs: runs}); err != nil {
				return err
			}
		}
	}
	return nil
}

// table prints Markdown: speed first, then the kills.
func (r *report) table(w io.Writer, systems []string) error {
	all := columns()
	for _, part := range []struct {
		title string
		list  []column
	}{{"Speed (latency in ms, by jobs in flight)", all[:7]}, {"Kill of the process that works (times in ms)", all[7:12]}, {"Kill of the server (times in ms)", all[12:]}} {
		if _, err := fmt.Fprintf(w, "\n%s\n\n", part.title); err != nil {
			return err
		}
		t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
		head, rule := "| system", "|---"
		for _, c := range part.list {
			head += "\t| " + c.title
			rule += "\t|--:"
		}
		rows := []string{head + "\t|", rule + "\t|"}
		for _, s := range systems {
			row := "| " + s
			for _, c := range part.list {
				row += "\t| " + cell(c, r.runs[c.name][s])
			}
			rows = append(rows, row+"\t|")
		}
		if _, err := fmt.Fprintln(t, strings.Join(rows, "\n")); err != nil {
			return err
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// cell is a figure for people.
func cell(c column, runs []float64) string {
	if len(runs) == 0 {
		return "–"
	}
	v := c.value(runs)
	switch {
	case c.sum:
		return fmt.Sprintf("%.0f", v)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}
