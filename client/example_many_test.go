package client_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/client"
)

// begin stands for a client and an agent that reads totals out of texts.
func begin() (*client.Client, *steward.Agent, func()) {
	c, stop := local()
	agent, err := c.CreateAgent(context.Background(), textAgent("totals"))
	if err != nil {
		panic(err)
	}
	return c, agent, stop
}

// Many runs of one agent are started by one call, however many they are.
func ExampleClient_RunMany() {
	c, agent, stop := begin()
	defer stop()
	ctx := context.Background()

	var inputs []client.Inputs
	for i := range 3 {
		inputs = append(inputs, client.Inputs{"text": fmt.Sprintf("Total: EUR %d.50", 10+i)})
	}
	jobs, err := c.RunMany(ctx, agent.ID, inputs, client.RunManyParams{Metadata: map[string]any{"month": "2026-03"}})
	if failed := (*client.SubmitError)(nil); errors.As(err, &failed) {
		fmt.Println("only", len(failed.Submitted), "were started:", failed.Err)
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	results, err := c.WaitMany(ctx, jobs, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range results {
		var out struct{ Total float64 }
		if err := r.Decode("output", &out); err != nil {
			fmt.Println(err)
		}
		fmt.Println(out.Total)
	}
	// Output:
	// 10.5
	// 11.5
	// 12.5
}

// A batch outlives its sender: one that was interrupted sends again, and goes on where it was.
func ExampleClient_SendBatchItems() {
	c, agent, stop := begin()
	defer stop()
	ctx := context.Background()
	items := []client.Inputs{{"text": "Total: 1.50"}, {"text": "Total: 2.50"}, {"text": "Total: 3.50"}}

	send := func(most int) error {
		batch, err := c.CreateBatch(ctx, agent.ID, client.BatchCreate{Name: "March", IdempotencyKey: "invoices of March"})
		if err != nil {
			return err
		}
		fmt.Println("the server has", batch.NextIndex)
		_, err = c.SendBatchItems(ctx, batch.ID, batch.NextIndex, items[batch.NextIndex:most], nil)
		return err
	}
	if err := errors.Join(send(2), send(3)); err != nil {
		fmt.Println(err)
	}
	// Output:
	// the server has 0
	// the server has 2
}

// A batch that is closed is completed when its last job has ended.
func ExampleClient_WaitBatch() {
	c, agent, stop := begin()
	defer stop()
	ctx := context.Background()
	batch, err := c.CreateBatch(ctx, agent.ID, client.BatchCreate{})
	if err != nil {
		fmt.Println(err)
		return
	}
	items := []client.Inputs{{"text": "Total: 1.50"}, {"text": "Total: 2.50"}, {}} // the last one lacks its input
	if _, err := c.SendBatchItems(ctx, batch.ID, 0, items, nil); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.CloseBatch(ctx, batch.ID); err != nil {
		fmt.Println(err)
		return
	}

	batch, err = c.WaitBatch(ctx, batch.ID, &client.BatchWaitOptions{Timeout: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(batch.State, batch.Counts.Success, "of", batch.Counts.Total())
	for item, err := range c.BatchItems(ctx, batch.ID, client.BatchItemList{Status: []steward.Status{steward.StatusFailure}}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(item.Index, item.ErrorMessage)
	}
	// Output:
	// completed 2 of 3
	// 2 Missing input key text
}

// Statuses of many jobs are asked for in one call.
func ExampleClient_JobStatuses() {
	c, agent, stop := begin()
	defer stop()
	ctx := context.Background()
	jobs, err := c.RunMany(ctx, agent.ID, []client.Inputs{{"text": "Total: 1.50"}, {"text": "Total: 2.50"}}, client.RunManyParams{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.WaitMany(ctx, jobs, nil); err != nil {
		fmt.Println(err)
		return
	}

	statuses, err := c.JobStatuses(ctx, jobs)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, st := range statuses {
		fmt.Println(st.Status)
	}
	// Output:
	// SUCCESS
	// SUCCESS
}

// Jobs are listed by what their callers noted about them.
func ExampleClient_Jobs() {
	c, agent, stop := begin()
	defer stop()
	ctx := context.Background()
	for _, customer := range []string{"7", "8"} {
		p := client.RunParams{Inputs: client.Inputs{"text": "Total: 1.50, customer " + customer}, Metadata: map[string]any{"customer": customer}}
		job, err := c.Run(ctx, agent.ID, p)
		if err != nil {
			fmt.Println(err)
			return
		}
		if _, err := c.Wait(ctx, job, nil); err != nil {
			fmt.Println(err)
			return
		}
	}

	for job, err := range c.Jobs(ctx, agent.ID, client.JobList{Metadata: map[string]string{"customer": "7"}, CreatedFrom: time.Now().Add(-time.Hour)}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(job.StatusCode, job.Metadata["customer"])
	}
	// Output: SUCCESS 7
}
