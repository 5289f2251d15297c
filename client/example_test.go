package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
	"github.com/stewardhq/steward/examples/invoice"
	"github.com/stewardhq/steward/internal/app/apptest"
)

// local stands for client.New(nil) beside a running server. The function it returns ends that server.
func local() (*client.Client, func()) {
	folder, err := os.MkdirTemp("", "steward-example-")
	if err != nil {
		panic(err)
	}
	s, err := apptest.Open(context.Background(), folder)
	if err != nil {
		panic(err)
	}
	c, err := client.New(&client.Options{DataFolder: folder})
	if err != nil {
		panic(err)
	}
	return c, func() {
		if err := errors.Join(s.Stop(), os.RemoveAll(folder)); err != nil {
			panic(err)
		}
	}
}

// Read an invoice: make an agent, run it on a file, wait, decode.
func Example() {
	c, stop := local() // client.New(nil)
	defer stop()
	ctx := context.Background()

	agent, err := c.CreateAgent(ctx, client.AgentCreate{
		Name: "invoices", EngineClassID: "PDFExtractionEngine",
		EngineConfig: map[string]any{
			"instructions": "Extract the invoice.",
			"output_schema": map[string]any{"type": "object", "properties": map[string]any{
				"invoice_number": map[string]any{"type": "string"}, "total": map[string]any{"type": "number"},
			}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	job, err := c.Run(ctx, agent.ID, client.RunParams{Inputs: client.Inputs{"pdf_files": client.FilePath("../examples/invoice/invoice.pdf")}})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := c.Wait(ctx, job, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	var invoice struct {
		Number string  `json:"invoice_number"`
		Total  float64 `json:"total"`
	}
	if err := result.Decode("output", &invoice); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(invoice.Number, invoice.Total)
	// Output: MF-2026-0417 12886.51
}

// The same key starts one job only, however often a run is sent.
func ExampleClient_Run() {
	c, stop := local()
	defer stop()
	ctx := context.Background()
	agent, err := c.CreateAgent(ctx, textAgent("totals"))
	if err != nil {
		fmt.Println(err)
		return
	}

	p := client.RunParams{Inputs: client.Inputs{"text": "Total: EUR 1,250.00"}, IdempotencyKey: "mail-4711"}
	first, err := c.Run(ctx, agent.ID, p)
	if err != nil {
		fmt.Println(err)
		return
	}
	again, err := c.Run(ctx, agent.ID, p)
	fmt.Println(first == again, err)
	// Output: true <nil>
}

// RunSync is for work of seconds.
func ExampleClient_RunSync() {
	c, stop := local()
	defer stop()
	ctx := context.Background()
	agent, err := c.CreateAgent(ctx, textAgent("totals"))
	if err != nil {
		fmt.Println(err)
		return
	}

	outputs, err := c.RunSync(ctx, agent.ID, client.RunParams{Inputs: client.Inputs{"text": "Total: EUR 1,250.00"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, out := range outputs {
		fmt.Println(out.Key, out.DataType)
	}
	// Output: output application/json
}

// Wait tells how far the job is, and how it ended.
func ExampleClient_Wait() {
	c, stop := local()
	defer stop()
	ctx := context.Background()
	agent, err := c.CreateAgent(ctx, client.AgentCreate{
		Name: "invoices", EngineClassID: "PDFExtractionEngine", EngineConfig: map[string]any{"instructions": "Extract the invoice."},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	job, err := c.Run(ctx, agent.ID, client.RunParams{Inputs: client.Inputs{"pdf_files": client.File{Name: "broken.pdf", Bytes: []byte("%PDF-1.7\nno more")}}})
	if err != nil {
		fmt.Println(err)
		return
	}

	var last steward.Status
	result, err := c.Wait(ctx, job, &client.WaitOptions{OnStatus: func(s *client.JobStatus) { last = s.Status }})
	if err != nil {
		fmt.Println(err) // the server said no, or the time is up: the job goes on
		return
	}
	if !result.Succeeded() {
		fmt.Println(last, result.FailureCode)
	}
	// Output: FAILURE unsupported_file
}

// A range fetches pages as it needs them. It ends after its first error.
func ExampleClient_Agents() {
	c, stop := local()
	defer stop()
	ctx := context.Background()
	for _, name := range []string{"totals", "names", "dates"} {
		if _, err := c.CreateAgent(ctx, textAgent(name)); err != nil {
			fmt.Println(err)
			return
		}
	}

	for agent, err := range c.Agents(ctx, client.AgentList{Ordering: "name", PageSize: 2}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(agent.Name)
	}
	// Output:
	// dates
	// names
	// totals
}

// Files come from paths, bytes, readers, URLs, or from an earlier run.
func ExampleInputs() {
	inputs := client.Inputs{
		"text":      "Total: EUR 1,250.00",
		"threshold": 0.8,
		"letter":    []byte("Dear Sir or Madam"),
		"pdf_files": []client.File{
			client.FilePath("invoice.pdf"),
			client.FileURL("https://files.example.com/invoice.pdf"),
			client.FileReader("scan.pdf", bytes.NewReader(invoice.PDF)),
			client.FileID("01890000-0000-7000-8000-000000000001"),
		},
	}
	fmt.Println(len(inputs))
	// Output: 4
}

// Errors have a code, and what the server said.
func ExampleError() {
	c, stop := local()
	defer stop()
	_, err := c.CreateAgent(context.Background(), client.AgentCreate{Name: "x", EngineClassID: "NoSuchEngine"})

	var said *client.Error
	if errors.As(err, &said) {
		fmt.Println(said.StatusCode, said.Field, steward.CodeOf(err))
	}
	// Output: 400 engine_class_id invalid
}

// A key for one purpose has no more than the scopes that it needs.
func ExampleClient_CreateKey() {
	c, stop := local()
	defer stop()
	ctx := context.Background()

	key, err := c.CreateKey(ctx, client.KeyCreate{Name: "dashboard", Scopes: []steward.Scope{steward.ScopeRead}})
	if err != nil {
		fmt.Println(err)
		return
	}
	reader, err := client.New(&client.Options{APIKey: key.Token, BaseURL: c.BaseURL()})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = reader.CreateAgent(ctx, textAgent("totals"))
	fmt.Println(steward.CodeOf(err))
	// Output: denied
}

// What a job saved, such as the images of pages, is downloaded by its id.
func ExampleClient_DownloadReference() {
	c, stop := local()
	defer stop()
	ctx := context.Background()
	agent, err := c.CreateAgent(ctx, client.AgentCreate{Name: "saves", EngineClassID: "SavingEngine"})
	if err != nil {
		fmt.Println(err)
		return
	}
	job, err := c.Run(ctx, agent.ID, client.RunParams{})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := c.Wait(ctx, job, nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	for _, id := range result.References() {
		if _, err := c.DownloadReference(ctx, job, id, os.Stdout, nil); err != nil {
			fmt.Println(err)
		}
	}
	// Output: the first page
}
