package storerow

import "github.com/stewardhq/steward"

// UsageRow returns a row of the books: the first and second column that tell it apart in its group, and the name of what the first
// stands for.
func UsageRow(g steward.UsageGroup, first, second, name string, t steward.Tally) steward.UsageRow {
	r := steward.UsageRow{Tally: t}
	switch g {
	case steward.UsageByDay:
		r.Day = first
	case steward.UsageByMonth:
		r.Month = first
	case steward.UsageByAgent:
		r.AgentID, r.AgentName = steward.AgentID(first), name
	case steward.UsageByModel:
		r.Model, r.Provider = first, second
	case steward.UsageByBatch:
		r.BatchID, r.BatchName = steward.BatchID(first), name
	}
	return r
}
