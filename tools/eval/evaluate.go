package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/document"
	"github.com/stewardhq/steward/internal/extracteval"
	"github.com/stewardhq/steward/internal/grounding"
)

// evaluation asks one model about documents.
type evaluation struct {
	client   *client.Client
	model    string
	timeout  time.Duration
	output   int64 // tokens of one answer, at most
	progress io.Writer
}

// line is what came of one model on one kind of document.
type line struct {
	model, kind string
	documents   int
	failed      map[steward.FailureCode]int
	answers     int // that did not fail
	valid       int // of answers: match their schema, absent values allowed to be null
	figures     extracteval.Figures
	given       int // values that stand in answers and have evidence, verified or not
	verified    int
	false       int // verified, and do not stand in the document
	cost        *steward.MicroUSD
	pages       int
	took        time.Duration
	repeated    int // calls that were made again because an answer did not fit
}

// all asks about every case, one after the other, and sums up by kind.
func (e *evaluation) all(ctx context.Context, cases []extracteval.Case) ([]line, error) {
	kinds := map[string]*line{}
	for i := range cases {
		c := &cases[i]
		l := kinds[c.Kind]
		if l == nil {
			l = &line{model: e.model, kind: c.Kind, failed: map[steward.FailureCode]int{}, cost: new(steward.MicroUSD)}
			kinds[c.Kind] = l
		}
		if err := e.one(ctx, c, l); err != nil {
			return nil, fmt.Errorf("%s, %s: %w", e.model, c.Name, err)
		}
	}
	var lines []line
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		lines = append(lines, *kinds[kind])
	}
	return lines, nil
}

// one runs a document as a job and adds what came of it.
func (e *evaluation) one(ctx context.Context, c *extracteval.Case, l *line) error {
	pages, err := pagesOf(ctx, c)
	if err != nil {
		return err
	}
	start := time.Now()
	job, result, err := e.run(ctx, c)
	if err != nil {
		return err
	}
	took := time.Since(start)
	l.documents++
	l.pages += len(pages)
	l.took += took
	if err := e.book(ctx, job, l); err != nil {
		return err
	}
	if !result.Succeeded() {
		l.failed[result.FailureCode]++
		score, err := extracteval.Score(*c, json.RawMessage("{}"), nil)
		if err != nil {
			return err
		}
		l.count(score)
		_, err = fmt.Fprintf(e.progress, "%s %s: %s after %s: %s\n", e.model, c.Name, result.FailureCode, took.Round(time.Millisecond), result.ErrorMessage)
		return err
	}
	value, sources, err := answerOf(result)
	if err != nil {
		return err
	}
	l.answers++
	if problem := mismatch(c.Schema, value); problem == nil {
		l.valid++
	} else if _, err := fmt.Fprintf(e.progress, "%s %s: does not match: %v\n", e.model, c.Name, problem); err != nil {
		return err
	}
	for i := range sources {
		if l.given++; sources[i].Unverified {
			continue
		}
		if l.verified++; !stands(&sources[i], pages) {
			l.false++
			if _, err := fmt.Fprintf(e.progress, "%s %s: %s is verified and does not stand: %q\n", e.model, c.Name, sources[i].Path, sources[i].Quote); err != nil {
				return err
			}
		}
	}
	score, err := extracteval.Score(*c, value, sources)
	if err != nil {
		return err
	}
	l.count(score)
	_, err = fmt.Fprintf(e.progress, "%s %s: answered after %s\n", e.model, c.Name, took.Round(time.Millisecond))
	return err
}

// run makes an agent for the document's schema and runs it.
func (e *evaluation) run(ctx context.Context, c *extracteval.Case) (steward.JobID, *client.JobResult, error) {
	config := map[string]any{"model": e.model, "output_schema": c.Schema, "use_source": true, "max_output_tokens": e.output}
	class, inputs := "PDFExtractionEngine", client.Inputs{"pdf_files": client.FilePath(c.Source)}
	config["instructions"] = "Read the document and fill the schema."
	if c.ContentType == "text/plain" {
		text, err := os.ReadFile(c.Source)
		if err != nil {
			return "", nil, err
		}
		delete(config, "instructions")
		config["instruction"] = "Read the document and fill the schema."
		class, inputs = "MultimodalExtractionEngine", client.Inputs{"text": string(text)}
	}
	agent, err := e.client.CreateAgent(ctx, client.AgentCreate{Name: c.Name + " with " + e.model, EngineClassID: class, EngineConfig: config})
	if err != nil {
		return "", nil, err
	}
	job, err := e.client.Run(ctx, agent.ID, client.RunParams{Inputs: inputs, Timeout: e.timeout})
	if err != nil {
		return "", nil, err
	}
	result, err := e.client.Wait(ctx, job, nil)
	return job, result, err
}

