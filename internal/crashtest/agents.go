package crashtest

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/internal/crashtest/oracle"
	"github.com/stewardhq/steward/internal/crashtest/scripted"
	"github.com/stewardhq/steward/internal/document/documenttest"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/engine/extract"
	"github.com/stewardhq/steward/internal/engine/pdf"
)

// agents are those that the load runs.
type agents struct {
	plain, keyed, save, hold, all, fail, retry, cached, batch, model, pdf, builtin, dear, reads, scan steward.AgentID
}

// pdfPages is how many pages the PDFs have that a provider's model reads.
const pdfPages = 3

type object = map[string]any

// makeAgents makes the agents, and notes what is known about their jobs.
func makeAgents(ctx context.Context, c *client.Client) (agents, map[steward.AgentID]oracle.Agent, error) {
	var a agents
	known := map[steward.AgentID]oracle.Agent{}
	success := []steward.Status{steward.StatusSuccess}
	for _, m := range []struct {
		id     *steward.AgentID
		class  string
		config object
		about  oracle.Agent
	}{
		{&a.plain, enginetest.CrashClassID, object{"steps": 3, "pause_ms": 4}, crashing("plain", 3, success)},
		{&a.keyed, enginetest.CrashClassID, object{"steps": 2, "pause_ms": 3, "keyed": true}, keyed(crashing("keyed", 2, success))},
		{&a.save, enginetest.CrashClassID, object{"steps": 2, "save": true}, saving(crashing("save", 2, success))},
		{&a.hold, enginetest.CrashClassID, object{"steps": 1, "hold": true}, crashing("hold", 1, nil)},
		{&a.all, enginetest.CrashClassID, object{"steps": 1, "hold": true}, crashing("all", 1, []steward.Status{steward.StatusCancelled})},
		{&a.fail, enginetest.CrashClassID, object{"steps": 1, "fail": true}, crashing("fail", 1, []steward.Status{steward.StatusFailure})},
		{&a.retry, enginetest.CrashClassID, object{"steps": 2, "retry": true}, crashing("retry", 2, success)},
		{&a.cached, enginetest.CrashClassID, object{"steps": 2, "pause_ms": 2}, crashing("cached", 2, []steward.Status{steward.StatusSuccess, steward.StatusCached})},
		{&a.batch, enginetest.CrashClassID, object{"steps": 2, "pause_ms": 5}, crashing("batch", 2, success)},
		{&a.model, extract.ClassID, object{"model": scripted.Model, "output_schema": json.RawMessage(scripted.CodeSchema), "use_source": false, "instruction": "Find the section code."}, oracle.Agent{
			Name: "model", Ends: success, Value: func(text string) string { return text }, Answer: codeIn,
			Markers: func(text string) []oracle.Marker { return []oracle.Marker{{Key: text, Step: "extract"}} },
		}},
		{&a.pdf, pdf.ClassID, object{
			"model": scripted.Model, "output_schema": json.RawMessage(scripted.CodesSchema), "use_source": false, "instructions": "Find the section codes.",
			"batch_size": 1, "convert_to_images": false,
		}, oracle.Agent{Name: "pdf", Ends: success, Value: allCodes, Answer: codesIn, Markers: pageMarkers}},
		{&a.builtin, pdf.ClassID, object{"model": "builtin", "output_schema": json.RawMessage(scripted.CodeSchema), "instructions": "Find the section code.", "batch_size": 1},
			oracle.Agent{Name: "builtin", Ends: success, Answer: unmarked}},
		{&a.dear, enginetest.CrashClassID, object{"steps": 5, "model": true, "max_cost_usd": dearLimit.USD()}, limited(crashing("dear", 5, []steward.Status{steward.StatusFailure}))},
		{&a.reads, enginetest.CrashClassID, object{"steps": 1}, crashing("reads", 1, success)},
		{&a.scan, pdf.ClassID, object{"model": "builtin", "output_schema": json.RawMessage(scripted.CodeSchema), "instructions": "Find the section code.", "dpi": 36},
			oracle.Agent{Name: "scan", Ends: success, Answer: unmarked}},
	} {
		params := client.AgentCreate{Name: m.about.Name, EngineClassID: m.class, EngineConfig: m.config}
		if m.class == extract.ClassID {
			params.InputDefinitions = []steward.InputDefinition{{Key: "text", DataType: "text/plain", Description: "The text."}}
		}
		if m.id == &a.reads {
			params.InputDefinitions = []steward.InputDefinition{
				{Key: "text", DataType: "text/plain", Description: "The text."}, {Key: "document", DataType: "application/pdf", Description: "A file."},
			}
		}
		made, err := c.CreateAgent(ctx, params)
		if err != nil {
			return a, nil, fmt.Errorf("create agent %s: %w", m.about.Name, err)
		}
		*m.id, known[made.ID] = made.ID, m.about
	}
	return a, known, nil
}

