package storetest

import (
	"github.com/stewardhq/steward"
	"github.com/stewardhq/steward/internal/store"
)

func usageOfNoJob(f *fixture) {
	l := f.started()
	f.record(l, call("a", "m-1", "p", 7))
	booked := store.Booking{At: after(1), Model: "m-1", Provider: "p", Tally: steward.Tally{Calls: 1, InputTokens: 30, Cost: 5}}
	must(f.t, "Book", f.Book(f.ctx(), f.org, booked))
	must(f.t, "Book", f.Book(f.ctx(), f.org, booked))
	page := f.usage(store.UsageQuery{Group: steward.UsageByAgent})
	want(f.t, "rows", len(page.Rows), 2)
	want(f.t, "cost of all", page.Totals.Cost, 17)
	row := page.Rows[0]
	same(f.t, "the row of no agent", row, steward.UsageRow{Tally: steward.Tally{Calls: 2, InputTokens: 60, Cost: 10}})
	want(f.t, "the agent's cost", page.Rows[1].Cost, 7)
	want(f.t, "rows by model", len(f.usage(store.UsageQuery{Group: steward.UsageByModel}).Rows), 1)
	want(f.t, "rows by batch", len(f.usage(store.UsageQuery{Group: steward.UsageByBatch}).Rows), 1)
	for agent, cost := range map[steward.AgentID]steward.MicroUSD{"": 17, f.agent: 7} {
		spent, err := f.Spent(f.ctx(), f.org, agent, now())
		must(f.t, "Spent", err)
		want(f.t, "spent by "+string(agent), spent, cost)
	}
}