// book adds the costs of a job and the calls that were repeated.
func (e *evaluation) book(ctx context.Context, job steward.JobID, l *line) error {
	steps, err := e.client.JobSteps(ctx, job)
	if err != nil {
		return err
	}
	for i := range steps {
		if steps[i].Kind != steward.StepModel {
			continue
		}
		if strings.Contains(steps[i].Name, ".retry[") {
			l.repeated++
		}
		switch cost := steps[i].Usage.Cost; {
		case cost == nil:
			l.cost = nil
		case l.cost != nil:
			*l.cost += *cost
		}
	}
	return nil
}

func (l *line) count(r extracteval.Result) {
	var report extracteval.Report
	report.Add(r)
	f := report.All
	l.figures.Right += f.Right
	l.figures.Wrong += f.Wrong
	l.figures.Missed += f.Missed
	l.figures.Invented += f.Invented
	l.figures.Absent += f.Absent
	l.figures.Grounded += f.Grounded
}

// answerOf parts an answer from its evidence.
func answerOf(r *client.JobResult) (value json.RawMessage, sources []steward.Evidence, err error) {
	members := map[string]json.RawMessage{}
	if err := r.Decode("output", &members); err != nil {
		return nil, nil, err
	}
	if text, ok := members["_sources"]; ok {
		if err := json.Unmarshal(text, &sources); err != nil {
			return nil, nil, fmt.Errorf("read _sources: %w", err)
		}
	}
	for _, extra := range []string{"_sources", "_grounding", "_warnings", "references", "reference_details"} {
		delete(members, extra)
	}
	value, err = json.Marshal(members)
	return value, sources, err
}

// mismatch judges an answer by a validator that the server does not use for it in this form: the schema as it was written, with null
// allowed where a value is not stated, which is taken out of the answer first.
func mismatch(schema, value json.RawMessage) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", withoutRequired(doc)); err != nil {
		return err
	}
	compiled, err := compiler.Compile("schema.json")
	if err != nil {
		return err
	}
	answer, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return err
	}
	return compiled.Validate(withoutNulls(answer))
}

// withoutRequired leaves out which members must be there: what a document does not state is null.
func withoutRequired(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["required"].([]any); ok {
			delete(v, "required")
		}
		for _, member := range v {
			withoutRequired(member)
		}
	case []any:
		for _, item := range v {
			withoutRequired(item)
		}
	}
	return v
}

// withoutNulls leaves out members that are null.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if member == nil {
				delete(v, name)
				continue
			}
			withoutNulls(member)
		}
	case []any:
		for _, item := range v {
			withoutNulls(item)
		}
	}
	return v
}

// pagesOf reads the pages of a document.
func pagesOf(ctx context.Context, c *extracteval.Case) (pages []grounding.Page, err error) {
	data, err := os.ReadFile(c.Source)
	if err != nil {
		return nil, err
	}
	if c.ContentType == "text/plain" {
		return []grounding.Page{{Text: string(data)}}, nil
	}
	reader := document.Open(document.Options{CacheDir: cacheFolder()})
	defer func() { err = joined(err, reader.Close()) }()
	pdf, err := reader.Open(ctx, c.Name, bytes.NewReader(data), int64(len(data)), "")
	if err != nil {
		return nil, err
	}
	defer func() { err = joined(err, pdf.Close()) }()
	for n := 1; n <= pdf.PageCount(); n++ {
		page, err := pdf.Page(ctx, n)
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}

func joined(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// stands reports whether the quote of an entry stands on its page, by a rule of its own: its letters and digits follow one another
// in the page's text or, for a cell that goes on in the next line, in the words that lie within its boxes and nowhere else.
func stands(e *steward.Evidence, pages []grounding.Page) bool {
	quote := bare(e.Quote)
	if quote == "" {
		return false
	}
	if e.Page == 0 {
		return slices.ContainsFunc(pages, func(p grounding.Page) bool { return strings.Contains(bare(p.Text), quote) })
	}
	if e.Page > len(pages) {
		return false
	}
	page := &pages[e.Page-1]
	return strings.Contains(bare(page.Text), quote) || bare(within(page, e.Boxes)) == quote
}

// within is the text of the words whose middle lies in one of the boxes, box by box.
func within(page *grounding.Page, boxes []steward.Box) string {
	var b strings.Builder
	for _, box := range boxes {
		for _, w := range page.Words {
			if x, y := (w.Box.X0+w.Box.X1)/2, (w.Box.Y0+w.Box.Y1)/2; x >= box.X0 && x <= box.X1 && y >= box.Y0 && y <= box.Y1 {
				b.WriteString(page.Text[w.Start:w.End])
			}
		}
	}
	return b.String()
}

// bare keeps letters and digits, in small letters.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// cacheFolder is where the PDF engine's compiled form is kept, as by the server.
func cacheFolder() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "" // compiled anew then
	}
	return filepath.Join(cache, "steward", "pdf")
}
