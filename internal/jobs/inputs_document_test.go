package jobs_test

import (
	"archive/zip"
	"bytes"
	"context"
	"testing"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/engine"
	"github.com/stewardhq/steward/internal/engine/enginetest"
	"github.com/stewardhq/steward/internal/jobs"
)

// wordReader is an engine that reads Word documents in the place of texts.
type wordReader struct{ enginetest.Func }

const docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

// Reads implements engine.FileReader.
func (wordReader) Reads(contentType string) bool { return contentType == docx }

func TestADocumentThatTheEngineReadsMayStandForAText(t *testing.T) {
	t.Parallel()
	e := wordReader{enginetest.Func{ID: "Words", Config: []engine.Param{{Name: "text", Kind: engine.KindText, Bindable: true, TakesFiles: true}}}}
	e.Do = func(_ context.Context, run *engine.Run) (*engine.Result, error) {
		refs := run.Config.FileRefs("text")
		if len(refs) != 1 || refs[0].File == nil {
			return enginetest.Output(run.Config.String("text"))
		}
		return enginetest.Output(refs[0].File.Name)
	}
	h := openHouse(t, houseOptions{engines: []engine.Engine{e}})
	h.work(jobs.WorkerOptions{})
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if _, err := z.Create("word/document.xml"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	def := steward.InputDefinition{Key: "text", DataType: "text/plain"}
	agent := h.agentWith("a", "Words", def)
	run := func(f *steward.File) string {
		t.Helper()
		job := h.end(h.submit(jobs.RunParams{AgentID: agent, Inputs: []jobs.RawInput{{Key: "text", File: f}}}))
		if job.Status != steward.StatusSuccess {
			t.Fatalf("%s: ended %s with %+v", f.Name, job.Status, job.Failure)
		}
		return job.Outputs[0].Value
	}
	if got := run(h.upload("letter.docx", b.String())); got != `"letter.docx"` {
		t.Errorf("a Word document: got %s", got)
	}
	if got := run(h.upload("letter.txt", "Dear Ada")); got != `"Dear Ada"` {
		t.Errorf("a plain text: got %s", got)
	}
	for _, f := range []*steward.File{h.upload("a.pdf", "%PDF-1.4"), h.upload("a.png", "\x89PNG\r\n\x1a\n")} {
		if _, err := h.jobs.Submit(h.ctx, jobs.RunParams{AgentID: agent, Inputs: []jobs.RawInput{{Key: "text", File: f}}}); steward.CodeOf(err) != steward.Invalid {
			t.Errorf("%s, which the engine does not read: %v", f.Name, err)
		}
	}
}
