package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stewardhq/steward/internal/app"
)

// loadText loads a configuration file of this text.
func loadText(t *testing.T, text string) (app.Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return app.Load(app.LoadParams{File: file, Getenv: func(string) string { return "" }})
}

func TestBudgetsOfDaysMonthsAndOrganizations(t *testing.T) {
	t.Parallel()
	const org = "01890000-0000-7000-8000-000000000001"
	c, err := loadText(t, `
store_traces: true
budget:
  organization_usd_per_day: 1
  organization_usd_per_month: 20.5
  agent_usd_per_month: 3
  organizations:
    `+org+`: {organization_usd_per_month: 100, agent_usd_per_day: 2}
`)
	if err != nil {
		t.Fatal(err)
	}
	b := c.Budget
	if !c.StoreTraces || b.OrganizationUSDPerDay != 1 || b.OrganizationUSDPerMonth != 20.5 || b.AgentUSDPerDay != 0 || b.AgentUSDPerMonth != 3 ||
		b.Organizations[org] != (app.BudgetAmounts{OrganizationUSDPerMonth: 100, AgentUSDPerDay: 2}) {
		t.Errorf("read %+v", b)
	}
	if shown := c.String(); !strings.Contains(shown, "organization_usd_per_month: 20.5") || !strings.Contains(shown, org) {
		t.Errorf("shown as %s", shown)
	}
	for text, says := range map[string]string{
		"budget: {organization_usd_per_month: -1}":                                      "budget.organization_usd_per_month: ",
		"budget: {agent_usd_per_month: .nan}":                                           "budget.agent_usd_per_month: ",
		"budget: {agent_usd_per_day: 5e-7}":                                             "budget.agent_usd_per_day: must be 0, which means no limit, or at least 0.000001",
		"budget: {organizations: {acme: {agent_usd_per_day: 1}}}":                       "budget.organizations.acme: must be the id",
		"budget: {organizations: {" + org + ": {agent_usd_per_day: -1}}}":               "budget.organizations." + org + ".agent_usd_per_day: ",
		"budget: {organizations: {" + org + ": {agent_usd: 1}}}":                        "agent_usd",
		"budget: {organizations: {" + org + ": {}, " + strings.ToUpper(org) + "x: {}}}": "must be the id",
	} {
		if _, err := loadText(t, text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", text, err, says)
		}
	}
	upper := strings.ReplaceAll(org, "01890000", "ABCDEF00")
	if _, err := loadText(t, "budget: {organizations: {"+upper+": {}, "+strings.ToLower(upper)+": {}}}"); err == nil || !strings.Contains(err.Error(), "named twice") {
		t.Errorf("an organization that is named twice: %v", err)
	}
}
