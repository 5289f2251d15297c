package steward

import "time"

// Tally adds up what calls used.
type Tally struct {
	Calls            int64    `json:"calls"`
	InputTokens      int64    `json:"input_tokens"`
	CachedTokens     int64    `json:"cached_tokens"`      // part of InputTokens read from providers' caches
	CacheWriteTokens int64    `json:"cache_write_tokens"` // part of InputTokens written into providers' caches
	OutputTokens     int64    `json:"output_tokens"`
	ReasoningTokens  int64    `json:"reasoning_tokens"` // part of OutputTokens
	Cost             MicroUSD `json:"cost_micro_usd"`   // of the calls whose price is known
	UnpricedCalls    int64    `json:"unpriced_calls"`   // calls whose price is unknown; Cost does not hold them

	// CostUSD is Cost in US dollars. Answers of the API carry it; Add leaves it alone.
	CostUSD float64 `json:"cost"`
}

// TallyOf returns what one step adds to the books. ok is false for a step that is in none: one that is no model call and cost nothing.
func TallyOf(s *Step) (t Tally, ok bool) {
	u := s.Usage
	switch {
	case s.Kind == StepModel && u.Cost == nil:
		t.UnpricedCalls = 1
	case s.Kind != StepModel && (u.Cost == nil || *u.Cost == 0):
		return t, false
	}
	t.Calls = 1
	t.InputTokens, t.CachedTokens, t.CacheWriteTokens = u.InputTokens, u.CachedTokens, u.CacheWriteTokens
	t.OutputTokens, t.ReasoningTokens = u.OutputTokens, u.ReasoningTokens
	if u.Cost != nil {
		t.Cost = *u.Cost
	}
	return t, true
}

// Add adds v to t.
func (t *Tally) Add(v Tally) {
	t.Calls += v.Calls
	t.InputTokens += v.InputTokens
	t.CachedTokens += v.CachedTokens
	t.CacheWriteTokens += v.CacheWriteTokens
	t.OutputTokens += v.OutputTokens
	t.ReasoningTokens += v.ReasoningTokens
	t.Cost += v.Cost
	t.UnpricedCalls += v.UnpricedCalls
}

// UsageGroup says what the rows of a usage report stand for.
type UsageGroup string

// What usage can be added up by.
const (
	UsageByDay   UsageGroup = "day" // UTC
	UsageByMonth UsageGroup = "month"
	UsageByAgent UsageGroup = "agent"
	UsageByModel UsageGroup = "model" // and provider
	UsageByBatch UsageGroup = "batch"
)

// UsageGroups returns all of them.
func UsageGroups() []UsageGroup {
	return []UsageGroup{UsageByDay, UsageByMonth, UsageByAgent, UsageByModel, UsageByBatch}
}

// UsageRow is what was used by one day, month, agent, model or batch: the fields of that group are set, the others empty.
type UsageRow struct {
	Day       string  `json:"day,omitempty"`   // such as 2026-01-31
	Month     string  `json:"month,omitempty"` // such as 2026-01
	AgentID   AgentID `json:"agent_id,omitempty"`
	AgentName string  `json:"agent_name,omitempty"` // also of an agent that was deleted since
	Model     string  `json:"model,omitempty"`      // "" for what is not asked of a model
	Provider  string  `json:"provider,omitempty"`   // "" when unknown
	BatchID   BatchID `json:"batch_id,omitempty"`   // "" for the runs outside of batches
	BatchName string  `json:"batch_name,omitempty"`
	Tally
}

// UsageReport is a page of an organization's books, days and months by date with the newest first, the others by falling cost.
type UsageReport struct {
	Page[UsageRow]
	From    string       `json:"from"` // first day (UTC)
	To      string       `json:"to"`   // last day, which counts
	GroupBy UsageGroup   `json:"group_by"`
	Totals  Tally        `json:"totals"`  // of all rows of all pages
	Budgets []BudgetLine `json:"budgets"` // what the server's configuration allows; never nil, empty without limits
}

// BudgetLine is a limit of the server's configuration and what of it is left. Amounts are US dollars.
type BudgetLine struct {
	Scope    BudgetScope  `json:"scope"`
	Period   BudgetPeriod `json:"period"`
	AgentID  AgentID      `json:"agent_id,omitempty"` // for BudgetAgent
	Limit    float64      `json:"limit"`
	Spent    float64      `json:"spent"`
	Left     float64      `json:"left"`      // never below 0
	ResetsAt time.Time    `json:"resets_at"` // when the next day or month begins
}

// BudgetScope says whose budget it is.
type BudgetScope string

// Whose budgets there are.
const (
	BudgetOrganization BudgetScope = "organization"
	BudgetAgent        BudgetScope = "agent"
)

// BudgetPeriod says how long a budget lasts, in UTC.
type BudgetPeriod string

// How long budgets last.
const (
	BudgetDay   BudgetPeriod = "day"
	BudgetMonth BudgetPeriod = "month"
)