// crashing is what is known of the runs of enginetest.Crash.
func crashing(name string, steps int, ends []steward.Status) oracle.Agent {
	a := oracle.Agent{Name: name, Ends: ends, Used: steward.Free(), Answer: valueIn, Value: func(text string) string { return enginetest.CrashValue(text, steps) }}
	for i := range steps {
		a.Steps = append(a.Steps, fmt.Sprintf("step[%d]", i))
		a.Used = a.Used.Add(enginetest.CrashUsage(i))
	}
	return a
}

func keyed(a oracle.Agent) oracle.Agent {
	a.Keyed = "change"
	return a
}

func saving(a oracle.Agent) oracle.Agent {
	a.Saves = func(text string) string { return savedBy(a.Value(text)) }
	return a
}

// dearLimit is what a job of the agent dear may cost: its steps cost 10, 11, 12, 13 and 14.
const dearLimit steward.MicroUSD = 30

func limited(a oracle.Agent) oracle.Agent {
	a.Limit, a.Dearest, a.Value = dearLimit, 14, nil
	return a
}

// valueIn is what enginetest.Crash answers.
func valueIn(output string) string {
	var v struct{ Value string }
	if json.Unmarshal([]byte(output), &v) != nil {
		return output
	}
	return v.Value
}

func codeIn(output string) string {
	var v struct{ Code string }
	if json.Unmarshal([]byte(output), &v) != nil {
		return output
	}
	return v.Code
}

func codesIn(output string) string {
	var v struct{ Codes []string }
	if json.Unmarshal([]byte(output), &v) != nil {
		return output
	}
	return fmt.Sprint(v.Codes)
}

func allCodes(text string) string {
	var codes []string
	for n := range pdfPages {
		codes = append(codes, pageCode(text, n+1))
	}
	return fmt.Sprint(codes)
}

func pageCode(text string, page int) string { return fmt.Sprintf("%s-%d", text, page) }

func pageMarkers(text string) []oracle.Marker {
	var markers []oracle.Marker
	for n := range pdfPages {
		markers = append(markers, oracle.Marker{Key: pageCode(text, n+1), Step: fmt.Sprintf("file[0].pages[%d-%d].extract", n+1, n+1)})
	}
	return markers
}

// ofOneRun is what differs between the answers of two runs: ids and times.
var ofOneRun = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|"captured_at":"[^"]*"|127\.0\.0\.1:\d+`)

func unmarked(output string) string { return ofOneRun.ReplaceAllString(output, "*") }

// pdfOf makes the PDF of a text.
func pdfOf(text string) []byte {
	sheets := make([]documenttest.Sheet, pdfPages)
	for n := range sheets {
		sheets[n].Content = documenttest.Lines(72, 720, 12, 18, fmt.Sprintf("Page %d", n+1), "Section code: "+pageCode(text, n+1), "Nothing else is known.")
	}
	return documenttest.Build(sheets...)
}
