package e2e

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stewardhq/steward/internal/document/documenttest"
)

// codesSchema asks for the codes of all sections.
const codesSchema = `{"type":"object","properties":{"codes":{"type":"array","items":{"type":"string"}}},"required":["codes"]}`

var sectionCode = regexp.MustCompile(`SC-\d+`)

// gate lets so many calls of a model be answered; the others hang until the server that made them is gone.
type gate struct {
	mu       sync.Mutex
	open     int            // calls that may still be answered; below 0 means all
	answered map[string]int // how often a page was answered for
	hanging  int            // calls that were left hanging
}

// pass reports whether a call is answered.
func (g *gate) pass(pages []string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == 0 {
		g.hanging++
		return false
	}
	if g.open > 0 {
		g.open--
	}
	for _, p := range pages {
		g.answered[p]++
	}
	return true
}

// admit opens the gate for n more calls; below 0 for all.
func (g *gate) admit(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = n
}

// done is how many pages were answered for.
func (g *gate) done() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.answered)
}

// asked answers whatever is asked about pages with their codes, as far as the gate is open.
func (g *gate) asked(c *modelCall) reply {
	pages := c.pages()
	if !g.pass(pages) {
		return reply{hang: true}
	}
	codes := sectionCode.FindAllString(c.prompt, -1)
	result := object{"codes": codes}
	var quotes []object
	for i, code := range codes {
		quotes = append(quotes, quote(fmt.Sprintf("/codes/%d", i), 0, code))
	}
	return reply{text: quoted(result, quotes...)}
}

func TestNoFinishedModelCallIsRepeatedAfterKills(t *testing.T) {
	t.Parallel()
	for size, rounds := range map[int][]int{1: {3, 17, 9}, 10: {1, 2}} { // calls that are answered before each kill
		databases(t, func(t *testing.T, database string) {
			g := &gate{answered: map[string]int{}}
			m := serveModel(t, g.asked)
			s := withModel(t, m, options{database: database, config: "workers:\n  max_crashes: 9\n"})
			agent := s.pdfAgent("forty", codesSchema, object{"model": modelName, "batch_size": size, "dpi": 36})
			g.admit(rounds[0])
			job := s.postForm(asyncPath(agent), pdf("forty-pages.pdf", testdata(t, "pdf/forty-pages.pdf"))).submitted()
			calls := 0
			for i, n := range rounds {
				calls += n
				var before map[string]done
				until(t, fmt.Sprintf("%d calls are recorded and others are under way", calls), func() bool {
					before = s.recorded(job)
					g.mu.Lock()
					defer g.mu.Unlock()
					return extracted(before) == calls && g.hanging > i
				})
				s.kill()
				if g.done() != calls*size {
					t.Fatalf("%d pages were answered for, want %d", g.done(), calls*size)
				}
				next := -1
				if i+1 < len(rounds) {
					next = rounds[i+1]
				}
				g.admit(next)
				s.boot()
			}
			killed := s.wait(job)
			g.mu.Lock()
			for page, n := range g.answered {
				if n != 1 {
					t.Errorf("%d pages a call: page %s was answered for %d times", size, page, n)
				}
			}
			asked, hanging := len(m.seen("")), g.hanging
			g.mu.Unlock()
			if g.done() != 40 || asked != 40/size+hanging {
				t.Errorf("%d pages a call: %d pages were answered for in %d calls, %d of which were cut off", size, g.done(), asked, hanging)
			}
			other := s.postForm(asyncPath(agent), pdf("forty-pages.pdf", testdata(t, "pdf/forty-pages.pdf"))).submitted()
			undisturbed := s.wait(other)
			if a, b := answerOf(killed, job), answerOf(undisturbed, other); a == "" || a != b {
				t.Errorf("%d pages a call: the result is\n%s\nundisturbed it is\n%s", size, a, b)
			}
			if killed.InputTokens != undisturbed.InputTokens || killed.OutputTokens != undisturbed.OutputTokens {
				t.Errorf("%d pages a call: %d tokens in and %d out, undisturbed %d and %d", size, killed.InputTokens, killed.OutputTokens, undisturbed.InputTokens, undisturbed.OutputTokens)
			}
			t.Logf("%d pages a call: %d kills, %d calls, %d of which were cut off by a kill", size, len(rounds), asked, hanging)
		})
	}
}

var capturedAt = regexp.MustCompile(`"captured_at":"[^"]*",`)

// answerOf is a job's answer without its id, and without the times at which its references were saved.
func answerOf(r jobResult, job string) string {
	if len(r.Outputs) != 1 {
		return ""
	}
	return capturedAt.ReplaceAllString(strings.ReplaceAll(r.Outputs[0].Value, job, "<job>"), "")
}

// extracted counts the model's steps.
func extracted(steps map[string]done) int {
	n := 0
	for name := range steps {
		if strings.HasSuffix(name, ".extract") {
			n++
		}
	}
	return n
}

func TestOCRIsNotRepeatedAfterAKill(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, database string) {
		path, calls, err := documenttest.FakeOCR(t.TempDir(), "Section code: SC-700")
		if err != nil {
			t.Fatal(err)
		}
		read := func() int {
			list, err := os.ReadDir(calls)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		g := &gate{answered: map[string]int{}}
		s := withModel(t, serveModel(t, g.asked), options{database: database, env: []string{"STEWARD_OCR_PATH=" + path}})
		agent := s.pdfAgent("scan", codesSchema, object{"model": modelName, "dpi": 36})
		scan := documenttest.Build(slices.Repeat([]documenttest.Sheet{{}}, 6)...)
		job := s.postForm(asyncPath(agent), pdf("scan.pdf", scan)).submitted()
		until(t, "the model is asked", func() bool {
			g.mu.Lock()
			defer g.mu.Unlock()
			return g.hanging > 0
		})
		before := s.recorded(job)
		if n := read(); n != 6 || len(before) != 8 { // to open and to read the file, and six pages by OCR
			t.Errorf("OCR read %d pictures, steps %v", n, before)
		}
		s.kill()
		g.admit(-1)
		s.boot()
		var out struct{ Codes []string }
		s.wait(job).succeeded(t, &out)
		if n := read(); n != 6 || !slices.Contains(out.Codes, "SC-700") {
			t.Errorf("OCR read %d pictures in all, the answer is %v", n, out.Codes)
		}
		unchanged(t, before, s.recorded(job))
	})
}
